//! Every statement of the store on both engines: each takes it, and over the same rows both give the same answer.

use std::collections::{BTreeMap, BTreeSet};

use super::engines::flags;
use super::older::{choices, columns, plain, tables, texts};
use super::*;
use crate::store::db::seen::{self, Seen};
use crate::store::tests::dice::Dice;
use crate::store::tests::{calls, literals};
use crate::store::text::folded;

/// Rows of each table, as far as its conditions let that many be.
const ROWS: i64 = 30;

/// How often a row is thrown until a table takes it.
const TRIES: usize = 400;

/// How often each statement is asked, unless `ESPOMAIL_READS` says another number.
const READS: usize = 4;

/// Texts that differ in what engines disagree about: case, accents, signs of patterns, and what sorts where.
const TEXTS: [&str; 16] = [
    "",
    "a",
    "A",
    "ä",
    "Ä",
    "a b",
    "a_b",
    "100%",
    "Müller",
    "MÜLLER",
    "İstanbul",
    "x@x",
    "X@x.example",
    "INBOX",
    "~",
    "\u{10ffff}",
];

/// The first of the moments that rows have.
const NOW: i64 = 1_800_000_000;

impl Dice {
    /// From 1 on.
    fn number(&mut self, most: i64) -> i64 {
        1 + i64::try_from(self.below(usize::try_from(most).unwrap())).unwrap()
    }

    fn moment(&mut self) -> i64 {
        NOW + self.number(9) * 40_000
    }

    fn text(&mut self) -> String {
        self.one(&TEXTS).to_owned()
    }
}

/// What a column may hold.
struct Held {
    name: String,
    choices: Vec<String>,
    is_nullable: bool,
    is_flag: bool,
    /// It is the id of a row, of this table or of another one.
    is_id: bool,
    is_own_id: bool,
    ty: String,
}

impl Held {
    fn all(conn: &Connection, table: &str, flags: &[(String, String)]) -> Vec<Held> {
        let definition = plain(&texts(conn, &format!("SELECT sql FROM sqlite_schema WHERE name = '{table}'")).concat());
        let keys = texts(conn, &format!("SELECT name FROM pragma_table_xinfo('{table}') WHERE pk > 0"));
        let refers = texts(conn, &format!("SELECT \"from\" FROM pragma_foreign_key_list('{table}')"));
        let nullable =
            texts(conn, &format!("SELECT name FROM pragma_table_xinfo('{table}') WHERE NOT \"notnull\" AND pk = 0"));
        let of = |name: String| Held {
            choices: choices(&definition, &name),
            is_nullable: nullable.contains(&name),
            is_flag: flags.contains(&(table.to_owned(), name.clone())),
            is_id: refers.contains(&name) || name == "parent_id",
            is_own_id: keys == [name.clone()] && !refers.contains(&name),
            ty: texts(conn, &format!("SELECT type FROM pragma_table_xinfo('{table}') WHERE name = '{name}'")).concat(),
            name,
        };
        columns(conn, table).into_iter().map(of).collect()
    }

    /// `is_hard` where the table has refused many already: names are to be different then.
    fn thrown(&self, row: i64, is_hard: bool, dice: &mut Dice) -> rusqlite::types::Value {
        use rusqlite::types::Value;
        if self.is_nullable && dice.below(3) == 0 {
            return Value::Null;
        }
        match self.ty.as_str() {
            _ if !self.choices.is_empty() => Value::Text(self.choices[dice.below(self.choices.len())].clone()),
            "INTEGER" if self.is_own_id => Value::Integer(row),
            "INTEGER" if self.is_flag => Value::Integer(dice.number(2) - 1),
            "INTEGER" if self.is_id => Value::Integer(dice.number(ROWS)),
            "INTEGER" if self.name.ends_with("_at") => Value::Integer(dice.moment()),
            "INTEGER" => Value::Integer(dice.number(ROWS)),
            "BLOB" if is_hard => Value::Blob(row.to_le_bytes().to_vec()),
            "BLOB" => Value::Blob(dice.text().into_bytes()),
            _ if is_hard => Value::Text(format!("{}{row}", dice.text())),
            _ => Value::Text(dice.text()),
        }
    }
}

/// Puts rows into every table; what a table does not take is thrown again.
fn scatter(conn: &Connection, dice: &mut Dice) {
    let flags = flags();
    for table in tables(conn) {
        let held = Held::all(conn, &table, &flags);
        let names: Vec<&str> = held.iter().map(|column| column.name.as_str()).collect();
        let sql =
            format!("INSERT INTO \"{table}\" ({}) VALUES ({})", names.join(", "), vec!["?"; held.len()].join(", "));
        let mut insert = conn.prepare(&sql).unwrap();
        let rows = if names.contains(&"id") && table == "instance" { 1 } else { ROWS };
        for row in 1..=rows {
            let mut throw = |is_hard| {
                let values: Vec<_> = held.iter().map(|column| column.thrown(row, is_hard, dice)).collect();
                insert.execute(rusqlite::params_from_iter(values))
            };
            let taken = (0..TRIES).any(|number| throw(number > TRIES / 2).is_ok());
            assert!(taken || !held[0].is_own_id, "{table} takes no row {row}: {:?}", throw(true));
        }
    }
    assert_eq!(
        texts(conn, "SELECT DISTINCT \"table\" || ' ' || parent FROM pragma_foreign_key_check"),
        Vec::<String>::new()
    );
}

