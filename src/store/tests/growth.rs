//! How statements find and write their rows: a walk through a table that grows is an exception with a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::portable::flat;
use super::{calls, literals};
use crate::store::db::{Store, Tx, seen};
use crate::store::emails;

/// Tables of which a desk has a few rows, however much mail it has.
const FEW: &[&str] = &[
    "account_aliases",
    "account_certificates",
    "account_folders",
    "account_form_senders",
    "account_teams",
    "accounts",
    "filter_actions",
    "filters",
    "folder_teams",
    "folders",
    "instance",
    "notification_settings",
    "role_permissions",
    "role_teams",
    "role_users",
    "roles",
    "searches",
    "team_members",
    "teams",
    "templates",
    "user_addresses",
    "users",
];

/// Statements that walk through a table that grows: a part of the text, the table, and why that is right.
const WALKS: &[(&str, &str, &str)] = &[
    ("FROM cases c WHERE", "cases", PAGE),
    ("FROM emails e WHERE", "emails", PAGE),
    ("FROM outbox WHERE", "outbox", PAGE),
    ("FROM raw_messages r", "raw_messages", "`db check` looks at all that is stored"),
    ("FROM raw_messages r", "raw_uses", "`db check` looks at all that is stored"),
    ("emails_undecided", "emails", "mail that waits for a decision, by an index that has nothing else"),
    ("FROM log_entries l", "log_entries", PAGE),
    ("SELECT 1 FROM tombstones LIMIT 1", "tombstones", "whether there is one: the first ends it"),
    ("FROM companies r LEFT JOIN", "companies", ALL),
    ("FROM contacts r LEFT JOIN", "contacts", ALL),
    ("FROM leads r LEFT JOIN", "leads", ALL),
    ("FROM opportunities r LEFT JOIN", "opportunities", ALL),
    ("mentions(", "companies", PART),
    ("mentions(", "contacts", PART),
    ("mentions(r.name", "cases", PART),
    ("FROM outbox WHERE kind = 'notice'", "outbox", ERASED),
    ("instr(lower(", "cases", ERASED),
    ("instr(lower(", "deliveries", ERASED),
    ("instr(lower(", "email_decisions", ERASED),
    ("instr(lower(", "emails", ERASED),
    ("instr(lower(", "notes", ERASED),
    ("instr(lower(", "notifications", ERASED),
    ("instr(lower(", "outbox", ERASED),
    ("notifications WHERE parent_type", "notifications", ERASED),
    ("UPDATE notifications SET parent_type = NULL", "notifications", DELETED),
    ("UPDATE leads SET", "leads", DELETED),
    ("FROM leads WHERE converted_contact_id", "leads", DELETED),
    ("DELETE FROM accounts WHERE id", ANY, DELETED),
    ("DELETE FROM companies WHERE id", ANY, DELETED),
    ("DELETE FROM contacts WHERE id", ANY, DELETED),
    ("DELETE FROM teams WHERE id", ANY, DELETED),
    ("DELETE FROM users WHERE id", ANY, DELETED),
    ("SELECT 1 FROM companies WHERE assigned_user_id", "companies", DELETED),
    ("SELECT 1 FROM contacts WHERE assigned_user_id", "contacts", DELETED),
    ("SELECT 1 FROM emails WHERE user_id", "emails", DELETED),
    ("SELECT 1 FROM leads WHERE assigned_user_id", "leads", DELETED),
    ("SELECT 1 FROM email_junk WHERE user_id", "email_junk", DELETED),
    ("SELECT 1 FROM log_entries WHERE", "log_entries", DELETED),
    ("SELECT 1 FROM notes WHERE user_id", "notes", DELETED),
    ("SELECT 1 FROM opportunities WHERE assigned_user_id", "opportunities", DELETED),
    ("EXISTS (SELECT 1 FROM drafts WHERE account_id", "drafts", DELETED),
    ("UPDATE notifications SET digest = FALSE WHERE digest", "notifications", "a restored database is settled once"),
    ("FROM case_tags g JOIN", "case_tags", "the tags in use are counted, for a completion"),
    ("SELECT case_id, since, until FROM case_waits", "case_waits", REPORT),
    ("SELECT case_id, team_id FROM case_teams", "case_teams", REPORT),
    ("SELECT case_id, tag FROM case_tags", "case_tags", REPORT),
    ("of_sender (id)", "emails", "`e` are the ten mails of one sender in one case, by an index"),
];

/// Where rows refer to the one that goes.
const ANY: &str = "";
const PAGE: &str = "in the order of the list, until the page is full or 10,000 are counted";
const ALL: &str = "the list of records reads all of them, which are people and companies and not mail";
const PART: &str = "no index finds a part of a name";
const ERASED: &str = "a person is erased, which looks at everything";
const REPORT: &str = "a report counts all cases, once a week";
const DELETED: &str = "a record, account, team or user is deleted, which is rare";

/// Rows that wait for the next run, of which there are few however much was done before.
const QUEUES: &[&str] = &["case_index_gaps", "sent_copies", "server_actions"];

