//! Phrases that programs and mail systems write, one a line in `words/`, in lower case: to know another one is a line
//! there and a row in a test.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

/// A list of phrases.
pub(in crate::mail) struct Phrases(&'static str, OnceLock<Index>);

/// Phrases by their first two characters; one of a single character is found where it is all there is.
type Index = HashMap<u64, Vec<&'static str>, BuildHasherDefault<Mixed>>;

impl Phrases {
    /// Where the first of them begins in a text in lower case, as words of it: ` … ` in a phrase stands for a few words
    /// more, and a short phrase is a whole word.
    pub fn first_in(&'static self, text: &str) -> Option<usize> {
        self.all_in(text).next().map(|(at, _)| at)
    }

    /// Those that a text in lower case holds as words, with where each begins.
    pub fn all_in<'t>(&'static self, text: &'t str) -> impl Iterator<Item = (usize, &'static str)> + use<'t> {
        self.starts(text).filter(|(at, phrase)| {
            let (before, rest) = text.split_at_checked(*at).unwrap_or((text, ""));
            let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            !(is_letter(before.chars().next_back()) && is_letter(rest.chars().next())) && begins_with(rest, phrase)
        })
    }

    /// Whether a text in lower case holds one of them.
    pub fn are_in(&'static self, text: &str) -> bool {
        self.starts(text).any(|(at, phrase)| text.get(at..).is_some_and(|rest| rest.starts_with(phrase)))
    }

    /// Whether a text in lower case is one of them.
    pub fn have(&'static self, text: &str) -> bool {
        self.at(text).contains(&text)
    }

    /// Whether a text in lower case begins with one of them.
    pub fn begin(&'static self, text: &str) -> bool {
        self.beginnings(text).next().is_some()
    }

    /// Those that a text in lower case begins with.
    pub fn beginnings<'t>(&'static self, text: &'t str) -> impl Iterator<Item = &'static str> + use<'t> {
        self.at(text).iter().copied().filter(move |phrase| text.starts_with(phrase))
    }

    /// Those that begin like the text.
    fn at(&'static self, text: &str) -> &'static [&'static str] {
        let index = self.1.get_or_init(|| index(self.0));
        index.get(&key(text)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The places of a text at which phrases may begin.
    fn starts<'t>(&'static self, text: &'t str) -> impl Iterator<Item = (usize, &'static str)> + use<'t> {
        let places = text.char_indices().map(move |(at, _)| (at, self.at(text.get(at..).unwrap_or_default())));
        places.flat_map(|(at, phrases)| phrases.iter().map(move |phrase| (at, *phrase)))
    }
}

/// The first two characters.
fn key(text: &str) -> u64 {
    let mut chars = text.chars().map(u64::from);
    let first = chars.next().unwrap_or_default();
    first << 32 | chars.next().unwrap_or_default()
}

/// Two characters are spread well enough by a product.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
}

/// Letters up to which a phrase may be only the beginning of other words.
const SHORT: usize = 4;
/// Bytes that the words in the place of ` … ` may have.
const GAP: usize = 80;

fn index(phrases: &'static str) -> Index {
    let mut index = Index::default();
    for phrase in phrases.lines() {
        index.entry(key(phrase)).or_default().push(phrase);
    }
    index
}

/// Whether a text begins with a phrase. ` … ` in it stands for a few words more, and a short one is a whole word.
fn begins_with(text: &str, phrase: &str) -> bool {
    let (first, more) = phrase.split_once(" … ").unwrap_or((phrase, ""));
    let Some(rest) = text.strip_prefix(first) else { return false };
    let is_word = first.len() > SHORT || !first.is_ascii() || !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let gap = rest.get(..rest.floor_char_boundary(GAP)).unwrap_or_default();
    is_word && (more.is_empty() || gap.contains(more))
}

/// A text as phrases are looked for in: lower case, one blank between words, straight apostrophes.
pub(in crate::mail) fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace(['\u{2019}', '\u{2018}'], "'");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(in crate::mail) static $name: Phrases =
            Phrases(include_str!(concat!("phrases/", $file, ".txt")), OnceLock::new());)*

        #[cfg(test)]
        static ALL: &[&Phrases] = &[$(&$name),*];
    };
}

