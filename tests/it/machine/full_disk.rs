//! A disk that fills up while somebody writes: what was typed stays in a file that is named, in both modes.

use crate::support::{Mode, Modes, Typed};

/// Puts the rows on a disk of their own, which has no room left.
const FILL: &str = "mv D D.kept && mkdir D && mount -t tmpfs -o size=16m none D && cp -a D.kept/. D &&
    chown --reference=D.kept D && chmod --reference=D.kept D && (dd if=/dev/zero of=D/filler bs=4k 2>/dev/null; true)";
const EMPTY: &str = "umount D && rmdir D && mv D.kept D";

#[test]
fn words_that_the_disk_has_no_room_for_stay_in_a_file_that_is_named() {
    let Some(modes) = Modes::shop("true") else { return };
    let editor = "printf '#!/bin/sh\\necho typed by ana >>\"$1\"\\n' >types && chmod 755 types";
    modes.machine.run("ana", editor).ok();
    for mode in Mode::BOTH {
        modes.begin(mode);
        let root = |script: &str| modes.machine.run("root", &script.replace('D', mode.directory())).ok();
        for line in ["case reply 1", "case reply 1 --draft", "email send --to eva@moss.example --subject Hello"] {
            root(FILL);
            let script = format!("export EDITOR=~/types; espomail {line}");
            let run = modes.typed("ana", &Typed { columns: 200, rows: 100, script: &script, steps: &[] });
            let told = run.stdout.split("what you wrote is in ").nth(1).unwrap_or_default();
            let file = told.split([';', '\n']).next().unwrap_or_default();
            assert!(run.code != 0 && file.starts_with('/'), "{mode:?} {line}: {} {}", run.code, run.stdout);
            assert!(run.stdout.contains("0 B free") && !run.stdout.contains("I/O"), "{}", run.stdout);
            let kept = modes.machine.run("ana", &format!("cat '{file}'")).ok().stdout;
            assert!(kept.contains("typed by ana"), "{mode:?} {line}: {kept}");
            root(EMPTY);
        }
    }
}

#[test]
fn cron_hears_of_a_full_disk_once_and_when_there_is_room_again() {
    let Some(modes) = Modes::shop("true") else { return };
    let mode = Mode::Advisory;
    modes.begin(mode);
    let root = |script: &str| modes.machine.run("root", &script.replace('D', mode.directory())).ok();
    let run = |line: &str| modes.machine.run("ana", &format!("espomail {line} </dev/null"));
    root(FILL);
    let first = run("fetch");
    assert!(first.code == 74 && first.stderr.contains("0 B free on the disk"), "{first:?}");
    for line in ["fetch", "send", "fetch"] {
        let again = run(line);
        assert!(again.code == 74 && again.stdout.is_empty() && again.stderr.is_empty(), "{line}: {again:?}");
    }
    let asked = run("-v fetch");
    assert!(asked.code == 74 && asked.stderr.contains("0 B free on the disk"), "{asked:?}");
    root("rm D/filler");
    let well = run("fetch");
    assert!(well.stderr.contains("works again after failing since"), "{well:?}");
    assert!(!run("fetch").stderr.contains("works again"));
    root(EMPTY);
}
