//! The test support itself: a fault it would hide is looked for here.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::*;

#[test]
fn dovecot_keeps_what_is_appended() {
    let mailbox = Dovecot::shared().mailbox();
    let letter = mail("Eva <eva@customer.example>", &mailbox.address, "Invoice 2231").bytes();
    let arrived: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let first = mailbox.append("INBOX", &letter);
    let second = mailbox.append_with("INBOX", b"Subject: two\r\n\r\n", Some(arrived), &["\\Seen"]);
    assert!(second > first);
    let stored = mailbox.messages("INBOX");
    assert_eq!(stored.iter().map(|message| message.uid).collect::<Vec<_>>(), [first, second]);
    assert_eq!(stored[0].raw, letter);
    assert_eq!(stored[0].header("subject"), "Invoice 2231");
    assert!(!stored[0].flags.contains(&"\\Seen".to_owned()));
    assert!(stored[1].flags.contains(&"\\Seen".to_owned()));
    let mut imap = mailbox.imap();
    imap.ok("EXAMINE INBOX");
    assert!(imap.ok(&format!("UID FETCH {second} INTERNALDATE"))[0].contains("2-Jan-2026 03:04:05 +0000"));
}

#[test]
fn tokens_open_a_mailbox() {
    if Make::is_other("it takes no tokens") {
        return;
    }
    let mailbox = Dovecot::shared().mailbox();
    let login = |token: String| {
        let answer = format!("user={}\u{1}auth=Bearer {token}\u{1}\u{1}", mailbox.user);
        let command = format!("AUTHENTICATE XOAUTH2 {}", openssl::base64::encode_block(answer.as_bytes()));
        let mut imap = Imap::connect(Dovecot::shared().imap);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| imap.ok(&command))).is_ok()
    };
    assert!(login(mailbox.token(600)));
    assert!(!login(mailbox.token(-600)));
    assert!(!login(Dovecot::shared().mailbox().token(600)));
}

#[test]
fn folders_flags_and_expunge() {
    let mailbox = Dovecot::shared().mailbox();
    mailbox.create("Old/2025");
    mailbox.rename("Old/2025", "Older");
    let uid = mailbox.append("Older", b"Subject: a\r\n\r\n");
    let kept = mailbox.append("Older", b"Subject: b\r\n\r\n");
    mailbox.store("Older", uid, "+FLAGS (\\Flagged)");
    assert!(mailbox.messages("Older")[0].flags.contains(&"\\Flagged".to_owned()));
    mailbox.expunge("Older", uid);
    assert_eq!(mailbox.messages("Older").len(), 1);
    assert_eq!(mailbox.messages("Older")[0].uid, kept);
    mailbox.delete("Older");
    assert!(!mailbox.imap().ok("LIST \"\" *").join("\n").contains("Older"));
}

#[test]
fn a_recreated_folder_keeps_its_mail_under_new_numbers() {
    let mailbox = Dovecot::shared().mailbox();
    mailbox.create("Sales");
    for folder in ["INBOX", "Sales"] {
        let gone = mailbox.append(folder, b"Subject: gone\r\n\r\n");
        mailbox.append(folder, b"Subject: stays\r\n\r\n");
        mailbox.expunge(folder, gone);
        assert_eq!(mailbox.messages(folder)[0].uid, 2);
        mailbox.recreate(folder);
        let stored = mailbox.messages(folder);
        assert_eq!((stored.len(), stored[0].uid, stored[0].header("Subject").as_str()), (1, 1, "stays"));
    }
}

#[test]
fn exim_delivers_refuses_and_bounces() {
    let (exim, customer) = (Exim::shared(), Dovecot::shared().mailbox_at("customer.example"));
    let letter = mail(&customer.address, "gone@bounces.example", "Anybody there?").body("one\n.two\n").bytes();
    exim.submit(&customer.address, &["gone@bounces.example"], &letter);
    let bounce = customer.arrived(1).remove(0);
    assert_eq!(bounce.header("Return-path"), "<>");
    assert!(bounce.header("Content-Type").starts_with("multipart/report"));
    assert!(bounce.text().contains("550 5.1.1 <gone@bounces.example>"));

    exim.submit("", &[&customer.address], &letter);
    let delivered = customer.arrived(2).remove(1);
    assert!(delivered.text().ends_with("\r\n\r\none\r\n.two\r\n"), "{}", delivered.text());

    let refused = |to: &str| submit(exim.smtp, "a@b.example", &[to], b"x").unwrap_err();
    assert!(refused("x@rejects.example").starts_with("550 5.1.1"));
    assert!(refused("full@rejects.example").starts_with("552"));
    assert!(refused("x@tempfail.example").starts_with("451 4.2.1"));
    assert!(refused("nobody@nowhere.example").starts_with("550"));
    exim.idle();
    assert!(exim.log().contains("gone@bounces.example R=hop"));
}

