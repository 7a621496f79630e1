//! An IMAP server whose folder, and whose lies about it, a test changes between two runs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::rogue::{is_in, letter};

/// What there is, and what is said of it.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Messages by UID; the second number is the day of November 2026 on which they came.
    pub mails: BTreeMap<usize, (String, u32)>,
    /// EXISTS instead of the truth.
    pub exists: Option<usize>,
    /// UIDNEXT instead of the truth; empty = not told.
    pub uidnext: Option<&'static str>,
    /// How it lists.
    pub list: Lie,
    /// How it searches.
    pub search: Lie,
    /// At which message it breaks, and how.
    pub breaks: Option<(usize, Break)>,
    /// How it refuses every login; `None` = it takes any.
    pub refuses: Option<&'static str>,
    /// How it refuses to open the folder.
    pub shut: Option<&'static str>,
    /// A session ends as its access token does, after this number of bodies.
    pub token_lasts: Option<usize>,
}

/// A list that is not the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lie {
    #[default]
    None,
    /// OK, and nothing.
    Nothing,
    /// Without this one.
    Lacks(usize),
    /// `n:*` where nothing is above n names nothing, instead of the last message.
    StrictStar,
    /// All of them twice.
    Twice,
    /// The last first.
    Descending,
    /// This one has UID 0.
    Nameless(usize),
    /// NO.
    Refuses,
}

/// How it breaks at a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The connection ends before the answer begins …
    CloseBefore,
    /// … in the middle of the text …
    CloseWithin,
    /// … or before the UID has been named.
    CloseUnnamed,
    /// Fewer bytes than announced.
    Short,
    /// More bytes than announced.
    Long,
    /// Announces more than anybody may send.
    Oversized,
    /// Something that is not IMAP.
    Garbage,
    /// Nothing more comes.
    Silence,
    /// NO to every FETCH that names it.
    Refuses,
    /// OK without it.
    PassesOver,
}

