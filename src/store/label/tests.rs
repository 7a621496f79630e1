//! The labels that the schema allows are those of the enums.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::Label;
use crate::store::accounts::certificates::Served;
use crate::store::accounts::{AccountKind, Auth, AutoMail, Distribution, DmarcNone, PutIn, Share, StaffForward, Tls};
use crate::store::cases::{CaseStatus, Priority, Role, WaitingFor};
use crate::store::deliveries::{Outcome, Source};
use crate::store::emails::{EmailStatus, Field, GroupPlace};
use crate::store::log::LogOutcome;
use crate::store::notifications::{ByEmail, NotificationKind};
use crate::store::outbox::{OutboxKind, OutboxState};
use crate::store::parent::ParentType;
use crate::store::permissions::Level;
use crate::store::tests::portable::in_lists;
use crate::store::users::UserType;

/// Every `CHECK (column IN (…))` of the schema: table, column, labels.
fn checks() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for definition in in_lists(include_str!("../../../schema.sql")).split("CREATE TABLE ").skip(1) {
        let table = definition.split(' ').next().unwrap();
        for check in definition.split("CHECK (").skip(1).filter_map(|check| check.split_once(" IN (")) {
            if check.0.contains(' ') {
                continue;
            }
            let labels =
                check.1.split(')').next().unwrap().split(", ").map(|label| label.trim_matches('\'').to_owned());
            found.insert(format!("{table}.{}", check.0), labels.collect());
        }
    }
    found
}

fn of<L: Label>(labels: &[L]) -> Vec<String> {
    labels.iter().map(|label| label.text().to_owned()).collect()
}

fn all<L: Label>() -> Vec<String> {
    of(L::VALUES)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The same as the enums have it, without the values that are worked out and never written. A column of plain words has none: few lines of one file write it.
fn enums() -> BTreeMap<String, Vec<String>> {
    let people = [ParentType::Company, ParentType::Contact, ParentType::Lead];
    let rows = [
        ("users.type", all::<UserType>()),
        ("role_permissions.level", all::<Level>()),
        ("accounts.kind", all::<AccountKind>()),
        ("accounts.imap_tls", all::<Tls>()),
        ("accounts.imap_auth", all::<Auth>()),
        ("accounts.smtp_tls", all::<Tls>()),
        ("accounts.smtp_auth", all::<Auth>()),
        ("accounts.distribution", all::<Distribution>()),
        ("accounts.auto_mail", all::<AutoMail>()),
        ("accounts.staff_forward", all::<StaffForward>()),
        ("accounts.share", all::<Share>()),
        ("accounts.dmarc_none", all::<DmarcNone>()),
        ("account_certificates.protocol", all::<Served>()),
        ("account_folders.put_in", all::<PutIn>()),
        ("record_addresses.record_type", of(&people)),
        ("cases.status", all::<CaseStatus>()),
        ("cases.priority", all::<Priority>()),
        ("cases.waiting_for", all::<WaitingFor>()),
        ("case_people.role", of(&[Role::Customer, Role::Copied, Role::ThirdParty])),
        ("raw_messages.codec", words(&["zstd", "none"])),
        ("raw_parts.codec", words(&["zstd", "none"])),
        ("emails.status", all::<EmailStatus>()),
        ("emails.parent_type", all::<ParentType>()),
        ("emails.group_place", all::<GroupPlace>()),
        ("emails.verdict", words(&["", "pass", "none", "fail"])),
        ("email_addresses.field", all::<Field>()),
        ("email_users.folder", words(&["inbox", "sent"])),
        ("deliveries.outcome", all::<Outcome>()),
        ("deliveries.source", all::<Source>()),
        ("notification_settings.kind", of(&NotificationKind::SWITCHED)),
        ("notification_settings.by_email", all::<ByEmail>()),
        ("outbox.kind", all::<OutboxKind>()),
        ("outbox.state", all::<OutboxState>()),
        ("outbox_recipients.state", words(&["waiting", "sent", "failed"])),
        ("drafts.parent_type", all::<ParentType>()),
        ("log_entries.outcome", all::<LogOutcome>()),
    ];
    rows.into_iter().map(|(column, labels)| (column.to_owned(), labels)).collect()
}

#[test]
fn the_schema_allows_the_labels_of_the_enums_and_no_others() {
    let sorted = |mut all: BTreeMap<String, Vec<String>>| {
        all.values_mut().for_each(|labels| labels.sort_unstable());
        all
    };
    let (schema, enums) = (sorted(checks()), sorted(enums()));
    for (column, labels) in &schema {
        assert_eq!(enums.get(column), Some(labels), "CHECK of {column}, and what the program writes");
    }
    let unchecked: Vec<&String> = enums.keys().filter(|column| !schema.contains_key(*column)).collect();
    assert!(unchecked.is_empty(), "without a CHECK in schema.sql: {unchecked:?}");
}
