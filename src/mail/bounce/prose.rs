//! Reports without the fields of RFC 3464: what mail systems write for people, read line by line.

mod extent;
mod recipients;

use super::{Failure, Failures, MAX, Outcome};
use crate::mail::automatic;
use crate::mail::message::Message;
use crate::mail::words;

pub(super) use extent::{human, message_id};
pub(super) use recipients::addresses;

/// The recipients that a report names in its own way; `None` where it is no report.
pub(super) fn failures(message: &Message) -> Option<Vec<Failure>> {
    let named: Vec<String> = message.all("X-Failed-Recipients").flat_map(addresses).take(MAX).collect();
    // Most mail is none, and its text need not be looked at.
    if declares_something_else(message) || named.is_empty() && !may_be_report(message) {
        return None;
    }
    let text = human(&message.text);
    let lower = words::plain(text);
    if named.is_empty() && !is_report(message, &lower) {
        return None;
    }
    let delayed = words::DELAYS.are_in(&lower) && !lower.contains("permanent");
    let mut failures = Failures::default();
    for (address, why) in recipients::find(message, text, named) {
        let outcome = if delayed { Outcome::Delayed } else { why.outcome };
        failures.add(Failure { address, outcome, status: why.status.clone(), diagnostic: why.diagnostic.clone() });
    }
    Some(failures.all)
}

/// It comes from a mail system, and says so; or says so in every place and wants no answer.
fn is_report(message: &Message, text: &str) -> bool {
    let by_subject = words::REPORT_SUBJECTS.are_in(&words::plain(&message.subject));
    let by_text = words::REPORT_TEXTS.are_in(text);
    message.content_type == "multipart/report" && by_subject
        || is_from_system(message) && (by_subject || by_text)
        || wants_no_answer(message) && by_subject && by_text
}

/// What one of the three needs, whatever the words.
fn may_be_report(message: &Message) -> bool {
    message.content_type == "multipart/report" || wants_no_answer(message) || is_from_system(message)
}

fn wants_no_answer(message: &Message) -> bool {
    message.return_path.as_deref() == Some("")
}

/// Out-of-office answers, reports of reading and of abuse speak of delivery too.
fn declares_something_else(message: &Message) -> bool {
    let is_other = |kind: &str| matches!(kind, "disposition-notification" | "feedback-report");
    let declared = message
        .content_params
        .iter()
        .any(|(name, value)| name == "report-type" && is_other(&value.to_ascii_lowercase()));
    let enclosed = message.part_types.iter().any(|part| part.strip_prefix("message/").is_some_and(is_other));
    let answers =
        message.all("Auto-Submitted").any(|value| value.trim().to_ascii_lowercase().starts_with("auto-replied"));
    declared || enclosed || answers && !is_from_system(message)
}

fn is_from_system(message: &Message) -> bool {
    let is_system = |text: &str| words::MAIL_SYSTEMS.are_in(&text.to_lowercase());
    let local = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
    let mut senders = message.from.iter().chain(&message.sender);
    senders.any(|sender| is_system(&sender.name) || is_system(&local(&sender.address)))
        || message.return_path.as_deref().is_some_and(automatic::is_mail_system)
}
