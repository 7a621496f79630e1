//! `[oauth.NAME]`: how accounts sign in at an issuer of access tokens. Only an editor changes it, and several accounts use it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::net::http;
use crate::secret::SecretSpec;

/// Whose issuer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Microsoft 365 and outlook.com.
    M365,
    Google,
    /// Another issuer, with endpoints of its own.
    Custom,
}

/// Who signs in, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Nobody: the application itself (client credentials).
    App,
    /// A person in a browser (authorization code with PKCE).
    Code,
    /// A person in a browser on another machine, with a short code (RFC 8628).
    Device,
    /// Nobody: a service account of Google that stands in for the mailbox.
    ServiceAccount,
}

impl Provider {
    pub fn name(self) -> &'static str {
        match self {
            Provider::M365 => "m365",
            Provider::Google => "google",
            Provider::Custom => "custom",
        }
    }

    pub fn by_name(name: &str) -> Option<Provider> {
        [Provider::M365, Provider::Google, Provider::Custom].into_iter().find(|one| one.name() == name)
    }
}

impl Flow {
    pub fn name(self) -> &'static str {
        match self {
            Flow::App => "app",
            Flow::Code => "code",
            Flow::Device => "device",
            Flow::ServiceAccount => "service-account",
        }
    }

    /// Whether a person signs in.
    pub fn is_of_person(self) -> bool {
        match self {
            Flow::Code | Flow::Device => true,
            Flow::App | Flow::ServiceAccount => false,
        }
    }
}

/// A profile. Secrets are references, never the secrets themselves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    pub provider: Option<Provider>,
    pub flow: Option<Flow>,
    /// Tenant of Microsoft: id or domain; `organizations`, `consumers` or `common` where the flow allows it.
    pub tenant: Option<String>,
    pub client_id: Option<String>,
    /// Reference to the client secret.
    pub client_secret: Option<String>,
    /// When the client secret ends, for `doctor`.
    pub client_secret_expires: Option<Date>,
    /// PEM file with the certificate of the application …
    pub certificate: Option<PathBuf>,
    /// … and the reference to its private key (PEM).
    pub key: Option<String>,
    /// Reference to the JSON file of a service account.
    pub service_account: Option<String>,
    /// Where a browser signs in.
    pub auth_url: Option<String>,
    /// Where tokens come from.
    pub token_url: Option<String>,
    /// Where a device code comes from.
    pub device_url: Option<String>,
    /// Instead of the scopes of the provider.
    pub scopes: Vec<String>,
    /// Further fields of the questions, such as `resource`.
    pub extra: BTreeMap<String, String>,
}

impl Profile {
    pub fn provider(&self) -> Provider {
        self.provider.unwrap_or(Provider::Custom)
    }

    pub fn flow(&self) -> Flow {
        self.flow.unwrap_or(Flow::Code)
    }

