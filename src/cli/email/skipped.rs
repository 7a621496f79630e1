//! `email list --skipped`: what was delivered and is no email.

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

/// Lists them, newest first.
pub fn list(account: Option<&str>, limit: u32, ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        actor.require_admin("email list --skipped")?;
        let only = account.map(|name| context::account(tx, name)).transpose()?.map(|account| account.id);
        let names: Vec<(i64, String)> = accounts::all(tx)?.into_iter().map(|a| (a.id, a.name)).collect();
        let rows = deliveries::without_email(tx, only, limit.into())?;
        Ok(rows.iter().map(|delivery| cells(&names, delivery)).collect())
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
