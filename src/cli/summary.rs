//! The line of numbers at the end of `fetch` and `send`.

use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use log::Level;
use serde_json::json;

use super::context::Context;
use crate::error::Kind;
use crate::outbox::Flushed;
use crate::store::db::Store;
use crate::store::outbox as rows;
use crate::ui::cell::{Cell, Column, unlisted};

/// What a run did, for `--summary`, and how it ended.
#[derive(Debug, Default)]
pub struct Tally {
    pub imported: usize,
    pub other: usize,
    pub quarantined: usize,
    pub indexing: Duration,
    pub worst: Option<Kind>,
}

/// The numbers of a run for programs.
pub struct Run {
    /// Imported, other, quarantined, sent, failed.
    numbers: [i64; 5],
    waiting: i64,
    next: Option<Timestamp>,
    seconds: f64,
    dry_run: bool,
}

/// Fields of a run in their order.
pub const COLUMNS: &[Column<Run>] = &[
    Column::new("dry_run", unlisted(), |run, _| Cell::bool(run.dry_run)),
    Column::new("imported", unlisted(), |Run { numbers: [imported, ..], .. }, _| Cell::int(*imported)),
    Column::new("other", unlisted(), |Run { numbers: [_, other, ..], .. }, _| Cell::int(*other)),
    Column::new("quarantined", unlisted(), |Run { numbers: [_, _, quarantined, ..], .. }, _| Cell::int(*quarantined)),
    Column::new("sent", unlisted(), |Run { numbers: [.., sent, _], .. }, _| Cell::int(*sent)),
    Column::new("failed", unlisted(), |Run { numbers: [.., failed], .. }, _| Cell::int(*failed)),
    Column::new("outbox_waiting", unlisted(), |run, _| Cell::int(run.waiting)),
    Column::new("next_try_at", unlisted(), |run, _| Cell::opt_date_time(run.next)),
    Column::new("seconds", unlisted(), |run, _| Cell::object(json!(run.seconds), "")),
];

/// The line of numbers, for the person who asked; the log has it if something was done.
pub fn tell(
    ctx: &Context,
    store: &Store,
    tally: &Tally,
    flushed: &Flushed,
    started: Instant,
    is_asked: bool,
) -> Result<()> {
    let seconds = started.elapsed().as_secs_f64();
    let indexing = tally.indexing.as_secs_f64();
    let indexing = if indexing < 0.05 { String::new() } else { format!(", {indexing:.1} s of it for the full text") };
    let Tally { imported, other, quarantined, .. } = tally;
    let Flushed { sent, failed, put_off, .. } = flushed;
    let was_idle = imported + other + quarantined + sent + failed + put_off == 0 && !ctx.dry_run;
    // A run that found nothing to do and that nobody watches asks nothing more.
    let (waiting, tried) = match is_asked || !was_idle {
        true => store.read(|tx| rows::waits(tx, Timestamp::now())).unwrap_or_default(),
        false => (0, None),
    };
    let line = match ctx.dry_run {
        true => format!(
            "dry run, nothing changed: {imported} would be imported, {other} other, {quarantined} quarantined; {seconds:.1} s"
        ),
        false => format!(
            "imported {imported}, other {other}, quarantined {quarantined}; sent {sent}, failed {failed}, waiting {waiting}; {seconds:.1} s{indexing}"
        ),
    };
    ::log::log!(if was_idle { Level::Debug } else { Level::Info }, "{}: {line}", ctx.command);
    if is_asked && ctx.ui.format.is_json() {
        let numbers =
            [*imported, *other, *quarantined, *sent, *failed].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let run = Run { numbers, waiting, next: tried.map(|(first, _)| first), seconds, dry_run: ctx.dry_run };
        return ctx.ui.object("run", COLUMNS, &run);
    }
    if is_asked {
        ctx.ui.note(&line);
    }
    if let Some((first, last)) = tried.filter(|_| is_asked && !ctx.dry_run) {
        ctx.ui.note(&until(waiting, ctx.ui.soon(first), ctx.ui.soon(last), first > Timestamp::now()));
    }
    Ok(())
}

/// What is said of mail that waits for another try between two moments.
fn until(waiting: i64, first: String, last: String, is_later: bool) -> String {
    let wait = if waiting == 1 { "waits" } else { "wait" };
    match (is_later, first == last) {
        (false, _) => format!("{waiting} {wait} for the next run: espomail outbox list"),
        (true, is_one) => {
            let when = if is_one { format!("until {first}") } else { format!("until {first} and later") };
            format!(
                "{waiting} {wait} {when}; to let the next run send one: espomail outbox retry ID (espomail outbox list)"
            )
        }
    }
}
