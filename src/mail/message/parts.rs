//! Cuts the bytes of a message into a flat, depth-first list of parts (RFC 2046) in a single pass.
//!
//! Line by line with a stack of the open boundaries: that is linear at any nesting, compares
//! boundary lines whole (`--a` does not end a part bounded by `--ab`) and can stop at a limit instead
//! of refusing the message. A message/rfc822 part is a leaf: its boundaries are never looked for.

pub(super) mod line;

use super::Defects;
use super::fields::{Field, fields};
use super::params::Parameterised;
use line::{Line, before_line_end, begins_part, belongs_to_header, declares_boundary, guess_boundary, line_at};
pub(super) use line::{is_envelope_line, is_field_line};
use line::{line_end_byte, once_field};

/// Parts of one message; the rest becomes one opaque part.
const MAX_PARTS: usize = 10_000;
/// Multiparts inside each other; a deeper one is an opaque part.
const MAX_DEPTH: usize = 100;
/// Bytes of a boundary that are believed (RFC 2046 allows 70).
const MAX_BOUNDARY: usize = 256;
/// Multiparts of one message that are read again because their boundary never came.
const MAX_GUESSES: u8 = 5;
/// Lines that may have lost their indentation in a row.
const MAX_STRAY: usize = 50;

/// One part: a container with children or a leaf with a body.
pub(super) struct Part<'a> {
    /// The multipart it is in; `None` for the message itself.
    pub parent: Option<usize>,
    /// Its header fields.
    pub fields: Vec<Field<'a>>,
    /// Content-Type, or what stands for it.
    pub media: Parameterised,
    /// Content-Disposition.
    pub disposition: Parameterised,
    /// Encoded body of a leaf.
    pub body: &'a [u8],
    /// A limit was hit here: an attachment, no matter what its type says.
    pub opaque: bool,
    /// A multipart whose boundary was never met: what is in it may be text.
    pub leftover: bool,
    container: bool,
}

impl Part<'_> {
    /// A multipart whose boundary was met.
    pub fn is_container(&self) -> bool {
        self.container
    }

    /// The raw value of a field.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| &*f.value)
    }
}

/// Cuts a message; the first part is the message itself and is always there.
pub(super) fn split<'a>(raw: &'a [u8], defects: &mut Defects) -> Vec<Part<'a>> {
    let start = start_of_message(raw);
    let mut splitter = Splitter {
        raw,
        end_of_line: line_end_byte(raw),
        parts: Vec::new(),
        open: Vec::new(),
        state: State::Between,
        header: HeaderSeen::default(),
        guesses: MAX_GUESSES,
        defects,
    };
    splitter.begin_part(None, start);
    if splitter.run(start, raw.len()) {
        splitter.finish(raw.len());
    }
    splitter.parts
}

/// Skips the mark of UTF-8 that editors put before a text, an mbox `From ` line and blank lines in front of the first header
/// field.
fn start_of_message(raw: &[u8]) -> usize {
    let end_of_line = line_end_byte(raw);
    let begin = start_of_text(raw);
    let mut at = begin;
    while let Some(line) = line_at(raw, at, end_of_line) {
        if !line.text.is_empty() && !is_envelope_line(line.text) {
            return if is_field_line(line.text) { at } else { begin };
        }
        at = line.next;
    }
    begin
}

fn start_of_text(raw: &[u8]) -> usize {
    if raw.starts_with("\u{feff}".as_bytes()) { '\u{feff}'.len_utf8() } else { 0 }
}

/// The envelope sender in an mbox `From ` line in front of a message (RFC 4155): `From MAILER-DAEMON Mon Mar  4 …` says
/// that there was none. Programs that do not know it write a sign in its place.
pub(super) fn envelope_sender(raw: &[u8]) -> Option<String> {
    let line = line_at(raw, start_of_text(raw), line_end_byte(raw)).filter(|line| is_envelope_line(line.text))?;
    let line = String::from_utf8_lossy(line.text);
    let sender = line.split_whitespace().nth(1)?.trim_matches(['<', '>']);
    let is_known = sender.contains('@') && !sender.contains('?') || sender.eq_ignore_ascii_case("MAILER-DAEMON");
    is_known.then(|| sender.to_lowercase())
}

/// An open multipart.
struct Open {
    part: usize,
    boundary: Vec<u8>,
}

