//! What clients are told about the first page.

use boxoffice_http::openapi::{
    operation::{Operation, Section},
    schemas,
};

use super::WelcomeJson;

pub(crate) fn section() -> Section {
    Section::new("Documentation", "This document, for programs and for people.").with(show())
}

fn show() -> Operation {
    Operation::get("/", "getWelcome", "Say what this is")
        .details("For whoever opens the server's address: a page for browsers, links for programs.")
        .ok::<WelcomeJson<'_>>("What this server is, and where its parts are.")
        .ok_as("text/html", schemas::page(), "")
        .ignores_query()
}
