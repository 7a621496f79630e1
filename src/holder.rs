//! Who holds what others wait for, and why it takes so long: read from `/proc`.
//!
//! Locks die with their process, but a process that is stopped, or waits for a disk, keeps them. One that waits is told
//! which one it is and what to do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

/// A process that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// The other machine that it runs on; `None` = this one.
    pub host: Option<String>,
    /// What it is doing.
    pub state: State,
    /// When it was started, or took what it holds.
    pub since: Option<Timestamp>,
    /// Its command line, which is not for everybody's eyes ([`Holder::told`]).
    pub args: Vec<String>,
    pub terminal: Option<String>,
}

/// What a process is doing, by the letter that the kernel gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works, or waits for what may come at any moment.
    Running,
    /// It waits for a disk.
    Disk,
    /// A signal stopped it.
    Stopped,
    /// A debugger stopped it.
    Traced,
    /// It has ended; its parent has not noticed.
    Zombie,
    /// There is no such process, or it is not shown.
    Unknown,
}

impl State {
    fn of(letter: char) -> State {
        match letter {
            'R' | 'S' | 'I' => State::Running,
            'D' => State::Disk,
            'T' => State::Stopped,
            't' => State::Traced,
            'Z' => State::Zombie,
            _ => State::Unknown,
        }
    }

    /// As it is said of the process.
    pub fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Disk => "waiting for a disk",
            State::Stopped => "stopped",
            State::Traced => "stopped by a debugger",
            State::Zombie => "a zombie",
            State::Unknown => "in an unknown state",
        }
    }
}

impl Holder {
    /// What can be known of a process; its state is [`State::Unknown`] where there is none.
    pub fn of(pid: u32) -> Holder {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let stat = parse_stat(&read("stat"));
        let args = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Holder {
            pid,
            host: None,
            state: stat.as_ref().map_or(State::Unknown, |stat| stat.state),
            since: stat.as_ref().and_then(|stat| started_at(stat.ticks)),
            args: parse_args(&args),
            terminal: stat.and_then(|stat| terminal(stat.terminal)),
        }
    }

    /// A process of another machine, of which nothing else is known.
    pub fn elsewhere(pid: u32, host: String) -> Holder {
        Holder { pid, host: Some(host), state: State::Unknown, since: None, args: Vec::new(), terminal: None }
    }

    /// The same since another moment.
    pub fn since(self, since: Option<Timestamp>) -> Holder {
        Holder { since: since.or(self.since), ..self }
    }

    /// It in a sentence: `process 4711 (espomail case note, stopped, since 10:42)`. `words` makes noun and verb of a command
    /// line: the rest may be what only its user may know.
    pub fn told(&self, words: &dyn Fn(&[String]) -> Option<String>, time: &dyn Fn(Timestamp) -> String) -> String {
        let words = words(&self.args).map(|words| format!("espomail {words}"));
        let since = self.since.map(|since| format!("since {}", time(since)));
        let terminal = self.terminal.as_ref().filter(|_| self.is_stuck()).map(|name| format!("on {name}"));
        let state = self.host.is_none().then(|| self.state.word().to_owned());
        let facts: Vec<String> = [words, state, since, terminal].into_iter().flatten().collect();
        let host = self.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        format!("process {}{host}{facts}", self.pid)
    }

    /// Whether it will not go on by itself.
    pub fn is_stuck(&self) -> bool {
        matches!(self.state, State::Stopped | State::Traced)
    }

    /// The next step for the person who waits for it.
    pub fn hint(&self) -> String {
        let pid = self.pid;
        if let Some(host) = &self.host {
            return format!("run it again when that has ended; look at it on {host}: ps -fp {pid}");
        }
        match self.state {
            State::Stopped => {
                format!("let it go on: kill -CONT {pid}, or fg in its terminal; end it: kill -KILL {pid}")
            }
            State::Traced => format!("a debugger holds it; end it: kill -KILL {pid}"),
            State::Disk => "look at the disk that it waits for".to_owned(),
            State::Running | State::Zombie | State::Unknown => {
                format!("run it again when that has ended; look at it: ps -fp {pid}")
            }
        }
    }
}

