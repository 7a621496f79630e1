//! Files that are named on the command line are read here, with the rights of the caller.
//!
//! For a caller who came through sudo nothing is opened: what they may read arrives as frames at the beginning of standard
//! input ([`frames`]), sent by [`super::sudo_relay`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::OnceLock;

use crate::ui::frames;

/// All frames together.
const MOST: u64 = 128 << 20;

/// What was sent, by the names on the command line; set as soon as nothing may be opened any more.
static SENT: OnceLock<HashMap<String, Vec<u8>>> = OnceLock::new();

/// From now on no named file is opened; takes this many frames from standard input in their place.
///
/// # Errors
/// They are not all there, or too large.
pub fn only_sent(frames: u32) -> io::Result<()> {
    let sent = read_frames(&mut io::stdin().lock(), frames)?;
    // Set once in a process.
    let _ = SENT.set(sent);
    Ok(())
}

/// Whether a file of this name was sent.
pub fn is_sent(file: &str) -> bool {
    SENT.get().is_some_and(|sent| sent.contains_key(file))
}

/// At most `max` bytes of a file, and one more of a longer one.
pub fn read(file: &str, max: u64) -> io::Result<Vec<u8>> {
    let most = max.saturating_add(1);
    let mut bytes = Vec::new();
    match SENT.get() {
        Some(sent) => {
            let whole = sent.get(file).ok_or_else(|| io::Error::from(ErrorKind::PermissionDenied))?;
            whole.take(most).read_to_end(&mut bytes)?;
        }
        None => {
            File::open(file)?.take(most).read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}

fn read_frames(input: &mut impl io::BufRead, frames: u32) -> io::Result<HashMap<String, Vec<u8>>> {
    let mut sent = HashMap::new();
    let mut left = MOST;
    for _ in 0..frames {
        let (name, bytes) = frames::read(input, left)?.ok_or(ErrorKind::UnexpectedEof)?;
        left -= bytes.len() as u64;
        sent.insert(name, bytes);
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frames_arrive_as_they_were_sent_and_leave_the_rest() {
        let mut wire = Vec::new();
        frames::write(&mut wire, "a b.pdf", b"\0\n1 x\n").unwrap();
        frames::write(&mut wire, "", b"").unwrap();
        wire.extend_from_slice(b"the text\n");
        let mut input = wire.as_slice();
        let sent = read_frames(&mut input, 2).unwrap();
        assert_eq!(sent.get("a b.pdf").unwrap(), b"\0\n1 x\n");
        assert_eq!(sent.get("").unwrap(), b"");
        assert_eq!(input, b"the text\n");
    }

    #[test]
    fn broken_frames_are_refused() {
        for wire in ["", "5 x\nabc", "x y\n", "5\nabcde", "-1 x\n", "99999999999 x\n", "5 x"] {
            assert!(read_frames(&mut wire.as_bytes(), 1).is_err(), "{wire:?}");
        }
    }
}
