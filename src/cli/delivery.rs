//! What became of mail on its way, as other commands show it: recipients with the server's words, addresses that do not
//! exist.

use anyhow::Result;
use serde_json::{Value, json};

use crate::access::Actor;
use crate::mail::address::Mailbox;
use crate::mail::bcc;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::invalid_addresses::InvalidAddress;
use crate::store::outbox::{self, Recipient};
use crate::store::raw;
use crate::ui::cell::Cell;

/// Recipients of an email that was sent from here; a draft is sent to nobody yet. Bcc is known to its sender and admins only (B1.5).
pub fn recipients(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Vec<Recipient>> {
    if email.status == EmailStatus::Draft {
        return Ok(Vec::new());
    }
    recipients_once(tx, actor, email)
}

/// The same, also of a draft that was to be sent once.
pub fn recipients_once(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Vec<Recipient>> {
    let mut all = outbox::recipients_of_email(tx, email.id)?;
    if !knows_bcc(actor, email) {
        let hidden = emails::addresses(tx, email.id, Field::Bcc)?;
        all.retain(|recipient| !hidden.iter().any(|mailbox| mailbox.address == recipient.address));
    }
    Ok(all)
}

/// The source of an email, or of another text of it, as this actor may see it: without Bcc, unless they know it.
pub fn source(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Vec<u8>> {
    seen(actor, email, emails::bytes(tx, email)?)
}

/// The same of another text of it.
pub fn variant(tx: &Tx<'_>, actor: &Actor, email: &Email, raw_id: i64) -> Result<Vec<u8>> {
    seen(actor, email, raw::bytes(tx, raw_id)?)
}

fn seen(actor: &Actor, email: &Email, bytes: Vec<u8>) -> Result<Vec<u8>> {
    Ok(if knows_bcc(actor, email) { bytes } else { bcc::without(&bytes) })
}

/// Who got our email unseen, as far as the actor may know; the source of one has no Bcc. `None` = what its source
/// says.
pub fn bcc(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Option<Vec<Mailbox>>> {
    let ours = email.is_ours() && knows_bcc(actor, email);
    if ours { emails::addresses(tx, email.id, Field::Bcc).map(Some) } else { Ok(None) }
}

fn knows_bcc(actor: &Actor, email: &Email) -> bool {
    let is_sender = actor.user_id().is_some() && actor.user_id() == email.user_id;
    is_sender || actor.require_admin("Bcc").is_ok()
}

/// Each recipient with state and words; `report` is the email by which the message came back.
pub fn recipients_cell(recipients: &[Recipient]) -> Cell {
    let json = |Recipient { address, state, reply, bounce_id }: &Recipient| json!({"address": address, "state": state, "reply": reply, "report": bounce_id});
    let json: Vec<Value> = recipients.iter().map(json).collect();
    if json.is_empty() {
        Cell::none()
    } else {
        Cell::object(Value::Array(json), &recipients_shown(recipients).replace("; ", "\n"))
    }
}

/// The same as people see it.
pub fn recipients_shown(recipients: &[Recipient]) -> String {
    let shown = recipients.iter().map(|Recipient { address, state, reply, bounce_id }| {
        let report = bounce_id.map(|id| format!(", report: email {id}")).unwrap_or_default();
        let words = if reply.is_empty() { String::new() } else { format!(" ({reply}{report})") };
        format!("{address} {state}{words}")
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// Addresses that do not exist, with the reason.
pub fn invalid_cell(invalid: &[InvalidAddress]) -> Cell {
    let mut json = Vec::new();
    let mut shown = Vec::new();
    for InvalidAddress { address, reason, since } in invalid {
        json.push(json!({"address": address, "reason": reason, "since": since.to_string()}));
        shown.push(format!("{address} ({reason})"));
    }
    Cell::object(Value::Array(json), &shown.join("; "))
}
