//! Who is behind a list or a form (B4.13), and what that proves.

use super::{Office, judged, judging};
use crate::support::Letter;

/// Mail that the desk's own list has rewritten, which its mail server vouches for.
fn by_list(name: &str, subject: &str) -> Letter {
    judged(&format!("\"'{name}' via Support\" <support@desk.example>"), subject, "pass header.from=desk.example")
        .header("List-Id", "<support.desk.example>")
}

fn sender(office: &Office, letter: &Letter) -> String {
    office.decision(&office.deliver(letter), "sender")
}

#[test]
fn nobody_becomes_one_of_us_by_way_of_our_own_list() {
    let office = judging(|account| account.cases.create_contact = true);
    office.deliver(&judged("eva@customer.example", "Help", "pass"));
    let ours = office.reply(1);
    office.close(1);
    let ana = "ana@staff.example";
    for letter in [
        by_list("Eve", "Re: Help").reply_to(ana).header("X-Original-From", "eve@evil.example"),
        by_list("Eve", "Re: Help").reply_to(ana),
        by_list("Eve", "Re: Help").header("X-Original-From", ana),
        by_list("Ana", "Re: Help").reply_to(ana).header("X-Original-From", ana),
        judged("support@desk.example", "Re: Help", "pass").reply_to(ana),
    ] {
        let mail = office.deliver(&letter.in_reply_to(&ours));
        let said = office.decision(&mail, "sender");
        assert!(!said.contains("proven: "), "{said}");
        assert_eq!((office.case_of(&mail), office.is_verified(&mail)), (1, false), "{said}");
        let kind = office.query("SELECT kind FROM notes WHERE email_id IS NOT NULL ORDER BY id DESC LIMIT 1");
        assert_eq!(kind, ["email-received"], "{said}");
        let in_sent = "SELECT user_id || '' FROM email_users WHERE folder = 'sent'";
        assert_eq!(office.query(in_sent).len(), 0, "it lies in nobody's Sent");
    }
    assert_eq!(office.state(1), "Closed customer");
    // No case for an invented customer whose mail "one of us" forwards.
    let contacts = || office.query("SELECT name FROM contacts").len();
    let before = contacts();
    let block = "See below\n\n---------- Forwarded message ---------\nFrom: Victor <victor@victim.example>\nDate: Mon, 1 Jun 2026 10:00\nSubject: Offer\nTo: <ana@staff.example>\n\nPay me\n";
    let forward = by_list("Eve", "Fwd: Offer").reply_to(ana).header("X-Original-From", "eve@evil.example").body(block);
    let number = office.case_of(&office.deliver(&forward));
    assert_eq!(office.answered(number).0, "eve@evil.example");
    assert_eq!(contacts(), before + 1, "Eve is one, Victor is not");
}

#[test]
fn a_customer_is_named_by_the_list_and_not_by_their_own_reply_to() {
    let office = judging(|_| {});
    office.deliver(&judged("eva@customer.example", "Help", "pass"));
    let ours = office.reply(1);
    office.close(1);
    let eva = "eva@customer.example";
    for letter in [
        by_list("Eve", "[#1] open it").reply_to(eva).header("X-Original-From", "eve@evil.example"),
        by_list("Eve", "[#1] open it").reply_to(eva),
        by_list("Eve", "[#1] open it")
            .reply_to(eva)
            .header("X-Original-From", eva)
            .add("X-Original-From", "eve@evil.example"),
    ] {
        assert_ne!(office.case_of(&office.deliver(&letter)), 1);
    }
    // A person who holds our id is attached, and no more than that.
    let held = office.deliver(&by_list("Eve", "Re: Help").reply_to(eva).in_reply_to(&ours));
    assert_eq!((office.case_of(&held), office.is_verified(&held)), (1, false));
    assert_eq!(office.state(1), "Closed customer");
    let real = by_list("Eva", "[#1] more").reply_to(eva).header("X-Original-From", eva);
    assert_eq!(office.case_of(&office.deliver(&real)), 1);
    assert_eq!(office.state(1), "Assigned us");
}

#[test]
fn a_list_or_form_itself_is_nobody() {
    let office = judging(|account| {
        account.form_senders = vec!["forms@shop.example".into()];
        account.cases.create_contact = true;
        account.auto_reply.auto_reply_id = None;
    });
    office.sql("INSERT INTO templates (id, name, subject, body, created_at) VALUES (1, 'ack', 'We got it', 'x', 0)");
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    for letter in [
        judged("Shop <forms@shop.example>", "Form", "pass"),
        judged("Eva via Dev <dev@lists.example>", "List", "pass")
            .reply_to("dev@lists.example")
            .header("List-Post", "<mailto:dev@lists.example>"),
    ] {
        let mail = office.deliver(&letter);
        let number = office.case_of(&mail);
        assert!(office.people(number).is_empty(), "{:?}", office.people(number));
        assert!(office.begun(number).is_err(), "it has no customer");
        let decided = office.decision(&mail, "auto-reply");
        assert!(decided.starts_with("not sent"), "{decided}");
    }
    assert_eq!(office.query("SELECT name FROM contacts").len(), 0);
    // The one in Cc with the name before "via" is who wrote.
    let copied = judged("Eva via Dev <dev@lists.example>", "List", "pass")
        .reply_to("dev@lists.example")
        .cc("Eva <eva@customer.example>, lee@customer.example")
        .header("List-Post", "<mailto:dev@lists.example>");
    let number = office.case_of(&office.deliver(&copied));
    assert_eq!(office.answered(number), ("eva@customer.example".into(), "lee@customer.example".into()));
}

#[test]
fn what_unproven_mail_names_besides_its_author_is_not_used() {
    let office = judging(|account| account.form_senders = vec!["forms@shop.example".into()]);
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Vera', 1, 0)");
    office
        .sql("INSERT INTO record_addresses (address, record_type, record_id) VALUES ('v@sinar.example', 'contact', 1)");
    for form in ["web@desk.example", "forms@shop.example"] {
        office.deliver(&judged(form, "Order", "fail").reply_to("v@sinar.example"));
    }
    let linked = "SELECT count(*) || '' FROM cases WHERE contact_id IS NOT NULL OR company_id IS NOT NULL";
    assert_eq!(office.query(linked), ["0"]);
    let noted = "SELECT text FROM notes WHERE parent_type = 'company'";
    assert_eq!(office.query(noted).len(), 0);
    office.deliver(&judged("forms@shop.example", "Order", "pass").reply_to("v@sinar.example"));
    assert_eq!(office.query(linked), ["1"]);
    // Where a forged From leads to the company, its stream says so.
    office.sql("UPDATE accounts SET create_case = FALSE");
    office.deliver(&judged("v@sinar.example", "Forged", "fail"));
    assert!(office.query(noted).iter().any(|text| text.contains("can be forged")), "{:?}", office.query(noted));
}

#[test]
fn a_user_with_an_account_of_their_own_is_still_one_of_us() {
    let office = judging(|_| {});
    office.act(|tx, _, _| {
        let mut account = super::Account::new("ana", espomail::store::accounts::AccountKind::Personal, office.now);
        account.address = "ana@staff.example".into();
        account.user_id = Some(1);
        espomail::store::accounts::add(tx, &account).map(|_| ())
    });
    let said = sender(&office, &judged("ana@staff.example", "Hello", "pass"));
    assert!(said.contains("from user ana, proven"), "{said}");
}
