//! The password of a server of PostgreSQL: to whom it is sent, and where it is never seen.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::support::{Sandbox, program};

const PASSWORD: &str = "s3cret-of-the-desk";
const LIMIT: Duration = Duration::from_secs(20);

/// A server that asks everybody for a password, in clear, and refuses it.
struct Refusing {
    port: u16,
    /// The passwords that came.
    told: Receiver<String>,
    /// Lets the next answer go.
    go: mpsc::Sender<()>,
}

impl Refusing {
    fn new() -> Refusing {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((tell, told), (go, wait)) = (mpsc::channel(), mpsc::channel());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if let Some(password) = asked(&mut stream.unwrap(), &wait) {
                    let _ = tell.send(password);
                }
            }
        });
        Refusing { port, told, go }
    }
}

/// A packet without its length.
fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut packet).ok()?;
    Some(packet)
}

fn asked(stream: &mut TcpStream, go: &Receiver<()>) -> Option<String> {
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    if packet(stream)?.starts_with(&80_877_103_u32.to_be_bytes()) {
        // No TLS.
        stream.write_all(b"N").ok()?;
        packet(stream)?;
    }
    stream.write_all(b"R\0\0\0\x08\0\0\0\x03").ok()?;
    let mut kind = [0];
    stream.read_exact(&mut kind).ok()?;
    let password = packet(stream)?;
    go.recv_timeout(LIMIT).ok()?;
    let words = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
    let length = u32::try_from(words.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[b"E".as_slice(), &length, words].concat()).ok()?;
    Some(String::from_utf8_lossy(password.strip_suffix(b"\0").unwrap()).into_owned())
}

/// Runs a command; what it said, and its exit status. `meanwhile` is called while the server has not answered yet.
fn run(sandbox: &Sandbox, variables: &[(&str, &str)], args: &[&str], meanwhile: impl FnOnce(u32)) -> (String, i32) {
    let mut command = Command::new(program());
    command
        .env_clear()
        .current_dir(sandbox.path(""))
        .args(["--no-input", "--log", "own.log", "--state", "."])
        .args(args);
    command.env("HOME", sandbox.path("home")).env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    meanwhile(child.id());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (said, output.status.code().unwrap())
}

/// Variables, arguments, and where the password comes from.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

#[test]
fn a_password_goes_to_the_server_and_nowhere_else() {
    let sandbox = Sandbox::new();
    let server = Refusing::new();
    let (name, port) = (format!("postgresql://desk@127.0.0.1:{}/mail", server.port), server.port);
    let file = |name: &str, text: String| {
        let path = sandbox.file(name, text.as_bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let secret = file("pw", format!("{PASSWORD}\n"));
    let passwords = file("passwords", format!("127.0.0.1:{port}:mail:desk:{PASSWORD}\n"));
    let services =
        file("services", format!("[desk]\nhost=127.0.0.1\nport={port}\nuser=desk\ndbname=mail\npassword={PASSWORD}\n"));
    let directory = sandbox.path("").display().to_string();
    let by = |reference: &str| {
        let path = sandbox.path(&format!("{}.toml", reference.split(':').next().unwrap()));
        std::fs::write(&path, format!("database = \"{name}\"\ndatabase_password = \"{reference}\"\n")).unwrap();
        path.display().to_string()
    };
    let configs = [format!("file:{secret}"), format!("cmd:cat {secret}"), "env:DESK".to_owned(), "cred:pw".to_owned()]
        .map(|reference| by(&reference));
    let no_reference = file("none.toml", String::new());
    let rows: [Row<'_>; 7] = [
        (&[], &["--config", &configs[0]], "database_password (file:)"),
        (&[("PGPASSWORD", "another")], &["--config", &configs[1]], "database_password (cmd:)"),
        (&[("DESK", PASSWORD)], &["--config", &configs[2]], "database_password (env:)"),
        (&[("CREDENTIALS_DIRECTORY", &directory)], &["--config", &configs[3]], "database_password (cred:)"),
        (&[("PGPASSWORD", PASSWORD)], &["--config", &no_reference, "--db", &name], "PGPASSWORD"),
        (&[("PGPASSFILE", &passwords)], &["--config", &no_reference, "--db", &name], &passwords),
        (&[("PGSERVICEFILE", &services)], &["--config", &no_reference, "--db", "service=desk"], &services),
    ];
    for (variables, args, source) in rows {
        let look = |pid: u32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            assert!(!line.contains(PASSWORD), "{line}");
            server.go.send(()).unwrap();
        };
        let (said, code) = run(&sandbox, variables, &[args, &["-vv", "whoami"]].concat(), look);
        assert_eq!(server.told.recv_timeout(LIMIT).as_deref(), Ok(PASSWORD), "{args:?}: {said}");
        assert_eq!(code, 78, "{said}");
        let wrong = format!("postgresql://127.0.0.1:{port}/mail does not take the password of the role desk");
        assert!(said.contains(&wrong) && said.contains(source), "{said}");
        let log = std::fs::read_to_string(sandbox.path("own.log")).unwrap();
        assert!(!said.contains(PASSWORD) && !log.contains(PASSWORD), "{said}\n{log}");
    }
    // That of one server is not told to another one, nor to another role.
    let other = Refusing::new();
    let another = format!("postgresql://desk@127.0.0.1:{}/mail", other.port);
    let (role, nobody) = (name.replace("desk@", "eve@"), "asks for a password of the role");
    for db in [&another, &role] {
        let (said, code) = run(&sandbox, &[], &["--config", &configs[0], "--db", db, "whoami"], |_| ());
        assert!(code == 78 && said.contains(nobody) && said.contains("database_password = \"file:PATH\""), "{said}");
    }
    // What is known of its place is told.
    let (said, _) = run(
        &sandbox,
        &[],
        &["--config", &configs[0], "--db", &name.replace("127.0.0.1", "localhost"), "whoami"],
        |_| (),
    );
    let own = format!("database_password is for postgresql://127.0.0.1:{port}/mail alone");
    assert!(said.contains(&own), "{said}");
    let variables = [("PGPASSFILE", passwords.as_str())];
    let (said, _) = run(&sandbox, &variables, &["--config", &no_reference, "--db", &another, "whoami"], |_| ());
    let line = format!("{passwords} has no line for 127.0.0.1:{}:mail:desk", other.port);
    assert!(said.contains(&line), "{said}");
    let gone = by("file:/nowhere/pw");
    let (said, code) = run(&sandbox, &[], &["--config", &gone, "whoami"], |_| ());
    let told = "database_password: secret file /nowhere/pw: there is no such file or directory";
    assert!(code == 78 && said.contains(told) && said.contains("install -D -m 600 /dev/stdin /nowhere/pw"), "{said}");
    assert!(other.told.try_recv().is_err() && server.told.try_recv().is_err());
}
