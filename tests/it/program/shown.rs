//! What `case show` and `email show` tell in addition to the text of a mail: what is being written, what is not gone, what
//! may have arrived all the same, and what a file is.

use serde_json::json;

use crate::support::{Desk, SUPPORT, from, mail};

const EVA: &str = "Eva <eva@one.example>";

/// A case of Eva's.
fn desk() -> Desk {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&from(EVA, "Pump"));
    desk
}

#[test]
fn a_letter_that_was_cancelled_in_doubt_says_who_may_have_it() {
    for (kind, draft) in [("mail", true), ("auto-reply", false)] {
        let desk = desk();
        desk.ok("--as ana case reply 1 -m Hello");
        let id = desk.query("SELECT email_id || '' FROM outbox").remove(0);
        let said = "eva@one.example may have it";
        let doubt = |desk: &Desk| desk.ok(&["email", "show", &id]).stdout.contains(said);
        desk.sandbox.sql(&format!("UPDATE outbox SET state = 'held', kind = '{kind}', last_error = 'the line broke'"));
        assert!(!doubt(&desk), "{kind}: it is held, not cancelled");
        desk.ok("outbox cancel 1").says("may have reached eva@one.example");
        assert!(doubt(&desk), "{kind}: {:?}", desk.ok(&["email", "show", &id]));
        let flagged = desk.json(&["email", "show", &id])["flagged"].to_string();
        assert!(flagged.contains(said) && draft == (desk.json(&["email", "show", &id])["status"] == "Draft"), "{kind}");
    }
    // Nobody has what was never tried.
    let desk = desk();
    desk.ok("--as ana case reply 1 -m Hello");
    desk.ok("outbox cancel 1");
    assert!(!desk.ok("email show 2").stdout.contains("may have it"));
}

#[test]
fn a_file_that_is_not_a_mail_is_not_a_delivery_report() {
    let desk = Desk::empty();
    let words = "delivery failed permanently: 550 5.1.1 user unknown\n<eva@one.example>: no such user here\n";
    for (name, text, report) in [
        (
            "tool.py",
            format!("#!/usr/bin/env python3\n\"\"\"Reads reports.\"\"\"\n\nWORDS = \"\"\"\n{words}\"\"\"\n"),
            false,
        ),
        ("notes.txt", words.to_owned(), false),
        ("report.eml", format!("Subject: Undelivered Mail Returned to Sender\nReturn-Path: <>\n\n{words}"), true),
    ] {
        let file = desk.sandbox.file(name, text.as_bytes()).display().to_string();
        let shown = desk.json(&["email", "show", &file]);
        assert_eq!((&shown["is_bounce"], shown["kind"].is_null()), (&json!(report), !report), "{name}: {shown}");
    }
}

#[test]
fn a_draft_is_shown_with_its_case_and_to_others_by_its_writer_alone() {
    let desk = desk();
    desk.ok("--as ana case reply 1 -m Secret --draft");
    assert_eq!(desk.items("--as ana email list status:Draft")[0]["case"], 1);
    assert_eq!(desk.json("--as ana email show 2")["case"], 1);
    let own = desk.ok("--as ana case show 1").stdout;
    assert!(own.contains("Drafts") && own.contains("espomail email edit 2, or email send 2"), "{own}");
    let other = desk.ok("--as budi case show 1").stdout;
    assert!(other.contains("by ana, ") && !other.contains("email edit") && !other.contains("Secret"), "{other}");
    let drafts = desk.json("--as budi case show 1")["drafts"].clone();
    assert!(drafts[0]["email"].is_null() && drafts.to_string().contains("ana"), "{drafts}");
    desk.run("--as budi email show 2").exits(65);
    // A case that is moved out of sight takes its number along.
    desk.ok("team add Billing");
    desk.ok("case move 1 --team Billing");
    assert!(desk.items("--as ana email list status:Draft")[0]["case"].is_null());
}

