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
//! commit that stores a later one. What follows from a message alone is worked out there ([`mail::reading`]), so that no
//! mail, however it is made, keeps the database for long.
//!
//! # Rooms
//!
//! | room | what it is | uses |
//! |---|---|---|
//! | [`mail`] | reads and writes messages: values in, values out; no clock, SQL or sockets | no other room |
//! | [`net`] | the only sockets: IMAP and SMTP behind two small traits | [`mail`], [`system_words`] |
//! | [`oauth`] | sign-in with access tokens | [`config`], [`error`], [`lock`], [`net`], [`place`], [`random`], [`secret`], [`store`], [`system_words`] |
//! | [`words`] | which letters are the same for a search, and where words begin: pure | no other room |
//! | [`query`] | the search language: text in, a tree of conditions out | [`dates`], [`suggest`], [`error`], [`words`] |
//! | [`filter`] | patterns, conditions and the verdict about a message: values in, values out | [`suggest`], [`mail`], [`store`], [`units`] |
//! | [`store`] | the only SQL; `store::db::sqlite` is the one place that names SQLite | [`caller`], [`error`], [`holder`], [`job_control`], [`mail`], [`net`], [`place`], [`query`], [`units`], [`words`], [`system_words`] |
//! | [`health`] | what an account remembers of its failures, and how long it rests: pure | [`error`], [`moment`], [`net`], [`store`] |
//! | [`access`] | who may do what | [`caller`], [`error`], [`store`] |
//! | [`outbox`] | what is to be sent, and what became of it; calls back for what follows | [`claim`], [`health`], [`mail`], [`moment`], [`net`], [`store`], [`system_words`] |
//! | [`intake`] | from the wire to the case: decides with pure functions, then acts and records why | [`access`], [`claim`], [`config`], [`error`], [`filter`], [`health`], [`holder`], [`lock`], [`mail`], [`moment`], [`net`], [`outbox`], [`random`], [`store`], [`units`], [`system_words`] |
//! | [`reply`] | letters that people write | [`access`], [`error`], [`intake`], [`mail`], [`outbox`], [`random`], [`store`], [`units`] |
//! | [`report`] | figures for team leads out of rows of the store, and pages and pictures of them: pure | [`store`], [`ui`] |
//! | [`desk`] | work on cases and records by hand | [`access`], [`erase`], [`error`], [`filter`], [`intake`], [`mail`], [`store`] |
//! | [`erase`] | takes a person out of the archive | [`intake`], [`mail`], [`store`] |
//! | [`cli`] | flags -> one operation -> output: no SQL, protocols or MIME | [`access`], [`caller`], [`claim`], [`config`], [`dates`], [`desk`], [`erase`], [`error`], [`filter`], [`health`], [`holder`], [`intake`], [`job_control`], [`lock`], [`log`], [`mail`], [`moment`], [`net`], [`oauth`], [`outbox`], [`place`], [`query`], [`random`], [`reply`], [`report`], [`secret`], [`store`], [`suggest`], [`ui`], [`units`], [`system_words`] |
//! | [`ui`] | tables, JSON, terminal-safe text; the only place that prints | [`error`], [`job_control`], [`system_words`] |
//! | [`config`] | the configuration file | [`suggest`], [`caller`], [`error`], [`mail`], [`net`], [`place`], [`secret`], [`units`], [`system_words`] |
//! | [`secret`] | where passwords and tokens come from | [`error`], [`job_control`], [`system_words`] |
//! | [`error`] | errors with exit status and hint; classifies those of servers and of the database | [`net`], [`store`], [`system_words`] |
//! | [`place`] | where the database and the state directory are: paths, and the names of servers | [`caller`], [`error`], [`secret`], [`suggest`], [`system_words`] |
//! | [`caller`] | as whom the program runs, and for whom | [`error`], [`place`] |
//! | [`lock`] | one process for each account and for the outbox | [`holder`], [`job_control`], [`place`], [`random`] |
//! | [`claim`] | one process of all machines for each account, and for its sending | [`holder`], [`lock`], [`place`], [`store`] |
//! | [`holder`] | which process holds a lock or the database, and its state | no other room |
//! | [`job_control`] | a writer is not stopped by a key press | [`holder`] |
//! | [`log`] | the log file | [`ui`], [`system_words`] |
//! | [`moment`] | times in the database that a wrong clock may have written | no other room |
//! | [`system_words`] | what the system and the libraries say, for people: pure | no other room |
//! | [`suggest`] | the known word that is closest to a mistyped one | no other room |
//! | [`random`] | fresh random bytes | [`system_words`] |
//! | [`dates`] | dates and times as people type them: pure | [`error`] |
//! | [`units`] | durations and sizes in words | no other room |
//! | [`rules`] | the rules by the numbers that code and tests cite: text alone | no other room |
//!
//! A test reads this table and fails on a room that is not in it, on an arrow between rooms that is not in it, and on one that
//! is in it and not used. Numbers such as (B4.9) are explained in [`rules`]. CONTRIBUTING.md says how to build and test, where
//! a new thing goes, and how to write.

pub mod access;
pub mod caller;
pub mod claim;
pub mod cli;
pub mod config;
pub mod dates;
pub mod desk;
pub mod erase;
pub mod error;
pub mod filter;
pub mod health;
pub mod holder;
pub mod intake;
pub mod job_control;
pub mod lock;
pub mod log;
pub mod mail;
pub mod moment;
pub mod net;
pub mod oauth;
pub mod outbox;
pub mod place;
pub mod query;
mod random;
pub mod reply;
pub mod report;
mod suggest;
#[doc = include_str!("rules.md")]
pub mod rules {}
pub mod secret;
pub mod store;
mod system_words;
pub mod ui;
pub mod units;
pub mod words;
