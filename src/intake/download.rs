//! Bodies from the server, in ranges, and who is charged where that breaks off (B2.4).
//!
//! One FETCH asks for a range. What a server refuses or passes over in it is asked for alone. Where the connection breaks,
//! the message that was being received is charged with an attempt: it stays as an open row of the ledger, the watermark
//! passes it, and the next run asks for it alone, after everything else. So no message holds up another one.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Instant;

use anyhow::Result;

use super::receive::{Batch, Delivered, Item};
use super::session_desk::{Desk, Job};
use crate::net::{Body, Listed, MailSource, NetError, NetErrorKind};
use crate::store::deliveries::Owed;
use crate::store::raw::Packed;

/// Maximum number of bytes that one FETCH asks for …
const RANGE_BYTES: u64 = 16 << 20;
/// … and maximum number of messages.
const RANGE_COUNT: usize = 500;
/// Maximum number of bytes that may wait for an earlier message; what comes then is asked for alone.
const EARLY_MAX: usize = 64 << 20;
/// Number of bytes fetched of a message over the size limit (B2.8).
const BEGINNING: u32 = 1 << 20;
/// What a message without a body is charged for.
const EMPTY: &str = "the server answered OK without the message";

/// Fetches these messages of the open folder, range by range, and hands them over. `moves`: they are all that lies between
/// the watermark and the last of them.
pub(super) fn fetch_listed(
    source: &mut dyn MailSource,
    job: &Job,
    folder: &str,
    uidvalidity: u32,
    listed: &[Listed],
    moves: bool,
    desk: &mut dyn Desk,
) -> Result<()> {
    let batch = Batch { account_id: job.account.id, folder: folder.to_owned(), uidvalidity, moves, items: Vec::new() };
    ranges(listed, job.max_size).into_iter().try_for_each(|range| fetch_range(source, job, batch.clone(), range, desk))
}

/// Asks once more, alone, for what servers have not delivered so far. One at which the connection breaks again ends the
/// session; the others are asked for by the next run. A folder that cannot be opened keeps back those of no other; the
/// first such error.
pub(super) fn fetch_owed(
    source: &mut dyn MailSource,
    job: &Job,
    owed: Vec<Owed>,
    desk: &mut dyn Desk,
) -> Result<Option<anyhow::Error>> {
    let mut open: Option<(String, u32)> = None;
    let (mut closed, mut failed) = (Vec::new(), None);
    for Owed { folder, uidvalidity, uid, size } in owed {
        if closed.contains(&folder) {
            continue;
        }
        if open.as_ref().is_none_or(|(name, _)| *name != folder) {
            open = match source.open(&folder, true) {
                Ok(opened) => Some((folder.clone(), opened.uidvalidity)),
                Err(error) => {
                    desk.folder(&folder, Some(&error))?;
                    let goes_on = error.is_of_folder();
                    let error = NetError::of_folder(error.into(), &folder);
                    if !goes_on {
                        return Err(error);
                    }
                    failed.get_or_insert(error);
                    closed.push(folder);
                    open = None;
                    continue;
                }
            };
        }
        if open.as_ref().is_some_and(|(_, now)| *now == uidvalidity) {
            let listed = Listed { uid, size: size.unsigned_abs(), internal_date: None, seen: false };
            fetch_listed(source, job, &folder, uidvalidity, &[listed], false, desk)
                .map_err(|error| error.context(format!("folder {folder}, UID {uid}, which was asked for alone")))?;
        }
    }
    Ok(failed)
}

/// Cuts what is to be fetched into ranges bounded by bytes and count; a message over the limit stands alone.
fn ranges(new: &[Listed], max_size: u64) -> Vec<&[Listed]> {
    let mut ranges = Vec::new();
    let mut rest = new;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |message: &&Listed| {
            bytes += message.size;
            bytes <= RANGE_BYTES && message.size <= max_size
        };
        let count = rest.iter().take(RANGE_COUNT).take_while(fits).count().max(1);
        let (range, after) = rest.split_at(count.min(rest.len()));
        ranges.push(range);
        rest = after;
    }
    ranges
}

