//! `espomail fetch`: what crontab runs. The sending part is that of `send`.

mod choice;

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use self::choice::{Chosen, choose};
use super::connect::{self, Connector, Protocol};
use super::context::{ACCOUNT_OF_OTHERS, Context};
use super::ping::{Did, Ping};
use super::summary::{self, Tally};
use super::{arenas, away, busy, keyless, send};
use crate::desk;
use crate::error::{Ended, Kind};
use crate::holder::Holder;
use crate::intake::concerns;
use crate::intake::fetch::{self, Event, Run};
use crate::intake::import::Imported;
use crate::intake::world::World;
use crate::job_control;
use crate::net::http;
use crate::outbox::Flushed;
use crate::store::accounts::{self, Account};
use crate::store::db::{self, Store};
use crate::store::deliveries::{self, Outcome};
use crate::store::{junk, server_actions};
use crate::system_words;
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
        until,
    };
    let mut watch =
        Watch { ctx, args, unknown, max_runtime, tally: Tally::default(), busy: Vec::new(), told_busy: Vec::new() };
    watch.tally.worst = keyless.as_ref().map(|_| Kind::Config);
    if accounts.is_empty() && keyless.is_none() {
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

/// Says what a person has to know: with `-v` every message, without it only what does not pass by itself.
struct Watch<'a> {
    ctx: &'a Context,
    args: &'a FetchArgs,
    /// Accounts that the actor does not know of: nothing is told of their mail, of their failures as of others, as cron
    /// may run for anybody.
    unknown: Vec<i64>,
    max_runtime: Duration,
    tally: Tally,
    /// Accounts that another process is fetching.
    busy: Vec<Account>,
    /// Which of these have been told of: one line is enough while they wait.
    told_busy: Vec<i64>,
}

