//! Makes the leases of this process longer while it waits for a mail server, a disk or a person. Each transaction does that as
//! well, but one message may take longer than a lease. Without this another machine would take the account over: it would
//! fetch the same again, or send a second time what is on the wire.
//!
//! A thread with a connection of its own does it, for leases that are held for a while. A process that is stopped, and a
//! machine that sleeps or is cut off, make nothing longer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::store::db::Store;
use crate::store::leases::{self, Lease};

/// What this process holds.
struct Held {
    leases: Vec<One>,
    /// The number of the next one.
    next: u64,
    /// There is a thread.
    is_looked_after: bool,
}

struct One {
    number: u64,
    place: Place,
    lease: Lease,
    since: Instant,
}

static HELD: Mutex<Held> = Mutex::new(Held { leases: Vec::new(), next: 0, is_looked_after: false });
static ADDED: Condvar = Condvar::new();

/// Until this is dropped, a lease is made longer.
#[derive(Debug)]
pub(super) struct Kept(u64);

impl Kept {
    /// From now on.
    pub(super) fn begin(place: &Place, lease: Lease) -> Kept {
        let mut held = held();
        let number = held.next;
        held.next += 1;
        held.leases.push(One { number, place: place.clone(), lease, since: Instant::now() });
        if !held.is_looked_after {
            // Where there can be no thread, a lease ends as that of a process which is stopped.
            held.is_looked_after = thread::Builder::new().spawn(look_after).is_ok();
        }
        ADDED.notify_all();
        Kept(number)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        held().leases.retain(|one| one.number != self.0);
    }
}

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a lease is made longer.
fn pause() -> Duration {
    Duration::from_millis(leases::length().unsigned_abs()) / 4
}

fn look_after() {
    let mut connected: Option<Store> = None;
    loop {
        if held().leases.is_empty() {
            connected = None;
        }
        drop(ADDED.wait_while(held(), |held| held.leases.is_empty()).unwrap_or_else(PoisonError::into_inner));
        thread::sleep(pause());
        for (place, lease) in due() {
            let open = connected.take().filter(|store| *store.place() == place);
            let done = open
                .map_or_else(|| Store::open(&place), Ok)
                .and_then(|store| leases::renew(&store, lease).map(|()| store));
            match done {
                Ok(store) => connected = Some(store),
                // The next time is early enough.
                Err(_) => break,
            }
        }
    }
}

/// The leases that are held for a while.
fn due() -> Vec<(Place, Lease)> {
    let held = held();
    let old = held.leases.iter().filter(|one| one.since.elapsed() >= pause());
    old.map(|one| (one.place.clone(), one.lease)).collect()
}
