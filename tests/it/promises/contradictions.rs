//! Servers that contradict themselves (promise R13): nothing is missed, or the account is failing; never silence.

use crate::support::Lie::{Descending, Lacks, Nameless, Nothing, Refuses, StrictStar, Twice};
use crate::support::{Folder, Sandbox, Scripted, ledger, promise, rogue_letter};

/// What a server says while mail comes, UIDs 6 and 7 after 1 to 5.
type Row = (&'static str, fn(&mut Folder));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("the truth", |_| {}),
    ("UIDNEXT 0", |f| f.uidnext = Some("0")),
    ("no UIDNEXT", |f| f.uidnext = Some("")),
    ("UIDNEXT rewound", |f| f.uidnext = Some("3")),
    ("UIDNEXT of before", |f| f.uidnext = Some("6")),
    ("UIDNEXT one too low", |f| f.uidnext = Some("7")),
    ("UIDNEXT huge", |f| f.uidnext = Some("4294967295")),
    ("UIDNEXT large", |f| f.uidnext = Some("900000")),
    ("UIDNEXT no number", |f| f.uidnext = Some("many")),
    ("UIDNEXT larger than any", |f| f.uidnext = Some("99999999999999999999")),
    ("EXISTS 0", |f| f.exists = Some(0)),
    ("EXISTS too low", |f| f.exists = Some(2)),
    ("EXISTS of before", |f| f.exists = Some(5)),
    ("EXISTS too high", |f| f.exists = Some(9)),
    ("EXISTS larger than any folder", |f| f.exists = Some(4_294_967_295)),
    ("EXISTS larger than any number", |f| f.exists = Some(99_999_999_999_999)),
    ("EXISTS larger than any, no UIDNEXT", |f| (f.exists, f.uidnext) = (Some(4_294_967_295), Some(""))),
    ("EXISTS and no UIDNEXT, both of before", |f| (f.exists, f.uidnext) = (Some(5), Some(""))),
    ("FETCH lists nothing", |f| f.list = Nothing),
    ("FETCH lists nothing, no UIDNEXT", |f| (f.list, f.uidnext) = (Nothing, Some(""))),
    ("FETCH lacks a message", |f| f.list = Lacks(6)),
    ("FETCH lacks the last message", |f| f.list = Lacks(7)),
    ("FETCH lacks the last message, UIDNEXT of before", |f| (f.list, f.uidnext) = (Lacks(7), Some("6"))),
    ("FETCH refuses", |f| f.list = Refuses),
    ("n:* is taken literally", |f| f.list = StrictStar),
    ("n:* is taken literally, no UIDNEXT", |f| (f.list, f.uidnext) = (StrictStar, Some(""))),
    ("SEARCH finds nothing", |f| f.search = Nothing),
    ("SEARCH lacks a message", |f| f.search = Lacks(6)),
    ("SEARCH refuses", |f| f.search = Refuses),
    ("neither lists anything", |f| (f.list, f.search) = (Nothing, Nothing)),
    ("neither lists anything, no UIDNEXT", |f| (f.list, f.search, f.uidnext) = (Nothing, Nothing, Some(""))),
    ("neither lists a message", |f| (f.list, f.search) = (Lacks(7), Lacks(7))),
    ("all twice", |f| (f.list, f.search) = (Twice, Twice)),
    ("descending", |f| (f.list, f.search) = (Descending, Descending)),
    ("a message without UID", |f| f.list = Nameless(6)),
    ("a message without UID, which SEARCH lacks", |f| (f.list, f.search) = (Nameless(6), Lacks(6))),
];

/// Rows in which no way of asking shows everything: the account fails. In all others the mail comes.
#[rustfmt::skip]
const HIDDEN: &[&str] = &[
    "FETCH refuses", "neither lists anything", "neither lists anything, no UIDNEXT", "neither lists a message",
    "a message without UID, which SEARCH lacks",
];

/// All accounts with a row of [`ROWS`] each are fetched at once.
fn desk(uids: std::ops::RangeInclusive<usize>) -> (Sandbox, Vec<(String, Scripted)>) {
    let sandbox = Sandbox::new();
    sandbox.config("connect_timeout = \"2s\"\nreply_timeout = \"2s\"\njobs = 16\njobs_per_host = 16\n");
    sandbox.init();
    let servers: Vec<(String, Scripted)> =
        (0..ROWS.len()).map(|at| (format!("odd{at}"), Scripted::new(uids.clone()))).collect();
    servers.iter().for_each(|(name, server)| server.account(&sandbox, name));
    (sandbox, servers)
}

/// The accounts of which something is said: that they fail, or that mail is missing.
fn failing(sandbox: &Sandbox) -> Vec<String> {
    let rows = sandbox.items(&["status"]);
    let bad =
        rows.iter().filter(|row| row["state"] != "ok").map(|row| row["account"]["name"].as_str().unwrap().to_owned());
    bad.collect()
}

/// Where mail is missing that could have come, or nothing is said of it.
fn missed(sandbox: &Sandbox, servers: &[(String, Scripted)], hidden: &[&str]) -> Vec<String> {
    let loud = failing(sandbox);
    let mut missed = Vec::new();
    for ((name, _), (what, _)) in servers.iter().zip(ROWS) {
        let came = ledger(sandbox, name, "'imported', 'duplicate'");
        if came != [1, 2, 3, 4, 5, 6, 7] && !(hidden.contains(what) && loud.contains(name)) {
            missed.push(format!("{what}: {came:?}"));
        }
    }
    missed
}

