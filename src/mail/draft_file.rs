//! A letter as a text file for an editor: a head of a few fields, an empty line, the text.
//!
//! ```text
//! # Lines with # above the empty line are ignored. …
//! From: Support <support@example.org>
//! To: eva@customer.example
//! Cc:
//! Bcc:
//! Subject: [#12] Re: Invoice
//! Attach:
//! Status: Closed
//!
//! Hello Eva, …
//! ```
//!
//! Lines of the head that begin with `#` explain and are left out. The text has no such lines: `#` begins a heading in
//! Markdown and a line of many a log. What an editor saved is read in any case: what is wrong with it is named, and nothing
//! of it is dropped.

use std::borrow::Cow;

use super::address::{Mailbox, parse_typed};

/// The fields that every letter has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub subject: String,
}

/// What is written into a file.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    pub from: &'a Mailbox,
    pub head: &'a Head,
    /// Names of the files that it has already.
    pub attached: &'a [&'a str],
    /// Status of the case once it is sent, may be empty; `None` = there is no case.
    pub status: Option<&'a str>,
    /// Lines that could not be read when it was edited before.
    pub unread: &'a [Unread],
    pub text: &'a str,
}

/// A line above the text that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// The whole line.
    pub line: String,
    /// What is wrong with it: one sentence that names the field.
    pub why: String,
}

impl Unread {
    pub fn new(line: &str, why: impl Into<String>) -> Unread {
        Unread { line: line.trim().to_owned(), why: why.into() }
    }

    /// Whether the line gives this field.
    pub fn is_of(&self, field: &str) -> bool {
        self.line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(field))
    }

    /// Lines as they are kept with a draft.
    pub fn to_text(all: &[Unread]) -> String {
        let one = |unread: &Unread| format!("{}\t{}\n", one_line(&unread.why), one_line(&unread.line));
        all.iter().map(one).collect()
    }

    /// The reverse of [`Unread::to_text`].
    pub fn from_text(text: &str) -> Vec<Unread> {
        text.lines().filter_map(|line| line.split_once('\t')).map(|(why, line)| Unread::new(line, why)).collect()
    }
}

/// What an edited file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// There is no field at all, so that nothing was meant to be changed about them.
    pub headless: bool,
    /// The fields as far as they could be read; one that is not there is empty.
    pub head: Head,
    pub from: String,
    pub status: String,
    /// Paths of files.
    pub attach: Vec<String>,
    /// Lines of the head that could not be read.
    pub bad: Vec<Unread>,
    pub text: String,
}

/// What every file explains.
const EXPLANATION: &[&str] = &[
    "# You can change the fields. Attach takes the path of a file; repeat the",
    "# line for more files. Lines with # above the empty line are ignored.",
    "# A text that is empty or not changed cancels.",
];
/// Columns of what explains, without its mark.
const WIDTH: usize = 74;
const ATTACHED: &str = "# Attached: ";

const FIELDS: &[&str] = &["from", "to", "cc", "bcc", "subject", "attach", "status"];

/// Writes the file.
pub fn write(sheet: &Sheet<'_>) -> String {
    let mut file = String::new();
    for line in EXPLANATION {
        push_line(&mut file, line, "");
    }
    let Sheet { from, head, attached, status, unread, text } = sheet;
    if !attached.is_empty() {
        push_line(&mut file, ATTACHED, &attached.join(", "));
    }
    push_line(&mut file, "From: ", &from.to_string());
    for (name, mailboxes) in [("To: ", &head.to), ("Cc: ", &head.cc), ("Bcc: ", &head.bcc)] {
        let all: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
        push_line(&mut file, name, &all.join(", "));
    }
    push_line(&mut file, "Subject: ", &head.subject);
    push_line(&mut file, "Attach: ", "");
    if let Some(status) = status {
        push_line(&mut file, "Status: ", status);
    }
    for Unread { line, why } in *unread {
        explain(&mut file, why);
        push_line(&mut file, line, "");
    }
    file.push('\n');
    file.push_str(text);
    file
}

/// One line, with any names and subjects of strangers.
fn push_line(file: &mut String, name: &str, value: &str) {
    file.push_str(format!("{name}{}", one_line(value)).trim_end());
    file.push('\n');
}

fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() || c == '\u{2028}' { ' ' } else { c }).collect()
}

