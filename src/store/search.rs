//! Conditions of lists as SQL: what a query asks for, in the same statement as the access condition.
//!
//! The text of a statement is made of the literals below and numbers of parameters only; text that somebody wrote is a
//! parameter. What the full-text index is asked for is [`wanted`], which [`full_text`] puts for the engine.

pub mod index;

mod cases;
mod emails;
mod folders;
mod full_text;
mod outbox;
#[cfg(test)]
mod tests;
mod wanted;

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::cases::Priority;
use super::db::{Tx, Value};
use super::label::labels;
use super::sight::Sight;
use crate::query::{Field, Pace, Tree, Words};
use crate::words;
pub(super) use cases::case_condition;
pub(super) use emails::{Source, email_source};
pub(super) use folders::lies_in;
pub use folders::{Named, Place};
use full_text::FullText;
pub(super) use outbox::outbox_condition;

/// Maximum number of groups of a number that is typed with blanks.
const GROUPS: usize = 12;

/// A term of a query with everything looked up.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Words of the full text.
    Words(Words),
    /// A number in groups with blanks between them: its words in any place, or the number in another form.
    Number(String),
    /// Before this moment.
    Before(Timestamp),
    /// At this moment or later.
    Since(Timestamp),
    /// An open case of which this is true, by this moment.
    Pace(Pace, Timestamp),
    /// A text field holds this, in any case.
    Holds(Field, String),
    /// In this status, by its label.
    Status(&'static str),
    /// A letter on its way out that waits for its time, which comes after this moment; of a case: with such a letter.
    Scheduled(Timestamp),
    /// A letter on its way out whose time came by this moment.
    Sending(Timestamp),
    /// A case of this priority.
    Priority(Priority),
    /// Whose case it is.
    Assignee(Assignee),
    Team(i64),
    Account(i64),
    /// This case, by id.
    Case(i64),
    /// A case with this tag, or an email of one.
    Tag(String),
    State(CaseState),
    /// Unverified mail that waits for a decision.
    Unverified,
    /// An email this user has not read.
    UnreadBy(i64),
    /// With an attachment that is not part of the text.
    Attachment,
    /// Where it lies for this user; `None` has no copies of their own.
    Place(Place, Option<i64>),
    Folder(Named),
}

/// Whose a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignee {
    User(i64),
    Nobody,
    /// Of somebody in a team of this user.
    TeamOf(i64),
}

labels! {
    /// What `is:` says of a case.
    pub enum CaseState {
        /// Neither Closed, Rejected nor Duplicate.
        Open = "open",
        /// One of these.
        Closed = "closed",
        /// Nobody has it.
        Unassigned = "unassigned",
        /// Open, and the customer waits for us.
        Waiting = "waiting",
        /// With unverified mail that waits for a decision.
        Unverified = "unverified",
        /// Our last answer did not reach the customer.
        Undelivered = "undelivered",
        /// Pending until a moment.
        Snoozed = "snoozed",
    }
}

/// Values of a statement, of which the first is [`Sight::parameter`], through whose eyes it reads, and how the engine has
/// the full-text index.
pub(super) struct Bound<'a, 't> {
    pub(super) values: Vec<Value>,
    pub(super) tx: &'a Tx<'t>,
    sight: Sight,
    full_text: &'static FullText,
}

impl<'a, 't> Bound<'a, 't> {
    pub(super) fn new(tx: &'a Tx<'t>, sight: Sight) -> Bound<'a, 't> {
        Bound { values: vec![sight.parameter().into()], tx, sight, full_text: full_text::of(tx.dialect()) }
    }

    /// Adds a value; its place in the statement.
    pub(super) fn add(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
}

/// A tree as one condition; `one` makes that of a term.
fn condition(
    tree: &Tree<Test>,
    bound: &mut Bound,
    one: &dyn Fn(&Test, &mut Bound) -> Result<String>,
) -> Result<String> {
    let mut joined = |parts: &[Tree<Test>], by: &str, of_none: &str| {
        let parts = parts.iter().map(|part| condition(part, bound, one)).collect::<Result<Vec<_>>>()?;
        Ok(if parts.is_empty() { of_none.to_owned() } else { format!("({})", parts.join(by)) })
    };
    match tree {
        Tree::All(parts) => joined(parts, " AND ", "TRUE"),
        Tree::Any(parts) => joined(parts, " OR ", "FALSE"),
        // A term may be NULL, such as the company of a case without one.
        Tree::Not(part) => Ok(format!("({} IS NOT TRUE)", condition(part, bound, one)?)),
        Tree::Is(test) => Ok(format!("({})", one(test, bound)?)),
    }
}

/// A tree in which words that make a number together, as in `DE89 3704 0044 …` without quotes, are that number.
pub fn with_numbers(tree: Tree<Test>) -> Tree<Test> {
    match tree {
        Tree::All(parts) => {
            let mut parts: Vec<_> = parts.into_iter().map(with_numbers).collect();
            let mut at = 0;
            while at < parts.len() {
                let rest = parts.get(at..).unwrap_or_default();
                let texts: Vec<&str> = rest.iter().take(GROUPS).map_while(bare_word).collect();
                let fits =
                    (2..=texts.len()).rev().find(|n| words::is_number(&texts.get(..*n).unwrap_or_default().join(" ")));
                if let Some(number) = fits.and_then(|n| texts.get(..n)) {
                    let (end, number) = (at + number.len(), Tree::Is(Test::Number(number.join(" "))));
                    parts.splice(at..end, [number]);
                }
                at += 1;
            }
            Tree::All(parts)
        }
        Tree::Any(parts) => Tree::Any(parts.into_iter().map(with_numbers).collect()),
        Tree::Not(part) => Tree::Not(Box::new(with_numbers(*part))),
        tree @ Tree::Is(_) => tree,
    }
}

/// A word that was not put into quotes.
fn bare_word(tree: &Tree<Test>) -> Option<&str> {
    match tree {
        Tree::Is(Test::Words(Words { text, begins: false })) if !text.contains(' ') => Some(text),
        _ => None,
    }
}

fn unfit(test: &Test) -> Result<String> {
    bail!("{test:?} does not fit this list")
}
