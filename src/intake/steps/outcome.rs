//! What became of a message.

use crate::store::deliveries::Outcome;

/// What became of one message, for `-v` and `--dry-run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub delivery_id: i64,
    pub outcome: Outcome,
    /// Email, where there is one.
    pub email_id: Option<i64>,
    /// One line: why, or the error.
    pub reason: String,
}
