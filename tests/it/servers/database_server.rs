//! A server of PostgreSQL that refuses: what it says is told with the next step, and nothing is left there.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use postgres::{Client, NoTls};

use crate::support::{Letter, SUPPORT, Sandbox, mail, scratch};

/// A server of this test alone; it ends with its standard input.
pub(super) struct Private {
    process: Child,
    input: Option<ChildStdin>,
    dir: PathBuf,
    /// Directory of the socket, and the port, which is of loopback too.
    pub(super) at: String,
    pub(super) port: String,
}

impl Private {
    pub(super) fn start() -> Private {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/postgres.sh");
        let dir = scratch("pg-refuses");
        let mut command = Command::new("bash");
        command.arg(script).args(["--rm", "--port", "0", "--minutes", "5", "start"]).arg(&dir);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit_once("port=").unwrap_or_else(|| panic!("{line}")).1.to_owned();
        let input = process.stdin.take();
        Private { process, input, at: format!("host={}/socket&port={port}", dir.display()), port, dir }
    }

    /// The password of the role, once it is asked for.
    pub(super) const PASSWORD: &str = "s3cret-of-the-role";

    /// From now on the role needs its password on the port.
    pub(super) fn ask_for_passwords(&self) {
        let (rules, role) = (self.dir.join("data/pg_hba.conf"), Private::PASSWORD);
        let text = std::fs::read_to_string(&rules).unwrap();
        let asks = |line: &str| {
            if line.starts_with("host") { line.replace("trust", "scram-sha-256") } else { line.to_owned() }
        };
        std::fs::write(&rules, text.lines().map(asks).collect::<Vec<_>>().join("\n") + "\n").unwrap();
        self.run("postgres", &format!("ALTER ROLE espomail PASSWORD '{role}'"));
        self.run("postgres", "SELECT pg_reload_conf()");
    }

    pub(super) fn run(&self, database: &str, sql: &str) {
        let url = format!("postgresql:///{database}?{}&user=postgres", self.at);
        Client::connect(&url, NoTls).unwrap().batch_execute(sql).unwrap();
    }

    /// How many rows a table of a schema has.
    pub(super) fn count(&self, table: &str) -> i64 {
        let url = format!("postgresql:///espomail?{}&user=postgres", self.at);
        Client::connect(&url, NoTls).unwrap().query_one(&format!("SELECT count(*) FROM {table}"), &[]).unwrap().get(0)
    }

    /// The name of a schema of the database, reached by a role.
    pub(super) fn named(&self, role: &str, schema: &str) -> String {
        format!("postgresql://{role}@/espomail?{}&schema={schema}", self.at)
    }

    /// Everything that somebody has made in a database.
    pub(super) fn made(&self, database: &str) -> i64 {
        let url = format!("postgresql:///{database}?{}&user=postgres", self.at);
        let sql = "SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_namespace) + (SELECT count(*) FROM pg_proc)";
        Client::connect(&url, NoTls).unwrap().query_one(sql, &[]).unwrap().get(0)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        drop(self.input.take());
        self.process.wait().ok();
    }
}

#[test]
fn what_a_server_refuses_is_told_with_the_next_step_and_changes_nothing() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    server.run(
        "espomail",
        "CREATE ROLE poor LOGIN; CREATE SCHEMA two; CREATE SCHEMA foreigners; CREATE TABLE foreigners.a (b INT)",
    );
    server.run(
        "espomail",
        "CREATE ROLE led LOGIN; ALTER ROLE led SET search_path = two; GRANT ALL ON SCHEMA two TO led, espomail",
    );
    server.run("espomail", "GRANT ALL ON SCHEMA foreigners TO espomail");
    // As it is since PostgreSQL 15.
    server.run("espomail", "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO espomail");
    let name =
        |role: &str, database: &str, words: &str| format!("postgresql://{role}@/{database}?{}{words}", server.at);
    let (port, tcp) =
        (&server.port, |words: &str| format!("postgresql://espomail@127.0.0.1:{}/espomail{words}", server.port));
    let before = server.made("espomail");
    for (db, verb, code, words, hint) in [
        (
            name("espomail", "nothere", ""),
            "whoami",
            78,
            "the server has no database \"nothere\"",
            "createdb --encoding=UTF8",
        ),
        (name("stranger", "espomail", ""), "whoami", 78, "role \"stranger\" does not exist", "pg_hba.conf"),
        (
            name("espomail", "espomail", ""),
            "whoami",
            78,
            "no database of espomail in postgresql:///espomail?",
            "run `espomail --db 'postgresql://espomail@/espomail?",
        ),
        (name("espomail", "espomail", "&schema=nothere"), "whoami", 78, "schema=nothere", "&schema=nothere' --state"),
        (
            name("poor", "espomail", "&schema=own"),
            "init",
            78,
            "the role poor has too few rights in",
            "it needs CREATE on the schema",
        ),
        (name("poor", "espomail", ""), "init", 78, "it needs CREATE on the schema", "ROLES AND GRANTS"),
        (
            name("led", "espomail", ""),
            "init",
            78,
            "the role's search_path leads to the schema two",
            "name it: schema=two",
        ),
        (name("espomail", "espomail", "&schema=foreigners"), "init", 65, "of something else", "schema=NAME"),
        (tcp("?sslmode=require"), "whoami", 69, "the server at 127.0.0.1 has no TLS", "sslmode=disable"),
        (tcp("?sslmode=verify-full"), "init", 69, "the server at 127.0.0.1 has no TLS", "postgresql.conf"),
        (tcp("?sslmode=require&sslrootcert=/nowhere.pem"), "init", 78, "/nowhere.pem", "sslrootcert"),
        (tcp("").replace(port.as_str(), "1"), "init", 75, "cannot be reached: connection refused", "host and port"),
        ("postgresql:///d?host=/nowhere".to_owned(), "init", 75, "cannot be reached", "/nowhere/.s.PGSQL.5432"),
    ] {
        let run = sandbox.run(&["--db", &db, "--state", ".", verb]).exits(code);
        assert!(run.stderr.contains(words) && run.stderr.contains(hint), "{db}: {run:#?}");
    }
    assert_eq!(server.made("espomail"), before);
    // The next step leads on.
    for db in
        [name("espomail", "espomail", "&schema=own"), name("led", "espomail", "&schema=two"), tcp("?schema=three")]
    {
        let db = ["--db", &db, "--state", "."];
        sandbox.run(&[&db[..], &["init"]].concat()).ok();
        sandbox.run(&[&db[..], &["whoami"]].concat()).ok();
        let again = sandbox.run(&[&db[..], &["init"]].concat()).exits(65);
        assert!(again.stderr.contains("exists already"), "{again:#?}");
    }
}

