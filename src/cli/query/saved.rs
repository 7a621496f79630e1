//! Saved searches by name, for queries that say `@NAME`.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::Actor;
use crate::cli::context::Context;
use crate::dates::Clock;
use crate::error;
use crate::query::{self, Field, Reading, Term, Tree};
use crate::store::db::Tx;
use crate::store::searches::{self, Search};
use crate::suggest;

/// A search by name: one of the actor's own, else a shared one that they can use.
///
/// # Errors
/// There is none; names the nearest one.
pub fn find(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Search> {
    let seen = searches::list(tx, actor.user_id(), actor.sight())?;
    if let Some(found) = seen.iter().find(|search| is_called(search, name)) {
        return Ok(found.clone());
    }
    let shown: String = name.chars().take(50).collect();
    let near = suggest::nearest(&shown, seen.iter().map(|search| search.name.as_str()), 2);
    let near = near.map(|name| format!("; did you mean @{name}?")).unwrap_or_default();
    Err(error::data(format!("there is no saved search \"{shown}\"{near}"))
        .hint("see `espomail search list`; put a word that begins with @ into quotes")
        .into())
}

/// A tree with what its saved searches stand for.
pub fn expanded(tx: &Tx<'_>, actor: &Actor, tree: Tree<Term>, reading: &Reading<'_>) -> Result<Tree<Term>> {
    query::expand(tree, &mut |name| {
        let search = find(tx, actor, name)?;
        query::parse(&search.query, reading).with_context(|| format!("search @{}", search.name))
    })
}

/// Refuses a saved search that leads back to itself or names one that is not there.
///
/// # Errors
/// What is wrong with it.
pub fn check(tx: &Tx<'_>, actor: &Actor, name: &str, ctx: &Context) -> Result<()> {
    let reading = Reading { fields: Field::ALL, clock: ctx.clock() };
    expanded(tx, actor, Tree::Is(Term::Saved(name.to_owned())), &reading).map(drop)
}

/// The saved searches that a query names, as far as it can be read.
pub fn names(text: &str) -> Vec<String> {
    let clock = Clock { now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC };
    let mut names = Vec::new();
    if let Ok(tree) = query::parse(text, &Reading { fields: Field::ALL, clock }) {
        let _ = tree.try_map(&mut |term| {
            if let Term::Saved(name) = term {
                names.push(name);
            }
            Ok::<(), ()>(())
        });
    }
    names
}

/// Whether this is the name of a search, in any case.
pub fn is_called(search: &Search, name: &str) -> bool {
    same(&search.name, name)
}

/// Whether two names are the same.
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
