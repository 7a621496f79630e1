//! `espomail outbox`: what waits to be sent, and what became of it.

mod wait;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::wait::waiting;
pub use self::wait::{Next, Wait, wait_of};
use super::context::{self, Context};
use super::mailboxes;
use super::page::{self, Page};
use super::query::{self, Noun};
use crate::access::Actor;
use crate::desk::{self, outbox::TakenBack};
use crate::intake::world::World;
use crate::mail::message;
use crate::query::{Field, Tree};
use crate::store::accounts;
use crate::store::cases;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::outbox::{self, OutboxKind, OutboxQuery, OutboxRow, OutboxState};
use crate::store::raw;
use crate::store::search::Test;
use crate::store::sight::Object;
use crate::store::users::User;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::{Deed, Thing};
use crate::ui::tint::Tint;

/// Mail on its way out
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List mail that is not sent yet, or all of it, newest first
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail outbox list\n  $ espomail --json outbox list status:scheduled",
        after_help = QUERY_HELP
    )]
    List(List),
    /// Show one message with its recipients
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail outbox show 7\n  $ espomail --json outbox show 7"
    )]
    Show(Id),
    /// Send a waiting, held or failed message with the next run
    #[command(before_help = "Examples:\n  $ espomail outbox retry 7 && espomail send\n  $ espomail outbox retry 7 8")]
    Retry(Ids),
    /// Cancel a message that is not sent yet; a user's letter becomes a draft again
    #[command(before_help = "Examples:\n  $ espomail outbox cancel 7\n  $ espomail --dry-run outbox cancel 7")]
    Cancel(Ids),
    /// Record that a held message did arrive, so that it is not sent again
    #[command(before_help = "Examples:\n  $ espomail outbox mark-sent 7\n  $ espomail --dry-run outbox mark-sent 7 8")]
    MarkSent(Ids),
}

/// `outbox list`
#[derive(Debug, Args)]
pub struct List {
    /// status:scheduled, to:eva, subject:invoice and so on; see below
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Include sent and cancelled mail
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: Page,
}

/// What `--help` of the list says of its queries.
const QUERY_HELP: &str = "Queries:
  status:scheduled|waiting|\"in doubt\"|sent|failed|held|cancelled   looks through everything
  to:  subject:  account:  before:  after:  older:  newer:
  OR, parentheses and - (not) join conditions; more in `man espomail`, Queries.";

/// An outbox row.
#[derive(Debug, Args)]
pub struct Id {
    /// Outbox id
    #[arg(value_name = "ID")]
    id: i64,
}

/// Outbox rows.
#[derive(Debug, Args)]
pub struct Ids {
    /// Outbox ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
}

/// Fields of outbox rows in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("id", head("ID").right().label("Outbox"), |one, _| Cell::int(one.row.id)),
    Column::new("kind", head("KIND").rank(1), |one, _| Cell::usual(one.row.kind.as_str(), "mail")),
    Column::tinted("state", head("STATE"), |one, _| Cell::text(one.row.state.as_str()), |one, _| tint(one)),
    Column::new("created_at", head("AGE").right().rank(3).label("Written"), |one, _| Cell::time(one.row.created_at)),
    Column::new("attempts", head("TRIES").right().rank(2).label("Tries"), |one, _| Cell::int(one.row.tries())),
    Column::new("next_try_at", head("NEXT").rank(4).label("Next try"), |one, _| next_try(one)),
    Column::new("to", head("TO").shrinking().only_in_lists(), |one, _| mailboxes::nameless(&one.to)),
    Column::new("subject", head("SUBJECT").shrinking(), |one, _| Cell::text(&one.row.subject)),
    Column::new("last_error", head("LAST ERROR").shrinking().optional(), |one, _| Cell::text(&one.wait.why)),
    Column::new("account", unlisted().labelled(), |one, _| Cell::opt_named(one.account.as_ref())),
    Column::new("email", unlisted().labelled(), |one, _| Cell::opt_int(one.row.email_id)),
    Column::new("message_id", unlisted().label("Message-ID"), |one, _| Cell::text(&one.row.message_id)),
];

