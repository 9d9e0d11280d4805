//! The table of the public API: the sum of what the features declare. The router and the OpenAPI document are made of it.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi,
    router::Route,
};
use domain::management::catalogue::Vocabulary;
use http::Method;
use serde_json::Value;

use super::{
    accounts, audit, blocks, bookings, breakers, cache, csp_reports, dead_letters, events, guests, managed_bookings,
    operations, payments, pricing, problems, promo_codes, quotas, quotes, reference, refunds,
    scopes::{ANY, OWN},
    seat_maps, series, settings, statements, ticket_types, venues, vocabularies, welcome,
};

/// Every endpoint, by feature, in the order in which readers of the document see them.
pub fn sections() -> Vec<Section<App>> {
    vec![
        accounts::endpoints::section(),
        events::endpoints::section(),
        venues::endpoints::section(),
        quotes::endpoints::section(),
        bookings::endpoints::section(),
        payments::endpoints::section(),
        settings::endpoints::section(),
        vocabularies::endpoints::to_choose(with_all_it_sells(&OWN, events::organizer::endpoints::own())),
        series::endpoints::own(),
        with_all_it_sells(&ANY, events::organizer::endpoints::all()),
        series::endpoints::all(),
        seat_maps::endpoints::own_seat_maps(),
        seat_maps::endpoints::all_seat_maps(),
        catalogue(),
        accounts::endpoints::administration(),
        payments::endpoints::administered(),
        audit::endpoints::section(),
        cache::endpoints::section(),
        dead_letters::endpoints::section(),
        breakers::endpoints::section(),
        problems::endpoints::section(),
        welcome::endpoints::section(),
        reference::endpoints::section(api_document),
        csp_reports::endpoints::section(),
    ]
}

/// The endpoints of events, and those of what they sell and of who has bought it.
fn with_all_it_sells(scope: &Scope, events: Section<App>) -> Section<App> {
    let section = ticket_types::endpoints::of_event(scope, events);
    let section = quotas::endpoints::of_event(scope, section);
    let section = pricing::endpoints::of_event(scope, section);
    let section = promo_codes::endpoints::of_event(scope, section);
    let section = blocks::endpoints::of_event(scope, section);
    let section = guests::endpoints::of_event(scope, section);
    let section = refunds::endpoints::of_event(scope, section);
    let section = statements::endpoints::of_event(scope, section);
    managed_bookings::endpoints::of_bookings(scope, section)
}

/// What administrators do with what all events have in common.
fn catalogue() -> Section<App> {
    let section = Section::new("Administration of the catalogue", "Venues, categories, tags and settings.");
    let section = venues::endpoints::administered(section);
    let section = vocabularies::endpoints::administered(section, Vocabulary::Tags);
    let section = vocabularies::endpoints::administered(section, Vocabulary::Categories);
    settings::endpoints::administered(section)
}

/// Every route of the API. Authorization is decided by what they declare and nowhere else; whose resource it is, the use case decides.
pub fn api_routes() -> Vec<Route<App>> {
    sections().into_iter().flat_map(Section::into_routes).collect()
}

/// The OpenAPI document of these endpoints, and of those of health, which the public listener has as well.
pub fn api_document() -> Value {
    let described = sections().into_iter().map(Section::into_described);
    openapi::document(described.chain([operations::endpoints::described()]))
}

/// The methods and paths of the document.
pub fn described() -> Vec<(Method, &'static str)> {
    let sections = sections().into_iter().map(Section::into_described).chain([operations::endpoints::described()]);
    sections.flat_map(|section| section.operations).map(|(_, operation)| (operation.method, operation.path)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Two types of one name would silently become one.
    #[test]
    fn a_name_of_a_schema_means_one_schema() {
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        let described = sections().into_iter().flat_map(|section| section.into_described().operations);
        for (_, operation) in described {
            for (name, schema) in operation.schemas {
                let first = found.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "{name} means two things ({})", operation.id);
            }
        }
        assert!(found.len() > 15, "{:?}", found.keys());
    }
}
