//! Rows of an answer.

use std::cell::Cell;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;

use super::columns::Columns;
#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite;
use super::value::{FromValue, ValueRef};
use crate::store::label::UnknownLabel;

/// The values of a row where its engine has them.
pub(super) enum Cells<'a> {
    Sqlite(sqlite::Cells<'a>),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Cells<'a>),
}

impl Cells<'_> {
    fn value(&self, place: usize) -> Result<ValueRef<'_>> {
        match self {
            Cells::Sqlite(cells) => cells.value(place),
            #[cfg(feature = "postgres")]
            Cells::Postgres(cells) => cells.value(place),
        }
    }
}

/// One row of an answer, read by column name.
pub struct Row<'a> {
    cells: Cells<'a>,
    columns: &'a Columns,
    sql: &'a str,
    /// How many columns have been read.
    reads: Cell<usize>,
}

impl<'a> Row<'a> {
    pub(super) fn new(cells: Cells<'a>, columns: &'a Columns, sql: &'a str) -> Row<'a> {
        Row { cells, columns, sql, reads: Cell::new(0) }
    }

    /// The value of the first column.
    pub(super) fn first<T: FromValue>(&self) -> Result<T> {
        T::from_value(self.cells.value(0)?).map_err(|misfit| misfit.of(self.columns.name(0).unwrap_or_default()).into())
    }

    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let read = self.reads.get();
        self.reads.set(read + 1);
        let place = self.columns.place(column, read);
        let place = place.with_context(|| format!("there is no column {column} in the answer to: {}", self.sql))?;
        T::from_value(self.cells.value(place)?).map_err(|misfit| misfit.of(column).into())
    }

    /// All of its values.
    #[cfg(test)]
    pub(super) fn printed(&self) -> Result<String> {
        let places = (0..).take_while(|place| self.columns.name(*place).is_some());
        let values = places.map(|place| {
            Ok(match self.cells.value(place)? {
                ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                other => format!("{other:?}"),
            })
        });
        Ok(values.collect::<Result<Vec<_>>>()?.join(", "))
    }

    /// A column of seconds as a moment.
    pub fn time(&self, column: &str) -> Result<Timestamp> {
        moment(self.get(column)?)
    }

    /// A column of seconds or NULL.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>(column)?.map(moment).transpose()
    }

    /// A text column as an enum with labels.
    pub fn label<T: FromStr<Err = UnknownLabel>>(&self, column: &str) -> Result<T> {
        let label: String = self.get(column)?;
        label.parse().map_err(|e: UnknownLabel| anyhow!("column {column}: {e}"))
    }

    /// As [`Row::label`]; `None` where the column is NULL.
    pub fn opt_label<T: FromStr<Err = UnknownLabel>>(&self, column: &str) -> Result<Option<T>> {
        let label: Option<String> = self.get(column)?;
        label.map(|label| label.parse().map_err(|e: UnknownLabel| anyhow!("column {column}: {e}"))).transpose()
    }
}

fn moment(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).with_context(|| format!("{seconds} is not a moment"))
}
