//! Where the configuration and the database lie, unless they are named.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use crate::caller::{self, Process};
use crate::error::{self, Fault, Kind};
use crate::place::{Database, Place, Server, directory, server};
use crate::secret::SecretSpec;

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

/// Where a service on this machine keeps its data, by the configuration that everybody may read. Of a server that cannot
/// be told, as its file of services cannot be read, the state directory is right.
pub fn of_service() -> Place {
    let text = fs::read_to_string(path_of_service()).unwrap_or_default();
    let config = Config::parse(&text).unwrap_or_default();
    let named = config.database.as_deref();
    let server = named.filter(|named| Server::is_named_by(named)).and_then(|named| {
        let server = Server::of_machine(named).or_else(|_| Server::without_service(named));
        server.ok().map(|server| Database::Server(Box::new(server)))
    });
    let file = || Database::File(named.map_or_else(database_of_service, PathBuf::from));
    let place = Place::new(server.unwrap_or_else(file), config.state.as_deref());
    place.usually_in(directory(&database_of_service()))
}

impl Config {
    /// Where the data is: as it was named in the command, else in this configuration, else where it usually is.
    ///
    /// # Errors
    /// What was named is the name of a server that cannot be read: exit 2 where it is the command's, else 78.
    pub fn place(&self, database: Option<&Path>, state: Option<&Path>) -> Result<Place, Fault> {
        let of = |field: &str, kind: Kind, fault: Fault| {
            let kind = if fault.kind == Kind::Usage { kind } else { fault.kind };
            let message = match server::begins_with_variable(&fault.message) {
                true => fault.message,
                false => format!("{field}: {}", fault.message),
            };
            Fault { kind, message, ..fault }
        };
        let database = match (database, &self.database) {
            (Some(named), _) => self.named(named).map_err(|fault| of("--db", Kind::Usage, fault))?,
            (None, Some(named)) => self.named(Path::new(named)).map_err(|fault| of("database", Kind::Config, fault))?,
            (None, None) => Database::File(default_database()),
        };
        let place = Place::new(database, state.or(self.state.as_deref()));
        Ok(place.usually_in(directory(&default_database())))
    }

    /// Refuses a database that no process could use, and a password that stands there itself.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub(super) fn check_database(&self) -> Result<(), Fault> {
        let of = |fault: Fault| Fault { message: format!("database: {}", fault.message), ..fault };
        if let Some(named) = &self.database {
            if Server::is_named_by(named) {
                Server::check(named).map_err(of)?;
            } else if !Path::new(named).is_absolute() {
                Server::refuse_other_schemes(named).map_err(of)?;
                return Err(error::config("database: must begin with /, as cron starts elsewhere"));
            }
        }
        let Some(reference) = &self.database_password else { return Ok(()) };
        let spec = SecretSpec::parse("database_password", reference).ok();
        let is_path = |spec: &SecretSpec| !matches!(spec, SecretSpec::File(_)) || reference.starts_with("file:/");
        match spec.filter(|spec| *spec != SecretSpec::Stored).filter(is_path) {
            Some(_) => Ok(()),
            // What stands there may be the password.
            None => Err(error::config("database_password: does not say where the password is")
                .hint("use cred:NAME, file:/PATH, env:NAME or cmd:COMMAND; never the password itself")),
        }
    }

    /// What a text names. A server gets the password of the configuration if it is that of the configuration, or if that
    /// names none: the password of one server is not told to another one.
    fn named(&self, named: &Path) -> Result<Database, Fault> {
        let Some(text) = named.to_str() else { return Ok(Database::File(named.to_owned())) };
        if !Server::is_named_by(text) {
            Server::refuse_other_schemes(text)?;
            return Ok(Database::File(named.to_owned()));
        }
        let mut server = Server::parse(text)?;
        let is_known = || match &self.database {
            Some(own) if own == text => true,
            Some(own) if Server::is_named_by(own) => {
                Server::parse(own).is_ok_and(|own| (&own.hosts, own.user()) == (&server.hosts, server.user()))
            }
            Some(_) => false,
            None => true,
        };
        let is_known = is_known();
        server.secret = self.database_password.clone().filter(|_| is_known);
        let own = self.database.as_ref().filter(|_| self.database_password.is_some() && !is_known);
        server.withheld =
            own.map(|own| Server::without_service(own).map_or_else(|_| own.clone(), |own| own.to_string()));
        Ok(Database::Server(Box::new(server)))
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
