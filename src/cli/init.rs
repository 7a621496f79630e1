//! `espomail init`: the first command anybody types. By flags, or by the guide on a terminal, it makes a database with an
//! administrator, a mailbox and who gets its cases: all of it or nothing.

mod flags;
mod guide;
mod listen;
mod next;
mod plan;
mod questions;
mod summary;
pub mod unfinished;
mod words;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{CommandFactory as _, FromArgMatches as _};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

pub use self::flags::InitArgs;
use self::plan::{Made, Plan};
use super::account::secret::Typed;
use super::account::{discover, test};
use super::context::Context;
use super::cron;
use super::doctor;
use super::sudo_relay;
use super::{Cli, Command, case, connect, email, fetch, passwords};
use crate::access::Actor;
use crate::caller::Standing;
use crate::config;
use crate::error::{self, Fault, Kind};
use crate::place::{self, Place};
use crate::secret;
use crate::store::db::{Store, Tx};
use crate::store::log::{self, LogOutcome};
use crate::store::{accounts, teams, users};
use crate::system_words::{self, plain};
use crate::ui::outcome::Thing;

/// Columns of the command that does the same.
const WIDTH: usize = 76;
/// Cases or mails that are shown after the first fetch.
const FEW: &str = "5";
const SAME: &str = "\nThe same by one command, such as in a script:";
/// Where it could not be made.
const SAME_LATER: &str = "Nothing was made. Your answers as one command, for when that is mended:";
/// What `?` tells after everything is made.
const FETCHING: &str = "yes fetches the mail of the account once, and shows what came. no leaves that to the line that fetches each minute.";

/// Runs `init`.
pub fn run(args: &InitArgs, ctx: &Context) -> Result<()> {
    if guide::is_wanted(args, ctx) {
        return guided(ctx);
    }
    refuse_taken(&ctx.place, args.is_empty())?;
    let args = completed(args, ctx)?;
    let plan = Plan::of(&args)?;
    // Nobody types a password for what would be refused.
    let would_be = if plan.is_empty() { Made::default() } else { plan.rehearse(ctx)? };
    let typed = Typed::of_new(args.secret.as_deref(), ctx)?;
    if let Some(account) = would_be.account.filter(|_| !args.no_test && !ctx.dry_run && args.oauth.is_none()) {
        test::before_it_is_kept(&account, &typed, &args.folder, ctx).map_err(|refused| refused.error)?;
    }
    let left = left_service(ctx);
    let made = make(&plan, &typed, ctx)?;
    tell(&made, ctx)?;
    let fetched = if args.fetch && !ctx.dry_run { first_fetch(&args, ctx) } else { Ok(()) };
    after(&args, left, ctx);
    fetched
}

/// The same by questions.
fn guided(ctx: &Context) -> Result<()> {
    let mut left = None;
    let guide::Agreed { ctx, mut args, made, watch } = guide::ask(ctx, &mut |plan, typed, ctx| {
        left = left_service(ctx);
        make(plan, typed, ctx)
    })?;
    tell(&made, &ctx)?;
    watch.made(format!("{}\n{SAME}\n{}", next_steps(&args, &ctx), same(&args, &ctx)));
    if args.address.is_some() && args.oauth.is_none() && !args.no_test {
        args.fetch = guide::wants("Fetch its mail now?", FETCHING, &ctx);
    }
    drop(watch);
    let fetched = if args.fetch { first_fetch(&args, &ctx) } else { Ok(()) };
    after(&args, left, &ctx);
    ctx.ui.note(SAME);
    ctx.ui.note(&same(&args, &ctx));
    fetched
}

/// The command that does the same.
fn same(args: &InitArgs, ctx: &Context) -> String {
    args.command_line(&cron::typed_anywhere(ctx), WIDTH)
}

