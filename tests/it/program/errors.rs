//! Wrong command lines: each error is one line and a hint in the program's own words, and the same kind of wrong value ends
//! with the same status wherever it is read (B14.1, B14.2).

use crate::support::{Desk, Run, is_on_server};

/// Words of libraries and of the system, and names of arguments that are not the subject of a sentence.
const FOREIGN: &[&str] = &[
    "os error",
    "invalid digit",
    "at byte",
    "Error code",
    "exit status:",
    "signal: ",
    "expected usize",
    "unknown variant",
    "did not contain valid UTF-8",
    "invalid utf-8",
    "unexpected end of input",
    "expected one of",
    "invalid type",
    "missing field",
    "unexpected argument",
    "required arguments",
    "For more information",
    "possible values",
    "tip:",
    "error:0",
    "syntax error",
    "CSV error",
    "panicked",
    "NAME:",
    "FILE:",
    "PATH:",
    "QUERY:",
    "PART:",
    "LEVEL:",
    "OBJECT:",
    "PERMISSION:",
    "TYPE:",
    "TYPE/ID:",
    "RESULT:",
    "FOLDER:",
    "NEW:",
    "ID:",
    "this is a bug",
];

/// The words of a line as a shell has them; only single quotes are known.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted, mut begun) = (vec![String::new()], false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                words.push(String::new());
                begun = false;
            }
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty() || begun || line.contains("''"));
    words
}

