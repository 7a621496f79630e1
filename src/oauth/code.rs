//! Sign-in with an authorization code (RFC 6749 4.1, with PKCE, RFC 7636): the address for the browser, and what comes back
//! by the redirect or is pasted.

use anyhow::Result;
use openssl::memcmp;
use openssl::sha::sha256;
use zeroize::Zeroizing;

use super::client::Client;
use super::form::{base64url, encoded, fields};
use crate::config::oauth::Provider;
use crate::random;

/// A sign-in that waits for its answer.
pub struct Begun {
    /// For the browser.
    pub url: String,
    pub redirect: String,
    pub verifier: Zeroizing<String>,
    state: Zeroizing<String>,
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub enum Returned {
    Code(Zeroizing<String>),
    /// `error` and `error_description`.
    Refused(String, String),
    /// Of another sign-in.
    Foreign,
    /// Neither a code nor an answer.
    Nothing,
}

impl std::fmt::Debug for Returned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Returned::Code(_) => "Code",
            Returned::Refused(..) => "Refused",
            Returned::Foreign => "Foreign",
            Returned::Nothing => "Nothing",
        })
    }
}

/// Random text of 43 characters.
fn random_text() -> Result<Zeroizing<String>> {
    let parts = [random::bytes()?, random::bytes()?, random::bytes()?, random::bytes()?];
    Ok(Zeroizing::new(base64url(parts.as_flattened())))
}

/// The challenge of a verifier (RFC 7636 4.2, S256).
fn challenge(verifier: &str) -> String {
    base64url(&sha256(verifier.as_bytes()))
}

