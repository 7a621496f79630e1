//! `espomail email`: the archive.

mod explain;
mod link;
mod ours;
mod rest;
pub mod skipped;
mod sort;

use std::io::{self, Read as _};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::attachment::{self, AttachmentCommand};
use super::context::{self, Context};
use super::delivery;
use super::letter::verbs;
use super::named;
use super::query::{self, Noun};
use crate::access::Actor;
use crate::desk::Sorting;
use crate::error::{self, Kind};
use crate::intake::answered;
use crate::job_control;
use crate::mail::address::{self, Mailbox};
use crate::mail::author;
use crate::mail::automatic::{self, Answering};
use crate::mail::bounce::Bounce;
use crate::mail::reading::Reading;
use crate::query::Field;
use crate::store::cases;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailQuery, EmailRow, Variant};
use crate::store::outbox::Recipient;
use crate::store::search::{Place, Test};
use crate::ui::cell::{Cell, Column};

pub use sort::{Ids, is_reserved};

/// No message on standard input is read further.
const LONGEST: u64 = 1 << 30;

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
    Show(Show),
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

/// `email show`
#[derive(Debug, Args)]
pub struct Show {
    /// Email ids, or files (names with a dot or slash; - is standard input)
    #[arg(value_name = "ID|FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    what: Vec<String>,
    /// Header fields only
    #[arg(long, conflicts_with_all = ["raw", "html"])]
    headers: bool,
    /// The source, byte for byte (not to a terminal)
    #[arg(long, conflicts_with = "html")]
    raw: bool,
    /// The HTML source
    #[arg(long)]
    html: bool,
    /// Another text of it that an account delivered, by its number under Variants
    #[arg(long, value_name = "N")]
    variant: Option<usize>,
}

/// An email's id.
#[derive(Debug, Args)]
pub struct Id {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
}

/// Fields of emails in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("id", "ID").right(),
    Column::new("date", "DATE"),
    Column::new("from", "FROM").shrinking(),
    Column::new("subject", "SUBJECT").shrinking(),
    Column::new("case", "CASE").right(),
    Column::new("status", "STATUS"),
    Column::new("unread", ""),
    Column::new("accounts", "ACCOUNTS").shrinking(),
    Column::new("parent", ""),
    Column::new("folder", ""),
    Column::new("important", ""),
    Column::new("variants", ""),
    Column::new("flagged", ""),
    Column::new("private", ""),
    Column::new("by_way_of", ""),
];

/// Fields of one decision in their order.
pub const DECISION_COLUMNS: &[Column] =
    &[Column::new("step", "STEP"), Column::new("decision", "DECISION"), Column::new("created_at", "")];

/// Fields of one message in their order.
pub const MESSAGE_COLUMNS: &[Column] = &[
    Column::new("id", "Email"),
    Column::new("file", "File"),
    Column::new("subject", "Subject"),
    Column::new("from", "From"),
    Column::new("to", "To"),
    Column::new("cc", "Cc"),
    Column::new("bcc", "Bcc"),
    Column::new("reply_to", "Reply-To"),
    Column::new("date", "Date"),
    Column::new("message_id", "Message-ID"),
    Column::new("in_reply_to", ""),
    Column::new("references", ""),
    Column::new("status", "Status"),
    Column::new("kind", "Kind"),
    Column::new("case", "Case"),
    Column::new("recipients", "Delivery"),
    Column::new("attachments", "Attachments"),
    Column::new("flagged", "Look at"),
    Column::new("variants", "Variants"),
    Column::new("truncated", ""),
    Column::new("text", ""),
    Column::new("from_addr", ""),
    Column::new("from_name", ""),
    Column::new("date_utc", ""),
    Column::new("is_auto_reply", ""),
    Column::new("must_not_auto_respond", ""),
    Column::new("is_bounce", ""),
    Column::new("bounce", ""),
    Column::new("defects", ""),
    Column::new("author", ""),
    Column::new("by_way_of", ""),
];

