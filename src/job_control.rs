//! Stopped, never in the middle: Ctrl-Z and its like wait until nobody else has to.
//!
//! A process that is stopped keeps its locks, and everybody who needs one of them would wait for it. So the stop signals
//! (SIGTSTP, SIGTTIN, SIGTTOU) are held back from the first moment on, in every thread. They get through while the main
//! thread waits for people ([`while_waiting`]: a terminal, an editor), and only where nothing is held ([`Hold`]). For
//! somebody who came through sudo they never do: who may not end the service's process must not stop it either.
//!
//! SIGSTOP cannot be held back; [`crate::holder`] names the process that it stopped.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use signal_hook::{SigId, flag};

/// The thread that may let the stop signals through, and which of them its parent had not held back.
static MAIN: OnceLock<(ThreadId, SigSet)> = OnceLock::new();

/// How many things are held that others may wait for.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Holds the stop signals back from now on; before any other thread is started. With `never`, they never get through.
pub fn start(never: bool) {
    let stops = SigSet::from_iter([Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]);
    let before = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::all());
    let ours = stops.iter().filter(|stop| !before.contains(*stop) && !never).collect();
    // It cannot fail with signals that there are.
    let _ = stops.thread_block();
    let _ = MAIN.set((thread::current().id(), ours));
}

/// Does what may take as long as people like: the process may be stopped meanwhile, unless something is held.
pub fn while_waiting<T>(work: impl FnOnce() -> T) -> T {
    let main = MAIN.get().filter(|(main, _)| *main == thread::current().id() && !is_holding());
    let Some((_, stops)) = main else { return work() };
    let before = stops.thread_swap_mask(SigmaskHow::SIG_UNBLOCK);
    let done = work();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    done
}

/// Whether there is a [`Hold`] in this process.
pub fn is_holding() -> bool {
    HELD.load(Ordering::SeqCst) > 0
}

/// Something is held that others may wait for: a transaction, a lock. The process is not stopped before this is dropped.
#[derive(Debug)]
pub struct Hold(());

impl Hold {
    /// From now on.
    pub fn begin() -> Hold {
        HELD.fetch_add(1, Ordering::SeqCst);
        Hold(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// As long as this is there, these signals end another program at the terminal and not this one. From then on they do again
/// what they do to every program.
#[derive(Debug)]
pub struct Outliving(&'static [i32]);

/// For each signal that was outlived, whether it does what it does to every program.
static USUAL: Mutex<BTreeMap<i32, Arc<AtomicBool>>> = Mutex::new(BTreeMap::new());

impl Outliving {
    /// From now on.
    ///
    /// # Errors
    /// One of them is not a signal that a program can outlive.
    pub fn of(signals: &'static [i32]) -> io::Result<Outliving> {
        let mut usual = USUAL.lock().unwrap_or_else(PoisonError::into_inner);
        for signal in signals {
            match usual.get(signal) {
                Some(usual) => usual.store(false, Ordering::Relaxed),
                None => {
                    let flag = Arc::new(AtomicBool::new(false));
                    flag::register_conditional_default(*signal, Arc::clone(&flag))?;
                    usual.insert(*signal, flag);
                }
            }
        }
        Ok(Outliving(signals))
    }
}

impl Drop for Outliving {
    fn drop(&mut self) {
        let usual = USUAL.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.iter().filter_map(|signal| usual.get(signal)).for_each(|usual| usual.store(true, Ordering::Relaxed));
    }
}

/// Whether one of these signals came since, besides what else it does.
#[derive(Debug)]
pub struct Heard(Vec<(i32, Arc<AtomicBool>, SigId)>);

impl Heard {
    /// From now on.
    ///
    /// # Errors
    /// One of them is not a signal that a program can hear.
    pub fn of(signals: &[i32]) -> io::Result<Heard> {
        let mut heard = Heard(Vec::new());
        for signal in signals {
            let flag = Arc::new(AtomicBool::new(false));
            let id = flag::register(*signal, Arc::clone(&flag))?;
            heard.0.push((*signal, flag, id));
        }
        Ok(heard)
    }

    /// The name of one that came.
    pub fn name(&self) -> Option<&'static str> {
        let (signal, ..) = self.0.iter().find(|(_, flag, _)| flag.load(Ordering::SeqCst))?;
        signal_hook::low_level::signal_name(*signal)
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        for (.., id) in &self.0 {
            signal_hook::low_level::unregister(*id);
        }
    }
}
