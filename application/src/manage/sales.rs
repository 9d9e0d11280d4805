//! Ticket types and quotas. A change of what decisions depend on pauses the event's inventory, so that it decides on
//! either the old plan or the new one; other names and descriptions pause nothing.

use domain::{
    events::{
        offering::OfferedType,
        sales::{ManagedQuota, ManagedTicketType, QuotaFields, RawQuota, RawTicketType, TicketTypeFields},
    },
    ids::{EventId, QuotaId, TicketTypeId},
    management::{ChangeError, Conflict, Expected, Manager, Revisions, requests::Creation},
    validation::FieldError,
};

use super::{
    Judged, Made, ManageError, NamedRequest, change_plan, change_words, event_of, is_expected, once, owns, settled,
};
use crate::app::App;

/// The quotas of an event.
pub async fn quotas(app: &App, by: &Manager, event: EventId) -> Result<Vec<ManagedQuota>, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.quotas(event).await?)
}

pub async fn quota(app: &App, by: &Manager, event: EventId, id: QuotaId) -> Result<ManagedQuota, ManageError> {
    let quotas = quotas(app, by, event).await?;
    Ok(quotas.into_iter().find(|quota| quota.id == id).ok_or(ChangeError::NotFound)?)
}

pub async fn create_quota(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    event: EventId,
    fields: QuotaFields,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::Quota, owns(app, by, event), async |id| {
        let judged = Judged::editable(&event_of(app, by, event).await?)?;
        change_plan(app, judged, app.store.create_quota(by, event, QuotaId(id), &fields)).await
    })
    .await
}

/// Changes a quota: `change` is given it as it is.
pub async fn update_quota(
    app: &App,
    by: &Manager,
    (event, id): (EventId, QuotaId),
    expected: Expected,
    change: impl Fn(RawQuota) -> RawQuota + Send + Sync,
) -> Result<ManagedQuota, ManageError> {
    settled(expected, || async {
        let of = event_of(app, by, event).await?;
        let before = quota(app, by, event, id).await?;
        let fields = QuotaFields::parse(change((&before).into()), Some(&before))?;
        is_expected(expected, before.revision)?;
        let judged = Judged::editable(&of)?;
        let written = app.store.update_quota(by, event, id, Some(Revisions::only(before.revision)), &fields);
        if fields.capacity == before.capacity {
            if fields.name == before.name {
                return Ok(before);
            }
            change_words(app, judged, written).await?;
        } else {
            before.resized(fields.capacity).map_err(|error| ChangeError::from(Conflict::from(error)))?;
            let judged = judged.within_rules(app, |offering| offering.resize(id, fields.capacity)).await?;
            change_plan(app, judged, written).await?;
        }
        quota(app, by, event, id).await
    })
    .await
}

pub async fn delete_quota(
    app: &App,
    by: &Manager,
    event: EventId,
    id: QuotaId,
    expected: Expected,
) -> Result<(), ManageError> {
    let judged = Judged::editable(&event_of(app, by, event).await?);
    is_expected(expected, quota(app, by, event, id).await?.revision)?;
    let types = app.store.ticket_types(event).await?;
    let judged = judged?;
    if types.iter().any(|of| of.fields.quota_id == id) {
        return Err(ChangeError::from(Conflict::InUse("ticket types draw on the quota")).into());
    }
    change_plan(app, judged, app.store.delete_quota(by, event, id, expected)).await
}

/// The ticket types of an event, in the organizer's order.
pub async fn ticket_types(app: &App, by: &Manager, event: EventId) -> Result<Vec<ManagedTicketType>, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.ticket_types(event).await?)
}

pub async fn ticket_type(
    app: &App,
    by: &Manager,
    event: EventId,
    id: TicketTypeId,
) -> Result<ManagedTicketType, ManageError> {
    let types = ticket_types(app, by, event).await?;
    Ok(types.into_iter().find(|of| of.id == id).ok_or(ChangeError::NotFound)?)
}

pub async fn create_ticket_type(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    event: EventId,
    raw: RawTicketType,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::TicketType, owns(app, by, event), async |id| {
        settled(None, || insert_ticket_type(app, by, event, TicketTypeId(id), raw.clone())).await
    })
    .await
}

