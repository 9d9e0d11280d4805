//! What the events are called that are being booked.

use std::{future::Future, sync::Arc, time::Duration};

use domain::{
    ids::EventId,
    repositories::{BookingRepository, EventNames, Found},
};

use jiff::Timestamp;

use super::memo::Memo;

/// How old the names may be that the answer to a booking shows, if another node has changed them.
const NAMES_AGE_MAX: Duration = Duration::from_secs(5);

/// Events whose names are remembered.
const NAMES_MAX: usize = 1_000;

/// How long the answer to a booking waits for names: the booking is made, and anyone who made it is to know.
const NAMES_WAIT: Duration = Duration::from_secs(1);

/// What the events are called that are being booked: one read for all bookings of some seconds, so that none costs a look at the
/// catalogue.
#[derive(Debug)]
pub struct BookedEvents(Memo<EventId, Option<EventNames>>);

impl Default for BookedEvents {
    fn default() -> Self {
        Self(Memo::new(NAMES_AGE_MAX, NAMES_MAX))
    }
}

impl BookedEvents {
    /// Call it after the commit of a change of what many events show.
    pub fn forget(&self) {
        self.0.forget();
    }

    /// Call it after the commit of a change of the event.
    pub fn forget_one(&self, event: EventId) {
        self.0.forget_one(&event);
    }

    /// What the event is called. Nothing when that can't be read soon: the names are left out then, for what they are beside is done.
    pub async fn of(&self, store: &dyn BookingRepository, event: EventId) -> Arc<Option<EventNames>> {
        let read = async { store.event_names(&[event]).await.map(|mut names| names.remove(&event)) };
        in_time(event, self.0.get(event, read)).await
    }

    /// What the event was called at that time, as far as that is another thing.
    pub async fn at(&self, store: &dyn BookingRepository, event: EventId, at: Timestamp) -> Arc<Option<EventNames>> {
        let names = self.of(store, event).await;
        if names.as_ref().as_ref().is_none_or(|names| names.changed_at <= at) {
            return names;
        }
        in_time(event, async { store.event_names_at(event, at).await.map(Arc::new) }).await
    }
}

/// Names that are beside what is done: left out when they can't be read soon.
async fn in_time(
    event: EventId,
    read: impl Future<Output = Found<Arc<Option<EventNames>>>>,
) -> Arc<Option<EventNames>> {
    match tokio::time::timeout(NAMES_WAIT, read).await {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => {
            tracing::warn!(%event, %error, "a booking is answered without names");
            Arc::new(None)
        }
        Err(_) => {
            tracing::warn!(%event, "a booking is answered without names: they take too long");
            Arc::new(None)
        }
    }
}
