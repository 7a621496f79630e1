//! What somebody types at the guide, and the keys and signals that end it. Until everything is made nothing is written, so
//! that the process may end at any moment; it says so.

use std::io::{self, BufRead as _, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};
use zeroize::Zeroizing;

use crate::job_control::{self, Outliving};
use crate::secret::{self, Hidden};
use crate::ui::channel;

/// Bytes of an answer; a terminal gives fewer.
const MOST: u64 = 64 << 10;
const SIGNALS: &[i32] = &[SIGINT, SIGTERM, SIGHUP];
/// What is said where nothing was made.
pub const NOTHING: &str = "nothing was made";

/// What was typed.
pub enum Heard {
    Line(Zeroizing<String>),
    /// It is not UTF-8.
    NotText,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// Reads a line after `ask`; a hidden one is not shown.
pub fn line(is_hidden: bool, ask: &dyn Fn()) -> Heard {
    // Before somebody may have begun to type.
    let hidden = is_hidden.then(Hidden::new);
    ask();
    let mut bytes = Zeroizing::new(Vec::new());
    let read = job_control::while_waiting(|| io::stdin().lock().take(MOST).read_until(b'\n', &mut bytes));
    drop(hidden);
    if !read.is_ok_and(|count| count > 0) {
        return Heard::End;
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Heard::Line(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(_) => Heard::NotText,
    }
}

/// Ends the process at Ctrl-C and its like, and says that nothing was made, until this is dropped.
pub struct Watch {
    registered: Vec<SigId>,
    is_making: Arc<AtomicBool>,
    /// Signals do again what they do to every program when all of it is over.
    _outliving: Outliving,
}

impl Watch {
    /// From now on.
    ///
    /// # Errors
    /// The system has no pipe for it.
    pub fn begin() -> io::Result<Watch> {
        let outliving = Outliving::of(SIGNALS)?;
        let (mut told, tell) = UnixStream::pair()?;
        let (heard, is_making) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut registered = Vec::new();
        for signal in SIGNALS {
            registered.push(flag::register_usize(*signal, Arc::clone(&heard), usize::try_from(*signal).unwrap_or(0))?);
            registered.push(pipe::register(*signal, tell.try_clone()?)?);
        }
        let making = Arc::clone(&is_making);
        thread::spawn(move || {
            while told.read_exact(&mut [0]).is_ok() {
                let signal = i32::try_from(heard.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
                if !making.load(Ordering::SeqCst) {
                    end(signal);
                }
            }
        });
        Ok(Watch { registered, is_making, _outliving: outliving })
    }

    /// While everything is made at once: a key that is pressed now comes too late.
    pub fn make<T>(&self, is_short: bool, work: impl FnOnce() -> T) -> T {
        self.is_making.store(is_short, Ordering::SeqCst);
        work()
    }
}

fn end(signal: i32) -> ! {
    secret::show_typed();
    if signal != SIGHUP {
        channel::say_now(&format!("\nespomail: {NOTHING}\n"));
    }
    std::process::exit(128 + signal)
}

impl Drop for Watch {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
    }
}
