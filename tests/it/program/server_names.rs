//! Names of databases on servers: what is refused before any server is asked, with nothing changed and no password shown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Sandbox, program};

const PASSWORD: &str = "s3cret-of-the-desk";

/// Runs the program with nothing that names a database but this.
fn run(sandbox: &Sandbox, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.env_clear().current_dir(sandbox.path("")).args(["--no-input", "--log", "own.log"]).args(args);
    command.env("HOME", sandbox.path("home")).env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    command.output().unwrap()
}

/// Every file and directory of a sandbox.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(
            |path| {
                if path.is_dir() { files(&path).into_iter().chain([path]).collect() } else { BTreeSet::from([path]) }
            },
        )
        .collect()
}

#[track_caller]
fn refused(sandbox: &Sandbox, variables: &[(&str, &str)], args: &[&str], code: i32, words: &[&str]) {
    let before = files(&sandbox.path(""));
    let output = run(sandbox, variables, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?}: no \"{word}\" in {said}");
    }
    assert!(!said.contains(PASSWORD), "{args:?}: {said}");
    let log = std::fs::read_to_string(sandbox.path("own.log")).unwrap_or_default();
    assert!(!log.contains(PASSWORD), "{log}");
    let mut after = files(&sandbox.path(""));
    after.remove(&sandbox.path("own.log"));
    let added: Vec<_> = after.difference(&before).collect();
    assert!(added.is_empty(), "{args:?} made {added:?}");
}

#[test]
fn a_password_in_the_name_is_refused_wherever_it_stands_and_never_shown() {
    let sandbox = Sandbox::new();
    let ways = ["database_password = \"file:PATH\"", "PGPASSWORD", "~/.pgpass"];
    for name in [
        format!("postgresql://desk:{PASSWORD}@db.example.org/mail"),
        format!("postgresql://db.example.org/mail?user=desk&password={PASSWORD}"),
        format!("service=desk password='{PASSWORD}'"),
    ] {
        let words = [&["a password must not stand in the name of a database"][..], &ways].concat();
        for command in ["init", "whoami", "fetch", "doctor"] {
            refused(&sandbox, &[], &["--db", &name, command], 2, &words);
        }
        refused(&sandbox, &[], &["--json", "--db", &name, "whoami"], 2, &words[..1]);
        refused(&sandbox, &[("ESPOMAIL_DB", &name)], &["whoami"], 2, &words);
        refused(&sandbox, &[("ESPOMAIL_DB", &name)], &["whoami"], 2, &["ESPOMAIL_DB: a password must not stand"]);
        let file = sandbox.path("config.toml").display().to_string();
        std::fs::write(&file, format!("jobs = 2\ndatabase = \"{name}\"\n")).unwrap();
        for command in [&["whoami"][..], &["config", "check"], &["config", "show"], &["config", "show", "--effective"]]
        {
            let words = [&["line 2: database: a password must not stand"][..], &ways].concat();
            refused(&sandbox, &[], &[&["--config", &file], command].concat(), 78, &words);
        }
    }
    // Nor is it shown where it stands in place of its reference.
    let file = sandbox.path("config.toml").display().to_string();
    std::fs::write(&file, format!("database_password = \"{PASSWORD}\"\n")).unwrap();
    let words = ["line 1: database_password: does not say where the password is", "cred:NAME, file:/PATH"];
    for command in [&["whoami"][..], &["config", "show"]] {
        refused(&sandbox, &[], &[&["--config", &file], command].concat(), 78, &words);
    }
    // What needs no database does not ask for one.
    let name = format!("postgresql://desk:{PASSWORD}@db.example.org/mail");
    let help = run(&sandbox, &[("ESPOMAIL_DB", &name)], &["schema", "cases"]);
    assert!(help.status.success() && !String::from_utf8_lossy(&help.stdout).contains(PASSWORD), "{help:?}");
}

