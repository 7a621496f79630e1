//! Mail that meets much that is there already: a case, a thread, a sender, an account or the whole database may have any
//! number of it, and an import finds what it needs by an index.

use std::sync::atomic::Ordering;
use std::time::Duration;

use espomail::intake::world::World;
use espomail::mail::message_id::IdKind;
use espomail::store::accounts::Account;
use espomail::store::cases;
use espomail::store::db::Tx;
use espomail::store::sight::Sight;

use super::is_large;
use super::mails::CUSTOMER;
use crate::support::{Office, no_file, office};

/// What is there, and the mail that meets it.
struct Row {
    name: &'static str,
    account: fn(&mut Account),
    /// One of the mails that are there.
    fill: fn(usize) -> String,
    /// Done once, after the first of them.
    first: &'static [&'static str],
    /// Done before each mail that meets them.
    before: &'static [&'static str],
    probe: fn(usize) -> String,
    /// Cases of one sender in an hour.
    burst: u32,
}

const ROW: Row = Row {
    name: "",
    account: |_| {},
    fill: |n| stranger(n, ""),
    first: &[],
    before: &[],
    probe: |n| customer(&format!("Message-ID: <n{n}@x>\nSubject: new\n")),
    burst: 20,
};

fn customer(fields: &str) -> String {
    format!("{CUSTOMER}{fields}\nx\n")
}

/// Mail of somebody who never wrote before.
fn stranger(n: usize, fields: &str) -> String {
    format!("From: s{n}@x{n}.example\nTo: support@desk.example\nMessage-ID: <s{n}@x>\n{fields}\nx{n}\n")
}

/// Stands for our id that leads to the first case.
const SIGNED: &str = "References: <signed@x>\n";

const TEMPLATE: &str =
    "INSERT OR IGNORE INTO templates (id, name, subject, body, created_at) VALUES (1, 't', 's', 'b', 0)";
const ANSWERS: &str = "UPDATE accounts SET auto_reply_id = 1";

fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "people and mails of a case",
            account: |account| account.cases.create_contact = true,
            fill: |n| {
                let copied: String = (0..15).map(|at| format!("p{n}.{at}@customer.example, ")).collect();
                customer(&format!("Cc: {copied}\nSubject: x\nMessage-ID: <c{n}@x>\nReferences: <c0@x>\n"))
            },
            probe: |n| {
                customer(&format!("Cc: new@customer.example\nSubject: x\nMessage-ID: <n{n}@x>\nReferences: <c0@x>\n"))
            },
            ..ROW
        },
        Row {
            name: "mails that name an unknown one",
            fill: |n| stranger(n, "References: <ghost@x>\n"),
            probe: |n| customer(&format!("Message-ID: <n{n}@x>\nReferences: <ghost@x>\n")),
            ..ROW
        },
        Row {
            name: "mails of a case that somebody without a word in it answers",
            fill: |n| {
                customer(&format!("Cc: mute@customer.example\nMessage-ID: <c{n}@x>\nReferences: <c0@x> <ghost@x>\n"))
            },
            probe: |n| {
                format!(
                    "From: mute@customer.example\nTo: support@desk.example\nMessage-ID: <n{n}@x>\nReferences: <ghost@x>\n\nx\n"
                )
            },
            ..ROW
        },
        Row {
            name: "other mails of one Message-ID",
            fill: |n| {
                format!("From: s{n}@x.example\nTo: support@desk.example\nMessage-ID: <same@x>\nSubject: {n}\n\nx{n}\n")
            },
            probe: |n| customer(&format!("Message-ID: <same@x>\nSubject: last {n}\n")),
            ..ROW
        },
        Row {
            name: "deliveries of one mail",
            fill: |_| customer("Message-ID: <same@x>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"),
            probe: |_| customer("Message-ID: <same@x>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"),
            ..ROW
        },
        Row {
            name: "mails of strangers that refer to a case",
            fill: |n| stranger(n, "References: <c0@x>\n"),
            probe: |n| stranger(90_000 + n, "References: <c0@x>\n"),
            ..ROW
        },
        Row { name: "cases of the account", ..ROW },
        Row {
            name: "mails of the sender, who opened too many cases",
            fill: |n| customer(&format!("Message-ID: <c{n}@x>\nSubject: {n}\n")),
            burst: 1,
            ..ROW
        },
        Row {
            name: "mails of a form, which opened too many cases",
            fill: |n| customer(&format!("Reply-To: r{n}@x\nMessage-ID: <c{n}@x>\nSubject: {n}\n")),
            probe: |n| customer(&format!("Reply-To: last{n}@x\nMessage-ID: <c{n}@x>\nSubject: {n}\n")),
            burst: 1,
            ..ROW
        },
        Row {
            name: "unverified mails of a case that somebody follows, from before, and what they were told",
            fill: |n| if n == 0 { customer("Message-ID: <c0@x>\n") } else { stranger(n, SIGNED) },
            first: &["INSERT OR IGNORE INTO followers (parent_type, parent_id, user_id) VALUES ('case', 1, 1)"],
            before: &[
                "UPDATE emails SET created_at = created_at - 7200 WHERE id < (SELECT max(id) FROM emails)",
                "INSERT OR IGNORE INTO notifications (user_id, kind, email_id, text, created_at) SELECT 1, 'email', id, '', 0 FROM emails",
            ],
            probe: |n| stranger(90_000 + n, SIGNED),
            ..ROW
        },
        Row {
            name: "mails and notes of a closed case",
            fill: |n| customer(&format!("Message-ID: <c{n}@x>\nReferences: <c0@x>\n")),
            before: &["UPDATE cases SET status = 'Closed', closed_at = 1"],
            probe: |n| customer(&format!("Message-ID: <n{n}@x>\nReferences: <c0@x>\n")),
            ..ROW
        },
        Row {
            name: "automatic replies of the past",
            first: &[TEMPLATE, ANSWERS],
            account: answering,
            before: PAST,
            ..ROW
        },
        Row {
            name: "automatic replies of the past, of an account without cases",
            first: &[TEMPLATE, ANSWERS],
            account: |account| {
                answering(account);
                account.cases.create_case = false;
            },
            before: PAST,
            ..ROW
        },
        Row { name: "automatic replies of the hour", first: &[TEMPLATE, ANSWERS], account: answering, ..ROW },
        Row {
            name: "mails beside one that a filter skips",
            first: &[
                "INSERT INTO filters (id, name, position, conditions, created_at) VALUES (1, 'f', 1, 'subject=skipped', 0)",
                "INSERT INTO filter_actions (filter_id, position, kind) VALUES (1, 1, 'skip')",
            ],
            probe: |n| customer(&format!("Message-ID: <n{n}@x>\nSubject: skipped\n")),
            ..ROW
        },
        Row {
            name: "contacts of a company",
            fill: |n| stranger(n, ""),
            first: &[
                "INSERT INTO companies (id, name, created_at) VALUES (1, 'x', 0)",
                "INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'eva', 1, 0)",
                "INSERT INTO record_addresses (address, record_type, record_id) VALUES ('eva@customer.example', 'contact', 1)",
            ],
            before: &[
                "INSERT OR IGNORE INTO contacts (id, name, company_id, created_at) SELECT id + 9, 'x', 1, 0 FROM emails",
                "INSERT OR IGNORE INTO record_addresses (address, record_type, record_id)
                    SELECT from_address, 'contact', id + 9 FROM emails WHERE from_address <> 'eva@customer.example'",
            ],
            ..ROW
        },
    ]
}