/// Runs an `email` command.
pub fn run(command: EmailCommand, ctx: &Context) -> Result<()> {
    match command {
        EmailCommand::List(args) => list(&args, ctx),
        EmailCommand::Show(args) => args.what.iter().try_for_each(|what| show(what, &args, ctx)),
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
    ctx.ui.list("emails", COLUMNS, rows.iter().map(|row| cells(row, ctx.now())).collect())
}

fn cells(row: &EmailRow, now: Timestamp) -> Vec<Cell> {
    let email = &row.email;
    vec![
        Cell::int(email.id),
        Cell::date_time(email.date.unwrap_or(email.received_at)),
        from(email),
        Cell::text(&email.subject),
        row.case_number.map_or_else(Cell::none, Cell::int),
        Cell::text(email.shown_status(now)),
        Cell::bool(row.unread),
        Cell::object(json!(row.accounts), &row.accounts.join(", ")),
        parent(email),
        row.folder.as_deref().map_or_else(Cell::none, Cell::text),
        Cell::bool(row.important),
        Cell::int(row.variants),
        Cell::text(&email.flagged),
        Cell::bool(email.private),
        email.by_way_of().map_or_else(Cell::none, Cell::text),
    ]
}

fn parent(email: &Email) -> Cell {
    email.parent.map_or_else(Cell::none, |p| {
        Cell::object(json!({"type": p.kind.as_str(), "id": p.id}), &format!("{} {}", p.kind, p.id))
    })
}

/// A message to be shown, from the archive or a file.
#[derive(Default)]
struct Shown {
    id: Option<i64>,
    file: Option<String>,
    status: Option<String>,
    case: Option<i64>,
    /// What is special about it, for people.
    flagged: Vec<String>,
    variants: Vec<Variant>,
    truncated: bool,
    recipients: Vec<Recipient>,
    /// Bcc, where it is known from elsewhere than the source.
    bcc: Option<Vec<Mailbox>>,
    /// The person who writes behind a shared From; of a file as nobody's house reads it.
    behind: Option<Mailbox>,
    raw: Vec<u8>,
}

fn show(what: &str, args: &Show, ctx: &Context) -> Result<()> {
    let mut shown = shown(what, ctx)?;
    if let Some(number) = args.variant {
        shown = as_variant(shown, number, what, ctx)?;
    }
    if args.raw {
        return ctx.ui.bytes(&shown.raw);
    }
    let mut message = Reading::parse(&shown.raw);
    if shown.id.is_some() {
        ctx.read(|tx, _| answered::look_up(tx, &mut message))?;
    }
    if args.headers {
        let lines: Vec<String> = message.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        return ctx.ui.text(&lines.join("\n"));
    }
    if args.html {
        return ctx.ui.text(message.html.as_deref().unwrap_or_default());
    }
    ctx.ui.object("email", MESSAGE_COLUMNS, message_cells(&shown, &message))?;
    if ctx.ui.for_people() {
        ctx.ui.text(&format!("\n{}", message.text.trim_end()))?;
    }
    Ok(())
}

/// The source of an email of the archive, or of a file.
pub fn source(what: &str, ctx: &Context) -> Result<Vec<u8>> {
    Ok(shown(what, ctx)?.raw)
}

fn shown(what: &str, ctx: &Context) -> Result<Shown> {
    if let Ok(id) = what.parse::<i64>() {
        return stored(id, ctx);
    }
    let read = match what {
        "-" => standard_input(),
        file => named::read(file, LONGEST),
    };
    let raw = read.map_err(|e| error::data(format!("{what}: {e}")).hint("name an email id or a readable file"))?;
    let author = author::of_stranger(&Reading::parse(&raw));
    let behind = author.via.map(|_| author.person);
    Ok(Shown { file: Some(what.to_owned()), behind, raw, ..Shown::default() })
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    job_control::while_waiting(|| io::stdin().lock().take(LONGEST).read_to_end(&mut raw))?;
    Ok(raw)
}

fn stored(id: i64, ctx: &Context) -> Result<Shown> {
    ctx.read(|tx, actor| {
        let email = emails::by_id(tx, id, actor.sight())?.ok_or_else(|| context::not_found("email", id))?;
        let raw_id = email.raw_id.with_context(|| format!("email {id}: its source was dropped"))?;
        let case = email.case_id().map(|id| cases::by_id_seen(tx, id, actor.sight())).transpose()?.flatten();
        let unverified = case.as_ref().filter(|_| !email.verified && email.automatic.is_empty());
        let unverified = unverified.map(|case| format!("the sender does not take part in case {}", case.number));
        Ok(Shown {
            id: Some(id),
            file: None,
            status: Some(email.status.to_string()),
            case: case.map(|c| c.number),
            flagged: remarks(&email).into_iter().chain(unverified).collect(),
            variants: variants(tx, actor, id)?,
            truncated: email.truncated,
            recipients: delivery::recipients(tx, actor, &email)?,
            bcc: delivery::bcc(tx, actor, &email)?,
            behind: email.behind.clone(),
            raw: delivery::source(tx, actor, &email, raw_id)?,
        })
    })
}

/// What is special about an email.
fn remarks(email: &Email) -> Vec<String> {
    let flagged = Some(email.flagged.clone()).filter(|text| !text.is_empty());
    let beginning = || format!("only its beginning is here: espomail email fetch-rest {}", email.id);
    flagged.into_iter().chain(email.truncated.then(beginning)).collect()
}

/// The other texts of an email, but for those that came by the personal accounts of others.
fn variants(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<Vec<Variant>> {
    let foreign = explain::foreign_accounts(tx, actor)?;
    let mut variants = emails::variants(tx, id)?;
    variants.retain(|variant| !foreign.contains(&variant.account));
    Ok(variants)
}

/// The same with the bytes of one of its variants, counted from 1.
fn as_variant(shown: Shown, number: usize, what: &str, ctx: &Context) -> Result<Shown> {
    let Some(variant) = number.checked_sub(1).and_then(|at| shown.variants.get(at)) else {
        return Err(error::data(format!("--variant: email {what} has no variant {number}"))
            .hint(format!("see `espomail email show {what}`, Variants"))
            .into());
    };
    let id = shown.id.context("a message file has no variants")?;
    let raw = ctx.read(|tx, actor| delivery::source(tx, actor, &find(tx, actor, id)?, variant.raw_id))?;
    Ok(Shown { raw, ..shown })
}

fn variant_cell(variants: &[Variant]) -> Cell {
    let json: Vec<Value> = variants
        .iter()
        .zip(1..)
        .map(|(variant, number)| json!({"number": number, "account": variant.account, "size": variant.size}))
        .collect();
    let text: Vec<String> = variants
        .iter()
        .zip(1..)
        .map(|(variant, number)| format!("{number} by {} ({} bytes)", variant.account, variant.size))
        .collect();
    Cell::object(json!(json), &text.join(", "))
}

/// An email of the archive as `email show` shows it; its fields are [`MESSAGE_COLUMNS`].
pub fn stored_cells(email: &Email, case: Option<i64>, message: &Reading) -> Vec<Cell> {
    let shown = Shown {
        id: Some(email.id),
        status: Some(email.status.to_string()),
        case,
        flagged: remarks(email),
        truncated: email.truncated,
        behind: email.behind.clone(),
        ..Shown::default()
    };
    message_cells(&shown, message)
}

fn message_cells(shown: &Shown, message: &Reading) -> Vec<Cell> {
    let addresses = |list: &[Mailbox]| {
        let json: Vec<Value> = list.iter().map(|m| json!({"name": m.name, "address": m.address})).collect();
        let text: Vec<String> = list.iter().map(Mailbox::shown).collect();
        Cell::object(json!(json), &text.join(", "))
    };
    let attachments: Vec<Value> = message.attachments.iter().map(attachment::json_of).collect();
    let names: Vec<String> =
        message.attachments.iter().map(|a| format!("{} ({} bytes)", a.shown_name(), a.size)).collect();
    let from = addresses(&message.from);
    let via = shown.behind.as_ref().and_then(|behind| {
        message.from.first().filter(|from| from.address != behind.address).map(|from| (behind, from.address.as_str()))
    });
    let (from, by_way_of) = match via {
        Some((behind, way)) => {
            let json =
                json!(message.from.iter().map(|m| json!({"name": m.name, "address": m.address})).collect::<Vec<_>>());
            let text = format!("{} (by way of {})", behind.shown(), address::shown(way));
            (Cell::object(json, &text), Cell::text(way))
        }
        None => (from, Cell::none()),
    };
    let author = shown.behind.as_ref().or(message.from.first());
    vec![
        shown.id.map_or_else(Cell::none, Cell::int),
        shown.file.as_deref().map_or_else(Cell::none, Cell::text),
        Cell::text(&message.subject),
        from,
        addresses(&message.to),
        addresses(&message.cc),
        addresses(shown.bcc.as_deref().unwrap_or(&message.bcc)),
        addresses(&message.reply_to),
        message.date.map_or_else(Cell::none, Cell::date_time),
        message.message_id.as_deref().map_or_else(Cell::none, Cell::text),
        Cell::object(json!(message.in_reply_to), &message.in_reply_to.join(" ")),
        Cell::object(json!(message.references), &message.references.join(" ")),
        shown.status.as_deref().map_or_else(Cell::none, Cell::text),
        message.kind().as_deref().map_or_else(Cell::none, Cell::text),
        shown.case.map_or_else(Cell::none, Cell::int),
        delivery::recipients_cell(&shown.recipients),
        Cell::object(json!(attachments), &names.join(", ")),
        Cell::text(&shown.flagged.join("; ")),
        variant_cell(&shown.variants),
        Cell::bool(shown.truncated),
        Cell::text(&message.text),
        message.from.first().filter(|m| !m.address.is_empty()).map_or_else(Cell::none, |m| Cell::text(&m.address)),
        message.from.first().map_or_else(Cell::none, |from| Cell::text(&from.name)),
        message.date.map_or_else(Cell::none, Cell::date_time),
        Cell::bool(message.auto_reply),
        Cell::bool(is_unanswerable(message)),
        Cell::bool(message.bounce.is_some()),
        message.bounce.as_ref().map_or_else(Cell::none, bounce_cell),
        Cell::object(json!(message.defects), &message.defects.join(", ")),
        author.map_or_else(Cell::none, |m| Cell::object(json!({"name": m.name, "address": m.address}), &m.to_string())),
        by_way_of,
    ]
}

/// What a report says of its recipients: `hard` where an address does not exist.
fn bounce_cell(bounce: &Bounce) -> Cell {
    let addresses: Vec<&str> = bounce.failures.iter().map(|failure| failure.address.as_str()).collect();
    let json = json!({
        "hard": bounce.is_hard(),
        "delayed": bounce.is_delay(),
        "recipients": addresses,
        "status": bounce.status(),
        "original_message_id": bounce.original_message_id,
    });
    Cell::object(json, &addresses.join(", "))
}

fn is_unanswerable(message: &Reading) -> bool {
    let (author, nobody) = (author::of_stranger(message), |_: &str| false);
    let answering = Answering { message, author: &author, own: &nobody, our_auto_reply: &nobody, to_own_list: false };
    automatic::unanswerable(&answering).is_some()
}
