//! `cmd:`: a password manager prints the secret.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Access, access};
use zeroize::Zeroizing;

use super::MAX_BYTES;
use crate::error;
use crate::system_words;

/// A command has so long to print a secret.
const TIME: Duration = Duration::from_secs(30);

/// Variables that a password manager needs, by name or (with `*`) by how they begin. The others stay here: a secret of
/// another account may be in one of them (`env:`). Descriptors are all closed on exec.
const HANDED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "XDG_*",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GNUPGHOME",
    "GPG_TTY",
    "PASSWORD_STORE_*",
];

/// Why the program of a command cannot be started here; nothing is run.
pub(super) fn fault(program: &str) -> Option<String> {
    let is_path = program.contains('/');
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = match is_path {
        true => vec![program.into()],
        false => std::env::split_paths(&path).map(|dir| dir.join(program)).collect(),
    };
    let is_file = |place: &&PathBuf| place.is_file();
    if places.iter().filter(is_file).any(|place| access(place.as_path(), Access::EXEC_OK).is_ok()) {
        return None;
    }
    Some(match (places.iter().any(|place| place.is_file()), is_path) {
        (true, _) => "the program cannot be executed".to_owned(),
        (false, true) => "there is no such program".to_owned(),
        (false, false) => "there is no such program in PATH".to_owned(),
    })
}

/// Runs a command without a shell; what it printed.
///
/// # Errors
/// Exit 78: it cannot be started, fails or takes too long.
pub(super) fn run(argv: &[String]) -> Result<Zeroizing<String>> {
    let (program, arguments) = argv.split_first().context("an empty command")?;
    let bad = |why: String| error::config(format!("secret cmd:{program}: {why}"));
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_handed_on)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| bad(system_words::reason(&e)))?;
    let output = child.stdout.take().context("no pipe")?;
    let errors = child.stderr.take().context("no pipe")?;
    let read = |pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Zeroizing::new(String::new());
            let _ = pipe.take(MAX_BYTES).read_to_string(&mut text);
            text
        })
    };
    let (output, errors) = (read(Box::new(output)), read(Box::new(errors)));
    let status = wait(&mut child).map_err(|e| bad(system_words::reason(&e)))?;
    // Other processes that hold the pipes open are not waited for.
    let Some(status) = status else {
        return Err(bad(format!("took longer than {} s and was ended", TIME.as_secs())).into());
    };
    let said = errors.join().unwrap_or_default();
    if !status.success() {
        let said = said.lines().next().map(|line| format!(": {line}")).unwrap_or_default();
        return Err(bad(format!("the program {}{said}", system_words::ended(status))).into());
    }
    Ok(output.join().unwrap_or_default())
}

/// Waits for a child; after the limit it is killed and `None` comes back.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > TIME {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_handed_on(name: &str) -> bool {
    HANDED_ON.iter().any(|known| match known.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == *known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_looked_for_without_being_run() {
        for (program, fault_of_it) in [
            ("sh", None),
            ("/bin/sh", None),
            ("/nonexistent/tool", Some("there is no such program")),
            ("no-such-tool-anywhere", Some("there is no such program in PATH")),
            ("/etc/passwd", Some("the program cannot be executed")),
            ("/bin", Some("there is no such program")),
        ] {
            assert_eq!(fault(program).as_deref(), fault_of_it, "{program}");
        }
    }

    #[test]
    fn a_password_manager_gets_its_own_variables_and_no_others() {
        for name in ["PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "PASSWORD_STORE_DIR"] {
            assert!(is_handed_on(name), "{name}");
        }
        for name in ["PW", "PATHS", "ESPOMAIL_DB", "CREDENTIALS_DIRECTORY", "LD_PRELOAD", "HOME_PASSWORD", ""] {
            assert!(!is_handed_on(name), "{name}");
        }
    }
}
