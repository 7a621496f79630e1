//! The ledger: one row for every message an account delivered, with every outcome (B1.5).

mod imports;
mod ledger;
mod owed;

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

pub use imports::*;
pub use ledger::*;
pub use owed::*;

use super::db::{Row, Tx, Value, params, seconds};
use super::label::labels;

labels! {
    /// What became of a delivered message.
    pub enum Outcome {
        /// Its bytes are safe, it waits for the import.
        Received = "received",
        /// It became an email.
        Imported = "imported",
        /// The same email as another delivery.
        Duplicate = "duplicate",
        /// Mail of this instance coming back.
        Own = "own",
        /// A filter skipped it.
        Skipped = "skipped",
        /// It could not be imported and is kept whole.
        Quarantined = "quarantined",
        /// Somebody threw it out of the quarantine, or gave it up: it left the server and was never delivered.
        Discarded = "discarded",
        /// Listed by the server but not delivered at three attempts.
        Unfetchable = "unfetchable",
        /// Listed by the server, not delivered so far.
        Missing = "missing",
    }
}

labels! {
    /// How a message came that no server delivered.
    pub enum Source {
        /// From a server or an MTA: it is new.
        Arrived = "",
        /// By `import --as-new`: it is treated as if it had just come.
        Import = "import",
        /// By `import`: history, from which nothing follows (B2.12).
        History = "history",
    }
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub id: i64,
    /// Account that delivered it.
    pub account_id: i64,
    /// Folder; `None` = `ingest` or `import`.
    pub folder: Option<String>,
    pub uidvalidity: Option<u32>,
    pub uid: Option<u32>,
    /// INTERNALDATE, else when it came here.
    pub internal_date: Timestamp,
    /// Size in bytes as the server says.
    pub size: i64,
    /// Only its beginning was fetched.
    pub truncated: bool,
    /// Stored bytes.
    pub raw_id: Option<i64>,
    /// Envelope recipient of `ingest`.
    pub recipient: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, or the error.
    pub reason: String,
    pub email_id: Option<i64>,
    /// Runs that died while importing it.
    pub deaths: i64,
    /// When it came here.
    pub received_at: Timestamp,
    /// Whether a server delivered it, or a file.
    pub source: Source,
}

impl Delivery {
    fn from_row(row: &Row<'_>) -> Result<Delivery> {
        Ok(Delivery {
            id: row.get("id")?,
            account_id: row.get("account_id")?,
            folder: row.get("folder")?,
            uidvalidity: row.get("uidvalidity")?,
            uid: row.get("uid")?,
            internal_date: row.time("internal_date")?,
            size: row.get("size")?,
            truncated: row.get("truncated")?,
            raw_id: row.get("raw_id")?,
            recipient: row.get("recipient")?,
            outcome: row.label("outcome")?,
            reason: row.get("reason")?,
            email_id: row.get("email_id")?,
            deaths: row.get("deaths")?,
            received_at: row.time("received_at")?,
            source: row.label("source")?,
        })
    }
}

const SELECT: &str =
    "SELECT d.id, d.account_id, d.folder, d.uidvalidity, d.uid, d.internal_date, d.size, d.truncated, d.raw_id,
    d.recipient, d.outcome, d.reason, d.email_id, d.deaths, d.received_at, d.source FROM deliveries d";

/// Where a message lies on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub account_id: i64,
    pub folder: &'a str,
    pub uidvalidity: u32,
    pub uid: u32,
}

/// Facts of a received message besides its place.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// INTERNALDATE, else now.
    pub internal_date: Timestamp,
    /// Size in bytes as the server says.
    pub size: i64,
    /// Only the beginning was fetched.
    pub truncated: bool,
    /// When it came here.
    pub now: Timestamp,
}

/// The columns of a [`Place`].
const PLACE: &str = "account_id, folder, uidvalidity, uid";
/// Those of [`Facts`] that a message has whether its bytes came or not.
const FACTS: &str = "internal_date, size, received_at";

/// A message that was received: its place, its facts, and the id of its bytes.
pub type Received<'a> = (Place<'a>, Facts, i64);

/// Rows of one statement: a server takes several in less than half of the time.
const AT_ONCE: usize = 16;

