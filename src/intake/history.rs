//! Mail of an archive (B2.12): it is kept, and linked where it belongs, and nothing follows from it: no case, no reply,
//! no notification, and no case changes its status or waits for anybody because of it.

use anyhow::Result;

use super::case::{self, Mail};
use super::notify;
use super::parent::{self, Found};
use super::world::World;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::ParentType;

/// Links an email to the case of its thread or to the record of its people (B4), which is all that happens to it.
/// Nobody finds it unread.
pub(super) fn link(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<()> {
    let subject_tags = account.kind == AccountKind::Group && account.cases.create_case;
    let found = parent::find(tx, world, mail.sender, mail.message, subject_tags)?;
    emails::decide(tx, mail.email_id, "parent", &found.reason, world.now)?;
    attach(tx, world, mail, &found)?;
    emails::set_read_by_all(tx, mail.email_id)?;
    emails::decide(tx, mail.email_id, "case", "no flow: history, by import", world.now)
}

fn attach(tx: &Tx<'_>, world: &World<'_>, mail: &Mail<'_>, found: &Found) -> Result<()> {
    let Some(record) = found.parent else { return Ok(()) };
    let verified = found.verified || record.kind != ParentType::Case;
    match record.kind {
        ParentType::Case => case::attach(tx, record.id, mail.email_id, verified)?,
        _ => emails::set_parent(tx, mail.email_id, record, true)?,
    }
    let what = Mail { verified, ..*mail }.remark().map(|what| format!(", {what}")).unwrap_or_default();
    notify::email_note(tx, world, record, mail.email_id, mail.sender, &format!("history{what}"))
}
