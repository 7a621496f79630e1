//! The automatic reply itself.

use anyhow::{Context, Result};

use super::{Occasion, reply_to};
use crate::intake::world::{self, World};
use crate::mail::address::{self, Mailbox};
use crate::mail::automatic;
use crate::mail::compose::Outgoing;
use crate::mail::message_id::{self, IdKind};
use crate::mail::subject;
use crate::mail::template::{self, Values};
use crate::outbox::{self as sending, Archive, Composed, Post};
use crate::random;
use crate::store::db::Tx;
use crate::store::outbox::{self, OutboxKind};
use crate::store::records::{self, Parent};
use crate::store::{templates, users};

pub(super) fn send(tx: &Tx<'_>, world: &World<'_>, occasion: &Occasion<'_>, to: &Mailbox) -> Result<String> {
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
            automatic: "our own automatic reply",
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
        message_id: world.signer.sign(IdKind::AutoReply, &key, random::bytes()?, domain),
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
}
