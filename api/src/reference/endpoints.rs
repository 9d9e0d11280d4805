//! The endpoints of this documentation.

use std::sync::Arc;

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter, schemas},
    router::Access,
};
use serde_json::{Value, json};

/// `of_api` makes the document of all endpoints, these among them.
pub(crate) fn section(of_api: fn() -> Value) -> Section<App> {
    Section::new("Documentation", "This document, for programs and for people.")
        .with(document(of_api))
        .with(page())
        .with(file())
}

fn document(of_api: fn() -> Value) -> Endpoint<App> {
    Operation::get("/api/openapi.json", "getOpenApiDocument", "The OpenAPI document of this API")
        .ok_as("application/json", json!({ "type": "object" }), "This document.")
        .cacheable()
        .served(Access::Public, move |_: Arc<App>, request| super::document(of_api, request))
}

fn page() -> Endpoint<App> {
    Operation::get("/docs", "getDocumentationPage", "A page to read and try this API")
        .ok_as("text/html", schemas::page(), "The page.")
        .cacheable()
        .ignores_query()
        .served(Access::Public, super::show)
        .produces(&["text/html", "application/problem+json"])
}

fn file() -> Endpoint<App> {
    let of_kind = |media_type: &str| json!({ "type": "string", "contentMediaType": media_type });
    Operation::get("/docs/{file}", "getDocumentationFile", "A file of the page")
        .parameter(Parameter::path("file", "Its name.").text(1..=100).example("swagger-ui.css"))
        .ok_as("text/css", of_kind("text/css"), "The file.")
        .ok_as("text/javascript", of_kind("text/javascript"), "")
        .ok_as("image/png", of_kind("image/png"), "")
        .cacheable()
        .ignores_query()
        .served(Access::Public, super::file)
        .produces(&["text/css", "text/javascript", "image/png", "application/problem+json"])
}
