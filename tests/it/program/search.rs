//! Queries of lists, through the program.

use crate::support::{Desk, Sandbox, from};

/// A desk of ana (team Support, whose case 1 and mail are) and budi (no team); a case by hand that nobody has.
fn desk() -> Desk {
    let desk = Desk::empty().team("Support").user("ana", &["Support"]).user("budi", &[]);
    let desk = desk.piped_account("support", &["--team", "Support"]);
    desk.put(&from("Éva Müller <eva@x.example>", "Invoice 2231").body("It is overdue.\n"));
    desk.ok(&["case", "create", "--subject", "New printer", "-m", "With a paper jam"]);
    desk
}

#[test]
fn queries_flags_and_words_narrow_the_lists_together() {
    let desk = desk();
    for (args, cases, emails) in [
        (&["invoice"][..], 1, 1),
        (&["eva", "muller", "over*"], 1, 1),
        (&["\"is overdue\""], 1, 1),
        (&["\"overdue is\""], 0, 0),
        (&["printer OR invoice"], 2, 1),
        (&["from:MÜLLER"], 1, 1),
        (&["from:MÜLLER -subject:2231"], 0, 0),
        (&["--", "-subject:2231"], 1, 0),
        (&["--", "-older:1d"], 2, 1),
        (&["case:1"], 1, 1),
        (&["team:support account:support"], 1, 1),
        (&["has:attachment"], 0, 0),
        (&["NEAR(invoice)"], 0, 0),
        (&["\"'; DROP TABLE cases; --\""], 0, 0),
    ] {
        let count = |noun: &str| desk.items(&[&[noun, "list"][..], args].concat()).len();
        assert_eq!((count("case"), count("email")), (cases, emails), "{args:?}");
    }
    let cases = |args: &[&str]| desk.run(&[&["case", "list", "--count"], args].concat()).ok().stdout;
    assert_eq!(cases(&["--unassigned", "paper"]), "1\n");
    assert_eq!(cases(&["is:waiting", "--team", "Support", "--status", "New"]), "1\n");
    desk.run(&["case", "edit", "2", "--subject", "A scanner"]).ok();
    assert_eq!((cases(&["printer"]), cases(&["scanner"])), ("0\n".to_owned(), "1\n".to_owned()));
    desk.run(&["case", "assign", "2", "ana"]).ok();
    assert_eq!(cases(&["assignee:ana", "-q"]), "1\n");
    assert_eq!(cases(&["assignee:@team", "--as", "ana"]), "1\n");
}

#[test]
fn what_may_not_be_read_is_not_found() {
    let desk = desk();
    for query in
        ["invoice", "muller", "from:eva", "-from:eva", "subject:2231", "body:overdue", "is:open", "team:Support"]
    {
        for noun in ["case", "email"] {
            if noun == "case" {
                assert_eq!(desk.run(&["--as", "budi", "case", "list", "--count", "--", query]).ok().stdout, "0\n");
            }
            if !query.starts_with("is:") {
                assert!(desk.items(&["--as", "budi", noun, "list", "--", query]).is_empty(), "{noun} {query}");
            }
        }
    }
    let unknown = desk.run(&["--as", "budi", "case", "list", "case:1"]).exits(65).stderr;
    assert_eq!(unknown, desk.run(&["--as", "budi", "case", "list", "case:7"]).exits(65).stderr.replace('7', "1"));
}

#[test]
fn mistakes_in_a_query_are_named() {
    let desk = desk();
    for (args, code, expected) in [
        (&["case", "list", "frm:ann"][..], 2, "the query: \"frm:\" is not a field\nhint: did you mean from:?"),
        (&["case", "list", "status:Shut"], 2, "status:Shut: must be one of New, Assigned, Pending"),
        (&["case", "list", "is:unread"], 2, "is:unread: must be one of open, closed, unassigned, waiting"),
        (&["case", "list", "assignee:nobody"], 65, "there is no user \"nobody\""),
        (&["case", "list", "case:x"], 2, "case: \"x\" is not a case number"),
        (&["case", "list", "case:9"], 65, "case 9: not found"),
        (&["case", "list", "(a"], 2, "the query: there is a \"(\" without its \")\""),
        (&["email", "list", "status:New"], 2, "status:New: must be one of Draft, Sending"),
        (&["email", "list", "is:open"], 2, "is:open: must be is:unread or is:unverified"),
        (&["email", "list", "has:flag"], 2, "has:flag: must be has:attachment"),
        (&["email", "list", "account:sales"], 65, "there is no account \"sales\""),
        (&["email", "list", "priority:High"], 2, "the query: \"priority:\" is not a field"),
    ] {
        let said = desk.run(args).exits(code).stderr;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let said = desk.run(&["email", "list", "is:unread"]).exits(77).stderr;
    assert!(said.contains("no user has your login name"), "{said}");
}

#[test]
fn what_people_type_is_found() {
    let desk = Desk::empty().team("Support").user("ana", &["Support"]);
    let desk = desk.piped_account("support", &["--team", "Support"]);
    desk.put(
        &from("Jürgen Weiß <j@x.example>", "プリンターが動きません")
            .body("货物已经到达。 Viele Grüßen aus der Straße, it\u{2019}s late\n"),
    );
    let text = "--b\n\nOrder RE-2231-44 over 1.234,56 EUR, IBAN DE89 3704 0044 0532 0130 00, Tel. +49 (0)30 1234-567\n\
        --b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''Rechnung_Ma%CC%88rz.pdf\n\nx\n--b--\n";
    let mixed = "multipart/mixed; boundary=b";
    desk.put(&from("Eva <eva@x.example>", "Order").header("Content-Type", mixed).body(text));
    for (query, found) in [
        ("プリンター", "1"),
        ("動きません", "1"),
        ("货物", "1"),
        ("到达", "1"),
        ("grussen", "1"),
        ("GRÜSSEN", "1"),
        ("strasse", "1"),
        ("jurgen weiss", "1"),
        ("from:weiss", "1"),
        ("body:grussen", "1"),
        ("body:\"it's late\"", "1"),
        ("subject:ﾌﾟﾘﾝﾀｰ", "1"),
        ("marz", "2"),
        ("rechnung*", "2"),
        ("attachment:rechnung", "2"),
        ("attachment:.PDF order", "2"),
        ("attachment:docx", ""),
        ("2231", "2"),
        ("2231-44", "2"),
        ("re223144", "2"),
        ("1234.56", "2"),
        ("\"1,234.56\"", "2"),
        ("1235,56", ""),
        ("DE89370400440532013000", "2"),
        ("DE89 3704 0044 0532 0130 00", "2"),
        ("0301234567", "2"),
        ("030 1234567", "2"),
        ("\"+49 30 1234567\"", "2"),
        ("0301234568", ""),
    ] {
        for noun in ["email", "case"] {
            let id = if noun == "email" { "id" } else { "number" };
            let ids: Vec<String> = desk.items(&[noun, "list", query]).iter().map(|row| row[id].to_string()).collect();
            assert_eq!(ids.join(" "), found, "{noun} {query}");
        }
    }
}

#[test]
fn mail_that_is_not_indexed_yet_is_found() {
    let desk = desk();
    desk.sandbox.database().empty_indexes();
    assert_eq!(desk.items(&["email", "list", "overdue"]).len(), 1);
    assert_eq!(desk.items(&["case", "list", "printer"]).len(), 1);
    assert_eq!(desk.run(&["db", "check"]).ok().code, 0);
}

/// An office whose cases 1 to 3 are closed, open and taken, and open and urgent.
fn three_cases() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["user", "add", "ana", "--type", "admin", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "ana"]).ok();
    for subject in ["First", "Second", "Third"] {
        sandbox.run(&["--as", "ana", "case", "create", "--subject", subject, "-m", "printer"]).ok();
    }
    sandbox.run(&["--as", "ana", "case", "close", "1"]).ok();
    sandbox.run(&["--as", "ana", "case", "take", "2"]).ok();
    sandbox.run(&["--as", "ana", "case", "edit", "3", "--priority", "Urgent"]).ok();
    sandbox
}

