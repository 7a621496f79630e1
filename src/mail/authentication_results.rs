//! What a server that is trusted found out about the sender (RFC 8601): only whether the domain in From stands behind
//! the message (DMARC, RFC 7489), which is what B4.11 and B4.12 ask.
//!
//! Anybody can send such a header. The topmost one alone can be of the server that took the message in, and counts if
//! it bears that server's name. Words of the sender stand in it too, in quotes and comments; they decide nothing.

use super::address::domain;
use super::message::Message;

/// Whether the domain of the sender stands behind the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dmarc {
    /// Nobody trusted says so, or the domain has no policy.
    #[default]
    Unknown,
    /// It does.
    Pass,
    /// It says that the message is not its own.
    Fail,
}

impl Dmarc {
    /// The word that is stored and shown; empty where nothing is known.
    pub fn as_str(self) -> &'static str {
        match self {
            Dmarc::Unknown => "",
            Dmarc::Pass => "pass",
            Dmarc::Fail => "fail",
        }
    }
}

/// The verdict of the server that calls itself `authserv_id`. Of contradicting ones a failure counts.
pub fn dmarc(message: &Message, authserv_id: Option<&str>) -> Dmarc {
    let trusted = authserv_id.map(str::trim).filter(|id| !id.is_empty());
    let (Some(trusted), Some(value)) = (trusted, message.header("Authentication-Results")) else {
        return Dmarc::Unknown;
    };
    // What cannot be read to its end may mean something else altogether.
    let Some((id, results)) = read(value) else { return Dmarc::Unknown };
    if !id.eq_ignore_ascii_case(trusted) {
        return Dmarc::Unknown;
    }
    let says = |word: &str, about: &dyn Fn(&str) -> bool| {
        let mut dmarc = results.iter().filter(|result| result.method.eq_ignore_ascii_case("dmarc"));
        dmarc.any(|result| result.verdict.eq_ignore_ascii_case(word) && result.header_from.iter().all(|d| about(d)))
    };
    let is_of = |address: &str, named: &str| domain(address).eq_ignore_ascii_case(named);
    if says("fail", &|named| message.from.iter().any(|from| is_of(&from.address, named))) {
        return Dmarc::Fail;
    }
    // Of several authors only one can have been looked at.
    let fields = message.all("From").count();
    match message.from.as_slice() {
        [from] if fields < 2 && says("pass", &|named| is_of(&from.address, named)) => Dmarc::Pass,
        _ => Dmarc::Unknown,
    }
}

/// One `method=result` with what it is about.
struct Outcome {
    method: String,
    verdict: String,
    /// Domains of its `header.from` properties.
    header_from: Vec<String>,
}

/// The authserv-id and the results (RFC 8601 2.2); `None` where the value breaks off or is none of this kind.
fn read(value: &str) -> Option<(String, Vec<Outcome>)> {
    let mut reader = Reader { rest: value };
    reader.skip()?;
    let id = reader.word(&[])?.text;
    reader.skip()?;
    let version = reader.word(&[])?.text;
    if !version.is_empty() && version != "1" {
        return None;
    }
    let mut results = Vec::new();
    loop {
        reader.skip()?;
        if reader.rest.is_empty() {
            return Some((id, results));
        }
        if !reader.take(';') {
            return None;
        }
        results.extend(reader.outcome()?);
    }
}

struct Reader<'a> {
    rest: &'a str,
}

/// Characters without their quotes.
struct Word {
    text: String,
    /// Some of them stood in quotes, so this is no keyword.
    quoted: bool,
}

