//! Long runs of base64 in a message, decoded: an attachment that comes again is stored once, and binary bytes take less
//! room and time than their letters.
//!
//! It is a matter of bytes alone. No MIME is read, so nothing that a message says about itself can mislead it: a run is taken
//! out only where its bytes, encoded again in lines of the same length, are exactly what stood there.

use std::ops::Range;

use base64_simd::{Out, STANDARD};
use memchr::memchr;

/// Fewer bytes than these are not worth rows of their own.
const SMALLEST: usize = 8 << 10;
/// Maximum number of runs taken out of a message.
const MOST: usize = 100;
/// Letters in a line, at least and at most.
const LINES: std::ops::RangeInclusive<usize> = 16..=1_000;

/// How the bytes of a run stood in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Bytes of the rest of the message before it.
    pub(super) place: usize,
    /// Letters in each line but the last; a multiple of four.
    pub(super) line: usize,
    /// Lines end with CR LF, not with LF alone.
    pub(super) crlf: bool,
}

impl Form {
    fn end(self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }
}

/// Bytes that stood in the message as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) form: Form,
    pub(super) bytes: Vec<u8>,
}

impl Run {
    /// Bytes that it had in the message; `None` where it cannot have stood there.
    fn letters(&self) -> Option<usize> {
        let lines = self.bytes.len().div_ceil(Some(self.form.line / 4 * 3).filter(|bytes| *bytes > 0)?);
        let ends = lines.saturating_sub(1).checked_mul(self.form.end().len())?;
        self.bytes.len().div_ceil(3).checked_mul(4)?.checked_add(ends)
    }
}

/// A run, and where its letters stand in the message.
pub(super) type Found = (Range<usize>, Run);

/// Takes the long runs of base64 out of a message; what is left of it, and the runs in their order. `None` where it has none.
pub(super) fn take_apart(raw: &[u8]) -> Option<(Vec<u8>, Vec<Found>)> {
    let (mut rest, mut runs) = (Vec::new(), Vec::new());
    // What has not been looked at, where a line begins, and what has not been copied.
    let (mut text, mut kept) = (raw, raw);
    while !text.is_empty() && runs.len() < MOST {
        let (bytes, line, crlf, seen) = run(text);
        let after = text.get(seen..).unwrap_or_default();
        if bytes.len() >= SMALLEST {
            rest.extend_from_slice(kept.get(..kept.len() - text.len()).unwrap_or_default());
            let at = raw.len() - text.len();
            runs.push((at..at + seen, Run { form: Form { place: rest.len(), line, crlf }, bytes }));
            kept = after;
        }
        text = memchr(b'\n', after).and_then(|at| after.get(at + 1..)).unwrap_or_default();
    }
    rest.extend_from_slice(kept);
    (!runs.is_empty()).then_some((rest, runs))
}

/// The bytes of the run of base64 that a text begins with, the letters in its lines, whether they end with CR LF, and the
/// length of its letters in the text, without the end of its last line.
fn run(text: &[u8]) -> (Vec<u8>, usize, bool, usize) {
    let first = memchr(b'\n', text).and_then(|at| text.get(..at)).unwrap_or_default();
    let (letters, crlf) = first.strip_suffix(b"\r").map_or((first, false), |letters| (letters, true));
    let line = letters.len();
    let mut bytes = Vec::new();
    if line % 4 != 0 || !LINES.contains(&line) {
        return (bytes, line, crlf, 0);
    }
    let end = Form { place: 0, line, crlf }.end();
    let (mut rest, mut seen) = (text, 0);
    while let Some((letters, after)) = rest.split_at_checked(line)
        && let Some(after) = after.strip_prefix(end)
    {
        let before = bytes.len();
        if decode(letters, &mut bytes) != Some(line / 4 * 3) {
            bytes.truncate(before);
            break;
        }
        if before < SMALLEST && bytes.len() >= SMALLEST {
            // It is an attachment. Room that it does not need is given back, and was never written to.
            bytes.reserve(after.len() / 4 * 3);
        }
        rest = after;
        seen = text.len() - after.len() - end.len();
    }
    // The last line may be shorter, and end the message.
    let last = memchr(b'\n', rest).and_then(|at| rest.get(..at)).unwrap_or(rest);
    let last = last.strip_suffix(b"\r").filter(|_| crlf).unwrap_or(last);
    if seen > 0 && !last.is_empty() && last.len() <= line && decode(last, &mut bytes).is_some() {
        seen = text.len() - rest.len() + last.len();
    }
    (bytes, line, crlf, seen)
}

/// Adds what letters stand for, where they are the one way in which it is written; the number of bytes.
fn decode(letters: &[u8], bytes: &mut Vec<u8>) -> Option<usize> {
    let before = bytes.len();
    bytes.resize(before + letters.len() / 4 * 3, 0);
    let room = bytes.get_mut(before..).unwrap_or_default();
    let decoded = STANDARD.decode(letters, Out::from_slice(room)).map_or(0, |decoded| decoded.len());
    bytes.truncate(before + decoded);
    Some(decoded).filter(|count| *count > 0)
}

