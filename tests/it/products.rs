//! Mail that is made to cost: many items, each of which could be compared with all the rest. Whatever is multiplied with
//! whatever, the work grows with the bytes (S5), and little of it is done while others wait for the database.
//!
//! Every test asserts growth, in processor time of this thread. With `ESPOMAIL_PRODUCTS=1` (`make promises`) the mails are
//! as large as they get, and seconds, memory and the time in the transaction are asserted as well.

use std::time::Duration;

use espomail::filter::{Condition, Look};
use espomail::intake::steps;
use espomail::intake::world::World;
use espomail::mail::reading::Reading;
use espomail::store::deliveries::{self, Facts, Outcome, Place};
use espomail::store::raw;
use rustix::time::{ClockId, clock_gettime};

use crate::rules::{Office, office};

/// A mail of about so many bytes.
struct Product {
    name: &'static str,
    make: fn(usize) -> String,
}

const SYSTEM: &str =
    "From: MAILER-DAEMON@mx.example\nTo: support@desk.example\nSubject: Undelivered Mail Returned to Sender\n";
const CUSTOMER: &str = "From: eva@customer.example\nTo: support@desk.example\n";

/// `item` with its number in place of `#`, so often that it fills the bytes.
fn items(item: &str, bytes: usize) -> String {
    let count = bytes / (item.len() + 4);
    (0..count).map(|n| item.replace('#', &format!("{n:05}"))).collect()
}

fn words(bytes: usize) -> String {
    "some words that say nothing much\n".repeat(bytes / 33)
}

/// A mail in two halves: a header and a text.
fn halves(head: &str, fields: &str, text: &str) -> String {
    format!("{head}{fields}\n\n{text}\n")
}

fn report(human: &str, groups: &str) -> String {
    let parts = format!(
        "--b\n\n{human}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n{groups}\n--b--\n"
    );
    halves(SYSTEM, "Content-Type: multipart/report; report-type=delivery-status; boundary=b", &parts)
}

fn forward(text: &str) -> String {
    halves(CUSTOMER, "Subject: Fwd: x\nX-Forwarded-Message-Id: <9@x>", text)
}

fn mixed(parts: &str) -> String {
    halves(CUSTOMER, "Content-Type: multipart/mixed; boundary=b", parts)
}

