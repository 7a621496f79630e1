//! Values as they lie in a database, of any engine, and what the program makes of them.

use std::fmt;

use anyhow::Result;

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ty {
    Int,
    Bool,
    Text,
    Bytes,
    /// That of the column it goes into.
    Unknown,
}

/// A type of which every value has the same type in the database.
pub trait Typed {
    const TY: Ty;

    fn as_value(&self) -> ValueRef<'_>;
}

/// A value that is known at run time only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, of a type.
    Null(Ty),
    Bool(bool),
    Integer(i64),
    Text(String),
}

macro_rules! of_integer {
    ($($kind:ty),+) => { $(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Value {
                Value::Integer(value.into())
            }
        }
    )+ };
}

of_integer!(i64, u32, u16);

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl<T: Into<Value> + Typed> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null(T::TY), T::into)
    }
}

/// A value where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    Null,
    Integer(i64),
    /// No column holds such numbers.
    Fraction,
    /// UTF-8, if nothing is damaged.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

impl ValueRef<'_> {
    fn kind(self) -> &'static str {
        match self {
            ValueRef::Null => "nothing",
            ValueRef::Integer(_) => "a number",
            ValueRef::Fraction => "a fraction",
            ValueRef::Text(_) => "a text",
            ValueRef::Bytes(_) => "bytes",
        }
    }
}

/// What a value is not.
#[derive(Debug, PartialEq, Eq)]
pub enum Misfit {
    /// What was wanted, and what is there.
    Kind(&'static str, &'static str),
    Range(i64),
    NotUtf8,
}

impl Misfit {
    pub(super) fn of(self, column: &str) -> Unreadable {
        Unreadable { column: column.to_owned(), misfit: self }
    }
}

/// A column holds what the program has not written.
#[derive(Debug)]
pub struct Unreadable {
    column: String,
    misfit: Misfit,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} holds ", self.column)?;
        match self.misfit {
            Misfit::Kind(wanted, found) => write!(f, "{found}, not {wanted}"),
            Misfit::Range(number) => write!(f, "{number}, which is out of range"),
            Misfit::NotUtf8 => f.write_str("a text that is not UTF-8"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A type that is read from a column.
pub trait FromValue: Sized {
    fn from_value(value: ValueRef<'_>) -> Result<Self, Misfit>;
}

impl FromValue for i64 {
    fn from_value(value: ValueRef<'_>) -> Result<i64, Misfit> {
        match value {
            ValueRef::Integer(number) => Ok(number),
            other => Err(Misfit::Kind("a number", other.kind())),
        }
    }
}

macro_rules! from_integer {
    ($($kind:ty),+) => { $(
        impl FromValue for $kind {
            fn from_value(value: ValueRef<'_>) -> Result<$kind, Misfit> {
                let number = i64::from_value(value)?;
                <$kind>::try_from(number).map_err(|_| Misfit::Range(number))
            }
        }
    )+ };
}

from_integer!(i32, u64, u32, u16, u8);

impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Result<bool, Misfit> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Result<String, Misfit> {
        match value {
            ValueRef::Text(bytes) => Ok(std::str::from_utf8(bytes).map_err(|_| Misfit::NotUtf8)?.to_owned()),
            other => Err(Misfit::Kind("a text", other.kind())),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Result<Vec<u8>, Misfit> {
        match value {
            ValueRef::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(Misfit::Kind("bytes", other.kind())),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Result<Option<T>, Misfit> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: FromValue + fmt::Debug>(value: ValueRef<'_>) -> String {
        T::from_value(value).map_or_else(|misfit| misfit.of("c").to_string(), |value| format!("{value:?}"))
    }

    #[test]
    fn a_value_is_what_was_asked_for_or_says_what_it_is() {
        let rows = [
            (said::<i64>(ValueRef::Integer(-1)), "-1"),
            (said::<i64>(ValueRef::Null), "column c holds nothing, not a number"),
            (said::<Option<i64>>(ValueRef::Null), "None"),
            (said::<Option<i64>>(ValueRef::Text(b"1")), "column c holds a text, not a number"),
            (said::<u16>(ValueRef::Integer(65_535)), "65535"),
            (said::<u16>(ValueRef::Integer(65_536)), "column c holds 65536, which is out of range"),
            (said::<u32>(ValueRef::Integer(-1)), "column c holds -1, which is out of range"),
            (said::<bool>(ValueRef::Integer(2)), "true"),
            (said::<bool>(ValueRef::Fraction), "column c holds a fraction, not a number"),
            (said::<String>(ValueRef::Text("é".as_bytes())), "\"é\""),
            (said::<String>(ValueRef::Text(b"\xff")), "column c holds a text that is not UTF-8"),
            (said::<String>(ValueRef::Bytes(b"x")), "column c holds bytes, not a text"),
            (said::<Vec<u8>>(ValueRef::Bytes(b"\xff")), "[255]"),
            (said::<Vec<u8>>(ValueRef::Text(b"x")), "column c holds a text, not bytes"),
        ];
        for (said, expected) in rows {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn values_are_made_of_what_they_hold() {
        let rows = [
            (Value::from(true), Value::Bool(true)),
            (Value::from(7_u16), Value::Integer(7)),
            (Value::from(Some("x".to_owned())), Value::Text("x".to_owned())),
            (Value::from(None::<u32>), Value::Null(Ty::Int)),
        ];
        for (value, expected) in rows {
            assert_eq!(value, expected);
        }
    }
}
