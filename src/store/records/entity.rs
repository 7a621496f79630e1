//! What every record has: a name, an assignee, teams, and most of them addresses (B1.3).

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Row, Tx, params, seconds};
use super::super::sight::Sight;
use super::super::text;
use super::{Parent, ParentType};

/// A record with the names that are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Type and id.
    pub parent: Parent,
    /// Name, which several may bear.
    pub name: String,
    /// Assignee: id and username.
    pub assignee: Option<(i64, String)>,
    /// Its company, as far as that may be seen: id and name.
    pub company: Option<(i64, String)>,
    /// Addresses in lower case, the primary first.
    pub addresses: Vec<String>,
    /// Names of its teams.
    pub teams: Vec<String>,
    /// Opportunity: neither won nor lost.
    pub open: Option<bool>,
    /// Lead: what it became.
    pub converted: Vec<Parent>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record {
    fn from_row(kind: ParentType, row: &Row<'_>) -> Result<Record> {
        let lines = |column: &str| -> Result<Vec<String>> {
            let text: Option<String> = row.get(column)?;
            Ok(text.unwrap_or_default().split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect())
        };
        let named = |id: &str, name: &str| -> Result<Option<(i64, String)>> {
            Ok(row.get::<Option<i64>>(id)?.zip(row.get::<Option<String>>(name)?))
        };
        let became = |kind: ParentType, column: &str| -> Result<Option<Parent>> {
            Ok(row.get::<Option<i64>>(column)?.map(|id| Parent { kind, id }))
        };
        let company = became(ParentType::Company, "converted_company_id")?;
        let contact = became(ParentType::Contact, "converted_contact_id")?;
        Ok(Record {
            parent: Parent { kind, id: row.get("id")? },
            name: row.get("name")?,
            assignee: named("assigned_user_id", "assignee")?,
            company: named("company_id", "company_name")?,
            addresses: lines("addresses")?,
            teams: lines("team_names")?,
            open: row.get("open")?,
            converted: company.into_iter().chain(contact).collect(),
            created_at: row.time("created_at")?,
        })
    }
}

/// `SELECT … WHERE sight` over one type; `?1` is [`Sight::parameter`].
fn select(sight: Sight, kind: ParentType) -> String {
    let company = if kind.has_company() { "r.company_id" } else { "NULL" };
    let open = if kind == ParentType::Opportunity { "r.open" } else { "NULL" };
    let converted = match kind {
        ParentType::Lead => "r.converted_company_id, r.converted_contact_id",
        _ => "NULL AS converted_company_id, NULL AS converted_contact_id",
    };
    let may_see_company = sight.record(ParentType::Company, "o");
    format!(
        "SELECT r.id, r.name, r.assigned_user_id, u.username AS assignee, o.id AS company_id, o.name AS company_name,
            {open} AS open, {converted}, r.created_at,
            (SELECT string_agg(address, '\n') FROM (SELECT a.address FROM record_addresses a
                WHERE a.record_type = '{kind}' AND a.record_id = r.id
                    ORDER BY a.is_primary DESC, a.address) AS those) AS addresses,
            (SELECT string_agg(name, '\n') FROM (SELECT t.name FROM record_teams x JOIN teams t ON t.id = x.team_id
                WHERE x.record_type = '{kind}' AND x.record_id = r.id ORDER BY lower(t.name)) AS those) AS team_names
        FROM {} r LEFT JOIN users u ON u.id = r.assigned_user_id LEFT JOIN companies o ON o.id = {company} AND {may_see_company}
        WHERE {}",
        kind.table(),
        sight.record(kind, "r")
    )
}

/// By id, as far as it may be seen.
pub fn by_id(tx: &Tx<'_>, parent: Parent, sight: Sight) -> Result<Option<Record>> {
    let sql = format!("{} AND r.id = ?2", select(sight, parent.kind));
    tx.one(&sql, params![sight.parameter(), parent.id], |row| Record::from_row(parent.kind, row))
}

/// Those of this name, in any case, that may be seen.
pub fn by_name(tx: &Tx<'_>, kind: ParentType, name: &str, sight: Sight) -> Result<Vec<Record>> {
    let sql = format!("{} AND lower(r.name) = lower(?2) ORDER BY r.id", select(sight, kind));
    tx.all(&sql, params![sight.parameter(), name], |row| Record::from_row(kind, row))
}

/// The record of this type that has an address, for any reader.
pub fn by_address(tx: &Tx<'_>, kind: ParentType, address: &str) -> Result<Option<Parent>> {
    let id: Option<i64> = tx.value(
        "SELECT record_id FROM record_addresses WHERE address = ?1 AND record_type = ?2 ORDER BY record_id LIMIT 1",
        params![address, kind.as_str()],
    )?;
    Ok(id.map(|id| Parent { kind, id }))
}

/// What `record list` narrows by; `None` = anything.
#[derive(Debug, Clone, Default)]
pub struct RecordQuery {
    /// Each is part of the name or of an address, in any case.
    pub words: Vec<String>,
    pub assigned_user_id: Option<i64>,
    pub team_id: Option<i64>,
}

/// Records of one type as far as they may be seen, by name.
pub fn list(tx: &Tx<'_>, kind: ParentType, query: &RecordQuery, sight: Sight) -> Result<Vec<Record>> {
    let sql = format!(
        "{} AND (?2 IS NULL OR r.assigned_user_id = ?2)
            AND (?3 IS NULL OR EXISTS (SELECT 1 FROM record_teams y
                WHERE y.record_type = '{kind}' AND y.record_id = r.id AND y.team_id = ?3))
        ORDER BY lower(r.name), r.id",
        select(sight, kind)
    );
    let bound = params![sight.parameter(), query.assigned_user_id, query.team_id];
    let mut found = tx.all(&sql, bound, |row| Record::from_row(kind, row))?;
    let words: Vec<String> = query.words.iter().map(|word| text::folded(word)).collect();
    let holds = |record: &Record, word: &str| {
        text::mentions(&record.name, word) || record.addresses.iter().any(|address| text::mentions(address, word))
    };
    found.retain(|record| words.iter().all(|word| holds(record, word)));
    Ok(found)
}

