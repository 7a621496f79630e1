//! What an issuer answers, read by names. An answer is hostile: it may be anything, and may repeat what it was asked.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::form::from_base64url;
use crate::net;

/// Characters of one field that are looked at.
const FIELD_MAX: usize = 16 << 10;

/// Tokens. `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: Zeroizing<String>,
    /// Absent = the one that was sent stays good.
    pub refresh: Option<Zeroizing<String>>,
    /// Seconds.
    pub lifetime: u64,
    pub scopes: Option<String>,
    /// Who signed in, as the issuer names them.
    pub user: Option<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens(for {:?}, {} s)", self.user, self.lifetime)
    }
}

/// A refusal, cleaned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// `error` of RFC 6749.
    pub error: String,
    /// Numbers of Microsoft (AADSTS…).
    pub codes: Vec<u32>,
    /// What stands before the trace.
    pub description: String,
    /// What Microsoft's support asks for.
    pub trace: String,
}

impl Refusal {
    /// The code that says most: Microsoft's number, else the word.
    pub fn code(&self) -> String {
        self.codes.first().map_or_else(|| self.error.clone(), |number| format!("AADSTS{number}"))
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Granted(Tokens),
    Refused(Refusal),
    /// Neither; says what it is instead.
    Nonsense(String),
}

/// Reads the answer of a token endpoint; `secrets` were sent, and are in none of its words.
pub fn read(status: u16, body: &[u8], secrets: &[&str]) -> Answer {
    let Some(fields) = object(body) else {
        return Answer::Nonsense(format!("answers HTTP {status}, not JSON (a proxy?)"));
    };
    if fields.get("error").is_some() || !(200..300).contains(&status) {
        return match text(&fields, "error") {
            Some(error) => Answer::Refused(refusal(status, &error, &fields, secrets)),
            None => Answer::Nonsense(format!("answers HTTP {status} without an error code")),
        };
    }
    let Some(access) = text(&fields, "access_token") else {
        return Answer::Nonsense(format!("answers HTTP {status} without a token"));
    };
    // It stands in one line of a login.
    let is_line = |token: &str| token.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let refresh = text(&fields, "refresh_token").map(Zeroizing::new);
    if !is_line(&access) || refresh.as_deref().is_some_and(|token| !is_line(token)) {
        return Answer::Nonsense("answers a token with control characters".to_owned());
    }
    Answer::Granted(Tokens {
        access: Zeroizing::new(access),
        refresh,
        lifetime: number(fields.get("expires_in")).unwrap_or(3_600),
        scopes: text(&fields, "scope").map(|scopes| net::quoted(&scopes, secrets)),
        user: text(&fields, "id_token").and_then(|token| user(&token)),
    })
}

/// The fields of an object; `None` where the body is something else.
pub fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// A field that is text and not endless.
pub fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= FIELD_MAX).then(|| text.to_owned())
}

/// A number, also one that is written as text.
pub fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A refusal that came by a redirect.
pub fn refused(error: &str, description: &str) -> Refusal {
    let fields = Map::from_iter([("error_description".to_owned(), Value::from(description))]);
    refusal(400, error, &fields, &[])
}

fn refusal(status: u16, error: &str, fields: &Map<String, Value>, secrets: &[&str]) -> Refusal {
    let said = text(fields, "error_description").unwrap_or_default();
    let quoted = net::quoted(&said, secrets);
    let numbers = fields.get("error_codes").and_then(Value::as_array).into_iter().flatten();
    let mut codes: Vec<u32> = numbers.filter_map(|n| u32::try_from(n.as_u64()?).ok()).take(8).collect();
    if codes.is_empty() {
        codes.extend(after(&quoted, "AADSTS"));
    }
    let end = ["Trace ID:", "Correlation ID:", "Timestamp:"].iter().filter_map(|word| quoted.find(word)).min();
    let (description, trace) = quoted.split_at_checked(end.unwrap_or(quoted.len())).unwrap_or_default();
    let error = net::quoted(error, secrets);
    Refusal {
        status,
        error: error.chars().take(60).collect(),
        codes,
        description: description.trim().to_owned(),
        trace: trace.trim().to_owned(),
    }
}

/// The number that follows a word.
fn after(text: &str, word: &str) -> Option<u32> {
    let (_, rest) = text.split_once(word)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(9).collect();
    digits.parse().ok()
}

