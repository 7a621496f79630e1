//! Names below the personal namespace (RFC 2342): on many servers all folders are below `INBOX.`, and people leave that out
//! or write `/` where the server has `.`.

use super::folder_name;
use super::listing::string;
use super::{Event, ImapSource, NetErrorKind, Word};
use crate::net::NetError;

impl ImapSource {
    /// Does something with a folder: by its name as it was given, and where the server refuses that, by the name below the
    /// personal namespace. The name that worked is kept for the session.
    pub(super) fn with_name<T>(
        &mut self,
        folder: &str,
        act: &mut dyn FnMut(&mut ImapSource, &str) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        let known = self.names.get(folder).cloned();
        let is_known = known.is_some();
        let mut name = known.map_or_else(|| folder_name::quoted(folder), Ok)?;
        let mut done = act(self, &name);
        let is_refused = |error: &NetError| matches!(error.kind, NetErrorKind::Refused | NetErrorKind::Folder);
        if !is_known
            && done.as_ref().is_err_and(is_refused)
            && let Some(below) = self.below(folder)?
        {
            name = folder_name::quoted(&below)?;
            done = act(self, &name);
        }
        if done.is_ok() {
            self.names.insert(folder.to_owned(), name);
        }
        done
    }

    /// The name below the personal namespace and with its delimiter, where it is another than the one that was given.
    fn below(&mut self, folder: &str) -> Result<Option<String>, NetError> {
        if self.namespace.is_none() {
            self.namespace = Some(self.ask_namespace()?);
        }
        Ok(self.namespace.as_ref().and_then(|namespace| namespace.below(folder)))
    }

    fn ask_namespace(&mut self) -> Result<Namespace, NetError> {
        if !self.offers("NAMESPACE")? {
            return Ok(Namespace::default());
        }
        let mut said = None;
        self.send("NAMESPACE")?;
        let asked = self.answers(&mut |_, event| {
            if let Event::Line(line) = event {
                said = said.take().or_else(|| Namespace::parse(&String::from_utf8_lossy(&line)));
            }
            Ok(())
        });
        match asked {
            Err(error) if error.kind != NetErrorKind::Refused => Err(error),
            _ => Ok(said.unwrap_or_default()),
        }
    }

    /// The last command was refused because its target folder is not there (RFC 3501 6.4.7).
    pub(super) fn target_is_missing(&self) -> bool {
        self.guard.lock().tagged().is_some_and(|status| status.word == Word::No && status.code_name() == "TRYCREATE")
    }
}

/// The first personal namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Namespace {
    prefix: String,
    delimiter: String,
}

impl Namespace {
    /// Reads `* NAMESPACE (("INBOX." ".")) NIL NIL`.
    fn parse(line: &str) -> Option<Namespace> {
        let (keyword, list) = line.strip_prefix("* ")?.split_once(' ')?;
        let list = list.trim_start().strip_prefix("((").filter(|_| keyword.eq_ignore_ascii_case("NAMESPACE"))?;
        let (prefix, rest) = string(list)?;
        // NIL, or one character.
        let delimiter = string(rest.trim_start()).map(|(text, _)| text).filter(|text| text.chars().count() == 1);
        Some(Namespace { prefix: folder_name::decode(&prefix), delimiter: delimiter.unwrap_or_default() })
    }

    fn below(&self, folder: &str) -> Option<String> {
        let own = if self.delimiter.is_empty() { folder.to_owned() } else { folder.replace('/', &self.delimiter) };
        let begin = own.get(..self.prefix.len());
        let is_below = begin.is_some_and(|begin| begin.eq_ignore_ascii_case(&self.prefix));
        let name = if is_below || own.eq_ignore_ascii_case("INBOX") { own } else { format!("{}{own}", self.prefix) };
        Some(name).filter(|name| name != folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(prefix: &str, delimiter: &str) -> Namespace {
        Namespace { prefix: prefix.to_owned(), delimiter: delimiter.to_owned() }
    }

    #[test]
    fn namespace_lines() {
        for (line, expected) in [
            (r#"* NAMESPACE (("INBOX." ".")) NIL (("shared." "."))"#, Some(namespace("INBOX.", "."))),
            (r#"* namespace (("" "/")) NIL NIL"#, Some(namespace("", "/"))),
            (r##"* NAMESPACE (("&APY-." ".")("#mh/" "/")) NIL NIL"##, Some(namespace("ö.", "."))),
            (r#"* NAMESPACE (("" NIL)) NIL NIL"#, Some(namespace("", ""))),
            (r#"* NAMESPACE NIL (("user." ".")) NIL"#, None),
            (r#"* LIST (("INBOX." ".")) NIL NIL"#, None),
            (r#"* NAMESPACE (("INBOX."#, None),
        ] {
            assert_eq!(Namespace::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn names_below_the_personal_namespace() {
        for (folder, prefix, delimiter, expected) in [
            ("Done", "INBOX.", ".", Some("INBOX.Done")),
            ("Köln", "INBOX/", "/", Some("INBOX/Köln")),
            ("Büro/Sent", "INBOX.", ".", Some("INBOX.Büro.Sent")),
            ("INBOX/Done", "INBOX.", ".", Some("INBOX.Done")),
            ("Büro/Sent", "", ".", Some("Büro.Sent")),
            ("INBOX", "INBOX.", ".", None),
            ("inbox.Done", "INBOX.", ".", None),
            ("Büro/Sent", "", "/", None),
            ("Büro/Sent", "", "", None),
        ] {
            let below = namespace(prefix, delimiter).below(folder);
            assert_eq!(below.as_deref(), expected, "{folder} below {prefix:?} {delimiter:?}");
        }
    }
}
