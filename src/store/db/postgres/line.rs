//! The connection itself. The one place in which something is asynchronous: a statement is a future, and it is sent when it
//! is polled for the first time.
//!
//! A statement of which nobody wants the answer now waits here, and travels with the next one. Where much waits it is sent
//! ahead, so that the server works while the program goes on. The server runs in order what it gets, and takes nothing but a way back after the first error of a transaction: what becomes of the rows is the same as
//! where each answer is waited for. Only the error is heard later, by the one who asks next:
//! - who wants an answer hears the first error of all that was sent with the question;
//! - a savepoint begins when no write waits, and ends when each of its own is answered: an error stays inside;
//! - COMMIT travels with what waits, and the server makes it a ROLLBACK after an error.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Error, Row, SimpleQueryMessage, Socket, Statement};

use super::values::Given;

/// Maximum number of bytes of values that wait, and of statements: beyond that they are sent ahead. As many may be under way
/// then without an answer.
const MOST_BYTES: usize = 256 << 10;
const MOST: usize = 200;

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection to a server.
pub(super) struct Client {
    /// Dropped before the line, which ends by that.
    client: Arc<tokio_postgres::Client>,
    line: Line,
    waiting: VecDeque<Waiting>,
    /// What was sent, and is not answered yet.
    under_way: VecDeque<Sent>,
    /// The number of the next statement that waits.
    next: u64,
    /// Rows that the statements of this transaction have changed, by their numbers.
    counts: HashMap<u64, u64>,
    /// Rows that were changed since the connection was made.
    changes: u64,
    /// A statement of this transaction has failed: nothing but going back is left.
    has_failed: bool,
    /// How often answers were waited for.
    #[cfg(test)]
    trips: u64,
}

/// What carries bytes to and fro while somebody waits for an answer.
struct Line {
    runtime: Runtime,
    /// `None` = it has ended.
    carrier: Option<UnderWay<()>>,
    /// What has ended it.
    broken: Option<Error>,
}

/// A statement that was not sent yet.
struct Waiting {
    number: u64,
    /// Of its values.
    bytes: usize,
    what: What,
}

/// A statement that was sent.
struct Sent {
    number: u64,
    bytes: usize,
    writes: bool,
    /// The rows that it changes.
    answer: UnderWay<u64>,
    /// What has come while something else was waited for.
    come: Option<Result<u64, Error>>,
}

enum What {
    /// A savepoint or the like, which changes no row and fails only with the connection.
    Mark(String),
    Write {
        statement: Statement,
        given: Vec<Given<'static>>,
    },
}

/// What ends at its own time.
type UnderWay<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

impl Line {
    /// Waits for `work`. An answer that has come counts, also where the connection has ended after it.
    fn wait<T>(&mut self, work: impl Future<Output = T>) -> T {
        let Line { runtime, carrier, broken } = self;
        let mut work = pin!(work);
        runtime.block_on(poll_fn(|cx| {
            if let Some(carried) = carrier.as_mut()
                && let Poll::Ready(ended) = carried.as_mut().poll(cx)
            {
                // What has no answer learns that there will be none.
                *carrier = None;
                *broken = ended.err();
            }
            work.as_mut().poll(cx)
        }))
    }

    /// An error; where it is that the connection has ended, with the reason.
    fn told(&mut self, error: Error) -> Error {
        if error.is_closed() { self.broken.take().unwrap_or(error) } else { error }
    }
}

