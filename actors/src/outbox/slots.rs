//! What the courier can be told, and the places of the mails that are on their way.

use std::sync::Arc;

use domain::{mail::Rank, outbox::FreeSlots};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One slot of so many is kept for mails that somebody waits for.
const AWAITED_OF: u32 = 4;

/// What a courier can be told.
#[derive(Debug)]
pub(super) enum CourierMessage {
    /// Somebody has queued a mail.
    Hint,
    /// It is time to look without a hint.
    Poll,
    /// There are turns again, or a pause is over.
    Due,
    /// The look at the queue is over.
    Looked(QueueLook),
    /// A mail is off its way.
    Free,
    /// It is time to delete and to count.
    Tidy,
    /// That is done.
    Tidied,
}

/// What a look at the queue has found.
#[derive(Clone, Copy, Debug)]
pub(super) enum QueueLook {
    /// As many mails as there was room for: perhaps there are more.
    Full {
        /// Whether that was any.
        some: bool,
    },
    /// All that was due.
    Rest,
    /// Nothing that could be told.
    Failed,
}

/// One permit for each mail that may be on its way, and one for each of [`Rank::Usual`] among them.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub(super) all: Arc<Semaphore>,
    usual: Arc<Semaphore>,
    pub(super) count: u32,
}

/// A mail's place among those on their way.
pub(super) struct MailSlot {
    _all: OwnedSemaphorePermit,
    _usual: Option<OwnedSemaphorePermit>,
}

/// Places for what a look may find.
pub(super) struct Places {
    all: OwnedSemaphorePermit,
    usual: OwnedSemaphorePermit,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        // With a single slot there is nothing to share.
        let awaited = (count / AWAITED_OF).max(1).min(count - 1);
        let of = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self { all: of(count), usual: of(count - awaited), count }
    }

    pub(super) fn free(&self) -> FreeSlots {
        let of = |slots: &Semaphore| u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
        FreeSlots { all: of(&self.all), usual: of(&self.usual) }
    }

    pub(super) fn take(&self, room: FreeSlots) -> Option<Places> {
        let all = self.all.clone().try_acquire_many_owned(room.all).ok()?;
        let usual = self.usual.clone().try_acquire_many_owned(room.usual).ok()?;
        Some(Places { all, usual })
    }
}

impl Places {
    /// The place of one mail. There are as many as mails were asked for.
    pub(super) fn one(&mut self, rank: Rank) -> Option<MailSlot> {
        let usual = match rank {
            Rank::Awaited => None,
            Rank::Usual => Some(self.usual.split(1)?),
        };
        Some(MailSlot { _all: self.all.split(1)?, _usual: usual })
    }
}
