//! Bodies and lists in every form that a server makes of them.

use super::*;

#[test]
fn bodies_arrive_in_every_form_that_a_server_can_choose() {
    for answer in [
        "* 1 FETCH (UID 11 BODY[] {3}\r\na\nb)\r\n* 2 FETCH (BODY[] {2}\r\nc) UID 12)\r\na3 OK done\r\n",
        "* 1 FETCH (FLAGS (\\Seen) BODY[] \"a\nb\" UID 11)\r\na3 OK done\r\n",
        "* 4 EXISTS\r\n* 1 FETCH (UID 11 MODSEQ (12) X-Y (a (\"b)\" {3}\r\n(((\r\n)) BODY[]<0> {3}\r\na\nb)\r\na3 OK\r\n",
    ]
    .map(|answer| answer.replace("\"a\nb\"", "\"a\\\"b\"").replace("(((\r\n", "((("))
    {
        let (bodies, result) = fetched(answer);
        assert_eq!(result, Ok(()));
        assert_eq!(bodies[0].0, 11);
        assert_eq!(bodies[0].1.len(), 3);
        assert!(bodies.len() == 1 || bodies[1] == body(12, "c)"));
    }
}

#[test]
fn what_was_not_asked_or_not_sent_is_not_delivered() {
    for answer in [
        "* 1 FETCH (UID 11 BODY[] NIL)\r\na3 OK done\r\n",
        "a3 OK done\r\n",
        "* 1 FETCH (UID 99 BODY[] {1}\r\nx)\r\na3 OK done\r\n",
        "* 1 FETCH (BODY[] {1}\r\nx)\r\na3 OK done\r\n",
        "* 1 FETCH (UID 11 BODY[HEADER.FIELDS (DATE)] {1}\r\nx)\r\na3 OK done\r\n",
    ] {
        assert_eq!(fetched(answer), (vec![], Ok(())), "{answer}");
    }
    let twice = "* 1 FETCH (UID 11 BODY[] {1}\r\nx)\r\n".repeat(2) + "a3 OK done\r\n";
    assert_eq!(fetched(twice), (vec![body(11, "x")], Ok(())));
}

#[test]
fn a_complete_body_survives_nonsense_after_it() {
    use NetErrorKind::{Closed, Protocol, Refused, Temporary, Timeout};
    for (rest, kind) in [
        ("* 2 FETCH (UID 12 BODY[] {500}\r\ncut", Closed),
        ("* 2 FETCH (UID 12 BODY[] {2}\r\ntoo long)\r\na3 OK\r\n", Protocol),
        ("* 2 FETCH (UID 12 BODY[] {9}\r\nshort)\r\na3 OK\r\n", Protocol),
        ("* 2 FETCH (UID 12 BODY[] {4294967295}\r\n", Protocol),
        ("* 2 FETCH (UID 12 BODY[] {99999999999999999999}\r\n", Protocol),
        ("* 2 FETCH (UID 12 X {4294967295}\r\n", Protocol),
        ("* 2 FETCH (UID 12 BODY[] \"open)\r\n", Protocol),
        ("* 2 FETCH (UID twelve)\r\n", Protocol),
        ("* 2 FETCH UID 12\r\n", Protocol),
        ("* 2 FETCH (UID 12) more\r\n", Protocol),
        ("* 2 NONSENSE\r\n", Protocol),
        ("what is this\r\n", Protocol),
        ("\r\n", Protocol),
        ("* (\r\n", Protocol),
        ("* PREAUTH x\r\n", Protocol),
        ("+ go on\r\n", Protocol),
        ("a4 OK done\r\n", Protocol),
        ("a3 WHAT\r\n", Protocol),
        ("* BYE shutting down\r\n", Closed),
        ("", Closed),
        ("a3 NO no\r\n", Refused),
        ("a3 BAD bad\r\n", Refused),
        ("a3 NO [inuse] wait\r\n", Temporary),
    ] {
        let answer = format!("* 1 FETCH (UID 11 BODY[] {{5}}\r\nwhole)\r\n{rest}");
        assert_eq!(fetched(&answer), (vec![body(11, "whole")], Err(kind)), "{rest}");
    }
    let server = opened(vec![expect("a3"), send("* 1 FETCH (UID 11 BODY[] {5}\r\nwhole)\r\n"), pause(500)]);
    let mut source = source(&server);
    let mut count = 0;
    assert_eq!(source.fetch(&[11], None, &mut |_| count += 1).unwrap_err().kind, Timeout);
    assert_eq!(count, 1);
}

