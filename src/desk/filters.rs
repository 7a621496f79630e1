//! What filters may not be beside the others.

use anyhow::Result;

use crate::error;
use crate::filter::{self, Rule};
use crate::store::accounts::{self, AccountKind};
use crate::store::db::Tx;
use crate::store::filters::{self, Filter, Scope};

/// Names are unique among the global and group accounts' ones, and among those of a user or of a personal account: its
/// owner learns no other names by trying.
pub fn taken_by(tx: &Tx<'_>, filter: &Filter) -> Result<Option<Filter>> {
    let accounts = accounts::all(tx)?;
    let is_group = |id| accounts.iter().any(|account| account.id == id && account.kind == AccountKind::Group);
    let space = |filter: &Filter| match filter.scope {
        Scope::Account(id) if is_group(id) => Scope::Global,
        Scope::Global | Scope::Account(_) | Scope::User(_) => filter.scope,
    };
    let same = |other: &Filter| space(other) == space(filter) && other.name.eq_ignore_ascii_case(&filter.name);
    Ok(filters::all(tx)?.into_iter().find(|other| other.id != filter.id && same(other)))
}

/// Refuses an active filter whose regular expressions take too long to compile in addition to those of the others: it would never
/// be asked. What is refused has been written already, and goes with the transaction.
///
/// # Errors
/// One line that names the field.
pub fn refuse_too_large(tx: &Tx<'_>, field: &str, ids: &[i64]) -> Result<()> {
    let rules = filter::ready(filters::all(tx)?).map_err(anyhow::Error::msg)?;
    let is_refused = |rule: &&Rule| rule.filter.active && rule.is_too_large() && ids.contains(&rule.filter.id);
    rules.iter().find(is_refused).map_or(Ok(()), |rule| {
        let name = &rule.filter.name;
        let text =
            format!("{field}: the regular expression of {name} is too large in addition to those of the other filters");
        Err(error::data(text).hint("repeat less in it, or disable another: espomail filter list").into())
    })
}
