//! The mailing list that a message came by (RFC 2369, RFC 2919).

use super::address;
use super::message::Message;

/// The mailing list that a message came by, as it names itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The address in List-Post.
    address: Option<String>,
    /// What stands in List-Id.
    id: Option<String>,
}

impl List {
    /// Reads the two fields.
    pub(in crate::mail) fn of(message: &Message) -> List {
        let id = message.header("List-Id").map(|value| list_id(value).to_owned());
        List { address: list_address(message), id }
    }

    pub(in crate::mail) fn is_named(&self) -> bool {
        self.address.is_some() || self.id.is_some()
    }

    /// Whether an address is the one that the list names as its own.
    pub fn is(&self, address: &str) -> bool {
        // `List-Id: Support <support.lists.example>` stands for support@lists.example (RFC 2919).
        let stands_for = |id: &String| id.eq_ignore_ascii_case(&address.replacen('@', ".", 1));
        self.address.as_deref() == Some(address) || self.id.as_ref().is_some_and(stands_for)
    }
}

fn list_id(value: &str) -> &str {
    let inner = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(id, _)| id);
    inner.unwrap_or(value).trim()
}

/// `List-Post: <mailto:list@lists.example?x=y>` (RFC 2369).
fn list_address(message: &Message) -> Option<String> {
    let value = message.header("List-Post")?;
    let start = value.to_ascii_lowercase().find("mailto:")?;
    let rest = value.get(start + "mailto:".len()..)?;
    let end = rest.find(['>', '?', ',', ' ']).unwrap_or(rest.len());
    address::normalise(rest.get(..end)?)
}
