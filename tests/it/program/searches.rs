//! Saved searches: kept for each user, shared by administrators, used as `@NAME`.

use serde_json::json;

use crate::support::Desk;

fn desk() -> Desk {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &[]);
    desk.ok("user add boss --type admin");
    for subject in ["Invoice one", "Printer", "Invoice two"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk
}

fn numbers(desk: &Desk, user: &str, query: &[&str]) -> Vec<i64> {
    let cases = desk.items(&[&["--as", user, "case", "list"], query].concat());
    cases.iter().map(|case| case["number"].as_i64().unwrap()).collect()
}

#[test]
fn a_saved_search_stands_for_its_query() {
    let desk = desk();
    desk.run_as("ana", &["search", "add", "Bills", "subject:invoice", "OR", "subject:bill"])
        .ok()
        .says("write it as @Bills");
    desk.ana(&["search", "add", "mine", "assignee:@me @bills"]).ok();
    desk.ok("case assign 3 ana");
    assert_eq!(numbers(&desk, "ana", &["@bills"]), [3, 1]);
    assert_eq!(numbers(&desk, "ana", &["@mine"]), [3]);
    assert_eq!(numbers(&desk, "ana", &["@BILLS", "subject:one"]), [1], "in parentheses of its own");
    assert_eq!(numbers(&desk, "ana", &["--", "-@bills"]), [2]);
    assert_eq!(desk.items(&["--as", "ana", "email", "list", "@bills"]).len(), 2);
    // What a search says of the status counts as if it were typed.
    desk.ok("case close 1");
    desk.ana(&["search", "add", "done", "is:closed @bills"]).ok();
    assert_eq!((numbers(&desk, "ana", &["@bills"]), numbers(&desk, "ana", &["@done"])), (vec![3], vec![1]));
    assert_eq!(desk.ok("--yes --as ana case reopen --query @done").stdout, "case #1 is open again\n");
    let list = desk.items(&["--as", "ana", "search", "list"]);
    assert_eq!(
        list[0],
        json!({"name": "Bills", "query": "subject:invoice OR subject:bill", "shared_with": null, "created_at": list[0]["created_at"]})
    );
    assert_eq!(desk.ok("-q --as ana search list").stdout, "Bills\ndone\nmine\n");
    assert!(!desk.ok("--as ana search list").stdout.contains("SHARED"));
    assert_eq!(desk.json("--as ana search show @bills")["query"], "subject:invoice OR subject:bill");
}

#[test]
fn searches_are_each_users_own_unless_an_administrator_shares_them() {
    let desk = desk();
    desk.ana(&["search", "add", "late", "is:waiting"]).ok();
    desk.run("--as budi case list @late").exits(65).says("there is no saved search \"late\"");
    assert!(desk.items(&["--as", "boss", "search", "list"]).is_empty(), "an administrator does not see it either");
    desk.run("--as boss search delete late --yes").exits(65).says("there is no saved search");
    // The administrator without a user has none of their own.
    desk.run("search add x is:open").exits(77).says("no user has your login name");
    for sharing in ["--everyone", "--team Billing"] {
        let line = format!("--as ana search add shared is:open {sharing}");
        desk.run(&line).exits(77).says("administrator");
    }
    desk.run(&["search", "add", "invoices", "subject:invoice", "--everyone"]).ok();
    desk.run(&["search", "add", "money", "@invoices OR tag:refund", "--team", "Billing"]).ok();
    assert_eq!(numbers(&desk, "budi", &["@invoices"]), [3, 1]);
    assert_eq!(numbers(&desk, "dewi", &["@money"]), [] as [i64; 0], "nobody finds what they cannot see");
    desk.run("--as budi case list @money").exits(65).says("there is no saved search");
    let shared: Vec<_> =
        desk.items(&["--as", "dewi", "search", "list"]).iter().map(|one| one["shared_with"].clone()).collect();
    assert_eq!(shared, [json!("everyone"), json!("Billing")]);
    assert!(desk.ok("--as dewi search list").stdout.contains("SHARED WITH"));
    desk.run("--as dewi search rename money cash").exits(77).says("search rename on the shared search money");
    desk.run("--yes --as dewi search delete money").exits(77).says("administrator");
    // One's own hides a shared one of the same name.
    desk.run_as("budi", &["search", "add", "invoices", "subject:printer"]).ok();
    assert_eq!((numbers(&desk, "budi", &["@invoices"]), numbers(&desk, "ana", &["@invoices"])), (vec![2], vec![3, 1]));
    desk.ok("--yes --as budi search delete invoices");
    assert_eq!(numbers(&desk, "budi", &["@invoices"]), [3, 1]);
    // A team takes its searches along, a user who is deleted as well.
    desk.ok("--yes team delete Billing");
    assert_eq!(desk.ok("-q search list").stdout, "invoices\n");
}

