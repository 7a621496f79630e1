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

#[test]
fn what_cannot_be_copied_is_refused_with_the_step_that_helps() {
    let desk = Desk::empty();
    let (from, dir) = (desk.sandbox.database_name(), desk.sandbox.path("nowhere"));
    let to = dir.join("x.db");
    let run = desk.sandbox.run(&["db", "copy", &from, to.to_str().unwrap()]).exits(65).says("mkdir -m 700");
    assert!(run.stderr.contains("there is no directory") && !dir.exists(), "{run:#?}");
    let run = desk.sandbox.run(&["db", "copy", "/nowhere/x.db", "y.db"]).exits(78).says("as FROM");
    assert!(!run.stderr.contains("--db"), "{run:#?}");
    let run = desk.sandbox.run(&["--db", &from, "db", "backup", "postgresql:///mail"]);
    run.exits(2).says("names a database on a server").says("espomail db copy ").says("postgresql:///mail");
    assert!(!desk.sandbox.path("postgresql:").exists());
    // What a copy left that was killed: no process has this number.
    let left = desk.sandbox.file("z.db.copying-4999999", b"");
    desk.sandbox.run(&["db", "copy", &from, "z.db"]).ok();
    assert!(!left.exists() && desk.sandbox.path("z.db").exists());
}