#[test]
fn the_proxy_writes_down_a_session() {
    let mailbox = Dovecot::shared().mailbox();
    let proxy = Proxy::new(Dovecot::shared().imap);
    let letter = b"Subject: {5}\r\n\r\nT9 LOGOUT\r\n* BYE\r\n";
    let mut imap = Imap::login(proxy.port, &mailbox.user, "pw");
    imap.append("INBOX", &[], None, letter);
    assert_eq!(imap.messages("INBOX")[0].raw, letter);
    assert_eq!(proxy.count(Side::Client, "LOGIN "), 1);
    assert_eq!(proxy.count(Side::Client, "LOGOUT"), 0, "the body of a message is not a line");
    assert_eq!(proxy.count(Side::Server, "BYE"), 0, "the body of a message is not a line");
    assert_eq!(proxy.count(Side::Server, " FETCH ("), 1);
    // LOGIN, APPEND, its literal, EXAMINE, UID FETCH
    assert_eq!(proxy.round_trips(), 5, "{:#?}", proxy.transcript());
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn the_proxy_cuts_where_it_is_told() {
    if Make::chosen() == Make::Courier {
        return eprintln!("skipped with Courier: it drops commands that are sent ahead of the answer to LOGIN");
    }
    let mailbox = Dovecot::shared().mailbox();
    for number in 1..=3 {
        mailbox.append("INBOX", mail("a@b.example", "c@d.example", &format!("number {number}")).bytes().as_slice());
    }
    let port = Dovecot::shared().imap;
    let fetched = |when| {
        let proxy = Proxy::with_rule(port, Rule { side: Side::Server, text: "FETCH (", nth: 2, when, deed: Deed::Cut });
        let user = mailbox.user.clone();
        let through = proxy.port;
        let client = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", through)).unwrap();
            let commands = format!("a LOGIN {user} pw\r\nb SELECT INBOX\r\nc UID FETCH 1:* BODY.PEEK[]\r\n");
            stream.write_all(commands.as_bytes()).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).ok();
            String::from_utf8_lossy(&all).into_owned()
        });
        let text = client.join().unwrap();
        wait_until(Duration::from_secs(5), || proxy.fired());
        text
    };
    let before = fetched(When::Before);
    assert!(before.contains("number 1") && !before.contains("2 FETCH") && before.ends_with(")\r\n"), "{before}");
    let after = fetched(When::After);
    assert!(after.contains("2 FETCH") && after.ends_with("}\r\n"), "{after}");
    let inside = fetched(When::Inside(7));
    assert!(inside.ends_with("}\r\nFrom: a"), "{inside}");
}

#[test]
fn the_proxy_kills_the_client() {
    for (when, taken) in [(When::Before, 0), (When::After, 1)] {
        let sink = SmtpSink::new(Vec::new());
        let child = Child::default();
        let deed = Deed::Kill(child.clone());
        let proxy = Proxy::with_rule(sink.port, Rule { side: Side::Client, text: ".", nth: 1, when, deed });
        let mut client = Command::new("bash");
        // EHLO and RCPT have a dot in them, which is not the final one.
        client.arg("-c").arg(format!(
            "exec 3<>/dev/tcp/127.0.0.1/{}; printf 'EHLO a.b\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<x@y.z>\\r\\nDATA\\r\\n' >&3
             while read -r line <&3; do case $line in 354*) printf 'Subject: a.b\\r\\n\\r\\n..\\r\\n.\\r\\n' >&3; exec sleep 60;; esac; done",
            proxy.port
        ));
        let started = Instant::now();
        let run = child.spawn(client, None, "client".to_owned()).wait();
        assert_eq!(run.code, 128 + 9);
        assert!(started.elapsed() < Duration::from_secs(10));
        wait_until(Duration::from_secs(5), || proxy.fired() && sink.received().len() == taken);
        if taken == 1 {
            assert_eq!(sink.received()[0].message, b"Subject: a.b\r\n\r\n.\r\n");
            assert_eq!(sink.received()[0].to, ["x@y.z"]);
        }
    }
}

#[test]
fn the_sink_answers_by_script() {
    let sink = SmtpSink::new(vec![
        Step { verb: "DATA", nth: 2, answer: Answer::Say("451 4.3.0 not now") },
        Step { verb: ".", nth: 2, answer: Answer::Cut },
        Step { verb: "RCPT", nth: 4, answer: Answer::Say("550 5.1.1 no such user") },
    ]);
    let send = || submit(sink.port, "a@b.example", &["c@d.example"], b"Subject: x\r\n\r\n.y\r\n");
    assert_eq!(send(), Ok(()));
    assert_eq!(send(), Err("451 4.3.0 not now".to_owned()));
    assert_eq!(send(), Err("the server hung up".to_owned()));
    assert_eq!(send(), Err("550 5.1.1 no such user".to_owned()));
    let received = sink.received();
    assert_eq!(received.len(), 2, "the third was taken though nobody was told");
    assert_eq!(received[0].message, b"Subject: x\r\n\r\n.y\r\n");
    assert!(received.iter().all(|message| message.taken && message.from == "a@b.example"));
    assert_eq!((sink.count("RCPT"), sink.connections()), (4, 4));
}

#[test]
fn a_server_script_ends_with_its_standard_input() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/dovecot.sh");
    let directory = std::env::temp_dir().join(format!("espomail-watch-{}", std::process::id()));
    let mut process = Command::new("bash")
        .args([script, "--rm"])
        .arg(&directory)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.take().unwrap()), &mut ready).unwrap();
    let port: u16 = ready.split(['=', ' ']).nth(2).unwrap().parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(process.stdin.take());
    process.wait().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!directory.exists());
}
