//! FETCH answers, read straight off the socket: `12 FETCH (UID 7 BODY[] {3}` and so on (RFC 3501 7.4.2).
//!
//! The attributes may stand in any order; those that were not asked for are skipped in any shape, by a depth
//! counter and without recursion. Only a whole answer gives a [`Row`], and its numbers are possible ones: a caller who reads it
//! may add them up and store them.

use jiff::Timestamp;
use jiff::fmt::strtime;

use crate::net::lines::Lines;
use crate::net::{NetError, NetErrorKind};

/// Literals that are skipped within one answer may have this many bytes together.
const SKIPPED_MAX: u64 = 4 * 1024 * 1024;
/// No message is larger: a size above is a lie and counts as this, so that the sizes of the longest list can be added up.
const SIZE_MAX: u64 = 1 << 40;
/// The years in which a message can have come, in seconds: 1970 to 2200.
const DATES: std::ops::Range<i64> = 0..7_258_118_400;

/// What one FETCH answer said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::net) struct Row {
    /// From 1 to 4294967294.
    pub(in crate::net) uid: Option<u32>,
    /// At most 2^40.
    pub(in crate::net) size: Option<u64>,
    /// Of a possible year.
    pub(in crate::net) internal_date: Option<Timestamp>,
    pub(in crate::net) seen: bool,
    /// `BODY[]`, or nothing when it was NIL or not there.
    pub(in crate::net) body: Option<Vec<u8>>,
}

/// Reads the answer that begins with `line` (after the star); a body may have `literal_max` bytes. `receiving` is the UID of
/// the message while it is being received.
pub(super) fn read(
    lines: &mut Lines,
    line: Vec<u8>,
    literal_max: u64,
    receiving: &mut Option<u32>,
) -> Result<Row, NetError> {
    *receiving = None;
    let mut answer = Answer { lines, line, at: 0, literal: None, literal_max, skippable: SKIPPED_MAX };
    answer.find_literal()?;
    answer.word()?;
    answer.expect(b' ')?;
    answer.word()?;
    answer.expect(b' ')?;
    answer.expect(b'(')?;
    let mut row = Row::default();
    while answer.peek() != Some(b')') {
        answer.item(&mut row, receiving)?;
        // Anything else means that a literal was longer or shorter than announced.
        if !matches!(answer.peek(), Some(b' ' | b')')) {
            return Err(answer.broken());
        }
        while answer.peek() == Some(b' ') {
            answer.at += 1;
        }
    }
    answer.expect(b')')?;
    if !answer.rest().trim_ascii().is_empty() || answer.literal.is_some() {
        return Err(answer.broken());
    }
    *receiving = None;
    Ok(row)
}

/// Cuts the announcement `{123}` off the end of a line and gives its number.
pub(super) fn literal_size(line: &mut Vec<u8>) -> Result<Option<u64>, NetError> {
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    let Some(kept) = before.strip_suffix(b"{").map(<[u8]>::len) else { return Ok(None) };
    let size = self::number(number);
    let size = size.ok_or_else(|| NetError::new(NetErrorKind::Protocol, "the server sent a literal without a size"))?;
    line.truncate(kept);
    Ok(Some(size))
}

struct Answer<'a> {
    lines: &'a mut Lines,
    line: Vec<u8>,
    at: usize,
    /// The literal announced at the end of `line`.
    literal: Option<u64>,
    literal_max: u64,
    skippable: u64,
}