/// The greatest of what an index has in order.
const ENDS: &[&str] = &["max(id)", "max(number)"];

/// Every statement of the store: those that are whole in the sources, and those that the calls put together.
pub fn statements(store: &Store) -> BTreeSet<String> {
    let whole = literals::all()
        .into_iter()
        .filter(|one| !one.has_holes() && one.constant.is_none() && one.is_for(store.dialect()));
    whole.map(|one| one.text).chain(calls::statements(store)).collect()
}

/// The table that a step of a plan walks through, by the name that the statement gives it.
fn walked(step: &str, sql: &str, tables: &BTreeSet<String>) -> Option<String> {
    let rest = match step.strip_prefix("SEARCH ") {
        // The least or the greatest of all rows.
        Some(rest) if !step.contains('(') && !ENDS.iter().any(|end| sql.contains(end)) => rest,
        _ => step.strip_prefix("SCAN ")?,
    };
    let name = rest.split(' ').next()?;
    if tables.contains(name) {
        return Some(name.to_owned());
    }
    let words: Vec<&str> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let named = |at: usize| match words[at - 1] {
        "AS" => words.get(at.wrapping_sub(2)),
        _ => words.get(at - 1),
    };
    let found = (1..words.len()).filter(|at| words[*at] == name).filter_map(named);
    found.map(|table| (*table).to_owned()).find(|table| tables.contains(table))
}

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    let store = Store::for_plans().unwrap();
    let tables: BTreeSet<String> = store
        .read(|tx| tx.values("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' AND name NOT LIKE '%_index_d%'", []))
        .unwrap()
        .into_iter()
        .collect();
    assert!(FEW.iter().all(|table| tables.contains(*table)));
    let mut used = BTreeSet::new();
    let mut faults = BTreeMap::new();
    let all = statements(&store);
    for sql in &all {
        let plan = store.plan(sql).map_err(|error| format!("{error:#}: {sql}")).unwrap();
        for step in &plan {
            let Some(table) =
                walked(step, sql, &tables).filter(|table| !FEW.iter().chain(QUEUES).any(|few| few == table))
            else {
                continue;
            };
            let excused = |(part, of, _): &(&str, &str, &str)| sql.contains(part) && (*of == table || *of == ANY);
            let excuses: Vec<usize> = (0..WALKS.len()).filter(|at| excused(&WALKS[*at])).collect();
            if excuses.is_empty() {
                faults.insert(sql, format!("{table}: {step}"));
            }
            used.extend(excuses);
        }
    }
    assert!(all.len() > 600, "only {} statements were found", all.len());
    let faults: Vec<String> = faults.iter().map(|(sql, why)| format!("{why} in {}", flat(sql))).collect();
    assert!(faults.is_empty(), "{} statements walk through a table that grows: {faults:#?}", faults.len());
    let idle: Vec<_> = (0..WALKS.len()).filter(|at| !used.contains(at)).map(|at| WALKS[at]).collect();
    assert!(idle.is_empty(), "no statement needs these exceptions: {idle:#?}");
}

#[test]
fn every_statement_of_the_sources_is_looked_at() {
    let store = Store::for_plans().unwrap();
    let prepared = calls::statements(&store);
    let composed = literals::all()
        .into_iter()
        .filter(|one| (one.has_holes() || one.constant.is_some()) && one.is_for(store.dialect()));
    let missing: Vec<String> = composed
        .filter(|one| !prepared.iter().any(|sql| one.fits(sql)))
        .map(|one| format!("{} {}", one.place, one.text))
        .collect();
    assert!(missing.is_empty(), "calls.rs prepares none of these: {missing:#?}");
}

/// What is written and asked for each mail. A table that SQLite makes in passing, and for each row, costs more than the row.
#[test]
fn no_mail_is_written_by_way_of_another_table() {
    let store = Store::for_plans().unwrap();
    let tables = ["emails", "email_addresses", "email_bodies", "email_decisions", "email_references", "raw_messages"];
    let mut all = Vec::new();
    let every = statements(&store);
    for begins in tables.map(|table| format!("INSERT INTO {table} (")).into_iter().chain([SETTLED.to_owned()]) {
        let found: Vec<String> = every.iter().filter(|sql| sql.starts_with(&begins)).cloned().collect();
        assert!(!found.is_empty(), "{begins}");
        all.extend(found);
    }
    // Of ids that no mail has.
    let asked = seen::during(|| {
        let ask = |tx: &Tx<'_>| Ok(emails::by_message_id(tx, "m")?.len() + emails::referring_to(tx, "m")?.len());
        assert_eq!(store.read(ask).unwrap(), 0);
    });
    assert_eq!(asked.len(), 2);
    all.extend(asked.into_iter().map(|one| one.sql));
    for sql in all {
        let instructions = store.instructions(&sql).unwrap();
        assert!(!instructions.iter().any(|one| one == "OpenEphemeral"), "{}", flat(&sql));
    }
}

/// Begins what is written of a delivery that is imported.
const SETTLED: &str = "UPDATE deliveries SET outcome = ?2, reason";
