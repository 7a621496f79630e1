//! A whole database put into another one, of any engine: every row of every table in one transaction, as it is in one
//! snapshot of the other. The full-text index is not copied: it is made of the rows.

use anyhow::{Context as _, Result, ensure};

use super::bind::{Bind, Ty};
use super::value::{FromValue, Misfit, ValueRef};
use super::{Column, Running, Store, Tx};
use crate::error;

/// Number of rows that are read at once.
const ROWS: i64 = 500;

/// Columns with bytes that may be large; none of their tables has another one, and each has an id.
const LARGE_COLUMNS: [Column; 2] =
    [Column { table: "raw_messages", name: "data" }, Column { table: "raw_parts", name: "data" }];

/// Tables that only an engine knows, or that say what its full-text index has.
const OF_ENGINE: [&str; 7] = [
    "case_index_gaps",
    "case_words",
    "email_words",
    "raw_messages_pieces",
    "raw_parts_pieces",
    "schema_version",
    "turns",
];

/// A table of a database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// In their order.
    pub columns: Vec<String>,
    /// The columns of its primary key; it may have none.
    pub key: Vec<String>,
}

/// A value of any column.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl FromValue for Cell {
    fn from_value(value: ValueRef<'_>) -> Result<Cell, Misfit> {
        Ok(match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Text(_) => Cell::Text(String::from_value(value)?),
            ValueRef::Bytes(bytes) => Cell::Bytes(bytes.to_vec()),
            ValueRef::Fraction => Cell::Integer(i64::from_value(value)?),
        })
    }
}

/// Its type is that of the column it goes into.
impl Bind for Cell {
    fn ty(&self) -> Ty {
        Ty::Unknown
    }

    fn value(&self) -> ValueRef<'_> {
        match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }
}

impl Store {
    /// Whether nobody has begun to use it: it has its tables, and no row says that it was set up.
    pub fn is_unused(&self) -> Result<bool> {
        self.read(|tx| Ok(!is_used(tx)?))
    }

    /// Copies every row into a database that nobody uses yet; `told` hears of each table and the number of its rows so far.
    /// Ids stay the same, and none is used again that was used before.
    ///
    /// # Errors
    /// `target` is in use (data), or one of the two fails. Nothing is written then.
    pub fn copy_into(&self, target: &Store, told: &mut dyn FnMut(&str, usize)) -> Result<()> {
        self.read(|from| {
            target.write(|to| {
                ensure!(!is_used(to)?, error::data(format!("{} is in use already", target.place().shown())));
                of_engine!(Running, &to.running, tx => tx.defer_keys())?;
                let known = tables(to)?;
                for table in tables(from)? {
                    let is_known = known.iter().any(|other| other.name == table.name);
                    ensure!(is_known, "{} has no table {}", target.place().shown(), table.name);
                    copy_table(from, to, &table, told).with_context(|| format!("cannot copy {}", table.name))?;
                }
                for (table, id) in of_engine!(Running, &from.running, tx => tx.last_ids())? {
                    of_engine!(Running, &to.running, tx => tx.set_last_id(&table, id))?;
                }
                Ok(())
            })
        })
    }
}

fn is_used(tx: &Tx<'_>) -> Result<bool> {
    Ok(tx.value::<i64>("SELECT count(*) FROM instance", [])? != Some(0))
}

/// The tables that every engine has, in the order of their names.
pub(super) fn tables(tx: &Tx<'_>) -> Result<Vec<Table>> {
    let all = of_engine!(Running, &tx.running, tx => tx.columns())?;
    let mut tables: Vec<Table> = Vec::new();
    for (table, column, is_key) in all.into_iter().filter(|(table, _, _)| !OF_ENGINE.contains(&table.as_str())) {
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table, ..Table::default() });
        }
        if let Some(last) = tables.last_mut() {
            last.key.extend(is_key.then(|| column.clone()));
            last.columns.push(column);
        }
    }
    Ok(tables)
}

fn copy_table(from: &Tx<'_>, to: &Tx<'_>, table: &Table, told: &mut dyn FnMut(&str, usize)) -> Result<()> {
    let large = LARGE_COLUMNS.into_iter().find(|column| column.table == table.name);
    let columns: Vec<&String> =
        table.columns.iter().filter(|column| large.is_none_or(|large| large.name != column.as_str())).collect();
    let list = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
    let last = large.map(|large| format!(", {}", large.name)).unwrap_or_default();
    let insert = format!("INSERT INTO {} ({list}{last}) VALUES ({})", table.name, places.join(", "));
    let key = table.key.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let mut after: Option<Vec<Cell>> = None;
    let mut copied = 0;
    loop {
        let beyond = match &after {
            None => String::new(),
            Some(after) => {
                let places: Vec<String> = (1..=after.len()).map(|place| format!("?{place}")).collect();
                format!(" WHERE ({key}) > ({})", places.join(", "))
            }
        };
        let in_order = if key.is_empty() { String::new() } else { format!(" ORDER BY {key} LIMIT {ROWS}") };
        let sql = format!("SELECT {list} FROM {}{beyond}{in_order}", table.name);
        let rows = from.all(&sql, after.take().unwrap_or_default(), |row| {
            columns.iter().map(|column| row.get::<Cell>(column)).collect::<Result<Vec<_>>>()
        })?;
        let Some(last) = rows.last() else { break };
        let of_key = |column: &String| columns.iter().position(|known| *known == column).and_then(|at| last.get(at));
        after = table.key.iter().map(|column| of_key(column).cloned()).collect();
        let count = rows.len();
        for row in rows {
            match (large, row.first()) {
                (Some(column), Some(Cell::Integer(id))) => {
                    let bytes = from.load_bytes(column, *id)?;
                    to.store_bytes(&insert, row, column, &bytes)?;
                }
                _ => drop(to.execute(&insert, row)?),
            }
        }
        copied += count;
        told(&table.name, copied);
        if key.is_empty() || i64::try_from(count)? < ROWS {
            break;
        }
    }
    Ok(())
}
