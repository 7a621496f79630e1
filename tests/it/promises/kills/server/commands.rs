//! Commands besides `fetch`: the connection is cut, or the program killed, at a step of each, and the person who typed it
//! types it again where it was not done.

use std::path::PathBuf;

use super::*;
use crate::support::{Answer, Child, Step as Answered, every_row_of_file};

/// What is done to a command at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Cut(Fate),
    Kill(Fate),
}

const BLOWS: [Blow; 4] =
    [Blow::Cut(Fate::Lost), Blow::Cut(Fate::Unanswered), Blow::Kill(Fate::Lost), Blow::Kill(Fate::Unanswered)];

/// Two of them, or all where more points are asked for.
fn blows() -> Vec<Blow> {
    let is_usual = asked("ESPOMAIL_POINTS", 0) == 0;
    BLOWS
        .into_iter()
        .filter(|blow| !is_usual || matches!(blow, Blow::Cut(Fate::Unanswered) | Blow::Kill(Fate::Lost)))
        .collect()
}

/// The steps of a command at which each of these is dealt: they share what `ESPOMAIL_POINTS` says.
fn points(steps: usize) -> Vec<usize> {
    spread_by(steps, asked("ESPOMAIL_POINTS", 4) / blows().len())
}

/// A command, what comes before it, and by what is seen that it was done.
struct Typed {
    before: fn(&Rig<'_>),
    words: &'static [&'static str],
    is_done: fn(&Rig<'_>) -> bool,
}

/// Stands for the id of what waits.
const WAITING: &str = "ID";

const TYPED: [Typed; 5] = [
    Typed { before: answered, words: &["send"], is_done: |_| false },
    Typed {
        before: fetched,
        words: &["--as", "ana", "case", "reply", "1", "-m", "We are on it."],
        is_done: |rig| rig.scene.sandbox.canon().contains("We are on it."),
    },
    Typed {
        before: fetched,
        words: &[
            "--as",
            "ana",
            "email",
            "send",
            "--account",
            "support",
            "--from",
            "group",
            "--to",
            "new@customer.example",
            "--subject",
            "Your order",
            "-m",
            "It is here.",
        ],
        is_done: |rig| rig.scene.sandbox.canon().contains("It is here."),
    },
    Typed { before: refused, words: &["outbox", "retry", WAITING], is_done: |_| false },
    Typed {
        before: filed,
        words: &["--json", "import", "mbox", "old.mbox", "--account", "support", "--as-new"],
        is_done: |_| false,
    },
];

fn fetched(rig: &Rig<'_>) {
    rig.scene.sandbox.run(&["fetch"]).ok().silent();
}

fn answered(rig: &Rig<'_>) {
    rig.scene.sandbox.run(&["fetch", "--no-send"]).ok().silent();
    answer(&rig.scene);
}

/// The first automatic reply is refused for now, and waits.
fn refused(rig: &Rig<'_>) {
    let now = Answered { verb: "RCPT", nth: 1, answer: Answer::Say("451 not now") };
    rig.scene.sink.script(vec![now]);
    rig.scene.sandbox.run(&["fetch"]);
    rig.scene.sink.script(Vec::new());
    assert_eq!(waiting(rig).len(), 1);
}

/// Messages that wait for a later run.
fn waiting(rig: &Rig<'_>) -> Vec<String> {
    rig.scene.sandbox.query("SELECT id || '' FROM outbox WHERE state = 'waiting'")
}

/// The words of a command; the id of what waits has another number at each time.
fn words(rig: &Rig<'_>, typed: &Typed) -> Vec<String> {
    let of_row = |word: &str| waiting(rig).pop().filter(|_| word == WAITING).unwrap_or_else(|| word.to_owned());
    typed.words.iter().map(|word| of_row(word)).collect()
}

/// Number of messages in the file.
const FILED: i64 = 7;

fn filed(rig: &Rig<'_>) {
    rig.scene.sandbox.run(&["fetch"]).ok().silent();
    let mut all = Vec::new();
    for number in 1..FILED {
        let letter = mail(&format!("o{number}@customer.example"), "support@desk.example", &format!("Old {number}"));
        let letter = letter.date(date()).message_id(&format!("<o{number}@customer.example>")).bytes();
        all.extend(b"From o@customer.example Mon Nov 30 07:00:00 2026\n".iter().chain(&letter).chain(b"\n"));
        // One is there twice.
        if number == 2 {
            all.extend(b"From o@customer.example Mon Nov 30 07:00:00 2026\n".iter().chain(&letter).chain(b"\n"));
        }
    }
    rig.scene.sandbox.file("old.mbox", &all);
}

/// Steps of the command, and what comes of it with all that was to be sent.
fn undisturbed(rig: &Rig<'_>, typed: &Typed) -> (usize, (String, Vec<String>)) {
    (typed.before)(rig);
    let typed = words(rig, typed);
    rig.cutter.set_harm(None);
    rig.scene.sandbox.run(&borrowed(&typed)).ok();
    let steps = rig.cutter.steps();
    rig.scene.sandbox.run(&["send"]).ok();
    let wanted = (rig.scene.sandbox.canon(), taken(&rig.scene.sink));
    rig.reset();
    (steps, wanted)
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// What an import says of its messages: imported, already there, and all of them.
fn counts(run: &Run) -> Option<(i64, i64, i64)> {
    let document: serde_json::Value = serde_json::from_str(&run.stdout).ok()?;
    let of = |name: &str| document["import"][name].as_i64().or(document[name].as_i64()).unwrap();
    let (imported, there) = (of("imported"), of("already_there"));
    Some((imported, there, imported + there + of("quarantined") + of("failed")))
}

/// Cuts or kills `words` at a step; `None` = the step was not reached, and all is as new.
fn struck(rig: &Rig<'_>, words: &[&str], blow: Blow, nth: usize, steps: usize) -> Option<Run> {
    let child = Child::default();
    let (fate, dying) = match blow {
        Blow::Cut(fate) => (fate, None),
        Blow::Kill(fate) => (fate, Some(child.clone())),
    };
    rig.cutter.set_harm(Some(Harm::with(Step::Any(nth), fate, move || dying.iter().for_each(Child::kill))));
    let run = rig.scene.sandbox.call(words).known_to(&child).run();
    let is_struck = rig.cutter.is_done();
    rig.cutter.set_harm(None);
    assert!(is_struck || nth * 10 > steps * 8, "step {nth} of {steps} was not reached: {run:#?}");
    if !is_struck {
        rig.reset();
    }
    is_struck.then_some(run)
}

#[test]
fn a_command_that_is_cut_or_killed_is_done_once_when_it_is_typed_again() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let (mut cuts, mut kills) = (0, 0);
    for typed in &TYPED {
        let (steps, wanted) = undisturbed(&rig, typed);
        for blow in blows() {
            for nth in points(steps) {
                let point = format!("{:?}: {blow:?} at step {nth} of {steps}", typed.words);
                (typed.before)(&rig);
                let before = rig.scene.sandbox.canon();
                let own = words(&rig, typed);
                let own = borrowed(&own);
                let Some(run) = struck(&rig, &own, blow, nth, steps) else { continue };
                rig.settle();
                match blow {
                    Blow::Cut(_) => {
                        rig.tells_of_command(&point, &run);
                        // What is said of it holds.
                        let is_nothing = run.stderr.contains("nothing that was half done is kept")
                            && !typed.words.contains(&"import");
                        if is_nothing && typed.words != ["send"] {
                            same_lines(&point, &rig.scene.sandbox.canon(), &before);
                        }
                        cuts += 1;
                    }
                    Blow::Kill(_) => kills += usize::from(run.code == 128 + 9),
                }
                let doubtful = rig.scene.sandbox.canon().contains("\"in doubt\"");
                if !(typed.is_done)(&rig) && (run.code != 0 || typed.words.contains(&"import")) {
                    let again = rig.scene.sandbox.run(&own).ok();
                    if typed.words.contains(&"import") {
                        let (_, there, all) = counts(&again).unwrap();
                        assert_eq!(all, FILED, "{point}: {again:#?}");
                        if let Some((imported, _, _)) = counts(&run) {
                            // The second copy in the file is there at each time.
                            let unheard = run.stderr.contains("has not said");
                            assert!(
                                there == imported + 1 || unheard && there > imported,
                                "{point}: {run:#?} {again:#?}"
                            );
                        }
                    }
                }
                rig.scene.sandbox.run(&["send"]).ok();
                compare(&rig.scene, &point, &wanted, doubtful);
                rig.reset();
            }
        }
    }
    assert!(kills > 0);
    let what = "case reply, email send, outbox retry, import and send on PostgreSQL";
    promise("R1", &format!("{what}, cut at {cuts} steps and killed at {kills}: lost, doubled or half made"), "0");
}

/// A copy is whole or none, and what is said of one that broke off leads on.
#[test]
fn a_copy_that_is_cut_or_killed_is_whole_or_none() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let sandbox = &rig.scene.sandbox;
    fetched(&rig);
    let here = sandbox.database_name();
    let (file, back) = (sandbox.path("copied.db"), sandbox.path("back.db"));
    let away = |path: &PathBuf| {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(format!("{}{end}", path.display())).ok();
        }
    };
    let copy = |from: &str, to: &str| -> Vec<String> {
        ["db", "copy", from, to, "--state", "state"].map(str::to_owned).to_vec()
    };
    let there = format!("{}_copied", here);
    let schema = there.rsplit_once("schema=").unwrap().1.to_owned();
    let drop = || rig.as_superuser(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
    sandbox.run(&["db", "copy", &here, file.to_str().unwrap()]).ok();
    let rows = every_row_of_file(&file);
    away(&file);
    let mut struck_at = 0;
    for to_server in [false, true] {
        let to = if to_server { there.as_str() } else { file.to_str().unwrap() };
        let typed = copy(&here, to);
        let typed = borrowed(&typed);
        rig.cutter.set_harm(None);
        sandbox.run(&typed).ok();
        let steps = rig.cutter.steps();
        for blow in blows() {
            for nth in points(steps) {
                away(&file);
                drop();
                let point =
                    format!("to a {}: {blow:?} at step {nth} of {steps}", if to_server { "server" } else { "file" });
                let child = Child::default();
                let (fate, dying) = match blow {
                    Blow::Cut(fate) => (fate, None),
                    Blow::Kill(fate) => (fate, Some(child.clone())),
                };
                rig.cutter.set_harm(Some(Harm::with(Step::Any(nth), fate, move || dying.iter().for_each(Child::kill))));
                let run = sandbox.call(&typed).known_to(&child).run();
                struck_at += usize::from(rig.cutter.is_done());
                rig.cutter.set_harm(None);
                rig.settle();
                if matches!(blow, Blow::Cut(_)) {
                    rig.tells_of_command(&point, &run);
                }
                let again = if run.code == 0 { run } else { sandbox.run(&typed) };
                // It was whole when it broke off.
                let is_there = ["in use already", "exists already"].iter().any(|words| again.stderr.contains(words));
                let is_whole = again.code == 65 && is_there;
                assert!(again.code == 0 || is_whole, "{point}: {again:#?}");
                if to_server {
                    sandbox.run(&["db", "copy", to, back.to_str().unwrap()]).ok();
                    assert!(every_row_of_file(&back) == rows, "{point}");
                    away(&back);
                } else {
                    assert!(every_row_of_file(&file) == rows, "{point}");
                }
            }
        }
    }
    drop();
    promise(
        "R1",
        &format!("db copy from and to PostgreSQL, cut or killed at {struck_at} steps: neither whole nor none"),
        "0",
    );
}
