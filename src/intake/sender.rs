//! Who wrote a message, and what proves it (B4.11-B4.13).
//!
//! Three questions that every rule asks here and nowhere else: whom does the message name as its author, does the mail
//! server vouch for that, and is the author one of our users? Having received our mail is receipt, never identity.

use std::fmt;

use anyhow::Result;

use super::world::World;
use crate::mail::address::{self, system};
use crate::mail::authentication_results::{self, Trusted, Verdict};
use crate::mail::author::{self, Author, House, How};
use crate::mail::message_id::IdKind;
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, DmarcNone};
use crate::store::db::Tx;
use crate::store::outbox;
use crate::store::users::User;

/// What proves that one of our users wrote a message (B4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserProof {
    /// It lies in a Sent folder of the user's own account.
    SentFolder,
    /// It carries the id of a notice that went to this user alone.
    Notice,
    /// The mail server vouches for the one author's domain.
    Verdict,
}

impl fmt::Display for UserProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UserProof::SentFolder => "it lies in their Sent folder",
            UserProof::Notice => "it carries the id of a notice that went to them alone",
            UserProof::Verdict => "the mail server vouches for their address",
        })
    }
}

/// Who wrote a message, as far as it is believed.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The person who writes, and by which address.
    pub author: Author,
    /// What the account's own mail server found out about From.
    pub verdict: Verdict,
    /// Mail of a domain without a policy is not believed.
    refuses_no_policy: bool,
    /// The active user with the address of the author.
    user: Option<User>,
    /// What proves that this user wrote it.
    proof: Option<UserProof>,
    /// It lies in the Sent folder of one of our accounts, and From is ours.
    pub in_sent: bool,
}

impl Sender {
    /// Reads who wrote a message that this account delivered.
    pub fn of(tx: &Tx<'_>, world: &World<'_>, account: &Account, message: &Reading) -> Result<Sender> {
        let from = message.from.first().map(|mailbox| mailbox.address.as_str()).unwrap_or_default();
        let of_from = world.user(tx, from)?;
        let author = author::of(
            message,
            &House {
                is_own: &|address| world.is_own(address),
                is_user: &|address| address == from && of_from.is_some() && !world.is_of_group(address),
                is_own_domain: &|domain| world.is_own_domain(domain),
                is_form_sender: &|address| account.form_senders.iter().any(|form| form == address),
            },
        );
        let user = if author.how == How::Direct { of_from } else { world.user(tx, &author.person.address)? };
        let sender = Sender {
            verdict: authentication_results::verdict(
                message,
                &message.results,
                Trusted::of(account.fetching.authserv_id.as_deref()),
            ),
            refuses_no_policy: account.fetching.dmarc_none == DmarcNone::Refuse,
            user: user.filter(|user| user.active),
            proof: None,
            in_sent: false,
            author,
        };
        let proof = sender.user_proof(tx, world, message)?;
        Ok(Sender { proof, ..sender })
    }

    fn user_proof(&self, tx: &Tx<'_>, world: &World<'_>, message: &Reading) -> Result<Option<UserProof>> {
        // What a list says of its author is good enough for a customer, not for one of us.
        let is_direct = self.author.how == How::Direct;
        let Some(user) = self.user.as_ref().filter(|_| is_direct && self.is_believed()) else { return Ok(None) };
        if matches!(self.verdict, Verdict::Pass(_)) {
            return Ok(Some(UserProof::Verdict));
        }
        for id in answered(message) {
            let is_notice = world.signer.verify(id).is_some_and(|signed| signed.kind == IdKind::Notice);
            if is_notice && outbox::notice_went_to(tx, id)? == Some(user.id) {
                return Ok(Some(UserProof::Notice));
            }
        }
        Ok(None)
    }

