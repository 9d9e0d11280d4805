//! What a buyer is told when the business says no.

use std::time::Duration;

use application::{app::App, bookings::BookingError};
use boxoffice_http::{problem::Problem, refusals::bookings::told_exactly};
use domain::refusal::Refusal;

/// How long a refusal waits to learn whether it may tell numbers; without an answer it tells none.
const RULES_WAIT: Duration = Duration::from_millis(500);

/// What a buyer is told: how many places are left only where the site shows that.
pub(super) async fn told(app: &App, error: BookingError) -> Problem {
    let BookingError::Refused(refusal @ Refusal::SoldOut { .. }) = error else { return error.into() };
    let rules = tokio::time::timeout(RULES_WAIT, app.site.rules(&*app.store)).await;
    let exact = matches!(rules, Ok(Ok(rules)) if rules.shows_places_left);
    if exact { told_exactly(refusal) } else { refusal.into() }
}
