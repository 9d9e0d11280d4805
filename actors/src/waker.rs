//! Wakes an actor that has something to look for, with one message at a time: mailboxes have no bound of their own, and one hint says it
//! all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ractor::Message;

use crate::supervisor::Address;

#[derive(Debug)]
pub(crate) struct Waker<M: Message> {
    pub(crate) actor: Address<M>,
    /// Whether a hint is on its way.
    hinted: Arc<AtomicBool>,
}

impl<M: Message> Clone for Waker<M> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), hinted: self.hinted.clone() }
    }
}

impl<M: Message> Default for Waker<M> {
    fn default() -> Self {
        Self { actor: Address::default(), hinted: Arc::default() }
    }
}

impl<M: Message> Waker<M> {
    pub(crate) fn wake(&self, hint: M) {
        if !self.hinted.swap(true, Ordering::AcqRel) {
            self.actor.cast(hint);
        }
    }

    /// The actor is about to look: what comes from now on wakes it again. It says so at its start as well, for a hint to its
    /// predecessor is lost.
    pub(crate) fn looks(&self) {
        // A swap, which also takes in what was done before the hint: with a store, the look could come before it.
        self.hinted.swap(false, Ordering::AcqRel);
    }
}