#[test]
fn after_a_broken_answer_the_session_sends_nothing_more() {
    let server = opened(vec![expect("a3 UID FETCH"), send("garbage\r\n")]);
    let mut source = source(&server);
    let first = source.fetch(&[11], None, &mut |_| {}).unwrap_err();
    assert_eq!(source.mark_seen(&[11]).unwrap_err(), first);
    assert_eq!(source.open("INBOX", true).unwrap_err(), first);
    source.logout();
    drop(source);
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn an_endless_line_ends() {
    let mut answer = b"* 1 FETCH (UID 11 ".to_vec();
    answer.resize(6 * 1024 * 1024, b'x');
    let server = opened(vec![expect("a3"), Step::Send(answer)]);
    let error = source(&server).fetch(&[11], None, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind, NetErrorKind::Protocol);
    assert!(error.message.contains("line"), "{error}");
}

#[test]
fn a_drip_ends() {
    let server = opened(vec![
        expect("a3"),
        Step::Drip(b"* OK still here, still here, still here".to_vec(), Duration::from_millis(100)),
    ]);
    let mut source = source(&server);
    let started = Instant::now();
    assert_eq!(source.fetch(&[11], None, &mut |_| {}).unwrap_err().kind, NetErrorKind::Timeout);
    // Five reply time-outs of 0.3 s, far from the 4 s of the whole drip.
    assert!(started.elapsed() < Duration::from_millis(2500));
}

#[test]
fn only_the_beginning_of_a_large_body() {
    let server = opened(vec![
        expect("a3 UID FETCH 11 (UID BODY.PEEK[]<0.4>)"),
        send("* 1 FETCH (UID 11 BODY[]<0> {6}\r\nabcdef)\r\na3 OK\r\n"),
    ]);
    let mut raw = Vec::new();
    source(&server).fetch(&[11], Some(4), &mut |body| raw = body.raw).unwrap();
    assert_eq!(raw, b"abcd");
}

#[test]
fn a_list_is_sorted_and_free_of_what_was_not_asked() {
    let server = opened(vec![
        expect("a3 UID FETCH 11:* (UID FLAGS INTERNALDATE RFC822.SIZE)"),
        send(
            "* 2 FETCH (UID 13 RFC822.SIZE 5000000000 FLAGS () INTERNALDATE \"bad\")\r\n\
             * 1 FETCH (FLAGS (\\Flagged \\seen) UID 12 INTERNALDATE \" 1-Feb-2024 00:00:30 +0100\" RFC822.SIZE 7)\r\n\
             * 3 FETCH (UID 10 RFC822.SIZE 1 FLAGS ())\r\n* 3 FETCH (UID 11 FLAGS (\\Seen))\r\na3 OK\r\n",
        ),
        expect("a4 UID FETCH 5 "),
        send("a4 OK\r\n"),
    ]);
    let mut source = source(&server);
    let date = Some("2024-01-31T23:00:30Z".parse().unwrap());
    let listed = source.list(11).unwrap().rows;
    assert_eq!(
        listed,
        [
            Listed { uid: 12, size: 7, internal_date: date, seen: true },
            Listed { uid: 13, size: 5_000_000_000, internal_date: None, seen: false },
        ]
    );
    assert_eq!(source.list_uids(&[5]).unwrap(), []);
}

#[test]
fn impossible_numbers_are_clamped_or_left_out() {
    let server = opened(vec![
        expect("a3 UID FETCH 11:* "),
        send(
            "* 1 FETCH (UID 11 RFC822.SIZE 9999999999999999999 INTERNALDATE \"01-Jan-9999 00:00:00 +0000\")\r\n\
             * 2 FETCH (UID 12 RFC822.SIZE 99999999999999999999999 FLAGS ())\r\n* 3 FETCH (UID 4294967295 RFC822.SIZE 1)\r\n\
             * 4 FETCH (UID 99999999999 RFC822.SIZE 1)\r\n* 5 FETCH (UID 0 RFC822.SIZE 1)\r\na3 OK\r\n",
        ),
    ]);
    let listed = source(&server).list(11).unwrap();
    assert_eq!(listed.nameless, 3);
    let listed = listed.rows;
    let row = |uid| Listed { uid, size: 1 << 40, internal_date: None, seen: false };
    assert_eq!(listed, [row(11), row(12)]);
}

#[test]
fn all_commands_of_an_operation_share_one_clock_and_one_budget() {
    // Two commands of 0.9 s each, where one operation has five times 0.3 s.
    let slow = || Step::Drip(b"* OK a.\r\n".to_vec(), Duration::from_millis(100));
    let server = opened(vec![
        expect("a3 UID MOVE"),
        slow(),
        send("a3 NO [TRYCREATE] none\r\n"),
        expect("a4 CREATE"),
        slow(),
        send("a4 OK\r\n"),
    ]);
    assert_eq!(source(&server).move_to(&[1], "A").unwrap_err().kind, NetErrorKind::Timeout);
    let server = opened(vec![expect("a3 UID STORE"), send("* 1 FETCH ()\n".repeat(300_000))]);
    let error = source(&server).mark_seen(&[1]).unwrap_err();
    assert!(error.message.contains("more bytes"), "{error}");
}
