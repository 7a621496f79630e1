//! Fields that go with the next release. They keep their types until then.

use super::types::Type::{Number, Text};
use super::types::{Type, WORDS, find};

/// A field that goes with the next release.
pub struct Old {
    pub result: &'static str,
    pub field: &'static str,
    /// What to read instead.
    pub instead: &'static str,
    kind: Type,
}

const fn old(result: &'static str, field: &'static str, instead: &'static str, kind: Type) -> Old {
    Old { result, field, instead, kind }
}

/// They keep their types, also where the field of that name has another one in other results.
pub const DEPRECATED: &[Old] = &[
    old("cases", "waiting_for", "waiting", Text),
    old("case", "waiting_for", "waiting", Text),
    old("cases", "name", "subject", Text),
    old("case", "name", "subject", Text),
    old("emails", "variants", "variant_count", Number),
    old("emails", "flagged", "remarks", Text),
    old("email", "flagged", "remarks", Text),
    old("exported-email", "flagged", "remarks", Text),
    old("accounts", "folders", "imap_folders", WORDS),
    old("account", "folders", "imap_folders", WORDS),
    old("users", "emails", "addresses", WORDS),
    old("user", "emails", "addresses", WORDS),
    old("records", "emails", "addresses", WORDS),
    old("record", "emails", "addresses", WORDS),
    old("result", "id", "the field of the noun", Number),
    old("error", "hint", "hints", Text),
];

fn deprecated(result: &str, field: &str) -> Option<&'static Old> {
    DEPRECATED.iter().find(|old| old.result == result && old.field == field)
}

/// What to read instead of a field that goes with the next release.
pub fn successor(result: &str, field: &str) -> Option<&'static str> {
    deprecated(result, field).map(|old| old.instead)
}

/// The type of a field of a result, in the words of `schema`.
pub fn of(result: &str, field: &str) -> String {
    let old = deprecated(result, field).map(|old| &old.kind);
    old.or_else(|| find(field)).map(ToString::to_string).unwrap_or_default()
}
