//! Emails as they are listed.

use std::ops::Range;

use anyhow::Result;
use jiff::Timestamp;

use super::{COLUMNS, Email, Field, addresses};
use crate::mail::address::Mailbox;
use crate::query::Tree;
use crate::store::db::{Tx, params, seconds};
use crate::store::records::ParentType;
use crate::store::search::{Bound, Source, Test, email_source, lies_in};
use crate::store::sight::Sight;

/// A row of `email list`.
#[derive(Debug, Clone)]
pub struct EmailRow {
    pub email: Email,
    /// When it was received, or written where that is still to come: its place in the list.
    pub listed_at: Timestamp,
    /// The case it belongs to; of a draft the one that it will.
    pub case_number: Option<i64>,
    /// Accounts that delivered or sent it.
    pub accounts: Vec<String>,
    /// Unread by the viewer.
    pub unread: bool,
    /// With an attachment that is not part of the text.
    pub attachment: bool,
    /// Marked as important by the viewer.
    pub important: bool,
    /// Where it lies for the viewer: a word such as inbox, or the name of a folder.
    pub folder: Option<String>,
    /// Other texts of the same message that were kept.
    pub variants: i64,
    /// To, where it was asked for.
    pub to: Option<Vec<Mailbox>>,
    /// Cc, where it was asked for.
    pub cc: Option<Vec<Mailbox>>,
}

/// Condition on an email `e`: it has a file that a person attached. What mail programs and systems attach is none: signatures,
/// what a calendar reads, the parts of a report.
pub const HAS_ATTACHMENT: &str = "EXISTS (SELECT 1 FROM email_attachments f WHERE f.email_id = e.id AND NOT f.inline
    AND f.content_type NOT IN ('application/pgp-signature', 'application/pkcs7-signature', 'application/x-pkcs7-signature',
        'message/delivery-status', 'message/global-delivery-status', 'text/rfc822-headers',
        'message/disposition-notification')
    AND (f.name <> '' OR f.content_type <> 'text/calendar'))";

/// Of words that more emails have, the newest are put in order: ids grow with time, and the order of the list is another one.
const NEWEST: i64 = 10_000;

/// What `email list` shows.
#[derive(Debug, Clone, Default)]
pub struct EmailQuery {
    /// What holds of them.
    pub condition: Tree<Test>,
    /// Whose marks and folders are shown.
    pub viewer: Option<i64>,
    /// Maximum number.
    pub limit: Option<i64>,
    /// To and Cc are wanted, too.
    pub recipients: bool,
    /// What was received after this moment is in the list by the time at which it was written; `None` = nothing is.
    pub now: Option<Timestamp>,
}

/// The emails that may be seen, newest first by the time they were received, also where they were imported later. A letter
/// that is to be sent later is as old as its writing.
pub fn list(tx: &Tx<'_>, query: &EmailQuery, sight: Sight) -> Result<Vec<EmailRow>> {
    let mut bound = Bound::new(tx, sight);
    let Source { from, by_words } = email_source(tx, &query.condition, sight, &mut bound)?;
    let limit = query.limit.unwrap_or(i64::MAX);
    let most = by_words.map(|_| bound.add(limit.max(NEWEST))).unwrap_or_default();
    let limit = bound.add(limit);
    // The ids that are listed, of those for which something holds besides.
    let ids = |besides: &str| match by_words {
        Some(id) => format!(
            "SELECT found.id FROM (SELECT e.id AS id, e.received_at AS received_at FROM {from}{besides}
                    ORDER BY {id} DESC LIMIT {most}) AS found
                ORDER BY found.received_at DESC, found.id DESC LIMIT {limit}"
        ),
        None => format!("SELECT e.id FROM {from}{besides} ORDER BY e.received_at DESC, e.id DESC LIMIT {limit}"),
    };
    let mut listed_at = "e.received_at".to_owned();
    let mut listed = ids("");
    let from_future = match query.now.map(seconds) {
        Some(now) => tx.value::<i64>("SELECT 1 FROM emails WHERE received_at > ?1 LIMIT 1", params![now])?.map(|_| now),
        None => None,
    };
    // Only then, so that the index gives the order everywhere else.
    if let Some(now) = from_future {
        let now = bound.add(now);
        listed_at = format!("CASE WHEN e.received_at > {now} THEN e.created_at ELSE e.received_at END");
        listed = format!(
            "SELECT id FROM ({}) AS past UNION ALL SELECT e.id FROM {from} AND e.received_at > {now}",
            ids(&format!(" AND e.received_at <= {now}"))
        );
    }
    let chosen = Chosen { ids: &listed, listed_at: &listed_at, limit: &limit };
    let mut rows = shown(bound, &chosen, query.viewer, sight)?;
    if query.recipients {
        for row in &mut rows {
            row.to = Some(addresses(tx, row.email.id, Field::To)?);
            row.cc = Some(addresses(tx, row.email.id, Field::Cc)?);
        }
    }
    Ok(rows)
}

