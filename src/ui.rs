//! What people and programs see: the only place that prints. Nothing from a mail reaches a terminal raw.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod afar;
pub mod age;
pub mod cell;
pub mod channel;
pub mod chart;
pub mod exposition;
mod fit;
pub mod frames;
pub mod journal;
pub mod machine;
pub mod outcome;
pub mod output;
pub mod pager;
pub mod progress;
mod prose;
pub mod remarks;
pub mod safe;
pub mod speaker;
pub mod table;
pub mod terminal;
pub mod tint;
pub mod wrap;
