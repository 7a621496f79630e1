//! `espomail db prune`: retention.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::SignedDuration;

use crate::cli::context::{self, Context};
use crate::cli::labels::Labels;
use crate::desk::prune::{self, Counted, Counts};
use crate::error;
use crate::intake::world::World;
use crate::store::accounts;
use crate::store::db::Tx;
use crate::store::prune::{Old, Prunable};
use crate::ui::cell::{Cell, Column, head};
use crate::units;

/// `db prune`
#[derive(Debug, Args)]
pub struct Prune {
    /// Only what is older than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = crate::cli::duration)]
    older: Duration,
    /// What goes; repeat it for several
    #[arg(long = "kind", value_name = "KIND", required = true, value_parser = Labels::of(Prunable::ALL))]
    kinds: Vec<Prunable>,
    /// Only mail and cases of this account; repeat it for several
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Rewrite the database afterwards, so that all free space is given back; others wait meanwhile
    #[arg(long)]
    compact: bool,
}

/// Nothing younger goes, also by a slip of the keyboard.
const YOUNGEST: Duration = Duration::from_secs(86_400);

/// What went, or would go.
pub struct Row {
    /// Id and name; `None` = of no account.
    account: Option<(i64, String)>,
    kind: Prunable,
    count: i64,
    bytes: i64,
}

/// Fields of what is pruned in their order.
pub const COLUMNS: &[Column<Row>] = &[
    Column::new("kind", head("KIND"), |row, _| Cell::text(row.kind.as_str())),
    Column::new("account", head("ACCOUNT"), |row, _| Cell::opt_named(row.account.as_ref())),
    Column::new("count", head("NUMBER").right(), |row, _| Cell::int(row.count)),
    Column::new("size", head("SIZE").right(), |row, _| {
        let bytes = u64::try_from(row.bytes).unwrap_or_default();
        Cell::object(row.bytes.into(), &if bytes == 0 { String::new() } else { units::about(bytes) })
    }),
];

/// Runs `db prune`.
pub fn run(args: &Prune, ctx: &Context) -> Result<()> {
    if args.older < YOUNGEST {
        return Err(error::usage("--older: must be at least 1d; write it as 365d").into());
    }
    let older = SignedDuration::try_from(args.older)?;
    let before = ctx.now().checked_sub(older).map_err(|_| error::usage("--older: is longer than time is counted"))?;
    let accounts = ctx.read(|tx, actor| {
        actor.require_admin("db prune")?;
        args.accounts.iter().map(|name| Ok(context::account(tx, name)?.id)).collect::<Result<Vec<i64>>>()
    })?;
    let old = |kind| Old { kind, before, accounts: &accounts };
    let store = ctx.unlogged_store()?;
    let mut counts = Counts::new();
    let load = |tx: &Tx<'_>| World::load(tx, &ctx.config, ctx.now());
    let kinds = || Prunable::ALL.iter().filter(|kind| args.kinds.contains(kind));
    if !ctx.dry_run {
        ctx.confirm(&format!("Remove what is older than {} for good?", units::write_duration(args.older)))?;
    }
    let mut dry = ctx.dry_run.then(Counted::default);
    ctx.long_work(&store, &[], || {
        kinds().try_for_each(|kind| prune::run(&store, &load, &old(*kind), dry.as_mut(), &mut counts))
    })?;
    let all = store.read(accounts::all)?;
    let name_of = |id: i64| all.iter().find(|account| account.id == id).map(|account| (id, account.name.clone()));
    let row = |((kind, account), (count, bytes)): ((Prunable, Option<i64>), (i64, i64))| Row {
        account: account.and_then(name_of),
        kind,
        count,
        bytes,
    };
    let rows: Vec<Row> = counts.into_iter().map(row).collect();
    ctx.ui.list("pruned", COLUMNS, &rows)?;
    if ctx.dry_run {
        ctx.ui.hint("nothing was removed; the same command without --dry-run removes it");
        return Ok(());
    }
    let left = if args.compact { store.compact()? } else { store.give_back()? };
    if left > 0 {
        let free = units::about(left);
        ctx.ui.note(&format!("{free} in the database are free for new mail; --compact gives them back to the disk"));
    }
    Ok(())
}
