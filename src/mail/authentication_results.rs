//! What a trusted server found out about the author of a message (RFC 8601): whether the domain in From stands behind
//! it (DMARC, RFC 7489). That is what B4.11 and B4.12 ask.
//!
//! Anybody can send such a header field. Only the fields above the first one of another server can be of the server
//! that took the message in. Words of the sender stand in them too, in quotes and comments; they decide nothing.

use std::fmt;

use super::address::{domain, is_same_domain};
use super::message::Message;

/// Fields of the trusted server that are read.
const FIELDS: usize = 20;

/// Whose Authentication-Results an account believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted<'a> {
    /// Nobody's: the account names no server.
    Nobody,
    /// Those of the server with this authserv-id.
    Server(&'a str),
    /// The topmost field, if it bears no authserv-id (Exchange Online writes none).
    Unnamed,
}

impl<'a> Trusted<'a> {
    /// The word that stands for [`Trusted::Unnamed`] among the settings of an account.
    pub const UNNAMED: &'static str = "none";

    /// Reads the setting of an account.
    pub fn of(setting: Option<&'a str>) -> Trusted<'a> {
        match setting.map(str::trim).unwrap_or_default() {
            "" => Trusted::Nobody,
            word if word.eq_ignore_ascii_case(Trusted::UNNAMED) => Trusted::Unnamed,
            id => Trusted::Server(id),
        }
    }
}

/// What the trusted server says about the one author of a message, each with the words that `email explain` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody was asked.
    #[default]
    Unasked,
    /// The author's domain stands behind the message.
    Pass(String),
    /// The author's domain has no policy, so nothing is known.
    NoPolicy(String),
    /// The message is not proven: a failure, an error, a verdict about somebody else, or none at all.
    Fail(String),
}

impl Verdict {
    /// The word that is stored and shown; empty if nobody was asked.
    pub fn label(&self) -> &'static str {
        match self {
            Verdict::Unasked => "",
            Verdict::Pass(_) => "pass",
            Verdict::NoPolicy(_) => "none",
            Verdict::Fail(_) => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Unasked => f.write_str("the account names no authserv-id: From is taken as it stands"),
            Verdict::Pass(why) | Verdict::NoPolicy(why) | Verdict::Fail(why) => f.write_str(why),
        }
    }
}

/// The verdict about the author of a message.
pub fn verdict(message: &Message, results: &Results, trusted: Trusted<'_>) -> Verdict {
    let found: Vec<&Outcome> = match trusted {
        Trusted::Nobody => return Verdict::Unasked,
        Trusted::Server(id) => results.of_server(id).collect(),
        Trusted::Unnamed => results.unnamed.iter().flatten().collect(),
    };
    // Of several authors the server looked at one only, and nobody knows at which.
    let author = match author(message) {
        Ok(author) => author,
        Err(why) => return Verdict::Fail(why.to_owned()),
    };
    judge(&found, &author)
}

/// The authserv-id in the topmost field, in lower case; `none` if that field bears none, nothing if there is no such field.
pub fn topmost_id(message: &Message) -> Option<String> {
    let Results { fields, unnamed } = Results::of(message);
    match (unnamed, fields.first()) {
        (Some(_), _) => Some(Trusted::UNNAMED.to_owned()),
        (None, first) => first.map(|(id, _)| id.to_lowercase()).filter(|id| !id.is_empty()),
    }
}

/// What mail servers say in the fields of a message, before it is decided which of them is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    /// The authserv-id of each field and what it says, topmost first. A field that breaks off may mean something else
    /// altogether, and ends them.
    fields: Vec<(String, Vec<Outcome>)>,
    /// What the topmost field says, if it begins without an authserv-id.
    unnamed: Option<Vec<Outcome>>,
}

impl Results {
    /// Reads the fields of a message.
    pub(in crate::mail) fn of(message: &Message) -> Results {
        Results {
            fields: message.all("Authentication-Results").take(FIELDS).map_while(read).collect(),
            unnamed: message.header("Authentication-Results").and_then(read_unnamed),
        }
    }

    /// The results in the fields of this server above the first one of another server.
    fn of_server(&self, id: &str) -> impl Iterator<Item = &Outcome> {
        let own = self.fields.iter().take_while(move |(bears, _)| bears.eq_ignore_ascii_case(id));
        own.flat_map(|(_, results)| results)
    }
}

