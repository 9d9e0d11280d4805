//! Requests that create something, remembered by their `Idempotency-Key`.

use std::future::Future;

use uuid::Uuid;

use super::catalogue::Vocabulary;
use crate::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::AccountId,
    repositories::Found,
};

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is to be worked on, and what it makes has this id. A repetition of one that broke off gets the same id.
    Begun(Uuid),
    /// It made the thing with this id.
    Done(Uuid),
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
    /// A seat map.
    SeatMap,
    /// A version of a seat map.
    SeatMapVersion,
    /// A venue.
    Venue,
    /// A word of a vocabulary.
    Term(Vocabulary),
}

/// Where they are remembered.
pub trait RequestKeys {
    /// How a request stands, without noting anything. `None`: it is new, or it broke off and what it was to create is not there. One that
    /// broke off after its commit is done.
    fn find_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        creates: Creation,
    ) -> impl Future<Output = Found<Option<Standing>>> + Send;

    /// Notes that a request begins.
    fn begin_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        id: Uuid,
    ) -> impl Future<Output = Found<Standing>> + Send;

    /// Notes how it went. What made nothing is forgotten.
    fn finish_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        done: bool,
    ) -> impl Future<Output = Found<()>> + Send;
}