/// Records messages whose bytes have been stored, in the order of their UIDs, unless the ledger has settled a UID before:
/// [`with_raws`] tells which. A UID that was recorded as missing or unfetchable is received after all.
pub fn receive(tx: &Tx<'_>, all: &[Received<'_>]) -> Result<()> {
    let mut rest = all;
    while !rest.is_empty() {
        // No statement may have one place twice.
        let ascend = |pair: &&[Received<'_>]| pair.first().map(|one| one.0.uid) < pair.last().map(|one| one.0.uid);
        let ascending = 1 + rest.windows(2).take(AT_ONCE - 1).take_while(ascend).count();
        let (now, later) = rest.split_at(if ascending == AT_ONCE { AT_ONCE } else { 1 });
        receive_at_once(tx, now)?;
        rest = later;
    }
    Ok(())
}

fn receive_at_once(tx: &Tx<'_>, all: &[Received<'_>]) -> Result<()> {
    let row = |first: usize| {
        let places: Vec<String> = (first..first + 9).map(|place| format!("?{place}")).collect();
        format!("({}, 'received')", places.join(", "))
    };
    let rows: Vec<String> = (0..all.len()).map(|number| row(9 * number + 1)).collect();
    let values: Vec<Value> = all
        .iter()
        .flat_map(|(place, facts, raw_id)| {
            [
                Value::from(place.account_id),
                Value::from(place.folder.to_owned()),
                Value::from(place.uidvalidity),
                Value::from(place.uid),
                Value::from(seconds(facts.internal_date)),
                Value::from(facts.size),
                Value::from(seconds(facts.now)),
                Value::Bool(facts.truncated),
                Value::from(*raw_id),
            ]
        })
        .collect();
    tx.execute(
        &format!(
            "INSERT INTO deliveries ({PLACE}, {FACTS}, truncated, raw_id, outcome)
            VALUES {} ON CONFLICT ({PLACE}) DO UPDATE SET
                outcome = 'received', reason = '', raw_id = excluded.raw_id, size = excluded.size,
                truncated = excluded.truncated, received_at = excluded.received_at
            WHERE deliveries.outcome IN ('missing', 'unfetchable')",
            rows.join(", ")
        ),
        values,
    )?;
    Ok(())
}

/// The deliveries that have stored bytes with an id between these two, by the id of the bytes.
pub fn with_raws(tx: &Tx<'_>, first: i64, last: i64) -> Result<HashMap<i64, i64>> {
    let sql = "SELECT id, raw_id FROM deliveries WHERE raw_id BETWEEN ?1 AND ?2";
    let all = tx.all(sql, params![first, last], |row| Ok((row.get("raw_id")?, row.get("id")?)))?;
    Ok(all.into_iter().collect())
}

/// Records a message that came by `ingest`; the id.
pub fn receive_piped(tx: &Tx<'_>, account_id: i64, recipient: Option<&str>, facts: Facts, raw_id: i64) -> Result<i64> {
    tx.insert(
        "INSERT INTO deliveries (account_id, internal_date, size, raw_id, recipient, outcome, received_at)
            VALUES (?1, ?2, ?3, ?4, ?5, 'received', ?6)",
        params![account_id, seconds(facts.internal_date), facts.size, raw_id, recipient, seconds(facts.now)],
    )
}

/// UIDs of a folder that the ledger has a row for, from `first` on, ascending.
pub fn known_uids(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, first: u32) -> Result<Vec<u32>> {
    tx.values(
        "SELECT uid FROM deliveries WHERE account_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid >= ?4
            ORDER BY uid",
        params![account_id, folder, uidvalidity, first],
    )
}

/// Messages of an account that wait for the import, in its order: folder, UID.
pub fn waiting(tx: &Tx<'_>, account_id: i64, limit: i64) -> Result<Vec<Delivery>> {
    tx.all(
        &format!(
            "{SELECT} WHERE d.outcome = 'received' AND d.account_id = ?1
            ORDER BY d.folder NULLS FIRST, d.uid NULLS FIRST, d.id LIMIT ?2"
        ),
        params![account_id, limit],
        Delivery::from_row,
    )
}

/// Accounts with messages that wait for the import.
pub fn accounts_waiting(tx: &Tx<'_>) -> Result<Vec<i64>> {
    tx.values("SELECT DISTINCT account_id FROM deliveries WHERE outcome = 'received' ORDER BY account_id", [])
}

