//! The stream of a case for people: mail and notes as blocks, what was done as lines.

use super::Alone;
use super::mail::Mail;
use crate::cli::case::people::Seen;
use crate::cli::mail_page::{self, Quoted};
use crate::cli::stream::words;
use crate::mail::subject;
use crate::mail::text::Known;
use crate::store::stream::{Note, NoteKind};
use crate::ui::output::Ui;
use crate::ui::tint::Tint;

/// Columns by which what belongs to a mail or note is set in.
const MARGIN: usize = 4;

/// The whole stream; `full` shows quotations, too.
pub fn shown(alone: &Alone, full: bool, ui: &Ui) -> String {
    let mut known = Known::default();
    let (mut text, mut is_line) = (String::new(), false);
    for note in &alone.notes {
        let mail = mail_of(note, &alone.mails);
        let is_deed = mail.is_none() && note.kind.is_deed();
        // Lines of deeds stand together.
        if !(is_line && is_deed) {
            text.push('\n');
        }
        is_line = is_deed;
        match mail {
            Some(mail) => {
                let passes_on = subject::is_forward(&mail.email.subject);
                let quoted = if full { Quoted::Whole } else { Quoted::Folded { known: &known, passes_on } };
                text.push_str(&mail_block(note, mail, alone.name(), &alone.people, &quoted, ui));
                known.learn(&mail.text);
            }
            None if is_deed => text.push_str(&deed(note, ui)),
            None => text.push_str(&comment(note, ui)),
        }
        text.push('\n');
    }
    text
}

/// The mail that a note shows; remarks about a mail do not repeat it.
pub fn mail_of<'a>(note: &Note, mails: &'a [Mail]) -> Option<&'a Mail> {
    let tells = matches!(note.kind, NoteKind::EmailReceived | NoteKind::EmailSent);
    note.email_id.filter(|_| tells).and_then(|id| mails.iter().find(|m| m.email.id == id))
}

fn mail_block(note: &Note, mail: &Mail, name: &str, people: &[Seen], quoted: &Quoted<'_>, ui: &Ui) -> String {
    let facts = mail.facts(people, &note.text, ui);
    let mut block = Tint::Heading.on(&entry(note, &format!("{}  ({facts})", mail.author()), ui));
    let (heads, remarks) = (mail.heads(name), mail.remarks(ui));
    let body = mail_page::body(&mail.text, quoted);
    let mut put = |text: &str, tint: Option<Tint>| {
        let text = ui.set_in(text, MARGIN);
        block.push('\n');
        block.push_str(&tint.map_or_else(|| text.clone(), |tint| tint.on(&text)));
    };
    if !heads.is_empty() {
        put(&heads.join("\n"), None);
    }
    remarks.iter().for_each(|(tint, remark)| put(remark, Some(*tint)));
    if !body.trim().is_empty() {
        put(&format!("{}{body}", if heads.is_empty() && remarks.is_empty() { "" } else { "\n" }), None);
    }
    if !mail.attachments.is_empty() {
        put(&mail.files().join("\n"), None);
    }
    block
}

/// What somebody wrote for their colleagues, and mail that the reader may not see.
fn comment(note: &Note, ui: &Ui) -> String {
    let who = note.username.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
    let head = Tint::Heading.on(&entry(note, &format!("{}{who}", words(note.kind)), ui));
    if note.text.trim().is_empty() { head } else { format!("{head}\n{}", ui.set_in(note.text.trim_end(), MARGIN)) }
}

/// What was done, in one sentence.
fn deed(note: &Note, ui: &Ui) -> String {
    let who = note.username.as_deref().map(|who| format!("{who}: ")).unwrap_or_default();
    let text = note.text.trim_end();
    let sentence = match note.kind {
        NoteKind::Created => format!("opened {text}"),
        NoteKind::Status => format!("status: {text}"),
        NoteKind::Edited => format!("changed {text}"),
        NoteKind::Assigned
        | NoteKind::Linked
        | NoteKind::Merged
        | NoteKind::Split
        | NoteKind::Moved
        | NoteKind::Accepted
        | NoteKind::Refused
        | NoteKind::People
        | NoteKind::Answered
        | NoteKind::Snoozed
        | NoteKind::Tagged
        | NoteKind::Remark
        | NoteKind::Junk
        | NoteKind::NotJunk
        | NoteKind::Failed
        | NoteKind::Comment
        | NoteKind::EmailReceived
        | NoteKind::EmailSent
        | NoteKind::Failing
        | NoteKind::Recovered
        | NoteKind::Restored => text.to_owned(),
    };
    let line = entry(note, &format!("{who}{sentence}"), ui);
    if note.kind == NoteKind::Failed { Tint::Undelivered.on(&line) } else { line }
}

/// A line that begins with the time of a note.
fn entry(note: &Note, text: &str, ui: &Ui) -> String {
    ui.hanging(&format!("{}  ", ui.local_time(note.created_at)), text)
}
