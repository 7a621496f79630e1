//! The beginning of a letter: who gets it, from whom, about what, and what already stands in it.

use std::collections::HashSet;

use anyhow::Result;
use jiff::tz::TimeZone;

use super::recipients::{self, Recipients};
use super::sender::{self, Choice, FromWish, Sender};
use super::text::{self, Rendered, Speech};
use super::{Letter, Place, Started, permit};
use crate::access::Actor;
use crate::error;
use crate::intake::people;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::compose::{OutgoingAttachment, forwarded_text, signed};
use crate::mail::draft_file::Head;
use crate::mail::message::{self, Attachment, PartId};
use crate::mail::{bcc, message_id, subject};
use crate::store::accounts::{Account, AccountKind};
use crate::store::cases::{Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::deliveries;
use crate::store::emails::{self, Email};
use crate::store::records::{self, Parent};
use crate::store::sight::Sight;
use crate::store::stream;
use crate::store::templates::Template;

/// References longer than this are shortened in the middle.
const REFERENCES_MAX: usize = 8_000;

/// What a letter is about.
#[derive(Debug, Clone, Copy)]
pub enum Occasion<'a> {
    /// The customer of a case is answered, even if another person of that side wrote last.
    Case(&'a Case),
    /// This mail is answered; `case` is that which it belongs to.
    Answer {
        /// The mail.
        email: &'a Email,
        /// Its case, where the actor may see it.
        case: Option<&'a Case>,
        /// To its other recipients too.
        all: bool,
    },
    /// This mail is forwarded.
    Forward {
        /// The mail.
        email: &'a Email,
        /// Its case, where the actor may see it.
        case: Option<&'a Case>,
        /// As an attachment, rather than in the text.
        attached: bool,
    },
    /// Nothing that came.
    New,
}

/// What the writer asks for.
#[derive(Debug, Clone, Default)]
pub struct Wishes<'a> {
    /// `--from`.
    pub from: FromWish,
    /// `--account`.
    pub account: Option<&'a Account>,
    /// Recipients in place of those that an answer has by itself.
    pub to: Vec<Mailbox>,
    /// Further ones.
    pub cc: Vec<Mailbox>,
    /// Hidden ones.
    pub bcc: Vec<Mailbox>,
    /// Subject in place of the usual one.
    pub subject: Option<String>,
    /// What was written; empty = it comes by an editor or a template.
    pub text: String,
    /// Template of the text.
    pub template: Option<&'a Template>,
    /// The text is Markdown.
    pub markdown: bool,
    /// The original is quoted.
    pub quote: bool,
    /// Files.
    pub attachments: Vec<OutgoingAttachment>,
    /// Status of the case once it is sent.
    pub status: Option<CaseStatus>,
    /// The time zone in which dates are told; `None` = UTC.
    pub zone: Option<TimeZone>,
}

/// Begins a letter.
///
/// # Errors
/// Nobody to answer to, nobody who can send, a merged case, a status without a case; exit 77 where the actor may not
/// write it.
pub fn begin(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    occasion: Occasion<'_>,
    wishes: Wishes<'_>,
) -> Result<Started> {
    let case = occasion.case();
    refuse(case, &wishes)?;
    permit::in_case(tx, actor, case)?;
    let original = occasion.original(tx, world, actor.sight())?;
    let sender = choose(tx, world, actor, occasion, original.as_ref(), &wishes)?;
    let Recipients { mut to, mut cc, mut left_out, remarks, doubt } = match &wishes.to {
        to if !to.is_empty() => occasion.in_place_of_its_own(tx, world, original.as_ref(), actor, to)?,
        _ => occasion.recipients(tx, world, original.as_ref(), actor)?,
    };
    cc.extend(wishes.cc.iter().cloned());
    let mut bcc = wishes.bcc.clone();
    recipients::once([&mut to, &mut cc, &mut bcc]);
    left_out.retain(|(mailbox, _)| !to.iter().chain(&cc).chain(&bcc).any(|m| m.address == mailbox.address));
    let rendered = match wishes.template {
        Some(template) => {
            let about = (case, original.as_ref());
            Some(text::render(tx, world, template, about, &sender, (actor.user(), to.first()))?)
        }
        None => None,
    };
    let subject = wishes.subject.clone().unwrap_or_else(|| occasion.subject(original.as_ref(), rendered.as_ref()));
    let place = occasion.place(tx, world, actor, original.as_ref(), &sender)?;
    let zone = wishes.zone.clone().unwrap_or(TimeZone::UTC);
    let speech = Speech::of(world, &sender, &zone)?;
    let own = rendered.as_ref().map_or(wishes.text.as_str(), |rendered| &rendered.text);
    let own = Own { text: own, signature: text::signature(&sender, actor.user()), quote: wishes.quote };
    let Body { text, attachments, pruned } = occasion.text(tx, original.as_ref(), &own, &speech)?;
    let letter = Letter {
        head: Head { to, cc, bcc, subject },
        html: rendered.and_then(|rendered| rendered.html_of(&text)),
        text,
        markdown: wishes.markdown,
        calendar: None,
        attachments: wishes.attachments.into_iter().chain(attachments).collect(),
    };
    let typed = wishes.to.iter().chain(&wishes.cc).chain(&wishes.bcc).map(|mailbox| mailbox.address.clone()).collect();
    Ok(Started {
        letter,
        place,
        sender,
        status: wishes.status,
        draft: None,
        left_out,
        unread: Vec::new(),
        typed,
        remarks,
        doubt,
        pruned,
    })
}

