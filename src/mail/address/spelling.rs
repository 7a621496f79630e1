//! The two spellings of a domain beyond ASCII: as A-label (RFC 5890), in which addresses are kept, compared and sent, and
//! in letters, as people write it.

use std::borrow::Cow;

use super::is_unseen;

/// Begins a label in ASCII that stands for another one.
const A_LABEL: &str = "xn--";

/// A domain in ASCII, or as it stands where it has no such spelling.
pub(super) fn a_label(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() {
        return Cow::Borrowed(domain);
    }
    idna::domain_to_ascii(domain).map_or(Cow::Borrowed(domain), Cow::Owned)
}

/// The domain as mail servers know it, however its letters are composed. `None` where a label holds signs that only look
/// like plain letters, or that take no room: it is not the domain that it seems to be.
pub(super) fn known(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return Some(Cow::Borrowed(domain));
    }
    let known = idna::domain_to_ascii(domain).ok().filter(|_| !domain.chars().any(is_unseen))?;
    let pairs = domain.split('.').zip(known.split('.'));
    let as_many = domain.matches('.').count() == known.matches('.').count();
    let alike = pairs.into_iter().all(|(label, known)| label.is_ascii() || known.starts_with(A_LABEL));
    (as_many && alike).then_some(Cow::Owned(known))
}

/// Whether two domains are one, also where one is written in its own letters.
pub fn is_same_domain(one: &str, other: &str) -> bool {
    let known = |domain: &str| known(domain.trim_end_matches('.')).map(|known| known.to_ascii_lowercase());
    known(one).is_some_and(|one| known(other) == Some(one))
}

/// An address, or a part of one, with its domain in ASCII: everything after the last `@`, or all of it.
pub fn in_ascii(address: &str) -> String {
    let (before, domain) = split(address);
    format!("{before}{}", a_label(domain))
}

/// An address, or a part of one, with its domain in letters; `None` where it has no such spelling. For comparing: what is
/// shown is [`shown`].
pub fn in_letters(address: &str) -> Option<String> {
    let (before, domain) = split(address);
    if !domain.split('.').any(|label| label.starts_with(A_LABEL)) {
        return None;
    }
    let (letters, read) = idna::domain_to_unicode(domain);
    (read.is_ok() && letters != domain).then(|| format!("{before}{letters}"))
}

/// An address as it is shown: its domain in letters, but only where these cannot be taken for others.
pub fn shown(address: &str) -> Cow<'_, str> {
    match in_letters(address) {
        Some(letters) if split(&letters).1.split('.').all(is_unmistakable) => Cow::Owned(letters),
        _ => Cow::Borrowed(address),
    }
}

fn split(address: &str) -> (&str, &str) {
    let at = address.rfind('@').map_or(0, |at| at + 1);
    address.split_at_checked(at).unwrap_or(("", address))
}

/// Whether nobody takes a label for one in another script: ASCII with letters that Latin languages add to it, or a script
/// none of whose letters look like Latin ones. Greek and Cyrillic do, and so does a mixture.
fn is_unmistakable(label: &str) -> bool {
    let latin = |c: char| {
        c.is_ascii_alphanumeric() || c == '-' || (matches!(c, 'ß'..='ž') && !matches!(c, '÷' | 'ı' | 'ĸ' | 'ŀ' | 'ŉ'))
    };
    let digits = |c: char| c.is_ascii_digit() || c == '-';
    let east = |c: char| {
        digits(c) || matches!(c, '々' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '㐀'..='䶿' | '一'..='鿿' | '가'..='힣')
    };
    let hebrew = |c: char| digits(c) || matches!(c, 'א'..='ת');
    let arabic = |c: char| digits(c) || matches!(c, 'ء'..='ي');
    let thai = |c: char| digits(c) || matches!(c, 'ก'..='๎');
    let devanagari = |c: char| digits(c) || matches!(c, 'ऀ'..='ॣ');
    let scripts: [&dyn Fn(char) -> bool; 6] = [&latin, &east, &hebrew, &arabic, &thai, &devanagari];
    scripts.iter().any(|script| label.chars().all(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_two_spellings() {
        for (ascii, letters) in [
            ("info@xn--mller-kva.example", "info@müller.example"),
            ("@xn--bcher-kva.example", "@bücher.example"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("a@mail.xn--bcher-kva.example", "a@mail.bücher.example"),
            ("a@xn--fsq.example", "a@例.example"),
        ] {
            assert_eq!(in_letters(ascii).as_deref(), Some(letters));
            assert_eq!(in_ascii(letters), ascii);
        }
        for (text, ascii) in [("a@b.example", "a@b.example"), ("", ""), ("müller@b.example", "müller@b.example")] {
            assert_eq!(in_ascii(text), ascii);
            assert_eq!(in_letters(text), None);
        }
        for wrong in ["a@xn--.example", "a@xn--a-.example", "a@xn--99999999999.example"] {
            assert_eq!(in_letters(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_could_be_taken_for_another_name_is_shown_in_ascii() {
        for (letters, is_shown) in [
            ("info@müller.example", true),
            ("info@łódź.example", true),
            ("info@例え.example", true),
            ("info@דואר.example", true),
            ("info@аррӏе.example", false),
            ("info@pаypal.example", false),
            ("info@ελλάδα.example", false),
            ("info@ı.example", false),
            ("info@例a.example", false),
        ] {
            let ascii = in_ascii(letters);
            assert_ne!(ascii, letters);
            assert_eq!(shown(&ascii), if is_shown { letters } else { ascii.as_str() }, "{letters}");
        }
        assert_eq!(shown("a@b.example"), "a@b.example");
    }
}
