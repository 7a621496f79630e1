//! `espomail schema`: the JSON fields of every result. The columns of each noun are the only source.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{
    account, case, day, db, doctor, email, filter, folder, import, log, notification, outbox, quarantine, record, role,
    status, stream, team, template, user, whoami,
};
use crate::error;
use crate::ui::cell::{Cell, Column, Named, head};

/// `schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Result, such as cases or email
    #[arg(value_name = "RESULT")]
    result: Option<String>,
}

/// Every result with its fields.
const RESULTS: &[(&str, &[&dyn Named])] = &[
    ("accounts", &[&account::COLUMNS]),
    ("account", &[&account::COLUMNS]),
    ("folders", &[&account::FOLDER_COLUMNS]),
    ("presets", &[&account::presets::COLUMNS]),
    ("filters", &[&filter::COLUMNS]),
    ("filter", &[&filter::COLUMNS]),
    ("filter-test", &[&filter::TEST_COLUMNS]),
    ("filter-matches", &[&filter::MATCH_COLUMNS]),
    ("cases", &[&case::read::COLUMNS]),
    ("case", &[&case::read::COLUMNS, &case::read::SHOW_COLUMNS]),
    ("day", &[&day::COLUMNS]),
    ("people", &[&case::people::COLUMNS]),
    ("history", &[&case::read::HISTORY_COLUMNS]),
    ("emails", &[&email::COLUMNS]),
    ("skipped", &[&email::skipped::COLUMNS]),
    ("email", &[&email::MESSAGE_COLUMNS]),
    ("mail_folders", &[&folder::COLUMNS]),
    ("thread", &[&case::read::THREAD_COLUMNS]),
    ("decisions", &[&email::DECISION_COLUMNS]),
    ("notes", &[&stream::COLUMNS]),
    ("notifications", &[&notification::COLUMNS]),
    ("settings", &[&notification::SETTINGS_COLUMNS]),
    ("outbox", &[&outbox::COLUMNS, &outbox::SHOW_COLUMNS]),
    ("quarantine", &[&quarantine::COLUMNS]),
    ("status", &[&status::COLUMNS]),
    ("doctor", &[&doctor::COLUMNS]),
    ("tables", &[&db::COLUMNS]),
    ("teams", &[&team::COLUMNS]),
    ("team", &[&team::COLUMNS]),
    ("roles", &[&role::COLUMNS]),
    ("role", &[&role::COLUMNS]),
    ("answers", &[&role::EXPLAIN_COLUMNS]),
    ("templates", &[&template::COLUMNS]),
    ("template", &[&template::COLUMNS]),
    ("users", &[&user::COLUMNS]),
    ("user", &[&user::COLUMNS]),
    ("whoami", &[&whoami::COLUMNS]),
    ("records", &[&record::COLUMNS]),
    ("record", &[&record::COLUMNS, &record::SHOW_COLUMNS]),
    ("audit", &[&account::audit::COLUMNS]),
    ("import", &[&import::COLUMNS]),
    ("log_entries", &[&log::COLUMNS]),
];

/// A result with the names of its fields.
type Listed = (&'static str, Vec<&'static str>);

/// Fields of `schema` itself.
const COLUMNS: &[Column<Listed>] = &[
    Column::new("result", head("RESULT"), |(name, _), _| Cell::text(name)),
    Column::new("fields", head("FIELDS"), |(_, fields), _| Cell::object(json!(fields), &fields.join(" "))),
];

/// Runs `schema`.
pub fn run(args: &SchemaArgs, ctx: &Context) -> Result<()> {
    let wanted: Vec<_> = RESULTS.iter().filter(|(name, _)| args.result.as_deref().is_none_or(|r| r == *name)).collect();
    if wanted.is_empty() {
        let known: Vec<&str> = RESULTS.iter().map(|(name, _)| *name).collect();
        return Err(error::data("RESULT: is not known").hint(format!("known: {}", known.join(", "))).into());
    }
    let names = |columns: &[&dyn Named]| columns.iter().flat_map(|part| part.names()).collect();
    let rows: Vec<Listed> = wanted.into_iter().map(|(name, columns)| (*name, names(columns))).collect();
    ctx.ui.list("schema", COLUMNS, &rows)
}
