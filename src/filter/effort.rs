//! What all filters together may cost on one message, and how it is shared out (promise S6).
//!
//! The measure is a *step*, about a nanosecond on an old processor, counted and never timed: the same filters and the same
//! message give the same verdict on every machine, on every day, in `filter test` as when the message came. What a filter
//! may spend depends on the filters that there are, not on what those before it have spent; so nobody's filters can use up
//! what others need, and one filter may be asked alone.
//!
//! Everybody's filters, those of one account and those of users have each their own store of steps, and each user has an
//! equal part of the last. Within a store every pattern gets a part by its kind. One that has spent its part finds nothing
//! more, and its condition does not hold, also not the contrary of it: such a filter does nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Rule;
use super::budget::{self, Steps};
use super::pattern::Pattern;
use crate::store::filters::Scope;

/// What the patterns of one scope may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Store {
    /// To be made, once for a batch.
    pub making: Steps,
    /// To be searched for, on each message.
    pub searching: Steps,
}

const GLOBAL: Store = Store { making: 14_000_000, searching: budget::GLOBAL };
/// Of each: a message comes by one.
const ACCOUNT: Store = Store { making: 4_000_000, searching: 6_000_000 };
/// Of all together.
const USERS: Store = Store { making: 8_000_000, searching: 10_000_000 };

impl Store {
    fn of(scope: Scope, users: u64) -> Store {
        match scope {
            Scope::Global => GLOBAL,
            Scope::Account(_) => ACCOUNT,
            Scope::User(_) => {
                let users = users.max(1);
                Store { making: USERS.making / users, searching: USERS.searching / users }
            }
        }
    }
}

/// What the active patterns of a scope take.
#[derive(Default, Clone, Copy)]
struct Taken {
    making: Steps,
    weight: u64,
}

/// Gives every pattern its part. `rules` are all there are, in their order: where the store does not suffice to make all
/// of them, the later ones are too large.
pub(super) fn share_out(rules: &mut [Rule]) {
    let user = |rule: &Rule| if let Scope::User(id) = rule.filter.scope { Some(id) } else { None };
    let users = rules.iter().filter(|rule| rule.filter.active).filter_map(user).collect::<BTreeSet<_>>().len() as u64;
    let mut taken: BTreeMap<Scope, Taken> = BTreeMap::new();
    for rule in rules.iter_mut().filter(|rule| rule.filter.active) {
        let (scope, store) = (rule.filter.scope, Store::of(rule.filter.scope, users));
        let taken = taken.entry(scope).or_default();
        rule.patterns_mut().for_each(|pattern| take(pattern, store, taken));
    }
    for rule in rules {
        let store = Store::of(rule.filter.scope, users);
        let mut taken = taken.get(&rule.filter.scope).copied().unwrap_or_default();
        if !rule.filter.active {
            // As if it were switched on.
            rule.patterns_mut().for_each(|pattern| take(pattern, store, &mut taken));
        }
        let each = store.searching / taken.weight.max(1);
        rule.patterns_mut().filter(|pattern| !pattern.is_too_large()).for_each(|pattern| pattern.allow(each));
    }
}

/// Takes the making of a pattern out of the store, or refuses it.
fn take(pattern: &mut Pattern, store: Store, taken: &mut Taken) {
    let making = taken.making.saturating_add(pattern.making());
    if making > store.making {
        pattern.refuse();
    } else {
        taken.making = making;
        taken.weight += pattern.weight();
    }
}
