//! In-flight decisions, which the ledger has not answered yet, in their order, each with those who wait for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use domain::{
    bookings::{BookingStatus, Fingerprint, HoldStatus, HolderId, Source},
    inventory::Command,
    ledger::{Entry, KeyKind, KeyOf, Prior},
};
use foldhash::quality::RandomState;
use ractor::RpcReplyPort;
use smallvec::SmallVec;

use super::{Ask, CommandAnswer, Denial, Outcome};

pub(super) type Reply = RpcReplyPort<Result<CommandAnswer, Denial>>;

/// By what a second request is recognised as the same as one on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Key(KeyOf),
    /// Of what is there already.
    Change(HolderId),
}

impl Identity {
    /// Of a command; with what it asks for, when it has a key.
    pub(super) fn of(command: &Command) -> (Self, Option<Fingerprint>) {
        let key = |account_id, key: &domain::bookings::IdempotencyKey, kind, fingerprint| {
            (Identity::Key(KeyOf { account_id, key: key.clone(), kind }), Some(fingerprint))
        };
        match command {
            Command::Hold(new) | Command::Block(new) => key(new.account_id, &new.key, KeyKind::Hold, new.fingerprint),
            Command::Book(new) => key(new.account_id, &new.key, KeyKind::Booking, new.fingerprint),
            Command::Extend { hold_id, .. } | Command::Release { hold_id, .. } => {
                (Identity::Change(HolderId::Hold(*hold_id)), None)
            }
            Command::Wait { booking_id, .. } => (Identity::Change(HolderId::Booking(*booking_id)), None),
            Command::Confirm { booking, .. }
            | Command::CancelItems { booking, .. }
            | Command::Cancel { booking, .. } => (Identity::Change(HolderId::Booking(booking.id)), None),
            Command::Expire(holder) => (Identity::Change(*holder), None),
        }
    }
}

/// The key under which a command can be repeated, with what it asks for.
pub(crate) fn identity_key(command: &Command) -> Option<(KeyOf, Fingerprint)> {
    match Identity::of(command) {
        (Identity::Key(key), Some(fingerprint)) => Some((key, fingerprint)),
        _ => None,
    }
}

/// One decision on its way.
pub(super) struct Pending {
    pub(super) entry: Entry,
    pub(super) identity: Identity,
    /// The first is who asked first; the others sent the same request again.
    pub(super) waiters: SmallVec<[Reply; 1]>,
}

impl Pending {
    pub(super) fn new(entry: Entry, identity: Identity, waiters: SmallVec<[Reply; 1]>) -> Self {
        Self { entry, identity, waiters }
    }

    /// The hold that it turns into a booking, as a thing that is closed. What only closes has that for its identity.
    fn closes_beside(&self) -> Option<Identity> {
        match &self.entry {
            Entry::Book { from: Some(hold), .. } => Some(Identity::Change(HolderId::Hold(hold.id))),
            _ => None,
        }
    }

    /// What a retry will be told, for entries with a key.
    pub(super) fn prior(&self) -> Option<Prior> {
        match &self.entry {
            Entry::Hold(hold) => Some(Prior::Hold(hold.clone())),
            Entry::Book { booking, .. } => Some(Prior::Booking(booking.clone())),
            _ => None,
        }
    }

    /// True when it closes what `command` would close, in the same way and for the same account.
    pub(super) fn closes_for(&self, command: &Command) -> bool {
        match (&self.entry, command) {
            (Entry::CloseHold { hold, to: HoldStatus::Released, .. }, Command::Release { account_id, .. }) => {
                hold.account_id == *account_id
            }
            // Two that remember something of their own, or bring money of their own, are two: the second is decided when the first has landed.
            (Entry::CloseBooking { to: BookingStatus::Cancelled, money, .. }, Command::Cancel { money: other, .. }) => {
                money == other
            }
            (Entry::Confirm { payment_id, .. }, Command::Confirm { payment_id: other, .. }) => payment_id == other,
            _ => false,
        }
    }

