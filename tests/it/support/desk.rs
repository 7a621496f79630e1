//! The fixture of most tests: a help desk in a sandbox, driven by the program alone. A test module takes one of the
//! constructors and adds what is different with the builders; a question that it alone asks is an `impl Desk` in that module.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Dovecot, Letter, Mailbox, Run, Sandbox, clock, mail};

/// Address of the account support where it has no mailbox.
pub const SUPPORT: &str = "support@desk.example";

/// A database with its users, and the mailboxes of accounts, users and customers by name.
pub struct Desk {
    pub sandbox: Sandbox,
    mailboxes: BTreeMap<String, Mailbox>,
}

/// Arguments of the program: one line, split at blanks, or a list where an argument has blanks.
pub trait Line {
    fn words(&self) -> Vec<&str>;
}

impl Line for str {
    fn words(&self) -> Vec<&str> {
        self.split_whitespace().collect()
    }
}

impl Line for String {
    fn words(&self) -> Vec<&str> {
        self.as_str().words()
    }
}

impl Line for [&str] {
    fn words(&self) -> Vec<&str> {
        self.to_vec()
    }
}

impl<const N: usize> Line for [&str; N] {
    fn words(&self) -> Vec<&str> {
        self.to_vec()
    }
}

impl Line for Vec<&str> {
    fn words(&self) -> Vec<&str> {
        self.clone()
    }
}

/// Constructors and builders.
impl Desk {
    /// A database without users.
    #[track_caller]
    pub fn empty() -> Desk {
        let desk = Desk { sandbox: Sandbox::new(), mailboxes: BTreeMap::new() };
        desk.sandbox.init();
        desk
    }

    /// No database yet, and a clock that stands still, see [`Desk::at`].
    pub fn with_clock() -> Desk {
        let desk = Desk { sandbox: Sandbox::new(), mailboxes: BTreeMap::new() };
        desk.sandbox.env("LD_PRELOAD", clock().to_str().unwrap());
        desk
    }

    /// Agents ana and budi in team Support; no account.
    #[track_caller]
    pub fn new() -> Desk {
        Desk::within(Sandbox::new())
    }

    /// The same in a sandbox that has no database yet.
    #[track_caller]
    pub fn within(sandbox: Sandbox) -> Desk {
        let desk = Desk { sandbox, mailboxes: BTreeMap::new() };
        desk.sandbox.begin_with("office", &|first| {
            first.run(&["init"]).ok();
            first.run(&["team", "add", "Support"]).ok();
            for user in ["ana", "budi"] {
                first.run(&["user", "add", user, "--email", &format!("{user}@staff.example")]).ok();
                first.run(&["team", "member", "add", "Support", user]).ok();
            }
        });
        desk
    }

    /// What [`Sandbox::support_account`] makes on the real servers, and the mailbox of a customer.
    #[track_caller]
    pub fn on_servers(extra: &[&str]) -> Desk {
        let mut desk = Desk { sandbox: Sandbox::new(), mailboxes: BTreeMap::new() };
        desk.add_mailbox("support", "espomail.example");
        desk.add_mailbox("customer", "customer.example");
        desk.sandbox.support_account(desk.support(), extra);
        desk
    }

    #[track_caller]
    pub fn team(self, name: &str) -> Desk {
        self.ok(&["team", "add", name]);
        self
    }

    /// An agent at `NAME@staff.example`.
    #[track_caller]
    pub fn user(self, name: &str, teams: &[&str]) -> Desk {
        self.add_user(name, &format!("{name}@staff.example"), teams);
        self
    }

    /// An agent whose address leads to the mailbox of that name.
    #[track_caller]
    pub fn user_with_mailbox(mut self, name: &str, teams: &[&str]) -> Desk {
        self.add_mailbox(name, "staff.example");
        self.add_user(name, &self.mailbox(name).address, teams);
        self
    }

    /// A mailbox on the real servers, at an address in `domain`.
    pub fn with_mailbox(mut self, name: &str, domain: &str) -> Desk {
        self.add_mailbox(name, domain);
        self
    }

    /// A group account at `NAME@desk.example` that gets its mail by `ingest` and makes cases of team Support.
    #[track_caller]
    pub fn piped_account(self, name: &str, extra: &[&str]) -> Desk {
        let address = format!("{name}@desk.example");
        let account = ["account", "add", name, "--kind", "group", "--address", &address, "--secret", "env:PW"];
        let rest = ["--smtp", "127.0.0.1:9", "--smtp-tls", "none", "--case-team", "Support", "--create-case"];
        self.ok(&[&account[..], &rest, extra].concat());
        self
    }

