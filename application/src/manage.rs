//! Catalogue management: what organizers and administrators change.

pub mod blocks;
pub mod bookings;
pub mod events;
mod once;
pub mod pricing;
pub mod promo_codes;
pub mod sales;
pub mod seat_maps;
pub mod series;

use std::{future::Future, time::Duration};

use actors::inventories::AskError;
use domain::{
    cache::Tag,
    events::{EventStatus, lifecycle::Step, offering::Offering},
    ids::{EventId, SeriesId},
    management::{ChangeError, Changed, Conflict, Expected, Manager, events::ManagedEvent},
    repositories::RepositoryError,
    validation::FieldError,
};
use jiff::Timestamp;
use tokio::time::Instant;

pub use self::once::{Made, NamedRequest, once, told};
use super::{app::App, bookings::BookingError};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The repository says no.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The event's inventory says no, or can't be had.
    #[error(transparent)]
    Inventory(#[from] BookingError),
    /// The event's inventory can't be paused, before which no change of what is sold begins.
    #[error(transparent)]
    NotPaused(BookingError),
    /// The key names another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this key is being worked on.
    #[error("the first request is still running")]
    InProgress,
}

impl ManageError {
    /// Whether it is an outcome. Otherwise the change may have been made.
    fn says_that_nothing_was_made(&self) -> bool {
        match self {
            Self::Change(ChangeError::Repository(error)) => matches!(error, RepositoryError::RolledBack(_)),
            // Sent away at the door, or overtaken in each of its tries, all of which were rolled back.
            Self::Inventory(BookingError::Overloaded { .. }) | Self::NotPaused(_) => true,
            Self::Inventory(_) => false,
            _ => true,
        }
    }
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

/// An event of which it was judged that `by` may change it as asked: whose it is, its revision and its state. Only with one of these an
/// inventory is paused, so a change that is refused anyway, such as a stranger's, costs no buyer anything. The transaction of the
/// change judges again, under its locks.
#[derive(Clone, Copy, Debug)]
struct Judged {
    event: EventId,
    series: Option<SeriesId>,
}

impl Judged {
    fn of(event: &ManagedEvent) -> Self {
        Self { event: event.event.id, series: event.event.series_id }
    }

    /// One that is not cancelled or archived.
    fn editable(event: &ManagedEvent) -> Result<Self, ManageError> {
        if event.event.status.is_editable() {
            return Ok(Self::of(event));
        }
        Err(ChangeError::from(Conflict::Event("a cancelled or archived event is not changed any more")).into())
    }

    /// One that can take the step now.
    async fn for_step(
        app: &App,
        by: &Manager,
        event: EventId,
        expected: Expected,
        step: Step,
        at: Option<Timestamp>,
    ) -> Result<Self, ManageError> {
        Ok(Self { event, series: app.store.judge_step(by, event, expected, step, at).await? })
    }

    /// One whose rules allow what `change` makes of it: see [`Offering::newly_broken`].
    async fn within_rules(self, app: &App, change: impl FnOnce(&mut Offering) + Send) -> Result<Self, ManageError> {
        let Some(before) = app.store.offering(self.event).await? else { return Ok(self) };
        let mut after = before.clone();
        change(&mut after);
        let broken = before.newly_broken(&after);
        if broken.is_empty() { Ok(self) } else { Err(ChangeError::from(Conflict::Broken(broken)).into()) }
    }

