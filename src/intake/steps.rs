//! One message through the numbered steps of B3.

mod duplicates;
mod notice;
mod outcome;

use anyhow::Result;

use super::bounces::Report;
use super::case::Mail;
use super::filter::Filtered;
use super::sender::Sender;
use super::undelivered::{self, Failure};
use super::world::World;
use super::{answered, bounces, filter, flow, history, privacy, recipients, sent};
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, AccountKind, AfterImport, Folder, Share};
use crate::store::db::Tx;
use crate::store::deliveries::{self, Delivery, Outcome, Source};
use crate::store::emails::{self, Email, EmailStatus, NewEmail};
use crate::store::junk;
use crate::store::server_actions;
pub use outcome::Imported;

/// One message through B3. The steps are the numbered ones of the rule.
pub fn one(tx: &Tx<'_>, world: &World<'_>, delivery: &Delivery, message: &Reading) -> Result<Imported> {
    let mut known = None;
    if message.asks_what_it_answers() {
        answered::look_up(tx, known.insert(message.clone()))?;
    }
    let message = known.as_ref().unwrap_or(message);
    let delivery = &dated(tx, world, delivery, message)?;
    let incoming = Incoming::of(tx, world, delivery, message)?;
    if let Some(done) = incoming.comes_back()? {
        return Ok(done);
    }
    let sender = incoming.sender()?;
    if let Some(done) = incoming.answers_notice(&sender)? {
        return Ok(done);
    }
    let filtered = incoming.filtered();
    if let Some(done) = incoming.skip(&filtered)? {
        return Ok(done);
    }
    let (same, same_id) = incoming.same_email(&sender)?;
    if let Some(done) = incoming.is_there_already(same.as_ref())? {
        return Ok(done);
    }
    let kept = match same {
        Some(email) => incoming.join(email, sender, &filtered)?,
        None => incoming.add(sender, same_id)?,
    };
    incoming.give(&kept, &filtered)?;
    incoming.link(&kept, &filtered)?;
    recipients::follow_case(tx, incoming.account, kept.email_id)?;
    incoming.settle(kept.outcome, &summary(tx, kept.email_id)?, Some(kept.email_id))
}

/// B2.12: mail out of a file or a pipe came when it says so itself: no mailbox does.
fn dated(tx: &Tx<'_>, world: &World<'_>, delivery: &Delivery, message: &Reading) -> Result<Delivery> {
    let mut delivery = delivery.clone();
    if delivery.uid.is_none() {
        delivery.internal_date = message.came(delivery.internal_date, world.now);
        deliveries::set_internal_date(tx, delivery.id, delivery.internal_date)?;
    }
    Ok(delivery)
}

/// The decisions about an email in one line.
fn summary(tx: &Tx<'_>, email_id: i64) -> Result<String> {
    let steps = ["case", "parent"];
    let decisions = emails::first_decisions(tx, email_id)?;
    let said = steps.iter().find_map(|step| decisions.iter().rev().find(|(s, _, _)| s == step));
    Ok(said.map(|(step, text, _)| format!("{step} {text}")).unwrap_or_default())
}

/// A message on its way through the steps.
struct Incoming<'a, 't> {
    tx: &'a Tx<'t>,
    world: &'a World<'a>,
    account: &'a Account,
    delivery: &'a Delivery,
    message: &'a Reading,
    /// The folder it lay in, where that matters.
    folder: Option<Folder>,
}

/// The email that a message is, and who wrote it.
struct Kept {
    email_id: i64,
    outcome: Outcome,
    sender: Sender,
    /// The rule by which it is machine mail; empty = written by a person.
    automatic: String,
    /// Whose email-to-case flow ran for it (B5.2).
    flow_account_id: Option<i64>,
    /// Only those who have it in a folder of their own may read it (B6.1).
    private: bool,
}

impl<'a, 't> Incoming<'a, 't> {
    fn of(
        tx: &'a Tx<'t>,
        world: &'a World<'a>,
        delivery: &'a Delivery,
        message: &'a Reading,
    ) -> Result<Incoming<'a, 't>> {
        let account = world.account(delivery.account_id)?;
        let folder = sent::folder(tx, account, delivery)?;
        Ok(Incoming { tx, world, account, delivery, message, folder })
    }

    fn is_history(&self) -> bool {
        self.delivery.source == Source::History
    }

