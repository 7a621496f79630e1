//! What lists and searches cost in a large archive beside a small one: 100,000 emails and 10,000 cases beside 1,000 and
//! 100. `cargo bench --bench search` prints medians and ratios; nothing is asserted. Other sizes, in emails:
//! `cargo bench --bench search -- SMALL LARGE`. Rows without a star read every case or email that has the word, or all.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use espomail::mail::address::Mailbox;
use espomail::mail::message::Message;
use espomail::query::{Field, Tree, Words};
use espomail::store::cases::{self, CaseQuery, CaseSort, NewCase, Priority};
use espomail::store::db::{Store, Tx};
use espomail::store::emails::{self, EmailQuery, EmailStatus, NewEmail};
use espomail::store::permissions::Levels;
use espomail::store::records::Parent;
use espomail::store::search::{CaseState, Test, index};
use espomail::store::sight::Sight;
use espomail::store::stream::{self, NewNote, NoteKind};
use espomail::store::{instance, teams, users};
use jiff::{SignedDuration, Timestamp};

const ROUNDS: usize = 21;
const AGENT: Sight = Sight::User(1, Levels::USUAL);
const OUTSIDER: Sight = Sight::User(2, Levels::USUAL);

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    /// 150 words, some far more frequent than others.
    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..150 {
            let most = 1 + self.below(8_000);
            text.push_str(&format!("w{} ", self.below(most)));
        }
        text
    }
}

/// `count` emails of a team, ten of them in a case, 40 cases of them open; 20 emails hold the word `rare`, one in ten `tenth`,
/// all of them `always`.
fn archive(path: &Path, count: u64) -> Store {
    let store = Store::create(&espomail::place::Place::of_file(path)).unwrap();
    let now = Timestamp::now();
    store.write(|tx| people(tx, now)).unwrap();
    let mut dice = Dice(count);
    for first in (0..count).step_by(1_000) {
        store
            .write(|tx| (first..count.min(first + 1_000)).try_for_each(|n| one(tx, &mut dice, n, count, now)))
            .unwrap();
    }
    let started = Instant::now();
    index::fill(&store, &|| true).unwrap();
    let size = std::fs::metadata(path).unwrap().len() >> 20;
    println!("{count} emails: indexed in {:.1?}; {size} MiB", started.elapsed());
    store
}

fn people(tx: &Tx<'_>, now: Timestamp) -> anyhow::Result<()> {
    instance::create(tx, &[7; 32], now)?;
    for username in ["ana", "budi"] {
        let user_type = users::UserType::Regular;
        users::add(tx, &users::NewUser { username, name: username, user_type, login: username, addresses: &[] }, now)?;
    }
    let team = teams::add(tx, "Support", now)?;
    teams::put_member(tx, team, 1, "")
}

fn one(tx: &Tx<'_>, dice: &mut Dice, n: u64, count: u64, now: Timestamp) -> anyhow::Result<()> {
    let key = format!("{n:016x}");
    let number = i64::try_from(n / 10)? + 1;
    let at = now - SignedDuration::from_mins(i64::try_from(count - n)?);
    if n.is_multiple_of(10) {
        let new = NewCase {
            number,
            key: &key,
            name: &format!("Question {number}"),
            description: "",
            priority: Priority::Normal,
            case_type: "",
            company_id: None,
            contact_id: None,
            lead_id: None,
            account_id: None,
            requester_user_id: None,
            relates_to_id: None,
        };
        let id = cases::add(tx, &new, at)?;
        cases::add_team(tx, id, 1)?;
        if !(number - 1).unsigned_abs().is_multiple_of((count / 400).max(1)) {
            cases::set_status(tx, id, cases::CaseStatus::Closed, at)?;
        }
    }
    let rare = if n.is_multiple_of(count / 20) { " rare" } else { "" };
    let tenth = if n % 10 == 7 { " tenth" } else { "" };
    let person = |name: &str| vec![Mailbox { name: name.to_owned(), address: format!("{name}@x.example") }];
    let message = Message {
        subject: format!("Question {number}"),
        text: format!("{}always{tenth}{rare}", dice.text()),
        from: person(&format!("customer{}", dice.below(1 + count / 20))),
        to: person("support"),
        ..Message::default()
    };
    let new = NewEmail {
        key: None,
        message_id: &key,
        raw_id: None,
        status: EmailStatus::Archived,
        received_at: at,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let id = emails::add(tx, &new, &message, at)?;
    emails::set_parent(tx, id, Parent::case(number), true)?;
    emails::add_team(tx, id, 1)?;
    if !rare.is_empty() {
        emails::add_user(tx, id, 2, false)?;
    }
    let note = NewNote {
        parent: Parent::case(number),
        kind: NoteKind::EmailReceived,
        user_id: None,
        email_id: Some(id),
        text: "",
    };
    stream::note(tx, note, at)?;
    Ok(())
}

fn word(text: &str) -> Tree<Test> {
    Tree::Is(Test::Words(Words { text: text.to_owned(), begins: false }))
}

fn case_list(store: &Store, condition: Tree<Test>, sort: CaseSort, limit: Option<i64>, sight: Sight) -> usize {
    let query = CaseQuery { condition, sort: Some(sort), limit };
    store.read(|tx| cases::list(tx, &query, sight)).unwrap().len()
}

fn email_list(store: &Store, condition: Tree<Test>, sight: Sight) -> usize {
    let query = EmailQuery { condition, limit: Some(50), ..EmailQuery::default() };
    store.read(|tx| emails::list(tx, &query, sight)).unwrap().len()
}

fn case_show(store: &Store, number: i64) -> usize {
    let read = |tx: &Tx<'_>| {
        let row = cases::row_by_number(tx, number, AGENT)?;
        let id = row.map_or(0, |row| row.case.id);
        Ok(stream::notes(tx, Parent::case(id), AGENT)?.len() + emails::of_case_for(tx, id, AGENT)?.len())
    };
    store.read(read).unwrap()
}

