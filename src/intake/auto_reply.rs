//! The automatic reply (B8): whether it is sent, and the reply itself.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::notify;
use super::sender::Sender;
use super::world::{self, World};
use crate::mail::address::{self, Mailbox};
use crate::mail::author::{Author, How};
use crate::mail::automatic::{self, Answering};
use crate::mail::compose::{Outgoing, is_address};
use crate::mail::message_id::{self, IdKind};
use crate::mail::reading::Reading;
use crate::mail::template::{self, Values};
use crate::mail::{providers, subject};
use crate::moment;
use crate::outbox::{self as sending, Archive, Composed, Post};
use crate::store::accounts::Account;
use crate::store::cases::{self, Case};
use crate::store::db::{self, Tx};
use crate::store::outbox::{self, OutboxKind};
use crate::store::records::{self, Parent};
use crate::store::{accounts, emails, invalid_addresses, templates, users};

/// Why no reply is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppression {
    /// The account has no template.
    NoTemplate,
    /// The account has no SMTP server.
    NoSmtp,
    /// It joined an existing case or thread.
    FollowUp,
    /// It came through an archive import or has no case although the account makes them.
    NoCase,
    /// From before the database was restored.
    BeforeRestore,
    /// Older than `auto_reply_max_age`.
    TooOld,
    /// B8.1, with the rule.
    NotToBeAnswered(String),
    /// A filter says so (B10.3), with its name.
    Filter(String),
    /// There is no address to answer to.
    NoAddress,
    /// A report said that the address does not exist.
    InvalidAddress(String),
    /// This address has one for this case.
    OncePerCase,
    /// `auto_reply_per_hour`.
    PerHour,
    /// `auto_reply_per_day`.
    PerDay,
    /// So many went to one domain within an hour.
    PerDomain,
    /// The account's breaker has tripped.
    Breaker,
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Suppression::NoTemplate => "the account has no template",
            Suppression::NoSmtp => "the account has no SMTP server",
            Suppression::FollowUp => "follow-up of an existing thread",
            Suppression::NoCase => "no new case was made",
            Suppression::BeforeRestore => "the mail is from before the database was restored from a backup",
            Suppression::TooOld => "the mail is older than auto_reply_max_age",
            Suppression::NotToBeAnswered(rule) => return write!(f, "not to be answered: {rule}"),
            Suppression::Filter(name) => return write!(f, "{name} says no-auto-reply"),
            Suppression::NoAddress => "there is no address to answer to",
            Suppression::InvalidAddress(reason) => {
                return write!(f, "the address is invalid until it writes: {reason}");
            }
            Suppression::OncePerCase => "the address has one for this case",
            Suppression::PerHour => "the limit of auto_reply_per_hour is reached for this address",
            Suppression::PerDay => "the limit of auto_reply_per_day is reached for this address",
            Suppression::PerDomain => "20 automatic replies went to this domain within the hour",
            Suppression::Breaker => "the account's breaker has tripped (espomail account breaker ACCOUNT --reset)",
        };
        f.write_str(text)
    }
}

/// The facts the decision is made of.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A template is set.
    pub template: bool,
    /// An SMTP server is set.
    pub smtp: bool,
    /// The account makes cases.
    pub create_case: bool,
    /// A new case was made for this mail.
    pub new_case: bool,
    /// The mail refers to no earlier one.
    pub opens_thread: bool,
    /// Age (B8.6).
    pub age: SignedDuration,
    /// The mail is from before the database was restored.
    pub before_restore: bool,
    /// The rule of B8.1 that forbids an answer.
    pub unanswerable: Option<String>,
    /// The filter that forbids one.
    pub forbidden: Option<String>,
    /// There is an address to answer to.
    pub address: bool,
    /// Why the address is invalid, if it is.
    pub invalid: Option<String>,
    /// The address got one for this case.
    pub replied_to_case: bool,
    /// To this address in the last hour, from this account.
    pub last_hour: i64,
    /// To this address in the last day, from this account.
    pub last_day: i64,
    /// To new addresses of the domain in the last hour, from this account; 0 for public mail providers.
    pub domain_last_hour: i64,
    /// To anybody in the last hour, from this account.
    pub account_last_hour: i64,
    /// The breaker has tripped before.
    pub tripped: bool,
}

/// The limits of B8.2; 0 = off.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Oldest mail that is answered.
    pub max_age: SignedDuration,
    /// Per address and hour.
    pub per_hour: i64,
    /// Per address and day.
    pub per_day: i64,
    /// Per account and hour.
    pub breaker: i64,
}

