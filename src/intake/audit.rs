//! The server's UIDs against the ledger (B2.13, R9): what is missing here, and getting it.
//!
//! Looking changes nothing: folders are opened by EXAMINE, a listing takes the round trips of a first poll, and no
//! body is asked for. [`Repair`] fetches what is missing through the same door as `fetch` ([`super::receive`] and
//! [`super::import`]), so that a message whose email is there makes neither a second case nor a second reply.
//! The watermark stays where it is: what lies above it is known to the next poll by its row.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

use super::import::{self, Imported};
use super::receive::{self, Batch};
use super::session_desk::{Desk, Job};
use super::{download, survey};
use crate::config::Config;
use crate::lock::Lock;
use crate::net::{Listed, MailSource, NetError, OpenFolder};
use crate::store::accounts::{self, Account, AfterImport, Folder};
use crate::store::db::Store;
use crate::store::deliveries::{self, Entry, Outcome};
use crate::store::search::index;

/// How server and ledger differ at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// On the server, not in the ledger.
    Missing,
    /// In the ledger, no longer on the server: information only.
    Gone,
    /// On the server, which never delivered it.
    Unfetchable,
    /// It came, but could not be imported: information only.
    Quarantined,
    /// The folder has another UIDVALIDITY than the ledger, or was never fetched: nothing can be compared.
    Uidvalidity,
}

impl What {
    /// The word in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Missing => "missing",
            What::Gone => "gone",
            What::Unfetchable => "unfetchable",
            What::Quarantined => "quarantined",
            What::Uidvalidity => "uidvalidity",
        }
    }

    /// Whether the ledger is not what it claims to be.
    pub fn is_fault(self) -> bool {
        matches!(self, What::Missing | What::Unfetchable | What::Uidvalidity)
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// UID, where it is about a message.
    pub uid: Option<u32>,
    /// How they differ.
    pub what: What,
    /// Size in bytes, as the server said.
    pub size: Option<i64>,
    /// INTERNALDATE.
    pub date: Option<Timestamp>,
    /// One line for people.
    pub reason: String,
}

/// A folder that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Name.
    pub folder: String,
    /// UIDVALIDITY of the server.
    pub uidvalidity: u32,
    /// Messages on the server that the account is to have.
    pub on_server: usize,
    /// Messages in the ledger.
    pub in_ledger: usize,
    /// Differences by ascending UID.
    pub findings: Vec<Finding>,
    /// What a repair asks for: missing and unfetchable messages as the server lists them.
    pub wanted: Vec<Listed>,
    /// What a repair gives up: unfetchable messages that the server does not have any more.
    pub left: Vec<u32>,
}

impl Audited {
    /// Whether a repair has something to do.
    pub fn is_to_be_repaired(&self) -> bool {
        !self.wanted.is_empty() || !self.left.is_empty()
    }
}

/// What an audit of an account came to.
#[derive(Debug, Default)]
pub struct Look {
    /// Folders that were looked at.
    pub audited: Vec<Audited>,
    /// Why others could not be, with their names.
    pub failed: Vec<anyhow::Error>,
}

/// Compares every monitored folder of an account with the ledger.
///
/// # Errors
/// The connection or the database fails.
pub fn look(source: &mut dyn MailSource, store: &Store, account: &Account) -> Result<Look> {
    let mut look = Look::default();
    for folder in store.read(|tx| accounts::folders(tx, account.id))? {
        match look_at(source, store, account, &folder) {
            Ok(audited) => look.audited.push(audited),
            Err(error) => {
                let goes_on = error.downcast_ref().is_some_and(NetError::is_of_folder);
                let error = NetError::of_folder(error, &folder.name);
                if !goes_on {
                    return Err(error);
                }
                look.failed.push(error);
            }
        }
    }
    Ok(look)
}

fn look_at(source: &mut dyn MailSource, store: &Store, account: &Account, folder: &Folder) -> Result<Audited> {
    let open = source.open(&folder.name, true)?;
    if folder.uidvalidity != Some(open.uidvalidity) {
        return Ok(renumbered(folder, open));
    }
    let listed = survey::everything(source, account.fetching.fetch_since, open, folder.past_uid)?;
    // Read after the listing: what a run stores meanwhile is not missing.
    let ledger = store.read(|tx| deliveries::of_folder(tx, account.id, &folder.name, open.uidvalidity))?;
    let unlisted = |entry: &&Entry| !is_listed(&listed, entry.uid);
    // Mail of the past is listed from fetch-since on only, which may have been moved since.
    let unsure: Vec<u32> =
        ledger.iter().filter(unlisted).map(|e| e.uid).filter(|uid| *uid <= folder.past_uid).collect();
    let there = if open.exists == 0 || unsure.is_empty() { Vec::new() } else { source.list_uids(&unsure)? };
    let gone = ledger.iter().filter(unlisted).filter(|entry| !is_listed(&there, entry.uid));
    // What came after the folder was opened is not gone.
    let gone: Vec<&Entry> = gone.filter(|entry| open.uidnext.is_none_or(|next| entry.uid < next)).collect();
    let given_up = |entry: &&&Entry| entry.outcome == Outcome::Unfetchable;
    let left = gone.iter().filter(given_up).map(|entry| entry.uid).collect();
    let mut findings: Vec<Finding> = gone.into_iter().filter_map(|entry| gone_from(account, entry)).collect();
    findings.extend(listed.iter().chain(&there).filter_map(|message| differs(message, &ledger, folder.last_uid)));
    findings.sort_by_key(|finding| finding.uid);
    let is_wanted = |message: &&Listed| {
        let found = findings.binary_search_by_key(&Some(message.uid), |finding| finding.uid);
        found.ok().and_then(|at| findings.get(at)).is_some_and(|finding| finding.what.is_fault())
    };
    let mut wanted: Vec<Listed> = listed.iter().chain(&there).filter(is_wanted).copied().collect();
    wanted.sort_by_key(|message| message.uid);
    Ok(Audited {
        folder: folder.name.clone(),
        uidvalidity: open.uidvalidity,
        on_server: listed.len(),
        in_ledger: ledger.iter().filter(|entry| entry.outcome != Outcome::Missing).count(),
        findings,
        wanted,
        left,
    })
}

