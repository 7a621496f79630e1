//! One account's turn: what is due goes out over one connection, or over another where the server takes only a few
//! over one (B13.5).

use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;

use super::settle::{self, Settled, settle, settle_doubt};
use super::{Aftermath, Connect, Fate, Flushed, Trouble, Undelivered, is_over};
use crate::claim::{self, Leased};
use crate::mail::refusal;
use crate::net::{Envelope, MailTransport, NetError, NetErrorKind, Reply, SendError, Sent};
use crate::store::accounts::certificates::{self, Certificate, Served};
use crate::store::accounts::{self, Account};
use crate::store::db::{self, Store, Superseded, Tx};
use crate::store::outbox::{self, OutboxKind, OutboxRow, OutboxState};
use crate::store::raw;
use crate::system_words;

/// Number of refusals in a row by the account's own server after which the rest is not even tried.
const REFUSALS: usize = 3;

/// How the sending of one row ended for the turn.
enum Ended {
    /// The next row may be sent.
    Fine,
    /// It could not be sent for a reason that is not in the message.
    Held(anyhow::Error),
    /// Nothing more can be sent now.
    Over(anyhow::Error),
}

/// What one transaction came to.
enum Came {
    /// Settled, one way or the other.
    To(Ended),
    /// The connection is gone, and nothing of this row was sent.
    Nothing(NetError),
}

struct Turn<'a, 'c> {
    store: &'a Store,
    claim: &'a Leased<'a>,
    account: Account,
    connect: &'a mut Connect<'c>,
    aftermath: &'a Aftermath<'a>,
    until: Option<Instant>,
    clock: &'a dyn Fn() -> Timestamp,
    flushed: &'a mut Flushed,
    transport: Option<Box<dyn MailTransport>>,
    /// Messages that got through over this connection.
    through: usize,
    /// Whether any got through in this turn.
    any: bool,
}

/// Sends the rows of one account that are due until its time is over; what is wrong with the account, if anything is.
#[allow(clippy::too_many_arguments)]
pub(super) fn run(
    store: &Store,
    claim: &Leased<'_>,
    account: Account,
    connect: &mut Connect<'_>,
    aftermath: &Aftermath<'_>,
    until: Option<Instant>,
    clock: &dyn Fn() -> Timestamp,
    flushed: &mut Flushed,
) -> Result<Option<anyhow::Error>> {
    let _under = claim.under();
    let rows = store.read(|tx| outbox::due(tx, account.id, clock()))?;
    let mut turn = Turn {
        store,
        claim,
        account,
        connect,
        aftermath,
        until,
        clock,
        flushed,
        transport: None,
        through: 0,
        any: false,
    };
    let (mut trouble, mut held) = (None, 0);
    for (at, row) in rows.iter().enumerate() {
        let left = rows.get(at..).unwrap_or_default();
        // What is left is still due: the next run sends it.
        if is_over(until) {
            turn.flushed.put_off += left.len();
            break;
        }
        if turn.transport.is_none()
            && let Some(error) = turn.dial(left)?
        {
            trouble = Some(error);
            break;
        }
        match turn.row(row)? {
            Ended::Fine => held = 0,
            Ended::Held(error) => {
                trouble = Some(error);
                held += 1;
                if held == REFUSALS {
                    break;
                }
            }
            Ended::Over(error) => {
                trouble = Some(error);
                break;
            }
        }
    }
    if let Some(transport) = &mut turn.transport {
        transport.quit();
    }
    // A server that takes mail and then asks for a pause is none that an account cannot send by.
    Ok(trouble.filter(|error| !(turn.any && is_passing(error))))
}

impl Turn<'_, '_> {
    /// Connects; the error, if that cannot be done. A server that cannot be reached is asked again later for all that
    /// is left; one that refuses for good is the account's error.
    fn dial(&mut self, left: &[OutboxRow]) -> Result<Option<anyhow::Error>> {
        self.through = 0;
        match (self.connect)(&self.account, self.until) {
            Ok(transport) => {
                self.remember(transport.as_ref())?;
                self.transport = Some(transport);
                Ok(None)
            }
            Err(error) => {
                if is_passing(&error) {
                    let words = system_words::chain(&error);
                    let given_up = self.store.write(|tx| {
                        let one = |row: &OutboxRow| Ok((row.id, self.wait_or_fail(tx, row, &words)?));
                        left.iter().map(one).collect::<Result<Vec<_>>>()
                    })?;
                    given_up.into_iter().for_each(|(id, failed)| self.tell(id, failed, Fate::Failed));
                }
                self.flushed.put_off += left.len();
                Ok(Some(error))
            }
        }
    }

    /// Until when the certificate of the server holds.
    fn remember(&self, transport: &dyn MailTransport) -> Result<()> {
        let Some(ends) = transport.certificate_ends() else { return Ok(()) };
        let host = self.account.smtp.host.clone().unwrap_or_default();
        let seen = Certificate { account_id: self.account.id, served: Served::Smtp, host, ends };
        match self.store.read(|tx| certificates::is_known(tx, &seen))? {
            true => Ok(()),
            false => self.store.write(|tx| certificates::remember(tx, &seen)),
        }
    }