fn run(desk: &Desk, line: &str) -> Run {
    let words = words(line);
    desk.sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// An error as people have to find it.
#[track_caller]
fn is_plain(line: &str, run: &Run) {
    let lines: Vec<&str> = run.stderr.lines().collect();
    let [error, hints @ ..] = lines.as_slice() else { panic!("{line} says nothing: {run:?}") };
    assert!(error.starts_with("espomail: ") && hints.len() <= 1, "{line}: {}", run.stderr);
    assert!(hints.iter().all(|hint| hint.starts_with("hint: ")), "{line}: {}", run.stderr);
    assert!(error.contains("not confirmed") || !error.ends_with('.'), "{line}: {error}");
    assert!(error.chars().count() < 400, "{line}: {error}");
    for foreign in FOREIGN {
        assert!(!run.stderr.contains(foreign), "{line}: {foreign} in {}", run.stderr);
    }
}

fn desk() -> Desk {
    let desk = Desk::new().team("Billing").piped_account("support", &[]);
    desk.put(&desk.letter("eva@x.example", "Invoice 2231"));
    desk.ok(&["record", "add", "contact", "Lee", "--email", "lee@x.example"]);
    desk.sandbox.file("latin.txt", b"L\xe9on\n");
    desk.sandbox.file("latin.csv", b"name,email\nL\xe9on,x@y.example\n");
    desk.sandbox.file("open.tpl", b"Dear {{ contact.name");
    desk.sandbox.file("block.tpl", b"Dear {% if contact.name %}x");
    desk.sandbox.file("tag.tpl", b"one\n{% nosuch %}");
    desk.sandbox.file("filter.tpl", b"{{ contact.name|nosuch }}");
    desk.sandbox.file("wrong.toml", b"[[filter]]\nname = \"x\"\nscpe = \"global\"\n");
    desk.sandbox.file("type.toml", b"[[filter]]\nname = 3\n");
    desk.sandbox.file("text.toml", b"hello\n");
    desk
}

/// A value whose form is wrong, in each place that reads its kind.
const FORMS: &[(&str, &[&str])] = &[
    (
        "status",
        &[
            "case list --status Shut",
            "case list status:Shut",
            "case edit 1 --status Shut",
            "case close 1 --status Shut",
            "email list status:Shut",
            "outbox list status:Shut",
            "case reply 1 -m x --status Shut",
        ],
    ),
    (
        "priority",
        &[
            "case list --priority mad",
            "case list priority:mad",
            "case create --subject x --priority mad",
            "case edit 1 --priority mad",
            "filter add x --scope global --if from=a --do priority:mad",
        ],
    ),
    (
        "date",
        &[
            "case list before:soon",
            "email list older:soon",
            "log list --since soon",
            "filter replay x --since soon",
            "account edit support --since soon",
            "user away ana --until soon",
            "case reply 1 -m x --at soon",
        ],
    ),
    (
        "size",
        &[
            "account edit support --max-size huge",
            "email fetch-rest 1 --max-size huge",
            "filter add x --scope global --if size-over=huge --do skip",
        ],
    ),
    (
        "duration",
        &["check --max-age soon", "fetch --max-runtime soon", "fetch --jitter soon", "fetch --if-locked wait=soon"],
    ),
    ("pin", &["account edit support --pin abc", "account edit support --pin sha256:abc"]),
    ("type", &["record add thing X", "record list thing", "user add x --type thing", "account add x --kind thing"]),
    (
        "format",
        &[
            "--format thing status",
            "export case 1 --to thing x",
            "export email 1 --to thing x",
            "import mbox x --account support --date-order thing",
        ],
    ),
    (
        "level",
        &["role grant Agent case some", "role grant Agent assignment own", "role grant Agent personal-account all"],
    ),
    ("permission", &["role grant Agent thing all", "role explain ana thing"]),
    (
        "number",
        &[
            "case list --limit abc",
            "case list --limit=-1",
            "fetch --jobs 0",
            "check --max-quarantine x",
            "account edit support --portion x",
            "log list --limit 1.5",
        ],
    ),
    (
        "case number",
        &[
            "case show abc",
            "case show 0",
            "case list case:abc",
            "case assign abc ana",
            "case take abc",
            "case merge 1 abc",
            "export case abc --to mbox x",
            "email list --case abc",
        ],
    ),
    (
        "email id",
        &["email explain abc", "case split 1 --from abc", "email move abc inbox", "email read abc", "email send abc"],
    ),
    (
        "address",
        &[
            "case reply 1 -m x --to nobody",
            "email send --to nobody -m x",
            "account edit support --address nobody",
            "user edit ana --email nobody",
            "record add contact X --email nobody",
            "case people 1 --customer nobody",
            "case create --subject x --from nobody",
        ],
    ),
    (
        "name",
        &[
            "user add 'a b'",
            "account add 'a b' --address a@b.example",
            "team add ''",
            "folder add ''",
            "record add contact ''",
            "template add 'a b' --subject s --body open.tpl",
            "user rename ana 'a b'",
            "role add ''",
        ],
    ),
    (
        "record",
        &[
            "stream thing",
            "note thing -m x",
            "case link 1 thing",
            "case unlink 1 thing",
            "email link 1 thing",
            "role explain ana case-edit thing",
        ],
    ),
    (
        "server",
        &[
            "account edit support --imap 'a b'",
            "account edit support --imap h:99999",
            "account edit support --smtp h:0",
        ],
    ),
    ("secret", &["account edit support --secret thing", "account secret support --secret thing"]),
    ("scope", &["filter add x --scope thing --if from=a --do skip"]),
    (
        "condition",
        &[
            "filter add x --scope global --if thing=a --do skip",
            "filter add x --scope global --if from --do skip",
            "filter add x --scope global --if 'subject=regex:[' --do skip",
        ],
    ),
    (
        "action",
        &[
            "filter add x --scope global --if from=a --do thing",
            "filter add x --scope user:ana --if from=a --do team:Support",
        ],
    ),
    (
        "query",
        &[
            "case list frm:x",
            "case list '(a'",
            "email list is:open",
            "email list has:flag",
            "outbox list word",
            "case list 'a OR'",
        ],
    ),
    ("part", &["email attachment save 1 thing", "email attachment cat 1 thing"]),
    ("shell, page, result", &["completions tcsh", "man nothing", "schema nothing", "help nothing"]),
    ("yes or no", &["account edit support --shared=maybe", "account edit support --plus-addressing=maybe"]),
];

#[test]
fn the_same_wrong_form_ends_with_the_same_status_everywhere() {
    let desk = desk();
    let mut tried = 0;
    for (kind, lines) in FORMS {
        for line in *lines {
            let run = run(&desk, line);
            let is_check = line.starts_with("check");
            assert_eq!(run.code, if is_check { 3 } else { 2 }, "{kind}: {run:?}");
            is_plain(line, &run);
            tried += 1;
        }
    }
    assert!(tried > 90, "{tried}");
}

/// Things that are not there or do not fit, files that cannot be read or are wrong, and what a command needs.
const OTHERS: &[(i32, &[&str])] = &[
    (
        65,
        &[
            "case show 99",
            "case list case:99",
            "case list assignee:nobody",
            "case list --assignee nobody",
            "case list team:Nobody",
            "case list account:nobody",
            "email list folder:nothing",
            "email list --folder nothing",
            "case assign 1 nobody",
            "case move 1 --team Nobody",
            "case link 1 contact/99",
            "case follow 1 --user nobody",
            "case split 1 --from 99",
            "case accept 1",
            "--yes case merge 1 1",
            "case merge 1 1",
            "case note 1 -F /no/such",
            "case note 1 -F /tmp",
            "case note 1 -F latin.txt",
            "case reply 1 -m x --account nobody",
            "case reply 1 -m x --attach /no/such",
            "case reply 1 -m x --at yesterday",
            "email show 99",
            "email show ./nothing",
            "email explain 99",
            "email move 1 Nothing",
            "email attachment save 1 9",
            "email forward 1",
            "email send 99",
            "account show nobody",
            "account add support --address a@b.example --imap h --secret env:PW",
            "account add x --address a@b.example --imap h --secret env:PW --ca /no/such",
            "account add x --address a@b.example --imap h --secret env:PW --ca latin.txt",
            "account add x --address a@b.example --imap h --secret env:PW --since tomorrow",
            "account folders support",
            "account audit support",
            "account delete support",
            "fetch nobody",
            "fetch support",
            "filter show nothing",
            "filter add x --scope account:nobody --if from=a --do skip",
            "filter add x --scope global --if from=a --do folder:Nothing",
            "filter import /no/such",
            "filter import text.toml",
            "filter import wrong.toml",
            "filter import type.toml",
            "filter import latin.txt",
            "template add x --subject s --body /no/such",
            "template add x --subject s --body latin.txt",
            "template add x --subject s --body open.tpl",
            "template add x --subject s --body block.tpl",
            "template add x --subject s --body tag.tpl",
            "template add x --subject s --body filter.tpl",
            "template preview nothing",
            "team add Support",
            "team delete Support",
            "team member remove Billing ana",
            "role grant Nobody case all",
            "role unassign Agent ana",
            "user add ana",
            "user add x --email ana@staff.example",
            "user rename ana budi",
            "user away ana --until yesterday",
            "record show contact nobody",
            "record add contact Z --email lee@x.example",
            "record import /no/such contact",
            "record import latin.csv contact",
            "record import latin.txt contact",
            "stream case/99",
            "outbox show 99",
            "quarantine show 99",
            "quarantine discard 99 --reason x",
            "db backup /no/such/x.db",
            "db restore /no/such",
            "man --to /proc/x",
            "export case 1 --to mbox /no/such/x",
            "export case 99 --to mbox x",
            "import eml /no/such --account support",
            "email show 1 --html",
            "email open 1",
            "email open 1 9",
            "email read 99",
            "--as budi email read 99",
            "import mbox latin.txt --account support",
            "import maildir /tmp --account support",
        ],
    ),
    (
        2,
        &[
            "cas list",
            "find x",
            "version",
            "case lits",
            "case 1",
            "case delete 1",
            "case comment 1",
            "email attachments 1",
            "outbox rm 1",
            "case list --opne",
            "case list --unverified",
            "email list --unread",
            "account add --name x",
            "case reply 1 hello",
            "case assign 1",
            "case show",
            "case show 1 2",
            "case edit 1",
            "case reply 1 -m x -F y",
            "case list --open --all",
            "case note 1 -m ''",
            "email send",
            "email send -m x",
            "account add x",
            "account add x --address a@b.example",
            "account edit support",
            "user edit ana",
            "record edit contact Lee",
            "template edit x",
            "filter edit x",
            "filter add x --scope global --do skip",
            "quarantine retry",
            "export case 1 --to mbox",
            "export case 1 --to eml -",
            "team delete Billing",
            "--fields nothing case list",
        ],
    ),
    (1, &["import eml text.toml --account support"]),
    (77, &["case next", "case follow 1", "--as nobody case list"]),
    (78, &["--config /no/such case list", "--config latin.txt case list", "--config text.toml case list"]),
];

#[test]
fn errors_are_in_plain_words() {
    let desk = desk();
    let mut tried = 0;
    for (code, lines) in OTHERS {
        for line in *lines {
            // A backup is put in the place of a file.
            if is_on_server() && line.starts_with("db restore") {
                continue;
            }
            let run = run(&desk, line);
            assert_eq!(run.code, *code, "{run:?}");
            is_plain(line, &run);
            tried += 1;
        }
    }
    for (database, code) in [("/etc/passwd", 78), ("/tmp", 78), ("/no/such.db", 78)] {
        let run = desk.sandbox.run(&["--db", database, "case", "list"]);
        assert_eq!(run.code, code, "{run:?}");
        is_plain(database, &run);
        tried += 1;
    }
    assert!(tried > 110, "{tried}");
}

#[test]
fn mistakes_are_met_with_what_was_meant() {
    let desk = desk();
    for (line, expected) in [
        ("case reply 1 hello", "hint: the text goes after -m: espomail case reply … -m hello"),
        ("email list --unread", "hint: in the query: espomail email list is:unread"),
        ("case list --opne", "hint: did you mean --open?"),
        ("case delete 1", "hint: cases are kept: espomail case close N"),
        ("stream 3", "hint: case number 3 is case/3"),
        ("case assign 1 2", "hint: the user comes last: espomail case assign 12 ana"),
        ("template add x --subject s --body open.tpl", "--body: line 1: {{ is not closed by }}"),
        ("template add x --subject s --body block.tpl", "--body: line 1: {% if %} or another block is not closed"),
        ("template add x --subject s --body tag.tpl", "--body: line 2: there is no statement {% nosuch %}"),
        ("template add x --subject s --body filter.tpl", "--body: line 1: there is no filter nosuch"),
        ("filter import wrong.toml", "wrong.toml, line 3: scpe is not a key\nhint: did you mean scope?"),
        ("filter import type.toml", "type.toml, line 2: name: must be a text in quotes"),
        ("--config text.toml status", "text.toml, line 1: this is not in the form key = value"),
        ("record import latin.csv contact", "latin.csv: line 2 is not UTF-8"),
        ("fetch support", "account support cannot be fetched: it has no IMAP server"),
        ("--db /etc/passwd status", "/etc/passwd is not a database of espomail"),
    ] {
        let said = run(&desk, line).stderr;
        assert!(said.contains(expected), "{line}: {said}");
    }
}

/// Without a fixed order of checks a question could be answered for nothing.
#[test]
fn nobody_is_asked_about_what_would_be_refused() {
    let desk = desk();
    desk.ok("account edit support --case-team Billing");
    for line in ["case merge 1 1", "team delete Billing", "account delete support", "quarantine discard 9 --reason x"] {
        let refused = desk.sandbox.call(&words(line).iter().map(String::as_str).collect::<Vec<_>>()).columns(100).run();
        assert!(refused.code == 65 && !refused.stdout.contains("[y/N]"), "{line}: {refused:?}");
    }
    let no =
        desk.sandbox.call(&["team", "delete", "Support"]).at_terminal(80, &[("[y/N] ", "maybe\n"), ("[y/N] ", "n\n")]);
    let no = no.run().exits(1);
    assert!(no.stdout.contains("nothing was changed"), "{no:?}");
    desk.ok("team show Support");
}

#[test]
fn a_time_at_which_no_case_can_be_is_refused_and_so_is_a_negative_one() {
    let desk = Desk::new();
    for (query, words) in [
        ("us:2099-01-01", "us: \"2099-01-01\" is still to come: nothing has lasted since then"),
        ("idle:2099-01-01", "idle: \"2099-01-01\" is still to come"),
        ("waiting:2099-01-01", "waiting: \"2099-01-01\" is still to come"),
        ("due:2020-01-01", "due: \"2020-01-01\" has been: no case is set aside until then any more"),
        ("us:-2h", "us: \"-2h\" is negative"),
        ("due:-2h", "due: \"-2h\" is negative"),
    ] {
        let refused = desk.run(&["case", "list", query]).exits(2);
        assert!(
            refused.stderr.contains(words) && refused.stderr.contains("2d") | refused.stderr.contains("14d"),
            "{refused:?}"
        );
    }
    for line in ["case list us:14d", "case list due:2d", "case list idle:now", "case list due:today"] {
        desk.ok(line);
    }
    // For monitoring a usage error is an unknown state.
    for (line, code) in [
        ("db prune --kind log --older -5d", 2),
        ("fetch --max-runtime -5s", 2),
        ("fetch --jitter -5s", 2),
        ("check --max-age -5m", 3),
    ] {
        let run = desk.run(line).exits(code);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("is negative") && said.contains("write it as 30s, 10m, 1h30m or 3d"), "{run:?}");
    }
}

#[test]
fn an_unknown_time_zone_is_told_once_by_its_variable() {
    let desk = Desk::new();
    desk.sandbox.env("TZ", "Mars/Base");
    let said = desk.ok("case list").stderr;
    let words = "the variable TZ has the time zone \"Mars/Base\", which is not known here: times are in UTC";
    assert_eq!(said.matches(words).count(), 1, "{said}");
    assert_eq!(desk.ok("fetch").stderr, "", "cron hears nothing of it");
}

#[test]
fn an_error_repeats_the_beginning_of_what_is_long_and_names_what_is_full() {
    let desk = Desk::new();
    let long = "é".repeat(5_000);
    let of_option = format!("--if-locked={long}");
    for args in [&["fetch", &of_option][..], &["fetch", "--if-locked", &long], &["whoami", &long]] {
        let said = desk.run(args).exits(2).stderr;
        assert!(said.contains("ééé") && said.contains('…') && said.chars().count() < 600, "{said}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let told = desk.sandbox.command(&["user", "list"]).stdout(full).output().unwrap();
    assert_eq!(told.status.code(), Some(74));
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(said.contains("espomail: cannot write standard output: no space left on device"), "{said}");
}
