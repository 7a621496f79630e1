//! Lists cut into answers of bearable size, and LIST lines read.

use super::folder_name;
use crate::net::{ListedFolder, NetError, NetErrorKind};

/// Messages that one listing may have.
pub(super) const ROWS_MAX: usize = 4_000_000;
/// Messages that are listed with one command.
const ROWS: u32 = 50_000;
/// A listing never takes more commands than this, however sparse the UIDs are.
const COMMANDS: u32 = 64;
/// Messages whose UIDs fit into one line of a SEARCH answer.
const FOUND: u32 = 300_000;

/// UID sets that cover `first` and all after it.
pub(super) fn uid_ranges(first: u32, uidnext: Option<u32>, exists: u32) -> Vec<String> {
    let span = uidnext.map_or(0, |next| next.saturating_sub(first));
    let step = (span / COMMANDS + 1).max(ROWS);
    let mut ranges = Vec::new();
    let mut low = first;
    while exists > ROWS && uidnext.is_some_and(|next| next.saturating_sub(low) > step) {
        ranges.push(format!("{low}:{}", low.saturating_add(step - 1)));
        low = low.saturating_add(step);
    }
    ranges.push(format!("{low}:*"));
    ranges
}

/// Sequence ranges (with a space) for SEARCH over a folder of `exists` messages; nothing when one answer will do.
/// The last come first: what is expunged meanwhile moves the others down, into ranges that are still to come.
pub(super) fn search_ranges(exists: u32) -> Vec<String> {
    let step = (exists / COMMANDS + 1).max(FOUND);
    let mut ranges = Vec::new();
    let mut high = exists;
    while high > step {
        let end = if high == exists { "*".to_owned() } else { high.to_string() };
        ranges.push(format!("{}:{end} ", high - step + 1));
        high -= step;
    }
    ranges.push(if ranges.is_empty() { String::new() } else { format!("1:{high} ") });
    ranges
}

/// The UIDs of `* SEARCH 4 7 9`; `None` when it is another line.
pub(super) fn found(line: &[u8]) -> Option<Result<Vec<u32>, NetError>> {
    let text = std::str::from_utf8(line).ok()?.trim_ascii_end();
    let (head, numbers) = text.split_at_checked("* SEARCH".len())?;
    if !head.eq_ignore_ascii_case("* SEARCH") || !(numbers.is_empty() || numbers.starts_with(' ')) {
        return None;
    }
    let uids: Result<Vec<u32>, _> = numbers.split_ascii_whitespace().map(str::parse).collect();
    Some(uids.map_err(|_| NetError::new(NetErrorKind::Protocol, "the server found something that is no UID")))
}

/// The error of a list that will not end.
pub(super) fn too_many() -> NetError {
    NetError::new(NetErrorKind::Protocol, format!("the server lists more than {ROWS_MAX} messages"))
}

/// Reads `* LIST (\HasNoChildren \Sent) "/" "Sent Items"`.
pub(super) fn folder(line: &str) -> Option<ListedFolder> {
    let rest = line.strip_prefix("* ")?.split_once(' ')?;
    let (attributes, rest) = rest.1.trim_start().strip_prefix('(')?.split_once(')')?;
    let (_delimiter, rest) = string(rest.trim_start())?;
    let (name, _) = string(rest.trim_start())?;
    let has = |wanted: &str| attributes.split(' ').any(|attribute| attribute.eq_ignore_ascii_case(wanted));
    let uses = ["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"];
    Some(ListedFolder {
        name: folder_name::decode(&name),
        special_use: uses.into_iter().find(|name| has(name)).map(str::to_owned),
        selectable: !has("\\Noselect") && !has("\\NonExistent"),
    })
}

/// A quoted string or an atom, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (atom, rest) = text.split_at_checked(text.find(' ').unwrap_or(text.len()))?;
        return (!atom.is_empty()).then(|| (atom.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '"' => return Some((value, quoted.get(at + 1..)?)),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn list_lines() {
        let folder_of = |name: &str, use_: Option<&str>, selectable| {
            Some(ListedFolder { name: name.into(), special_use: use_.map(str::to_owned), selectable })
        };
        for (line, expected) in [
            (r#"* LIST (\HasNoChildren) "." INBOX"#, folder_of("INBOX", None, true)),
            (r#"* LIST (\HasNoChildren \sent) "/" "Sent Items""#, folder_of("Sent Items", Some("\\Sent"), true)),
            (r#"* LIST (\Noselect) NIL "a \"b\" \\c""#, folder_of(r#"a "b" \c"#, None, false)),
            (r#"* LIST () "/" "Entw&APw-rfe" ("X" (1))"#, folder_of("Entwürfe", None, true)),
            (r#"* LIST (\Trash "/" x"#, None),
            (r#"* LIST () "/" "open"#, None),
        ] {
            assert_eq!(folder(line), expected, "{line}");
        }
    }

    #[test]
    fn search_lines() {
        for (line, uids) in [
            ("* SEARCH 4 7 9\r\n", Some(Some(vec![4, 7, 9]))),
            ("* search\r\n", Some(Some(vec![]))),
            ("* SEARCH 4 x\r\n", Some(None)),
            ("* SEARCH 99999999999\r\n", Some(None)),
            ("* SEARCHED 4\r\n", None),
            ("* 4 EXISTS\r\n", None),
        ] {
            assert_eq!(found(line.as_bytes()).map(Result::ok), uids, "{line}");
        }
    }

    #[test]
    fn listings_are_cut_when_the_folder_is_large() {
        assert_eq!(uid_ranges(5, Some(900_000), 50_000), ["5:*"]);
        assert_eq!(uid_ranges(5, None, 900_000), ["5:*"]);
        assert_eq!(uid_ranges(1, Some(100_002), 100_001), ["1:50000", "50001:100000", "100001:*"]);
        assert!(uid_ranges(1, Some(u32::MAX), u32::MAX).len() <= 65);
    }

    #[test]
    fn searches_go_down_and_cover_everything() {
        assert_eq!(search_ranges(0), [""]);
        assert_eq!(search_ranges(300_000), [""]);
        assert_eq!(search_ranges(650_000), ["350001:* ", "50001:350000 ", "1:50000 "]);
        assert!(search_ranges(u32::MAX).len() <= 65);
    }
}
