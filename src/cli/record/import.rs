//! `record import`: many records from a CSV file, all of them or, with a file for the others, the good ones.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::sheet::{Line, Sheet};
use super::{Import, counted};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::named_files;
use crate::desk::record;
use crate::error::{self, Kind};
use crate::job_control;
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;

/// The largest file.
const MAX: u64 = 64 << 20;
/// Maximum number of refused lines that are shown.
const SHOWN: usize = 10;

pub fn import(args: &Import, ctx: &Context) -> Result<()> {
    let sheet = Sheet::read(&bytes(&args.file)?).map_err(|why| {
        let hint = "the first line names the columns, separated by commas, such as name,email,company";
        error::data(format!("{}: {why}", args.file)).hint(hint)
    })?;
    if let Some(file) = args.rejects.as_deref().filter(|file| Path::new(file).exists()) {
        return Err(context::taken("--rejects", file));
    }
    let done = ctx.write(|tx, actor| {
        actor.require_admin("record import")?;
        let done = all(tx, actor, args, &sheet, ctx)?;
        keep_refused(args, &sheet, &done.refused, ctx)?;
        Ok(done)
    })?;
    tell(&done.refused, ctx);
    let companies = if done.companies > 0 { format!(", companies made: {}", done.companies) } else { String::new() };
    let refused = if done.refused.is_empty() {
        String::new()
    } else {
        format!(", {} refused", counted(done.refused.len(), "line"))
    };
    ctx.done_with(
        Vec::new(),
        &format!("{} of the type {} added{companies}{refused}", counted(done.added, "record"), args.kind),
        vec![
            ("added", json!(done.added)),
            ("companies_added", json!(done.companies)),
            ("refused", json!(done.refused.len())),
        ],
    )?;
    if done.refused.is_empty() { Ok(()) } else { Err(context::told(Kind::Partial)) }
}

fn bytes(file: &str) -> Result<Vec<u8>> {
    let cannot = |e: std::io::Error| error::file(format!("cannot read {file}"), &e);
    let mut bytes = Vec::new();
    match file {
        "-" => {
            job_control::while_waiting(|| std::io::stdin().take(MAX + 1).read_to_end(&mut bytes)).map_err(cannot)?;
        }
        file => bytes = named_files::read(file, MAX).map_err(cannot)?,
    }
    if bytes.len() as u64 > MAX {
        return Err(error::data(format!("{file} is larger than 64 MiB")).hint("split it into several files").into());
    }
    Ok(bytes)
}

/// What became of the lines.
#[derive(Default)]
struct Done<'s> {
    added: usize,
    companies: usize,
    refused: Vec<(&'s Line, String)>,
}

fn all<'s>(tx: &Tx<'_>, actor: &Actor, args: &Import, sheet: &'s Sheet, ctx: &Context) -> Result<Done<'s>> {
    let is_refusal = |error: &anyhow::Error| matches!(error::classify(error).0, Kind::Data | Kind::Usage);
    let outcomes = tx.each(&sheet.lines, is_refusal, |tx, line| one(tx, actor, args, sheet, line, ctx))?;
    let mut done = Done::default();
    for (line, outcome) in sheet.lines.iter().zip(outcomes) {
        match outcome {
            Ok(made_company) => {
                done.added += 1;
                done.companies += usize::from(made_company);
            }
            Err(refused) => {
                // The flags of `record add` are columns here.
                let reason = refused.to_string().replacen("--assign-to", "assigned_user", 1);
                done.refused.push((line, reason.trim_start_matches("--").to_owned()));
            }
        }
    }
    Ok(done)
}

/// Adds the record of one line; whether its company was made, too.
fn one(tx: &Tx<'_>, actor: &Actor, args: &Import, sheet: &Sheet, line: &Line, ctx: &Context) -> Result<bool> {
    let (name, mut fields) = sheet.fields(line).map_err(error::data)?;
    let name = context::name("name", &name)?;
    let mut made_company = false;
    if let Some(company) = fields.company.as_mut().filter(|_| args.kind.has_company()) {
        let (found, made) = company_of(tx, args, company, ctx)?;
        *company = found.id.to_string();
        made_company = made;
    }
    let changes = fields.look_up(tx, actor, args.kind, None)?;
    record::import(tx, actor, (args.kind, &name), &changes, ctx.now())?;
    Ok(made_company)
}

/// The company of exactly this name: the one there is, or with `--create-companies` a new one.
fn company_of(tx: &Tx<'_>, args: &Import, name: &str, ctx: &Context) -> Result<(Parent, bool)> {
    let mut found = records::by_name(tx, ParentType::Company, name, Sight::Everything)?;
    found.retain(|company| company.name == name);
    match (found.pop(), found.len()) {
        (Some(company), 0) => Ok((company.parent, false)),
        (Some(_), _) => Err(error::data(format!("company: several are named {name}")).into()),
        (None, _) if args.create_companies => {
            let company = records::add(tx, ParentType::Company, &context::name("company", name)?, ctx.now())?;
            Ok((company, true))
        }
        (None, _) => Err(error::data(format!("company: there is no {name}; --create-companies makes it")).into()),
    }
}

/// Writes the refused lines before anything is committed: where that fails, nothing is imported.
fn keep_refused(args: &Import, sheet: &Sheet, refused: &[(&Line, String)], ctx: &Context) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let Some(file) = &args.rejects else {
        tell(refused, ctx);
        return Err(error::data(format!(
            "{} of {} lines are refused: nothing was imported",
            refused.len(),
            sheet.lines.len()
        ))
        .hint("correct them, or import the others: --rejects refused.csv")
        .into());
    };
    if ctx.dry_run {
        return Ok(());
    }
    let bytes = sheet.rejects(refused).context("cannot write the refused lines")?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut made = made.map_err(|e| error::file(format!("--rejects: cannot make {file}"), &e))?;
    made.write_all(&bytes).and_then(|()| made.sync_all()).with_context(|| format!("cannot write {file}"))
}

fn tell(refused: &[(&Line, String)], ctx: &Context) {
    for (line, reason) in refused.iter().take(SHOWN) {
        ctx.ui.warn(&format!("line {}: {reason}", line.number));
    }
    if refused.len() > SHOWN {
        ctx.ui.note(&format!("and {} more", refused.len() - SHOWN));
    }
}
