//! Filters as TOML, so that they can live in version control, and out of Sieve scripts.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change::{self, Written};
use super::form::Form;
use super::scope;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::text::read_source;
use crate::config;
use crate::desk;
use crate::error::{self, Fault, Kind};
use crate::filter::sieve;
use crate::store::db::Tx;
use crate::store::filters::{self, Filter};
use crate::system_words;

/// `filter import`
#[derive(Debug, Args)]
pub struct Import {
    /// File: TOML as `filter export` prints it, or a Sieve script (.sieve); - is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// Scope: global, account:NAME or user:NAME; required for Sieve, replaces the scope in a TOML file
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Read FILE as a Sieve script even if its name does not end in .sieve
    #[arg(long)]
    sieve: bool,
    /// Import the rules of a Sieve script that can be translated and skip the others
    #[arg(long)]
    partial: bool,
}

/// The keys of the file.
const KEYS: [&str; 9] = ["filter", "name", "scope", "if", "not", "do", "continue", "over_global", "disabled"];

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    filter: Vec<Entry>,
}

/// One filter in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    scope: String,
    #[serde(rename = "if", default, skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<String>,
    #[serde(rename = "not", default, skip_serializing_if = "Vec::is_empty")]
    negated: Vec<String>,
    #[serde(rename = "do")]
    actions: Vec<String>,
    #[serde(rename = "continue", default, skip_serializing_if = "is_false")]
    continues: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    over_global: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

pub fn export(names: &[String], ctx: &Context) -> Result<()> {
    let entries = ctx.read(|tx, actor| {
        let chosen = match names {
            [] => scope::visible(tx, actor)?,
            names => names.iter().map(|name| scope::find(tx, actor, name)).collect::<Result<_>>()?,
        };
        chosen.iter().map(|filter| entry(tx, filter)).collect::<Result<Vec<_>>>()
    })?;
    let text = toml::to_string(&File { filter: entries }).context("cannot write TOML")?;
    ctx.ui.text(text.trim_end())
}

fn entry(tx: &Tx<'_>, filter: &Filter) -> Result<Entry> {
    let negated = |line: &str| line.strip_prefix("not ").map(str::to_owned);
    Ok(Entry {
        name: filter.name.clone(),
        scope: scope::write(tx, filter.scope)?,
        conditions: filter.conditions.lines().filter(|line| negated(line).is_none()).map(str::to_owned).collect(),
        negated: filter.conditions.lines().filter_map(negated).collect(),
        actions: filter.actions.iter().map(ToString::to_string).collect(),
        continues: filter.continues,
        over_global: filter.over_global,
        disabled: !filter.active,
    })
}

/// What an import did.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    added: usize,
    changed: usize,
    unchanged: usize,
}

pub fn import(args: &Import, ctx: &Context) -> Result<()> {
    let text = read_source("", &args.file)?;
    let is_script = args.sieve || args.file.ends_with(".sieve");
    // The flag takes the place of what the file says.
    let scope_from = if args.scope.is_some() { Form::Flags } else { Form::File };
    let (file, is_whole) = if is_script { script(args, &text, ctx)? } else { (toml_file(args, &text)?, true) };
    let tally = ctx.write(|tx, actor| {
        let mut tally = Tally::default();
        let mut ids = Vec::new();
        for (at, entry) in file.filter.iter().enumerate() {
            refuse_second(file.filter.iter().take(at), entry)?;
            let taken = take(tx, actor, ctx, entry, scope_from, &mut tally);
            ids.extend(taken.map_err(|e| of_file(e, &entry.name))?);
        }
        desk::filters::refuse_too_large(tx, "if", &ids)?;
        Ok(tally)
    })?;
    let Tally { added, changed, unchanged } = tally;
    ctx.done_with(
        Vec::new(),
        &format!("filters: {added} added, {changed} changed, {unchanged} as they were"),
        vec![("added", json!(added)), ("changed", json!(changed)), ("unchanged", json!(unchanged))],
    )?;
    if is_whole { Ok(()) } else { Err(context::told(Kind::Partial)) }
}

/// Values of a file are data, also where the same value of an option would be a wrong command line.
fn of_file(error: anyhow::Error, name: &str) -> anyhow::Error {
    match error::classify(&error) {
        (Kind::Usage, hint) => {
            let text = format!("filter \"{name}\": {}", system_words::chain(&error));
            Fault { hint, ..error::data(text) }.into()
        }
        _ => error.context(format!("filter \"{name}\"")),
    }
}

