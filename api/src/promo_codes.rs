//! Promo codes of an event, as its organizer, and admins, see and change them.

mod dto;
pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, manage::promo_codes};
use boxoffice_http::{
    lists::ListRequest,
    problem::Problem,
    reply::Reply,
    request::Request,
    revisions::{expected, perhaps_expected, tagged},
};
use domain::{
    ids::{EventId, PromoCodeId},
    lists::declared,
    management::pricing::ManagedPromoCode,
    promo_codes::RawPromoCode,
};

use self::dto::{PromoCodeBody, PromoCodeJson};
use super::manage::{answered, first_answer, location, manager, named_body};

fn shown(code: &ManagedPromoCode) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&PromoCodeJson::from(code))?, code.revision))
}

/// `GET …/events/{id}/promo-codes`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id("id")?);
    let list = ListRequest::read(&request, &declared::PROMO_CODES)?;
    let page = promo_codes::list(&app, &by, event, &list.query).await?;
    list.reply(&page, PromoCodeJson::from)
}

/// `POST …/events/{id}/promo-codes`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<PromoCodeBody>(&mut request).await?;
    let made = promo_codes::create(&app, &by, named, event, body.over(RawPromoCode::default())).await?;
    let id = PromoCodeId(made.id);
    let show = async {
        let code = promo_codes::show(&app, &by, event, id).await?;
        let path = location(&by, &format!("events/{event}/promo-codes/{id}"));
        first_answer(path, &PromoCodeJson::from(&code), Some(code.revision))
    };
    answered(&app, &by, made, show).await
}

/// `GET …/events/{id}/promo-codes/{codeId}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown(&promo_codes::show(&app, &manager(&request)?, request.id("id")?, request.id("codeId")?).await?)
}

/// Changes a code: `change` is given the body and what is said of the code now.
async fn changed(
    app: &App,
    mut request: Request,
    change: fn(PromoCodeBody, RawPromoCode) -> RawPromoCode,
) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("codeId")?);
    let body: PromoCodeBody = request.body().await?;
    shown(&promo_codes::update(app, &by, which, expected, |before| change(body.clone(), before)).await?)
}

/// `PUT …/events/{id}/promo-codes/{codeId}`: what is not said is as for a new one.
pub(super) async fn replace(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    changed(&app, request, |body, _| body.over(RawPromoCode::default())).await
}

/// `PATCH …/events/{id}/promo-codes/{codeId}`
pub(super) async fn update(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    changed(&app, request, PromoCodeBody::over).await
}

/// `DELETE …/events/{id}/promo-codes/{codeId}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    promo_codes::delete(&app, &by, request.id("id")?, request.id("codeId")?, expected).await?;
    Ok(Reply::no_content())
}
