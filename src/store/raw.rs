//! Source bytes as received and as sent, compressed, away from the tables that are listed. Attachments of messages are kept
//! as parts, each of them once.

mod parts;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::Read as _;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::read::Decoder;

use self::parts::{Form, Found, Run};
use super::db::{Column, LARGE, Row, Tx, params};
use crate::error::{Fault, Kind};
use crate::mail::message::DecodedRun;

/// Compression level of zstd. Mail is mostly base64, where a higher one costs much and saves hardly anything.
const LEVEL: i32 = 1;

const DATA: Column = Column { table: "raw_messages", name: "data" };
const PART: Column = Column { table: "raw_parts", name: "data" };

/// Bytes made ready to be stored, away from the transaction.
#[derive(Debug, Clone)]
pub struct Packed {
    raw: Vec<u8>,
    sha256: [u8; 32],
    /// What is stored of the message itself; `None` = the bytes as they are.
    rest: Option<Kept>,
    parts: Vec<Part>,
}

/// Bytes as they are kept.
#[derive(Debug, Clone)]
struct Kept {
    codec: &'static str,
    data: Vec<u8>,
}

/// A run of base64 that was taken out of the message.
#[derive(Debug, Clone)]
struct Part {
    form: Form,
    decoded: DecodedRun,
    kept: Kept,
}

impl Packed {
    /// Compresses bytes and keeps them as they are as well, for those that read them next.
    pub fn new(raw: Vec<u8>) -> Result<Packed> {
        let sha256 = Sha256::digest(&raw).into();
        let (rest, runs) = match parts::take_apart(&raw) {
            Some((rest, runs)) => (Some(Kept::smallest(rest)?), runs),
            None => (Kept::compressed(&raw)?, Vec::new()),
        };
        Ok(Packed { sha256, rest, parts: runs.into_iter().map(Part::new).collect::<Result<_>>()?, raw })
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

    /// The message and what has been decoded of it, where nothing else of it is needed any more.
    pub fn into_bytes(self) -> (Vec<u8>, Vec<DecodedRun>) {
        (self.raw, self.parts.into_iter().map(|part| part.decoded).collect())
    }
}

impl Part {
    fn new((at, run): Found) -> Result<Part> {
        let Run { form, bytes } = run;
        let decoded = DecodedRun { at, size: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() };
        Ok(Part { form, decoded, kept: Kept::smallest(bytes)? })
    }
}

impl Kept {
    /// Compressed bytes; `None` where that makes them larger.
    fn compressed(bytes: &[u8]) -> Result<Option<Kept>> {
        thread_local! {
            // Making a context costs more than compressing a usual mail.
            static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
        }
        let mut data = COMPRESSOR.with_borrow_mut(|kept| match kept {
            Some(compressor) => compressor.compress(bytes),
            None => kept.insert(compressor()?).compress(bytes),
        })?;
        // Room was made for bytes that do not compress.
        data.shrink_to_fit();
        Ok((data.len() < bytes.len()).then_some(Kept { codec: "zstd", data }))
    }

