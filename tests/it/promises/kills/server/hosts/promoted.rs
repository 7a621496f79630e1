//! The server dies while four machines work, and its standby is promoted. A synchronous one has all that was committed; an
//! asynchronous one lacks the end of it, which comes again from the mailboxes. No customer has two answers of it (B2.14).

use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{Wanted, World, settled};
use super::*;
use crate::support::Cell;

/// How the standby follows, and when it takes over.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// Milliseconds by which what it has is older than the end of its primary; `None` = a COMMIT waits for it.
    lags: Option<u64>,
    /// Milliseconds after which this begins.
    after: u64,
    /// Machines name both servers; else something leads them to the new one.
    by_name: bool,
}

impl Change {
    fn drawn(dice: &mut Dice, round: usize) -> Change {
        let lags = (round % 3 != 2).then(|| 100 + dice.below(1_200));
        Change { lags, after: dice.below(1_800), by_name: dice.below(2) == 0 }
    }

    /// Does it. What leads to the server leads to the standby then.
    fn happens(self, primary: &Postgres, standby: &Postgres, leads: &[&Cutter]) {
        let wait = |ms| std::thread::sleep(Duration::from_millis(ms));
        wait(self.after);
        if let Some(lag) = self.lags {
            standby.follows_no_more(primary);
            wait(lag);
        }
        primary.ends();
        standby.is_promoted();
        leads.iter().for_each(|lead| lead.lead_to(&standby.server));
    }
}

/// What restarts or ends sessions of the server is not for one that dies anyway.
fn drawn_besides(dice: &mut Dice, steps: usize) -> Blow {
    match drawn(dice, steps) {
        Blow::Terminate(after) | Blow::Restart(after, _) => Blow::Kill(after),
        other => other,
    }
}

impl World {
    /// Fails where mail was lost, or a customer was told something twice or wrongly; the number of automatic replies of which
    /// the new server knows nothing.
    fn is_mended(&self, point: &str, change: Change, wanted: &str) -> usize {
        self.is_whole(point);
        let kept = |dump: &str| -> Vec<String> {
            let is_kept =
                |line: &&str| ["delivery ", "folder ", "wheel ", "bytes "].iter().any(|kind| line.starts_with(kind));
            dump.lines().filter(is_kept).map(str::to_owned).collect()
        };
        assert_eq!(kept(&settled(&self.sandbox.canon())), kept(wanted), "{point}");
        let rows = self.sandbox.database().rows(
            "SELECT c.number, e.from_address, e.subject, c.name FROM emails e JOIN cases c ON e.parent_type = 'case' AND c.id = e.parent_id
                WHERE e.status = 'Archived'",
        );
        let text = |cell: &Cell| cell.plain();
        let mut customers: Vec<(i64, String)> = rows.iter().map(|row| (row[0].int(), text(&row[1]))).collect();
        assert!(rows.iter().all(|row| row[2] == row[3]), "{point}: {rows:?}");
        customers.sort_by(|a, b| a.1.cmp(&b.1));
        let mut all: Vec<String> = ACCOUNTS
            .iter()
            .flat_map(|account| (1..=MAILS).map(move |n| format!("{account}{n}@customer.example")))
            .collect();
        all.sort();
        assert_eq!(customers.iter().map(|(_, address)| address.clone()).collect::<Vec<_>>(), all, "{point}");
        let left = "SELECT state FROM outbox WHERE state IN ('waiting', 'in doubt')";
        assert_eq!(self.sandbox.query(left), Vec::<String>::new(), "{point}: left in the outbox");
        self.answers(point, change, &customers)
    }

    fn answers(&self, point: &str, change: Change, customers: &[(i64, String)]) -> usize {
        let replies: Vec<(i64, String)> = self
            .sink
            .received()
            .iter()
            .filter(|one| String::from_utf8_lossy(&one.message).contains("Auto-Submitted: auto-replied"))
            .map(|one| {
                let message = String::from_utf8_lossy(&one.message).into_owned();
                let number = message.split_once("[#").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
                (number.parse().unwrap(), one.to.join(","))
            })
            .collect();
        let listed = self.sandbox.items(&["outbox", "list"]);
        let held: Vec<String> =
            listed.iter().filter(|one| one["state"] == "held").map(|one| one["to"].to_string()).collect();
        for (number, customer) in customers {
            let told = replies.iter().filter(|(_, to)| to == customer).count();
            assert!(told < 2, "{point}: {customer} was answered twice: {replies:?}");
            let is_held = held.iter().any(|to| to.contains(customer.as_str()));
            // Mail that came again gets a number far above, and no answer.
            assert!(told > 0 || is_held || *number >= 1_000, "{point}: {customer} has no answer: {listed:?}");
        }
        let mut lost = 0;
        for (number, to) in &replies {
            match customers.iter().find(|(known, _)| known == number) {
                Some((_, customer)) => assert_eq!(customer, to, "{point}: number {number} is of another case"),
                None => lost += 1,
            }
        }
        assert!(lost == 0 || change.lags.is_some(), "{point}: a synchronous standby lacks {lost} replies");
        lost
    }
}

