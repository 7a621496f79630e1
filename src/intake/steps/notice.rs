//! Answers of our users to our notices become internal notes (B7.4).

use anyhow::Result;

use super::{Imported, Incoming};
use crate::access::{self, Subject};
use crate::intake::notify;
use crate::intake::sender::Sender;
use crate::mail::message_id::IdKind;
use crate::store::deliveries::Outcome;
use crate::store::notifications::{self, NewNotification, NotificationKind};
use crate::store::permissions::Permission;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Object;
use crate::store::users::User;
use crate::store::{cases, emails};

impl Incoming<'_, '_> {
    /// An answer to our notice, which nobody outside gets.
    pub(super) fn answers_notice(&self, sender: &Sender) -> Result<Option<Imported>> {
        let (Some(user), Some(key)) = (sender.verified_user(), self.key_of_notice()) else { return Ok(None) };
        let kept = |reason: &str| self.settle(Outcome::Own, reason, None).map(Some);
        if self.is_history() {
            return kept("an answer to our notice: history makes no note");
        }
        if sender.in_sent {
            return kept("an answer to our notice: it makes a note where it arrives");
        }
        let Some(parent) = self.subject_of_notice(&key)? else {
            return kept("an answer to our digest");
        };
        // Notes that answer each other by programs would never end.
        if self.message.machine.is_some() || self.message.marked_answer {
            return kept("an automatic answer to our notice");
        }
        let permission = Permission::to_edit(parent.kind);
        if !access::reaches(self.tx, user, permission, Subject::Object(Object::Record(parent)))? {
            return self
                .refuse_note(user, permission)
                .and_then(|()| kept("an answer to our notice by a person who cannot write there"));
        }
        let label = self.note(parent, user)?;
        kept(&format!("an answer to our notice, stored as a note of {label}"))
    }

    /// The key in the signed id of the notice that the message answers.
    fn key_of_notice(&self) -> Option<String> {
        let named = self.message.in_reply_to.iter().chain(self.message.references.last());
        let mut signed = named.filter_map(|id| self.world.signer.verify(id));
        signed.find(|signed| signed.kind == IdKind::Notice).map(|notice| notice.key)
    }

    /// What the notice was about; a digest, and what is not there any more, is nothing.
    fn subject_of_notice(&self, key: &str) -> Result<Option<Parent>> {
        match cases::by_key(self.tx, key)? {
            Some(case) => Ok(Some(Parent::case(cases::surviving(self.tx, case)?.id))),
            None => Ok(emails::by_key(self.tx, key)?.and_then(|email| email.parent)),
        }
    }

    /// Tells a user that their answer is not stored.
    fn refuse_note(&self, user: &User, permission: Permission) -> Result<()> {
        let text = format!("your answer to a notice is not stored: {permission} does not reach what it was about");
        let kind = NotificationKind::Note;
        let new = NewNotification { user_id: user.id, kind, parent: None, email_id: None, text: &text };
        notifications::add(self.tx, new, false, self.world.now).map(|_| ())
    }

    /// Stores the note and tells its author so; the record's label.
    fn note(&self, parent: Parent, user: &User) -> Result<String> {
        let (tx, world) = (self.tx, self.world);
        notify::comment(tx, world, parent, Some(user), self.message.text.trim())?;
        let label = records::label(tx, parent)?;
        let case = if parent.kind == ParentType::Case { cases::by_id(tx, parent.id)? } else { None };
        let how = case.map(|case| format!("; to answer: espomail case reply {}", case.number)).unwrap_or_default();
        let text = format!("{label}: stored as a note{how}");
        let kind = NotificationKind::Note;
        let new = NewNotification { user_id: user.id, kind, parent: Some(parent), email_id: None, text: &text };
        notifications::add(tx, new, false, world.now)?;
        Ok(label)
    }
}
