//! Four machines work on one database, each with a state directory, a name and a clock of its own. They are killed, stopped, cut
//! off and kept waiting, and the server is restarted. What they come to together is what one machine comes to that nothing
//! disturbs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::promises::kills::forget_doubt;
use crate::support::{Child, Dice, Dovecot, Running, SmtpSink, Stop, clock};

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
    /// Its connection to the database is cut.
    Cut(usize, Fate),
    /// The answer of the database comes late.
    Late(Step, u64),
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
    match below(20) {
        0..4 => Blow::Kill(below(700)),
        4..8 => Blow::KillAt(nth, fate),
        8..12 => Blow::Stop(below(500), long),
        12..15 => Blow::Cut(nth, fate),
        15 => Blow::Late(Step::Any(nth), long),
        // Also the one between the claim of a message and DATA.
        16..18 => Blow::Late(Step::Commit(1 + usize::try_from(below(30)).unwrap()), long),
        18 => Blow::Terminate(below(500)),
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
        let dying = child.clone();
        let wait = |ms| std::thread::sleep(Duration::from_millis(ms));
        cutter.set_harm(match blow {
            Blow::KillAt(nth, fate) => Some(Harm::with(Step::Any(nth), fate, move || dying.kill())),
            Blow::Cut(nth, fate) => Some(Harm::new(Step::Any(nth), fate)),
            Blow::Late(step, ms) => {
                Some(Harm::with(step, Fate::Heard, move || std::thread::sleep(Duration::from_millis(ms))))
            }
            _ => None,
        });
        let running = self.fetches(&child);
        let send = |signal| {
            // It is not waited for yet, so the number is still its own.
            let process = rustix::process::Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
            rustix::process::kill_process(process, signal).ok();
        };
        match blow {
            Blow::Kill(after) => {
                wait(after);
                running.kill();
            }
            Blow::Stop(after, long) => {
                wait(after);
                send(rustix::process::Signal::STOP);
                wait(long);
                send(rustix::process::Signal::CONT);
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
            Blow::KillAt(..) | Blow::Cut(..) | Blow::Late(..) => {}
        }
        let run = running.wait();
        cutter.set_harm(None);
        run
    }
}

