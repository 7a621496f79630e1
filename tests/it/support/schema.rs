//! Compares documents with what `espomail schema` says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::program;

/// What `schema` says of each result, by its name.
pub fn shapes() -> &'static BTreeMap<String, Value> {
    static SHAPES: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let run = Command::new(program()).args(["--json", "schema"]).env_clear().env("HOME", "/nonexistent").output();
        let document: Value = serde_json::from_slice(&run.unwrap().stdout).unwrap();
        let rows = document["items"].as_array().unwrap().iter();
        rows.map(|row| (row["result"].as_str().unwrap().to_owned(), row.clone())).collect()
    })
}

/// What is wrong with a document. `whole`: it has all fields, because none were chosen.
pub fn faults(document: &Value, whole: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let tag = document["schema"].as_str().unwrap_or_default();
    let Some(shape) = shapes().values().find(|shape| shape["tag"] == tag) else {
        return vec![format!("no result has the tag {tag:?}: {document}")];
    };
    let Some(object) = document.as_object() else { return vec![format!("not an object: {document}")] };
    let mut object = object.clone();
    object.remove("schema");
    match (shape["form"].as_str(), object.remove("items")) {
        (Some("list"), Some(Value::Array(items))) => {
            let names = words(&shape["whole"]);
            same_names(&object, &names, false, tag, &mut faults);
            fields(&object, shape, tag, &mut faults);
            items.iter().for_each(|item| one(item, shape, whole, tag, &mut faults));
        }
        (Some("object"), Some(Value::Array(items))) if object.is_empty() => {
            items.iter().for_each(|item| one(item, shape, whole, tag, &mut faults));
        }
        (Some("object"), None) => one(&Value::Object(object), shape, whole, tag, &mut faults),
        (form, items) => faults.push(format!("{tag} is a {form:?}, and its items are {items:?}")),
    }
    faults
}

/// What is wrong with a line of standard error: it must be a remark or an error.
pub fn faults_of_line(line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(line) else {
        return vec![format!("not an object: {line}")];
    };
    match object.get("error") {
        Some(error) => one(error, &shapes()["error"], true, "error", &mut faults),
        None => one(&Value::Object(object), &shapes()["remark"], true, "remark", &mut faults),
    }
    faults
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn one(item: &Value, shape: &Value, whole: bool, path: &str, faults: &mut Vec<String>) {
    let Some(object) = item.as_object() else { return faults.push(format!("{path}: not an object: {item}")) };
    let is_loose = shape["optional"] == true || !whole;
    same_names(object, &words(&shape["fields"]), is_loose, path, faults);
    fields(object, shape, path, faults);
}

fn same_names(
    object: &Map<String, Value>,
    names: &BTreeSet<String>,
    is_loose: bool,
    path: &str,
    faults: &mut Vec<String>,
) {
    let there: BTreeSet<String> = object.keys().cloned().collect();
    let (unknown, missing): (Vec<_>, Vec<_>) = (there.difference(names).collect(), names.difference(&there).collect());
    if !unknown.is_empty() || (!is_loose && !missing.is_empty()) {
        faults.push(format!("{path}: has {unknown:?} and lacks {missing:?}"));
    }
}

fn fields(object: &Map<String, Value>, shape: &Value, path: &str, faults: &mut Vec<String>) {
    for (name, value) in object {
        if let Some(kind) = shape["types"][name].as_str() {
            fits(value, kind, &format!("{path}.{name}"), faults);
        }
    }
}

/// Whether a value is of a type, in the words of `schema`: `string`, `[T]`, `{a: T, b: T}`, `{*: T}` or the name of a result.
fn fits(value: &Value, kind: &str, path: &str, faults: &mut Vec<String>) {
    let is_right = match (kind, value) {
        (_, Value::Null)
        | ("string", Value::String(_))
        | ("number", Value::Number(_))
        | ("boolean", Value::Bool(_)) => true,
        ("time", Value::String(text)) => text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
        ("string" | "number" | "boolean" | "time", _) => false,
        _ => return compound(value, kind, path, faults),
    };
    if !is_right {
        faults.push(format!("{path}: {value} is not {kind}"));
    }
}

fn compound(value: &Value, kind: &str, path: &str, faults: &mut Vec<String>) {
    let inside = |open: char, close: char| kind.strip_prefix(open)?.strip_suffix(close);
    if let Some(kind) = inside('[', ']') {
        let Some(items) = value.as_array() else { return faults.push(format!("{path}: {value} is not a list")) };
        return items.iter().for_each(|item| fits(item, kind, path, faults));
    }
    let Some(object) = value.as_object() else { return faults.push(format!("{path}: {value} is not an object")) };
    let Some(fields) = inside('{', '}') else {
        return match shapes().get(kind) {
            Some(shape) => one(value, shape, true, path, faults),
            None => faults.push(format!("{path}: {kind} is not a type")),
        };
    };
    if let Some(kind) = fields.strip_prefix("*: ") {
        return object.values().for_each(|value| fits(value, kind, path, faults));
    }
    let kinds = parts(fields);
    same_names(object, &kinds.iter().map(|(name, _)| name.clone()).collect(), false, path, faults);
    for (name, kind) in kinds {
        fits(&object.get(&name).cloned().unwrap_or_default(), &kind, &format!("{path}.{name}"), faults);
    }
}

/// `a: T, b: {c: T, d: T}` as two names with their types.
pub fn parts(fields: &str) -> Vec<(String, String)> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in fields.chars() {
        depth += match c {
            '{' | '[' => 1,
            '}' | ']' => -1,
            _ => 0,
        };
        match (c, depth) {
            (',', 0) => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    let named = |part: &String| part.trim().split_once(": ").map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    parts.iter().filter_map(named).collect()
}
