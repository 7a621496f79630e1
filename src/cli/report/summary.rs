//! `espomail report summary`: all reports of one time, of the same moment.

use anyhow::Result;
use clap::{Args, ValueHint};

use super::{BACKLOG, FIRST_RESPONSE, OVERVIEW, RESOLUTION, VOLUME, made, screen};
use super::{Time, Written};
use crate::cli::context::Context;
use crate::error;
use crate::report::figures::{Asked, Report, Row};
use crate::report::{By, Kind, periods};
use crate::ui::cell::{Cell, Column, unlisted};

/// `report summary`
#[derive(Debug, Args)]
pub struct SummaryArgs {
    #[command(flatten)]
    time: Time,
    /// Write a page for browsers and mail programs into this file; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::Other)]
    html: Option<String>,
}

/// The reports in the order in which they are shown.
pub struct Summary {
    reports: [Report; 7],
}

impl Summary {
    fn rows(&self, kind: Kind) -> &[Row] {
        self.reports.iter().find(|report| report.asked.kind == kind).map_or(&[], |report| &report.rows)
    }

    /// What all of them are about.
    fn asked(&self) -> &Asked {
        let [first, ..] = &self.reports;
        &first.asked
    }
}

/// Fields of the summary in their order.
pub const COLUMNS: &[Column<Summary>] = &[
    Column::new("since", unlisted(), |all, _| Cell::date_time(all.asked().range.start)),
    Column::new("until", unlisted(), |all, _| Cell::date_time(all.asked().range.end)),
    Column::new("time_zone", unlisted(), |all, _| Cell::text(all.asked().zone.iana_name().unwrap_or("local"))),
    Column::new("report_volume", unlisted(), |all, s| Cell::rows(VOLUME, all.rows(Kind::Volume), s)),
    Column::new("report_backlog", unlisted(), |all, s| Cell::rows(BACKLOG, all.rows(Kind::Backlog), s)),
    Column::new("report_first_response", unlisted(), |all, s| {
        Cell::rows(FIRST_RESPONSE, all.rows(Kind::FirstResponse), s)
    }),
    Column::new("report_resolution", unlisted(), |all, s| Cell::rows(RESOLUTION, all.rows(Kind::Resolution), s)),
    Column::new("report_workload", unlisted(), |all, s| Cell::rows(OVERVIEW, all.rows(Kind::Workload), s)),
    Column::new("report_accounts", unlisted(), |all, s| Cell::rows(OVERVIEW, all.rows(Kind::Accounts), s)),
    Column::new("report_tags", unlisted(), |all, s| Cell::rows(OVERVIEW, all.rows(Kind::Tags), s)),
];

/// Runs `report summary`.
pub fn run(args: &SummaryArgs, ctx: &Context) -> Result<()> {
    let written = Written::page(args.html.clone());
    written.check(ctx)?;
    if !ctx.ui.for_people() && !ctx.ui.format.is_json() {
        let text = "report summary: several tables are not one of CSV or TSV";
        return Err(error::usage(text)
            .hint("use --json, or a report alone: espomail --format csv report volume")
            .into());
    }
    let range = args.time.range(ctx)?;
    let usual = periods::usual(&range);
    let kinds = [
        (Kind::Volume, usual),
        (Kind::Backlog, usual),
        (Kind::FirstResponse, usual),
        (Kind::Resolution, usual),
        (Kind::Workload, By::User),
        (Kind::Accounts, By::Account),
        (Kind::Tags, By::Tag),
    ];
    let zone = ctx.clock().zone;
    let reports = made(ctx, kinds.map(|(kind, by)| Asked { kind, by, range: range.clone(), zone: zone.clone() }))?;
    let all: Vec<&Report> = reports.iter().collect();
    if written.write(ctx, &all, "Help desk")? {
        return Ok(());
    }
    if !ctx.ui.tells_people() {
        return ctx.ui.object("report_summary", COLUMNS, &Summary { reports });
    }
    for (place, report) in all.into_iter().enumerate() {
        if place > 0 {
            ctx.ui.text("")?;
        }
        screen::show(ctx, report)?;
    }
    Ok(())
}
