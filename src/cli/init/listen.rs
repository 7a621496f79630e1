//! What somebody types at the guide, and the keys and signals that end it. Until everything is made nothing is written, so
//! that the process may end at any moment; it says so.

use std::io::{self, BufRead as _, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};
use zeroize::Zeroizing;

use crate::job_control::{self, Outliving};
use crate::secret::{self, Hidden};
use crate::ui::channel;
use crate::ui::output::Ui;

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

/// The question whose answer is waited for.
static ASKED: Mutex<Option<String>> = Mutex::new(None);

/// Reads a line after `question`; a hidden one is not shown.
pub fn line(is_hidden: bool, question: &str, ui: &Ui) -> Heard {
    // Before somebody may have begun to type.
    let hidden = is_hidden.then(Hidden::new);
    // The lines before the last one are seen anyway. Known before it is asked: a stop may come in between.
    let asked = ui.set_in(question, 0).lines().last().map(|line| format!("{line} "));
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    ui.guide(question);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = job_control::while_waiting(|| io::stdin().lock().take(MOST).read_until(b'\n', &mut bytes));
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = None;
    drop(hidden);
    if !read.is_ok_and(|count| count > 0) {
        return Heard::End;
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Heard::Line(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(_) => Heard::NotText,
    }
}

/// Drops what was typed before it was asked for: it would answer another question.
pub fn forget_typed() {
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// After a stop the shell has shown again what is typed, and has written over the question.
fn ask_again() {
    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_in_front = tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
    if let Some(asked) = asked.as_ref().filter(|_| is_in_front) {
        secret::hide_again();
        channel::say_now(asked);
    }
}

/// Ends the process at Ctrl-C and its like, and says that nothing was made, until this is dropped. Asks again after a stop.
pub struct Watch {
    registered: Vec<SigId>,
    is_making: Arc<AtomicBool>,
    last_words: Arc<Mutex<String>>,
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
        let last_words = Arc::new(Mutex::new(format!("espomail: {NOTHING}")));
        let (mut continued, go_on) = UnixStream::pair()?;
        let mut registered = vec![pipe::register(SIGCONT, go_on)?];
        thread::spawn(move || {
            while continued.read_exact(&mut [0]).is_ok() {
                ask_again();
            }
        });
        for signal in SIGNALS {
            registered.push(flag::register_usize(*signal, Arc::clone(&heard), usize::try_from(*signal).unwrap_or(0))?);
            registered.push(pipe::register(*signal, tell.try_clone()?)?);
        }
        let (making, words) = (Arc::clone(&is_making), Arc::clone(&last_words));
        thread::spawn(move || {
            while told.read_exact(&mut [0]).is_ok() {
                let signal = i32::try_from(heard.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
                if !making.load(Ordering::SeqCst) {
                    end(signal, &words.lock().unwrap_or_else(PoisonError::into_inner));
                }
            }
        });
        Ok(Watch { registered, is_making, last_words, _outliving: outliving })
    }

    /// Everything is made: who ends the process now still reads these words.
    pub fn made(&self, words: String) {
        *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = words;
        self.is_making.store(false, Ordering::SeqCst);
    }

    /// While everything is made at once: a key that is pressed now comes too late.
    pub fn make<T, E>(&self, is_short: bool, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.is_making.store(is_short, Ordering::SeqCst);
        work().inspect_err(|_| self.is_making.store(false, Ordering::SeqCst))
    }
}

fn end(signal: i32, words: &str) -> ! {
    secret::show_typed();
    if signal != SIGHUP {
        channel::say_now(&format!("\n{words}\n"));
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
