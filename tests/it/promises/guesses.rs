//! S1: somebody who takes part in no case tries to get into one, by numbers, ids, references and reply addresses that
//! they guess or alter, from addresses that look like those of others.

mod attempts;

use self::attempts::guess;
use crate::support::{Cell, Desk, Dice, Letter, SUPPORT, asked, from, promise};

/// The cases there are, in every state, and what a stranger may know or guess about them.
struct Scene {
    desk: Desk,
    cases: i64,
    /// Our ids, with a signature, of several kinds.
    ours: Vec<String>,
    /// Reply addresses with a signature.
    tags: Vec<String>,
}

fn scene() -> Scene {
    let desk = Desk::empty().team("Support").user("ana", &["Support"]);
    desk.sandbox.config("auto_reply_breaker = 0\n");
    desk.sandbox.file("thanks", b"We look into it: case {{ case.number }}.\n");
    desk.ok("template add Thanks --subject Received --body thanks");
    let answering =
        ["--plus-addressing", "--create-contact", "--auto-reply", "Thanks", "--distribution", "round-robin"];
    let desk = desk.piped_account("support", &answering).piped_account("sales", &[]);
    let mut scene = Scene { desk, cases: 0, ours: Vec::new(), tags: Vec::new() };
    for state in ["", "Pending", "Closed", "Rejected", "Duplicate", "merged"] {
        scene.open(state);
    }
    scene.look_at_own_mail();
    scene
}

impl Scene {
    /// A customer writes, referring to a mail nobody has seen, ana answers, and the case gets into this state.
    fn open(&mut self, state: &str) {
        self.cases += 1;
        let number = self.cases;
        let letter = from(&customer(number), &format!("Matter {number}"));
        let letter = letter.message_id(&foreign_id(number)).references(&[&ghost(number)]);
        self.desk.put(&letter);
        let run = |line: &str| drop(self.desk.ok(line));
        run(&format!("--as ana case reply {number} -m Look"));
        match state {
            "" => {}
            "Pending" => run(&format!("case edit {number} --status Pending")),
            "merged" => run(&format!("--yes case merge {number} 1")),
            state => run(&format!("case close {number} --status {state}")),
        }
    }

    fn look_at_own_mail(&mut self) {
        for row in self.desk.items(&["outbox", "list", "--all", "--limit", "0"]) {
            self.ours.push(row["message_id"].as_str().unwrap().to_owned());
        }
        for row in self.desk.items(&["email", "list", "from:support@desk.example"]) {
            let headers = self.desk.ok(&["email", "show", &row["id"].to_string(), "--headers"]).stdout;
            let tag = headers.split(['<', '>', ' ', '\n']).find(|word| word.starts_with("support+c"));
            self.tags.extend(tag.map(str::to_owned));
        }
        assert!(self.ours.len() >= 12 && self.tags.len() >= 6, "{:?} {:?}", self.ours, self.tags);
    }

    /// All that is known of the cases that are there before the guesses.
    fn known(&self) -> String {
        let db = self.desk.sandbox.database();
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
            // A server gives them in another order after some of them were written.
            let shown = |row: &Vec<Cell>| row.iter().map(Cell::plain).collect::<Vec<_>>().join(" | ");
            let mut rows: Vec<String> = db.rows(&sql).iter().map(shown).collect();
            rows.sort();
            rows.iter().for_each(|row| all.push_str(&format!("{sql}: {row}\n")));
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
    let (scene, mut dice) = (scene(), Dice::new());
    let (before, count) = (scene.known(), asked("ESPOMAIL_GUESSES", 1_000));
    for first in (1..=count).step_by(250) {
        let tried: Vec<_> = (first..=count).take(250).map(|serial| guess(&scene, &mut dice, serial)).collect();
        scene.deliver(&tried);
        let after = scene.known();
        let new: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
        assert!(after == before, "{new:#?}\n{:#?}", scene.which(&tried));
    }
    let answers = scene.told_strangers();
    scene.lets_in_who_takes_part();
    let figure = format!("{count} guesses, {answers} answered: none in a case, none told of one");
    promise("S1", "guessed numbers, ids, references, addresses", &figure);
}

impl Scene {
    fn deliver(&self, tried: &[(String, Letter)]) {
        let mut mbox = Vec::new();
        for (_, letter) in tried {
            mbox.extend_from_slice(b"From guess@guess.example Tue Nov 24 00:00:00 2026\n");
            mbox.extend(letter.bytes().into_iter().filter(|byte| *byte != b'\r'));
            mbox.push(b'\n');
        }
        self.desk.sandbox.file("guesses.mbox", &mbox);
        self.desk.ok(&["import", "mbox", "guesses.mbox", "--account", "support", "--as-new"]);
    }

    /// The guesses that are in a case they do not belong to, and how they were made.
    fn which<'a>(&self, tried: &'a [(String, Letter)]) -> Vec<&'a str> {
        let known = self.known();
        let is_in = |letter: &Letter| known.contains(letter.value("Subject"));
        tried.iter().filter(|(_, letter)| is_in(letter)).map(|(what, _)| what.as_str()).collect()
    }

    /// How many automatic answers strangers got. Each names the case that the guess itself opened, and no other.
    fn told_strangers(&self) -> usize {
        let db = self.desk.sandbox.database();
        let sql = format!(
            "SELECT o.subject, c.number FROM outbox o JOIN auto_replies r ON r.outbox_id = o.id
                JOIN emails e ON e.id = r.email_id LEFT JOIN cases c ON c.id = e.parent_id AND e.parent_type = 'case'
                WHERE o.case_id IS NULL OR o.case_id > {}",
            self.cases
        );
        let mut answers = 0;
        for row in db.rows(&sql) {
            let [Cell::Text(subject), Cell::Int(number)] = row.as_slice() else { panic!("{row:?} answers no case") };
            let number = *number;
            assert!(number > self.cases && *subject == format!("[#{number}] Received"), "{subject}, of case {number}");
            answers += 1;
        }
        answers
    }

    /// What was tried in vain is not refused to everybody.
    fn lets_in_who_takes_part(&self) {
        let stranger = "friend@elsewhere.example";
        let tag = &self.tags[0];
        for (letter, case) in [
            (from(&customer(2), "About [#2]"), 2),
            (from(&customer(3), "Mine").in_reply_to(&foreign_id(3)), 3),
            (from(&customer(2), "Seen").message_id(&ghost(2)), 2),
            (from(stranger, "Forwarded to me").in_reply_to(&format!("<{}>", self.ours[0])), 1),
            (from(stranger, "Answered").header("To", tag).header("Delivered-To", tag), 1),
        ] {
            self.desk.put(&letter);
            let newest = &self.desk.items(&["email", "list", "--limit", "1"])[0];
            assert_eq!(newest["case"], case, "{newest:#}");
        }
    }
}
