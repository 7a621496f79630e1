//! A command that came through sudo speaks to its caller's side: that shows what is said, in the caller's pager, asks what
//! is asked, and runs the caller's editor, all with the caller's own rights.
//!
//! What is shown goes to standard output as it is. Everything else is a NUL and a frame ([`frames`]) there, whose name says
//! what it is; the answer is a frame on standard input. No other output of these commands has a NUL.

use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use super::frames;
use super::terminal::Facts;

/// Begins a frame.
pub const MARK: u8 = 0;
/// A line for standard error.
pub const SAY: &str = "say";
/// A yes-or-no question.
pub const ASK: &str = "ask";
/// A text for the editor; the name of the file follows.
pub const EDIT: &str = "edit ";
/// A file that the text names which was typed in the editor; its place among these follows, the bytes are the most that is
/// wanted. The name of the answer says why it cannot be read.
pub const ATTACH: &str = "attach ";
/// What was typed in the editor is kept, or not wanted any more.
pub const SAFE: &str = "safe";
/// The answers to [`ASK`].
pub const YES: &str = "yes";
/// Every other answer, and none.
pub const NO: &str = "no";

/// Set where there is another side.
static FACTS: OnceLock<Facts> = OnceLock::new();

/// From now on another side shows what is said.
pub fn begin(facts: Facts) {
    // Set once in a process.
    let _ = FACTS.set(facts);
}

/// What the other side told of itself, if there is one.
pub fn facts() -> Option<&'static Facts> {
    FACTS.get()
}

/// Tells the other side something.
pub fn tell(name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&[MARK])?;
    frames::write(&mut out, name, bytes)?;
    out.flush()
}

/// Asks the other side something: name and bytes of the frame that it answers with.
///
/// # Errors
/// It is gone, or answers with more than `most` bytes.
pub fn ask(name: &str, bytes: &[u8], most: u64) -> io::Result<(String, Vec<u8>)> {
    tell(name, bytes)?;
    frames::read(&mut io::stdin().lock(), most)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}
