//! What the log has is taken into the file by a thread of its own, while the connection that writes goes on. That one takes
//! what is left, once there is much of it, so that the log begins again.
//!
//! Only one of the two can do it at a time. So that the log does not grow without end where the disk is slow, the thread is
//! left out for a while after it was slower than the one who writes.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OpenFlags};

use crate::job_control::Hold;

/// The thread, which ends with this.
pub struct Checkpoints {
    asked: Option<SyncSender<()>>,
    done: Receiver<()>,
    /// One was asked for, and nobody has heard of its end.
    is_begun: Cell<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Without the thread, where it cannot be made, the other connection does all of it.
    pub fn begin(path: &Path) -> Checkpoints {
        let path = path.to_owned();
        let open = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(path, flags).ok()?;
            Some(move || {
                let _hold = Hold::begin();
                // The connection that writes meets the same trouble, and tells of it.
                let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            })
        };
        Checkpoints::of(open)
    }

    fn of<Work: FnMut()>(open: impl FnOnce() -> Option<Work> + Send + 'static) -> Checkpoints {
        let (ask, asked) = sync_channel(1);
        let (end, done) = sync_channel(1);
        let work = move || {
            let Some(mut work) = open() else { return };
            for () in asked {
                work();
                let _ = end.send(());
            }
        };
        let thread = thread::Builder::new().spawn(work).ok();
        Checkpoints { asked: Some(ask), done, is_begun: Cell::new(false), thread }
    }

    /// Asks for one. Where the last one is not done yet, waits for its end instead: until this is called again, nobody is
    /// in the way of the connection that writes.
    pub fn ask(&self) {
        if self.is_begun.replace(false) && self.done.try_recv() == Err(TryRecvError::Empty) {
            let _ = self.done.recv();
            return;
        }
        self.is_begun.set(self.asked.as_ref().is_some_and(|asked| asked.send(()).is_ok()));
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.asked = None;
        self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_that_is_slow_is_waited_for_and_followed_by_none_at_once() {
        let (let_end, may_end) = mpsc::channel::<()>();
        let (tell_begun, begun) = mpsc::channel();
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ended);
        let checkpoints = Checkpoints::of(move || {
            Some(move || {
                tell_begun.send(()).unwrap();
                let _ = may_end.recv_timeout(Duration::from_secs(5));
                count.fetch_add(1, Ordering::SeqCst);
            })
        });
        checkpoints.ask();
        begun.recv().unwrap();
        let (answer, answered) = mpsc::channel();
        let asks = thread::spawn(move || {
            checkpoints.ask();
            answer.send(ended.load(Ordering::SeqCst)).unwrap();
            checkpoints
        });
        assert!(answered.recv_timeout(Duration::from_millis(500)).is_err(), "it is waited for");
        let_end.send(()).unwrap();
        assert_eq!(answered.recv().unwrap(), 1);
        let checkpoints = asks.join().unwrap();
        assert_eq!(begun.try_recv(), Err(mpsc::TryRecvError::Empty), "none is made now");
        checkpoints.ask();
        begun.recv().unwrap();
        drop(let_end);
    }

    #[test]
    fn a_thread_that_cannot_open_the_file_is_waited_for_by_nobody() {
        let checkpoints = Checkpoints::begin(Path::new("/nowhere/x.db"));
        (0..4).for_each(|_| checkpoints.ask());
    }
}
