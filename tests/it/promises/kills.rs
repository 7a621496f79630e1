//! SIGKILL at every stage (promise R1): after another run the canonical dump and what the SMTP server got
//! equal those of an undisturbed run, except automatic replies that are held in doubt.

#[cfg(feature = "postgres")]
mod server;

use std::collections::HashMap;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::{
    Child, Deed, Dice, Dovecot, Letter, Mailbox, Proxy, Rule, Run, Sandbox, Side, SmtpSink, When, asked, mail, no_file,
    program, promise,
};

/// The Date of all mails, so that their bytes are the same in every scene.
fn date() -> jiff::Timestamp {
    static DATE: OnceLock<jiff::Timestamp> = OnceLock::new();
    *DATE.get_or_init(jiff::Timestamp::now)
}

/// Twenty mails: questions, answers to some of them, one of a mailing list, one out-of-office and one duplicate.
fn fill(mailbox: &Mailbox) {
    let mail = |from: &str, subject: &str| mail(from, "support@desk.example", subject).date(date());
    // One session for all: each point of death has a mailbox of its own.
    let mut session = mailbox.imap();
    let mut put = |letter: Letter| {
        session.append("INBOX", &[], None, &letter.bytes());
    };
    for n in 1..=12 {
        let letter = mail(&format!("c{n}@customer.example"), &format!("Question {n}"));
        put(letter.message_id(&format!("<q{n}@customer.example>")));
    }
    for n in 1..=5 {
        let more = mail(&format!("c{n}@customer.example"), &format!("More on {n}"));
        let more = more.message_id(&format!("<m{n}@customer.example>"));
        put(more.in_reply_to(&format!("<q{n}@customer.example>")));
    }
    let away = mail("c2@customer.example", "Away").message_id("<a2@customer.example>");
    put(away.add("Auto-Submitted", "auto-replied"));
    let list = mail("c3@customer.example", "News").message_id("<l3@customer.example>");
    put(list.add("List-Id", "<news.customer.example>"));
    put(mail("c4@customer.example", "Question 4").message_id("<q4@customer.example>"));
}

struct Scene {
    sandbox: Sandbox,
    mailbox: Mailbox,
    imap: Proxy,
    smtp: Proxy,
    sink: SmtpSink,
}

fn scene() -> Scene {
    scene_in(Sandbox::new(), fill)
}

fn scene_in(sandbox: Sandbox, fill: fn(&Mailbox)) -> Scene {
    let mailbox = Dovecot::shared().mailbox();
    let (imap, sink) = (Proxy::new(Dovecot::shared().imap), SmtpSink::new(Vec::new()));
    let smtp = Proxy::new(sink.port);
    let extra = [
        "--imap",
        &imap.address(),
        "--smtp",
        &smtp.address(),
        "--auto-reply",
        "Thanks",
        "--distribution",
        "round-robin",
    ];
    sandbox.support_account(&mailbox, &extra);
    // The same address in every scene, so that dumps can be compared.
    sandbox.run(&["account", "edit", "support", "--address", "support@desk.example"]).ok();
    fill(&mailbox);
    Scene { sandbox, mailbox, imap, smtp, sink }
}

/// Subject and recipient of every message the server took, sorted.
fn taken(sink: &SmtpSink) -> Vec<String> {
    let mut all: Vec<String> = sink
        .received()
        .iter()
        .map(|received| {
            let text = String::from_utf8_lossy(&received.message).into_owned();
            let field = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
            format!("{} {} {}", received.to.join(","), field("Subject:"), field("Auto-Submitted:"))
        })
        .collect();
    all.sort();
    all
}

/// What an undisturbed run makes of it, with an agent's answer at the end.
fn undisturbed() -> (String, Vec<String>) {
    let scene = scene();
    scene.sandbox.run(&["fetch"]).ok().silent();
    answer(&scene);
    scene.sandbox.run(&["send"]).ok();
    (scene.sandbox.canon(), taken(&scene.sink))
}

fn answer(scene: &Scene) {
    scene.sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
}

