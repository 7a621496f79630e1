//! Who is who: whom an answer reaches, and in whose name somebody speaks (B4.9-B4.13, B9.2, B13.4). On a real database in
//! memory, message by message.

mod agents;
mod lists;
mod machines;
mod model;
mod names;
mod reports;
mod screen;

use espomail::access::Actor;
use espomail::desk::{self, Former};
use espomail::intake::case_status;
use espomail::intake::import::Imported;
use espomail::intake::world::World;
use espomail::reply::{self, Occasion, Started, Wishes};
use espomail::store::accounts::Account;
use espomail::store::cases::{self, Case, CaseStatus, Role};
use espomail::store::db::Tx;
use espomail::store::emails;
use espomail::store::records::{Parent, ParentType};
use espomail::store::sight::Sight;

use crate::support::Letter;
use crate::support::{Office, found_by, from, office};

/// The desk's own mail server.
const MX: &str = "mx.desk.example";

/// An office whose accounts can send.
fn desk() -> Office {
    office(|account| account.smtp.host = Some("127.0.0.1".into()))
}

/// The same with a mail server that vouches for authors.
fn judging(change: impl Fn(&mut Account)) -> Office {
    office(|account| {
        account.smtp.host = Some("127.0.0.1".into());
        account.fetching.authserv_id = Some(MX.into());
        change(account);
    })
}

/// A letter with the verdict of the desk's mail server.
fn judged(address: &str, subject: &str, verdict: &str) -> Letter {
    from(address, subject).header("Authentication-Results", &format!("{MX}; dmarc={verdict}"))
}

impl Office {
    fn act<T>(&self, act: impl FnOnce(&Tx<'_>, &World<'_>, &Actor) -> anyhow::Result<T>) -> T {
        let work = |tx: &Tx<'_>| act(tx, &World::load(tx, &self.config, self.now)?, &Actor::Administrator);
        self.store.write(work).unwrap()
    }

    fn by_number(&self, number: i64) -> Case {
        self.store.read(|tx| cases::by_number(tx, number, Sight::Everything)).unwrap().unwrap()
    }

    fn begun(&self, number: i64) -> anyhow::Result<Started> {
        let case = self.by_number(number);
        self.store.write(|tx| {
            let world = World::load(tx, &self.config, self.now)?;
            let wishes = Wishes { text: "Hello".into(), quote: true, ..Wishes::default() };
            reply::begin(tx, &world, &Actor::Administrator, Occasion::Case(&case), wishes)
        })
    }

    /// To and Cc of an answer to the case.
    fn answered(&self, number: i64) -> (String, String) {
        let head = self.begun(number).unwrap().letter.head;
        (addresses(&head.to), addresses(&head.cc))
    }

    /// Answers a case; the Message-ID with its brackets.
    fn reply(&self, number: i64) -> String {
        let started = self.begun(number).unwrap();
        self.send(&started)
    }

    fn send(&self, started: &Started) -> String {
        self.act(|tx, world, actor| {
            let queued = reply::send(tx, world, actor, &reply::plan(tx, world, actor, started, None)?.compose()?)?;
            let id: Option<String> = tx.value("SELECT message_id FROM outbox WHERE id = ?1", [queued.outbox_id])?;
            tx.execute("UPDATE outbox SET state = 'sent'", [])?;
            tx.execute("UPDATE outbox_recipients SET state = 'sent' WHERE state = 'waiting'", [])?;
            tx.execute("UPDATE emails SET status = 'Sent' WHERE status = 'Sending'", [])?;
            Ok(format!("<{}>", id.unwrap()))
        })
    }

    /// Forwards an email of a case to somebody; the Message-ID with its brackets.
    fn forward(&self, email_id: i64, to: &str) -> String {
        let started = self.act(|tx, world, actor| {
            let email = emails::by_id(tx, email_id, Sight::Everything)?.unwrap();
            let case = email.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
            let to = vec![espomail::mail::address::Mailbox { name: String::new(), address: to.into() }];
            let wishes = Wishes { to, text: "Please look".into(), ..Wishes::default() };
            let occasion = Occasion::Forward { email: &email, case: case.as_ref(), attached: false };
            reply::begin(tx, world, actor, occasion, wishes)
        });
        self.send(&started)
    }