    /// What is wrong with a profile of this name: key and reason.
    pub(super) fn fault(&self, name: &str) -> Option<String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        // Files of accounts end in a hyphen and the number of the account.
        let number = name.rsplit_once('-').is_some_and(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()));
        if name.is_empty() || name.len() > 60 || !name.chars().all(is_word) || number {
            return Some(format!(
                "oauth.{name}: a name has letters, digits, - and _, and does not end in - and a number"
            ));
        }
        let fault = self.of_kind().or_else(|| self.of_endpoints()).or_else(|| self.of_client())?;
        Some(format!("oauth.{name}: {fault}"))
    }

    fn of_kind(&self) -> Option<String> {
        let Some(provider) = self.provider else {
            return Some("provider is missing: m365, google or custom".to_owned());
        };
        let Some(flow) = self.flow else {
            let flows = match provider {
                Provider::M365 | Provider::Custom => "app, code or device",
                Provider::Google => "code or service-account",
            };
            return Some(format!("flow is missing: {flows}"));
        };
        let fits = match flow {
            Flow::Code => true,
            Flow::App | Flow::Device => provider != Provider::Google,
            Flow::ServiceAccount => provider == Provider::Google,
        };
        if !fits {
            return Some(format!("flow {:?} is not one of provider {:?}", flow.name(), provider.name()));
        }
        let tenant = self.tenant.as_deref();
        match (provider, flow) {
            (Provider::M365, Flow::App) if tenant.is_none() => Some(
                "tenant is missing: flow \"app\" needs the id or the domain of the tenant, such as example.org"
                    .to_owned(),
            ),
            (Provider::M365, Flow::App) if matches!(tenant, Some("common" | "consumers" | "organizations")) => {
                Some("tenant: flow \"app\" needs the id or the domain of one tenant".to_owned())
            }
            (Provider::M365, _) => tenant.filter(|tenant| !is_tenant(tenant)).map(|_| wrong_tenant()),
            (Provider::Google | Provider::Custom, _) if tenant.is_some() => {
                Some("tenant is for provider \"m365\" alone".to_owned())
            }
            (Provider::Google | Provider::Custom, _) => None,
        }
    }

    fn of_endpoints(&self) -> Option<String> {
        let urls = [("auth_url", &self.auth_url), ("token_url", &self.token_url), ("device_url", &self.device_url)];
        let is_bad = |url: &Option<String>| url.as_ref().is_some_and(|url| !http::is_endpoint(url));
        if let Some((key, _)) = urls.iter().find(|(_, url)| is_bad(url)) {
            return Some(format!("{key} must be an address that begins with https://, without a password"));
        }
        let needed: &[&str] = match (self.provider(), self.flow()) {
            (Provider::M365 | Provider::Google, _) => &[],
            (Provider::Custom, Flow::Code) => &["auth_url", "token_url"],
            (Provider::Custom, Flow::Device) => &["device_url", "token_url"],
            (Provider::Custom, Flow::App | Flow::ServiceAccount) => &["token_url"],
        };
        let is_missing = |key: &&&str| urls.iter().any(|(name, url)| name == *key && url.is_none());
        needed.iter().find(is_missing).map(|key| format!("{key} is missing: provider \"custom\" has none of its own"))
    }

    fn of_client(&self) -> Option<String> {
        if self.flow == Some(Flow::ServiceAccount) {
            let missing = "service_account is missing: file:PATH of the JSON file that Google gave".to_owned();
            return match &self.service_account {
                None => Some(missing),
                Some(spec) => of_reference("service_account", spec),
            };
        }
        if self.client_id.as_deref().is_none_or(str::is_empty) {
            return Some("client_id is missing: the application (client) ID of the app registration".to_owned());
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Some("certificate and key belong together: name both".to_owned());
        }
        if self.client_secret.is_some() && self.certificate.is_some() {
            return Some("client_secret and certificate: name one of them".to_owned());
        }
        if self.flow == Some(Flow::App) && self.client_secret.is_none() && self.certificate.is_none() {
            return Some("client_secret is missing: flow \"app\" needs it, or certificate and key".to_owned());
        }
        if self.certificate.as_ref().is_some_and(|file| !file.is_absolute()) {
            return Some("certificate must begin with /, as cron starts elsewhere".to_owned());
        }
        let references = [("client_secret", &self.client_secret), ("key", &self.key)];
        references.iter().find_map(|(key, spec)| of_reference(key, spec.as_deref()?))
    }
}

