//! From text to a tree, by descent: `a b` = both, `a OR b`, `-a`, parentheses, `field:value`, words.

use jiff::{SignedDuration, Timestamp};

use super::{Field, Pace, Term, Tree, Words, is_name};
use crate::dates::{self, Clock, Towards};
use crate::error::{self, Fault};
use crate::suggest;
use crate::words;

/// The longest query, in bytes.
const LENGTH: usize = 4 << 10;
/// Parentheses and minus signs inside one another.
const DEPTH: usize = 50;
/// Conditions in one query.
const TERMS: usize = 200;

/// How a query is read.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// The fields there are.
    pub fields: &'a [Field],
    /// What dates and times are read by.
    pub clock: Clock,
}

/// Reads a query; an empty one is everything.
///
/// # Errors
/// Names the word that is not understood, and what would be (exit 2).
pub fn parse(text: &str, reading: &Reading<'_>) -> Result<Tree<Term>, Fault> {
    if text.len() > LENGTH {
        return Err(error::usage(format!("the query is longer than {LENGTH} bytes")));
    }
    let mut parser = Parser { rest: text.trim_start(), reading, terms: 0 };
    if parser.rest.is_empty() {
        return Ok(Tree::default());
    }
    let tree = parser.choices(0)?;
    match parser.rest.is_empty() {
        true => Ok(tree),
        false => Err(error::usage("the query: there is a \")\" without its \"(\"")),
    }
}

struct Parser<'a> {
    rest: &'a str,
    reading: &'a Reading<'a>,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn choices(&mut self, depth: usize) -> Result<Tree<Term>, Fault> {
        let mut choices = vec![self.conditions(depth)?];
        while self.is_at_or() {
            self.skip("OR".len());
            choices.push(self.conditions(depth)?);
        }
        Ok(joined(choices, Tree::Any))
    }

    fn conditions(&mut self, depth: usize) -> Result<Tree<Term>, Fault> {
        let mut parts = Vec::new();
        loop {
            self.skip(self.rest.len() - self.rest.trim_start().len());
            if self.rest.is_empty() || self.rest.starts_with(')') || self.is_at_or() {
                break;
            }
            parts.push(self.condition(depth)?);
        }
        if parts.is_empty() {
            return Err(error::usage("the query: a condition is missing next to OR or inside parentheses")
                .hint("write it as is:open (from:ann OR from:budi)"));
        }
        Ok(joined(parts, Tree::All))
    }

    fn condition(&mut self, depth: usize) -> Result<Tree<Term>, Fault> {
        if depth > DEPTH {
            return Err(error::usage(format!("the query is nested more than {DEPTH} deep")));
        }
        if self.rest.starts_with('-') {
            self.skip(1);
            if self.rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ')') {
                return Err(error::usage("the query: \"-\" must stand right before a condition"));
            }
            return Ok(Tree::Not(Box::new(self.condition(depth + 1)?)));
        }
        if self.rest.starts_with('(') {
            self.skip(1);
            let inner = self.choices(depth + 1)?;
            if !self.rest.starts_with(')') {
                return Err(error::usage("the query: there is a \"(\" without its \")\""));
            }
            self.skip(1);
            return Ok(inner);
        }
        self.terms += 1;
        if self.terms > TERMS {
            return Err(error::usage(format!("the query has more than {TERMS} conditions")));
        }
        self.term().map(Tree::Is)
    }

    fn term(&mut self) -> Result<Term, Fault> {
        if let Some(text) = self.quoted()? {
            let begins = self.rest.starts_with('*');
            self.skip(usize::from(begins));
            return full_text(text, begins);
        }
        let word = self.bare();
        let (name, value) = word.split_once(':').unwrap_or_default();
        if let Some(name) = word.strip_prefix('@') {
            return saved(name);
        }
        // 10:30 and the like are words.
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
            let text = word.trim_end_matches('*');
            return full_text(text.to_owned(), text != word);
        }
        let field = self.field(name)?;
        let value = match value {
            "" => self.quoted()?.unwrap_or_default(),
            // Any part is found anyway.
            value => value.trim_end_matches('*').to_owned(),
        };
        if value.trim().is_empty() {
            return Err(error::usage(format!("the query: \"{name}:\" must be followed by a value"))
                .hint(format!("write it without a blank in between, as {name}:ann or {name}:\"Ann Muster\"")));
        }
        self.reading.term(field, value)
    }

    fn field(&self, name: &str) -> Result<Field, Fault> {
        let known = self.reading.fields;
        known.iter().copied().find(|field| field.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let shown: String = name.chars().take(40).collect();
            let meant = suggest::nearest(&shown.to_ascii_lowercase(), known.iter().map(|field| field.name()), 2);
            let meant = meant.map(|field| format!("did you mean {field}:? ")).unwrap_or_default();
            let known: Vec<String> = known.iter().map(|field| format!("{}:", field.name())).collect();
            error::usage(format!("the query: \"{shown}:\" is not a field"))
                .hint(format!("{meant}known are {}; put words with a colon into quotes", known.join(" ")))
        })
    }

    /// Text in quotes, if there is some here; `\"` and `\\` stand for what follows the backslash.
    fn quoted(&mut self) -> Result<Option<String>, Fault> {
        if !self.rest.starts_with('"') {
            return Ok(None);
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.skip(at + 1);
                    return Ok(Some(text));
                }
                '\\' => text.push(chars.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or(c, |(_, next)| next)),
                _ => text.push(c),
            }
        }
        Err(error::usage("the query: a quotation mark is not closed")
            .hint("in the shell put the whole query into single quotes: 'from:\"Ann Muster\"'"))
    }

    /// Everything up to a blank, quotation mark or parenthesis.
    fn bare(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')'));
        let (word, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or_default();
        self.rest = rest;
        word
    }

    fn is_at_or(&self) -> bool {
        let after = self.rest.strip_prefix("OR").map(|after| after.chars().next());
        after.is_some_and(|next| next.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')')))
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