    fn close(&self, number: i64) {
        self.act(|tx, world, _| {
            let case = cases::by_number(tx, number, Sight::Everything)?.unwrap();
            case_status::set(tx, world, &case, CaseStatus::Closed, None)
        });
    }

    /// `status waiting_for` of a case.
    fn state(&self, number: i64) -> String {
        let case = self.by_number(number);
        format!("{} {}", case.status, case.waiting_for)
    }

    fn is_verified(&self, mail: &Imported) -> bool {
        let id = mail.email_id.unwrap();
        self.store.read(|tx| emails::by_id(tx, id, Sight::Everything)).unwrap().unwrap().verified
    }

    /// `address role` of everybody in a case.
    fn people(&self, number: i64) -> Vec<String> {
        let case = self.by_number(number);
        let people = self.store.read(|tx| cases::people(tx, case.id, Sight::Everything)).unwrap();
        people.iter().map(|person| format!("{} {}", person.address, person.role)).collect()
    }

    fn decision(&self, mail: &Imported, step: &str) -> String {
        let id = mail.email_id.unwrap();
        let all = self.store.read(|tx| emails::decisions(tx, id)).unwrap();
        all.into_iter().rev().find(|(of, _, _)| of == step).map(|(_, text, _)| text).unwrap_or_default()
    }

    fn cases(&self) -> usize {
        self.query("SELECT number || '' FROM cases").len()
    }
}

fn addresses(mailboxes: &[espomail::mail::address::Mailbox]) -> String {
    mailboxes.iter().map(|m| m.address.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_form_writes_for_many_people_and_each_has_a_case_of_their_own() {
    let office = desk();
    for n in 1..=24 {
        let form = from("Shop <wordpress@shop.example>", &format!("Contact form {n}"));
        let mail = office.deliver(&form.reply_to(&format!("C{n} <c{n}@one.example>")));
        assert_eq!(office.case_of(&mail), n);
        assert_eq!(office.answered(n).0, format!("c{n}@one.example"));
    }
    let said =
        office.decision(&office.deliver(&from("wordpress@shop.example", "x").reply_to("d@one.example")), "sender");
    assert!(said.starts_with("d@one.example by way of wordpress@shop.example (a stranger's form"), "{said}");
    // One form that floods the desk is a flood all the same.
    let office = desk();
    let form = |n: usize| from("wordpress@shop.example", &format!("Spam {n}")).reply_to(&format!("c{n}@one.example"));
    for n in 1..=203 {
        office.deliver(&form(n));
    }
    assert_eq!(office.cases(), 200);
}

#[test]
fn the_supplier_whom_we_asked_is_never_answered_in_the_place_of_the_customer() {
    let office = desk();
    let question = office.deliver(&from("Eva <eva@customer.example>", "Printer").body("It smokes.\n"));
    let forward = office.forward(question.email_id.unwrap(), "lab@supplier.example");
    assert_eq!(office.people(1), ["eva@customer.example customer", "lab@supplier.example third party"]);
    assert_eq!(office.state(1), "Assigned us", "to forward is not to answer");
    let opinion = from("lab@supplier.example", "Re: Printer").in_reply_to(&forward).body("It is their own fault.\n");
    let opinion = office.deliver(&opinion);
    assert_eq!((office.case_of(&opinion), office.is_verified(&opinion)), (1, true));
    let started = office.begun(1).unwrap();
    assert_eq!(addresses(&started.letter.head.to), "eva@customer.example");
    assert!(started.letter.text.contains("> It smokes.") && !started.letter.text.contains("fault"), "{started:?}");
    let out: Vec<String> = started.left_out.iter().map(|(m, role)| format!("{} {role}", m.address)).collect();
    assert_eq!(out, ["lab@supplier.example third party"]);
    office.reply(1);
    office.close(1);
    office.deliver(&from("lab@supplier.example", "Thanks").in_reply_to(&forward));
    assert_eq!(office.state(1), "Closed customer", "a third party opens nothing again");
    // What the supplier writes reaches the assignee all the same.
    let told = office.query("SELECT text FROM notifications WHERE kind = 'email'");
    assert!(told.iter().any(|text| text.contains("lab@supplier.example")), "{told:?}");
    office.deliver(&from("eva@customer.example", "Re: Printer [#1]"));
    assert_eq!(office.state(1), "Assigned us");
}

#[test]
fn the_linked_contact_is_the_customer_and_the_telephone_service_is_not() {
    let office = desk();
    office.deliver(&from("calls@answering.example", "Call for you"));
    office.sql("INSERT INTO contacts (id, name, created_at) VALUES (1, 'Eva', 0)");
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id, is_primary)
            VALUES ('eva@customer.example', 'contact', 1, TRUE)",
    );
    let contact = Parent { kind: ParentType::Contact, id: 1 };
    let link = |former| office.act(|tx, world, actor| desk::link(tx, world, actor, &office_case(tx), contact, former));
    link(Former::ThirdParty);
    assert_eq!(office.answered(1).0, "eva@customer.example");
    assert_eq!(office.people(1), ["calls@answering.example third party"]);
    office
        .act(|tx, world, actor| desk::unlink(tx, world, actor, &office_case(tx), ParentType::Contact, None).map(drop));
    assert_eq!(office.answered(1).0, "calls@answering.example", "who opened it is the customer again");
    link(Former::Address);
    assert_eq!(office.answered(1).0, "calls@answering.example", "it is an address of Eva, who wrote from there");
    office
        .act(|tx, world, actor| desk::unlink(tx, world, actor, &office_case(tx), ParentType::Contact, None).map(drop));
    office.sql("DELETE FROM record_addresses WHERE address = 'calls@answering.example'");
    link(Former::Copied);
    assert_eq!(office.answered(1), ("eva@customer.example".into(), "calls@answering.example".into()));
}