#[test]
fn cases_are_open_ones_unless_something_else_is_asked_for() {
    let sandbox = three_cases();
    for (args, expected) in [
        (&[][..], "3 2"),
        (&["printer"], "3 2"),
        (&["--open"], "3 2"),
        (&["--closed"], "1"),
        (&["--all"], "3 2 1"),
        (&["--all", "printer"], "3 2 1"),
        (&["status:Closed"], "1"),
        (&["--status", "Closed"], "1"),
        (&["is:closed"], "1"),
        (&["is:closed OR printer"], "3 2 1"),
        (&["is:closed", "--open"], ""),
        (&["case:1"], "1"),
        (&["--mine"], "2"),
        (&["--assignee", "ana"], "2"),
        (&["--assignee", "@none"], "3"),
        (&["--assignee", "@none", "--all"], "3 1"),
        (&["--assignee", "@team"], "2"),
        (&["--unassigned"], "3"),
        (&["--priority", "Urgent"], "3"),
        (&["--priority", "Urgent", "--mine"], ""),
        (&["--limit", "1"], "3"),
        (&["--limit", "0", "--all"], "3 2 1"),
    ] {
        let list = [&["--as", "ana", "case", "list"], args].concat();
        let numbers: Vec<String> = sandbox.items(&list).iter().map(|case| case["number"].to_string()).collect();
        assert_eq!(numbers.join(" "), expected, "{args:?}");
        if !args.contains(&"--limit") {
            let count = sandbox.run(&[&list[..], &["--count"]].concat()).ok().stdout;
            assert_eq!(count, format!("{}\n", numbers.len()), "{args:?}");
        }
    }
    for args in [["--open", "--closed"], ["--all", "--closed"], ["--mine", "--unassigned"]] {
        sandbox.run(&[&["--as", "ana", "case", "list"], &args[..]].concat()).exits(2);
    }
    sandbox.run(&["case", "list", "--assignee", "nobody"]).exits(65).says("there is no user \"nobody\"");
    sandbox.run(&["case", "list", "--assignee", "@me"]).exits(77).says("--assignee");
    sandbox.run(&["case", "list", "--account", "nothing"]).exits(65).says("there is no account \"nothing\"");
}

#[test]
fn lists_say_what_they_leave_out() {
    let sandbox = three_cases();
    for name in ["Ann", "Budi", "Citra"] {
        sandbox.run(&["record", "add", "contact", name]).ok();
    }
    for (list, total) in [
        (&["case", "list", "--all"][..], Some("3")),
        (&["case", "list"], Some("2")),
        (&["record", "list", "contact"], Some("3")),
        (&["log", "list", "--user", "ana"], Some("6")),
        (&["outbox", "list"], None),
        (&["email", "list"], None),
    ] {
        let said = total.map(|total| format!("1 of {total}; more: --limit N (0 = all)\n")).unwrap_or_default();
        assert_eq!(sandbox.run(&[list, &["--limit", "1"]].concat()).ok().stderr, said, "{list:?}");
        assert_eq!(sandbox.run(&[list, &["--limit", "9"]].concat()).ok().stderr, "", "{list:?}");
        assert_eq!(sandbox.run(&[list, &["--limit", "0"]].concat()).ok().stderr, "", "{list:?}");
        assert_eq!(sandbox.run(&[&["-q"], list, &["--limit", "1"]].concat()).ok().stderr, said, "{list:?}");
    }
}
