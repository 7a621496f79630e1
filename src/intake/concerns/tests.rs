#![allow(clippy::unwrap_used)]
use super::*;
use crate::store::accounts::{AccountKind, Health};

const LIMITS: Limits = Limits { account: Duration::from_secs(900), outbox: Duration::from_secs(3_600), quarantine: 0 };

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// An account added a month ago that was fetched a minute ago.
fn watched(change: impl FnOnce(&mut Watched)) -> Watched {
    let mut account = Account::new("support", AccountKind::Group, ago(30 * 86_400));
    account.imap.host = Some("imap.example".into());
    account.smtp.host = Some("smtp.example".into());
    account.health.last_good_at = Some(ago(60));
    let mut watched = Watched {
        account,
        in_use: true,
        failing_folders: Vec::new(),
        unsettled: String::new(),
        copies: String::new(),
        idle: Idle::default(),
        certificates: Vec::new(),
    };
    change(&mut watched);
    watched
}

fn late(uid: u32, attempts: i64) -> Late {
    Late { folder: "INBOX".into(), uid, size: 2_000, attempts, words: "the connection ended".into() }
}

#[test]
fn a_message_that_is_asked_for_again_is_named() {
    let said = "folder INBOX, UID 7 (2 KiB) was cut off, is asked for again: the connection ended";
    assert_eq!(cut_off(&late(7, 1)), said);
    assert!(cut_off(&late(7, 2)).contains(" was cut off twice, "));
    assert!(cut_off(&Late { size: 0, ..late(7, 1) }).starts_with("folder INBOX, UID 7 was cut off, "));
}

fn health(change: impl FnOnce(&mut Health)) -> Watched {
    watched(|one| change(&mut one.account.health))
}