    /// Tells everybody who waits the same.
    pub(super) fn answer_all(self, answer: &Result<CommandAnswer, Denial>) {
        self.waiters.into_iter().for_each(|reply| send(reply, answer.clone()));
    }
}

impl From<&Prior> for Outcome {
    fn from(prior: &Prior) -> Self {
        match prior {
            Prior::Hold(hold) => Outcome::Held(Arc::clone(hold)),
            Prior::Booking(booking) => Outcome::Booked(Arc::clone(booking)),
        }
    }
}

/// A caller that has given up needs no answer.
pub(super) fn send(reply: Reply, answer: Result<CommandAnswer, Denial>) {
    let _ = reply.send(answer);
}

/// The decisions on their way, in the order in which they land.
#[derive(Default)]
pub(super) struct Queue {
    pending: VecDeque<Pending>,
    /// Sequence number of the first pending decision.
    first: u64,
    by_identity: HashMap<Identity, u64, RandomState>,
    /// Those who want something else with what the decision of this sequence number closes. They are few, and apart: a decision is
    /// moved about with each booking.
    followers: Vec<(u64, Ask)>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// The decision that the same request has led to already.
    pub(super) fn find(&mut self, identity: &Identity) -> Option<&mut Pending> {
        let sequence = self.by_identity.get(identity)?;
        self.pending.get_mut(usize::try_from(sequence - self.first).ok()?)
    }

    /// Has `ask` wait for the decision that closes what it wants to close, to confirm or to book: it may stay open after all, and the outcome
    /// decides. Gives it back if there is none.
    pub(super) fn follow(&mut self, ask: Ask) -> Option<Ask> {
        let Some(sequence) = self.closing_what(&ask.command) else { return Some(ask) };
        self.followers.push((sequence, ask));
        None
    }

    /// Those who waited for decisions that have landed. They are asked again.
    pub(super) fn followers_of_landed(&mut self) -> Vec<Ask> {
        let first = self.first;
        self.followers.extract_if(.., |(sequence, _)| *sequence < first).map(|(_, ask)| ask).collect()
    }

    /// The decision that closes what `command` wants to close, to confirm or to book. It is nobody else's business that it does.
    fn closing_what(&self, command: &Command) -> Option<u64> {
        let (wanted, account) = match command {
            Command::Extend { hold_id, account_id } | Command::Release { hold_id, account_id } => {
                (HolderId::Hold(*hold_id), *account_id)
            }
            Command::Confirm { booking, .. }
            | Command::CancelItems { booking, .. }
            | Command::Cancel { booking, .. } => (HolderId::Booking(booking.id), booking.account_id),
            Command::Book(new) => match &new.source {
                Source::Hold(hold_id) => (HolderId::Hold(*hold_id), new.account_id),
                Source::Selection(_) => return None,
            },
            Command::Hold(_) | Command::Block(_) | Command::Wait { .. } | Command::Expire(_) => return None,
        };
        let sequence = *self.by_identity.get(&Identity::Change(wanted))?;
        let pending = self.pending.get(usize::try_from(sequence - self.first).ok()?)?;
        (pending.entry.account_id() == account).then_some(sequence)
    }

    pub(super) fn push(&mut self, pending: Pending) {
        if let Some(closed) = pending.closes_beside() {
            self.by_identity.insert(closed, self.first + self.pending.len() as u64);
        }
        self.by_identity.insert(pending.identity.clone(), self.first + self.pending.len() as u64);
        self.pending.push_back(pending);
    }

    /// The first `count` decisions, which are on their way no more.
    pub(super) fn landed(&mut self, count: usize) -> Vec<Pending> {
        let landed: Vec<_> = self.pending.drain(..count.min(self.pending.len())).collect();
        self.first += landed.len() as u64;
        for pending in &landed {
            self.by_identity.remove(&pending.identity);
            if let Some(closed) = pending.closes_beside() {
                self.by_identity.remove(&closed);
            }
        }
        landed
    }
}
