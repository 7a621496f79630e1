//! Letters that agents write (B13): on real servers, read back by a mail program that is not ours.

mod outbox;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Answer, Desk, Dovecot, Exim, Letter, Run, SmtpSink, Step, mail, program};

fn desk(extra: &[&str]) -> Desk {
    let desk = Desk::on_servers(extra);
    desk.ok(&["user", "edit", "ana", "--name", "Ana Putri", "--signature", "Ana Putri\nSupport"]);
    desk
}

impl Desk {
    /// A letter of the customer.
    fn of_customer(&self, subject: &str) -> Letter {
        self.letter(&format!("Eva Bérg <{}>", self.customer().address), subject)
    }

    /// As ana on a terminal, with an editor that is this script; `$1` is the file.
    fn edited(&self, editor: &str, answer: &str, args: &[&str]) -> Run {
        let script = self.sandbox.file("editor", format!("#!/bin/sh\n{editor}\n").as_bytes());
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        self.sandbox.env("VISUAL", &format!("{} --wait", script.display()));
        self.sandbox.env("TMPDIR", self.sandbox.path("home").to_str().unwrap());
        self.sandbox.call(&[&["--as", "ana"], args].concat()).on_terminal(answer).run()
    }

    /// Sends what waits; all that the customer has then.
    fn sent(&self, count: usize) -> Vec<Value> {
        self.ok(&["send"]);
        self.received(count)
    }

    fn received(&self, count: usize) -> Vec<Value> {
        Exim::shared().idle();
        self.customer().arrived(count);
        self.customer().read_by_python()
    }

    /// `status`, `waiting_for` and number of mails of case 1.
    fn first_case(&self) -> (String, String, usize) {
        let case = self.json(&["case", "show", "1"]);
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_owned();
        (text("status"), text("waiting_for"), self.items(&["case", "thread", "1"]).len())
    }

    /// The source of an email as it is in the archive.
    fn letter_bytes(&self, id: i64) -> Vec<u8> {
        self.ana(&["email", "show", &id.to_string(), "--raw"]).ok().stdout.into_bytes()
    }

    fn outbox(&self, field: &str) -> Vec<Value> {
        let rows = self.items(&["outbox", "list", "--all"]);
        rows.iter().map(|row| row[field].clone()).collect()
    }

    fn drafts(&self, user: &str) -> Vec<i64> {
        let rows = self.items(&["--as", user, "email", "list", "status:Draft"]);
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_whole_conversation_as_the_customer_reads_it() {
    let desk = desk(&["--from-name", "Desk of Ö"]);
    let group = desk.support().address.clone();
    let question = desk.of_customer("Invoice 2231").references(&["<old@customer.example>"]);
    desk.put(&question);
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 1));