#[test]
fn the_process_that_is_writing_is_named_with_its_machine() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    let pid = std::process::id();
    let waiting = [
        ("near", format!("espomail {pid}@{here}"), format!("process {pid} ("), format!("look at it: ps -fp {pid}")),
        ("far", "desk 12@web2".into(), "process 12 on web2 (since ".into(), "look at it on web2: ps -fp 12".into()),
        ("other", "psql".into(), "the role espomail in psql (session ".into(), "pg_terminate_backend(".into()),
    ]
    .map(|(schema, name, told, hint)| {
        let db = format!("postgresql://espomail@/espomail?{}", server.at);
        let mut holder: postgres::Config = db.parse().unwrap();
        let db = format!("{db}&schema={schema}");
        sandbox.run(&["--db", &db, "--state", ".", "init"]).ok();
        let mut holder = holder.application_name(&name).connect(NoTls).unwrap();
        holder.batch_execute(&format!("BEGIN; SELECT FROM {schema}.turns FOR UPDATE")).unwrap();
        let run = sandbox.call(&["--db", &db, "--state", ".", "team", "add", "support"]).spawn();
        (run, holder, told, hint)
    });
    for (run, holder, told, hint) in waiting {
        let run = run.wait().exits(75);
        assert!(run.stderr.contains(&told) && run.stderr.contains(&hint), "{told}: {run:#?}");
        assert!(run.stderr.contains("the database is busy"), "{run:#?}");
        drop(holder);
    }
}

/// Files of the server's tables that hold some bytes.
fn holding(server: &Private, bytes: &[u8]) -> Vec<PathBuf> {
    server.run("espomail", "CHECKPOINT");
    let databases = std::fs::read_dir(server.dir.join("data/base")).unwrap();
    let files = databases.flat_map(|database| std::fs::read_dir(database.unwrap().path()).unwrap());
    let holds =
        |path: &PathBuf| std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|part| part == bytes));
    files.map(|file| file.unwrap().path()).filter(holds).collect()
}

#[test]
fn no_file_of_a_table_holds_an_erased_person_when_the_tables_are_written_again() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    let db = format!("postgresql://espomail@/espomail?{}&schema=erased", server.at);
    let run = |args: &[&str]| sandbox.run(&[&["--db", &db, "--state", "."], args].concat()).ok();
    run(&["init"]);
    let account = ["account", "add", "support", "--address", SUPPORT, "--smtp", "127.0.0.1:9", "--smtp-tls", "none"];
    run(&[&account[..], &["--secret", "env:X", "--create-case", "--create-contact"]].concat());
    let ingest = |letter: &Letter| {
        let call = sandbox.call(&["--db", &db, "--state", ".", "ingest", "--account", "support"]);
        call.stdin(&letter.bytes()).run().ok();
    };
    for number in 0..8 {
        let kim = mail("Kim <kim@x.example>", SUPPORT, &format!("Broken {number}"));
        ingest(&kim.body("My secret is xyzzycanary, which stands here in the open.\n"));
        ingest(&mail("lee@y.example", SUPPORT, &format!("Question of Lee {number}")));
    }
    run(&["email", "list", "xyzzycanary"]);
    assert!(holding(&server, b"xyzzycanary").len() > 1);
    let dry = run(&["--dry-run", "record", "erase", "contact", "Kim", "--rewrite"]);
    assert!(dry.stderr.contains("dry run") && !holding(&server, b"xyzzycanary").is_empty(), "{dry:?}");
    run(&["--yes", "record", "erase", "contact", "Kim", "--rewrite"]);
    for trace in [&b"xyzzycanary"[..], b"kim@x.example"] {
        assert_eq!(holding(&server, trace), Vec::<PathBuf>::new());
    }
    assert!(!holding(&server, b"lee@y.example").is_empty());
}