/// Of two of the same name the later one would silently take the place of the other.
fn refuse_second<'e>(mut earlier: impl Iterator<Item = &'e Entry>, entry: &Entry) -> Result<()> {
    match earlier.any(|other| other.name.eq_ignore_ascii_case(&entry.name) && other.scope == entry.scope) {
        true => Err(error::data(format!("filter \"{}\": is there twice for {}", entry.name, entry.scope)).into()),
        false => Ok(()),
    }
}

fn toml_file(args: &Import, text: &str) -> Result<File> {
    let mut file: File = toml::from_str(text).map_err(|e| {
        let refused = config::Refused::new(text, &e, &KEYS.map(str::to_owned));
        let place = refused.line.map(|line| format!(", line {line}")).unwrap_or_default();
        let hint = refused.hint.unwrap_or_else(|| "see `espomail filter export` for the form".to_owned());
        error::data(format!("{}{place}: {}", args.file, refused.message)).hint(hint)
    })?;
    if let Some(scope) = &args.scope {
        file.filter.iter_mut().for_each(|entry| entry.scope.clone_from(scope));
    }
    Ok(file)
}

/// The filters of a Sieve script, and whether they are all of it. They are named after the file and the line.
fn script(args: &Import, text: &str, ctx: &Context) -> Result<(File, bool)> {
    let Some(scope) = &args.scope else {
        return Err(error::usage("--scope: is missing: a Sieve script does not say whose mail it is about")
            .hint("add --scope user:NAME, account:NAME or global")
            .into());
    };
    let (drafts, faults) = sieve::read(text);
    for fault in &faults {
        ctx.ui.warn(&format!("{}, line {}: not taken: {}", args.file, fault.line, fault.why));
    }
    if !faults.is_empty() && !args.partial {
        let text = format!("{}: {} of its rules cannot be taken, so none was", args.file, faults.len());
        return Err(error::data(text).hint("change them, or take the others with --partial").into());
    }
    let stem = Path::new(&args.file).file_stem().map_or_else(|| "sieve".into(), |stem| stem.to_string_lossy());
    let stem = if stem == "-" { "sieve".into() } else { stem };
    let mut entries: Vec<Entry> = Vec::new();
    for draft in drafts {
        let line = format!("{stem} line {}", draft.line);
        let count = entries.iter().filter(|entry| entry.name.starts_with(&line)).count();
        entries.push(Entry {
            name: if count == 0 { line } else { format!("{line} ({})", count + 1) },
            scope: scope.clone(),
            conditions: draft.conditions,
            negated: draft.negated,
            actions: vec![draft.action],
            continues: false,
            over_global: false,
            disabled: false,
        });
    }
    Ok((File { filter: entries }, faults.is_empty()))
}

/// Adds a filter, or changes the one of that name and scope, which keeps its place and its hits; its id,
/// unless all is as it was.
fn take(
    tx: &Tx<'_>,
    actor: &Actor,
    ctx: &Context,
    entry: &Entry,
    scope_from: Form,
    tally: &mut Tally,
) -> Result<Option<i64>> {
    let scope = scope::read(tx, actor, scope_from, &entry.scope)?;
    let mut filter = change::build(
        tx,
        actor,
        &Written {
            form: Form::File,
            name: &entry.name,
            scope,
            conditions: &entry.conditions,
            negated: &entry.negated,
            actions: &entry.actions,
            continues: entry.continues,
            over_global: entry.over_global,
        },
    )?;
    filter.active = !entry.disabled;
    let Some(old) = desk::filters::taken_by(tx, &filter)? else {
        tally.added += 1;
        return filters::add(tx, &filter, ctx.now()).map(Some);
    };
    if old.scope != scope {
        let theirs = scope::write(tx, old.scope)?;
        return Err(error::data(format!("name: there is one of scope {theirs}")).into());
    }
    let new = Filter { id: old.id, position: old.position, hits: old.hits, last_hit_at: old.last_hit_at, ..filter };
    if new == old {
        tally.unchanged += 1;
        return Ok(None);
    }
    filters::update(tx, &new)?;
    tally.changed += 1;
    Ok(Some(new.id))
}
