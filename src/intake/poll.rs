//! Polling one account: what is new in its folders, in ranges, and what is to be done on its server afterwards.
//!
//! A session asks the main thread what it needs to know ([`Desk`]) and never sees the store. What a
//! session received before its connection broke has been handed over before the error is.

use std::collections::HashMap;

use anyhow::Result;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::receive::{Batch, Delivered, Item};
use crate::net::{Body, Listed, ListedFolder, MailSource, NetError, NetErrorKind, OpenFolder};
use crate::store::accounts::{Account, AfterImport, Folder, ReadSent};
use crate::store::raw::Packed;
use crate::store::server_actions::ServerAction;

/// One FETCH asks for at most so many bytes …
const RANGE_BYTES: u64 = 16 << 20;
/// … and so many messages.
const RANGE_COUNT: usize = 500;
/// So many packed bytes are handed over at once, while the rest of the range is on its way.
const HAND_OVER: usize = 1 << 20;
/// So many packed bytes may wait for one that is listed before them.
const EARLY_MAX: usize = 64 << 20;
/// Of a message over the size limit so much is fetched (B2.8).
const BEGINNING: u32 = 1 << 20;

/// What a session has to do.
#[derive(Debug, Clone)]
pub struct Job {
    /// The account.
    pub account: Account,
    /// Its folders in order.
    pub folders: Vec<Folder>,
    /// Messages per folder and run; 0 = all.
    pub portion: usize,
    /// Largest message in bytes.
    pub max_size: u64,
    /// Nothing is changed on the server.
    pub dry_run: bool,
}

/// The main thread, as a session sees it.
pub trait Desk {
    /// A folder was opened: its watermark (begun anew if UIDVALIDITY changed) and the UIDs that are settled above it.
    fn opened(&mut self, folder: &str, open: OpenFolder) -> Result<Start>;
    /// So many messages and bytes are going to be fetched.
    fn begun(&mut self, messages: usize, bytes: u64) -> Result<()>;
    /// A batch to be stored and imported.
    fn batch(&mut self, batch: Batch) -> Result<()>;
    /// Everything that was to be fetched from a folder has been handed over; gives what is to be done on the server.
    fn complete(&mut self, folder: &str, uidvalidity: u32, up_to: u32) -> Result<Vec<ServerAction>>;
    /// The server has done these, or refused with these words.
    fn acted(&mut self, ids: Vec<i64>, refused: Option<String>) -> Result<()>;
    /// The server has a Sent folder of this name; it is polled from now on.
    fn sent_folder(&mut self, name: &str) -> Result<()>;
    /// A folder failed (`Some`) or works; the session goes on.
    fn folder(&mut self, folder: &str, failure: Option<&NetError>) -> Result<()>;
}

/// Where a folder's poll starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Everything up to this UID is settled.
    pub last_uid: u32,
    /// Up to this UID fetch-since decides.
    pub past_uid: u32,
    /// Settled UIDs above the watermark, ascending.
    pub known: Vec<u32>,
}

/// Polls every folder of an account over one session.
///
/// # Errors
/// The session is over: network, protocol, or the desk has closed.
pub fn session(source: &mut dyn MailSource, job: &Job, desk: &mut dyn Desk) -> Result<()> {
    let mut failed = None;
    let sent = sent_folder(source, job, desk)?;
    for folder in job.folders.iter().chain(&sent) {
        match poll_folder(source, job, &folder.name, desk) {
            Ok(()) => desk.folder(&folder.name, None)?,
            Err(error) => {
                let Some(net) = error.downcast_ref::<NetError>() else { return Err(error) };
                desk.folder(&folder.name, Some(net))?;
                if !matches!(net.kind, NetErrorKind::Folder | NetErrorKind::Refused | NetErrorKind::Temporary) {
                    return Err(error.context(format!("folder {}", folder.name)));
                }
                failed.get_or_insert(error.context(format!("folder {}", folder.name)));
            }
        }
    }
    source.logout();
    failed.map_or(Ok(()), Err)
}

