//! `espomail ingest`: one message on standard input, from an MTA alias or procmail (B2.12).

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;

use super::busy;
use super::context::{self, Context};
use crate::claim::{self, Asked};
use crate::error::{self, Fault, Kind};
use crate::intake::import;
use crate::job_control;
use crate::store::db::Store;
use crate::store::deliveries::{self, Facts, Outcome};
use crate::store::raw::{self, Packed};
use crate::store::search::index;
use crate::system_words;

/// How long the mail server waits for the full-text index.
const INDEXING: Duration = Duration::from_secs(2);

/// `ingest`
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Account that received the message
    #[arg(long, value_name = "NAME")]
    account: String,
    /// Envelope recipient
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Envelope sender, added as Return-Path; empty = <>
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
}

/// Runs `ingest`. Every trouble that is not the message's own fault ends with 75, so that the MTA keeps the mail.
pub fn run(args: &IngestArgs, ctx: &Context) -> Result<()> {
    receive(args, ctx).map_err(|error| {
        let error = in_words(error, ctx);
        match error::classify(&error) {
            (Kind::Data | Kind::Usage, _) => error,
            (_, next) => {
                let next = next.map(|next| format!("; {next}")).unwrap_or_default();
                let kept = format!("the message was not taken, the MTA keeps it{next}");
                Fault::new(Kind::TempFail, system_words::chain(&error)).hint(kept).into()
            }
        }
    })
}

/// What the database says in words of our own, and who holds it.
fn in_words(error: anyhow::Error, ctx: &Context) -> anyhow::Error {
    busy::in_words(ctx.explained(error))
}

fn receive(args: &IngestArgs, ctx: &Context) -> Result<()> {
    if ctx.dry_run {
        return Err(Fault::new(Kind::Usage, "ingest: has no --dry-run").into());
    }
    let recipient = args.recipient.as_deref().map(|r| context::mail_address("--recipient", r)).transpose()?;
    if ctx.caller.is_delegated() {
        // The program that pipes mail in decides from whom it came.
        ctx.read(|_, actor| actor.require_admin("ingest"))?;
    }
    let account =
        ctx.store()?.read(|tx| context::known_account(tx, &ctx.actor(tx)?, &args.account)).map_err(|error| {
            match error::classify(&error).0 {
                // The account may be there again tomorrow.
                Kind::Data => Fault::new(Kind::TempFail, system_words::chain(&error)).into(),
                _ => error,
            }
        })?;
    let raw = message(args, account.fetching.max_size.unwrap_or(ctx.config.message_max_size))?;
    let store = ctx.unlogged_store()?;
    let now = Timestamp::now();
    let facts = Facts { internal_date: now, size: i64::try_from(raw.len())?, truncated: false, now };
    let packed = Packed::new(raw)?;
    let id = store.write(|tx| {
        let raw_id = raw::add(tx, &packed)?;
        deliveries::receive_piped(tx, account.id, recipient.as_deref(), facts, raw_id)
    })?;
    // From here on the message is safe, and the MTA need not send it again: the process that holds the account's lock
    // imports it, or the next run does. Only a damaged database or a failing disk may lose it again, so that the MTA keeps
    // it, too; a second copy is recognised (B3.4).
    match import_now(ctx, &store, account.id, id, now) {
        Err(error) if error::classify(&error).0 == Kind::Io => Err(error),
        Err(error) => {
            ctx.ui.problem("the message is kept, but not imported yet", &in_words(error, ctx));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn message(args: &IngestArgs, max: u64) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    if let Some(sender) = args.sender.as_deref() {
        if sender.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(error::usage("--sender: must be an e-mail address, or empty").into());
        }
        raw.extend_from_slice(format!("Return-Path: <{sender}>\r\n").as_bytes());
    }
    let own = raw.len();
    job_control::while_waiting(|| std::io::stdin().take(max + 1).read_to_end(&mut raw))
        .context("cannot read standard input")?;
    if raw.len() == own {
        return Err(error::data("standard input: no message").into());
    }
    if raw.len() as u64 - own as u64 > max {
        return Err(
            error::data(format!("standard input: the message is larger than message_max_size ({max} bytes)")).into()
        );
    }
    Ok(raw)
}

fn import_now(ctx: &Context, store: &Store, account_id: i64, id: i64, now: Timestamp) -> Result<()> {
    // The process that has the account imports it, or the next fetch.
    let Asked::Held(claim) = claim::account(store, account_id, true, now)? else { return Ok(()) };
    let _under = claim.under();
    import::run(store, &ctx.config, claim.lock(), account_id, &Timestamp::now, &mut |imported| {
        if imported.delivery_id != id {
            return;
        }
        ctx.ui.verbose(1, &format!("{}: {}", imported.outcome, imported.reason));
        if imported.outcome == Outcome::Quarantined {
            ctx.ui.warn(&format!("the message could not be imported and is kept: {}", imported.reason));
            ctx.ui.hint("see `espomail quarantine list`");
        }
    })?;
    // The mail server waits: what is left, as after a new release, is done by the next fetch or search.
    let until = Instant::now() + INDEXING;
    index::fill(store, &|| Instant::now() < until)
}
