//! Fields and values of results, as programs and as people see them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::age;
use super::tint::Tint;

/// What a cell knows of its reader besides the row.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The moment of the command.
    pub now: Timestamp,
    /// People's times in UTC.
    pub utc: bool,
}

impl Shown {
    /// A moment in people's time.
    pub fn local_time(&self, moment: Timestamp) -> String {
        let zone = if self.utc { TimeZone::UTC } else { TimeZone::system() };
        moment.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The same without what is clear: of today the time, of this year the day and perhaps the time, else the date.
    pub fn short_time(&self, moment: Timestamp, with_time: bool) -> String {
        let zone = if self.utc { TimeZone::UTC } else { TimeZone::system() };
        let (then, now) = (moment.to_zoned_datetime(zone.clone()), self.now.to_zoned_datetime(zone));
        let form = match (then.date() == now.date(), then.year() == now.year(), with_time) {
            (true, ..) => "%H:%M",
            (false, true, true) => "%b %-d %H:%M",
            (false, true, false) => "%b %-d",
            (false, false, _) => "%Y-%m-%d",
        };
        then.strftime(form).to_string()
    }

    pub fn age(&self, moment: Timestamp) -> String {
        age::age(moment, self.now)
    }
}

/// What stands over or before the values of a field for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// In lists; empty = people do not see it there unless they ask for it.
    over: &'static str,
    label: Label,
    pub(super) right: bool,
    pub(super) shrink: bool,
    pub(super) leading: bool,
    pub(super) is_key: bool,
    pub(super) optional: bool,
    pub(super) wraps: bool,
    pub(super) rank: u8,
}

/// What stands before the value of a single result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// As in lists: nothing where they do not show it.
    AsHead,
    /// The name of the field, also where lists do not show it.
    Field,
    /// Other words.
    Words(&'static str),
    /// Nothing: people do not see it.
    Hidden,
}

/// A heading in lists, over a column that is left-aligned.
pub const fn head(over: &'static str) -> Head {
    Head {
        over,
        label: Label::AsHead,
        right: false,
        shrink: false,
        leading: false,
        is_key: false,
        wraps: false,
        optional: false,
        rank: 0,
    }
}

/// The head of a field for programs, and for people who ask for it.
pub const fn unlisted() -> Head {
    head("")
}

impl Head {
    /// Right-aligned.
    pub const fn right(self) -> Head {
        Head { right: true, ..self }
    }

    /// Cut first on a narrow terminal.
    pub const fn shrinking(self) -> Head {
        Head { shrink: true, ..self }
    }

    /// The last column, a sentence that is the point of its row: it is not cut, but goes on below itself.
    pub const fn wrapping(self) -> Head {
        Head { shrink: true, wraps: true, ..self }
    }

    /// Shown to people before the other columns of a list; programs get it in its order.
    pub const fn leading(self) -> Head {
        Head { leading: true, ..self }
    }

    /// What `-q` prints of a row, because the other commands of the noun take it. Without such a column it is the number
    /// or id.
    pub const fn key(self) -> Head {
        Head { is_key: true, ..self }
    }

    /// Shown to people in a list only if a row has a value.
    pub const fn optional(self) -> Head {
        Head { optional: true, ..self }
    }

    /// Where a terminal is too narrow, the columns with a rank go, the lowest first; those without one never do.
    pub const fn rank(self, rank: u8) -> Head {
        Head { rank, ..self }
    }

    /// With these words before a single value.
    pub const fn label(self, words: &'static str) -> Head {
        Head { label: Label::Words(words), ..self }
    }

    /// With the name of its field before a single value, also where lists do not show it.
    pub const fn labelled(self) -> Head {
        Head { label: Label::Field, ..self }
    }

    /// Shown in lists alone.
    pub const fn only_in_lists(self) -> Head {
        Head { label: Label::Hidden, ..self }
    }
}

/// The name of a field for programs, with its head for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// Name for programs.
    pub field: &'static str,
    pub(super) head: Head,
}

impl Heading {
    /// What stands over the values of a list.
    pub(super) fn over(&self) -> String {
        if self.head.over.is_empty() { self.field.to_uppercase() } else { self.head.over.to_owned() }
    }

