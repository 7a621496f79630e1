//! Stands before the socket of a PostgreSQL, counts what clients send, and once does harm at a chosen step.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{scratch, wait_until};

/// The socket in the directory that a URL names.
const SOCKET: &str = ".s.PGSQL.5432";

/// What a server says that cannot write its write-ahead log.
pub const FULL_LOG: &str = "could not write to file \"pg_wal/xlogtemp.1\": No space left on device";

/// How long something is waited for that comes at once, if it comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What clients send, counted from 1 over all connections since the harm was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Anything.
    Any(usize),
    /// The COMMIT of a transaction that may write.
    Commit(usize),
    /// That of a transaction in which these words were said.
    CommitOf(&'static str, usize),
}

/// What becomes of what was sent, and of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The server does not get it. The connection ends.
    Lost,
    /// The server gets it, and the client no answer. The connection ends.
    Unanswered,
    /// The server gets it or not, and the client hears that the server crashes, as the disk of its write-ahead log is full.
    /// The connection ends.
    Crashed { gets: bool },
    /// The connection of the client ends. The server gets it when [`Cutter::let_go`] says so.
    Late,
    /// The server gets it, and the connection goes on.
    Heard,
}

/// What is done at a step.
#[derive(Clone)]
pub struct Harm {
    pub step: Step,
    pub fate: Fate,
    /// What is done meanwhile: after the server was asked, before the client hears of it.
    pub deed: Arc<dyn Fn() + Send + Sync>,
}

impl Harm {
    /// What becomes of a step, and nothing else.
    pub fn new(step: Step, fate: Fate) -> Harm {
        Harm { step, fate, deed: Arc::new(|| {}) }
    }

    pub fn with(step: Step, fate: Fate, deed: impl Fn() + Send + Sync + 'static) -> Harm {
        Harm { step, fate, deed: Arc::new(deed) }
    }
}

#[derive(Default)]
struct State {
    harm: Option<Harm>,
    is_done: bool,
    is_let_go: bool,
    /// What was late has been answered.
    is_over: bool,
    steps: usize,
    commits: usize,
    /// Those in which the words of the step were said.
    commits_of: usize,
    /// How much later the server gets what is sent.
    delay: Duration,
    /// Words that the server gets other ones of the same length for.
    other_words: Vec<(&'static str, &'static str)>,
}

impl State {
    /// Counts a step; what is to be done at it.
    fn count(&mut self, is_commit: bool, has_said: bool) -> Option<Harm> {
        self.steps += 1;
        self.commits += usize::from(is_commit);
        self.commits_of += usize::from(is_commit && has_said);
        let (steps, commits, commits_of) = (self.steps, self.commits, self.commits_of);
        self.harm.take_if(|harm| match harm.step {
            Step::Any(nth) => nth == steps,
            Step::Commit(nth) => is_commit && nth == commits,
            Step::CommitOf(_, nth) => is_commit && has_said && nth == commits_of,
        })
    }

    /// Whether the words of the step are said.
    fn are_said(&self, sent: &[u8]) -> bool {
        matches!(self.harm, Some(Harm { step: Step::CommitOf(words, _), .. }) if holds(sent, words))
    }
}

/// Serves till the end of the process.
pub struct Cutter {
    dir: PathBuf,
    state: Arc<Mutex<State>>,
    /// The directory of the socket of the server.
    upstream: Arc<Mutex<PathBuf>>,
}

