//! What a session knows, and what it asks of the main thread. It never sees the store.

use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;

use super::receive::Batch;
use crate::net::NetError;
use crate::store::accounts::{Account, Folder, Polled};
use crate::store::deliveries::{Owed, Recorded};
use crate::store::junk::Wanted;
use crate::store::server_actions::ServerAction;

/// What a session has to do.
#[derive(Debug, Clone)]
pub struct Job {
    pub account: Account,
    /// Its folders in order.
    pub folders: Vec<Folder>,
    /// Messages per folder and run; 0 = all.
    pub portion: usize,
    /// Largest message in bytes.
    pub max_size: u64,
    /// Nothing is changed on the server.
    pub dry_run: bool,
    /// The run ends then: what is cut off by that is nobody's fault.
    pub until: Instant,
    /// Else nothing but the account is known yet.
    pub is_claimed: bool,
}

/// Bytes handed over at once, while the rest of the range is on its way: one commit stores them.
pub const HAND_OVER: usize = 1 << 20;

/// The main thread, as a session sees it. Who only takes in what is fetched need not answer the rest.
pub trait Desk {
    /// What is known of a folder; nothing where it is new, or has another UIDVALIDITY.
    fn opened(&mut self, _folder: &str, _uidvalidity: u32) -> Result<Option<Start>> {
        Ok(None)
    }
    /// Begins a folder: up to `past_uid` fetch-since decides. `renumbered`: what is known of its UIDs is void.
    fn begin(&mut self, _folder: &str, _uidvalidity: u32, _past_uid: u32, _renumbered: bool) -> Result<Start> {
        Ok(Start::default())
    }
    /// What the ledger says of one UID.
    fn recorded(&mut self, _folder: &str, _uidvalidity: u32, _uid: u32) -> Result<Option<Recorded>> {
        Ok(None)
    }
    /// What the server still owes from earlier runs.
    fn owed(&mut self) -> Result<Vec<Owed>> {
        Ok(Vec::new())
    }
    /// Number of messages and bytes that are going to be fetched.
    fn begun(&mut self, _messages: usize, _bytes: u64) -> Result<()> {
        Ok(())
    }
    /// Number of bytes from which on a batch is handed over.
    fn enough(&self) -> usize {
        HAND_OVER
    }
    /// A batch to be stored and imported.
    fn batch(&mut self, batch: Batch) -> Result<()>;
    /// Everything that was to be fetched from a folder has been handed over; gives what is to be done on the server.
    fn complete(&mut self, _folder: &str, _uidvalidity: u32, _polled: Polled) -> Result<Vec<ServerAction>> {
        Ok(Vec::new())
    }
    /// The server has done these, or refused with these words.
    fn acted(&mut self, _ids: Vec<i64>, _refused: Option<String>) -> Result<()> {
        Ok(())
    }
    /// The certificate of the server is over then.
    fn certificate(&mut self, _ends: Timestamp) -> Result<()> {
        Ok(())
    }
    /// What is to go into the junk folder, or back out of it.
    fn junk(&mut self) -> Result<Vec<Wanted>> {
        Ok(Vec::new())
    }
    /// None of these can go where it should, for this reason, until somebody does something about it.
    fn stuck(&mut self, _ids: Vec<i64>, _why: String) -> Result<()> {
        Ok(())
    }
    /// What became of one of these, by its action and its email.
    fn moved(&mut self, _action_id: i64, _email_id: i64, _moved: Moved) -> Result<()> {
        Ok(())
    }
    /// The server has a Sent folder of this name; it is polled from now on.
    fn sent_folder(&mut self, _name: &str) -> Result<()> {
        Ok(())
    }
    /// A folder failed (`Some`) or works; the session goes on.
    fn folder(&mut self, _folder: &str, _failure: Option<&NetError>) -> Result<()> {
        Ok(())
    }
}

/// What became of a message that was to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It lies where it should, in this folder.
    To(String),
    /// The server does not have it any more, in any folder where it may be.
    Gone,
}

/// Where a folder's poll starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Everything up to this UID is settled.
    pub last_uid: u32,
    /// Up to this UID fetch-since decides.
    pub past_uid: u32,
    /// Messages that the folder had at the last poll, if that came to its end.
    pub messages: Option<u32>,
    /// UIDs above the watermark that the ledger has a row for, ascending.
    pub known: Vec<u32>,
}
