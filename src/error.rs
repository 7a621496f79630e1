//! Error kinds, their exit codes and hints: the one place that decides how the program ends.
//!
//! Inside the program errors are `anyhow` chains. Where a chain must end with a particular exit
//! code, it carries a [`Fault`]; [`classify`] finds it.

use std::fmt;
use std::io::ErrorKind;

use crate::net::{NetError, NetErrorKind};
use crate::store::db::{self, Busy, Gone, Gravity, Superseded};
use crate::system_words;

/// How serious an error is for the caller of the program (sysexits, see `man espomail`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Some item failed for good, the rest is done.
    Partial,
    /// Flags that do not fit.
    Usage,
    /// Input refused.
    Data,
    /// The server refuses for good: certificate, protocol nonsense.
    Unavailable,
    /// A bug of this program.
    Bug,
    /// Disk full, read-only or damaged database.
    Io,
    /// Network, 4xx, busy, deadline: run again.
    TempFail,
    /// Login refused, role forbids, no user mapped.
    NoPerm,
    /// Configuration or secret wrong.
    Config,
}

impl Kind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Partial => 1,
            Kind::Usage => 2,
            Kind::Data => 65,
            Kind::Unavailable => 69,
            Kind::Bug => 70,
            Kind::Io => 74,
            Kind::TempFail => 75,
            Kind::NoPerm => 77,
            Kind::Config => 78,
        }
    }

    /// The name used in JSON errors.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Partial => "partial",
            Kind::Usage => "usage",
            Kind::Data => "data",
            Kind::Unavailable => "unavailable",
            Kind::Bug => "bug",
            Kind::Io => "io",
            Kind::TempFail => "tempfail",
            Kind::NoPerm => "noperm",
            Kind::Config => "config",
        }
    }

    pub fn by_name(name: &str) -> Option<Kind> {
        use Kind::{Bug, Config, Data, Io, NoPerm, Partial, TempFail, Unavailable, Usage};
        let all = [Partial, Usage, Data, Unavailable, Bug, Io, TempFail, NoPerm, Config];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// The more serious of two kinds when several accounts failed: 78, 74, 70, 77, 69, 75, then the rest.
    pub fn worse(self, other: Kind) -> Kind {
        let rank = |k| match k {
            Kind::Config => 0,
            Kind::Io => 1,
            Kind::Bug => 2,
            Kind::NoPerm => 3,
            Kind::Unavailable => 4,
            Kind::TempFail => 5,
            Kind::Usage | Kind::Data => 6,
            Kind::Partial => 7,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

/// An error with a known kind and, where there is one, the next step for the person who reads it.
#[derive(Debug)]
pub struct Fault {
    /// Decides the exit code.
    pub kind: Kind,
    /// One sentence, no full stop: what is wrong, naming the field.
    pub message: String,
    /// The next command or step.
    pub hint: Option<String>,
    /// What the system said of a file; its words stand in the message.
    pub cause: Option<ErrorKind>,
}

impl Fault {
    /// A fault without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into(), hint: None, cause: None }
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything has been said to people; only the exit code is left.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// Some of it failed, and each failure had its own line. Programs still get an error object.
    #[error("some of it failed")]
    Partly(Kind),
    /// The same of accounts: what fails for the first time is told nobody, so that there may be no line.
    #[error("mail of an account could not be fetched or sent")]
    OfAccounts(Kind),
    /// A code that is not one of [`Kind`]'s: of `check`, or of a command that ran through sudo.
    #[error("exit code {0}")]
    Code(u8),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Input refused (exit 65): `error::data("subject: must not be empty")`.
pub fn data(message: impl Into<String>) -> Fault {
    Fault::new(Kind::Data, message)
}

/// A value whose form is wrong, or arguments that do not fit together (exit 2, B14.1). What follows a semicolon becomes the hint:
/// `error::usage("--at: \"x\" is not a date; write it as today")`.
pub fn usage(message: impl Into<String>) -> Fault {
    let message = message.into();
    let (sentence, next) = sentence_and_next(&message);
    Fault { hint: next, ..Fault::new(Kind::Usage, sentence) }
}

/// What is wrong, and, after a semicolon, what to write instead.
pub fn sentence_and_next(text: &str) -> (String, Option<String>) {
    match text.rsplit_once("; ") {
        // Not inside of what somebody typed.
        Some((sentence, next)) if sentence.matches('"').count().is_multiple_of(2) => {
            (sentence.to_owned(), Some(next.to_owned()))
        }
        _ => (text.to_owned(), None),
    }
}

/// A file that cannot be used (exit 65; 74 where the disk is to blame): `error::file("cannot read a.txt", &error)`.
pub fn file(what: impl fmt::Display, error: &std::io::Error) -> Fault {
    let kind = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => Kind::Io,
        _ => Kind::Data,
    };
    Fault { cause: Some(error.kind()), ..Fault::new(kind, format!("{what}: {}", system_words::reason(error))) }
}

/// Configuration or secret wrong (exit 78).
pub fn config(message: impl Into<String>) -> Fault {
    Fault::new(Kind::Config, message)
}

/// Not allowed (exit 77).
pub fn noperm(message: impl Into<String>) -> Fault {
    Fault::new(Kind::NoPerm, message)
}

/// Whether the rights of this process were too few for a file.
pub fn is_denied(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_system = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let of_file = cause.downcast_ref::<Fault>().and_then(|fault| fault.cause);
        of_system.or(of_file) == Some(ErrorKind::PermissionDenied)
    })
}

/// The kind of an error chain and the next step for the person who reads it.
pub fn classify(error: &anyhow::Error) -> (Kind, Option<String>) {
    if let Some(fault) = error.chain().find_map(|cause| cause.downcast_ref::<Fault>()) {
        return (fault.kind, fault.hint.clone());
    }
    if let Some(Ended::Partly(kind)) = error.downcast_ref() {
        return (*kind, None);
    }
    if let Some(Ended::OfAccounts(kind)) = error.downcast_ref() {
        return (*kind, Some("espomail status shows which account, and why".to_owned()));
    }
    if let Some(net) = error.chain().find_map(|cause| cause.downcast_ref::<NetError>()) {
        let (kind, hint) = network(net.kind);
        return (kind, net.hint.clone().or(hint));
    }
    if let Some(busy) = error.chain().find_map(|cause| cause.downcast_ref::<Busy>()) {
        return (Kind::TempFail, Some(busy.hint()));
    }
    if let Some(gone) = error.chain().find_map(|cause| cause.downcast_ref::<Gone>()) {
        return (Kind::TempFail, Some(gone.hint().to_owned()));
    }
    if error.chain().any(|cause| cause.is::<Superseded>()) {
        return (Kind::TempFail, Some("what was committed stays; the other host goes on".to_owned()));
    }
    if let Some(gravity) = error.chain().find_map(db::gravity) {
        let (kind, hint) = match gravity {
            Gravity::Busy => (Kind::TempFail, "another process is writing; run it again"),
            Gravity::Gone => (Kind::TempFail, "run it again when the server is there"),
            Gravity::Broken => {
                (Kind::Io, "espomail doctor says what is wrong with the disk, the rights or the database")
            }
            Gravity::Bug => (Kind::Bug, "this is a bug; please report it"),
        };
        return (kind, Some(hint.to_owned()));
    }
    match error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind) {
        Some(ErrorKind::TimedOut | ErrorKind::Interrupted | ErrorKind::WouldBlock) => (Kind::TempFail, None),
        Some(_) => (Kind::Io, None),
        None => (Kind::Bug, Some("this is a bug; please report it with the command you typed".to_owned())),
    }
}