    /// A group account with a mailbox of its name on the real servers.
    #[track_caller]
    pub fn group_account(mut self, name: &str, extra: &[&str]) -> Desk {
        self.add_mailbox(name, "espomail.example");
        self.sandbox.group_account(name, self.mailbox(name), extra);
        self
    }

    fn add_mailbox(&mut self, name: &str, domain: &str) {
        self.mailboxes.insert(name.to_owned(), Dovecot::shared().mailbox_at(domain));
    }

    #[track_caller]
    fn add_user(&self, name: &str, address: &str, teams: &[&str]) {
        self.ok(&["user", "add", name, "--email", address]);
        for team in teams {
            self.ok(&["team", "member", "add", team, name]);
        }
    }
}

/// Commands and mail.
impl Desk {
    /// Sets the clock of [`Desk::with_clock`].
    pub fn at(&self, now: jiff::Timestamp) {
        self.sandbox.env("ESPOMAIL_TEST_CLOCK", &now.as_second().to_string());
    }

    /// Stops the clock here and now, if it does not stand still already: for screens that are compared with each other.
    pub fn stop_clock(&self) {
        if self.sandbox.has_env("ESPOMAIL_TEST_CLOCK") {
            return;
        }
        self.sandbox.env("LD_PRELOAD", clock().to_str().unwrap());
        self.at(jiff::Timestamp::now());
    }

    #[track_caller]
    pub fn run<L: Line + ?Sized>(&self, line: &L) -> Run {
        self.sandbox.run(&line.words())
    }

    /// Panics unless the exit code is 0.
    #[track_caller]
    pub fn ok<L: Line + ?Sized>(&self, line: &L) -> Run {
        self.run(line).ok()
    }

    #[track_caller]
    pub fn run_as<L: Line + ?Sized>(&self, user: &str, line: &L) -> Run {
        self.sandbox.run(&[vec!["--as", user], line.words()].concat())
    }

    /// As ana.
    #[track_caller]
    pub fn ana<L: Line + ?Sized>(&self, line: &L) -> Run {
        self.run_as("ana", line)
    }

    #[track_caller]
    pub fn json<L: Line + ?Sized>(&self, line: &L) -> Value {
        self.sandbox.json(&line.words())
    }

    #[track_caller]
    pub fn items<L: Line + ?Sized>(&self, line: &L) -> Vec<Value> {
        self.sandbox.items(&line.words())
    }

    /// The rows of a query that asks for one column of texts.
    pub fn query(&self, sql: &str) -> Vec<String> {
        self.sandbox.query(sql)
    }

    #[track_caller]
    pub fn mailbox(&self, name: &str) -> &Mailbox {
        self.mailboxes.get(name).unwrap_or_else(|| panic!("no mailbox of {name}"))
    }

    #[track_caller]
    pub fn support(&self) -> &Mailbox {
        self.mailbox("support")
    }

    #[track_caller]
    pub fn customer(&self) -> &Mailbox {
        self.mailbox("customer")
    }

    /// A letter to the account support.
    pub fn letter(&self, from: &str, subject: &str) -> Letter {
        mail(from, self.mailboxes.get("support").map_or(SUPPORT, |mailbox| &mailbox.address), subject)
    }

    /// Lets the account support have this letter: from its mailbox, or by `ingest` where it has none.
    #[track_caller]
    pub fn put(&self, letter: &Letter) {
        if let Some(mailbox) = self.mailboxes.get("support") {
            mailbox.append("INBOX", &letter.bytes());
            self.ok("fetch");
        } else {
            self.sandbox.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok().silent();
        }
    }
}

/// What is there.
impl Desk {
    /// One field of the email with this subject.
    #[track_caller]
    pub fn email(&self, subject: &str, field: &str) -> Value {
        let emails = self.items("email list");
        let email = emails.iter().find(|email| email["subject"] == subject);
        email.unwrap_or_else(|| panic!("no email \"{subject}\" in {emails:#?}"))[field].clone()
    }

    /// The number of the email with this subject.
    #[track_caller]
    pub fn id(&self, subject: &str) -> String {
        self.email(subject, "id").to_string()
    }

    /// `number FIELD mails` of every case.
    #[track_caller]
    pub fn cases(&self, field: &str) -> Vec<String> {
        let mut cases = self.items("case list --all");
        cases.sort_by_key(|case| case["number"].as_i64());
        let shown = |case: &Value| {
            let number = case["number"].to_string();
            let mails = self.items(&["case", "thread", &number]).len();
            format!("{number} {} {mails}", case[field].as_str().unwrap())
        };
        cases.iter().map(shown).collect()
    }

    /// What a user was told, oldest first.
    #[track_caller]
    pub fn told(&self, user: &str) -> Vec<String> {
        let list = self.items(&["--as", user, "notification", "list", "--all"]);
        list.iter().rev().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
    }
}
