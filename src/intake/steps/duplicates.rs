//! What is there already: our mail that comes back, what was erased, the same email by another account (B3.2, B3.4).

use anyhow::Result;
use jiff::Timestamp;

use super::{Imported, Incoming};
use crate::intake::privacy;
use crate::intake::sender::Sender;
use crate::mail::reading::Reading;
use crate::mail::subject;
use crate::store::deliveries::{self, Outcome, Source};
use crate::store::emails::{self, Email};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::{raw, tombstones};

impl Incoming<'_, '_> {
    /// B3.2, and what was erased: asked first, because our mail that comes back is kept, too.
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
        tombstones::contains(self.tx, &tombstones::hash(&self.message.identity, self.from(), self.message.date))
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

    /// The stored email that this one is, and whether another one bears the same id (B3.4).
    pub(super) fn same_email(&self, sender: &Sender) -> Result<(Option<Email>, bool)> {
        let stored = emails::by_message_id(self.tx, &self.message.identity)?;
        let is_another = !stored.is_empty();
        for email in stored {
            let likeness = self.likeness(&email, sender)?;
            if is_same(&likeness) && privacy::may_join(self.tx, self.account, self.delivery, &email, self.message)? {
                return Ok((Some(email), false));
            }
        }
        Ok((None, is_another))
    }

    /// What this message has in common with a stored email of the same id. The costly facts are looked for only where
    /// the cheap ones do not decide.
    fn likeness(&self, email: &Email, sender: &Sender) -> Result<Likeness> {
        let second = |date: Option<Timestamp>| date.map(|date| date.as_second()).filter(|date| !is_beginning(*date));
        let (stored, own) = (second(email.date), second(self.message.date));
        let cheap = Likeness {
            from: email.from_address == self.from(),
            date: if stored.is_none() && own.is_none() { None } else { Some(stored == own) },
            subject: subject::base(&email.subject) == self.message.base_subject,
            ..Likeness::default()
        };
        if !cheap.from || cheap.date == Some(false) || !cheap.subject {
            return Ok(cheap);
        }
        let judged = sender.verdict.label();
        let differ = !judged.is_empty() && !email.verdict.is_empty() && judged != email.verdict;
        Ok(Likeness {
            text: self.has_text_of(email)?,
            verdicts_differ: differ && self.is_judged_alike(email)?,
            delivered_here: self.was_delivered_here(email)?,
            attachments: self.has_attachments_of(email)?,
            ..cheap
        })
    }

    /// Truncated mail is compared as far as it goes.
    fn has_text_of(&self, email: &Email) -> Result<bool> {
        let stored = emails::text(self.tx, email.id)?;
        let own = self.message.text.as_str();
        let common = |whole: &str, beginning: &str| whole.starts_with(beginning.trim_end());
        Ok(stored == own
            || (self.delivery.truncated && common(&stored, own))
            || (email.truncated && common(own, &stored)))
    }

    fn has_attachments_of(&self, email: &Email) -> Result<bool> {
        let stored = emails::attachments(self.tx, email.id)?;
        let stored: Vec<&str> = stored.iter().map(|attachment| attachment.sha256.as_str()).collect();
        Ok(self.delivery.truncated || email.truncated || stored == digests(self.message))
    }