fn tell_the_truth(servers: &[(String, Scripted)]) {
    for (_, server) in servers {
        let mut folder = server.folder();
        *folder = Folder { mails: folder.mails.clone(), ..Folder::default() };
    }
}

#[test]
fn nothing_is_missed_in_silence() {
    // As new mail comes, and from the first poll on.
    for later in [true, false] {
        let (sandbox, servers) = desk(if later { 1..=5 } else { 1..=7 });
        if later {
            sandbox.run(&["fetch"]).ok();
        }
        for ((_, server), (_, lie)) in servers.iter().zip(ROWS) {
            if later {
                server.add(6..=7);
            }
            lie(&mut server.folder());
        }
        for _ in 0..2 {
            let run = sandbox.run(&["fetch"]);
            assert!([0, 69].contains(&run.code), "{run:#?}");
            assert_eq!(missed(&sandbox, &servers, HIDDEN), [""; 0], "later: {later}");
        }
        tell_the_truth(&servers);
        sandbox.run(&["fetch"]);
        let missed = missed(&sandbox, &servers, &[]);
        assert_eq!(missed, [""; 0], "later: {later}, when the truth is told again");
        let doubled = sandbox.query("SELECT message_id FROM emails GROUP BY message_id HAVING count(*) > 1");
        assert_eq!(doubled, [""; 0]);
    }
    promise("R13", &format!("{} contradictions of a server, twice: mail missed in silence", ROWS.len()), "0");
}

/// The folder gets other messages under UIDs of their own, and the server says the same UIDVALIDITY.
#[test]
fn new_messages_are_fetched_when_a_folder_is_renumbered() {
    #[rustfmt::skip]
    let rows: &[(&str, &[usize], Option<&'static str>)] = &[
        ("UIDNEXT tells", &[4, 5, 6, 7], None),
        ("no UIDNEXT", &[4, 5, 6, 7], Some("")),
        ("UIDNEXT 0", &[4, 5, 6, 7], Some("0")),
        ("as many as before, and more", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], None),
        ("as many as before, and more, no UIDNEXT", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], Some("")),
    ];
    let sandbox = Sandbox::new();
    sandbox.init();
    let servers: Vec<(String, Scripted)> =
        (0..rows.len()).map(|at| (format!("odd{at}"), Scripted::new([8, 9, 10]))).collect();
    servers.iter().for_each(|(name, server)| server.account(&sandbox, name));
    sandbox.run(&["fetch"]).ok();
    for ((_, server), (_, uids, uidnext)) in servers.iter().zip(rows) {
        let mut folder = server.folder();
        folder.mails = uids.iter().map(|uid| (*uid, (rogue_letter(uid * 1000), 20))).collect();
        folder.uidnext = *uidnext;
    }
    sandbox.run(&["fetch"]).ok();
    for ((name, _), (what, uids, _)) in servers.iter().zip(rows) {
        assert_eq!(ledger(&sandbox, name, "'imported', 'duplicate'"), *uids, "{what}");
    }
    let emails = sandbox.query("SELECT CAST(count(*) AS TEXT) FROM emails");
    assert_eq!(emails, ["15"], "3 of before, 12 of now");
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.query("SELECT CAST(count(*) AS TEXT) FROM emails"), ["15"]);
}

/// An account that works and brings nothing is not well (B2.16).
#[test]
fn what_works_and_brings_nothing_is_told() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let server = Scripted::new(1..=3);
    server.account(&sandbox, "odd");
    sandbox.run(&["account", "edit", "odd", "--portion", "2"]).ok();
    sandbox.run(&["fetch"]).ok();
    assert!(sandbox.run(&["check"]).ok().stdout.starts_with("ESPOMAIL OK"), "the rest of a portion is still to come");
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["check"]).ok();
    sandbox.sql("DELETE FROM deliveries WHERE uid = 2");
    let told = "1 message on the server is missing here: folder INBOX";
    for (command, code) in [(&["check"][..], 1), (&["status"], 0), (&["doctor", "--offline"], 0)] {
        let run = sandbox.run(command).exits(code);
        assert!(run.stdout.contains(told), "{run:#?}");
    }
    sandbox.run(&["account", "audit", "odd", "--repair"]).ok();
    sandbox.run(&["check"]).ok();
}

/// The last message is moved away or deleted by somebody else, which is nothing.
#[test]
fn a_message_that_is_gone_does_not_count_as_renumbering() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let servers: Vec<(String, Scripted)> = ["", "0", "9"]
        .iter()
        .map(|next| {
            let server = Scripted::new(1..=8);
            server.folder().uidnext = Some(next);
            (format!("odd{next}"), server)
        })
        .collect();
    servers.iter().for_each(|(name, server)| server.account(&sandbox, name));
    sandbox.run(&["fetch"]).ok();
    servers.iter().for_each(|(_, server)| drop(server.folder().mails.split_off(&6)));
    sandbox.run(&["fetch"]).ok();
    for (name, _) in &servers {
        assert_eq!(ledger(&sandbox, name, "'imported', 'duplicate'"), [1, 2, 3, 4, 5, 6, 7, 8], "{name}");
    }
    let deliveries = sandbox.query("SELECT CAST(count(*) AS TEXT) FROM deliveries");
    assert_eq!(deliveries, ["24"], "nothing came twice");
}
