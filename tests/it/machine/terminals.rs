//! People who sit at a terminal of the enforced mode: what they type, see and stop.

use std::time::Duration;

use super::enforced::office;
use crate::support::{At, Machine, Quirk, RogueImap, Run, TERMINAL, wait_until};

/// A script of `person`'s on a terminal of their own; pairs of what is waited for and what is typed then.
fn at_terminal(office: &Machine, person: &str, columns: u16, script: &str, steps: &[(&str, &str)]) -> Run {
    let steps = serde_json::to_string(steps).unwrap().replace('\'', "'\\''");
    let terminal = TERMINAL.replace('\'', "'\\''");
    let script = script.replace('\'', "'\\''");
    let run = office.run(person, &format!("python3 -I -S -c '{terminal}' {columns} '{steps}' bash -c '{script}'"));
    assert!(!run.stdout.contains("never seen: "), "{run:#?}");
    run
}

#[test]
fn what_people_type_without_sudo_is_as_if_they_had_typed_it_with() {
    let Some(office) = office() else { return };
    office.run("ana", "rm -r .config").ok();
    office.run("root", "espomail user edit ana --type admin").ok();
    let typed = |columns, script: &str, steps: &[(&str, &str)]| at_terminal(&office, "ana", columns, script, steps);

    // A password is asked for and not shown.
    let add = "espomail account add mine --kind personal --user ana --address ana@staff.example --imap imap.example.org --secret stdin";
    let added = typed(100, add, &[("Password: ", "geheim-1\n")]).ok();
    assert!(added.stdout.contains("account mine added") && !added.stdout.contains("geheim"), "{added:#?}");
    let changed = typed(100, "espomail account secret mine --secret stdin", &[("Password: ", "geheim-2\n")]).ok();
    assert!(!changed.stdout.contains("geheim"), "{changed:#?}");
    assert_eq!(office.run("root", "cat /var/lib/espomail/espomail.db.secrets/1").ok().stdout, "geheim-2\n");

    // What cannot be taken back is asked.
    let subject = "A subject that is far longer than any terminal of sixty columns has room for in one line";
    let create =
        format!("espomail case create --team Support -m text --from eva@customer.example --subject '{subject}'");
    office.run("ana", &create).ok();
    let kept = typed(100, "espomail case merge 2 1", &[("[y/N] ", "n\n")]).exits(1);
    assert!(kept.stdout.contains("nothing was changed"), "{kept:#?}");

    // Tables have the width of the terminal, or the one that is asked for.
    for (columns, script, widest) in
        [(60, "espomail case list", 60), (200, "espomail case list", 200), (200, "COLUMNS=70 espomail case list", 70)]
    {
        let shown = typed(columns, script, &[]).ok().stdout;
        let width = shown.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "").lines().map(|l| l.chars().count()).max();
        assert!(shown.contains("A subj") && width.is_some_and(|width| width <= widest), "{script}: {shown}");
        assert_eq!(shown.contains(subject), widest == 200, "{shown}");
        assert!(shown.contains("\u{1b}[1m"), "the heading is not bold: {shown}");
    }
    // It ends by itself.
    assert!(typed(100, "espomail --no-pager man team", &[]).ok().stdout.contains("ESPOMAIL-TEAM(1)"));
    assert!(typed(100, "espomail case list nosuchword", &[]).ok().stdout.contains("No cases."));
    assert!(typed(100, "espomail fetch", &[]).stdout.contains("imported 0, other 0"));
    typed(100, "espomail case merge 2 1", &[("[y/N] ", "y\n")]).ok();
}

#[test]
fn control_c_ends_the_command_on_both_sides() {
    let Some(office) = office() else { return };
    office.run("ana", "rm -r .config").ok();
    let server = RogueImap::new(At::Select, Quirk::Silence);
    let account = format!(
        "echo 'allowed_hosts = [\"127.0.0.0/8\"]' >/etc/espomail/config.toml &&
        install -m 600 -o espomail /dev/null /tmp/pw && echo pw >/tmp/pw &&
        espomail user edit ana --type admin && espomail account add slow --kind group --address slow@desk.example \
        --imap 127.0.0.1:{} --tls none --login x --secret file:/tmp/pw",
        server.port
    );
    office.run("root", &account).ok();
    let lock = "flock -n /var/lib/espomail/espomail.db.locks/account-1 true";
    // Ctrl-Z does nothing: nobody may stop a process of the service's. A key in the first moment of sudo could make sudo
    // itself hang, so the command is at its server first.
    let script = "(until [ -e /tmp/at-it ]; do sleep 0.1; done; echo now; sleep 0.5; echo then) & timeout --foreground -s KILL 20 espomail fetch";
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(Duration::from_secs(20), || server.connections() > 0);
            office.run("root", "touch /tmp/at-it").ok();
        });
        at_terminal(&office, "ana", 100, script, &[("now", "\x1a"), ("then", "\x03")])
    });
    if ended.code == 137 {
        // A key in an early moment makes some versions of sudo hang; what the service runs has ended all the same.
        eprintln!("skipped: sudo did not end after Ctrl-C");
    } else {
        assert_eq!(ended.code, 130, "{ended:#?}");
    }
    assert!(!ended.stdout.contains("Stopped"), "{ended:#?}");
    office.run("root", lock).ok();
}
