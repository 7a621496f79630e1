//! When a mail stands in its case: by its own time, however late it was taken in; and what is said of it there.

use serde_json::Value;

use crate::support::{Letter, Run, Sandbox, mail};

const SUPPORT: &str = "support@desk.example";

/// An account without servers that makes cases; ana is its agent.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "ana"]).ok();
    let account = ["account", "add", "support", "--kind", "group", "--address", SUPPORT, "--create-case"];
    let servers = ["--case-team", "Support", "--imap", "127.0.0.1:9", "--smtp", "127.0.0.1:9", "--tls", "none"];
    sandbox.run(&[&account[..], &servers, &["--login", "x", "--secret", "env:X"]].concat()).ok();
    sandbox
}

fn ingest(sandbox: &Sandbox, letter: &Letter) -> Run {
    sandbox.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok()
}

fn import(sandbox: &Sandbox, letter: &Letter, how: &[&str]) {
    let file = sandbox.file("one.eml", &letter.bytes());
    sandbox.run(&[&["import", "eml", file.to_str().unwrap(), "--account", "support"], how].concat()).ok();
}

fn at(moment: &str) -> jiff::Timestamp {
    moment.parse().unwrap()
}

fn letter(subject: &str, moment: &str) -> Letter {
    mail("Eva <eva@customer.example>", SUPPORT, subject).date(at(moment)).message_id(&format!("<{moment}@mua.example>"))
}

/// `subject moment` of the mails in the stream, as JSON gives it.
fn stream(sandbox: &Sandbox) -> Vec<String> {
    let subjects = |id: &Value| sandbox.json(&["email", "show", &id.to_string()])["subject"].clone();
    let case = sandbox.json(&["case", "show", "1"]);
    let notes = case["stream"].as_array().unwrap().iter().filter(|note| note["kind"] == "email-received");
    notes.map(|note| format!("{} {}", subjects(&note["email"]), note["created_at"]).replace('"', "")).collect()
}

#[test]
fn mail_out_of_files_and_pipes_stands_in_its_case_by_its_own_time() {
    let (first, second, third) = ("2024-03-01T10:00:00Z", "2024-03-02T10:00:00Z", "2024-03-03T10:00:00Z");
    type Take = fn(&Sandbox, &Letter);
    let ways: [(&str, Take); 3] = [
        ("ingest", |sandbox, letter| drop(ingest(sandbox, letter))),
        ("import --as-new", |sandbox, letter| import(sandbox, letter, &["--as-new"])),
        ("import", |sandbox, letter| import(sandbox, letter, &[])),
    ];
    for (way, take) in ways {
        let sandbox = desk();
        ingest(&sandbox, &letter("One", first));
        let answering =
            |subject: &str, moment: &str| letter(subject, moment).in_reply_to(&format!("<{first}@mua.example>"));
        take(&sandbox, &answering("Three", third));
        take(&sandbox, &answering("Two", second));
        let expected = [format!("One {first}"), format!("Two {second}"), format!("Three {third}")];
        assert_eq!(stream(&sandbox), expected, "{way}");
        let shown = sandbox.run(&["--utc", "case", "show", "1"]).ok().stdout;
        let places = ["2024-03-01 10:00", "2024-03-02 10:00", "2024-03-03 10:00"].map(|moment| shown.find(moment));
        assert!(places.is_sorted() && places[0].is_some(), "{way}: {shown}");
        let thread = sandbox.items(&["case", "thread", "1"]);
        let dates: Vec<&str> = thread.iter().map(|mail| mail["date"].as_str().unwrap()).collect();
        assert_eq!(dates, [first, second, third], "{way}");
        let listed = sandbox.items(&["stream", "case/1"]);
        let listed: Vec<&Value> = listed.iter().filter(|note| note["kind"] == "email-received").collect();
        assert_eq!(listed[2]["created_at"], third, "{way}");
    }
}

#[test]
fn the_servers_clock_counts_before_the_senders_and_nothing_comes_from_the_future() {
    let sandbox = desk();
    let taken_in = "from mx.customer.example by mx.desk.example; Fri, 1 Mar 2024 10:00:00 +0000";
    ingest(&sandbox, &letter("Slow clock", "1999-01-01T00:00:00Z").add("Received", taken_in));
    ingest(&sandbox, &letter("Fast clock", "2090-01-01T00:00:00Z").in_reply_to("<1999-01-01T00:00:00Z@mua.example>"));
    let stream = stream(&sandbox);
    assert_eq!(stream[0], "Slow clock 2024-03-01T10:00:00Z");
    let moment = stream[1].strip_prefix("Fast clock ").unwrap();
    assert!(at(moment) <= jiff::Timestamp::now(), "{moment}");
}

