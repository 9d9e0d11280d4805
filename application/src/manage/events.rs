//! Event management: creating, changing, and the steps of an event's life cycle.

use domain::{
    events::{
        EventStatus,
        fields::{EventFields, RawEvent},
        lifecycle::Step,
    },
    ids::{AccountId, EventId},
    management::{Expected, Manager, Revisions, events::ManagedEvent, requests::Creation},
    validation::{FieldError, instant},
};
use jiff::Timestamp;

use super::{
    Judged, Made, ManageError, NamedRequest, change_plan, change_words, event_of, invalidated, is_expected, once, owns,
    settled, tags_of, unowned,
};
use crate::app::App;

/// Makes a draft.
pub async fn create(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    organizer: Option<AccountId>,
    raw: RawEvent,
) -> Result<Made, ManageError> {
    let organizer = organizer.unwrap_or(by.account);
    once(app, by.account, request, Creation::Event, unowned(), async |id| {
        let fields = EventFields::parse(raw, None, Timestamp::now())?;
        app.store.create_event(by, EventId(id), organizer, &fields).await?;
        tracing::info!(event = %id, userId = %by.account, "event created");
        Ok(())
    })
    .await
}

/// Changes what is said of an event: `change` is given what is said now.
pub async fn update(
    app: &App,
    by: &Manager,
    id: EventId,
    expected: Expected,
    organizer: Option<AccountId>,
    change: impl Fn(RawEvent) -> RawEvent + Send + Sync,
) -> Result<ManagedEvent, ManageError> {
    settled(expected, || async {
        let before = event_of(app, by, id).await?;
        // What the change is put on top of must be what the client has seen.
        is_expected(expected, before.revision)?;
        let fields = EventFields::parse(change(before.fields().into()), Some(&before), Timestamp::now())?;
        let judged = Judged::editable(&before)?;
        if before.fields() == fields && organizer.is_none_or(|organizer| organizer == before.event.organizer_id) {
            return Ok(before);
        }
        let judged = judged.within_rules(app, |offering| offering.set(&fields)).await?;
        let written = app.store.update_event(by, id, Some(Revisions::only(before.revision)), organizer, &fields);
        if fields.keeps_plan(&before.event) && fields.seat_map_id == before.seat_map.map(|(map, _)| map) {
            change_words(app, judged, written).await?;
        } else {
            change_plan(app, judged, written).await?;
        }
        event_of(app, by, id).await
    })
    .await
}

/// Deletes a draft.
pub async fn delete(app: &App, by: &Manager, id: EventId, expected: Expected) -> Result<(), ManageError> {
    let before = event_of(app, by, id).await?;
    is_expected(expected, before.revision)?;
    let judged = Judged::deletable(&before)?;
    change_plan(app, judged, app.store.delete_event(by, id, expected)).await?;
    tracing::info!(event = %id, userId = %by.account, "event deleted");
    Ok(())
}

/// Takes a step in the life of an event.
pub async fn step(
    app: &App,
    by: &Manager,
    id: EventId,
    expected: Expected,
    step: Step,
    at: Option<Timestamp>,
) -> Result<ManagedEvent, ManageError> {
    check_schedule(at)?;
    take(app, by, id, expected, (step, at)).await?;
    event_of(app, by, id).await
}

/// When something may be published.
pub(super) fn check_schedule(at: Option<Timestamp>) -> Result<(), Vec<FieldError>> {
    if let Some(at) = at {
        let ahead = at.as_second().saturating_sub(Timestamp::now().as_second());
        // Ten years: what is later is a mistake.
        if !(1..=315_576_000).contains(&ahead) {
            let message = "must be in the future, within ten years";
            return Err(vec![FieldError::new("at", "OUT_OF_RANGE", message)]);
        }
    }
    Ok(())
}

/// Takes the step, and tells everybody. Whether that changes anything: an event may be scheduled for that very time.
pub(super) async fn take(
    app: &App,
    by: &Manager,
    id: EventId,
    expected: Expected,
    (step, at): (Step, Option<Timestamp>),
) -> Result<bool, ManageError> {
    if step == Step::Schedule {
        let before = event_of(app, by, id).await?;
        // As exact as the database keeps it.
        let is_same = before.publish_at.map(Timestamp::as_microsecond) == at.map(Timestamp::as_microsecond);
        if before.event.status == EventStatus::Scheduled && is_same {
            return is_expected(expected, before.revision).map(|()| false);
        }
    }
    let judged = Judged::for_step(app, by, id, expected, step, at).await?;
    change_plan(app, judged, app.store.step_event(by, id, expected, step, at)).await?;
    tracing::info!(event = %id, userId = %by.account, step = step.as_str(), "event changed its status");
    app.upkeep.wake();
    Ok(true)
}

/// Makes a draft copy that begins at `starts_at`.
pub async fn duplicate(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    (id, expected): (EventId, Expected),
    starts_at: Timestamp,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::Event, owns(app, by, id), async |copy| {
        let starts_at = instant("startsAt", Some(starts_at)).map_err(|fault| vec![fault])?;
        if starts_at <= Timestamp::now() {
            return Err(vec![FieldError::new("startsAt", "NOT_IN_FUTURE", "must be in the future")].into());
        }
        let made = app.store.duplicate_event(by, id, expected, EventId(copy), starts_at).await;
        Ok(invalidated(app, made, &tags_of(EventId(copy), None))?)
    })
    .await
}
