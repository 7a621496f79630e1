//! `espomail user`: the people who see and answer.

mod name;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;

use super::context::{self, Context};
use super::text::Signature;
use crate::access::Actor;
use crate::caller::Standing;
use crate::error;
use crate::store::accounts;
use crate::store::db::Tx;
use crate::store::notifications::{self, ByEmail, NotificationKind, Setting};
use crate::store::roles;
use crate::store::teams;
use crate::store::users::{self, NewUser, User, UserType};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// Users
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user
    #[command(
        before_help = "Examples:\n  $ espomail user add ana --name 'Ana Putri' --email ana@example.org\n  $ espomail user add root --type admin --login root"
    )]
    Add(Add),
    /// List users
    #[command(visible_alias = "ls", before_help = "Examples:\n  $ espomail user list\n  $ espomail --json user list")]
    List,
    /// Show a user
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail user show ana\n  $ espomail --json user show ana"
    )]
    Show(Name),
    /// Change a user
    #[command(
        before_help = "Examples:\n  $ espomail user edit ana --name 'Ana P.' --email ana@example.org --email a.putri@example.org\n  $ espomail user edit @me --signature-file signature.txt"
    )]
    Edit(Edit),
    /// Give a user another name
    #[command(
        before_help = "Examples:\n  $ espomail user rename ana ana.putri\n  $ espomail --dry-run user rename ana ana.putri"
    )]
    Rename(name::Rename),
    /// Delete a user who never did anything
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail user delete ana\n  $ espomail --yes user delete ana"
    )]
    Delete(Name),
    /// Enable a user
    #[command(before_help = "Examples:\n  $ espomail user enable ana\n  $ espomail --as root user enable ana")]
    Enable(Name),
    /// Disable a user; what the user owns stays
    #[command(before_help = "Examples:\n  $ espomail user disable ana\n  $ espomail --dry-run user disable ana")]
    Disable(Name),
    /// Mark a user as away: no new cases until the user is back
    #[command(
        before_help = "Examples:\n  $ espomail user away ana --until 2026-12-24\n  $ espomail user away ana --back"
    )]
    Away(Away),
}

/// A user's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Username
    username: String,
}

/// `user add`
#[derive(Debug, Args)]
pub struct Add {
    /// Username
    username: String,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// E-mail address; repeat it for several, the first is the primary one
    #[arg(long = "email", value_name = "ADDRESS")]
    emails: Vec<String>,
    /// Operating-system name (default: the username)
    #[arg(long, value_name = "OSUSER")]
    login: Option<String>,
    /// What the user can do in general
    #[arg(long = "type", value_name = "TYPE", default_value = "regular")]
    user_type: UserType,
}

/// `user edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Username
    username: String,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// E-mail address, replacing the present ones; repeat it for several, the first is the primary one
    #[arg(long = "email", value_name = "ADDRESS")]
    emails: Vec<String>,
    /// Operating-system name
    #[arg(long, value_name = "OSUSER")]
    login: Option<String>,
    /// What the user can do in general
    #[arg(long = "type", value_name = "TYPE")]
    user_type: Option<UserType>,
    /// E-mail about assignments
    #[arg(long, value_name = "WHEN")]
    notify: Option<ByEmail>,
    #[command(flatten)]
    signature: Signature,
}

impl Edit {
    /// Whether nothing but the signature is to be changed, which everybody may do with their own.
    fn is_signature_only(&self) -> bool {
        let others = self.name.is_some() || self.login.is_some() || self.user_type.is_some() || self.notify.is_some();
        !others && self.emails.is_empty()
    }
}

/// `user away`
#[derive(Debug, Args)]
pub struct Away {
    /// Username
    username: String,
    /// Date or time of the return (default: until --back)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// The user is back
    #[arg(long, conflicts_with = "until")]
    back: bool,
}

/// A user with what is shown of them.
pub struct Listed {
    user: User,
    teams: Vec<String>,
    roles: Vec<String>,
    notify: ByEmail,
}

