//! The editor of somebody who came through sudo: it runs on their side, with their own rights ([`afar`]), and so are the files
//! read that the field Attach names. This side asks for them by their place in the text, so that it gets no other file.

use std::io;

use anyhow::Result;

use super::attach;
use super::page::Page;
use crate::error::{self, Fault, Kind};
use crate::mail::draft_file;
use crate::system_words;
use crate::ui::afar;

/// Name of the editor's file for a plain text, which editors know as mail.
pub const PLAIN: &str = "letter.eml";
/// The same for Markdown.
pub const MARKDOWN: &str = "letter.md";

/// Lets the other side edit a text: how the editor ended, and what it saved.
///
/// # Errors
/// The other side is gone.
pub fn edit(name: &str, text: &str) -> Result<(Result<()>, Vec<u8>)> {
    let asked = format!("{}{name}", afar::EDIT);
    let (trouble, typed) = afar::ask(&asked, text.as_bytes(), Page::MAX).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => error::data("what was typed did not come back from the editor"),
        _ => error::data(system_words::reason(&e)),
    })?;
    Ok((trouble_from(&trouble).map_or(Ok(()), Err), typed))
}

/// At most `max` bytes of a file that the text names, and one more of a longer one; else why it cannot be read.
pub fn attached(place: usize, max: u64) -> Result<Vec<u8>, String> {
    let asked = afar::ask(&format!("{}{place}", afar::ATTACH), max.to_string().as_bytes(), max.saturating_add(1));
    match asked {
        Ok((why, bytes)) if why.is_empty() => Ok(bytes),
        Ok((why, _)) => Err(why),
        Err(e) => Err(system_words::reason(&e)),
    }
}

/// The answer to [`attached`]: a file of those that were typed, as far as it was asked for.
pub fn attach(typed: &[u8], place: &str, max: &[u8]) -> Result<Vec<u8>, String> {
    let files = draft_file::read(&draft_file::decode(typed).0).attach;
    let file = place.parse::<usize>().ok().and_then(|place| files.get(place));
    let max = std::str::from_utf8(max).ok().and_then(|max| max.parse().ok());
    let (Some(file), Some(max)) = (file, max) else { return Err("it was not named".to_owned()) };
    attach::read(file, max).map_err(|e| attach::why(&e).replace('\n', " "))
}

/// Tells the other side that its file is needed no more.
pub fn is_safe() {
    // Where that cannot be told, the file stays.
    let _ = afar::tell(afar::SAFE, b"");
}

/// How an editor that failed is told to the other side, in one line: the exit code, the error and its hint.
pub fn trouble_to(error: &anyhow::Error) -> String {
    let (kind, hint) = error::classify(error);
    let hint = hint.unwrap_or_default();
    format!("{}\t{}\t{hint}", kind.exit_code(), system_words::chain(error)).replace('\n', " ")
}

fn trouble_from(line: &str) -> Option<anyhow::Error> {
    let (code, rest) = line.split_once('\t')?;
    let (text, hint) = rest.split_once('\t').unwrap_or((rest, ""));
    let is_config = code == Kind::Config.exit_code().to_string();
    let fault = Fault::new(if is_config { Kind::Config } else { Kind::Partial }, text);
    Some(if hint.is_empty() { fault } else { fault.hint(hint) }.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_other_side_hears_how_an_editor_failed() {
        for fault in [Fault::new(Kind::Config, "not\nfound").hint("set EDITOR"), Fault::new(Kind::Partial, "it died")] {
            let error = anyhow::Error::from(fault);
            let came = trouble_from(&trouble_to(&error)).unwrap();
            assert_eq!(error::classify(&came), error::classify(&error));
            assert_eq!(came.to_string(), error.to_string().replace('\n', " "));
        }
        assert!(trouble_from("").is_none());
    }

    #[test]
    fn only_files_that_were_typed_are_sent() {
        let file = std::env::temp_dir().join(format!("espomail-attached-{}", std::process::id()));
        std::fs::write(&file, "0123456789").unwrap();
        let typed = format!("To:\nAttach: {0}\nAttach: {0}x\nAttach: /\n\nAttach: /etc/passwd\n", file.display());
        for (place, max, expected) in [
            ("0", "20", Ok("0123456789")),
            ("0", "4", Ok("01234")),
            ("1", "20", Err("there is no such file")),
            ("2", "20", Err("it is a directory")),
            ("3", "20", Err("it was not named")),
            ("/etc/passwd", "20", Err("it was not named")),
            ("0", "much", Err("it was not named")),
        ] {
            let read = attach(typed.as_bytes(), place, max.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{place} {max}");
        }
        std::fs::remove_file(file).unwrap();
    }
}
