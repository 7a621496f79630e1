#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::time::Duration;

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::SslAcceptor;
use openssl::x509::X509NameBuilder;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};

use super::*;
use crate::net::reach::Reach;
use crate::net::tls::database::{Check, Guard};
use crate::net::trail::Trail;
use crate::net::{Timeouts, TlsMode, tls};

#[test]
fn failed_handshakes_are_told_in_words() {
    for (error, told) in [
        (
            "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:",
            "the server does not speak TLS on port 143",
        ),
        (
            "error:0A000102:SSL routines:ssl_choose_client_version:unsupported protocol:../ssl/statem/statem_lib.c:1957:",
            "TLS handshake failed: unsupported protocol",
        ),
        ("unexpected EOF", "TLS handshake failed: unexpected EOF"),
    ] {
        assert_eq!(failed_handshake(error, 143), told);
    }
}

#[derive(Clone)]
struct Made {
    certificate: X509,
    key: PKey<Private>,
}

impl Made {
    /// For a server or an authority of this name, valid for these days from now, by an issuer or by itself.
    fn new(name: &str, days: (i64, i64), issuer: Option<&Made>) -> Made {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_pubkey(&key).unwrap();
        let day = |days: i64| Asn1Time::from_unix(Timestamp::now().as_second() + days * 86_400).unwrap();
        builder.set_not_before(&day(days.0)).unwrap();
        builder.set_not_after(&day(days.1)).unwrap();
        if !name.contains('.') && name != "localhost" {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        }
        let names = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
        Made { certificate: builder.build(), key }
    }

    /// Shows itself to one client; the port.
    fn serve(&self) -> u16 {
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&self.certificate).unwrap();
        acceptor.set_private_key(&self.key).unwrap();
        let (acceptor, listener) = (acceptor.build(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).map(drop).ok());
        port
    }

    fn key_pin(&self) -> Pin {
        Pin::of_key(&self.certificate).unwrap()
    }

    fn pin(&self) -> Pin {
        Pin::of_certificate(&self.certificate).unwrap()
    }
}

#[test]
fn pinned_keys_are_asked_for_besides_chain_name_and_dates() {
    let (authority, stranger) = (Made::new("authority", (-1, 9), None), Made::new("stranger", (-1, 9), None));
    let by = |name, days| Made::new(name, days, Some(&authority));
    let ca = std::env::temp_dir().join(format!("espomail-trust-{}.pem", std::process::id()));
    std::fs::write(&ca, authority.certificate.to_pem().unwrap()).unwrap();
    let good = by("localhost", (-1, 9));
    let (old, other, alone) =
        (by("localhost", (-9, -1)), by("mx.example.org", (-1, 9)), Made::new("localhost", (-9, -1), None));
    let foreign = Made::new("localhost", (-1, 9), Some(&stranger));
    let own = Made::new("localhost", (-1, 9), None);
    let another = Pin::Key("0".repeat(64));
    let day = |days: i64| {
        let moment = Timestamp::from_second(Timestamp::now().as_second() + days * 86_400).unwrap();
        moment.strftime("%Y-%m-%d").to_string()
    };
    let (until, was) = (format!("(valid until {})", day(9)), format!("(it was valid until {})", day(-1)));
    type Row<'a> = (&'a str, &'a Made, Vec<Pin>, Vec<&'a str>, Option<Pin>);
    let rows: Vec<Row<'_>> = vec![
        ("no pin", &good, vec![], vec![], None),
        ("the pinned key", &good, vec![good.key_pin()], vec![], None),
        ("one of two", &good, vec![another.clone(), good.key_pin()], vec![], None),
        (
            "none of two",
            &good,
            vec![another.clone(), other.key_pin()],
            vec!["authority, name and dates are right, but the key is not a pinned one", &until],
            Some(good.key_pin()),
        ),
        ("the pinned certificate", &own, vec![own.pin()], vec![], None),
        ("a pinned certificate that is over", &alone, vec![alone.pin()], vec![], None),
        ("another certificate", &good, vec![own.pin()], vec!["is not the pinned one", &until], Some(good.pin())),
        ("expired", &old, vec![old.key_pin()], vec!["the certificate has expired", &was], Some(old.pin())),
        (
            "another name",
            &other,
            vec![other.key_pin()],
            vec!["is for mx.example.org, not for localhost", &until],
            Some(other.pin()),
        ),
        ("self-signed", &own, vec![own.key_pin()], vec!["the certificate is self-signed", &until], Some(own.pin())),
        (
            "another authority",
            &foreign,
            vec![foreign.key_pin()],
            vec!["from an authority that is not trusted: stranger", &until],
            Some(foreign.pin()),
        ),
    ];
    for (case, server, pins, words, fingerprint) in rows {
        let second = Duration::from_secs(5);
        let endpoint = Endpoint {
            host: "localhost".into(),
            port: server.serve(),
            tls: TlsMode::Implicit,
            ca: Some(ca.clone()),
            pins,
            reach: Reach::Anywhere,
            timeouts: Timeouts { connect: second, tls: second, reply: second, until: None },
            trail: Trail::default(),
        };
        let error = tls::connect(&endpoint).err();
        let said = error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
        assert_eq!(words.is_empty(), error.is_none(), "{case}: {said}");
        assert!(words.iter().all(|words| said.contains(words)), "{case}: {said}");
        let shown = error.and_then(|error| error.fingerprint);
        assert_eq!(shown, fingerprint.map(|pin| pin.to_string()), "{case}");
    }
    std::fs::remove_file(ca).unwrap();
}

