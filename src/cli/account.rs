//! `espomail account`: e-mail accounts.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod add;
pub mod audit;
pub mod auth;
mod auto_reply;
pub mod breaker;
pub mod cases;
pub mod discover;
pub mod doubts;
mod exchange;
mod fetching;
pub mod flags;
mod folders;
mod identity;
mod listed;
mod oauth;
mod personal;
pub mod presets;
pub mod secret;
mod sending;
pub mod servers;
mod settings;
mod show;
mod sign_in;
pub mod test;
pub mod token;
mod written;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::doubts::doubts_of;
use self::settings::Settings;
use super::connect;
use super::context::{self, Context};
use crate::access::{Actor, account};
use crate::error;
use crate::net::ListedFolder;
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::ui::cell::{Cell, Column, head};
use crate::ui::outcome::Thing;

pub use show::COLUMNS;

/// E-mail accounts
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account
    #[command(
        before_help = "Examples:\n  $ espomail account add support --kind group --address support@example.org --imap imap.example.org --smtp smtp.example.org --login support --secret file:/etc/espomail/support.secret --create-case --case-team Support --distribution round-robin --auto-reply ack\n  $ espomail account add ann-mail --kind personal --user ann --address ann@example.org --imap imap.example.org --secret stdin"
    )]
    Add(Box<add::Add>),
    /// List accounts
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail account list\n  $ espomail --json account list"
    )]
    List,
    /// Show an account with all its settings
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail account show support\n  $ espomail --json account show support"
    )]
    Show(Name),
    /// Change settings, with the options of add; an empty value removes a setting
    #[command(
        before_help = "Examples:\n  $ espomail account edit support --distribution least-busy --position Agent\n  $ espomail account edit support --auto-reply ''"
    )]
    Edit(Box<Edit>),
    /// Enable an account: fetch and send again
    #[command(before_help = "Examples:\n  $ espomail account enable support\n  $ espomail account enable sales")]
    Enable(Name),
    /// Disable an account: it neither fetches nor sends
    #[command(
        before_help = "Examples:\n  $ espomail account disable support\n  $ espomail --dry-run account disable support"
    )]
    Disable(Name),
    /// Delete an account that never delivered or sent anything
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail account delete test\n  $ espomail --yes account delete test"
    )]
    Delete(Name),
    /// Connect to IMAP and SMTP step by step and show what a fetch would bring; change nothing
    #[command(
        before_help = "Examples:\n  $ espomail account test support\n  $ espomail account test support --send-probe"
    )]
    Test(test::TestArgs),
    /// Find the servers of an address and show how to add it; store nothing
    #[command(
        before_help = "Examples:\n  $ espomail account discover ana@example.org\n  $ espomail --json account discover ana@example.org"
    )]
    Discover(discover::DiscoverArgs),
    /// List the providers that --preset knows, with their servers
    #[command(
        before_help = "Examples:\n  $ espomail account presets\n  $ espomail account add support --address support@gmail.com --preset gmail --secret stdin"
    )]
    Presets,
    /// List the folders of the mailbox
    #[command(
        before_help = "Examples:\n  $ espomail account folders support\n  $ espomail --json account folders support"
    )]
    Folders(Name),
    /// Look again at everything since --since; nothing is imported twice
    #[command(before_help = "Examples:\n  $ espomail account reset support\n  $ espomail --yes account reset support")]
    Reset(Name),
    /// Change the secret
    #[command(
        before_help = "Examples:\n  $ espomail account secret support --secret stdin < new-password\n  $ espomail account secret support --secret 'cmd:pass show mail/support'"
    )]
    Secret(secret::SecretArgs),
    /// Sign in for access tokens at Microsoft 365, Google or another issuer
    #[command(
        before_help = "Examples:\n  $ espomail account auth support --device\n  $ espomail account auth support --status"
    )]
    Auth(auth::Auth),
    /// Show whether the breaker stopped automatic replies, or, with --reset, let them go on
    #[command(
        before_help = "Examples:\n  $ espomail account breaker support\n  $ espomail account breaker support --reset"
    )]
    Breaker(Breaker),
    /// Compare the mailbox with the ledger and list the differences; --repair fetches what is missing
    #[command(
        before_help = "Examples:\n  $ espomail account audit support\n  $ espomail account audit support --repair"
    )]
    Audit(audit::AuditArgs),
    /// Print accounts as TOML
    #[command(
        before_help = "Examples:\n  $ espomail account export > accounts.toml\n  $ espomail account export support sales"
    )]
    Export {
        /// Accounts to print (default: all)
        #[arg(value_name = "ACCOUNT")]
        accounts: Vec<String>,
    },
    /// Add and change accounts as a TOML file says; an account that is as it says is left alone
    #[command(
        before_help = "Examples:\n  $ espomail --dry-run account import accounts.toml\n  $ espomail account import - < accounts.toml"
    )]
    Import(exchange::Import),
}

