//! Who hears of what (B7): stream notes, notifications, and notices by e-mail about assignments.

use anyhow::Result;

use super::parent::Sender;
use super::world::{self, World};
use crate::mail::address::Mailbox;
use crate::mail::compose::Outgoing;
use crate::mail::message_id::IdKind;
use crate::outbox::{self, Post};
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::emails::{self, Field};
use crate::store::outbox::OutboxKind;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NewNotification, NoteKind};
use crate::store::users::{self, Notify, User};
use crate::store::{cases, sight::Sight};

/// Writes the one stream note about an email (B7.1).
pub fn email_note(
    tx: &Tx<'_>,
    world: &World<'_>,
    parent: Parent,
    email_id: i64,
    sender: &Sender,
    text: &str,
) -> Result<()> {
    let user = sender.verified_user();
    let kind = if user.is_some() { NoteKind::EmailSent } else { NoteKind::EmailReceived };
    let note = NewNote { parent, kind, user_id: user.map(|u| u.id), email_id: Some(email_id), text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

/// Tells the followers of a case about an email (B7.1, B7.2).
pub fn followers(tx: &Tx<'_>, world: &World<'_>, case: &Case, email_id: i64, sender: &Sender) -> Result<()> {
    let mut told = Vec::new();
    let mut ids = stream::followers(tx, Parent::case(case.id))?;
    if let Some(id) = case.company_id {
        ids.extend(stream::followers(tx, Parent { kind: crate::store::records::ParentType::Company, id })?);
    }
    for id in ids {
        let Some(user) = users::by_id(tx, id)?.filter(|u| u.active) else { continue };
        if user.addresses.contains(&sender.address) || !may_read(tx, case, id)? {
            continue;
        }
        let text = format!("#{} {}: mail from {}", case.number, case.name, sender.address);
        let new = NewNotification {
            user_id: id,
            kind: "email",
            parent: Some(Parent::case(case.id)),
            email_id: Some(email_id),
            text: &text,
        };
        if stream::notify(tx, new, world.now)? {
            told.push(user.username);
        }
    }
    let names = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
    emails::decide(tx, email_id, "notified", &names, world.now)
}

fn may_read(tx: &Tx<'_>, case: &Case, user_id: i64) -> Result<bool> {
    let admin = users::by_id(tx, user_id)?.is_some_and(|u| u.user_type == users::UserType::Admin);
    let sight = if admin { Sight::Everything } else { Sight::User(user_id) };
    Ok(cases::by_number(tx, case.number, sight)?.is_some())
}

/// One notification to every active admin.
pub fn tell_admins(tx: &Tx<'_>, world: &World<'_>, text: &str) -> Result<()> {
    for admin in users::all(tx)?.iter().filter(|u| u.active && u.user_type == users::UserType::Admin) {
        let new = NewNotification { user_id: admin.id, kind: "alert", parent: None, email_id: None, text };
        stream::notify(tx, new, world.now)?;
    }
    Ok(())
}

/// Tells a user that a case is theirs: a notification, and a notice by e-mail where they want it at once, unless the
/// mail that led to an automatic assignment is addressed to them (B7.4).
pub fn assigned(tx: &Tx<'_>, world: &World<'_>, case: &Case, user_id: i64, automatic: bool) -> Result<()> {
    let text = format!("#{} {}: assigned to you", case.number, case.name);
    let new =
        NewNotification { user_id, kind: "assigned", parent: Some(Parent::case(case.id)), email_id: None, text: &text };
    stream::notify(tx, new, world.now)?;
    let Some(user) = users::by_id(tx, user_id)? else { return Ok(()) };
    let (Some(to), Notify::Immediately) = (user.addresses.first(), user.notify_assignment) else { return Ok(()) };
    if automatic && got_newest_mail(tx, case, &user)? {
        return Ok(());
    }
    let Some(account) = world.system_account(case.account_id) else { return Ok(()) };
    let message_id = world.signer.sign(IdKind::Notice, &case.key, world::random()?, world.message_id_domain(account));
    let outgoing = Outgoing {
        from: Mailbox { name: account.from_name.clone().unwrap_or_default(), address: account.address.clone() },
        to: vec![Mailbox { name: user.shown().to_owned(), address: to.clone() }],
        subject: format!("[#{}] assigned to you: {}", case.number, case.name),
        text: notice_text(case),
        message_id,
        date: world.now,
        extra: vec![("Auto-Submitted", "auto-generated".to_owned()), ("X-Auto-Response-Suppress", "All".to_owned())],
        ..Outgoing::default()
    };
    let post = Post {
        kind: OutboxKind::Notice,
        account_id: account.id,
        case_id: Some(case.id),
        user_id: Some(user_id),
        envelope_from: if world.config.auto_reply_null_sender { "" } else { &account.address },
        archive: None,
    };
    outbox::enqueue(tx, &post, &outgoing, world.now)?;
    Ok(())
}

/// Whether the newest mail of a case is addressed to a user, who has it from the customer already.
fn got_newest_mail(tx: &Tx<'_>, case: &Case, user: &User) -> Result<bool> {
    let Some(newest) = emails::of_case(tx, case.id)?.pop() else { return Ok(false) };
    let mut addressed = emails::addresses(tx, newest.id, Field::To)?;
    addressed.extend(emails::addresses(tx, newest.id, Field::Cc)?);
    Ok(addressed.iter().any(|mailbox| user.addresses.contains(&mailbox.address)))
}

fn notice_text(case: &Case) -> String {
    let text = crate::mail::text::first_lines(&case.description, 2_000);
    format!(
        "Case #{n} is assigned to you: {name}\n\n{text}\n\n-- \nAnswers to this notice do not reach the customer.\nTo answer: espomail case reply {n}\n",
        n = case.number,
        name = case.name,
    )
}
