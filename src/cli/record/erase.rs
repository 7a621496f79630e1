//! `record erase`: a person goes, with all their mail (B13.8).

use anyhow::Result;
use clap::Args;

use super::change::thing;
use super::{Named, counted, find};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::desk::record::shown;
use crate::erase;
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::log;
use crate::store::records::{ParentType, Record};

/// `record erase`
#[derive(Debug, Args)]
pub struct Erase {
    #[command(flatten)]
    record: Named,
    /// Write the tables of a server again, while nobody can work
    #[arg(long)]
    rewrite: bool,
}

fn refuse_converted(record: &Record) -> Result<()> {
    match record.converted.last() {
        None => Ok(()),
        Some(became) => Err(error::data(format!("{}: is converted", shown(record)))
            .hint(format!("erase what it became: espomail record erase {} {}", became.kind, became.id))
            .into()),
    }
}

pub fn erase(args: &Erase, ctx: &Context) -> Result<()> {
    let rewrite = args.rewrite;
    let args = &args.record;
    if !matches!(args.kind, ParentType::Contact | ParentType::Lead) {
        return Err(error::usage(format!("a {} cannot be erased: only contacts and leads can", args.kind))
            .hint(format!("espomail record delete {} NAME", args.kind))
            .into());
    }
    ctx.read(|tx, actor| {
        actor.require_admin("record erase")?;
        refuse_converted(&find(tx, actor, args)?)
    })?;
    ctx.confirm(&format!(
        "Erase {} {} with all their mail? This cannot be undone, except by restoring a backup.",
        args.kind, args.name
    ))?;
    let store = ctx.unlogged_store()?.watch(log::kind_of)?;
    // Nothing of it may be on the wire meanwhile.
    let unsent = context::unsent(&store)?;
    let briefs = store.read(|tx| {
        let (world, actor) = (World::load(tx, &ctx.config, ctx.now())?, ctx.actor(tx)?);
        actor.require_admin("record erase")?;
        erase::Briefs::read(tx, &world, &find(tx, &actor, args)?)
    })?;
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("record erase")?;
        let record = find(tx, actor, args)?;
        refuse_converted(&record)?;
        let erased = erase::person(tx, &World::load(tx, &ctx.config, ctx.now())?, &record, &briefs)?;
        Ok((record, erased))
    };
    let work = |tx: &Tx<'_>| ctx.logged(tx, work);
    let (record, erased) = if ctx.dry_run { store.rehearse(work) } else { store.write_and_scrub(rewrite, work) }?;
    drop(unsent);
    drop(store);
    let kept = match erased.kept {
        0 => String::new(),
        n => format!("; kept, because others take part: {}", counted(n, "email")),
    };
    ctx.done(
        thing(&record),
        &format!(
            "{} erased, with {} and the text of {}{kept}",
            shown(&record),
            counted(erased.emails, "email"),
            counted(erased.cases, "case")
        ),
    )
}
