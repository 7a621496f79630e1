//! `account audit`: every difference between the server and the ledger is found, repair closes it (B2.13, R9).

use serde_json::Value;

use crate::support::{Dovecot, Mailbox, Proxy, Run, Sandbox, Side, mail};

fn letters(mailbox: &Mailbox, numbers: std::ops::RangeInclusive<u32>) -> Vec<u32> {
    let letter = |n| mail(&format!("c{n}@rejects.example"), &mailbox.address, &format!("Q{n:02}")).bytes();
    numbers.map(|n| mailbox.append("INBOX", &letter(n))).collect()
}

fn audit(sandbox: &Sandbox, extra: &[&str], code: i32) -> (Vec<(String, u64)>, Run) {
    let run = sandbox.run(&[&["--json", "account", "audit", "support"], extra].concat()).exits(code);
    let json: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
    let row = |row: &Value| (row["what"].as_str().unwrap().to_owned(), row["uid"].as_u64().unwrap_or_default());
    (json["items"].as_array().unwrap().iter().map(row).collect(), run)
}

fn counted(sandbox: &Sandbox) -> (usize, usize) {
    let replies = sandbox.items(&["outbox", "list", "--all"]).iter().filter(|r| r["kind"] == "auto-reply").count();
    (sandbox.items(&["case", "list"]).len(), replies)
}

#[test]
fn removed_and_added_messages_are_found_and_repaired_once() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks", "--imap", &proxy.address()]);
    let old = letters(&mailbox, 1..=6);
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    let uids = [old, letters(&mailbox, 7..=12)].concat();
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!(audit(&sandbox, &[], 0).0, []);
    assert_eq!(counted(&sandbox), (12, 12));

    let removed = [uids[0], uids[2], uids[5], uids[6], uids[11]].map(|uid| uid.to_string()).join(", ");
    sandbox.sql(&format!("DELETE FROM deliveries WHERE uid IN ({removed})"));
    let unfetchable = format!("{}, {}", uids[1], uids[7]);
    sandbox.sql(&format!(
        "UPDATE deliveries SET outcome = 'unfetchable', reason = 'no body', raw_id = NULL, email_id = NULL WHERE uid IN ({unfetchable})"
    ));
    mailbox.expunge("INBOX", uids[3]);
    let added = letters(&mailbox, 13..=15);
    let row = |what: &str, uid: u32| (what.to_owned(), u64::from(uid));
    let mut expected = vec![row("gone", uids[3]), row("unfetchable", uids[1]), row("unfetchable", uids[7])];
    expected.extend([0, 2, 5, 6, 11].map(|n| row("missing", uids[n])));
    expected.extend(added.iter().map(|uid| row("missing", *uid)));
    expected.sort_by_key(|(_, uid)| *uid);

    let before = sandbox.canon();
    proxy.clear();
    let (found, run) = audit(&sandbox, &[], 1);
    assert_eq!(found, expected);
    assert!(run.stderr.contains("missing 8, unfetchable 2, quarantined 0, gone 1"), "{run:?}");
    let commands: Vec<String> =
        proxy.lines(Side::Client).iter().filter_map(|line| line.split(' ').nth(1).map(str::to_uppercase)).collect();
    assert_eq!(commands.first().map(String::as_str), Some("LOGIN"));
    assert!(commands.len() <= 8 && !commands.contains(&"SELECT".to_owned()), "{commands:?}");
    let run = sandbox.run(&["--dry-run", "account", "audit", "support", "--repair"]).exits(1);
    assert!(run.stderr.contains("10 messages would be fetched"), "{run:?}");
    assert_eq!(sandbox.canon(), before, "looking changes nothing");

    let (left, run) = audit(&sandbox, &["--repair"], 0);
    assert_eq!(left, [row("gone", uids[3])]);
    assert!(run.stderr.contains("fetched 10 of 10: imported 3, known already 7, quarantined 0"), "{run:?}");
    assert_eq!(audit(&sandbox, &[], 0).0, left);
    assert_eq!(counted(&sandbox), (15, 15), "no second case or reply");
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!(counted(&sandbox), (15, 15));
    let ledger = &sandbox.ledger()[&mailbox.address];
    assert_eq!(*ledger, [uids, added].concat(), "every UID once");
}

#[test]
fn folder_is_fetched_before_the_audit_when_its_numbers_changed_or_it_never_was() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    letters(&mailbox, 1..=2);
    for repair in [&[][..], &["--repair"]] {
        let (found, run) = audit(&sandbox, repair, 1);
        assert_eq!(found, [("uidvalidity".to_owned(), 0)]);
        assert!(run.stderr.contains("{\"hint\":\"run `espomail fetch support`"), "{run:?}");
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    audit(&sandbox, &[], 0);
    mailbox.recreate("INBOX");
    assert_eq!(audit(&sandbox, &[], 1).0, [("uidvalidity".to_owned(), 0)]);
    sandbox.run(&["fetch", "--no-send"]).ok();
    audit(&sandbox, &[], 0);
}

#[test]
fn a_folder_that_cannot_be_looked_at_keeps_no_other_back() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--folder", "Nope", "--folder", "INBOX"]);
    let uids = letters(&mailbox, 1..=2);
    sandbox.run(&["fetch", "--no-send"]);
    sandbox.sql(&format!("DELETE FROM deliveries WHERE uid = {}", uids[0]));
    let (found, run) = audit(&sandbox, &[], 69);
    assert_eq!(found, [("missing".to_owned(), u64::from(uids[0]))]);
    assert!(run.stderr.contains("account support: folder \\\"Nope\\\": "), "{run:#?}");
    let (left, run) = audit(&sandbox, &["--repair"], 69);
    assert_eq!((left, run.stderr.contains("fetched 1 of 1")), (Vec::new(), true), "{run:#?}");
    assert_eq!(run.stderr.matches("folder \\\"Nope\\\"").count(), 1, "{run:#?}");
}

#[test]
fn only_what_the_account_is_to_have_is_missing_and_mail_taken_away_on_purpose_is_not_gone() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let year_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 365);
    let past = mail("p@customer.example", &mailbox.address, "Past").bytes();
    mailbox.append_with("INBOX", &past, Some(year_ago), &[]);
    letters(&mailbox, 1..=3);
    sandbox.support_account(&mailbox, &["--after", "delete"]);
    let since = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48)).to_string();
    sandbox.run(&["account", "edit", "support", "--since", &since]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(mailbox.messages("INBOX").len(), 1);
    assert_eq!(audit(&sandbox, &[], 0).0, []);
    // fetch-since moved into the past asks for more.
    sandbox.run(&["account", "edit", "support", "--since", "2020-01-01"]).ok();
    assert_eq!(audit(&sandbox, &[], 1).0.len(), 1);
    sandbox.run(&["account", "audit", "support", "--repair"]).ok();
    assert_eq!(counted(&sandbox).0, 4);
    sandbox.run(&["account", "audit", "nobody"]).exits(65);
    sandbox.run(&["--as", "ana", "account", "audit", "support"]).exits(77);
}
