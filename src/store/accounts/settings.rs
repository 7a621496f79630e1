//! The values that settings of an account can have.

use std::fmt;
use std::str::FromStr;

use crate::store::label::{UnknownLabel, labels};

labels! {
    /// Whose mailbox an account is.
    pub enum AccountKind {
        /// A shared mailbox such as support@.
        Group = "group",
        /// Owned by one user.
        Personal = "personal",
    }
}

labels! {
    /// How a connection is protected.
    pub enum Tls {
        /// TLS from the first byte.
        Implicit = "implicit",
        /// STARTTLS, enforced.
        StartTls = "starttls",
        /// None; loopback only.
        None = "none",
    }
}

labels! {
    /// How the account logs in.
    pub enum Auth {
        /// Name and password, in the way that the server offers.
        Password = "password",
        /// SASL PLAIN.
        Plain = "plain",
        /// The command of IMAP, or the SASL mechanism.
        Login = "login",
        /// SASL CRAM-MD5.
        CramMd5 = "cram-md5",
        /// SASL XOAUTH2.
        XOAuth2 = "xoauth2",
        /// SASL OAUTHBEARER.
        OAuthBearer = "oauthbearer",
    }
}

impl Auth {
    /// Whether the secret is an access token.
    pub fn takes_token(self) -> bool {
        match self {
            Auth::Password | Auth::Plain | Auth::Login | Auth::CramMd5 => false,
            Auth::XOAuth2 | Auth::OAuthBearer => true,
        }
    }
}

labels! {
    /// How new cases find their assignee (B5.5).
    pub enum Distribution {
        /// Nobody.
        None = "none",
        /// Always the assign-to user.
        Direct = "direct",
        /// In turn.
        RoundRobin = "round-robin",
        /// The user with the fewest open cases.
        LeastBusy = "least-busy",
    }
}

impl Distribution {
    /// Whether it chooses among the members of the case team.
    pub fn is_by_team(self) -> bool {
        match self {
            Distribution::None | Distribution::Direct => false,
            Distribution::RoundRobin | Distribution::LeastBusy => true,
        }
    }

    /// Whether the next choice depends on the last one.
    pub fn turns_wheel(self) -> bool {
        match self {
            Distribution::RoundRobin => true,
            Distribution::None | Distribution::Direct | Distribution::LeastBusy => false,
        }
    }
}

labels! {
    /// What machine mail without a thread becomes (B5.3).
    pub enum AutoMail {
        /// An archived email.
        Archive = "archive",
        Case = "case",
    }
}

labels! {
    /// What mail of a domain without a DMARC policy is worth (B4.12).
    pub enum DmarcNone {
        /// As much as mail that the server vouches for.
        Trust = "trust",
        /// No more than mail that fails.
        Refuse = "refuse",
    }
}

labels! {
    /// Which customers' mail a user may forward to the account, so that it becomes the customer's case (B5.7).
    pub enum StaffForward {
        /// Attached or copied into the text.
        All = "all",
        /// Attached only.
        Attached = "attached",
        /// None: the case is the user's own.
        Off = "off",
    }
}

labels! {
    /// Who may read the mail of a personal account besides its owner (B6.1).
    pub enum Share {
        /// Those it is addressed to.
        Private = "private",
        /// Also everyone who can read the record that a mail is linked to.
        Record = "record",
    }
}

labels! {
    /// The language of the people who write to an account, by its code; [`crate::mail::language`] has the words.
    pub enum Language {
        English = "en",
        Czech = "cs",
        Danish = "da",
        German = "de",
        Spanish = "es",
        Finnish = "fi",
        French = "fr",
        Hungarian = "hu",
        Indonesian = "id",
        Italian = "it",
        Japanese = "ja",
        Korean = "ko",
        Norwegian = "nb",
        Dutch = "nl",
        Polish = "pl",
        Portuguese = "pt",
        Russian = "ru",
        Swedish = "sv",
        Thai = "th",
        Turkish = "tr",
        Ukrainian = "uk",
        Vietnamese = "vi",
        Chinese = "zh",
    }
}

labels! {
    /// Where the folder map puts the mail of a folder.
    pub enum PutIn {
        /// Where it comes to anyway, or into a folder of the owner's.
        Usual = "",
        /// Into the owner's archive.
        Archive = "archive",
        /// Into the owner's trash.
        Trash = "trash",
    }
}

/// The Sent folder as a source: what the account's people wrote in other programs (B13.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadSent {
    /// It is not polled.
    No,
    /// The one that the server calls so (SPECIAL-USE), else a folder of a usual name.
    Auto,
    Folder(String),
}

impl fmt::Display for ReadSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadSent::No => f.write_str("no"),
            ReadSent::Auto => f.write_str("auto"),
            ReadSent::Folder(name) => f.write_str(name),
        }
    }
}

