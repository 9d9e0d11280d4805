//! Outbox polling: takes mails from the queue when they have their turn, a bounded number at once. Its memory is worth
//! nothing: everything is in the queue.

use std::{sync::Arc, time::Duration};

use domain::{
    mail::Rank,
    outbox::{FreeSlots, MailQueue, SendMail},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{sync::watch, time::Instant};

use super::{
    OutboxSettings,
    refusals::Refusals,
    sending::Job,
    slots::{CourierMessage, Places, QueueLook, Slots},
};
use crate::{
    breakers::{Breaker, BreakerState},
    later::send_later,
    notice::Notice,
    waker::Waker,
};

/// A lease outlasts the try by this: noting the outcome takes time too.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

pub(super) struct Courier<Q, S> {
    pub(super) queue: Arc<Q>,
    pub(super) sender: Arc<S>,
    pub(super) settings: OutboxSettings,
    pub(super) slots: Slots,
    pub(super) breaker: Arc<Breaker>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) waker: Waker<CourierMessage>,
}

#[derive(Default)]
pub(super) struct CourierState {
    /// A look is under way.
    looking: bool,
    /// What was queued since that look began may have escaped it.
    look_again: bool,
    /// More may be due than there was room for.
    more: bool,
    /// The last look failed, which has been said.
    failing: bool,
    /// When the next [`CourierMessage::Due`] comes.
    due: Option<Instant>,
}

impl<Q: MailQueue, S: SendMail> Courier<Q, S> {
    /// Looks for as many mails as there are free slots and turns, beside the mailbox: a database that does not answer holds up
    /// nothing that is told meanwhile.
    fn look(&self, myself: &ActorRef<CourierMessage>, state: &mut CourierState) {
        if state.looking {
            state.look_again = true;
            return;
        }
        if *self.closing.borrow() {
            return;
        }
        let room = self.room(myself, state);
        if room.all == 0 {
            // A freed slot is announced, and of turns and pauses there is a message.
            state.more = true;
            return;
        }
        let Some(places) = self.slots.take(room) else { return };
        state.looking = true;
        let notice = Notice::new(myself.clone(), CourierMessage::Looked(QueueLook::Failed));
        tokio::spawn(find(self.job(myself), places, room, notice, state.failing));
    }

    /// How many mails may be claimed now. If that is less than there are slots, there is a message when it is more.
    fn room(&self, myself: &ActorRef<CourierMessage>, state: &mut CourierState) -> FreeSlots {
        let free = self.slots.free();
        if let Some(wait) = self.breaker.wait() {
            self.look_after(wait, myself, state);
            return FreeSlots { all: 0, usual: 0 };
        }
        if self.breaker.state() == BreakerState::HalfOpen {
            // One mail probes; its end is announced like any other.
            let all = u32::from(free.all == self.slots.count);
            return FreeSlots { all, usual: free.usual.min(all) };
        }
        let turns = self.sender.turns();
        if turns.all == 0 || turns.usual == 0 {
            self.look_after(turns.next, myself, state);
        }
        let all = free.all.min(turns.all);
        FreeSlots { all, usual: free.usual.min(turns.usual).min(all) }
    }

    fn look_after(&self, wait: Duration, myself: &ActorRef<CourierMessage>, state: &mut CourierState) {
        let at = Instant::now() + wait;
        if state.due.is_none_or(|due| due > at) {
            state.due = Some(at);
            send_later(myself, wait, CourierMessage::Due);
        }
    }

    fn job(&self, myself: &ActorRef<CourierMessage>) -> Job<Q, S> {
        Job {
            queue: self.queue.clone(),
            sender: self.sender.clone(),
            settings: self.settings,
            breaker: self.breaker.clone(),
            refusals: self.refusals.clone(),
            closing: self.closing.clone(),
            courier: myself.clone(),
        }
    }
}

/// Claims as many mails as there is room for, and sends each in a task of its own.
async fn find<Q: MailQueue, S: SendMail>(
    job: Job<Q, S>,
    mut places: Places,
    room: FreeSlots,
    notice: Notice<CourierMessage>,
    failing: bool,
) {
    let OutboxSettings { send_timeout, upkeep, .. } = job.settings;
    let look = match job.queue.claim(room, send_timeout + LEASE_MARGIN, upkeep.attempts_max).await {
        Ok(mails) => {
            let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
            let usual = count(mails.iter().filter(|mail| mail.rank() == Rank::Usual).count());
            let (found, some) = (count(mails.len()), !mails.is_empty());
            for mail in mails {
                let Some(slot) = places.one(mail.rank()) else { break };
                job.sender.take_turn(mail.rank());
                tokio::spawn(job.clone().send(mail, slot));
            }
            if found >= room.all || usual >= room.usual { QueueLook::Full { some } } else { QueueLook::Rest }
        }
        Err(error) => {
            if !failing {
                tracing::warn!(%error, "the outbox can't be read; this is said once until it can");
            }
            QueueLook::Failed
        }
    };
    // Before the courier is told: it looks at what is free.
    drop(places);
    notice.say(CourierMessage::Looked(look));
}

impl<Q: MailQueue, S: SendMail> Actor for Courier<Q, S> {
    type Msg = CourierMessage;
    type State = CourierState;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        self.waker.looks();
        for first in [CourierMessage::Poll, CourierMessage::Tidy] {
            myself.cast(first)?;
        }
        Ok(CourierState::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CourierMessage::Hint => {
                self.waker.looks();
                self.look(&myself, state);
            }
            CourierMessage::Poll => {
                self.look(&myself, state);
                send_later(&myself, self.settings.poll_every, CourierMessage::Poll);
            }
            CourierMessage::Due => {
                state.due = None;
                self.look(&myself, state);
            }
            CourierMessage::Looked(look) => {
                state.looking = false;
                state.failing = matches!(look, QueueLook::Failed);
                state.more = matches!(look, QueueLook::Full { .. });
                let at_once = matches!(look, QueueLook::Full { some: true });
                if std::mem::take(&mut state.look_again) || at_once {
                    self.look(&myself, state);
                }
            }
            CourierMessage::Free => {
                if state.more {
                    self.look(&myself, state);
                }
            }
            CourierMessage::Tidy => {
                tokio::spawn(self.job(&myself).tidy());
            }
            CourierMessage::Tidied => {
                send_later(&myself, self.settings.tidy_every, CourierMessage::Tidy);
            }
        }
        Ok(())
    }
}
