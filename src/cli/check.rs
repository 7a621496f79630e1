//! `espomail check`: one line for a monitoring system, with the exit codes of its plugins (0, 1, 2, 3).

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::busy::{self, Stuck};
use super::context::{ACCOUNT_OF_OTHERS, Context};
use super::host;
use crate::access::Actor;
use crate::error::Ended;
use crate::holder;
use crate::intake::concerns::{self, Concern, Idle, Level, Limits, Watched};
use crate::intake::fetch;
use crate::lock;
use crate::moment;
use crate::store::accounts::{self, certificates};
use crate::store::db::{Busy, Tx};
use crate::store::{deliveries, disk, hosts, instance, junk, outbox, sent_copies, server_actions};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::output::Ui;

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Critical if an account could not fetch or send for this long; a warning before that
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "15m",
        allow_hyphen_values = true,
        value_parser = super::duration
    )]
    max_age: Duration,
    /// Warn about more messages than this in the quarantine
    #[arg(long, value_name = "N", default_value_t = 0, allow_hyphen_values = true, value_parser = clap::value_parser!(i64).range(0..))]
    max_quarantine: i64,
    /// Critical if mail has been due in the outbox for this long
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        allow_hyphen_values = true,
        value_parser = super::duration
    )]
    max_outbox_age: Duration,
}

/// Refused letters are told for so long.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// What is said on the one line.
#[derive(Default)]
pub struct Report {
    /// Exit code.
    code: u8,
    text: String,
    concerns: Vec<String>,
    /// `None` = nothing could be looked at.
    figures: Option<Figures>,
}

/// For graphs, after the bar.
struct Figures {
    quarantined: i64,
    waiting: i64,
    scheduled: i64,
    uncertain: i64,
    refused: i64,
    oldest: i64,
    quarantine_limit: i64,
}

/// Fields of `check` in their order.
pub const COLUMNS: &[Column<Report>] = &[
    Column::new("state", head("State"), |report, _| Cell::text(&report.word().to_lowercase())),
    Column::new("exit", unlisted(), |report, _| Cell::int(report.code.into())),
    Column::new("text", unlisted(), |report, _| Cell::text(&report.text)),
    Column::new("concerns", unlisted(), |report, _| Cell::words(&report.concerns)),
    Column::new("quarantined", unlisted(), |report, _| report.figure(|figures| figures.quarantined)),
    Column::new("outbox_waiting", unlisted(), |report, _| report.figure(|figures| figures.waiting)),
    Column::new("outbox_scheduled", unlisted(), |report, _| report.figure(|figures| figures.scheduled)),
    Column::new("outbox_uncertain", unlisted(), |report, _| report.figure(|figures| figures.uncertain)),
    Column::new("outbox_refused", unlisted(), |report, _| report.figure(|figures| figures.refused)),
    Column::new("outbox_oldest_seconds", unlisted(), |report, _| report.figure(|figures| figures.oldest)),
];

impl Report {
    fn word(&self) -> &'static str {
        match self.code {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            _ => "UNKNOWN",
        }
    }

    fn figure(&self, figure: fn(&Figures) -> i64) -> Cell {
        Cell::opt_int(self.figures.as_ref().map(figure))
    }

    fn of(level: Option<Level>, text: String, concerns: Vec<String>, figures: Option<Figures>) -> Report {
        let code = match level {
            None => 0,
            Some(Level::Warning) => 1,
            Some(Level::Critical) => 2,
        };
        Report { code, text, concerns, figures }
    }
}

