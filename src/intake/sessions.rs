//! One thread for each account that is polled talks to its server and hands batches to the main thread, which is the
//! only one that stores, imports and decides. A slow or dead server delays nobody but its own account.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::poll::session;
use super::receive::Batch;
use super::session_desk::{Desk, HAND_OVER, Job, Moved, Start};
use super::turns::{Turn, Turns};
use crate::net::{MailSource, NetError, NetErrorKind};
use crate::store::accounts::{Account, Polled};
use crate::store::db;
use crate::store::deliveries::{Owed, Recorded};
use crate::store::junk::Wanted;
use crate::store::server_actions::ServerAction;

/// What a session tells or asks the main thread.
pub enum Call {
    /// The account is wanted now; nothing where another process has it.
    Claim(SyncSender<Option<Job>>),
    /// See [`Desk::opened`].
    Opened(String, u32, SyncSender<Option<Start>>),
    /// See [`Desk::begin`].
    Begin(String, u32, u32, bool, SyncSender<Start>),
    /// See [`Desk::recorded`].
    Recorded(String, u32, u32, SyncSender<Option<Recorded>>),
    /// See [`Desk::owed`].
    Owed(SyncSender<Vec<Owed>>),
    /// See [`Desk::begun`].
    Begun(usize, u64),
    /// See [`Desk::batch`].
    Batch(Batch),
    /// See [`Desk::complete`].
    Complete(String, u32, Polled, SyncSender<Vec<ServerAction>>),
    /// See [`Desk::acted`].
    Acted(Vec<i64>, Option<String>),
    /// See [`Desk::certificate`].
    Certificate(Timestamp),
    /// See [`Desk::junk`].
    Junk(SyncSender<Vec<Wanted>>),
    /// See [`Desk::stuck`].
    Stuck(Vec<i64>, String),
    /// See [`Desk::moved`].
    Moved(i64, i64, Moved),
    /// See [`Desk::sent_folder`].
    SentFolder(String),
    /// See [`Desk::folder`].
    Folder(String, Option<NetError>),
    /// The session is over.
    Ended(Result<()>),
}

/// Number of sessions at once up to which nobody saves memory.
pub const FEW: usize = 2;
/// Bytes that a session hands over at once without a turn.
const HAND_OVER_OF_MANY: usize = 256 << 10;
/// Number of turns to hand over more …
const TURNS: usize = 2;
/// … and how long a session waits for one.
const WAIT: Duration = Duration::from_secs(1);

struct Line<'a> {
    account_id: i64,
    calls: SyncSender<(i64, Call)>,
    /// Number of batches that were handed on.
    batches: usize,
    turns: &'a Turns,
    turn: Option<Turn<'a>>,
}

impl Line<'_> {
    fn call(&self, call: Call) -> Result<()> {
        self.calls.send((self.account_id, call)).map_err(|_| anyhow!("the run has ended"))
    }

    fn ask<T>(&self, call: impl FnOnce(SyncSender<T>) -> Call) -> Result<T> {
        let (answer, answered) = sync_channel(1);
        self.call(call(answer))?;
        answered.recv().map_err(|_| anyhow!("the run has ended"))
    }
}

