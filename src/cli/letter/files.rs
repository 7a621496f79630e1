//! Files that are sent along.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::mail::compose::OutgoingAttachment;
use crate::mail::file_type;
use crate::ui::safe;
use crate::units;

/// Reads files, together no more than `max` bytes. Their type is told by their bytes.
pub fn read(files: &[String], max: u64) -> Result<Vec<OutgoingAttachment>> {
    let mut left = max;
    let mut all = Vec::new();
    for file in files {
        let bytes = one(file, left).map_err(|e| error::data(format!("--attach: cannot read {file}: {e}")))?;
        let Some(rest) = left.checked_sub(bytes.len() as u64) else {
            let max = units::write_size(max);
            return Err(error::data(format!("--attach: with {file} it is more than attachment_max_size, {max}"))
                .hint("send a link instead, or change the limit: espomail config path")
                .into());
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

/// At most one byte more than `max`.
fn one(file: &str, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
