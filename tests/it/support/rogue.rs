//! An IMAP server with five mails that keeps to the protocol, except in one place.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where it misbehaves: what the client has just said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Greeting,
    Login,
    Id,
    Select,
    Search,
    List,
    Body,
    Store,
    /// The server offers QUOTA for this alone.
    Quota,
}

/// What it does there. `{tag}` in a text is the tag of the command.
#[derive(Debug, Clone, Copy)]
pub enum Quirk {
    /// This instead of the right answer.
    Say(&'static str),
    /// This, and then the right answer.
    First(&'static str),
    /// The right answer with one text replaced by another.
    Swap(&'static str, &'static str),
    /// This number of bytes of the right answer, then the end of the connection.
    Cut(usize),
    /// Nothing at all.
    Silence,
    /// This again and again, until the client has enough (or 256 MiB are sent).
    Flood(&'static str),
    /// One byte of this every 50 ms, again and again, until the client has enough (or a minute is over).
    Drip(&'static str),
}

/// The server runs till the end of the process.
pub struct RogueImap {
    pub port: u16,
    quirk: Arc<Mutex<Option<(At, Quirk)>>>,
    connections: Arc<AtomicUsize>,
}

impl RogueImap {
    pub fn new(at: At, quirk: Quirk) -> RogueImap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let quirk = Arc::new(Mutex::new(Some((at, quirk))));
        let connections = Arc::new(AtomicUsize::new(0));
        let (shared, counter) = (Arc::clone(&quirk), Arc::clone(&connections));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let session = Session { stream: BufReader::new(client.unwrap()), quirk: Arc::clone(&shared) };
                std::thread::spawn(move || session.serve());
            }
        });
        RogueImap { port, quirk, connections }
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// `init`, and an account on this server with the name `rogue`.
    #[track_caller]
    pub fn account(&self, sandbox: &super::Sandbox) {
        sandbox.init();
        let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
        let server = format!("127.0.0.1:{}", self.port);
        let account =
            ["account", "add", "rogue", "--address", "rogue@desk.example", "--imap", &server, "--tls", "none"];
        sandbox.run(&[&account[..], &["--login", "r", "--secret", &secret, "--since", "2020-01-01"]].concat()).ok();
    }

    /// From now on it keeps to the protocol.
    pub fn behave(&self) {
        *self.quirk.lock().unwrap() = None;
    }
}

/// The mails, by UID from 1.
pub fn letter(uid: usize) -> String {
    format!(
        "From: c{uid}@customer.example\r\nMessage-ID: <m{uid}@customer.example>\r\nSubject: Mail {uid}\r\n\r\nText {uid}\r\n"
    )
}

struct Session {
    stream: BufReader<TcpStream>,
    quirk: Arc<Mutex<Option<(At, Quirk)>>>,
}

impl Session {
    /// Ends quietly when either side hangs up.
    fn serve(mut self) -> Option<()> {
        self.stream.get_ref().set_nodelay(true).ok()?;
        let is_at = |place: At| self.quirk.lock().unwrap().is_some_and(|(at, _)| at == place);
        let more = if is_at(At::Quota) { " QUOTA" } else { "" };
        let capabilities = format!("IMAP4rev1 UIDPLUS ID{more}");
        self.answer(Some(At::Greeting), "*", format!("* OK [CAPABILITY {capabilities}] hello\r\n"))?;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let (tag, command) = line.trim_end().split_once(' ')?;
            let (at, mut data) = right(command, &capabilities);
            let searches = self.quirk.lock().unwrap().is_some_and(|(place, _)| place == At::Search);
            if at == Some(At::List) && searches {
                // A list that does not fit is what the client searches for.
                data = data.split_inclusive('\n').filter(|line| !line.contains("UID 3 ")).collect();
            }
            let answer = format!("{data}{tag} OK done\r\n");
            self.answer(at, tag, answer)?;
            if command == "LOGOUT" {
                return None;
            }
        }
    }

    fn answer(&mut self, at: Option<At>, tag: &str, right: String) -> Option<()> {
        let quirk = self.quirk.lock().unwrap().filter(|(place, _)| Some(*place) == at).map(|(_, quirk)| quirk);
        let out = self.stream.get_mut();
        let tagged = |text: &str| text.replace("{tag}", tag);
        match quirk {
            None => out.write_all(right.as_bytes()).ok(),
            Some(Quirk::Say(text)) => out.write_all(tagged(text).as_bytes()).ok(),
            Some(Quirk::First(text)) => out.write_all((tagged(text) + &right).as_bytes()).ok(),
            Some(Quirk::Swap(from, to)) => {
                assert!(right.contains(from), "{from:?} is not in {right:?}");
                out.write_all(right.replacen(from, to, 1).as_bytes()).ok()
            }
            Some(Quirk::Cut(count)) => {
                out.write_all(&right.as_bytes()[..count.min(right.len())]).ok()?;
                None
            }
            Some(Quirk::Silence) => Some(()),
            Some(Quirk::Flood(text)) => {
                let block = text.repeat((64 << 10) / text.len());
                (0..4096).try_for_each(|_| out.write_all(block.as_bytes()).ok())
            }
            Some(Quirk::Drip(text)) => text.bytes().cycle().take(1200).try_for_each(|byte| {
                std::thread::sleep(Duration::from_millis(50));
                out.write_all(&[byte]).ok()
            }),
        }
    }
}

/// The data of the right answer to a command.
fn right(command: &str, capabilities: &str) -> (Option<At>, String) {
    let uids = || 1..=5_usize;
    let asked = |uid: &usize| command.split(' ').nth(2).is_some_and(|set| is_in(set, *uid));
    match command.split(' ').next().unwrap_or_default() {
        "CAPABILITY" => (None, format!("* CAPABILITY {capabilities}\r\n")),
        "GETQUOTAROOT" => (Some(At::Quota), "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 100)\r\n".into()),
        "ID" => (Some(At::Id), "* ID NIL\r\n".into()),
        "LOGIN" => (Some(At::Login), String::new()),
        "SELECT" | "EXAMINE" => (
            Some(At::Select),
            "* FLAGS (\\Seen)\r\n* 5 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x\r\n".into(),
        ),
        "UID" if command.starts_with("UID SEARCH") => (Some(At::Search), "* SEARCH 1 2 3 4 5\r\n".into()),
        "UID" if command.contains("BODY.PEEK[]") => {
            let body = |uid: usize| {
                let text = letter(uid);
                format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{text})\r\n", text.len())
            };
            (Some(At::Body), uids().filter(asked).map(body).collect())
        }
        "UID" if command.contains("RFC822.SIZE") => {
            let row = |uid: usize| {
                let size = letter(uid).len();
                format!(
                    "* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \"01-Nov-2026 10:00:00 +0000\" RFC822.SIZE {size})\r\n"
                )
            };
            (Some(At::List), uids().filter(asked).map(row).collect())
        }
        "UID" if command.starts_with("UID STORE") => (Some(At::Store), String::new()),
        "LOGOUT" => (None, "* BYE\r\n".into()),
        _ => (None, String::new()),
    }
}

/// Whether a UID set such as `1,3:5` or `2:*` names a UID.
pub(super) fn is_in(set: &str, uid: usize) -> bool {
    set.split(',').any(|range| {
        let (low, high) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| if text == "*" { usize::MAX } else { text.parse().unwrap_or(0) };
        (number(low)..=number(high)).contains(&uid)
    })
}
