//! What changes one record: adding, editing, deleting, following.

use anyhow::Result;

use super::{Add, Edit, Follow, Named, find, find_to_edit};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::desk::record::{self, shown};
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::records::{self, Record};
use crate::store::users::User;
use crate::ui::outcome::Thing;

pub fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = context::name("name", &args.name)?;
    let id = ctx.write(|tx, actor| {
        // Before any name is looked up.
        actor.require_some(Permission::RecordEdit)?;
        let changes = args.fields.look_up(tx, actor, args.kind, None)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        Ok(record::add(tx, &world, actor, (args.kind, &name), changes)?.id)
    })?;
    ctx.done(Thing::record(args.kind.as_str(), id, &name), &format!("{} {name} added ({id})", args.kind))
}

pub fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let new_name = args.new_name.as_deref().map(|name| context::name("--name", name)).transpose()?;
    let record = ctx.write(|tx, actor| {
        let record = find_to_edit(tx, actor, &args.record)?;
        let changes = args.fields.look_up(tx, actor, record.parent.kind, Some(record.parent))?;
        if changes.is_empty() && new_name.is_none() {
            return Err(error::usage("record edit: nothing is given that is to be changed")
                .hint("see `espomail record edit --help`")
                .into());
        }
        let world = World::load(tx, &ctx.config, ctx.now())?;
        record::change(tx, &world, actor, record.parent, &changes, new_name.as_deref())?;
        Ok(record)
    })?;
    ctx.done(thing(&record), &format!("{} changed", shown(&record)))
}

pub fn delete(args: &Named, ctx: &Context) -> Result<()> {
    let question = format!("Delete {} {}? Its mail and cases stay, without it.", args.kind, args.name);
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("record delete")?;
        let record = find(tx, actor, args)?;
        records::delete(tx, record.parent)?;
        Ok(record)
    };
    ctx.confirm_tried(&question, work)?;
    let record = ctx.write(work)?;
    ctx.done(thing(&record), &format!("{} deleted", shown(&record)))
}

pub fn follow(args: &Follow, ctx: &Context) -> Result<()> {
    let (record, user) = ctx.write(|tx, actor| {
        let (record, user) = (find(tx, actor, &args.record)?, follower(tx, actor, args, "record follow")?);
        record::follow_record(tx, &record, &user)?;
        Ok((record, user))
    })?;
    ctx.done(with_user(&record, &user), &format!("{} follows {}", user.username, shown(&record)))
}

pub fn unfollow(args: &Follow, ctx: &Context) -> Result<()> {
    let (record, user) = ctx.write(|tx, actor| {
        let (record, user) = (find(tx, actor, &args.record)?, follower(tx, actor, args, "record unfollow")?);
        record::unfollow_record(tx, &record, &user)?;
        Ok((record, user))
    })?;
    ctx.done(with_user(&record, &user), &format!("{} no longer follows {}", user.username, shown(&record)))
}

/// A record as the result of a command.
pub fn thing(record: &Record) -> Thing {
    Thing::record(record.parent.kind.as_str(), record.parent.id, &record.name)
}

fn with_user(record: &Record, user: &User) -> [Thing; 2] {
    [thing(record), Thing::user(user.id, &user.username)]
}

/// The acting user, or the user an administrator names.
fn follower(tx: &Tx<'_>, actor: &Actor, args: &Follow, what: &str) -> Result<User> {
    let Some(name) = args.user.as_deref().filter(|name| *name != "@me") else {
        return actor.require_user(what).cloned();
    };
    let user = context::user(tx, name)?;
    if actor.user_id() != Some(user.id) {
        actor.require_admin("--user")?;
    }
    if !user.active {
        return Err(error::data(format!("--user: {name} is disabled")).into());
    }
    Ok(user)
}
