//! What waits on a server and travels with the next statement, and where its errors are heard.

use super::*;
use crate::place::Database;
use crate::store::db::seen::on_server;
use crate::store::teams;

const ADD: &str = "INSERT INTO teams (name, created_at) VALUES (?1, 0)";
/// Fails when it runs: a team cannot lead to one that is not there.
const BAD: &str = "INSERT INTO team_members (team_id, user_id, position) VALUES (999, 999, '')";

fn add(tx: &Tx<'_>, name: &str) -> Result<()> {
    tx.execute(ADD, [name]).map(drop)
}

fn names(tx: &Tx<'_>) -> Result<Vec<String>> {
    tx.values("SELECT name FROM teams ORDER BY id", [])
}

fn kept(store: &Store) -> Vec<String> {
    store.read(names).unwrap()
}

fn bad(tx: &Tx<'_>) -> Result<()> {
    tx.execute(BAD, []).map(drop)
}

/// A database in which the statements of these tests were prepared, and its trips until then.
fn desk() -> Option<Store> {
    let store = on_server()?;
    let warm = |tx: &Tx<'_>| {
        add(tx, "warm")?;
        tx.execute("DELETE FROM teams", [])?;
        let _ = tx.savepoint(bad);
        names(tx)
    };
    store.write(warm).unwrap();
    Some(store)
}

#[test]
fn writes_wait_and_travel_with_the_next_question() {
    let Some(store) = desk() else { return };
    let before = store.trips();
    let read = store.write(|tx| {
        add(tx, "a")?;
        add(tx, "b")?;
        assert_eq!(store.trips(), before + 1, "BEGIN alone");
        names(tx)
    });
    assert_eq!(read.unwrap(), ["a", "b"]);
    assert_eq!(store.trips(), before + 3, "BEGIN, the question with what waited, COMMIT");
    store.write(|tx| (0..40).try_for_each(|number| add(tx, &format!("c{number}")))).unwrap();
    assert_eq!(store.trips(), before + 5, "COMMIT takes along what waited");
    assert_eq!(kept(&store).len(), 42);
}

#[test]
fn a_count_is_that_of_its_own_statement_whenever_it_is_asked_for() {
    let Some(store) = desk() else { return };
    let counts = store.write(|tx| {
        let first = tx.execute(ADD, ["a"])?;
        add(tx, "b")?;
        let both = tx.execute("UPDATE teams SET created_at = 7", [])?;
        let none = tx.execute("DELETE FROM teams WHERE name = 'c'", [])?;
        let counts = (both.rows()?, none.rows()?, first.rows()?);
        names(tx)?;
        assert!(exactly_one(both).is_err() && exactly_one(first).is_ok());
        Ok((counts, tx.execute("DELETE FROM teams", [])?.rows()?))
    });
    assert_eq!(counts.unwrap(), ((2, 0, 1), 2));
}

