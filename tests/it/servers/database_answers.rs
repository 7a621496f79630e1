//! A server of PostgreSQL that is there, and not as it is needed: rights, roles, several hosts, a standby. What is said names
//! the reason and the next step.

use std::os::unix::fs::{PermissionsExt as _, chown};

use super::database_server::Private;
use crate::support::{Sandbox, scratch};

#[test]
fn what_keeps_a_role_or_a_host_away_is_named() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    server.run(
        "espomail",
        "CREATE ROLE poor LOGIN; CREATE ROLE full LOGIN CONNECTION LIMIT 0; CREATE ROLE fixed LOGIN;
        ALTER ROLE fixed SET default_transaction_read_only = on; CREATE SCHEMA shut; CREATE SCHEMA weak AUTHORIZATION espomail;
        GRANT USAGE ON SCHEMA weak TO poor; GRANT espomail TO fixed",
    );
    let name = |role: &str, words: &str| format!("postgresql://{role}@/espomail?{}{words}", server.at);
    let run = |db: &str, verb: &str| sandbox.run(&["--db", db, "--state", ".", verb]);
    run(&name("espomail", "&schema=weak"), "init").ok();
    run(&name("espomail", "&schema=closed"), "init").ok();
    let port = &server.port;
    let several = format!("postgresql://espomail@127.0.0.1:1,127.0.0.1:{port}/nothere");
    for (db, verb, code, words, hint) in [
        (
            several.clone(),
            "whoami",
            78,
            "the server of 127.0.0.1:1 cannot be reached: connection refused; 127.",
            "createdb",
        ),
        (several, "init", 78, "the server has no database \"nothere\"", "createdb"),
        (name("full", ""), "whoami", 75, "has no room for another connection: too many", "max_connections"),
        (
            name("fixed", "&target_session_attrs=read-write"),
            "whoami",
            75,
            "cannot be written: it is a standby",
            "primary",
        ),
        (
            name("poor", "&schema=shut"),
            "init",
            78,
            "the schema shut exists, and the role poor has no rights on it",
            "let postgres run: GRANT USAGE, CREATE ON SCHEMA shut TO poor",
        ),
        (
            name("poor", "&schema=closed"),
            "whoami",
            78,
            "the schema closed exists, and the role poor has no rights on it",
            "log in as its owner: user=espomail; or let espomail run: GRANT USAGE ON SCHEMA closed TO poor",
        ),
        (name("poor", "&schema=weak"), "whoami", 78, "permission denied for table", "ROLES AND GRANTS"),
    ] {
        let run = run(&db, verb).exits(code);
        assert!(run.stderr.contains(words) && run.stderr.contains(hint), "{db}: {run:#?}");
    }
    // A desk that cannot be written is not well.
    let check = run(&name("fixed", "&schema=weak"), "check").exits(2);
    assert!(check.stdout.contains("is read-only: mail is neither fetched nor sent"), "{check:#?}");
    assert!(run(&name("espomail", "&schema=weak"), "check").stdout.contains("there is no account yet"));
    // A schema that is named like the role comes first in its search_path.
    run(&name("espomail", ""), "init").ok();
    server.run("espomail", "CREATE SCHEMA espomail AUTHORIZATION espomail");
    let led = run(&name("espomail", ""), "whoami").exits(78);
    let hides = "leads to the schema espomail, which has no table of espomail and hides those in public";
    assert!(led.stderr.contains(hides), "{led:#?}");
    let next = "the desk that was used so far is in public: schema=public; that of the other schema: schema=espomail";
    assert!(led.stderr.contains(next), "{led:#?}");
    run(&name("espomail", "&schema=public"), "whoami").ok();
    // And it has tables, too.
    run(&name("espomail", "&schema=espomail"), "init").ok();
    let led = run(&name("espomail", ""), "whoami").exits(78);
    let (hides, next) = ("in public; both have some", "name the one that is meant: schema=public or schema=espomail");
    assert!(led.stderr.contains(hides) && led.stderr.contains(next), "{led:#?}");
    // The other way round it is used, and told.
    let warned = |db: &str| {
        let run = sandbox.run(&["--db", db, "--state", ".", "doctor", "--offline"]);
        run.stdout.contains("the schema espomail has tables of espomail too, and the search_path hides them")
            && run.stderr.contains("schema=public or schema=espomail")
    };
    server.run("espomail", "ALTER ROLE espomail SET search_path = public, \"$user\"");
    run(&name("espomail", ""), "whoami").ok();
    assert!(warned(&name("espomail", "")));
    assert!(!warned(&name("espomail", "&schema=public")), "it was named");
}

