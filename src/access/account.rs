//! Who may have an account, with which addresses and which secrets (B1.2, B11.1).

use anyhow::Result;

use super::Actor;
use crate::error;
use crate::store::accounts::{self, Account, Server};
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::sight::Sight;
use crate::store::users::{self, User};

/// Refuses a further personal account of this owner.
///
/// # Errors
/// Exit 77 where the actor may not add it; the owner has as many as `limit` allows.
pub fn permit_personal(tx: &Tx<'_>, actor: &Actor, owner: &User, limit: u32) -> Result<()> {
    match Some(owner.id) == actor.user_id() {
        true => actor.require_some(Permission::PersonalAccount)?,
        false => actor.require_admin(&format!("account add --user {}", owner.username))?,
    }
    let name = &owner.username;
    if accounts::count_of_user(tx, owner.id)? >= limit {
        return Err(error::data(format!("--user: {name} has {limit} personal accounts already, which is the limit"))
            .hint("change one with `espomail account edit`; the limit is max_personal_accounts in the configuration")
            .into());
    }
    Ok(())
}

/// Refuses the address of another user. What a user writes here becomes one of our addresses, so that only administrators
/// may write one that is not known to be theirs; one that it has had, `old`, is nobody's fault who changes something else.
///
/// # Errors
/// Names the address.
pub fn check_addresses(tx: &Tx<'_>, actor: &Actor, old: Option<&Account>, account: &Account) -> Result<()> {
    let Some(owner) = account.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten() else {
        return refuse_address_of_user(tx, old, account);
    };
    for address in std::iter::once(&account.address).chain(&account.aliases) {
        if owner.addresses.contains(address) {
            continue;
        }
        let had = old.is_some_and(|old| old.address == *address || old.aliases.contains(address));
        if actor.sight() != Sight::Everything {
            if had {
                continue;
            }
            return Err(error::data(format!("--address: {address} is not one of your addresses"))
                .hint("an administrator adds it: espomail user edit USER --email ADDRESS")
                .into());
        }
        if let Some(user) = users::by_address(tx, address)? {
            return Err(error::data(format!("--address: {address} belongs to {}", user.username)).into());
        }
    }
    Ok(())
}

/// A group account has no address of a person, to whom notices would go there, and whose mail would not be known as theirs.
/// One that it has already stays.
fn refuse_address_of_user(tx: &Tx<'_>, old: Option<&Account>, account: &Account) -> Result<()> {
    for address in std::iter::once(&account.address).chain(&account.aliases) {
        if old.is_some_and(|old| old.owns(address)) {
            continue;
        }
        if let Some(user) = users::by_address(tx, address)? {
            let name = user.username;
            return Err(error::data(format!(
                "--address: {address} is the address of user {name}, to which notices go"
            ))
            .hint(format!("for a mailbox of one person: --kind personal --user {name}"))
            .into());
        }
    }
    Ok(())
}

/// Refuses an address that another account has.
///
/// # Errors
/// Names the other account to those who know of it.
pub fn refuse_taken(tx: &Tx<'_>, actor: &Actor, account: &Account) -> Result<()> {
    for other in accounts::all(tx)? {
        let shared = std::iter::once(&account.address).chain(&account.aliases).find(|a| other.owns(a));
        let Some(address) = shared.filter(|_| other.id != account.id) else { continue };
        if !actor.knows_account(tx, &other)? {
            return Err(unusable("--address", address));
        }
        return Err(error::data(format!("--address: {address} belongs to account {}", other.name)).into());
    }
    Ok(())
}

/// Refuses a name or address that something has which the actor does not know of: neither what it is nor whose.
pub fn unusable(field: &str, name: &str) -> anyhow::Error {
    error::data(format!("{field}: \"{name}\" cannot be used")).hint("choose another, or ask an administrator").into()
}

/// Refuses to send a secret that the caller does not know to another server: one that root gave by reference stays with
/// the servers it was given for.
///
/// # Errors
/// Exit 77, naming the flag.
pub fn check_secrets(old: &Account, new: &Account) -> Result<()> {
    let goes_to = |account: &Account| {
        let to = |server: &Server, pins: &str| (server.host.clone(), server.port, server.tls, pins.to_owned());
        [
            ("--imap", account.imap.secret.clone(), to(&account.imap, &account.imap.pins)),
            ("--smtp", account.smtp_login().1.to_owned(), to(&account.smtp, account.smtp_pins())),
        ]
    };
    for ((flag, secret, from), (_, now, to)) in goes_to(old).into_iter().zip(goes_to(new)) {
        if !secret.is_empty() && secret != "stdin" && secret == now && from != to {
            return Err(error::noperm(format!("{flag}: the secret of this account was given for its present server"))
                .hint("give one for the new server: --secret stdin < FILE")
                .into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::accounts::AccountKind;

    #[test]
    fn a_secret_by_reference_stays_with_its_server() {
        let mut old = Account::new("ana-mail", AccountKind::Personal, "2026-01-01T00:00:00Z".parse().unwrap());
        old.imap.host = Some("imap.example".into());
        old.smtp.host = Some("smtp.example".into());
        old.imap.secret = "file:/etc/espomail/ana".into();
        let elsewhere = |change: fn(&mut Account)| {
            let mut new = old.clone();
            change(&mut new);
            check_secrets(&old, &new).map_err(|e| format!("{e:#}").split(':').next().unwrap_or_default().to_owned())
        };
        assert_eq!(elsewhere(|a| a.imap.host = Some("evil.example".into())), Err("--imap".into()));
        assert_eq!(elsewhere(|a| a.imap.port = 1143), Err("--imap".into()));
        assert_eq!(elsewhere(|a| a.imap.tls = crate::store::accounts::Tls::None), Err("--imap".into()));
        assert_eq!(elsewhere(|a| a.smtp.host = Some("evil.example".into())), Err("--smtp".into()));
        assert_eq!(elsewhere(|a| a.imap.pins = "cert:ab".into()), Err("--imap".into()));
        assert_eq!(elsewhere(|a| a.smtp.pins = "cert:ab".into()), Err("--smtp".into()));
        assert_eq!(elsewhere(|a| a.aliases = vec!["b@c.example".into()]), Ok(()));
        let with_own = |a: &mut Account| {
            a.imap.host = Some("evil.example".into());
            a.imap.secret = "stdin".into();
        };
        assert_eq!(elsewhere(with_own), Ok(()));
    }
}
