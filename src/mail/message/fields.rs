//! The syntax of a header block: its fields, unfolded, and their limits.

use std::borrow::Cow;

use super::Defects;
use super::parts::line::{is_envelope_line, is_field_line};

/// Bytes of a header block that are read.
const MAX_BLOCK: usize = 1 << 20;
/// Bytes of one field's value that are read.
pub(super) const MAX_VALUE: usize = 64 << 10;
/// Fields of one header block.
const MAX_FIELDS: usize = 10_000;

/// A field as it stands in the message.
pub(super) struct Field<'a> {
    /// Name as written, without blanks.
    pub name: Cow<'a, str>,
    /// Value, unfolded but not decoded.
    pub value: Cow<'a, [u8]>,
}

impl Field<'_> {
    fn into_owned(self) -> Field<'static> {
        Field { name: Cow::Owned(self.name.into_owned()), value: Cow::Owned(self.value.into_owned()) }
    }
}

/// The fields of a header block, in their order.
pub(super) fn fields<'a>(block: &'a [u8], defects: &mut Defects) -> Vec<Field<'a>> {
    if block.len() > MAX_BLOCK {
        defects.note("header block over 1 MB; the rest of it was left out");
    }
    let block = block.get(..MAX_BLOCK).unwrap_or(block);
    if !block.contains(&b'\n') && block.contains(&b'\r') {
        let lines: Vec<u8> = block.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect();
        return split(&lines, defects).into_iter().map(Field::into_owned).collect();
    }
    split(block, defects)
}

fn split<'a>(mut rest: &'a [u8], defects: &mut Defects) -> Vec<Field<'a>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        if fields.len() == MAX_FIELDS {
            defects.note(format!("more than {MAX_FIELDS} header fields"));
            break;
        }
        let (lines, tail) = rest.split_at_checked(length(rest)).unwrap_or((rest, &[]));
        fields.extend(field(lines, defects));
        rest = tail;
    }
    fields
}

/// A field goes on where a line begins with a blank (RFC 5322 2.2.3), and where one begins no field: it lost its blank.
fn length(block: &[u8]) -> usize {
    let begins = |next: &usize| {
        let line = block.get(*next..).and_then(|rest| rest.split(|b| *b == b'\n').next()).unwrap_or_default();
        !line.starts_with(b" ") && !line.starts_with(b"\t") && (is_field_line(line) || is_envelope_line(line))
    };
    memchr::memchr_iter(b'\n', block).map(|at| at + 1).find(begins).unwrap_or(block.len())
}

/// What begins with a blank belongs to no field.
fn field<'a>(lines: &'a [u8], defects: &mut Defects) -> Option<Field<'a>> {
    let (name, value) = lines.split_at_checked(memchr::memchr(b':', lines)?)?;
    let name = std::str::from_utf8(name.trim_ascii_end()).ok()?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let value = value.get(1..)?.trim_ascii_start();
    if value.len() > MAX_VALUE {
        defects.note(format!("{name}: value over 64 KB; the rest of it was left out"));
    }
    let value = bounded(value);
    let holds_ids = ["message-id", "in-reply-to", "references"].iter().any(|known| name.eq_ignore_ascii_case(known));
    Some(Field { name: Cow::Borrowed(name), value: if holds_ids { unfold_ids(value) } else { unfold(value) } })
}

/// Cuts an oversized value between two words, so that no address is cut into another one.
fn bounded(value: &[u8]) -> &[u8] {
    let Some(head) = value.get(..MAX_VALUE).filter(|head| head.len() < value.len()) else { return value };
    let end = head.iter().rposition(|b| matches!(b, b' ' | b',' | b'\n' | b'\t')).unwrap_or(head.len());
    head.get(..end).unwrap_or(head)
}

/// Drops the line ends of a folded value (RFC 5322 2.2.3); the blank after each stays, or comes where it was lost.
fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Cow::Borrowed(value);
    }
    let mut kept = Vec::with_capacity(value.len());
    let mut at_start = false;
    for byte in value {
        match byte {
            b'\r' => {}
            b'\n' => at_start = true,
            byte => {
                if std::mem::take(&mut at_start) && !matches!(byte, b' ' | b'\t') {
                    kept.push(b' ');
                }
                kept.push(*byte);
            }
        }
    }
    Cow::Owned(kept)
}

/// The same for ids: where one is folded inside its brackets, the blank that the folding brought is dropped as well.
fn unfold_ids(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if !value.contains(&b'\n') {
        return unfold(value);
    }
    let (mut kept, mut in_brackets, mut folded) = (Vec::with_capacity(value.len()), false, false);
    for byte in value {
        match byte {
            b'\r' => {}
            b'\n' => folded = true,
            b' ' | b'\t' if folded && in_brackets => {}
            byte => {
                in_brackets = *byte == b'<' || in_brackets && *byte != b'>';
                folded = false;
                kept.push(*byte);
            }
        }
    }
    Cow::Owned(kept)
}
