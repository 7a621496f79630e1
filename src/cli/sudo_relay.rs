//! The part of the program that runs with the caller's own rights in enforced mode.
//!
//! Somebody who may not read the service's database types the command as if they might. Files they name are opened here,
//! and only bytes go through sudo to the same program, which runs the command.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command as Process, ExitStatus, Stdio};

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command, ValueHint};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::email::{Opener, SENT, attachment};
use super::sudo_front::{self, Terminal};
use super::{named_files, sudo_policy};
use crate::caller;
use crate::config;
use crate::error::{self, Ended, Fault};
use crate::system_words;
use crate::ui::output::Ui;
use crate::ui::terminal::{Facts, Screen};
use crate::ui::{frames, pager};

/// Maximum number of bytes of a file that are sent; the other side refuses more.
const MOST: u64 = 128 << 20;

/// The group that the rule of `make install-service` lets run the program.
const GROUP: &str = "espomail-users";

/// Who owns the service's database, if that is what a person without a database of their own means, and may not use.
pub fn owner_of_service() -> Option<String> {
    // With `--db`, `--state`, `--config` or a database of their own nobody comes here.
    let own = [config::default_path(), config::default_database()];
    // Without a home there are none: those are the service's.
    if caller::home().is_some() && own.iter().any(|path| path.exists()) {
        return None;
    }
    let place = config::of_service();
    let denied = match place.file() {
        Some(file) => File::open(file).is_err_and(|e| e.kind() == ErrorKind::PermissionDenied),
        // Who may not write the state of a server is not who uses it.
        None => {
            caller::is_enforced(&place) && access(place.state(), Access::WRITE_OK).is_err_and(|e| e == Errno::ACCESS)
        }
    };
    denied.then(|| caller::owner_name(&place)).flatten()
}

/// What becomes of the command's standard output.
enum Output {
    /// It is the caller's.
    Shown,
    /// A new file of the caller's.
    File(File, PathBuf),
    /// Files for this directory.
    Files(PathBuf),
    /// A file for the caller's own program.
    Opened(Opener),
    /// [`sudo_front`] shows it, and answers what the command asks.
    Served,
}

/// Runs the command as the owner of the database.
///
/// # Errors
/// [`Ended`] with the exit code of the command, or why it was not run.
pub fn run(owner: &str, command: &Command, matches: &ArgMatches, ui: &Ui) -> Result<()> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    // Sudo would refuse others in words of its own. Members of the group are not asked about: that takes as long as a command.
    if !caller::is_in_group(GROUP) && !allowed(owner, &program) {
        return Err(refused(owner).into());
    }
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (mut frames, mut output) = (Vec::new(), Output::Shown);
    for (arg, value) in sudo_policy::named_files(command, matches) {
        match arg.get_value_hint() {
            ValueHint::FilePath => frames.push((value.to_owned(), read(Path::new(value))?)),
            ValueHint::Other => {
                output = new_file(Path::new(value))?;
                in_place_of(&mut args, arg, value);
            }
            ValueHint::DirPath if !matches.get_flag("dry_run") => {
                output = Output::Files(PathBuf::from(value));
                in_place_of(&mut args, arg, value);
            }
            // Refused on the other side, with the words for it.
            _ => {}
        }
    }
    if let Some(opener) = opens(matches, &mut args)? {
        output = Output::Opened(opener);
    }
    let somebody_types = io::stdin().is_terminal();
    let is_input = args.iter().any(|arg| arg == "-");
    let asks = somebody_types && !is_input;
    let edits = asks && wants_editor(command, matches);
    let facts = Facts { screen: Screen::of_stdout(), color: ui.color, asks, edits };
    // Files go where otherwise that would go which is typed. A text is typed here, where the terminal ends it by Ctrl-D also
    // before the command has begun.
    let is_typed = somebody_types && (!frames.is_empty() || is_input);
    if matches!(output, Output::Shown) && (edits || is_typed || pager::is_on()) {
        output = Output::Served;
        args.splice(0..0, ["--afar".into(), facts.to_string().into()]);
    }
    if !frames.is_empty() {
        args.splice(0..0, ["--front".into(), frames.len().to_string().into()]);
    }
    let mut sudo = Process::new("sudo");
    sudo.args(["-n", "-u", owner, "--"]).arg(&program).args(args);
    let sends = !frames.is_empty() || matches!(output, Output::Served);
    sudo.stdin(if sends { Stdio::piped() } else { Stdio::inherit() });
    sudo.stdout(match &output {
        Output::Shown => Stdio::inherit(),
        Output::File(file, _) => file.try_clone()?.into(),
        Output::Files(_) | Output::Opened(_) | Output::Served => Stdio::piped(),
    });
    if matches!(output, Output::Served) {
        // Keys are for the editor and the pager.
        sudo.process_group(0);
    }
    let child = sudo.spawn().map_err(|e| {
        error::config(format!("sudo cannot be started: {}", system_words::reason(&e))).hint("apt install sudo")
    })?;
    let code = match output {
        Output::Served => serve(child, frames, asks, ui)?,
        _ => finish(child, frames, &output, ui, matches.get_flag("dry_run"))?,
    };
    if let Output::File(file, path) = output {
        match code {
            0 => file.sync_all()?,
            _ => fs::remove_file(path)?,
        }
    }
    match code {
        0 => Ok(()),
        1 if !allowed(owner, &program) => Err(refused(owner).into()),
        code => Err(Ended::Code(code).into()),
    }
}

