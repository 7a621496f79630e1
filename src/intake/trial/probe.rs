//! A message from an account to itself: whether what is sent arrives, where, and after what time. It is found by its
//! Message-ID and removed, wherever it lies.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::error::{Fault, Kind};
use crate::mail::address::Mailbox;
use crate::mail::compose::{self, Outgoing};
use crate::mail::message_id::new_key;
use crate::net::{Envelope, ListedFolder, MailSource, MailTransport, Reply, SendError, sent_folder};
use crate::random;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// A message that is looked for.
pub struct Probe {
    message_id: String,
    raw: Vec<u8>,
    address: String,
}

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub folder: String,
    pub after: Duration,
}

impl Probe {
    /// Writes the message; machines see that a machine wrote it, so nobody answers.
    pub fn new(address: &str, now: Timestamp) -> Result<Probe> {
        let domain = address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let message_id = format!("probe.{}@{domain}", new_key(random::bytes()?));
        let own = Mailbox { address: address.to_owned(), ..Mailbox::default() };
        let raw = compose::compose(&Outgoing {
            from: own.clone(),
            to: vec![own],
            subject: "Test message of espomail".to_owned(),
            text: "The command `espomail account test --send-probe` sent this message. It removes it when it has arrived.\n"
                .to_owned(),
            message_id: message_id.clone(),
            date: now,
            extra: vec![
                ("Auto-Submitted", "auto-generated".to_owned()),
                ("X-Auto-Response-Suppress", "All".to_owned()),
            ],
            ..Outgoing::default()
        })?;
        Ok(Probe { message_id, raw, address: address.to_owned() })
    }

    /// Hands it over.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn send(&self, transport: &mut dyn MailTransport) -> Result<()> {
        let envelope = Envelope { from: self.address.clone(), to: vec![self.address.clone()] };
        let refused = |what: &str, reply: &Reply| {
            let kind = if reply.code < 500 { Kind::TempFail } else { Kind::Unavailable };
            anyhow::Error::from(Fault::new(kind, format!("the server refused {what}: {}", reply.words())))
        };
        let sent = transport.send(&envelope, &self.raw, &mut || Ok(())).map_err(|error| match error {
            SendError::SenderRefused(reply) | SendError::NotNow(reply) => {
                refused(&format!("the sender {}", self.address), &reply)
            }
            SendError::BeforeBody(error) | SendError::InDoubt(error) => error.into(),
            SendError::Caller(words) => Fault::new(Kind::Unavailable, words).into(),
        })?;
        if let Some((to, reply)) = sent.refused.first() {
            return Err(refused(&format!("the recipient {to}"), reply));
        }
        match sent.reply.filter(|reply| reply.code >= 300) {
            Some(reply) => Err(refused("the message", &reply)),
            None => Ok(()),
        }
    }

    /// Looks for it in these folders, and in the one for junk, until it is there or the time is over; then removes it.
    ///
    /// # Errors
    /// The server fails. `Ok(None)`: it did not come in time.
    pub fn wait(&self, source: &mut dyn MailSource, polled: &[String], patience: Duration) -> Result<Option<Arrived>> {
        let started = Instant::now();
        let listed = source.folders()?;
        let mut places = polled.to_vec();
        places.extend(of_use(&listed, "\\Junk").map(str::to_owned));
        let trash = trash(&listed);
        loop {
            for folder in &places {
                if self.remove(source, folder, trash)? {
                    let after = started.elapsed();
                    // Some servers keep a copy of what is sent.
                    if let Some(sent) = sent_folder(&listed) {
                        self.remove(source, sent, trash)?;
                    }
                    return Ok(Some(Arrived { folder: folder.clone(), after }));
                }
            }
            if started.elapsed() >= patience {
                return Ok(None);
            }
            std::thread::sleep(PAUSE.min(patience));
        }
    }

    /// Removes it from a folder, by way of `trash` where the server has more than folders; whether it was there.
    fn remove(&self, source: &mut dyn MailSource, folder: &str, trash: Option<&str>) -> Result<bool> {
        source.open(folder, true)?;
        let mut found = source.find(&self.message_id)?;
        if found.is_empty() {
            return Ok(false);
        }
        source.open(folder, false)?;
        found = source.find(&self.message_id)?;
        let cannot = "the message has arrived and cannot be removed";
        if let Some(trash) = trash.filter(|trash| *trash != folder) {
            source.move_to(&found, trash).context(cannot)?;
            source.open(trash, false)?;
            found = source.find(&self.message_id)?;
        }
        source.delete(&found).context(cannot)?;
        Ok(true)
    }
}

/// The folder by which a message leaves a server that shows all mail in one more folder, as Gmail does: what is deleted
/// in another folder stays in that one.
fn trash(listed: &[ListedFolder]) -> Option<&str> {
    of_use(listed, "\\All").and(of_use(listed, "\\Trash"))
}

fn of_use<'a>(listed: &'a [ListedFolder], name: &str) -> Option<&'a str> {
    let is_meant = |folder: &&ListedFolder| {
        folder.selectable && folder.special_use.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(name))
    };
    listed.iter().find(is_meant).map(|folder| folder.name.as_str())
}

#[cfg(test)]
mod tests;
