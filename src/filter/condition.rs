//! What a filter looks at (B10.2). A condition is one row of [`FIELDS`] and one row in the tests.

use std::collections::BTreeSet;
use std::fmt;

use super::budget::Sought;
use super::message_view::{Look, Text, Texts};
use super::pattern::Pattern;
use crate::mail::address::{self, Mailbox};
use crate::mail::automatic;
use crate::mail::message::Message;
use crate::mail::reading::Reading;
use crate::suggest;
use crate::units;

/// A field that conditions may name.
pub struct Field {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    kind: Kind,
}

/// How a field is compared.
enum Kind {
    /// The whole of one of these values.
    Values(fn(&Message) -> Vec<String>),
    /// The whole of one header of the given name.
    Header,
    /// Anywhere in the text.
    Body,
    /// Every word somewhere in the text.
    Words,
    /// It is so, and why; takes no pattern.
    Flag(fn(&Reading) -> Option<String>),
    /// The size of the message and the one in the condition.
    Size(fn(u64, u64) -> bool),
}

/// Every field, in the order of the manual.
pub const FIELDS: &[Field] = &[
    Field { name: "from", about: "address, display name, or @domain of From", kind: Kind::Values(|m| people(&m.from)) },
    Field { name: "from-address", about: "address of From alone", kind: Kind::Values(|m| spelled(addresses(&m.from))) },
    Field { name: "to", about: "address or @domain in To", kind: Kind::Values(|m| with_domains(addresses(&m.to))) },
    Field { name: "cc", about: "address or @domain in Cc", kind: Kind::Values(|m| with_domains(addresses(&m.cc))) },
    Field { name: "recipient", about: "address or @domain in To, Cc or Delivered-To", kind: Kind::Values(recipients) },
    Field { name: "delivered-to", about: "address the server delivered it to", kind: Kind::Values(delivered_to) },
    Field { name: "return-path", about: "envelope sender, as Return-Path has it", kind: Kind::Values(return_path) },
    Field { name: "subject", about: "subject", kind: Kind::Values(|m| vec![m.subject.clone()]) },
    Field { name: "body", about: "anywhere in the text", kind: Kind::Body },
    Field { name: "body-all", about: "all of these words somewhere in the text", kind: Kind::Words },
    Field { name: "header", about: "any header: header X-Name=PATTERN", kind: Kind::Header },
    Field {
        name: "has-attachment",
        about: "with a file that is not part of the text",
        kind: Kind::Flag(has_attachment),
    },
    Field { name: "attachment", about: "name of an attachment", kind: Kind::Values(attachment_names) },
    Field { name: "size-over", about: "larger than, such as 5MiB", kind: Kind::Size(|size, limit| size > limit) },
    Field { name: "size-under", about: "smaller than", kind: Kind::Size(|size, limit| size < limit) },
    Field {
        name: "automatic",
        about: "machine mail",
        kind: Kind::Flag(|m| m.machine.as_ref().map(ToString::to_string)),
    },
    Field {
        name: "spam",
        about: "marked as spam by the server",
        kind: Kind::Flag(|m| automatic::spam(m).map(|r| r.to_string())),
    },
    Field { name: "list-id", about: "mailing list, by its id or name", kind: Kind::Values(list_ids) },
];

/// Different words of one condition.
const MAX_WORDS: usize = 50;

/// What a condition found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the condition holds.
    pub holds: bool,
    /// What in the message made it so.
    pub why: String,
}

/// One condition of a filter.
#[derive(Clone)]
pub struct Condition {
    field: &'static Field,
    /// The header's name.
    argument: String,
    /// As it was written.
    pattern: String,
    test: Test,
    negated: bool,
}

#[derive(Clone)]
enum Test {
    Pattern(Pattern),
    Words(Vec<Pattern>),
    Flag,
    Size(u64),
}

impl Condition {
    /// Reads `FIELD=PATTERN` as it is typed; `negated` for `--not`.
    ///
    /// # Errors
    /// One sentence that names what is wrong.
    pub fn parse(text: &str, negated: bool) -> Result<Condition, String> {
        Condition::read(text, negated, &Pattern::read)
    }

    /// Reads what [`fmt::Display`] wrote: it has been checked before.
    ///
    /// # Errors
    /// It was not written by this program.
    pub fn stored(text: &str) -> Result<Condition, String> {
        let (negated, text) = text.strip_prefix("not ").map_or((false, text), |text| (true, text));
        Condition::read(text, negated, &|text, whole| Ok(Pattern::trusted(text, whole)))
    }