/// For `email open`, which asks the other side for the file alone: the caller's program.
fn opens(matches: &ArgMatches, args: &mut Vec<OsString>) -> Result<Option<Opener>> {
    let email = matches.subcommand().filter(|(name, _)| *name == "email").map(|(_, below)| below);
    let Some(("open", leaf)) = email.and_then(ArgMatches::subcommand) else { return Ok(None) };
    let id = leaf.get_raw("id").into_iter().flatten().map(|word| word.to_string_lossy()).collect();
    let opener = Opener::find(id)?;
    // After the verb: what follows `--` is not an option.
    let verb = args.iter().rposition(|arg| arg == "open").map_or(args.len(), |at| at + 1);
    args.insert(verb, SENT.into());
    Ok(Some(opener))
}

/// Whether the command may ask for an editor: it writes a letter, and no text is given or is to be edited.
fn wants_editor(command: &Command, matches: &ArgMatches) -> bool {
    let (mut command, mut leaf) = (command, matches);
    while let Some((name, below)) = leaf.subcommand() {
        let Some(found) = command.find_subcommand(name) else { return false };
        (command, leaf) = (found, below);
    }
    // Only the command tree knows which flags there are: what `ArgMatches` says of others depends on how it was built.
    let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    let values = |id: &str| has(id).then(|| leaf.get_raw(id)).flatten();
    let given = |id: &str| values(id).is_some();
    let is_on = |id: &str| has(id) && leaf.get_flag(id);
    let is_given = ["message", "file", "template", "stdin", "what"].into_iter().any(given);
    let reads_stdin = given("stdin") || values("file").into_iter().flatten().any(|file| file == "-");
    let wants = !is_given || (is_on("edit") && !reads_stdin);
    let is_refused = matches.get_flag("no_input") || matches.get_flag("dry_run");
    has("attach") && wants && !is_refused
}

/// Lets an argument mean standard output, wherever its value stands.
fn in_place_of(args: &mut Vec<OsString>, arg: &Arg, value: &OsStr) {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut joined = OsString::from(long.as_deref().unwrap_or_default());
    joined.push("=");
    joined.push(value);
    match (args.iter_mut().rev().find(|given| **given == value || **given == joined), long) {
        (Some(given), Some(long)) if *given == joined => *given = format!("{long}=-").into(),
        (Some(given), _) => *given = "-".into(),
        // It has its default.
        (None, Some(long)) => args.push(format!("{long}=-").into()),
        (None, None) => {}
    }
}

/// Shows what the command says and answers what it asks, and waits for the end.
fn serve(mut child: Child, frames: Vec<(OsString, Vec<u8>)>, asks: bool, ui: &Ui) -> Result<u8> {
    let (Some(mut pipe), Some(said)) = (child.stdin.take(), child.stdout.take()) else { return Ok(70) };
    let answer = if asks {
        // All are read before anything is said; who is refused reads none.
        let _ = send(&mut pipe, &frames);
        Some(pipe)
    } else {
        feed(pipe, frames, true);
        None
    };
    let served = sudo_front::serve(BufReader::with_capacity(64 << 10, said), answer, &mut Terminal);
    let code = code(child.wait()?);
    if let Some(page) = served? {
        ui.hint(&format!("what you wrote is in {}; the directory is yours to remove", page.file().display()));
    }
    Ok(code)
}

