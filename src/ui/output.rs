//! Results on standard output, everything else on standard error (clig.dev).
//!
//! A reader who goes away (broken pipe) ends the program with success. People get tables and ages,
//! programs get stable JSON, TSV or CSV.

use std::io::{self, IsTerminal as _};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::cell::{self, Cell, Column, Field, Heading, Shown};
pub use super::channel::print;
use super::fit::Listing;
use super::machine::{self, escaped, object, plain, schema};
use super::tint::{self, Tint};
use super::{afar, channel, safe};
use crate::error::{Fault, Kind};

/// How results are written: for people, as tab-separated values, as one JSON document, as one JSON object a line, or by
/// RFC 4180.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    // Help lists the values in one line.
    Table,
    Plain,
    Json,
    Ndjson,
    Csv,
}

impl Format {
    /// Whether results are JSON, so that text is a JSON string and an error the last line of standard error.
    pub fn is_json(self) -> bool {
        match self {
            Format::Json | Format::Ndjson => true,
            Format::Table | Format::Plain | Format::Csv => false,
        }
    }
}

/// Where and how a command speaks.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Format of results.
    pub format: Format,
    /// Fields to be shown, in this order; empty = the usual ones.
    pub fields: Vec<String>,
    /// Tables, TSV and CSV have a line of headings.
    pub headers: bool,
    /// Bold headings.
    pub color: bool,
    /// Columns of the terminal; `None` = standard output is none.
    pub width: Option<usize>,
    /// Remarks keep to these columns, too: somebody reads them between questions.
    pub wraps_remarks: bool,
    /// People's times in UTC.
    pub utc: bool,
    /// Only ids and errors.
    pub quiet: bool,
    /// Number of `-v`.
    pub verbosity: u8,
    /// The moment of the command.
    pub now: Timestamp,
}

/// What people read in the place of an empty list.
fn none_of(noun: &str) -> String {
    match noun {
        "outbox" => "No mail in the outbox.".to_owned(),
        "quarantine" => "The quarantine is empty.".to_owned(),
        "skipped" => "No skipped mail.".to_owned(),
        "stream" => "No notes.".to_owned(),
        "history" => "No changes.".to_owned(),
        "thread" => "No emails.".to_owned(),
        noun => format!("No {}.", noun.replace('_', " ")),
    }
}

impl Ui {
    /// A list of results. `noun` names the JSON schema.
    pub fn list<T>(&self, noun: &str, columns: &[Column<T>], rows: &[T]) -> Result<()> {
        self.list_with(noun, columns, rows, Vec::new())
    }

    /// A list of results, with facts about the whole in the document that programs get.
    pub fn list_with<T>(&self, noun: &str, columns: &[Column<T>], rows: &[T], facts: Vec<Field>) -> Result<()> {
        let mut picked = self.pick(columns, |column| &column.heading, Heading::is_in_lists)?;
        if self.for_people() && self.fields.is_empty() {
            picked.sort_by_key(|column| !column.heading.head.leading);
        }
        if rows.is_empty() && self.for_people() {
            if self.width.is_some() && !self.quiet {
                self.note(&none_of(noun));
            }
            return Ok(());
        }
        if self.quiet && self.for_people() {
            return rows.iter().filter_map(|row| self.key(columns, row)).try_for_each(|id| self.line(&id));
        }
        let shown = self.shown();
        let headings: Vec<Heading> = picked.iter().map(|column| column.heading).collect();
        let row = |row: &T| picked.iter().map(|column| column.cell(row, &shown)).collect();
        let cells: Vec<Vec<Cell>> = rows.iter().map(row).collect();
        match self.format {
            Format::Table => {
                let tint = |row: &T| picked.iter().map(|column| column.tint(row, &shown)).collect();
                let tints: Vec<_> = rows.iter().map(tint).collect();
                self.table(&headings, &cells, &tints, self.fields.is_empty())
            }
            Format::Plain => self.tsv(&headings, &cells),
            Format::Csv => self.csv(&headings, &cells),
            Format::Json => {
                let items: Vec<Value> = cells.iter().map(|row| Value::Object(object(&headings, row))).collect();
                let mut document = Map::new();
                document.insert("schema".to_owned(), json!(schema(noun)));
                document.extend(facts.into_iter().map(|fact| (fact.heading.field.to_owned(), fact.cell.value)));
                document.insert("items".to_owned(), json!(items));
                self.json(&Value::Object(document))
            }
            Format::Ndjson => cells.iter().try_for_each(|row| self.json(&Value::Object(object(&headings, row)))),
        }
    }

