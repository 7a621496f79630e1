//! Companies, contacts, leads, opportunities: what mail is linked to besides cases (B1.3).

mod entity;
pub mod erase;
mod link;

use anyhow::Result;
use jiff::Timestamp;

pub use self::entity::{
    Record, RecordQuery, add, add_address, add_team, assign, by_address, by_id, by_name, contacts_of, list, open_cases,
    rename, set_addresses, set_company, set_contacts, set_open, set_teams, team_ids,
};
pub use self::link::{convert, delete, leads_of};
use super::db::{Tx, params};
pub use super::parent::{Parent, ParentType};
use super::sight::Sight;

/// A contact found by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: i64,
    pub name: String,
    pub company_id: Option<i64>,
}

/// Whom an address belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Contact(Contact),
    Company(i64),
    /// A lead: itself, or what it was converted to.
    Lead(Parent),
}

/// Whom an address belongs to: a contact before a company, and that before a lead; the oldest of each.
pub fn whose(tx: &Tx<'_>, address: &str) -> Result<Option<Known>> {
    let any: Option<i64> = tx.value("SELECT 1 FROM record_addresses WHERE address = ?1 LIMIT 1", params![address])?;
    if any.is_none() {
        return Ok(None);
    }
    if let Some(contact) = contact_by_address(tx, address)? {
        return Ok(Some(Known::Contact(contact)));
    }
    if let Some(company) = company_by_address(tx, address)? {
        return Ok(Some(Known::Company(company)));
    }
    Ok(lead_by_address(tx, address)?.map(Known::Lead))
}

/// The oldest contact with this address.
fn contact_by_address(tx: &Tx<'_>, address: &str) -> Result<Option<Contact>> {
    tx.one(
        "SELECT c.id, c.name, c.company_id FROM record_addresses r JOIN contacts c ON c.id = r.record_id
            WHERE r.address = ?1 AND r.record_type = 'contact' ORDER BY c.id LIMIT 1",
        params![address],
        |row| Ok(Contact { id: row.get("id")?, name: row.get("name")?, company_id: row.get("company_id")? }),
    )
}

/// The oldest company with this address.
fn company_by_address(tx: &Tx<'_>, address: &str) -> Result<Option<i64>> {
    tx.value(
        "SELECT record_id FROM record_addresses WHERE address = ?1 AND record_type = 'company' ORDER BY record_id LIMIT 1",
        params![address],
    )
}

/// A lead with this address: itself, or what it was converted to.
fn lead_by_address(tx: &Tx<'_>, address: &str) -> Result<Option<Parent>> {
    tx.one(
        "SELECT l.id, l.converted_company_id, l.converted_contact_id FROM record_addresses r
            JOIN leads l ON l.id = r.record_id WHERE r.address = ?1 AND r.record_type = 'lead' ORDER BY l.id LIMIT 1",
        params![address],
        |row| {
            let company: Option<i64> = row.get("converted_company_id")?;
            let contact: Option<i64> = row.get("converted_contact_id")?;
            Ok(match (company, contact) {
                (Some(id), _) => Parent { kind: ParentType::Company, id },
                (None, Some(id)) => Parent { kind: ParentType::Contact, id },
                (None, None) => Parent { kind: ParentType::Lead, id: row.get("id")? },
            })
        },
    )
}

pub fn open_opportunities(tx: &Tx<'_>, company_id: i64) -> Result<Vec<i64>> {
    tx.values("SELECT id FROM opportunities WHERE company_id = ?1 AND open ORDER BY id", params![company_id])
}

/// Whether an address belongs to a contact of this company.
pub fn is_contact_of(tx: &Tx<'_>, company_id: i64, address: &str) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM record_addresses r JOIN contacts c ON c.id = r.record_id
            WHERE r.address = ?1 AND r.record_type = 'contact' AND c.company_id = ?2",
        params![address, company_id],
    )?;
    Ok(found.is_some())
}

