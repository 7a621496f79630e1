//! Who hears of what (B7), and the parents that need proof (B4.8, B4.11, B4.12): on real servers.

use crate::support::{Desk, Dovecot, Exim, Letter, Sandbox, SmtpSink, header, mail};

/// The desk's own mail server, as it signs its verdicts.
const AUTHSERV: &str = "mx.desk.example";

/// Ana, who has a mailbox, and Budi in Support, Citra in Sales, Dian in no team any more. A company with a contact who has
/// two addresses.
fn desk(extra: &[&str]) -> Desk {
    let desk = Desk::empty().with_mailbox("customer", "customer.example").team("Support").team("Sales");
    let desk = desk.user_with_mailbox("ana", &["Support"]).user("budi", &["Support"]);
    let desk = desk.user("citra", &["Sales"]).user("dian", &["Sales"]);
    let desk = desk.group_account("support", &[&["--team", "Support", "--authserv-id", AUTHSERV], extra].concat());
    desk.ok(&["record", "add", "company", "PT Sinar", "--team", "Support", "--team", "Sales"]);
    let contact = ["record", "add", "contact", "Kim", "--company", "PT Sinar", "--team", "Support"];
    desk.ok(&[&contact[..], &["--email", &desk.customer().address, "--email", "kim@home.example"]].concat());
    for user in ["ana", "budi", "citra", "dian"] {
        desk.ok(&["record", "follow", "company", "PT Sinar", "--user", user]);
    }
    desk.ok("team member remove Sales dian");
    desk
}

fn vouched(letter: Letter, from: &str) -> Letter {
    let verdict = if from.ends_with("@staff.example") { "none" } else { "pass" };
    letter.header("Authentication-Results", &format!("{AUTHSERV}; dmarc={verdict}"))
}

const CASES: &[&str] = &["--case-team", "Support", "--create-case"];

impl Desk {
    /// A letter for whose author the desk's mail server vouches; of a staff domain it knows nothing.
    fn vouched(&self, from: &str, subject: &str) -> Letter {
        vouched(self.letter(from, subject), from)
    }

    /// A letter of Ana's that the desk's mail server has checked.
    fn of_ana(&self, subject: &str) -> Letter {
        self.vouched(&self.mailbox("ana").address, subject)
            .header("Authentication-Results", &format!("{AUTHSERV}; dmarc=pass"))
    }

    fn stream(&self, record: &str) -> String {
        serde_json::Value::from(self.items(&["stream", record])).to_string()
    }
}

#[test]
fn followers_of_the_company_hear_of_it_once_and_of_no_more_than_they_may_read() {
    let desk = desk(&[]);
    desk.put(&desk.vouched(&desk.customer().address, "Confidential offer"));
    let whole = format!("company PT Sinar: mail from {}", desk.customer().address);
    assert_eq!(desk.told("ana"), std::slice::from_ref(&whole));
    assert_eq!(desk.told("budi"), [whole]);
    assert_eq!(desk.told("citra"), ["new e-mail on company PT Sinar"], "she may read the record, not the mail");
    assert!(desk.told("dian").is_empty(), "who may not read the record is not told");
    let seen = serde_json::Value::from(desk.items(&["--as", "citra", "stream", "company/1"])).to_string();
    assert!(seen.contains("an e-mail that you cannot read") && !seen.contains("Confidential"), "{seen}");
    let refused = desk.run(&["--as", "dian", "stream", "company/1"]).exits(65);
    assert!(refused.stderr.contains("company 1: not found"), "{refused:?}");

    // The same mail in a second folder, and again under another UIDVALIDITY, tells nobody twice.
    desk.ok(&["account", "reset", "support", "--yes"]);
    desk.ok(&["fetch"]);
    assert_eq!(desk.told("ana").len(), 1);

    desk.ok(&["--as", "budi", "notification", "settings", "--off", "email"]);
    desk.put(&desk.vouched("kim@home.example", "From my second address"));
    assert_eq!(desk.told("ana").len(), 2, "a contact's second address finds the company");
    assert_eq!(desk.told("budi").len(), 1, "he switched it off");

    let three_days = jiff::SignedDuration::from_hours(72);
    desk.put(&desk.vouched(&desk.customer().address, "Old").date(jiff::Timestamp::now() - three_days));
    assert_eq!(desk.told("ana").len(), 2, "a mail of three days ago tells nobody");
    assert!(desk.stream("company/1").contains("Old"), "but it is there");
}

