//! Which letters are the same for a search, and where words begin: text in, words out.
//!
//! The full-text index and queries are made of the same words, so any database can hold the index: it compares whole words,
//! beginnings of words and words side by side, and knows no language.
//!
//! 1. [`fold`] takes away what people do not type: case, accents, width, ligatures, invisible characters.
//! 2. Letters and digits next to each other are a word. In scripts without blanks between words (and in Korean, whose words
//!    end in many ways), each character is a word together with the next one, so words side by side are any part of a
//!    sentence ([`pieces`]).
//! 3. A number is found in each way in which people write it, by a key without its separators ([`number`]).

mod fold;
pub mod number;
mod pieces;
#[cfg(test)]
mod tests;

pub use fold::fold;

/// The words of a text, as an index takes them.
#[derive(Debug, Default)]
pub struct Indexed {
    /// One text for each part, its words joined by blanks.
    pub parts: Vec<String>,
    /// Keys of the numbers of all parts, joined by blanks.
    pub numbers: String,
}

/// Makes words of the parts of a document.
pub fn index<T: AsRef<str>>(parts: &[T]) -> Indexed {
    let mut indexed = Indexed::default();
    let mut keys = std::collections::BTreeSet::new();
    for part in parts {
        let folded = fold(part.as_ref());
        let mut words = String::with_capacity(folded.len());
        pieces::push(&folded, &mut words);
        number::collect(&folded, &mut keys);
        indexed.parts.push(words);
    }
    indexed.numbers = keys.into_iter().collect::<Vec<_>>().join(" ");
    indexed
}

/// What the index is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// Words that stand side by side; of none nothing is found.
    pub phrase: Vec<String>,
    /// The last of them may go on.
    pub begins: bool,
    /// Other words, each of which will do: keys of the number that the phrase is.
    pub keys: Vec<String>,
}

/// What finds a text that somebody typed: one word or several side by side, of which the last may go on.
pub fn sought(text: &str, begins: bool) -> Sought {
    let folded = fold(text);
    let (phrase, is_open) = pieces::sought(&folded);
    let keys = number::keys(&folded);
    let keys = match begins {
        // The key goes on like the word.
        true => keys.into_iter().take(1).filter(|key| key.chars().all(|c| c.is_ascii_alphanumeric())).collect(),
        false => keys,
    };
    let keys = keys.into_iter().filter(|key| phrase.len() != 1 || !phrase.contains(key)).collect();
    Sought { phrase, begins: begins || is_open, keys }
}

/// Whether it is one number and nothing else.
pub fn is_number(text: &str) -> bool {
    !number::keys(&fold(text)).is_empty()
}

/// Whether there is a word in it.
pub fn any(text: &str) -> bool {
    pieces::any(&fold(text))
}
