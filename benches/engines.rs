//! What a mail costs on SQLite and on PostgreSQL: to be received, and to open a case. `cargo bench --bench engines` prints the
//! row of SQLite; within `tests/with-postgres.sh --fsync` the others as well, at several distances to the server, with what
//! goes over the connection. Medians of alternating runs; nothing is asserted. Another number of mails is given as
//! `cargo bench --bench engines -- MAILS`. With the word `receive`, they are only received, in the file and by the socket.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use espomail::config::Config;
use espomail::intake::bulk::{Bulk, Found, Importer};
use espomail::lock::{self, Attempt};
use espomail::place::server::{Server, Target};
use espomail::place::{Database, Place};
use espomail::store::accounts::{self, Account, AccountKind, Distribution};
use espomail::store::db::{Store, Tx};
use espomail::store::deliveries::{self, Facts, Place as Position, Source};
use espomail::store::raw::{self, Packed};
use espomail::store::{instance, teams, users};
use jiff::Timestamp;

const RUNS: usize = 3;

/// Size of a mail that is received, as that of usual mail when it is packed.
const RECEIVED: usize = 40 << 10;

/// Mails in a transaction that receives them.
const BATCH: u32 = 100;

/// Time that an answer is under way, there and back. What goes over the connection is counted on the way, which takes some of
/// the time: none is counted at the socket itself.
const DISTANCES: [Duration; 2] = [Duration::from_micros(200), Duration::from_millis(1)];

