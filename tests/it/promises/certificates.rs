//! Certificates that must not be trusted (promise R5): refused with the reason, before a byte of the login goes out.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use crate::support::{Postgres, Sandbox, promise};

/// A certificate and its key.
#[derive(Clone)]
struct Certificate {
    x509: X509,
    key: PKey<Private>,
}

/// For `name`, valid from and to these numbers of days from now, signed by `issuer` or by itself.
fn certificate(name: &str, from: i64, to: i64, issuer: Option<&Certificate>) -> Certificate {
    named(name, Some(SubjectAlternativeName::new().dns(name)), from, to, issuer)
}

/// As [`certificate`], with these subject alternative names besides the common name.
fn named(
    name: &str,
    names: Option<&mut SubjectAlternativeName>,
    from: i64,
    to: i64,
    issuer: Option<&Certificate>,
) -> Certificate {
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.x509.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    let now = jiff::Timestamp::now().as_second();
    builder.set_not_before(&Asn1Time::from_unix(now + from * 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + to * 86_400).unwrap()).unwrap();
    if name == "authority" {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    if let Some(names) = names {
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Certificate { x509: builder.build(), key }
}

/// A server that shows a certificate, says `greeting` in TLS and writes down what comes then.
struct TlsServer {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl TlsServer {
    fn new(shown: &Certificate, greeting: &'static str, newest: Option<SslVersion>) -> TlsServer {
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
        acceptor.set_certificate(&shown.x509).unwrap();
        acceptor.set_private_key(&shown.key).unwrap();
        if newest.is_some() {
            acceptor.set_cipher_list("DEFAULT@SECLEVEL=0").unwrap();
            acceptor.set_max_proto_version(newest).unwrap();
        }
        let (acceptor, listener) = (acceptor.build(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let Ok(mut stream) = acceptor.accept(client) else { continue };
                stream.write_all(greeting.as_bytes()).ok();
                let mut buffer = [0; 1000];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    let heard = &mut shared.lock().unwrap();
                    heard.extend_from_slice(&buffer[..count]);
                    if greeting.is_empty() || heard.ends_with(b"\r\n") {
                        break;
                    }
                }
            }
        });
        TlsServer { port, heard }
    }
}

const IMAP: &str = "* OK hello\r\n";
const SMTP: &str = "220 hello\r\n";

/// `account test` against a server; exit code and standard error.
fn tested(protocol: &str, server: &str, extra: &[&str]) -> (i32, String) {
    let sandbox = Sandbox::new();
    sandbox.config("connect_timeout = \"2s\"\ntls_timeout = \"2s\"\nreply_timeout = \"2s\"\n");
    sandbox.init();
    let secret = format!("file:{}", sandbox.file("password", b"secret-canary\n").display());
    let mut account = vec!["account", "add", "a", "--address", "a@desk.example", "--secret", &secret];
    account.extend([protocol, server, if protocol == "--imap" { "--tls" } else { "--smtp-tls" }, "implicit"]);
    account.extend(extra);
    sandbox.run(&account).ok();
    let run = sandbox.run(&["account", "test", "a"]);
    (run.code, run.stderr)
}

#[test]
fn untrustworthy_servers_get_no_login() {
    let authority = certificate("authority", -1, 30, None);
    let stranger = certificate("authority", -1, 30, None);
    let directory = Sandbox::new();
    let ca = directory.file("ca.pem", &authority.x509.to_pem().unwrap());
    let trusted = ["--ca", ca.to_str().unwrap()];
    let by = |name: &str, from, to| certificate(name, from, to, Some(&authority));
    let unnamed = |names: Option<&mut SubjectAlternativeName>| named("localhost", names, -1, 9, Some(&authority));
    let wrong_pin = ["--pin", &format!("cert:{}", "ab".repeat(32))];
    #[allow(clippy::type_complexity)] // A table, read column by column.
    let rows: Vec<(&str, Certificate, Vec<&str>, Option<SslVersion>, &str)> = vec![
        ("expired", by("localhost", -9, -1), trusted.into(), None, "has expired"),
        ("not yet valid", by("localhost", 2, 9), trusted.into(), None, "not valid yet"),
        ("another name", by("mail.example.org", -1, 9), trusted.into(), None, "not for localhost"),
        ("self-signed", certificate("localhost", -1, 9, None), trusted.into(), None, "self-signed"),
        ("unknown authority", certificate("localhost", -1, 9, Some(&stranger)), trusted.into(), None, "not trusted"),
        ("no authority given", by("localhost", -1, 9), vec![], None, "not trusted"),
        ("a common name alone", unnamed(None), trusted.into(), None, "names no server"),
        (
            "no name but one of e-mail",
            unnamed(Some(SubjectAlternativeName::new().email("a@localhost"))),
            trusted.into(),
            None,
            "names no server",
        ),
        (
            "an address for a name",
            unnamed(Some(SubjectAlternativeName::new().ip("127.0.0.1"))),
            trusted.into(),
            None,
            "names no server",
        ),
        ("another pin", by("localhost", -1, 9), wrong_pin.into(), None, "not the pinned one"),
        ("TLS 1.1", by("localhost", -1, 9), trusted.into(), Some(SslVersion::TLS1_1), "TLS handshake failed"),
    ];
    for (case, shown, extra, newest, words) in &rows {
        for (protocol, greeting) in [("--imap", IMAP), ("--smtp", SMTP)] {
            let server = TlsServer::new(shown, greeting, *newest);
            let (code, said) = tested(protocol, &format!("localhost:{}", server.port), extra);
            assert_eq!(code, 69, "{case} {protocol}: {said}");
            assert!(said.contains(words), "{case} {protocol}: {said}");
            assert!(server.heard.lock().unwrap().is_empty(), "{case} {protocol}: the server heard something");
        }
    }
    promise("R5", &format!("{} bad certificates, IMAP and SMTP: logins sent", rows.len()), "0");
}

#[test]
fn a_trusted_or_pinned_server_is_spoken_to() {
    let authority = certificate("authority", -1, 30, None);
    let directory = Sandbox::new();
    let ca = directory.file("ca.pem", &authority.x509.to_pem().unwrap());
    let good = certificate("localhost", -1, 9, Some(&authority));
    // The pin is all that counts: it needs no name.
    let lonely = named("elsewhere", None, -9, -1, None);
    let digest = lonely.x509.digest(MessageDigest::sha256()).unwrap();
    let pin: String = digest.iter().map(|byte| format!("{byte:02X}:")).collect();
    let pin = format!("cert:{}", pin.trim_end_matches(':'));
    for (shown, extra) in [(&good, ["--ca", ca.to_str().unwrap()]), (&lonely, ["--pin", &pin])] {
        for (protocol, greeting, verb) in [("--imap", IMAP, "LOGIN"), ("--smtp", SMTP, "EHLO")] {
            let server = TlsServer::new(shown, greeting, None);
            let (_, said) = tested(protocol, &format!("localhost:{}", server.port), &extra);
            let heard = String::from_utf8_lossy(&server.heard.lock().unwrap()).into_owned();
            assert!(heard.contains(verb), "{protocol}: {heard:?}, {said}");
        }
    }
}

#[test]
fn a_file_of_authorities_that_is_gone_or_none_is_a_fault_of_the_settings() {
    let shown = certificate("localhost", -1, 9, None);
    let server = TlsServer::new(&shown, IMAP, None);
    let sandbox = Sandbox::new();
    sandbox.init();
    let (ca, imap) = (sandbox.file("ca.pem", &shown.x509.to_pem().unwrap()), format!("localhost:{}", server.port));
    let add = ["account", "add", "a", "--address", "a@x.example", "--secret", "env:HOME", "--imap", &imap];
    sandbox.run(&[&add[..], &["--ca", ca.to_str().unwrap()]].concat()).ok();
    sandbox.file("ca.pem", b"no certificate");
    for words in ["no certificate in it", "there is no such file"] {
        let run = sandbox.run(&["account", "test", "a"]).exits(78);
        assert!(run.stderr.contains(words) && run.stderr.contains("hint: name another file"), "{run:?}");
        std::fs::remove_file(&ca).ok();
    }
}

#[test]
fn clear_text_where_tls_is_due_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&heard);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            client.write_all(b"* OK [CAPABILITY IMAP4rev1] hello\r\n").ok();
            client.read_to_end(&mut shared.lock().unwrap()).ok();
        }
    });
    let (code, said) = tested("--imap", &format!("localhost:{port}"), &[]);
    assert_eq!(code, 69, "{said}");
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(!heard.contains("LOGIN") && !heard.contains("canary"), "{heard:?}");
}