/// An email that may be seen, as it is in a list.
pub fn listed(tx: &Tx<'_>, id: i64, viewer: Option<i64>, sight: Sight) -> Result<Option<EmailRow>> {
    let mut bound = Bound::new(tx, sight);
    let id = bound.add(id);
    let ids = format!("SELECT e.id FROM emails e WHERE e.id = {id} AND {}", sight.email());
    let chosen = Chosen { ids: &ids, listed_at: "e.received_at", limit: "1" };
    Ok(shown(bound, &chosen, viewer, sight)?.pop())
}

/// Which emails are listed, as parts of a statement.
struct Chosen<'a> {
    ids: &'a str,
    listed_at: &'a str,
    limit: &'a str,
}

/// What is shown of them.
fn shown(mut bound: Bound<'_, '_>, chosen: &Chosen<'_>, viewer: Option<i64>, sight: Sight) -> Result<Vec<EmailRow>> {
    let Chosen { ids, listed_at, limit } = chosen;
    let viewer = bound.add(viewer);
    let folder = lies_in(&viewer);
    // A draft belongs to nothing yet, and is shown with what it is for.
    let (kind, id) = ("coalesce(e.parent_type, d.parent_type)", "coalesce(e.parent_id, d.parent_id)");
    let parent_seen = sight.parent(kind, id);
    // What a row shows is looked up for those that are shown only.
    let sql = format!(
        "SELECT {COLUMNS}, {parent_seen} AS parent_seen, {listed_at} AS listed_at, c.number AS case_number,
            (SELECT string_agg(name, '\n') FROM (SELECT a.name FROM deliveries d JOIN accounts a ON a.id = d.account_id
                WHERE d.email_id = e.id AND (a.kind = 'group' OR ?1 IS NULL OR a.user_id = ?1) GROUP BY a.name
                    ORDER BY lower(a.name)) AS named) AS account_names,
            EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = {viewer} AND NOT eu.read) AS unread,
            EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = {viewer} AND eu.important) AS important,
            {HAS_ATTACHMENT} AS attachment,
            {folder} AS lies_in, (SELECT count(*) FROM email_variants v WHERE v.email_id = e.id) AS variants
        FROM emails e LEFT JOIN drafts d ON d.email_id = e.id LEFT JOIN cases c ON {kind} = 'case' AND c.id = {id}
        WHERE e.id IN ({ids}) ORDER BY listed_at DESC, e.id DESC LIMIT {limit}"
    );
    bound.tx.all(&sql, bound.values, |row| {
        let accounts: Option<String> = row.get("account_names")?;
        let (email, parent_seen) = (Email::from_row(row)?, row.get("parent_seen")?);
        Ok(EmailRow {
            listed_at: row.time("listed_at")?,
            case_number: if parent_seen { row.get("case_number")? } else { None },
            email: Email { parent: email.parent.filter(|_| parent_seen), ..email },
            accounts: accounts.unwrap_or_default().split('\n').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
            unread: row.get("unread")?,
            attachment: row.get("attachment")?,
            important: row.get("important")?,
            folder: row.get("lies_in")?,
            variants: row.get("variants")?,
            to: None,
            cc: None,
        })
    })
}

/// How many emails `list` would give without a limit, at most `most`.
pub fn count_to(tx: &Tx<'_>, query: &EmailQuery, most: i64, sight: Sight) -> Result<i64> {
    let mut bound = Bound::new(tx, sight);
    let from = email_source(tx, &query.condition, sight, &mut bound)?.from;
    let most = bound.add(most);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {from} LIMIT {most}) AS those");
    Ok(tx.value(&sql, bound.values)?.unwrap_or_default())
}

/// How many unverified mails wait for a decision, as far as they and their cases may be seen (B4.10).
pub fn count_undecided(tx: &Tx<'_>, sight: Sight) -> Result<i64> {
    let sql = format!(
        "SELECT count(*) FROM emails e INDEXED BY emails_undecided CROSS JOIN cases c ON c.id = e.parent_id
            WHERE e.undecided AND e.parent_type = 'case' AND {} AND {}",
        sight.email_of(ParentType::Case),
        sight.case()
    );
    Ok(tx.value(&sql, params![sight.parameter()])?.unwrap_or_default())
}

/// Unverified mail of a case that came since a moment, the oldest first: its ids.
pub fn unverified_within(tx: &Tx<'_>, case_id: i64, within: &Range<Timestamp>) -> Result<Vec<i64>> {
    tx.values(
        "SELECT id FROM emails INDEXED BY emails_undecided
            WHERE parent_type = 'case' AND parent_id = ?1 AND undecided AND created_at > ?2 AND created_at < ?3 ORDER BY id",
        params![case_id, seconds(within.start), seconds(within.end)],
    )
}