/// Fields of users in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("username", head("USER").labelled().key(), |one, _| Cell::text(&one.user.username)),
    Column::new("name", head("NAME").shrinking(), |one, _| Cell::text(&one.user.name)),
    Column::new("type", head("TYPE").rank(2), |one, _| Cell::text(one.user.user_type.as_str())),
    Column::new("active", head("ACTIVE"), |one, _| Cell::bool(one.user.active)),
    Column::new("away_until", head("AWAY").optional().rank(4), |one, shown| away_until(&one.user, shown.now)),
    Column::new("addresses", head("E-MAIL").shrinking(), |one, _| Cell::words(&one.user.addresses)),
    Column::new("login", head("LOGIN").optional().rank(1), |one, _| Cell::text(&one.user.login)),
    Column::new("teams", head("TEAMS").shrinking().rank(5), |one, _| Cell::words(&one.teams)),
    Column::new("notify", unlisted(), |one, _| Cell::text(one.notify.as_str())),
    Column::new("away", unlisted(), |one, shown| Cell::bool(one.user.is_away(shown.now))),
    Column::new("emails", unlisted(), |one, _| Cell::words(&one.user.addresses)),
    Column::new("id", unlisted(), |one, _| Cell::int(one.user.id)),
    Column::new("signature", unlisted(), |one, _| Cell::text(&one.user.signature)),
    Column::new("roles", head("ROLES").shrinking().rank(3), |one, _| Cell::words(&one.roles)),
];

/// Runs a `user` command.
pub fn run(command: UserCommand, ctx: &Context) -> Result<()> {
    match command {
        UserCommand::Add(args) => add(args, ctx),
        UserCommand::List => {
            let rows =
                ctx.read(|tx, _| users::all(tx)?.into_iter().map(|u| listed(tx, u)).collect::<Result<Vec<_>>>())?;
            ctx.ui.list("users", COLUMNS, &rows)
        }
        UserCommand::Show(args) => {
            let row = ctx.read(|tx, actor| listed(tx, context::user_or_me(tx, actor, "username", &args.username)?))?;
            ctx.ui.object("user", COLUMNS, &row)
        }
        UserCommand::Edit(args) => edit(args, ctx),
        UserCommand::Rename(args) => name::rename(&args, ctx),
        UserCommand::Delete(args) => name::delete(&args, ctx),
        UserCommand::Enable(args) => change(ctx, &args.username, "works again", |user| user.active = true),
        UserCommand::Disable(args) => change(ctx, &args.username, "is disabled", |user| user.active = false),
        UserCommand::Away(args) => away(args, ctx),
    }
}

fn add(args: Add, ctx: &Context) -> Result<()> {
    let user = args.checked()?;
    let (id, loss) = ctx.administer("user add", |tx| {
        let administers = administers(tx, ctx);
        let id = user.put(tx, ctx.now())?;
        Ok((id, loss(tx, ctx, administers)?))
    })?;
    ctx.done(Thing::user(id, &user.username), &format!("user {} added", user.username))?;
    tell_loss(ctx, loss)
}

impl Add {
    /// An administrator, by the same flags of another command.
    pub fn administrator(username: &str, name: Option<&str>, email: Option<&str>, login: Option<&str>) -> Add {
        Add {
            username: username.to_owned(),
            name: name.map(str::to_owned),
            emails: email.map(str::to_owned).into_iter().collect(),
            login: login.map(str::to_owned),
            user_type: UserType::Admin,
        }
    }

    /// What they make of a user.
    ///
    /// # Errors
    /// Names the flag.
    pub fn checked(self) -> Result<Checked> {
        let username = context::word("username", &self.username)?;
        let name = self.name.map(|n| context::name("--name", &n)).transpose()?.unwrap_or_default();
        let login = self.login.map(|l| context::word("--login", &l)).transpose()?.unwrap_or_else(|| username.clone());
        Ok(Checked { username, name, login, addresses: addresses(&self.emails)?, user_type: self.user_type })
    }
}

