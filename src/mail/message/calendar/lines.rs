//! The lines of a calendar (RFC 5545 3.1) and what they say of people.

use percent_encoding::percent_decode_str;

use crate::mail::address;
use crate::mail::message::encoded_word::one_line;

/// `NAME;PARAMETER=value:value`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Property {
    /// In upper case.
    pub name: String,
    /// Names in upper case, values without quotes.
    pub params: Vec<(String, String)>,
    pub value: String,
}

/// Puts folded lines together before their letters are read: a fold may be within a letter.
pub(in crate::mail::message) fn unfolded(bytes: &[u8]) -> Vec<u8> {
    let mut whole: Vec<u8> = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match line {
            [b' ' | b'\t', more @ ..] if whole.last() == Some(&b'\n') => {
                whole.pop();
                whole.pop_if(|b| *b == b'\r');
                whole.extend_from_slice(more);
            }
            line => whole.extend_from_slice(line),
        }
    }
    whole
}

/// The properties in their order. A line that begins with a blank goes on with the one before it.
pub(super) fn properties(calendar: &str) -> impl Iterator<Item = Property> {
    let mut lines: Vec<String> = Vec::new();
    for line in calendar.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(open)) => open.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines.into_iter().filter_map(|line| Property::read(&line))
}

/// A text for people, without what is not seen or turns the writing around.
pub(super) fn readable(text: &str) -> String {
    // Persian and many emoji are written with the joiners.
    let is_read = |c: &char| matches!(c, '\n' | '\t' | '\u{200c}' | '\u{200d}') || !address::is_unseen(*c);
    text.chars().filter(is_read).collect()
}

impl Property {
    fn read(line: &str) -> Option<Property> {
        let mut quoted = false;
        let mut pieces = line.splitn(2, |c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        });
        let (head, value) = (pieces.next()?, pieces.next()?);
        let mut quoted = false;
        let mut head = head.split(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        });
        let name = head.next()?.trim().to_ascii_uppercase();
        // `item1.SUMMARY`
        let name = name.rsplit('.').next()?.to_owned();
        let params = head.filter_map(|param| {
            let (name, value) = param.split_once('=')?;
            Some((name.trim().to_ascii_uppercase(), value.trim().replace('"', "")))
        });
        Some(Property { name, params: params.collect(), value: value.to_owned() })
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as text (RFC 5545 3.3.11).
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut chars = self.value.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(c) => text.push(c),
                    None => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        text
    }

    /// What follows `mailto:`; nothing for a telephone number or a path in a directory.
    fn after_mailto(&self) -> Option<&str> {
        let value = self.value.trim();
        value.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).and_then(|_| value.get(7..))
    }

    /// The one address of a `mailto:` (RFC 6068): as two are compared, and with its local part as it is written. Nothing
    /// where it names headers (`?bcc=`), a second address, or characters that end a line.
    pub fn address(&self) -> Option<(String, String)> {
        let bare = self.after_mailto().filter(|bare| !bare.contains('?'))?;
        let decoded = percent_decode_str(bare).decode_utf8().ok().filter(|text| !text.contains(char::is_control))?;
        let known = address::normalise(&decoded)?;
        let (local, domain) = known.rsplit_once('@')?;
        let (written, _) = decoded.trim().rsplit_once('@')?;
        let written = if written.to_lowercase() == local { format!("{written}@{domain}") } else { known.clone() };
        Some((known, written))
    }

    /// `Rita <rita@garden.example>`
    pub fn person(&self) -> String {
        let name = one_line(self.param("CN").unwrap_or_default());
        let as_it_is = || one_line(self.after_mailto().unwrap_or(self.value.trim()));
        let address = self.address().map_or_else(as_it_is, |(known, _)| known);
        match name.as_str() {
            "" => address,
            name if name.eq_ignore_ascii_case(&address) => address,
            name => format!("{name} <{address}>"),
        }
    }

    /// A person and whether they come; `says` where the mail is their answer.
    pub fn participant(&self, says: bool) -> String {
        let status = self.param("PARTSTAT").unwrap_or_default().to_ascii_uppercase();
        let status = match status.as_str() {
            "ACCEPTED" => "accepted",
            "DECLINED" => "declined",
            "TENTATIVE" => "perhaps",
            "DELEGATED" => "delegated",
            "NEEDS-ACTION" if says => "no answer yet",
            _ => "",
        };
        match status {
            "" => self.person(),
            status => format!("{} ({status})", self.person()),
        }
    }
}
