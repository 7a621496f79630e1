//! The stream of a record: notes and followers (B1.6).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::label::labels;
use super::records::Parent;
use super::sight::Sight;

labels! {
    /// What a note tells.
    pub enum NoteKind {
        /// Mail from outside.
        EmailReceived = "email-received",
        /// Our own mail.
        EmailSent = "email-sent",
        /// The record was made.
        Created = "created",
        /// The assignee changed.
        Assigned = "assigned",
        /// The status changed.
        Status = "status",
        /// The case sleeps until a moment, or woke up.
        Snoozed = "snoozed",
        /// Tags were given or removed.
        Tagged = "tagged",
        /// A field was changed.
        Edited = "edited",
        /// A record was linked, or is no longer.
        Linked = "linked",
        /// Another case was merged into this one, or this into another.
        Merged = "merged",
        /// Mail went into a case of its own.
        Split = "split",
        /// It went to another team.
        Moved = "moved",
        /// The sender of an unverified mail takes part from now on.
        Accepted = "accepted",
        /// An agent refused an unverified mail.
        Refused = "refused",
        /// Somebody has another role in the case.
        People = "people",
        /// The customer was answered by telephone or otherwise.
        Answered = "answered",
        /// Somebody wrote a comment.
        Comment = "comment",
        /// Something worth knowing about threading or distribution.
        Remark = "remark",
        /// A mail of it was called junk.
        Junk = "junk",
        /// That was taken back.
        NotJunk = "not-junk",
        /// Our mail could not be delivered.
        Failed = "failed",
        /// An account has failed for long.
        Failing = "failing",
        /// An account works again.
        Recovered = "recovered",
        /// The database was put in place from a backup.
        Restored = "restored",
    }
}

impl NoteKind {
    /// Tells what was done, rather than what somebody wrote.
    pub fn is_deed(self) -> bool {
        !matches!(self, NoteKind::EmailReceived | NoteKind::EmailSent | NoteKind::Comment)
    }
}

/// A note to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewNote<'a> {
    /// Record.
    pub parent: Parent,
    pub kind: NoteKind,
    /// Who did it; `None` = the program, or somebody outside.
    pub user_id: Option<i64>,
    /// Email it is about.
    pub email_id: Option<i64>,
    pub text: &'a str,
}

/// A note as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub id: i64,
    pub kind: NoteKind,
    /// Who did it.
    pub user_id: Option<i64>,
    pub username: Option<String>,
    /// Email it is about, if it may be read.
    pub email_id: Option<i64>,
    pub text: String,
    /// When it was noted; of mail: when that came or was written, which may be years before its import.
    pub created_at: Timestamp,
}

/// Adds a note; the id.
pub fn note(tx: &Tx<'_>, new: NewNote<'_>, now: Timestamp) -> Result<i64> {
    tx.about(new.parent.kind.as_str(), new.parent.id);
    tx.insert(
        "INSERT INTO notes (parent_type, parent_id, kind, user_id, email_id, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.parent.kind.as_str(),
            new.parent.id,
            new.kind.as_str(),
            new.user_id,
            new.email_id,
            new.text,
            seconds(now)
        ],
    )
}

/// Adds a note whose text names another record; the id.
pub fn note_about(tx: &Tx<'_>, new: NewNote<'_>, about: Parent, now: Timestamp) -> Result<i64> {
    let id = note(tx, new, now)?;
    let sql = "UPDATE notes SET about_type = ?2, about_id = ?3 WHERE id = ?1";
    tx.execute(sql, params![id, about.kind.as_str(), about.id])?;
    Ok(id)
}

/// What a note that names another record says to readers who cannot read that record.
pub(super) const HIDDEN_RECORD: &str = "about a record that you cannot read";

/// What a note about an email says to readers who cannot read that email.
pub const HIDDEN: &str = "an e-mail that you cannot read";

/// Whether a record has this remark, which is about no email.
pub fn has_remark(tx: &Tx<'_>, parent: Parent, text: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM notes INDEXED BY notes_remarks
        WHERE parent_type = ?1 AND parent_id = ?2 AND kind = 'remark' AND email_id IS NULL AND text = ?3 LIMIT 1";
    Ok(tx.value::<i64>(sql, params![parent.kind.as_str(), parent.id, text])?.is_some())
}

