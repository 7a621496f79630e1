//! `case show`, `thread` and `history`.

mod mail;
mod stream;

use anyhow::Result;
use jiff::SignedDuration;
use serde_json::{Value, json};

use self::mail::Mail;

use super::people::{self, Seen};
use super::{Show, ShowThread};
use crate::cli::context::{self, Context};
use crate::cli::delivery;
use crate::cli::email;
use crate::cli::email::attachment;
use crate::cli::email::was_seen;
use crate::cli::mail_page::{self, Quoted};
use crate::cli::mailboxes;
use crate::cli::stream::{who, words};
use crate::cli::unsent::Unsent;
use crate::intake::world::World;
use crate::mail::address;
use crate::mail::subject;
use crate::mail::text::Known;
use crate::store::cases::{Case, CaseRow, Customer, Priority, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::drafts::{self, CaseDraft};
use crate::store::emails::EmailStatus;
use crate::store::invalid_addresses::{self, InvalidAddress};
use crate::store::records::Parent;
use crate::store::stream::{self as notes_of, Note};
use crate::store::users::{self, User};
use crate::ui::cell::{Cell, Column, Shown, head, unlisted};
use crate::ui::tint::Tint;

/// Fields of cases in their order.
pub const COLUMNS: &[Column<CaseRow>] = &[
    Column::new("number", head("#").right().label("Case"), |row, _| Cell::int(row.case.number)),
    Column::tinted(
        "priority",
        head("PRIO").rank(6),
        |row, _| Cell::usual(row.case.priority.as_str(), "Normal"),
        |row, _| (row.case.priority == Priority::Urgent).then_some(Tint::Urgent),
    ),
    Column::new("status", head("STATUS").rank(4), |row, _| Cell::text(row.case.status.as_str())),
    Column::new("created_at", head("AGE").right().rank(1).label("Opened"), |row, _| Cell::time(row.case.created_at)),
    Column::tinted(
        "waiting_since",
        head("WAITING").right().label("Waiting"),
        |row, shown| waiting(&row.case, shown),
        |row, shown| lateness(&row.case, shown),
    ),
    Column::new("assigned_user", head("ASSIGNEE").rank(5).label("Assignee"), |row, _| assignee(row)),
    Column::new("customer", head("CUSTOMER").shrinking(), |row, _| customer(row)),
    Column::new("subject", head("SUBJECT").shrinking().label("Subject"), |row, _| Cell::text(&row.case.name)),
    Column::new("tags", head("TAGS").shrinking().optional().rank(3).label("Tags"), |row, _| Cell::words(&row.tags)),
    Column::new("snoozed_until", head("SNOOZED").optional().rank(3).label("Snoozed until"), |row, _| {
        Cell::opt_date_time(row.case.snoozed_until)
    }),
    Column::new("waiting", unlisted(), |row, shown| who_waits(&row.case, shown)),
    Column::new("id", unlisted(), |row, _| Cell::int(row.case.number)),
    Column::new("name", unlisted(), |row, _| Cell::text(&row.case.name)),
    Column::new("waiting_for", unlisted(), |row, _| Cell::text(row.case.waiting_for.as_str())),
    Column::new("type", unlisted().labelled(), |row, _| Cell::text(&row.case.case_type)),
    Column::new("company", unlisted().labelled(), |row, _| by_name(row.case.company_id, row.company.as_ref())),
    Column::new("contact", unlisted().labelled(), |row, _| by_name(row.case.contact_id, row.contact.as_ref())),
    Column::new("lead", unlisted(), |row, _| by_name(row.case.lead_id, row.lead.as_ref())),
    Column::new("teams", unlisted().labelled(), |row, _| Cell::words(&row.teams)),
    Column::new("account", unlisted().labelled(), |row, _| by_name(row.case.account_id, row.account.as_ref())),
    Column::tinted(
        "answer_failed_at",
        unlisted().label("Undelivered"),
        |row, _| Cell::opt_date_time(row.case.answer_failed_at),
        |_, _| Some(Tint::Undelivered),
    ),
];

/// What `case show` tells besides the fields of the list.
pub const SHOW_COLUMNS: &[Column<Alone>] = &[
    Column::new("first_response_at", unlisted(), |alone, _| Cell::opt_date_time(alone.row.case.first_response_at)),
    Column::new("copied", unlisted().labelled(), |alone, _| Cell::text(&people::as_text(&alone.people, Role::Copied))),
    Column::new("third_parties", unlisted().labelled(), |alone, _| {
        Cell::text(&people::as_text(&alone.people, Role::ThirdParty))
    }),
    Column::new("people", unlisted(), |alone, _| Cell::object(people::as_json(&alone.people), "")),
    Column::tinted(
        "invalid_addresses",
        unlisted().label("No such address"),
        |alone, _| delivery::invalid_cell(&alone.invalid),
        |_, _| Some(Tint::Undelivered),
    ),
    Column::new("followers", unlisted().labelled(), |alone, _| alone.followers()),
    Column::new("drafts", unlisted().labelled(), |alone, shown| alone.drafts(shown)),
    Column::tinted("unsent", unlisted().labelled(), |alone, shown| alone.unsent(shown), |_, _| Some(Tint::Undelivered)),
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
        Cell::object(mailboxes::json(&mail.to), &shown.join(", "))
    }),
    Column::new("status", head("STATUS"), |mail, shown| Cell::text(mail.email.shown_status(shown.now))),
    Column::new("subject", head("SUBJECT").shrinking(), |mail, _| Cell::text(&mail.email.subject)),
    Column::new("text", unlisted(), |mail, _| Cell::text(&mail.text)),
    Column::new("verified", unlisted(), |mail, _| Cell::bool(mail.email.verified)),
    Column::new("by_way_of", unlisted(), |mail, _| Cell::opt_text(mail.email.by_way_of())),
    Column::new("cc", unlisted(), |mail, _| {
        let shown: Vec<_> = mail.cc.iter().map(|m| address::shown(&m.address)).collect();
        Cell::object(mailboxes::json(&mail.cc), &shown.join(", "))
    }),
    Column::new("attachments", unlisted(), |mail, _| {
        let files: Vec<_> = mail.attachments.iter().map(attachment::json_of).collect();
        Cell::object(json!(files), &mail.files().join(", "))
    }),
    Column::new("writer", unlisted(), |mail, _| {
        mail.writer().map_or_else(Cell::none, |user| Cell::user(user.id, &user.username))
    }),
    Column::new("automatic", unlisted(), |mail, _| Cell::bool(!mail.email.automatic.is_empty())),
    Column::new("automatic_kind", unlisted(), |mail, _| Cell::text(&mail.email.automatic)),
];

