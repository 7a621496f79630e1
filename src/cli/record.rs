//! `espomail record`: companies, contacts, leads and opportunities (B1.3).

mod change;
mod convert;
mod erase;
mod fields;
mod import;
mod read;
mod sheet;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::fields::Fields;
pub use self::read::{COLUMNS, SHOW_COLUMNS};
use super::context::{self, Context};
use super::labels::Labels;
use super::page::Page;
use crate::access::Actor;
use crate::error;
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType, Record};
use crate::store::sight::Object;

/// Companies, contacts, leads and opportunities
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Add a record
    #[command(
        before_help = "Examples:\n  $ espomail record add company 'PT Sinar' --email office@sinar.example\n  $ espomail record add contact Budi --email b@sinar.example --company 'PT Sinar' --team Support --assign-to ana"
    )]
    Add(Add),
    /// List records of one type
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail record list contact sinar.example\n  $ espomail --json record list lead --mine"
    )]
    List(List),
    /// Show a record
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail record show contact Budi\n  $ espomail --json record show company 3"
    )]
    Show(Named),
    /// Change a record
    #[command(
        before_help = "Examples:\n  $ espomail record edit contact Budi --email budi@sinar.example --email b@sinar.example\n  $ espomail record edit opportunity 7 --closed --assign-to @none"
    )]
    Edit(Edit),
    /// Delete a record; its mail and cases stay
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail record delete lead 'Cold call'\n  $ espomail --yes record delete contact 3"
    )]
    Delete(Named),
    /// Erase a person and all their mail; this cannot be undone
    #[command(
        before_help = "Examples:\n  $ espomail --dry-run record erase contact Budi\n  $ espomail --yes record erase lead 4"
    )]
    Erase(erase::Erase),
    /// Follow a record: be notified of its mail and notes
    #[command(
        before_help = "Examples:\n  $ espomail record follow company 'PT Sinar'\n  $ espomail record follow contact Budi --user ana"
    )]
    Follow(Follow),
    /// Stop following a record
    #[command(
        before_help = "Examples:\n  $ espomail record unfollow company 'PT Sinar'\n  $ espomail record unfollow contact Budi --user ana"
    )]
    Unfollow(Follow),
    /// Convert a lead to a contact, and to a company if named
    #[command(
        before_help = "Examples:\n  $ espomail record convert lead Budi --company 'PT Sinar'\n  $ espomail record convert lead 4 --contact 'Budi Santoso'"
    )]
    Convert(Convert),
    /// Add records from a CSV file
    #[command(
        before_help = "Examples:\n  $ espomail --dry-run record import people.csv contact --create-companies\n  $ espomail record import people.csv contact --rejects refused.csv"
    )]
    Import(Import),
}

/// `record add`
#[derive(Debug, Args)]
pub struct Add {
    /// Type of record
    #[arg(value_name = "TYPE", value_parser = record_types())]
    kind: ParentType,
    /// Name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    fields: Fields,
}

/// `record list`
#[derive(Debug, Args)]
pub struct List {
    /// Type of record
    #[arg(value_name = "TYPE", value_parser = record_types())]
    kind: ParentType,
    /// Parts of the name or of an address, all of which must match
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// Only those of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only those assigned to you
    #[arg(long)]
    mine: bool,
    /// Show only the number of records
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    page: Page,
}

/// One record.
#[derive(Debug, Args)]
pub struct Named {
    /// Type of record
    #[arg(value_name = "TYPE", value_parser = record_types())]
    kind: ParentType,
    /// Name or id of the record
    #[arg(value_name = "NAME")]
    name: String,
}

