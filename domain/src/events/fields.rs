//! What an organizer says of an event, checked.

use jiff::{Timestamp, tz::TimeZone};

use super::{Event, SaleWindow};
use crate::{
    ids::{SeatMapId, VenueId},
    money::Currency,
    text,
    validation::{FieldError, FieldErrors},
};

/// Most tags of one event.
const TAGS_MAX: usize = 20;
/// Most places an account may be limited to; a larger number is a mistake.
const PER_ACCOUNT_MAX: u32 = 10_000;

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
    pub sale_starts_at: Option<Timestamp>,
    pub sale_ends_at: Option<Timestamp>,
    pub max_per_account: Option<u32>,
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
    /// Where it happens.
    pub venue_id: VenueId,
    /// Of that venue.
    pub seat_map_id: Option<SeatMapId>,
    /// When it begins.
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
    /// Slugs of tags, in alphabetical order, none twice.
    pub tags: Vec<String>,
}

impl EventFields {
    /// Checks every field and reports every fault. A time that is to be in the future must be so unless it is the same as
    /// `before`.
    pub fn parse(raw: RawEvent, before: Option<&Event>, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let title = errors.keep(text::line("title", &raw.title.unwrap_or_default(), 2..=100));
        let slug = raw.slug.map(|slug| errors.keep(text::slug("slug", &slug)));
        let summary = errors.keep(text::line("summary", &raw.summary.unwrap_or_default(), 0..=500));
        let description = errors.keep(text::text("description", &raw.description.unwrap_or_default()));
        let category = errors.keep(text::line("category", &raw.category.unwrap_or_default(), 2..=100));
        let venue_id = errors.keep(required("venueId", raw.venue_id));
        let starts_at = errors.keep(instant("startsAt", raw.starts_at));
        let ends_at = errors.keep(instant("endsAt", raw.ends_at));
        let time_zone = errors.keep(time_zone("timeZone", raw.time_zone.as_deref().unwrap_or_default()));
        let currency = errors.keep(currency(raw.currency.as_deref().unwrap_or_default()));
        let max_per_account = errors.keep(per_account(raw.max_per_account));
        let tags = errors.keep(tags(raw.tags.unwrap_or_default()));
        if let (Some(starts_at), Some(ends_at)) = (starts_at, ends_at)
            && ends_at <= starts_at
        {
            errors.push(FieldError::new("endsAt", "OUT_OF_RANGE", "must be after startsAt"));
        }
        if let Some(starts_at) = starts_at
            && starts_at <= now
            && before.is_none_or(|before| before.starts_at != starts_at)
        {
            errors.push(FieldError::new("startsAt", "NOT_IN_FUTURE", "must be in the future"));
        }
        let sale = match (starts_at, ends_at) {
            (Some(starts_at), Some(ends_at)) => {
                let from = raw.sale_starts_at.or(before.map(|before| before.sale.starts_at)).unwrap_or(now);
                let to = raw.sale_ends_at.unwrap_or(starts_at);
                errors.keep(sale(("saleStartsAt", from), ("saleEndsAt", to), ends_at))
            }
            _ => None,
        };
        let valid = || {
            Some(Self {
                title: title?,
                slug: match slug {
                    Some(slug) => Some(slug?),
                    None => None,
                },
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
                tags: tags?,
            })
        };
        errors.finish(valid())
    }
}

impl EventFields {
    /// Whether the event sells as before: nothing differs that its [`super::SalePlan`] is made of. Title, texts, category, tags, venue,
    /// end and slug are no part of it.
    pub fn keeps_plan(&self, before: &Event, seat_map_id: Option<SeatMapId>) -> bool {
        self.starts_at == before.starts_at
            && self.currency == before.currency
            && self.sale == before.sale
            && self.max_per_account == before.max_per_account
            && self.seat_map_id == seat_map_id
    }
}

impl RawEvent {
    /// The event as it is, for changes on top.
    pub fn of(event: &Event, seat_map_id: Option<SeatMapId>, tags: Vec<String>) -> Self {
        Self {
            title: Some(event.title.clone()),
            slug: Some(event.slug.clone()),
            summary: Some(event.summary.clone()),
            description: Some(event.description.clone()),
            category: Some(event.category.clone()),
            venue_id: Some(event.venue_id),
            seat_map_id,
            starts_at: Some(event.starts_at),
            ends_at: Some(event.ends_at),
            time_zone: Some(event.time_zone.clone()),
            currency: Some(event.currency.as_str().to_owned()),
            sale_starts_at: Some(event.sale.starts_at),
            sale_ends_at: Some(event.sale.ends_at),
            max_per_account: event.max_per_account,
            tags: Some(tags),
        }
    }
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "REQUIRED", "is required"))
}

/// An instant that the database and everybody's calendar can write down, in whole microseconds.
pub(super) fn instant(field: &'static str, value: Option<Timestamp>) -> Result<Timestamp, FieldError> {
    const FROM: Timestamp = Timestamp::constant(946_684_800, 0);
    const TO: Timestamp = Timestamp::constant(32_503_680_000, 0);
    let value = required(field, value)?;
    let micros = Timestamp::from_microsecond(value.as_microsecond()).unwrap_or(value);
    if (FROM..TO).contains(&micros) {
        return Ok(micros);
    }
    Err(FieldError::new(field, "OUT_OF_RANGE", "must be between the years 2000 and 2999"))
}

