//! Holds and bookings: what an account has of an event.

mod attendees;
mod fingerprint;
mod requests;
mod source;

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

pub use self::{
    attendees::{Attendee, Attendees, RawAttendee},
    fingerprint::Fingerprint,
    requests::{BookingRequest, HoldRequest},
    source::Source,
};
use crate::{
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, TicketTypeId},
    money::{Currency, Money},
    pricing::PriceLine,
    promo_codes::AppliedCode,
    seat_maps::Seat,
    validation::UnknownName,
};

/// One place: of a ticket type, perhaps a named seat, at a price. All amounts are in the event's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub ticket_type_id: TicketTypeId,
    /// Where the place is counted.
    pub quota_id: QuotaId,
    /// The chair, for a seated ticket type.
    pub seat: Option<Arc<Seat>>,
    /// Of the ticket type.
    pub price: Decimal,
    /// What the promo code takes off the price.
    pub discount: Decimal,
    /// All fees, the place's part of those per booking among them.
    pub fee: Decimal,
    /// Contained in the rest, or on top of it: that is the same for all places of a booking.
    pub tax: Decimal,
}

impl Item {
    /// A place that costs its price and nothing else.
    pub fn at_price(ticket_type_id: TicketTypeId, quota_id: QuotaId, seat: Option<Arc<Seat>>, price: Decimal) -> Self {
        let none = Decimal::ZERO;
        Self { ticket_type_id, quota_id, seat, price, discount: none, fee: none, tax: none }
    }

    /// What it costs, by its parts.
    pub fn line(&self, currency: Currency) -> PriceLine {
        let of = |amount| Money::new(amount, currency);
        PriceLine { price: of(self.price), discount: of(self.discount), fee: of(self.fee), tax: of(self.tax) }
    }

    pub(crate) fn set_line(&mut self, line: &PriceLine) {
        let PriceLine { price, discount, fee, tax } = line;
        (self.price, self.discount, self.fee, self.tax) = (price.amount, discount.amount, fee.amount, tax.amount);
    }
}

/// Some of the places of one booking, by their positions from 0 on. A booking has a hundred at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Positions(u128);

impl Positions {
    pub fn contains(self, position: u8) -> bool {
        position < 128 && self.0 & (1 << position) != 0
    }

    /// With one more. Beyond the last possible position nothing is added.
    #[must_use]
    pub fn with(self, position: u8) -> Self {
        Self(if position < 128 { self.0 | 1 << position } else { self.0 })
    }

    /// In rising order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |position| self.contains(*position))
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both name one.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The first so many.
    pub fn first(count: usize) -> Self {
        Self(if count >= 128 { u128::MAX } else { (1 << count) - 1 })
    }
}

impl FromIterator<u8> for Positions {
    fn from_iter<I: IntoIterator<Item = u8>>(positions: I) -> Self {
        positions.into_iter().fold(Self::default(), Self::with)
    }
}

/// Where a hold is in its life. Only an active one keeps places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of)]
pub enum HoldStatus {
    /// Keeps its places until it expires.
    Active,
    /// Became a booking.
    Converted,
    /// Given up by its owner.
    Released,
    /// Its time ran out.
    Expired,
}

impl HoldStatus {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where a booking is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of)]
pub enum BookingStatus {
    /// Keeps its places until `expires_at`, or is paid.
    PendingPayment,
    /// The account's.
    Confirmed,
    Cancelled,
    /// Was not paid in time.
    Expired,
}