fn office_case(tx: &Tx<'_>) -> Case {
    cases::by_number(tx, 1, Sight::Everything).unwrap().unwrap()
}

#[test]
fn unverified_mail_has_a_place_and_is_told_once_an_hour() {
    let mut office = desk();
    office.deliver(&from("eva@firm.example", "Help"));
    let ours = office.reply(1);
    office.close(1);
    office.sql("UPDATE cases SET assigned_user_id = NULL");
    let told = |office: &Office| office.query("SELECT text FROM notifications WHERE kind = 'email' ORDER BY id");
    let other = office.deliver(&from("other@firm.example", "Re: Help").in_reply_to(&ours));
    assert_eq!((office.case_of(&other), office.is_verified(&other)), (1, false));
    assert_eq!(office.state(1), "Closed customer");
    assert_eq!(told(&office).len(), 1, "the case team hears of it: {:?}", told(&office));
    for n in 0..60 {
        office.deliver(&from(&format!("s{n}@firm.example"), "Re: Help").in_reply_to(&ours));
    }
    assert_eq!(told(&office).len(), 1);
    assert!(told(&office)[0].contains("61 unverified mails within an hour"), "{:?}", told(&office));
    office.now += jiff::SignedDuration::from_hours(2);
    office.deliver(&from("late@firm.example", "Re: Help").in_reply_to(&ours).date(office.now));
    assert_eq!(told(&office).len(), 2);
    let waiting = |office: &Office| office.store.read(|tx| emails::count_undecided(tx, Sight::Everything)).unwrap();
    assert_eq!(waiting(&office), 62);
    // Accepted, refused, answered: each is a decision.
    let id = other.email_id.unwrap();
    office.act(|tx, world, actor| desk::accept(tx, world, actor, id, false));
    assert_eq!(office.state(1), "New us", "what its arrival would have done");
    assert_eq!(office.answered(1).1, "other@firm.example");
    office.act(|tx, world, actor| desk::refuse(tx, world, actor, id + 1));
    assert_eq!(waiting(&office), 60);
}

