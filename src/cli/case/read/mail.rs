//! A mail of a case as it is shown: who wrote it to whom, in which role, and what became of it.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use crate::access::Actor;
use crate::cli::case::people::Seen;
use crate::cli::context::Context;
use crate::cli::email;
use crate::cli::email::attachment;
use crate::cli::mail_page;
use crate::cli::mailboxes;
use crate::cli::unsent::Unsent;
use crate::mail::address::Mailbox;
use crate::mail::message::Attachment;
use crate::mail::subject;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::junk;
use crate::store::users::{self, User};
use crate::ui::output::Ui;
use crate::ui::tint::Tint;

pub struct Mail {
    pub email: Email,
    pub text: String,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    pub attachments: Vec<Attachment>,
    /// The colleague who wrote it, also where it goes out by the group address.
    writer: Option<User>,
    /// Why our letter is not gone.
    pub unsent: Option<Unsent>,
    /// Who called it junk, and when.
    junk: Option<(Option<String>, Timestamp)>,
}

/// The mails of a case that the actor sees.
pub fn of_case(tx: &Tx<'_>, ctx: &Context, actor: &Actor, case_id: i64) -> Result<Vec<Mail>> {
    let seen = emails::of_case_for(tx, case_id, actor.sight())?;
    seen.into_iter().map(|email| mail(tx, ctx, actor, email)).collect()
}

fn mail(tx: &Tx<'_>, ctx: &Context, actor: &Actor, email: Email) -> Result<Mail> {
    Ok(Mail {
        text: emails::text(tx, email.id)?,
        to: emails::addresses(tx, email.id, Field::To)?,
        cc: emails::addresses(tx, email.id, Field::Cc)?,
        reply_to: emails::addresses(tx, email.id, Field::ReplyTo)?,
        attachments: emails::attachments(tx, email.id)?,
        writer: email.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten(),
        unsent: Unsent::of(tx, actor, &email, ctx.now())?,
        junk: junk::said_by(tx, email.id)?,
        email,
    })
}

impl Mail {
    /// The colleague who wrote it.
    pub fn writer(&self) -> Option<&User> {
        self.writer.as_ref()
    }

    /// Who wrote it; a colleague by name, with the address by which the mail went out.
    pub fn author(&self) -> String {
        let author = email::author(&self.email);
        match &self.writer {
            Some(user) if !user.addresses.contains(&self.email.from_address) => format!("{} as {author}", user.shown()),
            _ => author,
        }
    }

