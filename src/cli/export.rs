//! `espomail export`: mails of cases, or single ones, as files other programs read.

mod target;

use std::collections::HashSet;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

pub use self::target::RAW;
use self::target::{Exported, Form, Target};
use super::context::{self, Context};
use super::delivery;
use crate::access::Actor;
use crate::error::{self, Kind};
use crate::store::db::{Store, Tx};
use crate::store::emails;
use crate::ui::outcome::Thing;

/// Export mail to files
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Export the mail of cases that you can read
    #[command(
        before_help = "Examples:\n  $ espomail export case 12 13 --to mbox cases.mbox\n  $ espomail export case 12 --to json - | jq -r .subject"
    )]
    Case(CaseArgs),
    /// Export emails
    #[command(
        before_help = "Examples:\n  $ espomail export email 91 92 --to eml mails/\n  $ espomail export email 91 --to mbox - | mutt -f /dev/stdin"
    )]
    Email(EmailArgs),
}

/// `export case`
#[derive(Debug, Args)]
pub struct CaseArgs {
    /// Case numbers
    #[arg(value_name = "N", required = true, value_parser = super::case_number)]
    numbers: Vec<i64>,
    #[command(flatten)]
    to: To,
}

/// `export email`
#[derive(Debug, Args)]
pub struct EmailArgs {
    /// Email ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    #[command(flatten)]
    to: To,
}

/// Where it goes.
#[derive(Debug, Args)]
pub struct To {
    /// Format: mbox or json (a new file, - is standard output), eml or maildir (a new or empty directory)
    #[arg(long, num_args = 2, value_names = ["FORMAT", "PATH"], required = true, value_hint = clap::ValueHint::Other)]
    to: Vec<String>,
}

/// Runs an `export` command.
pub fn run(command: ExportCommand, ctx: &Context) -> Result<()> {
    let (form, path) = match &command {
        ExportCommand::Case(CaseArgs { to, .. }) | ExportCommand::Email(EmailArgs { to, .. }) => to.read()?,
    };
    let store = ctx.store()?;
    let actor = store.read(|tx| ctx.actor(tx))?;
    let ids = store.read(|tx| match &command {
        ExportCommand::Case(args) => of_cases(tx, &actor, &args.numbers),
        ExportCommand::Email(args) => given(tx, &actor, &args.ids),
    })?;
    if ctx.dry_run {
        return ctx.done(Thing::path(path), &format!("{} exported to {path}", counted(ids.len())));
    }
    let mut target = Target::begin(form, path, ctx.ui.is_terminal())?;
    let (mut written, mut failed) = (0, false);
    for id in ids {
        match exported(&store, &actor, id)? {
            Some(one) => {
                target.add(&one)?;
                written += 1;
            }
            None => {
                failed = true;
                ctx.ui.warn(&format!("email {id}: has no source any more and was left out"));
            }
        }
    }
    target.end()?;
    let sentence = format!("{} exported to {path}", counted(written));
    if path == "-" {
        ctx.ui.verbose(1, &sentence)
    } else {
        ctx.done_with(Thing::path(path), &sentence, vec![("count", json!(written))])?
    }
    if failed { Err(context::told(Kind::Partial)) } else { Ok(()) }
}

fn counted(emails: usize) -> String {
    if emails == 1 { "1 email".to_owned() } else { format!("{emails} emails") }
}

impl To {
    fn read(&self) -> Result<(Form, &str)> {
        let [form, path] = self.to.as_slice() else {
            return Err(error::usage("--to: needs a format and a path; write it as --to mbox FILE").into());
        };
        let form =
            form.parse().map_err(|known| error::usage(format!("--to: the format must be {known}, not \"{form}\"")))?;
        Ok((form, path))
    }
}

/// The emails of cases, case by case, oldest first; each as far as it may be read itself.
fn of_cases(tx: &Tx<'_>, actor: &Actor, numbers: &[i64]) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    for number in once(numbers) {
        let case = context::case(tx, actor, number)?;
        for email in emails::of_case(tx, case.id)? {
            if emails::by_id(tx, email.id, actor.sight())?.is_some() {
                ids.push(email.id);
            }
        }
    }
    Ok(ids)
}

fn given(tx: &Tx<'_>, actor: &Actor, ids: &[i64]) -> Result<Vec<i64>> {
    let ids = once(ids);
    for id in &ids {
        context::email(tx, actor, *id)?;
    }
    Ok(ids)
}

/// What is named twice is meant once.
fn once(ids: &[i64]) -> Vec<i64> {
    let mut seen = HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

/// An email with its source, if that is still there.
fn exported(store: &Store, actor: &Actor, id: i64) -> Result<Option<Exported>> {
    store.read(|tx| {
        let email = context::email(tx, actor, id)?;
        if email.raw_id.is_none() {
            return Ok(None);
        }
        let (archived, raw) = (emails::attachments(tx, id)?, delivery::source(tx, actor, &email)?);
        let row = emails::listed(tx, id, actor.user_id(), actor.sight())?;
        Ok(row.map(|row| Exported { archived, row, raw }))
    })
}
