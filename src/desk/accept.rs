//! Letting the sender of an unverified mail take part in its case (B4.10).

use anyhow::{Context, Result};

use super::{note, split, who};
use crate::access::Actor;
use crate::error;
use crate::intake::case::{self, Answer};
use crate::intake::clock;
use crate::intake::world::World;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::emails::Email;
use crate::store::records::{self, Parent};
use crate::store::sight::{Object, Sight};
use crate::store::stream::NoteKind;
use crate::store::{accounts, emails};

/// Makes an email verified: its sender takes part from now on, and the case moves as if it had come so. The case it
/// is in now; followers have heard of it.
///
/// # Errors
/// The email is verified already or in no case; one that may not be seen is not found.
pub fn accept(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email_id: i64) -> Result<Case> {
    let not_found = || error::data(format!("email {email_id}: not found"));
    let email = emails::by_id(tx, email_id, Sight::Everything)?.ok_or_else(not_found)?;
    let Some(case_id) = seen_in_case(tx, actor.sight(), &email)? else {
        emails::by_id(tx, email_id, actor.sight())?.ok_or_else(not_found)?;
        return Err(error::data(format!("email {email_id}: is in no case"))
            .hint(format!("espomail email explain {email_id} says why"))
            .into());
    };
    actor.require_edit(tx, Object::Record(Parent::case(case_id)))?;
    if email.verified {
        return Err(error::data(format!("email {email_id}: is verified already, its sender takes part")).into());
    }
    let case = cases::by_id(tx, case_id)?.context("the case vanished")?;
    emails::set_parent(tx, email.id, Parent::case(case.id), true)?;
    let decision = format!("#{}: accepted by {}", case.number, who(actor));
    emails::decide(tx, email.id, "case", &decision, world.now)?;
    let sender = if email.private { "the sender" } else { &email.from_address };
    let text = format!("{sender} takes part from now on (email {})", email.id);
    note(tx, world, actor, &case, NoteKind::Accepted, &text)?;
    let accepted = emails::by_id(tx, email.id, Sight::Everything)?.context("the email vanished")?;
    if !clock::is_of_customer(&case, &accepted) {
        return Ok(case);
    }
    let account = case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    match case::effect(world, &case, account.as_ref()) {
        Answer::NewCase => {
            let name = if accepted.private { format!("Of #{}", case.number) } else { accepted.subject.clone() };
            split::open(tx, world, actor, &case, &name, std::slice::from_ref(&accepted))
        }
        effect => {
            case::customer_wrote(tx, world, &case, effect, accepted.id, accepted.received_at)?;
            Ok(case)
        }
    }
}

/// The case of an email, where both are seen.
fn seen_in_case(tx: &Tx<'_>, sight: Sight, email: &Email) -> Result<Option<i64>> {
    let Some(case_id) = email.case_id() else { return Ok(None) };
    let is_seen = records::exists(tx, Parent::case(case_id), sight)? && emails::is_shown_in_case(tx, email.id, sight)?;
    Ok(is_seen.then_some(case_id))
}
