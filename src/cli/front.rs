//! The part of the program that runs with the caller's own rights in enforced mode.
//!
//! Somebody who may not read the service's database types the command as if they might. Files they name are opened here,
//! and only bytes go through sudo to the same program, which runs the command.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};

use anyhow::{Context as _, Result};
use clap::{ArgMatches, Command, ValueHint};

use super::{delegation, named};
use crate::caller;
use crate::config;
use crate::error::{self, Ended, Fault};

/// Of a file so much is sent; more is refused on the other side.
const MOST: u64 = 128 << 20;

/// Who owns the service's database, if that is what a person without a database of their own means, and may not read.
pub fn owner_of_service() -> Option<String> {
    // With `--db`, `--config` or a database of their own nobody comes here.
    let own = [config::default_path(), config::default_database()];
    if own.iter().any(|path| path.exists()) {
        return None;
    }
    let database = config::of_service();
    let denied = File::open(&database).is_err_and(|e| e.kind() == ErrorKind::PermissionDenied);
    denied.then(|| caller::owner_name(&database)).flatten()
}

/// Runs the command as the owner of the database.
///
/// # Errors
/// [`Ended`] with the exit code of the command, or why it was not run.
pub fn run(owner: &str, command: &Command, matches: &ArgMatches) -> Result<()> {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let files = delegation::named_files(command, matches);
    let (mut frames, mut written) = (Vec::new(), None);
    for (hint, value) in &files {
        match hint {
            ValueHint::FilePath => frames.push((value.clone(), read(Path::new(value))?)),
            ValueHint::Other => {
                written = Some(new_file(Path::new(value))?);
                args.iter_mut().rev().find(|arg| *arg == value).into_iter().for_each(|arg| *arg = "-".into());
            }
            // Refused on the other side, with the words for it.
            _ => {}
        }
    }
    if !frames.is_empty() {
        args.splice(0..0, ["--front".into(), frames.len().to_string().into()]);
    }
    let program = std::env::current_exe().context("cannot find the program itself")?;
    let mut sudo = Process::new("sudo");
    sudo.args(["-n", "-u", owner, "--"]).arg(&program).args(args);
    sudo.stdin(if frames.is_empty() { Stdio::inherit() } else { Stdio::piped() });
    if let Some((file, _)) = &written {
        sudo.stdout(file.try_clone()?);
    }
    let child =
        sudo.spawn().map_err(|e| error::config(format!("sudo cannot be started: {e}")).hint("apt install sudo"))?;
    let code = finish(child, frames)?;
    if let Some((file, path)) = written {
        match code {
            0 => file.sync_all()?,
            _ => fs::remove_file(path)?,
        }
    }
    match code {
        0 => Ok(()),
        1 if !allowed(owner, &program) => Err(refused(owner).into()),
        code => Err(Ended(code).into()),
    }
}

/// Sends the files, then what comes in by standard input, and waits for the end.
fn finish(mut child: Child, frames: Vec<(OsString, Vec<u8>)>) -> Result<u8> {
    if let Some(mut pipe) = child.stdin.take() {
        // Somebody who asks for nothing more reads nothing more, which is no error.
        std::thread::spawn(move || {
            let sent = frames
                .iter()
                .try_for_each(|(name, bytes)| named::write_frame(&mut pipe, &name.to_string_lossy(), bytes));
            if sent.is_ok() && !io::stdin().is_terminal() {
                let _ = io::copy(&mut io::stdin().lock(), &mut pipe);
            }
            let _ = pipe.flush();
        });
    }
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(70))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = named::read(&path.to_string_lossy(), MOST);
    Ok(bytes.map_err(|e| error::data(format!("cannot read {}: {e}", path.display())))?)
}

fn new_file(path: &Path) -> Result<(File, &Path)> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    Ok((made.map_err(|e| error::data(format!("cannot make {}: {e}", path.display())))?, path))
}

/// Whether there is a rule: sudo and the command may both end with 1.
fn allowed(owner: &str, program: &Path) -> bool {
    let mut list = Process::new("sudo");
    list.args([OsStr::new("-n"), OsStr::new("-l"), OsStr::new("-u"), OsStr::new(owner), program.as_os_str()]);
    list.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn refused(owner: &str) -> Fault {
    error::noperm(format!("the database belongs to {owner}, and sudo does not let you run espomail as that user"))
        .hint("root may add you: usermod -aG espomail-users LOGIN; then log in again")
}
