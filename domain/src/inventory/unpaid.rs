//! Who has how many unpaid places, kept beside the places themselves.
//!
//! What accounts have follows from the ledger's rows, so it is exact after a reload. Networks and what ran out are known in
//! memory only: neither is worth a column. So each inventory hands them over to the one that is read again in its place, and only
//! what forgets the event, such as a restart of the process, forgives.

use std::{collections::HashMap, time::Duration};

use foldhash::quality::RandomState;
use jiff::Timestamp;

use super::holder::Holder;
use crate::{
    bookings::{BookingStatus, HoldStatus, HolderId},
    ids::AccountId,
    ledger::Entry,
    rate_limit::Gcra,
    refusal::Refusal,
    unpaid::{Buyer, NetworkId, UnpaidLimits},
};

/// Units of the instants here in a second.
const MICROSECONDS: u32 = 1_000_000;
/// From so many accounts on that have let something run out, those are forgotten who need not wait.
const COOLING_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Unpaid {
    limits: UnpaidLimits,
    expiries: Gcra,
    by_account: HashMap<AccountId, u32, RandomState>,
    by_network: HashMap<NetworkId, u32, RandomState>,
    /// From where each holder came, and with how many places.
    networks: HashMap<HolderId, (NetworkId, u32), RandomState>,
    /// Of accounts that have let something run out: until when that counts (the arrival time of GCRA).
    cooling: HashMap<AccountId, u64, RandomState>,
}

/// What no row tells, handed over from an inventory to its successor.
#[derive(Debug)]
pub struct UnpaidMemory {
    networks: HashMap<HolderId, (NetworkId, u32), RandomState>,
    cooling: HashMap<AccountId, u64, RandomState>,
}

impl UnpaidMemory {
    /// From where a holder came. The booking of a hold may be news: then it came from where the hold did.
    fn network(&self, id: HolderId, holder: &Holder) -> Option<NetworkId> {
        let from = match holder {
            Holder::Booking(booking) => booking.hold_id.and_then(|hold| self.networks.get(&HolderId::Hold(hold))),
            Holder::Hold(_) => None,
        };
        self.networks.get(&id).or(from).map(|(network, _)| *network)
    }
}

impl Unpaid {
    pub(super) fn new(limits: UnpaidLimits) -> Self {
        Self {
            expiries: Gcra::new(limits.expiries, MICROSECONDS),
            limits,
            by_account: HashMap::default(),
            by_network: HashMap::default(),
            networks: HashMap::default(),
            cooling: HashMap::default(),
        }
    }

    /// Counts what the ledger has.
    pub(super) fn keep(&mut self, holder: &Holder) {
        match holder {
            Holder::Hold(hold) if hold.is_block() => {}
            Holder::Hold(hold) => self.take(hold.account_id, hold.items.len()),
            Holder::Booking(booking) => self.take(booking.account_id, booking.items.len()),
        }
    }

    fn take(&mut self, account: AccountId, places: usize) {
        *self.by_account.entry(account).or_default() += places as u32;
    }

    pub(super) fn came_from(&mut self, holder: HolderId, network: NetworkId, places: usize) {
        let places = places as u32;
        if self.networks.insert(holder, (network, places)).is_none() {
            *self.by_network.entry(network).or_default() += places;
        }
    }

    fn give_back(&mut self, holder: HolderId, account: AccountId, places: usize) {
        reduce(&mut self.by_account, account, places as u32);
        if let Some((network, places)) = self.networks.remove(&holder) {
            reduce(&mut self.by_network, network, places);
        }
    }

    pub(super) fn hand_over(&mut self) -> UnpaidMemory {
        self.by_network.clear();
        UnpaidMemory { networks: std::mem::take(&mut self.networks), cooling: std::mem::take(&mut self.cooling) }
    }

    pub(super) fn take_over(&mut self, memory: UnpaidMemory, holders: &HashMap<HolderId, Holder, RandomState>) {
        for (id, holder) in holders {
            if let Some(network) = memory.network(*id, holder) {
                self.came_from(*id, network, holder.places());
            }
        }
        self.cooling = memory.cooling;
    }