fn refuse(case: Option<&Case>, wishes: &Wishes<'_>) -> Result<()> {
    if let Some(case) = case.filter(|case| case.merged_into_id.is_some()) {
        return Err(error::data(format!("case #{}: was merged into another one", case.number))
            .hint(format!("its mails are there; see which: espomail case history {}", case.number))
            .into());
    }
    if case.is_none() && wishes.status.is_some() {
        return Err(error::data("--status: the mail does not belong to a case that you can see").into());
    }
    Ok(())
}

/// The sender, for whom the group account of the case is home, or the one that delivered the mail.
fn choose(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    occasion: Occasion<'_>,
    original: Option<&Email>,
    wishes: &Wishes<'_>,
) -> Result<Sender> {
    let case = occasion.case();
    let in_case = case.is_some() && !matches!(occasion, Occasion::Forward { .. });
    let home = match case {
        Some(case) => case.account_id.map(|id| world.account(id)).transpose()?,
        None => delivered_by(tx, world, actor, original)?,
    };
    sender::choose(tx, world, actor, &Choice { wish: &wishes.from, named: wishes.account, home, in_case })
}

/// The group account of a team in common that delivered a mail of no case.
fn delivered_by<'w>(
    tx: &Tx<'_>,
    world: &'w World<'_>,
    actor: &Actor,
    original: Option<&Email>,
) -> Result<Option<&'w Account>> {
    let Some(email) = original else { return Ok(None) };
    let ids: Vec<i64> = deliveries::of_email(tx, email.id)?.iter().map(|delivery| delivery.account_id).collect();
    let is_group = |account: &&Account| account.kind == AccountKind::Group && account.can_send();
    let mut accounts = world.accounts.iter().filter(|account| ids.contains(&account.id)).filter(is_group);
    Ok(accounts.find(|account| actor.require_account(tx, account).is_ok()))
}

/// What the writer's side adds to a letter.
struct Own<'a> {
    text: &'a str,
    signature: &'a str,
    /// The original is quoted.
    quote: bool,
}

/// What a letter begins with.
#[derive(Default)]
struct Body {
    text: String,
    attachments: Vec<OutgoingAttachment>,
    /// Names of what cannot go with it.
    pruned: Vec<String>,
}

