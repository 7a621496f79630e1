//! Sending through group accounts by the level of `group-account` (B11.2, B13.2, B13.3): on a real SMTP server, and what
//! left by whose address is read in the mailbox of the recipient.

use std::collections::BTreeMap;

use crate::support::{Dovecot, Exim, Mailbox, Run, Sandbox, SmtpSink, mail};

/// Where answers to mail of sales go.
const ANSWERS: &str = "answers@sales.example";

/// Ana is in Support. Case 1 came by her team's account `support`; case 2 came by `sales`, which is of a team that she
/// is not in, and is assigned to her.
struct Office {
    sandbox: Sandbox,
    support: Mailbox,
    sales: Mailbox,
    customer: Mailbox,
}

fn office() -> Office {
    let mailbox = || Dovecot::shared().mailbox();
    let customer = Dovecot::shared().mailbox_at("customer.example");
    let office = Office { sandbox: Sandbox::new(), support: mailbox(), sales: mailbox(), customer };
    let sandbox = &office.sandbox;
    office.run("init");
    for team in ["Support", "Sales"] {
        office.run(&format!("team add {team} --no-role"));
    }
    office.run("user add ana --email ana@staff.example");
    office.run("team member add Support ana");
    office.run("role add Sender");
    office.run("role assign Sender ana");
    for (name, mailbox, team, extra) in [
        ("support", &office.support, "Support", &["--shared"][..]),
        ("sales", &office.sales, "Sales", &["--reply-to", ANSWERS]),
    ] {
        let teams = ["--team", team, "--case-team", team, "--create-case"];
        sandbox.group_account(name, mailbox, &[&teams[..], extra].concat());
        let letter = mail(&format!("Eva <{}>", office.customer.address), &mailbox.address, &format!("To {name}"));
        mailbox.append("INBOX", &letter.bytes());
        office.run("fetch");
    }
    office.run("case assign 2 ana");
    office
}

impl Office {
    #[track_caller]
    fn run(&self, line: &str) -> String {
        self.sandbox.run(&line.split(' ').collect::<Vec<_>>()).ok().stdout
    }

    fn ana(&self, line: &str) -> Run {
        self.sandbox.run(&["-q", "--as", "ana"].into_iter().chain(line.split(' ')).collect::<Vec<_>>())
    }

    fn level(&self, level: &str) {
        self.run(&format!("role grant Sender group-account {level}"));
    }

    /// What is not of a team of hers is to ana as if it were not there.
    #[track_caller]
    fn is_refused(&self, line: &str, run: &Run) {
        let foreign =
            [("--account sales", "sales", "nowhere"), ("--from", self.sales.address.as_str(), "no@where.example")];
        match foreign.into_iter().find(|(flag, name, _)| line.contains(flag) && line.contains(name)) {
            None => assert_eq!(run.code, 77, "{run:#?}"),
            Some((_, name, other)) => {
                let missing = self.ana(&(line.replace(name, other) + " -m Hi"));
                assert!(run.code != 0 && run.code == missing.code, "{run:#?} {missing:#?}");
                assert_eq!(run.stderr.replace(name, other), missing.stderr);
            }
        }
    }

    /// With addresses in place of names.
    fn named(&self, text: &str) -> String {
        let names = [("SUPPORT", &self.support), ("SALES", &self.sales), ("CUSTOMER", &self.customer)];
        names.into_iter().fold(text.to_owned(), |text, (name, mailbox)| text.replace(name, &mailbox.address))
    }

    /// From and Reply-To of all that the customer has, by the last word of the text.
    fn arrived(&self, count: usize) -> BTreeMap<String, (String, String)> {
        self.run("send");
        Exim::shared().idle();
        self.customer.arrived(count);
        let address = |value: &serde_json::Value| value[0].as_str().unwrap_or_default().to_owned();
        let all = self.customer.read_by_python();
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
    let office = office();
    let mut expected = BTreeMap::new();
    for (number, level) in ["no role", "no", "team", "all"].into_iter().enumerate() {
        if number > 0 {
            office.level(level);
        }
        for (kind, (letter, needs, account, reply_to)) in LETTERS.iter().enumerate() {
            for manner in ["", " --draft", " --at +1h"] {
                let word = format!("word-{number}-{kind}{}", manner.replace(' ', ""));
                let line = office.named(letter);
                let run = office.ana(&format!("{line} -m {word}{manner}"));
                let allowed = level == "all" || level == *needs;
                if !allowed {
                    office.is_refused(&line, &run);
                    continue;
                }
                let run = run.ok();
                let mailbox = if *account == "support" { &office.support } else { &office.sales };
                expected.insert(word, (mailbox.address.clone(), office.named(reply_to)));
                match manner {
                    " --draft" => drop(office.ana(&format!("email send {}", run.stdout.trim())).ok()),
                    " --at +1h" => drop(office.ana(&format!("outbox retry {}", run.stdout.trim())).ok()),
                    _ => {}
                }
            }
        }
    }
    assert_eq!(office.arrived(expected.len()), expected);
}

/// A draft is judged again when it is sent. What is in the outbox was judged when it was written, like a letter that has
/// been posted: an administrator may still take it back.
#[test]
fn a_level_that_is_taken_away_stops_drafts_and_not_what_is_in_the_outbox() {
    let office = office();
    office.level("team");
    let draft = office.ana("case reply 1 -m word-draft --draft").ok().stdout;
    let later = office.ana("case reply 1 -m word-later --at +1h").ok().stdout;
    let revoked = office.ana("case reply 1 -m word-revoked --at +1h").ok().stdout;
    office.level("no");
    let refused = office.ana(&format!("email send {}", draft.trim())).exits(77).stderr;
    assert!(refused.contains("group-account"), "{refused}");
    office.ana(&format!("email edit {} -m word-other", draft.trim())).exits(77);
    office.run(&format!("outbox cancel {}", revoked.trim()));
    office.run(&format!("outbox retry {}", later.trim()));
    assert_eq!(office.arrived(1).into_keys().collect::<Vec<_>>(), ["word-later"]);
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
