//! What a server said, as an error.

use super::Status;
use crate::net::printable::Words;
use crate::net::{Later, NetError, NetErrorKind};

/// A refusal that asks to be left alone, in the server's words.
pub(in crate::net) fn refused_later(words: &Words, status: &Status, later: Later) -> NetError {
    NetError::later(later, format!("the server refused: {}", status.said(words)))
}

/// BYE in the server's words.
pub(in crate::net) fn farewell(words: &Words, status: &Status) -> NetError {
    let said = format!("the server said goodbye: {}", status.said(words));
    match status.later() {
        Some(later) => NetError::later(later, said),
        None if status.is_of_token() => NetError::new(NetErrorKind::TokenExpired, said),
        None => NetError::new(NetErrorKind::Closed, said),
    }
}

/// Something that is not IMAP.
pub(in crate::net) fn nonsense(words: &Words, what: &str, line: &[u8]) -> NetError {
    let line: String = words.printable(line).chars().take(80).collect();
    NetError::new(NetErrorKind::Protocol, format!("{what} of the server is not IMAP: {line:?}"))
}
