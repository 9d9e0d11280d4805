//! The endpoints of dead letters.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::{operation::Operation, parameter::Parameter},
    problem_codes::Code,
};
use domain::lists::declared;

use super::{DeadLetterJson, RetriedJson};
use crate::scopes::ADMINISTRATORS;

pub(crate) fn section() -> Section<App> {
    let about = "Jobs, such as refunds, and mails that were given up: they wait for somebody who mends the reason and has them tried again.";
    Section::new("Dead letters", about).with(list()).with(retry()).with(retry_all())
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/admin/dead-letters", "listDeadLetters", "List jobs and mails that were given up")
        .page_of::<DeadLetterJson<'_>>(&declared::DEAD_LETTERS, "Dead letters, the latest first.")
        .served(ADMINISTRATORS, super::list)
}

fn retry() -> Endpoint<App> {
    Operation::post("/api/v1/admin/dead-letters/{id}/retry", "retryDeadLetter", "Try one again")
        .details("With all its tries, as if it had just been queued. Nothing is done twice: whatever a job does bears repetition.")
        .accepted_empty("It is tried again.")
        .served(ADMINISTRATORS, super::retry)
}

fn retry_all() -> Endpoint<App> {
    Operation::post(
        "/api/v1/admin/dead-letters/retry",
        "retryDeadLetters",
        "Try all again, or those of a kind and a time",
    )
    .parameter(Parameter::query("kind", "Jobs or mails of this kind, such as `REFUND` or `RESET_PASSWORD`."))
    .parameter(
        Parameter::query("since", "Given up then or later. A day begins at midnight in UTC.").example("2027-03-01"),
    )
    .ok::<RetriedJson>("How many they are.")
    .refusals(&[Code::Invalid])
    .served(ADMINISTRATORS, super::retry_all)
}
