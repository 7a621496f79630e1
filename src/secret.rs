//! Where secrets come from. A database file holds only the reference; what came by standard input is a file
//! of the state directory, or sealed in a database on a server ([`Key`]). No secret is ever an argument, and none is shown by `Debug`.

mod command;
mod kept;
mod sealed;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use zeroize::Zeroizing;

pub use kept::{Aside, OF_SMTP, copy, directory_of_backup, private, remove, store};
pub use sealed::{KEY, Key};

use crate::error::{self, Fault};
use crate::job_control;
use crate::system_words;

/// No secret is longer.
const MAX_BYTES: u64 = 64 << 10;

/// Where a secret comes from: `cmd:ARGV | file:PATH | env:NAME | cred:NAME | stdin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSpec {
    /// First line of what this command prints; run without a shell.
    Cmd(Vec<String>),
    /// First line of this file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A credential of systemd: `$CREDENTIALS_DIRECTORY/NAME`.
    Cred(String),
    /// Kept in a file of the state directory.
    Stored,
}

impl fmt::Display for SecretSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSpec::Cmd(argv) => {
                let words = shlex::try_join(argv.iter().map(String::as_str)).map_err(|_| fmt::Error)?;
                write!(f, "cmd:{words}")
            }
            SecretSpec::File(path) => write!(f, "file:{}", path.display()),
            SecretSpec::Env(name) => write!(f, "env:{name}"),
            SecretSpec::Cred(name) => write!(f, "cred:{name}"),
            SecretSpec::Stored => f.write_str("stdin"),
        }
    }
}

impl FromStr for SecretSpec {
    type Err = Fault;

    fn from_str(given: &str) -> Result<SecretSpec, Fault> {
        SecretSpec::parse("--secret", given)
    }
}

impl SecretSpec {
    /// What was given for a flag.
    ///
    /// # Errors
    /// It names no source; the error names the flag.
    pub fn parse(flag: &str, given: &str) -> Result<SecretSpec, Fault> {
        // The text itself may be a password somebody typed here by mistake: it is never repeated.
        let bad = |why: &str| {
            error::usage(format!("{flag}: {why}"))
                .hint("use cmd:ARGV, file:PATH, env:NAME, cred:NAME or stdin; never the password itself")
        };
        if given == "stdin" {
            return Ok(SecretSpec::Stored);
        }
        let (scheme, rest) = given.split_once(':').ok_or_else(|| bad("does not say where the secret comes from"))?;
        if rest.is_empty() {
            return Err(bad("names nothing after the colon"));
        }
        match scheme {
            "cmd" => shlex::split(rest)
                .filter(|argv| !argv.is_empty())
                .map(SecretSpec::Cmd)
                .ok_or_else(|| bad("has an unclosed quote")),
            "file" if Path::new(rest).is_absolute() => Ok(SecretSpec::File(rest.into())),
            "file" => std::path::absolute(rest).map(SecretSpec::File).map_err(|_| bad("names no path")),
            "env" => Ok(SecretSpec::Env(rest.to_owned())),
            "cred" if !rest.contains('/') && rest != ".." => Ok(SecretSpec::Cred(rest.to_owned())),
            "cred" => Err(bad("names a path; a credential has a plain name")),
            _ => Err(bad("does not say where the secret comes from")),
        }
    }
    /// Why the secret cannot be read, where that shows without running a program. Variables and credentials are not checked:
    /// cron may have them where this command does not. `stored` is the file of [`SecretSpec::Stored`].
    pub fn fault(&self, stored: &Path) -> Option<String> {
        match self {
            SecretSpec::File(_) => self.resolve(stored).err().map(|error| system_words::chain(&error)),
            SecretSpec::Cmd(argv) => {
                let program = argv.first()?;
                command::fault(program).map(|why| format!("secret cmd:{program}: {why}"))
            }
            SecretSpec::Env(_) | SecretSpec::Cred(_) | SecretSpec::Stored => None,
        }
    }

    /// The secret. `stored` is the file of [`SecretSpec::Stored`].
    ///
    /// # Errors
    /// Exit 78, naming the source and what to do; never the secret.
    pub fn resolve(&self, stored: &Path) -> Result<Zeroizing<String>> {
        let text = self.whole(stored)?;
        let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        if line.is_empty() {
            return Err(error::config(format!("secret {self}: is empty")).into());
        }
        Ok(line)
    }

