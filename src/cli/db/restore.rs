//! `espomail db restore`: a backup becomes the desk's database again (B2.14).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;

use super::secrets;
use crate::claim::Claim;
use crate::cli::busy;
use crate::cli::context::{self, Context, Unsent};
use crate::error::{self, Fault, Kind};
use crate::holder;
use crate::lock::Lock;
use crate::place::{self, Place, Server};
use crate::secret;
use crate::store::db::{self, Store, Tx};
use crate::store::{accounts, disk, instance, log, restored};
use crate::system_words;
use crate::ui::outcome::Thing;

/// `db restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// Backup, made by `db backup`; it stays as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The backup is that of another desk: put the passwords of this one aside
    #[arg(long)]
    of_another_desk: bool,
}

/// What stands where the backup is to go.
enum Present {
    /// Nothing.
    Nothing,
    /// A database that can be read.
    Database(Box<Store>),
    /// A file that cannot be used any more.
    Ruin,
}

/// Runs `db restore`.
pub fn run(args: &Restore, ctx: &Context) -> Result<()> {
    let file = &args.file;
    let Some(target) = ctx.place.file() else { return into_server(file, ctx) };
    let present = present(ctx)?;
    let backup = sound(file, target)?;
    let is_another = is_of_another(&backup, &present);
    if is_another && !args.of_another_desk {
        let text = format!("{} is a backup of another desk, not of {}", file.display(), target.display());
        return Err(error::data(text)
            .hint("name a backup of this one; or, to put that desk in its place: espomail db restore --of-another-desk FILE")
            .into());
    }
    let (made_at, is_backup) = made_at(file, &backup)?;
    let end = format!(".before-restore-{}", ctx.now().strftime("%Y%m%dT%H%M%SZ"));
    let kept = free(target, &end);
    let of = match is_backup {
        true => format!("the backup of {}", ctx.ui.local_time(made_at)),
        false => format!("the database {}, last written {}", file.display(), ctx.ui.local_time(made_at)),
    };
    if !matches!(present, Present::Nothing) {
        ctx.confirm(&format!(
            "Put {of} in the place of {}? What is there now is kept as {}.",
            target.display(),
            kept.display()
        ))?;
    }
    if !ctx.dry_run {
        ctx.place.make_state()?;
        refuse_in_use(target)?;
        let _locks = match &present {
            Present::Database(store) => idle(store)?.into_locks(),
            _ => Vec::new(),
        };
        let copy = copy_for(target);
        // Of a restore that was killed.
        fs::remove_file(&copy).ok();
        place::make_directory(target)?;
        let put = backup.backup(&copy, made_at).and_then(|()| {
            // Never after it: the accounts of another desk have the same numbers.
            let aside = if is_another { ctx.place.put_secrets_aside(&end)? } else { None };
            let put = put(target, &ctx.place, &present, &kept, ctx.now());
            if let Some(aside) = &aside {
                match &put {
                    Ok(()) => ctx.ui.note(&format!("the passwords of the desk before are in {}", aside.display())),
                    Err(_) => ctx.place.take_secrets_back(aside),
                }
            }
            put
        });
        fs::remove_file(&copy).ok();
        put?;
        drop(present);
        // Opening has brought an older one up to date, which was not marked.
        let settle = |tx: &Tx<'_>| restored::mark(tx, made_at).and_then(|()| restored::settle(tx, ctx.now()));
        Store::open(&ctx.place)?.watch(log::kind_of)?.write(|tx| ctx.logged(tx, |tx, _| settle(tx)))?;
    }
    ctx.done(Thing::path(target.display()), &format!("{of} is now the database {}", target.display()))?;
    if !ctx.dry_run {
        keep_secrets(file, ctx)?;
        ctx.ui.hint("espomail db check; espomail fetch gets what came since; espomail outbox list shows what is held");
    }
    Ok(())
}

