//! Where the configuration and the database lie, unless they are named.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use crate::caller::{self, Process};

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
    // A caller through sudo does not choose where the owner of the database looks.
    let named = std::env::var_os(variable).filter(|_| !Process::current().is_delegated()).map(PathBuf::from);
    named.filter(|p| p.is_absolute()).unwrap_or_else(|| home.join(default))
}