phrases! {
    /// In subjects of delivery reports.
    REPORT_SUBJECTS = "report_subjects";
    /// In texts of delivery reports.
    REPORT_TEXTS = "report_texts";
    /// The same, but in other mail as well.
    REPORT_TEXTS_COMMON = "report_texts_common";
    /// In names and addresses of programs that write nothing but reports.
    MAIL_DAEMONS = "mail_daemons";
    /// In names and addresses of mail systems.
    MAIL_SYSTEMS = "mail_systems";
    /// The same, but of people and shops as well.
    PERHAPS_MAIL_SYSTEMS = "perhaps_mail_systems";
    /// Before a list of recipients in a delivery report.
    BEFORE_RECIPIENTS = "before_recipients";
    /// Before the address of a recipient in the same line.
    BEFORE_ADDRESS = "before_address";
    /// In lines of a delivery report whose addresses are not recipients.
    ABOUT_THE_REPORT = "about_the_report";
    /// Before such an address.
    LABELS_OF_OTHERS = "labels_of_others";
    /// Between a delivery report and the copy of the message, in a ruled line.
    BEFORE_COPY = "before_copy";
    /// The same in a line without a rule.
    BEFORE_COPY_AT_LINE_START = "before_copy_at_line_start";
    /// A delivery that was made.
    DELIVERED = "delivered";
    /// A delivery that is still being tried.
    DELAYS = "delays";
    /// A refusal because the address or its domain does not exist.
    NO_SUCH_ADDRESS = "no_such_address";
    /// Perhaps because of that: only where nothing else is said.
    PERHAPS_NO_SUCH_ADDRESS = "perhaps_no_such_address";
    /// A refusal that concerns the message, the sender, the connection or the state of the mailbox.
    ABOUT_THE_MESSAGE = "about_the_message";
    /// A refusal that may pass by itself.
    TEMPORARY = "temporary";
    /// A refusal that concerns the sender.
    REFUSED_ACCOUNT = "refused_account";
    /// A refusal that concerns what is sent.
    REFUSED_MESSAGE = "refused_message";
    /// What programs call their answers in the subject.
    AUTOMATIC_REPLIES = "automatic_replies";
    /// Subjects of answers that a program gives for somebody who is away.
    AWAY = "away";
    /// Words for an absence that people begin subjects with as well: they count before the subject of our mail alone.
    AWAY_WORDS = "away_words";
    /// Parts of such subjects.
    AWAY_SENTENCES = "away_sentences";
    /// Beginnings of the subjects by which a desk says that it has got a message.
    ACKNOWLEDGEMENTS = "acknowledgements";
    /// Before the subject of a mail that was read.
    READ_RECEIPTS = "read_receipts";
    /// Before the subject of a mail that was deleted unread.
    UNREAD_RECEIPTS = "unread_receipts";
    /// Before the subject of a mail that lies in the mailbox of its recipient.
    DELIVERY_RECEIPTS = "delivery_receipts";
    /// In the text of a receipt for a mail that was deleted unread.
    WITHOUT_BEING_READ = "without_being_read";
    /// What gateways write before a subject, without brackets.
    MARKS_OF_GATEWAYS = "marks_of_gateways";
    /// In the plain text of a mail that has its words in HTML only.
    NO_HTML = "no_html";
    /// Before the sender of a mail that was copied into a text.
    FROM_LABELS = "from_labels";
    /// Before its date.
    DATE_LABELS = "date_labels";
    /// Before its subject.
    SUBJECT_LABELS = "subject_labels";
    /// Before its recipients.
    TO_LABELS = "to_labels";
    /// Before what else is copied of its header.
    OTHER_LABELS = "other_labels";
    /// In the line that announces such a mail.
    BEFORE_FORWARDED = "before_forwarded";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_in_lower_case_and_none_is_empty() {
        for list in ALL {
            let is_plain =
                |phrase: &str| !phrase.is_empty() && phrase.trim() == phrase && phrase.to_lowercase() == phrase;
            assert_eq!(list.0.lines().find(|phrase| !is_plain(phrase)), None);
        }
    }

    #[test]
    fn a_text_holds_begins_with_or_is_a_phrase() {
        static PHRASES: Phrases = Phrases("full\nüber\nx", OnceLock::new());
        for (text, holds, begins, is_one) in [
            ("full", true, true, true),
            ("fuller", true, true, false),
            ("artfully", true, false, false),
            ("ful", false, false, false),
            ("über", true, true, true),
            ("vorüber", true, false, false),
            ("x", true, true, true),
            ("", false, false, false),
        ] {
            let found = (PHRASES.are_in(text), PHRASES.begin(text), PHRASES.have(text));
            assert_eq!(found, (holds, begins, is_one), "{text}");
        }
    }

    #[test]
    fn phrases_begin_with_a_word_and_may_have_a_gap() {
        static PHRASES: Phrases = Phrases("no … account\nspf\nbox is full\nnu\u{e9}", OnceLock::new());
        for (text, at) in [
            ("there is no such account", Some(9)),
            ("casino account", None),
            ("no account", Some(0)),
            (
                "no, we have never heard of him, nor did we find anything that looks like him in our books, account",
                None,
            ),
            ("failed spf check", Some(7)),
            ("spfx", None),
            ("xspf, spf", Some(6)),
            ("mailbox is full, box is full", Some(17)),
            ("menu\u{e9}", None),
        ] {
            assert_eq!(PHRASES.first_in(text), at, "{text}");
        }
    }
}
