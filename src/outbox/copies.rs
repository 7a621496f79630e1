//! Copies of sent mail in the Sent folder of its account, by APPEND (B13.7).
//!
//! A copy is planned in the transaction that settles the message, and looked for by its Message-ID before it is made: so
//! nothing is lost or doubled, whether a run was killed at any point or the server keeps copies by itself.

use std::time::Instant;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::backoff::backoff;
use super::{is_over, share};
use crate::claim::{self, Asked, Leased};
use crate::health;
use crate::net::{self, MailSource, NetError, NetErrorKind};
use crate::store::accounts::{self, Account, StoreSent};
use crate::store::db::{self, Store, Tx};
use crate::store::outbox::{OutboxKind, OutboxRow};
use crate::store::sent_copies::{self, SentCopy};
use crate::store::{emails, raw};
use crate::system_words;

/// Connects to the IMAP server of an account, for a conversation that ends at the given moment.
pub type ConnectImap<'a> = dyn FnMut(&Account, Option<Instant>) -> Result<Box<dyn MailSource>> + 'a;

/// Plans the copy of a message that was sent, where its account keeps them. Only what people write is kept.
pub(super) fn plan(tx: &Tx<'_>, account: &Account, row: &OutboxRow, now: Timestamp) -> Result<()> {
    match (&account.sending.store_sent, row.kind) {
        (Some(_), OutboxKind::Mail) if account.imap.host.is_some() => sent_copies::plan(tx, row.id, now),
        _ => Ok(()),
    }
}

/// Makes the copies that are due, one session for each account but those that are `left` to other machines, until the time that
/// they share is over; the accounts where that failed. The caller holds the send lock.
///
/// # Errors
/// Only where the database fails.
pub fn keep_copies(
    store: &Store,
    connect: &mut ConnectImap<'_>,
    until: Option<Instant>,
    left: &[i64],
    clock: &dyn Fn() -> Timestamp,
) -> Result<Vec<(String, anyhow::Error)>> {
    let mut failed = Vec::new();
    let mut due = store.read(|tx| sent_copies::accounts_due(tx, clock()))?;
    due.retain(|account_id| !left.contains(account_id));
    for (at, account_id) in due.iter().copied().enumerate() {
        if is_over(until) {
            break;
        }
        let Some(account) = store.read(|tx| accounts::by_id(tx, account_id))? else { continue };
        // A refused login is left alone for a while (B2.5), so is a server that asks for it (B2.15), and a disabled account
        // altogether.
        if !account.active || health::waits(&account.health, false, clock()).is_some() {
            continue;
        }
        // Another machine keeps them now.
        let Asked::Held(claim) = claim::sending(store, account_id)? else { continue };
        let _under = claim.under();
        let copies = store.read(|tx| sent_copies::due(tx, account_id, clock()))?;
        let ended = match (&account.sending.store_sent, account.imap.host.is_some()) {
            (Some(place), true) => {
                let until = share(until, due.len() - at);
                let made = of_account(&claim, &account, place, connect, until, &copies, clock);
                db::unless_fatal(made)?.unwrap_or_else(Some)
            }
            // Taken away since they were planned.
            _ => {
                store.write(|tx| copies.iter().try_for_each(|copy| sent_copies::done(tx, copy.outbox_id)))?;
                None
            }
        };
        if let Some(error) = ended {
            let said = error.chain().find_map(|cause| cause.downcast_ref::<NetError>());
            if let Some(after) = said.and_then(|said| said.later).and_then(|later| later.after) {
                let until = clock() + SignedDuration::try_from(after)?;
                store.write(|tx| accounts::rest(tx, account_id, until))?;
            }
            failed.push((account.name, error));
        }
    }
    Ok(failed)
}

/// Makes the copies of one account; the error that ended it.
fn of_account(
    claim: &Leased<'_>,
    account: &Account,
    place: &StoreSent,
    connect: &mut ConnectImap<'_>,
    until: Option<Instant>,
    copies: &[SentCopy],
    clock: &dyn Fn() -> Timestamp,
) -> Result<Option<anyhow::Error>> {
    let store = claim.store();
    let put_off = |copies: &[SentCopy], words: &str| {
        store.write(|tx| {
            copies
                .iter()
                .try_for_each(|copy| sent_copies::put_off(tx, copy.outbox_id, words, clock() + backoff(copy.attempts)))
        })
    };
    let opened = connect(account, until).and_then(|mut source| {
        let folder = open_folder(source.as_mut(), place)?;
        Ok((source, folder))
    });
    let (mut source, folder) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            put_off(copies, &system_words::chain(&error))?;
            return Ok(Some(error));
        }
    };
    for (at, copy) in copies.iter().enumerate() {
        match keep(claim, source.as_mut(), &folder, copy)? {
            Ok(()) => store.write(|tx| sent_copies::done(tx, copy.outbox_id))?,
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("folder {folder}"));
                put_off(copies.get(at..).unwrap_or_default(), &system_words::chain(&error))?;
                return Ok(Some(error));
            }
        }
    }
    source.logout();
    Ok(None)
}

/// One copy, unless it is there: by us, before a run was killed, or by the server itself. The outer error is the
/// database's.
fn keep(
    claim: &Leased<'_>,
    source: &mut dyn MailSource,
    folder: &str,
    copy: &SentCopy,
) -> Result<Result<(), NetError>> {
    let (names, bytes) = claim.store().read(|tx| {
        let names = match copy.email_id {
            Some(id) => emails::names(tx, id)?,
            None => vec![copy.message_id.clone()],
        };
        Ok((names, raw::bytes(tx, copy.raw_id)?))
    })?;
    for name in &names {
        match source.contains(name) {
            Ok(false) => {}
            there => return Ok(there.map(drop)),
        }
    }
    // A process that was stopped meanwhile, or a machine that slept, may not be the only one any more that makes it.
    claim.look()?;
    Ok(source.append(folder, &bytes, copy.date))
}

/// The folder for copies, opened; made where it is missing.
fn open_folder(source: &mut dyn MailSource, place: &StoreSent) -> Result<String> {
    let folder = match place {
        StoreSent::Folder(name) => name.clone(),
        StoreSent::SpecialUse => net::sent_folder(&source.folders()?).unwrap_or("Sent").to_owned(),
    };
    // Not read-only: Courier then takes no message for the folder.
    match source.open(&folder, false) {
        Err(error) if error.kind == NetErrorKind::Folder => {
            source.create(&folder).map_err(|_| error)?;
            source.open(&folder, false)?;
        }
        opened => drop(opened?),
    }
    Ok(folder)
}
