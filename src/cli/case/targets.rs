//! The cases that a command changes: by their numbers, all of them or none, or those that a query finds, each by itself.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use super::list;
use super::read::COLUMNS;
use crate::access::{self, Actor};
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::cli::query::{self, Noun};
use crate::desk;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseQuery, CaseRow};
use crate::store::db::{self, Tx};
use crate::store::records::{self, Parent};
use crate::store::sight::Object;
use crate::store::users;
use crate::ui::outcome::{Deed, Thing};

/// `--query`
#[derive(Debug, Args)]
pub struct ByQuery {
    /// Instead of numbers: all cases that `case list QUERY` finds and that you can change
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
}

/// Case numbers, or a query.
#[derive(Debug, Args)]
pub struct Numbers {
    /// Case numbers
    #[arg(value_name = "N", required_unless_present = "query", conflicts_with = "query", value_parser = case_number)]
    pub numbers: Vec<i64>,
    #[command(flatten)]
    pub by: ByQuery,
}

impl Numbers {
    /// The cases that are meant; `None` = there is nothing to do. `what` is done is asked for a query: `Close {}`.
    pub fn choose(&self, ctx: &Context, what: &str) -> Result<Option<Chosen>> {
        match &self.by.query {
            Some(query) => found(ctx, query, what),
            None => Ok(Some(Chosen { numbers: self.numbers.clone(), is_found: false })),
        }
    }
}

/// The words of a command that has other words after the numbers.
pub struct Words<'a> {
    numbers: Vec<i64>,
    query: Option<&'a str>,
    /// What follows the numbers.
    pub rest: &'a [String],
}

impl<'a> Words<'a> {
    /// Numbers come first, unless a query stands for them. `order` is an example of the right order.
    ///
    /// # Errors
    /// There are no numbers and no query, or both.
    pub fn split(words: &'a [String], by: &'a ByQuery, order: &str) -> Result<Words<'a>> {
        let count = words.iter().take_while(|word| case_number(word).is_ok()).count();
        let (numbers, rest) = words.split_at_checked(count).unwrap_or((words, &[]));
        let numbers: Vec<i64> = numbers.iter().filter_map(|word| case_number(word).ok()).collect();
        let fault = match (numbers.is_empty(), &by.query) {
            (true, None) => "case: name a case by its number, or cases with --query",
            (false, Some(_)) => "--query: cannot be together with case numbers",
            _ => return Ok(Words { numbers, query: by.query.as_deref(), rest }),
        };
        Err(Fault::new(Kind::Usage, fault).hint(order).into())
    }

    /// As [`Numbers::choose`].
    pub fn choose(&self, ctx: &Context, what: &str) -> Result<Option<Chosen>> {
        match self.query {
            Some(query) => found(ctx, query, what),
            None => Ok(Some(Chosen { numbers: self.numbers.clone(), is_found: false })),
        }
    }
}

/// The cases that a command is about.
pub struct Chosen {
    pub numbers: Vec<i64>,
    /// By a query: the user was asked.
    is_found: bool,
}

impl Chosen {
    /// Cases that were named.
    pub fn named(numbers: &[i64]) -> Chosen {
        Chosen { numbers: numbers.to_vec(), is_found: false }
    }
}

/// The cases that a query finds and the actor can change, after a question; with a dry run they are listed.
fn found(ctx: &Context, text: &str, what: &str) -> Result<Option<Chosen>> {
    // A script whose variable is empty must not change everything.
    if text.trim().is_empty() {
        return Err(error::usage("--query: the query is empty").hint("for all open cases: --query is:open").into());
    }
    let asked = query::read(&[text.to_owned()], Noun::Case, ctx)?;
    let (rows, left) = ctx.read(|tx, actor| {
        let condition = query::resolve(tx, actor, &asked, list::usual_state(&asked))?;
        let query = CaseQuery { condition, sort: None, limit: None };
        let all = cases::list(tx, &query, actor.sight())?;
        let count = all.len();
        let rows: Vec<CaseRow> = all.into_iter().filter(|row| can_change(tx, actor, &row.case)).collect();
        let left = count - rows.len();
        Ok((rows, left))
    })?;
    if left > 0 && rows.is_empty() {
        let text = format!("you cannot change the {} that the query finds", counted(left));
        return Err(Fault::new(Kind::NoPerm, text).hint("espomail role explain USER case-edit case/N says why").into());
    }
    if left > 0 {
        ctx.ui.note(&format!(
            "{} left out: you cannot change {}",
            counted(left),
            if left == 1 { "it" } else { "them" }
        ));
    }
    if rows.is_empty() {
        ctx.ui.nothing("There is no such case.")?;
        return Ok(None);
    }
    let question = what.replace("{}", &matching(rows.len(), text.trim()));
    if ctx.dry_run {
        ctx.ui.list("cases", COLUMNS, &rows)?;
        ctx.ui.note(&format!("dry run, nothing changed; without --dry-run it would ask: {question}"));
        return Ok(None);
    }
    ctx.confirm(&question)?;
    Ok(Some(Chosen { numbers: rows.iter().map(|row| row.case.number).collect(), is_found: true }))
}

