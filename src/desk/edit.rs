//! Changing the fields of a case.

use anyhow::Result;

use super::note;
use crate::access::Actor;
use crate::error;
use crate::intake::case::DESCRIPTION_MAX;
use crate::intake::case_status;
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseStatus, Priority};
use crate::store::db::Tx;
use crate::store::stream::NoteKind;

/// The longest subject given by hand, in characters: a line of a mail (RFC 5322, 2.1.1).
const SUBJECT_MAX: usize = 998;
/// The longest type, in characters.
const TYPE_MAX: usize = 100;

/// New values; `None` = as it is.
#[derive(Debug, Clone, Default)]
pub struct Edit<'a> {
    pub subject: Option<&'a str>,
    pub priority: Option<Priority>,
    pub status: Option<CaseStatus>,
    /// Free text; empty = none.
    pub case_type: Option<&'a str>,
    /// Description; empty = none.
    pub description: Option<&'a str>,
}

/// Changes fields of a case, each with its note; what is the same already is passed over.
///
/// # Errors
/// A value that cannot be, or a merged case that is to be open.
pub fn edit(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, edit: &Edit<'_>) -> Result<()> {
    let mut new = case.clone();
    if let Some(given) = edit.subject {
        new.name = subject(given)?;
    }
    if let Some(given) = edit.case_type {
        new.case_type = case_type(given)?;
    }
    if let Some(given) = edit.description {
        new.description = description(given)?;
    }
    new.priority = edit.priority.unwrap_or(case.priority);
    let changes = changes(case, &new);
    if !changes.is_empty() {
        cases::edit(tx, &new, world.now)?;
    }
    for text in changes {
        note(tx, world, actor, case, NoteKind::Edited, &text)?;
    }
    match edit.status.filter(|status| *status != case.status) {
        Some(status) => case_status::set(tx, world, case, status, actor.user()),
        None => Ok(()),
    }
}

/// One line for every field that differs.
fn changes(old: &Case, new: &Case) -> Vec<String> {
    let shown = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.to_owned() };
    let fields = [
        ("subject", shown(&old.name), shown(&new.name)),
        ("priority", old.priority.to_string(), new.priority.to_string()),
        ("type", shown(&old.case_type), shown(&new.case_type)),
    ];
    let differs = fields.into_iter().filter(|(_, old, new)| old != new);
    let mut lines: Vec<String> = differs.map(|(field, old, new)| format!("{field}: {old} -> {new}")).collect();
    if old.description != new.description {
        // A text of many lines would bury the rest of the history.
        lines.push("description: changed".to_owned());
    }
    lines
}

/// A subject as people give it.
pub(super) fn subject(given: &str) -> Result<String> {
    let subject = given.trim();
    if subject.is_empty() {
        return Err(error::usage("--subject: must not be empty").hint("give it with --subject 'TEXT'").into());
    }
    line("--subject", subject, SUBJECT_MAX)
}

/// A type as people give it.
pub(super) fn case_type(given: &str) -> Result<String> {
    line("--type", given.trim(), TYPE_MAX)
}

/// A description as people give it.
pub(super) fn description(given: &str) -> Result<String> {
    let text = given.trim();
    if text.chars().count() > DESCRIPTION_MAX {
        return Err(error::usage(format!("description: must be at most {DESCRIPTION_MAX} characters"))
            .hint("shorten it, or write the rest as notes: espomail case note N -F FILE")
            .into());
    }
    Ok(text.to_owned())
}

fn line(field: &str, given: &str, max: usize) -> Result<String> {
    if given.chars().any(char::is_control) || given.chars().count() > max {
        return Err(error::usage(format!("{field}: must be one line of at most {max} characters"))
            .hint("leave out line ends and other control characters")
            .into());
    }
    Ok(given.to_owned())
}