/// A value for a statement; one that `is_given` is there.
fn asked(ty: Ty, is_given: bool, dice: &mut Dice) -> Option<Value> {
    Some(match ty {
        Ty::Bool => Value::Bool(dice.below(2) == 1),
        Ty::Text if dice.below(8) == 0 && !is_given => Value::Null(Ty::Text),
        Ty::Text => Value::Text(dice.text()),
        Ty::Int => match dice.below(8) {
            0 if !is_given => Value::Null(Ty::Int),
            1 | 2 => Value::Integer(dice.moment()),
            _ => Value::Integer(dice.number(ROWS)),
        },
        Ty::Bytes | Ty::Unknown => return None,
    })
}

/// Values for a statement; `None` = one of them is of a type that nothing is asked for.
fn values(sql: &str, types: &[Ty], dice: &mut Dice) -> Option<Vec<Value>> {
    let value = |(number, ty): (usize, &Ty)| {
        let is_part = sql.contains("mentions(") && sql.contains(&format!(", ?{number})"));
        let is_given = is_part || sql.contains(&format!("LIMIT ?{number}"));
        Some(match asked(*ty, is_given, dice)? {
            // The program folds what it looks for.
            Value::Text(text) if is_part => Value::Text(folded(&text)),
            value => value,
        })
    };
    (1..).zip(types).map(value).collect()
}

/// Every statement that is not of one engine alone, with the types of its values where calls show them.
fn common() -> BTreeMap<String, Option<Vec<Ty>>> {
    let embedded = Store::embedded_for_test().unwrap();
    let whole =
        literals::all().into_iter().filter(|one| !one.has_holes() && one.constant.is_none() && one.engine().is_none());
    let called = calls::seen(&embedded).into_iter().map(|Seen { sql, types }| (sql, Some(types)));
    let is_of_one = |sql: &str| {
        let others = sql.replace("case_index_gaps", "");
        ["email_index", "case_index"].iter().any(|index| others.contains(index))
    };
    // One that begins in the middle is put into others.
    let is_part = |sql: &str| sql.contains("?2") && !sql.contains("?1");
    let is_common = |sql: &str| !is_of_one(sql) && !is_part(sql) && !sql.contains("SAVEPOINT");
    whole.map(|one| (one.text, None)).chain(called).filter(|(sql, _)| is_common(sql)).collect()
}

#[test]
fn a_server_takes_every_statement() {
    let Some(server) = seen::on_server() else { return };
    let all = common();
    let of_server = calls::seen(&server).into_iter().map(|seen| (seen.sql, Some(seen.types)));
    let mut faults = BTreeSet::new();
    for (sql, types) in of_server.chain(all.clone()) {
        if let Err(error) = server.prepare(&sql, types.as_deref()) {
            faults.insert(format!("{error:#}: {sql}"));
        }
    }
    assert!(all.len() > 1_000, "only {} statements were found", all.len());
    assert!(faults.is_empty(), "{} statements are not taken: {faults:#?}", faults.len());
}

#[test]
fn both_engines_give_the_same_answers() {
    let Some(server) = seen::on_server() else { return };
    let embedded = Store::embedded_for_test().unwrap();
    embedded.conn().pragma_update(None, "foreign_keys", false).unwrap();
    let mut dice = Dice::new();
    scatter(embedded.conn(), &mut dice);
    // What the full-text index lacks is of each engine.
    embedded.conn().execute("DELETE FROM case_index_gaps", []).unwrap();
    embedded.copy_into(&server, &mut |_, _| ()).unwrap();
    let reads = std::env::var("ESPOMAIL_READS").map_or(READS, |reads| reads.parse().unwrap());
    let (mut asks, mut rows, mut faults) = (0, 0, BTreeMap::new());
    for (sql, types) in common().into_iter().filter(|(sql, _)| sql.starts_with("SELECT") || sql.starts_with("WITH")) {
        let types = server.prepare(&sql, types.as_deref()).unwrap();
        for _ in 0..reads {
            let Some(values) = values(&sql, &types, &mut dice) else { break };
            let (one, other) = (embedded.answer(&sql, &values), server.answer(&sql, &values));
            let (mut one, mut other) = (
                one.unwrap_or_else(|error| panic!("{error:#}: {values:?}: {sql}")),
                other.unwrap_or_else(|error| panic!("{error:#}: {values:?}: {sql}")),
            );
            asks += 1;
            rows += one.len();
            if !sql.contains("ORDER BY") {
                one.sort();
                other.sort();
            }
            if one != other {
                let first = one.iter().zip(&other).find(|(one, other)| one != other);
                faults.insert(sql.clone(), format!("{values:?}: {} and {} rows, {first:?}", one.len(), other.len()));
            }
        }
    }
    assert!(asks > 1_000 && rows > 1_000, "{asks} questions, {rows} rows");
    assert!(
        faults.is_empty(),
        "ESPOMAIL_TEST_SEED={}: {} of {asks} answers differ: {faults:#?}",
        dice.seed(),
        faults.len()
    );
}
