//! Fields and values of results, as programs and as people see them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A field of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name for programs.
    pub field: &'static str,
    /// Heading for people; empty = not shown to them unless asked for.
    pub head: &'static str,
    pub(super) right: bool,
    pub(super) shrink: bool,
}

impl Column {
    /// A left-aligned column.
    pub const fn new(field: &'static str, head: &'static str) -> Column {
        Column { field, head, right: false, shrink: false }
    }

    /// Right-aligned.
    pub const fn right(self) -> Column {
        Column { right: true, ..self }
    }

    /// Cut first on a narrow terminal.
    pub const fn shrinking(self) -> Column {
        Column { shrink: true, ..self }
    }
}

/// A value, as programs and as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub(super) value: Value,
    pub(super) shown: Shown,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    Text(String),
    Age(Timestamp),
    Ago(Timestamp),
    Moment(Timestamp),
}

impl Cell {
    pub fn text(text: &str) -> Cell {
        Cell { value: json!(text), shown: Shown::Text(text.to_owned()) }
    }

    pub fn int(number: i64) -> Cell {
        Cell { value: json!(number), shown: Shown::Text(number.to_string()) }
    }

    /// Yes or no.
    pub fn bool(yes: bool) -> Cell {
        Cell { value: json!(yes), shown: Shown::Text(if yes { "yes" } else { "no" }.to_owned()) }
    }

    /// A moment, for people its age.
    pub fn time(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), shown: Shown::Age(moment) }
    }

    /// A moment, for people its age and `ago`.
    pub fn ago(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), shown: Shown::Ago(moment) }
    }

    /// A moment, for people in local time.
    pub fn date_time(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), shown: Shown::Moment(moment) }
    }

    /// Any value, with what people see.
    pub fn object(value: Value, shown: &str) -> Cell {
        Cell { value, shown: Shown::Text(shown.to_owned()) }
    }

    /// Nothing.
    pub fn none() -> Cell {
        Cell { value: Value::Null, shown: Shown::Text(String::new()) }
    }
}