/// The Sent folder of an account that reads it and has not found it yet (B13.7).
fn sent_folder(source: &mut dyn MailSource, job: &Job, desk: &mut dyn Desk) -> Result<Option<Folder>> {
    let known = job.folders.iter().any(|folder| folder.sent);
    if known || job.dry_run || job.account.read_sent != ReadSent::Auto {
        return Ok(None);
    }
    let listed = match source.folders() {
        Err(error) if matches!(error.kind, NetErrorKind::Refused) => return Ok(None),
        listed => listed?,
    };
    let Some(name) = sent_name(&listed) else { return Ok(None) };
    desk.sent_folder(name)?;
    let is_polled = job.folders.iter().any(|folder| folder.name == name);
    Ok((!is_polled).then(|| Folder::new(name, true)))
}

/// The folder for special use as \Sent (RFC 6154), else one of a usual name, alone or below the inbox.
fn sent_name(listed: &[ListedFolder]) -> Option<&str> {
    let usual = |name: &str| {
        let last = name.rsplit(['/', '.']).next().unwrap_or(name);
        let is_top = last == name || name.get(..5).is_some_and(|root| root.eq_ignore_ascii_case("INBOX"));
        is_top
            && ["sent", "sent items", "sent messages", "sent mail"].iter().any(|word| last.eq_ignore_ascii_case(word))
    };
    let mut selectable = listed.iter().filter(|folder| folder.selectable);
    let special =
        selectable.clone().find(|f| f.special_use.as_deref().is_some_and(|u| u.eq_ignore_ascii_case("\\Sent")));
    special.or_else(|| selectable.find(|folder| usual(&folder.name))).map(|folder| folder.name.as_str())
}

fn poll_folder(source: &mut dyn MailSource, job: &Job, folder: &str, desk: &mut dyn Desk) -> Result<()> {
    let read_only = job.dry_run || job.account.after_import == AfterImport::Keep;
    let open = source.open(folder, read_only)?;
    let start = desk.opened(folder, open)?;
    let mut new = new_messages(source, &job.account, open, &start)?;
    let all = job.portion == 0 || new.len() <= job.portion;
    if !all {
        new.truncate(job.portion);
    }
    if !new.is_empty() {
        desk.begun(new.len(), new.iter().map(|message| message.size).sum())?;
    }
    fetch_listed(source, job, folder, open.uidvalidity, &new, desk)?;
    // Below UIDNEXT there is nothing left that is not in the ledger or in the past.
    let up_to = match (all, open.uidnext) {
        (true, Some(next)) => next.saturating_sub(1),
        _ => 0,
    };
    let actions = desk.complete(folder, open.uidvalidity, up_to)?;
    if job.dry_run { Ok(()) } else { act(source, &actions, desk) }
}

/// Fetches these messages of the open folder, range by range, and hands them over.
pub(super) fn fetch_listed(
    source: &mut dyn MailSource,
    job: &Job,
    folder: &str,
    uidvalidity: u32,
    listed: &[Listed],
    desk: &mut dyn Desk,
) -> Result<()> {
    ranges(listed, job.max_size)
        .into_iter()
        .try_for_each(|range| fetch_range(source, job, folder, uidvalidity, range, desk))
}

/// The messages that are new by UID, ascending (B2.2). Nothing is asked where UIDNEXT says there is nothing.
pub(super) fn new_messages(
    source: &mut dyn MailSource,
    account: &Account,
    open: OpenFolder,
    start: &Start,
) -> Result<Vec<Listed>> {
    if open.exists == 0 || open.uidnext.is_some_and(|next| next <= start.last_uid.saturating_add(1)) {
        return Ok(Vec::new());
    }
    let mut listed = Vec::new();
    if start.last_uid < start.past_uid {
        listed = since(source, account.fetch_since, start)?;
    }
    if open.uidnext.is_none_or(|next| next > start.past_uid.saturating_add(1)) {
        listed.extend(source.list(start.last_uid.max(start.past_uid).saturating_add(1))?);
    }
    listed.retain(|message| message.uid > start.last_uid && start.known.binary_search(&message.uid).is_err());
    Ok(listed)
}

