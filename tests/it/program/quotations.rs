//! What `case show` makes of tables, lists and quotations (B7.5, B12.1), through the program.

use crate::support::{Desk, Letter, from};

const EVA: &str = "eva@one.example";
const FIRST: &str = "Hello,\n\nthe pump in hall 3 is broken.\nWhen will you come to look at it, and who pays?\n\nEva";
const FOLDED: &str = "quoted lines hidden; --full shows them]";

/// A case of Eva's, who asked [`FIRST`].
fn desk() -> Desk {
    let desk = Desk::empty().team("Support").piped_account("support", &[]);
    desk.put(&first().body(FIRST));
    desk
}

/// Written before the answers, which may have been made up first.
fn first() -> Letter {
    let an_hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    from(EVA, "Pump").header("Message-ID", "<first@one.example>").date(an_hour_ago)
}

fn answer() -> Letter {
    from(EVA, "Re: Pump").in_reply_to("<first@one.example>")
}

fn html(letter: Letter, body: &str) -> Letter {
    letter.header("Content-Type", "text/html; charset=utf-8").body(body)
}

fn shown(desk: &Desk, full: &[&str]) -> String {
    desk.ok(&[&["case", "show", "1"], full].concat()).stdout
}

/// Quotations of Eva's question, as mail programs write them, below `It is urgent.`.
fn quotations() -> Vec<(&'static str, Letter)> {
    let marked = FIRST.lines().map(|line| format!("> {line}\n")).collect::<String>();
    let twice = FIRST.lines().map(|line| format!("> > {line}\n")).collect::<String>();
    let paragraphs =
        FIRST.split("\n\n").map(|text| format!("<p>{}</p>", text.replace('\n', "<br>"))).collect::<String>();
    let text = |above: &str, quoted: &str| answer().body(&format!("It is urgent.\n\n{above}{quoted}"));
    let outlook = "<div style=\"border:none;border-top:solid #E1E1E1 1.0pt\"><p><b>From:</b> Eva &lt;eva@one.example&gt;<br>\
        <b>Sent:</b> Tuesday, March 5, 2024 10:00<br><b>To:</b> Support &lt;support@desk.example&gt;<br>\
        <b>Subject:</b> Pump</p></div>";
    vec![
        ("marks", text("", &marked)),
        ("marks of marks", text("", &twice)),
        ("an attribution", text("On Tue, 5 Mar 2024 at 10:00, Eva <eva@one.example>\nwrote:\n\n", &marked)),
        ("a German attribution", text("Am 05.03.2024 um 10:00 schrieb Eva:\n", &marked)),
        (
            "a header",
            text(
                "From: Eva <eva@one.example>\nSent: Tuesday, March 5, 2024 10:00\nTo: Support\nSubject: Pump\n\n",
                FIRST,
            ),
        ),
        (
            "a German header",
            text(
                "Von: Eva <eva@one.example>\nGesendet: Dienstag, 5. Mai 2024 10:00\nAn: Support\nBetreff: Pump\n\n",
                FIRST,
            ),
        ),
        (
            "a ruled header",
            text("-----Original Message-----\nFrom: Eva\nSent: Tuesday\nTo: Support\nSubject: Pump\n\n", FIRST),
        ),
        ("a header in HTML", html(answer(), &format!("<p>It is urgent.</p>{outlook}{paragraphs}"))),
        ("a quotation in HTML", html(answer(), &format!("<p>It is urgent.</p><blockquote>{paragraphs}</blockquote>"))),
        (
            "other line ends",
            text(
                "",
                "> Hello, the pump in hall 3 is\n> broken. When will you come to look at\n> it, and who pays? Eva\n",
            ),
        ),
    ]
}

#[test]
fn what_the_case_has_already_is_folded_and_never_cut() {
    for (name, letter) in quotations() {
        let desk = desk();
        desk.put(&letter);
        let text = shown(&desk, &[]);
        assert!(text.contains("It is urgent.") && text.contains(FOLDED), "{name}: {text}");
        assert_eq!(text.matches("hall 3").count(), 1, "{name}: {text}");
        let full = shown(&desk, &["--full"]);
        assert!(full.matches("hall 3").count() == 2 && !full.contains(FOLDED), "{name}: {full}");
    }
}

#[test]
fn what_nobody_has_sent_before_is_shown_in_a_quotation() {
    let desk = desk();
    let lines = |count: usize| (0..count).map(|n| format!("> unknown line {n}\n")).collect::<String>();
    desk.put(&answer().body(&format!("See below.\n\n{}", lines(20))));
    assert_eq!(shown(&desk, &[]).matches("unknown line").count(), 20);
    desk.put(&answer().body(&format!("And these.\n\n{}", lines(60).replace("unknown", "other"))));
    let text = shown(&desk, &[]);
    assert_eq!(text.matches("other line").count(), 3, "{text}");
    assert!(text.contains("[57 quoted lines hidden"), "{text}");
    // A short quotation with an answer after it stays.
    desk.put(&answer().body("> When will you come to look at it, and who pays?\nOn Monday.\n"));
    assert!(shown(&desk, &[]).contains("> When will you come to look at it, and who pays?\n    On Monday."));
}

#[test]
fn rows_are_lines_and_nesting_is_seen() {
    let desk = desk();
    let table = "<table><tr><td><p>Device</p></td><td><p>Serial</p></td></tr><tr><td><p>Pump</p></td><td><p>77-1</p></td></tr></table>";
    let list = "<ol><li>dig<ul><li>deep</li><li>wide</li></ul></li><li>plant</li></ol>";
    desk.put(&html(answer(), &format!("{table}{list}<p>Thanks</p>")));
    let text = shown(&desk, &[]);
    for line in ["Device | Serial", "Pump | 77-1", "1. dig", "  - deep", "  - wide", "2. plant", "Thanks"] {
        assert!(text.lines().any(|shown| shown == format!("    {line}")), "{line}: {text}");
    }
}
