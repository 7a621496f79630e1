//! What happened, for other programs: the notes of all records in the order in which they were committed.
//!
//! A note is written in the transaction of what it tells. There is one writer at a time, so that ids grow in the order of
//! the commits and none appears later below one that was read. What is gone with its record, such as mail that was erased,
//! is not told any more.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::parent::ParentType;
use super::sight::Sight;
use super::stream::{HIDDEN, HIDDEN_RECORD, Note, NoteKind};

/// A reader that goes on after the last id that it has read finds what comes after a restore: what was written between the
/// backup and the restore had no more ids.
const SKIPPED: i64 = 1_000_000;

/// What notes are about that are of no record.
const ACCOUNT: &str = "account";
const DESK: &str = "desk";

/// Something that happened, as its reader may know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `case.new`, `email.received` …
    pub name: String,
    pub about: About,
    /// The account that a case came by.
    pub account_id: Option<i64>,
    pub note: Note,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// By its number.
    Case(i64),
    Record(ParentType, i64),
    Account(i64),
    Desk,
}

/// What happened after the note with this id, oldest first. History that was imported is not news. Texts are as in
/// [`super::stream::notes`]; who may know of accounts and the desk is the caller's to say.
pub fn after(tx: &Tx<'_>, id: i64, limit: i64, sight: Sight) -> Result<Vec<Event>> {
    let kinds: String =
        ParentType::ALL.iter().map(|kind| format!("WHEN '{kind}' THEN {} ", sight.email_of(*kind))).collect();
    let seen = format!("(CASE n.parent_type {kinds}ELSE FALSE END)");
    let names_nothing_hidden = format!("(n.about_type IS NULL OR {})", sight.parent("n.about_type", "n.about_id"));
    let sql = format!(
        "SELECT n.id, n.kind, n.parent_type, n.parent_id, n.user_id, u.username, n.created_at, k.number, k.account_id,
            CASE WHEN {seen} THEN n.email_id END AS email_id,
            CASE WHEN NOT {names_nothing_hidden} THEN ?4
                WHEN n.kind = 'status' OR e.id IS NULL OR {seen} THEN n.text ELSE ?5 END AS text
        FROM notes n LEFT JOIN users u ON u.id = n.user_id LEFT JOIN emails e ON e.id = n.email_id
            LEFT JOIN cases k ON n.parent_type = 'case' AND k.id = n.parent_id
        WHERE n.id > ?2 AND (n.parent_type IN ('account', 'desk') OR {})
            AND NOT (n.kind IN ('email-received', 'email-sent') AND EXISTS (
                SELECT 1 FROM deliveries d WHERE d.email_id = n.email_id AND d.source = 'history' AND d.outcome = 'imported'))
        ORDER BY n.id LIMIT ?3",
        sight.parent("n.parent_type", "n.parent_id")
    );
    tx.all(&sql, params![sight.parameter(), id, limit, HIDDEN_RECORD, HIDDEN], |row| {
        let (kind, parent): (NoteKind, String) = (row.label("kind")?, row.get("parent_type")?);
        let (of, number): (i64, Option<i64>) = (row.get("parent_id")?, row.get("number")?);
        let about = match (parent.as_str(), number) {
            (ACCOUNT, _) => About::Account(of),
            (DESK, _) => About::Desk,
            (_, Some(number)) => About::Case(number),
            (_, None) => About::Record(row.label("parent_type")?, of),
        };
        let note = Note {
            id: row.get("id")?,
            kind,
            user_id: row.get("user_id")?,
            username: row.get("username")?,
            email_id: row.get("email_id")?,
            text: row.get("text")?,
            created_at: row.time("created_at")?,
        };
        Ok(Event { name: name(kind, &parent), about, account_id: row.get("account_id")?, note })
    })
}

