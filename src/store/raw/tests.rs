#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
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

fn with_attachment(text: &str, attachment: &[u8]) -> Vec<u8> {
    let letters = base64_simd::STANDARD.encode_to_string(attachment);
    let lines: Vec<&str> = letters.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("{text}\r\n\r\n{}\r\n--x--\r\n", lines.join("\r\n")).into_bytes()
}

fn count(store: &Store, table: &str) -> i64 {
    store.read(|tx| tx.value(&format!("SELECT count(*) FROM {table}"), [])).unwrap().unwrap()
}

#[test]
fn an_attachment_that_comes_again_is_stored_once_and_goes_with_the_last_message_that_has_it() {
    let store = Store::embedded_for_test().unwrap();
    let logo = random(100_000);
    let messages: Vec<Vec<u8>> = (0..20).map(|n| with_attachment(&format!("mail {n}"), &logo)).collect();
    let add = |raw: &Vec<u8>| store.write(|tx| add(tx, &Packed::new(raw.clone())?)).unwrap();
    let ids: Vec<i64> = messages.iter().map(add).collect();
    for (id, raw) in ids.iter().zip(&messages) {
        assert_eq!(&store.read(|tx| bytes(tx, *id)).unwrap(), raw);
        assert_eq!(store.read(|tx| beginning(tx, *id, 40)).unwrap(), raw[..40]);
    }
    assert_eq!(count(&store, "raw_parts"), 1);
    let (size, of_messages) = (store.stats().unwrap().1, messages.iter().map(Vec::len).sum::<usize>());
    assert!(usize::try_from(size).unwrap() < of_messages / 2, "{size} bytes for {of_messages}");
    for (left, id) in ids.iter().rev().enumerate() {
        assert_eq!(count(&store, "raw_parts"), 1, "{left}");
        store.write(|tx| if left % 2 == 0 { delete(tx, *id) } else { delete_unused(tx, *id) }).unwrap();
    }
    assert_eq!((count(&store, "raw_parts"), count(&store, "raw_uses"), count(&store, "raw_messages")), (0, 0, 0));
}

#[test]
fn a_message_whose_part_is_damaged_or_gone_is_damaged() {
    let store = Store::embedded_for_test().unwrap();
    let raw = with_attachment("mail", &random(LARGE + 1));
    let id = store.write(|tx| add(tx, &Packed::new(raw.clone())?)).unwrap();
    for damage in [
        "UPDATE raw_uses SET place = place + 1",
        "UPDATE raw_uses SET line = 72",
        "UPDATE raw_uses SET crlf = 1 - crlf",
        "UPDATE raw_parts SET data = CAST(substr(data, 1, 5) || zeroblob(9) || substr(data, 15) AS BLOB)",
        "DELETE FROM raw_uses",
        "UPDATE raw_uses SET place = -1",
        "UPDATE raw_messages SET size = 1 << 50",
    ] {
        let read = store.rehearse(|tx| {
            tx.execute(damage, [])?;
            Ok(format!("{:#}", bytes(tx, id).unwrap_err()))
        });
        assert!(read.unwrap().contains("damaged"), "{damage}");
    }
    assert_eq!(store.read(|tx| bytes(tx, id)).unwrap(), raw);
    let incomplete = store.rehearse(|tx| {
        tx.execute("DELETE FROM raw_uses", [])?;
        incomplete(tx)
    });
    assert_eq!(incomplete.unwrap(), [id]);
    // The next message with this attachment needs it whole.
    store.write(|tx| tx.execute("UPDATE raw_parts SET data = zeroblob(9)", []).map(drop)).unwrap();
    let next = store.write(|tx| add(tx, &Packed::new(raw.clone())?)).unwrap();
    assert_eq!(store.read(|tx| Ok([bytes(tx, id)?, bytes(tx, next)?])).unwrap(), [raw.clone(), raw]);
}

#[test]
fn damage_is_an_error() {
    let store = Store::embedded_for_test().unwrap();
    let text: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    for raw in [b"abc".to_vec(), text.into_bytes(), random(LARGE + 1)] {
        let id = store.write(|tx| add(tx, &Packed::new(raw).unwrap())).unwrap();
        let length: i64 =
            store.read(|tx| tx.value("SELECT length(data) FROM raw_messages WHERE id = ?1", [id])).unwrap().unwrap();
        // One byte in the middle, and the whole.
        for (start, count) in [(length / 2, 1), (1, length)] {
            let change = "UPDATE raw_messages SET data = CAST(substr(data, 1, ?2) || zeroblob(?3) || substr(data, ?2 + ?3 + 1) AS BLOB) WHERE id = ?1";
            store.write(|tx| tx.execute(change, params![id, start - 1, count]).map(drop)).unwrap();
            assert!(format!("{:#}", store.read(|tx| bytes(tx, id)).unwrap_err()).contains("damaged"), "{length}");
        }
    }
}
