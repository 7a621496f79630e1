//! What mail and notes may belong to: cases and records, by type and id.

use super::label::labels;

labels! {
    /// What an email or a note may belong to.
    pub enum ParentType {
        /// EspoCRM's Account.
        Company = "company",
        /// A person.
        Contact = "contact",
        /// Somebody who may become a customer.
        Lead = "lead",
        /// A possible deal of a company.
        Opportunity = "opportunity",
        Case = "case",
    }
}

impl ParentType {
    /// Those that are records and no case.
    pub const RECORDS: [ParentType; 4] =
        [ParentType::Company, ParentType::Contact, ParentType::Lead, ParentType::Opportunity];

    /// The table its records are in.
    pub fn table(self) -> &'static str {
        match self {
            ParentType::Company => "companies",
            ParentType::Contact => "contacts",
            ParentType::Lead => "leads",
            ParentType::Opportunity => "opportunities",
            ParentType::Case => "cases",
        }
    }

    /// Contacts and opportunities may belong to a company.
    pub fn has_company(self) -> bool {
        matches!(self, ParentType::Contact | ParentType::Opportunity)
    }

    /// Companies, contacts and leads have e-mail addresses.
    pub fn has_addresses(self) -> bool {
        matches!(self, ParentType::Company | ParentType::Contact | ParentType::Lead)
    }
}

/// One record, by type and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parent {
    pub kind: ParentType,
    /// Id within the type.
    pub id: i64,
}

impl Parent {
    pub fn case(id: i64) -> Parent {
        Parent { kind: ParentType::Case, id }
    }
}