    let scan: Vec<u8> = b"%PDF-1.7\n".iter().copied().chain(0..=255).cycle().take(70_000).collect();
    let file = desk.sandbox.file("Größe & scan.pdf", &scan);
    let markdown =
        "Dear *Eva*,\n\nplease see [our page](https://desk.example/?a=1&b=2) — it is `<new>`.\n\n- one\n- two\n";
    let text = desk.sandbox.file("answer.md", markdown.as_bytes());
    let reply = ["case", "reply", "1", "-F", text.to_str().unwrap(), "--markdown", "--quote", "--status", "Pending"];
    let files = ["--attach", file.to_str().unwrap(), "--bcc", "hidden@rejects.example"];
    desk.ana(&[&reply[..], &files].concat()).ok();
    // The server refuses the Bcc.
    desk.run(&["send"]).exits(1);
    let first = desk.received(1).remove(0);
    assert_eq!(first["from"], json!([group]));
    assert_eq!(first["from_name"], "Desk of Ö");
    assert_eq!((&first["reply_to"], &first["to"]), (&json!([group]), &json!([desk.customer().address])));
    assert_eq!((&first["cc"], &first["bcc"]), (&json!([]), &json!([])), "nobody sees a Bcc");
    assert_eq!(first["subject"], "[#1] Re: Invoice 2231");
    assert_eq!(first["in_reply_to"], question.value("Message-ID"));
    let references = first["references"].as_array().unwrap();
    assert_eq!(references[1..], [json!("<old@customer.example>"), json!(question.value("Message-ID"))]);
    let (plain, html) = (first["text"].as_str().unwrap(), first["html"].as_str().unwrap());
    assert!(plain.starts_with(&format!("{markdown}\n-- \nAna Putri\nSupport\n\nOn ")), "{plain}");
    assert!(plain.contains("Eva Bérg") && plain.contains("\n> this is about: Invoice 2231"), "{plain}");
    for part in [
        "<p>Dear <em>Eva</em>,</p>",
        "<a href=\"https://desk.example/?a=1&amp;b=2\">our page</a> — it is <code>&lt;new&gt;</code>",
        "<li>two</li>",
        "<p>-- <br>\nAna Putri<br>\nSupport</p>",
        "<blockquote>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let expected = json!([{"name": "Größe & scan.pdf", "type": "application/pdf", "sha256": digest(&scan)}]);
    let renamed = json!([{"name": "Größe _ scan.pdf", "type": "application/pdf", "sha256": digest(&scan)}]);
    assert!(first["files"] == expected || first["files"] == renamed, "{}", first["files"]);
    assert_eq!(first["defects"], json!([]));
    assert!(first["longest"].as_i64().unwrap() <= 998);
    assert_eq!(desk.first_case(), ("Pending".into(), "customer".into(), 2));

    // The customer answers as a mail program does, and the case goes on.
    let chain: Vec<String> =
        references.iter().chain([&first["message_id"]]).map(|id| id.as_str().unwrap().to_owned()).collect();
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    let answer =
        |subject: &str| desk.of_customer(subject).in_reply_to(first["message_id"].as_str().unwrap()).references(&chain);
    let second = answer("Re: [#1] Re: Invoice 2231");
    desk.put(&second);
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 3));
    desk.ana(&["case", "reply", "1", "-m", "Done.", "--close"]).ok();
    let mails = desk.sent(2);
    assert_eq!(mails[1]["subject"], "[#1] Re: Invoice 2231", "the number once");
    assert_eq!(mails[1]["in_reply_to"], second.value("Message-ID"));
    assert_eq!(mails[1]["html"], Value::Null, "plain text is no HTML");
    assert_eq!(mails[1]["text"], "Done.\n\n-- \nAna Putri\nSupport");
    assert_eq!((&mails[0]["thread"], &mails[1]["thread"]), (&json!(0), &json!(0)), "one conversation");
    assert_eq!(desk.first_case(), ("Closed".into(), "customer".into(), 4));
    desk.put(&answer("Re: [#1] Re: Invoice 2231").body("It is back.\n"));
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 5), "opened again");
    // The Bcc was refused: told to its sender, not to everybody who sees the case; and Eva's copy is not sent again.
    let shown = desk.ana(&["case", "show", "1"]).ok().stdout;
    assert!(!shown.contains("hidden@rejects.example"), "{shown}");
    let told = desk.items(&["--as", "ana", "notification", "list", "--all"]);
    assert!(told.iter().any(|n| n["text"].as_str().unwrap().contains("hidden@rejects.example")), "{told:?}");
    let row = desk.json(&["--as", "ana", "outbox", "show", "1"]);
    let states: Vec<&Value> = row["recipients"].as_array().unwrap().iter().map(|r| &r["state"]).collect();
    assert_eq!(states, ["failed", "sent"], "{row}");
}

