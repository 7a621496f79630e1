//! The QUERY of lists: read, and what its terms name looked up.

pub mod saved;

use std::str::FromStr;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::case_number;
use super::context::{self, Context};
use crate::access::Actor;
use crate::error;
use crate::query::{self, Field, Reading, Term, Tree};
use crate::store::cases::{CaseStatus, read_tag};
use crate::store::db::Tx;
use crate::store::emails::{EmailStatus, SCHEDULED};
use crate::store::label::{self, UnknownLabel};
use crate::store::outbox::OutboxState;
use crate::store::search::{self, Assignee, Named, Place, Test, index};
use crate::ui::progress::Progress;

/// What `--help` of lists says of queries.
pub const HELP: &str = "Queries:
  All conditions must hold; OR, parentheses and - (not) join them otherwise.
  invoice  invoic*  \"over due\"   words of the full text
  from:  to:  cc:  subject:  body:  attachment:  company:   a part, in upper or lower case
  status:  team:  tag:  account:  case:N  assignee:USER (@me, @none, @team)
  before:2026-12-24  after:monday  older:7d  newer:\"2 weeks ago\"  has:attachment
  status:scheduled   a letter that is to be sent later; a case with one
  Cases (open ones, unless status: or is: is named):
          is:open|closed|unassigned|waiting|unverified|undelivered|snoozed
          priority:  type:  contact:  waiting:2d (the customer, for longer than that)
          us:14d (we wait)  idle:30d (no mail either way)  due:2d (set aside until then)
  Emails: is:unread|unverified  folder:inbox|important|sent|drafts|archive|trash|all|NAME
  @NAME   a saved search (espomail search add)
  A query that begins with - goes after --; more in `espomail man query`.";

/// What a list has rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// Cases.
    Case,
    /// Emails.
    Email,
    /// Rows of the outbox.
    Outbox,
}

impl Noun {
    const ALL: [Noun; 3] = [Noun::Case, Noun::Email, Noun::Outbox];

    fn fields(self) -> &'static [Field] {
        match self {
            Noun::Case => Field::CASES,
            Noun::Email => Field::EMAILS,
            Noun::Outbox => Field::OUTBOX,
        }
    }
}

/// A query that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    noun: Noun,
    tree: Tree<Term>,
    now: Timestamp,
}

impl Query {
    /// Whether it names one of these fields.
    pub fn names(&self, fields: &[Field]) -> bool {
        self.tree.has(&|term| matches!(term, Term::Value(field, _) if fields.contains(field)))
    }
}

/// Reads the words of a query. If the full text is asked for, everything is indexed first, so that nothing is missed.
pub fn read(words: &[String], noun: Noun, ctx: &Context) -> Result<Query> {
    let fields = noun.fields();
    let now = ctx.now();
    let reading = Reading { fields, clock: ctx.clock() };
    let tree = query::parse(&words.join(" "), &reading)?;
    let tree = match tree.has(&|term| matches!(term, Term::Saved(_))) {
        true => ctx.read(|tx, actor| saved::expanded(tx, actor, tree, &reading))?,
        false => tree,
    };
    if tree.has(&|term| matches!(term, Term::Words(_))) {
        if noun == Noun::Outbox {
            let text = "the query: words of the text cannot be looked for in the outbox";
            return Err(error::usage(text).hint("write what is looked for as subject:invoice or to:eva").into());
        }
        complete(ctx).context("cannot bring the full-text index up to date")?;
    }
    Ok(Query { noun, tree, now })
}

/// Refuses a text that no list understands.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str, ctx: &Context) -> Result<()> {
    let read = |fields| query::parse(text, &Reading { fields, clock: ctx.clock() });
    read(Field::ALL)?;
    match Noun::ALL.iter().any(|noun| read(noun.fields()).is_ok()) {
        true => Ok(()),
        false => Ok(read(Field::CASES).map(drop)?),
    }
}

/// Indexes what is missing. After a new release that may be everything: then a line says how far it is.
fn complete(ctx: &Context) -> Result<()> {
    let store = ctx.unlogged_store()?;
    let mut progress = Progress::of_index(!ctx.ui.quiet, store.read(index::missing)?);
    index::fill_telling(&store, &|| true, &mut |added| progress.advance(added, 0))
}

/// Looks up what a query names; more conditions by flags are `and`ed.
pub fn resolve(tx: &Tx<'_>, actor: &Actor, query: &Query, and: Vec<Test>) -> Result<Tree<Test>> {
    let tree = query.tree.clone().try_map(&mut |term| match term {
        Term::Words(words) => Ok(Test::Words(words)),
        Term::Saved(name) => Err(error::data(format!("the query: @{name} was not looked up")).into()),
        Term::Before(moment) => Ok(Test::Before(moment)),
        Term::Since(moment) => Ok(Test::Since(moment)),
        Term::Pace(pace, moment) => Ok(Test::Pace(pace, moment)),
        Term::Value(Field::Status, value) => status(query, &value),
        Term::Value(field, value) => named(tx, actor, query.noun, field, value),
    })?;
    let tree = search::with_numbers(tree);
    if and.is_empty() {
        return Ok(tree);
    }
    let mut all: Vec<_> = and.into_iter().map(Tree::Is).collect();
    match tree {
        Tree::All(parts) => all.extend(parts),
        tree => all.push(tree),
    }
    Ok(Tree::All(all))
}

