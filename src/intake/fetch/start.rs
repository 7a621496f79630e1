//! Where the poll of a folder starts.

use anyhow::Result;

use crate::intake::session_desk::Start;
use crate::store::accounts;
use crate::store::db::Tx;
use crate::store::deliveries;

/// What is known of a folder under this UIDVALIDITY.
pub(super) fn of(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32) -> Result<Option<Start>> {
    let known = accounts::folder(tx, account_id, folder)?.filter(|known| known.uidvalidity == Some(uidvalidity));
    let Some(known) = known else { return Ok(None) };
    let above = known.last_uid.saturating_add(1);
    Ok(Some(Start {
        last_uid: known.last_uid,
        past_uid: known.past_uid,
        messages: known.messages,
        known: deliveries::known_uids(tx, account_id, folder, uidvalidity, above)?,
    }))
}