#[test]
fn a_name_that_cannot_be_used_is_refused_by_its_word_and_its_place() {
    let sandbox = Sandbox::new();
    for (name, words) in [
        ("postgresql://db/mail?sslmod=require", &["--db: sslmod is not a keyword", "did you mean sslmode?"][..]),
        ("postgresql://db/mail?schema=My%20Desk", &["--db: schema: must be a plain name"]),
        ("host=db port=many", &["--db: port: must be a number from 1 to 65535"]),
        ("mysql://db/mail", &["--db: \"mysql:\" does not begin the name", "postgresql://host/database"]),
        ("postgresql:mail", &["does not begin the name", "espomail man postgresql"]),
        ("postgresql//mail", &["--db: the name of a database on a server begins with postgresql://"]),
        ("postgresql://db/mail?schema=", &["--db: schema: is empty", "leave it out"]),
    ] {
        refused(&sandbox, &[], &["--db", name, "init"], 2, words);
        let file = sandbox.path("config.toml").display().to_string();
        std::fs::write(&file, format!("database = \"{name}\"\n")).unwrap();
        let in_file = words[0].replace("--db: ", "database: ");
        refused(&sandbox, &[], &["--config", &file, "init"], 78, &["line 1: ", &in_file]);
    }
    // A mail server keeps the mail, wherever the name stands.
    let ingest = ["ingest", "--account", "x"];
    refused(&sandbox, &[], &[&["--db", "postgresql://db/mail?x=1"][..], &ingest].concat(), 75, &["--db: x is not"]);
    refused(&sandbox, &[("ESPOMAIL_DB", "mysql://db/mail")], &ingest, 75, &["ESPOMAIL_DB: \"mysql:\" does not"]);
    let variable = [("PGSSLMODE", "wrong"), ("ESPOMAIL_DB", "postgresql://db/mail")];
    refused(&sandbox, &variable, &["whoami"], 2, &["espomail: PGSSLMODE: must be one of"]);
    let nobody = ["--db: there is no service \"nobody\"", ".pg_service.conf", "PGSERVICEFILE"];
    refused(&sandbox, &[], &["--db", "service=nobody", "init"], 78, &nobody);
    // A service with a password that everybody can read.
    let file = sandbox.path("services").display().to_string();
    std::fs::write(&file, format!("[desk]\nhost=db\npassword={PASSWORD}\n")).unwrap();
    let words = ["services holds a password, and others can read it (mode 644)", "chmod 600"];
    refused(&sandbox, &[("PGSERVICEFILE", &file)], &["--db", "service=desk", "init"], 78, &words);
    // The state directory is not made where it was named, and is one's own.
    let make = match rustix::process::geteuid().is_root() {
        true => "install -d -m 700 -o USER",
        false => "mkdir -m 700",
    };
    let state = ["there is no state directory", make, "`espomail --db postgresql:///mail --state "];
    let named = ["--db", "postgresql:///mail", "--state", "nowhere", "whoami"];
    refused(&sandbox, &[], &named, 78, &state);
}

#[test]
fn doctor_tells_who_can_change_the_state_of_a_person_and_what_cron_does_not_find() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let (state, services) = (sandbox.path("own"), sandbox.file("services", b"[desk]\nhost=/nowhere\npassword=x\n"));
    std::fs::create_dir(&state).unwrap();
    let services = services.display().to_string();
    let mode = |mode: u32| std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode)).unwrap();
    let found = |args: &[&str]| {
        let variables = [("PGSERVICEFILE", services.as_str())];
        let args = [&["--db", "service=desk", "--state", "own", "doctor", "--offline"], args].concat();
        let output = run(&sandbox, &variables, &args);
        String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let is_root = rustix::process::geteuid().is_root();
    for (given, words) in [(0o777, "is open to changes by others (mode 777)"), (0o755, "changed only by its owner")] {
        mode(given);
        let told = found(&[]);
        assert!(told.contains(words), "root {is_root}, {given:o}: {told}");
        assert!(told.contains("cron does not look for it there") && told.contains("PGSERVICEFILE says how"), "{told}");
    }
    mode(0o777);
    assert!(found(&["--fix"]).contains("(mode 777): set to 755"));
    assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_file_with_an_odd_name_is_a_file_if_its_directory_is_named() {
    let sandbox = Sandbox::new();
    sandbox.run(&["--db", "./service=desk", "init"]).ok();
    assert!(sandbox.path("service=desk").is_file());
    let shown = sandbox.json(&["--db", "./service=desk", "whoami"]);
    assert_eq!(shown["database"], "./service=desk");
}
