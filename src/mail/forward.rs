//! What a message forwards (B4.8, B5.7): somebody else's mail, attached whole or copied into the text behind a few
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
    /// Its text.
    pub text: String,
    /// What the one who forwards it wrote above it; may be empty.
    pub comment: String,
}

/// Whether the message forwards another one, whatever it answers to (B4.8). Reports on deliveries do not: they enclose
/// what could not be delivered.
pub fn is_forward(message: &Message) -> bool {
    if message.content_type == "multipart/report" {
        return false;
    }
    message.header(FORWARDED_ID).is_some()
        || subject::is_forward(&message.subject) && (message.enclosed.is_some() || block::find(&message.text).is_some())
}

/// Reads what is forwarded; `None` where nothing is, or its sender cannot be told.
pub fn read(message: &Message) -> Option<Forwarded> {
    if !is_forward(message) {
        return None;
    }
    // A copy in the text is what was meant, even where the copied mail had a message attached itself.
    copied(message).or_else(|| attached(message))
}

/// What is attached, whatever stands in the text; `None` where nothing is forwarded so.
pub fn read_attached(message: &Message) -> Option<Forwarded> {
    if is_forward(message) { attached(message) } else { None }
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
