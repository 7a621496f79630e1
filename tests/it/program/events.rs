//! `events`: none is missed by a reader that dies, and nobody learns of what they may not read.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::ping::Service;
use crate::support::{Desk, program};

fn names(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

fn last(desk: &Desk) -> i64 {
    desk.items("events --limit 0").last().map_or(0, |event| event["id"].as_i64().unwrap())
}

#[test]
fn what_happens_is_told_in_its_order_with_what_it_is_about() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&desk.letter("kim@customer.example", "First"));
    let events = desk.items("events");
    assert_eq!(names(&events), ["case.new", "email.received"]);
    assert_eq!(events[1]["object"], serde_json::json!({"type": "case", "id": 1}));
    assert_eq!(
        (events[1]["text"].as_str(), &events[1]["email"]),
        (Some("kim@customer.example: First"), &Value::from(1))
    );
    let after = |id: i64| names(&desk.items(&["events", "--after", &id.to_string()]));
    let before = last(&desk);
    desk.ana("case take 1");
    desk.ana("case tag 1 vip");
    desk.ana(&["case", "note", "1", "-m", "Called"]);
    desk.ana("case close 1");
    let told = after(before);
    for expected in ["case.assigned", "case.status", "case.tagged", "case.note"] {
        assert!(told.iter().any(|name| name == expected), "{expected}: {told:?}");
    }
    assert_eq!(after(last(&desk)), Vec::<String>::new());
    let some = desk.items(&["events", "--limit", "2", "--after", &before.to_string()]);
    assert_eq!(names(&some), told[..2]);
    assert!(desk.run("events --after -1").exits(2).stderr.contains("--after"));
    // History is not news.
    let before = last(&desk);
    let file = desk.sandbox.file("old.eml", &desk.letter("kim@customer.example", "Re: [#1] First").bytes());
    desk.ok(&["import", "eml", &file.display().to_string(), "--account", "support"]);
    assert_eq!(after(before), Vec::<String>::new());
}

#[test]
fn an_account_that_fails_for_long_and_works_again_is_told_to_those_who_know_it() {
    let desk = Desk::new().piped_account("support", &[]).user("dewi", &[]);
    desk.sandbox.config("alert_after = 2\nalert_min_age = \"0s\"\n");
    desk.sandbox.env("PW", "pw");
    let words = ["account", "add", "wrong", "--kind", "personal", "--user", "dewi", "--address", "d@staff.example"];
    desk.ok(&[&words[..], &["--imap", "127.0.0.1:9", "--tls", "none", "--secret", "env:PW"]].concat());
    desk.run("fetch").exits(75);
    assert_eq!(names(&desk.items("events")), Vec::<String>::new());
    desk.run("fetch").exits(75);
    desk.run("fetch").exits(75);
    let told = desk.items("events");
    assert_eq!(
        (names(&told), &told[0]["account"]["name"]),
        (vec!["account.failing".to_owned()], &Value::from("wrong"))
    );
    assert_eq!(names(&desk.items("--as dewi events")), ["account.failing"]);
    assert_eq!(names(&desk.items("--as ana events")), Vec::<String>::new());
}

