//! What agents do to cases and mail besides answering: making, editing, linking, merging, splitting, handing over,
//! sorting.
//!
//! The caller has found every case and record through the access gate and opened the one transaction that an
//! operation runs in. Each leaves a note of what was done by whom, which `case history` lists.

mod accept;
mod convert;
mod create;
mod edit;
mod email;
pub mod filters;
mod follow;
mod give;
mod hand_over;
mod junk;
mod link;
mod merge;
mod next;
pub mod outbox;
pub mod people;
pub mod prune;
pub mod record;
mod share;
mod snooze;
mod sort;
mod split;
mod status;
mod tag;

use anyhow::Result;

pub use accept::{accept, refuse};
pub use convert::{Company, convert, refuse_to_convert};
pub use create::{ByHand, create};
pub use edit::{Edit, edit};
pub use email::{delete_email, link_email, unlink_email};
pub use follow::{follow, unfollow};
pub use give::{give, release};
pub use hand_over::hand_over;
pub use junk::{Followed, came_back, junk, not_junk};
pub use link::{link, linkable, take_out, unlink};
pub use merge::{merge, refuse_merged, union};
pub use next::take_next;
pub use people::{Former, answered, set_roles};
pub use share::share;
pub use snooze::{snooze, wake};
pub use sort::{Sorting, Target, sort};
pub use split::split;
use status::reopened;
pub use status::{close, reopen, spam};
pub use tag::{tag, untag};

use crate::access::Actor;
use crate::intake::world::World;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::drafts;
use crate::store::emails::{self, Email};
use crate::store::outbox as rows;
use crate::store::records::Parent;
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};

/// Notes what the actor did to a case.
fn note(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, kind: NoteKind, text: &str) -> Result<()> {
    let parent = Parent::case(case.id);
    stream::note(tx, NewNote { parent, kind, user_id: actor.user_id(), email_id: None, text }, world.now)?;
    Ok(())
}

/// Notes what the actor did with an email of a case. Who may not read the email learns no more than that (B6.1), and the
/// note goes when the email is deleted.
fn note_of_email(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, email: &Email, text: &str) -> Result<()> {
    let (parent, kind) = (Parent::case(case.id), NoteKind::Linked);
    let new = NewNote { parent, kind, user_id: actor.user_id(), email_id: Some(email.id), text };
    stream::note(tx, new, world.now)?;
    Ok(())
}

/// Moves an email with its notes to another case and shows it to the people there.
fn relocate(tx: &Tx<'_>, world: &World<'_>, email: &Email, to: &Case, verified: bool, why: &str) -> Result<()> {
    let parent = Parent::case(to.id);
    emails::set_parent(tx, email.id, parent, verified)?;
    stream::move_email(tx, email.id, email.parent, parent)?;
    if verified {
        stream::is_verified(tx, email.id)?;
    }
    rows::move_email(tx, email.id, to.id)?;
    // An answer that is not sent yet belongs where the mail is that it answers.
    if let Some(from) = email.parent {
        for id in drafts::of_record(tx, from, Sight::Everything)?.into_iter().filter_map(|draft| draft.email_id) {
            if emails::references(tx, id)?.last() == Some(&email.message_id) {
                drafts::set_parent(tx, id, parent)?;
            }
        }
    }
    for team in cases::team_ids(tx, to.id)? {
        emails::add_team(tx, email.id, team)?;
    }
    if let Some(user_id) = to.assigned_user_id {
        emails::add_assignee(tx, email.id, user_id)?;
    }
    emails::decide(tx, email.id, "case", &format!("#{}: {why}", to.number), world.now)
}

/// The actor as a decision names them.
fn who(actor: &Actor) -> &str {
    actor.user().map_or("the administrator", |user| user.username.as_str())
}