/// Fields of the deeds of `case history` in their order.
pub const HISTORY_COLUMNS: &[Column<Note>] = &[
    Column::new("id", unlisted(), |note, _| Cell::int(note.id)),
    Column::new("kind", head("WHAT"), |note, _| Cell::object(json!(note.kind.as_str()), words(note.kind))),
    Column::new("user", head("WHO"), |note, _| who(note)),
    Column::new("text", head("TEXT").wrapping(), |note, _| Cell::text(&note.text)),
    Column::new("created_at", head("WHEN").leading(), |note, _| Cell::date_time(note.created_at)),
];

/// A case with what is shown of it alone.
pub struct Alone {
    row: CaseRow,
    people: Vec<Seen>,
    invalid: Vec<InvalidAddress>,
    followers: Vec<User>,
    drafts: Vec<CaseDraft>,
    notes: Vec<Note>,
    mails: Vec<Mail>,
}

impl Alone {
    fn name(&self) -> &str {
        &self.row.case.name
    }

    fn followers(&self) -> Cell {
        let json: Vec<Value> =
            self.followers.iter().map(|user| json!({"id": user.id, "username": user.username})).collect();
        let names: Vec<&str> = self.followers.iter().map(|user| user.username.as_str()).collect();
        Cell::object(json!(json), &names.join(", "))
    }

    /// Answers that are being written: to their writer with the command that goes on, to others by whom and since when.
    fn drafts(&self, shown: &Shown) -> Cell {
        let json = |draft: &CaseDraft| {
            let user = draft.user_id.map(|id| json!({"id": id, "username": draft.username}));
            json!({"email": draft.email_id, "user": user, "since": draft.since.to_string()})
        };
        let text = |draft: &CaseDraft| {
            let since = shown.local_time(draft.since);
            let who = draft.username.as_deref().map(|who| format!("by {who}, ")).unwrap_or_default();
            match draft.email_id {
                Some(id) => format!("email {id} {who}{since}; espomail email edit {id}, or email send {id}"),
                None => format!("{who}{since}"),
            }
        };
        let lines: Vec<String> = self.drafts.iter().map(text).collect();
        Cell::object(json!(self.drafts.iter().map(json).collect::<Vec<_>>()), &lines.join("\n"))
    }

