//! The only sockets. Two small traits are what the rest of the program sees: a [`MailSource`]
//! (IMAP) and a [`MailTransport`] (SMTP). No store, no clock of the business, no policy.

mod agent;
pub mod discover;
pub mod guard;
pub mod http;
pub mod imap;
mod junk_folder;
mod later;
mod lines;
pub mod loopback;
pub mod patience;
pub mod pin;
pub mod presets;
mod printable;
mod quota;
pub mod reach;
mod sasl;
mod sent_folder;
pub mod smtp;
pub mod tls;
pub mod trail;
mod wire;

#[cfg(test)]
pub mod idle;
#[cfg(test)]
mod testing;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{Timestamp, civil::Date};
use zeroize::Zeroizing;

pub use self::junk_folder::junk_folder;
pub use self::later::Later;
use self::pin::Pin;
pub use self::quota::Quota;
use self::reach::Reach;
pub use self::sent_folder::sent_folder;
use self::trail::Trail;

/// Where to connect and how to protect the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or IP address (IPv6 without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    pub tls: TlsMode,
    /// PEM file with a certificate authority to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// What the server must show, one of these; all are of keys, or all of certificates.
    pub pins: Vec<Pin>,
    /// Addresses that it may have.
    pub reach: Reach,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// Who watches.
    pub trail: Trail,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS, enforced: without it the connection is refused.
    StartTls,
    /// No TLS; only to a loopback address.
    None,
}

/// Deadlines of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP connect.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// Each answer of the server.
    pub reply: Duration,
    /// The connection ends then, no matter what it does (`max_runtime`).
    pub until: Option<Instant>,
}

/// What is presented to the server. `Debug` never shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Login name.
    pub login: String,
    /// Password or access token.
    pub secret: Zeroizing<String>,
    pub mechanism: Mechanism,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, {:?})", self.login, self.mechanism)
    }
}

/// Authentication mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// A password, in the way that the server offers.
    Password,
    /// SASL PLAIN (RFC 4616).
    Plain,
    /// LOGIN: the command of IMAP, or the SASL mechanism.
    Login,
    /// SASL CRAM-MD5 (RFC 2195), which does not send the password.
    CramMd5,
    /// SASL XOAUTH2 with an access token.
    XOAuth2,
    /// SASL OAUTHBEARER (RFC 7628) with an access token.
    OAuthBearer,
}

/// What went wrong on the wire, so that the caller can branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetErrorKind {
    /// An address that connections may not go to.
    NotAllowed,
    /// Name not found, connection refused, no route.
    Unreachable,
    /// A deadline passed.
    Timeout,
    /// The connection ended before the answer was complete, or the server said BYE / 421.
    Closed,
    /// The TLS handshake failed or the server does not offer STARTTLS.
    Tls,
    /// The certificate is not trusted, expired, for another name, or not the pinned one.
    Certificate,
    /// What was set for the account cannot be used, such as a file of certificate authorities that is not there.
    Setting,
    /// The server refused the login for good (wrong name or password).
    LoginRefused,
    /// The folder does not exist or may not be opened.
    Folder,
    /// The server refused a command (NO, 5xx).
    Refused,
    /// The server asked to come back later ([`Later`], 4xx).
    Temporary,
    /// The server ended the session because the access token has expired: a new session needs a new token.
    TokenExpired,
    /// The server broke its protocol, or went over a limit that protects this program.
    Protocol,
}

/// A typed network error with the server's own words (cleaned: one line of printable text).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NetError {
    /// For branching.
    pub kind: NetErrorKind,
    /// One line for people, quoting the server where it said something.
    pub message: String,
    /// The server asks to be left alone.
    pub later: Option<Later>,
    /// The pin that a certificate which was refused would have.
    pub fingerprint: Option<String>,
    /// The next step, where it is known better than by the kind.
    pub hint: Option<String>,
}

impl NetError {
    pub fn new(kind: NetErrorKind, message: impl Into<String>) -> NetError {
        NetError { kind, message: message.into(), later: None, fingerprint: None, hint: None }
    }

