//! What is undone of a transaction, and how many savepoints it keeps.

use std::fmt;

use super::*;

/// A thing that is refused.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

fn add(tx: &Tx<'_>, name: &str) -> Result<i64> {
    tx.insert("INSERT INTO teams (name, created_at) VALUES (?1, 0)", params![name])
}

fn names(store: &Store) -> Vec<String> {
    store.read(|tx| tx.values("SELECT name FROM teams ORDER BY id", [])).unwrap()
}

/// Writes before it refuses.
fn put(tx: &Tx<'_>, number: usize, is_refused: bool) -> Result<usize> {
    add(tx, &format!("team {number}"))?;
    ensure!(!is_refused, Refused);
    Ok(number)
}

#[test]
fn things_that_are_refused_are_undone_and_no_others_however_many_share_a_savepoint() {
    type Refuses = fn(usize) -> bool;
    let rows: [(&str, usize, Refuses); 8] = [
        ("none", 0, |_| true),
        ("one", 1, |_| false),
        ("one refused", 1, |_| true),
        ("first and last of a part", 200, |number| [0, 99, 100, 199].contains(&number)),
        ("neighbours", 120, |number| (40..60).contains(&number)),
        ("every second", 150, |number| number % 2 == 1),
        ("all", 130, |_| true),
        ("more than the parts have room for", 4000, |number| number % 700 == 3),
    ];
    for (name, count, refuses) in rows {
        let store = Store::for_test().unwrap();
        let things: Vec<usize> = (0..count).collect();
        let mut runs = 0;
        let (outcomes, kept) = store
            .write(|tx| {
                let outcomes = tx.each(
                    &things,
                    |error| error.is::<Refused>(),
                    |tx, number| {
                        runs += 1;
                        put(tx, *number, refuses(*number))
                    },
                )?;
                Ok((outcomes, tx.savepoints.get()))
            })
            .unwrap();
        let expected: Vec<Option<usize>> = things.iter().map(|number| (!refuses(*number)).then_some(*number)).collect();
        assert_eq!(outcomes.into_iter().map(Result::ok).collect::<Vec<_>>(), expected, "{name}");
        let good: Vec<String> = expected.iter().flatten().map(|number| format!("team {number}")).collect();
        assert_eq!(names(&store), good, "{name}");
        assert!(kept <= 30, "{name}: {kept} savepoints");
        assert!(runs <= 2 * count, "{name}: {runs} runs");
    }
}

#[test]
fn an_error_that_refuses_nothing_ends_all() {
    let store = Store::for_test().unwrap();
    let failed = store.write(|tx| {
        tx.each(
            &[1, 2, 3],
            |error| error.is::<Refused>(),
            |tx, number| {
                add(tx, &number.to_string())?;
                if *number == 3 { bail!("the disk is full") } else { Ok(()) }
            },
        )
    });
    assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
    assert!(names(&store).is_empty());
}

#[test]
fn what_is_rehearsed_in_a_transaction_is_seen_there_and_undone() {
    let store = Store::for_test().unwrap();
    store
        .write(|tx| {
            add(tx, "before")?;
            let seen = tx.rehearse(|tx| {
                add(tx, "rehearsed")?;
                tx.value::<i64>("SELECT count(*) FROM teams", [])
            })?;
            assert_eq!((seen, tx.savepoints.get()), (Some(2), 0));
            add(tx, "after").map(drop)
        })
        .unwrap();
    assert_eq!(names(&store), ["before", "after"]);
}

#[test]
fn a_savepoint_that_was_undone_takes_no_room() {
    let store = Store::for_test().unwrap();
    let room = store.write(|tx| {
        (0..100).for_each(|number| assert!(tx.savepoint(|tx| put(tx, number, true)).is_err()));
        let before = tx.has_room();
        (0..30).try_for_each(|number| tx.savepoint(|tx| put(tx, number, false)).map(drop))?;
        Ok((before, tx.has_room()))
    });
    // A file knows no such limit.
    assert_eq!(room.unwrap(), (true, store.dialect() == Dialect::Sqlite));
    assert_eq!(names(&store).len(), 30);
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_counts_the_savepoints_that_were_kept_and_no_others() {
    let Some(store) = seen::on_server() else { return };
    let is_known = "SELECT count(*) FROM pg_proc WHERE proname = 'pg_stat_get_backend_subxact'";
    if store.read(|tx| tx.value::<i64>(is_known, [])).unwrap() == Some(0) {
        return seen::skip("about counts that this server does not give");
    }
    for (undone, kept) in [(0, 0), (40, 0), (0, 7), (40, 7)] {
        let counted = store.write(|tx| {
            (0..undone).for_each(|number| assert!(tx.savepoint(|tx| put(tx, number, true)).is_err()));
            (0..kept).try_for_each(|number| tx.savepoint(|tx| put(tx, undone + number, false)).map(drop))?;
            tx.execute("DELETE FROM teams", [])?.rows()?;
            tx.value::<i64>(
                "SELECT s.subxact_count FROM pg_stat_get_backend_idset() AS id, pg_stat_get_backend_subxact(id) AS s
                    WHERE pg_stat_get_backend_pid(id) = pg_backend_pid()",
                [],
            )
        });
        assert_eq!(counted.unwrap(), i64::try_from(kept).ok(), "{undone} undone");
    }
}