/// The median time, and what was found.
fn measure(work: &dyn Fn() -> usize) -> (Duration, usize) {
    let mut found = 0;
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            found = black_box(work());
            started.elapsed()
        })
        .collect();
    times.sort();
    (times.get(ROUNDS / 2).copied().unwrap_or_default(), found)
}

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (small, large) = (sizes.next().unwrap_or(1_000), sizes.next().unwrap_or(100_000));
    let dir = std::env::temp_dir().join(format!("espomail-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let stores = [small, large].map(|count| archive(&dir.join(format!("{count}.db")), count));
    let all = Tree::default;
    let open = || Tree::Is(Test::State(CaseState::Open));
    let customer = || Tree::Is(Test::Holds(Field::From, "customer7@".to_owned()));
    let (number, some) = (CaseSort::Number, Some(50));
    type Row<'a> = (&'a str, bool, &'a dyn Fn(&Store) -> usize);
    let rows: &[Row<'_>] = &[
        ("case list --limit 50", true, &|s| case_list(s, all(), number, some, AGENT)),
        ("case list is:open", true, &|s| case_list(s, open(), number, None, AGENT)),
        ("case list is:open --sort priority", true, &|s| case_list(s, open(), CaseSort::Priority, some, AGENT)),
        ("case show", true, &|s| case_show(s, 50)),
        ("email list", true, &|s| email_list(s, all(), AGENT)),
        ("email list, administrator", true, &|s| email_list(s, all(), Sight::Everything)),
        ("email list, of 20 visible", true, &|s| email_list(s, all(), OUTSIDER)),
        ("email list WORD, in 20 emails", true, &|s| email_list(s, word("rare"), AGENT)),
        ("email list WORD, in 10 % of them", true, &|s| email_list(s, word("tenth"), AGENT)),
        ("email list WORD, in all of them", true, &|s| email_list(s, word("always"), AGENT)),
        ("case list WORD, in 20 emails", true, &|s| case_list(s, word("rare"), number, some, AGENT)),
        ("case list WORD, in 10 % of them", false, &|s| case_list(s, word("tenth"), number, some, AGENT)),
        ("email list WORD in all, of 20 visible", false, &|s| email_list(s, word("always"), OUTSIDER)),
        ("case list WORD, in all of them", false, &|s| case_list(s, word("always"), number, some, AGENT)),
        ("case list (all rows)", false, &|s| case_list(s, all(), number, None, AGENT)),
        ("case list --sort modified --limit 50", false, &|s| case_list(s, all(), CaseSort::Modified, some, AGENT)),
        ("email list from:PART (reads all)", false, &|s| email_list(s, customer(), AGENT)),
    ];
    println!("{:38} {small:>10} {large:>10}  medians of {ROUNDS} rounds; * = must be at most 3.0", "emails");
    for (name, bounded, work) in rows {
        let [(before, few), (after, many)] =
            [0, 1].map(|i| stores.get(i).map(|store| measure(&|| work(store))).unwrap());
        let ratio = after.as_secs_f64() / before.as_secs_f64();
        let mark = if *bounded { "*" } else { " " };
        println!("{name:38} {before:>10.1?} {after:>10.1?}  {ratio:6.2} {mark}  ({few} and {many} rows)");
    }
    drop(stores);
    std::fs::remove_dir_all(dir).unwrap();
}
