//! Quotas of an event, as its organizer, and admins, see and change them.

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
    events::sales::{ManagedQuota, QuotaFields, RawQuota},
    ids::{EventId, QuotaId},
};

use self::dto::{QuotaBody, QuotaJson, QuotasJson};
use super::manage::{answered, first_answer, location, manager, named_body};

fn shown(quota: &ManagedQuota) -> Result<Reply, Problem> {
    Ok(tagged(Reply::ok(&QuotaJson::from(quota))?, quota.revision))
}

/// `GET …/events/{id}/quotas`
pub(super) async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let quotas = sales::quotas(&app, &manager(&request)?, request.id("id")?).await?;
    Reply::ok(&QuotasJson { data: quotas.iter().map(QuotaJson::from).collect() })
}

/// `POST …/events/{id}/quotas`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let (body, named) = named_body::<QuotaBody>(&mut request).await?;
    let fields = QuotaFields::parse(body.over(RawQuota::default()), None)?;
    let made = sales::create_quota(&app, &by, named, event, fields).await?;
    let id = QuotaId(made.id);
    let show = async {
        let quota = sales::quota(&app, &by, event, id).await?;
        let path = location(&by, &format!("events/{event}/quotas/{id}"));
        first_answer(path, &QuotaJson::from(&quota), Some(quota.revision))
    };
    answered(&app, &by, made, show).await
}

/// `GET …/events/{id}/quotas/{quotaId}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    shown(&sales::quota(&app, &manager(&request)?, request.id("id")?, request.id("quotaId")?).await?)
}

/// `PATCH …/events/{id}/quotas/{quotaId}`: more places are there at once; fewer than are held and sold are refused.
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which = (request.id("id")?, request.id("quotaId")?);
    let body: QuotaBody = request.body().await?;
    shown(&sales::update_quota(&app, &by, which, expected, |before| body.clone().over(before)).await?)
}

/// `DELETE …/events/{id}/quotas/{quotaId}`
pub(super) async fn delete(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, perhaps_expected(&request)?.flatten());
    sales::delete_quota(&app, &by, request.id("id")?, request.id("quotaId")?, expected).await?;
    Ok(Reply::no_content())
}
