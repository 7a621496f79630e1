//! Asks the filters about a message and does what they say (B3.3, B3.6, B10).
//!
//! Those for everybody are asked before the message is stored, by [`super::steps`]; a user's about what comes into the
//! user's inbox, as soon as it is there, so that nobody is told of mail that they do not want to hear of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::world::World;
use crate::filter::{Look, Verdict};
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, AccountKind};
use crate::store::cases::Priority;
use crate::store::db::Tx;
use crate::store::deliveries;
use crate::store::emails;
use crate::store::filters::{self, Action, ActionKind, Filter};

/// What filters say about one message while it is imported.
pub struct Filtered<'a> {
    /// The message as conditions see it.
    look: Look<'a>,
    /// What the global ones and those of the account say.
    verdict: Verdict<'a>,
    /// Whose filters have been asked, or whose inbox had it before.
    done: RefCell<BTreeSet<i64>>,
    /// Who is not told of it, as far as it was asked: each user's filters are asked once.
    silent: RefCell<BTreeMap<i64, bool>>,
}

impl<'a> Filtered<'a> {
    /// Asks the filters of everybody about a message of a given size in bytes.
    pub fn ask(world: &'a World<'_>, account_id: i64, message: &'a Reading, size: u64) -> Filtered<'a> {
        let look = Look::new(message, size);
        let verdict = world.filters.on_account(account_id, &look);
        Filtered { look, verdict, done: RefCell::default(), silent: RefCell::default() }
    }

    /// Asks nobody: history is kept as it is.
    pub fn unasked(message: &'a Reading) -> Filtered<'a> {
        Filtered {
            look: Look::new(message, 0),
            verdict: Verdict::default(),
            done: RefCell::default(),
            silent: RefCell::default(),
        }
    }

    /// Counts the message for those that matched; in the transaction that settles it.
    pub fn count(&self, tx: &Tx<'_>, world: &World<'_>) -> Result<()> {
        self.verdict.matched.iter().try_for_each(|rule| filters::hit(tx, rule.filter.id, world.now))
    }

    /// The filter that keeps the message out, if one does.
    pub fn skipped(&self) -> Option<&Filter> {
        self.verdict.first(ActionKind::Skip).map(|(filter, _)| filter)
    }

    /// Why the message opens no case.
    pub fn no_case(&self) -> Option<String> {
        self.verdict.first(ActionKind::NoCase).map(|(filter, _)| named(filter))
    }

    /// Why it gets no automatic reply.
    pub fn no_auto_reply(&self) -> Option<String> {
        self.verdict.first(ActionKind::NoAutoReply).map(|(filter, _)| named(filter))
    }

    /// The priority of the case it opens.
    pub fn priority(&self) -> Option<Priority> {
        self.verdict.first(ActionKind::Priority).and_then(|(_, action)| action.value.parse().ok())
    }

    /// The type of the case it opens.
    pub fn case_type(&self) -> &str {
        self.verdict.first(ActionKind::Type).map_or("", |(_, action)| &action.value)
    }

    /// Tags of the case it opens or joins, each with the filter that says so.
    pub fn tags(&self) -> impl Iterator<Item = (String, &str)> {
        self.verdict.all(ActionKind::Tag).map(|(filter, action)| (named(filter), action.value.as_str()))
    }

    /// Who gets the case it opens, by id, and why.
    pub fn assignee(&self) -> Option<(i64, String)> {
        let (filter, action) = self.verdict.first(ActionKind::Assign)?;
        Some((action.target?, named(filter)))
    }

    /// Teams that see it and the case it opens.
    pub fn team_ids(&self) -> Vec<i64> {
        self.verdict.all(ActionKind::Team).filter_map(|(_, action)| action.target).collect()
    }

    /// Records the verdict, and gives the message to the teams and the group folder it is meant for, unless the account
    /// has delivered it before: what somebody has moved since stays there.
    pub fn place(
        &self,
        tx: &Tx<'_>,
        world: &World<'_>,
        account_id: i64,
        delivery_id: i64,
        email_id: i64,
    ) -> Result<()> {
        if let Some(reason) = self.verdict.reason() {
            emails::decide(tx, email_id, &step_of_account(world.account(account_id)?), &reason, world.now)?;
        }
        if self.verdict.matched.is_empty() || deliveries::has_delivered(tx, account_id, email_id, delivery_id)? {
            return Ok(());
        }
        for team_id in self.team_ids() {
            emails::add_team(tx, email_id, team_id)?;
        }
        match self.verdict.first(ActionKind::Folder).and_then(|(_, action)| action.target) {
            Some(folder_id) => emails::put_into_group_folder(tx, email_id, Some(folder_id)),
            None => Ok(()),
        }
    }

    /// A user who has the email already has sorted it, or had it sorted.
    pub fn leave_alone(&self, user_ids: Vec<i64>) {
        self.done.borrow_mut().extend(user_ids);
    }

    /// Asks the filters of every user who has it in the inbox since the last time (B3.6).
    pub fn sort_inboxes(&self, tx: &Tx<'_>, world: &World<'_>, email_id: i64) -> Result<()> {
        if !world.filters.has_users() {
            return Ok(());
        }
        for user_id in emails::inboxes(tx, email_id)? {
            if self.done.borrow_mut().insert(user_id) && world.filters.has_any_of(user_id) {
                let verdict = world.filters.on_inbox(user_id, &self.look);
                self.silent.borrow_mut().insert(user_id, silences(&verdict));
                self.sort(tx, world, email_id, user_id, &verdict)?;
            }
        }
        Ok(())
    }

    fn sort(&self, tx: &Tx<'_>, world: &World<'_>, email_id: i64, user_id: i64, verdict: &Verdict<'_>) -> Result<()> {
        let says = !(verdict.matched.is_empty() && verdict.cut_off.is_empty());
        let Some(reason) = verdict.reason().filter(|_| says) else { return Ok(()) };
        verdict.matched.iter().try_for_each(|rule| filters::hit(tx, rule.filter.id, world.now))?;
        emails::decide(tx, email_id, &step_of(user_id), &reason, world.now)?;
        let actions = verdict.matched.iter().flat_map(|rule| &rule.filter.actions);
        act(tx, email_id, user_id, actions)
    }

    /// Whether a user's filters keep mail of this kind from them, or at least the news of it (B7.2).
    pub fn silences(&self, world: &World<'_>, user_id: i64) -> bool {
        let mut silent = self.silent.borrow_mut();
        *silent.entry(user_id).or_insert_with(|| silences(&world.filters.on_inbox(user_id, &self.look)))
    }
}

fn silences(verdict: &Verdict<'_>) -> bool {
    verdict.first(ActionKind::NoNotification).or(verdict.first(ActionKind::Skip)).is_some()
}

/// Does what a user's filters say with the user's copy.
pub fn act<'f>(tx: &Tx<'_>, email_id: i64, user_id: i64, actions: impl Iterator<Item = &'f Action>) -> Result<()> {
    let mut moved = false;
    for Action { kind, target, .. } in actions {
        match kind {
            ActionKind::Folder if !std::mem::replace(&mut moved, true) => {
                emails::move_to(tx, email_id, user_id, *target)?;
            }
            ActionKind::Skip => emails::set_trash(tx, email_id, user_id, true)?,
            ActionKind::Read => emails::set_read(tx, email_id, user_id, true)?,
            ActionKind::Important => emails::set_important(tx, email_id, user_id, true)?,
            _ => {}
        }
    }
    Ok(())
}

/// The decision about a user's inbox, which is nobody else's business.
const STEP: &str = "filter:";
/// The same of a personal account.
const PERSONAL_STEP: &str = "filter of account:";

fn step_of(user_id: i64) -> String {
    format!("{STEP}{user_id}")
}

/// The decision about mail that an account delivers. What the filters of a personal one decided, as an email that came by
/// others as well tells it, is its owner's business (B6.1).
fn step_of_account(account: &Account) -> String {
    match account.kind {
        AccountKind::Personal => format!("{PERSONAL_STEP}{}", account.id),
        AccountKind::Group => "filter".to_owned(),
    }
}

/// The personal account whose mail a decision is about, by id.
pub fn account_of_step(step: &str) -> Option<i64> {
    step.strip_prefix(PERSONAL_STEP)?.parse().ok()
}

/// The user whose filters took a decision, by id.
pub fn user_of_step(step: &str) -> Option<i64> {
    step.strip_prefix(STEP)?.parse().ok()
}

/// What a ledger row and a reason call a filter.
pub fn named(filter: &Filter) -> String {
    format!("filter {}", filter.name)
}
