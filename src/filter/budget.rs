//! What a search may cost, and what came of one: the words in which patterns and [`super::effort`] speak of it.

/// About a nanosecond of work.
pub(super) type Steps = u64;

/// Steps for all searches of the global filters on one message.
pub(super) const GLOBAL: Steps = 28_000_000;

/// A part of a pattern that has a whole store to itself.
pub(super) const ALONE: Steps = GLOBAL;

/// What beginning with another text costs, in bytes of it.
pub(super) const EACH_TEXT: usize = 64;

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// In the text of this number.
    At(usize),
    /// In none.
    Nowhere,
    /// It was given up before the end.
    CutOff,
}

/// Maximum number of bytes of a text.
pub(super) fn beginning(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// Steps that ten bytes cost at most where a plain piece is searched: a long one is searched by another method.
pub(super) fn per_ten_bytes(needle: usize) -> Steps {
    if needle < 32 { 12 } else { 48 }
}
