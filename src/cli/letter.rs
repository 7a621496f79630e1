//! What the verbs that write letters have in common: their flags, the editor, the outbox or a draft at the end.

mod editor;
mod files;
mod flags;
pub mod verbs;

use anyhow::Result;

use self::editor::Sheet;
pub use self::flags::{How, Parts, StatusFlags};
use super::context::{self, Context};
use super::text;
use crate::access::Actor;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::reply::{self, FromWish, Occasion, Outdated, Plan, Ready, Started, Wishes};
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::emails::{self, Email};
use crate::store::records::ParentType;
use crate::store::sight::Object;
use crate::ui::outcome::Thing;

/// What is written about.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// The case with this number.
    Case(i64),
    /// An answer to this email.
    Answer {
        /// Email id.
        id: i64,
        /// To all of its recipients.
        all: bool,
    },
    /// A forward of this email.
    Forward {
        /// Email id.
        id: i64,
        /// As an attachment.
        attached: bool,
    },
    /// Nothing that came.
    New,
}

/// The case was to be closed with a letter and is closed: two that do it at once write one letter.
#[derive(Debug, thiserror::Error)]
#[error("case #{0} is {1} already")]
pub struct ClosedAlready(i64, CaseStatus);

/// Refuses the letter of a case that was to be closed and is closed.
fn is_open(case: &Case) -> Result<()> {
    if case.status.is_open() { Ok(()) } else { Err(ClosedAlready(case.number, case.status).into()) }
}

/// Begins a letter by its flags, opens an editor where no text is given, and sends or keeps it.
pub fn write(
    ctx: &Context,
    about: About,
    parts: &Parts,
    how: &How,
    status: Option<CaseStatus>,
    given: Option<String>,
) -> Result<()> {
    let at = how.at(ctx)?;
    let prefilled = given.is_some() || how.template.is_some();
    let editing = !ctx.dry_run && (how.edit || (!prefilled && ctx.may_open_editor()));
    if how.edit && ctx.no_input {
        return Err(Fault::new(Kind::Usage, "--edit: cannot be together with --no-input").into());
    }
    if how.edit && ctx.caller.is_delegated() && !ctx.edits_afar {
        return Err(error::noperm("--edit: no editor is started for a caller who came through sudo")
            .hint("leave sudo out on a terminal; or give the text by -m, or on standard input as -")
            .into());
    }
    let text = given.unwrap_or_default();
    let is_forward = matches!(about, About::Forward { .. });
    if matches!(about, About::New) && !editing && !parts.has_recipient() {
        return Err(error::usage("email send: --to is missing; name the recipient: --to ADDRESS").into());
    }
    if text.trim().is_empty() && how.template.is_none() && !editing && !is_forward {
        return Err(text::missing());
    }
    let quote = if editing { !how.no_quote } else { how.quote };
    let mut started = begin(ctx, about, parts, how, status, text, quote)?;
    if !editing {
        let case = started.place.parent.filter(|parent| how.only_open && parent.kind == ParentType::Case);
        return finish_if(ctx, &started, how.draft, at, &|tx| {
            let case = case.map(|case| cases::by_id(tx, case.id)).transpose()?.flatten();
            case.as_ref().map_or(Ok(()), is_open)
        });
    }
    let sheet = Sheet::open(ctx, &started)?;
    sheet.edit(ctx, &mut started, prefilled)?;
    let silent = || Fault::new(Kind::Partial, "cancelled: the letter has no text besides the quotation").into();
    let says = how.draft || ctx.read(|_, actor| Ok(reply::says_something(&started, actor.user())))?;
    let done = if says { up_to_date(ctx, &started) } else { Err(silent()) };
    let done = done.and_then(|()| finish(ctx, &started, how.draft, at));
    sheet.rescued(ctx, &started, done)
}

/// Opens a draft in the editor, or changes it by flags, and keeps it.
pub fn edit_draft(ctx: &Context, id: i64, parts: &Parts, given: Option<String>) -> Result<()> {
    let mut started = resume(ctx, id)?;
    let by_flags = given.is_some() || parts.any();
    parts.change(ctx, &mut started)?;
    if let Some(text) = given {
        started.letter.text = text;
        started.letter.html = None;
    }
    if by_flags {
        return keep(ctx, &started);
    }
    if !ctx.may_open_editor() {
        return Err(error::data("text: there is no terminal for an editor")
            .hint("give what is to be changed: -m TEXT, -F FILE, --to, --cc, --bcc, --subject, --attach")
            .into());
    }
    let sheet = Sheet::open(ctx, &started)?;
    sheet.edit(ctx, &mut started, false)?;
    sheet.rescued(ctx, &started, keep(ctx, &started))
}

