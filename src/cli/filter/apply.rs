//! `filter replay` and `filter apply`: a filter on mail that is there already.

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;

use super::scope;
use crate::access::Actor;
use crate::cli::context::Context;
use crate::cli::email;
use crate::error;
use crate::filter::{Answer, Look};
use crate::intake::{answered, filter};
use crate::mail::reading::Reading;
use crate::store::db::Tx;
use crate::store::emails::{self, Email};
use crate::store::filters::{self, Filter, Scope};
use crate::store::raw;
use crate::ui::cell::{Cell, Column, Field, head};

/// `filter replay`, `filter apply`
#[derive(Debug, Args)]
pub struct Since {
    /// Filter, by name or id
    #[arg(value_name = "NAME")]
    filter: String,
    /// Only mail received then or later (default: all)
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
}

/// Fields of a matched email in their order.
pub const COLUMNS: &[Column<Email>] = &[
    Column::new("id", head("ID").right(), |found, _| Cell::int(found.id)),
    Column::new("received_at", head("RECEIVED"), |found, _| Cell::date_time(found.received_at)),
    Column::new("from", head("FROM").shrinking(), |found, _| email::from(found)),
    Column::new("subject", head("SUBJECT").shrinking(), |found, _| Cell::text(&found.subject)),
];

/// Number of emails looked up at once.
const CHUNK: i64 = 500;

/// How a filter did on the archive.
struct Matches {
    emails: Vec<Email>,
    asked: usize,
    /// Number of messages on which it gave up.
    cut_off: usize,
}

impl Matches {
    /// How many were asked, and of how many it is not known.
    fn of_all(&self) -> String {
        match self.cut_off {
            0 => format!("{} emails", self.asked),
            some => format!("{} emails, cut off on {some}: see `espomail filter test EMAIL`", self.asked),
        }
    }
}

pub fn replay(args: &Since, ctx: &Context) -> Result<()> {
    let since = since(args, ctx)?;
    let (filter, matches) = ctx.read(|tx, actor| {
        let filter = scope::find(tx, actor, &args.filter)?;
        let matches = matches(tx, actor, &filter, false, since)?;
        Ok((filter, matches))
    })?;
    show(ctx, &matches)?;
    ctx.ui.note(&format!("filter {}: matches {} of {}", filter.name, matches.emails.len(), matches.of_all()));
    Ok(())
}

pub fn run(args: &Since, ctx: &Context) -> Result<()> {
    let since = since(args, ctx)?;
    // The archive is read before anybody holds the database.
    let (filter, user_id, matches) = ctx.read(|tx, actor| {
        let filter = scope::find(tx, actor, &args.filter)?;
        let Scope::User(user_id) = filter.scope else {
            return Err(error::data(format!(
                "filter {}: only a user's filter is applied to mail that is there",
                filter.name
            ))
            .hint(format!("see what it would match: espomail filter replay {}", args.filter))
            .into());
        };
        let matches = matches(tx, actor, &filter, true, since)?;
        Ok((filter, user_id, matches))
    })?;
    ctx.write(|tx, actor| {
        let now = scope::find(tx, actor, &args.filter)?;
        if (now.id, &now.conditions, &now.actions) != (filter.id, &filter.conditions, &filter.actions) {
            return Err(error::data(format!("filter {}: was changed meanwhile", filter.name))
                .hint("run the command again")
                .into());
        }
        for email in &matches.emails {
            // What somebody deleted or moved since is left alone.
            if emails::is_unsorted(tx, email.id, user_id)? {
                filter::act(tx, email.id, user_id, filter.actions.iter())?;
            }
        }
        Ok(())
    })?;
    show(ctx, &matches)?;
    let dry = if ctx.dry_run { "dry run, nothing changed; without --dry-run: " } else { "" };
    let actions: Vec<String> = filter.actions.iter().map(ToString::to_string).collect();
    let (some, all) = (matches.emails.len(), matches.of_all());
    ctx.ui.note(&format!("{dry}filter {}: {} on {some} of {all}", filter.name, actions.join(", ")));
    Ok(())
}

fn since(args: &Since, ctx: &Context) -> Result<Timestamp> {
    let since = args.since.as_deref().map(|text| ctx.past("--since", text)).transpose()?;
    Ok(since.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads the archive again as far as the actor may see it, in the order of its arrival.
fn matches(tx: &Tx<'_>, actor: &Actor, filter: &Filter, unsorted: bool, since: Timestamp) -> Result<Matches> {
    let mut rules = scope::rules(tx, actor)?.into_iter();
    let rule = rules.find(|rule| rule.filter.id == filter.id).context("the filter vanished")?;
    let mut found = Matches { emails: Vec::new(), asked: 0, cut_off: 0 };
    let mut after = 0;
    loop {
        let chunk = filters::archive(tx, filter.scope, unsorted, since, after, CHUNK, actor.sight())?;
        let Some((last, _, _)) = chunk.last() else { return Ok(found) };
        after = *last;
        for (id, raw_id, size) in &chunk {
            found.asked += 1;
            let mut message = Reading::parse(&raw::bytes(tx, *raw_id)?);
            answered::look_up(tx, &mut message)?;
            match rule.answer(&Look::new(&message, *size)) {
                Answer::Matches => {
                    found.emails.push(emails::by_id(tx, *id, actor.sight())?.context("the email vanished")?);
                }
                Answer::CutOff => found.cut_off += 1,
                Answer::No => {}
            }
        }
    }
}

fn show(ctx: &Context, matches: &Matches) -> Result<()> {
    let number = |count: usize| Cell::int(i64::try_from(count).unwrap_or(i64::MAX));
    let facts = vec![
        Field::unseen("dry_run", Cell::bool(ctx.dry_run)),
        Field::unseen("asked", number(matches.asked)),
        Field::unseen("cut_off", number(matches.cut_off)),
    ];
    ctx.ui.list_with("filter-matches", COLUMNS, &matches.emails, facts)
}