    /// The same of a message in the Sent folder of this user's account, or (`None`) of a group account, which proves the
    /// group and nobody in it. Nobody else puts mail there, so no mail server is asked (B4.11).
    pub fn in_sent_folder(self, owner: Option<User>) -> Sender {
        let proof = owner.is_some().then_some(UserProof::SentFolder);
        let Author { person, via, .. } = self.author;
        let author = Author { person: via.unwrap_or(person), ..Author::default() };
        Sender { author, user: owner, proof, verdict: Verdict::Unasked, in_sent: true, ..self }
    }

    /// Address of the person who writes; empty, or no more than text, where nobody can be answered.
    pub fn address(&self) -> &str {
        &self.author.person.address
    }

    pub fn from_address(&self) -> &str {
        &self.author.via.as_ref().unwrap_or(&self.author.person).address
    }

    /// The user who really wrote it.
    pub fn verified_user(&self) -> Option<&User> {
        self.user.as_ref().filter(|_| self.proof.is_some())
    }

    /// The user whose address the message names although nothing proves that they wrote it.
    pub fn claimed_user(&self) -> Option<&User> {
        self.user.as_ref().filter(|_| self.proof.is_none())
    }

    /// False where the account names an authserv-id and the server did not vouch for the author: silence proves nothing
    /// (B4.12).
    pub fn is_believed(&self) -> bool {
        match self.verdict {
            Verdict::Unasked | Verdict::Pass(_) => true,
            Verdict::NoPolicy(_) => !self.refuses_no_policy,
            Verdict::Fail(_) => false,
        }
    }

    /// The address by which the author may have a part in a case. A form proves nobody: the person behind our own form
    /// needs an id that we signed (`by_our_id`) as well, and a stranger's form is not believed at all.
    pub fn standing_address(&self, world: &World<'_>, by_our_id: bool) -> Option<&str> {
        let address = self.address();
        let may_be_proven = self.author.can_be_proven() || (by_our_id && self.author.may_answer());
        (may_be_proven && self.is_believed() && can_take_part(world, address)).then_some(address)
    }

    /// Whether the author can be linked to records, and what else the message says of them counts (B4.13).
    pub fn is_known(&self) -> bool {
        self.is_believed() && self.author.is_known()
    }

    /// Whether the author's address leads to records: also one in From that nothing proves, which is marked where it is
    /// shown, but not one that unproven mail names in another field (B4.12).
    pub fn is_linked(&self) -> bool {
        self.is_known() || self.author.how == How::Direct
    }
}

/// Whether an address can have a role in a case: not an own one, a form's, a no-reply one, or one that is none.
pub fn can_take_part(world: &World<'_>, address: &str) -> bool {
    let is_shared = world.is_own(address) || world.is_form_sender(address) || system::is_no_reply(address);
    !address::domain(address).is_empty() && !is_shared
}

/// The ids that a message answers: In-Reply-To, then the newest of References.
pub fn answered(message: &Reading) -> impl Iterator<Item = &String> {
    message.in_reply_to.iter().chain(message.references.last())
}

/// For `email explain`: who writes, and what proves it.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.author.person)?;
        if let Some(via) = &self.author.via {
            let how = match self.author.how {
                How::OwnList => "our own list",
                How::OwnListByReplyTo => "our own list, by Reply-To, which proves nothing",
                How::ForeignList => "a foreign list",
                How::Form => "a form, which proves nothing",
                How::ForeignForm | How::Direct => "a stranger's form, which proves nothing",
            };
            write!(f, " by way of {} ({how})", via.address)?;
        }
        match (&self.user, self.proof) {
            (Some(user), Some(proof)) => return write!(f, ": from user {}, proven: {proof}", user.username),
            (None, _) if self.in_sent => return f.write_str(": from the group, by its own Sent folder"),
            (Some(user), None) => write!(f, ": {}'s address, not proven", user.username)?,
            (None, _) => {}
        }
        let believed = if self.is_believed() { "" } else { "not believed: " };
        write!(f, "; {believed}{}", self.verdict)
    }
}