    /// Whether the session goes on with the other folders.
    pub fn is_of_folder(&self) -> bool {
        let of_folder = self.later.is_some_and(|later| later.of_folder);
        of_folder || matches!(self.kind, NetErrorKind::Folder | NetErrorKind::Refused)
    }

    /// An error of one folder, by its name, which the words of some have already.
    pub fn of_folder(error: anyhow::Error, folder: &str) -> anyhow::Error {
        let begin = format!("folder {folder:?}");
        let names_it = error.downcast_ref::<NetError>().is_some_and(|net| net.message.starts_with(&begin));
        if names_it { error } else { error.context(format!("folder {folder}")) }
    }

    /// The same with the next step.
    pub fn with_hint(self, hint: impl Into<String>) -> NetError {
        NetError { hint: Some(hint.into()), ..self }
    }

    /// A server asks to be left alone.
    pub fn later(later: Later, message: String) -> NetError {
        NetError { later: Some(later), ..NetError::new(NetErrorKind::Temporary, message) }
    }
}

/// The words of an issuer as they may be quoted: one line, printable, and without these secrets.
pub fn quoted(text: &str, secrets: &[&str]) -> String {
    let hide = |text: String, secret: &&str| {
        let secret = Zeroizing::new((*secret).to_owned());
        let credentials = Credentials { login: String::new(), secret, mechanism: Mechanism::OAuthBearer };
        printable::Words::hiding(&credentials).printable(text.as_bytes())
    };
    let plain = printable::Words::default().printable(text.as_bytes());
    secrets.iter().filter(|secret| !secret.is_empty()).fold(plain, hide)
}

/// A folder that has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFolder {
    pub uidvalidity: u32,
    /// UIDNEXT, where the server tells.
    pub uidnext: Option<u32>,
    /// Number of messages (EXISTS).
    pub exists: u32,
}

/// One row of `UID FETCH … (UID FLAGS INTERNALDATE RFC822.SIZE)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    pub uid: u32,
    /// RFC822.SIZE in bytes (an estimate on some servers).
    pub size: u64,
    /// INTERNALDATE, where it can be read.
    pub internal_date: Option<Timestamp>,
    /// \Seen is set.
    pub seen: bool,
}

/// What `UID FETCH n:*` lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The messages that were asked for, ascending.
    pub rows: Vec<Listed>,
    /// The highest message below them, where the server names one: where there is nothing above, the newest of the folder
    /// (RFC 3501 6.4.8).
    pub below: Option<Listed>,
    /// Messages whose UID is missing or impossible.
    pub nameless: usize,
}

/// One message body as received, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub uid: u32,
    /// RFC 5322 bytes.
    pub raw: Vec<u8>,
}

/// A folder as listed by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFolder {
    /// Name, decoded from modified UTF-7.
    pub name: String,
    /// Special use (RFC 6154): `\Sent`, `\Trash`, `\Junk`, `\Drafts`, `\Archive` …
    pub special_use: Option<String>,
    /// May be opened (no \Noselect).
    pub selectable: bool,
}

