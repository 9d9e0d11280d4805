//! Events, their ticket types and quotas, and the plan by which an event sells.

pub mod copies;
pub mod fields;
pub mod lifecycle;
pub mod managed;
pub mod occurrences;
pub mod offering;
pub mod sales;

use std::{str::FromStr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    ids::{AccountId, EventId, PromoCodeId, QuotaId, SeatMapVersionId, SectionId, SeriesId, TicketTypeId, VenueId},
    money::{Currency, Money, Percentage},
    pricing::terms::SaleTerms,
    promo_codes::PromoCode,
    seat_maps::SeatMap,
    unpaid::UnpaidLimits,
};

/// A small word by which events are found.
#[derive(Clone, Debug)]
pub struct EventTag {
    pub slug: String,
    pub name: String,
}

/// Where an event is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventStatus {
    /// Being written; only its organizer sees it.
    Draft,
    /// Will be published at a set time.
    Scheduled,
    /// Public, and on sale within its windows.
    Published,
    /// Will not take place.
    Cancelled,
    /// Over, kept for the record.
    Archived,
}

impl EventStatus {
    pub const ALL: [Self; 5] = [Self::Draft, Self::Scheduled, Self::Published, Self::Cancelled, Self::Archived];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            EventStatus::Draft => "DRAFT",
            EventStatus::Scheduled => "SCHEDULED",
            EventStatus::Published => "PUBLISHED",
            EventStatus::Cancelled => "CANCELLED",
            EventStatus::Archived => "ARCHIVED",
        }
    }

    /// Whether everybody may know of it. What was never published, or is no longer, is nobody's business.
    pub fn is_public(self) -> bool {
        !matches!(self, EventStatus::Draft | EventStatus::Scheduled)
    }
}

impl FromStr for EventStatus {
    type Err = UnknownEventStatus;

    fn from_str(text: &str) -> Result<Self, UnknownEventStatus> {
        Ok(match text {
            "DRAFT" => EventStatus::Draft,
            "SCHEDULED" => EventStatus::Scheduled,
            "PUBLISHED" => EventStatus::Published,
            "CANCELLED" => EventStatus::Cancelled,
            "ARCHIVED" => EventStatus::Archived,
            other => return Err(UnknownEventStatus(other.to_owned())),
        })
    }
}

/// A status that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown event status {0:?}")]
pub struct UnknownEventStatus(String);

/// When something is sold: from `starts_at` (inclusive) to `ends_at` (exclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleWindow {
    /// The first instant of the sale.
    pub starts_at: Timestamp,
    /// The first instant after the sale.
    pub ends_at: Timestamp,
}

impl SaleWindow {
    /// Whether `now` is within.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}

/// An event as the public and its organizer see it.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    /// Unique, readable, for URLs.
    pub slug: String,
    pub organizer_id: AccountId,
    /// Of which series it is an occurrence.
    pub series_id: Option<SeriesId>,
    pub venue_id: VenueId,
    /// The seats it sells, when it sells seats.
    pub seat_map_version_id: Option<SeatMapVersionId>,
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// All there is to say.
    pub description: String,
    /// Such as `concert`.
    pub category: String,
    /// Where it is in its life.
    pub status: EventStatus,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// IANA name of the zone in which its times are shown.
    pub time_zone: String,
    /// In which its tickets are priced.
    pub currency: Currency,
    /// When its tickets are sold, unless a ticket type says otherwise.
    pub sale: SaleWindow,
    /// The most places an account may hold and have booked together.
    pub max_per_account: Option<u32>,
    /// Minimum age of guests, in years.
    pub age_restriction: Option<u32>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A kind of ticket of one event.
#[derive(Clone, Debug)]
pub struct TicketType {
    pub id: TicketTypeId,
    /// The quota it draws on, perhaps with others.
    pub quota_id: QuotaId,
    pub name: String,
    pub description: String,
    /// Of one place, in the event's currency.
    pub price: Decimal,
    /// Sold by named seat, or by number.
    pub seated: bool,
    /// The sections whose seats it sells; empty unless seated.
    pub sections: Vec<SectionId>,
    /// Fewest places in one booking.
    pub min_per_booking: u32,
    /// Most places in one booking.
    pub max_per_booking: u32,
    /// When it is sold.
    pub sale: SaleWindow,
    /// Only for those who have a code that unlocks it.
    pub hidden: bool,
    /// Instead of the event's.
    pub tax_rate: Option<Percentage>,
}

/// A number of places that one or several ticket types share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub id: QuotaId,
    /// How many places there are.
    pub capacity: u32,
}

/// A promo code of an event, as its inventory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCode {
    pub id: PromoCodeId,
    pub code: PromoCode,
}

/// All rules by which one event sells. Read once when the inventory is loaded, never changed in place.
#[derive(Debug)]
pub struct SalePlan {
    /// Whose plan it is.
    pub event_id: EventId,
    /// Only a published event sells.
    pub status: EventStatus,
    /// When the event begins; nothing is cancelled after that.
    pub starts_at: Timestamp,
    /// Of all its prices.
    pub currency: Currency,
    /// The most places an account may hold and have booked together.
    pub max_per_account: Option<u32>,
    pub ticket_types: Vec<TicketType>,
    /// What it is drawn from.
    pub quotas: Vec<Quota>,
    /// The seats, for an event that sells seats.
    pub seat_map: Option<Arc<SeatMap>>,
    /// How long a hold lasts, ten minutes unless set otherwise.
    pub hold_for: SignedDuration,
    /// Taxes, fees, how long an unpaid booking waits, and the longest that a hold lasts.
    pub terms: SaleTerms,
    /// Those that may be used at any time.
    pub promo_codes: Vec<PlannedCode>,
    /// The least that the payment gateway charges in the event's currency, where it says so.
    pub minimum: Option<Money>,
    /// How many places may be taken without being paid; no caps when `None`.
    pub unpaid: Option<UnpaidLimits>,
}

impl SalePlan {
    /// The ticket type with that id.
    pub fn ticket_type(&self, id: TicketTypeId) -> Option<&TicketType> {
        self.ticket_types.iter().find(|ticket_type| ticket_type.id == id)
    }

    /// The place of a quota in [`SalePlan::quotas`].
    pub fn quota_index(&self, id: QuotaId) -> Option<usize> {
        self.quotas.iter().position(|quota| quota.id == id)
    }
}
