//! `espomail events`: what happened after an event that was read before, for other programs. They keep the id of the last
//! one that they have worked on, so that each event comes at least once.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::stream::{self, Listed};
use crate::access::Actor;
use crate::store::accounts;
use crate::store::db::Tx;
use crate::store::events::{self, About, Event};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// `events`
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Only events after the one with this id
    #[arg(long, value_name = "ID", default_value_t = 0, allow_hyphen_values = true, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Maximum number of events; 0 = all
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
}

/// Events of one question.
const PAGE: usize = 1_000;

/// An event as its reader may know it.
pub struct Told {
    name: String,
    about: About,
    /// Id and name.
    account: Option<(i64, String)>,
    note: Listed,
}

/// Fields of events in their order.
pub const COLUMNS: &[Column<Told>] = &[
    Column::new("id", head("ID").right().key(), |told, _| Cell::int(told.note.note.id)),
    Column::new("at", head("AT"), |told, _| Cell::date_time(told.note.note.created_at)),
    Column::new("event", head("EVENT"), |told, _| Cell::text(&told.name)),
    Column::new("object", head("OBJECT"), |told, _| match told.about {
        About::Case(number) => object("case", number),
        About::Record(kind, id) => object(kind.as_str(), id),
        About::Account(_) | About::Desk => Cell::none(),
    }),
    Column::new("account", unlisted(), |told, _| Cell::opt_named(told.account.as_ref())),
    Column::new("email", head("EMAIL").right().optional(), |told, _| Cell::opt_int(told.note.email_id)),
    Column::new("user", head("USER"), |told, _| stream::who(&told.note.note)),
    Column::new("text", head("TEXT").shrinking(), |told, _| Cell::text(&told.note.text)),
];

/// What it is about; a case by its number.
fn object(kind: &str, id: i64) -> Cell {
    Cell::object(json!({"type": kind, "id": id}), &format!("{kind}/{id}"))
}

/// Runs `events`.
pub fn run(args: &EventsArgs, ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    let most = if args.limit == 0 { usize::MAX } else { args.limit };
    let rows = store.read(|tx| read(tx, &ctx.actor(tx)?, args.after, most))?;
    // What a power cut takes away would get the same ids again, with other events.
    store.flush()?;
    ctx.ui.list("events", COLUMNS, &rows)
}

/// As many events as are asked for, without those of accounts that the reader does not know of.
fn read(tx: &Tx<'_>, actor: &Actor, mut after: i64, most: usize) -> Result<Vec<Told>> {
    let mut known = Vec::new();
    for account in accounts::all(tx)? {
        if actor.knows_account(tx, &account)? {
            known.push((account.id, account.name));
        }
    }
    let mut rows = Vec::new();
    while rows.len() < most {
        let page = events::after(tx, after, i64::try_from(PAGE)?, actor.sight())?;
        let is_last = page.len() < PAGE;
        for event in page {
            after = event.note.id;
            rows.extend(told(tx, actor, event, &known)?);
        }
        if is_last {
            break;
        }
    }
    rows.truncate(most);
    Ok(rows)
}

/// An event; nothing where it is about something that the reader does not know of.
fn told(tx: &Tx<'_>, actor: &Actor, event: Event, known: &[(i64, String)]) -> Result<Option<Told>> {
    let account = match event.about {
        About::Account(id) => match known.iter().find(|(known, _)| *known == id) {
            None => return Ok(None),
            found => found.cloned(),
        },
        About::Desk if actor.require_admin("events").is_err() => return Ok(None),
        About::Desk | About::Record(..) => None,
        About::Case(_) => {
            let of_case = |(id, _): &&(i64, String)| Some(*id) == event.account_id;
            known.iter().find(of_case).cloned()
        }
    };
    let Event { name, about, note, .. } = event;
    Ok(Some(Told { name, about, account, note: stream::listed(tx, note, actor.sight())? }))
}
