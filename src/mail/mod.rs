//! Reading and writing mail: bytes and values in, values out. Pure: no clock, no SQL, no sockets.

pub mod address;
pub mod authentication_results;
pub mod automatic;
pub mod bounce;
pub mod compose;
pub mod forward;
pub mod mbox;
pub mod message;
pub mod message_id;
mod prefix;
pub mod redact;
mod references;
pub mod subject;
pub mod template;
pub mod text;
mod words;

/// Property tests of this room try the same cases in every run.
#[cfg(test)]
fn fixed_seed(seed: u64) -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, RngSeed};
    Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, cases: 1_000, ..Config::default() }
}
