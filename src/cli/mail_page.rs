//! What people see of a mail below its head: the text with its quotations folded, and the files.

use crate::mail::message::{Attachment, PartId};
use crate::mail::text::{self, Known, Piece};
use crate::units;

/// What of quotations is shown.
pub enum Quoted<'a> {
    /// Everything.
    Whole,
    /// What this thread does not know (B7.5); `passes_on` = the mail is a forward.
    Folded { known: &'a Known, passes_on: bool },
}

/// The text of a mail.
pub fn body(text: &str, quoted: &Quoted<'_>) -> String {
    let Quoted::Folded { known, passes_on } = quoted else { return text.trim_end().to_owned() };
    let mut lines: Vec<String> = Vec::new();
    for piece in text::folded(text, known, *passes_on) {
        lines.push(match piece {
            Piece::Line(line) => line.to_owned(),
            Piece::Folded(1) => "[1 quoted line hidden; --full shows it]".to_owned(),
            Piece::Folded(count) => format!("[{count} quoted lines hidden; --full shows them]"),
        });
    }
    lines.join("\n").trim_end().to_owned()
}

/// One line for each file: its number for `email attachment`, name, type and size.
pub fn files(attachments: &[Attachment]) -> Vec<String> {
    let line = |id: PartId, file: &Attachment| {
        let Attachment { content_type, size, .. } = file;
        let size = if file.is_pruned() { "pruned".to_owned() } else { units::about(*size) };
        format!("Attachment {id}: {} ({content_type}, {size})", file.shown_name())
    };
    let mut lines = Vec::new();
    for file in attachments {
        lines.push(line(PartId { part: file.part, inner: None }, file));
        let inside = file.contents.iter();
        lines.extend(inside.map(|inside| line(PartId { part: file.part, inner: Some(inside.part) }, inside)));
    }
    lines
}