/// What did not arrive, and what may or may not have.
fn tint(one: &Listed) -> Option<Tint> {
    match one.row.state {
        OutboxState::Failed => Some(Tint::Undelivered),
        OutboxState::InDoubt | OutboxState::Held => Some(Tint::Doubtful),
        OutboxState::Waiting | OutboxState::Sent | OutboxState::Cancelled => None,
    }
}

/// What `outbox show` tells besides the fields of the list.
pub const SHOW_COLUMNS: &[Column<Alone>] = &[
    Column::new("recipients", unlisted().labelled(), |alone, _| alone.recipients()),
    Column::new("text", unlisted(), |alone, _| Cell::object(json!(alone.text.trim_end()), "")),
];

/// An outbox row with what is shown of it.
pub struct Listed {
    row: OutboxRow,
    to: Vec<String>,
    account: Option<(i64, String)>,
    wait: Wait,
}

/// Recipients with state and words, and the text.
pub struct Alone {
    recipients: Vec<(String, String, String)>,
    text: String,
}

impl Alone {
    fn recipients(&self) -> Cell {
        let json: Vec<Value> = self
            .recipients
            .iter()
            .map(|(address, state, reply)| json!({"address": address, "state": state, "reply": reply, "report": null}))
            .collect();
        let lines: Vec<String> = self
            .recipients
            .iter()
            .map(|(address, state, reply)| format!("{address}: {state} {reply}").trim_end().to_owned())
            .collect();
        Cell::object(json!(json), &lines.join("\n"))
    }
}

/// Runs an `outbox` command.
pub fn run(command: OutboxCommand, ctx: &Context) -> Result<()> {
    match command {
        OutboxCommand::List(args) => list(&args, ctx),
        OutboxCommand::Show(args) => show(args.id, ctx),
        OutboxCommand::Retry(args) => retry(&args.ids, ctx),
        OutboxCommand::Cancel(args) => change(&args.ids, ctx, |tx, world, actor, row| {
            desk::outbox::cancel(tx, world, actor, row).map(|taken| (cancelled(&taken), taken.draft_id))
        }),
        OutboxCommand::MarkSent(args) => change(&args.ids, ctx, |tx, world, actor, row| {
            desk::outbox::mark_sent(tx, world, actor, row).map(|()| ("is marked as sent".to_owned(), None))
        }),
    }
}

/// A letter that was to be sent later is sent at once only if that is meant.
fn retry(ids: &[i64], ctx: &Context) -> Result<()> {
    let scheduled = |row: &OutboxRow| {
        let at = row.not_before.filter(|at| row.state == OutboxState::Waiting && *at > ctx.now());
        at.map(|at| ctx.ui.local_time(at))
    };
    let rows = ctx.read(|tx, actor| ids.iter().map(|id| find_to_edit(tx, actor, *id)).collect::<Result<Vec<_>>>())?;
    let named = |row: &OutboxRow| scheduled(row).map(|at| format!("outbox {} is scheduled for {at}", row.id));
    let named: Vec<String> = rows.iter().filter_map(named).collect();
    if !named.is_empty() {
        let them = if named.len() == 1 { "it" } else { "them" };
        ctx.confirm(&format!("{}. Send {them} with the next run?", context::capitalised(&named.join(", "))))?;
    }
    change(ids, ctx, |tx, world, _, row| {
        desk::outbox::retry(tx, world, row)?;
        let instead = scheduled(row).map(|at| format!(", and not at {at}")).unwrap_or_default();
        Ok((format!("is due again: the next run sends it{instead}"), None))
    })
}

