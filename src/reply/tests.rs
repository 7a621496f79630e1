#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
//! Letters on a database in memory.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, RngSeed, TestRunner};

use super::*;
use crate::access::{self, Actor};
use crate::config::Config;
use crate::mail::message::{self, Message};
use crate::mail::message_id;
use crate::store::accounts::{self, Account, AccountKind};
use crate::store::cases::NewCase;
use crate::store::db::Store;
use crate::store::emails::{self, Email, EmailStatus, Field, NewEmail};
use crate::store::levels::{Level, Levels, Permission};
use crate::store::raw::{self, Packed};
use crate::store::roles::{self, Holder};
use crate::store::sight::Sight;
use crate::store::templates::Template;
use crate::store::users::{self, NewUser, UserType};
use crate::store::{instance, outbox as rows, search, teams};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// ana is in team Support, eko in none. Account `support` of that team made case 1 from `raw`.
struct Desk {
    store: Store,
    config: Config,
    original: Email,
}

const QUESTION: &str = "From: Eva <eva@customer.example>\r\nTo: support@desk.example, lee@customer.example\r\n\
    Cc: ana@staff.example, Budi <budi@staff.example>, noreply@x.example, sales@desk.example\r\nSubject: AW: Invoice [#1]\r\n\
    Message-ID: <q2@customer.example>\r\nReferences: <q0@customer.example> <q1@customer.example>\r\n\r\nIt is wrong.\r\n";

fn desk(raw: &[u8]) -> Desk {
    let store = Store::in_memory().unwrap();
    let original = store
        .write(|tx| {
            instance::create(tx, &[7; 32], NOW)?;
            let team = teams::add(tx, "Support", NOW)?;
            access::make_agent(tx, NOW)?;
            let agent = roles::by_name(tx, access::AGENT)?.unwrap().id;
            for name in ["ana", "eko"] {
                let addresses = [format!("{name}@staff.example"), format!("{name}.home@staff.example")];
                let new =
                    NewUser { username: name, name, user_type: UserType::Regular, login: name, addresses: &addresses };
                let id = users::add(tx, &new, NOW)?;
                roles::assign(tx, agent, Holder::User(id))?;
                if name == "ana" {
                    teams::put_member(tx, team, id, "")?;
                }
            }
            let support = account(tx, "support", AccountKind::Group)?;
            let mut support = support.clone();
            support.cases.case_team_id = Some(team);
            accounts::update(tx, &support)?;
            account(tx, "sales", AccountKind::Group)?;
            let case = NewCase {
                number: instance::take_case_number(tx)?,
                key: "0123456789abcdef",
                name: "Invoice",
                account_id: Some(support.id),
                ..NewCase::default()
            };
            let case_id = cases::add(tx, &case, NOW)?;
            cases::add_team(tx, case_id, team)?;
            let original = put(tx, raw, Some(case_id))?;
            let (config, case) = (Config::default(), cases::by_id(tx, case_id)?.unwrap());
            let world = World::load(tx, &config, NOW)?;
            people::is_customer(tx, &world, &case, &original.author(), Some(original.id))?;
            people::named_in(tx, &world, &case, &original)?;
            Ok(original)
        })
        .unwrap();
    Desk { store, config: Config::default(), original }
}

fn account(tx: &Tx<'_>, name: &str, kind: AccountKind) -> Result<Account> {
    let mut account = Account::new(name, kind, NOW);
    account.address = format!("{name}@desk.example");
    account.smtp.host = Some("127.0.0.1".into());
    let id = accounts::add(tx, &account)?;
    Ok(Account { id, ..account })
}

