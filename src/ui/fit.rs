//! How a list fits a terminal: what hurts least gives way first.
//!
//! Values that say nothing new (priority Normal) and the years of dates go first, then texts become shorter, then times of
//! day and columns that say little go, then texts become short, then more columns go, in the order of their ranks; at last
//! what is left is cut. No heading is cut before that.

use unicode_width::UnicodeWidthStr;

use super::cell::{Cell, Heading, Shown};
use super::safe;
use super::table::{self, Layout};
use super::tint::Tint;
use super::wrap;

/// Columns up to this rank say little.
const LITTLE: u8 = 2;
/// Width that a text column keeps as long as something that says little can give way.
const ROOMY: usize = 24;
/// Width that a text column keeps as long as a column can go.
const NARROW: usize = 16;
/// Width that a text column keeps at last.
const LEAST: usize = 8;
/// Width that a sentence keeps as long as something else can give way, and below which it is cut.
const SENTENCE: usize = 24;

/// A list before it is written.
pub struct Listing<'l> {
    pub headings: &'l [Heading],
    pub rows: &'l [Vec<Cell>],
    /// What the cells of the rows mean; empty = nothing.
    pub tints: &'l [Vec<Option<Tint>>],
    pub shown: &'l Shown,
    /// With a line of headings.
    pub headers: bool,
    /// Columns may go: the reader did not choose them.
    pub may_drop: bool,
}

/// The columns with the text of their cells.
struct Columns {
    all: Vec<Column>,
}

struct Column {
    /// Its place among all.
    at: usize,
    heading: Heading,
    cells: Vec<String>,
}

impl Column {
    fn natural(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or_default()
    }

    fn is_empty(&self, headers: bool) -> bool {
        self.cells.iter().skip(usize::from(headers)).all(String::is_empty)
    }

    /// Minimum width: what is cut keeps its heading.
    fn least(&self, headers: bool, text: usize) -> usize {
        let heading = if headers { self.heading.over().width() } else { 0 };
        let text = if self.heading.head.wraps { text.min(SENTENCE) } else { text };
        if self.heading.head.shrink { self.natural().min(text.max(heading)) } else { self.natural() }
    }
}

impl Listing<'_> {
    /// Lines of the table. `width` is the terminal's; `None` cuts nothing.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let columns = self.fitting(width);
        let layout: Vec<Layout> = columns.all.iter().map(|column| self.layout(column)).collect();
        let lines = self.rows.len() + usize::from(self.headers);
        let row = |at: usize| columns.all.iter().filter_map(|column| column.cells.get(at).cloned()).collect();
        let rows: Vec<Vec<String>> = (0..lines).map(row).collect();
        let wraps = columns.all.last().is_some_and(|column| column.heading.head.wraps);
        let room = table::widths(&layout, &rows, width).last().copied().filter(|room| wraps && *room >= SENTENCE);
        // Each line with the row that it is of.
        let lines: Vec<(usize, Vec<String>)> = rows.into_iter().enumerate().flat_map(|row| below(row, room)).collect();
        let (of, rows): (Vec<usize>, Vec<Vec<String>>) = lines.into_iter().unzip();
        let first = usize::from(self.headers);
        let tint = |line: usize, column: usize| {
            let at = columns.all.get(column)?.at;
            *self.tints.get(of.get(line)?.checked_sub(first)?)?.get(at)?
        };
        table::render(&layout, &rows, width, tint)
    }

    fn layout(&self, column: &Column) -> Layout {
        let heading = if self.headers { column.heading.over().width() } else { 0 };
        let (right, shrink) = (column.heading.head.right, column.heading.head.shrink);
        Layout { right, shrink, least: heading.max(LEAST) }
    }

    /// The columns with as much of them as there is room for.
    fn fitting(&self, width: Option<usize>) -> Columns {
        let full = self.columns(0);
        let Some(width) = width else { return full };
        for (level, text) in [(0, usize::MAX), (1, usize::MAX), (1, ROOMY)] {
            let columns = self.columns(level);
            if self.fits(&columns, text, width) {
                return columns;
            }
        }
        let mut columns = self.columns(2);
        for (text, most) in [(ROOMY, LITTLE), (NARROW, u8::MAX)] {
            while self.may_drop && !self.fits(&columns, text, width) {
                let ranks = columns.all.iter().map(|column| column.heading.head.rank).enumerate();
                let Some((first, _)) =
                    ranks.filter(|(_, rank)| (1..=most).contains(rank)).min_by_key(|(_, rank)| *rank)
                else {
                    break;
                };
                columns.all.remove(first);
            }
        }
        columns
    }

    fn fits(&self, columns: &Columns, text: usize, width: usize) -> bool {
        let gaps = table::GAP.len() * columns.all.len().saturating_sub(1);
        columns.all.iter().map(|column| column.least(self.headers, text)).sum::<usize>() + gaps <= width
    }

    /// All columns with the text of a level: 0 is all of it. What is empty goes if it may.
    fn columns(&self, level: usize) -> Columns {
        let column = |(at, heading): (usize, &Heading)| {
            let over = self.headers.then(|| heading.over());
            let cells = self
                .rows
                .iter()
                .filter_map(|row| row.get(at))
                .map(|cell| safe::line(&cell.short(self.shown, level)).into_owned());
            Column { at, heading: *heading, cells: over.into_iter().chain(cells).collect() }
        };
        let all = self.headings.iter().enumerate().map(column);
        let goes = |column: &Column| {
            let is_spare = column.heading.head.optional || (level > 0 && column.heading.head.rank > 0);
            self.may_drop && is_spare && column.is_empty(self.headers)
        };
        Columns { all: all.filter(|column| !goes(column)).collect() }
    }
}