fn cancelled(taken: &TakenBack) -> String {
    let mut text = "is cancelled".to_owned();
    for (who, what) in [(&taken.have, "sent before to"), (&taken.may_have, "may have reached")] {
        if !who.is_empty() {
            text.push_str(&format!("; {what} {}", who.join(", ")));
        }
    }
    if let Some(id) = taken.draft_id {
        text.push_str(&format!("; the mail is draft {id} again"));
    }
    if let Some((number, status)) = taken.closed {
        text.push_str(&format!("; case #{number} stays {status} (to open it: espomail case reopen {number})"));
    }
    text
}

fn list(args: &List, ctx: &Context) -> Result<()> {
    let asked = query::read(&args.query, Noun::Outbox, ctx)?;
    let all = args.all || asked.names(&[Field::Status]);
    let (rows, total) = ctx.read(|tx, actor| {
        let wanted = OutboxQuery {
            condition: query::resolve(tx, actor, &asked, Vec::new())?,
            // What `check` warns of is listed as well.
            open_since: (!all).then(|| ctx.now() - SignedDuration::from_hours(24)),
            author: author(actor),
            limit: args.page.limit(),
        };
        let rows = outbox::list(tx, &wanted, actor.sight())?;
        let total = args.page.total(rows.len(), |most| outbox::count_to(tx, &wanted, most, actor.sight()))?;
        let shown = rows.into_iter().map(|row| listed(tx, actor, row, ctx.now())).collect::<Result<Vec<_>>>()?;
        Ok((shown, total))
    })?;
    ctx.ui.list("outbox", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    Ok(())
}

/// Whose letters alone an actor sees: their own, who is not an administrator.
fn author(actor: &Actor) -> Option<i64> {
    actor.require_admin("outbox").err().and(actor.user_id())
}

/// How many rows in one of these states the actor sees.
pub fn count(tx: &Tx<'_>, actor: &Actor, states: &[OutboxState]) -> Result<i64> {
    let condition = Tree::Any(states.iter().map(|state| Tree::Is(Test::Status(state.as_str()))).collect());
    let wanted = OutboxQuery { condition, author: author(actor), ..OutboxQuery::default() };
    outbox::count_to(tx, &wanted, i64::MAX, actor.sight())
}

/// The letters of a user that did not go out when they should have: refused, held, or waiting for something to be mended;
/// oldest first.
pub fn stuck_of(tx: &Tx<'_>, actor: &Actor, user: &User, now: Timestamp) -> Result<Vec<Listed>> {
    let states = [OutboxState::Failed, OutboxState::Held, OutboxState::Waiting];
    let condition = Tree::Any(states.iter().map(|state| Tree::Is(Test::Status(state.as_str()))).collect());
    let wanted = OutboxQuery { condition, author: Some(user.id), ..OutboxQuery::default() };
    let mut rows = outbox::list(tx, &wanted, actor.sight())?;
    rows.reverse();
    let mut all = rows.into_iter().map(|row| listed(tx, actor, row, now)).collect::<Result<Vec<_>>>()?;
    all.retain(|one| one.row.state != OutboxState::Waiting || !one.wait.why.is_empty());
    Ok(all)
}

/// A regular user sees what they wrote, as far as they may read it.
pub fn may_see(tx: &Tx<'_>, actor: &Actor, row: &OutboxRow) -> Result<bool> {
    // A notice is written to its user, and may tell of what they see no longer.
    let wrote = row.kind == OutboxKind::Mail && actor.user_id().is_some() && actor.user_id() == row.user_id;
    let is_own = actor.require_admin("outbox").is_ok() || wrote;
    match row.email_id {
        Some(id) if is_own => Ok(emails::by_id(tx, id, actor.sight())?.is_some()),
        _ => Ok(is_own),
    }
}

fn find(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<OutboxRow> {
    let found = outbox::by_id(tx, id)?;
    let seen = found.as_ref().map(|row| may_see(tx, actor, row)).transpose()?;
    found.filter(|_| seen == Some(true)).ok_or_else(|| context::not_found("outbox", id))
}

fn find_to_edit(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<OutboxRow> {
    let row = find(tx, actor, id)?;
    row.email_id.map_or(Ok(()), |id| actor.require_edit(tx, Object::Email(id)))?;
    Ok(row)
}

fn show(id: i64, ctx: &Context) -> Result<()> {
    let (one, alone) = ctx.read(|tx, actor| {
        let row = find(tx, actor, id)?;
        let text = message::parse(&raw::bytes(tx, row.raw_id)?).text;
        let one = listed(tx, actor, row, ctx.now())?;
        Ok((one, Alone { recipients: outbox::recipients(tx, id)?, text }))
    })?;
    let mut fields = ctx.ui.fields(COLUMNS, &one);
    fields.extend(ctx.ui.fields(SHOW_COLUMNS, &alone));
    ctx.ui.joined("outbox_message", fields)?;
    if ctx.ui.tells_people() {
        ctx.ui.text(&format!("\n{}", alone.text.trim_end()))?;
    }
    let in_part = alone.recipients.iter().any(|(_, state, _)| state == "failed");
    if let Some(hint) = next_step(&one.row, in_part) {
        ctx.ui.hint(&hint);
    }
    Ok(())
}

/// What can be done where the program does nothing by itself.
fn next_step(row: &OutboxRow, in_part: bool) -> Option<String> {
    let id = row.id;
    match row.state {
        OutboxState::Held => Some(format!(
            "it is unknown whether this message was delivered; if it was: espomail outbox mark-sent {id}; to send it again: espomail outbox retry {id}"
        )),
        OutboxState::Failed if row.kind == OutboxKind::Mail => Some(format!(
            "to try again: espomail outbox retry {id}; to change it: espomail outbox cancel {id}, which makes it a draft"
        )),
        OutboxState::Failed => Some(format!("to try again: espomail outbox retry {id}")),
        OutboxState::InDoubt => {
            Some("a send was interrupted or is still running; the next `espomail send` settles it".to_owned())
        }
        OutboxState::Sent if in_part => {
            Some(format!("to send it to those who were refused again: espomail outbox retry {id}"))
        }
        OutboxState::Waiting | OutboxState::Sent | OutboxState::Cancelled => None,
    }
}

/// Changes rows under the send lock, so that none is changed while it is on the wire.
fn change(
    ids: &[i64],
    ctx: &Context,
    change: impl Fn(&Tx<'_>, &World<'_>, &Actor, &OutboxRow) -> Result<(String, Option<i64>)>,
) -> Result<()> {
    let store = ctx.store()?;
    let unsent = context::unsent(&store)?;
    let done = ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let one = |id: &i64| {
            let row = find_to_edit(tx, actor, *id)?;
            let (what, draft_id) = change(tx, &world, actor, &row)?;
            let case = row.case_id.map(|id| cases::by_id_seen(tx, id, actor.sight())).transpose()?.flatten();
            let further = draft_id.or(row.email_id).map(Thing::email).into_iter();
            let further = further.chain(case.map(|case| Thing::case(case.number)));
            Ok(Deed::new(
                std::iter::once(Thing::outbox(*id)).chain(further).collect::<Vec<_>>(),
                format!("outbox {id} {what}"),
            ))
        };
        ids.iter().map(one).collect::<Result<Vec<_>>>()
    })?;
    drop(unsent);
    ctx.done_each(done)
}

fn listed(tx: &Tx<'_>, actor: &Actor, row: OutboxRow, now: Timestamp) -> Result<Listed> {
    let to = outbox::recipients(tx, row.id)?.into_iter().map(|(address, _, _)| address).collect();
    let account = accounts::by_id(tx, row.account_id)?;
    let wait = waiting(tx, actor, &row, account.as_ref(), now)?;
    Ok(Listed { row, to, account: account.map(|account| (account.id, account.name)), wait })
}

fn next_try(one: &Listed) -> Cell {
    match one.wait.next {
        Next::Never => Cell::none(),
        Next::Run => Cell::object(json!(one.row.next_try_at.to_string()), "next run"),
        Next::At(at) => Cell::date_time(at),
    }
}
