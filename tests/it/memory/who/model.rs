//! Promise S11: nothing that a third party or a stranger writes changes who is answered, the status or the clock of a
//! case; a forged bounce, form or absence note silences nobody. Generated conversations against a model of the rule that
//! fits on one page.

use std::collections::BTreeSet;

use espomail::intake::import::Imported;

use super::{judged, judging};
use crate::support::{Letter, Office, asked, promise};

const EVA: &str = "eva@customer.example";
const LEE: &str = "lee@customer.example";
const LAB: &str = "lab@supplier.example";
const EVE: &str = "eve@evil.example";

/// What can happen in a case.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Eva writes, with Lee in Cc or not.
    Customer {
        copies: bool,
    },
    /// Lee writes.
    Copied,
    /// The laboratory writes.
    Supplier,
    /// A stranger who holds our id writes.
    Stranger,
    /// Somebody forges an address, with this verdict of the mail server.
    Forger {
        of: &'static str,
        verdict: &'static str,
    },
    /// A form or list of a stranger names Eva as its author.
    Behind {
        list: bool,
    },
    /// The desk's own list passes on what a stranger wrote, who names Eva or one of us in Reply-To.
    OurList {
        of: &'static str,
    },
    /// One of us writes to Eva by another program; the mail server vouches for it.
    Colleague,
    /// A report that Eva cannot be reached, by a stranger; a mail server that knows no verdict of it is one, too.
    Bounce {
        judged: bool,
    },
    /// Eva's absence note.
    Absence,
    /// We answer, close, or forward Eva's first mail to the laboratory.
    Answer,
    Close,
    Forward,
}

/// The rule: who the people are, whether the case is closed, and who waits.
#[derive(Debug, Default)]
struct Model {
    lee_takes_part: bool,
    lab_is_known: bool,
    closed: bool,
    customer_waits: bool,
}

impl Model {
    fn take(&mut self, event: Event) {
        match event {
            Event::Customer { copies } => {
                self.lee_takes_part |= copies;
                (self.closed, self.customer_waits) = (false, true);
            }
            Event::Copied if self.lee_takes_part => (self.closed, self.customer_waits) = (false, true),
            Event::Answer | Event::Colleague => self.customer_waits = false,
            Event::Close => self.closed = true,
            Event::Forward => self.lab_is_known = true,
            _ => {}
        }
    }

    fn state(&self) -> String {
        let status = if self.closed { "Closed" } else { "Assigned" };
        format!("{status} {}", if self.customer_waits { "us" } else { "customer" })
    }
}

/// A generator of the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn event(&mut self) -> Event {
        const VERDICTS: [&str; 5] = ["fail", "temperror", "pass header.from=evil.example", "none; spf=fail", ""];
        let verdict = VERDICTS[self.below(VERDICTS.len() as u64) as usize];
        match self.below(23) {
            0..=2 => Event::Customer { copies: self.below(3) == 0 },
            3 => Event::Copied,
            4 | 5 => Event::Supplier,
            6 | 7 => Event::Stranger,
            8..=10 => Event::Forger { of: [EVA, LEE, "ana@staff.example"][self.below(3) as usize], verdict },
            11 | 12 => Event::Behind { list: self.below(2) == 0 },
            13 => Event::Bounce { judged: self.below(2) == 0 },
            14 => Event::Absence,
            15 | 16 => Event::Answer,
            17 => Event::Close,
            18 | 19 => Event::OurList { of: [EVA, "ana@staff.example"][self.below(2) as usize] },
            20 => Event::Colleague,
            _ => Event::Forward,
        }
    }
}

/// One case, and the ids of our letters in it, which everybody is taken to hold.
struct Conversation {
    office: Office,
    first: i64,
    ours: Vec<String>,
}

impl Conversation {
    fn begin() -> Conversation {
        let office = judging(|account| account.fetching.dmarc_none = espomail::store::accounts::DmarcNone::Refuse);
        let first = office.deliver(&judged(EVA, "Help", "pass")).email_id.unwrap();
        let ours = vec![office.reply(1)];
        Conversation { office, first, ours }
    }