#[test]
fn mail_rewritten_by_our_own_list_belongs_to_its_author() {
    let office = desk();
    let list = |subject: &str| {
        from("\"'Eva' via Support\" <support@desk.example>", subject)
            .reply_to("eva@strict.example")
            .header("X-Original-From", "eva@strict.example")
            .header("List-Id", "<support.desk.example>")
    };
    office.deliver(&list("Help"));
    assert_eq!(office.answered(1).0, "eva@strict.example");
    assert_eq!(office.people(1), ["eva@strict.example customer"]);
    let ours = office.reply(1);
    let later = office.deliver(&list("Re: Help").in_reply_to(&ours));
    assert_eq!(
        (office.case_of(&later), office.is_verified(&later), office.state(1).as_str()),
        (1, true, "Assigned us")
    );
}

#[test]
fn a_leaked_id_makes_nobody_one_of_us() {
    let office = judging(|_| {});
    office.deliver(&judged("eva@customer.example", "Help", "pass"));
    let ours = office.reply(1);
    office.close(1);
    for verdict in ["none", "fail", "pass header.from=evil.example"] {
        let forged = judged("ana@staff.example", "Re: Help", verdict).cc("thief@evil.example").in_reply_to(&ours);
        let forged = office.deliver(&forged);
        assert_eq!((office.case_of(&forged), office.is_verified(&forged)), (1, false), "{verdict}");
        let kind = office.query("SELECT kind FROM notes ORDER BY id DESC LIMIT 1");
        assert_eq!(kind, ["email-received"], "{verdict}: it is not shown as ours");
    }
    assert_eq!(office.state(1), "Closed customer");
    let thief = office.deliver(&judged("thief@evil.example", "[#1] open it", "pass"));
    assert_eq!(office.case_of(&thief), 2, "who was copied by a forger takes no part");
    assert_eq!(office.answered(1).0, "eva@customer.example");
}

#[test]
fn mail_without_a_verdict_is_unproven_where_a_mail_server_judges() {
    let office = judging(|_| {});
    office.deliver(&judged("eva@customer.example", "Help", "pass header.from=customer.example"));
    office.close(1);
    let plain = |head: &str| {
        let bytes = format!(
            "{head}To: support@desk.example\r\nSubject: [#1] open it\r\nMessage-ID: <x{}@evil.example>\r\n\r\nx\r\n",
            head.len()
        );
        office.deliver(&Letter::of(&bytes))
    };
    let verdict = |said: &str| format!("Authentication-Results: {MX}; {said}\r\n");
    for head in [
        format!("{}From: eva@customer.example, a@evil.example\r\n", verdict("dmarc=pass header.from=evil.example")),
        format!("{}From: <a@evil.example><eva@customer.example>\r\n", verdict("dmarc=pass header.from=evil.example")),
        format!(
            "{}From: eva@customer.example\r\nFrom: a@evil.example\r\n",
            verdict("dmarc=pass header.from=evil.example")
        ),
        format!("{}From: <@evil.example:eva@customer.example>\r\n", verdict("dmarc=pass")),
        format!("{}From: eva@customer.example\r\n", verdict("dmarc=temperror")),
        format!("{}From: eva@customer.example\r\n", verdict("spf=pass smtp.mailfrom=evil.example")),
        "From: eva@customer.example\r\n".to_owned(),
    ] {
        let mail = plain(&head);
        assert_ne!(office.case_of(&mail), 1, "{head}");
        assert_eq!(office.state(1), "Closed us", "{head}");
        assert!(office.decision(&mail, "sender").contains("not believed"), "{}", office.decision(&mail, "sender"));
    }
    // Two milters of one server write a field each.
    let both = verdict("spf=pass smtp.mailfrom=x.example") + &verdict("dmarc=pass header.from=customer.example");
    assert_eq!(office.case_of(&plain(&format!("{both}From: eva@customer.example\r\n"))), 1);
    assert_eq!(office.state(1), "Assigned us");
    // A domain without a policy is trusted, unless the account refuses it.
    let trusted = office.deliver(&judged("lee@nopolicy.example", "Mine", "none"));
    let number = office.case_of(&trusted);
    office.deliver(&judged("lee@nopolicy.example", &format!("[#{number}] more"), "none"));
    assert_eq!(office.query("SELECT count(*) || '' FROM emails WHERE from_address = 'lee@nopolicy.example'"), ["2"]);
    let strict = judging(|account| account.fetching.dmarc_none = espomail::store::accounts::DmarcNone::Refuse);
    strict.deliver(&judged("lee@nopolicy.example", "Mine", "none"));
    assert_eq!(strict.case_of(&strict.deliver(&judged("lee@nopolicy.example", "[#1] more", "none"))), 2);
}