impl Desk for Line<'_> {
    fn opened(&mut self, folder: &str, uidvalidity: u32) -> Result<Option<Start>> {
        self.ask(|answer| Call::Opened(folder.to_owned(), uidvalidity, answer))
    }

    fn begin(&mut self, folder: &str, uidvalidity: u32, past_uid: u32, renumbered: bool) -> Result<Start> {
        self.ask(|answer| Call::Begin(folder.to_owned(), uidvalidity, past_uid, renumbered, answer))
    }

    fn recorded(&mut self, folder: &str, uidvalidity: u32, uid: u32) -> Result<Option<Recorded>> {
        self.ask(|answer| Call::Recorded(folder.to_owned(), uidvalidity, uid, answer))
    }

    fn owed(&mut self) -> Result<Vec<Owed>> {
        self.ask(Call::Owed)
    }

    fn begun(&mut self, messages: usize, bytes: u64) -> Result<()> {
        self.call(Call::Begun(messages, bytes))?;
        self.turn = None;
        if bytes > HAND_OVER_OF_MANY as u64 {
            self.turn = self.turns.take(WAIT);
        }
        Ok(())
    }

    fn enough(&self) -> usize {
        if self.turn.is_some() { HAND_OVER } else { HAND_OVER_OF_MANY }
    }

    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.batches += 1;
        self.call(Call::Batch(batch))
    }

    fn complete(&mut self, folder: &str, uidvalidity: u32, polled: Polled) -> Result<Vec<ServerAction>> {
        self.ask(|answer| Call::Complete(folder.to_owned(), uidvalidity, polled, answer))
    }

    fn acted(&mut self, ids: Vec<i64>, refused: Option<String>) -> Result<()> {
        self.call(Call::Acted(ids, refused))
    }

    fn certificate(&mut self, ends: Timestamp) -> Result<()> {
        self.call(Call::Certificate(ends))
    }

    fn junk(&mut self) -> Result<Vec<Wanted>> {
        self.ask(Call::Junk)
    }

    fn stuck(&mut self, ids: Vec<i64>, why: String) -> Result<()> {
        self.call(Call::Stuck(ids, why))
    }

    fn moved(&mut self, action_id: i64, email_id: i64, moved: Moved) -> Result<()> {
        self.call(Call::Moved(action_id, email_id, moved))
    }

    fn sent_folder(&mut self, name: &str) -> Result<()> {
        self.call(Call::SentFolder(name.to_owned()))
    }

    fn folder(&mut self, folder: &str, failure: Option<&NetError>) -> Result<()> {
        self.call(Call::Folder(folder.to_owned(), failure.cloned()))
    }
}

/// Connects to the IMAP server of an account.
pub type Connect<'a> = dyn Fn(&Account) -> Result<Box<dyn MailSource>> + Sync + 'a;

/// How many sessions there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// At once.
    pub jobs: usize,
    /// Of these to one host: servers count the connections of a client.
    pub per_host: usize,
    /// No session is begun after that, and connections end then.
    pub until: Instant,
}

/// Runs the jobs side by side and hands every call to `serve` on this thread; the jobs that were not begun in time. What
/// `serve` returns as an error ends its account, whose end is served with that error; the others go on.
///
/// # Errors
/// An error of the database itself ends the run: sessions stop at their next call.
pub fn run(
    jobs: Vec<Job>,
    limits: Limits,
    connect: &Connect<'_>,
    serve: &mut dyn FnMut(i64, Call) -> Result<()>,
) -> Result<Vec<Job>> {
    let workers = limits.jobs.clamp(1, jobs.len().max(1));
    let queue = Queue::new(jobs, limits);
    let turns = Turns::new(TURNS);
    // One batch may wait: the next range downloads while the last is stored.
    let (calls, incoming) = sync_channel::<(i64, Call)>(1);
    thread::scope(|scope| {
        for _ in 0..workers {
            let calls = calls.clone();
            let (queue, turns) = (&queue, &turns);
            scope.spawn(move || work(queue, turns, connect, &calls));
        }
        drop(calls);
        // Dropped where the run ends early, so that no session waits for it.
        let incoming = incoming;
        let mut over = HashSet::new();
        for (account_id, call) in &incoming {
            // Its session hears of it at its next question.
            if over.contains(&account_id) {
                continue;
            }
            if let Err(error) = db::unless_fatal(serve(account_id, call))? {
                over.insert(account_id);
                // Where even this cannot be recorded it has been told.
                let _told = db::unless_fatal(serve(account_id, Call::Ended(Err(error))))?;
            }
        }
        anyhow::Ok(())
    })?;
    Ok(queue.left())
}

