//! `espomail email attachment`: the files of an email, out of the archive or out of a message file.

use std::fs::OpenOptions;
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::source::{Origin, origin};
use crate::cli::context::{self, Context};
use crate::error::{self, Fault, Kind};
use crate::mail::message::{self, Attachment, PartId};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::{Deed, Outcome, Thing};
use crate::ui::output::Ui;
use crate::ui::{frames, safe};

/// Maximum number of files with the same name in one directory.
const SAME_NAME_MAX: usize = 1_000;

/// Attachments of emails
#[derive(Debug, Subcommand)]
pub enum AttachmentCommand {
    /// List the attachments of an email, including those inside a winmail.dat or a signed container
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail email attachment list 9131\n  $ espomail --json email attachment list mail.eml"
    )]
    List(Source),
    /// Save attachments under safe names; no file is overwritten
    #[command(
        before_help = "Examples:\n  $ espomail email attachment save 9131 --dir /tmp\n  $ espomail email attachment save 9131 2"
    )]
    Save(Save),
    /// Write one attachment to standard output
    #[command(
        before_help = "Examples:\n  $ espomail email attachment cat 9131 2 > scan.pdf\n  $ espomail email attachment cat mail.eml 3.1 | file -"
    )]
    Cat(Cat),
}

/// An email of the archive or a file.
#[derive(Debug, Args)]
pub struct Source {
    /// Email id, or a file (a name with a dot or slash; - is standard input)
    #[arg(value_name = "ID|FILE", value_hint = clap::ValueHint::FilePath)]
    what: String,
}

/// `email attachment save`
#[derive(Debug, Args)]
pub struct Save {
    #[command(flatten)]
    source: Source,
    /// Numbers of the parts in the list (default: all)
    #[arg(value_name = "PART")]
    parts: Vec<PartId>,
    /// Directory for the files; - writes them to standard output, each after a line with its size and name
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
}

/// `email attachment cat`
#[derive(Debug, Args)]
pub struct Cat {
    #[command(flatten)]
    source: Source,
    /// Number of the part in the list
    #[arg(value_name = "PART")]
    part: PartId,
}

/// Fields of an attachment in their order.
pub const COLUMNS: &[Column<(PartId, Attachment)>] = &[
    Column::new("part", head("PART").right().key(), |(id, _), _| Cell::object(json!(id.part), &id.to_string())),
    Column::new("inner", unlisted(), |(id, _), _| {
        id.inner.map_or_else(Cell::none, |inner| Cell::object(json!(inner), ""))
    }),
    Column::new("name", head("NAME").shrinking(), |(_, file), _| Cell::text(&file.name)),
    Column::new("type", head("TYPE").shrinking(), |(_, file), _| Cell::text(&file.content_type)),
    Column::new("size", head("SIZE").right(), |(_, file), _| match file.is_pruned() {
        true => Cell::object(json!(0), "pruned"),
        false => Cell::int(i64::try_from(file.size).unwrap_or(i64::MAX)),
    }),
    Column::new("inline", head("INLINE").rank(1), |(_, file), _| Cell::bool(file.inline)),
    Column::new("sha256", unlisted(), |(_, file), _| Cell::text(&file.sha256)),
    Column::new("pruned", unlisted(), |(_, file), _| Cell::bool(file.is_pruned())),
];

/// Runs an `email attachment` command.
pub fn run(command: AttachmentCommand, ctx: &Context) -> Result<()> {
    match command {
        AttachmentCommand::List(from) => {
            let origin = origin(&from.what, ctx)?;
            ctx.ui.list("attachments", COLUMNS, &listed(&origin))
        }
        AttachmentCommand::Save(args) => save(&args, ctx),
        AttachmentCommand::Cat(args) => {
            let origin = origin(&args.source.what, ctx)?;
            ctx.ui.bytes(&content(&origin, args.part)?, "FILE")
        }
    }
}

/// An attachment as JSON; `contents` are the files in a winmail.dat or a signed container.
pub fn json_of(attachment: &Attachment) -> Value {
    let Attachment { part, name, content_type, size, sha256, inline, .. } = attachment;
    let contents: Vec<Value> = attachment.contents.iter().map(json_of).collect();
    json!({
        "part": part,
        "name": name,
        "type": content_type,
        "size": size,
        "sha256": sha256,
        "inline": inline,
        "contents": contents,
        "pruned": attachment.is_pruned(),
    })
}

