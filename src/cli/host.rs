//! `espomail host`: the machines that work on one database.

pub mod trouble;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde_json::json;

use super::context::{self, Context};
use crate::access::Actor;
use crate::config;
use crate::error::{self, Fault, Kind};
use crate::intake::concerns::span;
use crate::store::db::{Dialect, Tx};
use crate::store::hosts::{self, Fetcher, Held, Known};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;
use crate::ui::tint::Tint;

/// Machines that work on one database
#[derive(Debug, Args)]
pub struct HostArgs {
    #[command(subcommand)]
    command: Option<HostCommand>,
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    /// List the machines with what each is doing, its clock and its configuration
    #[command(visible_alias = "ls", before_help = "Examples:\n  $ espomail host list\n  $ espomail --json host list")]
    List,
    /// Forget a machine that is gone
    #[command(before_help = "Examples:\n  $ espomail host forget web2\n  $ espomail --dry-run host forget web2")]
    Forget(Forget),
}

/// `host forget`
#[derive(Debug, Args)]
struct Forget {
    /// Machine
    name: String,
}

/// Fields of hosts in their order.
pub const COLUMNS: &[Column<Known>] = &[
    Column::new("name", head("HOST").key(), |host, _| Cell::text(&host.name)),
    Column::new("seen_at", head("SEEN").right(), |host, _| Cell::ago(host.seen_at)),
    Column::tinted(
        "state",
        head("STATE"),
        |host, _| Cell::text(state(host)),
        |host, _| trouble::is_away(host).then_some(Tint::Doubtful),
    ),
    Column::new("leases", head("HOLDS").wrapping(), |host, _| leases(host)),
    Column::new("version", head("VERSION"), |host, _| Cell::text(&host.version)),
    Column::tinted(
        "clock_ahead_ms",
        head("CLOCK").right(),
        |host, _| clock(host),
        |host, _| host.clock_ahead.filter(|ahead| ahead.abs() > trouble::CLOCK).map(|_| Tint::Failing),
    ),
    Column::new("configuration", head("CONFIGURATION"), |host, _| match host.configuration.as_str() {
        "" => Cell::none(),
        configuration => Cell::text(&config::fingerprint(&trouble::keys(configuration))),
    }),
    Column::new("deaths", unlisted(), |host, _| Cell::int(host.deaths)),
    Column::new("id", unlisted(), |host, _| Cell::int(host.id)),
];

fn state(host: &Known) -> &'static str {
    match (trouble::is_at_work(host), trouble::is_away(host)) {
        (true, _) => "at work",
        (false, true) => "away",
        (false, false) => "idle",
    }
}

fn leases(host: &Known) -> Cell {
    let told = |held: &Held| {
        let (how, age) = if held.left > 0 { ("for", held.age) } else { ("not given back for", -held.left) };
        let age = span(SignedDuration::from_millis(age));
        format!("{} ({} {how} {age})", held.account, held.work)
    };
    let value = |held: &Held| {
        json!({
            "account": {"id": held.account_id, "name": held.account},
            "work": held.work.as_str(),
            "process": held.process,
            "since": held.since.to_string(),
            "is_over": held.left <= 0,
        })
    };
    let shown: Vec<String> = host.holds.iter().map(told).collect();
    Cell::object(host.holds.iter().map(value).collect(), &shown.join(", "))
}

fn clock(host: &Known) -> Cell {
    match host.clock_ahead {
        None => Cell::none(),
        Some(ahead) => {
            let sign = if ahead < 0 { "-" } else { "+" };
            let shown =
                if ahead.abs() < 100 { "ok".to_owned() } else { format!("{sign}{}", trouble::seconds(ahead.abs())) };
            Cell::object(json!(ahead), &shown)
        }
    }
}

/// Runs `host`.
pub fn run(args: &HostArgs, ctx: &Context) -> Result<()> {
    match &args.command {
        None | Some(HostCommand::List) => list(ctx),
        Some(HostCommand::Forget(args)) => forget(&args.name, ctx),
    }
}

fn list(ctx: &Context) -> Result<()> {
    let hosts = ctx.read(|tx, actor| {
        actor.require_admin("host list")?;
        hosts::list(tx)
    })?;
    if ctx.place.server().is_none() {
        ctx.ui.note(ONE);
    }
    ctx.ui.list("hosts", COLUMNS, &hosts)?;
    if ctx.ui.tells_people() {
        for trouble in trouble::of(&hosts, ctx.config.max_runtime) {
            ctx.ui.text(&context::capitalised(&trouble.told()))?;
        }
    }
    Ok(())
}

