//! What every decision may look at: configuration, accounts, our own addresses, the signer, the clock.

use std::collections::HashSet;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::filter_set::Filters;
use crate::config::Config;
use crate::mail::message_id::{self, IdKind, Signer};
use crate::mail::{address, providers};
use crate::random;
use crate::store::accounts::{self, Account, AccountKind};
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::users::{self, User};
use crate::store::{instance, restored};

/// The state of the world for one batch.
pub struct World<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// All accounts by id, inactive ones too: their addresses stay ours.
    pub accounts: Vec<Account>,
    /// The addresses of our users: most of those that are asked about are strangers.
    pub of_users: HashSet<String>,
    /// What is asked about new mail; empty where none is imported.
    pub filters: Filters,
    /// Signs and verifies our message ids.
    pub signer: Signer,
    /// The moment all decisions of the batch take place at.
    pub now: Timestamp,
    /// When the database was restored from a backup: mail from before was answered and told of then (B2.14).
    pub restored_at: Option<Timestamp>,
}

impl World<'_> {
    /// Reads the accounts and the secret of this instance.
    pub fn load<'a>(tx: &Tx<'_>, config: &'a Config, now: Timestamp) -> Result<World<'a>> {
        let signer = Signer::new(&instance::secret(tx)?);
        let restored_at = restored::last(tx)?.map(|restored| restored.at);
        let (accounts, of_users) = (accounts::all(tx)?, users::addresses(tx)?.into_iter().collect());
        Ok(World { config, accounts, of_users, filters: Filters::default(), signer, now, restored_at })
    }

    /// The same with the filters, for the import of mail.
    pub fn with_filters<'a>(tx: &Tx<'_>, config: &'a Config, now: Timestamp) -> Result<World<'a>> {
        Ok(World { filters: Filters::load(tx)?, ..World::load(tx, config, now)? })
    }

    /// Whether a mail of this moment came before the database was restored.
    pub fn is_before_restore(&self, sent_at: Timestamp) -> bool {
        self.restored_at.is_some_and(|restored_at| sent_at <= restored_at)
    }

    /// Whose address this is.
    pub fn user(&self, tx: &Tx<'_>, address: &str) -> Result<Option<User>> {
        if self.of_users.contains(address) { users::by_address(tx, address) } else { Ok(None) }
    }

    pub fn account(&self, id: i64) -> Result<&Account> {
        self.accounts.iter().find(|a| a.id == id).with_context(|| format!("account {id} is missing"))
    }

    /// Whether an address belongs to one of our accounts, plus forms included.
    pub fn is_own(&self, address: &str) -> bool {
        self.accounts.iter().any(|a| a.owns(address))
    }

    /// Whether an address belongs to a group account.
    pub fn is_of_group(&self, address: &str) -> bool {
        self.accounts.iter().any(|a| a.kind == AccountKind::Group && a.owns(address))
    }

    /// Whether an account names an address as one of a form.
    pub fn is_form_sender(&self, address: &str) -> bool {
        self.accounts.iter().any(|a| a.form_senders.iter().any(|form| form == address))
    }

    /// Whether an answer to all leaves an address out: that of a group account, whose mail it is, and that of a personal
    /// account which asks for it.
    pub fn is_left_out(&self, address: &str) -> bool {
        let leaves_out = |a: &&Account| a.kind == AccountKind::Group || a.personal.exclude_from_reply;
        self.accounts.iter().filter(leaves_out).any(|a| a.owns(address))
    }

    /// Whether a domain is one of ours: that of an account, unless a public provider gives addresses of it to everybody.
    pub fn is_own_domain(&self, domain: &str) -> bool {
        let of_account =
            |a: &Account| std::iter::once(&a.address).chain(&a.aliases).any(|own| address::domain(own) == domain);
        !domain.is_empty() && !providers::is_public(domain) && self.accounts.iter().any(of_account)
    }

    /// The active group account with create-case that has this address.
    pub fn case_account(&self, address: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|a| a.active && a.cases.create_case && a.kind == AccountKind::Group && a.owns(address))
    }

    /// The domain of our message ids: configured, else the account's own.
    pub fn message_id_domain<'b>(&'b self, account: &'b Account) -> &'b str {
        match &self.config.message_id_domain {
            Some(domain) => domain,
            None => address::domain(&account.address),
        }
    }

    /// The signed id that every mail of a case carries in References: it survives where a server replaces the
    /// Message-ID of what we send (B13.6).
    pub fn thread_id(&self, case: &Case, domain: &str) -> String {
        self.signer.sign(IdKind::Case, &case.key, [0; 8], domain)
    }

    /// Where answers to mail about a case go: the account's reply-to, else its address, with the signed tag of the
    /// case where the account has plus addressing (B4.4, B13.3).
    pub fn reply_address(&self, account: &Account, case: &Case) -> String {
        match (&account.sending.reply_to, account.cases.plus_addressing) {
            (Some(address), _) => address.clone(),
            (None, false) => account.address.clone(),
            (None, true) => address::with_tag(&account.address, &self.signer.plus_tag(&case.key)),
        }
    }

    /// The account that sends notices to our users: the configured one, else the one the case came by.
    pub fn system_account(&self, case_account: Option<i64>) -> Option<&Account> {
        let by_name = self.config.system_account.as_deref();
        let found = match by_name {
            Some(name) => self.accounts.iter().find(|a| a.name.eq_ignore_ascii_case(name)),
            None => self.accounts.iter().find(|a| Some(a.id) == case_account),
        };
        found.filter(|a| a.active && a.smtp.host.is_some())
    }

    /// The first group account that can send, for what concerns no account.
    pub fn any_sender(&self) -> Option<&Account> {
        self.accounts.iter().find(|a| a.active && a.kind == AccountKind::Group && a.smtp.host.is_some())
    }
}

/// The key of an email, for an id to be signed with; made when it is asked for first.
///
/// # Errors
/// The database, or no randomness.
pub fn email_key(tx: &Tx<'_>, email_id: i64) -> Result<String> {
    if let Some(key) = emails::key(tx, email_id)? {
        return Ok(key);
    }
    let key = message_id::new_key(random::bytes()?);
    emails::set_key(tx, email_id, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::db::{Store, seen};
    use crate::store::users::{NewUser, UserType};

    #[test]
    fn only_addresses_of_users_are_asked_about() {
        let (store, config, now) = (Store::for_test().unwrap(), Config::default(), Timestamp::UNIX_EPOCH);
        let addresses = ["ana@desk.example".to_owned()];
        let ana =
            NewUser { username: "ana", name: "Ana", user_type: UserType::Regular, login: "ana", addresses: &addresses };
        store.write(|tx| instance::create(tx, &[7; 32], now).and_then(|_| users::add(tx, &ana, now))).unwrap();
        store
            .read(|tx| {
                let world = World::load(tx, &config, now)?;
                let asked = |address: &str| {
                    let mut found = None;
                    let statements = seen::during(|| found = world.user(tx, address).unwrap());
                    (found.map(|user| user.username), statements.len())
                };
                assert_eq!(asked("ana@desk.example"), (Some("ana".to_owned()), 1));
                assert_eq!(asked("eva@elsewhere.example"), (None, 0));
                Ok(())
            })
            .unwrap();
    }
}
