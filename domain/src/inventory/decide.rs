//! State, command and the present instant give a decision. Nothing here changes anything.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Command, Holder, Inventory, NewBooking, NewHold, choose::Rules};
use crate::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus, HolderId, Item, Positions, Source},
    events::{EventStatus, PlannedCode},
    ids::{AccountId, BookingId, HoldId, PaymentId},
    ledger::Entry,
    money::Money,
    payments::records::NewCancellation,
    pricing::PriceTotals,
    promo_codes::{AppliedCode, CodeName},
    refusal::Refusal,
    selection::Selection,
    unpaid::Buyer,
    validation::FieldError,
};

/// Most places of an event in all its blocks together: the seats of the largest house.
const BLOCKED_PLACES_MAX: usize = 100_000;

/// Places, what they cost, and by which code.
struct Chosen {
    items: Arc<[Item]>,
    totals: PriceTotals,
    code: Option<Arc<AppliedCode>>,
}

impl Inventory {
    /// What the command would do at `now`, or why it may not, for somebody of whom nothing is known but the account.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Entry, Refusal> {
        self.decide_for(&Buyer::default(), command, now)
    }

    /// What the command of this buyer would do at `now`, or why it may not.
    pub fn decide_for(&self, buyer: &Buyer, command: &Command, now: Timestamp) -> Result<Entry, Refusal> {
        match command {
            // What is not public yet is not there, no matter who asks.
            Command::Hold(_) | Command::Book(_) if !buyer.may_take => match self.published() {
                Err(Refusal::NoSuchEvent) => Err(Refusal::NoSuchEvent),
                _ => Err(Refusal::TooOften { retry_after: None }),
            },
            Command::Hold(new) => {
                let chosen = self.buy(&new.selection, new.promo_code.as_ref(), new.account_id, now)?;
                self.within_unpaid_limits(new.account_id, chosen.items.len(), buyer, now)?;
                Ok(self.hold(new, chosen, now, Some(now + self.plan.hold_for.min(self.plan.terms.hold_cap))))
            }
            Command::Block(new) => {
                self.editable()?;
                let items = self.choose(&new.selection, Rules::OfOrganizer)?;
                self.within_block_limits(items.len())?;
                let totals = self.totals(&items, self.prices.tax_included)?;
                Ok(self.hold(new, Chosen { items: items.into(), totals, code: None }, now, None))
            }
            Command::Extend { hold_id, account_id } => self.extend(*hold_id, *account_id, now),
            Command::Release { hold_id, account_id } => {
                let hold = self.open_hold(*hold_id, *account_id, now)?;
                Ok(Entry::CloseHold { hold, to: HoldStatus::Released, at: now })
            }
            Command::Book(new) => self.book(new, buyer, now),
            Command::Wait { booking_id, until } => self.wait(*booking_id, *until, now),
            Command::Confirm { booking, payment_id } => self.confirm(booking, *payment_id, now),
            Command::Cancel { booking, money } => self.cancel(booking, money.as_ref(), now),
            Command::CancelItems { booking, positions, money } => {
                self.cancel_items(booking, *positions, money.as_ref(), now)
            }
            Command::Expire(holder) => self.expire(*holder, now),
        }
    }

    /// A whole section may be larger than a block. And each place of each block is in memory as long as the
    /// event is; those on their way are not counted, which are few.
    fn within_block_limits(&self, places: usize) -> Result<(), Refusal> {
        if places > Selection::MAX_BLOCKED as usize {
            let most = Selection::MAX_BLOCKED;
            return Err(Refusal::Limit(format!("a block has at most {most} places, and these are {places}")));
        }
        let blocks = self.holders.values().filter_map(|holder| match holder {
            Holder::Hold(hold) if hold.is_block() => Some(hold.items.len()),
            _ => None,
        });
        let has: usize = blocks.sum();
        if has + places > BLOCKED_PLACES_MAX {
            let message = format!(
                "at most {BLOCKED_PLACES_MAX} places of an event are blocked: {has} are, and {places} would be added; \
                 quotas can be made smaller instead"
            );
            return Err(Refusal::Limit(message));
        }
        Ok(())
    }

    /// Free places as a buyer may have them, at their price.
    fn buy(
        &self,
        selection: &Selection,
        code: Option<&CodeName>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Chosen, Refusal> {
        let planned = match code {
            None => None,
            Some(name) => {
                self.published()?;
                Some(self.usable_code(name, selection, account, now)?)
            }
        };
        let code = planned.map(|planned| &planned.code);
        let mut items = self.choose(selection, Rules::OfSale { account, code, now })?;
        let totals = self.price(&mut items, code, now)?;
        let applied = |planned: &PlannedCode| AppliedCode { id: planned.id, name: planned.code.code.clone() };
        Ok(Chosen { items: items.into(), totals, code: planned.map(|planned| Arc::new(applied(planned))) })
    }

    fn hold(&self, new: &NewHold, chosen: Chosen, now: Timestamp, expires_at: Option<Timestamp>) -> Entry {
        let Chosen { items, totals, code } = chosen;
        Entry::Hold(Arc::new(Hold {
            id: new.id,
            event_id: self.plan.event_id,
            account_id: new.account_id,
            status: HoldStatus::Active,
            items,
            tax_included: totals.tax_included,
            total: totals.total,
            promo_code: code,
            key: new.key.clone(),
            fingerprint: new.fingerprint,
            expires_at,
            extended_until: None,
            created_at: now,
            updated_at: now,
        }))
    }

    fn book(&self, new: &NewBooking, buyer: &Buyer, now: Timestamp) -> Result<Entry, Refusal> {
        let (chosen, from) = match &new.source {
            Source::Selection(selection) => (self.buy(selection, new.promo_code.as_ref(), new.account_id, now)?, None),
            Source::Hold(hold_id) => {
                self.published()?;
                let hold = self.open_hold(*hold_id, new.account_id, now)?;
                if hold.is_block() {
                    // It passed no rule of the sale.
                    return Err(Refusal::HoldGone);
                }
                let totals = self.totals(&hold.items, hold.tax_included)?;
                (Chosen { items: hold.items.clone(), totals, code: hold.promo_code.clone() }, Some(hold))
            }
        };
        let Chosen { items, totals, code } = chosen;
        if new.attendees.len() > items.len() {
            let message = format!("must have at most as many entries as there are places, {}", items.len());
            return Err(Refusal::Invalid(vec![FieldError::new("attendees", "OUT_OF_RANGE", message)]));
        }
        let status = Booking::first_status(totals.total);
        if from.is_none() && status == BookingStatus::PendingPayment {
            self.within_unpaid_limits(new.account_id, items.len(), buyer, now)?;
        }
        let window = self.plan.terms.payment_window;
        let booking = Booking {
            id: new.id,
            event_id: self.plan.event_id,
            account_id: new.account_id,
            status,
            items,
            cancelled: Positions::default(),
            discount: totals.discount,
            fees: totals.fees,
            tax: totals.tax,
            tax_included: totals.tax_included,
            total: totals.total,
            refunded: Money::zero(self.plan.currency),
            promo_code: code,
            attendees: new.attendees.clone(),
            hold_id: from.as_ref().map(|hold| hold.id),
            key: new.key.clone(),
            fingerprint: new.fingerprint,
            expires_at: (status == BookingStatus::PendingPayment).then(|| now + window),
            extended_until: None,
            created_at: now,
            updated_at: now,
        };
        Ok(Entry::Book { booking: Arc::new(booking), from })
    }

    /// A booking that still keeps its places gets them, however late: nobody else could have them. One that has expired takes them again
    /// like anybody who comes now, but for the windows and numbers of the sale, which its buyer has passed.
    fn confirm(&self, booking: &Arc<Booking>, payment_id: Option<PaymentId>, now: Timestamp) -> Result<Entry, Refusal> {
        const NOT_OPEN: Refusal = Refusal::NotConfirmable("the booking is confirmed or cancelled");
        let id = HolderId::Booking(booking.id);
        match booking.status {
            BookingStatus::PendingPayment if self.open(id).is_none() => return Err(NOT_OPEN),
            BookingStatus::PendingPayment if self.plan.status == EventStatus::Cancelled => {
                return Err(Refusal::NotOnSale("the event is cancelled"));
            }
            BookingStatus::PendingPayment => {}
            BookingStatus::Expired if self.closing.contains(&id) => return Err(NOT_OPEN),
            BookingStatus::Expired => {
                self.published()?;
                if now >= self.plan.starts_at {
                    return Err(Refusal::NotOnSale("the event has begun"));
                }
                self.free_again(booking)?;
            }
            BookingStatus::Confirmed | BookingStatus::Cancelled => return Err(NOT_OPEN),
        }
        Ok(Entry::Confirm { booking: booking.clone(), payment_id, at: now })
    }

    fn cancel(
        &self,
        booking: &Arc<Booking>,
        money: Option<&Arc<NewCancellation>>,
        now: Timestamp,
    ) -> Result<Entry, Refusal> {
        let live = match booking.status {
            // The ledger knows whether it is confirmed still, unless it is being closed from here.
            BookingStatus::Confirmed => !self.closing.contains(&HolderId::Booking(booking.id)),
            // Unpaid bookings are known here: one that is not, or is being closed, is no longer unpaid.
            BookingStatus::PendingPayment => self.open(HolderId::Booking(booking.id)).is_some(),
            BookingStatus::Cancelled | BookingStatus::Expired => false,
        };
        if !live {
            return Err(Refusal::NotCancellable("the booking is cancelled or expired"));
        }
        // Anyone who has booked what does not take place gives it back, however late; and so does the organizer for them.
        let beyond_terms = money.is_some_and(|money| money.beyond_terms);
        if now >= self.plan.starts_at && self.plan.status != EventStatus::Cancelled && !beyond_terms {
            return Err(Refusal::NotCancellable("the event has begun"));
        }
        let (booking, items) = (booking.clone(), booking.valid_items());
        Ok(Entry::CloseBooking { booking, items, to: BookingStatus::Cancelled, money: money.cloned(), at: now })
    }

    /// The last of its items takes the booking along.
    fn cancel_items(
        &self,
        booking: &Arc<Booking>,
        positions: Positions,
        money: Option<&Arc<NewCancellation>>,
        now: Timestamp,
    ) -> Result<Entry, Refusal> {
        if booking.status != BookingStatus::Confirmed {
            return Err(Refusal::NotCancellable("only a confirmed booking can be cancelled in part"));
        }
        let all = Positions::first(booking.items.len());
        if positions.is_empty() || positions.meets(booking.cancelled) || positions.and(all) != all {
            return Err(Refusal::NotCancellable("the places are cancelled, or none of the booking's"));
        }
        let whole = self.cancel(booking, money, now)?;
        if positions.and(booking.cancelled) == all {
            return Ok(whole);
        }
        let items = positions.iter().filter_map(|at| booking.items.get(usize::from(at))).cloned().collect();
        Ok(Entry::CancelItems { booking: booking.clone(), positions, items, money: money.cloned(), at: now })
    }

    fn extend(&self, id: HoldId, account: AccountId, now: Timestamp) -> Result<Entry, Refusal> {
        let hold = self.open_hold(id, account, now)?;
        let Some(ends_at) = hold.ends_at() else { return Err(Refusal::HoldGone) };
        let until = (now + self.plan.hold_for).min(hold.created_at + self.plan.terms.hold_cap);
        if until <= ends_at {
            return Err(Refusal::HoldAtCap);
        }
        let hold = Hold { extended_until: Some(until), updated_at: now, ..Hold::clone(&hold) };
        Ok(Entry::ExtendHold { hold: Arc::new(hold), at: now })
    }

    fn wait(&self, id: BookingId, until: Timestamp, now: Timestamp) -> Result<Entry, Refusal> {
        match self.open(HolderId::Booking(id)) {
            Some(Holder::Booking(booking)) if booking.ends_at().is_some_and(|ends_at| ends_at < until) => {
                let booking = Booking { extended_until: Some(until), updated_at: now, ..Booking::clone(booking) };
                Ok(Entry::ExtendBooking { booking: Arc::new(booking), at: now })
            }
            Some(_) => Err(Refusal::NotConfirmable("the booking waits as long already")),
            None => Err(Refusal::NotConfirmable("the booking waits for no payment")),
        }
    }

    fn expire(&self, holder: HolderId, now: Timestamp) -> Result<Entry, Refusal> {
        match self.open(holder) {
            Some(Holder::Hold(hold)) if hold.is_over(now) => {
                Ok(Entry::CloseHold { hold: hold.clone(), to: HoldStatus::Expired, at: now })
            }
            Some(Holder::Booking(booking)) if booking.ends_at().is_some_and(|at| at <= now) => {
                let (booking, items) = (booking.clone(), booking.valid_items());
                Ok(Entry::CloseBooking { booking, items, to: BookingStatus::Expired, money: None, at: now })
            }
            _ => Err(Refusal::HoldGone),
        }
    }

    fn open(&self, id: HolderId) -> Option<&Holder> {
        if self.closing.contains(&id) { None } else { self.holders.get(&id) }
    }

    fn open_hold(&self, id: HoldId, account: AccountId, now: Timestamp) -> Result<Arc<Hold>, Refusal> {
        match self.open(HolderId::Hold(id)) {
            Some(Holder::Hold(hold)) if hold.account_id == account && !hold.is_over(now) => Ok(hold.clone()),
            _ => Err(Refusal::HoldGone),
        }
    }

    /// What is cancelled or archived is not changed any more, so nothing of it is kept back. What is kept back may be given free.
    fn editable(&self) -> Result<(), Refusal> {
        if self.plan.status.is_editable() {
            return Ok(());
        }
        Err(Refusal::NotOnSale("the event is cancelled or over"))
    }

    /// Only a published event sells; an event that was cancelled does not even sell the places that are held.
    pub(super) fn published(&self) -> Result<(), Refusal> {
        match self.plan.status {
            EventStatus::Published => Ok(()),
            EventStatus::Draft | EventStatus::Scheduled => Err(Refusal::NoSuchEvent),
            EventStatus::Cancelled => Err(Refusal::NotOnSale("the event is cancelled")),
            EventStatus::Archived => Err(Refusal::NotOnSale("the event is over")),
        }
    }
}
