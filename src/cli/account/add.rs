//! `account add`: with the servers that are given, that a preset knows, or that are found by the address. Servers that were
//! found are tried before anything is kept.

use anyhow::Result;
use clap::{Args, CommandFactory as _, FromArgMatches as _};

use super::doubts::{self, doubts_of};
use super::secret::Typed;
use super::settings::Settings;
use super::{after_change, discover, folders, refuse_taken, test};
use crate::access::{Actor, account};
use crate::cli::context::{self, Context};
use crate::cli::{Cli, usage};
use crate::error;
use crate::intake::verdicts::Verdicts;
use crate::net::discover::Found;
use crate::oauth::Client;
use crate::store::accounts::{self, Account, AccountKind};
use crate::store::db::Tx;
use crate::ui::outcome::Thing;

/// Passwords that are tried while somebody sits there.
const PASSWORDS: u32 = 3;

/// `account add`
#[derive(Debug, Args)]
pub struct Add {
    /// Account
    account: String,
    /// Kind: group (a shared mailbox such as support@) or personal (one user's mailbox, whose mail stays private)
    #[arg(long, value_name = "KIND", default_value = "group", hide_possible_values = true)]
    kind: AccountKind,
    /// Owner of a personal account (default: you); @me is you
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Find the servers by the address, show them, and try them before anything is kept
    #[arg(long, conflicts_with = "preset")]
    discover: bool,
    /// With --discover, also ask Thunderbird's public database, which learns the domain by that
    #[arg(long, requires = "discover")]
    ispdb: bool,
    /// Keep the account without trying the servers that were found
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    settings: Settings,
}

/// A new account before it is kept.
pub struct New<'a> {
    name: String,
    args: &'a Add,
    found: Option<Found>,
    /// The password is asked for, though nobody said where it comes from.
    asks: bool,
}

/// The options of a new account, as another command has them; `typed` is how they were typed there.
///
/// # Errors
/// Names the option.
pub fn of_words(words: &[String], typed: &[String]) -> Result<Add> {
    let command = Add::augment_args(clap::Command::new("account").no_binary_name(true).disable_help_flag(true));
    let refusal = |refused: clap::Error| usage::refusal(&refused, &mut Cli::command(), typed);
    let matches = command.try_get_matches_from(words).map_err(refusal)?;
    Ok(Add::from_arg_matches(&matches)?)
}

/// Runs `account add`.
pub fn run(args: &Add, ctx: &Context) -> Result<()> {
    let name = context::word("account", &args.account)?;
    let servers = &args.settings.servers;
    // Somebody who sits there and names no server is asked instead of refused.
    let asked = ctx.ui.stdin_is_terminal() && !ctx.no_input && !servers.is_any_named();
    let found = match args.settings.address().filter(|_| args.discover || asked) {
        Some(address) => {
            let has_tokens = args.settings.signs_in() || servers.is_secret_given();
            let said = discover::Said { login: servers.login(), has_tokens };
            Some(discover::agreed(address, &said, args.ispdb, ctx)?)
        }
        None if args.discover => {
            return Err(error::usage("--address is missing").hint("servers are found by the address").into());
        }
        None => None,
    };
    let takes_password = found.as_ref().is_some_and(|found| !found.imap.only_tokens) && !args.settings.signs_in();
    let asks = takes_password && ctx.ui.stdin_is_terminal() && !servers.is_secret_given();
    let new = New { name, args, found, asks };
    let mut typed =
        if asks { Typed::ask(&args.account, Some("stdin"), None, ctx)? } else { servers.typed(&args.account, ctx)? };
    if new.found.is_some() && !args.no_test && !ctx.dry_run {
        new.tried(&mut typed, ctx)?;
    }
    let (id, doubts) = ctx.write(|tx, actor| {
        let account = new.put(tx, actor, ctx)?;
        typed.keep(tx, &account, ctx)?;
        let mut doubts = doubts_of(tx, &account, ctx)?;
        doubts.extend(Verdicts::of_neighbours(tx, &account)?.warning(&account));
        Ok((account.id, doubts))
    })?;
    let name = &new.name;
    ctx.done(Thing::account(id, name), &format!("account {name} added"))?;
    doubts.iter().for_each(|doubt| ctx.ui.concern(&format!("account {name}: {doubt}")));
    if let Some(preset) = new.found.as_ref().and_then(|found| found.preset).filter(|preset| !preset.hint.is_empty())
        && !args.settings.signs_in()
    {
        ctx.ui.hint(&format!("{}: {}", preset.name, preset.hint));
    }
    after_change(name, &args.settings, ctx);
    Ok(())
}

