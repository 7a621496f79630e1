//! Source bytes as received and as sent, compressed, away from the tables that are listed.

use std::cell::RefCell;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

use super::db::{Tx, params};

/// Compression level of zstd. Mail is mostly base64, where a higher one costs much and saves hardly anything.
const LEVEL: i32 = 1;

/// Bytes made ready to be stored, away from the transaction.
#[derive(Debug, Clone)]
pub struct Packed {
    size: usize,
    sha256: [u8; 32],
    codec: &'static str,
    data: Vec<u8>,
}

impl Packed {
    /// Compresses bytes, unless that makes them larger.
    pub fn new(raw: Vec<u8>) -> Result<Packed> {
        thread_local! {
            // Making a context costs more than compressing a usual mail.
            static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
        }
        let packed = COMPRESSOR.with_borrow_mut(|kept| match kept {
            Some(compressor) => compressor.compress(&raw),
            None => kept.insert(Compressor::new(LEVEL)?).compress(&raw),
        })?;
        let (size, sha256) = (raw.len(), Sha256::digest(&raw).into());
        let (codec, data) = if packed.len() < size { ("zstd", packed) } else { ("none", raw) };
        Ok(Packed { size, sha256, codec, data })
    }

    /// Bytes it takes in the store.
    pub fn stored(&self) -> usize {
        self.data.len()
    }
}

/// Stores bytes; the id.
pub fn add(tx: &Tx<'_>, packed: &Packed) -> Result<i64> {
    let Packed { size, sha256, codec, data } = packed;
    tx.insert(
        "INSERT INTO raw_messages (size, sha256, codec, data) VALUES (?1, ?2, ?3, ?4)",
        params![i64::try_from(*size)?, sha256.as_slice(), codec, data],
    )
}

/// The bytes of a message.
///
/// # Errors
/// No such row, or damaged data: the size and the digest are compared.
pub fn bytes(tx: &Tx<'_>, id: i64) -> Result<Vec<u8>> {
    let (size, digest, codec, data) = tx
        .one("SELECT size, sha256, codec, data FROM raw_messages WHERE id = ?1", params![id], |row| {
            let size: i64 = row.get("size")?;
            Ok((size, row.get::<Vec<u8>>("sha256")?, row.get::<String>("codec")?, row.get::<Vec<u8>>("data")?))
        })?
        .with_context(|| format!("stored message {id} is missing"))?;
    let raw = match codec.as_str() {
        "zstd" => unpacked(&data, usize::try_from(size)?)?,
        _ => data,
    };
    if Sha256::digest(&raw).as_slice() != digest {
        bail!("stored message {id} is damaged: its digest differs");
    }
    Ok(raw)
}

fn unpacked(data: &[u8], size: usize) -> Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let raw = DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(data, size),
        None => kept.insert(Decompressor::new()?).decompress(data, size),
    })?;
    Ok(raw)
}

/// Size and digest, without reading the bytes.
pub fn identity(tx: &Tx<'_>, id: i64) -> Result<Option<(i64, Vec<u8>)>> {
    tx.one("SELECT size, sha256 FROM raw_messages WHERE id = ?1", params![id], |row| {
        Ok((row.get("size")?, row.get("sha256")?))
    })
}

/// Drops bytes that nothing points to any more.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("DELETE FROM raw_messages WHERE id = ?1", params![id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::Store;

    #[test]
    fn bytes_come_back_as_they_were() {
        let store = Store::in_memory().unwrap();
        for raw in [b"".to_vec(), b"\0\xff\r\n".to_vec(), vec![b'x'; 100_000], (0..=255).collect()] {
            let id = store.write(|tx| add(tx, &Packed::new(raw.clone()).unwrap())).unwrap();
            assert_eq!(store.read(|tx| bytes(tx, id)).unwrap(), raw);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let store = Store::in_memory().unwrap();
        let id = store.write(|tx| add(tx, &Packed::new(b"abc".to_vec()).unwrap())).unwrap();
        store.write(|tx| tx.execute("UPDATE raw_messages SET data = x'414243'", [])).unwrap();
        assert!(store.read(|tx| bytes(tx, id)).unwrap_err().to_string().contains("damaged"));
    }
}
