//! `config.toml`: what an editor changes. What a subcommand changes is in the database; nothing is in both.

mod decisive;
mod faults;
mod in_words;
pub mod oauth;
mod place;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::decisive::{differing, fingerprint};
pub use self::faults::{Refused, key_of};
pub use self::place::{
    database_without_environment, default_database, default_path, of_service, path_of_service, without_environment,
};
use crate::error;
use crate::mail::language::{self, Language};
use crate::net::http;
use crate::net::reach::Allowed;
use crate::system_words;

/// Declares a part of the configuration: `key: Type = default`, which is all that there is to be said of a key here.
macro_rules! keys {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$kmeta:meta])* $key:ident: $type:ty = $default:expr),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$kmeta])* pub $key: $type),+ }

        impl Default for $name {
            fn default() -> $name {
                $name { $($key: $default),+ }
            }
        }
    };
}

keys! {
    /// The configuration with its defaults. Unknown keys are refused.
    pub struct Config {
        /// Database: a file, or the name of one on a server.
        database: Option<String> = None,
        /// Reference of the password of a server.
        database_password: Option<String> = None,
        /// State directory; `None` = that of the database.
        state: Option<PathBuf> = None,
        /// Domain of our message ids; `None` = that of the sending account.
        message_id_domain: Option<String> = None,
        /// Account that sends notices; `None` = the one the case came by.
        system_account: Option<String> = None,
        /// Accounts polled at once.
        jobs: usize = 8,
        /// Of these at one IMAP host.
        jobs_per_host: usize = 8,
        /// A run of `fetch` ends after this.
        #[serde(with = "in_words::duration")]
        max_runtime: Duration = minutes(10),
        /// Messages per folder and run; 0 = all.
        portion: u32 = 0,
        /// Of larger messages only the beginning is fetched, in bytes.
        #[serde(with = "in_words::size")]
        message_max_size: u64 = 25 << 20,
        /// All attachments of a mail that is written, in bytes.
        #[serde(with = "in_words::size")]
        attachment_max_size: u64 = 18 << 20,
        /// TCP connect.
        #[serde(with = "in_words::duration")]
        connect_timeout: Duration = Duration::from_secs(10),
        /// TLS handshake.
        #[serde(with = "in_words::duration")]
        tls_timeout: Duration = Duration::from_secs(15),
        /// Each answer of a server.
        #[serde(with = "in_words::duration")]
        reply_timeout: Duration = Duration::from_secs(60),
        /// Failed runs in a row before cron hears of it.
        alert_after: u32 = 3,
        /// Age of a failure before cron hears of it.
        #[serde(with = "in_words::duration")]
        alert_min_age: Duration = minutes(15),
        /// URL that hears of each run of `fetch`.
        ping_url: Option<String> = None,
        /// It also hears when a run begins.
        ping_start: bool = false,
        /// Personal accounts that a user may have.
        max_personal_accounts: u32 = 2,
        /// Language of letters by accounts that have none of their own.
        language: String = language::USUAL.to_owned(),
        /// Contacts rather than their companies get mail.
        b2c: bool = false,
        /// New cases of one sender in an hour before further mails join the last one; 0 = off.
        case_burst: u32 = 20,
        /// A company's only open opportunity gets its mail.
        link_opportunity: bool = true,
        /// Older mail gets no automatic reply.
        #[serde(with = "in_words::duration")]
        auto_reply_max_age: Duration = days(3),
        /// Automatic replies per address, account and hour; 0 = off.
        auto_reply_per_hour: u32 = 1,
        /// Automatic replies per address, account and day; 0 = off.
        auto_reply_per_day: u32 = 3,
        /// Automatic replies per account and hour before the breaker trips; 0 = off.
        auto_reply_breaker: u32 = 100,
        /// Automatic mail is sent from `<>` where the server takes it.
        auto_reply_null_sender: bool = true,
        /// Older mail notifies nobody.
        #[serde(with = "in_words::duration")]
        notification_max_age: Duration = days(2),
        /// Servers at other than public addresses that enforced mode connects to.
        allowed_hosts: Vec<Allowed> = Vec::new(),
        /// How accounts sign in at an issuer of access tokens, by name.
        oauth: BTreeMap<String, oauth::Profile> = BTreeMap::new(),
        /// Name server that `account discover` asks; `None` = those of the system.
        resolver: Option<SocketAddr> = None,
        /// The program's own log.
        log: Log = Log::default(),
    }
}