/// Over the network the server of a database is asked for its certificate as its name says, in the same way as mail servers.
#[test]
fn the_server_of_a_database_is_believed_as_far_as_its_name_asks() {
    let (authority, stranger) = (certificate("authority", -1, 9, None), certificate("authority", -1, 9, None));
    let by = |names: Option<&mut SubjectAlternativeName>| named("localhost", names, -1, 9, Some(&authority));
    let mut name = SubjectAlternativeName::new();
    let good = by(Some(name.dns("localhost")));
    let (other, unnamed) = (certificate("db.example.org", -1, 9, Some(&authority)), by(None));
    let by_address = by(Some(SubjectAlternativeName::new().ip("127.0.0.1")));
    let postgres = Postgres::with_tls();
    let sandbox = Sandbox::new();
    let ca = |name: &str, authority: &Certificate| {
        sandbox.file(name, &authority.x509.to_pem().unwrap());
        sandbox.path(name).display().to_string()
    };
    let (ours, theirs) = (ca("ours.pem", &authority), ca("theirs.pem", &stranger));
    let named = |host: &str, asked: &str| {
        let (port, name) = (postgres.port(), "postgresql://espomail@");
        format!("{name}{host}:{port}/espomail?schema=desk&{asked}")
    };
    postgres.shows(&good.x509.to_pem().unwrap(), &good.key.private_key_to_pem_pkcs8().unwrap());
    sandbox.run(&["--db", &named("localhost", "sslmode=require"), "--state", "state", "init"]).ok();
    for (shown, host, mode, root, refused) in [
        (&good, "localhost", "verify-full", Some(&ours), None),
        (&good, "localhost", "verify-full", Some(&theirs), Some("not trusted")),
        (&good, "localhost", "verify-full", None, Some("not trusted")),
        (&good, "127.0.0.1", "verify-full", Some(&ours), Some("is for localhost, not for 127.0.0.1")),
        (&good, "localhost", "disable", None, Some("no encryption")),
        (&by_address, "127.0.0.1", "verify-full", Some(&ours), None),
        (&by_address, "localhost", "verify-full", Some(&ours), Some("not for localhost")),
        (&other, "localhost", "verify-full", Some(&ours), Some("is for db.example.org, not for localhost")),
        (&other, "localhost", "verify-ca", Some(&ours), None),
        (&other, "localhost", "verify-ca", Some(&theirs), Some("not trusted")),
        // With an authority to check it by, that is done (libpq).
        (&other, "localhost", "require", Some(&theirs), Some("not trusted")),
        (&other, "localhost", "require", None, None),
        (&unnamed, "localhost", "verify-full", Some(&ours), Some("not for localhost")),
        (&unnamed, "localhost", "verify-ca", Some(&ours), None),
    ] {
        let root = root.map(|root| format!("&sslrootcert={root}")).unwrap_or_default();
        let asked = format!("sslmode={mode}{root}");
        postgres.shows(&shown.x509.to_pem().unwrap(), &shown.key.private_key_to_pem_pkcs8().unwrap());
        let run = sandbox.run(&["--db", &named(host, &asked), "--state", "state", "user", "list"]);
        let case = format!("{host}, {asked}: {run:#?}");
        assert_eq!(run.code == 0, refused.is_none(), "{case}");
        assert!(refused.is_none_or(|words| run.stderr.contains(words)), "{case}");
    }
}
