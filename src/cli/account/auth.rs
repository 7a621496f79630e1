//! `espomail account auth`: a person signs in at the issuer of an account's access tokens.

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;

use super::sign_in;
use super::test;
use crate::cli::connect;
use crate::cli::context::{self, Context};
use crate::config::oauth::{Flow, Provider};
use crate::error::{self, Fault, Kind};
use crate::oauth::answer::Tokens;
use crate::oauth::kept::{self, Kept};
use crate::oauth::who::{self, Who};
use crate::oauth::{Client, issuer, renew};
use crate::secret;
use crate::store::accounts::{self, Account};
use crate::ui::cell::{Cell, Column, unlisted};
use crate::ui::outcome::Thing;

/// `account auth`
#[derive(Debug, Args)]
pub struct Auth {
    /// Account
    account: String,
    /// Sign in on any machine with a short code
    #[arg(long, conflicts_with_all = ["no_browser", "status", "forget"])]
    pub device: bool,
    /// Sign in with a browser on another machine, and paste the address where it ends
    #[arg(long, conflicts_with_all = ["status", "forget"])]
    pub no_browser: bool,
    /// User who signs in (default: the mailbox itself)
    #[arg(long, value_name = "NAME-TO-SIGN-IN", conflicts_with_all = ["status", "forget"])]
    pub as_user: Option<String>,
    /// Show who signed in, until when, and how the last renewal went
    #[arg(long, conflicts_with = "forget")]
    status: bool,
    /// Forget the sign-in
    #[arg(long)]
    forget: bool,
}

/// A sign-in as it is shown; no token is in it.
pub struct Standing {
    account: (i64, String),
    client: Client,
    kept: Option<Kept>,
    now: Timestamp,
}

/// Fields of a sign-in in their order.
pub const COLUMNS: &[Column<Standing>] = &[
    Column::new("account", unlisted().labelled(), |one, _| Cell::named(one.account.0, &one.account.1)),
    Column::new("profile", unlisted().labelled(), |one, _| Cell::text(&one.client.name)),
    Column::new("provider", unlisted().labelled(), |one, _| Cell::text(one.client.provider.name())),
    Column::new("flow", unlisted().labelled(), |one, _| Cell::text(one.client.flow.name())),
    Column::new("state", unlisted().labelled(), |one, _| Cell::text(one.state())),
    Column::new("signed_in_as", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.kept.as_ref().and_then(|k| k.user.as_deref()))
    }),
    Column::new("scopes", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.kept.as_ref().map(|kept| kept.scopes.as_str()).filter(|scopes| !scopes.is_empty()))
    }),
    Column::new("signed_in_at", unlisted().labelled(), |one, _| one.moment(|kept| kept.signed_in_at)),
    Column::new("renewed_at", unlisted().labelled(), |one, _| one.moment(|kept| kept.renewed_at)),
    Column::new("expires_at", unlisted().label("Token until"), |one, _| one.moment(|kept| kept.expires_at)),
    Column::new("failed_at", unlisted().labelled(), |one, _| {
        one.moment(|kept| kept.failure.as_ref().map(|failure| failure.at))
    }),
    Column::new("failure", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.kept.as_ref().and_then(|kept| kept.failure.as_ref()).map(|failure| failure.text.as_str()))
    }),
];

impl Standing {
    /// In a word.
    fn state(&self) -> &'static str {
        match &self.kept {
            None if self.client.flow.is_of_person() => "nobody has signed in",
            None => "no token yet",
            Some(kept) if !kept.is_of(&self.client) => "of another application",
            Some(kept) => match &kept.failure {
                Some(failure) if failure.is_dead => "ended",
                Some(_) => "failing",
                None if kept.left(self.now) > 0 => "good",
                None => "good, to be renewed",
            },
        }
    }

    fn moment(&self, of: impl Fn(&Kept) -> Option<i64>) -> Cell {
        let second = self.kept.as_ref().and_then(of);
        Cell::opt_date_time(second.and_then(|second| Timestamp::from_second(second).ok()))
    }
}

