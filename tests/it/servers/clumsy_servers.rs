//! SMTP servers that break off, put off, refuse or babble at any step (promise R4): no mail is lost, none is doubled but
//! where a final reply was cut or nonsense (RFC 1047), and no other account waits.

use std::sync::Mutex;
use std::time::Duration;

use espomail::config::Config;
use espomail::intake::undelivered;
use espomail::mail::address::Mailbox;
use espomail::mail::compose::Outgoing;
use espomail::net::reach::Reach;
use espomail::net::trail::Trail;
use espomail::net::{Credentials, Endpoint, MailTransport, Mechanism, Timeouts, TlsMode, smtp};
use espomail::outbox::{self, Flushed, Manners, Post};
use espomail::store::accounts::{self, Account, AccountKind};
use espomail::store::db::Store;
use espomail::store::outbox::{OutboxKind, OutboxQuery, OutboxState};
use espomail::store::sight::Sight;
use jiff::{SignedDuration, Timestamp};

use crate::support::Answer::{Cut, Drip, Flood, Say};
use crate::support::{Answer, Sandbox, SmtpSink, Step, promise};

const START: Timestamp = Timestamp::constant(1_790_000_000, 0);

const STEPS: &[&str] = &["CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", ".", "RSET", "QUIT"];

const BEHAVIOURS: &[Answer] = &[
    Say("451 4.3.0 later"),
    Say("554 5.0.0 no"),
    Say("421 4.3.2 closing"),
    Cut,
    Say("what do you mean?"),
    Flood("250 and so on "),
    Drip("250-slowly "),
    Say("250-one\r\n250-two\r\n451 three"),
    Say("354 go ahead"),
    Say("452 4.3.2 too many messages in this connection"),
];

/// Messages of the account that meets the clumsy server.
const MAILS: usize = 3;

