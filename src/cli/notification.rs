//! `espomail notification`: what a user has been told, and how each wants to hear of things (B7.4).

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::context::{self, Context};
use super::labels::Labels;
use super::page::{self, Page};
use crate::access::Actor;
use crate::error;
use crate::intake::notification_text;
use crate::store::db::Tx;
use crate::store::notifications::{self, ByEmail, Notification, NotificationKind, Setting};
use crate::store::records::{Parent, ParentType};
use crate::store::users::User;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;
use crate::ui::tint::Tint;

/// Your notifications
#[derive(Debug, Subcommand)]
pub enum NotificationCommand {
    /// List your unread notifications, newest first
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail notification list\n  $ espomail --json notification list --all --limit 100"
    )]
    List(List),
    /// Mark notifications as read
    #[command(before_help = "Examples:\n  $ espomail notification read 41 42\n  $ espomail notification read --all")]
    Read(Read),
    /// Show or change how you are notified
    #[command(
        before_help = "Examples:\n  $ espomail notification settings\n  $ espomail notification settings --email email=digest --email note=immediately --off assigned"
    )]
    Settings(Settings),
}

/// `notification list`
#[derive(Debug, Args)]
pub struct List {
    /// Include notifications that are read
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: Page,
}

/// `notification read`
#[derive(Debug, Args)]
pub struct Read {
    /// Notification ids
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<i64>,
    /// All of them, instead of single ids
    #[arg(long)]
    all: bool,
}

/// `notification settings`
#[derive(Debug, Args)]
pub struct Settings {
    #[arg(long = "email", value_name = "KIND=WHEN", value_parser = switch, help = by_email())]
    emails: Vec<(NotificationKind, ByEmail)>,
    /// Show a kind in the list again
    #[arg(long, value_name = "KIND", value_parser = switched())]
    on: Vec<NotificationKind>,
    /// Turn a kind off, in the list and by e-mail
    #[arg(long, value_name = "KIND", value_parser = switched())]
    off: Vec<NotificationKind>,
}

/// Fields of notifications in their order.
pub const COLUMNS: &[Column<Notification>] = &[
    Column::new("id", head("ID").right(), |one, _| Cell::int(one.id)),
    Column::new("created_at", head("AGE").right(), |one, _| Cell::time(one.created_at)),
    Column::tinted(
        "kind",
        head("KIND").rank(3),
        |one, _| Cell::text(one.kind.as_str()),
        |one, _| (one.kind == NotificationKind::Failed).then_some(Tint::Undelivered),
    ),
    Column::new("text", head("TEXT").shrinking(), |one, _| Cell::text(&one.text)),
    Column::new("object", unlisted(), |one, _| {
        one.parent.map_or_else(Cell::none, |parent| object(parent, one.case_number))
    }),
    Column::new("email", unlisted(), |one, _| Cell::opt_int(one.email_id)),
    Column::new("read", unlisted(), |one, _| Cell::bool(one.read_at.is_some())),
];

/// Fields of the settings in their order.
pub const SETTINGS_COLUMNS: &[Column<(NotificationKind, Setting)>] = &[
    Column::new("kind", head("KIND"), |(kind, _), _| Cell::text(kind.as_str())),
    Column::new("listed", head("LISTED"), |(_, setting), _| Cell::bool(setting.listed)),
    Column::new("by_email", head("BY E-MAIL"), |(_, setting), _| Cell::text(setting.by_email.as_str())),
];

/// Runs a `notification` command.
pub fn run(command: NotificationCommand, ctx: &Context) -> Result<()> {
    match command {
        NotificationCommand::List(args) => list(&args, ctx),
        NotificationCommand::Read(args) => read(&args, ctx),
        NotificationCommand::Settings(args) => settings(&args, ctx),
    }
}