keys! {
    /// `[log]`.
    pub struct Log {
        /// `error`, `warn`, `info`, `debug` or `trace`.
        #[serde(serialize_with = "in_words::level")]
        level: log::LevelFilter = log::LevelFilter::Info,
        /// File to append to; `None` = no log.
        file: Option<PathBuf> = None,
    }
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

const fn days(n: u64) -> Duration {
    Duration::from_secs(86_400 * n)
}

/// The example file, every key explained.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

impl Config {
    /// Reads the file that was named, else the one at the usual place, where its absence means defaults.
    ///
    /// # Errors
    /// Exit 78: a named file that is not there, a syntax error, an unknown key, a value that does not fit.
    pub fn load(named: Option<&Path>) -> Result<Config> {
        let path = named.map_or_else(default_path, Path::to_owned);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(e) => {
                let text = format!("cannot read the configuration {}: {}", path.display(), system_words::reason(&e));
                return Err(error::config(text).hint("--config and ESPOMAIL_CONFIG name another file").into());
            }
        };
        Config::parse(&text).map_err(|refused| {
            let line = refused.line.map(|line| format!(", line {line}")).unwrap_or_default();
            let hint = refused.hint.unwrap_or_else(|| "`espomail config example` explains every key".to_owned());
            error::config(format!("{}{line}: {}", path.display(), refused.message)).hint(hint).into()
        })
    }

    /// Reads a configuration from its text.
    ///
    /// # Errors
    /// What is wrong with it, naming the line, the key and, for an unknown one, the nearest known.
    pub fn parse(text: &str) -> Result<Config, Refused> {
        let config: Config = toml::from_str(text).map_err(|e| {
            Refused::misplaced(text, &e, &keys_of(None), &is_own)
                .unwrap_or_else(|| Refused::new(text, &e, &[keys(), oauth::keys()].concat()))
        })?;
        let checks = [
            (config.jobs == 0, "jobs: must be at least 1"),
            (config.jobs_per_host == 0, "jobs_per_host: must be at least 1"),
            (config.alert_after == 0, "alert_after: must be at least 1"),
            (config.max_runtime.is_zero(), "max_runtime: must be at least 1s"),
            (config.connect_timeout.is_zero(), "connect_timeout: must be at least 1s"),
            (config.tls_timeout.is_zero(), "tls_timeout: must be at least 1s"),
            (config.reply_timeout.is_zero(), "reply_timeout: must be at least 1s"),
            (
                config.state.as_ref().is_some_and(|path| !path.is_absolute()),
                "state: must begin with /, as cron starts elsewhere",
            ),
            (config.message_max_size < 64 << 10, "message_max_size: must be at least 64KiB"),
            (
                config.message_id_domain.as_ref().is_some_and(|d| !is_domain(d)),
                "message_id_domain: must be a domain name",
            ),
        ];
        config
            .check_database()
            .map_err(|fault| Refused { hint: fault.hint, ..Refused::of_key(text, &fault.message) })?;
        if let Some(why) = config.ping_url.as_deref().and_then(http::listener_fault) {
            let refused = Refused::of_key(text, &format!("ping_url: {why}"));
            return Err(Refused { hint: Some(PING_FORM.to_owned()), ..refused });
        }
        if Language::of(&config.language).is_none() {
            let known: Vec<&str> = language::ALL.iter().map(|language| language.code).collect();
            return Err(Refused::of_key(text, &format!("language: must be one of {}", known.join(", "))));
        }
        let wrong = checks.iter().find(|(wrong, _)| *wrong).map(|(_, message)| (*message).to_owned());
        match wrong.or_else(|| config.oauth.iter().find_map(|(name, profile)| profile.fault(name))) {
            Some(message) => Err(Refused::of_key(text, &message)),
            None => Ok(config),
        }
    }
}

/// What the URL of a service that hears of runs looks like.
pub const PING_FORM: &str = "copy the whole URL from the service, such as https://hc-ping.com/UUID";

