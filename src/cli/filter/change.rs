//! Making, changing and ordering filters.

use anyhow::Result;
use clap::Args;

use super::form::Form;
use super::scope;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::filter::{Condition, action};
use crate::store::cases::Priority;
use crate::store::db::Tx;
use crate::store::filters::{self, Action, ActionKind, Filter, Scope};
use crate::store::folders;
use crate::ui::outcome::Thing;

/// `filter add`
#[derive(Debug, Args)]
pub struct Add {
    /// Name of the filter
    #[arg(value_name = "NAME")]
    name: String,
    /// Scope: global, account:NAME or user:NAME
    #[arg(long, value_name = "SCOPE")]
    scope: String,
    #[command(flatten)]
    what: What,
    /// Place it before this filter of the same scope
    #[arg(long, value_name = "NAME")]
    before: Option<String>,
    /// Continue with the next filters after a match
    #[arg(long = "continue")]
    continues: bool,
    /// For a filter of an account with --do none: ask it before the global filters
    #[arg(long)]
    over_global: bool,
}

/// What a filter looks at and does.
#[derive(Debug, Args)]
pub struct What {
    /// Condition that must hold; repeat it for several
    #[arg(long = "if", value_name = "FIELD=PATTERN")]
    conditions: Vec<String>,
    /// Condition that must not hold; repeat it for several
    #[arg(long = "not", value_name = "FIELD=PATTERN")]
    negated: Vec<String>,
    /// Action; repeat it for several
    #[arg(long = "do", value_name = "ACTION")]
    actions: Vec<String>,
}

/// `filter edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Filter, by name or id
    #[arg(value_name = "NAME")]
    filter: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    what: What,
    /// Continue with the next filters after a match
    #[arg(long = "continue", conflicts_with = "no_continue")]
    continues: bool,
    /// Stop at this filter when it matches
    #[arg(long)]
    no_continue: bool,
    /// For a filter of an account with --do none: ask it before the global filters
    #[arg(long, conflicts_with = "no_over_global")]
    over_global: bool,
    /// Ask it after the global filters
    #[arg(long)]
    no_over_global: bool,
}

/// `filter move`
#[derive(Debug, Args)]
pub struct Move {
    /// Filter, by name or id
    #[arg(value_name = "NAME")]
    filter: String,
    /// Move it before this filter of the same scope
    #[arg(long, value_name = "NAME", required_unless_present = "last", conflicts_with = "last")]
    before: Option<String>,
    /// Move it to the end of its scope
    #[arg(long)]
    last: bool,
}

/// A filter without id and hits, as somebody wrote it.
pub struct Written<'a> {
    /// Flags or a file.
    pub form: Form,
    /// Name.
    pub name: &'a str,
    /// Whose mail.
    pub scope: Scope,
    /// `FIELD=PATTERN` that must hold.
    pub conditions: &'a [String],
    /// And those that must not.
    pub negated: &'a [String],
    /// What it does.
    pub actions: &'a [String],
    /// The filters after it are asked although it matched.
    pub continues: bool,
    /// Asked before the global ones.
    pub over_global: bool,
}

/// Reads and checks a filter, and looks up what it names.
///
/// # Errors
/// One line that names the flag or the key.
pub fn build(tx: &Tx<'_>, actor: &Actor, written: &Written<'_>) -> Result<Filter> {
    let filter = Filter {
        id: 0,
        name: name("name", written.name)?,
        scope: written.scope,
        position: 0,
        over_global: written.over_global,
        continues: written.continues,
        active: true,
        conditions: conditions(written.form, written.conditions, written.negated)?,
        actions: actions(tx, actor, written.form, written.scope, written.actions)?,
        hits: 0,
        last_hit_at: None,
    };
    action::check(&filter).map_err(error::usage)?;
    Ok(filter)
}

/// What is a number is an id.
fn name(field: &str, given: &str) -> Result<String> {
    if !given.is_empty() && given.chars().all(|c| c.is_ascii_digit()) {
        return Err(error::usage(format!("{field}: a filter's name must not be a number")).into());
    }
    context::name(field, given)
}

