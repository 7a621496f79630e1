//! What quotations look like.

use super::known::{Known, is_written, unmarked};
use crate::mail::forward;
use crate::mail::text;

/// Lines that tell who wrote what is quoted.
const MAX_ATTRIBUTION: usize = 3;
/// Characters of a line after which a program may have begun the next one.
const FULL: usize = 50;
/// Lines that are left over where a program wrapped one with a mark.
const MAX_LEFT_OVER: usize = 40;
/// Quotations without marks of which one text is searched, as each goes to its end.
const MAX_UNMARKED: usize = 5;

/// How a quotation is set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each line has a mark.
    Marked,
    /// It follows the header that a program copied, and goes to the end.
    Copied,
    /// It follows a line that says who wrote it, goes to the end, and the thread has it.
    Unmarked,
}

/// A quotation that begins with a line.
pub(super) struct Quotation {
    /// Lines that tell who wrote it.
    pub head: usize,
    /// With them.
    pub lines: usize,
    pub kind: Kind,
}

/// How often a text was searched to its end.
#[derive(Default)]
pub(super) struct Tries(usize);

impl Quotation {
    /// The quotation that begins with the first of these lines, which are `rest`.
    pub fn at(left: &[&str], rest: &str, known: &Known, tries: &mut Tries) -> Option<Quotation> {
        let line = left.first()?;
        let head = attribution(left).or_else(|| (depth(line) > 0).then_some(0));
        if let Some(head) = head {
            let lines = head + marked(left.get(head..)?, known);
            return Some(Quotation { head, lines, kind: Kind::Marked });
        }
        if line.trim().is_empty() {
            return None;
        }
        let copied = |head| Some(Quotation { head, lines: left.len(), kind: Kind::Copied });
        if !forward::announces(line) {
            return match forward::header_lines(rest) {
                Some(head) if forward::is_by_program(rest) || known.is_most_of(left.get(head..)?) => copied(head),
                _ => unmarked_quotation(left, known, tries),
            };
        }
        let above = 1 + left.iter().skip(1).take_while(|line| line.trim().is_empty()).count();
        let after = rest.split_inclusive('\n').take(above).map(str::len).sum::<usize>();
        match rest.get(after..).and_then(forward::header_lines) {
            Some(header) => copied(above + header),
            // Some programs copy other fields than most.
            None if text::is_separator(line) => copied(left.iter().take_while(|line| !line.trim().is_empty()).count()),
            None => None,
        }
    }
}

fn unmarked_quotation(left: &[&str], known: &Known, tries: &mut Tries) -> Option<Quotation> {
    let head = (1..=MAX_ATTRIBUTION).find(|count| left.get(..*count).is_some_and(tells_who_wrote))?;
    tries.0 += 1;
    let is_known = tries.0 <= MAX_UNMARKED && !known.is_empty() && known.is_most_of(left.get(head..)?);
    is_known.then_some(Quotation { head, lines: left.len(), kind: Kind::Unmarked })
}

/// What a line of a quotation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Text,
    /// It only divides.
    Rule,
    /// It tells who wrote what the quotation quotes itself.
    Head,
}

/// What the lines of a quotation are for; each line is given with all that follows it.
pub(super) fn sorts(rests: &[&str]) -> Vec<Line> {
    let lines: Vec<&str> = rests.iter().map(|rest| rest.lines().next().unwrap_or_default()).collect();
    let mut sorts = Vec::with_capacity(lines.len());
    while let Some(line) = lines.get(sorts.len()) {
        let rest = rests.get(sorts.len()).copied().unwrap_or_default();
        let left = lines.get(sorts.len()..).unwrap_or_default();
        let is_deeper =
            sorts.len().checked_sub(1).and_then(|at| lines.get(at)).is_none_or(|up| depth(line) > depth(up));
        let head = || attribution(left).or_else(|| forward::header_lines(rest)).or_else(|| first_line(left, is_deeper));
        let (sort, count) = match unmarked(line) {
            "" => (Line::Text, 1),
            bare if text::is_separator(bare) => (Line::Head, 1),
            bare if !bare.contains(char::is_alphanumeric) => (Line::Rule, 1),
            _ => head().map_or((Line::Text, 1), |count| (Line::Head, count.clamp(1, left.len()))),
        };
        sorts.extend(std::iter::repeat_n(sort, count));
    }
    sorts
}

