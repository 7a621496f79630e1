//! Access tokens on the wire: how people sign in, how tokens are renewed, and what is said where that fails.

mod dovecot;
mod files;
mod refusals;
mod renewals;
mod secrecy;
mod sign_in;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use crate::support::{Issuer, Sandbox, Scripted};

/// An account of a profile of the issuer, on a scripted server.
pub(super) struct Rig {
    pub sandbox: Sandbox,
    pub issuer: Issuer,
    pub server: Scripted,
}

impl Rig {
    /// Account support, which nobody has signed in for.
    pub fn new(provider: &str, flow: &str, more: &str) -> Rig {
        let rig = Rig { sandbox: Sandbox::new(), issuer: Issuer::new(), server: Scripted::new(1..=2) };
        rig.sandbox.init();
        rig.issuer.profile(&rig.sandbox, "work", provider, flow, more);
        rig.add("support");
        rig
    }

    /// With flow app at Microsoft: nobody has to sign in.
    pub fn app() -> Rig {
        Rig::new("m365", "app", "tenant = \"example.org\"\nclient_secret = \"env:CLIENT\"").with_secret()
    }

    /// With flow code at Microsoft, where the mailbox itself has signed in.
    pub fn signed_in() -> Rig {
        let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
        rig.issuer.state().user = "support@desk.example".into();
        rig.sign_in(&[]).exits(0);
        rig
    }

    fn with_secret(self) -> Rig {
        self.sandbox.env("CLIENT", "client-secret-1");
        self
    }

    pub fn add(&self, name: &str) {
        let (imap, address) = (format!("127.0.0.1:{}", self.server.port), format!("{name}@desk.example"));
        let args = ["account", "add", name, "--address", &address, "--imap", &imap, "--tls", "none"];
        self.sandbox.run(&[&args[..], &["--oauth", "work", "--since", "2020-01-01"]].concat()).ok();
    }

    /// Signs in for account support in a browser on this machine.
    pub fn sign_in(&self, more: &[&str]) -> Ended {
        let mut signing = Signing::begin(self, more);
        let redirect = self.issuer.agree(&signing.line());
        assert!(Issuer::follow(&redirect).contains("The answer has arrived"));
        signing.end()
    }

    /// The token file of account support.
    pub fn tokens(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.sandbox.secrets("1.oauth")).unwrap()).unwrap()
    }

    /// Changes the token file as time or another hand would.
    pub fn change_tokens(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let mut tokens = self.tokens();
        change(&mut tokens);
        self.sandbox.file(self.sandbox.secrets("1.oauth").to_str().unwrap(), tokens.to_string().as_bytes());
    }

    /// The access token has ended.
    pub fn expire(&self) {
        let now = jiff::Timestamp::now().as_second();
        self.change_tokens(|tokens| {
            (tokens["renewed_at"], tokens["expires_at"]) = ((now - 4_000).into(), (now - 400).into());
        });
    }
}

/// `account auth` while it waits for somebody.
pub(super) struct Signing {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

pub(super) struct Ended {
    pub code: i32,
    pub said: String,
}

impl Ended {
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "{}", self.said);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Ended {
        assert!(self.said.contains(text), "not said: {text}: {}", self.said);
        self
    }
}

impl Signing {
    pub fn begin(rig: &Rig, more: &[&str]) -> Signing {
        let mut command = rig.sandbox.command(&[&["account", "auth", "support"], more].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Signing { child, stdout }
    }

    /// The next line of standard output: the address, then perhaps a code.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut said = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("nothing is printed: {said}");
        }
        line.trim().to_owned()
    }

    /// Types a line.
    pub fn paste(&mut self, line: &str) {
        use std::io::Write;
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn end(mut self) -> Ended {
        let (mut said, mut more) = (String::new(), String::new());
        self.stdout.read_to_string(&mut said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut more).unwrap();
        let status = self.child.wait().unwrap();
        Ended { code: status.code().unwrap_or(-1), said: said + &more }
    }
}

impl Drop for Signing {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
