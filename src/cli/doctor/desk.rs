//! What the database tells of the runs so far: the clock, `fetch`, the accounts and the outbox.

use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::cli::account::doubts;
use crate::cli::context::Context;
use crate::cli::{check, cron, host};
use crate::error::Kind;
use crate::holder;
use crate::intake::concerns::{self, Concern, Level, Limits, Watched};
use crate::moment;
use crate::store::accounts::Account;
use crate::store::{deliveries, hosts, instance, outbox};

/// Without a fetch for so long nothing seems to start it.
const FETCH_SILENT: SignedDuration = SignedDuration::from_mins(15);
/// Refused letters are told for so long.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// As `check` without flags.
const LIMITS: Limits = Limits { account: Duration::from_secs(900), outbox: Duration::from_secs(3_600), quarantine: 0 };

/// Looks at what the runs so far have left.
pub fn look(ctx: &Context) -> Result<Vec<Finding>> {
    let now = ctx.now();
    let here = holder::host();
    let (times, accounts, queue, quarantined, fetchers) = ctx.read(|tx, _| {
        let accounts = check::watched(tx, now)?;
        let mut quarantined = 0;
        for one in &accounts {
            quarantined += deliveries::counts(tx, one.account.id, now)?.quarantined;
        }
        let times = (instance::last_times(tx)?.0, instance::written_ahead(tx)?);
        Ok((
            times,
            accounts,
            outbox::queue(tx, &moment::last(LATELY, now), now)?,
            quarantined,
            hosts::fetchers(tx, &here)?,
        ))
    })?;
    let test = |account: &Account| {
        host::there(&fetchers, account.id, &here, &format!("espomail account test {}", account.name))
    };
    let (fetched, latest) = times;
    let mut findings = vec![clock(latest, ctx)];
    let of_accounts: Vec<(&Watched, Vec<Concern>)> =
        accounts.iter().map(|one| (one, concerns::of_account(one, &LIMITS, now))).collect();
    findings.push(fetch(fetched, &accounts, &test, ctx));
    for (one, found) in of_accounts {
        findings.extend(found.into_iter().map(|concern| {
            let is_of_host = !concern.why.is_empty() && concern.why == one.account.health.failure;
            let on = if is_of_host { host::on(&fetchers, one.account.id) } else { String::new() };
            let step =
                if is_of_host { test(&one.account) } else { format!("espomail account test {}", one.account.name) };
            of_account(one, &Concern { why: concern.why.clone() + &on, ..concern }, step)
        }));
    }
    findings.extend(system_account(&accounts, ctx));
    for one in accounts.iter().filter(|one| one.in_use) {
        let doubts = ctx.read(|tx, _| doubts::doubts_of(tx, &one.account, ctx))?;
        let of_secrets = doubts::of_secrets(&one.account, ctx);
        findings.extend(doubts.into_iter().map(|doubt| {
            let step = if of_secrets.contains(&doubt) { test(&one.account) } else { String::new() };
            Finding::warn(&one.account.name, doubt, step)
        }));
    }
    // A clock that ran ahead has its own line.
    let desk = concerns::of_desk(&accounts, &queue, quarantined, false, &LIMITS, now);
    findings.extend(desk.into_iter().map(|concern| finding("database", Kind::TempFail, &concern, String::new())));
    Ok(findings)
}

/// Whether notices go out as the configuration says.
fn system_account(accounts: &[Watched], ctx: &Context) -> Option<Finding> {
    let name = ctx.config.system_account.as_ref()?;
    let (what, hint) = match accounts.iter().find(|one| one.account.name.eq_ignore_ascii_case(name)) {
        None => ("there is no such account", "name one of `espomail account list` in the configuration".to_owned()),
        Some(one) if !one.in_use => ("it is disabled", format!("espomail account enable {name}, or another account")),
        Some(one) if one.account.smtp.host.is_none() => {
            ("it has no SMTP server", format!("espomail account edit {name} --smtp HOST"))
        }
        Some(_) => return None,
    };
    let text = format!("{name}: {what}, so another account sends notices");
    Some(Finding::fail("system_account", Kind::Config, text, hint))
}

fn clock(latest: Option<Timestamp>, ctx: &Context) -> Finding {
    match latest.filter(|at| moment::is_ahead(*at, ctx.now())) {
        None => Finding::ok("clock", ctx.ui.local_time(ctx.now())),
        Some(at) => {
            let text = format!("{} stands in the database, so it is wrong now or was then", ctx.ui.local_time(at));
            let set = "turn on time synchronisation: timedatectl set-ntp true";
            let hint = match ctx.place.server() {
                None => format!("set the clock and {set}"),
                Some(_) => format!(
                    "`espomail host list` tells whose clock is wrong; there, {set}; if none is, this ends at that time"
                ),
            };
            Finding::fail("clock", Kind::Config, text, hint)
        }
    }
}

/// Whether something starts `fetch`, and whether what it starts works.
fn fetch(
    fetched: Option<Timestamp>,
    accounts: &[Watched],
    test: &dyn Fn(&Account) -> String,
    ctx: &Context,
) -> Finding {
    let is_failing = |one: &&Watched| one.in_use && one.account.health.failing_since.is_some();
    let failing: Vec<&Account> = accounts.iter().filter(is_failing).map(|one| &one.account).collect();
    match fetched {
        None => Finding::warn("fetch", "never", cron::advice(ctx)),
        Some(at) if ctx.now().duration_since(at) > FETCH_SILENT => {
            Finding::warn("fetch", format!("last {} ago", ctx.ui.age(at)), cron::advice(ctx))
        }
        Some(at) if failing.is_empty() => Finding::ok("fetch", format!("last {} ago", ctx.ui.age(at))),
        Some(at) => {
            let names: Vec<&str> = failing.iter().map(|account| account.name.as_str()).collect();
            let text = format!("ran {} ago and failed for {}", ctx.ui.age(at), names.join(", "));
            Finding::warn("fetch", text, failing.first().map(|first| test(first)).unwrap_or_default())
        }
    }
}

fn of_account(one: &Watched, concern: &Concern, test: String) -> Finding {
    let name = &one.account.name;
    let kind = Kind::by_name(&one.account.health.failure_kind).unwrap_or(Kind::TempFail);
    let next = Some(&concern.next).filter(|next| !next.is_empty()).cloned();
    finding(name, kind, concern, next.unwrap_or(test))
}

fn finding(check: &str, kind: Kind, concern: &Concern, hint: String) -> Finding {
    match concern.level {
        Level::Critical => Finding::fail(check, kind, concern.told(), hint),
        Level::Warning => Finding::warn(check, concern.told(), hint),
    }
}
