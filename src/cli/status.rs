//! `espomail status`: does it work, and what needs somebody.

use anyhow::Result;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::context::{self, Context};
use super::{busy, check, cron, host, ping};
use crate::access::Actor;
use crate::holder;
use crate::intake::concerns;
use crate::lock;
use crate::store::accounts::{self, Account, certificates};
use crate::store::db::{self, Tx};
use crate::store::deliveries::{self, Counts};
use crate::store::emails;
use crate::store::hosts::{self, Fetcher};
use crate::store::outbox::{self, OutboxState};
use crate::store::{instance, restored, sent_copies};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::tint::Tint;

/// `status`
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// An account and how it is.
pub struct Row {
    account: Account,
    counts: Counts,
    /// The worst first.
    troubles: Vec<Trouble>,
    copies: i64,
    /// The machine that fetched it last, where there are several.
    host: Option<String>,
}

impl Row {
    /// The worst trouble, or how an account works that has none.
    fn state(&self) -> &str {
        self.troubles.first().map_or_else(|| at_work(&self.account), |trouble| &trouble.what)
    }
}

/// Fields of `status` in their order.
pub const COLUMNS: &[Column<Row>] = &[
    Column::new("account", head("ACCOUNT").key(), |row, _| Cell::named(row.account.id, &row.account.name)),
    Column::new("kind", head("KIND"), |row, _| Cell::text(row.account.kind.as_str())),
    Column::new("last_good_at", head("LAST GOOD").right(), |row, _| {
        let never = if row.account.imap.host.is_some() { "never" } else { "-" };
        row.account.health.last_good_at.map_or_else(|| Cell::object(serde_json::Value::Null, never), Cell::ago)
    }),
    Column::new("new_24h", head("NEW 24H").right(), |row, _| Cell::int(row.counts.new)),
    Column::tinted(
        "state",
        head("STATE").wrapping(),
        |row, _| Cell::text(row.state()),
        |row, _| {
            let is_failing =
                row.account.health.failing_since.is_some() || row.account.health.send_failing_since.is_some();
            (!row.troubles.is_empty()).then_some(if is_failing { Tint::Failing } else { Tint::Doubtful })
        },
    ),
    Column::new("failing_since", unlisted(), |row, _| Cell::opt_date_time(row.account.health.failing_since)),
    Column::new("failed_runs", unlisted(), |row, _| Cell::int(row.account.health.failed_runs.into())),
    Column::new("failure", unlisted(), |row, _| Cell::text(&row.account.health.failure)),
    Column::new("quarantined", unlisted(), |row, _| Cell::int(row.counts.quarantined)),
    Column::new("unfetchable", unlisted(), |row, _| Cell::int(row.counts.unfetchable)),
    Column::new("sent_copies", unlisted(), |row, _| Cell::int(row.copies)),
    Column::new("host", unlisted(), |row, _| Cell::opt_text(row.host.as_deref())),
    Column::new("troubles", unlisted(), |row, _| {
        let told: Vec<&str> = row.troubles.iter().map(|trouble| trouble.what.as_str()).collect();
        Cell::object(serde_json::json!(told), &told.join("; "))
    }),
];

/// What `status` says of the desk as a whole.
#[derive(Default)]
pub struct Whole {
    outbox: [i64; 3],
    quarantined: i64,
    undecided: i64,
    last_fetch: Option<Timestamp>,
    last_backup: Option<Timestamp>,
    /// Sentences that need somebody.
    troubles: Vec<String>,
}

/// Facts of the desk in their order.
pub const WHOLE_COLUMNS: &[Column<Whole>] = &[
    Column::new("outbox_waiting", unlisted(), |whole, _| Cell::int(whole.outbox[0])),
    Column::new("outbox_uncertain", unlisted(), |whole, _| Cell::int(whole.outbox[1])),
    Column::new("outbox_failed", unlisted(), |whole, _| Cell::int(whole.outbox[2])),
    Column::new("quarantined", unlisted(), |whole, _| Cell::int(whole.quarantined)),
    Column::new("unverified", unlisted(), |whole, _| Cell::int(whole.undecided)),
    Column::new("last_fetch_at", unlisted(), |whole, _| Cell::opt_date_time(whole.last_fetch)),
    Column::new("last_backup_at", unlisted(), |whole, _| Cell::opt_date_time(whole.last_backup)),
    Column::new("troubles", unlisted(), |whole, _| Cell::words(&whole.troubles)),
    Column::new("version", unlisted(), |_, _| Cell::text(env!("CARGO_PKG_VERSION"))),
    Column::new("database_version", unlisted(), |_, _| Cell::int(db::VERSION.into())),
];

/// Without a fetch for so long the system's crontab is asked about.
const CRON_SILENT: SignedDuration = SignedDuration::from_mins(15);