/// Whether a key of a profile says nothing.
pub(super) fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every key of a profile.
pub(super) fn keys() -> Vec<String> {
    match serde_json::to_value(Profile::default()) {
        Ok(Value::Object(keys)) => keys.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with a reference; its text may be the secret itself and is never repeated.
fn of_reference(key: &str, spec: &str) -> Option<String> {
    let relative = spec.strip_prefix("file:").is_some_and(|path| !path.starts_with('/'));
    match spec.parse() {
        Ok(SecretSpec::Stored) | Err(_) => {
            Some(format!("{key} must say where the secret comes from: file:PATH, cmd:ARGV, env:NAME or cred:NAME"))
        }
        Ok(_) if relative => Some(format!("{key}: the path must begin with /, as cron starts elsewhere")),
        Ok(_) => None,
    }
}

/// Whether a tenant is an id, a domain or one of Microsoft's words.
pub fn is_tenant(tenant: &str) -> bool {
    !tenant.is_empty()
        && tenant.len() <= 253
        && !tenant.starts_with(['.', '-'])
        && tenant.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn wrong_tenant() -> String {
    "tenant must be the id or the domain of the tenant, or organizations, consumers or common".to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use crate::config::Config;

    use super::*;

    /// One with lists and fields.
    pub fn whole() -> Profile {
        Profile {
            provider: Some(Provider::Custom),
            flow: Some(Flow::Code),
            client_id: Some("c".into()),
            client_secret: Some("env:S".into()),
            client_secret_expires: Some(jiff::civil::date(2027, 5, 31)),
            auth_url: Some("https://i.example/a".into()),
            token_url: Some("https://i.example/t".into()),
            scopes: vec!["imap".into(), "openid".into()],
            extra: BTreeMap::from([("resource".to_owned(), "https://mail.example".to_owned())]),
            ..Profile::default()
        }
    }

    fn refused(profile: &str) -> Option<String> {
        let text = format!("[oauth.work]\n{}\n", profile.replace("; ", "\n"));
        Config::parse(&text).err().map(|refused| refused.message)
    }

    #[test]
    fn a_profile_that_could_not_work_names_the_key() {
        const APP: &str = "provider = \"m365\"; flow = \"app\"; tenant = \"example.org\"; client_id = \"c\"";
        let rows = [
            (format!("{APP}; client_secret = \"file:/etc/x\""), None),
            (format!("{APP}; certificate = \"/c.pem\"; key = \"file:/k.pem\""), None),
            (APP.into(), Some("client_secret is missing")),
            (format!("{APP}; client_secret = \"hunter2\""), Some("client_secret must say where")),
            (format!("{APP}; client_secret = \"stdin\""), Some("client_secret must say where")),
            (format!("{APP}; client_secret = \"file:x\""), Some("client_secret: the path")),
            (format!("{APP}; certificate = \"/c.pem\""), Some("certificate and key")),
            (format!("{APP}; certificate = \"c.pem\"; key = \"file:/k.pem\""), Some("certificate must begin with /")),
            (APP.replace("example.org", "common"), Some("tenant: flow \"app\"")),
            (APP.replace("tenant = \"example.org\"; ", ""), Some("tenant is missing")),
            (APP.replace("app", "code").replace("example.org", "a/b"), Some("tenant must be")),
            ("provider = \"m365\"; flow = \"code\"; client_id = \"c\"".into(), None),
            ("provider = \"m365\"; flow = \"device\"; client_id = \"c\"; tenant = \"common\"".into(), None),
            ("provider = \"m365\"; flow = \"code\"".into(), Some("client_id is missing")),
            ("provider = \"m365\"; client_id = \"c\"".into(), Some("flow is missing: app, code or device")),
            ("flow = \"code\"; client_id = \"c\"".into(), Some("provider is missing")),
            ("provider = \"google\"; flow = \"code\"; client_id = \"c\"".into(), None),
            (
                "provider = \"google\"; flow = \"device\"; client_id = \"c\"".into(),
                Some("flow \"device\" is not one of"),
            ),
            ("provider = \"google\"; flow = \"service-account\"".into(), Some("service_account is missing")),
            ("provider = \"google\"; flow = \"service-account\"; service_account = \"file:/k.json\"".into(), None),
            (
                "provider = \"custom\"; flow = \"code\"; client_id = \"c\"; token_url = \"https://i.example/t\"".into(),
                Some("auth_url is missing"),
            ),
            (
                "provider = \"custom\"; flow = \"device\"; client_id = \"c\"; token_url = \"http://i.example/t\""
                    .into(),
                Some("token_url must be an address that begins with https://"),
            ),
        ];
        for (profile, expected) in rows {
            let said = refused(&profile);
            match expected {
                None => assert_eq!(said, None, "{profile}"),
                Some(part) => assert!(
                    said.as_deref().is_some_and(|said| said.contains(&format!("oauth.work: {part}"))),
                    "{profile}: {said:?}"
                ),
            }
            assert!(!said.unwrap_or_default().contains("hunter2"));
        }
    }

    #[test]
    fn a_name_and_a_key_that_no_profile_has_are_refused() {
        let body = "provider = \"google\"\nflow = \"code\"\nclient_id = \"c\"\n";
        for (name, is_right) in
            [("work", true), ("a-b_2", true), ("work-3", false), ("\"a b\"", false), ("\"\"", false)]
        {
            let parsed = Config::parse(&format!("[oauth.{name}]\n{body}"));
            assert_eq!(parsed.is_ok(), is_right, "{name}");
        }
        let unknown = Config::parse(&format!("[oauth.work]\n{body}clientid = \"c\"\n")).err().map(|e| e.message);
        assert!(unknown.as_deref().is_some_and(|said| said.contains("clientid")), "{unknown:?}");
    }
}
