//! Reports on our mail that could not be delivered (B9.2): the recipient is marked, the case shows it, the user who has
//! to act is told, and an address that does not exist gets no automatic mail until it writes.
//!
//! A report counts only for a recipient whom the very message it names was sent to. Everybody who got that message knows
//! its id, so the id alone proves nothing: a report is proven if it came to the signed envelope sender of the message, or
//! if the mail server vouches for the recipient's own domain. Any other is shown and told, and changes nothing.
//!
//! The servers of a personal account are its owner's choice: what comes by them proves nothing about mail of other
//! accounts, and an address that does not exist by their word is invalid for that account only.

use anyhow::Result;

use super::sender::Sender;
use super::undelivered::{self, Return};
use super::world::World;
use crate::mail::address::{self, system};
use crate::mail::authentication_results::Verdict;
use crate::mail::bounce::{Bounce, Failure, Outcome};
use crate::mail::providers;
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::invalid_addresses;
use crate::store::outbox as rows;
use crate::store::outbox::OutboxRow;

/// What a mail reports about ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Report {
    /// It is not a report, or not on our mail.
    #[default]
    None,
    /// Of a delay, a success, or what was known already.
    News,
    /// Of a failure, which was shown on the case.
    Failure,
}

/// Takes in what a new email reports, with the decision; the failures that are shown once the report itself is.
pub fn run(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    sender: &Sender,
    message: &Reading,
    recipient: Option<&str>,
    email_id: i64,
) -> Result<(Report, Vec<undelivered::Failure>)> {
    if !is_report(message) {
        return Ok((Report::None, Vec::new()));
    }
    let decide = |text: &str| emails::decide(tx, email_id, "bounce", text, world.now);
    // Mail systems seldom prove who they are: whether the sender is believed is asked of each recipient below.
    let returned = returned(world, message, recipient);
    let Some(row) = row(tx, world, message, returned)? else {
        decide("it names no mail that is stored here")?;
        return Ok((Report::None, Vec::new()));
    };
    let (mut report, mut to_show) = (Report::News, Vec::new());
    let may_prove = account.kind == AccountKind::Group || account.id == row.account_id;
    let by_return_address = returned == Some(row.id);
    for failure in failures(tx, &row, message.bounce.as_ref())? {
        let proven = may_prove && (by_return_address || vouches_for(sender, &failure.address));
        let (said, failed) = one(tx, world, &row, &failure, (email_id, proven))?;
        decide(&said)?;
        if let Some(failed) = failed {
            report = Report::Failure;
            to_show.extend(failed);
        }
    }
    Ok((report, to_show))
}

fn is_report(message: &Reading) -> bool {
    !message.about.is_empty() || message.bounce.is_some()
}

/// The ids by which a report may name our mail: that of the enclosed message, else signed ones that it answers.
pub(super) fn ids(world: &World<'_>, message: &Reading) -> Vec<String> {
    if !is_report(message) {
        return Vec::new();
    }
    let answered = message.in_reply_to.iter().chain(message.references.iter().rev()).take(50);
    let signed = answered.filter(|id| world.signer.verify(id).is_some()).cloned();
    message.about.iter().cloned().chain(signed).collect()
}

/// Our message that a report is about.
fn row(tx: &Tx<'_>, world: &World<'_>, message: &Reading, returned: Option<i64>) -> Result<Option<OutboxRow>> {
    for id in ids(world, message) {
        if let Some(row) = rows::by_message_id(tx, &id)? {
            return Ok(Some(row));
        }
    }
    returned.map_or(Ok(None), |id| rows::by_id(tx, id))
}

/// Our message to whose signed envelope sender a report came.
fn returned(world: &World<'_>, message: &Reading, recipient: Option<&str>) -> Option<i64> {
    let addressed = message.to.iter().map(|mailbox| mailbox.address.as_str());
    let delivered = message.delivered_to.iter().map(String::as_str);
    addressed.chain(delivered).chain(recipient).take(100).find_map(|address| {
        let mut tags = world.accounts.iter().filter_map(|account| address::plus_tag_of(address, &account.address));
        tags.find_map(|tag| world.signer.verify_return_tag(tag))
    })
}

