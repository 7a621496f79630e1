//! A draft as somebody read it.

use anyhow::Result;

use crate::error;
use crate::store::db::Tx;
use crate::store::emails::{self, EmailStatus};
use crate::store::sight::Sight;

/// A draft as it was read, so that nobody writes over what somebody else did to it since, and nobody sends it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub email_id: i64,
    /// Its source then.
    pub raw_id: i64,
}

/// The email of a draft, if it is as it was read.
pub(super) fn unchanged(tx: &Tx<'_>, kept: Kept) -> Result<i64> {
    let id = kept.email_id;
    let what = match emails::by_id(tx, id, Sight::Everything)? {
        Some(email) if email.status != EmailStatus::Draft => "was sent",
        Some(email) if email.raw_id != Some(kept.raw_id) => "was changed",
        Some(_) => return Ok(id),
        None => "was deleted",
    };
    Err(error::data(format!("draft {id}: {what} meanwhile"))
        .hint(format!("see it as it is: espomail email show {id}"))
        .into())
}
