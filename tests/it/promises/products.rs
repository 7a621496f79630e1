//! Mail that is made to cost: many items, each of which could be compared with all the rest. With any product of
//! two of them, the work grows with the bytes (S5), and little of it is done while others wait for the database.
//!
//! Every test asserts growth, in processor time of this thread. With `ESPOMAIL_PRODUCTS=1` (`make promises`) the mails are
//! as large as they get, and seconds, memory and the time in the transaction are asserted as well.

mod letters;
mod mails;
mod there_already;

use std::time::Duration;

use espomail::filter::{Condition, Look};
use espomail::intake::world::World;
use espomail::intake::{import, steps};
use espomail::mail::reading::Reading;
use espomail::mail::text;
use espomail::store::db::Tx;
use espomail::store::deliveries::{self, Facts, Outcome, Place};
use espomail::store::raw;
use rustix::time::{ClockId, clock_gettime};

use self::mails::{CUSTOMER, PRODUCTS, Product, halves};
use crate::support::{Office, office};

fn is_large() -> bool {
    std::env::var_os("ESPOMAIL_PRODUCTS").is_some()
}

/// Processor time of this thread that some work takes.
fn cpu<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let started = now();
    let done = work();
    (done, now() - started)
}

/// What one import took: reading, and the write transaction.
#[derive(Clone, Copy)]
struct Took {
    reading: Duration,
    writing: Duration,
}

impl Office {
    /// Delivers bytes as `fetch` does it: read first, then imported.
    fn import(&self, bytes: &[u8], uid: u32) -> Took {
        let (took, outcome) = self.take_in(bytes, uid);
        assert_eq!(outcome, Outcome::Imported);
        took
    }

    /// The same, with any outcome.
    fn take_in(&self, bytes: &[u8], uid: u32) -> (Took, Outcome) {
        let (message, reading) = cpu(|| Reading::parse(bytes));
        let facts = Facts { internal_date: self.now, size: bytes.len() as i64, truncated: false, now: self.now };
        let place = Place { account_id: 1, folder: "INBOX", uidvalidity: 1, uid };
        let packed = raw::Packed::new(bytes.to_vec()).unwrap();
        let receive = |tx: &Tx<'_>| {
            let raw_id = raw::add(tx, &packed)?;
            deliveries::receive(tx, &[(place, facts, raw_id)])?;
            Ok(*deliveries::with_raws(tx, raw_id, raw_id)?.get(&raw_id).unwrap())
        };
        let id = self.store.write(receive).unwrap();
        let (imported, writing) = cpu(|| {
            self.store.write(|tx| {
                let world = World::with_filters(tx, &self.config, self.now)?;
                steps::one(tx, &world, &deliveries::by_id(tx, id)?.unwrap(), &message)
            })
        });
        (Took { reading, writing }, imported.unwrap().outcome)
    }
}

/// Four times the mail may take ten times as long, sixteen times would be the square. What is too short is not measured.
fn grows_with_its_bytes(name: &str, times: [Duration; 3]) {
    let [small, _, large] = times;
    assert!(large <= small * 10 + Duration::from_millis(5), "{name}: {times:?}");
}

/// Kilobytes that this process has had at most since the last question.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes = line.trim().trim_end_matches(" kB").parse().unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kilobytes
}