/// An account's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Account
    account: String,
}

/// `account edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Account
    account: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// `account breaker`
#[derive(Debug, Args)]
pub struct Breaker {
    /// Account
    account: String,
    /// Let automatic replies go on and restart the count
    #[arg(long)]
    reset: bool,
}

/// A folder of the server, and whether it is polled.
pub type ServerFolder = (ListedFolder, bool);

/// Fields of folders in their order.
pub const FOLDER_COLUMNS: &[Column<ServerFolder>] = &[
    Column::new("name", head("FOLDER"), |(folder, _), _| Cell::text(&folder.name)),
    Column::new("special_use", head("USE"), |(folder, _), _| Cell::opt_text(folder.special_use.as_deref())),
    Column::new("selectable", head("SELECTABLE"), |(folder, _), _| Cell::bool(folder.selectable)),
    Column::new("monitored", head("MONITORED"), |(_, monitored), _| Cell::bool(*monitored)),
];

/// Runs an `account` command.
pub fn run(command: AccountCommand, ctx: &Context) -> Result<()> {
    match command {
        AccountCommand::Add(args) => add::run(&args, ctx),
        AccountCommand::List => show::list(ctx),
        AccountCommand::Show(args) => show::one(&args.account, ctx),
        AccountCommand::Edit(args) => edit(&args, ctx),
        AccountCommand::Enable(args) => set_active(&args.account, true, ctx),
        AccountCommand::Disable(args) => set_active(&args.account, false, ctx),
        AccountCommand::Delete(args) => delete(&args.account, ctx),
        AccountCommand::Test(args) => test::run(&args, ctx),
        AccountCommand::Discover(args) => discover::run(&args, ctx),
        AccountCommand::Presets => presets::list(ctx),
        AccountCommand::Folders(args) => folders(&args.account, ctx),
        AccountCommand::Reset(args) => reset(&args.account, ctx),
        AccountCommand::Secret(args) => secret::run(&args, ctx),
        AccountCommand::Auth(args) => auth::run(&args, ctx),
        AccountCommand::Breaker(args) => breaker::run(&args, ctx),
        AccountCommand::Audit(args) => audit::run(&args, ctx),
        AccountCommand::Export { accounts } => exchange::export(&accounts, ctx),
        AccountCommand::Import(args) => exchange::import(&args, ctx),
    }
}

/// What to know and to type next.
fn after_change(name: &str, settings: &Settings, ctx: &Context) {
    if let Some(preset) = settings.servers.preset().filter(|preset| !preset.hint.is_empty() && !settings.signs_in()) {
        ctx.ui.hint(&format!("{}: {}", preset.name, preset.hint));
    }
    if !ctx.dry_run && settings.concern_servers() {
        ctx.ui.hint(&token::next_step(name, ctx));
    }
}

fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let name = args.name.as_deref().map(|n| context::word("--name", n)).transpose()?;
    let typed = args.settings.servers.typed(&args.account, ctx)?;
    let (account, doubts) = ctx.write(|tx, actor| {
        let old = context::managed_account(tx, actor, "account edit", &args.account)?;
        let before = doubts_of(tx, &old, ctx)?;
        args.settings.fit(old.kind)?;
        let mut account = args.settings.apply(tx, old.clone(), None, ctx)?;
        args.settings.servers.confine(&mut account, ctx.caller.is_delegated());
        if ctx.caller.is_delegated() {
            account::check_secrets(&old, &account)?;
        }
        if let Some(name) = name {
            refuse_taken(tx, actor, "--name", &name, account.id)?;
            account.name = name;
        }
        account::check_addresses(tx, actor, Some(&old), &account)?;
        accounts::check(&account)?;
        account::refuse_taken(tx, actor, &account)?;
        accounts::update(tx, &account)?;
        folders::put(tx, &account, &args.settings, false)?;
        doubts::refuse(tx, &account, ctx.now())?;
        typed.keep(tx, &account, ctx)?;
        // What was so before is nothing new.
        let doubts =
            doubts_of(tx, &account, ctx)?.into_iter().filter(|doubt| !before.contains(doubt)).collect::<Vec<_>>();
        Ok((account, doubts))
    })?;
    secret::forget_unused(ctx, &account)?;
    ctx.done(Thing::account(account.id, &account.name), &format!("account {} changed", args.account))?;
    doubts.iter().for_each(|doubt| ctx.ui.concern(&format!("account {}: {doubt}", account.name)));
    after_change(&account.name, &args.settings, ctx);
    Ok(())
}

/// Refuses the name of another account than `own`.
fn refuse_taken(tx: &Tx<'_>, actor: &Actor, field: &str, name: &str, own: i64) -> Result<()> {
    match accounts::by_name(tx, name)?.filter(|other| other.id != own) {
        None => Ok(()),
        Some(other) if actor.knows_account(tx, &other)? => Err(context::taken(field, name)),
        Some(_) => Err(context::unusable(field, name)),
    }
}

fn set_active(name: &str, active: bool, ctx: &Context) -> Result<()> {
    let what = if active { "account enable" } else { "account disable" };
    let id = ctx.write(|tx, actor| {
        let account = context::managed_account(tx, actor, what, name)?;
        accounts::update(tx, &Account { active, edited_at: ctx.now(), ..account })?;
        Ok(account.id)
    })?;
    ctx.done(Thing::account(id, name), &format!("account {name} is {}", if active { "enabled" } else { "disabled" }))
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    let work = |tx: &Tx<'_>, actor: &Actor| {
        let account = context::managed_account(tx, actor, "account delete", name)?;
        if !accounts::delete(tx, account.id)? {
            return Err(error::data(format!("account {name}: has delivered or sent mail, which stays in the archive"))
                .hint(format!("espomail account disable {name}"))
                .into());
        }
        Ok(account.id)
    };
    ctx.confirm_tried(&format!("Delete account {name}?"), work)?;
    let id = ctx.write(work)?;
    if !ctx.dry_run {
        secret::forget(ctx, id)?;
    }
    ctx.done(Thing::account(id, name), &format!("account {name} deleted"))
}

fn folders(name: &str, ctx: &Context) -> Result<()> {
    let account = readable(name, "account folders", ctx)?;
    let monitored: Vec<String> =
        ctx.store()?.read(|tx| accounts::folders(tx, account.id))?.into_iter().map(|f| f.name).collect();
    let mut source = connect::imap(&account, &ctx.config, &ctx.place, None)?;
    let folders = source.folders()?;
    source.logout();
    let is_monitored = |folder: &ListedFolder| monitored.contains(&folder.name);
    let rows: Vec<ServerFolder> = folders.into_iter().map(|folder| (folder.clone(), is_monitored(&folder))).collect();
    ctx.ui.list("folders", FOLDER_COLUMNS, &rows)
}

/// An account that the actor may look into and change.
fn readable(name: &str, what: &str, ctx: &Context) -> Result<Account> {
    ctx.read(|tx, actor| context::managed_account(tx, actor, what, name))
}

fn reset(name: &str, ctx: &Context) -> Result<()> {
    readable(name, "account reset", ctx)?;
    ctx.confirm(&format!("Look at everything in {name} again? Nothing is imported twice."))?;
    let id = ctx.write(|tx, actor| {
        let account = context::managed_account(tx, actor, "account reset", name)?;
        accounts::reset(tx, account.id)?;
        Ok(account.id)
    })?;
    ctx.done(Thing::account(id, name), &format!("account {name}: the next fetch checks everything since --since again"))
}
