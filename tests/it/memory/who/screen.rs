//! The same through the program: what agents read before and after they act.

use crate::support::{Letter, Run, Sandbox, mail};

const SUPPORT: &str = "support@desk.example";
const EVA: &str = "eva@one.example";

/// ana and bob are in Support, whose cases come by account support; ana has mail of her own.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    for user in ["ana", "bob"] {
        sandbox.run(&["user", "add", user, "--email", &format!("{user}@desk.example")]).ok();
        sandbox.run(&["team", "member", "add", "Support", user]).ok();
    }
    let account = ["account", "add", "support", "--kind", "group", "--address", SUPPORT, "--secret", "env:PW"];
    let cases = ["--smtp", "127.0.0.1:9", "--smtp-tls", "none", "--case-team", "Support", "--create-case"];
    sandbox.run(&[&account[..], &cases].concat()).ok();
    sandbox
}

impl Sandbox {
    fn put(&self, letter: &Letter) {
        self.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok().silent();
    }

    fn says(&self, line: &str) -> Run {
        self.run(&line.split(' ').collect::<Vec<_>>())
    }
}

#[test]
fn who_got_a_hidden_copy_is_told_to_nobody_else() {
    let desk = desk();
    desk.put(&mail(EVA, SUPPORT, "Contract"));
    desk.says("--as ana case reply 1 -m Hello --bcc secret@lawyer.example").ok();
    let told = desk.says("--as bob --dry-run case reply 1 -m Hello").ok();
    let told = format!("{}{}", told.stdout, told.stderr);
    assert!(told.contains(&format!("to {EVA}")) && !told.contains("secret@lawyer"), "{told}");
}

#[test]
fn what_a_private_mail_says_of_people_goes_into_no_letter_of_others() {
    let desk = desk();
    desk.put(&mail(EVA, SUPPORT, "Contract"));
    desk.says("--as ana case reply 1 -m Hello").ok();
    let rows = desk.items(&["outbox", "list", "--all"]);
    let ours = format!("<{}>", rows[0]["message_id"].as_str().unwrap());
    desk.says("account add bobs --kind personal --user bob --address bob@desk.example --secret env:PW --imap 127.0.0.1:9 --tls none").ok();
    let private =
        mail(EVA, "bob@desk.example", "Re: Contract").cc("friend@one.example").reply_to("eva@private.example");
    let private = private.in_reply_to(&ours);
    desk.call(&["ingest", "--account", "bobs"]).stdin(&private.bytes()).run().ok().silent();
    let told = |user: &str| desk.says(&format!("--as {user} --dry-run case reply 1 -m Hello")).ok().stderr;
    assert!(told("ana").contains(&format!("to {EVA}\n")), "{}", told("ana"));
    assert!(told("bob").contains("to eva@private.example; copy to friend@one.example"), "{}", told("bob"));
    // Nor does a note or a hint about it.
    desk.says("record add contact Zoe --email zoe@two.example --team Support").ok();
    let linked = desk.says("--as ana case link 1 contact/1").ok();
    let history = desk.says("--as ana case history 1").ok();
    for text in [linked.stdout, linked.stderr, history.stdout] {
        assert!(!text.contains("eva@private.example"), "{text}");
    }
}

#[test]
fn a_merge_says_what_it_does_and_answers_so() {
    let desk = desk();
    desk.says("record add contact Alice --email alice@two.example").ok();
    desk.put(&mail(EVA, SUPPORT, "One"));
    desk.put(&mail("alice@two.example", SUPPORT, "Two"));
    let asked = desk.says("case merge 2 1");
    assert!(asked.stderr.contains("alice@two.example is copied in answers"), "{}", asked.stderr);
    desk.says("--yes case merge 2 1").ok();
    let told = desk.says("--dry-run case reply 1 -m Hello").ok();
    assert!(told.stderr.contains(&format!("to {EVA}; copy to alice@two.example")), "{}", told.stderr);
    // Another person is typed in their place: they are named as left out.
    let told = desk.says("--dry-run case reply 1 -m Hello --to lab@supplier.example").ok();
    assert!(
        told.stderr.contains(&format!("left out: {EVA} (customer), alice@two.example (copied)")),
        "{}",
        told.stderr
    );
}

#[test]
fn people_of_a_case_are_set_together_and_shown() {
    let desk = desk();
    desk.put(&mail("noreply@shop.example", SUPPORT, "Order").without("Reply-To"));
    assert!(desk.says("case people 1").ok().stderr.contains("No one takes part yet."));
    desk.says("case people 1 --customer eva@one.example --third-party lab@supplier.example --copied lee@one.example")
        .ok();
    let people = desk.says("--format plain case people 1").ok().stdout;
    for part in ["customer\t\teva@one.example", "copied\t\tlee@one.example", "third party\t\tlab@supplier.example"] {
        assert!(people.contains(part), "{part}: {people}");
    }
    let refused = desk.says("case people 1 --copied bob@desk.example").exits(65);
    assert!(refused.stderr.contains("user bob, who is staff in every case"), "{}", refused.stderr);
    desk.says("case people 1 --copied x@one.example --third-party x@one.example").exits(65).says("is named twice");
    let said = desk.says("case people 1 --third-party eva@one.example").ok();
    assert!(said.stderr.contains("has no customer to answer now"), "{}", said.stderr);
}

#[test]
fn a_person_behind_another_address_is_shown_and_found_with_it() {
    let desk = desk();
    desk.put(&mail("no-reply@evil.example", SUPPORT, "Transfer").reply_to("V <v@customer.example>"));
    let marked = "v@customer.example> (by way of no-reply@evil.example)";
    for line in ["email list", "email show 1", "case show 1", "case thread 1"] {
        let shown = desk.says(line).ok().stdout;
        assert!(shown.contains(marked), "{line}: {shown}");
    }
    for line in ["case list", "case people 1", "case show 1"] {
        let shown = desk.says(line).ok().stdout;
        assert!(shown.contains("(by way of no-reply@evil.example)"), "{line}: {shown}");
    }
    let told = desk.says("--dry-run case reply 1 -m Hello").ok().stderr;
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
    desk.put(&mail(EVA, SUPPORT, "One"));
    desk.says("case reply 1 -m Hello").ok();
    let rows = desk.items(&["outbox", "list", "--all"]);
    let ours = format!("<{}>", rows[0]["message_id"].as_str().unwrap());
    for (sender, subject) in [("\"Hall\" <+4912>", "Call"), ("noreply@shop.example", "Note")] {
        desk.put(&mail(sender, SUPPORT, subject).in_reply_to(&ours));
    }
    for mail in desk.items(&["email", "list", "is:unverified"]) {
        let id = mail["id"].to_string();
        let refused = desk.run(&["case", "accept", &id]).exits(65);
        assert!(refused.stderr.contains("cannot take part in a case"), "{}", refused.stderr);
        desk.run(&["case", "refuse", &id]).ok();
        desk.run(&["case", "refuse", &id]).ok();
    }
    let history = desk.items(&["case", "history", "1"]);
    assert_eq!(history.iter().filter(|note| note["kind"] == "refused").count(), 2, "one note for each mail");
}
