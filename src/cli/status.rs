//! `espomail status`: does it work, and what needs somebody.

use anyhow::Result;
use clap::Args;
use jiff::SignedDuration;

use super::check;
use super::context::Context;
use super::cron;
use crate::access::Actor;
use crate::intake::concerns;
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
    state: String,
    copies: i64,
}

/// Fields of `status` in their order.
pub const COLUMNS: &[Column<Row>] = &[
    Column::new("account", head("ACCOUNT"), |row, _| Cell::text(&row.account.name)),
    Column::new("kind", head("KIND"), |row, _| Cell::text(row.account.kind.as_str())),
    Column::new("last_good_at", head("LAST GOOD").right(), |row, _| {
        row.account.health.last_good_at.map_or_else(|| Cell::object(serde_json::Value::Null, "never"), Cell::ago)
    }),
    Column::new("new_24h", head("NEW 24H").right(), |row, _| Cell::int(row.counts.new)),
    Column::new("state", head("STATE").shrinking(), |row, _| Cell::text(&row.state)),
    Column::new("failing_since", unlisted(), |row, _| Cell::opt_date_time(row.account.health.failing_since)),
    Column::new("failed_runs", unlisted(), |row, _| Cell::int(row.account.health.failed_runs.into())),
    Column::new("failure", unlisted(), |row, _| Cell::text(&row.account.health.failure)),
    Column::new("quarantined", unlisted(), |row, _| Cell::int(row.counts.quarantined)),
    Column::new("unfetchable", unlisted(), |row, _| Cell::int(row.counts.unfetchable)),
    Column::new("sent_copies", unlisted(), |row, _| Cell::int(row.copies)),
];

/// Without a fetch for so long the system's crontab is asked about.
const CRON_SILENT: SignedDuration = SignedDuration::from_mins(15);

/// Runs `status`.
pub fn run(_args: &StatusArgs, ctx: &Context) -> Result<()> {
    let (rows, lines) = ctx.read(|tx, actor| {
        let day_ago = ctx.now() - SignedDuration::from_hours(24);
        let mut rows = Vec::new();
        let mut counts = Counts::default();
        let mut steps = Vec::new();
        for account in accounts::all(tx)? {
            if !actor.knows_account(tx, &account)? {
                continue;
            }
            let own = deliveries::counts(tx, account.id, day_ago)?;
            counts.quarantined += own.quarantined;
            steps.extend(next_steps(&account, own));
            let (state, copies) = (state(tx, ctx, &account)?, sent_copies::waiting(tx, account.id)?.count);
            rows.push(Row { account, counts: own, state, copies });
        }
        let lines = lines(tx, ctx, actor, counts, steps)?;
        Ok((rows, lines))
    })?;
    ctx.ui.list("status", COLUMNS, &rows)?;
    if ctx.ui.for_people() {
        lines.iter().try_for_each(|line| ctx.ui.text(line))?;
    }
    Ok(())
}

/// What a person wants to know about an account, the worst first.
fn state(tx: &Tx<'_>, ctx: &Context, account: &Account) -> Result<String> {
    let health = &account.health;
    if !account.active {
        return Ok("disabled".into());
    }
    if let Some(since) = health.failing_since {
        let runs = health.failed_runs;
        return Ok(format!(
            "failing since {} ({runs} {}): {}",
            ctx.ui.local_time(since),
            if runs == 1 { "run" } else { "runs" },
            health.failure
        ));
    }
    if let Some(since) = health.send_failing_since {
        return Ok(format!("cannot send since {}: {}", ctx.ui.local_time(since), health.send_failure));
    }
    let copies = sent_copies::waiting(tx, account.id)?;
    if !copies.last_error.is_empty() {
        return Ok(format!("copies of sent mail wait ({}): {}", copies.count, copies.last_error));
    }
    let folders = accounts::folders(tx, account.id)?;
    if let Some(folder) = folders.iter().find(|f| !f.failure.is_empty()) {
        return Ok(concerns::of_folder(&folder.name, &folder.failure));
    }
    if let Some(concern) = concerns::idle(&account.name, &check::idle(tx, account, ctx.now())?).first() {
        return Ok(concern.told());
    }
    Ok(match (account.imap.host.is_some(), health.last_good_at) {
        (false, _) => "sends only".into(),
        (true, None) => "never fetched".into(),
        (true, Some(_)) => "ok".into(),
    })
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

/// What somebody has to do about an account that works.
fn next_steps(account: &Account, counts: Counts) -> Vec<String> {
    let (name, mut steps) = (&account.name, Vec::new());
    if counts.unfetchable > 0 {
        let what = concerns::undelivered(counts.unfetchable);
        steps.push(format!("{name}: {what} (espomail account audit {name} --repair)"));
    }
    if account.breaker_tripped_at.is_some() {
        steps.push(format!("Automatic replies of {name} are stopped (espomail account breaker {name} --reset)"));
    }
    steps
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
