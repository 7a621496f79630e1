//! How a setting is kept: one line of its group is its field, its column, its default, and how it is read and written.

use anyhow::Result;
use jiff::Timestamp;

use super::{
    AccountKind, AfterImport, Auth, AutoMail, Distribution, DmarcNone, Language, OnClosed, ReadSent, Share,
    StaffForward, StoreSent, Tls,
};
use crate::store::db::{Row, Value, seconds};

/// A type that a column of `accounts` can hold.
pub trait Setting: Sized {
    /// The value of a column.
    fn read(row: &Row<'_>, column: &str) -> Result<Self>;

    /// The same for the database.
    fn value(&self) -> Result<Value>;
}

/// Columns with their values, in the order of the statement.
pub type Bound = Vec<(&'static str, Value)>;

macro_rules! plain {
    ($($kind:ty),+) => { $(
        impl Setting for $kind {
            fn read(row: &Row<'_>, column: &str) -> Result<Self> {
                row.get(column)
            }

            fn value(&self) -> Result<Value> {
                Ok(self.clone().into())
            }
        }
    )+ };
}

plain!(bool, i64, u16, String, Option<i64>, Option<u32>, Option<String>);

macro_rules! label {
    ($($kind:ty),+) => { $(
        impl Setting for $kind {
            fn read(row: &Row<'_>, column: &str) -> Result<Self> {
                row.label(column)
            }

            fn value(&self) -> Result<Value> {
                Ok(self.to_string().into())
            }
        }
    )+ };
}

label!(AccountKind, AfterImport, Auth, AutoMail, Distribution, DmarcNone, OnClosed, ReadSent, Share, StaffForward, Tls);

impl Setting for Timestamp {
    fn read(row: &Row<'_>, column: &str) -> Result<Self> {
        row.time(column)
    }

    fn value(&self) -> Result<Value> {
        Ok(seconds(*self).into())
    }
}

/// A size in bytes.
impl Setting for Option<u64> {
    fn read(row: &Row<'_>, column: &str) -> Result<Self> {
        Ok(row.get::<Option<i64>>(column)?.map(u64::try_from).transpose()?)
    }

    fn value(&self) -> Result<Value> {
        Ok(self.map(i64::try_from).transpose()?.into())
    }
}

impl Setting for Option<Language> {
    fn read(row: &Row<'_>, column: &str) -> Result<Self> {
        row.opt_label(column)
    }

    fn value(&self) -> Result<Value> {
        Ok(self.map(|language| language.as_str().to_owned()).into())
    }
}

impl Setting for Option<StoreSent> {
    fn read(row: &Row<'_>, column: &str) -> Result<Self> {
        Ok(row.get::<Option<String>>(column)?.map(|text| text.parse()).transpose()?)
    }

    fn value(&self) -> Result<Value> {
        Ok(self.as_ref().map(ToString::to_string).into())
    }
}

/// Declares a group of settings: `field: Type = default`, where the column has the name of the field. The defaults know
/// the kind of the account and the moment at which it is added.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        |$kind:ident, $now:ident| pub struct $name:ident {
            $($(#[$fmeta:meta])* $field:ident: $type:ty = $default:expr),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),+ }

        impl $name {
            /// Before any setting.
            pub(super) fn new($kind: $crate::store::accounts::AccountKind, $now: jiff::Timestamp) -> $name {
                let _ = ($kind, $now);
                $name { $($field: $default),+ }
            }

            pub(super) fn read(row: &$crate::store::db::Row<'_>) -> anyhow::Result<$name> {
                Ok($name { $($field: $crate::store::accounts::setting::Setting::read(row, stringify!($field))?),+ })
            }

            pub(super) fn bind(&self) -> anyhow::Result<$crate::store::accounts::setting::Bound> {
                Ok(vec![$((
                    stringify!($field),
                    $crate::store::accounts::setting::Setting::value(&self.$field)?,
                )),+])
            }
        }
    };
}
pub(super) use settings;
