//! Mail addresses as programs get them: a list of names with addresses, wherever the name of a field is that of a header.

use serde_json::{Value, json};

use crate::mail::address::{self, Mailbox};
use crate::ui::cell::Cell;

pub fn json(mailboxes: &[Mailbox]) -> Value {
    mailboxes.iter().map(of).collect()
}

pub fn of(mailbox: &Mailbox) -> Value {
    json!({"name": mailbox.name, "address": mailbox.address})
}

pub fn cell(mailboxes: &[Mailbox]) -> Cell {
    let shown: Vec<String> = mailboxes.iter().map(Mailbox::shown).collect();
    Cell::object(json(mailboxes), &shown.join(", "))
}

/// Addresses of which no names are known.
pub fn nameless(addresses: &[String]) -> Cell {
    let shown: Vec<_> = addresses.iter().map(|address| address::shown(address)).collect();
    let json: Vec<Value> = addresses.iter().map(|address| json!({"name": "", "address": address})).collect();
    Cell::object(json!(json), &shown.join(", "))
}