/// Runs `status`.
pub fn run(_args: &StatusArgs, ctx: &Context) -> Result<()> {
    let (rows, whole, stuck) = ctx.read(|tx, actor| {
        let day_ago = ctx.now() - SignedDuration::from_hours(24);
        let mut rows = Vec::new();
        let mut counts = Counts::default();
        let (mut steps, mut known) = (Vec::new(), Vec::new());
        let fetchers = hosts::fetchers(tx, &holder::host())?;
        for account in accounts::all(tx)? {
            if !actor.knows_account(tx, &account)? {
                continue;
            }
            let own = deliveries::counts(tx, account.id, day_ago)?;
            counts.quarantined += own.quarantined;
            let troubles = troubles(tx, ctx, &account, &fetchers)?;
            steps.extend(further(&account, &troubles));
            let copies = sent_copies::waiting(tx, account.id)?.count;
            known.push((lock::of_account(account.id), account.name.clone()));
            let host = fetchers.iter().find(|one| one.account_id == account.id).map(|one| one.host.clone());
            rows.push(Row { account, counts: own, troubles, copies, host });
        }
        let mut whole = whole(tx, ctx, actor, counts, steps)?;
        let name_of = |lock: &str| known.iter().find(|(name, _)| name == lock).map(|(_, name)| name.clone());
        let stuck: Vec<String> = busy::stuck(&ctx.place).iter().map(|one| one.told(&name_of)).collect();
        whole.troubles.splice(0..0, stuck.iter().map(|line| context::capitalised(line)));
        Ok((rows, whole, stuck))
    })?;
    ctx.ui.list_with("status", COLUMNS, &rows, ctx.ui.fields(WHOLE_COLUMNS, &whole))?;
    if ctx.ui.tells_people() {
        return lines(&whole, ctx).iter().try_for_each(|line| ctx.ui.text(line));
    }
    if ctx.ui.for_people() {
        return Ok(());
    }
    // Programs have their table; a process that keeps others waiting is told all the same.
    stuck.iter().for_each(|line| ctx.ui.concern(line));
    Ok(())
}

/// What is wrong with an account, and the command that comes next; empty = there is none for this alone.
struct Trouble {
    what: String,
    next: String,
}

impl Trouble {
    fn new(what: String) -> Trouble {
        Trouble { what, next: String::new() }
    }
}

/// The state of an account with which nothing is wrong.
fn at_work(account: &Account) -> &'static str {
    match (account.active, account.imap.host.is_some(), account.health.last_good_at) {
        (false, ..) => "disabled",
        (true, false, _) => "sends only",
        (true, true, None) => "never fetched",
        (true, true, Some(_)) => "ok",
    }
}

/// What is wrong with an account that is in use, the worst first.
fn troubles(tx: &Tx<'_>, ctx: &Context, account: &Account, fetchers: &[Fetcher]) -> Result<Vec<Trouble>> {
    let (health, mut found) = (&account.health, Vec::new());
    if !account.active {
        return Ok(found);
    }
    if let Some(since) = health.failing_since {
        let runs = health.failed_runs;
        let (since, runs_of) = (ctx.ui.local_time(since), if runs == 1 { "run" } else { "runs" });
        let on = host::on(fetchers, account.id);
        let what = format!("failing since {since} ({runs} {runs_of}): {}{on}", health.failure);
        found.push(Trouble::new(what));
    }
    if let Some(since) = health.send_failing_since {
        let since = ctx.ui.local_time(since);
        found.push(Trouble::new(format!("cannot send since {since}: {}", health.send_failure)));
    }
    let copies = sent_copies::waiting(tx, account.id)?;
    if !copies.last_error.is_empty() {
        let text = format!("copies of sent mail wait ({}): {}", copies.count, copies.last_error);
        found.push(Trouble::new(text));
    }
    for folder in accounts::folders(tx, account.id)?.iter().filter(|folder| !folder.failure.is_empty()) {
        let text = concerns::of_folder(&folder.name, &folder.failure);
        // What made the account fail has been said.
        if health.failing_since.is_none() || !health.failure.contains(&folder.failure) {
            found.push(Trouble::new(text));
        }
    }
    let certificates: Vec<_> = certificates::all(tx)?.into_iter().filter(|one| one.account_id == account.id).collect();
    let ending = concerns::ending(&certificates, ctx.now());
    found.extend(ending.iter().map(|one| Trouble::new(one.told())));
    let mut idle = check::idle(tx, account, ctx.now())?;
    // Each of these is named.
    let late = std::mem::take(&mut idle.late);
    let concerns = concerns::idle(&account.name, &idle);
    found.extend(concerns.into_iter().map(|one| Trouble { what: one.told(), next: one.next }));
    found.extend(late.iter().map(|late| Trouble::new(concerns::cut_off(late))));
    Ok(found)
}

