//! Values that go to the server and come from it, in its binary form.

use std::error::Error;
use std::rc::Rc;

use anyhow::Result;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::store::db::bind::{Params, Ty};
use crate::store::db::columns::Columns;
use crate::store::db::value::ValueRef;

/// A value that is given to a statement.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) ty: Ty,
    value: Owned<'a>,
}

#[derive(Debug)]
enum Owned<'a> {
    Null,
    Integer(i64),
    Bytes(Vec<u8>),
    Borrowed(&'a [u8]),
}

impl<'a> Given<'a> {
    pub(super) fn all(params: impl Params) -> Result<Vec<Given<'a>>> {
        let mut given = Vec::new();
        params.each(&mut |value| {
            let owned = match value.value() {
                ValueRef::Null | ValueRef::Fraction => Owned::Null,
                ValueRef::Integer(number) => Owned::Integer(number),
                // This engine holds no NUL in a text.
                ValueRef::Text(text) if text.contains(&0) => {
                    Owned::Bytes(String::from_utf8_lossy(text).replace('\0', "\u{fffd}").into_bytes())
                }
                ValueRef::Text(bytes) | ValueRef::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
            };
            given.push(Given { ty: value.ty(), value: owned });
            Ok(())
        })?;
        Ok(given)
    }

    pub(super) fn bytes(bytes: &'a [u8]) -> Given<'a> {
        Given { ty: Ty::Bytes, value: Owned::Borrowed(bytes) }
    }

    /// Bytes of their own.
    pub(super) fn copied(bytes: &[u8]) -> Given<'a> {
        Given { ty: Ty::Bytes, value: Owned::Bytes(bytes.to_vec()) }
    }

    pub(super) fn id(id: i64) -> Given<'a> {
        Given { ty: Ty::Int, value: Owned::Integer(id) }
    }

    /// Adds what makes it another value than others.
    pub(super) fn print(&self, out: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match &self.value {
            Owned::Null => (0, &[]),
            Owned::Integer(number) => (1, &number.to_be_bytes()),
            Owned::Bytes(bytes) => (2, bytes),
            Owned::Borrowed(bytes) => (2, bytes),
        };
        out.push(kind);
        out.extend_from_slice(&bytes.len().to_be_bytes());
        out.extend_from_slice(bytes);
    }

    /// Bytes that it takes to send it, about.
    pub(super) fn size(&self) -> usize {
        match &self.value {
            Owned::Null | Owned::Integer(_) => 8,
            Owned::Bytes(bytes) => bytes.len(),
            Owned::Borrowed(bytes) => bytes.len(),
        }
    }
}

impl ToSql for Given<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.value {
            Owned::Null => return Ok(IsNull::Yes),
            Owned::Integer(number) => match *ty {
                Type::BOOL => out.extend_from_slice(&[u8::from(*number != 0)]),
                Type::INT2 => out.extend_from_slice(&i16::try_from(*number)?.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*number)?.to_be_bytes()),
                Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
                _ => return Err(format!("a number is given for a value of type {ty}").into()),
            },
            Owned::Bytes(bytes) => out.extend_from_slice(bytes),
            Owned::Borrowed(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as it came.
struct Raw<'a>(Type, Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Raw<'a>, Box<dyn Error + Sync + Send>> {
        Ok(Raw(ty.clone(), Some(raw)))
    }

    fn from_sql_null(ty: &Type) -> Result<Raw<'a>, Box<dyn Error + Sync + Send>> {
        Ok(Raw(ty.clone(), None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The values of a row.
pub struct Cells<'a>(&'a Row);

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row) -> Cells<'a> {
        Cells(row)
    }

    pub(in crate::store::db) fn value(&self, place: usize) -> Result<ValueRef<'a>> {
        let Raw(ty, bytes) = self.0.try_get(place)?;
        let Some(bytes) = bytes else { return Ok(ValueRef::Null) };
        let number = |number: Option<i64>| number.map_or(ValueRef::Fraction, ValueRef::Integer);
        Ok(match ty {
            Type::BOOL => number(bytes.first().map(|byte| i64::from(*byte))),
            Type::INT2 => number(bytes.try_into().ok().map(|bytes| i64::from(i16::from_be_bytes(bytes)))),
            Type::INT4 => number(bytes.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes)))),
            Type::INT8 => number(bytes.try_into().ok().map(i64::from_be_bytes)),
            Type::NUMERIC => number(whole(bytes)),
            Type::BYTEA => ValueRef::Bytes(bytes),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => ValueRef::Text(bytes),
            _ => ValueRef::Fraction,
        })
    }
}

/// A NUMERIC, which sums of numbers are, if it is a whole number that fits. It has four fields of two bytes (the number of
/// digits, the weight of the first, the sign, digits after the point) and then digits of base 10,000.
fn whole(bytes: &[u8]) -> Option<i64> {
    let (fields, _) = bytes.as_chunks::<2>();
    let [count, weight, sign, _, digits @ ..] = fields else { return None };
    let (count, weight) = (u16::from_be_bytes(*count), i16::from_be_bytes(*weight));
    if digits.len() != usize::from(count) {
        return None;
    }
    let mut sum: i64 = 0;
    for place in 0..=weight.max(-1) {
        let digit = usize::try_from(place).ok().and_then(|place| digits.get(place));
        let digit = digit.map_or(0, |digit| i64::from(u16::from_be_bytes(*digit)));
        sum = sum.checked_mul(10_000)?.checked_add(digit)?;
    }
    let fraction = digits.get(usize::try_from(i32::from(weight) + 1).unwrap_or_default()..).unwrap_or_default();
    let is_whole = fraction.iter().all(|digit| *digit == [0, 0]);
    match u16::from_be_bytes(*sign) {
        0 if is_whole => Some(sum),
        0x4000 if is_whole => sum.checked_neg(),
        _ => None,
    }
}

/// What a statement has answered.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    pub(super) columns: Rc<Columns>,
    /// Rows that were written.
    pub(super) changed: u64,
}

/// The beginning of a statement, which is enough to find it.
pub(super) fn short(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap_or_default();
        let fields = [count, u16::from_be_bytes(weight.to_be_bytes()), sign, 0];
        fields.iter().chain(digits).flat_map(|field| field.to_be_bytes()).collect()
    }

    #[test]
    fn sums_are_numbers_where_they_are_whole_and_fit() {
        for (bytes, expected) in [
            (numeric(0, 0, &[]), Some(0)),
            (numeric(0, 0, &[7]), Some(7)),
            (numeric(1, 0, &[1, 2345]), Some(12_345)),
            (numeric(2, 0, &[1]), Some(100_000_000)),
            (numeric(1, 0x4000, &[1, 2345]), Some(-12_345)),
            (numeric(4, 0, &[922, 3372, 368, 5477, 5807]), Some(i64::MAX)),
            (numeric(4, 0, &[922, 3372, 368, 5477, 5808]), None),
            (numeric(0, 0, &[1, 5000]), None),
            (numeric(-1, 0, &[5000]), None),
            (numeric(0, 0xC000, &[]), None),
            (vec![0], None),
        ] {
            assert_eq!(whole(&bytes), expected, "{bytes:?}");
        }
    }
}