/// Whether the mail server vouches that a report comes from the recipient's own domain: from anybody of a company, but
/// only from the mail system of a provider that gives its addresses to everybody.
fn vouches_for(sender: &Sender, recipient: &str) -> bool {
    let (from, domain) = (sender.from_address(), address::domain(recipient));
    let own_domain = address::is_same_domain(address::domain(from), domain);
    let may_speak = !providers::is_public(domain) || system::is_mail_system(from);
    own_domain && may_speak && matches!(sender.verdict, Verdict::Pass(_))
}

/// B9.2: a sender has an address that exists.
pub fn wrote(tx: &Tx<'_>, world: &World<'_>, sender: &Sender, email_id: i64) -> Result<()> {
    if !sender.is_believed() || !invalid_addresses::remove(tx, sender.address())? {
        return Ok(());
    }
    let text = format!("{} is valid again: it writes", sender.address());
    emails::decide(tx, email_id, "address", &text, world.now)
}

/// What the report says of each recipient; one that names nobody means the only one there was.
fn failures(tx: &Tx<'_>, row: &OutboxRow, bounce: Option<&Bounce>) -> Result<Vec<Failure>> {
    let Some(bounce) = bounce else { return Ok(Vec::new()) };
    let recipients = rows::recipients(tx, row.id)?;
    match (bounce.failures.is_empty(), recipients.as_slice()) {
        (true, [(address, _, _)]) => {
            let diagnostic = "the mail system gave no reason".to_owned();
            let (address, alias, status) = (address.clone(), None, String::new());
            Ok(vec![Failure { address, alias, outcome: Outcome::Soft, status, diagnostic }])
        }
        (_, recipients) => {
            let is_recipient =
                |address: &str| recipients.iter().any(|(known, _, _)| known.eq_ignore_ascii_case(address));
            Ok(bounce.failures.iter().map(|failure| as_written_to(failure, &is_recipient)).collect())
        }
    }
}

/// A failure under the address that we wrote to, where the report names the address that it leads to as well.
fn as_written_to(failure: &Failure, is_recipient: &dyn Fn(&str) -> bool) -> Failure {
    let alias = failure.alias.as_ref().filter(|alias| is_recipient(alias) && !is_recipient(&failure.address));
    let address = alias.unwrap_or(&failure.address).clone();
    Failure { address, ..failure.clone() }
}

/// One recipient: what is decided, and the failures that are to be shown where the message came back from it.
fn one(
    tx: &Tx<'_>,
    world: &World<'_>,
    row: &OutboxRow,
    failure: &Failure,
    (email_id, proven): (i64, bool),
) -> Result<(String, Option<Vec<undelivered::Failure>>)> {
    let address = address::normalise(&failure.address).unwrap_or_else(|| failure.address.to_lowercase());
    let words = words(failure);
    if failure.outcome == Outcome::Delayed {
        return Ok((format!("{address}: delayed, not failed: {words}"), None));
    }
    let back = Return { address: &address, words: &words, report: email_id, proven };
    let Some(failures) = undelivered::come_back(tx, world, row, &back)? else {
        return Ok((format!("{address}: nothing to mark: outbox {} was not sent to it, or is marked", row.id), None));
    };
    if !proven {
        return Ok((format!("{address}: outbox {} is reported failed, not proven: {words}", row.id), Some(failures)));
    }
    let mut said = format!("{address}: outbox {} came back: {words}", row.id);
    if failure.outcome == Outcome::Hard {
        let sent_by = world.accounts.iter().find(|account| account.id == row.account_id);
        let only = sent_by.filter(|account| account.kind == AccountKind::Personal).map(|account| account.id);
        invalid_addresses::add(tx, &address, only, &words, world.now)?;
        said.push_str("; no automatic mail to it until it writes");
    }
    Ok((said, Some(failures)))
}

/// Status code and the server's words, the code once; a code that says nothing (5.0.0) is shown only where there are no words.
fn words(failure: &Failure) -> String {
    let Failure { status, diagnostic, .. } = failure;
    let is_idle = status.ends_with(".0.0") && !diagnostic.trim().is_empty();
    let has_it = is_idle || diagnostic.contains(status.as_str());
    let text = if has_it { diagnostic.clone() } else { format!("{status} {diagnostic}") };
    // A report can be of any length, a note is for reading.
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect()
}
