//! Real messages are read as they were before (`tests/corpus/README.md`).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Dice, Sandbox, asked};

fn messages(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => messages(&path, found),
            Some(extension) if extension == "eml" => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn messages_are_read_as_before() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files = Vec::new();
    messages(&corpus, &mut files);
    files.sort();
    assert!(files.len() > 100, "{} files", files.len());
    let names: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let run = Sandbox::new().run(&[&["--format", "ndjson", "email", "show"], &names[..]].concat()).ok();
    let shown: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(shown.len(), files.len());
    let update = std::env::var_os("ESPOMAIL_UPDATE_GOLDEN").is_some();
    let mut differing = Vec::new();
    for (file, line) in files.iter().zip(shown) {
        let mut shown: Value = serde_json::from_str(line).unwrap();
        shown["file"] = file.strip_prefix(&corpus).unwrap().to_str().unwrap().into();
        let (golden, text) = (file.with_extension("json"), serde_json::to_string_pretty(&shown).unwrap() + "\n");
        if update {
            std::fs::write(&golden, text).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != text {
            differing.push(shown["file"].to_string());
        }
    }
    assert!(differing.is_empty(), "read differently (ESPOMAIL_UPDATE_GOLDEN=1 shows how): {differing:#?}");
}

#[path = "../../fuzz/checks.rs"]
mod checks;

/// What the fuzz targets check, on the corpus and on damaged copies of it.
#[test]
fn nothing_breaks_on_damaged_messages() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut files, mut dice) = (Vec::new(), Dice::new());
    messages(&corpus, &mut files);
    files.sort();
    let rounds: u64 = asked("ESPOMAIL_DAMAGES", 20);
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
