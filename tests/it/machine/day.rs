//! A whole day of an agent at a terminal, in both modes from the same rows: what is seen, and what is in the database, in
//! the outbox and in the person's files at its end.

use serde_json::{Value, json};

use crate::support::{Mode, Modes, SmtpSink, Typed};

/// What root prepares: a server that takes letters, a template, files and an editor of ana's.
const SET_UP: &str = r#"
espomail -q account edit support --smtp @SINK@ &&
printf 'Buongiorno,\n\nconfermato.\n' | espomail -q template add Bye --subject 'Re: {{ case.name }}' --body - &&
printf 'From: Lucky <lucky@prize.example>\nTo: support@desk.example\nSubject: Win a yacht\nMessage-ID: <yacht@prize.example>\n\nYou have won.\n' |
    espomail ingest --account support
"#;

/// What ana has at home: an editor that fills in fields, a program that opens files, a report.
const HOME: &str = r#"
printf '#!/bin/sh\nsed -i "s/^Attach:.*/Attach: ~\\/report.pdf/; s/^Status:.*/Status: Pending/" "$1"\nsed -i "0,/^$/s//\\nSudah kami kirim teknisi.\\n/" "$1"\n' >writes &&
printf '#!/bin/sh\nshift $(($# - 1)); cp "$1" ~/opened/; stat -c "opened %%A" "$1"\n' >opens &&
chmod 755 writes opens && mkdir -p opened saved && echo 'a report' >report.pdf
"#;

/// The day. A line that begins with `#` is shown before what comes next.
const DAY: &[&str] = &[
    "# the morning",
    "espomail",
    "espomail case list",
    "espomail case list --unassigned --sort waiting",
    "espomail case next",
    "# reading in the pager",
    "espomail case show 2",
    "espomail email list プリンター",
    "espomail case list 99812 --all",
    "# an answer in the editor",
    "espomail case reply 7",
    "espomail --no-pager case show 7",
    "espomail case note 1 -m 'She called: it prints again.' --answered",
    "espomail case tag 1 7 2 vip",
    "espomail case untag 7 vip",
    "espomail search add important tag:vip",
    "espomail case list @important",
    "espomail case list @nosuch",
    "# what the shell completes",
    "espomail completions fish --asked 'espomail case take 2'",
    "espomail completions fish --asked 'espomail case list tag:'",
    "espomail completions fish --asked 'espomail case list @'",
    "espomail completions fish --asked 'espomail case untag 1 v'",
    "# later",
    "espomail case snooze 1 1s",
    "espomail case list is:snoozed",
    "sleep 1.2",
    "espomail fetch",
    "espomail case list is:snoozed",
    "# attachments",
    "espomail email attachment list 1",
    "espomail email attachment save 1 --dir saved",
    "espomail email open 1 3",
    "espomail email open 1",
    "espomail --dry-run email open 1 3",
    "espomail email open 1 77",
    "espomail email open 99",
    "espomail email open 3",
    "# a case of a colleague, and one too many",
    "espomail case take 2",
    "espomail case merge 5 2",
    "# endings",
    "espomail case close 3 -m 'A new kettle is on its way.'",
    "espomail case close 4 --template Bye",
    "espomail case close --query tag:vip",
    "espomail case spam 5",
    "espomail case spam 9",
    "espomail case reopen 2",
    "# letters",
    "espomail outbox list",
    "espomail outbox list status:failed",
    "espomail outbox retry $(espomail -q outbox list status:failed)",
    "espomail send",
    "espomail outbox list",
    "espomail --no-pager email list",
    "espomail",
];

/// What is waited for, and typed then.
const STEPS: &[(&str, &str)] = &[
    ("next-page", " "),
    ("next-page", "q"),
    ("Take it? [y/N]", "y\n"),
    ("Merge", ""),
    ("[y/N] ", "y\n"),
    ("Close", ""),
    ("[y/N] ", "y\n"),
];

/// A line without what differs from one moment to another: ages, hours, days, ids of our own messages, and the blanks that
/// make room for them.
fn steady(line: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_age = digits > 0 && digits < 4 && digits + 1 == word.len() && word.ends_with(['s', 'm', 'h', 'd']);
        let is_hour = word.len() == 5 && digits == 4 && word.get(2..3) == Some(":");
        let is_duration = word.len() == 3 && digits == 2 && word.get(1..2) == Some(".");
        is_age || is_hour || is_duration
    };
    let words = line.split_whitespace().map(|word| {
        if word.contains('\u{1b}') {
            return word.to_owned();
        }
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        match bare {
            bare if is_time(bare) => word.replace(bare, "TIME"),
            bare if bare.len() > 60 && bare.contains('@') => word.replace(bare, "ID"),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

struct Day {
    seen: String,
    /// Cases, emails and letters as JSON, without their times.
    state: Value,
    /// Files of ana's: what was saved and opened.
    files: String,
    /// Subjects and recipients of what the server got.
    sent: Vec<String>,
}

/// Takes out of JSON what depends on the moment.
fn without_times(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(without_times),
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !(name.ends_with("_at") || name.ends_with("since") || name.contains("date") || name == "message_id")
            });
            fields.values_mut().for_each(without_times);
        }
        _ => {}
    }
}

