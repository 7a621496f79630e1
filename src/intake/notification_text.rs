//! What notifications say.

use anyhow::Result;

use crate::store::db::Tx;
use crate::store::emails::{self, Email};
use crate::store::notifications::{Notification, NotificationKind};
use crate::store::records;
use crate::store::sight::Sight;
use crate::store::stream;

/// What a notification says of an email on a record, and (`None`) of one that its reader may not read.
pub fn email_line(label: &str, email: Option<&Email>) -> String {
    match email {
        Some(email) => {
            let taken = if email.automatic.is_empty() { "" } else { ", taken for automatic mail" };
            format!("{label}: mail from {}{taken}", email.with_way(&email.author().address))
        }
        None => format!("new e-mail on {label}"),
    }
}

/// A notification as its reader is told of it now: where they may not read the email any more, no more than that there
/// is one.
pub fn as_told(tx: &Tx<'_>, row: Notification, sight: Sight) -> Result<Notification> {
    let Some(email_id) = row.email_id.filter(|_| sight != Sight::Everything) else { return Ok(row) };
    if emails::by_id(tx, email_id, sight)?.is_some() {
        return Ok(row);
    }
    let text = match row.parent {
        Some(parent) if row.kind == NotificationKind::Email => email_line(&records::label(tx, parent)?, None),
        _ => stream::HIDDEN.to_owned(),
    };
    Ok(Notification { email_id: None, text, ..row })
}
