//! Ticket types and quotas of an event.

pub(super) mod dto;

use std::sync::Arc;

use application::{app::App, manage::sales};
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use domain::{
    events::sales::{ManagedQuota, ManagedTicketType, QuotaFields, RawQuota, RawTicketType},
    ids::{EventId, QuotaId, TicketTypeId},
};

use self::dto::{OrderBody, QuotaBody, QuotaJson, QuotasJson, TicketTypeBody, TicketTypeJson, TicketTypesJson};
use super::{answered, expected, first_answer, location, manager, named_body, perhaps_expected, tagged};

fn shown_quota(quota: &ManagedQuota) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&QuotaJson::from(quota))?, quota.revision))
}

fn shown_type(of: &ManagedTicketType) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&TicketTypeJson::from(of))?, of.revision))
}

/// `GET …/events/{id}/quotas`
pub(super) async fn list_quotas(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let quotas = sales::quotas(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&QuotasJson { data: quotas.iter().map(QuotaJson::from).collect() })
}

/// `POST …/events/{id}/quotas`
pub(super) async fn add_quota(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<QuotaBody>(&mut request).await?;
    let fields = QuotaFields::parse(body.over(RawQuota::default()), None)?;
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
    request.query().finish()?;
    shown_quota(&sales::quota(&app, &manager(&request)?, request.id("id")?, request.id("quotaId")?).await?)
}

/// `PATCH …/events/{id}/quotas/{quotaId}`: more places are there at once; fewer than are held and sold are refused.
pub(super) async fn update_quota(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("quotaId")?);
    let body: QuotaBody = request.body().await?;
    shown_quota(&sales::update_quota(&app, &by, which, expected, |before| body.clone().over(before)).await?)
}

/// `DELETE …/events/{id}/quotas/{quotaId}`
pub(super) async fn delete_quota(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_quota(&app, &by, request.id("id")?, request.id("quotaId")?, expected).await?;
    Ok(Reply::no_content())
}

/// `GET …/events/{id}/ticket-types`
pub(super) async fn list_types(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let types = sales::ticket_types(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&TicketTypesJson { data: types.iter().map(TicketTypeJson::from).collect() })
}

/// `POST …/events/{id}/ticket-types`
pub(super) async fn add_type(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<TicketTypeBody>(&mut request).await?;
    let made = sales::add_ticket_type(&app, &by, named, event, body.over(RawTicketType::default())).await?;
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
    request.query().finish()?;
    let (by, event, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: OrderBody = request.body().await?;
    let (types, revision) = sales::order_ticket_types(&app, &by, event, expected, body.order).await?;
    Ok(tagged(Reply::ok(&TicketTypesJson { data: types.iter().map(TicketTypeJson::from).collect() })?, revision))
}

/// `GET …/events/{id}/ticket-types/{typeId}`
pub(super) async fn show_type(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    shown_type(&sales::ticket_type(&app, &manager(&request)?, request.id("id")?, request.id("typeId")?).await?)
}

/// `PATCH …/events/{id}/ticket-types/{typeId}`: concerns bookings from now on.
pub(super) async fn update_type(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("typeId")?);
    let body: TicketTypeBody = request.body().await?;
    shown_type(&sales::update_ticket_type(&app, &by, which, expected, |before| body.clone().over(before)).await?)
}

/// `DELETE …/events/{id}/ticket-types/{typeId}`
pub(super) async fn delete_type(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    request.query().finish()?;
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_ticket_type(&app, &by, request.id("id")?, request.id("typeId")?, expected).await?;
    Ok(Reply::no_content())
}