/// Who an id token is about. It came over TLS from the issuer itself, so that its signature proves nothing more.
fn user(id_token: &str) -> Option<String> {
    let claims = object(&from_base64url(id_token.split('.').nth(1)?)?)?;
    let names = ["preferred_username", "upn", "email", "unique_name"];
    let name = names.iter().find_map(|name| text(&claims, name))?;
    let is_plain =
        name.len() <= 254 && name.contains('@') && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    is_plain.then(|| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::form::base64url;
    use super::*;

    #[test]
    fn tokens_are_read_by_names_in_every_spelling() {
        let id = |claims: &str| format!("e30.{}.x", base64url(claims.as_bytes()));
        #[rustfmt::skip]
        let rows = [
            (r#"{"access_token":"a","expires_in":3599,"refresh_token":"r"}"#.to_owned(), 3_599, Some("r"), None),
            (r#"{"access_token":"a","expires_in":"3599"}"#.into(), 3_599, None, None),
            (r#"{"access_token":"a","expires_in":3599.5}"#.into(), 3_599, None, None),
            (r#"{"access_token":"a"}"#.into(), 3_600, None, None),
            (format!(r#"{{"access_token":"a","id_token":"{}"}}"#, id(r#"{"preferred_username":"Bot@Example.org"}"#)), 3_600, None, Some("bot@example.org")),
            (format!(r#"{{"access_token":"a","id_token":"{}"}}"#, id(r#"{"sub":"x","email":"k@example.org"}"#)), 3_600, None, Some("k@example.org")),
            (format!(r#"{{"access_token":"a","id_token":"{}"}}"#, id(r#"{"email":"a b\n@x"}"#)), 3_600, None, None),
            (r#"{"access_token":"a","id_token":"nonsense"}"#.into(), 3_600, None, None),
        ];
        for (body, lifetime, refresh, user) in rows {
            let Answer::Granted(tokens) = read(200, body.as_bytes(), &[]) else { panic!("{body}") };
            assert_eq!(tokens.access.as_str(), "a");
            let refresh_token = tokens.refresh.as_ref().map(|token| token.as_str());
            assert_eq!((tokens.lifetime, refresh_token, tokens.user.as_deref()), (lifetime, refresh, user), "{body}");
            assert!(!format!("{tokens:?}").contains("\"a\""));
        }
    }

    #[test]
    fn a_refusal_has_its_number_and_no_trace_in_its_words() {
        let said = "AADSTS50173: The provided grant has expired.\\r\\nTrace ID: 1-2 Correlation ID: 3 Timestamp: 4";
        for body in [
            format!(r#"{{"error":"invalid_grant","error_description":"{said}","error_codes":[50173]}}"#),
            format!(r#"{{"error":"invalid_grant","error_description":"{said}"}}"#),
        ] {
            let Answer::Refused(refusal) = read(400, body.as_bytes(), &[]) else { panic!("{body}") };
            assert_eq!((refusal.code().as_str(), refusal.error.as_str()), ("AADSTS50173", "invalid_grant"));
            assert_eq!(refusal.description, "AADSTS50173: The provided grant has expired.");
            assert_eq!(refusal.trace, "Trace ID: 1-2 Correlation ID: 3 Timestamp: 4");
        }
    }

    #[test]
    fn what_is_neither_is_said_without_its_content() {
        let secret = "super-secret-token-0123456789";
        let nul = format!(r#"{{"access_token":"a\r\nb{secret}"}}"#);
        for (status, body, expected) in [
            (502, "<html>Bad gateway</html>", "answers HTTP 502, not JSON (a proxy?)"),
            (
                200,
                r#"{"access_token":"super-secret-token-0123456789","expires_in":"#,
                "answers HTTP 200, not JSON (a proxy?)",
            ),
            (200, "[]", "answers HTTP 200, not JSON (a proxy?)"),
            (200, r#"{"token":"super-secret-token-0123456789"}"#, "answers HTTP 200 without a token"),
            (302, "{}", "answers HTTP 302 without an error code"),
            (200, &nul, "answers a token with control characters"),
        ] {
            assert_eq!(read(status, body.as_bytes(), &[]), Answer::Nonsense(expected.to_owned()), "{body}");
        }
        let echo = format!(r#"{{"error":"invalid_grant","error_description":"the token {secret} is bad"}}"#);
        let Answer::Refused(refusal) = read(400, echo.as_bytes(), &[secret]) else { panic!("{echo}") };
        assert_eq!(refusal.description, "the token *** is bad");
    }
}
