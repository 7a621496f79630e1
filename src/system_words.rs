//! What the system and the libraries say, without what they say to programmers, and to whom a file is closed.

use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use nix::unistd::{Uid, User};

/// Why the system refused something, without its number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        ErrorKind::InvalidData => error.to_string().replace("stream did not contain valid UTF-8", "it is not UTF-8"),
        _ => {
            let said = plain(&error.to_string());
            let mut letters = said.chars();
            letters.next().map(char::to_lowercase).into_iter().flatten().chain(letters).collect()
        }
    }
}

/// The user of this process, where a file is there and that user may not read it.
pub fn closed_to(path: &Path, error: &io::Error) -> Option<String> {
    let is_there = error.kind() == ErrorKind::PermissionDenied && path.is_file();
    let user = is_there.then(|| User::from_uid(Uid::effective()).ok().flatten()).flatten();
    user.map(|user| user.name)
}

/// How a program ended that was not successful.
pub fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "was ended".to_owned(),
    }
}

/// A chain of errors as one sentence.
pub fn chain(error: &anyhow::Error) -> String {
    let words = error.chain().map(|cause| match cause.downcast_ref::<io::Error>() {
        Some(error) => reason(error),
        None => plain(&cause.to_string()),
    });
    let mut words: Vec<String> = words.collect();
    // What the engine says of itself and again of what it did is told once.
    words.dedup();
    words.join(": ")
}

/// Takes out what libraries say to programmers: ` (os error 2)`, and the code with which SQLite says its words twice.
pub fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (begin, end) in [(" (os error ", ")"), ("Error code ", ": ")] {
        while let Some(at) = text.find(begin) {
            let rest = text.get(at + begin.len()..).unwrap_or_default();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 || !rest.get(digits..).unwrap_or_default().starts_with(end) {
                break;
            }
            text.replace_range(at..at + begin.len() + digits + end.len(), "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_libraries_are_left_out() {
        for (said, expected) in [
            ("cannot read a: No such file (os error 2)", "cannot read a: No such file"),
            ("x (os error 13): y (os error 5)", "x: y"),
            ("disk full: Error code 13: disk full", "disk full: disk full"),
            ("(os error x)", "(os error x)"),
            (" (os error x)", " (os error x)"),
        ] {
            assert_eq!(plain(said), expected, "{said}");
        }
        assert_eq!(ended(ExitStatus::from_raw(3 << 8)), "ended with exit code 3");
        assert_eq!(ended(ExitStatus::from_raw(9)), "was ended by signal 9");
        assert_eq!(reason(&io::Error::from_raw_os_error(13)), "permission denied");
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "there is no such file or directory");
    }

    #[test]
    fn a_file_that_is_there_and_closed_has_a_user_who_is_to_read_it() {
        let me = User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name);
        for (path, error, expected) in [
            ("/etc/passwd", ErrorKind::PermissionDenied, me),
            ("/etc/passwd", ErrorKind::NotFound, None),
            ("/etc/no-such-file", ErrorKind::PermissionDenied, None),
        ] {
            assert_eq!(closed_to(Path::new(path), &error.into()), expected, "{path} {error}");
        }
    }
}
