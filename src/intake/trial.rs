//! A mailbox is looked at as a fetch would, and nothing is changed: what would come, and whether a message comes whole. Only
//! the probe sends a message, to the account itself, and removes it.

pub mod probe;

use anyhow::Result;
use jiff::Timestamp;

use super::survey;
use crate::mail::authentication_results::topmost_id;
use crate::mail::message;
use crate::net::{MailSource, NetError, NetErrorKind, OpenFolder};
use crate::store::accounts::Folder;

/// Bytes of one message that are fetched to see that there are some.
const BEGINNING: u32 = 64 << 10;

/// What a fetch of a folder would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Messages that it has.
    pub messages: u32,
    /// Those that would be fetched.
    pub new: usize,
    /// Their sizes, as the server tells them.
    pub bytes: u64,
}

/// Opens a folder for reading.
///
/// # Errors
/// It cannot be opened, or the server fails; the error names it.
pub fn folder(source: &mut dyn MailSource, folder: &Folder, since: Timestamp) -> Result<(OpenFolder, Waiting)> {
    let look = |source: &mut dyn MailSource| -> Result<(OpenFolder, Waiting)> {
        let open = source.open(&folder.name, true)?;
        let new = survey::waiting(source, since, open, folder)?;
        let bytes = new.iter().map(|message| message.size).sum();
        Ok((open, Waiting { messages: open.exists, new: new.len(), bytes }))
    };
    look(source).map_err(|error| NetError::of_folder(error, &folder.name))
}

/// The beginning of the newest message of the open folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub uid: u32,
    pub size: u64,
    /// Whose verdict it bears ([`topmost_id`]).
    pub judged_by: Option<String>,
}

/// Fetches the newest message of the open folder; `None` where it has none.
///
/// # Errors
/// The server lists a message and does not deliver it.
pub fn newest(source: &mut dyn MailSource, open: OpenFolder) -> Result<Option<Newest>> {
    if open.exists == 0 {
        return Ok(None);
    }
    let listing = source.list(u32::MAX - 1)?;
    let mut listed = listing.rows.last().or(listing.below.as_ref()).copied();
    if listed.is_none() {
        // Some servers list nothing where nothing is above (RFC 3501 6.4.8).
        let highest = source.search_all()?.unwrap_or_default().last().copied();
        listed = highest.map(|uid| source.list_uids(&[uid])).transpose()?.unwrap_or_default().pop();
    }
    let Some(newest) = listed else {
        let words = format!("the folder has {} messages, and the server lists none", open.exists);
        return Err(NetError::new(NetErrorKind::Folder, words).into());
    };
    let mut raw = Vec::new();
    source.fetch(&[newest.uid], Some(BEGINNING), &mut |body| raw = body.raw)?;
    if raw.is_empty() {
        let words = format!("UID {}: the server says OK and delivers nothing of it", newest.uid);
        return Err(NetError::new(NetErrorKind::Protocol, words).into());
    }
    let judged_by = topmost_id(&message::parse(&raw));
    Ok(Some(Newest { uid: newest.uid, size: newest.size, judged_by }))
}
