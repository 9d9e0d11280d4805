//! The tables of the ledger in memory, with the rules that the real one enforces.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus},
    ids::{AccountId, BookingId, EventId, HoldId, PaymentId, PromoCodeId, SeatId},
    ledger::{CodeUses, CommitError, Entry, EventBatch, KeyKind, KeyOf, LoadedInventory, Prior, QuotaCount, Rejection},
    promo_codes::AppliedCode,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::builders::EventSpec;

/// Every table.
#[derive(Clone, Default)]
pub struct Rows {
    pub events: HashMap<EventId, EventRows>,
    /// Unique over all events.
    pub keys: HashMap<KeyOf, Prior>,
    pub accounts_gone: HashSet<AccountId>,
    /// Payments whose money has come.
    pub paid: HashSet<PaymentId>,
}

/// The rows of one event.
#[derive(Clone)]
pub struct EventRows {
    pub spec: EventSpec,
    pub counts: Vec<QuotaCount>,
    pub holds: HashMap<HoldId, Hold>,
    pub bookings: HashMap<BookingId, Booking>,
    /// Who has the seat, and whether it is sold.
    pub claims: HashMap<SeatId, (Uuid, bool)>,
}

fn guard(constraint: &str) -> CommitError {
    CommitError::Rejected(Rejection::Guard(constraint.to_owned()))
}

impl Rows {
    /// Writes all, or fails somewhere in the middle.
    pub fn write(&mut self, batches: &[EventBatch]) -> Result<(), CommitError> {
        for (index, batch) in batches.iter().enumerate() {
            let twice = batches[..index].iter().any(|other| other.event_id == batch.event_id);
            assert!(!twice, "two batches of one event in a group: the ledger would count only one of them");
            self.events.get_mut(&batch.event_id).unwrap().count(batch)?;
        }
        for entry in batches.iter().flat_map(|batch| &batch.entries) {
            self.insert(entry)?;
            if let Entry::Confirm { payment_id: Some(payment_id), .. } = entry
                && !self.paid.insert(*payment_id)
            {
                return Err(CommitError::Rejected(Rejection::MoneyChanged));
            }
        }
        for batch in batches {
            let event = self.events.get_mut(&batch.event_id).unwrap();
            batch.entries.iter().try_for_each(|entry| event.close(entry))?;
            // Seats are given back before others are taken.
            batch.entries.iter().try_for_each(|entry| event.free_seats(entry))?;
            batch.entries.iter().try_for_each(|entry| event.take_seats(entry))?;
            event.check_uses()?;
        }
        Ok(())
    }

    fn insert(&mut self, entry: &Entry) -> Result<(), CommitError> {
        let (kind, prior) = match entry {
            Entry::Hold(hold) => (KeyKind::Hold, Prior::Hold(hold.clone())),
            Entry::Book { booking, .. } => (KeyKind::Booking, Prior::Booking(booking.clone())),
            _ => return Ok(()),
        };
        let (account_id, key, _) = entry.key().unwrap();
        if self.accounts_gone.contains(&account_id) {
            return Err(CommitError::Rejected(Rejection::AccountGone));
        }
        if self.keys.insert(KeyOf { account_id, key: key.clone(), kind }, prior).is_some() {
            return Err(CommitError::KeyTaken);
        }
        Ok(())
    }
}

impl EventRows {
    pub fn new(spec: EventSpec) -> Self {
        let counts = vec![QuotaCount { quota_id: spec.quota, held: 0, sold: 0, version: 0 }];
        Self { spec, counts, holds: HashMap::new(), bookings: HashMap::new(), claims: HashMap::new() }
    }

    pub fn has_expiring(&self) -> bool {
        self.holds.values().any(|hold| hold.status == HoldStatus::Active)
            || self.bookings.values().any(|booking| booking.status == BookingStatus::PendingPayment)
    }