/// The name of this machine.
pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The process that holds the lock with which others wait for a database: to write it, or to open it.
pub fn of_database(database: &Path) -> Option<Holder> {
    let mut index = database.as_os_str().to_owned();
    index.push("-shm");
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // Not by opening them: to close them would end locks of this process.
    let files: Vec<File> = [Path::new(&index), database].into_iter().filter_map(|path| File::of(path).ok()).collect();
    let pid = files.iter().find_map(|file| writer(&locks, "POSIX", *file))?;
    Some(Holder::of(pid))
}

/// The process that has locked this file as a whole.
pub fn of_lock_file(path: &Path) -> Option<u32> {
    writer(&fs::read_to_string("/proc/locks").ok()?, "FLOCK", File::of(path).ok()?)
}

/// Another process that has a file open, as far as this one may know of it.
pub fn that_has_open(path: &Path) -> Option<Holder> {
    let is_same = |facts: &fs::Metadata, other: &fs::Metadata| (facts.dev(), facts.ino()) == (other.dev(), other.ino());
    let facts = fs::metadata(path).ok()?;
    let has_open = |pid: u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors.filter_map(|one| fs::metadata(one.path()).ok()).any(|other| is_same(&facts, &other))
    };
    let pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id()).find(|pid| has_open(*pid)).map(Holder::of)
}

/// A file as `/proc/locks` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    major: u32,
    minor: u32,
    inode: u64,
}

impl File {
    fn of(path: &Path) -> std::io::Result<File> {
        let facts = fs::metadata(path)?;
        let device = facts.dev();
        Ok(File { major: rustix::fs::major(device), minor: rustix::fs::minor(device), inode: facts.ino() })
    }
}

/// Who has a lock for writing on this file: the first that is not waiting itself. Some file systems show another device
/// than their files have; then the number of the file decides, where only one process has such a lock.
fn writer(locks: &str, kind: &str, file: File) -> Option<u32> {
    let held = locks.lines().filter_map(|line| parse_lock(line, kind)).filter(|(_, of)| of.inode == file.inode);
    let held: Vec<(u32, File)> = held.collect();
    let exact = held.iter().find(|(_, of)| *of == file);
    let mut pids: Vec<u32> = held.iter().map(|(pid, _)| *pid).collect();
    pids.dedup();
    exact.or(held.first().filter(|_| pids.len() == 1)).map(|(pid, _)| *pid)
}

/// `1: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120`: process and file of a lock for writing that is held.
fn parse_lock(line: &str, kind: &str) -> Option<(u32, File)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (found, _, mode) = (words.next()?, words.next()?, words.next()?);
    if found != kind || mode != "WRITE" {
        return None;
    }
    let pid = words.next()?.parse().ok().filter(|pid| *pid > 0)?;
    let mut parts = words.next()?.split(':');
    let (major, minor, inode) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text| u32::from_str_radix(text, 16).ok();
    Some((pid, File { major: number(major)?, minor: number(minor)?, inode: inode.parse().ok()? }))
}

/// What is read of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: State,
    terminal: u32,
    /// When it was started, in ticks since the machine was.
    ticks: u64,
}

/// The name of the program stands in parentheses, and may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let state = State::of(words.first()?.chars().next()?);
    let terminal = words.get(4)?.parse::<i64>().ok().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    Some(Stat { state, terminal, ticks: words.get(19)?.parse().ok()? })
}

fn parse_args(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\0');
    if text.is_empty() { Vec::new() } else { text.split('\0').map(str::to_owned).collect() }
}

/// The name of a pseudo terminal, by the number of its device.
fn terminal(number: u32) -> Option<String> {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    (136..=143).contains(&major).then(|| format!("pts/{}", (major - 136) * 256 + minor))
}

