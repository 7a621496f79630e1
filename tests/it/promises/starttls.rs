//! Servers, or somebody in between, that try to keep a session in clear (promise R5): each transcript ends without a
//! byte of the login in clear.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use espomail::net::reach::Reach;
use espomail::net::trail::Trail;
use espomail::net::{Credentials, Endpoint, Mechanism, NetError, Timeouts, TlsMode, imap, smtp};

fn credentials() -> Credentials {
    Credentials { login: "me".into(), secret: "pa\"ss".to_owned().into(), mechanism: Mechanism::Password }
}

/// Says its part whenever the client has said a line, and gives all that it heard.
fn play(mut client: TcpStream, parts: &[&str]) -> Vec<u8> {
    client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    for part in parts {
        // A client that has left is what this is about.
        client.write_all(part.as_bytes()).ok();
        match client.read(&mut buffer) {
            Ok(count) if count > 0 => heard.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    client.shutdown(std::net::Shutdown::Write).ok();
    client.read_to_end(&mut heard).ok();
    heard
}

fn refused_in_clear(parts: &[&str], connect: impl FnOnce(&Endpoint) -> Result<(), NetError>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let short = Duration::from_millis(150);
    let timeouts = Timeouts { connect: short, tls: short, reply: short, until: None };
    let (host, tls) = ("127.0.0.1".to_owned(), TlsMode::StartTls);
    let endpoint = Endpoint {
        host,
        port,
        tls,
        ca: None,
        pins: Vec::new(),
        reach: Reach::Anywhere,
        timeouts,
        trail: Trail::default(),
    };
    let heard = std::thread::scope(|scope| {
        let server = scope.spawn(|| play(listener.accept().unwrap().0, parts));
        assert!(connect(&endpoint).is_err(), "{parts:?}: there is a session");
        server.join().unwrap()
    });
    let heard = String::from_utf8_lossy(&heard).to_ascii_uppercase();
    for word in ["LOGIN", "AUTH", "PA\"SS", "CGEICC", "MAIL FROM", "SELECT"] {
        assert!(!heard.contains(word), "{parts:?}: {heard:?}");
    }
}

#[test]
fn imap_login_never_goes_out_in_clear() {
    let greetings = [
        "* OK hi\r\n",
        "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        "* OK [CAPABILITY IMAP4rev1] hi\r\n",
        "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
        "* PREAUTH hi\r\n",
        "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        "* BYE hi\r\n",
        "* OK hi\r\n* PREAUTH again\r\n",
        "* OK hi\r\ns1 OK go\r\n",
    ];
    let answers = [
        "s1 NO no\r\n",
        "s1 BAD what\r\n",
        "* BYE\r\n",
        "s1 OK go\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] injected\r\n",
        "s1 OK go\r\ns2 OK logged in\r\n",
        "s1 OK go\r\n\x16\x03\x01",
        "s1 OK go\r\n",
        "* CAPABILITY IMAP4rev1\r\ns1 OK go\r\n",
        "s2 OK go\r\n",
        "+ go\r\n",
        "\r\n",
        "",
    ];
    for greeting in greetings {
        for answer in answers {
            refused_in_clear(&[greeting, answer, "* OK still in clear\r\n"], |endpoint| {
                let limits = imap::Limits { literal_max: 1000 };
                imap::connect(endpoint, &credentials(), limits).map(drop)
            });
        }
    }
    eprintln!("promise R5 | {} transcripts of IMAP STARTTLS: logins in clear | 0", greetings.len() * answers.len());
}

#[test]
fn smtp_login_never_goes_out_in_clear() {
    let greetings = ["220 mx\r\n", "220-mx\r\n220 mx\r\n", "220 mx\r\n250 STARTTLS\r\n", "554 no\r\n"];
    let hellos = ["250-mx\r\n250 STARTTLS\r\n", "250 mx\r\n", "250-mx\r\n250 AUTH PLAIN LOGIN\r\n", "500 what\r\n"];
    let answers = [
        "454 not now\r\n",
        "502 what\r\n",
        "220 go\r\n250 injected\r\n",
        "220 go\r\n235 logged in\r\n",
        "220 go\r\n\x16\x03\x01",
        "220 go\r\n",
        "250 go\r\n",
        "",
    ];
    for greeting in greetings {
        for hello in hellos {
            for answer in answers {
                refused_in_clear(&[greeting, hello, answer, "235 still in clear\r\n"], |endpoint| {
                    smtp::connect(endpoint, Some(&credentials())).map(drop)
                });
            }
        }
    }
    let transcripts = greetings.len() * hellos.len() * answers.len();
    eprintln!("promise R5 | {transcripts} transcripts of SMTP STARTTLS: logins in clear | 0");
}