impl Answer<'_> {
    fn item(&mut self, row: &mut Row, receiving: &mut Option<u32>) -> Result<(), NetError> {
        let name = self.word()?.to_ascii_uppercase();
        self.expect(b' ')?;
        match name.as_slice() {
            b"UID" => {
                row.uid = possible_uid(self.number()?);
                *receiving = row.uid;
            }
            b"RFC822.SIZE" => row.size = Some(self.number()?.min(SIZE_MAX)),
            b"INTERNALDATE" => row.internal_date = self.string(0)?.and_then(|text| date(&text)),
            b"FLAGS" => row.seen = self.flags()?,
            name if name == b"BODY[]" || name.starts_with(b"BODY[]<") => row.body = self.string(self.literal_max)?,
            _ => self.skip()?,
        }
        Ok(())
    }

    fn flags(&mut self) -> Result<bool, NetError> {
        self.expect(b'(')?;
        let rest = self.rest();
        let end = rest.iter().position(|&byte| byte == b')').ok_or_else(|| self.broken())?;
        let flags = rest.get(..end).unwrap_or_default();
        let seen = flags.split(|&byte| byte == b' ').any(|flag| flag.eq_ignore_ascii_case(b"\\Seen"));
        self.at += end + 1;
        Ok(seen)
    }

    /// A number, quoted string, literal, NIL, atom or parenthesised list of these, thrown away.
    fn skip(&mut self) -> Result<(), NetError> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'(') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b')') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b' ') if depth > 0 => self.at += 1,
                Some(b'"') | None => {
                    let length = self.string(self.skippable)?.map_or(0, |text| text.len());
                    self.skippable = self.skippable.saturating_sub(length as u64);
                }
                Some(_) => {
                    self.word()?;
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// nstring; a literal may have `max` bytes.
    fn string(&mut self, max: u64) -> Result<Option<Vec<u8>>, NetError> {
        match self.peek() {
            Some(b'"') => self.quoted().map(Some),
            None => {
                let size = self.literal.take().ok_or_else(|| self.broken())?;
                let bytes = self.lines.literal(size, max)?;
                (self.line, self.at) = (self.lines.line()?, 0);
                self.find_literal()?;
                Ok(Some(bytes))
            }
            Some(_) if self.word()?.eq_ignore_ascii_case(b"NIL") => Ok(None),
            Some(_) => Err(self.broken()),
        }
    }

    fn quoted(&mut self) -> Result<Vec<u8>, NetError> {
        let mut text = Vec::new();
        let mut escaped = false;
        let rest = self.rest();
        for (index, &byte) in rest.iter().enumerate().skip(1) {
            match byte {
                _ if escaped => {
                    escaped = false;
                    text.push(byte);
                }
                b'\\' => escaped = true,
                b'"' => {
                    self.at += index + 1;
                    return Ok(text);
                }
                _ => text.push(byte),
            }
        }
        Err(self.broken())
    }

    /// An atom; brackets may hold spaces and parentheses (`BODY[HEADER.FIELDS (DATE)]`).
    fn word(&mut self) -> Result<&[u8], NetError> {
        let mut bracketed = false;
        let mut length = 0;
        for &byte in self.rest() {
            match byte {
                b'[' => bracketed = true,
                b']' => bracketed = false,
                b' ' | b'(' | b')' | b'"' if !bracketed => break,
                _ => {}
            }
            length += 1;
        }
        if length == 0 {
            return Err(self.broken());
        }
        let start = self.at;
        self.at += length;
        Ok(self.line.get(start..self.at).unwrap_or_default())
    }

    /// Digits; a number that does not fit is the largest that does.
    fn number(&mut self) -> Result<u64, NetError> {
        let word = self.word()?;
        number(word).ok_or_else(|| self.broken())
    }

    fn expect(&mut self, byte: u8) -> Result<(), NetError> {
        if self.peek() != Some(byte) {
            return Err(self.broken());
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn find_literal(&mut self) -> Result<(), NetError> {
        self.literal = literal_size(&mut self.line)?;
        Ok(())
    }

    fn broken(&self) -> NetError {
        NetError::new(NetErrorKind::Protocol, "the server sent a FETCH answer that cannot be read")
    }
}

/// `"17-Jul-1996 02:44:25 -0700"`, the day perhaps with a leading space; `None` when it is not a date, or an impossible one.
fn date(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let date = strtime::parse("%d-%b-%Y %H:%M:%S %z", text).ok()?.to_timestamp().ok()?;
    Some(date).filter(|date| DATES.contains(&date.as_second()))
}

/// A number of nothing but digits; one that does not fit is the largest that does.
pub(in crate::net) fn number(digits: &[u8]) -> Option<u64> {
    let digits = Some(digits).filter(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit))?;
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

/// A UID that a message can have: not 0, and one more is a number, too (RFC 3501 2.3.1.1).
pub(in crate::net) fn possible_uid(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|uid| (1..u32::MAX).contains(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_dates_are_none() {
        let seconds = |text: &str| date(text.as_bytes()).map(Timestamp::as_second);
        for (text, expected) in [
            ("01-Jan-1970 00:00:00 +0000", Some(0)),
            (" 1-Jan-1970 00:00:30 +0000", Some(30)),
            ("31-Dec-1969 23:59:59 +0000", None),
            ("31-Dec-2199 23:59:59 +0000", Some(7_258_118_399)),
            ("01-Jan-2200 00:00:00 +0000", None),
            ("01-Jan-9999 00:00:00 +0000", None),
            ("99-Xyz-2026 00:00:00 +0000", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit() {
        for (digits, expected) in
            [("7", Some(7)), ("99999999999999999999999", Some(u64::MAX)), ("-1", None), ("", None)]
        {
            assert_eq!(number(digits.as_bytes()), expected, "{digits}");
        }
        for (number, expected) in [(0, None), (1, Some(1)), (4_294_967_294, Some(4_294_967_294)), (4_294_967_295, None)]
        {
            assert_eq!(possible_uid(number), expected, "{number}");
        }
    }
}
