//! The private PostgreSQL of `tests/with-postgres.sh` and `tests/servers/postgres.sh`: it ends with those who asked for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{scratch, wait_until};

/// Says the process id of the server, and what it answers.
const ASK: &str = "dir=${ESPOMAIL_TEST_SERVER#*host=}; dir=${dir%%&*}; head -n 1 \"$dir/../data/postmaster.pid\"; \
    psql=$(ls /usr/lib/postgresql/*/bin/psql | tail -n 1); echo $ESPOMAIL_TEST_DB $(echo \"SELECT current_user || ' ' || \
    (SELECT rolcreatedb AND NOT rolsuper FROM pg_roles WHERE rolname = current_user) || current_setting('listen_addresses') || \
    ' ' || current_setting('server_encoding')\" | $psql -XAtq \"postgresql:///espomail?${ESPOMAIL_TEST_SERVER#*\\?}\")";

/// A copy of the scripts in a folder that everybody can enter, for a user who cannot read this checkout.
fn scripts(name: &str) -> PathBuf {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), scratch(name));
    std::fs::create_dir_all(to.join("servers")).unwrap();
    for file in ["with-postgres.sh", "servers/postgres.sh", "servers/common.sh"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    to
}

fn bash(dir: &Path, script: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg(dir.join(script)).env("TMPDIR", dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// The next line of its output.
fn line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn output(process: &mut Child) -> BufReader<std::process::ChildStdout> {
    BufReader::new(process.stdout.take().unwrap())
}

fn lives(pid: &str) -> bool {
    assert!(pid.parse::<u32>().is_ok(), "{pid}");
    Path::new("/proc").join(pid).exists()
}

#[test]
fn a_plain_user_has_a_server_as_long_as_the_command_runs() {
    let dir = scripts("pg-plain");
    let mut command = Command::new("bash");
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "bash"]);
        std::os::unix::fs::chown(&dir, Some(65_534), None).unwrap();
    }
    command.arg(dir.join("with-postgres.sh")).args(["bash", "-c", &format!("{ASK}; exit 7")]).env("TMPDIR", &dir);
    let run = command.output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(run.status.code(), Some(7), "{run:?}");
    assert_eq!(lines[1..], ["postgres espomail true UTF8"], "{run:?}");
    assert!(!lives(lines[0]));
    let left = |name: &str| std::fs::read_dir(dir.join(name)).unwrap().count();
    assert_eq!((left("."), left("servers")), (2, 2), "nothing is left");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_server_ends_when_the_test_run_is_killed() {
    let dir = scripts("pg-killed");
    let mut process = bash(&dir, "with-postgres.sh").args(["bash", "-c", &format!("{ASK}; cat")]).spawn().unwrap();
    let mut lines = output(&mut process);
    let pid = line(&mut lines);
    assert_eq!((lives(&pid), line(&mut lines).as_str()), (true, "postgres espomail true UTF8"));
    process.kill().unwrap();
    process.wait().unwrap();
    wait_until(Duration::from_secs(20), || !lives(&pid));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_server_is_restarted_and_stopped_on_request() {
    let (dir, server) = (scripts("pg-asked"), scratch("pg-server"));
    let name = server.to_str().unwrap();
    let mut process = bash(&dir, "servers/postgres.sh").args(["--port", "0", "start", name]).spawn().unwrap();
    let ready = line(&mut output(&mut process));
    let start = format!("ready server=postgresql:///?host={name}/socket&user=espomail&port=");
    let port: u16 =
        ready.strip_prefix(&start).and_then(|rest| rest.split(' ').next()).unwrap_or(&ready).parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let pid = || {
        let file = std::fs::read_to_string(server.join("data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    };
    let first = pid();
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::USR1).unwrap();
    wait_until(Duration::from_secs(30), || server.join("restarted").exists());
    let second = pid();
    assert_ne!(first, second);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let stopped = bash(&dir, "servers/postgres.sh").args(["stop", name]).status().unwrap();
    assert!(stopped.success() && !lives(&second));
    // The script has nothing more to wait for.
    assert!(process.wait().unwrap().success());
    for dir in [dir, server] {
        std::fs::remove_dir_all(dir).unwrap();
    }
}