/// Lines without the numbers of cases, which depend on who was first, and without doubt about automatic replies.
fn settled(lines: &str) -> String {
    let mut plain = String::new();
    let mut rest = lines;
    while let Some(at) = [("[#", 2), ("case ", 5)].iter().filter_map(|(mark, long)| Some(rest.find(mark)? + long)).min()
    {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    plain.push_str(rest);
    forget_doubt(&plain)
}

/// What was sent, without the numbers of cases.
fn sent(sink: &SmtpSink) -> Vec<String> {
    settled(&taken(sink).join("\n")).lines().map(str::to_owned).collect()
}

/// A desk whose mailboxes are full.
struct World {
    sandbox: Sandbox,
    sink: SmtpSink,
    mailboxes: Vec<Mailbox>,
}

impl World {
    fn new(postgres: &Postgres) -> World {
        let (sandbox, sink) = (Sandbox::on(&postgres.server), SmtpSink::new(Vec::new()));
        sandbox.env("ESPOMAIL_LEASE", &LEASE.to_string());
        let mailboxes: Vec<Mailbox> = ACCOUNTS.iter().map(|_| Dovecot::shared().mailbox()).collect();
        for (account, mailbox) in ACCOUNTS.iter().zip(&mailboxes) {
            let address = sink.address();
            let extra = ["--smtp", &address, "--auto-reply", "Thanks", "--distribution", "round-robin"];
            match *account {
                "support" => sandbox.support_account(mailbox, &extra),
                name => {
                    let team = ["--team", "Support", "--case-team", "Support", "--create-case"];
                    sandbox.group_account(name, mailbox, &[&team[..], &extra].concat());
                }
            }
            let to = format!("{account}@desk.example");
            sandbox.run(&["account", "edit", account, "--address", &to]).ok();
            for n in 1..=MAILS {
                let letter = mail(&format!("{account}{n}@customer.example"), &to, &format!("Question {account} {n}"));
                let letter = letter.date(date()).message_id(&format!("<{account}{n}@customer.example>"));
                mailbox.append("INBOX", &letter.bytes());
            }
        }
        World { sandbox, sink, mailboxes }
    }

    /// A machine with its own way to the database.
    fn machine(&self, host: usize, cutter: &Cutter) -> Machine {
        let (name, ahead) = HOSTS[host];
        let state = self.sandbox.path(name);
        std::fs::create_dir_all(&state).unwrap();
        let own = self.sandbox.database_name();
        let (before, rest) = own.split_once("host=").unwrap();
        let db = format!("{before}host={}&{}", cutter.host().display(), rest.split_once('&').unwrap().1);
        let place = ["--db", &db, "--state", state.to_str().unwrap(), "fetch"];
        let inner = self.sandbox.command(&[&place[..], &ACCOUNTS].concat());
        let own = |word: &std::ffi::OsStr| word.to_owned();
        let mut words = vec![name.into(), own(inner.get_program())];
        words.extend(inner.get_args().map(own));
        let env = inner.get_envs().filter_map(|(name, value)| Some((own(name), own(value?)))).collect();
        Machine { name, ahead, words, env, dir: inner.get_current_dir().unwrap().to_owned() }
    }

    /// What one machine makes of it that nothing disturbs: the dump, what was sent, and what it asks the database.
    fn undisturbed(postgres: &Postgres, cutter: &Cutter) -> (String, Vec<String>, usize) {
        let world = World::new(postgres);
        cutter.set_harm(None);
        world.machine(0, cutter).fetches(&Child::default()).wait().ok();
        (settled(&world.sandbox.canon()), sent(&world.sink), cutter.steps())
    }

    /// Machines that nothing disturbs any more, one after the other, until each has nothing to do.
    fn recovers(&self, cutters: &[Cutter], point: &str) {
        std::thread::sleep(Duration::from_millis(LEASE));
        for (host, cutter) in cutters.iter().enumerate() {
            self.machine(host, cutter).fetches(&Child::default()).wait();
        }
        let run = self.machine(0, &cutters[0]).fetches(&Child::default()).wait();
        assert_eq!(run.code, 0, "{point}: {run:#?}");
    }

    /// Fails where something is not as one machine makes it; the number of automatic replies that are held.
    fn compare(&self, point: &str, wanted: &(String, Vec<String>, usize)) -> usize {
        let query = |sql: &str| self.sandbox.query(sql);
        let numbers = "SELECT string_agg(number || '', ' ' ORDER BY number) FROM cases";
        let all: Vec<String> = (1..=ACCOUNTS.len() * MAILS).map(|number| number.to_string()).collect();
        assert_eq!(query(numbers), [all.join(" ")], "{point}: the numbers of cases");
        for (account, mailbox) in ACCOUNTS.iter().zip(&self.mailboxes) {
            let there: Vec<u32> = mailbox.messages("INBOX").iter().map(|stored| stored.uid).collect();
            assert_eq!(self.sandbox.ledger()[&format!("{account}@desk.example")], there, "{point}: {account}");
            let sql = format!(
                "SELECT string_agg(u.username, ' ' ORDER BY c.number) FROM cases c JOIN accounts a ON a.id = c.account_id
                    JOIN users u ON u.id = c.assigned_user_id WHERE a.name = '{account}'"
            );
            let users = ["ana", "budi", "citra"].into_iter().cycle().take(MAILS).collect::<Vec<_>>().join(" ");
            assert_eq!(query(&sql), [users], "{point}: the wheel of {account}");
        }
        same_lines(point, &settled(&self.sandbox.canon()), &wanted.0);
        let sent = sent(&self.sink);
        // A notice of which nobody knows whether it arrived is sent again (B8.5).
        let mut once = sent.clone();
        once.dedup();
        let replies = |all: &[String]| all.iter().filter(|one| one.contains("auto-replied")).count();
        assert_eq!(replies(&sent), replies(&once), "{point}: an automatic reply twice: {sent:?}");
        assert!(sent.iter().all(|one| wanted.1.contains(one)), "{point}: {sent:?}");
        let listed = self.sandbox.items(&["outbox", "list"]);
        let held = listed.iter().filter(|one| one["state"] == "held").count();
        assert!(once.len() + held >= wanted.1.len(), "{point}: {} sent, {held} held of {}", once.len(), wanted.1.len());
        held
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
    while done < points {
        let blows: Vec<Vec<Blow>> =
            HOSTS.iter().map(|_| (0..RUNS).map(|_| drawn(&mut dice, wanted.2)).collect()).collect();
        let point = format!("round {rounds}: {blows:?}");
        let world = World::new(&postgres);
        let runs: Vec<Run> = std::thread::scope(|scope| {
            let run = |(host, blows): (usize, &Vec<Blow>)| {
                let (cutter, postgres, blows) = (&cutters[host], &postgres, blows.clone());
                let machine = world.machine(host, cutter);
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
        stopped += blows.iter().flatten().filter(|blow| matches!(blow, Blow::Stop(..))).count();
        world.recovers(&cutters, &point);
        held += world.compare(&point, &wanted);
        (done, rounds) = (done + runs.len(), rounds + 1);
    }
    let what = format!(
        "4 machines on PostgreSQL, {done} points in {rounds} rounds ({killed} SIGKILL, {stopped} SIGSTOP; {held} replies held)"
    );
    promise("R1", &format!("{what}: lost, doubled, out of order, answered twice"), "0");
}