/// The name of an IANA time zone.
pub fn time_zone(field: &'static str, name: &str) -> Result<String, FieldError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(FieldError::new(field, "REQUIRED", "is required"));
    }
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name().is_some() => Ok(name.to_owned()),
        _ => Err(FieldError::new(field, "UNKNOWN", "must be an IANA time zone such as Europe/Berlin")),
    }
}

fn currency(code: &str) -> Result<Currency, FieldError> {
    if code.is_empty() {
        return Err(FieldError::new("currency", "REQUIRED", "is required"));
    }
    code.parse().map_err(|_| FieldError::new("currency", "INVALID", "must be a code of ISO 4217 such as EUR"))
}

fn per_account(limit: Option<u32>) -> Result<Option<u32>, FieldError> {
    match limit {
        Some(limit) if !(1..=PER_ACCOUNT_MAX).contains(&limit) => {
            Err(FieldError::new("maxPerAccount", "OUT_OF_RANGE", "must be from 1 to 10,000, or null"))
        }
        limit => Ok(limit),
    }
}

pub(super) fn tags(mut tags: Vec<String>) -> Result<Vec<String>, FieldError> {
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
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn raw() -> RawEvent {
        RawEvent {
            title: Some(" An Evening ".to_owned()),
            category: Some("concert".to_owned()),
            venue_id: Some(VenueId::generate()),
            starts_at: Some(at(1000)),
            ends_at: Some(at(2000)),
            time_zone: Some("Europe/Berlin".to_owned()),
            currency: Some("EUR".to_owned()),
            ..RawEvent::default()
        }
    }

    fn faults(raw: RawEvent) -> Vec<(String, &'static str)> {
        let errors = EventFields::parse(raw, None, at(0)).unwrap_err();
        errors.into_iter().map(|error| (error.field.into_owned(), error.code)).collect()
    }

    fn fault(change: impl FnOnce(&mut RawEvent)) -> (String, &'static str) {
        let mut raw = raw();
        change(&mut raw);
        let mut faults = faults(raw);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn the_least_that_must_be_said_is_completed() {
        let fields = EventFields::parse(raw(), None, at(0)).unwrap();
        assert_eq!((fields.title.as_str(), fields.slug, fields.summary.as_str()), ("An Evening", None, ""));
        assert_eq!(fields.sale, SaleWindow { starts_at: at(0), ends_at: at(1000) });
        let named: Vec<_> = faults(RawEvent::default()).into_iter().map(|(field, _)| field).collect();
        assert_eq!(named, ["title", "category", "venueId", "startsAt", "endsAt", "timeZone", "currency"]);
    }

    #[test]
    fn every_rule_names_its_field() {
        let owned = |field: &str, code| (field.to_owned(), code);
        assert_eq!(fault(|raw| raw.title = Some("A".to_owned())), owned("title", "TOO_SHORT"));
        assert_eq!(fault(|raw| raw.slug = Some("A b".to_owned())), owned("slug", "INVALID_SLUG"));
        assert_eq!(fault(|raw| raw.summary = Some("s".repeat(501))), owned("summary", "TOO_LONG"));
        assert_eq!(fault(|raw| raw.description = Some("d".repeat(10_001))), owned("description", "TOO_LONG"));
        let begun = |raw: &mut RawEvent| (raw.starts_at, raw.sale_ends_at) = (Some(at(0)), Some(at(1500)));
        assert_eq!(fault(begun), owned("startsAt", "NOT_IN_FUTURE"));
        assert_eq!(fault(|raw| raw.ends_at = Some(at(1000))), owned("endsAt", "OUT_OF_RANGE"));
        assert_eq!(fault(|raw| raw.time_zone = Some("Europe/Atlantis".to_owned())), owned("timeZone", "UNKNOWN"));
        assert_eq!(fault(|raw| raw.currency = Some("eur".to_owned())), owned("currency", "INVALID"));
        assert_eq!(fault(|raw| raw.sale_starts_at = Some(at(1000))), owned("saleEndsAt", "OUT_OF_RANGE"));
        assert_eq!(fault(|raw| raw.sale_ends_at = Some(at(2001))), owned("saleEndsAt", "OUT_OF_RANGE"));
        assert_eq!(fault(|raw| raw.sale_starts_at = Some(Timestamp::MIN)), owned("saleStartsAt", "OUT_OF_RANGE"));
        assert_eq!(fault(|raw| raw.max_per_account = Some(0)), owned("maxPerAccount", "OUT_OF_RANGE"));
        assert_eq!(fault(|raw| raw.tags = Some(vec!["a b".to_owned()])), owned("tags", "INVALID_SLUG"));
        assert_eq!(fault(|raw| raw.tags = Some(vec!["ab".to_owned(); 21])), owned("tags", "TOO_MANY"));
    }
}