#[test]
fn products_of_one_mail_grow_with_its_bytes() {
    let sizes: [usize; 3] = if is_large() { [64 << 10, 128 << 10, 256 << 10] } else { [8 << 10, 16 << 10, 32 << 10] };
    let (mut slowest, mut longest, mut most) = (Duration::ZERO, Duration::ZERO, 0_u64);
    for Product { name, make } in PRODUCTS {
        let mut best = sizes.map(|_| Took { reading: Duration::MAX, writing: Duration::MAX });
        for round in 0..2 {
            let office = office(|_| {});
            for (n, bytes) in sizes.into_iter().enumerate() {
                let mail = format!("Message-ID: <{n}.{round}@p.example>\n{}", make(bytes));
                let uid = u32::try_from(n).unwrap() + 1;
                if is_large() {
                    peak();
                }
                let took = office.import(mail.as_bytes(), uid);
                if is_large() {
                    most = most.max(peak());
                }
                best[n].reading = best[n].reading.min(took.reading);
                best[n].writing = best[n].writing.min(took.writing);
            }
        }
        grows_with_its_bytes(&format!("{name}, read"), best.map(|took| took.reading));
        grows_with_its_bytes(&format!("{name}, written"), best.map(|took| took.writing));
        if is_large() {
            let [.., large] = best;
            slowest = slowest.max(large.reading + large.writing);
            longest = longest.max(large.writing);
            assert!(
                large.reading + large.writing <= Duration::from_secs(2),
                "{name}: {:?}",
                large.reading + large.writing
            );
            assert!(large.writing <= Duration::from_millis(100), "{name}: {:?} in the transaction", large.writing);
            assert!(most <= 256 << 10, "{name}: {most} KB");
        }
    }
    if is_large() {
        eprintln!(
            "promise {} products of one mail, 64 to 256 KB: no growth beyond the bytes, at most {} ms, {} ms of them in the \
             transaction, {} MB",
            PRODUCTS.len(),
            slowest.as_millis(),
            longest.as_millis(),
            most >> 10
        );
    }
}

#[test]
fn filters_grow_with_the_size_of_any_text() {
    let conditions: Vec<Condition> = (0..2)
        .flat_map(|n| {
            [
                format!("body=*word{n}*a*b*"),
                format!("body-all=some nothing{n} words"),
                format!("body=regex:(a|aa)+{n}$"),
            ]
        })
        .map(|text| Condition::parse(&text, false).unwrap())
        .collect();
    for unit in ["some words that say nothing much\n", "a", "word1 a b ", "<p>aa"] {
        let sizes: [usize; 3] =
            if is_large() { [64 << 10, 128 << 10, 256 << 10] } else { [8 << 10, 16 << 10, 32 << 10] };
        let times = sizes.map(|bytes| {
            let mail = Reading::parse(
                halves(CUSTOMER, "Content-Type: text/html", &unit.repeat(bytes / unit.len())).as_bytes(),
            );
            let ask = || conditions.iter().filter(|condition| condition.holds(&Look::new(&mail, 1))).count();
            let (_, first) = cpu(ask);
            first.min(cpu(ask).1)
        });
        grows_with_its_bytes(&format!("filters x {unit:?}"), times);
    }
}

#[test]
fn html_is_read_for_filters_before_the_transaction() {
    let office = office(|_| {});
    office.sql("INSERT INTO filters (id, name, position, conditions, created_at) VALUES (1, 'f', 1, 'body=needle', 0)");
    office.sql("INSERT INTO filter_actions (filter_id, position, kind) VALUES (1, 1, 'skip')");
    // As much markup as is read, and the word after it.
    let html = format!("{}<p>needle", "<i></i>".repeat((511 << 10) / 7));
    let (_, reading) = cpu(|| text::from_html(&html));
    let parts = format!("--b\n\nhay\n--b\nContent-Type: text/html\n\n{html}\n--b--\n");
    let mail = halves(CUSTOMER, "Message-ID: <1@x>\nContent-Type: multipart/alternative; boundary=b", &parts);
    let packed = raw::Packed::new(mail.into_bytes()).unwrap();
    let facts = Facts { internal_date: office.now, size: 1, truncated: false, now: office.now };
    let received = |tx: &Tx<'_>| {
        let id = deliveries::receive_piped(tx, 1, None, facts, raw::add(tx, &packed)?)?;
        Ok(deliveries::by_id(tx, id)?.unwrap())
    };
    let delivery = office.store.write(received).unwrap();
    // What is read is read by another thread.
    let (imported, writing) = cpu(|| import::single(&office.store, &office.config, &delivery, office.now));
    assert_eq!(imported.unwrap().unwrap().outcome, Outcome::Skipped, "the filter sees the HTML");
    assert!(writing <= reading / 2, "{writing:?}, of HTML that takes {reading:?}");
    if is_large() {
        let (reading, writing) = (reading.as_millis(), writing.as_millis());
        eprintln!("promise a filter that looks into HTML: {reading} ms before the transaction, {writing} ms in it");
    }
}