/// An email that came.
fn put(tx: &Tx<'_>, raw: &[u8], case_id: Option<i64>) -> Result<Email> {
    let message = message::parse(raw);
    let raw_id = raw::add(tx, &Packed::new(raw.to_vec())?)?;
    let key = message_id::new_key(crate::intake::world::random()?);
    let new = NewEmail {
        key: Some(&key),
        message_id: message.message_id.as_deref().unwrap_or("sha256:x"),
        raw_id: Some(raw_id),
        status: EmailStatus::Archived,
        received_at: NOW,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let id = emails::add(tx, &new, &message, NOW)?;
    if let Some(parent) = case_id.map(Parent::case) {
        emails::set_parent(tx, id, parent, true)?;
        let note = NewNote { parent, kind: NoteKind::EmailReceived, user_id: None, email_id: Some(id), text: "" };
        stream::note(tx, note, NOW)?;
    }
    Ok(emails::by_id(tx, id, Sight::Everything)?.unwrap())
}

/// Plans, composes and sends.
fn sent(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, started: &Started, at: Option<Timestamp>) -> Result<Queued> {
    send(tx, world, actor, &plan(tx, world, actor, started, at)?.compose()?)
}

/// Plans, composes and keeps what ana writes.
fn kept(tx: &Tx<'_>, world: &World<'_>, started: &Started) -> Result<i64> {
    let ana = actor(tx, "ana")?;
    keep(tx, world, &ana, &plan_draft(tx, world, &ana, started)?.compose()?)
}

impl Desk {
    fn write<T>(&self, work: impl FnOnce(&Tx<'_>, &World<'_>) -> Result<T>) -> Result<T> {
        self.store.write(|tx| work(tx, &World::load(tx, &self.config, NOW)?))
    }

    fn case(&self) -> Case {
        self.store.read(|tx| cases::by_number(tx, 1, Sight::Everything)).unwrap().unwrap()
    }

    fn begin(&self, user: &str, occasion: Occasion<'_>, wishes: Wishes<'_>) -> Result<Started> {
        self.write(|tx, world| begin(tx, world, &actor(tx, user)?, occasion, wishes))
    }

    /// Sends; the message and the id of its email.
    fn send(&self, started: &Started) -> Result<(Message, i64)> {
        self.write(|tx, world| {
            let queued = sent(tx, world, &actor(tx, "ana")?, started, None)?;
            let row = rows::by_id(tx, queued.outbox_id)?.unwrap();
            Ok((message::parse(&raw::bytes(tx, row.raw_id)?), row.email_id.unwrap()))
        })
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Account)) {
        self.store
            .write(|tx| {
                let mut account = accounts::by_name(tx, name)?.unwrap();
                change(&mut account);
                accounts::update(tx, &account)
            })
            .unwrap();
    }
}

fn actor(tx: &Tx<'_>, user: &str) -> Result<Actor> {
    Ok(users::by_username(tx, user)?.map_or(Actor::Administrator, Actor::User))
}

fn words(text: &str) -> Wishes<'static> {
    Wishes { text: text.to_owned(), ..Wishes::default() }
}

fn addresses(mailboxes: &[Mailbox]) -> String {
    mailboxes.iter().map(|m| m.address.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_answer_goes_to_whom_it_concerns_in_the_thread_it_belongs_to() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("Sorry.")).unwrap();
    let (sent, email_id) = desk.send(&started).unwrap();
    assert_eq!(addresses(&sent.to), "eva@customer.example");
    assert_eq!(addresses(&sent.cc), "lee@customer.example budi@staff.example", "neither our accounts nor the writer");
    assert_eq!(sent.subject, "[#1] Re: Invoice");
    assert_eq!(sent.in_reply_to, ["q2@customer.example"]);
    assert_eq!(sent.references[1..], ["q0@customer.example", "q1@customer.example", "q2@customer.example"]);
    let signer = crate::mail::message_id::Signer::new(&[7; 32]);
    for id in [&sent.references[0], sent.message_id.as_ref().unwrap()] {
        assert_eq!(signer.verify(id).map(|id| id.key), Some(case.key.clone()), "{id}");
    }
    assert_eq!(addresses(&sent.reply_to), "support@desk.example");
    let email = desk.store.read(|tx| emails::by_id(tx, email_id, Sight::Everything)).unwrap().unwrap();
    assert_eq!((email.status, email.case_id()), (EmailStatus::Sending, Some(case.id)));
    assert_eq!(desk.case().waiting_for, WaitingFor::Customer);
}

#[test]
fn a_colleague_reads_along_unless_their_account_says_otherwise() {
    let desk = desk(QUESTION.as_bytes());
    desk.store.write(|tx| account(tx, "budi", AccountKind::Personal)).unwrap();
    desk.change("budi", |account| account.address = "budi@staff.example".into());
    let copied = || addresses(&desk.begin("ana", Occasion::Case(&desk.case()), words("x")).unwrap().letter.head.cc);
    assert_eq!(copied(), "lee@customer.example budi@staff.example");
    desk.change("budi", |account| account.personal.exclude_from_reply = true);
    assert_eq!(copied(), "lee@customer.example");
}

