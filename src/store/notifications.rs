//! Notifications: what a user is told, and how each wants to hear of it (B1.6, B7.4).

use std::ops::Range;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::label::labels;
use super::records::{Parent, ParentType};
use super::sight::Sight;

labels! {
    /// What a notification tells.
    pub enum NotificationKind {
        /// A case or record is the user's now.
        Assigned = "assigned",
        /// Mail on a record the user follows.
        Email = "email",
        /// A comment on a record the user follows.
        Note = "note",
        /// Mail that the user wrote could not be delivered.
        Failed = "failed",
        /// A snoozed case is open again.
        Woken = "woken",
        /// Something an administrator should look at.
        Alert = "alert",
    }
}

impl NotificationKind {
    /// The kinds that a user can switch; the others are always listed and never mailed.
    pub const SWITCHED: [NotificationKind; 5] = [
        NotificationKind::Assigned,
        NotificationKind::Email,
        NotificationKind::Note,
        NotificationKind::Failed,
        NotificationKind::Woken,
    ];
}

labels! {
    /// How a user hears of something by e-mail (B7.4).
    pub enum ByEmail {
        /// At once.
        Immediately = "immediately",
        /// Collected, once a day.
        Digest = "digest",
        /// Never.
        Off = "off",
    }
}

/// How a user hears of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In the list of notifications; without it not at all.
    pub listed: bool,
    /// By e-mail, besides.
    pub by_email: ByEmail,
}

/// What a user has set, else the usual way: assignments, failed mail and cases that woke up by e-mail at once, the rest in
/// the list alone.
pub fn setting(tx: &Tx<'_>, user_id: i64, kind: NotificationKind) -> Result<Setting> {
    let stored = tx.one(
        "SELECT listed, by_email FROM notification_settings WHERE user_id = ?1 AND kind = ?2",
        params![user_id, kind.as_str()],
        |row| Ok(Setting { listed: row.get("listed")?, by_email: row.label("by_email")? }),
    )?;
    let is_urgent = matches!(kind, NotificationKind::Assigned | NotificationKind::Failed | NotificationKind::Woken);
    let by_email = if is_urgent { ByEmail::Immediately } else { ByEmail::Off };
    Ok(stored.unwrap_or(Setting { listed: true, by_email }))
}

/// Remembers how a user wants to hear of a kind.
pub fn set(tx: &Tx<'_>, user_id: i64, kind: NotificationKind, setting: Setting) -> Result<()> {
    tx.about("user", user_id);
    tx.execute(
        "INSERT INTO notification_settings (user_id, kind, listed, by_email) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (user_id, kind) DO UPDATE SET listed = ?3, by_email = ?4",
        params![user_id, kind.as_str(), setting.listed, setting.by_email.as_str()],
    )?;
    Ok(())
}

/// A notification to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewNotification<'a> {
    /// Who is told.
    pub user_id: i64,
    /// What it tells.
    pub kind: NotificationKind,
    /// Record.
    pub parent: Option<Parent>,
    /// Email; each user is told of one at most once per kind.
    pub email_id: Option<i64>,
    /// One line.
    pub text: &'a str,
}

/// Tells a user; the id, or `None` where they had been told before. `digest` puts it into the next one, too.
pub fn add(tx: &Tx<'_>, new: NewNotification<'_>, digest: bool, now: Timestamp) -> Result<Option<i64>> {
    tx.value(
        "INSERT INTO notifications (user_id, kind, parent_type, parent_id, email_id, text, created_at, digest)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING RETURNING id",
        params![
            new.user_id,
            new.kind.as_str(),
            new.parent.map(|p| p.kind.as_str()),
            new.parent.map(|p| p.id),
            new.email_id,
            new.text,
            seconds(now),
            digest,
        ],
    )
}

/// Whether the same alert is among the newest that a user has not read.
pub fn waits(tx: &Tx<'_>, user_id: i64, text: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM (SELECT kind, text FROM notifications WHERE user_id = ?1 AND read_at IS NULL
        ORDER BY id DESC LIMIT 100) AS n WHERE n.kind = 'alert' AND n.text = ?2 LIMIT 1";
    Ok(tx.value::<i64>(sql, params![user_id, text])?.is_some())
}

/// Adds to what a user was told of an email, which is unread again; not what stands there already.
pub fn add_to(tx: &Tx<'_>, new: NewNotification<'_>) -> Result<()> {
    tx.execute(
        "UPDATE notifications SET read_at = NULL,
            text = CASE WHEN instr(text, ?4) > 0 OR length(text) > 2000 THEN text ELSE text || '; ' || ?4 END
            WHERE user_id = ?1 AND email_id = ?2 AND kind = ?3",
        params![new.user_id, new.email_id, new.kind.as_str(), new.text],
    )?;
    Ok(())
}

/// Users who were told of an email, by id.
pub fn told_of_email(tx: &Tx<'_>, email_id: i64) -> Result<Vec<i64>> {
    tx.values(
        "SELECT user_id FROM notifications WHERE email_id = ?1 AND kind = 'email' ORDER BY user_id",
        params![email_id],
    )
}

/// Users who were told of unverified mail of a case within a time, each with the first such email.
pub fn told_of_unverified(tx: &Tx<'_>, case_id: i64, within: &Range<Timestamp>) -> Result<Vec<(i64, i64)>> {
    tx.all(
        "SELECT n.user_id, min(e.id) AS email_id FROM emails e INDEXED BY emails_undecided JOIN notifications n ON n.email_id = e.id
            WHERE e.parent_type = 'case' AND e.parent_id = ?1 AND e.undecided AND e.created_at > ?2 AND e.created_at < ?3
                AND n.kind = 'email'
            GROUP BY n.user_id ORDER BY n.user_id",
        params![case_id, seconds(within.start), seconds(within.end)],
        |row| Ok((row.get("user_id")?, row.get("email_id")?)),
    )
}

