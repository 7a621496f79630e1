//! `case people`: who is who in a case.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::find_to_edit;
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::intake::roster;
use crate::intake::world::World;
use crate::mail::address;
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::sight::Sight;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// `case people`
#[derive(Debug, Args)]
pub struct People {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Make this address the customer, whom `case reply` answers
    #[arg(long, value_name = "ADDRESS")]
    customer: Option<String>,
    /// Make this address copied, on the customer's side; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    copied: Vec<String>,
    /// Make this address a third party, such as a supplier, whom `case reply` never answers; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    third_party: Vec<String>,
    /// Remove this address from the case: its mail counts as a stranger's from then on; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    remove: Vec<String>,
}

/// Fields of the people of a case in their order.
pub const COLUMNS: &[Column<Seen>] = &[
    Column::new("role", head("ROLE"), |seen, _| Cell::text(seen.person.role.as_str())),
    Column::new("name", head("NAME").shrinking(), |seen, _| Cell::text(&seen.person.name)),
    Column::new("address", head("ADDRESS").shrinking().key(), |seen, _| {
        let address = &seen.person.address;
        Cell::object(json!(address), &seen.with_way(&address::shown(address)))
    }),
    Column::new("since", head("SINCE"), |seen, _| Cell::date_time(seen.person.since)),
    Column::new("reason", head("WHY").wrapping(), |seen, _| Cell::text(&seen.person.reason)),
    Column::new("chosen", unlisted(), |seen, _| Cell::bool(seen.person.chosen)),
    Column::new("by_way_of", unlisted(), |seen, _| Cell::opt_text(seen.way.as_deref())),
];

pub fn run(args: &People, ctx: &Context) -> Result<()> {
    let given = args
        .customer
        .iter()
        .map(|address| ("--customer", address, Some(Role::Customer)))
        .chain(args.copied.iter().map(|address| ("--copied", address, Some(Role::Copied))))
        .chain(args.third_party.iter().map(|address| ("--third-party", address, Some(Role::ThirdParty))))
        .chain(args.remove.iter().map(|address| ("--remove", address, None)));
    let mut given = given.map(|(flag, text, role)| Ok((context::mail_address(flag, text)?, role))).peekable();
    if given.peek().is_none() {
        return show(args.number, ctx);
    }
    let changes = given.collect::<Result<Vec<_>>>()?;
    for (at, (address, _)) in changes.iter().enumerate() {
        if changes.iter().skip(at + 1).any(|(other, _)| other == address) {
            let text = format!("{address}: is named twice");
            return Err(error::usage(text).hint("an address has one role in a case").into());
        }
    }
    let has_customer = ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        changes.iter().try_for_each(|(address, role)| match role {
            Some(role) => desk::set_roles(tx, &world, actor, &case, std::slice::from_ref(address), *role),
            None => desk::people::remove(tx, &world, actor, &case, address),
        })?;
        let people = roster::of_case(tx, &world, &case, Sight::Everything)?;
        Ok(people.iter().any(|person| person.role == Role::Customer))
    })?;
    let said = changes.iter().map(|(address, role)| match role {
        Some(role) => format!("{address}: {role}"),
        None => format!("{address}: no role"),
    });
    let said: Vec<String> = said.collect();
    ctx.done(Thing::case(args.number), &format!("case #{}: {}", args.number, said.join(", ")))?;
    if !has_customer {
        let name = format!("espomail case people {} --customer ADDRESS", args.number);
        ctx.ui.hint(&format!("case #{} has no customer to answer now; to name one: {name}", args.number));
    }
    Ok(())
}

fn show(number: i64, ctx: &Context) -> Result<()> {
    let people = ctx.read(|tx, actor| {
        let case = context::case(tx, actor, number)?;
        seen(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case)
    })?;
    if people.is_empty() && ctx.ui.for_people() {
        ctx.ui.note("No one takes part yet.");
        return Ok(());
    }
    ctx.ui.list("people", COLUMNS, &people)
}

/// Somebody in a case, with the shared From by which alone they wrote (B4.13).
pub struct Seen {
    /// The person with the role that they have now.
    pub person: Person,
    way: Option<String>,
}

impl Seen {
    fn with_way(&self, name: &str) -> String {
        self.way.as_ref().map_or_else(|| name.to_owned(), |way| format!("{name} (by way of {way})"))
    }
}

/// Everybody in a case, as far as the actor may see them.
pub fn seen(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<Vec<Seen>> {
    let ways = cases::ways(tx, case.id, actor.sight())?;
    let people = roster::of_case(tx, world, case, actor.sight())?.into_iter();
    let way = |address: &str| ways.iter().find(|(person, _)| person == address).map(|(_, way)| way.clone());
    Ok(people.map(|person| Seen { way: way(&person.address), person }).collect())
}

/// For `case show --json`.
pub fn as_json(people: &[Seen]) -> Value {
    let one = |Seen { person: p, way }: &Seen| {
        json!({"role": p.role.as_str(), "name": p.name, "address": p.address, "since": p.since.to_string(),
            "reason": p.reason, "chosen": p.chosen, "by_way_of": way})
    };
    json!(people.iter().map(one).collect::<Vec<_>>())
}

/// For `case show`: each role with its people.
pub fn as_text(people: &[Seen], role: Role) -> String {
    let of_role = people.iter().filter(|seen| seen.person.role == role);
    let shown = of_role.map(|seen| {
        let Person { name, address, .. } = &seen.person;
        let address = address::shown(address);
        seen.with_way(&if name.is_empty() { address.into_owned() } else { format!("{name} <{address}>") })
    });
    shown.collect::<Vec<_>>().join(", ")
}
