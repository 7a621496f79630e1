//! A report on a terminal: a table with bars, and with small curves where rows have a course. What says least gives way first
//! where there is little room: weekdays, then figures in the order of their ranks, then the bars.

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use crate::cli::context::Context;
use crate::report::figures::{Report, Row};
use crate::report::{By, Figure, Kind, Unit};
use crate::ui::chart::{self, Letters};
use crate::ui::safe;
use crate::ui::table::{self, Layout};
use crate::ui::tint::Tint;

/// Rows of things that are shown.
const MOST: usize = 200;
/// Columns that a name gets at most.
const NAME: usize = 30;
/// Columns of a bar: less says nothing, more only looks so.
const BAR: std::ops::RangeInclusive<usize> = 8..=40;
/// Columns between two others.
const GAP: usize = 2;
/// Columns of a curve.
const CURVE: usize = 31;

/// Shows a report to people.
pub fn show(ctx: &Context, report: &Report) -> Result<()> {
    let letters = Letters::of_environment();
    if ctx.ui.headers {
        for line in lines_of_caption(&caption(ctx, report), ctx.ui.width) {
            ctx.ui.heading(&letters.of(&line))?;
        }
    }
    if report.rows.is_empty() {
        ctx.ui.note("nothing happened in this time that you can see");
        return Ok(());
    }
    let rows = report.rows.get(..MOST).filter(|_| !report.asked.by.is_time()).unwrap_or(&report.rows);
    let screen = Screen { width: ctx.ui.width, letters, headers: ctx.ui.headers };
    lines(report, rows, &screen).iter().try_for_each(|line| ctx.ui.text_in_colour(line))?;
    if rows.len() < report.rows.len() {
        ctx.ui.caution(&format!("{} of {} rows; all: --format csv", rows.len(), report.rows.len()));
    }
    Ok(())
}

/// What the report is about: `Volume by day · 2026-03-01 to 2026-03-30 · Europe/Berlin`.
pub fn caption(ctx: &Context, report: &Report) -> String {
    format!("{} · {}", title(report), time(ctx, report))
}

