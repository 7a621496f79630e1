//! Messages that are easily read wrongly (`tests/reading/README.md`), read by the program (B12.1).

use std::path::Path;

use serde_json::Value;

use crate::support::Sandbox;

/// Whether a field is as it should be.
fn is_right(field: &str, shown: &Value, right: &Value, others: Option<&Value>) -> bool {
    let flat = |text: &Value| text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match field {
        "text" => {
            let others = others.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            std::iter::once(right).chain(others).any(|right| flat(right) == flat(shown))
        }
        "attachments" => {
            let (right, shown) = (right.as_array().unwrap(), shown.as_array().unwrap());
            let names = |list: &Value| -> Vec<Value> {
                list.as_array().unwrap().iter().map(|file| file.get("name").unwrap_or(file).clone()).collect()
            };
            let contents = |right: &Value, shown: &Value| {
                right.get("contents").is_none_or(|right| names(right) == names(&shown["contents"]))
            };
            right.len() == shown.len()
                && right
                    .iter()
                    .zip(shown)
                    .all(|(right, shown)| right["name"] == shown["name"] && contents(right, shown))
        }
        // Only what is named counts, and recipients in any order.
        "bounce" => right.as_object().unwrap().iter().all(|(field, right)| match field.as_str() {
            "recipients" => sorted(&shown[field]) == sorted(right),
            _ => &shown[field] == right,
        }),
        _ => shown == right,
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let mut all: Vec<String> = list.as_array().into_iter().flatten().map(ToString::to_string).collect();
    all.sort();
    all
}

#[test]
fn messages_are_read_rightly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
    files.sort();
    assert!(files.len() > 250, "{} files", files.len());
    let names: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let run = Sandbox::new().run(&[&["--format", "ndjson", "email", "show"], &names[..]].concat()).ok();
    let shown: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown.len(), files.len());
    let mut wrong = Vec::new();
    for (file, shown) in files.iter().zip(&shown) {
        let golden: Value = serde_json::from_slice(&std::fs::read(file.with_extension("json")).unwrap()).unwrap();
        let right = golden["right"].as_object().unwrap();
        for (field, right_value) in right.iter().filter(|(field, _)| *field != "text_or") {
            if !is_right(field, &shown[field], right_value, right.get("text_or")) {
                let name = file.file_stem().unwrap().to_string_lossy();
                wrong.push(format!("{name}: {field} is {}, not {right_value}", shown[field]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
