//! What programs read: one document for each call, as `espomail schema` says, and remarks as JSON lines.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory as _;
use serde_json::{Value, json};

use crate::support::{Desk, Run, Sandbox, mail, schema};

/// A command line with the tag of its document, or why it has none.
enum Says {
    Tag(&'static str),
    /// Nothing on standard output.
    Nothing,
    /// Its own bytes.
    Bytes,
}

use Says::{Bytes, Nothing, Tag};

/// Every command, in an order in which each finds what it needs. Where a server is needed, the test says so with its exit code.
const LINES: &[(&str, Says, i32)] = &[
    ("status", Tag("status"), 0),
    ("check --max-age 3650d --max-outbox-age 3650d", Tag("check"), 1),
    ("metrics", Tag("text"), 0),
    ("doctor --offline", Tag("doctor"), 0),
    ("whoami", Tag("whoami"), 0),
    ("--as ana whoami", Tag("whoami"), 0),
    ("--as ana", Tag("day"), 0),
    ("schema", Tag("schema"), 0),
    ("schema cases", Tag("schema"), 0),
    ("man", Bytes, 0),
    ("man --to manual", Tag("result"), 0),
    ("completions bash", Bytes, 0),
    ("config show --effective", Tag("text"), 0),
    ("config check", Tag("text"), 0),
    ("config path", Tag("text"), 0),
    ("config example", Tag("text"), 0),
    ("init", Nothing, 65),
    ("db init", Nothing, 65),
    ("db check", Tag("db_check"), 0),
    ("db stats", Tag("tables"), 0),
    ("host list", Tag("hosts"), 0),
    ("host forget web9", Nothing, 65),
    ("db backup backup.db", Tag("result"), 0),
    ("db copy backup.db copied.db", Tag("result"), 0),
    ("--yes db restore backup.db", Tag("result"), 0),
    ("--yes db prune --older 3650d --kind log", Tag("pruned"), 0),
    ("fetch", Nothing, 0),
    ("fetch --summary", Tag("run"), 0),
    ("--dry-run fetch", Tag("run"), 0),
    ("ingest --account support", Nothing, 65),
    // Accounts
    (
        "account add mine --kind personal --user ana --address a@h.example --imap 127.0.0.1:9 --tls none --secret env:PW",
        Tag("result"),
        0,
    ),
    ("account list", Tag("accounts"), 0),
    ("account show support", Tag("account"), 0),
    ("account presets", Tag("presets"), 0),
    ("account export", Tag("text"), 0),
    ("account import accounts.toml", Tag("result"), 0),
    ("account discover ana@gmail.com", Tag("discovery"), 0),
    ("account show mine", Tag("account"), 0),
    ("account edit mine --signature S", Tag("result"), 0),
    ("account disable mine", Tag("result"), 0),
    ("account enable mine", Tag("result"), 0),
    ("account test support", Tag("account_test"), 75),
    ("account test mine", Tag("account_test"), 75),
    ("account folders mine", Nothing, 75),
    ("account audit mine", Nothing, 75),
    ("--yes account reset support", Tag("result"), 0),
    ("account secret mine --secret env:PW", Tag("result"), 0),
    ("account breaker support", Tag("breaker"), 0),
    ("account breaker support --reset", Tag("result"), 0),
    ("account edit mine --oauth google --client-id c", Tag("result"), 0),
    ("account auth mine --status", Tag("sign_in"), 0),
    ("account auth mine --forget", Tag("result"), 0),
    ("--yes account delete mine", Tag("result"), 0),
    // Rules
    ("filter add news --scope user:ana --if subject=news* --do read", Tag("result"), 0),
    ("filter list", Tag("filters"), 0),
    ("filter show news", Tag("filter"), 0),
    ("filter edit news --continue", Tag("result"), 0),
    ("filter disable news", Tag("result"), 0),
    ("filter enable news", Tag("result"), 0),
    ("filter move news --last", Tag("result"), 0),
    ("filter test 1", Tag("filter-test"), 0),
    ("filter replay news", Tag("filter-matches"), 0),
    ("--dry-run filter apply news", Tag("filter-matches"), 0),
    ("filter export", Tag("text"), 0),
    ("filter import filters.toml", Tag("result"), 0),
    ("--yes filter delete news", Tag("result"), 0),
    ("template add ack --subject S --body body.txt --html body.txt", Tag("result"), 0),
    ("template list", Tag("templates"), 0),
    ("template show ack", Tag("template"), 0),
    ("template edit ack --subject T", Tag("result"), 0),
    ("template preview ack", Tag("template_preview"), 0),
    ("template preview ack --case 1", Tag("template_preview"), 0),
    ("--yes template delete ack", Tag("result"), 0),
    // People
    ("team add New", Tag("result"), 0),
    ("team list", Tag("teams"), 0),
    ("team show Support", Tag("team"), 0),
    ("team edit New --name Newer", Tag("result"), 0),
    ("team member add Newer @me", Nothing, 77),
    ("team member add Newer ana", Tag("result"), 0),
    ("team member remove Newer ana", Tag("result"), 0),
    ("--yes team delete Newer", Tag("result"), 0),
    ("user add dewi", Tag("result"), 0),
    ("user list", Tag("users"), 0),
    ("user show ana", Tag("user"), 0),
    ("user edit dewi --name D", Tag("result"), 0),
    ("user rename dewi dora", Tag("result"), 0),
    ("user disable dora", Tag("result"), 0),
    ("user enable dora", Tag("result"), 0),
    ("user away dora", Tag("result"), 0),
    ("user show dora", Tag("user"), 0),
    ("--yes user delete dora", Tag("result"), 0),
    ("role add Auditor", Tag("result"), 0),
    ("role grant Auditor case-read all", Tag("result"), 0),
    ("role assign Auditor ana", Tag("result"), 0),
    ("role assign Auditor team:Support", Tag("result"), 0),
    ("role list", Tag("roles"), 0),
    ("role show Auditor", Tag("role"), 0),
    ("role explain ana case-read case/1", Tag("answers"), 0),
    ("role unassign Auditor ana", Tag("result"), 0),
    ("--yes role delete Auditor", Tag("result"), 0),
    // Cases
    ("case list", Tag("cases"), 0),
    ("case list --limit 1 --all", Tag("cases"), 0),
    ("case list --count", Tag("count"), 0),
    ("case show 1", Tag("case"), 0),
    ("case thread 1", Tag("thread"), 0),
    ("case history 1", Tag("history"), 0),
    ("stream case/1", Tag("stream"), 0),
    ("events", Tag("events"), 0),
    ("case create --subject Called --from kim@customer.example --team Support", Tag("result"), 0),
    ("case edit 1 --priority High", Tag("result"), 0),
    ("case assign 1 2 ana", Tag("result"), 0),
    ("case release 1", Tag("result"), 0),
    ("--as ana case take 1 2", Tag("result"), 0),
    ("--as budi case next", Tag("result"), 0),
    ("case note 1 -m Called", Tag("result"), 0),
    ("note case/1 -m Called", Tag("result"), 0),
    ("--as ana case follow 1", Tag("result"), 0),
    ("--as ana case unfollow 1", Tag("result"), 0),
    ("case people 1", Tag("people"), 0),
    ("case people 1 --copied lab@far.example", Tag("result"), 0),
    ("--as ana case reply 1 -m Yes. --cc lab@far.example", Tag("result"), 0),
    ("email show ANSWER", Tag("email"), 0),
    ("--as ana case reply 1 -m Later. --draft", Tag("result"), 0),
    ("--dry-run --as ana case reply 1 -m Yes.", Tag("result"), 0),
    ("case split 1 --from 1 --subject Other", Nothing, 65),
    ("case close 1 2", Tag("result"), 0),
    ("case reopen 1 2", Tag("result"), 0),
    ("case reopen 1", Tag("result"), 0),
    ("case tag 1 2 vip", Tag("result"), 0),
    ("--yes case tag --query tag:vip refund", Tag("result"), 0),
    ("--dry-run case close --query tag:vip", Tag("cases"), 0),
    ("case close --query tag:nosuch", Tag("result"), 0),
    ("case untag 1 vip", Tag("result"), 0),
    ("case snooze 1 2w", Tag("result"), 0),
    ("case snooze 1 --off", Tag("result"), 0),
    ("search add all is:open --everyone", Tag("result"), 0),
    ("search list", Tag("searches"), 0),
    ("search show all", Tag("search"), 0),
    ("case list @all", Tag("cases"), 0),
    ("search rename all every", Tag("result"), 0),
    ("--yes search delete every", Tag("result"), 0),
    ("case spam 3", Tag("result"), 0),
    ("case move 2 --team Support", Tag("result"), 0),
    ("case accept 1", Nothing, 65),
    ("case refuse 1", Nothing, 65),
    ("--yes case merge 2 1", Tag("result"), 0),
    // Mail
    ("email list", Tag("emails"), 0),
    ("email list --skipped", Tag("skipped"), 0),
    ("email show 1", Tag("email"), 0),
    ("email show 1 2", Tag("email"), 0),
    ("email show 1 --headers", Tag("text"), 0),
    ("email show 1 --raw", Bytes, 0),
    ("email explain 1", Tag("decisions"), 0),
    ("email open 99 1", Nothing, 65),
    ("email attachment list 1", Tag("attachments"), 0),
    ("email attachment cat 1 1", Bytes, 0),
    ("email attachment save 1 --dir saved", Tag("result"), 0),
    ("--as ana email read 1 2", Tag("result"), 1),
    ("--as ana email unread 2", Tag("result"), 0),
    ("--as ana email important 2", Tag("result"), 0),
    ("--as ana email unimportant 2", Tag("result"), 0),
    ("--as ana email archive 2", Tag("result"), 0),
    ("--as ana email trash 2", Tag("result"), 0),
    ("--as ana email move 2 inbox", Tag("result"), 0),
    ("email fetch-rest 1", Nothing, 65),
    ("email share 1", Tag("result"), 0),
    ("email invitation 1 accept", Nothing, 65),
    ("email junk 1", Tag("result"), 0),
    ("email junk --undo 1", Tag("result"), 0),
    ("--as ana email reply 1 -m Yes.", Tag("result"), 0),
    ("--as ana email forward 1 --to lab@far.example -m Look", Tag("result"), 0),
    ("--as ana email send --to kim@customer.example --subject S -m T --account support --draft", Tag("result"), 0),
    ("--as ana email edit DRAFT -m Other", Tag("result"), 0),
    ("--as ana email send DRAFT", Tag("result"), 0),
    ("email unlink 2", Tag("result"), 0),
    ("email link 2 case/1", Tag("result"), 0),
    ("--as ana folder add Own", Tag("result"), 0),
    ("folder add News --group Support", Tag("result"), 0),
    ("folder list", Tag("mail_folders"), 0),
    ("folder edit News --name Newer", Tag("result"), 0),
    ("--yes folder delete Newer", Tag("result"), 0),
    // Records
    ("record add company Sinar", Tag("result"), 0),
    ("record add contact Kim --email kim@customer.example --company Sinar", Tag("result"), 0),
    ("record add lead Lee --email lee@far.example", Tag("result"), 0),
    ("record list contact", Tag("records"), 0),
    ("record list contact --count", Tag("count"), 0),
    ("record show contact Kim", Tag("record"), 0),
    ("record edit contact Kim --assign-to ana", Tag("result"), 0),
    ("record follow contact Kim --user ana", Tag("result"), 0),
    ("record show company Sinar", Tag("record"), 0),
    ("record unfollow contact Kim --user ana", Tag("result"), 0),
    ("case link 1 contact/1", Tag("result"), 0),
    ("case show 1", Tag("case"), 0),
    ("case unlink 1 contact", Tag("result"), 0),
    ("note contact/1 -m Nice", Tag("result"), 0),
    ("stream contact/1", Tag("stream"), 0),
    ("record convert lead Lee --company Sinar", Tag("result"), 0),
    ("record import people.csv contact", Tag("result"), 0),
    ("record import lead people.csv", Tag("result"), 0),
    ("--yes record erase contact Rina", Tag("result"), 0),
    ("--yes record delete contact Kim", Tag("result"), 0),
    ("import eml letter.eml --account support", Tag("import"), 0),
    ("--dry-run import mbox letters.mbox --account support", Tag("import"), 0),
    ("import maildir box --account support", Tag("import"), 0),
    ("export case 1 --to mbox cases.mbox", Tag("result"), 0),
    ("export email 1 --to json -", Tag("exported-email"), 0),
    // What waits, and what one was told
    ("--as ana notification list --all", Tag("notifications"), 0),
    ("--as ana notification read --all", Tag("result"), 0),
    ("--as ana notification settings", Tag("settings"), 0),
    ("--as ana notification settings --off email", Tag("result"), 0),
    ("outbox list", Tag("outbox"), 0),
    ("outbox show 1", Tag("outbox_message"), 0),
    ("outbox cancel 1", Tag("result"), 0),
    ("outbox retry 2 3", Tag("result"), 0),
    ("outbox mark-sent 2", Nothing, 65),
    ("quarantine list", Tag("quarantine"), 0),
    ("quarantine show QUARANTINE", Tag("quarantine_message"), 0),
    ("--dry-run quarantine retry --all", Tag("result"), 0),
    ("quarantine export QUARANTINE held.eml", Tag("result"), 0),
    ("--yes quarantine discard QUARANTINE --reason R", Tag("result"), 0),
    ("log list", Tag("log_entries"), 0),
    ("report workload", Tag("report_workload"), 0),
    ("report workload --by team", Tag("report_workload"), 0),
    ("report first-response", Tag("report_first_response"), 0),
    ("report resolution --by user", Tag("report_resolution"), 0),
    ("report backlog --by month --since 2026-01-01", Tag("report_backlog"), 0),
    ("report volume --by week", Tag("report_volume"), 0),
    ("report volume --by account --utc", Tag("report_volume"), 0),
    ("report accounts", Tag("report_accounts"), 0),
    ("report tags", Tag("report_tags"), 0),
    ("report summary", Tag("report_summary"), 0),
    ("report volume --by day --since 2001-01-01", Nothing, 2),
    ("report volume --since 2100-01-01", Nothing, 2),
    ("send", Nothing, 75),
    ("send --summary", Tag("run"), 0),
    ("--as ana", Tag("day"), 0),
    ("status", Tag("status"), 0),
    ("--yes email delete 1 --reason R", Tag("result"), 0),
];

fn desk() -> Desk {
    furnished(Desk::new())
}

/// A new desk, with what the lines need.
pub fn furnished(desk: Desk) -> Desk {
    let desk = desk.piped_account("support", &[]);
    let text = "--b\n\nSee the file.\n--b\nContent-Type: text/csv; name=\"list.csv\"\n\na,b\n--b--\n";
    for (name, subject) in
        [("Kim <kim@customer.example>", "First"), ("lee@far.example", "Second"), ("eve@x.example", "Third")]
    {
        let letter = desk.letter(name, subject).header("Content-Type", "multipart/mixed; boundary=b").body(text);
        desk.put(&letter);
    }
    // One that could not be read.
    desk.put(&desk.letter("bad@x.example", "Held"));
    let held = "UPDATE deliveries SET outcome = 'quarantined', reason = 'why', email_id = NULL WHERE id = 4";
    desk.sandbox.sql(held);
    let letter = mail("new@x.example", "support@desk.example", "From a file").bytes();
    for directory in ["saved", "box/cur", "box/new", "box/tmp"] {
        std::fs::create_dir_all(desk.sandbox.path(directory)).unwrap();
    }
    desk.sandbox.file("letter.eml", &letter);
    desk.sandbox.file("letters.mbox", &[b"From new@x.example Sat Jan  1 00:00:00 2026\n", &letter[..]].concat());
    desk.sandbox.env("PW", "secret");
    desk.sandbox.file("body.txt", b"Hello {{ sender.name }}");
    desk.sandbox.file("people.csv", b"name,email\nRina,rina@x.example\n");
    desk.sandbox.file("filters.toml", b"");
    let account = "[[account]]\nname = \"filed\"\naddress = \"filed@x.example\"\nimap = \"imap.x.example\"\n";
    desk.sandbox.file("accounts.toml", format!("{account}secret = \"env:PW\"\nenabled = false\n").as_bytes());
    desk
}

/// The line in its final words: drafts and the quarantine have ids that depend on the lines before.
fn words(desk: &Desk, line: &str) -> String {
    let of = |sql: &str| desk.query(sql).pop().unwrap_or_default();
    let line =
        line.replace("DRAFT", &of("SELECT coalesce(CAST(max(id) AS TEXT), '') FROM emails WHERE status = 'Draft'"));
    let line =
        line.replace("ANSWER", &of("SELECT coalesce(CAST(max(id) AS TEXT), '') FROM emails WHERE status = 'Sending'"));
    line.replace(
        "QUARANTINE",
        &of("SELECT coalesce(CAST(max(id) AS TEXT), '') FROM deliveries WHERE outcome = 'quarantined'"),
    )
}

/// What is wrong with what a command said to a program.
fn faults(run: &Run, says: &Says) -> Vec<String> {
    let mut faults: Vec<String> = run.stderr.lines().flat_map(schema::faults_of_line).collect();
    match says {
        Bytes => {}
        Nothing if run.stdout.is_empty() => {}
        Nothing => faults.push(format!("says {}", run.stdout)),
        Tag(tag) => match serde_json::from_str::<Value>(&run.stdout) {
            Err(error) => faults.push(format!("is not one document: {error}: {}", run.stdout)),
            Ok(document) => {
                if document["schema"] != format!("espomail/{tag}/1") {
                    faults.push(format!("has the tag {}", document["schema"]));
                }
                faults.extend(schema::faults(&document, true));
            }
        },
    }
    if run.code != 0 && !run.stderr.lines().last().is_some_and(|line| line.starts_with("{\"error\":")) {
        faults.push(format!("ends without an error: {}", run.stderr));
    }
    faults
}

#[test]
fn every_command_says_what_the_schema_says() {
    every_command_works(&desk());
}

/// Runs each command on a desk that is furnished.
pub fn every_command_works(desk: &Desk) {
    // A message of the quarantine has no email.
    desk.sandbox.sql("UPDATE emails SET raw_id = NULL WHERE subject = 'Held'");
    let mut wrong = Vec::new();
    for (line, says, code) in LINES {
        // A backup is put in the place of a file only.
        let is_refused = desk.sandbox.database_name().starts_with("postgresql:") && line.contains("db restore");
        let (says, code) = if is_refused { (&Nothing, &2) } else { (says, code) };
        let words = words(desk, line);
        let run = desk.run(&format!("--json {words}"));
        // The exit codes of check are those of monitoring systems.
        let is_plugin = words.starts_with("check");
        let mut found = if is_plugin { Vec::new() } else { faults(&run, says) };
        if run.code != *code {
            found.push(format!("exits with {}: {}{}", run.code, run.stdout, run.stderr));
        }
        wrong.extend(found.into_iter().map(|fault| format!("{line}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_new_database_and_a_message_on_standard_input_are_told_in_json() {
    for line in ["init", "db init"] {
        let sandbox = Sandbox::new();
        let made = sandbox.json(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(made["path"], json!(sandbox.database_shown()));
    }
    let desk = desk();
    let letter = desk.letter("new@x.example", "Piped").bytes();
    let run = desk.sandbox.call(&["--json", "ingest", "--account", "support"]).stdin(&letter).run().ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn no_command_is_left_out() {
    let mut leaves = BTreeSet::new();
    walk(&espomail::cli::Cli::command(), "", &mut leaves);
    let has = |leaf: &&String| {
        let begins = |line: &str| line == leaf.as_str() || line.contains(&format!("{leaf} "));
        LINES.iter().any(|(line, ..)| begins(line) || line.ends_with(leaf.as_str()))
    };
    let forgotten: Vec<_> = leaves.iter().filter(|leaf| !has(leaf)).collect();
    assert!(forgotten.is_empty(), "add a line: {forgotten:?}");
}

fn walk(command: &clap::Command, path: &str, leaves: &mut BTreeSet<String>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name()).trim().to_owned();
        if sub.has_subcommands() {
            walk(sub, &path, leaves);
        } else {
            leaves.insert(path);
        }
    }
}

#[test]
fn equal_names_have_equal_types_over_all_results() {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut learn = |name: &str, kind: &str| {
        types.entry(name.to_owned()).or_default().insert(kind.to_owned());
    };
    // What a report says of its recipients is as it was in release 0.1.
    let mut exceptions = 0_u32;
    for shape in schema::shapes().values() {
        for (name, kind) in shape["types"].as_object().unwrap() {
            if shape["deprecated"].get(name).is_none() {
                learn(name, kind.as_str().unwrap());
                let inner = kind.as_str().unwrap().trim_matches(['[', ']']);
                let fields = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or_default();
                for (field, kind) in schema::parts(fields).iter().filter(|(field, _)| field != "*") {
                    match (name.as_str(), field.as_str()) {
                        ("bounce", "recipients") => exceptions += 1,
                        _ => learn(field, kind),
                    }
                }
            }
        }
    }
    let differ: Vec<_> = types.iter().filter(|(_, kinds)| kinds.len() > 1).collect();
    assert!(types.len() > 200 && differ.is_empty(), "{differ:#?}");
    assert!(exceptions > 0, "there is none any more");
}

/// The names of the main things, which stay.
#[test]
fn lists_and_objects_have_the_fields_that_programs_rely_on() {
    let email = "id subject from to cc date status parent case accounts folder unread";
    let case =
        "number subject status priority type company contact lead assigned_user teams account created_at waiting_since";
    let shapes = schema::shapes();
    for (result, fields) in [
        ("emails", email),
        ("email", email),
        ("cases", case),
        ("case", case),
        ("notifications", "id kind text object read created_at"),
    ] {
        for field in fields.split(' ') {
            assert!(shapes[result]["types"].get(field).is_some(), "{result} has no {field}");
        }
    }
    let desk = desk();
    let shown = desk.json("--as ana email show 1");
    let listed = desk.items("--as ana email list").into_iter().find(|email| email["id"] == 1).unwrap();
    for field in ["to", "cc", "parent", "accounts", "folder", "unread"] {
        assert_eq!(shown[field], listed[field], "{field}");
    }
    assert_eq!(shown["to"][0]["address"], "support@desk.example", "{shown}");
    assert_eq!((&shown["parent"], &shown["accounts"]), (&json!({"type": "case", "id": 1}), &json!(["support"])));
}

/// Pipes what `-q` prints of each list into the other commands of the noun.
#[test]
fn what_a_quiet_list_prints_the_noun_takes() {
    let desk = desk();
    desk.ok("role add Auditor");
    desk.ok("template add ack --subject S --body body.txt");
    desk.ok("record add contact Kim --email kim@customer.example");
    desk.ok("filter add news --scope global --if subject=news* --do none");
    desk.ok("--as ana case reply 1 -m Yes.");
    for (list, show) in [
        ("account list", "account show {}"),
        ("user list", "user show {}"),
        ("team list", "team show {}"),
        ("role list", "role show {}"),
        ("template list", "template show {}"),
        ("filter list", "filter show {}"),
        ("case list", "case show {}"),
        ("email list", "email show {}"),
        ("outbox list", "outbox show {}"),
        ("quarantine list", "quarantine show {}"),
        ("record list contact", "record show contact {}"),
        ("email attachment list 1", "email attachment cat 1 {}"),
        ("status", "account show {}"),
        ("case people 1", "case people 1 --copied {}"),
    ] {
        let printed = desk.ok(&format!("-q {list}")).stdout;
        assert!(!printed.is_empty(), "{list} prints nothing");
        for key in printed.lines() {
            let show = show.replace("{}", key);
            desk.ok(&show);
            // What is shown alone is the same.
            if show.contains(" show ") {
                assert_eq!(desk.ok(&format!("-q {show}")).stdout, format!("{key}\n"), "-q {show}");
            }
        }
    }
    for (change, key) in
        [("user add dora", "dora"), ("team add New", "New"), ("case create --subject Called --team Support", "5")]
    {
        assert_eq!(desk.ok(&format!("-q {change}")).stdout, format!("{key}\n"), "{change}");
    }
}

/// What is chosen by `--fields` is all that is shown.
#[test]
fn chosen_fields_of_one_thing_are_shown_alone() {
    let desk = desk();
    for (line, shown) in [
        ("case show 1", "Subject  First\n"),
        ("email show 1", "Subject  First\n"),
        ("case thread 1", "SUBJECT\nFirst\n"),
    ] {
        assert_eq!(desk.ok(&format!("--fields subject {line}")).stdout, shown, "{line}");
    }
}

#[test]
fn waiting_says_who_waits_and_nobody_waits_in_a_closed_case() {
    let desk = desk();
    let waiting = || desk.json("case show 1")["waiting"].clone();
    assert_eq!(waiting()["who"], "customer");
    // For longer than a moment in the past: the customer who waits since now does not.
    assert_eq!(desk.items("case list waiting:1h case:1").len(), 0);
    assert_eq!(desk.items("case list is:waiting case:1").len(), 1);
    desk.ok("--as ana case reply 1 -m Yes.");
    assert_eq!(waiting()["who"], "us");
    assert_eq!(desk.items("case list is:waiting case:1").len(), 0, "we wait");
    assert_eq!(waiting()["since"], desk.json("case show 1")["waiting_since"]);
    desk.ok("case close 1");
    assert_eq!(waiting(), Value::Null);
    let case = desk.json("case show 1");
    assert_eq!((&case["id"], &case["subject"], &case["name"]), (&json!(1), &json!("First"), &json!("First")));
    let known = &schema::shapes()["cases"]["deprecated"];
    assert_eq!((&known["waiting_for"], &known["name"]), (&json!("waiting"), &json!("subject")));
}

#[test]
fn one_letter_names_its_case_its_email_and_its_place_in_the_outbox() {
    let desk = desk();
    let sent = desk.json("--as ana case reply 1 -m Yes.");
    let outbox = desk.items("outbox list");
    assert_eq!((&sent["case"], &sent["outbox"]), (&json!(1), &outbox[0]["id"]));
    assert_eq!(desk.json(&["email", "show", &sent["email"].to_string()])["status"], "Sending");
    let kept = desk.json("--as ana case reply 1 -m Later. --draft");
    assert_eq!((&kept["case"], &kept["outbox"]), (&json!(1), &Value::Null));
    let closed = desk.json("case close 1 2");
    assert_eq!((&closed["cases"], &closed["case"]), (&json!([1, 2]), &Value::Null));
}

#[test]
fn an_error_for_programs_names_the_argument() {
    let desk = desk();
    for (line, code, argument, exit) in [
        ("case list --limit abc", "invalid-value", json!("--limit"), 2),
        ("case list --opne", "unknown-argument", json!("--opne"), 2),
        ("case show", "missing-argument", json!("N"), 2),
        ("case shwo 1", "unknown-command", Value::Null, 2),
        ("case create --subject S --from x", "usage", json!("--from"), 2),
        ("case show 99", "data", Value::Null, 65),
        ("user edit ana", "usage", Value::Null, 2),
    ] {
        let run = desk.run(&format!("--json {line}")).exits(exit);
        assert_eq!((run.stdout.as_str(), run.stderr.lines().count()), ("", 1), "{run:?}");
        let error: Value = serde_json::from_str(&run.stderr).unwrap();
        assert_eq!(schema::faults_of_line(run.stderr.trim()), Vec::<String>::new(), "{line}");
        let error = &error["error"];
        assert_eq!((&error["code"], &error["exit"]), (&json!(code), &json!(exit)), "{error}");
        assert!(!error["message"].as_str().unwrap().contains('\n'), "{error}");
        assert_eq!(error["argument"], argument, "{line}: {error}");
    }
}

#[test]
fn me_and_none_stand_for_users_wherever_one_is_named() {
    let desk = desk();
    let assignee = |number: i64| desk.json(&format!("case show {number}"))["assigned_user"]["username"].clone();
    desk.ok("--as ana case assign 1 2 @me");
    assert_eq!((assignee(1), assignee(2)), (json!("ana"), json!("ana")));
    desk.ok("case assign 1 3 @none");
    assert_eq!((assignee(1), assignee(3)), (Value::Null, Value::Null));
    assert_eq!(desk.json("--as ana user show @me")["username"], "ana");
    desk.ok("user add boss --type admin");
    for line in ["team member add Support @me", "role assign Agent @me", "user away @me", "user rename @me chief"] {
        desk.ok(&format!("--as boss {line}"));
    }
    let chief = desk.json("user show chief");
    assert_eq!(
        (&chief["away"], &chief["away_until"], &chief["teams"]),
        (&json!(true), &Value::Null, &json!(["Support"]))
    );
    desk.ok("account edit support --assign-to ana");
    desk.ok("account edit support --assign-to @none");
    assert_eq!(desk.json("account show support")["assign_to"], Value::Null);
}

#[test]
fn an_edit_without_a_change_is_refused() {
    let desk = desk();
    for line in ["account edit support", "user edit ana", "--dry-run user edit ana", "filter edit x", "folder edit x"] {
        let run = desk.run(line).exits(2);
        assert!(run.stderr.contains("nothing to be changed") && run.stderr.contains("--help"), "{run:?}");
    }
    // Opening an open case is as closing a closed one.
    desk.ok("case close 1");
    desk.ok("case close 1");
    desk.ok("case reopen 1");
    desk.ok("case reopen 1");
}