/// Where the pass stands.
#[derive(Clone, Copy)]
enum State {
    /// In the header block of a part.
    Header { part: usize, start: usize },
    /// In the body of a leaf.
    Body { part: usize, start: usize },
    /// Before the first boundary of a multipart.
    Preamble { part: usize, start: usize },
    /// After the last boundary of a multipart.
    Between,
}

/// What was met in the header block that the pass is in.
#[derive(Default)]
struct HeaderSeen {
    /// Fields that a message has once, as bits.
    once: u16,
    /// A Content-Type that names a boundary.
    boundary: bool,
    /// The last line cannot be the end of its field: `text/plain;`.
    open: bool,
    /// The block goes on at least to here.
    until: usize,
}

struct Splitter<'a, 'd> {
    raw: &'a [u8],
    end_of_line: u8,
    parts: Vec<Part<'a>>,
    open: Vec<Open>,
    state: State,
    header: HeaderSeen,
    guesses: u8,
    defects: &'d mut Defects,
}

impl<'a> Splitter<'a, '_> {
    /// Goes over the lines from `start` to `end`; false when the limit of parts is reached.
    fn run(&mut self, start: usize, end: usize) -> bool {
        let raw = self.raw.get(..end).unwrap_or(self.raw);
        let mut at = start;
        while let Some(line) = line_at(raw, at, self.end_of_line) {
            at = line.next;
            let boundary = self.boundary(line.text).or_else(|| {
                // The line that ended a header block may be the first boundary.
                if self.header_line(&line) { self.boundary(line.text) } else { None }
            });
            if boundary.is_some_and(|(level, last)| !self.at_boundary(level, last, &line)) {
                return false;
            }
            if self.open.is_empty() && !matches!(self.state, State::Header { .. }) {
                break;
            }
        }
        true
    }

    /// The innermost open multipart whose boundary the line is, and whether it is the last one.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let rest = text.strip_prefix(open.boundary.as_slice())?;
            (rest.is_empty() || rest == b"--").then_some((level, !rest.is_empty()))
        })
    }

    /// Ends what the boundary ends and begins the next part; false when the limit of parts is reached.
    fn at_boundary(&mut self, level: usize, last: bool, line: &Line<'a>) -> bool {
        let Some(owner) = self.open.get(level).map(|open| open.part) else { return true };
        match self.state {
            State::Preamble { part, .. } if part == owner => {}
            _ => self.finish(before_line_end(self.raw, line.start)),
        }
        if let Some(part) = self.parts.get_mut(owner) {
            part.container = true;
        }
        self.open.truncate(if last { level } else { level + 1 });
        self.state = State::Between;
        if last {
            return true;
        }
        if self.parts.len() >= MAX_PARTS {
            self.rest_is_opaque(owner, line.next);
            return false;
        }
        self.begin_part(Some(owner), line.next);
        true
    }

    fn begin_part(&mut self, parent: Option<usize>, start: usize) {
        self.state = State::Header { part: self.parts.len(), start };
        self.parts.push(Part {
            parent,
            fields: Vec::new(),
            media: Parameterised::of("text/plain"),
            disposition: Parameterised::default(),
            body: &[],
            opaque: false,
            leftover: false,
            container: false,
        });
        self.header = HeaderSeen::default();
    }

    fn rest_is_opaque(&mut self, owner: usize, start: usize) {
        self.defects.note(format!("more than {MAX_PARTS} parts; the rest is one attachment"));
        self.begin_part(Some(owner), start);
        if let Some(part) = self.parts.last_mut() {
            part.media = Parameterised::of("application/octet-stream");
            part.body = self.raw.get(start..).unwrap_or_default();
            part.opaque = true;
        }
    }

    /// Looks for the end of a header block: a blank line, or a line that cannot be in one. True where the line itself is
    /// no part of the block.
    fn header_line(&mut self, line: &Line<'a>) -> bool {
        let State::Header { part, start } = self.state else { return false };
        if line.text.is_empty() {
            self.header_done(part, start, line.start, line.next);
            return false;
        }
        let is_boundary = self.header.boundary && line.text.starts_with(b"--") && !is_field_line(line.text);
        let belongs = self.header.open || line.start < self.header.until || belongs_to_header(line.text);
        if !is_boundary && (belongs || self.goes_on(line)) {
            self.header.open = line.text.trim_ascii_end().ends_with(b";");
            self.header.once |= once_field(line.text).unwrap_or_default();
            self.header.boundary |= declares_boundary(line.text);
            return false;
        }
        self.defects.note("header without a blank line after it");
        self.header_done(part, start, line.start, line.start);
        true
    }

    /// Whether a known field follows the lines that cannot be in a header: then they are the rest of a field that lost
    /// their indentation on the way. A field that a message has once and that was there already belongs to a text.
    fn goes_on(&mut self, stray: &Line<'a>) -> bool {
        let State::Header { part, start } = self.state else { return false };
        if !stray.text.iter().any(u8::is_ascii_alphanumeric) {
            return false;
        }
        let (is_root, most) = (part == 0, if stray.start == start { 1 } else { MAX_STRAY });
        let mut at = stray.next;
        for _ in 0..most {
            let next = line_at(self.raw, at, self.end_of_line);
            let Some(line) = next.filter(|line| !line.text.trim_ascii().is_empty() && !line.text.starts_with(b"--"))
            else {
                return false;
            };
            if let Some(bit) = once_field(line.text).filter(|_| is_root || begins_part(line.text)) {
                self.header.until = line.start;
                return self.header.once & bit == 0;
            }
            at = line.next;
        }
        false
    }

    fn header_done(&mut self, index: usize, start: usize, end: usize, body: usize) {
        let depth = self.open.len();
        let default = self.default_type(index);
        let Some(part) = self.parts.get_mut(index) else { return };
        part.fields = fields(self.raw.get(start..end).unwrap_or_default(), self.defects);
        part.media = part.field("Content-Type").and_then(Parameterised::media).unwrap_or(default);
        part.disposition = part.field("Content-Disposition").map(Parameterised::parse).unwrap_or_default();
        self.state = State::Body { part: index, start: body };
        if !part.media.value.starts_with("multipart/") {
            return;
        }
        if depth >= MAX_DEPTH {
            self.defects.note(format!("multiparts nested deeper than {MAX_DEPTH}"));
            part.opaque = true;
            return;
        }
        let boundary = match part.media.param("boundary").map(|b| b.trim_end().as_bytes()) {
            Some(b) if !b.is_empty() && b.len() <= MAX_BOUNDARY => Some(b.to_vec()),
            _ => guess_boundary(self.raw.get(body..).unwrap_or_default(), MAX_BOUNDARY),
        };
        match boundary {
            Some(boundary) => {
                self.open.push(Open { part: index, boundary });
                self.state = State::Preamble { part: index, start: body };
            }
            None => self.not_multipart(index),
        }
    }

    fn default_type(&self, index: usize) -> Parameterised {
        let parent = self.parts.get(index).and_then(|p| p.parent).and_then(|p| self.parts.get(p));
        let digest = parent.is_some_and(|p| p.media.value == "multipart/digest");
        Parameterised::of(if digest { "message/rfc822" } else { "text/plain" })
    }

    /// A multipart whose boundary never comes is text.
    fn not_multipart(&mut self, index: usize) {
        self.defects.note("multipart without its boundary");
        if let Some(part) = self.parts.get_mut(index) {
            part.media.value = "text/plain".into();
            part.leftover = true;
        }
    }

    /// Ends the part the pass is in at `end`.
    fn finish(&mut self, end: usize) {
        if let State::Header { part, start } = self.state {
            self.header_done(part, start, end, end);
        }
        let (State::Body { part: index, start } | State::Preamble { part: index, start }) = self.state else { return };
        if let Some(part) = self.parts.get_mut(index) {
            part.body = self.raw.get(start..end).unwrap_or_default();
        }
        if matches!(self.state, State::Preamble { .. }) && !self.read_again(index, start, end) {
            self.not_multipart(index);
        }
    }

    /// Reads a multipart by the boundary that is in it where the declared one never came.
    fn read_again(&mut self, index: usize, start: usize, end: usize) -> bool {
        let guess = guess_boundary(self.raw.get(start..end).unwrap_or_default(), MAX_BOUNDARY);
        let Some(boundary) = guess.filter(|_| self.guesses > 0) else { return false };
        self.guesses -= 1;
        self.defects.note("boundary other than declared");
        let around = std::mem::replace(&mut self.open, vec![Open { part: index, boundary }]);
        self.state = State::Preamble { part: index, start };
        if self.run(start, end) && !matches!(self.state, State::Preamble { part, .. } if part == index) {
            self.finish(end);
        }
        self.open = around;
        self.parts.get(index).is_some_and(|part| part.container)
    }
}
