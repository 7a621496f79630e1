//! What a run of `fetch` tells while it goes on.

use std::time::Duration;

use jiff::Timestamp;

use crate::holder::Holder;
use crate::intake::import::Imported;
use crate::store::accounts::Account;

/// What the run tells the person who watches it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message was imported (or would be, in a dry run).
    Imported(&'a Account, &'a Imported),
    /// Number of messages and bytes that are going to be fetched.
    Begun(usize, u64),
    /// Maximum number of them that are stored.
    Advanced(usize, u64),
    /// Another process is fetching this account.
    Busy(&'a Account, &'a Holder),
    /// Another machine has fetched it a moment ago.
    Polled(&'a Account, &'a Holder),
    /// Another machine has taken it over from this run, and goes on.
    TakenOver(&'a Account),
    /// Its server is left alone until then: it refused the login, or asks for it.
    Waiting(&'a Account, Timestamp),
    /// The account is done: messages stored.
    Done(&'a Account, usize),
    /// The account failed; `speak` says that cron is to hear of it.
    Failed(&'a Account, &'a anyhow::Error, bool),
    /// That number of mails cannot go to the folder for junk, for this reason.
    Stuck(&'a Account, usize, &'a str),
    /// It works again, and somebody had been told that it did not.
    Recovered(&'a Account, Option<Timestamp>),
    /// So long it took to bring the full-text index up to date.
    Indexed(Duration),
}