    pub fn load(&self, now: Timestamp) -> LoadedInventory {
        let active = |hold: &&Hold| hold.status == HoldStatus::Active;
        let pending = |booking: &&Booking| booking.status == BookingStatus::PendingPayment;
        LoadedInventory {
            plan: self.spec.plan(),
            counts: self.counts.clone(),
            version_base: 0,
            claims: self.claims.iter().map(|(seat, (_, sold))| (*seat, *sold)).collect(),
            holds: self.holds.values().filter(active).cloned().collect(),
            pending: self.bookings.values().filter(pending).cloned().collect(),
            by_account: Vec::new(),
            code_uses: self.spec.code.iter().map(|planned| self.uses(planned.id)).collect(),
            now,
        }
    }

    /// What its active holds and live bookings use of a code.
    pub fn uses(&self, promo_code_id: PromoCodeId) -> CodeUses {
        let has = |code: &Option<Arc<AppliedCode>>| code.as_ref().is_some_and(|code| code.id == promo_code_id);
        let holds = self.holds.values().filter(|hold| hold.status == HoldStatus::Active && has(&hold.promo_code));
        let is_live = |of: &&Booking| matches!(of.status, BookingStatus::PendingPayment | BookingStatus::Confirmed);
        let bookings = self.bookings.values().filter(is_live).filter(|booking| has(&booking.promo_code));
        let accounts = holds.map(|hold| hold.account_id).chain(bookings.map(|booking| booking.account_id));
        let mut by_account = HashMap::new();
        accounts.for_each(|account| *by_account.entry(account).or_default() += 1);
        let used = by_account.values().sum();
        CodeUses { promo_code_id, used, by_account: by_account.into_iter().collect() }
    }

    fn check_uses(&self) -> Result<(), CommitError> {
        let Some(planned) = &self.spec.code else { return Ok(()) };
        let too_often = planned.code.uses.is_some_and(|uses| self.uses(planned.id).used > uses);
        if too_often { Err(guard("promo_codes_uses_check")) } else { Ok(()) }
    }

    /// Places that its holds and live bookings keep: what the counters must say.
    pub fn recount(&self) -> (u32, u32) {
        let holds = self.holds.values().filter(|hold| hold.status == HoldStatus::Active).map(|hold| hold.items.len());
        let of = |status| {
            let bookings = self.bookings.values().filter(move |booking| booking.status == status);
            bookings.map(|booking| booking.valid_items().len()).sum::<usize>()
        };
        let held = holds.sum::<usize>() + of(BookingStatus::PendingPayment);
        (held as u32, of(BookingStatus::Confirmed) as u32)
    }

    fn count(&mut self, batch: &EventBatch) -> Result<(), CommitError> {
        for count in &mut self.counts {
            let changes: Vec<_> = batch.entries.iter().flat_map(Entry::quota_changes).collect();
            let changes: Vec<_> = changes.iter().filter(|change| change.quota_id == count.quota_id).collect();
            if changes.is_empty() {
                continue;
            }
            if !batch.versions.contains(&(count.quota_id, count.version)) {
                return Err(CommitError::Stale(batch.event_id));
            }
            let add = |places: u32, more: i32| places.checked_add_signed(more).ok_or_else(|| guard("quotas_positive"));
            count.held = add(count.held, changes.iter().map(|change| change.held).sum())?;
            count.sold = add(count.sold, changes.iter().map(|change| change.sold).sum())?;
            count.version += 1;
            if count.held + count.sold > self.spec.capacity {
                return Err(guard("quotas_capacity"));
            }
        }
        Ok(())
    }