#[test]
fn writer_is_not_told_of_their_own_mail() {
    let desk = desk(&[]);
    let to_kim = mail(&desk.mailbox("ana").address, &desk.customer().address, "Our offer").cc(&desk.support().address);
    desk.put(&to_kim.header("Authentication-Results", &format!("{AUTHSERV}; dmarc=pass")));
    assert!(desk.told("ana").is_empty());
    assert_eq!(desk.told("budi").len(), 1);
    assert!(desk.stream("company/1").contains("email-sent"), "a verified user sent it");
}

#[test]
fn a_forwarded_mail_becomes_the_case_of_the_customer() {
    let desk = desk(&[CASES, &["--auto-reply", ""]].concat());
    let copy = "please help him\n\n---------- Forwarded message ---------\nFrom: Lee Wong <lee@elsewhere.example>\n\
         Date: Mon, 23 Nov 2026 at 10:00\nSubject: It does not start\nTo: <ana@staff.example>\n\nThe machine is dead.\n";
    desk.put(&desk.of_ana("Fwd: It does not start").body(copy));
    let case = desk.json(&["case", "show", "1"]);
    assert_eq!(case["name"], "It does not start");
    assert_eq!(case["contact"]["name"], "Lee Wong");
    let stream = case["stream"].to_string();
    assert!(stream.contains("forwarded for Lee Wong <lee@elsewhere.example> by ana"), "{stream}");
    let queued = desk.ok(&["case", "reply", "1", "-m", "Is it plugged in?"]);
    assert!(queued.stdout.contains("lee@elsewhere.example"), "the answer goes to the customer: {queued:?}");
    desk.put(&desk.vouched("lee@elsewhere.example", "Re: [#1] It is"));
    assert_eq!(desk.cases("waiting_for"), ["1 us 3"]);

    // A person who only claims to be Ana forwards nothing for anybody.
    let forged = desk.vouched(&desk.mailbox("ana").address, "Fwd: It does not start").body(copy);
    desk.put(&forged.header("Authentication-Results", &format!("{AUTHSERV}; dmarc=fail")));
    let case = desk.json(&["case", "show", "2"]);
    assert_eq!((case["name"].as_str(), case["contact"].is_null()), (Some("Fwd: It does not start"), true));
    assert!(case["stream"].to_string().contains("not proven and can be forged: dmarc=fail"), "{case}");
}

#[test]
fn a_forged_address_of_a_user_has_the_rights_of_a_stranger() {
    let desk = desk(CASES);
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    let verdict =
        |letter: Letter, word: &str| letter.header("Authentication-Results", &format!("{AUTHSERV}; dmarc={word}"));
    desk.put(&verdict(desk.vouched(&desk.mailbox("ana").address, "[#1] close it"), "fail"));
    // Another server's verdict counts for nothing.
    let elsewhere = desk.vouched(&desk.mailbox("ana").address, "[#1] close it, please");
    desk.put(&elsewhere.header("Authentication-Results", "mx.elsewhere.example; dmarc=pass"));
    desk.put(&verdict(desk.vouched(&desk.customer().address, "[#1] I am Kim"), "fail"));
    assert_eq!(desk.cases("waiting_for"), ["1 us 1", "2 us 1", "3 us 1", "4 us 1"]);
    desk.put(&verdict(desk.vouched(&desk.mailbox("ana").address, "[#1] from me"), "pass"));
    assert_eq!(desk.cases("waiting_for")[0], "1 us 2", "a proven user may; the customer waits on");
}

