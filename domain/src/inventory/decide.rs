//! State, command and the present instant give a decision. Nothing here changes anything.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Command, Holder, Inventory, NewBooking, NewHold, SeatState};
use crate::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus, HolderId, Item, Source},
    events::{EventStatus, TicketType},
    ids::{AccountId, HoldId, QuotaId, SeatId},
    ledger::Entry,
    money::Money,
    refusal::Refusal,
    selection::{Choice, Line, Selection},
    validation::FieldError,
};

impl Inventory {
    /// What the command would do at `now`, or why it may not.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Entry, Refusal> {
        match command {
            Command::Hold(new) => self.hold(new, now),
            Command::Release { hold_id, account_id } => {
                let hold = self.open_hold(*hold_id, *account_id, now)?;
                Ok(Entry::CloseHold { hold, to: HoldStatus::Released, at: now })
            }
            Command::Book(new) => self.book(new, now),
            Command::Cancel { booking } => self.cancel(booking, now),
            Command::Expire(holder) => self.expire(*holder, now),
        }
    }

    fn hold(&self, new: &NewHold, now: Timestamp) -> Result<Entry, Refusal> {
        let items = self.choose(&new.selection, new.account_id, now)?;
        Ok(Entry::Hold(Arc::new(Hold {
            id: new.id,
            event_id: self.plan.event_id,
            account_id: new.account_id,
            status: HoldStatus::Active,
            total: self.total(&items),
            items: items.into(),
            key: new.key.clone(),
            fingerprint: new.fingerprint,
            expires_at: now + self.plan.hold_for,
            created_at: now,
            updated_at: now,
        })))
    }

    fn book(&self, new: &NewBooking, now: Timestamp) -> Result<Entry, Refusal> {
        let (items, from): (Arc<[Item]>, _) = match &new.source {
            Source::Selection(selection) => (self.choose(selection, new.account_id, now)?.into(), None),
            Source::Hold(hold_id) => {
                self.published()?;
                let hold = self.open_hold(*hold_id, new.account_id, now)?;
                (hold.items.clone(), Some(hold))
            }
        };
        let total = self.total(&items);
        let status = Booking::first_status(total);
        let none = Money::new(Decimal::ZERO, self.plan.currency);
        let booking = Booking {
            id: new.id,
            event_id: self.plan.event_id,
            account_id: new.account_id,
            status,
            items,
            fees: none,
            tax: none,
            total,
            hold_id: from.as_ref().map(|hold| hold.id),
            key: new.key.clone(),
            fingerprint: new.fingerprint,
            expires_at: (status == BookingStatus::PendingPayment).then(|| now + self.plan.payment_for),
            created_at: now,
            updated_at: now,
        };
        Ok(Entry::Book { booking: Arc::new(booking), from })
    }

    fn cancel(&self, booking: &Arc<Booking>, now: Timestamp) -> Result<Entry, Refusal> {
        let live = match booking.status {
            BookingStatus::Confirmed => true,
            // Unpaid bookings are known here: one that is not, or is being closed, is no longer unpaid.
            BookingStatus::PendingPayment => self.open(HolderId::Booking(booking.id)).is_some(),
            BookingStatus::Cancelled | BookingStatus::Expired => false,
        };
        if !live {
            return Err(Refusal::NotCancellable("the booking is cancelled or expired"));
        }
        if now >= self.plan.starts_at {
            return Err(Refusal::NotCancellable("the event has begun"));
        }
        Ok(Entry::CloseBooking { booking: booking.clone(), to: BookingStatus::Cancelled, at: now })
    }

    fn expire(&self, holder: HolderId, now: Timestamp) -> Result<Entry, Refusal> {
        match self.open(holder) {
            Some(Holder::Hold(hold)) if hold.expires_at <= now => {
                Ok(Entry::CloseHold { hold: hold.clone(), to: HoldStatus::Expired, at: now })
            }
            Some(Holder::Booking(booking)) if booking.expires_at.is_some_and(|at| at <= now) => {
                Ok(Entry::CloseBooking { booking: booking.clone(), to: BookingStatus::Expired, at: now })
            }
            _ => Err(Refusal::HoldGone),
        }
    }

    fn open(&self, id: HolderId) -> Option<&Holder> {
        if self.closing.contains(&id) { None } else { self.holders.get(&id) }
    }

    fn open_hold(&self, id: HoldId, account: AccountId, now: Timestamp) -> Result<Arc<Hold>, Refusal> {
        match self.open(HolderId::Hold(id)) {
            Some(Holder::Hold(hold)) if hold.account_id == account && now < hold.expires_at => Ok(hold.clone()),
            _ => Err(Refusal::HoldGone),
        }
    }

    fn total(&self, items: &[Item]) -> Money {
        Money::new(items.iter().map(|item| item.price).sum(), self.plan.currency)
    }

    /// Only a published event sells; an event that was cancelled does not even sell the places that are held.
    fn published(&self) -> Result<(), Refusal> {
        match self.plan.status {
            EventStatus::Published => Ok(()),
            EventStatus::Draft | EventStatus::Scheduled => Err(Refusal::NoSuchEvent),
            EventStatus::Cancelled => Err(Refusal::NotOnSale("the event is cancelled")),
            EventStatus::Archived => Err(Refusal::NotOnSale("the event is over")),
        }
    }

    /// The places of a selection, when the rules allow them and they are free.
    fn choose(&self, selection: &Selection, account: AccountId, now: Timestamp) -> Result<Vec<Item>, Refusal> {
        self.published()?;
        let mut items = Vec::with_capacity(selection.places() as usize);
        let mut taken = Vec::new();
        for (index, line) in selection.lines().iter().enumerate() {
            let ticket_type = self.plan.ticket_type(line.ticket_type_id).ok_or_else(|| {
                invalid(format!("items[{index}].ticketTypeId"), "UNKNOWN", "the event has no such ticket type")
            })?;
            on_sale(ticket_type, now)?;
            within_limits(ticket_type, line)?;
            self.places(index, ticket_type, &line.choice, &mut items, &mut taken)?;
        }
        if !taken.is_empty() {
            return Err(Refusal::SeatsTaken(taken));
        }
        self.enough_left(&items)?;
        self.within_account_limit(account, selection.places())?;
        Ok(items)
    }

    fn places(
        &self,
        line: usize,
        ticket_type: &TicketType,
        choice: &Choice,
        items: &mut Vec<Item>,
        taken: &mut Vec<SeatId>,
    ) -> Result<(), Refusal> {
        let item = |seat| Item {
            ticket_type_id: ticket_type.id,
            quota_id: ticket_type.quota_id,
            seat,
            price: ticket_type.price,
        };
        match choice {
            Choice::Quantity(quantity) if !ticket_type.seated => {
                items.extend((0..*quantity).map(|_| item(None)));
            }
            Choice::Quantity(_) => {
                let message = "this ticket type is sold by seat: name seatIds";
                return Err(invalid(format!("items[{line}].quantity"), "SEATS_REQUIRED", message));
            }
            Choice::Seats(_) if !ticket_type.seated => {
                let message = "this ticket type has no seats: give a quantity";
                return Err(invalid(format!("items[{line}].seatIds"), "NOT_SEATED", message));
            }
            Choice::Seats(ids) => {
                for (at, id) in ids.iter().enumerate() {
                    let found =
                        self.seats.find(*id).filter(|(seat, _)| ticket_type.sections.contains(&seat.section_id));
                    let Some((seat, state)) = found else {
                        let message = "this ticket type does not sell such a seat";
                        return Err(invalid(format!("items[{line}].seatIds[{at}]"), "UNKNOWN", message));
                    };
                    if state != SeatState::Free {
                        taken.push(*id);
                    }
                    items.push(item(Some(seat.clone())));
                }
            }
        }
        Ok(())
    }

    /// Several lines may draw on one quota, so places are summed before they are compared.
    fn enough_left(&self, items: &[Item]) -> Result<(), Refusal> {
        let mut asked: Vec<(QuotaId, u32)> = Vec::with_capacity(2);
        for item in items {
            match asked.iter_mut().find(|(quota, _)| *quota == item.quota_id) {
                Some((_, count)) => *count += 1,
                None => asked.push((item.quota_id, 1)),
            }
        }
        for (quota, asked) in asked {
            let left = self.plan.quota_index(quota).map_or(0, |index| self.quotas[index].available());
            if left < asked {
                let first = items.iter().find(|item| item.quota_id == quota).map(|item| item.ticket_type_id);
                return Err(match first {
                    Some(ticket_type_id) => Refusal::SoldOut { ticket_type_id, left, asked },
                    None => Refusal::NotOnSale("the event is not on sale"),
                });
            }
        }
        Ok(())
    }

    fn within_account_limit(&self, account: AccountId, places: u32) -> Result<(), Refusal> {
        let (Some(limit), Some(by_account)) = (self.plan.max_per_account, &self.by_account) else { return Ok(()) };
        let has = by_account.get(&account).copied().unwrap_or(0);
        if has + places > limit {
            let message = format!("at most {limit} places an account: you have {has} and ask for {places} more");
            return Err(Refusal::Limit(message));
        }
        Ok(())
    }
}

fn invalid(field: String, code: &'static str, message: &'static str) -> Refusal {
    Refusal::Invalid(vec![FieldError::new(field, code, message)])
}

fn on_sale(ticket_type: &TicketType, now: Timestamp) -> Result<(), Refusal> {
    if ticket_type.sale.contains(now) {
        return Ok(());
    }
    let early = now < ticket_type.sale.starts_at;
    Err(Refusal::NotOnSale(if early { "the sale has not begun" } else { "the sale has ended" }))
}

fn within_limits(ticket_type: &TicketType, line: &Line) -> Result<(), Refusal> {
    let (min, max) = (ticket_type.min_per_booking, ticket_type.max_per_booking);
    if (min..=max).contains(&line.choice.places()) {
        return Ok(());
    }
    Err(Refusal::Limit(format!("{} is sold in {min} to {max} places a booking", ticket_type.name)))
}
