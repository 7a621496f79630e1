#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod again;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Question as Q;
use super::*;
use crate::net::TlsMode;
use crate::net::discover::{Candidate, Protocol, Source};
use crate::net::presets::Preset;

fn facts() -> Facts {
    let clock = Clock { now: Timestamp::constant(1_800_000_000, 0), zone: TimeZone::UTC };
    Facts { database: Some("/d/espomail.db".into()), login: "ana".into(), profiles: Vec::new(), clock }
}

fn candidate(protocol: Protocol, host: &str, port: u16) -> Candidate {
    let tls = TlsMode::Implicit;
    Candidate { protocol, host: host.into(), port, tls, login: "s@d.example".into(), only_tokens: false }
}

fn found(preset: Option<&'static Preset>) -> Found {
    let mut imap = candidate(Protocol::Imap, "imap.d.example", 993);
    imap.only_tokens = preset.is_some_and(|preset| preset.only_tokens);
    let smtp = Some(candidate(Protocol::Smtp, "smtp.d.example", 465));
    Found { source: Source::Srv, preset, imap, smtp, others: Vec::new(), doubts: Vec::new() }
}

/// Gives answers; what is done between them works.
fn walk(guide: &mut Guide, answers: &[&str]) {
    for answer in answers {
        settle(guide);
        guide.answer(answer).unwrap_or_else(|why| panic!("{answer}: {why}"));
    }
    settle(guide);
}

fn settle(guide: &mut Guide) {
    match &guide.step {
        Step::Place(_) => guide.placed(Ok(())).unwrap(),
        Step::Discover => guide.found(None, None),
        Step::Test => guide.tested(None),
        Step::Ask(_) | Step::Make | Step::Leave => {}
    }
}

fn after(answers: &[&str]) -> Guide {
    let mut guide = Guide::new(facts());
    walk(&mut guide, answers);
    guide
}

const PERSON: [&str; 5] = ["", "", "", "", ""];
const SERVERS: [&str; 5] = ["s@d.example", "", "", "", ""];
const LOGIN: [&str; 3] = ["", "", "pw"];

/// The answers up to a question.
fn at(question: Q) -> Guide {
    let all: Vec<&str> = match question {
        Q::Secret => [&PERSON[..], &SERVERS, &["", "", ""]].concat(),
        _ => [&PERSON[..], &SERVERS, &LOGIN, &["", "", "round-robin", "", "yes", ""]].concat(),
    };
    let mut guide = Guide::new(facts());
    for answer in all {
        if guide.step == Step::Ask(question) {
            return guide;
        }
        walk(&mut guide, &[answer]);
    }
    assert_eq!(guide.step, Step::Ask(question));
    guide
}

#[test]
fn each_answer_leads_to_the_next_question() {
    for (question, typed, next) in [
        (Q::Database, "", Step::Place("/d/espomail.db".into())),
        (Q::Database, " service=desk ", Step::Place("service=desk".into())),
        (Q::Admin, "eva", Step::Ask(Q::AdminName)),
        (Q::AdminName, "Eva Ü.", Step::Ask(Q::AdminEmail)),
        (Q::AdminEmail, "none", Step::Ask(Q::AdminLogin)),
        (Q::AdminLogin, "", Step::Ask(Q::Address)),
        (Q::Address, "", Step::Ask(Q::Create)),
        (Q::Address, "NONE", Step::Ask(Q::Create)),
        (Q::Address, "s@d.example", Step::Discover),
        (Q::Imap, "imap.d.example:1993", Step::Ask(Q::Tls)),
        (Q::Tls, "STARTTLS", Step::Ask(Q::Smtp)),
        (Q::Smtp, "", Step::Ask(Q::SmtpTls)),
        (Q::Smtp, "none", Step::Ask(Q::Account)),
        (Q::SmtpTls, "", Step::Ask(Q::Account)),
        (Q::Account, "help", Step::Ask(Q::Login)),
        (Q::Login, "", Step::Ask(Q::Password)),
        (Q::Password, " pw ", Step::Test),
        (Q::Password, "", Step::Ask(Q::Secret)),
        (Q::Secret, "cmd:pass show x", Step::Test),
        (Q::Folder, "", Step::Ask(Q::Since)),
        (Q::Folder, "Web forms", Step::Test),
        (Q::Since, "7", Step::Ask(Q::Cases)),
        (Q::Cases, "no", Step::Ask(Q::Create)),
        (Q::Cases, "less-busy", Step::Ask(Q::Team)),
        (Q::Team, "First level", Step::Ask(Q::AutoReply)),
        (Q::AutoReply, "", Step::Ask(Q::Create)),
        (Q::AutoReply, "Yes", Step::Ask(Q::ReplyText)),
        (Q::ReplyText, "", Step::Ask(Q::Create)),
        (Q::Create, "", Step::Make),
        (Q::Create, "n", Step::Leave),
    ] {
        let mut guide = at(question);
        guide.answer(typed).unwrap_or_else(|why| panic!("{question:?} {typed}: {why}"));
        assert_eq!(guide.step, next, "{question:?} {typed}");
    }
}

