//! The search language of `case list` and `email list`: text in, a tree of conditions out.
//!
//! Pure: names of people are not looked up here, and nothing is searched. `store::search` makes statements of the tree
//! once the command line has resolved what its terms name.

mod parse;
mod saved;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;

pub use parse::{Reading, parse};
pub use saved::{expand, is_name};

/// Conditions and how they are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree<T> {
    /// All of them hold; of none: anything.
    All(Vec<Tree<T>>),
    /// One of them holds.
    Any(Vec<Tree<T>>),
    /// It does not hold.
    Not(Box<Tree<T>>),
    /// This holds.
    Is(T),
}

impl<T> Default for Tree<T> {
    fn default() -> Tree<T> {
        Tree::All(Vec::new())
    }
}

impl<T> Tree<T> {
    /// The same tree over what `map` makes of each term.
    ///
    /// # Errors
    /// The first of `map`.
    pub fn try_map<U, E>(self, map: &mut impl FnMut(T) -> Result<U, E>) -> Result<Tree<U>, E> {
        Ok(match self {
            Tree::All(parts) => Tree::All(parts.into_iter().map(|part| part.try_map(map)).collect::<Result<_, _>>()?),
            Tree::Any(parts) => Tree::Any(parts.into_iter().map(|part| part.try_map(map)).collect::<Result<_, _>>()?),
            Tree::Not(part) => Tree::Not(Box::new(part.try_map(map)?)),
            Tree::Is(term) => Tree::Is(map(term)?),
        })
    }

    /// Whether some term is like this.
    pub fn has(&self, like: &impl Fn(&T) -> bool) -> bool {
        match self {
            Tree::All(parts) | Tree::Any(parts) => parts.iter().any(|part| part.has(like)),
            Tree::Not(part) => part.has(like),
            Tree::Is(term) => like(term),
        }
    }
}

/// One condition of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Words of the full text.
    Words(Words),
    /// Earlier than this moment.
    Before(Timestamp),
    /// At this moment or later.
    Since(Timestamp),
    /// What is said of the time of a case, up to this moment.
    Pace(Pace, Timestamp),
    /// The query that is kept under this name.
    Saved(String),
    /// A field and what is looked for in it, never empty.
    Value(Field, String),
}

/// A word, or several that stand side by side, for the full-text index. There is a letter or digit in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// As written.
    pub text: String,
    /// The last word may go on.
    pub begins: bool,
}

/// How long nothing has happened on an open case, or when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The customer has been waiting for us since before a moment.
    Waiting,
    /// We have been waiting for the customer since before a moment.
    Us,
    /// There was no mail either way since a moment, automatic mail left out.
    Idle,
    /// It is set aside until a moment or less.
    Due,
}

impl Pace {
    /// The field that says it.
    pub fn field(self) -> Field {
        match self {
            Pace::Waiting => Field::Waiting,
            Pace::Us => Field::Us,
            Pace::Idle => Field::Idle,
            Pace::Due => Field::Due,
        }
    }
}

macro_rules! fields {
    ($($(#[$meta:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What stands before a colon.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field { $($(#[$meta])* $variant),+ }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Field] = &[$(Field::$variant),+];

            /// Its name, without the colon.
            pub fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),+ }
            }
        }
    };
}

