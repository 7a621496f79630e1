//! Reports as one page of HTML, which needs nothing else: no script, no picture, no font and no request. It is in ASCII with
//! short lines, so that a mail can carry it as it is, and it is well-formed XML, too.

use super::figures::{Report, Row};
use super::text::{amount, escape};
use super::{Figure, Kind, plot};

/// Rows of things on a page.
const MOST: usize = 200;
/// Rows of a table by time that is open from the beginning.
const OPEN: usize = 40;

const STYLE: &str = include_str!("page.css");

/// What stands over and under the figures.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub title: &'a str,
    /// The time that it is about, and its zone.
    pub caption: &'a str,
    /// When it was made, and for whom.
    pub made: &'a str,
}

impl Kind {
    /// What its figures are, in a sentence.
    fn explained(self) -> &'static str {
        match self {
            Kind::Workload => {
                "A case counts for the user who has it, an answer for the user who wrote it. The course is that of the answers."
            }
            Kind::FirstResponse => {
                "From the first mail of the customer to the first answer by a person, for cases whose customer first wrote in \
                 the period. Elapsed time, with nights and weekends. Automatic replies do not count."
            }
            Kind::Resolution => {
                "From the opening of a case to its closing, for cases that were closed in the period. Elapsed time, with nights \
                 and weekends."
            }
            Kind::Backlog => "Cases that were open at the end of each period.",
            Kind::Volume => "Cases opened and closed, and the mail of cases.",
            Kind::Accounts => "Cases by the group account by which they came. The course is that of the opened cases.",
            Kind::Tags => {
                "Cases by tag: one with two tags counts in both rows. The course is that of the opened cases."
            }
        }
    }
}

/// A page with these reports, one below the other.
pub fn page(reports: &[&Report], frame: &Frame<'_>) -> String {
    let sections: String = reports.iter().map(|report| section(report, reports.len() > 1)).collect();
    let Frame { title, caption, made } = frame;
    let [title, caption, made] = [title, caption, made].map(|text| escape(text));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}, {caption}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n<p class=\"when\">{caption}</p>\n\
         </header>\n{sections}<footer>{made}</footer>\n</main>\n</body>\n</html>\n"
    )
}

fn section(report: &Report, is_titled: bool) -> String {
    let kind = report.asked.kind;
    let title = if is_titled { format!("<h2>{}</h2>\n", kind.title()) } else { String::new() };
    let explained = wrapped(kind.explained());
    let tiles: String =
        kind.figures().iter().zip(&report.total.values).map(|(figure, value)| tile(figure, *value)).collect();
    let chart = if report.asked.by.is_time() { chart(report) } else { String::new() };
    format!(
        "<section>\n{title}<p class=\"about\">{explained}</p>\n<ul class=\"tiles\">\n{tiles}</ul>\n{chart}{}</section>\n",
        table(report, is_titled)
    )
}

fn wrapped(text: &str) -> String {
    escape(&text.split_whitespace().collect::<Vec<_>>().join(" ")).replace(". ", ".\n")
}

fn tile(figure: &Figure, value: Option<i64>) -> String {
    format!("<li><b>{}</b> <span>{}</span></li>\n", escape(&amount(value, figure.unit)), figure.words)
}

fn chart(report: &Report) -> String {
    let [top, middle] = plot::axis(report);
    let [first, between, last] = plot::ends(report);
    let signs: String = ["column", "curve"]
        .iter()
        .zip(plot::legend(report))
        .map(|(class, words)| format!("<span class=\"{class}\">{words}</span>\n"))
        .collect();
    format!(
        "<figure>\n<figcaption>{signs}</figcaption>\n<div class=\"frame\">\n\
         <div class=\"y\"><span>{}</span><span>{}</span><span>0</span></div>\n{}</div>\n\
         <div class=\"x\"><span>{}</span><span>{}</span><span>{}</span></div>\n</figure>\n",
        escape(&top),
        escape(&middle),
        plot::inline(report),
        escape(&first),
        escape(&between),
        escape(&last),
    )
}

/// The table; on a page of several reports, and where it is long, that of a chart is folded.
fn table(report: &Report, is_one_of_several: bool) -> String {
    if report.rows.is_empty() {
        return "<p class=\"none\">Nothing happened in this time.</p>\n".to_owned();
    }
    let (kind, by) = (report.asked.kind, report.asked.by);
    let shown = if by.is_time() { report.rows.len() } else { report.rows.len().min(MOST) };
    let main = |row: &Row| row.values.get(kind.main()).copied().flatten().unwrap_or_default();
    let most = report.rows.iter().map(main).max().unwrap_or_default().max(1);
    let heads: String =
        kind.figures().iter().map(|figure| format!("<th scope=\"col\">{}</th>\n", figure.words)).collect();
    let course = if kind.has_trend() { "<th scope=\"col\" class=\"course\">Course</th>\n" } else { "" };
    let name = by.as_str();
    let mut text = format!(
        "<table>\n<thead><tr>\n<th scope=\"col\">{}</th>\n{heads}{course}</tr></thead>\n<tbody>\n",
        capital(name)
    );
    for row in report.rows.iter().take(shown) {
        let part = (main(row) as f64 / most as f64 * 100.0).round();
        let name = row.name.as_deref().unwrap_or(by.none());
        let bar = if main(row) > 0 { format!("<i style=\"width:{part}%\"></i>") } else { String::new() };
        text.push_str(&line(kind, &format!("{}{bar}", escape(name)), row));
    }
    text.push_str("</tbody>\n");
    if report.rows.len() > 1 {
        text.push_str(&format!("<tfoot>\n{}</tfoot>\n", line(kind, "Total", &report.total)));
    }
    text.push_str("</table>\n");
    if shown < report.rows.len() {
        text.push_str(&format!("<p class=\"none\">and {} more</p>\n", report.rows.len() - shown));
    }
    let table = format!("<div class=\"wide\">\n{text}</div>\n");
    if !by.is_time() || (report.rows.len() <= OPEN && !is_one_of_several) {
        return table;
    }
    let (many, more) = (report.rows.len(), if report.rows.len() == 1 { "" } else { "s" });
    format!("<details>\n<summary>Table of {many} {name}{more}</summary>\n{table}</details>\n")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn line(kind: Kind, name: &str, row: &Row) -> String {
    let cell =
        |(figure, value): (&Figure, &Option<i64>)| format!("<td>{}</td>\n", escape(&amount(*value, figure.unit)));
    let cells: String = kind.figures().iter().zip(&row.values).map(cell).collect();
    let course = match kind.has_trend() {
        true => format!("<td class=\"course\">{}</td>\n", plot::course(&row.trend)),
        false => String::new(),
    };
    format!("<tr><th scope=\"row\">{name}</th>\n{cells}{course}</tr>\n")
}