/// The flags with the servers that are found where none is named, and a password that is typed where somebody sits there.
fn completed(args: &InitArgs, ctx: &Context) -> Result<InitArgs> {
    let mut args = args.clone();
    let Some(address) = args.address.clone() else { return Ok(args) };
    let is_without_smtp = args.leave_smtp_out()?;
    if !args.is_any_named() {
        let has_tokens = args.oauth.is_some() || args.secret.is_some();
        let said = discover::Said { login: args.login.as_deref(), has_tokens };
        let found = discover::agreed(&address, &said, false, ctx)?;
        args.take(&found, &address, !is_without_smtp);
    }
    if args.secret.is_none() && args.oauth.is_none() && ctx.ui.stdin_is_terminal() && !ctx.no_input {
        args.secret = Some("stdin".to_owned());
    }
    Ok(args)
}

/// Makes the database with its instance secret.
pub fn create(ctx: &Context) -> Result<()> {
    refuse_present(&ctx.place)?;
    tell(&make(&Plan::of(&InitArgs::default())?, &Typed::default(), ctx)?, ctx)
}

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    /// A database in which nobody works yet, such as a package makes.
    Empty,
    Desk,
}

fn there(place: &Place) -> There {
    if place.is_missing() {
        return There::Nothing;
    }
    let is_empty =
        |tx: &Tx<'_>| Ok(users::all(tx)?.is_empty() && accounts::all(tx)?.is_empty() && teams::all(tx)?.is_empty());
    match Store::open_as_it_is(place).and_then(|(store, _)| store.read(is_empty)) {
        Ok(true) => There::Empty,
        // What keeps a server from being asked is said by who makes a database there.
        Err(_) if place.server().is_some() => There::Nothing,
        Ok(false) | Err(_) => There::Desk,
    }
}

/// Refuses a place where there is something that is not to be touched.
fn refuse_taken(place: &Place, makes_only_a_database: bool) -> Result<()> {
    if makes_only_a_database { refuse_present(place) } else { refuse_desk(place) }
}

/// Refuses to fill a database in which somebody works.
fn refuse_desk(place: &Place) -> Result<()> {
    match there(place) {
        There::Nothing | There::Empty => Ok(()),
        There::Desk if place.server().is_some() => {
            let hint = "use it as it is, or name another place with --db";
            Err(error::data(format!("--db: {place} exists already")).hint(hint).into())
        }
        There::Desk => refuse_present(place),
    }
}

/// Refuses to make a database where there is a file.
fn refuse_present(place: &Place) -> Result<()> {
    if !place.file().is_some_and(Path::exists) {
        return Ok(());
    }
    let has_none = || Store::open_as_it_is(place)?.0.read(|tx| Ok(accounts::all(tx)?.is_empty()));
    if place.file().is_some_and(Path::is_dir) {
        let text = format!("--db: {place} is a directory");
        return Err(error::data(text).hint("name a file in it, such as DIRECTORY/espomail.db").into());
    }
    let hint = match has_none() {
        Ok(true) => {
            "use it as it is; its first mailbox: espomail account add NAME --address ADDRESS; or name another place with --db"
        }
        Ok(false) => "use it as it is, or name another place with --db",
        Err(_) => "it cannot be opened as a database of espomail; name another place with --db",
    };
    Err(error::data(format!("--db: {place} exists already")).hint(hint).into())
}

/// Makes everything at once.
fn make(plan: &Plan, typed: &Typed, ctx: &Context) -> Result<Made> {
    if ctx.dry_run {
        return would_make(plan, typed, ctx);
    }
    let mut new = Unkept::of(&ctx.place);
    let _alone = alone(&ctx.place)?;
    refuse_taken(&ctx.place, plan.is_empty())?;
    unfinished::clear(&ctx.place);
    new.add_files(plan);
    let _unfinished = unfinished::Unfinished::begin(&ctx.place, &new.files)?;
    let made = if !plan.is_empty() && there(&ctx.place) == There::Empty {
        fill(plan, typed, ctx)
    } else {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| anyhow::anyhow!("no random bytes: {}", plain(&e.to_string())))?;
        filled(plan, typed, &secret, ctx)
    };
    made.inspect_err(|_| new.remove())
}