/// Notes of a record, oldest first, mail by its own time: the archive of a year is imported in a second. Of an email that is private to others they tell no more than what it did to the
/// status (B6.1); what names a record that is not seen does not tell its name (B11.4).
pub fn notes(tx: &Tx<'_>, parent: Parent, sight: Sight) -> Result<Vec<Note>> {
    let names_nothing_hidden = match sight {
        Sight::Everything => "TRUE".to_owned(),
        sight => format!("(n.about_type IS NULL OR {})", sight.parent("n.about_type", "n.about_id")),
    };
    tx.all(
        &format!(
            "SELECT n.id, n.kind, n.user_id, u.username, CASE WHEN {seen} THEN n.email_id END AS email_id,
                CASE WHEN n.kind IN ('email-received', 'email-sent') AND e.id IS NOT NULL AND {seen}
                    AND e.received_at < n.created_at THEN e.received_at ELSE n.created_at END AS came_at,
                CASE WHEN NOT {names_nothing_hidden} THEN ?5
                    WHEN n.kind = 'status' OR e.id IS NULL OR {seen} THEN n.text ELSE ?4 END AS text
            FROM notes n LEFT JOIN users u ON u.id = n.user_id LEFT JOIN emails e ON e.id = n.email_id
            WHERE n.parent_type = ?2 AND n.parent_id = ?3 ORDER BY came_at, n.id",
            seen = sight.email_of(parent.kind)
        ),
        params![sight.parameter(), parent.kind.as_str(), parent.id, HIDDEN, HIDDEN_RECORD],
        |row| {
            Ok(Note {
                id: row.get("id")?,
                kind: row.label("kind")?,
                user_id: row.get("user_id")?,
                username: row.get("username")?,
                email_id: row.get("email_id")?,
                text: row.get("text")?,
                created_at: row.time("came_at")?,
            })
        },
    )
}

/// What was noted as received was sent, as is known now, by this user.
pub fn set_sent_by(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE notes SET kind = 'email-sent', user_id = ?2 WHERE email_id = ?1 AND kind = 'email-received'",
        params![email_id, user_id],
    )?;
    Ok(())
}

/// When the customer of a case was answered otherwise than by mail.
pub fn answered_otherwise(tx: &Tx<'_>, case_id: i64) -> Result<Vec<Timestamp>> {
    tx.all(
        "SELECT created_at FROM notes WHERE parent_type = 'case' AND parent_id = ?1 AND kind = 'answered' ORDER BY id",
        params![case_id],
        |row| row.time("created_at"),
    )
}

/// The newest note of a record.
pub fn newest(tx: &Tx<'_>, parent: Parent) -> Result<Option<i64>> {
    let sql = "SELECT max(id) FROM notes WHERE parent_type = ?1 AND parent_id = ?2";
    Ok(tx.value(sql, params![parent.kind.as_str(), parent.id])?.flatten())
}

/// Makes a user follow a record.
pub fn follow(tx: &Tx<'_>, parent: Parent, user_id: i64) -> Result<()> {
    tx.about(parent.kind.as_str(), parent.id);
    tx.execute(
        "INSERT INTO followers (parent_type, parent_id, user_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![parent.kind.as_str(), parent.id, user_id],
    )?;
    Ok(())
}

/// Ends that; whether the user followed it.
pub fn unfollow(tx: &Tx<'_>, parent: Parent, user_id: i64) -> Result<bool> {
    tx.about(parent.kind.as_str(), parent.id);
    let ended = tx.execute(
        "DELETE FROM followers WHERE parent_type = ?1 AND parent_id = ?2 AND user_id = ?3",
        params![parent.kind.as_str(), parent.id, user_id],
    )?;
    Ok(ended.rows()? > 0)
}

/// Takes what was noted of an email's way (received, sent, failed) along from the record that it belonged to, or a case
/// that it was taken out of, to the one it belongs to now. What the email did to the old record stays there, and so does
/// what another record, such as the contact who wrote it, tells of it.
pub fn move_email(tx: &Tx<'_>, email_id: i64, from: Option<Parent>, to: Parent) -> Result<()> {
    tx.execute(
        "UPDATE notes SET parent_type = ?2, parent_id = ?3
            WHERE email_id = ?1 AND kind IN ('email-received', 'email-sent', 'failed')
                AND (parent_type = 'case' OR (parent_type = ?4 AND parent_id = ?5))",
        params![email_id, to.kind.as_str(), to.id, from.map(|from| from.kind.as_str()), from.map(|from| from.id)],
    )?;
    Ok(())
}

/// The note of an email that was not verified says so no longer.
pub fn is_verified(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE notes SET text = '' WHERE email_id = ?1 AND kind = 'email-received' AND text LIKE '%unverified%'",
        params![email_id],
    )?;
    Ok(())
}

/// Whether a record tells of an email's way.
pub fn tells_of_email(tx: &Tx<'_>, email_id: i64, parent: Parent) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM notes WHERE email_id = ?1 AND kind IN ('email-received', 'email-sent')
            AND parent_type = ?2 AND parent_id = ?3 LIMIT 1",
        params![email_id, parent.kind.as_str(), parent.id],
    )?;
    Ok(found.is_some())
}

/// Takes the note away that an email was sent, for one that was taken back.
pub fn unsend(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.execute("DELETE FROM notes WHERE email_id = ?1 AND kind = 'email-sent'", params![email_id])?;
    Ok(())
}

/// Ids of the users who follow a record.
pub fn followers(tx: &Tx<'_>, parent: Parent) -> Result<Vec<i64>> {
    tx.values(
        "SELECT user_id FROM followers WHERE parent_type = ?1 AND parent_id = ?2 ORDER BY user_id",
        params![parent.kind.as_str(), parent.id],
    )
}
