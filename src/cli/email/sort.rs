//! `email read|unread|important|unimportant|archive|trash|move`: a user's own mailbox, and group folders (B6.3).

use anyhow::Result;
use clap::Args;

use super::each;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::desk::{self, Sorting, Target};
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::search::Place;
use crate::system_words;
use crate::ui::outcome::{Deed, Thing};

/// Takes mail out of its group folder.
const NONE: &str = "none";

/// Emails' ids.
#[derive(Debug, Args)]
pub struct Ids {
    /// Email ids
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<i64>,
}

/// `email move`
#[derive(Debug, Args)]
pub struct Move {
    /// Email ids, then a folder, inbox, archive or trash; none takes emails out of the group folder
    #[arg(value_names = ["ID", "FOLDER"], num_args = 2.., required = true)]
    words: Vec<String>,
}

/// Does the same with every email.
pub fn run(ids: &[i64], sorting: &Sorting, done: &str, ctx: &Context) -> Result<()> {
    each(ids, ctx, |id| {
        ctx.write(|tx, actor| {
            let email = context::email(tx, actor, id)?;
            desk::sort(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email, sorting)
        })?;
        Ok(Deed::new(Thing::email(id), format!("email {id}: {done}")))
    })
}

/// `email share`
pub fn share(ids: &[i64], ctx: &Context) -> Result<()> {
    each(ids, ctx, |id| {
        ctx.write(|tx, actor| {
            let email = context::email(tx, actor, id)?;
            desk::share(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email)
        })?;
        Ok(Deed::new(Thing::email(id), format!("email {id}: everyone who can read its record can read it")))
    })
}

/// `email move`: the folder comes last.
pub fn to_folder(args: &Move, ctx: &Context) -> Result<()> {
    let Some((name, ids)) = args.words.split_last() else { return Ok(()) };
    let ids: Vec<i64> = ids.iter().map(|id| email_id(id)).collect::<Result<_>>()?;
    let (sorting, done) = ctx.read(|tx, actor| target(tx, actor, name))?;
    run(&ids, &sorting, &done, ctx)
}

fn email_id(text: &str) -> Result<i64> {
    text.parse().map_err(|_| {
        error::usage(format!("email move: \"{text}\" is not an email id"))
            .hint("the folder comes last: espomail email move 9131 9132 Invoices")
            .into()
    })
}

fn target(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<(Sorting, String)> {
    if name.eq_ignore_ascii_case(NONE) {
        return Ok((Sorting::Move(Target::NoGroupFolder), "out of its group folder".to_owned()));
    }
    match name.parse::<Place>() {
        Ok(Place::Inbox) => Ok((Sorting::Move(Target::Inbox), "in the inbox".to_owned())),
        Ok(Place::Archive) => Ok((Sorting::Archive, "in the archive".to_owned())),
        Ok(Place::Trash) => Ok((Sorting::Trash, "in the trash".to_owned())),
        Ok(Place::Junk) => Err(error::usage("email move: nothing is moved to junk by hand")
            .hint("so that the mail server learns of it: espomail email junk ID")
            .into()),
        Ok(place) => Err(error::usage(format!("email move: nothing can be moved to {place}"))
            .hint("move it to inbox, archive, trash or a folder of `espomail folder list`")
            .into()),
        Err(_) => {
            let folder = context::folder(tx, actor, "email move", name)?;
            let done = format!("in the folder {}", folder.name);
            Ok((Sorting::Move(Target::Folder(folder)), done))
        }
    }
}

/// Whether a name means a place already, so that no folder can have it.
pub fn is_reserved(name: &str) -> bool {
    name.eq_ignore_ascii_case(NONE) || name.parse::<Place>().is_ok()
}

/// Marks mail as read that a person just saw on a terminal; scripts read without a trace. What was shown is not spoiled by an
/// archive that cannot be written now.
pub fn was_seen(ids: &[i64], ctx: &Context) {
    if !ctx.ui.is_terminal() || !ctx.ui.tells_people() || ctx.dry_run {
        return;
    }
    let unread = |tx: &Tx<'_>, actor: &Actor| match actor.user_id() {
        Some(user_id) => Ok(emails::unread_among(tx, user_id, ids)?.into_iter().map(|id| (id, user_id)).collect()),
        None => Ok(Vec::new()),
    };
    let marked = ctx.read(unread).and_then(|unread| {
        let mark = |tx: &Tx<'_>| unread.iter().try_for_each(|(id, user)| emails::set_read(tx, *id, *user, true));
        if unread.is_empty() { Ok(()) } else { ctx.write(|tx, _| mark(tx)) }
    });
    if let Err(error) = marked {
        ctx.ui.verbose(1, &format!("not marked as read: {}", system_words::chain(&error)));
    }
}
