//! What goes when a person asks to be erased (B13.8): their mail, our mail to nobody else outside, and every trace of it.
//!
//! Mail of others, or our mail to others too, stays: it is theirs as well. A tombstone, which is only a digest, keeps each
//! erased email from coming back.

mod briefs;

use std::collections::BTreeSet;

use anyhow::Result;

use self::briefs::Brief;
pub use self::briefs::Briefs;
use crate::intake::world::World;
use crate::mail::address::system;
use crate::mail::redact::without;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::invalid_addresses;
use crate::store::outbox;
use crate::store::records::erase::{self, ERASED};
use crate::store::records::{self, Parent, ParentType, Record};
use crate::store::search::index;
use crate::store::sight::Sight;
use crate::store::{cases, tombstones, users};

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Emails, with everything that hung on them.
    pub emails: usize,
    /// Cases that have no email now and lost name and description.
    pub cases: usize,
    /// Emails that name the person and stay, because others take part in them.
    pub kept: usize,
}

/// Erases a contact or lead, and the leads that became the contact. `briefs` were read before the transaction.
pub fn person(tx: &Tx<'_>, world: &World<'_>, record: &Record, briefs: &Briefs) -> Result<Erased> {
    let person = Person::of(tx, world, record, briefs)?;
    for address in &record.addresses {
        invalid_addresses::remove(tx, address)?;
        cases::forget_person(tx, address)?;
    }
    let mut touched = Touched::default();
    touched.cases.extend(erase::cases_of(tx, record.parent)?);
    let mut erased = person.mail(&mut touched)?;
    person.bytes_without_email()?;
    for case_id in &touched.cases {
        touched.keys.extend(cases::by_id(tx, *case_id)?.map(|case| case.key));
        erased.cases += usize::from(erase::empty_case(tx, *case_id)?);
    }
    person.notices(&touched.keys)?;
    for record in records_of(tx, record)? {
        erase::notifications_of(tx, record)?;
        records::delete(tx, record)?;
    }
    for word in &person.words {
        let read = if word.is_ascii() { word.as_str() } else { "" };
        erase::texts(tx, read, &|text| without(text, word, ERASED))?;
    }
    index::scrub(tx)?;
    Ok(erased)
}

/// The record, and the leads that became the contact.
fn records_of(tx: &Tx<'_>, record: &Record) -> Result<Vec<Parent>> {
    let mut records = vec![record.parent];
    if record.parent.kind == ParentType::Contact {
        records.extend(records::leads_of(tx, record.parent.id)?);
    }
    Ok(records)
}

/// Erases one email, and the description of the case that it opened. The ledger keeps the reason, and a tombstone for
/// each of its names keeps it from coming back.
pub fn email(tx: &Tx<'_>, world: &World<'_>, email: &Email, reason: &str) -> Result<()> {
    if let Some(case_id) = email.case_id()
        && erase::opened_by(tx, case_id)? == Some(email.id)
    {
        erase::description(tx, case_id)?;
    }
    for name in emails::names(tx, email.id)? {
        tombstones::add(tx, &tombstones::hash(&name, &email.from_address, email.date), world.now)?;
    }
    erase::email(tx, email.id, reason)
}

/// What erased mail belonged to.
#[derive(Default)]
struct Touched {
    cases: BTreeSet<i64>,
    /// Keys of the cases and emails in the signed ids of notices.
    keys: BTreeSet<String>,
}

struct Person<'a, 't> {
    tx: &'a Tx<'t>,
    world: &'a World<'a>,
    addresses: &'a [String],
    /// Addresses and names by which our own texts speak of them, in lower case.
    words: Vec<String>,
    briefs: &'a Briefs,
}

impl<'a, 't> Person<'a, 't> {
    fn of(tx: &'a Tx<'t>, world: &'a World<'a>, record: &'a Record, briefs: &'a Briefs) -> Result<Person<'a, 't>> {
        let mut words = record.addresses.clone();
        for record in records_of(tx, record)? {
            words.push(records::label(tx, record)?.to_lowercase());
        }
        // The record may have had another name when a decision was written down.
        for address in &record.addresses {
            let names = erase::names_of(tx, address)?;
            words.extend(names.iter().map(|name| format!("{} {}", record.parent.kind, name.to_lowercase())));
        }
        Ok(Person { tx, world, addresses: &record.addresses, words, briefs })
    }

    fn brief(&self, raw_id: i64) -> Result<Option<Brief>> {
        self.briefs.of(self.tx, raw_id, &self.words)
    }

    /// Erases the mail of the person.
    fn mail(&self, touched: &mut Touched) -> Result<Erased> {
        let mut erased = Erased::default();
        for id in self.naming()? {
            let Some(email) = emails::by_id(self.tx, id, Sight::Everything)? else { continue };
            if !self.is_theirs(&email)? {
                erased.kept += usize::from(!self.reads_as_report(&email));
                continue;
            }
            touched.keys.extend(emails::key(self.tx, id)?);
            touched.cases.extend(email.case_id());
            self::email(self.tx, self.world, &email, "erased")?;
            erased.emails += 1;
        }
        Ok(erased)
    }

    /// Emails that name one of the addresses, reports in their text alone.
    fn naming(&self) -> Result<BTreeSet<i64>> {
        let mut ids = BTreeSet::new();
        for address in self.addresses {
            ids.extend(erase::emails_naming(self.tx, address)?);
            ids.extend(erase::reports_naming(self.tx, address)?);
        }
        Ok(ids)
    }

