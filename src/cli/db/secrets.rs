//! Secrets that go with a database that is copied.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::context::Context;
use crate::cli::passwords;
use crate::place::Place;
use crate::secret::{self, OF_SMTP, SecretSpec};
use crate::store::accounts;
use crate::store::db::Store;

/// Copies the secrets of the database of the context to `to`, and names the accounts whose secret is not there then; a
/// sentence that says how many there were. `sealing` is the new database where it is on a server.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy(from: &Store, to: &Place, sealing: Option<&Store>, ctx: &Context) -> Result<String> {
    let target = to.secrets();
    let source = directory(&ctx.place, to);
    let copied = secret::copy(&source, &target)? + passwords::unseal_into(&target, from.place())?;
    sealing.map_or(Ok(()), passwords::seal_files)?;
    let sealed = passwords::sealed(to)?;
    let lacking = from.read(accounts::all)?.into_iter().filter(|account| {
        let stored = SecretSpec::Stored.to_string();
        let lacks = |name: String| !target.join(&name).exists() && !sealed.iter().any(|one| one.name == name);
        account.imap.secret == stored && lacks(account.id.to_string())
            || account.smtp.secret == stored && lacks(format!("{}{OF_SMTP}", account.id))
    });
    let lacking: Vec<String> = lacking.map(|account| account.name).collect();
    if let Some(first) = lacking.first() {
        let names = lacking.join(", ");
        ctx.ui.concern(&format!("no password is kept in {} for: {names}", source.display()));
        ctx.ui.hint(&format!("give it to the new database: espomail --db TO account edit {first} --secret stdin"));
    }
    Ok(match copied {
        0 => "no secrets were found".to_owned(),
        1 => "1 secret is copied".to_owned(),
        number => format!("{number} secrets are copied"),
    })
}

/// The accounts of a database whose password is not among the files of a directory, each with the option that gives it.
///
/// # Errors
/// The database cannot be read.
pub fn lacking(store: &Store, files: &Path) -> Result<Vec<(String, &'static str)>> {
    let stored = SecretSpec::Stored.to_string();
    let mut lacking = Vec::new();
    for account in store.read(accounts::all)? {
        let lacks = |name: String| !files.join(name).exists();
        if account.imap.secret == stored && lacks(account.id.to_string()) {
            lacking.push((account.name.clone(), "--secret"));
        }
        if account.smtp.secret == stored && lacks(format!("{}{OF_SMTP}", account.id)) {
            lacking.push((account.name, "--smtp-secret"));
        }
    }
    Ok(lacking)
}

/// Where those of a database are: where its state is, or next to its file, as those of a backup are.
fn directory(from: &Place, to: &Place) -> PathBuf {
    let beside = from.file().map(secret::directory_of_backup);
    // One state directory may have been named for both.
    let named = to.named_state().map(|state| from.clone().with_state(state).secrets());
    let places = [Some(from.secrets()), beside, named];
    let has_some = |dir: &PathBuf| holds_some(dir);
    places.into_iter().flatten().find(has_some).unwrap_or_else(|| from.secrets())
}

fn holds_some(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some())
}
