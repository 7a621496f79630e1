//! Message-IDs and reply addresses of our own, signed so that nobody else can make one (B13.6, B4.4).
//!
//! An id is `KEY.RANDOM.MAC@domain`. KEY says what it belongs to: a class letter and the 64-bit key
//! of the case, the email or the notice. The MAC proves that this instance wrote it, so a reply that
//! names it belongs to that case, for every writer (B4.2). The tag of a reply address, `cKEY.MAC`, does
//! the same for mail programs that name no ids. Header fields with ids are read by
//! [`parse_ids`] and made by [`cap_references`].

use std::fmt;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use super::references::{MAX_ID_BYTES, MAX_IDS, cap_references, parse_ids};

/// Separates this use of the secret from any other.
const CONTEXT: &[u8] = b"espomail message-id v1\0";
/// The same for the tags of reply addresses: neither can be made out of the other.
const PLUS_CONTEXT: &[u8] = b"espomail plus-address v1\0";
/// The same for the tags of envelope senders.
const RETURN_CONTEXT: &[u8] = b"espomail return-path v1\0";
/// What the tag of an envelope sender begins with.
const RETURN: char = 'b';
/// Hex digits of a key, and of the random part.
const WORD: usize = 16;
/// Bytes of the MAC that are written.
const MAC_BYTES: usize = 16;
/// Bytes of the MAC in a tag, which has to leave room in the 64 bytes of a local part (RFC 5321 4.5.3.1.1).
const PLUS_MAC_BYTES: usize = 8;

/// What a signed id was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// The thread of a case; the key is the case's.
    Case,
    /// An automatic reply (B8); the key is the case's or the answered email's.
    AutoReply,
    /// A notice to a user (B7.4).
    Notice,
    /// A single email without a case.
    Email,
}

impl IdKind {
    const ALL: [IdKind; 4] = [IdKind::Case, IdKind::AutoReply, IdKind::Notice, IdKind::Email];

    fn letter(self) -> char {
        match self {
            IdKind::Case => 'c',
            IdKind::AutoReply => 'a',
            IdKind::Notice => 'n',
            IdKind::Email => 'e',
        }
    }
}

/// What a valid signed id says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignedId {
    /// What the id was made for.
    pub kind: IdKind,
    /// 16 lower-case hex digits, as [`new_key`] made them.
    pub key: String,
}

/// Signs and checks ids with the secret of this instance.
#[derive(Clone)]
pub struct Signer {
    /// The secret, padded with zeros to the block of SHA-256 as RFC 2104 does it anyway: so no key
    /// length has to be checked later.
    block: Zeroizing<[u8; 64]>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(secret)")
    }
}

impl Signer {
    /// Takes the instance secret.
    pub fn new(secret: &[u8; 32]) -> Signer {
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(secret) {
            *to = *from;
        }
        Signer { block }
    }

    /// Makes an id without angle brackets. `key` is 16 hex digits, `random` makes the id unique,
    /// `domain` is the sending account's.
    pub fn sign(&self, kind: IdKind, key: &str, random: [u8; 8], domain: &str) -> String {
        let signed = format!("{}{}.{}", kind.letter(), key.to_ascii_lowercase(), hex(&random));
        let mac = self.mac(CONTEXT, &signed).finalize().into_bytes();
        let shown: String = hex(&mac).chars().take(2 * MAC_BYTES).collect();
        format!("{signed}.{shown}@{domain}")
    }

    /// What the id (without angle brackets) stands for, if this instance signed it. The domain does
    /// not count, nor does case: some servers rewrite both.
    pub fn verify(&self, message_id: &str) -> Option<SignedId> {
        let (local, _domain) = message_id.split_once('@')?;
        // Long before any work on it: ids of strangers are of any length.
        if local.len() != 1 + WORD + 1 + WORD + 1 + 2 * MAC_BYTES || !local.is_ascii() {
            return None;
        }
        let local = local.to_ascii_lowercase();
        let (signed, shown) = local.rsplit_once('.')?;
        let (key, random) = signed.split_once('.')?;
        let kind = IdKind::ALL.into_iter().find(|kind| key.starts_with(kind.letter()))?;
        let key = key.get(1..)?;
        // With the length of the whole these leave the random part its 16 digits.
        if key.len() != WORD || !is_hex(key) || !is_hex(random) {
            return None;
        }
        self.mac(CONTEXT, signed).verify_truncated_left(&mac_bytes(shown)?).ok()?;
        Some(SignedId { kind, key: key.to_owned() })
    }