/// Attachments and what they hold, flat.
pub(super) fn listed(origin: &Origin) -> Vec<(PartId, Attachment)> {
    let mut all = Vec::new();
    for attachment in origin.attachments() {
        let part = attachment.part;
        let inner = attachment.contents.clone();
        all.push((PartId { part, inner: None }, attachment));
        all.extend(inner.into_iter().map(|file| (PartId { part, inner: Some(file.part) }, file)));
    }
    all
}

pub(super) fn content(origin: &Origin, part: PartId) -> Result<Vec<u8>> {
    if let Some(file) = origin.attachments().iter().find(|file| file.part == part.part && file.is_pruned()) {
        return Err(pruned(part, file).into());
    }
    let bytes = message::attachment_bytes(&origin.raw, part).ok_or_else(|| no_attachment(part))?;
    if bytes.is_empty() {
        let text = format!("attachment {part} is empty: it came so, or its bytes were pruned");
        return Err(error::data(text).hint(IN_A_BACKUP).into());
    }
    Ok(bytes)
}

/// Where pruned bytes may still be.
const IN_A_BACKUP: &str = "a backup may have it: see RETENTION in `espomail man db`";

fn pruned(part: PartId, file: &Attachment) -> Fault {
    error::data(format!("attachment {part}, {}: its bytes were pruned", file.shown_name())).hint(IN_A_BACKUP)
}

fn no_attachment(part: PartId) -> anyhow::Error {
    error::data(format!("there is no attachment {part}")).hint("see `espomail email attachment list`").into()
}

fn save(args: &Save, ctx: &Context) -> Result<()> {
    let origin = origin(&args.source.what, ctx)?;
    let all = listed(&origin);
    for wanted in &args.parts {
        if !all.iter().any(|(part, _)| part == wanted) {
            return Err(no_attachment(*wanted));
        }
    }
    let chosen = all.iter().filter(|(part, file)| match args.parts.as_slice() {
        [] => file.contents.is_empty(),
        parts => parts.contains(part),
    });
    let (gone, chosen): (Vec<_>, Vec<_>) = chosen.partition(|(_, file)| file.is_pruned());
    let mut gone = gone.into_iter().map(|(part, file)| pruned(*part, file)).peekable();
    if let Some(fault) = gone.next_if(|_| chosen.is_empty() || !args.parts.is_empty()) {
        return Err(fault.into());
    }
    let mut deeds = Vec::new();
    for (part, file) in chosen {
        let name = safe::file_name(&file.name, &format!("attachment-{part}"));
        if args.dir == Path::new("-") && !ctx.dry_run {
            let mut frame = Vec::new();
            frames::write(&mut frame, &name, &content(&origin, *part)?)?;
            ctx.ui.bytes(&frame, "FILE")?;
            continue;
        }
        if ctx.dry_run {
            let path = args.dir.join(&name).display().to_string();
            deeds.push(Deed::new(Thing::path(&path), format!("{path} is written")));
            continue;
        }
        let path = write_new(&args.dir, &name, &content(&origin, *part)?)?;
        deeds.push(saved(&path));
    }
    if args.dir != Path::new("-") || ctx.dry_run {
        ctx.done_each(deeds)?;
    }
    if gone.peek().is_none() {
        return Ok(());
    }
    gone.for_each(|fault| ctx.ui.warn(&fault.message));
    ctx.ui.hint(IN_A_BACKUP);
    Err(context::told(Kind::Partial))
}

/// A file that was written: its path is all that people get, too.
fn saved(path: &Path) -> Deed {
    let path = path.display().to_string();
    Deed::new(Thing::path(&path), path)
}

/// Saves what an `attachment save --dir -` sends.
pub fn save_sent(input: &mut impl BufRead, dir: &Path, ui: &Ui) -> Result<()> {
    let mut deeds = Vec::new();
    while let Some((name, bytes)) = frames::read(input, u64::MAX)? {
        deeds.push(saved(&write_new(dir, &safe::file_name(&name, "attachment"), &bytes)?));
    }
    ui.outcome(&Outcome { deeds, takes_several: true, ..Outcome::default() })
}

/// Writes a file that was not there, with a number in its name where another one has it.
fn write_new(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    for n in 0..SAME_NAME_MAX {
        let path = dir.join(if n == 0 { name.to_owned() } else { format!("{stem} ({n}){extension}") });
        // Neither a file nor a link that is there is ever followed.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
                return Ok(path);
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(error::file(format!("--dir: cannot make {}", path.display()), &e).into()),
        }
    }
    Err(error::data(format!("--dir: {} has too many files named {name}", dir.display())).into())
}