/// A case by its number, as far as it may be seen.
pub fn case(tx: &Tx<'_>, actor: &Actor, number: i64) -> Result<Test> {
    let case = context::case(tx, actor, number)?;
    Ok(Test::Case(case.id))
}

/// A folder that everybody has, else one of the actor's own, else a group folder that they see.
pub fn folder(tx: &Tx<'_>, actor: &Actor, field: &str, name: &str) -> Result<Test> {
    if let Ok(place) = name.parse::<Place>() {
        let viewer = match place {
            Place::Archive | Place::Trash | Place::Junk | Place::All => actor.user_id(),
            _ => Some(actor.require_user(&format!("{field} {place}"))?.id),
        };
        return Ok(Test::Place(place, viewer));
    }
    let folder = context::folder(tx, actor, field, name)?;
    Ok(Test::Folder(match folder.user_id {
        Some(_) => Named::Personal(folder.id),
        None => Named::Group(folder.id),
    }))
}

/// What is stored as a status, and the word for a letter that waits for its time.
fn status(query: &Query, value: &str) -> Result<Test> {
    let scheduled = Test::Scheduled(query.now);
    let known = match query.noun {
        Noun::Case => label::or_word(value, SCHEDULED).map(|s| s.map(|s: CaseStatus| Test::Status(s.as_str()))),
        Noun::Outbox => label::or_word(value, SCHEDULED).map(|s| s.map(|s: OutboxState| Test::Status(s.as_str()))),
        Noun::Email => label::or_word(value, SCHEDULED).map(|status| {
            status.map(|status: EmailStatus| match status {
                EmailStatus::Sending => Test::Sending(query.now),
                status => Test::Status(status.as_str()),
            })
        }),
    };
    known.map(|test| test.unwrap_or(scheduled)).map_err(|e| unknown(Field::Status, value, &e))
}

fn named(tx: &Tx<'_>, actor: &Actor, noun: Noun, field: Field, value: String) -> Result<Test> {
    Ok(match field {
        Field::Priority => Test::Priority(label(field, &value)?),
        Field::Assignee => Test::Assignee(assignee(tx, actor, &word(field, &value), &value)?),
        Field::Team => Test::Team(context::team(tx, &value)?.id),
        Field::Account => Test::Account(context::known_account(tx, actor, &value)?.id),
        Field::Case => case(tx, actor, case_number(&value).map_err(|e| error::usage(format!("case: {e}")))?)?,
        Field::Tag => {
            let tag = read_tag(&value).map_err(|e| error::usage(format!("tag: {e}")))?;
            Test::Tag(tag)
        }
        Field::State => match noun {
            Noun::Case => Test::State(label(field, &value)?),
            Noun::Email | Noun::Outbox => {
                if value.eq_ignore_ascii_case("unverified") {
                    return Ok(Test::Unverified);
                }
                only(field, &value, &["unread", "unverified"])?;
                Test::UnreadBy(actor.require_user("is:unread")?.id)
            }
        },
        Field::Folder => folder(tx, actor, "folder", &value)?,
        Field::Has => {
            only(field, &value, &["attachment"])?;
            Test::Attachment
        }
        _ => Test::Holds(field, value),
    })
}

/// A user, `@none`, `@me` or `@team`; `field` is what an error names.
pub fn assignee(tx: &Tx<'_>, actor: &Actor, field: &str, name: &str) -> Result<Assignee> {
    Ok(match name {
        "@none" => Assignee::Nobody,
        "@me" => Assignee::User(actor.require_user(field)?.id),
        "@team" => Assignee::TeamOf(actor.require_user(field)?.id),
        name => Assignee::User(context::user(tx, name)?.id),
    })
}

fn label<T: FromStr<Err = UnknownLabel>>(field: Field, value: &str) -> Result<T> {
    value.parse().map_err(|e| unknown(field, value, &e))
}

fn unknown(field: Field, value: &str, e: &UnknownLabel) -> anyhow::Error {
    error::usage(format!("{}: {e}", word(field, value))).into()
}

fn only(field: Field, value: &str, known: &[&str]) -> Result<()> {
    if known.iter().any(|known| value.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let known: Vec<String> = known.iter().map(|known| format!("{}:{known}", field.name())).collect();
    Err(error::usage(format!("{}: must be {}", word(field, value), known.join(" or "))).into())
}

/// A condition as it was written.
fn word(field: Field, value: &str) -> String {
    format!("{}:{}", field.name(), value.chars().take(40).collect::<String>())
}
