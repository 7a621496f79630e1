//! Commands and what servers say to them.

use super::*;

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
fn a_folder_that_the_server_opens_for_reading_only_is_not_changed() {
    let server = opened(vec![
        expect("a3 SELECT \"INBOX\""),
        // Courier says OK to a STORE there, and does nothing.
        send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\na3 OK [READ-ONLY] ok\r\n"),
        expect("a4 SELECT \"INBOX\""),
        send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\na4 OK [READ-WRITE] ok\r\n"),
        expect("a5 UID STORE 1 +FLAGS.SILENT (\\Seen)"),
        send("a5 OK\r\n"),
    ]);
    let mut source = source(&server);
    source.open("INBOX", false).unwrap();
    for refused in [source.mark_seen(&[1]), source.delete(&[1]), source.move_to(&[1], "Done")] {
        let error = refused.unwrap_err();
        assert!(error.kind == NetErrorKind::Refused && error.message.contains("read only"), "{error}");
    }
    source.open("INBOX", false).unwrap();
    source.mark_seen(&[1]).unwrap();
    drop(source);
    server.lines();
}

#[test]
fn folders_are_found_below_the_personal_namespace() {
    let server = opened(vec![
        expect("a3 CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 MOVE NAMESPACE\r\na3 OK\r\n"),
        // Refused without TRYCREATE, as Courier does for a name outside of the namespace.
        expect("a4 UID MOVE 1 \"Done\""),
        send("a4 NO Error in IMAP command\r\n"),
        expect("a5 NAMESPACE"),
        send("* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\na5 OK\r\n"),
        expect("a6 UID MOVE 1 \"INBOX.Done\""),
        send("a6 NO [TRYCREATE] none\r\n"),
        expect("a7 CREATE \"INBOX.Done\""),
        send("a7 OK\r\n"),
        expect("a8 UID MOVE 1 \"INBOX.Done\""),
        send("a8 OK\r\n"),
        // The name is known now, so is the prefix.
        expect("a9 UID MOVE 2 \"INBOX.Done\""),
        send("a9 NO [OVERQUOTA] full\r\n"),
        expect("a10 CREATE \"Sent\""),
        send("a10 NO Invalid mailbox name\r\n"),
        expect("a11 CREATE \"INBOX.Sent\""),
        send("a11 OK\r\n"),
        expect("a12 APPEND \"INBOX.Sent\""),
        send("+ go\r\n"),
        Step::Take(3),
        send("a12 OK\r\n"),
        expect("a13 EXAMINE \"INBOX.Nope\""),
        send("a13 NO none\r\n"),
    ]);
    let mut source = source(&server);
    source.guard.lock().forget_capabilities();
    source.move_to(&[1], "Done").unwrap();
    assert!(source.move_to(&[2], "Done").unwrap_err().message.contains("[OVERQUOTA] full"));
    source.create("Sent").unwrap();
    source.append("Sent", b"x", "2024-02-03T01:02:03Z".parse().unwrap()).unwrap();
    let error = source.open("INBOX.Nope", true).unwrap_err();
    assert_eq!(error.kind, NetErrorKind::Folder, "{error}");
    drop(source);
    server.lines();
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
fn an_impossible_exists_is_ignored_and_the_messages_are_counted() {
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
fn an_empty_answer_of_a_folder_with_mail_does_not_mean_that_nothing_is_new() {
    let server = opened(vec![expect("a3 UID FETCH 14:* (UID FLAGS"), send("a3 OK done\r\n")]);
    assert_eq!(source(&server).list(14), Ok(Listing::default()));
    let server = opened(vec![expect("a3 UID SEARCH SINCE 3-Feb-2024"), send("a3 OK done\r\n")]);
    assert_eq!(source(&server).search_since("2024-02-03".parse().unwrap()), Ok(None));
    let server = opened(vec![expect("a3 UID SEARCH SINCE 3-Feb-2024"), send("* SEARCH\r\na3 OK done\r\n")]);
    assert_eq!(source(&server).search_since("2024-02-03".parse().unwrap()), Ok(Some(vec![])));
}

#[test]
fn the_quota_is_asked_for_where_the_server_has_one() {
    let asked = |offers: &str, steps: Vec<Step>| {
        let mut script = vec![
            send(format!("* OK [CAPABILITY IMAP4rev1 {offers}] hi\r\n")),
            expect("a1 LOGIN"),
            send(format!("a1 OK [CAPABILITY IMAP4rev1 {offers}] in\r\n")),
        ];
        script.extend(steps);
        let server = Server::play(script);
        connect(&server.endpoint(), &credentials(), LIMITS).unwrap().quota().map_err(|error| error.kind)
    };
    let root = || expect("a2 GETQUOTAROOT INBOX");
    let line = "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\na2 OK\r\n";
    let known = Quota { bytes: Some((10_240, 524_288)), messages: None };
    assert_eq!(asked("QUOTA", vec![root(), send(line)]), Ok(Some(known)));
    assert_eq!(asked("QUOTA", vec![root(), send("* QUOTAROOT INBOX\r\na2 OK\r\n")]), Ok(None));
    assert_eq!(asked("QUOTA", vec![root(), send("a2 NO no\r\n")]), Err(NetErrorKind::Refused));
    assert_eq!(asked("IDLE", vec![]), Ok(None));
}
