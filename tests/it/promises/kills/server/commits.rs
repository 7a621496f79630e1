//! The answer to COMMIT is lost: the server is asked whether it was done.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::support::{Child, Deed, Rule, Side, Stop, When, wait_until};

#[test]
fn a_commit_without_an_answer_is_looked_up_and_the_run_goes_on() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let points = spread(rig.commits, 4);
    for &nth in &points {
        let point = format!("unanswered COMMIT {nth} of {}", rig.commits);
        let Some(run) = rig.harmed(Harm::new(Step::Commit(nth), Fate::Unanswered)) else { continue };
        assert_eq!(run.code, 0, "{point}: it was committed: {run:#?}");
        rig.tells(&point, &run);
        rig.recovers(&point);
        let point = format!("COMMIT {nth} of {} that is not heard", rig.commits);
        let Some(run) = rig.harmed(Harm::new(Step::Commit(nth), Fate::Lost)) else { continue };
        rig.told_or_whole(&point, &run);
        rig.tells(&point, &run);
        rig.recovers(&point);
    }
    let what = format!("answer of PostgreSQL to {} of {} COMMITs lost", points.len(), rig.commits);
    promise("R1", &format!("{what}, committed or not: wrongly told"), "0");
}

/// Who makes a database hears whether it is there, also where the answer to the COMMIT is lost.
#[test]
fn a_database_whose_commit_has_no_answer_is_there_or_not_as_init_says() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let here = rig.scene.sandbox.database_name();
    for (fate, code) in [(Fate::Unanswered, 0), (Fate::Lost, 75)] {
        let name = format!("{here}_{code}");
        rig.cutter.set_harm(Some(Harm::new(Step::Commit(1), fate)));
        let made = rig.scene.sandbox.run(&["--db", &name, "--state", "made", "init"]).exits(code);
        assert!(rig.cutter.is_done(), "{fate:?}: {made:#?}");
        rig.cutter.set_harm(None);
        let again = if code == 0 { 65 } else { 0 };
        rig.scene.sandbox.run(&["--db", &name, "--state", "made", "init"]).exits(again);
    }
    promise("R1", "answer of PostgreSQL to the COMMIT of init lost: wrongly told", "0");
}

/// Nothing is written down before a COMMIT that waits for it.
fn is_lazy(postgres: &Postgres) {
    for sql in ["ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()"] {
        postgres.superuser("postgres").batch_execute(sql).unwrap();
    }
}

/// Nobody waits until the database has what comes in on its disk, before it is deleted elsewhere.
#[test]
fn mail_that_was_deleted_on_its_server_is_there_after_a_crash() {
    let postgres = Postgres::own();
    let rig = Rig::new(&postgres, fill_with_few);
    is_lazy(&postgres);
    let Scene { sandbox, mailbox, imap, .. } = &rig.scene;
    sandbox.run(&["account", "edit", "support", "--after", "delete"]).ok();
    let deed = Deed::Hold(Duration::from_secs(6));
    imap.set_rule(Some(Rule { side: Side::Server, text: "xpunge", nth: 1, when: When::Before, deed }));
    let run = sandbox.call(&["fetch"]).spawn();
    wait_until(Duration::from_secs(30), || mailbox.messages("INBOX").is_empty());
    postgres.restart(Stop::Immediate)();
    let run = run.wait();
    assert!(imap.fired() && run.code == 75, "the run was over before the crash: {run:#?}");
    rig.tells("crash", &run);
    assert_eq!(
        sandbox.query("SELECT outcome FROM deliveries ORDER BY id"),
        ["imported", "imported", "imported", "duplicate"]
    );
    promise("R1", "PostgreSQL crashes when mail was deleted on its server: lost", "0");
}

/// The server gives the number of a transaction again where it has written nothing of it down before it died.
#[test]
fn a_commit_of_which_a_crash_left_nothing_is_not_taken_for_another_one() {
    let postgres = Postgres::own();
    let rig = Rig::new(&postgres, fill_with_few);
    is_lazy(&postgres);
    for nth in spread(rig.commits, 3) {
        let point = format!("crash at COMMIT {nth} of {}", rig.commits);
        let restart = postgres.restart(Stop::Immediate);
        let other = postgres.server.replacen("///?", "///espomail?", 1);
        let deed = move || {
            restart();
            let mut client = ::postgres::Client::connect(&other, ::postgres::NoTls).unwrap();
            for _ in 0..5 {
                client.batch_execute("SELECT pg_current_xact_id()").unwrap();
            }
        };
        let Some(run) = rig.harmed(Harm::with(Step::Commit(nth), Fate::Lost, deed)) else { continue };
        rig.told_or_whole(&point, &run);
        rig.tells(&point, &run);
        rig.recovers(&point);
    }
}

/// What a dead process has sent reaches the server when the next run has begun.
#[test]
fn a_commit_that_comes_when_the_next_run_has_begun_costs_no_mail() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let points = spread(rig.commits, 3);
    for &nth in &points {
        let point = format!("late COMMIT {nth} of {}", rig.commits);
        let child = Child::default();
        let dying = child.clone();
        let late = Harm { deed: Arc::new(move || dying.kill()), ..Harm::new(Step::Commit(nth), Fate::Late) };
        rig.cutter.set_harm(Some(late));
        let run = rig.scene.sandbox.call(&["fetch"]).known_to(&child).run();
        if !rig.cutter.is_done() {
            assert!(nth + 2 > rig.commits, "{point}: {run:#?}");
            rig.reset();
            continue;
        }
        assert_eq!(run.code, 128 + 9, "{point}: {run:#?}");
        let next = rig.scene.sandbox.call(&["fetch"]).spawn();
        let waits =
            "SELECT pid || '' FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        // It need not wait for one that only gives back a lease that it does not want.
        let stat = format!("/proc/{}/stat", next.id());
        let has_ended = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "));
        wait_until(Duration::from_secs(20), || has_ended() || !rig.scene.sandbox.query(waits).is_empty());
        rig.cutter.let_go();
        next.wait().ok();
        let doubtful = rig.scene.sandbox.canon().contains("\"held\"");
        compare(&rig.scene, &point, &rig.wanted, doubtful);
        rig.reset();
    }
    let what =
        format!("{} of {} COMMITs of a dead process reach PostgreSQL in the next run", points.len(), rig.commits);
    promise("R1", &format!("{what}: lost, doubled or half made"), "0");
}
