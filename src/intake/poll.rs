//! Polling one account: its folders one after the other ([`survey`] says what is new there, [`download`] gets it), what is
//! to be done on its server afterwards, and last of all what the server still owes.
//!
//! A session asks the main thread what it needs to know ([`Desk`]) and never sees the store. What a
//! session received before its connection broke has been handed over before the error is.

use anyhow::Result;

use super::session_desk::{Desk, Job};
use super::unsettled::Unsettled;
use super::{download, junk, survey};
use crate::net::{self, MailSource, NetError, NetErrorKind};
use crate::store::accounts::{AfterImport, Folder, Polled, ReadSent};
use crate::store::server_actions::ServerAction;

/// Polls every folder of an account over one session.
///
/// # Errors
/// The session is over: network, protocol, or the desk has closed.
pub fn session(source: &mut dyn MailSource, job: &Job, desk: &mut dyn Desk) -> Result<()> {
    if let Some(ends) = source.certificate_ends().filter(|_| !job.dry_run) {
        desk.certificate(ends)?;
    }
    let mut failed = None;
    let owed = if job.dry_run { Vec::new() } else { desk.owed()? };
    let sent = sent_folder(source, job, desk)?;
    for folder in job.folders.iter().chain(&sent) {
        match poll_folder(source, job, &folder.name, desk) {
            Ok(()) => desk.folder(&folder.name, None)?,
            Err(error) => {
                let Some(net) = error.downcast_ref::<NetError>() else { return Err(error) };
                desk.folder(&folder.name, Some(net))?;
                let ends = !net.is_of_folder();
                let error = NetError::of_folder(error, &folder.name);
                if ends {
                    return Err(error);
                }
                // Mail that did not come in is the worse trouble.
                if failed
                    .as_ref()
                    .is_none_or(|before: &anyhow::Error| before.is::<Unsettled>() && !error.is::<Unsettled>())
                {
                    failed = Some(error);
                }
            }
        }
    }
    let owing = download::fetch_owed(source, job, owed, desk)?;
    let unmoved = if job.dry_run { None } else { junk::act(source, job, desk)? };
    source.logout();
    if failed.as_ref().is_none_or(|before| before.is::<Unsettled>()) {
        failed = owing.or(failed).or(unmoved);
    }
    failed.map_or(Ok(()), Err)
}

/// The Sent folder of an account that reads it and has not found it yet (B13.7).
fn sent_folder(source: &mut dyn MailSource, job: &Job, desk: &mut dyn Desk) -> Result<Option<Folder>> {
    let known = job.folders.iter().any(|folder| folder.sent);
    if known || job.dry_run || job.account.fetching.read_sent != ReadSent::Auto {
        return Ok(None);
    }
    let listed = match source.folders() {
        Err(error) if matches!(error.kind, NetErrorKind::Refused) => return Ok(None),
        listed => listed?,
    };
    let Some(name) = net::sent_folder(&listed) else { return Ok(None) };
    desk.sent_folder(name)?;
    let is_polled = job.folders.iter().any(|folder| folder.name == name);
    Ok((!is_polled).then(|| Folder::new(name, true)))
}

fn poll_folder(source: &mut dyn MailSource, job: &Job, folder: &str, desk: &mut dyn Desk) -> Result<()> {
    let read_only = job.dry_run || job.account.fetching.after_import == AfterImport::Keep;
    let open = source.open(folder, read_only)?;
    let found = survey::look(source, job.account.fetching.fetch_since, folder, open, desk)?;
    let mut new = found.new;
    let moves = found.fault.is_none();
    let mut polled = Polled { up_to: found.seen, messages: found.messages, left_out: found.left_out };
    if job.portion > 0 && new.len() > job.portion {
        new.truncate(job.portion);
        let last = new.last().filter(|_| moves).map_or(0, |last| last.uid);
        polled = Polled { up_to: last, messages: found.messages.filter(|_| !moves), left_out: 0 };
    }
    if !new.is_empty() {
        desk.begun(new.len(), new.iter().map(|message| message.size).sum())?;
    }
    download::fetch_listed(source, job, folder, open.uidvalidity, &new, moves, desk)?;
    let actions = desk.complete(folder, open.uidvalidity, polled)?;
    if !job.dry_run {
        act(source, &actions, desk)?;
    }
    found.fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Carries out what was planned for this folder, one command for each kind of action.
fn act(source: &mut dyn MailSource, actions: &[ServerAction], desk: &mut dyn Desk) -> Result<()> {
    for group in actions.chunk_by(|a, b| a.action == b.action) {
        let Some(first) = group.first() else { continue };
        for part in group.chunks(1_000) {
            let uids: Vec<u32> = part.iter().map(|a| a.uid).collect();
            let done = match first.action.parse() {
                Ok(AfterImport::Seen) => source.mark_seen(&uids),
                Ok(AfterImport::Delete) => source.delete(&uids),
                Ok(AfterImport::Move(target)) => source.move_to(&uids, &target),
                Ok(AfterImport::Keep) | Err(_) => Ok(()),
            };
            let ids = part.iter().map(|a| a.id).collect();
            desk.acted(ids, done.as_ref().err().map(|e| e.message.clone()))?;
            done.map_err(|error| anyhow::Error::from(error).context(Unsettled::of(first.action.parse().ok())))?;
        }
    }
    Ok(())
}
