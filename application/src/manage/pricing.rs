//! On which terms an event is sold. A change pauses its inventory, so that each hold and each booking is priced by either the old terms or the
//! new ones.

use domain::{
    ids::EventId,
    management::{Expected, Manager, Revisions, events::ManagedEvent, pricing::ManagedTerms},
    pricing::terms::{RawSaleTerms, SaleTerms},
};

use super::{Judged, ManageError, change_plan, event_of, is_expected, settled};
use crate::app::App;

/// The terms of an event's sale, with the event.
pub async fn terms(app: &App, by: &Manager, event: EventId) -> Result<(ManagedEvent, ManagedTerms), ManageError> {
    let of = event_of(app, by, event).await?;
    Ok((of, app.store.sale_terms(event).await?))
}

/// Replaces the terms of an event's sale, for holds and bookings from now on.
pub async fn replace_terms(
    app: &App,
    by: &Manager,
    event: EventId,
    expected: Expected,
    raw: RawSaleTerms,
) -> Result<(ManagedEvent, ManagedTerms), ManageError> {
    settled(expected, || async {
        let (of, before) = terms(app, by, event).await?;
        let terms = SaleTerms::parse(raw.clone(), of.event.currency, of.event.starts_at)?;
        is_expected(expected, before.revision)?;
        let judged = Judged::editable(&of)?;
        if terms == before.terms {
            return Ok((of, before));
        }
        let written = app.store.replace_sale_terms(by, event, Some(Revisions::only(before.revision)), &terms);
        change_plan(app, judged, written).await?;
        self::terms(app, by, event).await
    })
    .await
}
