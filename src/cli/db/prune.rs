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
use crate::store::db::{Store, Tx};
use crate::store::prune::{Old, Prunable};
use crate::ui::cell::{Cell, Column, Field, head};
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
    let of_none = args.kinds.iter().find(|kind| matches!(kind, Prunable::Notifications | Prunable::Log));
    if let Some(kind) = of_none.filter(|_| !args.accounts.is_empty()) {
        return Err(error::usage(format!("--account: the kind {} does not belong to an account", kind.as_str()))
            .hint(format!("leave --account out, or prune --kind {} by itself", kind.as_str()))
            .into());
    }
    let older = SignedDuration::try_from(args.older)?;
    let before = ctx.now().checked_sub(older).map_err(|_| error::usage("--older: is longer than time is counted"))?;
    let accounts = ctx.read(|tx, actor| {
        actor.require_admin("db prune")?;
        args.accounts.iter().map(|name| Ok(context::account(tx, name)?.id)).collect::<Result<Vec<i64>>>()
    })?;
    let old = |kind| Old { kind, before, accounts: &accounts };
    let store = ctx.unlogged_store()?;
    let load = |tx: &Tx<'_>| World::load(tx, &ctx.config, ctx.now());
    let count = |mut dry: Option<&mut Counted>| {
        let mut counts = Counts::new();
        kinds(args).try_for_each(|kind| prune::run(&store, &load, &old(*kind), dry.as_deref_mut(), &mut counts))?;
        rows(counts, &store)
    };
    let age = units::write_duration(args.older);
    let names = kinds(args).map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let nothing = format!("nothing of {names} is older than {age}");
    if ctx.dry_run {
        let rows = count(Some(&mut Counted::default()))?;
        ctx.ui.note(&match rows.is_empty() {
            true => format!("dry run: {nothing}"),
            false => {
                format!("dry run, nothing changed; without --dry-run what is older than {age} goes for good:")
            }
        });
        if rows.iter().any(|row| row.kind == Prunable::Sources) {
            ctx.ui.note("the attachments of those messages go with the sources; their names stay");
        }
        return list(&rows, ctx);
    }
    let of = if args.accounts.is_empty() { String::new() } else { format!(" of {}", args.accounts.join(", ")) };
    let mut goes = format!("{names}{of}");
    if ctx.asks() {
        let found = count(Some(&mut Counted::default()))?;
        if found.is_empty() && !args.compact {
            ctx.ui.note(&nothing);
            return list(&[], ctx);
        }
        if !found.is_empty() {
            goes = found.iter().map(told).collect::<Vec<_>>().join(", ");
        }
    }
    ctx.confirm(&format!("Remove what is older than {age} for good: {goes}?"))?;
    let before = store.size()?;
    let rows = ctx.long_work(&store, &[], || count(None))?;
    list(&rows, ctx)?;
    if rows.is_empty() && ctx.ui.is_terminal() {
        ctx.ui.note(&nothing);
    }
    let left = if args.compact { store.compact()? } else { store.give_back()? };
    // What a server gives back is its own decision.
    let given = u64::try_from(before - store.size()?).unwrap_or_default();
    if ctx.place.file().is_some() && (given > 0 || args.compact) {
        ctx.ui.note(&format!("the database gave back {} to the disk", units::about(given)));
    }
    if left > 0 {
        let free = units::about(left);
        ctx.ui.note(&format!("{free} in the database are free for new mail; --compact gives them back to the disk"));
    }
    Ok(())
}

/// The kinds that were named, in their order.
fn kinds(args: &Prune) -> impl Iterator<Item = &'static Prunable> {
    Prunable::ALL.iter().filter(|kind| args.kinds.contains(kind))
}

/// How much of a kind goes, in words.
fn told(row: &Row) -> String {
    let of = row.account.as_ref().map(|(_, name)| format!(" of {name}")).unwrap_or_default();
    format!("{} {}{of}", row.count, row.kind.as_str())
}

fn rows(counts: Counts, store: &Store) -> Result<Vec<Row>> {
    let all = store.read(accounts::all)?;
    let name_of = |id: i64| all.iter().find(|account| account.id == id).map(|account| (id, account.name.clone()));
    let row = |((kind, account), (count, bytes)): ((Prunable, Option<i64>), (i64, i64))| Row {
        account: account.and_then(name_of),
        kind,
        count,
        bytes,
    };
    Ok(counts.into_iter().map(row).collect())
}

fn list(rows: &[Row], ctx: &Context) -> Result<()> {
    ctx.ui.list_with("pruned", COLUMNS, rows, vec![Field::unseen("dry_run", Cell::bool(ctx.dry_run))])
}
