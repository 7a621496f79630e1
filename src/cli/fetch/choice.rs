//! Which accounts a `fetch` is about.

use anyhow::Result;

use super::{FetchArgs, KindFilter};
use crate::cli::context::{self, Context};
use crate::error;
use crate::intake::fetch;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::{Store, Tx};
use crate::store::users::{self, User};

/// The database, and the accounts to be polled.
pub struct Chosen {
    pub store: Store,
    pub accounts: Vec<Account>,
    /// The ids of those that the actor does not know of.
    pub unknown: Vec<i64>,
}

/// Opens the database and chooses the accounts.
///
/// # Errors
/// The database cannot be opened, or an account that was named is not there or cannot be fetched.
pub fn choose(args: &FetchArgs, ctx: &Context) -> Result<Chosen> {
    let store = ctx.unlogged_store()?;
    let (accounts, unknown) = store.read(|tx| {
        let actor = ctx.actor(tx)?;
        let mut accounts = fetch::pollable(tx)?;
        if !args.accounts.is_empty() {
            for name in &args.accounts {
                let account = context::known_account(tx, &actor, name)?;
                if !accounts.iter().any(|a| a.id == account.id) {
                    return Err(unfetchable(tx, &account)?);
                }
            }
            accounts.retain(|a| args.accounts.iter().any(|name| name.eq_ignore_ascii_case(&a.name)));
        }
        accounts.retain(|a| match args.kind {
            KindFilter::All => true,
            KindFilter::Group => a.kind == AccountKind::Group,
            KindFilter::Personal => a.kind == AccountKind::Personal,
        });
        let mut unknown = Vec::new();
        for account in &accounts {
            if !actor.knows_account(tx, account)? {
                unknown.push(account.id);
            }
        }
        Ok((accounts, unknown))
    })?;
    Ok(Chosen { store, accounts, unknown })
}

/// Why an account is not fetched.
fn unfetchable(tx: &Tx<'_>, account: &Account) -> Result<anyhow::Error> {
    let name = &account.name;
    let owner = account.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let (why, hint) = match owner.filter(|owner| !owner.active) {
        _ if !account.active => ("it is disabled".to_owned(), format!("espomail account enable {name}")),
        Some(User { username, .. }) => {
            (format!("its owner {username} is disabled"), format!("espomail user enable {username}"))
        }
        None => ("it has no IMAP server".to_owned(), format!("espomail account edit {name} --imap HOST")),
    };
    Ok(error::data(format!("account {name} cannot be fetched: {why}")).hint(hint).into())
}
