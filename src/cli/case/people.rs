//! `case people`: who is who in a case.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::find;
use super::find_to_edit;
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::intake::people;
use crate::intake::world::World;
use crate::mail::address;
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::ui::cell::{Cell, Column};

/// `case people`
#[derive(Debug, Args)]
pub struct People {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Make this address the customer, who is answered by `case reply`
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["copied", "third_party"])]
    customer: Option<String>,
    /// Make this address a copied one, of the customer side; repeat it for several
    #[arg(long, value_name = "ADDRESS", conflicts_with = "third_party")]
    copied: Vec<String>,
    /// Make this address a third party, such as a supplier, who is never answered by `case reply`; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    third_party: Vec<String>,
}

/// Fields of the people of a case in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("role", "ROLE"),
    Column::new("name", "NAME").shrinking(),
    Column::new("address", "ADDRESS").shrinking(),
    Column::new("since", "SINCE"),
    Column::new("reason", "WHY").shrinking(),
    Column::new("chosen", ""),
];

pub fn run(args: &People, ctx: &Context) -> Result<()> {
    let given = args
        .customer
        .iter()
        .map(|address| ("--customer", address, Role::Customer))
        .chain(args.copied.iter().map(|address| ("--copied", address, Role::Copied)))
        .chain(args.third_party.iter().map(|address| ("--third-party", address, Role::ThirdParty)));
    let mut given = given.map(|(flag, text, role)| Ok((context::mail_address(flag, text)?, role))).peekable();
    if given.peek().is_none() {
        return show(args.number, ctx);
    }
    let changes = given.collect::<Result<Vec<_>>>()?;
    ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        changes.iter().try_for_each(|(address, role)| {
            desk::set_roles(tx, &world, actor, &case, std::slice::from_ref(address), *role)
        })
    })?;
    let said: Vec<String> = changes.iter().map(|(address, role)| format!("{address}: {role}")).collect();
    ctx.done(args.number, &format!("case #{}: {}", args.number, said.join(", ")))
}

fn show(number: i64, ctx: &Context) -> Result<()> {
    let people = ctx.read(|tx, actor| {
        let case = find(tx, actor, number)?;
        seen(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case)
    })?;
    let rows = people.iter().map(cells).collect();
    ctx.ui.list("people", COLUMNS, rows)
}

fn cells(person: &Person) -> Vec<Cell> {
    vec![
        Cell::text(person.role.as_str()),
        Cell::text(&person.name),
        Cell::object(json!(person.address), &address::shown(&person.address)),
        Cell::date_time(person.since),
        Cell::text(&person.reason),
        Cell::bool(person.chosen),
    ]
}

/// The people of a case with the roles that they have now, as far as the actor may see them: the linked contact or lead
/// has one without a row.
pub fn seen(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<Vec<Person>> {
    let mut people = cases::people(tx, case.id, actor.sight())?;
    for person in &mut people {
        person.role = people::role(tx, world, case, &person.address)?;
    }
    if let Some((name, address)) = cases::row_by_number(tx, case.number, actor.sight())?.and_then(|row| row.customer)
        && !address.is_empty()
        && !people.iter().any(|person| person.address == address)
    {
        let reason = "the contact that the case is linked to".to_owned();
        let (role, since) = (people::role(tx, world, case, &address)?, case.created_at);
        let linked = Person { address, name, role, chosen: false, opened: false, reason, email_id: None, since };
        people.insert(0, linked);
    }
    people.sort_by_key(|person| person.role);
    Ok(people)
}

/// For `case show --json`.
pub fn as_json(people: &[Person]) -> Value {
    let one = |p: &Person| {
        json!({"role": p.role.as_str(), "name": p.name, "address": p.address, "since": p.since.to_string(),
            "reason": p.reason, "chosen": p.chosen})
    };
    json!(people.iter().map(one).collect::<Vec<_>>())
}

/// For `case show`: each role with its people.
pub fn as_text(people: &[Person], role: Role) -> String {
    let of_role = people.iter().filter(|person| person.role == role);
    let shown = of_role.map(|p| {
        let address = address::shown(&p.address);
        if p.name.is_empty() { address.into_owned() } else { format!("{} <{address}>", p.name) }
    });
    shown.collect::<Vec<_>>().join(", ")
}
