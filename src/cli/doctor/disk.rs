//! The disk and the files of the database: whether it can be written at all.

use std::path::Path;

use anyhow::Result;

use super::{Finding, failed, files};
use crate::cli::context::Context;
use crate::error::{self, Kind};
use crate::store::disk::{self, Disk};
use crate::units::about;

/// Looks at the disk, at owners and modes, and tries to write; `before` is how it was before the database was opened.
pub fn look(ctx: &Context, fix: bool, before: Option<Disk>) -> Result<Vec<Finding>> {
    let mut findings = files::look(ctx, fix)?;
    let disk = match before.filter(|_| !fix) {
        Some(before) => before,
        // Rights have been given back.
        None => disk::look_at(&ctx.place)?,
    };
    findings.extend(state(ctx, &disk));
    let troubles = disk.troubles();
    let is_grave = troubles.iter().any(|trouble| trouble.is_grave);
    findings.extend(troubles.into_iter().map(|trouble| match trouble.is_grave {
        true => Finding::fail("disk", Kind::Io, trouble.what, trouble.remedy),
        false => Finding::warn("disk", trouble.what, trouble.remedy),
    }));
    if !is_grave {
        findings.extend(writing(ctx));
        let text = match ctx.place.file() {
            Some(_) => format!("{} free, the database has {}", about(disk.free), about(disk.size)),
            None => format!("{} free for the state directory", about(disk.free)),
        };
        // Of a state directory that is not there, no disk was looked at.
        let is_known = ctx.place.file().is_some() || disk.state.is_none();
        if is_known && findings.iter().all(|one| one.check != "disk") {
            findings.push(Finding::ok("disk", text));
        }
    }
    Ok(findings)
}

/// The state directory, where one was named or the database is on a server.
fn state(ctx: &Context, disk: &Disk) -> Option<Finding> {
    let of_server = ctx.place.server().map(|_| ctx.place.state());
    let state = ctx.place.named_state().map(Path::to_owned).or(of_server)?;
    Some(match &disk.state {
        Some(trouble) => Finding::fail("state", Kind::Config, &trouble.what, &trouble.remedy),
        None => Finding::ok("state", format!("passwords and tokens are in {}", state.display())),
    })
}

/// What a write says that is undone again; nothing where it works or another process is writing.
fn writing(ctx: &Context) -> Option<Finding> {
    let error = ctx.try_to_write().err()?;
    match error::classify(&error).0 {
        Kind::TempFail => None,
        _ => Some(failed(if ctx.place.file().is_some() { "disk" } else { "database" }, &ctx.explained(error))),
    }
}
