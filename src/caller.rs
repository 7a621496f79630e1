//! Who typed the command, as the operating system knows them.

/// The caller of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Real user id of the process.
    pub uid: u32,
    /// Login name that belongs to it; `$USER` where the system's list of users lacks it.
    pub login: Option<String>,
}

impl Caller {
    /// The caller of the running process.
    pub fn current() -> Caller {
        let uid = rustix::process::getuid().as_raw();
        Caller { uid, login: login_of(uid).or_else(|| std::env::var("USER").ok()) }
    }
}

fn login_of(uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}
