//! Servers that are found by an address (C14): who is asked, who is believed, and that nobody else hears of it.

pub mod world;

use crate::support::{Dovecot, Run, Sandbox};
use world::Has::{Alias, Mx, Srv};
use world::{Says, World};

fn file(imap: &str) -> Says {
    Says::File(format!(
        "<clientConfig version=\"1.1\"><emailProvider id=\"x\"><incomingServer type=\"imap\"><hostname>{imap}</hostname>
        <port>993</port><socketType>SSL</socketType><username>%EMAILLOCALPART%</username></incomingServer>
        <outgoingServer type=\"smtp\"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>
        <socketType>STARTTLS</socketType><username>%EMAILADDRESS%</username></outgoingServer>
        </emailProvider></clientConfig>"
    ))
}

fn world() -> World {
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><clientConfig>&b;</clientConfig>";
    World::new(
        vec![
            ("_imaps._tcp.srv.example", vec![Srv(20, 993, "old.srv.example"), Srv(10, 1993, "imap.srv.example")]),
            ("_submissions._tcp.srv.example", vec![Srv(10, 465, "smtp.srv.example")]),
            ("_imaps._tcp.dot.example", vec![Srv(0, 0, ".")]),
            ("_imaps._tcp.both.example", vec![Srv(0, 993, "srv.both.example")]),
            ("_imap._tcp.start.example", vec![Srv(0, 143, "mail.start.example")]),
            ("_imaps._tcp.loop.example", vec![Alias("_imaps._tcp.pool.example")]),
            ("_imaps._tcp.pool.example", vec![Alias("_imaps._tcp.loop.example")]),
            ("_imaps._tcp.alias.example", vec![Alias("_imaps._tcp.srv.example")]),
            ("_imaps._tcp.xn--mller-kva.example", vec![Srv(0, 993, "mail.xn--mller-kva.example")]),
            ("_imaps._tcp.outside.example", vec![Srv(0, 993, "mail.hoster.example")]),
            ("_imaps._tcp.hostile.example", vec![Srv(0, 993, "127.0.0.1"), Srv(0, 993, "localhost")]),
            ("_imaps._tcp.long.example", vec![Srv(0, 993, "mail.long.example")]),
            ("guess.example", vec![Mx("aspmx.l.google.com")]),
            ("gate.example", vec![Mx("mx.filter.example")]),
        ],
        &["_imaps._tcp.long.example"],
        |http| {
            vec![
                ("autoconfig.file.example", file("imap.%EMAILDOMAIN%")),
                ("known.example", file("imap.hoster.example")),
                ("autoconfig.both.example", file("file.both.example")),
                ("autoconfig.wrong.example", file("imap.wrong.example")),
                ("autoconfig.redirect.example", Says::RedirectTo(http.to_owned())),
                ("autoconfig.laughs.example", Says::File(laughs.to_owned())),
                ("autoconfig.big.example", Says::Much(10 << 20)),
                ("autoconfig.hostile.example", file("a b&#10;c")),
                ("autoconfig.slow.example", Says::Nothing),
            ]
        },
        &["autoconfig.wrong.example"],
    )
}