#[test]
fn a_read_receipt_is_shown_as_one_without_a_word_on_who_takes_part() {
    let moment = "2026-03-01T10:00:00Z";
    let receipt = mail("Assistant <assistant@elsewhere.example>", SUPPORT, "Read: Printer")
        .header("Content-Type", "multipart/report; report-type=disposition-notification; boundary=b")
        .in_reply_to(&format!("<{moment}@mua.example>"));
    for as_new in [true, false] {
        let sandbox = desk();
        ingest(&sandbox, &letter("Printer", moment));
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Done."]).ok();
        let id = sandbox.query("SELECT message_id FROM outbox").remove(0);
        let part = format!("Original-Message-ID: <{id}>\nDisposition: manual-action/MDN-sent-manually; displayed\n");
        let receipt = receipt
            .clone()
            .body(&format!("--b\n\nA note.\n\n--b\nContent-Type: message/disposition-notification\n\n{part}\n--b--\n"));
        match as_new {
            true => drop(ingest(&sandbox, &receipt)),
            false => import(&sandbox, &receipt, &[]),
        }
        let id = sandbox.query("SELECT id || '' FROM emails ORDER BY id DESC LIMIT 1").remove(0);
        let shown = [&["case", "show", "1"][..], &["stream", "case/1"], &["email", "show", &id]]
            .map(|command| sandbox.run(command).ok().stdout);
        for shown in shown {
            assert!(shown.contains("read receipt: displayed"), "{as_new}: {shown}");
            assert!(!shown.contains("take part") && !shown.contains("unverified"), "{as_new}: {shown}");
        }
    }
}

#[test]
fn a_query_finds_letters_that_are_sent_later() {
    let sandbox = desk();
    for subject in ["Now", "Later"] {
        ingest(&sandbox, &mail("Eva <eva@customer.example>", SUPPORT, subject));
    }
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Done."]).ok();
    sandbox.run(&["--as", "ana", "case", "reply", "2", "-m", "Done.", "--at", "+9h"]).ok();
    let found = |args: &[&str]| {
        let items = sandbox.items(args);
        items
            .iter()
            .map(|item| item["subject"].as_str().or(item["name"].as_str()).unwrap().to_owned())
            .collect::<Vec<String>>()
            .join(", ")
    };
    let rows: &[(&[&str], &str)] = &[
        (&["email", "list", "status:scheduled"], "[#2] Re: Later"),
        (&["email", "list", "status:sending"], "[#1] Re: Now"),
        (&["email", "list", "status:Scheduled", "OR", "status:sending"], "[#2] Re: Later, [#1] Re: Now"),
        (&["case", "list", "status:scheduled"], "Later"),
        (&["case", "list", "--", "-status:scheduled"], "Now"),
        (&["outbox", "list", "status:scheduled"], "[#2] Re: Later"),
        (&["outbox", "list", "status:waiting"], "[#2] Re: Later, [#1] Re: Now"),
        (&["outbox", "list", "to:eva", "subject:now"], "[#1] Re: Now"),
        (&["outbox", "list", "--", "-status:scheduled"], "[#1] Re: Now"),
        (&["outbox", "list", "status:sent"], ""),
    ];
    for (args, expected) in rows {
        assert_eq!(found(args), *expected, "{args:?}");
    }
    let known = [
        ("email", "Draft, Sending, Sent, Archived, Failed, Scheduled"),
        ("case", "New, Assigned, Pending, Closed, Rejected, Duplicate, Scheduled"),
        ("outbox", "waiting, in doubt, sent, failed, held, cancelled, Scheduled"),
    ];
    for (noun, known) in known {
        let said = sandbox.run(&[noun, "list", "status:bad"]).exits(2).stderr;
        assert!(said.contains(&format!("status:bad: must be one of {known}")), "{said}");
    }
    sandbox.run(&["outbox", "list", "invoice"]).exits(2).says("subject:invoice");
}