#[test]
fn mail_arrives_once_when_an_smtp_server_fails_at_any_step() {
    let mut rows = Vec::new();
    for verb in STEPS {
        // At each occurrence, at the first one, and after something has gone through.
        for nth in [0, 1, 2] {
            let answers = BEHAVIOURS.iter().filter(|answer| nth == 2 || *verb != "." || !matches!(answer, Drip(_)));
            rows.extend(answers.map(|answer| Step { verb, nth, answer: answer.clone() }));
        }
    }
    let (count, rows, faults) = (rows.len(), Mutex::new(rows.into_iter()), Mutex::new(Vec::new()));
    let doubled = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(step) = { rows.lock().unwrap().next() } {
                    let name = format!("{step:?}");
                    match std::panic::catch_unwind(|| endure(step)) {
                        Ok(twice) => *doubled.lock().unwrap() += twice,
                        Err(fault) => {
                            let words = fault.downcast_ref::<String>().cloned().unwrap_or_default();
                            faults.lock().unwrap().push(format!("{name}: {words}"));
                        }
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n\n"));
    let figure =
        format!("0 lost, {} doubled, each where the final reply was cut or nonsense", doubled.into_inner().unwrap());
    promise("R4", &format!("{count} misbehaviours of an SMTP server"), &figure);
}

/// How many messages the server got twice.
fn endure(step: Step) -> usize {
    let mut script = vec![step.clone()];
    if step.verb == "RSET" {
        script.push(Step { verb: "RCPT", nth: step.nth, answer: Say("450 4.2.1 later") });
    }
    let (clumsy, healthy) = (SmtpSink::new(script), SmtpSink::new(Vec::new()));
    let ports = [clumsy.port, healthy.port];
    let store = crate::support::store();
    for (name, mails) in [("clumsy", MAILS), ("healthy", 1)] {
        let id = add_account(&store, name);
        (0..mails).for_each(|n| write(&store, id, &format!("{name}-{n}")));
    }
    let mut now = START;
    let mut flush = |minutes| {
        now += SignedDuration::from_mins(minutes);
        send(&store, ports, now)
    };
    flush(1);
    assert_eq!(taken(&healthy), ["healthy-0"], "the other account waits");
    flush(61);
    clumsy.script(Vec::new());
    for _ in 0..3 {
        flush(8 * 60);
    }
    let refused = matches!(step.answer, Say(text) if text.starts_with("554"));
    let rows = store.read(|tx| espomail::store::outbox::list(tx, &OutboxQuery::default(), Sight::Everything)).unwrap();
    let failed: Vec<_> =
        rows.iter().filter(|row| row.state == OutboxState::Failed).map(|row| &row.message_id).collect();
    assert!(rows.iter().all(|row| [OutboxState::Sent, OutboxState::Failed].contains(&row.state)), "{rows:#?}");
    // Only a refusal for good of the recipient or the message ends in failure.
    assert!(failed.is_empty() || (refused && ["RCPT", "DATA", "."].contains(&step.verb)), "{rows:#?}");
    let arrived = taken(&clumsy);
    let mut once = arrived.clone();
    once.dedup();
    let expected: Vec<String> = (0..MAILS).map(|n| format!("clumsy-{n}")).collect();
    let lost: Vec<_> =
        expected.iter().filter(|id| !once.contains(id) && !failed.iter().any(|f| f.starts_with(*id))).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let twice = arrived.len() - once.len();
    let is_mixed = matches!(step.answer, Say(text) if text.contains("\r\n"));
    let is_cut = step.verb == "." && (is_mixed || matches!(step.answer, Cut | Flood(_) | Drip(_)));
    let most = if is_cut { 2 * MAILS.min(2) } else { 0 };
    assert!(twice <= most, "{twice} doubled: {arrived:?}");
    twice
}

fn add_account(store: &Store, name: &str) -> i64 {
    let mut account = Account::new(name, AccountKind::Group, START);
    account.address = format!("{name}@desk.example");
    account.smtp.host = Some("127.0.0.1".to_owned());
    store.write(|tx| accounts::add(tx, &account)).unwrap()
}

fn write(store: &Store, account_id: i64, id: &str) {
    let mailbox = |address: String| Mailbox { name: String::new(), address };
    let outgoing = Outgoing {
        from: mailbox("desk@desk.example".to_owned()),
        to: vec![mailbox(format!("{id}@customer.example"))],
        subject: id.to_owned(),
        text: "Hello".to_owned(),
        message_id: format!("{id}@desk.example"),
        date: START,
        ..Outgoing::default()
    };
    let post = Post {
        kind: OutboxKind::Mail,
        account_id,
        case_id: None,
        user_id: None,
        envelope_from: "desk@desk.example",
        archive: None,
        not_before: None,
    };
    store.write(|tx| outbox::enqueue(tx, &post, &outbox::Composed::new(outgoing)?, START)).unwrap();
}

fn send(store: &Store, ports: [u16; 2], now: Timestamp) -> Flushed {
    let short = Duration::from_millis(150);
    let mut connect = |account: &Account, until| -> anyhow::Result<Box<dyn MailTransport>> {
        let endpoint = Endpoint {
            host: "127.0.0.1".to_owned(),
            port: ports[usize::try_from(account.id - 1)?],
            tls: TlsMode::None,
            ca: None,
            pins: Vec::new(),
            reach: Reach::Anywhere,
            timeouts: Timeouts { connect: Duration::from_secs(2), tls: short, reply: short, until },
            trail: Trail::default(),
        };
        let (login, secret) = ("me".to_owned(), "pa-55-word".to_owned().into());
        let credentials = Credentials { login, secret, mechanism: Mechanism::Password };
        Ok(Box::new(smtp::connect(&endpoint, Some(&credentials))?))
    };
    let config = Config::default();
    let aftermath = undelivered::aftermath(&config);
    outbox::flush(store, &mut connect, &aftermath, &Manners::default(), &|| now).unwrap()
}

/// Subjects of what a server took, sorted.
fn taken(server: &SmtpSink) -> Vec<String> {
    let subject = |message: &[u8]| espomail::mail::message::parse(message).subject;
    let mut all: Vec<String> =
        server.received().iter().filter(|mail| mail.taken).map(|mail| subject(&mail.message)).collect();
    all.sort();
    all
}

/// A server that takes `MAIL FROM:<>` and refuses the message for it, as an agent would see it.
#[test]
fn an_automatic_reply_goes_out_where_the_null_sender_may_not_send() {
    let denied = "554 5.2.252 SendAsDenied; support@desk.example not allowed to send as <>";
    let smtp = SmtpSink::new(vec![Step { verb: ".", nth: 1, answer: Say(denied) }]);
    let sandbox = Sandbox::new();
    sandbox.init();
    let body = sandbox.file("ack.txt", b"Case {{ case.number }}");
    sandbox.run(&["template", "add", "ack", "--subject", "We have it", "--body", body.to_str().unwrap()]).ok();
    sandbox.run(&["team", "add", "support"]).ok();
    let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
    let add =
        ["account", "add", "desk", "--address", "support@desk.example", "--smtp", &smtp.address(), "--secret", &secret];
    let case = ["--tls", "none", "--create-case", "--case-team", "support", "--auto-reply", "ack"];
    sandbox.run(&[&add[..], &case].concat()).ok();
    let mail = |n: usize| {
        format!(
            "From: c{n}@one{n}.example\r\nTo: support@desk.example\r\nSubject: Help\r\nMessage-ID: <{n}@x.example>\r\n\r\nx\r\n"
        )
    };
    let ingest = |n: usize| sandbox.call(&["ingest", "--account", "desk"]).stdin(mail(n).as_bytes()).run().ok();
    ingest(1);
    sandbox.run(&["send"]).ok();
    let froms = || smtp.received().into_iter().map(|mail| (mail.from, mail.taken)).collect::<Vec<_>>();
    assert_eq!(froms(), [(String::new(), false), ("support@desk.example".to_owned(), true)]);
    // It is remembered; and where the account's own address may not send either, that is an error of the account.
    smtp.script(vec![Step { verb: ".", nth: 0, answer: Say(denied) }]);
    ingest(2);
    let run = sandbox.run(&["send"]).exits(69);
    assert!(run.stderr.contains("SendAsDenied"), "{run:#?}");
    assert_eq!(froms()[2..], [("support@desk.example".to_owned(), false)]);
    let waiting = sandbox.items(&["outbox", "list"]);
    assert_eq!((waiting.len(), waiting[0]["state"].as_str()), (1, Some("waiting")), "{waiting:?}");
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("cannot send since") && status.contains("SendAsDenied"), "{status}");
    sandbox.run(&["check"]).exits(1);
    assert!(!sandbox.run(&["case", "show", "2"]).ok().stdout.contains("not delivered"));
    smtp.script(Vec::new());
    sandbox.run(&["send"]).ok();
    assert!(sandbox.items(&["outbox", "list"]).is_empty());
}

/// What `send` says of a server that is left alone, and how it is tried at once.
#[test]
fn a_server_that_wants_a_pause_is_left_alone_until_somebody_says_otherwise() {
    let busy = vec![Step { verb: "AUTH", nth: 0, answer: Say("454 4.7.0 too many logins, try again in 20 minutes") }];
    let (smtp, sandbox) = (SmtpSink::new(busy), Sandbox::new());
    sandbox.init();
    let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
    let add =
        ["account", "add", "desk", "--address", "support@desk.example", "--smtp", &smtp.address(), "--secret", &secret];
    sandbox.run(&[&add[..], &["--tls", "none", "--shared"]].concat()).ok();
    let write = |subject| {
        let to =
            ["email", "send", "--account", "desk", "--to", "kim@customer.example", "--subject", subject, "-m", "x"];
        sandbox.run(&to).ok();
    };
    write("one");
    let run = sandbox.run(&["send"]).exits(75);
    assert!(run.stderr.contains("try again in 20 minutes"), "{run:#?}");
    write("two");
    smtp.script(Vec::new());
    let run = sandbox.run(&["send"]).exits(75);
    assert!(run.stderr.contains("asked for a pause, next try at ") && smtp.received().is_empty(), "{run:#?}");
    assert!(run.stderr.contains("hint: to try at once: espomail account enable desk"), "{run:#?}");
    assert_eq!(sandbox.json(&["account", "show", "desk"])["send_next_try_at"].as_str().map(str::len), Some(20));
    sandbox.run(&["account", "enable", "desk"]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(taken(&smtp), ["two"], "the other one waits for its own time");
}
