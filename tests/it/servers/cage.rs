//! The unit of systemd in contrib/: how much it forbids, and that the program does nothing that it forbids.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::support::{Dovecot, Sandbox, SmtpSink, mail, no_file};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/espomail.service");

/// What systemd-analyze prints; `None` where it is not installed, or has not this command.
fn systemd_analyze(args: &[&str]) -> Option<String> {
    let run = Command::new("systemd-analyze").arg("--no-pager").args(args).stdin(Stdio::null()).output().ok()?;
    run.status.success().then(|| String::from_utf8_lossy(&run.stdout).into_owned())
}

/// The values of a key of the unit, in order.
fn values(key: &str) -> Vec<String> {
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    unit.lines().filter_map(of_key).collect()
}

/// The system calls of a group, with those of the groups in it.
fn calls_of(group: &str) -> BTreeSet<String> {
    let text = systemd_analyze(&["syscall-filter", group]).unwrap();
    let words = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut calls = BTreeSet::new();
    for word in words {
        if word.starts_with('@') {
            calls.extend(calls_of(word));
        } else {
            calls.insert(word.to_owned());
        }
    }
    calls
}

/// What the filters of the unit let through.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for filter in values("SystemCallFilter") {
        let (is_taken_away, groups) = filter.strip_prefix('~').map_or((false, filter.as_str()), |rest| (true, rest));
        for call in groups.split_whitespace().flat_map(calls_of) {
            if is_taken_away {
                allowed.remove(&call)
            } else {
                allowed.insert(call)
            };
        }
    }
    allowed
}

#[test]
fn the_unit_is_a_narrow_cage() {
    let Some(told) = systemd_analyze(&["security", "--offline=true", UNIT]) else {
        return eprintln!("skipped: systemd-analyze is not there, or has no --offline");
    };
    let score = told.lines().find_map(|line| line.split_once("exposure level for espomail.service: ")).unwrap().1;
    let score: f64 = score.split_whitespace().next().unwrap().parse().unwrap();
    assert!(score <= 2.0, "{told}");
}

/// Without systemd as the first process nothing can be run in the unit itself: what a run does is compared with it.
#[test]
fn a_run_does_nothing_that_the_unit_forbids() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(Vec::new());
    // A name is looked up, a program prints the password, mail is stored, moved and answered.
    let secret = format!("cmd:/bin/cat {}", sandbox.file("pw", b"pw\n").display());
    let imap = format!("localhost:{}", Dovecot::shared().imap);
    let options = ["--after", "delete", "--auto-reply", "Thanks", "--smtp", &sink.address(), "--imap", &imap];
    sandbox.support_account(&mailbox, &options);
    sandbox.run(&["account", "edit", "support", "--secret", &secret]).ok();
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Question").bytes());
    let trace = sandbox.path("trace");
    let program = sandbox.command(&["fetch", "--summary"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-o"]).arg(&trace).arg(program.get_program()).args(program.get_args());
    strace.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = strace.current_dir(sandbox.path("")).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(sink.received().len(), 1, "it was answered");
    let text = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    let lines = || text.lines().filter_map(|line| Some(line.split_once(' ')?.1.trim_start()));
    let is_forbidden = |line: &&str| {
        let families = values("RestrictAddressFamilies").join(" ");
        let family = line.strip_prefix("socket(").and_then(|rest| rest.split(',').next());
        let is_strange = family.is_some_and(|family| !families.split(' ').any(|known| known == family));
        // The resolver asks for the addresses of the machine, and does without them.
        let is_strange = is_strange && family != Some("AF_NETLINK");
        let is_writable_code = line.contains("PROT_WRITE") && line.contains("PROT_EXEC");
        let opens = line.starts_with("openat(")
            && (line.contains("O_WRONLY") || line.contains("O_RDWR") || line.contains("O_CREAT"));
        let place = sandbox.path("");
        let is_elsewhere = opens && !line.contains(place.to_str().unwrap()) && !line.contains("\"/dev/null\"");
        is_strange || is_writable_code || is_elsewhere
    };
    let wrong: Vec<&str> = lines().filter(is_forbidden).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if systemd_analyze(&["syscall-filter", "@default"]).is_none() {
        return eprintln!("skipped: systemd-analyze is not there: the system calls were not compared");
    }
    let name = |line: &str| line.split_once('(').map(|(name, _)| name.to_owned());
    let is_name = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let used: BTreeSet<String> = lines().filter_map(name).filter(is_name).collect();
    assert!(used.len() > 30 && used.contains("connect"), "{used:?}");
    let allowed = allowed();
    assert!(allowed.len() > 200, "{allowed:?}");
    // Nobody but the superuser, as whom the tests may run, gives files away.
    let beyond: Vec<&String> = used.difference(&allowed).filter(|call| !call.contains("chown")).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
}
