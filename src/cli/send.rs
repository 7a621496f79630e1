//! `send`, and the sending part of `fetch`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::connect::Connector;
use super::context::{self, ACCOUNT_OF_OTHERS, Context};
use super::keyless::{self, Keyless};
use super::outbox as outbox_rows;
use super::summary::{self, Tally};
use super::{apart, away, busy};
use crate::access::Actor;
use crate::claim;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::intake::{notice, undelivered, wake};
use crate::lock::{self, Attempt};
use crate::net::{Envelope, MailTransport, SendError, Sent};
use crate::oauth::refused;
use crate::outbox::{self, Fate, Flushed, Manners, Trouble, Undelivered};
use crate::store::accounts::{self, Account};
use crate::store::cases;
use crate::store::db::{Store, Tx};
use crate::store::outbox as rows;
use crate::system_words;
use crate::ui::progress::Progress;

/// No run takes longer than a year, even if `max_runtime` says so.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// `send`
#[derive(Debug, Args)]
pub struct SendArgs {
    /// Print a line of numbers at the end
    #[arg(long)]
    summary: bool,
}

/// Runs `send`.
pub fn run(args: &SendArgs, ctx: &Context) -> Result<()> {
    if ctx.dry_run {
        return Err(Fault::new(Kind::Usage, "send: has no --dry-run")
            .hint("see what waits: espomail outbox list")
            .into());
    }
    away::told(ctx, is_watched(ctx), send_what_is_due(args, ctx))
}

fn is_watched(ctx: &Context) -> bool {
    ctx.ui.is_terminal() || ctx.ui.verbosity > 0
}

fn send_what_is_due(args: &SendArgs, ctx: &Context) -> Result<()> {
    let store = ctx.unlogged_store()?;
    let started = Instant::now();
    let keyless = announce(ctx, &store)?;
    keyless::tell(keyless.as_ref(), ctx, is_watched(ctx));
    wake(ctx, &store)?;
    let flushed = flush(ctx, &store, &Connector::new(&ctx.config, &ctx.place), &[], ctx.config.max_runtime)?;
    for (name, error) in &flushed.accounts {
        ctx.ui.problem(&format!("account \"{name}\": cannot send"), error);
    }
    for (name, error) in &flushed.copies {
        ctx.ui.problem(&format!("account \"{name}\": cannot keep a copy of sent mail"), error);
    }
    for (name, until) in &flushed.resting {
        ctx.ui.problem(&format!("account \"{name}\""), &resting(name, ctx.ui.local_time(*until)));
    }
    say_letters(ctx, &flushed);
    let is_asked = args.summary || ctx.ui.verbosity > 0 || ctx.ui.is_terminal();
    summary::tell(ctx, &store, &Tally::default(), &flushed, started, is_asked)?;
    match trouble(&flushed).into_iter().chain(keyless.map(|_| Kind::Config)).reduce(Kind::worse) {
        Some(kind) => Err(context::told(kind)),
        None => Ok(()),
    }
}

/// The moment at which a run must end; `started` = the moment at which it began.
pub fn end_of(started: Instant, max_runtime: Duration) -> Instant {
    started + max_runtime.min(LONGEST)
}

/// Lets other machines know how this one is configured; what it cannot open.
pub fn announce(ctx: &Context, store: &Store) -> Result<Option<Keyless>> {
    if ctx.dry_run || ctx.place.server().is_none() {
        return Ok(None);
    }
    let keyless = Keyless::look(store)?;
    let lacks = keyless.as_ref().map(|_| keyless::SAID).unwrap_or_default();
    let apart = apart::said(ctx, &store.read(accounts::all)?);
    claim::announce(store, &(ctx.config.decisive()? + apart + lacks), &Timestamp::now)?;
    Ok(keyless)
}

/// Sends what is due, unless another process is at it.
pub fn flush(
    ctx: &Context,
    store: &Store,
    connector: &Connector<'_>,
    named: &[String],
    max_runtime: Duration,
) -> Result<Flushed> {
    match lock::attempt(&ctx.place, lock::OUTBOX, Timestamp::now())? {
        Attempt::Busy(holder) => {
            let line = format!("the outbox is being sent by {}", busy::told(&holder));
            if busy::is_late(&holder, max_runtime) {
                ctx.ui.warn(&line);
                ctx.ui.hint(&holder.hint());
            } else {
                ctx.ui.verbose(1, &line);
            }
            Ok(Flushed::default())
        }
        Attempt::Held(_lock) => {
            queue_digests(ctx, store)?;
            let watched = progress(ctx, store)?;
            let mut connect = |account: &Account, until| -> Result<Box<dyn MailTransport>> {
                Ok(Box::new(Counted { transport: connector.smtp(account, until)?, progress: Rc::clone(&watched) }))
            };
            let alert_min_age = SignedDuration::try_from(ctx.config.alert_min_age)?;
            // What fetching left of its time would be none where a server is slow.
            let until = Some(end_of(Instant::now(), max_runtime));
            let left = Keyless::look(store)?.map(|keyless| keyless.sent).unwrap_or_default();
            let manners = Manners { alert_min_age, named, left: &left, until };
            let mut flushed =
                outbox::flush(store, &mut connect, &undelivered::aftermath(&ctx.config), &manners, &Timestamp::now)?;
            let mut connect = |account: &Account, until| connector.imap(account, until);
            flushed.copies = outbox::keep_copies(store, &mut connect, until, &left, &Timestamp::now)?;
            Ok(flushed)
        }
    }
}

/// A server that mail is handed to, and the watcher who is told how much was sent.
struct Counted {
    transport: Box<dyn MailTransport>,
    progress: Rc<RefCell<Progress>>,
}