    /// One that can be deleted.
    fn deletable(event: &ManagedEvent) -> Result<Self, ManageError> {
        if event.event.status == EventStatus::Draft {
            return Ok(Self::of(event));
        }
        let conflict = Conflict::Event("only a draft can be deleted: cancel or archive the event");
        Err(ChangeError::from(conflict).into())
    }
}

/// How often a change is tried at which others are faster each time.
const TRIES: u32 = 20;

/// Makes a change that is judged before it is locked, and again when somebody else was faster: to a client that has `named` no revision,
/// that is no refusal. One that has named one is told.
pub async fn settled<T, F>(named: Expected, change: impl Fn() -> F + Send) -> Result<T, ManageError>
where
    F: Future<Output = Result<T, ManageError>> + Send,
{
    for _ in 0..TRIES {
        match change().await {
            Err(ManageError::Change(ChangeError::Stale)) if named.is_none() => {}
            outcome => return outcome,
        }
    }
    Err(AskError::Overloaded { retry_after: Duration::from_secs(1) }.into())
}

/// Whether the revision is what the client has seen.
fn is_expected(expected: Expected, revision: i32) -> Result<(), ManageError> {
    if expected.is_none_or(|expected| expected.has(revision)) { Ok(()) } else { Err(ChangeError::Stale.into()) }
}

/// Changes what an event sells, between two batches of its inventory.
async fn change_plan<T>(
    app: &App,
    Judged { event, series }: Judged,
    change: impl Future<Output = Changed<T>> + Send,
) -> Result<T, ManageError> {
    let deadline = Instant::now() + app.command_deadline;
    let pause = app.inventories.pause(event, deadline).await;
    let pause = pause.map_err(|error| ManageError::NotPaused(error.into()))?;
    let changed = change.await;
    pause.end().await;
    Ok(invalidated(app, changed, &tags_of(event, series))?)
}

/// Changes what is said of an event and no sale is decided by: no buyer waits for a corrected word.
async fn change_words<T>(
    app: &App,
    Judged { event, series }: Judged,
    change: impl Future<Output = Changed<T>> + Send,
) -> Result<T, ManageError> {
    Ok(invalidated(app, change.await, &tags_of(event, series))?)
}

/// Ends the cached answers that show what was changed: also when the outcome is unknown, for it may have been.
pub fn invalidated<T>(app: &App, changed: Changed<T>, tags: &[Tag]) -> Changed<T> {
    if matches!(changed, Ok(_) | Err(ChangeError::Repository(_))) {
        app.cache.invalidate(tags);
        for tag in tags {
            match tag {
                Tag::Event(event) => app.names.forget_one(*event),
                Tag::Venue(_) => app.names.forget(),
                Tag::Settings => app.site.forget(),
                _ => {}
            }
        }
    }
    changed
}

/// One of the events that `by` may see.
pub async fn event_of(app: &App, by: &Manager, id: EventId) -> Result<ManagedEvent, ManageError> {
    Ok(app.store.managed_event(by, id).await?.ok_or(ChangeError::NotFound)?)
}

/// Whether it is one of the events that `by` may see: for what is made of it.
async fn owns(app: &App, by: &Manager, id: EventId) -> Result<(), ManageError> {
    event_of(app, by, id).await.map(drop)
}

/// For what belongs to nothing else.
pub async fn unowned() -> Result<(), ManageError> {
    Ok(())
}

/// What shows an event, and that it is there at all: its own page, lists, and the pages of its siblings.
fn tags_of(event: EventId, series: Option<SeriesId>) -> Vec<Tag> {
    let mut tags = vec![Tag::Event(event), Tag::Events];
    tags.extend(series.map(Tag::Series));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: that the key of a creation is free again which was overtaken until it gave up: all of its tries were rolled back.
    #[tokio::test]
    async fn who_is_overtaken_each_time_has_made_nothing() {
        let error = settled(None, async || Err::<(), _>(ChangeError::Stale.into())).await.unwrap_err();
        assert!(matches!(error, ManageError::Inventory(BookingError::Overloaded { .. })), "{error}");
        assert!(error.says_that_nothing_was_made());
        let late = || AskError::Unavailable { reason: String::new(), retry_after: Duration::ZERO };
        assert!(ManageError::NotPaused(late().into()).says_that_nothing_was_made());
        assert!(!ManageError::from(late()).says_that_nothing_was_made());
    }
}