impl BookingStatus {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A name that a client gives to one intention, so that a retry is recognised: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    pub fn parse(text: &str) -> Option<Self> {
        ((1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Places kept for an account until a fixed time.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub id: HoldId,
    pub event_id: EventId,
    pub account_id: AccountId,
    /// Where it is in its life.
    pub status: HoldStatus,
    pub items: Arc<[Item]>,
    /// Whether the tax is contained in the total.
    pub tax_included: bool,
    /// What the booking that it becomes will cost.
    pub total: Money,
    pub promo_code: Option<Arc<AppliedCode>>,
    /// The client's name for the request.
    pub key: IdempotencyKey,
    /// What the request asked for.
    pub fingerprint: Fingerprint,
    /// The first instant at which it keeps nothing any more, unless it was extended. Nothing for a block, which is kept until it is given
    /// free.
    pub expires_at: Option<Timestamp>,
    /// The same since it was extended.
    pub extended_until: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

/// Places that an account has, or is about to pay for.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    pub id: BookingId,
    pub event_id: EventId,
    pub account_id: AccountId,
    /// Where it is in its life.
    pub status: BookingStatus,
    /// As they were booked.
    pub items: Arc<[Item]>,
    /// Those that were cancelled since, of a booking that was not cancelled as a whole.
    pub cancelled: Positions,
    /// Taken off the items' prices.
    pub discount: Money,
    /// On top of the items' prices.
    pub fees: Money,
    pub tax: Money,
    /// Whether the tax is contained in the total, or was added to it.
    pub tax_included: bool,
    /// What is to be paid. As the items' prices and their parts, it stays as it was charged.
    pub total: Money,
    /// What goes back, or has gone back: of all refunds that have not failed. What decides about places does not know it.
    pub refunded: Money,
    pub promo_code: Option<Arc<AppliedCode>>,
    /// Who comes, in the order of the items; as many or fewer.
    pub attendees: Attendees,
    pub hold_id: Option<HoldId>,
    /// The client's name for the request.
    pub key: IdempotencyKey,
    /// What the request asked for.
    pub fingerprint: Fingerprint,
    /// Until when a priced booking waits for its payment, unless it was given more time.
    pub expires_at: Option<Timestamp>,
    /// The same since it was given more time.
    pub extended_until: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

impl Booking {
    /// The booking as the first answer to its request showed it: a retry gets that answer again, whatever happened
    /// since.
    pub fn as_first_answered(mut self) -> Self {
        self.status = Self::first_status(self.total);
        self.updated_at = self.created_at;
        (self.extended_until, self.cancelled) = (None, Positions::default());
        self.refunded = Money::zero(self.total.currency);
        self
    }

    /// Until when it waits for its payment.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.extended_until.or(self.expires_at)
    }

    /// What has become of the item at this position.
    pub fn status_of(&self, position: u8) -> BookingStatus {
        if self.cancelled.contains(position) { BookingStatus::Cancelled } else { self.status }
    }

    /// How many of its items were not cancelled one by one.
    pub fn places(&self) -> usize {
        self.items.len() - self.cancelled.len()
    }

    /// Those of its items that were not cancelled one by one.
    pub fn valid_items(&self) -> Arc<[Item]> {
        if self.cancelled.is_empty() {
            return self.items.clone();
        }
        self.items
            .iter()
            .zip(0..)
            .filter(|(_, at)| !self.cancelled.contains(*at))
            .map(|(item, _)| item.clone())
            .collect()
    }

    /// Free bookings are confirmed at once, priced ones wait for their payment.
    pub fn first_status(total: Money) -> BookingStatus {
        if total.is_free() { BookingStatus::Confirmed } else { BookingStatus::PendingPayment }
    }
}

impl Hold {
    /// A part of its price: that of all items. What was priced can be added up.
    pub fn sum_of(&self, part: impl Fn(&Item) -> Decimal) -> Money {
        Money::new(self.items.iter().map(part).sum(), self.total.currency)
    }

    /// Whether it is a block: places that the organizer keeps back until they are given free.
    pub fn is_block(&self) -> bool {
        self.expires_at.is_none()
    }

    /// Whether it is over at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at().is_some_and(|at| at <= now)
    }

    /// The first instant at which it keeps nothing any more; nothing for a block.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.extended_until.or(self.expires_at)
    }

    /// The hold as the first answer to its request showed it.
    pub fn as_first_answered(mut self) -> Self {
        self.status = HoldStatus::Active;
        self.updated_at = self.created_at;
        self.extended_until = None;
        self
    }
}

/// What keeps places for a limited time: a hold, or a booking that waits for its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderId {
    Hold(HoldId),
    Booking(BookingId),
}

impl fmt::Display for HolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HolderId::Hold(id) => write!(f, "hold {id}"),
            HolderId::Booking(id) => write!(f, "booking {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii() {
        assert!(IdempotencyKey::parse("order-17").is_some());
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_some());
        for wrong in ["", "a b", "ü", "\u{7f}", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(wrong).is_none(), "{wrong:?} was accepted");
        }
    }
}
