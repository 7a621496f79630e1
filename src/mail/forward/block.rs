//! The lines of a header that mail programs put above what they copy: `From: …`, `Sent: …`, `To: …`, `Subject: …` in
//! the language of the program, in any order, quoted or bold, long ones folded.

use crate::mail::address::{self, Mailbox};
use crate::mail::phrases::{self, Phrases};
use crate::mail::text;

/// Lines that a block may have, so that many beginnings of one stay linear.
const MAX_LINES: usize = 60;
/// Lines after a line with a label that may belong to it.
const MAX_FOLDED: usize = 30;
/// Bytes above a block, so that a long text without one costs little.
const MAX_ABOVE: usize = 256 << 10;
/// Longest label, in characters.
const MAX_LABEL: usize = 24;

/// A header block with what stands around it.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    pub from: Mailbox,
    pub subject: String,
    /// What follows, to the end.
    pub text: String,
    /// What stands above, without the line that announces the block.
    pub comment: String,
}

/// The first block that has a From with an address, and at least one more of Date, Subject and To.
pub(super) fn find(text: &str) -> Option<Block> {
    let mut above = 0;
    let mut rest = text;
    while above <= MAX_ABOVE {
        if let Some(fields) = Fields::read(rest)
            && let Some(from) = fields.from()
        {
            let comment = comment(text.get(..above)?).to_owned();
            let subject = fields.value(Label::Subject).unwrap_or_default().to_owned();
            let text = unquoted(fields.rest, fields.depth).trim().to_owned();
            return Some(Block { from, subject, text, comment });
        }
        let (line, tail) = rest.split_once('\n')?;
        above += line.len() + 1;
        rest = tail;
    }
    None
}

/// The lines of the header block that a text begins with: who wrote what follows, and two more fields.
pub(in crate::mail) fn header_lines(text: &str) -> Option<usize> {
    let fields = Fields::read(text).filter(|fields| fields.value(Label::From).is_some() && fields.found.len() > 2)?;
    let head = text.get(..text.len() - fields.rest.len())?;
    Some(head.lines().count())
}

/// Whether the header block that a text begins with can only come from a program: it names an address, or a moment. A
/// person who lists where something goes writes `From: Berlin`, too.
pub(in crate::mail) fn is_by_program(text: &str) -> bool {
    let value =
        |label| Fields::read(text).and_then(|fields| fields.value(label).map(str::to_owned)).unwrap_or_default();
    let numbers = |text: &str| text.split(|c: char| !c.is_numeric()).filter(|digits| !digits.is_empty()).count();
    value(Label::From).contains('@') || value(Label::To).contains('@') || numbers(&value(Label::Date)) > 3
}

/// What a label stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    From,
    Date,
    Subject,
    To,
    Other,
}

const LABELS: [(Label, &Phrases); 5] = [
    (Label::From, &phrases::FROM_LABELS),
    (Label::Date, &phrases::DATE_LABELS),
    (Label::Subject, &phrases::SUBJECT_LABELS),
    (Label::To, &phrases::TO_LABELS),
    (Label::Other, &phrases::OTHER_LABELS),
];

impl Label {
    fn has_addresses(self) -> bool {
        matches!(self, Label::From | Label::To | Label::Other)
    }
}

/// The fields of a block, and what comes after them.
struct Fields<'a> {
    found: Vec<(Label, String)>,
    /// Quote marks before the first label.
    depth: usize,
    rest: &'a str,
}

impl<'a> Fields<'a> {
    /// Reads the block that begins with the first line, if one does. No program begins with Cc and the like; as only
    /// these may come twice, no line is in more than a few blocks.
    fn read(text: &'a str) -> Option<Fields<'a>> {
        let (line, rest) = split_line(text);
        let (label, value) = labelled(line).filter(|(label, _)| *label != Label::Other)?;
        let mut fields = Fields { found: vec![(label, value.to_owned())], depth: depth(line), rest };
        let mut spaced = None;
        for _ in 1..MAX_LINES {
            let Some((next, blank)) = Next::after(&fields) else { break };
            // Where a blank line stands between the first two, as between paragraphs of HTML, it does between all.
            if *spaced.get_or_insert(blank) != blank {
                break;
            }
            fields.take(next);
        }
        // Two lines apart are paragraphs that happen to begin like this.
        if spaced == Some(true) && fields.found.len() < 3 {
            return None;
        }
        fields.take_end();
        Some(fields)
    }

    fn take(&mut self, next: Next<'a>) {
        for line in next.folded {
            self.fold(line);
        }
        self.found.push((next.label, next.value.to_owned()));
        self.rest = next.rest;
    }

    /// After the last label only an address list that is not over goes on: the body may begin in the next line.
    fn take_end(&mut self) {
        for _ in 0..MAX_FOLDED {
            let (line, rest) = split_line(self.rest);
            let line = bare(line);
            let Some((label, value)) = self.found.last() else { return };
            let is_open = value.ends_with([',', ';']) || value.is_empty() || line.starts_with('<');
            if !label.has_addresses() || !is_open || !line.contains('@') {
                return;
            }
            self.fold(line);
            self.rest = rest;
        }
    }

    fn fold(&mut self, line: &str) {
        if let Some((_, value)) = self.found.last_mut() {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(line);
        }
    }

    fn value(&self, label: Label) -> Option<&str> {
        self.found.iter().find(|(l, _)| *l == label).map(|(_, value)| value.as_str())
    }

    fn from(&self) -> Option<Mailbox> {
        let from = self.value(Label::From)?;
        let has = |label| self.value(label).is_some();
        (has(Label::Date) || has(Label::Subject) || has(Label::To)).then(|| mailbox(from))?
    }
}

/// The next label of a block.
struct Next<'a> {
    /// Lines before it that go on with the field before.
    folded: Vec<&'a str>,
    label: Label,
    value: &'a str,
    rest: &'a str,
}

