//! Source bytes as received and as sent, compressed, away from the tables that are listed.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::db::{Tx, params};

/// Stores bytes; the id.
pub fn add(tx: &Tx<'_>, raw: &[u8]) -> Result<i64> {
    let packed = zstd::bulk::compress(raw, 3)?;
    let (codec, data) = if packed.len() < raw.len() { ("zstd", packed.as_slice()) } else { ("none", raw) };
    tx.insert(
        "INSERT INTO raw_messages (size, sha256, codec, data) VALUES (?1, ?2, ?3, ?4)",
        params![i64::try_from(raw.len())?, Sha256::digest(raw).as_slice(), codec, data],
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
        "zstd" => zstd::bulk::decompress(&data, usize::try_from(size)?)?,
        _ => data,
    };
    if Sha256::digest(&raw).as_slice() != digest {
        bail!("stored message {id} is damaged: its digest differs");
    }
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
            let id = store.write(|tx| add(tx, &raw)).unwrap();
            assert_eq!(store.read(|tx| bytes(tx, id)).unwrap(), raw);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let store = Store::in_memory().unwrap();
        let id = store.write(|tx| add(tx, b"abc")).unwrap();
        store.write(|tx| tx.execute("UPDATE raw_messages SET data = x'414243'", [])).unwrap();
        assert!(store.read(|tx| bytes(tx, id)).unwrap_err().to_string().contains("damaged"));
    }
}
