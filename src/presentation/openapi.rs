//! The OpenAPI 3.1 document. What the table of routes knows of a row is derived from it; what a feature adds stands in its
//! `docs.rs`; schemas are derived from the DTOs. A row without an operation, or an operation without a row, fails a test
//! (`tests/api/openapi.rs`).

mod compose;
pub(super) mod operation;
pub(super) mod parameter;
mod refusals;
pub(super) mod schemas;
pub(super) mod texts;

use std::collections::HashMap;

use http::Method;
use serde_json::{Map, Value, json};

use self::{
    compose::Components,
    operation::{Operation, Section},
};
use super::{
    accounts, audit, bookings, cache, csp_reports, events, manage, operations, problem::Document as Problem, problems,
    reference, router::RouteInfo, venues,
};

/// What the document says before its operations.
const INTRODUCTION: &str = include_str!("openapi/introduction.md");

/// Every feature's part, in the order in which readers see them.
fn sections() -> Vec<Section> {
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

/// The document of an API with these rows. A row that no feature describes is left out.
pub fn document<'r>(rows: impl IntoIterator<Item = &'r RouteInfo>) -> Value {
    let mut tags: Vec<Value> = Vec::new();
    let mut described: HashMap<(Method, &str), (&str, Operation)> = HashMap::new();
    for Section { name, description, operations } in sections() {
        if !tags.iter().any(|tag| tag["name"] == name) {
            tags.push(json!({ "name": name, "description": description }));
        }
        let named =
            operations.into_iter().map(|operation| ((operation.method.clone(), operation.path), (name, operation)));
        described.extend(named);
    }
    let (mut paths, mut components) = (Map::new(), Components::default());
    let mut problem = Operation::get("", "", "");
    problem.refer::<Problem<'_>>();
    components.schemas.extend(problem.schemas);
    for row in rows {
        let Some((tag, operation)) = described.remove(&(row.method.clone(), row.path)) else { continue };
        let written = compose::operation(row, tag, operation, &mut components);
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        path[row.method.as_str().to_ascii_lowercase()] = written;
    }
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{ "url": "/", "description": "The server that this document comes from." }],
        "tags": tags,
        "paths": paths,
        "components": components.written(),
    })
}

fn info() -> Value {
    let license = env!("CARGO_PKG_LICENSE");
    json!({
        "title": env!("CARGO_PKG_NAME"),
        "summary": env!("CARGO_PKG_DESCRIPTION"),
        "description": INTRODUCTION,
        "version": env!("CARGO_PKG_VERSION"),
        "contact": { "name": "Whoever runs this server" },
        "license": { "name": license, "identifier": license },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