#[test]
fn recipients_by_kind_of_answer() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let other = desk.write(|tx, _| put(tx, QUESTION.as_bytes(), None)).unwrap();
    let unverified = Email { verified: false, ..desk.original.clone() };
    let ours = Email { status: EmailStatus::Sent, ..other.clone() };
    let answer = |email, case, all| Occasion::Answer { email, case, all };
    for (occasion, to, cc) in [
        (answer(&desk.original, Some(&case), false), "eva@customer.example", ""),
        (answer(&desk.original, Some(&case), true), "eva@customer.example", "lee@customer.example budi@staff.example"),
        (answer(&unverified, Some(&case), true), "eva@customer.example", ""),
        (answer(&other, None, true), "eva@customer.example", "lee@customer.example budi@staff.example"),
        (answer(&ours, None, false), "lee@customer.example", ""),
        (Occasion::Forward { email: &other, case: None, attached: false }, "", ""),
        (Occasion::New, "", ""),
    ] {
        let wishes = Wishes { account: None, from: FromWish::Usual, ..words("x") };
        desk.change("support", |account| account.sending.shared = true);
        let head = desk.begin("ana", occasion, wishes).unwrap().letter.head;
        assert_eq!((addresses(&head.to), addresses(&head.cc)), (to.to_owned(), cc.to_owned()), "{occasion:?}");
    }
    let mailbox = |address: &str| Mailbox { name: String::new(), address: address.into() };
    let wishes = Wishes {
        to: vec![mailbox("x@y.example")],
        cc: vec![mailbox("x@y.example"), mailbox("z@y.example")],
        bcc: vec![mailbox("z@y.example"), mailbox("b@y.example")],
        ..words("x")
    };
    let head = desk.begin("ana", Occasion::Case(&case), wishes).unwrap().letter.head;
    let all = [addresses(&head.to), addresses(&head.cc), addresses(&head.bcc)];
    assert_eq!(all, ["x@y.example", "z@y.example", "b@y.example"], "what is given replaces, each address once");
}

#[test]
fn who_sends() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let from = |user: &str, occasion: Occasion<'_>, wish: FromWish| {
        let started = desk.begin(user, occasion, Wishes { from: wish, ..words("x") });
        started.map(|s| s.sender.from.address).map_err(|e| error::classify(&e).0.exit_code())
    };
    let address = |text: &str| FromWish::Address(text.into());
    let (of_case, new) = (Occasion::Case(&case), Occasion::New);
    let group = Ok("support@desk.example".to_owned());
    // Nobody shares anything: the account of the case is for its cases.
    assert_eq!(from("ana", of_case, FromWish::Usual), group);
    assert_eq!(from("ana", new, FromWish::Usual), Err(78));
    assert_eq!(from("ana", of_case, FromWish::User), Err(78));
    assert_eq!(from("ana", new, address("support@desk.example")), group, "named, of a team in common");
    assert_eq!(from("eko", new, address("support@desk.example")), Err(77));
    assert_eq!(from("ana", of_case, address("eve@elsewhere.example")), Err(77));
    desk.change("support", |account| account.sending.shared = true);
    assert_eq!(from("ana", new, FromWish::Usual), group);
    assert_eq!(from("eko", new, FromWish::Usual), Err(78), "shared with its teams only");
    // The system account is for all, if it is shared.
    let desk = Desk { config: Config { system_account: Some("sales".into()), ..Config::default() }, ..desk };
    let from = |user: &str, occasion: Occasion<'_>, wish: FromWish| {
        let started = desk.begin(user, occasion, Wishes { from: wish, ..words("x") });
        started.map(|s| s.sender.from.address).map_err(|e| error::classify(&e).0.exit_code())
    };
    assert_eq!(from("eko", new, FromWish::Usual), Err(78));
    desk.change("sales", |account| account.sending.shared = true);
    assert_eq!(from("eko", new, FromWish::Usual), Ok("sales@desk.example".into()));
    // Without the permission none of them sends, neither that of the case nor the shared one.
    let levels = |level: Level| {
        let permission = Permission::GroupAccount;
        desk.store.write(|tx| roles::grant(tx, 1, permission, Some(level))).unwrap();
    };
    levels(Level::No);
    for (user, occasion, wish) in [
        ("ana", of_case, FromWish::Usual),
        ("ana", of_case, FromWish::Group),
        ("ana", new, address("support@desk.example")),
        ("eko", new, FromWish::Usual),
    ] {
        assert_eq!(from(user, occasion, wish.clone()), Err(77), "{user} {wish:?}");
    }
    levels(Level::All);
    assert_eq!(from("eko", new, address("support@desk.example")), group, "of no team in common");
    levels(Level::Team);
    // One's own account goes before all of them; the customer answers to the group all the same.
    desk.store.write(|tx| account(tx, "ana", AccountKind::Personal)).unwrap();
    desk.change("ana", |account| {
        account.user_id = Some(1);
        account.address = "ana.home@staff.example".into();
    });
    let own = Ok("ana.home@staff.example".to_owned());
    assert_eq!(from("ana", of_case, FromWish::Usual), group, "a case is answered from the group's address");
    assert_eq!(from("ana", of_case, FromWish::User), own);
    assert_eq!(from("ana", new, FromWish::Usual), own);
    assert_eq!(from("eko", new, address("ana.home@staff.example")), Err(77));
    let started = desk.begin("ana", of_case, Wishes { from: FromWish::User, ..words("x") }).unwrap();
    assert_eq!(addresses(&desk.send(&started).unwrap().0.reply_to), "support@desk.example");
    let mut to_sales = desk.begin("ana", new, Wishes { from: FromWish::Group, ..words("x") }).unwrap();
    to_sales.letter.head.to.push(Mailbox { name: String::new(), address: "kim@x.example".into() });
    assert!(desk.send(&to_sales).unwrap().0.reply_to.is_empty());
    desk.change("ana", |account| account.active = false);
    assert_eq!(from("ana", of_case, FromWish::Usual), group, "a disabled account does not count");
    desk.change("support", |account| account.smtp.host = None);
    assert_eq!(from("ana", of_case, FromWish::Usual), Err(78), "no other group answers for it");
}