    /// Some columns of a list for people, by their fields.
    pub fn part<T>(&self, columns: &[Column<T>], fields: &[&str], rows: &[T]) -> Result<()> {
        let named = |field: &&str| columns.iter().find(|column| column.heading.field == *field);
        let picked: Vec<_> = fields.iter().filter_map(named).collect();
        let shown = self.shown();
        let headings: Vec<Heading> = picked.iter().map(|column| column.heading).collect();
        let row = |row: &T| picked.iter().map(|column| column.cell(row, &shown)).collect();
        let tint = |row: &T| picked.iter().map(|column| column.tint(row, &shown)).collect();
        let tints: Vec<_> = rows.iter().map(tint).collect();
        self.table(&headings, &rows.iter().map(row).collect::<Vec<_>>(), &tints, true)
    }

    /// One result: labelled lines for people, an object for programs.
    pub fn object<T>(&self, noun: &str, columns: &[Column<T>], row: &T) -> Result<()> {
        self.joined(noun, self.fields(columns, row))
    }

    /// Several results of a noun that is usually asked for one: one document for programs.
    pub fn objects<T>(&self, noun: &str, columns: &[Column<T>], rows: &[T]) -> Result<()> {
        let picked = self.pick(columns, |column| &column.heading, Heading::is_shown_alone)?;
        let headings: Vec<Heading> = picked.iter().map(|column| column.heading).collect();
        let cells = |row: &T| picked.iter().map(|column| column.cell(row, &self.shown())).collect::<Vec<_>>();
        let items: Vec<Value> = rows.iter().map(|row| Value::Object(object(&headings, &cells(row)))).collect();
        self.json(&json!({"schema": schema(noun), "items": items}))
    }

    /// A row under its headings, for [`Ui::joined`].
    pub fn fields<T>(&self, columns: &[Column<T>], row: &T) -> Vec<Field> {
        cell::fields(columns, row, &self.shown())
    }

    /// One result of several rows.
    pub fn joined(&self, noun: &str, fields: Vec<Field>) -> Result<()> {
        if self.quiet && self.for_people() {
            let by = |name: &str| fields.iter().find(|field| field.heading.field == name);
            let key =
                fields.iter().find(|field| field.heading.head.is_key).or_else(|| by("number")).or_else(|| by("id"));
            return key.or(fields.first()).map_or(Ok(()), |key| self.line(&key.cell.shown(&self.shown())));
        }
        let picked = self.pick(&fields, |field| &field.heading, Heading::is_shown_alone)?;
        if self.for_people() {
            return self.labelled(&picked);
        }
        let (headings, cells): (Vec<Heading>, Vec<Cell>) =
            picked.into_iter().map(|field| (field.heading, field.cell.clone())).unzip();
        match self.format {
            Format::Json | Format::Ndjson => self.json(&Value::Object(with_schema(noun, &headings, &cells))),
            Format::Table | Format::Plain => self.tsv(&headings, &[cells]),
            Format::Csv => self.csv(&headings, &[cells]),
        }
    }

