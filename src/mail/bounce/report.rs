//! The fields of RFC 3464: one group about the message, one for each recipient.

use std::cell::OnceCell;

use super::prose::{Reasons, addresses, beginning, human, reader_called};
use super::{Failure, Failures, Outcome, Said, severity};
use crate::mail::message::Message;
use crate::mail::message_id;

/// What the fields of a report say.
pub(super) enum Fields {
    /// There are none.
    Missing,
    /// Of deliveries that were made.
    AllIsWell,
    /// Of some that failed, or wait: whom they name, perhaps nobody.
    Failed(Vec<Failure>),
}

/// What the delivery-status parts say.
pub(super) fn read(message: &Message) -> Fields {
    match of_groups(message.delivery_status.iter().map(String::as_str), &message.text) {
        Fields::Failed(failures) => Fields::Failed(failures.into_iter().map(|one| with_domain(message, one)).collect()),
        other => other,
    }
}

/// A recipient that is a name of the host, or of a directory, as the address that the message was sent to.
fn with_domain(message: &Message, failure: Failure) -> Failure {
    let is_address = addresses(&failure.address).next().is_some();
    let reader = Some(&failure.address).filter(|_| !is_address).and_then(|name| reader_called(message, name));
    match reader {
        Some(address) => Failure { address, ..failure },
        None => failure,
    }
}

/// The same of fields that a gateway has written into the text.
pub(super) fn in_text(text: &str) -> Fields {
    let has =
        |name: &str| text.lines().any(|line| line.get(..name.len()).is_some_and(|l| l.eq_ignore_ascii_case(name)));
    let text = beginning(text);
    let is_there = has("Final-Recipient:") && (has("Action:") || has("Status:"));
    if is_there { of_groups([text].into_iter(), text) } else { Fields::Missing }
}

/// The ids by which the group about the message names it.
pub(super) fn original_ids(message: &Message) -> impl Iterator<Item = String> {
    let fields = message.delivery_status.iter().flat_map(|text| groups(text)).flatten().take(1_000);
    let named = fields.filter(|(name, _)| {
        ["Original-Message-ID", "X-Original-Message-ID"].iter().any(|id| name.eq_ignore_ascii_case(id))
    });
    named.flat_map(|(_, value)| message_id::parse_ids(&value)).take(10)
}

fn of_groups<'t>(texts: impl Iterator<Item = &'t str>, told: &str) -> Fields {
    let mut failures = Failures::default();
    let (mut any, mut failed) = (false, false);
    // What the report tells the reader counts for all who have no words of their own.
    let reasons = OnceCell::new();
    for group in texts.flat_map(groups) {
        let group = Group(group);
        let Some(recipient) = group.recipient() else { continue };
        any = true;
        if failures.is_full() {
            break;
        }
        let Some(outcome) = group.outcome() else { continue };
        failed = true;
        let Some(address) = recipient.address else { continue };
        let of_field = group.status();
        let (said, diagnostic) = match group.diagnostic() {
            words if says_anything(&words) => (Said::by(&words), words),
            _ => {
                let addresses: Vec<&str> = [address.as_str()].into_iter().chain(recipient.alias.as_deref()).collect();
                let why = reasons.get_or_init(|| Reasons::of(human(told))).about(&addresses);
                (why.said, if why.said.says_why() { why.diagnostic.clone() } else { String::new() })
            }
        };
        let outcome = outcome.unwrap_or_else(|| said.outcome(of_field.as_deref().unwrap_or_default()));
        let of_words = severity::status_in(&diagnostic);
        let status = of_field.clone().filter(|status| !status.ends_with(".0.0")).or(of_words).or(of_field);
        let diagnostic = super::diagnostic(&diagnostic);
        let status = status.unwrap_or_default();
        failures.add(Failure { address, alias: recipient.alias, outcome, status, diagnostic });
    }
    match (any, failed) {
        (false, _) => Fields::Missing,
        (true, false) => Fields::AllIsWell,
        (true, true) => Fields::Failed(failures.all),
    }
}

/// Whether a diagnostic is more than numbers, such as `smtp; 550` and `x-unix; 67`.
fn says_anything(diagnostic: &str) -> bool {
    diagnostic.chars().any(char::is_alphabetic)
}

struct Group(Vec<(String, String)>);

/// Whom a group is about.
struct Recipient {
    /// The address that the report names last; `None` where it is none.
    address: Option<String>,
    /// The one that was written to, where it is another.
    alias: Option<String>,
}

impl Group {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn recipient(&self) -> Option<Recipient> {
        let fields = ["Final-Recipient", "Original-Recipient", "Original-Rcpt-To", "X-Actual-Recipient"];
        let named: Vec<&str> = fields.iter().filter_map(|name| self.field(name)).collect();
        if named.is_empty() {
            return None;
        }
        let mut addresses = named.iter().filter_map(|value| proper_address(value));
        let first = addresses.next();
        let alias = addresses.find(|one| first.as_ref().is_some_and(|first| !one.eq_ignore_ascii_case(first)));
        let address = first.or_else(|| named.iter().find_map(|value| bare_address(value)));
        Some(Recipient { address, alias })
    }

    /// `None` where it was delivered; `Some(None)` where it failed in a way that words have to tell.
    fn outcome(&self) -> Option<Option<Outcome>> {
        let action = self.field("Action").unwrap_or_default().to_ascii_lowercase();
        let delivered = self.status().is_none() && self.field("Status").is_some_and(|status| status.starts_with('2'));
        match action.split([' ', ';', '(']).next().unwrap_or_default() {
            "delayed" => Some(Some(Outcome::Delayed)),
            "delivered" | "relayed" | "expanded" | "success" => None,
            _ if delivered => None,
            _ => Some(None),
        }
    }

    fn status(&self) -> Option<String> {
        severity::status_in(self.field("Status").unwrap_or_default())
    }

    /// The words of the server that refused, without their type.
    fn diagnostic(&self) -> String {
        let value = self.field("Diagnostic-Code").unwrap_or_default();
        let is_type = |kind: &str| kind.len() < 40 && !kind.contains(char::is_whitespace);
        let typed = value.split_once(';').filter(|(kind, _)| is_type(kind.trim()));
        typed.map_or(value, |(_, words)| words).trim().to_owned()
    }
}

/// `rfc822; kim@example.org`, in brackets or quotes, with or without its type.
fn proper_address(value: &str) -> Option<String> {
    addresses(untyped(value)).next()
}

/// A name that is not an Internet address, such as a user of the host.
fn bare_address(value: &str) -> Option<String> {
    let bare = untyped(value).trim().trim_matches(['<', '>', '"', '\'']);
    (!bare.is_empty() && !bare.contains(char::is_whitespace)).then(|| bare.to_owned())
}

fn untyped(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, address)| address)
}

/// Groups of unfolded fields, separated by blank lines. A line that begins no field goes on with the last one, for some
/// gateways wrap lines without indenting them.
fn groups(text: &str) -> Vec<Vec<(String, String)>> {
    let mut groups: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in text.lines().take(20_000) {
        if line.trim().is_empty() {
            groups.push(Vec::new());
            continue;
        }
        let Some(group) = groups.last_mut() else { break };
        let is_name = |name: &&str| !name.is_empty() && !name.contains(char::is_whitespace);
        match (line.split_once(':').filter(|(name, _)| is_name(name)), group.last_mut()) {
            (Some((name, value)), _) => group.push((name.to_owned(), value.trim().to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (None, None) => {}
        }
    }
    groups
}
