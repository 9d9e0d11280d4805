//! Promo codes. A change pauses the event's inventory, which knows the codes and counts their uses.

use domain::{
    ids::{EventId, PromoCodeId},
    lists::{ListQuery, Page},
    management::{ChangeError, Conflict, Expected, Manager, Revisions, pricing::ManagedPromoCode, requests::Creation},
    promo_codes::{PromoCode, RawPromoCode},
};

use super::{Judged, Made, ManageError, NamedRequest, change_plan, event_of, is_expected, once, owns, settled};
use crate::app::App;

/// A page of the promo codes of an event.
pub async fn list(
    app: &App,
    by: &Manager,
    event: EventId,
    query: &ListQuery,
) -> Result<Page<ManagedPromoCode>, ManageError> {
    owns(app, by, event).await?;
    Ok(app.store.promo_codes(event, query).await?)
}

pub async fn show(app: &App, by: &Manager, event: EventId, id: PromoCodeId) -> Result<ManagedPromoCode, ManageError> {
    owns(app, by, event).await?;
    Ok(app.store.promo_code(event, id).await?.ok_or(ChangeError::NotFound)?)
}

pub async fn create(
    app: &App,
    by: &Manager,
    request: Option<NamedRequest>,
    event: EventId,
    raw: RawPromoCode,
) -> Result<Made, ManageError> {
    once(app, by.account, request, Creation::PromoCode, owns(app, by, event), async |id| {
        settled(None, || insert(app, by, event, PromoCodeId(id), raw.clone())).await
    })
    .await
}

async fn insert(
    app: &App,
    by: &Manager,
    event: EventId,
    id: PromoCodeId,
    raw: RawPromoCode,
) -> Result<(), ManageError> {
    let of = event_of(app, by, event).await?;
    let code = PromoCode::parse(raw, of.event.currency)?;
    let judged = Judged::editable(&of)?;
    app.store.judge_promo_code(event, id, &code).await?;
    change_plan(app, judged, app.store.create_promo_code(by, event, id, &code)).await
}

/// Changes a promo code: `change` is given it as it is.
pub async fn update(
    app: &App,
    by: &Manager,
    (event, id): (EventId, PromoCodeId),
    expected: Expected,
    change: impl Fn(RawPromoCode) -> RawPromoCode + Send + Sync,
) -> Result<ManagedPromoCode, ManageError> {
    settled(expected, || async {
        let of = event_of(app, by, event).await?;
        let before = show(app, by, event, id).await?;
        let code = PromoCode::parse(change((&before.code).into()), of.event.currency)?;
        is_expected(expected, before.revision)?;
        let judged = Judged::editable(&of)?;
        if code == before.code {
            return Ok(before);
        }
        app.store.judge_promo_code(event, id, &code).await?;
        let written = app.store.update_promo_code(by, event, id, Some(Revisions::only(before.revision)), &code);
        change_plan(app, judged, written).await?;
        show(app, by, event, id).await
    })
    .await
}

/// Deletes a promo code that was never used.
pub async fn delete(
    app: &App,
    by: &Manager,
    event: EventId,
    id: PromoCodeId,
    expected: Expected,
) -> Result<(), ManageError> {
    let judged = Judged::editable(&event_of(app, by, event).await?);
    let before = show(app, by, event, id).await?;
    is_expected(expected, before.revision)?;
    let judged = judged?;
    if before.ever_used {
        return Err(ChangeError::from(Conflict::CODE_STAYS).into());
    }
    change_plan(app, judged, app.store.delete_promo_code(by, event, id, expected)).await
}