#[test]
fn what_was_taken_away_since_a_letter_was_begun_stops_it_and_loses_nothing() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("Sorry.")).unwrap();
    let code = |result: Result<()>| result.map_err(|e| error::classify(&e).0.exit_code());
    for (permission, refused) in [
        (Permission::GroupAccount, 77),
        (Permission::CaseEdit, 77),
        (Permission::CaseRead, 65),
        (Permission::EmailEdit, 77),
    ] {
        let set = |level: Level| desk.store.write(|tx| roles::grant(tx, 1, permission, Some(level))).unwrap();
        set(Level::No);
        assert_eq!(code(desk.send(&started).map(|_| ())), Err(refused), "{permission}");
        let kept = desk.write(|tx, world| kept(tx, world, &started));
        assert_eq!(kept.is_ok(), permission != Permission::EmailEdit, "{permission}: kept as a draft");
        set(Level::Team);
    }
    desk.send(&started).unwrap();
}

#[test]
fn one_signature_and_the_quotation() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let text = |wishes: Wishes<'_>| desk.begin("ana", Occasion::Case(&case), wishes).unwrap().letter.text;
    assert_eq!(text(words("Sorry.\n")), "Sorry.\n");
    let signed = |signature: &str| {
        desk.store
            .write(|tx| {
                let mut user = users::by_username(tx, "ana")?.unwrap();
                user.signature = signature.into();
                users::update(tx, &user)
            })
            .unwrap();
    };
    signed("Ana");
    assert_eq!(text(words("Sorry.")), "Sorry.\n\n-- \nAna\n");
    desk.change("support", |account| account.sending.signature = "The desk".into());
    assert_eq!(text(words("Sorry.")), "Sorry.\n\n-- \nThe desk\n");
    let quoted = text(Wishes { quote: true, ..words("Sorry.") });
    let expected =
        "Sorry.\n\n-- \nThe desk\n\nOn 1970-01-01 at 00:00 UTC, Eva <eva@customer.example> wrote:\n> It is wrong.\n";
    assert_eq!(quoted, expected);
}

