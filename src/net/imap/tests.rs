#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]

use std::time::{Duration, Instant};

use super::*;
use crate::net::testing::{Server, Step, certified, credentials, expect, send};
use crate::net::{Credentials, Mechanism, TlsMode};

const LIMITS: Limits = Limits { literal_max: 1000 };

/// A script from the greeting to a folder that is open, then `steps`.
fn opened(steps: Vec<Step>) -> Server {
    let mut script = vec![
        send("* OK [CAPABILITY IMAP4rev1] hi\r\n"),
        expect("a1 LOGIN \"me\" \"pa\\\"ss\""),
        send("a1 OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] in\r\n"),
        expect("a2 SELECT \"INBOX\""),
        send(
            "* FLAGS (\\Seen $x)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 14] x\r\na2 OK [READ-WRITE] ok\r\n",
        ),
    ];
    script.extend(steps);
    Server::play(script)
}

fn source(server: &Server) -> ImapSource {
    let mut source = connect(&server.endpoint(), &credentials(), LIMITS).unwrap();
    let folder = source.open("INBOX", false).unwrap();
    assert_eq!(folder, OpenFolder { uidvalidity: 9, uidnext: Some(14), exists: 3 });
    source
}

/// Fetches UIDs 11 and 12 and gives what was delivered and how it ended.
fn fetched(answer: impl AsRef<[u8]>) -> (Vec<(u32, String)>, Result<(), NetErrorKind>) {
    let server = opened(vec![expect("a3 UID FETCH 11:12 (UID BODY.PEEK[])"), send(answer)]);
    let mut source = source(&server);
    let mut bodies = Vec::new();
    let result = source.fetch(&[12, 11], None, &mut |body| {
        bodies.push((body.uid, String::from_utf8(body.raw).unwrap()));
    });
    drop(source);
    assert_eq!(server.lines().len(), 3);
    (bodies, result.map_err(|error| error.kind))
}

fn body(uid: u32, text: &str) -> (u32, String) {
    (uid, text.to_owned())
}