/// How the machines get to the server: by the name of both, or by something that leads to one.
fn ways(change: Change, old: &[Cutter], new: &[Cutter]) -> Vec<Vec<PathBuf>> {
    let of = |(old, new): (&Cutter, &Cutter)| match change.by_name {
        true => vec![old.host().to_owned(), new.host().to_owned()],
        false => vec![old.host().to_owned()],
    };
    old.iter().zip(new).map(of).collect()
}

/// How many runs failed, and how many automatic replies the new server knows nothing of.
fn goes_on(dice: &mut Dice, round: usize, wanted: &Wanted) -> (usize, usize) {
    let change = Change::drawn(dice, round);
    let blows: Vec<Vec<Blow>> =
        HOSTS.iter().map(|_| (0..RUNS).map(|_| drawn_besides(dice, wanted.steps)).collect()).collect();
    let point = format!("promotion {round}: {change:?} {blows:?}");
    // It ends after all that is on it.
    let standby;
    let primary = Postgres::primary();
    let front = Cutter::new(&primary.server);
    let world = World::new(&front.server());
    standby = primary.standby();
    primary.is_followed_by(&standby);
    if change.lags.is_none() {
        primary.waits_for_standbys();
    }
    let before = |server: &str| -> Vec<Cutter> { HOSTS.iter().map(|_| Cutter::new(server)).collect() };
    let (old, new) = (before(&primary.server), before(&standby.server));
    let ways = ways(change, &old, &new);
    let ways: Vec<Vec<&Path>> = ways.iter().map(|ways| ways.iter().map(PathBuf::as_path).collect()).collect();
    let is_over = AtomicBool::new(false);
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let run = |(host, blows): (usize, &Vec<Blow>)| {
            let (cutter, primary, blows, is_over) = (&old[host], &primary, blows.clone(), &is_over);
            let machine = world.machine(host, &ways[host]);
            scope.spawn(move || {
                let mut runs: Vec<Run> = blows.into_iter().map(|blow| machine.hit(blow, cutter, primary)).collect();
                while !is_over.load(Ordering::SeqCst) {
                    runs.push(machine.fetches(&Child::default()).wait());
                }
                runs
            })
        };
        let threads: Vec<_> = blows.iter().enumerate().map(run).collect();
        let leads: Vec<&Cutter> = [&front].into_iter().chain(old.iter().filter(|_| !change.by_name)).collect();
        change.happens(&primary, &standby, &leads);
        is_over.store(true, Ordering::SeqCst);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for run in &runs {
        assert!([0, 75, 128 + 9].contains(&run.code), "{point}: {run:#?}");
    }
    world.recovers(&ways, &point);
    let lost = world.is_mended(&point, change, &wanted.dump);
    (runs.iter().filter(|run| run.code != 0).count(), lost)
}

#[test]
fn four_machines_go_on_with_a_standby_that_is_promoted() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let wanted = {
        let postgres = Postgres::own();
        World::undisturbed(&postgres, &Cutter::new(&postgres.server))
    };
    // A part of those of the suite.
    let rounds = asked::<usize>("ESPOMAIL_POINTS", 8).div_ceil(64);
    let (mut dice, mut lost, mut failed) = (Dice::new(), 0, 0);
    for round in 0..rounds {
        let (more, lacking) = goes_on(&mut dice, round, &wanted);
        (failed, lost) = (failed + more, lost + lacking);
    }
    let what = format!(
        "4 machines on PostgreSQL, {rounds} standbys promoted ({failed} runs failed, {lost} replies were lost to the server)"
    );
    promise("R1", &format!("{what}: mail lost, answered twice, numbers of another case"), "0");
}