#[test]
fn forwards_and_letters_to_others() {
    let desk = desk(&["--shared"]);
    desk.put(&desk.of_customer("Broken").body("it smokes\n"));
    let lab = Dovecot::shared().mailbox_at("lab.example");
    desk.ana(&["email", "forward", "1", "--to", &format!("The Lab <{}>", lab.address), "-m", "Your turn."]).ok();
    desk.ana(&["email", "forward", "1", "--to", &lab.address, "--as-attachment"]).ok();
    desk.ana(&["email", "send", "--to", &lab.address, "--subject", "Lunch", "-m", "At one?"]).ok();
    desk.ok(&["send"]);
    Exim::shared().idle();
    lab.arrived(3);
    let mut mails = lab.read_by_python();
    mails.sort_by_key(|mail| mail["files"].as_array().map(Vec::len));
    let by = |part: &str| {
        mails.iter().find(|m| m["text"].as_str().unwrap().contains(part)).unwrap_or_else(|| panic!("{mails:?}"))
    };
    let copied = by("Your turn.");
    assert_eq!((copied["subject"].as_str(), &copied["in_reply_to"]), (Some("[#1] Fwd: Broken"), &Value::Null));
    assert!(
        copied["text"].as_str().unwrap().contains("Forwarded message")
            && copied["text"].as_str().unwrap().contains("it smokes")
    );
    let whole = mails.last().unwrap();
    // The test letter is 8bit, which nothing but a file may carry.
    assert_eq!(whole["files"][0]["name"], "Broken.eml", "{whole}");
    assert_eq!(whole["files"][0]["sha256"], digest(&desk.letter_bytes(1)));
    assert_eq!(by("At one?")["subject"], "Lunch");
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 3), "the customer waits on");

    // The lab answers into the case, and takes part by then.
    let back = mail(&lab.address, &desk.support().address, "Re: Fwd: Broken")
        .in_reply_to(copied["message_id"].as_str().unwrap());
    desk.put(&back);
    let thread = desk.items(&["case", "thread", "1"]);
    assert_eq!((thread.len(), &thread[3]["verified"]), (4, &json!(true)));
    // `email reply` of a mail of the case is an answer in the case.
    let id = thread[3]["id"].to_string();
    let queued = desk.ana(&["email", "reply", &id, "-m", "Thanks."]).ok();
    assert!(queued.stdout.contains(&lab.address) && !queued.stdout.contains(&desk.customer().address), "{queued:?}");
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 5);

    // An answer to a letter without a case finds that letter by its signed id.
    let lunch = by("At one?")["message_id"].as_str().unwrap().to_owned();
    desk.ok(&["account", "edit", "support", "--no-create-case"]);
    desk.put(&mail(&lab.address, &desk.support().address, "Re: Lunch").in_reply_to(&lunch));
    let answer = desk.items(&["email", "list", "subject:Lunch", "status:Archived"]);
    let reply = desk.ana(&["email", "reply", &answer[0]["id"].to_string(), "-m", "Fine."]).ok();
    assert!(reply.stdout.contains(&lab.address), "{reply:?}");
}