/// Sends the files, then, if it is wanted, what comes in by standard input.
fn feed(mut pipe: ChildStdin, frames: Vec<(OsString, Vec<u8>)>, and_input: bool) {
    // Somebody who asks for nothing more reads nothing more, which is not an error.
    std::thread::spawn(move || {
        if send(&mut pipe, &frames).is_ok() && and_input {
            let _ = io::copy(&mut io::stdin().lock(), &mut pipe);
        }
        let _ = pipe.flush();
    });
}

fn send(pipe: &mut impl io::Write, sent: &[(OsString, Vec<u8>)]) -> io::Result<()> {
    sent.iter().try_for_each(|(name, bytes)| frames::write(pipe, &name.to_string_lossy(), bytes))
}

/// As a shell has it of a program that a signal ended.
fn code(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(70)
}

/// Sends the files, then what comes in by standard input, takes what is to be saved, and waits for the end.
fn finish(
    mut child: Child,
    frames: Vec<(OsString, Vec<u8>)>,
    output: &Output,
    ui: &Ui,
    is_rehearsed: bool,
) -> Result<u8> {
    if let Some(pipe) = child.stdin.take() {
        feed(pipe, frames, !io::stdin().is_terminal());
    }
    let saved = match (output, child.stdout.take()) {
        (Output::Files(dir), Some(pipe)) => attachment::save_sent(&mut BufReader::new(pipe), dir, ui),
        (Output::Opened(opener), Some(pipe)) => opener.open_sent(&mut BufReader::new(pipe), ui, is_rehearsed),
        _ => Ok(()),
    };
    let status = child.wait()?;
    saved?;
    Ok(code(status))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = named_files::read(&path.to_string_lossy(), MOST);
    Ok(bytes.map_err(|e| error::file(format!("cannot read {}", path.display()), &e))?)
}

fn new_file(path: &Path) -> Result<Output> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.map_err(|e| error::file(format!("cannot make {}", path.display()), &e))?;
    Ok(Output::File(file, path.to_owned()))
}

/// Whether there is a rule: sudo and the command may both end with 1.
fn allowed(owner: &str, program: &Path) -> bool {
    let mut list = Process::new("sudo");
    list.args([OsStr::new("-n"), OsStr::new("-l"), OsStr::new("-u"), OsStr::new(owner), program.as_os_str()]);
    list.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn refused(owner: &str) -> Fault {
    error::noperm(format!("the database belongs to {owner}, and sudo does not let you run espomail as that user"))
        .hint("root can add you: usermod -aG espomail-users LOGIN; then log in again")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// The commands of the whole tree that write letters, and no other.
    #[test]
    fn only_letters_are_edited() {
        for (line, expected) in [
            ("case reply 1", true),
            ("case reply 1 -m x", false),
            ("case reply 1 -m x --edit", true),
            ("case reply 1 -F -", false),
            ("case reply 1 -F - --edit", false),
            ("case reply 1 -F x --edit", true),
            ("case reply 1 --template x", false),
            ("case reply 1 -", false),
            ("--no-input case reply 1", false),
            ("case reply 1 --dry-run", false),
            ("case close 1", false),
            ("email reply 1", true),
            ("email forward 1", true),
            ("email send --to a@b.example", true),
            ("email send 3", false),
            ("email edit 3", true),
            ("account add x --address a@b.example --secret stdin", false),
            ("account secret x --secret stdin", false),
            ("case merge 1 2", false),
            ("case note 1", false),
            ("case list", false),
            ("email list", false),
            ("email attachment list 1", false),
            ("fetch", false),
            ("status", false),
        ] {
            let mut command = Cli::command();
            let words = std::iter::once("espomail").chain(line.split(' '));
            let matches = command.try_get_matches_from_mut(words).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(wants_editor(&command, &matches), expected, "{line}");
        }
    }

    #[test]
    fn a_command_that_a_signal_ended_is_not_reported_as_a_bug() {
        // As wait(2) tells it: the exit code in the upper byte, or the signal.
        for (told, expected) in [(0, 0), (77 << 8, 77), (2, 130), (9, 137), (13, 141)] {
            assert_eq!(code(ExitStatus::from_raw(told)), expected, "{told}");
        }
    }
}