#[test]
fn servers_are_found_by_an_address() {
    let (world, sandbox) = (world(), Sandbox::new());
    world.around(&sandbox);
    sandbox.init();
    for (domain, found) in [
        ("gmail.com", "imap.gmail.com:993 implicit, login ana@gmail.com"),
        ("srv.example", "imap.srv.example:1993 implicit, login ana@srv.example"),
        ("start.example", "mail.start.example:143 starttls, login ana@start.example"),
        ("file.example", "imap.file.example:993 implicit, login ana"),
        ("known.example", "imap.hoster.example:993 implicit, login ana"),
        ("both.example", "srv.both.example:993 implicit, login ana@both.example"),
        ("alias.example", "imap.srv.example:1993 implicit, login ana@alias.example"),
        ("m\u{fc}ller.example", "mail.xn--mller-kva.example:993 implicit, login ana@xn--mller-kva.example"),
        ("outside.example", "mail.hoster.example:993 implicit, login ana@outside.example"),
        ("long.example", "mail.long.example:993 implicit, login ana@long.example"),
        ("guess.example", "imap.gmail.com:993 implicit, login ana@guess.example"),
    ] {
        let run = sandbox.run(&["account", "discover", &format!("ana@{domain}")]).ok();
        assert!(run.stdout.contains(found), "{domain}: {run:#?}");
    }
    for (domain, why) in [
        ("dot.example", "the domain says that it offers no IMAP"),
        ("wrong.example", "https://autoconfig.wrong.example/mail/config-v1.1.xml: its certificate is not trusted"),
        ("redirect.example", "it leads to http, which anybody on the way could change"),
        ("laughs.example", "the file is not well-formed XML"),
        ("big.example", "the file has more than 64 KiB"),
        ("loop.example", "SRV records: there are none"),
        ("hostile.example", "it names no IMAP server with TLS"),
        ("gate.example", "mail exchangers: they belong to no provider of the table"),
        ("nothing.example", "mail exchangers: there are none"),
    ] {
        let run = sandbox.run(&["account", "discover", &format!("ana@{domain}")]).exits(69);
        assert!(run.stderr.contains(why), "{domain}: {run:#?}");
        assert!(run.stderr.contains("hint: ask the people who run the mailbox"), "{domain}: {run:#?}");
    }
    let found = sandbox.json(&["account", "discover", "ana@srv.example"]);
    assert_eq!((&found["imap"]["port"], &found["smtp"]["host"]), (&1993.into(), &"smtp.srv.example".into()));
    assert_eq!(found["others"], serde_json::json!(["old.srv.example:993 implicit"]));
    let command = "espomail account add ana --address ana@srv.example --imap imap.srv.example:1993 --tls implicit --smtp smtp.srv.example:465 --smtp-tls implicit --secret stdin";
    assert_eq!(found["command"], command);
    let found = sandbox.json(&["account", "discover", "ana@outside.example"]);
    assert_eq!(found["doubts"], serde_json::json!(["in DNS, unsigned, and another domain: mail.hoster.example"]));
    // Nobody asked where a server is that was found, and nothing went in clear.
    let of_servers = ["imap.", "smtp.", "mail.", "old.", "srv.both"];
    let asked: Vec<String> =
        world.asked().into_iter().filter(|name| of_servers.iter().any(|server| name.starts_with(server))).collect();
    assert_eq!((asked, world.in_clear()), (Vec::new(), 0));
    assert_eq!(sandbox.items(&["account", "list"]).len(), 0, "nothing is stored");
}

#[test]
fn a_server_for_files_that_says_nothing_takes_ten_seconds_and_no_more() {
    let (world, sandbox) = (world(), Sandbox::new());
    world.around(&sandbox);
    let begun = std::time::Instant::now();
    let run = sandbox.run(&["account", "discover", "ana@slow.example"]).exits(69);
    assert!(run.stderr.contains("the server takes too long"), "{run:#?}");
    assert!(begun.elapsed().as_secs() < 14, "{:?}", begun.elapsed());
}

/// The fingerprint that a command shows.
fn pin(run: &Run) -> String {
    let said = format!("{}{}", run.stdout, run.stderr);
    let hex = said.split_once("--pin cert:").unwrap_or_else(|| panic!("{said}")).1.get(..64).unwrap();
    format!("cert:{hex}")
}