/// What lay in the folder at the first poll: SEARCH SINCE the day before narrows, INTERNALDATE decides.
fn since(source: &mut dyn MailSource, fetch_since: Timestamp, start: &Start) -> Result<Vec<Listed>> {
    let day_before = (fetch_since - SignedDuration::from_hours(24)).to_zoned_datetime(TimeZone::UTC).date();
    let is_past = |uid: u32| uid > start.last_uid && uid <= start.past_uid;
    let mut listed = match source.search_since(day_before)? {
        Some(mut uids) => {
            uids.retain(|uid| is_past(*uid));
            found(source, &uids)?
        }
        None => source.list(start.last_uid.saturating_add(1))?,
    };
    listed.retain(|message| is_past(message.uid));
    listed.retain(|message| message.internal_date.is_none_or(|date| date >= fetch_since));
    Ok(listed)
}

/// Lists what a search has found. What the list leaves out is fetched all the same: nothing is known of it.
fn found(source: &mut dyn MailSource, uids: &[u32]) -> Result<Vec<Listed>> {
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let mut listed = source.list_uids(uids)?;
    let missing = |uid: &u32| listed.binary_search_by_key(uid, |message| message.uid).is_err();
    let unknown: Vec<u32> = uids.iter().copied().filter(missing).collect();
    listed.extend(unknown.into_iter().map(|uid| Listed { uid, size: 0, internal_date: None, seen: false }));
    listed.sort_by_key(|message| message.uid);
    Ok(listed)
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
    folder: &str,
    uidvalidity: u32,
    range: &[Listed],
    desk: &mut dyn Desk,
) -> Result<()> {
    let large = range.iter().any(|message| message.size > job.max_size);
    let partial = large.then_some(BEGINNING);
    let uids: Vec<u32> = range.iter().map(|message| message.uid).collect();
    let batch = Batch { account_id: job.account.id, folder: folder.to_owned(), uidvalidity, items: Vec::new() };
    let mut arrivals = Arrivals { rest: range, early: HashMap::new(), waiting: 0, large, bytes: 0, batch };
    let mut handed = Ok(());
    let mut ended = source.fetch(&uids, partial, &mut |body| {
        if handed.is_ok() {
            handed = arrivals.take(body, desk);
        }
    });
    handed?;
    while let Some(listed) = arrivals.next() {
        let body = match (arrivals.early.remove(&listed.uid), &ended) {
            (Some(packed), _) => arrivals.delivered(packed),
            // What lies behind a broken connection is fetched by the next run; a refusal may mean a single message.
            (None, Err(e)) if e.kind != NetErrorKind::Refused => break,
            (None, _) => match alone(source, listed.uid, partial) {
                Ok(Some(raw)) if !raw.is_empty() => arrivals.delivered(Packed::new(raw)?),
                Ok(_) => Delivered::Nothing("the server answered OK without the message".into()),
                Err(e) if e.kind == NetErrorKind::Refused => Delivered::Nothing(e.message),
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            },
        };
        arrivals.batch.items.push(Item { listed, body });
    }
    arrivals.hand_over(desk)?;
    match ended {
        Err(error) if error.kind != NetErrorKind::Refused => Err(error.into()),
        // Each message has been asked for alone, and has its row.
        _ => Ok(()),
    }
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
    batch: Batch,
}

