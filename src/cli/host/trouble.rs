//! What is wrong with the machines that work on one database: pure. `host list`, `status`, `check` and `doctor` say it.

use std::time::Duration;

use jiff::SignedDuration;

use crate::cli::{apart, keyless};
use crate::config;
use crate::intake::concerns::span;
use crate::store::hosts::{Held, Known};

/// A clock that is off by more than this many milliseconds is told.
pub const CLOCK: i64 = 2_000;

/// A host that was not seen for this number of milliseconds is not compared with the others.
const AWAY: i64 = 24 * 3_600_000;

/// A host that was seen within this number of milliseconds is not gone.
pub const THERE: i64 = 120_000;

/// A lease that is over for this number of milliseconds, and that nobody wanted since, is told.
const LEFT: i64 = 10 * 60_000;

/// Something that is wrong, with the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub what: String,
    pub next: String,
}

impl Trouble {
    fn new(what: String, next: impl Into<String>) -> Trouble {
        Trouble { what, next: next.into() }
    }

    /// In one sentence.
    pub fn told(&self) -> String {
        format!("{} ({})", self.what, self.next)
    }
}

/// Whether a host was not seen for a day, and holds nothing.
pub fn is_away(host: &Known) -> bool {
    host.unseen > AWAY && !is_at_work(host)
}

/// Whether a host works for an account.
pub fn is_at_work(host: &Known) -> bool {
    host.holds.iter().any(|held| held.left > 0)
}

/// What is wrong with hosts, of which no run is to take longer than `max_runtime`. No account is named.
pub fn of(hosts: &[Known], max_runtime: Duration) -> Vec<Trouble> {
    let mut found = Vec::new();
    let here: Vec<&Known> = hosts.iter().filter(|host| !is_away(host)).collect();
    for host in &here {
        found.extend(host.clock_ahead.and_then(|ahead| clock(&host.name, ahead)));
    }
    for (said, what) in [
        (keyless::SAID, "cannot open passwords that are in the database"),
        (apart::SAID, "cannot fetch an account that another host fetches"),
    ] {
        let those = here.iter().filter(|host| host.configuration.split_inclusive('\n').any(|line| line == said));
        let told = those.map(|host| format!("host {} {what}", host.name));
        found.extend(told.map(|what| Trouble::new(what, "what to do: `espomail doctor` there")));
    }
    found.extend(namesakes(&here));
    found.extend(configurations(&here));
    found.extend(versions(&here));
    for host in hosts {
        found.extend(left(host, max_runtime));
    }
    found
}

/// What a machine has said of its configuration, without what it has said of its troubles.
pub fn keys(said: &str) -> String {
    said.split_inclusive('\n').filter(|line| ![keyless::SAID, apart::SAID].contains(line)).collect()
}

/// A clock that differs from that of the database.
pub fn clock(name: &str, ahead: i64) -> Option<Trouble> {
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > CLOCK).then(|| {
        let what = format!("the clock of {name} is {} {way} that of the database server", seconds(ahead.abs()));
        Trouble::new(what, "on both: timedatectl set-ntp true")
    })
}

/// Milliseconds for people.
pub fn seconds(milliseconds: i64) -> String {
    match milliseconds {
        ..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        more => span(SignedDuration::from_millis(more)),
    }
}

/// The first host is compared with each other one: all are to be the same.
fn configurations(hosts: &[&Known]) -> Vec<Trouble> {
    let said: Vec<&&Known> = hosts.iter().filter(|host| !host.configuration.is_empty()).collect();
    let Some((first, others)) = said.split_first() else { return Vec::new() };
    let differing = others.iter().filter_map(|other| {
        let keys = config::differing(&first.configuration, &other.configuration);
        (!keys.is_empty()).then(|| {
            let what = format!("the configurations of {} and {} differ: {}", first.name, other.name, keys.join(", "));
            Trouble::new(what, "make them the same; espomail config show --effective")
        })
    });
    differing.collect()
}

/// Machines of one name; they are listed by name.
fn namesakes(hosts: &[&Known]) -> Vec<Trouble> {
    let mut found: Vec<Trouble> = Vec::new();
    for (one, next) in hosts.iter().zip(hosts.iter().skip(1)).filter(|(one, next)| one.name == next.name) {
        let name = &one.name;
        let what =
            format!("{name} is there twice: two machines have this name, or one has named the database in two ways");
        // The one that was seen last is at work.
        let step = match one.unseen.max(next.unseen) {
            ..THERE => "give each machine a name of its own: hostnamectl hostname NAME".to_owned(),
            _ => format!("if one is gone: espomail host forget {name}"),
        };
        if found.iter().all(|before| before.what != what) {
            found.push(Trouble::new(what, step));
        }
    }
    found
}

fn versions(hosts: &[&Known]) -> Option<Trouble> {
    let (first, others) = hosts.split_first()?;
    let other = others.iter().find(|other| other.version != first.version)?;
    let what = format!("host {} runs espomail {}, and {} {}", first.name, first.version, other.name, other.version);
    Some(Trouble::new(what, "install the same release on both"))
}

