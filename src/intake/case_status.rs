//! The status of a case as people set it.

use anyhow::Result;

use super::world::World;
use crate::error;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::User;

/// Changes a status by hand, with its note.
///
/// # Errors
/// A merged case that is to be open: its mail goes elsewhere.
pub fn set(tx: &Tx<'_>, world: &World<'_>, case: &Case, status: CaseStatus, by: Option<&User>) -> Result<()> {
    if case.merged_into_id.is_some() && status.is_open() {
        return Err(error::data(format!("case #{}: was merged into another one and stays closed", case.number))
            .hint(format!("open the other one: espomail case history {}", case.number))
            .into());
    }
    cases::set_status(tx, case.id, status, world.now)?;
    let text = format!("{} -> {status}", case.status);
    let note = NewNote {
        parent: Parent::case(case.id),
        kind: NoteKind::Status,
        user_id: by.map(|u| u.id),
        email_id: None,
        text: &text,
    };
    stream::note(tx, note, world.now)?;
    Ok(())
}