impl Arrivals<'_> {
    fn take(&mut self, body: Body, desk: &mut dyn Desk) -> Result<()> {
        if body.raw.is_empty() {
            // No message is empty: it is asked for once more, alone.
            return Ok(());
        }
        let packed = Packed::new(body.raw)?;
        self.waiting += packed.stored();
        self.early.insert(body.uid, packed);
        while let Some(listed) = self.rest.first().copied()
            && let Some(packed) = self.early.remove(&listed.uid)
        {
            self.next();
            self.bytes += packed.stored();
            self.waiting = self.waiting.saturating_sub(packed.stored());
            let body = self.delivered(packed);
            self.batch.items.push(Item { listed, body });
        }
        if self.waiting > EARLY_MAX {
            let words = "the server sends far more, or in another order, than it has listed";
            return Err(NetError::new(NetErrorKind::Protocol, words).into());
        }
        if self.bytes >= HAND_OVER { self.hand_over(desk) } else { Ok(()) }
    }

    fn next(&mut self) -> Option<Listed> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
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

/// Carries out what was planned for this folder, one command for each kind of action.
fn act(source: &mut dyn MailSource, actions: &[ServerAction], desk: &mut dyn Desk) -> Result<()> {
    for group in actions.chunk_by(|a, b| a.action == b.action) {
        let Some(first) = group.first() else { continue };
        for part in group.chunks(1_000) {
            let uids: Vec<u32> = part.iter().map(|a| a.uid).collect();
            let done = match first.action.parse() {
                Ok(AfterImport::Seen) => source.mark_seen(&uids),
                Ok(AfterImport::Delete) => source.delete(&uids),
                Ok(AfterImport::Move(target)) => source.move_to(&uids, &target),
                Ok(AfterImport::Keep) | Err(_) => Ok(()),
            };
            let ids = part.iter().map(|a| a.id).collect();
            desk.acted(ids, done.as_ref().err().map(|e| e.message.clone()))?;
            done?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(uid: u32, size: u64) -> Listed {
        Listed { uid, size, internal_date: None, seen: false }
    }

    /// A server that refuses every FETCH which names UID 3.
    struct Picky;

    impl MailSource for Picky {
        fn fetch(&mut self, uids: &[u32], _: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
            for uid in uids.iter().copied().take_while(|uid| *uid != 3) {
                take(Body { uid, raw: b"x".to_vec() });
            }
            let refused = || NetError::new(NetErrorKind::Refused, "cannot read it");
            if uids.contains(&3) { Err(refused()) } else { Ok(()) }
        }

        fn open(&mut self, _: &str, _: bool) -> Result<OpenFolder, NetError> {
            Ok(OpenFolder { uidvalidity: 1, uidnext: None, exists: 5 })
        }

        fn search_since(&mut self, _: jiff::civil::Date) -> Result<Option<Vec<u32>>, NetError> {
            Ok(None)
        }

        fn list(&mut self, _: u32) -> Result<Vec<Listed>, NetError> {
            Ok(Vec::new())
        }

        fn list_uids(&mut self, _: &[u32]) -> Result<Vec<Listed>, NetError> {
            Ok(Vec::new())
        }

        fn mark_seen(&mut self, _: &[u32]) -> Result<(), NetError> {
            Ok(())
        }

        fn move_to(&mut self, _: &[u32], _: &str) -> Result<(), NetError> {
            Ok(())
        }

        fn delete(&mut self, _: &[u32]) -> Result<(), NetError> {
            Ok(())
        }

        fn contains(&mut self, _: &str) -> Result<bool, NetError> {
            Ok(false)
        }

        fn create(&mut self, _: &str) -> Result<(), NetError> {
            Ok(())
        }

        fn append(&mut self, _: &str, _: &[u8], _: Timestamp) -> Result<(), NetError> {
            Ok(())
        }

        fn folders(&mut self) -> Result<Vec<crate::net::ListedFolder>, NetError> {
            Ok(Vec::new())
        }

        fn capabilities(&mut self) -> Result<Vec<String>, NetError> {
            Ok(Vec::new())
        }

        fn logout(&mut self) {}
    }

    /// Writes down what is handed over.
    #[derive(Default)]
    struct Notebook(Vec<(u32, bool)>);

    impl Desk for Notebook {
        fn batch(&mut self, batch: Batch) -> Result<()> {
            let whole = |item: &Item| (item.listed.uid, matches!(item.body, Delivered::Whole(_)));
            self.0.extend(batch.items.iter().map(whole));
            Ok(())
        }

        fn opened(&mut self, _: &str, _: OpenFolder) -> Result<Start> {
            Ok(Start::default())
        }

        fn begun(&mut self, _: usize, _: u64) -> Result<()> {
            Ok(())
        }

        fn complete(&mut self, _: &str, _: u32, _: u32) -> Result<Vec<ServerAction>> {
            Ok(Vec::new())
        }

        fn acted(&mut self, _: Vec<i64>, _: Option<String>) -> Result<()> {
            Ok(())
        }

        fn sent_folder(&mut self, _: &str) -> Result<()> {
            Ok(())
        }

        fn folder(&mut self, _: &str, _: Option<&NetError>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_message_that_is_refused_keeps_no_other_back() -> Result<()> {
        let store = crate::store::db::Store::in_memory()?;
        let account = store.write(|tx| {
            tx.execute(
                "INSERT INTO accounts (name, kind, address, fetch_since, created_at, edited_at) VALUES ('a', 'group', 'a@x', 0, 0, 0)",
                [],
            )?;
            crate::store::accounts::all(tx)
        })?;
        let Some(account) = account.into_iter().next() else { unreachable!() };
        let job = Job { account, folders: Vec::new(), portion: 0, max_size: 100, dry_run: false };
        let range: Vec<Listed> = (1..=5).map(|uid| listed(uid, 1)).collect();
        let mut desk = Notebook::default();
        fetch_range(&mut Picky, &job, "INBOX", 1, &range, &mut desk)?;
        assert_eq!(desk.0, [(1, true), (2, true), (3, false), (4, true), (5, true)]);
        Ok(())
    }

    #[test]
    fn the_sent_folder_is_found_by_its_use_else_by_its_name() {
        /// Name, special use, selectable.
        type Row<'a> = (&'a str, Option<&'a str>, bool);
        let rows: [(&[Row<'_>], Option<&str>); 7] = [
            (&[("INBOX", None, true), ("Sent", None, true), ("Gesendet", Some("\\Sent"), true)], Some("Gesendet")),
            (&[("INBOX", None, true), ("sent items", None, true)], Some("sent items")),
            (&[("INBOX.Sent", None, true)], Some("INBOX.Sent")),
            (&[("[Gmail]/Sent Mail", Some("\\Sent"), true)], Some("[Gmail]/Sent Mail")),
            (&[("Projects/Sent", None, true), ("Present", None, true)], None),
            (&[("Sent", None, false)], None),
            (&[], None),
        ];
        for (folders, expected) in rows {
            let listed: Vec<ListedFolder> = folders
                .iter()
                .map(|(name, special_use, selectable)| ListedFolder {
                    name: (*name).to_owned(),
                    special_use: special_use.map(str::to_owned),
                    selectable: *selectable,
                })
                .collect();
            assert_eq!(sent_name(&listed), expected, "{folders:?}");
        }
    }

    #[test]
    fn ranges_are_bounded_by_bytes_and_large_messages_stand_alone() {
        let mib = 1 << 20;
        let cut = |sizes: &[u64]| -> Vec<usize> {
            let new: Vec<Listed> = (1..).zip(sizes).map(|(uid, size)| listed(uid, *size)).collect();
            ranges(&new, 25 * mib).iter().map(|r| r.len()).collect()
        };
        assert_eq!(cut(&[]), Vec::<usize>::new());
        assert_eq!(cut(&[mib; 40]), [16, 16, 8]);
        assert_eq!(cut(&[mib, 20 * mib, mib, 60 * mib, mib]), [1, 1, 1, 1, 1]);
        assert_eq!(cut(&[100; 1_200]), [500, 500, 200]);
    }
}
