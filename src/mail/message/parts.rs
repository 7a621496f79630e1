//! Cuts the bytes of a message into a flat, depth-first list of parts (RFC 2046) in a single pass.
//!
//! Line by line with a stack of the open boundaries: that is linear whatever the nesting, compares
//! boundary lines whole (`--a` does not end a part bounded by `--ab`) and can stop at a limit instead
//! of refusing the message. A message/rfc822 part is a leaf: its boundaries are never looked for.

use super::Defects;
use super::headers::{Field, fields};
use super::params::Parameterised;

/// Parts of one message; the rest becomes one opaque part.
const MAX_PARTS: usize = 10_000;
/// Multiparts inside each other; a deeper one is an opaque part.
const MAX_DEPTH: usize = 100;
/// Bytes of a boundary that are believed (RFC 2046 allows 70).
const MAX_BOUNDARY: usize = 256;

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
    /// A limit was hit here: an attachment whatever its type says.
    pub opaque: bool,
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
    let mut splitter = Splitter { raw, parts: Vec::new(), open: Vec::new(), state: State::Between, defects };
    splitter.begin_part(None, start);
    splitter.run(start);
    splitter.parts
}

/// Skips an mbox `From ` line and blank lines in front of the first header field.
fn start_of_message(raw: &[u8]) -> usize {
    let end_of_line = line_end_byte(raw);
    let mut at = 0;
    while let Some(line) = line_at(raw, at, end_of_line) {
        if !line.text.is_empty() && !is_envelope_line(line.text) {
            return if is_field_line(line.text) { at } else { 0 };
        }
        at = line.next;
    }
    0
}

fn is_envelope_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// LF, or CR in the rare message that has no LF at all.
fn line_end_byte(raw: &[u8]) -> u8 {
    if raw.contains(&b'\n') || !raw.contains(&b'\r') { b'\n' } else { b'\r' }
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

struct Splitter<'a, 'd> {
    raw: &'a [u8],
    parts: Vec<Part<'a>>,
    open: Vec<Open>,
    state: State,
    defects: &'d mut Defects,
}

impl<'a> Splitter<'a, '_> {
    fn run(&mut self, start: usize) {
        let end_of_line = line_end_byte(self.raw);
        let mut at = start;
        while let Some(line) = line_at(self.raw, at, end_of_line) {
            at = line.next;
            match self.boundary(line.text) {
                Some((level, last)) if !self.at_boundary(level, last, &line) => return,
                Some(_) => {}
                None => self.header_line(&line, end_of_line),
            }
            if self.open.is_empty() && !matches!(self.state, State::Header { .. }) {
                break;
            }
        }
        self.finish(self.raw.len());
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
            container: false,
        });
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

    /// Looks for the end of a header block: a blank line, or a line that cannot be in one.
    fn header_line(&mut self, line: &Line<'a>, end_of_line: u8) {
        let State::Header { part, start } = self.state else { return };
        if line.text.is_empty() {
            self.header_done(part, start, line.start, line.next);
        } else if !belongs_to_header(line.text)
            && !line_at(self.raw, line.next, end_of_line).is_some_and(|next| is_known_field(next.text))
        {
            self.defects.note("header without a blank line after it");
            self.header_done(part, start, line.start, line.start);
        }
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
            _ => guess_boundary(self.raw.get(body..).unwrap_or_default()),
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
        if matches!(self.state, State::Preamble { .. }) {
            self.not_multipart(index);
        }
    }
}

/// A first body line that looks like a boundary stands in for a missing parameter.
fn guess_boundary(body: &[u8]) -> Option<Vec<u8>> {
    let body = body.trim_ascii_start();
    let line = body.split(|b| *b == b'\n').next()?.trim_ascii_end().strip_prefix(b"--")?;
    (!line.is_empty() && line.len() <= MAX_BOUNDARY).then(|| line.to_vec())
}

struct Line<'a> {
    text: &'a [u8],
    start: usize,
    next: usize,
}

fn line_at(raw: &[u8], start: usize, end_of_line: u8) -> Option<Line<'_>> {
    let rest = raw.get(start..).filter(|rest| !rest.is_empty())?;
    let length = memchr::memchr(end_of_line, rest).unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Some(Line { text, start, next: (start + length + 1).min(raw.len()) })
}

/// The line end before a boundary belongs to the boundary (RFC 2046 5.1.1).
fn before_line_end(raw: &[u8], at: usize) -> usize {
    let head = raw.get(..at).unwrap_or_default();
    let head = head.strip_suffix(b"\n").unwrap_or(head);
    head.strip_suffix(b"\r").unwrap_or(head).len()
}

fn belongs_to_header(line: &[u8]) -> bool {
    line.starts_with(b" ") || line.starts_with(b"\t") || is_envelope_line(line) || is_field_line(line)
}

/// A field name of printable ASCII and a colon; blanks before the colon are tolerated.
fn is_field_line(line: &[u8]) -> bool {
    field_name(line).is_some()
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// A name that hardly ever begins a line of text: a stray line before it does not end the header.
fn is_known_field(line: &[u8]) -> bool {
    const KNOWN: [&[u8]; 12] = [
        b"from",
        b"to",
        b"cc",
        b"subject",
        b"date",
        b"message-id",
        b"mime-version",
        b"received",
        b"reply-to",
        b"in-reply-to",
        b"references",
        b"return-path",
    ];
    field_name(line).is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        KNOWN.contains(&name.as_slice()) || name.starts_with(b"content-") || name.starts_with(b"x-")
    })
}
