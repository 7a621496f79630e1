//! What erasing has to know of stored messages. All bytes that may be about a person are read before the transaction: it is
//! long enough without that.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use anyhow::Result;
use jiff::Timestamp;

use super::{ERASED, Person};
use crate::intake::world::World;
use crate::mail::bounce::Failure;
use crate::mail::reading::Reading;
use crate::mail::redact::without;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::outbox;
use crate::store::raw;
use crate::store::records::{Record, erase};
use crate::store::sight::Sight;

/// A message in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Brief {
    pub from: String,
    pub reply_to: Vec<String>,
    pub identity: String,
    pub date: Option<Timestamp>,
    /// Recipients that it says could not be reached.
    pub failed: Vec<String>,
    /// One of the words by which we speak of the person is in its subject or text.
    pub speaks_of_them: bool,
}

impl Brief {
    /// `None` where the message makes the parser panic.
    fn of(bytes: &[u8], words: &[String]) -> Option<Brief> {
        let read = || {
            let message = Reading::parse(bytes);
            let texts = [&message.subject, &message.text];
            Brief {
                from: message.from.first().map(|mailbox| mailbox.address.clone()).unwrap_or_default(),
                reply_to: message.reply_to.iter().map(|mailbox| mailbox.address.clone()).collect(),
                identity: message.identity.clone(),
                date: message.date,
                failed: message.bounce.iter().flat_map(|b| &b.failures).flat_map(Failure::addresses).collect(),
                speaks_of_them: texts
                    .iter()
                    .any(|text| words.iter().any(|word| without(text, word, ERASED) != ***text)),
            }
        };
        catch_unwind(read).ok()
    }
}

/// The messages that erasing a person will look at, read beforehand.
#[derive(Debug, Clone, Default)]
pub struct Briefs {
    /// The words that were looked for.
    words: Vec<String>,
    by_raw: BTreeMap<i64, Option<Brief>>,
}

impl Briefs {
    /// Reads them.
    ///
    /// # Errors
    /// The database.
    pub fn read(tx: &Tx<'_>, world: &World<'_>, record: &Record) -> Result<Briefs> {
        let nothing = Briefs::default();
        let person = Person::of(tx, world, record, &nothing)?;
        let mut raws: Vec<i64> = erase::deliveries_without_email(tx)?.into_iter().map(|(_, raw_id)| raw_id).collect();
        raws.extend(outbox::notices(tx)?.into_iter().map(|row| row.raw_id));
        for id in person.naming()? {
            let email = emails::by_id(tx, id, Sight::Everything)?;
            raws.extend(email.filter(|email| person.reads_as_report(email)).and_then(|email| email.raw_id));
        }
        let mut by_raw = BTreeMap::new();
        for raw_id in raws {
            by_raw.insert(raw_id, Brief::of(&raw::bytes(tx, raw_id)?, &person.words));
        }
        Ok(Briefs { words: person.words, by_raw })
    }

    /// One of them; what came since is read now.
    pub(super) fn of(&self, tx: &Tx<'_>, raw_id: i64, words: &[String]) -> Result<Option<Brief>> {
        match self.by_raw.get(&raw_id).filter(|_| self.words == words) {
            Some(brief) => Ok(brief.clone()),
            None => Ok(Brief::of(&raw::bytes(tx, raw_id)?, words)),
        }
    }
}
