//! `record list` and `show`.

use anyhow::Result;
use serde_json::{Value, json};

use super::{List, Named, find};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::delivery;
use crate::cli::page;
use crate::store::db::Tx;
use crate::store::invalid_addresses::{self, InvalidAddress};
use crate::store::records::{self, ParentType, Record, RecordQuery};
use crate::store::{stream, users};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// Fields of records in their order.
pub const COLUMNS: &[Column<Record>] = &[
    Column::new("id", head("ID").right(), |record, _| Cell::int(record.parent.id)),
    Column::new("name", head("NAME").shrinking(), |record, _| Cell::text(&record.name)),
    Column::new("addresses", head("E-MAIL").shrinking(), |record, _| Cell::words(&record.addresses)),
    Column::new("company", head("COMPANY").shrinking(), |record, _| {
        let company = record.company.as_ref();
        company.map_or_else(Cell::none, |(id, name)| Cell::named(*id, name))
    }),
    Column::new("assigned_user", head("ASSIGNEE").label("Assignee"), |record, _| {
        let assignee = record.assignee.as_ref();
        assignee.map_or_else(Cell::none, |(id, name)| Cell::user(*id, name))
    }),
    Column::new("teams", head("TEAMS").shrinking(), |record, _| Cell::words(&record.teams)),
    Column::new("created_at", head("AGE").right().label("Added"), |record, _| Cell::time(record.created_at)),
    Column::new("open", unlisted().labelled(), |record, _| record.open.map_or_else(Cell::none, Cell::bool)),
    Column::new("type", unlisted().labelled(), |record, _| Cell::text(record.parent.kind.as_str())),
    Column::new("emails", unlisted(), |record, _| Cell::words(&record.addresses)),
];

/// What `record show` tells besides the fields of the list: what others hold of it.
pub const SHOW_COLUMNS: &[Column<Further>] = &[
    Column::new("contacts", unlisted().labelled(), |further, _| listed(&further.contacts)),
    Column::new("converted_to", unlisted().labelled(), |further, _| listed(&further.converted)),
    Column::new("followers", unlisted().labelled(), |further, _| listed(&further.followers)),
    Column::new("cases", unlisted().labelled(), |further, _| listed(&further.cases)),
    Column::new("invalid_addresses", unlisted().label("Invalid"), |further, _| {
        delivery::invalid_cell(&further.invalid)
    }),
];

/// Each for programs and for people.
type Items = Vec<(Value, String)>;

/// Contacts, what a lead became, followers, open cases, addresses that do not exist.
pub struct Further {
    contacts: Items,
    converted: Items,
    followers: Items,
    cases: Items,
    invalid: Vec<InvalidAddress>,
}

pub fn list(args: &List, ctx: &Context) -> Result<()> {
    let found = ctx.read(|tx, actor| {
        let query = RecordQuery {
            words: args.words.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect(),
            assigned_user_id: if args.mine { Some(actor.require_user("--mine")?.id) } else { None },
            team_id: args.team.as_deref().map(|name| context::team(tx, name)).transpose()?.map(|team| team.id),
        };
        records::list(tx, args.kind, &query, actor.sight())
    })?;
    if args.count {
        return ctx.ui.count("records", i64::try_from(found.len())?);
    }
    let (found, total) = args.page.first(found);
    ctx.ui.list("records", COLUMNS, &found)?;
    page::tell(ctx, found.len(), total);
    Ok(())
}

pub fn show(args: &Named, ctx: &Context) -> Result<()> {
    let fields = ctx.read(|tx, actor| {
        let record = find(tx, actor, args)?;
        let mut fields = ctx.ui.fields(COLUMNS, &record);
        fields.extend(ctx.ui.fields(SHOW_COLUMNS, &further(tx, actor, &record)?));
        Ok(fields)
    })?;
    ctx.ui.joined("record", fields)
}

fn further(tx: &Tx<'_>, actor: &Actor, record: &Record) -> Result<Further> {
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
    let invalid = invalid_addresses::among(tx, &record.addresses, None)?;
    Ok(Further { contacts, converted, followers, cases, invalid })
}

fn listed(items: &[(Value, String)]) -> Cell {
    let (json, shown): (Vec<&Value>, Vec<&str>) = items.iter().map(|(value, shown)| (value, shown.as_str())).unzip();
    Cell::object(json!(json), &shown.join(", "))
}