fn conditions(form: Form, positive: &[String], negated: &[String]) -> Result<String> {
    let read = |key: &str, texts: &[String], negated: bool| {
        let field = form.field(key);
        let one = |text: &String| Condition::parse(text, negated).map_err(|e| error::usage(format!("{field}: {e}")));
        texts.iter().map(one).collect::<Result<Vec<_>, _>>()
    };
    let mut all = read("if", positive, false)?;
    all.extend(read("not", negated, true)?);
    Ok(all.iter().map(Condition::to_string).collect::<Vec<_>>().join("\n"))
}

fn actions(tx: &Tx<'_>, actor: &Actor, form: Form, scope: Scope, texts: &[String]) -> Result<Vec<Action>> {
    let field = form.field("do");
    texts
        .iter()
        .map(|text| {
            let action = action::parse(text, scope).map_err(|e| error::usage(format!("{field}: {e}")))?;
            resolve(tx, actor, &field, scope, action)
        })
        .collect()
}

/// Looks up the team, user or folder, which the actor must be allowed to give mail to.
fn resolve(tx: &Tx<'_>, actor: &Actor, field: &str, scope: Scope, action: Action) -> Result<Action> {
    let (value, target) = match action.kind {
        ActionKind::Team => {
            let team = context::team(tx, &action.value)?;
            if !actor.may_give_to(tx, team.id)? {
                return Err(error::noperm(format!(
                    "{field}: you cannot use team {}, because you are not in it",
                    team.name
                ))
                .into());
            }
            (team.name, Some(team.id))
        }
        ActionKind::Assign => {
            let user = context::user(tx, &action.value)?;
            if !user.active {
                return Err(error::data(format!("{field}: assign:{} is disabled and gets no cases", user.username))
                    .hint("name an active user; see `espomail user list`")
                    .into());
            }
            actor.require_assignable(tx, field, &user)?;
            (user.username, Some(user.id))
        }
        ActionKind::Folder => folder(tx, actor, field, scope, &action.value)?,
        ActionKind::Priority => {
            let priority: Priority =
                action.value.parse().map_err(|e| error::usage(format!("{field}: priority: {e}")))?;
            (priority.to_string(), None)
        }
        ActionKind::Skip
        | ActionKind::NoCase
        | ActionKind::NoAutoReply
        | ActionKind::Type
        | ActionKind::Tag
        | ActionKind::Read
        | ActionKind::NoNotification
        | ActionKind::Important
        | ActionKind::None => (action.value, None),
    };
    Ok(Action { value, target, ..action })
}

/// A folder of the user, or a group folder in which the actor works.
fn folder(tx: &Tx<'_>, actor: &Actor, field: &str, scope: Scope, name: &str) -> Result<(String, Option<i64>)> {
    let (found, what) = match scope {
        Scope::User(user_id) => (folders::personal(tx, user_id, name)?, "folder of the user"),
        Scope::Global | Scope::Account(_) => (folders::group(tx, name)?, "group folder"),
    };
    let may_use = |id| match (scope, actor.sight().parameter()) {
        (Scope::User(_), _) | (_, None) => Ok(true),
        (_, Some(user_id)) => folders::works_in(tx, user_id, id),
    };
    match found {
        Some(folder) if may_use(folder.id)? => Ok((folder.name, Some(folder.id))),
        _ => Err(error::data(format!("{field}: there is no {what} \"{name}\""))
            .hint("see `espomail folder list`")
            .into()),
    }
}

pub fn add(args: &Add, ctx: &Context) -> Result<()> {
    let id = ctx.write(|tx, actor| {
        let scope = scope::read(tx, actor, Form::Flags, &args.scope)?;
        let filter = build(
            tx,
            actor,
            &Written {
                form: Form::Flags,
                name: &args.name,
                scope,
                conditions: &args.what.conditions,
                negated: &args.what.negated,
                actions: &args.what.actions,
                continues: args.continues,
                over_global: args.over_global,
            },
        )?;
        refuse_taken(tx, "name", &filter)?;
        let before = args.before.as_deref().map(|name| neighbour(tx, actor, scope, name)).transpose()?;
        let id = filters::add(tx, &filter, ctx.now())?;
        if before.is_some() {
            filters::put(tx, id, before)?;
        }
        desk::filters::refuse_too_large(tx, "--if", &[id])?;
        Ok(id)
    })?;
    ctx.done(Thing::filter(id, &args.name), &format!("filter {} added", args.name))
}

