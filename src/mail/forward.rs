//! What a message forwards (B4.8, B5.7): somebody else's mail, attached whole or copied into the text after a few
//! lines of its header.
//!
//! What is attached can be trusted as far as its sender, what is copied into the text as far as the one who forwards
//! it, who may have typed it.

mod block;

use super::address::Mailbox;
use super::message::Message;
use super::message_id;
use super::subject;
use block::Block;
pub(in crate::mail) use block::{announces, header_lines, is_by_program};

/// The mail that was forwarded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forwarded {
    /// It is attached; otherwise it was found in the text.
    pub attached: bool,
    /// Who wrote it.
    pub from: Mailbox,
    /// Its subject; may be empty.
    pub subject: String,
    /// Its Message-ID, which a copy in the text has only where the mail program says it.
    pub message_id: Option<String>,
    pub text: String,
    /// What the one who forwards it wrote above it; may be empty.
    pub comment: String,
}

/// What a message forwards, in each of the two ways. There may be neither: the sender of what is forwarded cannot be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forward {
    /// What was copied into the text.
    copied: Option<Forwarded>,
    /// What is attached, regardless of the text.
    attached: Option<Forwarded>,
}

impl Forward {
    /// What was meant: a copy in the text, even where the copied mail had a message attached itself.
    pub fn meant(&self) -> Option<&Forwarded> {
        self.copied.as_ref().or(self.attached.as_ref())
    }

    /// What is attached.
    pub fn attached(&self) -> Option<&Forwarded> {
        self.attached.as_ref()
    }
}

/// Reads what is forwarded; `None` where the message forwards nothing, even if it answers something (B4.8). Reports on
/// deliveries do not: they enclose what could not be delivered.
pub(in crate::mail) fn read(message: &Message) -> Option<Forward> {
    let marked = message.header(FORWARDED_ID).is_some();
    if message.content_type == "multipart/report" || !(marked || subject::is_forward(&message.subject)) {
        return None;
    }
    let forward = Forward { copied: copied(message), attached: attached(message) };
    (marked || message.enclosed.is_some() || forward.copied.is_some()).then_some(forward)
}

/// Thunderbird's word for what it forwards.
const FORWARDED_ID: &str = "X-Forwarded-Message-Id";

fn attached(message: &Message) -> Option<Forwarded> {
    let enclosed = message.enclosed.as_deref()?;
    Some(Forwarded {
        attached: true,
        from: enclosed.from.clone()?,
        subject: enclosed.subject.clone(),
        message_id: enclosed.message_id.clone(),
        text: enclosed.text.trim().to_owned(),
        comment: message.text.trim().to_owned(),
    })
}

fn copied(message: &Message) -> Option<Forwarded> {
    let Block { from, subject, text, comment } = block::find(&message.text)?;
    let message_id = message.header(FORWARDED_ID).and_then(|ids| message_id::parse_ids(ids).into_iter().next());
    Some(Forwarded { attached: false, from, subject, message_id, text, comment })
}

#[cfg(test)]
mod tests;
