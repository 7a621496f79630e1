//! A regular expression whose cost is bounded, whatever it is and whatever text it meets (promise S6).
//!
//! Only whether it matches is asked, so it runs forwards as an automaton whose states are made as texts ask for them, in
//! [`MAX_STATES`] bytes and no more: an expression such as `a[a-z]{100}b` would need ever new ones on a text made for it,
//! and finds nothing behind the place where they are used up. And it is compiled, which takes longer than to search a
//! letter, only for a text that has its longest fixed piece.

use std::cell::{OnceCell, RefCell};

use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchErrorKind};
use regex_syntax::hir::{Hir, HirKind};

use super::fold::fold;
use super::look::Text;

/// Bytes a compiled expression may take.
const MAX_COMPILED: usize = 128 << 10;
/// Bytes of states made for one text: enough for `invoice.{0,200}overdue`.
const MAX_STATES: usize = 128 << 10;
/// Bytes of a text in which it is searched: a plain piece is found fifty times as fast.
const MAX_SEARCHED: usize = 16 << 10;
/// Steps, states times bytes, where `\b` meets letters outside ASCII, which the automaton cannot judge.
const MAX_STEPS: usize = 512 << 10;
/// Brackets in brackets.
const MAX_NESTING: u32 = 50;

/// An expression that matches somewhere, whatever the case.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    source: String,
    /// What every text has in which it matches, folded; empty where there is no such thing.
    piece: OnceCell<String>,
    machine: OnceCell<Option<RefCell<Machine>>>,
}

#[derive(Debug, Clone)]
struct Machine {
    dfa: DFA,
    cache: Cache,
}

impl Expression {
    /// Nothing is compiled before it is needed.
    pub fn trusted(source: &str) -> Expression {
        Expression { source: source.to_owned(), piece: OnceCell::new(), machine: OnceCell::new() }
    }

    /// Compiles it.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn read(source: &str) -> Result<Expression, String> {
        let machine = Machine::new(source).map_err(|why| format!("the regular expression cannot be used: {why}"))?;
        Ok(Expression { machine: OnceCell::from(Some(RefCell::new(machine))), ..Expression::trusted(source) })
    }

    pub fn matches(&self, text: &Text) -> bool {
        if !text.folded.contains(self.piece.get_or_init(|| fixed_piece(&self.source)).as_str()) {
            return false;
        }
        let machine = self.machine.get_or_init(|| Machine::new(&self.source).ok().map(RefCell::new));
        machine.as_ref().is_some_and(|machine| machine.borrow_mut().matches(&text.shown))
    }
}

impl Machine {
    fn new(source: &str) -> Result<Machine, String> {
        let parsed = syntax::parse_with(source, &syntax(true)).map_err(|e| refusal(&e.to_string()))?;
        let size = thompson::Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_COMPILED));
        let too_large = "it is too large; repeat less, or write [a-z0-9] for \\w";
        let nfa = thompson::Compiler::new().configure(size).build_from_hir(&parsed).map_err(|_| too_large)?;
        let config = Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(MAX_STATES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|e| refusal(&e.to_string()))?;
        Ok(Machine { cache: dfa.create_cache(), dfa })
    }

    fn matches(&mut self, text: &str) -> bool {
        let text = beginning(text, MAX_SEARCHED);
        let found = self.search(text).or_else(|why| match why {
            // Other texts have made states before, and what is found must not depend on them.
            MatchErrorKind::GaveUp { .. } => {
                self.cache.reset(&self.dfa);
                self.search(text)
            }
            other => Err(other),
        });
        match found {
            Ok(found) => found,
            Err(MatchErrorKind::Quit { .. }) => slowly(self.dfa.get_nfa(), text),
            Err(_) => false,
        }
    }

    fn search(&mut self, text: &str) -> Result<bool, MatchErrorKind> {
        let found = self.dfa.try_search_fwd(&mut self.cache, &Input::new(text).earliest(true));
        found.map(|at| at.is_some()).map_err(|e| e.kind().clone())
    }
}

