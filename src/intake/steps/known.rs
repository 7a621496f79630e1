//! What is there already: mail of ours that comes back, what was erased, the same email by another account (B3.2, B3.4).

use anyhow::Result;

use super::Incoming;
use crate::intake::import::Imported;
use crate::intake::privacy;
use crate::mail::message::{self, Message};
use crate::store::deliveries::{self, Outcome, Source};
use crate::store::emails::{self, Email};
use crate::store::{raw, tombstones};

impl Incoming<'_> {
    /// B3.2, and what was erased: asked first, because mail of ours that comes back is kept, too.
    pub(super) fn comes_back(&self) -> Result<Option<Imported>> {
        if self.is_erased()? {
            if self.delivery.source != Source::Arrived {
                return self.known_already(None, "erased: does not come back").map(Some);
            }
            deliveries::drop_raw(self.tx, self.delivery)?;
            return self.settle(Outcome::Discarded, "erased: does not come back", None).map(Some);
        }
        let Some(email_id) = self.own_coming_back()? else { return Ok(None) };
        self.settle(Outcome::Own, "mail of this instance coming back", email_id).map(Some)
    }

    /// B3.4: an email that was erased leaves a tombstone.
    fn is_erased(&self) -> Result<bool> {
        tombstones::contains(self.tx, &tombstones::hash(&self.identity, self.from(), self.message.date))
    }

    fn from(&self) -> &str {
        self.message.from.first().map(|m| m.address.as_str()).unwrap_or_default()
    }

    /// Our own signed Message-ID, from one of our own addresses or from the one that it was sent with (`--reply-from` may
    /// be another); gives the email it is, which a notice has not.
    fn own_coming_back(&self) -> Result<Option<Option<i64>>> {
        let signed = self.message.message_id.as_ref().filter(|id| self.world.signer.verify(id).is_some());
        let (Some(id), Some(from)) = (signed, self.message.from.first()) else { return Ok(None) };
        let stored = emails::by_message_id(self.tx, id)?.into_iter().next();
        let is_its_sender = stored.as_ref().is_some_and(|email| email.from_address == from.address);
        let ours = self.world.is_own(&from.address) || is_its_sender;
        Ok(ours.then_some(stored.map(|email| email.id)))
    }

    /// The stored email that this one is, and whether another one bears the same id.
    pub(super) fn same_email(&self) -> Result<(Option<Email>, bool)> {
        let stored = emails::by_message_id(self.tx, &self.identity)?;
        let is_another = !stored.is_empty();
        for email in stored {
            let date = email.date.map(|date| date.as_second());
            if email.from_address == self.from()
                && date == self.message.date.map(|date| date.as_second())
                && privacy::may_join(self.tx, self.account, self.delivery, &email, self.message)?
            {
                return Ok((Some(email), false));
            }
        }
        Ok((None, is_another))
    }

    /// Keeps a different text of the same email; equal bytes are kept once.
    pub(super) fn keep_variant(&self, email: &Email) -> Result<()> {
        let (tx, delivery) = (self.tx, self.delivery);
        let Some(raw_id) = delivery.raw_id else { return Ok(()) };
        let stored = email.raw_id.map(|id| raw::identity(tx, id)).transpose()?.flatten();
        if email.raw_id == Some(raw_id) {
            return Ok(());
        }
        if stored == raw::identity(tx, raw_id)? {
            return deliveries::drop_raw(tx, delivery);
        }
        let stored = email.raw_id.map(|id| raw::bytes(tx, id)).transpose()?.unwrap_or_default();
        let is_beginning = delivery.truncated && stored.starts_with(&raw::bytes(tx, raw_id)?);
        let same = |stored: &Message| stored.text == self.message.text && digests(stored) == digests(self.message);
        if is_beginning || (!email.truncated && same(&message::parse(&stored))) {
            return deliveries::drop_raw(tx, delivery);
        }
        emails::add_variant(tx, email.id, delivery.id, raw_id)?;
        let text = format!("another text of it by {}, kept as a variant", self.account.name);
        emails::decide(tx, email.id, "variant", &text, self.world.now)
    }
}

fn digests(message: &Message) -> Vec<&str> {
    message.attachments.iter().map(|attachment| attachment.sha256.as_str()).collect()
}
