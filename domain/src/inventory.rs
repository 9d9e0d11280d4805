//! The inventory of one event: what is free, held and sold, and who may have it.
//!
//! Three steps, all pure: [`Inventory::decide`] says what a command would do, [`Inventory::apply`] takes the places so that
//! the next decision sees them taken, and once the ledger has answered, [`Inventory::settle`] or [`Inventory::revert`]
//! closes the matter. Places are given back by `settle` only: what is freed too early could be sold twice.
//!
//! For each quota `available + pending + held + sold = capacity` after every step, and `held`, `sold` and `version` are
//! at all times what the ledger has.

mod caps;
mod changes;
mod choose;
mod codes;
mod decide;
mod holder;
mod prices;
mod seats;
mod snapshot;
mod unpaid;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use codes::Codes;
use foldhash::quality::RandomState;
use holder::Holder;
use jiff::Timestamp;
use seats::Seats;
use unpaid::Unpaid;

use crate::{
    bookings::{Attendees, Booking, BookingStatus, Fingerprint, HolderId, IdempotencyKey, Positions, Source},
    events::SalePlan,
    ids::{AccountId, BookingId, HoldId, PaymentId, QuotaId},
    ledger::{Entry, LoadedInventory, QuotaCount},
    payments::records::NewCancellation,
    pricing::price_list::PriceList,
    promo_codes::CodeName,
    selection::Selection,
};
pub use changes::Changes;
pub use seats::SeatState;
pub use snapshot::{Availability, TicketTypeAvailability};
pub use unpaid::UnpaidMemory;

/// A request to hold places.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// The id it will have.
    pub id: HoldId,
    pub account_id: AccountId,
    /// The client's name for the request.
    pub key: IdempotencyKey,
    /// What the request asks for.
    pub fingerprint: Fingerprint,
    pub selection: Selection,
    pub promo_code: Option<CodeName>,
}

/// A request to book places.
#[derive(Clone, Debug)]
pub struct NewBooking {
    /// The id it will have.
    pub id: BookingId,
    pub account_id: AccountId,
    /// The client's name for the request.
    pub key: IdempotencyKey,
    /// What the request asks for.
    pub fingerprint: Fingerprint,
    pub source: Source,
    /// Of a selection. The booking of a hold has the hold's.
    pub promo_code: Option<CodeName>,
    pub attendees: Attendees,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// Keep places for a while.
    Hold(NewHold),
    /// Keep places back for the organizer, whatever is on sale.
    Block(NewHold),
    /// Keep the places of a hold for longer: as long as a new one, but not beyond the event's cap.
    Extend { hold_id: HoldId, account_id: AccountId },
    /// Give a hold, or a block, back.
    Release { hold_id: HoldId, account_id: AccountId },
    /// Book places.
    Book(NewBooking),
    /// A booking that waits for its payment waits longer; never for a shorter time.
    Wait { booking_id: BookingId, until: Timestamp },
    /// A booking is paid.
    Confirm {
        /// As the ledger has it.
        booking: Arc<Booking>,
        /// The attempt whose money pays it. In the transaction of the confirmation it becomes one that has succeeded.
        payment_id: Option<PaymentId>,
    },
    /// Give a booking back.
    Cancel {
        /// As the ledger has it.
        booking: Arc<Booking>,
        /// What is remembered of it beside the places, and what goes back. The ledger refuses it if payments have changed since.
        money: Option<Arc<NewCancellation>>,
    },
    /// Give some of the places of a confirmed booking back.
    CancelItems {
        /// As the ledger has it.
        booking: Arc<Booking>,
        positions: Positions,
        money: Option<Arc<NewCancellation>>,
    },
    /// Close what has expired.
    Expire(HolderId),
}

/// Counters of one quota.
#[derive(Clone, Copy, Debug)]
struct QuotaState {
    capacity: u32,
    /// As in the ledger.
    held: u32,
    /// As in the ledger.
    sold: u32,
    /// Taken by decisions that the ledger has not answered yet.
    pending: u32,
    /// As in the ledger.
    version: i64,
}

impl QuotaState {
    fn available(&self) -> u32 {
        self.capacity.saturating_sub(self.held + self.sold + self.pending)
    }
}