/// A row in as many lines as its last cell needs where it has this room.
fn below((at, mut row): (usize, Vec<String>), room: Option<usize>) -> Vec<(usize, Vec<String>)> {
    let Some((room, last)) = room.zip(row.last_mut()) else { return vec![(at, row)] };
    let wrapped = wrap::wrapped(last, room);
    let mut parts = wrapped.split('\n').map(str::to_owned);
    *last = parts.next().unwrap_or_default();
    let empty = vec![String::new(); row.len() - 1];
    let more = parts.map(|part| (at, empty.iter().cloned().chain([part]).collect()));
    std::iter::once((at, row)).chain(more).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use jiff::Timestamp;

    use crate::ui::cell::{self, head};

    /// `#`, priority, opened at, customer and subject.
    type Row = (i64, &'static str, &'static str, &'static str, &'static str);

    const COLUMNS: &[cell::Column<Row>] = &[
        cell::Column::new("number", head("#").right(), |row, _| Cell::int(row.0)),
        cell::Column::new("priority", head("PRIO").rank(4), |row, _| Cell::usual(row.1, "Normal")),
        cell::Column::new("opened", head("OPENED").rank(3), |row, _| Cell::date_time(row.2.parse().unwrap())),
        cell::Column::new("customer", head("CUSTOMER").shrinking(), |row, _| Cell::text(row.3)),
        cell::Column::new("name", head("SUBJECT").shrinking(), |row, _| Cell::text(row.4)),
    ];

    fn lines(rows: &[Row], width: Option<usize>, may_drop: bool) -> Vec<String> {
        let shown = Shown { now: "2026-11-29T12:00:00Z".parse().unwrap(), utc: true };
        let headings: Vec<Heading> = COLUMNS.iter().map(|column| column.heading).collect();
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| COLUMNS.iter().map(|column| column.cell(row, &shown)).collect()).collect();
        Listing { headings: &headings, rows: &rows, shown: &shown, tints: &[], headers: true, may_drop }.lines(width)
    }

    const ROWS: [Row; 3] = [
        (
            12,
            "Normal",
            "2026-11-29T09:05:00Z",
            "Budi Santoso (PT Sinar)",
            "The invoice of October is wrong, please look at it",
        ),
        (7, "Normal", "2026-11-02T10:00:00Z", "Kim", "Printer"),
        (3, "Normal", "2025-12-24T18:30:00Z", "Eva", "Cannot log in"),
    ];

    #[test]
    fn what_hurts_least_gives_way_first() {
        for (width, expected) in [
            (
                120,
                [
                    " #  PRIO    OPENED            CUSTOMER                 SUBJECT",
                    "12  Normal  2026-11-29 09:05  Budi Santoso (PT Sinar)  The invoice of October is wrong, please look at it",
                    " 7  Normal  2026-11-02 10:00  Kim                      Printer",
                    " 3  Normal  2025-12-24 18:30  Eva                      Cannot log in",
                ],
            ),
            (
                100,
                [
                    " #  OPENED       CUSTOMER                 SUBJECT",
                    "12  09:05        Budi Santoso (PT Sinar)  The invoice of October is wrong, please look at it",
                    " 7  Nov 2 10:00  Kim                      Printer",
                    " 3  2025-12-24   Eva                      Cannot log in",
                ],
            ),
            (
                70,
                [
                    " #  OPENED       CUSTOMER                 SUBJECT",
                    "12  09:05        Budi Santoso (PT Sinar)  The invoice of October is w…",
                    " 7  Nov 2 10:00  Kim                      Printer",
                    " 3  2025-12-24   Eva                      Cannot log in",
                ],
            ),
            (
                50,
                [
                    " #  OPENED      CUSTOMER          SUBJECT",
                    "12  09:05       Budi Santoso (P…  The invoice of …",
                    " 7  Nov 2       Kim               Printer",
                    " 3  2025-12-24  Eva               Cannot log in",
                ],
            ),
            (
                40,
                [
                    " #  CUSTOMER           SUBJECT",
                    "12  Budi Santoso (PT…  The invoice of O…",
                    " 7  Kim                Printer",
                    " 3  Eva                Cannot log in",
                ],
            ),
            (
                24,
                [
                    " #  CUSTOMER   SUBJECT",
                    "12  Budi San…  The invo…",
                    " 7  Kim        Printer",
                    " 3  Eva        Cannot l…",
                ],
            ),
        ] {
            assert_eq!(lines(&ROWS, Some(width), true), expected, "{width}");
        }
    }

    #[test]
    fn a_sentence_goes_on_below_itself() {
        type Found = (&'static str, &'static str);
        const FOUND: &[cell::Column<Found>] = &[
            cell::Column::new("what", head("WHAT"), |row, _| Cell::text(row.0)),
            cell::Column::new("text", head("FOUND").wrapping(), |row, _| Cell::text(row.1)),
        ];
        let rows: [Found; 2] =
            [("disk", "is full"), ("cron", "has no line that fetches this database, so no mail comes in")];
        let shown = Shown { now: Timestamp::UNIX_EPOCH, utc: true };
        let lines = |width| {
            let headings: Vec<Heading> = FOUND.iter().map(|column| column.heading).collect();
            let cells: Vec<Vec<Cell>> =
                rows.iter().map(|row| FOUND.iter().map(|column| column.cell(row, &shown)).collect()).collect();
            let listing =
                Listing { headings: &headings, rows: &cells, tints: &[], shown: &shown, headers: true, may_drop: true };
            listing.lines(Some(width))
        };
        let wide =
            ["WHAT  FOUND", "disk  is full", "cron  has no line that fetches this database, so no mail comes in"];
        assert_eq!(lines(80), wide);
        let narrow = [
            "WHAT  FOUND",
            "disk  is full",
            "cron  has no line that fetches this",
            "      database, so no mail comes in",
        ];
        assert_eq!(lines(44), narrow);
        assert!(lines(28)[2].ends_with('…'), "too narrow for sentences");
    }

    #[test]
    fn what_is_not_usual_stays_and_chosen_columns_do_not_go() {
        let mut rows = ROWS;
        rows[1].1 = "Urgent";
        let shown = lines(&rows, Some(60), true);
        assert!(shown[0].contains("PRIO") && shown[2].contains("Urgent") && !shown[1].contains("Normal"), "{shown:?}");
        let chosen = lines(&ROWS, Some(40), false);
        assert!(
            ["#", "PRIO", "OPENED", "CUSTOMER", "SUBJECT"].iter().all(|head| chosen[0].contains(head)),
            "{chosen:?}"
        );
        assert!(lines(&ROWS, None, true)[1].contains("Normal"), "nothing is cut where there is no terminal");
    }
}
