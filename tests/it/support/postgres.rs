//! A PostgreSQL of the tests' own, which they stop, restart and disturb.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use postgres::{Client, NoTls};

use super::{scratch, wait_until};

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its sessions are ended.
    Fast,
    /// Its processes end at once, and it repairs itself when it starts again.
    Immediate,
}

/// What `tests/servers/postgres.sh` serves.
pub struct Postgres {
    dir: PathBuf,
    /// The URL without a database.
    pub server: String,
    script: Child,
}

impl Postgres {
    /// Started once for all tests of this process, for those that do not stop it.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Postgres::own)
    }

    pub fn own() -> Postgres {
        Postgres::started(&[])
    }

    /// One with its write-ahead log in a directory, which belongs to its user; [`Postgres::restart`] starts it again also where
    /// it has ended.
    pub fn with_log_in(dir: &Path) -> Postgres {
        Postgres::started(&["--wal", dir.to_str().unwrap()])
    }

    /// One that listens on a port of loopback too, where it takes nobody without TLS, once it [`Postgres::shows`] a
    /// certificate.
    pub fn with_tls() -> Postgres {
        let postgres = Postgres::started(&["--port", "0"]);
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
        std::fs::write(postgres.dir.join("data/pg_hba.conf"), rules).unwrap();
        postgres
    }

    /// Over the network the role `espomail` needs this password from now on, and no TLS.
    pub fn asks_for_passwords(&self, password: &str) {
        let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(self.dir.join("data/pg_hba.conf"), rules).unwrap();
        let before: String = self.value("SELECT pg_conf_load_time()::text");
        let mut client = self.superuser("postgres");
        client.batch_execute(&format!("ALTER ROLE espomail PASSWORD '{password}'")).unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        wait_until(Duration::from_secs(30), || self.value::<String>("SELECT pg_conf_load_time()::text") != before);
    }

    /// The server shows this certificate from now on.
    pub fn shows(&self, certificate: &[u8], key: &[u8]) {
        let data = self.dir.join("data");
        let owner = std::fs::metadata(&data).unwrap();
        let path = data.join("tls.pem");
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(&[certificate, key].concat()).unwrap();
        std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut client = self.superuser("postgres");
        let before: String = self.value("SELECT pg_conf_load_time()::text");
        for sql in ["ssl_cert_file = 'tls.pem'", "ssl_key_file = 'tls.pem'", "ssl = on"] {
            client.batch_execute(&format!("ALTER SYSTEM SET {sql}")).unwrap();
        }
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        wait_until(Duration::from_secs(30), || self.value::<String>("SELECT pg_conf_load_time()::text") != before);
    }

    /// The port of loopback that [`Postgres::with_tls`] listens on.
    pub fn port(&self) -> u16 {
        self.server.rsplit_once("port=").unwrap().1.parse().unwrap()
    }

    /// One that others can follow.
    pub fn primary() -> Postgres {
        Postgres::started(&["--primary"])
    }

    /// One that follows this one, which is a [`Postgres::primary`].
    pub fn standby(&self) -> Postgres {
        Postgres::started(&["--standby-of", self.dir.to_str().unwrap()])
    }

    /// Waits until a standby has everything that this one has.
    pub fn is_followed_by(&self, standby: &Postgres) {
        let at: String = self.value("SELECT pg_current_wal_lsn()::text");
        let sql = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{at}'::pg_lsn, FALSE)");
        wait_until(Duration::from_secs(30), || standby.value(&sql));
    }

    /// A COMMIT waits for the standby from now on.
    pub fn waits_for_standbys(&self) {
        let mut client = self.superuser("postgres");
        client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        wait_until(Duration::from_secs(30), || {
            self.value("SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'")
        });
    }

    /// Ends [`Postgres::waits_for_standbys`].
    pub fn waits_for_nobody(&self) {
        let mut client = self.superuser("postgres");
        client.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
    }

    /// A standby gets nothing more from its primary.
    pub fn follows_no_more(&self, primary: &Postgres) {
        let mut client = self.superuser("postgres");
        client.batch_execute("ALTER SYSTEM SET primary_conninfo = ''").unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        wait_until(Duration::from_secs(30), || primary.value("SELECT count(*) = 0 FROM pg_stat_replication"));
    }

    /// A standby takes the place of its primary.
    pub fn is_promoted(&self) {
        assert!(self.value::<bool>("SELECT pg_promote()"));
    }

    fn value<T: postgres::types::FromSqlOwned>(&self, sql: &str) -> T {
        self.superuser("postgres").query_one(sql, &[]).unwrap().get(0)
    }

    /// The server ends in this moment, and does not come again.
    pub fn ends(&self) {
        let pid = std::fs::read_to_string(self.dir.join("server.pid")).unwrap();
        let server = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(server, rustix::process::Signal::QUIT).unwrap();
        // Its script takes the directory away then.
        wait_until(Duration::from_secs(30), || !self.dir.exists());
    }

    /// The directory of its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    fn started(options: &[&str]) -> Postgres {
        let dir = scratch("pg");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/postgres.sh");
        let mut command = Command::new("bash");
        command.arg(path).arg("--rm").args(options).arg("start").arg(&dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = line.trim_end().strip_prefix("ready server=").expect("PostgreSQL did not start");
        let server = ready.split(' ').next().unwrap().to_owned();
        Postgres { dir, server, script }
    }

    /// Stops the server, which ends all its connections, and starts it again; what it does then.
    pub fn restart(&self, stop: Stop) -> impl Fn() + Send + Sync + 'static {
        let (how, said) = (self.dir.join("signal"), self.dir.join("restarted"));
        let script = rustix::process::Pid::from_child(&self.script);
        move || {
            std::fs::remove_file(&said).ok();
            std::fs::write(&how, if stop == Stop::Immediate { "QUIT" } else { "INT" }).unwrap();
            rustix::process::kill_process(script, rustix::process::Signal::USR1).unwrap();
            wait_until(Duration::from_secs(60), || said.exists());
        }
    }

    /// A connection of the superuser to a database.
    pub fn superuser(&self, database: &str) -> Client {
        let url = self.server.replacen("///?", &format!("///{database}?"), 1);
        let url = url.replacen("user=espomail", "user=postgres", 1);
        Client::connect(&url, NoTls).unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}
