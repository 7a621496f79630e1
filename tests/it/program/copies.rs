//! `db copy`: everything goes into a new database, and nothing is half there.

use crate::support::Desk;

/// What a database says of itself with all ids: the same words come from the same rows.
fn said(desk: &Desk, db: &str) -> String {
    let of = |line: &str| {
        let args: Vec<&str> = ["--db", db, "--as", "ana"].into_iter().chain(line.split(' ')).collect();
        desk.sandbox.run(&args).ok().stdout
    };
    ["--json case list --all", "--json case show 3", "--json email list", "--json outbox list", "email show 1 --raw"]
        .map(of)
        .concat()
}

#[test]
fn a_database_is_copied_whole_into_a_new_one() {
    let desk = Desk::shop();
    desk.stop_clock();
    let (from, to) = (desk.sandbox.database_name(), desk.sandbox.path("copied.db"));
    let to = to.to_str().unwrap();
    let copy = |more: &[&str]| desk.sandbox.run(&[&["db", "copy", &from, to], more].concat());
    assert!(copy(&["--dry-run"]).ok().stderr.contains("can be copied to"));
    assert!(!desk.sandbox.path("copied.db").exists(), "a dry run makes nothing");
    let told = copy(&[]).ok();
    assert!(told.stdout.contains("are copied to") && told.stderr.contains("never fetch with both"), "{told:?}");
    assert_eq!(said(&desk, to), said(&desk, &from));
    // Words are found there at once.
    let found = |db: &str| desk.sandbox.run(&["--db", db, "--json", "email", "list", "printer"]).ok().stdout;
    assert_eq!(found(to), found(&from));
    assert_eq!(desk.sandbox.run(&["--db", to, "db", "check"]).ok().stdout, "ok\n");
    desk.sandbox.run(&["db", "copy", &from, "postgresql://h/d?x=1"]).exits(2).says("TO: x is not a keyword");
    copy(&[]).exits(65).says("exists already");
    desk.sandbox.run(&["db", "copy", &from, &from]).exits(2).says("is the database that is copied");
    desk.sandbox.run(&["db", "copy", "/nowhere/x.db", to]).exits(78).says("no database at /nowhere/x.db");
}