#[test]
fn an_answer_to_a_notice_is_a_note() {
    let desk = desk(CASES);
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    desk.ok(&["case", "assign", "1", "ana"]);
    desk.ok(&["send"]);
    Exim::shared().idle();
    let notice = desk.mailbox("ana").arrived(1).remove(0);
    assert!(notice.text().contains("Answers to this notice do not reach the customer"), "{}", notice.text());
    let answer =
        desk.vouched(&desk.mailbox("ana").address, "Re: assigned to you").in_reply_to(&notice.header("Message-ID"));
    desk.put(&answer.body("I shall look at it tomorrow.\n"));
    Exim::shared().idle();
    assert!(desk.customer().messages("INBOX").is_empty(), "nothing went to the customer");
    assert_eq!(desk.cases("waiting_for"), ["1 us 1"], "the customer waits on");
    assert!(desk.stream("case/1").contains("I shall look at it tomorrow."));
    let told = desk.told("ana");
    assert_eq!(told.iter().filter(|text| text.contains("stored as a note")).count(), 1, "{told:?}");
    assert!(told.last().unwrap().ends_with("to answer: espomail case reply 1"), "{told:?}");

    // Who may not change the case any more writes no note into it, and hears so.
    desk.ok(&["role", "grant", "Agent", "case-edit", "no"]);
    let answer = desk.vouched(&desk.mailbox("ana").address, "Re: once more").in_reply_to(&notice.header("Message-ID"));
    desk.put(&answer.body("And another thought.\n"));
    assert!(!desk.stream("case/1").contains("And another thought."));
    let told = desk.told("ana");
    assert!(told.iter().any(|text| text.contains("is not stored: case-edit does not reach")), "{told:?}");

    // The notice itself coming back, through a rule in her mailbox say, is known.
    desk.support().append("INBOX", &notice.raw);
    desk.ok(&["fetch"]);
    assert_eq!(desk.cases("waiting_for"), ["1 us 1"]);
}

#[test]
fn a_stranger_in_the_thread_is_let_in_by_hand() {
    let desk = desk(CASES);
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    desk.ok(&["case", "reply", "1", "-m", "Try again."]);
    desk.ok(&["send"]);
    Exim::shared().idle();
    let ours = desk.customer().arrived(1).remove(0).header("Message-ID");
    desk.put(&desk.vouched("boss@customer.example", "Re: Broken").in_reply_to(&ours));
    assert_eq!(desk.cases("waiting_for"), ["1 customer 3"], "attached, and the clock stays as it was");
    desk.put(&desk.vouched("boss@customer.example", "again [#1]"));
    assert_eq!(desk.cases("waiting_for"), ["1 customer 3", "2 us 1"], "a stranger's number opens nothing");
    let email = desk.items(&["case", "thread", "1"]).iter().find(|m| m["verified"] == false).unwrap()["id"].to_string();
    desk.ok(&["case", "accept", &email]);
    desk.put(&desk.vouched("boss@customer.example", "and now [#1]"));
    assert_eq!(desk.cases("waiting_for"), ["1 us 4", "2 us 1"]);
}

#[test]
fn splits_and_merges_steer_later_answers() {
    let desk = desk(CASES);
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    let other = desk.vouched(&desk.customer().address, "[#1] and another thing");
    desk.put(&other);
    let second = desk.items(&["case", "thread", "1"])[1]["id"].to_string();
    desk.ok(&["case", "split", "1", "--from", &second]);
    assert_eq!(desk.cases("waiting_for"), ["1 us 1", "2 us 1"]);
    desk.put(&desk.vouched(&desk.customer().address, "Re: another thing").in_reply_to(other.value("Message-ID")));
    assert_eq!(desk.cases("waiting_for"), ["1 us 1", "2 us 2"], "the answer to what was split off");
    desk.ok(&["case", "merge", "2", "1", "--yes"]);
    desk.put(&desk.vouched(&desk.customer().address, "Re: [#2] still there"));
    assert_eq!(desk.cases("waiting_for")[0], "1 us 4", "what is merged lives on in the other");
}

