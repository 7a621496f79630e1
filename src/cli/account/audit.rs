//! `espomail account audit`: the server against the ledger (B2.13).

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;

use crate::cli::connect::{self, Protocol};
use crate::cli::context::{self, Context};
use crate::error::{self, Kind};
use crate::intake::audit::{self, Audited, Finding, Look, Repair, What};
use crate::lock::Lock;
use crate::net::MailSource;
use crate::store::accounts::Account;
use crate::store::db::Store;
use crate::store::deliveries::Outcome;
use crate::system_words;
use crate::ui::cell::{Cell, Column, head};

/// `account audit`
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Account
    account: String,
    /// Fetch what is missing, and ask again for what the server never delivered
    #[arg(long)]
    repair: bool,
}

/// A difference with its folder.
pub type Listed = (String, Finding);

/// Fields of a difference in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("folder", head("FOLDER"), |(folder, _), _| Cell::text(folder)),
    Column::new("uid", head("UID").right(), |(_, one), _| Cell::opt_int(one.uid.map(i64::from))),
    Column::new("what", head("WHAT"), |(_, one), _| Cell::text(one.what.as_str())),
    Column::new("size", head("SIZE").right(), |(_, one), _| Cell::opt_int(one.size)),
    Column::new("date", head("DATE"), |(_, one), _| Cell::opt_date_time(one.date)),
    Column::new("reason", head("REASON").shrinking(), |(_, one), _| Cell::text(&one.reason)),
];

/// Runs `account audit`.
///
/// # Errors
/// Exit 1 where something is missing or unfetchable, or a folder cannot be compared; the error of a folder that cannot
/// be looked at, where that is worse.
pub fn run(args: &AuditArgs, ctx: &Context) -> Result<()> {
    let account = super::readable(&args.account, "account audit", ctx)?;
    if account.imap.host.is_none() {
        return Err(error::data(format!("account {}: has no IMAP server to compare with", account.name))
            .hint(format!("see `espomail account show {}`", account.name))
            .into());
    }
    let store = ctx.unlogged_store()?;
    // A run that fetches meanwhile would make messages look missing that are on their way.
    let claim = if args.repair && !ctx.dry_run { Some(context::claim(&store, &account)?) } else { None };
    let under = claim.as_ref().and_then(|claim| claim.under());
    let mut source = connect::imap(&account, &ctx.config, &ctx.place, None)?;
    let Look { mut audited, mut failed } = audit::look(source.as_mut(), &store, &account)?;
    let wanted: usize = audited.iter().map(|found| found.wanted.len()).sum();
    match &claim {
        Some(claim) if audited.iter().any(Audited::is_to_be_repaired) => {
            ctx.long_work(&store, &[("account", account.id)], || {
                repair(ctx, &store, &account, claim.lock(), source.as_mut(), &audited)
            })?;
            Look { audited, failed } = audit::look(source.as_mut(), &store, &account)?;
        }
        None if args.repair => ctx.ui.note(&format!("dry run, nothing changed: {wanted} messages would be fetched")),
        _ => {}
    }
    source.logout();
    // Nobody waits for somebody who reads.
    drop((under, claim));
    drop(store);
    let found = report(ctx, &account, &audited, args.repair)?;
    for error in &failed {
        ctx.ui.warn(&format!("account {}: {}", account.name, system_words::chain(error)));
        connect::advice(&account, Protocol::Imap, error).iter().for_each(|step| ctx.ui.hint(step));
    }
    let kinds = failed.iter().map(|error| error::classify(error).0);
    found.into_iter().chain(kinds).reduce(Kind::worse).map_or(Ok(()), |kind| Err(context::told(kind)))
}

fn repair(
    ctx: &Context,
    store: &Store,
    account: &Account,
    lock: &Lock,
    source: &mut dyn MailSource,
    audited: &[Audited],
) -> Result<()> {
    let (mut imported, mut quarantined, mut other) = (0, 0, 0);
    let repair = Repair { store, config: &ctx.config, lock, clock: &Timestamp::now, account };
    let fetched = repair.run(source, audited, &mut |one| {
        match one.outcome {
            Outcome::Imported => imported += 1,
            Outcome::Quarantined => quarantined += 1,
            Outcome::Received
            | Outcome::Duplicate
            | Outcome::Own
            | Outcome::Skipped
            | Outcome::Discarded
            | Outcome::Unfetchable
            | Outcome::Missing => other += 1,
        }
        let id = one.email_id.map(|id| format!(" email {id}")).unwrap_or_default();
        ctx.ui.verbose(1, &format!("{}: {}{id}: {}", account.name, one.outcome, one.reason));
    })?;
    let wanted: usize = audited.iter().map(|found| found.wanted.len()).sum();
    ctx.ui.note(&format!(
        "fetched {fetched} of {wanted}: imported {imported}, known already {other}, quarantined {quarantined}"
    ));
    Ok(())
}

/// Shows what was found; how serious it is.
fn report(ctx: &Context, account: &Account, audited: &[Audited], repaired: bool) -> Result<Option<Kind>> {
    let of_folder = |found: &Audited| -> Vec<Listed> {
        found.findings.iter().map(|one| (found.folder.clone(), one.clone())).collect()
    };
    let rows: Vec<Listed> = audited.iter().flat_map(of_folder).collect();
    if !rows.is_empty() || !ctx.ui.for_people() {
        ctx.ui.list("audit", COLUMNS, &rows)?;
    }
    for found in audited {
        let count = |what| found.findings.iter().filter(|one| one.what == what).count();
        ctx.ui.note(&format!(
            "{}/{}: {} on the server, {} in the ledger; missing {}, unfetchable {}, quarantined {}, gone {}",
            account.name,
            found.folder,
            found.on_server,
            found.in_ledger,
            count(What::Missing),
            count(What::Unfetchable),
            count(What::Quarantined),
            count(What::Gone)
        ));
    }
    let faults = || audited.iter().flat_map(|found| &found.findings).filter(|one| one.what.is_fault());
    if faults().any(|one| one.what == What::Uidvalidity) {
        ctx.ui.hint(&format!("run `espomail fetch {}`, then audit again", account.name));
    } else if faults().next().is_some() && !repaired {
        ctx.ui.hint(&format!("espomail account audit {} --repair", account.name));
    }
    Ok(faults().next().map(|_| Kind::Partial))
}
