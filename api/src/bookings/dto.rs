//! Holds and bookings in JSON.

use boxoffice_http::openapi::schemas;
use domain::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus, Item, Source},
    ids::{AccountId, BookingId, EventId, HoldId, SeatId, TicketTypeId},
    money::{Currency, Money},
    repositories::EventNames,
    seat_maps::Seat,
    selection::{RawLine, Selection},
    validation::FieldError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Which places to keep.
#[derive(Deserialize, ToSchema)]
#[schema(as = HoldRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldBody {
    /// What is asked for, a line for each ticket type; a hundred places together at most.
    #[schema(value_type = Vec<LineSchema>, min_items = 1, max_items = 20)]
    items: Vec<LineBody>,
}

/// The body of `POST /events/{id}/bookings`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookingBody {
    hold_id: Option<HoldId>,
    items: Option<Vec<LineBody>>,
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
pub(super) enum BookingSchema {
    /// Places that nobody keeps yet.
    #[schema(title = "Places")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Items {
        /// What is asked for, a line for each ticket type; a hundred places together at most.
        #[schema(min_items = 1, max_items = 20)]
        items: Vec<LineSchema>,
    },
    /// The places of a hold.
    #[schema(title = "A hold")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Hold { hold_id: HoldId },
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

/// One place.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemJson<'a> {
    /// Of a booking's place; places of a hold have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<Uuid>,
    ticket_type_id: TicketTypeId,
    /// Of a booking's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ticket_type_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_id: Option<SeatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat: Option<SeatJson<'a>>,
    price: Money,
    /// Of a booking's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<ItemStatus>,
}

/// Whether a booked place is still the account's.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = ItemStatus)]
#[serde(rename_all = "UPPERCASE")]
enum ItemStatus {
    /// It is, or will be once it is paid.
    Valid,
    /// It was given back, or not paid in time.
    Cancelled,
}

impl From<BookingStatus> for ItemStatus {
    fn from(status: BookingStatus) -> Self {
        match status {
            BookingStatus::PendingPayment | BookingStatus::Confirmed => Self::Valid,
            BookingStatus::Cancelled | BookingStatus::Expired => Self::Cancelled,
        }
    }
}

/// Where a seat is.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatName)]
struct SeatJson<'a> {
    section: &'a str,
    row: &'a str,
    label: &'a str,
}

impl<'a> ItemJson<'a> {
    /// A place of a hold.
    pub(crate) fn held(item: &'a Item, currency: Currency) -> Self {
        let of_seat = |seat: &'a Seat| SeatJson { section: &seat.section, row: &seat.row, label: &seat.label };
        let seat = item.seat.as_deref();
        Self {
            id: None,
            ticket_type_id: item.ticket_type_id,
            ticket_type_name: None,
            seat_id: seat.map(|seat| seat.id),
            seat: seat.map(of_seat),
            price: Money::new(item.price, currency),
            status: None,
        }
    }

    /// The place of this booking at this position.
    fn booked(booking: &'a Booking, position: u8, item: &'a Item, names: Option<&'a EventNames>) -> Self {
        let name = names.and_then(|names| names.ticket_types.get(&item.ticket_type_id));
        Self {
            id: Some(booking.id.item(position)),
            ticket_type_name: name.map(String::as_str),
            status: Some(booking.status_of(position).into()),
            ..Self::held(item, booking.total.currency)
        }
    }
}

/// What is said of a block, which its organizer may read as a hold as well: 1 January 9999.
const NEVER: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// Places kept for an account until a fixed time.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
#[serde(rename_all = "camelCase")]
pub(super) struct HoldJson<'a> {
    id: HoldId,
    status: HoldStatus,
    event_id: EventId,
    account_id: AccountId,
    items: Vec<ItemJson<'a>>,
    total: Money,
    expires_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Hold> for HoldJson<'a> {
    fn from(hold: &'a Hold) -> Self {
        Self {
            id: hold.id,
            status: hold.status,
            event_id: hold.event_id,
            account_id: hold.account_id,
            items: hold.items.iter().map(|item| ItemJson::held(item, hold.total.currency)).collect(),
            total: hold.total,
            expires_at: hold.ends_at().unwrap_or(NEVER),
            created_at: hold.created_at,
            updated_at: hold.updated_at,
        }
    }
}

/// A booking as its account sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Booking)]
#[serde(rename_all = "camelCase")]
pub struct BookingJson<'a> {
    id: BookingId,
    /// What a buyer reads out at the door.
    #[schema(example = "7K2M9QX4TB")]
    reference: String,
    status: BookingStatus,
    event_id: EventId,
    account_id: AccountId,
    /// What was booked. Left out, with the names of ticket types, only in the answer to a booking while these can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    event: Option<BookedEventJson<'a>>,
    items: Vec<ItemJson<'a>>,
    fees: Money,
    tax: Money,
    total: Money,
    /// Until when it has to be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> BookingJson<'a> {
    /// With what its event is called.
    pub fn new(booking: &'a Booking, names: Option<&'a EventNames>) -> Self {
        Self {
            id: booking.id,
            reference: booking.id.reference(),
            status: booking.status,
            event_id: booking.event_id,
            account_id: booking.account_id,
            event: names.map(BookedEventJson::from),
            items: booking.items.iter().zip(0..).map(|(item, at)| ItemJson::booked(booking, at, item, names)).collect(),
            fees: booking.fees,
            tax: booking.tax,
            total: booking.total,
            expires_at: booking.ends_at().filter(|_| booking.status != BookingStatus::Confirmed),
            created_at: booking.created_at,
            updated_at: booking.updated_at,
        }
    }
}

/// What a booking is for, as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = BookedEvent)]
#[serde(rename_all = "camelCase")]
struct BookedEventJson<'a> {
    /// Its name in addresses for people.
    slug: &'a str,
    title: &'a str,
    starts_at: Timestamp,
    /// IANA, of the place.
    #[schema(example = "Europe/Berlin")]
    time_zone: &'a str,
    venue_name: &'a str,
}

impl<'a> From<&'a EventNames> for BookedEventJson<'a> {
    fn from(names: &'a EventNames) -> Self {
        Self {
            slug: &names.slug,
            title: &names.title,
            starts_at: names.starts_at,
            time_zone: &names.time_zone,
            venue_name: &names.venue,
        }
    }
}