    /// What stands before a single value.
    pub(super) fn before(&self) -> String {
        let text = match self.head.label {
            Label::Words(words) => words.to_owned(),
            Label::AsHead if self.head.over.contains(char::is_lowercase) => self.head.over.to_owned(),
            Label::AsHead | Label::Field | Label::Hidden => self.field.replace('_', " "),
        };
        let mut letters = text.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    /// Whether somebody may mean it by this name: what stands over or before its values.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let name = name.replace(' ', "_");
        let same = |text: &str| text.replace(' ', "_").eq_ignore_ascii_case(&name);
        same(&self.over()) || same(&self.before())
    }

    pub(super) fn is_in_lists(&self) -> bool {
        !self.head.over.is_empty()
    }

    pub(super) fn is_shown_alone(&self) -> bool {
        match self.head.label {
            Label::AsHead => self.is_in_lists(),
            Label::Field | Label::Words(_) => true,
            Label::Hidden => false,
        }
    }
}

/// A column of a result: its field, its head and its cell are one row, so that none of them can be without the others.
pub struct Column<T> {
    pub(super) heading: Heading,
    cell: fn(&T, &Shown) -> Cell,
    tint: fn(&T, &Shown) -> Option<Tint>,
}

impl<T> Clone for Column<T> {
    fn clone(&self) -> Column<T> {
        *self
    }
}

impl<T> Copy for Column<T> {}

impl<T> Column<T> {
    /// A column of rows of the kind `T`.
    pub const fn new(field: &'static str, head: Head, cell: fn(&T, &Shown) -> Cell) -> Column<T> {
        Column::tinted(field, head, cell, |_, _| None)
    }

    /// The same, coloured where the value means something.
    pub const fn tinted(
        field: &'static str,
        head: Head,
        cell: fn(&T, &Shown) -> Cell,
        tint: fn(&T, &Shown) -> Option<Tint>,
    ) -> Column<T> {
        Column { heading: Heading { field, head }, cell, tint }
    }

    pub(super) fn cell(&self, row: &T, shown: &Shown) -> Cell {
        (self.cell)(row, shown)
    }

    pub(super) fn tint(&self, row: &T, shown: &Shown) -> Option<Tint> {
        (self.tint)(row, shown)
    }
}

/// One value of a result under its heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub(super) heading: Heading,
    pub(super) cell: Cell,
    pub(super) tint: Option<Tint>,
}

impl Field {
    /// A field that programs alone get.
    pub fn unseen(field: &'static str, cell: Cell) -> Field {
        Field { heading: Heading { field, head: unlisted() }, cell, tint: None }
    }
}

/// A row under the headings of its columns.
pub fn fields<T>(columns: &[Column<T>], row: &T, shown: &Shown) -> Vec<Field> {
    let field = |column: &Column<T>| Field {
        heading: column.heading,
        cell: column.cell(row, shown),
        tint: column.tint(row, shown),
    };
    columns.iter().map(field).collect()
}

/// The names of fields, for rows of any type.
pub trait Named {
    /// The names in their order.
    fn names(&self) -> Vec<&'static str>;
}

impl<T> Named for &[&[Column<T>]] {
    fn names(&self) -> Vec<&'static str> {
        self.iter().flat_map(|part| part.names()).collect()
    }
}

impl Named for &[&'static str] {
    fn names(&self) -> Vec<&'static str> {
        self.to_vec()
    }
}

impl<T> Named for &[Column<T>] {
    fn names(&self) -> Vec<&'static str> {
        self.iter().map(|column| column.heading.field).collect()
    }
}

/// A value, as programs and as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub(super) value: Value,
    face: Face,
}

#[derive(Debug, Clone, PartialEq)]
enum Face {
    Text(String),
    /// In a list, and where there is room.
    Two(String, String),
    /// What most rows have, and is left out where there is little room.
    Usual(String),
    /// Text, and a shorter one for where there is little room.
    Shortened(String, String),
    Age(Timestamp),
    Ago(Timestamp),
    Moment(Timestamp),
}

impl Cell {
    pub fn text(text: &str) -> Cell {
        Cell { value: json!(text), face: Face::Text(text.to_owned()) }
    }

    /// Text that says little where it is the usual one.
    pub fn usual(text: &str, usual: &str) -> Cell {
        match text == usual {
            true => Cell { value: json!(text), face: Face::Usual(text.to_owned()) },
            false => Cell::text(text),
        }
    }

    /// Any value, with what people see, and what they see where there is little room.
    pub fn shortened(value: Value, shown: &str, short: &str) -> Cell {
        Cell { value, face: Face::Shortened(shown.to_owned(), short.to_owned()) }
    }

