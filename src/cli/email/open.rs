//! `email open`: an attachment in the person's own program. Nothing of it happens with the rights of a service user.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufRead, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use clap::Args;

use super::attachment::{content, listed};
use super::source::{Origin, origin};
use crate::cli::context::Context;
use crate::error::{self, Fault, Kind};
use crate::job_control;
use crate::mail::message::PartId;
use crate::mail::message_id;
use crate::random;
use crate::system_words;
use crate::ui::outcome::{Deed, Outcome};
use crate::ui::output::Ui;
use crate::ui::{frames, safe};

/// The variable that names the program.
const OPENER: &str = "ESPOMAIL_OPENER";
/// The program where no variable names one and there is a display.
const USUAL: &str = "xdg-open";
/// Programs return before the file is read, so it stays for so long.
const KEPT: Duration = Duration::from_hours(24);
/// Ends of names of files that a desktop would run instead of showing them.
const PROGRAMS: [&str; 26] = [
    "appimage", "bash", "bat", "cmd", "com", "cpl", "desktop", "exe", "hta", "jar", "jnlp", "js", "jse", "lnk", "msi",
    "msp", "pif", "pl", "ps1", "py", "rb", "run", "scr", "sh", "vbs", "wsf",
];

/// `email open`
#[derive(Debug, Args)]
pub struct Open {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    /// Number of the attachment in `email attachment list` (default: the only one)
    #[arg(value_name = "PART")]
    part: Option<PartId>,
    /// Send the file to the person's side of sudo, which opens it
    #[arg(long, hide = true)]
    sent: bool,
}

/// The argument of the other side of sudo.
pub const SENT: &str = "--sent";

pub fn run(args: &Open, ctx: &Context) -> Result<()> {
    if args.sent {
        let origin = origin(&args.id.to_string(), ctx)?;
        let (part, name) = chosen(args, &origin)?;
        let mut frame = Vec::new();
        frames::write(&mut frame, &format!("{part} {name}"), &content(&origin, part)?)?;
        return ctx.ui.bytes(&frame, "FILE");
    }
    if ctx.caller.is_delegated() || ctx.caller.uid != ctx.caller.process_uid {
        return Err(error::noperm("email open: no program is started with the rights of the service user")
            .hint(format!("leave sudo out, or save it: espomail email attachment save {}", args.id))
            .into());
    }
    let origin = origin(&args.id.to_string(), ctx)?;
    let (part, name) = chosen(args, &origin)?;
    let opener = Opener::find(args.id.to_string())?;
    if ctx.dry_run {
        return ctx.rehearsed(&opener.rehearsal(&name));
    }
    opener.open(part, &name, &content(&origin, part)?)
}

/// The person's program.
pub struct Opener {
    program: String,
    email: String,
}

impl Opener {
    /// # Errors
    /// There is none.
    pub fn find(email: String) -> Result<Opener> {
        match opener(&|name| env::var_os(name)) {
            Some(program) => Ok(Opener { program, email }),
            None => Err(error::config("email open: there is no display, and no program is named")
                .hint(format!("set {OPENER}, or save it: espomail email attachment save {email}"))
                .into()),
        }
    }

    /// What a rehearsal says.
    fn rehearsal(&self, name: &str) -> String {
        format!("{name} is opened with {}", self.program)
    }

    /// Opens bytes as a file of this name.
    fn open(&self, part: PartId, name: &str, bytes: &[u8]) -> Result<()> {
        let save = format!("save it: espomail email attachment save {} {part}", self.email);
        if is_program(name) {
            let fault = format!("email open: {name} may be a program, which would run instead of being shown");
            return Err(error::data(fault).hint(save).into());
        }
        start(&self.program, &write(name, bytes)?, &save)
    }

    /// Opens the file that the other side of sudo sends; that side says itself why it sends none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_sent(&self, input: &mut impl BufRead, ui: &Ui, is_rehearsed: bool) -> Result<()> {
        let Some((said, bytes)) = frames::read(input, u64::MAX)? else { return Ok(()) };
        let (part, name) = said.split_once(' ').unwrap_or_default();
        let name = safe::file_name(name, "attachment");
        match is_rehearsed {
            true => {
                let deeds = vec![Deed::new(Vec::new(), self.rehearsal(&name))];
                ui.outcome(&Outcome { deeds, dry_run: true, ..Outcome::default() })
            }
            false => self.open(part.parse().map_err(error::data)?, &name, &bytes),
        }
    }
}