/// Refuses a database that another process has open: it would go on with ids that mean something else then.
fn refuse_in_use(target: &Path) -> Result<()> {
    let Some(holder) = holder::that_has_open(target) else { return Ok(()) };
    let text = format!("{} is in use by {}", target.display(), busy::told(&holder));
    Err(Fault::new(Kind::TempFail, text).hint(holder.hint()).into())
}

/// Restores a backup into a database on a server.
fn into_server(file: &Path, ctx: &Context) -> Result<()> {
    // Who may not restore hears that first.
    if let Ok(store) = ctx.store() {
        store.read(|tx| ctx.actor(tx)?.require_admin("db restore"))?;
    }
    let text = format!("a backup is put in the place of a file, and the database is on a server: {}", ctx.place);
    // The one that is in use cannot be filled.
    let other = ctx.place.server().map(Server::with_other_schema).unwrap_or_default();
    let to = shlex::try_quote(&other)?.into_owned();
    let from = file.display().to_string();
    Err(error::usage(text)
        .hint(format!("espomail db copy {} {to}; then name that one in the configuration", shlex::try_quote(&from)?))
        .into())
}

/// What the backup is copied to before it is put in the place of the database.
fn copy_for(target: &Path) -> PathBuf {
    disk::beside(target, ".restoring")
}

/// A free name in the directory of the database: two backups may be restored in one second.
fn free(target: &Path, end: &str) -> PathBuf {
    let is_free = |path: &PathBuf| ["", "-wal", "-shm"].iter().all(|end| !disk::beside(path, end).exists());
    let first = disk::beside(target, end);
    let more = (2..u32::MAX).map(|n| disk::beside(target, &format!("{end}-{n}")));
    std::iter::once(first.clone()).chain(more).find(is_free).unwrap_or(first)
}

/// Whether a backup is of another database than the one that is there, as far as that one can be read.
fn is_of_another(backup: &Store, present: &Present) -> bool {
    let Present::Database(present) = present else { return false };
    let identity = |store: &Store| store.read(instance::secret).ok();
    match (identity(backup), identity(present)) {
        (Some(backup), Some(present)) => backup != present,
        _ => false,
    }
}

/// The backup, where every page of it can be read.
fn sound(file: &Path, target: &Path) -> Result<Store> {
    if !file.exists() {
        return Err(error::data(format!("{} is not there", file.display())).into());
    }
    let is_same = |a: &Path, b: &Path| fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a));
    if is_same(file, target) {
        return Err(error::data(format!("{} is the database itself", file.display())).into());
    }
    let facts = fs::metadata(file).map_err(|e| error::file(file.display(), &e))?;
    if !facts.is_file() {
        let what = if facts.is_dir() { "a directory" } else { "not a plain file" };
        return Err(error::data(format!("{} is {what}, not a backup", file.display()))
            .hint("name a file that `espomail db backup` has written")
            .into());
    }
    fs::File::open(file).map_err(|e| error::file(format!("cannot read {}", file.display()), &e))?;
    if facts.len() == 0 {
        return Err(damaged(file, "it is empty").into());
    }
    let (store, _) = Store::open_as_it_is(&Place::of_file(file)).map_err(|error| match db::damage_of(&error) {
        Some(words) => damaged(file, &words).into(),
        None if is_foreign(&error) => {
            let text = format!("{} {}, or it was overwritten", file.display(), db::FOREIGN);
            Fault::new(Kind::Io, text).hint(ANOTHER).into()
        }
        None => db::explain(&error, &Place::of_file(file)).map_or(error, Into::into),
    })?;
    match store.check() {
        Ok(faults) if faults.is_empty() => Ok(store),
        Ok(faults) => Err(damaged(file, faults.first().map_or("", String::as_str)).into()),
        Err(error) => Err(damaged(file, &system_words::chain(&error)).into()),
    }
}

fn is_foreign(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.message.ends_with(db::FOREIGN))
}

const ANOTHER: &str = "name another backup: espomail db restore FILE; the database was not changed";

