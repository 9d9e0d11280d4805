//! A message that is sent when its owner is done with it, however it ends.

use ractor::{ActorRef, Message};

/// Sends its message when dropped: also when the work it belongs to panics or is cancelled, so that no actor ever waits for
/// a word that nobody is left to say.
pub(crate) struct Notice<M: Message> {
    to: ActorRef<M>,
    message: Option<M>,
}

impl<M: Message> Notice<M> {
    /// A notice to `to` that says `message`, unless something better is said first.
    pub(crate) fn new(to: ActorRef<M>, message: M) -> Self {
        Self { to, message: Some(message) }
    }

    /// Says `message` instead, now.
    pub(crate) fn say(mut self, message: M) {
        self.message = Some(message);
    }
}

impl<M: Message> Drop for Notice<M> {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // A dead actor needs no word: its successor starts from the ledger.
            let _ = self.to.cast(message);
        }
    }
}
