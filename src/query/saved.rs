//! `@NAME` in a query: the query that is kept under this name.

use super::{Term, Tree};
use crate::error::{self, Fault};

/// The longest name, in characters.
const NAME_MAX: usize = 50;
/// Names that queries read as users. A saved search cannot have one of them.
const RESERVED: [&str; 3] = ["me", "none", "team"];
/// Saved searches inside one another.
const DEPTH: usize = 10;
/// Conditions and saved searches of one query, with what these stand for.
const TERMS: usize = 200;

/// Whether a text can be written after `@`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
        && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
        && text.chars().count() <= NAME_MAX
        && !RESERVED.iter().any(|name| name.eq_ignore_ascii_case(text))
}

/// The same tree with the queries that its names stand for, which `look_up` reads. Each of them is a part of its own, as if
/// in parentheses.
///
/// # Errors
/// Those of `look_up`; a search that leads back to itself; more than the limits.
pub fn expand(
    tree: Tree<Term>,
    look_up: &mut impl FnMut(&str) -> Result<Tree<Term>, anyhow::Error>,
) -> Result<Tree<Term>, anyhow::Error> {
    Expansion { look_up, path: Vec::new(), terms: 0 }.of(tree)
}

struct Expansion<'l, L> {
    look_up: &'l mut L,
    /// Names that led here.
    path: Vec<String>,
    terms: usize,
}

impl<L: FnMut(&str) -> Result<Tree<Term>, anyhow::Error>> Expansion<'_, L> {
    fn of(&mut self, tree: Tree<Term>) -> Result<Tree<Term>, anyhow::Error> {
        let mut all = |parts: Vec<Tree<Term>>| parts.into_iter().map(|part| self.of(part)).collect::<Result<_, _>>();
        Ok(match tree {
            Tree::All(parts) => Tree::All(all(parts)?),
            Tree::Any(parts) => Tree::Any(all(parts)?),
            Tree::Not(part) => Tree::Not(Box::new(self.of(*part)?)),
            Tree::Is(Term::Saved(name)) => self.saved(&name)?,
            Tree::Is(term) => {
                self.count()?;
                Tree::Is(term)
            }
        })
    }

    fn saved(&mut self, name: &str) -> Result<Tree<Term>, anyhow::Error> {
        self.count()?;
        let is_same = |known: &String| known.to_lowercase() == name.to_lowercase();
        if let Some(from) = self.path.iter().position(is_same) {
            let way: Vec<String> = self.path.iter().skip(from).map(|name| format!("@{name}")).collect();
            let fault = format!("the query: @{name} leads back to itself: {} → @{name}", way.join(" → "));
            return Err(hinted(error::data(fault)));
        }
        if self.path.len() >= DEPTH {
            let fault = format!("the query: saved searches are more than {DEPTH} deep inside one another");
            return Err(hinted(error::data(fault)));
        }
        let tree = (self.look_up)(name)?;
        self.path.push(name.to_owned());
        let tree = self.of(tree)?;
        self.path.pop();
        Ok(tree)
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.terms += 1;
        if self.terms > TERMS {
            return Err(error::data(format!(
                "the query has more than {TERMS} conditions with those of saved searches"
            )));
        }
        Ok(())
    }
}

fn hinted(fault: Fault) -> anyhow::Error {
    fault.hint("see `espomail search list`").into()
}
