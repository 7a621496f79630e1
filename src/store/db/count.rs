//! How many rows a statement is to change.

use anyhow::{Result, bail};

/// Fails where a statement changed another number of rows than one.
pub(super) fn one_row(rows: usize) -> Result<()> {
    if rows != 1 {
        bail!("one row was to be changed, {rows} were");
    }
    Ok(())
}
