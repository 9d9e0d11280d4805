//! The endpoints of the cache.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    problem_codes::Code,
};

use super::admin::{ClearedJson, OverviewJson};
use crate::scopes::ADMINISTRATORS;

pub(crate) fn section() -> Section<App> {
    Section::new("Cache", "Answers that are kept, and how to be rid of them.").with(show()).with(clear())
}

fn show() -> Endpoint<App> {
    Operation::get("/api/v1/admin/cache", "getCache", "Show what is cached")
        .ok::<OverviewJson>("What this server keeps, and what its cache has done since its start.")
        .served(ADMINISTRATORS, super::admin::show)
}

fn clear() -> Endpoint<App> {
    let text = |name, description| Parameter::query(name, description);
    Operation::delete("/api/v1/admin/cache", "clearCache", "Delete cached answers on all servers")
        .details("Exactly one of `tag`, `key` and `pattern`.")
        .parameter(
            text(
                "tag",
                "All answers that show this: `events`, `event:ID`, `venues`, `venue:ID`, `page:SLUG`, `settings`.",
            )
            .example("events"),
        )
        .parameter(text("key", "The answer under this key."))
        .parameter(text("pattern", "All answers whose key matches: `*` is any text, `?` one character."))
        .ok::<ClearedJson>("How many were deleted, of this server's and of those that all share.")
        .refusals(&[Code::Invalid])
        .served(ADMINISTRATORS, super::admin::clear)
}
