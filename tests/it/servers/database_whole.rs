//! A database on a server of which something is missing or hidden, is somebody else's, or cannot be written: what is said of
//! it, and what is copied.

use super::database_server::Private;
use crate::support::{Sandbox, no_file};

/// A server, and a database of the schema `own` in it.
struct Shared {
    server: Private,
    sandbox: Sandbox,
    db: String,
}

impl Shared {
    fn new() -> Shared {
        let (server, sandbox) = (Private::start(), Sandbox::new());
        let db = server.named("espomail", "own");
        let shared = Shared { server, sandbox, db };
        shared.run(&["init"]).ok();
        shared
    }

    fn run(&self, args: &[&str]) -> crate::support::Run {
        self.sandbox.run(&[&["--db", &self.db, "--state", "."], args].concat())
    }

    fn sql(&self, sql: &str) {
        self.server.run("espomail", &format!("SET search_path = own; {sql}"));
    }

    /// Each command that looks at the whole database refuses it with these words; the output of `db check`.
    fn refused(&self, words: &str) -> String {
        let checked = self.run(&["db", "check"]).exits(74).says(words).says("&schema=own2").stdout;
        self.run(&["doctor", "--offline"]).exits(74).says(words);
        for args in [&["db", "backup", "new.db", "--with-secrets"][..], &["db", "copy", &self.db, "new.db"]] {
            self.run(args).exits(74).says(words).says("is not whole");
            assert!(!self.sandbox.path("new.db").exists() && !self.sandbox.path("new.db.secrets").exists(), "{args:?}");
        }
        checked
    }
}

#[test]
fn what_a_schema_lacks_is_named_with_the_statement_that_mends_it_and_nothing_is_copied() {
    let shared = Shared::new();
    shared.run(&["db", "check"]).ok().says("ok");
    for (broken, words) in [
        ("DROP INDEX emails_key", "unique index emails_key of emails is missing: CREATE UNIQUE INDEX"),
        ("DROP INDEX outbox_state", "index outbox_state of outbox is missing: CREATE INDEX"),
        (
            "ALTER TABLE drafts DROP CONSTRAINT drafts_account_id_fkey",
            "key of drafts (account_id) to accounts is missing",
        ),
        (
            "ALTER TABLE gone_things DROP CONSTRAINT gone_things_pkey",
            "primary key of gone_things (kind, row_id) is missing",
        ),
        (
            "ALTER TABLE deliveries DROP CONSTRAINT deliveries_account_id_folder_uidvalidity_uid_key",
            "unique key of deliveries (account_id, folder, uidvalidity, uid) is missing",
        ),
        (
            "ALTER TABLE log_entries DROP CONSTRAINT log_entries_outcome_check",
            "rule of log_entries (outcome) is missing",
        ),
        ("DROP TRIGGER cases_change_index ON cases", "trigger cases_change_index of cases is missing"),
        ("ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "table notes has row-level security"),
    ] {
        shared.sql(broken);
        let told = shared.refused(words);
        shared.sql(told.lines().next().unwrap().split_once(": ").unwrap_or_else(|| panic!("{told}")).1);
        shared.run(&["db", "check"]).ok().says("ok");
    }
    // Rows that are hidden from the owner as well are an error everywhere.
    shared.sql("ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE teams FORCE ROW LEVEL SECURITY");
    shared.run(&["team", "list"]).exits(78).says("too few rights").says("hidden");
    shared.sql("ALTER TABLE teams NO FORCE ROW LEVEL SECURITY; ALTER TABLE teams DISABLE ROW LEVEL SECURITY");
    shared.sql("ALTER TABLE gone_things DROP COLUMN name");
    shared.refused("column gone_things.name is missing");
    shared.sql("DROP TABLE gone_things");
    let told = shared.refused("table gone_things is missing");
    assert_eq!(told.lines().count(), 1, "{told}");
    // The version is gone: a file is not what helps.
    shared.sql("DELETE FROM schema_version");
    let run = shared.run(&["whoami"]).exits(74).says("its schema is 0").says("&schema=own2");
    assert!(!run.stderr.contains("db restore"), "{run:#?}");
}

#[test]
fn tables_of_something_else_are_left_alone_and_told() {
    let shared = Shared::new();
    shared.sql("CREATE TABLE foo (a INT); CREATE TABLE closed (a INT); GRANT SELECT ON foo TO espomail");
    let stats = shared.run(&["db", "stats"]).ok().stdout;
    assert!(stats.contains("accounts") && !stats.contains("foo"), "{stats}");
    shared.run(&["db", "check"]).ok();
    shared.run(&["doctor", "--offline"]).says("2 tables in the schema are not of espomail, such as closed");
    shared.run(&["db", "backup", "backup.db"]).ok();
    shared.run(&["db", "copy", &shared.db, "copied.db"]).ok().says("not of espomail, so not copied: closed, foo");
    for file in ["backup.db", "copied.db"] {
        shared.sandbox.run(&["--db", file, "db", "check"]).ok().says("ok");
    }
    shared.run(&["db", "restore", "backup.db"]).exits(2).says("&schema=own2");
    shared.run(&["db", "copy", "copied.db", &shared.db]).exits(65).says("in use already").says("&schema=own2");
}

#[test]
fn a_backup_of_a_server_that_cannot_be_written_is_made_and_says_what_is_not_recorded() {
    let shared = Shared::new();
    shared.server.run("espomail", "ALTER ROLE espomail SET default_transaction_read_only = on");
    shared.run(&["db", "backup", "backup.db"]).ok().says("does not say when this backup was made");
    shared.sandbox.run(&["--db", "backup.db", "db", "check"]).ok().says("ok");
}

#[test]
fn of_several_that_make_one_database_at_once_one_does() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    let db = server.named("espomail", "many");
    // Of machines that have nothing in common but the server.
    let runs = [1, 2, 3, 4, 5]
        .map(|machine| sandbox.call(&["--db", &db, "--state", &format!("state{machine}"), "init"]).spawn());
    let mut codes = runs.map(|run| {
        let run = run.wait();
        assert!(run.code == 0 || run.stderr.contains("exists already"), "{run:#?}");
        run.code
    });
    codes.sort_unstable();
    assert_eq!(codes, [0, 65, 65, 65, 65]);
}

