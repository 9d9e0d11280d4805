//! Bookings as mails tell of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Locale;
use crate::{ids::BookingId, money::Money};

/// What a mail tells about a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingSummary {
    /// How the buyer is called.
    pub name: String,
    /// Its id; what is read out at the door follows from it.
    pub booking_id: BookingId,
    pub event_title: String,
    /// When that begins.
    pub starts_at: Timestamp,
    /// IANA name of the zone in which that is told.
    pub time_zone: String,
    pub venue: String,
    pub places: Vec<BookedPlace>,
    /// What a promo code took off the prices; nothing when that is nothing.
    #[serde(default)]
    pub discount: Option<Money>,
    /// On top of the prices; nothing when there are none.
    #[serde(default)]
    pub fees: Option<Money>,
    #[serde(default)]
    pub tax: Option<Money>,
    /// Whether the total contains the tax without it being added.
    #[serde(default = "yes")]
    pub tax_included: bool,
    /// What all of it costs, with fees and tax.
    pub total: Money,
}

fn yes() -> bool {
    true
}

/// When and where an event was to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerDate {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub venue: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedPlace {
    pub ticket_type: String,
    /// Such as `Floor A, row 3, seat 12`; nothing in general admission.
    pub seat: Option<String>,
    /// Of this place.
    pub price: Money,
}

impl BookedPlace {
    /// How a seat is called in that language: `Floor A, row 3, seat 12`.
    pub fn seat_name(locale: Locale, section: &str, row: &str, seat: &str) -> String {
        match locale {
            Locale::En => format!("{section}, row {row}, seat {seat}"),
            Locale::De => format!("{section}, Reihe {row}, Platz {seat}"),
            Locale::Fr => format!("{section}, rang {row}, place {seat}"),
        }
    }
}