    fn smallest(mut bytes: Vec<u8>) -> Result<Kept> {
        bytes.shrink_to_fit();
        Ok(Kept::compressed(&bytes)?.unwrap_or(Kept { codec: "none", data: bytes }))
    }
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// Stores bytes; the id.
pub fn add(tx: &Tx<'_>, packed: &Packed) -> Result<i64> {
    let Packed { raw, sha256, rest, parts } = packed;
    let (codec, data) = rest.as_ref().map_or(("none", raw), |kept| (kept.codec, &kept.data));
    let sql = "INSERT INTO raw_messages (size, sha256, parts, codec, data) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (size, count) = (i64::try_from(raw.len())?, i64::try_from(parts.len())?);
    let id = tx.store_bytes(sql, params![size, sha256.as_slice(), count, codec], DATA, data)?;
    for (number, part) in parts.iter().enumerate() {
        let part_id = part_id(tx, part)?;
        let Form { place, line, crlf } = part.form;
        tx.execute(
            "INSERT INTO raw_uses (raw_id, number, part_id, place, line, crlf) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id, i64::try_from(number)?, part_id, i64::try_from(place)?, i64::try_from(line)?, crlf],
        )?;
    }
    Ok(id)
}

/// The part that is there, or a new one. One that is damaged is written again.
fn part_id(tx: &Tx<'_>, part: &Part) -> Result<i64> {
    let Part { decoded: DecodedRun { size, sha256, .. }, kept, .. } = part;
    let (size, data) = (i64::try_from(*size)?, &kept.data);
    let sql =
        "SELECT id, size = ?2 AND codec = ?3 AND octet_length(data) = ?4 AS fits FROM raw_parts WHERE sha256 = ?1";
    let values = params![sha256.as_slice(), size, kept.codec, i64::try_from(data.len())?];
    let there = tx.one(sql, values, |row| Ok((row.get::<i64>("id")?, row.get::<bool>("fits")?)))?;
    match there {
        Some((id, true)) => Ok(id),
        Some((id, false)) => {
            let sql = "UPDATE raw_parts SET size = ?2, codec = ?3, data = ?4 WHERE id = ?1";
            tx.execute(sql, params![id, size, kept.codec, data.as_slice()])?;
            Ok(id)
        }
        None => {
            let sql = "INSERT INTO raw_parts (size, sha256, codec, data) VALUES (?1, ?2, ?3, ?4)";
            tx.store_bytes(sql, params![size, sha256.as_slice(), kept.codec], PART, data)
        }
    }
}

/// Bytes as they are stored.
#[derive(Debug)]
pub struct Stored {
    id: i64,
    size: i64,
    sha256: Vec<u8>,
    rest: Read,
    /// Where runs were taken out, and their bytes.
    parts: Vec<(Form, Read)>,
    /// How many of them there are to be.
    count: usize,
}

/// Bytes as they were read.
#[derive(Debug)]
struct Read {
    size: i64,
    codec: String,
    data: Vec<u8>,
}

impl Read {
    fn from_row(tx: &Tx<'_>, row: &Row<'_>, column: Column, id: i64) -> Result<Read> {
        let data = match row.get("data")? {
            Some(data) => data,
            None => tx.load_bytes(column, id)?,
        };
        Ok(Read { size: row.get("size")?, codec: row.get("codec")?, data })
    }

    /// The bytes, at most as many as its size says.
    fn unpack(self) -> Result<Vec<u8>> {
        if self.codec == "zstd" { decompress(&self.data, usize::try_from(self.size)?) } else { Ok(self.data) }
    }
}

impl Stored {
    /// The bytes of the message.
    ///
    /// # Errors
    /// Damaged data: what is packed whole has a checksum of its own, for the rest the digest is compared.
    pub fn unpack(self) -> Result<Vec<u8>> {
        let id = self.id;
        self.unpack_all()
            .and_then(|raw| raw.context("its bytes are not those that were stored"))
            .with_context(|| damaged(id))
    }

