//! Users who get another name, or go.

use serde_json::json;

use crate::support::Desk;

#[test]
fn a_renamed_user_keeps_everything_but_the_name() {
    let desk = Desk::new();
    desk.ok(&["case", "create", "--subject", "One", "--team", "Support", "--assign-to", "ana"]);
    for (line, code, said) in [
        ("user rename nobody x", 65, "there is no user \"nobody\""),
        ("user rename ana Budi", 65, "\"Budi\" exists already"),
        ("user rename ana a:b", 2, "\"a:b\" must not contain"),
        ("--as budi user rename ana x", 77, "user rename"),
    ] {
        desk.run(line).exits(code).says(said);
    }
    desk.ok("user rename ana Ana");
    let before = desk.sandbox.every_row();
    desk.ok("--dry-run user rename ana putri");
    assert_eq!(desk.sandbox.every_row(), before, "a dry run changes nothing");
    assert_eq!(desk.ok("user rename ana putri").stdout, "user Ana is now putri\n");
    assert_eq!(desk.sandbox.json(&["case", "show", "1"])["assigned_user"]["username"], "putri");
    let user = desk.sandbox.json(&["user", "show", "putri"]);
    assert_eq!((&user["login"], &user["teams"]), (&json!("ana"), &json!(["Support"])));
    desk.ok("--as putri case list --mine");
    desk.run("--as ana case list").exits(77);
    // The old name is free.
    desk.ok("user add ana --login ana2");
}

#[test]
fn only_a_user_who_never_did_anything_is_deleted() {
    let desk = Desk::new();
    desk.ok(&["case", "create", "--subject", "One", "--team", "Support", "--assign-to", "ana"]);
    desk.ok("--as budi case follow 1");
    desk.ok("user add extra --email extra@staff.example");
    desk.ok("team member add Support extra");
    desk.ok("user add boss --type admin");
    let before = desk.sandbox.every_row();
    for (line, code, said) in [
        ("--yes user delete nobody", 65, "there is no user \"nobody\""),
        ("--yes user delete ana", 65, "you cannot delete ana: the user has cases"),
        ("--yes user delete ana", 65, "espomail user disable ana"),
        ("user delete ana", 65, "you cannot delete ana: the user has cases"),
        ("--yes user delete budi", 65, "the user has "),
        ("user delete extra", 2, "--yes"),
        ("--yes --as extra user delete budi", 77, "user delete"),
        ("--yes --as boss user delete boss", 65, "you cannot delete boss: that is you"),
    ] {
        desk.run(line).exits(code).says(said);
        assert_eq!(desk.sandbox.every_row(), before, "{line}");
    }
    desk.ok("--yes --dry-run user delete extra");
    assert_eq!(desk.sandbox.every_row(), before, "a dry run changes nothing");
    assert_eq!(desk.ok("--yes user delete extra").stdout, "user extra deleted\n");
    desk.run("user show extra").exits(65);
    assert!(!desk.sandbox.every_row().contains("extra@staff.example"));
    // The log goes on naming the user who is gone.
    desk.run("log list").ok().says("user extra");
    desk.ok("user add extra --email extra@staff.example");
}
