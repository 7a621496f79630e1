//! `case show`, `thread` and `history`.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use super::Show;
use super::people::{self, Seen};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::delivery;
use crate::cli::email;
use crate::cli::email::attachment;
use crate::intake::world::World;
use crate::mail::address::{self, Mailbox};
use crate::mail::message::Attachment;
use crate::mail::text::{self, Known, Piece};
use crate::store::cases::{Case, CaseRow, Customer, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::invalid_addresses::{self, InvalidAddress};
use crate::store::records::Parent;
use crate::store::stream::{self, Note, NoteKind};
use crate::store::users;
use crate::ui::cell::{Cell, Column, Shown, head, unlisted};

/// Fields of cases in their order.
pub const COLUMNS: &[Column<CaseRow>] = &[
    Column::new("number", head("#").right().label("Case"), |row, _| Cell::int(row.case.number)),
    Column::new("priority", head("PRIO"), |row, _| Cell::text(row.case.priority.as_str())),
    Column::new("status", head("STATUS"), |row, _| Cell::text(row.case.status.as_str())),
    Column::new("created_at", head("AGE").right().label("Opened"), |row, _| Cell::time(row.case.created_at)),
    Column::new("waiting_since", head("WAITING").right().label("Waiting"), |row, shown| waiting(&row.case, shown)),
    Column::new("assigned_user", head("ASSIGNEE").label("Assignee"), |row, _| assignee(row)),
    Column::new("customer", head("CUSTOMER").shrinking(), |row, _| customer(row)),
    Column::new("name", head("SUBJECT").shrinking().label("Subject"), |row, _| Cell::text(&row.case.name)),
    Column::new("waiting_for", unlisted(), |row, _| Cell::text(row.case.waiting_for.as_str())),
    Column::new("type", unlisted().labelled(), |row, _| Cell::text(&row.case.case_type)),
    Column::new("company", unlisted().labelled(), |row, _| by_name(row.case.company_id, row.company.as_ref())),
    Column::new("contact", unlisted().labelled(), |row, _| by_name(row.case.contact_id, row.contact.as_ref())),
    Column::new("lead", unlisted(), |row, _| Cell::opt_int(row.case.lead_id)),
    Column::new("teams", unlisted().labelled(), |row, _| Cell::words(&row.teams)),
    Column::new("account", unlisted().labelled(), |row, _| by_name(row.case.account_id, row.account.as_ref())),
    Column::new("answer_failed_at", unlisted().label("Undelivered"), |row, _| {
        Cell::opt_date_time(row.case.answer_failed_at)
    }),
];

/// What `case show` tells besides the fields of the list.
pub const SHOW_COLUMNS: &[Column<Alone>] = &[
    Column::new("first_response_at", unlisted(), |alone, _| Cell::opt_date_time(alone.row.case.first_response_at)),
    Column::new("copied", unlisted().labelled(), |alone, _| Cell::text(&people::as_text(&alone.people, Role::Copied))),
    Column::new("third_parties", unlisted().labelled(), |alone, _| {
        Cell::text(&people::as_text(&alone.people, Role::ThirdParty))
    }),
    Column::new("people", unlisted(), |alone, _| Cell::object(people::as_json(&alone.people), "")),
    Column::new("invalid_addresses", unlisted().label("Invalid"), |alone, _| delivery::invalid_cell(&alone.invalid)),
    Column::new("stream", unlisted(), |alone, _| alone.stream()),
    Column::new("description", unlisted(), |alone, _| Cell::text(&alone.row.case.description)),
];

/// Fields of the mails of a thread in their order.
pub const THREAD_COLUMNS: &[Column<Mail>] = &[
    Column::new("id", head("ID").right(), |mail, _| Cell::int(mail.email.id)),
    Column::new("date", head("DATE"), |mail, _| Cell::date_time(mail.email.date.unwrap_or(mail.email.received_at))),
    Column::new("from", head("FROM").shrinking(), |mail, _| email::from(&mail.email)),
    Column::new("to", unlisted(), |mail, _| {
        let shown: Vec<_> = mail.to.iter().map(|m| address::shown(&m.address)).collect();
        Cell::object(json!(addresses(&mail.to)), &shown.join(", "))
    }),
    Column::new("status", head("STATUS"), |mail, shown| Cell::text(mail.email.shown_status(shown.now))),
    Column::new("subject", head("SUBJECT").shrinking(), |mail, _| Cell::text(&mail.email.subject)),
    Column::new("text", unlisted(), |mail, _| Cell::text(&mail.text)),
    Column::new("verified", unlisted(), |mail, _| Cell::bool(mail.email.verified)),
    Column::new("by_way_of", unlisted(), |mail, _| Cell::opt_text(mail.email.by_way_of())),
    Column::new("cc", unlisted(), |mail, _| Cell::words(&addresses(&mail.cc))),
    Column::new("attachments", unlisted(), |mail, _| {
        let files: Vec<_> = mail.attachments.iter().map(attachment::json_of).collect();
        Cell::object(json!(files), &mail.files().join(", "))
    }),
    Column::new("writer", unlisted(), |mail, _| Cell::opt_text(mail.writer.as_deref())),
    Column::new("automatic", unlisted(), |mail, _| Cell::text(&mail.email.automatic)),
];

/// Fields of the deeds of `case history` in their order.
pub const HISTORY_COLUMNS: &[Column<Note>] = &[
    Column::new("id", unlisted(), |note, _| Cell::int(note.id)),
    Column::new("kind", head("WHAT"), |note, _| Cell::text(note.kind.as_str())),
    Column::new("user", head("WHO"), |note, _| Cell::opt_text(note.username.as_deref())),
    Column::new("text", head("TEXT").shrinking(), |note, _| Cell::text(&note.text)),
    Column::new("created_at", head("WHEN"), |note, _| Cell::date_time(note.created_at)),
];

/// A case with what is shown of it alone.
pub struct Alone {
    row: CaseRow,
    people: Vec<Seen>,
    invalid: Vec<InvalidAddress>,
    notes: Vec<Note>,
    mails: Vec<Mail>,
}

impl Alone {
    fn stream(&self) -> Cell {
        let note = |n: &Note| {
            let mail = mail_of(n, &self.mails).map(Mail::json);
            json!({"id": n.id, "kind": n.kind.as_str(), "user": n.username, "email": n.email_id, "text": n.text,
                "created_at": n.created_at.to_string(), "mail": mail})
        };
        Cell::object(json!(self.notes.iter().map(note).collect::<Vec<_>>()), "")
    }
}

pub fn show(args: &Show, ctx: &Context) -> Result<()> {
    let alone = ctx.read(|tx, actor| {
        let row = context::case_row(tx, actor, args.number)?;
        let notes = stream::notes(tx, Parent::case(row.case.id), actor.sight())?;
        let mails = mails(tx, actor, row.case.id)?;
        let people = people::seen(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &row.case)?;
        let addresses: Vec<String> = people.iter().map(|seen| seen.person.address.clone()).collect();
        let invalid = invalid_addresses::among(tx, &addresses, None)?;
        Ok(Alone { row, people, invalid, notes, mails })
    })?;
    let mut fields = ctx.ui.fields(COLUMNS, &alone.row);
    fields.extend(ctx.ui.fields(SHOW_COLUMNS, &alone));
    ctx.ui.joined("case", fields)?;
    if ctx.ui.for_people() {
        // The description of the others is their first mail.
        let Alone { row, people, notes, mails, .. } = &alone;
        if mails.is_empty() && !row.case.description.is_empty() {
            ctx.ui.text(&format!("\n{}", row.case.description.trim_end()))?;
        }
        let mut known = Known::default();
        for note in notes {
            let email = mail_of(note, mails);
            ctx.ui.text(&note_text(note, email, people, (!args.full).then_some(&known), ctx))?;
            known.learn(email.map_or("", |mail| &mail.text));
        }
    }
    Ok(())
}

/// A mail of a case as it is shown.
pub struct Mail {
    email: Email,
    text: String,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    attachments: Vec<Attachment>,
    /// Username of the colleague who wrote it, also where it goes out by the group address.
    writer: Option<String>,
}

/// The mails of a case that the actor sees.
fn mails(tx: &Tx<'_>, actor: &Actor, case_id: i64) -> Result<Vec<Mail>> {
    let seen = emails::of_case_for(tx, case_id, actor.sight())?;
    seen.into_iter().map(|email| mail(tx, email)).collect()
}

fn mail(tx: &Tx<'_>, email: Email) -> Result<Mail> {
    let writer = email.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    Ok(Mail {
        text: emails::text(tx, email.id)?,
        to: emails::addresses(tx, email.id, Field::To)?,
        cc: emails::addresses(tx, email.id, Field::Cc)?,
        reply_to: emails::addresses(tx, email.id, Field::ReplyTo)?,
        attachments: emails::attachments(tx, email.id)?,
        writer: writer.map(|user| user.username),
        email,
    })
}

impl Mail {
    /// To, Cc and Reply-To, where they say something. To of received mail is shown only where it has several addresses: one
    /// address is that of the group.
    fn heads(&self) -> Vec<String> {
        let mut heads = Vec::new();
        let mut head = |name: &str, mailboxes: &[Mailbox]| {
            if !mailboxes.is_empty() {
                let all: Vec<String> = mailboxes.iter().map(Mailbox::shown).collect();
                heads.push(format!("{name}: {}", all.join(", ")));
            }
        };
        if self.email.is_ours() || self.to.len() > 1 {
            head("To", &self.to);
        }
        head("Cc", &self.cc);
        let author = self.email.author().address;
        if !self.email.is_ours() && self.reply_to.iter().any(|m| m.address != author) {
            head("Reply-To", &self.reply_to);
        }
        heads
    }

    /// One line for each attachment: its number for `email attachment`, name, type and size.
    fn files(&self) -> Vec<String> {
        let line = |file: &Attachment| {
            let Attachment { part, content_type, size, .. } = file;
            format!("Attachment {part}: {} ({content_type}, {size} bytes)", file.shown_name())
        };
        self.attachments.iter().map(line).collect()
    }

    fn json(&self) -> serde_json::Value {
        let files: Vec<_> = self.attachments.iter().map(attachment::json_of).collect();
        json!({
            "to": addresses(&self.to), "cc": addresses(&self.cc), "reply_to": addresses(&self.reply_to),
            "writer": self.writer, "automatic": self.email.automatic, "attachments": files,
        })
    }
}

/// The mail that a note shows; remarks about a mail do not repeat it.
fn mail_of<'a>(note: &Note, mails: &'a [Mail]) -> Option<&'a Mail> {
    let tells = matches!(note.kind, NoteKind::EmailReceived | NoteKind::EmailSent);
    note.email_id.filter(|_| tells).and_then(|id| mails.iter().find(|m| m.email.id == id))
}

