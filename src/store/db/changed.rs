//! How many rows a statement has changed: known at once, or asked for when somebody wants to know.

use anyhow::Result;

use super::count::one_row;
#[cfg(feature = "postgres")]
use super::postgres;

/// The rows that a statement has changed.
#[derive(Clone, Copy)]
pub struct Changed<'a>(Of<'a>);

#[derive(Clone, Copy)]
enum Of<'a> {
    Known(usize, std::marker::PhantomData<&'a ()>),
    #[cfg(feature = "postgres")]
    Server(postgres::Changed<'a>),
}

impl<'a> Changed<'a> {
    pub(super) fn known(rows: usize) -> Changed<'a> {
        Changed(Of::Known(rows, std::marker::PhantomData))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn on_server(changed: postgres::Changed<'a>) -> Changed<'a> {
        Changed(Of::Server(changed))
    }

    /// The number of them. A server is asked now, where that has waited.
    ///
    /// # Errors
    /// Those of the statement, and of others that waited.
    pub fn rows(self) -> Result<usize> {
        match self.0 {
            Of::Known(rows, _) => Ok(rows),
            #[cfg(feature = "postgres")]
            Of::Server(changed) => Ok(usize::try_from(changed.rows()?)?),
        }
    }
}

/// Fails where a statement changed another number of rows than one.
///
/// # Errors
/// It did, or the statement failed.
pub fn exactly_one(changed: Changed<'_>) -> Result<()> {
    one_row(changed.rows()?)
}