/// The author as the server may have seen it.
struct Author<'a> {
    domain: &'a str,
    /// The From field holds nothing that another reader could take for an address.
    plain: bool,
}

fn author(message: &Message) -> Result<Author<'_>, &'static str> {
    let mut fields = message.all("From");
    let value = fields.next().unwrap_or_default();
    if fields.next().is_some() {
        return Err("there are two From fields");
    }
    match message.from.as_slice() {
        [one] if domain(&one.address).is_empty() => Err("From has no address with a domain"),
        [one] => Ok(Author { domain: domain(&one.address), plain: is_plain(value, domain(&one.address)) }),
        [] => Err("From names nobody"),
        _ => Err("From names several authors"),
    }
}

/// Whether all that looks like an address in a value is one of this domain.
fn is_plain(value: &str, domain: &str) -> bool {
    let is_of_domain = |after: &str| {
        let rest = after.get(domain.len()..).unwrap_or_default();
        let same = after.get(..domain.len()).is_some_and(|start| start.eq_ignore_ascii_case(domain));
        same && !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@'))
    };
    value.matches('@').count() == 1 || value.split('@').skip(1).all(is_of_domain)
}

/// What the server found out about this author. Of contradicting results a failure counts.
fn judge(results: &[&Outcome], author: &Author<'_>) -> Verdict {
    let dmarc: Vec<&Outcome> = results.iter().copied().filter(|result| result.is("dmarc")).collect();
    let about = |result: &&&Outcome| result.header_from.iter().all(|named| is_same_domain(named, author.domain));
    let mine: Vec<&&Outcome> = dmarc.iter().filter(about).collect();
    let aligned = results.iter().find(|result| result.vouches_for(author.domain));
    let Some(first) = mine.first() else {
        return match (dmarc.first(), aligned) {
            (Some(other), _) => Verdict::Fail(format!("{other} is about another domain than {}", author.domain)),
            (None, Some(aligned)) => Verdict::Pass(format!("{aligned} of {}", author.domain)),
            (None, None) => Verdict::Fail("the mail server wrote no verdict about DMARC".to_owned()),
        };
    };
    if let Some(bad) = mine.iter().find(|result| !result.says(&["pass", "none", "bestguesspass"])) {
        return Verdict::Fail(format!("{bad} for {}", author.domain));
    }
    // The server may have read another address out of such a field.
    if !author.plain && mine.iter().any(|result| result.header_from.is_empty()) {
        return Verdict::Fail(format!("{first} names no domain, and From can be read in several ways"));
    }
    if mine.iter().all(|result| result.says(&["pass"])) {
        return Verdict::Pass(format!("{first} for {}", author.domain));
    }
    match aligned {
        Some(aligned) => Verdict::Pass(format!("{first}, but {aligned} of {}", author.domain)),
        None => Verdict::NoPolicy(format!("{first}: {} has no policy", author.domain)),
    }
}

/// One `method=result` with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    method: String,
    verdict: String,
    /// Domains of its `header.from` properties.
    header_from: Vec<String>,
    /// Domains that signed (`header.d`, `header.i`) or sent (`smtp.mailfrom`).
    identities: Vec<String>,
}

impl Outcome {
    fn is(&self, method: &str) -> bool {
        self.method.eq_ignore_ascii_case(method)
    }

    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.verdict.eq_ignore_ascii_case(word))
    }

    /// A signature or a sending server of the author's domain, or of a domain above it. A domain below it may be let to
    /// others, so it does not count here.
    fn vouches_for(&self, author: &str) -> bool {
        let author = author.trim_end_matches('.');
        let above = |named: &str| {
            let named = named.trim_end_matches('.');
            let start = author.len().checked_sub(named.len());
            let split = start.and_then(|start| author.split_at_checked(start));
            let is_above = |(below, end): (&str, &str)| below.ends_with('.') && end.eq_ignore_ascii_case(named);
            named.contains('.') && split.is_some_and(is_above)
        };
        (self.is("dkim") || self.is("spf"))
            && self.says(&["pass"])
            && self.identities.iter().any(|named| is_same_domain(named, author) || above(named))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(40).collect::<String>().to_lowercase();
        write!(f, "{}={}", short(&self.method), short(&self.verdict))
    }
}

