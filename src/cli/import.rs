//! `espomail import`: archives history out of files, or takes it as new mail (B2.12).

mod files;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use self::files::Messages;
use super::context::{self, Context};
use crate::error::{self, Kind};
use crate::intake::bulk::{Bulk, Importer, Taken};
use crate::intake::import::Imported;
use crate::lock::Lock;
use crate::mail::mbox::Quoting;
use crate::store::accounts::Account;
use crate::store::db::Store;
use crate::store::deliveries::{Outcome, Source};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::progress::Progress;

/// Import mail from files
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Import an mbox file
    #[command(
        before_help = "Examples:\n  $ espomail import mbox old-support.mbox --account support\n  $ espomail --dry-run import mbox takeout.mbox --account support"
    )]
    Mbox(Mbox),
    /// Import a Maildir
    #[command(
        before_help = "Examples:\n  $ espomail import maildir /srv/old/support --account support\n  $ espomail import maildir ~/Maildir --recursive --account support"
    )]
    Maildir(Maildir),
    /// Import a message file, or those of a directory (*.eml)
    #[command(
        before_help = "Examples:\n  $ espomail import eml lost.eml --account support --as-new\n  $ espomail import eml saved-mails/ --account support"
    )]
    Eml(Eml),
}

/// What every import needs.
#[derive(Debug, Args)]
pub struct Into {
    /// Account that the mail belongs to
    #[arg(long, value_name = "NAME")]
    account: String,
    /// Treat the mail as new: open cases, reply and notify as usual
    #[arg(long)]
    as_new: bool,
}

/// `import mbox`
#[derive(Debug, Args)]
pub struct Mbox {
    /// File
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    into: Into,
    /// How lines that begin with "From " are quoted: rd (>From, >>From …), o (>From only), cl (Content-Length)
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "rd")]
    mbox_format: MboxFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MboxFormat {
    Rd,
    O,
    Cl,
}

/// `import maildir`
#[derive(Debug, Args)]
pub struct Maildir {
    /// Directory with cur and new
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    into: Into,
    /// Include its folders (.Name)
    #[arg(long)]
    recursive: bool,
}

/// `import eml`
#[derive(Debug, Args)]
pub struct Eml {
    /// File or directory
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    into: Into,
}

/// What became of the messages of an account.
pub struct Done {
    account: (i64, String),
    tally: Tally,
    dry_run: bool,
}

/// Fields of the result in their order.
pub const COLUMNS: &[Column<Done>] = &[
    Column::new("account", head("Account"), |done, _| Cell::opt_named(Some(&done.account))),
    Column::new("imported", head("Imported"), |done, _| Cell::int(done.tally.imported)),
    Column::new("already_there", head("Already there"), |done, _| Cell::int(done.tally.already_there)),
    Column::new("quarantined", head("Quarantined"), |done, _| Cell::int(done.tally.quarantined)),
    Column::new("failed", head("Failed"), |done, _| Cell::int(done.tally.failed)),
    Column::new("dry_run", unlisted(), |done, _| Cell::bool(done.dry_run)),
];

/// Runs an `import` command.
pub fn run(command: ImportCommand, ctx: &Context) -> Result<()> {
    let (ImportCommand::Mbox(Mbox { into, .. })
    | ImportCommand::Maildir(Maildir { into, .. })
    | ImportCommand::Eml(Eml { into, .. })) = &command;
    let account = ctx.read(|tx, actor| {
        actor.require_admin("import")?;
        context::account(tx, &into.account)
    })?;
    let max = account.fetching.max_size.unwrap_or(ctx.config.message_max_size);
    let messages = match &command {
        ImportCommand::Mbox(args) => files::mbox(&args.path, args.mbox_format.quoting(), max)?,
        ImportCommand::Maildir(args) => files::maildir(&args.path, args.recursive, max)?,
        ImportCommand::Eml(args) => files::eml(&args.path, max)?,
    };
    let source = if into.as_new { Source::Import } else { Source::History };
    import(ctx, &account, source, messages)
}

impl MboxFormat {
    fn quoting(self) -> Quoting {
        match self {
            MboxFormat::Rd => Quoting::Rd,
            MboxFormat::O => Quoting::O,
            MboxFormat::Cl => Quoting::Cl,
        }
    }
}