pub struct Scripted {
    pub port: u16,
    folder: Arc<Mutex<Folder>>,
    connections: Arc<AtomicUsize>,
    logins: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// A server with these messages, which runs till the end of the process.
    pub fn new(uids: impl IntoIterator<Item = usize>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (folder, connections) = (Arc::new(Mutex::new(Folder::default())), Arc::new(AtomicUsize::new(0)));
        let (shared, counter) = (Arc::clone(&folder), Arc::clone(&connections));
        let logins = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&logins);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let (folder, logins) = (Arc::clone(&shared), Arc::clone(&seen));
                let session = Session { stream: BufReader::new(client.unwrap()), folder, logins };
                std::thread::spawn(move || session.serve());
            }
        });
        let server = Scripted { port, folder, connections, logins };
        server.add(uids);
        server
    }

    /// The folder, to be changed.
    pub fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap()
    }

    /// Further messages, on the day after those that are there.
    pub fn add(&self, uids: impl IntoIterator<Item = usize>) {
        let mut folder = self.folder();
        let day = folder.mails.values().map(|(_, day)| *day).max().unwrap_or_default() + 1;
        folder.mails.extend(uids.into_iter().map(|uid| (uid, (letter(uid), day))));
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The first answers of every AUTHENTICATE, decoded.
    pub fn logins(&self) -> Vec<String> {
        self.logins.lock().unwrap().clone()
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    folder: Arc<Mutex<Folder>>,
    logins: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Ends quietly when either side hangs up.
    fn serve(mut self) -> Option<()> {
        self.stream.get_ref().set_nodelay(true).ok()?;
        self.say("* OK [CAPABILITY IMAP4rev1 UIDPLUS] hello\r\n")?;
        let mut bodies = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let (tag, command) = line.trim_end().split_once(' ')?;
            let folder = self.folder.lock().unwrap().clone();
            if command.starts_with("AUTHENTICATE") {
                let said = self.authenticate(folder.refuses)?;
                self.say(&format!("{tag} {said}\r\n"))?;
                continue;
            }
            if let Some(shut) = folder.shut.filter(|_| command.starts_with("SELECT") || command.starts_with("EXAMINE"))
            {
                self.say(&format!("{tag} {shut}\r\n"))?;
                continue;
            }
            if command.contains("BODY.PEEK[]") {
                let named = folder.named(command.split(' ').nth(2).unwrap_or_default(), true);
                let left = folder.token_lasts.map(|lasts| lasts.saturating_sub(bodies));
                bodies += named.len();
                if let Some(left) = left.filter(|left| *left < named.len()) {
                    if let Answer::Ok(data) = folder.bodies(&named[..left]) {
                        self.say(&data)?;
                    }
                    return self.say("* BYE Session invalidated - AccessTokenExpired\r\n");
                }
            }
            match folder.answer(command) {
                Answer::Ok(data) => self.say(&format!("{data}{tag} OK done\r\n"))?,
                Answer::No => self.say(&format!("{tag} NO I will not\r\n"))?,
                Answer::End(data) => {
                    self.say(&data)?;
                    return None;
                }
                Answer::Hang(data) => {
                    self.say(&data)?;
                    self.stream.read_line(&mut String::new()).ok()?;
                }
            }
        }
    }

    /// Takes a login by SASL; a refusal is explained by a challenge first.
    fn authenticate(&mut self, refuses: Option<&'static str>) -> Option<&'static str> {
        self.say("+ \r\n")?;
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        let first = openssl::base64::decode_block(line.trim()).ok()?;
        self.logins.lock().unwrap().push(String::from_utf8(first).ok()?);
        let Some(refusal) = refuses else { return Some("OK welcome") };
        let challenge = openssl::base64::encode_block(br#"{"status":"400","schemes":"Bearer"}"#);
        self.say(&format!("+ {challenge}\r\n"))?;
        self.stream.read_line(&mut line).ok()?;
        Some(refusal)
    }

    fn say(&mut self, text: &str) -> Option<()> {
        self.stream.get_mut().write_all(text.as_bytes()).ok()
    }
}

enum Answer {
    Ok(String),
    No,
    /// This, and then the end of the connection.
    End(String),
    /// This, and then nothing.
    Hang(String),
}

impl Folder {
    fn answer(&self, command: &str) -> Answer {
        let set = command.split(' ').nth(2).unwrap_or_default();
        match command.split(' ').next().unwrap_or_default() {
            "SELECT" | "EXAMINE" => Answer::Ok(self.opened()),
            "CAPABILITY" => Answer::Ok("* CAPABILITY IMAP4rev1 UIDPLUS\r\n".into()),
            "UID" if command.starts_with("UID SEARCH") && self.search == Lie::Refuses => Answer::No,
            "UID" if command.starts_with("UID SEARCH") => {
                let found = self.lied(self.search, self.mails.keys().copied().collect());
                let found = found.iter().map(|uid| format!(" {uid}")).collect::<String>();
                Answer::Ok(format!("* SEARCH{found}\r\n"))
            }
            "UID" if command.contains("BODY.PEEK[]") => self.bodies(&self.named(set, true)),
            "UID" if command.contains("RFC822.SIZE") && self.list == Lie::Refuses => Answer::No,
            "UID" if command.contains("RFC822.SIZE") => Answer::Ok(self.rows(set)),
            _ => Answer::Ok(String::new()),
        }
    }

    fn opened(&self) -> String {
        let exists = self.exists.unwrap_or(self.mails.len());
        let next = (self.mails.keys().last().unwrap_or(&0) + 1).to_string();
        let next = match self.uidnext.unwrap_or(&next) {
            "" => String::new(),
            next => format!("* OK [UIDNEXT {next}] x\r\n"),
        };
        format!("* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{next}")
    }

    fn rows(&self, set: &str) -> String {
        let row = |uid: usize| {
            let (text, day) = &self.mails[&uid];
            let shown = if self.list == Lie::Nameless(uid) { 0 } else { uid };
            let size = text.len();
            format!(
                "* {uid} FETCH (UID {shown} FLAGS () INTERNALDATE \"{day:02}-Nov-2026 10:00:00 +0000\" RFC822.SIZE {size})\r\n"
            )
        };
        self.lied(self.list, self.named(set, self.list == Lie::StrictStar)).into_iter().map(row).collect()
    }

    /// The UIDs of a set that are there.
    fn named(&self, set: &str, strict: bool) -> Vec<usize> {
        let mut named: Vec<usize> = self.mails.keys().copied().filter(|uid| is_in(set, *uid)).collect();
        if named.is_empty() && set.ends_with('*') && !strict {
            named.extend(self.mails.keys().last());
        }
        named
    }

    fn lied(&self, lie: Lie, mut uids: Vec<usize>) -> Vec<usize> {
        match lie {
            Lie::Nothing => uids.clear(),
            Lie::Lacks(lacking) => uids.retain(|uid| *uid != lacking),
            Lie::Twice => uids = uids.repeat(2),
            Lie::Descending => uids.reverse(),
            Lie::None | Lie::StrictStar | Lie::Nameless(_) | Lie::Refuses => {}
        }
        uids
    }

    fn bodies(&self, uids: &[usize]) -> Answer {
        let mut out = String::new();
        for uid in uids {
            let text = &self.mails[uid].0;
            let announced = |size: usize| format!("* {uid} FETCH (UID {uid} BODY[] {{{size}}}\r\n");
            let size = text.len();
            match self.breaks.filter(|(at, _)| at == uid).map(|(_, how)| how) {
                None => out += &format!("{}{text})\r\n", announced(size)),
                Some(Break::CloseBefore) => return Answer::End(out),
                Some(Break::CloseWithin) => return Answer::End(out + &announced(size) + &text[..9]),
                Some(Break::CloseUnnamed) => {
                    return Answer::End(out + &format!("* {uid} FETCH (BODY[] {{{size}}}\r\nFrom"));
                }
                Some(Break::Short) => out += &format!("{}{})\r\n", announced(size), &text[..size - 9]),
                Some(Break::Long) => out += &format!("{}{text})\r\n", announced(size - 9)),
                Some(Break::Oversized) => return Answer::Hang(out + &announced(99_999_999)),
                Some(Break::Garbage) => return Answer::Hang(out + "%$&!\r\n"),
                Some(Break::Silence) => return Answer::Hang(out),
                Some(Break::Refuses) => return Answer::No,
                Some(Break::PassesOver) => {}
            }
        }
        Answer::Ok(out)
    }
}

impl Scripted {
    /// A group account on this server, which takes everything since 2020.
    #[track_caller]
    pub fn account(&self, sandbox: &super::Sandbox, name: &str) {
        let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
        let (server, address) = (format!("127.0.0.1:{}", self.port), format!("{name}@desk.example"));
        let place = ["account", "add", name, "--address", &address, "--imap", &server, "--tls", "none"];
        sandbox.run(&[&place[..], &["--login", "r", "--secret", &secret, "--since", "2020-01-01"]].concat()).ok();
    }
}

/// The UIDs in the ledger of an account, with these outcomes.
pub fn ledger(sandbox: &super::Sandbox, account: &str, outcomes: &str) -> Vec<usize> {
    let sql = format!(
        "SELECT CAST(d.uid AS TEXT) FROM deliveries d JOIN accounts a ON a.id = d.account_id
            WHERE a.name = '{account}' AND d.uidvalidity IS NOT NULL AND d.outcome IN ({outcomes}) ORDER BY d.uid"
    );
    sandbox.query(&sql).iter().map(|uid| uid.parse().unwrap()).collect()
}
