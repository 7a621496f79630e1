//! What commits do not wait for the disk, and that nothing outside is done before what it depends on is there.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Output, Stdio};

use crate::support::{Deed, Dovecot, Mailbox, Proxy, Rule, Sandbox, Side, SmtpSink, When, mail, no_file};

/// What a run did, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// Something was written into the log of the database.
    Written,
    /// A thread began to take the log to the disk …
    Flush(String),
    /// … and it is there as far as it was written then.
    Flushed(String),
    /// The server is to change a mail.
    Settled,
    /// An automatic reply goes to the SMTP server.
    Sent,
    /// The numbers of the run are printed.
    Told,
}

const TOLD: &[&str] = &["imported 6, other 0", "imported 4, other 0", "imported 0, other 0"];

/// Runs the program under strace.
fn strace(sandbox: &Sandbox, options: &[&str], args: &[&str]) -> Output {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "4096", "-e", "trace=fsync,fdatasync,pwrite64,write,sendto"]).args(options);
    let program = sandbox.command(args);
    strace.arg(program.get_program()).args(program.get_args()).env_clear().stdin(Stdio::null());
    strace.current_dir(sandbox.path("")).envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.output().unwrap()
}

/// What a run does in its order.
fn traced(sandbox: &Sandbox, args: &[&str]) -> Vec<Call> {
    let trace = sandbox.path("trace");
    let done = strace(sandbox, &["-o", trace.to_str().unwrap()], args);
    assert!(done.status.success(), "{args:?}: {done:?}");
    let (mut flushing, mut calls) = (HashSet::new(), Vec::new());
    let text = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    text.lines().for_each(|line| note(line, &mut flushing, &mut calls));
    calls
}

fn note(line: &str, flushing: &mut HashSet<String>, calls: &mut Vec<Call>) {
    let Some((thread, line)) = line.split_once(' ') else { return };
    let (thread, line) = (thread.to_owned(), line.trim_start());
    let (name, rest) = line.split_once('(').unwrap_or((line, ""));
    let is_of_log = rest.split(',').next().is_some_and(|file| file.contains(".db-wal>"));
    match name {
        "fsync" | "fdatasync" if is_of_log => {
            calls.push(Call::Flush(thread.clone()));
            if rest.ends_with("= 0") {
                calls.push(Call::Flushed(thread));
            } else {
                flushing.insert(thread);
            }
        }
        _ if line.contains("sync resumed>") && line.ends_with("= 0") && flushing.remove(&thread) => {
            calls.push(Call::Flushed(thread));
        }
        "pwrite64" if is_of_log => calls.push(Call::Written),
        "sendto" if rest.contains("UID STORE") || rest.contains("EXPUNGE") => calls.push(Call::Settled),
        "sendto" if rest.contains("Auto-Submitted: auto-replied") => calls.push(Call::Sent),
        "write" if TOLD.iter().any(|told| rest.contains(told)) => calls.push(Call::Told),
        _ => {}
    }
}

/// Six mails, each of which fills a commit.
fn fill(mailbox: &Mailbox) {
    let text = format!("{}\n", "All work and no play. ".repeat(3)).repeat(20_000);
    for n in 1..=6 {
        let letter = mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Question {n}"));
        mailbox.append("INBOX", &letter.body(&text).bytes());
    }
}

/// Fails where something outside was done while the log was not on the disk; how often the thread that imports waited for
/// the disk before the first of these.
fn flushes_before(calls: &[Call], outside: &Call) -> usize {
    let first = calls.iter().position(|call| call == outside);
    let first = first.unwrap_or_else(|| panic!("no {outside:?} in {calls:?}"));
    let (mut is_ahead, mut written_since) = (false, HashMap::new());
    for (at, call) in calls.iter().enumerate() {
        match call {
            Call::Written => {
                is_ahead = true;
                written_since.values_mut().for_each(|written| *written = true);
            }
            Call::Flush(thread) => drop(written_since.insert(thread, false)),
            Call::Flushed(thread) => is_ahead &= written_since.remove(thread).unwrap_or(true),
            outside => assert!(!is_ahead, "call {at}, {outside:?}: the log is not on the disk: {calls:?}"),
        }
    }
    // It opens the database, before there are other threads.
    let main = calls.iter().find_map(|call| if let Call::Flush(thread) = call { Some(thread) } else { None });
    let waited = |call: &&Call| matches!(call, Call::Flushed(thread) if Some(thread) == main);
    calls.iter().take(first).filter(waited).count()
}

