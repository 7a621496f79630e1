//! A whole database put into another one, of any engine: every row of every table in one transaction, as it is in one
//! snapshot of the other. The full-text index is not copied: it is made of the rows.

use anyhow::{Context as _, Result, ensure};

use super::bind::{Bind, Ty};
use super::value::{FromValue, Misfit, ValueRef};
use super::{Column, Engine, Row, Running, Store, Tx, after_damage, at};
use crate::error::{self, Fault, Kind};
use crate::place::Place;

/// Number of rows that are read at once.
const ROWS: i64 = 500;

/// Columns with bytes that may be large; none of their tables has another one, and each has an id.
const LARGE_COLUMNS: [Column; 2] =
    [Column { table: "raw_messages", name: "data" }, Column { table: "raw_parts", name: "data" }];

/// Tables that only an engine knows, or that say what its full-text index has, or who works on a server.
const OF_ENGINE: [&str; 10] = [
    "case_index_gaps",
    "case_words",
    "email_words",
    "hosts",
    "leases",
    "raw_messages_pieces",
    "raw_parts_pieces",
    "schema_version",
    "sealed_secrets",
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

    /// Refuses a database of which something is missing or hidden: what is copied of it would not be whole.
    ///
    /// # Errors
    /// Exit 74 with the first fault.
    pub fn require_whole(&self) -> Result<()> {
        let faults: Vec<String> = match &self.engine {
            Engine::Sqlite(_) => Vec::new(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => at(&self.place, conn.gaps())?,
        };
        let Some(first) = faults.first() else { return Ok(()) };
        let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
        let text = format!("{} is not whole: {first}{more}", self.place);
        Err(Fault::new(Kind::Io, text).hint(after_damage(&self.place)).into())
    }

    /// Tables of something else next to those of this program.
    pub fn foreign_tables(&self) -> Result<Vec<String>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(Vec::new()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => super::obstacle::named(&self.place, conn.foreign_tables()),
        }
    }

    /// Schemas with tables of this program which the search_path hides.
    pub fn hidden_schemas(&self) -> Result<Vec<String>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(Vec::new()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => super::obstacle::named(&self.place, conn.hidden_schemas()),
        }
    }

    /// Copies every row into a database that nobody uses yet; `told` hears of each table and the number of its rows so far.
    /// Ids stay the same, and none is used again that was used before.
    ///
    /// # Errors
    /// `target` is in use (data), or one of the two fails. Nothing is written then.
    pub fn copy_into(&self, target: &Store, told: &mut dyn FnMut(&str, usize)) -> Result<()> {
        self.require_whole()?;
        let done = self.read(|from| {
            let from = Side { tx: from, place: &self.place };
            let done = target.write(|to| {
                let to = Side { tx: to, place: &target.place };
                ensure!(!to.does(is_used)?, error::data(format!("{} is in use already", target.place)));
                to.does(|tx| of_engine!(Running, &tx.running, tx => tx.defer_keys()))?;
                let (there, known) = (from.does(tables)?, to.does(tables)?);
                for table in &known {
                    from.require(&there, table)?;
                    copy_table(&from, &to, table, told).with_context(|| format!("cannot copy {}", table.name))?;
                }
                let last = from.does(|tx| of_engine!(Running, &tx.running, tx => tx.last_ids()))?;
                for (table, id) in last.into_iter().filter(|(table, _)| known.iter().any(|known| known.name == *table))
                {
                    to.does(|tx| of_engine!(Running, &tx.running, tx => tx.set_last_id(&table, id)))?;
                }
                Ok(())
            });
            at(&target.place, done)
        });
        at(&self.place, done)
    }
}

/// One of the two databases: what goes wrong there is told of it.
struct Side<'a, 'b> {
    tx: &'a Tx<'b>,
    place: &'a Place,
}

impl Side<'_, '_> {
    fn does<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        at(self.place, work(self.tx))
    }

    /// Refuses to be copied where it has less than the other one. What it has more is of something else.
    fn require(&self, there: &[Table], table: &Table) -> Result<()> {
        let own = there.iter().find(|own| own.name == table.name);
        let lacks = |own: &Table| table.columns.iter().find(|column| !own.columns.contains(column)).cloned();
        let what = match own {
            None => format!("table {}", table.name),
            Some(own) => match lacks(own) {
                None => return Ok(()),
                Some(column) => format!("column {}.{column}", table.name),
            },
        };
        let text = format!("{} is not whole: {what} is missing", self.place);
        Err(Fault::new(Kind::Io, text).hint(after_damage(self.place)).into())
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

fn copy_table(from: &Side<'_, '_>, to: &Side<'_, '_>, table: &Table, told: &mut dyn FnMut(&str, usize)) -> Result<()> {
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
        let of_row = |row: &Row<'_>| columns.iter().map(|column| row.get::<Cell>(column)).collect::<Result<Vec<_>>>();
        let rows = from.does(|tx| tx.all(&sql, after.take().unwrap_or_default(), of_row))?;
        let Some(last) = rows.last() else { break };
        let of_key = |column: &String| columns.iter().position(|known| *known == column).and_then(|at| last.get(at));
        after = table.key.iter().map(|column| of_key(column).cloned()).collect();
        let count = rows.len();
        for row in rows {
            match (large, row.first()) {
                (Some(column), Some(Cell::Integer(id))) => {
                    let bytes = from.does(|tx| tx.load_bytes(column, *id))?;
                    to.does(|tx| tx.store_bytes(&insert, row, column, &bytes))?;
                }
                _ => to.does(|tx| tx.execute(&insert, row).map(drop))?,
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
