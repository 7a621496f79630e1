//! A database on a server, and everything that can go wrong between the program and it, at every step of a run (promise R1):
//! the run goes on or says so, and the next one makes of it what an undisturbed one makes.
//!
//! These tests have a server of their own. A file and a server come to the same canonical dump.

mod commands;
mod commits;
mod cuts;
mod ended;
mod hosts;
mod killed;

use super::{Scene, answer, compare, date, fill, same_lines, scene, scene_in, taken};
use crate::support::cutter::{Fate, Harm, Step};
use crate::support::{Cutter, Mailbox, Postgres, Run, Sandbox, asked, mail, promise};

/// Some mails of each kind that makes a run do something else: a question, an answer to it, an out-of-office, and the
/// question again.
fn fill_with_few(mailbox: &Mailbox) {
    let mail = |subject: &str| mail("c1@customer.example", "support@desk.example", subject).date(date());
    let question = mail("Question 1").message_id("<q1@customer.example>");
    mailbox.append("INBOX", &question.bytes());
    let more = mail("More on 1").message_id("<m1@customer.example>");
    mailbox.append("INBOX", &more.in_reply_to("<q1@customer.example>").bytes());
    let away = mail("Away").message_id("<a1@customer.example>");
    mailbox.append("INBOX", &away.add("Auto-Submitted", "auto-replied").bytes());
    mailbox.append("INBOX", &question.bytes());
}

/// A scene on a server that is as new after each [`Rig::reset`], and what an undisturbed run makes of it.
struct Rig<'a> {
    postgres: &'a Postgres,
    scene: Scene,
    cutter: Cutter,
    wanted: (String, Vec<String>),
    /// What a client sends in the first run, and how many transactions that may write it commits.
    steps: usize,
    commits: usize,
}