    /// The same with all its lines, such as a private key.
    ///
    /// # Errors
    /// As [`SecretSpec::resolve`].
    pub fn whole(&self, stored: &Path) -> Result<Zeroizing<String>> {
        keep_to_this_process();
        match self {
            SecretSpec::Cmd(argv) => command::run(argv),
            SecretSpec::File(path) => from_file(path),
            SecretSpec::Env(name) => from_environment(name),
            SecretSpec::Cred(name) => {
                let dir = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| error::config(format!("secret cred:{name}: CREDENTIALS_DIRECTORY is not set")))?;
                from_file(&Path::new(&dir).join(name))
            }
            SecretSpec::Stored if stored.try_exists().is_ok_and(|there| !there) => {
                Err(error::config(format!("its password is not here: {} does not exist", stored.display()))
                    .hint("type it: espomail account secret NAME --secret stdin")
                    .into())
            }
            SecretSpec::Stored => from_file(stored),
        }
    }
}

/// From now on no core is written of this process, and no other process of the same user reads its memory, environment
/// or descriptors.
pub fn keep_to_this_process() {
    // Neither can fail but on a kernel that knows nothing of them, where there is nothing else to be done.
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn from_environment(name: &str) -> Result<Zeroizing<String>> {
    std::env::var(name).map(Zeroizing::new).map_err(|_| {
        error::config(format!("secret env:{name}: the variable is not set"))
            .hint("cron does not set your variables; use file: or cmd: there")
            .into()
    })
}

/// Reads a file that nobody else may read.
fn from_file(path: &Path) -> Result<Zeroizing<String>> {
    let bad = |why: String| error::config(format!("secret file {}: {why}", path.display()));
    let file = File::open(path).map_err(|e| {
        let fault = bad(system_words::reason(&e));
        let shown = path.display();
        match system_words::closed_to(path, &e) {
            Some(who) => fault.hint(format!("give it to {who}, who runs espomail: chown {who} {shown}")),
            None if e.kind() == io::ErrorKind::NotFound => {
                fault.hint(format!("type it in, then Enter and Ctrl-D: install -D -m 600 /dev/stdin {shown}"))
            }
            None => fault,
        }
    })?;
    let found = file.metadata().map_err(|e| bad(system_words::reason(&e)))?;
    let kind = found.file_type();
    if kind.is_char_device() || kind.is_block_device() {
        return Err(bad("is a device, not a file".to_owned()).into());
    }
    let mode = found.mode();
    if mode & 0o077 != 0 {
        return Err(bad(format!("others can read it (mode {:03o})", mode & 0o777))
            .hint(format!("chmod 600 {}", path.display()))
            .into());
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|e| bad(system_words::reason(&e)))?;
    Ok(text)
}

/// Reads secrets from standard input, one for each question: as many lines. Somebody at a terminal is asked for each, by
/// its question, and sees nothing of what is typed.
pub fn from_stdin(questions: &[&str], prompt: &dyn Fn(&str)) -> Result<Vec<Zeroizing<String>>> {
    keep_to_this_process();
    let mut lines = Vec::new();
    let mut text = Zeroizing::new(String::new());
    let stdin = std::io::stdin();
    let read = job_control::while_waiting(|| {
        if !stdin.is_terminal() {
            stdin.lock().take(MAX_BYTES).read_to_string(&mut text)?;
            lines.extend(text.lines().take(questions.len()).map(|line| Zeroizing::new(line.to_owned())));
            return Ok(());
        }
        for question in questions {
            // Before somebody may have begun to type.
            let _hidden = Hidden::new();
            prompt(question);
            text.clear();
            stdin.lock().take(MAX_BYTES).read_line(&mut text)?;
            lines.push(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
        }
        Ok::<(), std::io::Error>(())
    });
    read.context("cannot read the secret from standard input")?;
    if lines.len() < questions.len() || lines.iter().any(|line| line.is_empty()) {
        let (said, hint) = match questions.len() {
            1 if stdin.is_terminal() => ("no password was typed", "type it where it is asked for"),
            1 => ("standard input is empty", "write the password to it: --secret stdin < FILE"),
            _ => ("standard input has fewer secrets than were asked for", "one line for each: first IMAP, then SMTP"),
        };
        return Err(error::data(format!("--secret stdin: {said}")).hint(hint).into());
    }
    Ok(lines)
}

/// A terminal that does not show what is typed, until this is dropped.
pub struct Hidden(Option<Termios>);

/// What the terminal was before, as long as it is hidden.
static SHOWN: Mutex<Option<Termios>> = Mutex::new(None);

/// Switches the echo of the terminal on again. A process that ends while [`Hidden`] holds calls this.
pub fn show_typed() {
    if let Some(before) = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}

/// Switches the echo off again. A shell has switched it on while the process was stopped.
pub fn hide_again() {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    shown.iter().for_each(hide);
}

fn hide(shown: &Termios) {
    let mut quiet = shown.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    quiet.local_modes.insert(LocalModes::ECHONL);
    let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet);
}

impl Hidden {
    /// From now on.
    pub fn new() -> Hidden {
        let before = termios::tcgetattr(std::io::stdin()).ok();
        SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&before);
        before.iter().for_each(hide);
        Hidden(before)
    }
}

