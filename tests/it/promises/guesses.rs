//! S1: somebody who takes part in no case tries to get into one, by numbers, ids, references and reply addresses that
//! they guess or alter, from addresses that look like those of others.

mod attempts;

use rusqlite::types::ValueRef;

use self::attempts::guess;
use crate::support::{Dice, Letter, Sandbox, asked, mail, promise};

const SUPPORT: &str = "support@desk.example";

/// The cases there are, in every state, and what a stranger may know or guess about them.
struct Office {
    sandbox: Sandbox,
    cases: i64,
    /// Our ids, with a signature, of several kinds.
    ours: Vec<String>,
    /// Reply addresses with a signature.
    tags: Vec<String>,
}

fn office() -> Office {
    let sandbox = Sandbox::new();
    let run = |line: &str| sandbox.run(&line.split(' ').collect::<Vec<_>>()).ok().stdout;
    sandbox.config("auto_reply_breaker = 0\n");
    sandbox.file("thanks", b"We look into it: case {{ case.number }}.\n");
    run("init");
    run("team add Support");
    run("user add ana --email ana@staff.example");
    run("team member add Support ana");
    run("template add Thanks --subject Received --body thanks");
    let servers = "--smtp 127.0.0.1:9 --smtp-tls none --secret env:PW --case-team Support --create-case";
    run(&format!(
        "account add support --address {SUPPORT} {servers} --plus-addressing --create-contact --auto-reply Thanks --distribution round-robin"
    ));
    run(&format!("account add sales --address sales@desk.example {servers}"));
    let mut office = Office { sandbox, cases: 0, ours: Vec::new(), tags: Vec::new() };
    for state in ["", "Pending", "Closed", "Rejected", "Duplicate", "merged"] {
        office.open(state);
    }
    office.look_at_own_mail();
    office
}

impl Office {
    /// A customer writes, referring to a mail nobody has seen, ana answers, and the case gets into this state.
    fn open(&mut self, state: &str) {
        self.cases += 1;
        let number = self.cases;
        let letter = mail(&customer(number), SUPPORT, &format!("Matter {number}"));
        let letter = letter.message_id(&foreign_id(number)).references(&[&ghost(number)]);
        self.sandbox.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok();
        let run = |line: &str| drop(self.sandbox.run(&line.split(' ').collect::<Vec<_>>()).ok());
        run(&format!("--as ana case reply {number} -m Look"));
        match state {
            "" => {}
            "Pending" => run(&format!("case edit {number} --status Pending")),
            "merged" => run(&format!("--yes case merge {number} 1")),
            state => run(&format!("case close {number} --status {state}")),
        }
    }

    fn look_at_own_mail(&mut self) {
        for row in self.sandbox.items(&["outbox", "list", "--all"]) {
            self.ours.push(row["message_id"].as_str().unwrap().to_owned());
        }
        for row in self.sandbox.items(&["email", "list", "from:support@desk.example"]) {
            let headers = self.sandbox.run(&["email", "show", &row["id"].to_string(), "--headers"]).ok().stdout;
            let tag = headers.split(['<', '>', ' ', '\n']).find(|word| word.starts_with("support+c"));
            self.tags.extend(tag.map(str::to_owned));
        }
        assert!(self.ours.len() >= 12 && self.tags.len() >= 6, "{:?} {:?}", self.ours, self.tags);
    }

    /// All that is known of the cases that are there before the guesses.
    fn known(&self) -> String {
        let db = self.sandbox.database();
        let mut all = String::new();
        let of_case = format!("parent_type = 'case' AND parent_id <= {}", self.cases);
        for sql in [
            format!("SELECT * FROM cases WHERE id <= {}", self.cases),
            format!("SELECT id, subject, parent_id, verified FROM emails WHERE {of_case}"),
            format!("SELECT * FROM notes WHERE {of_case}"),
            format!("SELECT * FROM followers WHERE {of_case}"),
            format!("SELECT * FROM notifications WHERE {of_case}"),
            format!("SELECT id, subject, message_id FROM outbox WHERE case_id <= {}", self.cases),
            format!("SELECT id, number FROM cases WHERE relates_to_id <= {0} OR merged_into_id <= {0}", self.cases),
        ] {
            let mut statement = db.prepare(&sql).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let shown = |i| match row.get_ref(i).unwrap() {
                    text @ ValueRef::Text(_) => text.as_str().unwrap().to_owned(),
                    other => format!("{other:?}"),
                };
                all.push_str(&format!("{sql}: {}\n", (0..columns).map(shown).collect::<Vec<_>>().join(" | ")));
            }
        }
        all
    }
}

