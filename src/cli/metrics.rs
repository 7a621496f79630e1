//! `espomail metrics`: numbers for Prometheus, on standard output or in a file for the textfile collector of its node
//! exporter. That file is always whole, and says when it was written.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::context::Context;
use super::replaced;
use crate::intake::concerns;
use crate::moment;
use crate::oauth::client::Proof;
use crate::oauth::kept::{self, Kept};
use crate::oauth::{Client, jwt};
use crate::store::accounts::certificates::{self, Certificate};
use crate::store::accounts::{self, Account};
use crate::store::db::{self, Tx};
use crate::store::deliveries::{self, Counts};
use crate::store::hosts::{self, Known};
use crate::store::outbox::{self, Queue};
use crate::store::{cases, disk, instance};
use crate::ui::exposition::{self, Metric};

/// `metrics`
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Write to this file for the node exporter; it is replaced in one step
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
}

/// What is new, and letters that were refused, are counted for so long.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// What the database tells.
struct Facts {
    accounts: Vec<(Account, Counts)>,
    queue: Queue,
    cases: Vec<(String, i64)>,
    /// The machines of a database on a server.
    hosts: Vec<Known>,
    recorded: i64,
    last_fetch: Option<Timestamp>,
    last_backup: Option<Timestamp>,
    certificates: Vec<Certificate>,
}

/// Runs `metrics`.
pub fn run(args: &MetricsArgs, ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    let (facts, now) = (store.read(|tx| look(tx, ctx))?, ctx.now());
    let mut metrics = of_desk(&facts, now);
    metrics.extend(of_accounts(&facts.accounts));
    metrics.push(of_certificates(&facts));
    metrics.extend(of_sign_ins(&facts.accounts, ctx));
    metrics.extend(of_hosts(&facts.hosts));
    let free = disk::look_at(&ctx.place).ok().and_then(|disk| i64::try_from(disk.free).ok());
    metrics.push(Metric::gauge("espomail_database_bytes", "Size of the database").only(Some(store.size()?)));
    metrics.push(
        Metric::gauge("espomail_disk_free_bytes", "Space left where the database or the state directory is").only(free),
    );
    let page = exposition::page(&metrics);
    match &args.textfile {
        None => ctx.ui.text(page.trim_end()),
        Some(file) if file.as_os_str() == "-" => ctx.ui.text(page.trim_end()),
        Some(file) if ctx.dry_run => ctx.rehearsed(&format!("metrics are written to {}", file.display())),
        Some(file) => {
            // The node exporter is another user.
            replaced::replace("--textfile", file, page.as_bytes(), Some(0o644), ctx)?;
            ctx.ui.verbose(1, &format!("metrics written to {}", file.display()));
            Ok(())
        }
    }
}

fn look(tx: &Tx<'_>, ctx: &Context) -> Result<Facts> {
    ctx.actor(tx)?.require_admin("metrics")?;
    let now = ctx.now();
    let count = |account: Account| Ok((deliveries::counts(tx, account.id, now - LATELY)?, account));
    let accounts = accounts::all(tx)?.into_iter().map(count).collect::<Result<Vec<_>>>()?;
    let (last_fetch, last_backup) = instance::last_times(tx)?;
    Ok(Facts {
        accounts: accounts.into_iter().map(|(counts, account)| (account, counts)).collect(),
        queue: outbox::queue(tx, &moment::last(LATELY, now), now)?,
        cases: cases::open_by_status(tx)?
            .into_iter()
            .map(|(status, count)| (status.as_str().to_lowercase(), count))
            .collect(),
        hosts: hosts::list(tx)?,
        recorded: deliveries::newest(tx)?.unwrap_or_default(),
        last_fetch,
        last_backup,
        certificates: certificates::all(tx)?,
    })
}

