//! Results on standard output, everything else on standard error (clig.dev).
//!
//! A reader who goes away (broken pipe) ends the program with success. People get tables and ages,
//! programs get stable JSON, TSV or CSV.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Column, Shown};
use super::machine::{self, csv, escaped, object, plain, schema};
use super::table::{self, Layout};
use super::{age, safe, speaker};
use crate::error::{self, Ended, Fault, Kind};
use crate::job_control;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// Tab-separated values.
    Plain,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180.
    Csv,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    Always,
    Never,
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
    /// People's times in UTC.
    pub utc: bool,
    /// Only ids and errors.
    pub quiet: bool,
    /// Number of `-v`.
    pub verbosity: u8,
    /// The moment of the command.
    pub now: Timestamp,
}

impl Ui {
    /// A list of results. `noun` names the JSON schema.
    pub fn list(&self, noun: &str, columns: &[Column], rows: Vec<Vec<Cell>>) -> Result<()> {
        let picked = self.pick(columns)?;
        if rows.is_empty() && self.for_people() {
            if self.width.is_some() && !self.quiet {
                self.note(&format!("No {}.", noun.replace('_', " ")));
            }
            return Ok(());
        }
        if self.quiet && self.for_people() {
            return rows.iter().filter_map(|row| self.id(columns, row)).try_for_each(|id| self.line(&id));
        }
        match self.format {
            Format::Table => self.table(&picked, &rows),
            Format::Plain => self.separated(&picked, &rows, '\t'),
            Format::Csv => self.separated(&picked, &rows, ','),
            Format::Json => {
                let items: Vec<Value> = rows.iter().map(|row| Value::Object(object(&picked, row))).collect();
                self.json(&json!({"schema": schema(noun), "items": items}))
            }
            Format::Ndjson => rows.iter().try_for_each(|row| self.json(&Value::Object(object(&picked, row)))),
        }
    }

    /// One result: labelled lines for people, an object for programs.
    pub fn object(&self, noun: &str, columns: &[Column], row: Vec<Cell>) -> Result<()> {
        let picked = self.pick(columns)?;
        match self.format {
            Format::Table => {
                let width = picked.iter().map(|(_, c)| label(c).len()).max().unwrap_or_default();
                for (i, column) in picked.iter().filter(|(_, c)| !c.head.is_empty()) {
                    let Some(cell) = row.get(*i) else { continue };
                    let shown = self.shown_alone(cell);
                    if !shown.is_empty() {
                        let shown = safe::block(&shown).replace('\n', &format!("\n{}", " ".repeat(width + 2)));
                        self.write(&format!("{:width$}  {shown}\n", label(column)))?;
                    }
                }
                Ok(())
            }
            Format::Json | Format::Ndjson => {
                let mut all = Map::new();
                all.insert("schema".to_owned(), json!(schema(noun)));
                all.extend(object(&picked, &row));
                self.json(&Value::Object(all))
            }
            Format::Plain => self.separated(&picked, &[row], '\t'),
            Format::Csv => self.separated(&picked, &[row], ','),
        }
    }

    /// How many there are: the number alone for people, an object for programs.
    pub fn count(&self, noun: &str, count: i64) -> Result<()> {
        match self.format {
            Format::Json | Format::Ndjson => self.json(&json!({"schema": schema(noun), "count": count})),
            _ => self.line(&count.to_string()),
        }
    }

    /// Free text; programs get it as a JSON string.
    pub fn text(&self, text: &str) -> Result<()> {
        match self.format {
            Format::Json | Format::Ndjson => self.json(&json!(text)),
            _ => self.write(&format!("{}\n", safe::block(text))),
        }
    }