/// Runs `account auth`.
pub fn run(args: &Auth, ctx: &Context) -> Result<()> {
    let name = &args.account;
    let account = ctx.read(|tx, actor| context::managed_account(tx, actor, "account auth", name))?;
    let Some(profile) = account.oauth().map(str::to_owned) else {
        return Err(error::data(format!("account {name}: does not sign in with access tokens"))
            .hint(format!("espomail account edit {name} --oauth PROFILE (man espomail-oauth)"))
            .into());
    };
    let client = Client::of(&ctx.config, &account, &profile)?;
    if args.status {
        return status(&account, client, ctx);
    }
    if args.forget {
        return forget(&account, &client, ctx);
    }
    if !client.flow.is_of_person() {
        let flow = client.flow.name();
        return Err(error::data(format!("account {name}: profile \"{profile}\" has flow {flow}: nobody signs in"))
            .hint(format!("try it: espomail account test {name}"))
            .into());
    }
    let by_device = args.device || (client.flow == Flow::Device && !args.no_browser);
    if by_device && client.device_url.is_none() {
        let why = match client.provider {
            Provider::Google => "Google gives no device codes for mail",
            Provider::M365 | Provider::Custom => "the profile has no device_url",
        };
        return Err(Fault::new(Kind::Usage, format!("--device: {why}")).hint("use --no-browser instead").into());
    }
    if !by_device && client.auth_url.is_none() {
        return Err(error::config(format!("profile \"{profile}\" has no auth_url"))
            .hint("use --device instead")
            .into());
    }
    if ctx.dry_run {
        return ctx.rehearsed(&format!("a user signs in for account {name}"));
    }
    sign_in(args, &account, &client, by_device, ctx).with_context(|| format!("account \"{name}\""))?;
    // Programs get one result.
    if ctx.ui.for_people() { test::of_account(name, ctx) } else { Ok(()) }
}

fn sign_in(args: &Auth, account: &Account, client: &Client, by_device: bool, ctx: &Context) -> Result<()> {
    let meant = args.as_user.as_deref();
    let file = client.token_file(&ctx.place, account.id);
    // What is said with the browser is secret, too.
    secret::keep_to_this_process();
    // What is wrong with the place shows before somebody signs in.
    kept::prepare(&file)?;
    issuer::check_proof(client, ctx.now())?;
    let mailbox = account.imap_login();
    let asked = sign_in::Asked {
        account: &account.name,
        client,
        user: meant.unwrap_or(mailbox),
        way: connect::way(&ctx.config),
        ui: &ctx.ui,
        reads_lines: !(ctx.no_input && ctx.ui.stdin_is_terminal()),
    };
    let (tokens, skew) = match by_device {
        true => sign_in::by_device(&asked)?,
        false => sign_in::by_code(&asked, args.no_browser)?,
    };
    if tokens.refresh.is_none() {
        return Err(no_permission(client).into());
    }
    let who = who::judge(tokens.user.as_deref(), mailbox, meant, client.provider);
    if let Who::Wrong(user) = &who {
        let should = meant.unwrap_or(mailbox);
        return Err(error::noperm(format!("signed in as {user}, not as {should}: nothing is stored"))
            .hint(format!(
                "sign out in the browser, or use a private window, and try again: espomail account auth {}",
                account.name
            ))
            .into());
    }
    let before = store(account, client, by_device, &tokens, skew, ctx)?;
    let smtp_login = settle(account, &who, before.as_deref(), ctx)?;
    let as_whom = tokens.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
    ctx.done(Thing::account(account.id, &account.name), &format!("account {}: signed in{as_whom}", account.name))?;
    if let Some(user) = smtp_login {
        ctx.ui.note(&format!("{mailbox} is a shared mailbox: IMAP logs in as {mailbox}, SMTP as {user}"));
    }
    if let Some(warning) = ends_soon(client) {
        ctx.ui.note(&warning);
    }
    Ok(())
}

