//! `espomail report`: figures for team leads. Roles narrow them, as they narrow lists.

mod columns;
mod file;
mod screen;
pub mod summary;

use std::ops::Range;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};

use self::columns::by_kind;
pub use self::columns::{BACKLOG, FIRST_RESPONSE, OVERVIEW, RESOLUTION, VOLUME};
use self::file::Written;
use super::context::Context;
use super::labels::Labels;
use crate::access::Actor;
use crate::error;
use crate::report::figures::{self, Asked, Report};
use crate::report::{By, Facts, Kind, periods};
use crate::store::db::Tx;
use crate::store::reports::{self, Seen};
use crate::ui::cell::{Cell, Field};

/// Reports for team leads
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Show who has how many cases, who answers, and how fast
    #[command(
        before_help = "Examples:\n  $ espomail report workload\n  $ espomail report workload --by team --since 2026-01-01\n  $ espomail report workload --html workload.html"
    )]
    Workload(Workload),
    /// Show how long customers waited for the first answer
    #[command(
        before_help = "Examples:\n  $ espomail report first-response --since 90d\n  $ espomail report first-response --by user"
    )]
    FirstResponse(Timed),
    /// Show how long it took until cases were closed
    #[command(
        before_help = "Examples:\n  $ espomail report resolution --by month --since 2026-01-01\n  $ espomail report resolution --by team"
    )]
    Resolution(Timed),
    /// Show how many cases were open
    #[command(
        before_help = "Examples:\n  $ espomail report backlog --by week --since 26w\n  $ espomail report backlog --by user --html backlog.html"
    )]
    Backlog(Timed),
    /// Show how many cases were opened and closed, and how much mail came and went
    #[command(
        before_help = "Examples:\n  $ espomail report volume\n  $ espomail --format csv report volume --by day --since 2026-01-01"
    )]
    Volume(Timed),
    /// Show the figures of each group account
    #[command(before_help = "Examples:\n  $ espomail report accounts\n  $ espomail report accounts --since monday")]
    Accounts(Within),
    /// Show the figures of each tag
    #[command(before_help = "Examples:\n  $ espomail report tags\n  $ espomail --json report tags --since 90d")]
    Tags(Within),
    /// Show all reports, one after the other, or as one page
    #[command(
        before_help = "Examples:\n  $ espomail report summary\n  $ espomail report summary --since '1 week ago' --html week.html"
    )]
    Summary(summary::SummaryArgs),
}

