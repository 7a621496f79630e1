//! A few sessions at once hand over much: one large commit is faster than several small ones, but each session has that much
//! in memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The turns that are free.
pub struct Turns {
    free: Mutex<usize>,
    freed: Condvar,
}

/// May hand over much until it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    pub fn new(count: usize) -> Turns {
        Turns { free: Mutex::new(count), freed: Condvar::new() }
    }

    /// A turn; `None` where none becomes free for so long, as sessions with slow servers may have all.
    pub fn take(&self, wait: Duration) -> Option<Turn<'_>> {
        let waited = self.freed.wait_timeout_while(self.lock(), wait, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Turn(self))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_turn_is_waited_for_and_not_for_long() {
        let turns = Turns::new(2);
        let (first, second) = (turns.take(Duration::ZERO).unwrap(), turns.take(Duration::ZERO).unwrap());
        assert!(turns.take(Duration::from_millis(10)).is_none(), "there are two");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take(Duration::from_secs(60)).is_some());
            drop(first);
            assert!(waiting.join().unwrap());
        });
        drop(second);
        assert!(turns.take(Duration::ZERO).is_some() && turns.take(Duration::ZERO).is_some(), "both are given back");
    }
}