fn fetch_range(
    source: &mut dyn MailSource,
    job: &Job,
    batch: Batch,
    range: &[Listed],
    desk: &mut dyn Desk,
) -> Result<()> {
    let large = range.iter().any(|message| message.size > job.max_size);
    let partial = large.then_some(BEGINNING);
    let uids: Vec<u32> = range.iter().map(|message| message.uid).collect();
    let hand_over = desk.enough();
    let mut arrivals = Arrivals { rest: range, early: HashMap::new(), waiting: 0, large, bytes: 0, hand_over, batch };
    let mut handed = Ok(());
    let mut ended = source.fetch(&uids, partial, &mut |body| {
        if handed.is_ok() {
            handed = arrivals.take(body, desk);
        }
    });
    handed?;
    let mut charged = ended.as_ref().err().and_then(|error| arrivals.charge(&*source, job, error));
    while let Some(listed) = arrivals.rest.first().copied() {
        let body = if let Some(packed) = arrivals.early.remove(&listed.uid) {
            arrivals.delivered(packed)
        } else if let Some(charge) = charged.take_if(|charge| charge.listed.uid == listed.uid) {
            charge.body
        } else if ended.as_ref().is_err_and(|error| error.kind != NetErrorKind::Refused) {
            // What lies after a broken connection is fetched by the next run.
            break;
        } else {
            // A refusal may mean a single message.
            match alone(source, listed.uid, partial) {
                Ok(Some(raw)) if !raw.is_empty() => arrivals.delivered(Packed::new(raw)?),
                Ok(_) => Delivered::Nothing(EMPTY.into()),
                Err(error) if error.kind == NetErrorKind::Refused => Delivered::Nothing(error.message),
                Err(error) => {
                    charged = is_attempt(&error, job).then(|| Item::nothing(listed, &error));
                    ended = Err(error);
                    continue;
                }
            }
        };
        arrivals.next();
        arrivals.batch.items.push(Item { listed, body });
    }
    arrivals.hand_over(desk)?;
    if let Some(charge) = charged {
        // The watermark stays before what the server was to send ahead of it.
        let batch =
            Batch { items: vec![charge], folder: arrivals.batch.folder.clone(), moves: false, ..arrivals.batch };
        desk.batch(batch)?;
    }
    match ended {
        Err(error) if error.kind != NetErrorKind::Refused => Err(error.into()),
        // Each message has been asked for alone, and has its row.
        _ => Ok(()),
    }
}

/// Whether an error is a message's. A server that asks to be left alone, a token that ended, and the end of our own run are
/// not.
fn is_attempt(error: &NetError, job: &Job) -> bool {
    let is_over = error.kind == NetErrorKind::Timeout && Instant::now() >= job.until;
    let is_of_server = matches!(error.kind, NetErrorKind::Refused | NetErrorKind::TokenExpired);
    error.later.is_none() && !is_of_server && !is_over
}

/// The bodies of one FETCH, packed and handed on in the order of UIDs while the rest is still on its way.
struct Arrivals<'a> {
    rest: &'a [Listed],
    /// Came before one that is listed before them.
    early: HashMap<u32, Packed>,
    /// Bytes of these.
    waiting: usize,
    large: bool,
    bytes: usize,
    /// Bytes after which they are handed over.
    hand_over: usize,
    batch: Batch,
}

impl Arrivals<'_> {
    fn take(&mut self, body: Body, desk: &mut dyn Desk) -> Result<()> {
        if body.raw.is_empty() || self.waiting > EARLY_MAX {
            // It is asked for once more, alone: no message is empty.
            return Ok(());
        }
        let packed = Packed::new(body.raw)?;
        self.waiting += packed.size();
        self.early.insert(body.uid, packed);
        while let Some(listed) = self.rest.first().copied()
            && let Some(packed) = self.early.remove(&listed.uid)
        {
            self.next();
            self.bytes += packed.size();
            self.waiting = self.waiting.saturating_sub(packed.size());
            let body = self.delivered(packed);
            self.batch.items.push(Item { listed, body });
        }
        if self.bytes >= self.hand_over { self.hand_over(desk) } else { Ok(()) }
    }

    /// The message at which the connection broke: the one that was being received, else the first that has not come.
    fn charge(&self, source: &dyn MailSource, job: &Job, error: &NetError) -> Option<Item> {
        let missing = || self.rest.iter().filter(|message| !self.early.contains_key(&message.uid));
        let receiving = source.receiving().and_then(|uid| missing().find(|message| message.uid == uid));
        let charged = receiving.or_else(|| missing().next()).filter(|_| is_attempt(error, job));
        charged.map(|listed| Item::nothing(*listed, error))
    }

    fn next(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn delivered(&self, packed: Packed) -> Delivered {
        if self.large { Delivered::Beginning(packed) } else { Delivered::Whole(packed) }
    }

    fn hand_over(&mut self, desk: &mut dyn Desk) -> Result<()> {
        let items = std::mem::take(&mut self.batch.items);
        self.bytes = 0;
        if items.is_empty() {
            return Ok(());
        }
        desk.batch(Batch { items, folder: self.batch.folder.clone(), ..self.batch })
    }
}

/// Asks once more for a message that was listed but not delivered (B2.4).
fn alone(source: &mut dyn MailSource, uid: u32, partial: Option<u32>) -> Result<Option<Vec<u8>>, NetError> {
    let mut raw = None;
    let asked = source.fetch(&[uid], partial, &mut |body| raw = Some(body.raw));
    if raw.is_none() { asked.map(|()| None) } else { Ok(raw) }
}
