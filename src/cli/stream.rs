//! `espomail stream` and `espomail note`: what happened on a record, and a comment on it.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::{self, Context};
use super::text::Text;
use crate::intake::notify;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::{self, ParentType};
use crate::store::sight::{Object, Sight};
use crate::store::stream::{self, Note, NoteKind};
use crate::ui::cell::{Cell, Column, head};
use crate::ui::outcome::Thing;

/// `stream`
#[derive(Debug, Args)]
pub struct StreamArgs {
    /// Record, such as company/3 or case/12
    #[arg(value_name = "TYPE/ID")]
    record: String,
}

/// `note`
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// Record, such as company/3 or case/12
    #[arg(value_name = "TYPE/ID")]
    record: String,
    #[command(flatten)]
    text: Text,
}

/// A note as its reader may know it.
pub struct Listed {
    pub note: Note,
    pub email_id: Option<i64>,
    pub text: String,
}

/// Fields of notes in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("id", head("ID").right(), |one, _| Cell::int(one.note.id)),
    Column::new("created_at", head("DATE"), |one, _| Cell::date_time(one.note.created_at)),
    Column::new("kind", head("KIND"), |one, _| Cell::object(json!(one.note.kind.as_str()), words(one.note.kind))),
    Column::new("user", head("USER"), |one, _| who(&one.note)),
    Column::new("email", head("EMAIL").right(), |one, _| Cell::opt_int(one.email_id)),
    Column::new("text", head("TEXT").shrinking(), |one, _| Cell::text(&one.text)),
];

/// What a note is called for people.
pub fn words(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::EmailReceived => "mail received",
        NoteKind::EmailSent => "mail sent",
        NoteKind::Created => "opened",
        NoteKind::Assigned => "assigned",
        NoteKind::Status => "status",
        NoteKind::Edited => "changed",
        NoteKind::Linked => "link",
        NoteKind::Merged => "merged",
        NoteKind::Split => "split",
        NoteKind::Moved => "moved",
        NoteKind::Accepted => "accepted",
        NoteKind::Refused => "refused",
        NoteKind::People => "people",
        NoteKind::Answered => "answered",
        NoteKind::Snoozed => "snoozed",
        NoteKind::Tagged => "tags",
        NoteKind::Comment => "note",
        NoteKind::Remark => "remark",
        NoteKind::Junk => "junk",
        NoteKind::NotJunk => "not junk",
        NoteKind::Failed => "not delivered",
        NoteKind::Failing => "fails",
        NoteKind::Recovered => "works again",
        NoteKind::Restored => "restored",
    }
}

/// Who did what a note tells of.
pub fn who(note: &Note) -> Cell {
    note.user_id.zip(note.username.as_ref()).map_or_else(Cell::none, |(id, username)| Cell::user(id, username))
}

/// Runs `stream`.
pub fn run(args: &StreamArgs, ctx: &Context) -> Result<()> {
    let reference = context::record_ref(&ctx.command, &args.record)?;
    let rows = ctx.read(|tx, actor| {
        let parent = context::record(tx, actor, reference)?;
        stream::notes(tx, parent, actor.sight())?
            .into_iter()
            .map(|note| listed(tx, note, actor.sight()))
            .collect::<Result<Vec<_>>>()
    })?;
    ctx.ui.list("stream", COLUMNS, &rows)
}

/// A note about an email that the reader may not see says that there is one.
pub fn listed(tx: &Tx<'_>, note: Note, sight: Sight) -> Result<Listed> {
    let email = note.email_id.map(|id| emails::by_id(tx, id, sight)).transpose()?.flatten();
    let text = match (&email, note.email_id) {
        (Some(email), _) if note.text.is_empty() => {
            format!("{}: {}", email.with_way(&email.author().address), email.subject)
        }
        (None, Some(_)) => stream::HIDDEN.to_owned(),
        _ => note.text.clone(),
    };
    Ok(Listed { email_id: email.map(|email| email.id), note, text })
}

/// Runs `note`.
pub fn note(args: &NoteArgs, ctx: &Context) -> Result<()> {
    let reference = context::record_ref(&ctx.command, &args.record)?;
    let text = args.text.read()?;
    let label = ctx.write(|tx, actor| {
        let parent = context::record(tx, actor, reference)?;
        actor.require_edit(tx, Object::Record(parent))?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        notify::comment(tx, &world, parent, actor.user(), &text)?;
        records::label(tx, parent)
    })?;
    let thing = match reference.kind {
        ParentType::Case => Thing::case(reference.id),
        kind => Thing::record(kind.as_str(), reference.id, label.split_once(' ').map_or("", |(_, name)| name)),
    };
    ctx.done(thing, &format!("{label} noted"))
}
