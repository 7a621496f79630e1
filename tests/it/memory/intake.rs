//! Rules of intake, message by message.

use espomail::store::accounts::{self, Distribution};
use espomail::store::deliveries::Outcome;
use jiff::SignedDuration;

use crate::support::{from, office};

#[test]
fn an_answer_that_comes_before_its_question_ends_in_the_same_case() {
    let office = office(|_| {});
    // The later of two mails is fetched first: it names a mail nobody has seen.
    let answer = office.deliver(&from("lee@customer.example", "Re: Offer").in_reply_to("<ghost@customer.example>"));
    let question = office.deliver(&from("lee@customer.example", "Offer").message_id("<ghost@customer.example>"));
    assert_eq!((office.case_of(&answer), office.case_of(&question)), (1, 1));
    // Another one that names the same mail, from somebody who wrote in the case and from a stranger.
    let third = office.deliver(
        &from("lee@customer.example", "And?")
            .in_reply_to("<ghost2@x.example>")
            .references(&["<ghost@customer.example>"]),
    );
    assert_eq!(office.case_of(&third), 1);
    let stranger = office.deliver(&from("eve@elsewhere.example", "Me too").in_reply_to("<ghost2@x.example>"));
    assert_eq!(office.case_of(&stranger), 2);
}

#[test]
fn contacts_of_the_company_may_speak_by_number_and_others_may_not() {
    let office = office(|_| {});
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Budi', 1, 0), (2, 'Rina', 1, 0)");
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id) VALUES ('budi@sinar.example', 'contact', 1),
            ('rina@sinar.example', 'contact', 2), ('budi@home.example', 'contact', 1)",
    );
    assert_eq!(office.case_of(&office.deliver(&from("budi@sinar.example", "Broken"))), 1);
    assert_eq!(office.query("SELECT company_id || '/' || contact_id FROM cases"), ["1/1"]);
    assert_eq!(
        office.case_of(&office.deliver(&from("rina@sinar.example", "about [#1]"))),
        1,
        "a contact of the company"
    );
    assert_eq!(
        office.case_of(&office.deliver(&from("budi@home.example", "about [#1]"))),
        1,
        "another address of the contact"
    );
    assert_eq!(office.case_of(&office.deliver(&from("eve@elsewhere.example", "about [#1]"))), 2);
}

#[test]
fn mail_without_a_case_belongs_to_the_record_of_its_sender() {
    let office = office(|account| {
        account.cases.create_case = false;
        account.cases.distribution = Distribution::None;
    });
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office
        .sql("INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Budi', 1, 0), (2, 'Solo', NULL, 0)");
    office.sql(
        "INSERT INTO leads (id, name, created_at, converted_contact_id) VALUES (1, 'Cold', 0, NULL), (2, 'Won', 0, 2)",
    );
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id) VALUES ('budi@x.example', 'contact', 1), ('solo@x.example', 'contact', 2),
            ('office@x.example', 'company', 1), ('cold@x.example', 'lead', 1), ('won@x.example', 'lead', 2)",
    );
    let parent = |address: &str| {
        let imported = office.deliver(&from(address, "Hi"));
        let id = imported.email_id.unwrap();
        office
            .query(&format!(
                "SELECT parent_type || ' ' || parent_id FROM emails WHERE id = {id} AND parent_id IS NOT NULL"
            ))
            .join("")
    };
    for (address, expected) in [
        ("budi@x.example", "company 1"),
        ("solo@x.example", "contact 2"),
        ("office@x.example", "company 1"),
        ("cold@x.example", "lead 1"),
        ("won@x.example", "contact 2"),
        ("nobody@x.example", ""),
    ] {
        assert_eq!(parent(address), expected, "{address}");
    }
    office.sql("INSERT INTO opportunities (id, name, company_id, created_at) VALUES (5, 'Deal', 1, 0)");
    assert_eq!(parent("budi@x.example"), "opportunity 5", "the only open one");
    office.sql("INSERT INTO opportunities (name, company_id, created_at) VALUES ('Second', 1, 0)");
    assert_eq!(parent("budi@x.example"), "company 1");
}