#[test]
fn an_answer_that_cannot_be_taken_is_told_and_changes_nothing() {
    let long = "x".repeat(1_001);
    for (question, typed, why) in [
        (Q::Database, "a\u{1b}[A", "control characters"),
        (Q::Admin, "a b", "must not contain spaces"),
        (Q::Admin, "@me", "or start with - or @"),
        (Q::Admin, &long, "more than 1000 characters"),
        (Q::AdminName, "a\tb", "control characters"),
        (Q::AdminName, "a\u{202e}b", "turn the writing around"),
        (Q::AdminEmail, "nobody", "is not an e-mail address"),
        (Q::AdminLogin, "a:b", "must not contain spaces"),
        (Q::Address, "support", "is not an e-mail address"),
        (Q::Imap, "a b", "is not HOST or HOST:PORT"),
        (Q::Imap, "h:0", "is not HOST or HOST:PORT"),
        (Q::Tls, "ssl", "answer implicit, starttls or none"),
        (Q::Tls, "none", "the password would go in clear"),
        (Q::Smtp, "imaps://h", "is not HOST or HOST:PORT"),
        (Q::SmtpTls, "none", "the password would go in clear"),
        (Q::Account, "a/b", "must not contain spaces"),
        (Q::Password, "a\u{3}b", "control characters"),
        (Q::Secret, "hunter2", "answer file:PATH, cmd:COMMAND"),
        (Q::Secret, "", "answer file:PATH, cmd:COMMAND"),
        (Q::Secret, "stdin", "go back with < and type the password"),
        (Q::Since, "soon", "is not a date or time; write now, all, 7d"),
        (Q::Since, "2100-01-01", "that is still to come"),
        (Q::Cases, "all", "answer no, unassigned, direct, round-robin or least-busy"),
        (Q::Cases, "none", "answer no, unassigned, direct, round-robin or least-busy"),
        (Q::Team, &long, "more than 1000 characters"),
        (Q::AutoReply, "maybe", "answer yes or no"),
        (Q::ReplyText, "{{ nothing.here }}", "nothing"),
        (Q::Create, "create", "answer yes or no"),
    ] {
        let mut guide = at(question);
        let before = format!("{:?}", guide.args);
        let refused = guide.answer(typed).unwrap_err();
        assert!(refused.contains(why), "{question:?} {typed:?}: {refused}");
        assert!(!refused.starts_with(':') && !refused.contains("--"), "{question:?} {typed:?}: {refused}");
        assert_eq!(guide.step, Step::Ask(question), "{typed:?}");
        assert_eq!(format!("{:?}", guide.args), before, "{question:?} {typed:?}");
    }
}

/// The command that does the same, in one line.
fn line(guide: &Guide) -> String {
    let shown = guide.args.command_line("espomail", 10_000);
    shown.strip_prefix("espomail init").unwrap().trim().to_owned()
}