    /// The tag of the address that answers to a case go to, as in `support+TAG@example.org` (B4.4).
    /// `case_key` is 16 hex digits.
    pub fn plus_tag(&self, case_key: &str) -> String {
        let signed = format!("{}{}", IdKind::Case.letter(), case_key.to_ascii_lowercase());
        let mac = self.mac(PLUS_CONTEXT, &signed).finalize().into_bytes();
        let shown: String = hex(&mac).chars().take(2 * PLUS_MAC_BYTES).collect();
        format!("{signed}.{shown}")
    }

    /// The key of the case whose tag this is, if this instance made it. Case does not count.
    pub fn verify_plus_tag(&self, tag: &str) -> Option<String> {
        if tag.len() != 1 + WORD + 1 + 2 * PLUS_MAC_BYTES || !tag.is_ascii() {
            return None;
        }
        let tag = tag.to_ascii_lowercase();
        let (signed, shown) = tag.split_once('.')?;
        let key = signed.strip_prefix(IdKind::Case.letter())?;
        if key.len() != WORD || !is_hex(key) || !is_hex(shown) {
            return None;
        }
        let shown = u64::from_str_radix(shown, 16).ok()?.to_be_bytes();
        self.mac(PLUS_CONTEXT, signed).verify_truncated_left(&shown).ok()?;
        Some(key.to_owned())
    }

    /// The tag of the envelope sender by which a report on one message to one recipient comes back, as in
    /// `support+TAG@example.org` (B9.2). `outbox_id` is that of the message.
    pub fn return_tag(&self, outbox_id: i64) -> String {
        let signed = format!("{RETURN}{outbox_id:x}");
        let mac = self.mac(RETURN_CONTEXT, &signed).finalize().into_bytes();
        let shown: String = hex(&mac).chars().take(2 * PLUS_MAC_BYTES).collect();
        format!("{signed}.{shown}")
    }

    /// The message whose tag this is, if this instance made it. Case does not count.
    pub fn verify_return_tag(&self, tag: &str) -> Option<i64> {
        let tag = tag.to_ascii_lowercase();
        let (signed, shown) = tag.split_once('.')?;
        let id = i64::from_str_radix(signed.strip_prefix(RETURN)?, 16).ok()?;
        if shown.len() != 2 * PLUS_MAC_BYTES || !is_hex(shown) {
            return None;
        }
        let shown = u64::from_str_radix(shown, 16).ok()?.to_be_bytes();
        self.mac(RETURN_CONTEXT, &format!("{RETURN}{id:x}")).verify_truncated_left(&shown).ok()?;
        Some(id)
    }

    fn mac(&self, context: &[u8], signed: &str) -> Hmac<Sha256> {
        Hmac::<Sha256>::new((&*self.block).into()).chain_update(context).chain_update(signed)
    }
}