fn work(queue: &Queue, turns: &Turns, connect: &Connect<'_>, calls: &SyncSender<(i64, Call)>) {
    while let Some(mut job) = queue.take() {
        let (account_id, calls) = (job.account.id, calls.clone());
        let mut line = Line { account_id, calls, batches: 0, turns, turn: None };
        if !job.is_claimed {
            match line.ask(Call::Claim) {
                Ok(Some(claimed)) => job = claimed,
                Ok(None) => {
                    queue.give_back(&job);
                    continue;
                }
                Err(_) => return,
            }
        }
        let talk = || talk(&job, connect, &mut line);
        // A bug in one session ends that session.
        let ended = catch_unwind(AssertUnwindSafe(talk)).unwrap_or_else(|_| Err(anyhow!("the session met a bug")));
        queue.give_back(&job);
        if line.call(Call::Ended(ended)).is_err() {
            return;
        }
    }
}

/// The sessions of an account: a second one where the server ended the first because its access token had expired, and
/// so on as long as each brings something.
fn talk(job: &Job, connect: &Connect<'_>, line: &mut Line<'_>) -> Result<()> {
    let mut is_first = true;
    loop {
        let before = line.batches;
        let ended = connect(&job.account).and_then(|mut source| session(source.as_mut(), job, line));
        let Err(error) = ended else { return Ok(()) };
        let went_on = std::mem::take(&mut is_first) || line.batches > before;
        if !went_on || !is_expired(&error) || Instant::now() >= job.until {
            return Err(error);
        }
        log::info!("account {}: the access token has expired in the middle: connects again", job.account.name);
    }
}

fn is_expired(error: &anyhow::Error) -> bool {
    let net = error.chain().find_map(|cause| cause.downcast_ref::<NetError>());
    net.is_some_and(|net| net.kind == NetErrorKind::TokenExpired)
}

/// Jobs that wait, and the hosts that are busy.
struct Queue {
    state: Mutex<State>,
    freed: Condvar,
    per_host: usize,
    until: Instant,
}

struct State {
    waiting: VecDeque<Job>,
    busy: HashMap<String, usize>,
}

impl Queue {
    fn new(jobs: Vec<Job>, limits: Limits) -> Queue {
        let state = State { waiting: jobs.into(), busy: HashMap::new() };
        Queue { state: Mutex::new(state), freed: Condvar::new(), per_host: limits.per_host.max(1), until: limits.until }
    }

    /// The first job whose host is not busy; waits for one. `None` when no job is left, or no time.
    fn take(&self) -> Option<Job> {
        let mut state = self.lock();
        while Instant::now() < self.until {
            let is_free = |job: &Job| state.busy.get(host(job)).is_none_or(|sessions| *sessions < self.per_host);
            if let Some(at) = state.waiting.iter().position(is_free) {
                let job = state.waiting.remove(at)?;
                *state.busy.entry(host(&job).to_owned()).or_default() += 1;
                return Some(job);
            }
            if state.waiting.is_empty() {
                return None;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// The jobs that nobody took.
    fn left(self) -> Vec<Job> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).waiting.into()
    }

    fn give_back(&self, job: &Job) {
        if let Some(sessions) = self.lock().busy.get_mut(host(job)) {
            *sessions = sessions.saturating_sub(1);
        }
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn host(job: &Job) -> &str {
    job.account.imap.host.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::store::accounts;
    use crate::store::db::Store;

    fn jobs(hosts: &[&str]) -> Vec<Job> {
        let store = Store::for_test().unwrap();
        let sql = "INSERT INTO accounts (name, kind, address, imap_host, fetch_since, created_at, edited_at)
            VALUES (?1, 'group', ?1, ?2, 0, 0, 0)";
        let add = |tx: &crate::store::db::Tx<'_>| {
            for (i, host) in hosts.iter().enumerate() {
                tx.execute(sql, [&format!("a{i}"), *host])?;
            }
            accounts::all(tx)
        };
        let until = Instant::now();
        let job = |account| Job {
            account,
            folders: Vec::new(),
            portion: 0,
            max_size: 1,
            dry_run: false,
            until,
            is_claimed: true,
        };
        store.write(add).unwrap().into_iter().map(job).collect()
    }

    fn limits(jobs: usize, per_host: usize) -> Limits {
        Limits { jobs, per_host, until: Instant::now() + std::time::Duration::from_secs(60) }
    }

    #[test]
    fn a_busy_host_lets_others_go_first() {
        let queue = Queue::new(jobs(&["one", "one", "one", "two"]), limits(3, 2));
        let taken: Vec<Job> = (0..3).map(|_| queue.take().unwrap()).collect();
        assert_eq!(taken.iter().map(host).collect::<Vec<_>>(), ["one", "one", "two"]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take().map(|job| job.account.name));
            queue.give_back(&taken[0]);
            assert_eq!(waiting.join().unwrap().as_deref(), Some("a2"));
        });
        assert!(queue.take().is_none());
    }

