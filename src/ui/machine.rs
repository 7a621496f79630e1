//! What programs read: JSON, TSV and CSV, none of it able to act on a terminal or a spreadsheet.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Heading};
use super::safe;
use crate::error::Kind;

pub(super) fn schema(noun: &str) -> String {
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

/// An object by its name; with its type where its id alone would say nothing.
fn named(map: &Map<String, Value>) -> String {
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
pub(super) fn error(kind: Kind, message: &str, hint: Option<&str>) -> String {
    let error = json!({"kind": kind.name(), "exit": kind.exit_code(), "message": message, "hint": hint});
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
    #![allow(clippy::unwrap_used)]

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
    fn json_is_the_same_value_without_raw_control_characters() {
        let value = json!({"a": "\u{202e}x\u{1b}\u{e0041}é"});
        let text = escaped(&value);
        assert!(!text.chars().any(safe::is_unsafe), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