/// Automatic replies to new addresses of one domain in an hour (B8.7).
const PER_DOMAIN: i64 = 20;

/// Why no reply is sent; `None` = it is sent.
pub fn suppression(facts: &Facts, limits: &Limits) -> Option<Suppression> {
    let reached = |count: i64, limit: i64| limit > 0 && count >= limit;
    let rules = [
        (!facts.template, Suppression::NoTemplate),
        (!facts.smtp, Suppression::NoSmtp),
        (!facts.opens_thread && !facts.new_case, Suppression::FollowUp),
        (facts.create_case && !facts.new_case, Suppression::NoCase),
        (!facts.address, Suppression::NoAddress),
        (facts.before_restore, Suppression::BeforeRestore),
        (facts.age > limits.max_age, Suppression::TooOld),
        (facts.replied_to_case, Suppression::OncePerCase),
        (reached(facts.last_hour, limits.per_hour), Suppression::PerHour),
        (reached(facts.last_day, limits.per_day), Suppression::PerDay),
        (facts.domain_last_hour >= PER_DOMAIN, Suppression::PerDomain),
        (facts.tripped || reached(facts.account_last_hour, limits.breaker), Suppression::Breaker),
    ];
    let unanswerable = facts.unanswerable.clone().map(Suppression::NotToBeAnswered);
    let unanswerable = facts.forbidden.clone().map(Suppression::Filter).or(unanswerable);
    let invalid = facts.invalid.clone().map(Suppression::InvalidAddress);
    let (first, rest) = rules.split_at(3);
    let hit = |rules: &[(bool, Suppression)]| rules.iter().find(|(holds, _)| *holds).map(|(_, why)| why.clone());
    hit(first).or(unanswerable).or(invalid).or_else(|| hit(rest))
}

/// The mail that is to be answered.
pub struct Occasion<'a> {
    /// The account whose flow ran.
    pub account: &'a Account,
    pub email_id: i64,
    pub message: &'a Reading,
    /// Who wrote it.
    pub sender: &'a Sender,
    /// What its age counts from (B8.6).
    pub sent_at: Timestamp,
    /// The case that was made for it.
    pub new_case: Option<&'a Case>,
    /// The filter that says that it gets no reply.
    pub forbidden: Option<String>,
}

/// Decides, records the decision and puts the reply into the outbox.
pub fn run(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>) -> Result<()> {
    if occasion.account.auto_reply.auto_reply_id.is_none() {
        // Most accounts of an archive have none: nothing has to be looked up.
        let decision = format!("not sent: {}", Suppression::NoTemplate);
        return emails::decide(tx, occasion.email_id, "auto-reply", &decision, world.now);
    }
    let address = automatic::answer_address(occasion.message, &occasion.sender.author)
        .filter(|m| is_address(&m.address))
        .cloned();
    let facts = facts(tx, world, occasion, address.as_ref())?;
    let limits = limits(world);
    let decision = match (suppression(&facts, &limits), address) {
        (Some(why), _) => {
            if why == Suppression::Breaker && !facts.tripped {
                trip(tx, world, occasion.account)?;
            }
            format!("not sent: {why}")
        }
        (None, None) => format!("not sent: {}", Suppression::NoAddress),
        (None, Some(to)) => sent_or_why_not(tx, world, occasion, &to)?,
    };
    emails::decide(tx, occasion.email_id, "auto-reply", &decision, world.now)
}

fn limits(world: &World<'_>) -> Limits {
    let config = world.config;
    Limits {
        max_age: SignedDuration::try_from(config.auto_reply_max_age).unwrap_or(SignedDuration::MAX),
        per_hour: config.auto_reply_per_hour.into(),
        per_day: config.auto_reply_per_day.into(),
        breaker: config.auto_reply_breaker.into(),
    }
}

