//! Quotations of earlier mail, folded in views and never cut (B7.5).
//!
//! A quotation is found by its shape: marks, the line that tells who wrote what follows, the header that a program copied.
//! What of it is hidden follows from what the thread has seen already, so that nothing is lost by its shape alone: lines
//! that nobody sent before are shown, all of them where somebody answers between them.

mod known;
mod shape;

pub use known::Known;
use shape::{Kind, Line, Quotation};

/// Lines of a quotation that nobody sent before and that are shown.
const MAX_UNSEEN: usize = 20;
/// Of more of them, how many are shown.
const FIRST_UNSEEN: usize = 3;
/// Lines of a quotation before an answer that are shown: they say what is answered.
const MAX_BETWEEN: usize = 3;

/// A piece of a text as a view shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Line(&'a str),
    /// Number of quoted lines that stand here.
    Folded(usize),
}

/// The text with its quotations folded. `passes_on` = the mail is there for what it quotes, as a forward is: the newest
/// mail in it is shown whole, unless the thread has it.
pub fn folded<'a>(text: &'a str, known: &Known, passes_on: bool) -> Vec<Piece<'a>> {
    let parts = parts(text.trim_end(), known);
    let answered = answered(&parts);
    let is_between = answered.iter().filter(|answered| **answered).count() > 1;
    let mut pieces = Vec::new();
    for (part, answered) in parts.iter().zip(answered) {
        match part {
            Part::Line(line) => pieces.push(Piece::Line(line)),
            Part::Quoted(block) => {
                let is_all = pieces.iter().all(|piece| *piece == Piece::Line(""));
                let shown = match answered {
                    true => block.before_an_answer(known, is_between),
                    false => block.shown(known, passes_on || is_all || known.is_empty()),
                };
                block.put(&shown, is_between || block.quotation.kind == Kind::Copied, &mut pieces);
            }
        }
    }
    pieces
}

/// Whether somebody wrote more than they quote and sign with. What a program copied with its header counts: a forward is there
/// for it.
pub fn has_own_words(text: &str, signature: &str) -> bool {
    let is_signature = |line: &str| line == "--" || signature.lines().any(|own| own.trim() == line);
    parts(text.trim_end(), &Known::default()).iter().any(|part| match part {
        Part::Line(line) => !line.trim().is_empty() && !is_signature(line.trim()),
        Part::Quoted(block) => block.quotation.kind != Kind::Marked,
    })
}

/// A text in its order.
enum Part<'a> {
    Line(&'a str),
    Quoted(Block<'a>),
}

fn parts<'a>(text: &'a str, known: &Known) -> Vec<Part<'a>> {
    let lines: Vec<&str> = text.lines().collect();
    let rests = rests(text);
    let (mut parts, mut at, mut tries) = (Vec::new(), 0, shape::Tries::default());
    while let Some(line) = lines.get(at) {
        let (left, rests) = (lines.get(at..).unwrap_or_default(), rests.get(at..).unwrap_or_default());
        match Quotation::at(left, rests.first().copied().unwrap_or_default(), known, &mut tries) {
            Some(quotation) => {
                let lines = left.get(..quotation.lines).unwrap_or(left).to_vec();
                let body = rests.get(quotation.head..quotation.lines).unwrap_or_default();
                at += quotation.lines.max(1);
                parts.push(Part::Quoted(Block { sorts: shape::sorts(body), quotation, lines }));
            }
            None => {
                parts.push(Part::Line(line));
                at += 1;
            }
        }
    }
    parts
}

/// For each line the text from there on.
fn rests(text: &str) -> Vec<&str> {
    let starts = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        text.get(start..)
    });
    starts.collect()
}

/// Which parts are quotations with marks that are followed by what somebody wrote.
fn answered(parts: &[Part<'_>]) -> Vec<bool> {
    let mut follows = false;
    let mut answered: Vec<bool> = Vec::with_capacity(parts.len());
    for part in parts.iter().rev() {
        answered.push(match part {
            Part::Line(line) => {
                follows |= !line.trim().is_empty();
                false
            }
            Part::Quoted(block) => std::mem::take(&mut follows) && block.quotation.kind == Kind::Marked,
        });
    }
    answered.reverse();
    answered
}

/// A quotation with its lines.
struct Block<'a> {
    quotation: Quotation,
    lines: Vec<&'a str>,
    /// What the lines after its head are for.
    sorts: Vec<Line>,
}