    fn labelled(&self, fields: &[&Field]) -> Result<()> {
        let width = fields.iter().map(|field| field.heading.before().len()).max().unwrap_or_default();
        let is_shown = |field: &&&Field| !self.fields.is_empty() || field.heading.is_shown_alone();
        for Field { heading, cell, tint } in fields.iter().filter(is_shown) {
            let shown = cell.shown_alone(&self.shown());
            if !shown.is_empty() {
                let before = format!("{:width$}  ", heading.before());
                let lines = self.hanging(&before, &shown);
                let value = lines.strip_prefix(&before).unwrap_or_default();
                let value = tint.map_or_else(|| value.to_owned(), |tint| tint.on(value));
                self.text_in_colour(&format!("{before}{value}"))?;
            }
        }
        Ok(())
    }

    /// How many there are: the number alone for people, an object for programs.
    pub fn count(&self, noun: &str, count: i64) -> Result<()> {
        match self.format.is_json() {
            true => self.json(&json!({"schema": schema("count"), "of": noun, "count": count})),
            false => self.line(&count.to_string()),
        }
    }

    /// Free text; programs get it in an object.
    pub fn text(&self, text: &str) -> Result<()> {
        match self.format.is_json() {
            true => self.json(&json!({"schema": schema("text"), "text": text})),
            false => self.write(&format!("{}\n", safe::block(text))),
        }
    }

    /// A line for people above what it is about.
    pub fn heading(&self, text: &str) -> Result<()> {
        self.text_in_colour(&Tint::Heading.on(&safe::line(text)))
    }

    /// Text for people with marks of [`Tint`], which what comes from outside was made safe of.
    pub fn text_in_colour(&self, text: &str) -> Result<()> {
        self.write(&format!("{}\n", tint::painted(text, self.color)))
    }

    /// Bytes as they are; a terminal does not get them. `file` is what they are usually written to.
    ///
    /// # Errors
    /// Standard output is a terminal.
    pub fn bytes(&self, bytes: &[u8], file: &str) -> Result<()> {
        if self.width.is_some() {
            return Err(Fault::new(
                Kind::Usage,
                "standard output is a terminal, and bytes of a mail could take it over",
            )
            .hint(format!("write them to a file: add > {file}"))
            .into());
        }
        print(bytes)
    }

    /// Whether results are written for people.
    pub fn for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Whether people get more than the key of a result or the fields that they chose, such as its text.
    pub fn tells_people(&self) -> bool {
        self.for_people() && !self.quiet && self.fields.is_empty()
    }

    /// Whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether somebody can type.
    pub fn stdin_is_terminal(&self) -> bool {
        afar::facts().map_or_else(|| io::stdin().is_terminal(), |facts| facts.asks)
    }

    /// What cells know of the reader.
    pub fn shown(&self) -> Shown {
        Shown { now: self.now, utc: self.utc }
    }

    /// A moment in people's time.
    pub fn local_time(&self, moment: Timestamp) -> String {
        self.shown().local_time(moment)
    }

    /// A moment that is near: its time alone, where that is today's.
    pub fn soon(&self, moment: Timestamp) -> String {
        let (then, now) = (self.local_time(moment), self.local_time(self.now));
        match (then.split_once(' '), now.split_once(' ')) {
            (Some((day, time)), Some((today, _))) if day == today => time.to_owned(),
            _ => then,
        }
    }

    pub fn age(&self, moment: Timestamp) -> String {
        self.shown().age(moment)
    }

    /// Asks for something that is then typed.
    pub fn prompt(&self, text: &str) {
        channel::prompt(text);
    }

    /// Asks for the answer to a question of the guide, whose last line stands before the answer.
    pub fn guide(&self, question: &str) {
        let wrapped = self.set_in(question, 0);
        let (before, last) = wrapped.rsplit_once('\n').map_or(("", wrapped.as_str()), |parts| parts);
        if !before.is_empty() {
            self.note(before);
        }
        channel::prompt(&format!("{last} "));
    }