#[test]
fn dates_are_typed_in_the_same_forms_everywhere() {
    let sandbox = desk();
    sandbox.run(&["filter", "add", "offers", "--scope", "global", "--if", "subject=offer", "--do", "skip"]).ok();
    sandbox.run(&["user", "add", "boss", "--type", "admin", "--email", "boss@staff.example"]).ok();
    let past =
        ["today", "yesterday", "monday", "monday 9:00", "9am", "2w", "2 weeks ago", "2026-01-31", "2026-01-31T09:00Z"];
    let future = ["tomorrow", "tomorrow 9:00", "monday", "monday 9:00", "9am", "2w", "in 2 hours", "+2h", "2099-12-24"];
    let forms = |of: &[&str]| -> Vec<String> { of.iter().map(|text| (*text).to_owned()).collect() };
    let quoted = |field: &str| -> Vec<String> { past.iter().map(|text| format!("{field}:\"{text}\"")).collect() };
    for (command, field, typed, bad) in [
        (&["log", "list", "--since"][..], "--since", forms(&past), "soon"),
        (&["filter", "replay", "offers", "--since"], "--since", forms(&past), "soon"),
        (&["account", "edit", "support", "--since"], "--since", forms(&past), "soon"),
        (&["user", "away", "ana", "--until"], "--until", forms(&future), "soon"),
        (
            &["email", "send", "--to", "eva@x.example", "--subject", "x", "-m", "x", "--account", "support", "--at"],
            "--at",
            forms(&future),
            "soon",
        ),
        (&["case", "list"], "after", quoted("after"), "after:soon"),
        (&["email", "list"], "older", quoted("older"), "older:soon"),
        (&["outbox", "list"], "newer", quoted("newer"), "newer:soon"),
    ] {
        for text in typed {
            sandbox.run(&[&["--dry-run", "--as", "boss"], command, &[text.as_str()]].concat()).ok();
        }
        let refused = sandbox.run(&[&["--as", "boss"], command, &[bad]].concat()).exits(2);
        let said = format!("espomail: {field}: \"soon\" is not a date or time\nhint: write it as today, 'monday 9:00'");
        assert!(refused.stderr.contains(&said), "{command:?}: {}", refused.stderr);
    }
}

#[test]
fn emails_are_marked_in_one_narrow_column_at_any_width() {
    let sandbox = desk();
    let multipart = "multipart/mixed; boundary=b";
    let file = "--b\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\r\npdf\r\n--b--\r\n";
    ingest(&sandbox, &letter("Plain", "2024-03-01T10:00:00Z"));
    sandbox.run(&["--as", "ana", "case", "take", "1"]).ok();
    let answer = letter("Filed", "2024-03-02T10:00:00Z").in_reply_to("<2024-03-01T10:00:00Z@mua.example>");
    ingest(&sandbox, &answer.header("Content-Type", multipart).body(file));
    sandbox.run(&["--as", "ana", "email", "important", "2"]).ok();
    sandbox.run(&["--as", "ana", "email", "unread", "2"]).ok();
    ingest(&sandbox, &letter("Robot", "2024-03-03T10:00:00Z").add("Auto-Submitted", "auto-generated"));
    let listed = sandbox.items(&["--as", "ana", "--fields", "id,marks", "email", "list", "subject:filed"]);
    assert_eq!(
        serde_json::json!(listed),
        serde_json::json!([{"id": 2, "marks": ["unread", "important", "attachment"]}])
    );
    let robot = sandbox.items(&["email", "list", "subject:robot"]);
    assert_eq!(robot[0]["marks"], serde_json::json!(["automatic"]));
    for width in [60, 80, 100, 140] {
        sandbox.env("COLUMNS", &width.to_string());
        let screen = sandbox
            .call(&["--as", "ana", "--color", "never", "email", "list", "--case", "1"])
            .on_terminal("")
            .run()
            .ok();
        let lines: Vec<&str> = screen.stdout.lines().map(str::trim_end).take(3).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:#?}");
        let begin: Vec<String> = lines.iter().map(|line| line.chars().take(10).collect()).collect();
        assert_eq!(begin, ["MARK  ID  ", "N!@    2  ", "       1  "], "{width}");
    }
}

#[test]
fn old_mail_tells_nobody_of_the_case_that_it_opens() {
    let sandbox = desk();
    sandbox.run(&["account", "edit", "support", "--distribution", "round-robin"]).ok();
    let told =
        || (sandbox.items(&["outbox", "list"]).len(), sandbox.items(&["--as", "ana", "notification", "list"]).len());
    ingest(&sandbox, &letter("Old", "2024-03-01T10:00:00Z"));
    assert_eq!(told(), (0, 0));
    assert_eq!(sandbox.json(&["case", "show", "1"])["assigned_user"]["username"], "ana");
    let why = sandbox.run(&["email", "explain", "1"]).ok();
    assert!(why.stdout.contains("nobody of the assignment: older than notification_max_age"), "{why:?}");
    ingest(&sandbox, &mail("Eva <eva@customer.example>", SUPPORT, "New"));
    assert_eq!(told(), (1, 1));
    let why = sandbox.run(&["email", "explain", "2"]).ok();
    assert!(why.stdout.contains("ana, of the assignment"), "{why:?}");
    // A person who gives it away means it now.
    sandbox.run(&["case", "release", "1"]).ok();
    sandbox.run(&["case", "assign", "1", "ana"]).ok();
    assert_eq!(told(), (2, 2));
}