impl Default for Hidden {
    fn default() -> Hidden {
        Hidden::new()
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if self.0.is_some() {
            show_typed();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn references_round_trip_and_mistakes_do_not_repeat_the_secret() {
        for text in [
            "file:/etc/espomail/pw",
            "env:PW",
            "cred:imap",
            "stdin",
            "cmd:pass show mail/support",
            "cmd:sh -c 'echo a'",
        ] {
            assert_eq!(text.parse::<SecretSpec>().unwrap().to_string(), text);
        }
        let quoted: SecretSpec = r#"cmd:a 'b c' "d'e" f\ g"#.parse().unwrap();
        assert_eq!(quoted, SecretSpec::Cmd(vec!["a".into(), "b c".into(), "d'e".into(), "f g".into()]));
        assert_eq!(quoted.to_string().parse::<SecretSpec>().unwrap(), quoted);
        let odd = SecretSpec::Cmd(["", "it's", "#x", "a\\b", "$HOME", "é ", "a=b"].map(str::to_owned).to_vec());
        assert_eq!(odd.to_string().parse::<SecretSpec>().unwrap(), odd, "{odd}");
        for text in ["hunter2", "cmd:", "file:", "cmd:'open", "cred:../x", "ftp:hunter2"] {
            let refused = text.parse::<SecretSpec>().unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn files_must_be_private_and_commands_must_succeed() {
        let dir = std::env::temp_dir().join(format!("espomail-secret-{}", std::process::id()));
        let path = dir.join("secrets/1");
        store(&path, "s3cret").unwrap();
        assert_eq!(*SecretSpec::Stored.resolve(&path).unwrap(), "s3cret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = SecretSpec::File(path.clone()).resolve(&path).unwrap_err().to_string();
        assert!(refused.contains("others can read it"), "{refused}");
        // Nobody is told to change the mode of a device.
        let device = SecretSpec::File("/dev/null".into()).resolve(&path).unwrap_err();
        assert_eq!(error::classify(&device).1, None);
        assert!(device.to_string().contains("/dev/null: is a device, not a file"), "{device}");
        let absent = SecretSpec::File("/no/such".into()).resolve(&path).unwrap_err();
        let expected = "type it in, then Enter and Ctrl-D: install -D -m 600 /dev/stdin /no/such";
        assert_eq!(error::classify(&absent).1.as_deref(), Some(expected));
        let absent = SecretSpec::Stored.resolve(Path::new("/no/such")).unwrap_err();
        assert!(absent.to_string().contains("its password is not here"), "{absent}");
        assert_eq!(error::classify(&absent).1.as_deref(), Some("type it: espomail account secret NAME --secret stdin"));
        // From the first secret on.
        assert_eq!(rustix::process::dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        let run = |text: &str| text.parse::<SecretSpec>().unwrap().resolve(&path);
        assert_eq!(*run("cmd:printf 'tok en\\nmore'").unwrap(), "tok en");
        assert!(run("cmd:sh -c 'echo why >&2; exit 3'").unwrap_err().to_string().contains("why"));
        assert!(run("cmd:true").unwrap_err().to_string().contains("empty"));
        assert!(run("cmd:/no/such/program").is_err());
        assert!(run("env:ESPOMAIL_NO_SUCH_VARIABLE").is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