impl Config {
    /// Every value in force, in the form of the file.
    ///
    /// # Errors
    /// A value that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        let (mut lines, mut parts) = (String::new(), String::new());
        for (key, value) in self.values()? {
            match value {
                Value::Object(profiles) if key == "oauth" => {
                    for (name, value) in profiles {
                        let Value::Object(profile) = value else { continue };
                        let set = profile.into_iter().filter(|(_, value)| !oauth::is_unset(value));
                        let of_profile = set.map(|(key, value)| line(&key, value)).collect::<Result<String>>()?;
                        parts.push_str(&format!("\n[oauth.{name}]\n{of_profile}"));
                    }
                }
                Value::Object(part) => {
                    let of_part = part.into_iter().map(|(key, value)| line(&key, value)).collect::<Result<String>>()?;
                    parts.push_str(&format!("\n[{key}]\n{of_part}"));
                }
                value => lines.push_str(&line(&key, value)?),
            }
        }
        Ok(lines + &parts)
    }

    /// Every key with its value, `null` where none is set.
    fn values(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self)? {
            Value::Object(values) => Ok(values),
            other => Err(anyhow!("the configuration is not an object: {other}")),
        }
    }
}

/// A key with its value as a line of the file.
fn line(key: &str, value: Value) -> Result<String> {
    match value {
        Value::Null => Ok(format!("# {key} is not set\n")),
        value => Ok(format!("{key} = {}\n", toml::Value::try_from(value)?)),
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        && !text.starts_with(['.', '-'])
}

/// The keys of a section; `None` = those of the whole file.
fn keys_of(section: Option<&str>) -> Vec<String> {
    let values = Config::default().values().unwrap_or_default();
    match section {
        None => values.into_iter().filter(|(_, value)| !value.is_object()).map(|(key, _)| key).collect(),
        Some(section) => {
            values.get(section).and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect()
        }
    }
}

/// Whether a section has a key of this name.
fn is_own(section: &str, key: &str) -> bool {
    let keys = if section.starts_with("oauth.") { oauth::keys() } else { keys_of(Some(section)) };
    keys.iter().any(|own| own == key)
}

/// Every key, those of its parts too.
fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in Config::default().values().unwrap_or_default() {
        match value {
            Value::Object(part) => keys.extend(part.into_iter().map(|(key, _)| key)),
            _ => keys.push(key),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_example_holds_every_key_at_its_default() {
        let plain: String = EXAMPLE
            .lines()
            .filter_map(|line| {
                let uncommented =
                    line.strip_prefix('#').filter(|l| l.starts_with('[') || !l.starts_with(' ') && l.contains(" = "));
                uncommented.or(if line.starts_with('[') { Some(line) } else { None })
            })
            .filter(|line| !line.ends_with("# no default"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(Config::parse(&plain).unwrap(), Config::default());
        let manual = manual();
        for key in [keys(), oauth::keys()].concat() {
            let in_example = EXAMPLE.lines().any(|line| line.starts_with(&format!("#{key} = ")));
            assert!(in_example, "{key} is not in config.example.toml");
            assert!(manual.contains(&key), "{key} is not in the manual");
        }
    }

    /// All pages.
    fn manual() -> String {
        let pages = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("man")).unwrap();
        pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn the_effective_configuration_can_be_read_back() {
        let config = Config {
            jobs: 9,
            system_account: Some("support".into()),
            max_personal_accounts: 7,
            allowed_hosts: vec!["10.0.0.0/8".parse().unwrap()],
            oauth: BTreeMap::from([("a-b".to_owned(), oauth::tests::whole())]),
            ..Config::default()
        };
        let written = config.to_toml().unwrap();
        assert_eq!(Config::parse(&written).unwrap(), config);
        for key in keys() {
            let line = |line: &str| line.starts_with(&format!("{key} = ")) || line == format!("# {key} is not set");
            assert!(written.lines().any(line), "{key} is not shown");
        }
        assert!(written.contains("[oauth.a-b]\nprovider = \"custom\"\nflow = \"code\"\n"), "{written}");
        for line in
            ["max_runtime = \"10m\"", "message_max_size = \"25MiB\"", "# database is not set", "level = \"info\""]
        {
            assert!(written.lines().any(|shown| shown == line), "{line} is not in {written}");
        }
    }

    #[test]
    fn mistakes_are_named_with_line_and_key() {
        for (text, line, message, hint) in [
            ("jobs = 1\nmax_runtme = \"5m\"", 2, "max_runtme is not a key", "did you mean max_runtime?"),
            ("[log]\nlevle = \"info\"", 2, "levle is not a key", "did you mean level?"),
            ("colour = 1", 1, "colour is not a key", ""),
            ("jobs = 0", 1, "jobs: must be at least 1", ""),
            ("# x\n\njobs = -1", 3, "jobs: must be a whole number, 0 or more", ""),
            ("jobs = \"four\"", 1, "jobs: must be a whole number, 0 or more", ""),
            ("jobs = 1.5", 1, "jobs: must be a whole number, 0 or more", ""),
            ("b2c = \"yes\"", 1, "b2c: must be true or false", ""),
            ("max_runtime = 10", 1, "max_runtime: must be a text in quotes", ""),
            (
                "max_runtime = \"soon\"",
                1,
                "max_runtime: \"soon\" is not a duration; write it as 30s, 10m, 1h30m or 3d",
                "",
            ),
            (
                "message_max_size = \"huge\"",
                1,
                "message_max_size: \"huge\" is not a size; write it as 500KiB, 25MiB or 1GiB",
                "",
            ),
            ("message_max_size = \"1KiB\"", 1, "message_max_size: must be at least 64KiB", ""),
            ("message_id_domain = \"a b\"", 1, "message_id_domain: must be a domain name", ""),
            (
                "ping_url = \"http://hc.example/x\"",
                1,
                "ping_url: http:// would send it in clear; it is for localhost alone, so begin with https://",
                PING_FORM,
            ),
            ("reply_timeout = \"0s\"", 1, "reply_timeout: must be at least 1s", ""),
            ("database = \"~/espomail.db\"", 1, "database: must begin with /, as cron starts elsewhere", ""),
            ("state = \"espomail\"", 1, "state: must begin with /, as cron starts elsewhere", ""),
            (
                "database = \"postgresql://a:b@h/d\"",
                1,
                "database: a password must not stand in the name of a database, where others can read it",
                "name its place",
            ),
            (
                "database = \"service=a sslmod=x\"",
                1,
                "database: sslmod is not a keyword of the name of a database",
                "did you mean sslmode?",
            ),
            (
                "database = \"mysql://h/d\"",
                1,
                "database: \"mysql:\" does not begin the name of a database that espomail can use",
                "write it as postgresql://",
            ),
            (
                "jobs = 1\ndatabase_password = \"pw\"",
                2,
                "database_password: does not say where the password is",
                "use cred:NAME",
            ),
            (
                "database_password = \"stdin\"",
                1,
                "database_password: does not say where the password is",
                "use cred:NAME",
            ),
            (
                "database_password = \"file:pw\"",
                1,
                "database_password: does not say where the password is",
                "use cred:NAME",
            ),
            (
                "allowed_hosts = [\n\"a\",\n\"a b\"]",
                1,
                "allowed_hosts: \"a b\" is not a host name, an address or a network such as 10.0.0.0/8",
                "",
            ),
            ("allowed_hosts = \"a\"", 1, "allowed_hosts: must be a list in brackets", ""),
            ("[log]\nlevel = \"loud\"", 2, "level: must be one of off, error, warn, info, debug, trace", ""),
            ("log = 1", 1, "log: must be a section: [name]", ""),
            ("jobs = 1\njobs = 2", 2, "jobs: is there twice", "texts stand in quotes"),
            ("jobs 4", 1, "this is not in the form key = value", "texts stand in quotes"),
            ("jobs = 1\nsystem_account = support", 2, "this is not in the form key = value", "texts stand in quotes"),
            ("[log", 1, "this is not in the form key = value", "texts stand in quotes"),
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert_eq!((refused.message.as_str(), refused.line), (message, Some(line)), "{text}");
            assert!(refused.hint.unwrap_or_default().starts_with(hint), "{text}");
        }
    }
}
