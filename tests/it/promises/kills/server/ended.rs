//! The server is restarted, or ends what a run has begun, or does not begin it: that passes, or is for a person to mend, and is
//! never the fault of a mail.

use std::time::Duration;

use ::postgres::Client;

use super::*;
use crate::support::{Stop, wait_until};

/// Deliveries under suspicion.
const SUSPECTS: &str = "SELECT id || ' ' || reason FROM deliveries WHERE deaths > 0 OR outcome = 'quarantined'";

/// A session that has the turn.
fn with_the_turn(rig: &Rig<'_>) -> Client {
    let (database, schema) = rig.scene.sandbox.schema();
    let mut client = rig.postgres.superuser(&database);
    client.batch_execute(&format!("BEGIN; SELECT name FROM {schema}.turns FOR UPDATE")).unwrap();
    client
}

/// Does something to each session of the program in this database that is in this state; how many there were.
fn to_sessions(postgres: &Postgres, database: &str, what: &str, state: &str) -> usize {
    let sql = format!(
        "SELECT {what} FROM pg_stat_activity WHERE datname = '{database}' AND usename = 'espomail' AND {state}"
    );
    postgres.superuser(database).query(&sql, &[]).unwrap().len()
}

/// How many restarts; one takes as long as ten other points.
fn restarts(usual: usize) -> usize {
    asked("ESPOMAIL_POINTS", usual * 10) / 10
}

#[test]
fn a_server_that_is_restarted_costs_no_mail() {
    let postgres = Postgres::own();
    let rig = Rig::new(&postgres, fill_with_few);
    let (mut told, mut restarted) = (0, 0);
    for stop in [Stop::Fast, Stop::Immediate] {
        for nth in spread_by(rig.steps, restarts(2)) {
            let fate = if nth % 2 == 0 { Fate::Heard } else { Fate::Unanswered };
            let point = format!("{stop:?} restart at step {nth} of {}, {fate:?}", rig.steps);
            let harm = Harm::with(Step::Any(nth), fate, postgres.restart(stop));
            let Some(run) = rig.harmed(harm) else { continue };
            rig.tells(&point, &run);
            (told, restarted) = (told + usize::from(run.code == 75), restarted + 1);
            assert_eq!(rig.scene.sandbox.query(SUSPECTS), [""; 0], "{point}");
            rig.recovers(&point);
        }
    }
    assert!(told > 0, "no run noticed");
    let what = format!("PostgreSQL restarted at {restarted} steps (fast, immediate)");
    promise("R1", &format!("{what}: lost, doubled or half made"), "0");
}

#[test]
fn a_session_that_an_administrator_ends_costs_no_mail() {
    let postgres = Postgres::shared();
    let rig = Rig::new(postgres, fill_with_few);
    let (database, _) = rig.scene.sandbox.schema();
    let points = spread(rig.steps, 4);
    for &nth in &points {
        let point = format!("session ended at step {nth} of {}", rig.steps);
        let server = database.clone();
        let end = move || {
            to_sessions(postgres, &server, "pg_terminate_backend(pid, 5000)", "TRUE");
        };
        let Some(run) = rig.harmed(Harm::with(Step::Any(nth), Fate::Heard, end)) else { continue };
        rig.tells(&point, &run);
        rig.told_or_whole(&point, &run);
        assert_eq!(rig.scene.sandbox.query(SUSPECTS), [""; 0], "{point}");
        rig.recovers(&point);
    }
    promise("R1", &format!("session of PostgreSQL ended at {} steps: lost, doubled or half made", points.len()), "0");
}

