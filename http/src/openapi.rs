//! The OpenAPI 3.1 document. What the table of routes knows of a row is derived from it; what a feature adds stands in its
//! `docs.rs`; schemas are derived from the DTOs. A row without an operation, or an operation without a row, fails a test
//! (`tests/api/openapi.rs`).

mod components;
mod compose;
pub mod operation;
pub mod parameter;
mod refusals;
pub mod schemas;
pub mod texts;

use std::collections::HashMap;

use http::Method;
use serde_json::{Map, Value, json};

use self::{
    components::Components,
    operation::{Operation, Section},
};
use super::{problem::Document as Problem, route_info::RouteInfo};

/// What the document says before its operations.
const INTRODUCTION: &str = include_str!("openapi/introduction.md");

/// The document of an API with these rows. A row that no section describes is left out.
pub fn document<'r>(sections: Vec<Section>, rows: impl IntoIterator<Item = &'r RouteInfo>) -> Value {
    let mut tags: Vec<Value> = Vec::new();
    let mut described: HashMap<(Method, &str), (&str, Operation)> = HashMap::new();
    for Section { name, description, operations } in sections {
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
