//! Where the configuration and the database lie, unless they are named.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use crate::caller::{self, Process};
use crate::place::{Database, Place};

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
    caller::home().map_or_else(database_of_service, |home| home.join(".local/share/espomail/espomail.db"))
}

/// Where the configuration of a service lies.
pub fn path_of_service() -> PathBuf {
    PathBuf::from("/etc/espomail/config.toml")
}

/// Where a service on this machine keeps its data, by the configuration that everybody may read.
pub fn of_service() -> Place {
    let text = fs::read_to_string(path_of_service()).unwrap_or_default();
    let config = Config::parse(&text).unwrap_or_default();
    let database = config.database.unwrap_or_else(database_of_service);
    Place::new(Database::File(database), config.state.as_deref())
}

impl Config {
    /// Where the data is: as it was named in the command, else in this configuration, else where it usually is.
    pub fn place(&self, database: Option<&Path>, state: Option<&Path>) -> Place {
        let database = database.map(Path::to_owned).or_else(|| self.database.clone()).unwrap_or_else(default_database);
        Place::new(Database::File(database), state.or(self.state.as_deref()))
    }
}

/// Where the database lies unless it is named.
pub fn default_database() -> PathBuf {
    match caller::home() {
        None => database_of_service(),
        Some(home) => xdg("XDG_DATA_HOME", &home, ".local/share").join("espomail/espomail.db"),
    }
}

fn database_of_service() -> PathBuf {
    PathBuf::from("/var/lib/espomail/espomail.db")
}

fn xdg(variable: &str, home: &Path, default: &str) -> PathBuf {
    // A caller through sudo does not choose where the owner of the database looks.
    let named = std::env::var_os(variable).filter(|_| !Process::current().is_delegated()).map(PathBuf::from);
    named.filter(|p| p.is_absolute()).unwrap_or_else(|| home.join(default))
}