fn customer(number: i64) -> String {
    format!("eva{number}@customer.example")
}

fn foreign_id(number: i64) -> String {
    format!("<matter-{number}@customer.example>")
}

fn ghost(number: i64) -> String {
    format!("<never-seen-{number}@customer.example>")
}

#[test]
fn no_guess_gets_into_a_case_or_learns_of_one() {
    let (office, mut dice) = (office(), Dice::new());
    let (before, count) = (office.known(), asked("ESPOMAIL_GUESSES", 1_000));
    for first in (1..=count).step_by(1_000) {
        let tried: Vec<_> = (first..=count).take(1_000).map(|serial| guess(&office, &mut dice, serial)).collect();
        office.deliver(&tried);
        let after = office.known();
        let new: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
        assert!(after == before, "{new:#?}\n{:#?}", office.which(&tried));
    }
    let answers = office.told_strangers();
    office.lets_in_who_takes_part();
    let figure = format!("{count} guesses, {answers} answered: none in a case, none told of one");
    promise("S1", "guessed numbers, ids, references, addresses", &figure);
}

impl Office {
    fn deliver(&self, tried: &[(String, Letter)]) {
        let mut mbox = Vec::new();
        for (_, letter) in tried {
            mbox.extend_from_slice(b"From guess@guess.example Tue Nov 24 00:00:00 2026\n");
            mbox.extend(letter.bytes().into_iter().filter(|byte| *byte != b'\r'));
            mbox.push(b'\n');
        }
        self.sandbox.file("guesses.mbox", &mbox);
        self.sandbox.run(&["import", "mbox", "guesses.mbox", "--account", "support", "--as-new"]).ok();
    }

    /// The guesses that are in a case they do not belong to, and how they were made.
    fn which<'a>(&self, tried: &'a [(String, Letter)]) -> Vec<&'a str> {
        let known = self.known();
        let is_in = |letter: &Letter| known.contains(letter.value("Subject"));
        tried.iter().filter(|(_, letter)| is_in(letter)).map(|(what, _)| what.as_str()).collect()
    }

    /// How many automatic answers strangers got. Each names the case that the guess itself opened, and no other.
    fn told_strangers(&self) -> usize {
        let db = self.sandbox.database();
        let sql = "SELECT o.subject, c.number, e.from_address FROM outbox o JOIN auto_replies r ON r.outbox_id = o.id
            JOIN emails e ON e.id = r.email_id LEFT JOIN cases c ON c.id = e.parent_id AND e.parent_type = 'case'
            WHERE o.case_id IS NULL OR o.case_id > ?1";
        let mut statement = db.prepare(sql).unwrap();
        let mut rows = statement.query([self.cases]).unwrap();
        let mut answers = 0;
        while let Some(row) = rows.next().unwrap() {
            let (subject, number): (String, Option<i64>) = (row.get(0).unwrap(), row.get(1).unwrap());
            let number = number.unwrap_or_else(|| panic!("\"{subject}\" answers no case"));
            assert!(number > self.cases && subject == format!("[#{number}] Received"), "{subject}, of case {number}");
            answers += 1;
        }
        answers
    }

    /// What was tried in vain is not refused to everybody.
    fn lets_in_who_takes_part(&self) {
        let letter = |from: &str, subject: &str| mail(from, SUPPORT, subject);
        let stranger = "friend@elsewhere.example";
        let tag = &self.tags[0];
        for (letter, case) in [
            (letter(&customer(2), "About [#2]"), 2),
            (letter(&customer(3), "Mine").in_reply_to(&foreign_id(3)), 3),
            (letter(&customer(2), "Seen").message_id(&ghost(2)), 2),
            (letter(stranger, "Forwarded to me").in_reply_to(&format!("<{}>", self.ours[0])), 1),
            (letter(stranger, "Answered").header("To", tag).header("Delivered-To", tag), 1),
        ] {
            self.sandbox.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok();
            let newest = &self.sandbox.items(&["email", "list", "--limit", "1"])[0];
            assert_eq!(newest["case"], case, "{newest:#}");
        }
    }
}
