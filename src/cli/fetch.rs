//! `espomail fetch`: what crontab runs. The sending part is that of `send`.

mod choice;
mod watch;

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use self::choice::{Chosen, choose};
use self::watch::Watch;
use super::apart::Apart;
use super::connect::Connector;
use super::context::Context;
use super::ping::{Did, Ping};
use super::summary::{self, Tally};
use super::{arenas, away, keyless, send};
use crate::desk;
use crate::error::{Ended, Kind};
use crate::intake::fetch::{self, Run};
use crate::intake::world::World;
use crate::job_control;
use crate::net::http;
use crate::outbox::Flushed;
use crate::store::accounts::{self, Account};
use crate::store::db::{self, Store};
use crate::store::{junk, server_actions};
use crate::ui::progress::Progress;

/// `fetch`
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Accounts to fetch (default: all that are enabled)
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Only accounts of this kind
    #[arg(long, value_enum, default_value = "all")]
    kind: KindFilter,
    /// Number of accounts fetched at once (default: configuration)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,
    /// Maximum number of messages per folder; 0 = all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Do not send
    #[arg(long)]
    no_send: bool,
    /// Wait a random time up to this first, so that many hosts do not fetch at once
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = super::duration)]
    jitter: Option<Duration>,
    /// What to do if another run is fetching: skip, fail, wait or wait=DURATION
    #[arg(long, value_name = "HOW", default_value = "skip", value_parser = if_locked)]
    if_locked: IfLocked,
    /// End the run after this (default: configuration)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = super::duration)]
    max_runtime: Option<Duration>,
    /// Tell this URL how the run ended (default: configuration)
    #[arg(long, value_name = "URL", value_parser = listener)]
    ping_url: Option<String>,
    /// Print a line of numbers at the end
    #[arg(long)]
    summary: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindFilter {
    Group,
    Personal,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfLocked {
    Skip,
    Fail,
    Wait(Option<Duration>),
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("must be a whole number, 1 or more, not \"{text}\""))
}

fn if_locked(text: &str) -> Result<IfLocked, String> {
    match (text, text.strip_prefix("wait=")) {
        ("skip", _) => Ok(IfLocked::Skip),
        ("fail", _) => Ok(IfLocked::Fail),
        ("wait", _) => Ok(IfLocked::Wait(None)),
        (_, Some(duration)) => super::duration(duration).map(|d| IfLocked::Wait(Some(d))),
        _ => Err(format!("must be skip, fail, wait or wait=DURATION, not \"{text}\"")),
    }
}

fn listener(text: &str) -> Result<String, String> {
    // A URL may hold a secret.
    http::listener_fault(text).map_or_else(|| Ok(text.to_owned()), |why| Err(why.to_owned()))
}

/// Runs `fetch`.
pub fn run(args: &FetchArgs, ctx: &Context) -> Result<()> {
    let is_whole = args.accounts.is_empty() && args.kind == KindFilter::All;
    let ping = Ping::of(args.ping_url.as_deref(), is_whole, ctx)?;
    let chosen = choose(args, ctx);
    let accounts = chosen.as_ref().map_or(0, |chosen| chosen.accounts.len());
    if accounts.min(args.jobs.unwrap_or(ctx.config.jobs)) > fetch::FEW {
        arenas::few();
    }
    ping.begin();
    let mut did = Did::default();
    let outcome = chosen.and_then(|chosen| fetch_and_send(args, ctx, chosen, &mut did));
    let outcome = away::told(ctx, is_watched(args, ctx), outcome);
    ping.end(did, &outcome);
    outcome
}

/// Whether somebody reads what is said, and wants all of it.
fn is_watched(args: &FetchArgs, ctx: &Context) -> bool {
    ctx.ui.is_terminal() || ctx.ui.verbosity > 0 || ctx.dry_run || !args.accounts.is_empty()
}

