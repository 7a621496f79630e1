//! Tests of Sieve as conditions.

use super::super::glob::escape;
use super::tree::{Argument, Call};

/// More filters than this are not made of one rule.
const MAX_ALTERNATIVES: usize = 50;

/// A condition as it is typed, and whether it must not hold.
pub(super) type Literal = (bool, String);
/// Conditions of one filter, of which all must hold.
pub(super) type Conjunction = Vec<Literal>;

type Fault = (usize, String);

/// What a test asks for.
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Is(String),
}

impl Expression {
    /// As alternatives, each of which is one filter.
    ///
    /// # Errors
    /// There would be too many.
    pub fn alternatives(&self) -> Result<Vec<Conjunction>, String> {
        self.expand(false)
    }

    fn expand(&self, negated: bool) -> Result<Vec<Conjunction>, String> {
        match (self, negated) {
            (Expression::Is(condition), _) => Ok(vec![vec![(negated, condition.clone())]]),
            (Expression::Not(inner), _) => inner.expand(!negated),
            (Expression::All(parts), false) | (Expression::Any(parts), true) => {
                let mut product = vec![Vec::new()];
                for part in parts {
                    let part = part.expand(negated)?;
                    let combined = product.iter().flat_map(|left: &Conjunction| {
                        part.iter().map(move |right| [left.as_slice(), right.as_slice()].concat())
                    });
                    product = limited(combined.take(MAX_ALTERNATIVES + 1).collect())?;
                }
                Ok(product)
            }
            (Expression::Any(parts), false) | (Expression::All(parts), true) => {
                let mut sum = Vec::new();
                for part in parts {
                    sum.extend(part.expand(negated)?);
                    sum = limited(sum)?;
                }
                Ok(sum)
            }
        }
    }
}

fn limited(alternatives: Vec<Conjunction>) -> Result<Vec<Conjunction>, String> {
    match alternatives.len() {
        0..=MAX_ALTERNATIVES => Ok(alternatives),
        _ => Err(format!("it would make more than {MAX_ALTERNATIVES} filters")),
    }
}

/// Reads a test.
///
/// # Errors
/// The line, and what of it filters have not.
pub(super) fn read(test: &Call) -> Result<Expression, Fault> {
    let all = || test.tests.iter().map(read).collect::<Result<Vec<_>, _>>();
    let fault = |why: String| Err((test.line, why));
    match (test.name.as_str(), test.tests.as_slice()) {
        ("true", []) => Ok(Expression::All(Vec::new())),
        ("false", []) => Ok(Expression::Any(Vec::new())),
        ("not", [inner]) => Ok(Expression::Not(Box::new(read(inner)?))),
        ("allof", _) => Ok(Expression::All(all()?)),
        ("anyof", _) => Ok(Expression::Any(all()?)),
        ("size", []) => size(test),
        ("exists", []) => match test.arguments.as_slice() {
            [Argument::Texts(names)] => {
                Ok(Expression::All(names.iter().map(|name| Expression::Is(format!("header {name}=*"))).collect()))
            }
            _ => fault("exists needs a list of headers".to_owned()),
        },
        ("header" | "address" | "envelope", []) => compare(test),
        (name, _) => fault(format!("the test {name} has no filter that does the same")),
    }
}

fn size(test: &Call) -> Result<Expression, Fault> {
    match test.arguments.as_slice() {
        [Argument::Tag(tag), Argument::Number(bytes)] if tag == "over" || tag == "under" => {
            Ok(Expression::Is(format!("size-{tag}={bytes}")))
        }
        _ => Err((test.line, "size needs :over or :under and a number".to_owned())),
    }
}

/// How texts are compared.
#[derive(Clone, Copy)]
enum Match {
    Is,
    Contains,
    Matches,
}

/// Which part of an address.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    All,
    Local,
    Domain,
}

/// `header`, `address` and `envelope`: any of the fields with any of the keys.
fn compare(test: &Call) -> Result<Expression, Fault> {
    let fault = |why: String| (test.line, why);
    let (mut how, mut part, mut lists) = (Match::Is, Part::All, Vec::new());
    let mut arguments = test.arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument {
            Argument::Texts(texts) => lists.push(texts),
            Argument::Tag(tag) => match tag.as_str() {
                "is" => how = Match::Is,
                "contains" => how = Match::Contains,
                "matches" => how = Match::Matches,
                "all" => part = Part::All,
                "localpart" => part = Part::Local,
                "domain" => part = Part::Domain,
                "comparator" => match arguments.next() {
                    Some(Argument::Texts(name)) if name.iter().all(|name| name == "i;ascii-casemap") => {}
                    _ => return Err(fault("filters compare without case; this comparator does not".to_owned())),
                },
                other => return Err(fault(format!(":{other} has no filter that does the same"))),
            },
            Argument::Number(_) => return Err(fault(format!("{} takes no number", test.name))),
        }
    }
    let [fields, keys] = lists.as_slice() else {
        return Err(fault(format!("{} needs a list of fields and one of texts", test.name)));
    };
    if test.name == "header" && part != Part::All {
        return Err(fault("header has no parts of addresses".to_owned()));
    }
    let mut any = Vec::new();
    for field in *fields {
        for key in *keys {
            let name = condition_name(&test.name, field, key).map_err(fault)?;
            let pattern = pattern(how, part, key);
            if pattern.trim().is_empty() {
                return Err(fault("filters do not compare with an empty text".to_owned()));
            }
            any.push(Expression::Is(format!("{name}={pattern}")));
        }
    }
    Ok(Expression::Any(any))
}

/// The field of a condition. Display names do not count for Sieve's `address`.
fn condition_name(test: &str, field: &str, key: &str) -> Result<String, String> {
    match (test, field.to_ascii_lowercase().as_str()) {
        ("header", "subject") if !key.is_empty() => Ok("subject".to_owned()),
        ("header", name) => Ok(format!("header {name}")),
        ("address", "from") => Ok("from-address".to_owned()),
        ("address", name @ ("to" | "cc")) => Ok(name.to_owned()),
        ("envelope", "from") => Ok("return-path".to_owned()),
        ("envelope", "to") => Ok("delivered-to".to_owned()),
        (test, name) => Err(format!("no filter looks at the {test} of {name}")),
    }
}

fn pattern(how: Match, part: Part, key: &str) -> String {
    let inner = match how {
        Match::Is => escape(key),
        Match::Contains if key.is_empty() => "*".to_owned(),
        Match::Contains => format!("*{}*", escape(key)),
        Match::Matches => key.to_owned(),
    };
    let whole = match part {
        Part::All => inner,
        Part::Local => format!("{inner}@*"),
        Part::Domain => format!("*@{inner}"),
    };
    // It would be read as a regular expression.
    if whole.starts_with("regex:") { format!("\\{whole}") } else { whole }
}