impl MailTransport for Counted {
    fn send(
        &mut self,
        envelope: &Envelope,
        body: &[u8],
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Sent, SendError> {
        let done = self.transport.send(envelope, body, before_body);
        self.progress.borrow_mut().advance(1, body.len() as u64);
        done
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        self.transport.certificate_ends()
    }

    fn quit(&mut self) {
        self.transport.quit();
    }
}

/// How far the outbox is, of what is due now.
fn progress(ctx: &Context, store: &Store) -> Result<Rc<RefCell<Progress>>> {
    let now = Timestamp::now();
    let (count, bytes) = store.read(|tx| rows::due_size(tx, now))?;
    let mut progress = Progress::new(!ctx.ui.quiet && ctx.ui.verbosity == 0);
    progress.expect(usize::try_from(count)?, u64::try_from(bytes)?);
    Ok(Rc::new(RefCell::new(progress)))
}

/// Wakes snoozed cases whose time has come, each once; nothing is written where none is due.
pub fn wake(ctx: &Context, store: &Store) -> Result<()> {
    let now = Timestamp::now();
    let mut is_due = store.read(|tx| wake::is_due(tx, now))?;
    while is_due {
        is_due = store.write(|tx| wake::wake(tx, &World::load(tx, &ctx.config, now)?))?;
    }
    Ok(())
}

/// Nothing is written where no digest is due.
fn queue_digests(ctx: &Context, store: &Store) -> Result<()> {
    let now = Timestamp::now();
    if store.read(|tx| notice::are_digests_due(tx, now))? {
        store.write(|tx| notice::digests(tx, &World::load(tx, &ctx.config, now)?))?;
    }
    Ok(())
}

/// Why an account is not even tried.
fn resting(name: &str, until: String) -> anyhow::Error {
    Fault::new(Kind::TempFail, format!("its SMTP server refused the login or asked for a pause, next try at {until}"))
        .hint(format!("to try at once: espomail account enable {name}"))
        .into()
}

/// Says what trouble sending met to those who asked; cron hears of it through `status` and `check`.
pub fn say_trouble(ctx: &Context, flushed: &Flushed) {
    let say = |what: &str, (name, error): &(String, anyhow::Error)| {
        let line = match ctx.read(|tx, actor| context::known_account(tx, actor, name)) {
            Ok(_) => format!("account \"{name}\": {what}: {}", system_words::chain(error)),
            Err(_) => format!("{ACCOUNT_OF_OTHERS}: {what}"),
        };
        ctx.ui.trouble(1, &line);
    };
    say_letters(ctx, flushed);
    flushed.accounts.iter().for_each(|failed| say("cannot send", failed));
    flushed.copies.iter().for_each(|failed| say("cannot keep a copy of sent mail", failed));
    for (name, until) in &flushed.resting {
        say("does not send now", &(name.clone(), resting(name, ctx.ui.local_time(*until))));
    }
}

/// Names the letters that did not go out to those who asked, and in the log: each with its recipient and the server's words.
fn say_letters(ctx: &Context, flushed: &Flushed) {
    for trouble in &flushed.troubles {
        let Ok(Some(line)) = ctx.read(|tx, actor| letter(tx, actor, trouble)) else { continue };
        let is_lost = trouble.fate == Fate::Failed;
        // Somebody who looks is told of what needs a hand, without being asked.
        ctx.ui.verbose(u8::from(!(is_lost && ctx.ui.is_terminal())), &line);
        if refused::is_of_sender(&trouble.undelivered.words) {
            sender(ctx, trouble).iter().for_each(|hint| ctx.ui.hint(hint));
        }
        let level = if is_lost { ::log::Level::Warn } else { ::log::Level::Info };
        ::log::log!(level, "{line}");
    }
}

/// What an administrator of Exchange types where a login may not send as the account.
fn sender(ctx: &Context, trouble: &Trouble) -> Option<String> {
    let row = ctx.read(|tx, _| rows::by_id(tx, trouble.outbox_id)).ok()??;
    let account = ctx.read(|tx, _| accounts::by_id(tx, row.account_id)).ok()??;
    let login = refused::Login::of_sender(&account.name, &account.address, account.smtp_login().0);
    refused::meaning(&trouble.undelivered.words, &login).map(|said| said.hint)
}

/// What is said of one letter; `None` for those who may not see it.
fn letter(tx: &Tx<'_>, actor: &Actor, trouble: &Trouble) -> Result<Option<String>> {
    let Trouble { outbox_id, undelivered: Undelivered { address, words }, fate } = trouble;
    let Some(row) = rows::by_id(tx, *outbox_id)? else { return Ok(None) };
    if !outbox_rows::may_see(tx, actor, &row)? {
        return Ok(None);
    }
    let case = row.case_id.map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    let of_case = case.map(|case| format!(", case #{}", case.number)).unwrap_or_default();
    let what = match fate {
        Fate::Failed => format!("not delivered to {address}"),
        Fate::Waits => format!("not sent yet to {address}"),
        Fate::Unknown => format!("it is unknown whether {address} got it"),
    };
    Ok(Some(format!("outbox {outbox_id}{of_case}: {what}: {words}")))
}

/// The kind of trouble sending met, if any.
pub fn trouble(flushed: &Flushed) -> Option<Kind> {
    let kinds = flushed.accounts.iter().chain(&flushed.copies).map(|(_, error)| error::classify(error).0);
    // That a stranger's address takes no automatic reply is nothing to be done about.
    let refused = (flushed.failed_letters > 0).then_some(Kind::Partial);
    kinds.chain(flushed.resting.iter().map(|_| Kind::TempFail)).chain(refused).reduce(Kind::worse)
}
