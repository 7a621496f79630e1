//! Addresses as people and servers write them (RFC 5322 3.4, RFC 6532): lists are read item by item, and a broken one
//! harms no other.

mod list;
mod spelling;
pub mod system;
mod typed;

use std::borrow::Cow;
use std::fmt;

pub use list::{parse_list, without_domain};
pub use spelling::{in_ascii, in_letters, is_same_domain, shown};
pub use typed::parse_typed;

/// Longest address in bytes (RFC 5321 4.5.3.1: 64 + 1 + 255).
const MAX_ADDRESS: usize = 320;

/// A display name and an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// Decoded display name, one line, may be empty.
    pub name: String,
    /// `local@domain` with the domain (and, for comparing, the local part) in lower case.
    pub address: String,
}

impl Mailbox {
    /// As it is shown to people: the domain in letters where these cannot be taken for others.
    pub fn shown(&self) -> String {
        Mailbox { name: self.name.clone(), address: shown(&self.address).into_owned() }.to_string()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mailbox { name, address } = self;
        match name.as_str() {
            "" => f.write_str(address),
            name if address.is_empty() => f.write_str(name),
            name if name.contains(['"', '<', '>', ',', ';', '@', '\\']) => {
                write!(f, "\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
            }
            name => write!(f, "{name} <{address}>"),
        }
    }
}

/// The address in the form in which two are compared: trimmed, lower case, quotes only where they are needed, an
/// international domain as A-label (RFC 5890). `None` if it is none that mail can have.
pub fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let local = local_part(local)?;
    let domain = spelling::known(domain.strip_suffix('.').unwrap_or(domain))?;
    let valid = if domain.starts_with('[') { is_literal(&domain) } else { is_domain(&domain) };
    (valid && text.len() <= MAX_ADDRESS).then(|| format!("{local}@{domain}").to_lowercase())
}

/// The address as it stands in a header or a command of SMTP: a local part that is legal only in quotes has them, and the
/// domain is an A-label. `None` if nothing can be sent to it.
pub fn to_be_sent(address: &str) -> Option<String> {
    let known = normalise(address).filter(|known| known.chars().all(|c| !c.is_control()))?;
    let (local, domain) = known.rsplit_once('@')?;
    if local.starts_with('"') || is_dot_atom(local) {
        return Some(known);
    }
    Some(format!("\"{local}\"@{domain}"))
}

/// Atoms with single dots between them (RFC 5322 3.2.3).
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty())
}

/// What follows the `@`; nothing if there is none.
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The tag of a plus form of an account's address: `tag` of `local+tag@domain` for the account `local@domain` (B4.4).
pub fn plus_tag_of<'a>(address: &'a str, account: &str) -> Option<&'a str> {
    let (local, domain) = address.rsplit_once('@')?;
    let (account_local, account_domain) = account.rsplit_once('@')?;
    let (start, tag) = local.split_at_checked(account_local.len())?;
    let same = start.eq_ignore_ascii_case(account_local) && domain.eq_ignore_ascii_case(account_domain);
    tag.strip_prefix('+').filter(|tag| same && !tag.is_empty())
}

/// `support+c12@example.org` -> `support@example.org`: the mailbox that all forms of an address lead to.
pub fn without_tag(address: &str) -> Cow<'_, str> {
    let parts = address.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    parts.map_or(Cow::Borrowed(address), |(user, domain)| Cow::Owned(format!("{user}@{domain}")))
}

/// An address with a tag before its `@` (subaddressing, RFC 5233).
pub fn with_tag(address: &str, tag: &str) -> String {
    address.rsplit_once('@').map_or_else(|| address.to_owned(), |(local, domain)| format!("{local}+{tag}@{domain}"))
}

fn local_part(local: &str) -> Option<String> {
    let is_atom = |text: &str| !text.is_empty() && text.chars().all(is_local);
    let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return is_atom(local).then(|| local.to_owned());
    };
    let plain = unescaped(quoted)?;
    if is_atom(&plain) {
        return Some(plain);
    }
    let escaped = plain.replace('\\', "\\\\").replace('"', "\\\"");
    (!plain.is_empty() && !plain.chars().any(is_unseen)).then(|| format!("\"{escaped}\""))
}

/// The content of a quoted string; `None` where a quote in it is not escaped.
fn unescaped(quoted: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next()?),
            '"' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// Dots anywhere are tolerated: there are providers that hand out such addresses.
fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || (!c.is_ascii() && !is_unseen(c))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let valid = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.len() <= 63 * 4 && label.chars().all(valid)
    };
    domain.split('.').all(is_label)
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]`
fn is_literal(domain: &str) -> bool {
    let inner = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    let bare = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).and_then(|_| inner.get(5..));
    bare.unwrap_or(inner).parse::<std::net::IpAddr>().is_ok()
}

/// Characters that take no room or turn the text around: none of them makes an address another one to the eye.
pub(in crate::mail) fn is_unseen(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, form) in [
            ("Ann@Example.ORG", Some("ann@example.org")),
            (" ann@example.org ", Some("ann@example.org")),
            ("ann@example.org.", Some("ann@example.org")),
            ("ann+tag@example.org", Some("ann+tag@example.org")),
            ("a..b.@docomo.example", Some("a..b.@docomo.example")),
            ("\"ann\"@example.org", Some("ann@example.org")),
            ("\"Ann B\"@example.org", Some("\"ann b\"@example.org")),
            (r#""a\"b"@example.org"#, Some(r#""a\"b"@example.org"#)),
            ("root@localhost", Some("root@localhost")),
            ("Jürgen@Müller.example", Some("jürgen@xn--mller-kva.example")),
            ("info@xn--mller-kva.example", Some("info@xn--mller-kva.example")),
            ("info@M\u{dc}LLER.example", Some("info@xn--mller-kva.example")),
            ("info@mu\u{308}ller.example", Some("info@xn--mller-kva.example")),
            ("v@\u{ff43}ustomer.example", None),
            ("v@cust\u{ad}omer.example", None),
            ("a@[192.0.2.1]", Some("a@[192.0.2.1]")),
            ("a@[IPv6:2001:db8::1]", Some("a@[ipv6:2001:db8::1]")),
            ("a@[x]", None),
            ("a@", None),
            ("@example.org", None),
            ("ann", None),
            ("", None),
            ("a b@example.org", None),
            ("a@b@example.org", None),
            ("a@exa mple.org", None),
            ("a@example..org", None),
            ("a@example.org>", None),
            ("<a@example.org>", None),
            ("a\r\n@example.org", None),
            ("a\u{202e}b@example.org", None),
            ("\"a\"b\"@example.org", None),
        ] {
            assert_eq!(normalise(text).as_deref(), form, "{text:?}");
        }
        assert_eq!(normalise(&format!("{}@example.org", "a".repeat(400))), None);
    }

    #[test]
    fn what_is_sent_has_quotes_where_it_needs_them() {
        for (address, sent) in [
            ("ann@example.org", Some("ann@example.org")),
            ("try..this..0511@docomo.example", Some("\"try..this..0511\"@docomo.example")),
            ("a.@docomo.example", Some("\"a.\"@docomo.example")),
            ("\"john q\"@customer.example", Some("\"john q\"@customer.example")),
            ("info@m\u{fc}ller.example", Some("info@xn--mller-kva.example")),
            ("a@[192.0.2.1]", Some("a@[192.0.2.1]")),
            ("+49301234567", None),
            ("root", None),
            ("", None),
            ("a b@example.org", None),
            ("a\r\n@example.org", None),
        ] {
            assert_eq!(to_be_sent(address).as_deref(), sent, "{address:?}");
        }
    }

    #[test]
    fn a_sender_without_an_address_keeps_its_text() {
        for (value, name, address) in [
            ("\"Hall 3 telephone\" <+49301234567>", "Hall 3 telephone", "+49301234567"),
            ("root (Cron Daemon)", "root", ""),
            ("MAILER-DAEMON", "MAILER-DAEMON", ""),
            ("Mail Delivery Robot <>", "Mail Delivery Robot", ""),
            ("<fax>", "", "fax"),
            ("=?utf-8?q?Z=C3=A4hler?=", "Z\u{e4}hler", ""),
        ] {
            let read = without_domain(value).map(|m| (m.name, m.address));
            assert_eq!(read, Some((name.to_owned(), address.to_owned())), "{value}");
        }
        assert_eq!(without_domain(" "), None);
        assert_eq!(without_domain("<>"), None);
    }

    #[test]
    fn a_domain_is_the_same_in_its_own_letters() {
        for (one, other, same) in [
            ("m\u{fc}ller.example", "xn--mller-kva.example", true),
            ("M\u{dc}LLER.example.", "mu\u{308}ller.example", true),
            ("one.example", "ONE.example.", true),
            ("one.example", "two.example", false),
            ("m\u{fc}ller.example", "muller.example", false),
            ("\u{202e}.example", "\u{202e}.example", false),
        ] {
            assert_eq!(is_same_domain(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn domains() {
        assert_eq!(domain("a@b.example"), "b.example");
        assert_eq!(domain("\"a@b\"@c.example"), "c.example");
        assert_eq!(domain("none"), "");
    }

    #[test]
    fn plus_forms() {
        for (address, account, tag) in [
            ("support+c1.2@example.org", "support@example.org", Some("c1.2")),
            ("Support+C1@Example.ORG", "support@example.org", Some("C1")),
            ("support+a+b@example.org", "support@example.org", Some("a+b")),
            ("support+a+b@example.org", "support+a@example.org", Some("b")),
            ("support+@example.org", "support@example.org", None),
            ("support@example.org", "support@example.org", None),
            ("supporter+a@example.org", "support@example.org", None),
            ("sales+a@example.org", "support@example.org", None),
            ("support+a@example.com", "support@example.org", None),
            ("üb+a@example.org", "x@example.org", None),
            ("+a@example.org", "support@example.org", None),
            ("support+a", "support@example.org", None),
            ("support+a@example.org", "support", None),
            ("", "", None),
        ] {
            assert_eq!(plus_tag_of(address, account), tag, "{address} {account}");
        }
        assert_eq!(plus_tag_of(&with_tag("desk@b.example", "c1.2"), "desk@b.example"), Some("c1.2"));
        for (address, plain) in
            [("desk+c1.2@b.example", "desk@b.example"), ("desk@b.example", "desk@b.example"), ("x", "x")]
        {
            assert_eq!(without_tag(address), plain);
        }
    }

    #[test]
    fn display_quotes_what_could_be_misread() {
        let shown = |name: &str| Mailbox { name: name.into(), address: "a@b.example".into() }.to_string();
        assert_eq!(shown(""), "a@b.example");
        assert_eq!(shown("Dr. Ann"), "Dr. Ann <a@b.example>");
        assert_eq!(shown("c@d.example"), "\"c@d.example\" <a@b.example>");
        assert_eq!(shown("A \"B\", C"), "\"A \\\"B\\\", C\" <a@b.example>");
    }
}
