//! `init` by questions on a terminal, and by flags: the same database, all of it or nothing (O9).

use std::path::Path;
use std::time::{Duration, Instant};

use super::discovery::world::World;
use crate::support::{Child, Dovecot, Mailbox, Run, Sandbox, SmtpSink, mail, no_file};

/// A mailbox with one mail, and a sandbox without a database whose name server knows no servers.
struct Scene {
    sandbox: Sandbox,
    mailbox: Mailbox,
    sink: SmtpSink,
    _world: World,
}

fn scene_in(sandbox: Sandbox) -> Scene {
    let world = World::new(Vec::new(), &[], |_| Vec::new(), &[]);
    world.around(&sandbox);
    let mailbox = Dovecot::shared().mailbox();
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "The kettle is cold").bytes());
    Scene { sandbox, mailbox, sink: SmtpSink::new(Vec::new()), _world: world }
}

impl Scene {
    /// What is asked, and what is typed then, to a case of the mail that is there.
    fn steps(&self) -> Vec<(String, String)> {
        let (user, address) = (&self.mailbox.user, &self.mailbox.address);
        [
            ("Your username [", "ana"),
            ("Your full name [none]: ", "Ana Putri"),
            ("Your own e-mail address [none]: ", "ana@staff.example"),
            ("on this machine [", "ana"),
            ("Address of the mailbox [none]: ", address.as_str()),
            ("IMAP server [imap.espomail.example]: ", &format!("127.0.0.1:{}", Dovecot::shared().imap)),
            ("TLS of IMAP (implicit, starttls, none) [none]: ", ""),
            ("SMTP server, or none [smtp.espomail.example]: ", &self.sink.address()),
            ("TLS of SMTP (implicit, starttls, none) [none]: ", ""),
            (&format!("Name of the account [{user}]: "), "support"),
            (&format!("Login name at the server [{address}]: "), user),
            ("Password (not shown): ", "pw"),
            ("Folder to fetch [INBOX]: ", ""),
            ("Fetch mail since [now]: ", "all"),
            ("least-busy) [round-robin]: ", ""),
            ("Team that gets the cases [Support]: ", ""),
            ("Automatic reply? [no]: ", "yes"),
            ("Text of the reply: ", ""),
            ("Create all this? [yes]: ", ""),
        ]
        .map(|(asked, typed)| (asked.to_owned(), format!("{typed}\n")))
        .into()
    }

    fn typed(&self, columns: usize, steps: &[(String, String)]) -> Run {
        let steps: Vec<(&str, &str)> = steps.iter().map(|(asked, typed)| (asked.as_str(), typed.as_str())).collect();
        let run = self.sandbox.call(&["init"]).at_terminal(columns, &steps).run();
        assert!(!run.stdout.contains("never seen: "), "{run:#?}");
        run
    }
}

/// What a database means, without ids, keys and times.
fn meant(sandbox: &Sandbox) -> String {
    let plain = |args: &[&str]| sandbox.run(&[&["--format", "json"], args].concat()).ok().stdout;
    let lists =
        [&["account", "export"][..], &["user", "list"], &["team", "list"], &["template", "list"], &["role", "list"]];
    lists.map(plain).join("\n") + &sandbox.canon()
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("home"))
        .collect();
    names.sort();
    names
}

/// The command that the last screen shows, as words after `init`.
fn shown_flags(screen: &str) -> Vec<String> {
    let line = screen.split_once("The same by one command, such as in a script:\n").unwrap().1.replace("\\\n", " ");
    let words = shlex::split(line.lines().next().unwrap()).unwrap();
    let init = words.iter().position(|word| word == "init").unwrap();
    words[init + 1..].to_vec()
}

