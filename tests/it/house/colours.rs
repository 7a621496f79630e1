//! Colours have one table: everything else names what it means.

use super::layers::sources;

#[test]
fn codes_of_colours_are_in_one_file() {
    let codes = ["\\u{1b}[", "\\x1b[", "\u{1b}["];
    for (path, text) in sources() {
        let path = path.display().to_string();
        // The line of progress moves the cursor.
        let is_home = ["ui/tint.rs", "ui/progress.rs"].contains(&path.as_str());
        let is_test = path.ends_with("tests.rs") || path == "ui/safe.rs";
        let found = codes.iter().any(|code| text.contains(code));
        assert!(is_home || is_test || !found, "{path} has codes of a terminal; see ui/tint.rs");
    }
}
