//! The other name a server gives to our mail (B13.6): some write a Message-ID of their own over ours and tell it only
//! in their answer to the message.

/// Longest id that is believed.
const MAX: usize = 250;

/// The Message-ID that the text of a 250 names: in angle brackets, or, where Amazon SES (`host`) answers, its bare key.
pub(super) fn of(text: &str, host: &str) -> Option<String> {
    bracketed(text).or_else(|| by_ses(text, &host.to_ascii_lowercase()))
}

/// The first word of the form `<left@right>`.
fn bracketed(text: &str) -> Option<String> {
    text.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(id, _)| id)
        .find(|id| is_id(id))
        .map(str::to_owned)
}

/// `Ok 0102018b…-000000`: its mail bears that key at the domain of the region.
fn by_ses(text: &str, host: &str) -> Option<String> {
    let region = host.strip_prefix("email-smtp.")?.strip_suffix(".amazonaws.com")?;
    let key = text.split(' ').find(|word| {
        word.len() >= 30 && word.contains('-') && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    })?;
    let domain = if region == "us-east-1" { "email" } else { region };
    Some(format!("{key}@{domain}.amazonses.com")).filter(|id| is_id(id))
}

fn is_id(id: &str) -> bool {
    let plain = id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'(' | b')'));
    id.len() <= MAX && plain && id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && right.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_read_from_the_answer() {
        let ses = "0102018b3f2c5d6e-1a2b3c4d-0000-1111-2222-333344445555-000000";
        for (text, host, id) in [
            ("queued as 7", "mx.example", None),
            ("<abc@mx.example> Queued mail for delivery", "mx.example", Some("abc@mx.example".to_owned())),
            ("OK <note> id=<abc@mx.example>", "mx.example", Some("abc@mx.example".to_owned())),
            ("<kim@localhost>", "mx.example", None),
            ("<a b@mx.example>", "mx.example", None),
            ("<@mx.example>", "mx.example", None),
            (
                &format!("Ok {ses}"),
                "email-smtp.eu-west-1.amazonaws.com",
                Some(format!("{ses}@eu-west-1.amazonses.com")),
            ),
            (&format!("Ok {ses}"), "Email-SMTP.us-east-1.amazonaws.com", Some(format!("{ses}@email.amazonses.com"))),
            (&format!("Ok {ses}"), "mx.example", None),
            ("Ok", "email-smtp.eu-west-1.amazonaws.com", None),
        ] {
            assert_eq!(of(text, host), id, "{text}");
        }
    }
}
