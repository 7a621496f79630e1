//! Status lines (RFC 3501 7.1): `OK [CODE args] text`.

use crate::net::later::{self, Later};
use crate::net::printable::Words;

/// Bytes of a text that are looked at for what it asks for.
const TEXT_MAX: usize = 4096;

/// The five status words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Word {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// One status answer, tagged or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) struct Status {
    pub(in crate::net) word: Word,
    /// What stands between `[` and `]`.
    code: Option<String>,
    /// The text for people, as it came.
    text: Vec<u8>,
}

impl Status {
    /// Reads what follows the tag or the star; `None` when it is not a status line.
    pub(in crate::net) fn parse(line: impl AsRef<[u8]>) -> Option<Status> {
        let line = line.as_ref();
        let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end)?;
        let word = match word.to_ascii_uppercase().as_slice() {
            b"OK" => Word::Ok,
            b"NO" => Word::No,
            b"BAD" => Word::Bad,
            b"BYE" => Word::Bye,
            b"PREAUTH" => Word::PreAuth,
            _ => return None,
        };
        let rest = rest.trim_ascii_start();
        let bracketed = rest.strip_prefix(b"[").and_then(|inner| {
            let end = inner.iter().position(|&byte| byte == b']')?;
            Some((inner.get(..end)?, inner.get(end + 1..)?))
        });
        let (code, text) = match bracketed {
            Some((code, text)) => (Some(String::from_utf8_lossy(code).into_owned()), text),
            None => (None, rest),
        };
        Some(Status { word, code, text: text.to_vec() })
    }

    /// The name of the response code in upper case (RFC 5530), or nothing.
    pub(in crate::net) fn code_name(&self) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        code.split(' ').next().unwrap_or_default().to_ascii_uppercase()
    }

    /// The number after the name of the response code; one that does not fit is the largest that does.
    pub(in crate::net) fn number(&self) -> Option<u64> {
        super::number(self.code.as_deref()?.split(' ').nth(1)?.as_bytes())
    }

    /// Whether a refusal or a farewell asks to be left alone (B2.15).
    pub(in crate::net) fn later(&self) -> Option<Later> {
        let text = self.text.get(..TEXT_MAX).unwrap_or(&self.text);
        if self.word == Word::Ok { None } else { later::asked(&self.code_name(), &String::from_utf8_lossy(text)) }
    }

    /// Whether a farewell says that the access token of the session has expired: a session at Exchange ends with it.
    pub(in crate::net) fn is_of_token(&self) -> bool {
        let text = String::from_utf8_lossy(self.text.get(..TEXT_MAX).unwrap_or(&self.text)).to_lowercase();
        text.contains("accesstokenexpired")
    }

    /// Capabilities that came along (`[CAPABILITY IMAP4rev1 …]`).
    pub(in crate::net) fn capabilities(&self) -> Option<Vec<String>> {
        (self.code_name() == "CAPABILITY").then(|| capabilities(self.code.as_deref().unwrap_or_default()))
    }

    /// The words to quote: the text, with the code's name where there is one.
    pub(in crate::net) fn said(&self, words: &Words) -> String {
        match self.code_name().as_str() {
            "" | "CAPABILITY" => words.printable(&self.text),
            code => words.printable(&[format!("[{code}] ").as_bytes(), &self.text].concat()),
        }
    }
}

/// The words after `CAPABILITY`, in upper case.
pub(super) fn capabilities(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().skip(1).take(200).map(str::to_ascii_uppercase).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn status_lines() {
        for (line, word, code, said) in [
            ("OK done", Word::Ok, "", "done"),
            ("ok", Word::Ok, "", ""),
            ("NO [UNAVAILABLE] later", Word::No, "UNAVAILABLE", "[UNAVAILABLE] later"),
            ("OK [uidnext 5]", Word::Ok, "UIDNEXT", "[UIDNEXT]"),
            ("BYE [broken text", Word::Bye, "", "[broken text"),
            ("BAD \u{fc}ber\tall", Word::Bad, "", "\u{fc}ber all"),
            ("PREAUTH [] hi", Word::PreAuth, "", "hi"),
        ] {
            let status = Status::parse(line).unwrap();
            assert_eq!(
                (status.word, status.code_name().as_str(), status.said(&Words::default()).as_str()),
                (word, code, said)
            );
        }
        assert_eq!(Status::parse("OKAY then"), None);
        assert_eq!(Status::parse(""), None);
    }

    #[test]
    fn capabilities_are_upper_case() {
        let status = Status::parse("OK [CAPABILITY IMAP4rev1 Move] ready").unwrap();
        assert_eq!(status.capabilities().unwrap(), ["IMAP4REV1", "MOVE"]);
        assert_eq!(Status::parse("OK [ALERT] x").unwrap().capabilities(), None);
    }
}
