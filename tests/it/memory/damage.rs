//! What the fuzz targets check, on the messages of `tests/reading` and on damaged copies of them.

use std::path::Path;

use crate::support::{Dice, asked};

#[path = "../../../fuzz/checks.rs"]
mod checks;

#[test]
fn nothing_breaks_on_damaged_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
    files.sort();
    assert!(files.len() > 250, "{} files", files.len());
    let mut dice = Dice::new();
    let rounds: u64 = asked("ESPOMAIL_DAMAGES", 2);
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        checks::message(&whole);
        for _ in 0..rounds {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut dice);
            checks::message(&bytes);
            let start = dice.below(bytes.len() as u64 + 1) as usize;
            let piece = &bytes[start..bytes.len().min(start + 300)];
            checks::headers(piece);
            checks::dates(piece);
            checks::query(piece);
            checks::filter(piece);
            checks::addresses(piece);
            checks::bounce(piece);
            checks::html(piece);
            checks::terminal(piece);
        }
    }
}

/// Some bytes are changed, or a run of them lost, doubled or moved.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len() as u64) as usize;
        let run = at..bytes.len().min(at + 1 + dice.below(60) as usize);
        match dice.below(4) {
            0 => bytes[at] = dice.below(256) as u8,
            1 => drop(bytes.drain(run)),
            2 => {
                let copy = bytes[run].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let moved: Vec<u8> = bytes.drain(run).collect();
                let to = dice.below(bytes.len() as u64 + 1) as usize;
                bytes.splice(to..to, moved);
            }
        }
    }
}
