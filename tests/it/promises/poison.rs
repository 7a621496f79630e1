//! Mail that harms the program that reads it (promise R8): kept whole in the quarantine, and the rest is done.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Dice, Dovecot, Mailbox, Sandbox, asked, mail, promise};

fn letter(mailbox: &Mailbox, n: u64, subject: &str) -> Vec<u8> {
    let letter = mail(&format!("c{n}@customer.example"), &mailbox.address, subject);
    letter.message_id(&format!("<poison{n}@customer.example>")).bytes()
}

/// Runs until one ends by itself; how many there were.
fn runs(sandbox: &Sandbox) -> usize {
    sandbox.env("ESPOMAIL_POISON", "1");
    for run in 1..=40 {
        if sandbox.run(&["fetch", "--no-send"]).code < 128 {
            return run;
        }
    }
    panic!("40 runs died");
}

#[test]
fn a_message_that_kills_three_runs_is_quarantined_whole() {
    for (stage, deed) in [("reading", "recursion"), ("importing", "allocation")] {
        let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
        sandbox.support_account(&mailbox, &[]);
        let poison = letter(&mailbox, 1, &format!("poison:{stage}:{deed}"));
        mailbox.append("INBOX", &poison);
        mailbox.append("INBOX", &letter(&mailbox, 2, "Harmless"));
        assert_eq!(runs(&sandbox), 4, "{stage}: three die, the fourth does the rest");
        let held = sandbox.items(&["quarantine", "list"]);
        assert_eq!(held.len(), 1);
        assert!(held[0]["error"].as_str().unwrap().contains("died 3 times"), "{held:#?}");
        assert_eq!(sandbox.items(&["case", "list", "--all", "--limit", "0"])[0]["name"], "Harmless");
        let id = held[0]["id"].to_string();
        let file = sandbox.path("poison.eml");
        sandbox.run(&["quarantine", "export", &id, file.to_str().unwrap()]).ok();
        assert_eq!(std::fs::read(file).unwrap(), poison);
    }
}

#[test]
fn every_poisoned_message_is_kept_and_every_other_imported() {
    let (sandbox, mailbox, mut dice) = (Sandbox::new(), Dovecot::shared().mailbox(), Dice::new());
    sandbox.support_account(&mailbox, &[]);
    sandbox.config("case_burst = 0\n");
    let many: u64 = asked("ESPOMAIL_MAILS", 100);
    let killers = ["recursion", "recursion", "allocation", "abort", "abort"];
    let harmless = (many / 50 - 1).max(2) as usize;
    let deeds = ["error", "panic"].into_iter().cycle().take(harmless).chain(killers);
    let mut poisoned = BTreeMap::new();
    for deed in deeds {
        let stage = ["reading", "importing"][dice.below(2) as usize];
        while poisoned.insert(1 + dice.below(many), format!("poison:{stage}:{deed}")).is_some() {}
    }
    for uid in 1..=many {
        let subject = poisoned.get(&uid).cloned().unwrap_or_else(|| format!("Question {uid}"));
        mailbox.append("INBOX", &letter(&mailbox, uid, &subject));
    }
    let needed = runs(&sandbox);
    assert!(needed <= 1 + 3 * killers.len(), "{needed} runs; {poisoned:?}");
    let held: BTreeSet<u64> =
        sandbox.items(&["quarantine", "list"]).iter().map(|row| row["uid"].as_u64().unwrap()).collect();
    assert_eq!(held, poisoned.keys().copied().collect(), "{poisoned:?}");
    assert_eq!(sandbox.items(&["case", "list", "--all", "--limit", "0"]).len() as u64, many - held.len() as u64);
    let done = many - held.len() as u64;
    promise(
        "R8",
        &format!("{many} mails, {} bad, 5 of them deadly: imported, runs", held.len()),
        &format!("{done}, {needed}"),
    );
}
