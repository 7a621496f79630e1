//! Whose mail a filter is about, and who may see and change it (B10.1).

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use super::form::Form;
use crate::access::Actor;
use crate::cli::context;
use crate::error;
use crate::filter::{self, Rule};
use crate::store::accounts::{self, AccountKind};
use crate::store::db::Tx;
use crate::store::filters::{self, Filter, Scope};
use crate::store::sight::Sight;
use crate::store::users;

const ACCOUNTS: &str = "see `espomail account list`";

/// Reads `global`, `account:NAME` or `user:NAME`, as far as the actor may make filters there.
///
/// # Errors
/// It is none, or not the actor's to decide.
pub fn read(tx: &Tx<'_>, actor: &Actor, form: Form, text: &str) -> Result<Scope> {
    let field = form.field("scope");
    match text.split_once(':') {
        None if text == "global" => {
            actor.require_admin(&format!("{field} global"))?;
            Ok(Scope::Global)
        }
        Some(("account", name)) => {
            let missing = || error::data(format!("{field}: there is no account \"{name}\""));
            let account = accounts::by_name(tx, name)?.ok_or_else(|| missing().hint(ACCOUNTS))?;
            if !actor.knows_account(tx, &account)? {
                return Err(missing().hint(ACCOUNTS).into());
            }
            let scope = Scope::Account(account.id);
            if !is_of(actor, scope, account.user_id.filter(|_| account.kind == AccountKind::Personal)) {
                actor.require_admin(&format!("{field} account:{}, a group account", account.name))?;
            }
            Ok(scope)
        }
        Some(("user", name)) => {
            let user = context::user_or_me(tx, actor, &field, name)?;
            match is_of(actor, Scope::User(user.id), None) {
                true => Ok(Scope::User(user.id)),
                false => Err(error::noperm(format!("{field}: the filters of {name} are theirs"))
                    .hint("yours: user:@me")
                    .into()),
            }
        }
        _ => Err(error::usage(format!("{field}: \"{text}\" is not a scope"))
            .hint("write it as global, account:NAME or user:NAME")
            .into()),
    }
}

/// The scope as it is typed.
pub fn write(tx: &Tx<'_>, scope: Scope) -> Result<String> {
    Ok(match scope {
        Scope::Global => "global".to_owned(),
        Scope::Account(id) => {
            format!("account:{}", accounts::by_id(tx, id)?.context("the account of a filter vanished")?.name)
        }
        Scope::User(id) => format!("user:{}", users::by_id(tx, id)?.context("the user of a filter vanished")?.username),
    })
}

/// The filters that the actor may see and change, in the order in which they are asked: administrators all, users their
/// own and those of accounts they own.
pub fn visible(tx: &Tx<'_>, actor: &Actor) -> Result<Vec<Filter>> {
    let personal: Vec<(i64, Option<i64>)> =
        accounts::all(tx)?.iter().filter(|a| a.kind == AccountKind::Personal).map(|a| (a.id, a.user_id)).collect();
    let owner = |scope| personal.iter().find(|(id, _)| scope == Scope::Account(*id)).and_then(|(_, owner)| *owner);
    Ok(filters::all(tx)?.into_iter().filter(|filter| is_of(actor, filter.scope, owner(filter.scope))).collect())
}

/// The same ready to be asked: what each may cost depends also on those that the actor may not see.
pub fn rules(tx: &Tx<'_>, actor: &Actor) -> Result<Vec<Rule>> {
    let visible: BTreeSet<i64> = visible(tx, actor)?.iter().map(|filter| filter.id).collect();
    let mut rules = filter::ready(filters::all(tx)?).map_err(anyhow::Error::msg)?;
    rules.retain(|rule| visible.contains(&rule.filter.id));
    Ok(rules)
}

/// Whether a filter is the actor's to see; `owner` is that of the personal account it is about.
fn is_of(actor: &Actor, scope: Scope, owner: Option<i64>) -> bool {
    match (actor.sight(), scope) {
        (Sight::Everything, _) => true,
        (Sight::User(..), Scope::Global) => false,
        (Sight::User(id, _), Scope::Account(_)) => owner == Some(id),
        (Sight::User(id, _), Scope::User(user)) => id == user,
    }
}

/// A filter by name or id, as far as it may be seen; of several of that name the actor's own.
pub fn find(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Filter> {
    let mut visible = visible(tx, actor)?;
    visible.retain(|filter| filter.name.eq_ignore_ascii_case(name) || filter.id.to_string() == name);
    let own = |filter: &Filter| actor.user_id().is_some_and(|id| filter.scope == Scope::User(id));
    if visible.len() > 1 && visible.iter().any(own) {
        visible.retain(own);
    }
    let ids: Vec<String> = visible.iter().map(|filter| filter.id.to_string()).collect();
    match visible.pop() {
        Some(filter) if ids.len() == 1 => Ok(filter),
        Some(_) => Err(error::data(format!("there are {} filters \"{name}\"", ids.len()))
            .hint(format!("name it by its id: {}", ids.join(", ")))
            .into()),
        None => Err(error::data(format!("there is no filter \"{name}\"")).hint("see `espomail filter list`").into()),
    }
}
