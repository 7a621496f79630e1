//! `email show`: a message of the archive or of a file.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::list as email;
use super::sort::was_seen;
use super::source::{Origin, as_variant, origin, remarks};
use super::{attachment, invitation};
use crate::cli::context::Context;
use crate::cli::delivery;
use crate::cli::mail_page::{self, Quoted};
use crate::cli::mailboxes;
use crate::error;
use crate::intake::answered;
use crate::mail::address::{self, Mailbox};
use crate::mail::author;
use crate::mail::automatic::{self, Answering};
use crate::mail::bounce::{Bounce, Failure, Outcome};
use crate::mail::message::{self, Attachment};
use crate::mail::reading::Reading;
use crate::mail::subject;
use crate::mail::text::Known;
use crate::store::emails::{EmailRow, EmailStatus, Variant};
use crate::ui::cell::{Cell, Column, Shown, head, unlisted};
use crate::ui::output::Format;
use crate::ui::tint::Tint;

/// `email show`
#[derive(Debug, Args)]
pub struct Show {
    /// Email ids, or files (names with a dot or slash; - is standard input)
    #[arg(value_name = "ID|FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    what: Vec<String>,
    /// Print only the header fields
    #[arg(long, conflicts_with_all = ["raw", "html"])]
    headers: bool,
    /// Print the source, byte for byte (not to a terminal)
    #[arg(long, conflicts_with = "html")]
    raw: bool,
    /// Print the HTML source
    #[arg(long)]
    html: bool,
    /// Show the mail in full, with quoted text
    #[arg(long, conflicts_with_all = ["headers", "raw", "html"])]
    full: bool,
    /// Show this variant of the message (number from the Variants field)
    #[arg(long, value_name = "N")]
    variant: Option<usize>,
}

/// Fields of one message in their order.
pub const COLUMNS: &[Column<Message>] = &[
    Column::new("id", head("Email"), |m, _| Cell::opt_int(m.origin.id)),
    Column::new("file", head("File"), |m, _| Cell::opt_text(m.origin.file.as_deref())),
    Column::new("subject", head("Subject"), |m, _| email::subject(&m.message.subject)),
    Column::new("from", head("From"), |m, _| m.from()),
    Column::new("writer", head("Written by"), |m, _| m.writer()),
    Column::new("to", head("To"), |m, _| mailboxes::cell(&m.message.to)),
    Column::new("cc", head("Cc"), |m, _| mailboxes::cell(&m.message.cc)),
    Column::new("bcc", head("Bcc"), |m, _| mailboxes::cell(m.origin.bcc.as_deref().unwrap_or(&m.message.bcc))),
    Column::new("reply_to", head("Reply-To"), |m, _| mailboxes::cell(&m.message.reply_to)),
    Column::new("date", head("Date"), |m, _| Cell::opt_date_time(m.message.date)),
    Column::new("message_id", head("Message-ID"), |m, _| Cell::opt_text(m.message.message_id.as_deref())),
    Column::new("in_reply_to", unlisted(), |m, _| {
        Cell::object(json!(m.message.in_reply_to), &m.message.in_reply_to.join(" "))
    }),
    Column::new("references", unlisted(), |m, _| {
        Cell::object(json!(m.message.references), &m.message.references.join(" "))
    }),
    Column::new("status", head("Status"), |m, _| status(m.origin.status.as_deref())),
    Column::new("kind", head("Kind"), |m, _| Cell::opt_text(m.message.kind().as_deref())),
    Column::new("case", head("Case"), |m, _| Cell::opt_int(m.origin.case)),
    Column::tinted("junk", head("Junk"), junk, |_, _| Some(Tint::Doubtful)),
    Column::new("parent", unlisted(), |m, _| email::parent(m.origin.row.as_ref().and_then(|row| row.email.parent))),
    Column::new("accounts", unlisted(), |m, _| {
        m.origin.row.as_ref().map_or_else(Cell::none, |row| Cell::words(&row.accounts))
    }),
    Column::new("folder", unlisted(), |m, _| {
        Cell::opt_text(m.origin.row.as_ref().and_then(|row| row.folder.as_deref()))
    }),
    Column::new("unread", unlisted(), |m, _| {
        m.origin.row.as_ref().map_or_else(Cell::none, |row| Cell::bool(row.unread))
    }),
    Column::new("recipients", head("Delivery"), |m, _| delivery::recipients_cell(&m.origin.recipients)),
    Column::tinted("unsent", head("Not sent"), unsent, |_, _| Some(Tint::Undelivered)),
    Column::new("attachments", unlisted(), |m, _| attachments(&m.files)),
    Column::tinted(
        "flagged",
        head("Look at"),
        |m, _| Cell::text(&m.origin.flagged.join("; ")),
        |_, _| Some(Tint::Doubtful),
    ),
    Column::new("remarks", unlisted(), |m, _| Cell::words(&m.origin.flagged)),
    Column::new("variants", head("Variants"), |m, _| variant_cell(&m.origin.variants)),
    Column::new("truncated", unlisted(), |m, _| Cell::bool(m.origin.truncated)),
    Column::new("text", unlisted(), |m, _| Cell::text(&m.message.text)),
    Column::new("from_addr", unlisted(), |m, _| {
        Cell::opt_text(m.message.from.first().map(|from| from.address.as_str()).filter(|address| !address.is_empty()))
    }),
    Column::new("from_name", unlisted(), |m, _| Cell::opt_text(m.message.from.first().map(|from| from.name.as_str()))),
    Column::new("date_utc", unlisted(), |m, _| Cell::opt_date_time(m.message.date)),
    Column::new("is_auto_reply", unlisted(), |m, _| Cell::bool(m.message.auto_reply)),
    Column::new("must_not_auto_respond", unlisted(), |m, _| Cell::bool(is_unanswerable(&m.message))),
    Column::new("is_bounce", unlisted(), |m, _| Cell::bool(m.message.bounce.is_some())),
    Column::new("bounce", unlisted(), |m, _| m.message.bounce.as_ref().map_or_else(Cell::none, bounce_cell)),
    Column::new("defects", unlisted(), |m, _| Cell::words(&m.message.defects)),
    Column::new("author", unlisted(), |m, _| {
        let author = m.origin.behind.as_ref().or(m.message.from.first());
        author.map_or_else(Cell::none, |author| Cell::object(mailboxes::of(author), &author.to_string()))
    }),
    Column::new("by_way_of", unlisted(), |m, _| Cell::opt_text(m.by_way_of().map(|(_, way)| way))),
];