#[test]
fn each_state_of_an_account_has_its_level() {
    let refused = |since: i64, good: Option<i64>| {
        health(|h| {
            h.failing_since = Some(ago(since));
            h.failure = "login refused".into();
            h.last_good_at = good.map(ago);
        })
    };
    let unsent = |since: i64| {
        health(|h| {
            h.send_failing_since = Some(ago(since));
            h.send_failure = "refused".into();
        })
    };
    const UNMARKED: &str =
        "Warning is fetched, but left as it was on the server: folder INBOX: mail came in, but was not marked: NO";
    let unmarked = |since: i64, good: i64| {
        watched(|one| {
            let health = &mut one.account.health;
            (health.failing_since, health.last_good_at) = (Some(ago(since)), Some(ago(good)));
            health.failure = "folder INBOX: mail came in, but was not marked: NO".into();
            one.unsettled = "NO".into();
        })
    };
    let added = |seconds: i64| {
        watched(|one| {
            one.account.created_at = ago(seconds);
            one.account.health.last_good_at = None;
        })
    };
    let rows: Vec<(&str, Watched, &[&str])> = vec![
        ("fetched", watched(|_| {}), &[]),
        ("disabled, and failing before", watched(|one| (one.in_use, one.copies) = (false, "no".into())), &[]),
        ("wrong password, first run", refused(5, Some(65)), &["Warning cannot be fetched: login refused"]),
        ("wrong password, lasting", refused(1_000, Some(1_060)), &["Critical not fetched for 17 min: login refused"]),
        (
            "wrong password from the start",
            refused(5, None),
            &["Critical not fetched since it was added 30 days ago: login refused"],
        ),
        ("SMTP refused, first run", unsent(5), &["Warning cannot send: refused"]),
        ("SMTP refused, lasting", unsent(1_000), &["Critical cannot send for 16 min: refused"]),
        ("just added", added(10), &[]),
        (
            "added and never fetched",
            added(8_000),
            &["Critical was added 2 h ago and never fetched: does cron run espomail fetch?"],
        ),
        (
            "cron ended",
            health(|h| h.last_good_at = Some(ago(200_000))),
            &["Critical not fetched for 2 days: does cron run espomail fetch?"],
        ),
        ("the clock was a little ahead", health(|h| h.last_good_at = Some(ago(-30))), &[]),
        ("sends only", watched(|one| (one.account.imap.host, one.account.health.last_good_at) = (None, None)), &[]),
        (
            "a folder, copies and the breaker",
            watched(|one| {
                one.failing_folders = vec![("Old".into(), "gone".into())];
                one.copies = "full".into();
                one.account.breaker_tripped_at = Some(ago(1));
            }),
            &[
                "Warning a folder fails: folder Old: gone",
                "Warning copies of sent mail wait: full",
                "Warning automatic replies are stopped (espomail account breaker support --reset)",
            ],
        ),
        (
            "a folder that made the account fail is told once, another folder separately",
            watched(|one| {
                one.account.health.failing_since = Some(ago(5));
                one.account.health.failure = "folder \"INBOX\": the server refused".into();
                one.failing_folders = vec![
                    ("INBOX".into(), "folder \"INBOX\": the server refused".into()),
                    ("Old".into(), "folder \"Old\": gone".into()),
                ];
            }),
            &[
                "Warning cannot be fetched: folder \"INBOX\": the server refused",
                "Warning a folder fails: folder \"Old\": gone",
            ],
        ),
        (
            "no folder for junk",
            watched(|one| {
                one.unsettled = NO_JUNK_FOLDER.into();
                one.idle.junk = Some((2, format!("{NO_JUNK_FOLDER}; there are: INBOX")));
            }),
            &[
                "Warning 2 mails wait for a folder for junk: the server marks no folder as the one for junk; there are: INBOX \
                (espomail account edit support --junk-folder FOLDER)",
            ],
        ),
        ("came in, and could not be marked", unmarked(5, 5), &[UNMARKED]),
        ("came in, and could not be marked since long", unmarked(100_000, 5), &[UNMARKED]),
        (
            "could not be marked, and then nothing was fetched any more",
            unmarked(100_000, 1_000),
            &["Critical not fetched for 16 min: folder INBOX: mail came in, but was not marked: NO"],
        ),
        (
            "works and brings nothing",
            watched(|one| {
                one.idle.unexplained = vec![("INBOX".into(), 1), ("Old".into(), 20)];
                one.idle.automatic = Some((3, "550 no".into()));
                one.idle.unfetchable = 1;
            }),
            &[
                "Warning 1 message on the server is missing here: folder INBOX (espomail account audit support --repair)",
                "Warning 20 messages on the server are missing here: folder Old (espomail account audit support --repair)",
                "Warning no automatic message was sent within a day, 3 failed: 550 no",
                "Warning 1 message is listed by the server, which does not deliver it (espomail account audit support --repair)",
            ],
        ),
        (
            "messages that the server does not deliver",
            watched(|one| one.idle.unfetchable = 2),
            &[
                "Warning 2 messages are listed by the server, which does not deliver them (espomail account audit support --repair)",
            ],
        ),
        ("a message was cut off once", watched(|one| one.idle.late = vec![late(7, 1)]), &[]),
        (
            "messages were cut off again",
            watched(|one| one.idle.late = vec![late(8, 2), late(7, 1)]),
            &[
                "Warning 1 message was cut off more than once, asked for again by the next run: folder INBOX, UID 8: the connection ended",
            ],
        ),
        (
            "the worst is first",
            health(|h| {
                (h.failing_since, h.failure) = (Some(ago(5)), "login refused".into());
                (h.send_failing_since, h.send_failure) = (Some(ago(1_000)), "refused".into());
            }),
            &["Critical cannot send for 16 min: refused", "Warning cannot be fetched: login refused"],
        ),
    ];
    for (name, watched, expected) in rows {
        let found = of_account(&watched, &LIMITS, now());
        let next = |c: &Concern| if c.next.is_empty() { String::new() } else { format!(" ({})", c.next) };
        let said: Vec<String> = found.iter().map(|c| format!("{:?} {}{}", c.level, c.told(), next(c))).collect();
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn a_limit_of_seconds_is_told_in_seconds() {
    let limits = Limits { account: Duration::from_secs(10), ..LIMITS };
    let found = of_account(&watched(|_| {}), &limits, now());
    assert_eq!(found.iter().map(|c| c.what.as_str()).collect::<Vec<_>>(), ["not fetched for 60 s"]);
}

#[test]
fn each_state_of_the_desk_has_its_level() {
    let fine = || vec![watched(|_| {})];
    let rest = || watched(|one| one.in_use = false);
    let empty = Queue::default();
    type Row = (&'static str, Vec<Watched>, Queue, i64, &'static [&'static str]);
    let rows: Vec<Row> = vec![
        ("fine", fine(), empty.clone(), 0, &[]),
        ("no account", Vec::new(), empty.clone(), 0, &["Warning there is no account yet: espomail account add"]),
        (
            "all disabled",
            vec![rest(), rest()],
            empty.clone(),
            0,
            &["Warning no account is in use: 2 of 2 are disabled, or their owners are"],
        ),
        ("one disabled", vec![rest(), watched(|_| {})], empty.clone(), 0, &[]),
        (
            "letters refused",
            fine(),
            Queue { refused: 1, ..empty.clone() },
            0,
            &["Warning 1 message was refused for good within a day (espomail outbox list)"],
        ),
        (
            "mail for tomorrow",
            fine(),
            Queue { waiting: 1, scheduled: 1, oldest: Some(ago(-86_400)), ..empty.clone() },
            0,
            &[],
        ),
        (
            "mail that waits, uncertain mail, quarantine",
            fine(),
            Queue { waiting: 1, uncertain: 2, oldest: Some(ago(7_300)), ..empty },
            3,
            &[
                "Critical mail waits in the outbox for 2 h",
                "Warning 2 in the outbox uncertain (espomail outbox list)",
                "Warning 3 in the quarantine (espomail quarantine list)",
            ],
        ),
    ];
    for (name, accounts, queue, quarantined, expected) in rows {
        let found = of_desk(&accounts, &queue, quarantined, false, &LIMITS, now());
        let said: Vec<String> = found.iter().map(|c| format!("{:?} {}", c.level, c.what)).collect();
        assert_eq!(said, expected, "{name}");
        assert!(waits_for(&queue, now()) >= SignedDuration::ZERO, "{name}");
    }
}

#[test]
fn times_that_are_still_to_come_are_a_concern() {
    let found = of_desk(&[watched(|_| {})], &Queue::default(), 0, true, &LIMITS, now());
    assert_eq!(found.len(), 1);
    assert!(
        found.iter().all(|one| one.level == Level::Warning && one.what.contains("is the clock right?")),
        "{found:?}"
    );
}

#[test]
fn what_is_well_is_said_as_it_is() {
    let rest = watched(|one| one.in_use = false);
    let sends = watched(|one| one.account.imap.host = None);
    let new = || watched(|one| one.account.health.last_good_at = None);
    assert_eq!(all_is_well(&[watched(|_| {})]), "all accounts are fetched");
    assert_eq!(all_is_well(&[new()]), "1 account, not fetched yet");
    assert_eq!(all_is_well(&[watched(|_| {}), new()]), "2 accounts, 1 not fetched yet");
    assert_eq!(all_is_well(&[new(), new(), rest.clone()]), "2 accounts, 2 not fetched yet, 1 disabled");
    assert_eq!(all_is_well(&[watched(|_| {}), rest]), "all accounts are fetched, 1 disabled");
    assert_eq!(all_is_well(&[sends]), "no account is to be fetched, sending works");
}

#[test]
fn a_certificate_is_told_of_14_days_before_it_ends() {
    const DAY: i64 = 86_400;
    for (served, left, expected) in [
        (Served::Imap, 14 * DAY, None),
        (
            Served::Imap,
            14 * DAY - 1,
            Some("the certificate of its IMAP server ends on 2027-01-29, in 13 days: mail.example"),
        ),
        (Served::Smtp, 3_600, Some("the certificate of its SMTP server ends on 2027-01-15, in 60 min: mail.example")),
        (Served::Smtp, -DAY, Some("the certificate of its SMTP server ended on 2027-01-14: mail.example")),
    ] {
        let certificate = Certificate { account_id: 1, served, host: "mail.example".into(), ends: ago(-left) };
        let one = watched(|one| one.certificates.push(certificate));
        let told: Vec<String> = of_account(&one, &LIMITS, now()).iter().map(Concern::told).collect();
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{left}");
    }
}
