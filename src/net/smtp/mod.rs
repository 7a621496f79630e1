//! SMTP as a [`MailTransport`]: one transaction after the other over one connection, step by step, so that each
//! recipient has its own answer and the caller knows on which side of the body a connection died.
//!
//! lettre writes the commands; the stream, its deadlines and the reading of replies are ours, because its own stream
//! knows no certificate pin, no deadline for a whole exchange, and hides the words of the server.

mod conversation;
mod login;
mod reply;

#[cfg(test)]
mod tests;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};

use super::{Envelope, MailTransport, NetError, NetErrorKind, Reply, SendError, Sent};
use crate::mail::address::to_be_sent;
use crate::mail::compose;
use conversation::Conversation;
pub use login::connect;

/// A session, authenticated where credentials were given.
pub struct SmtpTransport {
    server: Conversation,
    smtputf8: bool,
    eightbitmime: bool,
}

impl MailTransport for SmtpTransport {
    fn send(
        &mut self,
        envelope: &Envelope,
        body: &[u8],
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Sent, SendError> {
        let header = body.windows(4).position(|window| window == b"\r\n\r\n").and_then(|end| body.get(..end));
        let is_international = !header.unwrap_or(body).is_ascii();
        let ascii;
        let body = if is_international && !self.smtputf8 {
            ascii = compose::in_ascii(body);
            &ascii
        } else {
            body
        };
        self.mail_from(envelope, body, is_international)?;
        let refused = self.recipients(&envelope.to)?;
        if refused.len() == envelope.to.len() {
            self.reset()?;
            return Ok(Sent { reply: None, refused });
        }
        self.data()?;
        if let Err(words) = before_body() {
            // Only a closed connection ends DATA without a message.
            self.server.close();
            return Err(SendError::Caller(words));
        }
        let reply = self.server.body(body).map_err(SendError::InDoubt)?;
        Ok(Sent { reply: Some(reply), refused })
    }

    fn quit(&mut self) {
        // The answer would cost a round trip and tell nothing.
        let _ = self.server.say(&Quit.to_string());
        self.server.close();
    }
}

impl SmtpTransport {
    fn mail_from(&mut self, envelope: &Envelope, body: &[u8], is_international: bool) -> Result<(), SendError> {
        let sender = match envelope.from.as_str() {
            "" => None,
            from if !from.is_ascii() && !self.smtputf8 => return Err(SendError::SenderRefused(no_smtputf8())),
            from => Some(address(from).map_err(SendError::SenderRefused)?),
        };
        let mut parameters = Vec::new();
        let is_plain = envelope.from.is_ascii() && envelope.to.iter().all(|address| address.is_ascii());
        if self.smtputf8 && (is_international || !is_plain) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if self.eightbitmime && !body.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let reply = self.command(&Mail::new(sender, parameters).to_string())?;
        match reply.code {
            200..300 => Ok(()),
            500.. => {
                self.reset()?;
                Err(SendError::SenderRefused(reply))
            }
            _ => Err(SendError::BeforeBody(reply::refusal("the sender", &reply))),
        }
    }

    fn recipients(&mut self, to: &[String]) -> Result<Vec<(String, Reply)>, SendError> {
        let mut refused = Vec::new();
        for recipient in to {
            let reply = match self.recipient(recipient) {
                Ok(command) => self.command(&command)?,
                Err(unsendable) => unsendable,
            };
            if !(200..300).contains(&reply.code) {
                refused.push((recipient.clone(), reply));
            }
        }
        Ok(refused)
    }

    /// The command for one recipient, or the reply a server would give that is never asked.
    fn recipient(&self, recipient: &str) -> Result<String, Reply> {
        let recipient = address(recipient)?;
        let is_ascii = AsRef::<str>::as_ref(&recipient).is_ascii();
        if !is_ascii && !self.smtputf8 {
            return Err(no_smtputf8());
        }
        Ok(Rcpt::new(recipient, Vec::new()).to_string())
    }

    fn data(&mut self) -> Result<(), SendError> {
        let reply = self.command(&Data.to_string())?;
        if reply.code == 354 {
            return Ok(());
        }
        self.reset()?;
        Err(SendError::BeforeBody(reply::refusal("the message", &reply)))
    }

    fn reset(&mut self) -> Result<(), SendError> {
        self.command(&Rset.to_string()).map(drop)
    }

    /// A command before the body. 421 announces the end of the connection, whatever was asked (RFC 5321 3.8).
    fn command(&mut self, command: &str) -> Result<Reply, SendError> {
        let reply = self.server.command(command).map_err(SendError::BeforeBody)?;
        if reply.code == 421 {
            let words = format!("the server said goodbye: {}", reply.text);
            return Err(SendError::BeforeBody(NetError::new(NetErrorKind::Closed, words)));
        }
        Ok(reply)
    }
}

/// What a server without SMTPUTF8 would say to an internationalised address (RFC 6531 3.5).
fn no_smtputf8() -> Reply {
    reply::own(553, "5.6.7", "the server does not take addresses beyond ASCII (SMTPUTF8)")
}

/// An address that can stand in a command.
fn address(text: &str) -> Result<Address, Reply> {
    let sent = to_be_sent(text);
    let parts = sent.as_deref().and_then(|sent| sent.rsplit_once('@'));
    let address = parts.and_then(|(local, domain)| Address::new(local, domain).ok());
    address.ok_or_else(|| reply::own(553, "5.1.3", "this is not an address that mail can be sent to"))
}
