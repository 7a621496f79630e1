//! A little colour that means something, and that is never the only one to say it.

use crate::support::Desk;

/// What is shown in colour, with the codes as `<31>` and their end as `<>`; without its codes it is what is shown plain.
fn shown(desk: &Desk, line: &str) -> String {
    // Both runs show the same ages.
    desk.stop_clock();
    let run = |color: &str| {
        let args: Vec<&str> = [color].into_iter().chain(line.split(' ')).collect();
        desk.sandbox.run(&args).stdout
    };
    let (colored, plain) = (run("--color=always"), run("--color=never"));
    let (mut codes, mut without) = (String::new(), String::new());
    for (at, piece) in colored.split("\u{1b}[").enumerate() {
        let (code, text) = if at == 0 { ("", piece) } else { piece.split_once('m').unwrap() };
        codes.extend([if at == 0 { String::new() } else { format!("<{code}>") }.replace("<0>", "<>").as_str(), text]);
        without.push_str(text);
    }
    // How much of the disk is free changes while the tests run.
    let lasting =
        |text: &str| text.lines().filter(|line| !line.contains(" free, ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lasting(&without), lasting(&plain), "{line}");
    codes
}

#[test]
fn what_means_something_is_coloured() {
    let desk = Desk::shop();
    for (line, coloured) in [
        // Urgent, an answer that did not arrive, 25 hours and 18 hours.
        ("--as ana case list", &["<1>", "<1;31>Urgent<>", "<31>23h undelivered<>", "<31>25h<>", " 18h  "][..]),
        (
            "--as ana case show 3",
            &[
                "<31>the customer, since 2026-03-10 10:00 (23h): our answer did not arrive<>",
                "<31>email 11: not delivered (",
                "<31>    Not delivered (",
                "<31>2026-03-10 10:30  not",
                "<1>2026-03-10 10:30  Ana",
            ],
        ),
        ("--as ana case show 2", &["<35>    Unverified: the sender does not take part", "<1>2026-03-09 11:05  "]),
        ("--as ana case thread 2", &["<36>---- 1 of 6 ---", "<35>Unverified: "]),
        ("--as ana email list", &["<1>N<>", "<1>Re: プリンターが動きません<>", "<31>Failed<>"]),
        ("--as ana notification list", &["<31>failed<>"]),
        ("--as ana outbox list", &["<31>failed<>", "waiting"]),
        ("--as ana", &["<1>Your cases that wait for an answer: 2 (", "<1>Your letters that did not go out: "]),
        ("doctor --offline", &["<35>warn<>", "ok "]),
    ] {
        let shown = shown(&desk, line);
        for part in coloured {
            assert!(shown.contains(part), "{line}: no {part} in {shown}");
        }
    }
    let shown = shown(&desk, "doctor --offline");
    assert!(!shown.contains("<31>ok") && !shown.contains("<35>ok"), "{shown}");
    // Programs get no colour, also where it is asked for.
    for format in ["--json", "--format=plain", "--format=csv"] {
        assert!(!desk.ok(&format!("--color=always {format} case list")).stdout.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn an_account_that_fails_is_coloured() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.sandbox.sql("UPDATE accounts SET send_failing_since = 1, send_failure = 'refused'");
    let shown = shown(&desk, "status");
    assert!(shown.contains("<31>cannot send since "), "{shown}");
}

#[test]
fn a_mail_colours_nothing() {
    let desk = Desk::new().piped_account("support", &[]);
    let marks = "\u{fdd1}red\u{fdef} \u{1b}[31mred\u{1b}[0m";
    desk.put(&desk.letter("kim@customer.example", "Marks").body(marks));
    for line in ["case show 1", "case thread 1", "email show 1", "email list"] {
        let shown = shown(&desk, line);
        assert!(!shown.contains("<1;31>") && !shown.contains("<31>red"), "{line}: {shown}");
    }
}