#[test]
fn forged_mail_uses_up_nobodys_share() {
    let mut office = judging(|_| {});
    office.config.case_burst = 20;
    for n in 0..20 {
        office.deliver(&judged("eva@customer.example", &format!("Forged {n}"), "fail"));
    }
    let real = office.deliver(&judged("eva@customer.example", "Real", "pass"));
    assert_eq!(office.case_of(&real), 21, "a case of its own");
    let forged = office.deliver(&judged("eva@customer.example", "Forged again", "fail"));
    assert_eq!(office.case_of(&forged), 20);
}

#[test]
fn a_strangers_form_speaks_for_nobody() {
    let office = judging(|account| account.cases.create_contact = true);
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Vera', 1, 0)");
    office
        .sql("INSERT INTO record_addresses (address, record_type, record_id) VALUES ('v@sinar.example', 'contact', 1)");
    office.deliver(&judged("no-reply@evil.example", "Transfer", "pass").reply_to("v@sinar.example"));
    assert_eq!(office.query("SELECT coalesce(contact_id, 0) || '/' || coalesce(company_id, 0) FROM cases"), ["0/0"]);
    assert_eq!(office.answered(1).0, "v@sinar.example", "who is behind it is answered");
    office.deliver(&judged("v@sinar.example", "Mine", "pass"));
    let ours = office.reply(2);
    office.close(2);
    let form = office
        .deliver(&judged("no-reply@evil.example", "Re: Mine", "pass").reply_to("v@sinar.example").in_reply_to(&ours));
    assert_eq!(
        (office.case_of(&form), office.is_verified(&form), office.state(2).as_str()),
        (2, false, "Closed customer")
    );
}

#[test]
fn a_report_proves_itself_before_it_changes_anything() {
    let office = judging(|_| {});
    office.deliver(&judged("v@customer.example", "Help", "pass").cc("a@evil.example"));
    let ours = office.reply(1);
    office.sql("UPDATE outbox_recipients SET state = 'waiting' WHERE address = 'v@customer.example'");
    let report = |sender: &str, verdict: &str| {
        judged(sender, "Undelivered Mail Returned to Sender", verdict)
            .header("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
            .body(&format!(
                "--b\n\nfailed\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
                 Final-Recipient: rfc822; v@customer.example\nAction: failed\nStatus: 5.1.1\n\
                 Diagnostic-Code: smtp; 550 5.1.1 user unknown\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ours}\n\n--b--\n"
            ))
    };
    let recipient = || {
        office
            .query("SELECT state || ' ' || reply FROM outbox_recipients WHERE address = 'v@customer.example'")
            .remove(0)
    };
    office.deliver(&report("mailer-daemon@evil.example", "pass"));
    assert_eq!(recipient(), "waiting ", "what still waits is not stopped");
    office.sql("UPDATE outbox_recipients SET state = 'sent' WHERE address = 'v@customer.example'");
    office.deliver(&report("mailer-daemon@evil.example", "pass"));
    assert!(recipient().starts_with("sent reported failed: "), "{}", recipient());
    assert_eq!(office.query("SELECT address FROM invalid_addresses").len(), 0);
    assert_eq!(office.state(1), "Assigned customer");
    office.deliver(&report("mailer-daemon@customer.example", "pass"));
    assert!(recipient().starts_with("failed 550 5.1.1"), "{}", recipient());
    assert_eq!(office.query("SELECT address FROM invalid_addresses"), ["v@customer.example"]);
}