impl FromStr for ReadSent {
    type Err = UnknownLabel;

    fn from_str(given: &str) -> Result<ReadSent, UnknownLabel> {
        match given {
            "no" => Ok(ReadSent::No),
            "auto" => Ok(ReadSent::Auto),
            name if !name.is_empty() && !name.chars().any(char::is_control) => Ok(ReadSent::Folder(name.to_owned())),
            _ => Err(UnknownLabel { known: "auto, no, or the name of a folder".into(), given: given.into() }),
        }
    }
}

/// What a customer's answer to a closed case does (B5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnClosed {
    /// Opens it again.
    Reopen,
    /// Makes a new case that relates to it.
    New,
    /// Opens it again within this number of days after closing, else makes a new one.
    ReopenWithin(u16),
}

impl fmt::Display for OnClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OnClosed::Reopen => f.write_str("reopen"),
            OnClosed::New => f.write_str("new"),
            OnClosed::ReopenWithin(days) => write!(f, "reopen-within:{days}"),
        }
    }
}

impl FromStr for OnClosed {
    type Err = UnknownLabel;

    fn from_str(given: &str) -> Result<OnClosed, UnknownLabel> {
        let within = given.strip_prefix("reopen-within:").and_then(|days| days.parse().ok()).filter(|days| *days > 0);
        match (given, within) {
            ("reopen", _) => Ok(OnClosed::Reopen),
            ("new", _) => Ok(OnClosed::New),
            (_, Some(days)) => Ok(OnClosed::ReopenWithin(days)),
            _ => Err(UnknownLabel { known: "reopen, new, reopen-within:DAYS".into(), given: given.into() }),
        }
    }
}

/// What is done to a message on the server after its import (B2.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterImport {
    /// \Seen is set.
    Seen,
    /// Nothing.
    Keep,
    /// It is deleted.
    Delete,
    /// It is moved to another folder.
    Move(String),
}

impl fmt::Display for AfterImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AfterImport::Seen => f.write_str("seen"),
            AfterImport::Keep => f.write_str("keep"),
            AfterImport::Delete => f.write_str("delete"),
            AfterImport::Move(folder) => write!(f, "move:{folder}"),
        }
    }
}

impl FromStr for AfterImport {
    type Err = UnknownLabel;

    fn from_str(given: &str) -> Result<AfterImport, UnknownLabel> {
        match (given, given.strip_prefix("move:")) {
            ("seen", _) => Ok(AfterImport::Seen),
            ("keep", _) => Ok(AfterImport::Keep),
            ("delete", _) => Ok(AfterImport::Delete),
            (_, Some(folder)) if !folder.is_empty() => Ok(AfterImport::Move(folder.to_owned())),
            _ => Err(UnknownLabel { known: "seen, keep, delete, move:FOLDER".into(), given: given.into() }),
        }
    }
}

/// Where copies of sent mail are kept (B13.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSent {
    /// In the folder that the server has for that (RFC 6154).
    SpecialUse,
    /// In this one.
    Folder(String),
}

impl fmt::Display for StoreSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreSent::SpecialUse => f.write_str("\\Sent"),
            StoreSent::Folder(name) => f.write_str(name),
        }
    }
}

impl FromStr for StoreSent {
    type Err = UnknownLabel;

    fn from_str(given: &str) -> Result<StoreSent, UnknownLabel> {
        match given {
            "\\Sent" => Ok(StoreSent::SpecialUse),
            "" => Err(UnknownLabel { known: "a folder".into(), given: given.into() }),
            folder => Ok(StoreSent::Folder(folder.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_language_of_accounts_has_words() {
        let codes: Vec<&str> = crate::mail::language::ALL.iter().map(|language| language.code).collect();
        assert_eq!(Language::ALL.iter().map(|language| language.as_str()).collect::<Vec<_>>(), codes);
    }

    #[test]
    fn values_of_several_words_round_trip() {
        for text in ["reopen", "new", "reopen-within:14"] {
            assert_eq!(text.parse::<OnClosed>().unwrap().to_string(), text);
        }
        for text in ["seen", "keep", "delete", "move:Done/2026"] {
            assert_eq!(text.parse::<AfterImport>().unwrap().to_string(), text);
        }
        for text in ["reopen-within:", "reopen-within:0", "reopen-within:x", "never"] {
            assert!(text.parse::<OnClosed>().is_err(), "{text}");
        }
        for text in ["\\Sent", "Sent/2026"] {
            assert_eq!(text.parse::<StoreSent>().unwrap().to_string(), text);
        }
        assert!("move:".parse::<AfterImport>().is_err());
    }
}