/// `record edit`
#[derive(Debug, Args)]
pub struct Edit {
    #[command(flatten)]
    record: Named,
    /// New name
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

/// `record follow` and `unfollow`
#[derive(Debug, Args)]
pub struct Follow {
    #[command(flatten)]
    record: Named,
    /// Another user; needs an administrator
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// `record convert`
#[derive(Debug, Args)]
pub struct Convert {
    #[command(flatten)]
    record: Named,
    /// Name of the company, which is created if it does not exist
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
    /// Name of the contact (default: the lead's name)
    #[arg(long, value_name = "NAME")]
    contact: Option<String>,
}

/// `record import`
#[derive(Debug, Args)]
pub struct Import {
    /// CSV file with a line of headings; - is standard input
    #[arg(value_name = "FILE.csv", value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// Type of record
    #[arg(value_name = "TYPE", value_parser = record_types())]
    kind: ParentType,
    /// New file for the refused lines; the others are imported
    #[arg(long, value_name = "FILE")]
    rejects: Option<String>,
    /// Create companies that do not exist
    #[arg(long)]
    create_companies: bool,
}

/// Runs a `record` command.
pub fn run(command: RecordCommand, ctx: &Context) -> Result<()> {
    match command {
        RecordCommand::Add(args) => change::add(&args, ctx),
        RecordCommand::List(args) => read::list(&args, ctx),
        RecordCommand::Show(args) => read::show(&args, ctx),
        RecordCommand::Edit(args) => change::edit(&args, ctx),
        RecordCommand::Delete(args) => change::delete(&args, ctx),
        RecordCommand::Erase(args) => erase::erase(&args, ctx),
        RecordCommand::Follow(args) => change::follow(&args, ctx),
        RecordCommand::Unfollow(args) => change::unfollow(&args, ctx),
        RecordCommand::Convert(args) => convert::convert(&args, ctx),
        RecordCommand::Import(args) => import::import(&args, ctx),
    }
}

/// Types on the command line; `account` is what EspoCRM calls a company.
fn record_types() -> Labels<ParentType> {
    Labels::of(&ParentType::RECORDS).also(&[("account", "company")])
}

/// Whether a word names a type of records.
pub fn is_type(word: &str) -> bool {
    record_types().read(word).is_ok()
}

/// The record of this id, or of a name that only one of those bears that may be seen.
fn find(tx: &Tx<'_>, actor: &Actor, named: &Named) -> Result<Record> {
    one_of(tx, actor, named.kind, &named.name)
}

/// The same, if the actor may change it.
fn find_to_edit(tx: &Tx<'_>, actor: &Actor, named: &Named) -> Result<Record> {
    let record = find(tx, actor, named)?;
    actor.require_edit(tx, Object::Record(record.parent))?;
    Ok(record)
}

fn one_of(tx: &Tx<'_>, actor: &Actor, kind: ParentType, name: &str) -> Result<Record> {
    let missing = || context::not_found(kind.as_str(), name);
    if let Ok(id) = name.parse() {
        return records::by_id(tx, Parent { kind, id }, actor.sight())?.ok_or_else(missing);
    }
    let mut found = records::by_name(tx, kind, name, actor.sight())?;
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(|record| record.parent.id.to_string()).collect();
        return Err(error::data(format!("{kind} {name}: several have this name: {}", ids.join(", ")))
            .hint(format!("use the id: espomail record show {kind} {}", ids.first().map_or("", String::as_str)))
            .into());
    }
    found.pop().ok_or_else(missing)
}

/// The same for the value of a flag.
fn find_for(tx: &Tx<'_>, actor: &Actor, flag: &str, kind: ParentType, name: &str) -> Result<Parent> {
    let found = one_of(tx, actor, kind, name).map_err(|refused| match error::classify(&refused) {
        (error::Kind::Data, hint) => error::data(format!("{flag}: {refused}"))
            .hint(hint.unwrap_or_else(|| {
                format!("see `espomail record list {kind}`, or add it: espomail record add {kind} NAME")
            }))
            .into(),
        _ => refused,
    })?;
    Ok(found.parent)
}

/// `1 email`, `2 emails`.
fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_names_and_the_one_of_espocrm() {
        assert_eq!(record_types().read("company"), Ok(ParentType::Company));
        assert_eq!(record_types().read("Account"), Ok(ParentType::Company));
        assert_eq!(record_types().read("lead"), Ok(ParentType::Lead));
        for bad in ["case", "", "person"] {
            assert!(
                record_types().read(bad).is_err_and(|e| e.known.contains("company, contact, lead, opportunity")),
                "{bad}"
            );
        }
    }
}
