//! What a single line of a message may be.

/// Bytes in which a boundary is looked for that was not declared.
const GUESSED_IN: usize = 8 << 10;

/// The line before a message in an mbox, or a quoted one.
pub(in crate::mail::message) fn is_envelope_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// LF, or CR in the rare message that has no LF at all.
pub(super) fn line_end_byte(raw: &[u8]) -> u8 {
    if raw.contains(&b'\n') || !raw.contains(&b'\r') { b'\n' } else { b'\r' }
}

/// A line without its end.
pub(super) struct Line<'a> {
    pub text: &'a [u8],
    pub start: usize,
    pub next: usize,
}

pub(super) fn line_at(raw: &[u8], start: usize, end_of_line: u8) -> Option<Line<'_>> {
    let rest = raw.get(start..).filter(|rest| !rest.is_empty())?;
    let length = memchr::memchr(end_of_line, rest).unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Some(Line { text, start, next: (start + length + 1).min(raw.len()) })
}

/// The line end before a boundary belongs to the boundary (RFC 2046 5.1.1).
pub(super) fn before_line_end(raw: &[u8], at: usize) -> usize {
    let head = raw.get(..at).unwrap_or_default();
    let head = head.strip_suffix(b"\n").unwrap_or(head);
    head.strip_suffix(b"\r").unwrap_or(head).len()
}

pub(super) fn belongs_to_header(line: &[u8]) -> bool {
    line.starts_with(b" ") || line.starts_with(b"\t") || is_envelope_line(line) || is_field_line(line)
}

/// A field name of printable ASCII and a colon; blanks before the colon are tolerated.
pub(in crate::mail::message) fn is_field_line(line: &[u8]) -> bool {
    field_name(line).is_some()
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    // `h=from:to` is the rest of a field.
    (!name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() && *b != b'=')).then_some(name)
}

/// A name that hardly ever begins a line of text, as a bit of its own where a message has such a field once, else 0:
/// stray lines before it do not end the header.
pub(super) fn once_field(line: &[u8]) -> Option<u16> {
    const ONCE: [&[u8]; 11] = [
        b"from",
        b"to",
        b"cc",
        b"subject",
        b"date",
        b"message-id",
        b"mime-version",
        b"reply-to",
        b"in-reply-to",
        b"references",
        b"return-path",
    ];
    let name = field_name(line)?;
    if let Some(at) = ONCE.iter().position(|once| once.eq_ignore_ascii_case(name)) {
        return Some(1 << at);
    }
    let begins = |with: &[u8]| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    (name.eq_ignore_ascii_case(b"received") || begins(b"content-") || begins(b"x-")).then_some(0)
}

/// One of the fields that parts begin with.
pub(super) fn begins_part(line: &[u8]) -> bool {
    line.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

/// A line of a Content-Type with a boundary.
pub(super) fn declares_boundary(line: &[u8]) -> bool {
    let mut signs = memchr::memchr_iter(b'=', line);
    signs.any(|at| {
        let name = line.get(..at).unwrap_or_default().trim_ascii_end();
        name.len()
            .checked_sub(8)
            .and_then(|start| name.get(start..))
            .is_some_and(|n| n.eq_ignore_ascii_case(b"boundary"))
    })
}

/// The boundary that a body has without having declared it: its first line, or a line before one of the fields that parts
/// begin with, if it looks like one.
pub(super) fn guess_boundary(body: &[u8], max: usize) -> Option<Vec<u8>> {
    let mut lines =
        body.get(..GUESSED_IN).unwrap_or(body).split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end).peekable();
    let mut is_first = true;
    while let Some(line) = lines.next() {
        let boundary = line.strip_prefix(b"--").filter(|boundary| !boundary.is_empty() && boundary.len() <= max);
        if let Some(boundary) = boundary.filter(|_| is_first || lines.peek().is_some_and(|next| begins_part(next))) {
            return Some(boundary.to_vec());
        }
        is_first &= line.is_empty();
    }
    None
}
