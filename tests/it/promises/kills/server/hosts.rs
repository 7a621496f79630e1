//! Four machines work on one database, each with a state directory, a name and a clock of its own. They are killed, stopped, cut
//! off and kept waiting, and the server is restarted. What they come to together is what one machine comes to that nothing
//! disturbs.

mod promoted;
mod world;

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::Signal;

use self::world::World;
use super::*;
use crate::support::{Child, Dice, Running, Stop, clock};

/// The names of the machines, and by how many seconds their clocks are ahead.
const HOSTS: [(&str, i64); 4] = [("web1", 0), ("web2", 0), ("web3", -3_600), ("web4", 3_600)];

/// How long a lease lasts here, in milliseconds.
const LEASE: u64 = 1_000;

/// Number of runs of each machine in a round, each with one harm.
const RUNS: usize = 2;

const ACCOUNTS: [&str; 2] = ["support", "sales"];

/// Mails of each account.
const MAILS: usize = 6;

/// What is done to a run.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// SIGKILL after this number of milliseconds.
    Kill(u64),
    /// SIGKILL when the database is asked for the nth time, before it hears it or after.
    KillAt(usize, Fate),
    /// SIGSTOP after this number of milliseconds, for this number.
    Stop(u64, u64),
    /// SIGSTOP for this number of milliseconds at the nth COMMIT by which a message of the outbox is claimed or settled: after
    /// it, and before DATA.
    StopAt(usize, u64),
    /// Its connection to the database is cut.
    Cut(usize, Fate),
    /// The answer of the database comes late.
    Late(Step, u64),
    /// Everything that it sends to the database gets there later by this number of milliseconds.
    Slow(u64),
    /// All sessions of the server are ended.
    Terminate(u64),
    /// The server is restarted.
    Restart(u64, Stop),
}

fn drawn(dice: &mut Dice, steps: usize) -> Blow {
    let mut below = |end: u64| dice.below(end);
    let nth = 1 + usize::try_from(below(steps as u64 / 3)).unwrap();
    let fate = if below(2) == 0 { Fate::Lost } else { Fate::Unanswered };
    // 0.3 to 3 leases.
    let long = LEASE * (3 + below(28)) / 10;
    match below(26) {
        0..4 => Blow::Kill(below(700)),
        4..8 => Blow::KillAt(nth, fate),
        8..12 => Blow::Stop(below(500), long),
        12..16 => Blow::StopAt(1 + usize::try_from(below(24)).unwrap(), long),
        16..19 => Blow::Cut(nth, fate),
        19 => Blow::Late(Step::Any(nth), long),
        20..22 => Blow::Late(Step::Commit(1 + usize::try_from(below(30)).unwrap()), long),
        22 => Blow::Terminate(below(500)),
        23..25 => Blow::Slow(1 + below(10)),
        _ => Blow::Restart(below(500), if below(2) == 0 { Stop::Fast } else { Stop::Immediate }),
    }
}

/// Two machines do not restart the server at once.
static SERVER: Mutex<()> = Mutex::new(());

/// What a machine runs.
struct Machine {
    name: &'static str,
    ahead: i64,
    words: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: PathBuf,
}

impl Machine {
    fn fetches(&self, child: &Child) -> Running {
        let mut command = Command::new("unshare");
        command.args(["-u", "sh", "-c", "hostname \"$0\" && exec \"$@\""]).args(&self.words);
        command.env_clear().envs(self.env.iter().cloned()).current_dir(&self.dir);
        if self.ahead != 0 {
            let now = jiff::Timestamp::now().as_second() + self.ahead;
            command.env("LD_PRELOAD", clock()).env("ESPOMAIL_TEST_CLOCK", now.to_string());
        }
        child.spawn(command, None, format!("fetch on {}", self.name))
    }

