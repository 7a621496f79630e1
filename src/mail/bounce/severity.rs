//! What a refusal means for the address: the words of the server say more than its code, and more reliably (many send
//! 5.0.0 or 550 for everything); a code that says something decides where the words do not.

use super::Outcome;
use crate::mail::phrases;

/// Bytes of the words about one recipient that are looked at.
const MAX: usize = 2_000;

/// What words tell, with any status code. Many recipients may share the words, which are read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    about_the_message: bool,
    no_such_address: bool,
    perhaps_no_such_address: bool,
    temporary: bool,
    permanent: bool,
    /// The status code in them, which is the server's own: (0, 0, 0) = none, or one that says nothing.
    code: Code,
}

type Code = (u32, u32, u32);

impl Said {
    /// What these words tell.
    pub fn by(words: &str) -> Said {
        let words = words.get(..words.floor_char_boundary(MAX)).unwrap_or(words);
        // Some gateways begin every refusal so, before they cite the server.
        let said = phrases::plain(&without_names(words)).replace("unknown address error", "");
        let about_the_message = phrases::ABOUT_THE_MESSAGE.first_in(&said);
        let no_such_address = phrases::NO_SUCH_ADDRESS.first_in(&said);
        // What is said first is the reason, the rest explains it.
        let is_first = |one: Option<usize>, other: Option<usize>| one.is_some_and(|at| other.is_none_or(|o| at <= o));
        Said {
            about_the_message: is_first(about_the_message, no_such_address),
            no_such_address: no_such_address.is_some(),
            perhaps_no_such_address: phrases::PERHAPS_NO_SUCH_ADDRESS.first_in(&said).is_some(),
            temporary: phrases::TEMPORARY.are_in(&said) || replies_later(words),
            permanent: said.contains("permanent error"),
            code: status_in(words).map_or((0, 0, 0), |status| code(&status)),
        }
    }

    /// The same where the words about a recipient are there and say nothing that is known: then what a mail system says of all
    /// its reports does not count.
    pub fn without_boilerplate(self) -> Said {
        Said { permanent: false, ..self }
    }

    /// Whether they give a reason at all.
    pub fn says_why(self) -> bool {
        self.about_the_message || self.no_such_address || self.perhaps_no_such_address || self.temporary
    }

    /// The class of a failed delivery by status code and words.
    pub fn outcome(self, status: &str) -> Outcome {
        let of_words = Some(self.code).filter(|code| says_something(*code));
        let code = of_words.unwrap_or_else(|| code(status));
        let no_such_code = matches!(code, (5, 1, 1 | 2 | 3 | 4 | 6 | 10));
        let hard = match code {
            (4, ..) | (5, 1, 7 | 8) | (5, 2, 2 | 3) | (5, 3, 4) => false,
            _ if self.no_such_address && no_such_code => true,
            _ if self.about_the_message || self.temporary => false,
            _ if self.no_such_address || no_such_code => true,
            (5, 7, _) | (5, 2, 1) => false,
            _ if self.perhaps_no_such_address => true,
            (5, 4, 4) => true,
            // Without a code and a reason the system's own word has to do.
            (0, ..) => self.permanent,
            _ => false,
        };
        if hard { Outcome::Hard } else { Outcome::Soft }
    }
}

fn code(status: &str) -> Code {
    let mut numbers = status.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

fn says_something(code: Code) -> bool {
    !matches!(code, (0, ..) | (_, 0, 0))
}

/// Whether the only reply code is one of those that may pass (RFC 5321 4.2.1).
fn replies_later(words: &str) -> bool {
    let codes = || words.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).filter(|word| word.len() == 3);
    codes().any(|code| matches!(code, "421" | "450" | "451" | "452"))
        && !codes().any(|code| matches!(code, "550" | "551" | "552" | "553" | "554"))
}

/// The words without addresses, links and names of hosts, whose words say nothing: `spam.gate.example said`.
fn without_names(words: &str) -> String {
    let is_host = |word: &str| {
        let is_label = |label: &str| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let name = word
            .trim_end_matches(['.', ',', ':', ';', ')', '\'', '"', ']', '>'])
            .trim_start_matches(['(', '[', '\'', '"', '<']);
        let host = name.split(['[', '(', '/', ':']).next().unwrap_or_default();
        host.contains('.') && host.split('.').all(is_label) && host.ends_with(|c: char| c.is_ascii_alphabetic())
    };
    // `<kim@x.example>...User unknown` is one word.
    let is_address = |word: &str| word.contains('@') && !word.contains("...");
    let says = |word: &&str| !is_address(word) && !word.contains("://") && !is_host(word);
    words.split_whitespace().filter(says).map(|word| word.replace('_', " ")).collect::<Vec<_>>().join(" ")
}

/// The first enhanced status code in a text (RFC 3463 2), the most telling one: `5.0.0` only where there is no other.
pub(super) fn status_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let codes = || words.clone().map(|word| word.trim_matches('.')).filter(|word| is_status(word));
    codes().find(|code| !code.ends_with(".0.0")).or_else(|| codes().next()).map(str::to_owned)
}

fn is_status(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts.as_slice(), ["4" | "5", subject, detail]
        if [subject, detail].iter().all(|part| (1..=3).contains(&part.len())) && subject.len() == 1)
}
