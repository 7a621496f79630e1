//! `espomail man`: the manual page that is part of the program.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::context::Context;

/// The page (mdoc).
pub const PAGE: &str = include_str!("../../man/espomail.1");

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory to write espomail.1 into
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs `man`.
pub fn run(args: &ManArgs, ctx: &Context) -> Result<()> {
    let Some(dir) = &args.dir else { return crate::ui::output::print(PAGE.as_bytes()) };
    let file = dir.join("espomail.1");
    if !ctx.dry_run {
        std::fs::write(&file, PAGE).with_context(|| format!("cannot write {}", file.display()))?;
    }
    ctx.done(file.display(), &format!("manual page written to {}", file.display()))
}
