//! The endpoints of series.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
    problem_codes::Code,
};
use serde_json::json;

use super::{CancelBody, OccurrencesBody, PublishBody, SeriesJson, SteppedSeriesJson, TextsBody};
use crate::scopes::{ANY, OWN};

/// The endpoints of series, once for each scope.
fn series(scope: &Scope) -> Section<App> {
    Section::new("Series", "Events that repeat: each occurrence is an event of its own, with its own places.")
            .with(scope.served(Operation::post(
                    scope.path("/events/{id}/occurrences"),
                    scope.id("repeat{}Event"),
                    "Make a series of an event",
                )
                .details(
                    "Each occurrence is a draft with the same ticket types, quotas, seat map and tags, in the series of the event, \
                     which becomes the first of a new one if it has none. It ends as long after its beginning as the event, \
                     and its sale opens as many days before, at the same time of day. All are made, or none: 409 `SERIES_001` names \
                     those that begin at a time when the series has one already. A request adds 366 at most, and a series has 400 at most.\n\n\
                     What begins at 20:00 on the clocks of the event's time zone does so all year. A rule leaves out what there is not \
                     (the 31st of some months, an hour that clocks jump over) and does not count it; in `starts` it is refused. Of a \
                     time that there is twice, the first is meant, unless an offset says otherwise.",
                )
                .repeatable()
                .body::<OccurrencesBody>(json!({
                    "rule": { "frequency": "WEEKLY", "weekdays": ["FRIDAY", "SATURDAY"], "until": "2031-06-30" },
                }))
                .created::<SeriesJson<'_>>("The series, with its new occurrences.")
                .refusals(&[Code::EventState, Code::OccurrenceThere]), super::repeat).conditional())
            .with(scope.served(Operation::get(scope.path("/series/{id}"), scope.id("get{}Series"), "Show a series")
                    .details("In short; `GET …/events?seriesId=…` lists its events in full. It ends with its last occurrence.")
                    .ok::<SeriesJson<'_>>("The series."), super::show))
            .with(scope.served(Operation::post(
                    scope.path("/series/{id}/publish"),
                    scope.id("publish{}Series"),
                    "Publish a series",
                )
                .details(
                    "Publishes each draft and each scheduled occurrence that is not over, now or `at` a later time, as if it had been \
                     asked for one after the other; `outcome` tells what became of each. The body may be left out. Asked again after \
                     a failure, it goes on with those that are left.",
                )
                .body::<PublishBody>(json!({ "at": "2031-01-01T09:00:00Z" }))
                .ok::<SteppedSeriesJson<'_>>("The series as it is now."), super::publish))
            .with(scope.served(Operation::post(
                    scope.path("/series/{id}/cancel"),
                    scope.id("cancel{}Series"),
                    "Cancel a series",
                )
                .details(
                    "Cancels each published and each scheduled occurrence that is not over. Drafts stay, and so does what has taken \
                     place. All bookings are cancelled in the background; the `cancellation` of each occurrence says how far that is.",
                )
                .body::<CancelBody>(json!({ "from": "2031-05-01T00:00:00Z" }))
                .ok::<SteppedSeriesJson<'_>>("The series as it is now."), super::cancel))
            .with(scope.served(Operation::patch(
                    scope.path("/series/{id}/occurrences/{eventId}"),
                    scope.id("updateFollowing{}Occurrences"),
                    "Change what this and the following occurrences say",
                )
                .details(
                    "This occurrence, and each that begins later and is not over or cancelled: there, a text is replaced if it reads the \
                     same as this one's. What is different was made so on purpose, and stays. All are changed, or none; slugs stay.",
                )
                .versioned()
                .body::<TextsBody>(json!({ "title": "Another Evening", "tags": [] }))
                .ok::<SteppedSeriesJson<'_>>("The series as it is now; `ETag` is that of this occurrence.")
                .refusals(&[Code::EventState]), super::update).conditional())
            .with(scope.served(Operation::delete(
                    scope.path("/series/{id}/occurrences/{eventId}"),
                    scope.id("leave{}Series"),
                    "Take an event out of a series",
                )
                .details("The event stays as it is, by itself.")
                .no_content("It is in no series any more."), super::leave).conditional())
}

pub(crate) fn own() -> Section<App> {
    series(&OWN)
}

pub(crate) fn all() -> Section<App> {
    series(&ANY)
}
