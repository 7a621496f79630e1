//! Bytes with a name, between the two sides of sudo: a line `SIZE NAME` and that many bytes.

use std::io::{self, BufRead as _, ErrorKind, Read as _, Write};

/// A line before a frame.
const LINE: u64 = 8 << 10;

/// Writes one frame.
pub fn write(out: &mut impl Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    writeln!(out, "{} {name}", bytes.len())?;
    out.write_all(bytes)
}

/// Reads one frame of at most `most` bytes; `None` at the end.
pub fn read(input: &mut impl io::BufRead, most: u64) -> io::Result<Option<(String, Vec<u8>)>> {
    let broken = |why: &str| io::Error::new(ErrorKind::InvalidData, format!("the files that were sent {why}"));
    let mut line = String::new();
    if input.by_ref().take(LINE).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let head = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
    let (size, name) = head.ok_or_else(|| broken("are incomplete"))?;
    let size: u64 = size.parse().map_err(|_| broken("are incomplete"))?;
    if size > most {
        return Err(broken("are too large"));
    }
    let mut bytes = Vec::new();
    input.by_ref().take(size).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == size {
        true => Ok(Some((name.to_owned(), bytes))),
        false => Err(broken("are incomplete")),
    }
}