#[test]
fn a_merged_case_hands_its_mail_to_the_one_that_lives_on() {
    let office = office(|_| {});
    let first = from("kim@customer.example", "One");
    office.deliver(&first);
    office.deliver(&from("kim@customer.example", "Two"));
    office.sql("UPDATE cases SET merged_into_id = 2, status = 'Duplicate' WHERE number = 1");
    // Verified: Kim takes part in the surviving case too.
    let later = office.deliver(&from("kim@customer.example", "Re: One").in_reply_to(first.value("Message-ID")));
    assert_eq!(office.case_of(&later), 2);
}

/// With every template of an administrator and every configuration, the customer's mail comes in.
#[test]
fn a_reply_that_cannot_be_made_is_a_decision_and_its_mail_is_imported() {
    let mut office = office(|account| account.smtp.host = Some("mail.desk.example".to_owned()));
    office.config.auto_reply_max_age = std::time::Duration::MAX;
    office.config.notification_max_age = std::time::Duration::MAX;
    office.sql("UPDATE users SET type = 'admin'");
    let work = "{% for a in email.subject %}{% for b in now %}{{ a }}{% endfor %}{% endfor %}".repeat(40);
    office.sql(&format!("INSERT INTO templates (name, subject, body, created_at) VALUES ('slow', 's', '{work}', 0)"));
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    for n in 1..=2 {
        let imported = office.deliver(&from("lee@customer.example", &format!("{} {n}", "Help ".repeat(100))));
        assert_eq!((imported.outcome, office.case_of(&imported)), (Outcome::Imported, n));
    }
    let said = office.query("SELECT decision FROM email_decisions WHERE step = 'auto-reply' ORDER BY email_id");
    assert!(said.len() == 2 && said.iter().all(|text| text.starts_with("not sent: it cannot be made: ")), "{said:?}");
    assert_eq!(office.query("SELECT text FROM notifications WHERE kind = 'alert'").len(), 1, "told once");
    assert_eq!(office.query("SELECT kind FROM outbox WHERE kind = 'auto-reply'"), [""; 0]);
    office.sql("UPDATE templates SET body = 'Hello {{ sender.name }}'");
    office.deliver(&from("eva@customer.example", "Help"));
    assert_eq!(office.query("SELECT kind FROM outbox WHERE kind = 'auto-reply'").len(), 1);
}

#[test]
fn a_flood_of_one_sender_joins_the_last_case_with_one_notice() {
    let mut office = office(|_| {});
    office.config.case_burst = 3;
    office.sql("UPDATE users SET type = 'admin'");
    let cases: Vec<i64> = (1..=6)
        .map(|n| office.case_of(&office.deliver(&from("flood@customer.example", &format!("Alarm {n}")))))
        .collect();
    assert_eq!(cases, [1, 2, 3, 3, 3, 3]);
    assert_eq!(office.query("SELECT text FROM notifications WHERE kind = 'alert'").len(), 1);
    assert_eq!(office.case_of(&office.deliver(&from("other@customer.example", "Calm"))), 4, "others are not affected");
    office.now += SignedDuration::from_hours(2);
    assert_eq!(office.case_of(&office.deliver(&from("flood@customer.example", "Later"))), 5);
}

#[test]
fn machine_mail_is_archived_or_makes_a_case_by_policy_and_joins_its_thread() {
    let robot = |subject: &str| from("robot@customer.example", subject).add("Auto-Submitted", "auto-generated");
    let archive = office(|_| {});
    let first = archive.deliver(&robot("Report"));
    assert_eq!((archive.case_of(&first), first.outcome), (0, Outcome::Imported));
    assert!(first.reason.contains("archived as machine mail"), "{}", first.reason);
    let by_policy = office(|account| account.cases.auto_mail = accounts::AutoMail::Case);
    assert_eq!(by_policy.case_of(&by_policy.deliver(&robot("Report"))), 1);
}

