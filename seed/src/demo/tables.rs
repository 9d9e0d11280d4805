//! The form in which the season is written down, and how it becomes a scenario.

use jiff::Timestamp;
use uuid::Uuid;

use super::people::Person;
use crate::{
    SeedError,
    calendar::Calendar,
    ids,
    model::{Currency, Event, Quota, SeatMap, Section, Status, Ticket, Venue},
    seating::Layout,
};

/// A venue and what is on there.
pub(super) struct VenueSpec {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) address: &'static str,
    pub(super) city: &'static str,
    /// ISO 3166-1, two letters.
    pub(super) country: &'static str,
    /// IANA name.
    pub(super) time_zone: &'static str,
    pub(super) currency: Currency,
    pub(super) capacity: i32,
    pub(super) layout: Option<Layout>,
    /// Who organizes the events.
    pub(super) promoter: &'static Person,
    pub(super) events: &'static [EventSpec],
}

/// An event, its days counted from the day of the seed.
pub(super) struct EventSpec {
    pub(super) slug: &'static str,
    pub(super) title: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) category: &'static str,
    pub(super) tags: &'static [&'static str],
    /// Days from today, hour and minute on the venue's clocks.
    pub(super) starts: (i64, i8, i8),
    /// For a series: so many days later, again.
    pub(super) again: &'static [i64],
    pub(super) minutes: i64,
    pub(super) sale: Sale,
    pub(super) status: Status,
    pub(super) max_per_account: Option<i32>,
    pub(super) areas: &'static [Area],
}

/// What an event is unless it says otherwise: published, on sale, no limit per account.
pub(super) const EVENT: EventSpec = EventSpec {
    slug: "",
    title: "",
    summary: "",
    description: "",
    category: "",
    tags: &[],
    starts: (0, 0, 0),
    again: &[],
    minutes: 120,
    sale: Sale::UntilStart,
    status: Status::Published,
    max_per_account: None,
    areas: &[],
};

/// When tickets are sold.
pub(super) enum Sale {
    /// From a month ago until the event starts.
    UntilStart,
    /// From this many days on, ten in the morning, until the event starts.
    OpensIn(i64),
    /// Over for this many days.
    EndedAgo(i64),
}

/// A part of the capacity, with the ticket types that share it.
pub(super) struct Area {
    pub(super) name: &'static str,
    pub(super) stock: Stock,
    pub(super) tickets: &'static [TicketSpec],
}

/// What an area consists of.
pub(super) enum Stock {
    /// So many places, wherever one likes.
    Places(i32),
    /// Every seat of these tiers of the venue's map.
    Tiers(&'static [&'static str]),
}

/// A ticket type.
#[derive(Clone, Copy)]
pub(super) struct TicketSpec {
    name: &'static str,
    description: &'static str,
    /// In the currency's minor unit: cents, pence, öre; whole yen.
    price: u32,
    max_per_booking: i32,
    until_day: Option<i64>,
}

/// General admission.
pub(super) const fn places(name: &'static str, places: i32, tickets: &'static [TicketSpec]) -> Area {
    Area { name, stock: Stock::Places(places), tickets }
}

