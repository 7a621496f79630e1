//! IMAP as a [`MailSource`]: few round trips, the narrowest questions, nothing believed.
//!
//! The `imap` crate numbers the commands and logs in; it speaks through [`super::guard`], which keeps traps away from it.
//! All other commands are sent through the crate and answered by the guard itself, so that each body is handed on the
//! moment it is complete, and every number has been looked at before anybody uses it.
//! ENVELOPE and BODYSTRUCTURE are never asked: servers and parsers break there.

mod folder_name;
mod listing;
mod login;
mod namespace;
mod quota;
mod uid_set;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{Timestamp, civil::Date};

use super::guard::{ANSWER_MAX, Event, Guard, LINE_MAX, Row, Shared, Status, Word, nonsense, refused_later};
use super::printable::Words;
use super::{Body, Listed, ListedFolder, Listing, MailSource, NetError, NetErrorKind, OpenFolder, Quota};
use listing::Found;
pub use login::connect;
use namespace::Namespace;

/// Answers to commands that carry no list.
const SMALL: u64 = LINE_MAX as u64;
/// Room for the attributes around one body.
const ATTRIBUTES: u64 = 4096;
/// What a server says of a message in a listing.
const ROW_MAX: u64 = 160;
/// Maximum number of messages that may come while a folder is listed.
const ARRIVING: u64 = 10_000;

/// What protects this program's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body that is taken, in bytes; a larger one ends the connection.
    pub literal_max: u64,
}

/// A session, logged in.
pub struct ImapSource {
    session: imap::Session<Shared>,
    guard: Shared,
    limits: Limits,
    folder: Option<OpenFolder>,
    /// The server has opened the folder for reading only, also where more was asked.
    read_only: bool,
    /// ID has been sent, or is on its way.
    introduced: bool,
    /// Folders as they are called on the wire, by the names that they were given.
    names: HashMap<String, String>,
    /// Where the folders of this user are, once it has been asked.
    namespace: Option<Namespace>,
}