    fn lies_in_sent(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.sent)
    }

    fn sender(&self) -> Result<Sender> {
        let sender = Sender::of(self.tx, self.world, self.account, self.message)?;
        if self.lies_in_sent() { sent::author(self.tx, self.world, self.account, sender) } else { Ok(sender) }
    }

    /// B3.3: what the filters say. They are for what comes, not for what is known from history or was sent by us.
    fn filtered(&self) -> Filtered<'a> {
        if self.is_history() || self.lies_in_sent() {
            return Filtered::unasked(self.message);
        }
        let size = u64::try_from(self.delivery.size).unwrap_or_default();
        Filtered::ask(self.world, self.account.id, self.message, size)
    }

    /// What a filter skips ends here; its bytes are dropped.
    fn skip(&self, filtered: &Filtered<'_>) -> Result<Option<Imported>> {
        filtered.count(self.tx, self.world)?;
        let Some(filter) = filtered.skipped() else { return Ok(None) };
        deliveries::drop_raw(self.tx, self.delivery)?;
        self.settle(Outcome::Skipped, &filter::named(filter), None).map(Some)
    }

    /// B2.12: what a second import of a file finds again leaves no row.
    fn is_there_already(&self, same: Option<&Email>) -> Result<Option<Imported>> {
        let Some(email) = same.filter(|_| self.delivery.source != Source::Arrived) else { return Ok(None) };
        if !deliveries::has_delivered(self.tx, self.account.id, email.id, self.delivery.id)? {
            return Ok(None);
        }
        self.known_already(Some(email.id), "is there already").map(Some)
    }

    /// B3.4: another delivery of an email may add a different text, who wrote it, and that others may read it.
    fn join(&self, email: Email, mut sender: Sender, filtered: &Filtered<'_>) -> Result<Kept> {
        let Incoming { tx, world, account, .. } = *self;
        let personal = account.kind == AccountKind::Personal;
        self.keep_variant(&email)?;
        self.keep_better_verdict(&email, &sender)?;
        if sender.in_sent {
            sent::author_is_known(tx, world, account, &email, &sender)?;
        } else if email.is_ours() {
            // Its copy in Sent came first.
            sender = sent::sent_by(tx, &email, sender)?;
        }
        if email.private && !personal {
            privacy::open(tx, world, &email, &format!("it came by {} as well", account.name))?;
        }
        filtered.leave_alone(emails::inboxes(tx, email.id)?);
        Ok(Kept {
            email_id: email.id,
            outcome: Outcome::Duplicate,
            sender,
            automatic: self.automatic(),
            flow_account_id: email.flow_account_id,
            private: personal && email.private,
        })
    }

    /// B3.5: a new email; `same_id` = another one has its Message-ID.
    fn add(&self, sender: Sender, same_id: bool) -> Result<Kept> {
        let (automatic, private) = (self.automatic(), self.account.kind == AccountKind::Personal);
        let new = NewEmail {
            key: None,
            message_id: &self.message.identity,
            raw_id: self.delivery.raw_id,
            status: EmailStatus::Archived,
            received_at: self.delivery.internal_date,
            automatic: &automatic,
            user_id: sender.verified_user().map(|user| user.id),
            author: sender.author.via.as_ref().map(|_| &sender.author.person),
            verdict: sender.verdict.label(),
            truncated: self.delivery.truncated,
            flagged: if same_id { "another email has the same Message-ID" } else { "" },
        };
        let email_id = emails::add(self.tx, &new, self.message, self.world.now)?;
        emails::decide(self.tx, email_id, "sender", &sender.to_string(), self.world.now)?;
        if let Some(why) = answered::explained(self.message) {
            emails::decide(self.tx, email_id, "automatic", &why, self.world.now)?;
        }
        if private {
            emails::set_private(self.tx, email_id, true)?;
        }
        Ok(Kept { email_id, outcome: Outcome::Imported, sender, automatic, flow_account_id: None, private })
    }

    fn automatic(&self) -> String {
        self.message.machine.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// B6: teams, inboxes and folders.
    fn give(&self, kept: &Kept, filtered: &Filtered<'_>) -> Result<()> {
        let Incoming { tx, world, account, delivery, message, .. } = *self;
        self.arrived(kept.email_id)?;
        recipients::add(tx, world, account, &kept.sender, message, kept.email_id)?;
        if let Some(folder) = &self.folder {
            recipients::file(tx, account, folder, delivery.id, kept.email_id)?;
        }
        recipients::put_in_group_folder(tx, account, delivery.id, kept.email_id)?;
        filtered.place(tx, world, account.id, delivery.id, kept.email_id)
    }

    fn arrived(&self, email_id: i64) -> Result<()> {
        let Incoming { account, delivery, .. } = *self;
        let place = match (&delivery.folder, delivery.uid) {
            (Some(folder), Some(uid)) => format!("{}/{folder} UID {uid}", account.name),
            _ if delivery.source == Source::Arrived => format!("{} by ingest", account.name),
            _ => format!("{} by import", account.name),
        };
        let truncated = if delivery.truncated { ", truncated" } else { "" };
        let text = format!("{place}, {}, {} bytes{truncated}", delivery.internal_date, delivery.size);
        emails::decide(self.tx, email_id, "arrived", &text, self.world.now)
    }

    /// B3.6: parent, case, stream, notifications, automatic reply.
    fn link(&self, kept: &Kept, filtered: &Filtered<'_>) -> Result<()> {
        let (report, failures) = self.report(kept)?;
        self.link_as(kept, filtered, report)?;
        // After the report that tells of them.
        undelivered::show(self.tx, self.world, &failures)
    }

    fn link_as(&self, kept: &Kept, filtered: &Filtered<'_>, report: Report) -> Result<()> {
        let Incoming { tx, world, account, delivery, message, .. } = *self;
        let Kept { email_id, outcome, sender, automatic, flow_account_id, private } = kept;
        let mail = Mail {
            email_id: *email_id,
            message,
            sender,
            automatic,
            sent_at: message.since(delivery.internal_date),
            received_at: delivery.internal_date,
            verified: true,
            report,
            account_id: account.id,
            private: *private,
            filtered,
        };
        let is_new = *outcome == Outcome::Imported;
        // A second copy of junk opens nothing.
        if !is_new && junk::of(tx, *email_id)?.is_some() {
            return Ok(());
        }
        if self.is_history() {
            return if is_new { self.link_history(&mail) } else { Ok(()) };
        }
        filtered.sort_inboxes(tx, world, *email_id)?;
        let linked = match is_new {
            true if sender.in_sent => sent::link(tx, world, account, &mail).map(|()| None)?,
            true => Some(flow::link(tx, world, account, &mail)?),
            false => None,
        };
        match account.kind {
            _ if self.lies_in_sent() => Ok(()),
            AccountKind::Group if account.cases.create_case && flow_account_id.is_none() => {
                flow::run(tx, world, account, &mail, linked)
            }
            AccountKind::Group if !account.cases.create_case && is_new => flow::reply(tx, world, account, &mail, None),
            _ => Ok(()),
        }
    }

    fn link_history(&self, mail: &Mail<'_>) -> Result<()> {
        history::link(self.tx, self.world, self.account, mail)?;
        if mail.private && self.account.personal.share == Share::Record {
            privacy::open_if_linked(self.tx, self.world, mail.email_id)?;
        }
        Ok(())
    }

    /// B9: what a new email says of our mail; a sender has an address that exists.
    fn report(&self, kept: &Kept) -> Result<(Report, Vec<Failure>)> {
        if kept.outcome != Outcome::Imported || self.is_history() {
            return Ok((Report::None, Vec::new()));
        }
        let recipient = self.delivery.recipient.as_deref();
        let report =
            bounces::run(self.tx, self.world, self.account, &kept.sender, self.message, recipient, kept.email_id)?;
        if kept.automatic.is_empty() {
            bounces::wrote(self.tx, self.world, &kept.sender, kept.email_id)?;
        }
        Ok(report)
    }

    /// B2.12: what a second import finds again leaves no row.
    fn known_already(&self, email_id: Option<i64>, reason: &str) -> Result<Imported> {
        deliveries::forget(self.tx, self.delivery)?;
        let delivery_id = self.delivery.id;
        Ok(Imported { delivery_id, outcome: Outcome::Duplicate, email_id, reason: reason.to_owned() })
    }

    /// Writes the outcome into the ledger and plans what is to be done on the server (B2.9). What a filter skips is kept
    /// nowhere else, so the server's copy is not deleted; what our people have sent is left where it lies.
    fn settle(&self, outcome: Outcome, reason: &str, email_id: Option<i64>) -> Result<Imported> {
        let Incoming { tx, account, delivery, .. } = *self;
        deliveries::settle(tx, delivery.id, outcome, reason, email_id)?;
        let is_last_copy = outcome == Outcome::Skipped && account.fetching.after_import == AfterImport::Delete;
        let removes = matches!(account.fetching.after_import, AfterImport::Delete | AfterImport::Move(_));
        let stays = account.fetching.after_import == AfterImport::Keep
            || self.lies_in_sent()
            || is_last_copy
            || (removes && delivery.truncated);
        if let Some(said) = email_id.map(|id| junk::of(tx, id)).transpose()?.flatten()
            && delivery.uid.is_some()
            && !self.lies_in_sent()
            && (account.kind == AccountKind::Group || said.user_id == account.user_id)
        {
            let came_back = outcome == Outcome::Duplicate
                && email_id.map(|id| junk::came_back(tx, delivery, id)).transpose()?.unwrap_or_default();
            junk::plan(tx, delivery.id, if came_back { junk::CAME_BACK } else { junk::MOVE })?;
        } else if delivery.uid.is_some() && !stays {
            server_actions::plan(tx, delivery.id, &account.fetching.after_import.to_string())?;
        }
        Ok(Imported { delivery_id: delivery.id, outcome, email_id, reason: reason.to_owned() })
    }
}
