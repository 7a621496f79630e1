//! The bytes of a column, which are stored in pieces where they are large.

use std::io::{self, Read};

use anyhow::{Result, ensure};

use super::Running;
use super::values::Cells;
use crate::store::db::columns::Columns;
use crate::store::db::value::FromValue;
use crate::store::db::{Column, LARGE};

/// The piece of a value that is stored at once: the server needs several times its size.
pub(super) const PIECE: usize = LARGE;

/// The bytes of a column, a piece at a time.
pub(super) struct Pieces<'a> {
    running: &'a Running<'a>,
    column: Column,
    id: i64,
    /// Of the next piece; 0 = what is in the column itself.
    number: i64,
    is_over: bool,
    piece: io::Cursor<Vec<u8>>,
    pub(super) failure: Option<anyhow::Error>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(running: &'a Running<'a>, column: Column, id: i64) -> Pieces<'a> {
        Pieces { running, column, id, number: 0, is_over: false, piece: io::Cursor::default(), failure: None }
    }

    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.is_over {
            return Ok(None);
        }
        let Column { table, name } = self.column;
        let read =
            |cells: Cells<'_>, _: &Columns| Vec::from_value(cells.value(0)?).map_err(|misfit| misfit.of(name).into());
        let piece = match self.number {
            0 => self.running.first(&format!("SELECT {name} FROM {table} WHERE id = ?1"), [self.id], read)?,
            number => {
                let sql = format!("SELECT {name} FROM {table}_pieces WHERE row_id = ?1 AND number = ?2");
                self.running.first(&sql, [self.id, number], read)?
            }
        };
        ensure!(piece.is_some() || self.number > 0, "there is no row {} of {table}", self.id);
        // The first one is larger than a piece where others follow, and of those only the last one is smaller.
        let follows = if self.number == 0 { PIECE + 1 } else { PIECE };
        self.is_over = piece.as_ref().is_none_or(|piece| piece.len() < follows);
        self.number += 1;
        Ok(piece)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        match self.next() {
            Ok(Some(piece)) => {
                self.piece = io::Cursor::new(piece);
                self.piece.read(buffer)
            }
            Ok(None) => Ok(0),
            Err(error) => {
                self.failure = Some(error);
                Err(io::Error::other("the database does not give the bytes"))
            }
        }
    }
}
