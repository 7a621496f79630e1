//! Where links lead, as numbered lines at the end of a text.

use std::collections::HashMap;

use html5gum::StartTag;

use crate::mail::address::is_unseen;

/// Targets of one text.
const MAX_LINKS: usize = 500;
/// Characters of a target that are shown.
const MAX_TARGET: usize = 2_000;

#[derive(Default)]
pub(super) struct Links {
    /// The link that is open, and where its words begin.
    open: Option<(String, usize)>,
    numbers: HashMap<String, usize>,
    targets: Vec<String>,
}

impl Links {
    pub fn open(&mut self, tag: &StartTag<()>, at: usize) {
        let target = tag.attributes.get(b"href".as_slice()).map(|target| String::from_utf8_lossy(target));
        self.open = target.and_then(|target| shown(&target)).map(|target| (target, at));
    }

    /// Ends the link; the number of its target, unless its words in the text say the same.
    pub fn close(&mut self, text: &str) -> Option<usize> {
        let (target, start) = self.open.take()?;
        let words = text.get(start..).unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == '>');
        if words.is_empty() || says(words, &target) {
            return None;
        }
        if let Some(number) = self.numbers.get(&target) {
            return Some(*number);
        }
        if self.targets.len() == MAX_LINKS {
            return None;
        }
        self.targets.push(target.clone());
        self.numbers.insert(target, self.targets.len());
        Some(self.targets.len())
    }

    pub fn footnotes(&self) -> String {
        let lines = (1..).zip(&self.targets).map(|(number, target)| format!("[{number}] {target}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A target as it is shown: without blanks and line ends, and what is not seen or turns the text around as `%XX`. None
/// for what leads nowhere outside of the mail.
fn shown(target: &str) -> Option<String> {
    let mut shown = String::new();
    let trimmed = target.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    // Browsers drop line ends and tabs inside.
    for c in trimmed.chars().filter(|c| !matches!(c, '\r' | '\n' | '\t')).take(MAX_TARGET) {
        if c.is_whitespace() || is_unseen(c) {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| shown.push_str(&format!("%{byte:02X}")));
        } else {
            shown.push(c);
        }
    }
    if trimmed.chars().nth(MAX_TARGET).is_some() {
        shown.push('…');
    }
    let scheme = shown.split(':').next().filter(|scheme| scheme.len() < shown.len()).unwrap_or_default();
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let leads_nowhere = ["javascript", "vbscript", "data", "cid", "mid", "about", "blob", "x-apple-data-detectors"];
    let leads = match is_scheme {
        true => !leads_nowhere.contains(&scheme.to_ascii_lowercase().as_str()) && shown.len() > scheme.len() + 1,
        false => shown.starts_with("//") || shown.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www.")),
    };
    leads.then_some(shown)
}

/// Whether the words of a link say where it leads.
fn says(words: &str, target: &str) -> bool {
    let starts = |text: &str, with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if starts(target, "tel:") {
        let digits = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>();
        return digits(words) == digits(target);
    }
    let bare = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.trim_matches(['<', '>', '(', ')', '[', ']']).to_lowercase();
        let text = match text.strip_prefix("mailto:") {
            Some(address) => address.split('?').next().unwrap_or_default(),
            None => ["https://", "http://", "//"].iter().find_map(|start| text.strip_prefix(start)).unwrap_or(&text),
        };
        text.strip_prefix("www.").unwrap_or(text).trim_end_matches('/').to_owned()
    };
    bare(words) == bare(target)
}