#[test]
fn a_template_makes_the_text() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let template = Template {
        id: 1,
        name: "t".into(),
        subject: "About {{ account.name }}".into(),
        body: "Dear {{ sender.name }}, {{ case.number }} {{ user.name }} {{ email.subject }}".into(),
        html: Some("<p>{{ sender.name }}</p>".into()),
    };
    let wishes = || Wishes { template: Some(&template), ..Wishes::default() };
    let letter = desk.begin("ana", Occasion::Case(&case), wishes()).unwrap().letter;
    assert_eq!(letter.text, "Dear Eva, 1 ana AW: Invoice [#1]");
    assert_eq!((letter.head.subject.as_str(), letter.html.as_deref()), ("Re: Invoice [#1]", Some("<p>Eva</p>")));
    desk.change("support", |account| (account.sending.shared, account.sending.signature) = (true, "The <desk>".into()));
    let html =
        desk.begin("ana", Occasion::Case(&case), Wishes { quote: true, ..wishes() }).unwrap().letter.html.unwrap();
    let below = "<p>Eva</p><p>-- <br>\nThe &lt;desk&gt;</p>\n<p>On 1970-01-01";
    assert!(html.starts_with(below) && html.contains("<blockquote>"), "{html}");
    assert_eq!(desk.begin("ana", Occasion::New, wishes()).unwrap().letter.head.subject, "About support");
}

#[test]
fn a_forward_takes_the_files_along_and_lets_the_customer_wait() {
    let raw = "From: Eva <eva@customer.example>\r\nSubject: Scan\r\nMessage-ID: <q@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nsee there\r\n--b\r\nContent-Type: image/png; name=scan.png\r\nContent-Disposition: attachment\r\n\r\nabc\r\n--b--\r\n";
    let desk = desk(raw.as_bytes());
    let case = desk.case();
    let forward = |attached| {
        let occasion = Occasion::Forward { email: &desk.original, case: Some(&case), attached };
        let lab = Mailbox { name: String::new(), address: "lab@x.example".into() };
        let started = desk.begin("ana", occasion, Wishes { to: vec![lab], ..words("What do you think?") }).unwrap();
        desk.send(&started).unwrap().0
    };
    let sent = forward(false);
    let files: Vec<&str> = sent.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((sent.subject.as_str(), files), ("[#1] Fwd: Scan", vec!["scan.png"]));
    assert!(sent.in_reply_to.is_empty());
    let sent = crate::mail::reading::Reading::of(sent);
    let read = sent.forward.as_ref().and_then(|forward| forward.meant()).unwrap();
    assert_eq!((read.comment.as_str(), read.text.as_str()), ("What do you think?", "see there"));
    let sent = forward(true);
    assert_eq!(sent.attachments.len(), 1, "{:?}", sent.attachments);
    assert_eq!(sent.enclosed.unwrap().text.trim(), "see there");
    assert_eq!(desk.case().waiting_for, WaitingFor::Nobody, "only an answer ends the waiting");
}

