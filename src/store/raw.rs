//! Source bytes as received and as sent, compressed, away from the tables that are listed.

use std::cell::RefCell;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::read::Decoder;

use super::db::{Column, LARGE, Tx, params};

/// Compression level of zstd. Mail is mostly base64, where a higher one costs much and saves hardly anything.
const LEVEL: i32 = 1;

const DATA: Column = Column { table: "raw_messages", name: "data" };

/// Bytes made ready to be stored, away from the transaction.
#[derive(Debug, Clone)]
pub struct Packed {
    raw: Vec<u8>,
    sha256: [u8; 32],
    /// The bytes compressed, unless that makes them larger.
    zstd: Option<Vec<u8>>,
}

impl Packed {
    /// Compresses bytes and keeps them as they are as well, for those that read them next.
    pub fn new(raw: Vec<u8>) -> Result<Packed> {
        thread_local! {
            // Making a context costs more than compressing a usual mail.
            static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
        }
        let mut packed = COMPRESSOR.with_borrow_mut(|kept| match kept {
            Some(compressor) => compressor.compress(&raw),
            None => kept.insert(compressor()?).compress(&raw),
        })?;
        // Room was made for bytes that do not compress.
        packed.shrink_to_fit();
        let zstd = (packed.len() < raw.len()).then_some(packed);
        Ok(Packed { sha256: Sha256::digest(&raw).into(), raw, zstd })
    }

    /// Bytes of the message.
    pub fn size(&self) -> usize {
        self.raw.len()
    }

    /// Digest of the message.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.raw
    }

    /// The message, where nothing else of it is needed any more.
    pub fn into_bytes(self) -> Vec<u8> {
        self.raw
    }
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// Stores bytes; the id.
pub fn add(tx: &Tx<'_>, packed: &Packed) -> Result<i64> {
    let size = i64::try_from(packed.size())?;
    let (codec, data) = packed.zstd.as_ref().map_or(("none", &packed.raw), |data| ("zstd", data));
    let sql = "INSERT INTO raw_messages (size, sha256, codec, data) VALUES (?1, ?2, ?3, ?4)";
    tx.store_bytes(sql, params![size, packed.sha256.as_slice(), codec], DATA, data)
}

/// Bytes as they are stored.
#[derive(Debug)]
pub struct Stored {
    id: i64,
    size: i64,
    sha256: Vec<u8>,
    codec: String,
    data: Vec<u8>,
}

impl Stored {
    /// The bytes of the message.
    ///
    /// # Errors
    /// Damaged data: what is packed has a checksum of its own, for the rest the digest is compared.
    pub fn unpack(self) -> Result<Vec<u8>> {
        let damaged = || format!("stored message {} is damaged", self.id);
        let size = usize::try_from(self.size)?;
        if self.codec == "zstd" {
            let raw = decompress(&self.data, size).with_context(damaged)?;
            ensure!(raw.len() == size, damaged());
            return Ok(raw);
        }
        ensure!(Sha256::digest(&self.data).as_slice() == self.sha256, damaged());
        Ok(self.data)
    }
}

/// The stored bytes of a message, still packed.
///
/// # Errors
/// No such row.
pub fn stored(tx: &Tx<'_>, id: i64) -> Result<Stored> {
    let sql = "SELECT size, sha256, codec, CASE WHEN octet_length(data) <= ?2 THEN data END AS data FROM raw_messages
        WHERE id = ?1";
    let stored = tx.one(sql, params![id, i64::try_from(LARGE)?], |row| {
        let data = match row.get("data")? {
            Some(data) => data,
            None => tx.load_bytes(DATA, id)?,
        };
        Ok(Stored { id, size: row.get("size")?, sha256: row.get("sha256")?, codec: row.get("codec")?, data })
    })?;
    stored.with_context(|| format!("stored message {id} is missing"))
}

/// The bytes of a message.
///
/// # Errors
/// As [`stored`] and [`Stored::unpack`].
pub fn bytes(tx: &Tx<'_>, id: i64) -> Result<Vec<u8>> {
    stored(tx, id)?.unpack()
}

/// The first bytes of a message, at most `max`: what comes after them is neither read nor unpacked.
///
/// # Errors
/// No such row, or its data is damaged.
pub fn beginning(tx: &Tx<'_>, id: i64, max: u64) -> Result<Vec<u8>> {
    let codec: Option<String> = tx.value("SELECT codec FROM raw_messages WHERE id = ?1", params![id])?;
    let codec = codec.with_context(|| format!("stored message {id} is missing"))?;
    let mut bytes = Vec::new();
    tx.load_bytes_with(DATA, id, |data| {
        let read = if codec == "zstd" {
            Decoder::new(data).and_then(|decoder| decoder.take(max).read_to_end(&mut bytes))
        } else {
            data.take(max).read_to_end(&mut bytes)
        };
        read.with_context(|| format!("stored message {id} is damaged"))
    })?;
    Ok(bytes)
}

fn decompress(data: &[u8], size: usize) -> Result<Vec<u8>> {
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

/// Drops bytes, unless something points to them still.
pub fn delete_unused(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM raw_messages WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM emails WHERE raw_id = ?1) AND NOT EXISTS (SELECT 1 FROM outbox WHERE raw_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM deliveries WHERE raw_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM email_variants WHERE raw_id = ?1)",
        params![id],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::Store;

    /// Bytes that do not compress.
    fn random(count: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        let store = Store::for_test().unwrap();
        for raw in [b"".to_vec(), b"\0\xff\r\n".to_vec(), vec![b'x'; 100_000], (0..=255).collect(), random(LARGE + 1)] {
            let id = store.write(|tx| add(tx, &Packed::new(raw.clone()).unwrap())).unwrap();
            assert_eq!(store.read(|tx| bytes(tx, id)).unwrap(), raw);
        }
    }

    #[test]
    fn of_a_large_message_the_beginning_can_be_read_alone() {
        let store = Store::for_test().unwrap();
        for raw in [b"".to_vec(), b"abc".to_vec(), vec![b'x'; 100_000], random(LARGE + 1)] {
            let id = store.write(|tx| add(tx, &Packed::new(raw.clone()).unwrap())).unwrap();
            for max in [0, 2, 1_000, 1 << 30] {
                let first: Vec<u8> = raw.iter().copied().take(usize::try_from(max).unwrap()).collect();
                assert_eq!(store.read(|tx| beginning(tx, id, max)).unwrap(), first);
            }
        }
        assert!(store.read(|tx| beginning(tx, 99, 1)).is_err());
    }

    #[test]
    fn damage_is_an_error() {
        let store = Store::for_test().unwrap();
        let text: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        for raw in [b"abc".to_vec(), text.into_bytes(), random(LARGE + 1)] {
            let id = store.write(|tx| add(tx, &Packed::new(raw).unwrap())).unwrap();
            let length: i64 = store
                .read(|tx| tx.value("SELECT length(data) FROM raw_messages WHERE id = ?1", [id]))
                .unwrap()
                .unwrap();
            // One byte in the middle, and the whole.
            for (start, count) in [(length / 2, 1), (1, length)] {
                let change = "UPDATE raw_messages SET data = CAST(substr(data, 1, ?2) || zeroblob(?3) || substr(data, ?2 + ?3 + 1) AS BLOB) WHERE id = ?1";
                store.write(|tx| tx.execute(change, params![id, start - 1, count])).unwrap();
                assert!(format!("{:#}", store.read(|tx| bytes(tx, id)).unwrap_err()).contains("damaged"), "{length}");
            }
        }
    }
}
