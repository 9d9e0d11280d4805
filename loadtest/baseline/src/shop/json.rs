//! Requests and answers in JSON: the same fields as boxoffice's.

use domain::{
    bookings::Source,
    ids::{HoldId, SeatId, TicketTypeId},
    money::Money,
    selection::{RawLine, Selection},
    validation::FieldError,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HoldBody {
    items: Vec<LineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BookingBody {
    hold_id: Option<HoldId>,
    items: Option<Vec<LineBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LineBody {
    ticket_type_id: TicketTypeId,
    quantity: Option<u32>,
    seat_ids: Option<Vec<SeatId>>,
}

fn selection(lines: Vec<LineBody>) -> Result<Selection, Vec<FieldError>> {
    let raw = lines.into_iter().map(|line| RawLine {
        ticket_type_id: line.ticket_type_id,
        quantity: line.quantity,
        seat_ids: line.seat_ids,
        best_available: false,
        section: None,
    });
    Selection::parse(raw.collect())
}

impl TryFrom<HoldBody> for Selection {
    type Error = Vec<FieldError>;

    fn try_from(body: HoldBody) -> Result<Self, Self::Error> {
        selection(body.items)
    }
}

impl TryFrom<BookingBody> for Source {
    type Error = Vec<FieldError>;

    fn try_from(body: BookingBody) -> Result<Self, Self::Error> {
        match (body.hold_id, body.items) {
            (Some(hold), None) => Ok(Source::Hold(hold)),
            (None, Some(items)) => selection(items).map(Source::Selection),
            _ => Err(vec![FieldError::new("items", "REQUIRED", "give either items or holdId")]),
        }
    }
}

/// A hold or a booking.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub(super) id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    pub(super) status: &'static str,
    pub(super) event_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) items: Vec<ItemJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fees: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tax: Option<Money>,
    pub(super) total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Uuid>,
    pub(super) ticket_type_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seat_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seat: Option<SeatJson>,
    pub(super) price: Money,
}

#[derive(Clone, Serialize)]
pub(super) struct SeatJson {
    pub(super) section: String,
    pub(super) row: String,
    pub(super) label: String,
}

/// A place as it is kept in `holds.items`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) ticket_type_id: Uuid,
    pub(super) quota_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seat_id: Option<Uuid>,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) price: Decimal,
}
