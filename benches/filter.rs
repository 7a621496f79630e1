//! What filters cost: milliseconds a message with 125, 250 and 500 filters, of which none matches, and how that grows.
//! `cargo bench --bench filter` prints medians; nothing is asserted. The last rows are mails and patterns made to be
//! slow; other numbers of filters: `cargo bench --bench filter -- N`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use espomail::filter::{self, Look, Rule};
use espomail::mail::reading::Reading;
use espomail::store::filters::{Action, ActionKind, Filter, Scope};

const ROUNDS: usize = 9;

/// A set of filters that have the same kind of condition.
struct Set {
    name: &'static str,
    condition: fn(usize) -> String,
}

const SETS: &[Set] = &[
    Set { name: "mixed, as people write them", condition: mixed },
    Set { name: "from=@domain", condition: |n| format!("from=@shop{n}.example") },
    Set { name: "body=words", condition: |n| format!("body=special offer {n} for you") },
    Set { name: "body=a*b*c", condition: |n| format!("body=offer*number {n}*only ?oday") },
    Set { name: "body=regex:", condition: |n| format!("body=regex:(offer|sale)s? +number +{n}[^0-9]") },
    Set { name: "body=regex: with \\b", condition: |n| format!("body=regex:\\border no[.] {n}\\b") },
    Set {
        name: "body=regex: no fixed piece",
        condition: |n| format!("body=regex:(ticket|case)s?[ #]+([A-F]|{n}){{5}}"),
    },
];

/// Patterns that defeat naive matching, on the text of one letter. What stands fixed in an expression is in the text, or
/// it would not be searched at all.
const SLOW: &[Set] = &[
    Set { name: "hostile: body=*a*a*a*b", condition: |n| format!("body=*a*a*a*a*a*a*b{n}") },
    Set { name: "hostile: body=a?a?a?b", condition: |n| format!("body=a?a?a?a?a?a?b{n}*") },
    Set { name: "hostile: body=aaaaaaab", condition: |n| format!("body=aaaaaaaaaaaaaaaab{n}") },
    Set { name: "hostile: body=regex:(a|aa)*b", condition: |n| format!("body=regex:(a|aa)*(a|aa)*(b|c{n})") },
    Set {
        name: "hostile: body=regex:a{50}.{50}b",
        condition: |n| format!("body=regex:a[a-z]{{50}}[a-z]{{50}}(1|2{n})"),
    },
    Set { name: "hostile: body=regex:\\pL{30}", condition: |n| format!("body=regex:\\pL{{30}}(1|2{n})") },
    Set { name: "hostile: body=regex:\\pL{3}", condition: |n| format!("body=regex:\\pL{{3}}(1|2{n})") },
    Set { name: "hostile: body=regex:[^\\pL]{160}", condition: |n| format!("body=regex:{}{n}", "\\PL".repeat(160)) },
    Set {
        name: "hostile: body=regex:[\\x80-…]",
        condition: |n| format!("body=regex:a({}|2{n})", "[\\x{80}-\\x{10ffff}]".repeat(20)),
    },
    Set { name: "hostile: body=regex:((a?){9}){9}", condition: |n| format!("body=regex:((a?){{9}}){{9}}(1|2{n})") },
    Set { name: "hostile: body=regex:.{0,200}", condition: |n| format!("body=regex:a.{{0,200}}(1|2{n})") },
];

