//! What a thread has seen before, so that a quotation of it is recognised, even if its lines were wrapped again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words in a row that prove a line: people hardly ever write the same five.
const RUN: usize = 5;

#[derive(Debug, Default)]
pub struct Known {
    lines: HashSet<u64>,
    runs: HashSet<u64>,
}

impl Known {
    /// Remembers the words of a message.
    pub fn learn(&mut self, text: &str) {
        let mut all: Vec<u64> = Vec::new();
        for line in text.lines() {
            let words = words(line);
            if !words.is_empty() {
                self.lines.insert(hash(&words));
            }
            all.extend(words);
        }
        self.runs.extend(all.windows(RUN).map(hash));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a line was sent before as it is.
    fn has(&self, words: &[u64]) -> bool {
        self.lines.contains(&hash(words))
    }

    /// Which of these lines were sent before.
    pub(super) fn seen(&self, lines: &[&str]) -> Vec<bool> {
        let by_line: Vec<Vec<u64>> = lines.iter().map(|line| words(line)).collect();
        let all: Vec<u64> = by_line.iter().flatten().copied().collect();
        let mut proven = vec![false; all.len()];
        for (start, run) in all.windows(RUN).enumerate() {
            if self.runs.contains(&hash(run)) {
                proven.iter_mut().skip(start).take(RUN).for_each(|word| *word = true);
            }
        }
        let mut rest = proven.as_slice();
        let one = |words: &Vec<u64>| {
            let (line, after) = rest.split_at_checked(words.len()).unwrap_or((rest, &[]));
            rest = after;
            line.iter().all(|proven| *proven) || self.has(words)
        };
        by_line.iter().map(one).collect()
    }

    /// Whether hardly a line of these is new.
    pub(super) fn is_most_of(&self, lines: &[&str]) -> bool {
        let words: usize = lines.iter().map(|line| words(line).len()).sum();
        let seen = self.seen(lines).into_iter().zip(lines).filter(|(_, line)| is_written(line));
        let (seen, new): (Vec<bool>, Vec<bool>) = seen.map(|(seen, _)| seen).partition(|seen| *seen);
        words >= RUN && new.len() * 4 <= seen.len()
    }
}

/// Whether a line has more than quote marks.
pub(super) fn is_written(line: &str) -> bool {
    !unmarked(line).is_empty()
}

/// Whether a line has words, and not only signs.
pub(super) fn has_words(line: &str) -> bool {
    !words(line).is_empty()
}

/// A line without quote marks and blanks around it.
pub(super) fn unmarked(line: &str) -> &str {
    line.trim_start_matches(|c: char| c == '>' || c.is_whitespace()).trim_end()
}

/// The words of a line as mail programs leave them: without quote marks, signs around them, and the targets that programs
/// write after the words of a link. What is written without blanks between words gives one for each sign.
fn words(line: &str) -> Vec<u64> {
    let line = unmarked(line);
    let all = || line.split_whitespace().flat_map(|word| word.split('<')).filter(|word| !word.is_empty());
    let is_target = |word: &&str| is_target(word);
    let keeps_targets = all().all(|word| is_target(&word));
    let mut words = Vec::new();
    for word in all().filter(|word| keeps_targets || !is_target(word)) {
        let mut letters = String::new();
        for c in word.chars() {
            if is_word(c) {
                flush(&mut letters, &mut words);
                letters.push(c);
                flush(&mut letters, &mut words);
            } else if c.is_alphanumeric() {
                letters.extend(c.to_lowercase());
            }
        }
        flush(&mut letters, &mut words);
    }
    words
}

fn flush(letters: &mut String, words: &mut Vec<u64>) {
    if !letters.is_empty() {
        let mut hasher = DefaultHasher::new();
        letters.hash(&mut hasher);
        words.push(hasher.finish());
        letters.clear();
    }
}

/// `<https://a.example/>`, `[1]`: what conversions add to words.
fn is_target(word: &str) -> bool {
    let bare = word.trim_matches(['<', '>', '(', ')', '[', ']', '.', ',', ';']);
    let is_link = ["http://", "https://", "mailto:", "tel:", "cid:"].iter().any(|start| bare.starts_with(start));
    let is_number = word.starts_with('[') && !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
    is_link || is_number
}

/// Signs of scripts that are written without blanks.
fn is_word(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

fn hash(words: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}