    /// Bytes as they are; a terminal does not get them.
    ///
    /// # Errors
    /// Standard output is a terminal.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        if self.width.is_some() {
            return Err(Fault::new(
                Kind::Usage,
                "--raw: standard output is a terminal, which raw mail could take over",
            )
            .hint("write it to a file: … --raw > mail.eml")
            .into());
        }
        print(bytes)
    }

    /// The result of a change: a sentence, only the id with `-q`, an object for programs.
    pub fn done(&self, id: impl std::fmt::Display, sentence: &str) -> Result<()> {
        match (self.format, self.quiet) {
            (Format::Json | Format::Ndjson, _) => {
                let id = id.to_string();
                let id = id.parse::<i64>().map_or_else(|_| json!(id), |number| json!(number));
                self.json(&json!({"schema": schema("done"), "id": id, "message": sentence}))
            }
            (_, true) => self.line(&id.to_string()),
            (_, false) => self.line(sentence),
        }
    }

    /// What would be done: a line on standard error for people, an object without an id for programs.
    pub fn rehearsed(&self, sentence: &str, line: &str) -> Result<()> {
        match self.format {
            Format::Json | Format::Ndjson => {
                self.json(&json!({"schema": schema("done"), "dry_run": true, "id": null, "message": sentence}))
            }
            _ => {
                self.note(line);
                Ok(())
            }
        }
    }

    /// Something worth knowing, on standard error; not with `-q`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            say(&safe::block(text));
        }
    }

    /// The next step, on standard error; not with `-q`.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            say(&format!("hint: {}", safe::line(text)));
        }
    }

    /// Something that is wrong or was, on standard error.
    pub fn warn(&self, text: &str) {
        log::warn!("{text}");
        say(&format!("espomail: {}", safe::line(text)));
    }

    /// Something for those who asked with `-v` so many times.
    pub fn verbose(&self, level: u8, text: &str) {
        if self.verbosity >= level {
            say(&safe::line(text));
        }
    }

    /// The trouble of one item, with its hint; the command goes on.
    pub fn problem(&self, item: &str, trouble: &anyhow::Error) {
        self.warn(&format!("{item}: {trouble:#}"));
        if let Some(hint) = error::classify(trouble).1 {
            self.hint(&hint);
        }
    }

    /// The error a command ends with. Programs get it as the last line of standard error.
    pub fn error(&self, trouble: &anyhow::Error) {
        let (kind, hint) = error::classify(trouble);
        let text = format!("{trouble:#}");
        if matches!(self.format, Format::Json | Format::Ndjson) {
            say(&machine::error(kind, &text, hint.as_deref()));
        } else if !trouble.is::<Ended>() {
            self.warn(&text);
            hint.iter().for_each(|hint| say(&format!("hint: {}", safe::line(hint))));
        }
    }

    /// Whether results are written for people.
    pub fn for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether somebody can type.
    pub fn stdin_is_terminal(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// A moment in people's time.
    pub fn local_time(&self, moment: Timestamp) -> String {
        let zone = if self.utc { TimeZone::UTC } else { TimeZone::system() };
        moment.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M").to_string()
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
        age::age(moment, self.now)
    }

    /// Asks for something that is then typed.
    pub fn prompt(&self, text: &str) {
        speaker::finish();
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{}", safe::line(text)).and_then(|()| stderr.flush());
    }

    /// Asks a yes-or-no question on the terminal.
    pub fn ask(&self, question: &str) -> Result<bool> {
        speaker::finish();
        let mut answer = String::new();
        job_control::while_waiting(|| {
            let mut stderr = io::stderr().lock();
            write!(stderr, "{} [y/N] ", safe::line(question))?;
            stderr.flush()?;
            io::stdin().read_line(&mut answer)
        })?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    fn pick<'c>(&self, columns: &'c [Column]) -> Result<Vec<(usize, &'c Column)>> {
        let numbered = || columns.iter().enumerate();
        if self.fields.is_empty() {
            return Ok(numbered().filter(|(_, c)| self.format != Format::Table || !c.head.is_empty()).collect());
        }
        let find = |name: &String| {
            numbered().find(|(_, c)| c.field == name).ok_or_else(|| {
                let known: Vec<&str> = columns.iter().map(|c| c.field).collect();
                Fault::new(Kind::Usage, format!("--fields: there is no field \"{name}\""))
                    .hint(format!("known: {}", known.join(", ")))
                    .into()
            })
        };
        self.fields.iter().map(find).collect()
    }

    fn id(&self, columns: &[Column], row: &[Cell]) -> Option<String> {
        let by = |field: &str| columns.iter().position(|c| c.field == field).and_then(|i| row.get(i));
        by("id").or_else(|| by("number")).or(row.first()).map(|cell| plain(&cell.value))
    }

    fn shown(&self, cell: &Cell) -> String {
        match &cell.shown {
            Shown::Text(text) => text.clone(),
            Shown::Age(moment) => self.age(*moment),
            Shown::Ago(moment) => format!("{} ago", self.age(*moment)),
            Shown::Moment(moment) => self.local_time(*moment),
        }
    }

    /// As [`Ui::shown`], with the date beside an age: there is room for it.
    fn shown_alone(&self, cell: &Cell) -> String {
        match &cell.shown {
            Shown::Age(moment) => format!("{} ({})", self.local_time(*moment), self.age(*moment)),
            _ => self.shown(cell),
        }
    }

    fn table(&self, picked: &[(usize, &Column)], rows: &[Vec<Cell>]) -> Result<()> {
        let layout: Vec<Layout> = picked.iter().map(|(_, c)| Layout { right: c.right, shrink: c.shrink }).collect();
        let heading = |c: &Column| if c.head.is_empty() { c.field.to_uppercase() } else { c.head.to_owned() };
        let mut lines = Vec::with_capacity(rows.len() + 1);
        if self.headers {
            lines.push(picked.iter().map(|(_, c)| heading(c)).collect());
        }
        for row in rows {
            let cells = picked.iter().map(|(i, _)| row.get(*i).map(|cell| self.shown(cell)).unwrap_or_default());
            lines.push(cells.map(|cell| safe::line(&cell).into_owned()).collect());
        }
        let rendered = table::render(&layout, &lines, self.width);
        for (i, line) in rendered.iter().enumerate() {
            let bold = self.color && self.headers && i == 0;
            self.write(&if bold { format!("\u{1b}[1m{line}\u{1b}[0m\n") } else { format!("{line}\n") })?;
        }
        Ok(())
    }

    fn separated(&self, picked: &[(usize, &Column)], rows: &[Vec<Cell>], separator: char) -> Result<()> {
        let joined = |cells: Vec<String>| cells.join(&separator.to_string());
        let write_cell = |text: &str| if separator == ',' { csv(text) } else { safe::line(text).into_owned() };
        if self.headers {
            self.write(&format!("{}\n", joined(picked.iter().map(|(_, c)| c.field.to_owned()).collect())))?;
        }
        rows.iter().try_for_each(|row| {
            let cells =
                picked.iter().map(|(i, _)| row.get(*i).map(|cell| write_cell(&plain(&cell.value))).unwrap_or_default());
            self.write(&format!("{}{}", joined(cells.collect()), if separator == ',' { "\r\n" } else { "\n" }))
        })
    }

    fn json(&self, value: &Value) -> Result<()> {
        self.write(&format!("{}\n", escaped(value)))
    }

    fn line(&self, text: &str) -> Result<()> {
        self.write(&format!("{}\n", safe::line(text)))
    }

    fn write(&self, text: &str) -> Result<()> {
        print(text.as_bytes())
    }
}