/// Runs `check`.
pub fn run(args: &CheckArgs, ctx: &Context) -> Result<()> {
    let limits = Limits { account: args.max_age, outbox: args.max_outbox_age, quarantine: args.max_quarantine };
    let disk = disk::look_at(&ctx.place).map(|disk| [disk.troubles(), disk.state.into_iter().collect()].concat());
    let mut grave: Vec<String> =
        disk.unwrap_or_default().into_iter().filter(|one| one.is_grave).map(|one| one.what).collect();
    let stuck = busy::stuck(&ctx.place);
    let looked = ctx.store().and_then(|store| {
        let unwritable =
            store.takes_no_writes()?.then(|| format!("{} is read-only: mail is neither fetched nor sent", ctx.place));
        grave.extend(unwritable);
        grave.extend(store.stands_still()?);
        let own = own_clock(hosts::clock_ahead(&store, &Timestamp::now)?, &limits, &holder::host());
        let of_hosts = store.read(|tx| Ok(host::trouble::of(&hosts::list(tx)?, ctx.config.max_runtime)))?;
        let of_hosts = of_hosts.iter().map(|trouble| (Level::Warning, trouble.told()));
        let grave = own.into_iter().chain(grave).map(|what| (Level::Critical, what));
        let of_place = grave.chain(of_hosts).collect();
        store.read(|tx| look(tx, &ctx.actor(tx)?, of_place, &stuck, &limits, ctx.now()))
    });
    let report = looked.or_else(|error| held_up(&stuck, error))?;
    say(&ctx.ui, &report)?;
    if report.code == 0 { Ok(()) } else { Err(Ended::Code(report.code).into()) }
}

/// The exit code where nothing could be looked at.
pub const UNKNOWN: u8 = 3;

/// Says why nothing could be looked at; the exit code.
pub fn unknown(why: &str, ui: &Ui) -> u8 {
    // Nobody to tell where standard output is closed.
    let _ = say(ui, &Report { code: UNKNOWN, text: why.to_owned(), ..Report::default() });
    UNKNOWN
}

fn say(ui: &Ui, report: &Report) -> Result<()> {
    // The bar and the end of the line belong to the format.
    let text = report.text.trim().replace(['|', '\n'], " ");
    if ui.format.is_json() {
        return ui.object("check", COLUMNS, report);
    }
    let figures = report.figures.as_ref().map(|figures| format!(" | {}", figures.told())).unwrap_or_default();
    ui.text(&format!("ESPOMAIL {} - {text}{figures}", report.word()))
}

impl Figures {
    fn told(&self) -> String {
        [
            format!("quarantine={};{}", self.quarantined, self.quarantine_limit),
            format!("outbox={}", self.waiting),
            format!("scheduled={}", self.scheduled),
            format!("uncertain={}", self.uncertain),
            format!("refused={}", self.refused),
            format!("oldest={}s", self.oldest),
        ]
        .join(" ")
    }
}

/// The clock of this machine, where it is so wrong that accounts seem to be late, or to be in time.
fn own_clock(ahead: i64, limits: &Limits, here: &str) -> Option<String> {
    let most = i64::try_from(limits.account.as_millis()).unwrap_or(i64::MAX);
    let clock = host::trouble::clock(here, ahead).filter(|_| ahead.abs() > most)?;
    Some(format!("{}; what follows is by that clock", clock.told()))
}

/// A process that is stopped may keep even readers waiting.
fn held_up(stuck: &[Stuck], error: anyhow::Error) -> Result<Report> {
    if stuck.is_empty() || !error.chain().any(|cause| cause.is::<Busy>()) {
        return Err(error);
    }
    let text = stuck.iter().map(|one| one.told(&|_| None)).collect::<Vec<_>>().join("; ");
    let concerns = stuck.iter().map(|one| one.told(&|_| None)).collect();
    Ok(Report::of(Some(Level::Critical), text, concerns, None))
}