fn of_desk(facts: &Facts, now: Timestamp) -> Vec<Metric> {
    let Facts { queue, .. } = facts;
    let mut build = Metric::gauge("espomail_build_info", "Version of the program and of the database");
    build.add(&[("version", env!("CARGO_PKG_VERSION")), ("database", &db::VERSION.to_string())], Some(1));
    let mut outbox = Metric::gauge("espomail_outbox_messages", "Messages in the outbox by their state");
    let due = queue.waiting - queue.scheduled;
    for (state, count) in
        [("waiting", due), ("scheduled", queue.scheduled), ("uncertain", queue.uncertain), ("failed", queue.failed)]
    {
        outbox.add(&[("state", state)], Some(count));
    }
    let mut open = Metric::gauge("espomail_cases_open", "Open cases by their status");
    for (status, count) in &facts.cases {
        open.add(&[("status", status)], Some(*count));
    }
    vec![
        build,
        Metric::gauge("espomail_metrics_timestamp_seconds", "When these numbers were read").only(Some(at(now))),
        Metric::gauge("espomail_last_fetch_timestamp_seconds", "End of the last fetch").only(facts.last_fetch.map(at)),
        Metric::gauge("espomail_last_backup_timestamp_seconds", "When the last backup was made")
            .only(facts.last_backup.map(at)),
        Metric::counter(
            "espomail_messages_recorded_total",
            "Messages that the ledger has recorded, by its last number",
        )
        .only(Some(facts.recorded)),
        outbox,
        Metric::gauge("espomail_outbox_oldest_seconds", "For how long the oldest message is due that waits")
            .only(Some(concerns::waits_for(queue, now).as_secs())),
        Metric::gauge("espomail_outbox_refused_messages", "Messages that a server refused for good within 24 hours")
            .only(Some(queue.refused)),
        open,
    ]
}

fn of_accounts(accounts: &[(Account, Counts)]) -> Vec<Metric> {
    let mut enabled = Metric::gauge("espomail_account_enabled", "1 = the account is in use");
    let mut good = Metric::gauge("espomail_account_last_success_timestamp_seconds", "End of the last good run");
    let mut failures = Metric::gauge("espomail_account_consecutive_failures", "Failed runs in a row");
    let mut sending =
        Metric::gauge("espomail_account_send_failing_since_timestamp_seconds", "Since when it cannot send");
    let mut new = Metric::gauge("espomail_account_new_messages", "Messages that came within 24 hours");
    let mut quarantine = Metric::gauge("espomail_account_quarantined_messages", "Messages in the quarantine");
    let mut missing =
        Metric::gauge("espomail_account_unfetchable_messages", "Messages that its server lists and does not deliver");
    for (account, counts) in accounts {
        let labels = [("account", account.name.as_str()), ("kind", account.kind.as_str())];
        let health = &account.health;
        enabled.add(&labels, Some(i64::from(account.active)));
        good.add(&labels, health.last_good_at.map(at));
        failures.add(&labels, Some(i64::from(health.failed_runs)));
        sending.add(&labels, health.send_failing_since.map(at));
        new.add(&labels, Some(counts.new));
        quarantine.add(&labels, Some(counts.quarantined));
        missing.add(&labels, Some(counts.unfetchable));
    }
    vec![enabled, good, failures, sending, new, quarantine, missing]
}

/// The certificates that the last connections showed; no connection is made for them.
fn of_certificates(facts: &Facts) -> Metric {
    let mut ends = Metric::gauge(
        "espomail_account_certificate_end_timestamp_seconds",
        "When the certificate of its mail server ends, as the last connection showed",
    );
    for (account, _) in &facts.accounts {
        for one in facts.certificates.iter().filter(|one| one.account_id == account.id) {
            let labels = [
                ("account", account.name.as_str()),
                ("kind", account.kind.as_str()),
                ("protocol", one.served.as_str()),
            ];
            ends.add(&labels, Some(at(one.ends)));
        }
    }
    ends
}

/// Sign-ins by access tokens, without asking an issuer.
fn of_sign_ins(accounts: &[(Account, Counts)], ctx: &Context) -> Vec<Metric> {
    let mut renewed = Metric::gauge("espomail_account_token_renewed_timestamp_seconds", "When its token was renewed");
    let mut failing = Metric::gauge("espomail_account_token_failing", "1 = the last renewal of its token failed");
    let mut ends = Metric::gauge(
        "espomail_account_client_end_timestamp_seconds",
        "When the client secret or the certificate of its sign-in ends",
    );
    for (account, _) in accounts {
        let Some(Ok(client)) = account.oauth().map(|profile| Client::of(&ctx.config, account, profile)) else {
            continue;
        };
        let labels = [("account", account.name.as_str()), ("kind", account.kind.as_str())];
        ends.add(&labels, client_ends(&client, ctx).map(at));
        let kept = kept::read(&client.token_file(&ctx.place, account.id), "").ok().flatten();
        let Some(kept) = kept.filter(|kept: &Kept| kept.is_of(&client)) else { continue };
        renewed.add(&labels, kept.renewed_at);
        failing.add(&labels, Some(i64::from(kept.failure.is_some())));
    }
    vec![renewed, failing, ends]
}