#[test]
fn answers_are_the_flags_of_init() {
    let servers = "--address s@d.example --imap imap.d.example --tls implicit --smtp smtp.d.example --smtp-tls starttls --secret stdin";
    let whole = |rest: &[&'static str]| [&PERSON[..], &SERVERS, &LOGIN, rest].concat();
    for (answers, expected) in [
        (PERSON.to_vec(), "--admin ana".to_owned()),
        (
            vec!["", "eva", "Eva U", "Eva@D.example", "ana", "none"],
            "--admin eva --admin-name 'Eva U' --admin-email eva@d.example --admin-login ana".to_owned(),
        ),
        (whole(&["", "", "", "", ""]), format!("--admin ana {servers} --case-team Support --distribution round-robin --create-case")),
        (whole(&["", "all", "no"]), format!("--admin ana {servers} --since all")),
        (
            whole(&["Web forms", "7", "unassigned", "T", "y", ""]),
            format!("--admin ana {servers} --folder 'Web forms' --since 7d --case-team T --auto-reply ack --create-case"),
        ),
        (
            whole(&["inbox", "2 weeks ago", "direct", "", "y", "Thanks"]),
            format!("--admin ana {servers} --since '2 weeks ago' --case-team Support --distribution direct --auto-reply ack --auto-reply-text Thanks --create-case"),
        ),
        (
            [&PERSON[..], &["s@d.example", "127.0.0.1:143", "", "[::1]:25", "", "box", "me", "", "env:PW", "", "", "no"]].concat(),
            "--admin ana --address s@d.example --imap 127.0.0.1:143 --tls none --smtp '[::1]:25' --smtp-tls none --login me --secret env:PW --account box".to_owned(),
        ),
    ] {
        assert_eq!(line(&after(&answers)), expected, "{answers:?}");
    }
}

#[test]
fn servers_that_were_found_are_used_or_named() {
    let gmail = Preset::named("gmail");
    let icloud = Preset::named("icloud");
    let m365 = Preset::named("m365");
    let found_then = |preset: Option<&'static Preset>, profiles: &[&str], answers: &[&str]| {
        let profiles: Vec<String> = profiles.iter().map(|name| (*name).to_owned()).collect();
        let mut guide = Guide::new(Facts { profiles: profiles.clone(), ..facts() });
        walk(&mut guide, &PERSON);
        guide.answer("s@d.example").unwrap();
        let mut found = found(preset);
        if preset == icloud {
            found.imap.login = "s".to_owned();
        }
        guide.found(Some(found), profiles.first().cloned());
        walk(&mut guide, answers);
        guide
    };
    let named = "--imap imap.d.example:993 --tls implicit --smtp smtp.d.example:465 --smtp-tls implicit";
    for (preset, profiles, answers, expected, next) in [
        (None, &[][..], &["y", "", "", "pw"][..], format!("{named} --secret stdin"), Q::Folder),
        (None, &[], &["y", "", "other", "pw"], format!("{named} --login other --secret stdin"), Q::Folder),
        (
            None,
            &[],
            &["n", "", "", "none", "", "", "pw"],
            "--imap imap.d.example --tls implicit --secret stdin".into(),
            Q::Folder,
        ),
        (gmail, &[], &["", "", "", "pw"], "--preset gmail --secret stdin".into(), Q::Folder),
        (icloud, &[], &["", "", "", "pw"], "--preset icloud --secret stdin".into(), Q::Folder),
        (
            icloud,
            &[],
            &["", "", "s@d.example", "pw"],
            "--preset icloud --login s@d.example --secret stdin".into(),
            Q::Folder,
        ),
        (m365, &[], &[""], String::new(), Q::Create),
        (m365, &[], &["no", "none"], String::new(), Q::Create),
        (m365, &["work"], &["", "", "", "", "", ""], "--preset m365 --oauth work".into(), Q::Team),
    ] {
        let guide = found_then(preset, profiles, answers);
        let address = if expected.is_empty() { "" } else { " --address s@d.example " };
        let cases = if next == Q::Team { " --distribution round-robin --create-case" } else { "" };
        assert_eq!(line(&guide), format!("--admin ana{address}{expected}{cases}"), "{answers:?}");
        assert_eq!(guide.step, Step::Ask(next), "{answers:?}");
    }
    assert!(found_then(m365, &["work"], &["y"]).answer("other").unwrap_err().contains("there are: work"));
}