    fn read(
        text: &str,
        negated: bool,
        pattern: &dyn Fn(&str, bool) -> Result<Pattern, String>,
    ) -> Result<Condition, String> {
        let (name, given) = text.split_once('=').map_or((text, None), |(name, given)| (name, Some(given.trim())));
        let (name, argument) = name.trim().split_once([' ', ':']).unwrap_or((name.trim(), ""));
        let field = FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name)).ok_or_else(|| unknown(name))?;
        let argument = header_name(field, argument.trim())?;
        let needed = || given.ok_or_else(|| format!("{}: needs a pattern, such as {}", field.name, example(field)));
        let test = match field.kind {
            Kind::Flag(_) if given.is_some() => {
                return Err(format!("{}: takes no pattern; for the contrary use --not {0}", field.name));
            }
            Kind::Flag(_) => Test::Flag,
            Kind::Size(_) => Test::Size(units::size(needed()?).map_err(|e| format!("{}: {e}", field.name))?),
            Kind::Words => {
                let words: BTreeSet<&str> = needed()?.split_whitespace().collect();
                if words.len() > MAX_WORDS {
                    return Err(format!("{}: at most {MAX_WORDS} words", field.name));
                }
                let words = words.into_iter().map(|word| pattern(word, false));
                let words = words.collect::<Result<Vec<_>, _>>().map_err(|e| format!("{}: {e}", field.name))?;
                if words.is_empty() {
                    return Err(format!("{}: needs one word or more", field.name));
                }
                Test::Words(words)
            }
            Kind::Body | Kind::Header | Kind::Values(_) => {
                let whole = !matches!(field.kind, Kind::Body);
                Test::Pattern(pattern(needed()?, whole).map_err(|e| format!("{}: {e}", field.name))?)
            }
        };
        Ok(Condition { field, argument, pattern: given.unwrap_or_default().to_owned(), test, negated })
    }

    /// Whether it looks at the whole text, which costs most.
    pub(super) fn reads_text(&self) -> bool {
        matches!(self.field.kind, Kind::Body | Kind::Words)
    }

    /// Its patterns, one of each text or word that is looked for.
    pub(super) fn patterns_mut(&mut self) -> &mut [Pattern] {
        match &mut self.test {
            Test::Pattern(pattern) => std::slice::from_mut(pattern),
            Test::Words(words) => words,
            Test::Flag | Test::Size(_) => &mut [],
        }
    }

    /// Whether its cost is so high that it is not asked at all.
    pub fn is_too_large(&self) -> bool {
        match &self.test {
            Test::Pattern(pattern) => pattern.is_too_large(),
            Test::Words(words) => words.iter().any(Pattern::is_too_large),
            Test::Flag | Test::Size(_) => false,
        }
    }

    /// Whether it holds; `None` = it was cut off, and does nothing.
    pub(super) fn answer(&self, look: &Look<'_>) -> Option<bool> {
        match self.find(look) {
            Found::CutOff => None,
            Found::Nothing => Some(self.negated),
            _ => Some(!self.negated),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, look: &Look<'_>) -> bool {
        self.answer(look) == Some(true)
    }

    /// Whether it holds, and why.
    pub fn judge(&self, look: &Look<'_>) -> Finding {
        let found = self.find(look);
        let holds = match found {
            Found::CutOff => false,
            Found::Nothing => self.negated,
            _ => !self.negated,
        };
        let why = match found {
            Found::Text(at) => self.texts(look).get(at).map(|text| cited(&text.shown)).unwrap_or_default(),
            Found::Words => "all of them are in the text".to_owned(),
            Found::Flag(why) => why,
            Found::CutOff if self.is_too_large() => "not asked: it is too large in addition to the others".to_owned(),
            Found::CutOff => "cut off: it would take too long on this message".to_owned(),
            Found::Size | Found::Nothing => self.seen(look),
        };
        Finding { holds, why }
    }

    /// What in the message fits, whether or not it is negated.
    fn find(&self, look: &Look<'_>) -> Found {
        match (&self.test, &self.field.kind) {
            (Test::Flag, Kind::Flag(test)) => look.flag(self.field.name, *test).map_or(Found::Nothing, Found::Flag),
            (Test::Size(limit), Kind::Size(test)) if test(look.size, *limit) => Found::Size,
            (Test::Words(words), _) => all_words(words, &look.body()),
            (Test::Pattern(pattern), _) => match pattern.find(&self.texts(look)) {
                Sought::At(at) => Found::Text(at),
                Sought::Nowhere => Found::Nothing,
                Sought::CutOff => Found::CutOff,
            },
            _ => Found::Nothing,
        }
    }

    fn texts(&self, look: &Look<'_>) -> Texts {
        match self.field.kind {
            Kind::Values(take) => look.texts(self.field.name, || take(look.message)),
            Kind::Header => look.texts(&format!("header {}", self.argument), || look.header(&self.argument)),
            _ => look.body(),
        }
    }

    /// What is there instead.
    fn seen(&self, look: &Look<'_>) -> String {
        match self.field.kind {
            Kind::Flag(_) => "it is not".to_owned(),
            Kind::Size(_) => format!("{} bytes", look.size),
            Kind::Body | Kind::Words => "not in the text".to_owned(),
            Kind::Values(_) | Kind::Header => {
                let texts = self.texts(look);
                let shown: Vec<String> = texts.iter().take(3).map(|text| cited(&text.shown)).collect();
                match (texts.len(), shown.len()) {
                    (0, _) => "there is none".to_owned(),
                    (all, some) if all > some => format!("{} and {} more", shown.join(", "), all - some),
                    _ => shown.join(", "),
                }
            }
        }
    }
}