impl Reader<'_> {
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
        let header_from = self.properties()?;
        let believed = !method.quoted && !verdict.quoted && version == "1";
        Some(believed.then_some(Outcome { method: method.text, verdict: verdict.text, header_from }))
    }

    /// `reason="…"` and `ptype.property=value` up to the semicolon: the domains of `header.from`.
    fn properties(&mut self) -> Option<Vec<String>> {
        let mut domains = Vec::new();
        loop {
            self.skip()?;
            if self.is_at_end() {
                return Some(domains);
            }
            let name = self.word(&['='])?;
            self.skip()?;
            if !self.take('=') {
                continue;
            }
            let value = self.after_sign(&[])?;
            if !name.quoted && name.text.eq_ignore_ascii_case("header.from") {
                let whole = value.text.trim_end_matches('.');
                domains.push(whole.rsplit_once('@').map_or(whole, |(_, domain)| domain).to_owned());
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::costs_no_more_than_its_length;
    use crate::mail::fixed_seed;
    use crate::mail::message::parse;
    use Dmarc::{Fail, Pass, Unknown};

    fn verdict(head: &str) -> Dmarc {
        dmarc(&parse(format!("{head}\r\n\r\nText").as_bytes()), Some("mx.example"))
    }

    #[test]
    fn headers_as_servers_write_them() {
        for (value, want) in [
            ("mx.example; dmarc=pass (p=none dis=none) header.from=x.example", Pass),
            ("MX.Example; DMARC=Pass(p=NONE,sp=NONE) header.from=X.EXAMPLE", Pass),
            ("mx.example 1; spf=pass smtp.mailfrom=x.example;\r\n\tdmarc=pass\r\n\theader.from=x.example", Pass),
            ("mx.example; dmarc=pass", Pass),
            ("mx.example; dmarc=pass;", Pass),
            ("mx.example;dmarc=pass action=none header.from=x.example;compauth=pass reason=100", Pass),
            ("mx.example; dkim=pass header.b=ab/c= header.i=@y.example; dmarc=pass header.from=x.example", Pass),
            ("mx.example; spf=none smtp.mailfrom=; dmarc=pass header.from=x.example.", Pass),
            ("mx.example; spf=pass (mx.example: domain of a@b) client-ip=2001:db8::1; dmarc=pass", Pass),
            ("\"mx.example\" (our) 1 (one); dmarc / 1 = pass (a (b) \\) c) header.from=x.example", Pass),
            ("mx.example; dmarc=pass header.from=a@x.example", Pass),
            ("mx.example; dmarc=pass reason=\"a; b (\" header.from=x.example", Pass),
            ("mx.example; dmarc=fail (p=reject) header.from=x.example", Fail),
            ("mx.example; dmarc=fail", Fail),
            ("mx.example; dmarc=pass; dmarc=fail", Fail),
            ("mx.example; dmarc=fail header.from=y.example; dmarc=pass header.from=x.example", Pass),
            ("mx.example; dmarc=none header.from=x.example", Unknown),
            ("mx.example; dmarc=temperror", Unknown),
            ("mx.example; dmarc=permerror", Unknown),
            ("mx.example; dmarc=bestguesspass header.from=x.example", Unknown),
            ("mx.example; none", Unknown),
            ("mx.example", Unknown),
            ("mx.example; spf=pass; dkim=pass header.d=x.example", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(verdict(&format!("Authentication-Results: {value}\r\nFrom: a@x.example")), want, "{value}");
        }
    }

    #[test]
    fn nothing_is_smuggled_in() {
        for value in [
            "evil.example; dmarc=pass",
            "mx.example.evil.example; dmarc=pass",
            "mx.example 2; dmarc=pass",
            "(mx.example; dmarc=pass) evil.example; dmarc=pass",
            "mx.example; dmarc=pass header.from=y.example",
            "mx.example; dmarc=pass header.from=x.example header.from=y.example",
            "mx.example; dmarc/2=pass",
            "mx.example; dmarc=\"pass\"",
            "mx.example; \"dmarc\"=pass",
            "mx.example; x-dmarc=pass",
            "mx.example; spf=fail dmarc=pass",
            "mx.example; spf=fail smtp.mailfrom=\"; dmarc=pass \"@x.example",
            "mx.example; spf=fail smtp.mailfrom=\"\\\"; dmarc=pass \"@x.example",
            "mx.example; spf=fail smtp.mailfrom=\"=?utf-8?q?=22;_dmarc=3Dpass_=22?=\"@x.example",
            "mx.example; =?utf-8?q?dmarc=3Dpass?=",
            "mx.example; spf=fail (says ; dmarc=pass)",
            "mx.example; spf=fail (says (; dmarc=pass) ; dmarc=pass)",
            "mx.example; spf=fail (says \\) ; dmarc=pass)",
            "mx.example; spf=fail (=?utf-8?q?=29;_dmarc=3Dpass_=28?=)",
            "mx.example; dmarc=pass (never closed",
            "mx.example; dmarc=pass reason=\"never closed",
            "mx.example; dmarc=none header.from=\"x; dmarc=pass header.from=x.example\"",
            "mx.example; nonsense; dmarc=pass",
            "mx.example dmarc=pass",
            "mx.example; dmarc(=pass)",
        ] {
            let head = format!("Authentication-Results: {value}\r\nFrom: a@x.example");
            assert_eq!(verdict(&head), Unknown, "{value}");
        }
    }

    #[test]
    fn only_the_topmost_header_and_one_author_count() {
        let pass = "Authentication-Results: mx.example; dmarc=pass";
        let fail = "Authentication-Results: mx.example; dmarc=fail";
        for (head, want) in [
            (format!("{pass}\r\n{fail}\r\nFrom: a@x.example"), Pass),
            (format!("Authentication-Results: other.example; none\r\n{pass}\r\nFrom: a@x.example"), Unknown),
            (format!("ARC-{pass}\r\nFrom: a@x.example"), Unknown),
            (format!("{pass}\r\nFrom: a@x.example, b@x.example"), Unknown),
            (format!("{pass}\r\nFrom: a@x.example\r\nFrom: b@y.example"), Unknown),
            (format!("{pass}\r\nFrom: nobody"), Unknown),
            (format!("{fail} header.from=y.example\r\nFrom: a@x.example"), Unknown),
            (format!("{fail} header.from=y.example\r\nFrom: a@x.example, b@y.example"), Fail),
            (format!("{fail}\r\nFrom: nobody"), Fail),
            ("From: a@x.example".to_owned(), Unknown),
        ] {
            assert_eq!(verdict(&head), want, "{head}");
        }
        let message = parse(format!("{pass}\r\nFrom: a@x.example\r\n\r\n").as_bytes());
        for nobody in [None, Some(""), Some(" "), Some("example")] {
            assert_eq!(dmarc(&message, nobody), Unknown, "{nobody:?}");
        }
    }

    #[test]
    fn words() {
        assert_eq!([Dmarc::default().as_str(), Pass.as_str(), Fail.as_str()], ["", "pass", "fail"]);
    }

    #[test]
    fn long_values_take_linear_time() {
        for unit in ["(", "a=b;", "\"", ";", "a=b c=d ", "\\", "=", "/"] {
            costs_no_more_than_its_length(unit, 65_536, &|text| drop(read(&format!("mx.example; {text}"))));
        }
    }

    proptest! {
        #![proptest_config(fixed_seed(5))]

        #[test]
        fn what_is_quoted_decides_nothing(text in "[a-c;=()\\\\\" .@]*", comment: bool) {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            let (open, close) = if comment { ('(', ')') } else { ('"', '"') };
            let value = format!("mx.example; spf=fail smtp.mailfrom={open}; dmarc=pass {escaped}{close}; dmarc=none");
            let (_, results) = read(&value).unwrap_or_default();
            prop_assert_eq!(results.len(), 2);
        }
    }
}