    #[test]
    fn an_error_of_one_account_ends_the_session_of_that_account_alone() {
        let refuses = |account: &Account| -> Result<Box<dyn MailSource>> { Err(anyhow!("{}", account.name)) };
        let limits = limits(1, 1);
        let mut heard = Vec::new();
        run(jobs(&["one", "two"]), limits, &refuses, &mut |account_id, call| {
            let Call::Ended(Err(error)) = call else { return Ok(()) };
            heard.push(format!("{account_id} {error}"));
            if heard.len() == 1 { Ok(i64::try_from(u64::MAX).map(|_| ())?) } else { Ok(()) }
        })
        .unwrap();
        let number = i64::try_from(u64::MAX).unwrap_err();
        assert_eq!(heard, ["1 a0".to_owned(), format!("1 {number}"), "2 a1".to_owned()]);
        let store = Store::for_test().unwrap().read_only().unwrap();
        let ended = run(jobs(&["one", "two"]), limits, &refuses, &mut |_, _| {
            store.write(|tx| tx.execute("DELETE FROM accounts", []).map(drop)).map(|_| ())
        });
        assert!(db::is_fatal(&ended.unwrap_err()), "a store that cannot be written ends the run");
    }

    #[test]
    fn a_server_that_does_not_answer_delays_no_other() {
        let slow = |account: &Account| -> Result<Box<dyn MailSource>> {
            let seconds = if account.imap.host.as_deref() == Some("slow") { 1 } else { 0 };
            thread::sleep(std::time::Duration::from_secs(seconds));
            Err(anyhow!("{}", account.name))
        };
        let mut order = Vec::new();
        run(jobs(&["slow", "slow", "b", "c", "d"]), limits(2, 1), &slow, &mut |_, call| {
            if let Call::Ended(Err(error)) = call {
                order.push(error.to_string());
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(order, ["a2", "a3", "a4", "a0", "a1"]);
    }

    #[test]
    fn what_was_not_begun_in_time_is_left() {
        // Long enough for a thread to begin on a busy machine.
        let until = Instant::now() + std::time::Duration::from_secs(1);
        let lasts = |account: &Account| -> Result<Box<dyn MailSource>> {
            thread::sleep(until.saturating_duration_since(Instant::now()) + std::time::Duration::from_millis(10));
            Err(anyhow!("{}", account.name))
        };
        let mut ended = Vec::new();
        let left = run(jobs(&["one", "two"]), Limits { jobs: 1, per_host: 1, until }, &lasts, &mut |_, call| {
            if let Call::Ended(Err(error)) = call {
                ended.push(error.to_string());
            }
            Ok(())
        });
        let left: Vec<String> = left.unwrap().into_iter().map(|job| job.account.name).collect();
        assert_eq!((ended, left), (vec!["a0".to_owned()], vec!["a1".to_owned()]), "what was begun says how it ended");
    }
}