fn facts(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>, to: Option<&Mailbox>) -> Result<Facts> {
    let Occasion { account, message, .. } = *occasion;
    let last = |hours| moment::last(SignedDuration::from_hours(hours), world.now);
    // One that was set by a clock that ran ahead was not set yet.
    let reset = accounts::breaker_reset_at(tx, account.id)?.filter(|at| !moment::is_ahead(*at, world.now));
    let since_reset = reset.map_or(last(1).start, |at| at.max(last(1).start));
    // All forms of an address lead to one mailbox.
    let limited = to.map(|m| address::without_tag(&m.address));
    let address = limited.as_deref();
    let mut recent = address.map_or(Ok(Vec::new()), |a| outbox::auto_replies_to(tx, account.id, a, &last(24)))?;
    if is_own_mail(occasion, address) {
        // What others let us send to an address does not use up the share of who writes from there (B5.9).
        let verdict = occasion.sender.verdict.label();
        recent.retain(|sent| sent.verdict == verdict && address == Some(&address::without_tag(&sent.author)));
    }
    let replied_to_case = match (address, occasion.new_case) {
        (Some(address), Some(case)) => outbox::auto_replied(tx, address, case.id)?,
        _ => outbox::answered(tx, occasion.email_id)?,
    };
    let own = |address: &str| world.is_own(address);
    let ours = |id: &str| world.signer.verify(id).is_some_and(|signed| signed.kind == IdKind::AutoReply);
    let answering = Answering {
        message,
        author: &occasion.sender.author,
        own: &own,
        our_auto_reply: &ours,
        to_own_list: account.auto_reply.reply_to_own_list,
    };
    Ok(Facts {
        template: account.auto_reply.auto_reply_id.is_some(),
        smtp: account.smtp.host.is_some(),
        create_case: account.cases.create_case,
        new_case: occasion.new_case.is_some(),
        opens_thread: super::parent::opens_thread(message),
        age: world.now.duration_since(occasion.sent_at),
        before_restore: world.is_before_restore(occasion.sent_at),
        unanswerable: unanswerable(tx, occasion, to)?
            .or_else(|| automatic::unanswerable(&answering).map(|reason| reason.to_string())),
        forbidden: occasion.forbidden.clone(),
        address: address.is_some(),
        invalid: address
            .map(|a| invalid_addresses::find(tx, a, Some(account.id)))
            .transpose()?
            .flatten()
            .map(|known| known.reason),
        replied_to_case,
        last_hour: i64::try_from(recent.iter().filter(|sent| last(1).contains(&sent.at)).count())?,
        last_day: i64::try_from(recent.len())?,
        domain_last_hour: address.map_or(Ok(0), |a| to_domain(tx, occasion, a, world.now))?,
        account_last_hour: outbox::auto_replies_within(tx, account.id, &(since_reset..last(1).end))?,
        tripped: accounts::breaker_tripped(tx, account.id)?,
    })
}

/// Whether who writes is answered at their own address, and not at one that they name.
fn is_own_mail(occasion: &Occasion<'_>, answered: Option<&str>) -> bool {
    let Author { person, how, .. } = &occasion.sender.author;
    *how == How::Direct && answered == Some(&address::without_tag(&person.address))
}

/// Replies to the domain of an address; a public provider's domain connects nobody, nor does that of an address which had
/// a case before. What others let us send there does not count for who writes from there.
fn to_domain(tx: &Tx<'_>, occasion: &Occasion<'_>, address: &str, now: Timestamp) -> Result<i64> {
    let domain = address::domain(address);
    if providers::is_public(domain) || cases::had_a_case(tx, address, now)? {
        return Ok(0);
    }
    let verdict = is_own_mail(occasion, Some(address)).then(|| occasion.sender.verdict.label());
    let hour = moment::last(SignedDuration::from_hours(1), now);
    outbox::auto_replies_to_domain(tx, occasion.account.id, domain, verdict, &hour)
}

/// The account's reply-to; with plus addressing the case's own address. Otherwise From is enough.
fn reply_to(world: &World<'_>, occasion: &Occasion<'_>) -> Option<String> {
    let Occasion { account, new_case, .. } = *occasion;
    let tagged = new_case.filter(|_| account.cases.plus_addressing).map(|case| world.reply_address(account, case));
    tagged.or_else(|| account.sending.reply_to.clone())
}

/// What the message alone does not tell.
fn unanswerable(tx: &Tx<'_>, occasion: &Occasion<'_>, to: Option<&Mailbox>) -> Result<Option<String>> {
    let is_customers = |case: &Case| occasion.sender.verified_user().is_some() && case.requester_user_id.is_none();
    if !occasion.sender.is_believed() {
        return Ok(Some("the sender is not proven".to_owned()));
    }
    if occasion.sender.author.is_nobody() {
        return Ok(Some("it names no person, only an own address, a list or a form".to_owned()));
    }
    if occasion.new_case.is_some_and(is_customers) {
        return Ok(Some("forwarded by one of our users".to_owned()));
    }
    let user = to.map(|to| users::by_address(tx, &to.address)).transpose()?.flatten();
    let writer = occasion.sender.verified_user().map(|user| user.id);
    let is_for_another = user.is_some_and(|user| Some(user.id) != writer);
    Ok(is_for_another.then(|| "an address of one of our users".to_owned()))
}