#[test]
fn what_is_absent_is_not_equal() {
    let office = desk();
    let fax = |subject: &str, file: &str| {
        from("fax@device.example", subject)
            .message_id("<fax@device.example>")
            .header("Date", "Thu, 01 Jan 1970 00:00:00 +0000")
            .header("Content-Type", "multipart/mixed; boundary=b")
            .body(&format!("--b\n\nFax\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=f.pdf\n\n{file}\n--b--\n"))
    };
    office.deliver(&fax("Fax of 9:00", "one"));
    office.deliver(&fax("Fax of 10:00", "two"));
    office.deliver(&fax("Fax of 10:00", "three"));
    assert_eq!(office.query("SELECT count(*) || '' FROM emails WHERE automatic = '' AND status = 'Archived'"), ["3"]);
    // The same where no folder tells them apart, and where neither date nor text says anything.
    for date in [None, Some("Thu, 01 Jan 1970 00:00:00 +0000"), Some("Sat, 01 Jan 2000 00:04:00 +0000")] {
        for ingested in [true, false] {
            let office = desk();
            for file in ["one", "two", "three", "three"] {
                let scan = fax("Scan", file).without("Date");
                let scan = match date {
                    Some(date) => scan.header("Date", date),
                    None => scan,
                };
                if ingested {
                    office.ingest(&scan)
                } else {
                    office.deliver_to(i64::from(file.len() > 3) + 1, &scan)
                };
            }
            let kept = office.query("SELECT count(*) || '' FROM emails WHERE from_address = 'fax@device.example'");
            assert_eq!(kept, ["3"], "{date:?} {ingested}");
        }
    }
    // With a date of its own, by another account: one email, and its other files are seen.
    let office = desk();
    let dated = |file: &str| fax("Scan", file).date(office.now);
    office.deliver(&dated("one"));
    office.deliver_to(2, &dated("two"));
    let noted = office.query("SELECT text FROM notes WHERE kind = 'remark'");
    assert!(noted.iter().any(|text| text.contains("other attachments")), "{noted:?}");
    let form =
        |text: &str| from("form@shop.example", "Order").message_id("<form@shop.example>").without("Date").body(text);
    let office = desk();
    for text in ["One chair\n", "Two tables\n", "Two tables\n"] {
        office.deliver(&form(text));
    }
    assert_eq!(office.query("SELECT count(*) || '' FROM emails WHERE from_address = 'form@shop.example'"), ["2"]);
    // A sender who knows id and date beforehand does not hide the real mail: the mail server tells them apart.
    let office = judging(|_| {});
    let at = office.now;
    let first = |verdict: &str, text: &str| {
        judged("eva@customer.example", "Offer", verdict).message_id("<known@customer.example>").date(at).body(text)
    };
    office.deliver(&first("fail", "Pay to this account\n"));
    office.deliver(&first("pass", "The real one\n"));
    assert_eq!(office.query("SELECT verdict FROM emails ORDER BY id"), ["fail", "pass"]);
    // A variant with another text is seen and found.
    let office = desk();
    let one = from("eva@customer.example", "Offer").message_id("<v@customer.example>");
    office.deliver(&one);
    office.deliver(&one.clone().body("Hello, quite another xylophone\n"));
    let noted = office.query("SELECT text FROM notes WHERE kind = 'remark'");
    assert!(noted.iter().any(|text| text.contains("--variant 1")), "{noted:?}");
    espomail::store::search::index::fill(&office.store, &|| true).unwrap();
    let found = found_by("xylophone");
    assert_eq!(office.query(&found).len(), 1);
}

