//! Commit outcomes: the inventory settles or reverts what it had decided, publishes, and answers.

use domain::{
    bookings::BookingStatus,
    ledger::{Entry, Ledger, Prior, Rejection},
    refusal::Refusal,
};
use ractor::{ActorProcessingErr, ActorRef};

use super::{
    Ask, CommandAnswer, Denial, InventoryMessage, Outcome,
    actor::InventoryActor,
    queue::{Identity, Pending},
    state::Ready,
};
use crate::{
    ledger::commit::{BatchFailure, BatchOutcome, EntryOutcome},
    metrics::engine,
};

/// The ledger refuses what memory should have refused.
fn distrust(rejection: &Rejection) -> ActorProcessingErr {
    format!("memory can't be trusted: {rejection}").into()
}

impl<L: Ledger> InventoryActor<L> {
    pub(super) fn committed(
        &self,
        myself: &ActorRef<InventoryMessage>,
        outcome: BatchOutcome,
        ready: &mut Ready,
    ) -> Result<(), ActorProcessingErr> {
        let (outcomes, versions) = match outcome {
            BatchOutcome::Done { entries, versions } => (entries, versions),
            BatchOutcome::Failed(failure) => return Err(format!("memory can't be trusted: {failure}").into()),
            BatchOutcome::Partly { known, failure } => return Err(answer_known(known, &failure, ready)),
        };
        let landed = ready.queue.landed(outcomes.len());
        self.slot.admission.answered();
        if !ready.queue.is_empty() {
            self.slot.admission.asked();
        }
        ready.inventory.set_versions(&versions);
        let followers = ready.queue.followers_of_landed();
        let (mut answers, mut doubt) = (Vec::with_capacity(landed.len()), None);
        for (pending, outcome) in landed.into_iter().zip(outcomes) {
            match &outcome {
                EntryOutcome::Committed => {
                    ready.inventory.settle(&pending.entry);
                    if let (Identity::Key(key), Some(prior)) = (&pending.identity, pending.prior()) {
                        ready.keys.remember(key.clone(), prior);
                    }
                }
                EntryOutcome::Prior(prior) => {
                    ready.inventory.revert(&pending.entry);
                    if let Identity::Key(key) = &pending.identity {
                        ready.keys.remember(key.clone(), prior.clone());
                    }
                }
                EntryOutcome::Rejected(rejection) if leaves_memory_sound(rejection, &pending.entry) => {
                    ready.inventory.revert(&pending.entry);
                }
                EntryOutcome::Rejected(rejection) => doubt = Some(rejection.clone()),
            }
            answers.push((pending, outcome));
        }
        if let Some(rejection) = doubt {
            // What the ledger has is told first. Those whose thing is not open ask the successor, which knows how it is.
            answers.into_iter().filter(|(_, outcome)| is_known(outcome)).for_each(answer);
            return Err(distrust(&rejection));
        }
        self.publish(ready);
        // Also what did not fit into the last batch, or what the ledger refused to close: no timer comes for it.
        self.tick(myself, ready);
        answers.into_iter().for_each(answer);
        followers.into_iter().for_each(|ask: Ask| self.ask(ask, ready));
        self.finish_warming(ready);
        Ok(())
    }
}

/// Only a part of a batch has an outcome. Those whose booking is in the ledger are told so before the inventory fails.
fn answer_known(known: Vec<Option<EntryOutcome>>, failure: &BatchFailure, ready: &mut Ready) -> ActorProcessingErr {
    let landed = ready.queue.landed(known.len()).into_iter().zip(known);
    let told = landed.filter_map(|(pending, outcome)| Some((pending, outcome?)));
    told.filter(|(_, outcome)| is_known(outcome)).for_each(answer);
    format!("memory can't be trusted: {failure}").into()
}

/// Whether it can be told, whatever may be wrong with memory.
fn is_known(outcome: &EntryOutcome) -> bool {
    !matches!(outcome, EntryOutcome::Rejected(Rejection::NotOpen))
}

/// Whether a rejection says something that memory does not claim to know.
fn leaves_memory_sound(rejection: &Rejection, entry: &Entry) -> bool {
    match rejection {
        Rejection::AccountGone | Rejection::KeyUnreadable | Rejection::MoneyChanged => true,
        // Confirmed and expired bookings are known to the ledger only, so they may have been changed since they were read.
        Rejection::NotOpen if entry.is_late() => true,
        Rejection::NotOpen | Rejection::Guard(_) => {
            matches!(entry, Entry::CancelItems { booking, .. } | Entry::CloseBooking { booking, .. }
                if booking.status == BookingStatus::Confirmed)
        }
    }
}

fn answer((pending, outcome): (Pending, EntryOutcome)) {
    match outcome {
        EntryOutcome::Committed => {
            engine().applied.increment(1);
            pending.answer();
        }
        EntryOutcome::Prior(prior) => answer_prior(pending, &prior),
        EntryOutcome::Rejected(Rejection::AccountGone) => pending.answer_all(&Err(Refusal::AccountGone.into())),
        EntryOutcome::Rejected(rejection @ Rejection::KeyUnreadable) => {
            pending.answer_all(&Err(Denial::Unavailable(rejection.to_string())));
        }
        // Not asked again by itself: if the successor's memory broke the same guard, one request would take the event down.
        EntryOutcome::Rejected(rejection @ Rejection::Guard(_)) if !leaves_memory_sound(&rejection, &pending.entry) => {
            pending.answer_all(&Err(Denial::Unavailable(rejection.to_string())));
        }
        EntryOutcome::Rejected(Rejection::NotOpen | Rejection::MoneyChanged | Rejection::Guard(_)) => {
            pending.answer_all(&Err(Denial::NotOpen));
        }
    }
}

fn answer_prior(pending: Pending, prior: &Prior) {
    let same = pending.prior().map(|own| own.fingerprint()) == Some(prior.fingerprint());
    // Its own commit, whose answer was lost, is no replay for the first caller.
    let replayed = !prior.is_of(&pending.entry);
    if !same {
        return pending.answer_all(&Err(Refusal::KeyReused.into()));
    }
    engine().replayed.increment(u64::from(replayed));
    pending.answer_with(&Outcome::from(prior), replayed);
}

impl Pending {
    /// Tells everybody who waits that it is done.
    fn answer(self) {
        let outcome = match &self.entry {
            Entry::ExtendHold { hold, .. } => Outcome::Held(hold.clone()),
            Entry::ExtendBooking { booking, .. } => Outcome::Booked(booking.clone()),
            _ => self.prior().as_ref().map_or(Outcome::Changed, Outcome::from),
        };
        self.answer_with(&outcome, false);
    }

    fn answer_with(self, outcome: &Outcome, replayed: bool) {
        for (index, reply) in self.waiters.into_iter().enumerate() {
            super::queue::send(reply, Ok(CommandAnswer { outcome: outcome.clone(), replayed: replayed || index > 0 }));
        }
    }
}
