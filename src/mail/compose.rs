//! Values in, the final bytes of a message out (RFC 5322): what is stored in the outbox and sent as
//! it is. Equal values give equal bytes.
//!
//! Names, subjects and header values cannot end a line: they are cleaned
//! first, and addresses and ids that cannot be written safely are refused or left out. Bcc is never
//! written. Recipients of the envelope are the caller's business.

mod body;
mod downgrade;
mod header;
mod text;

use jiff::Timestamp;

use super::address::{Mailbox, to_be_sent};
pub use downgrade::in_ascii;
use header::Fields;
pub use text::{SIGNATURE_LINE, forwarded_text, reply_text, signed};

/// Longest address that is written, in bytes (RFC 5321 4.5.3.1: 64 + 1 + 255).
const MAX_ADDRESS: usize = 320;
/// Longest id that is written; with its brackets it fits a line of RFC 5322 whole.
const MAX_ID: usize = 900;
/// Fields that have a place of their own in [`Outgoing`], or none at all.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "message-id", "in-reply-to", "references", "mime-version",
];

/// A message to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outgoing {
    pub from: Mailbox,
    /// Sender, where another account sends.
    pub sender: Option<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// Checked like the others, but not written.
    pub bcc: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    pub subject: String,
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// The same as a calendar that answers an invitation (RFC 6047).
    pub calendar: Option<String>,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// In-Reply-To; left out if it cannot be written.
    pub in_reply_to: Option<String>,
    /// References, oldest first; ids that cannot be written are left out.
    pub references: Vec<String>,
    pub date: Timestamp,
    /// Further fields, such as `Auto-Submitted`.
    pub extra: Vec<(&'static str, String)>,
    pub attachments: Vec<OutgoingAttachment>,
}

/// A file to be sent along.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutgoingAttachment {
    /// File name.
    pub name: String,
    /// Content type; parameters are not written.
    pub content_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Why a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The address is none, or cannot be written so that every server reads the same.
    #[error("{0:?} is not an address that mail can be sent to or from")]
    Address(String),
    /// The Message-ID is none.
    #[error("{0:?} is not a Message-ID")]
    MessageId(String),
    /// Not a name of a field, or one that has its own place.
    #[error("{0:?} cannot be set as a further header field")]
    Field(String),
    /// The encoder refuses the file.
    #[error("the attachment {0:?} cannot be encoded")]
    Attachment(String),
}

/// Writes the message with CRLF line ends, in 7 bits except for internationalised addresses, no line
/// over 998 bytes.
pub fn compose(outgoing: &Outgoing) -> Result<Vec<u8>, ComposeError> {
    check(outgoing)?;
    let mut fields = Fields::default();
    fields.text("Date", &outgoing.date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    fields.mailboxes("From", std::slice::from_ref(&outgoing.from));
    fields.mailboxes("Sender", outgoing.sender.as_slice());
    fields.mailboxes("Reply-To", &outgoing.reply_to);
    fields.mailboxes("To", &outgoing.to);
    fields.mailboxes("Cc", &outgoing.cc);
    fields.text("Subject", &outgoing.subject);
    fields.ids("Message-ID", [outgoing.message_id.as_str()]);
    fields.ids("In-Reply-To", outgoing.in_reply_to.as_deref().filter(|id| is_id(id)));
    fields.ids("References", outgoing.references.iter().map(String::as_str).filter(|id| is_id(id)));
    for (name, value) in &outgoing.extra {
        fields.text(name, value);
    }
    fields.text("MIME-Version", "1.0");
    let mut bytes = fields.into_bytes();
    bytes.extend(body::write(outgoing)?);
    Ok(bytes)
}

fn check(outgoing: &Outgoing) -> Result<(), ComposeError> {
    let lists = [outgoing.sender.as_slice(), &outgoing.to, &outgoing.cc, &outgoing.bcc, &outgoing.reply_to];
    for mailbox in lists.into_iter().flatten().chain([&outgoing.from]) {
        if !is_address(&mailbox.address) {
            return Err(ComposeError::Address(mailbox.address.clone()));
        }
    }
    if !is_id(&outgoing.message_id) {
        return Err(ComposeError::MessageId(outgoing.message_id.clone()));
    }
    match outgoing.extra.iter().find(|(name, _)| !is_further_field(name)) {
        Some((name, _)) => Err(ComposeError::Field((*name).to_owned())),
        None => Ok(()),
    }
}

/// Whether the address can be written without doubt: one address, no blank, nothing that ends it.
pub fn is_address(address: &str) -> bool {
    let sent = to_be_sent(address);
    sent.is_some_and(|sent| {
        let parts = sent.rsplit_once('@');
        sent.len() <= MAX_ADDRESS && parts.is_some_and(|(local, domain)| lettre::Address::new(local, domain).is_ok())
    })
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))
}

fn is_further_field(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=60).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        && !RESERVED.contains(&lower.as_str())
        && !lower.starts_with("content-")
}

#[cfg(test)]
mod tests;