impl Drop for Line {
    /// Says goodbye to the server: the client is gone.
    fn drop(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            let _ = self.runtime.block_on(carrier);
        }
    }
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// The server is not there, or lets nobody in.
    pub(super) fn connect<T>(config: &Config, tls: T) -> Result<Client>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, connection) = runtime.block_on(config.connect(tls))?;
        Ok(Client {
            client: Arc::new(client),
            line: Line { runtime, carrier: Some(Box::pin(connection)), broken: None },
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            next: 0,
            counts: HashMap::new(),
            changes: 0,
            has_failed: false,
            #[cfg(test)]
            trips: 0,
        })
    }

    /// Nothing of an earlier transaction waits or counts any more.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.under_way.clear();
        self.counts.clear();
        self.has_failed = false;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Rows that were changed since the connection was made, by what was answered.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Lets a statement that changes no row wait; its number.
    pub(super) fn mark(&mut self, text: &str) -> u64 {
        self.put(0, What::Mark(text.to_owned()))
    }

    /// Lets a statement wait that writes; its number.
    ///
    /// # Errors
    /// The first one of those that are under way, where they are waited for.
    pub(super) fn put_write(&mut self, statement: Statement, given: Vec<Given<'static>>) -> Result<u64> {
        let bytes = given.iter().map(Given::size).sum();
        let number = self.put(bytes, What::Write { statement, given });
        if is_much(self.waiting.iter().map(|waiting| waiting.bytes)) {
            self.send_ahead()?;
        }
        Ok(number)
    }

    fn put(&mut self, bytes: usize, what: What) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { number, bytes, what });
        number
    }

    /// Whether there is no answer yet to a statement that writes.
    pub(super) fn owes_answers(&self) -> bool {
        self.waiting.iter().any(|waiting| matches!(waiting.what, What::Write { .. }))
            || self.under_way.iter().any(|sent| sent.writes)
    }

    /// Forgets what waits since a statement of this number; whether it had been sent.
    pub(super) fn take_back(&mut self, number: u64) -> bool {
        let was_sent = self.waiting.front().is_none_or(|first| first.number > number);
        self.waiting.retain(|waiting| waiting.number < number);
        was_sent
    }

    /// Goes back to before what is under way, by a statement after it; its errors are of no interest.
    ///
    /// # Errors
    /// The server has not gone back.
    pub(super) fn go_back(&mut self, sql: &str) -> Result<()> {
        self.under_way.clear();
        self.batch_execute(sql)?;
        self.has_failed = false;
        Ok(())
    }

    /// Waits for the answers to all that waits.
    ///
    /// # Errors
    /// The first one.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() && self.under_way.is_empty() { Ok(()) } else { self.send(async { Ok(()) }) }
    }

    /// The rows that a statement has changed which was let wait in this transaction.
    ///
    /// # Errors
    /// The first one of all that waits; it has been taken back.
    pub(super) fn count(&mut self, number: u64) -> Result<u64> {
        if !self.counts.contains_key(&number) {
            self.flush()?;
        }
        self.counts.get(&number).copied().context("what was undone has changed no rows")
    }

    /// Sends what waits and `last` after it, and waits for all answers.
    ///
    /// # Errors
    /// The first one.
    fn send<T>(&mut self, last: impl Future<Output = Result<T, Error>>) -> Result<T> {
        self.begin_to_send();
        let Client { line, under_way, .. } = self;
        let (answers, done) = line.wait(together(under_way, |_| true, last));
        self.heed(answers)?;
        done.map_err(|error| self.failed(error))
    }

    /// Sends what waits, and goes on before the server has answered all of it.
    ///
    /// # Errors
    /// The first one of those that were waited for.
    fn send_ahead(&mut self) -> Result<()> {
        self.begin_to_send();
        let Client { line, under_way, .. } = self;
        let is_wanted = |rest: &VecDeque<Sent>| is_much(rest.iter().map(|sent| sent.bytes));
        let (answers, ()) = line.wait(together(under_way, is_wanted, async {}));
        self.heed(answers)
    }

    /// What waits is under way from now on.
    fn begin_to_send(&mut self) {
        #[cfg(test)]
        {
            self.trips += 1;
        }
        for Waiting { number, bytes, what } in mem::take(&mut self.waiting) {
            let client = Arc::clone(&self.client);
            let (writes, answer) = match what {
                What::Mark(text) => (false, marked(client, text)),
                What::Write { statement, given } => (true, written(client, statement, given)),
            };
            self.under_way.push_back(Sent { number, bytes, writes, answer, come: None });
        }
    }

    fn heed(&mut self, answers: Vec<Answered>) -> Result<()> {
        for (number, writes, answer) in answers {
            let count = answer.map_err(|error| self.failed(error))?;
            self.counts.insert(number, count);
            self.changes += if writes { count } else { 0 };
        }
        Ok(())
    }

    fn failed(&mut self, error: Error) -> anyhow::Error {
        self.has_failed = true;
        self.line.told(error).into()
    }

    /// Runs a statement that was prepared: its rows, and how many it has changed.
    pub(super) fn run(&mut self, statement: &Statement, writes: bool, given: &[Given<'_>]) -> Result<(Vec<Row>, u64)> {
        let client = Arc::clone(&self.client);
        let values = values(given);
        let (rows, changed) = self.send(async {
            if statement.columns().is_empty() {
                return Ok((Vec::new(), client.execute(statement, &values).await?));
            }
            let rows = client.query(statement, &values).await?;
            let count = rows.len() as u64;
            Ok((rows, count))
        })?;
        let changed = if writes { changed } else { 0 };
        self.changes += changed;
        Ok((rows, changed))
    }

    pub(super) fn prepare_typed(&mut self, sql: &str, types: &[Type]) -> Result<Statement> {
        let client = Arc::clone(&self.client);
        self.send(client.prepare_typed(sql, types))
    }

    pub(super) fn query(&mut self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        let client = Arc::clone(&self.client);
        self.send(client.query(sql, values))
    }

    pub(super) fn query_one(&mut self, sql: &str, values: Values<'_>) -> Result<Row> {
        let client = Arc::clone(&self.client);
        self.send(client.query_one(sql, values))
    }

    pub(super) fn query_opt(&mut self, sql: &str, values: Values<'_>) -> Result<Option<Row>> {
        let client = Arc::clone(&self.client);
        self.send(client.query_opt(sql, values))
    }

    /// Runs statements without values.
    pub(super) fn batch_execute(&mut self, sql: &str) -> Result<()> {
        let client = Arc::clone(&self.client);
        self.send(client.batch_execute(sql))
    }

    /// Runs statements without values; their answers as text.
    pub(super) fn simple_query(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>> {
        let client = Arc::clone(&self.client);
        self.send(client.simple_query(sql))
    }
}

fn values<'a>(given: &'a [Given<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    given.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn marked(client: Arc<tokio_postgres::Client>, text: String) -> UnderWay<u64> {
    Box::pin(async move { client.batch_execute(&text).await.map(|()| 0) })
}

fn written(client: Arc<tokio_postgres::Client>, statement: Statement, given: Vec<Given<'static>>) -> UnderWay<u64> {
    Box::pin(async move { client.execute(&statement, &values(&given)).await })
}

/// Whether statements are too many to wait, by the bytes of their values.
fn is_much(each: impl ExactSizeIterator<Item = usize>) -> bool {
    each.len() > MOST || each.sum::<usize>() > MOST_BYTES
}

/// The number of a statement, whether it writes, and the rows that it has changed.
type Answered = (u64, bool, Result<u64, Error>);

/// Sends all of these and `last` before an answer is waited for; then their answers in order, while more of them
/// `are_wanted`, and the last one.
async fn together<T>(
    under_way: &mut VecDeque<Sent>,
    are_wanted: impl Fn(&VecDeque<Sent>) -> bool,
    last: impl Future<Output = T>,
) -> (Vec<Answered>, T) {
    let mut last = pin!(last);
    let early = poll_fn(|cx| {
        for Sent { answer, come, .. } in under_way.iter_mut().filter(|sent| sent.come.is_none()) {
            if let Poll::Ready(ready) = answer.as_mut().poll(cx) {
                *come = Some(ready);
            }
        }
        Poll::Ready(match last.as_mut().poll(cx) {
            Poll::Ready(ready) => Some(ready),
            Poll::Pending => None,
        })
    })
    .await;
    let mut answers = Vec::with_capacity(under_way.len());
    while are_wanted(under_way)
        && let Some(Sent { number, writes, answer, come, .. }) = under_way.pop_front()
    {
        answers.push((
            number,
            writes,
            match come {
                Some(come) => come,
                None => answer.await,
            },
        ));
    }
    let done = match early {
        Some(done) => done,
        None => last.await,
    };
    (answers, done)
}

#[cfg(test)]
impl super::Conn {
    /// How often answers of the server were waited for.
    pub fn trips(&self) -> u64 {
        self.link.borrow().client.trips
    }
}
