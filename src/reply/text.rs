//! What stands in a letter before anybody edits it: what was given or a template, the signature, the original.

use anyhow::{Context, Result};
use jiff::tz::TimeZone;

use super::Started;
use super::sender::Sender;
use crate::error;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::compose::{reply_text, signed};
use crate::mail::language::Language;
use crate::mail::markdown;
use crate::mail::template::{self, Values};
use crate::mail::text::has_own_words;
use crate::store::accounts::{Account, AccountKind};
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::emails::Email;
use crate::store::records::{self, Parent, ParentType};
use crate::store::templates::Template;
use crate::store::users::User;

/// A template with its values.
pub(super) struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
}

impl Rendered {
    /// The HTML of a letter with this whole text: what stands below the template's own part is there too.
    pub(super) fn html_of(self, text: &str) -> Option<String> {
        let html = self.html?;
        let below = markdown::to_html(text.strip_prefix(self.text.trim_end()).unwrap_or_default());
        let at = html.rfind("</body").unwrap_or(html.len());
        let (before, end) = html.split_at_checked(at)?;
        Some(format!("{before}{below}{end}"))
    }
}

/// Fills in a template for the first recipient.
pub(super) fn render(
    tx: &Tx<'_>,
    world: &World<'_>,
    template: &Template,
    about: (Option<&Case>, Option<&Email>),
    sender: &Sender,
    (author, to): (Option<&User>, Option<&Mailbox>),
) -> Result<Rendered> {
    let (case, original) = about;
    let contact = match case.and_then(|case| case.contact_id) {
        Some(id) => records::name(tx, Parent { kind: ParentType::Contact, id })?,
        None => None,
    };
    let account = &sender.account;
    let values = Values {
        case_number: case.map(|case| case.number),
        case_name: case.map(|case| case.name.clone()),
        case_status: case.map(|case| case.status.to_string()),
        user_name: author.map(|user| user.shown().to_owned()),
        contact_name: contact,
        sender_name: to.map(shown).unwrap_or_default(),
        email_subject: original.map(|email| email.subject.clone()).unwrap_or_default(),
        account_name: account.sending.from_name.clone().unwrap_or_else(|| account.name.clone()),
        now: world.now.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    };
    let html = template.html.as_deref().map(|html| template::render_html(html, &values)).transpose()?;
    let (subject, text) =
        (template::render_subject(&template.subject, &values)?, template::render_text(&template.body, &values)?);
    Ok(Rendered { subject, text, html })
}

fn shown(mailbox: &Mailbox) -> String {
    if mailbox.name.is_empty() { mailbox.address.clone() } else { mailbox.name.clone() }
}

/// The text of an answer with its one signature, and the original after it where that is wanted.
pub(super) fn answer(own: &str, signature: &str, quoted: Option<(&Email, &str)>, speech: &Speech<'_>) -> String {
    let own = signed(own, signature);
    match quoted {
        Some((email, text)) => {
            let at = email.date.unwrap_or(email.received_at);
            reply_text(&own, Some((&speech.language.wrote(&email.author(), at, speech.zone), text)))
        }
        None => own,
    }
}

/// How a letter speaks to its reader.
pub(super) struct Speech<'a> {
    pub language: &'static Language,
    /// In which dates are told.
    pub zone: &'a TimeZone,
}

impl<'a> Speech<'a> {
    /// The language of the account that sends, else that of the configuration.
    pub(super) fn of(world: &World<'_>, sender: &Sender, zone: &'a TimeZone) -> Result<Speech<'a>> {
        let code = sender.account.sending.language.map_or(world.config.language.as_str(), |language| language.as_str());
        let language = Language::of(code).with_context(|| format!("there is no language \"{code}\""))?;
        Ok(Speech { language, zone })
    }
}

/// The signature of the group's address, else of the user.
pub(super) fn signature<'a>(sender: &'a Sender, author: Option<&'a User>) -> &'a str {
    signature_of(Some(&sender.account), author)
}

/// The signature of what this user sends by this account.
pub fn signature_of<'a>(account: Option<&'a Account>, author: Option<&'a User>) -> &'a str {
    let of_account = account.map_or("", |account| account.sending.signature.as_str());
    let of_user = author.map_or("", |user| user.signature.as_str());
    let group_has_one = account.is_some_and(|one| one.kind == AccountKind::Group) && !of_account.is_empty();
    if group_has_one || of_user.is_empty() { of_account } else { of_user }
}

/// Whether a letter has anything for its reader: words besides signature and quotation, or a file.
pub fn says_something(started: &Started, author: Option<&User>) -> bool {
    let letter = &started.letter;
    !letter.attachments.is_empty() || has_own_words(&letter.text, signature(&started.sender, author))
}

/// The error of a letter without a word.
pub(super) fn missing() -> anyhow::Error {
    error::usage("the text is missing").hint("give it with -m TEXT, -F FILE or - for standard input").into()
}
