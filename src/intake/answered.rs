//! What the archive knows of the mails that a message answers, for those whose subject begins like one of a program (B8.1).

use anyhow::Result;

use crate::mail::reading::Reading;
use crate::store::db::Tx;
use crate::store::emails;

/// Ids of one message that are looked up.
const MAX_IDS: usize = 10;

/// Tells a message the subjects of the mails that it answers, if that may change who wrote it.
pub fn look_up(tx: &Tx<'_>, message: &mut Reading) -> Result<()> {
    if !message.asks_what_it_answers() {
        return Ok(());
    }
    let ids = message.in_reply_to.iter().chain(message.references.iter().rev()).take(MAX_IDS);
    let mut subjects: Vec<String> = Vec::new();
    for id in ids {
        subjects.extend(emails::by_message_id(tx, id)?.into_iter().map(|email| email.subject));
    }
    message.answers(&subjects);
    Ok(())
}

/// The rule by which a message is automatic, or why it is not although its subject begins so; `None` for any other letter.
pub(super) fn explained(message: &Reading) -> Option<String> {
    let told = if message.doubtful { "; people are notified, because only the subject says so" } else { "" };
    let machine = message.machine.as_ref().map(|reason| format!("{reason}{told}"));
    let not =
        "no: its subject begins like that of a program, but the rest is not the subject of the mail that it answers";
    machine.or_else(|| message.marked_answer.then(|| not.to_owned()))
}