/// Patterns for a text without order, on which such expressions need ever new states.
const MADE_FOR_IT: &[Set] = &[
    Set { name: "hostile: body=regex:a[ab]{20}c", condition: |n| format!("body=regex:a[ab]{{20}}(c|{n}d)") },
    Set { name: "hostile: body=regex:a[ab]{50}c", condition: |n| format!("body=regex:a[ab]{{50}}(c|{n}d)") },
    Set { name: "hostile: body=regex:a[ab]{400}c", condition: |n| format!("body=regex:a[ab]{{400}}(c|{n}d)") },
    Set { name: "hostile: body=regex:(a?b?){99}c", condition: |n| format!("body=regex:a(a?b?){{99}}(c|{n}d)") },
    Set { name: "hostile: body=a?b?b?a?a", condition: |n| format!("body=*{}*", with_holes(n)) },
    Set { name: "hostile: body=a?b?… of 500", condition: |n| format!("body=*{}*", with_holes(n).repeat(6)) },
    Set { name: "hostile: body=abbabaab…", condition: |n| format!("body={}", without_holes(n)) },
    Set { name: "hostile: body=*abba*baab*…", condition: |n| format!("body=*b*{}*a*", without_holes(n)) },
    Set { name: "hostile: body-all=a a a … c", condition: |n| format!("body-all={} c{n}", words(n)) },
];

/// Another text for each user.
const OF_USERS: &[Set] = &[
    Set { name: "50 of each user: body=words", condition: |n| format!("body=special offer {n} for you") },
    Set { name: "50 of each user: body=regex:", condition: |n| format!("body=regex:offer number +{n}[^0-9]") },
    Set { name: "50 of each user: regex:a[ab]{50}c", condition: |n| format!("body=regex:a[ab]{{50}}(c|{n}d)") },
    Set { name: "50 of each user: abbabaab…", condition: |n| format!("body={}", without_holes(n)) },
];

/// The same patterns in all scopes: each has its own part.
const OF_ALL: &[Set] = &[
    Set { name: "of all scopes: regex:a[ab]{20}c", condition: |n| format!("body=regex:a[ab]{{20}}(c|{n}d)") },
    Set { name: "of all scopes: abbabaab…", condition: |n| format!("body={}", without_holes(n)) },
    Set { name: "of all scopes: regex:(a?b?){99}c", condition: |n| format!("body=regex:a(a?b?){{99}}(c|{n}d)") },
];

/// Forty letters a or b that another number gives otherwise, each with a hole behind it.
fn with_holes(n: usize) -> String {
    (0..40).map(|bit| if (n * 2_654_435_761) >> bit & 1 == 0 { "a?" } else { "b?" }).collect()
}

/// Forty different words that a text without order has.
fn words(n: usize) -> String {
    (64..104).map(|word| format!("{:b} ", word + n % 8).replace('0', "a").replace('1', "b")).collect()
}

/// The same without holes, sixty-four letters.
fn without_holes(n: usize) -> String {
    (0..64).map(|bit| if (n * 2_654_435_761 * 97) >> (bit % 40) & 1 == 0 { 'a' } else { 'b' }).collect()
}

fn mixed(n: usize) -> String {
    match n % 8 {
        0 => format!("from=*@shop{n}.example"),
        1 => format!("from=news{n}@*\nsubject=*offer*"),
        2 => format!("subject=*invoice {n}*"),
        3 => format!("header X-Campaign=spring-{n}*"),
        4 => format!("body=unsubscribe from list {n}"),
        5 => format!("list-id=list{n}.example"),
        6 => format!("subject=regex:^\\[ticket {n}\\]"),
        _ => format!("recipient=office{n}@desk.example\nnot automatic\nsize-over=1KiB"),
    }
}

fn rows(set: &Set, count: usize) -> Vec<Filter> {
    let one = |n: usize| Filter {
        id: i64::try_from(n).unwrap(),
        name: format!("filter {n}"),
        scope: scope(set, n),
        position: i64::try_from(n).unwrap(),
        over_global: false,
        continues: false,
        active: true,
        conditions: (set.condition)(n),
        actions: vec![Action { kind: ActionKind::None, value: String::new(), target: None }],
        hits: 0,
        last_hit_at: None,
    };
    (1..=count).map(one).collect()
}