    /// Sends one row, over a new connection where this one ended after something had got through.
    fn row(&mut self, row: &OutboxRow) -> Result<Ended> {
        loop {
            if self.transport.is_none()
                && let Some(error) = self.dial(std::slice::from_ref(row))?
            {
                return Ok(Ended::Over(error));
            }
            match self.attempt(row)? {
                Came::To(ended) => return Ok(ended),
                Came::Nothing(_) if self.through > 0 => self.transport = None,
                Came::Nothing(error) => {
                    self.transport = None;
                    self.put_off(row, &error.message, Fate::Waits)?;
                    return Ok(Ended::Over(error.into()));
                }
            }
        }
    }

    /// One message: a refused null sender is repeated once with the account's address (B13.5).
    fn attempt(&mut self, row: &OutboxRow) -> Result<Came> {
        let body = self.store.read(|tx| raw::bytes(tx, row.raw_id))?;
        let mut from = row.envelope_from.clone();
        if from.is_empty() && self.account.null_sender_refused {
            from.clone_from(&self.account.address);
        }
        let first = from.is_empty();
        loop {
            let to = self.store.read(|tx| outbox::open_recipients(tx, row.id))?;
            let envelope = Envelope { from, to };
            let (result, claimed) = self.transact(row, &envelope, &body)?;
            let refused = match result {
                Ok(sent) => match self.settle(row, &envelope, &sent, claimed, first)? {
                    Ok(ended) => return Ok(Came::To(ended)),
                    Err(refused) => refused,
                },
                Err(SendError::SenderRefused(reply)) => format!("sender refused: {}", reply.words()),
                Err(SendError::NotNow(reply)) => return self.not_now(row, &reply),
                Err(SendError::BeforeBody(error)) => return Ok(Came::Nothing(error)),
                Err(SendError::InDoubt(error)) => return self.in_doubt(row, error).map(Came::To),
                Err(SendError::Caller(words)) => return Err(anyhow::anyhow!(words)),
            };
            if !envelope.from.is_empty() {
                return self.refused(row, refused).map(Came::To);
            }
            from = self.account.address.clone();
            self.store.write(|tx| outbox::set_envelope_from(tx, row.id, &from))?;
        }
    }

    /// Runs the transaction; whether the body was begun.
    fn transact(
        &mut self,
        row: &OutboxRow,
        envelope: &Envelope,
        body: &[u8],
    ) -> Result<(Result<Sent, SendError>, bool)> {
        let Some(transport) = &mut self.transport else { anyhow::bail!("there is no connection") };
        let (mut claimed, mut unclaimed) = (false, None);
        let result = transport.send(envelope, body, &mut || {
            let (store, now) = (self.store, (self.clock)());
            let begun = claim::uptime();
            let written =
                store.write(|tx| outbox::change(tx, row.id, OutboxState::Waiting, OutboxState::InDoubt, "", now));
            // A process that was stopped meanwhile, or a machine that slept, may not be the only sender any more.
            let written = written.and_then(|()| match self.claim.is_held_since(begun) {
                true => Ok(()),
                false => Err(Superseded.into()),
            });
            match written {
                Ok(()) => {
                    claimed = true;
                    Ok(())
                }
                Err(error) => {
                    let words = system_words::chain(&error);
                    unclaimed = Some(error);
                    Err(words)
                }
            }
        });
        match unclaimed {
            Some(error) => Err(error.context("cannot claim the outbox row")),
            None => Ok((result, claimed)),
        }
    }

    /// Writes what the server said; the inner error is its refusal of the account.
    fn settle(
        &mut self,
        row: &OutboxRow,
        envelope: &Envelope,
        sent: &Sent,
        claimed: bool,
        null_first: bool,
    ) -> Result<Result<Ended, String>> {
        let now = (self.clock)();
        let repeated = null_first && !envelope.from.is_empty();
        let Settled { state, taken, refused, failed } = self.store.write(|tx| {
            let settled = settle(tx, &self.account, row, envelope, sent, claimed, now)?;
            if settled.taken && repeated {
                accounts::remember_refused_null_sender(tx, self.account.id)?;
            }
            self.follow_up(tx, row, settled.state, &settled.failed)?;
            Ok(settled)
        })?;
        if taken {
            (self.through, self.any) = (self.through + 1, true);
            self.account.null_sender_refused |= repeated;
        }
        if let Some(words) = refused {
            return Ok(Err(words));
        }
        match state {
            OutboxState::Sent => self.flushed.sent += 1,
            OutboxState::Failed => {}
            _ => self.flushed.put_off += 1,
        }
        if !failed.is_empty() {
            self.flushed.failed += 1;
            self.flushed.failed_letters += usize::from(row.kind == OutboxKind::Mail);
        }
        self.tell(row.id, failed, Fate::Failed);
        if state == OutboxState::Waiting {
            let left = self.left(row)?;
            self.tell(row.id, left, Fate::Waits);
        }
        let last = sent.reply.as_ref().or(sent.refused.last().map(|(_, reply)| reply));
        match last.filter(|reply| refusal::wants_a_new_connection(reply.code, &reply.text)) {
            Some(reply) => Ok(Ok(self.leave(NetError::new(NetErrorKind::Closed, goodbye(reply))))),
            None => Ok(Ok(Ended::Fine)),
        }
    }

