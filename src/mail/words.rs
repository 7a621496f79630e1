//! Phrases that programs and mail systems write, one a line in `words/`, in lower case: to know another one is a line
//! there and a row in a test.

/// A list of phrases.
pub(in crate::mail) struct Phrases(&'static str);

impl Phrases {
    /// The first phrase that a text in lower case holds.
    pub fn find(&self, text: &str) -> Option<&'static str> {
        self.0.lines().find(|phrase| text.contains(phrase))
    }

    /// Whether a text in lower case holds one of them.
    pub fn are_in(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// Whether a text in lower case is one of them.
    pub fn have(&self, text: &str) -> bool {
        self.0.lines().any(|phrase| phrase == text)
    }

    /// Whether a text in lower case begins with one of them.
    pub fn begin(&self, text: &str) -> bool {
        self.0.lines().any(|phrase| text.starts_with(phrase))
    }
}

/// A text as phrases are looked for in: lower case, one blank between words.
pub(in crate::mail) fn plain(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(in crate::mail) const $name: Phrases = Phrases(include_str!(concat!("words/", $file, ".txt")));)*
    };
}

phrases! {
    /// In subjects of delivery reports.
    REPORT_SUBJECTS = "report_subjects";
    /// In texts of delivery reports.
    REPORT_TEXTS = "report_texts";
    /// In names and addresses of mail systems.
    MAIL_SYSTEMS = "mail_systems";
    /// Before a list of recipients in a delivery report.
    BEFORE_RECIPIENTS = "before_recipients";
    /// Between a delivery report and the copy of the message, in a ruled line.
    BEFORE_COPY = "before_copy";
    /// The same in a line without a rule.
    BEFORE_COPY_AT_LINE_START = "before_copy_at_line_start";
    /// A delivery that is still being tried.
    DELAYS = "delays";
    /// A refusal because the address or its domain does not exist.
    NO_SUCH_ADDRESS = "no_such_address";
    /// A refusal that concerns the message, whatever else it says.
    ABOUT_THE_MESSAGE = "about_the_message";
    /// A refusal that concerns whoever sends.
    REFUSED_ACCOUNT = "refused_account";
    /// A refusal that concerns what is sent.
    REFUSED_MESSAGE = "refused_message";
    /// Subjects of answers that a program gives for somebody who is away.
    AWAY = "away";
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
        let all =
            [REPORT_SUBJECTS, REPORT_TEXTS, MAIL_SYSTEMS, BEFORE_RECIPIENTS, BEFORE_COPY, BEFORE_COPY_AT_LINE_START];
        let labels = [FROM_LABELS, DATE_LABELS, SUBJECT_LABELS, TO_LABELS, OTHER_LABELS, BEFORE_FORWARDED];
        for list in all.into_iter().chain([DELAYS, NO_SUCH_ADDRESS, ABOUT_THE_MESSAGE, AWAY, NO_HTML]).chain(labels) {
            assert!(list.0.lines().all(|phrase| !phrase.is_empty() && phrase.to_lowercase() == phrase), "{}", list.0);
        }
    }
}
