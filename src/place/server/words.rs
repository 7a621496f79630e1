//! From the text of a name to its words: a URI, or `keyword=value` pairs as libpq reads them. A password is refused here,
//! before anything else is said of the text, and no value is repeated.

use percent_encoding::percent_decode_str;

use crate::error::{self, Fault};
use crate::suggest;

/// The words that are known, each once.
pub type Words = Vec<(&'static str, String)>;

/// Every keyword. All but `schema` are libpq's.
pub const KEYWORDS: [&str; 13] = [
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "passfile",
    "port",
    "schema",
    "service",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];
const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];
/// How a name is written.
pub const FORM: &str = "write it as postgresql://host/database or as service=NAME; see `espomail man postgresql`";
/// Where a password can be instead.
const WAYS: &str = "name its place in the configuration: database_password = \"file:PATH\" (or cred:, env:, cmd:); \
                    or use PGPASSWORD or ~/.pgpass";

/// Whether a text names a server, and not a file.
pub fn is_of_server(text: &str) -> bool {
    let key = text.trim_start().split_once('=').map(|(key, _)| key.trim_end());
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
        || key.is_some_and(|key| KEYWORDS.contains(&key) || key == "password")
}

/// What is meant by a text that looks like the name of some server, and is not one.
///
/// # Errors
/// It does.
pub fn refuse_other_schemes(text: &str) -> Result<(), Fault> {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    // The name of a server in which the colon was left out.
    let is_mistyped = SCHEMES.iter().any(|known| {
        let without = known.replace(':', "");
        text.get(..without.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(&without))
    });
    if is_mistyped {
        let text = "the name of a database on a server begins with postgresql://, with a colon";
        return Err(error::usage(text).hint(FORM));
    }
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+');
    if is_scheme && (text.contains("://") || SCHEMES.iter().any(|known| known.trim_end_matches("://") == scheme)) {
        let text = format!("\"{scheme}:\" does not begin the name of a database that espomail can use");
        return Err(error::usage(text).hint(FORM));
    }
    Ok(())
}

/// The words of a name.
///
/// # Errors
/// A password (whose value is not repeated), an unknown keyword, or another form.
pub fn of(text: &str) -> Result<Words, Fault> {
    let pairs = match SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => of_uri(rest)?,
        None => pairs(text)?,
    };
    known(pairs)
}

/// The known keywords of these pairs; empty values are not said at all.
///
/// # Errors
/// An unknown keyword, or one that is there twice.
pub fn known(pairs: Vec<(String, String)>) -> Result<Words, Fault> {
    let mut words = Words::new();
    for (key, value) in pairs {
        let Some(known) = KEYWORDS.into_iter().find(|known| *known == key) else { return Err(unknown(&key)) };
        if words.iter().any(|(before, _)| *before == known) {
            return Err(error::usage(format!("{known}: is there twice")).hint("leave one of them out"));
        }
        if value.contains(char::is_control) {
            return Err(error::usage(format!("{known}: must not contain control characters")).hint(FORM));
        }
        // An empty variable of a script would lead to another desk.
        if value.is_empty() && matches!(known, "schema" | "service") {
            return Err(
                error::usage(format!("{known}: is empty")).hint(format!("write it as {known}=NAME, or leave it out"))
            );
        }
        words.push((known, value));
    }
    words.retain(|(_, value)| !value.is_empty());
    Ok(words)
}

/// A keyword of which nothing is known here.
pub fn unknown(key: &str) -> Fault {
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return error::usage("the name of the database is not in the form keyword=value").hint(FORM);
    }
    let fault = error::usage(format!("{key} is not a keyword of the name of a database"));
    let meant = suggest::similar(key, KEYWORDS.into_iter()).map(|meant| format!("did you mean {meant}?"));
    let of_options = || (key == "options").then(|| "name the schema with schema=NAME".to_owned());
    fault.hint(of_options().or(meant).unwrap_or_else(|| format!("known are {}", KEYWORDS.join(", "))))
}

fn password() -> Fault {
    error::usage("a password must not stand in the name of a database, where others can read it").hint(WAYS)
}

/// What follows `postgresql://`.
fn of_uri(rest: &str) -> Result<Vec<(String, String)>, Fault> {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, dbname) = before.split_once('/').unwrap_or((before, ""));
    // Of a password with a sign that is not encoded, which is refused all the same.
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') || rest.contains('@') && !authority.contains('@') && rest.contains(':') {
        return Err(password());
    }
    let mut pairs = vec![("user".to_owned(), decoded(user)?), ("dbname".to_owned(), decoded(dbname)?)];
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = name_and_port(host)?;
        names.push(decoded(name)?);
        ports.push(decoded(port)?);
    }
    let joined = |parts: Vec<String>| if parts.iter().all(String::is_empty) { String::new() } else { parts.join(",") };
    pairs.push(("host".to_owned(), joined(names)));
    pairs.push(("port".to_owned(), joined(ports)));
    pairs.retain(|(_, value)| !value.is_empty());
    for word in query.split('&').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        if key == "password" {
            return Err(password());
        }
        pairs.push((decoded(key)?, decoded(value)?));
    }
    Ok(pairs)
}

fn name_and_port(host: &str) -> Result<(&str, &str), Fault> {
    let bad = || error::usage("host: an address with colons stands in brackets, as [::1]").hint(FORM);
    match host.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or_else(bad)?;
            Ok((name, if port.is_empty() { "" } else { port.strip_prefix(':').ok_or_else(bad)? }))
        }
        None if host.matches(':').count() > 1 => Err(bad()),
        None => Ok(host.split_once(':').unwrap_or((host, ""))),
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let bad = || {
        error::usage("the name of the database has a % that is not followed by two digits of 0-9 and A-F")
            .hint("a % itself is written %25")
    };
    let is_encoded = |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if text.split('%').skip(1).any(|rest| !is_encoded(rest)) {
        return Err(bad());
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| error::usage("the name of the database is not UTF-8").hint(FORM))
}

/// `keyword=value keyword='a value' …`, with `\` before a quote or a `\`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut pairs = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        while let Some(letter) = letters.next_if(|c| !c.is_whitespace() && *c != '=') {
            key.push(letter);
        }
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        if letters.next() != Some('=') {
            return Err(unknown(""));
        }
        if key == "password" {
            return Err(password());
        }
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        let is_quoted = letters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match letters.next() {
                Some('\\') => value.extend(letters.next()),
                Some('\'') if is_quoted => break,
                Some(letter) if !is_quoted && letter.is_whitespace() => break,
                Some(letter) => value.push(letter),
                None if is_quoted => {
                    return Err(error::usage(format!("{}: has an unclosed quote", shown(&key))).hint(FORM));
                }
                None => break,
            }
        }
        pairs.push((key, value));
    }
}

/// A keyword in an error; another word may be a part of a password.
fn shown(key: &str) -> &str {
    if KEYWORDS.contains(&key) { key } else { "the name of the database" }
}