    /// Whether the verdict about the stored email was read from the same mail server.
    fn is_judged_alike(&self, email: &Email) -> Result<bool> {
        for account in
            self.world.accounts.iter().filter(|other| other.fetching.authserv_id == self.account.fetching.authserv_id)
        {
            if deliveries::has_delivered(self.tx, account.id, email.id, self.delivery.id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the stored email came to the same place, as another message: to the same folder of the same account, or
    /// to that account without a folder, by `ingest` or out of a file.
    fn was_delivered_here(&self, email: &Email) -> Result<bool> {
        deliveries::came_to_the_same_place(self.tx, self.delivery, email.id)
    }

    /// Of equal copies the better verdict is kept.
    pub(super) fn keep_better_verdict(&self, email: &Email, sender: &Sender) -> Result<()> {
        let rank = |label: &str| ["fail", "", "none", "pass"].iter().position(|known| *known == label);
        let judged = sender.verdict.label();
        if rank(judged) > rank(&email.verdict) && self.has_text_of(email)? {
            emails::set_verdict(self.tx, email.id, judged)?;
        }
        Ok(())
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
        let is_beginning = match email.raw_id.filter(|_| delivery.truncated) {
            Some(id) => {
                let own = raw::bytes(tx, raw_id)?;
                raw::beginning(tx, id, own.len() as u64)? == own
            }
            None => false,
        };
        let differs = emails::text(tx, email.id)? != self.message.text;
        let files = emails::attachments(tx, email.id)?;
        let has_same_files = files.iter().map(|file| file.sha256.as_str()).eq(digests(self.message));
        if is_beginning || (!email.truncated && !differs && has_same_files) {
            return deliveries::drop_raw(tx, delivery);
        }
        let text = if differs { self.message.text.as_str() } else { "" };
        let number = emails::add_variant(tx, email.id, delivery.id, raw_id, text)?;
        let told = format!("another text of it by {}, kept as variant {number}", self.account.name);
        emails::decide(tx, email.id, "variant", &told, self.world.now)?;
        let what = match (differs, self.has_attachments_of(email)?) {
            (true, _) => "another text",
            (false, false) => "other attachments",
            (false, true) => return Ok(()),
        };
        let Some(parent) = email.parent else { return Ok(()) };
        let text = format!("email {} came with {what}: espomail email show {} --variant {number}", email.id, email.id);
        let (kind, user_id, email_id) = (NoteKind::Remark, None, Some(email.id));
        stream::note(tx, NewNote { parent, kind, user_id, email_id, text: &text }, self.world.now).map(|_| ())
    }
}

/// What two messages with one Message-ID have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Likeness {
    from: bool,
    /// `None` = neither has one that says anything.
    date: Option<bool>,
    /// Answer prefixes and tags in brackets left out.
    subject: bool,
    text: bool,
    attachments: bool,
    /// The same mail server vouches for one of them only.
    verdicts_differ: bool,
    /// The same folder brought both.
    delivered_here: bool,
}

/// B3.4: they are one email. What is absent is not equal: without a date, or with another verdict, only an equal content is
/// evidence. What one place gets twice with other files is not one: fax machines and scanners use a constant id.
fn is_same(likeness: &Likeness) -> bool {
    let needs_content = likeness.date.is_none() || likeness.verdicts_differ;
    likeness.from
        && likeness.date != Some(false)
        && likeness.subject
        && (likeness.text || !needs_content)
        && (likeness.attachments || !(needs_content || likeness.delivered_here))
}

/// Days at which clocks begin that nobody has set, and the days around them for the time zones: 1970, 1980 and 2000.
fn is_beginning(second: i64) -> bool {
    const DAY: i64 = 86_400;
    [0, 315_532_800, 946_684_800].iter().any(|begin| (begin - DAY..begin + 2 * DAY).contains(&second))
}

fn digests(message: &Reading) -> Vec<&str> {
    message.attachments.iter().map(|attachment| attachment.sha256.as_str()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn absent_is_not_equal() {
        let same = Likeness {
            from: true,
            date: Some(true),
            subject: true,
            text: true,
            attachments: true,
            ..Likeness::default()
        };
        for (likeness, expected) in [
            (same.clone(), true),
            (Likeness { text: false, ..same.clone() }, true),
            (Likeness { attachments: false, ..same.clone() }, true),
            (Likeness { from: false, ..same.clone() }, false),
            (Likeness { date: Some(false), ..same.clone() }, false),
            (Likeness { subject: false, ..same.clone() }, false),
            (Likeness { date: None, ..same.clone() }, true),
            (Likeness { date: None, text: false, ..same.clone() }, false),
            (Likeness { date: None, attachments: false, ..same.clone() }, false),
            (Likeness { verdicts_differ: true, attachments: false, ..same.clone() }, false),
            (Likeness { verdicts_differ: true, ..same.clone() }, true),
            (Likeness { verdicts_differ: true, text: false, ..same.clone() }, false),
            (Likeness { delivered_here: true, ..same.clone() }, true),
            (Likeness { delivered_here: true, attachments: false, ..same.clone() }, false),
            (Likeness::default(), false),
        ] {
            assert_eq!(is_same(&likeness), expected, "{likeness:?}");
        }
    }

    #[test]
    fn the_date_of_a_clock_that_nobody_set_says_nothing() {
        for (date, says_nothing) in [
            ("1970-01-01T00:00:00Z", true),
            ("1969-12-31T23:00:00Z", true),
            ("1980-01-01T00:03:00Z", true),
            ("2000-01-02T11:00:00Z", true),
            ("2000-01-03T00:00:00Z", false),
            ("2026-11-29T00:00:00Z", false),
        ] {
            let at: Timestamp = date.parse().unwrap();
            assert_eq!(is_beginning(at.as_second()), says_nothing, "{date}");
        }
    }
}
