//! The caller's side of a command that came through sudo: shows what it says, asks what it asks, and runs the editor, with
//! the caller's own rights ([`afar`]).

use std::io::{self, BufRead, ErrorKind, Write};

use anyhow::Result;

use super::editor::page::Page;
use super::editor::remote;
use crate::mail::draft_file;
use crate::ui::journal::Priority;
use crate::ui::{afar, channel, frames};

/// What the caller's side does with what comes.
pub trait Front {
    /// Shows output.
    fn show(&mut self, bytes: &[u8]) -> Result<()>;
    /// Shows a line for standard error.
    fn say(&mut self, line: &str);
    /// Asks a yes-or-no question.
    fn ask(&mut self, question: &str) -> Result<bool>;
}

/// The caller's terminal, in the pager where one is begun.
pub struct Terminal;

impl Front for Terminal {
    fn show(&mut self, bytes: &[u8]) -> Result<()> {
        channel::print(bytes)
    }

    fn say(&mut self, line: &str) {
        channel::say(Priority::Info, line.strip_suffix('\n').unwrap_or(line));
    }

    fn ask(&mut self, question: &str) -> Result<bool> {
        channel::ask(question)
    }
}

/// Serves the command until it ends. The file of the editor, where what was typed may be nowhere else.
///
/// # Errors
/// The file cannot be made or read, or what comes is broken.
pub fn serve(mut said: impl BufRead, mut answer: Option<impl Write>, front: &mut impl Front) -> Result<Option<Page>> {
    let (mut page, mut typed, mut shown) = (None::<Page>, Vec::new(), Ok(()));
    loop {
        let chunk = said.fill_buf()?;
        let length = match chunk.iter().position(|byte| *byte == afar::MARK) {
            Some(0) => {
                said.consume(1);
                let (name, bytes) =
                    frames::read(&mut said, u64::MAX)?.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
                let text = String::from_utf8_lossy(&bytes);
                // Where the command is gone, it asks nothing more either.
                let mut reply = |name: &str, bytes: &[u8]| {
                    if let Some(answer) = &mut answer {
                        let _ = frames::write(answer, name, bytes).and_then(|()| answer.flush());
                    }
                };
                match name.as_str() {
                    afar::SAY => front.say(&text),
                    afar::ASK => reply(if front.ask(&text)? { afar::YES } else { afar::NO }, b""),
                    afar::SAFE => page.iter().for_each(Page::discard),
                    name if name.starts_with(afar::ATTACH) => {
                        let place = name.strip_prefix(afar::ATTACH).unwrap_or_default();
                        match remote::attach(&typed, place, &bytes) {
                            Ok(file) => reply("", &file),
                            Err(why) => reply(&why, b""),
                        }
                    }
                    name if name.starts_with(afar::EDIT) => {
                        let edited = open(name, &text)?;
                        let ended;
                        (ended, typed) = edited.edit()?;
                        edited.keep();
                        let trouble = ended.err().as_ref().map(remote::trouble_to).unwrap_or_default();
                        reply(&trouble, &typed);
                        page = Some(edited);
                    }
                    _ => return Err(io::Error::from(ErrorKind::InvalidData).into()),
                }
                continue;
            }
            Some(length) => length,
            None => chunk.len(),
        };
        if length == 0 {
            break;
        }
        if shown.is_ok() {
            shown = front.show(chunk.get(..length).unwrap_or_default());
        }
        said.consume(length);
    }
    shown?;
    Ok(page.filter(Page::is_kept))
}

fn open(asked: &str, text: &str) -> Result<Page> {
    // A name of that side is not a path on this one.
    let name = if asked.ends_with(remote::MARKDOWN) { remote::MARKDOWN } else { remote::PLAIN };
    Page::open(name, text, draft_file::text_line(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Default)]
    struct Seen(String);

    impl Front for Seen {
        fn show(&mut self, bytes: &[u8]) -> Result<()> {
            self.0.push_str(&String::from_utf8_lossy(bytes));
            Ok(())
        }

        fn say(&mut self, line: &str) {
            self.0.push_str(&format!("<{}>", line.trim_end()));
        }

        fn ask(&mut self, question: &str) -> Result<bool> {
            self.0.push_str(&format!("<{question}?>"));
            Ok(question == "Really")
        }
    }

    #[test]
    fn what_is_said_is_shown_in_its_order_and_what_is_asked_is_answered() {
        for (said, shown, answered) in [
            ("", "", ""),
            ("draft 5 is kept\n", "draft 5 is kept\n", ""),
            ("a\n\x005 say\nnote\nb\n", "a\n<note>b\n", ""),
            ("\x006 ask\nReally\x002 ask\nNoa\n", "<Really?><No?>a\n", "0 yes\n0 no\n"),
            ("draft 5 is kept\n\x000 safe\n", "draft 5 is kept\n", ""),
        ] {
            // By single bytes and at once.
            for size in [1, 100] {
                let (mut seen, mut answer) = (Seen::default(), Vec::new());
                let page = serve(io::BufReader::with_capacity(size, said.as_bytes()), Some(&mut answer), &mut seen);
                assert!(page.unwrap().is_none());
                assert_eq!((seen.0.as_str(), answer.as_slice()), (shown, answered.as_bytes()));
            }
        }
        for broken in ["\0", "\x005 say\nabc", "\x000 run\n", "\0say\n"] {
            assert!(serve(broken.as_bytes(), None::<Vec<u8>>, &mut Seen::default()).is_err(), "{broken:?}");
        }
    }
}