    fn happens(&mut self, event: Event, dice: &mut Dice) -> Option<Imported> {
        let id = self.ours[dice.below(self.ours.len() as u64) as usize].clone();
        // By our id, by the number alone, or both.
        let (by_id, subject) = match dice.below(3) {
            0 => (true, "Re: Help"),
            1 => (false, "[#1] Re: Help"),
            _ => (true, "Re: [#1] Help"),
        };
        let thread = |letter: Letter| if by_id { letter.in_reply_to(&id) } else { letter };
        let letter = match event {
            Event::Customer { copies: true } => judged(EVA, subject, "pass").cc(LEE),
            Event::Customer { copies: false } => judged(EVA, subject, "pass"),
            Event::Copied => judged(LEE, subject, "pass"),
            Event::Supplier => judged(LAB, subject, "pass").cc(EVE),
            Event::Stranger => judged(EVE, subject, "pass").cc(LEE).reply_to(EVE),
            Event::Forger { of, verdict: "" } => judged(of, subject, "pass").without("Authentication-Results").cc(EVE),
            Event::Forger { of, verdict } => judged(of, subject, verdict).reply_to(EVE).cc(EVE),
            Event::Behind { list: false } => judged("no-reply@evil.example", subject, "pass").reply_to(EVA).cc(EVE),
            Event::Behind { list: true } => judged("Eva via evil <evil@lists.example>", subject, "pass")
                .header("List-Post", "<mailto:evil@lists.example>")
                .reply_to(EVA),
            Event::OurList { of } => judged("\"'Eve' via Support\" <support@desk.example>", subject, "pass")
                .header("List-Id", "<support.desk.example>")
                .header("X-Original-From", EVE)
                .reply_to(of)
                .cc(LEE),
            Event::Colleague => {
                judged("ana@staff.example", subject, "pass").header("To", EVA).cc("support@desk.example")
            }
            Event::Bounce { judged: true } => bounce(&id),
            Event::Bounce { judged: false } => bounce(&id).without("Authentication-Results"),
            Event::Absence => judged(EVA, "Out of office", "pass").header("Auto-Submitted", "auto-replied"),
            Event::Answer => {
                self.ours.push(self.office.reply(1));
                return None;
            }
            Event::Close => {
                self.office.close(1);
                return None;
            }
            Event::Forward => {
                self.ours.push(self.office.forward(self.first, LAB));
                return None;
            }
        };
        Some(self.office.deliver(&thread(letter)))
    }
}

fn bounce(id: &str) -> Letter {
    judged("mailer-daemon@evil.example", "Undelivered Mail Returned to Sender", "pass")
        .header("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
        .body(&format!(
            "--b\n\nfailed\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
             Final-Recipient: rfc822; {EVA}\nAction: failed\nStatus: 5.1.1\n\n\
             --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {id}\n\n--b--\n"
        ))
}

#[test]
fn generated_conversations_keep_to_the_rule() {
    let mails: usize = asked("ESPOMAIL_CONVERSED", 200);
    let (mut delivered, mut seed) = (0, 1);
    while delivered < mails {
        let mut dice = Dice(seed);
        let (mut conversation, mut model) = (Conversation::begin(), Model::default());
        let mut so_far = Vec::new();
        for _ in 0..40 {
            let event = dice.event();
            so_far.push(event);
            let mail = conversation.happens(event, &mut dice);
            delivered += usize::from(mail.is_some());
            model.take(event);
            let told = || format!("seed {seed}: {so_far:?}\n{model:?}\n{:?}", conversation.office.people(1));
            assert_eq!(conversation.office.state(1), model.state(), "{}", told());
            let (to, cc) = conversation.office.answered(1);
            assert_eq!(to, EVA, "{}", told());
            assert_eq!(cc, if model.lee_takes_part { LEE } else { "" }, "{}", told());
            let quoted = conversation.office.begun(1).unwrap().letter.text;
            assert!(!quoted.contains(EVE) && !quoted.contains(LAB), "{}\n{quoted}", told());
        }
        let invalid = conversation.office.query("SELECT address FROM invalid_addresses");
        let roles: BTreeSet<String> = conversation.office.people(1).into_iter().collect();
        assert!(invalid.is_empty(), "seed {seed}: {invalid:?}");
        assert!(!roles.iter().any(|role| role.starts_with(EVE)), "seed {seed}: {roles:?}");
        seed += 1;
    }
    promise("S11", &format!("{delivered} mails of {} conversations against the model: differences", seed - 1), "0");
}
