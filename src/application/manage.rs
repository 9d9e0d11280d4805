//! What organizers and admins do with the catalogue.

pub mod blocks;
pub mod events;
pub mod sales;
pub mod seat_maps;
pub mod series;

use std::future::Future;

use actors::inventories::AskError;
use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    cache::Tag,
    ids::{AccountId, EventId, SeriesId},
    management::{
        ChangeError, Changed, Manager,
        events::{EventManagement, ManagedEvent},
        requests::{RequestKeys, Standing},
    },
    repositories::RepositoryError,
    validation::FieldError,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    app::{Adapters, App},
    bookings::BookingError,
};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The repository says no.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The event's inventory says no, or can't be had.
    #[error(transparent)]
    Inventory(#[from] BookingError),
    /// The key names another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this key is being worked on.
    #[error("the first request is still running")]
    InProgress,
}

impl From<RepositoryError> for ManageError {
    fn from(error: RepositoryError) -> Self {
        Self::Change(error.into())
    }
}

impl From<AskError> for ManageError {
    fn from(error: AskError) -> Self {
        Self::Inventory(error.into())
    }
}

impl From<Vec<FieldError>> for ManageError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Change(ChangeError::Invalid(errors))
    }
}

/// A request that creates something, as its client names it.
#[derive(Clone, Debug)]
pub struct NamedRequest {
    /// The name.
    pub key: IdempotencyKey,
    /// What it asks for.
    pub fingerprint: Fingerprint,
}

/// What was made, and whether by an earlier request with the same key.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Its id.
    pub id: Uuid,
    /// True for a retry.
    pub replayed: bool,
}

/// Makes something once. `make` is given the id, and must do nothing if there is such a thing already: a request that broke off
/// after its commit is repeated with the same id.
pub async fn once<A: Adapters, F>(
    app: &App<A>,
    account: AccountId,
    request: Option<NamedRequest>,
    make: impl FnOnce(Uuid) -> F + Send,
) -> Result<Made, ManageError>
where
    F: Future<Output = Result<(), ManageError>> + Send,
{
    let id = Uuid::now_v7();
    let Some(NamedRequest { key, fingerprint }) = request else {
        make(id).await?;
        return Ok(Made { id, replayed: false });
    };
    let new = id;
    let id = match app.store.begin_request(account, &key, fingerprint, id).await? {
        Standing::Begun(id) => id,
        Standing::Done(id) => return Ok(Made { id, replayed: true }),
        Standing::InProgress => return Err(ManageError::InProgress),
        Standing::Reused => return Err(ManageError::KeyReused),
    };
    let made = make(id).await;
    // An answer that said nothing about the outcome leaves the key: its repetition finds out, with the same id. A roll-back is an
    // outcome, of this try: what became of an earlier one with that id is still open.
    let is_known = match &made {
        Err(ManageError::Change(ChangeError::Repository(error))) => {
            matches!(error, RepositoryError::RolledBack(_)) && id == new
        }
        Err(ManageError::Inventory(_)) => false,
        _ => true,
    };
    if is_known && let Err(error) = app.store.finish_request(account, &key, made.is_ok()).await {
        tracing::warn!(%error, "the end of a request can't be noted; a repetition within a minute has to wait");
    }
    made.map(|()| Made { id, replayed: false })
}

/// Changes what an event sells, between two batches of its inventory.
async fn change_plan<A: Adapters, T>(
    app: &App<A>,
    event: EventId,
    change: impl Future<Output = Changed<T>> + Send,
) -> Result<T, ManageError> {
    let deadline = Instant::now() + app.command_deadline;
    let pause = app.inventories.pause(event, deadline).await?;
    let changed = change.await;
    pause.end(deadline).await;
    let changed = changed?;
    event_changed(app, event);
    Ok(changed)
}

/// One of the events that `by` may see.
pub async fn event_of<A: Adapters>(app: &App<A>, by: &Manager, id: EventId) -> Result<ManagedEvent, ManageError> {
    Ok(app.store.managed_event(by, id).await?.ok_or(ChangeError::NotFound)?)
}

/// The one place, after the commit, for whoever keeps answers about an event.
fn event_changed<A: Adapters>(app: &App<A>, event: EventId) {
    app.cache.invalidate(&[Tag::Event(event), Tag::Events]);
}

/// The same for the pages of an event's siblings, which show when it begins and that it is there at all.
fn siblings_changed<A: Adapters>(app: &App<A>, series: Option<SeriesId>) {
    if let Some(series) = series {
        app.cache.invalidate(&[Tag::Series(series)]);
    }
}