#[test]
fn nothing_outside_is_done_before_what_it_depends_on_is_on_the_disk() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(Vec::new());
    sandbox.support_account(&mailbox, &["--after", "delete", "--auto-reply", "Thanks", "--smtp", &sink.address()]);
    fill(&mailbox);
    let calls = traced(&sandbox, &["fetch", "--summary"]);
    assert!(flushes_before(&calls, &Call::Settled) < 6, "each commit waited for the disk: {calls:?}");
    flushes_before(&calls, &Call::Sent);
    flushes_before(&calls, &Call::Told);
    assert_eq!(sink.received().len(), 6);
}

#[test]
fn the_numbers_of_a_run_are_of_what_is_on_the_disk() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    // The last thing that a run writes is what the search misses.
    sandbox.database().empty_indexes();
    flushes_before(&traced(&sandbox, &["fetch", "--no-send", "--summary"]), &Call::Told);
}

#[test]
fn what_a_run_left_is_on_the_disk_before_the_next_one_changes_the_server() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let imap = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &imap.address(), "--after", "delete"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    imap.set_rule(Some(Rule { side: Side::Client, text: "UID STORE", nth: 1, when: When::Before, deed: Deed::Cut }));
    sandbox.run(&["fetch", "--no-send"]).exits(75);
    imap.set_rule(None);
    let calls = traced(&sandbox, &["fetch", "--no-send"]);
    assert!(flushes_before(&calls, &Call::Settled) > 0, "{calls:?}");
    assert_eq!(mailbox.messages("INBOX").len(), 0);
}

#[test]
fn accounts_do_not_wait_for_the_disk_one_after_another() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let waits = || flushes_before(&traced(&sandbox, &["fetch", "--no-send", "--summary"]), &Call::Told);
    sandbox.support_account(&mailbox, &[]);
    let alone = waits();
    for name in ["a", "b", "c", "d"] {
        let mailbox = Dovecot::shared().mailbox();
        mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
        sandbox.group_account(name, &mailbox, &["--after", "keep"]);
    }
    let together = waits();
    assert!(together <= alone + 1, "{together} with five accounts, {alone} with one");
}

/// SQLite calls fsync, and the program itself fdatasync for its flushes.
#[test]
fn a_disk_that_does_not_take_it_is_told_and_nothing_else_is_done() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--after", "delete"]);
    fill(&mailbox);
    let broken = |args: &[&str], untold: &str| {
        let done = strace(&sandbox, &["-o", "/dev/null", "-e", "inject=fdatasync:error=EIO"], args);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(74), "{args:?}: {done:?}");
        assert!(said.contains("espomail.db fails: Input/output error"), "{said}");
        assert!(!said.contains(untold), "{args:?}: {said}");
    };
    broken(&["fetch", "--summary"], "imported 6");
    assert_eq!(mailbox.messages("INBOX").len(), 6, "none of them was deleted");
    sandbox.run(&["account", "edit", "support", "--after", "keep"]).ok();
    let mailbox = Dovecot::shared().mailbox();
    sandbox.group_account("other", &mailbox, &[]);
    fill(&mailbox);
    broken(&["fetch", "other", "--summary"], "imported 6");
    sandbox.env("ESPOMAIL_POISON", "1");
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "poison:importing:error").bytes());
    broken(&["fetch", "other"], "could not be imported");
}
