//! Counts the messages of whatever passes it, and stops the world at one of them: what stands behind it never arrives.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Notify, watch};

/// What it does with what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    Counts,
    /// Stops at the message with this number, from 1.
    StopsAt(usize),
    /// Nothing passes any more, not even what is not counted.
    Stopped,
}

#[derive(Debug, Default)]
struct Inside {
    state: State,
    passed: Vec<String>,
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Tripwire {
    inside: Mutex<Inside>,
    tripped: Notify,
    /// Grows when those who were stopped have to give up.
    given_up: watch::Sender<u64>,
}

impl Default for Tripwire {
    fn default() -> Self {
        Self { inside: Mutex::default(), tripped: Notify::new(), given_up: watch::Sender::new(0) }
    }
}

impl Tripwire {
    fn inside<T>(&self, with: impl FnOnce(&mut Inside) -> T) -> T {
        with(&mut self.inside.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, state: State) {
        self.inside(|inside| *inside = Inside { state, passed: Vec::new() });
    }

    /// Counts from now on.
    pub(crate) fn count(&self) {
        self.set(State::Counts);
    }

    /// Counts from now on, and stops everything at the message with this number, from 1.
    pub(crate) fn stop_at(&self, number: usize) {
        self.set(State::StopsAt(number));
    }

    /// Waits until it has stopped everything.
    pub(crate) async fn tripped(&self) {
        loop {
            let tripped = self.tripped.notified();
            if self.inside(|inside| inside.state == State::Stopped) {
                return;
            }
            tripped.await;
        }
    }

    /// Lets everything pass again, except for what was stopped: its connection breaks. What had passed by then.
    pub(crate) fn off(&self) -> Vec<String> {
        let passed = self.inside(|inside| std::mem::take(inside).passed);
        self.given_up.send_modify(|times| *times += 1);
        passed
    }

    /// A message passes, or is stopped. An error: it never will, and its connection has to break.
    pub(crate) async fn pass(&self, what: impl FnOnce() -> String) -> io::Result<()> {
        let mut given_up = self.given_up.subscribe();
        let is_stopped = self.inside(|inside| {
            if matches!(inside.state, State::Counts | State::StopsAt(_)) {
                inside.passed.push(what());
            }
            if inside.state == State::StopsAt(inside.passed.len()) {
                inside.state = State::Stopped;
                self.tripped.notify_waiters();
            }
            inside.state == State::Stopped
        });
        if is_stopped {
            let _ = given_up.changed().await;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}
