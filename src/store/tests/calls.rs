//! Calls of the functions that put statements together, with every kind of reader and of thing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::mail::address::Mailbox;
use crate::query::{Field, Pace, Tree, Words};
use crate::store::accounts::{self, Account, AccountKind, Polled};
use crate::store::cases::{self, CaseQuery, CaseSort, CaseStatus, NewCase, Opener, Priority};
use crate::store::db::seen::{self, Seen};
use crate::store::db::{Store, Tx};
use crate::store::deliveries::{self, Facts, Place};
use crate::store::emails::{self, EmailQuery};
use crate::store::events;
use crate::store::filters::{self, Scope};
use crate::store::folders;
use crate::store::log::{self, LogQuery};
use crate::store::notifications;
use crate::store::outbox::{self, NewRow, OutboxKind, OutboxQuery};
use crate::store::permissions::{Level, Levels, Permission};
use crate::store::prune::{self, Old, Prunable};
use crate::store::records::{self, Parent, ParentType, RecordQuery};
use crate::store::search::{self, Assignee, CaseState, Named, Test, index};
use crate::store::sight::{self, Object, Sight};
use crate::store::{drafts, reports, searches, stream, templates, users};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// An administrator, and users who see nothing, what is theirs, what is their teams', and everything but private mail.
pub fn sights() -> Vec<Sight> {
    let of = |level| Levels::widest(Permission::ALL.iter().map(|permission| (*permission, level)));
    let levels = [Level::No, Level::Own, Level::Team, Level::All].map(|level| Sight::User(1, of(level)));
    [Sight::Everything].into_iter().chain(levels).collect()
}

/// Every condition that a query may have, for cases and for emails.
fn tests() -> Vec<Test> {
    let words = Words { text: "word".to_owned(), begins: true };
    let holds = Field::ALL.iter().map(|field| Test::Holds(*field, "x".to_owned()));
    let states = CaseState::ALL.iter().map(|state| Test::State(*state));
    let places = search::Place::ALL.iter().flat_map(|place| [Test::Place(*place, Some(1)), Test::Place(*place, None)]);
    let more = [
        Test::Words(words),
        Test::Number("12 34".to_owned()),
        Test::Before(NOW),
        Test::Since(NOW),
        Test::Pace(Pace::Waiting, NOW),
        Test::Pace(Pace::Us, NOW),
        Test::Pace(Pace::Idle, NOW),
        Test::Pace(Pace::Due, NOW),
        Test::Status("Sent"),
        Test::Scheduled(NOW),
        Test::Sending(NOW),
        Test::Priority(Priority::High),
        Test::Assignee(Assignee::User(1)),
        Test::Assignee(Assignee::Nobody),
        Test::Assignee(Assignee::TeamOf(1)),
        Test::Team(1),
        Test::Account(1),
        Test::Case(1),
        Test::Tag("x".to_owned()),
        Test::Unverified,
        Test::UnreadBy(1),
        Test::Attachment,
        Test::Folder(Named::Personal(1)),
        Test::Folder(Named::Group(1)),
    ];
    more.into_iter().chain(holds).chain(states).chain(places).collect()
}

/// An email with words, and another word of a case: what the pass of the index takes.
const CHANGED: [&str; 3] = [
    "INSERT INTO emails (message_id, status, subject, received_at, created_at) VALUES ('i', 'Sent', 'a', 0, 0)",
    "INSERT INTO email_bodies (email_id, text) VALUES (1, 'b')",
    "UPDATE cases SET description = 'c' WHERE id = 1",
];

/// The texts of the statements that are put together.
pub fn statements(store: &Store) -> BTreeSet<String> {
    seen(store).into_iter().map(|seen| seen.sql).collect()
}

/// Statements that are put together, and the others of the same calls.
pub fn seen(store: &Store) -> BTreeSet<Seen> {
    let account = Account::new("a", AccountKind::Group, NOW);
    seen::during(|| {
        let case = NewCase { number: 1, key: "k", ..NewCase::default() };
        store.write(|tx| cases::add(tx, &case, NOW)).unwrap();
        index::fill(store, &|| true).unwrap();
        store.write(|tx| CHANGED.iter().try_for_each(|sql| tx.execute(sql, []).map(drop))).unwrap();
        index::fill(store, &|| true).unwrap();
        // What a call finds, and whether it fails, is of no interest.
        let _ = store.rehearse(|tx| {
            apart(tx, || drop(accounts::add(tx, &account)));
            apart(tx, || drop(accounts::update(tx, &account)));
            apart(tx, || alike_for_all(tx));
            apart(tx, || with_values_of_any_type(tx));
            for sight in sights() {
                apart(tx, || of_reader(tx, sight));
                apart(tx, || lists(tx, sight));
            }
            for kind in ParentType::ALL {
                apart(tx, || of_record(tx, Parent { kind: *kind, id: 1 }));
            }
            Ok(())
        });
    })
}

