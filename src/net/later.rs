//! What servers say when they want to be left alone for a while (B2.15).
//!
//! There is a response code for it (RFC 5530), and every large provider has sentences of its own. What a server asks
//! for in this way is a passing failure, for every command.

use std::time::Duration;

use super::patience;

/// A server asks to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// For so long, where it names a time; at most an hour.
    pub after: Option<Duration>,
    /// Only the folder is busy: others may be asked for.
    pub of_folder: bool,
}

/// Response codes that ask for it.
const CODES: &[&str] = &["UNAVAILABLE", "LIMIT", "THROTTLED", "OVERQUOTA"];
/// The response code that asks for it for one folder.
const BUSY: &str = "INUSE";
/// Response codes that say why a command is refused: the text after them is about that.
const FINAL: &[&str] = &[
    "AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED",
    "EXPIRED",
    "PRIVACYREQUIRED",
    "CONTACTADMIN",
    "NOPERM",
    "NONEXISTENT",
    "TRYCREATE",
    "CANNOT",
    "ALREADYEXISTS",
    "CLIENTBUG",
    "BADCHARSET",
];
/// Parts of sentences that ask for it, in lower case; of two words both must be there.
const TEXTS: &[&[&str]] = &[
    &["throttl"],
    &["backoff"],
    &["back off"],
    &["too many", "connection"],
    &["too many", "session"],
    &["too many", "login"],
    &["too many", "request"],
    &["too many", "command"],
    &["too many", "attempt"],
    &["too many", "user"],
    &["too many", "failure"],
    &["number of connections", "exceed"],
    &["connection limit"],
    &["connections limit"],
    &["limit of connections"],
    &["session limit"],
    &["bandwidth", "exceed"],
    &["bandwidth", "limit"],
    &["rate limit"],
    &["rate-limit"],
    &["ratelimit"],
    &["command limit"],
    &["limits exceeded"],
    &["exceeded", "limits"],
    &["try again"],
    &["try later"],
    &["retry later"],
    &["retry after"],
    &["come back later"],
    &["temporar", "unavailable"],
    &["temporar", "failure"],
    &["temporar", "error"],
    &["temporar", "problem"],
    &["temporar", "block"],
    &["temporar", "lock"],
    &["temporar", "reject"],
    &["temporar", "disabled"],
    &["temporar", "unable"],
    &["service", "unavailable"],
    &["service", "not available"],
    &["server", "busy"],
    &["server", "overload"],
    &["system", "busy"],
    &["system", "overload"],
    &["please wait"],
    &["authenticated but not connected"],
];
/// The same for one folder.
const BUSY_TEXTS: &[&[&str]] = &[
    &["mailbox", "in use"],
    &["mailbox", "is locked"],
    &["folder", "in use"],
    &["folder", "is locked"],
    &["mailbox", "busy"],
];
/// Whether a refusal or a farewell with this response code (in upper case) and this text asks to be left alone.
pub(super) fn asked(code: &str, text: &str) -> Option<Later> {
    let text = text.to_lowercase();
    let says = |table: &[&[&str]]| table.iter().any(|parts| parts.iter().all(|part| text.contains(part)));
    let of_folder = code == BUSY || (!CODES.contains(&code) && says(BUSY_TEXTS));
    if of_folder || CODES.contains(&code) || (!FINAL.contains(&code) && says(TEXTS)) {
        return Some(Later { after: patience::rest(&text), of_folder });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that are named; `NONE` = left alone, no time named.
    const NONE: u64 = u64::MAX;

    #[test]
    fn what_asks_to_come_back_later() {
        #[rustfmt::skip]
        let rows: &[(&str, &str, u64)] = &[
            ("UNAVAILABLE", "Backend down", NONE),
            ("LIMIT", "UID FETCH Rate limit hit.", NONE),
            ("THROTTLED", "", NONE),
            ("OVERQUOTA", "Account exceeded command or bandwidth limits.", NONE),
            ("OVERQUOTA", "Not enough disk quota", NONE),
            ("ALERT", "Too many simultaneous connections. (Failure)", NONE),
            ("", "Account exceeded bandwidth limits. (Failure)", NONE),
            ("", "Request is throttled. Suggested Backoff Time: 300000 Milliseconds", 300),
            ("", "User is authenticated but not connected.", NONE),
            ("", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", NONE),
            ("", "Connection limit reached", NONE),
            ("", "Server Unavailable. Please try again later", NONE),
            ("", "System Error (Failure), try again in 15 minutes", 900),
            ("", "Too many login failures, try again in 15 min.", 900),
            ("", "more than 300 connections in 24 hours: please try again in 5 minutes", 300),
            ("", "Too many bad commands, wait 90s", 90),
            ("", "server busy, retry after 120", 120),
            ("", "throttled for 2 hours", 3600),
            ("", "rate limit exceeded, please come back in an hour", 3600),
            ("", "too many requests, try again in a minute", 60),
            ("", "too many requests, try again in 0 seconds", NONE),
            ("", "try again in 99999999999999999999999 days", NONE),
            ("", "try again in 3 days", 3600),
            ("", "Temporary authentication failure. [host:2026]", NONE),
            ("", "temporarily unavailable", NONE),
            ("", "Z\u{fc}rich: service not available", NONE),
        ];
        for (code, text, seconds) in rows {
            let after = Some(*seconds).filter(|seconds| *seconds != NONE);
            let later = asked(code, text).map(|later| (later.after.map(|after| after.as_secs()), later.of_folder));
            assert_eq!(later, Some((after, false)), "[{code}] {text}");
        }
    }

    #[test]
    fn what_is_busy_is_one_folder() {
        for (code, text) in
            [("INUSE", "somebody is sawing"), ("", "Mailbox is locked by another session"), ("", "Mailbox in use")]
        {
            assert_eq!(asked(code, text), Some(Later { after: None, of_folder: true }), "[{code}] {text}");
        }
    }

    #[test]
    fn what_is_a_refusal_for_good() {
        for (code, text) in [
            ("", "no"),
            ("", "Mailbox does not exist"),
            ("", "over quota"),
            ("", "Invalid credentials (Failure)"),
            ("", "SELECT Unsafe Login. Please contact kefu@mail.example for help"),
            ("AUTHENTICATIONFAILED", "Wrong password, try again in 5 minutes"),
            ("NONEXISTENT", "please try again"),
            ("", "limited to 10 connections per user"),
            ("", "message was sent 5 minutes ago"),
            ("", ""),
        ] {
            assert_eq!(asked(code, text), None, "[{code}] {text}");
        }
    }
}
