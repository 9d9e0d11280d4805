//! The form in which the season is written down, and how it becomes a scenario.

use jiff::{Timestamp, civil::Time};
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    people::People,
    prices::{CodeSpec, TermsSpec},
};
use crate::{
    SeedError,
    calendar::Calendar,
    ids,
    model::{Currency, Event, Quota, SeatMap, Section, Status, Ticket, Venue},
    seating::Layout,
};

/// A venue and what is on there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueSpec {
    slug: String,
    name: String,
    description: String,
    address: String,
    city: String,
    /// ISO 3166-1, two letters.
    country: String,
    /// IANA name.
    time_zone: String,
    currency: Currency,
    capacity: i32,
    /// Of `layouts.json`; none: general admission alone.
    layout: Option<String>,
    /// Who organizes the events, by the login of `people.json`.
    promoter: String,
    pub(super) events: Vec<EventSpec>,
}

/// An event, its days counted from the day of the seed; published and without a limit per account unless it says otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventSpec {
    slug: String,
    title: String,
    summary: String,
    description: String,
    category: String,
    tags: Vec<String>,
    /// So many days from today.
    day: i64,
    /// On the venue's clocks.
    time: Time,
    /// For a series: so many days later, again.
    #[serde(default)]
    again: Vec<i64>,
    #[serde(default = "two_hours")]
    minutes: i64,
    #[serde(default)]
    sale: Sale,
    #[serde(default)]
    status: Status,
    max_per_account: Option<i32>,
    areas: Vec<Area>,
    terms: Option<TermsSpec>,
    #[serde(default)]
    codes: Vec<CodeSpec>,
}

fn two_hours() -> i64 {
    120
}

/// When tickets are sold.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sale {
    /// From a month ago until the event starts.
    #[default]
    UntilStart,
    /// From this many days on, ten in the morning, until the event starts.
    OpensIn(i64),
    /// Over for this many days.
    EndedAgo(i64),
}

/// A part of the capacity, with the ticket types that share it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    name: String,
    /// So many places, wherever one likes; none: reserved seats.
    places: Option<i32>,
    /// Every seat of these tiers of the venue's map; none: of the one that is called as the area is.
    #[serde(default)]
    tiers: Vec<String>,
    tickets: Vec<TicketSpec>,
}

/// A ticket type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketSpec {
    name: String,
    /// What a buyer should know.
    #[serde(default)]
    description: String,
    /// In the currency's minor unit: cents, pence, öre; whole yen.
    price: u32,
    #[serde(default = "ten")]
    max_per_booking: i32,
    /// Sold only until midnight at the beginning of that day, counted from today.
    until_day: Option<i64>,
    /// Only for those who have a code that unlocks it.
    #[serde(default)]
    hidden: bool,
    /// Instead of the event's.
    tax_rate: Option<Decimal>,
}

fn ten() -> i32 {
    10
}

impl VenueSpec {
    pub(super) fn venue(&'static self) -> Result<Venue, SeedError> {
        let layout = self.layout.as_deref().map(Layout::named).transpose()?;
        Ok(Venue {
            id: ids::stable("venue", &self.slug),
            slug: &self.slug,
            name: &self.name,
            description: &self.description,
            address: &self.address,
            city: &self.city,
            country: &self.country,
            time_zone: &self.time_zone,
            capacity: self.capacity,
            seat_map: layout.map(|layout| layout.draw(&self.slug)),
        })
    }
}

impl EventSpec {
    /// The event, and the others of its series.
    pub(super) fn events(
        &'static self,
        spec: &VenueSpec,
        venue: &Venue,
        calendar: &Calendar,
    ) -> Result<Vec<Event>, SeedError> {
        let first = (self.slug.clone(), 0);
        let again = (2..).zip(&self.again).map(|(number, days)| (format!("{}-{number}", self.slug), *days));
        let occurrences = std::iter::once(first).chain(again);
        occurrences.map(|(slug, days)| self.event(spec, venue, calendar, (slug, days))).collect()
    }

