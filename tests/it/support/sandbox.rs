//! A home of its own for the program: nothing of the machine's configuration, users or other tests
//! is seen in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::database::{Kept, is_on_server};
use super::{Dovecot, Exim, Mailbox, program, schema, scratch};

/// Runs a program on a terminal: columns, steps, program, arguments.
pub const TERMINAL: &str = include_str!("terminal.py");

/// How long one call of the program may take; where its database is on a server, which works for other tests too, thrice.
const LIMIT: Duration = Duration::from_secs(60);

/// A directory with home, configuration and database; removed at the end unless the test fails. Below
/// `tests/with-postgres.sh` the database is a schema of the server, and the directory has the state directory instead.
pub struct Sandbox {
    dir: PathBuf,
    kept: Kept,
    env: RefCell<BTreeMap<String, String>>,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        Sandbox::with(Kept::new())
    }

    /// With the database on this server, see [`super::Postgres`].
    #[cfg(feature = "postgres")]
    pub fn on(server: &str) -> Sandbox {
        Sandbox::with(Kept::on(server))
    }

    pub(super) fn with(kept: Kept) -> Sandbox {
        let dir = scratch("sandbox");
        std::fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        let sandbox = Sandbox { dir, kept, env: RefCell::new(BTreeMap::new()) };
        if sandbox.kept.is_on_server() {
            std::fs::DirBuilder::new().mode(0o700).create(sandbox.path("state")).unwrap();
        }
        std::fs::create_dir(sandbox.path("home")).unwrap();
        std::fs::write(sandbox.path("config.toml"), "").unwrap();
        let home = sandbox.path("home").display().to_string();
        for (name, value) in
            [("HOME", home.as_str()), ("PATH", "/usr/bin:/bin"), ("TZ", "UTC"), ("COLUMNS", "100"), ("LANG", "C.UTF-8")]
        {
            sandbox.env(name, value);
        }
        sandbox
    }

    /// A file or directory in here.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Sets a variable of the environment for all calls from now on.
    pub fn env(&self, name: &str, value: &str) {
        self.env.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub fn has_env(&self, name: &str) -> bool {
        self.env.borrow().contains_key(name)
    }

    /// Takes a variable out of the environment again.
    pub fn unset(&self, name: &str) {
        self.env.borrow_mut().remove(name);
    }

    /// Adds to the configuration file.
    pub fn config(&self, text: &str) {
        let file = self.path("config.toml");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, before + text).unwrap();
    }

    /// Writes a file only its owner may read, as secrets must be.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(bytes).unwrap();
        path
    }

    /// Runs the program with these arguments and an empty standard input.
    pub fn run(&self, args: &[&str]) -> Run {
        self.call(args).run()
    }

    /// A call to be changed before it is run or spawned.
    pub fn call(&self, args: &[&str]) -> Call<'_> {
        Call {
            sandbox: self,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            stdin: None,
            terminal: None,
            columns: 100,
            child: Child::default(),
        }
    }

    /// The program with these arguments, to be started by hand: its output can be read while it runs.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(self.place()).arg("--config").arg(self.path("config.toml")).args(args);
        command.current_dir(&self.dir).env_clear().envs(&*self.env.borrow());
        command
    }

    /// What `--format json` says.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let run = self.run(&[&["--format", "json"], args].concat()).ok();
        let document = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {run:#?}"));
        as_in_schema(&document, args);
        document
    }

    /// The items of a list as `--format json` says them; none when there is no output.
    #[track_caller]
    pub fn items(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let run = self.run(&[&["--format", "json"], args].concat()).ok();
        if run.stdout.is_empty() {
            return Vec::new();
        }
        let value: serde_json::Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
        as_in_schema(&value, args);
        value["items"].as_array().unwrap_or_else(|| panic!("no items: {run:#?}")).clone()
    }

    /// A usual office: agents ana, budi and citra in team Support, template Thanks, and the group
    /// account `support` on `mailbox`, which makes cases from all mail there. `extra` goes to
    /// `account add`, and wins over the defaults given there only where a flag may be repeated.
    #[track_caller]
    pub fn support_account(&self, mailbox: &Mailbox, extra: &[&str]) {
        self.begin_with("support", &|first| {
            first.run(&["init"]).ok();
            first.run(&["team", "add", "Support"]).ok();
            for user in ["ana", "budi", "citra"] {
                first.run(&["user", "add", user, "--email", &format!("{user}@staff.example")]).ok();
                first.run(&["team", "member", "add", "Support", user]).ok();
            }
            let body = b"Hello {{ sender.name }},\n\nwe look into it: case {{ case.number }}.\n";
            let template = ["template", "add", "Thanks", "--subject", "We have your message", "--body", "-"];
            first.call(&template).stdin(body).run().ok();
        });
        self.group_account(
            "support",
            mailbox,
            &[&["--team", "Support", "--case-team", "Support", "--create-case"], extra].concat(),
        );
    }

    /// A group account on the private servers, in clear text, importing everything that lies there.
    #[track_caller]
    pub fn group_account(&self, name: &str, mailbox: &Mailbox, extra: &[&str]) {
        self.account(name, mailbox, &[&["--kind", "group"], extra].concat());
    }

    /// The same for the mailbox of one user.
    #[track_caller]
    pub fn personal_account(&self, name: &str, user: &str, mailbox: &Mailbox, extra: &[&str]) {
        self.account(name, mailbox, &[&["--kind", "personal", "--user", user], extra].concat());
    }

    #[track_caller]
    fn account(&self, name: &str, mailbox: &Mailbox, extra: &[&str]) {
        let secret = format!("file:{}", self.file("password", b"pw\n").display());
        let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
        let smtp = format!("127.0.0.1:{}", Exim::shared().smtp);
        let mut args = vec!["account", "add", name, "--address", &mailbox.address];
        args.extend(["--login", &mailbox.user, "--secret", &secret, "--since", "2020-01-01"]);
        for (flag, default) in [("--imap", imap.as_str()), ("--smtp", &smtp), ("--tls", "none")] {
            if !extra.contains(&flag) {
                args.extend([flag, default]);
            }
        }
        args.extend(extra);
        self.run(&args).ok();
    }
}

