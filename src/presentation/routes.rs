//! The one table of the public API: what there is, and who may use it.

use serde_json::Value;

use super::{
    accounts::public as accounts,
    bookings::public as bookings,
    csp_reports,
    events::public as events,
    openapi, problems, reference,
    router::{Access, Route},
    venues::public as venues,
};
use crate::application::{
    app::{Adapters, App},
    limits::Tier::{Auth, Bookings},
};

/// Every route of the API. Authorization is decided here and nowhere else; whose resource it is, the use case decides.
pub fn api_routes<A: Adapters>() -> Vec<Route<App<A>>> {
    use Access::{Authenticated, Public};
    let mut routes = vec![
        Route::post("/api/v1/auth/register", Public, accounts::register).limit(Auth),
        Route::post("/api/v1/auth/login", Public, accounts::login).limit(Auth),
        Route::get("/api/v1/profile", Authenticated, accounts::profile),
        Route::patch("/api/v1/profile", Authenticated, accounts::update_profile),
        Route::get("/api/v1/events", Public, events::list),
        // `{id}` is an id or a slug; a path parameter has one name in all rows.
        Route::get("/api/v1/events/{id}", Public, events::show),
        Route::get("/api/v1/events/{id}/availability", Public, events::availability).produces(&[
            "application/json",
            "application/problem+json",
            "text/event-stream",
        ]),
        Route::get("/api/v1/venues", Public, venues::list),
        Route::get("/api/v1/venues/{idOrSlug}", Public, venues::show),
        Route::post("/api/v1/events/{id}/holds", Authenticated, bookings::hold).gate(bookings::gate).limit(Bookings),
        Route::get("/api/v1/holds/{id}", Authenticated, bookings::show_hold),
        Route::delete("/api/v1/holds/{id}", Authenticated, bookings::release),
        Route::post("/api/v1/events/{id}/bookings", Authenticated, bookings::book).gate(bookings::gate).limit(Bookings),
        Route::get("/api/v1/bookings", Authenticated, bookings::list),
        Route::get("/api/v1/bookings/{id}", Authenticated, bookings::show),
        Route::delete("/api/v1/bookings/{id}", Authenticated, bookings::cancel),
    ];
    routes.extend(problems::routes());
    routes.extend(reference::routes());
    routes.push(csp_reports::route());
    routes
}

/// The OpenAPI document of these routes.
pub fn api_document<A: Adapters>() -> Value {
    openapi::document(api_routes::<A>().iter().map(Route::info))
}