#[test]
fn bodies_arrive_in_whatever_form_the_server_chooses() {
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
fn a_complete_body_survives_whatever_comes_after_it() {
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

#[test]
fn a_server_that_has_id_gets_it_with_the_first_command() {
    let opens = || send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\na2 OK\r\n");
    let id = || expect("i1 ID (\"name\" \"espomail\" \"version\" \"");
    for script in [
        vec![
            send("* OK [CAPABILITY IMAP4rev1 ID] hi\r\n"),
            expect("a1"),
            send("a1 OK\r\n"),
            id(),
            expect("a2 SELECT"),
            send("* ID NIL\r\ni1 OK\r\n"),
            opens(),
        ],
        vec![
            send("* OK hi\r\n"),
            expect("a1"),
            send("a1 OK [CAPABILITY ID] in\r\n"),
            id(),
            expect("a2 SELECT"),
            send("i1 BAD what\r\n"),
            opens(),
        ],
        vec![
            send("* OK [CAPABILITY IMAP4rev1 ID] hi\r\n"),
            expect("a1"),
            send("a1 OK\r\n"),
            id(),
            expect("a2 SELECT"),
            opens(),
        ],
        vec![send("* OK [CAPABILITY IMAP4rev1] hi\r\n"), expect("a1"), send("a1 OK\r\n"), expect("a2 SELECT"), opens()],
        // Offered only when asked, and wanted.
        vec![
            send("* OK hi\r\n"),
            expect("a1"),
            send("a1 OK\r\n"),
            expect("a2 SELECT"),
            send("a2 NO SELECT Unsafe Login\r\n"),
            expect("a3 CAPABILITY"),
            send("* CAPABILITY IMAP4rev1 ID\r\na3 OK\r\n"),
            expect("a4 ID (\"name\""),
            send("a4 OK\r\n"),
            expect("a5 SELECT"),
            send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\na5 OK\r\n"),
        ],
    ] {
        let server = Server::play(script);
        let mut source = connect(&server.endpoint(), &credentials(), LIMITS).unwrap();
        assert_eq!(source.open("INBOX", false).unwrap().exists, 3);
        drop(source);
        server.lines();
    }
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_heard_at_every_command() {
    type Ask = fn(&mut ImapSource) -> Result<(), NetError>;
    let asks: [Ask; 8] = [
        |source| source.open("INBOX", true).map(drop),
        |source| source.list(1).map(drop),
        |source| source.search_since("2024-02-03".parse().unwrap()).map(drop),
        |source| source.fetch(&[11], None, &mut |_| {}),
        |source| source.mark_seen(&[11]),
        |source| source.folders().map(drop),
        |source| source.append("Sent", b"x", Timestamp::UNIX_EPOCH),
        |source| source.contains("x@y").map(drop),
    ];
    for (at, ask) in asks.iter().enumerate() {
        for said in [
            "a3 NO Request is throttled. Suggested Backoff Time: 300000 Milliseconds\r\n",
            "a3 BAD Request is throttled. Suggested Backoff Time: 300000 Milliseconds\r\n",
            "* BYE [THROTTLED] come back in 5 minutes\r\n",
        ] {
            let server = opened(vec![expect("a3"), send(said)]);
            let error = ask(&mut source(&server)).unwrap_err();
            let after = error.later.and_then(|later| later.after);
            assert_eq!((error.kind, after), (NetErrorKind::Temporary, Some(Duration::from_secs(300))), "{at} {said}");
        }
    }
}

#[test]
fn searching_by_day() {
    let server = opened(vec![
        expect("a3 UID SEARCH SINCE 3-Feb-2024"),
        send("* SEARCH 9 4 \r\n* 5 EXISTS\r\n* SEARCH\r\n* SEARCH 7\r\na3 OK\r\n"),
    ]);
    assert_eq!(source(&server).search_since("2024-02-03".parse().unwrap()).unwrap().unwrap(), [4, 7, 9]);
}

#[test]
fn changes_are_made_with_what_the_server_can_do() {
    let server = opened(vec![
        expect("a3 UID STORE 1:2 +FLAGS.SILENT (\\Seen)"),
        send("* 1 FETCH (FLAGS (\\Seen) UID 1)\r\na3 OK\r\n"),
        expect("a4 UID MOVE 1:2 \"K&APY-ln\""),
        send("a4 NO [TRYCREATE] none\r\n"),
        expect("a5 CREATE \"K&APY-ln\""),
        send("a5 OK\r\n"),
        expect("a6 UID MOVE 1:2 \"K&APY-ln\""),
        send("* OK [COPYUID 1 1:2 5:6] x\r\n* 1 EXPUNGE\r\na6 OK\r\n"),
        expect("a7 UID STORE 3 +FLAGS.SILENT (\\Deleted)"),
        send("a7 OK\r\n"),
        expect("a8 UID EXPUNGE 3"),
        send("a8 OK\r\n"),
    ]);
    let mut source = source(&server);
    source.mark_seen(&[2, 1]).unwrap();
    source.move_to(&[1, 2], "Köln").unwrap();
    source.delete(&[3]).unwrap();
    drop(source);
    server.lines();
}

#[test]
fn a_server_without_move_and_uidplus() {
    let server = opened(vec![
        expect("a3 CAPABILITY"),
        send("* CAPABILITY IMAP4rev1\r\na3 OK\r\n"),
        expect("a4 UID COPY 1 \"A\""),
        send("a4 OK\r\n"),
        expect("a5 UID STORE 1 +FLAGS.SILENT (\\Deleted)"),
        send("a5 OK\r\n"),
        expect("a6 UID COPY 1 \"B\""),
        send("a6 NO over quota\r\n"),
    ]);
    let mut source = source(&server);
    source.guard.lock().forget_capabilities();
    source.move_to(&[1], "A").unwrap();
    assert_eq!(source.move_to(&[1], "B").unwrap_err().kind, NetErrorKind::Refused);
}

#[test]
fn appending_waits_for_the_server_and_quotes_the_folder() {
    let server = opened(vec![
        expect("a3 APPEND \"a\\\"b\" (\\Seen) \"03-Feb-2024 01:02:03 +0000\" {5}"),
        send("+ go\r\n"),
        Step::Take(7),
        send("a3 OK [APPENDUID 1 2] ok\r\n"),
        expect("a4 APPEND"),
        send("a4 NO [TRYCREATE] none\r\n"),
        expect("a5 APPEND"),
        send("a5 OK\r\n"),
    ]);
    let mut source = source(&server);
    let date = "2024-02-03T01:02:03Z".parse().unwrap();
    source.append("a\"b", b"a\r\nb.", date).unwrap();
    assert_eq!(source.append("x", b"y", date).unwrap_err().kind, NetErrorKind::Folder);
    assert_eq!(source.append("x", b"y", date).unwrap_err().kind, NetErrorKind::Protocol);
    assert_eq!(source.append("x\r\na9 DELETE", b"y", date).unwrap_err().kind, NetErrorKind::Folder);
    drop(source);
    assert_eq!(server.lines()[3], "a\r\nb.\r\n");
}

#[test]
fn folders_are_listed_with_their_use() {
    let server = opened(vec![
        expect("a3 LIST \"\" \"*\""),
        send("* LIST (\\Sent) \"/\" \"Gesendet &APw-\"\r\n* LIST () \"/\" {6}\r\na \"b\"\\\r\na3 OK\r\n"),
    ]);
    let folders = source(&server).folders().unwrap();
    let names: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["Gesendet ü", "a \"b\"\\"]);
    assert_eq!(folders[0].special_use.as_deref(), Some("\\Sent"));
}

#[test]
fn untagged_refusals_while_a_folder_opens() {
    let before = "* NO [ALERT] full\r\n* BAD h\u{fc}h\r\n* OK [UIDVALIDITY 7] gr\u{fc}n\r\n* CAPABILITY X\r\n* 1 FETCH (FLAGS ())\r\n";
    for (rest, expected) in [
        ("* 1 EXISTS\r\na2 OK\r\n", Ok(7)),
        ("a2 NO\r\n", Err((NetErrorKind::Folder, "[ALERT] full"))),
        ("a2 NO [NONEXISTENT] no such folder\r\n", Err((NetErrorKind::Folder, "no such folder"))),
        ("a2 NO [UNAVAILABLE] later\r\n", Err((NetErrorKind::Temporary, "later"))),
        ("* BYE gone\r\n", Err((NetErrorKind::Closed, "gone"))),
        ("a3 OK\r\n", Err((NetErrorKind::Protocol, "a3 OK"))),
        ("* OK [UIDVALIDITY 0] zero\r\na2 OK\r\n", Err((NetErrorKind::Protocol, "UIDVALIDITY"))),
        ("* 1 RECENT\r\na2 OK\r\n", Err((NetErrorKind::Protocol, "how many messages"))),
        (
            "* 1 EXISTS\r\n* OK [UIDNEXT 99999999999] x\r\n* OK [HIGHESTMODSEQ 99999999999999999999] y\r\na2 OK [X (\"] z\r\n",
            Ok(7),
        ),
    ] {
        let answer = format!("{before}{rest}");
        let server =
            Server::play(vec![send("* OK hi\r\n"), expect("a1 LOGIN"), send("a1 OK\r\n"), expect("a2"), send(answer)]);
        let mut source = connect(&server.endpoint(), &credentials(), LIMITS).unwrap();
        match (source.open("INBOX", true), expected) {
            (Ok(folder), Ok(validity)) => assert_eq!(folder.uidvalidity, validity),
            (Err(error), Err((kind, said))) => {
                assert_eq!(error.kind, kind, "{rest}");
                assert!(error.message.contains(said), "{error}");
            }
            (result, _) => panic!("{rest}: {result:?}"),
        }
    }
}

#[test]
fn an_impossible_exists_is_no_hint_and_the_messages_are_counted() {
    for said in ["99999999999", "4294967295", "99999999999999999999"] {
        let opens = |answer: &str| {
            let open = send(format!("* {said} EXISTS\r\n* OK [UIDVALIDITY 9] x\r\na2 OK\r\n"));
            let server = Server::play(vec![
                send("* OK hi\r\n"),
                expect("a1 LOGIN"),
                send("a1 OK\r\n"),
                expect("a2"),
                open,
                expect("a3 UID SEARCH ALL"),
                send(answer),
            ]);
            connect(&server.endpoint(), &credentials(), LIMITS).unwrap().open("INBOX", true)
        };
        assert_eq!(opens("* SEARCH 4 7 9\r\na3 OK\r\n").map(|open| open.exists), Ok(3), "{said}");
        assert_eq!(opens("* SEARCH\r\na3 OK\r\n").map(|open| open.exists), Ok(0), "{said}");
        let error = opens("a3 OK\r\n").unwrap_err();
        assert!(error.kind == NetErrorKind::Protocol && error.message.contains("how many messages"), "{error}");
    }
}

#[test]
fn logins_refused() {
    use NetErrorKind::{Closed, LoginRefused, Protocol, Refused, Temporary};
    for (answer, kind, said) in [
        ("a1 NO [AUTHENTICATIONFAILED] wrong\r\n", LoginRefused, "wrong"),
        ("a1 NO [UNAVAILABLE] later\r\n", Temporary, "later"),
        ("a1 NO [INUSE] later\r\n", Temporary, "later"),
        ("a1 NO [LIMIT] many\r\n", Temporary, "many"),
        ("a1 NO Too many simultaneous connections\r\n", Temporary, "simultaneous"),
        ("a1 BAD Request is throttled.\r\n", Temporary, "throttled"),
        ("* NO [ALERT] try again in 15 minutes\r\na1 NO failed\r\n", Temporary, "15 minutes"),
        ("* BYE Account exceeded bandwidth limits\r\n", Temporary, "bandwidth"),
        ("a1 BAD what\r\n", Refused, "what"),
        ("* BYE too many\r\n", Closed, "too many"),
        ("a2 OK in\r\n", Protocol, "a2 OK"),
        ("", Closed, "closed"),
    ] {
        let server = Server::play(vec![send("* OK hi\r\n"), expect("a1 LOGIN"), send(answer)]);
        let Err(error) = connect(&server.endpoint(), &credentials(), LIMITS) else { panic!("{answer}") };
        assert_eq!(error.kind, kind, "{answer}");
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn greetings_refused_before_a_credential_is_sent() {
    for (greeting, kind) in [
        ("* PREAUTH in\r\n", NetErrorKind::Protocol),
        ("* BYE so long\r\n", NetErrorKind::Closed),
        ("* NO\r\n", NetErrorKind::Protocol),
        ("* BYE Too many connections\r\n", NetErrorKind::Temporary),
        ("* NO [UNAVAILABLE] later\r\n", NetErrorKind::Temporary),
        ("* BAD Server is busy\r\n", NetErrorKind::Temporary),
        ("220 smtp.example.org\r\n", NetErrorKind::Protocol),
        ("", NetErrorKind::Timeout),
    ] {
        let server = Server::play(vec![send(greeting), expect("")]);
        let Err(error) = connect(&server.endpoint(), &credentials(), LIMITS) else { panic!("{greeting}") };
        assert_eq!(error.kind, kind, "{greeting}");
        assert_eq!(server.lines(), [""]);
    }
}

#[test]
fn mechanisms() {
    let token = |mechanism| Credentials { login: "me".into(), secret: "tok".to_owned().into(), mechanism };
    let accented = Credentials { secret: "gr\u{fc}n".to_owned().into(), ..credentials() };
    for (greeting, credentials, name, response, later) in [
        ("* OK\r\n", accented, "PLAIN", "AG1lAGdyw7xu", ""),
        ("* OK [CAPABILITY LOGINDISABLED AUTH=PLAIN]\r\n", credentials(), "PLAIN", "AG1lAHBhInNz", ""),
        ("* OK\r\n", token(Mechanism::XOAuth2), "XOAUTH2", "dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", ""),
        ("* OK\r\n", token(Mechanism::OAuthBearer), "OAUTHBEARER", "bixhPW1lLAFhdXRoPUJlYXJlciB0b2sBAQ==", "AQ=="),
    ] {
        let server = Server::play(vec![
            send(greeting),
            expect("a1 AUTHENTICATE"),
            send("+ something that is not base64\r\n"),
            expect(""),
            send("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
            expect(""),
            send("a1 NO bad\r\n"),
        ]);
        let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
        assert_eq!(error.kind, NetErrorKind::LoginRefused);
        assert_eq!(server.lines(), [&format!("a1 AUTHENTICATE {name}"), response, later]);
    }
}

#[test]
fn logins_that_are_not_tried() {
    let broken = Credentials { login: "me\r\na2 DELETE INBOX".into(), ..credentials() };
    for (greeting, credentials) in
        [("* OK\r\n", broken), ("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n", credentials())]
    {
        let server = Server::play(vec![send(greeting), expect("")]);
        let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
        assert_eq!(error.kind, NetErrorKind::LoginRefused);
        assert_eq!(server.lines(), [""]);
    }
}

#[test]
fn an_endless_challenge_ends() {
    let mut script = vec![send("* OK hi\r\n"), expect("a1")];
    for _ in 0..20 {
        script.extend([send("+ \r\n"), expect("")]);
    }
    let server = Server::play(script);
    let credentials = Credentials { mechanism: Mechanism::XOAuth2, ..credentials() };
    let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
    assert_eq!(error.kind, NetErrorKind::Protocol);
}

#[test]
fn starttls_refused_before_a_credential_is_sent() {
    use NetErrorKind::{Closed, Protocol, Tls};
    let ready = || expect("s1 STARTTLS");
    for (script, kind) in [
        (vec![send("* OK [CAPABILITY IMAP4rev1] hi\r\n"), expect("")], Tls),
        (vec![send("* PREAUTH [CAPABILITY STARTTLS] hi\r\n"), expect("")], Protocol),
        (vec![send("* OK hi\r\n"), ready(), send("s1 BAD what\r\n"), expect("")], Tls),
        (vec![send("* OK hi\r\n"), ready(), send("s1 OK go\r\na1 OK injected\r\n"), expect("")], Protocol),
        (vec![send("* OK hi\r\n"), ready(), send("* BYE no\r\n"), expect("")], Closed),
        (vec![send("* OK hi\r\n"), ready(), send("s1 OK go\r\n"), pause(5), send("* OK clear text\r\n")], Tls),
    ] {
        let server = Server::play(script);
        let endpoint = crate::net::Endpoint { tls: TlsMode::StartTls, ..server.endpoint() };
        let Err(error) = connect(&endpoint, &credentials(), LIMITS) else { panic!("{kind:?}") };
        assert_eq!(error.kind, kind, "{error}");
        let lines = server.lines();
        assert!(lines.iter().all(|line| line.is_empty() || line == "s1 STARTTLS"), "{lines:?}");
    }
}

#[test]
fn starttls_forgets_what_was_said_in_clear() {
    let certified = certified("127.0.0.1", -1, 1);
    let server = Server::play(vec![
        send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n"),
        expect("s1 STARTTLS"),
        send("s1 OK go\r\n"),
        Step::Tls(certified.acceptor),
        expect("a1 LOGIN"),
        send("a1 OK in\r\n"),
        expect("a2 CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 idle\r\na2 OK\r\n"),
        expect("a3 LOGOUT"),
    ]);
    let pin = certified.certificate.digest(openssl::hash::MessageDigest::sha256()).unwrap();
    let pin = Some(pin.iter().map(|byte| format!("{byte:02X}:")).collect());
    let endpoint = crate::net::Endpoint { tls: TlsMode::StartTls, pin, ..server.endpoint() };
    let mut source = connect(&endpoint, &credentials(), LIMITS).unwrap();
    assert_eq!(source.capabilities().unwrap(), ["IMAP4REV1", "IDLE"]);
    source.logout();
    drop(source);
    assert_eq!(server.lines().len(), 4);
}

fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}

#[test]
fn an_empty_answer_of_a_folder_with_mail_is_no_news() {
    let server = opened(vec![expect("a3 UID FETCH 14:* (UID FLAGS"), send("a3 OK done\r\n")]);
    assert_eq!(source(&server).list(14), Ok(Listing::default()));
    let server = opened(vec![expect("a3 UID SEARCH SINCE 3-Feb-2024"), send("a3 OK done\r\n")]);
    assert_eq!(source(&server).search_since("2024-02-03".parse().unwrap()), Ok(None));
    let server = opened(vec![expect("a3 UID SEARCH SINCE 3-Feb-2024"), send("* SEARCH\r\na3 OK done\r\n")]);
    assert_eq!(source(&server).search_since("2024-02-03".parse().unwrap()), Ok(Some(vec![])));
}
