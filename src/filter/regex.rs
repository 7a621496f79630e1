//! A regular expression whose cost is bounded, for any expression and any text (promise S6).
//!
//! Only whether it matches is asked, so it runs forwards as an automaton ([`super::lazy_dfa`]) whose states are made as
//! texts ask for them. What it takes to compile it is told from its syntax before ([`super::size`]); and it is compiled,
//! which takes longer than to search a letter, only for a text that has its longest fixed piece.
//!
//! Why not the `regex` crate with a limit of size: measured with 500 expressions such as `a[ab]{20}(c|n)`, a limit of
//! 16 KiB and only the first KiB of the text, it takes 150 ms to compile and 650 ms to search them, `a[ab]{50}` 1,100 ms;
//! the dearest set here stays below 50 ms (`benches/filter`).

use std::cell::{OnceCell, RefCell};

use memchr::memmem::Finder;
use regex_automata::util::syntax;
use regex_syntax::ast;
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::budget::{self, EACH_TEXT, Sought, Steps, beginning};
use super::fold::fold;
use super::lazy_dfa::{Budget, Machine};
use super::message_view::Text;
use super::size;

/// Steps that it may take to compile one: `\w` seven times, or a hundred letters a hundred times.
const MAX_MAKING: Steps = 800_000;
/// Steps that every expression takes.
const MIN_MAKING: Steps = 6_000;
/// Bytes of a text in which it is searched: a plain piece is found fifty times as fast.
const MAX_SEARCHED: usize = 16 << 10;
/// Steps that ten bytes of a text cost in the automaton, if every byte is looked at twice.
const PER_TEN_BYTES: Steps = 45;
/// Bytes of the fixed piece that is looked for first: longer ones are found by a slower method.
const MAX_PIECE: usize = 31;
/// Brackets in brackets.
const MAX_NESTING: u32 = 50;

/// An expression that matches somewhere, in any case.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    source: String,
    making: OnceCell<Steps>,
    /// A literal, case-folded, that every match contains; empty if there is none.
    piece: OnceCell<Finder<'static>>,
    machine: OnceCell<Option<RefCell<Machine>>>,
}

impl Expression {
    /// Nothing is compiled before it is needed.
    pub fn trusted(source: &str) -> Expression {
        Expression {
            source: source.to_owned(),
            making: OnceCell::new(),
            piece: OnceCell::new(),
            machine: OnceCell::new(),
        }
    }

    /// Compiles it.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn read(source: &str) -> Result<Expression, String> {
        let machine = compile(source).map_err(|why| format!("the regular expression cannot be used: {why}"))?;
        Ok(Expression { machine: OnceCell::from(Some(RefCell::new(machine))), ..Expression::trusted(source) })
    }

    /// Cost to compile; more than any budget if it cannot be compiled.
    pub fn making(&self) -> Steps {
        *self.making.get_or_init(|| making(&self.source).unwrap_or(Steps::MAX))
    }

    /// The first of some texts in which it matches, for this number of steps.
    pub fn find(&self, texts: &[Text], allowed: Steps) -> Sought {
        let (half, piece) = (allowed / 2, self.piece());
        let per_ten_bytes = PER_TEN_BYTES + budget::per_ten_bytes(piece.needle().len());
        let mut left = usize::try_from(half.saturating_mul(10) / per_ten_bytes).unwrap_or(usize::MAX);
        let mut possible = Vec::new();
        let mut is_cut = false;
        for (at, text) in texts.iter().enumerate() {
            let whole = beginning(&text.shown, MAX_SEARCHED);
            let within = beginning(whole, left);
            is_cut = within.len() < whole.len() || left == 0;
            if piece.find(beginning(&text.folded, within.len().max(EACH_TEXT)).as_bytes()).is_some() {
                possible.push((at, within));
            }
            if is_cut {
                break;
            }
            left = left.saturating_sub(within.len() + EACH_TEXT);
        }
        match self.search(&possible, half) {
            Sought::Nowhere if is_cut => Sought::CutOff,
            sought => sought,
        }
    }

    fn search(&self, possible: &[(usize, &str)], steps: Steps) -> Sought {
        if possible.is_empty() {
            return Sought::Nowhere;
        }
        let machine = self.machine.get_or_init(|| compile(&self.source).ok().map(RefCell::new));
        machine.as_ref().map_or(Sought::CutOff, |machine| {
            let mut machine = machine.borrow_mut();
            let budget = Budget::new(steps, machine.size());
            machine.find(possible, budget)
        })
    }

    fn piece(&self) -> &Finder<'static> {
        self.piece.get_or_init(|| Finder::new(beginning(&fixed_piece(&self.source), MAX_PIECE)).into_owned())
    }
}

/// Steps that it takes to compile an expression.
fn making(source: &str) -> Result<Steps, String> {
    let parsed = ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(source);
    let parsed: ast::Ast = parsed.map_err(|e| refusal(&e.to_string()))?;
    match size::of(&parsed).saturating_add(MIN_MAKING) {
        steps if steps <= MAX_MAKING => Ok(steps),
        _ => Err("it is too large; repeat less, or write [a-z0-9] for \\w".to_owned()),
    }
}

fn compile(source: &str) -> Result<Machine, String> {
    let steps = making(source)?;
    let parsed = syntax::parse_with(source, &syntax(true)).map_err(|e| refusal(&e.to_string()))?;
    Machine::new(&parsed, steps).map_err(|e| refusal(&e))
}

fn syntax(any_case: bool) -> syntax::Config {
    syntax::Config::new().case_insensitive(any_case).nest_limit(MAX_NESTING)
}