/// Monitoring hears of all accounts, but of those that the actor does not know of neither name nor reason.
fn look(
    tx: &Tx<'_>,
    actor: &Actor,
    place: Vec<(Level, String)>,
    stuck: &[Stuck],
    limits: &Limits,
    now: Timestamp,
) -> Result<Report> {
    let accounts = watched(tx, now)?;
    let queue = outbox::queue(tx, &moment::last(LATELY, now), now)?;
    let ahead = instance::written_ahead(tx)?.is_some_and(|at| moment::is_ahead(at, now));
    let fetchers = hosts::fetchers(tx, &holder::host())?;
    let mut found = place;
    let mut known = Vec::new();
    let mut quarantined = 0;
    for one in &accounts {
        // What lies in the quarantine waits also where the account was disabled.
        quarantined += deliveries::counts(tx, one.account.id, now)?.quarantined;
        let name = actor.knows_account(tx, &one.account)?.then_some(one.account.name.as_str());
        known.extend(name.map(|name| (lock::of_account(one.account.id), name)));
        let concerns = concerns::of_account(one, limits, now).into_iter().map(|concern| {
            let is_of_host = !concern.why.is_empty() && concern.why == one.account.health.failure;
            let on = if is_of_host { host::on(&fetchers, one.account.id) } else { String::new() };
            (concern.level, told(name, &concern) + &on)
        });
        found.extend(concerns);
    }
    let name_of = |lock: &str| known.iter().find(|(name, _)| name == lock).map(|(_, name)| (*name).to_owned());
    found.extend(stuck.iter().map(|one| (Level::Critical, one.told(&name_of))));
    let desk = concerns::of_desk(&accounts, &queue, quarantined, ahead, limits, now);
    found.extend(desk.into_iter().map(|concern| (concern.level, concern.what)));
    found.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    let level = found.first().map(|(level, _)| *level);
    let texts: Vec<String> = found.into_iter().map(|(_, text)| text).collect();
    let text = if texts.is_empty() { concerns::all_is_well(&accounts) } else { texts.join("; ") };
    let figures = Figures {
        quarantined,
        waiting: queue.waiting,
        scheduled: queue.scheduled,
        uncertain: queue.uncertain,
        refused: queue.refused,
        oldest: concerns::waits_for(&queue, now).as_secs(),
        quarantine_limit: limits.quarantine,
    };
    Ok(Report::of(level, text, texts, Some(figures)))
}

/// Every account with what the database knows of it.
pub fn watched(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Watched>> {
    let resting = fetch::resting_owners(tx)?;
    let certificates = certificates::all(tx)?;
    let watch = |account: accounts::Account| {
        let folders = accounts::folders(tx, account.id)?.into_iter();
        Ok(Watched {
            in_use: account.active && account.user_id.is_none_or(|id| !resting.contains(&id)),
            failing_folders: folders.filter(|f| !f.failure.is_empty()).map(|f| (f.name, f.failure)).collect(),
            unsettled: server_actions::refusal(tx, account.id)?,
            copies: sent_copies::waiting(tx, account.id)?.last_error,
            idle: idle(tx, &account, now)?,
            certificates: certificates.iter().filter(|one| one.account_id == account.id).cloned().collect(),
            account,
        })
    };
    accounts::all(tx)?.into_iter().map(watch).collect()
}

/// What of an account seems to work and brings nothing.
pub fn idle(tx: &Tx<'_>, account: &accounts::Account, now: Timestamp) -> Result<Idle> {
    let day_ago = now - SignedDuration::from_hours(24);
    Ok(Idle {
        unexplained: if account.imap.host.is_some() { accounts::unexplained(tx, account.id)? } else { Vec::new() },
        automatic: outbox::automatic_failures(tx, account.id, day_ago)?,
        late: if account.imap.host.is_some() { deliveries::late(tx, account.id)? } else { Vec::new() },
        unfetchable: if account.imap.host.is_some() { deliveries::unfetchable(tx, account.id)? } else { 0 },
        junk: junk::stuck(tx, account.id)?.filter(|(_, words)| concerns::lacks_junk_folder(account, words)),
    })
}

/// A concern about an account by the name that the actor may hear.
fn told(name: Option<&str>, concern: &Concern) -> String {
    match (name, concern.next.as_str()) {
        (None, _) => format!("{ACCOUNT_OF_OTHERS}: {}", concern.what),
        (Some(name), "") => format!("account {name}: {}", concern.told()),
        (Some(name), next) => format!("account {name}: {} ({next})", concern.told()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_by_more_than_the_limit_of_accounts_is_told_before_them() {
        let limits = Limits { account: Duration::from_secs(900), outbox: Duration::from_secs(3_600), quarantine: 0 };
        let wrong = "the clock of web3 is 2 h ahead of that of the database server (on both: timedatectl set-ntp true); what follows is by that clock";
        for (ahead, expected) in [(7_200_000, Some(wrong)), (900_000, None), (-900_000, None), (0, None)] {
            assert_eq!(own_clock(ahead, &limits, "web3").as_deref(), expected, "{ahead}");
        }
        assert!(own_clock(-900_001, &limits, "web3").is_some_and(|told| told.contains("behind")));
    }
}
