//! Enforced mode with the database on a server: as with a file, and nobody who comes learns its password.

use crate::support::{Machine, Postgres};

/// As people call it.
const S: &str = "sudo -n -u espomail /usr/local/bin/espomail";
/// Only the service user may read it.
const PASSWORD: &str = "canary-91b2e7-database";

/// The database of a team, which the configuration of the service names, and a case in it.
fn office(postgres: &Postgres) -> Option<Machine> {
    let office = Machine::open()?;
    postgres.asks_for_passwords(PASSWORD);
    let name = name(postgres);
    office
        .run(
            "root",
            &format!(
                "rm -r /var/lib/espomail/espomail.db* &&
                echo 'database = \"{name}\"' >/etc/espomail/config.toml &&
                echo 'database_password = \"file:/etc/espomail/database.pw\"' >>/etc/espomail/config.toml &&
                echo 'state = \"/var/lib/espomail\"' >>/etc/espomail/config.toml &&
                echo {PASSWORD} >/etc/espomail/database.pw && chown espomail: /etc/espomail/database.pw &&
                chmod 600 /etc/espomail/database.pw && espomail -q init && espomail -q team add Support &&
                for u in ana budi; do espomail -q user add $u --email $u@staff.example; done &&
                espomail -q team member add Support ana &&
                espomail -q --as ana case create --subject 'Invoice 1' --team Support -m 'the text' --from eva@customer.example"
            ),
        )
        .ok();
    Some(office)
}

fn name(postgres: &Postgres) -> String {
    format!("postgresql://espomail@127.0.0.1:{}/espomail?schema=desk&sslmode=disable", postgres.port())
}

#[test]
fn people_of_a_database_on_a_server_act_as_their_user_and_do_not_learn_its_password() {
    let postgres = Postgres::with_tls();
    let Some(office) = office(&postgres) else { return };
    let whoami = |person: &str, script: &str| {
        let run = office.run(person, script).ok();
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:#?}"))
    };
    let ana = whoami("ana", &format!("{S} --json whoami"));
    assert_eq!((ana["user"]["username"].as_str(), ana["mode"].as_str()), (Some("ana"), Some("enforced")), "{ana}");
    let root = whoami("root", "espomail --json whoami");
    assert_eq!((root["type"].as_str(), root["mode"].as_str()), (Some("administrator"), Some("enforced")), "{root}");
    assert!(office.run("ana", &format!("{S} case list")).ok().stdout.contains("Invoice 1"));
    assert!(!office.run("budi", &format!("{S} case list")).ok().stdout.contains("Invoice 1"));
    office.run("eve", &format!("{S} case list")).exits(77).says("no user has the login \"eve\"");
    office.run("ana", "espomail case note 1 -m 'she called'").ok();
    // The entry is hers, and of this machine.
    let log = office.run("root", "espomail --json log list --limit 1").ok().stdout;
    let entry: serde_json::Value = serde_json::from_str(&log).unwrap();
    let entry = &entry["items"][0];
    let machine = String::from_utf8(std::process::Command::new("hostname").output().unwrap().stdout).unwrap();
    assert_eq!((&entry["command"], &entry["user"]["username"]), (&"case note".into(), &"ana".into()), "{log}");
    assert_eq!(entry["host"].as_str(), Some(machine.trim()), "{log}");

    // What people choose themselves is refused, or says nothing.
    let name = name(&postgres);
    for (line, code, words) in [
        (format!("{S} --db '{name}' whoami"), 77, "--db"),
        (format!("{S} --state /tmp/state whoami"), 77, "--state"),
        (format!("{S} db copy '{name}' /tmp/copy.db"), 77, "db copy"),
        (
            format!("ESPOMAIL_DB='{name}' ESPOMAIL_STATE=/tmp PGUSER=postgres PGHOST=/tmp PGPASSWORD=x {S} whoami"),
            0,
            "ana",
        ),
        (
            format!(
                "PGSERVICEFILE=$HOME/x PGSERVICE=x PGPASSFILE=$HOME/x PGOPTIONS='-c search_path=public' {S} whoami"
            ),
            0,
            "ana",
        ),
        // By her own rights she reaches the server, which asks her for a password that she cannot read.
        ("cat /etc/espomail/database.pw".to_owned(), 1, "Permission denied"),
        (format!("espomail --db '{name}' --state mine whoami"), 78, "state"),
        (format!("mkdir -m 700 mine; espomail --db '{name}' --state mine whoami"), 78, "password"),
        (format!("{S} config show"), 77, "config show"),
        (format!("{S} doctor"), 77, "doctor"),
    ] {
        let run = office.run("ana", &line);
        assert!(run.code == code && format!("{}{}", run.stdout, run.stderr).contains(words), "{line}: {run:#?}");
        assert!(!format!("{run:?}").contains(PASSWORD), "{line}: {run:#?}");
    }
    // Without the server, and with a login that it refuses, nobody hears more.
    office.run("root", "echo wrong >/etc/espomail/database.pw").ok();
    let refused = office.run("ana", &format!("{S} case list")).exits(78);
    assert!(refused.stderr.contains("password") && !format!("{refused:?}").contains(PASSWORD), "{refused:#?}");
    office.run("root", &format!("echo {PASSWORD} >/etc/espomail/database.pw")).ok();

    // What root does leaves nothing that is root's or that others may read, and the password nowhere.
    office.run("root", "espomail fetch && espomail status").ok();
    let strangers = "find /var/lib/espomail ! -user espomail -o -perm /077 ! -type l";
    assert_eq!(office.run("root", strangers).ok().stdout, "");
    office.run("root", &format!("! grep -rl {PASSWORD} /var/lib/espomail /tmp /var/tmp /home")).ok();
    let doctor = office.run("root", "espomail doctor --offline").ok();
    assert!(doctor.stdout.contains("enforced") && !format!("{doctor:?}").contains(PASSWORD), "{doctor:#?}");
    // A state directory of somebody else is refused.
    office.run("root", "chown ana: /var/lib/espomail").ok();
    office.run("ana", &format!("{S} whoami")).exits(77);
}