#[test]
fn a_draft_is_the_letter_and_becomes_the_mail() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let file = |name: &str, bytes: &[u8]| OutgoingAttachment {
        name: name.into(),
        content_type: "application/pdf".into(),
        bytes: bytes.into(),
    };
    let bcc = vec![Mailbox { name: "B".into(), address: "b@x.example".into() }];
    let wishes = Wishes {
        bcc,
        markdown: true,
        attachments: vec![file("ä.pdf", b"\0\r\n"), file("b.pdf", b"")],
        status: Some(CaseStatus::Pending),
        ..words("Dear *Eva*,\n\n  indented\n-- \nme\n")
    };
    let mut started = desk.begin("ana", Occasion::Case(&case), wishes).unwrap();
    let id = desk.write(|tx, world| kept(tx, world, &started)).unwrap();
    let email = |id: i64| desk.store.read(|tx| emails::by_id(tx, id, Sight::User(1, Levels::USUAL))).unwrap();
    assert_eq!(email(id).unwrap().case_id(), None);
    assert!(
        desk.store.read(|tx| emails::by_id(tx, id, Sight::User(2, Levels::USUAL))).unwrap().is_none(),
        "nobody else sees it"
    );
    let resume = || {
        let draft = email(id).unwrap();
        desk.write(|tx, world| resume(tx, world, &actor(tx, "ana")?, &draft)).unwrap()
    };
    let resumed = resume();
    assert_eq!(resumed.letter.text.trim_end(), started.letter.text.trim_end());
    started.letter.text.clone_from(&resumed.letter.text);
    started.letter.head.subject.clone_from(&resumed.letter.head.subject);
    assert_eq!(resumed.letter, started.letter);
    assert_eq!((resumed.place.clone(), resumed.sender.clone()), (started.place.clone(), started.sender.clone()));

    search::index::fill(&desk.store, &|| true).unwrap();
    let found = |word: &str| -> Vec<i64> {
        let words = crate::query::Words { text: word.into(), begins: false };
        let condition = crate::query::Tree::Is(search::Test::Words(words));
        let query = emails::EmailQuery { condition, ..Default::default() };
        let rows = desk.store.read(|tx| emails::list(tx, &query, Sight::Everything)).unwrap();
        rows.iter().map(|row| row.email.id).collect()
    };
    let first_source = email(id).unwrap().raw_id.unwrap();
    assert_eq!(found("indented"), [id]);
    let edited = Started { letter: Letter { text: "Hello".into(), ..resumed.letter.clone() }, ..resumed };
    assert_eq!(desk.write(|tx, world| kept(tx, world, &edited)).unwrap(), id, "the id stays");
    assert!(found("indented").is_empty(), "the index goes with it");
    assert_eq!(found("Hello"), [id]);
    assert!(desk.store.read(|tx| raw::bytes(tx, first_source)).is_err(), "the old text is nowhere");

    let news_of = |started: &Started| desk.store.read(|tx| news(tx, started, Sight::Everything)).unwrap();
    assert!(news_of(&resume()).is_none());
    desk.write(|tx, _| put(tx, b"From: eva@customer.example\r\nMessage-ID: <q3@x>\r\n\r\nHurry\r\n", Some(case.id)))
        .unwrap();
    let news = news_of(&resume()).unwrap();
    assert!(news.starts_with("case #1: since this was begun a mail came from eva@customer.example"), "{news}");

    let (sent, sent_id) = desk.send(&resume()).unwrap();
    assert_eq!((sent_id, sent.text.trim_end()), (id, "Hello"));
    assert_eq!(sent.html.as_deref().map(str::trim), Some("<p>Hello</p>"));
    assert_eq!(addresses(&desk.store.read(|tx| emails::addresses(tx, id, Field::Bcc)).unwrap()), "b@x.example");
    assert_eq!((email(id).unwrap().status, email(id).unwrap().case_id()), (EmailStatus::Sending, Some(case.id)));
    assert_eq!(desk.case().status, CaseStatus::Pending);
    let gone = email(id).unwrap();
    let again = desk.write(|tx, world| super::resume(tx, world, &actor(tx, "ana")?, &gone));
    assert!(again.unwrap_err().to_string().contains("is no draft"));
}

#[test]
fn a_draft_that_is_another_now_is_neither_sent_again_nor_written_over() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("First.")).unwrap();
    let keep = |started: &Started| desk.write(|tx, world| kept(tx, world, started));
    let id = keep(&started).unwrap();
    let email = || desk.store.read(|tx| emails::by_id(tx, id, Sight::Everything)).unwrap().unwrap();
    let text = || desk.store.read(|tx| emails::text(tx, id)).unwrap();
    let resume = || {
        let email = email();
        desk.write(|tx, world| resume(tx, world, &actor(tx, "ana")?, &email)).unwrap()
    };
    let refused = |started: &Started, what: &str| {
        let (sent, kept) = (desk.send(started).unwrap_err(), keep(started).unwrap_err());
        let expected = format!("draft {id}: {what} meanwhile");
        assert_eq!((sent.to_string(), kept.to_string()), (expected.clone(), expected));
    };
    let mut old = resume();
    old.letter.text = "From the other window.".into();
    let mut new = resume();
    new.letter.text = "Second.".into();
    assert_eq!(keep(&new).unwrap(), id);
    refused(&old, "was changed");
    assert_eq!(text().trim_end(), "Second.");

    let (new, twice) = (resume(), resume());
    desk.send(&new).unwrap();
    refused(&twice, "was sent");
    assert_eq!((email().status, text().trim_end()), (EmailStatus::Sending, "Second."));
    assert_eq!(desk.store.read(|tx| rows::list(tx, &[])).unwrap().len(), 1);

    let gone = Started { draft: Some(Kept { email_id: 99, raw_id: 1 }), ..started };
    let error = desk.send(&gone).unwrap_err();
    assert_eq!(error.to_string(), "draft 99: was deleted meanwhile");
}