fn network(kind: NetErrorKind) -> (Kind, Option<String>) {
    let (kind, hint) = match kind {
        NetErrorKind::LoginRefused => {
            (Kind::NoPerm, "`espomail account test` with the name of the account says what to type")
        }
        NetErrorKind::NotAllowed => {
            (Kind::Config, "for a server of your own network, name it in allowed_hosts of the configuration")
        }
        NetErrorKind::Certificate => {
            (Kind::Unavailable, "`espomail account test` with the name of the account prints its fingerprint")
        }
        NetErrorKind::Tls => {
            (Kind::Unavailable, "is the TLS mode right? --tls implicit (993, 465) or starttls (143, 587)")
        }
        NetErrorKind::Setting => (Kind::Config, "name another file with `espomail account edit` and --ca"),
        NetErrorKind::Folder => {
            (Kind::Unavailable, "`espomail account folders` with the name of the account says which there are")
        }
        NetErrorKind::Refused | NetErrorKind::Protocol => (Kind::Unavailable, ""),
        NetErrorKind::Unreachable
        | NetErrorKind::Timeout
        | NetErrorKind::Closed
        | NetErrorKind::Temporary
        | NetErrorKind::TokenExpired => (Kind::TempFail, ""),
    };
    (kind, Some(hint.to_owned()).filter(|h| !h.is_empty()))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn chains_are_classified_by_what_they_carry() {
        let net = |kind| anyhow::Error::from(NetError::new(kind, "said")).context("account x");
        let rows = [
            (anyhow::Error::from(data("subject: empty")).context("outer"), 65),
            (net(NetErrorKind::LoginRefused), 77),
            (net(NetErrorKind::NotAllowed), 78),
            (net(NetErrorKind::Certificate), 69),
            (net(NetErrorKind::Setting), 78),
            (net(NetErrorKind::Timeout), 75),
            (anyhow::Error::from(std::io::Error::from(ErrorKind::StorageFull)), 74),
            (Ended::Partly(Kind::NoPerm).into(), 77),
            (anyhow!("what is this"), 70),
        ];
        for (error, code) in rows {
            assert_eq!(classify(&error).0.exit_code(), code, "{error:#}");
        }
    }

    #[test]
    fn the_most_serious_of_several_accounts_decides() {
        let order = [Kind::Config, Kind::Io, Kind::Bug, Kind::NoPerm, Kind::Unavailable, Kind::TempFail, Kind::Partial];
        for pair in order.windows(2) {
            if let [worse, better] = pair {
                assert_eq!(worse.worse(*better), *worse);
                assert_eq!(better.worse(*worse), *worse);
            }
        }
    }
}