/// Every document that a test reads is as `schema` says.
#[track_caller]
fn as_in_schema(document: &serde_json::Value, args: &[&str]) {
    let faults = schema::faults(document, !args.contains(&"--fields"));
    assert!(faults.is_empty(), "{args:?} differs from `espomail schema`: {faults:#?}");
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept: {}{}", self.dir.display(), self.kept.elsewhere());
        } else {
            self.kept.drop_it();
            std::fs::remove_dir_all(&self.dir).ok();
        }
    }
}

/// One call of the program.
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    args: Vec<String>,
    stdin: Option<Vec<u8>>,
    /// Pairs of what is waited for on the terminal, and what is typed then.
    terminal: Option<Vec<(String, String)>>,
    columns: usize,
    child: Child,
}

impl Call<'_> {
    /// On a terminal of its own, where somebody types `answer` if they are asked; all output is standard output then.
    pub fn on_terminal(mut self, answer: &str) -> Self {
        self.terminal = Some(vec![("[y/N] ".to_owned(), format!("{answer}\n"))]);
        self
    }

    /// On a terminal of its own of this width; pairs of what is waited for and what is typed then.
    pub fn at_terminal(mut self, columns: usize, steps: &[(&str, &str)]) -> Self {
        let steps = steps.iter().map(|&(seen, typed)| (seen.to_owned(), typed.to_owned()));
        (self.terminal, self.columns) = (Some(steps.collect()), columns);
        self
    }

    /// On a terminal of this width, where nobody types.
    pub fn columns(self, columns: usize) -> Self {
        self.at_terminal(columns, &[])
    }

    pub fn stdin(mut self, bytes: &[u8]) -> Self {
        self.stdin = Some(bytes.to_vec());
        self
    }

    /// Makes the process known to `child`, for a [`super::Rule`] that kills it.
    pub fn known_to(mut self, child: &Child) -> Self {
        self.child = child.clone();
        self
    }

    #[track_caller]
    pub fn run(self) -> Run {
        self.spawn().wait()
    }

    #[track_caller]
    pub fn spawn(self) -> Running {
        let program = program();
        let mut command = match &self.terminal {
            Some(steps) => {
                let mut command = Command::new("python3");
                let (columns, steps) = (self.columns.to_string(), serde_json::json!(steps).to_string());
                command.args(["-I", "-S", "-c", TERMINAL, &columns, &steps]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(self.sandbox.place()).arg("--config").arg(self.sandbox.path("config.toml"));
        if self.terminal.is_none() {
            command.arg("--no-input");
        }
        command.args(&self.args).current_dir(&self.sandbox.dir).env_clear().envs(&*self.sandbox.env.borrow());
        self.child.spawn(command, self.stdin, self.args.join(" "))
    }
}

/// A process that may be killed by the holder of this, never by a number that is no longer its own.
#[derive(Clone, Default)]
pub struct Child(Arc<Mutex<Option<std::process::Child>>>);

impl Child {
    /// Starts any program under the same limit.
    pub fn spawn(&self, mut command: Command, stdin: Option<Vec<u8>>, what: String) -> Running {
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let (Some(mut pipe), Some(bytes)) = (process.stdin.take(), stdin) {
            // A program that does not read all of it is not an error.
            std::thread::spawn(move || pipe.write_all(&bytes).ok());
        }
        let stdout = collect(process.stdout.take().unwrap());
        let stderr = collect(process.stderr.take().unwrap());
        *self.0.lock().unwrap() = Some(process);
        Running { child: self.clone(), what, stdout: Some(stdout), stderr: Some(stderr) }
    }

    /// SIGKILL, at once; waits a little for a process that is only just being started.
    pub fn kill(&self) {
        for _ in 0..500 {
            if let Some(process) = &mut *self.0.lock().unwrap() {
                process.kill().ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing was started that could be killed");
    }

    /// Sends a signal, unless the process has ended.
    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(process) = &mut *self.0.lock().unwrap()
            && process.try_wait().unwrap().is_none()
        {
            // It is not waited for yet, so the number is still its own.
            rustix::process::kill_process(rustix::process::Pid::from_child(process), signal).ok();
        }
    }

    fn id(&self) -> u32 {
        self.0.lock().unwrap().as_ref().expect("a started process").id()
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.0.lock().unwrap().as_mut().expect("a started process").try_wait().unwrap()
    }

    fn end(&self) -> ExitStatus {
        let mut process = self.0.lock().unwrap();
        let process = process.as_mut().expect("a started process");
        process.kill().unwrap();
        process.wait().unwrap()
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A started program; killed if it is dropped.
pub struct Running {
    child: Child,
    what: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.child.kill();
    }

    /// Waits for its end; kills it and panics after the limit of a call.
    #[track_caller]
    pub fn wait(self) -> Run {
        self.watch(if is_on_server() { 3 * LIMIT } else { LIMIT }, &mut |_| {})
    }

    /// The same with another limit; `look` sees the process id again and again until the end.
    #[track_caller]
    pub fn watch(mut self, limit: Duration, look: &mut dyn FnMut(u32)) -> Run {
        let end = Instant::now() + limit;
        let mut ended = self.child.ended();
        while ended.is_none() && Instant::now() < end {
            look(self.child.id());
            std::thread::sleep(Duration::from_millis(3));
            ended = self.child.ended();
        }
        let status = ended.unwrap_or_else(|| self.child.end());
        let run = Run {
            what: std::mem::take(&mut self.what),
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: self.stdout.take().unwrap().join().unwrap(),
            stderr: self.stderr.take().unwrap().join().unwrap(),
        };
        assert!(ended.is_some(), "still running after {limit:?}: {run:#?}");
        run
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.end();
    }
}

/// How a call ended; `code` is 128 + signal when it was killed.
#[derive(Debug, Clone)]
pub struct Run {
    pub what: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Panics, showing everything, unless the exit code is 0.
    #[track_caller]
    pub fn ok(self) -> Run {
        self.exits(0)
    }

    /// Panics, showing everything, unless the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Panics, showing everything, unless one of its outputs holds `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Run {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "not said: {text}: {self:#?}");
        self
    }

    /// Panics unless nothing at all was said.
    #[track_caller]
    pub fn silent(self) -> Run {
        assert!(self.stdout.is_empty() && self.stderr.is_empty(), "{self:#?}");
        self
    }
}