/// Adds a record that has only a name; the id.
pub fn add(tx: &Tx<'_>, kind: ParentType, name: &str, now: Timestamp) -> Result<Parent> {
    let sql = format!("INSERT INTO {} (name, created_at) VALUES (?1, ?2)", kind.table());
    Ok(Parent { kind, id: tx.insert(&sql, params![name, seconds(now)])? })
}

/// Gives a record another name.
pub fn rename(tx: &Tx<'_>, parent: Parent, name: &str) -> Result<()> {
    tx.execute(&format!("UPDATE {} SET name = ?2 WHERE id = ?1", parent.kind.table()), params![parent.id, name])?;
    Ok(())
}

/// Changes the assignee.
pub fn assign(tx: &Tx<'_>, parent: Parent, user_id: Option<i64>) -> Result<()> {
    let sql = format!("UPDATE {} SET assigned_user_id = ?2 WHERE id = ?1", parent.kind.table());
    tx.execute(&sql, params![parent.id, user_id])?;
    Ok(())
}

/// Changes the company of a contact or opportunity.
pub fn set_company(tx: &Tx<'_>, parent: Parent, company_id: Option<i64>) -> Result<()> {
    let sql = format!("UPDATE {} SET company_id = ?2 WHERE id = ?1", parent.kind.table());
    tx.execute(&sql, params![parent.id, company_id])?;
    Ok(())
}

/// Opens or closes an opportunity.
pub fn set_open(tx: &Tx<'_>, opportunity_id: i64, open: bool) -> Result<()> {
    tx.execute("UPDATE opportunities SET open = ?2 WHERE id = ?1", params![opportunity_id, open])?;
    Ok(())
}

/// Replaces the addresses; the first becomes the primary one.
pub fn set_addresses(tx: &Tx<'_>, parent: Parent, addresses: &[String]) -> Result<()> {
    let record = (parent.kind.as_str(), parent.id);
    tx.execute("DELETE FROM record_addresses WHERE record_type = ?1 AND record_id = ?2", record)?;
    for (i, address) in addresses.iter().enumerate() {
        tx.execute(
            "INSERT INTO record_addresses (address, record_type, record_id, is_primary) VALUES (?1, ?2, ?3, ?4)",
            params![address, parent.kind.as_str(), parent.id, i == 0],
        )?;
    }
    Ok(())
}

/// Adds an address after those that a record has.
pub fn add_address(tx: &Tx<'_>, parent: Parent, address: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO record_addresses (address, record_type, record_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![address, parent.kind.as_str(), parent.id],
    )?;
    Ok(())
}

/// Replaces the teams.
pub fn set_teams(tx: &Tx<'_>, parent: Parent, team_ids: &[i64]) -> Result<()> {
    let record = (parent.kind.as_str(), parent.id);
    tx.execute("DELETE FROM record_teams WHERE record_type = ?1 AND record_id = ?2", record)?;
    team_ids.iter().try_for_each(|team_id| add_team(tx, parent, *team_id))
}

/// Shows a record to a team.
pub fn add_team(tx: &Tx<'_>, parent: Parent, team_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO record_teams (record_type, record_id, team_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![parent.kind.as_str(), parent.id, team_id],
    )?;
    Ok(())
}

/// The teams of a record.
pub fn team_ids(tx: &Tx<'_>, parent: Parent) -> Result<Vec<i64>> {
    tx.values(
        "SELECT team_id FROM record_teams WHERE record_type = ?1 AND record_id = ?2 ORDER BY team_id",
        params![parent.kind.as_str(), parent.id],
    )
}

/// Replaces the contacts of an opportunity.
pub fn set_contacts(tx: &Tx<'_>, opportunity_id: i64, contact_ids: &[i64]) -> Result<()> {
    tx.execute("DELETE FROM opportunity_contacts WHERE opportunity_id = ?1", params![opportunity_id])?;
    for contact_id in contact_ids {
        tx.execute(
            "INSERT INTO opportunity_contacts (opportunity_id, contact_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![opportunity_id, contact_id],
        )?;
    }
    Ok(())
}

/// The contacts of an opportunity that may be seen: id and name.
pub fn contacts_of(tx: &Tx<'_>, opportunity_id: i64, sight: Sight) -> Result<Vec<(i64, String)>> {
    let sql = format!(
        "SELECT r.id, r.name FROM opportunity_contacts x JOIN contacts r ON r.id = x.contact_id
            WHERE {} AND x.opportunity_id = ?2 ORDER BY r.name, r.id",
        sight.record(ParentType::Contact, "r")
    );
    tx.all(&sql, params![sight.parameter(), opportunity_id], |row| Ok((row.get("id")?, row.get("name")?)))
}

/// Numbers of the open cases of a record that may be seen, ascending.
pub fn open_cases(tx: &Tx<'_>, parent: Parent, sight: Sight) -> Result<Vec<i64>> {
    let column = match parent.kind {
        ParentType::Company => "c.company_id",
        ParentType::Contact => "c.contact_id",
        ParentType::Lead => "c.lead_id",
        ParentType::Opportunity | ParentType::Case => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT c.number FROM cases c WHERE {} AND {column} = ?2 AND c.status IN ('New', 'Assigned', 'Pending') ORDER BY c.number",
        sight.case()
    );
    tx.values(&sql, params![sight.parameter(), parent.id])
}
