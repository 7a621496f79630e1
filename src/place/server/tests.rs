#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::type_complexity)]
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::password::{Source, of_line};
use super::surroundings::Surroundings;
use super::*;
use crate::error::Kind;

fn surroundings(variables: &[(&str, &str)], home: &Path) -> Surroundings {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Surroundings {
        variable: Box::new(move |name| variables.get(name).cloned()),
        home: Some(home.to_owned()),
        of_system: vec![home.join("etc")],
    }
}

fn nowhere() -> Surroundings {
    surroundings(&[], Path::new("/nowhere"))
}

fn server(text: &str) -> Server {
    Server::read(text, &nowhere()).unwrap()
}

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("espomail-server-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_name_is_read_as_libpq_reads_it() {
    for (text, shown, hosts, user, dbname) in [
        ("postgresql://db.example.org/desk", "postgresql://db.example.org/desk", "db.example.org:5432", "", "desk"),
        ("postgres://ana@db/desk?schema=one", "postgresql://db/desk?schema=one", "db:5432", "ana", "desk"),
        ("postgresql://db:6000/d", "postgresql://db:6000/d", "db:6000", "", "d"),
        ("postgresql://[2001:db8::7]:6000/d", "postgresql://[2001:db8::7]:6000/d", "2001:db8::7:6000", "", "d"),
        ("postgresql://a,b:6000,c/d", "postgresql://a,b:6000,c/d", "a:5432 b:6000 c:5432", "", "d"),
        ("postgresql://an%40a@h/mail%2Fdesk", "postgresql://h/mail%2Fdesk", "h:5432", "an@a", "mail/desk"),
        ("postgresql:///d?host=/srv/pg", "postgresql:///d?host=/srv/pg", "/srv/pg:5432", "", "d"),
        ("postgresql://%2Fsrv%2Fpg:6000/d", "postgresql:///d?host=/srv/pg&port=6000", "/srv/pg:6000", "", "d"),
        ("host=/run/postgresql dbname=d", "postgresql:///d", "/run/postgresql:5432", "", "d"),
        (
            r"host = h dbname = 'it\'s a \\ b'  user=ana",
            "postgresql://h/it%27s%20a%20%5C%20b",
            "h:5432",
            "ana",
            r"it's a \ b",
        ),
        ("host=a,b port=6000 dbname=d", "postgresql://a:6000,b:6000/d", "a:6000 b:6000", "", "d"),
        ("hostaddr=192.0.2.7 dbname=d", "postgresql://192.0.2.7/d", "192.0.2.7:5432", "", "d"),
        ("user=ana host=h", "postgresql://h/ana", "h:5432", "ana", "ana"),
    ] {
        let server = server(text);
        let host = |host: &Host| match &host.target {
            Target::Socket(dir) => format!("{}:{}", dir.display(), host.port),
            Target::Name(name) => format!("{name}:{}", host.port),
        };
        let found = server.hosts.iter().map(host).collect::<Vec<_>>().join(" ");
        let named = server.named_user.clone().unwrap_or_default();
        assert_eq!(
            (server.to_string().as_str(), found.as_str(), named.as_str(), server.dbname().as_str()),
            (shown, hosts, user, dbname),
            "{text}"
        );
        let short = Server::read(&server.to_string(), &nowhere()).unwrap();
        assert_eq!(short.name(), server.name(), "{text}");
        let again = Server::read(&server.uri(), &nowhere()).unwrap();
        assert_eq!(
            (again.name(), again.to_string(), again.hosts),
            (server.name(), server.to_string(), server.hosts),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_a_name_is_refused_by_the_word_that_is_wrong_and_passwords_are_not_repeated() {
    for (text, message, hint) in [
        ("postgresql://ana:s3cret@h/d", "a password must not stand in the name", "database_password"),
        ("postgresql://ana:s3/cret@h/d", "a password must not stand in the name", "PGPASSWORD"),
        ("postgresql://ana:s3?cret@h/d", "a password must not stand in the name", ".pgpass"),
        ("postgresql://ana:s3@cret@h/d", "a password must not stand in the name", ".pgpass"),
        ("postgresql://h/d?password=s3cret", "a password must not stand in the name", "file:PATH"),
        ("service=x password = 's3 cret'", "a password must not stand in the name", "cmd:"),
        ("password=s3cret", "a password must not stand in the name", "env:"),
        ("host=h pasword=s3cret", "pasword is not a keyword", "passfile"),
        ("host=h pass s3cret", "is not in the form keyword=value", "espomail man postgresql"),
        ("host=h pass'word='s3cret", "the name of the database: has an unclosed quote", ""),
        ("host=h pass='s3cret", "the name of the database: has an unclosed quote", ""),
        ("postgresql://h/d?sslmod=require", "sslmod is not a keyword", "did you mean sslmode?"),
        ("postgresql://h/d?options=-csearch_path%3Dx", "options is not a keyword", "schema=NAME"),
        ("postgresql://h/d?sslkey=/x", "sslkey is not a keyword", ""),
        ("host=h zzz=1", "zzz is not a keyword", "known are application_name, connect_timeout"),
        ("host=h host=i", "host: is there twice", ""),
        ("postgresql://h/d?sslmode=verify", "sslmode: must be one of disable, prefer", "did you mean verify-ca?"),
        ("postgresql://h/d?schema=", "schema: is empty", "schema=NAME"),
        ("host=h service=''", "service: is empty", "leave it out"),
        ("postgresql://h/d?sslmode=verify-ca", "sslmode=verify-ca needs sslrootcert", "verify-full"),
        ("postgresql://h/d?sslrootcert=ca.pem", "sslrootcert: must begin with /", ""),
        ("postgresql://h/d?schema=My-Desk", "schema: must be a plain name", "schema=desk"),
        ("postgresql://h/d?schema=pg_catalog", "schema: must be a plain name", ""),
        ("postgresql://h:0/d", "port: must be a number from 1 to 65535", ""),
        ("postgresql://h:x/d", "port: must be a number", ""),
        ("postgresql://2001:db8::7/d", "host: an address with colons stands in brackets", ""),
        ("postgresql://h%zz/d", "a % that is not followed by two digits", "%25"),
        ("postgresql:///d?host=/x%00y", "host: must not contain control characters", ""),
        ("postgresql://a%20b/d", "host: must be a name, an address or the directory", ""),
        ("host=a,b port=1,2,3 dbname=d", "port: needs as many values as host, which has 2", ""),
        ("host=a,b hostaddr=192.0.2.7", "hostaddr: needs as many values as host, which has 2", ""),
        ("hostaddr=db", "hostaddr: must be an address", ""),
        ("postgresql://h/d?connect_timeout=0", "connect_timeout: must be a number of seconds", ""),
        ("postgresql://h/d?target_session_attrs=standby", "target_session_attrs: must be any or read-write", ""),
        (&format!("postgresql://h/{}", "d".repeat(64)), "dbname: is longer than 63 bytes", ""),
    ] {
        assert!(Server::is_named_by(text), "{text}");
        let fault = Server::read(text, &nowhere()).unwrap_err();
        let hint = hint.to_owned();
        assert_eq!(fault.kind, Kind::Usage, "{text}");
        assert!(fault.message.contains(message), "{text}: {fault:?}");
        assert!(fault.hint.as_deref().unwrap_or_default().contains(&hint), "{text}: {fault:?}");
        let told = format!("{fault:?}");
        assert!(["s3", "cret"].iter().all(|part| !told.contains(part)), "{text}: {told}");
        assert_eq!(Server::check(text).unwrap_err().message, fault.message, "{text}");
    }
}

#[test]
fn a_file_is_not_taken_for_a_server_and_another_engine_is_refused() {
    for text in ["/srv/mail/espomail.db", "espomail.db", "./host=x", "a=b.db", "postgresql", "hosts=1.db", "C:/x.db"] {
        assert!(!Server::is_named_by(text), "{text}");
        assert!(Server::refuse_other_schemes(text).is_ok(), "{text}");
    }
    for text in [
        "postgresql//h/d",
        "postgres//h",
        "POSTGRESQL//h/d",
        "mysql://h/d",
        "sqlite:///x.db",
        "postgres:desk",
        "postgresql:/h/d",
        "POSTGRESQL://h/d",
    ] {
        assert!(!Server::is_named_by(text), "{text}");
        let fault = Server::refuse_other_schemes(text).unwrap_err();
        assert!(fault.hint.unwrap().contains("postgresql://host/database"), "{text}");
    }
}

#[test]
fn a_server_over_the_network_is_verified_and_one_of_this_machine_need_not_be() {
    use SslMode::{Disable, Prefer, Require, VerifyFull};
    for (text, expected) in [
        ("postgresql://db.example.org/d", VerifyFull),
        ("postgresql://192.0.2.7/d", VerifyFull),
        ("postgresql://localhost/d", Prefer),
        ("postgresql://127.0.0.2/d", Prefer),
        ("postgresql://[::1]/d", Prefer),
        ("postgresql://localhost/d?hostaddr=192.0.2.7", VerifyFull),
        ("postgresql://db.example.org/d?sslmode=require", Require),
        ("postgresql://db.example.org/d?sslmode=disable", Disable),
        ("postgresql:///d?host=/srv/pg&sslmode=verify-full", Disable),
        ("postgresql://db.example.org/d?sslmode=allow", Prefer),
    ] {
        let server = server(text);
        assert_eq!(server.sslmode(&server.hosts[0]), expected, "{text}");
    }
    assert_eq!(server("postgresql://a/d").target_session_attrs, SessionAttrs::Any);
    assert_eq!(server("postgresql://a,b/d").target_session_attrs, SessionAttrs::ReadWrite);
    assert_eq!(server("postgresql://a,b/d?target_session_attrs=any").target_session_attrs, SessionAttrs::Any);
}

#[test]
fn one_database_has_one_name_by_all_ways_that_lead_to_it() {
    for (texts, name) in [
        (
            &[
                "postgresql://localhost/d",
                "postgres://127.0.0.1:5432/d",
                "postgresql://[::1]/d?schema=public",
                "host=/run/postgresql dbname=d",
                "postgresql:///d?host=/tmp",
            ][..],
            "d.public@localhost:5432",
        ),
        (
            &[
                "postgresql://DB.example.org/d?schema=one",
                "postgresql://ana@db.example.org./d?schema=one&sslmode=require",
            ],
            "d.one@db.example.org:5432",
        ),
        (&["postgresql://b:6000,a/d", "host=a,b port=5432,6000 dbname=d"], "d.public@a:5432+b:6000"),
        (&["postgresql:///a.b%2Fc?host=/srv/pg"], "a%2Eb%2Fc.public@%2Fsrv%2Fpg:5432"),
        (&["postgresql://h/a?schema=b"], "a.b@h:5432"),
    ] {
        for text in texts {
            assert_eq!(server(text).name(), name, "{text}");
        }
    }
    let long = server(&format!("postgresql://{}/d", "h".repeat(200))).name();
    assert!(long.len() == 64 && long.chars().all(|c| c.is_ascii_hexdigit()), "{long}");
}

#[test]
fn the_name_counts_before_the_service_and_the_service_before_the_variables() {
    let home = temp("services");
    put(
        &home.join(".pg_service.conf"),
        "# mine\n[other]\nhost=wrong\n\n[desk]\nhost=db.example.org\nport = 6000\n# no\ndbname=mail\nschema=one\n[last]\nhost=wrong\n",
        0o644,
    );
    put(
        &home.join("etc/pg_service.conf"),
        "[desk]\nhost=not-read\n[site]\nhost=site\n[odd]\nhots=x\n[line]\nx\n[in]\nservice=desk\n",
        0o644,
    );
    put(&home.join("mine.conf"), "[desk]\nhost=of-variable\n", 0o644);
    let own = home.join("mine.conf").display().to_string();
    let rows: [(&[(&str, &str)], &str, &str); 9] = [
        (&[], "service=desk", "postgresql://db.example.org:6000/mail?schema=one"),
        (&[], "service=desk schema=two port=7000", "postgresql://db.example.org:7000/mail?schema=two"),
        (&[], "postgresql://?service=desk", "postgresql://db.example.org:6000/mail?schema=one"),
        (&[("PGSERVICE", "desk")], "postgresql:///x", "postgresql://db.example.org:6000/x?schema=one"),
        (&[], "service=site dbname=d", "postgresql://site/d"),
        (&[("PGSERVICEFILE", &own)], "service=desk dbname=d", "postgresql://of-variable/d"),
        (
            &[("PGHOST", "h"), ("PGPORT", "7000"), ("PGUSER", "u"), ("PGDATABASE", "d")],
            "service=site",
            "postgresql://site:7000/d",
        ),
        (&[("PGHOST", "h"), ("PGPORT", "7000"), ("PGUSER", "u")], "postgresql://", "postgresql://h:7000/u"),
        (&[("PGHOSTADDR", "192.0.2.7")], "postgresql://h/d", "postgresql://h/d"),
    ];
    for (variables, text, shown) in rows {
        let server = Server::read(text, &surroundings(variables, &home)).unwrap();
        assert_eq!(server.to_string(), shown, "{text} {variables:?}");
        assert!(server.hosts.iter().all(|host| host.address.is_none()), "{text}");
        assert_eq!(server.variables.len(), variables.len(), "{text}");
    }
    for (text, message, hint) in [
        ("service=nobody", "there is no service \"nobody\"", ".pg_service.conf"),
        ("service=odd", "etc/pg_service.conf: hots is not a keyword", "did you mean host?"),
        ("service=line", "etc/pg_service.conf, line 8: is not in the form", "keyword=value"),
        ("service=in", "a service cannot name another one", ""),
    ] {
        let fault = Server::read(text, &surroundings(&[], &home)).unwrap_err();
        assert_eq!(fault.kind, Kind::Config, "{text}");
        assert!(fault.message.contains(message), "{text}: {fault:?}");
        assert!(fault.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {fault:?}");
        assert!(Server::check(text).is_ok(), "the form of {text} is right");
    }
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_password_is_found_by_the_host_that_a_service_names() {
    let home = temp("passwords-of-services");
    put(
        &home.join(".pg_service.conf"),
        "[far]\nhost=db.example.org\nport=6000\ndbname=mail\nuser=desk\n[near]\nhost=/run/postgresql\ndbname=mail\nuser=desk\n\
        [other]\nhost=/srv/pg\ndbname=mail\nuser=desk\n[number]\nhostaddr=192.0.2.7\ndbname=mail\nuser=desk\n\
        [both]\nhost=db\nhostaddr=192.0.2.7\ndbname=mail\nuser=desk\n[none]\nhost=nowhere\ndbname=mail\nuser=desk\n",
        0o644,
    );
    put(
        &home.join(".pgpass"),
        "db.example.org:6000:mail:desk:far\nlocalhost:5432:mail:desk:near\n/srv/pg:5432:mail:desk:other\n\
        192.0.2.7:5432:mail:desk:number\ndb:5432:mail:desk:both\n",
        0o600,
    );
    let from = surroundings(&[], &home);
    for name in ["far", "near", "other", "number", "both"] {
        let server = Server::read(&format!("service={name}"), &from).unwrap();
        let (source, password) = server.password_in(&server.hosts[0], &from).unwrap();
        assert_eq!(password.as_deref().map(String::as_str), Some(name));
        assert_eq!(source, Source::File(home.join(".pgpass")), "{name}");
    }
    let server = Server::read("service=none", &from).unwrap();
    let (source, password) = server.password_in(&server.hosts[0], &from).unwrap();
    let looked = format!("{} has no line for nowhere:5432:mail:desk", home.join(".pgpass").display());
    assert_eq!((source, password), (Source::Nowhere(Some(looked)), None));
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn what_a_variable_says_wrongly_is_told_by_its_name() {
    let home = temp("variables");
    put(&home.join(".pg_service.conf"), "[desk]\nhost=h\nsslmode=wrong\n", 0o644);
    for (variables, text, expected) in [
        (&[("PGSSLMODE", "wrong")][..], "postgresql://h/d", "PGSSLMODE: must be one of"),
        (&[("PGSSLMODE", "verify-ca")], "postgresql://h/d", "PGSSLMODE=verify-ca needs sslrootcert"),
        (&[("PGTARGETSESSIONATTRS", "standby")], "postgresql://h/d", "PGTARGETSESSIONATTRS: must be any or"),
        (&[("PGPORT", "many")], "postgresql://h/d", "PGPORT: must be a number"),
        (&[("PGSSLMODE", "prefer")], "postgresql://h/d?sslmode=wrong", "sslmode: must be one of"),
        (&[("PGSSLMODE", "prefer")], "service=desk", "sslmode: must be one of"),
        (&[], "postgresql://h/d?sslmode=wrong", "sslmode: must be one of"),
    ] {
        let fault = Server::read(text, &surroundings(variables, &home)).unwrap_err();
        assert!(fault.message.starts_with(expected), "{text}: {fault:?}");
        assert_eq!(super::begins_with_variable(&fault.message), expected.starts_with("PG"), "{text}");
    }
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn a_line_of_the_file_of_passwords_is_read_with_its_escapes() {
    let wanted = ["db.example.org", "5432", "de:sk", "ana"];
    for (line, expected) in [
        (r"db.example.org:5432:de\:sk:ana:s3cret", Some("s3cret")),
        ("*:*:*:*:s3cret", Some("s3cret")),
        (r"*:*:*:*:with\:colon and \\ and \x", Some(r"with:colon and \ and x")),
        ("*:*:*:*:with:colon", Some("with:colon")),
        (r"\*:*:*:*:s3cret", None),
        ("db.example.org:5433:*:*:s3cret", None),
        ("db.example.*:*:*:*:s3cret", None),
        ("db.example.org:5432:de:sk:ana:s3cret", None),
        ("*:*:*:budi:s3cret", None),
        ("#*:*:*:*:s3cret", None),
        ("*:*:*:*:", None),
        ("*:*:*:*", None),
        ("", None),
    ] {
        assert_eq!(of_line(line, wanted).as_deref(), expected, "{line}");
    }
}

#[test]
fn a_password_is_got_from_the_first_source_that_has_one_and_from_no_file_that_others_can_read() {
    let home = temp("passwords");
    let (passwords, services) = (home.join(".pgpass"), home.join(".pg_service.conf"));
    put(
        &services,
        "[desk]\nhost=h\nuser=ana\ndbname=d\npassword=of-service\n[plain]\nhost=h\nuser=ana\ndbname=d\n",
        0o600,
    );
    put(&home.join("pw"), "of-reference\n", 0o600);
    put(&passwords, "localhost:*:*:*:of-socket\nh:5432:d:ana:of-file\n", 0o600);
    let got = |text: &str, variables: &[(&str, &str)], secret: Option<&str>| {
        let from = surroundings(variables, &home);
        let server = Server { secret: secret.map(str::to_owned), ..Server::read(text, &from).unwrap() };
        assert!(!format!("{server:?} {server} {}", server.uri()).contains("of-"), "{text}");
        let got =
            server.password_in(&server.hosts[0], &from).map(|(source, got)| (source, got.map(|got| got.to_string())));
        got.map_err(|error| error.to_string())
    };
    let reference = format!("file:{}", home.join("pw").display());
    let set = [("PGPASSWORD", "of-variable")];
    let nowhere = |line: &str| Source::Nowhere(Some(format!("{} has no line for {line}", passwords.display())));
    for (text, variables, secret, source, expected) in [
        (
            "service=desk",
            &set[..],
            Some(reference.as_str()),
            Source::Reference(reference.clone()),
            Some("of-reference"),
        ),
        ("service=desk", &set, None, Source::Service(services.clone()), Some("of-service")),
        ("service=plain", &set, None, Source::Variable, Some("of-variable")),
        ("service=plain", &[], None, Source::File(passwords.clone()), Some("of-file")),
        ("postgresql:///x?host=/run/postgresql", &[], None, Source::File(passwords.clone()), Some("of-socket")),
        ("postgresql://ana@other/d", &[], None, nowhere("other:5432:d:ana"), None),
        ("postgresql://ana@h/d?passfile=/dev/null", &set, None, Source::Variable, Some("of-variable")),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(got(text, variables, secret), Ok((source, expected)), "{text}");
    }
    let refused = |text: &str, words: &str| {
        let refused = got(text, &[], None).unwrap_err();
        assert!(refused.contains(words) && !refused.contains("of-"), "{refused}");
    };
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o640)).unwrap();
    refused("service=plain", "holds a password, and others can read it (mode 640)");
    refused("postgresql://h/d?passfile=/nowhere/pw", "there is no file of passwords /nowhere/pw");
    refused("postgresql://h/d?passfile=/dev", "cannot read /dev");
    fs::remove_file(&passwords).unwrap();
    assert_eq!(got("service=plain", &[], None), Ok((Source::Nowhere(None), None)));
    fs::set_permissions(&services, fs::Permissions::from_mode(0o644)).unwrap();
    let fault = Server::read("service=desk", &surroundings(&[], &home)).unwrap_err();
    assert!(fault.message.contains("others can read it") && !fault.message.contains("of-"), "{fault:?}");
    assert!(Server::read("service=plain", &surroundings(&[], &home)).is_ok(), "that one has none");
    fs::remove_dir_all(home).unwrap();
}
