//! The addresses in what mail systems write.

/// The addresses in a text, in their order.
pub(in crate::mail::bounce) fn addresses(text: &str) -> impl Iterator<Item = String> {
    let words =
        text.split(|c: char| !is_address_char(c)).map(|word| word.trim_matches(['.', '\'', '=', '-', '/', '`']));
    words.filter_map(address_of)
}

/// The address that a word is, also in the forms of X.400 (`SMTP=kim@x.example`).
pub(super) fn address_of(word: &str) -> Option<String> {
    let after = |kind: &str| word.get(..kind.len()).filter(|start| start.eq_ignore_ascii_case(kind));
    let kind = ["smtp=", "rfc-822=", "rfc822="].into_iter().find_map(after).unwrap_or_default();
    let word = word.get(kind.len()..)?;
    if is_encapsulated(word) {
        return encapsulated(word);
    }
    is_address(word).then(|| word.to_owned())
}

/// Whether it is an address of Exchange's own in the form of another one: `IMCEAEX-_O=…@x.example`.
pub(in crate::mail::bounce) fn is_encapsulated(word: &str) -> bool {
    let kind = word.split_once('-').map_or("", |(kind, _)| kind);
    kind.len() < 20 && kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("imcea"))
}

/// The Internet address in one of Exchange's own: `IMCEASMTP-kim+40x+2Eexample@gateway.example` is kim@x.example; the name
/// of a mailbox in a directory (`IMCEAEX`) has none, unless a part of it is one.
pub(super) fn encapsulated(word: &str) -> Option<String> {
    let (_, name) = word.split_once('-')?;
    let name = name.rsplit_once('@').map_or(name, |(name, _)| name);
    let mut decoded = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('+') {
        decoded.push_str(&before.replace('_', "/"));
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii);
        rest = match code {
            Some(code) => {
                decoded.push(char::from(code));
                after.get(2..).unwrap_or_default()
            }
            None => {
                decoded.push('+');
                after
            }
        };
    }
    decoded.push_str(&rest.replace('_', "/"));
    decoded.split(['/', '=', ';', ':']).find(|part| is_address(part)).map(str::to_owned)
}

pub(super) fn is_address_char(c: char) -> bool {
    c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// `local@domain.tld`. Ids of messages and queues look so too, but seldom end in a word.
pub(super) fn is_address(word: &str) -> bool {
    let Some((local, domain)) = word.rsplit_once('@') else { return false };
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let (mut labels, last) = (domain.split('.'), domain.rsplit('.').next().unwrap_or_default());
    !local.is_empty()
        && local.len() <= 64
        && !local.contains('@')
        && domain.contains('.')
        && labels.all(is_label)
        && (last.chars().all(char::is_alphabetic) || last.starts_with("xn--"))
}
