//! What was presented to a server, found in what the server says: plain, in another case, quoted or escaped, in hex, in
//! base64, backwards, with signs in between, whole or in part. A secret itself is not kept here: only hashes of what is looked for.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use openssl::base64::encode_block;
use zeroize::Zeroizing;

use crate::net::{Credentials, Mechanism, sasl};

/// Number of bytes of a longer secret that are as secret as the whole. Shorter parts are not looked for: they stand in many words
/// by chance, and a gap within a word that everybody can read tells which letters the secret has, where the word in
/// full tells nothing. Of what is quoted less than this can be part of the secret, and nobody knows that it is.
const PART: usize = 12;
/// A shorter secret is in many texts by chance.
const SHORT: usize = 4;
/// A word or a number that is shorter can be guessed from the text around the gap.
const PLAIN: usize = 16;

/// What is looked for.
pub(super) struct Secrets {
    guessable: bool,
    hasher: RandomState,
    nets: Vec<Net>,
}

/// Parts of one length in one reading of the text.
struct Net {
    fold: Fold,
    width: usize,
    /// It is base64, where the letters next to a part hold bits of the secret, too.
    base64: bool,
    parts: HashSet<u64>,
}

/// Which bytes of a text count; letters are compared in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    /// All but spaces and control characters.
    Spaceless,
    /// Letters and digits.
    Alphanumeric,
}

impl Secrets {
    pub(super) fn of(credentials: &Credentials) -> Secrets {
        let secret = credentials.secret.as_str();
        let letters = secret.chars().all(char::is_alphabetic) || secret.chars().all(char::is_numeric);
        let length = secret.chars().count();
        let guessable = length < SHORT || (letters && length < PLAIN);
        let mut all = Secrets { guessable, hasher: RandomState::new(), nets: Vec::new() };
        let backwards: Zeroizing<String> = Zeroizing::new(secret.chars().rev().collect());
        for plain in [secret, backwards.as_str()] {
            all.look_for(Fold::Spaceless, plain, PART, 1, false);
            all.look_for(Fold::Alphanumeric, plain, PART, SHORT, false);
        }
        let hex: Zeroizing<String> = Zeroizing::new(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
        all.look_for(Fold::Alphanumeric, &hex, 2 * PART, 2 * SHORT, false);
        // Within other text base64 looks one of three ways, except for the bytes at both ends.
        for before in 0..3_usize {
            let bytes = Zeroizing::new([&vec![0; before][..], secret.as_bytes()].concat());
            let encoded = Zeroizing::new(encode_block(&bytes));
            let (first, end) = ((8 * before).div_ceil(6), 8 * bytes.len() / 6);
            all.look_for(Fold::Alphanumeric, encoded.get(first..end).unwrap_or_default(), PART * 4 / 3, SHORT, true);
        }
        if length < SHORT && !secret.is_empty() {
            let is_token = matches!(credentials.mechanism, Mechanism::XOAuth2 | Mechanism::OAuthBearer);
            let by = if is_token { credentials.mechanism } else { Mechanism::Plain };
            let presented = sasl::first(by, credentials).unwrap_or_default();
            let first = Zeroizing::new(encode_block(presented.as_bytes()));
            all.look_for(Fold::Alphanumeric, &first, usize::MAX, 1, true);
        }
        all
    }

    /// Whether it can be guessed from the text around a gap.
    pub(super) fn guessable(&self) -> bool {
        self.guessable
    }

    /// Which of the characters belong to a secret.
    pub(super) fn marked(&self, text: &[char]) -> Vec<bool> {
        let mut marked = vec![false; text.len()];
        for fold in [Fold::Spaceless, Fold::Alphanumeric] {
            let as_it_stands = Folded::of(text, fold, |_| None);
            let decoded = Folded::of(text, fold, unescaped);
            for net in self.nets.iter().filter(|net| net.fold == fold) {
                for folded in [&as_it_stands, &decoded] {
                    for (start, window) in folded.bytes.windows(net.width).enumerate() {
                        if net.parts.contains(&self.hasher.hash_one(window)) {
                            folded.mark(start, net.width, &mut marked);
                            if net.base64 {
                                folded.mark_run(start, net.width, text, &mut marked);
                            }
                        }
                    }
                }
            }
        }
        marked
    }

    /// Looks for every part of `part` bytes of a text, where it has at least `least` of them; `base64`: it is that.
    fn look_for(&mut self, fold: Fold, text: &str, part: usize, least: usize, base64: bool) {
        let chars: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
        let folded = Folded::of(&chars, fold, |_| None);
        let bytes = Zeroizing::new(folded.bytes);
        if bytes.len() < least.max(1) {
            return;
        }
        let width = bytes.len().min(part);
        let parts = bytes.windows(width).map(|window| self.hasher.hash_one(window)).collect();
        self.nets.push(Net { fold, width, base64, parts });
    }
}

/// A text as it is searched, with the characters that each byte comes from.
struct Folded {
    bytes: Vec<u8>,
    from: Vec<(usize, usize)>,
}

impl Folded {
    /// `decode` reads an escape at the beginning of a text: the character it means, and its length.
    fn of(text: &[char], fold: Fold, decode: impl Fn(&[char]) -> Option<(Meant, usize)>) -> Folded {
        let mut folded = Folded { bytes: Vec::with_capacity(text.len()), from: Vec::with_capacity(text.len()) };
        let mut at = 0;
        while let Some(&c) = text.get(at) {
            let (meant, length) = decode(text.get(at..).unwrap_or_default()).unwrap_or((Meant::Char(c), 1));
            let from = (at, at + length);
            match meant {
                Meant::Byte(byte) if byte.is_ascii() => folded.push(fold, char::from(byte), from),
                Meant::Byte(byte) => folded.add(byte, from),
                Meant::Char(c) => folded.push(fold, c, from),
            }
            at += length;
        }
        folded
    }

