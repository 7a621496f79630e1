//! Names of servers that somebody else wrote: cleaned before they are used or shown.

/// Longest name (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// A host name in ASCII and lower case; `None` for all that is not one: addresses, single words, other signs.
pub(super) fn clean(given: &str) -> Option<String> {
    let given = given.trim().trim_end_matches('.');
    if given.len() > NAME_MAX {
        return None;
    }
    let host = idna::domain_to_ascii_cow(given.as_bytes(), idna::AsciiDenyList::STD3).ok()?.into_owned();
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let is_name =
        labels.len() > 1 && labels.iter().all(|label| is_label(label)) && !top.bytes().all(|b| b.is_ascii_digit());
    (is_name && host.len() <= NAME_MAX).then(|| host.to_ascii_lowercase())
}

/// Whether a host lies within a domain.
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_hosts_pass() {
        for (given, host) in [
            ("IMAP.Example.ORG.", Some("imap.example.org")),
            ("mail.m\u{fc}ller.example", Some("mail.xn--mller-kva.example")),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("localhost", None),
            ("a b.example", None),
            ("mail.example.org/path", None),
            ("mail.example.org:993", None),
            ("\u{1b}[31mmail.example", None),
            ("-a.example", None),
            ("a..example", None),
            ("a.127", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(clean(given).as_deref(), host, "{given:?}");
        }
        assert_eq!(clean(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(clean(&"a.".repeat(200)), None);
    }

    #[test]
    fn hosts_within_a_domain() {
        for (host, within) in [
            ("mail.example.org", true),
            ("example.org", true),
            ("notexample.org", false),
            ("example.org.evil.example", false),
        ] {
            assert_eq!(is_within(host, "example.org"), within, "{host}");
        }
    }
}