/// A user who can be added, as far as the words tell.
pub struct Checked {
    pub username: String,
    name: String,
    login: String,
    addresses: Vec<String>,
    user_type: UserType,
}

impl Checked {
    /// Adds the user; the id.
    ///
    /// # Errors
    /// A name, login or address is taken.
    pub fn put(&self, tx: &Tx<'_>, now: Timestamp) -> Result<i64> {
        let Checked { username, name, login, addresses, user_type } = self;
        if users::by_username(tx, username)?.is_some() {
            return Err(context::taken("username", username));
        }
        refuse_taken_addresses(tx, addresses, None)?;
        refuse_taken_login(tx, login, None)?;
        users::add(tx, &NewUser { username, name, user_type: *user_type, login, addresses }, now)
    }
}

fn edit(args: Edit, ctx: &Context) -> Result<()> {
    let is_signature_only = args.is_signature_only();
    let name = args.name.map(|n| if n.is_empty() { Ok(n) } else { context::name("--name", &n) }).transpose()?;
    let login = args.login.map(|l| context::word("--login", &l)).transpose()?;
    let addresses = addresses(&args.emails)?;
    let signature = args.signature.given()?;
    let own_signature = is_signature_only && signature.is_some();
    let (id, username, loss) = ctx.write(|tx, actor| {
        let administers = administers(tx, ctx);
        if !own_signature {
            actor.require_admin("user edit")?;
        }
        let mut user = context::user_or_me(tx, actor, "username", &args.username)?;
        if actor.user_id() != Some(user.id) {
            actor.require_admin("user edit")?;
        }
        user.signature = signature.unwrap_or(user.signature);
        user.name = name.unwrap_or(user.name);
        if let Some(login) = login {
            refuse_taken_login(tx, &login, Some(user.id))?;
            user.login = login;
        }
        user.user_type = args.user_type.unwrap_or(user.user_type);
        users::update(tx, &user)?;
        if let Some(by_email) = args.notify {
            let setting = Setting { by_email, ..notifications::setting(tx, user.id, NotificationKind::Assigned)? };
            notifications::set(tx, user.id, NotificationKind::Assigned, setting)?;
        }
        if !addresses.is_empty() {
            refuse_taken_addresses(tx, &addresses, Some(user.id))?;
            users::set_addresses(tx, user.id, &addresses)?;
        }
        Ok((user.id, user.username, loss(tx, ctx, administers)?))
    })?;
    ctx.done(Thing::user(id, &username), &format!("user {username} changed"))?;
    tell_loss(ctx, loss)
}

fn away(args: Away, ctx: &Context) -> Result<()> {
    let until = args.until.map(|text| ctx.future("--until", &text)).transpose()?;
    let what = match (args.back, until) {
        (true, _) => "is back".to_owned(),
        (false, Some(until)) => format!("is away until {}", ctx.ui.local_time(until)),
        (false, None) => "is away".to_owned(),
    };
    change(ctx, &args.username, &what, |user| {
        user.away = !args.back;
        user.away_until = until;
    })
}

fn change(ctx: &Context, username: &str, what: &str, change: impl FnOnce(&mut User)) -> Result<()> {
    let (user, loss) = ctx.write(|tx, actor| {
        actor.require_admin("user")?;
        let administers = administers(tx, ctx);
        let mut user = context::user_or_me(tx, actor, "username", username)?;
        change(&mut user);
        users::update(tx, &user)?;
        Ok((user, loss(tx, ctx, administers)?))
    })?;
    ctx.done(Thing::user(user.id, &user.username), &format!("user {} {what}", user.username))?;
    tell_loss(ctx, loss)
}

/// Whether the caller, by their own login, administers the database.
fn administers(tx: &Tx<'_>, ctx: &Context) -> bool {
    Actor::find(tx, &ctx.caller, None).is_ok_and(|actor| actor.require_admin("user").is_ok())
}

