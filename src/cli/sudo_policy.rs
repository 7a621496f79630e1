//! What a caller who came through sudo may not say (B11).
//!
//! The process has the rights of the service user, which the caller lacks: everything it would open, start or believe by the
//! caller's word is refused here, before anything is opened. Which arguments name files is read off the command tree: their
//! value names say `FILE`, `PATH` or `DIR`, and a test finds those that do not.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueHint};

use super::named_files;
use crate::error::{self, Fault};

/// Flags of the whole program that choose files, or another person.
const FLAGS: [&str; 5] = ["db", "state", "config", "log", "acting_as"];
/// Variables by which the caller would choose files or code. A rule of sudo with `env_reset` lets none of them through.
const VARIABLES: [&str; 7] = ["ESPOMAIL_", "LD_", "OPENSSL_", "SSL_CERT_", "CREDENTIALS_DIRECTORY", "RUST_", "SQLITE_"];

/// Takes away what the caller may have left: open files, and their directory.
///
/// # Errors
/// There is no `/`.
pub fn detach() -> Result<()> {
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in open {
        // The one by which they were listed is closed already.
        let _ = nix::unistd::close(fd);
    }
    Ok(std::env::set_current_dir("/")?)
}

/// Refuses what a delegated caller may not say.
///
/// # Errors
/// Exit 77, naming the flag or variable.
pub fn check(
    command: &Command,
    matches: &ArgMatches,
    environment: impl Iterator<Item = OsString>,
) -> Result<(), Fault> {
    for name in environment {
        let name = name.to_string_lossy();
        if VARIABLES.iter().any(|refused| name.starts_with(refused)) {
            return Err(error::noperm(format!("{name}: you cannot use it when you come through sudo"))
                .hint("leave it unset, and let the rule of sudo have env_reset"));
        }
    }
    let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    for arg in command.get_arguments().filter(|arg| FLAGS.contains(&arg.get_id().as_str())) {
        if is_given(arg.get_id().as_str()) {
            return Err(error::noperm(format!("{}: you cannot use it when you come through sudo", shown(arg)))
                .hint("leave it out; only root can use it"));
        }
    }
    if matches.get_count("verbose") > 1 {
        return Err(error::noperm("-vv: you cannot use it when you come through sudo").hint("-v is not"));
    }
    files(command, matches)
}