fn list(args: &List, ctx: &Context) -> Result<()> {
    let (rows, total) = ctx.read(|tx, actor| {
        let (user, sight) = (user(actor, "list")?, actor.sight());
        let rows = notifications::list(tx, user.id, sight, args.all, args.page.limit().unwrap_or(i64::MAX))?;
        let count = |most| notifications::count_to(tx, user.id, sight, args.all, most);
        let total = args.page.total(rows.len(), count)?;
        let told =
            rows.into_iter().map(|row| notification_text::as_told(tx, row, sight)).collect::<Result<Vec<_>>>()?;
        Ok((told, total))
    })?;
    ctx.ui.list("notifications", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    Ok(())
}

fn read(args: &Read, ctx: &Context) -> Result<()> {
    let count = ctx.write(|tx, actor| {
        let user = user(actor, "read")?;
        if args.all {
            return notifications::mark_read(tx, user.id, actor.sight(), None, ctx.now());
        }
        let mut count = 0;
        for id in &args.ids {
            if !notifications::exists(tx, user.id, actor.sight(), *id)? {
                return Err(context::not_found("notification", id));
            }
            count += notifications::mark_read(tx, user.id, actor.sight(), Some(*id), ctx.now())?;
        }
        Ok(count)
    })?;
    ctx.done_with(
        Vec::new(),
        &format!("{count} {} marked as read", if count == 1 { "notification is" } else { "notifications are" }),
        vec![("count", json!(count))],
    )
}

fn settings(args: &Settings, ctx: &Context) -> Result<()> {
    if args.emails.is_empty() && args.on.is_empty() && args.off.is_empty() {
        let rows = ctx.read(|tx, actor| kept(tx, user(actor, "settings")?))?;
        return ctx.ui.list("settings", SETTINGS_COLUMNS, &rows);
    }
    if let Some(kind) = args.on.iter().find(|kind| args.off.contains(kind)) {
        return Err(error::usage(format!("--on and --off both name {kind}")).into());
    }
    let user = ctx.write(|tx, actor| {
        let user = user(actor, "settings")?;
        for (kind, by_email) in &args.emails {
            let setting = notifications::setting(tx, user.id, *kind)?;
            notifications::set(tx, user.id, *kind, Setting { by_email: *by_email, ..setting })?;
        }
        for (kinds, listed) in [(&args.on, true), (&args.off, false)] {
            for kind in kinds {
                let setting = notifications::setting(tx, user.id, *kind)?;
                notifications::set(tx, user.id, *kind, Setting { listed, ..setting })?;
            }
        }
        Ok(user.clone())
    })?;
    ctx.done(Thing::user(user.id, &user.username), &format!("notifications of {} changed", user.username))
}

fn user<'a>(actor: &'a Actor, verb: &str) -> Result<&'a User> {
    actor.require_user(&format!("notification {verb}"))
}

/// `case/12` by its number, the others by their ids.
fn object(parent: Parent, case_number: Option<i64>) -> Cell {
    let id = if parent.kind == ParentType::Case { case_number.unwrap_or_default() } else { parent.id };
    Cell::object(json!({"type": parent.kind.as_str(), "id": id}), &format!("{}/{id}", parent.kind))
}

fn kept(tx: &Tx<'_>, user: &User) -> Result<Vec<(NotificationKind, Setting)>> {
    let kinds = NotificationKind::SWITCHED.iter();
    kinds.map(|kind| Ok((*kind, notifications::setting(tx, user.id, *kind)?))).collect()
}

fn switched() -> Labels<NotificationKind> {
    Labels::of(&NotificationKind::SWITCHED)
}

/// The help of `--email`.
fn by_email() -> String {
    let listed = |labels: &[&str]| labels.join(", ");
    let kinds = NotificationKind::SWITCHED.map(NotificationKind::as_str);
    let times: Vec<&str> = ByEmail::ALL.iter().map(|time| time.as_str()).collect();
    format!("By e-mail: KIND is one of {}; WHEN is one of {}", listed(&kinds), listed(&times))
}

fn switch(text: &str) -> Result<(NotificationKind, ByEmail), String> {
    let (kind, when) =
        text.split_once('=').ok_or_else(|| format!("\"{text}\" is not KIND=WHEN; write it as email=digest"))?;
    Ok((
        switched().read(kind).map_err(|e| e.to_string())?,
        when.parse().map_err(|e: crate::store::label::UnknownLabel| e.to_string())?,
    ))
}