/// A new key of a case or an email from eight random bytes: 16 lower-case hex digits.
pub fn new_key(random: [u8; 8]) -> String {
    hex(&random)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn mac_bytes(shown: &str) -> Option<[u8; MAC_BYTES]> {
    if shown.len() != 2 * MAC_BYTES || !is_hex(shown) {
        return None;
    }
    Some(u128::from_str_radix(shown, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;
    use crate::mail::fixed_seed;

    fn signer() -> Signer {
        Signer::new(&[7; 32])
    }

    #[test]
    fn the_format_is_fixed() {
        let id = signer().sign(IdKind::Case, "0123456789abcdef", [0xff; 8], "example.org");
        // HMAC-SHA-256 (key of 32 bytes 0x07) computed with another program.
        assert_eq!(id, "c0123456789abcdef.ffffffffffffffff.83553e5315f99cbef8f2e3cad94bf992@example.org");
    }

    #[test]
    fn every_kind_comes_back() {
        for kind in IdKind::ALL {
            let id = signer().sign(kind, &new_key([1, 2, 3, 4, 5, 6, 7, 8]), [9; 8], "a.example");
            assert_eq!(signer().verify(&id), Some(SignedId { kind, key: "0102030405060708".into() }), "{id}");
        }
    }

    #[test]
    fn case_and_domain_do_not_count() {
        let id = signer().sign(IdKind::Email, &new_key([0xab; 8]), [0xcd; 8], "a.example");
        let read = signer().verify(&id);
        assert!(read.is_some());
        assert_eq!(signer().verify(&id.to_uppercase()), read);
        assert_eq!(signer().verify(&id.replace("a.example", "b.example")), read);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let id = signer().sign(IdKind::Case, &new_key([1; 8]), [2; 8], "a.example");
        let local = id.split_once('@').unwrap().0;
        for wrong in [
            "",
            "@",
            "x@y",
            local,
            &format!(" {id}"),
            &format!("<{id}>"),
            &format!("0{id}"),
            &format!("{local}0@a.example"),
            &format!("{}@a.example", &local[..local.len() - 1]),
            &id.replacen('c', "x", 1),
            &id.replacen('c', "e", 1),
            &id.replace('.', ""),
            &"é".repeat(67).to_string(),
        ] {
            assert_eq!(signer().verify(wrong), None, "{wrong}");
        }
        assert_eq!(Signer::new(&[8; 32]).verify(&id), None, "another instance");
    }

    #[test]
    fn tags_of_reply_addresses() {
        let tag = signer().plus_tag("0123456789ABCDEF");
        // Computed with another program, as above.
        assert_eq!(tag, "c0123456789abcdef.1745aeb660c7e3f5");
        assert_eq!(signer().verify_plus_tag(&tag).as_deref(), Some("0123456789abcdef"));
        assert_eq!(signer().verify_plus_tag(&tag.to_uppercase()).as_deref(), Some("0123456789abcdef"));
        for wrong in [
            "",
            &tag[1..],
            &tag[..33],
            &format!("{tag}0"),
            &format!("{tag} "),
            &tag.replacen('c', "a", 1),
            &tag.replacen('c', "x", 1),
            &tag.replace('.', "0"),
            &tag.replacen('1', ".", 1),
            &tag.replacen('0', "2", 1),
            &tag.replacen('0', "+", 1),
            &"é".repeat(17),
        ] {
            assert_eq!(signer().verify_plus_tag(wrong), None, "{wrong}");
        }
        assert_eq!(Signer::new(&[8; 32]).verify_plus_tag(&tag), None, "another instance");
    }

    #[test]
    fn tags_and_ids_are_not_each_other() {
        let key = new_key([1; 8]);
        let (id, tag) = (signer().sign(IdKind::Case, &key, [2; 8], "a.example"), signer().plus_tag(&key));
        let mac = id.split_once('@').unwrap().0.rsplit_once('.').unwrap().1;
        assert_eq!(signer().verify_plus_tag(&format!("c{key}.{}", &mac[..16])), None);
        assert_eq!(signer().verify_plus_tag(id.split_once('@').unwrap().0), None);
        let tag_mac = tag.split_once('.').unwrap().1;
        for forged in [format!("{tag}@a.example"), format!("{tag}.{tag_mac}{tag_mac}@a.example")] {
            assert_eq!(signer().verify(&forged), None, "{forged}");
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        assert_eq!(format!("{:?}", signer()), "Signer(secret)");
    }

    proptest! {
        #![proptest_config(fixed_seed(2))]

        #[test]
        fn round_trip_and_any_changed_character_is_refused(
            secret: [u8; 32], key: [u8; 8], random: [u8; 8], kind in 0..4usize, at in 0..67usize, other in "[ -~]",
        ) {
            let signer = Signer::new(&secret);
            let id = signer.sign(IdKind::ALL[kind], &new_key(key), random, "example.org");
            prop_assert_eq!(signer.verify(&id), Some(SignedId { kind: IdKind::ALL[kind], key: new_key(key) }));
            prop_assume!(!id[at..=at].eq_ignore_ascii_case(&other));
            let forged = format!("{}{other}{}", &id[..at], &id[at + 1..]);
            prop_assert_eq!(signer.verify(&forged), None);
        }

        #[test]
        fn nothing_panics(id in "\\PC*") {
            prop_assert_eq!(signer().verify(&id), None);
        }
    }
}
