//! Lists cut into answers of bearable size, and LIST lines read.

use super::folder_name;
use crate::net::guard::{number, possible_uid};
use crate::net::{ListedFolder, NetError, NetErrorKind};

/// Messages that one listing may have.
pub(super) const ROWS_MAX: usize = 4_000_000;
/// Messages that are listed with one command.
const ROWS: u32 = 50_000;
/// A listing never takes more commands than this, however sparse the UIDs are.
const COMMANDS: u32 = 64;
/// Messages whose UIDs fit into one line of a SEARCH answer.
const FOUND: u32 = 300_000;
/// Maximum number of messages that a search finds …
const FOUND_MAX: usize = 3_000_000;
/// … and at most this number more than there were when the folder was opened.
const ARRIVING: usize = 100_000;
/// Folders that one account may have.
const FOLDERS_MAX: usize = 50_000;

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

/// The UIDs that a search has found, as its lines come: each once, and never more than a folder can have.
#[derive(Debug, Default)]
pub(super) struct Found {
    uids: Vec<u32>,
    most: usize,
    /// The server has answered, if only that there is nothing.
    pub(super) answered: bool,
}

impl Found {
    /// A search in a folder of `exists` messages; some more may come meanwhile.
    pub(super) fn new(exists: u32) -> Found {
        let most = usize::try_from(exists).unwrap_or(usize::MAX).saturating_add(ARRIVING).min(FOUND_MAX);
        Found { most, ..Found::default() }
    }

    /// Takes `* SEARCH 4 7 9`; any other line is none of its business.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<(), NetError> {
        const HEAD: &[u8] = b"* SEARCH";
        let Some((head, numbers)) = line.trim_ascii_end().split_at_checked(HEAD.len()) else { return Ok(()) };
        if !head.eq_ignore_ascii_case(HEAD) || !(numbers.is_empty() || numbers.starts_with(b" ")) {
            return Ok(());
        }
        self.answered = true;
        for word in numbers.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
            let number = number(word).filter(|number| *number <= u64::from(u32::MAX));
            let number = number
                .ok_or_else(|| NetError::new(NetErrorKind::Protocol, "the server found something that is not a UID"))?;
            self.uids.extend(possible_uid(number));
            if self.uids.len() > self.most.saturating_mul(2) {
                self.settle()?;
            }
        }
        Ok(())
    }

    /// All of them, ascending.
    pub(super) fn uids(mut self) -> Result<Vec<u32>, NetError> {
        self.settle()?;
        Ok(self.uids)
    }

    fn settle(&mut self) -> Result<(), NetError> {
        self.uids.sort_unstable();
        self.uids.dedup();
        let words = || format!("the server finds more than {} messages", self.most);
        if self.uids.len() > self.most { Err(NetError::new(NetErrorKind::Protocol, words())) } else { Ok(()) }
    }
}

/// The error of a list that will not end.
pub(super) fn too_many() -> NetError {
    NetError::new(NetErrorKind::Protocol, format!("the server lists more than {ROWS_MAX} messages"))
}

/// The folders of LIST lines, as they come.
pub(super) fn take_folder(line: &[u8], folders: &mut Vec<ListedFolder>) -> Result<(), NetError> {
    folders.extend(folder(&String::from_utf8_lossy(line)));
    if folders.len() > FOLDERS_MAX {
        let words = format!("the server lists more than {FOLDERS_MAX} folders");
        return Err(NetError::new(NetErrorKind::Protocol, words));
    }
    Ok(())
}

/// Reads `* LIST (\HasNoChildren \Sent) "/" "Sent Items"`.
pub(super) fn folder(line: &str) -> Option<ListedFolder> {
    let (keyword, rest) = line.strip_prefix("* ")?.split_once(' ')?;
    let list = Some(rest).filter(|_| keyword.eq_ignore_ascii_case("LIST"))?;
    let (attributes, rest) = list.trim_start().strip_prefix('(')?.split_once(')')?;
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
pub(super) fn string(text: &str) -> Option<(String, &str)> {
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
            (r#"* NAMESPACE (("INBOX." ".")) NIL NIL"#, None),
        ] {
            assert_eq!(folder(line), expected, "{line}");
        }
    }

    #[test]
    fn search_lines() {
        for (line, answered, uids) in [
            ("* SEARCH 9 4 7 4", true, Some(vec![4, 7, 9])),
            ("* search", true, Some(vec![])),
            ("* SEARCH 0 4294967295 8 ", true, Some(vec![8])),
            ("* SEARCH 4 x", true, None),
            ("* SEARCH 99999999999", true, None),
            ("* SEARCHED 4", false, Some(vec![])),
            ("* 4 EXISTS", false, Some(vec![])),
        ] {
            let mut found = Found::new(5);
            let taken = found.take(line.as_bytes());
            assert_eq!(found.answered, answered, "{line}");
            assert_eq!(taken.and_then(|()| found.uids()).ok(), uids, "{line}");
        }
    }

    #[test]
    fn a_search_takes_no_more_memory_than_the_folder_has_messages() {
        let ones = "* SEARCH".to_owned() + &" 1".repeat(1_000_000);
        let mut found = Found::new(5);
        for _ in 0..4 {
            found.take(ones.as_bytes()).unwrap();
        }
        assert!(found.uids.capacity() <= 1 << 18, "{}", found.uids.capacity());
        assert_eq!(found.uids(), Ok(vec![1]));
        let mut found = Found::new(5);
        let all = (1..=300_000).fold("* SEARCH".to_owned(), |line, uid| line + " " + &uid.to_string());
        let error = found.take(all.as_bytes()).and_then(|()| found.uids()).unwrap_err();
        assert!(error.message.contains("more than 100005"), "{error}");
    }

    #[test]
    fn folders_end_somewhere() {
        let mut folders = Vec::new();
        let line = br#"* LIST () "/" x"#;
        assert!((0..FOLDERS_MAX).all(|_| take_folder(line, &mut folders).is_ok()));
        assert_eq!(take_folder(line, &mut folders).unwrap_err().kind, NetErrorKind::Protocol);
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