/// What is said of a file.
const ONE: &str = "the database is a file: this machine alone works with it";

fn forget(name: &str, ctx: &Context) -> Result<()> {
    let (host, count) = ctx.administer("host forget", |tx| {
        if tx.dialect() == Dialect::Sqlite {
            return Err(error::data(ONE).hint("only a database on a server has hosts: espomail man postgresql").into());
        }
        let named: Vec<Known> = hosts::list(tx)?.into_iter().filter(|host| host.name == name).collect();
        let is_gone = |host: &&Known| host.unseen >= trouble::THERE && !trouble::is_at_work(host);
        let gone: Vec<&Known> = named.iter().filter(is_gone).collect();
        let Some(host) = gone.first().copied().or(named.first()) else {
            return Err(error::data(format!("there is no host \"{name}\"")).hint("see `espomail host list`").into());
        };
        if gone.is_empty() {
            return Err(is_there(host).into());
        }
        gone.iter().try_for_each(|host| hosts::forget(tx, host.id))?;
        Ok((host.clone(), (gone.len(), named.len())))
    })?;
    ctx.done(Thing::host(&host.name), &forgotten(&host.name, count))
}

/// What is said of the number of hosts of one name that are forgotten, and of all.
fn forgotten(name: &str, (gone, all): (usize, usize)) -> String {
    match (gone, all) {
        (1, 1) => format!("host {name} is forgotten"),
        (gone, all) if gone == all => format!("{all} hosts {name} are forgotten"),
        (gone, all) => format!("{gone} of {all} hosts {name} forgotten; the others were seen within 2 minutes"),
    }
}

/// Why a host is not forgotten.
fn is_there(host: &Known) -> Fault {
    let name = &host.name;
    let age = span(SignedDuration::from_millis(host.unseen));
    let text = match host.holds.iter().find(|held| held.left > 0) {
        Some(held) => format!("host {name} is not gone: its process {} works for {}", held.process, held.account),
        None => format!("host {name} is not gone: it was seen {age} ago"),
    };
    Fault::new(Kind::TempFail, text).hint(format!("stop espomail in the crontab of {name}, and try again in 2 minutes"))
}

/// What is wrong with the machines of a database, for administrators; `what` is the command that tells.
pub fn troubles(tx: &Tx<'_>, actor: &Actor, what: &str, ctx: &Context) -> Result<Vec<trouble::Trouble>> {
    match actor.require_admin(what) {
        Ok(()) => Ok(trouble::of(&hosts::list(tx)?, ctx.config.max_runtime)),
        Err(_) => Ok(Vec::new()),
    }
}

/// On which machine an account fails, after what is said of that; nothing where there is but one.
pub fn on(fetchers: &[Fetcher], account_id: i64) -> String {
    let of = fetchers.iter().find(|one| one.account_id == account_id);
    of.map(|one| format!(" (on {})", one.host)).unwrap_or_default()
}

/// A command where it tells something of an account: on the machine that fetches it.
pub fn there(fetchers: &[Fetcher], account_id: i64, here: &str, command: &str) -> String {
    match fetchers.iter().find(|one| one.account_id == account_id && one.host != here) {
        Some(one) => format!("on {}: {command}", one.host),
        None => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_hosts_of_a_name_that_are_gone_are_forgotten() {
        for (count, expected) in [
            ((1, 1), "host web3 is forgotten"),
            ((2, 2), "2 hosts web3 are forgotten"),
            ((1, 2), "1 of 2 hosts web3 forgotten; the others were seen within 2 minutes"),
        ] {
            assert_eq!(forgotten("web3", count), expected);
        }
    }

    #[test]
    fn a_failure_is_told_with_its_machine_where_there_are_several() {
        let one = Fetcher { account_id: 3, host: "web2".to_owned(), process: 1, is_at_it: false };
        let fetchers = [one];
        for (known, account_id, expected) in [(&fetchers[..], 3, " (on web2)"), (&fetchers, 4, ""), (&[], 3, "")] {
            assert_eq!(on(known, account_id), expected);
        }
        for (account_id, here, expected) in [(3, "web1", "on web2: x"), (3, "web2", "x"), (4, "web1", "x")] {
            assert_eq!(there(&fetchers, account_id, here, "x"), expected);
        }
    }
}
