//! `metrics`: what Prometheus reads, by a parser that takes nothing but its text format, and files that are never half.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{Desk, SUPPORT};

/// A sample by its name and labels.
pub type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// The name at the beginning, and the rest.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some((name, rest))
}

/// The labels after `{`, and what follows `}`.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found: Vec<(String, String)> = Vec::new();
    loop {
        let (label, rest) = name(text)?;
        let mut chars = rest.strip_prefix("=\"")?.char_indices();
        let (mut value, from) = (String::new(), &rest[2..]);
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    '\\' => '\\',
                    '"' => '"',
                    'n' => '\n',
                    _ => return None,
                }),
                (_, c) if c.is_control() => return None,
                (_, c) => value.push(c),
            }
        };
        if found.iter().any(|(before, _)| before == label) {
            return None;
        }
        found.push((label.to_owned(), value));
        text = &from[end + 1..];
        match text.strip_prefix(',') {
            Some(more) => text = more,
            None => return Some((found, text.strip_prefix('}')?)),
        }
    }
}

/// A page; `Err` = the line that the format does not have.
fn parse(page: &str) -> Result<Samples, String> {
    let (mut samples, mut current, mut seen) = (Samples::new(), None::<(String, String)>, Vec::new());
    let mut help = None::<String>;
    if !page.ends_with('\n') {
        return Err("no end of line".to_owned());
    }
    for line in page[..page.len() - 1].split('\n') {
        let fault = || line.to_owned();
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (of, words) = name(rest).ok_or_else(fault)?;
            if seen.iter().any(|before| before == of) || words.trim().is_empty() {
                return Err(fault());
            }
            seen.push(of.to_owned());
            help = Some(of.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, kind) = name(rest).ok_or_else(fault)?;
            let kind = kind.trim();
            let is_right = match kind {
                "counter" => of.ends_with("_total"),
                "gauge" => !of.ends_with("_total"),
                _ => false,
            };
            if help.take().as_deref() != Some(of) || !is_right {
                return Err(fault());
            }
            current = Some((of.to_owned(), kind.to_owned()));
        } else {
            let (of, rest) = name(line).ok_or_else(fault)?;
            if current.as_ref().is_none_or(|(current, _)| current != of) {
                return Err(fault());
            }
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest).ok_or_else(fault)?,
                None => (Vec::new(), rest),
            };
            // No time of its own: the node exporter refuses that.
            let value: f64 = rest.strip_prefix(' ').ok_or_else(fault)?.parse().map_err(|_| fault())?;
            if samples.insert((of.to_owned(), labels), value).is_some() {
                return Err(fault());
            }
        }
    }
    Ok(samples)
}

#[track_caller]
pub fn read(page: &str) -> Samples {
    parse(page).unwrap_or_else(|line| panic!("not in the format: {line}\n{page}"))
}

