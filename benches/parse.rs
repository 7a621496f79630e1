//! How fast mail is read: this library beside mail-parser, on the same messages in one run. `cargo bench` prints
//! medians and the ratio; nothing is asserted. Other messages: `cargo bench -- DIR`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espomail::mail::message::{self, PartId};
use sha2::{Digest, Sha256};

const ROUNDS: usize = 15;

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|extension| extension != "json" && extension != "md") {
            found.push(path);
        }
    }
}

/// The median time of one round over all messages.
fn measure(messages: &[Vec<u8>], mut read: impl FnMut(&[u8])) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            messages.iter().for_each(|message| read(message));
            started.elapsed()
        })
        .collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let dir = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading"), PathBuf::from);
    let mut paths = Vec::new();
    files(&dir, &mut paths);
    let messages: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let bytes: usize = messages.iter().map(Vec::len).sum();
    println!("{} messages, {} KiB, medians of {ROUNDS} rounds", messages.len(), bytes / 1024);
    let ours = measure(&messages, |raw| drop(black_box(message::parse(raw))));
    // What the digests of attachments cost, which the other library does not make.
    let attachments: Vec<Vec<u8>> = messages
        .iter()
        .flat_map(|raw| {
            let parts: Vec<u32> = message::parse(raw).attachments.iter().map(|attachment| attachment.part).collect();
            parts.into_iter().filter_map(|part| message::attachment_bytes(raw, PartId { part, inner: None }))
        })
        .collect();
    let digests = measure(&attachments, |bytes| {
        black_box(Sha256::digest(bytes));
    });
    let theirs = measure(&messages, |raw| drop(black_box(mail_parser::MessageParser::default().parse(raw))));
    let rate = |time: Duration| bytes as f64 / time.as_secs_f64() / 1e6;
    let net = ours.saturating_sub(digests);
    println!("espomail     {ours:10.1?}  {:6.0} MB/s   without digests {net:.1?}, {:.0} MB/s", rate(ours), rate(net));
    println!("mail-parser  {theirs:10.1?}  {:6.0} MB/s", rate(theirs));
    println!("throughput without digests: {:.2} x mail-parser   (must: >= 0.5)", rate(net) / rate(theirs));
}