fn would_make(plan: &Plan, typed: &Typed, ctx: &Context) -> Result<Made> {
    if !plan.is_empty() && there(&ctx.place) == There::Empty {
        return fill(plan, typed, ctx);
    }
    if let Some(server) = ctx.place.server() {
        Store::could_create_on(&ctx.place, server)?;
    }
    plan.rehearse(ctx)
}

/// Keeps other processes from making something at this place: their files have the same names. It holds as long as what is
/// returned, which is the directory.
fn alone(place: &Place) -> Result<File> {
    let directory = match place.file() {
        Some(file) => {
            place::make_directory(file).map_err(|error| no_place(error, place))?;
            place::directory(file).to_owned()
        }
        None => {
            place.make_state()?;
            place.state()
        }
    };
    let opened = File::open(&directory)?;
    match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            let busy = format!("--db: another process is making a database in {}", directory.display());
            Err(Fault::new(Kind::TempFail, busy)
                .hint("wait until it has ended, and look whether it is the one you want")
                .into())
        }
        // Not every file system can do it.
        _ => Ok(opened),
    }
}

fn filled(plan: &Plan, typed: &Typed, secret: &[u8; 32], ctx: &Context) -> Result<Made> {
    ctx.place.make_state()?;
    ctx.place.part_from_old_secrets()?;
    Store::create_with(&ctx.place, log::kind_of, |tx| {
        let made = plan.carry_out(tx, Some(secret), ctx)?;
        if let Some(account) = &made.account {
            typed.keep(tx, account, ctx)?;
        }
        let things = if plan.is_empty() { Vec::new() } else { tx.written() };
        ctx.log(tx, &Actor::Administrator, LogOutcome::Done, &things)?;
        Ok(made)
    })
    .map_err(|error| no_place(error, &ctx.place))
}

/// A place where no file can be made is wrong in what names it, not on the disk.
fn no_place(error: anyhow::Error, place: &Place) -> anyhow::Error {
    let of_system = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    let cannot_be = |e: &&std::io::Error| matches!(e.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound);
    match of_system.filter(cannot_be) {
        Some(reason) if place.is_missing() => {
            let text = format!("--db: cannot make {place}: {}", system_words::reason(reason));
            error::config(text).hint("name another place with --db").into()
        }
        _ => error,
    }
}

/// Fills a database in which nobody works yet.
fn fill(plan: &Plan, typed: &Typed, ctx: &Context) -> Result<Made> {
    ctx.write(|tx, actor| {
        actor.require_admin("init")?;
        let made = plan.carry_out(tx, None, ctx)?;
        made.account.as_ref().map_or(Ok(()), |account| typed.keep(tx, account, ctx))?;
        Ok(made)
    })
}

/// Files and directories that are not there, and go again where nothing comes of it.
struct Unkept<'a> {
    place: &'a Place,
    files: Vec<PathBuf>,
    /// The lowest first.
    directories: Vec<PathBuf>,
}

