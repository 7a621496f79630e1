//! In whose name somebody speaks, and who may have spoken first (B4.2, B4.3, B4.9-B4.11, B5.9, B5.10).

use espomail::desk;
use espomail::store::accounts::OnClosed;
use espomail::store::cases::Role;

use super::{Office, desk as office, judged, judging};
use crate::support::from;

const EVA: &str = "eva@customer.example";

#[test]
fn who_is_named_first_is_not_captured() {
    for (n, (field, theirs)) in
        [("References", false), ("References", true), ("In-Reply-To", false)].into_iter().enumerate()
    {
        let office = judging(|account| account.auto_reply.auto_reply_id = None);
        office
            .sql("INSERT INTO templates (id, name, subject, body, created_at) VALUES (1, 'ack', 'We got it', 'x', 0)");
        office.sql("UPDATE accounts SET auto_reply_id = 1");
        let named = if theirs { "<mine@customer.example>" } else { "<phish@bank.example>" };
        office.deliver(&judged("a@evil.example", "Trap", "pass").reply_to(EVA).header(field, named));
        assert_eq!(office.query("SELECT address FROM auto_replies"), [EVA]);
        // An absence note on our automatic reply is not her mail either.
        let ack = office.query("SELECT message_id FROM outbox WHERE kind = 'auto-reply'").remove(0);
        let away = judged(EVA, "Out of office", "pass").header("Auto-Submitted", "auto-replied");
        office.deliver(&away.in_reply_to(&format!("<{ack}>")));
        let hers = judged(EVA, "A phishing mail", "pass").message_id("<mine@customer.example>");
        let hers = office.deliver(&hers.in_reply_to("<phish@bank.example>"));
        assert_eq!(office.case_of(&hers), 2, "{n}");
        assert_eq!(office.answered(2).0, EVA);
    }
}

#[test]
fn a_new_case_for_a_closed_one_has_the_same_customer() {
    let office = judging(|account| account.cases.on_closed = OnClosed::New);
    office.deliver(&judged(EVA, "Help", "pass").cc("f@customer.example"));
    office.close(1);
    let again = office.deliver(&judged("f@customer.example", "[#1] again", "pass"));
    assert_eq!(office.case_of(&again), 2);
    assert_eq!(office.people(2), ["eva@customer.example customer", "f@customer.example copied"]);
    assert_eq!(office.answered(2), (EVA.into(), "f@customer.example".into()));
    let opened = office.query("SELECT address FROM case_people WHERE opened ORDER BY case_id");
    assert_eq!(opened, [EVA, EVA]);
    // Also where the customer is a linked contact.
    office.sql("INSERT INTO contacts (id, name, created_at) VALUES (1, 'Kim', 0)");
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id) VALUES ('kim@customer.example', 'contact', 1)",
    );
    office.sql("UPDATE cases SET contact_id = 1 WHERE number = 2");
    office.close(2);
    office.deliver(&judged("f@customer.example", "[#2] and again", "pass"));
    assert_eq!(office.query("SELECT coalesce(contact_id, 0) || '' FROM cases WHERE number = 3"), ["1"]);
}

#[test]
fn a_forged_mail_of_a_colleague_is_told_to_that_colleague() {
    let mut office = judging(|_| {});
    office.deliver(&judged(EVA, "Help", "pass"));
    let ours = office.reply(1);
    let told = |office: &Office, user: i64| {
        office.query(&format!("SELECT text FROM notifications WHERE kind = 'email' AND user_id = {user}"))
    };
    let forged = || judged("ana@staff.example", "Re: Help", "fail").in_reply_to(&ours);
    let first = office.deliver(&forged());
    assert_eq!(office.decision(&first, "notified"), "ana");
    assert_eq!(told(&office, 1).len(), 1);
    let second = office.deliver(&forged());
    assert!(office.decision(&second, "notified").contains("was told within the hour"));
    assert!(told(&office, 1)[0].contains("2 unverified mails"), "{:?}", told(&office, 1));
    // Who joins the team hears of the next one.
    office.sql("INSERT INTO users (id, username, login, created_at) VALUES (7, 'bob', 'bob', 0)");
    office.sql("INSERT INTO team_members (team_id, user_id, position) VALUES (1, 7, '')");
    office.sql("UPDATE cases SET assigned_user_id = NULL");
    office.deliver(&forged());
    assert_eq!((told(&office, 1).len(), told(&office, 7).len()), (1, 1));
    office.now += jiff::SignedDuration::from_mins(90);
    office.deliver(&forged().date(office.now));
    assert_eq!((told(&office, 1).len(), told(&office, 7).len()), (2, 2));
}

