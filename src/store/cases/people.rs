//! Who is who in a case (B4.9): the rows of addresses that have a role. Addresses of the linked contact or lead, of
//! users and of accounts have none; `intake::people` knows about them.

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Row, Tx, params, seconds};
use super::super::label::labels;
use super::super::records::{Parent, ParentType};
use super::super::sight::Sight;

labels! {
    /// What an address is in a case.
    pub enum Role {
        /// The person the case is for.
        Customer = "customer",
        /// Somebody on the customer's side.
        Copied = "copied",
        /// Somebody else whom we wrote to.
        ThirdParty = "third party",
        /// A user, or one of our addresses.
        Staff = "staff",
        /// Anybody else.
        Outsider = "outsider",
    }
}

/// An address with its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Address in the form it is compared in.
    pub address: String,
    /// Name, as far as it is known.
    pub name: String,
    /// Customer, copied or third party.
    pub role: Role,
    /// An agent said so: no mail changes it.
    pub chosen: bool,
    /// The person who opened the case.
    pub opened: bool,
    /// Why, in words.
    pub reason: String,
    /// The mail that gave the role.
    pub email_id: Option<i64>,
    /// Since when.
    pub since: Timestamp,
}

impl Person {
    fn from_row(row: &Row<'_>) -> Result<Person> {
        Ok(Person {
            address: row.get("address")?,
            name: row.get("name")?,
            role: row.label("role")?,
            chosen: row.get("chosen")?,
            opened: row.get("opened")?,
            reason: row.get("reason")?,
            email_id: row.get("email_id")?,
            since: row.time("since")?,
        })
    }
}

const PERSON: &str = "p.address, p.name, p.role, p.chosen, p.opened, p.reason, p.email_id, p.since";

/// The people of a case, as far as the reader may see the mail that gave them their role, and without those whom a Bcc
/// gave it, who are for administrators: customers first, then the
/// copied, then third parties, each in the order in which they came.
pub fn people(tx: &Tx<'_>, case_id: i64, sight: Sight) -> Result<Vec<Person>> {
    tx.all(
        &format!(
            "SELECT {PERSON} FROM case_people p LEFT JOIN emails e ON e.id = p.email_id
                WHERE p.case_id = ?2 AND (e.id IS NULL OR {})
                    AND (?1 IS NULL OR NOT EXISTS (SELECT 1 FROM email_addresses b
                        WHERE b.email_id = p.email_id AND b.field = 'bcc' AND b.address = p.address))
                ORDER BY CASE p.role WHEN 'customer' THEN 0 WHEN 'copied' THEN 1 ELSE 2 END, p.since, p.address",
            sight.email_of(ParentType::Case)
        ),
        params![sight.parameter(), case_id],
        Person::from_row,
    )
}

/// The row of one address.
pub fn person(tx: &Tx<'_>, case_id: i64, address: &str) -> Result<Option<Person>> {
    tx.one(
        &format!("SELECT {PERSON} FROM case_people p WHERE p.case_id = ?1 AND p.address = ?2"),
        params![case_id, address],
        Person::from_row,
    )
}

/// Those who wrote in a case only by way of a shared From, each with that address (B4.13), as far as the reader may see
/// the mail.
pub fn ways(tx: &Tx<'_>, case_id: i64, sight: Sight) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT e.author_address AS person, e.from_address AS way FROM emails e
            WHERE e.parent_type = 'case' AND e.parent_id = ?2 AND e.author_address <> e.from_address AND {}
                AND NOT EXISTS (SELECT 1 FROM emails d WHERE d.parent_type = 'case' AND d.parent_id = ?2 AND d.verified
                    AND d.author_address IS NULL AND d.from_address = e.author_address)
            ORDER BY e.id",
        sight.email_of(ParentType::Case)
    );
    let mut ways: Vec<(String, String)> = Vec::new();
    tx.all(&sql, params![sight.parameter(), case_id], |row| {
        let (person, way) = (row.get("person")?, row.get("way")?);
        // The way of their first mail.
        if !ways.iter().any(|(known, _)| *known == person) {
            ways.push((person, way));
        }
        Ok(())
    })?;
    Ok(ways)
}

/// Whether an agent named the customer.
pub fn has_chosen_customer(tx: &Tx<'_>, case_id: i64) -> Result<bool> {
    let sql =
        "SELECT 1 FROM case_people INDEXED BY case_people_chosen WHERE case_id = ?1 AND role = 'customer' AND chosen";
    Ok(tx.value::<i64>(sql, params![case_id])?.is_some())
}

