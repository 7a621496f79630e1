//! Reading and writing mail: bytes and values in, values out. Pure: no clock, no SQL, no sockets.

pub mod address;
pub mod authentication_results;
pub mod author;
pub mod automatic;
pub mod bcc;
pub mod bounce;
pub mod compose;
pub mod content_key;
pub mod draft_file;
pub mod file_type;
pub mod forward;
pub mod language;
pub mod mailing_list;
pub mod markdown;
pub mod mbox;
pub mod message;
pub mod message_id;
mod phrases;
mod prefix;
pub mod providers;
pub mod reading;
pub mod receipt;
pub mod redact;
mod references;
pub mod refusal;
pub mod subject;
pub mod template;
pub mod text;

/// Property tests of this room try the same cases in every run.
#[cfg(test)]
pub(crate) fn fixed_seed(seed: u64) -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, RngSeed};
    Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, cases: 1_000, ..Config::default() }
}

/// Asserts that work on a repeated text grows with its length: four times the text costs about four times as much,
/// while sixteen times would be quadratic. What counts is the time of this thread, however busy the machine is.
#[cfg(test)]
pub(crate) fn costs_no_more_than_its_length(unit: &str, bytes: usize, work: &dyn Fn(&str)) {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let time = |bytes: usize| {
        let text = unit.repeat(bytes / unit.len());
        let once = || {
            let started = now();
            work(&text);
            now().saturating_sub(started)
        };
        (0..3).map(|_| once()).min().unwrap_or_default()
    };
    let (short, long) = (time(bytes / 4), time(bytes));
    // What is too short to be measured is short enough.
    assert!(long <= short * 10 + Duration::from_millis(2), "{unit:?}: {short:?} became {long:?}");
}