fn damaged(file: &Path, fault: &str) -> Fault {
    let text = format!("the backup {} is damaged: {fault}", file.display());
    Fault::new(Kind::Io, text).hint(ANOTHER)
}

/// When it was made, and whether it says so itself; else when its file was written last.
fn made_at(file: &Path, backup: &Store) -> Result<(Timestamp, bool)> {
    // An older release had no place for it.
    let own = backup.read(restored::backup_made_at).ok().flatten();
    let written = || Ok((Timestamp::try_from(fs::metadata(file)?.modified()?)?, false));
    own.map_or_else(written, |at| Ok((at, true)))
}

fn present(ctx: &Context) -> Result<Present> {
    if ctx.place.is_missing() {
        return Ok(Present::Nothing);
    }
    match Store::open(&ctx.place)
        .and_then(|store| store.read(|tx| ctx.actor(tx)?.require_admin("db restore")).map(|()| store))
    {
        Ok(store) => Ok(Present::Database(Box::new(store))),
        Err(error) if matches!(error::classify(&error).0, Kind::NoPerm | Kind::TempFail) => Err(error),
        Err(_) => Ok(Present::Ruin),
    }
}

/// Nobody fetches or sends while this is held.
pub(super) struct Idle<'a> {
    claims: Vec<Claim<'a>>,
    unsent: Unsent<'a>,
}

impl Idle<'_> {
    /// The locks alone, which outlive the database: a file has nothing else.
    fn into_locks(self) -> Vec<Lock> {
        let locks = self.claims.into_iter().map(Claim::into_lock);
        locks.chain([self.unsent.into_lock()]).collect()
    }
}

/// Nobody fetches or sends while the database is replaced.
pub(super) fn idle(store: &Store) -> Result<Idle<'_>> {
    let accounts = store.read(accounts::all)?;
    let claims = accounts.iter().map(|account| context::claim(store, account)).collect::<Result<_>>()?;
    Ok(Idle { claims, unsent: context::unsent(store)? })
}

/// Keeps what is there, then puts the copy in its place.
fn put(target: &Path, place: &Place, present: &Present, kept: &Path, now: Timestamp) -> Result<()> {
    let copy = &copy_for(target);
    match present {
        Present::Nothing => {
            // What belongs to a database that is gone would be taken for its log.
            aside(target, kept, &["-wal", "-shm"])?;
            Store::put(copy, target)
        }
        Present::Ruin => {
            aside(target, kept, &["-wal", "-shm"])?;
            // A kill leaves one of both, never nothing.
            fs::hard_link(target, kept).or_else(|_| fs::copy(target, kept).map(drop))?;
            Store::put(copy, target)
        }
        Present::Database(store) => {
            store.backup(kept, now)?;
            Store::open(place)?.replace_with(&Store::open_as_it_is(&Place::of_file(copy))?.0)
        }
    }
}

fn aside(target: &Path, kept: &Path, ends: &[&str]) -> Result<()> {
    for end in ends {
        let from = disk::beside(target, end);
        if from.exists() {
            let to = disk::beside(kept, end);
            fs::rename(&from, &to).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))?;
        }
    }
    Ok(())
}

/// Secrets of a backup with them, where there are none; names the accounts whose secret is not there then.
fn keep_secrets(file: &Path, ctx: &Context) -> Result<()> {
    let (from, to) = (secret::directory_of_backup(file), ctx.place.secrets());
    let has_some = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
    match (has_some(&from), has_some(&to)) {
        (true, false) => {
            secret::copy(&from, &to)?;
        }
        (true, true) => {
            ctx.ui.hint(&format!(
                "the passwords in {} are as they were; those of the backup are in {}",
                to.display(),
                from.display()
            ));
        }
        _ => {}
    }
    for (name, option) in secrets::lacking(&Store::open_to_read(&ctx.place)?, &to)? {
        ctx.ui.concern(&format!(
            "account {name}: its password is not here: espomail account secret {name} {option} stdin"
        ));
    }
    Ok(())
}