#[test]
fn the_same_message_id_on_another_message_is_another_email_and_a_footer_is_a_variant() {
    let office = office(|_| {});
    let one = from("kim@customer.example", "One").message_id("<same@x.example>");
    office.deliver(&one);
    assert_eq!(office.deliver(&one).outcome, Outcome::Duplicate);
    assert_eq!(office.query("SELECT id || '' FROM email_variants").len(), 0, "the same bytes are kept once");
    assert_eq!(office.query("SELECT id || '' FROM raw_messages").len(), 1);
    let footer = one.clone().body("Hello,\n\nthis is about: One\n-- \nmailing list footer\n");
    assert_eq!(office.deliver(&footer).outcome, Outcome::Duplicate);
    assert_eq!(office.query("SELECT id || '' FROM email_variants").len(), 1);
    let other = from("eve@elsewhere.example", "Two").message_id("<same@x.example>");
    let other = office.deliver(&other);
    assert_eq!(other.outcome, Outcome::Imported);
    assert_eq!(office.query("SELECT flagged FROM emails WHERE flagged <> ''").len(), 1);
    // Without any Message-ID the content decides.
    let bare = from("kim@customer.example", "Bare").without("Message-ID");
    assert_eq!(office.deliver(&bare).outcome, Outcome::Imported);
    assert_eq!(office.deliver(&bare).outcome, Outcome::Duplicate);
    assert_eq!(office.deliver(&bare.clone().body("other")).outcome, Outcome::Imported);
}

#[test]
fn a_forged_staff_address_has_an_outsiders_rights() {
    let office = office(|_| {});
    office.deliver(&from("kim@customer.example", "Private"));
    let forged = office.deliver(&from("ana@staff.example", "close [#1] please"));
    assert_eq!(office.case_of(&forged), 2, "a staff address alone opens no door");
    assert_eq!(office.query("SELECT text FROM notes WHERE text LIKE 'mentions%'"), ["mentions #1"]);
    assert_eq!(office.query("SELECT requester_user_id || '' FROM cases WHERE requester_user_id IS NOT NULL").len(), 0);
}

#[test]
fn an_assignee_who_cannot_act_any_more_is_replaced_at_the_next_mail() {
    let office = office(|_| {});
    let first = from("kim@customer.example", "One");
    office.deliver(&first);
    office.sql("INSERT INTO users (id, username, login, created_at) VALUES (2, 'budi', 'budi', 0)");
    office.sql("INSERT INTO team_members (team_id, user_id) VALUES (1, 2)");
    office.sql("UPDATE users SET active = FALSE WHERE username = 'ana'");
    office.deliver(&from("kim@customer.example", "Re: One").in_reply_to(first.value("Message-ID")));
    assert_eq!(office.query("SELECT u.username FROM cases c JOIN users u ON u.id = c.assigned_user_id"), ["budi"]);
}

#[test]
fn people_addressed_get_it_in_their_inbox_and_followers_hear_of_it_once() {
    let office = office(|_| {});
    let first = from("kim@customer.example", "One").cc("ana@staff.example");
    office.deliver(&first);
    assert_eq!(office.query("SELECT folder FROM email_users"), ["inbox"]);
    let second = from("kim@customer.example", "Re: One").in_reply_to(first.value("Message-ID"));
    office.deliver(&second);
    office.deliver(&second);
    assert_eq!(office.query("SELECT kind FROM notifications ORDER BY id"), ["assigned", "email"]);
    let old = from("kim@customer.example", "Re: One").in_reply_to(first.value("Message-ID"));
    office.deliver(&old.date(office.now - SignedDuration::from_hours(72)));
    assert_eq!(
        office.query("SELECT kind FROM notifications ORDER BY id").len(),
        2,
        "a mail of three days ago notifies nobody"
    );
}