impl<'a> Unkept<'a> {
    fn of(place: &'a Place) -> Unkept<'a> {
        let directories = [place.secrets(), place.state()].iter().flat_map(|dir| missing(dir)).collect();
        Unkept { place, files: Vec::new(), directories }
    }

    /// Those of the first account, which has the first id.
    fn add_files(&mut self, plan: &Plan) {
        let of_account = [connect::secret_file(self.place, 1), passwords::key_file(self.place)];
        self.files.extend(of_account.into_iter().filter(|file| plan.has_account() && !file.exists()));
    }

    fn remove(&self) {
        self.files.iter().for_each(|file| drop(secret::remove(file)));
        // A directory that holds something stays.
        self.directories.iter().for_each(|dir| drop(fs::remove_dir(dir)));
    }
}

/// A directory that is not there, and those above it that are not, the lowest first.
fn missing(dir: &Path) -> Vec<PathBuf> {
    let above = dir.ancestors().filter(|dir| !dir.as_os_str().is_empty());
    above.take_while(|dir| !dir.exists()).map(Path::to_owned).collect()
}

/// Says what was made, and what of it will not work.
fn tell(made: &Made, ctx: &Context) -> Result<()> {
    let with = if made.told.is_empty() { String::new() } else { format!(" with {}", made.told.join(", ")) };
    let things: Vec<Thing> = std::iter::once(Thing::path(&ctx.place)).chain(made.things.iter().cloned()).collect();
    ctx.done(things, &format!("database {} is ready{with}", ctx.place))?;
    let name = made.account.as_ref().map_or("", |account| account.name.as_str());
    made.doubts.iter().for_each(|doubt| ctx.ui.concern(&format!("account {name}: {doubt}")));
    Ok(())
}

/// Fetches, and shows what came.
fn first_fetch(args: &InitArgs, ctx: &Context) -> Result<()> {
    again(&["fetch", "--", &args.account_name()], ctx)?;
    if args.since.is_none() {
        let address = args.address.as_deref().unwrap_or_default();
        let text = format!(
            "Mail that arrives from now on is fetched. To see some, send a mail to {address}, and then: {} fetch",
            cron::typed_anywhere(ctx)
        );
        ctx.ui.note(&ctx.ui.set_in(&text, 0));
        return Ok(());
    }
    // A program gets one object; it can ask for what came.
    if !ctx.ui.for_people() {
        return Ok(());
    }
    let noun = if args.create_case { "case" } else { "email" };
    again(&[noun, "list", "--limit", FEW], ctx)
}

/// Runs one of the commands that follow.
fn again(words: &[&str], ctx: &Context) -> Result<()> {
    let words = std::iter::once("espomail").chain(words.iter().copied());
    let cli = Cli::from_arg_matches(&Cli::command().try_get_matches_from(words)?)?;
    match cli.command {
        Some(Command::Fetch(args)) => fetch::run(&args, ctx),
        Some(Command::Case(command)) => case::run(command, ctx),
        Some(Command::Email(command)) => email::run(command, ctx),
        _ => Ok(()),
    }
}

/// The service whose database a person leaves for one of their own.
fn left_service(ctx: &Context) -> Option<String> {
    sudo_relay::owner_of_service().filter(|_| ctx.place.file() == Some(&config::default_database()))
}

/// What to know and to type next.
fn after(args: &InitArgs, left: Option<String>, ctx: &Context) {
    if ctx.dry_run {
        return;
    }
    if !ctx.ui.quiet {
        if ctx.ui.for_people() {
            ctx.ui.note(&next_steps(args, ctx));
        }
        if let Some((lost, hint)) = ctx.place.server().and_then(doctor::lost_password) {
            ctx.ui.concern(&lost);
            ctx.ui.hint(hint);
        }
    }
    if let Some(owner) = left {
        ctx.ui.concern(&format!("you now use this database, no longer with that of {owner}"));
        ctx.ui.hint(&format!("to work with that one, remove it: rm {}", ctx.place));
    }
}

fn next_steps(args: &InitArgs, ctx: &Context) -> String {
    let steps = next::steps(args, &cron::typed_anywhere(ctx), &cron::steps(ctx));
    format!("\n{steps}\n\n{}", mode(ctx.caller.standing))
}

/// Said once, here; `whoami` says it again.
fn mode(standing: Standing) -> &'static str {
    match standing.mode() {
        "advisory" => {
            "You own this database, and can change all of it: roles show who does what,
and protect nothing (see `espomail whoami`)."
        }
        _ => {
            "A service user owns this database (enforced mode): people reach it through a
rule of sudo, see ENFORCED MODE in `espomail man security`; `espomail doctor`
looks whether all is well."
        }
    }
}
