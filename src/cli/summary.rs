//! The line of numbers at the end of `fetch` and `send`.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use log::Level;

use super::context::Context;
use crate::error::Kind;
use crate::outbox::Flushed;
use crate::store::db::Store;
use crate::store::outbox as rows;

/// What a run did, for `--summary`, and how it ended.
#[derive(Debug, Default)]
pub struct Tally {
    pub imported: usize,
    pub other: usize,
    pub quarantined: usize,
    pub indexing: Duration,
    pub worst: Option<Kind>,
}

/// The line of numbers, for the person who asked; the log has it if something was done.
pub fn tell(ctx: &Context, store: &Store, tally: &Tally, flushed: &Flushed, started: Instant, is_asked: bool) {
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
    if is_asked {
        ctx.ui.note(&line);
    }
    if let Some((first, last)) = tried.filter(|_| is_asked && !ctx.dry_run) {
        ctx.ui.note(&until(waiting, ctx.ui.soon(first), ctx.ui.soon(last), first > Timestamp::now()));
    }
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
