//! `email fetch-rest`: the whole of a message over the size limit (B2.8).

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::connect;
use crate::cli::context::{self, Context};
use crate::error;
use crate::intake::rest::{self, Whole};
use crate::store::accounts::{self, Account};
use crate::store::db::Store;
use crate::store::deliveries::Delivery;
use crate::store::emails::Email;
use crate::store::sight::Object;
use crate::ui::outcome::Thing;

/// `email fetch-rest`
#[derive(Debug, Args)]
pub struct Rest {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    /// Maximum size
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = crate::cli::size)]
    max_size: u64,
}

/// Where the rest may be had.
struct Place {
    account: Account,
    delivery: Delivery,
}

pub fn run(args: &Rest, ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    let (email, places) = places(&store, args.id, ctx)?;
    let mut failed = None;
    for place in &places {
        match one(&store, &email, place, args.max_size, ctx) {
            Ok(size) => return told(args.id, size, place, ctx),
            Err(error) => failed = Some(error.context(format!("email {}: account {}", args.id, place.account.name))),
        }
    }
    Err(failed.unwrap_or_else(|| {
        error::data(format!("email {}: no account has it on its server any more", args.id))
            .hint("what there is stays as it is; see `espomail account list`")
            .into()
    }))
}

fn places(store: &Store, id: i64, ctx: &Context) -> Result<(Email, Vec<Place>)> {
    store.read(|tx| {
        let actor = ctx.actor(tx)?;
        let email = context::email(tx, &actor, id)?;
        actor.require_edit(tx, Object::Email(id))?;
        if !email.truncated {
            return Err(error::data(format!("email {id} is here whole already")).into());
        }
        let mut places = Vec::new();
        for delivery in rest::places(tx, &email)? {
            let account = accounts::by_id(tx, delivery.account_id)?.context("the account vanished")?;
            if account.imap.host.is_some() {
                places.push(Place { account, delivery });
            }
        }
        Ok((email, places))
    })
}

/// Asks one server; with `--dry-run` too, as nothing changes there by that.
fn one(store: &Store, email: &Email, place: &Place, max_size: u64, ctx: &Context) -> Result<usize> {
    let Place { account, delivery } = place;
    let _claim = context::claim(store, account)?;
    let mut limited = account.clone();
    limited.fetching.max_size = Some(max_size);
    let mut source = connect::imap(&limited, &ctx.config, &ctx.place, None)?;
    let whole: Whole = rest::ask(source.as_mut(), delivery, max_size)?;
    source.logout();
    let size = whole.size();
    ctx.write(|tx, actor| {
        actor.require_edit(tx, Object::Email(email.id))?;
        rest::put(tx, account, email, delivery, whole, ctx.now())
    })?;
    Ok(size)
}

fn told(id: i64, size: usize, place: &Place, ctx: &Context) -> Result<()> {
    let account = Thing::account(place.account.id, &place.account.name);
    let sentence = format!("email {id} is whole: {size} bytes from {}", place.account.name);
    ctx.done([Thing::email(id), account], &sentence)
}
