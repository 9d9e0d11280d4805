//! The OpenAPI 3.1 document, made of the endpoints: what the router knows of one is derived from it, and schemas from the DTOs.

pub mod amounts;
mod components;
mod compose;
pub mod operation;
pub mod parameter;
mod refusals;
pub mod schemas;
pub mod texts;

use serde_json::{Map, Value, json};

use self::{components::Components, operation::Operation};
use super::{endpoint::Described, problem::Document as Problem, product};

/// What the document says before its operations.
const INTRODUCTION: &str = include_str!("openapi/introduction.md");

/// The document of an API with these endpoints.
pub fn document(sections: impl IntoIterator<Item = Described>) -> Value {
    let mut tags: Vec<Value> = Vec::new();
    let (mut paths, mut components) = (Map::new(), Components::default());
    let mut problem = Operation::get("", "", "");
    problem.refer::<Problem<'_>>();
    components.schemas.extend(problem.schemas);
    for Described { name, description, operations } in sections {
        if !tags.iter().any(|tag| tag["name"] == name) {
            tags.push(json!({ "name": name, "description": description }));
        }
        for (row, operation) in operations {
            let method = row.method.as_str().to_ascii_lowercase();
            let written = compose::operation(&row, name, operation, &mut components);
            paths.entry(row.path).or_insert_with(|| json!({}))[method] = written;
        }
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
        "title": product::NAME,
        "summary": product::DESCRIPTION,
        "description": INTRODUCTION,
        "version": product::VERSION,
        "contact": { "name": "The operator of this server" },
        "license": { "name": license, "identifier": license },
    })
}