#[test]
fn a_forward_of_sent_mail_does_not_say_who_got_it_unseen() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let copy =
        "From: ana@staff.example\r\nTo: eva@customer.example\r\nBcc: boss@staff.example\r\nSubject: x\r\n\r\nHi\r\n";
    let email = desk.write(|tx, _| put(tx, copy.as_bytes(), Some(case.id))).unwrap();
    for attached in [true, false] {
        let occasion = Occasion::Forward { email: &email, case: Some(&case), attached };
        let to = vec![Mailbox { name: String::new(), address: "lab@x.example".into() }];
        let started = desk.begin("ana", occasion, Wishes { to, ..words("See.") }).unwrap();
        let queued = desk.write(|tx, world| sent(tx, world, &Actor::Administrator, &started, None)).unwrap();
        let raw_id = desk.store.read(|tx| rows::by_id(tx, queued.outbox_id)).unwrap().unwrap().raw_id;
        let bytes = desk.store.read(|tx| raw::bytes(tx, raw_id)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("eva@customer.example") && !text.contains("boss@"), "{text}");
    }
}

#[test]
fn what_cannot_be_sent_is_named() {
    let desk = desk(QUESTION.as_bytes());
    let desk = Desk { config: Config { attachment_max_size: 10, ..Config::default() }, ..desk };
    let case = desk.case();
    let refused = |started: &Started, at: Option<Timestamp>| {
        let queued = desk.write(|tx, world| sent(tx, world, &Actor::Administrator, started, at));
        queued.unwrap_err().to_string()
    };
    let good = desk.begin("ana", Occasion::Case(&case), words("x")).unwrap();
    let with = |change: &dyn Fn(&mut Letter)| {
        let mut started = good.clone();
        change(&mut started.letter);
        started
    };
    assert!(refused(&with(&|l| l.head = Head::default()), None).starts_with("To: "));
    assert!(refused(&with(&|l| l.text = " \n".into()), None).starts_with("text: "));
    let file = OutgoingAttachment { bytes: vec![0; 11], ..OutgoingAttachment::default() };
    assert!(refused(&with(&|l| l.attachments.push(file.clone())), None).contains("more than attachment_max_size, 10B"));
    assert!(refused(&good, Some(NOW)).starts_with("--at: "));
    assert_eq!(desk.store.read(|tx| rows::list(tx, &[])).unwrap(), []);
    assert!(desk.begin("ana", Occasion::New, Wishes { status: Some(CaseStatus::Closed), ..words("x") }).is_err());
}

#[test]
fn mail_for_later_waits_for_its_time() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("x")).unwrap();
    let at = NOW + jiff::SignedDuration::from_hours(100);
    let (row, sent) = desk
        .write(|tx, world| {
            let row = rows::by_id(tx, sent(tx, world, &Actor::Administrator, &started, Some(at))?.outbox_id)?.unwrap();
            let sent = message::parse(&raw::bytes(tx, row.raw_id)?);
            Ok((row, sent))
        })
        .unwrap();
    assert_eq!((row.next_try_at, row.due_since(), sent.date), (at, at, Some(at)));
    let due = |now: Timestamp| desk.store.read(|tx| rows::accounts_due(tx, now)).unwrap();
    assert!(due(at - jiff::SignedDuration::from_secs(1)).is_empty());
    assert_eq!(due(at), [1]);
    let queue = |now: Timestamp| desk.store.read(|tx| rows::queue(tx, &(NOW..now), now)).unwrap();
    let (early, late) = (queue(NOW), queue(at));
    assert_eq!((early.waiting, early.scheduled, early.oldest), (1, 1, None), "no monitoring takes it for late");
    assert_eq!((late.waiting, late.scheduled, late.oldest), (1, 0, Some(at)));
}

/// Text that tries to be more than a value of a header (promise S2).
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        "[a-zA-Z:\r\n\t \0<>\"\\\\,;=?@().\u{85}\u{2028}ü-]{0,80}",
        "[a-z\r\n]{0,5}(\r\n|\n|\r)(Bcc|To|Content-Type|Reply-To): [a-z@]{0,8}(\r\n\r\n|\n\n)[a-z.\r\n-]{0,40}",
        "=\\?utf-8\\?[QB]\\?[A-Za-z0-9=_+/]{0,30}\\?=",
    ]
}

