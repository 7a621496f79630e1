//! How accounts are shown: never a secret, only where it comes from.

use anyhow::Result;

use super::listed::{self, Listed};
use super::{auto_reply, cases, fetching, identity, oauth, personal, sending, servers};
use crate::cli::context::{self, Context};
use crate::store::accounts;
use crate::ui::cell::Column;

/// Fields of accounts in their order, group by group. `account show` has a label for each of them.
pub const COLUMNS: &[&[Column<Listed>]] = &[
    identity::LISTED,
    servers::LISTED,
    cases::LISTED,
    auto_reply::LISTED,
    identity::COLUMNS,
    servers::IMAP,
    oauth::COLUMNS,
    fetching::COLUMNS,
    cases::COLUMNS,
    auto_reply::COLUMNS,
    servers::SMTP,
    identity::STATE,
    personal::COLUMNS,
    sending::COLUMNS,
];

/// `account list`.
pub fn list(ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        let mut rows = Vec::new();
        for account in accounts::all(tx)? {
            if actor.knows_account(tx, &account)? {
                rows.push(listed::read(tx, actor, account)?);
            }
        }
        Ok(rows)
    })?;
    ctx.ui.list("accounts", &COLUMNS.concat(), &rows)
}

/// `account show`.
pub fn one(name: &str, ctx: &Context) -> Result<()> {
    let row = ctx.read(|tx, actor| listed::read(tx, actor, context::known_account(tx, actor, name)?))?;
    ctx.ui.object("account", &COLUMNS.concat(), &row)
}
