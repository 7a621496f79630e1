//! `email list --skipped`: deliveries that did not become an email.

use std::cmp::Reverse;

use anyhow::Result;

use crate::cli::context::{self, Context};
use crate::cli::page::{self, Page};
use crate::store::accounts;
use crate::store::deliveries::{self, Delivery};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// A row of the ledger with its account.
pub type Skipped = (Delivery, (i64, String));

/// Fields of rows of the ledger in their order. The id is that of the quarantine.
pub const COLUMNS: &[Column<Skipped>] = &[
    Column::new("id", head("ID").right(), |(row, _), _| Cell::int(row.id)),
    Column::new("received_at", head("AGE").right(), |(row, _), _| Cell::time(row.received_at)),
    Column::new("account", head("ACCOUNT"), |(_, account), _| Cell::named(account.0, &account.1)),
    Column::new("folder", head("FOLDER").shrinking(), |(row, _), _| Cell::opt_text(row.folder.as_deref())),
    Column::new("uid", head("UID").right(), |(row, _), _| Cell::opt_int(row.uid.map(i64::from))),
    Column::new("outcome", head("OUTCOME"), |(row, _), _| Cell::text(row.outcome.as_str())),
    Column::new("reason", head("REASON").shrinking(), |(row, _), _| Cell::text(&row.reason)),
    Column::new("size", unlisted(), |(row, _), _| Cell::int(row.size)),
    Column::new("email", head("EMAIL").right(), |(row, _), _| Cell::opt_int(row.email_id)),
];

/// Lists them, newest first: of all accounts, or of those that a user owns.
pub fn list(account: Option<&str>, page: Page, ctx: &Context) -> Result<()> {
    let (rows, total) = ctx.read(|tx, actor| {
        let only = account.map(|name| context::known_account(tx, actor, name)).transpose()?;
        let mut managed = accounts::all(tx)?;
        managed.retain(|account| actor.manages(account) && only.as_ref().is_none_or(|only| only.id == account.id));
        if managed.is_empty() {
            actor.require_admin("email list --skipped for accounts that are not yours")?;
        }
        let mut rows: Vec<Skipped> = Vec::new();
        for account in &managed {
            let of_account = deliveries::without_email(tx, account.id, page.to_read())?.into_iter();
            rows.extend(of_account.map(|delivery| (delivery, (account.id, account.name.clone()))));
        }
        rows.sort_by_key(|(delivery, _)| Reverse(delivery.id));
        Ok(page.first(rows))
    })?;
    ctx.ui.list("skipped", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    Ok(())
}