/// Comments that an editor shows without breaking them.
fn explain(file: &mut String, sentence: &str) {
    let mut line = String::new();
    for word in one_line(sentence).split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            push_line(file, "# ", &std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    push_line(file, "# ", &line);
}

/// The number of the line at which the text of a written file begins.
pub fn text_line(file: &str) -> usize {
    file.lines().position(str::is_empty).map_or(1, |line| line + 2)
}

/// What an editor saved as text, and what had to be guessed or left out.
pub fn decode(bytes: &[u8]) -> (String, Option<&'static str>) {
    let marked = encoding_rs::Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let (text, trouble) = match (marked, std::str::from_utf8(bytes)) {
        (Some(encoding), _) if encoding != encoding_rs::UTF_8 => (encoding.decode(bytes).0, None),
        (_, Ok(text)) => (Cow::Borrowed(text), None),
        (_, Err(_)) => (
            encoding_rs::WINDOWS_1252.decode(bytes).0,
            Some("the editor did not save UTF-8; the text was read as Windows-1252, so look at its letters"),
        ),
    };
    match text.contains('\0') {
        true => (text.replace('\0', ""), trouble.or(Some("the text has NUL characters, which were left out"))),
        false => (text.into_owned(), trouble),
    }
}

/// Whether two files say the same: editors add a mark at the beginning, and ends of lines.
pub fn same(one: &str, other: &str) -> bool {
    plain(one).trim_end() == plain(other).trim_end()
}

/// Without the mark of an encoding, with one kind of line ends.
fn plain(file: &str) -> String {
    file.strip_prefix('\u{feff}').unwrap_or(file).replace("\r\n", "\n").replace('\r', "\n")
}

/// Reads the file. Without an empty line the text begins at the first line that is not a field: what somebody typed is
/// never lost.
pub fn read(file: &str) -> Edited {
    let file = plain(file);
    let (head, text) = file.split_at_checked(end_of_head(&file)).unwrap_or((&file, ""));
    let text = text.split_once('\n').filter(|(line, _)| line.trim().is_empty()).map_or(text, |(_, text)| text);
    let mut edited = Edited { text: text.to_owned(), headless: !head.lines().any(is_field), ..Edited::default() };
    if edited.headless {
        // A line with # is as likely a heading.
        let own = file.split_inclusive('\n').take_while(|line| is_own(line)).map(str::len).sum();
        edited.text = file.get(own..).unwrap_or_default().to_owned();
        return edited;
    }
    for line in unfolded(head) {
        if let Err(trouble) = edited.take(&line) {
            edited.bad.push(Unread::new(&line, trouble));
        }
    }
    edited
}

/// Where the first blank line begins; without one, or where no line is a field, the first line that is neither a field nor a
/// comment, nor goes on with one.
fn end_of_head(file: &str) -> usize {
    let lines = || file.split_inclusive('\n');
    let head = || lines().take_while(|line| !line.trim().is_empty());
    let length: usize = head().map(str::len).sum();
    if length < file.len() && (length == 0 || head().any(is_field)) {
        return length;
    }
    let belongs = |line: &&str| line.starts_with(['#', ' ', '\t']) && !line.trim().is_empty() || is_field(line);
    lines().take_while(belongs).map(str::len).sum()
}

/// A line that [`write`] explains with.
fn is_own(line: &str) -> bool {
    EXPLANATION.contains(&line.trim_end()) || line.starts_with(ATTACHED) || line.trim().is_empty()
}

fn is_field(line: &str) -> bool {
    let name = line.split_once(':').map(|(name, _)| name.trim().to_ascii_lowercase());
    name.is_some_and(|name| FIELDS.contains(&name.as_str()))
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
        let value = value.trim();
        let list = match name.trim().to_ascii_lowercase().as_str() {
            "to" => &mut self.head.to,
            "cc" => &mut self.head.cc,
            "bcc" => &mut self.head.bcc,
            "subject" => {
                value.clone_into(&mut self.head.subject);
                return Ok(());
            }
            "from" => {
                value.clone_into(&mut self.from);
                return Ok(());
            }
            "status" => {
                value.clone_into(&mut self.status);
                return Ok(());
            }
            "attach" => {
                self.attach.extend(Some(path(value)).filter(|path| !path.is_empty()));
                return Ok(());
            }
            _ => {
                let known = "From, To, Cc, Bcc, Subject, Attach and Status can be given";
                return Err(format!("there is no field \"{}\"; {known}", name.trim()));
            }
        };
        let typed = parse_typed(value);
        list.extend(typed.map_err(|item| format!("{}: \"{item}\" is not an e-mail address", name.trim()))?);
        Ok(())
    }
}

