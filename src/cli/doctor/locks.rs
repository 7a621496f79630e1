//! Who keeps others waiting: the locks of accounts and of the outbox, and the database itself.

use anyhow::Result;
use jiff::SignedDuration;

use super::Finding;
use crate::cli::busy;
use crate::cli::context::Context;
use crate::error::Kind;
use crate::holder::Holder;
use crate::lock;
use crate::store::accounts;

/// Everything that is held by a process that will not let go of it by itself, or has held it for too long.
pub fn look(ctx: &Context) -> Result<Vec<Finding>> {
    let accounts = ctx.read(|tx, _| accounts::all(tx))?;
    let name_of = |name: &str| {
        let account = accounts.iter().find(|account| lock::of_account(account.id) == name);
        account.map_or_else(|| name.to_owned(), |account| format!("account {}", account.name))
    };
    let mut findings: Vec<Finding> =
        busy::held(&ctx.place).iter().filter_map(|(name, holder)| judge(&name_of(name), holder, ctx)).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("locks", "no process is waiting"));
    }
    Ok(findings)
}

fn judge(what: &str, holder: &Holder, ctx: &Context) -> Option<Finding> {
    let text = format!("{what} is held by {}", busy::told(holder));
    if holder.is_stuck() {
        return Some(Finding::fail("locks", Kind::TempFail, text, holder.hint()));
    }
    let most = SignedDuration::try_from(ctx.config.max_runtime).unwrap_or(SignedDuration::MAX);
    let is_late = holder.since.is_some_and(|since| ctx.now().duration_since(since) > most);
    is_late.then(|| Finding::warn("locks", text, holder.hint()))
}
