#![allow(clippy::unwrap_used)]

use openssl::base64::encode_block;
use zeroize::Zeroizing;

use super::*;
use crate::net::{Mechanism, sasl};

fn credentials(secret: &str, mechanism: Mechanism) -> Credentials {
    Credentials { login: "me@desk.example".into(), secret: Zeroizing::new(secret.to_owned()), mechanism }
}

fn hiding(secret: &str) -> Words {
    Words::hiding(&credentials(secret, Mechanism::Password))
}

#[test]
fn text_is_one_printable_line() {
    for (bytes, text) in [
        (&b"  Try\tagain\r\nlater "[..], "Try again later"),
        (b"\x1b[31mred\x00", "[31mred"),
        ("zur\u{fc}ck".as_bytes(), "zur\u{fc}ck"),
        (b"caf\xe9", "caf\u{fffd}"),
    ] {
        for words in [Words::default(), hiding("tr0ub4dor&3")] {
            assert_eq!(words.printable(bytes), text);
        }
    }
    assert_eq!(Words::default().printable(&[b'a'; 5000]).len(), LONGEST);
}

#[test]
fn a_text_that_repeats_the_secret_is_told_without_it() {
    let secret = "tr0ub4dor&3 \"x\u{fc}\"";
    let escaped = |before: &str, after: &str| -> String {
        secret.bytes().map(|byte| format!("{before}{byte:02X}{after}")).collect()
    };
    let base64 = |text: &str| encode_block(text.as_bytes());
    for said in [
        secret.to_owned(),
        secret.to_uppercase(),
        secret.replace('"', "\\\""),
        secret.replace('&', "&amp;").replace('"', "&quot;"),
        secret.replace(' ', "%20"),
        escaped("%", ""),
        escaped("=", ""),
        escaped("\\x", ""),
        escaped("0x", ", "),
        escaped("", ""),
        escaped("", ":"),
        secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
        secret.chars().map(|c| format!("\\u{{{:x}}}", u32::from(c))).collect(),
        secret.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        secret.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
        secret.chars().map(|c| format!("{c}.")).collect(),
        secret.chars().map(|c| format!("{c} \u{a0}")).collect(),
        secret.chars().map(|c| format!("{c}\u{200b}")).collect(),
        secret.replace(' ', "\r\n"),
        secret.chars().rev().collect(),
        secret.chars().rev().map(|c| format!("{c} ")).collect(),
        base64(secret),
        base64(&format!("x{secret}")),
        base64(&format!("xx{secret} and so on")),
        base64(&sasl::first(Mechanism::Password, &credentials(secret, Mechanism::Password)).unwrap()),
        base64(&sasl::first(Mechanism::XOAuth2, &credentials(secret, Mechanism::XOAuth2)).unwrap())
            .replace('+', "-")
            .replace('/', "_"),
        base64(&sasl::first(Mechanism::OAuthBearer, &credentials(secret, Mechanism::OAuthBearer)).unwrap()),
    ] {
        let words = hiding(secret).printable(format!("before {said} after").as_bytes());
        assert!(words.starts_with("before ") && words.ends_with(" after") && words.contains(GAP), "{said}: {words}");
        // Base64 hides what stands next to the secret, too: the login may show, the secret may not.
        for part in secret.as_bytes().windows(4).filter_map(|part| std::str::from_utf8(part).ok()) {
            assert!(!words.contains(part), "{said}: {words}");
        }
        assert!(words.len() < "before  after".len() + 60, "{said}: {words}");
        assert!(hiding(secret).repeat(&said), "{said}");
    }
    let latin: Vec<u8> = secret.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(hiding(secret).printable(&[b"no ", &latin[..], b" here"].concat()), "no *** here");
}

#[test]
fn a_part_of_a_long_secret_is_as_secret() {
    let token: String = (0..200_u32).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect::<String>() + "0";
    let words = hiding(&token);
    let part = token.get(40..52).unwrap();
    assert_eq!(words.printable(format!("token {part} is old").as_bytes()), "token *** is old");
    assert_eq!(words.printable(format!("token {} is old", token.get(40..51).unwrap()).as_bytes()).find(GAP), None);
    let encoded = encode_block(token.as_bytes());
    assert!(words.printable(encoded.get(33..60).unwrap().as_bytes()).contains(GAP));
    // A user who quotes cuts it: neither the end of the quotation nor of what is searched shows more than that.
    let long = format!("{}{token}", "x ".repeat(140));
    assert!(!words.printable(long.as_bytes()).contains(token.get(..8).unwrap()));
    let spaces = format!("{}{token}", " ".repeat(QUOTED - 20));
    assert_eq!(words.printable(spaces.as_bytes()), GAP);
}

#[test]
fn base64_is_hidden_to_its_end() {
    let secret = "tr0ub4dor&3x";
    for before in ["", "x", "xx", "\0me@desk.example\0"] {
        for after in ["", "y", "yy"] {
            let encoded = encode_block(format!("{before}{secret}{after}").as_bytes());
            for (said, shown) in [
                (format!("no {encoded}"), "no ***"),
                (format!("no {encoded} here"), "no *** here"),
                (format!("no={encoded}, here"), "no=***, here"),
                (format!("<{encoded}> here"), "<***> here"),
            ] {
                assert_eq!(hiding(secret).printable(said.as_bytes()), shown, "{before:?} {after:?} {said}");
            }
        }
    }
}

#[test]
fn a_secret_is_hidden_backwards_too_and_few_letters_of_it_are_not() {
    let token = "q7w8e9r0t1y2u3i4o5p6";
    for (secret, said, shown) in [
        ("tr0ub4dor&3", "you said 3&rod4bu0rt", "you said ***"),
        ("later", "please try again retal", WITHHELD),
        (token, "part 4i3u2y1t0r9e of it", "part *** of it"),
        // A gap in a word that can be read would tell of which letters the secret is.
        ("lateralus-77", "please try again later", "please try again later"),
        ("lateralus-77", "you begin with late", "you begin with late"),
        (token, "part q7w8e9r0t1y of it", "part q7w8e9r0t1y of it"),
    ] {
        assert_eq!(hiding(secret).printable(said.as_bytes()), shown, "{secret}: {said}");
    }
    assert!(hiding("tr0ub4dor&3").repeat("3&rod4bu0rt"), "the name of a folder");
}

#[test]
fn where_a_gap_would_tell_the_secret_nothing_is_quoted() {
    for (secret, said, shown) in [
        ("later", "please try again later", WITHHELD),
        ("later", "please try again LATER", WITHHELD),
        ("later", "please try again bGF0ZXI=", WITHHELD),
        ("later", "please wait", "please wait"),
        ("2026", "expired in 2026", WITHHELD),
        ("a1", "see a1", WITHHELD),
        ("a1", "AG1lQGRlc2suZXhhbXBsZQBhMQ==", WITHHELD),
        ("later7", "please try again later7", "please try again ***"),
        ("correcthorsebatterystaple", "not correcthorsebatterystaple", "not ***"),
        ("", "anything", "anything"),
    ] {
        assert_eq!(hiding(secret).printable(said.as_bytes()), shown, "{secret}: {said}");
    }
}

#[test]
fn words_without_a_secret_stay_readable() {
    let words = hiding("Canary-7+/=\"\\%&~");
    for said in [
        "mailbox is over quota, 100% used",
        "see http://x.example/?a=3D&b=%20",
        "the address <a@b.example> is not known",
        "2.0.0 queued as 4bXyZ1",
        "\\Noselect",
    ] {
        assert_eq!(words.printable(said.as_bytes()), said);
    }
}
