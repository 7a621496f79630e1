//! The statements of a connection: prepared once on the server, and kept with the names of their columns. Values go to the
//! server, and come from it, in its binary form.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use tokio_postgres::Statement;
use tokio_postgres::types::Type;

use super::line::Client;
use super::memo::{Asked, Memo, read_by};
use super::text;
use super::values::{Answer, Given, short};
use crate::store::db::bind::Ty;
use crate::store::db::columns::Columns;

/// The server keeps as many statements for a connection; beyond that it forgets all of them.
const MOST: usize = 500;

/// A statement that the server has.
struct Prepared {
    sql: Rc<str>,
    types: Vec<Ty>,
    statement: Statement,
    columns: Rc<Columns>,
    /// The tables that it reads, where its answer may be kept.
    reads: Option<Rc<[String]>>,
}

/// Statements by their text; one text may have been given values of other types. And answers to them.
#[derive(Default)]
pub(super) struct Kept {
    statements: HashMap<Box<str>, Vec<Prepared>>,
    pub(super) memo: Memo,
}

impl Kept {
    /// Runs a statement.
    pub(super) fn run(&mut self, client: &mut Client, sql: &str, given: &[Given<'_>]) -> Result<Rc<Answer>> {
        let Prepared { sql: text, statement, columns, reads, .. } = self.prepared(client, sql, given)?;
        let (statement, columns) = (statement.clone(), Rc::clone(columns));
        let asked = reads.clone().map(|reads| (reads, Asked::new(text, given)));
        match &asked {
            Some((_, asked)) => {
                if let Some(answer) = self.memo.known(asked) {
                    return Ok(answer);
                }
            }
            None => self.memo.heed(sql),
        }
        let (rows, changed) = client.run(&statement, text::written(sql).is_some(), given)?;
        let answer = Rc::new(Answer { rows, columns, changed });
        if let Some((reads, asked)) = asked {
            self.memo.keep(asked, reads, &answer);
        }
        Ok(answer)
    }

    /// Lets a statement that writes wait until an answer to another one is wanted; its number.
    pub(super) fn put(&mut self, client: &mut Client, sql: &str, given: Vec<Given<'static>>) -> Result<u64> {
        self.memo.heed(sql);
        let prepared = self.prepared(client, sql, &given)?;
        client.put_write(prepared.statement.clone(), given)
    }

    fn prepared(&mut self, client: &mut Client, sql: &str, given: &[Given<'_>]) -> Result<&Prepared> {
        let is_of = |prepared: &Prepared| prepared.types.iter().eq(given.iter().map(|value| &value.ty));
        if !self.statements.get(sql).is_some_and(|kept| kept.iter().any(is_of)) {
            if self.statements.len() >= MOST {
                self.statements.clear();
            }
            let types: Vec<Ty> = given.iter().map(|value| value.ty).collect();
            let named: Vec<Type> = types.iter().map(|ty| of_server(*ty)).collect();
            let statement =
                client.prepare_typed(&text::own(sql), &named).with_context(|| format!("in: {}", short(sql)))?;
            let mut columns = Columns::default();
            statement.columns().iter().for_each(|column| columns.add(column.name()));
            let prepared =
                Prepared { sql: sql.into(), types, statement, columns: Rc::new(columns), reads: read_by(sql) };
            self.statements.entry(sql.into()).or_default().push(prepared);
        }
        let kept = self.statements.get(sql).and_then(|kept| kept.iter().find(|prepared| is_of(prepared)));
        kept.ok_or_else(|| anyhow::anyhow!("a statement was not kept: {sql}"))
    }
}

#[cfg(test)]
impl super::Conn {
    /// Prepares a statement for values of these types, of which the last ones may be left out; the types of all of them.
    pub fn prepare(&self, sql: &str, types: &[Ty]) -> Result<Vec<Ty>> {
        let named: Vec<Type> = types.iter().map(|ty| of_server(*ty)).collect();
        let statement = self.link.borrow_mut().client.prepare_typed(&text::own(sql), &named)?;
        let of_program = |ty: &Type| match *ty {
            Type::INT8 | Type::INT4 => Ty::Int,
            Type::BOOL => Ty::Bool,
            Type::TEXT => Ty::Text,
            Type::BYTEA => Ty::Bytes,
            _ => Ty::Unknown,
        };
        Ok(statement.params().iter().map(of_program).collect())
    }
}

fn of_server(ty: Ty) -> Type {
    match ty {
        Ty::Int => Type::INT8,
        Ty::Bool => Type::BOOL,
        Ty::Text => Type::TEXT,
        Ty::Bytes => Type::BYTEA,
        Ty::Unknown => Type::UNKNOWN,
    }
}