/// Tells a user more of an email than before.
pub fn retell(tx: &Tx<'_>, email_id: i64, user_id: i64, text: &str) -> Result<()> {
    tx.execute(
        "UPDATE notifications SET text = ?3 WHERE email_id = ?1 AND user_id = ?2 AND kind = 'email'",
        params![email_id, user_id, text],
    )?;
    Ok(())
}

/// A notification as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub id: i64,
    /// What it tells.
    pub kind: NotificationKind,
    /// Record.
    pub parent: Option<Parent>,
    /// Number, where the record is a case.
    pub case_number: Option<i64>,
    pub email_id: Option<i64>,
    /// One line.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
    pub read_at: Option<Timestamp>,
}

impl Notification {
    fn from_row(row: &Row<'_>) -> Result<Notification> {
        let parent_id: Option<i64> = row.get("parent_id")?;
        let parent = match parent_id {
            Some(id) => Some(Parent { kind: row.label::<ParentType>("parent_type")?, id }),
            None => None,
        };
        Ok(Notification {
            id: row.get("id")?,
            kind: row.label("kind")?,
            parent,
            case_number: row.get("case_number")?,
            email_id: row.get("email_id")?,
            text: row.get("text")?,
            created_at: row.time("created_at")?,
            read_at: row.opt_time("read_at")?,
        })
    }
}

const SELECT: &str = "SELECT n.id, n.kind, n.parent_type, n.parent_id, c.number AS case_number, n.email_id, n.text, n.created_at, n.read_at
    FROM notifications n LEFT JOIN cases c ON n.parent_type = 'case' AND c.id = n.parent_id";

/// What the notifications `n` are about may be seen still.
fn seen(sight: Sight) -> String {
    format!("(n.parent_type IS NULL OR {})", sight.parent("n.parent_type", "n.parent_id"))
}

/// Unread ones, which an index has, or all; `?3` says which.
fn wanted(all: bool) -> &'static str {
    if all { "?3" } else { "n.read_at IS NULL AND NOT ?3" }
}

/// A user's notifications of what they may see, newest first; only unread ones unless `all`.
pub fn list(tx: &Tx<'_>, user_id: i64, sight: Sight, all: bool, limit: i64) -> Result<Vec<Notification>> {
    tx.all(
        &format!("{SELECT} WHERE n.user_id = ?2 AND {} AND {} ORDER BY n.id DESC LIMIT ?4", wanted(all), seen(sight)),
        params![sight.parameter(), user_id, all, limit],
        Notification::from_row,
    )
}

/// The number of a user's unread notifications of what they may see.
pub fn count_unread(tx: &Tx<'_>, user_id: i64, sight: Sight) -> Result<i64> {
    count_to(tx, user_id, sight, false, i64::MAX)
}

/// How many notifications [`list`] would give without a limit, at most `most`.
pub fn count_to(tx: &Tx<'_>, user_id: i64, sight: Sight, all: bool, most: i64) -> Result<i64> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM notifications n
            WHERE n.user_id = ?2 AND {} AND {} LIMIT ?4) AS those",
        wanted(all),
        seen(sight)
    );
    Ok(tx.value(&sql, params![sight.parameter(), user_id, all, most])?.unwrap_or_default())
}

/// Marks one of a user's notifications as read, or (`None`) all of them that they may see; how many that were.
pub fn mark_read(tx: &Tx<'_>, user_id: i64, sight: Sight, id: Option<i64>, now: Timestamp) -> Result<usize> {
    let marked = tx.execute(
        &format!(
            "UPDATE notifications AS n SET read_at = ?4, digest = FALSE
                WHERE n.user_id = ?2 AND (?3 IS NULL OR n.id = ?3) AND n.read_at IS NULL AND {}",
            seen(sight)
        ),
        params![sight.parameter(), user_id, id, seconds(now)],
    )?;
    marked.rows()
}

/// Whether a user has such a notification of something they may see.
pub fn exists(tx: &Tx<'_>, user_id: i64, sight: Sight, id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        &format!("SELECT 1 FROM notifications n WHERE n.user_id = ?2 AND n.id = ?3 AND {}", seen(sight)),
        params![sight.parameter(), user_id, id],
    )?;
    Ok(found.is_some())
}

/// Active users whose digest is due: something waits for it, and the last one did not go out within this time.
pub fn digests_due(tx: &Tx<'_>, within: &Range<Timestamp>) -> Result<Vec<i64>> {
    tx.values(
        "SELECT u.id FROM users u WHERE u.active AND (u.digest_at IS NULL OR u.digest_at <= ?1 OR u.digest_at >= ?2)
            AND EXISTS (SELECT 1 FROM notifications n WHERE n.user_id = u.id AND n.digest) ORDER BY u.id",
        params![seconds(within.start), seconds(within.end)],
    )
}

/// Takes what waits for a user's digest, oldest first, and remembers that it goes out now. What they may not see any
/// more is left out.
pub fn take_digest(tx: &Tx<'_>, user_id: i64, sight: Sight, now: Timestamp) -> Result<Vec<Notification>> {
    let waiting = tx.all(
        &format!("{SELECT} WHERE n.user_id = ?2 AND n.digest AND {} ORDER BY n.id", seen(sight)),
        params![sight.parameter(), user_id],
        Notification::from_row,
    )?;
    tx.execute("UPDATE notifications SET digest = FALSE WHERE user_id = ?1 AND digest", params![user_id])?;
    tx.execute("UPDATE users SET digest_at = ?2 WHERE id = ?1", params![user_id, seconds(now)])?;
    Ok(waiting)
}