/// Sends a draft.
pub fn send_draft(ctx: &Context, id: i64, how: &How) -> Result<()> {
    let at = how.at(ctx)?;
    let started = resume(ctx, id)?;
    can_go(ctx, &started, at)?;
    up_to_date(ctx, &started)?;
    finish(ctx, &started, false, at)
}

/// Deletes a draft.
pub fn delete_draft(ctx: &Context, id: i64) -> Result<()> {
    let subject = ctx.read(|tx, actor| Ok(context::email(tx, actor, id)?.subject))?;
    ctx.confirm(&format!("Delete draft {id}, \"{subject}\"?"))?;
    ctx.write(|tx, actor| {
        let draft = context::email(tx, actor, id)?;
        actor.require_edit(tx, Object::Email(id))?;
        reply::discard(tx, &draft)
    })?;
    ctx.done(Thing::email(id), &format!("draft {id} deleted"))
}

fn begin(
    ctx: &Context,
    about: About,
    parts: &Parts,
    how: &How,
    status: Option<CaseStatus>,
    text: String,
    quote: bool,
) -> Result<Started> {
    let (to, cc, bcc) = parts.recipients()?;
    let attachments = files::read(&parts.attach, ctx.config.attachment_max_size)?;
    ctx.read(|tx, actor| {
        let account = how.account.as_deref().map(|name| context::known_account(tx, actor, name)).transpose()?;
        let template = how.template.as_deref().map(|name| context::template(tx, name)).transpose()?;
        let wishes = Wishes {
            from: from_wish(&how.from)?,
            account: account.as_ref(),
            to,
            cc,
            bcc,
            subject: parts.subject.clone(),
            text,
            template: template.as_ref(),
            markdown: how.markdown,
            quote,
            attachments,
            status,
            zone: Some(ctx.clock().zone),
        };
        let world = World::load(tx, &ctx.config, ctx.now())?;
        match about {
            About::New => reply::begin(tx, &world, actor, Occasion::New, wishes),
            About::Case(number) => {
                let case = context::case(tx, actor, number)?;
                if how.only_open {
                    is_open(&case)?;
                }
                reply::begin(tx, &world, actor, Occasion::Case(&case), wishes)
            }
            About::Answer { id, all } => {
                let (email, case) = received(tx, actor, id)?;
                reply::begin(tx, &world, actor, Occasion::Answer { email: &email, case: case.as_ref(), all }, wishes)
            }
            About::Forward { id, attached } => {
                let (email, case) = received(tx, actor, id)?;
                let occasion = Occasion::Forward { email: &email, case: case.as_ref(), attached };
                reply::begin(tx, &world, actor, occasion, wishes)
            }
        }
    })
}

fn from_wish(given: &Option<String>) -> Result<FromWish> {
    Ok(match given.as_deref() {
        None => FromWish::Usual,
        Some("user") => FromWish::User,
        Some("group") => FromWish::Group,
        Some(address) => FromWish::Address(context::mail_address("--from", address)?),
    })
}

/// An email with its case, where that may be seen too.
pub fn received(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<(Email, Option<Case>)> {
    let email = context::email(tx, actor, id)?;
    if email.status == emails::EmailStatus::Draft {
        return Err(error::data(format!("email {id} is a draft"))
            .hint(format!("espomail email edit {id}; espomail email send {id}"))
            .into());
    }
    let case = email.case_id().map(|id| cases::by_id_seen(tx, id, actor.sight())).transpose()?.flatten();
    Ok((email, case))
}

fn resume(ctx: &Context, id: i64) -> Result<Started> {
    ctx.read(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        reply::resume(tx, &world, actor, &context::email(tx, actor, id)?)
    })
}

/// Refuses a letter that cannot be sent, before anything is asked about it.
fn can_go(ctx: &Context, started: &Started, at: Option<jiff::Timestamp>) -> Result<()> {
    ctx.read(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        reply::plan(tx, &world, actor, started, at).map(|_| ())
    })
}

/// Asks where somebody wrote in the case since the letter was begun (B13.4).
fn up_to_date(ctx: &Context, started: &Started) -> Result<()> {
    match ctx.read(|tx, actor| reply::news(tx, started, actor))? {
        Some(news) => ctx.confirm(&format!("{news}. Send anyway?")),
        None => Ok(()),
    }
}

pub fn finish(ctx: &Context, started: &Started, draft: bool, at: Option<jiff::Timestamp>) -> Result<()> {
    finish_if(ctx, started, draft, at, &|_| Ok(()))
}