#[test]
fn drafts_are_kept_changed_sent_and_deleted() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    let kept = desk.ana(&["-q", "case", "reply", "1", "-m", "Half a", "--draft", "--close"]).ok();
    let id = kept.stdout.trim().to_owned();
    assert_eq!(desk.drafts("ana"), [id.parse::<i64>().unwrap()]);
    assert_eq!((desk.drafts("budi"), desk.outbox("id")), (vec![], vec![]));
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 1), "nothing happened yet");
    for args in [&["email", "send", &id][..], &["email", "edit", &id, "-m", "x"], &["--yes", "email", "delete", &id]] {
        let refused = desk.run(&[&["--as", "budi"], args].concat()).exits(65);
        assert!(refused.stderr.contains(&format!("email {id}: not found")), "{refused:?}");
    }
    let file = desk.sandbox.file("plan.txt", b"one\n");
    let plan = file.to_str().unwrap();
    desk.ana(&["email", "edit", &id, "-m", "A whole answer.", "--cc", "lee@customer.example", "--attach", plan]).ok();
    desk.ana(&["email", "edit", &id, "--to", "bad@@x"]).exits(2);
    desk.ana(&["email", "send", &id, "--cc", "x@y.example"]).exits(2);
    desk.ana(&["email", "reply", &id, "-m", "x"]).exits(65);
    desk.ana(&["email", "edit", &id]).exits(65);

    // Mail that came since is said, and nothing is sent before somebody knows.
    desk.put(&desk.of_customer("Re: [#1] Broken"));
    let asked = desk.ana(&["email", "send", &id]).exits(2);
    assert!(asked.stderr.contains("since you began this letter, a mail came from"), "{asked:?}");
    assert_eq!(desk.outbox("id"), Vec::<Value>::new());
    desk.ana(&["email", "send", &id, "--dry-run"]).ok();
    desk.ana(&["--yes", "email", "send", &id]).ok();
    let mail = desk.sent(1).remove(0);
    assert_eq!((mail["text"].as_str(), &mail["cc"]), (Some("A whole answer."), &json!(["lee@customer.example"])));
    assert_eq!(mail["files"], json!([{"name": "plan.txt", "type": "text/plain", "sha256": digest(b"one\n")}]));
    assert_eq!(desk.first_case(), ("Closed".into(), "customer".into(), 3));
    let status = desk.json(&["email", "show", &id])["status"].clone();
    assert_eq!(status, "Sent", "the draft is the mail now");
    desk.ana(&["--yes", "email", "delete", &id]).exits(77);

    // A colleague's draft that is older than the newest mail is an answer all the same once it is sent.
    let draft = |user: &str, text: &str| {
        let run = desk.ok(&["-q", "--as", user, "case", "reply", "1", "-m", text, "--draft"]);
        run.stdout.trim().to_owned()
    };
    let (theirs, mine) = (draft("budi", "From budi"), draft("ana", "From ana"));
    desk.ok(&["--as", "budi", "email", "send", &theirs]);
    let asked = desk.ana(&["email", "send", &mine]).exits(2);
    assert!(asked.stderr.contains("since you began this letter, budi answered"), "{asked:?}");
    desk.ana(&["--yes", "email", "delete", &mine]).ok();

    let other = desk.ana(&["-q", "case", "reply", "1", "-m", "Never mind", "--draft"]).ok().stdout.trim().to_owned();
    desk.ana(&["email", "delete", &other]).exits(2);
    desk.ana(&["--yes", "email", "delete", &other]).ok();
    assert_eq!(desk.drafts("ana"), Vec::<i64>::new());
    assert_eq!(desk.query("SELECT count(*) || '' FROM drafts"), ["0"]);
}

#[test]
fn a_text_comes_by_a_pipe_too() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    let email = ["email", "send", "-", "--account", "support", "--to", &desk.customer().address, "--subject", "x"];
    for (args, text) in [
        (&["case", "reply", "1", "-"][..], "With a dash."),
        (&["email", "reply", "1", "-"], "To a mail."),
        (&["case", "reply", "1", "-F", "-"], "As a file."),
        (&email, "To somebody."),
    ] {
        let call = desk.sandbox.call(&[&["--as", "ana"], args].concat());
        call.stdin(format!("{text}\nÄ\n").as_bytes()).run().ok();
    }
    let mut texts: Vec<String> = desk.sent(4).iter().map(|mail| mail["text"].as_str().unwrap().to_owned()).collect();
    texts.sort();
    let signed = |text: &str| format!("{text}\nÄ\n\n-- \nAna Putri\nSupport");
    assert_eq!(texts, ["As a file.", "To a mail.", "To somebody.", "With a dash."].map(signed));
}

#[test]
fn what_is_typed_without_an_empty_line_is_the_text() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    // It has no field any more, so it becomes a draft with those that it had.
    let reply = ["case", "reply", "1"];
    let bare = desk.edited("printf 'Hi,\nplease restart it.\nA.\n' >\"$2\"", "", &reply).exits(65);
    assert!(bare.stdout.contains("so they are as they were; what you wrote is draft 2"), "{bare:?}");
    let draft = desk.ana(&["email", "show", "2"]).ok().stdout;
    assert!(draft.contains("Hi,\nplease restart it.\nA."), "{draft}");
}

