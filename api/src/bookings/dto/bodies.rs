//! What clients send to hold and to book.

use boxoffice_http::openapi::schemas;
use domain::{
    bookings::{Attendees, BookingRequest, HoldRequest, RawAttendee, Source},
    ids::{HoldId, SeatId, TicketTypeId},
    promo_codes::CodeName,
    selection::{RawLine, Selection},
    validation::{FieldError, FieldErrors},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which places to keep.
#[derive(Deserialize, ToSchema)]
#[schema(as = HoldRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldBody {
    /// What is asked for, a line for each ticket type; a hundred places together at most.
    #[schema(value_type = Vec<LineSchema>, min_items = 1, max_items = 20)]
    items: Vec<LineBody>,
    /// Takes something off the price, or unlocks ticket types that are hidden. Upper and lower case are the same.
    #[schema(min_length = 2, max_length = 64, nullable = false, example = "EARLY-BIRD")]
    promo_code: Option<String>,
}

/// The body of `POST /events/{id}/bookings`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookingBody {
    hold_id: Option<HoldId>,
    items: Option<Vec<LineBody>>,
    promo_code: Option<String>,
    attendees: Option<Vec<AttendeeBody>>,
}

/// Who comes.
#[derive(Deserialize, ToSchema)]
#[schema(as = AttendeeRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct AttendeeBody {
    #[schema(required = true, nullable = false, min_length = 2, max_length = 100, example = "Ada Lovelace")]
    name: Option<String>,
    #[schema(nullable = false, max_length = 254, format = "email")]
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LineBody {
    ticket_type_id: TicketTypeId,
    quantity: Option<u32>,
    seat_ids: Option<Vec<SeatId>>,
    #[serde(default)]
    best_available: bool,
    section: Option<String>,
}

/// Places of one ticket type.
// What clients are told of `LineBody`: one struct reads all forms, so that a refusal can name the field that is wrong.
#[derive(ToSchema)]
#[schema(as = Line)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum LineSchema {
    /// So many places.
    #[schema(title = "Places")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Places {
        ticket_type_id: TicketTypeId,
        #[schema(minimum = 1, maximum = 100)]
        quantity: u32,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        best_available: bool,
    },
    /// These seats.
    #[schema(title = "Seats")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Seats {
        ticket_type_id: TicketTypeId,
        #[schema(min_items = 1, max_items = 100)]
        seat_ids: Vec<SeatId>,
        #[schema(schema_with = schemas::always::<false>, required = false)]
        best_available: bool,
    },
    /// The best seats that are free, side by side if possible; the server chooses.
    #[schema(title = "Best seats")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Best {
        ticket_type_id: TicketTypeId,
        #[schema(minimum = 1, maximum = 100)]
        quantity: u32,
        #[schema(schema_with = schemas::always::<true>)]
        best_available: bool,
        /// Only in this section, by its name or id.
        #[schema(min_length = 1, max_length = 200, nullable = false)]
        section: Option<String>,
    },
}

/// Either places or a hold.
// What clients are told of `BookingBody`.
#[derive(ToSchema)]
#[schema(as = BookingRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in super::super) enum BookingSchema {
    /// Places that nobody keeps yet.
    #[schema(title = "Places")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Items {
        /// What is asked for, a line for each ticket type; a hundred places together at most.
        #[schema(min_items = 1, max_items = 20)]
        items: Vec<LineSchema>,
        /// Takes something off the price, or unlocks ticket types that are hidden. Upper and lower case are the same.
        #[schema(min_length = 2, max_length = 64, nullable = false)]
        promo_code: Option<String>,
        /// In the order of the answer's items; as many or fewer.
        #[schema(max_items = 100, nullable = false)]
        attendees: Option<Vec<AttendeeBody>>,
    },
    /// The places of a hold, at its price: its promo code counts.
    #[schema(title = "A hold")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Hold {
        hold_id: HoldId,
        /// In the order of the answer's items; as many or fewer.
        #[schema(max_items = 100, nullable = false)]
        attendees: Option<Vec<AttendeeBody>>,
    },
}

/// The places that the lines of a body ask for.
pub(crate) fn selection(lines: Vec<LineBody>) -> Result<Selection, Vec<FieldError>> {
    let raw = lines.into_iter().map(|line| RawLine {
        ticket_type_id: line.ticket_type_id,
        quantity: line.quantity,
        seat_ids: line.seat_ids,
        best_available: line.best_available,
        section: line.section,
    });
    Selection::parse(raw.collect())
}

/// The code that a body names.
fn promo_code(name: Option<&str>) -> Result<Option<CodeName>, FieldError> {
    name.map(|name| CodeName::parse("promoCode", name)).transpose()
}

impl TryFrom<HoldBody> for HoldRequest {
    type Error = Vec<FieldError>;

    fn try_from(body: HoldBody) -> Result<Self, Self::Error> {
        let mut errors = FieldErrors::default();
        let promo_code = errors.keep(promo_code(body.promo_code.as_deref()));
        let selection = errors.keep_all(selection(body.items));
        errors.finish(selection.zip(promo_code).map(|(selection, promo_code)| Self { selection, promo_code }))
    }
}

impl TryFrom<BookingBody> for BookingRequest {
    type Error = Vec<FieldError>;

    fn try_from(body: BookingBody) -> Result<Self, Self::Error> {
        let mut errors = FieldErrors::default();
        if body.hold_id.is_some() && body.promo_code.is_some() {
            let message = "a hold is booked at its price, with the code that it was made with";
            errors.push(FieldError::new("promoCode", "NOT_ALLOWED", message));
        }
        let source = match (body.hold_id, body.items) {
            (Some(hold), None) => Ok(Source::Hold(hold)),
            (None, Some(items)) => selection(items).map(Source::Selection),
            _ => Err(vec![FieldError::new("items", "REQUIRED", "give either items or holdId")]),
        };
        let raw = |attendee: AttendeeBody| RawAttendee { name: attendee.name, email: attendee.email };
        let attendees = Attendees::parse(body.attendees.unwrap_or_default().into_iter().map(raw).collect());
        let (source, attendees) = (errors.keep_all(source), errors.keep_all(attendees));
        let promo_code = errors.keep(promo_code(body.promo_code.as_deref()));
        let request = || Some(Self { source: source?, promo_code: promo_code?, attendees: attendees? });
        errors.finish(request())
    }
}
