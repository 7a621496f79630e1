//! Quotations of earlier mail, folded in views and never cut (B7.5).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::mail::forward;

/// Words in a row that prove a line: people hardly ever write the same five.
const RUN: usize = 5;
/// Lines of a quotation that nobody sent before and that are shown.
const MAX_UNSEEN: usize = 20;
/// Of more of them, how many are shown.
const FIRST_UNSEEN: usize = 3;
/// Lines of a quotation between answers that are shown: they say what is answered.
const MAX_BETWEEN: usize = 3;
/// Lines that tell who wrote what is quoted.
const MAX_ATTRIBUTION: usize = 3;

/// What the thread has seen before, so that a quotation of it can be recognised, even if its lines were wrapped again.
#[derive(Debug, Default)]
pub struct Known {
    lines: HashSet<u64>,
    runs: HashSet<u64>,
}

impl Known {
    /// Remembers the words of a message.
    pub fn learn(&mut self, text: &str) {
        self.lines.extend(text.lines().map(|line| hash(words(line))));
        let all: Vec<&str> = text.lines().flat_map(words).collect();
        self.runs.extend(all.windows(RUN).map(|run| hash(run.iter().copied())));
    }

    /// Which of these lines were sent before.
    fn seen(&self, lines: &[&str]) -> Vec<bool> {
        let all: Vec<(usize, &str)> =
            lines.iter().enumerate().flat_map(|(at, line)| words(line).map(move |word| (at, word))).collect();
        let mut proven = vec![false; all.len()];
        for (start, run) in all.windows(RUN).enumerate() {
            if self.runs.contains(&hash(run.iter().map(|(_, word)| *word))) {
                proven.iter_mut().skip(start).take(RUN).for_each(|word| *word = true);
            }
        }
        let mut seen: Vec<bool> = vec![true; lines.len()];
        for ((line, _), proven) in all.iter().zip(proven) {
            if let Some(seen) = seen.get_mut(*line) {
                *seen &= proven;
            }
        }
        let is_known = |line: &str| self.lines.contains(&hash(words(line)));
        seen.iter().zip(lines).map(|(seen, line)| *seen || is_known(line)).collect()
    }
}

/// The words of a line without quote marks.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.trim_start_matches(['>', ' ', '\t']).split_whitespace()
}

fn hash<'a>(words: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.for_each(|word| word.hash(&mut hasher));
    hasher.finish()
}

/// A piece of a text as a view shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Line(&'a str),
    /// Number of quoted lines that stand here.
    Folded(usize),
}

/// The text with its quotations folded: of their lines only those are shown that nobody sent before, and of many of these
/// the first. A short quotation with an answer after it stays.
pub fn folded<'a>(text: &'a str, known: &Known) -> Vec<Piece<'a>> {
    let text = text.trim_end();
    let lines: Vec<&str> = text.lines().collect();
    let starts = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some(start)
    });
    let starts: Vec<usize> = starts.collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let left = lines.get(at..).unwrap_or_default();
        let rest = starts.get(at).and_then(|start| text.get(*start..)).unwrap_or_default();
        let Some(quotation) = Quotation::at(left, rest) else {
            pieces.push(Piece::Line(line));
            at += 1;
            continue;
        };
        let quoted = left.get(..quotation.lines).unwrap_or(left);
        at += quotation.lines.max(1);
        let has_answer = at < lines.len() && written(quoted.get(quotation.head..).unwrap_or_default()) <= MAX_BETWEEN;
        // A mail that somebody passes on without a word is all that there is to read.
        let is_all = quotation.copied && pieces.iter().all(|piece| *piece == Piece::Line(""));
        if has_answer || is_all {
            pieces.extend(quoted.iter().copied().map(Piece::Line));
        } else {
            fold(quoted, quotation.head, known, &mut pieces);
        }
    }
    pieces
}

fn fold<'a>(quoted: &[&'a str], head: usize, known: &Known, pieces: &mut Vec<Piece<'a>>) {
    let body = quoted.get(head..).unwrap_or_default();
    let seen = known.seen(body);
    let unseen: Vec<&str> = body.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(line, _)| *line).collect();
    let shown = if unseen.len() > MAX_UNSEEN { FIRST_UNSEEN } else { unseen.len() };
    pieces.extend(unseen.iter().take(shown).copied().map(Piece::Line));
    let hidden = written(quoted) - shown;
    if hidden > 0 {
        pieces.push(Piece::Folded(hidden));
    }
}

/// Lines with a word in them.
fn written(lines: &[&str]) -> usize {
    lines.iter().filter(|line| words(line).next().is_some()).count()
}

/// A quotation that begins with a line.
struct Quotation {
    /// Lines that tell who wrote it.
    head: usize,
    /// With them.
    lines: usize,
    /// It has no marks: it follows the header that a program copied, and goes to the end.
    copied: bool,
}

