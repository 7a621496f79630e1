//! Priorities for the journal of systemd, and the system's log.

use std::os::unix::fs::MetadataExt as _;

use crate::support::Desk;

#[test]
fn lines_for_the_journal_have_priorities_and_others_have_none() {
    let desk = Desk::new().piped_account("support", &[]);
    let path = desk.sandbox.path("journal");
    let file = std::fs::File::create(&path).unwrap();
    let facts = file.metadata().unwrap();
    for (stream, priorities) in
        [(format!("{}:{}", facts.dev(), facts.ino()), true), (format!("{}:{}", facts.dev(), facts.ino() + 1), false)]
    {
        file.set_len(0).unwrap();
        let mut append = std::fs::OpenOptions::new();
        let to = append.append(true).open(&path).unwrap();
        let mut command = desk.sandbox.command(&["fetch", "nosuch"]);
        let status = command.env("JOURNAL_STREAM", &stream).stderr(to).status().unwrap();
        assert_eq!(status.code(), Some(65));
        let said = std::fs::read_to_string(&path).unwrap();
        let expected = match priorities {
            true => "<3>espomail: there is no account \"nosuch\"\n<6>hint: see `espomail account list`\n",
            false => "espomail: there is no account \"nosuch\"\nhint: see `espomail account list`\n",
        };
        assert_eq!(said, expected, "{stream}");
    }
}

#[test]
fn a_system_without_a_log_ends_nothing() {
    let desk = Desk::new();
    desk.ok("--log syslog team add Other");
    assert!(!desk.sandbox.path("syslog").exists(), "it is not a file");
}
