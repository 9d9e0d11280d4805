//! Event series: made from an event, shown, and taken through their life cycle occurrence by occurrence.

use std::collections::HashMap;

use domain::{
    cache::Tag,
    events::{
        fields::{EventFields, RawEvent},
        lifecycle::Step,
        occurrences::{RawOccurrences, Starts},
    },
    ids::{EventId, SeriesId},
    management::{ChangeError, Conflict, Expected, Manager, Revisions, requests::Creation, series::Occurrence},
};
use jiff::Timestamp;

use super::{
    Made, ManageError, NamedRequest, event_of, events, invalidated, is_expected, once, owns, settled, tags_of,
};
use crate::app::App;

/// Adds occurrences of an event; what is made is the first of them.
pub async fn repeat(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    (event, expected): (EventId, Expected),
    raw: RawOccurrences,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::Event, owns(app, by, event), async |first| {
        settled(expected, || create_occurrences(app, by, (event, expected), EventId(first), raw.clone())).await
    })
    .await
}

async fn create_occurrences(
    app: &App,
    by: &Manager,
    (event, expected): (EventId, Expected),
    first: EventId,
    raw: RawOccurrences,
) -> Result<(), ManageError> {
    let before = event_of(app, by, event).await?;
    is_expected(expected, before.revision)?;
    let starts = Starts::parse(raw, &before.event, Timestamp::now())?;
    // The times were computed from this state of the event.
    let made = app.store.create_occurrences(by, event, Some(Revisions::only(before.revision)), first, &starts).await;
    let series = *made.as_ref().unwrap_or(&before.event.series_id);
    invalidated(app, made, &tags_of(event, series))?;
    let added = starts.as_slice().len();
    tracing::info!(%event, series = series.map(tracing::field::display), userId = %by.account, added, "event repeated");
    Ok(())
}

/// The occurrences of a series, in order. There is always one.
pub async fn show(app: &App, by: &Manager, id: SeriesId) -> Result<Vec<Occurrence>, ManageError> {
    let occurrences = app.store.occurrences(by, id).await?;
    if occurrences.is_empty() { Err(ChangeError::NotFound.into()) } else { Ok(occurrences) }
}

/// What became of an occurrence when its series took a step, or got other texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the step.
    Changed,
    /// It was not meant: it is over, begins too early, is where the step leads already, or has texts of its own, or these very texts.
    Unchanged,
    /// Something stands against it.
    Refused(Conflict),
}

/// Has each occurrence take the step that is meant by it, from those on that begin at `from`, one after the other: each is a change of
/// its own, with its own rules. What fails ends the request, and a repetition goes on with those that are left.
pub async fn step(
    app: &App,
    by: &Manager,
    id: SeriesId,
    step: Step,
    (at, from): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<(Occurrence, Outcome)>, ManageError> {
    events::check_schedule(at)?;
    let now = Timestamp::now();
    let mut outcomes = HashMap::new();
    for occurrence in show(app, by, id).await?.iter().filter(|of| of.is_meant_by(step, from, now)) {
        let outcome = match events::take(app, by, occurrence.id, None, (step, at)).await {
            Ok(true) => Outcome::Changed,
            Ok(false) => Outcome::Unchanged,
            Err(ManageError::Change(ChangeError::Conflict(conflict))) => Outcome::Refused(conflict),
            // Deleted since, or somebody else's by now.
            Err(ManageError::Change(ChangeError::NotFound)) => continue,
            Err(error) => return Err(error),
        };
        outcomes.insert(occurrence.id, outcome);
    }
    let after = show(app, by, id).await?;
    let with_outcome = |of: Occurrence| {
        let outcome = outcomes.remove(&of.id).unwrap_or(Outcome::Unchanged);
        (of, outcome)
    };
    Ok(after.into_iter().map(with_outcome).collect())
}

/// Replaces texts of an occurrence and of those that follow it: `change` is given what is said of the occurrence now. Gives the revision that
/// it has then.
pub async fn change_following(
    app: &App,
    by: &Manager,
    (id, event): (SeriesId, EventId),
    expected: Expected,
    change: impl Fn(RawEvent) -> RawEvent + Send + Sync,
) -> Result<(Vec<(Occurrence, Outcome)>, i32), ManageError> {
    let changed = settled(expected, || async {
        let before = event_of(app, by, event).await?;
        is_expected(expected, before.revision)?;
        let fields = EventFields::parse(change(before.fields().into()), Some(&before), Timestamp::now())?;
        let revision = Some(Revisions::only(before.revision));
        let changed = app.store.change_following(by, id, event, revision, &fields).await;
        Ok(invalidated(app, changed, &tags_of(event, Some(id)))?)
    })
    .await?;
    // Each page of an occurrence has the tag of its series.
    app.cache.invalidate(&changed.iter().map(|event| Tag::Event(*event)).collect::<Vec<_>>());
    tracing::info!(%event, series = %id, userId = %by.account, changed = changed.len(), "texts of a series changed");
    let with_outcome = |of: Occurrence| {
        let outcome = if changed.contains(&of.id) { Outcome::Changed } else { Outcome::Unchanged };
        (of, outcome)
    };
    let after = show(app, by, id).await?.into_iter().map(with_outcome).collect();
    Ok((after, event_of(app, by, event).await?.revision))
}

/// Takes an event out of its series.
pub async fn leave(
    app: &App,
    by: &Manager,
    (id, event): (SeriesId, EventId),
    expected: Expected,
) -> Result<(), ManageError> {
    let left = app.store.leave_series(by, id, event, expected).await;
    invalidated(app, left, &tags_of(event, Some(id)))?;
    tracing::info!(%event, series = %id, userId = %by.account, "event left its series");
    Ok(())
}
