//! `email list --skipped`: what was delivered and is no email.

use std::cmp::Reverse;

use anyhow::Result;

use crate::cli::context::{self, Context};
use crate::store::accounts;
use crate::store::deliveries::{self, Delivery};
use crate::ui::cell::{Cell, Column};

/// Fields of rows of the ledger in their order. The id is that of the quarantine.
pub const COLUMNS: &[Column] = &[
    Column::new("id", "ID").right(),
    Column::new("received_at", "AGE").right(),
    Column::new("account", "ACCOUNT"),
    Column::new("folder", "FOLDER").shrinking(),
    Column::new("uid", "UID").right(),
    Column::new("outcome", "OUTCOME"),
    Column::new("reason", "REASON").shrinking(),
    Column::new("size", ""),
    Column::new("email", "EMAIL").right(),
];

/// Lists them, newest first: of all accounts, or of those that a user owns.
pub fn list(account: Option<&str>, limit: u32, ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        let only = account.map(|name| context::known_account(tx, actor, name)).transpose()?;
        let mut managed = accounts::all(tx)?;
        managed.retain(|account| actor.manages(account) && only.as_ref().is_none_or(|only| only.id == account.id));
        if managed.is_empty() {
            actor.require_admin("email list --skipped of accounts that are not yours")?;
        }
        let names: Vec<(i64, String)> = managed.into_iter().map(|a| (a.id, a.name)).collect();
        let mut rows = Vec::new();
        for (id, _) in &names {
            rows.extend(deliveries::without_email(tx, *id, limit.into())?);
        }
        rows.sort_by_key(|delivery| Reverse(delivery.id));
        Ok(rows.iter().take(limit.try_into()?).map(|delivery| cells(&names, delivery)).collect())
    })?;
    ctx.ui.list("skipped", COLUMNS, rows)
}

fn cells(names: &[(i64, String)], delivery: &Delivery) -> Vec<Cell> {
    let account = names.iter().find(|(id, _)| *id == delivery.account_id);
    vec![
        Cell::int(delivery.id),
        Cell::time(delivery.received_at),
        account.map_or_else(Cell::none, |(_, name)| Cell::text(name)),
        delivery.folder.as_deref().map_or_else(Cell::none, Cell::text),
        delivery.uid.map_or_else(Cell::none, |uid| Cell::int(uid.into())),
        Cell::text(delivery.outcome.as_str()),
        Cell::text(&delivery.reason),
        Cell::int(delivery.size),
        delivery.email_id.map_or_else(Cell::none, Cell::int),
    ]
}
