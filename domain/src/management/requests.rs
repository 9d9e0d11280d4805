//! Requests that create something, remembered by their `Idempotency-Key`.

use async_trait::async_trait;
use uuid::Uuid;

use super::catalogue::Vocabulary;
use crate::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::AccountId,
    repositories::Found,
};

/// What a request was answered that has made something. Its repetitions are answered the same, whatever has become of the thing since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Where the thing is, or was.
    pub location: String,
    /// The revision that it had, if it has any.
    pub revision: Option<i32>,
    /// The JSON, as it was sent.
    pub body: Vec<u8>,
}

impl FirstAnswer {
    /// Most bytes of a body that is kept: that of the largest series, and of a seat map with the longest names, is smaller.
    pub const BODY_MAX: usize = 1 << 20;
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is to be worked on, and what it makes has this id. A repetition of one that broke off gets the same id.
    Begun(Uuid),
    /// It made the thing with this id, and was answered so. Nobody knows the answer of one that broke off before it was given.
    Done(Uuid, Option<FirstAnswer>),
    /// It is being worked on.
    InProgress,
    /// The key names another request.
    Reused,
}

/// What a request creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// An event, or the first of several.
    Event,
    /// A quota of an event.
    Quota,
    /// A ticket type of an event.
    TicketType,
    /// A promo code of an event.
    PromoCode,
    SeatMap,
    SeatMapVersion,
    Venue,
    /// A word of a vocabulary.
    Term(Vocabulary),
}

/// Where they are remembered.
#[async_trait]
pub trait RequestKeys: Send + Sync {
    /// How a request stands, without noting anything. `None`: it is new, or it broke off and what it was to create is not there. One that
    /// broke off after its commit is done.
    async fn find_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        creates: Creation,
    ) -> Found<Option<Standing>>;

    async fn begin_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        id: Uuid,
    ) -> Found<Standing>;

    /// Notes that it has made what it was to make, and what it is answered. An answer that is noted already stays.
    async fn finish_request(&self, account: AccountId, key: &IdempotencyKey, answer: Option<&FirstAnswer>)
    -> Found<()>;

    /// Forgets a request that has made nothing.
    async fn forget_request(&self, account: AccountId, key: &IdempotencyKey) -> Found<()>;
}
