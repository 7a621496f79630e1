//! Many mails in many accounts, with a fault for every hundredth of them (promise R10): bounded memory, a bounded
//! write-ahead log, and in the end the ledger holds what the servers hold. `ESPOMAIL_MAILS` makes it longer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{Child, Deed, Dice, Dovecot, Mailbox, Proxy, Rule, Sandbox, Side, When, asked, mail, promise};

/// The most that was seen while a process ran.
#[derive(Debug, Default)]
struct Peak {
    rss_kib: u64,
    wal_bytes: u64,
}

impl Peak {
    fn look(&mut self, sandbox: &Sandbox, pid: u32) {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        self.rss_kib = self.rss_kib.max(kib.unwrap_or_default());
        let wal = std::fs::metadata(sandbox.path("espomail.db-wal")).map_or(0, |file| file.len());
        self.wal_bytes = self.wal_bytes.max(wal);
    }
}

/// Fills a mailbox over one connection; every hundredth mail fails or panics when it is read or imported.
fn fill(mailbox: &Mailbox, mails: usize, dice: &mut Dice) -> usize {
    let mut imap = mailbox.imap();
    let mut poisoned = 0;
    for n in 0..mails {
        let mut subject = format!("Question {n}");
        if n % 100 == 50 {
            let (stage, deed) = (["reading", "importing"][n / 100 % 2], ["error", "panic"][n / 200 % 2]);
            subject = format!("poison:{stage}:{deed}");
            poisoned += 1;
        }
        let text = "Where is my order? ".repeat(1 + dice.below(200) as usize);
        let letter = mail(&format!("c{}@customer.example", dice.below(5000)), &mailbox.address, &subject);
        imap.append("INBOX", &[], None, &letter.body(&text).bytes());
    }
    poisoned
}

#[test]
fn many_accounts_with_many_mails_and_faults() {
    let (sandbox, mut dice) = (Sandbox::new(), Dice::new());
    let mails: usize = asked("ESPOMAIL_MAILS", 600);
    let accounts = (mails / 100).min(50);
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.config("case_burst = 0\n");
    let mut expected = BTreeMap::new();
    let mut poisoned = 0;
    for n in 0..accounts {
        let (mailbox, name) = (Dovecot::shared().mailbox(), format!("box{n}"));
        let through = ["--imap", &proxy.address(), "--create-case", "--case-team", "Support", "--after", "keep"];
        if n == 0 {
            sandbox.support_account(&mailbox, &["--imap", &proxy.address(), "--after", "keep"]);
        } else {
            sandbox.group_account(&name, &mailbox, &through);
        }
        poisoned += fill(&mailbox, mails / accounts, &mut dice);
        expected.insert(mailbox.address.clone(), mails / accounts);
    }
    sandbox.env("ESPOMAIL_POISON", "1");
    let mut peak = Peak::default();
    let limit = Duration::from_secs(900);
    for round in 0..(mails / 100).clamp(4, 100) {
        let child = Child::default();
        let deed = if round % 2 == 0 { Deed::Kill(child.clone()) } else { Deed::Cut };
        let nth = 1 + dice.below(mails as u64 / 50) as usize;
        let when = When::Inside(dice.below(3000) as usize);
        proxy.set_rule(Some(Rule { side: Side::Server, text: "BODY[]", nth, when, deed }));
        let running = sandbox.call(&["fetch", "--no-send"]).known_to(&child).spawn();
        let run = running.watch(limit, &mut |pid| peak.look(&sandbox, pid));
        assert!([0, 1, 75, 128 + 9].contains(&run.code), "{run:#?}");
    }
    proxy.set_rule(None);
    let last = sandbox.call(&["fetch", "--no-send"]).spawn().watch(limit, &mut |pid| peak.look(&sandbox, pid));
    assert!([0, 1].contains(&last.code), "{last:#?}");
    assert!(peak.rss_kib <= 150 << 10, "{peak:?}");
    assert!(peak.wal_bytes <= 64 << 20, "{peak:?}");
    assert_eq!(sandbox.items(&["quarantine", "list", "--limit", "0"]).len(), poisoned);
    assert_eq!(sandbox.items(&["case", "list", "--all", "--limit", "0"]).len(), mails - poisoned);
    // What the servers hold is what the ledger holds: every UID once.
    let ledger = sandbox.ledger();
    assert_eq!(ledger.len(), accounts);
    for (address, uids) in ledger {
        assert_eq!(uids, (1..=expected[&address] as u32).collect::<Vec<_>>(), "{address}");
    }
    sandbox.run(&["db", "check"]).ok();
    let what = format!("{mails} mails, {accounts} accounts, 1 % faults: memory, log, differences to the server");
    promise("R10", &what, &format!("{} MB, {} MB, 0", peak.rss_kib >> 10, peak.wal_bytes >> 20));
}
