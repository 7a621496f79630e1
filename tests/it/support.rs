//! What the tests stand on. Nothing here knows how espomail works inside: it is started as a
//! program and looked at through its output, the servers and the wire.
//!
//! | piece | what it is |
//! |---|---|
//! | [`Sandbox`] | a home of its own and the program in it |
//! | [`Desk`] | a help desk in a sandbox: ana and budi in team Support, an account support, and questions to it |
//! | [`Dovecot`], [`Exim`] | real servers, started once for all tests, with fresh mailboxes for each |
//! | [`Make`] | which IMAP server it is: Courier or Cyrus in the place of Dovecot |
//! | [`Database`] | the database as somebody with a shell could open it; the one piece that names SQLite |
//! | [`Office`] | accounts and an agent on a database in memory, without a process |
//! | [`Machine`] | a machine with users of its own and sudo |
//! | [`Modes`] | the same rows in both modes on such a machine |
//! | [`Issuer`] | an issuer of access tokens, over TLS, that answers by script |
//! | [`Postgres`] | a database server of the tests' own, which they restart |
//! | [`Cutter`] | stands before the socket of a database server, cuts or disturbs at a chosen step |
//! | [`Proxy`] | stands before a server, writes down what is said, cuts or kills at a chosen line |
//! | [`SmtpSink`] | an SMTP server that answers by script |
//! | [`mail`] | test messages |
//! | [`shop`] | three days of realistic mail, on any [`shop::Stage`] |
//! | [`screens`] | what a command shows at all widths, compared with a file |

// Not every test file needs every piece.
#![allow(dead_code, unused_imports)]

mod canon;
#[cfg(feature = "postgres")]
pub mod cutter;
mod database;
mod desk;
mod imap;
mod issuer;
mod letter;
mod machine;
mod mailbox;
mod modes;
mod office;
#[cfg(feature = "postgres")]
mod postgres;
mod proxy;
mod rogue;
mod sandbox;
pub mod schema;
mod screens;
mod scripted;
mod servers;
pub mod shop;
mod sink;
mod smtp;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[cfg(feature = "postgres")]
pub use cutter::Cutter;
pub use database::{Cell, Database, every_row_of_file, found_by, is_on_server, new_store, no_file, store};
pub use desk::{Desk, SUPPORT};
pub use imap::{Imap, Stored};
pub use issuer::{Issuer, Question, Rotation, Say, query};
pub use letter::{Letter, header, mail};
pub use machine::Machine;
pub use mailbox::Mailbox;
pub use modes::{Mode, Modes, Typed};
pub use office::{Office, from, office, office_in};
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, Stop};
pub use proxy::{Deed, Proxy, Rule, Side, Speech, When};
pub use rogue::{At, Quirk, RogueImap, letter as rogue_letter};
pub use sandbox::{Call, Child, Run, Running, Sandbox, TERMINAL};
pub use screens::{WIDTHS, golden, screens};
pub use scripted::{Break, Folder, Lie, Scripted, ledger};
pub use servers::{Dovecot, Exim, Make};
pub use sink::{Answer, Received, SmtpSink, Step};
pub use smtp::submit;

/// The program that is tested: what the tests were built with, or another build of it (`ESPOMAIL_BINARY`), as in `make
/// promises` the one that is shipped. It is the file itself, as the program names itself, and not a link to it.
pub fn program() -> PathBuf {
    let named = std::env::var_os("ESPOMAIL_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_espomail").into());
    Path::new(&named).canonicalize().unwrap_or_else(|error| panic!("{named:?}: {error}"))
}

/// Asks again and again; panics when `condition` is not true within `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "not true within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How much a test does: as usual, or what a variable of the environment asks for (`make promises`).
pub fn asked<T: FromStr>(variable: &str, usual: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Says what was shown and how far, for the table of `make promises`.
pub fn promise(number: &str, what: &str, figure: &str) {
    eprintln!("promise {number} | {what} | {figure}");
}

/// Numbers that look random and are the same in every run; `ESPOMAIL_TEST_SEED` gives others.
pub struct Dice(u64);

impl Dice {
    /// Prints the seed, so that a failed run can be repeated.
    pub fn new() -> Dice {
        let seed = asked("ESPOMAIL_TEST_SEED", 20_260_101);
        eprintln!("ESPOMAIL_TEST_SEED={seed}");
        Dice(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Any number (splitmix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Bytes that cannot be packed, the same for the same seed.
pub fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..count.div_ceil(8)).flat_map(|_| dice.next().to_le_bytes()).take(count).collect()
}

/// A number nobody else in this process has.
fn serial() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The library that gives a program another time of day, by `LD_PRELOAD` and `ESPOMAIL_TEST_CLOCK`.
pub fn clock() -> PathBuf {
    static CLOCK: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let library = scratch("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/clock.c");
        let built = Command::new("cc").args(["-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        assert!(built.is_ok_and(|status| status.success()), "no C compiler for {source}");
        library
    };
    CLOCK.get_or_init(build).clone()
}

/// A path below the directory for temporary files that only this process uses.
pub fn scratch(name: &str) -> PathBuf {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    let base = BASE.get_or_init(|| std::env::temp_dir().canonicalize().expect("the directory for temporary files"));
    base.join(format!("espomail-{name}-{}-{}", std::process::id(), serial()))
}
