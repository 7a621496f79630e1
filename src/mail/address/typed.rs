//! Addresses as our users type them: unlike in mail that came, nothing that is wrong is passed over.

use super::{Mailbox, parse_list};
use crate::mail::compose::is_address;

/// The mailboxes of a list with commas, each as `name@example.org` or `Name <name@example.org>`.
///
/// # Errors
/// The first item that is not an address which can be written.
pub fn parse_typed(list: &str) -> Result<Vec<Mailbox>, String> {
    let items = items(list);
    items.into_iter().map(str::trim).filter(|item| !item.is_empty()).map(one).collect()
}

fn one(item: &str) -> Result<Mailbox, String> {
    match parse_list(item).as_slice() {
        [mailbox] if is_address(&mailbox.address) && is_single(item) => Ok(mailbox.clone()),
        _ => Err(item.to_owned()),
    }
}

/// Two addresses without a comma between them would be one with a strange name, and a group none at all.
fn is_single(item: &str) -> bool {
    let outside: String = item.split('"').step_by(2).collect();
    outside.matches('@').count() == 1 && (outside.contains('[') || !outside.contains(':'))
}

/// Cuts at the commas that stand in no quotes, brackets or parentheses.
fn items(list: &str) -> Vec<&str> {
    let (mut quoted, mut depth, mut escaped) = (false, 0_u32, false);
    list.split(|c: char| {
        let cut = !quoted && depth == 0 && matches!(c, ',' | ';' | '\n');
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        cut
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_read_or_named() {
        for (list, expected) in [
            ("", Ok("")),
            ("kim@x.example", Ok("kim@x.example")),
            ("Kim@X.example, Lee <lee@y.example>,", Ok("kim@x.example|Lee <lee@y.example>")),
            ("\"Doe, J.\" <j@x.example>; k@x.example", Ok("\"Doe, J.\" <j@x.example>|k@x.example")),
            ("j@x.example (Joe, at home)", Ok("Joe, at home <j@x.example>")),
            ("kim", Err("kim")),
            ("kim@x.example, bad@@x", Err("bad@@x")),
            ("kim@x.example lee@y.example", Err("kim@x.example lee@y.example")),
            ("<a@b.example> <c@d.example>", Err("<a@b.example> <c@d.example>")),
            ("Team: a@b.example", Err("Team: a@b.example")),
            ("a@b.example\r\nBcc: c@d.example", Err("Bcc: c@d.example")),
        ] {
            let got = parse_typed(list).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"));
            let quoted = |text: &str| text.replace("Joe, at home <", "\"Joe, at home\" <");
            assert_eq!(got, expected.map(quoted).map_err(str::to_owned), "{list:?}");
        }
    }
}