    fn is_theirs(&self, email: &Email) -> Result<bool> {
        let read = |field| -> Result<Vec<String>> {
            Ok(emails::addresses(self.tx, email.id, field)?.into_iter().map(|mailbox| mailbox.address).collect())
        };
        let mut to = read(Field::To)?;
        to.extend(read(Field::Cc)?);
        to.extend(read(Field::Bcc)?);
        let ours_sent = email.status != EmailStatus::Archived || self.is_ours(&email.from_address)?;
        let mut outside = Vec::new();
        for address in to {
            if !self.is_ours(&address)? {
                outside.push(address);
            }
        }
        let letter =
            Letter { from: &email.from_address, reply_to: &read(Field::ReplyTo)?, ours_sent, outside: &outside };
        Ok(is_theirs(&letter, self.addresses) || self.reports_on_them(email)?)
    }

    /// Whether an address belongs to one of our accounts or users.
    fn is_ours(&self, address: &str) -> Result<bool> {
        Ok(self.world.is_own(address) || users::by_address(self.tx, address)?.is_some())
    }

    fn reads_as_report(&self, email: &Email) -> bool {
        !email.automatic.is_empty() && !self.addresses.contains(&email.from_address)
    }

    /// Whether an email is a server's report about mail to the person.
    fn reports_on_them(&self, email: &Email) -> Result<bool> {
        let Some(raw_id) = email.raw_id.filter(|_| self.reads_as_report(email)) else { return Ok(false) };
        let brief = self.brief(raw_id)?;
        Ok(brief.is_some_and(|brief| brief.failed.iter().any(|address| self.addresses.contains(address))))
    }

    /// Bytes that are not an email (yet): in the quarantine, waiting, or of our mail that came back.
    fn bytes_without_email(&self) -> Result<()> {
        for (id, raw_id) in erase::deliveries_without_email(self.tx)? {
            let Some(brief) = self.brief(raw_id)? else { continue };
            let ours_sent = self.is_ours(&brief.from)?;
            let letter = Letter { from: &brief.from, reply_to: &brief.reply_to, ours_sent, outside: &[] };
            let names_them = ours_sent && brief.speaks_of_them;
            if !names_them && !is_theirs(&letter, self.addresses) {
                continue;
            }
            let hash = tombstones::hash(&brief.identity, &brief.from, brief.date);
            tombstones::add(self.tx, &hash, self.world.now)?;
            erase::delivery(self.tx, id, raw_id)?;
        }
        Ok(())
    }

    /// Notices to our users repeat what a customer wrote.
    fn notices(&self, keys: &BTreeSet<String>) -> Result<()> {
        for row in outbox::notices(self.tx)? {
            let about = self.world.signer.verify(&row.message_id).is_some_and(|signed| keys.contains(&signed.key));
            if about || self.brief(row.raw_id)?.is_none_or(|brief| brief.speaks_of_them) {
                erase::outbox_row(self.tx, row.id)?;
            }
        }
        Ok(())
    }
}

/// What decides whose a message is.
struct Letter<'a> {
    from: &'a str,
    reply_to: &'a [String],
    /// Written by us.
    ours_sent: bool,
    /// Recipients who are not of us.
    outside: &'a [String],
}

/// A message of the person, or our message to nobody else outside. A contact form has the person in Reply-To.
fn is_theirs(letter: &Letter<'_>, addresses: &[String]) -> bool {
    let form = letter.ours_sent || system::is_no_reply(letter.from);
    let author = letter.reply_to.first().filter(|_| form).map_or(letter.from, String::as_str);
    let written = addresses.iter().any(|address| address == author || address == letter.from);
    let to_them = !letter.outside.is_empty() && letter.outside.iter().all(|address| addresses.contains(address));
    written || (letter.ours_sent && to_them)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_of_the_person_and_ours_to_nobody_else_goes() {
        let kim = ["kim@x.example".to_owned(), "kim@home.example".to_owned()];
        let all = |list: &[&str]| -> Vec<String> { list.iter().map(|&a| a.to_owned()).collect() };
        for (from, reply_to, ours_sent, outside, expected) in [
            ("kim@x.example", &[][..], false, &[][..], true),
            ("kim@x.example", &[], false, &["lee@x.example"], true),
            ("kim@x.example", &["office@x.example"], false, &[], true),
            ("desk@desk.example", &["kim@x.example"], true, &[], true),
            ("no-reply@forms.example", &["kim@x.example"], false, &[], true),
            ("lee@x.example", &["kim@x.example"], false, &[], false),
            ("desk@desk.example", &[], true, &["kim@x.example"], true),
            ("desk@desk.example", &[], true, &["kim@x.example", "kim@home.example"], true),
            ("desk@desk.example", &[], true, &["kim@x.example", "lee@x.example"], false),
            ("desk@desk.example", &[], true, &[], false),
            ("lee@x.example", &[], false, &["kim@x.example"], false),
        ] {
            let letter = Letter { from, reply_to: &all(reply_to), ours_sent, outside: &all(outside) };
            assert_eq!(is_theirs(&letter, &kim), expected, "{from} {reply_to:?} {outside:?}");
        }
    }
}
