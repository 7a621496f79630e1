//! Files that are sent along.

use std::path::Path;

use anyhow::Result;

use crate::cli::named_files;
use crate::error;
use crate::mail::compose::OutgoingAttachment;
use crate::mail::file_type;
use crate::reply;
use crate::ui::safe;

/// Reads files, together no more than `max` bytes. Their type is told by their bytes.
pub fn read(files: &[String], max: u64) -> Result<Vec<OutgoingAttachment>> {
    let mut left = max;
    let mut all = Vec::new();
    for file in files {
        let bytes =
            named_files::read(file, left).map_err(|e| error::file(format!("--attach: cannot read {file}"), &e))?;
        let Some(rest) = left.checked_sub(bytes.len() as u64) else {
            return Err(reply::over_limit(&format!("with {file} it is"), max).into());
        };
        left = rest;
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        all.push(OutgoingAttachment {
            name: safe::file_name(&name, "attachment"),
            content_type: file_type::of(&bytes).to_owned(),
            bytes,
        });
    }
    Ok(all)
}
