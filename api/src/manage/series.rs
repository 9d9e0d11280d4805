//! Series of events, as their organizers, and admins, see and change them.

pub(crate) mod endpoints;

use std::sync::Arc;

use application::{
    app::App,
    manage::{
        event_of,
        series::{self, Outcome},
    },
};
use boxoffice_http::{openapi::texts, problem::Problem, reply::Reply, request::Request};
use domain::{
    events::{
        EventStatus,
        lifecycle::Step,
        occurrences::{Frequency, MonthlyBy, RawOccurrences, RawRule},
        texts::RawTexts,
    },
    ids::{EventId, SeriesId},
    management::series::Occurrence,
    text,
};
use jiff::{
    Timestamp,
    civil::{Date, Weekday},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use super::{
    answered, bodies::Change, events::CancellationJson, expected, first_answer, location, manager, named_body,
    perhaps_expected, tagged,
};
use crate::instants;

/// When further occurrences begin: either `starts` or `rule`.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = OccurrencesRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OccurrencesBody {
    /// Each of them: a time on the clocks of the event's time zone, or one with an offset from UTC.
    #[schema(min_items = 1, max_items = 366)]
    #[schema(example = json!(["2031-03-08T20:00", "2031-03-15T19:00:00Z"]))]
    starts: Option<Vec<String>>,
    rule: Option<RuleBody>,
}

/// How an event repeats on the clocks of its time zone, itself being the first occurrence. Either `until` or `count`.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = RecurrenceRule)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleBody {
    frequency: FrequencyName,
    /// Every so many days, weeks or months.
    #[schema(minimum = 1, maximum = 99, default = 1)]
    interval: Option<u32>,
    /// Of a weekly rule: on these, the event's own among them; only that unless said. Weeks begin on Monday.
    #[schema(min_items = 1)]
    weekdays: Option<Vec<WeekdayName>>,
    /// Of a monthly rule: on the same day of the month, or on the same weekday as often, such as the second Friday.
    monthly_by: Option<MonthlyByName>,
    /// The last day on which an occurrence may begin.
    #[schema(format = Date, value_type = Option<String>, example = "2031-12-31")]
    #[serde(default, deserialize_with = "day")]
    until: Option<Date>,
    /// How many there are, the event itself counted.
    #[schema(minimum = 2, maximum = 366)]
    count: Option<u32>,
}

/// A day, and nothing that names a time, an offset or a zone beside it: which day that is elsewhere nobody can tell.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    text::day(&text).map(Some).ok_or_else(|| D::Error::custom("must be a day such as 2031-12-31"))
}

/// A name of the API for a value of the domain, or of the calendar.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident as $schema:ident for $of:ident { $($variant:ident),+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
        #[schema(as = $schema)]
        #[serde(rename_all = "UPPERCASE")]
        enum $name { $($variant),+ }

        impl From<$name> for $of {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => $of::$variant),+ }
            }
        }
    )+};
}

names! {
    /// What a rule counts in.
    FrequencyName as Frequency for Frequency { Daily, Weekly, Monthly }
    /// Which day of a month.
    MonthlyByName as MonthlyBy for MonthlyBy { Day, Weekday }
    /// A day of the week.
    WeekdayName as Weekday for Weekday { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday }
}

impl From<OccurrencesBody> for RawOccurrences {
    fn from(body: OccurrencesBody) -> Self {
        let rule = body.rule.map(|rule| RawRule {
            frequency: rule.frequency.into(),
            interval: rule.interval,
            weekdays: rule.weekdays.map(|days| days.into_iter().map(Weekday::from).collect()),
            monthly_by: rule.monthly_by.map(MonthlyBy::from),
            until: rule.until,
            count: rule.count,
        });
        Self { starts: body.starts, rule }
    }
}

/// When to publish, and what.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SeriesPublishRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishBody {
    /// In the future, within ten years; left out: now.
    #[serde(default, deserialize_with = "instants::optional")]
    at: Option<Timestamp>,
    /// Only occurrences that begin then or later.
    #[serde(default, deserialize_with = "instants::optional")]
    from: Option<Timestamp>,
}

/// What to cancel.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SeriesCancelRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CancelBody {
    /// Only occurrences that begin then or later.
    #[serde(default, deserialize_with = "instants::optional")]
    from: Option<Timestamp>,
}

/// Words for an occurrence and those that follow it. What is left out stays; `null` is as if a new event did not say it.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = FollowingRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TextsBody {
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    title: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::line_or_null::<500>, required = false)]
    summary: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Change<String>,
    /// The slug of a category.
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    category: Change<String>,
    /// Slugs of tags. All of them together: an occurrence with others keeps its own.
    #[serde(default)]
    #[schema(schema_with = texts::slugs_or_null::<20>, required = false)]
    tags: Change<Vec<String>>,
}

impl From<TextsBody> for RawTexts {
    fn from(body: TextsBody) -> Self {
        let TextsBody { title, summary, description, category, tags } = body;
        Self {
            title: title.said(),
            summary: summary.said(),
            description: description.said(),
            category: category.said(),
            tags: tags.said(),
        }
    }
}

/// An event as one of its series.
#[derive(Serialize, ToSchema)]
#[schema(as = Occurrence)]
#[serde(rename_all = "camelCase")]
struct OccurrenceJson<'a> {
    /// The event that it is.
    id: EventId,
    slug: &'a str,
    title: &'a str,
    status: EventStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    publish_at: Option<Timestamp>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancellation: Option<CancellationJson>,
}