fn spend(modes: &Modes, mode: Mode, sink: &SmtpSink) -> Day {
    modes.begin(mode);
    modes.machine.run("ana", &format!("rm -rf saved opened && {HOME}")).ok();
    let before = sink.received().len();
    let lines: Vec<String> = DAY
        .iter()
        .map(|line| match line.strip_prefix("# ") {
            Some(part) => format!("echo '=== {part}'"),
            None => format!("echo '$ {}'; {line}; echo \"[$?]\"", line.replace('\'', "")),
        })
        .collect();
    let settings = "export LESS='FRXPnext-page' EDITOR=~/writes ESPOMAIL_OPENER=~/opens; cd";
    let script = format!("{settings}\n{}", lines.join("\n"));
    let run = modes.typed("ana", &Typed { columns: 100, rows: 24, script: &script, steps: STEPS });
    assert!(run.code == 0 && !run.stdout.contains("never seen"), "{mode:?}: {}\n{}", run.code, run.stdout);
    let ask = |line: &str| -> Value {
        let run = modes.machine.run("ana", &format!("espomail --json {line} --limit 0")).ok();
        serde_json::from_str::<Value>(&run.stdout).unwrap()["items"].clone()
    };
    let mut state = json!({
        "cases": ask("case list --all"),
        "emails": ask("email list"),
        "outbox": ask("outbox list --all"),
    });
    without_times(&mut state);
    let files = modes.machine.run("ana", "cd; stat -c '%n %s %U' saved/* opened/*; cksum saved/* opened/*").ok().stdout;
    let header = |bytes: &[u8], name: &str| crate::support::header(bytes, name);
    let received = sink.received();
    let new = received.iter().skip(before);
    let sent = new.map(|one| format!("{} {}", one.to.join(","), header(&one.message, "Subject"))).collect();
    let seen = run.stdout.replace(mode.directory(), "DIRECTORY");
    Day { seen: seen.lines().map(steady).collect::<Vec<_>>().join("\n"), state, files, sent }
}

#[test]
fn a_day_of_an_agent_is_the_same_in_both_modes() {
    let sink = SmtpSink::new(Vec::new());
    let Some(modes) = Modes::shop(&SET_UP.replace("@SINK@", &sink.address())) else { return };
    let [enforced, advisory] = Mode::BOTH.map(|mode| spend(&modes, mode, &sink));
    let differ = enforced.seen.lines().zip(advisory.seen.lines()).filter(|(one, other)| one != other);
    assert_eq!(differ.take(5).collect::<Vec<_>>(), [], "{}\n---\n{}", enforced.seen, advisory.seen);
    assert_eq!(enforced.state, advisory.state);
    assert_eq!((&enforced.files, &enforced.sent), (&advisory.files, &advisory.sent));
    what_is_left(&advisory);
}

/// What the day has done.
fn what_is_left(day: &Day) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut cases: Vec<String> = day.state["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let tags = case["tags"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(",");
            let user = text(&case["assigned_user"]["username"]);
            format!("{} {} {user} {} {tags}", case["number"], text(&case["status"]), text(&case["type"]))
        })
        .collect();
    cases.sort();
    let wanted = [
        "1 Closed ana  vip",
        "2 Assigned ana problem vip",
        "3 Closed ana  ",
        "4 Closed ana  ",
        "5 Duplicate ana  ",
        "6 Rejected  Spam ",
        "7 Pending   ",
        "8 Closed ana  ",
        "9 Rejected  Spam ",
    ];
    assert_eq!(cases, wanted);
    let letters: Vec<String> = day.state["outbox"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["id"], text(&row["state"])))
        .collect();
    // The letter that had failed went out by the same row, and so did the one that waited for its next try.
    assert!(letters.iter().all(|letter| letter.ends_with(" sent")) && letters.len() == 7, "{letters:?}");
    let mut statuses: Vec<String> =
        day.state["emails"].as_array().unwrap().iter().map(|mail| text(&mail["status"])).collect();
    statuses.sort();
    statuses.dedup();
    assert_eq!(statuses, ["Archived", "Sent"], "{:#}", day.state["emails"]);
    let to = |address: &str| day.sent.iter().filter(|one| one.starts_with(address)).count();
    let went = ["eva@moss.example", "marta@rossi.example", "dewi@sinar.example", "ana@staff.example"].map(to);
    assert_eq!(went, [2, 2, 1, 1], "{:?}", day.sent);
    for file in [
        "saved/写真.jpg 48000 ana",
        "saved/log.txt 54 ana",
        "opened/log.txt 54 ana",
        "opened/Lieferschein 99812.pdf 312000 ana",
    ] {
        assert!(day.files.contains(file), "{file}: {}", day.files);
    }
    for shown in [
        "opened -r--------",
        "email 1 has 2 attachments; say which",
        "dry run, nothing changed; without --dry-run: log.txt is opened with",
        "case #2 taken (it was assigned to budi)",
        "Merge case #5 into #2?",
        "Close 2 cases that match",
        "Sudah kami kirim teknisi.",
        "Attachment 2: report.pdf",
        "プリンターが動きません",
        "no saved search \"nosuch\"",
        "2 Lieferung 99812 unvollständig",
        "tag:vip 2 cases",
        "@important tag:vip",
    ] {
        assert!(day.seen.contains(shown), "{shown}: {}", day.seen);
    }
}