/// Reserved seats: those of whole tiers.
pub(super) const fn seats(name: &'static str, tiers: &'static [&'static str], tickets: &'static [TicketSpec]) -> Area {
    Area { name, stock: Stock::Tiers(tiers), tickets }
}

/// A ticket type at a price in the currency's minor unit, ten of it a booking.
pub(super) const fn ticket(name: &'static str, price: u32) -> TicketSpec {
    TicketSpec { name, description: "", price, max_per_booking: 10, until_day: None }
}

impl TicketSpec {
    /// What a buyer should know.
    pub(super) const fn about(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// At most so many a booking.
    pub(super) const fn at_most(self, max_per_booking: i32) -> Self {
        Self { max_per_booking, ..self }
    }

    /// Sold only until midnight at the beginning of that day, counted from today.
    pub(super) const fn until_day(self, day: i64) -> Self {
        Self { until_day: Some(day), ..self }
    }
}

impl VenueSpec {
    pub(super) fn venue(&self) -> Venue {
        Venue {
            id: ids::stable("venue", self.slug),
            slug: self.slug,
            name: self.name,
            description: self.description,
            address: self.address,
            city: self.city,
            country: self.country,
            time_zone: self.time_zone,
            capacity: self.capacity,
            seat_map: self.layout.map(|layout| layout.draw(self.slug)),
        }
    }
}

impl EventSpec {
    /// The event, and the others of its series.
    pub(super) fn events(&self, spec: &VenueSpec, venue: &Venue, calendar: &Calendar) -> Result<Vec<Event>, SeedError> {
        let first = (self.slug.to_owned(), 0);
        let again = (2..).zip(self.again).map(|(number, days)| (format!("{}-{number}", self.slug), *days));
        let occurrences = std::iter::once(first).chain(again);
        occurrences.map(|(slug, days)| self.event(spec, venue, calendar, (slug, days))).collect()
    }

    fn event(
        &self,
        spec: &VenueSpec,
        venue: &Venue,
        calendar: &Calendar,
        (slug, days): (String, i64),
    ) -> Result<Event, SeedError> {
        let (day, hour, minute) = self.starts;
        let starts_at = calendar.at(day + days, hour, minute, venue.time_zone)?;
        let (sale_starts_at, sale_ends_at) = self.sale.window(starts_at, venue.time_zone, calendar)?;
        let builder = Builder { slug: &slug, currency: spec.currency, venue, calendar };
        let quotas: Vec<Quota> = self.areas.iter().map(|area| builder.quota(area)).collect::<Result<_, _>>()?;
        let seated = quotas.iter().flat_map(|quota| &quota.tickets).any(Ticket::seated);
        Ok(Event {
            id: ids::stable("event", &slug),
            organizer_id: spec.promoter.id(),
            series_id: (!self.again.is_empty()).then(|| ids::stable("series", self.slug)),
            venue_id: venue.id,
            seat_map_version_id: venue.seat_map.as_ref().filter(|_| seated).map(|map| map.id),
            title: self.title.to_owned(),
            summary: self.summary,
            description: self.description,
            category: self.category,
            tags: self.tags,
            status: self.status,
            starts_at,
            ends_at: starts_at.checked_add(jiff::SignedDuration::from_mins(self.minutes))?,
            time_zone: venue.time_zone,
            currency: spec.currency,
            sale_starts_at,
            sale_ends_at,
            max_per_account: self.max_per_account,
            quotas,
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
    fn quota(&self, area: &Area) -> Result<Quota, SeedError> {
        let (capacity, section_ids) = match area.stock {
            Stock::Places(places) => (places, Vec::new()),
            Stock::Tiers(tiers) => self.seats(tiers)?,
        };
        let tickets = area.tickets.iter().map(|ticket| self.ticket(area, ticket, section_ids.clone()));
        Ok(Quota {
            id: ids::stable("quota", &format!("{}/{}", self.slug, area.name)),
            name: area.name,
            capacity,
            tickets: tickets.collect::<Result<_, _>>()?,
        })
    }

    /// How many seats the tiers have together, and their sections.
    fn seats(&self, tiers: &[&'static str]) -> Result<(i32, Vec<Uuid>), SeedError> {
        let sections = self.venue.seat_map.as_ref().map_or(&[][..], |map: &SeatMap| &map.sections);
        if let Some(unknown) = tiers.iter().find(|tier| sections.iter().all(|section| section.tier != **tier)) {
            let name = format!("{} of {}", unknown, self.venue.slug);
            return Err(SeedError::Undefined { kind: "tier", name });
        }
        let sections: Vec<&Section> = sections.iter().filter(|section| tiers.contains(&section.tier)).collect();
        let ids = sections.iter().map(|section| section.id).collect();
        Ok((sections.iter().map(|section| section.capacity()).sum(), ids))
    }

    /// Named after its area as well, unless that would be to say it twice: `Stalls, Adult`, but `Standing`.
    fn ticket(&self, area: &Area, spec: &TicketSpec, section_ids: Vec<Uuid>) -> Result<Ticket, SeedError> {
        let name = if area.name == spec.name { area.name.to_owned() } else { format!("{}, {}", area.name, spec.name) };
        let midnight = |day| self.calendar.at(day, 0, 0, self.venue.time_zone);
        Ok(Ticket {
            id: ids::stable("ticket type", &format!("{}/{name}", self.slug)),
            name,
            description: spec.description,
            price: self.currency.amount(spec.price),
            max_per_booking: spec.max_per_booking,
            sale_ends_at: spec.until_day.map(midnight).transpose()?,
            section_ids,
        })
    }
}
