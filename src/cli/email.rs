//! `espomail email`: the archive.

mod explain;
mod link;
mod ours;
mod rest;
mod show;
pub mod skipped;
mod sort;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::attachment::{self, AttachmentCommand};
use super::context::{self, Context};
use super::letter::verbs;
use super::query::{self, Noun};
use crate::access::Actor;
use crate::desk::Sorting;
use crate::error::{self, Kind};
use crate::query::Field;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailQuery, EmailRow};
use crate::store::search::{Place, Test};
use crate::ui::cell::{Cell, Column, head, unlisted};

pub use explain::COLUMNS as DECISION_COLUMNS;
pub use show::{COLUMNS as MESSAGE_COLUMNS, Message, source};
pub use sort::{Ids, is_reserved};

/// Emails
#[derive(Debug, Subcommand)]
pub enum EmailCommand {
    /// Lists emails, newest first
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail email list 'invoice from:eva has:attachment newer:30d'\n  $ espomail --json email list --case 12",
        after_help = query::HELP
    )]
    List(List),
    /// Shows emails of the archive, or message files (no database needed)
    #[command(
        before_help = "Examples:\n  $ espomail email show 9131\n  $ espomail email show 9131 --raw > mail.eml\n  $ espomail --json email show mail.eml"
    )]
    Show(show::Show),
    /// Lists, saves and writes out attachments
    #[command(subcommand)]
    Attachment(AttachmentCommand),
    /// Marks emails in your mailbox as read
    #[command(before_help = "Examples:\n  $ espomail email read 9131\n  $ espomail email read 9131 9132")]
    Read(Ids),
    /// Marks them as unread
    #[command(before_help = "Examples:\n  $ espomail email unread 9131\n  $ espomail --as ana email unread 9131 9132")]
    Unread(Ids),
    /// Marks them as important
    #[command(before_help = "Examples:\n  $ espomail email important 9131\n  $ espomail email list --folder important")]
    Important(Ids),
    /// Takes that mark away
    #[command(before_help = "Examples:\n  $ espomail email unimportant 9131\n  $ espomail email unimportant 9131 9132")]
    Unimportant(Ids),
    /// Puts emails into the archive; in a group folder for everybody
    #[command(before_help = "Examples:\n  $ espomail email archive 9131 9132\n  $ espomail email move 9131 inbox")]
    Archive(Ids),
    /// Puts emails into the trash; in a group folder for everybody
    #[command(before_help = "Examples:\n  $ espomail email trash 9131 9132\n  $ espomail email move 9131 inbox")]
    Trash(Ids),
    /// Moves emails into a folder, or back to the inbox
    #[command(
        before_help = "Examples:\n  $ espomail email move 9131 9132 Invoices\n  $ espomail email move 9131 inbox"
    )]
    Move(sort::Move),
    /// Links an email to a record in place of the one it belongs to
    #[command(before_help = "Examples:\n  $ espomail email link 9131 case/12\n  $ espomail email link 9131 contact/7")]
    Link(link::Link),
    /// Takes an email out of what it belongs to; it stays in the archive
    #[command(before_help = "Examples:\n  $ espomail email unlink 9131\n  $ espomail --dry-run email unlink 9131")]
    Unlink(Id),
    /// Deletes a draft; or an email for good, so that it does not come back from the server either
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail email delete 9140\n  $ espomail --yes email delete 9131 --reason 'sent to us by mistake'"
    )]
    Delete(link::Delete),
    /// Fetches the whole of a message of which only the beginning was fetched
    #[command(
        before_help = "Examples:\n  $ espomail email fetch-rest 9131\n  $ espomail email fetch-rest 9131 --max-size 1GiB"
    )]
    FetchRest(rest::Rest),
    /// Shows mail of your personal account to whoever may read the record it is linked to
    #[command(before_help = "Examples:\n  $ espomail email share 9131\n  $ espomail --dry-run email share 9131 9132")]
    Share(Ids),
    /// Says why an email went where it went
    #[command(before_help = "Examples:\n  $ espomail email explain 9131\n  $ espomail --json email explain 9131")]
    Explain(Id),
    /// Answers an email
    #[command(
        before_help = "Examples:\n  $ espomail email reply 9131 -m 'Thank you.'\n  $ espomail email reply 9131 --all --quote -F answer.txt --attach invoice.pdf"
    )]
    Reply(verbs::Reply),
    /// Forwards an email with its attachments
    #[command(
        before_help = "Examples:\n  $ espomail email forward 9131 --to lab@example.org -m 'What do you think?'\n  $ espomail email forward 9131 --to lab@example.org --as-attachment"
    )]
    Forward(verbs::Forward),
    /// Writes to somebody, or sends a draft
    #[command(
        before_help = "Examples:\n  $ espomail email send --to 'Eva <eva@example.org>' --subject 'Your visit' -F letter.md --markdown\n  $ espomail email send 9140 --at 'tomorrow 9:00'"
    )]
    Send(verbs::Send),
    /// Changes a draft, in an editor or by flags
    #[command(
        before_help = "Examples:\n  $ espomail email edit 9140\n  $ espomail email edit 9140 --cc budi@example.org --attach plan.pdf"
    )]
    Edit(verbs::Edit),
}

