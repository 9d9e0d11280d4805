//! A decision of an inventory, as it is written down.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus, HolderId, IdempotencyKey, Item, Positions},
    ids::{AccountId, PaymentId, PromoCodeId, QuotaId},
    jobs::{JobPayload, Notice},
    payments::records::NewCancellation,
};

/// Holds and bookings have keys of their own: a client may name its hold and its booking alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The key of a hold.
    Hold,
    /// The key of a booking.
    Booking,
}

/// One decision: it changes all it names, or nothing.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Free places became a hold.
    Hold(Arc<Hold>),
    /// A hold gave its places back.
    CloseHold {
        hold: Arc<Hold>,
        /// Released or expired.
        to: HoldStatus,
        at: Timestamp,
    },
    /// A hold keeps its places for longer.
    ExtendHold {
        /// As it is now.
        hold: Arc<Hold>,
        at: Timestamp,
    },
    /// Free places, or those of a hold, became a booking.
    Book {
        /// As it is now.
        booking: Arc<Booking>,
        from: Option<Arc<Hold>>,
    },
    /// A booking waits longer for its payment.
    ExtendBooking {
        /// As it is now.
        booking: Arc<Booking>,
        at: Timestamp,
    },
    /// A booking is paid: the places that it keeps are sold. One that has expired takes the same places again, if they are free.
    Confirm {
        /// As it was before: it waits for its payment, or has expired.
        booking: Arc<Booking>,
        /// The attempt whose money pays it: it becomes one that has succeeded.
        payment_id: Option<PaymentId>,
        at: Timestamp,
    },
    /// A confirmed booking gave some of its places back, and keeps others.
    CancelItems {
        /// As it was before.
        booking: Arc<Booking>,
        positions: Positions,
        /// The places at these positions.
        items: Arc<[Item]>,
        /// What is remembered of it beside the places, and what goes back.
        money: Option<Arc<NewCancellation>>,
        at: Timestamp,
    },
    /// A booking gave its places back.
    CloseBooking {
        booking: Arc<Booking>,
        /// The places that it had.
        items: Arc<[Item]>,
        /// Cancelled or expired.
        to: BookingStatus,
        /// Of a cancellation, as with items.
        money: Option<Arc<NewCancellation>>,
        at: Timestamp,
    },
}

/// How one entry changes one quota's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaChange {
    pub quota_id: QuotaId,
    /// Added to the places held.
    pub held: i32,
    /// Added to the places sold.
    pub sold: i32,
}

/// A use of a promo code that is taken or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeUse {
    pub promo_code_id: PromoCodeId,
    pub account_id: AccountId,
    /// Otherwise it is given back.
    pub is_taken: bool,
}

impl Entry {
    pub fn items(&self) -> &Arc<[Item]> {
        match self {
            Entry::Hold(hold) | Entry::ExtendHold { hold, .. } | Entry::CloseHold { hold, .. } => &hold.items,
            Entry::Book { booking, .. } | Entry::ExtendBooking { booking, .. } | Entry::Confirm { booking, .. } => {
                &booking.items
            }
            Entry::CancelItems { items, .. } | Entry::CloseBooking { items, .. } => items,
        }
    }

    /// Whose places they are.
    pub fn account_id(&self) -> AccountId {
        match self {
            Entry::Hold(hold) | Entry::ExtendHold { hold, .. } | Entry::CloseHold { hold, .. } => hold.account_id,
            Entry::Book { booking, .. }
            | Entry::ExtendBooking { booking, .. }
            | Entry::Confirm { booking, .. }
            | Entry::CancelItems { booking, .. }
            | Entry::CloseBooking { booking, .. } => booking.account_id,
        }
    }

    /// True when it takes places that were free.
    pub fn takes_free_places(&self) -> bool {
        matches!(self, Entry::Hold(_) | Entry::Book { from: None, .. }) || self.is_late()
    }

    /// True when it confirms a booking that had expired.
    pub fn is_late(&self) -> bool {
        matches!(self, Entry::Confirm { booking, .. } if booking.status == BookingStatus::Expired)
    }

    /// What was there before and is changed.
    pub fn changes(&self) -> Option<HolderId> {
        match self {
            Entry::Hold(_) | Entry::Book { from: None, .. } => None,
            Entry::Book { from: Some(hold), .. } => Some(HolderId::Hold(hold.id)),
            _ => Some(HolderId::from(self)),
        }
    }