#[test]
fn a_mailbox_that_does_not_work_is_tried_again_changed_kept_or_left_out() {
    let refused = |is_of_password| {
        let mut guide = at(Q::Password);
        guide.answer("wrong").unwrap();
        guide.tested(Some(Trouble { is_of_password, ..Trouble::default() }));
        assert_eq!(guide.step, Step::Ask(Q::Trouble));
        guide
    };
    assert_eq!(refused(true).usual(Q::Trouble).as_deref(), Some("login"));
    assert_eq!(refused(false).usual(Q::Trouble).as_deref(), Some("again"));
    for (typed, next) in [
        ("again", Step::Test),
        ("login", Step::Ask(Q::Login)),
        ("servers", Step::Ask(Q::Imap)),
        ("keep", Step::Ask(Q::Folder)),
        ("none", Step::Ask(Q::Create)),
    ] {
        let mut guide = refused(true);
        guide.answer(typed).unwrap();
        assert_eq!(guide.step, next, "{typed}");
        assert_eq!(guide.args.no_test, typed == "keep");
        assert_eq!(guide.args.address.is_none(), typed == "none");
        assert_eq!(guide.password.is_none(), typed == "none", "{typed}");
    }
    assert!(refused(true).answer("folder").is_err(), "there is none yet");
    // A folder that is not there.
    let mut guide = at(Q::Folder);
    guide.answer("Nowhere").unwrap();
    guide.tested(Some(Trouble::default()));
    assert_eq!(guide.usual(Q::Trouble).as_deref(), Some("folder"));
    // Trying again and again does not hide the way back.
    for _ in 0..2 {
        guide.answer("again").unwrap();
        guide.tested(Some(Trouble::default()));
    }
    let mut back = guide.clone();
    assert!(back.back());
    assert_eq!(back.step, Step::Ask(Q::Folder));
    guide.answer("folder").unwrap();
    assert_eq!(guide.step, Step::Ask(Q::Folder));
    assert_eq!(guide.usual(Q::Folder).as_deref(), Some("INBOX"), "the refused one is not offered");
}

#[test]
fn what_helps_is_offered_where_it_does() {
    let mut guide = at(Q::Password);
    guide.answer("pw").unwrap();
    for (pins, words) in [
        ([None, None], "again, login, servers, keep, none"),
        ([Some("cert:01".to_owned()), None], "again, trust, login, servers, keep, none"),
    ] {
        guide.tested(Some(Trouble { pins, ..Trouble::default() }));
        assert_eq!(guide.help_words(), words);
        let explained = guide.help_explained();
        assert!(words.split(", ").all(|word| explained.contains(&format!("{word}: "))), "{explained}");
        assert_eq!(explained.contains("trust: "), words.contains("trust"), "{explained}");
    }
}

#[test]
fn a_certificate_is_trusted_alone_if_somebody_says_so() {
    let (one, two) = (|| Some("cert:01".to_owned()), || Some("cert:02".to_owned()));
    for (pins, smtp, expected) in [
        ([one(), one()], "smtp", "--pin cert:01"),
        ([one(), two()], "smtp", "--pin cert:01 --smtp-pin cert:02"),
        ([one(), None], "smtp", "--pin cert:01 --smtp-pin none"),
        ([one(), None], "none", "--pin cert:01"),
        ([None, two()], "smtp", "--smtp-pin cert:02"),
        ([None, None], "smtp", "refused"),
    ] {
        let mut guide = at(Q::Smtp);
        let rest: &[&str] = if smtp == "none" { &["none", "", "", "pw"] } else { &["smtp", "", "", "", "pw"] };
        walk(&mut guide, &rest[..rest.len() - 1]);
        guide.answer("pw").unwrap();
        guide.tested(Some(Trouble { pins: pins.clone(), ..Trouble::default() }));
        match guide.answer("trust") {
            Ok(()) => {
                assert!(line(&guide).contains(expected) && guide.step == Step::Test, "{pins:?}: {}", line(&guide))
            }
            Err(_) => assert_eq!(expected, "refused", "{pins:?}"),
        }
        let named = usize::from(expected.contains("--smtp-pin"));
        assert_eq!(line(&guide).matches("--smtp-pin").count(), named, "{pins:?}: {}", line(&guide));
    }
}

#[test]
fn an_account_that_only_fetches_has_no_automatic_reply() {
    let mut guide = at(Q::Smtp);
    walk(&mut guide, &["none", "", "", "pw", "", "", "", "Support"]);
    assert_eq!(guide.step, Step::Ask(Q::Create));
}

#[test]
fn what_does_not_fit_together_is_asked_again_and_can_be_changed() {
    let mut guide = at(Q::Create);
    guide.answer("yes").unwrap();
    assert_eq!(guide.step, Step::Make);
    guide.refused();
    assert_eq!(guide.step, Step::Ask(Q::Create));
    assert!(guide.back());
    assert_eq!(guide.step, Step::Ask(Q::ReplyText));
}

#[test]
fn a_place_that_cannot_be_is_asked_again() {
    let mut guide = Guide::new(facts());
    guide.answer("/nowhere").unwrap();
    assert_eq!(guide.placed(Err("no".into())), Err("no".into()));
    assert_eq!(guide.usual(Q::Database), facts().database, "the refused one is not offered");
    assert_eq!(guide.step, Step::Ask(Q::Database));
    assert_eq!(Guide::new(Facts { database: None, ..facts() }).step, Step::Ask(Q::Admin));
}