impl Rig<'_> {
    fn new(postgres: &Postgres, fill: fn(&Mailbox)) -> Rig<'_> {
        let scene = scene_in(Sandbox::on(&postgres.server), fill);
        let cutter = Cutter::new(&postgres.server);
        scene.sandbox.connect_through(cutter.host());
        let wanted = Default::default();
        // What a run cannot do is told by each of them, and not only once it lasts.
        scene.sandbox.config("alert_after = 1\nalert_min_age = \"0s\"\n");
        let mut rig = Rig { postgres, scene, cutter, wanted, steps: 0, commits: 0 };
        rig.as_superuser(
            "CREATE SCHEMA saved; CREATE PROCEDURE pg_temp.save() LANGUAGE plpgsql AS $$ DECLARE name text; BEGIN
                FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
                    EXECUTE format('CREATE TABLE saved.%1$I AS TABLE %1$I', name);
                END LOOP; END $$; CALL pg_temp.save()",
        );
        // A crash would put the sequences of a copied database back, of which the server has written nothing down yet.
        rig.as_superuser("CHECKPOINT");
        rig.scene.sandbox.run(&["fetch"]).ok().silent();
        (rig.steps, rig.commits) = (rig.cutter.steps(), rig.cutter.commits());
        rig.wanted = (rig.scene.sandbox.canon(), taken(&rig.scene.sink));
        rig.reset();
        rig
    }

    /// Runs statements in the database of the scene.
    fn as_superuser(&self, sql: &str) {
        let (database, here) = self.scene.sandbox.schema();
        let set = format!("SET search_path = {here}; SET session_replication_role = replica; ");
        let done = self.postgres.superuser(&database).batch_execute(&(set + sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Everything is as it was before the first run.
    fn reset(&self) {
        self.cutter.set_harm(None);
        self.as_superuser(
            "CREATE PROCEDURE pg_temp.reset() LANGUAGE plpgsql AS $$ DECLARE name text; BEGIN
                FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
                    EXECUTE format('DELETE FROM %1$I', name);
                    EXECUTE format('INSERT INTO %1$I OVERRIDING SYSTEM VALUE SELECT * FROM saved.%1$I', name);
                END LOOP; END $$; CALL pg_temp.reset()",
        );
        let Scene { sandbox, mailbox, imap, smtp, sink } = &self.scene;
        std::fs::remove_dir_all(sandbox.lock("")).ok();
        self.forget_absence();
        let mut session = mailbox.imap();
        session.ok("SELECT INBOX");
        session.ok("UID STORE 1:* -FLAGS (\\Seen)");
        for proxy in [imap, smtp] {
            proxy.set_rule(None);
            proxy.clear();
        }
        sink.clear();
    }

    /// Fails where a run neither tells that something was lost nor has done everything: what was lost may have had no weight,
    /// as where it only gave a lease back, which ends.
    #[track_caller]
    fn told_or_whole(&self, point: &str, run: &Run) {
        let is_whole = run.code == 0 && self.scene.sandbox.canon() == self.wanted.0;
        assert!(run.code == 75 || is_whole, "{point}: not whole, and not told: {run:#?}");
    }

    /// A run with harm. No two runs take quite the same steps: `None` = it took fewer, and is as new.
    #[track_caller]
    fn harmed(&self, harm: Harm) -> Option<Run> {
        let (step, all) = match harm.step {
            Step::Any(nth) => (nth, self.steps),
            Step::Commit(nth) | Step::CommitOf(_, nth) => (nth, self.commits),
        };
        self.cutter.set_harm(Some(harm));
        let run = self.scene.sandbox.run(&["fetch"]);
        if self.cutter.is_done() {
            self.cutter.set_harm(None);
            return Some(run);
        }
        assert!(step * 10 > all * 8, "step {step} of {all} was not reached: {run:#?}");
        self.reset();
        None
    }

    /// The next run that cannot use the server tells of it, as the first one does.
    fn forget_absence(&self) {
        let files = std::fs::read_dir(self.scene.sandbox.path("state")).unwrap().flatten().map(|file| file.path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "away" || end == "full"))
            .for_each(|path| std::fs::remove_file(path).unwrap());
    }

    /// A command that failed as something of the server passed says which database it is, and what comes next.
    #[track_caller]
    fn tells_of_command(&self, point: &str, run: &Run) {
        let database = self.cutter.host().to_str().unwrap();
        let leads_on = run.stderr.contains("run it again") && run.stderr.contains(database);
        assert!(run.code == 0 || run.code == 75 && leads_on, "{point}: {run:#?}");
    }

    /// A run that failed as something of the server passed says which database it is; one that did not fail says nothing.
    #[track_caller]
    fn tells(&self, point: &str, run: &Run) {
        let database = self.cutter.host().to_str().unwrap();
        match run.code {
            0 => assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{point}: {run:#?}"),
            75 => assert!(run.stderr.contains(database) && run.stderr.contains("run it again"), "{point}: {run:#?}"),
            _ => panic!("{point}: {run:#?}"),
        }
        self.forget_absence();
    }

    /// Waits until what a run has begun is over on the server, which may not have heard of its end yet.
    fn settle(&self) {
        self.as_superuser("SET lock_timeout = '30s'; BEGIN; SELECT name FROM turns FOR UPDATE; COMMIT");
    }

    /// The next run makes of it what an undisturbed one makes. All is as new then.
    #[track_caller]
    fn recovers(&self, point: &str) {
        self.comes_to(point, &self.wanted);
    }

    /// The next run makes this of it: the dump and the messages sent. All is as new then.
    #[track_caller]
    fn comes_to(&self, point: &str, wanted: &(String, Vec<String>)) {
        self.settle();
        let doubtful = self.scene.sandbox.canon().contains("\"in doubt\"");
        self.scene.sandbox.run(&["fetch"]).ok();
        compare(&self.scene, point, wanted, doubtful);
        self.reset();
    }
}

/// Numbers from 1 to `all`, spread evenly: this many, or as many as `ESPOMAIL_POINTS` says.
fn spread(all: usize, usual: usize) -> Vec<usize> {
    spread_by(all, asked("ESPOMAIL_POINTS", usual))
}

fn spread_by(all: usize, points: usize) -> Vec<usize> {
    let points = points.clamp(1, all);
    (1..=points).map(|point| (all * point).div_ceil(points)).collect()
}

#[test]
fn a_server_and_a_file_come_to_the_same() {
    let rig = Rig::new(Postgres::shared(), fill);
    let other = scene();
    other.sandbox.run(&["fetch"]).ok().silent();
    same_lines("on a server", &rig.wanted.0, &other.sandbox.canon());
    assert_eq!(rig.wanted.1, taken(&other.sink));
}