/// One result as an object on a line of its own, for files.
pub fn json_line(noun: &str, columns: &[Column], row: &[Cell]) -> String {
    let picked: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    let mut all = Map::new();
    all.insert("schema".to_owned(), json!(schema(noun)));
    all.extend(object(&picked, row));
    format!("{}\n", escaped(&Value::Object(all)))
}

/// The program's own text, byte for byte: scripts and the manual page.
pub fn print(bytes: &[u8]) -> Result<()> {
    Ok(job_control::while_waiting(|| io::stdout().lock().write_all(bytes))?)
}

/// A command line that is not understood, before there is a [`Ui`]; `json` for programs.
pub fn complain(text: &str, json: bool) {
    let text = text.strip_prefix("error: ").unwrap_or(text).trim_end();
    if json {
        let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
        say(&machine::error(Kind::Usage, message, Some(rest.trim()).filter(|rest| !rest.is_empty())));
    } else {
        say(&format!("espomail: {}", safe::block(text)));
    }
}

/// What stands before a value of a single result.
fn label(column: &Column) -> String {
    let is_title = column.head.contains(char::is_lowercase) && !column.head.contains('_');
    let text = if is_title { column.head.to_owned() } else { column.field.replace('_', " ") };
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn say(text: &str) {
    if job_control::is_holding() {
        return speaker::later(format!("{text}\n"));
    }
    speaker::finish();
    // Nobody to tell where standard error is closed.
    let _ = job_control::while_waiting(|| writeln!(io::stderr().lock(), "{text}"));
}