#[test]
fn nothing_that_somebody_wrote_becomes_a_field_of_ours() {
    let seed = 20_260_101;
    let config = Runs { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, cases: 150, ..Runs::default() };
    let strategy = (hostile(), hostile(), hostile(), hostile(), hostile());
    let ended = TestRunner::new(config).run(&strategy, |(theirs, name, subject, file, id)| {
        let raw = format!(
            "From: \"{theirs}\" <eva@customer.example>\r\nReply-To: {theirs} <eva@customer.example>\r\nCc: {name} <c@x.example>\r\n\
             Subject: {theirs}\r\nMessage-ID: <{id}@x>\r\nReferences: {theirs} <{id}>\r\n\r\n{theirs}\r\n"
        );
        let desk = desk(raw.as_bytes());
        desk.change("support", |account| {
            account.sending.from_name = Some(name.clone());
            account.sending.signature.clone_from(&name);
        });
        let case = desk.case();
        let attachment = OutgoingAttachment { name: file.clone(), content_type: file.clone(), bytes: file.clone().into() };
        let lab = Mailbox { name: file.clone(), address: "lab@x.example".into() };
        let wishes = Wishes {
            cc: vec![lab],
            subject: Some(subject.clone()).filter(|subject| !subject.is_empty()),
            markdown: true,
            quote: true,
            attachments: vec![attachment],
            ..words("x")
        };
        // A mangled From leaves nobody to answer to, which is an answer too.
        let Ok(started) = desk.begin("ana", Occasion::Case(&case), wishes) else { return Ok(()) };
        let bytes = desk
            .write(|tx, world| {
                let row = rows::by_id(tx, sent(tx, world, &Actor::Administrator, &started, None)?.outbox_id)?.unwrap();
                raw::bytes(tx, row.raw_id)
            })
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names = head.replace("\r\n ", " ");
        let names: Vec<&str> = names.split("\r\n").map(|line| line.split_once(':').unwrap().0).collect();
        let known = "Date From Reply-To To Cc Subject Message-ID In-Reply-To References MIME-Version Content-Type";
        let mut expected = known.split(' ');
        prop_assert!(names.iter().all(|name| expected.any(|known| known == *name)), "{names:?}");
        let sent = message::parse(text.as_bytes());
        prop_assert_eq!(addresses(&sent.reply_to), "support@desk.example");
        prop_assert_eq!(addresses(&sent.from), "support@desk.example");
        prop_assert!(sent.subject.starts_with("[#1]"), "{}", sent.subject);
        Ok(())
    });
    assert!(ended.is_ok(), "seed {seed}: {ended:?}");
}

#[test]
fn a_letter_whose_case_changes_while_it_is_composed_is_planned_again() {
    let desk = desk(QUESTION.as_bytes());
    let started = desk.begin("ana", Occasion::Case(&desk.case()), words("Hello.")).unwrap();
    let ready =
        || desk.write(|tx, world| plan(tx, world, &Actor::Administrator, &started, None)).unwrap().compose().unwrap();
    let draft =
        || desk.write(|tx, world| plan_draft(tx, world, &Actor::Administrator, &started)).unwrap().compose().unwrap();
    let (old, old_draft) = (ready(), draft());
    // The case is merged into another one meanwhile.
    let case = desk.case();
    let other = NewCase {
        number: 77,
        key: "00000000000000ff",
        name: "Help",
        account_id: case.account_id,
        ..NewCase::default()
    };
    let merge = |tx: &Tx<'_>| cases::set_merged(tx, case.id, cases::add(tx, &other, NOW)?);
    desk.store.write(merge).unwrap();
    let sent = |letter: &Ready<'_>| desk.write(|tx, world| send(tx, world, &Actor::Administrator, letter));
    let kept = |letter: &Ready<'_>| desk.write(|tx, world| keep(tx, world, &Actor::Administrator, letter));
    assert!(sent(&old).unwrap_err().is::<Outdated>());
    assert!(kept(&old_draft).unwrap_err().is::<Outdated>());
    assert!(desk.store.read(|tx| rows::list(tx, &[])).unwrap().is_empty());
    let queued = sent(&ready()).unwrap();
    let row = desk.store.read(|tx| rows::by_id(tx, queued.outbox_id)).unwrap().unwrap();
    assert!(row.subject.contains("[#77]") && row.message_id.contains("00000000000000ff"), "{row:?}");
    kept(&draft()).unwrap();
}
