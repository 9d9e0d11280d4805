//! What the inventory writes down, and the port to where it is written.

mod entry;

use std::{future::Future, sync::Arc};

use jiff::Timestamp;

pub use self::entry::{CodeUse, Entry, KeyKind, QuotaChange};
use crate::{
    bookings::{Booking, Fingerprint, Hold, IdempotencyKey},
    events::SalePlan,
    ids::{AccountId, EventId, PromoCodeId, QuotaId, SeatId},
};

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

/// How often a promo code is used, as it is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUses {
    pub promo_code_id: PromoCodeId,
    pub used: u32,
    /// Of each account; empty unless the code limits them.
    pub by_account: Vec<(AccountId, u32)>,
}

/// Everything from which an inventory starts.
#[derive(Debug)]
pub struct LoadedInventory {
    pub plan: SalePlan,
    pub counts: Vec<QuotaCount>,
    /// Of each promo code of the plan.
    pub code_uses: Vec<CodeUses>,
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
    /// What was paid, refunded or asked for under a key of a cancellation is not as it was when this was computed. It says nothing about
    /// places.
    #[error("payments have changed")]
    MoneyChanged,
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
