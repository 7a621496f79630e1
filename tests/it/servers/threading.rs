//! Which case a mail joins (B4), and what that does to it (B5.6): on real servers.

use crate::support::{Desk, Dovecot, Exim, Sandbox, SmtpSink, header, mail};

const EVA: &str = "Eva Meier <eva@customer.example>";

/// A support account that answers, and a customer whose mailbox is real.
fn desk(extra: &[&str]) -> Desk {
    Desk::on_servers(&[&["--distribution", "round-robin", "--auto-reply", "Thanks"], extra].concat())
}

impl Desk {
    /// The Message-ID of a mail that arrived at the customer, with brackets.
    fn arrived_id(&self, count: usize) -> String {
        Exim::shared().idle();
        self.customer().arrived(count).last().unwrap().header("Message-ID")
    }
}

#[test]
fn a_thread_of_five_is_one_case() {
    let desk = desk(&[]);
    let me = format!("Kim <{}>", desk.customer().address);
    let first = desk.letter(&me, "Printer on fire");
    desk.put(&first);
    let ours = desk.arrived_id(1);
    // By References to our auto-reply, by In-Reply-To alone, by the number in the subject, by References to an own earlier mail.
    desk.put(&desk.letter(&me, "Re: Printer on fire").references(&[first.value("Message-ID"), &ours]));
    desk.put(&desk.letter(&me, "still burning").in_reply_to(&ours));
    desk.put(&desk.letter(&me, "About [#1] again"));
    let fifth = desk.letter(&me, "one more").in_reply_to(first.value("Message-ID"));
    desk.put(&fifth);
    assert_eq!(desk.cases("status"), ["1 Assigned 6"], "five mails and one auto-reply");
    assert_eq!(desk.customer().messages("INBOX").len(), 1, "one auto-reply");
}

#[test]
fn a_stranger_does_not_get_in() {
    let desk = desk(&[]);
    let first = desk.letter(EVA, "Secret matter");
    desk.put(&first);
    let stranger = "Mallory <mallory@elsewhere.example>";
    desk.put(&desk.letter(stranger, "Hello [#1]"));
    desk.put(&desk.letter(stranger, "I know an id").in_reply_to(first.value("Message-ID")));
    desk.put(&desk.letter(stranger, "[#99999] nobody knows this number"));
    desk.put(&desk.letter(stranger, "EspoCRM's id").in_reply_to("<Case/1/1700000000/abc@espomail.example>"));
    assert_eq!(
        desk.cases("status"),
        ["1 Assigned 2", "2 Assigned 2", "3 Assigned 1", "4 Assigned 1", "5 Assigned 1"],
        "auto-replies: one to Eva, one an hour to the stranger"
    );
    for (number, words) in [("2", "mentions #1"), ("3", "refers to #1")] {
        let stream = desk.json(&["case", "show", number])["stream"].to_string();
        assert!(stream.contains(words), "{stream}");
    }
    let stream = desk.json(&["case", "show", "1"])["stream"].to_string();
    assert!(!stream.contains("mallory"), "{stream}");
}

#[test]
fn a_wrongly_signed_id_counts_as_none() {
    let desk = desk(&[]);
    let me = format!("Kim <{}>", desk.customer().address);
    desk.put(&desk.letter(&me, "First"));
    let ours = desk.arrived_id(1);
    let flipped: String = {
        // One hex digit of the signature, which stands before the @, is changed.
        let (local, domain) = ours.split_once('@').unwrap();
        let (rest, last) = local.split_at(local.len() - 1);
        format!("{rest}{}@{domain}", if last == "0" { "1" } else { "0" })
    };
    desk.put(&desk.letter("x@elsewhere.example", "forged").in_reply_to(&flipped));
    assert_eq!(desk.cases("status"), ["1 Assigned 2", "2 Assigned 2"]);
}

#[test]
fn a_valid_signed_id_from_a_new_address_attaches_unverified() {
    let desk = desk(&[]);
    let me = format!("Kim <{}>", desk.customer().address);
    desk.put(&desk.letter(&me, "First"));
    desk.ok(&["case", "close", "1"]);
    let ours = desk.arrived_id(1);
    desk.put(&desk.letter("colleague@customer.example", "Re: First").in_reply_to(&ours));
    assert_eq!(desk.cases("status"), ["1 Closed 3"], "attached, but the status does not move");
    let thread = desk.items(&["case", "thread", "1"]);
    let theirs = thread.iter().find(|mail| mail["from"].to_string().contains("colleague")).unwrap();
    assert_eq!(theirs["verified"], false);
    // Having been attached gives no standing: the number alone does not let them in.
    desk.put(&desk.letter("colleague@customer.example", "about [#1]"));
    assert_eq!(desk.cases("status")[1..], ["2 Assigned 2"], "with an auto-reply of its own");
    let answer = desk.ok(&["case", "reply", "1", "-m", "done"]);
    assert!(!answer.stdout.contains("colleague"), "not in reply-all: {}", answer.stdout);
}