    /// Our letters that should be gone and are not; a failed one counts until another one arrived.
    fn unsent(&self, shown: &Shown) -> Cell {
        let counts =
            |mail: &&Mail| mail.email.status != EmailStatus::Failed || self.row.case.answer_failed_at.is_some();
        let all = self.mails.iter().filter(counts).filter_map(|mail| mail.unsent.as_ref());
        let all: Vec<&Unsent> = all.filter(|unsent| unsent.is_stuck()).collect();
        let lines: Vec<String> = all.iter().map(|unsent| unsent.in_head(shown)).collect();
        Cell::object(json!(all.iter().map(|unsent| unsent.json()).collect::<Vec<_>>()), &lines.join("\n"))
    }

    fn stream(&self) -> Cell {
        let note = |n: &Note| {
            let mail = stream::mail_of(n, &self.mails).map(Mail::json);
            let user = n.user_id.map(|id| json!({"id": id, "username": n.username}));
            json!({"id": n.id, "kind": n.kind.as_str(), "user": user, "email": n.email_id, "text": n.text,
                "created_at": n.created_at.to_string(), "mail": mail})
        };
        Cell::object(json!(self.notes.iter().map(note).collect::<Vec<_>>()), "")
    }
}

pub fn show(args: &Show, ctx: &Context) -> Result<()> {
    let alone = ctx.read(|tx, actor| {
        let row = context::case_row(tx, actor, args.number)?;
        let parent = Parent::case(row.case.id);
        let people = people::seen(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &row.case)?;
        let addresses: Vec<String> = people.iter().map(|seen| seen.person.address.clone()).collect();
        Ok(Alone {
            people,
            invalid: invalid_addresses::among(tx, &addresses, None)?,
            followers: followers(tx, parent)?,
            drafts: drafts::of_record(tx, parent, actor.sight())?,
            notes: notes_of::notes(tx, parent, actor.sight())?,
            mails: mail::of_case(tx, ctx, actor, row.case.id)?,
            row,
        })
    })?;
    let mut fields = ctx.ui.fields(COLUMNS, &alone.row);
    fields.extend(ctx.ui.fields(SHOW_COLUMNS, &alone));
    ctx.ui.joined("case", fields)?;
    if ctx.ui.tells_people() {
        // The description of the others is their first mail.
        let description = alone.row.case.description.trim_end();
        if alone.mails.is_empty() && !description.is_empty() {
            ctx.ui.text(&format!("\n{}", ctx.ui.set_in(description, 0)))?;
        }
        ctx.ui.text_in_colour(stream::shown(&alone, args.full, &ctx.ui).trim_end())?;
        was_seen(&ids(&alone.mails), ctx);
    }
    Ok(())
}

fn followers(tx: &Tx<'_>, parent: Parent) -> Result<Vec<User>> {
    let all = notes_of::followers(tx, parent)?.into_iter().map(|id| users::by_id(tx, id));
    all.filter_map(Result::transpose).collect()
}

pub fn thread(args: &ShowThread, ctx: &Context) -> Result<()> {
    let (people, mails) = ctx.read(|tx, actor| {
        let case = context::case(tx, actor, args.number)?;
        let people = people::seen(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case)?;
        Ok((people, mail::of_case(tx, ctx, actor, case.id)?))
    })?;
    if !ctx.ui.tells_people() {
        return ctx.ui.list("thread", THREAD_COLUMNS, &mails);
    }
    let (ui, mut known, count) = (&ctx.ui, Known::default(), mails.len());
    for (mail, at) in mails.iter().zip(1..) {
        let passes_on = subject::is_forward(&mail.email.subject);
        let quoted = if args.full { Quoted::Whole } else { Quoted::Folded { known: &known, passes_on } };
        let heads = mail.whole_head(&people, ui).into_iter().map(|head| ui.set_in(&head, 0));
        let remarks = mail.remarks(ui).into_iter().map(|(tint, remark)| tint.on(&ui.set_in(&remark, 0)));
        let rule = Tint::Rule.on(&ui.rule(&format!("{at} of {count}")));
        let heads: Vec<String> = std::iter::once(rule).chain(heads).chain(remarks).collect();
        let body = ui.set_in(&mail_page::body(&mail.text, &quoted), 0);
        let files: String = mail.files().into_iter().map(|file| format!("\n{}", ui.set_in(&file, 0))).collect();
        ui.text_in_colour(&format!("{}{}\n\n{body}{files}", if at > 1 { "\n" } else { "" }, heads.join("\n")))?;
        known.learn(&mail.text);
    }
    was_seen(&ids(&mails), ctx);
    Ok(())
}

