//! `config.toml`: what an editor changes. What a subcommand changes is in the database; nothing is in both.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Deserializer, de};

use crate::alike;
use crate::caller::{self, Process};
use crate::error;
use crate::net::reach::Allowed;
use crate::units;

/// The configuration with its defaults. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Database file.
    pub database: Option<PathBuf>,
    /// Domain of our message ids; `None` = that of the sending account.
    pub message_id_domain: Option<String>,
    /// Account that sends notices; `None` = the one the case came by.
    pub system_account: Option<String>,
    /// Accounts polled at once.
    pub jobs: usize,
    /// Of these at one IMAP host.
    pub jobs_per_host: usize,
    /// A run of `fetch` ends after this.
    #[serde(deserialize_with = "duration")]
    pub max_runtime: Duration,
    /// Messages per folder and run; 0 = all.
    pub portion: u32,
    /// Of larger messages only the beginning is fetched, in bytes.
    #[serde(deserialize_with = "size")]
    pub message_max_size: u64,
    /// All attachments of a mail that is written, in bytes.
    #[serde(deserialize_with = "size")]
    pub attachment_max_size: u64,
    /// TCP connect.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// TLS handshake.
    #[serde(deserialize_with = "duration")]
    pub tls_timeout: Duration,
    /// Each answer of a server.
    #[serde(deserialize_with = "duration")]
    pub reply_timeout: Duration,
    /// Failed runs in a row before cron hears of it.
    pub alert_after: u32,
    /// Age of a failure before cron hears of it.
    #[serde(deserialize_with = "duration")]
    pub alert_min_age: Duration,
    /// Personal accounts that a user may have.
    pub max_personal_accounts: u32,
    /// Contacts rather than their companies get mail.
    pub b2c: bool,
    /// New cases of one sender in an hour before further mails join the last one; 0 = off.
    pub case_burst: u32,
    /// A company's only open opportunity gets its mail.
    pub link_opportunity: bool,
    /// Older mail gets no automatic reply.
    #[serde(deserialize_with = "duration")]
    pub auto_reply_max_age: Duration,
    /// Automatic replies per address, account and hour; 0 = off.
    pub auto_reply_per_hour: u32,
    /// Automatic replies per address, account and day; 0 = off.
    pub auto_reply_per_day: u32,
    /// Automatic replies per account and hour before the breaker trips; 0 = off.
    pub auto_reply_breaker: u32,
    /// Automatic mail is sent from `<>` where the server takes it.
    pub auto_reply_null_sender: bool,
    /// Older mail notifies nobody.
    #[serde(deserialize_with = "duration")]
    pub notification_max_age: Duration,
    /// Servers at other than public addresses that enforced mode connects to.
    pub allowed_hosts: Vec<Allowed>,
    /// The program's own log.
    pub log: Log,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: log::LevelFilter,
    /// File to append to; `None` = no log.
    pub file: Option<PathBuf>,
}

impl Default for Log {
    fn default() -> Log {
        Log { level: log::LevelFilter::Info, file: None }
    }
}

impl Default for Config {
    fn default() -> Config {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let days = |n: u64| Duration::from_secs(86_400 * n);
        Config {
            database: None,
            message_id_domain: None,
            system_account: None,
            jobs: 8,
            jobs_per_host: 8,
            max_runtime: minutes(10),
            portion: 0,
            message_max_size: 25 << 20,
            attachment_max_size: 18 << 20,
            connect_timeout: Duration::from_secs(10),
            tls_timeout: Duration::from_secs(15),
            reply_timeout: Duration::from_secs(60),
            alert_after: 3,
            alert_min_age: minutes(15),
            max_personal_accounts: 2,
            b2c: false,
            case_burst: 20,
            link_opportunity: true,
            auto_reply_max_age: days(3),
            auto_reply_per_hour: 1,
            auto_reply_per_day: 3,
            auto_reply_breaker: 100,
            auto_reply_null_sender: true,
            notification_max_age: days(2),
            allowed_hosts: Vec::new(),
            log: Log::default(),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    units::duration(&String::deserialize(from)?).map_err(de::Error::custom)
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    units::size(&String::deserialize(from)?).map_err(de::Error::custom)
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
            Err(e) => return Err(error::config(format!("--config: cannot read {}: {e}", path.display())).into()),
        };
        Config::parse(&text).map_err(|e| e.context_path(&path).into())
    }

