//! Refusals in the form of a receipt (RFC 5429 2.3): a filter on the side of the reader rejected the mail, and its server
//! says that it was deleted by a program.

use super::Failure;
use super::prose::{self, Reasons};
use crate::mail::message::Message;
use crate::mail::phrases;
use crate::mail::receipt::{self, Kind};

/// The recipients that such a receipt names; `None` for any other message, also for a receipt of a mail deleted unread.
pub(super) fn failures(message: &Message) -> Option<Vec<Failure>> {
    let disposition = receipt::disposition(message)?;
    if !disposition.automatic || disposition.kind == Kind::Displayed || receipt::says_unread(message) {
        return None;
    }
    let text = prose::human(&message.text);
    let submitted = message.all("Auto-Submitted").any(|value| value.to_ascii_lowercase().contains("rejected"));
    let says = phrases::REPORT_TEXTS.are_in(&phrases::plain(text))
        || phrases::REPORT_SUBJECTS.are_in(&phrases::plain(&message.subject));
    let is_rejection = submitted || says && prose::is_by_mail_system(message);
    if !is_rejection {
        return None;
    }
    let fields = ["Final-Recipient", "Original-Recipient"];
    let values =
        fields.iter().flat_map(|name| message.dispositions.iter().flat_map(|text| receipt::values(text, name)));
    let address = values.into_iter().find_map(|value| prose::addresses(&value).next());
    let address = address.or_else(|| prose::addresses(text).next());
    let failure = |address: String| {
        let why = Reasons::of(text).about(&[&address]);
        Failure {
            alias: None,
            outcome: why.outcome,
            status: why.status.clone(),
            diagnostic: why.diagnostic.clone(),
            address,
        }
    };
    Some(address.map(failure).into_iter().collect())
}