/// Searches with all states at once.
fn slowly(nfa: &NFA, text: &str) -> bool {
    let text = beginning(text, MAX_STEPS / nfa.states().len().max(1));
    PikeVM::new_from_nfa(nfa.clone()).is_ok_and(|machine| machine.is_match(&mut machine.create_cache(), text))
}

fn beginning(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

fn syntax(any_case: bool) -> syntax::Config {
    syntax::Config::new().case_insensitive(any_case).nest_limit(MAX_NESTING)
}

/// The longest text that every match holds, as it is compared without case: [`fold`] makes the same of whatever the
/// expression takes for the same.
fn fixed_piece(source: &str) -> String {
    syntax::parse_with(source, &syntax(false)).map_or_else(|_| String::new(), |parsed| fold(&longest(&parsed)))
}

fn longest(parsed: &Hir) -> String {
    match parsed.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).unwrap_or_default().to_owned(),
        HirKind::Capture(capture) => longest(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => longest(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().map(longest).max_by_key(String::len).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The last line of what the compiler says, which shows no drawing.
fn refusal(error: &str) -> String {
    let last = error.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    use super::*;

    fn matches(expression: &str, text: &str) -> bool {
        let text = Text { shown: text.to_owned(), folded: fold(text) };
        Expression::trusted(expression).matches(&text)
    }

    #[test]
    fn the_fixed_piece_is_in_every_match() {
        for (expression, piece) in [
            ("(offer|sale)s? +number +12[^0-9]", "number"),
            ("^\\[Ticket 7\\]", "[ticket 7]"),
            ("(Groß)+e?", "gross"),
            ("a|b", ""),
            ("(abc)?", ""),
            ("\\w+", ""),
            (" x  y ", "x y"),
            ("(?i)xyz1", "1"),
            ("(", ""),
        ] {
            assert_eq!(fixed_piece(expression), piece, "{expression}");
        }
        for (expression, text) in [
            ("große straße", "GROßE STRAßE"),
            ("kelvin", "\u{212a}elvin"),
            ("x  y", "X  Y"),
            ("soft\u{ad}hyphen", "SOFT\u{ad}HYPHEN"),
            ("\\bübung\\b", "die Übung."),
            ("", "anything"),
        ] {
            assert!(matches(expression, text), "{expression}");
        }
        assert!(!matches("\\bübung\\b", "die Übungen"));
    }

    /// The check above would hide matches otherwise.
    #[test]
    fn what_expressions_take_for_the_same_is_folded_to_the_same() {
        let folded = |c: char| fold(&c.to_string());
        for c in ('\0'..=char::MAX).filter(|c| c.is_alphabetic()) {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.try_case_fold_simple().unwrap();
            for range in class.ranges() {
                assert!((range.start()..=range.end()).all(|other| folded(other) == folded(c)), "{c:?} {range:?}");
            }
        }
    }

    /// A text made for it costs no more than its states, and what other texts needed before makes no difference.
    #[test]
    fn states_are_bounded_and_forgotten() {
        let mut seed = 1_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            if seed & 64 == 0 { 'a' } else { 'b' }
        };
        let hostile: String = (0..10_000).map(|_| next()).collect();
        let text = |text: &str| Text { shown: text.to_owned(), folded: fold(text) };
        let expression = Expression::read("[ab]*a[ab]{200}c|ende").unwrap();
        let behind = text(&format!("{hostile}ende"));
        assert!(!expression.matches(&behind), "used up");
        assert!(expression.matches(&text("ende")));
        assert!(expression.matches(&text(&format!("{}c", "a".repeat(201)))));
        assert!(!expression.matches(&behind));
        let apart = format!("invoice {} overdue", "very ".repeat(39));
        assert!(matches("invoice.{0,200}overdue", &apart), "as people write them");
    }
}
