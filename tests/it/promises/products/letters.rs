//! Letters and automatic replies as large as the program lets them be: what is long about them is done while nobody holds
//! the database.

use std::time::Duration;

use espomail::access::Actor;
use espomail::intake::world::World;
use espomail::mail::compose::OutgoingAttachment;
use espomail::mail::template;
use espomail::reply::{self, Occasion, Started, Wishes};
use espomail::store::cases;
use espomail::store::db::Tx;
use espomail::store::sight::Sight;

use super::mails::CUSTOMER;
use super::{cpu, is_large};
use crate::support::Sandbox;
use crate::support::{Office, noise, office_in};

/// The most that one message may add to a transaction (S5).
const MOST: Duration = Duration::from_millis(100);

fn desk(sandbox: &Sandbox) -> Office {
    let store = crate::support::new_store(sandbox.path("letters.db"));
    office_in(store, |account| account.smtp.host = Some("127.0.0.1".into()))
}

fn begun(office: &Office, text: String, files: Vec<Vec<u8>>) -> Started {
    let begin = |tx: &Tx<'_>| {
        let world = World::load(tx, &office.config, office.now)?;
        let case = cases::by_number(tx, 1, Sight::Everything)?.unwrap();
        let wishes = Wishes { text, ..Wishes::default() };
        reply::begin(tx, &world, &Actor::Administrator, Occasion::Case(&case), wishes)
    };
    let mut started = office.store.read(begin).unwrap();
    started.letter.attachments = files
        .into_iter()
        .map(|bytes| OutgoingAttachment {
            name: "a.bin".into(),
            content_type: "application/octet-stream".into(),
            bytes,
        })
        .collect();
    started
}

/// What it takes to compose a letter, and to put it into the outbox in one transaction or to keep it.
fn cost(office: &Office, started: &Started, draft: bool) -> (Duration, Duration) {
    let world = |tx: &Tx<'_>| World::load(tx, &office.config, office.now);
    let actor = &Actor::Administrator;
    let (ready, composing) = cpu(|| {
        let plan = office.store.read(|tx| match draft {
            true => reply::plan_draft(tx, &world(tx)?, actor, started),
            false => reply::plan(tx, &world(tx)?, actor, started, None),
        });
        plan.unwrap().compose().unwrap()
    });
    let (stored, writing) = cpu(|| {
        office.store.write(|tx| match draft {
            true => reply::keep(tx, &world(tx)?, actor, &ready).map(drop),
            false => reply::send(tx, &world(tx)?, actor, &ready).map(drop),
        })
    });
    stored.unwrap();
    (composing, writing)
}

#[test]
fn a_letter_of_any_size_is_composed_before_the_transaction() {
    let sandbox = Sandbox::new();
    let office = desk(&sandbox);
    office.import(format!("{CUSTOMER}Message-ID: <1@x>\n\nx\n").as_bytes(), 1);
    let most = if is_large() { usize::try_from(office.config.attachment_max_size).unwrap() } else { 2 << 20 };
    let text = "some *words* that say nothing much\n";
    for (name, words, files) in [
        ("one file", "x".to_owned(), vec![noise(1, most)]),
        ("files that compress", "x".to_owned(), vec![vec![b'a'; most / 8]; 8]),
        ("many files", "x".to_owned(), vec![noise(1, most / 1_000); 1_000]),
        ("a long text", text.repeat(most / 4 / text.len()), Vec::new()),
    ] {
        for draft in [false, true] {
            let started = begun(&office, words.clone(), files.clone());
            let costs = [cost(&office, &started, draft), cost(&office, &started, draft)];
            let (composing, writing) = costs.into_iter().min_by_key(|cost| cost.1).unwrap();
            assert!(writing <= MOST, "{name}, draft: {draft}: {composing:?} + {writing:?}");
            if is_large() {
                eprintln!(
                    "promise a letter with {most} bytes in {name}{}: {} ms in the transaction, composed in {} ms before it",
                    if draft { ", kept as a draft" } else { "" },
                    writing.as_millis(),
                    composing.as_millis()
                );
            }
        }
    }
}

#[test]
fn an_automatic_reply_is_short_enough_for_the_transaction() {
    // The longest template that is let through, of the shortest words.
    let words = "{{ sender.name }} wrote\n";
    let source = |times: usize| words.repeat(times);
    let most = (1..=4_000).rev().find(|times| template::check(&source(*times)).is_ok()).unwrap();
    let sandbox = Sandbox::new();
    let office = desk(&sandbox);
    let body = source(most);
    office.sql(&format!(
        "INSERT INTO templates (id, name, subject, body, html, created_at) VALUES (1, 't', 's', '{body}', '{body}', 0)"
    ));
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    let name = "ab ".repeat(90);
    let took = (0..4).map(|n| {
        let mail = format!("From: {name} <a{n}@x{n}.example>\nTo: support@desk.example\nMessage-ID: <{n}@x>\n\nx\n");
        office.import(mail.as_bytes(), n + 1).writing
    });
    let took = took.min().unwrap();
    assert_eq!(office.query("SELECT count(*) || '' FROM outbox WHERE kind = 'auto-reply'"), ["4"]);
    if is_large() {
        eprintln!("promise an automatic reply of {most} words: {} ms in the transaction", took.as_millis());
    }
    assert!(took <= MOST, "{most} words: {took:?}");
}