#[test]
fn nobody_learns_of_what_they_may_not_read() {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &[]);
    for subject in ["Secret one", "Secret two"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk.ok("case move 2 --team Billing");
    desk.ok(&["case", "note", "1", "-m", "Hidden words"]);
    let of = |user: &str| -> BTreeSet<i64> {
        let events = desk.items(&["--as", user, "events", "--limit", "0"]);
        events
            .iter()
            .filter(|one| one["object"]["type"] == "case")
            .map(|one| one["object"]["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(of("ana"), BTreeSet::from([1]));
    assert_eq!(of("dewi"), BTreeSet::from([2]));
    let seen = desk.ok("--as dewi --json events").stdout;
    assert!(!seen.contains("Secret one") && !seen.contains("Hidden"), "{seen}");
    // As the stream of the case says it to the same reader.
    for user in ["ana", "dewi"] {
        for number in of(user) {
            let record = format!("case/{number}");
            let stream = desk.items(&["--as", user, "stream", &record]);
            let events = desk.items(&["--as", user, "events"]);
            let of_case: Vec<_> = events.iter().filter(|one| one["object"]["id"] == number).collect();
            let text = |one: &Value| (one["id"].as_i64(), one["text"].clone(), one["email"].clone());
            let mut told: Vec<_> = of_case.iter().map(|one| text(one)).collect();
            let mut noted: Vec<_> = stream.iter().map(text).collect();
            told.sort_by_key(|one| one.0);
            noted.sort_by_key(|one| one.0);
            assert_eq!(told, noted, "{user} {record}");
        }
    }
}

/// Reads on after `after` and is killed after some lines; the last id that it has read whole, and how many.
fn read_and_die(desk: &Desk, after: i64, lines: usize, seen: &mut Vec<i64>) -> i64 {
    let args = ["--format", "ndjson", "events", "--limit", "0", "--after", &after.to_string()];
    let mut reader = desk.sandbox.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut last = after;
    for line in BufReader::new(reader.stdout.take().unwrap()).lines().take(lines) {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        last = event["id"].as_i64().unwrap();
        seen.push(last);
    }
    let _ = reader.kill();
    reader.wait().unwrap();
    last
}

/// 1,000 changes by several writers at once, and a reader that dies at random and goes on.
#[test]
fn a_reader_that_dies_and_resumes_by_the_id_misses_none() {
    let desk = Desk::new().piped_account("support", &[]);
    for n in 0..20 {
        desk.put(&desk.letter(&format!("c{n}@customer.example"), &format!("Case {n}")));
    }
    let numbers: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    let before = last(&desk);
    let mut seen = Vec::new();
    let tagging = |writer: usize, round: usize| {
        let tag = format!("tag-{writer}-{round}");
        let numbers = numbers.iter().map(String::as_str);
        desk.sandbox.command(&["case", "tag"].into_iter().chain(numbers).chain([tag.as_str()]).collect::<Vec<_>>())
    };
    let commands: Vec<Vec<Command>> =
        (0..2).map(|writer| (0..25).map(|round| tagging(writer, round)).collect()).collect();
    std::thread::scope(|scope| {
        let write = |commands: Vec<Command>| {
            for mut command in commands {
                assert!(command.stdout(Stdio::null()).status().unwrap().success());
            }
        };
        let writers: Vec<_> = commands.into_iter().map(|of_one| scope.spawn(move || write(of_one))).collect();
        let (mut after, mut lines) = (before, 3);
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            after = read_and_die(&desk, after, lines, &mut seen);
            lines = lines * 7 % 61 + 1;
        }
        // What is left.
        read_and_die(&desk, after, usize::MAX, &mut seen);
    });
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "ids do not grow");
    let all: Vec<i64> = desk
        .items(&["events", "--limit", "0", "--after", &before.to_string()])
        .iter()
        .map(|event| event["id"].as_i64().unwrap())
        .collect();
    assert_eq!(all.len(), 1_000);
    assert_eq!(seen, all);
}

/// The script of the manual, with a server that is away at first.
#[test]
fn the_webhook_of_the_manual_posts_each_event_at_least_once() {
    if ["jq", "curl"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        eprintln!("skipped: jq and curl are not there");
        return;
    }
    let service = Service::new("200 OK");
    let desk = Desk::new().piped_account("support", &[]);
    let page = desk.ok("man events --source").stdout;
    let script =
        page.split_once(".Bd -literal\n#!/bin/sh").unwrap().1.split_once("\n.Ed").unwrap().0.replace("\\e", "\\");
    let home = desk.sandbox.path("webhook");
    std::fs::create_dir(&home).unwrap();
    // The program with the place of this desk.
    let call = desk.sandbox.command(&[]);
    let words = call.get_args().map(|arg| format!("'{}'", arg.to_str().unwrap())).collect::<Vec<_>>().join(" ");
    let tools = desk.sandbox.path("bin");
    std::fs::create_dir(&tools).unwrap();
    let own = tools.join("espomail");
    let mut file = std::fs::File::create(&own).unwrap();
    writeln!(file, "#!/bin/sh\nexec '{}' {words} \"$@\"", program().display()).unwrap();
    drop(file);
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |url: &str| {
        let text = script
            .replace("/var/lib/espomail-webhook", &home.display().to_string())
            .replace("https://hooks.example.org/cases", url);
        let path = format!("{}:/usr/bin:/bin", tools.display());
        let mut shell = desk.sandbox.command(&[]);
        let envs: Vec<_> =
            shell.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        shell.env_clear().envs(envs.into_iter().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
        shell.arg("-c").arg(text).status().unwrap().success()
    };
    desk.put(&desk.letter("kim@customer.example", "Say \"hello\""));
    assert!(!run("http://127.0.0.1:9/away"), "curl fails");
    assert!(run(&service.url));
    let bodies: Vec<String> = service.heard().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    let second: Value = serde_json::from_str(&bodies[1]).unwrap();
    assert_eq!(second["text"], "case 1: kim@customer.example: Say \"hello\"");
    desk.ok("case tag 1 vip");
    assert!(run(&service.url));
    assert_eq!(service.heard(), [], "no event that it posts");
    desk.put(&desk.letter("kim@customer.example", "Second"));
    assert!(run(&service.url));
    assert_eq!(service.heard().len(), 2);
}

#[test]
fn an_event_of_a_case_names_the_account_that_it_came_by_to_those_who_know_it() {
    let desk = Desk::new().piped_account("support", &["--team", "Support"]).user("dewi", &[]);
    desk.put(&desk.letter("kim@customer.example", "Help"));
    let accounts =
        |line: &str| -> Vec<Value> { desk.items(line).iter().map(|event| event["account"]["name"].clone()).collect() };
    let all = accounts("events");
    assert!(!all.is_empty() && all.iter().all(|name| name == "support"), "{all:?}");
    assert_eq!(accounts("--as dewi events"), [] as [Value; 0]);
}
