//! Why a recipient did not get the message, in the words of the report: the lines about it, else what the whole text says.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::addresses::addresses;
use crate::mail::bounce::severity::{self, Said};
use crate::mail::bounce::{self, Outcome};

/// Lines after an address that may say why.
const REASON_LINES: usize = 8;
/// Lines of a report among which the one that says why is looked for.
const MAX_LINES: usize = 200;

/// What a report says of a recipient, read once however many share it.
#[derive(Debug)]
pub(in crate::mail::bounce) struct Why {
    /// What the words tell.
    pub said: Said,
    /// By the status code and the words.
    pub outcome: Outcome,
    /// Enhanced status code; may be empty.
    pub status: String,
    /// The words, in one line.
    pub diagnostic: String,
}

/// The text of a report, and what has been read out of it.
pub(in crate::mail::bounce) struct Reasons<'a> {
    text: &'a str,
    pub lines: Vec<&'a str>,
    /// The whole text as the reason of those whom nothing else is said about.
    whole: OnceCell<Rc<Why>>,
    /// The first status code in it, for words that have none.
    status: OnceCell<Option<String>>,
    /// The first line that names each address, and the lines that name any.
    named: OnceCell<(HashMap<String, usize>, Vec<usize>)>,
    /// The reasons that were asked for, by their first line.
    known: RefCell<HashMap<usize, Rc<Why>>>,
}

impl<'a> Reasons<'a> {
    /// The reasons in the words for people.
    pub fn of(text: &'a str) -> Reasons<'a> {
        let lines = text.lines().collect();
        let (whole, status, named) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Reasons { text, lines, whole, status, named, known: RefCell::default() }
    }

    /// What is said of a recipient, by any of its addresses.
    pub fn about(&self, of: &[&str]) -> Rc<Why> {
        let (first, lines) = self.named.get_or_init(|| self.named());
        let Some(start) = of.iter().find_map(|address| first.get(&address.to_lowercase()).copied()) else {
            return self.whole();
        };
        let next = lines.partition_point(|n| *n <= start);
        self.between(start, lines.get(next).copied().unwrap_or(usize::MAX))
    }

    fn named(&self) -> (HashMap<String, usize>, Vec<usize>) {
        let (mut first, mut all) = (HashMap::new(), Vec::new());
        for (n, line) in self.lines.iter().enumerate() {
            for address in addresses(line) {
                first.entry(address.to_lowercase()).or_insert_with(|| {
                    all.push(n);
                    n
                });
            }
        }
        all.dedup();
        (first, all)
    }

    /// The lines from a recipient to the next one; where they say nothing, the whole text.
    pub fn between(&self, start: usize, end: usize) -> Rc<Why> {
        if let Some(known) = self.known.borrow().get(&start) {
            return Rc::clone(known);
        }
        let own: Vec<&str> = self.lines.iter().take(end).skip(start).take(REASON_LINES).copied().collect();
        let own = own.join("\n");
        let why = match own.split_whitespace().nth(2).map(|_| self.why(&own)) {
            None => self.whole(),
            Some(why) if why.said.says_why() || severity::status_in(&own).is_some() => Rc::new(why),
            // They are words all the same.
            Some(why) => {
                let whole = self.whole();
                let said = whole.said.without_boilerplate();
                let diagnostic = if said.says_why() { whole.diagnostic.clone() } else { why.diagnostic };
                Rc::new(Why { said, outcome: said.outcome(&whole.status), status: whole.status.clone(), diagnostic })
            }
        };
        self.known.borrow_mut().insert(start, Rc::clone(&why));
        why
    }

    fn why(&self, words: &str) -> Why {
        let first = || self.status.get_or_init(|| severity::status_in(self.text)).clone();
        let status = severity::status_in(words).or_else(first).unwrap_or_default();
        let said = Said::by(words);
        Why { said, outcome: said.outcome(&status), status, diagnostic: bounce::diagnostic(words) }
    }

    fn whole(&self) -> Rc<Why> {
        let read = || {
            let whole = self.why(self.text);
            let line = self.lines.iter().take(MAX_LINES).find(|line| Said::by(line).says_why());
            let diagnostic = line.map_or_else(|| whole.diagnostic.clone(), |line| bounce::diagnostic(line));
            Rc::new(Why { diagnostic, ..whole })
        };
        Rc::clone(self.whole.get_or_init(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_for_all_whom_it_says_nothing_else_about() {
        let reasons = Reasons::of("delivery failed\na@customer.example\nb@customer.example\n");
        let (first, second) = (reasons.between(1, 2), reasons.between(2, 3));
        assert!(Rc::ptr_eq(&first, &second), "{first:?} {second:?}");
    }
}