fn whole(tx: &Tx<'_>, ctx: &Context, actor: &Actor, counts: Counts, steps: Vec<String>) -> Result<Whole> {
    let (last_fetch, last_backup) = instance::last_times(tx)?;
    let mut troubles = Vec::new();
    if accounts::all(tx)?.is_empty() {
        troubles.push("No account yet: espomail account add".to_owned());
    }
    troubles.extend(restoration(tx, ctx, actor)?);
    let of_hosts = host::troubles(tx, actor, "status", ctx)?;
    troubles.extend(of_hosts.iter().map(|trouble| context::capitalised(&trouble.told())));
    troubles.extend(steps);
    if actor.require_admin("status").is_ok() {
        troubles.extend(pings(ctx));
    }
    if last_fetch.is_none_or(|at| ctx.now().duration_since(at) > CRON_SILENT) {
        troubles.push(format!("Last fetch: {}; {}", ago(last_fetch, ctx), cron::quick_advice(ctx)));
    }
    Ok(Whole {
        outbox: outbox_rows(tx, ctx, actor)?,
        quarantined: counts.quarantined,
        undecided: emails::count_undecided(tx, actor.sight())?,
        last_fetch,
        last_backup,
        troubles,
    })
}

/// That a service which should hear of runs does not.
fn pings(ctx: &Context) -> Option<String> {
    let kept = ping::kept(ctx);
    ping::failing(ctx, &kept).map(|failing| {
        let (since, last) = (ctx.ui.local_time(failing.since), ctx.ui.age(failing.last));
        format!("Pings fail since {since}, the last one {last} ago: {} (espomail doctor)", failing.why)
    })
}

fn ago(moment: Option<Timestamp>, ctx: &Context) -> String {
    moment.map_or("never".to_owned(), |moment| format!("{} ago", ctx.ui.age(moment)))
}

/// What people read below the table.
fn lines(whole: &Whole, ctx: &Context) -> Vec<String> {
    let Whole { outbox: [waiting, uncertain, failed], quarantined, undecided, .. } = whole;
    let hint = |count: i64, command: &str| if count > 0 { format!(" ({command})") } else { String::new() };
    let failed_too = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
    let mut lines = vec![format!(
        "Outbox {waiting} waiting, {uncertain} uncertain{failed_too}{} · Quarantine {quarantined}{} · Last backup {}",
        hint(uncertain + failed, "espomail outbox list"),
        hint(*quarantined, "espomail quarantine list"),
        ago(whole.last_backup, ctx)
    )];
    if *undecided > 0 {
        let mails = if *undecided == 1 { "unverified mail waits" } else { "unverified mails wait" };
        lines.push(format!("{undecided} {mails} for a decision (espomail email list is:unverified)"));
    }
    lines.extend(whole.troubles.iter().cloned());
    lines
}

/// What the table does not show of an account: one line for each trouble after the first, and for each that somebody can
/// do something about.
fn further(account: &Account, troubles: &[Trouble]) -> Vec<String> {
    let name = &account.name;
    let mut lines: Vec<String> = Vec::new();
    for (at, Trouble { what, next }) in troubles.iter().enumerate() {
        match next.as_str() {
            "" if at == 0 => {}
            "" => lines.push(format!("{name}: {what}")),
            next => lines.push(format!("{name}: {what} ({next})")),
        }
    }
    if account.breaker_tripped_at.is_some() {
        lines.push(format!("Automatic replies of {name} are stopped (espomail account breaker {name} --reset)"));
    }
    lines
}

/// What a database says that came from a backup (B2.14), for as long as somebody has to do with it.
fn restoration(tx: &Tx<'_>, ctx: &Context, actor: &Actor) -> Result<Option<String>> {
    const TOLD: SignedDuration = SignedDuration::from_hours(7 * 24);
    if actor.require_admin("status").is_err() {
        return Ok(None);
    }
    if let Some(made_at) = restored::backup_made_at(tx)? {
        let made = ctx.ui.local_time(made_at);
        return Ok(Some(format!(
            "This is a backup of {made}: the first command that writes makes it the desk's database"
        )));
    }
    let held = outbox::queue(tx, &(ctx.now()..ctx.now()), ctx.now())?.uncertain;
    let (last, is_failover) = (restored::last(tx)?, restored::failed_over_at(tx)?.is_some());
    Ok(last.filter(|one| held > 0 || ctx.now().duration_since(one.at) < TOLD).map(|one| {
        let (at, made) = (ctx.ui.age(one.at), ctx.ui.local_time(one.backup_made_at));
        if is_failover {
            return format!(
                "Another database server took over {at} ago and may lack what was committed last: what was to be sent is held (espomail outbox list); earlier mail gets no automatic reply"
            );
        }
        format!(
            "Restored {at} ago from a backup of {made}: what was to be sent is held (espomail outbox list); earlier mail gets no automatic reply"
        )
    }))
}

/// How many rows of the outbox wait, are uncertain and failed, among those that `outbox list` shows.
fn outbox_rows(tx: &Tx<'_>, ctx: &Context, actor: &Actor) -> Result<[i64; 3]> {
    if actor.require_admin("outbox").is_ok() {
        let queue = outbox::queue(tx, &(ctx.now()..ctx.now()), ctx.now())?;
        return Ok([queue.waiting, queue.uncertain, queue.failed]);
    }
    let count = |states: &[OutboxState]| super::outbox::count(tx, actor, states);
    Ok([
        count(&[OutboxState::Waiting])?,
        count(&[OutboxState::InDoubt, OutboxState::Held])?,
        count(&[OutboxState::Failed])?,
    ])
}