/// `email list`
#[derive(Debug, Args)]
pub struct List {
    /// Words of the full text, from:ann, subject:…, is:unread and so on; see below
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Of this case
    #[arg(long, value_name = "N", value_parser = super::case_number)]
    case: Option<i64>,
    /// Delivered by this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// In inbox, important, sent, drafts, archive, trash or all, or in a folder of this name
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
    /// What was delivered and is no email, with the reason: skipped, discarded, in the quarantine and so on
    #[arg(long, conflicts_with_all = ["query", "case", "folder"])]
    skipped: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

/// An email's id.
#[derive(Debug, Args)]
pub struct Id {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
}

/// Fields of emails in their order.
pub const COLUMNS: &[Column<EmailRow>] = &[
    Column::new("id", head("ID").right(), |row, _| Cell::int(row.email.id)),
    Column::new("date", head("DATE"), |row, _| Cell::date_time(row.email.date.unwrap_or(row.email.received_at))),
    Column::new("from", head("FROM").shrinking(), |row, _| from(&row.email)),
    Column::new("subject", head("SUBJECT").shrinking(), |row, _| Cell::text(&row.email.subject)),
    Column::new("case", head("CASE").right(), |row, _| Cell::opt_int(row.case_number)),
    Column::new("status", head("STATUS"), |row, shown| Cell::text(row.email.shown_status(shown.now))),
    Column::new("unread", unlisted(), |row, _| Cell::bool(row.unread)),
    Column::new("accounts", head("ACCOUNTS").shrinking(), |row, _| Cell::words(&row.accounts)),
    Column::new("parent", unlisted(), |row, _| parent(&row.email)),
    Column::new("folder", unlisted(), |row, _| Cell::opt_text(row.folder.as_deref())),
    Column::new("important", unlisted(), |row, _| Cell::bool(row.important)),
    Column::new("variants", unlisted(), |row, _| Cell::int(row.variants)),
    Column::new("flagged", unlisted(), |row, _| Cell::text(&row.email.flagged)),
    Column::new("private", unlisted(), |row, _| Cell::bool(row.email.private)),
    Column::new("by_way_of", unlisted(), |row, _| Cell::opt_text(row.email.by_way_of())),
];

/// Runs an `email` command.
pub fn run(command: EmailCommand, ctx: &Context) -> Result<()> {
    match command {
        EmailCommand::List(args) => list(&args, ctx),
        EmailCommand::Show(args) => show::run(&args, ctx),
        EmailCommand::Attachment(command) => attachment::run(command, ctx),
        EmailCommand::Read(args) => sort::run(&args.ids, &Sorting::Read(true), "read", ctx),
        EmailCommand::Unread(args) => sort::run(&args.ids, &Sorting::Read(false), "unread", ctx),
        EmailCommand::Important(args) => sort::run(&args.ids, &Sorting::Important(true), "important", ctx),
        EmailCommand::Unimportant(args) => sort::run(&args.ids, &Sorting::Important(false), "not important", ctx),
        EmailCommand::Archive(args) => sort::run(&args.ids, &Sorting::Archive, "in the archive", ctx),
        EmailCommand::Trash(args) => sort::run(&args.ids, &Sorting::Trash, "in the trash", ctx),
        EmailCommand::Move(args) => sort::to_folder(&args, ctx),
        EmailCommand::Link(args) => link::link(&args, ctx),
        EmailCommand::Unlink(args) => link::unlink(args.id, ctx),
        EmailCommand::Delete(args) => link::delete(&args, ctx),
        EmailCommand::FetchRest(args) => rest::run(&args, ctx),
        EmailCommand::Share(args) => sort::share(&args.ids, ctx),
        EmailCommand::Explain(args) => explain::explain(args.id, ctx),
        EmailCommand::Reply(args) => verbs::reply(&args, ctx),
        EmailCommand::Forward(args) => verbs::forward(&args, ctx),
        EmailCommand::Send(args) => verbs::send(&args, ctx),
        EmailCommand::Edit(args) => verbs::edit(&args, ctx),
    }
}

/// An email that the actor sees.
fn find(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<Email> {
    emails::by_id(tx, id, actor.sight())?.ok_or_else(|| context::not_found("email", id))
}

/// Tries the same with each of several emails; where one is refused, the others go on.
///
/// # Errors
/// The error of the only one, exit 1 after refusals were told, or what stops them all.
fn each(ids: &[i64], ctx: &Context, one: impl Fn(i64) -> Result<()>) -> Result<()> {
    if let [id] = ids {
        return one(*id);
    }
    let mut failed = false;
    for id in ids {
        match one(*id) {
            Err(error) if error::classify(&error).0 == Kind::Data => {
                ctx.ui.error(&error);
                failed = true;
            }
            other => other?,
        }
    }
    if failed { Err(context::told(Kind::Partial)) } else { Ok(()) }
}

/// `Name <address>` of the person who writes an email; people see the shared From by which they do.
pub fn from(email: &Email) -> Cell {
    Cell::object(json!(email.author().to_string()), &author(email))
}

/// The same as people see it.
pub fn author(email: &Email) -> String {
    email.with_way(&email.author().shown())
}

fn list(args: &List, ctx: &Context) -> Result<()> {
    if args.skipped {
        return skipped::list(args.account.as_deref(), args.limit, ctx);
    }
    let asked = query::read(&args.query, Noun::Email, ctx)?;
    let rows = ctx.read(|tx, actor| {
        let mut and = Vec::new();
        if let Some(number) = args.case {
            and.push(query::case(tx, actor, number)?);
        }
        if let Some(name) = &args.account {
            and.push(Test::Account(context::known_account(tx, actor, name)?.id));
        }
        match &args.folder {
            Some(name) => and.push(query::folder(tx, actor, "--folder", name)?),
            // Nobody looks for what they threw away, unless they say so, or look through a whole case.
            None if args.case.is_none() && !asked.names(&[Field::Folder, Field::Case]) => {
                and.push(Test::Place(Place::All, actor.user_id()));
            }
            None => {}
        }
        let condition = query::resolve(tx, actor, &asked, and)?;
        let query = EmailQuery { condition, viewer: actor.user_id(), limit: Some(args.limit.into()) };
        emails::list(tx, &query, actor.sight())
    })?;
    ctx.ui.list("emails", COLUMNS, &rows)
}

fn parent(email: &Email) -> Cell {
    email.parent.map_or_else(Cell::none, |p| {
        Cell::object(json!({"type": p.kind.as_str(), "id": p.id}), &format!("{} {}", p.kind, p.id))
    })
}
