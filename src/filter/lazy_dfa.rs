//! The automaton of a regular expression, made while it runs, with every state of it counted.
//!
//! States that other texts needed stay, which makes most searches fast. Yet what is found never depends on them: as soon
//! as there are more in all than the text at hand may need for itself, all are forgotten and it begins again, alone.

use std::cell::RefCell;

use regex_automata::Input;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_syntax::hir::Hir;

use super::budget::{EACH_TEXT, Sought, Steps, beginning};

/// Bytes a compiled expression may take: as much as a fourth of the steps …
const STEPS_OF_BYTE: Steps = 4;
/// … and the number of further ones.
const MIN_BYTES: Steps = 4 << 10;
/// Bytes that states may take, more than a budget ever has states for.
const MAX_BYTES: usize = 64 << 20;
/// States made for one message at most.
const MAX_STATES: Steps = 1_000;
/// Steps that a state costs, for every expression …
const STATE: Steps = 300;
/// … and for each state of the expression.
const PART_OF_STATE: Steps = 6;
/// Steps for a byte and each state of the expression, where all are tried at once.
const ALL_AT_ONCE: Steps = 8;

thread_local! {
    /// It has tables that take longer to lay out than most expressions to compile.
    static COMPILER: RefCell<thompson::Compiler> = RefCell::new(thompson::Compiler::new());
}

/// What it may do on one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    states: u64,
    /// Bytes of texts, where `\\b` meets letters outside ASCII, which the automaton cannot judge.
    slow_bytes: usize,
}

impl Budget {
    /// What a number of steps suffices for, with an expression of a number of states: once with states that are there, and again.
    pub fn new(steps: Steps, size: u64) -> Budget {
        let states = (steps / 2 / (STATE + PART_OF_STATE * size)).min(MAX_STATES);
        let slow_bytes = usize::try_from(steps / (ALL_AT_ONCE * size.max(1))).unwrap_or(usize::MAX);
        Budget { states, slow_bytes }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Machine {
    dfa: DFA,
    cache: Cache,
    /// States made since all were forgotten.
    made: u64,
}

/// Why a search ended before the text.
enum Stop {
    /// All states that it may have are made.
    UsedUp,
    /// A word's edge next to a letter outside ASCII.
    Letter,
}

impl Machine {
    /// Compiles an expression that takes this number of steps.
    ///
    /// # Errors
    /// It is larger than that, or uses a construct without an automaton.
    pub fn new(parsed: &Hir, steps: Steps) -> Result<Machine, String> {
        let bytes = usize::try_from(MIN_BYTES + steps / STEPS_OF_BYTE).unwrap_or(usize::MAX);
        let size = thompson::Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(bytes));
        let nfa = COMPILER.with_borrow_mut(|compiler| compiler.configure(size).build_from_hir(parsed).ok());
        let config = Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(MAX_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let nfa = nfa.ok_or_else(|| "it is too large; repeat less, or write [a-z0-9] for \\w".to_owned())?;
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|e| e.to_string())?;
        Ok(Machine { cache: dfa.create_cache(), dfa, made: 0 })
    }

    /// States of the expression, on which the cost of a state of the automaton depends.
    pub fn size(&self) -> u64 {
        self.dfa.get_nfa().states().len() as u64
    }

    /// The first of some numbered texts in which it matches.
    pub fn find(&mut self, texts: &[(usize, &str)], budget: Budget) -> Sought {
        let was_new = self.made == 0;
        let sought = self.run(texts, budget);
        if sought != Sought::CutOff {
            return sought;
        }
        self.forget();
        if was_new {
            return Sought::CutOff;
        }
        let sought = self.run(texts, budget);
        if sought == Sought::CutOff {
            self.forget();
        }
        sought
    }

    fn forget(&mut self) {
        self.cache.reset(&self.dfa);
        self.made = 0;
    }

    fn run(&mut self, texts: &[(usize, &str)], budget: Budget) -> Sought {
        let mut slow = budget.slow_bytes;
        for (at, text) in texts {
            match self.matches(text, budget.states) {
                Ok(true) => return Sought::At(*at),
                Ok(false) => {}
                Err(Stop::UsedUp) => return Sought::CutOff,
                Err(Stop::Letter) => {
                    if self.matches_slowly(beginning(text, slow)) {
                        return Sought::At(*at);
                    }
                    if text.len() > slow {
                        return Sought::CutOff;
                    }
                    slow = slow.saturating_sub(text.len() + EACH_TEXT);
                }
            }
        }
        Sought::Nowhere
    }

    fn matches(&mut self, text: &str, states: u64) -> Result<bool, Stop> {
        let mut bytes = self.cache.memory_usage();
        let start = self.dfa.start_state_forward(&mut self.cache, &Input::new(text)).map_err(|_| Stop::Letter)?;
        let mut state = self.counted(start, &mut bytes, states)?;
        for byte in text.bytes() {
            let next = self.dfa.next_state_untagged(&self.cache, state, byte);
            if !next.is_tagged() {
                state = next;
                continue;
            }
            let next = self.dfa.next_state(&mut self.cache, state, byte).map_err(|_| Stop::UsedUp)?;
            state = self.counted(next, &mut bytes, states)?;
            if state.is_match() {
                return Ok(true);
            } else if state.is_dead() {
                return Ok(false);
            } else if state.is_quit() {
                return Err(Stop::Letter);
            }
        }
        let end = self.dfa.next_eoi_state(&mut self.cache, state).map_err(|_| Stop::UsedUp)?;
        Ok(self.counted(end, &mut bytes, states)?.is_match())
    }

    /// A state, which is counted if there is more to keep than before.
    fn counted(&mut self, state: LazyStateID, bytes: &mut usize, states: u64) -> Result<LazyStateID, Stop> {
        let now = self.cache.memory_usage();
        if now > *bytes {
            *bytes = now;
            self.made += 1;
        }
        if self.made > states { Err(Stop::UsedUp) } else { Ok(state) }
    }

    /// Searches with all states of the expression at once.
    fn matches_slowly(&self, text: &str) -> bool {
        let machine = PikeVM::new_from_nfa(self.dfa.get_nfa().clone());
        machine.is_ok_and(|machine| machine.is_match(&mut machine.create_cache(), text))
    }
}
