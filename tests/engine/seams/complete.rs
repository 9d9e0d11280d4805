//! No operation is forgotten: each route that changes something has a row in the table of operations, or a reason why it needs none.

use std::collections::BTreeSet;

use boxoffice_api::routes::api_routes;
use reqwest::Method;

use super::operations;

/// Routes that change neither places nor what is sold, and why. An entry that ends with `/` is for all that is below it.
const CHANGE_NO_PLACES: &[(&str, &str)] = &[
    ("POST /api/v1/auth/", "accounts and sessions; a booking names its account and nothing else of it"),
    ("PATCH /api/v1/profile", "names of people"),
    ("DELETE /api/v1/sessions", "who is signed in"),
    ("DELETE /api/v1/sessions/", "who is signed in"),
    ("POST /api/v1/organizer/events", "makes an event that nobody can know yet"),
    ("POST /api/v1/organizer/seat-maps", "makes a map that no event uses yet"),
    ("PATCH /api/v1/organizer/seat-maps/{id}", "the name and the description of a map"),
    ("POST /api/v1/organizer/seat-maps/{id}/versions", "a version never changes, and no event sells the new one yet"),
    ("POST /api/v1/admin/venues", "where events take place, not what they sell"),
    ("PUT /api/v1/admin/venues/", "where events take place, not what they sell"),
    ("PATCH /api/v1/admin/venues/", "where events take place, not what they sell"),
    ("DELETE /api/v1/admin/venues/", "refused while an event takes place there"),
    ("POST /api/v1/admin/categories", "words"),
    ("PATCH /api/v1/admin/categories/", "words"),
    ("DELETE /api/v1/admin/categories/", "words"),
    ("POST /api/v1/admin/tags", "words"),
    ("PATCH /api/v1/admin/tags/", "words"),
    ("DELETE /api/v1/admin/tags/", "words"),
    ("PATCH /api/v1/admin/settings", "settings; none of them says what is sold"),
    ("PATCH /api/v1/admin/users/{id}", "roles and suspensions; what an account has booked stays"),
    ("DELETE /api/v1/admin/cache", "cached answers, which show no places left"),
    (
        "POST /api/v1/admin/dead-letters/",
        "what was given up is queued again; what jobs do to places, they do by commands that are raced",
    ),
    ("POST /api/v1/events/{id}/quotes", "prices are read, and no places taken"),
    ("POST /api/v1/organizer/bookings/{id}/refunds/{refundId}/retry", "money that was to go back before"),
    ("POST /api/v1/csp-reports", "what browsers report of pages"),
    (
        "POST /api/v1/sandbox/payments/{id}/actions",
        "what a payer does at the gateway, whose news is that of the row `pay`",
    ),
    ("POST /api/v1/webhooks/{provider}", "keeps a message; what it says is applied by a job"),
];

/// As the table of operations names it: what is below `/admin` for an event or a map is the organizers' once more.
fn named(method: &Method, path: &str) -> String {
    let is_shared =
        ["events", "series", "seat-maps", "bookings"].iter().any(|of| path.starts_with(&format!("/api/v1/admin/{of}")));
    let path = if is_shared { path.replacen("/admin/", "/organizer/", 1) } else { path.to_owned() };
    format!("{method} {path}")
}

/// Every route that changes something.
fn changing() -> BTreeSet<String> {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    let routes = api_routes();
    let changing = routes.iter().map(|route| route.info()).filter(|info| !reads.contains(&info.method));
    changing.map(|info| named(&info.method, info.path)).collect()
}

fn has_reason(route: &str) -> bool {
    let matches = |of: &str| if of.ends_with('/') { route.starts_with(of) } else { route == of };
    CHANGE_NO_PLACES.iter().any(|(of, _)| matches(of))
}

/// Guards the matrix: a route that is added comes into it, or says here why not.
#[test]
fn every_route_that_changes_something_is_in_the_matrix_or_has_a_reason() {
    let routes = changing();
    assert!(routes.len() > 40, "{routes:?}");
    let in_matrix: BTreeSet<String> =
        operations::table().iter().flat_map(|row| row.routes).map(|&route| route.to_owned()).collect();
    let forgotten: Vec<_> = routes.iter().filter(|route| !in_matrix.contains(*route) && !has_reason(route)).collect();
    assert!(forgotten.is_empty(), "add a row to tests/engine/seams/operations, or a reason here, for {forgotten:#?}");
    let gone: Vec<_> = in_matrix.difference(&routes).collect();
    assert!(gone.is_empty(), "rows for routes that are not there: {gone:#?}");
    let both: Vec<_> = in_matrix.iter().filter(|route| has_reason(route)).collect();
    assert!(both.is_empty(), "in the matrix, and with a reason not to be: {both:#?}");
    let is_used =
        |of: &str| routes.iter().any(|route| if of.ends_with('/') { route.starts_with(of) } else { *route == of });
    let unused: Vec<_> = CHANGE_NO_PLACES.iter().filter(|(of, _)| !is_used(of)).collect();
    assert!(unused.is_empty(), "reasons for routes that are not there: {unused:#?}");
}

/// Names are how a race is asked for again.
#[test]
fn every_row_has_a_name_of_its_own() {
    let table = operations::table();
    let names: BTreeSet<_> = table.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), table.len());
}
