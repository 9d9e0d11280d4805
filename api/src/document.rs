//! The parts of the OpenAPI document, in the order in which readers see them.

use boxoffice_http::openapi::operation::Section;
use http::Method;

use super::{
    accounts, audit, bookings, cache, csp_reports, events, manage, operations, problems, reference, venues, welcome,
};

/// Every feature's part, in the order in which readers see them.
pub fn sections() -> Vec<Section> {
    vec![
        accounts::docs::section(),
        events::docs::section(),
        venues::docs::section(),
        bookings::docs::section(),
        manage::docs::settings(),
        manage::docs::own_events(),
        manage::series::docs::own(),
        manage::docs::all_events(),
        manage::series::docs::all(),
        manage::seat_maps::docs::own_seat_maps(),
        manage::seat_maps::docs::all_seat_maps(),
        manage::docs::catalogue(),
        accounts::docs::administration(),
        audit::docs::section(),
        cache::docs::section(),
        problems::docs::section(),
        welcome::docs::section(),
        reference::docs::section(),
        csp_reports::docs::section(),
        operations::docs::section(),
    ]
}

/// The methods and paths that features describe, for the test that compares them with the table of routes.
pub fn described() -> Vec<(Method, &'static str)> {
    let operations = sections().into_iter().flat_map(|section| section.operations);
    operations.map(|operation| (operation.method, operation.path)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    /// Two types of one name would silently become one.
    #[test]
    fn a_name_of_a_schema_means_one_schema() {
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        for operation in sections().into_iter().flat_map(|section| section.operations) {
            for (name, schema) in operation.schemas {
                let first = found.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "{name} means two things ({})", operation.id);
            }
        }
        assert!(found.len() > 15, "{:?}", found.keys());
    }
}
