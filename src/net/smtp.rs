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

use jiff::Timestamp;
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
    /// What ended the connection: nothing is said any more.
    fault: Option<NetError>,
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
            self.reset();
            return Ok(Sent { reply: None, refused });
        }
        if let Some(refusal) = self.data()? {
            return Ok(Sent { reply: Some(refusal), refused });
        }
        if let Err(words) = before_body() {
            // Only a closed connection ends DATA without a message.
            self.server.close();
            self.fault = Some(NetError::new(NetErrorKind::Closed, "the transaction was given up"));
            return Err(SendError::Caller(words));
        }
        let reply = self.server.body(body).and_then(|reply| match reply.code {
            200..300 | 400.. => Ok(reply),
            _ => Err(reply::wrong("the message", &reply)),
        });
        let reply = reply.map_err(|error| SendError::InDoubt(self.end(error)))?;
        if reply.code == 421 {
            self.end(reply::refusal("the message", &reply));
        }
        Ok(Sent { reply: Some(reply), refused })
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        self.server.stream().certificate_ends()
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
            from => Some(self.taken(from).map_err(SendError::SenderRefused)?),
        };
        let mut parameters = Vec::new();
        let recipients = envelope.to.iter().filter_map(|to| address(to).ok());
        let is_plain = recipients.chain(sender.clone()).all(|address| is_ascii(&address));
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
                self.reset();
                Err(SendError::SenderRefused(reply))
            }
            400.. => {
                self.reset();
                Err(SendError::NotNow(reply))
            }
            _ => Err(SendError::BeforeBody(self.end(reply::wrong("the sender", &reply)))),
        }
    }

    fn recipients(&mut self, to: &[String]) -> Result<Vec<(String, Reply)>, SendError> {
        let mut refused = Vec::new();
        for recipient in to {
            let reply = match self.recipient(recipient) {
                Ok(command) => self.command(&command)?,
                Err(unsendable) => unsendable,
            };
            match reply.code {
                200..300 => {}
                400.. => refused.push((recipient.clone(), reply)),
                _ => return Err(SendError::BeforeBody(self.end(reply::wrong("a recipient", &reply)))),
            }
        }
        Ok(refused)
    }

    /// The command for one recipient, or the reply a server would give that is never asked.
    fn recipient(&self, recipient: &str) -> Result<String, Reply> {
        Ok(Rcpt::new(self.taken(recipient)?, Vec::new()).to_string())
    }

    /// An address as this server can take it: a domain beyond ASCII has an A-label, a local part has nothing of the kind.
    fn taken(&self, text: &str) -> Result<Address, Reply> {
        let address = address(text)?;
        if is_ascii(&address) || self.smtputf8 { Ok(address) } else { Err(no_smtputf8()) }
    }

    /// Begins the body; the refusal, if there is one.
    fn data(&mut self) -> Result<Option<Reply>, SendError> {
        let reply = self.command(&Data.to_string())?;
        match reply.code {
            354 => Ok(None),
            400.. => {
                self.reset();
                Ok(Some(reply))
            }
            _ => Err(SendError::BeforeBody(self.end(reply::wrong("DATA", &reply)))),
        }
    }

    /// Ends a transaction. Where that fails the next one does, and what was answered before counts all the same.
    fn reset(&mut self) {
        if let Ok(reply) = self.command(&Rset.to_string())
            && !(200..300).contains(&reply.code)
        {
            self.end(reply::wrong("RSET", &reply));
        }
    }

    /// A command before the body. 421 announces the end of the connection after any command (RFC 5321 3.8).
    fn command(&mut self, command: &str) -> Result<Reply, SendError> {
        if let Some(fault) = &self.fault {
            return Err(SendError::BeforeBody(fault.clone()));
        }
        match self.server.command(command) {
            Ok(reply) if reply.code == 421 => {
                let words = format!("the server said goodbye: {}", reply.words());
                Err(SendError::BeforeBody(self.end(NetError::new(NetErrorKind::Closed, words))))
            }
            Ok(reply) => Ok(reply),
            Err(error) => Err(SendError::BeforeBody(self.end(error))),
        }
    }

    /// Remembers that the connection has ended.
    fn end(&mut self, fault: NetError) -> NetError {
        self.server.close();
        self.fault.get_or_insert(fault).clone()
    }
}

/// What a server without SMTPUTF8 would say to an internationalised address (RFC 6531 3.5).
fn no_smtputf8() -> Reply {
    reply::own(553, "5.6.7", "the server does not take addresses beyond ASCII (SMTPUTF8)")
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

/// An address that can stand in a command.
fn address(text: &str) -> Result<Address, Reply> {
    let sent = to_be_sent(text);
    let parts = sent.as_deref().and_then(|sent| sent.rsplit_once('@'));
    let address = parts.and_then(|(local, domain)| Address::new(local, domain).ok());
    address.ok_or_else(|| reply::own(553, "5.1.3", "this is not an address that mail can be sent to"))
}