/// The message again; `None` where the forms are not those of its runs, or it would have another size.
pub(super) fn put_together(rest: &[u8], runs: &[Run], size: usize) -> Option<Vec<u8>> {
    let sizes = runs.iter().map(Run::letters).sum::<Option<usize>>()?;
    if rest.len().checked_add(sizes)? != size {
        return None;
    }
    let mut raw = Vec::with_capacity(size);
    let mut copied = 0;
    for Run { form, bytes } in runs {
        raw.extend_from_slice(rest.get(copied..form.place)?);
        copied = form.place;
        for (number, part) in bytes.chunks(Some(form.line / 4 * 3).filter(|bytes| *bytes > 0)?).enumerate() {
            if number > 0 {
                raw.extend_from_slice(form.end());
            }
            let before = raw.len();
            raw.resize(before + part.len().div_ceil(3) * 4, 0);
            let _ = STANDARD.encode(part, Out::from_slice(raw.get_mut(before..)?));
        }
    }
    raw.extend_from_slice(rest.get(copied..)?);
    Some(raw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// Bytes in lines of this length.
    fn encoded(bytes: &[u8], line: usize, end: &str) -> String {
        let lines: Vec<String> = bytes.chunks(line / 4 * 3).map(|part| STANDARD.encode_to_string(part)).collect();
        lines.join(end)
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|n| u8::try_from(n * n % 251).unwrap()).collect()
    }

    fn sizes(raw: &str) -> Vec<usize> {
        let Some((rest, runs)) = take_apart(raw.as_bytes()) else { return Vec::new() };
        let runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
        assert_eq!(put_together(&rest, &runs, raw.len()).unwrap(), raw.as_bytes(), "{raw}");
        runs.iter().map(|run| run.bytes.len()).collect()
    }

    #[test]
    fn runs_are_taken_out_and_come_back() {
        let long = |count| encoded(&bytes(count), 76, "\r\n");
        for (raw, expected) in [
            (long(9_000), vec![9_000]),
            (long(9_001), vec![9_001]),
            (long(9_120), vec![9_120]),
            (format!("a: b\r\n\r\n{}\r\n--x--\r\n", long(10_000)), vec![10_000]),
            (format!("{}\r\n--x\r\n\r\n{}\r\n", long(10_000), long(20_000)), vec![10_000, 20_000]),
            (encoded(&bytes(9_000), 60, "\n"), vec![9_000]),
            (format!("x\n{}\n", encoded(&bytes(9_000), 72, "\n")), vec![9_000]),
            // Too short, of one line, in other lines, not written as everybody writes it.
            (long(8_000), vec![]),
            (STANDARD.encode_to_string(bytes(9_000)), vec![]),
            (encoded(&bytes(9_000), 8, "\n"), vec![]),
            (encoded(&bytes(9_000), 76, "\r\n ").replace(' ', "\t"), vec![]),
            (long(9_000).replace('+', "-").replace('/', "_"), vec![]),
            (String::new(), vec![]),
            ("\r\n".repeat(9_000), vec![]),
        ] {
            assert_eq!(sizes(&raw), expected, "{raw}");
        }
        // A line that is broken in the middle ends a run, and may begin another one.
        let broken = format!("{}\r\nAA\r\n{}", long(9_120), long(9_000));
        assert_eq!(sizes(&broken), [9_120, 9_000]);
        // The last line is a whole one that ends with padding.
        assert_eq!(sizes(&format!("{}\r\n", long(160 * 57 + 56))), [160 * 57 + 56]);
        // Bits that no encoder sets would come back as others.
        let loose = format!("{}\r\nQUJDRB==\r\n", long(9_120));
        assert_eq!(sizes(&loose), [9_120]);
    }

    #[test]
    fn a_message_has_a_bounded_number_of_runs() {
        let one = format!("{}\r\n--x\r\n", encoded(&bytes(9_000), 76, "\r\n"));
        assert_eq!(sizes(&one.repeat(MOST + 20)).len(), MOST);
    }

    #[test]
    fn forms_of_other_runs_are_noticed() {
        let run = |place, line| [Run { form: Form { place, line, crlf: true }, bytes: bytes(10) }];
        let together = |run: [Run; 1], size| put_together(b"abc", &run, size).map(|raw| raw.len());
        assert_eq!(together(run(3, 4), 3 + 16 + 3 * 2), Some(25));
        for (run, size) in [(run(4, 76), 19), (run(1, 0), 19), (run(3, 4), 24), (run(3, 4), 1 << 60)] {
            assert_eq!(together(run, size), None, "{size}");
        }
    }

    proptest! {
        #![proptest_config(crate::mail::fixed_seed(20))]
        #[test]
        fn every_message_comes_back(
            pieces in prop::collection::vec((any::<bool>(), 0..14_000usize, 1..25usize, any::<bool>(), "[ -~\r\n=+/]{0,90}"), 0..6),
        ) {
            let mut raw = Vec::new();
            for (is_run, count, groups, crlf, text) in pieces {
                if is_run {
                    raw.extend_from_slice(encoded(&bytes(count), 4 * groups, if crlf { "\r\n" } else { "\n" }).as_bytes());
                }
                raw.extend_from_slice(text.as_bytes());
            }
            if let Some((rest, runs)) = take_apart(&raw) {
                let runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
                prop_assert!(put_together(&rest, &runs, raw.len()).unwrap() == raw);
            }
        }
    }
}
