//! Processes that stand still: nobody else has to wait for them, and where somebody does, they are named.

use std::process::Command;
use std::time::Duration;

use crate::support::{
    At, Child, Dovecot, Quirk, RogueImap, Running, Sandbox, asked, mail, no_file, program, promise, wait_until,
};

/// A shell with one job on a terminal. Ctrl-Z is typed this number of milliseconds after its start; while it is stopped, if it is,
/// another command runs to its end, and the job goes on after that.
const SHELL: &str = r#"
import json, os, pty, signal, subprocess, sys, time
delay, job, other = float(sys.argv[1]) / 1000, json.loads(sys.argv[2]), json.loads(sys.argv[3])
report, tell = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(job[0], job)
    stopped = 0
    while True:
        status = os.waitpid(child, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            break
        stopped += 1
        done = subprocess.run(other, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        os.write(tell, json.dumps([done.returncode, done.stderr]).encode() + b"\n")
        os.killpg(child, signal.SIGCONT)
    os.write(tell, json.dumps([os.waitstatus_to_exitcode(status), stopped]).encode() + b"\n")
    os._exit(0)
os.close(tell)
time.sleep(delay)
os.write(terminal, b"\x1a")
for line in os.fdopen(report):
    print(line, end="")
"#;

fn line(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let mut line = vec![program().display().to_string()];
    line.extend(sandbox.place());
    line.extend(["--config".into(), sandbox.path("config.toml").display().to_string()]);
    line.extend(args.iter().map(|&arg| arg.to_owned()));
    line
}

fn python(script: &str, args: &[String]) -> Running {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(args);
    Child::default().spawn(command, None, args.join(" "))
}

/// A case with number 1.
fn with_case() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.support_account(&Dovecot::shared().mailbox(), &[]);
    sandbox.run(&["case", "create", "--subject", "Invoice", "--team", "Support", "-m", "text"]).ok();
    sandbox
}

#[test]
fn a_writer_who_is_stopped_at_any_moment_holds_up_nobody() {
    let sandbox = with_case();
    let text = sandbox.file("text", "A line of a long text.\n".repeat(200_000).as_bytes());
    let note = line(&sandbox, &["case", "note", "1", "-F", text.to_str().unwrap()]);
    let other = line(&sandbox, &["user", "away", "ana"]);
    let (moments, mut stopped) = (asked("ESPOMAIL_STOPS", 12_u64), 0);
    for moment in 0..moments {
        // From before the start of the program to after its end.
        let delay = (moment * 240 / moments).to_string();
        let words = [delay.clone(), serde_json::to_string(&note).unwrap(), serde_json::to_string(&other).unwrap()];
        let run = python(SHELL, &words).wait().ok();
        let mut said: Vec<serde_json::Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let end = said.pop().unwrap();
        assert_eq!(end[0], 0, "{delay} ms: {run:#?}");
        stopped += said.len();
        said.iter().for_each(|other| assert_eq!(other[0], 0, "{delay} ms: {other}"));
    }
    assert!(stopped > 0, "Ctrl-Z never stopped anything");
    let notes = sandbox.database().rows("SELECT id FROM notes WHERE kind = 'comment'").len();
    assert!(notes as u64 >= moments, "{notes} notes of {moments}");
    promise("R7", &format!("Ctrl-Z at {moments} moments of a write, {stopped} stopped: others who had to wait"), "0");
}

/// The bits of the stop signals in `SigBlk` of a thread's status.
const STOPS: u64 = 1 << 19 | 1 << 20 | 1 << 21;

#[test]
fn a_fetch_is_not_stopped_while_it_has_an_account() {
    let (sandbox, server) = (Sandbox::new(), RogueImap::new(At::Select, Quirk::Silence));
    let address = format!("127.0.0.1:{}", server.port);
    sandbox.support_account(&Dovecot::shared().mailbox(), &[]);
    sandbox.group_account("slow", &Dovecot::shared().mailbox(), &["--imap", &address]);
    let running = sandbox.call(&["fetch", "slow"]).spawn();
    let lock = sandbox.lock("account-2");
    wait_until(Duration::from_secs(20), || lock.exists() && threads(running.id()).len() > 1);
    for thread in threads(running.id()) {
        assert_eq!(thread & STOPS, STOPS, "a thread of the fetch can be stopped");
    }
    sandbox.run(&["fetch", "support"]).ok().silent();

    // SIGSTOP cannot be held back: who waits is told, cron too, and what to do.
    let pid = running.id().to_string();
    signal("STOP", &pid);
    let told = sandbox.run(&["fetch", "slow"]).ok();
    let expected = format!("is being fetched by process {pid} (espomail fetch, stopped, since ");
    assert!(told.stderr.contains(&expected), "{told:#?}");
    assert!(told.stderr.contains(&format!("kill -CONT {pid}")), "{told:#?}");
    let found = sandbox.run(&["doctor", "--offline"]);
    assert!(found.stdout.contains(&format!("account slow is held by process {pid}")), "{found:#?}");
    let check = sandbox.run(&["check"]).exits(2);
    let stuck = format!("ESPOMAIL CRITICAL - process {pid} (espomail fetch, stopped, since ");
    assert!(check.stdout.starts_with(&stuck), "{check:#?}");
    assert!(check.stdout.contains(&format!("holds account slow: let it go on: kill -CONT {pid}")), "{check:#?}");
    let status = sandbox.run(&["--format", "table", "status"]).ok().stdout;
    assert!(status.contains(&format!("\nProcess {pid} (espomail fetch, stopped, since ")), "{status}");
    assert!(status.contains(&format!("holds account slow: let it go on: kill -CONT {pid}")), "{status}");
    assert!(sandbox.run(&["--json", "status"]).ok().stderr.contains("holds account slow: "));
    let check = sandbox.run(&["--as", "ana", "check"]).exits(2);
    assert!(check.stdout.contains("holds an account of others: "), "{check:#?}");
    signal("CONT", &pid);
    let told = sandbox.run(&["fetch", "slow"]).ok();
    assert!(!told.stderr.contains(&pid), "{told:#?}");
    running.kill();
    assert!(sandbox.run(&["doctor", "--offline"]).stdout.contains("no process is waiting"));
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), pid]).status().unwrap().success());
}

