//! What a refusal means for the address: a status code says the class, the words of the server say more, and more
//! reliably (many send 5.0.0 or 550 for everything).

use super::Outcome;
use crate::mail::words;

/// What words tell, whatever the status code is. Many recipients may share the words, which are read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    about_the_message: bool,
    no_such_address: bool,
    permanent: bool,
}

impl Said {
    /// What these words tell.
    pub fn by(words: &str) -> Said {
        // Some gateways begin every refusal so, before they cite the server.
        let said = words::plain(words).replace("unknown address error", "");
        Said {
            about_the_message: words::ABOUT_THE_MESSAGE.are_in(&said),
            no_such_address: words::NO_SUCH_ADDRESS.are_in(&said),
            permanent: said.contains("permanent error"),
        }
    }

    /// The class of a failed delivery by status code and words.
    pub fn outcome(self, status: &str) -> Outcome {
        let surely_soft = self.about_the_message;
        match parts(status) {
            (4, ..) | (5, 2, 2) | (5, 3, 4) => Outcome::Soft,
            (5, 1, 1 | 2 | 3 | 4 | 6 | 10) if !surely_soft => Outcome::Hard,
            (5, 1, 7 | 8) => Outcome::Soft,
            _ if !surely_soft && self.no_such_address => Outcome::Hard,
            (5, 4, 4) if !surely_soft => Outcome::Hard,
            // Without a code and a reason the system's own word has to do.
            (0, ..) if !surely_soft && self.permanent => Outcome::Hard,
            _ => Outcome::Soft,
        }
    }
}

fn parts(status: &str) -> (u32, u32, u32) {
    let mut numbers = status.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
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
