//! espomail turns IMAP mailboxes into an archive, cases and answers.
//!
//! # The straight line
//!
//! ```text
//! receive   IMAP | stdin | files   raw bytes + ledger row + watermark       one transaction per batch
//! import    received -> email, parent, case, assignee, notes, outbox rows   one savepoint per message, one commit per batch
//! settle    \Seen, MOVE, delete on the server                               rows in server_actions, after the commit, idempotent
//! send      outbox: lock -> MAIL/RCPT/DATA -> commit "in doubt" -> body     no transaction open while a socket waits
//! keep      APPEND to the Sent folder                                       rows in sent_copies, looked for on the server first
//! ```
//!
//! Each stage reads what the stage before committed, so a kill at any point is repaired by the next
//! run doing the same thing again. While `fetch` receives, a batch is read on a thread of its own and imported in the
//! commit that stores the next one. What follows from a message alone is worked out there ([`mail::reading`]), so that no
//! mail, however it is made, keeps the database for long.
//!
//! # Rooms
//!
//! | room | what it is | may use |
//! |---|---|---|
//! | [`mail`] | bytes and values in, values out: no clock, no SQL, no sockets | parsing crates |
//! | [`net`] | the only sockets: IMAP and SMTP behind two small traits | protocol crates, `mail` |
//! | [`query`] | the search language: text in, a tree of conditions out | values |
//! | [`filter`] | patterns, conditions and the verdict about a message: values in, values out | `mail`, rows of `store` |
//! | [`store`] | the only SQL; `store::db` is the one place that names SQLite | `mail`, `query` |
//! | [`intake`], [`outbox`], [`reply`], [`desk`], [`erase`], [`access`] | decide with pure functions, then act and record why | `mail`, `store`, the traits of `net` |
//! | [`cli`] | flags -> one operation -> output | everything but SQL, protocols and MIME |
//! | [`lock`], [`holder`], [`job_control`] | what processes hold, who does, and how they are not stopped meanwhile | the operating system |
//! | [`ui`] | tables, JSON, terminal-safe text; the only place that prints | [`job_control`] |
//!
//! A test reads the `use` lines and fails on an arrow that is not in this table.

pub mod access;
mod alike;
pub mod caller;
pub mod cli;
pub mod config;
pub mod desk;
pub mod erase;
pub mod error;
pub mod filter;
pub mod holder;
pub mod intake;
pub mod job_control;
pub mod lock;
pub mod log;
pub mod mail;
pub mod moment;
pub mod net;
pub mod outbox;
pub mod query;
pub mod reply;
pub mod secret;
pub mod store;
pub mod ui;
pub mod units;
