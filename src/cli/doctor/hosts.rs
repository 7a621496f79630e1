//! The machines that work on one database, and the server itself: whether they agree, and whether another one has taken over.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::cli::context::{self, Context};
use crate::cli::host::trouble;
use crate::cli::passwords;
use crate::holder;
use crate::store::hosts::{self, Known};
use crate::store::restored;

/// A server that has taken over is told of for so long.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What keeps an administrator from losing mail with a server.
const STANDBY: &str = "a standby that is synchronous loses nothing: see FAILOVER in `espomail man postgresql`";

/// What lets commands go on that wait for a standby.
const STANDS_STILL: &str = "start the standby again, or do without it: see FAILOVER in `espomail man postgresql`";

/// Looks at what the machines have said of themselves, and at the clock of this one.
pub fn look(ctx: &Context) -> Result<Vec<Finding>> {
    if ctx.place.server().is_none() {
        return Ok(Vec::new());
    }
    let store = ctx.store()?;
    let (mut known, replaced) = store.read(|tx| Ok((hosts::list(tx)?, restored::failed_over_at(tx)?)))?;
    let (here, ahead) = (holder::host(), hosts::clock_ahead(&store, &Timestamp::now)?);
    let mut findings = Vec::new();
    if store.has_another_server()? {
        let text = "another server has taken the place of the one that this database was written on";
        findings.push(Finding::warn("failover", text, "espomail fetch looks after what it may lack"));
    } else if let Some(at) = replaced.filter(|at| ctx.now().duration_since(*at) < LATELY) {
        let text = format!("another server took over {} ago, and may lack what was committed last", ctx.ui.age(at));
        findings.push(Finding::warn("failover", text, STANDBY));
    }
    findings.extend(store.stands_still()?.map(|text| Finding::warn("failover", text, STANDS_STILL)));
    match known.iter_mut().find(|host| host.name == here) {
        Some(host) => host.clock_ahead = Some(ahead),
        None => findings.extend(trouble::clock(&here, ahead).map(of)),
    }
    findings.extend(keys(ctx)?);
    let troubles = trouble::of(&known, ctx.config.max_runtime);
    if troubles.is_empty() && !known.is_empty() {
        findings.push(Finding::ok("hosts", agreed(&known)));
    }
    findings.extend(troubles.into_iter().map(of));
    Ok(findings)
}

/// Whether this machine can open the passwords in the database.
fn keys(ctx: &Context) -> Result<Option<Finding>> {
    let store = ctx.store()?;
    if let Some((why, _)) = passwords::shut(&store)? {
        return Ok(Some(super::failed("secrets", &why.into())));
    }
    let sealed = passwords::sealed(&ctx.place)?;
    Ok(sealed.first().map(|one| {
        let count = match sealed.len() {
            1 => "1 password is".to_owned(),
            n => format!("{n} passwords are"),
        };
        let text = format!("{count} sealed in the database with the key {}, which this machine has", one.key);
        Finding::ok("secrets", text)
    }))
}

fn of(trouble: trouble::Trouble) -> Finding {
    Finding::warn("hosts", context::capitalised(&trouble.what), trouble.next)
}

fn agreed(known: &[Known]) -> String {
    let here: Vec<&str> = known.iter().filter(|host| !trouble::is_away(host)).map(|host| host.name.as_str()).collect();
    match here.as_slice() {
        [] => "none was seen for a day".to_owned(),
        [one] => format!("{one} alone works with the database"),
        several => format!("{} agree", several.join(", ")),
    }
}