#[test]
fn renaming_and_deleting_tell_of_queries_that_still_name_a_search() {
    let desk = desk();
    for (name, query) in [("late", "is:waiting"), ("mine", "@late assignee:@me")] {
        desk.ana(&["search", "add", name, query]).ok();
    }
    desk.ana("search rename late overdue").ok().says("@late is still in the query of: mine");
    desk.run("--as ana case list @mine").exits(65).says("there is no saved search \"late\"");
    desk.ana("search rename overdue Late").ok();
    desk.ana("search rename late LATE").ok();
    assert_eq!(numbers(&desk, "ana", &["@mine"]), [] as [i64; 0]);
    desk.run("--as ana search delete late").exits(2).says("Delete search late?");
    desk.ok("--yes --as ana search delete @late").says("@late is still in the query of: mine");
}

#[test]
fn what_cannot_be_a_search_is_refused_and_nothing_is_kept() {
    let desk = desk();
    desk.ana(&["search", "add", "late", "is:waiting"]).ok();
    let before = desk.query("SELECT name || query FROM searches");
    for (args, code, words) in [
        (vec!["search", "add", "late", "is:open"], 65, "\"late\" exists already"),
        (vec!["search", "add", "LATE", "is:open"], 65, "exists already"),
        (vec!["search", "add", "a b", "is:open"], 65, "cannot be the name of a search"),
        (vec!["search", "add", "me", "is:open"], 65, "cannot be the name of a search"),
        (vec!["search", "add", "x", "nosuch:y"], 2, "\"nosuch:\" is not a field"),
        (vec!["search", "add", "x", "priority:High folder:inbox"], 2, "\"folder:\" is not a field"),
        (vec!["search", "add", "x", "@nosuch"], 65, "there is no saved search \"nosuch\""),
        (vec!["search", "add", "x", "@lates"], 65, "did you mean @late?"),
        (vec!["search", "add", "x", "a OR -@x"], 65, "@x leads back to itself: @x → @x"),
        (vec!["search", "add", "x", ""], 2, "the query must not be empty"),
        (vec!["search", "show", "nosuch"], 65, "there is no saved search"),
        (vec!["search", "rename", "late", "b c"], 65, "cannot be the name of a search"),
        (vec!["case", "list", "@lat"], 65, "did you mean @late?"),
        (vec!["case", "list", "@me"], 2, "assignee:@me"),
    ] {
        desk.run_as("ana", &args).exits(code).says(words);
    }
    assert_eq!(desk.query("SELECT name || query FROM searches"), before);
    // A search of emails does not fit cases, and says so where it is used.
    desk.ana(&["search", "add", "box", "folder:inbox"]).ok();
    desk.run("--as ana case list @box").exits(2).says("search @box: the query: \"folder:\" is not a field");
    assert_eq!(desk.items(&["--as", "ana", "email", "list", "@box"]).len(), 0);
    let rows = desk.sandbox.every_row();
    desk.ana("--dry-run search rename late later").ok();
    assert_eq!(desk.sandbox.every_row(), rows);
}
