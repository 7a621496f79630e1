//! What happens to a message between the wire and the agent: received, imported, decided upon.
//!
//! [`receive`] stores bytes, [`import`] takes them out in batches, [`steps`] makes emails and cases of them in the
//! order of B3. The other files each hold one decision: they read the store, decide by pure functions, and say why.

pub mod answered;
pub mod assign;
pub mod audit;
pub mod auto_reply;
pub mod bounces;
pub mod bulk;
pub mod case;
pub mod case_status;
pub mod concerns;
mod download;
pub mod fetch;
pub mod filter;
mod filter_set;
mod flow;
pub mod follow_up;
mod history;
pub mod import;
pub mod junk;
pub mod new_case;
pub mod notice;
pub mod notification_text;
pub mod notify;
pub mod opening;
pub mod parent;
pub mod people;
mod poison;
pub mod poll;
pub mod privacy;
pub mod receive;
pub mod recipients;
mod rehearsal;
pub mod rest;
pub mod roster;
pub mod sender;
mod sent;
pub mod session_desk;
pub mod sessions;
pub mod steps;
mod survey;
pub mod trial;
mod turns;
pub mod undelivered;
mod unsettled;
pub mod verdicts;
pub mod waiting;
pub mod wake;
mod well;
pub mod world;
