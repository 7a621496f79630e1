//! What a part is by itself: text or an attachment.

use super::file_name;
use crate::mail::message::parts::Part;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Html,
    Attachment,
}

/// A part with a name is a file, unless it is one of several forms of the same text.
pub(super) fn kind(parts: &[Part<'_>], index: usize) -> Kind {
    let Some(part) = parts.get(index) else { return Kind::Attachment };
    let named = part.parent.is_some() && file_name(part).is_some() && !is_a_form(parts, index);
    if part.opaque || named || part.disposition.value == "attachment" {
        return Kind::Attachment;
    }
    match part.media.value.as_str() {
        "text/plain" => Kind::Plain,
        "text/html" | "application/xhtml+xml" => Kind::Html,
        _ => Kind::Attachment,
    }
}

/// Directly in a multipart/alternative, or the first part of a multipart/related, which the others belong to.
fn is_a_form(parts: &[Part<'_>], index: usize) -> bool {
    let parent = parts.get(index).and_then(|part| part.parent);
    let kind = parent.and_then(|at| parts.get(at)).map(|parent| parent.media.value.as_str());
    match kind {
        Some("multipart/alternative") => true,
        Some("multipart/related") => parent.is_some_and(|at| at + 1 == index),
        _ => false,
    }
}

/// The outermost multipart/alternative a part is in.
pub(super) fn alternative(parts: &[Part<'_>], index: usize) -> Option<usize> {
    let parent = |index: usize| parts.get(index).and_then(|part| part.parent);
    let ancestors = std::iter::successors(parent(index), |at| parent(*at));
    ancestors.filter(|at| parts.get(*at).is_some_and(|part| part.media.value == "multipart/alternative")).last()
}
