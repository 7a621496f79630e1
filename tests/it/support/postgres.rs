//! A PostgreSQL of a test's own, which it restarts, and a proxy before the socket of one, which ends a connection at a step.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{scratch, wait_until};

/// The socket in the directory that a URL names.
const SOCKET: &str = ".s.PGSQL.5432";

/// What `tests/servers/postgres.sh` serves.
pub struct Postgres {
    dir: PathBuf,
    /// The URL without a database.
    pub server: String,
    script: Child,
}

impl Postgres {
    pub fn own() -> Postgres {
        let dir = scratch("pg");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/postgres.sh");
        let mut command = Command::new("bash");
        command.arg(path).args(["--rm", "start"]).arg(&dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = line.trim_end().strip_prefix("ready server=").expect("PostgreSQL did not start").to_owned();
        Postgres { dir, server, script }
    }

    /// Stops the server, which ends all its connections, and starts it again; what it does then.
    pub fn restart(&self) -> impl Fn() + Send + Sync + 'static {
        let (said, script) = (self.dir.join("restarted"), rustix::process::Pid::from_child(&self.script));
        move || {
            std::fs::remove_file(&said).ok();
            rustix::process::kill_process(script, rustix::process::Signal::USR1).unwrap();
            wait_until(Duration::from_secs(60), || said.exists());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}

/// What is done when the client has sent this for the `nth` time.
#[derive(Clone)]
pub struct Harm {
    pub nth: usize,
    /// Whether the server gets it, and the client no answer; else the server does not get it.
    pub is_served: bool,
    /// What is done then; the connection ends after it in any case.
    pub deed: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    harm: Option<Harm>,
    steps: usize,
}

/// Stands before the socket of a server, counts what clients send, and once does harm.
pub struct Cutter {
    dir: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Cutter {
    pub fn new(server: &str) -> Cutter {
        let dir = scratch("cut");
        std::fs::create_dir(&dir).unwrap();
        let (listener, upstream) = (UnixListener::bind(dir.join(SOCKET)).unwrap(), directory(server).join(SOCKET));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // A server that is being restarted takes nobody: the client sees the end at once.
                if let (Ok(client), Ok(server)) = (client, UnixStream::connect(&upstream)) {
                    serve(client, server, &shared);
                }
            }
        });
        Cutter { dir, state }
    }

    /// The directory of its socket.
    pub fn host(&self) -> &Path {
        &self.dir
    }

    /// Forgets what was counted, and does other harm.
    pub fn set_harm(&self, harm: Option<Harm>) {
        *self.state.lock().unwrap() = State { harm, steps: 0 };
    }

    /// How often clients have sent something.
    pub fn steps(&self) -> usize {
        self.state.lock().unwrap().steps
    }

    /// Whether the harm is done, or not asked for.
    pub fn is_done(&self) -> bool {
        self.state.lock().unwrap().harm.is_none()
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// The directory of the socket in a URL.
fn directory(server: &str) -> PathBuf {
    let (_, rest) = server.split_once("host=").unwrap();
    PathBuf::from(rest.split('&').next().unwrap())
}

fn serve(client: UnixStream, server: UnixStream, state: &Arc<Mutex<State>>) {
    // From the harm on, what the server says goes nowhere; it is waited for until it has said something.
    let (is_mute, said) = (Arc::new(AtomicBool::new(false)), Arc::new((Mutex::new(false), Condvar::new())));
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (mute, heard) = (Arc::clone(&is_mute), Arc::clone(&said));
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if mute.load(Ordering::SeqCst) {
                *heard.0.lock().unwrap() = true;
                heard.1.notify_all();
            } else if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
        *heard.0.lock().unwrap() = true;
        heard.1.notify_all();
    });
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let (mut from, mut to) = (client, server);
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let harm = {
                let mut state = state.lock().unwrap();
                state.steps += 1;
                let steps = state.steps;
                state.harm.take_if(|harm| harm.nth == steps)
            };
            if let Some(harm) = harm {
                if harm.is_served {
                    is_mute.store(true, Ordering::SeqCst);
                    to.write_all(&bytes[..count]).ok();
                    let silent = said.0.lock().unwrap();
                    drop(said.1.wait_timeout_while(silent, Duration::from_secs(5), |said| !*said).unwrap());
                }
                (harm.deed)();
                break;
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}