#[test]
fn an_answer_reopens_a_closed_case_and_an_out_of_office_does_not() {
    let desk = desk(&[]);
    let me = format!("Kim <{}>", desk.customer().address);
    desk.put(&desk.letter(&me, "First"));
    let ours = desk.arrived_id(1);
    desk.ok(&["case", "close", "1"]);
    desk.put(&desk.letter(&me, "Out of office").in_reply_to(&ours).add("Auto-Submitted", "auto-replied"));
    assert_eq!(desk.cases("status"), ["1 Closed 3"]);
    desk.put(&desk.letter(&me, "Re: First").in_reply_to(&ours));
    assert_eq!(desk.cases("status"), ["1 Assigned 4"]);
    desk.ok(&["case", "close", "1", "--status", "Rejected"]);
    desk.put(&desk.letter(&me, "Re: First").in_reply_to(&ours));
    assert_eq!(desk.cases("status"), ["1 Rejected 5"], "Rejected stays");
}

#[test]
fn policies_for_closed_cases() {
    let desk = desk(&["--on-closed", "new"]);
    let me = format!("Kim <{}>", desk.customer().address);
    desk.put(&desk.letter(&me, "First"));
    let ours = desk.arrived_id(1);
    desk.ok(&["case", "reply", "1", "-m", "done", "--close"]);
    desk.put(&desk.letter(&me, "Re: First").in_reply_to(&ours));
    assert_eq!(desk.cases("status"), ["1 Closed 3", "2 Assigned 1"]);
    let stream = desk.json(&["case", "show", "2"])["stream"].to_string();
    assert!(stream.contains("relates to #1"), "{stream}");
}

#[test]
fn a_conversation_goes_from_the_group_address_and_counts_the_waiting() {
    let desk = desk(&[]);
    let me = format!("Kim <{}>", desk.customer().address);
    let first = desk.letter(&me, "Invoice").cc("partner@customer.example, x@rejects.example");
    desk.put(&first);
    desk.arrived_id(1);
    let waiting = |desk: &Desk| desk.json(&["case", "show", "1"])["waiting_for"].as_str().unwrap().to_owned();
    assert_eq!(waiting(&desk), "us");
    desk.ok(&["--as", "ana", "case", "reply", "1", "-m", "We look into it.", "--status", "Pending"]);
    desk.run(&["send"]).exits(1);
    assert_eq!(waiting(&desk), "customer");
    Exim::shared().idle();
    let answer = desk.customer().arrived(2).pop().unwrap();
    assert!(answer.header("From").contains(&desk.support().address), "{}", answer.header("From"));
    assert_eq!(answer.header("Subject"), "[#1] Re: Invoice");
    assert_eq!(answer.header("In-Reply-To"), first.value("Message-ID"));
    assert!(answer.header("References").contains(first.value("Message-ID")));
    assert!(answer.header("Cc").contains("partner@customer.example"), "Cc is kept");
    assert!(!answer.text().contains("ana@staff.example"), "the agent's own address is not shown");

    desk.put(&desk.letter(&me, &format!("Re: {}", answer.header("Subject"))).in_reply_to(&answer.header("Message-ID")));
    assert_eq!(waiting(&desk), "us");
    assert_eq!(desk.json(&["case", "show", "1"])["status"], "Assigned", "Pending ended");
}

