//! What the inventory writes down, and the port to where it is written.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;

use crate::{
    bookings::{Booking, BookingStatus, Fingerprint, Hold, HoldStatus, HolderId, IdempotencyKey, Item, Positions},
    events::SalePlan,
    ids::{AccountId, EventId, QuotaId, SeatId},
};

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
        at: Timestamp,
    },
    /// A confirmed booking gave some of its places back, and keeps others.
    CancelItems {
        /// As it was before.
        booking: Arc<Booking>,
        positions: Positions,
        /// The places at these positions.
        items: Arc<[Item]>,
        at: Timestamp,
    },
    /// A booking gave its places back.
    CloseBooking {
        booking: Arc<Booking>,
        /// The places that it had.
        items: Arc<[Item]>,
        /// Cancelled or expired.
        to: BookingStatus,
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

    /// The client's name for the request, for entries that a client may retry under it.
    pub fn key(&self) -> Option<(AccountId, &IdempotencyKey, KeyKind)> {
        match self {
            Entry::Hold(hold) => Some((hold.account_id, &hold.key, KeyKind::Hold)),
            Entry::Book { booking, .. } => Some((booking.account_id, &booking.key, KeyKind::Booking)),
            _ => None,
        }
    }
}

/// Holds and bookings have keys of their own: a client may name its hold and its booking alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The key of a hold.
    Hold,
    /// The key of a booking.
    Booking,
}

/// A key to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyOf {
    pub account_id: AccountId,
    pub key: IdempotencyKey,
    pub kind: KeyKind,
}

/// What was written under a key, as its first answer showed it.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    Hold(Arc<Hold>),
    Booking(Arc<Booking>),
}

impl Prior {
    /// True when `entry` is what was written: a commit whose answer was lost had written it, and this is its repetition.
    pub fn is_of(&self, entry: &Entry) -> bool {
        match (self, entry) {
            (Prior::Hold(hold), Entry::Hold(new)) => hold.id == new.id,
            (Prior::Booking(booking), Entry::Book { booking: new, .. }) => booking.id == new.id,
            _ => false,
        }
    }

    /// What the first request asked for.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Prior::Hold(hold) => hold.fingerprint,
            Prior::Booking(booking) => booking.fingerprint,
        }
    }
}

/// What was written under one key. The row of one key that can't be read says nothing about the others.
pub type KeyAnswer = Result<Option<Prior>, Unreadable>;

/// Something was written under a key, but what it was can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was written under the key can't be read: {0}")]
pub struct Unreadable(pub String);

/// Decisions of one event, in order, with the state they were decided on.
#[derive(Clone, Debug)]
pub struct EventBatch {
    pub event_id: EventId,
    /// The version of each quota that the entries build on; the ledger refuses the batch when it has another.
    pub versions: Vec<(QuotaId, i64)>,
    /// The decisions. Independent of each other: any subset may be written.
    pub entries: Vec<Entry>,
}

/// Counters of one quota as they are in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaCount {
    pub quota_id: QuotaId,
    pub held: u32,
    pub sold: u32,
    /// Grows by one with every batch that changes the quota.
    pub version: i64,
}

/// Everything from which an inventory starts.
#[derive(Debug)]
pub struct LoadedInventory {
    pub plan: SalePlan,
    pub counts: Vec<QuotaCount>,
    /// Added to the versions of the quotas for the version of the event: what the quotas had that were deleted.
    pub version_base: i64,
    /// Seats that are held or sold; true for sold.
    pub claims: Vec<(SeatId, bool)>,
    pub holds: Vec<Hold>,
    /// Bookings that wait for their payment.
    pub pending: Vec<Booking>,
    /// Places of each account in active holds and live bookings; empty unless the event limits them.
    pub by_account: Vec<(AccountId, u32)>,
    /// The database's clock at the end of reading.
    pub now: Timestamp,
}

/// What a renewal of the session tells besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The database's clock.
    pub now: Timestamp,
    /// Names the history that the ledger is on. Another one than before means that a standby was promoted, or a backup restored:
    /// what was written last may be gone.
    pub timeline: String,
}

/// Why nothing could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("there is no such event")]
    NoSuchEvent,
    /// Another node owns the event's inventory.
    #[error("the event belongs to node {0}")]
    OwnedBy(String),
    /// This node's session has ended.
    #[error("the session of this node has ended")]
    Fenced,
    /// The ledger can't be read now.
    #[error("the ledger can't be read: {0}")]
    Unavailable(String),
}

/// Why a batch was not, or perhaps was, written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written: one or more entries carry a key that the ledger has already.
    #[error("an idempotency key is in the ledger already")]
    KeyTaken,
    /// Nothing was written: the memory that decided for this event is not the ledger's state.
    #[error("event {0} was decided on a stale version")]
    Stale(EventId),
    /// Nothing was written: an entry was refused by a rule of the ledger.
    #[error("the ledger refused: {0}")]
    Rejected(Rejection),
    /// Nothing was written: this node's session has ended.
    #[error("the session of this node has ended")]
    Fenced,
    /// Nothing was written, and the same batch may succeed at once (serialisation failure, deadlock).
    #[error("the ledger asks to try again: {0}")]
    TryAgain(String),
    /// Nothing was written: something that the batches need is locked by somebody else, for longer than the ledger waits.
    #[error("locked by somebody else: {0}")]
    Locked(String),
    /// Nothing was written: the ledger could not be reached.
    #[error("the ledger can't be reached: {0}")]
    Unavailable(String),
    /// The connection was lost while the batch was on its way: it may be written or not.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// Which rule of the ledger an entry broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// What was to be closed is not open: closed by somebody else in the meantime.
    #[error("not open any more")]
    NotOpen,
    /// The account does not exist.
    #[error("the account does not exist")]
    AccountGone,
    /// The key is in the ledger already, and what was written under it can't be read.
    #[error("what was written under the key can't be read")]
    KeyUnreadable,
    /// A constraint that memory should have kept; the memory can't be trusted.
    #[error("constraint {0}")]
    Guard(String),
}

/// Where inventories are written and read. The judge: whatever memory says, this may refuse.
pub trait Ledger: Send + Sync + 'static {
    /// Reads everything an inventory starts from, and takes its ownership.
    ///
    /// With `settle`, waits first until no earlier commit of this node is in flight any more: what a dead predecessor had
    /// under way is then either in the answer or will never be.
    fn load(&self, event: EventId, settle: bool) -> impl Future<Output = Result<LoadedInventory, LoadError>> + Send;

    /// Writes all entries of all batches in one transaction, durably, or nothing.
    fn commit(&self, batches: &[EventBatch]) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// What was written under each of the keys, in their order.
    fn find_by_keys(&self, keys: &[KeyOf]) -> impl Future<Output = Result<Vec<KeyAnswer>, LoadError>> + Send;

    /// Those of `events` whose counters are locked by somebody else at this moment. For when a commit was refused as
    /// [`CommitError::Locked`].
    fn locked_events(&self, events: &[EventId]) -> impl Future<Output = Result<Vec<EventId>, LoadError>> + Send;

    /// Events with active holds or unpaid bookings: something will expire there.
    fn expiring_events(&self) -> impl Future<Output = Result<Vec<EventId>, LoadError>> + Send;

    /// Shows that this node is alive; [`LoadError::Fenced`] when its session has ended.
    fn renew(&self) -> impl Future<Output = Result<Renewal, LoadError>> + Send;

    /// The counters of an event's quotas.
    fn counts(&self, event: EventId) -> impl Future<Output = Result<Vec<QuotaCount>, LoadError>> + Send;
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
