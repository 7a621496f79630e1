//! How answers are read. Pure.

use std::path::Path;

use crate::cli::account::flags::ALL_MAIL;
use crate::dates::{self, Clock, Towards};
use crate::place::Server;
use crate::store::accounts::Tls;
use crate::system_words;

/// Characters of an answer.
const ROOM: usize = 1_000;
/// The word for nothing.
pub const NONE: &str = "none";

/// An answer that can be one.
pub fn admitted(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        return Err("it has control characters: type it again, without arrow keys".to_owned());
    }
    if text.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        return Err("it has characters that turn the writing around: type it without them".to_owned());
    }
    if text.chars().count() > ROOM {
        return Err(format!("it has more than {ROOM} characters"));
    }
    Ok(text)
}

pub fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case(NONE)
}

pub fn unless_none(text: &str, read: impl FnOnce(&str) -> Result<String, String>) -> Result<Option<String>, String> {
    if is_none(text) { Ok(None) } else { read(text).map(Some) }
}

/// # Errors
/// It is neither.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("answer yes or no".to_owned()),
    }
}

/// A sentence out of an error that names no field.
pub fn said<T>(read: anyhow::Result<T>) -> Result<T, String> {
    read.map_err(|error| without_field(&system_words::chain(&error)).to_owned())
}

pub fn without_field(text: &str) -> &str {
    text.trim_start_matches([':', ' '])
}

pub fn is_loopback(place: &str) -> bool {
    let host = place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map_or_else(|| place.split(':').next().unwrap_or_default(), |(host, _)| host);
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

pub fn tls(text: &str, place: Option<&str>) -> Result<Tls, String> {
    let mode: Tls = text.to_lowercase().parse().map_err(|_| "answer implicit, starttls or none".to_owned())?;
    match mode {
        Tls::None if !place.is_some_and(is_loopback) => {
            Err("none is for servers on this machine alone: the password would go in clear".to_owned())
        }
        mode => Ok(mode),
    }
}

/// What `--since` gets.
pub fn since(text: &str, clock: &Clock) -> Result<Option<String>, String> {
    let given = match text {
        "now" => return Ok(None),
        ALL_MAIL => return Ok(Some(ALL_MAIL.to_owned())),
        days if days.chars().all(|c| c.is_ascii_digit()) => format!("{days}d"),
        text => text.to_owned(),
    };
    let at = dates::read("", &given, Towards::Past, clock)
        .map_err(|fault| format!("{}; write now, all, 7d, 2 weeks ago or 2026-01-31", without_field(&fault.message)))?;
    if at > clock.now {
        return Err("that is still to come".to_owned());
    }
    Ok(Some(given))
}

/// A path as a shell reads it, with the home of the person, from the root: later commands are typed elsewhere.
pub fn with_home(text: &str, home: Option<&Path>) -> String {
    if Server::is_named_by(text) {
        return text.to_owned();
    }
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => text.into(),
    };
    std::path::absolute(&path).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_home_is_put_before_a_path() {
        let home = Path::new("/home/ana");
        let here = std::env::current_dir().unwrap().display().to_string();
        for (text, expected) in [
            ("~/a.db", "/home/ana/a.db"),
            ("/x/a.db", "/x/a.db"),
            ("a.db", format!("{here}/a.db").as_str()),
            ("service=x", "service=x"),
            ("postgresql://h/d", "postgresql://h/d"),
        ] {
            assert_eq!(with_home(text, Some(home)), expected);
        }
    }
}
