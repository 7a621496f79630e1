//! Passwords that are kept in a database on a server: sealed with a key that the machines have and the server has not
//! (AES-256-GCM). Each is bound to its name, so that one in the place of another is noticed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::kept;
use crate::error;

/// The file of the key in the state directory.
pub const KEY: &str = "key";

/// What a sealed secret begins with: the way in which it is sealed.
const WAY: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// What secrets are sealed with.
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// The key of a file; `None` where there is none.
    ///
    /// # Errors
    /// Exit 78: it is not a key, or others can read it.
    pub fn read(path: &Path) -> Result<Option<Key>> {
        let Some(text) = kept::private_as("key file", path)? else { return Ok(None) };
        let refused = || {
            error::config(format!("key file {}: is not a key: 64 hexadecimal digits", path.display()))
                .hint("copy it again from a machine that has it")
        };
        Ok(Some(Key::of(text.trim()).ok_or_else(refused)?))
    }

    fn of(text: &str) -> Option<Key> {
        let mut key = Zeroizing::new([0; 32]);
        let is_key = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for (at, byte) in key.iter_mut().enumerate().filter(|_| is_key) {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        is_key.then_some(Key(key))
    }

    /// Makes a key at random, in a file 0600; one that is there meanwhile stays, and is the key.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn make(path: &Path) -> Result<Key> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand_bytes(bytes.as_mut_slice())?;
        let text: Zeroizing<String> = Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        let aside = path.with_file_name(format!("{KEY}.new-{}", std::process::id()));
        let made = (|| {
            // Never into something that was put there by another hand.
            match fs::remove_file(&aside) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            match fs::hard_link(&aside, path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                _ => File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all(),
            }
        })();
        let _ = fs::remove_file(&aside);
        made.with_context(|| format!("cannot write {}", path.display()))?;
        Key::read(path)?.with_context(|| format!("{} is gone again", path.display()))
    }

    /// What the key is known by: it tells nothing of the key.
    pub fn mark(&self) -> String {
        let hash = Sha256::new().chain_update(b"espomail key ").chain_update(self.0.as_slice()).finalize();
        hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals the secret of this name.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn seal(&self, name: &str, secret: &str) -> Result<Vec<u8>> {
        let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
        rand_bytes(&mut nonce)?;
        let cipher = Cipher::aes_256_gcm();
        let hidden =
            encrypt_aead(cipher, self.0.as_slice(), Some(&nonce), name.as_bytes(), secret.as_bytes(), &mut tag)?;
        Ok([&[WAY][..], &nonce, &tag, &hidden].concat())
    }

    /// The secret of this name.
    ///
    /// # Errors
    /// Exit 78: it was sealed with another key or for another name, or was changed.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<String>> {
        let refused = || {
            error::config(format!("the sealed secret {name} cannot be opened: it was changed in the database"))
                .hint("type the password again: espomail account secret NAME --secret stdin")
        };
        let open = || {
            let (way, rest) = sealed.split_first()?;
            let (nonce, rest) = rest.split_at_checked(NONCE)?;
            let (tag, hidden) = rest.split_at_checked(TAG)?;
            let cipher = Cipher::aes_256_gcm();
            let bytes = decrypt_aead(cipher, self.0.as_slice(), Some(nonce), name.as_bytes(), hidden, tag);
            bytes.ok().filter(|_| *way == WAY).map(Zeroizing::new)
        };
        let bytes = open().ok_or_else(refused)?;
        Ok(Zeroizing::new(std::str::from_utf8(&bytes).map_err(|_| refused())?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_sealed_secret_is_opened_by_its_key_under_its_name_alone() {
        let (key, other) = (Key(Zeroizing::new([7; 32])), Key(Zeroizing::new([8; 32])));
        let sealed = key.seal("12", "s3cret ü").unwrap();
        assert_eq!(*key.open("12", &sealed).unwrap(), "s3cret ü");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"s3cret"));
        assert_ne!(key.seal("12", "s3cret ü").unwrap(), sealed, "two of them show nothing of each other");
        assert_ne!(key.mark(), other.mark());
        let refused = |key: &Key, name: &str, sealed: &[u8]| key.open(name, sealed).is_err();
        assert!(refused(&other, "12", &sealed) && refused(&key, "1", &sealed) && refused(&key, "12-smtp", &sealed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(refused(&key, "12", &changed), "byte {at}");
            assert!(refused(&key, "12", &sealed[..at]), "cut at {at}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let dir = std::env::temp_dir().join(format!("espomail-key-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(KEY);
        assert!(Key::read(&path).unwrap().is_none());
        let first = Key::make(&path).unwrap();
        assert_eq!(first.mark(), Key::make(&path).unwrap().mark(), "the first one stays");
        assert_eq!(first.mark(), Key::read(&path).unwrap().unwrap().mark());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left");
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            Key::read(&path).err().unwrap().to_string()
        };
        for text in ["", "abc", &"g".repeat(64), &"0".repeat(65)] {
            assert!(refused(text).ends_with("is not a key: 64 hexadecimal digits"), "{text}");
        }
        fs::write(&path, "0".repeat(64)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Key::read(&path).err().unwrap().to_string().contains("others can read it (mode 640)"));
        fs::remove_dir_all(dir).unwrap();
    }
}