#[test]
fn a_run_that_gets_no_turn_or_is_too_slow_or_is_stopped_says_so_and_costs_no_mail() {
    let postgres = Postgres::shared();
    let rig = Rig::new(postgres, fill_with_few);
    let (database, _) = rig.scene.sandbox.schema();
    let told = |run: Run, code: i32, words: &str, next: &str| {
        assert!(run.code == code && run.stderr.contains(words) && run.stderr.contains(next), "{words}: {run:#?}");
        assert_eq!(rig.scene.sandbox.query(SUSPECTS), [""; 0]);
        rig.forget_absence();
    };
    // Somebody else has the turn for longer than a run waits.
    let other = with_the_turn(&rig);
    rig.cutter.set_words(&[("lock_timeout = '10s'", "lock_timeout = '01s'")]);
    told(rig.scene.sandbox.run(&["fetch"]), 75, "the database is busy: ", "run it again");
    drop(other);
    rig.cutter.set_words(&[]);
    rig.recovers("no turn");

    // An administrator ends a statement.
    let other = with_the_turn(&rig);
    let run = rig.scene.sandbox.call(&["fetch"]).spawn();
    let waits = "wait_event_type = 'Lock'";
    wait_until(Duration::from_secs(20), || to_sessions(postgres, &database, "pg_cancel_backend(pid)", waits) > 0);
    let words = "has ended the transaction: canceling statement due to user request";
    told(run.wait(), 75, words, "run it again; nothing that was half done is kept");
    drop(other);
    rig.recovers("statement ended");

    // A transaction takes too long a rest.
    rig.cutter.set_words(&[("session_timeout = '60s'", "session_timeout = '01s'")]);
    for nth in [rig.commits / 3, rig.commits / 2] {
        let server = database.clone();
        let rest = move || {
            let rests = || to_sessions(postgres, &server, "1", "state LIKE 'idle in transaction%'");
            wait_until(Duration::from_secs(20), || rests() == 0);
        };
        let run = rig.harmed(Harm::with(Step::Commit(nth), Fate::Heard, rest)).unwrap();
        told(run, 75, rig.cutter.host().to_str().unwrap(), "run it again");
    }
    rig.cutter.set_words(&[]);
    rig.recovers("too long a rest");

    // Nobody may write: a standby, or an administrator who wants it so.
    let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    postgres.superuser("postgres").batch_execute(&sql).unwrap();
    let words = "cannot be written now: the server is a standby, or read-only";
    told(rig.scene.sandbox.run(&["fetch"]), 75, words, "name the primary");
    told(rig.scene.sandbox.run(&["email", "list"]), 0, "", "");
    let sql = format!("ALTER DATABASE {database} RESET default_transaction_read_only");
    postgres.superuser("postgres").batch_execute(&sql).unwrap();
    rig.recovers("read-only");
}

/// Errors of the server at the third mail that is stored, imported or sent; a rule of a table at the end, which is the fault
/// of a mail.
#[test]
fn an_error_that_is_not_of_the_mail_puts_none_aside() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let stored = ("BEFORE INSERT ON deliveries", "new.uid = 3");
    let imported = ("BEFORE INSERT ON emails", "new.subject = 'Away'");
    let sent = ("BEFORE UPDATE ON outbox", "new.state = 'in doubt'");
    let settled = ("BEFORE UPDATE ON outbox", "new.state = 'sent'");
    let all = [stored, imported, sent, settled];
    let full = ("53100", all.as_slice(), 74, "the disk of the server of ", "free some space there, then run it again");
    for (code, places, exit, words, next) in [
        full,
        ("53200", &[imported, sent], 75, "has ended the transaction: x", "run it again"),
        ("57014", &[stored, imported, settled], 75, "has ended the transaction: x", "run it again"),
        ("40P01", &[imported, sent], 75, "the database is busy: ", "run it again"),
        ("40001", &[imported], 75, "the database is busy: ", "run it again"),
        ("26000", &[imported], 75, "has ended the transaction: x", "run it again"),
        ("25006", &[imported], 75, "a standby, or read-only", "name the primary"),
        ("58030", &[imported], 74, "the disk of the server of ", "see the log of the server"),
        ("XX001", &[imported], 74, "is damaged: x", "db check` lists the faults"),
        ("42501", &[imported], 78, "has too few rights", "espomail man postgresql"),
        ("23514", &[imported], 1, "kept: db error: ERROR: x", "espomail quarantine list"),
    ] {
        for (event, when) in places {
            let point = format!("{code} {event} {when}");
            let (_, here) = rig.scene.sandbox.schema();
            rig.as_superuser(&format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$;
                CREATE TRIGGER fail {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {here}.fail()"
            ));
            let run = rig.scene.sandbox.run(&["fetch"]);
            rig.forget_absence();
            rig.as_superuser("DROP FUNCTION fail CASCADE");
            assert_eq!(run.code, exit, "{point}: {run:#?}");
            assert!(run.stderr.contains(words) && run.stderr.contains(next), "{point}: {run:#?}");
            let aside = rig.scene.sandbox.query(SUSPECTS);
            assert_eq!(aside.len(), usize::from(code == "23514"), "{point}: {aside:?}");
            // What was not sent is all the same to the next error.
            if code == "23514" {
                rig.reset();
            } else if event.contains("outbox") {
                rig.recovers(&point);
            }
        }
    }
}