/// The caption in as many lines as it needs, broken between its parts.
fn lines_of_caption(caption: &str, width: Option<usize>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in caption.split(" · ") {
        match lines.last_mut() {
            Some(line) if width.is_none_or(|width| line.width() + " · ".width() + part.width() <= width) => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

/// What it is, and by what: `Volume by day`.
pub fn title(report: &Report) -> String {
    let title = report.asked.kind.title();
    match report.asked.kind {
        Kind::Accounts | Kind::Tags => title.to_owned(),
        _ => format!("{title} by {}", report.asked.by),
    }
}

/// The first and the last day with their zone.
pub fn time(ctx: &Context, report: &Report) -> String {
    let asked = &report.asked;
    let last = Timestamp::from_second(asked.range.end.as_second() - 1).unwrap_or(asked.range.end);
    let day = |at| ctx.ui.local_time(at).split(' ').next().unwrap_or_default().to_owned();
    let zone = asked.zone.iana_name().map(|zone| format!(" · {zone}")).unwrap_or_default();
    format!("{} to {}{zone}", day(asked.range.start), day(last))
}

/// Where it is shown.
struct Screen {
    /// `None` = no terminal, so that nothing is cut.
    width: Option<usize>,
    letters: Letters,
    headers: bool,
}

/// Which parts of the table are there.
struct Plan {
    /// Weekdays, and the first days of weeks.
    days: bool,
    is_cut: bool,
    /// Places of the figures.
    figures: Vec<usize>,
    bar: usize,
    curve: usize,
}

fn lines(report: &Report, rows: &[Row], screen: &Screen) -> Vec<String> {
    let Screen { width, letters, headers } = *screen;
    let plan = plan(report, rows, width);
    let main = report.asked.kind.main();
    let most = rows.iter().filter_map(|row| value(row, main)).max().unwrap_or_default();
    let mut table: Vec<Vec<String>> = Vec::new();
    if headers {
        table.push(cells(
            &plan,
            main,
            report.asked.by.heading().to_owned(),
            |at| heading(report, at),
            ["", "TREND"].map(str::to_owned),
        ));
    }
    for row in rows {
        let bar = value(row, main).map(|value| chart::bar(value, most, plan.bar, letters)).unwrap_or_default();
        let charts = [bar, chart::curve(&row.trend, plan.curve, letters)];
        table.push(cells(
            &plan,
            main,
            name(row, (report.asked.by, &report.asked.zone), &plan),
            |at| shown(report, row, at),
            charts,
        ));
    }
    if rows.len() > 1 {
        let charts = [String::new(), chart::curve(&report.total.trend, plan.curve, letters)];
        table.push(cells(&plan, main, "total".to_owned(), |at| shown(report, &report.total, at), charts));
    }
    let text = Layout { right: false, shrink: true, least: 8 };
    let number = Layout { right: true, shrink: false, least: 3 };
    // The name, the figures with the bar after the main one, and the curve.
    let mut layout = vec![text];
    for at in &plan.figures {
        layout.push(number);
        layout.extend((*at == main && plan.bar > 0).then_some(Layout { shrink: false, ..text }));
    }
    layout.extend((plan.curve > 0).then_some(Layout { shrink: false, ..text }));
    let place = plan.figures.iter().position(|at| *at == main).unwrap_or_default();
    let (bar, curve) = (place + 2, layout.len() - 1);
    let last = table.len() - 1;
    let tint = |line: usize, column: usize| match line {
        0 if headers => Some(Tint::Heading),
        _ if (plan.bar > 0 && column == bar) || (plan.curve > 0 && column == curve) => Some(Tint::Chart),
        line if line == last && rows.len() > 1 => Some(Tint::Heading),
        _ => None,
    };
    let lines = table::render(&layout, &table, width, tint);
    lines.iter().map(|line| letters.of(line)).collect()
}

/// The cells of a line in their order.
fn cells(plan: &Plan, main: usize, name: String, cell: impl Fn(usize) -> String, charts: [String; 2]) -> Vec<String> {
    let [bar, curve] = charts;
    let mut cells = vec![name];
    for at in &plan.figures {
        cells.push(cell(*at));
        cells.extend((*at == main && plan.bar > 0).then(|| bar.clone()));
    }
    cells.extend((plan.curve > 0).then_some(curve));
    cells
}

fn plan(report: &Report, rows: &[Row], width: Option<usize>) -> Plan {
    let kind = report.asked.kind;
    let curve = report.rows.first().map_or(0, |row| row.trend.len()).min(CURVE);
    let figures = (0..kind.figures().len()).collect();
    let mut plan =
        Plan { days: matches!(report.asked.by, By::Day | By::Week), is_cut: width.is_some(), figures, bar: 0, curve };
    let width = width.unwrap_or(usize::MAX);
    loop {
        let used = used(report, rows, &plan);
        let room = width.saturating_sub(used + GAP);
        if room >= *BAR.start() {
            return Plan { bar: room.min(*BAR.end()), ..plan };
        }
        // A curve says as much as a bar.
        if plan.curve > 0 && used <= width {
            return plan;
        }
        if plan.days {
            plan.days = false;
            continue;
        }
        let figures = plan.figures.iter().filter(|at| **at != kind.main());
        let ranked = figures.filter_map(|at| Some((kind.figures().get(*at)?.rank, *at)).filter(|(rank, _)| *rank > 0));
        let Some((_, goes)) = ranked.min() else {
            plan.curve = 0;
            return plan;
        };
        plan.figures.retain(|at| *at != goes);
    }
}

/// Columns of a table without its bars.
fn used(report: &Report, rows: &[Row], plan: &Plan) -> usize {
    let names = rows.iter().map(|row| name(row, (report.asked.by, &report.asked.zone), plan).width());
    let name = names.chain([report.asked.by.heading().width(), "total".len()]).max().unwrap_or_default();
    let of = |at: &usize| {
        let values = rows.iter().chain([&report.total]).map(|row| shown(report, row, *at).width());
        values.chain([heading(report, *at).width()]).max().unwrap_or_default()
    };
    let figures: usize = plan.figures.iter().map(|at| of(at) + GAP).sum();
    let curve = if plan.curve > 0 { plan.curve.max("TREND".len()) + GAP } else { 0 };
    name + figures + curve
}

/// What a row is called: `2026-03-29 Sun`, `2026-W13 Mar 23`, `ana`, `(no team)`.
fn name(row: &Row, (by, zone): (By, &TimeZone), plan: &Plan) -> String {
    match (&row.name, &row.period) {
        (Some(name), Some(period)) if plan.days && by == By::Week => {
            format!("{name} {}", period.first_day(zone).strftime("%b %-d"))
        }
        (Some(name), Some(period)) if plan.days => format!("{name} {}", period.date.strftime("%a")),
        (Some(name), _) if plan.is_cut => table::cut(&safe::line(name), NAME),
        (Some(name), _) => safe::line(name).into_owned(),
        (None, _) => by.none().to_owned(),
    }
}

fn figure(report: &Report, at: usize) -> Option<&'static Figure> {
    report.asked.kind.figures().get(at)
}

fn heading(report: &Report, at: usize) -> String {
    figure(report, at).map(|figure| figure.heading.to_owned()).unwrap_or_default()
}

fn value(row: &Row, at: usize) -> Option<i64> {
    row.values.get(at).copied().flatten()
}

fn shown(report: &Report, row: &Row, at: usize) -> String {
    match (value(row, at), figure(report, at).map(|figure| figure.unit)) {
        (Some(seconds), Some(Unit::Seconds)) => chart::lasting(seconds),
        (Some(number), _) => number.to_string(),
        (None, _) => "-".to_owned(),
    }
}