fn can_change(tx: &Tx<'_>, actor: &Actor, case: &Case) -> bool {
    case.merged_into_id.is_none() && actor.require_edit(tx, Object::Record(Parent::case(case.id))).is_ok()
}

fn matching(count: usize, query: &str) -> String {
    format!("{} that {} {query}", counted(count), if count == 1 { "matches" } else { "match" })
}

fn counted(count: usize) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}

/// Number of found cases that are changed in one transaction.
const PART: usize = 100;

/// Does the same with every case, and says what was done to the case of a number.
///
/// # Errors
/// Of named cases the first error, and then none is changed. Of found ones exit 1 at the end: each error is told with its case.
pub fn each(
    ctx: &Context,
    cases: &Chosen,
    what: impl Fn(i64) -> String,
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    let deed = |number: i64| Deed::new(Thing::case(number), format!("case #{number} {}", what(number)));
    if !cases.is_found {
        let notes = ctx.write(|tx, actor| {
            let world = World::load(tx, &ctx.config, ctx.now())?;
            let mut notes = Vec::new();
            for number in &cases.numbers {
                notes.extend(one(tx, &world, actor, *number, &work)?);
            }
            Ok(notes)
        })?;
        ctx.done_each(cases.numbers.iter().map(|number| deed(*number)).collect())?;
        notes.iter().for_each(|note| ctx.ui.note(note));
        return Ok(());
    }
    let (mut deeds, mut notes, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = cases.numbers.as_slice();
    while !rest.is_empty() {
        let outcomes = ctx.write(|tx, actor| {
            let world = World::load(tx, &ctx.config, ctx.now())?;
            let mut outcomes = Vec::new();
            for number in rest.iter().take(PART).take_while(|_| tx.has_room()) {
                let outcome = tx.savepoint(|tx| one(tx, &world, actor, *number, &work));
                match outcome {
                    Err(error) if db::is_fatal(&error) => return Err(error),
                    outcome => outcomes.push((*number, outcome)),
                }
            }
            Ok(outcomes)
        })?;
        rest = rest.get(outcomes.len()..).unwrap_or_default();
        for (number, outcome) in outcomes {
            match outcome {
                Ok(more) => {
                    deeds.push(deed(number));
                    notes.extend(more);
                }
                Err(error) => failed.push(error),
            }
        }
    }
    let is_whole = failed.is_empty();
    if !deeds.is_empty() {
        ctx.done_each(deeds)?;
    }
    notes.iter().for_each(|note| ctx.ui.note(note));
    for error in failed {
        ctx.ui.warn(&format!("{error:#}"));
        error::classify(&error).1.iter().for_each(|hint| ctx.ui.hint(hint));
    }
    if is_whole { Ok(()) } else { Err(context::told(Kind::Partial)) }
}

/// Does it with one case; what is to be said besides.
fn one(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    number: i64,
    work: &impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<Vec<String>> {
    let case = find_to_edit(tx, actor, number)?;
    desk::refuse_merged(tx, actor, &case)?;
    work(tx, world, actor, &case)?;
    out_of_sight(tx, actor, &case)
}

/// Says of a case that was given away or to somebody where the actor, or who has it now, does not see it.
fn out_of_sight(tx: &Tx<'_>, actor: &Actor, before: &Case) -> Result<Vec<String>> {
    let (number, case) = (before.number, Parent::case(before.id));
    let mut notes = Vec::new();
    if !records::exists(tx, case, actor.sight())? {
        notes.push(format!("you cannot see case #{number} any more: your roles do not show it to you"));
    }
    let assignee = cases::by_id(tx, before.id)?.and_then(|case| case.assigned_user_id);
    let new = assignee.filter(|_| assignee != before.assigned_user_id).map(|id| users::by_id(tx, id)).transpose()?;
    if let Some(user) = new.flatten()
        && !records::exists(tx, case, access::sight_of(&user))?
    {
        notes.push(format!("{} cannot read case #{number}: their roles do not let them", user.username));
    }
    Ok(notes)
}
