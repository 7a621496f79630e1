//! What has been kept for long enough goes, in small transactions: others read, fetch and write meanwhile. Each of them looks
//! again whether a thing is still old and settled. A kill leaves what is not done to the next run.

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::erase;
use crate::intake::world::World;
use crate::store::db::{Store, Tx};
use crate::store::emails;
use crate::store::prune::{self, Found, Old, Prunable};
use crate::store::sight::Sight;

/// Things that are looked for at once, without keeping anybody from writing.
const PAGE: i64 = 500;
/// A transaction takes about this long; others wait for no more.
const SHORT: Duration = Duration::from_millis(25);
/// Others get their turn for at least this long.
const TURN: Duration = Duration::from_millis(5);

/// Why the ledger says that mail is gone.
const REASON: &str = "pruned";

/// How much of a kind goes, by account; `None` = of none.
pub type Counts = BTreeMap<(Prunable, Option<i64>), (i64, i64)>;

/// Reads what is known of this instance, in a transaction.
pub type Load<'w> = dyn Fn(&Tx<'_>) -> Result<World<'w>> + 'w;

/// What a dry run has counted already: it goes only once.
#[derive(Default)]
pub struct Counted {
    /// Emails that would be gone.
    gone: HashSet<i64>,
    /// Emails that would have lost their attachments.
    stripped: HashSet<i64>,
}

impl Counted {
    /// What is left of a thing of a kind after what was counted before it; nothing where it would be gone.
    fn rest(&mut self, tx: &Tx<'_>, kind: Prunable, one: &Found) -> Result<Option<Found>> {
        match kind {
            Prunable::Trash => _ = self.gone.insert(one.id),
            Prunable::Cases => self.gone.extend(prune::emails_of_case(tx, one.id, i64::MAX)?),
            Prunable::Attachments | Prunable::Sources if self.gone.contains(&one.id) => return Ok(None),
            Prunable::Attachments => _ = self.stripped.insert(one.id),
            Prunable::Sources if self.stripped.contains(&one.id) => {
                return Ok(Some(Found { bytes: prune::size_without_attachments(tx, one.id)?, ..*one }));
            }
            Prunable::Sources | Prunable::Notifications | Prunable::Log => {}
        }
        Ok(Some(*one))
    }
}

/// Prunes what is old, or, with what was counted before, only counts it.
///
/// # Errors
/// The database cannot be read or written; what went until then is gone.
pub fn run(
    store: &Store,
    load: &Load<'_>,
    old: &Old<'_>,
    mut dry: Option<&mut Counted>,
    counts: &mut Counts,
) -> Result<()> {
    let (mut after, mut number) = (0, 16);
    loop {
        let page = store.read(|tx| prune::found(tx, old, after, i64::MAX, PAGE))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let wanted =
            |one: &&Found| old.accounts.is_empty() || one.account_id.is_some_and(|id| old.accounts.contains(&id));
        let page: Vec<Found> = page.iter().filter(wanted).copied().collect();
        if let Some(counted) = dry.as_deref_mut() {
            let rest = |one: &Found| store.read(|tx| counted.rest(tx, old.kind, one));
            let left = page.iter().map(rest).collect::<Result<Vec<_>>>()?;
            left.iter().flatten().for_each(|one| count(counts, old.kind, one));
            continue;
        }
        let mut rest = page.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(number.min(rest.len()));
            rest = others;
            let begun = Instant::now();
            let gone = remove(store, load, old, some)?;
            gone.iter().for_each(|one| count(counts, old.kind, one));
            let took = begun.elapsed();
            number = if took > SHORT { (number / 2).max(1) } else { (number * 2).min(200) };
            thread::sleep(took.max(TURN));
        }
    }
}

fn count(counts: &mut Counts, kind: Prunable, one: &Found) {
    let (number, bytes) = counts.entry((kind, one.account_id)).or_default();
    *number += 1;
    *bytes += one.bytes;
}

/// Removes these in one transaction, as far as they are still old; those that went.
fn remove(store: &Store, load: &Load<'_>, old: &Old<'_>, some: &[Found]) -> Result<Vec<Found>> {
    if old.kind == Prunable::Cases {
        let mut gone = Vec::new();
        for one in some {
            if case(store, load, old, one)? {
                gone.push(*one);
            }
        }
        return Ok(gone);
    }
    store.write(|tx| {
        let world = load(tx)?;
        let mut gone = Vec::new();
        for one in some {
            if is_still(tx, old, one)? {
                take(tx, old.kind, one.id, &world)?;
                gone.push(*one);
            }
        }
        Ok(gone)
    })
}

fn is_still(tx: &Tx<'_>, old: &Old<'_>, one: &Found) -> Result<bool> {
    Ok(!prune::found(tx, old, one.id - 1, one.id, 1)?.is_empty())
}

fn take(tx: &Tx<'_>, kind: Prunable, id: i64, world: &World<'_>) -> Result<()> {
    match kind {
        Prunable::Trash => email(tx, id, world),
        Prunable::Attachments => prune::attachments(tx, id),
        Prunable::Sources => prune::source(tx, id),
        Prunable::Notifications => prune::notification(tx, id),
        Prunable::Log => prune::log_entry(tx, id),
        // It has transactions of its own.
        Prunable::Cases => Ok(()),
    }
}

/// An email with all that hangs on it. A tombstone keeps it from coming back.
fn email(tx: &Tx<'_>, id: i64, world: &World<'_>) -> Result<()> {
    match emails::by_id(tx, id, Sight::Everything)? {
        Some(email) => erase::email(tx, world, &email, REASON),
        None => Ok(()),
    }
}

/// A case with its mail, of which it may have very much: some of it in each transaction, the case in the last one.
fn case(store: &Store, load: &Load<'_>, old: &Old<'_>, one: &Found) -> Result<bool> {
    const SOME: i64 = 20;
    loop {
        let begun = Instant::now();
        let (is_gone, is_old) = store.write(|tx| {
            if !is_still(tx, old, one)? {
                return Ok((true, false));
            }
            let mail = prune::emails_of_case(tx, one.id, SOME)?;
            if mail.is_empty() {
                prune::case(tx, one.id)?;
                return Ok((true, true));
            }
            let world = load(tx)?;
            mail.into_iter().try_for_each(|id| email(tx, id, &world))?;
            Ok((false, true))
        })?;
        if is_gone {
            return Ok(is_old);
        }
        thread::sleep(begun.elapsed().max(TURN));
    }
}