/// The time that a report is about.
#[derive(Debug, Args)]
pub struct Time {
    /// From this date or time on; by default 29 days before today
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Up to this date or time, which is not part of the report; by default now
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

/// The time that a report is about, and where it goes.
#[derive(Debug, Args)]
pub struct Within {
    #[command(flatten)]
    time: Time,
    #[command(flatten)]
    written: Written,
}

/// A report by time or by thing.
#[derive(Debug, Args)]
pub struct Timed {
    #[command(flatten)]
    within: Within,
    /// Rows; by default days for up to a month, weeks for up to half a year, then months
    #[arg(long, value_name = "KEY", value_parser = Labels::of(By::ALL))]
    by: Option<By>,
}

/// `report workload`
#[derive(Debug, Args)]
pub struct Workload {
    #[command(flatten)]
    within: Within,
    /// Rows
    #[arg(long, value_name = "KEY", default_value = "user", value_parser = Labels::of(&[By::User, By::Team]))]
    by: By,
}

/// Runs a `report` command.
pub fn run(command: ReportCommand, ctx: &Context) -> Result<()> {
    let (kind, within, by) = match command {
        ReportCommand::Workload(args) => (Kind::Workload, args.within, Some(args.by)),
        ReportCommand::FirstResponse(args) => (Kind::FirstResponse, args.within, args.by),
        ReportCommand::Resolution(args) => (Kind::Resolution, args.within, args.by),
        ReportCommand::Backlog(args) => (Kind::Backlog, args.within, args.by),
        ReportCommand::Volume(args) => (Kind::Volume, args.within, args.by),
        ReportCommand::Accounts(within) => (Kind::Accounts, within, Some(By::Account)),
        ReportCommand::Tags(within) => (Kind::Tags, within, Some(By::Tag)),
        ReportCommand::Summary(args) => return summary::run(&args, ctx),
    };
    within.written.check(ctx)?;
    let range = within.time.range(ctx)?;
    let by = by.unwrap_or_else(|| periods::usual(&range));
    let [report] = made(ctx, [Asked { kind, by, range, zone: ctx.clock().zone }])?;
    if within.written.write(ctx, &[&report], &screen::title(&report))? {
        return Ok(());
    }
    match ctx.ui.tells_people() {
        true => screen::show(ctx, &report),
        false => ctx.ui.list_with(&noun(kind), by_kind(kind), &report.rows, facts_of(&report)),
    }
}

impl Time {
    fn range(&self, ctx: &Context) -> Result<Range<Timestamp>> {
        let now = ctx.now();
        let month_ago = || {
            let clock = ctx.clock();
            let first = now.to_zoned_datetime(clock.zone.clone()).date().checked_sub(Span::new().days(29))?;
            clock.zone.to_timestamp(first.to_datetime(jiff::civil::Time::midnight()))
        };
        let since = self.since.as_deref().map_or_else(|| Ok(month_ago()?), |text| ctx.past("--since", text))?;
        // What has happened is stored in whole seconds: all of this one is in the report.
        let end = Timestamp::from_second(now.as_second() + i64::from(now.subsec_nanosecond() > 0))?;
        let until = self.until.as_deref().map_or(Ok(end), |text| ctx.past("--until", text))?.min(end);
        if since >= until {
            let text = format!(
                "the report would begin at {}, which is not before its end, {}",
                ctx.ui.local_time(since),
                ctx.ui.local_time(until)
            );
            return Err(error::usage(text).hint("name an earlier --since, or a later --until that has been").into());
        }
        Ok(since..until)
    }
}

/// The reports that are asked for, of the same moment.
fn made<const N: usize>(ctx: &Context, asked: [Asked; N]) -> Result<[Report; N]> {
    let facts = ctx.read(|tx, actor| facts(tx, actor, &asked))?;
    let mut too_many = None;
    let reports = asked.map(|asked| {
        let by = asked.by;
        let report = figures::report(asked, &facts);
        too_many = too_many.or_else(|| report.is_none().then_some(by));
        report
    });
    let refused = || {
        let by = too_many.map_or("day", By::as_str);
        let next =
            if by == By::Month.as_str() { "name a later --since" } else { "use --by month, or name a later --since" };
        error::usage(format!("a report has at most {} rows, and by {by} it would have more", periods::MOST)).hint(next)
    };
    let reports: Vec<Report> = reports.into_iter().flatten().collect();
    reports.try_into().map_err(|_| refused().into())
}

/// What the figures are made of, as far as the actor sees it.
fn facts(tx: &Tx<'_>, actor: &Actor, asked: &[Asked]) -> Result<Facts> {
    let sight = actor.sight();
    let is_any = |wanted: &dyn Fn(&Asked) -> bool| asked.iter().any(wanted);
    let is_by = |by: By| is_any(&|asked| asked.by == by);
    let mut facts = Facts { cases: reports::cases(tx, sight)?, ..Facts::default() };
    let seen = Seen::of(&facts.cases);
    if is_any(&|asked| asked.kind.has_trend() || asked.kind == Kind::FirstResponse) {
        facts.waits = reports::waits(tx, &seen)?;
    }
    if let Some(Asked { range, .. }) = asked.iter().find(|one| one.kind.has_trend() || one.kind == Kind::Volume) {
        facts.letters = reports::letters(tx, sight, &seen, range.start, range.end)?;
    }
    if is_by(By::User) {
        facts.users = reports::users(tx)?;
    }
    if is_by(By::Team) {
        (facts.teams, facts.teams_of_cases) = (reports::teams(tx)?, reports::teams_of_cases(tx, &seen)?);
    }
    if is_by(By::Account) {
        facts.accounts = reports::accounts(tx)?;
    }
    if is_by(By::Tag) {
        facts.tags_of_cases = reports::tags_of_cases(tx, &seen)?;
    }
    Ok(facts)
}

/// The name of the result for programs.
fn noun(kind: Kind) -> String {
    format!("report_{}", kind.as_str().replace('-', "_"))
}

/// What programs get of the whole report.
pub const WHOLE: &[&str] = &["since", "until", "grouped_by", "time_zone", "trend_step", "total"];

fn facts_of(report: &Report) -> Vec<Field> {
    let asked = &report.asked;
    let figures = asked.kind.figures().iter().zip(&report.total.values);
    let total: Map<String, Value> = figures.map(|(figure, value)| (figure.field.to_owned(), json!(value))).collect();
    vec![
        Field::unseen("since", Cell::date_time(asked.range.start)),
        Field::unseen("until", Cell::date_time(asked.range.end)),
        Field::unseen("grouped_by", Cell::text(asked.by.as_str())),
        Field::unseen("time_zone", Cell::text(asked.zone.iana_name().unwrap_or("local"))),
        Field::unseen("trend_step", Cell::opt_text(report.step.map(By::as_str))),
        Field::unseen("total", Cell::object(Value::Object(total), "")),
    ]
}
