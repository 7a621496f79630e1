//! `winmail.dat`: the files that Outlook wraps (MS-OXTNEF). Reads attachment names and bytes, and the text where the
//! message has no other; everything else in it is left alone.

use super::charset;

const SIGNATURE: u32 = 0x223E_9F78;
/// Files of one container.
const MAX_FILES: usize = 1_000;
/// Properties of one object.
const MAX_PROPERTIES: u32 = 10_000;

/// A file in the container.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// What the container holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub files: Vec<File>,
    pub text: String,
}

/// Reads a container as far as it is sound; nothing of anything else.
pub(super) fn read(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut input = Input(bytes);
    if input.u32() != Some(SIGNATURE) || input.take(2).is_none() {
        return contents;
    }
    let mut charset = "windows-1252".to_owned();
    while let Some((id, data)) = attribute(&mut input) {
        match id {
            0x0006_9007 => charset = Input(data).u32().map_or(charset, |page| format!("windows-{page}")),
            0x0002_800C => contents.text = text(data, &charset),
            0x0006_9003 => body(data, &charset, &mut contents.text),
            0x0006_9002 if contents.files.len() < MAX_FILES => contents.files.push(File::default()),
            _ => {
                let Some(file) = contents.files.last_mut() else { continue };
                match id {
                    0x0001_8010 if file.name.is_empty() => file.name = text(data, &charset),
                    0x0006_800F => file.bytes = data.to_vec(),
                    0x0006_9005 => describe(data, &charset, file),
                    _ => {}
                }
            }
        }
    }
    contents.files.retain(|file| !file.bytes.is_empty());
    contents
}

/// Level, id with type, length, data, checksum.
fn attribute<'a>(input: &mut Input<'a>) -> Option<(u32, &'a [u8])> {
    input.take(1)?;
    let (id, length) = (input.u32()?, input.u32()?);
    let data = input.take(usize::try_from(length).ok()?)?;
    // The checksum of the last attribute may be cut off.
    let _ = input.take(2);
    Some((id, data))
}

fn body(data: &[u8], charset: &str, into: &mut String) {
    properties(data, &mut |id, kind, value| {
        if id == 0x1000 && into.is_empty() {
            *into = string(kind, value, charset);
        }
    });
}

fn describe(data: &[u8], charset: &str, file: &mut File) {
    properties(data, &mut |id, kind, value| match id {
        0x3707 => file.name = string(kind, value, charset),
        0x3704 if file.name.is_empty() => file.name = string(kind, value, charset),
        0x370E => file.content_type = string(kind, value, charset).to_ascii_lowercase(),
        // An object begins with the 16 bytes that name its interface.
        0x3701 if file.bytes.is_empty() => {
            file.bytes = if kind == 0x000D { value.get(16..).unwrap_or_default() } else { value }.to_vec();
        }
        _ => {}
    });
}

/// Hands on every property of an object: id, type, bytes. Stops where it does not understand.
fn properties(data: &[u8], each: &mut dyn FnMut(u16, u16, &[u8])) {
    let mut input = Input(data);
    let count = input.u32().unwrap_or_default().min(MAX_PROPERTIES);
    for _ in 0..count {
        if property(&mut input, each).is_none() {
            return;
        }
    }
}

fn property(input: &mut Input<'_>, each: &mut dyn FnMut(u16, u16, &[u8])) -> Option<()> {
    let (kind, id) = (input.u16()?, input.u16()?);
    if id >= 0x8000 {
        input.take(16)?;
        if input.u32()? == 0 {
            input.take(4)?;
        } else {
            input.sized()?;
        }
    }
    let many = kind & 0x1000 != 0;
    let kind = kind & !0x1000;
    let size = match kind {
        0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        0x000D | 0x001E | 0x001F | 0x0102 => None,
        _ => return None,
    };
    let values = if many || size.is_none() { input.u32()?.min(MAX_PROPERTIES) } else { 1 };
    for _ in 0..values {
        let value = match size {
            Some(size) => input.take(size)?,
            None => input.sized()?,
        };
        each(id, kind, value);
    }
    Some(())
}

fn string(kind: u16, value: &[u8], charset: &str) -> String {
    text(value, if kind == 0x001F { "utf-16le" } else { charset })
}

fn text(bytes: &[u8], charset: &str) -> String {
    charset::decode(bytes, Some(charset)).text.trim_end_matches('\0').to_owned()
}

/// Little-endian numbers and runs of bytes, as far as there are any.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A length and that number of bytes, filled up to a multiple of four.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let value = self.take(length)?;
        // The last one may not be filled up.
        let _ = self.take(length.wrapping_neg() % 4);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
        let sum = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        let length = u32::try_from(data.len()).unwrap();
        [&[level][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &sum.to_le_bytes()].concat()
    }

    fn long_name(name: &str) -> Vec<u8> {
        let mut value: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u32::try_from(value.len()).unwrap();
        value.resize(value.len().next_multiple_of(4), 0);
        [&1_u32.to_le_bytes()[..], &[0x1F, 0, 0x07, 0x37], &1_u32.to_le_bytes(), &length.to_le_bytes(), &value].concat()
    }

    fn container() -> Vec<u8> {
        [
            SIGNATURE.to_le_bytes().to_vec(),
            vec![1, 0],
            attribute(1, 0x0006_9007, &[0xE3, 0x04, 0, 0, 0, 0, 0, 0]),
            attribute(1, 0x0002_800C, b"\xCF\xF0\xE8\xE2\xE5\xF2\0"),
            attribute(2, 0x0006_9002, &[0; 14]),
            attribute(2, 0x0001_8010, b"SHORT~1.TXT\0"),
            attribute(2, 0x0006_800F, b"one"),
            attribute(2, 0x0006_9005, &long_name("Größe.txt")),
            attribute(2, 0x0006_9002, &[0; 14]),
            attribute(2, 0x0001_8010, b"b.bin\0"),
            attribute(2, 0x0006_800F, b"\0\x01"),
        ]
        .concat()
    }

    #[test]
    fn files_and_text_come_out() {
        let contents = read(&container());
        assert_eq!(contents.text, "Привет");
        let files: Vec<_> = contents.files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
        assert_eq!(files, [("Größe.txt", &b"one"[..]), ("b.bin", b"\0\x01")]);
    }

    #[test]
    fn damage_gives_less_and_never_harm() {
        let whole = container();
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).files.len() <= 2);
            let mut broken = whole.clone();
            broken[end] ^= 0xFF;
            read(&broken);
        }
        assert_eq!(read(b"no container"), Contents::default());
    }
}