/// The attachment that is meant, and the name of its file.
fn chosen(args: &Open, origin: &Origin) -> Result<(PartId, String)> {
    let all = listed(origin);
    let list = format!("espomail email attachment list {}", args.id);
    let count = all.len();
    let mut meant = all.into_iter().filter(|(part, _)| args.part.is_none_or(|wanted| wanted == *part));
    match (meant.next(), args.part, count) {
        (Some((part, file)), Some(_), _) | (Some((part, file)), None, 1) => {
            Ok((part, safe::file_name(&file.name, &format!("attachment-{part}"))))
        }
        (Some(_), None, _) => {
            let fault = format!("email {} has {count} attachments; say which", args.id);
            Err(Fault::new(Kind::Usage, fault).hint(list).into())
        }
        (None, Some(part), _) => {
            Err(error::data(format!("email {} has no attachment {part}", args.id)).hint(list).into())
        }
        (None, None, _) => Err(error::data(format!("email {} has no attachment", args.id)).into()),
    }
}

/// The program that opens files, as the environment names it; may hold arguments.
fn opener(variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Option<String> {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let named = variable(OPENER).and_then(|named| named.into_string().ok());
    let named = named.filter(|named| !named.trim().is_empty());
    named.or_else(|| (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")).then(|| USUAL.to_owned()))
}

fn is_program(name: &str) -> bool {
    let end = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
    PROGRAMS.iter().any(|program| program.eq_ignore_ascii_case(end))
}

/// Writes a file that nobody else can read, in a directory of its own. Files of earlier days go.
fn write(name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let base = base()?;
    clean(&base);
    let dir = base.join(message_id::new_key(random::bytes()?));
    DirBuilder::new().mode(0o700).create(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = dir.join(name);
    let mut options = OpenOptions::new();
    // Not to be written: what is changed there is nowhere else.
    let mut file = options.write(true).create_new(true).mode(0o400).open(&path)?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The directory of files that were opened.
fn base() -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let run = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
    let base =
        run.map_or_else(|| env::temp_dir().join(format!("espomail-opened-{uid}")), |dir| dir.join("espomail-opened"));
    match DirBuilder::new().mode(0o700).create(&base) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => {
            return Err(error::file(format!("cannot make {}", base.display()), &e).into());
        }
        _ => {}
    }
    // Somebody else may have made it in a directory that is everybody's.
    let found = fs::symlink_metadata(&base)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(error::noperm(format!("{}: must be a directory that only you can use", base.display()))
            .hint("remove it, or set TMPDIR to a directory of your own")
            .into());
    }
    Ok(base)
}

/// Removes what was opened some time ago.
fn clean(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|found| found.modified()).ok();
        if age.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > KEPT) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Starts the program by the shell, as the editor is, and waits until it returns.
fn start(opener: &str, path: &Path, save: &str) -> Result<()> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{opener} \"$@\"")).arg(opener).arg(path).stdin(Stdio::null());
    let failed = |why: String| Fault::new(Kind::Config, format!("email open: {opener}: {why}")).hint(save).into();
    match job_control::while_waiting(|| command.status()) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) if status.code() == Some(127) => Err(failed("there is no such program".to_owned())),
        Ok(status) => Err(failed(system_words::ended(status))),
        Err(e) => Err(failed(format!("cannot be started: {}", system_words::reason(&e)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_one_that_is_named_or_that_of_the_display() {
        for (variables, expected) in [
            (&[][..], None),
            (&[("DISPLAY", "")], None),
            (&[("DISPLAY", ":0")], Some("xdg-open")),
            (&[("WAYLAND_DISPLAY", "wayland-0")], Some("xdg-open")),
            (&[("ESPOMAIL_OPENER", "mpv --fs"), ("DISPLAY", ":0")], Some("mpv --fs")),
            (&[("ESPOMAIL_OPENER", "lynx")], Some("lynx")),
            (&[("ESPOMAIL_OPENER", " ")], None),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
            assert_eq!(opener(&variable).as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_a_desktop_would_run_is_not_opened() {
        for (name, expected) in [
            ("a.pdf", false),
            ("a.JAR", true),
            ("invoice.pdf.exe", true),
            ("a.desktop", true),
            ("exe", false),
            ("sh.txt", false),
        ] {
            assert_eq!(is_program(name), expected, "{name}");
        }
    }
}