/// An IMAP session, logged in. After an error other than [`NetErrorKind::Refused`],
/// [`NetErrorKind::Temporary`] or [`NetErrorKind::Folder`] the session must be dropped.
pub trait MailSource {
    /// SELECT, or EXAMINE when `read_only`.
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError>;
    /// `UID SEARCH SINCE date` (RFC 3501: by day of INTERNALDATE), ascending; `None` where the server says OK without
    /// a result, which is not the same as finding nothing.
    fn search_since(&mut self, since: Date) -> Result<Option<Vec<u32>>, NetError>;
    /// The same for all messages.
    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError>;
    /// Lists the messages with UID >= `first`, asking in ranges.
    fn list(&mut self, first: u32) -> Result<Listing, NetError>;
    /// Lists these UIDs, ascending; those the server does not have are missing from the answer.
    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError>;
    /// Fetches bodies by `BODY.PEEK[]` (only the first `partial` bytes, if set) in one round trip and hands each to `take` as
    /// soon as it is complete, so that what came before a cut connection is not lost. UIDs the server
    /// passed over are simply not delivered.
    fn fetch(&mut self, uids: &[u32], partial: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError>;
    /// The message whose body was on its way when the last [`MailSource::fetch`] failed, where the server had named it.
    fn receiving(&self) -> Option<u32> {
        None
    }
    /// `UID STORE +FLAGS.SILENT (\Seen)`.
    fn mark_seen(&mut self, uids: &[u32]) -> Result<(), NetError>;
    /// MOVE (RFC 6851), else COPY + \Deleted + UID EXPUNGE (with UIDPLUS). A missing target folder is created once.
    fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), NetError>;
    /// \Deleted, and UID EXPUNGE where the server has UIDPLUS.
    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError>;
    /// The messages of the open folder with this Message-ID (`UID SEARCH HEADER`), ascending.
    fn find(&mut self, message_id: &str) -> Result<Vec<u32>, NetError>;
    /// Whether there is one.
    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        Ok(!self.find(message_id)?.is_empty())
    }
    /// How full the mailbox is (`GETQUOTAROOT`); `None` where the server does not tell.
    fn quota(&mut self) -> Result<Option<Quota>, NetError> {
        Ok(None)
    }
    fn create(&mut self, folder: &str) -> Result<(), NetError>;
    /// APPEND with \Seen and the date.
    fn append(&mut self, folder: &str, raw: &[u8], date: Timestamp) -> Result<(), NetError>;
    /// All folders.
    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError>;
    /// Capabilities in upper case.
    fn capabilities(&mut self) -> Result<Vec<String>, NetError>;
    /// When the certificate of the server is over; `None` where it has none.
    fn certificate_ends(&self) -> Option<Timestamp> {
        None
    }
    /// LOGOUT; errors do not matter any more.
    fn logout(&mut self);
}

/// One reply of an SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three-digit code.
    pub code: u16,
    /// Enhanced status code (RFC 3463) such as `5.1.1`, where there is one.
    pub status: Option<String>,
    /// The text, one line, printable.
    pub text: String,
}

impl Reply {
    /// As people are shown it: `550 5.1.1 No such user`.
    pub fn words(&self) -> String {
        let status = self.status.as_deref().unwrap_or_default();
        format!("{} {status} {}", self.code, self.text).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The addresses of one transaction (RFC 5321).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM; empty is the null path `<>`.
    pub from: String,
    /// RCPT TO.
    pub to: Vec<String>,
}

/// How a transaction ended that the server took to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The final reply after the body, or a refusal of DATA; `None` when every recipient was refused.
    pub reply: Option<Reply>,
    /// Recipients refused at RCPT, with the server's reply (4xx or 5xx).
    pub refused: Vec<(String, Reply)>,
}

/// How a transaction failed, by what the caller must do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// MAIL FROM was refused for good: an error of the account; with a null sender it is worth one more try with the account's address.
    #[error("sender refused: {} {}", .0.code, .0.text)]
    SenderRefused(Reply),
    /// MAIL FROM was refused for now: the connection is of use.
    #[error("sender refused for now: {} {}", .0.code, .0.text)]
    NotNow(Reply),
    /// The connection was lost before the answer to DATA: nothing was sent, repeat later.
    #[error("{0}")]
    BeforeBody(NetError),
    /// The connection was lost between the answer to DATA and the final reply: nobody knows.
    #[error("{0}")]
    InDoubt(NetError),
    /// The caller's own `before_body` failed; the transaction was dropped before any body byte.
    #[error("{0}")]
    Caller(String),
}

/// An SMTP session, connected and authenticated.
pub trait MailTransport {
    /// One transaction: MAIL, RCPT per recipient, DATA; `before_body` is called after 354 and before the
    /// first byte of the body. `body` is complete (RFC 5322, CRLF); dots are stuffed here.
    fn send(
        &mut self,
        envelope: &Envelope,
        body: &[u8],
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Sent, SendError>;
    /// As [`MailSource::certificate_ends`].
    fn certificate_ends(&self) -> Option<Timestamp> {
        None
    }
    /// QUIT without waiting long.
    fn quit(&mut self);
}
