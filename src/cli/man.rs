//! `espomail man`: the manual that is part of the program.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use anyhow::{Context as _, Result};
use clap::Args;

use super::context::Context;
use crate::error::{self, Fault, Kind};
use crate::suggest;
use crate::ui::outcome::Thing;
use crate::ui::{output, pager};

/// A page of the manual: its name, its section and its source (mdoc).
pub struct Page {
    pub name: &'static str,
    pub section: &'static str,
    pub source: &'static str,
}

/// The pages, in the order in which `espomail man --list` and error texts name them.
macro_rules! pages {
    ($($name:literal $section:literal),* $(,)?) => {
        &[$(Page {
            name: $name,
            section: $section,
            source: include_str!(concat!("../../man/", $name, ".", $section)),
        }),*]
    };
}

/// The manual.
pub const PAGES: &[Page] = pages![
    "espomail" "1",
    "espomail-account" "1",
    "espomail-case" "1",
    "espomail-db" "1",
    "espomail-email" "1",
    "espomail-events" "1",
    "espomail-export" "1",
    "espomail-fetch" "1",
    "espomail-filter" "1",
    "espomail-folder" "1",
    "espomail-host" "1",
    "espomail-import" "1",
    "espomail-init" "1",
    "espomail-log" "1",
    "espomail-notification" "1",
    "espomail-outbox" "1",
    "espomail-quarantine" "1",
    "espomail-record" "1",
    "espomail-report" "1",
    "espomail-role" "1",
    "espomail-search" "1",
    "espomail-stream" "1",
    "espomail-team" "1",
    "espomail-template" "1",
    "espomail-user" "1",
    "espomail.toml" "5",
    "espomail-json" "7",
    "espomail-oauth" "7",
    "espomail-postgresql" "7",
    "espomail-query" "7",
    "espomail-rules" "7",
    "espomail-security" "7",
    "espomail-servers" "7",
];

/// Commands without a page of their own, and the page that describes them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("send", "espomail-fetch"),
    ("ingest", "espomail-fetch"),
    ("note", "espomail-stream"),
    ("status", "espomail"),
    ("check", "espomail"),
    ("metrics", "espomail"),
    ("doctor", "espomail"),
    ("whoami", "espomail"),
    ("schema", "espomail"),
    ("man", "espomail"),
    ("completions", "espomail"),
    ("config", "espomail"),
    ("help", "espomail"),
    ("toml", "espomail.toml"),
];

/// Programs that make text of a page from standard input, best first.
const VIEWERS: &[(&str, &[&str])] = &[("man", &["-P", "cat", "-l", "-"]), ("mandoc", &["-T", "utf8"])];

impl Page {
    /// The page about a command or a topic: `case`, `query`, `espomail-case`; `None` if there is none.
    pub fn about(topic: &str) -> Option<&'static Self> {
        let elsewhere = ELSEWHERE.iter().find(|(command, _)| *command == topic).map(|(_, page)| *page);
        let wanted = elsewhere.unwrap_or(topic);
        PAGES.iter().find(|page| page.name == wanted || page.name.strip_prefix("espomail-") == Some(wanted))
    }

    /// Its name below a directory of manuals: `man1/espomail.1`.
    fn file(&self) -> PathBuf {
        Path::new(&format!("man{}", self.section)).join(format!("{}.{}", self.name, self.section))
    }
}

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Page to show: a command or one of toml, query, rules and security
    #[arg(value_name = "TOPIC", default_value = "espomail")]
    topic: String,
    /// Print the source of the page (mdoc)
    #[arg(long, conflicts_with = "to")]
    source: bool,
    /// Write all pages below this directory, into man1, man5 and man7
    #[arg(long, value_name = "DIR", conflicts_with = "topic")]
    to: Option<PathBuf>,
}

/// Runs `man`.
///
/// # Errors
/// No such page, or files that cannot be written.
pub fn run(args: &ManArgs, ctx: &Context) -> Result<()> {
    if let Some(dir) = &args.to {
        return write_all(dir, ctx);
    }
    let page = find(&args.topic)?;
    if args.source {
        return output::print(page.source.as_bytes());
    }
    show_page(&args.topic, ctx)
}

/// Shows a page of the manual as a reader sees it.
///
/// # Errors
/// There is no such page.
pub fn show_page(topic: &str, ctx: &Context) -> Result<()> {
    let page = find(topic)?;
    // A pager started with the rights of a service would give them to everybody who can type "!".
    if !ctx.caller.is_delegated() {
        if let Some(text) = rendered(page, ctx.ui.width)? {
            return output::print(&text);
        }
        ctx.ui.note("neither man nor mandoc is installed, so this is the source of the page");
    }
    output::print(page.source.as_bytes())
}

/// What `man` has pages about.
pub fn topics() -> Vec<&'static str> {
    let pages = PAGES.iter().map(|page| page.name.strip_prefix("espomail-").unwrap_or(page.name));
    pages.chain(ELSEWHERE.iter().map(|(command, _)| *command)).collect()
}

fn find(topic: &str) -> Result<&'static Page> {
    Page::about(topic).ok_or_else(|| {
        let names: Vec<&str> = PAGES.iter().map(|p| p.name.strip_prefix("espomail-").unwrap_or(p.name)).collect();
        let known = names.iter().copied().chain(ELSEWHERE.iter().map(|(command, _)| *command));
        let text = format!("there is no manual page about \"{topic}\"");
        let hint = match suggest::similar(topic, known) {
            Some(meant) => format!("did you mean espomail man {meant}?"),
            None => format!("the pages are: {}", names.join(", ")),
        };
        Fault::new(Kind::Usage, text).hint(hint).into()
    })
}

fn write_all(dir: &Path, ctx: &Context) -> Result<()> {
    for page in PAGES {
        let file = dir.join(page.file());
        if !ctx.dry_run {
            let parent = file.parent().unwrap_or(dir);
            let cannot = |path: &Path, e| error::file(format!("--to: cannot make {}", path.display()), &e);
            std::fs::create_dir_all(parent).map_err(|e| cannot(parent, e))?;
            std::fs::write(&file, page.source).map_err(|e| cannot(&file, e))?;
        }
    }
    ctx.done(Thing::path(dir.display()), &format!("{} manual pages written below {}", PAGES.len(), dir.display()))
}

/// The text of a page for a terminal of this width; `None` where no viewer is installed.
fn rendered(page: &Page, width: Option<usize>) -> Result<Option<Vec<u8>>> {
    for (program, arguments) in VIEWERS {
        let mut viewer = Process::new(program);
        viewer.args(*arguments).stdin(in_memory(page.source)?).stderr(Stdio::inherit());
        if let Some(width) = width.filter(|_| pager::is_on()) {
            viewer.env("MANWIDTH", width.to_string()).env("MAN_KEEP_FORMATTING", "1");
        }
        match viewer.output() {
            Ok(done) if done.status.success() => return Ok(Some(done.stdout)),
            Ok(done) => return Err(error::config(format!("{program} failed: {}", done.status)).into()),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e).with_context(|| format!("cannot run {program}")),
        }
    }
    Ok(None)
}

/// A file without a name that holds the text.
fn in_memory(text: &str) -> Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("manual", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