/// Gives an address its first role; one that has a role keeps it. Whether it had none.
pub fn introduce(tx: &Tx<'_>, case_id: i64, person: &Person) -> Result<bool> {
    if self::person(tx, case_id, &person.address)?.is_some() {
        return Ok(false);
    }
    set_role(tx, case_id, person).map(|()| true)
}

/// Gives an address a role instead of the one it had. Who opened the case stays known, and so does a name.
pub fn set_role(tx: &Tx<'_>, case_id: i64, person: &Person) -> Result<()> {
    let Person { address, name, role, chosen, opened, reason, email_id, since } = person;
    tx.execute(
        "INSERT INTO case_people (case_id, address, name, role, chosen, opened, reason, email_id, since)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (case_id, address) DO UPDATE SET role = excluded.role, chosen = excluded.chosen,
                reason = excluded.reason, email_id = excluded.email_id, since = excluded.since,
                opened = case_people.opened OR excluded.opened,
                name = CASE WHEN excluded.name = '' THEN case_people.name ELSE excluded.name END",
        params![case_id, address, name, role.as_str(), chosen, opened, reason, email_id, seconds(*since)],
    )?;
    Ok(())
}

/// Takes the role of an address in a case away; whether it had one by a row.
pub fn remove_person(tx: &Tx<'_>, case_id: i64, address: &str) -> Result<bool> {
    let sql = "DELETE FROM case_people WHERE case_id = ?1 AND address = ?2";
    Ok(tx.execute(sql, params![case_id, address])?.rows()? > 0)
}

/// Gives the people of a case the same roles in the one that takes its place.
pub fn copy_people(tx: &Tx<'_>, from_id: i64, to_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO case_people (case_id, address, name, role, chosen, opened, reason, email_id, since)
            SELECT ?2, address, name, role, chosen, opened, reason, email_id, since FROM case_people WHERE case_id = ?1
            ON CONFLICT DO NOTHING",
        params![from_id, to_id],
    )?;
    Ok(())
}

/// Takes all roles of an address away: the person is erased.
pub fn forget_person(tx: &Tx<'_>, address: &str) -> Result<()> {
    tx.execute("DELETE FROM case_people WHERE address = ?1", params![address])?;
    Ok(())
}

/// Whether an address had a role in any case before a moment.
pub fn had_a_case(tx: &Tx<'_>, address: &str, before: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM case_people WHERE address = ?1 AND since < ?2";
    Ok(tx.value::<i64>(sql, params![address, seconds(before)])?.is_some())
}

/// Whether the person at an address wrote verified mail in a case.
pub fn wrote_verified(tx: &Tx<'_>, case_id: i64, address: &str) -> Result<bool> {
    const BY: [&str; 2] =
        ["emails_from WHERE author_address IS NULL AND from_address", "emails_author WHERE author_address"];
    for by in BY {
        let sql = format!(
            "SELECT 1 FROM emails INDEXED BY {by} = ?2 AND parent_id = ?1 AND parent_type = 'case' AND verified
                AND status = 'Archived' AND automatic = '' LIMIT 1"
        );
        if tx.value::<i64>(&sql, params![case_id, address])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of us wrote to an address about a record, hidden copies included; an automatic reply goes to whomever a
/// stranger names.
pub fn was_written_to(tx: &Tx<'_>, record: Parent, address: &str) -> Result<bool> {
    // Strangers can name an address as often as they like; our own letters are few.
    let sql = "SELECT 1 FROM emails e INDEXED BY emails_letters JOIN email_addresses a ON a.email_id = e.id
        WHERE e.parent_id = ?1 AND e.parent_type = ?3 AND e.status <> 'Archived' AND e.status <> 'Draft' AND e.automatic = ''
            AND a.field IN ('to', 'cc', 'bcc') AND a.address || '' = ?2 LIMIT 1";
    Ok(tx.value::<i64>(sql, params![record.id, address, record.kind.as_str()])?.is_some())
}

/// Whether an address stood in To or Cc of a mail of a case.
pub fn was_addressed(tx: &Tx<'_>, case_id: i64, address: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM email_addresses a JOIN emails e ON e.id = a.email_id
        WHERE a.address = ?2 AND a.field IN ('to', 'cc') AND e.parent_type = 'case' AND e.parent_id = ?1";
    Ok(tx.value::<i64>(sql, params![case_id, address])?.is_some())
}