#[track_caller]
pub fn one(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let key = (format!("espomail_{name}"), labels);
    *samples.get(&key).unwrap_or_else(|| panic!("{key:?} is not among {samples:#?}"))
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn the_parser_of_this_test_is_strict() {
    let begin = "# HELP a Words\n# TYPE a gauge\n";
    for (rest, is_right) in [
        ("a 1\n", true),
        ("a{b=\"c\",d=\"\\\"\\\\\\n\"} 1.5\n", true),
        ("a 1", false),
        ("a{b=\"c} 1\n", false),
        ("a{b=\"\\x\"} 1\n", false),
        ("a{b=\"c\"}1\n", false),
        ("a{b=\"c\",b=\"d\"} 1\n", false),
        ("b 1\n", false),
        ("a 1 1800000000\n", false),
        ("a 1\na 2\n", false),
        ("a one\n", false),
        ("a 1\n# HELP a Again\n", false),
        ("a 1\n\n", false),
    ] {
        assert_eq!(parse(&format!("{begin}{rest}")).is_ok(), is_right, "{rest}");
    }
    assert!(parse("# HELP a Words\n# TYPE a counter\na 1\n").is_err(), "a counter is a total");
}

#[test]
fn metrics_tell_what_the_desk_has_and_escape_names() {
    let desk = Desk::new().piped_account("support", &[]);
    let odd = "a\"b\\c{d=e}";
    desk.ok(&[
        "account",
        "add",
        odd,
        "--kind",
        "group",
        "--address",
        "odd@desk.example",
        "--secret",
        "env:PW",
        "--smtp",
        "127.0.0.1:9",
        "--smtp-tls",
        "none",
    ]);
    for subject in ["First", "Second", "Third"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk.ok("case assign 1 ana");
    desk.ok("case close 2");
    desk.ok("case reply 1 -m Answer --to kim@customer.example");
    desk.ok("case reply 1 -m Later --to kim@customer.example --at +9h");
    desk.query("UPDATE accounts SET failed_runs = 7, last_good_at = 1800000000 WHERE name = 'support'");
    let samples = read(&desk.ok("metrics").stdout);
    let support = [("account", "support"), ("kind", "group")];
    assert_eq!(one(&samples, "account_consecutive_failures", &support), 7.0);
    assert_eq!(one(&samples, "account_last_success_timestamp_seconds", &support), 1_800_000_000.0);
    assert_eq!(one(&samples, "account_new_messages", &support), 3.0);
    assert_eq!(one(&samples, "account_quarantined_messages", &support), 0.0);
    assert_eq!(one(&samples, "account_enabled", &[("account", odd), ("kind", "group")]), 1.0);
    assert_eq!(one(&samples, "messages_recorded_total", &[]), 3.0);
    for (status, count) in [("new", 1.0), ("assigned", 1.0), ("pending", 0.0)] {
        assert_eq!(one(&samples, "cases_open", &[("status", status)]), count, "{status}");
    }
    // The assignee gets a notice, too.
    for (state, count) in [("waiting", 2.0), ("scheduled", 1.0), ("uncertain", 0.0), ("failed", 0.0)] {
        assert_eq!(one(&samples, "outbox_messages", &[("state", state)]), count, "{state}");
    }
    assert!(one(&samples, "outbox_oldest_seconds", &[]) < 600.0);
    assert!(one(&samples, "database_bytes", &[]) > 10_000.0);
    assert!(one(&samples, "disk_free_bytes", &[]) > 0.0);
    assert!((seconds() - one(&samples, "metrics_timestamp_seconds", &[])).abs() < 60.0);
    let backup = ("espomail_last_backup_timestamp_seconds".to_owned(), Vec::new());
    assert!(!samples.contains_key(&backup), "there is none yet");
    desk.ok("db backup backup.db");
    assert!((seconds() - one(&read(&desk.ok("metrics").stdout), "last_backup_timestamp_seconds", &[])).abs() < 60.0);
    // Mail tells nothing there.
    let page = desk.ok("metrics").stdout;
    assert!(!page.contains("First") && !page.contains("kim@") && !page.contains(SUPPORT), "{page}");
}

#[test]
fn a_reader_never_sees_half_a_file_and_a_failure_leaves_the_last_one() {
    let desk = Desk::new().piped_account("support", &[]);
    let file = desk.sandbox.path("espomail.prom");
    let shown = file.display().to_string();
    assert_eq!(desk.ok(&["metrics", "--textfile", &shown]).stdout, "");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) {
                let page = std::fs::read_to_string(&file).unwrap();
                let samples = read(&page);
                assert!(samples.keys().any(|(name, _)| name == "espomail_disk_free_bytes"), "{page}");
                looks += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
            looks
        });
        (0..15).for_each(|_| drop(desk.ok(&["metrics", "--textfile", &shown])));
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 15);
    });
    let before = std::fs::read_to_string(&file).unwrap();
    let refused = desk.sandbox.run(&["--as", "ana", "metrics", "--textfile", &shown]).exits(77);
    assert!(refused.stderr.contains("administrator"), "{refused:#?}");
    let other = desk.sandbox.path("nowhere/espomail.prom").display().to_string();
    assert!(desk.sandbox.run(&["metrics", "--textfile", &other]).exits(65).stderr.contains("--textfile: cannot write"));
    // A device or a link is not replaced.
    let link = desk.sandbox.path("link.prom");
    symlink(&file, &link).unwrap();
    desk.sandbox.run(&["metrics", "--textfile", &link.display().to_string()]).exits(2).says("is not a plain file");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(desk.sandbox.path("")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".espomail.prom")), "{left:?}");
}

#[test]
fn a_certificate_that_ends_soon_is_a_number_and_a_warning() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.ok("account edit support --imap imap.desk.example --smtp smtp.desk.example --smtp-tls implicit");
    let soon = seconds().floor() + 5.0 * 86_400.0;
    let row = |protocol: &str, host: &str, ends: f64| {
        desk.query(&format!(
            "INSERT INTO account_certificates (account_id, protocol, host, ends_at) VALUES (1, '{protocol}', '{host}', {ends:.0})"
        ));
    };
    row("imap", "imap.desk.example", soon);
    // Of a server that the account has no more.
    row("smtp", "old.desk.example", soon);
    let samples = read(&desk.ok("metrics").stdout);
    let labels = [("account", "support"), ("kind", "group"), ("protocol", "imap")];
    assert_eq!(one(&samples, "account_certificate_end_timestamp_seconds", &labels), soon);
    let of_certificates = samples.keys().filter(|(name, _)| name.contains("certificate_end")).count();
    assert_eq!(of_certificates, 1, "{samples:#?}");
    for words in ["check", "doctor --offline", "status"] {
        let run = desk.run(words);
        assert!(run.stdout.contains("the certificate of its IMAP server ends on "), "{words}: {run:?}");
    }
}