    /// True when its places are kept back by the organizer, and nobody's in the sense of limits.
    pub fn is_of_block(&self) -> bool {
        matches!(self, Entry::Hold(hold) | Entry::CloseHold { hold, .. } if hold.is_block())
    }

    /// True when it gives places back.
    pub fn frees_places(&self) -> bool {
        matches!(self, Entry::CloseHold { .. } | Entry::CancelItems { .. } | Entry::CloseBooking { .. })
    }

    /// What one of its places adds to (held, sold).
    pub fn change_per_place(&self) -> (i32, i32) {
        fn of(status: BookingStatus) -> (i32, i32) {
            // A booking that waits for its payment is not sold yet.
            if status == BookingStatus::PendingPayment { (1, 0) } else { (0, 1) }
        }
        match self {
            Entry::Hold(_) => (1, 0),
            Entry::CloseHold { .. } => (-1, 0),
            Entry::ExtendHold { .. } | Entry::ExtendBooking { .. } => (0, 0),
            Entry::Book { booking, from } => {
                let (held, sold) = of(booking.status);
                (held - i32::from(from.is_some()), sold)
            }
            Entry::Confirm { .. } => (-i32::from(!self.is_late()), 1),
            Entry::CancelItems { booking, .. } | Entry::CloseBooking { booking, .. } => {
                let (held, sold) = of(booking.status);
                (-held, -sold)
            }
        }
    }

    /// Its changes, one a place; none, if nothing is counted otherwise.
    pub fn quota_changes(&self) -> impl Iterator<Item = QuotaChange> + '_ {
        let (held, sold) = self.change_per_place();
        let items = if (held, sold) == (0, 0) { &[][..] } else { self.items() };
        items.iter().map(move |item| QuotaChange { quota_id: item.quota_id, held, sold })
    }

    /// How it changes the uses of its promo code, if it does. A use is one booking or hold: the booking of a hold has the hold's.
    pub fn code_use(&self) -> Option<CodeUse> {
        let (code, account_id) = match self {
            Entry::Hold(hold) | Entry::CloseHold { hold, .. } => (hold.promo_code.as_ref()?, hold.account_id),
            Entry::Book { booking, from: None }
            | Entry::Confirm { booking, .. }
            | Entry::CloseBooking { booking, .. } => (booking.promo_code.as_ref()?, booking.account_id),
            _ => return None,
        };
        let is_taken = self.takes_free_places();
        (is_taken || self.frees_places()).then_some(CodeUse { promo_code_id: code.id, account_id, is_taken })
    }

    /// What is to be done once it is in the ledger. That somebody has booked is told without a job: that would be one more row for each
    /// booking.
    pub fn jobs(&self) -> Vec<JobPayload> {
        let notify = |booking: &Booking, notice| JobPayload::Notify { booking_id: booking.id, notice };
        match self {
            Entry::Confirm { booking, .. } => vec![notify(booking, Notice::Confirmed)],
            Entry::CancelItems { booking, money, .. }
            | Entry::CloseBooking { booking, to: BookingStatus::Cancelled, money, .. } => {
                let refund = money.as_ref().and_then(|money| money.refund.as_ref());
                let refund = refund.map(|refund| JobPayload::Refund { refund_id: refund.id });
                [notify(booking, Notice::Cancelled)].into_iter().chain(refund).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The client's name for the request, for entries that a client may retry under it.
    pub fn key(&self) -> Option<(AccountId, &IdempotencyKey, KeyKind)> {
        match self {
            Entry::Hold(hold) => Some((hold.account_id, &hold.key, KeyKind::Hold)),
            Entry::Book { booking, .. } => Some((booking.account_id, &booking.key, KeyKind::Booking)),
            _ => None,
        }
    }
}

impl From<&Entry> for HolderId {
    /// What the entry opens or changes.
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::Hold(hold) | Entry::ExtendHold { hold, .. } | Entry::CloseHold { hold, .. } => {
                HolderId::Hold(hold.id)
            }
            Entry::Book { booking, .. }
            | Entry::ExtendBooking { booking, .. }
            | Entry::Confirm { booking, .. }
            | Entry::CancelItems { booking, .. }
            | Entry::CloseBooking { booking, .. } => HolderId::Booking(booking.id),
        }
    }
}