#[test]
fn what_others_let_us_send_uses_up_nobodys_acknowledgements() {
    let office = judging(|_| {});
    office.sql("INSERT INTO templates (id, name, subject, body, created_at) VALUES (1, 'ack', 'We got it', 'x', 0)");
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    let sent = || office.query("SELECT count(*) || '' FROM auto_replies").remove(0);
    for n in 0..3 {
        office.deliver(&judged("a@evil.example", &format!("Trap {n}"), "pass").reply_to("w@customer.example"));
    }
    assert_eq!(sent(), "1", "they are limited themselves");
    office.deliver(&judged("w@customer.example", "Mine", "pass"));
    assert_eq!(sent(), "2");
    // Neither do they use up the share of a domain.
    for n in 0..30 {
        let victim = format!("x{n}@firm.example");
        office.deliver(&judged(&format!("b{n}@evil.example"), &format!("Flood {n}"), "pass").reply_to(&victim));
    }
    assert_eq!(sent(), "22");
    office.deliver(&judged("new@firm.example", "Mine", "pass"));
    assert_eq!(sent(), "23");
    let to_user = office.deliver(&judged("c@evil.example", "To one of us", "pass").reply_to("ana@staff.example"));
    assert!(office.decision(&to_user, "auto-reply").contains("one of our users"));
}

#[test]
fn a_mail_that_names_the_thread_of_a_company_joins_it_only_if_it_is_theirs() {
    let office = judging(|account| account.cases.create_case = false);
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Vera', 1, 0), (2, 'Wim', 1, 0)");
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id)
            VALUES ('v@sinar.example', 'contact', 1), ('w@home.example', 'contact', 2)",
    );
    office.deliver(&judged("v@sinar.example", "Offer", "pass").message_id("<offer@sinar.example>"));
    let stream = || office.query("SELECT id || '' FROM notes WHERE parent_type = 'company'").len();
    assert_eq!(stream(), 1);
    let naming = |who: &str, verdict: &str| judged(who, "Re: Offer", verdict).in_reply_to("<offer@sinar.example>");
    for (who, verdict) in [("eve@evil.example", "pass"), ("eve@evil.example", "fail"), ("ana@staff.example", "fail")] {
        office.deliver(&naming(who, verdict));
        assert_eq!(stream(), 1, "{who} {verdict}");
    }
    office.deliver(&naming("w@home.example", "pass"));
    assert_eq!(stream(), 2);
}

#[test]
fn our_own_answer_never_makes_the_customer_wait() {
    let office = judging(|_| {});
    office.deliver(&judged("ana@staff.example", "A call for you", "pass"));
    assert_eq!(office.by_number(1).requester_user_id, Some(1));
    let case = office.by_number(1);
    office.act(|tx, world, actor| desk::set_roles(tx, world, actor, &case, &[EVA.to_owned()], Role::Customer));
    office.reply(1);
    office.sql("UPDATE emails SET user_id = 1 WHERE status = 'Sent'");
    assert_eq!(office.state(1), "Assigned customer");
    office.act(|tx, world, actor| {
        desk::set_roles(tx, world, actor, &case, &["f@customer.example".to_owned()], Role::Copied)
    });
    assert_eq!(office.state(1), "Assigned customer", "also when the clock is told again");
    // The same where a colleague's case was merged into the customer's.
    office.deliver(&judged("lee@other.example", "Mine", "pass"));
    office.sql("UPDATE cases SET requester_user_id = 1 WHERE number = 2");
    office.reply(2);
    office.sql("UPDATE emails SET user_id = 1 WHERE status = 'Sent'");
    let merged = office.by_number(2);
    office.act(|tx, world, _| espomail::intake::waiting::set(tx, world, &merged));
    assert_eq!(office.state(2), "Assigned customer");
}

