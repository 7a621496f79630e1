//! What a name of a database leaves to the machine: variables, the home, and files of services. A caller through sudo
//! chooses none of them.

use std::path::{Path, PathBuf};

use nix::unistd::{self, User};

use super::words::Words;
use crate::caller::{self, Process};

/// Directories of the file of services of the whole system, by how PostgreSQL was packaged.
const OF_SYSTEM: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];
/// libpq's variables, each with its keyword.
const VARIABLES: [(&str, &str); 12] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGSERVICE", "service"),
    ("PGPASSFILE", "passfile"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGAPPNAME", "application_name"),
];

/// The value of a variable, by its name.
type Variable = Box<dyn Fn(&str) -> Option<String>>;

/// Where values come from that a name does not say.
pub struct Surroundings {
    pub variable: Variable,
    pub home: Option<PathBuf>,
    /// Directories of a file of services, after the home.
    pub of_system: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn current() -> Surroundings {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match Process::current().is_delegated() {
            true => Surroundings::without_variables(),
            false => Surroundings {
                variable: Box::new(variable),
                home: home(),
                of_system: variable("PGSYSCONFDIR").map(PathBuf::from).into_iter().chain(of_system()).collect(),
            },
        }
    }

    /// Those of this process, without variables.
    pub fn without_variables() -> Surroundings {
        Surroundings { home: home(), ..Surroundings::of_machine() }
    }

    /// Those that are the same for everybody on this machine.
    pub fn of_machine() -> Surroundings {
        Surroundings { variable: Box::new(|_| None), home: None, of_system: of_system().collect() }
    }

    /// What the variables say, and the names of those that do.
    pub fn words(&self) -> (Words, Vec<&'static str>) {
        let set = VARIABLES.iter().filter_map(|(name, key)| Some((*name, (*key, (self.variable)(name)?))));
        let (names, words) = set.unzip::<_, _, Vec<_>, Vec<_>>();
        (words, names)
    }

    /// The variables that say where services are described.
    pub fn names_services(&self) -> impl Iterator<Item = &'static str> {
        ["PGSERVICEFILE", "PGSYSCONFDIR"].into_iter().filter(|name| (self.variable)(name).is_some())
    }

    /// The files in which a service may be described, in the order in which they are read.
    pub fn service_files(&self) -> Vec<PathBuf> {
        let own = (self.variable)("PGSERVICEFILE").map(PathBuf::from);
        let own = own.or_else(|| self.home.as_deref().map(|home| home.join(".pg_service.conf")));
        own.into_iter().chain(self.of_system.iter().map(|dir| dir.join("pg_service.conf"))).collect()
    }
}

/// The variable that says the same as a keyword.
pub fn variable_of(key: &str) -> Option<&'static str> {
    VARIABLES.iter().find(|(_, known)| *known == key).map(|(name, _)| *name)
}

/// Whether what is wrong with the name of a database was said by a variable, which it begins with.
pub fn begins_with_variable(message: &str) -> bool {
    VARIABLES.iter().any(|(name, _)| message.starts_with(name))
}

fn of_system() -> impl Iterator<Item = PathBuf> {
    OF_SYSTEM.iter().map(|dir| Path::new(dir).to_owned())
}

/// The home of the user whom this process has become; a service has one by the system's list alone.
pub fn home() -> Option<PathBuf> {
    caller::home()
        .filter(|_| !Process::current().is_delegated())
        .or_else(|| User::from_uid(unistd::geteuid()).ok().flatten().map(|user| user.dir))
}