    pub fn int(number: i64) -> Cell {
        Cell { value: json!(number), face: Face::Text(number.to_string()) }
    }

    /// Yes or no.
    pub fn bool(yes: bool) -> Cell {
        Cell { value: json!(yes), face: Face::Text(if yes { "yes" } else { "no" }.to_owned()) }
    }

    /// A moment, for people its age.
    pub fn time(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), face: Face::Age(moment) }
    }

    /// A moment, for people its age and `ago`.
    pub fn ago(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), face: Face::Ago(moment) }
    }

    /// A moment, for people in local time.
    pub fn date_time(moment: Timestamp) -> Cell {
        Cell { value: json!(moment.to_string()), face: Face::Moment(moment) }
    }

    /// A moment for people, in whose place programs get another one.
    pub fn moment_as(moment: Timestamp, value: Timestamp) -> Cell {
        Cell { value: json!(value.to_string()), face: Face::Moment(moment) }
    }

    /// Any value, with what people see.
    pub fn object(value: Value, shown: &str) -> Cell {
        Cell { value, face: Face::Text(shown.to_owned()) }
    }

    pub fn user(id: i64, username: &str) -> Cell {
        Cell::object(json!({"id": id, "username": username}), username)
    }

    /// A thing with an id and a name.
    pub fn named(id: i64, name: &str) -> Cell {
        Cell::object(json!({"id": id, "name": name}), name)
    }

    /// The same, where there is one.
    pub fn opt_named(thing: Option<&(i64, String)>) -> Cell {
        thing.map_or_else(Cell::none, |(id, name)| Cell::named(*id, name))
    }

    /// Any value, with what people see in a list, and what they see where there is room.
    pub fn of_two(value: Value, listed: &str, alone: &str) -> Cell {
        Cell { value, face: Face::Two(listed.to_owned(), alone.to_owned()) }
    }

    /// Nothing.
    pub fn none() -> Cell {
        Cell { value: Value::Null, face: Face::Text(String::new()) }
    }

    /// Text, where there is one.
    pub fn opt_text(text: Option<&str>) -> Cell {
        text.map_or_else(Cell::none, Cell::text)
    }

    /// A number, where there is one.
    pub fn opt_int(number: Option<i64>) -> Cell {
        number.map_or_else(Cell::none, Cell::int)
    }

    /// A moment in local time, where there is one.
    pub fn opt_date_time(moment: Option<Timestamp>) -> Cell {
        moment.map_or_else(Cell::none, Cell::date_time)
    }

    /// A list of words.
    pub fn words<S: AsRef<str>>(words: &[S]) -> Cell {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        Cell::object(json!(words), &words.join(", "))
    }

    /// Rows of another noun: objects for programs, their number for people.
    pub fn rows<T>(columns: &[Column<T>], rows: &[T], shown: &Shown) -> Cell {
        let object = |row: &T| {
            let fields = fields(columns, row, shown).into_iter();
            Value::Object(fields.map(|field| (field.heading.field.to_owned(), field.cell.value)).collect())
        };
        Cell::object(rows.iter().map(object).collect(), &rows.len().to_string())
    }

    /// What people see in a table.
    pub(super) fn shown(&self, shown: &Shown) -> String {
        match &self.face {
            Face::Text(text) | Face::Usual(text) | Face::Two(text, _) | Face::Shortened(text, _) => text.clone(),
            Face::Age(moment) => shown.age(*moment),
            Face::Ago(moment) => format!("{} ago", shown.age(*moment)),
            Face::Moment(moment) => shown.local_time(*moment),
        }
    }

    /// The same where there is little room: at level 1 without what is usual and the years of dates, at level 2 without
    /// times of day.
    pub(super) fn short(&self, shown: &Shown, level: usize) -> String {
        match (&self.face, level) {
            (Face::Usual(_), 1..) => String::new(),
            (Face::Shortened(_, short), 2..) => short.clone(),
            (Face::Moment(moment), 1..) => shown.short_time(*moment, level < 2),
            (_, _) => self.shown(shown),
        }
    }

    /// What people see where there is room: the date with its age.
    pub(super) fn shown_alone(&self, shown: &Shown) -> String {
        match &self.face {
            Face::Age(moment) => format!("{} ({})", shown.local_time(*moment), shown.age(*moment)),
            Face::Two(_, alone) => alone.clone(),
            Face::Text(_) | Face::Usual(_) | Face::Shortened(..) | Face::Ago(_) | Face::Moment(_) => self.shown(shown),
        }
    }
}