    /// Reads a configuration from its text.
    ///
    /// # Errors
    /// What is wrong with it, naming the key and, for an unknown one, the nearest known.
    pub fn parse(text: &str) -> Result<Config, Refused> {
        let config: Config = toml::from_str(text).map_err(|e| Refused::new(&e))?;
        let checks = [
            (config.jobs == 0, "jobs: must be at least 1"),
            (config.jobs_per_host == 0, "jobs_per_host: must be at least 1"),
            (config.alert_after == 0, "alert_after: must be at least 1"),
            (config.max_runtime.is_zero(), "max_runtime: must be at least 1s"),
            (config.connect_timeout.is_zero(), "connect_timeout: must be at least 1s"),
            (config.tls_timeout.is_zero(), "tls_timeout: must be at least 1s"),
            (config.reply_timeout.is_zero(), "reply_timeout: must be at least 1s"),
            (
                config.database.as_ref().is_some_and(|path| !path.is_absolute()),
                "database: must begin with /, as cron starts elsewhere",
            ),
            (config.message_max_size < 64 << 10, "message_max_size: must be at least 64KiB"),
            (
                config.message_id_domain.as_ref().is_some_and(|d| !is_domain(d)),
                "message_id_domain: must be a domain name",
            ),
        ];
        match checks.iter().find(|(wrong, _)| *wrong) {
            Some((_, message)) => Err(Refused { message: (*message).to_owned(), hint: None }),
            None => Ok(config),
        }
    }
}

impl Config {
    /// Every value in force, in the form of the file.
    pub fn to_toml(&self) -> String {
        let text = |value: &Option<String>| value.as_ref().map_or("# not set".to_owned(), |v| format!("{v:?}"));
        let path = |value: &Option<PathBuf>| text(&value.as_ref().map(|p| p.display().to_string()));
        let seconds = |d: Duration| format!("\"{}\"", units::write_duration(d));
        // Named one by one, so that the compiler refuses a key that is left out.
        let Config {
            database,
            message_id_domain,
            system_account,
            jobs,
            jobs_per_host,
            max_runtime,
            portion,
            message_max_size,
            attachment_max_size,
            connect_timeout,
            tls_timeout,
            reply_timeout,
            alert_after,
            alert_min_age,
            max_personal_accounts,
            b2c,
            case_burst,
            link_opportunity,
            auto_reply_max_age,
            auto_reply_per_hour,
            auto_reply_per_day,
            auto_reply_breaker,
            auto_reply_null_sender,
            notification_max_age,
            allowed_hosts,
            log,
        } = self;
        let values = [
            ("database", path(database)),
            ("message_id_domain", text(message_id_domain)),
            ("system_account", text(system_account)),
            ("jobs", jobs.to_string()),
            ("jobs_per_host", jobs_per_host.to_string()),
            ("max_runtime", seconds(*max_runtime)),
            ("portion", portion.to_string()),
            ("message_max_size", format!("\"{}\"", units::write_size(*message_max_size))),
            ("attachment_max_size", format!("\"{}\"", units::write_size(*attachment_max_size))),
            ("connect_timeout", seconds(*connect_timeout)),
            ("tls_timeout", seconds(*tls_timeout)),
            ("reply_timeout", seconds(*reply_timeout)),
            ("alert_after", alert_after.to_string()),
            ("alert_min_age", seconds(*alert_min_age)),
            ("max_personal_accounts", max_personal_accounts.to_string()),
            ("b2c", b2c.to_string()),
            ("case_burst", case_burst.to_string()),
            ("link_opportunity", link_opportunity.to_string()),
            ("auto_reply_max_age", seconds(*auto_reply_max_age)),
            ("auto_reply_per_hour", auto_reply_per_hour.to_string()),
            ("auto_reply_per_day", auto_reply_per_day.to_string()),
            ("auto_reply_breaker", auto_reply_breaker.to_string()),
            ("auto_reply_null_sender", auto_reply_null_sender.to_string()),
            ("notification_max_age", seconds(*notification_max_age)),
            ("allowed_hosts", format!("{:?}", allowed_hosts.iter().map(Allowed::to_string).collect::<Vec<_>>())),
        ];
        let line = |(key, value): &(&str, String)| match value.starts_with('#') {
            true => format!("# {key} is not set\n"),
            false => format!("{key} = {value}\n"),
        };
        let log_file = line(&("file", path(&log.file)));
        let level = log.level.as_str().to_lowercase();
        format!("{}\n[log]\nlevel = {level:?}\n{log_file}", values.iter().map(line).collect::<String>())
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        && !text.starts_with(['.', '-'])
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    message: String,
    hint: Option<String>,
}

impl Refused {
    fn new(error: &toml::de::Error) -> Refused {
        let said = error.message();
        let unknown = said.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let hint = unknown.and_then(nearest).map(|key| format!("did you mean {key}?"));
        let line = error.span().map(|span| format!(" (at byte {})", span.start)).unwrap_or_default();
        Refused { message: format!("{}{line}", said.lines().next().unwrap_or_default()), hint }
    }

