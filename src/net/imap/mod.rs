//! IMAP as a [`MailSource`]: few round trips, the narrowest questions, nothing believed.
//!
//! The `imap` crate numbers the commands, logs in, opens folders and searches; it speaks through [`super::guard`],
//! which keeps bodies and traps away from it. FETCH and the commands that change something are sent through the crate
//! and answered by the guard itself, so that each body is handed on the moment it is complete.
//! ENVELOPE and BODYSTRUCTURE are never asked: servers and parsers break there.

mod folder_name;
mod listing;
mod login;
mod uid_set;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{Timestamp, civil::Date};

use super::guard::{ANSWER_MAX, Event, Guard, LINE_MAX, Row, Shared, Status, Word, nonsense};
use super::words::Words;
use super::{Body, Listed, ListedFolder, MailSource, NetError, NetErrorKind, OpenFolder};
pub use login::connect;

/// Answers to commands that carry no list.
const SMALL: u64 = LINE_MAX as u64;
/// Room for the attributes around one body.
const ATTRIBUTES: u64 = 4096;

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
}

impl MailSource for ImapSource {
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        let name = folder_name::encode(folder)?;
        self.folder = None;
        let opened = self.call(SMALL, |session| if read_only { session.examine(&name) } else { session.select(&name) });
        let mailbox = opened.map_err(|error| match error.kind {
            NetErrorKind::Refused => NetError::new(NetErrorKind::Folder, format!("folder {folder:?}: {error}")),
            _ => error,
        })?;
        let Some(uidvalidity) = mailbox.uid_validity.filter(|&validity| validity > 0) else {
            return Err(self.give_up("the server names no UIDVALIDITY"));
        };
        let opened = OpenFolder { uidvalidity, uidnext: mailbox.uid_next, exists: mailbox.exists };
        self.folder = Some(opened);
        Ok(opened)
    }

    fn search_since(&mut self, since: Date) -> Result<Option<Vec<u32>>, NetError> {
        let day = since.strftime("%-d-%b-%Y").to_string();
        let mut uids = Vec::new();
        for range in listing::search_ranges(self.exists()) {
            let mut answered = false;
            self.send(&format!("UID SEARCH {range}SINCE {day}"), ANSWER_MAX)?;
            self.answers(&mut |_, event| {
                if let Event::Line(line) = &event
                    && let Some(found) = listing::found(line)
                {
                    answered = true;
                    uids.extend(found?);
                }
                Ok(())
            })?;
            if !answered {
                return Ok(None);
            }
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(Some(uids))
    }

    fn list(&mut self, first: u32) -> Result<Vec<Listed>, NetError> {
        let uidnext = self.folder.and_then(|folder| folder.uidnext);
        let sets = listing::uid_ranges(first.max(1), uidnext, self.exists());
        let mut any = false;
        let rows = self.list_sets(&sets, |uid| {
            any = true;
            uid >= first
        })?;
        // `n:*` names the last message, whatever its UID (RFC 3501 6.4.8): an answer without it is none.
        if !any && self.exists() > 0 {
            return Err(self.give_up("the server lists no message of a folder that has some"));
        }
        Ok(rows)
    }

    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        let wanted: HashSet<u32> = uids.iter().copied().collect();
        self.list_sets(&uid_set::sets(uids), |uid| wanted.contains(&uid))
    }

    fn fetch(&mut self, uids: &[u32], partial: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        let item = partial.map_or("BODY.PEEK[]".to_owned(), |bytes| format!("BODY.PEEK[]<0.{bytes}>"));
        let most = partial.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut wanted: HashSet<u32> = uids.iter().copied().collect();
        let budget = (wanted.len() as u64).saturating_mul(self.limits.literal_max.saturating_add(ATTRIBUTES));
        for set in uid_set::sets(uids) {
            self.run(&format!("UID FETCH {set} (UID {item})"), budget.saturating_add(SMALL), &mut |row| {
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

    fn mark_seen(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.store(uids, "\\Seen")
    }

    fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), NetError> {
        let target = folder_name::quoted(folder)?;
        let verb = if self.offers("MOVE")? { "MOVE" } else { "COPY" };
        let mut created = false;
        for set in uid_set::sets(uids) {
            let command = format!("UID {verb} {set} {target}");
            match self.change(&command) {
                Err(error) if !created && self.target_is_missing() => {
                    created = true;
                    self.change(&format!("CREATE {target}")).map_err(|_| error)?;
                    self.change(&command)?;
                }
                done => done?,
            }
        }
        if verb == "COPY" { self.delete(uids) } else { Ok(()) }
    }

    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.store(uids, "\\Deleted")?;
        // Without UIDPLUS an EXPUNGE would also remove what others have marked.
        if self.offers("UIDPLUS")? {
            for set in uid_set::sets(uids) {
                self.change(&format!("UID EXPUNGE {set}"))?;
            }
        }
        Ok(())
    }

    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        if !message_id.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(false);
        }
        let quoted = message_id.replace('\\', "\\\\").replace('"', "\\\"");
        self.send(&format!("UID SEARCH HEADER Message-ID \"<{quoted}>\""), ANSWER_MAX)?;
        let mut any = false;
        self.answers(&mut |_, event| {
            if let Event::Line(line) = &event
                && let Some(found) = listing::found(line)
            {
                any |= !found?.is_empty();
            }
            Ok(())
        })?;
        Ok(any)
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        self.change(&format!("CREATE {}", folder_name::quoted(folder)?))
    }

    fn append(&mut self, folder: &str, raw: &[u8], date: Timestamp) -> Result<(), NetError> {
        let target = folder_name::quoted(folder)?;
        let date = date.strftime("%d-%b-%Y %H:%M:%S +0000");
        self.send(&format!("APPEND {target} (\\Seen) \"{date}\" {{{}}}", raw.len()), SMALL)?;
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
            Err(_) if self.target_is_missing() => {
                Err(NetError::new(NetErrorKind::Folder, format!("folder {folder:?} does not exist")))
            }
            Ok(()) if !sent => Err(self.give_up("the server accepted a message that it has not seen")),
            done => done,
        }
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        // Some servers tell the special use only when asked (RFC 6154 3).
        let asked = self.offers("SPECIAL-USE")? && self.offers("LIST-EXTENDED")?;
        let command = if asked { r#"LIST "" "*" RETURN (SPECIAL-USE)"# } else { r#"LIST "" "*""# };
        let answer = self.call(ANSWER_MAX, |session| session.run_command_and_read_response(command))?;
        let mut folders: Vec<ListedFolder> =
            String::from_utf8_lossy(&answer).lines().filter_map(listing::folder).collect();
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

    fn logout(&mut self) {
        // The answer would cost a round trip and tell nothing.
        let _ = self.send("LOGOUT", SMALL);
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

    fn list_sets(&mut self, sets: &[String], mut wanted: impl FnMut(u32) -> bool) -> Result<Vec<Listed>, NetError> {
        let mut rows = Vec::new();
        for set in sets {
            self.run(&format!("UID FETCH {set} (UID FLAGS INTERNALDATE RFC822.SIZE)"), ANSWER_MAX, &mut |row| {
                // Without a size and a date it is news about flags, not about what was asked.
                if let Some(uid) = row.uid.filter(|_| row.size.is_some() || row.internal_date.is_some())
                    && wanted(uid)
                {
                    let size = row.size.unwrap_or_default();
                    rows.push(Listed { uid, size, internal_date: row.internal_date, seen: row.seen });
                }
                if rows.len() > listing::ROWS_MAX { Err(listing::too_many()) } else { Ok(()) }
            })?;
        }
        rows.sort_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        Ok(rows)
    }

    fn store(&mut self, uids: &[u32], flag: &str) -> Result<(), NetError> {
        for set in uid_set::sets(uids) {
            self.change(&format!("UID STORE {set} +FLAGS.SILENT ({flag})"))?;
        }
        Ok(())
    }

    /// The last command was refused because its target folder is not there (RFC 3501 6.4.7).
    fn target_is_missing(&self) -> bool {
        self.guard.lock().tagged().is_some_and(|status| status.word == Word::No && status.code_name() == "TRYCREATE")
    }

    /// Runs a command of which only the outcome matters.
    fn change(&mut self, command: &str) -> Result<(), NetError> {
        self.run(command, SMALL, &mut |_| Ok(()))
    }

    /// Runs a command and hands on each FETCH answer when it is complete.
    fn run(
        &mut self,
        command: &str,
        budget: u64,
        each: &mut dyn FnMut(Row) -> Result<(), NetError>,
    ) -> Result<(), NetError> {
        self.send(command, budget)?;
        self.answers(&mut |guard, event| match event {
            Event::Fetch(row) => each(row),
            Event::Continue => Err(nonsense(guard.words(), "a line", b"+")),
            _ => Ok(()),
        })
    }

    fn send(&mut self, command: &str, budget: u64) -> Result<(), NetError> {
        self.guard.lock().begin(budget);
        let sent = catch_unwind(AssertUnwindSafe(|| self.session.run_command(command)));
        conclude(&mut self.guard.lock(), sent)
    }

    /// Reads to the end of the command. An error of `each` leaves answers unread, so it ends the session.
    fn answers(&mut self, each: &mut dyn FnMut(&mut Guard, Event) -> Result<(), NetError>) -> Result<(), NetError> {
        loop {
            let mut guard = self.guard.lock();
            match guard.next()? {
                Event::Tagged(_) => return outcome(&guard),
                event => {
                    let used = each(&mut guard, event);
                    used.inspect_err(|error| guard.give_up(error))?;
                }
            }
        }
    }

    /// Runs a command of the crate.
    fn call<T>(
        &mut self,
        budget: u64,
        command: impl FnOnce(&mut imap::Session<Shared>) -> imap::Result<T>,
    ) -> Result<T, NetError> {
        self.guard.lock().begin(budget);
        let answer = catch_unwind(AssertUnwindSafe(|| command(&mut self.session)));
        // The crate keeps every piece of news for ever unless they are taken away.
        drop(self.session.take_all_unsolicited());
        conclude(&mut self.guard.lock(), answer)
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
    let kind = if status.is_temporary() { NetErrorKind::Temporary } else { NetErrorKind::Refused };
    let said = std::iter::once(status).chain(notices).map(|status| status.said(words)).find(|said| !said.is_empty());
    NetError::new(kind, format!("the server refused: {}", said.as_deref().unwrap_or("it gave no reason")))
}