/// What a host has not given back, or holds for too long.
fn left(host: &Known, max_runtime: Duration) -> Option<Trouble> {
    let most = i64::try_from(max_runtime.as_millis()).unwrap_or(i64::MAX);
    let accounts = |held: &[&Held]| match held.len() {
        1 => "an account".to_owned(),
        n => format!("{n} accounts"),
    };
    let over: Vec<&Held> = host.holds.iter().filter(|held| held.left < -LEFT).collect();
    if !over.is_empty() {
        let (what, since) = (accounts(&over), span(SignedDuration::from_millis(host.unseen)));
        let what = format!("host {} was not seen for {since} and has not given back {what}", host.name);
        return Some(Trouble::new(what, format!("if it is gone: espomail host forget {}", host.name)));
    }
    let late: Vec<&Held> = host.holds.iter().filter(|held| held.left > 0 && held.age > most).collect();
    let oldest = late.iter().map(|held| held.age).max()?;
    let (what, since) = (accounts(&late), span(SignedDuration::from_millis(oldest)));
    let process = late.first().map(|held| held.process)?;
    Some(Trouble::new(
        format!("host {} has held {what} for {since}", host.name),
        format!("look at it there: ps -fp {process}"),
    ))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::hosts::Work;

    fn host(name: &str) -> Known {
        Known { name: name.to_owned(), version: "1".to_owned(), clock_ahead: Some(0), ..Known::default() }
    }

    fn held(age: i64, left: i64) -> Held {
        let since = Timestamp::UNIX_EPOCH;
        Held { work: Work::Fetch, account_id: 1, account: "hidden".to_owned(), process: 12, since, age, left }
    }

    fn told(hosts: &[Known]) -> Vec<String> {
        of(hosts, Duration::from_secs(600)).iter().map(Trouble::told).collect()
    }

    #[test]
    fn hosts_are_compared_and_what_one_has_left_is_told() {
        let said = |configuration: &str| Known { configuration: configuration.to_owned(), ..host("web2") };
        let one = Known { configuration: "portion aa\nlanguage bb\n".to_owned(), ..host("web1") };
        let ahead = |ms| Known { clock_ahead: Some(ms), ..host("web2") };
        let holds = |holds: Vec<Held>, unseen| Known { holds, unseen, ..host("web2") };
        let day = 24 * 3_600_000;
        let rows: Vec<(Known, &[&str])> = vec![
            (host("web2"), &[]),
            (said("portion aa\nlanguage bb\n"), &[]),
            (
                said("portion ab\nlanguage bc\n"),
                &[
                    "the configurations of web1 and web2 differ: portion, language (make them the same; espomail config show --effective)",
                ],
            ),
            (Known { unseen: day + 1, ..said("portion ab\n") }, &[]),
            (ahead(2_000), &[]),
            (ahead(-2_000), &[]),
            (
                ahead(2_001),
                &[
                    "the clock of web2 is 2.0 s ahead of that of the database server (on both: timedatectl set-ntp true)",
                ],
            ),
            (
                ahead(-3_600_000),
                &["the clock of web2 is 60 min behind that of the database server (on both: timedatectl set-ntp true)"],
            ),
            (Known { unseen: day + 1, ..ahead(9_000) }, &[]),
            (
                Known { version: "2".to_owned(), ..host("web2") },
                &["host web1 runs espomail 1, and web2 2 (install the same release on both)"],
            ),
            (
                said("portion aa\nlanguage bb\nkey lacking\n"),
                &["host web2 cannot open passwords that are in the database (what to do: `espomail doctor` there)"],
            ),
            (
                said("portion aa\nlanguage bb\naccounts apart\nkey lacking\n"),
                &[
                    "host web2 cannot open passwords that are in the database (what to do: `espomail doctor` there)",
                    "host web2 cannot fetch an account that another host fetches (what to do: `espomail doctor` there)",
                ],
            ),
            (Known { unseen: day + 1, ..said("accounts apart\n") }, &[]),
            (holds(vec![held(5_000, 100_000)], 5_000), &[]),
            // Another host takes it over at its next run.
            (holds(vec![held(180_000, -60_000)], 180_000), &[]),
            (
                holds(vec![held(day, -700_000), held(day, -700_000), held(9, 9)], 2 * day),
                &[
                    "host web2 was not seen for 2 days and has not given back 2 accounts (if it is gone: espomail host forget web2)",
                ],
            ),
            (
                holds(vec![held(1_200_000, 100_000)], 1_200_000),
                &["host web2 has held an account for 20 min (look at it there: ps -fp 12)"],
            ),
        ];
        for (other, expected) in rows {
            assert_eq!(told(&[one.clone(), other.clone()]), expected, "{other:?}");
        }
        assert_eq!(keys("portion aa\naccounts apart\nkey lacking\n"), "portion aa\n");
        for (unseen, expected) in [
            (119_999, "(give each machine a name of its own: hostnamectl hostname NAME)"),
            (120_000, "(if one is gone: espomail host forget web1)"),
        ] {
            let twice = told(&[one.clone(), Known { unseen, ..one.clone() }, one.clone()]);
            assert!(twice.iter().all(|told| told.starts_with("web1 is there twice: ")), "{twice:?}");
            assert!(twice.first().is_some_and(|told| told.ends_with(expected)), "{twice:?}");
        }
        assert!(told(&[one.clone(), Known { unseen: day + 1, ..one.clone() }]).is_empty(), "one of them is away");
        assert!(told(&[]).is_empty() && told(&[one]).is_empty());
    }
}