/// Global ones, those of an account, and those of ten users.
fn scope(set: &Set, n: usize) -> Scope {
    match (set.name.split(':').next(), n % 3) {
        (Some("50 of each user"), _) | (Some("of all scopes"), 2) => user(n),
        (Some("of all scopes"), 1) => Scope::Account(1),
        _ => Scope::Global,
    }
}

fn user(n: usize) -> Scope {
    Scope::User(i64::try_from(n / 50).unwrap())
}

fn rules(set: &Set, count: usize) -> Vec<Rule> {
    filter::ready(rows(set, count)).unwrap()
}

fn median(mut once: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            once();
            started.elapsed()
        })
        .collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

/// A median message under these filters, once they have been used, and the first one, which compiles what it needs.
fn measure(set: &Set, count: usize, message: &Reading) -> (Duration, Duration) {
    let ask = |rules: &[Rule]| {
        let verdict = filter::judge(rules.iter(), &Look::new(black_box(message), 40_000));
        assert!(verdict.matched.is_empty());
        let is_ordinary = message.text.len() < 5_000 && set.name.starts_with(|c| !matches!(c, 'h' | '5' | 'o'));
        assert!(!is_ordinary || verdict.cut_off.is_empty(), "{} is cut off", set.name);
    };
    let started = Instant::now();
    let rules = rules(set, count);
    ask(&rules);
    let first = started.elapsed();
    (median(|| ask(&rules)), first)
}

/// The letters a and b, as if by chance.
fn without_order(bytes: usize) -> String {
    let mut seed = 1_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if seed & 64 == 0 { 'a' } else { 'b' }
    };
    (0..bytes).map(|_| next()).collect()
}

fn letter(bytes: usize, unit: &str) -> Reading {
    let head = "From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: A question about my order\r\n\
        X-Campaign: autumn\r\nMessage-ID: <a@b>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    Reading::parse(format!("{head}{}", unit.repeat(bytes / unit.len())).as_bytes())
}

/// HTML that is as long as mail may be.
fn html(bytes: usize) -> Reading {
    let head =
        "From: Ann <ann@customer.example>\r\nSubject: A question\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
    Reading::parse(format!("{head}{}", "<p>a <b>question</b> &amp; more\r\n".repeat(bytes / 32)).as_bytes())
}

fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let most: usize = given.unwrap_or(500);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let prose =
        "We would like to know when the offer of last week ends, and whether number 12 is still on sale today.\r\n";
    println!("ms a message, medians of {ROUNDS}; in parentheses the first one of a batch, with reading the filters");
    for (text, sets, message) in [
        ("4 KiB of prose", SETS, letter(4 << 10, prose)),
        ("1 MiB of prose", SETS, letter(1 << 20, prose)),
        ("1 MiB of a", SLOW, letter(1 << 20, &"a".repeat(64))),
        ("32 KiB of a, b", MADE_FOR_IT, letter(32 << 10, &without_order(32 << 10))),
        ("1 MiB of a, b", MADE_FOR_IT, letter(1 << 20, &without_order(1 << 20))),
        ("4 KiB of prose", OF_USERS, letter(4 << 10, prose)),
        ("1 MiB of a, b", OF_USERS, letter(1 << 20, &without_order(1 << 20))),
        ("32 KiB of a, b", OF_ALL, letter(32 << 10, &without_order(32 << 10))),
        ("25 MiB of HTML", SETS, html(25 << 20)),
    ] {
        for set in sets {
            let counts = [most / 4, most / 2, most];
            let times = counts.map(|count| measure(set, count, &message));
            let shown: Vec<String> = counts
                .iter()
                .zip(times)
                .map(|(n, (one, first))| format!("{n}: {:7.2} ({:7.2})", ms(one), ms(first)))
                .collect();
            let growth = times.last().map_or(0.0, |last| last.0.as_secs_f64())
                / times.first().map_or(1.0, |first| first.0.as_secs_f64());
            println!("{text:15} {:34} {}   four times the filters: {growth:.1} x the time", set.name, shown.join("  "));
        }
    }
}