#[test]
fn a_dry_run_says_that_the_role_could_not_make_it() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    server.run("espomail", "CREATE ROLE poor LOGIN; CREATE SCHEMA readable; GRANT USAGE ON SCHEMA readable TO poor");
    sandbox.run(&["--db", "from.db", "init"]).ok();
    for schema in ["readable", "new"] {
        let db = server.named("poor", schema);
        let init = ["--db", &db, "--state", ".", "--dry-run", "init"];
        let copy = ["--state", ".", "--dry-run", "db", "copy", "from.db", &db];
        for args in [&init[..], &copy, &["--state", ".", "db", "copy", "from.db", &db]] {
            // It is said of the database that has too few rights.
            sandbox.run(args).exits(78).says("the role poor has too few rights in").says("ROLES AND GRANTS");
        }
    }
    let own = server.named("espomail", "new");
    sandbox.run(&["--db", &own, "--state", ".", "--dry-run", "init"]).ok();
    sandbox.run(&["--state", ".", "--dry-run", "db", "copy", "from.db", &own]).ok();
    assert!(!sandbox.run(&["--db", &own, "--state", ".", "whoami"]).stderr.is_empty(), "a dry run makes nothing");
}

#[test]
fn secrets_go_to_the_state_directory_that_was_named_and_those_that_are_missing_are_told() {
    if no_file() {
        return;
    }
    let (server, sandbox) = (Private::start(), Sandbox::new());
    sandbox.run(&["--db", "from.db", "init"]).ok();
    for name in ["support", "sales"] {
        let address = format!("{name}@desk.example");
        let add = ["--db", "from.db", "account", "add", name, "--address", &address, "--imap", "127.0.0.1:9"];
        let add = [&add[..], &["--tls", "none", "--secret", "stdin"]].concat();
        sandbox.call(&add).stdin(b"xyzzysecret\n").run().ok();
    }
    let db = server.named("espomail", "filled");
    let copy = |db: &str| sandbox.run(&["--state", "state", "db", "copy", "from.db", db, "--with-secrets"]).ok();
    let run = copy(&db).says("2 secrets are copied").says("--state ");
    assert!(!run.stderr.contains("no password"), "{run:#?}");
    // Sealed, with a key that is in the state directory.
    let kept = |schema: &str| server.count(&format!("{schema}.sealed_secrets"));
    assert!(sandbox.path("state/key").exists());
    assert_eq!(kept("filled"), 2);
    std::fs::remove_file(sandbox.path("from.db.secrets/2")).unwrap();
    let run = copy(&server.named("espomail", "lacking")).says("1 secret is copied").says("for: sales");
    assert!(run.stderr.contains("account edit sales --secret stdin") && kept("lacking") == 1, "{run:#?}");
    // And back, where the state of a file is next to it.
    let back = ["--state", "state", "db", "copy", &db, "back.db", "--with-secrets"];
    sandbox.run(&back).ok().says("2 secrets are copied");
    assert_eq!(std::fs::read_dir(sandbox.path("back.db.secrets")).unwrap().count(), 2);
    // Where it is a server that is gone, that one is named.
    let (port, gone) = (&server.port, "postgresql://espomail@127.0.0.1:1/espomail");
    let run = sandbox.run(&["--state", "state", "db", "copy", "from.db", gone]).exits(75);
    assert!(run.stderr.contains(gone.trim_start_matches("postgresql://espomail@")), "{port}: {run:#?}");
}