fn refuse_taken(tx: &Tx<'_>, field: &str, filter: &Filter) -> Result<()> {
    desk::filters::taken_by(tx, filter)?.map_or(Ok(()), |other| Err(context::taken(field, &other.name)))
}

/// The id of another filter of the same scope.
fn neighbour(tx: &Tx<'_>, actor: &Actor, scope: Scope, name: &str) -> Result<i64> {
    let other = scope::find(tx, actor, name)?;
    if other.scope != scope {
        let text = format!("--before: {} has another scope, and filters are ordered within one", other.name);
        return Err(error::data(text).hint("see `espomail filter list`").into());
    }
    Ok(other.id)
}

pub fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let What { conditions: positive, negated, actions: wanted } = &args.what;
    let filter = ctx.write(|tx, actor| {
        let mut filter = scope::find(tx, actor, &args.filter)?;
        if let Some(given) = &args.name {
            filter.name = name("--name", given)?;
            refuse_taken(tx, "--name", &filter)?;
        }
        if !positive.is_empty() || !negated.is_empty() {
            filter.conditions = conditions(Form::Flags, positive, negated)?;
        }
        if !wanted.is_empty() {
            filter.actions = actions(tx, actor, Form::Flags, filter.scope, wanted)?;
        }
        filter.continues = (filter.continues || args.continues) && !args.no_continue;
        filter.over_global = (filter.over_global || args.over_global) && !args.no_over_global;
        action::check(&filter).map_err(error::usage)?;
        filters::update(tx, &filter)?;
        desk::filters::refuse_too_large(tx, "--if", &[filter.id])?;
        Ok(filter)
    })?;
    ctx.done(Thing::filter(filter.id, &filter.name), &format!("filter {} changed", args.filter))
}

pub fn delete(name: &str, ctx: &Context) -> Result<()> {
    ctx.read(|tx, actor| scope::find(tx, actor, name))?;
    ctx.confirm(&format!("Delete the filter {name}? What it did to mail stays."))?;
    let filter = ctx.write(|tx, actor| {
        let filter = scope::find(tx, actor, name)?;
        filters::delete(tx, filter.id)?;
        Ok(filter)
    })?;
    ctx.done(Thing::filter(filter.id, &filter.name), &format!("filter {name} deleted"))
}

pub fn switch(name: &str, active: bool, ctx: &Context) -> Result<()> {
    let filter = ctx.write(|tx, actor| {
        let filter = Filter { active, ..scope::find(tx, actor, name)? };
        filters::update(tx, &filter)?;
        desk::filters::refuse_too_large(tx, "name", &[filter.id])?;
        Ok(filter)
    })?;
    let what = if active { "enabled" } else { "disabled" };
    ctx.done(Thing::filter(filter.id, &filter.name), &format!("filter {name} {what}"))
}

pub fn put(args: &Move, ctx: &Context) -> Result<()> {
    let filter = ctx.write(|tx, actor| {
        let filter = scope::find(tx, actor, &args.filter)?;
        let before = args.before.as_deref().map(|name| neighbour(tx, actor, filter.scope, name)).transpose()?;
        if before == Some(filter.id) {
            return Err(error::usage("--before: a filter cannot be asked before itself").into());
        }
        filters::put(tx, filter.id, before)?;
        Ok(filter)
    })?;
    let place = args.before.as_ref().map_or_else(|| "last".to_owned(), |other| format!("before {other}"));
    ctx.done(Thing::filter(filter.id, &filter.name), &format!("filter {} is asked {place}", args.filter))
}