fn answering(account: &mut Account) {
    account.smtp.host = Some("mx.desk.example".to_owned());
}

/// Limits of automatic replies look at a day: more than that is what is there.
const PAST: &[&str] = &[
    "UPDATE auto_replies SET created_at = created_at - 100000",
    "UPDATE cases SET created_at = created_at - 100000",
    "UPDATE case_people SET since = since - 100000",
];

fn signed(office: &Office) -> String {
    let sign = |tx: &Tx<'_>| {
        let case = cases::by_number(tx, 1, Sight::Everything)?.unwrap();
        Ok(World::load(tx, &office.config, office.now)?.signer.sign(IdKind::Case, &case.key, [7; 8], "desk.example"))
    };
    office.store.read(sign).unwrap()
}

/// What the cheapest of some imports took: steps of SQLite, and time.
fn cost(row: &Row, count: usize) -> (u64, Duration) {
    let mut office = office(row.account);
    office.config.auto_reply_breaker = 0;
    office.config.case_burst = row.burst;
    let mut uid = 0;
    let mut deliver = |office: &Office, mail: String| {
        uid += 1;
        let signed = if mail.contains(SIGNED) { signed(office) } else { String::new() };
        office.take_in(mail.replace("signed@x", &signed).as_bytes(), uid).0.writing
    };
    let sql = |office: &Office, all: &[&str]| all.iter().for_each(|sql| office.sql(sql));
    for n in 0..count {
        deliver(&office, (row.fill)(n));
        if n == 0 {
            sql(&office, row.first);
        }
    }
    let steps = office.store.count_steps().unwrap();
    let mut cheapest = (u64::MAX, Duration::MAX);
    for n in 0..5 {
        sql(&office, row.before);
        steps.store(0, Ordering::Relaxed);
        let took = deliver(&office, (row.probe)(count + n));
        cheapest = (cheapest.0.min(steps.load(Ordering::Relaxed)), cheapest.1.min(took));
    }
    cheapest
}

/// Steps by which two imports may differ: the trees of the indexes are deeper. A walk through what is there takes more.
const SLACK: u64 = 150;

#[test]
fn import_costs_the_same_when_much_is_there_already() {
    // It counts the steps of SQLite.
    if no_file() {
        return;
    }
    let counts: [usize; 2] = if is_large() { [200, 3_200] } else { [40, 160] };
    for row in rows() {
        let name = row.name;
        let costs = counts.map(|count| cost(&row, count));
        let [(few, short), (many, long)] = costs;
        assert!(many <= few + SLACK, "{name}: {counts:?} {costs:?}");
        assert!(long <= short * 3 + Duration::from_millis(2), "{name}: {counts:?} {costs:?}");
        if is_large() {
            let (short, long) = (short.as_micros(), long.as_micros());
            eprintln!("promise {counts:?} {name}: {few} to {many} steps, {short} to {long} µs an import");
        }
    }
}
