//! Secrets of accounts that are typed: read before the transaction begins, kept after everything else has succeeded.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use zeroize::Zeroizing;

use super::doubts::doubts_of;
use crate::cli::connect;
use crate::cli::context::{self, Context};
use crate::cli::passwords;
use crate::error;
use crate::oauth::client::{own_files, unused_files};
use crate::place::Place;
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::ui::outcome::Thing;

/// `account secret`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub struct SecretArgs {
    /// Account
    account: String,
    /// Where the secret comes from: cmd:ARGV, file:PATH, env:NAME, cred:NAME or stdin
    #[arg(long, value_name = "SPEC", group = "which")]
    secret: Option<String>,
    /// The same for SMTP alone; an empty value takes that of IMAP
    #[arg(long, value_name = "SPEC", group = "which")]
    smtp_secret: Option<String>,
}

/// What was typed for one account.
#[derive(Default)]
pub struct Typed {
    secret: Option<Zeroizing<String>>,
    smtp: Option<Zeroizing<String>>,
}

impl Typed {
    /// Asks for what these references of an account say comes by standard input.
    pub fn ask(account: &str, secret: Option<&str>, smtp: Option<&str>, ctx: &Context) -> Result<Typed> {
        let is_typed = |spec: Option<&str>| spec == Some("stdin");
        let asked = match (is_typed(secret), is_typed(smtp)) {
            (false, false) => return Ok(Typed::default()),
            (true, false) => vec!["Password: "],
            (false, true) => vec!["Password of SMTP: "],
            (true, true) => vec!["Password of IMAP: ", "Password of SMTP: "],
        };
        passwords::admit(account, ctx)?;
        Typed::read(&asked, is_typed(secret), ctx)
    }

    /// The same for an account of a database that is not there yet.
    pub fn of_new(secret: Option<&str>, ctx: &Context) -> Result<Typed> {
        if secret == Some("stdin") { Typed::read(&["Password: "], true, ctx) } else { Ok(Typed::default()) }
    }

    /// What somebody has typed already.
    pub fn given(secret: Option<Zeroizing<String>>) -> Typed {
        Typed { secret, smtp: None }
    }

    fn read(asked: &[&str], is_of_imap: bool, ctx: &Context) -> Result<Typed> {
        let mut typed = secret::from_stdin(asked, &|question| ctx.ui.prompt(question))?.into_iter();
        let secret = if is_of_imap { typed.next() } else { None };
        Ok(Typed { secret, smtp: typed.next() })
    }

    /// What was typed, with the files in which it is going to be kept.
    pub fn of(&self, account: &Account, place: &Place) -> Vec<(PathBuf, Zeroizing<String>)> {
        let files = [
            (&self.secret, connect::secret_file(place, account.id)),
            (&self.smtp, connect::smtp_secret_file(place, account.id)),
        ];
        files.into_iter().filter_map(|(secret, file)| Some((file, secret.clone()?))).collect()
    }

    /// Writes them, last of all, so that a refused account leaves none.
    pub fn keep(&self, tx: &Tx<'_>, account: &Account, ctx: &Context) -> Result<()> {
        if ctx.dry_run {
            return Ok(());
        }
        passwords::keep(tx, account, &self.of(account, &ctx.place), ctx)
    }
}

/// Removes the files of secrets that come from elsewhere now, and the tokens of an account that uses none.
pub fn forget_unused(ctx: &Context, account: &Account) -> Result<()> {
    let stored = SecretSpec::Stored.to_string();
    if !ctx.dry_run && account.oauth().is_none() {
        own_files(&ctx.place, account.id).iter().try_for_each(|file| secret::remove(file))?;
    }
    if !ctx.dry_run && account.imap.secret != stored {
        secret::remove(&connect::secret_file(&ctx.place, account.id))?;
    }
    if !ctx.dry_run && account.smtp.secret != stored {
        secret::remove(&connect::smtp_secret_file(&ctx.place, account.id))?;
    }
    forget_applications(ctx)
}

/// Removes the tokens of applications whose last account is gone or signs in another way.
fn forget_applications(ctx: &Context) -> Result<()> {
    if ctx.dry_run {
        return Ok(());
    }
    let used = ctx.store()?.read(accounts::all)?;
    let used = used.iter().filter_map(|account| account.oauth().map(str::to_owned)).collect();
    unused_files(&ctx.place, &used).iter().try_for_each(|file| secret::remove(file))
}

/// Removes the files of an account that is not there any more.
pub fn forget(ctx: &Context, id: i64) -> Result<()> {
    own_files(&ctx.place, id).iter().try_for_each(|file| secret::remove(file))?;
    secret::remove(&connect::secret_file(&ctx.place, id))?;
    secret::remove(&connect::smtp_secret_file(&ctx.place, id))?;
    forget_applications(ctx)
}

/// The new reference of a secret; an empty one takes it away.
pub fn reference(flag: &str, given: &str) -> Result<String> {
    if given.is_empty() {
        return Ok(String::new());
    }
    Ok(SecretSpec::parse(flag, given)?.to_string())
}

/// Runs `account secret`.
pub fn run(args: &SecretArgs, ctx: &Context) -> Result<()> {
    let new = args.secret.as_deref().map(|spec| SecretSpec::parse("--secret", spec)).transpose()?;
    let new_smtp = args.smtp_secret.as_deref().map(|spec| reference("--smtp-secret", spec)).transpose()?;
    let typed = Typed::ask(&args.account, args.secret.as_deref(), args.smtp_secret.as_deref(), ctx)?;
    let (account, doubts) = ctx.write(|tx, actor| {
        let mut account = context::managed_account(tx, actor, "account secret", &args.account)?;
        let before = doubts_of(tx, &account, ctx)?;
        if let Some(profile) = account.oauth().filter(|_| new.is_some()) {
            let name = &account.name;
            let text = format!("account {name}: logs in with access tokens of \"{profile}\", and has no password");
            let hint = format!("espomail account edit {name} --secret SPEC takes a password instead");
            return Err(error::data(text).hint(hint).into());
        }
        if let Some(spec) = &new {
            account.imap.secret = spec.to_string();
        }
        if let Some(spec) = &new_smtp {
            account.smtp.secret.clone_from(spec);
        }
        account.edited_at = ctx.now();
        accounts::update(tx, &account)?;
        typed.keep(tx, &account, ctx)?;
        let doubts: Vec<String> =
            doubts_of(tx, &account, ctx)?.into_iter().filter(|doubt| !before.contains(doubt)).collect();
        Ok((account, doubts))
    })?;
    forget_unused(ctx, &account)?;
    ctx.done(Thing::account(account.id, &account.name), &format!("account {} has a new secret", args.account))?;
    doubts.iter().for_each(|doubt| ctx.ui.warn(&format!("account {}: {doubt}", account.name)));
    if !ctx.dry_run {
        ctx.ui.hint(&format!("try it: espomail account test {}", account.name));
    }
    Ok(())
}
