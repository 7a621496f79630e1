//! The rest of a message of which only the beginning was fetched (B2.8).

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::import::{self, Wants};
use crate::error::{self, Fault};
use crate::mail::reading::Reading;
use crate::net::MailSource;
use crate::store::accounts::{Account, AfterImport};
use crate::store::db::Tx;
use crate::store::deliveries::{self, Delivery};
use crate::store::emails::{self, Email};
use crate::store::raw::{self, Packed};
use crate::store::server_actions;
use crate::units;

/// A whole message as the server delivered it.
#[derive(Debug)]
pub struct Whole {
    raw: Vec<u8>,
    message: Reading,
}

impl Whole {
    /// Bytes.
    pub fn size(&self) -> usize {
        self.raw.len()
    }
}

/// Where an email of which there is only the beginning lies on servers: the delivery it was made of first.
pub fn places(tx: &Tx<'_>, email: &Email) -> Result<Vec<Delivery>> {
    let mut all = deliveries::of_email(tx, email.id)?;
    all.retain(|delivery| delivery.truncated && delivery.uid.is_some());
    all.sort_by_key(|delivery| delivery.raw_id != email.raw_id);
    Ok(all)
}

/// Asks the server for the whole message.
///
/// # Errors
/// The connection fails; the message is no longer there, or too large (data).
pub fn ask(source: &mut dyn MailSource, delivery: &Delivery, max_size: u64) -> Result<Whole> {
    let (Some(folder), Some(uid)) = (&delivery.folder, delivery.uid) else { return Err(anyhow!("it has no UID")) };
    let open = source.open(folder, true)?;
    if Some(open.uidvalidity) != delivery.uidvalidity {
        return Err(gone(&format!("folder {folder} was renumbered")).into());
    }
    let listed = if open.exists == 0 { Vec::new() } else { source.list_uids(&[uid])? };
    let Some(listed) = listed.first() else {
        return Err(gone(&format!("{folder} UID {uid} is no longer on the server")).into());
    };
    if listed.size > max_size {
        let limit = units::write_size(max_size);
        return Err(error::data(format!("it has {} bytes, more than {limit}", listed.size))
            .hint(format!("to fetch it all the same: --max-size {}MiB", (listed.size >> 20) + 1))
            .into());
    }
    let mut raw = None;
    source.fetch(&[uid], None, &mut |body| raw = Some(body.raw))?;
    let raw = raw.filter(|raw| !raw.is_empty()).ok_or_else(|| anyhow!("the server answered OK without the message"))?;
    Ok(Whole { message: import::read(&raw, &[], Wants::Nothing)?, raw })
}

fn gone(text: &str) -> Fault {
    error::data(text)
        .hint("the part that was fetched stays as it is; perhaps an older backup of the mailbox has the rest")
}

/// Puts the whole message in place of the beginning. What the account wants done on the server afterwards, which is
/// never done to a message that is not here whole, is planned now.
///
/// # Errors
/// It is another message (data).
pub fn put(
    tx: &Tx<'_>,
    account: &Account,
    email: &Email,
    delivery: &Delivery,
    whole: Whole,
    now: Timestamp,
) -> Result<()> {
    let Whole { raw, message } = whole;
    let beginning = email.raw_id.map(|id| raw::bytes(tx, id)).transpose()?.unwrap_or_default();
    if !raw.starts_with(&beginning) && !is_same(email, &message) {
        return Err(gone("the server has another message in its place").into());
    }
    let size = raw.len();
    let raw_id = raw::add(tx, &Packed::new(raw)?)?;
    let identity = &message.identity;
    if *identity != email.message_id {
        // The beginning may be delivered again: it is known by the name it had.
        emails::add_alias(tx, email.id, &email.message_id)?;
    }
    emails::replace_source(tx, email.id, raw_id, identity, &message)?;
    deliveries::complete(tx, delivery.id, raw_id)?;
    emails::remove_variant(tx, delivery.id)?;
    for old in [email.raw_id, delivery.raw_id].into_iter().flatten() {
        raw::delete_unused(tx, old)?;
    }
    if matches!(account.fetching.after_import, AfterImport::Delete | AfterImport::Move(_)) {
        server_actions::plan(tx, delivery.id, &account.fetching.after_import.to_string())?;
    }
    emails::decide(tx, email.id, "arrived", &format!("the rest, from {}: {size} bytes in all", account.name), now)
}

/// Some servers write a message again for every answer; its name, sender and date stay.
fn is_same(email: &Email, message: &Reading) -> bool {
    let from = message.from.first().map(|from| from.address.as_str()).unwrap_or_default();
    let date = |date: Option<Timestamp>| date.map(Timestamp::as_second);
    message.message_id.as_deref() == Some(&email.message_id)
        && from == email.from_address
        && date(message.date) == date(email.date)
}