#[test]
fn a_letter_that_a_colleague_writes_in_another_program_is_one_of_the_house() {
    let office = judging(|_| {});
    office.deliver(&judged(EVA, "Help", "pass").message_id("<help@customer.example>"));
    let letter = judged("ana@staff.example", "Re: Help", "pass")
        .header("To", EVA)
        .cc("support@desk.example, lab@supplier.example")
        .message_id("<answer@staff.example>")
        .in_reply_to("<help@customer.example>");
    let letter = office.deliver(&letter);
    assert_eq!((office.case_of(&letter), office.state(1).as_str()), (1, "Assigned customer"));
    assert_eq!(office.people(1), ["eva@customer.example customer", "lab@supplier.example copied"]);
    let lab = judged("lab@supplier.example", "Re: Help", "pass").in_reply_to("<answer@staff.example>");
    assert_eq!(office.case_of(&office.deliver(&lab)), 1);
    assert_eq!(office.state(1), "Assigned us");
    // To the supplier alone: no answer to the customer, and a third party.
    let ask = judged("ana@staff.example", "Re: Help", "pass")
        .header("To", "other@supplier.example")
        .cc("support@desk.example")
        .in_reply_to("<help@customer.example>");
    office.deliver(&ask);
    assert_eq!(office.state(1), "Assigned us");
    assert!(office.people(1).contains(&"other@supplier.example third party".to_owned()), "{:?}", office.people(1));
}

#[test]
fn in_a_sent_folder_from_says_who_wrote() {
    let office = office();
    office.deliver(&from(EVA, "Help").message_id("<help@customer.example>"));
    office.sql("INSERT INTO account_folders (account_id, name, position, sent) VALUES (2, 'INBOX', 0, TRUE)");
    office.sql("UPDATE accounts SET read_sent = 'auto' WHERE id = 2");
    let letter = from("support@desk.example", "Re: Help")
        .header("To", EVA)
        .reply_to("priv@home.example")
        .in_reply_to("<help@customer.example>");
    let mail = office.deliver_to(2, &letter);
    let said = office.decision(&mail, "sender");
    assert!(said.starts_with("support@desk.example: from the group"), "{said}");
    assert_eq!((office.case_of(&mail), office.state(1).as_str()), (1, "Assigned customer"));
}

#[test]
fn programs_without_an_address_are_a_burst_too() {
    let mut office = office();
    office.config.case_burst = 20;
    for n in 0..23 {
        office.deliver(&from("root (Cron Daemon)", &format!("Cron {n}")));
    }
    assert_eq!(office.cases(), 20);
    let other = office.deliver(&from("\"Hall 3\" <+49301234567>", "Alarm"));
    assert_eq!(office.case_of(&other), 21);
}

#[test]
fn explain_says_where_somebody_may_not_write() {
    let office = judging(|_| {});
    office.deliver(&judged(EVA, "Help", "pass").message_id("<help@customer.example>"));
    office.sql("INSERT INTO users (id, username, login, created_at) VALUES (7, 'eko', 'eko', 0)");
    office.sql("INSERT INTO user_addresses (address, user_id, is_primary) VALUES ('eko@staff.example', 7, TRUE)");
    let mail = judged("eko@staff.example", "Re: Help", "pass").in_reply_to("<help@customer.example>");
    let said = office.decision(&office.deliver(&mail), "parent");
    assert!(said.contains("refers to #1, where user eko cannot write"), "{said}");
}
