//! The source of an email of the archive, or of a message file, with what is known of it.

use std::io::{self, Read as _};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::explain;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::unsent::Unsent;
use crate::cli::{delivery, named_files};
use crate::error;
use crate::job_control;
use crate::mail::address::Mailbox;
use crate::mail::author;
use crate::mail::draft_file::Unread;
use crate::mail::message::{self, Attachment};
use crate::mail::reading::Reading;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::drafts;
use crate::store::emails::{self, Email, EmailRow, Variant};
use crate::store::junk;
use crate::store::outbox::{self, Recipient};
use crate::store::records::ParentType;
use crate::store::users::{self, User};

/// No message on standard input is read further.
const LONGEST: u64 = 1 << 30;

/// Where a message to be shown comes from: the archive or a file.
#[derive(Default)]
pub(super) struct Origin {
    pub id: Option<i64>,
    pub file: Option<String>,
    pub status: Option<String>,
    pub case: Option<i64>,
    /// The colleague who wrote it.
    pub writer: Option<User>,
    /// As it is in lists.
    pub row: Option<EmailRow>,
    /// Why our letter is not gone.
    pub unsent: Option<Unsent>,
    /// The texts of the mails before it in its case.
    pub before: Vec<String>,
    /// What is special about it, for people.
    pub flagged: Vec<String>,
    pub variants: Vec<Variant>,
    pub truncated: bool,
    pub recipients: Vec<Recipient>,
    /// Bcc, where it is known from elsewhere than the source.
    pub bcc: Option<Vec<Mailbox>>,
    /// Who called it junk, and when.
    pub junk: Option<(Option<String>, Timestamp)>,
    /// The person who writes behind a shared From; of a file as nobody's house reads it.
    pub behind: Option<Mailbox>,
    pub raw: Vec<u8>,
    /// Its source was pruned: `raw` is made of what is left.
    pub has_no_source: bool,
    /// Its attachments as the archive knows them.
    pub archived: Vec<Attachment>,
}

impl Origin {
    /// Its attachments, with those that were pruned.
    pub fn attachments(&self) -> Vec<Attachment> {
        message::with_pruned(message::parse(&self.raw).attachments, self.archived.clone())
    }
}

/// The source of an email of the archive, or of a file.
pub fn source(what: &str, ctx: &Context) -> Result<Vec<u8>> {
    Ok(origin(what, ctx)?.raw)
}

pub(super) fn origin(what: &str, ctx: &Context) -> Result<Origin> {
    if let Ok(id) = what.parse::<i64>() {
        return stored(id, ctx);
    }
    let read = match what {
        "-" => standard_input(),
        file => named_files::read(file, LONGEST),
    };
    let raw = read.map_err(|e| error::file(what, &e).hint("name an email id or a readable file"))?;
    let author = author::of_stranger(&Reading::parse(&raw));
    let behind = author.via.map(|_| author.person);
    Ok(Origin { file: Some(what.to_owned()), behind, raw, ..Origin::default() })
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    job_control::while_waiting(|| io::stdin().lock().take(LONGEST).read_to_end(&mut raw))?;
    Ok(raw)
}

fn stored(id: i64, ctx: &Context) -> Result<Origin> {
    ctx.read(|tx, actor| {
        let email = context::email(tx, actor, id)?;
        let case = case_of(tx, actor, &email)?;
        let unverified = case.as_ref().filter(|_| !email.verified && email.automatic.is_empty());
        let unverified = unverified.map(|case| {
            let decide = format!("; espomail case accept {id}, or case refuse {id}");
            let decide = if email.undecided { decide.as_str() } else { "" };
            format!("unverified: the sender does not take part in case #{}{decide}", case.number)
        });
        Ok(Origin {
            id: Some(id),
            file: None,
            status: Some(email.shown_status(ctx.now()).to_owned()),
            case: case.map(|c| c.number),
            row: emails::listed(tx, id, actor.user_id(), actor.sight())?,
            writer: email.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten(),
            unsent: Unsent::of(tx, actor, &email, ctx.now())?,
            before: before(tx, actor, &email)?,
            flagged: remarks(&email)
                .into_iter()
                .chain(unverified)
                .chain(doubt(tx, actor, &email)?)
                .chain(unread(tx, &email)?)
                .chain(email.raw_id.is_none().then(|| "its source was pruned: this is its text".to_owned()))
                .collect(),
            variants: variants(tx, actor, id)?,
            truncated: email.truncated,
            recipients: delivery::recipients(tx, actor, &email)?,
            bcc: delivery::bcc(tx, actor, &email)?,
            junk: junk::said_by(tx, email.id)?,
            behind: email.behind.clone(),
            raw: delivery::source(tx, actor, &email)?,
            has_no_source: email.raw_id.is_none(),
            archived: emails::attachments(tx, email.id)?,
        })
    })
}

