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
use crate::store::records;
use crate::store::sight::{Object, Sight};
use crate::store::stream::{self, Note};
use crate::ui::cell::{Cell, Column};

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

/// Fields of notes in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("id", "ID").right(),
    Column::new("created_at", "DATE"),
    Column::new("kind", "KIND"),
    Column::new("user", "USER"),
    Column::new("email", "EMAIL").right(),
    Column::new("text", "TEXT").shrinking(),
];

/// Runs `stream`.
pub fn run(args: &StreamArgs, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("record", &args.record)?;
    let rows = ctx.read(|tx, actor| {
        let parent = context::record(tx, actor, reference)?;
        stream::notes(tx, parent, actor.sight())?
            .iter()
            .map(|note| cells(tx, note, actor.sight()))
            .collect::<Result<Vec<_>>>()
    })?;
    ctx.ui.list("notes", COLUMNS, rows)
}

/// A note about an email that the reader may not see says that there is one.
fn cells(tx: &Tx<'_>, note: &Note, sight: Sight) -> Result<Vec<Cell>> {
    let email = note.email_id.map(|id| emails::by_id(tx, id, sight)).transpose()?.flatten();
    let text = match (&email, note.email_id) {
        (Some(email), _) if note.text.is_empty() => {
            format!("{}: {}", email.with_way(&email.author().address), email.subject)
        }
        (None, Some(_)) => stream::HIDDEN.to_owned(),
        _ => note.text.clone(),
    };
    Ok(vec![
        Cell::int(note.id),
        Cell::date_time(note.created_at),
        Cell::text(note.kind.as_str()),
        Cell::object(json!(note.username), note.username.as_deref().unwrap_or_default()),
        email.map_or_else(Cell::none, |email| Cell::int(email.id)),
        Cell::text(&text),
    ])
}

/// Runs `note`.
pub fn note(args: &NoteArgs, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("record", &args.record)?;
    let text = args.text.read(ctx)?;
    let label = ctx.write(|tx, actor| {
        let parent = context::record(tx, actor, reference)?;
        actor.require_edit(tx, Object::Record(parent))?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        notify::comment(tx, &world, parent, actor.user(), &text)?;
        records::label(tx, parent)
    })?;
    ctx.done(&args.record, &format!("{label} noted"))
}