/// Runs `calls` so that those which come later are not touched by one that fails.
fn apart(tx: &Tx<'_>, calls: impl FnOnce()) {
    let _ = tx.savepoint(|_| {
        calls();
        Ok(())
    });
}

fn alike_for_all(tx: &Tx<'_>) {
    let hour = NOW..NOW;
    let _ = accounts::all(tx);
    let _ = accounts::by_id(tx, 1);
    let _ = accounts::by_name(tx, "a");
    let _ = accounts::folders(tx, 1);
    let _ = accounts::folder(tx, 1, "INBOX");
    let _ = cases::by_id(tx, 1);
    let _ = cases::by_key(tx, "k");
    let from = Mailbox { name: String::new(), address: "x@x".to_owned() };
    let _ = cases::opened_by(tx, &Opener { account_id: 1, from: &from, verdict: "" }, None, &hour, 9);
    let _ = cases::person(tx, 1, "x@x");
    let _ = cases::wrote_verified(tx, 1, "x@x");
    let _ = cases::due_to_wake(tx, NOW, 9);
    let place = Place { account_id: 1, folder: "INBOX", uidvalidity: 1, uid: 1 };
    let facts = Facts { internal_date: NOW, size: 1, truncated: false, now: NOW };
    let _ = deliveries::receive(tx, &[(place, facts, 1)]);
    let several: Vec<_> = (1..17).map(|uid| (Place { uid, ..place }, facts, 1)).collect();
    let _ = deliveries::receive(tx, &several);
    let _ = deliveries::miss(tx, place, facts, "x");
    let _ = deliveries::waiting(tx, 1, 9);
    let _ = deliveries::by_id(tx, 1);
    let _ = deliveries::of_email(tx, 1);
    let _ = deliveries::quarantined(tx);
    let _ = deliveries::without_email(tx, 1, 9);
    let _ = deliveries::forget_numbers(tx, 1, "INBOX", 1);
    let _ = emails::by_key(tx, "k");
    let _ = emails::by_message_id(tx, "m");
    let _ = emails::known_by_message_id(tx, "m");
    let _ = emails::referring_to(tx, "m");
    let _ = emails::known_referring_to(tx, "m");
    let _ = emails::of_case(tx, 1);
    let _ = emails::newest_of_case(tx, 1);
    let _ = filters::all(tx);
    let _ = folders::personal(tx, 1, "x");
    let _ = folders::group(tx, "x");
    let _ = folders::by_id(tx, 1);
    let _ = outbox::due(tx, 1, NOW);
    let _ = outbox::accounts_due(tx, NOW);
    let _ = outbox::in_doubt(tx, 1);
    let _ = outbox::notices(tx);
    let _ = outbox::by_id(tx, 1);
    let _ = outbox::of_email(tx, 1);
    let _ = outbox::by_message_id(tx, "m");
    let _ = templates::all(tx);
    let _ = templates::by_name(tx, "x");
    let _ = templates::by_id(tx, 1);
    let _ = users::all(tx);
    let _ = users::by_id(tx, 1);
    let _ = users::by_username(tx, "x");
    let _ = users::by_login(tx, "x");
    let _ = users::by_address(tx, "x@x");
    let _ = users::addresses(tx);
    let _ = users::in_team(tx, 1, "");
    let _ = users::trace(tx, 1);
    for since in [None, Some(NOW)] {
        let _ = log::list(tx, &LogQuery { since, user_id: None, limit: 9 });
        let _ = log::count_to(tx, &LogQuery { since, user_id: None, limit: 9 }, 9);
    }
    for kind in ["account", "case", "email", "filter", "folder", "role", "search", "team", "template", "user"] {
        let _ = log::remember(tx, kind, 1);
        let _ = log::object(tx, kind.to_owned(), 1);
    }
}

/// Statements that do not tell an engine what one of their values is.
fn with_values_of_any_type(tx: &Tx<'_>) {
    let new = NewRow {
        kind: OutboxKind::Mail,
        account_id: 1,
        email_id: None,
        case_id: None,
        user_id: None,
        message_id: "m",
        subject: "x",
        envelope_from: "x@x",
        recipients: &[],
        raw_id: 1,
        not_before: None,
    };
    let _ = outbox::add(tx, &new, NOW);
    let _ = outbox::auto_replies_to_domain(tx, 1, "x", None, &(NOW..NOW), 9);
    let _ = searches::list(tx, Some(1), Sight::Everything);
    let _ = folders::withdraw(tx, 1, None);
    let _ = cases::set_status(tx, 1, CaseStatus::Closed, NOW);
    let _ = accounts::polled(tx, 1, "INBOX", 1, Polled { up_to: 1, messages: None, left_out: 0 });
}

