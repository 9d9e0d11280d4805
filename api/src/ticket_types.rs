//! Ticket types of an event, as its organizer, and admins, see and change them.

mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, manage::sales};
use boxoffice_http::{
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged},
};
use domain::{
    events::sales::{ManagedTicketType, RawTicketType},
    ids::{EventId, TicketTypeId},
};

use self::dto::{OrderBody, TicketTypeBody, TicketTypeJson, TicketTypesJson};
use super::manage::{answered, first_answer, location, manager, named_body};

fn shown(of: &ManagedTicketType) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&TicketTypeJson::from(of))?, of.revision))
}

/// `GET …/events/{id}/ticket-types`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let types = sales::ticket_types(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&TicketTypesJson { data: types.iter().map(TicketTypeJson::from).collect() })
}

/// `POST …/events/{id}/ticket-types`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<TicketTypeBody>(&mut request).await?;
    let made = sales::create_ticket_type(&app, &by, named, event, body.over(RawTicketType::default())).await?;
    let id = TicketTypeId(made.id);
    let show = async {
        let of = sales::ticket_type(&app, &by, event, id).await?;
        let path = location(&by, &format!("events/{event}/ticket-types/{id}"));
        first_answer(path, &TicketTypeJson::from(&of), Some(of.revision))
    };
    answered(&app, &by, made, show).await
}

/// `PUT …/events/{id}/ticket-types`: their order. Revisions are the event's.
pub(super) async fn order(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event, expected) = (manager(&request)?, request.id("id")?, expected(&request)?);
    let body: OrderBody = request.body().await?;
    let (types, revision) = sales::order_ticket_types(&app, &by, event, expected, body.order).await?;
    Ok(tagged(Reply::ok(&TicketTypesJson { data: types.iter().map(TicketTypeJson::from).collect() })?, revision))
}

/// `GET …/events/{id}/ticket-types/{typeId}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown(&sales::ticket_type(&app, &manager(&request)?, request.id("id")?, request.id("typeId")?).await?)
}

/// `PATCH …/events/{id}/ticket-types/{typeId}`: concerns bookings from now on.
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("typeId")?);
    let body: TicketTypeBody = request.body().await?;
    shown(&sales::update_ticket_type(&app, &by, which, expected, |before| body.clone().over(before)).await?)
}

/// `DELETE …/events/{id}/ticket-types/{typeId}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_ticket_type(&app, &by, request.id("id")?, request.id("typeId")?, expected).await?;
    Ok(Reply::no_content())
}