    fn context_path(self, path: &Path) -> error::Fault {
        let hint = self.hint.unwrap_or_else(|| "see `espomail config example`".to_owned());
        error::config(format!("{}: {}", path.display(), self.message)).hint(hint)
    }
}

/// The keys of the example file, which a test keeps equal to those of [`Config`].
fn keys() -> impl Iterator<Item = &'static str> {
    let candidates = EXAMPLE.lines().filter_map(|line| line.strip_prefix('#').and_then(|l| l.split_once(" = ")));
    candidates
        .map(|(key, _)| key)
        .filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
}

fn nearest(unknown: &str) -> Option<&'static str> {
    alike::nearest(unknown, keys(), 4)
}

/// Where the configuration lies: a service's below /etc, a person's below the XDG directory.
pub fn default_path() -> PathBuf {
    match caller::home() {
        None => path_of_service(),
        Some(home) => xdg("XDG_CONFIG_HOME", &home, ".config").join("espomail/config.toml"),
    }
}

/// Where the configuration lies for a program that cron starts: it has no variables but HOME.
pub fn without_environment() -> PathBuf {
    caller::home().map_or_else(path_of_service, |home| home.join(".config/espomail/config.toml"))
}

/// The database of such a program, where its configuration names none.
pub fn database_without_environment() -> PathBuf {
    caller::home().map_or_else(place_of_service, |home| home.join(".local/share/espomail/espomail.db"))
}

/// Where the configuration of a service lies.
pub fn path_of_service() -> PathBuf {
    PathBuf::from("/etc/espomail/config.toml")
}

/// The database of a service on this machine, by the configuration that everybody may read.
pub fn of_service() -> PathBuf {
    let text = fs::read_to_string(path_of_service()).unwrap_or_default();
    let named = Config::parse(&text).ok().and_then(|config| config.database);
    named.unwrap_or_else(place_of_service)
}

/// Where the database lies unless it is named.
pub fn default_database() -> PathBuf {
    match caller::home() {
        None => place_of_service(),
        Some(home) => xdg("XDG_DATA_HOME", &home, ".local/share").join("espomail/espomail.db"),
    }
}

fn place_of_service() -> PathBuf {
    PathBuf::from("/var/lib/espomail/espomail.db")
}

fn xdg(variable: &str, home: &Path, default: &str) -> PathBuf {
    // Whoever comes through sudo does not choose where the owner of the database looks.
    let named = std::env::var_os(variable).filter(|_| !Process::current().is_delegated()).map(PathBuf::from);
    named.filter(|p| p.is_absolute()).unwrap_or_else(|| home.join(default))
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
        let written = format!("{:?}", Config::default());
        for key in keys() {
            assert!(written.contains(&format!("{key}: ")), "{key} is in the example but not in Config");
        }
        let fields = written.matches(": ").count() - 1;
        assert_eq!(keys().count(), fields, "every field has its line in the example");
    }

    #[test]
    fn the_effective_configuration_can_be_read_back() {
        let config = Config {
            jobs: 9,
            system_account: Some("support".into()),
            max_personal_accounts: 7,
            allowed_hosts: vec!["10.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        assert_eq!(Config::parse(&config.to_toml()).unwrap(), config);
        let written = config.to_toml();
        for key in keys() {
            assert!(written.lines().any(|line| line.trim_start_matches("# ").starts_with(key)), "{key} is not shown");
        }
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_key() {
        let typo = Config::parse("max_runtme = \"5m\"").unwrap_err();
        assert!(typo.message.contains("max_runtme"), "{typo:?}");
        assert_eq!(typo.hint.as_deref(), Some("did you mean max_runtime?"));
        for (text, part) in [
            ("jobs = 0", "jobs"),
            ("max_runtime = \"soon\"", "soon"),
            ("message_max_size = \"1KiB\"", "message_max_size"),
            ("message_id_domain = \"a b\"", "message_id_domain"),
            ("reply_timeout = \"0s\"", "reply_timeout: must be at least 1s"),
            ("max_runtime = \"0m\"", "max_runtime: must be at least 1s"),
            ("database = \"~/espomail.db\"", "database: must begin with /"),
            ("allowed_hosts = [\"a b\"]", "a b"),
            ("jobs = \"four\"", "invalid type"),
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert!(refused.message.contains(part), "{text}: {refused:?}");
        }
    }
}