/// The same, if that is right in the transaction that sends it.
fn finish_if(
    ctx: &Context,
    started: &Started,
    draft: bool,
    at: Option<jiff::Timestamp>,
    right: &dyn Fn(&Tx<'_>) -> Result<()>,
) -> Result<()> {
    if draft {
        return keep(ctx, started);
    }
    can_go(ctx, started, at)?;
    look_over(ctx, started)?;
    let plan = |tx: &Tx<'_>, world: &World<'_>, actor: &Actor| reply::plan(tx, world, actor, started, at);
    let send = |tx: &Tx<'_>, world: &World<'_>, actor: &Actor, ready: &Ready<'_>| {
        right(tx)?;
        reply::send(tx, world, actor, ready)
    };
    let queued = composed(ctx, plan, send)?;
    let mut when = at.map(|at| format!(", to be sent {}", ctx.ui.local_time(at))).unwrap_or_default();
    if let (Some(number), Some(status)) = (queued.case, started.status) {
        let is = match (ctx.dry_run, at) {
            (false, None) => "is",
            (false, Some(_)) => "will then be",
            (true, _) => "would be",
        };
        when.push_str(&format!("; case #{number} {is} {status}"));
    }
    let to = queued.recipients.join(", ");
    if ctx.dry_run {
        return ctx.rehearsed(&format!("letter to {to} would go into the outbox{when}"));
    }
    let things = [Thing::outbox(queued.outbox_id), Thing::email(queued.email_id)].into_iter();
    let things: Vec<Thing> = things.chain(queued.case.map(Thing::case)).collect();
    ctx.done(things, &format!("letter to {to} is in the outbox ({}){when}", queued.outbox_id))?;
    ctx.ui.hint(&match at {
        Some(_) => format!(
            "the first `espomail fetch` after that sends it; take it back: espomail outbox cancel {}",
            queued.outbox_id
        ),
        None => "it is sent by the next `espomail fetch`, or at once by `espomail send`".to_owned(),
    });
    Ok(())
}

/// Says to whom a letter in a case goes and who is left out, and asks where that is doubtful (B13.4).
fn look_over(ctx: &Context, started: &Started) -> Result<()> {
    let review =
        ctx.read(|tx, actor| reply::review(tx, &World::load(tx, &ctx.config, ctx.now())?, actor.sight(), started))?;
    if started.letter.head.subject.trim().is_empty() {
        ctx.ui.concern("the letter has no subject");
    }
    for file in started.letter.attachments.iter().filter(|file| file.bytes.is_empty()) {
        ctx.ui.concern(&format!("the file {} is empty", file.name));
    }
    let without = (!started.pruned.is_empty()).then(|| format!("{}. Forward it without?", pruned(started)));
    let doubt = review.and_then(|review| {
        ctx.ui.note(&review.readers);
        review.remarks.iter().for_each(|remark| ctx.ui.note(remark));
        for address in &review.invalid {
            ctx.ui.note(&format!("earlier mail was not delivered to {address}"));
        }
        review.doubt
    });
    without.into_iter().chain(doubt).try_for_each(|question| ctx.confirm(&question))
}

/// What cannot go with a forwarded mail.
fn pruned(started: &Started) -> String {
    let [one] = started.pruned.as_slice() else {
        return format!("attachments were pruned and cannot go with it: {}", started.pruned.join(", "));
    };
    format!("the attachment {one} was pruned and cannot go with it")
}

fn keep(ctx: &Context, started: &Started) -> Result<()> {
    if !started.pruned.is_empty() {
        ctx.ui.concern(&pruned(started));
    }
    let id = store(ctx, started)?;
    let case = ctx.read(|tx, actor| {
        let id = started.place.parent.filter(|parent| parent.kind == ParentType::Case).map(|parent| parent.id);
        id.map(|id| cases::by_id_seen(tx, id, actor.sight())).transpose()
    })?;
    let case = case.flatten().map(|case| Thing::case(case.number));
    ctx.done(std::iter::once(Thing::email(id)).chain(case).collect::<Vec<_>>(), &format!("draft {id} saved"))?;
    if !ctx.dry_run {
        ctx.ui.hint(&format!("espomail email edit {id}; espomail email send {id}; espomail email delete {id}"));
    }
    Ok(())
}

fn store(ctx: &Context, started: &Started) -> Result<i64> {
    composed(ctx, |tx, world, actor| reply::plan_draft(tx, world, actor, started), reply::keep)
}

/// How often a letter is composed again where its case changes meanwhile.
const TRIES: usize = 5;

/// Stores a letter that is composed beforehand: nobody waits for the database while its files are encoded.
fn composed<'a, T>(
    ctx: &Context,
    plan: impl Fn(&Tx<'_>, &World<'_>, &Actor) -> Result<Plan<'a>>,
    store: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Ready<'a>) -> Result<T>,
) -> Result<T> {
    let mut tries = 0;
    loop {
        let ready = ctx.read(|tx, actor| plan(tx, &World::load(tx, &ctx.config, ctx.now())?, actor))?.compose()?;
        let stored = ctx.write(|tx, actor| store(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &ready));
        tries += 1;
        match stored {
            Err(error) if error.is::<Outdated>() && tries < TRIES => {}
            done => return done,
        }
    }
}