fn fetch_and_send(args: &FetchArgs, ctx: &Context, chosen: Chosen, did: &mut Did) -> Result<()> {
    let Chosen { store, mut accounts, unknown } = chosen;
    if let Some(most) = args.jitter.filter(|_| !ctx.dry_run) {
        let time = random_part(most)?;
        job_control::while_waiting(|| std::thread::sleep(time));
    }
    let started = Instant::now();
    let keyless = send::announce(ctx, &store)?.filter(|_| args.accounts.is_empty());
    if args.accounts.is_empty() {
        keyless::tell(keyless.as_ref(), ctx, is_watched(args, ctx));
    }
    keyless.iter().for_each(|keyless| keyless.leave(&mut accounts));
    let apart = Apart::look(ctx, &store, &mut accounts, !args.accounts.is_empty())?;
    let max_runtime = args.max_runtime.unwrap_or(ctx.config.max_runtime);
    let until = send::end_of(started, max_runtime);
    let connector = Connector::new(&ctx.config, &ctx.place).at_once(!args.accounts.is_empty());
    let connect = |account: &Account| connector.imap(account, Some(until));
    let run = Run {
        store: &store,
        config: &ctx.config,
        connect: &connect,
        clock: &Timestamp::now,
        jobs: args.jobs.unwrap_or(ctx.config.jobs),
        limit: args.limit,
        dry_run: ctx.dry_run,
        tells: ctx.ui.verbosity > 0,
        named: !args.accounts.is_empty(),
        again: &apart.again,
        until,
    };
    let (tally, busy, told_busy) = (Tally::default(), Vec::new(), Vec::new());
    let mut watch = Watch { ctx, args, unknown, apart: &apart, max_runtime, tally, busy, told_busy };
    watch.tally.worst = keyless.as_ref().map(|_| Kind::Config);
    watch.leave();
    if accounts.is_empty() && keyless.is_none() && apart.left().is_empty() {
        nothing_to_poll(ctx, &store)?;
    }
    let asked = accounts.len();
    let mut todo = accounts;
    let mut ended = Ok(());
    loop {
        let mut progress = Progress::new(!ctx.ui.quiet && ctx.ui.verbosity == 0);
        let worst = match run.go(todo, &mut |event| watch.hear(event, &mut progress)) {
            Ok(worst) => worst,
            // What is to be sent is sent all the same.
            Err(error) => {
                ended = Err(error);
                todo = Vec::new();
                break;
            }
        };
        watch.tally.worst = worse(watch.tally.worst, worst);
        todo = std::mem::take(&mut watch.busy);
        let patient = match args.if_locked {
            IfLocked::Wait(most) => started.elapsed() < most.unwrap_or(max_runtime),
            _ => false,
        };
        if todo.is_empty() || !patient {
            break;
        }
        job_control::while_waiting(|| std::thread::sleep(Duration::from_millis(200)));
    }
    if !todo.is_empty() && args.if_locked != IfLocked::Skip {
        watch.tally.worst = worse(watch.tally.worst, Some(Kind::TempFail));
        if matches!(args.if_locked, IfLocked::Wait(_)) {
            todo.iter().for_each(|account| watch.give_up(account, started.elapsed()));
        }
    }
    let mut tally = watch.tally;
    let Tally { imported, other, quarantined, .. } = tally;
    *did = Did { imported, other, quarantined, is_left_to_others: asked > 0 && todo.len() == asked, ..Did::default() };
    let mut flushed = Flushed::default();
    // A database that cannot be written now cannot be a moment later either.
    let is_lost = ended.as_ref().is_err_and(db::is_fatal);
    if !ctx.dry_run && !is_lost {
        send::wake(ctx, &store)?;
        junk_that_came_back(ctx, &store)?;
    }
    if !args.no_send && !ctx.dry_run && !is_lost {
        flushed = send::flush(ctx, &store, &connector, &args.accounts, max_runtime)?;
        send::say_trouble(ctx, &flushed);
        (did.sent, did.failed) = (flushed.sent, flushed.failed);
        tally.worst = worse(tally.worst, send::trouble(&flushed));
    }
    let is_asked = args.summary || ctx.dry_run || ctx.ui.verbosity > 0 || ctx.ui.is_terminal();
    let told = match &ended {
        Err(error) if db::is_unflushed(error) => Ok(()),
        _ => summary::tell(ctx, &store, &tally, &flushed, started, is_asked),
    };
    ended.and(told)?;
    tally.worst.map_or(Ok(()), |kind| Err(Ended::OfAccounts(kind).into()))
}

/// Mail that somebody moved out of the junk folder in a mail program is not junk here either.
fn junk_that_came_back(ctx: &Context, store: &Store) -> Result<()> {
    for (action_id, email_id, place) in store.read(junk::all_that_came_back)? {
        store.write(|tx| {
            desk::came_back(tx, &World::load(tx, &ctx.config, ctx.now())?, email_id, &place)?;
            server_actions::done(tx, &[action_id])
        })?;
    }
    Ok(())
}

/// Says why nothing is fetched, to people only; cron would say it every minute.
fn nothing_to_poll(ctx: &Context, store: &Store) -> Result<()> {
    let all = store.read(accounts::all)?;
    let line = match all.is_empty() {
        true => "no account yet: espomail account add",
        false => "no account to be fetched: each is disabled, its owner is, or it only sends (espomail account list)",
    };
    if ctx.dry_run || ctx.ui.verbosity > 0 || ctx.ui.is_terminal() {
        ctx.ui.note(line);
    }
    Ok(())
}

fn worse(a: Option<Kind>, b: Option<Kind>) -> Option<Kind> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.worse(b)),
        (a, b) => a.or(b),
    }
}

fn random_part(most: Duration) -> Result<Duration> {
    let random = u64::from_le_bytes(crate::random::bytes()?);
    let most = u64::try_from(most.as_millis())?;
    Ok(Duration::from_millis(if most == 0 { 0 } else { random % most }))
}