/// Trips the breaker loudly: every admin is told.
fn trip(tx: &Tx<'_>, world: &World<'_>, account: &Account) -> Result<()> {
    accounts::trip_breaker(tx, account.id, world.now)?;
    let text = format!(
        "account {}: automatic replies stopped after {} in an hour; to go on: espomail account breaker {} --reset",
        account.name, world.config.auto_reply_breaker, account.name
    );
    notify::tell_admins(tx, world, &text)
}

/// A reply that cannot be made is a decision: the customer's mail is imported, even if a template is wrong.
fn sent_or_why_not(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>, to: &Mailbox) -> Result<String> {
    match tx.savepoint(|tx| send(tx, world, occasion, to)) {
        Err(error) if !db::is_fatal(&error) => {
            let account = &occasion.account.name;
            let why = format!("{error:#}");
            let told =
                format!("account {account}: automatic replies cannot be made: {why}; to see: espomail template list");
            notify::tell_admins(tx, world, &told)?;
            Ok(format!("not sent: it cannot be made: {why}"))
        }
        done => done,
    }
}

fn send(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>, to: &Mailbox) -> Result<String> {
    let Occasion { account, email_id, new_case, .. } = *occasion;
    let template_id = account.auto_reply.auto_reply_id.context("the account has no template")?;
    let template = templates::by_id(tx, template_id)?.context("the template vanished")?;
    let values = values(tx, world, occasion, to)?;
    let outgoing = compose(tx, world, occasion, to, &template, &values)?;
    let post = Post {
        kind: OutboxKind::AutoReply,
        account_id: account.id,
        case_id: new_case.map(|case| case.id),
        user_id: None,
        envelope_from: if world.config.auto_reply_null_sender { "" } else { &account.address },
        archive: Some(Archive {
            parent: new_case.map(|case| Parent::case(case.id)),
            automatic: "auto-reply of ours",
            ..Archive::default()
        }),
        not_before: None,
    };
    let outbox_id = sending::enqueue(tx, &post, &Composed::new(outgoing)?, world.now)?;
    let case_id = new_case.map(|case| case.id);
    outbox::add_auto_reply(
        tx,
        account.id,
        &address::without_tag(&to.address),
        case_id,
        email_id,
        outbox_id,
        world.now,
    )?;
    Ok(format!("to {}, template {}, outbox {outbox_id}", to.address, template.name))
}

