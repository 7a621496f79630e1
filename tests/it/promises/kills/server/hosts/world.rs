//! What the machines work on: a desk with full mailboxes, and what one machine makes of it.

use std::path::Path;
use std::time::Duration;

use super::super::*;
use super::{ACCOUNTS, HOSTS, LEASE, MAILS, Machine};
use crate::promises::kills::forget_doubt;
use crate::support::{Child, Deed, Dice, Dovecot, Proxy, Rule, Side, SmtpSink, When};

/// Lines without the numbers of cases, which depend on who was first, and without doubt about automatic replies.
pub fn settled(lines: &str) -> String {
    let mut plain = String::new();
    let mut rest = lines;
    while let Some(at) = [("[#", 2), ("case ", 5)].iter().filter_map(|(mark, long)| Some(rest.find(mark)? + long)).min()
    {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    plain.push_str(rest);
    forget_doubt(&plain)
}

/// What was sent, without the numbers of cases.
pub fn sent(sink: &SmtpSink) -> Vec<String> {
    settled(&taken(sink).join("\n")).lines().map(str::to_owned).collect()
}

/// What one machine makes of it that nothing disturbs.
pub struct Wanted {
    pub dump: String,
    pub sent: Vec<String>,
    /// How often it asks the database.
    pub steps: usize,
}

/// A desk whose mailboxes are full.
pub struct World {
    pub sandbox: Sandbox,
    pub sink: SmtpSink,
    pub mailboxes: Vec<Mailbox>,
    /// The ways to the mail servers.
    imap: Proxy,
    smtp: Proxy,
}

impl World {
    /// With its database on this server.
    pub fn new(server: &str) -> World {
        let (sandbox, sink) = (Sandbox::on(server), SmtpSink::new(Vec::new()));
        let (imap, smtp) = (Proxy::new(Dovecot::shared().imap), Proxy::new(sink.port));
        sandbox.env("ESPOMAIL_LEASE", &LEASE.to_string());
        let mailboxes: Vec<Mailbox> = ACCOUNTS.iter().map(|_| Dovecot::shared().mailbox()).collect();
        for (account, mailbox) in ACCOUNTS.iter().zip(&mailboxes) {
            let (from, through) = (imap.address(), smtp.address());
            let extra =
                ["--imap", &from, "--smtp", &through, "--auto-reply", "Thanks", "--distribution", "round-robin"];
            match *account {
                "support" => sandbox.support_account(mailbox, &extra),
                name => {
                    let team = ["--team", "Support", "--case-team", "Support", "--create-case"];
                    sandbox.group_account(name, mailbox, &[&team[..], &extra].concat());
                }
            }
            let to = format!("{account}@desk.example");
            sandbox.run(&["account", "edit", account, "--address", &to]).ok();
            for n in 1..=MAILS {
                let letter = mail(&format!("{account}{n}@customer.example"), &to, &format!("Question {account} {n}"));
                let letter = letter.date(date()).message_id(&format!("<{account}{n}@customer.example>"));
                mailbox.append("INBOX", &letter.bytes());
            }
        }
        World { sandbox, sink, mailboxes, imap, smtp }
    }

    /// The mail servers answer late once. One that ends a session would change the order in which mail comes in.
    pub fn mail_servers_disturb(&self, dice: &mut Dice) {
        let mut below = |end: usize| usize::try_from(dice.below(end as u64)).unwrap();
        for (proxy, lines) in [(&self.imap, 60), (&self.smtp, 100)] {
            let deed = Deed::Hold(Duration::from_millis(LEASE * (3 + below(28) as u64) / 10));
            let side = if below(2) == 0 { Side::Client } else { Side::Server };
            let rule = Rule { side, text: "", nth: 1 + below(lines), when: When::Before, deed };
            proxy.set_rule((below(2) == 0).then_some(rule));
        }
    }

    /// A machine with its own way to the database: through the sockets in these directories, in their order.
    pub fn machine(&self, host: usize, ways: &[&Path]) -> Machine {
        let (name, ahead) = HOSTS[host];
        let state = self.sandbox.path(name);
        std::fs::create_dir_all(&state).unwrap();
        let own = self.sandbox.database_name();
        let (before, rest) = own.split_once("host=").unwrap();
        let ways: Vec<String> = ways.iter().map(|way| way.display().to_string()).collect();
        let db = format!("{before}host={}&{}", ways.join(","), rest.split_once('&').unwrap().1);
        let place = ["--db", &db, "--state", state.to_str().unwrap(), "fetch"];
        let inner = self.sandbox.command(&[&place[..], &ACCOUNTS].concat());
        let own = |word: &std::ffi::OsStr| word.to_owned();
        let mut words = vec![name.into(), own(inner.get_program())];
        words.extend(inner.get_args().map(own));
        let env = inner.get_envs().filter_map(|(name, value)| Some((own(name), own(value?)))).collect();
        Machine { name, ahead, words, env, dir: inner.get_current_dir().unwrap().to_owned() }
    }

    /// What one machine makes of it that nothing disturbs.
    pub fn undisturbed(postgres: &Postgres, cutter: &Cutter) -> Wanted {
        let world = World::new(&postgres.server);
        cutter.set_harm(None);
        world.machine(0, &[cutter.host()]).fetches(&Child::default()).wait().ok();
        Wanted { dump: settled(&world.sandbox.canon()), sent: sent(&world.sink), steps: cutter.steps() }
    }

    /// Machines that nothing disturbs any more, one after the other, until each has nothing to do.
    pub fn recovers(&self, ways: &[Vec<&Path>], point: &str) {
        self.imap.set_rule(None);
        self.smtp.set_rule(None);
        std::thread::sleep(Duration::from_millis(LEASE));
        for (host, ways) in ways.iter().enumerate() {
            self.machine(host, ways).fetches(&Child::default()).wait();
        }
        let run = self.machine(0, &ways[0]).fetches(&Child::default()).wait();
        assert_eq!(run.code, 0, "{point}: {run:#?}");
    }

    /// Fails where the ledger is not the mailbox, or the users of an account were not given its cases in turn.
    pub fn is_whole(&self, point: &str) {
        for (account, mailbox) in ACCOUNTS.iter().zip(&self.mailboxes) {
            let there: Vec<u32> = mailbox.messages("INBOX").iter().map(|stored| stored.uid).collect();
            assert_eq!(self.sandbox.ledger()[&format!("{account}@desk.example")], there, "{point}: {account}");
            let sql = format!(
                "SELECT string_agg(u.username, ' ' ORDER BY c.number) FROM cases c JOIN accounts a ON a.id = c.account_id
                    JOIN users u ON u.id = c.assigned_user_id WHERE a.name = '{account}'"
            );
            let users = ["ana", "budi", "citra"].into_iter().cycle().take(MAILS).collect::<Vec<_>>().join(" ");
            assert_eq!(self.sandbox.query(&sql), [users], "{point}: the wheel of {account}");
        }
    }

    /// Fails where something is not as one machine makes it; the number of automatic replies that are held.
    pub fn compare(&self, point: &str, wanted: &Wanted) -> usize {
        let query = |sql: &str| self.sandbox.query(sql);
        let numbers = "SELECT string_agg(number || '', ' ' ORDER BY number) FROM cases";
        let all: Vec<String> = (1..=ACCOUNTS.len() * MAILS).map(|number| number.to_string()).collect();
        assert_eq!(query(numbers), [all.join(" ")], "{point}: the numbers of cases");
        self.is_whole(point);
        same_lines(point, &settled(&self.sandbox.canon()), &wanted.dump);
        let sent = sent(&self.sink);
        // A notice of which nobody knows whether it arrived is sent again (B8.5).
        let mut once = sent.clone();
        once.dedup();
        let replies = |all: &[String]| all.iter().filter(|one| one.contains("auto-replied")).count();
        assert_eq!(replies(&sent), replies(&once), "{point}: an automatic reply twice: {sent:?}");
        assert!(sent.iter().all(|one| wanted.sent.contains(one)), "{point}: {sent:?}");
        let listed = self.sandbox.items(&["outbox", "list"]);
        let held = listed.iter().filter(|one| one["state"] == "held").count();
        assert!(
            once.len() + held >= wanted.sent.len(),
            "{point}: {} sent, {held} held of {}",
            once.len(),
            wanted.sent.len()
        );
        held
    }
}
