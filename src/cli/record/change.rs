//! What changes one record: adding, editing, deleting, following.

use anyhow::Result;

use super::fields::apply;
use super::{Add, Edit, Follow, Named, find, find_to_edit};
use crate::access::{self, Actor};
use crate::cli::context::{self, Context};
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::levels::Permission;
use crate::store::records::{self, Record};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{User, UserType};

/// A regular user who names nobody becomes the assignee: else they could not see what they made.
pub fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = context::name("NAME", &args.name)?;
    let id = ctx.write(|tx, actor| {
        actor.require_some(Permission::RecordEdit)?;
        let mut changes = args.fields.look_up(tx, actor, args.kind, None)?;
        changes.or_assign(actor.user().filter(|user| user.user_type == UserType::Regular));
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let parent = records::add(tx, args.kind, &name, ctx.now())?;
        let (kind, user_id) = (NoteKind::Created, actor.user_id());
        stream::note(tx, NewNote { parent, kind, user_id, email_id: None, text: "" }, ctx.now())?;
        apply(tx, actor, parent, &changes, Some(&world))?;
        Ok(parent.id)
    })?;
    ctx.done(id, &format!("{} {name} added ({id})", args.kind))
}

pub fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let new_name = args.new_name.as_deref().map(|name| context::name("--name", name)).transpose()?;
    let record = ctx.write(|tx, actor| {
        let record = find_to_edit(tx, actor, &args.record)?;
        let changes = args.fields.look_up(tx, actor, record.parent.kind, Some(record.parent))?;
        if changes.is_empty() && new_name.is_none() {
            return Err(error::Fault::new(error::Kind::Usage, "record edit: nothing to be changed")
                .hint("see `espomail record edit --help`")
                .into());
        }
        if let Some(name) = &new_name {
            records::rename(tx, record.parent, name)?;
        }
        let world = World::load(tx, &ctx.config, ctx.now())?;
        apply(tx, actor, record.parent, &changes, Some(&world))?;
        Ok(record)
    })?;
    ctx.done(record.parent.id, &format!("{} changed", shown(&record)))
}

pub fn delete(args: &Named, ctx: &Context) -> Result<()> {
    let question = format!("Delete {} {}? Its mail and cases stay, without it.", args.kind, args.name);
    ctx.confirm_about("record delete", &question, |tx, actor| find(tx, actor, args))?;
    let record = ctx.write(|tx, actor| {
        actor.require_admin("record delete")?;
        let record = find(tx, actor, args)?;
        records::delete(tx, record.parent)?;
        Ok(record)
    })?;
    ctx.done(record.parent.id, &format!("{} deleted", shown(&record)))
}

pub fn follow(args: &Follow, ctx: &Context) -> Result<()> {
    let (record, user) = ctx.write(|tx, actor| {
        let (record, user) = (find(tx, actor, &args.record)?, follower(tx, actor, args, "record follow")?);
        if !records::exists(tx, record.parent, access::sight_of(&user))? {
            let edit = format!("espomail record edit {} {} --team TEAM", record.parent.kind, record.parent.id);
            return Err(error::data(format!("user: {} may not see {}", user.username, shown(&record)))
                .hint(format!("give it to a team of theirs: {edit}"))
                .into());
        }
        stream::follow(tx, record.parent, user.id)?;
        Ok((record, user))
    })?;
    ctx.done(record.parent.id, &format!("{} follows {}", user.username, shown(&record)))
}

pub fn unfollow(args: &Follow, ctx: &Context) -> Result<()> {
    let (record, user) = ctx.write(|tx, actor| {
        let (record, user) = (find(tx, actor, &args.record)?, follower(tx, actor, args, "record unfollow")?);
        if !stream::unfollow(tx, record.parent, user.id)? {
            return Err(error::data(format!("user: {} does not follow {}", user.username, shown(&record))).into());
        }
        Ok((record, user))
    })?;
    ctx.done(record.parent.id, &format!("{} no longer follows {}", user.username, shown(&record)))
}

/// Whoever acts, or the user an administrator names.
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

/// A record in a sentence: `contact Budi`.
pub fn shown(record: &Record) -> String {
    format!("{} {}", record.parent.kind, record.name)
}
