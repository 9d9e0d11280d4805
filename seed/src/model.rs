//! A scenario in memory: what the tables of a scenario are turned into before anything is written.

use domain::{accounts::Role, pricing::terms::SaleTerms, promo_codes::PromoCode};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use strum::IntoStaticStr;
use uuid::Uuid;

use super::{Counts, ids};

/// Everything that one run wants to be in the database.
#[derive(Default)]
pub(super) struct Scenario {
    pub(super) accounts: Vec<Account>,
    pub(super) venues: Vec<Venue>,
    pub(super) events: Vec<Event>,
}

impl Scenario {
    /// What the scenario consists of, whether it was there before or not.
    pub(super) fn counts(&self) -> Counts {
        let chairs = |venue: &Venue| venue.seat_map.iter().flat_map(SeatMap::seats).count();
        Counts {
            accounts: self.accounts.len(),
            venues: self.venues.len(),
            seats: self.venues.iter().map(chairs).sum(),
            events: self.events.len(),
            ticket_types: self.events.iter().map(|event| event.tickets().count()).sum(),
        }
    }
}

pub(super) struct Account {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) password_hash: String,
    pub(super) name: String,
    pub(super) role: Role,
}

impl Account {
    pub(super) fn new(email: String, password_hash: &str, name: &str, role: Role) -> Self {
        let id = ids::stable("account", &email);
        Self { id, email, password_hash: password_hash.to_owned(), name: name.to_owned(), role }
    }
}

pub(super) struct Venue {
    pub(super) id: Uuid,
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) address: &'static str,
    pub(super) city: &'static str,
    /// ISO 3166-1, two letters.
    pub(super) country: &'static str,
    /// IANA name.
    pub(super) time_zone: &'static str,
    pub(super) capacity: i32,
    pub(super) seat_map: Option<SeatMap>,
}

/// One version of a drawing. Sections, rows and seats are in map order: nearest to the stage first.
pub(super) struct SeatMap {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) sections: Vec<Section>,
}

impl SeatMap {
    /// Every chair, in map order.
    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.sections.iter().flat_map(Section::seats)
    }

    /// How many chairs there are.
    pub(super) fn capacity(&self) -> i32 {
        self.sections.iter().map(Section::capacity).sum()
    }
}

pub(super) struct Section {
    pub(super) id: Uuid,
    /// The tier that it is part of: what is priced and sold together.
    pub(super) tier: &'static str,
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

impl Section {
    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.rows.iter().flat_map(|row| &row.seats)
    }

    /// How many chairs there are. Drawings are far too small for the type's bound to matter.
    pub(super) fn capacity(&self) -> i32 {
        i32::try_from(self.seats().count()).unwrap_or(i32::MAX)
    }
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) label: String,
    pub(super) seats: Vec<Seat>,
}

pub(super) struct Seat {
    pub(super) id: Uuid,
    pub(super) label: String,
    pub(super) accessible: bool,
}

/// As the database's `event_status`.
#[derive(Clone, Copy, Default, Deserialize, IntoStaticStr)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Draft,
    Scheduled,
    #[default]
    Published,
    Cancelled,
    Archived,
}

impl Status {
    /// The name in the database.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The currencies of the seed (ISO 4217).
#[derive(Clone, Copy, Deserialize, IntoStaticStr)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Currency {
    Aud,
    Chf,
    Eur,
    Gbp,
    Jpy,
    Sek,
    Usd,
}

impl Currency {
    pub(super) fn code(self) -> &'static str {
        self.into()
    }

    /// An amount given in the currency's minor unit: 4500 is 45.00 EUR but 4500 JPY, the yen having no smaller coin.
    pub(super) fn amount(self, minor: u32) -> Decimal {
        let decimals = if matches!(self, Self::Jpy) { 0 } else { 2 };
        Decimal::new(i64::from(minor), decimals)
    }
}

pub(super) struct Event {
    pub(super) id: Uuid,
    pub(super) slug: String,
    pub(super) organizer_id: Uuid,
    pub(super) series_id: Option<Uuid>,
    pub(super) venue_id: Uuid,
    pub(super) seat_map_version_id: Option<Uuid>,
    pub(super) title: String,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) category: &'static str,
    pub(super) tags: Vec<&'static str>,
    pub(super) status: Status,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) time_zone: &'static str,
    pub(super) currency: Currency,
    pub(super) sale_starts_at: Timestamp,
    pub(super) sale_ends_at: Timestamp,
    pub(super) max_per_account: Option<i32>,
    pub(super) quotas: Vec<Quota>,
    /// Taxes, fees and so on; `None`: the defaults.
    pub(super) terms: Option<SaleTerms>,
    /// With their ids.
    pub(super) codes: Vec<(Uuid, PromoCode)>,
}

impl Event {
    /// Every ticket type with the quota that it draws on, in the order in which they are offered.
    pub(super) fn tickets(&self) -> impl Iterator<Item = (&Quota, &Ticket)> {
        self.quotas.iter().flat_map(|quota| quota.tickets.iter().map(move |ticket| (quota, ticket)))
    }
}

/// A number of places, with the ticket types that share it.
pub(super) struct Quota {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) capacity: i32,
    pub(super) tickets: Vec<Ticket>,
}

pub(super) struct Ticket {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) description: &'static str,
    pub(super) price: Decimal,
    pub(super) max_per_booking: i32,
    /// When this one goes off sale; `None`: with the event.
    pub(super) sale_ends_at: Option<Timestamp>,
    /// The sections whose seats it sells; none of them: general admission.
    pub(super) section_ids: Vec<Uuid>,
    /// Only for those who have a code that unlocks it.
    pub(super) hidden: bool,
    /// Instead of the event's.
    pub(super) tax_rate: Option<Decimal>,
}

impl Ticket {
    pub(super) fn seated(&self) -> bool {
        !self.section_ids.is_empty()
    }
}
