//! All that an editor saves becomes a letter or a draft, and nothing that was typed is lost.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Desk, Run, from};

fn desk() -> Desk {
    let desk = Desk::empty().team("Support").user("ana", &["Support"]);
    let desk = desk.piped_account("support", &["--team", "Support"]);
    desk.put(&from("Eva Berg <eva@x.example>", "Broken").body("It smokes.\n"));
    desk
}

/// Makes a program of a shell script; `$2` is the editor's file.
fn script(desk: &Desk, name: &str, text: &str) -> String {
    let path = desk.sandbox.file(name, format!("#!/bin/sh\n{text}\n").as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

fn edited(desk: &Desk, editor: &str, args: &[&str]) -> Run {
    let script = script(desk, "editor", editor);
    desk.sandbox.env("VISUAL", &format!("{script} --wait"));
    desk.sandbox.env("TMPDIR", desk.sandbox.path("home").to_str().unwrap());
    desk.sandbox.call(&[&["--as", "ana"], args].concat()).on_terminal("").run()
}

fn number(desk: &Desk, sql: &str) -> i64 {
    desk.query(sql)[0].parse().unwrap()
}

/// Directories that were left.
fn left(desk: &Desk) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(desk.sandbox.path("home")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn all_that_is_saved_becomes_a_letter_or_a_draft() {
    let desk = desk();
    let head = "To: eva@x.example\\nSubject: Fixed\\n\\n";
    let write = |text: &str| format!("printf '{text}' >\"$2\"");
    // The editor, the exit code (0 = a letter), what is said, what the letter or draft holds.
    let rows: &[(&str, i32, &str, &str)] = &[
        (&write("Hi,\\nplease restart it.\\nA.\\n"), 65, "the fields above the text are missing", "restart it.\nA."),
        (
            &write("Hello,\\n\\nno fields\\n"),
            65,
            "so they are as they were; what you wrote is draft",
            "Hello,\n\nno fields",
        ),
        (
            &write("An: eva@x.example\\nBetreff: Neu\\n\\nauf Deutsch\\n"),
            65,
            "fields above",
            "Betreff: Neu\n\nauf Deutsch",
        ),
        (&write("Hola\\nTo: eva@x.example\\n\\ntext\\n"), 65, "the line \"Hola\" above the text", "text"),
        (&write("To: eva@@x\\n\\nbroken\\n"), 65, "To: \"eva@@x\" is not an e-mail address", "broken"),
        (&write("To: eva@x.example\\nno empty line\\n"), 0, "is in the outbox", "no empty line"),
        (&write("TO: eva@x.example\\nsubject : Neu\\n \\nother case\\n"), 0, "is in the outbox", "other case"),
        (&write(&format!("\\357\\273\\277{head}a mark\\n").replace("\\n", "\\r\\n")), 0, "is in the outbox", "a mark"),
        (&write(&format!("{head}Gr\\374\\337e\\n")), 65, "did not save UTF-8", "Gr\u{fc}\u{df}e"),
        (&write(&format!("{head}one\\000two\\n")), 65, "NUL characters", "onetwo"),
        (&format!("{}; exit 3", write(&format!("{head}it fails\\n"))), 1, "ended with exit code 3", "it fails"),
        (&format!("{}; kill -9 $$", write(&format!("{head}it dies\\n"))), 1, "ended with exit code 137", "it dies"),
        ("cp \"$2\" new; echo replaced >>new; mv new \"$2\"", 0, "is in the outbox", "replaced"),
        ("echo renamed >>\"$2\"; mv \"$2\" \"$(dirname \"$2\")/other.txt\"", 0, "is in the outbox", "renamed"),
        (
            "yes 'a line of sixty-three characters, which is repeated many times' | head -c 1000000 >>\"$2\"",
            0,
            "outbox",
            "many times",
        ),
        ("rm \"$2\"", 1, "cancelled: the editor removed its file", ""),
        (": >\"$2\"", 1, "cancelled: the text is empty", ""),
        ("sed -i '/^$/q' \"$2\"", 1, "cancelled: the text is empty", ""),
        ("true", 1, "cancelled: nothing was changed", ""),
        ("sed -i 's/$/\\r/' \"$2\"", 1, "cancelled: nothing was changed", ""),
        ("printf '\\n' >>\"$2\"", 1, "cancelled: nothing was changed", ""),
    ];
    for (editor, code, said, holds) in rows {
        let before = number(&desk, "SELECT max(id) || '' FROM emails");
        let run = edited(&desk, editor, &["case", "reply", "1"]).exits(*code);
        assert!(run.stdout.contains(said), "{editor}: {run:?}");
        let after = number(&desk, "SELECT max(id) || '' FROM emails");
        assert_eq!(after > before, !holds.is_empty(), "{editor}: {run:?}");
        if !holds.is_empty() {
            let kept = desk.ana(&["email", "show", &after.to_string(), "--full"]).ok().stdout;
            assert!(kept.contains(holds), "{editor}: {}", kept.chars().take(2_000).collect::<String>());
            let status = if *code == 0 { "Sending" } else { "Draft" };
            assert_eq!(desk.query(&format!("SELECT status FROM emails WHERE id = {after}")), [status], "{editor}");
        }
        assert_eq!(left(&desk), Vec::<std::path::PathBuf>::new(), "{editor}");
    }
    // What was given or comes from a template is not sent either by somebody who leaves the editor without a change.
    desk.sandbox.call(&["template", "add", "done", "--subject", "s", "--body", "-"]).stdin(b"It is done.\n").run().ok();
    for given in [&["-m", "Text"][..], &["--template", "done"]] {
        let run = edited(&desk, "true", &[&["case", "reply", "1", "-e"], given].concat()).exits(1);
        assert!(
            run.stdout.contains("cancelled: nothing was changed\nhint: to send it as it is, leave out --edit"),
            "{run:?}"
        );
    }
    assert_eq!(left(&desk), Vec::<std::path::PathBuf>::new());
    // A letter whose fields are gone has those that it had.
    let headless = desk.query("SELECT address || subject FROM emails JOIN email_addresses ON email_id = emails.id WHERE status = 'Draft' AND field = 'to' ORDER BY emails.id");
    assert_eq!(headless[0], "eva@x.example[#1] Re: Broken");
}

#[test]
fn what_cannot_be_kept_stays_in_the_file() {
    let desk = desk();
    // A text that is too long for a letter, and what an editor left that was killed.
    for (editor, code, said, file) in [
        ("yes 'too long' | head -c 17000000 >>\"$2\"", 65, "the text is longer than 16 MiB; it stays in", "letter.eml"),
        (
            "echo saved >>\"$2\"; echo unsaved >\"$(dirname \"$2\")/.letter.eml.swp\"; kill -9 $$",
            1,
            "what it left is in",
            ".letter.eml.swp",
        ),
    ] {
        let run = edited(&desk, editor, &["case", "reply", "1"]).exits(code);
        let [dir] = left(&desk).try_into().unwrap();
        assert!(run.stdout.contains(said) && run.stdout.contains(dir.to_str().unwrap()), "{run:?}");
        assert!(std::fs::metadata(dir.join(file)).unwrap().len() > 5, "{file}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn fields_of_the_editor_attach_files_and_set_sender_and_status() {
    let desk = desk();
    desk.sandbox.file("report.pdf", b"%PDF-1.4 x");
    desk.sandbox.file("a b.txt", b"plain");
    let set = |field: &str, value: &str| format!("sed -i 's|^{field}:.*|{field}: {value}|' \"$2\"; echo Text >>\"$2\"");
    let reply = ["case", "reply", "1"];
    edited(&desk, &set("Attach", "report.pdf\\nAttach: \"a b.txt\""), &reply).ok();
    let names = "SELECT name || ' ' || content_type FROM email_attachments WHERE email_id = 2 ORDER BY part";
    assert_eq!(desk.query(names), ["report.pdf application/pdf", "a b.txt text/plain"]);
    // What it has already stands in a comment.
    let seen = "grep '^# Attached' \"$2\" >seen; echo More >>\"$2\"";
    edited(&desk, seen, &["case", "reply", "1", "-m", "x", "-e", "--attach", "report.pdf"]).ok();
    assert_eq!(std::fs::read_to_string(desk.sandbox.path("seen")).unwrap(), "# Attached: report.pdf\n");
    for (field, value, said) in [
        ("Attach", "nothing.pdf", "Attach: cannot read nothing.pdf: there is no such file; what you wrote is draft"),
        ("Attach", ".", "Attach: cannot read .: it is a directory; what you wrote is draft"),
        ("Status", "Shut", "Status: must be one of New, Assigned"),
        ("From", "eve@else.example", "From: eve@else.example is not an address that you can write from"),
        ("From", "nobody", "From: \"nobody\" is not an e-mail address"),
        ("From", "user", "From: you have no active personal account"),
    ] {
        let run = edited(&desk, &set(field, value), &reply).exits(65);
        assert!(run.stdout.contains(said), "{field}: {run:?}");
    }
    // One file that can be read is in the draft.
    let run = edited(&desk, &set("Attach", "report.pdf\\nAttach: nothing.pdf"), &reply).exits(65);
    let draft = number(&desk, "SELECT max(id) || '' FROM emails");
    assert!(run.stdout.contains(&format!("is draft {draft}")), "{run:?}");
    assert_eq!(number(&desk, &format!("SELECT count(*) || '' FROM email_attachments WHERE email_id = {draft}")), 1);
    // Sender and status.
    desk.ok(&[
        "account",
        "add",
        "sales",
        "--kind",
        "group",
        "--address",
        "sales@desk.example",
        "--smtp",
        "127.0.0.1:9",
        "--smtp-tls",
        "none",
        "--secret",
        "env:PW",
        "--team",
        "Support",
    ]);
    edited(&desk, &set("From", "Sales <sales@desk.example>"), &reply).ok();
    assert_eq!(desk.query("SELECT from_address FROM emails ORDER BY id DESC LIMIT 1"), ["sales@desk.example"]);
    edited(&desk, &set("Status", "closed"), &reply).ok();
    assert_eq!(desk.query("SELECT status FROM cases"), ["Closed"]);
    // Outside a case there is no such field.
    let editor =
        "grep -c '^Status' \"$2\" >seen; sed -i 's|^To:|Status: Closed\\nTo: x@x.example|' \"$2\"; echo Text >>\"$2\"";
    let run = edited(&desk, editor, &["email", "send", "--account", "support"]).exits(65);
    assert!(run.stdout.contains("Status: the letter does not belong to a case"), "{run:?}");
    assert_eq!(std::fs::read_to_string(desk.sandbox.path("seen")).unwrap(), "0\n");
}

#[test]
fn a_letter_without_a_word_of_its_writer_is_not_sent() {
    let desk = desk();
    desk.ok("user edit ana --signature Ana");
    let set = |what: &str| format!("sed -i '{what}' \"$2\"");
    let newest = || number(&desk, "SELECT max(id) || '' FROM emails");
    for what in ["s/^Subject:.*/Subject: Neu/", "1,/^$/!{/^$/d}", "/^On /d", "1,/^$/!{/^>/!d}"] {
        let run = edited(&desk, &set(what), &["case", "reply", "1"]).exits(1);
        let id = newest();
        let said = format!("cancelled: the letter has no text besides the quotation; what you wrote is draft {id}");
        assert!(run.stdout.contains(&said), "{what}: {run:?}");
        desk.run_as("ana", &["email", "send", &id.to_string()]).exits(65).says("has no text besides the quotation");
    }
    desk.ana(&["case", "reply", "1", "-m", "> It smokes."]).exits(65).says("has no text besides the quotation");
    assert_eq!(desk.query("SELECT count(*) || '' FROM outbox"), ["0"]);
    // Words below the quotation and among it are words; a draft may be without; a forward is there for what it brings.
    edited(&desk, "echo Below. >>\"$2\"", &["case", "reply", "1"]).ok();
    edited(&desk, &set("s/^> It smokes.*/&\\nDoes it?/"), &["case", "reply", "1"]).ok();
    edited(&desk, &set("s/^Subject:.*/Subject: Neu/"), &["case", "reply", "1", "--draft"]).ok().says("saved");
    edited(&desk, &set("s/^To:.*/To: lab@y.example/"), &["--yes", "email", "forward", "1"]).ok();
    let attached = &["--yes", "email", "forward", "1", "--as-attachment"];
    edited(&desk, &set("s/^To:.*/To: lab@y.example/;$s/$/\\n/"), attached).ok();
    assert_eq!(desk.query("SELECT count(*) || '' FROM outbox"), ["4"]);
}

#[test]
fn a_line_that_cannot_be_read_stays_with_the_draft_until_it_is_mended() {
    let desk = desk();
    let head = |line: &str| format!("sed -i '1i {line}' \"$2\"; echo Text >>\"$2\"");
    for (line, why, mended) in [
        (
            "To: not-an-address, foo@",
            "To: \"not-an-address\" is not an e-mail address",
            "s/^To: not.*/To: foo@x.example/",
        ),
        ("Priority: High", "there is no field \"Priority\"", "/^Priority/d"),
        ("Attach: nothing.pdf", "Attach: cannot read nothing.pdf", "/^Attach: n/d"),
        ("Status: Shut", "Status: must be one of", "s/^Status: Shut/Status: Closed/"),
        ("From: nobody", "From: \"nobody\" is not an e-mail address", "/^From: nobody/d"),
    ] {
        // Of From and Status the last line counts.
        let editor = match line.starts_with(['F', 'S']) {
            true => format!("sed -i 's/^{}:.*/{line}/' \"$2\"; echo Text >>\"$2\"", line.split(':').next().unwrap()),
            false => head(line),
        };
        let run = edited(&desk, &editor, &["case", "reply", "1"]).exits(65);
        assert!(run.stdout.contains(why) && !run.stdout.contains("email send"), "{line}: {run:?}");
        let id = number(&desk, "SELECT max(id) || '' FROM emails").to_string();
        let send = || desk.ana(&["email", "send", &id]);
        let refused = send().exits(65).says(&format!("espomail email edit {id}"));
        assert!(refused.stderr.contains(why), "{refused:?}");
        let shown = desk.ana(&["email", "show", &id, "--full"]).ok().stdout;
        let (fields, text) = shown.split_once("\n\n").unwrap();
        assert!(fields.contains("not read: ") && !text.contains(line), "{shown}");
        // Another bad try adds nothing.
        let again = "cp \"$2\" seen; echo More >>\"$2\"";
        edited(&desk, again, &["email", "edit", &id]).exits(65).says(why);
        let seen = std::fs::read_to_string(desk.sandbox.path("seen")).unwrap();
        let lines: Vec<&str> = seen.lines().collect();
        let at = lines.iter().rposition(|one| *one == line).unwrap();
        assert!(lines[at - 1].starts_with("# ") && lines[at + 1].is_empty(), "{seen}");
        assert_eq!(seen.matches(line).count(), 1, "{seen}");
        send().exits(65);
        edited(&desk, &format!("sed -i '{mended}' \"$2\""), &["email", "edit", &id]).ok();
        desk.ana(&["--yes", "email", "send", &id]).ok();
        let sent = desk.ana(&["email", "show", &id, "--full"]).ok().stdout;
        assert!(!sent.contains("not read") && !sent.contains(line), "{sent}");
    }
    // What is given by an option takes its place.
    edited(&desk, &head("To: foo@"), &["case", "reply", "1"]).exits(65);
    let id = number(&desk, "SELECT max(id) || '' FROM emails").to_string();
    desk.ana(&["email", "edit", &id, "-m", "Other"]).ok();
    desk.ana(&["email", "send", &id]).exits(65);
    desk.ana(&["email", "edit", &id, "--to", "eva@x.example"]).ok();
    desk.ana(&["--yes", "email", "send", &id]).ok();
}

#[test]
fn a_signal_while_the_editor_is_open_makes_a_draft() {
    let desk = desk();
    let program = format!(
        "p=$PPID; [ \"$(readlink /proc/$p/exe)\" = {} ] || p=$(cut -d' ' -f4 /proc/$p/stat)",
        crate::support::program().display()
    );
    for (signal, is_sent) in [("TERM", false), ("HUP", false), ("INT", true)] {
        let editor = format!("echo Precious >>\"$2\"; {program}; kill -{signal} $p; sleep 0.1");
        let run = edited(&desk, &editor, &["case", "reply", "1"]).exits(if is_sent { 0 } else { 1 });
        let said = format!("SIG{signal} arrived while the editor was open; what you wrote is draft");
        assert_eq!(run.stdout.contains(&said), !is_sent, "{run:?}");
        let status = if is_sent { "Sending" } else { "Draft" };
        assert_eq!(desk.query("SELECT status FROM emails ORDER BY id DESC LIMIT 1"), [status], "{signal}");
    }
}

#[test]
fn editors_open_a_mail_at_the_line_of_its_text() {
    let desk = desk();
    for name in ["vim", "nvim", "emacs", "emacsclient", "nano"] {
        let editor = script(&desk, name, "printf '%s\\n' \"$@\" >args; cp \"${3:-$2}\" seen");
        desk.sandbox.env("VISUAL", &format!("{editor} -x"));
        desk.sandbox.call(&["--as", "ana", "case", "reply", "1"]).on_terminal("").run().exits(1);
        let args = std::fs::read_to_string(desk.sandbox.path("args")).unwrap();
        let [x, line, file] = args.lines().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(x, "-x");
        assert!(file.ends_with("/letter.eml"), "{file}");
        let text = std::fs::read_to_string(desk.sandbox.path("seen")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let at: usize = line.strip_prefix('+').unwrap().parse().unwrap();
        assert_eq!((lines[at - 3], lines[at - 2]), ("Status:", ""), "{name} {line}: {text}");
        assert!(lines[at - 1..].iter().any(|line| line.starts_with("On ")), "{text}");
    }
}

#[test]
fn a_quotation_is_in_the_language_of_the_account_and_in_local_time() {
    let desk = desk();
    desk.sandbox.env("TZ", "Asia/Jakarta");
    let mail = from("Eva Berg <eva@x.example>", "Late").date("2026-11-29T03:02:00Z".parse().unwrap());
    desk.put(&mail.body("It is late.\n"));
    let text = |args: &[&str]| {
        desk.ana(&[args, &["-m", "x", "--draft"]].concat()).ok();
        desk.ana(&["email", "show", &number(&desk, "SELECT max(id) || '' FROM emails").to_string(), "--full"])
            .ok()
            .stdout
    };
    let answer = || text(&["email", "reply", "2", "--quote"]);
    assert!(answer().contains("On Sun, 29 Nov 2026 at 10:02, Eva Berg wrote:\n> It is late."), "{}", answer());
    desk.sandbox.config("language = \"id\"\n");
    assert!(answer().contains("Pada 29/11/2026 10.02, Eva Berg menulis:"), "{}", answer());
    desk.ok(&["account", "edit", "support", "--language", "de"]);
    assert!(answer().contains("Am 29.11.2026 um 10:02 schrieb Eva Berg:"), "{}", answer());
    assert_eq!(desk.json(&["account", "show", "support"])["language"], "de");
    let forward = text(&["email", "forward", "2", "--to", "lab@y.example"]);
    let head = "Weitergeleitete Nachricht ----------\nVon: Eva Berg <eva@x.example>\nDatum: 29.11.2026 um 10:02\nBetreff: Late";
    assert!(forward.contains(head), "{forward}");
    desk.ok(&["account", "edit", "support", "--language", ""]);
    assert!(answer().contains("menulis:"));
    desk.run(&["account", "edit", "support", "--language", "xx"]).exits(2).says("en, cs, da, de");
    desk.sandbox.file("config.toml", b"language = \"Deutsch\"\n");
    desk.run("case list").exits(78).says("language: must be one of en, cs");
}
