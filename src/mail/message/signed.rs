//! Messages inside a signature or an encryption of S/MIME (RFC 8551), out of the Cryptographic Message Syntax (RFC 5652).
//! What is signed is read; nothing is checked or decrypted.

/// Containers in each other, in a message and in what it holds.
pub(super) const MAX_LAYERS: usize = 3;
/// Pieces that the signed content may be cut into.
const MAX_PIECES: usize = 1_000_000;

/// What a file of S/MIME holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// A whole part of a message, header and body.
    Signed(Vec<u8>),
    /// What only the holder of a key can read.
    Encrypted,
    /// Certificates, a signature without its content, or nothing that can be understood.
    Other,
}

const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const ENVELOPED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03];
const AUTH_ENVELOPED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17];

const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xA0;

/// Reads a container as far as it is sound.
pub(super) fn read(bytes: &[u8]) -> Contents {
    contents(bytes).unwrap_or(Contents::Other)
}

/// `ContentInfo { contentType, [0] content }`
fn contents(bytes: &[u8]) -> Option<Contents> {
    let mut info = Der(Der(bytes).next(SEQUENCE)?);
    let kind = info.next(OBJECT_ID)?;
    if kind == ENVELOPED_DATA || kind == AUTH_ENVELOPED_DATA {
        return Some(Contents::Encrypted);
    }
    if kind != SIGNED_DATA {
        return None;
    }
    // SignedData { version, digestAlgorithms, encapContentInfo { eContentType, [0] eContent }, … }
    let mut signed = Der(Der(info.next(EXPLICIT_0)?).next(SEQUENCE)?);
    signed.any()?;
    signed.any()?;
    let mut inside = Der(signed.next(SEQUENCE)?);
    inside.next(OBJECT_ID)?;
    let content = octets(inside.next(EXPLICIT_0)?)?;
    Some(Contents::Signed(content))
}

/// A string of octets, whole or in pieces.
fn octets(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut input = Der(bytes);
    let (tag, content) = input.any()?;
    match tag {
        OCTETS => Some(content.to_vec()),
        OCTETS_IN_PIECES => {
            let mut whole = Vec::with_capacity(content.len());
            let mut pieces = Der(content);
            for _ in 0..MAX_PIECES {
                match pieces.any() {
                    Some((OCTETS, piece)) => whole.extend_from_slice(piece),
                    _ => break,
                }
            }
            Some(whole)
        }
        _ => None,
    }
}

/// Values of DER, and of BER where a length is left open as long messages are written.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, if it has this tag.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The tag and the content of the next value; what is cut off at the end is left out.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match length {
            0x80 => {
                let length = open_length(rest);
                let content = rest.get(..length)?;
                self.0 = rest.get(length + 2..).unwrap_or_default();
                return Some((*tag, content));
            }
            short @ ..0x80 => (usize::from(*short), rest),
            long => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
                if digits.len() > 8 {
                    return None;
                }
                let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
                (usize::try_from(length).ok()?, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length.min(rest.len()))?;
        self.0 = rest;
        Some((*tag, content))
    }
}

/// Bytes of the values up to the two zeros that end a value of open length, in one pass over all that are in it.
fn open_length(bytes: &[u8]) -> usize {
    let (mut at, mut open) = (0, 1_usize);
    while let Some([tag, length, ..]) = bytes.get(at..) {
        if (*tag, *length) == (0, 0) {
            open -= 1;
            if open == 0 {
                return at;
            }
            at += 2;
        } else if *length == 0x80 {
            open += 1;
            at += 2;
        } else {
            let digits = if *length < 0x80 { 0 } else { usize::from(*length & 0x7F) };
            let value = match bytes.get(at + 2..at + 2 + digits) {
                Some(digits) if digits.len() <= 8 && *length >= 0x80 => {
                    digits.iter().fold(0_usize, |value, digit| value << 8 | usize::from(*digit))
                }
                Some(_) if *length < 0x80 => usize::from(*length),
                _ => break,
            };
            at = (at + 2 + digits).saturating_add(value);
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap_or_default().to_be_bytes();
        [&[tag, 0x84][..], &length, content].concat()
    }

    fn open(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &[0, 0]].concat()
    }

    fn container(kind: &[u8], octets: &[u8], wrap: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let data = value(OBJECT_ID, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]);
        let inside = wrap(SEQUENCE, &[data, wrap(EXPLICIT_0, octets)].concat());
        let signed = wrap(SEQUENCE, &[value(2, &[1]), value(0x31, &[]), inside].concat());
        wrap(SEQUENCE, &[value(OBJECT_ID, kind), wrap(EXPLICIT_0, &signed)].concat())
    }

    #[test]
    fn signed_contents_are_read_in_every_form() {
        let whole = Contents::Signed(b"Hello, you".to_vec());
        let pieces = [value(OCTETS, b"Hello, "), value(OCTETS, b"you")].concat();
        assert_eq!(read(&container(SIGNED_DATA, &value(OCTETS, b"Hello, you"), value)), whole);
        assert_eq!(read(&container(SIGNED_DATA, &value(OCTETS_IN_PIECES, &pieces), value)), whole);
        assert_eq!(read(&container(SIGNED_DATA, &open(OCTETS_IN_PIECES, &pieces), open)), whole);
    }

    #[test]
    fn encrypted_and_broken_ones_are_known() {
        assert_eq!(read(&container(ENVELOPED_DATA, b"", open)), Contents::Encrypted);
        assert_eq!(read(&container(AUTH_ENVELOPED_DATA, b"", value)), Contents::Encrypted);
        let signed = container(SIGNED_DATA, &value(OCTETS, b"Hello, you"), open);
        for end in 0..signed.len() {
            read(signed.get(..end).unwrap_or_default());
        }
        for bytes in [&b""[..], b"\x30\x80", b"\x30\xff\xff", b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff", b"text"] {
            assert_eq!(read(bytes), Contents::Other, "{bytes:?}");
        }
    }

    #[test]
    fn open_lengths_cost_no_more_than_their_length() {
        for unit in ["\u{30}\u{0}", "\u{4}\u{1}x"] {
            crate::mail::costs_no_more_than_its_length(unit, 200_000, &|text| {
                drop(read(&container(SIGNED_DATA, &open(OCTETS_IN_PIECES, text.as_bytes()), open)));
                drop(read(&[0x30, 0x80].repeat(text.len() / 2)));
            });
        }
    }
}
