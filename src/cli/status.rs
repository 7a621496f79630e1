//! `espomail status`: does it work, and what needs somebody.

use anyhow::Result;
use clap::Args;
use jiff::SignedDuration;

use super::context::{self, Context};
use super::{busy, check, cron};
use crate::access::Actor;
use crate::intake::concerns;
use crate::lock;
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::store::deliveries::{self, Counts};
use crate::store::emails;
use crate::store::outbox::{self, OutboxState};
use crate::store::{instance, restored, sent_copies};
use crate::ui::cell::{Cell, Column, head, unlisted};

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
}

impl Row {
    /// The worst trouble, or how an account works that has none.
    fn state(&self) -> &str {
        self.troubles.first().map_or_else(|| at_work(&self.account), |trouble| &trouble.what)
    }
}

/// Fields of `status` in their order.
pub const COLUMNS: &[Column<Row>] = &[
    Column::new("account", head("ACCOUNT"), |row, _| Cell::text(&row.account.name)),
    Column::new("kind", head("KIND"), |row, _| Cell::text(row.account.kind.as_str())),
    Column::new("last_good_at", head("LAST GOOD").right(), |row, _| {
        row.account.health.last_good_at.map_or_else(|| Cell::object(serde_json::Value::Null, "never"), Cell::ago)
    }),
    Column::new("new_24h", head("NEW 24H").right(), |row, _| Cell::int(row.counts.new)),
    Column::new("state", head("STATE").shrinking(), |row, _| Cell::text(row.state())),
    Column::new("failing_since", unlisted(), |row, _| Cell::opt_date_time(row.account.health.failing_since)),
    Column::new("failed_runs", unlisted(), |row, _| Cell::int(row.account.health.failed_runs.into())),
    Column::new("failure", unlisted(), |row, _| Cell::text(&row.account.health.failure)),
    Column::new("quarantined", unlisted(), |row, _| Cell::int(row.counts.quarantined)),
    Column::new("unfetchable", unlisted(), |row, _| Cell::int(row.counts.unfetchable)),
    Column::new("sent_copies", unlisted(), |row, _| Cell::int(row.copies)),
    Column::new("troubles", unlisted(), |row, _| {
        let told: Vec<&str> = row.troubles.iter().map(|trouble| trouble.what.as_str()).collect();
        Cell::object(serde_json::json!(told), &told.join("; "))
    }),
];

/// Without a fetch for so long the system's crontab is asked about.
const CRON_SILENT: SignedDuration = SignedDuration::from_mins(15);

/// Runs `status`.
pub fn run(_args: &StatusArgs, ctx: &Context) -> Result<()> {
    let (rows, lines, stuck) = ctx.read(|tx, actor| {
        let day_ago = ctx.now() - SignedDuration::from_hours(24);
        let mut rows = Vec::new();
        let mut counts = Counts::default();
        let (mut steps, mut known) = (Vec::new(), Vec::new());
        for account in accounts::all(tx)? {
            if !actor.knows_account(tx, &account)? {
                continue;
            }
            let own = deliveries::counts(tx, account.id, day_ago)?;
            counts.quarantined += own.quarantined;
            let troubles = troubles(tx, ctx, &account)?;
            steps.extend(further(&account, &troubles));
            let copies = sent_copies::waiting(tx, account.id)?.count;
            known.push((lock::of_account(account.id), account.name.clone()));
            rows.push(Row { account, counts: own, troubles, copies });
        }
        let mut lines = lines(tx, ctx, actor, counts, steps)?;
        let name_of = |lock: &str| known.iter().find(|(name, _)| name == lock).map(|(_, name)| name.clone());
        let stuck: Vec<String> = busy::stuck(&ctx.db_path).iter().map(|one| one.told(&name_of)).collect();
        lines.splice(0..0, stuck.iter().map(|line| context::capitalised(line)));
        Ok((rows, lines, stuck))
    })?;
    ctx.ui.list("status", COLUMNS, &rows)?;
    if ctx.ui.for_people() {
        return lines.iter().try_for_each(|line| ctx.ui.text(line));
    }
    // Programs have their table; a process that keeps others waiting is told all the same.
    stuck.iter().for_each(|line| ctx.ui.warn(line));
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
fn troubles(tx: &Tx<'_>, ctx: &Context, account: &Account) -> Result<Vec<Trouble>> {
    let (health, mut found) = (&account.health, Vec::new());
    if !account.active {
        return Ok(found);
    }
    if let Some(since) = health.failing_since {
        let runs = health.failed_runs;
        let (since, runs_of) = (ctx.ui.local_time(since), if runs == 1 { "run" } else { "runs" });
        found.push(Trouble::new(format!("failing since {since} ({runs} {runs_of}): {}", health.failure)));
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
    let mut idle = check::idle(tx, account, ctx.now())?;
    // Each of these is named.
    let late = std::mem::take(&mut idle.late);
    let concerns = concerns::idle(&account.name, &idle);
    found.extend(concerns.into_iter().map(|one| Trouble { what: one.told(), next: one.next }));
    found.extend(late.iter().map(|late| Trouble::new(concerns::cut_off(late))));
    Ok(found)
}

fn lines(tx: &Tx<'_>, ctx: &Context, actor: &Actor, counts: Counts, steps: Vec<String>) -> Result<Vec<String>> {
    let [waiting, uncertain, failed] = outbox_rows(tx, ctx, actor)?;
    let (last_fetch, last_backup) = instance::last_times(tx)?;
    let ago = |moment: Option<jiff::Timestamp>| moment.map_or("never".to_owned(), |m| format!("{} ago", ctx.ui.age(m)));
    let hint = |count: i64, command: &str| if count > 0 { format!(" ({command})") } else { String::new() };
    let failed_too = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let mut lines = vec![format!(
        "Outbox {waiting} waiting, {uncertain} uncertain{failed_too}{} · Quarantine {}{} · Last backup {}",
        hint(uncertain + failed, "espomail outbox list"),
        counts.quarantined,
        hint(counts.quarantined, "espomail quarantine list"),
        ago(last_backup)
    )];
    let undecided = emails::count_undecided(tx, actor.sight())?;
    if undecided > 0 {
        let mails = if undecided == 1 { "unverified mail waits" } else { "unverified mails wait" };
        lines.push(format!("{undecided} {mails} for a decision (espomail email list is:unverified)"));
    }
    if accounts::all(tx)?.is_empty() {
        lines.push("No account yet: espomail account add".to_owned());
    }
    lines.extend(restoration(tx, ctx, actor)?);
    lines.extend(steps);
    if last_fetch.is_none_or(|at| ctx.now().duration_since(at) > CRON_SILENT) {
        lines.push(format!("Last fetch: {}; {}", ago(last_fetch), cron::quick_advice(ctx)));
    }
    Ok(lines)
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
    let last = restored::last(tx)?;
    Ok(last.filter(|one| held > 0 || ctx.now().duration_since(one.at) < TOLD).map(|one| {
        let (at, made) = (ctx.ui.age(one.at), ctx.ui.local_time(one.backup_made_at));
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
    let count =
        |states: &[OutboxState]| -> Result<i64> { Ok(i64::try_from(super::outbox::seen(tx, actor, states)?.len())?) };
    Ok([
        count(&[OutboxState::Waiting])?,
        count(&[OutboxState::InDoubt, OutboxState::Held])?,
        count(&[OutboxState::Failed])?,
    ])
}
