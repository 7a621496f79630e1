//! Where a text comes from: a flag, a file, standard input.

use std::io::Read as _;

use anyhow::Result;
use clap::Args;

use super::context::Context;
use crate::error;

/// Where a text comes from.
#[derive(Debug, Args)]
pub struct Text {
    /// Text
    #[arg(short = 'm', long = "message", value_name = "TEXT", conflicts_with_all = ["file", "stdin"])]
    message: Option<String>,
    /// File with the text; - is standard input
    #[arg(short = 'F', long = "file", value_name = "FILE", conflicts_with = "stdin")]
    file: Option<String>,
    /// - reads the text from standard input
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
}

impl Text {
    /// The text that is needed: from a flag, or from a pipe where none says.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(&self, ctx: &Context) -> Result<String> {
        let given = match self.given()? {
            None if !ctx.ui.stdin_is_terminal() && !ctx.no_input => read_source("standard input", "-")?,
            given => given.unwrap_or_default(),
        };
        if given.trim().is_empty() {
            return Err(error::data("text: must not be empty")
                .hint("give it with -m TEXT, -F FILE or - for standard input")
                .into());
        }
        Ok(given)
    }

    /// The text that a flag asks for, if one does.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn given(&self) -> Result<Option<String>> {
        Ok(match (&self.message, &self.file, &self.stdin) {
            (Some(message), _, _) => Some(message.clone()),
            (None, Some(file), _) => Some(read_source("--file", file)?),
            (None, None, Some(_)) => Some(read_source("standard input", "-")?),
            (None, None, None) => None,
        })
    }
}

/// Reads a file named on the command line, or standard input.
pub fn read_source(field: &str, file: &str) -> Result<String> {
    const MAX: u64 = 10 << 20;
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().take(MAX).read_to_string(&mut text).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => error::data(format!("{field}: is not UTF-8")).into(),
            _ => anyhow::Error::from(e).context(format!("{field}: cannot read standard input")),
        })?;
    } else {
        let open = std::fs::File::open(file).map_err(|e| error::data(format!("{field}: cannot read {file}: {e}")))?;
        open.take(MAX)
            .read_to_string(&mut text)
            .map_err(|e| error::data(format!("{field}: cannot read {file}: {e}")))?;
    }
    Ok(text)
}
