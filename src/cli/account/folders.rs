//! Which folders of a mailbox are polled, and where their mail goes: `--folder`, `--read-sent` and `--folder-map`.

use anyhow::Result;

use super::settings::Settings;
use crate::error;
use crate::store::accounts::{self, Account, PutIn, ReadSent};
use crate::store::db::Tx;
use crate::store::folders;
use crate::store::search::Place;

/// One `IMAP=FOLDER`.
struct Mapped {
    imap: String,
    put_in: PutIn,
    folder_id: Option<i64>,
}

/// Writes the folders of an account; what is not given stays as it is.
pub fn put(tx: &Tx<'_>, account: &Account, settings: &Settings, is_new: bool) -> Result<()> {
    let given = settings.personal.folder_map.iter().filter(|text| !text.is_empty());
    let map: Vec<Mapped> = given.map(|text| mapped(tx, account, text)).collect::<Result<_>>()?;
    let mut names: Vec<String> = match settings.fetching.folders.as_slice() {
        [] if is_new => vec!["INBOX".to_owned()],
        [] => {
            let polled = accounts::folders(tx, account.id)?;
            polled.into_iter().filter(|folder| !folder.sent).map(|folder| folder.name).collect()
        }
        given => given.to_vec(),
    };
    for one in &map {
        if !names.contains(&one.imap) {
            names.push(one.imap.clone());
        }
    }
    match &settings.fetching.read_sent {
        Some(ReadSent::Folder(name)) => accounts::put_sent(tx, account.id, Some(name))?,
        // With `auto` the next fetch finds it.
        Some(ReadSent::No | ReadSent::Auto) => accounts::put_sent(tx, account.id, None)?,
        None => {}
    }
    accounts::put_folders(tx, account.id, &names)?;
    if settings.personal.folder_map.is_empty() {
        return Ok(());
    }
    names.iter().try_for_each(|name| accounts::map_folder(tx, account.id, name, PutIn::Usual, None))?;
    map.iter().try_for_each(|one| accounts::map_folder(tx, account.id, &one.imap, one.put_in, one.folder_id))
}

fn mapped(tx: &Tx<'_>, account: &Account, text: &str) -> Result<Mapped> {
    let parts = text.rsplit_once('=').filter(|(imap, folder)| !imap.is_empty() && !folder.is_empty());
    let Some((imap, folder)) = parts.filter(|(imap, _)| !imap.chars().any(char::is_control)) else {
        return Err(error::usage(format!("--folder-map: \"{}\" is not IMAP=FOLDER", text.escape_debug()))
            .hint("write it as --folder-map INBOX/Invoices=Invoices")
            .into());
    };
    let (put_in, folder_id) = match folder.parse::<Place>() {
        Ok(Place::Inbox) => (PutIn::Usual, None),
        Ok(Place::Archive) => (PutIn::Archive, None),
        Ok(Place::Trash) => (PutIn::Trash, None),
        Ok(place) => {
            return Err(error::usage(format!("--folder-map: nothing can be put into {place}"))
                .hint("name a folder of the owner's, inbox, archive or trash")
                .into());
        }
        Err(_) => (PutIn::Usual, Some(personal(tx, account, folder)?)),
    };
    Ok(Mapped { imap: imap.to_owned(), put_in, folder_id })
}

fn personal(tx: &Tx<'_>, account: &Account, name: &str) -> Result<i64> {
    let found = account.user_id.map(|owner| folders::personal(tx, owner, name)).transpose()?.flatten();
    let folder = found.ok_or_else(|| {
        error::data(format!("--folder-map: the owner has no folder \"{}\"", name.escape_debug()))
            .hint("the owner makes it first: espomail folder add NAME")
    })?;
    Ok(folder.id)
}
