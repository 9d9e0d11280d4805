//! Requests that create something, remembered by their `Idempotency-Key`.

use std::future::Future;

use uuid::Uuid;

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

/// Where they are remembered.
pub trait RequestKeys {
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
