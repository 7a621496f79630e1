//! The real servers: `tests/servers/*.sh`, which end when this process does.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::{Mailbox, scratch, submit, wait_until};

/// Who made an IMAP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    Dovecot,
    Courier,
    Cyrus,
}

impl Make {
    /// The one of this run: Dovecot, or what `ESPOMAIL_TEST_IMAP` names.
    pub fn chosen() -> Make {
        match std::env::var("ESPOMAIL_TEST_IMAP").as_deref() {
            Ok("courier") => Make::Courier,
            Ok("cyrus") => Make::Cyrus,
            Ok("dovecot") | Err(_) => Make::Dovecot,
            Ok(other) => panic!("ESPOMAIL_TEST_IMAP={other}: dovecot, courier or cyrus"),
        }
    }

    /// True, with the reason in the output, where the server of this run is not Dovecot.
    pub fn is_other(why: &str) -> bool {
        let make = Make::chosen();
        if make != Make::Dovecot {
            eprintln!("skipped with {make:?}: {why}");
        }
        make != Make::Dovecot
    }

    /// A folder as it is called on the wire. Tests name folders as on Dovecot: at the top, separated by `/`, in ASCII or
    /// modified UTF-7.
    pub fn folder(self, name: &str) -> String {
        match self {
            Make::Dovecot => name.to_owned(),
            _ if name.eq_ignore_ascii_case("INBOX") => name.to_owned(),
            Make::Courier | Make::Cyrus => format!("INBOX.{}", name.replace('/', ".")),
        }
    }

    fn script(self) -> &'static str {
        match self {
            Make::Dovecot => "dovecot.sh",
            Make::Courier => "courier.sh",
            Make::Cyrus => "cyrus.sh",
        }
    }
}

/// IMAP, and the mailboxes behind it: Dovecot, or the make that was chosen for this run.
pub struct Dovecot {
    dir: PathBuf,
    pub imap: u16,
    pub imaps: u16,
    /// Where the options of the script ask for it.
    pub submission: Option<u16>,
    /// The same mailboxes without UIDPLUS; Courier only.
    pub without_uidplus: Option<u16>,
    next_user: AtomicUsize,
    script: Child,
}

impl Dovecot {
    /// The one for all tests of this process.
    pub fn shared() -> &'static Dovecot {
        static SHARED: OnceLock<Dovecot> = OnceLock::new();
        SHARED.get_or_init(Dovecot::own)
    }

    /// Another one, for a test that stops it.
    pub fn own() -> Dovecot {
        Dovecot::start(Make::chosen(), &[])
    }

    /// Another one, always Dovecot, with these options of its script.
    pub fn with(options: &[&str]) -> Dovecot {
        Dovecot::start(Make::Dovecot, options)
    }

    fn start(make: Make, options: &[&str]) -> Dovecot {
        let dir = scratch("dovecot");
        let (script, ports) = start(make.script(), &[options, &[dir.to_str().unwrap()]].concat());
        let third = |of: Make| ports.get(2).copied().filter(|_| make == of);
        Dovecot {
            dir,
            imap: ports[0],
            imaps: ports[1],
            submission: third(Make::Dovecot),
            without_uidplus: third(Make::Courier),
            next_user: AtomicUsize::new(1),
            script,
        }
    }

    /// A file of its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Stops the server, which ends all its sessions, and starts it again on the same ports.
    pub fn restart(&self) {
        let said = self.dir.join("restarted");
        std::fs::remove_file(&said).ok();
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.script), rustix::process::Signal::USR1)
            .unwrap();
        wait_until(Duration::from_secs(60), || said.exists());
    }

    /// An empty mailbox nobody else uses, reached by mail to `uN@espomail.example`.
    pub fn mailbox(&self) -> Mailbox {
        self.mailbox_at("espomail.example")
    }

    /// The same with an address in another domain.
    pub fn mailbox_at(&self, domain: &str) -> Mailbox {
        let number = self.next_user.fetch_add(1, Ordering::Relaxed);
        assert!(number <= 9999, "tests/servers/dovecot.sh has users u1 to u9999 only");
        let user = format!("u{number}");
        let address = format!("{user}@{domain}");
        Exim::shared().route(&address, &user);
        Mailbox::new(self.imap, user, address, &self.dir)
    }

    /// Certificate authority of this server and of Exim.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("tls/ca.pem")
    }
}

/// SMTP, delivering into Dovecot's Maildirs; see `tests/servers/exim.sh` for its test domains.
pub struct Exim {
    dir: PathBuf,
    pub smtp: u16,
    pub smtps: u16,
    mailboxes: Mutex<()>,
    _script: Child,
}

impl Exim {
    /// The one for all tests of this process.
    pub fn shared() -> &'static Exim {
        static SHARED: OnceLock<Exim> = OnceLock::new();
        SHARED.get_or_init(|| {
            let dir = scratch("exim");
            let directories = [&dir, &Dovecot::shared().dir].map(|dir| dir.to_str().unwrap());
            let (script, ports) = start("exim.sh", &directories);
            Exim { dir, smtp: ports[0], smtps: ports[1], mailboxes: Mutex::new(()), _script: script }
        })
    }

    /// Mail to `address` (or `*@domain`) goes to the user's INBOX from now on.
    pub fn route(&self, address: &str, user: &str) {
        let _one_at_a_time = self.mailboxes.lock().unwrap();
        let mut file = std::fs::OpenOptions::new().append(true).open(self.dir.join("mailboxes")).unwrap();
        file.write_all(format!("{address} {user}\n").as_bytes()).unwrap();
    }

    /// Sends one message as a stranger would; an empty `from` is the null sender. Two messages sent
    /// one after the other may arrive in either order unless [`Exim::idle`] is between them.
    #[track_caller]
    pub fn submit(&self, from: &str, to: &[&str], message: &[u8]) {
        submit(self.smtp, from, to, message).unwrap();
    }

    /// Waits till everything is delivered, bounces too. Other tests' mail counts.
    #[track_caller]
    pub fn idle(&self) {
        let queue = self.dir.join("spool/input");
        wait_until(Duration::from_secs(30), || {
            std::fs::read_dir(&queue).map_or(true, |mut files| files.next().is_none())
        });
    }

    /// The main log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log/mainlog")).unwrap()
    }
}

/// Starts a server script; its standard input stays open as long as this process lives.
fn start(script: &str, arguments: &[&str]) -> (Child, Vec<u16>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(script);
    let mut child = Command::new("bash")
        .arg(path)
        .arg("--rm")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.starts_with("ready ") {
        let mut trouble = String::new();
        child.stderr.take().unwrap().read_to_string(&mut trouble).unwrap();
        panic!("{script} did not start: {trouble}");
    }
    let ports = line.split_whitespace().filter_map(|word| word.split_once('=')?.1.parse().ok()).collect();
    (child, ports)
}
