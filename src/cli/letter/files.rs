//! Files that are sent along.

use std::path::Path;

use anyhow::Result;

use crate::cli::editor::{attach, remote};
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
        all.push(one(file, bytes, max, &mut left)?);
    }
    Ok(all)
}

/// Reads the files of the field Attach, one by one, here or on the other side of sudo.
pub fn attached(files: &[String], afar: bool, max: u64) -> Vec<Result<OutgoingAttachment>> {
    let mut left = max;
    let mut read_one = |(place, file): (usize, &String)| {
        let bytes = match afar {
            true => remote::attached(place, left),
            false => attach::read(file, left).map_err(|e| attach::why(&e)),
        };
        let bytes = bytes.map_err(|why| error::data(format!("cannot read {file}: {why}")))?;
        one(file, bytes, max, &mut left)
    };
    files.iter().enumerate().map(&mut read_one).collect()
}

fn one(file: &str, bytes: Vec<u8>, max: u64, left: &mut u64) -> Result<OutgoingAttachment> {
    let rest = left.checked_sub(bytes.len() as u64);
    *left = rest.ok_or_else(|| reply::over_limit(&format!("with {file} it is"), max))?;
    let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
    Ok(OutgoingAttachment {
        name: safe::file_name(&name, "attachment"),
        content_type: file_type::of(&bytes).to_owned(),
        bytes,
    })
}