impl<'a> Next<'a> {
    /// Looks for it, and says whether a blank line stands before it.
    fn after(fields: &Fields<'a>) -> Option<(Next<'a>, bool)> {
        let (last, value) = fields.found.last()?;
        // Dates and subjects are folded once at most; what is longer is text that happens to go on with a label.
        let max = if last.has_addresses() { MAX_FOLDED } else { 1 + usize::from(value.is_empty()) };
        let (mut folded, mut blank, mut rest) = (Vec::new(), false, fields.rest);
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            match labelled(line) {
                Some((label, value)) if label == Label::Other || fields.value(label).is_none() => {
                    return Some((Next { folded, label, value, rest }, blank));
                }
                Some(_) => return None,
                None if bare(line).is_empty() && !blank => blank = true,
                None if blank || folded.len() == max => return None,
                None => folded.push(bare(line)),
            }
        }
        None
    }
}

/// `*From:* Ann <ann@x.example>`
fn labelled(line: &str) -> Option<(Label, &str)> {
    let line = bare(line);
    let (colon, sign) = line.char_indices().take(MAX_LABEL).find(|(_, c)| matches!(c, ':' | '：'))?;
    let bold = line.chars().take_while(|c| *c == '*').count();
    let word = phrases::plain(line.get(..colon)?.trim_matches('*'));
    let (label, _) = LABELS.iter().find(|(_, words)| words.have(&word))?;
    let value = line.get(colon + sign.len_utf8()..)?;
    let value = (0..bold).fold(value, |value, _| value.strip_prefix('*').unwrap_or(value));
    Some((*label, value.trim()))
}

/// The mailbox of a From line. Links that a program writes after an address, as in `a@x.example<mailto:a@x.example>`,
/// do not count, and brackets of older Outlooks are those of RFC 5322.
fn mailbox(value: &str) -> Option<Mailbox> {
    let old = ["[mailto:", "[smtp:"].into_iter().find(|open| value.to_ascii_lowercase().contains(open));
    if let Some((name, address)) = old.and(value.rsplit_once('[')) {
        let address = address.split_once(':').map_or(address, |(_, address)| address);
        return named(&format!("{name}<{}>", address.trim_end().trim_end_matches(']')));
    }
    named(&without_links(value)).or_else(|| named(value))
}

fn without_links(value: &str) -> String {
    let mut pieces = value.split("<mailto:");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('>').map_or("", |(_, after)| after))
}

/// The only mailbox, with its whole name: Outlook leaves `Ann, Dr.` without quotes.
fn named(value: &str) -> Option<Mailbox> {
    let mut mailbox = address::parse_list(value).into_iter().next()?;
    if let Some((name, _)) = value.split_once('<')
        && name.contains(',')
        && !name.contains(['"', '@', '='])
    {
        mailbox.name = name.to_owned();
    }
    mailbox.name = mailbox.name.trim_matches([' ', '*', '\'', '\u{a0}']).to_owned();
    Some(mailbox)
}

/// The lines above without those that announce the block: rules, `Begin forwarded message:` and the like.
fn comment(above: &str) -> &str {
    let mut comment = above.trim();
    loop {
        let (head, line) = comment.rsplit_once('\n').unwrap_or(("", comment));
        if line.is_empty() || !announces(line) {
            return comment;
        }
        comment = head.trim_end();
    }
}

/// Whether a line announces a copied mail: a rule, `Begin forwarded message:` and the like.
pub(in crate::mail) fn announces(line: &str) -> bool {
    let line = bare(line);
    let is_rule = |c: char| matches!(c, '-' | '_' | '=' | '*' | '—' | '–');
    let words = line.trim_matches(|c: char| is_rule(c) || c.is_whitespace());
    words.is_empty()
        || text::is_separator(line)
        || phrases::BEFORE_FORWARDED.are_in(&phrases::plain(words))
            && (words.len() < line.len() || words.ends_with([':', '：']))
}

/// Takes the quote marks off that the block has too.
fn unquoted(text: &str, depth: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for mut line in text.lines() {
        for _ in 0..depth {
            let Some(after) = line.strip_prefix('>') else { break };
            line = after.strip_prefix(' ').unwrap_or(after);
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn depth(line: &str) -> usize {
    line.chars().take_while(|c| matches!(c, '>' | ' ')).filter(|c| *c == '>').count()
}

/// A line without quote marks and blanks around it.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| c == '>' || c == '\u{feff}' || c.is_whitespace()).trim_end()
}

fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