/// What a condition met.
enum Found {
    /// In the text of this number.
    Text(usize),
    Words,
    Flag(String),
    Size,
    Nothing,
    CutOff,
}

/// Looks for words that must be in the same text.
fn all_words(words: &[Pattern], texts: &[Text]) -> Found {
    let mut is_cut = false;
    for text in texts {
        match words.iter().map(|word| word.find_in(text, texts.len())).find(|sought| *sought != Sought::At(0)) {
            None => return Found::Words,
            Some(sought) => is_cut |= sought == Sought::CutOff,
        }
    }
    if is_cut { Found::CutOff } else { Found::Nothing }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "not " } else { "" };
        write!(f, "{not}{}", self.field.name)?;
        if !self.argument.is_empty() {
            write!(f, " {}", self.argument)?;
        }
        if matches!(self.test, Test::Flag) { Ok(()) } else { write!(f, "={}", self.pattern) }
    }
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().take(40).collect();
    let near = suggest::nearest(&name, FIELDS.iter().map(|field| field.name), 2);
    if let Some(near) = near.filter(|_| name.len() > 2) {
        return format!("\"{name}\" is not a field of a message; did you mean {near}?");
    }
    let known: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    format!("\"{name}\" is not a field of a message; the fields are {}", known.join(", "))
}

fn header_name(field: &Field, given: &str) -> Result<String, String> {
    match field.kind {
        Kind::Header => {
            let is_name = |c: char| c.is_ascii_graphic() && c != ':' && c != '=';
            if given.is_empty() || given.len() > 100 || !given.chars().all(is_name) {
                return Err("header: needs the name of a header, such as 'header X-Mailer=*bulk*'".to_owned());
            }
            Ok(given.to_ascii_lowercase())
        }
        _ if given.is_empty() => Ok(String::new()),
        _ => Err(format!("{}: write it as {0}=PATTERN", field.name)),
    }
}

fn example(field: &Field) -> &'static str {
    match field.kind {
        Kind::Size(_) => "size-over=5MiB",
        Kind::Header => "'header X-Mailer=*bulk*'",
        Kind::Body | Kind::Words => "body=unsubscribe",
        Kind::Values(_) | Kind::Flag(_) => "from=*@shop.com",
    }
}

/// A value of the message as a reason shows it, in one line.
fn cited(text: &str) -> String {
    let line = text.split_whitespace().take(81).collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(80).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

// Values ------------------------------------------------------------------------------------------------

fn addresses(mailboxes: &[Mailbox]) -> Vec<String> {
    mailboxes.iter().map(|mailbox| mailbox.address.clone()).filter(|address| !address.is_empty()).collect()
}

/// In both spellings of their domains: nobody has to know which one a pattern is compared with.
fn spelled(addresses: impl IntoIterator<Item = String>) -> Vec<String> {
    addresses.into_iter().flat_map(|address| address::in_letters(&address).into_iter().chain([address])).collect()
}

/// Addresses and, so that `@domain` matches, their domains.
fn with_domains(addresses: Vec<String>) -> Vec<String> {
    let domain = |address: &String| match address::domain(address) {
        "" => None,
        domain => Some(format!("@{domain}")),
    };
    let with_domains = |address: &String| std::iter::once(address.clone()).chain(domain(address)).collect::<Vec<_>>();
    spelled(addresses).iter().flat_map(with_domains).collect()
}

fn people(mailboxes: &[Mailbox]) -> Vec<String> {
    let names = mailboxes.iter().map(|mailbox| mailbox.name.clone()).filter(|name| !name.is_empty());
    with_domains(addresses(mailboxes)).into_iter().chain(names).collect()
}

fn recipients(message: &Message) -> Vec<String> {
    let mut all = addresses(&message.to);
    all.extend(addresses(&message.cc));
    all.extend(message.delivered_to.iter().cloned());
    with_domains(all)
}

fn delivered_to(message: &Message) -> Vec<String> {
    with_domains(message.delivered_to.clone())
}

fn return_path(message: &Message) -> Vec<String> {
    spelled(message.return_path.clone())
}

fn has_attachment(message: &Reading) -> Option<String> {
    message.attachments.iter().find(|file| !file.inline).map(|file| cited(&file.name))
}

fn attachment_names(message: &Message) -> Vec<String> {
    let files = message.attachments.iter().flat_map(|file| std::iter::once(file).chain(&file.contents));
    files.map(|file| file.name.clone()).filter(|name| !name.is_empty()).collect()
}

/// RFC 2919: `Name <list.example.org>`; the id, the name, and both as they stand there.
fn list_ids(message: &Message) -> Vec<String> {
    let parts = |value: &str| {
        let (name, id) = value.rsplit_once('<').unwrap_or(("", value));
        let id = id.trim().trim_end_matches('>').to_owned();
        [id, name.trim().trim_matches('"').to_owned(), value.to_owned()]
    };
    message.all("List-Id").flat_map(parts).filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests;