impl<'a> Block<'a> {
    /// Which lines nobody sent before.
    fn unseen(&self, known: &Known) -> Vec<bool> {
        let body = self.lines.get(self.quotation.head..).unwrap_or_default();
        let seen = known.seen(body).into_iter().zip(&self.sorts).zip(body);
        let unseen = seen.map(|((seen, sort), line)| !seen && *sort == Line::Text && known::is_written(line));
        std::iter::repeat_n(false, self.quotation.head).chain(unseen).collect()
    }

    /// Which lines are shown of a quotation that nobody answers below.
    fn shown(&self, known: &Known, passes_on: bool) -> Vec<bool> {
        let unseen = self.unseen(known);
        let (head, newest) = (self.quotation.head, self.newest());
        let count = |all: &[bool], from, to| all.iter().take(to).skip(from).filter(|one| **one).count();
        let is_new = count(&unseen, head, newest) * 2 > count(&self.written(), head, newest);
        match self.quotation.kind {
            Kind::Marked => short(unseen),
            Kind::Unmarked => unseen,
            Kind::Copied if passes_on && is_new => {
                let older = short(unseen.iter().enumerate().map(|(at, unseen)| *unseen && at >= newest).collect());
                older.into_iter().enumerate().map(|(at, shown)| shown || at < newest).collect()
            }
            Kind::Copied => {
                let inserted = self.inserted(&unseen);
                let others = unseen.iter().zip(&inserted).map(|(unseen, inserted)| *unseen && !inserted);
                short(others.collect()).iter().zip(inserted).map(|(shown, inserted)| *shown || inserted).collect()
            }
        }
    }

    /// Where the newest mail in it ends.
    fn newest(&self) -> usize {
        self.quotation.head + self.sorts.iter().take_while(|sort| **sort != Line::Head).count()
    }

    /// Lines that somebody wrote into a copy: what nobody sent before after what somebody did.
    fn inserted(&self, unseen: &[bool]) -> Vec<bool> {
        let mut after_known = false;
        let sorts = std::iter::repeat_n(Line::Head, self.quotation.head).chain(self.sorts.iter().copied());
        let one = |((line, sort), unseen): ((&&str, Line), &bool)| {
            after_known = sort != Line::Head && (after_known || !unseen && known::has_words(line));
            *unseen && after_known
        };
        self.lines.iter().zip(sorts).zip(unseen).map(one).collect()
    }

    fn written(&self) -> Vec<bool> {
        self.lines.iter().map(|line| known::is_written(line)).collect()
    }

    /// Which lines are shown of a quotation that is answered below: a short one, else what nobody sent before and, where
    /// it is one of several, its end.
    fn before_an_answer(&self, known: &Known, is_between: bool) -> Vec<bool> {
        let written = self.written();
        let in_body = written.iter().skip(self.quotation.head).filter(|written| **written).count();
        if in_body <= MAX_BETWEEN {
            return vec![true; self.lines.len()];
        }
        let mut shown = short(self.unseen(known));
        if is_between {
            let ends = shown.iter_mut().zip(&written).rev().filter(|(_, written)| **written).take(MAX_BETWEEN);
            ends.for_each(|(shown, _)| *shown = true);
        }
        shown
    }

    /// Puts out the lines that are shown and the number of the others: in their order, or at the end.
    fn put(&self, shown: &[bool], in_order: bool, pieces: &mut Vec<Piece<'a>>) {
        let (mut hidden, mut blank, mut follows) = (0, None, false);
        for (line, shown) in self.lines.iter().zip(shown) {
            if !known::is_written(line) {
                blank = Some(*line).filter(|_| follows);
            } else if *shown {
                if in_order && hidden > 0 {
                    pieces.push(Piece::Folded(std::mem::take(&mut hidden)));
                } else {
                    pieces.extend(blank.map(Piece::Line));
                }
                pieces.push(Piece::Line(line));
                (blank, follows) = (None, true);
            } else {
                hidden += 1;
                (blank, follows) = (None, false);
            }
        }
        if hidden > 0 {
            pieces.push(Piece::Folded(hidden));
        }
    }
}

/// All of a few lines, the first ones of many.
fn short(mut shown: Vec<bool>) -> Vec<bool> {
    if shown.iter().filter(|shown| **shown).count() > MAX_UNSEEN {
        shown.iter_mut().filter(|shown| **shown).skip(FIRST_UNSEEN).for_each(|shown| *shown = false);
    }
    shown
}

#[cfg(test)]
mod tests;