    /// Asks a yes-or-no question on the terminal.
    pub fn ask(&self, question: &str) -> Result<bool> {
        channel::ask(question)
    }

    /// The fields that `--fields` names, else all that the format shows.
    fn pick<'c, C>(
        &self,
        all: &'c [C],
        heading: fn(&C) -> &Heading,
        for_people: fn(&Heading) -> bool,
    ) -> Result<Vec<&'c C>> {
        if self.fields.is_empty() {
            return Ok(all.iter().filter(|one| !self.for_people() || for_people(heading(one))).collect());
        }
        let find = |name: &String| {
            let by_field = all.iter().find(|one| heading(one).field.eq_ignore_ascii_case(name));
            by_field.or_else(|| all.iter().find(|one| heading(one).is_called(name))).ok_or_else(|| {
                let known: Vec<&str> = all.iter().map(|one| heading(one).field).collect();
                Fault::new(Kind::Usage, format!("--fields: there is no field \"{name}\""))
                    .hint(format!("known: {}", known.join(", ")))
                    .into()
            })
        };
        self.fields.iter().map(find).collect()
    }

    /// What other commands take of a row.
    fn key<T>(&self, columns: &[Column<T>], row: &T) -> Option<String> {
        let by = |field: &str| columns.iter().find(|column| column.heading.field == field);
        let key =
            columns.iter().find(|column| column.heading.head.is_key).or_else(|| by("number")).or_else(|| by("id"));
        Some(key.or(columns.first())?.cell(row, &self.shown()).shown(&self.shown()))
    }

    fn table(
        &self,
        headings: &[Heading],
        rows: &[Vec<Cell>],
        tints: &[Vec<Option<Tint>>],
        may_drop: bool,
    ) -> Result<()> {
        let (shown, headers) = (&self.shown(), self.headers);
        let listing = Listing { headings, rows, tints, shown, headers, may_drop };
        listing.lines(self.width).iter().enumerate().try_for_each(|(line, text)| match line < usize::from(headers) {
            true => self.text_in_colour(&Tint::Heading.on(text)),
            false => self.text_in_colour(text),
        })
    }

    fn tsv(&self, headings: &[Heading], rows: &[Vec<Cell>]) -> Result<()> {
        if self.headers {
            let names: Vec<&str> = headings.iter().map(|heading| heading.field).collect();
            self.write(&format!("{}\n", names.join("\t")))?;
        }
        rows.iter().try_for_each(|row| {
            let cells: Vec<String> = row.iter().map(|cell| safe::line(&plain(&cell.value)).into_owned()).collect();
            self.write(&format!("{}\n", cells.join("\t")))
        })
    }

    fn csv(&self, headings: &[Heading], rows: &[Vec<Cell>]) -> Result<()> {
        if self.headers {
            print(&machine::csv(headings.iter().map(|heading| heading.field.to_owned()))?)?;
        }
        rows.iter().try_for_each(|row| print(&machine::csv(row.iter().map(|cell| plain(&cell.value)))?))
    }

    pub(super) fn json(&self, value: &Value) -> Result<()> {
        self.write(&format!("{}\n", escaped(value)))
    }

    pub(super) fn line(&self, text: &str) -> Result<()> {
        self.write(&format!("{}\n", safe::line(text)))
    }

    fn write(&self, text: &str) -> Result<()> {
        print(text.as_bytes())
    }
}

/// One result as an object on a line of its own, for files.
pub fn json_line(noun: &str, fields: Vec<Field>) -> String {
    let (headings, cells): (Vec<Heading>, Vec<Cell>) =
        fields.into_iter().map(|field| (field.heading, field.cell)).unzip();
    format!("{}\n", escaped(&Value::Object(with_schema(noun, &headings, &cells))))
}

fn with_schema(noun: &str, headings: &[Heading], cells: &[Cell]) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("schema".to_owned(), json!(schema(noun)));
    all.extend(object(headings, cells));
    all
}
