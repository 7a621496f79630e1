//! The steps of a connection as they are taken: how long each took, what was found, and with which one it ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A step on the way to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The name becomes addresses.
    Dns,
    Tcp,
    /// The first words of the server, and what it offers.
    Greeting,
    /// The handshake, and the checks of the certificate.
    Tls,
    Login,
}

impl Step {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Dns => "DNS",
            Step::Tcp => "TCP",
            Step::Greeting => "greeting",
            Step::Tls => "TLS",
            Step::Login => "login",
        }
    }
}

/// One step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub step: Step,
    pub took: Duration,
    /// What was found, for people; empty where there is nothing to say.
    pub found: String,
}

#[derive(Debug, Default)]
struct Steps {
    taken: Vec<Taken>,
    now: Option<(Step, Instant, String)>,
    certificate_ends: Option<Timestamp>,
}

/// Takes down the steps of one connection. All of its copies are one.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Steps>>);

/// Where a connection leads does not depend on who watches.
impl PartialEq for Trail {
    fn eq(&self, _: &Trail) -> bool {
        true
    }
}

impl Eq for Trail {}

impl Trail {
    /// A step begins, unless it has begun; the one before has succeeded.
    pub(super) fn begin(&self, step: Step) {
        if self.steps().now.as_ref().is_some_and(|(now, _, _)| *now == step) {
            return;
        }
        self.end();
        self.steps().now = Some((step, Instant::now(), String::new()));
    }

    /// The step that is being taken has succeeded.
    pub(super) fn end(&self) {
        let mut steps = self.steps();
        if let Some((step, begun, found)) = steps.now.take() {
            steps.taken.push(Taken { step, took: begun.elapsed(), found });
        }
    }

    /// Something about the step that is being taken.
    pub(super) fn found(&self, words: impl Into<String>) {
        if let Some((_, _, found)) = &mut self.steps().now {
            *found = words.into();
        }
    }

    pub(super) fn certificate(&self, ends: Timestamp) {
        self.steps().certificate_ends = Some(ends);
    }

    /// When the certificate that was shown is over.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        self.steps().certificate_ends
    }

    /// The steps that succeeded, in their order, and the one with which it ended, if that is not the last.
    pub fn told(&self) -> (Vec<Taken>, Option<Taken>) {
        let steps = self.steps();
        let ended = steps.now.as_ref().map(|(step, begun, found)| Taken {
            step: *step,
            took: begun.elapsed(),
            found: found.clone(),
        });
        (steps.taken.clone(), ended)
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
