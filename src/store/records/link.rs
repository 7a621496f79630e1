//! What others hold of a record: taken away when it goes, handed on when a lead becomes a customer.

use anyhow::Result;

use super::super::db::{Tx, params};
use super::{Parent, ParentType, entity};

/// Statements that take away what points to a record of this type by its id, `?1`.
fn pointers(kind: ParentType) -> &'static [&'static str] {
    match kind {
        ParentType::Company => &[
            "UPDATE contacts SET company_id = NULL WHERE company_id = ?1",
            "UPDATE opportunities SET company_id = NULL WHERE company_id = ?1",
            "UPDATE leads SET converted_company_id = NULL WHERE converted_company_id = ?1",
            "UPDATE cases SET company_id = NULL WHERE company_id = ?1",
        ],
        ParentType::Contact => &[
            "UPDATE leads SET converted_contact_id = NULL WHERE converted_contact_id = ?1",
            "UPDATE cases SET contact_id = NULL WHERE contact_id = ?1",
        ],
        ParentType::Lead => &["UPDATE cases SET lead_id = NULL WHERE lead_id = ?1"],
        ParentType::Opportunity | ParentType::Case => &[],
    }
}

/// The same for what names type, `?1`, and id, `?2`.
const LINKS: &[&str] = &[
    "UPDATE emails SET parent_type = NULL, parent_id = NULL WHERE parent_type = ?1 AND parent_id = ?2",
    "UPDATE notifications SET parent_type = NULL, parent_id = NULL WHERE parent_type = ?1 AND parent_id = ?2",
    "DELETE FROM notes WHERE parent_type = ?1 AND parent_id = ?2",
    "DELETE FROM followers WHERE parent_type = ?1 AND parent_id = ?2",
    "DELETE FROM record_addresses WHERE record_type = ?1 AND record_id = ?2",
    "DELETE FROM record_teams WHERE record_type = ?1 AND record_id = ?2",
];

/// Deletes a company, contact, lead or opportunity; mail and cases stay, without it.
pub fn delete(tx: &Tx<'_>, parent: Parent) -> Result<()> {
    for sql in pointers(parent.kind) {
        tx.execute(sql, params![parent.id])?;
    }
    for sql in LINKS {
        tx.execute(sql, params![parent.kind.as_str(), parent.id])?;
    }
    tx.execute(&format!("DELETE FROM {} WHERE id = ?1", parent.kind.table()), params![parent.id])?;
    Ok(())
}

/// Makes a lead known as the contact, and the company, that it became: addresses go to the contact, cases get both,
/// and mail goes where [`super::whose`] sends it from now on.
pub fn convert(tx: &Tx<'_>, lead: Parent, contact: Parent, company: Option<Parent>) -> Result<()> {
    let company_id = company.map(|company| company.id);
    tx.execute(
        "UPDATE leads SET converted_contact_id = ?2, converted_company_id = ?3 WHERE id = ?1",
        params![lead.id, contact.id, company_id],
    )?;
    let addresses: Vec<String> = tx.values(
        "SELECT address FROM record_addresses WHERE record_type = 'lead' AND record_id = ?1
            ORDER BY is_primary DESC, address",
        params![lead.id],
    )?;
    entity::set_addresses(tx, lead, &[])?;
    entity::set_addresses(tx, contact, &addresses)?;
    tx.execute(
        "UPDATE cases SET contact_id = coalesce(contact_id, ?2), company_id = coalesce(company_id, ?3) WHERE lead_id = ?1",
        params![lead.id, contact.id, company_id],
    )?;
    let heir = company.unwrap_or(contact);
    tx.execute(
        "UPDATE emails SET parent_type = ?2, parent_id = ?3 WHERE parent_type = 'lead' AND parent_id = ?1",
        params![lead.id, heir.kind.as_str(), heir.id],
    )?;
    Ok(())
}

/// The leads that became this contact.
pub fn leads_of(tx: &Tx<'_>, contact_id: i64) -> Result<Vec<Parent>> {
    let ids: Vec<i64> =
        tx.values("SELECT id FROM leads WHERE converted_contact_id = ?1 ORDER BY id", params![contact_id])?;
    Ok(ids.into_iter().map(|id| Parent { kind: ParentType::Lead, id }).collect())
}