    fn close(&mut self, entry: &Entry) -> Result<(), CommitError> {
        let not_open = CommitError::Rejected(Rejection::NotOpen);
        let (closed, to) = match entry {
            Entry::Hold(hold) => {
                self.holds.insert(hold.id, Hold::clone(hold));
                return Ok(());
            }
            Entry::CloseHold { hold, to, .. } => (hold, *to),
            Entry::Book { booking, from } => {
                self.bookings.insert(booking.id, Booking::clone(booking));
                match from {
                    Some(hold) => (hold, HoldStatus::Converted),
                    None => return Ok(()),
                }
            }
            Entry::Confirm { booking, .. } => {
                let row = self.bookings.get_mut(&booking.id).filter(|row| row.status == booking.status);
                row.ok_or(not_open)?.status = BookingStatus::Confirmed;
                return Ok(());
            }
            Entry::ExtendHold { hold, .. } => {
                let row = self.holds.get_mut(&hold.id).filter(|row| row.status == HoldStatus::Active);
                *row.ok_or(not_open)? = Hold::clone(hold);
                return Ok(());
            }
            Entry::ExtendBooking { booking, .. } => {
                let row = self.bookings.get_mut(&booking.id).filter(|row| row.status == booking.status);
                *row.ok_or(not_open)? = Booking::clone(booking);
                return Ok(());
            }
            Entry::CancelItems { booking, positions, .. } => {
                let row = self.bookings.get_mut(&booking.id).filter(|row| row.status == booking.status);
                let row = row.filter(|row| !row.cancelled.meets(*positions)).ok_or(not_open)?;
                row.cancelled = row.cancelled.and(*positions);
                return Ok(());
            }
            Entry::CloseBooking { booking, to, .. } => {
                let row = self.bookings.get_mut(&booking.id).filter(|row| row.status == booking.status);
                row.ok_or(not_open)?.status = *to;
                return Ok(());
            }
        };
        let row = self.holds.get_mut(&closed.id).filter(|row| row.status == HoldStatus::Active);
        row.ok_or(not_open)?.status = to;
        Ok(())
    }

    fn free_seats(&mut self, entry: &Entry) -> Result<(), CommitError> {
        let holder = match entry {
            Entry::CloseHold { hold, .. } | Entry::Book { from: Some(hold), .. } => hold.id.0,
            Entry::CancelItems { booking, .. } | Entry::CloseBooking { booking, .. } => booking.id.0,
            Entry::Confirm { booking, .. } if !entry.is_late() => booking.id.0,
            _ => return Ok(()),
        };
        for seat in entry.items().iter().filter_map(|item| item.seat.as_ref()) {
            if self.claims.remove(&seat.id).is_none_or(|(by, _)| by != holder) {
                return Err(CommitError::Rejected(Rejection::NotOpen));
            }
        }
        Ok(())
    }

    fn take_seats(&mut self, entry: &Entry) -> Result<(), CommitError> {
        let claim = match entry {
            Entry::Hold(hold) => (hold.id.0, false),
            Entry::Book { booking, .. } => (booking.id.0, booking.status == BookingStatus::Confirmed),
            Entry::Confirm { booking, .. } => (booking.id.0, true),
            _ => return Ok(()),
        };
        for seat in entry.items().iter().filter_map(|item| item.seat.as_ref()) {
            if self.claims.insert(seat.id, claim).is_some() {
                return Err(guard("seat_claims_pkey"));
            }
        }
        Ok(())
    }

    /// Adds an active hold, as one that was made before the engine started.
    pub fn plant(&mut self, hold: Hold) {
        self.counts[0].held += hold.items.len() as u32;
        self.counts[0].version += 1;
        let seats = hold.items.iter().filter_map(|item| item.seat.as_ref());
        self.claims.extend(seats.map(|seat| (seat.id, (hold.id.0, false))));
        self.holds.insert(hold.id, hold);
    }

    /// A hold of one place that expires then.
    pub fn hold_until(&self, expires_at: Timestamp) -> Hold {
        let item = domain::bookings::Item::at_price(self.spec.ticket_type, self.spec.quota, None, self.spec.price);
        let new = self.spec.hold(self.spec.places(1));
        Hold {
            id: new.id,
            event_id: self.spec.id,
            account_id: new.account_id,
            status: HoldStatus::Active,
            items: Arc::new([item]),
            tax_included: true,
            total: domain::money::Money::new(self.spec.price, "EUR".parse().unwrap()),
            promo_code: None,
            key: new.key,
            fingerprint: new.fingerprint,
            expires_at: Some(expires_at),
            extended_until: None,
            created_at: expires_at,
            updated_at: expires_at,
        }
    }
}
