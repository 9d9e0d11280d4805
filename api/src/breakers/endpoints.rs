//! The endpoint of circuit breakers.

use application::app::App;
use boxoffice_http::{endpoint::Section, openapi::operation::Operation};

use super::BreakersJson;
use crate::scopes::ADMINISTRATORS;

pub(crate) fn section() -> Section<App> {
    let list = Operation::get("/api/v1/admin/breakers", "listBreakers", "Show the circuit breakers of this server")
        .details("Of each service that it calls, configured or not: one that is not is never called, so its breaker is closed.")
        .ok::<BreakersJson>("Each with its state.")
        .served(ADMINISTRATORS, super::list);
    Section::new("Circuit breakers", "Which services fail and are left alone.").with(list)
}
