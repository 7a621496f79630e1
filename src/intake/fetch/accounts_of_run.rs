//! Which accounts a run of `fetch` polls.

use std::collections::HashSet;

use anyhow::Result;

use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::store::users;

/// The accounts a run without names polls: active, with IMAP, and, if personal, of an active owner (B2.1).
pub fn pollable(tx: &Tx<'_>) -> Result<Vec<Account>> {
    let resting = resting_owners(tx)?;
    let mut all = accounts::all(tx)?;
    all.retain(|a| a.active && a.imap.host.is_some() && a.user_id.is_none_or(|id| !resting.contains(&id)));
    Ok(all)
}

/// Users who are disabled: their accounts rest.
pub fn resting_owners(tx: &Tx<'_>) -> Result<HashSet<i64>> {
    Ok(users::all(tx)?.into_iter().filter(|user| !user.active).map(|user| user.id).collect())
}