impl Reading<'_> {
    fn term(&self, field: Field, value: String) -> Result<Term, Fault> {
        match field {
            Field::Before | Field::Older => Ok(Term::Before(self.moment(field, &value, Towards::Past)?)),
            Field::After | Field::Newer => Ok(Term::Since(self.moment(field, &value, Towards::Past)?)),
            Field::Waiting => self.pace(Pace::Waiting, field, &value),
            Field::Us => self.pace(Pace::Us, field, &value),
            Field::Idle => self.pace(Pace::Idle, field, &value),
            Field::Due => self.pace(Pace::Due, field, &value),
            _ => Ok(Term::Value(field, value)),
        }
    }

    /// How long something has been so, or will be; what never finds a case is refused.
    fn pace(&self, pace: Pace, field: Field, value: &str) -> Result<Term, Fault> {
        let name = field.name();
        let refused = |why: &str, hint: &str| error::usage(format!("{name}: \"{value}\" {why}")).hint(hint);
        if value.trim_start().starts_with('-') {
            return Err(refused("is negative", "write how long, as 30m, 2h or 14d"));
        }
        let (towards, now) = (if pace == Pace::Due { Towards::Future } else { Towards::Past }, self.clock.now);
        let moment = self.moment(field, value, towards)?;
        match pace {
            Pace::Due if moment < now - SignedDuration::from_hours(24) => Err(refused(
                "has been: no case is set aside until then any more",
                "write a time to come, as due:2d or due:friday",
            )),
            Pace::Waiting | Pace::Us | Pace::Idle if moment > now => Err(refused(
                "is still to come: nothing has lasted since then",
                "write how long, as 30m, 2h or 14d, or a time that has been",
            )),
            _ => Ok(Term::Pace(pace, moment)),
        }
    }

    /// In whole seconds, as moments are stored.
    fn moment(&self, field: Field, value: &str, towards: Towards) -> Result<Timestamp, Fault> {
        let named = field.name().to_owned();
        let moment = dates::read(&named, value, towards, &self.clock)?;
        Ok(Timestamp::from_second(moment.as_second()).unwrap_or(moment))
    }
}

fn saved(name: &str) -> Result<Term, Fault> {
    if is_name(name) {
        return Ok(Term::Saved(name.to_owned()));
    }
    let shown: String = name.chars().take(40).collect();
    Err(error::usage(format!("the query: \"@{shown}\" is not the name of a saved search"))
        .hint("see `espomail search list`; put a word that begins with @ into quotes, and write users as assignee:@me"))
}

fn full_text(text: String, begins: bool) -> Result<Term, Fault> {
    if words::any(&text) {
        return Ok(Term::Words(Words { text, begins }));
    }
    let shown: String = text.chars().take(40).collect();
    Err(error::usage(format!("the query: there is no letter or digit in \"{shown}\""))
        .hint("the full text holds words only; subject: and body: find any characters"))
}

/// One part needs nothing around it.
fn joined(mut parts: Vec<Tree<Term>>, join: fn(Vec<Tree<Term>>) -> Tree<Term>) -> Tree<Term> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}
