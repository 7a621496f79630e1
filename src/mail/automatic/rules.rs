//! The two tables of B8.1. A new rule is one row here and one row in the tests.

use super::{Answering, Rule, X_LOOP, answer_address, is_mail_system, is_no_reply, null_return_path};
use crate::mail::message::Message;

type MachineRule = Rule<fn(&Message) -> Option<String>>;
type AnswerRule = Rule<fn(&Answering<'_>) -> Option<String>>;

/// A machine wrote it.
pub(super) const MACHINE: &[MachineRule] = &[
    Rule { name: "Auto-Submitted", test: auto_submitted },
    Rule { name: "X-Autoreply", test: |m| first_value(m, "X-Autoreply") },
    Rule { name: "X-Autorespond", test: |m| first_value(m, "X-Autorespond") },
    Rule { name: "X-Autoresponder", test: |m| first_value(m, "X-Autoresponder") },
    Rule { name: "Return-Path", test: |m| null_return_path(m).then(|| "<>".to_owned()) },
    Rule { name: "Content-Type", test: |m| (m.content_type == "multipart/report").then(|| m.content_type.clone()) },
    Rule { name: "From a mail system", test: from_mail_system },
    Rule { name: "Calendar answer", test: calendar_answer },
    Rule { name: "X-Loop", test: |m| m.all("X-Loop").find(|value| is_our_loop(value)).map(shown) },
];

/// A human may have written it, but a machine must not answer.
pub(super) const UNANSWERABLE: &[AnswerRule] = &[
    Rule { name: "X-Auto-Response-Suppress", test: |a| listed(a.message, "X-Auto-Response-Suppress", &SUPPRESSED) },
    Rule { name: "Precedence", test: |a| listed(a.message, "Precedence", &MASS_PRECEDENCE) },
    Rule { name: "Mailing list", test: |a| list_header(a.message) },
    Rule { name: "Feedback-ID", test: |a| first_value(a.message, "Feedback-ID") },
    Rule { name: "X-Spam-Flag", test: |a| says_yes(a.message, "X-Spam-Flag") },
    Rule { name: "X-Spam-Status", test: |a| says_yes(a.message, "X-Spam-Status") },
    Rule { name: "Answer to a mail system", test: |a| any_address(a, is_mail_system) },
    Rule { name: "No-reply address", test: |a| any_address(a, is_no_reply) },
    Rule { name: "Own address", test: |a| any_address(a, a.own) },
    Rule { name: "Answer to our automatic reply", test: to_our_auto_reply },
    Rule { name: "No address to answer", test: |a| answer_address(a.message).is_none().then(String::new) },
];

const SUPPRESSED: [&str; 3] = ["all", "autoreply", "oof"];
const MASS_PRECEDENCE: [&str; 5] = ["bulk", "junk", "list", "auto_reply", "auto-reply"];

/// RFC 3834 5: any keyword but `no`; parameters and comments do not count.
fn auto_submitted(message: &Message) -> Option<String> {
    let keywords = message.all("Auto-Submitted").map(keyword);
    keywords.into_iter().find(|keyword| !keyword.is_empty() && keyword != "no").map(|keyword| shown(&keyword))
}

/// The first word of a structured value, in lower case, without comments and parameters.
fn keyword(value: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => break,
            _ if depth > 0 => {}
            c => kept.extend(c.to_lowercase()),
        }
    }
    kept.split_whitespace().next().unwrap_or_default().to_owned()
}

fn from_mail_system(message: &Message) -> Option<String> {
    message.from.iter().map(|mailbox| &mailbox.address).find(|address| is_mail_system(address)).cloned()
}

/// RFC 5546: answers of calendar programs, never questions of people.
fn calendar_answer(message: &Message) -> Option<String> {
    let is_answer = |part: &&String| {
        let (kind, method) = part.split_once("; method=").unwrap_or((part, ""));
        kind == "text/calendar" && ["reply", "cancel", "counter"].iter().any(|m| method.eq_ignore_ascii_case(m))
    };
    message.part_types.iter().find(is_answer).cloned()
}

fn is_our_loop(value: &str) -> bool {
    value.trim().get(..X_LOOP.len()).is_some_and(|start| start.eq_ignore_ascii_case(X_LOOP))
}

fn first_value(message: &Message, name: &str) -> Option<String> {
    message.all(name).map(shown).next()
}

/// The value of the header that has one of the words in its comma list.
fn listed(message: &Message, name: &str, words: &[&str]) -> Option<String> {
    let has_word = |value: &&str| value.split(',').map(keyword).any(|item| words.contains(&item.as_str()));
    message.all(name).find(has_word).map(shown)
}

fn list_header(message: &Message) -> Option<String> {
    let is_list = |name: &str| name.get(.."list-".len()).is_some_and(|start| start.eq_ignore_ascii_case("list-"));
    message.headers.iter().find(|(name, _)| is_list(name)).map(|(name, _)| shown(name))
}

fn says_yes(message: &Message, name: &str) -> Option<String> {
    let yes = |value: &&str| value.split([',', ' ']).next().is_some_and(|word| word.eq_ignore_ascii_case("yes"));
    message.all(name).map(str::trim_start).find(yes).map(shown)
}

/// Tests From and the address that would be answered alike.
fn any_address(answering: &Answering<'_>, test: impl Fn(&str) -> bool) -> Option<String> {
    let message = answering.message;
    let addresses = message.from.iter().chain(answer_address(message)).map(|mailbox| &mailbox.address);
    addresses.into_iter().find(|address| test(address)).cloned()
}

fn to_our_auto_reply(answering: &Answering<'_>) -> Option<String> {
    let message = answering.message;
    message.in_reply_to.iter().chain(&message.references).find(|id| (answering.our_auto_reply)(id)).map(|id| shown(id))
}

/// A header value as a reason shows it: a line that can be stored.
fn shown(value: &str) -> String {
    value.trim().chars().take(100).collect()
}