fn compose(
    tx: &Tx<'_>,
    world: &World<'_>,
    occasion: &Occasion<'_>,
    to: &Mailbox,
    template: &templates::Template,
    values: &Values,
) -> Result<Outgoing> {
    let Occasion { account, message, new_case, .. } = *occasion;
    let subject_text = template::render_subject(&template.subject, values)?;
    let key = match new_case {
        Some(case) => case.key.clone(),
        None => world::email_key(tx, occasion.email_id)?,
    };
    let domain = world.message_id_domain(account);
    let mut chain: Vec<String> = new_case.map(|case| world.thread_id(case, domain)).into_iter().collect();
    chain.extend_from_slice(&message.references);
    Ok(Outgoing {
        from: Mailbox {
            name: account.auto_reply.reply_name.clone().or(account.sending.from_name.clone()).unwrap_or_default(),
            address: account.auto_reply.reply_from.clone().unwrap_or_else(|| account.address.clone()),
        },
        to: vec![to.clone()],
        reply_to: reply_to(world, occasion)
            .map(|address| Mailbox { name: String::new(), address })
            .into_iter()
            .collect(),
        subject: match new_case {
            Some(case) => subject::with_case_number(&subject_text, case.number),
            None => subject_text,
        },
        text: template::render_text(&template.body, values)?,
        html: template.html.as_ref().map(|html| template::render_html(html, values)).transpose()?,
        message_id: world.signer.sign(IdKind::AutoReply, &key, world::random()?, domain),
        in_reply_to: message.message_id.clone(),
        references: match &message.message_id {
            Some(id) => message_id::cap_references(&chain, id, 4_000),
            None => chain,
        },
        date: world.now,
        extra: vec![
            ("Auto-Submitted", "auto-replied".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("X-Loop", automatic::X_LOOP.to_owned()),
        ],
        ..Outgoing::default()
    })
}

fn values(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>, to: &Mailbox) -> Result<Values> {
    let case = occasion.new_case;
    let user = case.and_then(|c| c.assigned_user_id).map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let contact = match case.and_then(|c| c.contact_id) {
        Some(id) => records::name(tx, Parent { kind: records::ParentType::Contact, id })?,
        None => None,
    };
    Ok(Values {
        case_number: case.map(|c| c.number),
        case_name: case.map(|c| c.name.clone()),
        case_status: case.map(|c| c.status.to_string()),
        user_name: user.map(|u| u.shown().to_owned()),
        contact_name: contact,
        sender_name: name_of(to),
        email_subject: occasion.message.subject.clone(),
        account_name: occasion.account.shown().to_owned(),
        now: template::shown(world.now),
    })
}

/// How a template calls the sender: their name, unless it is a text of its own or leads somewhere.
fn name_of(to: &Mailbox) -> String {
    let name = to.name.trim();
    let leads_away = name.contains("://") || name.to_lowercase().contains("www.");
    let is_name = !name.is_empty() && name.chars().count() <= 80 && !leads_away;
    if is_name { name.to_owned() } else { to.address.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_name_is_repeated_only_if_it_is_one() {
        let long = "You won ".repeat(2_000);
        for (name, called) in [
            ("Eva B\u{e9}rg", "Eva B\u{e9}rg"),
            ("", "eva@x.example"),
            ("You won http://evil.example", "eva@x.example"),
            ("WWW.evil.example", "eva@x.example"),
            (long.as_str(), "eva@x.example"),
        ] {
            assert_eq!(name_of(&Mailbox { name: name.into(), address: "eva@x.example".into() }), called);
        }
    }

    fn fine() -> Facts {
        Facts {
            template: true,
            smtp: true,
            create_case: true,
            new_case: true,
            opens_thread: true,
            address: true,
            ..Facts::default()
        }
    }

    fn limits() -> Limits {
        Limits { max_age: SignedDuration::from_hours(72), per_hour: 1, per_day: 3, breaker: 100 }
    }

    #[test]
    fn every_rule_suppresses_and_nothing_else_does() {
        let old = SignedDuration::from_hours(73);
        let rows: Vec<(Facts, Option<Suppression>)> = vec![
            (fine(), None),
            (Facts { template: false, ..fine() }, Some(Suppression::NoTemplate)),
            (Facts { smtp: false, ..fine() }, Some(Suppression::NoSmtp)),
            (Facts { new_case: false, opens_thread: false, ..fine() }, Some(Suppression::FollowUp)),
            (Facts { new_case: false, ..fine() }, Some(Suppression::NoCase)),
            (Facts { create_case: false, new_case: false, ..fine() }, None),
            (Facts { create_case: false, new_case: false, opens_thread: false, ..fine() }, Some(Suppression::FollowUp)),
            (Facts { unanswerable: Some("x".into()), ..fine() }, Some(Suppression::NotToBeAnswered("x".into()))),
            (Facts { address: false, ..fine() }, Some(Suppression::NoAddress)),
            (Facts { age: old, ..fine() }, Some(Suppression::TooOld)),
            (Facts { invalid: Some("550".into()), ..fine() }, Some(Suppression::InvalidAddress("550".into()))),
            (Facts { replied_to_case: true, ..fine() }, Some(Suppression::OncePerCase)),
            (Facts { last_hour: 1, ..fine() }, Some(Suppression::PerHour)),
            (Facts { last_day: 2, ..fine() }, None),
            (Facts { last_day: 3, ..fine() }, Some(Suppression::PerDay)),
            (Facts { account_last_hour: 99, ..fine() }, None),
            (Facts { account_last_hour: 100, ..fine() }, Some(Suppression::Breaker)),
            (Facts { tripped: true, ..fine() }, Some(Suppression::Breaker)),
        ];
        for (facts, expected) in rows {
            assert_eq!(suppression(&facts, &limits()), expected, "{facts:?}");
        }
    }

    #[test]
    fn limits_of_zero_are_off() {
        let off = Limits { per_hour: 0, per_day: 0, breaker: 0, ..limits() };
        let busy = Facts { last_hour: 50, last_day: 500, account_last_hour: 5_000, ..fine() };
        assert_eq!(suppression(&busy, &off), None);
    }
}