#[test]
fn the_editor_has_a_private_file_and_loses_nothing() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken").cc("lee@customer.example"));
    let left = || std::fs::read_dir(desk.sandbox.path("home")).unwrap().count();
    let reply = ["case", "reply", "1"];

    let cancelled = desk.edited("cp \"$2\" seen; stat -c %a \"$2\" \"$(dirname \"$2\")\" >modes", "", &reply).exits(1);
    assert!(cancelled.stdout.contains("cancelled"), "{cancelled:?}");
    let seen = std::fs::read_to_string(desk.sandbox.path("seen")).unwrap();
    let to = format!(
        "To: Eva Bérg <{}>\nCc: lee@customer.example\nBcc:\nSubject: Re: Broken\nAttach:\nStatus:\n\n",
        desk.customer().address
    );
    assert!(
        seen.contains(&to)
            && seen.contains("\n-- \nAna Putri\nSupport\n")
            && seen.contains("\n> this is about: Broken\n"),
        "{seen}"
    );
    assert_eq!(std::fs::read_to_string(desk.sandbox.path("modes")).unwrap(), "600\n700\n");
    desk.edited("sed -i '/^$/q' \"$2\"", "", &reply).exits(1);
    assert_eq!((left(), desk.outbox("id").len(), desk.drafts("ana").len()), (0, 0, 0));

    // What is written in the file is sent.
    let write = |to: &str, text: &str| format!("printf 'To: {to}\\nCc:\\nSubject: Fixed\\n\\n{text}\\n' >\"$2\"");
    desk.edited(&write(&desk.customer().address, "All\\n# is well"), "", &reply).ok();
    let mail = desk.sent(1).remove(0);
    assert_eq!((mail["subject"].as_str(), mail["text"].as_str()), (Some("[#1] Fixed"), Some("All\n# is well")));
    assert_eq!(mail["cc"], json!([]));

    // A line that cannot be read, an editor that dies, a customer who writes meanwhile: the text becomes a draft.
    let bad = desk.edited(&write("bad@@x", "My long text"), "", &reply).exits(65);
    assert!(bad.stdout.contains("To: \"bad@@x\" is not an e-mail address; what you wrote is draft 3"), "{bad:?}");
    let draft = desk.ana(&["email", "show", "3"]).ok().stdout;
    assert!(draft.contains("To: bad@@x") && draft.contains("My long text"), "{draft}");
    let died =
        desk.edited(&format!("{}; exit 3", write(&desk.customer().address, "Before it died")), "", &reply).exits(1);
    assert!(died.stdout.contains("what you wrote is draft 4"), "{died:?}");
    desk.sandbox.file("more.eml", &desk.of_customer("Re: [#1] more").bytes());
    let meanwhile = format!(
        "{}; {} {} --config {} ingest --account support <more.eml",
        write(&desk.customer().address, "Too late"),
        program().display(),
        desk.sandbox.place_in_shell(),
        desk.sandbox.path("config.toml").display(),
    );
    let no = desk.edited(&meanwhile, "n", &reply).exits(1);
    assert!(
        no.stdout.contains("since you began this letter, a mail came from") && no.stdout.contains("is draft 6"),
        "{no:?}"
    );
    desk.sandbox.file("more.eml", &desk.of_customer("Re: [#1] even more").bytes());
    desk.edited(&meanwhile, "y", &reply).ok();
    assert_eq!((desk.outbox("id").len(), desk.drafts("ana")), (2, vec![6, 4, 3]));

    // A draft in the editor: unchanged it stays, changed it is kept.
    desk.edited("true", "", &["email", "edit", "4"]).exits(1);
    desk.edited("sed -i 's/Before it died/Alive/' \"$2\"", "", &["email", "edit", "4"]).ok();
    assert!(desk.ana(&["email", "show", "4"]).ok().stdout.contains("Alive"));
    desk.edited(
        &format!("cat \"$2\" >seen; {}", write("x@rejects.example", "With a text")),
        "",
        &["email", "send", "--account", "support", "-m", "given", "-e"],
    )
    .ok();
    assert!(std::fs::read_to_string(desk.sandbox.path("seen")).unwrap().contains("\ngiven\n"));
    assert_eq!(left(), 0, "no file stays");
}