fn guided_and_by_flags(first: Sandbox, second: Sandbox) {
    let (scene, by_flags) = (scene_in(first), scene_in(second));
    let mut steps = scene.steps();
    // Bad answers are told, and asked again.
    steps.splice(
        0..1,
        [
            ("Your username [".to_owned(), "bytes ff0a".to_owned()),
            ("it is not UTF-8".to_owned(), "a b\n".to_owned()),
            ("must not contain spaces".to_owned(), "\u{1b}[A\n".to_owned()),
            ("it has control characters".to_owned(), "?\n".to_owned()),
            ("Under this name espomail knows you".to_owned(), "eva\n".to_owned()),
            ("Your full name [none]: ".to_owned(), "<\n".to_owned()),
            ("Your username [".to_owned(), "ana\n".to_owned()),
        ],
    );
    // A password that is refused is typed again.
    let at = steps.iter().position(|(asked, _)| asked.starts_with("Password")).unwrap();
    steps.splice(
        at..at,
        [
            // A shell shows again what is typed, when it gets the terminal back.
            ("Password (not shown): ".to_owned(), "signal 19".to_owned()),
            (String::new(), "echo on".to_owned()),
            (String::new(), "signal 18".to_owned()),
            ("Password (not shown): ".to_owned(), "wrong\n".to_owned()),
            ("keep, none) [login]: ".to_owned(), "\n".to_owned()),
            ("Login name at the server [".to_owned(), format!("{}\n", scene.mailbox.user)),
        ],
    );
    steps.push(("Fetch its mail now? [yes]: ".to_owned(), "\n".to_owned()));
    let screen = scene.typed(100, &steps).ok().stdout;
    for said in [
        "no servers found for espomail.example",
        "The servers work. INBOX: 1 message\n",
        "with administrator ana, team Support, template ack, account support",
        "The kettle is cold",
        "The line for `crontab -e`:\n  * * * * * ",
        "--secret stdin",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    assert!(!screen.contains("wrong\n") && !screen.contains("pw\n"), "a password is shown: {screen}");
    // Whichever variables lead to the database now, the command names it.
    let shown = screen.split_once("The same by one command, such as in a script:\n").unwrap().1.lines().next().unwrap();
    assert!(shown.starts_with("espomail --config /") && shown.contains(" --db "), "{shown}");
    scene.sandbox.run(&["account", "test", "support"]).ok();
    assert_eq!(scene.sandbox.items(&["case", "list"]).len(), 1);
    assert_eq!(scene.sink.received().len(), 2, "the automatic reply and the notice went out");

    // The command that is shown, for the mailbox of the other scene.
    let other = |word: String| {
        word.replace(&scene.mailbox.address, "ADDRESS")
            .replace(&scene.mailbox.user, &by_flags.mailbox.user)
            .replace("ADDRESS", &by_flags.mailbox.address)
            .replace(&scene.sink.address(), &by_flags.sink.address())
    };
    let flags: Vec<String> = shown_flags(&screen).into_iter().map(other).collect();
    let flags: Vec<&str> = std::iter::once("init").chain(flags.iter().map(String::as_str)).collect();
    let made = by_flags.sandbox.call(&flags).stdin(b"pw\n").run().ok();
    assert!(made.stderr.contains("The servers work.") && made.stdout.contains("The kettle is cold"), "{made:#?}");
    let as_first = |text: String| {
        text.replace(&by_flags.mailbox.address, &scene.mailbox.address)
            .replace(&format!("\\\"{}\\\"", by_flags.mailbox.user), &format!("\\\"{}\\\"", scene.mailbox.user))
            .replace(&by_flags.sink.address(), &scene.sink.address())
    };
    let without_bytes = |text: String| -> String {
        text.lines().filter(|line| !line.starts_with("bytes ")).map(|line| format!("{line}\n")).collect()
    };
    assert_eq!(without_bytes(as_first(meant(&by_flags.sandbox))), without_bytes(meant(&scene.sandbox)));
    by_flags.sandbox.run(&["account", "test", "support"]).ok();

    // There is one now.
    let again = scene.sandbox.call(&["init"]).at_terminal(100, &[]).run().exits(65);
    assert!(again.stdout.contains("exists already") && !again.stdout.contains("Your username"), "{again:#?}");
}

#[test]
fn init_by_questions_and_by_flags_makes_the_same_database() {
    guided_and_by_flags(Sandbox::new(), Sandbox::new());
}

#[cfg(feature = "postgres")]
#[test]
fn init_by_questions_makes_a_database_on_a_server_at_once() {
    use crate::support::Postgres;
    let server = &Postgres::shared().server;
    guided_and_by_flags(Sandbox::on(server), Sandbox::on(server));
}

#[test]
fn init_that_is_interrupted_at_any_question_leaves_nothing() {
    let scene = scene_in(Sandbox::new());
    let (steps, before) = (scene.steps(), files(&scene.sandbox.path("")));
    let ways = [
        ("\u{3}", 130, true),
        ("\u{4}", 1, true),
        ("signal 9", 247, false),
        ("hang up", 129, false),
        ("signal 15", 143, true),
    ];
    for (at, (asked, _)) in steps.iter().enumerate() {
        // Each way at the password and at the last question.
        let is_chosen = asked.starts_with("Password") || at + 1 == steps.len();
        for (way, (key, code, is_told)) in ways.into_iter().enumerate() {
            if !is_chosen && way != at % ways.len() {
                continue;
            }
            let mut typed = steps[..at].to_vec();
            typed.push((asked.clone(), key.to_owned()));
            let ended = scene.typed(100, &typed);
            // A terminal that is gone is a signal, or an end of what is typed, whichever comes first.
            assert!(ended.code == code || (key == "hang up" && ended.code == 1), "{asked} {key:?}: {ended:#?}");
            assert_eq!(ended.stdout.contains("nothing was made"), is_told, "{asked} {key:?}: {ended:#?}");
            assert_eq!(files(&scene.sandbox.path("")), before, "{asked} {key:?}");
            scene.sandbox.run(&["user", "list"]).exits(78);
        }
    }
    // A no is one, too.
    let mut typed = steps.clone();
    typed.last_mut().unwrap().1 = "n\n".to_owned();
    scene.typed(100, &typed).exits(1).says("nothing was made");
    assert_eq!(files(&scene.sandbox.path("")), before);
}

#[test]
fn a_certificate_without_authority_is_trusted_by_its_fingerprint() {
    let scene = scene_in(Sandbox::new());
    let mut steps = scene.steps();
    let at =
        |steps: &[(String, String)], begin: &str| steps.iter().position(|(asked, _)| asked.contains(begin)).unwrap();
    let imap = at(&steps, "IMAP server");
    steps[imap].1 = format!("127.0.0.1:{}\n", Dovecot::shared().imaps);
    steps[imap + 1].1 = "implicit\n".to_owned();
    steps[imap + 2].1 = "none\n".to_owned();
    steps.remove(imap + 3);
    let password = at(&steps, "Password");
    steps.insert(password + 1, ("`trust` trusts it alone".to_owned(), String::new()));
    steps.insert(password + 2, ("keep, none) [again]: ".to_owned(), "trust\n".to_owned()));
    steps.drain(at(&steps, "Automatic reply")..at(&steps, "Create all"));
    steps.push(("Fetch its mail now? [yes]: ".to_owned(), "?\n".to_owned()));
    steps.push(("yes fetches the mail".to_owned(), String::new()));
    steps.push(("Fetch its mail now? [yes]: ".to_owned(), "\u{3}".to_owned()));
    let screen = scene.typed(100, &steps).exits(130).stdout;
    assert!(screen.contains("--pin cert:") && screen.contains("The servers work."), "{screen}");
    // Who leaves now has read what comes next.
    assert!(screen.contains("\n  * * * * * ") && !screen.contains("nothing was made"), "{screen}");
    assert!(shown_flags(&screen).contains(&"--address".to_owned()), "{screen}");
    assert!(screen.contains("no SMTP: nothing can be answered"), "{screen}");
    scene.sandbox.run(&["account", "test", "support"]).ok();
    assert_eq!(scene.sandbox.items(&["case", "list"]).len(), 0, "nothing was fetched");
}

#[test]
fn questions_fit_a_narrow_terminal_without_colour() {
    let sandbox = Sandbox::new();
    sandbox.env("NO_COLOR", "1");
    sandbox.env("TERM", "dumb");
    for columns in [40, 60, 140] {
        sandbox.env("COLUMNS", &columns.to_string());
        let steps = [
            ("username [", "?\n"),
            ("username [", "ana\n"),
            ("full name", "?\n"),
            ("full name", "\n"),
            ("address [", "\n"),
        ];
        let more = [
            ("this machine", "\n"),
            ("mailbox [", "?\n"),
            ("mailbox [", "\n"),
            ("all this?", "<\n"),
            ("mailbox [", "\u{4}"),
        ];
        let ended = sandbox.call(&["init"]).at_terminal(columns, &[&steps[..], &more].concat()).run().exits(1);
        assert!(!ended.stdout.contains("never seen") && !ended.stdout.contains('\u{1b}'), "{ended:#?}");
        let widest = ended
            .stdout
            .lines()
            .filter(|line| !line.contains("/espomail.db") && !line.contains("postgresql://"))
            .map(|line| line.chars().count())
            .max();
        assert!(widest.is_some_and(|widest| widest <= columns), "{columns}: {ended:#?}");
    }
}

#[test]
fn what_cannot_be_made_is_told_and_asked_again() {
    if no_file() {
        return;
    }
    let scene = scene_in(Sandbox::new());
    let obstacle = scene.sandbox.secrets("");
    let obstacle = obstacle.display().to_string().trim_end_matches('/').to_owned();
    std::fs::write(&obstacle, "").unwrap();
    let mut steps = scene.steps();
    steps.extend(
        [
            ("Nothing was made. Your answers as one command", ""),
            ("--secret stdin", ""),
            ("Create all this? [yes]: ", &format!("run rm {obstacle}")),
            ("", "\n"),
            ("Fetch its mail now? [yes]: ", "n\n"),
        ]
        .map(|(asked, typed)| (asked.to_owned(), typed.to_owned())),
    );
    scene.typed(100, &steps).ok();
    scene.sandbox.run(&["account", "test", "support"]).ok();
    assert_eq!(std::fs::read_to_string(scene.sandbox.secrets("1")).unwrap().trim_end(), "pw");
}

#[test]
fn errors_and_hints_of_the_guide_fit_the_terminal() {
    let scene = scene_in(Sandbox::new());
    let mut steps = scene.steps();
    let at = steps.iter().position(|(asked, _)| asked.starts_with("Password")).unwrap();
    steps.truncate(at);
    let more = [("Password (not shown): ", "wrong\n"), ("[login]: ", "none\n"), ("all this? [yes]: ", "n\n")];
    steps.extend(more.map(|(asked, typed)| (asked.to_owned(), typed.to_owned())));
    // A narrow terminal breaks questions, too.
    steps.iter_mut().for_each(|(asked, _)| {
        *asked = asked.trim_end().split(' ').next_back().unwrap_or_default().to_owned();
    });
    let columns = 60;
    scene.sandbox.env("COLUMNS", "60");
    let ended = scene.typed(columns, &steps).exits(1).stdout;
    assert!(ended.contains("IMAP login:"), "{ended}");
    // Paths and addresses stay whole, and what is typed stands after its question.
    let whole = ["/espomail.db", "postgresql://", "https://", "]: "];
    let breaks = |line: &&str| !whole.iter().any(|one| line.contains(one));
    let long = ended.lines().filter(breaks).find(|line| line.chars().count() > columns);
    assert_eq!(long, None, "{ended}");
}

#[test]
fn two_silent_servers_are_waited_for_at_once() {
    let scene = scene_in(Sandbox::new());
    // They take a connection and say nothing.
    let silent =
        [std::net::TcpListener::bind("127.0.0.1:0").unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap()];
    let [imap, smtp] = silent.each_ref().map(|one| one.local_addr().unwrap().to_string());
    let flags =
        ["init", "--address", "s@d.example", "--imap", &imap, "--tls", "none", "--smtp", &smtp, "--secret", "env:PW"];
    scene.sandbox.env("PW", "pw");
    scene.sandbox.config("reply_timeout = \"3s\"\n");
    let begun = Instant::now();
    let ended = scene.sandbox.run(&flags);
    let took = begun.elapsed();
    assert!(ended.stderr.contains("IMAP") && ended.stderr.contains("SMTP"), "{ended:#?}");
    assert!(took < Duration::from_millis(5_500), "{took:?}: {ended:#?}");
}

#[test]
fn init_by_flags_that_is_killed_leaves_all_or_no_database() {
    let scene = scene_in(Sandbox::new());
    let (user, address) = (&scene.mailbox.user, &scene.mailbox.address);
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    let flags = [
        &["init", "--admin", "ana", "--address", address, "--account", "support", "--imap", &imap, "--tls", "none"][..],
        &["--login", user, "--secret", "stdin", "--no-test", "--create-case", "--case-team", "Support"],
    ]
    .concat();
    let sandbox = &scene.sandbox;
    let before = files(&sandbox.path(""));
    let clear = || {
        for name in files(&sandbox.path("")).into_iter().filter(|name| !before.contains(name)) {
            let path = sandbox.path(&name);
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
    };
    let begun = Instant::now();
    sandbox.call(&flags).stdin(b"pw\n").run().ok();
    let whole = begun.elapsed();
    let mut seen = [0, 0];
    for kill in 0..20 {
        clear();
        let child = Child::default();
        let running = sandbox.call(&flags).stdin(b"pw\n").known_to(&child).spawn();
        std::thread::sleep(whole * kill / 18);
        child.kill();
        running.wait();
        let is_there = sandbox.run(&["account", "list"]).code == 0;
        seen[usize::from(is_there)] += 1;
        if !is_there {
            // What a kill left does not stand in the way, and goes: the password with the first command that comes.
            if kill % 2 == 0 {
                sandbox.run(&[if kill % 4 == 0 { "fetch" } else { "doctor" }]).exits(78);
                assert!(!sandbox.secrets("1").exists(), "a password without a database");
            }
            sandbox.call(&flags).stdin(b"pw\n").run().ok();
        }
        sandbox.run(&["account", "test", "support"]).ok();
        assert_eq!(sandbox.items(&["team", "list"])[0]["members"][0]["username"], "ana");
        let left: Vec<String> =
            files(&sandbox.path("")).into_iter().filter(|name| name.contains(".copying-")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    eprintln!("killed {} times before there was a database, {} times after", seen[0], seen[1]);
    assert!(whole < Duration::from_secs(30));
}

#[test]
fn flags_of_init_that_do_not_fit_make_nothing() {
    let scene = scene_in(Sandbox::new());
    let before = files(&scene.sandbox.path(""));
    let there = ["--address", "s@d.example", "--imap", "127.0.0.1:1", "--tls", "none", "--secret", "env:PW"];
    let with = |more: &[&'static str]| [&there[..], more].concat();
    for (flags, code, said) in [
        (vec!["--admin-name", "Ana"], 2, "--admin"),
        (vec!["--admin", "a b"], 2, "--admin: \"a b\" must not contain spaces"),
        (vec!["--admin", "ana", "--admin-email", "nobody"], 2, "--admin-email: \"nobody\" is not an e-mail address"),
        (vec!["--imap", "h"], 2, "--address"),
        (vec!["--address", "s", "--imap", "h", "--secret", "env:PW"], 2, "--address: \"s\" is not an e-mail address"),
        (vec!["--address", "s@d.example", "--imap", "h"], 2, "--secret is missing"),
        (vec!["--address", "s@d.example", "--imap", "h", "--secret", "hunter2"], 2, "does not say where the secret"),
        (vec!["--address", "s@d.example", "--secret", "env:PW"], 69, "no servers found for d.example"),
        (with(&["--distribution", "direct"]), 2, "--create-case"),
        (with(&["--create-case", "--distribution", "loud"]), 2, "--distribution: must be one of"),
        (with(&["--create-case", "--distribution", "round-robin"]), 2, "--case-team"),
        (with(&["--create-case", "--auto-reply", "ack", "--auto-reply-text", "{{ x.y }}"]), 65, "--auto-reply-text: "),
        (with(&["--since", "2100-01-01"]), 65, "--since: is still to come"),
        // The server is not there.
        (with(&[]), 75, "was not added: its servers were tried and do not work"),
    ] {
        scene.sandbox.env("PW", "pw");
        let flags: Vec<&str> = std::iter::once("init").chain(flags).collect();
        let refused = scene.sandbox.run(&flags).exits(code);
        assert!(refused.stderr.contains(said) && !refused.stderr.contains("hunter2"), "{said}: {refused:#?}");
        assert_eq!(files(&scene.sandbox.path("")), before, "{flags:?}");
    }
    // Without SMTP; there is nothing to show where only mail from now on counts.
    let now = scene_in(Sandbox::new());
    now.sandbox.env("PW", "pw");
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    let flags = [
        &["init", "--admin", "ana", "--address", &now.mailbox.address, "--imap", &imap, "--tls", "none"][..],
        &["--login", &now.mailbox.user, "--smtp", "none", "--secret", "env:PW"],
        &["--create-case", "--case-team", "Support", "--fetch"],
    ];
    let made = now.sandbox.run(&flags.concat()).ok();
    assert!(made.stderr.contains(&format!("send a mail to {}", now.mailbox.address)), "{made:#?}");
    assert!(!made.stderr.contains("only open cases"), "{made:#?}");
    assert!(made.stderr.contains("user add budi") && !made.stderr.contains("user add ana"), "{made:#?}");
    assert!(now.sandbox.items(&["account", "list"])[0]["smtp"].is_null(), "{made:#?}");
    // A directory and a file of something else are no databases.
    std::fs::write(scene.sandbox.path("hello"), "hello").unwrap();
    std::fs::create_dir(scene.sandbox.path("home-of-nobody")).unwrap();
    for (name, said) in [("hello", "cannot be opened as a database"), ("home-of-nobody", "is a directory")] {
        let path = scene.sandbox.path(name).display().to_string();
        let refused = scene.sandbox.run(&["--db", &path, "init"]).exits(65);
        assert!(refused.stderr.contains(said), "{refused:#?}");
    }
    // One in which nobody works yet is filled, and only once.
    scene.sandbox.run(&["init"]).ok();
    scene.sandbox.run(&[&["init", "--admin", "ana"], &there[..]].concat()).exits(75);
    assert_eq!(scene.sandbox.items(&["user", "list"]).len(), 0);
    let kept = [&["init", "--admin", "ana", "--no-test"], &there[..]].concat();
    scene.sandbox.run(&kept).ok().says("is ready with administrator ana, account s");
    assert_eq!(scene.sandbox.items(&["account", "list"]).len(), 1);
    scene.sandbox.run(&kept).exits(65).says("exists already");
    let scene = scene_in(Sandbox::new());
    let before = files(&scene.sandbox.path(""));
    // A dry run says what would be made.
    let dry = scene.sandbox.run(&[&["--dry-run", "init", "--admin", "ana"], &there[..]].concat()).ok();
    assert!(dry.stderr.contains("administrator ana, account s"), "{dry:#?}");
    assert_eq!(files(&scene.sandbox.path("")), before);
}