/// Whether an address is one of this contact's.
pub fn is_address_of_contact(tx: &Tx<'_>, contact_id: i64, address: &str) -> Result<bool> {
    is_address_of(tx, Parent { kind: ParentType::Contact, id: contact_id }, address)
}

/// Whether an address belongs to a lead.
pub fn is_address_of_lead(tx: &Tx<'_>, lead_id: i64, address: &str) -> Result<bool> {
    is_address_of(tx, Parent { kind: ParentType::Lead, id: lead_id }, address)
}

/// Whether an address belongs to a record that is not a case: its own, or that of somebody of its company.
pub fn is_of(tx: &Tx<'_>, record: Parent, address: &str) -> Result<bool> {
    if is_address_of(tx, record, address)? {
        return Ok(true);
    }
    match company_of(tx, record)? {
        Some(company) => Ok(is_address_of(tx, company, address)? || is_contact_of(tx, company.id, address)?),
        None => Ok(false),
    }
}

fn is_address_of(tx: &Tx<'_>, record: Parent, address: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM record_addresses WHERE address = ?1 AND record_type = ?2 AND record_id = ?3";
    Ok(tx.value::<i64>(sql, params![address, record.kind.as_str(), record.id])?.is_some())
}

/// The addresses of a record, the primary one first.
pub fn addresses(tx: &Tx<'_>, record: Parent) -> Result<Vec<String>> {
    tx.values(
        "SELECT address FROM record_addresses WHERE record_type = ?1 AND record_id = ?2 ORDER BY is_primary DESC, address",
        params![record.kind.as_str(), record.id],
    )
}

/// Adds a contact with one address, seen by these teams; the id.
pub fn add_contact(tx: &Tx<'_>, name: &str, address: &str, teams: &[i64], now: Timestamp) -> Result<i64> {
    let contact = add(tx, ParentType::Contact, name, now)?;
    set_addresses(tx, contact, &[address.to_owned()])?;
    set_teams(tx, contact, teams)?;
    Ok(contact.id)
}

/// The name of a record; a case's is its subject.
pub fn name(tx: &Tx<'_>, parent: Parent) -> Result<Option<String>> {
    tx.value(&format!("SELECT name FROM {} WHERE id = ?1", parent.kind.table()), params![parent.id])
}

/// A record as people call it: `#12 Broken` for a case, `company PT Sinar` for the others.
pub fn label(tx: &Tx<'_>, parent: Parent) -> Result<String> {
    let name = name(tx, parent)?.unwrap_or_default();
    if parent.kind != ParentType::Case {
        return Ok(format!("{} {name}", parent.kind));
    }
    let number: Option<i64> = tx.value("SELECT number FROM cases WHERE id = ?1", params![parent.id])?;
    Ok(format!("#{} {name}", number.unwrap_or_default()))
}

/// Whether a record is there, as far as it may be seen.
pub fn exists(tx: &Tx<'_>, parent: Parent, sight: Sight) -> Result<bool> {
    let found: Option<i64> = tx.value(
        &format!("SELECT 1 FROM {} r WHERE r.id = ?2 AND {}", parent.kind.table(), sight.record(parent.kind, "r")),
        params![sight.parameter(), parent.id],
    )?;
    Ok(found.is_some())
}

/// The company a record belongs to; a company is its own.
pub fn company_of(tx: &Tx<'_>, parent: Parent) -> Result<Option<Parent>> {
    let id = match parent.kind {
        ParentType::Company => Some(parent.id),
        ParentType::Contact => tx.value("SELECT company_id FROM contacts WHERE id = ?1", params![parent.id])?.flatten(),
        ParentType::Opportunity => {
            tx.value("SELECT company_id FROM opportunities WHERE id = ?1", params![parent.id])?.flatten()
        }
        ParentType::Case => tx.value("SELECT company_id FROM cases WHERE id = ?1", params![parent.id])?.flatten(),
        ParentType::Lead => None,
    };
    Ok(id.map(|id| Parent { kind: ParentType::Company, id }))
}
