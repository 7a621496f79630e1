//! Where the password of a server comes from, at the moment when it is connected. In this order: the reference in the
//! configuration, the service, `PGPASSWORD`, the file of passwords.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use zeroize::Zeroizing;

use super::surroundings::{self, Surroundings};
use super::{Host, Server, Target, service};
use crate::caller;
use crate::error::{self, Fault};
use crate::secret::{self, SecretSpec};
use crate::system_words;

/// One source of a password, shown as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `database_password` of the configuration.
    Reference(String),
    /// The file of services.
    Service(PathBuf),
    /// `PGPASSWORD`.
    Variable,
    /// The file of passwords.
    File(PathBuf),
    /// None of them has one; why the file of passwords has none, where there is such a file.
    Nowhere(Option<String>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What follows the kind may be a whole command.
            Source::Reference(reference) => {
                write!(f, "database_password ({}:)", reference.split_once(':').map_or("", |(kind, _)| kind))
            }
            Source::Service(file) | Source::File(file) => file.display().fmt(f),
            Source::Variable => f.write_str("PGPASSWORD"),
            Source::Nowhere(_) => f.write_str("nobody"),
        }
    }
}

impl Server {
    /// The password for a host, got now; `None` where nobody has one, as for a role that the server knows by its user.
    ///
    /// # Errors
    /// Exit 78: its source cannot be read, or others can read it; never the password.
    pub fn password(&self, host: &Host) -> Result<Option<Zeroizing<String>>> {
        Ok(self.password_in(host, &Surroundings::current())?.1)
    }

    /// Where the password for a host comes from.
    ///
    /// # Errors
    /// As [`Server::password`].
    pub fn password_source(&self, host: &Host) -> Result<Source> {
        match &self.secret {
            // It may be a command that asks somebody.
            Some(reference) => Ok(Source::Reference(reference.clone())),
            None => Ok(self.password_in(host, &Surroundings::current())?.0),
        }
    }

    /// Whether a command that is told how to reach this database ([`Server::uri`]) does not find the password where
    /// there are no variables: it is in one, or in a service that they name.
    pub fn password_is_lost(&self, source: &Source) -> bool {
        match source {
            Source::Variable => true,
            Source::Service(_) => !self.variables.is_empty(),
            Source::Reference(_) | Source::File(_) | Source::Nowhere(_) => false,
        }
    }

    /// The file of the only authorities that are trusted, as libpq has it; `None` = those of the system.
    pub fn authorities(&self) -> Option<PathBuf> {
        let usual = || surroundings::home().map(|home| home.join(".postgresql/root.crt")).filter(|file| file.is_file());
        self.sslrootcert.clone().or_else(usual)
    }

    pub(super) fn password_in(&self, host: &Host, from: &Surroundings) -> Result<(Source, Option<Zeroizing<String>>)> {
        secret::keep_to_this_process();
        if let Some(reference) = &self.secret {
            return Ok((Source::Reference(reference.clone()), Some(of_reference(reference)?)));
        }
        if let Some((file, name)) = &self.service
            && let Some(password) = service::password(name, file).map_err(of_root)?
        {
            return Ok((Source::Service(file.clone()), Some(password)));
        }
        if let Some(password) = (from.variable)("PGPASSWORD") {
            return Ok((Source::Variable, Some(Zeroizing::new(password))));
        }
        let usual = || from.home.as_deref().map(|home| home.join(".pgpass"));
        let Some(file) = self.passfile.clone().or_else(usual) else {
            return Ok((Source::Nowhere(not_of_root("has no home with a file of passwords")), None));
        };
        let text = match service::read(&file) {
            Ok(Some(text)) => text,
            Ok(None) if self.passfile.is_some() => {
                return Err(error::config(format!("there is no file of passwords {}", file.display()))
                    .hint("passfile and PGPASSFILE name it")
                    .into());
            }
            Ok(None) => {
                let looked = not_of_root(&format!("has no {}", file.display()));
                return Ok((Source::Nowhere(looked), None));
            }
            // Of a home that is another's, as after a change of the user.
            Err(fault) if self.passfile.is_none() && fault.cause == Some(ErrorKind::PermissionDenied) => {
                return Ok((Source::Nowhere(Some(fault.message)), None));
            }
            Err(fault) => return Err(fault.into()),
        };
        service::refuse_open(&file)?;
        let wanted = [name_in_file(host), host.port.to_string(), self.dbname(), self.user()];
        Ok(match text.lines().find_map(|line| password_of(line, &wanted)) {
            Some(password) => (Source::File(file), Some(password)),
            None => {
                let looked = format!("{} has no line for {}", file.display(), wanted.join(":"));
                (Source::Nowhere(Some(looked)), None)
            }
        })
    }
}