/// The longest text that every match holds, as it is compared without case: [`fold`] makes the same of everything that the
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

    use super::super::budget::ALONE;
    use super::*;
    use crate::filter::tests::without_order;

    fn text(text: &str) -> Text {
        Text { shown: text.to_owned(), folded: fold(text) }
    }

    fn matches(expression: &str, text: &str) -> bool {
        Expression::trusted(expression).find(&[self::text(text)], ALONE) == Sought::At(0)
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
    fn what_was_searched_before_makes_no_difference() {
        let expression = Expression::read("[ab]*a[ab]{200}c|ende").unwrap();
        let texts: Vec<Text> = [
            format!("{}ende", without_order(10_000)),
            "ende".to_owned(),
            format!("{}c", "a".repeat(201)),
            without_order(40),
            format!("{}ende", without_order(25)),
            "nothing".to_owned(),
            // Each alone needs fewer states than there may be, both together more.
            format!("{}ende", without_order(600)),
            format!("{}ende", without_order(600).chars().rev().collect::<String>()),
        ]
        .iter()
        .map(|one| text(one))
        .collect();
        for allowed in [120_000, 300_000, 3_000_000, ALONE] {
            let alone: Vec<Sought> = texts
                .iter()
                .map(|text| Expression::trusted("[ab]*a[ab]{200}c|ende").find(std::slice::from_ref(text), allowed))
                .collect();
            assert_eq!(alone.first(), Some(&Sought::CutOff), "it needs too many states for {allowed}");
            assert_eq!(alone.get(1), Some(&Sought::At(0)), "{allowed}");
            for at in (0..6).chain((0..6).rev()).chain([0, 2, 4, 1, 3, 5, 3, 3, 0, 3, 6, 7, 6, 7]) {
                let text = texts.get(at).unwrap();
                let sought = expression.find(std::slice::from_ref(text), allowed);
                assert_eq!(Some(&sought), alone.get(at), "text {at} for {allowed}");
            }
        }
    }

    #[test]
    fn expressions_as_people_write_them_are_taken() {
        let apart = format!("{} invoice {} overdue", "Good morning, ".repeat(300), "very ".repeat(39));
        assert!(matches("invoice.{0,200}overdue", &apart));
        for source in [
            "^\\[ticket \\d+\\]",
            "\\w+@\\w+[.]example",
            "(re|aw|fwd?): ",
            "\\p{Cyrillic}{3}",
            "[^\\x00-\\x7f]{10}",
            "(offer|sale)s? +number +12[^0-9]",
            "[a-z0-9._-]{1,64}@[a-z0-9.-]{1,100}",
            "\\b(viagra|casino|lottery)\\b",
            "(?s)begin.*end",
        ] {
            let read = Expression::read(source);
            assert!(read.as_ref().is_ok_and(|read| read.making() < MAX_MAKING), "{source}: {read:?}");
        }
    }

    /// Nothing large is made to find out that it is too large.
    #[test]
    fn what_takes_too_long_to_compile_is_refused_before() {
        let tables = "\\pL".repeat(160);
        for source in [
            "\\pL{30}",
            tables.as_str(),
            "[\\x{80}-\\x{10ffff}]",
            "((a{50}){50}){50}",
            "(?:.{100}){20}",
            "\\w{20}",
            "[\\pL&&[^\\pN\\pP\\pS\\pZ]]x",
            "((((x{1000}){1000}){1000}){1000}){1000}",
        ] {
            let error = Expression::read(source).unwrap_err();
            assert!(error.contains("it is too large; repeat less"), "{source}: {error}");
            let stored = Expression::trusted(source);
            assert_eq!(stored.making(), Steps::MAX, "{source}");
            assert_eq!(stored.find(&[text("a x")], ALONE), Sought::CutOff, "{source}");
            assert!(stored.machine.get().is_some_and(Option::is_none), "{source}");
        }
    }

    /// Texts without end, and without number.
    #[test]
    fn no_more_bytes_are_searched_than_allowed() {
        let expression = Expression::trusted("find[a-z]d");
        let at = |bytes: usize| vec![text(&format!("{}findxd", "x ".repeat(bytes / 2)))];
        let many = |count: usize| [vec![text("x"); count], vec![text("findxd")]].concat();
        for (texts, allowed, sought) in [
            (at(1_000), 20_000, Sought::At(0)),
            (at(5_000), 20_000, Sought::CutOff),
            (at(5_000), 100_000, Sought::At(0)),
            (at(15_000), ALONE, Sought::At(0)),
            (at(20_000), ALONE, Sought::Nowhere),
            (many(10), 20_000, Sought::At(10)),
            (many(100), 20_000, Sought::CutOff),
            (many(100), 200_000, Sought::At(100)),
            (at(10), 0, Sought::CutOff),
        ] {
            assert_eq!(expression.find(&texts, allowed), sought, "{} texts for {allowed}", texts.len());
        }
    }

    /// Where letters outside ASCII are met by `\\b`.
    #[test]
    fn trying_all_states_at_once_is_bounded_too() {
        let expression = Expression::trusted("\\bx[ab]{30}y\\b|ende");
        let far = |bytes: usize| vec![text(&format!("x ü {} ende", without_order(bytes)))];
        for (texts, allowed, sought) in [
            (far(500), 1_000_000, Sought::At(0)),
            (far(5_000), 1_000_000, Sought::CutOff),
            (far(5_000), ALONE, Sought::At(0)),
        ] {
            assert_eq!(expression.find(&texts, allowed), sought, "{allowed}");
        }
    }
}
