//! The only SQL. [`db`] runs it on an engine; every other file holds one entity: its
//! struct, its enums, its statements. No policy, no clock, no sockets.

pub mod accounts;
pub mod cases;
pub mod db;
pub mod deliveries;
pub mod disk;
pub mod drafts;
pub mod emails;
pub mod events;
pub mod filters;
pub mod folders;
pub mod hosts;
pub mod instance;
pub mod invalid_addresses;
pub mod junk;
pub mod label;
pub mod leases;
pub mod log;
pub mod notifications;
pub mod outbox;
pub mod parent;
pub mod permissions;
pub mod prune;
pub mod raw;
pub mod records;
pub mod reports;
pub mod restored;
pub mod roles;
pub mod sealed_secrets;
pub mod search;
pub mod searches;
pub mod sent_copies;
pub mod server_actions;
pub mod sight;
pub mod stream;
pub mod teams;
pub mod templates;
mod text;
pub mod tombstones;
pub mod users;

#[cfg(test)]
mod tests;
