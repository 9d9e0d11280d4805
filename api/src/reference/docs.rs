//! What clients are told about this documentation.

use boxoffice_http::openapi::{
    operation::{Operation, Section},
    parameter::Parameter,
    schemas,
};
use serde_json::json;

pub(crate) fn section() -> Section {
    Section::new("Documentation", "This document, for programs and for people.")
        .with(document())
        .with(page())
        .with(file())
}

fn document() -> Operation {
    Operation::get("/api/openapi.json", "getOpenApiDocument", "The OpenAPI document of this API")
        .ok_as("application/json", json!({ "type": "object" }), "This document.")
        .cacheable()
}

fn page() -> Operation {
    Operation::get("/docs", "getDocumentationPage", "A page to read and try this API")
        .ok_as("text/html", schemas::page(), "The page.")
        .cacheable()
        .ignores_query()
}

fn file() -> Operation {
    let of_kind = |media_type: &str| json!({ "type": "string", "contentMediaType": media_type });
    Operation::get("/docs/{file}", "getDocumentationFile", "A file of the page")
        .parameter(Parameter::path("file", "Its name.").text(1..=100).example("swagger-ui.css"))
        .ok_as("text/css", of_kind("text/css"), "The file.")
        .ok_as("text/javascript", of_kind("text/javascript"), "")
        .ok_as("image/png", of_kind("image/png"), "")
        .cacheable()
        .ignores_query()
}
