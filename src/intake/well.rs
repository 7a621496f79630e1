//! Accounts that were fetched and are as well as before. A run writes them down in one transaction, instead of one for each
//! account of which nothing came.

use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;

use crate::store::accounts::{self, Account, Health};
use crate::store::db::Tx;

/// A long run writes them down after this time, so that `check` does not miss them.
const LONGEST: Duration = Duration::from_secs(60);

/// What one run has still to write down.
#[derive(Debug, Default)]
pub struct Well {
    accounts: Vec<Fetched>,
    since: Option<Instant>,
}

#[derive(Debug)]
struct Fetched {
    account_id: i64,
    /// When it was fetched before that.
    before: Option<Timestamp>,
    at: Timestamp,
}

impl Well {
    /// Whether nothing but the moment is new of an account; then it is written down later.
    pub fn takes(&mut self, account: &Account, health: &Health) -> bool {
        let before = account.health.last_good_at;
        let Some(at) = health.last_good_at.filter(|_| before.is_some()) else { return false };
        if (Health { last_good_at: before, ..health.clone() }) != account.health {
            return false;
        }
        self.since.get_or_insert_with(Instant::now);
        self.accounts.push(Fetched { account_id: account.id, before, at });
        true
    }

    /// Whether the first of them was fetched a while ago.
    pub fn has_waited(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= LONGEST)
    }

    /// Writes them down. What another run wrote meanwhile stays.
    pub fn write(&mut self, tx: &Tx<'_>) -> Result<()> {
        for one in std::mem::take(&mut self.accounts) {
            accounts::set_last_good(tx, one.account_id, one.before, one.at)?;
        }
        self.since = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::accounts::AccountKind;
    use crate::store::db::Store;

    #[test]
    fn an_account_of_which_nothing_but_the_moment_is_new_waits_for_the_others() {
        let at = |second| Timestamp::from_second(second).ok();
        let now = Timestamp::from_second(9).unwrap();
        let mut account = Account::new("a", AccountKind::Group, now);
        let good = |at| Health { last_good_at: at, ..Health::default() };
        for (before, after, taken) in [
            (good(at(1)), good(at(2)), true),
            (good(None), good(at(2)), false),
            (Health { failed_runs: 1, ..good(at(1)) }, good(at(2)), false),
            (good(at(1)), Health { failing_since: at(2), ..good(at(1)) }, false),
        ] {
            account.health = before.clone();
            assert_eq!(Well::default().takes(&account, &after), taken, "{before:?} {after:?}");
        }

        let store = Store::for_test().unwrap();
        let mut well = Well::default();
        let seen = |well: &mut Well| {
            store.write(|tx| well.write(tx)).unwrap();
            store.read(|tx| accounts::by_id(tx, 1)).unwrap().unwrap().health.last_good_at
        };
        store.write(|tx| accounts::add(tx, &account)).unwrap();
        store.write(|tx| accounts::set_health(tx, 1, &good(at(1)))).unwrap();
        account = Account { id: 1, health: good(at(1)), ..account };
        assert!(well.takes(&account, &good(at(2))) && !well.has_waited());
        assert_eq!(seen(&mut well), at(2));
        assert!(well.takes(&account, &good(at(3))));
        assert_eq!(seen(&mut well), at(2), "another run has fetched it since");
    }
}
