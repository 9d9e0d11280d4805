//! Series as organizers see and change them. A series is no more than its occurrences: there is one as long as it has any, and all
//! of them are of one organizer.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Changed, Expected, Manager, events::Cancellation};
use crate::{
    events::{EventStatus, fields::EventFields, lifecycle::Step, occurrences::Starts},
    ids::{EventId, SeriesId},
    repositories::Found,
};

/// An event as one of a series.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub id: EventId,
    pub slug: String,
    pub title: String,
    /// Where it is in its life.
    pub status: EventStatus,
    /// When it will be published, while it is scheduled.
    pub publish_at: Option<Timestamp>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// For a cancelled one.
    pub cancellation: Option<Cancellation>,
}

impl Occurrence {
    /// Whether a step of its series is meant for it: it can take the step, is not over by `now`, and does not begin before `from`.
    /// What has taken place is never cancelled with the rest.
    pub fn is_meant_by(&self, step: Step, from: Option<Timestamp>, now: Timestamp) -> bool {
        self.status.after(step).is_some() && now < self.ends_at && from.is_none_or(|from| from <= self.starts_at)
    }
}

#[async_trait]
pub trait SeriesManagement: Send + Sync {
    /// The occurrences of a series that `by` may see, in order; none when there is no such series.
    async fn occurrences(&self, by: &Manager, id: SeriesId) -> Found<Vec<Occurrence>>;

    /// Makes a draft for each of `starts`, copies of `event` as [`super::events::EventManagement::duplicate_event`] makes them, in
    /// its series; an event without one becomes the first of a new series, which is given. All or nothing. Does nothing when
    /// `first`, the id of the first of them, is there already.
    async fn create_occurrences(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        first: EventId,
        starts: &Starts,
    ) -> Changed<Option<SeriesId>>;

    /// Replaces the texts (title, summary, description, category and tags) of an event, and of those in its series that begin later, are
    /// not over and can still be changed: each where it reads the same as in the event, for what is different somewhere was made so on
    /// purpose. All tags together are one text. All or nothing; gives the events that were changed.
    async fn change_following(
        &self,
        by: &Manager,
        series: SeriesId,
        event: EventId,
        expected: Expected,
        fields: &EventFields,
    ) -> Changed<Vec<EventId>>;

    /// Takes an event out of the series. The event stays as it is.
    async fn leave_series(&self, by: &Manager, series: SeriesId, event: EventId, expected: Expected) -> Changed;
}
