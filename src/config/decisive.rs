//! What of a configuration changes decisions: several machines that work on one database are to agree about that.

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Config, oauth};

/// What is of one machine: where things are, how much it does at once, how long it waits.
const OF_MACHINE: [&str; 11] = [
    "database",
    "database_password",
    "state",
    "jobs",
    "jobs_per_host",
    "max_runtime",
    "connect_timeout",
    "tls_timeout",
    "reply_timeout",
    "resolver",
    "log",
];

/// The same of a profile of access tokens: where its secrets are.
const OF_MACHINE_IN_PROFILES: [&str; 4] = ["client_secret", "certificate", "key", "service_account"];

impl Config {
    /// Each key that changes decisions with a fingerprint of its value, a line for each. No value can be read in it.
    ///
    /// # Errors
    /// A value that cannot be told.
    pub fn decisive(&self) -> Result<String> {
        let mut lines = String::new();
        for (key, mut value) in self.values()? {
            if OF_MACHINE.contains(&key.as_str()) {
                continue;
            }
            if let (Value::Object(profiles), "oauth") = (&mut value, key.as_str()) {
                for profile in profiles.values_mut().filter_map(Value::as_object_mut) {
                    profile.retain(|key, value| {
                        !OF_MACHINE_IN_PROFILES.contains(&key.as_str()) && !oauth::is_unset(value)
                    });
                }
            }
            lines.push_str(&format!("{key} {}\n", fingerprint(&value.to_string())));
        }
        Ok(lines)
    }
}

/// Eight digits that another text does not have.
pub fn fingerprint(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The keys in which two of these differ; one that only a newer release knows is none.
pub fn differing(one: &str, other: &str) -> Vec<String> {
    let value = |key: &str| other.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let keys = one.lines().filter_map(|line| line.split_once(' '));
    keys.filter(|(key, own)| value(key).is_some_and(|value| value != *own)).map(|(key, _)| key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn configurations_are_compared_by_what_changes_decisions() {
        let usual = Config::default().decisive().unwrap();
        let differs = |text: &str| differing(&usual, &Config::parse(text).unwrap().decisive().unwrap());
        for (text, expected) in [
            ("", &[][..]),
            ("jobs = 3\nmax_runtime = \"1m\"\ndatabase = \"postgresql://db/mail\"\nstate = \"/srv/state\"", &[]),
            ("[log]\nlevel = \"debug\"", &[]),
            ("portion = 7", &["portion"]),
            ("auto_reply_per_day = 9\nlanguage = \"de\"", &["language", "auto_reply_per_day"]),
            ("system_account = \"support\"", &["system_account"]),
        ] {
            assert_eq!(differs(text), expected, "{text}");
        }
        let profile = |secret: &str, tenant: &str| {
            let text = format!(
                "[oauth.work]\nprovider = \"m365\"\nflow = \"app\"\ntenant = \"{tenant}\"\nclient_id = \"i\"\nclient_secret = \"{secret}\""
            );
            Config::parse(&text).unwrap().decisive().unwrap()
        };
        let one = profile("file:/etc/a", "t.example");
        assert!(differing(&one, &profile("cred:b", "t.example")).is_empty(), "each machine has its own place for it");
        assert_eq!(differing(&one, &profile("file:/etc/a", "u.example")), ["oauth"]);
        assert!(!one.contains("t.example") && one.lines().all(|line| line.split(' ').count() == 2), "{one}");
        // A key of another release.
        assert!(differing(&usual, "new_key 12345678\n").is_empty());
    }
}
