//! Runs that died at a message: each death is counted once, by the machine that it was on, and the third one puts the message
//! into the quarantine.

use anyhow::Result;
use jiff::Timestamp;

use crate::claim;
use crate::lock::{self, Lock};
use crate::store::db::Store;
use crate::store::deliveries::{self, Outcome};

/// Number of runs that a message may kill before it is quarantined.
const DEATHS: i64 = 3;

/// Counts the deaths of runs of this machine that nobody has counted yet, also where another machine has their accounts now: before that
/// machine, which takes an account over, dies at the same message.
///
/// # Errors
/// The lock files, or the database.
pub fn judge_the_dead(store: &Store, now: Timestamp) -> Result<()> {
    lock::left_by_the_dead(store.place(), now)?.iter().try_for_each(|lock| judge(store, lock))
}

/// Counts the death of a run at its messages, unless that was done by a run that died before it could say so.
pub(super) fn judge(store: &Store, lock: &Lock) -> Result<()> {
    if lock.died_at().is_empty() {
        return Ok(());
    }
    store.write(|tx| {
        let mut is_new = false;
        for &delivery_id in lock.died_at() {
            let Some(deaths) = deliveries::count_death(tx, delivery_id, lock.died_in())? else { continue };
            is_new = true;
            if deaths >= DEATHS {
                let reason = format!("the process died {deaths} times while importing it");
                deliveries::settle(tx, delivery_id, Outcome::Quarantined, &reason, None)?;
            }
        }
        if is_new { claim::died(store, tx) } else { Ok(()) }
    })?;
    lock.counted()
}