/// A message with where it comes from.
pub struct Message {
    origin: Origin,
    message: Reading,
    /// Its attachments, with those that were pruned.
    files: Vec<Attachment>,
}

impl Message {
    /// An email of the archive with its source.
    pub fn stored(row: &EmailRow, raw: &[u8], archived: Vec<Attachment>) -> Message {
        let email = &row.email;
        let origin = Origin {
            id: Some(email.id),
            status: Some(email.status.to_string()),
            case: row.case_number,
            row: Some(row.clone()),
            flagged: remarks(email),
            truncated: email.truncated,
            behind: email.behind.clone(),
            ..Origin::default()
        };
        let message = Reading::parse(raw);
        Message { origin, files: message::with_pruned(message.attachments.clone(), archived), message }
    }

    /// The person who writes behind a shared From, and that address.
    fn by_way_of(&self) -> Option<(&Mailbox, &str)> {
        let behind = self.origin.behind.as_ref()?;
        let from = self.message.from.first().filter(|from| from.address != behind.address)?;
        Some((behind, &from.address))
    }

    /// The colleague who wrote it, where From does not say so.
    fn writer(&self) -> Cell {
        let Some(user) = &self.origin.writer else { return Cell::none() };
        let is_said = self.message.from.iter().any(|from| user.addresses.contains(&from.address.to_lowercase()));
        Cell::object(json!({"id": user.id, "username": user.username}), if is_said { "" } else { user.shown() })
    }

    fn from(&self) -> Cell {
        match self.by_way_of() {
            Some((behind, way)) => {
                let json = mailboxes::json(&self.message.from);
                Cell::object(json, &format!("{} (by way of {})", behind.shown(), address::shown(way)))
            }
            None => mailboxes::cell(&self.message.from),
        }
    }
}

/// Nobody has to be told of mail that came that it is in the archive.
fn status(status: Option<&str>) -> Cell {
    let shown = status.filter(|status| *status != EmailStatus::Archived.as_str()).unwrap_or_default();
    status.map_or_else(Cell::none, |status| Cell::object(json!(status), shown))
}

fn junk(message: &Message, shown: &Shown) -> Cell {
    let told = message.origin.junk.as_ref().map(|(who, at)| said_junk(who.as_deref(), &shown.local_time(*at)));
    Cell::object(json!(told.is_some()), &told.unwrap_or_default())
}

/// Who called a mail junk, and how that is taken back.
pub fn said_junk(who: Option<&str>, at: &str) -> String {
    format!("said by {} on {at}; it is in no list", who.unwrap_or("the administrator"))
}

fn unsent(message: &Message, shown: &Shown) -> Cell {
    let unsent = message.origin.unsent.as_ref().filter(|unsent| unsent.is_stuck());
    unsent.map_or_else(Cell::none, |unsent| Cell::object(json!([unsent.json()]), &unsent.told(shown)))
}

fn attachments(files: &[Attachment]) -> Cell {
    let json: Vec<Value> = files.iter().map(attachment::json_of).collect();
    Cell::object(json!(json), &mail_page::files(files).join("\n"))
}