#[derive(Debug)]
pub struct Inventory {
    plan: Arc<SalePlan>,
    prices: PriceList,
    codes: Codes,
    quotas: Vec<QuotaState>,
    /// Versions of quotas that were deleted; see [`LoadedInventory::version_base`].
    version_base: i64,
    seats: Seats,
    /// The sections that each ticket type of the plan sells, by their places on the map.
    sections_of_types: Vec<Vec<usize>>,
    holders: HashMap<HolderId, Holder, RandomState>,
    /// Holds and bookings that an entry on its way to the ledger changes; also confirmed and expired bookings, which are no holders here.
    closing: HashSet<HolderId, RandomState>,
    /// When each holder expires, soonest first.
    expiries: BTreeSet<(Timestamp, HolderId)>,
    /// Places of each account, kept only when the event limits them.
    by_account: Option<HashMap<AccountId, u32, RandomState>>,
    /// Unpaid places, kept only when the event limits them.
    unpaid: Option<Unpaid>,
}

/// The ledger's rows contradict each other, so there is no state to start from.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's rows contradict each other: {0}")]
pub struct Inconsistent(String);

impl Inventory {
    /// Starts from what the ledger has.
    pub fn load(loaded: LoadedInventory) -> Result<Self, Inconsistent> {
        let plan = Arc::new(loaded.plan);
        let mut quotas = Vec::with_capacity(plan.quotas.len());
        for quota in &plan.quotas {
            let count = loaded.counts.iter().find(|count| count.quota_id == quota.id);
            let QuotaCount { held, sold, version, .. } =
                *count.ok_or_else(|| Inconsistent(format!("quota {} has no counters", quota.id)))?;
            quotas.push(QuotaState { capacity: quota.capacity, held, sold, pending: 0, version });
        }
        let seats = Seats::load(plan.seat_map.clone(), &loaded.claims).map_err(Inconsistent)?;
        let sections_of_types = plan.ticket_types.iter().map(|of| seats.sections(of, None)).collect();
        let mut inventory = Self {
            sections_of_types,
            prices: PriceList::new(plan.currency, &plan.terms, &plan.ticket_types),
            codes: Codes::load(&plan.promo_codes, loaded.code_uses),
            unpaid: plan.unpaid.map(Unpaid::new),
            by_account: plan.max_per_account.map(|_| loaded.by_account.into_iter().collect()),
            plan,
            quotas,
            version_base: loaded.version_base,
            seats,
            holders: HashMap::default(),
            closing: HashSet::default(),
            expiries: BTreeSet::new(),
        };
        loaded.holds.into_iter().for_each(|hold| inventory.keep(Holder::Hold(Arc::new(hold))));
        loaded.pending.into_iter().for_each(|booking| inventory.keep(Holder::Booking(Arc::new(booking))));
        if let Some(unpaid) = &mut inventory.unpaid {
            inventory.holders.values().for_each(|holder| unpaid.keep(holder));
        }
        Ok(inventory)
    }

    /// The rules it decides by.
    pub fn plan(&self) -> &SalePlan {
        &self.plan
    }

    /// Takes the places of a decision, so that the next one sees them taken. Every applied entry must be settled or
    /// reverted once.
    pub fn apply(&mut self, entry: &Entry) {
        if let Some(unpaid) = &mut self.unpaid {
            unpaid.apply(entry);
        }
        self.codes.apply(entry);
        if entry.takes_free_places() {
            for item in entry.items().iter() {
                if let Some(quota) = self.quota(item.quota_id) {
                    quota.pending += 1;
                }
            }
            self.seats.set(entry.items(), SeatState::Pending);
            self.count(entry, 1);
        }
        self.closing.extend(entry.changes());
    }