#[test]
fn signals_while_the_editor_is_open_cost_no_text() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    // Ctrl-C goes to both; the terminal that closes, and the machine that is shut down, end the editor, too.
    let program = format!(
        "p=$PPID; [ \"$(readlink /proc/$p/exe)\" = {} ] || p=$(cut -d' ' -f4 /proc/$p/stat)",
        program().display()
    );
    for (signal, draft) in [("INT", 2), ("QUIT", 3), ("HUP", 4), ("TERM", 5)] {
        let editor = format!("echo Precious >>\"$2\"; {program}; kill -{signal} $p; sleep 0.1; kill -{signal} $$");
        let run = desk.edited(&editor, "", &["case", "reply", "1"]).exits(1);
        assert!(run.stdout.contains(&format!("what you wrote is draft {draft}")), "{signal}: {run:?}");
        assert!(desk.ana(&["email", "show", &draft.to_string()]).ok().stdout.contains("Precious"));
    }
    let to = desk.customer().address.clone();
    let editor = format!("{program}; kill -INT $p; printf 'To: {to}\nSubject: x\n\nGoes on\n' >\"$2\"");
    desk.edited(&editor, "", &["case", "reply", "1"]).ok();
    assert_eq!(desk.sent(1)[0]["text"], "Goes on");
    let gone = desk.edited("rm \"$2\"", "", &["case", "reply", "1"]).exits(1);
    assert!(gone.stdout.contains("the editor removed its file") && !gone.stdout.contains("stays"), "{gone:?}");
    assert_eq!(std::fs::read_dir(desk.sandbox.path("home")).unwrap().count(), 0, "no file stays");
}

#[test]
fn what_becomes_of_a_draft_while_it_is_edited_costs_no_text_and_no_second_mail() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    let draft = || {
        let run = desk.ana(&["-q", "case", "reply", "1", "-m", "Before", "--draft"]).ok();
        run.stdout.trim().to_owned()
    };
    // While the editor is open the same user does something else to the draft, in another window.
    let program = format!("{} {}", program().display(), desk.sandbox.place_in_shell());
    let edited = |id: &str, other: &str| {
        let editor = format!(
            "sleep 1; echo Mine >>\"$2\"; date +%s >{stamp}; {program} --as ana --yes email {other} >/dev/null 2>&1 || exit 9",
            stamp = desk.sandbox.path("stamp").display()
        );
        desk.edited(&editor, "", &["email", "edit", id])
    };
    for (other, what) in [("edit ID -m Theirs", "was changed"), ("send ID", "was sent"), ("delete ID", "was deleted")] {
        let (id, outbox) = (draft(), desk.outbox("id").len());
        let run = edited(&id, &other.replace("ID", &id)).exits(65);
        let apart = desk.drafts("ana").into_iter().max().unwrap().to_string();
        let said = format!("draft {id}: {what} meanwhile; what you wrote is draft {apart}");
        assert!(run.stdout.contains(&said) && apart != id, "{run:?}");
        assert!(desk.ana(&["email", "show", &apart]).ok().stdout.contains("Mine"));
        let saved = desk.query(&format!("SELECT CAST(received_at AS TEXT) FROM emails WHERE id = {apart}")).remove(0);
        let written = std::fs::read_to_string(desk.sandbox.path("stamp")).unwrap();
        assert!(*saved >= *written.trim(), "a draft is as old as its text, not as its editor: {saved} {written}");
        let new = desk.outbox("id").len() - outbox;
        assert_eq!(new, usize::from(what == "was sent"));
        if what != "was deleted" {
            assert!(!desk.ana(&["email", "show", &id]).ok().stdout.contains("Mine"), "what went out stays as it went");
        }
        desk.ana(&["--yes", "email", "delete", &apart]).ok();
    }
    assert_eq!(desk.sent(1).len(), 1);
}

