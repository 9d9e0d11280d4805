//! Ticket types and quotas. Each change pauses the event's inventory, so that it is decided on either the old plan or the new one.

use domain::{
    events::sales::{ManagedQuota, ManagedTicketType, QuotaFields, RawTicketType, TicketTypeFields},
    ids::{EventId, QuotaId, TicketTypeId},
    management::{ChangeError, Expected, Manager, events::SalesManagement},
};

use super::{Made, ManageError, NamedRequest, change_plan, event_of, once};
use crate::application::app::{Adapters, App};

/// The quotas of an event.
pub async fn quotas<A: Adapters>(app: &App<A>, by: &Manager, event: EventId) -> Result<Vec<ManagedQuota>, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.quotas(event).await?)
}

/// One of them.
pub async fn quota<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
    id: QuotaId,
) -> Result<ManagedQuota, ManageError> {
    let quotas = quotas(app, by, event).await?;
    Ok(quotas.into_iter().find(|quota| quota.id == id).ok_or(ChangeError::NotFound)?)
}

/// Adds a quota.
pub async fn add_quota<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    request: Option<NamedRequest>,
    event: EventId,
    fields: QuotaFields,
) -> Result<Made, ManageError> {
    event_of(app, by, event).await?;
    once(app, by.account, request, async |id| {
        change_plan(app, event, app.store.add_quota(by, event, QuotaId(id), &fields)).await
    })
    .await
}

/// Changes a quota: `change` is given it as it is.
pub async fn update_quota<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    (event, id): (EventId, QuotaId),
    expected: Expected,
    change: impl FnOnce(&ManagedQuota) -> (Option<String>, Option<u32>),
) -> Result<ManagedQuota, ManageError> {
    let before = quota(app, by, event, id).await?;
    let (name, capacity) = change(&before);
    let fields = QuotaFields::parse(name.as_deref(), capacity)?;
    let expected = expected.or(Some(before.revision));
    change_plan(app, event, app.store.update_quota(by, event, id, expected, &fields)).await?;
    quota(app, by, event, id).await
}

/// Deletes a quota.
pub async fn delete_quota<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
    id: QuotaId,
    expected: Expected,
) -> Result<(), ManageError> {
    event_of(app, by, event).await?;
    change_plan(app, event, app.store.delete_quota(by, event, id, expected)).await
}

/// The ticket types of an event, in the organizer's order.
pub async fn ticket_types<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
) -> Result<Vec<ManagedTicketType>, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.ticket_types(event).await?)
}

/// One of them.
pub async fn ticket_type<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
    id: TicketTypeId,
) -> Result<ManagedTicketType, ManageError> {
    let types = ticket_types(app, by, event).await?;
    Ok(types.into_iter().find(|of| of.id == id).ok_or(ChangeError::NotFound)?)
}

/// Adds a ticket type.
pub async fn add_ticket_type<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    request: Option<NamedRequest>,
    event: EventId,
    raw: RawTicketType,
) -> Result<Made, ManageError> {
    let fields = TicketTypeFields::parse(raw, &event_of(app, by, event).await?.event)?;
    once(app, by.account, request, async |id| {
        change_plan(app, event, app.store.add_ticket_type(by, event, TicketTypeId(id), &fields)).await
    })
    .await
}

/// Changes a ticket type: `change` is given it as it is.
pub async fn update_ticket_type<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    (event, id): (EventId, TicketTypeId),
    expected: Expected,
    change: impl FnOnce(RawTicketType) -> RawTicketType,
) -> Result<ManagedTicketType, ManageError> {
    let of = event_of(app, by, event).await?;
    let before = ticket_type(app, by, event, id).await?;
    let fields = TicketTypeFields::parse(change(before.fields.into()), &of.event)?;
    let expected = expected.or(Some(before.revision));
    change_plan(app, event, app.store.update_ticket_type(by, event, id, expected, &fields)).await?;
    ticket_type(app, by, event, id).await
}

/// Deletes a ticket type that nobody has booked.
pub async fn delete_ticket_type<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
    id: TicketTypeId,
    expected: Expected,
) -> Result<(), ManageError> {
    event_of(app, by, event).await?;
    change_plan(app, event, app.store.delete_ticket_type(by, event, id, expected)).await
}

/// Puts the ticket types into another order.
pub async fn order_ticket_types<A: Adapters>(
    app: &App<A>,
    by: &Manager,
    event: EventId,
    order: Vec<TicketTypeId>,
) -> Result<Vec<ManagedTicketType>, ManageError> {
    event_of(app, by, event).await?;
    change_plan(app, event, app.store.order_ticket_types(by, event, &order)).await?;
    ticket_types(app, by, event).await
}