    /// What stands in brackets after the author: the role, what machine wrote it (`kind`), the id and how far it got.
    pub fn facts(&self, people: &[Seen], kind: &str, ui: &Ui) -> String {
        let email = &self.email;
        let machine = match (email.automatic.is_empty(), kind) {
            (false, "") => "automatic",
            // Said by the role.
            (_, kind) if kind.starts_with("unverified") => "",
            (_, kind) => kind,
        };
        let facts = [self.role(people).unwrap_or_default(), machine, &format!("email {}", email.id), &self.status(ui)];
        facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// What the writer is in the case.
    fn role<'a>(&self, people: &'a [Seen]) -> Option<&'a str> {
        let email = &self.email;
        if email.user_id.is_some() {
            return Some("agent");
        }
        if email.is_ours() {
            return None;
        }
        // A report or receipt is known by the mail that it is about, and there is nothing to decide about it.
        if !email.verified && email.automatic.is_empty() {
            return Some("unverified");
        }
        let author = email.author().address;
        people.iter().find(|seen| seen.person.address == author).map(|seen| seen.person.role.as_str())
    }

    /// How far our own mail got; nothing is said of mail that came.
    fn status(&self, ui: &Ui) -> String {
        match self.email.status {
            EmailStatus::Archived => String::new(),
            EmailStatus::Sent => "sent".to_owned(),
            EmailStatus::Draft => "draft".to_owned(),
            EmailStatus::Failed => "not delivered".to_owned(),
            EmailStatus::Sending if self.email.held.is_some() => "held".to_owned(),
            EmailStatus::Sending if self.email.received_at > ui.now => "scheduled".to_owned(),
            EmailStatus::Sending => "not sent yet".to_owned(),
        }
    }

    /// To, Cc, Reply-To and Subject, where they say something. To of received mail is shown only where
    /// it has several addresses: one address is that of the group. `name` is the subject of the case.
    pub fn heads(&self, name: &str) -> Vec<String> {
        let mut heads = Vec::new();
        let mut head = |name: &str, mailboxes: &[Mailbox]| {
            if !mailboxes.is_empty() {
                heads.push(format!("{name}: {}", shown(mailboxes)));
            }
        };
        if self.email.is_ours() || self.to.len() > 1 {
            head("To", &self.to);
        }
        head("Cc", &self.cc);
        if self.answers_elsewhere() {
            head("Reply-To", &self.reply_to);
        }
        if subject::base(&self.email.subject) != subject::base(name) {
            heads.push(format!("Subject: {}", subject_of(&self.email)));
        }
        heads
    }

    /// Whether answers go to somebody else than the author.
    fn answers_elsewhere(&self) -> bool {
        let author = self.email.author().address;
        !self.email.is_ours() && self.reply_to.iter().any(|mailbox| mailbox.address != author)
    }

    /// What somebody has to decide or do about it, and why it is not gone.
    pub fn remarks(&self, ui: &Ui) -> Vec<(Tint, String)> {
        let id = self.email.id;
        let undecided = self.email.undecided && self.email.automatic.is_empty();
        let undecided = undecided.then(|| {
            format!(
                "Unverified: the sender does not take part in the case; espomail case accept {id}, or case refuse {id}"
            )
        });
        let junk = self.junk.as_ref().map(|(who, at)| {
            let said = email::said_junk(who.as_deref(), &ui.local_time(*at));
            format!("Junk: {said}; espomail email junk --undo {id}")
        });
        let unsent = self.unsent.as_ref().map(|unsent| unsent.told(&ui.shown()));
        let tinted = |tint: Tint, text: Option<String>| text.map(|text| (tint, text));
        let doubtful = [undecided, junk].into_iter().filter_map(|text| tinted(Tint::Doubtful, text));
        doubtful.chain(tinted(Tint::Undelivered, unsent)).collect()
    }

    /// The whole head, as mail programs show it.
    pub fn whole_head(&self, people: &[Seen], ui: &Ui) -> Vec<String> {
        let Mail { email, .. } = self;
        let mut heads = vec![
            format!("From: {} ({})", self.author(), self.facts(people, "", ui)),
            format!("To: {}", shown(&self.to)),
        ];
        if !self.cc.is_empty() {
            heads.push(format!("Cc: {}", shown(&self.cc)));
        }
        if self.answers_elsewhere() {
            heads.push(format!("Reply-To: {}", shown(&self.reply_to)));
        }
        heads.push(format!("Date: {}", ui.local_time(email.date.unwrap_or(email.received_at))));
        heads.push(format!("Subject: {}", subject_of(email)));
        heads
    }

    /// One line for each attachment.
    pub fn files(&self) -> Vec<String> {
        mail_page::files(&self.attachments)
    }

    pub fn json(&self) -> serde_json::Value {
        let files: Vec<_> = self.attachments.iter().map(attachment::json_of).collect();
        json!({
            "to": mailboxes::json(&self.to), "cc": mailboxes::json(&self.cc),
            "reply_to": mailboxes::json(&self.reply_to), "attachments": files,
            "writer": self.writer().map(|user| json!({"id": user.id, "username": user.username})),
            "automatic": !self.email.automatic.is_empty(), "automatic_kind": self.email.automatic,
            "junk": self.junk.is_some(),
        })
    }
}

fn subject_of(email: &Email) -> &str {
    if email.subject.is_empty() { emails::NO_SUBJECT } else { &email.subject }
}

fn shown(all: &[Mailbox]) -> String {
    all.iter().map(Mailbox::shown).collect::<Vec<_>>().join(", ")
}
