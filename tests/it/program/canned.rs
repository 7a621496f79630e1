//! Canned answers as the manual has them: a shell runs its commands.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::Desk;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/espomail-template.1");

/// The commands of the section, in order.
fn recipes() -> Vec<String> {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let part = page.split(".Sh CANNED ANSWERS").nth(1).unwrap().split("\n.Sh ").next().unwrap();
    let blocks = part.split(".Bd -literal -offset indent\n").skip(1);
    blocks.map(|block| block.split("\n.Ed").next().unwrap().replace(" 12", " 1").replace("\\e", "\\")).collect()
}

/// Runs commands as a user types them, or the administrator; what they print.
fn run(desk: &Desk, user: &[&str], recipe: &str) -> String {
    let program = desk.sandbox.command(user);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let script = |name: &str, text: &str| {
        let file = desk.sandbox.file(name, text.as_bytes());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        file
    };
    script("espomail", &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")));
    let editor = script("editor", "#!/bin/sh\nexec sed -i 's/has left us/is on its way/' \"$1\"\n");
    let path = format!("{}:/usr/bin:/bin", desk.sandbox.path("").display());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", recipe]).env_clear().env("PATH", path).env("EDITOR", editor);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))).filter(|(name, _)| *name != "PATH"));
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{recipe}\n{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn canned_answers_of_the_manual_are_made_found_filled_in_edited_and_sent() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&desk.letter("Kim Lee <kim@customer.example>", "Where is it?"));
    let recipes = recipes();
    let [make, find, answer, edit, close] = recipes.as_slice() else { panic!("{recipes:#?}") };
    let ana = ["--as", "ana"];
    run(&desk, &[], make);
    let found = run(&desk, &ana, find);
    assert!(
        found.contains("parcel") && found.contains("Hello Kim Lee,") && found.contains("your case is 1."),
        "{found}"
    );
    run(&desk, &ana, answer);
    run(&desk, &ana, edit);
    run(&desk, &ana, close);
    let sent = desk.query(
        "SELECT e.subject || '|' || b.text FROM emails e JOIN email_bodies b ON b.email_id = e.id WHERE e.status <> 'Archived' ORDER BY e.id",
    );
    assert_eq!(sent.len(), 3, "{sent:?}");
    for (text, parcel) in
        sent.iter().zip(["your parcel has left us", "your parcel is on its way", "your parcel has left us"])
    {
        assert!(text.starts_with("Re: [#1] Where is it?|Hello Kim Lee,") || text.starts_with("[#1] Re:"), "{text}");
        assert!(text.contains(parcel) && text.contains("ana"), "{text}");
    }
    assert_eq!(desk.json("case show 1")["status"], "Closed");
}

#[test]
fn a_case_that_is_closed_already_is_not_closed_with_a_second_letter() {
    let desk = Desk::new().piped_account("support", &[]);
    let body = desk.sandbox.file("bye.txt", b"Goodbye.\n").display().to_string();
    desk.ok(&["template", "add", "bye", "--subject", "Bye", "--body", &body]);
    desk.put(&desk.letter("Kim <kim@customer.example>", "One"));
    let letters = || desk.query("SELECT CAST(count(*) AS TEXT) FROM outbox");
    // Two at once: both have seen the open case before one of them wrote.
    let program = || {
        let mut command = desk.sandbox.command(&["--yes", "case", "close", "1", "--template", "bye"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both: Vec<_> = (0..4).map(|_| program()).collect();
    for one in both {
        let done = one.wait_with_output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(letters(), ["1"]);
    let again = desk.ok("case close 1 --template bye");
    assert!(again.stdout.contains("case #1 is Closed already: nobody is written to"), "{again:?}");
    let again = desk.run_as("ana", "case close 1 -m Goodbye.").exits(65);
    assert!(again.stderr.contains("case #1 is Closed already: your text was not sent"), "{again:?}");
    assert!(again.stderr.contains("espomail case reply 1"), "{again:?}");
    assert_eq!(letters(), ["1"]);
    // Words that somebody writes to a closed case go out.
    desk.ana("case reply 1 -m Indeed.");
    desk.ok("case reopen 1");
    desk.ok("case close 1 --template bye");
    assert_eq!(letters(), ["3"]);
}

#[test]
fn a_preview_shows_the_signature_of_a_letter() {
    let desk = Desk::new().piped_account("support", &["--team", "Support", "--signature", "The desk"]);
    let body = desk.sandbox.file("ack.txt", b"Hello {{ sender.name }}.\n").display().to_string();
    desk.ok(&["template", "add", "ack", "--subject", "Thanks", "--body", &body]);
    desk.put(&desk.letter("Kim <kim@customer.example>", "Help"));
    let shown = desk.ana("template preview ack --case 1");
    assert_eq!(shown.stdout.trim_end(), "Subject: [#1] Thanks\n\nHello Kim.\n\n-- \nThe desk");
    assert!(shown.stderr.contains("An automatic reply goes without it."), "{shown:?}");
    assert_eq!(desk.json("template preview ack --case 1")["signature"], "The desk");
    desk.ana("case reply 1 --template ack");
    let sent = desk.query("SELECT CAST(max(email_id) AS TEXT) FROM outbox").remove(0);
    assert!(desk.ok(&format!("email show {sent} --full")).stdout.contains("Hello Kim.\n\n-- \nThe desk"));
    // Without a case it is the user's own.
    desk.ok("user edit ana --signature Ana");
    assert_eq!(desk.json("--as ana template preview ack")["signature"], "Ana");
}

#[test]
fn a_letter_of_no_case_is_written_by_a_template() {
    let desk = Desk::new().piped_account("support", &["--team", "Support"]);
    for (name, body) in [
        ("hello", "Hello {{ sender.name }}."),
        ("number", "Hello{% if case.number %}, your case is {{ case.number }}{% endif %}."),
    ] {
        let body = desk.sandbox.file(&format!("{name}.txt"), body.as_bytes()).display().to_string();
        desk.ok(&["template", "add", name, "--subject", "About us", "--body", &body]);
    }
    let line = "email send --account support --to kim@customer.example --template";
    desk.ana(&format!("{line} hello"));
    let id = desk.query("SELECT CAST(max(email_id) AS TEXT) FROM outbox").remove(0);
    let shown = desk.ok(&format!("email show {id}")).stdout;
    assert!(shown.contains("About us") && shown.contains("Hello kim@customer.example."), "{shown}");
    // What is of a case is empty, which a condition leaves out.
    desk.ana(&format!("{line} number"));
    let id = desk.query("SELECT CAST(max(email_id) AS TEXT) FROM outbox").remove(0);
    assert!(desk.ok(&format!("email show {id}")).stdout.contains("Hello.\n"));
    assert_eq!(desk.cases("status"), [""; 0], "it makes no case");
}
