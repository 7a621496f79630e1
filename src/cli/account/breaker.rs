//! `account breaker`: whether automatic replies are stopped.

use anyhow::Result;

use super::{Breaker, readable};
use crate::cli::context::{self, Context};
use crate::store::accounts::{self, Account};
use crate::ui::cell::{Cell, Column, head};
use crate::ui::outcome::Thing;

/// Fields of `account breaker` in their order.
pub const BREAKER_COLUMNS: &[Column<Account>] = &[
    Column::new("account", head("Account"), |account, _| Cell::named(account.id, &account.name)),
    Column::new("stopped", head("Stopped"), |account, _| Cell::bool(account.breaker_tripped_at.is_some())),
    Column::new("breaker_tripped_at", head("Since"), |account, _| Cell::opt_date_time(account.breaker_tripped_at)),
];

pub fn run(args: &Breaker, ctx: &Context) -> Result<()> {
    if !args.reset {
        let account = readable(&args.account, "account breaker", ctx)?;
        if !ctx.ui.for_people() {
            return ctx.ui.object("breaker", BREAKER_COLUMNS, &account);
        }
        let text = match account.breaker_tripped_at {
            Some(at) => format!("automatic replies are stopped since {}", ctx.ui.local_time(at)),
            None => "automatic replies are not stopped".to_owned(),
        };
        return ctx.ui.text(&text);
    }
    let account = ctx.write(|tx, actor| {
        let account = context::managed_account(tx, actor, "account breaker", &args.account)?;
        accounts::reset_breaker(tx, account.id, ctx.now())?;
        Ok(account)
    })?;
    let sentence = format!("account {}: automatic replies go on", account.name);
    ctx.done(Thing::account(account.id, &account.name), &sentence)
}