#[test]
fn mistakes_name_the_field_and_change_nothing() {
    let desk = desk(&[]);
    desk.sandbox.config("attachment_max_size = \"10KiB\"\n");
    desk.put(&desk.of_customer("Broken"));
    desk.sandbox.file("big", &vec![b'x'; 10_241]);
    desk.sandbox.file("half", &vec![b'x'; 6_000]);
    let everything = || desk.query("SELECT (SELECT count(*) FROM emails) || ' ' || (SELECT count(*) FROM outbox)");
    let before = everything();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["case", "reply", "1"], 2, "the text is missing"),
        (&["case", "reply", "1", "-m", " "], 2, "the text is missing"),
        (&["case", "reply", "9", "-m", "x"], 65, "case 9: not found"),
        (&["case", "reply", "1", "-m", "x", "--to", "nobody"], 2, "--to: \"nobody\" is not an e-mail address"),
        (&["case", "reply", "1", "-m", "x", "--cc", "a@b.example, c"], 2, "--cc: \"c\""),
        (&["case", "reply", "1", "-m", "x", "--bcc", "a b"], 2, "--bcc: \"a b\""),
        (
            &["case", "reply", "1", "-m", "x", "--attach", "big"],
            65,
            "--attach: with big it is more than attachment_max_size, 10KiB",
        ),
        (&["case", "reply", "1", "-m", "x", "--attach", "half", "--attach", "half"], 65, "--attach: with half"),
        (&["case", "reply", "1", "-m", "x", "--attach", "nothing"], 65, "--attach: cannot read nothing"),
        (&["case", "reply", "1", "-m", "x", "--from", "user"], 65, "--from user: you have no"),
        (&["case", "reply", "1", "-m", "x", "--from", "nobody"], 2, "--from: \"nobody\""),
        (&["case", "reply", "1", "-m", "x", "--from", "eva@x.example"], 77, "--from: eva@x.example"),
        (&["case", "reply", "1", "-m", "x", "--account", "nobody"], 65, "account list"),
        (&["case", "reply", "1", "--template", "nobody"], 65, "template list"),
        (&["case", "reply", "1", "-m", "x", "--template", "Thanks"], 2, "--template"),
        (&["case", "reply", "1", "-m", "x", "--at", "+1h", "--draft"], 2, "--draft"),
        (&["case", "reply", "1", "-m", "x", "--edit"], 2, "--no-input"),
        (&["case", "reply", "1", "-m", "x", "--quote", "--no-quote"], 2, "--no-quote"),
        (&["email", "reply", "9", "-m", "x"], 65, "email 9: not found"),
        (&["email", "reply", "1"], 2, "the text is missing"),
        (&["email", "forward", "1"], 65, "the letter has no recipient"),
        (&["email", "send", "--account", "support", "-m", "x"], 2, "--to is missing"),
        (&["email", "send", "x"], 2, "\"x\" is not an email id"),
        (&["email", "send", "1"], 65, "email 1 is not a draft"),
        (&["email", "edit", "1", "-m", "x"], 65, "email 1 is not a draft"),
        (&["--yes", "email", "delete", "1"], 77, "only administrators can"),
        (&["outbox", "mark-sent", "9"], 65, "outbox 9: not found"),
        (&["user", "edit", "budi", "--signature", "x"], 77, "only administrators can"),
        (&["user", "edit", "@me", "--signature", "x", "--name", "Boss"], 77, "only administrators can"),
    ];
    let mut faults = Vec::new();
    for (args, code, part) in rows {
        let run = desk.ana(*args);
        if run.code != *code || !run.stderr.contains(part) {
            faults.push(format!("{code} and \"{part}\": {run:?}"));
            continue;
        }
        assert!(run.stderr.lines().filter(|line| line.starts_with("espomail: ")).count() == 1, "{run:?}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for args in [
        &["case", "reply", "1", "-m", "x", "--close"][..],
        &["case", "reply", "1", "-m", "x", "--draft"],
        &["email", "reply", "1", "-m", "x"],
        &["email", "forward", "1", "--to", "a@b.example"],
        &["email", "send", "--account", "support", "--to", "a@b.example", "-m", "x"],
    ] {
        let run = desk.ana(&[&["--dry-run"], args].concat()).ok();
        assert!(run.stderr.contains("dry run, nothing changed; without --dry-run: "), "{run:?}");
    }
    assert_eq!((everything(), desk.first_case().0.as_str()), (before, "New"));
    desk.ana(&["user", "edit", "@me", "--signature", "My own"]).ok();
    assert_eq!(desk.json(&["user", "show", "ana"])["signature"], "My own");
}

