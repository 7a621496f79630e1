//! How long the next try waits.

use jiff::SignedDuration;

/// 1, 5, 15, 30 minutes, then hours that double up to 8.
pub(super) fn backoff(attempts: i64) -> SignedDuration {
    let minutes = match attempts {
        0 => 1,
        1 => 5,
        2 => 15,
        3 => 30,
        n => 60 << (n - 4).clamp(0, 3),
    };
    SignedDuration::from_mins(minutes)
}