    fn event(
        &'static self,
        spec: &VenueSpec,
        venue: &Venue,
        calendar: &Calendar,
        (slug, days): (String, i64),
    ) -> Result<Event, SeedError> {
        let starts_at = calendar.at(self.day + days, self.time.hour(), self.time.minute(), venue.time_zone)?;
        let (sale_starts_at, sale_ends_at) = self.sale.window(starts_at, venue.time_zone, calendar)?;
        let builder = Builder { slug: &slug, currency: spec.currency, venue, calendar };
        let quotas: Vec<Quota> = self.areas.iter().map(|area| builder.quota(area)).collect::<Result<_, _>>()?;
        let currency = spec
            .currency
            .code()
            .parse()
            .map_err(|_| SeedError::Undefined { kind: "currency", name: spec.currency.code().to_owned() })?;
        let terms = self.terms.as_ref().map(|terms| terms.terms(&slug, currency, starts_at)).transpose()?;
        let codes = self.codes.iter().map(|code| code.code(&slug, currency, &quotas)).collect::<Result<_, _>>()?;
        let seated = quotas.iter().flat_map(|quota| &quota.tickets).any(Ticket::seated);
        Ok(Event {
            id: ids::stable("event", &slug),
            organizer_id: People::read()?.named(&spec.promoter)?.id(),
            series_id: (!self.again.is_empty()).then(|| ids::stable("series", &self.slug)),
            venue_id: venue.id,
            seat_map_version_id: venue.seat_map.as_ref().filter(|_| seated).map(|map| map.id),
            title: self.title.clone(),
            summary: &self.summary,
            description: &self.description,
            category: &self.category,
            tags: self.tags.iter().map(String::as_str).collect(),
            status: self.status,
            starts_at,
            ends_at: starts_at.checked_add(jiff::SignedDuration::from_mins(self.minutes))?,
            time_zone: venue.time_zone,
            currency: spec.currency,
            sale_starts_at,
            sale_ends_at,
            max_per_account: self.max_per_account,
            quotas,
            terms,
            codes,
            slug,
        })
    }
}

impl Sale {
    fn window(
        &self,
        starts_at: Timestamp,
        time_zone: &str,
        calendar: &Calendar,
    ) -> Result<(Timestamp, Timestamp), SeedError> {
        let (from_day, ends_at) = match self {
            Self::UntilStart => (-30, starts_at),
            Self::OpensIn(days) => (*days, starts_at),
            Self::EndedAgo(days) => (-60, calendar.at(-days, 0, 0, time_zone)?),
        };
        Ok((calendar.at(from_day, 10, 0, time_zone)?, ends_at))
    }
}

/// What the areas of one event have in common.
struct Builder<'a> {
    slug: &'a str,
    currency: Currency,
    venue: &'a Venue,
    calendar: &'a Calendar,
}

impl Builder<'_> {
    fn quota(&self, area: &'static Area) -> Result<Quota, SeedError> {
        let own_tier = std::slice::from_ref(&area.name);
        let (capacity, section_ids) = match area.places {
            Some(places) => (places, Vec::new()),
            None => self.seats(if area.tiers.is_empty() { own_tier } else { &area.tiers })?,
        };
        let tickets = area.tickets.iter().map(|ticket| self.ticket(area, ticket, section_ids.clone()));
        Ok(Quota {
            id: ids::stable("quota", &format!("{}/{}", self.slug, area.name)),
            name: &area.name,
            capacity,
            tickets: tickets.collect::<Result<_, _>>()?,
        })
    }

    /// How many seats the tiers have together, and their sections.
    fn seats(&self, tiers: &[String]) -> Result<(i32, Vec<Uuid>), SeedError> {
        let sections = self.venue.seat_map.as_ref().map_or(&[][..], |map: &SeatMap| &map.sections);
        if let Some(unknown) = tiers.iter().find(|tier| sections.iter().all(|section| section.tier != *tier)) {
            let name = format!("{} of {}", unknown, self.venue.slug);
            return Err(SeedError::Undefined { kind: "tier", name });
        }
        let sections: Vec<&Section> =
            sections.iter().filter(|section| tiers.iter().any(|tier| tier == section.tier)).collect();
        let ids = sections.iter().map(|section| section.id).collect();
        Ok((sections.iter().map(|section| section.capacity()).sum(), ids))
    }

    /// Named after its area as well, unless that would be to say it twice: `Stalls, Adult`, but `Standing`.
    fn ticket(&self, area: &Area, spec: &'static TicketSpec, section_ids: Vec<Uuid>) -> Result<Ticket, SeedError> {
        let name = if area.name == spec.name { area.name.clone() } else { format!("{}, {}", area.name, spec.name) };
        let midnight = |day| self.calendar.at(day, 0, 0, self.venue.time_zone);
        Ok(Ticket {
            id: ids::stable("ticket type", &format!("{}/{name}", self.slug)),
            name,
            description: &spec.description,
            price: self.currency.amount(spec.price),
            max_per_booking: spec.max_per_booking,
            sale_ends_at: spec.until_day.map(midnight).transpose()?,
            section_ids,
            hidden: spec.hidden,
            tax_rate: spec.tax_rate,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::REGIONS;

    /// An area with both would sell the places only.
    #[test]
    fn an_area_has_places_or_tiers() {
        let venues = REGIONS.iter().flat_map(|region| region.get().unwrap());
        for event in venues.flat_map(|venue| &venue.events) {
            assert!(event.areas.iter().all(|area| area.places.is_none() || area.tiers.is_empty()), "{}", event.slug);
        }
    }
}
