//! Rows of an answer.

use std::cell::Cell;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use rusqlite::types::FromSql;

use super::columns::Columns;
use crate::store::label::UnknownLabel;

/// One row of an answer, read by column name.
pub struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    columns: &'a Columns,
    sql: &'a str,
    /// How many columns have been read.
    reads: Cell<usize>,
}

impl<'a> Row<'a> {
    pub(super) fn new(row: &'a rusqlite::Row<'a>, columns: &'a Columns, sql: &'a str) -> Row<'a> {
        Row { row, columns, sql, reads: Cell::new(0) }
    }

    /// A column's value.
    pub fn get<T: FromSql>(&self, column: &str) -> Result<T> {
        let read = self.reads.get();
        self.reads.set(read + 1);
        let place = self.columns.place(column, read);
        let place = place.with_context(|| format!("there is no column {column} in the answer to: {}", self.sql))?;
        Ok(self.row.get(place)?)
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
