//! Reports without the fields of RFC 3464: what mail systems write for people, read line by line.

mod addresses;
mod evidence;
mod extent;
mod reasons;
mod recipients;

use super::report::{self, Fields};
use super::{Failure, Failures, MAX, Outcome};
use crate::mail::message::Message;
use crate::mail::phrases;

pub(super) use addresses::addresses;
pub(super) use evidence::{is_by_mail_system, is_from_system};
pub(super) use extent::{beginning, human, message_id};
pub(super) use reasons::Reasons;
pub(super) use recipients::reader_called;

use evidence::Evidence;

/// The recipients that a report names in its own way; `None` where it is not a report.
pub(super) fn failures(message: &Message) -> Option<Vec<Failure>> {
    let named: Vec<String> = message.all("X-Failed-Recipients").flat_map(addresses).take(MAX).collect();
    // Most mail is none, and its text need not be looked at.
    if evidence::declares_something_else(message) || named.is_empty() && !evidence::may_be_report(message) {
        return None;
    }
    let text = human(&message.text);
    if named.is_empty() && !Evidence::of(message, text).is_report() {
        return None;
    }
    match report::in_text(&message.text) {
        Fields::AllIsWell => return None,
        Fields::Failed(failures) if !failures.is_empty() => return Some(failures),
        Fields::Failed(_) | Fields::Missing => {}
    }
    Some(of_words(message, text, named))
}

/// The recipients that the words of a report name.
pub(super) fn of_words(message: &Message, text: &str, named: Vec<String>) -> Vec<Failure> {
    let lower = phrases::plain(text);
    let delayed = phrases::DELAYS.are_in(&lower) && !lower.contains("permanent");
    let mut failures = Failures::default();
    for (address, why) in recipients::find(message, text, named) {
        let outcome = if delayed { Outcome::Delayed } else { why.outcome };
        let (status, diagnostic) = (why.status.clone(), why.diagnostic.clone());
        failures.add(Failure { address, alias: None, outcome, status, diagnostic });
    }
    failures.all
}
