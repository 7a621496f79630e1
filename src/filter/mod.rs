//! Filters (B10): what they look at, what they do, and which of them decides about a message.
//!
//! Pure: a message and rows of the store go in, a verdict comes out with the names of those that matched and why.
//! The file of this name in `intake` asks and acts. Everything here is linear in the length of the message: `glob` cuts
//! patterns at their stars, `expression` bounds what regular expressions cost, `look` what is looked at.

pub mod action;
mod condition;
mod expression;
mod fold;
mod glob;
mod holes;
mod look;
mod pattern;
pub mod sieve;

pub use condition::{Condition, FIELDS, Field, Finding};
pub use glob::escape;
pub use look::Look;

use crate::store::filters::{Action, ActionKind, Filter, Scope};

/// A filter that is ready to be asked.
#[derive(Clone)]
pub struct Rule {
    /// The row.
    pub filter: Filter,
    /// Its conditions in their order.
    pub conditions: Vec<Condition>,
    /// The same by number, what costs least first.
    order: Vec<usize>,
}

impl Rule {
    /// Reads the conditions of a stored filter.
    ///
    /// # Errors
    /// They were written by another program.
    pub fn new(filter: Filter) -> Result<Rule, String> {
        let conditions = filter.conditions.lines().map(Condition::stored).collect::<Result<Vec<_>, _>>();
        let conditions = conditions.map_err(|e| format!("filter {}: {e}", filter.name))?;
        let mut order: Vec<usize> = (0..conditions.len()).collect();
        order.sort_by_key(|at| conditions.get(*at).map(Condition::reads_text));
        Ok(Rule { filter, conditions, order })
    }

    /// Whether all conditions hold.
    pub fn matches(&self, look: &Look<'_>) -> bool {
        !self.order.is_empty() && self.order.iter().filter_map(|at| self.conditions.get(*at)).all(|c| c.holds(look))
    }

    /// The filter and the conditions that matched, for reasons.
    fn described(&self) -> String {
        let conditions: Vec<String> = self.conditions.iter().map(Condition::to_string).collect();
        let actions: Vec<String> = self.filter.actions.iter().map(Action::to_string).collect();
        format!("\"{}\" matched ({}): {}", self.filter.name, conditions.join(" and "), actions.join(", "))
    }
}

/// What the filters asked about a message say.
#[derive(Clone, Default)]
pub struct Verdict<'r> {
    /// Those that matched, in the order they were asked; only the last does not continue.
    pub matched: Vec<&'r Rule>,
    /// How many were asked.
    pub asked: usize,
}

/// Asks filters in their order: the first match decides unless it continues (B10.4).
pub fn judge<'r>(rules: impl Iterator<Item = &'r Rule>, look: &Look<'_>) -> Verdict<'r> {
    let mut verdict = Verdict::default();
    for rule in rules.filter(|rule| rule.filter.active) {
        verdict.asked += 1;
        if rule.matches(look) {
            verdict.matched.push(rule);
            if !rule.filter.continues {
                break;
            }
        }
    }
    verdict
}

impl<'r> Verdict<'r> {
    /// The first action of a kind with the filter that asks for it: what an earlier one decided stays.
    pub fn first(&self, kind: ActionKind) -> Option<(&'r Filter, &'r Action)> {
        self.all(kind).next()
    }

    /// Every action of a kind with the filter that asks for it.
    pub fn all(&self, kind: ActionKind) -> impl Iterator<Item = (&'r Filter, &'r Action)> {
        let actions = |rule: &&'r Rule| {
            let filter = &rule.filter;
            filter.actions.iter().map(move |action| (filter, action))
        };
        self.matched.iter().flat_map(actions).filter(move |(_, action)| action.kind == kind)
    }

    /// Which matched and what they do, in one line; nothing where none was asked.
    pub fn reason(&self) -> Option<String> {
        match (self.asked, self.matched.as_slice()) {
            (0, _) => None,
            (asked, []) => Some(format!("none of {asked} matched")),
            (_, matched) => Some(matched.iter().map(|rule| rule.described()).collect::<Vec<_>>().join("; ")),
        }
    }
}

/// Whether a filter is asked about mail that an account delivers (B10.1).
pub fn concerns(scope: Scope, account_id: i64) -> bool {
    scope == Scope::Global || scope == Scope::Account(account_id)
}

#[cfg(test)]
mod tests;