#[test]
fn an_error_of_what_waited_is_heard_with_the_next_answer_or_at_the_end() {
    let Some(store) = desk() else { return };
    let asked = store.write(|tx| {
        add(tx, "a")?;
        bad(tx)?;
        add(tx, "b")?;
        Ok(names(tx).unwrap_err())
    });
    let refused = asked.unwrap_err();
    assert!(refused.to_string().contains("failed, and it went on"), "it was swallowed, and so not kept: {refused:#}");
    for end in [Store::write::<()>, Store::rehearse::<()>] as [fn(&Store, fn(&Tx<'_>) -> Result<()>) -> Result<()>; 2] {
        let refused = end(&store, |tx| {
            add(tx, "a")?;
            bad(tx)?;
            add(tx, "b")
        });
        let told = format!("{:#}", refused.unwrap_err());
        assert!(told.contains("foreign key"), "{told}");
    }
    assert_eq!(kept(&store), [""; 0]);
}

#[test]
fn a_savepoint_hears_the_errors_of_its_own_statements_and_no_others() {
    let Some(store) = desk() else { return };
    // Inside: nobody asked for an answer, and the error stays inside.
    let done = store.write(|tx| {
        add(tx, "before")?;
        let caught = tx.savepoint(|tx| {
            add(tx, "inside")?;
            bad(tx)
        });
        assert!(caught.is_err());
        add(tx, "after")?;
        let done = tx.savepoint(|tx| add(tx, "second"));
        assert!(done.is_ok());
        names(tx)
    });
    assert_eq!(done.unwrap(), ["before", "after", "second"]);
    // Before: what is in it does not run, and it is not taken for its own.
    let mut runs = 0;
    let refused = store.write(|tx| {
        bad(tx)?;
        let caught = tx.savepoint(|_| {
            runs += 1;
            Ok(())
        });
        assert!(caught.is_err());
        Ok(())
    });
    assert!(refused.is_err() && runs == 0);
    // In the inner one of two.
    let done = store.write(|tx| {
        tx.savepoint(|tx| {
            add(tx, "outer")?;
            assert!(tx.savepoint(bad).is_err());
            assert!(tx.savepoint(|tx| tx.savepoint(bad)).is_err());
            add(tx, "outer still")
        })
    });
    done.unwrap();
    assert_eq!(kept(&store), ["before", "after", "second", "outer", "outer still"]);
}

#[test]
fn what_is_undone_before_it_was_sent_is_never_sent() {
    let Some(store) = desk() else { return };
    let before = store.trips();
    store
        .write(|tx| {
            add(tx, "a")?;
            let undone = tx.savepoint::<()>(|tx| {
                tx.savepoint(|tx| tx.value::<i64>("SELECT 1", []))?;
                add(tx, "b")?;
                let inner = tx.savepoint::<()>(|tx| {
                    add(tx, "c")?;
                    bail!("no")
                });
                assert!(inner.is_err());
                add(tx, "d")?;
                bail!("no")
            });
            assert!(undone.is_err());
            let empty = tx.savepoint::<()>(|tx| {
                add(tx, "e")?;
                bail!("no")
            });
            assert!(empty.is_err());
            add(tx, "f")
        })
        .unwrap();
    assert_eq!(kept(&store), ["a", "f"]);
    assert!(store.trips() > before);
}

#[test]
fn who_locks_a_whole_table_is_named() {
    let Some(store) = desk() else { return };
    let Database::Server(server) = store.place().database() else { panic!("not on a server") };
    let other = Store::open(&Place::new(Database::Server(server.clone()), Some(&store.place().state()))).unwrap();
    let short = |tx: &Tx<'_>| tx.execute("SET lock_timeout = '300ms'", []).map(drop);
    other.write(short).unwrap();
    store
        .write_besides(|tx| {
            tx.execute("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE", [])?.rows()?;
            for refused in [other.read(names).map(drop), other.write(|tx| add(tx, "a")).map(drop)] {
                let refused = refused.unwrap_err();
                let busy = refused.downcast_ref::<Busy>().unwrap();
                assert_eq!(busy.holder.as_ref().map(|holder| holder.pid), Some(std::process::id()), "{refused:#}");
            }
            Ok(())
        })
        .unwrap();
    other.write(|tx| add(tx, "a")).unwrap();
}

#[test]
fn ids_are_known_before_the_rows_are_written_and_leave_no_gaps() {
    let Some(store) = desk() else { return };
    let now = Timestamp::UNIX_EPOCH;
    let take = |count: usize| {
        store.write(|tx| {
            (0..count).map(|_| teams::add(tx, &format!("t{}", tx.changes()?), now)).collect::<Result<Vec<_>>>()
        })
    };
    let first = take(1).unwrap().remove(0);
    let mut expected = first + 1;
    for count in [1, 9, 4, 9, 30, 1, 2, 3] {
        let ids = take(count).unwrap();
        assert_eq!(ids, (expected..).take(count).collect::<Vec<i64>>(), "after {expected}");
        expected += i64::try_from(count).unwrap();
    }
    // Someone without the turn takes one meanwhile: what was taken is not given back then, and nobody gets an id twice.
    take(9).unwrap();
    expected += 9;
    let ids = store.write(|tx| {
        let ids = [teams::add(tx, "x", now)?, teams::add(tx, "y", now)?];
        assert_eq!(tx.value::<i64>("SELECT nextval('teams_id_seq')", [])?, Some(expected + 9));
        Ok(ids)
    });
    assert_eq!(ids.unwrap(), [expected, expected + 1]);
    assert_eq!(take(1).unwrap(), [expected + 10]);
}

#[test]
fn rows_of_which_the_ids_are_taken_need_no_answer() {
    let Some(store) = desk() else { return };
    let now = Timestamp::UNIX_EPOCH;
    let take = |from: usize| {
        store.write(|tx| (from..from + 50).try_for_each(|number| teams::add(tx, &number.to_string(), now).map(drop)))
    };
    take(0).unwrap();
    let before = store.trips();
    take(50).unwrap();
    assert_eq!(store.trips() - before, 3, "BEGIN, the ids, COMMIT");
}

#[test]
fn much_is_sent_ahead_and_its_errors_are_heard_as_those_of_little() {
    let Some(store) = desk() else { return };
    let large = |tx: &Tx<'_>, size: i64, codec: &str| {
        let sql = "INSERT INTO raw_messages (size, sha256, codec, data) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(sql, params![size, vec![0_u8; 32], codec, vec![7_u8; 100 << 10]]).map(drop)
    };
    let sizes = || store.read(|tx| tx.values::<i64>("SELECT size FROM raw_messages ORDER BY id", [])).unwrap();
    let many = |tx: &Tx<'_>, from: i64| (from..from + 20).try_for_each(|size| large(tx, size, "none"));
    let before = store.trips();
    store.write(|tx| many(tx, 0)).unwrap();
    assert!(store.trips() - before > 3, "nothing was sent ahead");
    assert_eq!(sizes(), (0..20).collect::<Vec<_>>());
    // An error ends the transaction, at the latest with its COMMIT, wherever it stands in what is sent ahead.
    for place in [0, 1, 3, 19] {
        let heard = store.write(|tx| {
            many(tx, 100)?;
            (0..20).try_for_each(|number| large(tx, number, if number == place { "bad" } else { "none" }))
        });
        assert!(heard.is_err(), "{place}");
        assert_eq!(sizes().len(), 20, "{place}");
    }
    // Within a savepoint it ends nothing else, whether the work goes on after it, gives up, or is given up for another reason.
    for (place, gives_up) in [(0, false), (4, false), (4, true), (9, true)] {
        let kept = store.write(|tx| {
            add(tx, &format!("before {place} {gives_up}"))?;
            let undone = tx.savepoint(|tx| {
                (0..5).try_for_each(|number| large(tx, number, if number == place { "bad" } else { "none" }))?;
                ensure!(!gives_up, "no");
                Ok(())
            });
            assert!(undone.is_err(), "{place}");
            large(tx, 200 + place, "none")?;
            tx.value::<i64>("SELECT count(*) FROM raw_messages", [])
        });
        assert_eq!(kept.unwrap(), Some(i64::try_from(sizes().len()).unwrap()), "{place}");
        assert_eq!(sizes().last(), Some(&(200 + place)));
    }
    assert_eq!(sizes().len(), 24);
}

/// Savepoints that are over count as well: the server keeps the numbers of all that wrote.
#[test]
fn a_transaction_on_a_server_begins_nothing_more_after_many_savepoints() {
    let Some(store) = desk() else { return };
    let used = store.write(|tx| {
        let mut used = 0;
        while tx.has_room() {
            tx.savepoint(|tx| add(tx, &format!("t{used}")))?;
            used += 1;
        }
        Ok(used)
    });
    assert!((20..=50).contains(&used.unwrap()));
    assert!(store.write(|tx| Ok(tx.has_room())).unwrap());
    let file = Store::embedded_for_test().unwrap();
    let full = file.write(|tx| (0..100).try_for_each(|_| tx.savepoint(|_| Ok(()))).map(|()| tx.has_room()));
    assert!(full.unwrap());
}