/// One note of the stream, with the text of its mail, except quotations of lines that are `known`.
fn note_text(note: &Note, mail: Option<&Mail>, people: &[Seen], known: Option<&Known>, ctx: &Context) -> String {
    let when = ctx.ui.local_time(note.created_at);
    let who = note.username.as_deref().unwrap_or("");
    let mut text = format!("\n{when}  {}", note.kind);
    if let Some(mail @ Mail { email, .. }) = mail {
        let role = role_of(email, people).map(|role| format!("{role}, ")).unwrap_or_default();
        let writer = mail.writer.as_ref().map(|writer| format!("by {writer}, ")).unwrap_or_default();
        let automatic = if email.automatic.is_empty() { "" } else { "automatic, " };
        let (id, status) = (email.id, status(email, ctx.now()));
        text.push_str(&format!("  {}  ({role}{writer}{automatic}email {id}, {status})", email::author(email)));
        let heads = mail.heads();
        if !heads.is_empty() {
            text.push_str(&indented(&heads.join("\n")));
            text.push('\n');
        }
    } else if !who.is_empty() {
        text.push_str(&format!("  {who}"));
    }
    if !note.text.is_empty() {
        text.push_str(&indented(&note.text));
    }
    if let Some(mail) = mail {
        let body = match known {
            Some(known) => folded(&mail.text, known),
            None => mail.text.clone(),
        };
        text.push_str(&indented(body.trim_end()));
        text.push_str(&indented(&mail.files().join("\n")));
    }
    text
}

