//! Values that go into a statement. Each has a type also where it is NULL: SQLite does not ask for it, other engines do.

use anyhow::Result;

pub use super::value::{Ty, Typed};
use super::value::{Value, ValueRef};

/// A value of a statement.
pub trait Bind {
    fn ty(&self) -> Ty;

    fn value(&self) -> ValueRef<'_>;
}

macro_rules! typed {
    ($($ty:ident($value:ident => $made:expr): $($kind:ty),+;)+) => { $($(
        impl Typed for $kind {
            const TY: Ty = Ty::$ty;

            fn as_value(&self) -> ValueRef<'_> {
                let $value = self;
                $made
            }
        }
    )+)+ };
}

typed! {
    Int(number => ValueRef::Integer(*number)): i64;
    Int(number => ValueRef::Integer(i64::from(*number))): i32, u32, u16, u8;
    Bool(flag => ValueRef::Integer(i64::from(*flag))): bool;
    Text(text => ValueRef::Text(text.as_bytes())): str, String;
    Bytes(bytes => ValueRef::Bytes(bytes)): [u8], Vec<u8>;
}

impl<T: Typed + ?Sized> Typed for &T {
    const TY: Ty = T::TY;

    fn as_value(&self) -> ValueRef<'_> {
        T::as_value(self)
    }
}

impl<T: Typed> Typed for Option<T> {
    const TY: Ty = T::TY;

    fn as_value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, T::as_value)
    }
}

impl<T: Typed + ?Sized> Bind for T {
    fn ty(&self) -> Ty {
        T::TY
    }

    fn value(&self) -> ValueRef<'_> {
        self.as_value()
    }
}

impl Bind for Value {
    fn ty(&self) -> Ty {
        match self {
            Value::Null(ty) => *ty,
            Value::Bool(_) => Ty::Bool,
            Value::Integer(_) => Ty::Int,
            Value::Text(_) => Ty::Text,
        }
    }

    fn value(&self) -> ValueRef<'_> {
        match self {
            Value::Null(_) => ValueRef::Null,
            Value::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }
    }
}

/// The values of a statement in the order of `?1`, `?2` and so on.
pub trait Params {
    /// Gives each value to `bind`.
    ///
    /// # Errors
    /// The first of `bind`.
    fn each(&self, bind: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()>;
}

impl Params for &[&dyn Bind] {
    fn each(&self, bind: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()> {
        self.iter().try_for_each(|value| bind(*value))
    }
}

/// No values.
impl Params for [&'static dyn Bind; 0] {
    fn each(&self, _: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()> {
        Ok(())
    }
}

macro_rules! alike {
    ($($count:literal)+) => { $(
        impl<T: Bind> Params for [T; $count] {
            fn each(&self, bind: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()> {
                self.iter().try_for_each(|value| bind(value))
            }
        }
    )+ };
}

alike!(1 2 3 4);

impl<A: Bind, B: Bind> Params for (A, B) {
    fn each(&self, bind: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()> {
        bind(&self.0)?;
        bind(&self.1)
    }
}

impl<T: Bind> Params for Vec<T> {
    fn each(&self, bind: &mut dyn FnMut(&dyn Bind) -> Result<()>) -> Result<()> {
        self.iter().try_for_each(|value| bind(value))
    }
}

/// Values of types that differ, each as it stands.
#[macro_export]
macro_rules! bound {
    () => { &[] as &[&dyn $crate::store::db::Bind] };
    ($($value:expr),+ $(,)?) => { &[$(&$value as &dyn $crate::store::db::Bind),+] as &[&dyn $crate::store::db::Bind] };
}

pub use crate::bound as params;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_has_a_type_also_where_it_is_null() {
        let (none, text): (Option<i64>, Option<&str>) = (None, None);
        let values: &[&dyn Bind] =
            params![none, text, true, "x".to_owned(), vec![1_u8], 7_u32, Value::from(None::<u32>), Value::from(1_i64)];
        let types: Vec<Ty> = values.iter().map(|value| value.ty()).collect();
        let expected = [Ty::Int, Ty::Text, Ty::Bool, Ty::Text, Ty::Bytes, Ty::Int, Ty::Int, Ty::Int];
        assert_eq!(types, expected);
    }
}