impl Watch<'_> {
    fn hear(&mut self, event: Event<'_>, progress: &mut Progress) {
        match event {
            Event::Begun(messages, bytes) => progress.expect(messages, bytes),
            Event::Advanced(messages, bytes) => progress.advance(messages, bytes),
            Event::Imported(account, one) => self.imported(account, one, progress),
            Event::Indexed(time) => self.tally.indexing += time,
            event => progress.pause(|| self.say(event)),
        }
    }

    fn imported(&mut self, account: &Account, one: &Imported, progress: &Progress) {
        let Context { ui, dry_run, .. } = self.ctx;
        match one.outcome {
            Outcome::Imported => self.tally.imported += 1,
            Outcome::Quarantined => self.tally.quarantined += 1,
            _ => self.tally.other += 1,
        }
        if (*dry_run || ui.verbosity > 0) && self.knows(account) {
            let id = one.email_id.map(|id| format!(" email {id}")).unwrap_or_default();
            let line = match dry_run {
                true => format!("dry run: {}: would be {}: {}", account.name, one.outcome, one.reason),
                false => format!("{}: {}{id}: {}", account.name, one.outcome, one.reason),
            };
            progress.pause(|| ui.note(&line));
        }
        if one.outcome == Outcome::Quarantined && !dry_run {
            self.tally.worst = worse(self.tally.worst, Some(Kind::Partial));
            let why = if self.knows(account) { format!(": {}", one.reason) } else { String::new() };
            let line = format!("{}: a message could not be imported and is kept{why}", self.called(account));
            progress.pause(|| {
                ui.warn(&line);
                ui.hint("see `espomail quarantine list`");
            });
        }
    }

    fn knows(&self, account: &Account) -> bool {
        !self.unknown.contains(&account.id)
    }

    fn give_up(&self, account: &Account, waited: Duration) {
        let seconds = waited.as_secs();
        self.ctx
            .ui
            .warn(&format!("{}: gave up after {seconds} s, another process is fetching it", self.called(account)));
    }

    /// Name of an account as the caller is shown it.
    fn called(&self, account: &Account) -> String {
        if self.knows(account) { format!("account \"{}\"", account.name) } else { ACCOUNT_OF_OTHERS.to_owned() }
    }

    /// Says that another process is at it: to everybody, where that process will not end by itself.
    fn tell(&self, aloud: bool, holder: &Holder, line: &str) {
        if aloud || busy::is_late(holder, self.max_runtime) {
            self.ctx.ui.warn(line);
            self.ctx.ui.hint(&holder.hint());
        } else {
            busy::aside(&self.ctx.ui, holder.host.is_some() && is_watched(self.args, self.ctx), line);
        }
    }

    /// Names the messages that were cut off to those who asked with `-v`.
    fn tell_late(&self, account: &Account) {
        if self.ctx.ui.verbosity == 0 || self.ctx.dry_run {
            return;
        }
        for late in self.ctx.read(|tx, _| deliveries::late(tx, account.id)).unwrap_or_default() {
            self.ctx.ui.verbose(1, &format!("{}: {}", account.name, concerns::cut_off(&late)));
        }
    }

    fn say(&mut self, event: Event<'_>) {
        let Context { ui, .. } = self.ctx;
        let interactive = is_watched(self.args, self.ctx);
        match event {
            Event::Begun(..) | Event::Advanced(..) | Event::Imported(..) | Event::Indexed(_) => {}
            Event::Busy(account, holder) => {
                if !self.told_busy.contains(&account.id) {
                    let line = format!("{}: is being fetched by {}", self.called(account), busy::told(holder));
                    self.tell(self.args.if_locked == IfLocked::Fail, holder, &line);
                }
                self.told_busy.push(account.id);
                self.busy.push(account.clone());
            }
            Event::Polled(account, holder) => {
                let host = holder.host.as_deref().unwrap_or_default();
                let line = format!("{}: was fetched by {host} a moment ago", self.called(account));
                busy::aside(ui, ui.is_terminal(), &line);
            }
            Event::TakenOver(account) => {
                self.tally.worst = worse(self.tally.worst, Some(Kind::TempFail));
                let line = "another host has taken it over, because this run was too slow; it goes on there";
                ui.trouble(1, &format!("{}: {line}", self.called(account)));
            }
            Event::Waiting(account, until) => {
                let refused = account.health.failure_kind == Kind::NoPerm.name();
                let (kind, why) = match refused {
                    true => (Kind::NoPerm, "login was refused"),
                    false => (Kind::TempFail, "the server asks to be left alone"),
                };
                self.tally.worst = worse(self.tally.worst, Some(kind));
                let line = format!("{}: {why}, next try at {}", self.called(account), ui.local_time(until));
                ui.trouble(1, &line);
            }
            Event::Done(account, _) if !self.knows(account) => {}
            Event::Done(account, stored) => {
                self.ctx.ui.verbose(1, &format!("{}: {stored} new", account.name));
                self.tell_late(account);
            }
            Event::Failed(account, error, false) if !interactive => match self.knows(account) {
                true => ::log::warn!("{}: {}", self.called(account), system_words::chain(error)),
                false => ::log::warn!("{ACCOUNT_OF_OTHERS}: cannot be fetched"),
            },
            Event::Failed(account, error, speak) => match (speak || interactive, self.knows(account)) {
                (true, true) => {
                    self.ctx.ui.warn(&format!("{}: {}", self.called(account), system_words::chain(error)));
                    let next = connect::advice(account, Protocol::Imap, error);
                    next.iter().for_each(|step| self.ctx.ui.hint(step));
                    self.tell_late(account);
                }
                (true, false) => self.ctx.ui.warn(&format!("{ACCOUNT_OF_OTHERS}: cannot be fetched")),
                (false, _) => {}
            },
            Event::Stuck(account, count, why) => {
                let mails = if count == 1 { "1 mail waits".to_owned() } else { format!("{count} mails wait") };
                match self.knows(account) {
                    true => {
                        self.ctx.ui.concern(&format!("{}: {mails} for a folder for junk: {why}", self.called(account)));
                        self.ctx.ui.hint(&format!("name it: {}", concerns::name_junk_folder(&account.name)));
                    }
                    false => ::log::warn!("{ACCOUNT_OF_OTHERS}: {mails} for a folder for junk"),
                }
            }
            Event::Recovered(account, since) => {
                let since = since
                    .map(|since| format!(" after failing since {}", self.ctx.ui.local_time(since)))
                    .unwrap_or_default();
                self.ctx.ui.concern(&format!("{}: works again{since}", self.called(account)));
            }
        }
    }
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
