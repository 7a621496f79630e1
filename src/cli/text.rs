//! Where a text comes from: a flag, a file, standard input.

use std::io::Read as _;

use anyhow::Result;
use clap::Args;

use super::named_files;
use crate::error;
use crate::job_control;

/// A text by a flag.
#[derive(Debug, Args)]
pub struct Words {
    /// Text
    #[arg(short = 'm', long = "message", value_name = "TEXT", conflicts_with = "file")]
    message: Option<String>,
    /// File with the text; - is standard input
    #[arg(short = 'F', long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<String>,
}

/// Where a text comes from.
#[derive(Debug, Args)]
pub struct Text {
    #[command(flatten)]
    words: Words,
    /// - reads the text from standard input
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with_all = ["message", "file"])]
    stdin: Option<String>,
}

impl Words {
    /// The text that a flag gives, if one does.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn given(&self) -> Result<Option<String>> {
        Ok(match (&self.message, &self.file) {
            (Some(message), _) => Some(message.clone()),
            (None, Some(file)) => Some(read_source("--file", file)?),
            (None, None) => None,
        })
    }
}

impl Text {
    /// The text that is needed. Standard input is not read unless it is asked for: it may belong to the loop of a script.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(&self) -> Result<String> {
        self.given()?.filter(|text| !text.trim().is_empty()).ok_or_else(missing)
    }

    /// The text that a flag asks for, if one does.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn given(&self) -> Result<Option<String>> {
        match (self.words.given()?, &self.stdin) {
            (Some(text), _) => Ok(Some(text)),
            (None, Some(_)) => read_source("", "-").map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// A signature by a flag.
#[derive(Debug, Args)]
pub struct Signature {
    /// Signature below letters, without the line of dashes; an empty value removes it
    #[arg(long, value_name = "TEXT", conflicts_with = "signature_file")]
    signature: Option<String>,
    /// File with the signature; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    signature_file: Option<String>,
}

impl Signature {
    /// The signature that a flag gives, if one does.
    ///
    /// # Errors
    /// It cannot be read, or is more than a signature.
    pub fn given(&self) -> Result<Option<String>> {
        let text = match (&self.signature, &self.signature_file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) => read_source("--signature-file", file)?,
            (None, None) => return Ok(None),
        };
        if text.lines().count() > 30 || text.len() > 4_000 || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(error::data("--signature: must be at most 30 lines of plain text").into());
        }
        Ok(Some(text.trim_matches('\n').trim_end().to_owned()))
    }
}

/// The error where a text is needed and there is none.
pub fn missing() -> anyhow::Error {
    error::usage("the text is missing").hint("give it with -m TEXT, -F FILE or - for standard input").into()
}

/// Reads a file named on the command line, or standard input.
pub fn read_source(field: &str, file: &str) -> Result<String> {
    const MAX: u64 = 10 << 20;
    let before = if field.is_empty() { String::new() } else { format!("{field}: ") };
    let mut text = String::new();
    if file == "-" {
        job_control::while_waiting(|| std::io::stdin().take(MAX).read_to_string(&mut text)).map_err(|e| {
            match e.kind() {
                std::io::ErrorKind::InvalidData => error::data(format!("{before}standard input is not UTF-8")).into(),
                _ => anyhow::Error::from(e).context(format!("{before}cannot read standard input")),
            }
        })?;
    } else {
        let bytes = named_files::read(file, MAX).map_err(|e| error::file(format!("{before}cannot read {file}"), &e))?;
        let not_text = |_| error::data(format!("{before}cannot read {file}: it is not UTF-8"));
        text = String::from_utf8(bytes).map_err(not_text)?;
    }
    Ok(text)
}
