//! The one table of the public API: what there is, and who may use it.

use application::{
    app::App,
    limits::Tier::{Auth, Bookings},
};
use boxoffice_http::{
    openapi,
    router::{Access, Route},
};
use domain::accounts::Role;
use serde_json::Value;

use super::{
    accounts::{admin as users, credentials, public as accounts, sessions},
    audit,
    bookings::public as bookings,
    cache::admin as cache,
    csp_reports, document,
    events::{public as events, seat_map},
    manage, operations, problems, reference,
    venues::public as venues,
    welcome,
};

/// Every route of the API. Authorization is decided here and nowhere else; whose resource it is, the use case decides.
pub fn api_routes() -> Vec<Route<App>> {
    use Access::{Authenticated, Public, Roles, Session};
    const ADMIN: Access = Roles(&[Role::Admin]);
    let mut routes = vec![
        Route::post("/api/v1/auth/register", Public, accounts::register).limit(Auth),
        Route::post("/api/v1/auth/verify-email", Public, credentials::verify_email).limit(Auth),
        Route::post("/api/v1/auth/resend-verification", Public, credentials::resend_verification).limit(Auth),
        Route::post("/api/v1/auth/login", Public, sessions::login).limit(Auth),
        // Not limited as sign-ins are: pages refresh every few minutes, and many people have one network.
        Route::post("/api/v1/auth/refresh", Session, sessions::refresh),
        Route::post("/api/v1/auth/logout", Session, sessions::logout),
        Route::post("/api/v1/auth/forgot-password", Public, credentials::forgot_password).limit(Auth),
        Route::post("/api/v1/auth/reset-password", Public, credentials::reset_password).limit(Auth),
        Route::post("/api/v1/auth/change-password", Authenticated, credentials::change_password).own(),
        Route::get("/api/v1/profile", Authenticated, accounts::profile).own(),
        Route::patch("/api/v1/profile", Authenticated, accounts::update_profile).own(),
        Route::get("/api/v1/sessions", Authenticated, sessions::list).own(),
        Route::delete("/api/v1/sessions", Authenticated, sessions::end_all).own(),
        Route::delete("/api/v1/sessions/{id}", Authenticated, sessions::end).own(),
        Route::get("/api/v1/events", Public, events::list),
        // `{id}` is an id or a slug; a path parameter has one name in all rows.
        Route::get("/api/v1/events/{id}", Public, events::show),
        Route::get("/api/v1/events/{id}/availability", Public, events::availability).produces(&[
            "application/json",
            "application/problem+json",
            "text/event-stream",
        ]),
        Route::get("/api/v1/events/{id}/seat-map", Public, seat_map::show),
        Route::get("/api/v1/availability", Public, events::sales),
        Route::get("/api/v1/categories", Public, events::categories),
        Route::get("/api/v1/tags", Public, events::tags),
        Route::get("/api/v1/venues", Public, venues::list),
        Route::get("/api/v1/venues/{idOrSlug}", Public, venues::show),
        Route::post("/api/v1/events/{id}/holds", Authenticated, bookings::hold).gate(bookings::gate).limit(Bookings),
        Route::get("/api/v1/holds/{id}", Authenticated, bookings::show_hold).own(),
        Route::delete("/api/v1/holds/{id}", Authenticated, bookings::release).own(),
        Route::post("/api/v1/events/{id}/bookings", Authenticated, bookings::book).gate(bookings::gate).limit(Bookings),
        Route::get("/api/v1/bookings", Authenticated, bookings::list).own(),
        Route::get("/api/v1/bookings/{id}", Authenticated, bookings::show).own(),
        Route::delete("/api/v1/bookings/{id}", Authenticated, bookings::cancel).own(),
        Route::get("/api/v1/admin/users", ADMIN, users::list),
        Route::get("/api/v1/admin/users/{id}", ADMIN, users::show),
        Route::patch("/api/v1/admin/users/{id}", ADMIN, users::change).conditional(),
        Route::get("/api/v1/admin/audit-log", ADMIN, audit::list),
        Route::get("/api/v1/admin/audit-log/verification", ADMIN, audit::verify),
        Route::get("/api/v1/admin/cache", ADMIN, cache::show),
        Route::delete("/api/v1/admin/cache", ADMIN, cache::clear),
    ];
    routes.extend(manage::routes());
    routes.extend(problems::routes());
    routes.push(welcome::route());
    routes.extend(reference::routes());
    routes.push(csp_reports::route());
    routes
}

/// The OpenAPI document of these routes, and of those of health, which the public listener has as well.
pub fn api_document() -> Value {
    let health = operations::health_rows();
    openapi::document(document::sections(), api_routes().iter().map(Route::info).chain(&health))
}
