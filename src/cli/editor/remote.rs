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
    Ok((if trouble.is_empty() { Ok(()) } else { Err(error::config(trouble).into()) }, typed))
}

/// Tells the other side that its file is needed no more.
pub fn is_safe() {
    // Where that cannot be told, the file stays.
    let _ = afar::tell(afar::SAFE, b"");
}
