//! Charts of a report as SVG. Within a page they have no text, so that they fill any width; a picture of its own has axes.

use super::figures::{Report, Row};
use super::text::{amount, escape, scale};
use super::{Kind, Unit};
use crate::ui::safe;

/// Bars of a picture by thing.
const MOST: usize = 40;
/// Size of a picture.
const WIDTH: usize = 800;
const HEIGHT: usize = 320;
/// Columns of letters that a name of a picture gets.
const NAME: usize = 24;

impl Kind {
    /// The figure of the columns and the one of the line of a chart by time.
    fn drawn(self) -> (usize, Option<usize>) {
        match self {
            Kind::Volume => (0, Some(1)),
            Kind::FirstResponse => (3, Some(4)),
            Kind::Resolution => (1, Some(2)),
            Kind::Backlog | Kind::Workload | Kind::Accounts | Kind::Tags => (self.main(), None),
        }
    }
}

/// The words of the figures that are drawn, for a legend.
pub fn legend(report: &Report) -> Vec<&'static str> {
    let (columns, line) = report.asked.kind.drawn();
    let words = |at: usize| report.asked.kind.figures().get(at).map(|figure| figure.words);
    words(columns).into_iter().chain(line.and_then(words)).collect()
}

/// The top of the scale of a chart by time, and the middle, in words.
pub fn axis(report: &Report) -> [String; 2] {
    let top = top(report);
    [amount(Some(top), unit(report)), amount(Some(top / 2), unit(report))]
}

fn unit(report: &Report) -> Unit {
    let (columns, _) = report.asked.kind.drawn();
    report.asked.kind.figures().get(columns).map_or(Unit::Count, |figure| figure.unit)
}

fn value(row: &Row, at: usize) -> Option<i64> {
    row.values.get(at).copied().flatten()
}

fn top(report: &Report) -> i64 {
    let (columns, line) = report.asked.kind.drawn();
    let drawn = |row: &Row| value(row, columns).max(line.and_then(|line| value(row, line)));
    scale(report.rows.iter().filter_map(drawn).max().unwrap_or_default(), unit(report))
}

/// Columns and a line by time, within a rectangle.
fn shapes(report: &Report, [left, top_edge, width, height]: [usize; 4]) -> String {
    let (columns, line) = report.asked.kind.drawn();
    let (top, rows) = (top(report).max(1) as f64, report.rows.len().max(1));
    let step = width as f64 / rows as f64;
    let y = |value: i64| top_edge as f64 + height as f64 * (1.0 - value as f64 / top);
    let mut drawn = String::new();
    for place in 0..=2 {
        let y = top_edge + height * place / 2;
        drawn.push_str(&format!("<path class=\"grid\" d=\"M{left} {y}h{width}\"/>\n"));
    }
    let mut points: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (place, row) in report.rows.iter().enumerate() {
        let begin = left as f64 + step * place as f64;
        if let Some(number) = value(row, columns).filter(|number| *number > 0) {
            let (x, y, base) = (begin + step * 0.14, y(number), (top_edge + height) as f64);
            let (wide, high) = (step * 0.72, (base - y).max(1.0));
            let title = escape(&told(report, row));
            drawn.push_str(&format!(
                "<rect class=\"bar\" x=\"{x:.2}\" y=\"{:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\"><title>{title}</title></rect>\n",
                base - high
            ));
        }
        match line.and_then(|line| value(row, line)) {
            Some(number) => points.last_mut().into_iter().for_each(|run| run.push((begin + step / 2.0, y(number)))),
            None => points.push(Vec::new()),
        }
    }
    for run in points.iter().filter(|run| !run.is_empty()) {
        // A line of one point has no length: its round ends are what is seen.
        let steps =
            run.iter().zip(0..).map(|((x, y), at)| format!("{}{x:.2} {y:.2}", if at == 0 { "M" } else { "\nL" }));
        let alone = if run.len() == 1 { "h0.01" } else { "" };
        drawn.push_str(&format!("<path class=\"line\" d=\"{}{alone}\"/>\n", steps.collect::<String>()));
    }
    drawn
}

/// What a pointer shows: `2026-03-29: Opened 4, Closed 5`.
fn told(report: &Report, row: &Row) -> String {
    let figures = report.asked.kind.figures().iter().zip(&row.values);
    let words: Vec<String> =
        figures.map(|(figure, value)| format!("{} {}", figure.words, amount(*value, figure.unit))).collect();
    format!("{}: {}", row.name.as_deref().unwrap_or_default(), words.join(", "))
}

/// A chart by time that fills the width of a page.
pub fn inline(report: &Report) -> String {
    let shapes = shapes(report, [0, 2, 1_000, 196]);
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 1000 200\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n{shapes}</svg>\n",
        escape(&legend(report).join(", "))
    )
}