/// The users who administer the database after the caller ceased to, by their names; `None` where the caller still does.
/// Who has no user is an administrator in advisory mode, so that a user with the caller's login may take that away.
///
/// # Errors
/// Nobody could take it back.
fn loss(tx: &Tx<'_>, ctx: &Context, before: bool) -> Result<Option<String>> {
    if !before || administers(tx, ctx) {
        return Ok(None);
    }
    let all = users::all(tx)?;
    let admins = all.iter().filter(|user| user.active && user.user_type == UserType::Admin);
    let names: Vec<&str> = admins.map(|user| user.username.as_str()).collect();
    if !names.is_empty() || ctx.caller.standing != Standing::Person {
        return Ok(Some(names.join(", ")));
    }
    let (command, login) = (&ctx.command, ctx.caller.login.as_deref().unwrap_or_default());
    let why = format!("{login} is your login, and nobody else is an administrator");
    let hint = if command == "user add" { NOT_LOST } else { ADD_ANOTHER };
    Err(error::data(format!("{command}: you would not be an administrator any more: {why}")).hint(hint).into())
}

/// How an administrator stays one.
const NOT_LOST: &str = "to stay one, give the user --type admin; for another person, give their --login NAME; or first add \
    another administrator: espomail user add NAME --type admin";
const ADD_ANOTHER: &str = "first add another administrator: espomail user add NAME --type admin --login LOGIN";

/// Says that the caller is not an administrator any more, and who can change that.
fn tell_loss(ctx: &Context, loss: Option<String>) -> Result<()> {
    if let Some(admins) = loss {
        let login = ctx.caller.login.as_deref().unwrap_or_default();
        ctx.ui
            .caution(&format!("you are not an administrator any more: {login} is your login, and its user is not one"));
        let who = if admins.is_empty() { "root".to_owned() } else { admins };
        let own = ctx.read(|tx, _| Ok(users::by_login(tx, login)?.map(|user| user.username)));
        let own = own.ok().flatten().unwrap_or_else(|| "USER".to_owned());
        ctx.ui
            .hint(&format!("to go back, {who} can type: espomail user edit {own} --type admin, or user enable {own}"));
    }
    Ok(())
}

fn addresses(given: &[String]) -> Result<Vec<String>> {
    given.iter().map(|a| context::mail_address("--email", a)).collect()
}

/// Who acts must not depend on chance.
fn refuse_taken_login(tx: &Tx<'_>, login: &str, owner: Option<i64>) -> Result<()> {
    match users::by_login(tx, login)?.filter(|user| user.active && Some(user.id) != owner) {
        Some(other) => Err(error::data(format!("--login: {login} is the login of user {}", other.username)).into()),
        None => Ok(()),
    }
}

fn refuse_taken_addresses(tx: &Tx<'_>, addresses: &[String], owner: Option<i64>) -> Result<()> {
    let accounts = accounts::all(tx)?;
    for (i, address) in addresses.iter().enumerate() {
        if let Some(account) = accounts.iter().find(|account| account.owns(address)) {
            return Err(error::data(format!("--email: {address} is the address of account {}", account.name))
                .hint("a user needs an address of their own: notices go there")
                .into());
        }
        if addresses.iter().skip(i + 1).any(|other| other == address) {
            return Err(error::data(format!("--email: {address} is given twice")).into());
        }
        if let Some(other) = users::by_address(tx, address)?.filter(|u| Some(u.id) != owner) {
            return Err(error::data(format!("--email: {address} belongs to user {}", other.username)).into());
        }
    }
    Ok(())
}

fn listed(tx: &Tx<'_>, user: User) -> Result<Listed> {
    let teams = teams::of_user(tx, user.id)?.into_iter().map(|t| t.name).collect();
    let roles = roles::of_user(tx, user.id)?;
    let notify = notifications::setting(tx, user.id, NotificationKind::Assigned)?.by_email;
    Ok(Listed { user, teams, roles, notify })
}

fn away_until(user: &User, now: Timestamp) -> Cell {
    match (user.is_away(now), user.away_until) {
        (false, _) => Cell::none(),
        (true, Some(until)) => Cell::date_time(until),
        (true, None) => Cell::object(Value::Null, "yes"),
    }
}
