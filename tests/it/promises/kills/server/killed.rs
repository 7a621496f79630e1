//! SIGKILL of `fetch` and `send`, at what goes over the wire: to the server of the database, of IMAP and of SMTP.

use super::*;
use crate::support::{Child, Deed, Dice, Proxy, Rule, Side, When};

/// Who hears the program when it is killed.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Database,
    Imap,
    Smtp,
}

/// What is killed, and where; the last number says of how many things that are said on this wire each one is chosen.
const PLACES: [(&str, Wire); 6] = [
    ("fetch", Wire::Database),
    ("fetch", Wire::Imap),
    ("fetch", Wire::Database),
    ("fetch", Wire::Smtp),
    ("send", Wire::Database),
    ("send", Wire::Smtp),
];

/// What is said by each side of the program's conversations in a run, without the one with the database.
type Lines = [(usize, usize); 2];

fn lines(rig: &Rig<'_>) -> Lines {
    let of = |proxy: &Proxy| (proxy.lines(Side::Client).len(), proxy.lines(Side::Server).len());
    [of(&rig.scene.imap), of(&rig.scene.smtp)]
}

/// All is as before `command` is run.
fn prepare(rig: &Rig<'_>, command: &str) {
    if command == "send" {
        rig.scene.sandbox.run(&["fetch", "--no-send"]).ok().silent();
        answer(&rig.scene);
    }
    rig.scene.imap.clear();
    rig.scene.smtp.clear();
}

/// What a run sends to the database and says to the other servers, and what comes of it.
struct Undisturbed {
    steps: usize,
    lines: Lines,
    wanted: (String, Vec<String>),
}

fn undisturbed(rig: &Rig<'_>, command: &str) -> Undisturbed {
    prepare(rig, command);
    rig.cutter.set_harm(None);
    rig.scene.sandbox.run(&[command]).ok().silent();
    let wanted = (rig.scene.sandbox.canon(), taken(&rig.scene.sink));
    let undisturbed = Undisturbed { steps: rig.cutter.steps(), lines: lines(rig), wanted };
    rig.reset();
    undisturbed
}

#[test]
fn fetch_and_send_that_are_killed_cost_no_mail() {
    let points = asked("ESPOMAIL_POINTS", 12);
    // With twenty mails a run has several batches, and takes four times as long.
    let rig = Rig::new(Postgres::shared(), if points > 12 { fill } else { fill_with_few });
    let mut dice = Dice::new();
    let (fetch, send) = (undisturbed(&rig, "fetch"), undisturbed(&rig, "send"));
    let (mut killed, mut held) = ([0; 3], 0);
    let mut below = |end: usize| usize::try_from(dice.below(end as u64)).unwrap();
    for (command, wire) in PLACES.into_iter().cycle().take(points) {
        let Undisturbed { steps, lines: [imap, smtp], wanted } = if command == "fetch" { &fetch } else { &send };
        let child = Child::default();
        let is_first = below(2) == 0;
        prepare(&rig, command);
        let point = match wire {
            Wire::Database => {
                let (nth, fate) = (1 + below(*steps), if is_first { Fate::Lost } else { Fate::Unanswered });
                let dying = child.clone();
                rig.cutter.set_harm(Some(Harm::with(Step::Any(nth), fate, move || dying.kill())));
                format!("{command} killed at step {nth} of {steps} of the database, {fate:?}")
            }
            Wire::Imap | Wire::Smtp => {
                let is_imap = matches!(wire, Wire::Imap);
                let ((client, server), proxy) =
                    if is_imap { (*imap, &rig.scene.imap) } else { (*smtp, &rig.scene.smtp) };
                let nth = below(client + server);
                let (side, nth) = if nth < client { (Side::Client, nth + 1) } else { (Side::Server, nth - client + 1) };
                let when = if is_first { When::Before } else { When::After };
                proxy.set_rule(Some(Rule { side, text: "", nth, when, deed: Deed::Kill(child.clone()) }));
                format!("{command} killed at line {nth} of {side:?} ({wire:?}), {when:?}")
            }
        };
        let run = rig.scene.sandbox.call(&[command]).known_to(&child).run();
        let is_reached = match wire {
            Wire::Database => rig.cutter.is_done(),
            Wire::Imap => rig.scene.imap.fired(),
            Wire::Smtp => rig.scene.smtp.fired(),
        };
        // It may have ended by itself where it was killed at the last thing that it says.
        assert!(run.code == 128 + 9 || run.code == 0, "{point}: {run:#?}");
        killed[wire as usize] += usize::from(is_reached && run.code != 0);
        rig.cutter.set_harm(None);
        [&rig.scene.imap, &rig.scene.smtp].into_iter().for_each(|proxy| proxy.set_rule(None));
        rig.settle();
        held += usize::from(rig.scene.sandbox.canon().contains("\"in doubt\""));
        rig.comes_to(&point, wanted);
    }
    let [database, imap, smtp] = killed;
    assert!((database + imap + smtp) * 10 >= points * 8, "{killed:?} of {points} were killed");
    let what = format!("PostgreSQL, SIGKILL at {database} steps of the database, {imap} of IMAP, {smtp} of SMTP");
    promise("R1", &format!("{what} ({held} in the gap of R2): lost, doubled or half made"), "0");
}
