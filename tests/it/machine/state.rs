//! The state directory of a service and of a person, with the rights that each of them has.

use crate::support::Machine;

#[test]
fn the_state_directory_of_a_service_is_root_s_to_choose() {
    let Some(office) = Machine::open() else { return };
    office.run("root", "espomail user add ana --email ana@staff.example").ok();
    office
        .run(
            "root",
            "install -d -m 700 -o espomail /var/lib/state && echo 'state = \"/var/lib/state\"' >/etc/espomail/config.toml &&
            echo pw | espomail account add support --kind group --address s@desk.example --tls none --imap 127.0.0.1:1 \
                --smtp 127.0.0.1:1 --secret stdin",
        )
        .ok();
    let kept = office.run("root", "stat -c '%U %a' /var/lib/state/espomail.db.secrets/1").ok().stdout;
    assert_eq!(kept, "espomail 600\n");
    office.run("ana", "espomail case list").ok();
    // What starts a run of the service names its user.
    let made = office.run("root", "espomail --db /var/lib/espomail/second.db init").ok();
    let line =
        "/etc/cron.d/espomail:\n  * * * * * espomail /usr/local/bin/espomail --db /var/lib/espomail/second.db fetch";
    let told = format!("{}{}", made.stdout, made.stderr);
    assert!(told.contains(line) && told.contains("ENFORCED MODE in `espomail man security`"), "{told}");
    // A person cannot choose another one, neither as themselves nor through sudo.
    for script in
        ["sudo -n -u espomail espomail --state /tmp whoami", "sudo -n -u espomail espomail whoami --state=/tmp"]
    {
        let refused = office.run("ana", script).exits(77);
        assert!(refused.stderr.contains("--state: you cannot use it when you come through sudo"), "{refused:#?}");
    }
    // As with --db it means a database of their own.
    let own = office.run("ana", "mkdir -m 700 mine && espomail --state mine case list").exits(78);
    assert!(own.stderr.contains("no database at /home/ana/.local/share/espomail/espomail.db"), "{own:#?}");
    let found = |script: &str, code: i32, words: &str| {
        let run = office.run("root", script).exits(code);
        assert!(run.stdout.contains(words), "no \"{words}\" in {run:#?}");
    };
    found("espomail doctor --offline", 0, "passwords and tokens are in /var/lib/state");
    office.run("root", "chmod 755 /var/lib/state").ok();
    found("espomail doctor --offline", 78, "/var/lib/state is open to others (mode 755)");
    found("espomail doctor --fix --offline", 0, "set to 700");
    office.run("root", "chown root /var/lib/state").ok();
    found("espomail doctor --offline", 78, "the state directory /var/lib/state belongs to root, the database");
    let refused = office.run("root", "espomail fetch").exits(78);
    assert!(refused.stderr.contains("name a directory of espomail with --state"), "{refused:#?}");
}

#[test]
fn a_state_directory_that_cannot_be_written_is_told_by_the_command_that_needs_it() {
    let Some(office) = Machine::open() else { return };
    office.run("bob", "espomail --state state init && chmod 500 state").ok();
    let add = "espomail --state state account add a --kind group --address a@desk.example --tls none --imap 127.0.0.1:1 --smtp 127.0.0.1:1";
    office.run("bob", &format!("{add} --secret env:PW")).ok();
    office.run("bob", "espomail --state state account list").ok();
    let secret = "echo pw | espomail --state state account secret a --secret stdin";
    let refused = office.run("bob", secret).exits(74);
    assert!(refused.stderr.contains("/home/bob/state/espomail.db.secrets"), "{refused:#?}");
    assert!(refused.stderr.contains("permission denied"), "{refused:#?}");
    // Nobody listens there; a fetch writes nothing into that directory.
    office.run("bob", "PW=x espomail --state state fetch").exits(75);
    let found = office.run("bob", "espomail --state state doctor --offline").exits(74);
    assert!(found.stdout.contains("/home/bob/state cannot be written by its owner, bob (mode 500)"), "{found:#?}");
}

#[test]
fn a_database_on_a_server_is_named_by_the_service_and_reached_by_its_user_alone() {
    let Some(office) = Machine::open() else { return };
    // Nobody listens there; what is said of it says who asked, and how far they came.
    let configured = "rm -f /var/lib/espomail/espomail.db* && umask 077 && echo pw >/etc/espomail/database.pw &&
        chown espomail /etc/espomail/database.pw && umask 022 && printf '%s\n' 'database = \"postgresql://127.0.0.1:1/mail\"' \
            'database_password = \"file:/etc/espomail/database.pw\"' >/etc/espomail/config.toml";
    office.run("root", configured).ok();
    let there = "the server of postgresql://127.0.0.1:1/mail cannot be reached";
    for (person, script, code, words) in [
        ("ana", "espomail whoami", 75, there),
        ("ana", "sudo -n -u espomail espomail whoami", 75, there),
        ("ana", "PGPORT=2 PGHOST=::1 PGSERVICE=x espomail whoami", 75, there),
        ("root", "espomail whoami", 75, there),
        ("root", "espomail doctor --offline", 75, "passwords and tokens are in /var/lib/espomail"),
        ("ana", "sudo -n -u espomail espomail --db postgresql:///mine whoami", 77, "--db: you cannot use it"),
        // A database of one's own has a state directory of one's own.
        (
            "ana",
            "espomail --db postgresql://127.0.0.1:2/own whoami",
            75,
            "postgresql://127.0.0.1:2/own cannot be reached",
        ),
        ("ana", "espomail --db postgresql://127.0.0.1:2/own --state /var/lib/espomail whoami", 78, "and you are ana"),
        ("ana", "cat /etc/espomail/database.pw", 1, "Permission denied"),
    ] {
        let run = office.run(person, script).exits(code);
        assert!(format!("{}{}", run.stdout, run.stderr).contains(words), "no \"{words}\" in {run:#?}");
    }
    office.run("root", "chmod 644 /etc/espomail/database.pw").ok();
    let open = office.run("ana", "espomail whoami").exits(78);
    assert!(open.stderr.contains("/etc/espomail/database.pw: others can read it (mode 644)"), "{open:#?}");
    // Variables that a rule of sudo lets through say nothing of it.
    let through = "chmod 600 /etc/espomail/database.pw && echo 'database = \"postgresql:///mail?host=/nowhere\"' >/etc/espomail/config.toml &&
        SUDO_UID=$(id -u ana) PGPORT=2 PGUSER=eve setpriv --reuid espomail --regid espomail --init-groups espomail whoami";
    let kept = office.run("root", through).exits(75);
    assert!(kept.stderr.contains("the server of postgresql:///mail?host=/nowhere cannot be reached"), "{kept:#?}");
    office.run("root", configured).ok();
    // The state directory is a service's also where it is another one.
    let moved = "chmod 600 /etc/espomail/database.pw && install -d -m 700 -o espomail /srv/state && echo 'state = \"/srv/state\"' >>/etc/espomail/config.toml";
    office.run("root", moved).ok();
    let found = office.run("root", "espomail doctor --offline").exits(75);
    assert!(found.stdout.contains("passwords and tokens are in /srv/state"), "{found:#?}");
    office.run("ana", "espomail whoami").exits(75);
}