#[test]
fn somebody_at_a_terminal_adds_an_account_by_its_address() {
    let (sandbox, dovecot) = (Sandbox::new(), Dovecot::shared());
    let mailbox = dovecot.mailbox_at("works.test");
    let names = vec![
        ("_imaps._tcp.works.test", vec![Srv(0, dovecot.imaps, "mail.works.test")]),
        ("_imaps._tcp.outside.test", vec![Srv(0, dovecot.imaps, "mail.works.test")]),
    ];
    World::new(names, &[], |_| Vec::new(), &[]).around(&sandbox);
    sandbox.init();
    let add = ["account", "add", "help", "--address", &mailbox.address, "--login", &mailbox.user];
    let typed = |extra: &[&str], steps: &[(&str, &str)]| {
        sandbox.call(&[&add[..], extra].concat()).at_terminal(100, steps).run()
    };
    let (yes, password) = (("[y/N] ", "y\n"), ("Password: ", "pw\n"));
    // What is found is shown, and a no keeps nothing.
    let refused = typed(&[], &[("[y/N] ", "n\n")]).exits(1);
    let shown = format!("mail.works.test:{} implicit, login {}\n", dovecot.imaps, mailbox.user);
    assert!(refused.stdout.contains(&shown), "{refused:#?}");
    // Nothing is kept of an account that does not work, and the fingerprint is shown.
    let failed = typed(&[], &[yes, password]).exits(69);
    assert!(failed.stdout.contains("account help was not added"), "{failed:#?}");
    let pin = pin(&failed);
    let no = ("Password: ", "no\n");
    let wrong = typed(&["--pin", &pin], &[yes, no, no, no]).exits(77);
    assert!(wrong.stdout.contains("IMAP login: ") && !wrong.stdout.contains("account edit"), "{wrong:#?}");
    assert!(wrong.stdout.contains("SMTP  not found: add --smtp HOST"), "{wrong:#?}");
    assert_eq!(wrong.stdout.matches("Type the password again").count(), 2, "{wrong:#?}");
    assert_eq!(sandbox.items(&["account", "list"]).len(), 0);
    assert!(!sandbox.secrets("1").exists());
    // One that was mistyped is typed again.
    let added = typed(&["--pin", &pin], &[yes, no, password]).ok();
    assert!(added.stdout.contains("account help added") && added.stdout.contains("INBOX: 0 messages"), "{added:#?}");
    sandbox.run(&["account", "test", "help"]).ok();

    // Where only tokens are taken, a profile is asked for before anything else; nobody has signed in by then.
    sandbox
        .config("[oauth.people]\nprovider = \"m365\"\nflow = \"code\"\ntenant = \"example.org\"\nclient_id = \"c\"\n");
    let microsoft = ["account", "add", "kim", "--address", "kim@outlook.com"];
    let refused = sandbox.call(&microsoft).at_terminal(100, &[]).run().exits(2);
    let words = "--oauth is missing: outlook.office365.com takes access tokens and no password";
    assert!(refused.stdout.contains(words) && refused.stdout.contains("--oauth people"), "{refused:#?}");
    let shown = sandbox.json(&["account", "discover", "kim@outlook.com"]);
    let command = "espomail account add kim --address kim@outlook.com --preset outlook --oauth people";
    assert_eq!(shown["command"], command);
    for (name, address) in [("kim", "kim@outlook.com"), ("gil", "gil@gmail.com")] {
        let add = ["account", "add", name, "--address", address, "--oauth", "people"];
        let added = sandbox.call(&add).at_terminal(100, &[yes]).run().ok();
        let said = ["tried when somebody has signed in", &format!("sign in: espomail account auth {name}")];
        assert!(said.iter().all(|text| added.stdout.contains(text)), "{added:#?}");
        assert_eq!(sandbox.json(&["account", "show", name])["secret"], "oauth:people");
    }

    // Elsewhere nobody is asked, so a doubt needs --yes.
    let other = ["account", "add", "other", "--address", "ana@outside.test", "--discover", "--secret", "env:HOME"];
    let refused = sandbox.run(&other).exits(2);
    assert!(refused.stderr.contains("another domain: mail.works.test"), "{refused:#?}");
    sandbox.run(&[&["--yes"], &other[..], &["--no-test"]].concat()).ok();
    assert_eq!(sandbox.json(&["account", "show", "other"])["imap"]["host"], "mail.works.test");
    let without = ["account", "add", "third", "--address", "ana@third.test", "--secret", "env:HOME"];
    sandbox.run(&without).exits(2).says("--imap is missing");
}