impl Quotation {
    fn at(left: &[&str], rest: &str) -> Option<Quotation> {
        let line = left.first()?;
        let head = attribution(left).or_else(|| line.starts_with('>').then_some(0));
        if let Some(head) = head {
            return Some(Quotation { head, lines: head + marked(left.get(head..)?), copied: false });
        }
        let copied = |head| Some(Quotation { head, lines: left.len(), copied: true });
        if line.trim().is_empty() || !forward::announces(line) {
            return forward::header_lines(rest).and_then(copied);
        }
        let above = 1 + left.iter().skip(1).take_while(|line| line.trim().is_empty()).count();
        let after = rest.split_inclusive('\n').take(above).map(str::len).sum::<usize>();
        match rest.get(after..).and_then(forward::header_lines) {
            Some(header) => copied(above + header),
            // Some programs copy other fields than most.
            None if super::is_separator(line) => copied(left.iter().take_while(|line| !line.trim().is_empty()).count()),
            None => None,
        }
    }
}

/// Lines such as `On Tuesday, Ann <ann@x.example> wrote:` before marked ones.
fn attribution(lines: &[&str]) -> Option<usize> {
    let end = lines.iter().take(MAX_ATTRIBUTION).position(|line| line.trim_end().ends_with([':', '：']))?;
    let head = lines.get(..=end)?;
    let blank = lines.iter().skip(end + 1).take_while(|line| line.trim().is_empty()).count();
    let tells = head.iter().any(|line| line.contains(|c: char| c.is_ascii_digit()) && line.len() > 10);
    let is_head = head.iter().all(|line| !line.trim().is_empty() && !line.starts_with('>'));
    let quoted = lines.get(end + 1 + blank).is_some_and(|line| line.starts_with('>'));
    (tells && is_head && quoted && blank <= 1).then_some(end + 1 + blank)
}

/// Lines with marks, and the blank ones between them.
fn marked(lines: &[&str]) -> usize {
    let run = lines.iter().take_while(|line| line.starts_with('>') || line.trim().is_empty());
    run.enumerate().filter(|(_, line)| line.starts_with('>')).last().map_or(0, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, known: &str) -> String {
        let mut seen = Known::default();
        seen.learn(known);
        let lines = folded(text, &seen).into_iter().map(|piece| match piece {
            Piece::Line(line) => line.to_owned(),
            Piece::Folded(count) => format!("[{count}]"),
        });
        lines.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn quotations_are_folded() {
        let sent = "Hello,\n\nit is   broken.\nWhen will you come to look at it, and who pays?\nAnn";
        for (text, want) in [
            ("Thanks!\n\nAnn wrote:\n> Hello,\n>\n> it is broken.\n", "Thanks!||Ann wrote:|[2]"),
            ("Thanks!\n\n>> Hello,\n> it is broken.\n\n", "Thanks!||[2]"),
            (
                "Thanks!\n\nOn 5 March 2024 Ann <a@x.example>\nwrote:\n\n> Hello,\n> it is broken.\n> Ann",
                "Thanks!||[5]",
            ),
            ("Am 05.03.2024 schrieb Ann:\n> Hello,\nYes", "Am 05.03.2024 schrieb Ann:|> Hello,|Yes"),
            ("> Hello,\n> it is red.\n", "> it is red.|[1]"),
            ("> Hello,\nYes?\n\n> it is broken.\nHow?\n", "> Hello,|Yes?||> it is broken.|How?"),
            (
                "> Hello,\n>\n> it is broken.\n> When will you come to look at it, and who pays?\n> Ann\nNow.",
                "[4]|Now.",
            ),
            ("Ok\n\n> it is broken. When will you come to\n> look at it, and who pays? Ann\n", "Ok||[2]"),
            ("Ok\n\n-----Original Message-----\nFrom: Ann\n\nHello,\nit is broken.\n", "Ok||[4]"),
            ("Ok\n\n---- Originalnachricht ----\nVon: Ann\n\nHello,\nnew words\n", "Ok||new words|[3]"),
            (
                "Ok\n\n________________________________\nFrom: Ann <a@x.example>\nSent: Tuesday, March 5, 2024 10:00\n\
                 To: Desk <d@x.example>\nSubject: Pots\n\nHello,\nit is broken.\n",
                "Ok||[7]",
            ),
            (
                "Ok\n\nVon: Ann <a@x.example>\nGesendet: Dienstag, 5. M\u{e4}rz 2024 10:00\nAn: Desk\nBetreff: Pots\n\nHello,\n\
                 it is broken.",
                "Ok||[6]",
            ),
            ("> Hello,\n", "[1]"),
            ("Ann\n", "Ann"),
            ("I ask:\nwhen?", "I ask:|when?"),
            ("", ""),
        ] {
            assert_eq!(shown(text, sent), want, "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sent_before_is_shown_as_far_as_it_is_short() {
        let quoted = |count: usize| (0..count).map(|n| format!("> new line {n}\n")).collect::<String>();
        assert_eq!(shown(&quoted(20), "").matches("new line").count(), 20);
        assert_eq!(shown(&quoted(21), ""), "> new line 0|> new line 1|> new line 2|[18]");
    }

    #[test]
    fn folding_costs_no_more_than_its_length() {
        let known = Known::default();
        for unit in [
            "> a\n",
            "From: a\n",
            "a 1234567890:\n",
            "-----Original Message-----\n\n",
            "____\n",
            "\n",
            "Subject: x\n\n",
        ] {
            crate::mail::costs_no_more_than_its_length(unit, 40_000, &|text| drop(folded(text, &known)));
        }
    }
}