impl Cutter {
    pub fn new(server: &str) -> Cutter {
        let dir = scratch("cut");
        std::fs::create_dir(&dir).unwrap();
        let listener = UnixListener::bind(dir.join(SOCKET)).unwrap();
        let upstream = Arc::new(Mutex::new(directory(server)));
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, there) = (Arc::clone(&state), Arc::clone(&upstream));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // A server that is being restarted takes nobody: the client sees the end at once.
                let server = UnixStream::connect(there.lock().unwrap().join(SOCKET));
                if let (Ok(client), Ok(server)) = (client, server) {
                    serve(client, server, &shared);
                }
            }
        });
        Cutter { dir, state, upstream }
    }

    /// Those who connect from now on reach another server.
    pub fn lead_to(&self, server: &str) {
        *self.upstream.lock().unwrap() = directory(server);
    }

    /// The URL of the server, as clients of this one have it.
    pub fn server(&self) -> String {
        format!("postgresql:///?host={}&user=espomail", self.dir.display())
    }

    /// The directory of its socket.
    pub fn host(&self) -> &Path {
        &self.dir
    }

    /// Forgets what was counted, and does other harm.
    pub fn set_harm(&self, harm: Option<Harm>) {
        let mut state = self.state.lock().unwrap();
        let (other_words, delay) = (std::mem::take(&mut state.other_words), state.delay);
        *state = State { harm, other_words, delay, ..State::default() };
    }

    /// From now on the server gets everything later by this time.
    pub fn set_delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// From now on the server gets other words, which are as long.
    pub fn set_words(&self, words: &[(&'static str, &'static str)]) {
        assert!(words.iter().all(|(said, heard)| said.len() == heard.len()), "{words:?}");
        self.state.lock().unwrap().other_words = words.to_vec();
    }

    /// How often clients have sent something.
    pub fn steps(&self) -> usize {
        self.state.lock().unwrap().steps
    }

    /// How many transactions that may write came to their COMMIT.
    pub fn commits(&self) -> usize {
        self.state.lock().unwrap().commits
    }

    /// Whether the step came. Waits until all is done then.
    pub fn is_done(&self) -> bool {
        let has_begun = self.state.lock().unwrap().harm.is_none();
        if has_begun {
            wait_until(Duration::from_secs(60), || self.state.lock().unwrap().is_done);
        }
        has_begun
    }

    /// The server gets what was late, and has answered it then.
    pub fn let_go(&self) {
        self.state.lock().unwrap().is_let_go = true;
        wait_until(PATIENCE, || self.state.lock().unwrap().is_over);
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.state.lock().unwrap().is_let_go = true;
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// The directory of the socket in a URL.
fn directory(server: &str) -> PathBuf {
    let (_, rest) = server.split_once("host=").unwrap();
    PathBuf::from(rest.split('&').next().unwrap())
}

/// What was asked on a connection and answered, by the messages that end a question and an answer. Several questions travel
/// together.
struct Talk {
    is_mute: AtomicBool,
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Default)]
struct Count {
    asked: usize,
    answered: usize,
    has_ended: bool,
}

impl Talk {
    /// The server answers the first message of a connection, too.
    fn new() -> Talk {
        let count = Mutex::new(Count { asked: 1, ..Count::default() });
        Talk { is_mute: AtomicBool::default(), count, changed: Condvar::new() }
    }

    fn note(&self, change: impl FnOnce(&mut Count)) {
        change(&mut self.count.lock().unwrap());
        self.changed.notify_all();
    }

    /// Waits until the server has answered all, or has ended the connection.
    fn wait(&self) {
        let waits = |count: &mut Count| count.answered < count.asked && !count.has_ended;
        drop(self.changed.wait_timeout_while(self.count.lock().unwrap(), PATIENCE, waits).unwrap());
    }
}

/// Finds the messages of some kinds in what one side says: a letter, the length in four bytes, and the rest.
struct Messages {
    kinds: &'static [u8],
    head: Vec<u8>,
    /// What is left of the message.
    rest: usize,
}

impl Messages {
    /// The first message of a client has no letter.
    fn of_client() -> Messages {
        Messages { kinds: b"QS", head: vec![0], rest: 0 }
    }