/// Automatic replies in doubt are held: sent or not, nobody knows, and never again by itself.
fn forget_doubt(dump: &str) -> String {
    let mut lines: Vec<String> = dump
        .lines()
        .map(|line| {
            let held = line.starts_with("outbox") && line.contains("auto-reply");
            let sending = line.starts_with("email") && line.contains("our own automatic reply");
            let line = if held { line.replace("\"held\"", "\"sent\"") } else { line.to_owned() };
            if sending { line.replace("\"Sending\"", "\"Sent\"") } else { line }
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Fails with the lines that only one of two dumps has.
fn same_lines(point: &str, dump: &str, wanted: &str) {
    let only =
        |a: &str, b: &str| a.lines().filter(|l| !b.lines().any(|m| m == *l)).map(str::to_owned).collect::<Vec<_>>();
    let (more, less) = (only(dump, wanted), only(wanted, dump));
    assert!(dump == wanted, "{point}: the dump differs\nonly here: {more:#?}\nmissing: {less:#?}");
}

/// Runs until a run ends by itself and has nothing to say, then compares.
fn recover_and_compare(scene: &Scene, point: &str, wanted: &(String, Vec<String>), doubtful: bool) {
    scene.sandbox.run(&["fetch"]).ok();
    if !scene.sandbox.canon().contains("We are on it.") {
        answer(scene);
    }
    scene.sandbox.run(&["send"]).ok();
    compare(scene, point, wanted, doubtful);
}

/// Fails where something was lost, doubled or half made. `doubtful` = a run died while a message was on the wire.
fn compare(scene: &Scene, point: &str, wanted: &(String, Vec<String>), doubtful: bool) {
    let (dump, got) = (scene.sandbox.canon(), taken(&scene.sink));
    if !doubtful {
        same_lines(point, &dump, &wanted.0);
        assert_eq!(got, wanted.1, "{point}: the messages sent differ");
        return;
    }
    same_lines(point, &forget_doubt(&dump), &forget_doubt(&wanted.0));
    let automatic = |all: &[String]| all.iter().filter(|m| m.contains("auto-replied")).cloned().collect::<Vec<_>>();
    let (sent, all) = (automatic(&got), automatic(&wanted.1));
    assert!(sent.iter().all(|m| all.contains(m)), "{point}: {sent:?}");
    let mut once = sent.clone();
    once.dedup();
    assert_eq!(sent, once, "{point}: an automatic reply twice");
    assert!(sent.len() + 1 >= all.len(), "{point}: only the one in doubt may be missing: {sent:?}");
    let written = |all: &[String]| all.iter().filter(|m| !m.contains("auto-replied")).cloned().collect::<Vec<_>>();
    let mut letters = written(&got);
    let count = letters.len();
    letters.dedup();
    assert_eq!(letters, written(&wanted.1), "{point}: the letters sent differ");
    assert!(count <= letters.len() + 1, "{point}: only the letter in doubt may be there twice: {got:?}");
}

#[test]
fn killed_by_the_server_at_every_step_of_imap() {
    let wanted = undisturbed();
    let points: &[(Side, &str, usize, When)] = &[
        (Side::Server, "OK", 1, When::After),
        (Side::Client, "LOGIN", 1, When::Before),
        (Side::Client, "SELECT", 1, When::After),
        (Side::Server, "UIDNEXT", 1, When::After),
        (Side::Client, "RFC822.SIZE", 1, When::After),
        (Side::Server, "RFC822.SIZE", 2, When::After),
        (Side::Client, "BODY.PEEK", 1, When::After),
        (Side::Server, "BODY[] {", 1, When::Inside(50)),
        (Side::Server, "BODY[] {", 4, When::Inside(200)),
        (Side::Client, "STORE", 1, When::Before),
        (Side::Client, "STORE", 1, When::After),
        (Side::Client, "LOGOUT", 1, When::Before),
    ];
    for (side, text, nth, when) in points {
        let point = format!("{side:?} {text} {nth} {when:?}");
        let scene = scene();
        let child = Child::default();
        let deed = Deed::Kill(child.clone());
        scene.imap.set_rule(Some(Rule { side: *side, text, nth: *nth, when: *when, deed }));
        let run = scene.sandbox.call(&["fetch"]).known_to(&child).run();
        assert!(scene.imap.fired() && run.code == 128 + 9, "{point}: not killed: {run:?}");
        scene.imap.set_rule(None);
        recover_and_compare(&scene, &point, &wanted, false);
    }
    promise("R1", &format!("SIGKILL at {} steps of IMAP: lost, doubled or half made", points.len()), "0");
}

#[test]
fn killed_by_the_server_at_every_step_of_smtp() {
    let wanted = undisturbed();
    // The second column says whether the death lies between the answer to DATA and the final reply.
    let points: &[(Side, &str, usize, When, bool)] = &[
        (Side::Server, "220", 1, When::After, false),
        (Side::Client, "MAIL FROM", 1, When::After, false),
        (Side::Client, "MAIL FROM", 3, When::Before, false),
        (Side::Client, "RCPT TO", 2, When::After, false),
        (Side::Client, "DATA", 2, When::Before, false),
        (Side::Server, "354", 1, When::Before, false),
        (Side::Client, ".", 1, When::Before, true),
        (Side::Server, "taken", 1, When::Before, true),
        (Side::Server, "taken", 2, When::Before, true),
    ];
    for (side, text, nth, when, doubtful) in points {
        let point = format!("{side:?} {text} {nth} {when:?}");
        let scene = scene();
        let child = Child::default();
        let deed = Deed::Kill(child.clone());
        scene.smtp.set_rule(Some(Rule { side: *side, text, nth: *nth, when: *when, deed }));
        let run = scene.sandbox.call(&["fetch"]).known_to(&child).run();
        assert!(scene.smtp.fired() && run.code == 128 + 9, "{point}: not killed: {run:?}");
        scene.smtp.set_rule(None);
        recover_and_compare(&scene, &point, &wanted, *doubtful);
    }
    promise("R2", &format!("SIGKILL at {} steps of SMTP: automatic replies sent twice", points.len()), "0");
}

/// `fetch` under strace, so that it can be killed at a call of the kernel.
fn traced(scene: &Scene, options: &[&str]) -> Run {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fsync,pwrite64,sendto,recvfrom"]).args(options).arg(program());
    strace.args(scene.sandbox.place()).arg("--config").arg(scene.sandbox.path("config.toml")).arg("fetch");
    Child::default().spawn(strace, None, format!("{options:?}")).wait()
}

/// The calls of the thread that makes the most of them: strace counts each thread's own.
fn most_of_one_thread(calls: &str, call: &str) -> usize {
    let mut threads = HashMap::new();
    for line in calls.lines().filter(|line| line.contains(call)) {
        *threads.entry(line.split(' ').next()).or_insert(0) += 1;
    }
    threads.into_values().max().unwrap_or_default()
}

/// SIGKILL at this number of calls of one kind (or as many as `ESPOMAIL_POINTS` says), spread over the run.
fn killed_at(call: &str, usual: usize) {
    let wanted = undisturbed();
    // No two runs make quite the same calls: the shorter one of two counts.
    let counted = || {
        let scene = scene();
        let list = scene.sandbox.path("calls");
        traced(&scene, &["-o", list.to_str().unwrap()]).ok();
        most_of_one_thread(&std::fs::read_to_string(list).unwrap(), call)
    };
    let all = counted().min(counted());
    let points = asked("ESPOMAIL_POINTS", usual).min(all);
    let mut killed = 0;
    for point in 1..=points {
        let nth = (all * point).div_ceil(points);
        let scene = scene();
        let inject = format!("inject={call}:signal=KILL:when={nth}");
        let run = traced(&scene, &["-o", "/dev/null", "-e", &inject]);
        // One of the last that was not reached does not count as a kill: a run may have a fifth less of them.
        assert!(run.code != 0 || nth * 10 > all * 8 || nth + 3 > all, "{call} {nth} of {all}: not killed");
        killed += usize::from(run.code != 0);
        // A death between 354 and 250 leaves an automatic reply in doubt.
        let doubtful = scene.sandbox.canon().contains("\"in doubt\"");
        recover_and_compare(&scene, &format!("{call} {nth} of {all}"), &wanted, doubtful);
    }
    promise("R1", &format!("SIGKILL at {call}, {killed} of {all} points: lost, doubled or half made"), "0");
}

#[test]
fn killed_at_fsync() {
    killed_at("fsync", 12);
}

#[test]
fn killed_at_write() {
    if no_file() {
        return;
    }
    killed_at("pwrite64", 24);
}

#[test]
fn killed_at_send() {
    killed_at("sendto", 12);
}

#[test]
fn killed_at_receive() {
    killed_at("recvfrom", 12);
}

#[test]
fn killed_at_any_time() {
    let wanted = undisturbed();
    let mut dice = Dice::new();
    let (scene_of_one, started) = (scene(), Instant::now());
    scene_of_one.sandbox.run(&["fetch"]).ok();
    let usual = started.elapsed().as_micros() as u64;
    let (points, mut killed) = (asked("ESPOMAIL_POINTS", 10), 0);
    for _ in 0..points {
        let scene = scene();
        let running = scene.sandbox.call(&["fetch"]).spawn();
        let after = Duration::from_micros(dice.below(usual));
        std::thread::sleep(after);
        running.kill();
        killed += usize::from(running.wait().code != 0);
        let doubtful = scene.sandbox.canon().contains("\"in doubt\"");
        recover_and_compare(&scene, &format!("after {after:?}"), &wanted, doubtful);
    }
    promise("R1", &format!("SIGKILL at {killed} random moments: lost, doubled or half made"), "0");
}

#[test]
fn an_answer_of_an_agent_in_doubt_is_sent_again_under_the_same_id() {
    let scene = scene();
    scene.sandbox.run(&["fetch"]).ok();
    answer(&scene);
    let before = scene.sink.received().len();
    let child = Child::default();
    let deed = Deed::Kill(child.clone());
    scene.smtp.set_rule(Some(Rule { side: Side::Server, text: "taken", nth: 1, when: When::Before, deed }));
    scene.sandbox.call(&["send"]).known_to(&child).run().exits(128 + 9);
    scene.smtp.set_rule(None);
    assert_eq!(scene.sandbox.items(&["outbox", "list"])[0]["state"], "in doubt");
    scene.sandbox.run(&["send"]).ok();
    let ids: Vec<String> = scene.sink.received()[before..]
        .iter()
        .map(|r| String::from_utf8_lossy(&r.message).lines().find(|l| l.starts_with("Message-ID:")).unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "once in doubt, once for sure");
    assert_eq!(ids[0], ids[1]);
    assert!(scene.sandbox.items(&["outbox", "list"]).is_empty());
}

/// What the disk does to a run, and the exit codes that may come of it (promise R6).
#[test]
fn a_full_or_failing_disk_leaves_nothing_half_done() {
    if no_file() {
        return;
    }
    let wanted = undisturbed();
    let counted = scene();
    let list = counted.sandbox.path("calls");
    traced(&counted, &["-o", list.to_str().unwrap()]).ok();
    let calls = std::fs::read_to_string(list).unwrap();
    for (call, error, most) in [("pwrite64", "ENOSPC", 6), ("pwrite64", "EIO", 3), ("fsync", "EIO", 4)] {
        let all = most_of_one_thread(&calls, call);
        let points = asked("ESPOMAIL_POINTS", most).min(all);
        let mut failed = 0;
        for point in 1..=points {
            let nth = (all * point).div_ceil(points);
            let (scene, place) = (scene(), format!("{call} {error} {nth} of {all}"));
            // From there on the disk stays full; a single failure would be gone with the next attempt.
            let inject = format!("inject={call}:error={error}:when={nth}+");
            let run = traced(&scene, &["-o", "/dev/null", "-e", &inject]);
            // The last writes are those of the checkpoint at the end, which the next opening repeats.
            assert!([0, 74, 75].contains(&run.code), "{place}: {run:#?}");
            failed += usize::from(run.code != 0);
            let named = ["disk", "database", "no space left", "input/output error"];
            let said = run.stderr.to_lowercase();
            assert!(run.code == 0 || named.iter().any(|word| said.contains(word)), "{place}: {run:#?}");
            scene.sandbox.run(&["db", "check"]).ok();
            let doubtful = scene.sandbox.canon().contains("\"in doubt\"");
            recover_and_compare(&scene, &place, &wanted, doubtful);
        }
        assert!(failed * 3 >= points * 2, "{call} {error}: only {failed} of {points} runs noticed");
        promise("R6", &format!("{error} from {call} on, {points} of {all} points: half written, not recovered"), "0");
    }
}
