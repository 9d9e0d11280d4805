//! What the reference expects of commands that name something that is there already.

use domain::{
    bookings::{BookingStatus, HolderId},
    events::EventStatus,
    ids::AccountId,
    refusal::Refusal,
};

use super::{
    codes::code_of,
    reference::{Claim, Reference, Row, State, second},
};
use crate::support::builders::seat_id;

impl Reference<'_> {
    /// Whether the hold can be used by the account.
    pub fn open_hold(&self, account: AccountId, id: HolderId) -> Result<(), String> {
        let open = self.find(id).is_some_and(|hold| {
            let in_time = hold.expires_at.is_some_and(|at| self.now < at);
            hold.account == account && hold.state == State::Live && !hold.closing && in_time
        });
        if open { Ok(()) } else { Err("hold gone".to_owned()) }
    }

    /// Whether the booking, as `row` shows it, can be cancelled.
    pub fn cancellable(&self, claim: &Claim) -> Result<(), String> {
        let Row::Booking(booking) = &claim.row else { return Err("not a booking".to_owned()) };
        let open = match booking.status {
            BookingStatus::PendingPayment => claim.state == State::Live && !claim.closing,
            // Whether it is confirmed still, the ledger knows; that it is being closed from here, memory does.
            BookingStatus::Confirmed => !claim.closing,
            BookingStatus::Cancelled | BookingStatus::Expired => false,
        };
        if open && self.now < self.spec.starts_at { Ok(()) } else { Err("not cancellable".to_owned()) }
    }

    /// Whether the booking, as `row` shows it, can be confirmed.
    pub fn payable(&self, claim: &Claim) -> Result<(), String> {
        let Row::Booking(booking) = &claim.row else { return Err("not a booking".to_owned()) };
        if booking.status == BookingStatus::PendingPayment && claim.state == State::Live && !claim.closing {
            let is_cancelled = self.spec.status == EventStatus::Cancelled;
            return if is_cancelled { Err("not on sale".to_owned()) } else { Ok(()) };
        }
        if booking.status != BookingStatus::Expired || claim.closing {
            return Err("not confirmable".to_owned());
        }
        match self.spec.status {
            EventStatus::Draft | EventStatus::Scheduled => return Err("no such event".to_owned()),
            EventStatus::Published if self.now < self.spec.starts_at => {}
            _ => return Err("not on sale".to_owned()),
        }
        let seats = claim.places.iter().filter_map(|(_, seat)| *seat);
        let taken: Vec<_> = seats.filter(|seat| !self.keepers(*seat).is_empty()).map(seat_id).collect();
        if !taken.is_empty() {
            return Err(format!("taken {taken:?}"));
        }
        self.enough(&claim.places)?;
        if let Some(code) = code_of(&claim.row) {
            self.may_use(claim.account, code)?;
        }
        self.within_limit(claim.account, claim.places.len())
    }

    /// Whether the hold can be extended.
    pub fn extensible(&self, account: AccountId, id: HolderId) -> Result<(), String> {
        self.open_hold(account, id)?;
        let Some(Claim { row: Row::Hold(hold), expires_at: Some(ends_at), .. }) = self.find(id) else {
            return Err("hold gone".to_owned());
        };
        if hold.is_block() {
            return Err("hold gone".to_owned());
        }
        let until = (self.now + self.spec.hold_for).min(second(hold.created_at) + 2 * self.spec.hold_for);
        if until > *ends_at { Ok(()) } else { Err("at cap".to_owned()) }
    }

    /// Whether the booking can wait until then.
    pub fn patient(&self, id: HolderId, until: i64) -> Result<(), String> {
        let waits = self.find(id).is_some_and(|claim| {
            let is_unpaid = matches!(&claim.row, Row::Booking(_)) && claim.expires_at.is_some_and(|at| at < until);
            claim.state == State::Live && !claim.closing && is_unpaid
        });
        if waits { Ok(()) } else { Err("not confirmable".to_owned()) }
    }

    /// Whether these items of the booking, as `row` shows it, can be cancelled.
    pub fn cancellable_in_part(&self, claim: &Claim, positions: &[u8]) -> Result<(), String> {
        let Row::Booking(booking) = &claim.row else { return Err("not a booking".to_owned()) };
        let is_valid = |at: &u8| usize::from(*at) < booking.items.len() && !booking.cancelled.contains(*at);
        if booking.status == BookingStatus::Confirmed && !positions.is_empty() && positions.iter().all(is_valid) {
            return self.cancellable(claim);
        }
        Err("not cancellable".to_owned())
    }

    pub fn expirable(&self, id: HolderId) -> Result<(), String> {
        let due = self.find(id).is_some_and(|claim| {
            claim.state == State::Live && !claim.closing && claim.expires_at.is_some_and(|at| at <= self.now)
        });
        if due { Ok(()) } else { Err("hold gone".to_owned()) }
    }
}

/// What of a refusal the reference predicts.
pub fn gist(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(errors) => format!("invalid {}", errors[0].field),
        Refusal::NoSuchEvent => "no such event".to_owned(),
        Refusal::SoldOut { ticket_type_id, left, asked } => format!("sold out {ticket_type_id} {left} {asked}"),
        Refusal::SeatsTaken(seats) => {
            format!("taken {:?}", seats.iter().map(|taken| taken.id).collect::<Vec<_>>())
        }
        Refusal::NotOnSale(_) => "not on sale".to_owned(),
        Refusal::Limit(_) => "limit".to_owned(),
        Refusal::PromoCode(error) => format!("code {}", error.code()),
        Refusal::BelowMinimum(_) => "below the minimum".to_owned(),
        Refusal::HoldGone => "hold gone".to_owned(),
        Refusal::HoldAtCap => "at cap".to_owned(),
        Refusal::NotConfirmable(_) => "not confirmable".to_owned(),
        Refusal::NotCancellable(_) => "not cancellable".to_owned(),
        Refusal::KeyReused | Refusal::AccountGone | Refusal::TooOften { .. } => "not the inventory's".to_owned(),
    }
}
