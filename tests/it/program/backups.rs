//! Backups that are kept for a time, and a restore that is refused, killed, or of the wrong file.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Database, Desk, asked, no_file};

fn exists(desk: &Desk, name: &str) -> bool {
    desk.sandbox.path(name).exists()
}

/// Lets a backup be made earlier.
fn age(desk: &Desk, name: &str, days: i64) {
    let file = desk.sandbox.path(name);
    Database::open(&file).run(&format!("UPDATE instance SET backup_made_at = backup_made_at - {}", days * 86_400));
}

#[test]
fn old_backups_of_this_database_go_and_nothing_else() {
    let (desk, other) = (Desk::new(), Desk::new());
    let backup = |name: &str| desk.ok(&["db", "backup", name, "--with-secrets"]);
    for (name, days) in [("old-1.db", 40), ("old-2.db", 30), ("young.db", 3)] {
        backup(name);
        age(&desk, name, days);
    }
    // Of another database, and no backup at all.
    let foreign = desk.sandbox.path("foreign.db").display().to_string();
    other.ok(&["db", "backup", &foreign]);
    age(&desk, "foreign.db", 90);
    fs::write(desk.sandbox.path("notes.db"), "SQLite format 3\0 but nothing else").unwrap();
    let dry = desk.ok("--dry-run db backup new.db --keep 14d");
    assert!(
        dry.stderr.contains("old-1.db, ./old-2.db deleted, which were older") && exists(&desk, "old-1.db"),
        "{dry:#?}"
    );
    desk.ok("db backup new.db --keep 14d");
    let left = ["old-1.db", "old-1.db.secrets", "old-2.db", "young.db", "foreign.db", "notes.db", "new.db"]
        .map(|name| exists(&desk, name));
    assert_eq!(left, [false, false, false, true, true, true, true]);
    // The newest one before this one stays, however old it seems.
    for name in ["young.db", "new.db"] {
        age(&desk, name, 100);
    }
    desk.ok("db backup last.db --keep 14d");
    assert_eq!(["young.db", "new.db", "last.db"].map(|name| exists(&desk, name)), [false, true, true]);
}

/// A desk with three cases and a backup of it when it had one.
fn restorable() -> Desk {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&desk.letter("kim@customer.example", "First"));
    desk.ok("db backup backup.db");
    for subject in ["Second", "Third"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk
}

#[test]
fn a_restore_is_refused_while_another_process_has_the_database_open_and_of_a_newer_schema() {
    if no_file() {
        return;
    }
    let desk = restorable();
    let open = fs::File::open(desk.sandbox.db()).unwrap();
    let refused = desk.run("--yes db restore backup.db").exits(75);
    assert!(refused.stderr.contains(&format!("is in use by process {}", std::process::id())), "{refused:#?}");
    drop(open);
    fs::copy(desk.sandbox.path("backup.db"), desk.sandbox.path("newer.db")).unwrap();
    Database::open(&desk.sandbox.path("newer.db")).run("PRAGMA user_version = 99");
    let refused = desk.run("--yes db restore newer.db").exits(78);
    assert!(refused.stderr.contains("was made by a newer espomail (schema 99"), "{refused:#?}");
    assert_eq!(desk.items("case list").len(), 3, "nothing was changed");
    let kept = fs::read_dir(desk.sandbox.path("")).unwrap().flatten();
    assert_eq!(kept.filter(|one| one.file_name().to_string_lossy().contains("before-restore")).count(), 0);
    desk.ok("--yes db restore backup.db");
    assert_eq!(desk.items("case list").len(), 1);
}

/// 200 kills at moments that cover the whole command.
#[test]
fn a_backup_of_another_desk_is_refused_and_never_meets_the_passwords_of_this_one() {
    if no_file() {
        return;
    }
    let (desk, other) = (restorable(), Desk::new().piped_account("support", &[]));
    let foreign = desk.sandbox.path("foreign.db").display().to_string();
    other.ok(&["db", "backup", &foreign]);
    let secrets = desk.sandbox.path("espomail.db.secrets");
    fs::create_dir_all(&secrets).unwrap();
    fs::write(secrets.join("1"), "of this desk").unwrap();
    desk.run("--yes db restore foreign.db").exits(65).says("is a backup of another desk");
    desk.ok("--yes db restore backup.db");
    assert!(secrets.join("1").exists(), "a backup of this desk keeps them");
    let done = desk.ok("--yes db restore --of-another-desk foreign.db");
    assert!(!secrets.join("1").exists() && done.stderr.contains("passwords of the desk before are in"), "{done:#?}");
    let aside = fs::read_dir(desk.sandbox.path("")).unwrap().flatten().map(|entry| entry.path().join("1"));
    let kept =
        aside.filter(|path| path.display().to_string().contains(".secrets.before-restore-")).find(|path| path.exists());
    assert_eq!(fs::read_to_string(kept.unwrap()).unwrap(), "of this desk");
}

#[test]
fn a_restore_names_what_it_was_given() {
    if no_file() {
        return;
    }
    let desk = restorable();
    fs::create_dir(desk.sandbox.path("folder")).unwrap();
    desk.query("UPDATE accounts SET imap_secret = 'stdin'");
    fs::copy(desk.sandbox.path("espomail.db"), desk.sandbox.path("live.db")).unwrap();
    desk.run("--yes db restore folder").exits(65).says("folder is a directory, not a backup");
    desk.run("--yes db restore /dev/null").exits(65).says("is not a plain file");
    let live = desk.ok("--yes db restore live.db");
    let lacks = "account support: its password is not here: espomail account secret support --secret stdin";
    assert!(live.stderr.contains(lacks), "{live:#?}");
    assert!(
        live.stdout.contains("the database live.db, last written") && !live.stdout.contains("the backup of"),
        "{live:#?}"
    );
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_database_or_the_new_one() {
    if no_file() {
        return;
    }
    let desk = restorable();
    let begun = Instant::now();
    desk.ok("db backup three.db");
    desk.ok("--yes db restore three.db");
    let whole = begun.elapsed().max(Duration::from_millis(20));
    let (mut old, mut new) = (0, 0);
    let points: u32 = asked("ESPOMAIL_RESTORES", 40);
    for point in 0..points {
        let name = if point % 2 == 0 { "backup.db" } else { "three.db" };
        let mut restore = desk.sandbox.command(&["--yes", "db", "restore", name]);
        let mut child = restore.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * point / points);
        let _ = child.kill();
        child.wait().unwrap();
        let count = desk.items("case list").len();
        assert!(count == 1 || count == 3, "{point}: {count} cases");
        if count == 1 {
            old += 1
        } else {
            new += 1
        }
        for kept in fs::read_dir(desk.sandbox.path("")).unwrap().flatten() {
            if kept.file_name().to_string_lossy().contains("before-restore") {
                fs::remove_file(kept.path()).unwrap();
            }
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
    desk.ok("db check");
    desk.ok("--yes db restore three.db");
    assert_eq!(desk.items("case list").len(), 3);
    assert!(!exists(&desk, "espomail.db.restoring"));
}