    fn push(&mut self, fold: Fold, c: char, from: (usize, usize)) {
        let counts = match fold {
            Fold::Spaceless => !c.is_whitespace() && !c.is_control(),
            Fold::Alphanumeric => c.is_alphanumeric(),
        };
        if counts {
            for lower in c.to_lowercase() {
                lower.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.add(byte, from));
            }
        }
    }

    fn add(&mut self, byte: u8, from: (usize, usize)) {
        self.bytes.push(byte);
        self.from.push(from);
    }

    /// Marks the characters from the first to the last byte of a part.
    fn mark(&self, start: usize, width: usize, marked: &mut [bool]) {
        if let (Some(first), Some(last)) = (self.from.get(start), self.from.get(start + width - 1))
            && let Some(part) = marked.get_mut(first.0..last.1)
        {
            part.fill(true);
        }
    }

    /// Marks the characters next to a part that can belong to the same base64.
    fn mark_run(&self, start: usize, width: usize, text: &[char], marked: &mut [bool]) {
        let (Some(first), Some(last)) = (self.from.get(start), self.from.get(start + width - 1)) else { return };
        let is_base64 = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
        // A sign of equality before it is one of the text.
        let is_inner = |c: &char| *c != '=' && is_base64(c);
        let before = text.iter().take(first.0).rev().take_while(|c| is_inner(c)).count();
        let after = text.iter().skip(last.1).take_while(|c| is_base64(c)).count();
        if let Some(run) = marked.get_mut(first.0 - before..last.1 + after) {
            run.fill(true);
        }
    }
}

/// What an escape stands for: a byte of UTF-8, or a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Byte(u8),
    Char(char),
}

/// Names of HTML for the signs that have one of their own.
const NAMED: &[(&str, char)] = &[("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')];

/// The escape at the beginning of a text: `%2B`, `=2B`, `0x2b`, `\x2b`, `\u002b`, `\u{2b}`, `\"`, `&#43;`, `&#x2b;`, `&amp;`.
fn unescaped(text: &[char]) -> Option<(Meant, usize)> {
    let byte = |from: usize| {
        let (value, digits) = number(text.get(from..)?, 16, 2)?;
        (digits == 2).then_some((Meant::Byte(u8::try_from(value).ok()?), from + 2))
    };
    let sign = |value: u32, length: usize| Some((Meant::Char(char::from_u32(value)?), length));
    match text {
        ['%' | '=', ..] => byte(1),
        ['0' | '\\', 'x' | 'X', ..] => byte(2),
        ['\\', 'u', '{', rest @ ..] => {
            let (value, digits) = number(rest, 16, 6)?;
            (rest.get(digits) == Some(&'}')).then(|| sign(value, 4 + digits))?
        }
        ['\\', 'u' | 'U', rest @ ..] => {
            let (value, digits) = number(rest, 16, 4)?;
            (digits == 4).then(|| sign(value, 6))?
        }
        ['\\', c, ..] => Some((Meant::Char(*c), 2)),
        ['&', '#', 'x' | 'X', rest @ ..] => {
            let (value, digits) = number(rest, 16, 6)?;
            sign(value, 3 + digits + usize::from(rest.get(digits) == Some(&';')))
        }
        ['&', '#', rest @ ..] => {
            let (value, digits) = number(rest, 10, 7)?;
            sign(value, 2 + digits + usize::from(rest.get(digits) == Some(&';')))
        }
        ['&', rest @ ..] => NAMED.iter().find_map(|(name, c)| {
            let named = rest.len() >= name.len() && name.chars().zip(rest).all(|(a, b)| a == *b);
            named.then(|| (Meant::Char(*c), 1 + name.len()))
        }),
        _ => None,
    }
}

/// The number of at most `most` digits at the beginning of a text, and how many digits it has.
fn number(text: &[char], radix: u32, most: usize) -> Option<(u32, usize)> {
    let digits: Vec<u32> = text.iter().take(most).map_while(|c| c.to_digit(radix)).collect();
    (!digits.is_empty()).then(|| (digits.iter().fold(0, |value, digit| value * radix + digit), digits.len()))
}