#[test]
fn a_mail_that_is_fetched_after_the_next_of_its_author_ends_in_one_case() {
    let desk = desk(CASES);
    let first = desk.vouched(&desk.customer().address, "Question").message_id("<q1@customer.example>");
    desk.put(&desk.vouched(&desk.customer().address, "Re: Question").in_reply_to("<q1@customer.example>"));
    desk.put(&first);
    assert_eq!(desk.cases("waiting_for"), ["1 us 2"]);
    // Who names a thread first and copies somebody does not capture their mail.
    let report = desk.vouched("victim@customer.example", "This is phishing").message_id("<q2@customer.example>");
    let bait = desk.vouched("eve@elsewhere.example", "Your account").cc("victim@customer.example");
    desk.put(&bait.references(&["<q2@customer.example>"]));
    desk.put(&report);
    assert_eq!(desk.cases("waiting_for"), ["1 us 2", "2 us 1", "3 us 1"]);
}

#[test]
fn an_answer_to_the_signed_address_finds_its_case_without_any_reference() {
    let desk = desk(&[CASES, &["--plus-addressing"]].concat());
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    desk.ok(&["case", "reply", "1", "-m", "Try again."]);
    desk.ok(&["send"]);
    Exim::shared().idle();
    let address = desk.customer().arrived(1).remove(0).header("Reply-To");
    let (local, domain) = address.split_once('@').unwrap();
    assert!(local.contains("+c"), "{address}");
    desk.put(&vouched(mail(&desk.customer().address, &address, "No reference at all"), &desk.customer().address));
    assert_eq!(desk.cases("waiting_for"), ["1 us 3"]);
    // With one digit changed it is not a signature.
    let last = if local.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}@{domain}", &local[..local.len() - 1]);
    desk.put(&mail("eve@elsewhere.example", &forged, "Let me in"));
    assert_eq!(desk.cases("waiting_for"), ["1 us 3", "2 us 1"]);
    // A person who got the address from somebody else is attached unverified.
    desk.put(&mail("boss@customer.example", &address, "I read along"));
    let thread = desk.items(&["case", "thread", "1"]);
    assert_eq!(thread.iter().filter(|mail| mail["verified"] == false).count(), 1, "{thread:?}");
}

#[test]
fn a_digest_collects_what_was_told() {
    let desk = desk(&[]);
    desk.ok(&["--as", "ana", "notification", "settings", "--email", "email=digest"]);
    // The first digest goes out at once, the next not before a day.
    desk.put(&desk.vouched(&desk.customer().address, "One"));
    Exim::shared().idle();
    let digest = desk.mailbox("ana").arrived(1).remove(0);
    assert_eq!(digest.header("Subject"), "1 notification");
    assert!(digest.text().contains("company PT Sinar: mail from"), "{}", digest.text());
    desk.put(&desk.vouched(&desk.customer().address, "Two"));
    desk.put(&desk.vouched(&desk.customer().address, "Three"));
    Exim::shared().idle();
    assert_eq!(desk.mailbox("ana").messages("INBOX").len(), 1);
    desk.sandbox.sql("UPDATE users SET digest_at = digest_at - 86400 WHERE username = 'ana'");
    desk.ok(&["fetch"]);
    Exim::shared().idle();
    assert_eq!(desk.mailbox("ana").arrived(2).remove(1).header("Subject"), "2 notifications");
}

#[test]
fn at_once_by_e_mail_but_not_to_whom_the_mail_is_addressed() {
    let desk = desk(&[]);
    desk.ok(&["--as", "ana", "notification", "settings", "--email", "email=immediately"]);
    desk.put(&desk.vouched(&desk.customer().address, "With ana in Cc").cc(&desk.mailbox("ana").address));
    desk.put(&desk.vouched(&desk.customer().address, "Without"));
    Exim::shared().idle();
    let notices = desk.mailbox("ana").arrived(1);
    assert_eq!(desk.told("ana").len(), 2);
    assert!(notices[0].text().contains("this is about: Without"), "{}", notices[0].text());
    assert_eq!(desk.mailbox("ana").messages("INBOX").len(), 1);
}