#[test]
fn a_database_that_is_not_made_leaves_no_state_directory() {
    let (server, sandbox) = (Private::start(), Sandbox::new());
    let db = format!("postgresql://espomail@/nothere?{}", server.at);
    let state = sandbox.path("new/state");
    let run = sandbox.run(&["--db", &db, "--state", state.to_str().unwrap(), "init"]).exits(78);
    assert!(!sandbox.path("new").exists(), "{run:#?}");
    std::fs::create_dir_all(sandbox.path("new")).unwrap();
    sandbox.run(&["--db", &db, "--state", state.to_str().unwrap(), "init"]).exits(78);
    assert!(sandbox.path("new").exists() && !state.exists());
    let there = db.replace("/nothere", "/espomail");
    sandbox.run(&["--db", &there, "--state", state.to_str().unwrap(), "init"]).ok();
    assert!(state.is_dir());
}

/// Root becomes the owner of the state, and HOME stays that of root.
#[test]
fn the_passwords_in_the_home_of_root_are_not_asked_for_with_the_rights_of_another() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (server, sandbox, state) = (Private::start(), Sandbox::new(), scratch("pg-state"));
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    chown(&state, Some(4_711), Some(4_711)).unwrap();
    sandbox.file("home/.pgpass", b"*:*:*:*:pw\n");
    std::fs::set_permissions(sandbox.path("home"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let db = format!("postgresql://espomail@127.0.0.1:{}/espomail", server.port);
    sandbox.run(&["--db", &db, "--state", state.to_str().unwrap(), "init"]).ok();
    let whoami = |db: &str| sandbox.run(&["--db", db, "--state", state.to_str().unwrap(), "whoami"]);
    whoami(&db).ok();
    // Root is told whose they are where none is found, also where a service names the host.
    server.ask_for_passwords();
    let service = format!("[desk]\nhost=127.0.0.1\nport={}\nuser=espomail\ndbname=espomail\n", server.port);
    let own = sandbox.file("services", service.as_bytes());
    sandbox.env("PGSERVICEFILE", own.to_str().unwrap());
    for db in [db.as_str(), "service=desk"] {
        let run = whoami(db).exits(78);
        let whose = "user 4711 owns the state directory, so root has become user 4711, who has no home";
        assert!(
            run.stderr.contains("asks for a password of the role espomail") && run.stderr.contains(whose),
            "{run:#?}"
        );
    }
    let passwords = format!("127.0.0.1:{}:espomail:espomail:{}\n", server.port, Private::PASSWORD);
    sandbox.env("PGPASSFILE", sandbox.file("passwords", passwords.as_bytes()).to_str().unwrap());
    let run = whoami("service=desk").exits(78);
    assert!(run.stderr.contains("passwords: permission denied"), "{run:#?}");
    chown(sandbox.path("passwords"), Some(4_711), Some(4_711)).unwrap();
    std::fs::set_permissions(sandbox.path(""), std::fs::Permissions::from_mode(0o711)).unwrap();
    whoami("service=desk").ok();
    std::fs::write(&own, service + "password=x\n").unwrap();
    let run = whoami("service=desk").exits(78);
    assert!(run.stderr.contains("into a file of user 4711: database_password"), "{run:#?}");
    std::fs::remove_dir_all(state).unwrap();
}
