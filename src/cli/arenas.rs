//! Less memory for a run with many sessions.
//!
//! The allocator of glibc gives nearly every thread a heap of its own, an arena, and each of them keeps what was freed in it.
//! 50 mailboxes need 80 MB by that, and 57 MB with two arenas in the same time. Safe code can tell the allocator so by the
//! environment alone, before the program begins.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What glibc reads when a program begins, see mallopt(3).
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// Begins a `fetch` over with two arenas, where nobody has named another number. Where that cannot be done, as after the file
/// of the program was replaced, the run goes on with more memory.
pub fn few(words: &[OsString]) {
    let [name, rest @ ..] = words else { return };
    if env::var_os(VARIABLE).is_some() || !rest.iter().any(|word| word == "fetch") {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let _not_begun = Command::new(program).arg0(name).args(rest).env(VARIABLE, "2").exec();
    }
}