#[test]
fn unproven_colleague_gets_no_answer_and_moves_nothing() {
    let desk = desk(CASES);
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    desk.put(&desk.of_ana("[#1] I look at it"));
    desk.ok(&["case", "reply", "1", "-m", "Soon."]);
    // She wrote in the case, but that proves nothing of the next mail in her name.
    desk.put(&desk.vouched(&desk.mailbox("ana").address, "[#1] please").reply_to("thief@elsewhere.example"));
    assert_eq!(desk.cases("waiting_for"), ["1 customer 3", "2 us 1"]);
    let answer = desk.ok(&["case", "reply", "1", "-m", "x", "--dry-run"]);
    assert!(answer.stderr.contains(&desk.customer().address) && !answer.stderr.contains("thief"), "{answer:?}");
}

#[test]
fn mail_of_a_case_goes_where_the_case_goes() {
    let desk = desk(&["--case-team", "Sales", "--create-case"]);
    let sees = |user: &str| desk.items(&["--as", user, "email", "list"]).len();
    desk.put(&desk.vouched(&desk.customer().address, "Broken"));
    assert_eq!((sees("citra"), sees("budi")), (1, 1), "the account is of Support, its cases of Sales");
    desk.ok(&["team", "add", "Third"]);
    desk.ok(&["case", "move", "1", "--team", "Third"]);
    desk.put(&desk.vouched(&desk.customer().address, "more [#1]"));
    assert_eq!((sees("citra"), sees("budi")), (0, 2), "the old team sees neither");
    // An assignee reads the mail of the case, of any team.
    desk.ok(&["case", "assign", "1", "citra"]);
    assert_eq!(sees("citra"), 2);
    desk.ok(&["case", "release", "1"]);
    assert_eq!(sees("citra"), 0);
}

#[test]
fn an_answer_to_a_notice_is_a_note_and_redirects_nothing() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp, "--distribution", "direct", "--assign-to", "ana"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    let notice = sink.received().into_iter().find(|m| m.to == ["ana@staff.example"]).expect("a notice to ana");
    let id = header(&notice.message, "Message-ID");
    let answer =
        mail("ana@staff.example", &mailbox.address, "Re: assigned").in_reply_to(&id).body("On it, calling them.\n");
    mailbox.append("INBOX", &answer.bytes());
    let away =
        mail("ana@staff.example", &mailbox.address, "Away").in_reply_to(&id).add("Auto-Submitted", "auto-replied");
    mailbox.append("INBOX", &away.body("I am on holiday.\n").bytes());
    sandbox.run(&["fetch"]).ok();
    let shown = sandbox.run(&["case", "show", "1"]).ok().stdout;
    assert!(shown.contains("On it, calling them.") && !shown.contains("holiday"), "{shown}");
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 1, "a note is no mail of the case");
    let reply = sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Done."]).ok().stdout;
    assert!(reply.contains("kim@customer.example") && !reply.contains("ana@"), "{reply}");
}

#[test]
fn who_is_addressed_gets_no_notice_about_it() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp, "--distribution", "direct", "--assign-to", "ana"]);
    let letter = |subject: &str| mail("kim@customer.example", &mailbox.address, subject);
    mailbox.append("INBOX", &letter("To both").cc("ana@staff.example").bytes());
    sandbox.run(&["fetch"]).ok();
    assert!(sink.received().is_empty());
    mailbox.append("INBOX", &letter("To the desk").bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sink.received().len(), 1);
    sandbox.run(&["case", "assign", "1", "budi"]).ok();
    sandbox.run(&["case", "assign", "1", "ana"]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().len(), 3, "by hand it is news for everybody");
}