/// The status of a mail, and why it is held.
fn status(email: &Email, now: Timestamp) -> String {
    match email.held.as_deref() {
        Some("") => "held".to_owned(),
        Some(why) => format!("held: {why}"),
        None => email.shown_status(now).to_owned(),
    }
}

/// What is said of a mail in brackets after its writer.
fn remark(email: &Email, now: Timestamp) -> &'static str {
    let is_automatic = !email.automatic.is_empty();
    match (email.verified, email.status) {
        (true, EmailStatus::Sending) if email.held.is_some() && is_automatic => " (automatic, held)",
        (true, EmailStatus::Sending) if email.held.is_some() => " (held)",
        _ if is_automatic => " (automatic)",
        (false, _) => " (unverified)",
        (true, EmailStatus::Failed) => " (not delivered)",
        (true, EmailStatus::Sending) if email.received_at > now => " (scheduled)",
        (true, EmailStatus::Sending) => " (not sent yet)",
        (true, _) => "",
    }
}

/// A text with its quotations folded.
fn folded(text: &str, known: &Known) -> String {
    let mut lines = String::new();
    for piece in text::folded(text, known) {
        match piece {
            Piece::Line(line) => lines.push_str(line),
            Piece::Folded(count) => lines.push_str(&format!("[quoted lines, --full shows them: {count}]")),
        }
        lines.push('\n');
    }
    lines
}