fn import(ctx: &Context, account: &Account, source: Source, messages: Messages) -> Result<()> {
    let store = ctx.unlogged_store()?;
    let claim = if ctx.dry_run { None } else { Some(context::claim(&store, account)?) };
    let under = claim.as_ref().and_then(|claim| claim.under());
    let mut tally = Tally::default();
    let done = ctx.long_work(&store, &[("account", account.id)], || {
        let lock = claim.as_ref().map(|claim| claim.lock());
        let mut watch = Watch::new(ctx, account, messages.bytes);
        let done = run_import(&store, lock, &mut watch, source, messages);
        tally = watch.tally;
        done?;
        if tally.quarantined + tally.failed > 0 { Err(context::told(Kind::Partial)) } else { Ok(()) }
    });
    // Nobody waits for somebody who reads.
    drop((under, claim));
    drop(store);
    let is_whole = matches!(done.as_ref().map_err(|error| error::classify(error).0), Ok(()) | Err(Kind::Partial));
    // What was committed before something broke stays, and the next import finds it there.
    if is_whole || tally.is_begun() {
        tally.say(ctx, account, is_whole)?;
    }
    done
}

fn run_import(
    store: &Store,
    lock: Option<&Lock>,
    watch: &mut Watch<'_>,
    source: Source,
    messages: Messages,
) -> Result<()> {
    let Watch { ctx, account, .. } = *watch;
    let mut importer = Importer::begin(Bulk {
        store,
        config: &ctx.config,
        lock,
        clock: &Timestamp::now,
        account_id: account.id,
        source,
    })?;
    for (found, bytes) in messages {
        match found {
            Ok(found) if found.raw.is_empty() => {}
            Ok(found) => match importer.add(found, &mut |one| watch.hear(one))? {
                Taken::There => watch.tally.already_there += 1,
                Taken::Now if ctx.dry_run => watch.tally.imported += 1,
                Taken::Now => {}
            },
            Err(error) => watch.failed(&error),
        }
        watch.progress.advance(1, bytes);
    }
    watch.tally.left = importer.end(&mut |one| watch.hear(one))?;
    Ok(())
}

/// What became of the messages.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    imported: i64,
    already_there: i64,
    quarantined: i64,
    failed: i64,
    /// Messages of others that were imported as well.
    left: usize,
}

/// Counts, and says what a person has to know.
struct Watch<'a> {
    ctx: &'a Context,
    account: &'a Account,
    progress: Progress,
    tally: Tally,
}

impl Watch<'_> {
    fn new<'a>(ctx: &'a Context, account: &'a Account, bytes: u64) -> Watch<'a> {
        let progress = Progress::of_bytes(!ctx.ui.quiet && ctx.ui.verbosity == 0, bytes);
        Watch { ctx, account, progress, tally: Tally::default() }
    }

    fn hear(&mut self, one: &Imported) {
        match one.outcome {
            Outcome::Imported => self.tally.imported += 1,
            Outcome::Quarantined => self.tally.quarantined += 1,
            _ => self.tally.already_there += 1,
        }
        let id = one.email_id.map(|id| format!(" email {id}")).unwrap_or_default();
        let line = format!("{}: {}{id}: {}", self.account.name, one.outcome, one.reason);
        self.progress.pause(|| self.ctx.ui.verbose(1, &line));
    }

    fn failed(&mut self, error: &anyhow::Error) {
        self.tally.failed += 1;
        self.progress.pause(|| self.ctx.ui.problem("import", error));
    }
}

impl Tally {
    fn is_begun(&self) -> bool {
        self.imported + self.already_there + self.quarantined + self.failed > 0
    }

    /// Says the numbers; of an import that broke off, those until then.
    fn say(&self, ctx: &Context, account: &Account, is_whole: bool) -> Result<()> {
        let Tally { imported, already_there, quarantined, failed, left } = *self;
        if !ctx.ui.for_people() {
            let account = (account.id, account.name.clone());
            ctx.ui.object("import", COLUMNS, &Done { account, tally: *self, dry_run: ctx.dry_run })?;
        } else if !ctx.ui.quiet {
            let dry = if ctx.dry_run { "dry run, nothing changed; without --dry-run: " } else { "" };
            let numbers = format!("imported {imported}, already there {already_there}, quarantined {quarantined}");
            let unread = if failed > 0 { format!(", not read {failed}") } else { String::new() };
            let until = if is_whole { "" } else { " until it broke off" };
            ctx.ui.text(&format!("{dry}{}{until}: {numbers}{unread}", account.name))?;
            if left > 0 {
                ctx.ui.note(&format!("{}: imported as well what was left before: {left}", account.name));
            }
        }
        if quarantined > 0 {
            ctx.ui.hint("see `espomail quarantine list`");
        }
        Ok(())
    }
}