impl<'a> From<&'a Occurrence> for OccurrenceJson<'a> {
    fn from(of: &'a Occurrence) -> Self {
        Self {
            id: of.id,
            slug: &of.slug,
            title: &of.title,
            status: of.status,
            publish_at: of.publish_at,
            starts_at: of.starts_at,
            ends_at: of.ends_at,
            cancellation: of.cancellation.as_ref().map(CancellationJson::from),
        }
    }
}

/// Events that repeat.
#[derive(Serialize, ToSchema)]
#[schema(as = Series)]
struct SeriesJson<'a> {
    id: SeriesId,
    /// All of them, in their order; at most 400.
    occurrences: Vec<OccurrenceJson<'a>>,
}

impl<'a> SeriesJson<'a> {
    fn new(id: SeriesId, occurrences: &'a [Occurrence]) -> Self {
        Self { id, occurrences: occurrences.iter().map(OccurrenceJson::from).collect() }
    }
}

/// What became of an occurrence.
#[derive(Serialize, ToSchema)]
#[schema(as = OccurrenceOutcome)]
#[serde(rename_all = "UPPERCASE")]
enum OutcomeName {
    /// It was changed.
    Changed,
    /// It was not meant: it is over, begins too early, its status has no such step, or what it says is its own. Or it is so already.
    Unchanged,
    /// Something stands against it; `reason` says what.
    Refused,
}

/// An occurrence, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = SteppedOccurrence)]
#[serde(rename_all = "camelCase")]
struct SteppedJson<'a> {
    #[serde(flatten)]
    occurrence: OccurrenceJson<'a>,
    outcome: OutcomeName,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// A series whose occurrences have taken a step.
#[derive(Serialize, ToSchema)]
#[schema(as = SteppedSeries)]
struct SteppedSeriesJson<'a> {
    id: SeriesId,
    occurrences: Vec<SteppedJson<'a>>,
}

/// `POST …/events/{id}/occurrences`
pub(super) async fn repeat(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, id, expected) = (manager(&request)?, request.id("id")?, perhaps_expected(&request)?.flatten());
    let (body, named) = named_body::<OccurrencesBody>(&mut request).await?;
    let made = series::repeat(&app, &by, named, (id, expected), body.into()).await?;
    let first = EventId(made.id);
    let show = async {
        let first = event_of(&app, &by, first).await?;
        // It may have left again, when the first answer was lost.
        let id = first.event.series_id.ok_or_else(Problem::not_found)?;
        let occurrences = series::find(&app, &by, id).await?;
        first_answer(location(&by, &format!("series/{id}")), &SeriesJson::new(id, &occurrences), None)
    };
    answered(&app, &by, made, show).await
}

/// `GET …/series/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let id = request.id("id")?;
    Reply::ok(&SeriesJson::new(id, &series::find(&app, &manager(&request)?, id).await?))
}

async fn step(
    app: &App,
    request: &Request,
    step: Step,
    when: (Option<Timestamp>, Option<Timestamp>),
) -> Result<Reply, Problem> {
    let id = request.id("id")?;
    told(id, &series::step(app, &manager(request)?, id, step, when).await?)
}

/// What became of each occurrence.
fn told(id: SeriesId, stepped: &[(Occurrence, Outcome)]) -> Result<Reply, Problem> {
    let occurrences = stepped.iter().map(|(occurrence, outcome)| {
        let (outcome, reason) = match outcome {
            Outcome::Changed => (OutcomeName::Changed, None),
            Outcome::Unchanged => (OutcomeName::Unchanged, None),
            Outcome::Refused(conflict) => (OutcomeName::Refused, Some(conflict.to_string())),
        };
        SteppedJson { occurrence: occurrence.into(), outcome, reason }
    });
    Reply::ok(&SteppedSeriesJson { id, occurrences: occurrences.collect() })
}

/// `POST …/series/{id}/publish`, now or `at` a later time.
pub(super) async fn publish(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body = if request.has_body() { request.body().await? } else { PublishBody::default() };
    let kind = if body.at.is_some() { Step::Schedule } else { Step::Publish };
    step(&app, &request, kind, (body.at, body.from)).await
}

/// `POST …/series/{id}/cancel`: the bookings are cancelled in the background, and each `cancellation` tells how far.
pub(super) async fn cancel(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let body = if request.has_body() { request.body().await? } else { CancelBody::default() };
    step(&app, &request, Step::Cancel, (None, body.from)).await
}

/// `PATCH …/series/{id}/occurrences/{eventId}`: this one and those that follow.
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let which: (SeriesId, EventId) = (request.id("id")?, request.id("eventId")?);
    let body: TextsBody = request.body().await?;
    let (stepped, revision) = series::change_following(&app, &by, which, expected, body.into()).await?;
    Ok(tagged(told(which.0, &stepped)?, revision))
}

/// `DELETE …/series/{id}/occurrences/{eventId}`: the event goes on by itself.
pub(super) async fn leave(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let expected = perhaps_expected(&request)?.flatten();
    let which = (request.id("id")?, request.id("eventId")?);
    series::leave(&app, &manager(&request)?, which, expected).await?;
    Ok(Reply::no_content())
}
