//! The fields of reports. They are those of [`Kind::figures`], after what a row is (tested).

use serde_json::{Value, json};

use crate::report::Kind;
use crate::report::figures::Row;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::chart;
use jiff::Timestamp;

const GROUP: Column<Row> = Column::new("group", head("GROUP").key(), |row, _| Cell::opt_text(row.name.as_deref()));
const ID: Column<Row> = Column::new("id", unlisted(), |row, _| Cell::opt_int(row.id));
const STARTS: Column<Row> = Column::new("starts_at", unlisted(), |row, _| {
    Cell::opt_date_time(row.period.as_ref().and_then(|period| Timestamp::from_second(period.at.start).ok()))
});
const ENDS: Column<Row> = Column::new("ends_at", unlisted(), |row, _| {
    Cell::opt_date_time(row.period.as_ref().and_then(|period| Timestamp::from_second(period.at.end).ok()))
});
const TREND: Column<Row> = Column::new("trend", unlisted(), |row, _| Cell::object(json!(row.trend), ""));

/// The number at this place.
const fn count<const N: usize>(field: &'static str, heading: &'static str) -> Column<Row> {
    Column::new(field, head(heading).right(), |row, _| Cell::opt_int(row.values.get(N).copied().flatten()))
}

/// The seconds at this place.
const fn span<const N: usize>(field: &'static str, heading: &'static str) -> Column<Row> {
    Column::new(field, head(heading).right(), |row, _| match row.values.get(N).copied().flatten() {
        Some(seconds) => Cell::object(json!(seconds), &chart::lasting(seconds)),
        None => Cell::object(Value::Null, ""),
    })
}

pub const VOLUME: &[Column<Row>] = &[
    GROUP,
    ID,
    STARTS,
    ENDS,
    count::<0>("opened", "OPENED"),
    count::<1>("closed", "CLOSED"),
    count::<2>("received", "RECEIVED"),
    count::<3>("answers", "ANSWERS"),
];

pub const BACKLOG: &[Column<Row>] = &[
    GROUP,
    ID,
    STARTS,
    ENDS,
    count::<0>("open_count", "OPEN"),
    count::<1>("opened", "OPENED"),
    count::<2>("closed", "CLOSED"),
    span::<3>("oldest_seconds", "OLDEST"),
];

pub const FIRST_RESPONSE: &[Column<Row>] = &[
    GROUP,
    ID,
    STARTS,
    ENDS,
    count::<0>("case_count", "CASES"),
    count::<1>("answered", "ANSWERED"),
    count::<2>("unanswered", "UNANSWERED"),
    span::<3>("median_seconds", "MEDIAN"),
    span::<4>("p90_seconds", "90%"),
];

pub const RESOLUTION: &[Column<Row>] = &[
    GROUP,
    ID,
    STARTS,
    ENDS,
    count::<0>("closed", "CLOSED"),
    span::<1>("median_seconds", "MEDIAN"),
    span::<2>("p90_seconds", "90%"),
];

pub const OVERVIEW: &[Column<Row>] = &[
    GROUP,
    ID,
    count::<0>("open_count", "OPEN"),
    count::<1>("waiting_count", "WAITING"),
    count::<2>("opened", "OPENED"),
    count::<3>("closed", "CLOSED"),
    count::<4>("received", "RECEIVED"),
    count::<5>("answers", "ANSWERS"),
    span::<6>("first_response_seconds", "FIRST REPLY"),
    TREND,
];

pub fn by_kind(kind: Kind) -> &'static [Column<Row>] {
    match kind {
        Kind::Volume => VOLUME,
        Kind::Backlog => BACKLOG,
        Kind::FirstResponse => FIRST_RESPONSE,
        Kind::Resolution => RESOLUTION,
        Kind::Workload | Kind::Accounts | Kind::Tags => OVERVIEW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::cell::Named as _;

    #[test]
    fn each_figure_has_its_column_in_its_order() {
        for kind in Kind::ALL {
            let figures: Vec<&str> = kind.figures().iter().map(|figure| figure.field).collect();
            let names = by_kind(*kind).names();
            let columns: Vec<&str> = names.into_iter().filter(|name| figures.contains(name)).collect();
            assert_eq!(columns, figures, "{kind}");
            assert!(kind.figures().get(kind.main()).is_some_and(|figure| !figure.words.is_empty()), "{kind}");
        }
    }
}