/// The case of an email, or the one that a draft is for, if it is seen.
fn case_of(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Option<Case>> {
    let draft = drafts::by_email(tx, email.id)?.and_then(|draft| draft.parent);
    let draft = draft.filter(|parent| parent.kind == ParentType::Case).map(|parent| parent.id);
    let case_id = email.case_id().or(draft);
    Ok(case_id.map(|id| cases::by_id_seen(tx, id, actor.sight())).transpose()?.flatten())
}

/// The texts of the mails before it in its case that the actor sees, which it may quote.
fn before(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Vec<String>> {
    let Some(case) = case_of(tx, actor, email)? else { return Ok(Vec::new()) };
    let all = emails::of_case_for(tx, case.id, actor.sight())?.into_iter();
    all.take_while(|other| other.id != email.id).map(|other| emails::text(tx, other.id)).collect()
}

/// What was taken back although a server may have it.
fn doubt(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Option<String>> {
    if !outbox::was_cancelled(tx, email.id)? {
        return Ok(None);
    }
    let recipients = delivery::recipients_once(tx, actor, email)?;
    let doubtful: Vec<String> = recipients.into_iter().filter(Recipient::may_have).map(|one| one.address).collect();
    let text =
        || format!("it was cancelled, but {} may have it: its server did not answer to the end", doubtful.join(", "));
    Ok((!doubtful.is_empty()).then(text))
}

/// Lines of a draft's fields that could not be read when it was edited.
fn unread(tx: &Tx<'_>, email: &Email) -> Result<Vec<String>> {
    let Some(draft) = drafts::by_email(tx, email.id)? else { return Ok(Vec::new()) };
    let one = |unread: Unread| format!("not read: {} ({}); espomail email edit {}", unread.line, unread.why, email.id);
    Ok(Unread::from_text(&draft.unread).into_iter().map(one).collect())
}

/// What is special about an email.
pub(super) fn remarks(email: &Email) -> Vec<String> {
    let flagged = Some(email.flagged.clone()).filter(|text| !text.is_empty());
    let beginning = || format!("only its beginning is here: espomail email fetch-rest {}", email.id);
    flagged.into_iter().chain(email.truncated.then(beginning)).collect()
}

/// The other texts of an email, except those that came by the personal accounts of others.
fn variants(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<Vec<Variant>> {
    let foreign = explain::foreign_accounts(tx, actor)?;
    let mut variants = emails::variants(tx, id)?;
    variants.retain(|variant| !foreign.contains(&variant.account.1));
    Ok(variants)
}

/// The same with the bytes of one of its variants, counted from 1.
pub(super) fn as_variant(origin: Origin, number: usize, what: &str, ctx: &Context) -> Result<Origin> {
    let Some(variant) = number.checked_sub(1).and_then(|at| origin.variants.get(at)) else {
        return Err(error::data(format!("--variant: email {what} has no variant {number}"))
            .hint(format!("see `espomail email show {what}`, Variants"))
            .into());
    };
    let id = origin.id.context("a message file has no variants")?;
    let raw = ctx.read(|tx, actor| delivery::variant(tx, actor, &context::email(tx, actor, id)?, variant.raw_id))?;
    Ok(Origin { raw, has_no_source: false, archived: Vec::new(), ..origin })
}