fn of_reader(tx: &Tx<'_>, sight: Sight) {
    let _ = cases::by_id_seen(tx, 1, sight);
    let _ = cases::by_number(tx, 1, sight);
    let _ = cases::row_by_number(tx, 1, sight);
    let _ = cases::people(tx, 1, sight);
    let _ = cases::tags_in_use(tx, sight, 9);
    let _ = cases::ways(tx, 1, sight);
    let _ = emails::by_id(tx, 1, sight);
    let _ = emails::from_since(tx, "a", NOW, 1, sight);
    let _ = emails::is_shown_in_case(tx, 1, sight);
    let _ = emails::of_case_for(tx, 1, sight);
    let _ = emails::count_undecided(tx, sight);
    for scope in [Scope::Global, Scope::Account(1), Scope::User(1)] {
        let _ = filters::archive(tx, scope, true, NOW, 0, 9, sight);
    }
    let _ = folders::list(tx, Some(1), sight);
    for all in [true, false] {
        let _ = notifications::list(tx, 1, sight, all, 9);
        let _ = notifications::count_to(tx, 1, sight, all, 9);
    }
    let _ = events::after(tx, 1, 9, sight);
    for kind in Prunable::ALL {
        let _ = prune::found(tx, &Old { kind: *kind, before: NOW, accounts: &[] }, 0, 9, 9);
    }
    let _ = notifications::mark_read(tx, 1, sight, None, NOW);
    let _ = notifications::exists(tx, 1, sight, 1);
    let _ = notifications::take_digest(tx, 1, sight, NOW);
    let _ = records::contacts_of(tx, 1, sight);
    let _ = reports::cases(tx, sight);
    let seen = reports::Seen::of(&[]);
    let _ = reports::waits(tx, &seen);
    let _ = reports::letters(tx, sight, &seen, NOW, NOW);
    let _ = reports::teams_of_cases(tx, &seen);
    let _ = reports::tags_of_cases(tx, &seen);
    for kind in ParentType::ALL {
        let record = Parent { kind: *kind, id: 1 };
        let _ = drafts::of_record(tx, record, sight);
        let _ = records::exists(tx, record, sight);
        let _ = records::open_cases(tx, record, sight);
        let _ = stream::notes(tx, record, sight);
    }
    for kind in ParentType::RECORDS {
        let _ = records::by_id(tx, Parent { kind, id: 1 }, sight);
        let _ = records::by_name(tx, kind, "x", sight);
        let _ = records::list(tx, kind, &RecordQuery::default(), sight);
    }
}

fn lists(tx: &Tx<'_>, sight: Sight) {
    for test in tests() {
        for condition in [Tree::Is(test.clone()), Tree::Not(Box::new(Tree::Is(test)))] {
            let asked = CaseQuery { condition: condition.clone(), sort: None, limit: Some(9) };
            let _ = cases::list(tx, &asked, sight);
            let _ = cases::count_to(tx, &asked, 9, sight);
            let asked =
                EmailQuery { condition: condition.clone(), viewer: Some(1), limit: Some(9), ..EmailQuery::default() };
            let _ = emails::list(tx, &asked, sight);
            let _ = emails::count_to(tx, &asked, 9, sight);
            let asked = OutboxQuery { condition, open_since: None, author: None, limit: Some(9) };
            let _ = outbox::list(tx, &asked, sight);
        }
    }
    for sort in CaseSort::ALL {
        let asked = CaseQuery { sort: Some(*sort), limit: Some(9), ..CaseQuery::default() };
        let _ = cases::list(tx, &asked, sight);
    }
    for (open_since, author) in [(None, None), (Some(NOW), None), (None, Some(1)), (Some(NOW), Some(1))] {
        let asked = OutboxQuery { open_since, author, limit: Some(9), ..OutboxQuery::default() };
        let _ = outbox::list(tx, &asked, sight);
        let _ = outbox::count_to(tx, &asked, 9, sight);
    }
    let _ = emails::listed(tx, 1, Some(1), sight);
    // A mail from the future has a place of its own in the list.
    let sql =
        "INSERT INTO emails (message_id, status, subject, received_at, created_at) VALUES ('m', 'Sent', '', ?1, 0)";
    let _ = tx.insert(sql, [NOW.as_second() + 9]);
    let asked = EmailQuery { limit: Some(9), now: Some(NOW), ..EmailQuery::default() };
    let _ = emails::list(tx, &asked, sight);
}

fn of_record(tx: &Tx<'_>, record: Parent) {
    let _ = records::name(tx, record);
    let _ = records::add(tx, record.kind, "x", NOW);
    let _ = records::rename(tx, record, "y");
    let _ = records::assign(tx, record, None);
    if record.kind.has_company() {
        let _ = records::set_company(tx, record, None);
    }
    let _ = sight::nearest(tx, Object::Record(record), 2);
    let _ = sight::nearest(tx, Object::Email(1), 2);
    let _ = sight::teams_in_common(tx, Object::Record(record), 1);
    if record.kind != ParentType::Case {
        let _ = records::delete(tx, record);
    }
}