impl<'a> Occasion<'a> {
    fn case(self) -> Option<&'a Case> {
        match self {
            Occasion::Case(case) => Some(case),
            Occasion::Answer { case, .. } | Occasion::Forward { case, .. } => case,
            Occasion::New => None,
        }
    }

    fn original(self, tx: &Tx<'_>, world: &World<'_>, sight: Sight) -> Result<Option<Email>> {
        match self {
            Occasion::Case(case) => recipients::original(tx, world, case, sight),
            Occasion::Answer { email, .. } | Occasion::Forward { email, .. } => Ok(Some(email.clone())),
            Occasion::New => Ok(None),
        }
    }

    fn recipients(self, tx: &Tx<'_>, world: &World<'_>, original: Option<&Email>, actor: &Actor) -> Result<Recipients> {
        match self {
            Occasion::Case(case) => recipients::of_case(tx, world, case, original, actor),
            // The mail that is named is answered, with any role of its author in the case.
            Occasion::Answer { email, all, .. } => recipients::of_email(tx, world, email, all, actor.user()),
            Occasion::Forward { .. } | Occasion::New => Ok(Recipients::default()),
        }
    }

    /// The recipients that somebody typed; of those whom an answer in a case goes to by itself the others are left out.
    fn in_place_of_its_own(
        self,
        tx: &Tx<'_>,
        world: &World<'_>,
        original: Option<&Email>,
        actor: &Actor,
        typed: &[Mailbox],
    ) -> Result<Recipients> {
        let mut found = Recipients { to: typed.to_vec(), ..Recipients::default() };
        let Occasion::Case(case) = self else { return Ok(found) };
        // A case without a customer leaves nobody out.
        let Ok(usual) = recipients::of_case(tx, world, case, original, actor) else { return Ok(found) };
        for mailbox in usual.to.into_iter().chain(usual.cc) {
            let role = people::role(tx, world, case, &mailbox.address)?;
            found.left_out.push((mailbox, role));
        }
        found.left_out.extend(usual.left_out);
        Ok(found)
    }

    fn subject(self, original: Option<&Email>, rendered: Option<&Rendered>) -> String {
        let about = original.map_or("", |email| &email.subject);
        match self {
            Occasion::Case(case) => subject::reply(original.map_or(&case.name, |email| &email.subject)),
            Occasion::Answer { .. } => subject::reply(about),
            Occasion::Forward { .. } if subject::is_forward(about) => about.to_owned(),
            Occasion::Forward { .. } => format!("Fwd: {about}").trim_end().to_owned(),
            Occasion::New => rendered.map(|rendered| rendered.subject.clone()).unwrap_or_default(),
        }
    }

    /// The thread: whole References with the signed id of the case, which survives where a server replaces the
    /// Message-ID of what we send (B13.6). A forward begins a thread of its own, except for that id.
    fn place(
        self,
        tx: &Tx<'_>,
        world: &World<'_>,
        actor: &Actor,
        original: Option<&Email>,
        sender: &Sender,
    ) -> Result<Place> {
        let case = self.case();
        let domain = world.message_id_domain(&sender.account);
        let mut chain: Vec<String> = case.map(|case| world.thread_id(case, domain)).into_iter().collect();
        let answered = original.filter(|_| !matches!(self, Occasion::Forward { .. }));
        chain.extend(answered.map(|e| emails::references(tx, e.id)).transpose()?.unwrap_or_default());
        // Mail without a Message-ID of its own is stored under a hash, which is nothing to refer to.
        let in_reply_to = answered.map(|email| email.message_id.clone()).filter(|id| id.contains('@'));
        let of_original = original.and_then(|email| email.parent);
        let seen = of_original.map(|parent| records::exists(tx, parent, actor.sight())).transpose()?;
        Ok(Place {
            // Where the writer does not see what the original belongs to, nothing is written into that.
            parent: case.map(|case| Parent::case(case.id)).or(of_original.filter(|_| seen == Some(true))),
            references: match &in_reply_to {
                Some(id) => message_id::cap_references(&chain, id, REFERENCES_MAX),
                None => chain,
            },
            in_reply_to,
            seen_id: case.map(|case| stream::newest(tx, Parent::case(case.id))).transpose()?.flatten(),
        })
    }

    fn text(self, tx: &Tx<'_>, original: Option<&Email>, own: &Own<'_>, speech: &Speech<'_>) -> Result<Body> {
        let Occasion::Forward { email, attached, .. } = self else {
            let quoted = original.filter(|_| own.quote);
            let quoted =
                quoted.map(|email| Ok::<_, anyhow::Error>((email, emails::text(tx, email.id)?))).transpose()?;
            let quoted = quoted.as_ref().map(|(email, text)| (*email, text.as_str()));
            let text = text::answer(own.text, own.signature, quoted, speech);
            return Ok(Body { text, ..Body::default() });
        };
        if attached && email.raw_id.is_none() {
            return Err(error::data(format!("email {} has no source any more: it was pruned", email.id))
                .hint("leave --as-attachment out: its text is forwarded then")
                .into());
        }
        let bytes = emails::bytes(tx, email)?;
        let signed = signed(own.text, own.signature);
        let gone = emails::attachments_with_pruned(tx, email, &bytes)?.into_iter().filter(Attachment::is_pruned);
        let (parts, pruned): (HashSet<u32>, _) = gone.map(|file| (file.part, file.shown_name().to_owned())).unzip();
        if attached {
            return Ok(Body { text: signed, attachments: vec![whole(email, &bytes)], pruned });
        }
        let text = forwarded_text(&signed, &message::parse(&bytes), speech.language, speech.zone);
        Ok(Body { text, attachments: files(&bytes, &parts), pruned })
    }
}

/// A mail as an attachment. Of one from somebody's Sent folder nobody learns who got it unseen.
fn whole(email: &Email, bytes: &[u8]) -> OutgoingAttachment {
    let subject: String = email.subject.chars().filter(|c| c.is_alphanumeric() || *c == ' ').take(60).collect();
    let name = if subject.trim().is_empty() { "message.eml".to_owned() } else { format!("{}.eml", subject.trim()) };
    OutgoingAttachment { name, content_type: "message/rfc822".to_owned(), bytes: bcc::without(bytes) }
}

/// The attachments of a message with their bytes, except those parts.
pub(super) fn files(raw: &[u8], without: &HashSet<u32>) -> Vec<OutgoingAttachment> {
    let attachments = message::parse(raw).attachments.into_iter().filter(|file| !without.contains(&file.part));
    let file = |file: Attachment| {
        let bytes = message::attachment_bytes(raw, PartId { part: file.part, inner: None })?;
        Some(OutgoingAttachment { name: file.name, content_type: file.content_type, bytes })
    };
    attachments.filter_map(file).collect()
}