impl Begun {
    /// Begins a sign-in whose answer comes to this port.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(client: &Client, port: u16, login_hint: Option<&str>) -> Result<Begun> {
        let (state, verifier) = (random_text()?, random_text()?);
        let host = if client.provider == Provider::M365 { "localhost" } else { "127.0.0.1" };
        let redirect = format!("http://{host}:{port}");
        let challenge = challenge(&verifier);
        let mut query = vec![
            ("client_id", client.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", redirect.as_str()),
            ("scope", client.scopes.as_str()),
            ("state", state.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        match client.provider {
            // Without both Google gives no refresh token.
            Provider::Google => query.extend([("access_type", "offline"), ("prompt", "consent")]),
            // Else the browser signs in the user whom it knows already.
            Provider::M365 => query.push(("prompt", "select_account")),
            Provider::Custom => {}
        }
        query.extend(login_hint.map(|hint| ("login_hint", hint)));
        query.extend(client.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let base = client.auth_url.as_deref().unwrap_or_default();
        let sign = if base.contains('?') { '&' } else { '?' };
        Ok(Begun { url: format!("{base}{sign}{}", pairs.join("&")), redirect, verifier, state })
    }

    /// Reads the query of a redirect, where the state must be there.
    pub fn of_redirect(&self, query: &str) -> Returned {
        match self.of_query(query) {
            (returned, true) => returned,
            (Returned::Nothing, false) => Returned::Nothing,
            (_, false) => Returned::Foreign,
        }
    }

    /// Reads what somebody pasted: the whole address, its query, or the bare code.
    pub fn of_line(&self, line: &str) -> Returned {
        let line = line.trim().trim_matches(['"', '\'', '<', '>']);
        let query = line.find(['?', '#']).and_then(|at| line.get(at + 1..)).unwrap_or(line);
        if query.contains("code=") || query.contains("error=") {
            return self.of_redirect(&query.replace(['#', '?'], "&"));
        }
        let is_code = line.len() >= 10 && !line.contains(char::is_whitespace) && !line.contains("://");
        let is_sign = |c: char| c.is_ascii_alphanumeric() || "-._~/+=!*$%".contains(c);
        match is_code && line.chars().all(is_sign) {
            true => Returned::Code(Zeroizing::new(line.to_owned())),
            false => Returned::Nothing,
        }
    }

    /// What a query says, and whether its state is ours.
    fn of_query(&self, query: &str) -> (Returned, bool) {
        let fields = fields(query);
        let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let state = get("state").unwrap_or_default();
        let is_ours = state.len() == self.state.len() && memcmp::eq(state.as_bytes(), self.state.as_bytes());
        let returned = match (get("error"), get("code")) {
            (Some(error), _) => Returned::Refused(error, get("error_description").unwrap_or_default()),
            (None, Some(code)) if !code.is_empty() => Returned::Code(Zeroizing::new(code)),
            _ => Returned::Nothing,
        };
        (returned, is_ours)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::client;
    use super::*;
    use crate::config::oauth::Flow;

    #[test]
    fn a_published_challenge_is_made_again() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let (one, other) = (random_text().unwrap(), random_text().unwrap());
        assert!(one.len() == 43 && one != other);
    }

    #[test]
    fn the_address_has_what_each_provider_needs() {
        for (provider, parts, redirect) in [
            (Provider::M365, &["prompt=select_account", "offline_access"][..], "http://localhost:4711"),
            (Provider::Google, &["access_type=offline", "prompt=consent"], "http://127.0.0.1:4711"),
            (Provider::Custom, &[], "http://127.0.0.1:4711"),
        ] {
            let begun = Begun::new(&client(provider, Flow::Code), 4_711, Some("a+b@example.org")).unwrap();
            for part in parts.iter().chain(&["code_challenge_method=S256", "login_hint=a%2Bb%40example.org"]) {
                assert!(begun.url.contains(part), "{part}: {}", begun.url);
            }
            assert_eq!(begun.redirect, redirect);
            assert!(begun.url.contains(&encoded(redirect)) && !begun.url.contains(begun.verifier.as_str()));
        }
    }

    #[test]
    fn what_is_pasted_is_read_by_names_in_any_order() {
        let begun = Begun::new(&client(Provider::M365, Flow::Code), 4_711, None).unwrap();
        let state = begun.state.as_str();
        let code = |text: &str| Returned::Code(Zeroizing::new(text.to_owned()));
        let refused = Returned::Refused("access_denied".into(), "The user said no".into());
        let code_2 = "0.AXoA-b_c~d!e*f$g.h/i=";
        let rows = [
            (format!("http://localhost:4711/?code=C&state={state}"), code("C")),
            (format!("http://localhost:4711?code=C&state={state}"), code("C")),
            (format!("http://localhost:4711/?state={state}&code=C"), code("C")),
            (format!("http://localhost:4711/?state={state}&session_state=9&code=C&scope=a%20b"), code("C")),
            (format!("  http://localhost:4711/?code=C&state={state}  "), code("C")),
            (format!("\"http://localhost:4711/?code=C&state={state}\""), code("C")),
            (format!("<http://localhost:4711/?code=C&state={state}>"), code("C")),
            (format!("http://localhost:4711/?code=C&state={state}#"), code("C")),
            (format!("http://127.0.0.1:4711/?iss=https%3A%2F%2Fa&code=4%2F0AX+b&state={state}"), code("4/0AX b")),
            (format!("http://localhost:4711/#code=C&state={state}"), code("C")),
            (format!("localhost:4711/?code=C&state={state}"), code("C")),
            (format!("code=C&state={state}"), code("C")),
            (format!("?code=C&state={state}"), code("C")),
            (code_2.to_owned(), code(code_2)),
            (format!("{code_2}\r\n"), code(code_2)),
            (
                format!("http://localhost:4711/?error=access_denied&error_description=The+user+said+no&state={state}"),
                refused.clone(),
            ),
            (format!("http://x/?error_description=The%20user%20said%20no&state={state}&error=access_denied"), refused),
            ("http://localhost:4711/?code=C&state=other".to_owned(), Returned::Foreign),
            ("http://localhost:4711/?code=C".to_owned(), Returned::Foreign),
            (format!("http://localhost:4711/?code=&state={state}"), Returned::Nothing),
            ("http://localhost:4711/".to_owned(), Returned::Nothing),
            ("what do I do now?".to_owned(), Returned::Nothing),
            (String::new(), Returned::Nothing),
        ];
        for (line, expected) in rows {
            assert!(begun.of_line(&line) == expected, "{line}: {:?}", begun.of_line(&line));
        }
        assert_eq!(begun.of_redirect(""), Returned::Nothing);
        assert_eq!(begun.of_redirect("code=C&state="), Returned::Foreign);
    }
}