/// `btime` is when the machine was started.
fn started_at(ticks: u64) -> Option<Timestamp> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let booted: u64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let seconds = booted.checked_add(ticks / rustix::param::clock_ticks_per_second().max(1))?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_writer_is_read_off_the_locks() {
        let locks = "1: POSIX  ADVISORY  READ  10 08:01:77 123 123
2: POSIX  ADVISORY  WRITE 11 08:01:77 120 120
2: -> POSIX  ADVISORY  WRITE 12 08:01:77 120 120
3: FLOCK  ADVISORY  WRITE 13 08:01:77 0 EOF
4: POSIX  ADVISORY  WRITE 14 08:02:77 120 120
5: POSIX  ADVISORY  WRITE 15 00:1f:88 0 EOF
6: OFDLCK ADVISORY  WRITE -1 08:01:99 0 EOF
7: POSIX  ADVISORY  WRITE 0 08:01:100 0 EOF
8: POSIX
garbage
";
        let of = |major, minor, inode| writer(locks, "POSIX", File { major, minor, inode });
        assert_eq!(of(8, 1, 77), Some(11));
        assert_eq!(of(8, 2, 77), Some(14));
        // Another device than the file's: nobody where there are several, else the only one.
        assert_eq!(of(9, 9, 77), None);
        assert_eq!(of(9, 9, 88), Some(15));
        assert_eq!(of(0, 0x1f, 88), Some(15));
        for inode in [99, 100, 101] {
            assert_eq!(of(8, 1, inode), None, "{inode}");
        }
        let file = File { major: 8, minor: 1, inode: 77 };
        assert_eq!(writer(locks, "FLOCK", file), Some(13));
        assert_eq!(writer("", "POSIX", file), None);
    }

    #[test]
    fn state_terminal_and_start_are_read_off_the_line_of_a_process() {
        let rest = "1 2 3 34817 4712 4194304 1 2 3 4 5 6 7 8 20 0 1 0 5000 9 9";
        for (name, letter, state) in [
            ("(espomail)", 'S', State::Running),
            ("(a) T (b) b)", 'R', State::Running),
            ("(espomail)", 'T', State::Stopped),
            ("(espomail)", 't', State::Traced),
            ("(espomail)", 'D', State::Disk),
            ("(espomail)", 'Z', State::Zombie),
            ("(espomail)", 'X', State::Unknown),
        ] {
            let stat = parse_stat(&format!("4711 {name} {letter} {rest}\n"));
            assert_eq!(stat, Some(Stat { state, terminal: 34817, ticks: 5000 }), "{name} {letter}");
        }
        for bad in ["", "4711 (espomail) ", "4711 (espomail) S 1 2", "4711 espomail S 1 2 3", "4711 (espomail) "] {
            assert_eq!(parse_stat(bad), None, "{bad}");
        }
        for (number, name) in
            [(34816, Some("pts/0")), (34817, Some("pts/1")), (35072, Some("pts/256")), (1025, None), (0, None)]
        {
            assert_eq!(terminal(number).as_deref(), name, "{number}");
        }
    }

    #[test]
    fn a_holder_is_told_with_its_words_and_without_its_arguments() {
        let args = ["espomail", "case", "note", "1", "-m", "what only ana may know"].map(str::to_owned).to_vec();
        let words = |args: &[String]| args.get(1..3).map(|words| words.join(" "));
        let time = |at: Timestamp| at.to_string();
        let since = Timestamp::from_second(0).ok();
        let terminal = Some("pts/3".to_owned());
        let stopped = Holder { pid: 7, host: None, state: State::Stopped, since, args, terminal };
        let told = stopped.told(&words, &time);
        assert_eq!(told, "process 7 (espomail case note, stopped, since 1970-01-01T00:00:00Z, on pts/3)");
        assert!(stopped.hint().contains("kill -CONT 7"), "{}", stopped.hint());
        let gone = Holder { state: State::Unknown, since: None, args: Vec::new(), terminal: None, ..stopped };
        assert_eq!(gone.told(&words, &time), "process 7 (in an unknown state)");
        let elsewhere = Holder::elsewhere(7, "web2".to_owned());
        assert_eq!(elsewhere.told(&words, &time), "process 7 on web2");
        assert!(elsewhere.hint().contains("on web2: ps -fp 7"), "{}", elsewhere.hint());
        assert_eq!(elsewhere.since(since).told(&words, &time), "process 7 on web2 (since 1970-01-01T00:00:00Z)");
    }

    #[test]
    fn this_process_is_known() {
        let me = Holder::of(std::process::id());
        assert_eq!(me.state, State::Running);
        assert!(!me.args.is_empty());
        let age = Timestamp::now().duration_since(me.since.unwrap()).as_secs();
        assert!((-2..3_600).contains(&age), "{age}");
        assert_eq!(Holder::of(u32::MAX).state, State::Unknown);
    }
}
