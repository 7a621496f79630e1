//! Servers that break the protocol (promise R4): for every misbehaviour, the run ends in time and within its memory, the
//! other account is fetched, and when the server has come to its senses every mail is there once.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

use crate::support::At::{Body, Greeting, Id, List, Login, Search, Select, Store};
use crate::support::Quirk::{Cut, Drip, First, Flood, Say, Silence, Swap};
use crate::support::{At, Child, Dovecot, Quirk, RogueImap, Sandbox, mail, program, promise};

/// Kilobytes of address space, threads and libraries included.
const MEMORY: &str = "900000";

#[rustfmt::skip]
const ROWS: &[(At, Quirk)] = &[
    (Greeting, Say("")), (Greeting, Silence), (Greeting, Cut(0)), (Greeting, Cut(9)),
    (Greeting, Say("* BYE too many connections\r\n")), (Greeting, Say("* PREAUTH come in\r\n")),
    (Greeting, Say("220 mail.example ESMTP\r\n")), (Greeting, Say("HTTP/1.1 400 Bad Request\r\n\r\n")),
    (Greeting, Say("* NO\r\n")), (Greeting, Say("\r\n")), (Greeting, Flood("x")), (Greeting, Drip("* OK hello ")),
    (Login, Say("{tag} NO [UNAVAILABLE] later\r\n")), (Login, Say("{tag} NO [AUTHENTICATIONFAILED] no\r\n")),
    (Login, Say("{tag} BAD what\r\n")), (Login, Say("* BYE go away\r\n")), (Login, Silence), (Login, Cut(0)),
    (Login, Say("zz9 OK wrong tag\r\n")), (Login, Say("OK no tag\r\n")), (Login, Say("+ more\r\n")),
    (Login, First("* OK \u{fc}ml\u{e4}ut in a text\r\n")), (Login, Flood("+ again\r\n")), (Login, Drip("* OK wait ")),
    (Select, Say("{tag} NO [NONEXISTENT] no such folder\r\n")), (Select, Say("{tag} NO [INUSE] later\r\n")),
    (Select, Say("{tag} BAD what\r\n")), (Select, Say("* BYE\r\n")), (Select, Cut(25)), (Select, Silence),
    (Select, Swap("* OK [UIDVALIDITY 7] x\r\n", "")), (Select, Swap("UIDVALIDITY 7", "UIDVALIDITY 0")),
    (Select, Swap("UIDVALIDITY 7", "UIDVALIDITY 99999999999")), (Select, Swap("UIDVALIDITY 7", "UIDVALIDITY x")),
    (Select, Swap("* OK [UIDNEXT 6] x\r\n", "")), (Select, Swap("UIDNEXT 6", "UIDNEXT 3")),
    (Select, Swap("UIDNEXT 6", "UIDNEXT 4294967295")), (Select, Swap("* 5 EXISTS", "* 4294967295 EXISTS")),
    (Select, Swap("UIDNEXT 6", "UIDNEXT 99999999999999999999")), (Select, Swap("UIDNEXT 6", "UIDNEXT -1")),
    (Select, Swap("* 5 EXISTS", "* 99999999999999999999 EXISTS")), (Select, Swap("* 5 EXISTS\r\n", "")),
    (Select, First("* OK [HIGHESTMODSEQ 99999999999999999999999] x\r\n* OK [UNSEEN x] y\r\n")),
    (Select, Swap("* 5 EXISTS", "* 1 EXISTS")), (Select, First("* NO not quite\r\n* BAD nor this\r\n")),
    (Select, First("* 3 FETCH (FLAGS (\\Seen))\r\n* 2 EXPUNGE\r\n")), (Select, Flood("* OK still here\r\n")),
    (Search, Say("{tag} OK nothing said\r\n")), (Search, Swap("1 2 3 4 5", "5 5 1 4 2 3 1")),
    (Search, Swap("1 2 3 4 5", "1 2 3 4 5 4294967295 0")), (Search, Flood("* SEARCH 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\r\n")), (Search, Swap("1 2 3 4 5", "1 2 x 4")),
    (Search, Say("{tag} NO cannot search\r\n")), (Search, Flood("* SEARCH 1 2 3 4 5 ")), (Search, Cut(12)),
    (List, Say("{tag} OK nothing said\r\n")), (List, Say("{tag} NO no\r\n")), (List, Cut(90)), (List, Silence),
    (List, Swap("UID 3", "UID 0")), (List, Swap("UID 3", "UID 4294967296")), (List, Swap("UID 3 ", "")),
    (List, Swap("FLAGS ()", "FLAGS (((((((")), (List, Swap("FLAGS ()", "FLAGS (\\Seen \\\"x \u{fc})")),
    (List, Swap("RFC822.SIZE ", "RFC822.SIZE 9999999999999999")), (List, Swap("RFC822.SIZE ", "RFC822.SIZE 18446744073709551")),
    (List, Swap("01-Nov-2026", "01-Jan-0001")), (List, Swap("01-Nov-2026", "31-Dec-9999")),
    (List, Swap("UID 3", "UID 4294967295")), (List, Swap("UID 3", "UID 99999999999999999999")),
    (List, Flood("\r\n")), (List, Flood("* x\r\n")),
    (List, Swap("RFC822.SIZE", "RFC822.SIZE -1 X")), (List, Swap("INTERNALDATE \"01-Nov", "INTERNALDATE \"99-Xyz")),
    (List, First("* 9 FETCH (UID 77 FLAGS () RFC822.SIZE 10)\r\n")), (List, Flood("* 1 FETCH (FLAGS ())\r\n")),
    (Body, Say("{tag} OK nothing said\r\n")), (Body, Say("{tag} NO no\r\n")), (Body, Say("* BYE\r\n")),
    (Body, Cut(20)), (Body, Cut(60)), (Body, Cut(300)), (Body, Silence), (Body, Say("garbage\r\n")),
    (Body, Swap("BODY[] {", "BODY[] {9")), (Body, Swap("BODY[] {", "BODY[] {4294967295}\r\n{")),
    (Body, Swap("BODY[] {", "BODY[] {-")), (Body, Swap("BODY[] {", "BODY[] {x")), (Body, Swap("BODY[] {", "BODY[] ~{")),
    (Body, Swap("UID 3", "UID 99")), (Body, Swap("UID 3 ", "")), (Body, Swap("* 2 FETCH", "* 2 FETCHED")),
    (Body, First("* 1 FETCH (UID 1 BODY[] NIL)\r\n")), (Body, First("* 3 EXPUNGE\r\n* 4 EXISTS\r\n")),
    (Body, First("* 1 FETCH (UID 1 BODY[] \"quoted \\\"text\")\r\n")), (Body, First("* BAD internal error\r\n")),
    (Body, Flood("* OK patience\r\n")), (Body, Flood("x")), (Body, Flood("* 1 FETCH (UID 1 X \"")),
    (Body, Drip("* 1 FETCH (UID 1 BODY[] {99999}\r\nx")), (Body, First("{tag} OK early\r\n")),
    (Id, Say("{tag} NO no\r\n")), (Id, Say("{tag} BAD what\r\n")), (Id, Say("{tag} OK\r\n{tag} OK\r\n")), (Id, Cut(0)),
    (Id, Cut(6)), (Id, Silence), (Id, Flood("* ID NIL\r\n")), (Id, Say("* ID (\"name\" {99999999}\r\n")), (Id, Say("garbage\r\n")),
    (Greeting, Say("* BYE [UNAVAILABLE] try again in 5 minutes\r\n")), (Greeting, Say("* NO Server is busy\r\n")),
    (Login, Say("{tag} NO [THROTTLED] slow down\r\n")), (Login, Say("{tag} BAD Request is throttled\r\n")),
    (Id, Say("{tag} NO [LIMIT] later\r\n")), (Id, Say("* BYE too many connections\r\n")),
    (Select, Say("{tag} NO [OVERQUOTA] bandwidth\r\n")), (Select, Say("* BYE Suggested Backoff Time: 300000 Milliseconds\r\n")),
    (Search, Say("{tag} NO [UNAVAILABLE] wait\r\n")), (Search, Say("* BYE try again in an hour\r\n")),
    (List, Say("{tag} NO [LIMIT] UID FETCH Rate limit hit.\r\n")), (List, Say("* BYE throttled\r\n")),
    (Body, Say("{tag} NO Request is throttled. Suggested Backoff Time: 9999999999999999999999 Milliseconds\r\n")),
    (Body, Say("* BYE Account exceeded command or bandwidth limits\r\n")), (Body, First("* NO [INUSE] not now\r\n")),
    (Body, Swap("UID 3", "UID 0")), (Body, Swap("BODY[] {", "BODY[] {18446744073709551616")),
    (Store, Say("{tag} NO [UNAVAILABLE] later\r\n")), (Store, Say("* BYE too many requests, wait 90s\r\n")),
    (Store, Say("{tag} NO read-only\r\n")), (Store, Say("{tag} BAD what\r\n")), (Store, Cut(0)), (Store, Silence),
    (Store, Say("* BYE\r\n")), (Store, First("* 1 FETCH (FLAGS (\\Seen))\r\n")),
];