/// The course of a row as little columns.
pub fn course(values: &[i64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default().max(1) as f64;
    let column = |(place, value): (usize, &i64)| {
        let high = (*value as f64 / most * 20.0).max(0.6);
        format!("<path d=\"M{}.1 20v-{high:.1}h.8V20\"/>", place)
    };
    let columns: Vec<String> = values.iter().enumerate().map(column).collect();
    let rows: Vec<String> = columns.chunks(8).map(<[String]>::concat).collect();
    format!(
        "<svg class=\"course\" viewBox=\"0 0 {} 20\" preserveAspectRatio=\"none\">\n{}\n</svg>",
        values.len().max(1),
        rows.join("\n")
    )
}

/// The colours of a picture of its own, on light and on dark.
const STYLE: &str = "<style>
text{font:13px system-ui,sans-serif;fill:#23272b}
.title{font-size:18px;font-weight:600}
.quiet{fill:#6a7076}
.paper{fill:#ffffff}
.bar{fill:#3b6ea8}
.grid{stroke:#dcd9d3;fill:none}
.line{stroke:#c8641a;stroke-width:3;fill:none;stroke-linecap:round;stroke-linejoin:round}
.dot{fill:#c8641a}
@media(prefers-color-scheme:dark){
text{fill:#e7e9eb}.quiet{fill:#9aa2aa}.paper{fill:#171a1d}
.bar{fill:#6ea8e0}.grid{stroke:#343a40}.line{stroke:#f0a860}.dot{fill:#f0a860}}
</style>
";

/// A picture of its own.
pub fn picture(report: &Report, caption: &str) -> String {
    let (body, height) = if report.asked.by.is_time() { by_time(report) } else { by_thing(report) };
    let title = report.asked.kind.title();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>{}</title>\n{STYLE}<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         {}{}{body}</svg>\n",
        escape(caption),
        text(20, 32, "title", title),
        text(20, 54, "quiet", caption),
    )
}

fn text(x: usize, y: usize, class: &str, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>\n", escape(words))
}

fn right(x: usize, y: usize, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" class=\"quiet\" text-anchor=\"end\">{}</text>\n", escape(words))
}

fn by_time(report: &Report) -> (String, usize) {
    let (left, above, width, height) = (74, 96, WIDTH - 94, HEIGHT - 136);
    let mut body = shapes(report, [left, above, width, height]);
    let [top, middle] = axis(report);
    for (words, place) in [(top.as_str(), 0), (&middle, 1), ("0", 2)] {
        body.push_str(&right(left - 10, above + height * place / 2 + 4, words));
    }
    let under = above + height + 22;
    let [first, middle, last] = ends(report);
    body.push_str(&text(left, under, "quiet", &first));
    body.push_str(&format!(
        "<text x=\"{}\" y=\"{under}\" class=\"quiet\" text-anchor=\"middle\">{}</text>\n",
        left + width / 2,
        escape(&middle)
    ));
    body.push_str(&right(left + width, under, &last));
    let signs = ["bar", "dot"].iter().zip(legend(report)).enumerate();
    for (place, (class, words)) in signs {
        let x = left + place * 180;
        body.push_str(&format!("<rect class=\"{class}\" x=\"{x}\" y=\"68\" width=\"11\" height=\"11\" rx=\"2\"/>\n"));
        body.push_str(&text(x + 18, 78, "quiet", words));
    }
    (body, HEIGHT)
}

/// The first, the middle and the last period; what is the same is told once.
pub fn ends(report: &Report) -> [String; 3] {
    let rows = &report.rows;
    let name = |at: usize| rows.get(at).and_then(|row| row.name.clone()).unwrap_or_default();
    let middle = if rows.len() > 4 { name(rows.len() / 2) } else { String::new() };
    let last = if rows.len() > 1 { name(rows.len() - 1) } else { String::new() };
    [name(0), middle, last]
}

fn by_thing(report: &Report) -> (String, usize) {
    let main = report.asked.kind.main();
    let most = report.rows.iter().filter_map(|row| value(row, main)).max().unwrap_or_default().max(1) as f64;
    let words = report.asked.kind.figures().get(main).map_or("", |figure| figure.words);
    let mut body = text(200, 80, "quiet", words);
    let (left, room) = (200, (WIDTH - 200 - 90) as f64);
    let rows = report.rows.get(..MOST).unwrap_or(&report.rows);
    for (place, row) in rows.iter().enumerate() {
        let y = 92 + place * 26;
        let name = row.name.as_deref().unwrap_or(report.asked.by.none());
        let short = crate::ui::table::cut(&safe::line(name), NAME);
        let number = value(row, main);
        let long = number.map_or(0.0, |number| number as f64 / most * room);
        body.push_str(&right(left - 10, y + 15, &short));
        body.push_str(&format!(
            "<rect class=\"bar\" x=\"{left}\" y=\"{y}\" width=\"{long:.1}\" height=\"20\" rx=\"2\"><title>{}</title></rect>\n",
            escape(&told(report, row))
        ));
        body.push_str(&text(left + long as usize + 8, y + 15, "number", &amount(number, unit_of_main(report))));
    }
    let mut height = 92 + rows.len() * 26 + 20;
    if rows.is_empty() {
        body = text(20, 90, "quiet", "Nothing happened in this time.");
        height = 120;
    }
    if rows.len() < report.rows.len() {
        body.push_str(&text(left, height, "quiet", &format!("and {} more", report.rows.len() - rows.len())));
        height += 20;
    }
    (body, height)
}

fn unit_of_main(report: &Report) -> Unit {
    report.asked.kind.figures().get(report.asked.kind.main()).map_or(Unit::Count, |figure| figure.unit)
}
