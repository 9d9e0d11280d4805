//! The endpoints of the first page.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, schemas},
    router::Access,
};

use super::WelcomeJson;
use crate::scopes::PAGES;

pub(crate) fn section() -> Section<App> {
    Section::new("Documentation", "This document, for programs and for people.").with(show())
}

fn show() -> Endpoint<App> {
    Operation::get("/", "getWelcome", "Say what this is")
        .details("For anyone who opens the server's address: a page for browsers, links for programs.")
        .ok::<WelcomeJson<'_>>("What this server is, and where its parts are.")
        .ok_as("text/html", schemas::page(), "")
        .ignores_query()
        .served(Access::Public, super::show)
        .produces(PAGES)
}
