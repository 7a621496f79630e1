//! A report as a page or a picture: on standard output, or in a file that takes the place of the last one when it is whole.

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueHint};

use super::screen;
use crate::cli::context::Context;
use crate::cli::replaced;
use crate::error;
use crate::report::figures::Report;
use crate::report::page::{self, Frame};
use crate::report::plot;
use crate::ui::outcome::Thing;
use crate::ui::output::{self, Format};

/// What is written in the place of a table.
#[derive(Debug, Args)]
pub struct Written {
    /// Write a page for browsers and mail programs into this file; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::Other, conflicts_with = "svg")]
    html: Option<String>,
    /// Write a picture into this file; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::Other)]
    svg: Option<String>,
    /// What people are shown has bars in any case.
    #[arg(long, hide = true, conflicts_with_all = ["html", "svg"])]
    chart: bool,
}

impl Written {
    /// The file that is named.
    fn file(&self) -> Option<(&'static str, &str)> {
        let html = self.html.as_deref().map(|file| ("--html", file));
        html.or_else(|| self.svg.as_deref().map(|file| ("--svg", file)))
    }

    /// Refuses another format besides.
    ///
    /// # Errors
    /// Exit 2.
    pub fn check(&self, ctx: &Context) -> Result<()> {
        let flag = self.file().map(|(flag, _)| flag).or(self.chart.then_some("--chart"));
        match flag {
            Some(flag) if ctx.ui.format != Format::Table || !ctx.ui.fields.is_empty() => {
                let text = format!("{flag}: cannot be used with --format, --json or --fields");
                Err(error::usage(text).hint("leave one of them out").into())
            }
            _ => Ok(()),
        }
    }

    /// A page alone.
    pub fn page(file: Option<String>) -> Written {
        Written { html: file, svg: None, chart: false }
    }

    /// Writes the reports, of which a picture has the first; whether they were to be written.
    pub fn write(&self, ctx: &Context, reports: &[&Report], title: &str) -> Result<bool> {
        let (Some((flag, file)), Some(first)) = (self.file(), reports.first()) else { return Ok(false) };
        let text = match flag {
            "--svg" => plot::picture(first, &screen::caption(ctx, first)),
            _ => {
                let made = format!(
                    "Made {} by espomail. What the figures are: espomail man report",
                    ctx.ui.local_time(ctx.now())
                );
                page::page(reports, &Frame { title, caption: &screen::time(ctx, first), made: &made })
            }
        };
        if file == "-" {
            output::print(text.as_bytes())?;
            return Ok(true);
        }
        if !ctx.dry_run {
            replaced::replace(flag, Path::new(file), text.as_bytes(), None, ctx)?;
        }
        ctx.done(Thing::path(file), &format!("report written to {file}"))?;
        Ok(true)
    }
}