/// Every pair of things that one mail can have many of.
const PRODUCTS: &[Product] = &[
    Product {
        name: "recipients of a report x text",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", items("x#@b.co\n", n))),
    },
    Product {
        name: "one recipient again and again",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", "x1f@b.co\n".repeat(n / 9))),
    },
    Product {
        name: "recipients in one line x text",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", items("<x#@b.co> ", n))),
    },
    Product {
        name: "X-Failed-Recipients x text",
        make: |n| {
            halves(
                SYSTEM,
                &format!("X-Failed-Recipients: {}", items("x#@b.co, ", n / 2)),
                &format!("failed\n{}", words(n / 2)),
            )
        },
    },
    Product {
        name: "X-Failed-Recipients fields x one line that names them",
        make: |n| {
            halves(
                SYSTEM,
                items("X-Failed-Recipients: x#@b.co\n", n * 3 / 4).trim_end(),
                &format!("failed\n{}", items("x#@b.co ", n / 4)),
            )
        },
    },
    Product {
        name: "groups of a report x text",
        make: |n| report(&words(n / 2), &items("Final-Recipient: x; a#@b.co\nStatus: 5.0.0\n\n", n / 2)),
    },
    Product {
        name: "groups x words of the server",
        make: |n| report("", &items("Final-Recipient: x; a#@b.co\nDiagnostic-Code: x; 550 no such user here\n\n", n)),
    },
    Product {
        name: "fields of one group",
        make: |n| report("", &format!("Final-Recipient: x; a@b.co\n{}", items("X-#: y\n", n))),
    },
    Product {
        name: "recipients of a report x readers of it",
        make: |n| {
            halves(
                SYSTEM,
                &format!("Cc: {}", items("x#@b.co, ", n / 2)),
                &format!("failed\n{}", items("x#@b.co\n", n / 2)),
            )
        },
    },
    Product {
        name: "readers x header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!(
                    "List-Id: <l.x.example>\nList-Post: <mailto:l@x.example>\nCc: {}\n{}",
                    items("x#@b.co, ", n / 2),
                    items("X-#: y\n", n / 2).trim_end()
                ),
                "x",
            )
        },
    },
    Product {
        name: "Reply-To x header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("{}Reply-To: {}\nList-Id: <l.x.example>", items("X-#: y\n", n / 2), items("x#@b.co, ", n / 2)),
                "x",
            )
        },
    },
    Product {
        name: "Delivered-To fields",
        make: |n| halves(CUSTOMER, items("Delivered-To: x#@b.co\n", n).trim_end(), "x"),
    },
    Product {
        name: "references x text",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("References: {}\nIn-Reply-To: {}", items("<x#@b.co> ", n / 3), items("<y#@b.co> ", n / 3)),
                &words(n / 3),
            )
        },
    },
    Product {
        name: "tags and prefixes of a subject",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("[#1] Re: Fwd: [x] ", n)), "x"),
    },
    Product {
        name: "case numbers of a subject",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("[##]", n)), "x"),
    },
    Product {
        name: "verdicts x labels of the author's domain",
        make: |n| {
            let author = format!("From: a@{}example\nTo: support@desk.example\n", "a.".repeat(100));
            halves(
                &author,
                items("Authentication-Results: mx.example; dkim=pass header.d=a.b.# smtp.mailfrom=c.d\n", n).trim_end(),
                "x",
            )
        },
    },
    Product {
        name: "results of one verdict",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("Authentication-Results: mx.example{}", items("; dkim=pass header.d=a#.b", n)),
                "x",
            )
        },
    },
    Product { name: "header fields", make: |n| halves(CUSTOMER, items("X-#: y\n", n).trim_end(), "x") },
    Product {
        name: "long header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!(
                    "X-A: {}\nAuto-Submitted: {}\nPrecedence: {}",
                    "( ".repeat(n / 6),
                    "(a)".repeat(n / 9),
                    "a, ".repeat(n / 9)
                ),
                "x",
            )
        },
    },
    Product {
        name: "encoded words",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("=?utf-8?q?a#?= ", n)), "x"),
    },
    Product { name: "parts", make: |n| mixed(&items("--b\n\nx#\n", n)) },
    Product {
        name: "attachments x their names",
        make: |n| mixed(&items("--b\nContent-Type: a/b; name=\"n#.txt\"\n\nx\n", n)),
    },
    Product {
        name: "parts in parts",
        make: |n| {
            (0..n / 60).fold(CUSTOMER.to_owned(), |all, d| {
                all + &format!("Content-Type: multipart/mixed; boundary=b{d}\n\n--b{d}\n")
            })
        },
    },
    Product { name: "lines that look like boundaries", make: |n| mixed(&format!("--b\n\n{}", "--b-\n".repeat(n / 5))) },
    Product {
        name: "delivery reports x text",
        make: |n| {
            mixed(&format!(
                "--b\n\n{}{}",
                words(n / 2),
                items("--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: x; a#@b.co\n", n / 2)
            ))
        },
    },
    Product { name: "calendars", make: |n| mixed(&items("--b\nContent-Type: text/calendar; method=x#\n\ny\n", n)) },
    Product { name: "depth of a quotation", make: |n| halves(CUSTOMER, "", &"> ".repeat(n / 2)) },
    Product { name: "quotations x lines", make: |n| halves(CUSTOMER, "", &items(">> a # said >\n", n)) },
    Product { name: "headers of a forward x text", make: |n| forward(&items("To: #\n", n)) },
    Product { name: "forwards in a forward", make: |n| forward(&items("From: a#@b.co\nDate: x\nSubject: y\n\n", n)) },
    Product {
        name: "nested HTML",
        make: |n| halves(CUSTOMER, "Content-Type: text/html", &"<blockquote><div>".repeat(n / 17)),
    },
    Product {
        name: "columns x rows of HTML",
        make: |n| {
            halves(CUSTOMER, "Content-Type: text/html", &format!("<table>{}</table>", "<tr><td>a<td>".repeat(n / 13)))
        },
    },
    Product {
        name: "links of HTML",
        make: |n| halves(CUSTOMER, "Content-Type: text/html", &items("<a href=#>x</a><img src=cid:#>", n)),
    },
    Product { name: "long lines", make: |n| halves(CUSTOMER, "", &"a".repeat(n)) },
];

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
        println!(
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
            println!("promise {counts:?} {name}: {} to {} µs an import", small.as_micros(), large.as_micros());
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