/// Rows in which the server itself says that a mail is another one than it is, or has none of it.
fn claims_otherwise(quirk: &Quirk) -> bool {
    matches!(quirk, First(text) if text.contains("quoted"))
}

#[test]
fn no_misbehaviour_loses_or_doubles_mail_or_holds_the_run() {
    assert!(ROWS.len() >= 60);
    let (next, faults) = (Mutex::new(ROWS.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((at, quirk)) = { next.lock().unwrap().next() } {
                    if let Err(fault) = std::panic::catch_unwind(|| endure(*at, *quirk)) {
                        let words = fault.downcast_ref::<String>().cloned().unwrap_or_default();
                        faults.lock().unwrap().push(format!("{at:?} {quirk:?}: {words}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), ROWS.len(), faults.join("\n\n"));
    promise(
        "R4",
        &format!("{} misbehaviours of a server: unbounded, lost, other accounts not fetched", ROWS.len()),
        "0",
    );
}

fn endure(at: At, quirk: Quirk) {
    let (sandbox, healthy) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.config("connect_timeout = \"1s\"\nreply_timeout = \"1s\"\nmessage_max_size = \"1MiB\"\n");
    let rogue = RogueImap::new(at, quirk);
    rogue.account(&sandbox);
    sandbox.group_account("healthy", &healthy, &[]);
    healthy.append("INBOX", &mail("c@customer.example", &healthy.address, "Healthy").bytes());

    let run = limited(&sandbox);
    assert!([0, 1, 69, 75, 77].contains(&run.code), "{run:#?}");
    assert_eq!(archived(&sandbox, "healthy"), ["Healthy"], "{run:#?}");
    let so_far = archived(&sandbox, "rogue");
    assert_eq!(so_far.iter().collect::<BTreeSet<_>>().len(), so_far.len(), "doubled: {so_far:?}");

    rogue.behave();
    let run = sandbox.run(&["fetch", "rogue"]);
    let subjects = archived(&sandbox, "rogue");
    let all = ["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5"];
    if !claims_otherwise(&quirk) {
        assert_eq!(subjects, all, "{run:#?}");
        assert_eq!(run.code, 0, "{run:#?}");
    }
}

/// `fetch` with little memory.
fn limited(sandbox: &Sandbox) -> crate::support::Run {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v $0; exec \"$@\"", MEMORY]).arg(program());
    shell.args(sandbox.place()).arg("--config").arg(sandbox.path("config.toml")).arg("fetch");
    Child::default().spawn(shell, None, "fetch".into()).wait()
}

/// Subjects of what an account brought, sorted.
fn archived(sandbox: &Sandbox, account: &str) -> Vec<String> {
    let mails = sandbox.items(&["email", "list", "--account", account]);
    let mut subjects: Vec<String> = mails.iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    subjects
}