/// Where root has become somebody, that root's own file of passwords is not the one that counts.
fn not_of_root(lacks: &str) -> Option<String> {
    caller::has_become().map(|who| format!("{who} owns the state directory, so root has become {who}, who {lacks}"))
}

/// What is said where a file of root cannot be read any more, once root has become somebody.
fn of_root(fault: Fault) -> Fault {
    match caller::has_become().filter(|_| fault.cause == Some(ErrorKind::PermissionDenied) && fault.hint.is_none()) {
        Some(who) => fault.hint(format!(
            "{who} owns the state directory, so root has become {who}: put the service without its password into a file \
             that all can read, and the password into a file of {who}: database_password = \"file:PATH\""
        )),
        None => fault,
    }
}

/// What a reference leads to, asked for once in a process: a command may ask somebody, or write down that it was asked.
fn of_reference(reference: &str) -> Result<Zeroizing<String>> {
    static KNOWN: Mutex<Option<(String, Zeroizing<String>)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, secret)) = known.as_ref().filter(|(of, _)| of == reference) {
        return Ok(secret.clone());
    }
    let secret = SecretSpec::parse("database_password", reference)?.resolve(Path::new(""));
    let secret = secret.map_err(|error| {
        let (kind, hint) = error::classify(&error);
        let usual = "the key database_password of the configuration names its place: file:PATH, cred:, env: or cmd:";
        let hint = hint.unwrap_or_else(|| usual.to_owned());
        Fault::new(kind, format!("database_password: {}", system_words::chain(&error))).hint(hint)
    })?;
    *known = Some((reference.to_owned(), secret.clone()));
    Ok(secret)
}

/// What libpq looks for in the first field.
fn name_in_file(host: &Host) -> String {
    match &host.target {
        Target::Socket(_) => host.name(),
        Target::Name(name) => name.clone(),
    }
}

/// The password of a line `host:port:database:user:password`, where the first four fit; `*` fits everything.
fn password_of(line: &str, wanted: &[String; 4]) -> Option<Zeroizing<String>> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields: Vec<Zeroizing<String>> = vec![Zeroizing::new(String::with_capacity(line.len()))];
    // Whether all of a field is one star that is not escaped.
    let mut stars = vec![false];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let is_last = fields.len() > wanted.len();
        let (last, star) = (fields.last_mut()?, stars.last_mut()?);
        match letter {
            ':' if !is_last => {
                fields.push(Zeroizing::new(String::with_capacity(line.len())));
                stars.push(false);
            }
            '\\' => {
                last.extend(letters.next());
                *star = false;
            }
            letter => {
                *star = letter == '*' && last.is_empty();
                last.push(letter);
            }
        }
    }
    let fits = wanted.iter().zip(&fields).zip(&stars).all(|((wanted, field), star)| *star || **field == *wanted);
    let password = fields.get(wanted.len()).filter(|password| fits && !password.is_empty());
    password.cloned()
}

#[cfg(test)]
pub(super) fn of_line(line: &str, wanted: [&str; 4]) -> Option<String> {
    password_of(line, &wanted.map(str::to_owned)).map(|password| password.to_string())
}