/// Quote marks before the words of a line.
fn depth(line: &str) -> usize {
    let marks = line.trim_start_matches([' ', '\u{a0}']);
    if line.len() - marks.len() > 4 {
        return 0;
    }
    marks.chars().take_while(|c| matches!(c, '>' | ' ' | '\u{a0}')).filter(|c| *c == '>').count()
}

/// Lines such as `On Tuesday, Ann <ann@x.example> wrote:` before lines with more marks, with the blank one between.
fn attribution(lines: &[&str]) -> Option<usize> {
    let depth_here = depth(lines.first()?);
    let count = (1..=MAX_ATTRIBUTION).find(|count| lines.get(..*count).is_some_and(tells_who_wrote))?;
    let is_blank = |line: &&&str| !is_written(line) && depth(line) <= depth_here;
    let blank = lines.iter().skip(count).take(2).take_while(is_blank).count();
    let quoted = lines.get(count + blank).is_some_and(|line| depth(line) > depth_here);
    (quoted && blank <= 1).then_some(count + blank)
}

/// The same below the marks, where a program marks it, too.
fn first_line(lines: &[&str], is_deeper: bool) -> Option<usize> {
    let is_marked = is_deeper && lines.first().is_some_and(|line| depth(line) > 0);
    let counts = is_marked.then_some(1..=MAX_ATTRIBUTION)?;
    counts.into_iter().find(|count| lines.get(..*count).is_some_and(tells_who_wrote))
}

/// Whether these lines are one sentence that a program put above a quotation: it ends with a colon and has a date.
fn tells_who_wrote(lines: &[&str]) -> bool {
    is_attribution(lines) && !lines.get(1..).is_some_and(|after| !after.is_empty() && is_attribution(after))
}

/// A line goes on with the one before only where that is full, or names somebody and a date.
fn is_attribution(lines: &[&str]) -> bool {
    let Some((last, before)) = lines.split_last() else { return false };
    let depth_here = depth(last);
    let goes_on = |line: &&str| {
        let bare = unmarked(line);
        let is_full = bare.chars().count() >= FULL || bare.contains('@') && numbers(bare) > 1;
        depth(line) == depth_here && is_full && !bare.ends_with(['.', '!', '?', ':', ';', '。'])
    };
    let ends = unmarked(last).ends_with([':', '：']);
    if !ends || !before.iter().all(goes_on) {
        return false;
    }
    let whole = lines.iter().map(|line| unmarked(line)).collect::<Vec<_>>().join(" ");
    let is_sentence = whole.len() > 10 && whole.chars().count() < 400;
    is_sentence && numbers(&whole) > 1
}

/// Numbers outside of angle brackets.
fn numbers(text: &str) -> usize {
    let (mut count, mut in_number, mut in_address) = (0, false, false);
    for c in text.chars() {
        in_address = (in_address || c == '<') && c != '>';
        let is_digit = c.is_numeric() && !in_address;
        count += usize::from(is_digit && !in_number);
        in_number = is_digit;
    }
    count
}

/// Lines with marks, the blank ones between them, and what is left over where a program wrapped marked lines again and put
/// no mark before the rest of them.
fn marked(lines: &[&str], known: &Known) -> usize {
    let (mut end, mut at) = (0, 0);
    while let Some(line) = lines.get(at) {
        let count = match depth(line) {
            0 if line.trim().is_empty() => 0,
            0 => match left_over(lines, at, known) {
                0 => break,
                count => count,
            },
            _ => 1,
        };
        at += count.max(1);
        end = if count > 0 { at } else { end };
    }
    end
}

/// How many lines without a mark are the rest of the marked line above them: nothing in them is new.
fn left_over(lines: &[&str], at: usize, known: &Known) -> usize {
    let before = at.checked_sub(1).and_then(|before| lines.get(before)).filter(|before| depth(before) > 0);
    if known.is_empty() || before.is_none_or(|before| before.chars().count() < FULL) {
        return 0;
    }
    let is_rest = |line: &&&str| depth(line) == 0 && !line.trim().is_empty();
    let count = lines.iter().skip(at).take(MAX_LEFT_OVER).take_while(is_rest).count();
    let around = lines.get(at.saturating_sub(1)..lines.len().min(at + count + 1)).unwrap_or_default();
    let seen = known.seen(around);
    let is_known = seen.iter().skip(1).take(count).all(|seen| *seen);
    if is_known { count } else { 0 }
}