/// An email by its id, or a file by its name, as the subject of an error.
fn subject_of(what: &str, fault: &str) -> String {
    let is_id = what.parse::<i64>().is_ok();
    if is_id { format!("email {fault}") } else { fault.to_owned() }
}

/// Runs `email show`.
pub fn run(args: &Show, ctx: &Context) -> Result<()> {
    let is_one_document = ctx.ui.format == Format::Json && args.what.len() > 1;
    if !is_one_document || args.raw || args.headers || args.html {
        return args.what.iter().try_for_each(|what| show(what, args, ctx));
    }
    let messages = args.what.iter().map(|what| message(what, args, ctx)).collect::<Result<Vec<_>>>()?;
    ctx.ui.objects("email", COLUMNS, &messages)
}

fn message(what: &str, args: &Show, ctx: &Context) -> Result<Message> {
    let mut origin = origin(what, ctx)?;
    if let Some(number) = args.variant {
        origin = as_variant(origin, number, what, ctx)?;
    }
    let mut message = Reading::parse(&origin.raw);
    if origin.id.is_some() {
        ctx.read(|tx, _| answered::look_up(tx, &mut message))?;
    }
    Ok(Message { files: origin.attachments(), origin, message })
}

fn show(what: &str, args: &Show, ctx: &Context) -> Result<()> {
    let shown = message(what, args, ctx)?;
    let Message { origin, message, .. } = &shown;
    if args.raw && origin.has_no_source {
        return Err(error::data(format!("email {what} has no source any more: it was pruned"))
            .hint(format!("its text: espomail email show {what}; a backup may have the source"))
            .into());
    }
    if args.raw {
        return ctx.ui.bytes(&origin.raw, "mail.eml");
    }
    if args.headers {
        let lines: Vec<String> = message.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        return ctx.ui.text(&lines.iter().map(|line| ctx.ui.set_in(line, 0)).collect::<Vec<_>>().join("\n"));
    }
    if args.html {
        let Some(html) = message.html.as_deref().filter(|html| !html.trim().is_empty()) else {
            let fault = format!("{what} has no HTML: it is written in plain text");
            return Err(error::data(subject_of(what, &fault)).hint(format!("espomail email show {what}")).into());
        };
        return ctx.ui.text(html);
    }
    ctx.ui.object("email", COLUMNS, &shown)?;
    if ctx.ui.tells_people() {
        let mut known = Known::default();
        shown.origin.before.iter().for_each(|text| known.learn(text));
        let passes_on = subject::is_forward(&shown.message.subject);
        let quoted = if args.full { Quoted::Whole } else { Quoted::Folded { known: &known, passes_on } };
        let body = ctx.ui.set_in(&mail_page::body(&shown.message.text, &quoted), 0);
        let files: String =
            mail_page::files(&shown.files).iter().map(|file| format!("\n{}", ctx.ui.set_in(file, 0))).collect();
        let gap = if files.is_empty() || body.is_empty() { "" } else { "\n" };
        ctx.ui.text(&format!("\n{body}{gap}{files}"))?;
        let invites = message.part_types.iter().any(|kind| kind == "text/calendar; method=REQUEST");
        if let Some(id) = origin.id.filter(|id| invites && invitation::can_be_answered(*id, ctx)) {
            ctx.ui.hint(&format!("to answer the invitation: espomail email invitation {id} accept"));
        }
        was_seen(&Vec::from_iter(shown.origin.id), ctx);
    }
    Ok(())
}

fn variant_cell(variants: &[Variant]) -> Cell {
    let json: Vec<Value> = variants
        .iter()
        .zip(1..)
        .map(|(variant, number)| json!({"number": number, "account": {"id": variant.account.0, "name": variant.account.1}, "size": variant.size}))
        .collect();
    let text: Vec<String> = variants
        .iter()
        .zip(1..)
        .map(|(variant, number)| format!("{number} by {} ({} bytes)", variant.account.1, variant.size))
        .collect();
    Cell::object(json!(json), &text.join(", "))
}

/// What a report says of its recipients: `hard` where an address does not exist.
fn bounce_cell(bounce: &Bounce) -> Cell {
    let addresses: Vec<&str> = bounce.failures.iter().map(|failure| failure.address.as_str()).collect();
    let of_one = |failure: &Failure| {
        let state = if failure.outcome == Outcome::Delayed { "waiting" } else { "failed" };
        json!({"address": failure.address, "state": state, "reply": failure.diagnostic})
    };
    let json = json!({
        "hard": bounce.is_hard(),
        "delayed": bounce.is_delay(),
        "recipients": addresses,
        "failures": bounce.failures.iter().map(of_one).collect::<Value>(),
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