    fn of_server() -> Messages {
        Messages { kinds: b"Z", head: Vec::new(), rest: 0 }
    }

    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut found = 0;
        while !bytes.is_empty() {
            let taken = self.rest.min(bytes.len());
            self.rest -= taken;
            bytes = &bytes[taken..];
            while self.rest == 0 && !bytes.is_empty() {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                if let &[kind, a, b, c, d] = &self.head[..] {
                    found += usize::from(self.kinds.contains(&kind));
                    self.rest = u32::from_be_bytes([a, b, c, d]) as usize - 4;
                    self.head.clear();
                }
            }
        }
        found
    }
}

fn serve(client: UnixStream, server: UnixStream, state: &Arc<Mutex<State>>) {
    let answer = Arc::new(Talk::new());
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let heard = Arc::clone(&answer);
    std::thread::spawn(move || {
        let (mut bytes, mut messages) = (vec![0; 64 * 1024], Messages::of_server());
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let answers = messages.count(&bytes[..count]);
            if !heard.is_mute.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
            heard.note(|count| count.answered += answers);
        }
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
        heard.note(|count| count.has_ended = true);
    });
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let (mut from, mut to) = (client, server);
        pass_on(&mut from, &mut to, &state, &answer);
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

/// Passes on what the client sends, until one of them or the harm ends the connection.
fn pass_on(from: &mut UnixStream, to: &mut UnixStream, state: &Mutex<State>, answer: &Talk) {
    let (mut bytes, mut messages) = (vec![0; 64 * 1024], Messages::of_client());
    let (mut may_write, mut has_said) = (false, false);
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let sent = &mut bytes[..count];
        let delay = state.lock().unwrap().delay;
        std::thread::sleep(delay);
        let asked = messages.count(sent);
        answer.note(|count| count.asked += asked);
        may_write = (may_write || holds(sent, "READ COMMITTED")) && !holds(sent, "READ ONLY");
        let is_commit = may_write && sent.ends_with(b"COMMIT\0");
        let harm = {
            let mut state = state.lock().unwrap();
            state.other_words.iter().for_each(|(said, heard)| replace(sent, said, heard));
            has_said |= state.are_said(sent);
            let harm = state.count(is_commit, has_said);
            has_said &= !holds(sent, "COMMIT\0") && !holds(sent, "ROLLBACK\0");
            harm
        };
        let Some(Harm { fate, deed, .. }) = harm else {
            if to.write_all(sent).is_err() {
                return;
            }
            continue;
        };
        match fate {
            Fate::Heard => {
                deed();
                state.lock().unwrap().is_done = true;
                // Where the deed has ended the connection, the client finds that out by itself.
                to.write_all(sent).ok();
                continue;
            }
            Fate::Unanswered => {
                answer.is_mute.store(true, Ordering::SeqCst);
                to.write_all(sent).ok();
                answer.wait();
                deed();
            }
            Fate::Crashed { gets } => {
                answer.is_mute.store(true, Ordering::SeqCst);
                if gets {
                    to.write_all(sent).ok();
                    answer.wait();
                }
                deed();
                let fields = format!("SPANIC\0VPANIC\0C53100\0M{FULL_LOG}\0\0");
                let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
                from.write_all(&[b"E".as_slice(), &length, fields.as_bytes()].concat()).ok();
            }
            Fate::Lost => deed(),
            Fate::Late => {
                answer.is_mute.store(true, Ordering::SeqCst);
                deed();
                from.shutdown(Shutdown::Both).ok();
                state.lock().unwrap().is_done = true;
                wait_until(Duration::from_secs(60), || state.lock().unwrap().is_let_go);
                to.write_all(sent).ok();
                answer.wait();
                state.lock().unwrap().is_over = true;
            }
        }
        state.lock().unwrap().is_done = true;
        return;
    }
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

fn replace(bytes: &mut [u8], said: &str, heard: &str) {
    while let Some(at) = bytes.windows(said.len()).position(|window| window == said.as_bytes()) {
        bytes[at..at + said.len()].copy_from_slice(heard.as_bytes());
    }
}
