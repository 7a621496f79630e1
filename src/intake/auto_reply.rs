//! The automatic reply (B8): what is to be known of a mail, whether it is answered ([`suppression`]), and by what ([`letter`]).

mod letter;
mod suppression;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use suppression::PER_DOMAIN;
pub use suppression::{Facts, Limits, Suppression, suppression};

use super::notify;
use super::sender::Sender;
use super::world::World;
use crate::mail::address::{self, Mailbox};
use crate::mail::author::{Author, How};
use crate::mail::automatic::{self, Answering};
use crate::mail::compose::is_address;
use crate::mail::message_id::IdKind;
use crate::mail::providers;
use crate::mail::reading::Reading;
use crate::moment;
use crate::store::accounts::Account;
use crate::store::cases::{self, Case};
use crate::store::db::{self, Tx};
use crate::store::outbox;
use crate::store::{accounts, emails, invalid_addresses};
use crate::system_words;

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
    let limits = limits(world);
    let facts = facts(tx, world, occasion, address.as_ref(), &limits)?;
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

fn facts(
    tx: &Tx<'_>,
    world: &World<'_>,
    occasion: &Occasion<'_>,
    to: Option<&Mailbox>,
    limits: &Limits,
) -> Result<Facts> {
    let Occasion { account, message, .. } = *occasion;
    let last = |hours| moment::last(SignedDuration::from_hours(hours), world.now);
    // One that was set by a clock that ran ahead was not set yet.
    let reset = accounts::breaker_reset_at(tx, account.id)?.filter(|at| !moment::is_ahead(*at, world.now));
    let since_reset = reset.map_or(last(1).start, |at| at.max(last(1).start));
    // All forms of an address lead to one mailbox.
    let limited = to.map(|m| address::without_tag(&m.address));
    let address = limited.as_deref();
    let counted = address.filter(|_| limits.per_hour > 0 || limits.per_day > 0);
    let mut recent = counted.map_or(Ok(Vec::new()), |a| outbox::auto_replies_to(tx, account.id, a, &last(24)))?;
    if is_own_mail(occasion, address) {
        // What others let us send to an address does not use up the share of who writes from there (B5.9).
        let verdict = occasion.sender.verdict.label();
        recent.retain(|sent| sent.verdict == verdict && address == Some(&*address::without_tag(&sent.author)));
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
        unanswerable: unanswerable(tx, world, occasion, to)?
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
        account_last_hour: outbox::auto_replies_within(tx, account.id, &(since_reset..last(1).end), limits.breaker)?,
        tripped: accounts::breaker_tripped(tx, account.id)?,
    })
}

/// Whether who writes is answered at their own address, and not at one that they name.
fn is_own_mail(occasion: &Occasion<'_>, answered: Option<&str>) -> bool {
    let Author { person, how, .. } = &occasion.sender.author;
    *how == How::Direct && answered == Some(&*address::without_tag(&person.address))
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
    outbox::auto_replies_to_domain(tx, occasion.account.id, domain, verdict, &hour, PER_DOMAIN)
}

/// The account's reply-to; with plus addressing the case's own address. Otherwise From is enough.
fn reply_to(world: &World<'_>, occasion: &Occasion<'_>) -> Option<String> {
    let Occasion { account, new_case, .. } = *occasion;
    let tagged = new_case.filter(|_| account.cases.plus_addressing).map(|case| world.reply_address(account, case));
    tagged.or_else(|| account.sending.reply_to.clone())
}

/// What the message alone does not tell.
fn unanswerable(
    tx: &Tx<'_>,
    world: &World<'_>,
    occasion: &Occasion<'_>,
    to: Option<&Mailbox>,
) -> Result<Option<String>> {
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
    let user = to.map(|to| world.user(tx, &to.address)).transpose()?.flatten();
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
    match tx.savepoint(|tx| letter::send(tx, world, occasion, to)) {
        Err(error) if !db::is_fatal(&error) => {
            let account = &occasion.account.name;
            let why = system_words::chain(&error);
            let told =
                format!("account {account}: automatic replies cannot be made: {why}; to see: espomail template list");
            notify::tell_admins(tx, world, &told)?;
            Ok(format!("not sent: it cannot be made: {why}"))
        }
        done => done,
    }
}