async fn insert_ticket_type(
    app: &App,
    by: &Manager,
    event: EventId,
    id: TicketTypeId,
    raw: RawTicketType,
) -> Result<(), ManageError> {
    let of = event_of(app, by, event).await?;
    let fields = TicketTypeFields::parse(raw, &of.event, None)?;
    let judged = Judged::editable(&of)?;
    let quota = quota_to_draw_on(app, event, fields.quota_id).await?;
    let new = OfferedType::new(id, &fields, &quota);
    let judged = judged.within_rules(app, |offering| offering.ticket_types.push(new)).await?;
    change_plan(app, judged, app.store.create_ticket_type(by, event, id, &fields)).await
}

async fn quota_to_draw_on(app: &App, event: EventId, id: QuotaId) -> Result<ManagedQuota, ManageError> {
    let found = app.store.quotas(event).await?.into_iter().find(|quota| quota.id == id);
    found.ok_or_else(|| vec![FieldError::new("quotaId", "UNKNOWN", "the event has no such quota")].into())
}

/// Changes a ticket type: `change` is given it as it is.
pub async fn update_ticket_type(
    app: &App,
    by: &Manager,
    (event, id): (EventId, TicketTypeId),
    expected: Expected,
    change: impl Fn(RawTicketType) -> RawTicketType + Send + Sync,
) -> Result<ManagedTicketType, ManageError> {
    settled(expected, || async {
        let of = event_of(app, by, event).await?;
        let before = ticket_type(app, by, event, id).await?;
        let fields = TicketTypeFields::parse(change(before.fields.clone().into()), &of.event, Some(&before.fields))?;
        is_expected(expected, before.revision)?;
        let judged = Judged::editable(&of)?;
        let written = app.store.update_ticket_type(by, event, id, Some(Revisions::only(before.revision)), &fields);
        if fields.keeps_plan(&before.fields) {
            if fields == before.fields {
                return Ok(before);
            }
            change_words(app, judged, written).await?;
        } else {
            if before.ever_taken && !fields.keeps_places(&before.fields) {
                return Err(ChangeError::from(Conflict::PLACES_STAY).into());
            }
            let quota = quota_to_draw_on(app, event, fields.quota_id).await?;
            let judged =
                judged.within_rules(app, |offering| offering.replace(OfferedType::new(id, &fields, &quota))).await?;
            change_plan(app, judged, written).await?;
        }
        ticket_type(app, by, event, id).await
    })
    .await
}

/// Deletes a ticket type that nobody has booked.
pub async fn delete_ticket_type(
    app: &App,
    by: &Manager,
    event: EventId,
    id: TicketTypeId,
    expected: Expected,
) -> Result<(), ManageError> {
    let judged = Judged::editable(&event_of(app, by, event).await?);
    let before = ticket_type(app, by, event, id).await?;
    is_expected(expected, before.revision)?;
    let judged = judged?;
    if before.ever_taken {
        return Err(ChangeError::from(Conflict::TYPE_STAYS).into());
    }
    if app.store.names_ticket_type(event, id).await? {
        return Err(ChangeError::from(Conflict::TYPE_IS_NAMED).into());
    }
    let judged = judged.within_rules(app, |offering| offering.ticket_types.retain(|of| of.id != id)).await?;
    change_plan(app, judged, app.store.delete_ticket_type(by, event, id, expected)).await
}

/// Puts the ticket types into another order, which is a change of the event: gives the revision that it has then.
pub async fn order_ticket_types(
    app: &App,
    by: &Manager,
    event: EventId,
    expected: Expected,
    order: Vec<TicketTypeId>,
) -> Result<(Vec<ManagedTicketType>, i32), ManageError> {
    let of = event_of(app, by, event).await?;
    is_expected(expected, of.revision)?;
    let before = app.store.ticket_types(event).await?;
    let judged = Judged::editable(&of)?;
    let mut named = order.clone();
    let mut there: Vec<_> = before.iter().map(|of| of.id).collect();
    if named == there {
        return Ok((before, of.revision));
    }
    named.sort_unstable();
    there.sort_unstable();
    if named != there {
        return Err(vec![FieldError::new("order", "INVALID", "must name each ticket type of the event once")].into());
    }
    // Availability shows ticket types in their order, so the inventory has to know it.
    change_plan(app, judged, app.store.order_ticket_types(by, event, expected, &order)).await?;
    let revision = event_of(app, by, event).await?.revision;
    Ok((app.store.ticket_types(event).await?, revision))
}