/// The authserv-id and the results (RFC 8601 2.2); `None` if the value breaks off or is not of this kind.
fn read(value: &str) -> Option<(String, Vec<Outcome>)> {
    let mut reader = Reader { rest: value };
    reader.skip()?;
    let id = reader.word(&[])?.text;
    reader.skip()?;
    let version = reader.word(&[])?.text;
    if !version.is_empty() && version != "1" {
        return None;
    }
    reader.skip()?;
    if !reader.rest.is_empty() && !reader.take(';') {
        return None;
    }
    Some((id, reader.outcomes()?))
}

/// The results of a field that begins with them.
fn read_unnamed(value: &str) -> Option<Vec<Outcome>> {
    let mut start = Reader { rest: value };
    start.skip()?;
    start.word(&['='])?;
    start.skip()?;
    if !start.take('=') {
        return None;
    }
    Reader { rest: value }.outcomes()
}

struct Reader<'a> {
    rest: &'a str,
}

/// Characters without their quotes.
struct Word {
    text: String,
    /// Some of them stood in quotes, so this is not a keyword.
    quoted: bool,
}

impl Reader<'_> {
    /// The results up to the end, with a semicolon between them.
    fn outcomes(&mut self) -> Option<Vec<Outcome>> {
        let mut results = Vec::new();
        loop {
            self.skip()?;
            if self.rest.is_empty() {
                return Some(results);
            }
            results.extend(self.outcome()?);
            self.skip()?;
            if !self.rest.is_empty() && !self.take(';') {
                return None;
            }
        }
    }

    /// What follows a semicolon, up to the next one; nothing for `none` and where nothing stands.
    fn outcome(&mut self) -> Option<Option<Outcome>> {
        self.skip()?;
        let method = self.word(&['=', '/'])?;
        self.skip()?;
        let version = if self.take('/') { self.after_sign(&['='])?.text } else { "1".into() };
        self.skip()?;
        if !self.take('=') {
            let is_nothing = method.text.is_empty() || method.text.eq_ignore_ascii_case("none");
            return (is_nothing && !method.quoted && self.is_at_end()).then_some(None);
        }
        let verdict = self.after_sign(&[])?;
        let mut outcome =
            Outcome { method: method.text, verdict: verdict.text, header_from: Vec::new(), identities: Vec::new() };
        self.properties(&mut outcome)?;
        let believed = !method.quoted && !verdict.quoted && version == "1";
        Some(believed.then_some(outcome))
    }

    /// `reason="…"` and `ptype.property=value` up to the semicolon: the domains they name.
    fn properties(&mut self, outcome: &mut Outcome) -> Option<()> {
        loop {
            self.skip()?;
            if self.is_at_end() {
                return Some(());
            }
            let name = self.word(&['='])?;
            self.skip()?;
            if !self.take('=') {
                continue;
            }
            let value = self.after_sign(&[])?;
            if name.quoted {
                continue;
            }
            let whole = value.text.trim_end_matches('.');
            let named = || whole.rsplit_once('@').map_or(whole, |(_, domain)| domain).to_owned();
            match name.text.to_ascii_lowercase().as_str() {
                "header.from" => outcome.header_from.push(named()),
                "header.d" | "header.i" | "smtp.mailfrom" => outcome.identities.push(named()),
                _ => {}
            }
        }
    }

    fn after_sign(&mut self, ends: &[char]) -> Option<Word> {
        self.skip()?;
        self.word(ends)
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(';')
    }

    fn take(&mut self, sign: char) -> bool {
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Passes over blanks and comments; `None` where a comment never ends.
    fn skip(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.take('(') {
                return Some(());
            }
            let mut depth = 1_usize;
            while depth > 0 {
                match self.next()? {
                    '\\' => drop(self.next()?),
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
            }
        }
    }

    /// The characters up to a blank, a comment, a semicolon or one of `ends`, quoted ones taken as they are; may be
    /// empty. `None` where a quote never ends.
    fn word(&mut self, ends: &[char]) -> Option<Word> {
        let mut word = Word { text: String::new(), quoted: false };
        while let Some(c) = self.rest.chars().next() {
            if c.is_whitespace() || matches!(c, ';' | '(') || ends.contains(&c) {
                break;
            }
            self.next()?;
            if c != '"' {
                word.text.push(c);
                continue;
            }
            word.quoted = true;
            loop {
                match self.next()? {
                    '"' => break,
                    '\\' => word.text.push(self.next()?),
                    c => word.text.push(c),
                }
            }
        }
        Some(word)
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }
}

#[cfg(test)]
mod tests;
