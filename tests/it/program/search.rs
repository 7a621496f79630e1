//! Queries of lists, through the program.

use crate::support::{Desk, from};

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
    for (args, expected) in [
        (&["case", "list", "frm:ann"][..], "QUERY: \"frm:\" is not a field; did you mean from:?"),
        (&["case", "list", "status:Shut"], "QUERY: status:Shut: must be one of New, Assigned, Pending"),
        (&["case", "list", "is:unread"], "QUERY: is:unread: must be one of open, closed, unassigned, waiting"),
        (&["case", "list", "assignee:nobody"], "user: there is no user \"nobody\""),
        (&["case", "list", "case:x"], "QUERY: case: \"x\" is not a case number"),
        (&["case", "list", "(a"], "QUERY: there is a \"(\" without its \")\""),
        (&["email", "list", "status:New"], "QUERY: status:New: must be one of Draft, Sending"),
        (&["email", "list", "is:open"], "QUERY: is:open: must be is:unread"),
        (&["email", "list", "has:flag"], "QUERY: has:flag: must be has:attachment"),
        (&["email", "list", "account:sales"], "account: there is no account \"sales\""),
        (&["email", "list", "priority:High"], "QUERY: \"priority:\" is not a field"),
    ] {
        let said = desk.run(args).exits(65).stderr;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let said = desk.run(&["email", "list", "is:unread"]).exits(77).stderr;
    assert!(said.contains("no user is mapped to you"), "{said}");
}

#[test]
fn mail_that_is_not_indexed_yet_is_found() {
    let desk = desk();
    let db = desk.sandbox.database();
    db.execute_batch(
        "INSERT INTO email_index (email_index) VALUES ('delete-all'); INSERT INTO case_index (case_index) VALUES ('delete-all')",
    )
    .unwrap();
    assert_eq!(desk.items(&["email", "list", "overdue"]).len(), 1);
    assert_eq!(desk.items(&["case", "list", "printer"]).len(), 1);
    assert_eq!(desk.run(&["db", "check"]).ok().code, 0);
}