    /// MAIL FROM was refused for now.
    fn not_now(&mut self, row: &OutboxRow, reply: &Reply) -> Result<Came> {
        let words = format!("the server refused the sender: {}", reply.words());
        let error = NetError::new(NetErrorKind::Temporary, words);
        if self.through > 0 {
            return Ok(Came::Nothing(error));
        }
        self.put_off(row, &error.message, Fate::Waits)?;
        Ok(Came::To(Ended::Held(error.into())))
    }

    /// The connection ended while the body was on the wire.
    fn in_doubt(&mut self, row: &OutboxRow, error: NetError) -> Result<Ended> {
        self.store.write(|tx| settle_doubt(tx, row, &error.message, (self.clock)()))?;
        self.put_off(row, &error.message, Fate::Unknown)?;
        Ok(self.leave(error))
    }

    /// The account may not send this, whichever way: the row waits until somebody mends the account.
    fn refused(&mut self, row: &OutboxRow, words: String) -> Result<Ended> {
        let left = self.store.write(|tx| {
            outbox::explain(tx, row.id, &words)?;
            open(tx, row, &words)
        })?;
        self.tell(row.id, left, Fate::Waits);
        self.flushed.put_off += 1;
        Ok(Ended::Held(NetError::new(NetErrorKind::Refused, words).into()))
    }

    /// This connection is of no use any more; another one is made only where something got through over it.
    fn leave(&mut self, error: NetError) -> Ended {
        self.transport = None;
        if self.through > 0 { Ended::Fine } else { Ended::Over(error.into()) }
    }

    fn put_off(&mut self, row: &OutboxRow, words: &str, fate: Fate) -> Result<()> {
        self.flushed.put_off += 1;
        let (failed, left) = self.store.write(|tx| {
            let failed = self.wait_or_fail(tx, row, words)?;
            Ok((failed, open(tx, row, words)?))
        })?;
        self.tell(row.id, failed, Fate::Failed);
        self.tell(row.id, left, fate);
        Ok(())
    }

    /// Who will not get it any more, as it was tried for too long.
    fn wait_or_fail(&self, tx: &Tx<'_>, row: &OutboxRow, words: &str) -> Result<Vec<Undelivered>> {
        let failed = settle::put_off(tx, &self.account, row, words, (self.clock)())?;
        self.follow_up(tx, row, OutboxState::Waiting, &failed)?;
        Ok(failed)
    }

    /// Remembers for those who watch the run who did not get a message.
    fn tell(&mut self, outbox_id: i64, whom: Vec<Undelivered>, fate: Fate) {
        self.flushed.troubles.extend(whom.into_iter().map(|undelivered| Trouble { outbox_id, undelivered, fate }));
    }

    /// The recipients who wait, each with the server's words about them.
    fn left(&self, row: &OutboxRow) -> Result<Vec<Undelivered>> {
        let all = self.store.read(|tx| outbox::recipients(tx, row.id))?;
        let waiting = all.into_iter().filter(|(_, state, _)| state == "waiting");
        Ok(waiting.map(|(address, _, words)| Undelivered { address, words }).collect())
    }

    fn follow_up(&self, tx: &Tx<'_>, row: &OutboxRow, state: OutboxState, failed: &[Undelivered]) -> Result<()> {
        if state != OutboxState::Sent && failed.is_empty() {
            return Ok(());
        }
        // The server's answer is written even where the rest fails.
        let followed = tx.savepoint(|tx| (self.aftermath)(tx, row, failed, (self.clock)()));
        if let Err(error) = db::unless_fatal(followed)? {
            log::error!(
                "outbox {}: what follows from its fate could not be done: {}",
                row.id,
                system_words::chain(&error)
            );
        }
        Ok(())
    }
}

/// The recipients who wait, all for the same reason.
fn open(tx: &Tx<'_>, row: &OutboxRow, words: &str) -> Result<Vec<Undelivered>> {
    let waiting = outbox::open_recipients(tx, row.id)?.into_iter();
    Ok(waiting.map(|address| Undelivered { address, words: words.to_owned() }).collect())
}

fn goodbye(reply: &Reply) -> String {
    format!("the server said goodbye: {}", reply.words())
}

fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<NetError>().is_some_and(|e| {
        matches!(
            e.kind,
            NetErrorKind::Unreachable | NetErrorKind::Timeout | NetErrorKind::Closed | NetErrorKind::Temporary
        )
    })
}
