//! What a query asks the full-text index for, before it is put for an engine.

use super::Test;
use crate::query::Words;
use crate::words;

/// What the texts of a row are to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Words side by side in one text, of which the last may go on; of none nothing is found. A word alone may also be the
    /// key of a number: keys stand beside nothing.
    Words {
        words: Vec<String>,
        begins: bool,
    },
    All(Vec<Wanted>),
    Any(Vec<Wanted>),
}

impl Wanted {
    /// What a term asks for, if it is one for the full-text index.
    pub fn of_test(test: &Test) -> Option<Wanted> {
        let word = |text: &str| Wanted::of_words(&Words { text: text.to_owned(), begins: false });
        match test {
            Test::Words(words) => Some(Wanted::of_words(words)),
            Test::Number(text) => {
                let apart = text.split(' ').map(word).collect();
                Some(Wanted::Any(vec![Wanted::All(apart), word(text)]))
            }
            _ => None,
        }
    }

    fn of_words(words: &Words) -> Wanted {
        let sought = words::sought(&words.text, words.begins);
        let phrase = Wanted::Words { words: sought.phrase, begins: sought.begins };
        if sought.keys.is_empty() {
            return phrase;
        }
        let keys = sought.keys.into_iter().map(|key| Wanted::Words { words: vec![key], begins: words.begins });
        Wanted::Any([phrase].into_iter().chain(keys).collect())
    }
}