#[test]
fn bcc_is_shown_to_its_sender_and_admins_and_reply_to_to_all() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken").reply_to("elsewhere@customer.example"));
    desk.ana(&["case", "reply", "1", "-m", "x", "--bcc", "Boss <Boss@Staff.example>", "--draft"]).ok();
    assert!(desk.ana(&["email", "show", "2"]).ok().stdout.contains("\nBcc         Boss <boss@staff.example>\n"));
    assert!(desk.ana(&["email", "show", "1"]).ok().stdout.contains("\nReply-To    elsewhere@customer.example\n"));

    // So is what another program wrote into the Sent folder.
    let own = Dovecot::shared().mailbox_at("staff.example");
    desk.sandbox.personal_account("ana-mail", "ana", &own, &[]);
    let copy = mail(&own.address, &desk.customer().address, "[#1] from the phone");
    let id = desk.json(&["email", "show", "1"])["message_id"].as_str().unwrap().to_owned();
    own.append("Sent", &copy.in_reply_to(&id).add("Bcc", "boss@staff.example").bytes());
    desk.ok(&["fetch"]);
    let boss = |user: &str, args: &[&str]| {
        let run = desk.ok(&[&["--as", user], args].concat());
        run.stdout.contains("boss@staff.example")
    };
    for args in
        [&["email", "show", "3"][..], &["email", "show", "3", "--raw"], &["export", "email", "3", "--to", "mbox", "-"]]
    {
        assert!(boss("ana", args) && !boss("budi", args), "{args:?}");
        assert!(desk.ok(args).stdout.contains("boss@"), "{args:?}");
    }
}

#[test]
fn a_personal_account_writes_as_its_owner_and_the_customer_answers_the_group() {
    let desk = desk(&["--signature", "The desk"]);
    let own = Dovecot::shared().mailbox_at("staff.example");
    desk.sandbox.group_account("ana-own", &own, &[]);
    let personal = "UPDATE accounts SET kind = 'personal', user_id = (SELECT id FROM users WHERE username = 'ana')
        WHERE name = 'ana-own'";
    desk.sandbox.sql(personal);
    desk.put(&desk.of_customer("Broken"));
    desk.ana(&["case", "reply", "1", "-m", "From me.", "--from", "user"]).ok();
    desk.ana(&["case", "reply", "1", "-m", "From us."]).ok();
    desk.ok(&["--as", "budi", "case", "reply", "1", "-m", "From budi."]);
    desk.run(&["--as", "budi", "case", "reply", "1", "-m", "x", "--from", &own.address]).exits(77);
    let named = |account: &str| {
        let run = desk.run(&["--as", "budi", "case", "reply", "1", "-m", "x", "--account", account]).exits(65);
        run.stderr.replace(account, "NAME")
    };
    assert_eq!(named("ana-own"), named("nobody"), "that of a colleague does not exist");
    let mails = desk.sent(3);
    let by = |text: &str| mails.iter().find(|m| m["text"].as_str().unwrap().starts_with(text)).unwrap();
    for (text, from, signature) in [
        ("From me.", &own.address, "Ana Putri\nSupport"),
        ("From us.", &desk.support().address, "The desk"),
        ("From budi.", &desk.support().address, "The desk"),
    ] {
        assert_eq!(
            (&by(text)["from"], &by(text)["reply_to"]),
            (&json!([from]), &json!([desk.support().address])),
            "{text}"
        );
        assert_eq!(by(text)["text"], format!("{text}\n\n-- \n{signature}"));
    }
}
