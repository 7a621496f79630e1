//! One machine where the same rows are looked at in both modes: the service's database that people reach through sudo, and a
//! copy of it that is ana's own. Needs what [`Machine`] needs.

use jiff::Timestamp;

use super::shop::{self, Stage};
use super::{Machine, Run, TERMINAL, clock};

/// How ana reaches the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are the service's, and ana comes through sudo.
    Enforced,
    /// They are ana's own.
    Advisory,
}

impl Mode {
    pub const BOTH: [Mode; 2] = [Mode::Enforced, Mode::Advisory];

    /// Directory of the database.
    pub fn directory(self) -> &'static str {
        match self {
            Mode::Enforced => "/var/lib/espomail",
            Mode::Advisory => "/home/ana/.local/share/espomail",
        }
    }
}

/// A terminal, and what is typed there.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    pub columns: usize,
    pub rows: usize,
    /// Of the shell; `espomail` is what people call it.
    pub script: &'a str,
    /// Pairs of what is waited for, and what is typed then.
    pub steps: &'a [(&'a str, &'a str)],
}

pub struct Modes {
    pub machine: Machine,
}

impl Stage for Machine {
    fn act(&self, at: Timestamp, user: &str, args: &[&str], stdin: &[u8]) -> String {
        std::fs::write(self.path("/tmp/stdin"), stdin).unwrap();
        let as_user: &[&str] = if user.is_empty() { &[] } else { &["--as", user] };
        let words: Vec<&str> = [as_user, args].concat();
        let typed = shlex::try_join(words.iter().copied()).unwrap();
        let clock = format!("LD_PRELOAD=/usr/local/clock.so ESPOMAIL_TEST_CLOCK={}", at.as_second());
        let run = self.run("root", &format!("{clock} espomail {typed} </tmp/stdin"));
        assert!(run.code == 0 || args == ["send"], "{run:#?}");
        run.stdout
    }
}

impl Modes {
    /// The shop; then root runs this script. `None` where there can be no machine.
    pub fn shop(script: &str) -> Option<Modes> {
        let machine = Machine::open()?;
        std::fs::copy(clock(), machine.path("/usr/local/clock.so")).unwrap();
        // The shop begins with the database.
        machine.run("root", "rm -f /var/lib/espomail/espomail.db*").ok();
        shop::play(&machine);
        machine.run("root", script).ok();
        machine.run("root", "umask 077 && cp -a /var/lib/espomail /usr/local/kept").ok();
        Some(Modes { machine })
    }

    /// Gives this mode the rows as they were kept, and the other none.
    pub fn begin(&self, mode: Mode) {
        let put = match mode {
            Mode::Enforced => "cp -a /usr/local/kept /var/lib/espomail",
            Mode::Advisory => {
                "install -d -o ana -g ana ~ana/.local ~ana/.local/share &&
                cp -a /usr/local/kept ~ana/.local/share/espomail && chown -R ana: ~ana/.local/share/espomail &&
                install -d -m 700 -o espomail -g espomail /var/lib/espomail"
            }
        };
        self.machine.run("root", &format!("rm -rf /var/lib/espomail ~ana/.local/share/espomail && {put}")).ok();
    }

    /// What a terminal of ana's, or of root's, shows.
    pub fn typed(&self, person: &str, typed: &Typed<'_>) -> Run {
        let quoted = |text: &str| text.replace('\'', "'\\''");
        let Typed { columns, rows, script, steps } = typed;
        let (terminal, steps) = (quoted(TERMINAL), quoted(&serde_json::to_string(steps).unwrap()));
        let script = quoted(script);
        self.machine
            .run(person, &format!("ROWS={rows} python3 -I -S -c '{terminal}' {columns} '{steps}' bash -c '{script}'"))
    }

    /// The screens of both modes, from the same rows: exit code and what is shown, without the directory of the database.
    pub fn screens(&self, typed: &Typed<'_>) -> [(i32, String); 2] {
        Mode::BOTH.map(|mode| {
            self.begin(mode);
            let run = self.typed("ana", typed);
            (run.code, run.stdout.replace(mode.directory(), "DIRECTORY"))
        })
    }
}