#[test]
fn back_leads_to_the_question_before_with_what_was_so_then() {
    let mut guide = after(&["", "eva", "Eva"]);
    assert!(guide.back() && guide.back());
    assert_eq!((&guide.step, &guide.args.admin), (&Step::Ask(Q::Admin), &None));
    walk(&mut guide, &["ana", "", "", "", "s@d.example"]);
    assert_eq!(guide.step, Step::Ask(Q::Imap));
    assert!(guide.back());
    assert_eq!(guide.step, Step::Ask(Q::Address));
    (0..5).for_each(|_| assert!(guide.back()));
    assert!(!guide.back());
    assert_eq!(guide.step, Step::Ask(Q::Database));
}

#[test]
fn after_a_way_back_the_former_answers_stand_in_the_brackets() {
    let login = ["box", "eva@d.example", "secret"];
    let answers = [&["", "eva", "Eva", "eva@s.example", ""][..], &["s@d.example", "h", "starttls", "none"], &login];
    let mut guide = after(&answers.concat());
    let back = |guide: &mut Guide, times: usize| (0..times).for_each(|_| assert!(guide.back()));
    back(&mut guide, 11);
    for (question, usual) in [
        (Q::Admin, "eva"),
        (Q::AdminName, "Eva"),
        (Q::AdminEmail, "eva@s.example"),
        (Q::AdminLogin, "ana"),
        (Q::Address, "s@d.example"),
        (Q::Imap, "h"),
        (Q::Tls, "starttls"),
        (Q::Smtp, "none"),
        (Q::Account, "box"),
        (Q::Login, "eva@d.example"),
    ] {
        assert_eq!(guide.step, Step::Ask(question));
        assert_eq!(guide.usual(question).as_deref(), Some(usual), "{question:?}");
        walk(&mut guide, &[""]);
    }
    assert_eq!((&guide.step, guide.usual(Q::Password)), (&Step::Ask(Q::Password), None));
    assert!(line(&guide).contains("--imap h --tls starttls --login eva@d.example --account box"), "{}", line(&guide));
    // With another address nothing of the former mailbox is left, and with another server not its TLS.
    back(&mut guide, 5);
    assert_eq!(guide.step, Step::Ask(Q::Imap));
    walk(&mut guide, &["other"]);
    assert_eq!(guide.usual(Q::Tls).as_deref(), Some("implicit"));
    back(&mut guide, 2);
    walk(&mut guide, &["t@e.example"]);
    for (question, usual) in
        [(Q::Imap, "imap.e.example"), (Q::Tls, "implicit"), (Q::Smtp, "smtp.e.example"), (Q::SmtpTls, "starttls")]
    {
        assert_eq!(guide.usual(question).as_deref(), Some(usual), "{question:?}");
        walk(&mut guide, &[""]);
    }
    assert_eq!(guide.usual(Q::Account).as_deref(), Some("t"));
    walk(&mut guide, &[""]);
    assert_eq!(guide.usual(Q::Login).as_deref(), Some("t@e.example"));
}

#[test]
fn other_servers_get_the_login_that_was_named() {
    let icloud = Preset::named("icloud");
    for (typed, login) in [("me", "me"), ("", "s"), ("s@d.example", "s@d.example")] {
        let mut guide = after(&[&PERSON[..], &["s@d.example"]].concat()[..5]);
        guide.answer("s@d.example").unwrap();
        let mut found = found(icloud);
        found.imap.login = "s".to_owned();
        guide.found(Some(found), None);
        walk(&mut guide, &["", "", typed]);
        guide.answer("wrong").unwrap();
        guide.tested(Some(Trouble::default()));
        walk(&mut guide, &["servers", "h", "", "none", ""]);
        assert_eq!(guide.usual(Q::Login).as_deref(), Some(login), "{typed}");
        walk(&mut guide, &[""]);
        let named = if login.contains('@') { String::new() } else { format!("--login {login}") };
        assert!(line(&guide).contains(&named), "{}", line(&guide));
        assert_eq!(line(&guide).contains("--login"), !named.is_empty(), "{}", line(&guide));
    }
}

#[test]
fn the_mailbox_is_not_the_address_of_the_administrator() {
    let mut guide = after(&["", "", "", "Ana@d.example", ""]);
    assert!(guide.answer("ana@D.example").unwrap_err().contains("your own address"));
    assert_eq!(guide.step, Step::Ask(Q::Address));
}
