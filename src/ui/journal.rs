//! Priorities for the journal of systemd: a line on standard error that begins with `<3>` is an error there (sd-daemon(3)).
//! Only where standard error is the journal, as systemd tells by its device and inode.

use std::borrow::Cow;
use std::io;
use std::sync::OnceLock;

use rustix::fs::fstat;

/// How serious a line is, by the numbers of syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    Error = 3,
    Warning = 4,
    Info = 6,
    Debug = 7,
}

/// A text for standard error, each line of it with its priority where the journal reads it.
pub fn marked(priority: Priority, text: &str) -> Cow<'_, str> {
    static IS_JOURNAL: OnceLock<bool> = OnceLock::new();
    let is_journal = *IS_JOURNAL.get_or_init(|| {
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        fstat(io::stderr()).is_ok_and(|facts| is_journal(&stream, facts.st_dev, facts.st_ino))
    });
    if is_journal { Cow::Owned(with_marks(priority, text)) } else { Cow::Borrowed(text) }
}

/// Whether `JOURNAL_STREAM` means this file: a child whose output goes elsewhere has the variable too.
fn is_journal(stream: &str, device: u64, inode: u64) -> bool {
    stream.split_once(':').is_some_and(|(d, i)| d.parse() == Ok(device) && i.parse() == Ok(inode))
}

fn with_marks(priority: Priority, text: &str) -> String {
    text.split_inclusive('\n').map(|line| format!("<{}>{line}", priority as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_that_systemd_named_gets_priorities() {
        for (stream, expected) in
            [("8:4711", true), ("8:4712", false), ("9:4711", false), ("", false), ("8", false), ("8:4711:1", false)]
        {
            assert_eq!(is_journal(stream, 8, 4_711), expected, "{stream}");
        }
    }

    #[test]
    fn each_line_has_its_priority() {
        assert_eq!(with_marks(Priority::Error, "espomail: a\nb"), "<3>espomail: a\n<3>b");
        assert_eq!(with_marks(Priority::Info, "hint: x\n"), "<6>hint: x\n");
    }
}