/// What the writer of a mail from outside is in the case.
fn role_of<'a>(email: &Email, people: &'a [Seen]) -> Option<&'a str> {
    if email.is_ours() || email.user_id.is_some() {
        return None;
    }
    // A report or receipt is known by the mail that it is about, and there is nothing to decide about it.
    if !email.verified && email.automatic.is_empty() {
        return Some("unverified");
    }
    let author = email.author().address;
    people.iter().find(|seen| seen.person.address == author).map(|seen| seen.person.role.as_str())
}

/// Each line on a line of its own, set in; empty lines stay empty.
fn indented(text: &str) -> String {
    text.lines().map(|line| if line.trim().is_empty() { "\n".to_owned() } else { format!("\n    {line}") }).collect()
}

pub fn thread(number: i64, ctx: &Context) -> Result<()> {
    let mails = ctx.read(|tx, actor| {
        let case = context::case(tx, actor, number)?;
        mails(tx, actor, case.id)
    })?;
    if !ctx.ui.for_people() {
        return ctx.ui.list("emails", THREAD_COLUMNS, &mails);
    }
    for mail @ Mail { email, text, .. } in &mails {
        let list = |all: &[Mailbox]| all.iter().map(Mailbox::shown).collect::<Vec<_>>().join(", ");
        let date = ctx.ui.local_time(email.date.unwrap_or(email.received_at));
        let remark = remark(email, ctx.now());
        let from = email::author(email);
        let writer = mail.writer.as_ref().map(|writer| format!(" by {writer}")).unwrap_or_default();
        let others = mail.heads().into_iter().filter(|head| !head.starts_with("To: ")).map(|head| head + "\n");
        let files: String = mail.files().into_iter().map(|file| file + "\n").collect();
        ctx.ui.text(&format!(
            "From: {from}{writer}{remark}\nTo: {}\n{}Date: {date}\nSubject: {}\n\n{}\n{files}",
            list(&mail.to),
            others.collect::<String>(),
            email.subject,
            text.trim_end()
        ))?;
    }
    Ok(())
}

pub fn history(number: i64, ctx: &Context) -> Result<()> {
    let mut notes =
        ctx.read(|tx, actor| stream::notes(tx, Parent::case(context::case(tx, actor, number)?.id), actor.sight()))?;
    notes.retain(|note| note.kind.is_deed());
    ctx.ui.list("history", HISTORY_COLUMNS, &notes)
}

fn addresses(all: &[Mailbox]) -> Vec<&str> {
    all.iter().map(|m| m.address.as_str()).collect()
}

fn by_name(id: Option<i64>, name: Option<&String>) -> Cell {
    match (id, name) {
        (Some(id), Some(name)) => Cell::object(json!({"id": id, "name": name}), name),
        _ => Cell::none(),
    }
}

fn assignee(row: &CaseRow) -> Cell {
    match (row.case.assigned_user_id, &row.assignee) {
        (Some(id), Some(username)) => Cell::object(json!({"id": id, "username": username}), username),
        _ => Cell::none(),
    }
}

/// `2h` = the customer waits for us since then; `us 1d` = we wait for the customer; `undelivered` = our last answer did not
/// reach the customer.
fn waiting(case: &Case, shown: &Shown) -> Cell {
    let since = case.waiting_since.filter(|_| case.status.is_open());
    if case.answer_failed_at.is_some() {
        let age = since.map(|since| format!("{} ", shown.age(since))).unwrap_or_default();
        return Cell::object(json!(since.map(|since| since.to_string())), &format!("{age}undelivered"));
    }
    match (case.waiting_for, since) {
        (WaitingFor::Us, Some(since)) => Cell::time(since),
        (WaitingFor::Customer, Some(since)) => {
            Cell::object(json!(since.to_string()), &format!("us {}", shown.age(since)))
        }
        (WaitingFor::Nobody, _) | (_, None) => Cell::none(),
    }
}

fn customer(row: &CaseRow) -> Cell {
    let Customer { name, address, by_way_of } = row.customer.clone().unwrap_or_default();
    let who = if name.is_empty() { address.clone() } else { name.clone() };
    let way = by_way_of.as_ref().map(|way| format!(" (by way of {way})")).unwrap_or_default();
    let company = row.company.as_ref().map(|company| format!(" ({company})")).unwrap_or_default();
    Cell::object(json!({"name": name, "address": address, "by_way_of": by_way_of}), &format!("{who}{company}{way}"))
}