#[test]
fn a_signed_id_of_an_email_proves_no_more_than_that_of_its_case() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let (info, smtp) = (Dovecot::shared().mailbox(), sink.address());
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    sandbox.group_account("info", &info, &["--smtp", &smtp, "--auto-reply", "Thanks"]);
    let both = format!("{}, {}", info.address, mailbox.address);
    let letter = mail("kim@customer.example", &both, "To both").message_id("<both@customer.example>").bytes();
    info.append("INBOX", &letter);
    sandbox.run(&["fetch", "info"]).ok();
    let reply = sink.received().into_iter().find(|m| m.to == ["kim@customer.example"]).expect("an automatic reply");
    mailbox.append("INBOX", &letter);
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    sandbox.run(&["case", "close", "1"]).ok();
    let stranger =
        mail("eve@elsewhere.example", &mailbox.address, "Re: it").in_reply_to(&header(&reply.message, "Message-ID"));
    mailbox.append("INBOX", &stranger.bytes());
    sandbox.run(&["fetch"]).ok();
    let thread = sandbox.items(&["case", "thread", "1"]);
    let hers: Vec<_> = thread.iter().filter(|m| m["from"].to_string().contains("eve@")).collect();
    assert!(hers.iter().all(|m| m["verified"] == false), "{hers:#?}");
    assert_eq!(sandbox.json(&["case", "show", "1"])["status"], "Closed", "a stranger opened it again");
}

#[test]
fn a_burst_by_contact_form_ends_in_an_open_case() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.config("case_burst = 2\n");
    let form = |subject: &str| {
        let letter = mail("no-reply@shop.example", &mailbox.address, subject).reply_to("kim@customer.example");
        mailbox.append("INBOX", &letter.bytes());
        sandbox.run(&["fetch"]).ok();
    };
    let numbers = || sandbox.items(&["case", "list", "--all"]).len();
    ["one", "two", "three"].iter().for_each(|subject| form(subject));
    assert_eq!(numbers(), 2, "the third joins the second");
    assert_eq!(sandbox.items(&["case", "thread", "2"]).len(), 2);
    sandbox.run(&["case", "close", "2"]).ok();
    form("four");
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 2, "the newest that is open");
    sandbox.run(&["case", "close", "1"]).ok();
    form("five");
    assert_eq!(numbers(), 3, "nobody looks into a closed case");
}

#[test]
fn nobody_jumps_the_queue_with_an_old_date() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 300);
    mailbox.append(
        "INBOX",
        &mail("kim@customer.example", &mailbox.address, "Now").message_id("<n@customer.example>").bytes(),
    );
    let second =
        mail("lee@customer.example", &mailbox.address, "Re: Now").in_reply_to("<n@customer.example>").date(old);
    mailbox.append("INBOX", &mail("eve@customer.example", &mailbox.address, "Old").date(old).bytes());
    sandbox.run(&["fetch"]).ok();
    let waiting = sandbox.items(&["case", "list", "--sort", "waiting"]);
    assert_eq!(waiting[0]["number"], 1, "{waiting:#?}");
    mailbox.append("INBOX", &second.header("From", "kim@customer.example").bytes());
    sandbox.run(&["fetch"]).ok();
    let thread = sandbox.items(&["case", "thread", "1"]);
    assert_eq!(thread.last().unwrap()["subject"], "Re: Now", "in the order of arrival: {thread:#?}");
}

#[test]
fn an_answer_that_came_first_is_shown_in_the_case() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let other = Dovecot::shared().mailbox();
    sandbox.support_account(&mailbox, &[]);
    sandbox.group_account("info", &other, &[]);
    let answer = mail("lee@elsewhere.example", &other.address, "Re: Q").in_reply_to("<q@customer.example>");
    other.append("INBOX", &answer.body("An early answer.\n").bytes());
    sandbox.run(&["fetch"]).ok();
    mailbox.append(
        "INBOX",
        &mail("kim@customer.example", &mailbox.address, "Q").message_id("<q@customer.example>").bytes(),
    );
    sandbox.run(&["fetch"]).ok();
    let shown = sandbox.run(&["case", "show", "1"]).ok().stdout;
    assert!(shown.contains("An early answer."), "{shown}");
    let as_ana = sandbox.run(&["--as", "ana", "case", "thread", "1"]).ok().stdout;
    assert!(as_ana.contains("lee@elsewhere.example"), "its team may read it: {as_ana}");
}

#[test]
fn a_server_that_replaces_message_ids_does_not_break_the_thread() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    mailbox
        .append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").message_id("<h@x.example>").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Yes?"]).ok();
    sandbox.run(&["send"]).ok();
    let sent = &sink.received()[0].message;
    let references = header(sent, "References");
    let answer = mail("kim@home.example", &mailbox.address, "Re: Help").in_reply_to("<0102-00@email.ses.example>");
    mailbox.append("INBOX", &answer.add("References", &references.replace("<h@x.example>", "")).bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 3, "{references}");
}