    fn unpack_all(self) -> Result<Option<Vec<u8>>> {
        let size = usize::try_from(self.size)?;
        let has_checksum = self.count == 0 && self.rest.codec == "zstd";
        let mut raw = self.rest.unpack()?;
        if self.parts.len() != self.count {
            return Ok(None);
        }
        if self.count > 0 {
            let run = |(form, part): (Form, Read)| Ok(Run { form, bytes: part.unpack()? });
            let runs = self.parts.into_iter().map(run).collect::<Result<Vec<_>>>()?;
            let Some(whole) = parts::put_together(&raw, &runs, size) else { return Ok(None) };
            raw = whole;
        }
        let is_right = raw.len() == size && (has_checksum || Sha256::digest(&raw).as_slice() == self.sha256);
        Ok(is_right.then_some(raw))
    }
}

fn damaged(id: i64) -> Fault {
    let text = format!("stored message {id} is damaged");
    Fault::new(Kind::Io, text)
        .hint("a backup may have it whole: espomail db restore FILE; `espomail db check` looks for more")
}

/// The messages that have not all of their parts.
pub fn incomplete(tx: &Tx<'_>) -> Result<Vec<i64>> {
    tx.values(
        "SELECT r.id FROM raw_messages r
            LEFT JOIN (SELECT raw_id, count(*) AS uses FROM raw_uses GROUP BY raw_id) AS u ON u.raw_id = r.id
            WHERE r.parts <> coalesce(u.uses, 0) ORDER BY r.id",
        [],
    )
}

/// The stored bytes of a message, still packed.
///
/// # Errors
/// No such row.
pub fn stored(tx: &Tx<'_>, id: i64) -> Result<Stored> {
    let large = i64::try_from(LARGE)?;
    let sql =
        "SELECT size, sha256, parts, codec, CASE WHEN octet_length(data) <= ?2 THEN data END AS data FROM raw_messages
        WHERE id = ?1";
    let stored = tx.one(sql, params![id, large], |row| {
        let rest = Read::from_row(tx, row, DATA, id)?;
        let count = usize::try_from(row.get::<i64>("parts")?).with_context(|| damaged(id))?;
        let sha256 = row.get("sha256")?;
        Ok(Stored { id, size: rest.size, sha256, rest, parts: Vec::new(), count })
    })?;
    let mut stored = stored.with_context(|| format!("stored message {id} is missing"))?;
    if stored.count > 0 {
        let sql = "SELECT u.place, u.line, u.crlf, p.id, p.size, p.codec,
            CASE WHEN octet_length(p.data) <= ?2 THEN p.data END AS data
            FROM raw_uses u JOIN raw_parts p ON p.id = u.part_id WHERE u.raw_id = ?1 ORDER BY u.number";
        stored.parts = tx.all(sql, params![id, large], |row| {
            let number = |column| usize::try_from(row.get::<i64>(column)?).with_context(|| damaged(id));
            let form = Form { place: number("place")?, line: number("line")?, crlf: row.get("crlf")? };
            Ok((form, Read::from_row(tx, row, PART, row.get("id")?)?))
        })?;
    }
    Ok(stored)
}

/// The bytes of a message.
///
/// # Errors
/// As [`stored`] and [`Stored::unpack`].
pub fn bytes(tx: &Tx<'_>, id: i64) -> Result<Vec<u8>> {
    stored(tx, id)?.unpack()
}

/// The first bytes of a message, at most `max`: nothing after them is read, unless a part is among them.
///
/// # Errors
/// No such row, or its data is damaged.
pub fn beginning(tx: &Tx<'_>, id: i64, max: u64) -> Result<Vec<u8>> {
    let codec: Option<String> = tx.value("SELECT codec FROM raw_messages WHERE id = ?1", params![id])?;
    let codec = codec.with_context(|| format!("stored message {id} is missing"))?;
    let first: Option<i64> =
        tx.value("SELECT place FROM raw_uses WHERE raw_id = ?1 ORDER BY number LIMIT 1", params![id])?;
    if first.is_some_and(|place| u64::try_from(place).is_ok_and(|place| place < max)) {
        let mut bytes = bytes(tx, id)?;
        bytes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    tx.load_bytes_with(DATA, id, |data| {
        let read = if codec == "zstd" {
            Decoder::new(data).and_then(|decoder| decoder.take(max).read_to_end(&mut bytes))
        } else {
            data.take(max).read_to_end(&mut bytes)
        };
        read.with_context(|| damaged(id))
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

/// Drops bytes that nothing points to any more, and those of its parts that no other message has.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    let parts: Vec<i64> = tx.values("SELECT part_id FROM raw_uses WHERE raw_id = ?1", params![id])?;
    tx.execute("DELETE FROM raw_messages WHERE id = ?1", params![id])?;
    for part_id in parts {
        let sql = "DELETE FROM raw_parts WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM raw_uses WHERE part_id = ?1)";
        tx.execute(sql, params![part_id])?;
    }
    Ok(())
}

/// The message without its parts; `None` where it has none.
pub fn without_parts(tx: &Tx<'_>, id: i64) -> Result<Option<Vec<u8>>> {
    let Stored { rest, count, size, .. } = stored(tx, id)?;
    match count {
        0 => Ok(None),
        // What is left is shorter than the whole.
        _ => Read { size, ..rest }.unpack().with_context(|| damaged(id)).map(Some),
    }
}

/// Drops bytes, unless something points to them still.
pub fn delete_unused(tx: &Tx<'_>, id: i64) -> Result<()> {
    if is_used(tx, id)? { Ok(()) } else { delete(tx, id) }
}

/// Whether something points to bytes.
pub fn is_used(tx: &Tx<'_>, id: i64) -> Result<bool> {
    let used = tx.value::<bool>(
        "SELECT EXISTS (SELECT 1 FROM emails WHERE raw_id = ?1) OR EXISTS (SELECT 1 FROM outbox WHERE raw_id = ?1)
            OR EXISTS (SELECT 1 FROM deliveries WHERE raw_id = ?1)
            OR EXISTS (SELECT 1 FROM email_variants WHERE raw_id = ?1)",
        params![id],
    )?;
    Ok(used.unwrap_or_default())
}