/// Refuses files that are named, and secrets that do not come by standard input.
fn files(command: &Command, matches: &ArgMatches) -> Result<(), Fault> {
    for (arg, meaning, value) in named_values(command, matches) {
        match meaning {
            Meaning::File if !is_sent(arg, value) => {
                let what = match arg.get_long() {
                    Some(long) => format!("--{long}"),
                    None => format!("\"{}\"", value.to_string_lossy()),
                };
                return Err(error::noperm(format!("{what}: you cannot name a file when you come through sudo"))
                    .hint("use - for standard input or output; the shell opens files with your own rights"));
            }
            Meaning::Secret if value != "stdin" && !value.is_empty() => {
                return Err(error::noperm(format!(
                    "{}: you can only use stdin when you come through sudo",
                    shown(arg)
                ))
                .hint("espomail … --secret stdin < FILE"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The files that a command names. By the hint of the argument, [`ValueHint::FilePath`] is read, by [`named_files::read`] alone;
/// [`ValueHint::Other`] is written, [`ValueHint::DirPath`] filled, and `-` is standard output for both.
pub fn named_files<'a>(command: &'a Command, matches: &'a ArgMatches) -> Vec<(&'a Arg, &'a OsStr)> {
    let files = named_values(command, matches).into_iter().filter(|(_, meaning, _)| *meaning == Meaning::File);
    files.map(|(arg, _, value)| (arg, value)).collect()
}

/// The arguments that mean files or secrets, with their values; neither standard streams nor ids.
fn named_values<'a>(command: &'a Command, matches: &'a ArgMatches) -> Vec<(&'a Arg, Meaning, &'a OsStr)> {
    let mut found = Vec::new();
    for arg in command.get_arguments() {
        let values = matches.try_get_raw(arg.get_id().as_str()).ok().flatten().into_iter().flatten();
        let names = arg.get_value_names().unwrap_or_default();
        found.extend(names.iter().cycle().zip(values).filter_map(|(name, value)| {
            let is_id = name.contains('|') && is_number(value);
            meaning(name).filter(|_| value != "-" && !is_id).map(|meaning| (arg, meaning, value))
        }));
    }
    let below = matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    found.extend(below.into_iter().flat_map(|(command, matches)| named_values(command, matches)));
    found
}

/// Whether only the bytes of a file came.
fn is_sent(arg: &Arg, value: &OsStr) -> bool {
    arg.get_value_hint() == ValueHint::FilePath && value.to_str().is_some_and(named_files::is_sent)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    File,
    Secret,
}

/// What a value name says of its values.
fn meaning(value_name: &str) -> Option<Meaning> {
    let is_file = |word: &str| word.starts_with("FILE") || word == "PATH" || word == "DIR";
    match value_name {
        "SPEC" => Some(Meaning::Secret),
        name if name.split('|').any(is_file) => Some(Meaning::File),
        _ => None,
    }
}

/// Where an id or a file may stand, a number is always the id.
fn is_number(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| value.parse::<i64>().is_ok())
}

fn shown(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_value_names().and_then(|names| names.first())) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(name)) => name.to_string(),
        (None, None) => arg.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn refusal(line: &str, environment: &[&str]) -> Option<String> {
        let words = line.split(' ').map(|word| word.trim_matches('\''));
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(std::iter::once("espomail").chain(words)).unwrap();
        let environment = environment.iter().map(OsString::from);
        check(&command, &matches, environment).err().map(|fault| {
            assert_eq!(fault.kind, error::Kind::NoPerm);
            assert!(fault.hint.is_some());
            fault.message
        })
    }

    #[test]
    fn flags_and_variables_of_the_owner_are_refused() {
        for line in [
            "--db x.db whoami",
            "whoami --db x.db",
            "--state /tmp whoami",
            "whoami --state=/tmp",
            "--config x.toml whoami",
            "--log x.log whoami",
            "--as ana whoami",
            "-vv whoami",
            "case list -v -v",
        ] {
            assert!(refusal(line, &[]).is_some(), "{line}");
        }
        for name in [
            "ESPOMAIL_DB",
            "ESPOMAIL_STATE",
            "ESPOMAIL_CONFIG",
            "ESPOMAIL_X",
            "LD_PRELOAD",
            "OPENSSL_CONF",
            "SSL_CERT_FILE",
        ] {
            assert!(refusal("whoami", &["PATH", name]).unwrap().starts_with(name), "{name}");
        }
        for line in ["whoami", "-v case list", "--json case list is:open", "case note 3 -m x", "case reply 3 -"] {
            assert_eq!(refusal(line, &["PATH", "HOME", "TERM", "SUDO_UID"]), None, "{line}");
        }
    }

    /// Each argument that names a file or a secret, by a line that uses it.
    const LINES: &[(&str, &str)] = &[
        ("account add x --secret file:/x", "account add --secret"),
        ("account add x --secret cmd:true", "account add --secret"),
        ("account add x --secret env:PW", "account add --secret"),
        ("account add x --secret cred:pw", "account add --secret"),
        ("account add x --smtp-secret cmd:true", "account add --smtp-secret"),
        ("account add x --token cmd:true", "account add --token"),
        ("account add x --client-secret file:/x", "account add --client-secret"),
        ("account edit x --client-secret cmd:true", "account edit --client-secret"),
        ("account add x --ca ca.pem", "account add --ca"),
        ("account edit x --secret file:/x", "account edit --secret"),
        ("account edit x --smtp-secret file:/x", "account edit --smtp-secret"),
        ("account edit x --token cmd:true", "account edit --token"),
        ("account edit x --ca ca.pem", "account edit --ca"),
        ("account secret x --secret file:/x", "account secret --secret"),
        ("account secret x --smtp-secret file:/x", "account secret --smtp-secret"),
        ("case close 3 -F note", "case close --file"),
        ("case create --subject x -F note", "case create --file"),
        ("case note 3 -F note", "case note --file"),
        ("case note 3 --file 123", "case note --file"),
        ("case reply 3 -F note", "case reply --file"),
        ("case reply 3 --attach scan.pdf", "case reply --attach"),
        ("db backup copy.db", "db backup FILE"),
        ("db restore copy.db", "db restore FILE"),
        ("email attachment cat mail.eml 2", "email attachment cat ID|FILE"),
        ("email attachment list mail.eml", "email attachment list ID|FILE"),
        ("email attachment save mail.eml", "email attachment save ID|FILE"),
        ("email attachment save 3", "email attachment save --dir"),
        ("email edit 3 --attach x", "email edit --attach"),
        ("email edit 3 -F x", "email edit --file"),
        ("email forward 3 --attach x", "email forward --attach"),
        ("email forward 3 -F x", "email forward --file"),
        ("email reply 3 --attach x", "email reply --attach"),
        ("email reply 3 -F x", "email reply --file"),
        ("email send --to a@b.example --attach x", "email send --attach"),
        ("email send --to a@b.example -F x", "email send --file"),
        ("email show 3 ../3", "email show ID|FILE"),
        ("export case 3 --to mbox x", "export case --to"),
        ("export email 3 --to mbox x", "export email --to"),
        ("filter import x", "filter import FILE"),
        ("filter test x", "filter test FILE|EMAIL"),
        ("import eml x --account a", "import eml PATH"),
        ("import maildir x --account a", "import maildir PATH"),
        ("import mbox x --account a", "import mbox PATH"),
        ("metrics --textfile x", "metrics --textfile"),
        ("account import x", "account import FILE"),
        ("init --address a@b.example --secret file:/x", "init --secret"),
        ("init --address a@b.example --ca x", "init --ca"),
        ("man --to /tmp", "man --to"),
        ("note case/3 -F x", "note --file"),
        ("quarantine export 3 x", "quarantine export FILE"),
        ("record import x contact", "record import FILE.csv"),
        ("record import - contact --rejects x", "record import --rejects"),
        ("report accounts --html x", "report accounts --html"),
        ("report accounts --svg x", "report accounts --svg"),
        ("report backlog --html x", "report backlog --html"),
        ("report backlog --svg x", "report backlog --svg"),
        ("report first-response --html x", "report first-response --html"),
        ("report first-response --svg x", "report first-response --svg"),
        ("report resolution --html x", "report resolution --html"),
        ("report resolution --svg x", "report resolution --svg"),
        ("report tags --html x", "report tags --html"),
        ("report tags --svg x", "report tags --svg"),
        ("report volume --html x", "report volume --html"),
        ("report volume --svg x", "report volume --svg"),
        ("report workload --html x", "report workload --html"),
        ("report workload --svg x", "report workload --svg"),
        ("report summary --html x", "report summary --html"),
        ("template add x --subject s --body x", "template add --body"),
        ("template add x --subject s --body - --html x", "template add --html"),
        ("template edit x --body x", "template edit --body"),
        ("template edit x --html x", "template edit --html"),
        ("account add x --signature-file x", "account add --signature-file"),
        ("account edit x --signature-file x", "account edit --signature-file"),
        ("case edit 3 -F x", "case edit --file"),
        ("user edit x --signature-file x", "user edit --signature-file"),
        ("account edit x --secret cmd:true", "account edit --secret"),
    ];

    #[test]
    fn every_argument_that_names_a_file_or_secret_is_refused() {
        let mut named = BTreeSet::new();
        walk(&Cli::command(), "", &mut |path, arg| {
            if arg.get_value_names().unwrap_or_default().iter().any(|name| meaning(name).is_some()) {
                named.insert(format!("{path}{}", shown(arg)));
            }
        });
        let tried: BTreeSet<String> = LINES.iter().map(|(_, arg)| (*arg).to_owned()).collect();
        let ours = |name: &String| !FLAGS.iter().any(|flag| *name == format!("--{flag}"));
        assert_eq!(named.into_iter().filter(ours).collect::<BTreeSet<_>>(), tried);
        for (line, arg) in LINES {
            let refused = refusal(line, &[]).unwrap_or_else(|| format!("{line} passes"));
            let named = refused.split(':').next().unwrap();
            assert!(arg.ends_with(named) || line.contains(named.trim_matches('"')), "{line}: {refused}");
        }
    }

    #[test]
    fn numbers_and_standard_streams_pass() {
        for line in [
            "email show 3 4",
            "email attachment cat 3 2",
            "filter test 3",
            "filter import -",
            "export case 3 --to mbox -",
            "record import - contact",
            "template add x --subject s --body -",
            "case note 3 -F -",
            "account add x --secret stdin",
            "account edit x --secret stdin --smtp-secret ''",
            "account secret x --smtp-secret stdin",
            "man",
            "quarantine export 3 -",
        ] {
            assert_eq!(refusal(line, &[]), None, "{line}");
        }
    }

    /// Paths, and arguments that the help calls a file, carry a value name that says so.
    #[test]
    fn no_argument_hides_a_file() {
        let path = clap::value_parser!(PathBuf);
        walk(&Cli::command(), "", &mut |command, arg| {
            let names = arg.get_value_names().unwrap_or_default();
            if !arg.get_action().takes_values() || names.iter().any(|name| meaning(name) == Some(Meaning::File)) {
                return;
            }
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let is_path = arg.get_value_parser().type_id() == path.type_id();
            let says_so =
                help.split([' ', ',', ';']).any(|word| matches!(word, "File" | "file" | "Directory" | "directory"));
            // It speaks of another argument's file.
            let says_so = says_so && shown(arg) != "--scope";
            // Nobody who comes through sudo can use it.
            let is_closed = command == "db copy ";
            assert!(is_closed || !is_path && !says_so, "{command}{}: {help}", shown(arg));
        });
    }

    fn walk(command: &Command, path: &str, see: &mut dyn FnMut(&str, &Arg)) {
        command.get_arguments().for_each(|arg| see(path, arg));
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path}{} ", sub.get_name()), see);
        }
    }
}
