//! `espomail email list`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::skipped;
use super::source::remarks;
use crate::cli::context::{self, Context};
use crate::cli::mailboxes;
use crate::cli::page::{self, Page};
use crate::cli::query::{self, Noun};
use crate::mail::address::Mailbox;
use crate::query::Field;
use crate::store::emails::{self, Email, EmailQuery, EmailRow, EmailStatus};
use crate::store::records::Parent;
use crate::store::search::{Place, Test};
use crate::ui::cell::{Cell, Column, Shown, head, unlisted};
use crate::ui::tint::Tint;

/// `email list`
#[derive(Debug, Args)]
pub struct List {
    /// Search: words of the text, from:ann, subject:…, is:unread and more; see below
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Only emails of this case
    #[arg(long, value_name = "N", value_parser = crate::cli::case_number)]
    case: Option<i64>,
    /// Only emails that this account delivered
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only emails in inbox, important, sent, drafts, archive, trash, junk, all, or a folder of this name
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
    /// List deliveries that did not become an email, and why (skipped, discarded, quarantined …)
    #[arg(long, conflicts_with_all = ["query", "case", "folder"])]
    skipped: bool,
    #[command(flatten)]
    page: Page,
}

/// Fields of emails in their order.
pub const COLUMNS: &[Column<EmailRow>] = &[
    Column::new("id", head("ID").right(), |row, _| Cell::int(row.email.id)),
    Column::new("date", head("DATE"), |row, _| {
        Cell::moment_as(row.listed_at, row.email.date.unwrap_or(row.email.received_at))
    }),
    Column::new("from", head("FROM").shrinking(), |row, _| from(&row.email)),
    Column::tinted("subject", head("SUBJECT").shrinking(), |row, _| subject(&row.email.subject), unread),
    Column::new("to", unlisted(), |row, _| recipients(row.to.as_deref())),
    Column::new("cc", unlisted(), |row, _| recipients(row.cc.as_deref())),
    Column::new("case", head("CASE").right().rank(4), |row, _| Cell::opt_int(row.case_number)),
    Column::tinted(
        "status",
        head("STATUS").rank(3),
        |row, shown| Cell::usual(row.email.shown_status(shown.now), "Archived"),
        |row, _| (row.email.status == EmailStatus::Failed).then_some(Tint::Undelivered),
    ),
    Column::new("unread", unlisted(), |row, _| Cell::bool(row.unread)),
    Column::new("accounts", head("ACCOUNTS").shrinking().rank(1), |row, _| Cell::words(&row.accounts)),
    Column::new("parent", unlisted(), |row, _| parent(row.email.parent)),
    Column::new("folder", unlisted(), |row, _| Cell::opt_text(row.folder.as_deref())),
    Column::new("important", unlisted(), |row, _| Cell::bool(row.important)),
    Column::new("variants", unlisted(), |row, _| Cell::int(row.variants)),
    Column::new("variant_count", unlisted(), |row, _| Cell::int(row.variants)),
    Column::new("flagged", unlisted(), |row, _| Cell::text(&row.email.flagged)),
    Column::new("remarks", unlisted(), |row, _| Cell::words(&remarks(&row.email))),
    Column::new("private", unlisted(), |row, _| Cell::bool(row.email.private)),
    Column::new("by_way_of", unlisted(), |row, _| Cell::opt_text(row.email.by_way_of())),
    Column::tinted("marks", head("MARK").leading(), |row, _| marks(row), unread),
];

fn recipients(of_field: Option<&[Mailbox]>) -> Cell {
    of_field.map_or_else(Cell::none, mailboxes::cell)
}

fn unread(row: &EmailRow, _: &Shown) -> Option<Tint> {
    row.unread.then_some(Tint::Unread)
}

/// `N` unread, `!` important, `@` with an attachment, `a` automatic.
fn marks(row: &EmailRow) -> Cell {
    let all = [
        (row.unread, "unread", 'N'),
        (row.important, "important", '!'),
        (row.attachment, "attachment", '@'),
        (!row.email.automatic.is_empty(), "automatic", 'a'),
    ];
    let held = all.iter().filter(|(holds, _, _)| *holds);
    let (words, signs): (Vec<&str>, String) = held.map(|(_, word, sign)| (*word, *sign)).unzip();
    Cell::object(json!(words), &signs)
}

/// The person who writes an email; people see the shared From by which they do, and the name alone where there is little
/// room.
pub fn from(email: &Email) -> Cell {
    let name = email.author().name;
    let short = if name.trim().is_empty() { author(email) } else { email.with_way(&name) };
    Cell::shortened(json!([mailboxes::of(&email.author())]), &author(email), &short)
}

/// The same as people see it.
pub fn author(email: &Email) -> String {
    email.with_way(&email.author().shown())
}

/// A subject; people see where there is none.
pub fn subject(subject: &str) -> Cell {
    Cell::object(json!(subject), if subject.trim().is_empty() { emails::NO_SUBJECT } else { subject })
}

pub(super) fn list(args: &List, ctx: &Context) -> Result<()> {
    if args.skipped {
        return skipped::list(args.account.as_deref(), args.page, ctx);
    }
    let asked = query::read(&args.query, Noun::Email, ctx)?;
    let (rows, total) = ctx.read(|tx, actor| {
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
        let query = EmailQuery {
            condition,
            viewer: actor.user_id(),
            limit: args.page.limit(),
            recipients: !ctx.ui.tells_people(),
            now: Some(ctx.now()),
        };
        let rows = emails::list(tx, &query, actor.sight())?;
        let total = args.page.total(rows.len(), |most| emails::count_to(tx, &query, most, actor.sight()))?;
        Ok((rows, total))
    })?;
    ctx.ui.list("emails", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    Ok(())
}

pub(super) fn parent(parent: Option<Parent>) -> Cell {
    parent.map_or_else(Cell::none, |p| {
        Cell::object(json!({"type": p.kind.as_str(), "id": p.id}), &format!("{} {}", p.kind, p.id))
    })
}