    /// The ledger has the entry: memory follows.
    pub fn settle(&mut self, entry: &Entry) {
        if let Some(unpaid) = &mut self.unpaid {
            unpaid.settle(entry);
        }
        self.codes.settle(entry);
        let took = entry.takes_free_places();
        for change in entry.quota_changes() {
            if let Some(quota) = self.quota(change.quota_id) {
                quota.pending -= u32::from(took);
                quota.held = quota.held.saturating_add_signed(change.held);
                quota.sold = quota.sold.saturating_add_signed(change.sold);
            }
        }
        match entry {
            Entry::Hold(hold) => {
                self.seats.set(&hold.items, SeatState::Held);
                self.keep(Holder::Hold(hold.clone()));
            }
            Entry::Book { booking, from } => {
                if let Some(hold) = from {
                    self.forget(HolderId::Hold(hold.id));
                }
                if booking.status == BookingStatus::PendingPayment {
                    self.seats.set(&booking.items, SeatState::Held);
                    self.keep(Holder::Booking(booking.clone()));
                } else {
                    self.seats.set(&booking.items, SeatState::Sold);
                }
            }
            Entry::ExtendHold { hold, .. } => {
                self.forget(HolderId::Hold(hold.id));
                self.keep(Holder::Hold(hold.clone()));
            }
            Entry::ExtendBooking { booking, .. } => {
                self.forget(HolderId::Booking(booking.id));
                self.keep(Holder::Booking(booking.clone()));
            }
            Entry::Confirm { booking, .. } => {
                self.forget(HolderId::Booking(booking.id));
                self.seats.set(&booking.items, SeatState::Sold);
            }
            Entry::CloseHold { .. } | Entry::CancelItems { .. } | Entry::CloseBooking { .. } => {
                self.forget(HolderId::from(entry));
                self.seats.set(entry.items(), SeatState::Free);
                self.count(entry, -1);
            }
        }
    }

    /// The ledger refused the entry: memory is as if it had never been decided.
    pub fn revert(&mut self, entry: &Entry) {
        if let Some(unpaid) = &mut self.unpaid {
            unpaid.revert(entry);
        }
        self.codes.revert(entry);
        if entry.takes_free_places() {
            for item in entry.items().iter() {
                if let Some(quota) = self.quota(item.quota_id) {
                    quota.pending -= 1;
                }
            }
            self.seats.set(entry.items(), SeatState::Free);
            self.count(entry, -1);
        }
        // When the ledger says that it is not open, whoever closed it has freed its places.
        if let Some(changed) = entry.changes() {
            self.closing.remove(&changed);
        }
    }

    /// Versions that the next batch builds on.
    pub fn versions(&self) -> Vec<(QuotaId, i64)> {
        self.plan.quotas.iter().zip(&self.quotas).map(|(quota, state)| (quota.id, state.version)).collect()
    }

    /// Takes over the versions that the ledger has after a batch.
    pub fn set_versions(&mut self, versions: &[(QuotaId, i64)]) {
        for (quota_id, version) in versions {
            if let Some(quota) = self.quota(*quota_id) {
                quota.version = *version;
            }
        }
    }

    /// Counters as the ledger has them.
    pub fn counts(&self) -> Vec<QuotaCount> {
        let of = |(quota, state): (&crate::events::Quota, &QuotaState)| QuotaCount {
            quota_id: quota.id,
            held: state.held,
            sold: state.sold,
            version: state.version,
        };
        self.plan.quotas.iter().zip(&self.quotas).map(of).collect()
    }

    /// The instant at which the next hold or unpaid booking expires.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// At most `limit` holders that have expired and are not being closed yet, soonest first.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Vec<HolderId> {
        self.expiries
            .iter()
            .take_while(|(at, _)| *at <= now)
            .filter(|(_, holder)| !self.closing.contains(holder))
            .take(limit)
            .map(|(_, holder)| *holder)
            .collect()
    }

    fn quota(&mut self, id: QuotaId) -> Option<&mut QuotaState> {
        self.plan.quota_index(id).map(|index| &mut self.quotas[index])
    }

    fn keep(&mut self, holder: Holder) {
        let (id, ends_at) = match &holder {
            // Nothing waits for a block's end, so its inventory may be unloaded.
            Holder::Hold(hold) => (HolderId::Hold(hold.id), hold.ends_at()),
            Holder::Booking(booking) => (HolderId::Booking(booking.id), booking.ends_at()),
        };
        self.expiries.extend(ends_at.map(|at| (at, id)));
        self.holders.insert(id, holder);
    }

    fn forget(&mut self, id: HolderId) {
        let ends_at = match self.holders.remove(&id) {
            Some(Holder::Hold(hold)) => hold.ends_at(),
            Some(Holder::Booking(booking)) => booking.ends_at(),
            None => None,
        };
        if let Some(at) = ends_at {
            self.expiries.remove(&(at, id));
        }
        self.closing.remove(&id);
    }

    fn count(&mut self, entry: &Entry, sign: i32) {
        if let Some(by_account) = &mut self.by_account
            && !entry.is_of_block()
        {
            let places = entry.items().len() as i32;
            let count = by_account.entry(entry.account_id()).or_default();
            *count = count.saturating_add_signed(sign * places);
            if *count == 0 {
                by_account.remove(&entry.account_id());
            }
        }
    }
}
