//! `filter test`: what every filter makes of one message, and why.

use anyhow::Result;
use clap::Args;

use super::scope;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::email;
use crate::filter::{Answer, Condition, Finding, Look, Rule};
use crate::intake::answered;
use crate::mail::reading::Reading;
use crate::store::db::Tx;
use crate::store::deliveries;
use crate::store::emails::{self, EmailStatus};
use crate::store::filters::{ActionKind, Scope};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// `filter test`
#[derive(Debug, Args)]
pub struct Test {
    /// Email id, or a message file (a name with a dot or slash)
    #[arg(value_name = "FILE|EMAIL", value_hint = clap::ValueHint::FilePath)]
    message: String,
    /// Treat it as delivered by this account (default: the accounts that delivered it; for a file: all)
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

/// A condition and what a filter that has it makes of the message.
pub struct Listed {
    id: i64,
    filter: String,
    scope: String,
    result: String,
    condition: String,
    finding: Finding,
    actions: Vec<String>,
}

/// Fields of one judged condition in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("filter", head("FILTER").shrinking(), |one, _| Cell::named(one.id, &one.filter)),
    Column::new("scope", head("SCOPE"), |one, _| Cell::text(&one.scope)),
    Column::new("result", head("RESULT"), |one, _| Cell::text(&one.result)),
    Column::new("condition", head("CONDITION").shrinking(), |one, _| Cell::text(&one.condition)),
    Column::new("holds", head("HOLDS"), |one, _| Cell::bool(one.finding.holds)),
    Column::new("why", head("WHY").wrapping(), |one, _| Cell::text(&one.finding.why)),
    Column::new("actions", unlisted(), |one, _| Cell::words(&one.actions)),
    Column::new("id", unlisted(), |one, _| Cell::int(one.id)),
];

/// One filter and what it makes of the message.
struct Judged {
    rule: Rule,
    scope: String,
    findings: Vec<Finding>,
    result: String,
}

pub fn run(args: &Test, ctx: &Context) -> Result<()> {
    let raw = email::source(&args.message, ctx)?;
    let mut message = Reading::parse(&raw);
    ctx.read(|tx, _| answered::look_up(tx, &mut message))?;
    let look = Look::new(&message, raw.len() as u64);
    let (judged, was_sent) = ctx.read(|tx, actor| {
        let accounts = accounts(tx, actor, args)?;
        Ok((judge(tx, actor, accounts.as_deref(), &look)?, is_sent(tx, actor, &args.message)?))
    })?;
    if was_sent {
        ctx.ui.note("This is mail that was sent or written here: filters are not asked about it.");
    }
    if ctx.ui.tells_people() {
        return ctx.ui.text(&shown(&judged));
    }
    let rows: Vec<Listed> = judged.into_iter().flat_map(listed).collect();
    ctx.ui.list("filter-test", COLUMNS, &rows)
}

/// Whether it is an email of the archive that did not come in.
fn is_sent(tx: &Tx<'_>, actor: &Actor, message: &str) -> Result<bool> {
    let Ok(id) = message.parse() else { return Ok(false) };
    Ok(emails::by_id(tx, id, actor.sight())?.is_some_and(|email| email.status != EmailStatus::Archived))
}

/// The accounts that delivered it, by id; `None` = it might be any.
fn accounts(tx: &Tx<'_>, actor: &Actor, args: &Test) -> Result<Option<Vec<i64>>> {
    if let Some(name) = &args.account {
        return Ok(Some(vec![context::known_account(tx, actor, name)?.id]));
    }
    let Ok(id) = args.message.parse() else { return Ok(None) };
    Ok(Some(deliveries::of_email(tx, id)?.iter().map(|delivery| delivery.account_id).collect()))
}

/// Judges the filters that might be asked, each for itself, and says which of those that match decides.
fn judge(tx: &Tx<'_>, actor: &Actor, accounts: Option<&[i64]>, look: &Look<'_>) -> Result<Vec<Judged>> {
    let mut judged: Vec<Judged> = Vec::new();
    for rule in scope::rules(tx, actor)? {
        let asked = match rule.filter.scope {
            Scope::Account(id) => accounts.is_none_or(|accounts| accounts.contains(&id)),
            Scope::Global | Scope::User(_) => true,
        };
        if !asked {
            continue;
        }
        let findings: Vec<Finding> = rule.conditions.iter().map(|condition| condition.judge(look)).collect();
        let result = match rule.answer(look) {
            Answer::No => "no match".to_owned(),
            Answer::CutOff => "cut off, so it does nothing".to_owned(),
            Answer::Matches if !rule.filter.active => "matches, but is disabled".to_owned(),
            Answer::Matches => before(&judged, rule.filter.scope)
                .map_or_else(|| "matches".to_owned(), |earlier| format!("matches, but {earlier} decided before")),
        };
        judged.push(Judged { scope: scope::write(tx, rule.filter.scope)?, rule, findings, result });
    }
    Ok(judged)
}

/// The filter that decided before one of this scope is asked.
fn before(judged: &[Judged], scope: Scope) -> Option<String> {
    let same_search = |earlier: Scope| match (earlier, scope) {
        (Scope::User(_), _) | (_, Scope::User(_)) => earlier == scope,
        (Scope::Account(one), Scope::Account(other)) => one == other,
        _ => true,
    };
    let skips = |rule: &Rule| rule.filter.actions.iter().any(|action| action.kind == ActionKind::Skip);
    let decides = |one: &&Judged| {
        let filter = &one.rule.filter;
        // What is not imported comes into no inbox.
        let keeps_out = skips(&one.rule) && filter.scope == Scope::Global;
        one.result == "matches" && !filter.continues && (same_search(filter.scope) || keeps_out)
    };
    judged.iter().find(decides).map(|one| one.rule.filter.name.clone())
}

fn shown(judged: &[Judged]) -> String {
    if judged.is_empty() {
        return "None of the filters that you can see would be asked.".to_owned();
    }
    let yes = |holds: bool| if holds { "yes" } else { "no" };
    let one = |one: &Judged| {
        let filter = &one.rule.filter;
        let actions: Vec<String> = filter.actions.iter().map(ToString::to_string).collect();
        let head = format!("{} ({}): {}; action: {}", filter.name, one.scope, one.result, actions.join(", "));
        let conditions = one.rule.conditions.iter().zip(&one.findings);
        let lines =
            conditions.map(|(condition, found)| format!("  {:3}  {condition}  {}", yes(found.holds), found.why));
        std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
    };
    judged.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn listed(one: Judged) -> Vec<Listed> {
    let filter = &one.rule.filter;
    let row = |(condition, finding): (&Condition, Finding)| Listed {
        id: filter.id,
        filter: filter.name.clone(),
        scope: one.scope.clone(),
        result: one.result.clone(),
        condition: condition.to_string(),
        finding,
        actions: filter.actions.iter().map(ToString::to_string).collect(),
    };
    one.rule.conditions.iter().zip(one.findings).map(row).collect()
}
