//! `record list` and `show`.

use anyhow::Result;
use serde_json::{Value, json};

use super::{COLUMNS, List, Named, SHOW_COLUMNS, find};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::delivery;
use crate::store::db::Tx;
use crate::store::invalid_addresses;
use crate::store::records::{self, ParentType, Record, RecordQuery};
use crate::store::{stream, users};
use crate::ui::cell::Cell;

pub fn list(args: &List, ctx: &Context) -> Result<()> {
    let found = ctx.read(|tx, actor| {
        let query = RecordQuery {
            words: args.words.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect(),
            assigned_user_id: if args.mine { Some(actor.require_user("--mine")?.id) } else { None },
            team_id: args.team.as_deref().map(|name| context::team(tx, name)).transpose()?.map(|team| team.id),
            limit: args.limit.filter(|_| !args.count).map(usize::try_from).transpose()?,
        };
        records::list(tx, args.kind, &query, actor.sight())
    })?;
    if args.count {
        return ctx.ui.count("records", i64::try_from(found.len())?);
    }
    ctx.ui.list("records", COLUMNS, found.iter().map(cells).collect())
}

pub fn show(args: &Named, ctx: &Context) -> Result<()> {
    let row = ctx.read(|tx, actor| {
        let record = find(tx, actor, args)?;
        let mut row = cells(&record);
        row.extend(further(tx, actor, &record)?);
        Ok(row)
    })?;
    ctx.ui.object("record", SHOW_COLUMNS, row)
}

fn cells(record: &Record) -> Vec<Cell> {
    vec![
        Cell::int(record.parent.id),
        Cell::text(&record.name),
        Cell::object(json!(record.addresses), &record.addresses.join(", ")),
        record
            .company
            .as_ref()
            .map_or_else(Cell::none, |(id, name)| Cell::object(json!({"id": id, "name": name}), name)),
        record
            .assignee
            .as_ref()
            .map_or_else(Cell::none, |(id, name)| Cell::object(json!({"id": id, "username": name}), name)),
        Cell::object(json!(record.teams), &record.teams.join(", ")),
        Cell::time(record.created_at),
        record.open.map_or_else(Cell::none, Cell::bool),
        Cell::text(record.parent.kind.as_str()),
    ]
}

/// What only `show` tells: contacts, what a lead became, followers, open cases, addresses that do not exist.
fn further(tx: &Tx<'_>, actor: &Actor, record: &Record) -> Result<[Cell; 5]> {
    let contacts = match record.parent.kind {
        ParentType::Opportunity => records::contacts_of(tx, record.parent.id, actor.sight())?,
        _ => Vec::new(),
    };
    let contacts = contacts.into_iter().map(|(id, name)| (json!({"id": id, "name": name}), name)).collect();
    let mut converted = Vec::new();
    for parent in &record.converted {
        if let Some(became) = records::by_id(tx, *parent, actor.sight())? {
            let json = json!({"type": parent.kind.as_str(), "id": parent.id, "name": became.name});
            converted.push((json, format!("{} {} ({})", parent.kind, became.name, parent.id)));
        }
    }
    let mut followers = Vec::new();
    for id in stream::followers(tx, record.parent)? {
        followers
            .extend(users::by_id(tx, id)?.map(|user| (json!({"id": id, "username": user.username}), user.username)));
    }
    let cases = records::open_cases(tx, record.parent, actor.sight())?;
    let cases = cases.into_iter().map(|number| (json!(number), format!("#{number}"))).collect();
    let invalid = delivery::invalid_cell(&invalid_addresses::among(tx, &record.addresses, None)?);
    Ok([listed(contacts), listed(converted), listed(followers), listed(cases), invalid])
}

fn listed(items: Vec<(Value, String)>) -> Cell {
    let (json, shown): (Vec<Value>, Vec<String>) = items.into_iter().unzip();
    Cell::object(json!(json), &shown.join(", "))
}