#[test]
fn a_desk_that_acknowledges_acknowledgements_is_soon_left_alone() {
    let office = desk();
    office.sql("INSERT INTO templates (id, name, subject, body, created_at) VALUES (1, 'ack', 'We got it', 'x', 0)");
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    office.deliver(&from("support+1@other.example", "Question"));
    for n in 2..50 {
        let ours =
            office.query("SELECT subject FROM outbox WHERE kind = 'auto-reply' ORDER BY id DESC LIMIT 1").remove(0);
        office.deliver(&from(&format!("support+id{n}@other.example"), &format!("Ticket {n}: {ours}")));
    }
    assert_eq!(office.query("SELECT count(*) || '' FROM outbox WHERE kind = 'auto-reply'"), ["1"]);
    assert_eq!(office.cases(), 1);
    // Other subjects: the domain has its limit, and forms of one address are one address.
    for n in 0..40 {
        office.deliver(&from(&format!("p{n}@flood.example"), &format!("Own subject {n}")));
        office.deliver(&from(&format!("v+{n}@mailbox.example"), &format!("Plus {n}")));
    }
    let to = |domain: &str| {
        office.query(&format!("SELECT count(*) || '' FROM auto_replies WHERE address LIKE '%@{domain}'")).remove(0)
    };
    assert_eq!((to("flood.example"), to("mailbox.example")), ("20".into(), "1".into()));
}

#[test]
fn roles_go_where_cases_go() {
    let office = desk();
    office.deliver(&from("eva@customer.example", "One").cc("lee@customer.example"));
    office.deliver(&from("kim@other.example", "Two").cc("boss@other.example"));
    let (one, two) = (office.by_number(1), office.by_number(2));
    office.act(|tx, world, actor| desk::merge(tx, world, actor, &two, &one, Role::Copied));
    assert_eq!(
        office.answered(1),
        ("eva@customer.example".into(), "boss@other.example kim@other.example lee@customer.example".into())
    );
    // An agent names the customer; nothing that comes by mail changes that.
    office.act(|tx, world, actor| {
        desk::set_roles(tx, world, actor, &one, &["kim@other.example".to_owned()], Role::Customer)
    });
    assert_eq!(office.answered(1).0, "kim@other.example");
    office.act(|tx, world, actor| {
        desk::set_roles(tx, world, actor, &one, &["lee@customer.example".to_owned()], Role::ThirdParty)
    });
    office.deliver(&from("kim@other.example", "[#1] all of us").cc("lee@customer.example"));
    let (to, cc) = office.answered(1);
    assert_eq!(to, "kim@other.example");
    assert!(!cc.contains("lee@"), "{cc}");
    let noted = office.query("SELECT text FROM notes WHERE kind = 'people'");
    assert_eq!(
        noted,
        ["kim@other.example is the customer from now on", "lee@customer.example is a third party from now on"]
    );
    // A mail to more than 20 people makes nobody a participant.
    let many: Vec<String> = (0..30).map(|n| format!("m{n}@many.example")).collect();
    office.deliver(&from("all@many.example", "To all").cc(&many.join(", ")));
    assert_eq!(office.people(3), ["all@many.example customer"]);
}

#[test]
fn an_address_has_one_form_for_reading_storing_and_sending() {
    let office = desk();
    for (from_field, sent) in [
        ("Try <try..this..0511@docomo.example>", "\"try..this..0511\"@docomo.example"),
        ("\"john q\"@customer.example", "\"john q\"@customer.example"),
    ] {
        let number = office.case_of(&office.deliver(&from(from_field, "Hi")));
        office.reply(number);
        let raw =
            office.query("SELECT outbox_id || ' ' || address FROM outbox_recipients ORDER BY outbox_id DESC LIMIT 1");
        assert_eq!(espomail::mail::address::to_be_sent(raw[0].split_once(' ').unwrap().1).as_deref(), Some(sent));
    }
    // One domain, two spellings: one person.
    let number = office.case_of(&office.deliver(&from("Info <info@m\u{fc}ller.example>", "Eins")));
    let again = office.deliver(&from("info@xn--mller-kva.example", &format!("[#{number}] Zwei")));
    assert_eq!(office.case_of(&again), number);
    assert_eq!(office.answered(number).0, "info@xn--mller-kva.example");
}

