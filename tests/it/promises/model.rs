//! Random days of a support mailbox against a small model of what must come of them. `ESPOMAIL_TEST_SEED` and
//! `ESPOMAIL_DAYS` choose others, and more.

use std::time::Duration;

use crate::support::{Dice, Dovecot, Mailbox, Sandbox, SmtpSink, asked, mail, promise};

/// A customer with one question: an address of their own, so that no limit of automatic replies is met.
struct Thread {
    customer: String,
    first_id: String,
    /// Customer mail that was delivered, each message once.
    mails: usize,
    open: bool,
    /// Mail that waits for the next fetch opens the case again.
    reopens: bool,
    known: bool,
}

struct Day {
    sandbox: Sandbox,
    mailbox: Mailbox,
    sink: SmtpSink,
    dice: Dice,
    threads: Vec<Thread>,
    /// The bytes of everything delivered, for duplicates.
    sent: Vec<Vec<u8>>,
    kills: usize,
}

impl Day {
    fn new(dice: Dice) -> Day {
        let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
        let smtp = sink.address();
        let extra = ["--smtp", smtp.as_str(), "--auto-reply", "Thanks", "--distribution", "round-robin"];
        sandbox.support_account(&mailbox, &extra);
        Day { sandbox, mailbox, sink, dice, threads: Vec::new(), sent: Vec::new(), kills: 0 }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end as u64)).unwrap()
    }

    fn step(&mut self) {
        match self.below(12) {
            0..=2 => self.question(),
            3 | 4 => self.follow_up(false),
            5 => self.follow_up(true),
            6 => self.duplicate(),
            7 => self.close(),
            8 => self.away(),
            9 => self.mailbox.recreate("INBOX"),
            10 => self.killed(),
            _ => self.fetch(),
        }
    }

    fn deliver(&mut self, bytes: Vec<u8>) {
        self.mailbox.append("INBOX", &bytes);
        self.sent.push(bytes);
    }

    fn question(&mut self) {
        let n = self.threads.len() + 1;
        let (customer, first_id) = (format!("c{n}@customer.example"), format!("<q{n}@customer.example>"));
        let letter = mail(&customer, &self.mailbox.address, &format!("Question {n}")).message_id(&first_id);
        self.deliver(letter.bytes());
        self.threads.push(Thread { customer, first_id, mails: 1, open: true, reopens: false, known: false });
    }

    fn follow_up(&mut self, away: bool) {
        if self.threads.is_empty() {
            return self.question();
        }
        let at = self.below(self.threads.len());
        let serial = self.sent.len();
        let thread = &mut self.threads[at];
        let id = format!("<f{serial}@customer.example>");
        let letter = mail(&thread.customer, &self.mailbox.address, "Re: it").message_id(&id);
        let mut letter = letter.in_reply_to(&thread.first_id);
        if away {
            letter = letter.add("Auto-Submitted", "auto-replied");
        }
        thread.mails += 1;
        thread.reopens |= !away;
        let bytes = letter.bytes();
        self.deliver(bytes);
    }

    fn duplicate(&mut self) {
        if !self.sent.is_empty() {
            let at = self.below(self.sent.len());
            let bytes = self.sent[at].clone();
            self.mailbox.append("INBOX", &bytes);
        }
    }

    fn close(&mut self) {
        let known: Vec<usize> = (0..self.threads.len()).filter(|at| self.threads[*at].known).collect();
        if known.is_empty() {
            return;
        }
        // Mail that is on its way would be before or after the closing, and nobody knows which.
        self.fetch();
        let at = known[self.below(known.len())];
        let number = self.number_of(at);
        self.sandbox.run(&["case", "close", &number]).ok();
        self.threads[at].open = false;
    }

    fn away(&mut self) {
        let agent = ["ana", "budi", "citra"][self.below(3)];
        let back = self.below(2) == 0;
        let call: &[&str] = if back { &["user", "away", agent, "--back"] } else { &["user", "away", agent] };
        self.sandbox.run(call).ok();
    }

    fn killed(&mut self) {
        let run = self.sandbox.call(&["fetch"]).spawn();
        std::thread::sleep(Duration::from_millis(self.dice.below(60)));
        run.kill();
        run.wait();
        self.kills += 1;
    }

    fn fetch(&mut self) {
        self.sandbox.run(&["fetch"]).ok();
        for thread in &mut self.threads {
            thread.open |= thread.reopens;
            (thread.reopens, thread.known) = (false, true);
        }
        self.compare();
    }

    fn number_of(&self, at: usize) -> String {
        let name = format!("Question {}", at + 1);
        let cases = self.sandbox.items(&["case", "list", "--all", "--limit", "0"]);
        let named: Vec<_> = cases.iter().filter(|case| case["name"] == name.as_str()).collect();
        assert_eq!(named.len(), 1, "{name} has {} cases", named.len());
        named[0]["number"].to_string()
    }

    fn compare(&self) {
        let cases = self.sandbox.items(&["case", "list", "--all", "--limit", "0"]);
        assert_eq!(cases.len(), self.threads.len(), "cases");
        for (at, thread) in self.threads.iter().enumerate() {
            let number = self.number_of(at);
            let case = self.sandbox.json(&["case", "show", &number]);
            let is_open = !["Closed", "Rejected", "Duplicate"].contains(&case["status"].as_str().unwrap());
            assert_eq!(is_open, thread.open, "case {number} of {}", thread.customer);
            let mails = self.sandbox.items(&["case", "thread", &number]);
            let theirs = mails.iter().filter(|mail| mail["from"].to_string().contains(&thread.customer)).count();
            assert_eq!(theirs, thread.mails, "mails of {}", thread.customer);
        }
        self.compare_replies();
    }

    /// One automatic reply for each question; a kill may leave one in doubt, which is held.
    fn compare_replies(&self) {
        let taken = self.sink.received();
        let to = |customer: &String| taken.iter().filter(|mail| mail.taken && mail.to.contains(customer)).count();
        let replies: Vec<usize> = self.threads.iter().map(|thread| to(&thread.customer)).collect();
        assert!(replies.iter().all(|count| *count <= 1), "a customer has two replies: {replies:?}");
        let missing = replies.iter().filter(|count| **count == 0).count();
        assert!(missing <= self.kills, "{missing} replies are missing after {} kills", self.kills);
    }
}

#[test]
fn random_days_end_as_the_model_says() {
    let days: usize = asked("ESPOMAIL_DAYS", 2);
    let mut dice = Dice::new();
    for _ in 0..days {
        let mut day = Day::new(dice);
        for _ in 0..30 {
            day.step();
        }
        day.fetch();
        day.sandbox.run(&["db", "check"]).ok();
        dice = day.dice;
    }
    promise("R1-R3", &format!("{days} random days of 30 events against a model: differences"), "0");
}