fn main() {
    // Cargo gives `--bench` as well.
    let mails = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(200);
    let dir = std::env::temp_dir().join(format!("espomail-bench-engines-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let server = std::env::var("ESPOMAIL_TEST_SERVER").ok();
    let only_receives = std::env::args().any(|arg| arg == "receive");
    let mut seats = vec![Seat::file()];
    if let Some(server) = &server {
        seats.push(Seat::socket(server));
    }
    if let Some(server) = server.as_ref().filter(|_| !only_receives) {
        seats.extend(DISTANCES.map(|distance| Seat::server(&dir, server, distance)));
    }
    println!("{mails} mails, medians of {RUNS} runs; a mail:");
    println!(
        "{:<28}{:>12}{:>8}{:>12}{:>8}{:>12}{:>12}",
        "", "receive ms", "ratio", "case ms", "ratio", "statements", "round trips"
    );
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); seats.len()];
    for number in 0..RUNS {
        for (seat, runs) in seats.iter().zip(&mut runs) {
            runs.push(seat.run(&dir, number, mails, only_receives));
        }
    }
    let medians: Vec<Run> = runs.into_iter().map(median).collect();
    for (seat, run) in seats.iter().zip(&medians) {
        let first = medians.first().unwrap();
        let (received, opened) = (run.received / first.received, run.opened / first.opened);
        let seen = if seat.link.is_some() {
            format!("{:>12.1}{:>12.1}", run.statements, run.round_trips)
        } else {
            String::new()
        };
        println!("{:<28}{:>12.3}{received:>8.2}{:>12.3}{opened:>8.2}{seen}", seat.name, run.received, run.opened);
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// Where a database is, and how far away.
struct Seat {
    name: String,
    server: Option<String>,
    distance: Duration,
    link: Option<Arc<Link>>,
}

/// What a mail cost, in milliseconds, and what went over the connection for one that opened a case.
#[derive(Clone, Copy, Default)]
struct Run {
    received: f64,
    opened: f64,
    statements: f64,
    round_trips: f64,
}

fn median(runs: Vec<Run>) -> Run {
    let middle = |of: fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Run {
        received: middle(|run| run.received),
        opened: middle(|run| run.opened),
        statements: middle(|run| run.statements),
        round_trips: middle(|run| run.round_trips),
    }
}

impl Seat {
    fn file() -> Seat {
        Seat { name: "SQLite".to_owned(), server: None, distance: Duration::ZERO, link: None }
    }

    fn socket(server: &str) -> Seat {
        let url = server.replacen("postgresql:///", "postgresql:///espomail", 1);
        Seat { name: "PostgreSQL by its socket".to_owned(), server: Some(url), distance: Duration::ZERO, link: None }
    }

    fn server(dir: &Path, server: &str, distance: Duration) -> Seat {
        let host = Server::parse(server).unwrap().hosts.into_iter().next().unwrap();
        let Target::Socket(directory) = host.target else { unreachable!("tests reach their server by a socket") };
        let socket = directory.join(format!(".s.PGSQL.{}", host.port));
        let near = dir.join(format!("{}", distance.as_micros()));
        std::fs::create_dir_all(&near).unwrap();
        let link = Link::open(&near.join(".s.PGSQL.5432"), socket, distance);
        let url = format!("postgresql:///espomail?host={}&user=espomail", near.display());
        Seat { name: format!("PostgreSQL at {distance:?}"), server: Some(url), distance, link: Some(link) }
    }

    fn run(&self, dir: &Path, number: usize, mails: u32, only_receives: bool) -> Run {
        let store = |what: &str| {
            let name = format!("{what}{number}_{}", std::process::id());
            let place = match &self.server {
                None => Place::of_file(dir.join(&name)),
                Some(url) => {
                    let name = format!("{name}_{}", self.distance.as_micros());
                    let server = Server::parse(&format!("{url}&schema={name}")).unwrap();
                    Place::new(Database::Server(Box::new(server)), Some(&dir.join("state")))
                }
            };
            let store = Store::create(&place).unwrap();
            desk(&store);
            store
        };
        let received = receive(&store("received"), mails);
        if only_receives {
            return Run { received, ..Run::default() };
        }
        let store = store("opened");
        let before = self.link.as_ref().map(|link| link.counts()).unwrap_or_default();
        let opened = open_cases(&store, mails);
        let after = self.link.as_ref().map(|link| link.counts()).unwrap_or_default();
        let each = |count: u64| f64::from(u32::try_from(count).unwrap()) / f64::from(mails);
        Run { received, opened, statements: each(after.0 - before.0), round_trips: each(after.1 - before.1) }
    }
}

/// One account that opens cases and answers, one team of two agents.
fn desk(store: &Store) {
    let now = Timestamp::now();
    store
        .write(|tx| {
            instance::create(tx, &[7; 32], now)?;
            let team = teams::add(tx, "Support", now)?;
            for username in ["ana", "budi"] {
                let user_type = users::UserType::Regular;
                let user = users::NewUser { username, name: username, user_type, login: username, addresses: &[] };
                let user = users::add(tx, &user, now)?;
                teams::put_member(tx, team, user, "")?;
            }
            let mut account = Account::new("support", AccountKind::Group, now);
            account.address = "support@desk.example".to_owned();
            account.cases.create_case = true;
            account.cases.case_team_id = Some(team);
            account.cases.distribution = Distribution::RoundRobin;
            accounts::add(tx, &account).map(drop)
        })
        .unwrap();
}

/// Bytes that cannot be packed (splitmix64).
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (0..count.div_ceil(8)).flat_map(|_| next()).collect()
}

/// Stores the bytes of mails and writes them down, as a fetch does before anything else. No commit of it waits for the disk,
/// and the end waits for all of them.
fn receive(store: &Store, mails: u32) -> f64 {
    let packed: Vec<Packed> = (0..mails).map(|uid| Packed::new(noise(uid.into(), RECEIVED)).unwrap()).collect();
    let started = Instant::now();
    let mut uids = (1..).zip(&packed).peekable();
    while uids.peek().is_some() {
        let work = |tx: &Tx<'_>| {
            let now = Timestamp::now();
            let mut received = Vec::new();
            for (uid, packed) in uids.by_ref().take(BATCH.try_into()?) {
                let facts = Facts { internal_date: now, size: RECEIVED.try_into()?, truncated: false, now };
                let raw_id = raw::add(tx, packed)?;
                let position = Position { account_id: 1, folder: "INBOX", uidvalidity: 1, uid };
                received.push((position, facts, raw_id));
            }
            deliveries::receive(tx, &received)
        };
        store.write_soon(work).unwrap();
    }
    store.flush().unwrap();
    started.elapsed().as_secs_f64() * 1_000.0 / f64::from(mails)
}