    /// The decision is made, and its places count from now on.
    pub(super) fn apply(&mut self, entry: &Entry) {
        if entry.takes_free_places() && is_unpaid(entry) {
            self.take(entry.account_id(), entry.items().len());
        }
    }

    /// The ledger has not accepted it.
    pub(super) fn revert(&mut self, entry: &Entry) {
        if entry.takes_free_places() && is_unpaid(entry) {
            self.give_back(HolderId::from(entry), entry.account_id(), entry.items().len());
        }
    }

    /// The ledger has it.
    pub(super) fn settle(&mut self, entry: &Entry) {
        let (account, places) = (entry.account_id(), entry.items().len());
        let (closed, at) = match entry {
            Entry::Book { booking, from: Some(hold) } if booking.status == BookingStatus::PendingPayment => {
                // The places are as unpaid as before.
                if let Some(from) = self.networks.remove(&HolderId::Hold(hold.id)) {
                    self.networks.insert(HolderId::Booking(booking.id), from);
                }
                return;
            }
            Entry::Book { from: Some(hold), .. } => (HolderId::Hold(hold.id), None),
            Entry::Hold(_)
            | Entry::Book { from: None, .. }
            | Entry::ExtendHold { .. }
            | Entry::ExtendBooking { .. }
            | Entry::CancelItems { .. } => return,
            Entry::Confirm { .. } => (HolderId::from(entry), None),
            Entry::CloseHold { to, at, .. } => (HolderId::from(entry), (*to == HoldStatus::Expired).then_some(*at)),
            Entry::CloseBooking { to, at, .. } => {
                (HolderId::from(entry), (*to == BookingStatus::Expired).then_some(*at))
            }
        };
        if matches!(entry, Entry::Book { .. }) || is_unpaid(entry) {
            self.give_back(closed, account, places);
            if let Some(at) = at {
                self.ran_out(account, at);
            }
        }
    }

    fn ran_out(&mut self, account: AccountId, at: Timestamp) {
        let now = micros(at);
        if self.cooling.len() >= COOLING_MAX {
            self.cooling.retain(|_, arrival| *arrival > now);
        }
        let arrival = self.cooling.entry(account).or_default();
        // Many at once are no longer wait than twice the window.
        let longest = now + 2 * (self.expiries.tolerance + self.expiries.interval);
        *arrival = ((*arrival).max(now) + self.expiries.interval).min(longest);
    }

    pub(super) fn check(
        &self,
        account: AccountId,
        places: usize,
        buyer: &Buyer,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let places = places as u32;
        let has = self.by_account.get(&account).copied().unwrap_or(0);
        let most = self.limits.per_account;
        if has.saturating_add(places) > most {
            return Err(Refusal::Limit(format!(
                "at most {most} unpaid places of an event for each account: you have {has} and ask for {places} more; pay \
                 for what you have, or release it, then ask again"
            )));
        }
        if let Some(network) = buyer.network
            && self.by_network.get(&network).copied().unwrap_or(0).saturating_add(places) > self.limits.per_network
        {
            return Err(Refusal::Limit(
                "too many places of this event are held or unpaid from your network; try again when some are paid or have \
                 expired"
                    .to_owned(),
            ));
        }
        let now = micros(now);
        let arrival = self.cooling.get(&account).copied().unwrap_or(0);
        match self.expiries.wait(arrival, now) {
            0 => Ok(()),
            wait => Err(Refusal::TooOften { retry_after: Some(Duration::from_micros(wait)) }),
        }
    }
}

/// Whether its places are, or were, taken without being paid.
pub(super) fn is_unpaid(entry: &Entry) -> bool {
    match entry {
        Entry::Hold(_) | Entry::ExtendHold { .. } | Entry::CloseHold { .. } => !entry.is_of_block(),
        Entry::Book { booking, .. }
        | Entry::ExtendBooking { booking, .. }
        | Entry::Confirm { booking, .. }
        | Entry::CancelItems { booking, .. }
        | Entry::CloseBooking { booking, .. } => booking.status == BookingStatus::PendingPayment,
    }
}

fn reduce<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, u32, RandomState>, key: K, places: u32) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(places);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or(0)
}