/// A copy of a machine can have its name: the one that was seen last counts then. A file has none.
fn of_hosts(hosts: &[Known]) -> Vec<Metric> {
    let mut seen = Metric::gauge("espomail_host_last_seen_timestamp_seconds", "When a machine was seen last");
    let mut leases = Metric::gauge("espomail_host_leases", "Accounts that a machine fetches or sends for");
    let mut left = Metric::gauge("espomail_host_leases_left", "Accounts that a machine has not given back in time");
    let mut deaths = Metric::counter("espomail_host_deaths_total", "Runs of a machine that died at a message");
    let mut clock = Metric::gauge(
        "espomail_host_clock_ahead_seconds",
        "How far the clock of a machine is ahead of that of the database server",
    );
    let newest = |name: &str| hosts.iter().filter(|host| host.name == name).max_by_key(|host| (host.seen_at, host.id));
    for host in hosts.iter().filter(|host| newest(&host.name).is_some_and(|newest| newest.id == host.id)) {
        let labels = [("host", host.name.as_str())];
        let held = |is_over: bool| host.holds.iter().filter(|held| (held.left <= 0) == is_over).count();
        let count = |is_over| i64::try_from(held(is_over)).ok();
        seen.add(&labels, Some(at(host.seen_at)));
        leases.add(&labels, count(false));
        left.add(&labels, count(true));
        deaths.add(&labels, Some(host.deaths));
        clock.add_milliseconds(&labels, host.clock_ahead);
    }
    vec![seen, leases, left, deaths, clock]
}

/// When what shows who the client is ends, where that is known.
fn client_ends(client: &Client, ctx: &Context) -> Option<Timestamp> {
    if let Proof::Certificate { certificate, .. } = &client.proof {
        return jwt::thumb(&fs::read(certificate).ok()?).ok()?.ends;
    }
    let profile = ctx.config.oauth.get(&client.name).filter(|_| !client.is_own)?;
    Some(profile.client_secret_expires?.in_tz("UTC").ok()?.timestamp())
}

fn at(moment: Timestamp) -> i64 {
    moment.as_second()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hosts::{Held, Work};

    #[test]
    fn machines_are_told_by_name_and_one_that_has_the_name_of_another_counts_once() {
        let second = |second| Timestamp::from_second(second).unwrap_or_default();
        let held = |left| {
            let (account, since) = ("support".to_owned(), second(1));
            Held { work: Work::Fetch, account_id: 1, account, process: 12, since, age: 5, left }
        };
        let host =
            |id, name: &str, seen| Known { id, name: name.to_owned(), seen_at: second(seen), ..Known::default() };
        let busy = Known { holds: vec![held(9), held(-9), held(9)], deaths: 2, ..host(1, "web1", 100) };
        let hosts = [busy, host(2, "web2", 50), Known { clock_ahead: Some(-1_500), ..host(3, "web2", 90) }];
        let page = exposition::page(&of_hosts(&hosts));
        let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "espomail_host_last_seen_timestamp_seconds{host=\"web1\"} 100",
                "espomail_host_last_seen_timestamp_seconds{host=\"web2\"} 90",
                "espomail_host_leases{host=\"web1\"} 2",
                "espomail_host_leases{host=\"web2\"} 0",
                "espomail_host_leases_left{host=\"web1\"} 1",
                "espomail_host_leases_left{host=\"web2\"} 0",
                "espomail_host_deaths_total{host=\"web1\"} 2",
                "espomail_host_deaths_total{host=\"web2\"} 0",
                "espomail_host_clock_ahead_seconds{host=\"web2\"} -1.500",
            ]
        );
        assert_eq!(exposition::page(&of_hosts(&[])), "", "a file has no machines");
    }
}
