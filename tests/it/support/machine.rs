//! A machine with a service user and people of its own: users, rules of sudo and installed files exist in a private mount
//! namespace only, and are gone with its last process. Needs root, unshare and sudo.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::every_row_of_file;
use super::{Child, Run, Running, program, scratch};

/// What is copied into the namespace before people come.
const SET_UP: &str = r#"
set -euo pipefail
base=$1 program=$2 source=$3
mount -t tmpfs -o mode=755 none "$base"
mkdir -p "$base"/{varlib/sudo,local/bin,home,tmp,vartmp,shm}
chmod 1777 "$base"/{tmp,vartmp,shm}
cp -a /etc "$base/etc"
mount --bind "$base/etc" /etc
mount --bind "$base/varlib" /var/lib
mount --bind "$base/local" /usr/local
mount --bind "$base/home" /home
# Neither rules of this machine nor what an earlier installation left.
rm -rf /etc/sudoers.d/* /etc/espomail /etc/cron.d/espomail
mkdir -p "$base/usrlib"/{sysusers.d,tmpfiles.d}
mount --bind "$base/usrlib/sysusers.d" /usr/lib/sysusers.d
mount --bind "$base/usrlib/tmpfiles.d" /usr/lib/tmpfiles.d
install -m 755 "$program" /usr/local/bin/espomail
make -s -C "$source" install-service >"$base/local/said"
for person in ana budi eve; do
  useradd --create-home --user-group --shell /bin/bash -G espomail-users "$person"
done
useradd --create-home --user-group --shell /bin/bash bob
mount --bind "$base/vartmp" /var/tmp
mount --bind "$base/shm" /dev/shm
# Last of all: it hides where all this came from.
mount --bind "$base/tmp" /tmp
cd /
echo ready
exec sleep infinity
"#;

/// A machine of its own; `ana`, `budi` and `eve` may run espomail by sudo, `bob` may not.
pub struct Machine {
    base: PathBuf,
    holder: std::process::Child,
}

impl Machine {
    /// Sets it up by `make install-service`; `None`, saying why, where that cannot be.
    pub fn open() -> Option<Machine> {
        let lacks = |why: &str| eprintln!("skipped, not tested with real users: {why}");
        if !rustix::process::geteuid().is_root() {
            lacks("not run as root");
            return None;
        }
        for program in ["/usr/bin/sudo", "/usr/bin/unshare", "/usr/sbin/useradd"] {
            if !Path::new(program).exists() {
                lacks(&format!("{program} is not there"));
                return None;
            }
        }
        if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
            lacks("no mount namespace can be made");
            return None;
        }
        Some(Machine::set_up())
    }

    fn set_up() -> Machine {
        use std::io::{BufRead as _, BufReader};
        let base = scratch("machine");
        std::fs::create_dir(&base).unwrap();
        let mut holder = Command::new("unshare")
            .args(["-m", "--propagation", "private", "bash", "-c", SET_UP, "office"])
            .arg(&base)
            .args([program(), env!("CARGO_MANIFEST_DIR").into()])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "the office cannot be set up");
        Machine { base, holder }
    }

    /// A path of the namespace as it is called outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.holder.id()))
    }

    /// Every row of the database as it is now.
    pub fn every_row(&self) -> String {
        // SQLite would follow the link to the namespace's root and look outside.
        let copy = scratch("copy");
        std::fs::create_dir(&copy).unwrap();
        for end in ["", "-wal"] {
            let name = format!("espomail.db{end}");
            std::fs::copy(self.path("/var/lib/espomail").join(&name), copy.join(&name)).ok();
        }
        let rows = every_row_of_file(&copy.join("espomail.db"));
        std::fs::remove_dir_all(copy).unwrap();
        rows
    }

    /// Runs a shell script as a person, in their home.
    pub fn run(&self, person: &str, script: &str) -> Run {
        self.spawn(person, script).wait()
    }

    pub fn spawn(&self, person: &str, script: &str) -> Running {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-m", "--"]);
        if person != "root" {
            command.args(["setpriv", "--reuid", person, "--regid", person, "--init-groups"]);
        }
        let home = if person == "root" { "/root".to_owned() } else { format!("/home/{person}") };
        command.args(["bash", "-c", &format!("cd {home} && {script}")]);
        command.env_clear().envs([
            ("HOME", home.as_str()),
            ("USER", person),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
            ("LANG", "C.UTF-8"),
            ("TERM", "xterm"),
        ]);
        Child::default().spawn(command, Some(Vec::new()), format!("{person}: {script}"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
        std::fs::remove_dir(&self.base).ok();
    }
}