/// The stored bytes of the newest mails that an account brought, by id.
pub fn newest_raws(tx: &Tx<'_>, account_id: i64, limit: i64) -> Result<Vec<i64>> {
    tx.values(
        "SELECT raw_id FROM deliveries WHERE account_id = ?1 AND raw_id IS NOT NULL ORDER BY received_at DESC, id DESC LIMIT ?2",
        params![account_id, limit],
    )
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Delivery>> {
    tx.one(&format!("{SELECT} WHERE d.id = ?1"), params![id], Delivery::from_row)
}

/// Which of these messages of an account wait for the import.
pub fn waiting_of(tx: &Tx<'_>, account_id: i64, ids: &[i64]) -> Result<HashSet<i64>> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(HashSet::new()) };
    let sql = "SELECT id FROM deliveries WHERE outcome = 'received' AND account_id = ?1 AND id BETWEEN ?2 AND ?3";
    let waiting: HashSet<i64> = tx.values(sql, params![account_id, *first, *last])?.into_iter().collect();
    Ok(ids.iter().copied().filter(|id| waiting.contains(id)).collect())
}

/// The last number that the ledger has given.
pub fn newest(tx: &Tx<'_>) -> Result<Option<i64>> {
    Ok(tx.value("SELECT max(id) FROM deliveries", [])?.flatten())
}

/// Deliveries of an email, oldest first.
pub fn of_email(tx: &Tx<'_>, email_id: i64) -> Result<Vec<Delivery>> {
    tx.all(&format!("{SELECT} WHERE d.email_id = ?1 ORDER BY d.id"), params![email_id], Delivery::from_row)
}

/// Messages in the quarantine, oldest first.
pub fn quarantined(tx: &Tx<'_>) -> Result<Vec<Delivery>> {
    tx.all(&format!("{SELECT} WHERE d.outcome = 'quarantined' ORDER BY d.id"), [], Delivery::from_row)
}

/// Writes what became of a message.
pub fn settle(tx: &Tx<'_>, id: i64, outcome: Outcome, reason: &str, email_id: Option<i64>) -> Result<()> {
    tx.execute(
        "UPDATE deliveries SET outcome = ?2, reason = ?3, email_id = ?4 WHERE id = ?1",
        params![id, outcome.as_str(), reason, email_id],
    )?;
    Ok(())
}

/// Forgets the stored bytes of a delivery and drops them; other deliveries never share them.
pub fn drop_raw(tx: &Tx<'_>, delivery: &Delivery) -> Result<()> {
    if let Some(raw_id) = delivery.raw_id {
        tx.execute("UPDATE deliveries SET raw_id = NULL WHERE id = ?1", params![delivery.id])?;
        super::raw::delete(tx, raw_id)?;
    }
    Ok(())
}

/// A message of which only the beginning was fetched is there whole.
pub fn complete(tx: &Tx<'_>, id: i64, raw_id: i64) -> Result<()> {
    tx.execute("UPDATE deliveries SET raw_id = ?2, truncated = FALSE WHERE id = ?1", params![id, raw_id])?;
    Ok(())
}

/// Counts a run that died while importing a message: how many there are now; `None` = this one is counted already, or the
/// message is settled.
pub fn count_death(tx: &Tx<'_>, id: i64, run: i64) -> Result<Option<i64>> {
    let is_new = tx.execute(
        "INSERT INTO deaths (delivery_id, run) SELECT id, ?2 FROM deliveries WHERE id = ?1 AND outcome = 'received'
            ON CONFLICT DO NOTHING",
        params![id, run],
    )?;
    if is_new.rows()? == 0 {
        return Ok(None);
    }
    tx.value("UPDATE deliveries SET deaths = deaths + 1 WHERE id = ?1 RETURNING deaths", params![id])
}

/// Numbers for `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Received since the moment asked for; history is not new, nor is what only changed its place on the server.
    pub new: i64,
    /// In the quarantine.
    pub quarantined: i64,
    /// Never delivered by the server.
    pub unfetchable: i64,
}

/// Counts of one account; `since` bounds `new`.
pub fn counts(tx: &Tx<'_>, account_id: i64, since: Timestamp) -> Result<Counts> {
    let counts = tx.one(
        "SELECT
            (SELECT count(*) FROM deliveries d WHERE account_id = ?1 AND received_at >= ?2 AND outcome IN ('imported', 'duplicate')
                AND source <> 'history' AND NOT EXISTS (SELECT 1 FROM deliveries o
                    WHERE o.email_id = d.email_id AND o.account_id = d.account_id AND o.id < d.id)) AS new,
            (SELECT count(*) FROM deliveries WHERE account_id = ?1 AND outcome = 'quarantined') AS quarantined",
        params![account_id, seconds(since)],
        |row| Ok(Counts { new: row.get("new")?, quarantined: row.get("quarantined")?, unfetchable: 0 }),
    )?;
    Ok(Counts { unfetchable: unfetchable(tx, account_id)?, ..counts.unwrap_or_default() })
}