/// Why the issuer gave a token that cannot be renewed.
fn no_permission(client: &Client) -> Fault {
    let hint = match client.provider {
        Provider::M365 => "the scopes lack offline_access: leave scopes out of the profile, and sign in again",
        Provider::Google => {
            "remove the application at https://myaccount.google.com/connections and sign in again: Google gives the permission with the consent alone"
        }
        Provider::Custom => {
            "add \"offline_access\" to the scopes of the profile, if the issuer has it, and sign in again"
        }
    };
    error::config("the provider gave no permission to stay signed in: nothing is stored").hint(hint)
}

/// What somebody should know who has just signed in.
fn ends_soon(client: &Client) -> Option<String> {
    (client.provider == Provider::Google).then(|| {
        "as long as the project at Google is in status Testing, Google ends each sign-in after 7 days".to_owned()
    })
}

/// Stores the tokens; who was signed in before.
fn store(
    account: &Account,
    client: &Client,
    by_device: bool,
    tokens: &Tokens,
    skew: Option<i64>,
    ctx: &Context,
) -> Result<Option<String>> {
    let file = client.token_file(&ctx.place, account.id);
    let now = ctx.now();
    let _lock = renew::lock(&ctx.place, &file, now)?;
    let before = kept::read(&file, "").ok().flatten().and_then(|kept| kept.user.clone());
    let mut kept =
        Kept { signed_in_at: Some(now.as_second()), by_device, user: tokens.user.clone(), ..Kept::of(client) };
    kept.take(tokens, skew, now);
    let aside = kept::prepare(&file)?;
    kept.store(&file, aside).map_err(|error| renew::lost(&error, &account.name, client))?;
    Ok(before)
}

/// Ends the waiting of the account, and sets who logs in to SMTP; the name where it is not the mailbox.
fn settle(account: &Account, who: &Who, before: Option<&str>, ctx: &Context) -> Result<Option<String>> {
    let has_smtp = account.smtp.host.is_some() && account.smtp.secret.is_empty();
    ctx.write(|tx, actor| {
        let mut account = context::managed_account(tx, actor, "account auth", &account.name)?;
        let mut told = None;
        match who {
            Who::Delegate(user) if has_smtp => {
                account.smtp.login.clone_from(user);
                told = Some(user.clone());
            }
            // What an earlier sign-in has set.
            Who::Mailbox if before == Some(account.smtp.login.as_str()) => account.smtp.login.clear(),
            Who::Mailbox | Who::Delegate(_) | Who::Wrong(_) => {}
        }
        account.edited_at = ctx.now();
        accounts::update(tx, &account)?;
        Ok(told)
    })
}

fn status(account: &Account, client: Client, ctx: &Context) -> Result<()> {
    let file = client.token_file(&ctx.place, account.id);
    let again = format!("sign in again: espomail account auth {}", account.name);
    let kept = kept::read(&file, &again)?;
    let failure = kept.as_ref().and_then(|kept| kept.failure.clone());
    let standing = Standing { account: (account.id, account.name.clone()), client, kept, now: ctx.now() };
    ctx.ui.object("sign_in", COLUMNS, &standing)?;
    if let Some(failure) = failure {
        failure.hint.iter().for_each(|hint| ctx.ui.hint(hint));
        if !failure.trace.is_empty() {
            ctx.ui.verbose(1, &failure.trace);
        }
    }
    Ok(())
}

fn forget(account: &Account, client: &Client, ctx: &Context) -> Result<()> {
    let name = &account.name;
    if ctx.caller.is_delegated() && !client.flow.is_of_person() {
        return Err(error::noperm(format!(
            "you cannot forget the token of profile \"{}\": others use it",
            client.name
        ))
        .hint("ask root")
        .into());
    }
    let file = client.token_file(&ctx.place, account.id);
    if !ctx.dry_run {
        let _lock = renew::lock(&ctx.place, &file, ctx.now())?;
        secret::remove(&file)?;
    }
    ctx.done(Thing::account(account.id, &account.name), &format!("account {name}: the sign-in is forgotten"))?;
    if client.provider == Provider::M365 && client.flow.is_of_person() {
        ctx.ui.hint("the issuer still knows it: https://myaccount.microsoft.com, Sign out everywhere");
    }
    Ok(())
}