/// The signals that each thread of a process holds back.
fn threads(pid: u32) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let blocked = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let bits = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim().to_owned();
        u64::from_str_radix(&bits, 16).ok()
    };
    tasks.filter_map(blocked).collect()
}

/// Begins to write a database and goes on when a file is there.
const WRITER: &str = r#"
import os, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
database.execute("ROLLBACK")
"#;

#[test]
fn command_that_waits_for_the_database_in_vain_names_its_holder() {
    if no_file() {
        return;
    }
    let sandbox = with_case();
    let mailbox = Dovecot::shared().mailbox();
    sandbox.group_account("more", &mailbox, &["--create-case", "--case-team", "Support"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    let before = sandbox.canon();
    let [ready, go] = ["ready", "go"].map(|name| sandbox.path(name));
    let paths = [sandbox.db(), ready.clone(), go.clone()].map(|path| path.display().to_string());
    let writer = python(WRITER, &paths);
    wait_until(Duration::from_secs(20), || ready.exists());
    let pid = writer.id().to_string();
    signal("STOP", &pid);
    let waiting = [&["case", "note", "1", "-m", "x"][..], &["fetch"], &["--json", "user", "away", "ana"]];
    let waiting = waiting.map(|args| sandbox.call(args).spawn());
    let piped = mail("c@customer.example", &mailbox.address, "Piped").bytes();
    let piped = sandbox.call(&["ingest", "--account", "more"]).stdin(&piped).spawn();
    let found = sandbox.run(&["doctor", "--offline"]).exits(75);
    assert!(found.stdout.contains(&format!("database is held by process {pid} (stopped, since ")), "{found:#?}");
    let check = sandbox.run(&["check"]).exits(2);
    let stuck = format!("ESPOMAIL CRITICAL - process {pid} (stopped, since ");
    assert!(check.stdout.starts_with(&stuck), "{check:#?}");
    assert!(check.stdout.contains(&format!("holds the database: let it go on: kill -CONT {pid}")), "{check:#?}");
    let status = sandbox.run(&["--format", "table", "status"]).ok().stdout;
    assert!(status.contains(&format!("holds the database: let it go on: kill -CONT {pid}")), "{status}");
    for run in waiting.map(Running::wait) {
        let run = run.exits(75);
        assert_eq!(run.stderr.matches(&format!("process {pid} (stopped, since ")).count(), 1, "{run:#?}");
        assert!(run.stderr.contains(&format!("kill -CONT {pid}")) && run.stdout.is_empty(), "{run:#?}");
    }
    let piped = piped.wait().exits(75);
    for said in [&format!("process {pid} (stopped, since "), &format!("kill -CONT {pid}"), "the MTA keeps it"] {
        assert!(piped.stderr.contains(said), "{piped:#?}");
    }
    signal("CONT", &pid);
    std::fs::write(go, "").unwrap();
    writer.wait().ok();
    assert_eq!(sandbox.canon(), before, "something half made is left");
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 2);
}

/// Runs a program on a terminal where Ctrl-S was typed; Ctrl-Q follows when a file is there.
const UNREAD: &str = r#"
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    while not os.path.exists(sys.argv[1] + ".begin"):
        time.sleep(0.01)
    os.execv(sys.argv[2], sys.argv[2:])
os.write(terminal, b"\x13")
open(sys.argv[1] + ".begin", "w").close()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
os.write(terminal, b"\x11")
said = b""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    said += data
sys.stdout.write(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_terminal_that_shows_nothing_holds_up_its_own_user_alone() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    for n in 1..=40 {
        let sender = format!("c{n}@customer.example");
        mailbox.append("INBOX", &mail(&sender, &mailbox.address, &format!("Mail {n}")).bytes());
    }
    let go = sandbox.path("go");
    let mut words = vec![go.display().to_string()];
    words.extend(line(&sandbox, &["-v", "fetch", "--summary"]));
    let unread = python(UNREAD, &words);
    // It does all of its work, and lets go of the account.
    wait_until(Duration::from_secs(30), || sandbox.items(&["case", "list"]).len() == 40);
    wait_until(Duration::from_secs(10), || sandbox.run(&["fetch", "--if-locked", "fail"]).code == 0);
    sandbox.run(&["case", "note", "1", "-m", "x"]).ok();
    std::fs::write(go, "").unwrap();
    let shown = unread.wait().ok();
    assert_eq!(shown.stdout.matches("support: imported").count(), 40, "{shown:#?}");
    assert!(shown.stdout.contains("imported 40, other 0"), "{shown:#?}");
}