fn is_listed(listed: &[Listed], uid: u32) -> bool {
    listed.binary_search_by_key(&uid, |message| message.uid).is_ok()
}

/// What the ledger makes of a message on the server; `None` where they agree.
fn differs(message: &Listed, ledger: &[Entry], last_uid: u32) -> Option<Finding> {
    let entry = ledger.binary_search_by_key(&message.uid, |entry| entry.uid).ok().and_then(|at| ledger.get(at));
    let (what, reason) = match entry {
        None if message.uid > last_uid => (What::Missing, "not fetched yet".to_owned()),
        None => (What::Missing, "on the server, not in the ledger".to_owned()),
        Some(entry) => match entry.outcome {
            Outcome::Missing => (What::Missing, format!("not delivered so far: {}", entry.reason)),
            Outcome::Unfetchable => (What::Unfetchable, entry.reason.clone()),
            Outcome::Quarantined => (What::Quarantined, entry.reason.clone()),
            _ => return None,
        },
    };
    let size = i64::try_from(message.size).ok().filter(|size| *size > 0);
    Some(Finding { uid: Some(message.uid), what, size, date: message.internal_date, reason })
}

/// A message that is no longer on the server. Where the account moves or deletes what it has imported that is as it
/// should be, and nothing is said.
fn gone_from(account: &Account, entry: &Entry) -> Option<Finding> {
    let removes = matches!(account.fetching.after_import, AfterImport::Delete | AfterImport::Move(_));
    let reason = match entry.outcome {
        Outcome::Missing | Outcome::Unfetchable => format!("was never delivered: {}", entry.reason),
        Outcome::Quarantined => format!("in the quarantine: {}", entry.reason),
        _ if removes => return None,
        outcome => format!("{outcome}, no longer on the server"),
    };
    let what = if entry.outcome == Outcome::Quarantined { What::Quarantined } else { What::Gone };
    let (size, date) = (Some(entry.size).filter(|size| *size > 0), Some(entry.internal_date));
    Some(Finding { uid: Some(entry.uid), what, size, date, reason })
}

fn renumbered(folder: &Folder, open: OpenFolder) -> Audited {
    let reason = match folder.uidvalidity {
        Some(known) => format!("UIDVALIDITY is {}, the ledger has {known}", open.uidvalidity),
        None => "was never fetched so far".to_owned(),
    };
    Audited {
        folder: folder.name.clone(),
        uidvalidity: open.uidvalidity,
        on_server: usize::try_from(open.exists).unwrap_or(usize::MAX),
        in_ledger: 0,
        findings: vec![Finding { uid: None, what: What::Uidvalidity, size: None, date: None, reason }],
        wanted: Vec::new(),
        left: Vec::new(),
    }
}

/// What a repair needs besides the connection.
pub struct Repair<'a> {
    /// Database.
    pub store: &'a Store,
    /// Configuration.
    pub config: &'a Config,
    /// The lock of the account.
    pub lock: &'a Lock,
    /// The time.
    pub clock: &'a dyn Fn() -> Timestamp,
    pub account: &'a Account,
}

impl Repair<'_> {
    /// Fetches what an audit of this session found missing or unfetchable, and imports it; the number of messages
    /// that came. `heard` is told of each that was imported. What left the server is given up.
    ///
    /// # Errors
    /// The connection or the database fails; what came before is kept.
    pub fn run(
        &self,
        source: &mut dyn MailSource,
        audited: &[Audited],
        heard: &mut dyn FnMut(&Imported),
    ) -> Result<usize> {
        let max_size = self.account.fetching.max_size.unwrap_or(self.config.message_max_size);
        // No run ends it.
        let until = Instant::now() + Duration::from_secs(86_400);
        let job = Job {
            account: self.account.clone(),
            folders: Vec::new(),
            portion: 0,
            max_size,
            dry_run: false,
            until,
            is_claimed: true,
        };
        let mut door = Door { repair: self, heard, stored: 0 };
        for found in audited.iter().filter(|found| !found.left.is_empty()) {
            let (folder, uidvalidity) = (&found.folder, found.uidvalidity);
            self.store.write(|tx| deliveries::give_up(tx, self.account.id, folder, uidvalidity, &found.left))?;
        }
        for found in audited.iter().filter(|found| !found.wanted.is_empty()) {
            let open = source.open(&found.folder, true)?;
            ensure!(open.uidvalidity == found.uidvalidity, "folder {}: UIDVALIDITY changed meanwhile", found.folder);
            // What is repaired is not contiguous with the watermark, which stays.
            download::fetch_listed(source, &job, &found.folder, open.uidvalidity, &found.wanted, false, &mut door)
                .with_context(|| format!("folder {}", found.folder))?;
        }
        let stored = door.stored;
        index::fill(self.store, &|| true)?;
        Ok(stored)
    }
}

/// Where fetched messages come in.
struct Door<'a, 'h> {
    repair: &'a Repair<'a>,
    heard: &'h mut dyn FnMut(&Imported),
    stored: usize,
}

impl Desk for Door<'_, '_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        let Repair { store, config, lock, clock, account } = *self.repair;
        self.stored += receive::store_batch(store, &batch, clock())?;
        import::run(store, config, lock, account.id, clock, &mut *self.heard)
    }
}
