//! Ticket types and quotas of an event.

use std::sync::Arc;

use application::{app::App, manage::sales};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use domain::{
    events::sales::{ManagedQuota, ManagedTicketType, QuotaFields},
    ids::{EventId, QuotaId, SectionId, TicketTypeId},
    money::Money,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answered,
    bodies::sales::{NewQuotaBody, NewTicketTypeBody, QuotaChangeBody, TicketTypeChangeBody},
    expected, first_answer, location, manager, named_body, perhaps_expected, tagged,
};

/// A list that is short enough to be shown whole.
#[derive(Serialize)]
pub(super) struct All<T> {
    pub(super) data: Vec<T>,
}

/// All quotas of an event.
#[derive(ToSchema)]
#[schema(as = Quotas)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct QuotasJson<'a> {
    data: Vec<QuotaJson<'a>>,
}

/// All ticket types of an event, in their order.
#[derive(ToSchema)]
#[schema(as = ManagedTicketTypes)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct TicketTypesJson<'a> {
    data: Vec<TicketTypeJson<'a>>,
}

/// A number of places that ticket types draw on.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaJson<'a> {
    id: QuotaId,
    name: &'a str,
    capacity: u32,
    held: u32,
    sold: u32,
    available: u32,
    created_at: Timestamp,
    /// When name or capacity last changed.
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedQuota> for QuotaJson<'a> {
    fn from(quota: &'a ManagedQuota) -> Self {
        let ManagedQuota { id, ref name, capacity, held, sold, created_at, updated_at, revision: _ } = *quota;
        let available = capacity.saturating_sub(held.saturating_add(sold));
        Self { id, name, capacity, held, sold, available, created_at, updated_at }
    }
}

/// A ticket type as its organizer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedTicketType)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketTypeJson<'a> {
    id: TicketTypeId,
    quota_id: QuotaId,
    name: &'a str,
    description: &'a str,
    price: Money,
    sections: &'a [SectionId],
    min_per_booking: u32,
    max_per_booking: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_ends_at: Option<Timestamp>,
    position: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedTicketType> for TicketTypeJson<'a> {
    fn from(of: &'a ManagedTicketType) -> Self {
        let fields = &of.fields;
        Self {
            id: of.id,
            quota_id: fields.quota_id,
            name: &fields.name,
            description: &fields.description,
            price: fields.price,
            sections: &fields.sections,
            min_per_booking: fields.min_per_booking,
            max_per_booking: fields.max_per_booking,
            sale_starts_at: fields.sale_starts_at,
            sale_ends_at: fields.sale_ends_at,
            position: of.position,
            created_at: of.created_at,
            updated_at: of.updated_at,
        }
    }
}

/// All ticket types, in their order.
#[derive(Deserialize, ToSchema)]
#[schema(as = TicketTypeOrder)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrderBody {
    order: Vec<TicketTypeId>,
}

fn shown_quota(quota: &ManagedQuota) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&QuotaJson::from(quota))?, quota.revision))
}

fn shown_type(of: &ManagedTicketType) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&TicketTypeJson::from(of))?, of.revision))
}

/// `GET …/events/{id}/quotas`
pub(super) async fn list_quotas(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let quotas = sales::quotas(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&All { data: quotas.iter().map(QuotaJson::from).collect() })
}

/// `POST …/events/{id}/quotas`
pub(super) async fn add_quota(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<NewQuotaBody>(&mut request).await?;
    let fields = QuotaFields::parse(body.name, body.capacity, None)?;
    let made = sales::add_quota(&app, &by, named, event, fields).await?;
    let id = QuotaId(made.id);
    let show = async {
        let quota = sales::quota(&app, &by, event, id).await?;
        let path = location(&by, &format!("events/{event}/quotas/{id}"));
        first_answer(path, &QuotaJson::from(&quota), Some(quota.revision))
    };
    answered(&app, &by, made, show).await
}

/// `GET …/events/{id}/quotas/{quotaId}`
pub(super) async fn show_quota(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown_quota(&sales::quota(&app, &manager(&request)?, request.id("id")?, request.id("quotaId")?).await?)
}

/// `PATCH …/events/{id}/quotas/{quotaId}`: more places are there at once; fewer than are held and sold are refused.
pub(super) async fn update_quota(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("quotaId")?);
    let body: QuotaChangeBody = request.body().await?;
    let change = |before: &ManagedQuota| {
        (body.name.clone().over(Some(before.name.clone())), body.capacity.clone().over(Some(before.capacity)))
    };
    shown_quota(&sales::update_quota(&app, &by, which, expected, change).await?)
}

/// `DELETE …/events/{id}/quotas/{quotaId}`
pub(super) async fn delete_quota(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_quota(&app, &by, request.id("id")?, request.id("quotaId")?, expected).await?;
    Ok(Reply::no_content())
}

/// `GET …/events/{id}/ticket-types`
pub(super) async fn list_types(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let types = sales::ticket_types(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&All { data: types.iter().map(TicketTypeJson::from).collect() })
}

/// `POST …/events/{id}/ticket-types`
pub(super) async fn add_type(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<NewTicketTypeBody>(&mut request).await?;
    let made = sales::add_ticket_type(&app, &by, named, event, body.into()).await?;
    let id = TicketTypeId(made.id);
    let show = async {
        let of = sales::ticket_type(&app, &by, event, id).await?;
        let path = location(&by, &format!("events/{event}/ticket-types/{id}"));
        first_answer(path, &TicketTypeJson::from(&of), Some(of.revision))
    };
    answered(&app, &by, made, show).await
}

/// `PUT …/events/{id}/ticket-types`: their order. Revisions are the event's.
pub(super) async fn order_types(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: OrderBody = request.body().await?;
    let (types, revision) = sales::order_ticket_types(&app, &by, event, expected, body.order).await?;
    Ok(tagged(Reply::ok(&All { data: types.iter().map(TicketTypeJson::from).collect() })?, revision))
}

/// `GET …/events/{id}/ticket-types/{typeId}`
pub(super) async fn show_type(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown_type(&sales::ticket_type(&app, &manager(&request)?, request.id("id")?, request.id("typeId")?).await?)
}

/// `PATCH …/events/{id}/ticket-types/{typeId}`: concerns bookings from now on.
pub(super) async fn update_type(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("typeId")?);
    let body: TicketTypeChangeBody = request.body().await?;
    shown_type(&sales::update_ticket_type(&app, &by, which, expected, |raw| body.clone().over(raw)).await?)
}

/// `DELETE …/events/{id}/ticket-types/{typeId}`
pub(super) async fn delete_type(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_ticket_type(&app, &by, request.id("id")?, request.id("typeId")?, expected).await?;
    Ok(Reply::no_content())
}
