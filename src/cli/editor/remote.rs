//! The editor of somebody who came through sudo: it runs on their side, with their own rights ([`afar`]).

use std::io;

use anyhow::Result;

use super::page::Page;
use crate::error;
use crate::ui::afar;

/// Name of the editor's file for a plain text.
pub const PLAIN: &str = "letter.txt";
/// The same for Markdown.
pub const MARKDOWN: &str = "letter.md";

/// Lets the other side edit a text: how the editor ended, and what the text is then.
///
/// # Errors
/// The other side is gone, or what it sent is not text.
pub fn edit(name: &str, text: &str) -> Result<(Result<()>, String)> {
    let asked = format!("{}{name}", afar::EDIT);
    let (trouble, typed) = afar::ask(&asked, text.as_bytes(), Page::MAX).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => error::data("what was typed did not come back from the editor"),
        _ => error::data(e.to_string()),
    })?;
    let typed = String::from_utf8(typed).map_err(|_| error::data("what was typed is not UTF-8"))?;
    Ok((trouble_from(&trouble).map_or(Ok(()), Err), typed))
}

/// Tells the other side that its file is needed no more.
pub fn is_safe() {
    // Where that cannot be told, the file stays.
    let _ = afar::tell(afar::SAFE, b"");
}

/// How an editor that failed is told to the other side, in one line: the error and its hint.
pub fn trouble_to(error: &anyhow::Error) -> String {
    let hint = error::classify(error).1.unwrap_or_default();
    format!("{error:#}\t{hint}").replace('\n', " ")
}

fn trouble_from(line: &str) -> Option<anyhow::Error> {
    let (text, hint) = line.split_once('\t').unwrap_or((line, ""));
    let fault = error::config(text);
    (!text.is_empty()).then(|| if hint.is_empty() { fault } else { fault.hint(hint) }.into())
}
