//! A letter as a text file for an editor: a head of a few fields, an empty line, the text.
//!
//! ```text
//! # From: Support <support@example.org>
//! To: eva@customer.example
//! Cc:
//! Bcc:
//! Subject: [#12] Re: Invoice
//!
//! Hello Eva, …
//! ```
//!
//! Lines of the head that begin with `#` explain and are left out. The text has no such lines: `#` begins a heading in
//! Markdown and a line of many a log.

use super::address::{Mailbox, parse_typed};

/// The fields that may be edited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub subject: String,
}

/// What an edited file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The fields as far as they could be read; one that is not there is empty.
    pub head: Head,
    /// Lines of the head that could not be read, whole.
    pub bad: Vec<String>,
    /// What is wrong with the first of them: one sentence that names the field.
    pub trouble: Option<String>,
    pub text: String,
}

/// Writes the file. `comments` come first, each after `# `.
pub fn write(comments: &[String], head: &Head, text: &str) -> String {
    let mut file = String::new();
    for comment in comments {
        push_line(&mut file, "# ", comment);
    }
    for (name, mailboxes) in [("To: ", &head.to), ("Cc: ", &head.cc), ("Bcc: ", &head.bcc)] {
        let all: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
        push_line(&mut file, name, &all.join(", "));
    }
    push_line(&mut file, "Subject: ", &head.subject);
    file.push('\n');
    file.push_str(text);
    file
}

/// One line, with any names and subjects of strangers.
fn push_line(file: &mut String, name: &str, value: &str) {
    let value: String = value.chars().map(|c| if c.is_control() || c == '\u{2028}' { ' ' } else { c }).collect();
    file.push_str(format!("{name}{value}").trim_end());
    file.push('\n');
}

/// Reads the file. Without an empty line the text begins at the first line that is not a field: what somebody typed is
/// never lost.
pub fn read(file: &str) -> Edited {
    let file = file.strip_prefix('\u{feff}').unwrap_or(file).replace("\r\n", "\n");
    let (head, text) = match file.strip_prefix('\n') {
        Some(text) => ("", text),
        None => file.split_once("\n\n").unwrap_or_else(|| file.split_at(end_of_fields(&file))),
    };
    let mut edited = Edited { text: text.to_owned(), ..Edited::default() };
    for line in unfolded(head) {
        if let Err(trouble) = edited.take(&line) {
            edited.trouble.get_or_insert(trouble);
            edited.bad.push(line);
        }
    }
    edited
}

/// Where the first line begins that is neither a field nor a comment, nor goes on with one.
fn end_of_fields(file: &str) -> usize {
    let is_field = |line: &str| {
        let name = line.split_once(':').map(|(name, _)| name.trim().to_ascii_lowercase());
        name.is_some_and(|name| ["to", "cc", "bcc", "subject"].contains(&name.as_str()))
    };
    let belongs = |line: &&str| line.starts_with(['#', ' ', '\t']) || is_field(line);
    file.split_inclusive('\n').take_while(belongs).map(str::len).sum()
}

/// The lines of a head; one that begins with a blank goes on with the one before.
fn unfolded(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines().filter(|line| !line.starts_with('#')) {
        match lines.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => last.push_str(line),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

impl Edited {
    fn take(&mut self, line: &str) -> Result<(), String> {
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("the line \"{line}\" above the text is not a field; an empty line ends the fields"));
        };
        let list = match name.trim().to_ascii_lowercase().as_str() {
            "to" => &mut self.head.to,
            "cc" => &mut self.head.cc,
            "bcc" => &mut self.head.bcc,
            "subject" => {
                value.trim().clone_into(&mut self.head.subject);
                return Ok(());
            }
            _ => return Err(format!("there is no field \"{}\"; To, Cc, Bcc and Subject can be given", name.trim())),
        };
        let typed = parse_typed(value);
        list.extend(typed.map_err(|item| format!("{}: \"{item}\" is not an e-mail address", name.trim()))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::fixed_seed;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox { name: name.into(), address: address.into() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let head = Head {
            to: vec![mailbox("Doe, \"J\"", "j@x.example"), mailbox("", "k@x.example")],
            subject: "[#1] Re: a: b # c".into(),
            ..Head::default()
        };
        let file = write(&["From: me".into()], &head, "one\n\n# two\n");
        assert!(file.starts_with("# From: me\nTo: \"Doe,"), "{file}");
        let expected = Edited { head, text: "one\n\n# two\n".into(), ..Edited::default() };
        assert_eq!(read(&file), expected);
        assert_eq!(read(&format!("\u{feff}{}", file.replace('\n', "\r\n"))), expected);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_kept() {
        for (file, bad, trouble, text) in [
            ("To: a@b.example, c\nSubject: x\n\nHi", "To: a@b.example, c", "To: \"c\" is not", "Hi"),
            ("Hello,\n\nHi", "Hello,", "the line \"Hello,\" above the text is not a field", "Hi"),
            ("X-Mad: 1\n\nHi", "X-Mad: 1", "there is no field \"X-Mad\"", "Hi"),
            ("Cc: a@b.example,\n  bad\n\n", "Cc: a@b.example,  bad", "Cc: \"bad\"", ""),
        ] {
            let edited = read(file);
            assert_eq!((edited.bad.join("|").as_str(), edited.text.as_str()), (bad, text), "{file:?}");
            assert!(edited.trouble.is_some_and(|t| t.starts_with(trouble)), "{file:?}");
        }
        for (file, subject, text) in [
            ("Hi,\nplease restart it.\nA.", "", "Hi,\nplease restart it.\nA."),
            ("Subject: x\nHi", "x", "Hi"),
            ("# From: me\nSubject: x\n  y\nPlease note: it burns\nBye\n", "x  y", "Please note: it burns\nBye\n"),
        ] {
            let edited = read(file);
            assert_eq!((edited.head.subject.as_str(), edited.text.as_str()), (subject, text), "{file:?}");
            assert_eq!(edited.trouble, None, "{file:?}");
        }
        assert_eq!(read("\nHi").text, "Hi");
        assert_eq!(read("Subject: x").head.subject, "x");
        assert_eq!(read(""), Edited::default());
    }

    proptest! {
        #![proptest_config(fixed_seed(3))]

        #[test]
        fn no_name_or_subject_writes_a_line_of_its_own(name in "\\PC{0,20}|[a-z\r\n\u{85}\u{2028}:@<>\",#]{0,30}", text in "\\PC{0,20}") {
            let head = Head { to: vec![mailbox(&name, "j@x.example")], subject: name.clone(), ..Head::default() };
            let edited = read(&write(std::slice::from_ref(&name), &head, &text));
            prop_assert_eq!(edited.text, text);
            prop_assert!(edited.head.cc.is_empty() && edited.head.bcc.is_empty());
            prop_assert!(edited.head.to.iter().all(|mailbox| mailbox.address == "j@x.example"));
        }
    }
}