#[test]
fn a_sender_without_an_address_is_shown_and_found_and_cannot_be_answered() {
    let office = desk();
    for (field, shown) in
        [("\"Hall 3 telephone\" <+49301234567>", "Hall 3 telephone|+49301234567"), ("root (Cron Daemon)", "root|")]
    {
        let mail = office.deliver(&from(field, "Alarm"));
        let number = office.case_of(&mail);
        assert!(number > 0, "{field}");
        let id = mail.email_id.unwrap();
        assert_eq!(
            office.query(&format!("SELECT from_name || '|' || from_address FROM emails WHERE id = {id}")),
            [shown]
        );
        let refused = office.begun(number).unwrap_err().to_string();
        assert!(refused.contains("has no customer to answer"), "{refused}");
    }
    espomail::store::search::index::fill(&office.store, &|| true).unwrap();
    assert_eq!(office.query(&found_by("49301234567")).len(), 1);
}

#[test]
fn a_users_sent_folder_does_not_lead_round_the_gate() {
    let office = desk();
    office.deliver(&from("eva@customer.example", "Help"));
    office.sql("INSERT INTO users (id, username, login, created_at) VALUES (7, 'eko', 'eko', 0)");
    office.sql("INSERT INTO user_addresses (address, user_id, is_primary) VALUES ('eko@staff.example', 7, TRUE)");
    office.act(|tx, _, _| {
        let mut account = Account::new("eko", espomail::store::accounts::AccountKind::Personal, office.now);
        account.address = "eko@staff.example".into();
        account.user_id = Some(7);
        let id = espomail::store::accounts::add(tx, &account)?;
        tx.execute(
            "INSERT INTO account_folders (account_id, name, position, sent) VALUES (?1, 'INBOX', 0, TRUE)",
            [id],
        )?;
        Ok(())
    });
    let ours = office.reply(1);
    for (sender, why) in [("support@desk.example", "cannot send as"), ("eko@staff.example", "cannot write in the case")]
    {
        let letter = from(sender, "Re: Help").header("To", "eva@customer.example").in_reply_to(&ours);
        let mail = office.deliver_to(3, &letter);
        assert_eq!(office.case_of(&mail), 0, "{sender}");
        let said = office.decision(&mail, "parent");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(office.state(1), "Assigned customer");
}

#[test]
fn who_waits_ends_by_a_telephone_call_too() {
    let office = desk();
    office.deliver(&from("eva@customer.example", "Help"));
    let case = office.by_number(1);
    office.act(|tx, world, actor| desk::answered(tx, world, actor, &case));
    assert_eq!(office.state(1), "Assigned customer");
    office.act(|tx, world, _| espomail::intake::waiting::set(tx, world, &case));
    assert_eq!(office.state(1), "Assigned customer", "also when the clock is told again");
}

#[test]
fn unproven_mail_tells_nobody_who_follows_the_company() {
    let office = judging(|_| {});
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Vera', 1, 0)");
    office
        .sql("INSERT INTO record_addresses (address, record_type, record_id) VALUES ('v@sinar.example', 'contact', 1)");
    office.sql("INSERT INTO users (id, username, type, login, created_at) VALUES (7, 'eko', 'admin', 'eko', 0)");
    office.sql("INSERT INTO followers (parent_type, parent_id, user_id) VALUES ('company', 1, 7)");
    let told = || office.query("SELECT text FROM notifications WHERE user_id = 7 AND kind = 'email'").len();
    let first = office.deliver(&judged("v@sinar.example", "Forged", "fail"));
    assert!(office.case_of(&first) > 0);
    let id = "SELECT message_id FROM emails ORDER BY id LIMIT 1";
    let id = format!("<{}>", office.query(id).remove(0));
    office.deliver(&judged("v@sinar.example", "Forged again", "fail").in_reply_to(&id));
    assert_eq!(told(), 0);
    let real = office.deliver(&judged("v@sinar.example", "Real", "pass"));
    let id = format!(
        "<{}>",
        office.query(&format!("SELECT message_id FROM emails WHERE id = {}", real.email_id.unwrap())).remove(0)
    );
    office.deliver(&judged("v@sinar.example", "Re: Real", "pass").in_reply_to(&id));
    assert!(told() > 0);
}
