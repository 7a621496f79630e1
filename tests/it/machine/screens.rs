//! What people see most is the same in both modes, to the byte: with colour, at all widths, in the pager and without it.

use crate::support::{Machine, Modes, Typed};

/// The most used commands; `espomail` alone is the first.
const COMMANDS: &[&str] = &[
    "espomail",
    "espomail case list",
    "espomail case show 2",
    "espomail case thread 2",
    "espomail email list",
    "espomail email show 3",
    "espomail status",
    "espomail notification list",
    "espomail outbox list",
    "espomail case reply 2 -m Danke. --to weber@kontor.example",
];

#[test]
fn the_most_used_screens_are_the_same_in_both_modes() {
    let Some(modes) = Modes::shop("true") else { return };
    for columns in [60, 100, 140] {
        for (with, wanted) in [("", "\u{1b}["), ("--color=never", "")] {
            let commands: Vec<String> =
                COMMANDS.iter().map(|line| line.replacen("espomail", &format!("espomail {with}"), 1)).collect();
            // As long as the screen is, the pager is ready and has nothing to do.
            let script = commands.join("; echo; ");
            let typed = Typed { columns, rows: 1000, script: &script, steps: &[] };
            let mut screens = modes.screens(&typed);
            if lasting(&screens[0].1) != lasting(&screens[1].1) {
                // Between the two the age of something has grown by a day: not again at once.
                screens = modes.screens(&typed);
            }
            let [enforced, advisory] = screens;
            assert!(enforced.1.contains(wanted) && enforced.1.contains("99812"), "{enforced:#?}");
            // What starts `fetch` is the one thing that must differ: the line of the system is for the service's database.
            assert!(enforced.1.contains("is cron running? /etc/cron.d/espomail has the line"), "{enforced:#?}");
            assert!(advisory.1.contains("is it in the crontab? * * * * * "), "{advisory:#?}");
            assert_same(&script, &lasting(&enforced.1), &lasting(&advisory.1));
            assert_eq!(enforced.0, advisory.0, "{script}");
        }
    }
}

/// What is the same in both modes.
fn lasting(shown: &str) -> String {
    shown.lines().filter(|line| !line.starts_with("Last fetch: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_set_up_says_what_it_did_and_what_comes_next() {
    let Some(machine) = Machine::open() else { return };
    let said = machine.run("root", "cat /usr/local/said").ok().stdout;
    assert!(said.starts_with("espomail is set up for a team on this machine.") && said.contains("To check"), "{said}");
}

#[track_caller]
fn assert_same(what: &str, enforced: &str, advisory: &str) {
    let lines = enforced.lines().zip(advisory.lines());
    let differ: Vec<_> = lines.filter(|(enforced, advisory)| enforced != advisory).take(5).collect();
    assert!(enforced == advisory, "{what}\n(enforced, advisory): {differ:#?}\n{enforced}\n-----\n{advisory}");
}