fields! {
    /// Name or address of a sender.
    From = "from",
    /// Name or address in To.
    To = "to",
    /// Name or address in Cc.
    Cc = "cc",
    /// Part of the subject.
    Subject = "subject",
    /// Part of the text.
    Body = "body",
    /// Part of the name of an attached file.
    Attachment = "attachment",
    Status = "status",
    /// Priority of a case.
    Priority = "priority",
    /// Part of the type of a case.
    Type = "type",
    /// Whose case it is.
    Assignee = "assignee",
    /// A team it is shown to.
    Team = "team",
    /// A tag of the case.
    Tag = "tag",
    /// Number of a case.
    Case = "case",
    /// Part of a company's name.
    Company = "company",
    /// Part of a contact's name.
    Contact = "contact",
    /// The account it came by.
    Account = "account",
    /// A state, such as open or unread.
    State = "is",
    /// `attachment`.
    Has = "has",
    /// Where an email lies.
    Folder = "folder",
    /// Earlier than a day or moment.
    Before = "before",
    /// On a day or later.
    After = "after",
    /// Longer ago than a duration, or before a date.
    Older = "older",
    /// Not longer ago than a duration, or since a date.
    Newer = "newer",
    /// A customer who waits longer than a duration, or since before a date.
    Waiting = "waiting",
    /// A case on which we wait for the customer longer than a duration, or since before a date.
    Us = "us",
    /// A case without mail either way for longer than a duration, or since a date.
    Idle = "idle",
    /// A case that is set aside, and comes back within a duration or by a date.
    Due = "due",
}

impl Field {
    /// Those of `case list`.
    pub const CASES: &'static [Field] = &[
        Field::From,
        Field::To,
        Field::Cc,
        Field::Subject,
        Field::Body,
        Field::Attachment,
        Field::Status,
        Field::Priority,
        Field::Type,
        Field::Assignee,
        Field::Team,
        Field::Tag,
        Field::Case,
        Field::Company,
        Field::Contact,
        Field::Account,
        Field::State,
        Field::Has,
        Field::Before,
        Field::After,
        Field::Older,
        Field::Newer,
        Field::Waiting,
        Field::Us,
        Field::Idle,
        Field::Due,
    ];
    /// Those of `outbox list`.
    pub const OUTBOX: &'static [Field] = &[
        Field::To,
        Field::Subject,
        Field::Status,
        Field::Account,
        Field::Before,
        Field::After,
        Field::Older,
        Field::Newer,
    ];
    /// Those of `email list`.
    pub const EMAILS: &'static [Field] = &[
        Field::From,
        Field::To,
        Field::Cc,
        Field::Subject,
        Field::Body,
        Field::Attachment,
        Field::Status,
        Field::Assignee,
        Field::Team,
        Field::Tag,
        Field::Case,
        Field::Company,
        Field::Account,
        Field::State,
        Field::Has,
        Field::Folder,
        Field::Before,
        Field::After,
        Field::Older,
        Field::Newer,
    ];
}

/// What reads back as the same tree.
impl Display for Tree<Term> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut Formatter<'_>, parts: &[Tree<Term>], by: &str, inner: fn(&Tree<Term>) -> bool| {
            for (i, part) in parts.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { by })?;
                if inner(part) { write!(f, "({part})") } else { write!(f, "{part}") }?;
            }
            Ok(())
        };
        match self {
            Tree::All(parts) => joined(f, parts, " ", |part| matches!(part, Tree::All(_) | Tree::Any(_))),
            Tree::Any(parts) => joined(f, parts, " OR ", |part| matches!(part, Tree::Any(_))),
            Tree::Not(part) if matches!(**part, Tree::All(_) | Tree::Any(_)) => write!(f, "-({part})"),
            Tree::Not(part) => write!(f, "-{part}"),
            Tree::Is(term) => write!(f, "{term}"),
        }
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Term::Words(words) => write!(f, "{}{}", Quoted(&words.text), if words.begins { "*" } else { "" }),
            Term::Before(moment) => write!(f, "before:{moment}"),
            Term::Since(moment) => write!(f, "after:{moment}"),
            Term::Pace(pace, moment) => write!(f, "{}:{moment}", pace.field().name()),
            Term::Saved(name) => write!(f, "@{name}"),
            Term::Value(field, value) => write!(f, "{}:{}", field.name(), Quoted(value)),
        }
    }
}

/// In quotes, unless it is one plain word.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 != "OR" && self.0.chars().all(char::is_alphanumeric) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
