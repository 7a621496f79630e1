//! Mail that is made to cost: many items, each of which could be compared with all the rest. Whatever is multiplied with
//! whatever, the work grows with the bytes (S5), and little of it is done while others wait for the database.
//!
//! Every test asserts growth, in processor time of this thread. With `ESPOMAIL_PRODUCTS=1` (`make promises`) the mails are
//! as large as they get, and seconds, memory and the time in the transaction are asserted as well.

mod mails;

use std::time::Duration;

use espomail::filter::{Condition, Look};
use espomail::intake::steps;
use espomail::intake::world::World;
use espomail::mail::reading::Reading;
use espomail::store::deliveries::{self, Facts, Outcome, Place};
use espomail::store::raw;
use rustix::time::{ClockId, clock_gettime};

use self::mails::{CUSTOMER, PRODUCTS, Product, halves};
use crate::rules::{Office, office};

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
        let (message, reading) = cpu(|| Reading::parse(bytes));
        let facts = Facts { internal_date: self.now, size: bytes.len() as i64, truncated: false, now: self.now };
        let place = Place { account_id: 1, folder: "INBOX", uidvalidity: 1, uid };
        let packed = raw::Packed::new(bytes.to_vec()).unwrap();
        let id =
            self.store.write(|tx| Ok(deliveries::receive(tx, place, facts, raw::add(tx, &packed)?)?.unwrap())).unwrap();
        let (imported, writing) = cpu(|| {
            self.store.write(|tx| {
                let world = World::with_filters(tx, &self.config, self.now)?;
                steps::one(tx, &world, &deliveries::by_id(tx, id)?.unwrap(), &message)
            })
        });
        assert_eq!(imported.unwrap().outcome, Outcome::Imported);
        Took { reading, writing }
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

/// Mail that meets much that is there already: the case, the thread or the sender may have any number of it.
#[test]
fn an_import_costs_the_same_whatever_is_there_already() {
    type Step = fn(usize) -> String;
    let with: &[(&str, Step, Step)] = &[
        (
            "people and mails of a case",
            |n| {
                format!(
                    "{CUSTOMER}Cc: {}\nSubject: x\nMessage-ID: <c{n}@x>\nReferences: <c0@x>\n\nx\n",
                    (0..15).map(|at| format!("p{n}.{at}@customer.example, ")).collect::<String>()
                )
            },
            |n| {
                format!(
                    "{CUSTOMER}Cc: new@customer.example\nSubject: x\nMessage-ID: <n{n}@x>\nReferences: <c0@x>\n\nx\n"
                )
            },
        ),
        (
            "mails that name an unknown one",
            |n| {
                format!(
                    "From: s{n}@customer{n}.example\nTo: support@desk.example\nMessage-ID: <g{n}@x>\nReferences: <ghost@x>\n\nx\n"
                )
            },
            |n| format!("{CUSTOMER}Message-ID: <n{n}@x>\nReferences: <ghost@x>\n\nx\n"),
        ),
        (
            "other mails of one Message-ID",
            |n| format!("From: s{n}@x.example\nTo: support@desk.example\nMessage-ID: <same@x>\nSubject: {n}\n\nx{n}\n"),
            |n| format!("{CUSTOMER}Message-ID: <same@x>\nSubject: last {n}\n\nlast {n}\n"),
        ),
        (
            "unverified mails of a case",
            |n| {
                format!(
                    "From: s{n}@x{n}.example\nTo: support@desk.example\nMessage-ID: <u{n}@x>\nReferences: <c0@x>\n\nx\n"
                )
            },
            |n| {
                format!(
                    "From: last@x.example\nTo: support@desk.example\nMessage-ID: <l{n}@x>\nReferences: <c0@x>\n\nx\n"
                )
            },
        ),
    ];
    let counts: [usize; 3] = if is_large() { [200, 800, 3_200] } else { [15, 40, 100] };
    for (name, fill, probe) in with {
        let times = counts.map(|count| {
            let office = office(|account| account.create_contact = true);
            for n in 0..count {
                office.import(fill(n).as_bytes(), u32::try_from(n).unwrap() + 1);
            }
            let took =
                (0..5).map(|n| office.import(probe(n).as_bytes(), u32::try_from(count + n).unwrap() + 1).writing);
            took.min().unwrap()
        });
        let [small, _, large] = times;
        assert!(large <= small * 3 + Duration::from_millis(2), "{name}: {counts:?} {times:?}");
        if is_large() {
            eprintln!("promise {counts:?} {name}: {} to {} µs an import", small.as_micros(), large.as_micros());
        }
    }
}

#[test]
fn filters_grow_with_the_text_whatever_it_is() {
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
