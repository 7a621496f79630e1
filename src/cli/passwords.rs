//! Passwords that came by standard input: on a server they are sealed in the database, so that all machines that have the key
//! have them; next to a database file they are files.

use std::path::{Path, PathBuf};

use anyhow::Result;
use zeroize::Zeroizing;

use super::context::Context;
use crate::error::{self, Fault};
use crate::place::Place;
use crate::secret::{self, KEY, Key, SecretSpec};
use crate::store::accounts::{self, Account};
use crate::store::db::{Store, Tx};
use crate::store::sealed_secrets::{self, Sealed};
use crate::system_words;

/// The file of the key.
pub fn key_file(place: &Place) -> PathBuf {
    place.state().join(KEY)
}

/// The name of a password: that of its file.
fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// All sealed passwords of a database; none of a file.
///
/// # Errors
/// The database.
pub fn sealed(place: &Place) -> Result<Vec<Sealed>> {
    match place.server() {
        None => Ok(Vec::new()),
        Some(_) => Store::open_to_read(place)?.read(sealed_secrets::all),
    }
}

/// The password of this file, or the sealed one of that name.
///
/// # Errors
/// Exit 78: there is none, or this machine has not the key.
pub fn find(place: &Place, all: &[Sealed], file: &Path) -> Result<Zeroizing<String>> {
    match all.iter().find(|one| one.name == name(file)) {
        Some(one) => open(place, one),
        None if place.server().is_some() && !file.exists() => {
            Err(error::config("no password is kept in the database for this account")
                .hint("type it: espomail account secret NAME --secret stdin")
                .into())
        }
        None => SecretSpec::Stored.resolve(file),
    }
}

fn open(place: &Place, one: &Sealed) -> Result<Zeroizing<String>> {
    secret::keep_to_this_process();
    let file = key_file(place);
    match Key::read(&file)? {
        Some(key) if key.mark() == one.key => key.open(&one.name, &one.bytes),
        key => Err(lacks(&file, key.as_ref(), &one.key).into()),
    }
}

/// The passwords that this machine cannot open, with the reason; `None` = it can open all, or there are none.
///
/// # Errors
/// The database.
pub fn shut(store: &Store) -> Result<Option<(Fault, Vec<Sealed>)>> {
    let place = store.place();
    let mut sealed = if place.server().is_some() { store.read(sealed_secrets::all)? } else { Vec::new() };
    if sealed.is_empty() {
        return Ok(None);
    }
    let file = key_file(place);
    let key = match Key::read(&file) {
        Ok(key) => key,
        Err(error) => {
            let (kind, hint) = error::classify(&error);
            return Ok(Some((Fault { hint, ..Fault::new(kind, system_words::chain(&error)) }, sealed)));
        }
    };
    let mark = key.as_ref().map(Key::mark);
    sealed.retain(|one| Some(&one.key) != mark.as_ref());
    Ok(sealed.first().map(|one| lacks(&file, key.as_ref(), &one.key)).map(|why| (why, sealed)))
}

/// What is said where this machine has no key, or another one than `wanted`.
fn lacks(file: &Path, key: Option<&Key>, wanted: &str) -> Fault {
    let shown = file.display();
    let (here, first) = match key {
        None => (format!("this machine has no key {shown}"), String::new()),
        Some(key) => (
            format!("the key of this machine, {shown}, is another one ({})", key.mark()),
            "the one that is here is not overwritten by itself: ".to_owned(),
        ),
    };
    error::config(format!("the passwords in the database are sealed with the key {wanted}: {here}")).hint(format!(
        "{first}copy it from a machine that has it, readable for its owner alone; if none has it, type the passwords \
         again as in SECRETS OF SEVERAL MACHINES of `espomail man postgresql`"
    ))
}

/// Keeps passwords of an account, each with the file in which it would be kept, and none that come from elsewhere now.
///
/// # Errors
/// It cannot be written; or the others are sealed with a key that this machine has not.
pub fn keep(tx: &Tx<'_>, account: &Account, typed: &[(PathBuf, Zeroizing<String>)], ctx: &Context) -> Result<()> {
    if ctx.place.server().is_none() {
        return typed.iter().try_for_each(|(file, secret)| secret::store(file, secret));
    }
    let stored = SecretSpec::Stored.to_string();
    for (server, end) in [(&account.imap, ""), (&account.smtp, secret::OF_SMTP)] {
        if server.secret != stored {
            sealed_secrets::remove(tx, &format!("{}{end}", account.id))?;
        }
    }
    if typed.is_empty() { Ok(()) } else { seal(tx, &ctx.place, account.id, typed) }
}

/// Whether a password of the account of this name could be kept, before anybody types it.
///
/// # Errors
/// Exit 78: others are sealed with a key that this machine has not.
pub fn admit(account: &str, ctx: &Context) -> Result<()> {
    if ctx.place.server().is_none() {
        return Ok(());
    }
    ctx.store()?.read(|tx| {
        let account_id = accounts::by_name(tx, account)?.map_or(0, |account| account.id);
        fitting(tx, &ctx.place, account_id).map(drop)
    })
}

/// The key of this machine, where it is that of the passwords of all other accounts; `None` = nobody has one.
fn fitting(tx: &Tx<'_>, place: &Place, account_id: i64) -> Result<Option<Key>> {
    let file = key_file(place);
    let others = sealed_secrets::all(tx)?.into_iter().find(|one| one.account_id != account_id);
    let key = Key::read(&file)?;
    match others.filter(|other| key.as_ref().is_none_or(|key| key.mark() != other.key)) {
        Some(other) => Err(lacks(&file, key.as_ref(), &other.key).into()),
        None => Ok(key),
    }
}

/// Seals passwords of an account in a database on a server.
fn seal(tx: &Tx<'_>, place: &Place, account_id: i64, typed: &[(PathBuf, Zeroizing<String>)]) -> Result<()> {
    // Under the turn: two machines do not make two keys.
    let key = match fitting(tx, place, account_id)? {
        Some(key) => key,
        None => Key::make(&key_file(place))?,
    };
    for (file, secret) in typed {
        let name = name(file);
        let one = Sealed { name: name.to_owned(), account_id, key: key.mark(), bytes: key.seal(name, secret)? };
        sealed_secrets::keep(tx, &one)?;
        // Where an older release kept it.
        secret::remove(file)?;
    }
    Ok(())
}

/// Writes sealed passwords into files of a directory; the number of them.
///
/// # Errors
/// This machine has not the key, or a file cannot be written.
pub fn unseal_into(directory: &Path, place: &Place) -> Result<usize> {
    let all = sealed(place)?;
    for one in &all {
        secret::store(&directory.join(&one.name), &open(place, one)?)?;
    }
    Ok(all.len())
}

/// Seals the passwords that are files of a new database on a server.
///
/// # Errors
/// As [`keep`].
pub fn seal_files(store: &Store) -> Result<()> {
    let place = store.place();
    for file in std::fs::read_dir(place.secrets()).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(account_id) = name(&file).strip_suffix(secret::OF_SMTP).unwrap_or(name(&file)).parse() else { continue };
        let typed = [(file.clone(), SecretSpec::Stored.resolve(&file)?)];
        store.write(|tx| seal(tx, place, account_id, &typed))?;
    }
    Ok(())
}
