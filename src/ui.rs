//! What people and programs see: the only place that prints. Nothing from a mail reaches a terminal raw.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod age;
pub mod cell;
mod machine;
pub mod output;
pub mod progress;
pub mod safe;
pub mod speaker;
pub mod table;
