//! Who may read and write the files next to the database.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Finding;
use crate::caller;
use crate::cli::context::Context;
use crate::error::Kind;
use crate::place::{self, Database};
use crate::store::disk;

/// Looks at the database, its helpers, locks and secrets; with `fix` takes from others what they must not have.
pub fn look(ctx: &Context, fix: bool) -> Result<Vec<Finding>> {
    let (mut all, owner) = match ctx.place.database() {
        Database::File(file) => of_file(file, ctx)?,
        // What is wrong with it is told with the disk.
        Database::Server(_) if ctx.place.admit(false).is_err() => return Ok(Vec::new()),
        Database::Server(_) => of_state(ctx)?,
    };
    for (check, dir) in [("locks", ctx.place.locks()), ("secrets", ctx.place.secrets())] {
        all.extend(fs::read_dir(&dir).into_iter().flatten().filter_map(|entry| Some((check, entry.ok()?.path()))));
        all.push((check, dir));
    }
    let mut findings = Vec::new();
    let is_service = caller::is_service(owner);
    for (check, path) in all {
        // A person's directory may hold more than that, which others may read and must not replace.
        let kept_from_others = if check == "state" && !is_service { 0o022 } else { 0o077 };
        // Neither there nor, as a link, to be followed.
        let Ok(facts) = path.symlink_metadata() else { continue };
        findings.extend(judge((check, &path), &facts, (owner, kept_from_others), ctx, fix)?);
    }
    let kept = ctx.place.file().map_or("state", |_| "database");
    for check in [kept, "secrets"] {
        if !findings.iter().any(|one| one.check == check) {
            let can = if check == "state" && !is_service { "changed" } else { "readable" };
            findings.push(Finding::ok(check, format!("{can} only by its owner, {}", name_of(owner))));
        }
    }
    findings.extend(ctx.place.left_secrets().map(|left| {
        let text = format!("those in {} are not used: the state directory is another one", left.display());
        Finding::warn("secrets", text, format!("mv -T {} {}", left.display(), ctx.place.secrets().display()))
    }));
    Ok(findings)
}

/// A file with its helpers, and who owns it.
fn of_file(file: &Path, ctx: &Context) -> Result<(Vec<(&'static str, PathBuf)>, u32)> {
    let beside = |end: &str| disk::beside(file, end);
    let directory = place::directory(file).to_owned();
    let mut all = vec![("database", file.to_owned()), ("database", beside("-wal")), ("database", beside("-shm"))];
    let owner = owner(file, &directory)?;
    if caller::is_service(owner) {
        // A person's database may lie among their other files.
        all.push(("database", directory));
    }
    // Another one may be named by mistake, and is left as it is.
    let named = ctx.place.named_state().filter(|_| ctx.place.admit(false).is_ok());
    all.extend(named.map(|state| ("state", state.to_owned())));
    Ok((all, owner))
}

/// The state directory of a server, and who owns it.
fn of_state(ctx: &Context) -> Result<(Vec<(&'static str, PathBuf)>, u32)> {
    let state = ctx.place.state();
    let owner = fs::metadata(&state).map_or_else(|_| ctx.caller.process_uid, |facts| facts.uid());
    Ok((vec![("state", state)], owner))
}

/// Who owns the database. A copy that root put into a service's directory should be the service's.
fn owner(db: &Path, directory: &Path) -> Result<u32> {
    let service = fs::metadata(directory).map(|facts| facts.uid()).ok().filter(|uid| caller::is_service(*uid));
    Ok(service.map_or_else(|| fs::metadata(db).map(|facts| facts.uid()), Ok)?)
}

/// Judges one path; `kept` is who owns it, and what others must not be allowed.
fn judge(
    (check, path): (&str, &Path),
    facts: &Metadata,
    kept: (u32, u32),
    ctx: &Context,
    fix: bool,
) -> Result<Option<Finding>> {
    let (owner, kept_from_others) = kept;
    let shown = path.display();
    if facts.uid() != owner {
        let text = format!("{shown} belongs to {}", name_of(facts.uid()));
        return Ok(Some(Finding::fail(check, Kind::Config, text, format!("chown {} {shown}", name_of(owner)))));
    }
    let (open, own) = (facts.mode() & kept_from_others, disk::of_owner(facts));
    let is_shut = facts.mode() & own != own && check != "secrets";
    if facts.is_symlink() || (open == 0 && !is_shut) {
        return Ok(None);
    }
    // What is shut to its owner and not mended here is told with the disk.
    if open == 0 && !fix {
        return Ok(None);
    }
    let mode = facts.mode() & 0o777 & !kept_from_others | if is_shut { own } else { 0 };
    let (what, remark) = match open {
        0 => ("shut to its owner", ""),
        _ if kept_from_others == 0o022 => ("open to changes by others", "other users could replace what is in it"),
        _ => ("open to others", "other users could read it and perhaps did"),
    };
    let text = format!("{shown} is {what} (mode {:03o})", facts.mode() & 0o777);
    if !fix {
        return Ok(Some(Finding::fail(
            check,
            Kind::Config,
            text,
            format!("chmod {mode:03o} {shown}, or doctor --fix"),
        )));
    }
    if !ctx.dry_run {
        fs::set_permissions(path, Permissions::from_mode(mode)).with_context(|| format!("cannot change {shown}"))?;
    }
    let done = if ctx.dry_run { "would be set to" } else { "set to" };
    Ok(Some(Finding::warn(check, format!("{text}: {done} {mode:03o}"), remark)))
}

fn name_of(uid: u32) -> String {
    caller::login_of(uid).unwrap_or_else(|| format!("uid {uid}"))
}
