//! Filters (B10): what they look at, what they do, and which of them decides about a message.
//!
//! Pure: a message and rows of the store go in, a verdict comes out with the names of those that matched and why.
//! The file of this name in `intake` asks and acts. Everything here is linear in the length of the message: `glob` cuts
//! patterns at their stars, `lazy_dfa` runs regular expressions, `message_view` bounds what is looked at, and `effort` shares out what
//! all of them together may cost.

pub mod action;
mod budget;
mod condition;
mod effort;
mod fold;
mod glob;
mod lazy_dfa;
mod message_view;
mod pattern;
mod regex;
pub mod sieve;
mod size;
mod wildcard;

pub use condition::{Condition, FIELDS, Field, Finding};
pub use glob::escape;
pub use message_view::Look;

use pattern::Pattern;

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

/// What a filter says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// All conditions hold.
    Matches,
    /// One does not.
    No,
    /// One was given up before it was known, so nothing is done.
    CutOff,
}

/// Makes all filters there are ready to be asked: what each may cost depends on the others. They come in their order.
///
/// # Errors
/// A condition was written by another program.
pub fn ready(filters: Vec<Filter>) -> Result<Vec<Rule>, String> {
    let mut rules = filters.into_iter().map(Rule::new).collect::<Result<Vec<_>, _>>()?;
    effort::share_out(&mut rules);
    Ok(rules)
}

impl Rule {
    /// Reads the conditions of a stored filter, as if it were the only one.
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

    /// What it says about a message: the first condition that does not hold decides.
    pub fn answer(&self, look: &Look<'_>) -> Answer {
        let answers = self.order.iter().filter_map(|at| self.conditions.get(*at)).map(|c| c.answer(look));
        match answers.into_iter().find(|answer| *answer != Some(true)) {
            None if self.order.is_empty() => Answer::No,
            None => Answer::Matches,
            Some(Some(_)) => Answer::No,
            Some(None) => Answer::CutOff,
        }
    }

    /// Whether all conditions hold.
    pub fn matches(&self, look: &Look<'_>) -> bool {
        self.answer(look) == Answer::Matches
    }

    /// Whether a regular expression of it is too large in addition to those of the other filters: it never matches.
    pub fn is_too_large(&self) -> bool {
        self.conditions.iter().any(Condition::is_too_large)
    }

    /// Everything that is searched for.
    fn patterns_mut(&mut self) -> impl Iterator<Item = &mut Pattern> {
        self.conditions.iter_mut().flat_map(Condition::patterns_mut)
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
    /// Those that were given up before it was known whether they match.
    pub cut_off: Vec<&'r Rule>,
    /// How many were asked.
    pub asked: usize,
}

/// Asks filters in their order: the first match decides unless it continues (B10.4).
pub fn judge<'r>(rules: impl Iterator<Item = &'r Rule>, look: &Look<'_>) -> Verdict<'r> {
    let mut verdict = Verdict::default();
    for rule in rules.filter(|rule| rule.filter.active) {
        verdict.asked += 1;
        match rule.answer(look) {
            Answer::No => {}
            Answer::CutOff => verdict.cut_off.push(rule),
            Answer::Matches => {
                verdict.matched.push(rule);
                if !rule.filter.continues {
                    break;
                }
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

    /// Which matched and what they do, and which were cut off, in one line; nothing where none was asked.
    pub fn reason(&self) -> Option<String> {
        let said = match (self.asked, self.matched.as_slice()) {
            (0, _) => return None,
            (asked, []) => format!("none of {asked} matched"),
            (_, matched) => matched.iter().map(|rule| rule.described()).collect::<Vec<_>>().join("; "),
        };
        let mut names: Vec<&str> = self.cut_off.iter().take(NAMED).map(|rule| rule.filter.name.as_str()).collect();
        let more = format!("{} more", self.cut_off.len().saturating_sub(NAMED));
        names.extend((self.cut_off.len() > NAMED).then_some(more.as_str()));
        Some(if names.is_empty() { said } else { format!("{said}; cut off: {}", names.join(", ")) })
    }
}

/// Maximum number of those cut off that are named.
const NAMED: usize = 3;

/// Whether a filter is asked about mail that an account delivers (B10.1).
pub fn concerns(scope: Scope, account_id: i64) -> bool {
    scope == Scope::Global || scope == Scope::Account(account_id)
}

#[cfg(test)]
mod tests;
