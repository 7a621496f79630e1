//! The fields of RFC 3464: one group about the message, one for each recipient.

use std::cell::OnceCell;

use super::{Failure, Failures, Outcome, Said, prose, severity};
use crate::mail::message::Message;

/// The recipients that a delivery-status part reports as failed or delayed: empty where all was well, `None` where
/// the message has no such part.
pub(super) fn failures(message: &Message) -> Option<Vec<Failure>> {
    let mut failures = Failures::default();
    let mut any = false;
    // What the report tells the reader counts for all who have no words of their own.
    let told = OnceCell::new();
    for group in message.delivery_status.iter().flat_map(|text| groups(text)) {
        let of = |name: &str| {
            group.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let recipient = of("Final-Recipient").or(of("Original-Recipient")).or(of("Original-Rcpt-To"));
        let (Some(recipient), action) = (recipient, of("Action").unwrap_or_default().to_ascii_lowercase()) else {
            continue;
        };
        any = true;
        if failures.is_full() {
            break;
        }
        let status = severity::status_in(of("Status").unwrap_or_default());
        let diagnostic =
            of("Diagnostic-Code").map(|value| value.split_once(';').map_or(value, |(_, words)| words).trim());
        let diagnostic = diagnostic.unwrap_or_default().to_owned();
        let failed = match &status {
            Some(_) => true,
            None => !of("Status").unwrap_or_default().starts_with('2'),
        };
        let outcome = match action.split([' ', ';', '(']).next().unwrap_or_default() {
            "delayed" => Outcome::Delayed,
            "delivered" | "relayed" | "expanded" | "success" => continue,
            _ if !failed => continue,
            _ if diagnostic.is_empty() => told
                .get_or_init(|| Said::by(prose::human(&message.text)))
                .outcome(status.as_deref().unwrap_or_default()),
            _ => Said::by(&diagnostic).outcome(status.as_deref().unwrap_or_default()),
        };
        let of_words = severity::status_in(&diagnostic);
        let status = status
            .filter(|status| !status.ends_with(".0.0"))
            .or(of_words)
            .or(severity::status_in(of("Status").unwrap_or_default()));
        let address = address(recipient).or_else(|| of("Original-Recipient").and_then(address));
        let Some(address) = address else { continue };
        let diagnostic = super::diagnostic(&diagnostic);
        failures.add(Failure { address, outcome, status: status.unwrap_or_default(), diagnostic });
    }
    any.then_some(failures.all)
}

/// `rfc822; kim@example.org`, in brackets or quotes, with or without its type.
fn address(value: &str) -> Option<String> {
    let value = value.split_once(';').map_or(value, |(_, address)| address);
    prose::addresses(value).next().or_else(|| {
        let bare = value.trim().trim_matches(['<', '>', '"', '\'']);
        (!bare.is_empty() && !bare.contains(char::is_whitespace)).then(|| bare.to_owned())
    })
}

/// Groups of unfolded fields, separated by blank lines.
fn groups(text: &str) -> Vec<Vec<(String, String)>> {
    let mut groups: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in text.lines().take(20_000) {
        let group = groups.last_mut();
        if line.trim().is_empty() {
            groups.push(Vec::new());
        } else if let (true, Some(group)) = (line.starts_with([' ', '\t']), group) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let (Some((name, value)), Some(group)) = (line.split_once(':'), groups.last_mut()) {
            group.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    groups
}
