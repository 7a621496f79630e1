//! The guard as the connection and the session share it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Guard;

/// One conversation with an IMAP server, shared between the `imap` crate (as its stream) and the session that asks
/// for the facts.
#[derive(Clone)]
pub(in crate::net) struct Shared(Arc<Mutex<Guard>>);

impl Shared {
    /// Shares `guard`.
    pub(in crate::net) fn new(guard: Guard) -> Shared {
        Shared(Arc::new(Mutex::new(guard)))
    }

    /// The guard; a panic of the crate does not make it unusable.
    pub(in crate::net) fn lock(&self) -> MutexGuard<'_, Guard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The crate's client derives Debug; neither buffers nor secrets belong there.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared(Guard)")
    }
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }
}

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.lock().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