/// Imports mails that each open a case.
fn open_cases(store: &Store, mails: u32) -> f64 {
    let Ok(Attempt::Held(lock)) = lock::attempt(store.place(), &lock::of_account(1), Timestamp::now()) else {
        unreachable!("nobody else has the account")
    };
    let mail = |number: u32| {
        let text = format!(
            "From: Customer {number} <c{number}@customer.example>\r\nTo: support@desk.example\r\nSubject: Question {number}\r\n\
            Date: Mon, 30 Nov 2026 07:00:00 +0000\r\nMessage-ID: <{number}@customer.example>\r\n\r\nMy printer is on fire.\r\n"
        );
        Found { raw: text.into_bytes(), date: None }
    };
    let config = Config::default();
    let started = Instant::now();
    let bulk = Bulk {
        store,
        config: &config,
        lock: Some(&lock),
        clock: &Timestamp::now,
        account_id: 1,
        source: Source::Import,
    };
    let mut importer = Importer::begin(bulk).unwrap();
    for number in 0..mails {
        importer.add(mail(number), &mut |_| ()).unwrap();
    }
    importer.end(&mut |_| ()).unwrap();
    let took = started.elapsed().as_secs_f64() * 1_000.0 / f64::from(mails);
    let cases: Option<i64> = store.read(|tx| tx.value("SELECT count(*) FROM cases", [])).unwrap();
    assert_eq!(cases, Some(mails.into()), "each mail opens a case");
    took
}

/// The way to a server, on which every message takes its time.
struct Link {
    server: PathBuf,
    /// One way.
    delay: Duration,
    statements: AtomicU64,
    round_trips: AtomicU64,
}

impl Link {
    fn open(at: &Path, server: PathBuf, distance: Duration) -> Arc<Link> {
        let link = Arc::new(Link {
            server,
            delay: distance / 2,
            statements: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
        });
        let (listener, taken) = (UnixListener::bind(at).unwrap(), Arc::clone(&link));
        thread::spawn(move || {
            for client in listener.incoming() {
                taken.connect(client.unwrap());
            }
        });
        link
    }

    fn connect(self: &Arc<Link>, client: UnixStream) {
        let server = UnixStream::connect(&self.server).unwrap();
        let is_asked = Arc::new(AtomicBool::new(false));
        let (to, from) = (Arc::clone(self), Arc::clone(self));
        let (asked, answered) = (Arc::clone(&is_asked), is_asked);
        let (there, back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || {
            let mut frames = Frames::default();
            to.carry(client, there, &mut |bytes| {
                to.statements.fetch_add(frames.statements(bytes), Ordering::Relaxed);
                if !asked.swap(true, Ordering::Relaxed) {
                    to.round_trips.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        thread::spawn(move || from.carry(server, back, &mut |_| answered.store(false, Ordering::Relaxed)));
    }

    fn carry(&self, mut from: UnixStream, mut to: UnixStream, seen: &mut dyn FnMut(&[u8])) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get(..count) else { break };
            seen(bytes);
            if !self.delay.is_zero() {
                thread::sleep(self.delay);
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    }

    fn counts(&self) -> (u64, u64) {
        (self.statements.load(Ordering::Relaxed), self.round_trips.load(Ordering::Relaxed))
    }
}

/// The messages that a client sends: a letter, the length of what follows with itself, and that; the first one has no letter.
#[derive(Default)]
struct Frames {
    rest: Vec<u8>,
    is_begun: bool,
}

impl Frames {
    /// How many statements run by these bytes: messages Bind and Query.
    fn statements(&mut self, bytes: &[u8]) -> u64 {
        self.rest.extend_from_slice(bytes);
        let mut statements = 0;
        loop {
            let head = usize::from(self.is_begun);
            let length = self.rest.get(head..head + 4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
            let Some(end) =
                length.map(|length| head + usize::try_from(length).unwrap()).filter(|end| *end <= self.rest.len())
            else {
                return statements;
            };
            statements += u64::from(self.is_begun && self.rest.first().is_some_and(|letter| b"BQ".contains(letter)));
            self.is_begun = true;
            self.rest.drain(..end);
        }
    }
}
