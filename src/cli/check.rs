//! `espomail check`: one line for a monitoring system, with the exit codes of its plugins (0, 1, 2, 3).

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::context::{ACCOUNT_OF_OTHERS, Context};
use crate::access::Actor;
use crate::error::Ended;
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::store::{deliveries, outbox};

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Critical: an account was not fetched well for so long
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = super::duration)]
    max_age: Duration,
    /// Warning: more messages than this in the quarantine
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_quarantine: i64,
    /// Critical: mail waits in the outbox for so long
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = super::duration)]
    max_outbox_age: Duration,
}

/// What is found, and how bad it is.
#[derive(Debug, Default)]
struct Findings {
    critical: Vec<String>,
    warning: Vec<String>,
    /// For graphs, after the bar.
    figures: Vec<String>,
}

/// Runs `check`. A database that cannot be read is UNKNOWN, whatever the reason.
pub fn run(args: &CheckArgs, ctx: &Context) -> Result<()> {
    let looked = ctx.read(|tx, actor| look(tx, actor, args, ctx.now()));
    let (code, word, found) = match looked {
        Err(error) => (3, "UNKNOWN", Findings { warning: vec![format!("{error:#}")], ..Findings::default() }),
        Ok(found) if !found.critical.is_empty() => (2, "CRITICAL", found),
        Ok(found) if !found.warning.is_empty() => (1, "WARNING", found),
        Ok(found) => (0, "OK", found),
    };
    let Findings { mut critical, warning, figures } = found;
    critical.extend(warning);
    let said = if critical.is_empty() { "all accounts are fetched".to_owned() } else { critical.join("; ") };
    // The bar belongs to the format.
    let said = said.replace(['|', '\n'], " ");
    let figures = if figures.is_empty() { String::new() } else { format!(" | {}", figures.join(" ")) };
    ctx.ui.text(&format!("ESPOMAIL {word} - {said}{figures}"))?;
    if code == 0 { Ok(()) } else { Err(Ended(code).into()) }
}

/// Monitoring hears of all accounts, but of those that the actor does not know of neither name nor reason.
fn look(tx: &Tx<'_>, actor: &Actor, args: &CheckArgs, now: Timestamp) -> Result<Findings> {
    let mut found = Findings::default();
    let mut quarantined = 0;
    for account in accounts::all(tx)?.iter().filter(|account| account.active) {
        quarantined += deliveries::counts(tx, account.id, now)?.quarantined;
        let named = Named::of(tx, actor, account)?;
        found.critical.extend(trouble(account, args, now)?.map(|(what, why)| named.says(what, &why)));
        let folders = accounts::folders(tx, account.id)?;
        let failing = folders.iter().filter(|folder| !folder.failure.is_empty());
        found
            .warning
            .extend(failing.map(|f| named.says("a folder fails".to_owned(), &format!("{}: {}", f.name, f.failure))));
        if account.breaker_tripped_at.is_some() {
            found.warning.push(named.says("automatic replies are stopped".to_owned(), ""));
        }
    }
    let (waiting, uncertain) = outbox::waiting_and_uncertain(tx)?;
    let oldest = outbox::oldest_waiting(tx)?.map(|since| now.duration_since(since)).unwrap_or_default();
    if oldest > SignedDuration::try_from(args.max_outbox_age)? {
        found.critical.push(format!("mail waits in the outbox for {}", minutes(oldest)));
    }
    if uncertain > 0 {
        found.warning.push(format!("{uncertain} in the outbox uncertain"));
    }
    if quarantined > args.max_quarantine {
        found.warning.push(format!("{quarantined} in the quarantine"));
    }
    found.figures = vec![
        format!("quarantine={quarantined};{}", args.max_quarantine),
        format!("outbox={waiting}"),
        format!("uncertain={uncertain}"),
        format!("oldest={}s", oldest.as_secs()),
    ];
    Ok(found)
}

/// An account by the name that the actor may hear.
struct Named<'a>(Option<&'a str>);

impl<'a> Named<'a> {
    fn of(tx: &Tx<'_>, actor: &Actor, account: &'a Account) -> Result<Named<'a>> {
        Ok(Named(actor.knows_account(tx, account)?.then_some(account.name.as_str())))
    }

    fn says(&self, what: String, why: &str) -> String {
        match (self.0, why) {
            (None, _) => format!("{ACCOUNT_OF_OTHERS}: {what}"),
            (Some(name), "") => format!("account {name}: {what}"),
            (Some(name), why) => format!("account {name}: {what}: {why}"),
        }
    }
}

/// What is wrong with an account that is in use, and why.
fn trouble(account: &Account, args: &CheckArgs, now: Timestamp) -> Result<Option<(String, String)>> {
    let health = &account.health;
    let good = health.last_good_at.unwrap_or(account.created_at);
    let age = now.duration_since(good);
    let why = if health.failing_since.is_some() { health.failure.clone() } else { String::new() };
    Ok(if account.imap.host.is_some() && age > SignedDuration::try_from(args.max_age)? {
        Some((format!("not fetched for {}", minutes(age)), why))
    } else if health.send_failing_since.is_some() {
        Some(("cannot send".to_owned(), health.send_failure.clone()))
    } else {
        None
    })
}

fn minutes(age: SignedDuration) -> String {
    format!("{} min", age.as_mins())
}