impl<'a> New<'a> {
    /// One whose servers are named.
    ///
    /// # Errors
    /// The name cannot be that of an account.
    pub fn named(args: &'a Add) -> Result<New<'a>> {
        Ok(New { name: context::word("account", &args.account)?, args, found: None, asks: false })
    }

    /// Adds it, all but a secret that was typed.
    ///
    /// # Errors
    /// Something of it is wrong or taken.
    pub fn put(&self, tx: &Tx<'_>, actor: &Actor, ctx: &Context) -> Result<Account> {
        let account = self.make(tx, actor, ctx)?;
        let account = Account { id: accounts::add(tx, &account)?, ..account };
        folders::put(tx, &account, &self.args.settings, true)?;
        doubts::refuse(tx, &account, ctx.now())?;
        Ok(account)
    }

    /// Tries the servers. A password that is refused is asked for again, because it is easily mistyped.
    fn tried(&self, typed: &mut Typed, ctx: &Context) -> Result<()> {
        let account = ctx.read(|tx, actor| self.make(tx, actor, ctx))?;
        let client = account.oauth().map(|profile| Client::of(&ctx.config, &account, profile)).transpose()?;
        if client.is_some_and(|client| client.flow.is_of_person()) {
            ctx.ui.note("The servers are tried when somebody has signed in.");
            return Ok(());
        }
        let mut left = PASSWORDS;
        loop {
            left -= 1;
            let tested = test::before_it_is_kept(&account, typed, &self.args.settings.fetching.folders, ctx);
            match tested {
                Err(refused) if refused.is_of_password && self.asks && left > 0 => {}
                tested => return tested.map_err(|refused| refused.error),
            }
            ctx.ui.note("Type the password again, or press Ctrl-C:");
            *typed = Typed::ask(&self.args.account, Some("stdin"), None, ctx)?;
        }
    }

    /// The account with all its settings, checked.
    fn make(&self, tx: &Tx<'_>, actor: &Actor, ctx: &Context) -> Result<Account> {
        let settings = &self.args.settings;
        settings.fit(self.args.kind)?;
        let user_id = self.owner(tx, actor, ctx)?;
        refuse_taken(tx, actor, "account", &self.name, 0)?;
        let new = Account { user_id, ..Account::new(&self.name, self.args.kind, ctx.now()) };
        let mut account = settings.apply(tx, new, self.found.as_ref(), ctx)?;
        if self.asks {
            "stdin".clone_into(&mut account.imap.secret);
        }
        account.imap.confined = ctx.caller.is_delegated();
        account.smtp.confined = ctx.caller.is_delegated();
        account::check_addresses(tx, actor, None, &account)?;
        accounts::check(&account)?;
        account::refuse_taken(tx, actor, &account)?;
        Ok(account)
    }

    /// The owner; a group account has none.
    fn owner(&self, tx: &Tx<'_>, actor: &Actor, ctx: &Context) -> Result<Option<i64>> {
        if self.args.kind == AccountKind::Group {
            actor.require_admin("account add --kind group")?;
            return match self.args.user {
                Some(_) => Err(error::usage("--user: a group account has no owner").hint("add --kind personal").into()),
                None => Ok(None),
            };
        }
        let owner = match (&self.args.user, actor.user()) {
            (Some(name), _) => context::user_or_me(tx, actor, "--user", name)?,
            (None, Some(user)) => user.clone(),
            (None, None) => {
                return Err(error::usage("account add: --user is missing; say whose mailbox it is: --user USER").into());
            }
        };
        account::permit_personal(tx, actor, &owner, ctx.config.max_personal_accounts)?;
        Ok(Some(owner.id))
    }
}