impl MailSource for ImapSource {
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        let verb = if read_only { "EXAMINE" } else { "SELECT" };
        self.folder = None;
        let opened = self.with_name(folder, &mut |source, name| {
            let command = format!("{verb} {name}");
            match source.change(&command) {
                // Some providers open nothing for a program that has not said its name.
                Err(error) if error.kind == NetErrorKind::Refused && source.introduce()? => source.change(&command),
                opened => opened,
            }
        });
        opened.map_err(|error| match error.kind {
            NetErrorKind::Refused => NetError::new(NetErrorKind::Folder, format!("folder {folder:?}: {error}")),
            _ => error,
        })?;
        self.read_only = self.guard.lock().tagged().is_some_and(|status| status.code_name() == "READ-ONLY");
        let said = self.guard.lock().opened();
        let Some(uidvalidity) = said.uidvalidity else {
            return Err(self.give_up("the server names no UIDVALIDITY"));
        };
        let mut opened = OpenFolder { uidvalidity, uidnext: said.uidnext, exists: said.exists.unwrap_or_default() };
        self.folder = Some(opened);
        if said.exists.is_none() {
            // What it says cannot be: they are counted.
            let found = if said.is_counted { self.search_all()? } else { None };
            let Some(found) = found else {
                return Err(self.give_up("the server does not say how many messages the folder has"));
            };
            opened.exists = u32::try_from(found.len()).unwrap_or(u32::MAX);
            self.folder = Some(opened);
        }
        Ok(opened)
    }

    fn search_since(&mut self, since: Date) -> Result<Option<Vec<u32>>, NetError> {
        self.search_ranges(&format!("SINCE {}", since.strftime("%-d-%b-%Y")))
    }

    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        self.search_ranges("ALL")
    }

    fn list(&mut self, first: u32) -> Result<Listing, NetError> {
        let uidnext = self.folder.and_then(|folder| folder.uidnext);
        let sets = listing::uid_ranges(first.max(1), uidnext, self.exists());
        let mut below: Option<Listed> = None;
        let (rows, nameless) = self.list_sets(&sets, |row| {
            if row.uid < first && below.is_none_or(|below| below.uid < row.uid) {
                below = Some(row);
            }
            row.uid >= first
        })?;
        Ok(Listing { rows, below, nameless })
    }

    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        let wanted: HashSet<u32> = uids.iter().copied().collect();
        Ok(self.list_sets(&uid_set::sets(uids), |row| wanted.contains(&row.uid))?.0)
    }

    fn fetch(&mut self, uids: &[u32], partial: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        let item = partial.map_or("BODY.PEEK[]".to_owned(), |bytes| format!("BODY.PEEK[]<0.{bytes}>"));
        let most = partial.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut wanted: HashSet<u32> = uids.iter().copied().collect();
        let budget = (wanted.len() as u64).saturating_mul(self.limits.literal_max.saturating_add(ATTRIBUTES));
        self.begin(budget.saturating_add(SMALL));
        for set in uid_set::sets(uids) {
            self.run(&format!("UID FETCH {set} (UID {item})"), &mut |row| {
                if let (Some(uid), Some(mut raw)) = (row.uid, row.body)
                    && wanted.remove(&uid)
                {
                    raw.truncate(most);
                    take(Body { uid, raw });
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn receiving(&self) -> Option<u32> {
        self.guard.lock().receiving()
    }

    fn mark_seen(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.store(uids, "\\Seen")
    }

    fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), NetError> {
        self.may_change()?;
        let verb = if self.offers("MOVE")? { "MOVE" } else { "COPY" };
        let mut created = false;
        self.begin(SMALL);
        for set in uid_set::sets(uids) {
            self.with_name(folder, &mut |source, target| {
                let command = format!("UID {verb} {set} {target}");
                match source.go_on(&command) {
                    Err(error) if !created && source.target_is_missing() => {
                        let made = source.go_on(&format!("CREATE {target}"));
                        made.map_err(|other| if other.kind == NetErrorKind::Refused { error } else { other })?;
                        created = true;
                        source.go_on(&command)
                    }
                    done => done,
                }
            })?;
        }
        if verb == "COPY" { self.delete(uids) } else { Ok(()) }
    }

    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.store(uids, "\\Deleted")?;
        // Without UIDPLUS an EXPUNGE would also remove what others have marked.
        if self.offers("UIDPLUS")? {
            self.begin(SMALL);
            for set in uid_set::sets(uids) {
                self.go_on(&format!("UID EXPUNGE {set}"))?;
            }
        }
        Ok(())
    }

    fn find(&mut self, message_id: &str) -> Result<Vec<u32>, NetError> {
        if !message_id.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Vec::new());
        }
        let quoted = message_id.replace('\\', "\\\\").replace('"', "\\\"");
        let mut found = Found::new(self.exists());
        self.begin(ANSWER_MAX);
        self.search(&format!("HEADER Message-ID \"<{quoted}>\""), &mut found)?;
        found.uids()
    }

    fn quota(&mut self) -> Result<Option<Quota>, NetError> {
        if !self.offers("QUOTA")? {
            return Ok(None);
        }
        let mut quota = Quota::default();
        self.begin(ANSWER_MAX);
        self.send("GETQUOTAROOT INBOX")?;
        self.answers(&mut |_, event| {
            if let Event::Line(line) = event {
                quota::take(&line, &mut quota);
            }
            Ok(())
        })?;
        Ok(Some(quota).filter(|quota| quota.percent().is_some()))
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        self.with_name(folder, &mut |source, name| source.change(&format!("CREATE {name}")))
    }

    fn append(&mut self, folder: &str, raw: &[u8], date: Timestamp) -> Result<(), NetError> {
        let date = date.strftime("%d-%b-%Y %H:%M:%S +0000").to_string();
        let done = self.with_name(folder, &mut |source, target| source.append_as(target, raw, &date));
        match done {
            Err(_) if self.target_is_missing() => {
                Err(NetError::new(NetErrorKind::Folder, format!("folder {folder:?} does not exist")))
            }
            done => done,
        }
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        // Some servers tell the special use only when asked (RFC 6154 3).
        let asked = self.offers("SPECIAL-USE")? && self.offers("LIST-EXTENDED")?;
        let command = if asked { r#"LIST "" "*" RETURN (SPECIAL-USE)"# } else { r#"LIST "" "*""# };
        let mut folders = Vec::new();
        self.begin(ANSWER_MAX);
        self.send(command)?;
        self.answers(&mut |_, event| match event {
            Event::Line(line) => listing::take_folder(&line, &mut folders),
            _ => Ok(()),
        })?;
        // A name is used as it stands, so there is no gap to be made in one that repeats the secret.
        let guard = self.guard.lock();
        folders.retain(|folder| !guard.words().repeat(&folder.name));
        Ok(folders)
    }

    fn capabilities(&mut self) -> Result<Vec<String>, NetError> {
        if self.guard.lock().capabilities().is_none() {
            self.change("CAPABILITY")?;
        }
        Ok(self.guard.lock().capabilities().unwrap_or_default().to_vec())
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        self.guard.lock().stream().certificate_ends()
    }

    fn logout(&mut self) {
        // The answer would cost a round trip and tell nothing.
        self.begin(SMALL);
        let _ = self.send("LOGOUT");
        self.guard.lock().stream().close();
    }
}

impl ImapSource {
    fn exists(&self) -> u32 {
        self.folder.map_or(0, |folder| folder.exists)
    }

    fn offers(&mut self, capability: &str) -> Result<bool, NetError> {
        Ok(self.capabilities()?.iter().any(|offered| offered == capability))
    }

    /// One search, cut into answers of bearable size; `None` where the server says OK without a result.
    fn search_ranges(&mut self, what: &str) -> Result<Option<Vec<u32>>, NetError> {
        let mut found = Found::new(self.exists());
        self.begin(ANSWER_MAX);
        for range in listing::search_ranges(self.exists()) {
            found.answered = false;
            self.search(&format!("{range}{what}"), &mut found)?;
            if !found.answered {
                return Ok(None);
            }
        }
        found.uids().map(Some)
    }

    /// The rows that are wanted, ascending, and how many came without a possible UID.
    fn list_sets(
        &mut self,
        sets: &[String],
        mut wanted: impl FnMut(Listed) -> bool,
    ) -> Result<(Vec<Listed>, usize), NetError> {
        let (mut rows, mut nameless) = (Vec::new(), 0);
        let most = u64::from(self.exists()).saturating_add(ARRIVING).min(listing::ROWS_MAX as u64);
        self.begin(SMALL.saturating_add(most.saturating_mul(ROW_MAX)));
        for set in sets {
            self.run(&format!("UID FETCH {set} (UID FLAGS INTERNALDATE RFC822.SIZE)"), &mut |row| {
                let Row { uid, size, internal_date, seen, .. } = row;
                match uid {
                    // Without a size and a date it is news about flags, not about what was asked.
                    _ if size.is_none() && internal_date.is_none() => {}
                    None => nameless += 1,
                    Some(uid) => {
                        let row = Listed { uid, size: size.unwrap_or_default(), internal_date, seen };
                        rows.extend(Some(row).filter(|row| wanted(*row)));
                    }
                }
                if rows.len() > listing::ROWS_MAX { Err(listing::too_many()) } else { Ok(()) }
            })?;
        }
        rows.sort_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        Ok((rows, nameless))
    }

    fn append_as(&mut self, target: &str, raw: &[u8], date: &str) -> Result<(), NetError> {
        self.begin(SMALL);
        self.send(&format!("APPEND {target} (\\Seen) \"{date}\" {{{}}}", raw.len()))?;
        let mut sent = false;
        let done = self.answers(&mut |guard, event| match event {
            Event::Continue if !sent => {
                sent = true;
                guard.send(raw)?;
                guard.send(b"\r\n")
            }
            Event::Continue => Err(nonsense(guard.words(), "a line", b"+")),
            _ => Ok(()),
        });
        match done {
            Ok(()) if !sent => Err(self.give_up("the server accepted a message that it has not seen")),
            done => done,
        }
    }

    /// Some servers say OK to a STORE there and do nothing; a COPY would be made again by each run.
    fn may_change(&self) -> Result<(), NetError> {
        let refused = || NetError::new(NetErrorKind::Refused, "the server lets the folder be read only, not changed");
        if self.read_only { Err(refused()) } else { Ok(()) }
    }

    fn store(&mut self, uids: &[u32], flag: &str) -> Result<(), NetError> {
        self.may_change()?;
        self.begin(SMALL);
        for set in uid_set::sets(uids) {
            self.go_on(&format!("UID STORE {set} +FLAGS.SILENT ({flag})"))?;
        }
        Ok(())
    }

    /// One UID SEARCH, whose UIDs are added to `found`.
    fn search(&mut self, what: &str, found: &mut Found) -> Result<(), NetError> {
        self.send(&format!("UID SEARCH {what}"))?;
        self.answers(&mut |_, event| match event {
            Event::Line(line) => found.take(&line),
            _ => Ok(()),
        })
    }

    /// Begins an operation: all its commands together have this budget of bytes, and one clock.
    fn begin(&mut self, budget: u64) {
        self.guard.lock().begin(budget);
    }

    /// Runs a command of which only the outcome matters, as an operation of its own.
    fn change(&mut self, command: &str) -> Result<(), NetError> {
        self.begin(SMALL);
        self.go_on(command)
    }

    /// The same as part of an operation.
    fn go_on(&mut self, command: &str) -> Result<(), NetError> {
        self.run(command, &mut |_| Ok(()))
    }

    /// Runs a command of an operation and hands on each FETCH answer when it is complete.
    fn run(&mut self, command: &str, each: &mut dyn FnMut(Row) -> Result<(), NetError>) -> Result<(), NetError> {
        self.send(command)?;
        self.answers(&mut |guard, event| match event {
            Event::Fetch(row) => each(row),
            Event::Continue => Err(nonsense(guard.words(), "a line", b"+")),
            _ => Ok(()),
        })
    }

    fn send(&mut self, command: &str) -> Result<(), NetError> {
        self.guard.lock().next_command();
        let sent = catch_unwind(AssertUnwindSafe(|| self.session.run_command(command)));
        conclude(&mut self.guard.lock(), sent)
    }

    /// Reads to the end of the command. An error of `each` leaves answers unread, so it ends the session.
    fn answers(&mut self, each: &mut dyn FnMut(&mut Guard, Event) -> Result<(), NetError>) -> Result<(), NetError> {
        loop {
            let mut guard = self.guard.lock();
            match guard.next()? {
                Event::Tagged => return outcome(&guard),
                event => {
                    let used = each(&mut guard, event);
                    used.inspect_err(|error| guard.give_up(error))?;
                }
            }
        }
    }

    fn give_up(&mut self, why: &str) -> NetError {
        let error = NetError::new(NetErrorKind::Protocol, why);
        self.guard.lock().give_up(&error);
        error
    }
}

/// What a call of the crate came to. The guard's facts are believed, the crate's error only says that there was one.
fn conclude<T>(guard: &mut Guard, answer: std::thread::Result<imap::Result<T>>) -> Result<T, NetError> {
    if let Ok(Ok(answer)) = answer {
        return Ok(answer);
    }
    if let Some(fault) = guard.fault() {
        return Err(fault.clone());
    }
    outcome(guard)?;
    let error = NetError::new(NetErrorKind::Protocol, "the server's answer cannot be read");
    guard.give_up(&error);
    Err(error)
}

/// The tagged status of the last command as a result.
fn outcome(guard: &Guard) -> Result<(), NetError> {
    match guard.tagged() {
        Some(status) if status.word != Word::Ok => Err(refusal(guard.words(), status, guard.notices())),
        _ => Ok(()),
    }
}

fn refusal(words: &Words, status: &Status, notices: &[Status]) -> NetError {
    let all = || std::iter::once(status).chain(notices);
    if let Some((status, later)) = all().find_map(|status| status.later().map(|later| (status, later))) {
        return refused_later(words, status, later);
    }
    let said = all().map(|status| status.said(words)).find(|said| !said.is_empty());
    NetError::new(
        NetErrorKind::Refused,
        format!("the server refused: {}", said.as_deref().unwrap_or("it gave no reason")),
    )
}