/// A path, which may be in quotes as a shell has it.
fn path(value: &str) -> String {
    let quoted = |sign| value.strip_prefix(sign).and_then(|rest| rest.strip_suffix(sign));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::fixed_seed;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox { name: name.into(), address: address.into() }
    }

    fn lines(bad: &[Unread]) -> Vec<&str> {
        bad.iter().map(|bad| bad.line.as_str()).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let head = Head {
            to: vec![mailbox("Doe, \"J\"", "j@x.example"), mailbox("", "k@x.example")],
            subject: "[#1] Re: a: b # c".into(),
            ..Head::default()
        };
        let from = mailbox("", "me@desk.example");
        let attached = ["a.pdf\nCc: x"];
        let sheet = Sheet {
            from: &from,
            head: &head,
            attached: &attached,
            status: Some("Closed"),
            unread: &[],
            text: "one\n\n# two\n",
        };
        let file = write(&sheet);
        assert!(file.contains("\n# Attached: a.pdf Cc: x\nFrom: me@desk.example\nTo: \"Doe,"), "{file}");
        let headless: String = file.lines().filter(|line| !is_field(line)).map(|line| format!("{line}\n")).collect();
        assert_eq!(read(&headless), Edited { headless: true, text: "one\n\n# two\n".into(), ..Edited::default() });
        assert_eq!(file.lines().nth(text_line(&file) - 1), Some("one"));
        let expected = Edited {
            head: head.clone(),
            from: "me@desk.example".into(),
            status: "Closed".into(),
            text: "one\n\n# two\n".into(),
            ..Edited::default()
        };
        assert_eq!(read(&file), expected);
        for changed in [format!("\u{feff}{}", file.replace('\n', "\r\n")), file.replace('\n', "\r")] {
            assert_eq!(read(&changed), expected);
            assert!(same(&changed, &file));
        }
        assert!(same(&file, file.trim_end()) && !same(&file, &file.replace("one", "1")));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_kept() {
        for (file, bad, trouble, text) in [
            ("To: a@b.example, c\nSubject: x\n\nHi", "To: a@b.example, c", "To: \"c\" is not", "Hi"),
            ("To:\nHello,\n\nHi", "Hello,", "the line \"Hello,\" above the text is not a field", "Hi"),
            ("Cc eva@x.example\nTO : a@b.example\n \t\nHi", "Cc eva@x.example", "the line \"Cc eva", "Hi"),
            ("X-Mad: 1\nTo: a@b.example\n\nHi", "X-Mad: 1", "there is no field \"X-Mad\"", "Hi"),
            (
                "An: eva@x.example\nBetreff: Neu\nTo:\n\nHi",
                "An: eva@x.example|Betreff: Neu",
                "there is no field \"An\"",
                "Hi",
            ),
            ("Cc: a@b.example,\n  bad\n\n", "Cc: a@b.example,  bad", "Cc: \"bad\"", ""),
        ] {
            let edited = read(file);
            assert_eq!((lines(&edited.bad).join("|").as_str(), edited.text.as_str()), (bad, text), "{file:?}");
            assert!(edited.bad.first().is_some_and(|first| first.why.starts_with(trouble)), "{file:?}");
            // The next file has the lines again as they were, below what is wrong with them.
            let kept = Unread::from_text(&Unread::to_text(&edited.bad));
            assert_eq!(kept, edited.bad);
            let from = mailbox("", "me@desk.example");
            let next =
                write(&Sheet { from: &from, head: &edited.head, attached: &[], status: None, unread: &kept, text });
            assert_eq!(read(&next).bad, edited.bad, "{next}");
            assert!(next.lines().all(|line| line.chars().count() <= 76), "{next}");
        }
        for (file, attach) in [
            ("To:\nAttach: a b.pdf\nATTACH: \"c.pdf\"\nattach:\nAttach: ~/d:e.pdf\n\nx", "a b.pdf|c.pdf|~/d:e.pdf"),
            ("Attach: '/tmp/x'\nx", "/tmp/x"),
        ] {
            assert_eq!(read(file).attach.join("|"), attach, "{file:?}");
        }
        for (file, subject, text) in [
            ("Hello,\n\nHi", "", "Hello,\n\nHi"),
            ("An: eva@x.example\n\nHi", "", "An: eva@x.example\n\nHi"),
            ("# a heading\nHello,\n\nHi", "", "# a heading\nHello,\n\nHi"),
            ("Hi,\nplease restart it.\nA.", "", "Hi,\nplease restart it.\nA."),
            ("Subject: x\nHi", "x", "Hi"),
            ("# From: me\nSubject: x\n  y\nPlease note: it burns\nBye\n", "x  y", "Please note: it burns\nBye\n"),
        ] {
            let edited = read(file);
            assert_eq!((edited.head.subject.as_str(), edited.text.as_str()), (subject, text), "{file:?}");
            assert_eq!(edited.bad, [], "{file:?}");
        }
        assert_eq!(read("\nHi").text, "Hi");
        assert_eq!(read("Subject: x").head.subject, "x");
        assert_eq!(read(""), Edited { headless: true, ..Edited::default() });
        for (file, headless) in
            [("Hi\n\nyou", true), ("\nHi", true), ("# x\n\nHi", true), ("Subject:\n\nHi", false), ("to: a\nHi", false)]
        {
            assert_eq!(read(file).headless, headless, "{file:?}");
        }
    }

    #[test]
    fn any_bytes_are_a_text() {
        let utf16 = |text: &str| {
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
        };
        for (bytes, text, trouble) in [
            (b"Gr\xc3\xbc\xc3\x9fe".to_vec(), "Gr\u{fc}\u{df}e", None),
            (b"Gr\xfc\xdfe".to_vec(), "Gr\u{fc}\u{df}e", Some("Windows-1252")),
            (utf16("Gr\u{fc}\u{df}e"), "Gr\u{fc}\u{df}e", None),
            (b"a\0b".to_vec(), "ab", Some("NUL")),
            (Vec::new(), "", None),
        ] {
            let (read, said) = decode(&bytes);
            assert_eq!(read, text);
            assert_eq!(said.is_some(), trouble.is_some(), "{text}");
            assert!(said.unwrap_or_default().contains(trouble.unwrap_or_default()), "{said:?}");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed(3))]

        #[test]
        fn no_name_or_subject_writes_a_line_of_its_own(name in "\\PC{0,20}|[a-z\r\n\u{85}\u{2028}:@<>\",#]{0,30}", text in "\\PC{0,20}") {
            let head = Head { to: vec![mailbox(&name, "j@x.example")], subject: name.clone(), ..Head::default() };
            let from = mailbox(&name, "me@desk.example");
            let sheet = Sheet { from: &from, head: &head, attached: &[&name], status: None, unread: &[], text: &text };
            let edited = read(&write(&sheet));
            prop_assert_eq!(edited.text, text);
            prop_assert!(edited.head.cc.is_empty() && edited.head.bcc.is_empty() && edited.attach.is_empty());
            prop_assert!(edited.head.to.iter().all(|mailbox| mailbox.address == "j@x.example"));
        }

        #[test]
        fn no_word_that_was_saved_is_lost(file in "(([#A-Za-z]{0,8}: ?)?[a-z@. ]{0,12}\r?\n){0,6}([a-z :\n]{0,30})") {
            let edited = read(&file);
            let head = &edited.head;
            let lists = [&head.to, &head.cc, &head.bcc].map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            let kept = [&lines(&edited.bad).join(" "), &edited.text, &head.subject, &edited.from, &edited.status, &edited.attach.join(" ")].map(String::as_str).join(" ");
            let kept = format!("{kept} {}", lists.join(" "));
            let plain = file.replace('\r', "");
            // Of fields that come twice the last one counts; comments above fields go.
            let is_lost = |line: &&str| is_field(line) || (line.starts_with('#') && !edited.headless);
            let lines: Vec<&str> = plain.lines().filter(|line| !is_lost(line)).collect();
            for word in lines.iter().flat_map(|line| line.split_whitespace()) {
                prop_assert!(kept.contains(word), "{:?} of {:?}: {:?}", word, file, edited);
            }
        }
    }
}
