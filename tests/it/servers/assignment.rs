//! Distribution of cases (B5.5): exact assignments over 12 mails on real servers.

use crate::support::{Dovecot, Mailbox, Sandbox, mail};

/// Puts mails there, one sender each, and fetches once.
fn fetch_mails(sandbox: &Sandbox, mailbox: &Mailbox, from: usize, count: usize) {
    for n in from..from + count {
        let letter = mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Question {n}"));
        mailbox.append("INBOX", &letter.bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
}

/// Who has the cases, in the order of their numbers; `-` = nobody.
fn assignees(sandbox: &Sandbox) -> Vec<String> {
    let mut cases = sandbox.items(&["case", "list", "--all"]);
    cases.sort_by_key(|case| case["number"].as_i64());
    cases.iter().map(|case| case["assigned_user"]["username"].as_str().unwrap_or("-").to_owned()).collect()
}

/// An office of five: dewi is away, eko is disabled.
fn office(extra: &[&str]) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, extra);
    for user in ["dewi", "eko"] {
        sandbox.run(&["user", "add", user]).ok();
        sandbox.run(&["team", "member", "add", "Support", user]).ok();
    }
    sandbox.run(&["user", "away", "dewi"]).ok();
    sandbox.run(&["user", "disable", "eko"]).ok();
    (sandbox, mailbox)
}

#[test]
fn round_robin_goes_round_and_manual_work_does_not_move_the_wheel() {
    let (sandbox, mailbox) = office(&["--distribution", "round-robin"]);
    fetch_mails(&sandbox, &mailbox, 1, 4);
    assert_eq!(assignees(&sandbox), ["ana", "budi", "citra", "ana"]);

    // By hand to citra: the next automatic one is still budi's.
    sandbox.run(&["case", "assign", "4", "citra"]).ok();
    fetch_mails(&sandbox, &mailbox, 5, 4);
    assert_eq!(assignees(&sandbox)[4..], ["budi", "citra", "ana", "budi"]);

    sandbox.run(&["user", "away", "dewi", "--back"]).ok();
    fetch_mails(&sandbox, &mailbox, 9, 4);
    assert_eq!(assignees(&sandbox)[8..], ["citra", "dewi", "ana", "budi"]);
    assert!(sandbox.items(&["case", "list"]).iter().all(|case| case["status"] == "Assigned"));
}

#[test]
fn least_busy_counts_open_cases_and_ties_go_to_who_waited_longest() {
    let (sandbox, mailbox) = office(&["--distribution", "least-busy"]);
    fetch_mails(&sandbox, &mailbox, 1, 4);
    assert_eq!(assignees(&sandbox), ["ana", "budi", "citra", "ana"]);

    // ana: 1 and 4, budi: 2, citra: 3. budi closes: 2-0-1; by hand case 1 to citra: 1-0-2.
    sandbox.run(&["case", "close", "2"]).ok();
    sandbox.run(&["case", "assign", "1", "citra"]).ok();
    fetch_mails(&sandbox, &mailbox, 5, 4);
    // budi 0 -> 1; ana and budi 1 each: ana was assigned automatically before budi -> ana 2; budi 2; then all 2:
    // citra's last automatic case is the oldest.
    assert_eq!(assignees(&sandbox)[4..], ["budi", "ana", "budi", "citra"]);

    sandbox.run(&["user", "away", "dewi", "--back"]).ok();
    fetch_mails(&sandbox, &mailbox, 9, 4);
    // ana 2, budi 2, citra 3 after her turn, dewi 0: dewi takes two, then the tie of three goes to the one who was
    // assigned least recently: ana, then budi.
    assert_eq!(assignees(&sandbox)[8..], ["dewi", "dewi", "ana", "budi"]);
}

#[test]
fn positions_decide_who_is_eligible() {
    let (sandbox, mailbox) = office(&["--distribution", "round-robin", "--position", "Agent"]);
    sandbox.run(&["team", "member", "add", "Support", "budi", "--position", "Agent"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "citra", "--position", "agent"]).ok();
    fetch_mails(&sandbox, &mailbox, 1, 3);
    assert_eq!(assignees(&sandbox), ["budi", "budi", "budi"], "the position is compared exactly");
}

#[test]
fn direct_needs_an_able_user_and_nobody_eligible_is_said_on_the_case() {
    let (sandbox, mailbox) = office(&["--distribution", "direct", "--assign-to", "budi"]);
    fetch_mails(&sandbox, &mailbox, 1, 1);
    sandbox.run(&["user", "away", "budi"]).ok();
    fetch_mails(&sandbox, &mailbox, 2, 1);
    sandbox.run(&["account", "edit", "support", "--distribution", "round-robin", "--position", "Nobody"]).ok();
    fetch_mails(&sandbox, &mailbox, 3, 1);
    sandbox.run(&["account", "edit", "support", "--distribution", "none"]).ok();
    fetch_mails(&sandbox, &mailbox, 4, 1);
    assert_eq!(assignees(&sandbox), ["budi", "-", "-", "-"]);
    for (number, words) in [("2", "budi is away"), ("3", "nobody in the case team is eligible")] {
        let case = sandbox.json(&["case", "show", number]);
        assert_eq!(case["status"], "New");
        assert!(case["stream"].to_string().contains(words), "{case}");
    }
}

#[test]
fn the_assignee_hears_of_it_by_mail_once_and_only_of_automatic_or_others_assignments() {
    let (sandbox, mailbox) = office(&["--distribution", "direct", "--assign-to", "ana"]);
    let desk = Dovecot::shared().mailbox_at("staff.example");
    sandbox.run(&["user", "edit", "ana", "--email", &desk.address]).ok();
    fetch_mails(&sandbox, &mailbox, 1, 1);
    sandbox.run(&["fetch"]).ok();
    let notices = desk.arrived(1);
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].header("Auto-Submitted"), "auto-generated");
    assert!(notices[0].header("Subject").starts_with("[#1] assigned to you: Question 1"));
    assert!(notices[0].text().contains("espomail case reply 1"));

    sandbox.run(&["case", "release", "1"]).ok();
    sandbox.run(&["--as", "ana", "case", "take", "1"]).ok();
    sandbox.run(&["send"]).ok();
    crate::support::Exim::shared().idle();
    assert_eq!(desk.messages("INBOX").len(), 1, "nobody is told of what they did themselves");
}
