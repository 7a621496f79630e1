//! The editor of somebody who came through sudo: it runs on their side, with their own rights.
//!
//! The command asks for it on standard output, by a NUL and a frame ([`named_files::write_frame`]) with the text; a frame with
//! what became of it comes back by standard input, its name saying what went wrong. A NUL after all other output says that
//! the text is in the database or not wanted any more. No other output of a letter has a NUL.

use std::io::{self, BufRead, ErrorKind, Write};

use anyhow::Result;

use super::page::Page;
use crate::cli::named_files;
use crate::error;

/// Name of the editor's file for a plain text.
pub const PLAIN: &str = "letter.txt";
/// The same for Markdown.
pub const MARKDOWN: &str = "letter.md";

const MARK: u8 = 0;

/// Lets the other side edit a text: how the editor ended, and what the text is then.
///
/// # Errors
/// The other side is gone, or what it sent is not text.
pub fn edit(name: &str, text: &str) -> Result<(Result<()>, String)> {
    let mut out = io::stdout().lock();
    out.write_all(&[MARK])?;
    named_files::write_frame(&mut out, name, text.as_bytes())?;
    out.flush()?;
    let answer = named_files::read_frame(&mut io::stdin().lock(), Page::MAX).map_err(|e| error::data(e.to_string()))?;
    let (trouble, typed) = answer.ok_or_else(|| error::data("what was typed did not come back from the editor"))?;
    let typed = String::from_utf8(typed).map_err(|_| error::data("what was typed is not UTF-8"))?;
    Ok((if trouble.is_empty() { Ok(()) } else { Err(error::config(trouble).into()) }, typed))
}

/// Tells the other side that its file is needed no more.
pub fn is_safe() {
    let mut out = io::stdout().lock();
    // Where that cannot be told, the file stays.
    let _ = out.write_all(&[MARK]).and_then(|()| out.flush());
}

/// The other side: shows what a command says, and lets the user edit what it asks for. The file, where what was typed may be
/// nowhere else.
///
/// # Errors
/// The file cannot be made or read.
pub fn serve(mut said: impl BufRead, mut answer: impl Write, show: &mut impl Write) -> Result<Option<Page>> {
    if said.fill_buf()?.first() != Some(&MARK) {
        io::copy(&mut said, show)?;
        return Ok(None);
    }
    said.consume(1);
    let (name, text) =
        named_files::read_frame(&mut said, u64::MAX)?.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
    // A name of that side is not a path on this one.
    let page = Page::open(if name == MARKDOWN { MARKDOWN } else { PLAIN }, &String::from_utf8_lossy(&text))?;
    let (ended, typed) = page.edit()?;
    page.keep();
    let trouble = ended.err().map(|e| format!("{e:#}").replace('\n', " ")).unwrap_or_default();
    // Where it is gone, it says nothing more either.
    let _ = named_files::write_frame(&mut answer, &trouble, typed.as_bytes()).and_then(|()| answer.flush());
    drop(answer);
    let (is_safe, shown) = relay(&mut said, show)?;
    if is_safe {
        page.discard();
    }
    shown?;
    Ok((!is_safe).then_some(page))
}

/// Shows what is said as it comes: whether it ended with the mark, and whether it could be shown.
fn relay(said: &mut impl BufRead, show: &mut impl Write) -> io::Result<(bool, io::Result<()>)> {
    let (mut is_safe, mut shown) = (false, Ok(()));
    loop {
        let chunk = said.fill_buf()?;
        let length = chunk.len();
        if length == 0 {
            return Ok((is_safe, shown));
        }
        let text = chunk.strip_suffix(&[MARK]).unwrap_or(chunk);
        is_safe = text.len() < length;
        shown = shown.and_then(|()| show.write_all(text)).and_then(|()| show.flush());
        said.consume(length);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_said_is_shown_and_the_mark_is_not() {
        for (said, shown, expected) in [
            ("", "", false),
            ("draft 5 is kept\n", "draft 5 is kept\n", false),
            ("draft 5 is kept\n\0", "draft 5 is kept\n", true),
            ("\0", "", true),
        ] {
            let mut out = Vec::new();
            // By single bytes and at once.
            for size in [1, 100] {
                out.clear();
                let mut said = io::BufReader::with_capacity(size, said.as_bytes());
                let (is_safe, done) = relay(&mut said, &mut out).unwrap();
                done.unwrap();
                assert_eq!((out.as_slice(), is_safe), (shown.as_bytes(), expected));
            }
        }
    }

    #[test]
    fn a_command_that_wants_no_editor_is_shown_as_it_is() {
        let mut out = Vec::new();
        let page = serve(&b"answer to a@b.example\n"[..], io::sink(), &mut out).unwrap();
        assert!(page.is_none());
        assert_eq!(out, b"answer to a@b.example\n");
    }
}