#[test]
fn an_answer_that_is_not_gone_says_why_and_what_helps() {
    let desk = desk();
    desk.ok("--as ana case reply 1 -m Hello");
    let shown = |user: &str| desk.ok(&["--as", user, "case", "show", "1"]).stdout;
    assert!(shown("ana").contains("In the outbox: the next run sends it") && !shown("ana").contains("Unsent"));
    for (state, why, said, commands) in [
        ("waiting", "451 later", "Not sent (451 later)", "espomail outbox list"),
        (
            "held",
            "the line broke",
            "Held: it is unknown whether it arrived (the line broke)",
            "outbox mark-sent 1, or espomail outbox retry 1",
        ),
        ("in doubt", "", "Being sent, or interrupted", "espomail outbox list"),
    ] {
        desk.sandbox.sql(&format!("UPDATE outbox SET state = '{state}', last_error = '{why}'"));
        let own = shown("ana");
        assert!(own.contains("\nUnsent") && own.contains(said) && own.contains(commands), "{state}: {own}");
        let other = shown("budi");
        let hint = "its writer or an administrator can change that";
        assert!(other.contains(said) && other.contains(hint) && !other.contains("espomail outbox"), "{state}: {other}");
        let unsent = desk.json("--as ana case show 1")["unsent"].clone();
        assert_eq!(
            (&unsent[0]["state"], &unsent[0]["outbox"], &unsent[0]["why"]),
            (&json!(state), &json!(1), &json!(why))
        );
        assert!(desk.json("--as budi case show 1")["unsent"][0]["outbox"].is_null(), "{state}");
    }
    desk.sandbox.sql("UPDATE outbox SET state = 'waiting', last_error = ''");
    desk.sandbox.sql("UPDATE accounts SET active = FALSE");
    assert!(shown("ana").contains("(account support is disabled), there is no next try before that is mended"));
    let email = desk.ok("--as ana email show 2").stdout;
    assert!(email.contains("Not sent (account support is disabled)") && email.contains("Written by  ana"), "{email}");
}

#[test]
fn what_programs_attach_is_not_an_attachment_that_is_looked_for() {
    let desk = Desk::new().piped_account("support", &[]);
    let part = |kind: &str, name: &str| {
        let name = if name.is_empty() { String::new() } else { format!("; filename=\"{name}\"") };
        format!("--b\nContent-Type: {kind}\nContent-Disposition: attachment{name}\n\nx\n")
    };
    for (subject, parts) in [
        ("signed", part("application/pgp-signature", "signature.asc")),
        ("invited", "--b\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned()),
        ("a calendar", part("text/calendar", "plan.ics")),
        ("a photo", part("image/png", "photo.png") + &part("application/pgp-signature", "signature.asc")),
    ] {
        let letter =
            mail("kim@customer.example", SUPPORT, subject).header("Content-Type", "multipart/mixed; boundary=b");
        desk.put(&letter.body(&format!("--b\n\nHello\n{parts}--b--\n")));
    }
    let mut found: Vec<_> =
        desk.items("email list has:attachment").iter().map(|email| email["subject"].clone()).collect();
    found.sort_by_key(ToString::to_string);
    assert_eq!(found, ["a calendar", "a photo"]);
    let marked: Vec<_> =
        desk.items("email list").into_iter().filter(|email| !email["marks"].as_array().unwrap().is_empty()).collect();
    assert_eq!(marked.len(), 2, "{marked:?}");
    let shown = desk.ok("email show 1").stdout;
    assert!(shown.contains("Attachment 2: signature.asc (application/pgp-signature, "), "{shown}");
}

#[test]
fn a_mail_without_a_subject_is_shown_as_that() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&from(EVA, "").without("Subject"));
    for line in ["email list", "email show 1", "case list", "case thread 1"] {
        assert!(desk.ok(line).stdout.contains("(no subject)"), "{line}");
    }
    assert_eq!(desk.items("email list")[0]["subject"], "");
}
