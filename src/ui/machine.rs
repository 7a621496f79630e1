//! What programs read: JSON, TSV and CSV, none of it able to act on a terminal or a spreadsheet.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Heading};
use super::safe;
use crate::error::Kind;

pub fn schema(noun: &str) -> String {
    format!("espomail/{}/1", noun.replace(' ', "-"))
}

pub(super) fn object(headings: &[Heading], cells: &[Cell]) -> Map<String, Value> {
    headings.iter().zip(cells).map(|(heading, cell)| (heading.field.to_owned(), cell.value.clone())).collect()
}

/// What an object is called by, the best first.
const NAMES: &[&str] = &["username", "name", "address", "id"];

/// A value in one field of TSV or CSV: names of objects, all of those that have none, lists separated by commas.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) => named(map),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// An object by its name; with its type where its id alone would say nothing. A mailbox is its name and its address.
fn named(map: &Map<String, Value>) -> String {
    if let (2, Some(Value::String(name)), Some(Value::String(address))) =
        (map.len(), map.get("name"), map.get("address"))
        && !name.is_empty()
        && !address.is_empty()
    {
        return format!("{name} <{address}>");
    }
    let mut names = NAMES.iter().filter_map(|key| map.get(*key).map(plain)).peekable();
    if names.peek().is_none() {
        return map.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect::<Vec<_>>().join(", ");
    }
    let name = names.find(|text| !text.is_empty()).unwrap_or_default();
    match map.get("type").filter(|_| map.contains_key("id")) {
        Some(kind) => format!("{} {name}", plain(kind)),
        None => name,
    }
}

/// A line of CSV (RFC 4180).
pub(super) fn csv(fields: impl Iterator<Item = String>) -> Result<Vec<u8>> {
    let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    line.write_record(fields.map(|text| without_formula(&text)))?;
    Ok(line.into_inner()?)
}

/// What a spreadsheet would take for a formula gets an apostrophe.
fn without_formula(text: &str) -> String {
    let text = safe::block(text);
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if formula { format!("'{text}") } else { text.into_owned() }
}

/// An error as programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: Kind,
    /// What exactly is wrong with a command line; else the name of the kind.
    pub code: String,
    pub message: String,
    pub hints: Vec<String>,
    /// The option or argument that is wrong, as it is typed.
    pub argument: Option<String>,
}

impl Refusal {
    /// An error of this kind, with the option that its message begins with.
    pub fn of(kind: Kind, message: &str) -> Refusal {
        let option = message.split_once(": ").map(|(option, _)| option).filter(|option| is_option(option));
        Refusal {
            kind,
            code: kind.name().to_owned(),
            message: message.to_owned(),
            hints: Vec::new(),
            argument: option.map(str::to_owned),
        }
    }
}

fn is_option(text: &str) -> bool {
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The line of an error.
pub(super) fn error(refusal: &Refusal) -> String {
    let Refusal { kind, code, message, hints, argument } = refusal;
    let lines = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hints: Vec<String> = hints.iter().map(|hint| lines(hint)).collect();
    let error = json!({
        "kind": kind.name(), "code": code, "exit": kind.exit_code(), "message": lines(message), "argument": argument,
        "hint": hints.first(), "hints": hints,
    });
    escaped(&json!({ "error": error }))
}

/// JSON in which every character that could act on a terminal is escaped.
pub(super) fn escaped(value: &Value) -> String {
    let json = value.to_string();
    if !json.chars().any(safe::is_unsafe) {
        return json;
    }
    let mut units = [0; 2];
    json.chars()
        .flat_map(|c| {
            match safe::is_unsafe(c) {
                false => c.to_string(),
                true => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            }
            .chars()
            .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn csv_fields_are_quoted_and_no_formulas() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("@x", "'@x"),
            ("two\nlines", "\"two\nlines\""),
            ("\u{1b}[2J", "·[2J"),
        ] {
            let line = csv([text.to_owned(), "x".to_owned()].into_iter()).unwrap();
            assert_eq!(String::from_utf8(line).unwrap(), format!("{expected},x\r\n"));
        }
    }

    #[test]
    fn an_object_is_its_name_and_one_without_a_name_is_all_it_holds() {
        for (value, expected) in [
            (json!({"id": 3, "name": "Kim"}), "Kim"),
            (json!({"name": "", "address": "kim@x.example"}), "kim@x.example"),
            (json!({"name": "Kim", "address": "kim@x.example"}), "Kim <kim@x.example>"),
            (json!({"name": "Kim", "address": "kim@x.example", "by_way_of": null}), "Kim"),
            (json!({"name": ""}), ""),
            (json!({"type": "case", "id": 12, "name": null}), "case 12"),
            (json!({"type": "role", "id": 2, "name": "Agent"}), "role Agent"),
            (json!({"type": "text/plain", "name": "a.txt"}), "a.txt"),
            (json!({"case-read": "own", "case-edit": "no"}), "case-edit=no, case-read=own"),
            (json!({}), ""),
        ] {
            let shown: std::collections::BTreeSet<String> = plain(&value).split(", ").map(str::to_owned).collect();
            assert_eq!(shown.into_iter().collect::<Vec<_>>().join(", "), expected);
        }
    }

    #[test]
    fn an_error_is_one_line_with_the_option_that_is_wrong() {
        for (message, argument) in [
            ("--from: \"x\" is not an e-mail address", json!("--from")),
            ("-m, -F: you can answer only one case", Value::Null),
            ("case 9: not found", Value::Null),
            ("--: x", Value::Null),
        ] {
            let refusal = Refusal { hints: vec!["see\n  `a`".to_owned()], ..Refusal::of(Kind::Data, message) };
            let line = error(&refusal);
            let told: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(told["error"]["argument"], argument, "{line}");
            assert_eq!((&told["error"]["hints"], &told["error"]["exit"]), (&json!(["see `a`"]), &json!(65)));
            assert_eq!(line.lines().count(), 1);
        }
        let told = error(&Refusal::of(Kind::Usage, "two\nlines"));
        assert!(told.contains("\"two lines\"") && told.contains("\"hint\":null"), "{told}");
    }

    #[test]
    fn json_is_the_same_value_without_raw_control_characters() {
        let value = json!({"a": "\u{202e}x\u{1b}\u{e0041}é"});
        let text = escaped(&value);
        assert!(!text.chars().any(safe::is_unsafe), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