    /// A run on a machine to which something is done.
    fn hit(&self, blow: Blow, cutter: &Cutter, postgres: &Postgres) -> Run {
        let child = Child::default();
        let (dying, stopped) = (child.clone(), child.clone());
        let wait = |ms| std::thread::sleep(Duration::from_millis(ms));
        cutter.set_harm(match blow {
            Blow::KillAt(nth, fate) => Some(Harm::with(Step::Any(nth), fate, move || dying.kill())),
            Blow::Cut(nth, fate) => Some(Harm::new(Step::Any(nth), fate)),
            Blow::StopAt(nth, long) => Some(Harm::with(Step::CommitOf("in doubt", nth), Fate::Heard, move || {
                stopped.signal(Signal::STOP);
                let stopped = stopped.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(long));
                    stopped.signal(Signal::CONT);
                });
            })),
            Blow::Late(step, ms) => {
                Some(Harm::with(step, Fate::Heard, move || std::thread::sleep(Duration::from_millis(ms))))
            }
            _ => None,
        });
        cutter.set_delay(match blow {
            Blow::Slow(ms) => Duration::from_millis(ms),
            _ => Duration::ZERO,
        });
        let running = self.fetches(&child);
        match blow {
            Blow::Kill(after) => {
                wait(after);
                running.kill();
            }
            Blow::Stop(after, long) => {
                wait(after);
                child.signal(Signal::STOP);
                wait(long);
                child.signal(Signal::CONT);
            }
            Blow::Terminate(after) => {
                wait(after);
                let _one = SERVER.lock();
                let sql =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'espomail %'";
                postgres.superuser("postgres").batch_execute(sql).ok();
            }
            Blow::Restart(after, how) => {
                wait(after);
                let _one = SERVER.lock();
                postgres.restart(how)();
            }
            Blow::KillAt(..) | Blow::StopAt(..) | Blow::Cut(..) | Blow::Late(..) | Blow::Slow(_) => {}
        }
        let run = running.wait();
        cutter.set_harm(None);
        cutter.set_delay(Duration::ZERO);
        run
    }
}

#[test]
fn four_machines_come_to_what_one_comes_to() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let postgres = Postgres::own();
    let cutters: Vec<Cutter> = HOSTS.iter().map(|_| Cutter::new(&postgres.server)).collect();
    let wanted = World::undisturbed(&postgres, &cutters[0]);
    let points = asked("ESPOMAIL_POINTS", 8);
    let (mut dice, mut done, mut held, mut killed, mut stopped, mut rounds) = (Dice::new(), 0, 0, 0, 0, 0);
    let ways: Vec<Vec<&Path>> = cutters.iter().map(|cutter| vec![cutter.host()]).collect();
    while done < points {
        let blows: Vec<Vec<Blow>> =
            HOSTS.iter().map(|_| (0..RUNS).map(|_| drawn(&mut dice, wanted.steps)).collect()).collect();
        let point = format!("round {rounds}: {blows:?}");
        let world = World::new(&postgres.server);
        world.mail_servers_disturb(&mut dice);
        let runs: Vec<Run> = std::thread::scope(|scope| {
            let run = |(host, blows): (usize, &Vec<Blow>)| {
                let (cutter, postgres, blows) = (&cutters[host], &postgres, blows.clone());
                let machine = world.machine(host, &ways[host]);
                scope.spawn(move || {
                    blows.into_iter().map(|blow| machine.hit(blow, cutter, postgres)).collect::<Vec<_>>()
                })
            };
            let threads: Vec<_> = blows.iter().enumerate().map(run).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for run in &runs {
            assert!([0, 75, 128 + 9].contains(&run.code), "{point}: {run:#?}");
            killed += usize::from(run.code == 128 + 9);
        }
        stopped += blows.iter().flatten().filter(|blow| matches!(blow, Blow::Stop(..) | Blow::StopAt(..))).count();
        world.recovers(&ways, &point);
        held += world.compare(&point, &wanted);
        (done, rounds) = (done + runs.len(), rounds + 1);
    }
    let what = format!(
        "4 machines on PostgreSQL, {done} points in {rounds} rounds ({killed} SIGKILL, {stopped} SIGSTOP; {held} replies held)"
    );
    promise("R1", &format!("{what}: lost, doubled, out of order, answered twice"), "0");
}
