//! Sending through group accounts by the level of `group-account` (B11.2, B13.2, B13.3): on a real SMTP server, and what
//! left by whose address is read in the mailbox of the recipient.

use std::collections::BTreeMap;

use crate::support::{Desk, Dovecot, Exim, Run, Sandbox, SmtpSink, mail};

/// Where answers to mail of sales go.
const ANSWERS: &str = "answers@sales.example";

/// Ana is in Support. Case 1 came by her team's account `support`; case 2 came by `sales`, which is of a team that she
/// is not in, and is assigned to her.
fn desk() -> Desk {
    let desk = Desk::empty().with_mailbox("customer", "customer.example");
    for team in ["Support", "Sales"] {
        desk.ok(&["team", "add", team, "--no-role"]);
    }
    let desk = desk.user("ana", &["Support"]);
    desk.ok("role add Sender");
    desk.ok("role assign Sender ana");
    let made_in = |team| ["--team", team, "--case-team", team, "--create-case"];
    let desk = desk.group_account("support", &[&made_in("Support")[..], &["--shared"]].concat());
    desk.case_by("support");
    let desk = desk.group_account("sales", &[&made_in("Sales")[..], &["--reply-to", ANSWERS]].concat());
    desk.case_by("sales");
    desk.ok("case assign 2 ana");
    desk
}

impl Desk {
    /// A letter of the customer that comes by this account.
    fn case_by(&self, account: &str) {
        let mailbox = self.mailbox(account);
        let from = format!("Eva <{}>", self.customer().address);
        mailbox.append("INBOX", &mail(&from, &mailbox.address, &format!("To {account}")).bytes());
        self.ok("fetch");
    }

    fn level(&self, level: &str) {
        self.ok(&format!("role grant Sender group-account {level}"));
    }

    /// What is not of a team of hers is to ana as if it were not there.
    #[track_caller]
    fn is_refused(&self, line: &str, run: &Run) {
        let foreign = [
            ("--account sales", "sales", "nowhere"),
            ("--from", self.mailbox("sales").address.as_str(), "no@where.example"),
        ];
        match foreign.into_iter().find(|(flag, name, _)| line.contains(flag) && line.contains(name)) {
            None => assert_eq!(run.code, 77, "{run:#?}"),
            Some((_, name, other)) => {
                let missing = self.ana(&format!("-q {} -m Hi", line.replace(name, other)));
                assert!(run.code != 0 && run.code == missing.code, "{run:#?} {missing:#?}");
                assert_eq!(run.stderr.replace(name, other), missing.stderr);
            }
        }
    }

    /// With addresses in place of names.
    fn named(&self, text: &str) -> String {
        let names = [("SUPPORT", self.support()), ("SALES", self.mailbox("sales")), ("CUSTOMER", self.customer())];
        names.into_iter().fold(text.to_owned(), |text, (name, mailbox)| text.replace(name, &mailbox.address))
    }

    /// From and Reply-To of all that the customer has, by the last word of the text.
    fn arrived(&self, count: usize) -> BTreeMap<String, (String, String)> {
        self.ok("send");
        Exim::shared().idle();
        self.customer().arrived(count);
        let address = |value: &serde_json::Value| value[0].as_str().unwrap_or_default().to_owned();
        let all = self.customer().read_by_python();
        let word = |text: &str| text.split_whitespace().find(|word| word.starts_with("word-")).map(str::to_owned);
        all.iter()
            .filter_map(|mail| {
                Some((word(mail["text"].as_str()?)?, (address(&mail["from"]), address(&mail["reply_to"]))))
            })
            .collect()
    }
}

/// What is written, the level that it needs, the account it goes by, and where the answer goes: to the account that the
/// case came by (B13.3), else to the one that sends; nowhere else than to From where that is the same.
const LETTERS: [(&str, &str, &str, &str); 13] = [
    ("case reply 1", "team", "support", "SUPPORT"),
    ("case reply 1 --from group", "team", "support", "SUPPORT"),
    ("case reply 2", "team", "sales", ANSWERS),
    ("case reply 1 --account sales", "all", "sales", "SUPPORT"),
    ("case reply 1 --from SALES", "all", "sales", "SUPPORT"),
    ("email reply 1", "team", "support", "SUPPORT"),
    ("email reply 1 --account sales", "all", "sales", "SUPPORT"),
    ("email forward 1 --to CUSTOMER", "team", "support", "SUPPORT"),
    ("email forward 1 --to CUSTOMER --account sales", "all", "sales", "SUPPORT"),
    ("email send --to CUSTOMER --subject New", "team", "support", ""),
    ("email send --to CUSTOMER --subject New --from group", "team", "support", ""),
    ("email send --to CUSTOMER --subject New --account sales", "all", "sales", ANSWERS),
    ("email send --to CUSTOMER --subject New --from SALES", "all", "sales", ANSWERS),
];

#[test]
fn what_leaves_by_a_group_account_is_what_the_level_allows() {
    let desk = desk();
    let mut expected = BTreeMap::new();
    for (number, level) in ["no role", "no", "team", "all"].into_iter().enumerate() {
        if number > 0 {
            desk.level(level);
        }
        for (kind, (letter, needs, account, reply_to)) in LETTERS.iter().enumerate() {
            for manner in ["", " --draft", " --at +1h"] {
                let word = format!("word-{number}-{kind}{}", manner.replace(' ', ""));
                let line = desk.named(letter);
                let run = desk.ana(&format!("-q {line} -m {word}{manner}"));
                let allowed = level == "all" || level == *needs;
                if !allowed {
                    desk.is_refused(&line, &run);
                    continue;
                }
                let run = run.ok();
                let mailbox = if *account == "support" { desk.support() } else { desk.mailbox("sales") };
                expected.insert(word, (mailbox.address.clone(), desk.named(reply_to)));
                match manner {
                    " --draft" => drop(desk.ana(&format!("-q email send {}", run.stdout.trim())).ok()),
                    " --at +1h" => drop(desk.ana(&format!("--yes -q outbox retry {}", run.stdout.trim())).ok()),
                    _ => {}
                }
            }
        }
    }
    assert_eq!(desk.arrived(expected.len()), expected);
}

/// A draft is judged again when it is sent. What is in the outbox was judged when it was written, like a letter that has
/// been posted: an administrator may still take it back.
#[test]
fn a_level_that_is_taken_away_stops_drafts_and_not_what_is_in_the_outbox() {
    let desk = desk();
    desk.level("team");
    let draft = desk.ana("-q case reply 1 -m word-draft --draft").ok().stdout;
    let later = desk.ana("-q case reply 1 -m word-later --at +1h").ok().stdout;
    let revoked = desk.ana("-q case reply 1 -m word-revoked --at +1h").ok().stdout;
    desk.level("no");
    let refused = desk.ana(&format!("-q email send {}", draft.trim())).exits(77).stderr;
    assert!(refused.contains("group-account"), "{refused}");
    desk.ana(&format!("-q email edit {} -m word-other", draft.trim())).exits(77);
    desk.ok(&format!("outbox cancel {}", revoked.trim()));
    desk.ok(&format!("--yes outbox retry {}", later.trim()));
    assert_eq!(desk.arrived(1).into_keys().collect::<Vec<_>>(), ["word-later"]);
}

#[test]
fn a_disabled_account_does_not_send() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).ok();
    sandbox.run(&["account", "disable", "support"]).ok();
    sandbox.run(&["send"]).ok();
    assert!(sink.received().is_empty());
    sandbox.run(&["account", "enable", "support"]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().len(), 1);
}
