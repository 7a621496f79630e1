//! The same through the program: what agents read before and after they act.

use crate::support::{Desk, from, mail};

const EVA: &str = "eva@one.example";

/// Two agents in Support, whose cases come by account support.
fn desk() -> Desk {
    Desk::new().piped_account("support", &[])
}

#[test]
fn who_got_a_hidden_copy_is_told_to_nobody_else() {
    let desk = desk();
    desk.put(&from(EVA, "Contract"));
    desk.ok("--as ana case reply 1 -m Hello --bcc secret@lawyer.example");
    let told = desk.ok("--as budi --dry-run case reply 1 -m Hello");
    let told = format!("{}{}", told.stdout, told.stderr);
    assert!(told.contains(&format!("to {EVA}")) && !told.contains("secret@lawyer"), "{told}");
}

#[test]
fn what_a_private_mail_says_of_people_goes_into_no_letter_of_others() {
    let desk = desk();
    desk.put(&from(EVA, "Contract"));
    desk.ok("--as ana case reply 1 -m Hello");
    let rows = desk.items(&["outbox", "list", "--all"]);
    let ours = format!("<{}>", rows[0]["message_id"].as_str().unwrap());
    let servers = "--secret env:PW --imap 127.0.0.1:9 --tls none";
    desk.ok(&format!("account add budis --kind personal --user budi --address budi@staff.example {servers}"));
    let private =
        mail(EVA, "budi@staff.example", "Re: Contract").cc("friend@one.example").reply_to("eva@private.example");
    let private = private.in_reply_to(&ours);
    desk.sandbox.call(&["ingest", "--account", "budis"]).stdin(&private.bytes()).run().ok().silent();
    let told = |user: &str| desk.ok(&format!("--as {user} --dry-run case reply 1 -m Hello")).stderr;
    assert!(told("ana").contains(&format!("to {EVA}\n")), "{}", told("ana"));
    assert!(told("budi").contains("to eva@private.example; copy to friend@one.example"), "{}", told("budi"));
    // Nor does a note or a hint about it.
    desk.ok("record add contact Zoe --email zoe@two.example --team Support");
    let linked = desk.ok("--as ana case link 1 contact/1");
    let history = desk.ok("--as ana case history 1");
    for text in [linked.stdout, linked.stderr, history.stdout] {
        assert!(!text.contains("eva@private.example"), "{text}");
    }
}

#[test]
fn a_merge_says_what_it_does_and_answers_so() {
    let desk = desk();
    desk.ok("record add contact Alice --email alice@two.example");
    desk.put(&from(EVA, "One"));
    desk.put(&from("alice@two.example", "Two"));
    let asked = desk.run("case merge 2 1");
    assert!(asked.stderr.contains("alice@two.example is copied in answers"), "{}", asked.stderr);
    desk.ok("--yes case merge 2 1");
    let told = desk.ok("--dry-run case reply 1 -m Hello");
    assert!(told.stderr.contains(&format!("to {EVA}; copy to alice@two.example")), "{}", told.stderr);
    // Another person is typed in their place: they are named as left out.
    let told = desk.ok("--dry-run case reply 1 -m Hello --to lab@supplier.example");
    assert!(
        told.stderr.contains(&format!("left out: {EVA} (customer), alice@two.example (copied)")),
        "{}",
        told.stderr
    );
}

#[test]
fn people_of_a_case_are_set_together_and_shown() {
    let desk = desk();
    desk.put(&from("noreply@shop.example", "Order").without("Reply-To"));
    assert!(desk.ok("case people 1").stderr.contains("No one takes part yet."));
    desk.ok("case people 1 --customer eva@one.example --third-party lab@supplier.example --copied lee@one.example");
    let people = desk.ok("--format plain case people 1").stdout;
    for part in ["customer\t\teva@one.example", "copied\t\tlee@one.example", "third party\t\tlab@supplier.example"] {
        assert!(people.contains(part), "{part}: {people}");
    }
    let refused = desk.run("case people 1 --copied budi@staff.example").exits(65);
    assert!(refused.stderr.contains("user budi, who is staff in every case"), "{}", refused.stderr);
    desk.run("case people 1 --copied x@one.example --third-party x@one.example").exits(2).says("is named twice");
    let said = desk.ok("case people 1 --third-party eva@one.example");
    assert!(said.stderr.contains("has no customer to answer now"), "{}", said.stderr);
}

#[test]
fn a_person_behind_another_address_is_shown_and_found_with_it() {
    let desk = desk();
    desk.put(&from("no-reply@evil.example", "Transfer").reply_to("V <v@customer.example>"));
    let marked = "v@customer.example> (by way of no-reply@evil.example)";
    for line in ["email list", "email show 1", "case show 1", "case thread 1"] {
        let shown = desk.ok(line).stdout;
        assert!(shown.contains(marked), "{line}: {shown}");
    }
    for line in ["case list", "case people 1", "case show 1"] {
        let shown = desk.ok(line).stdout;
        assert!(shown.contains("(by way of no-reply@evil.example)"), "{line}: {shown}");
    }
    let told = desk.ok("--dry-run case reply 1 -m Hello").stderr;
    assert!(told.contains("to v@customer.example (by way of no-reply@evil.example)"), "{told}");
    assert_eq!(desk.items(&["email", "list"])[0]["by_way_of"], "no-reply@evil.example");
    assert_eq!(desk.json(&["email", "show", "1"])["author"]["address"], "v@customer.example");
    assert_eq!(desk.items(&["case", "list"])[0]["customer"]["by_way_of"], "no-reply@evil.example");
    assert_eq!(desk.json(&["case", "show", "1"])["people"][0]["by_way_of"], "no-reply@evil.example");
    for query in ["from:v@customer.example", "from:no-reply@evil.example"] {
        assert_eq!(desk.items(&["email", "list", query]).len(), 1, "{query}");
        assert_eq!(desk.items(&["case", "list", query]).len(), 1, "{query}");
    }
}

#[test]
fn only_a_person_outside_is_accepted() {
    let desk = desk();
    desk.put(&from(EVA, "One"));
    desk.ok("case reply 1 -m Hello");
    let rows = desk.items(&["outbox", "list", "--all"]);
    let ours = format!("<{}>", rows[0]["message_id"].as_str().unwrap());
    for (sender, subject) in [("\"Hall\" <+4912>", "Call"), ("noreply@shop.example", "Note")] {
        desk.put(&from(sender, subject).in_reply_to(&ours));
    }
    for mail in desk.items(&["email", "list", "is:unverified"]) {
        let id = mail["id"].to_string();
        let refused = desk.run(&["case", "accept", &id]).exits(65);
        assert!(refused.stderr.contains("cannot take part in a case"), "{}", refused.stderr);
        desk.ok(&["case", "refuse", &id]);
        desk.ok(&["case", "refuse", &id]);
    }
    let history = desk.items(&["case", "history", "1"]);
    assert_eq!(history.iter().filter(|note| note["kind"] == "refused").count(), 2, "one note for each mail");
}