#[test]
fn the_server_of_a_database_is_checked_for_what_was_asked() {
    let (authority, stranger) = (Made::new("authority", (-1, 9), None), Made::new("stranger", (-1, 9), None));
    let file = |name: &str, made: &Made| {
        let path = std::env::temp_dir().join(format!("espomail-database-{}-{name}.pem", std::process::id()));
        std::fs::write(&path, made.certificate.to_pem().unwrap()).unwrap();
        path
    };
    let (ours, theirs) = (file("ours", &authority), file("theirs", &stranger));
    let by = |name, days| Made::new(name, days, Some(&authority));
    let (good, other, old) = (by("localhost", (-1, 9)), by("db.example.org", (-1, 9)), by("localhost", (-9, -1)));
    for (case, check, authorities, server, words) in [
        ("the right one", Check::Name, Some(&ours), &good, None),
        ("another name", Check::Name, Some(&ours), &other, Some("is for db.example.org, not for localhost")),
        ("another name that is not asked for", Check::Chain, Some(&ours), &other, None),
        ("another authority", Check::Chain, Some(&theirs), &good, Some("from an authority that is not trusted")),
        ("an authority that the system does not know", Check::Name, None, &good, Some("not trusted")),
        ("the authorities of the system", Check::Chain, None, &good, Some("not trusted")),
        ("expired", Check::Chain, Some(&ours), &old, Some("the certificate has expired")),
        ("nothing is asked", Check::Nothing, None, &old, None),
        ("nothing is asked, and an authority named", Check::Nothing, Some(&theirs), &other, None),
    ] {
        let guard = Guard::new(check, authorities.map(PathBuf::as_path)).unwrap();
        let tcp = std::net::TcpStream::connect(("127.0.0.1", server.serve())).unwrap();
        let mut setup = guard.connector.configure().unwrap();
        guard.demand(&mut setup, "localhost").unwrap();
        let is_connected = setup.connect("localhost", tcp).is_ok();
        let fault = guard.fault("localhost");
        assert_eq!((is_connected, fault.is_none()), (words.is_none(), words.is_none()), "{case}: {fault:?}");
        if let (Some(fault), Some(words)) = (fault, words) {
            assert!(fault.message.contains(words) && fault.message.starts_with("localhost: "), "{case}: {fault:?}");
            assert!(fault.hint.is_some_and(|hint| hint.contains("sslrootcert")), "{case}");
        }
    }
    assert!(Guard::new(Check::Name, Some(Path::new("/nowhere/ca.pem"))).is_err());
    [ours, theirs].iter().for_each(|file| std::fs::remove_file(file).unwrap());
}
