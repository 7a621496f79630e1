//! The flags that `account add` and `account edit` share, group by group. Each group has a file with its flags, what they
//! make of an account, and its columns; [`crate::store::accounts`] has the same groups.

use anyhow::Result;
use clap::Args;

use super::{auto_reply, cases, discover, fetching, identity, oauth, personal, sending, servers};
use crate::cli::context::Context;
use crate::error;
use crate::net::discover::Found;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;

/// Settings of an account. Repeatable flags replace the whole list; an empty value takes a setting away.
/// Their help has the headings of the manual.
#[derive(Debug, Args)]
pub struct Settings {
    #[command(flatten, next_help_heading = "The mailbox")]
    identity: identity::Flags,
    #[command(flatten, next_help_heading = "Servers")]
    pub servers: servers::Flags,
    #[command(flatten, next_help_heading = "Sign-in with tokens")]
    oauth: oauth::Flags,
    #[command(flatten, next_help_heading = "Fetching")]
    pub fetching: fetching::Flags,
    #[command(flatten, next_help_heading = "Cases")]
    cases: cases::Flags,
    #[command(flatten, next_help_heading = "Sending")]
    auto_reply: auto_reply::Flags,
    #[command(flatten, next_help_heading = "The mailbox")]
    pub personal: personal::Flags,
    #[command(flatten, next_help_heading = "Sending")]
    sending: sending::Flags,
}

impl Settings {
    /// The address that is given.
    pub fn address(&self) -> Option<&str> {
        self.identity.address()
    }

    /// The account with these settings, which come after what was found.
    pub fn apply(&self, tx: &Tx<'_>, mut account: Account, found: Option<&Found>, ctx: &Context) -> Result<Account> {
        let before = account.clone();
        account.edited_at = ctx.now();
        self.identity.apply(&mut account)?;
        if let Some(found) = found {
            discover::apply(found, &mut account);
        }
        self.servers.apply(&mut account)?;
        self.oauth.apply(&mut account, &before, self.servers.ways(), ctx)?;
        self.fetching.apply(&mut account, ctx)?;
        self.cases.apply(tx, &mut account, ctx)?;
        self.auto_reply.apply(tx, &mut account)?;
        self.personal.apply(&mut account);
        self.sending.apply(&mut account)?;
        Ok(account)
    }

    /// Refuses settings that accounts of this kind do not have.
    ///
    /// # Errors
    /// Names the flag.
    pub fn fit(&self, kind: AccountKind) -> Result<()> {
        let (given, other, hint) = match kind {
            AccountKind::Personal => (
                [self.cases.of_groups(), self.auto_reply.of_groups(), self.sending.of_groups()].concat(),
                AccountKind::Group,
                "a personal account brings mail to its owner alone",
            ),
            AccountKind::Group => (
                self.personal.of_persons(),
                AccountKind::Personal,
                "for the mailbox of one user: --kind personal --user USER",
            ),
        };
        let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        Err(error::data(format!("{flag}: is for {other} accounts, not for {kind} ones")).hint(hint).into())
    }

    /// Whether they name a profile of access tokens.
    pub fn signs_in(&self) -> bool {
        self.oauth.is_any_given()
    }

    /// Whether they say where a server is, how to come in, or what is polled there.
    pub fn concern_servers(&self) -> bool {
        self.servers.is_any_given() || self.oauth.is_any_given() || !self.fetching.folders.is_empty()
    }
}