fn ids(mails: &[Mail]) -> Vec<i64> {
    mails.iter().map(|mail| mail.email.id).collect()
}

pub fn history(number: i64, ctx: &Context) -> Result<()> {
    let mut notes =
        ctx.read(|tx, actor| notes_of::notes(tx, Parent::case(context::case(tx, actor, number)?.id), actor.sight()))?;
    notes.retain(|note| note.kind.is_deed());
    ctx.ui.list("history", HISTORY_COLUMNS, &notes)
}

fn by_name(id: Option<i64>, name: Option<&String>) -> Cell {
    match (id, name) {
        (Some(id), Some(name)) => Cell::named(id, name),
        _ => Cell::none(),
    }
}

fn assignee(row: &CaseRow) -> Cell {
    match (row.case.assigned_user_id, &row.assignee) {
        (Some(id), Some(username)) => Cell::user(id, username),
        _ => Cell::none(),
    }
}

/// Who waits since when, in the words of the table: the customer, or us. A letter that did not arrive leaves the customer
/// waiting.
fn who_waits(case: &Case, shown: &Shown) -> Cell {
    let who = match case.waiting_for {
        WaitingFor::Us => "customer",
        WaitingFor::Customer | WaitingFor::Nobody if case.answer_failed_at.is_some() => "customer",
        WaitingFor::Customer => "us",
        WaitingFor::Nobody => return Cell::none(),
    };
    match case.waiting_since.filter(|_| case.status.is_open()) {
        Some(since) => {
            Cell::object(json!({"who": who, "since": since.to_string()}), &format!("{who} {}", shown.age(since)))
        }
        None => Cell::none(),
    }
}

/// `2h` = the customer waits for us since then; `us 1d` = we wait for the customer; `undelivered` = our last answer did not
/// reach the customer. Where there is room, in words.
fn waiting(case: &Case, shown: &Shown) -> Cell {
    let since = case.waiting_since.filter(|_| case.status.is_open());
    let value = json!(since.map(|since| since.to_string()));
    let age = since.map(|since| shown.age(since)).unwrap_or_default();
    let moment = since.map(|since| format!(", since {} ({age})", shown.local_time(since))).unwrap_or_default();
    if case.answer_failed_at.is_some() {
        let alone = format!("the customer{moment}: our answer did not arrive");
        return Cell::of_two(value, format!("{age} undelivered").trim_start(), &alone);
    }
    match (case.waiting_for, since) {
        (WaitingFor::Us, Some(_)) => Cell::of_two(value, &age, &format!("the customer{moment}")),
        (WaitingFor::Customer, Some(_)) => {
            Cell::of_two(value, &format!("us {age}"), &format!("us, for the customer{moment}"))
        }
        (WaitingFor::Nobody, _) | (_, None) => Cell::none(),
    }
}

/// A customer waits for long after a day.
const LONG: SignedDuration = SignedDuration::from_hours(24);

fn lateness(case: &Case, shown: &Shown) -> Option<Tint> {
    if case.answer_failed_at.is_some() {
        return Some(Tint::Undelivered);
    }
    let since = case.waiting_since.filter(|_| case.status.is_open() && case.waiting_for == WaitingFor::Us)?;
    (shown.now.duration_since(since) > LONG).then_some(Tint::Late)
}

fn customer(row: &CaseRow) -> Cell {
    let Customer { name, address, by_way_of } = row.customer.clone().unwrap_or_default();
    let who = if name.is_empty() { address.clone() } else { name.clone() };
    let way = by_way_of.as_ref().map(|way| format!(" (by way of {way})")).unwrap_or_default();
    let company = row.company.as_ref().map(|company| format!(" ({company})")).unwrap_or_default();
    Cell::object(json!({"name": name, "address": address, "by_way_of": by_way_of}), &format!("{who}{company}{way}"))
}