/// What an event is called: what it is about, and what happened.
fn name(kind: NoteKind, parent: &str) -> String {
    let (of, what) = match kind {
        NoteKind::EmailReceived => ("email", "received"),
        NoteKind::EmailSent => ("email", "sent"),
        NoteKind::Failed => ("email", "failed"),
        NoteKind::Accepted => ("email", "accepted"),
        NoteKind::Refused => ("email", "refused"),
        NoteKind::Junk => ("email", "junk"),
        NoteKind::NotJunk => ("email", "not-junk"),
        NoteKind::Created => (parent, "new"),
        NoteKind::Comment => (parent, "note"),
        NoteKind::Assigned
        | NoteKind::Status
        | NoteKind::Snoozed
        | NoteKind::Tagged
        | NoteKind::Edited
        | NoteKind::Linked
        | NoteKind::Merged
        | NoteKind::Split
        | NoteKind::Moved
        | NoteKind::People
        | NoteKind::Answered
        | NoteKind::Remark
        | NoteKind::Failing
        | NoteKind::Recovered
        | NoteKind::Restored => (parent, kind.as_str()),
    };
    format!("{of}.{what}")
}

/// Notes that an account fails for long, or works again.
pub fn of_account(tx: &Tx<'_>, account_id: i64, kind: NoteKind, text: &str, now: Timestamp) -> Result<()> {
    add(tx, ACCOUNT, account_id, kind, text, now)
}

/// Notes that the database was restored, above all ids that were given since the backup.
pub fn restored(tx: &Tx<'_>, text: &str, now: Timestamp) -> Result<()> {
    let last: Option<i64> = tx.value("SELECT max(id) FROM notes", [])?.flatten();
    tx.set_last_id("notes", last.unwrap_or_default() + SKIPPED)?;
    add(tx, DESK, 0, NoteKind::Restored, text, now)
}

fn add(tx: &Tx<'_>, parent: &str, id: i64, kind: NoteKind, text: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO notes (parent_type, parent_id, kind, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.insert(sql, params![parent, id, kind.as_str(), text, seconds(now)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::Store;
    use crate::store::parent::Parent;
    use crate::store::stream::{self, NewNote};

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn names(store: &Store, after: i64, limit: i64) -> Vec<(i64, String)> {
        let events = store.read(|tx| super::after(tx, after, limit, Sight::Everything)).unwrap();
        events.into_iter().map(|event| (event.note.id, event.name)).collect()
    }

    #[test]
    fn events_have_the_order_of_their_ids_and_go_on_after_a_restore() {
        let store = Store::for_test().unwrap();
        let note = |tx: &Tx<'_>, kind, parent| {
            stream::note(tx, NewNote { parent, kind, user_id: None, email_id: None, text: "x" }, NOW)
        };
        let lead = Parent { kind: ParentType::Lead, id: 1 };
        let made = store.write(|tx| {
            tx.execute("INSERT INTO leads (id, name, created_at) VALUES (1, 'L', 0)", [])?;
            let last = note(tx, NoteKind::Created, lead)?;
            note(tx, NoteKind::Comment, lead)?;
            // Its record is gone.
            note(tx, NoteKind::Comment, Parent::case(9))?;
            of_account(tx, 3, NoteKind::Failing, "fails", NOW)?;
            Ok(last)
        });
        let first = made.unwrap();
        let all = names(&store, 0, 9);
        let called: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(called, ["lead.new", "lead.note", "account.failing"]);
        assert_eq!(names(&store, first, 1).first(), all.get(1));
        let last = all.last().unwrap().0;
        store.write(|tx| restored(tx, "from a backup", NOW)).unwrap();
        store.write(|tx| note(tx, NoteKind::Comment, lead)).unwrap();
        // A reader has seen what was written after the backup.
        let after = names(&store, last + 5_000, 9);
        assert_eq!(after.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["desk.restored", "lead.note"]);
        assert!(after.iter().all(|(id, _)| *id > last + SKIPPED), "{after:?}");
    }
}
