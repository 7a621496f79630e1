//! `role explain`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::value::permissions;
use crate::access::{self, Actor, Answer, Subject};
use crate::cli::context::{self, Context};
use crate::error;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::parent::ParentType;
use crate::store::permissions::{About, Permission};
use crate::store::sight::Object;
use crate::store::users::User;
use crate::ui::cell::{Cell, Column, head, unlisted};

/// `role explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// User; @me is you
    user: String,
    /// Permission, see `espomail role grant --help`
    permission: String,
    /// case/N, email/ID, company/ID, contact/ID, lead/ID, opportunity/ID, account:NAME or user:NAME
    object: Option<String>,
}

/// An answer with what was asked.
pub struct Listed {
    permission: Permission,
    answer: Answer,
    user: (i64, String),
    object: Option<(&'static str, i64)>,
}

/// Fields of an answer in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("permission", head("PERMISSION"), |one, _| Cell::text(one.permission.as_str())),
    Column::new("answer", head("ANSWER"), |one, _| Cell::text(if one.answer.allowed { "yes" } else { "no" })),
    Column::new("level", head("LEVEL"), |one, _| Cell::text(one.answer.level.as_str())),
    Column::new("by", head("BY").shrinking(), |one, _| Cell::words(&one.answer.by)),
    Column::new("why", head("WHY").wrapping(), |one, _| Cell::text(&one.answer.why)),
    Column::new("user", unlisted(), |one, _| Cell::user(one.user.0, &one.user.1)),
    Column::new("allowed", unlisted(), |one, _| Cell::bool(one.answer.allowed)),
    Column::new("object", unlisted(), |one, _| {
        one.object.map_or_else(Cell::none, |(kind, id)| Cell::object(json!({"type": kind, "id": id}), kind))
    }),
];

/// What was named.
enum Named {
    Object(Object),
    Account(Box<Account>),
    User(User),
}

impl Named {
    /// Type and id, of a case its number, as it was typed.
    fn object(&self, typed: &str) -> (&'static str, i64) {
        match self {
            Named::Object(Object::Email(id)) => ("email", *id),
            Named::Object(Object::Record(parent)) if parent.kind == ParentType::Case => {
                let number = typed.rsplit(['/', '#']).next().and_then(|number| number.parse().ok());
                (parent.kind.as_str(), number.unwrap_or_default())
            }
            Named::Object(Object::Record(parent)) => (parent.kind.as_str(), parent.id),
            Named::Account(account) => ("account", account.id),
            Named::User(user) => ("user", user.id),
        }
    }
}

/// Runs `role explain`. Others than oneself are for administrators to ask about.
pub fn run(args: &Explain, ctx: &Context) -> Result<()> {
    let permissions = permissions(&args.permission)?;
    let rows = ctx.read(|tx, actor| {
        let user = context::user_or_me(tx, actor, "user", &args.user)?;
        if actor.user_id() != Some(user.id) {
            actor.require_admin("role explain for another user")?;
        }
        let named = args.object.as_deref().map(|text| named(tx, actor, text)).transpose()?;
        let one = |permission: &Permission| row(tx, &user, *permission, named.as_ref(), args);
        permissions.iter().map(one).collect::<Result<Vec<_>>>()
    })?;
    ctx.ui.list("answers", COLUMNS, &rows)
}

fn row(tx: &Tx<'_>, user: &User, permission: Permission, named: Option<&Named>, args: &Explain) -> Result<Listed> {
    if named.is_some_and(|named| !fits(permission, named)) {
        return Err(error::usage(format!("{permission} is not about {}", args.object.as_deref().unwrap_or("")))
            .hint(format!("it is about {}; or leave it out", wanted(permission)))
            .into());
    }
    let subject = named.map(|named| match named {
        Named::Object(object) => Subject::Object(*object),
        Named::Account(account) => Subject::Account(account),
        Named::User(user) => Subject::User(user),
    });
    let answer = access::explain(tx, user, permission, subject)?;
    let object = named.map(|named| named.object(args.object.as_deref().unwrap_or_default()));
    Ok(Listed { permission, answer, user: (user.id, user.username.clone()), object })
}

/// What is named, if the asking user can see it.
fn named(tx: &Tx<'_>, actor: &Actor, text: &str) -> Result<Named> {
    if let Some(name) = text.strip_prefix("account:") {
        return context::known_account(tx, actor, name).map(|account| Named::Account(Box::new(account)));
    }
    if let Some(name) = text.strip_prefix("user:") {
        return context::user_or_me(tx, actor, "user", name).map(Named::User);
    }
    if let Some(id) = text.strip_prefix("email/").and_then(|id| id.parse().ok()) {
        context::email(tx, actor, id)?;
        return Ok(Named::Object(Object::Email(id)));
    }
    let reference = context::record_ref("role explain", text).map_err(|_| {
        error::usage(format!("\"{text}\" is not an object"))
            .hint("write it as case/12, contact/3, email/9131, account:support or user:ana")
    })?;
    Ok(Named::Object(Object::Record(context::record(tx, actor, reference)?)))
}

fn fits(permission: Permission, named: &Named) -> bool {
    match (permission.about(), named) {
        (About::Emails, Named::Object(Object::Email(_))) => true,
        (About::Cases, Named::Object(Object::Record(parent))) => parent.kind == ParentType::Case,
        (About::Records, Named::Object(Object::Record(parent))) => parent.kind != ParentType::Case,
        (About::Accounts(kind), Named::Account(account)) => account.kind == kind,
        (About::Users, Named::User(_)) => true,
        (About::Emails | About::Cases | About::Records | About::Accounts(_) | About::Users, _) => false,
    }
}

fn wanted(permission: Permission) -> &'static str {
    match permission.about() {
        About::Cases => "case/N",
        About::Records => "company/ID, contact/ID, lead/ID or opportunity/ID",
        About::Emails => "email/ID",
        About::Users => "user:NAME",
        About::Accounts(AccountKind::Group) => "account:NAME of a group account",
        About::Accounts(AccountKind::Personal) => "account:NAME of a personal account",
    }
}
