//! Holds and bookings in JSON.

mod bodies;

use domain::{
    bookings::{Attendee, Booking, BookingStatus, Hold, HoldStatus, Item},
    ids::{AccountId, BookingId, EventId, HoldId, SeatId, TicketTypeId},
    money::{Currency, Money},
    pricing::PriceLine,
    promo_codes::AppliedCode,
    repositories::EventNames,
    seat_maps::Seat,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::bodies::BookingBody;
pub(super) use self::bodies::BookingSchema;
pub(crate) use self::bodies::{HoldBody, LineBody, LineSchema, selection};

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
    /// Of the ticket type.
    price: Money,
    /// What the promo code takes off the price.
    discount: Money,
    /// All fees, the place's part of those per booking among them.
    fee: Money,
    /// Contained in what is paid or added to it, as `taxIncluded` says.
    tax: Money,
    /// Of a booking's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<ItemStatus>,
    /// Of a booking's place, if its buyer has named somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attendee: Option<AttendeeJson<'a>>,
}

/// Who has the place.
#[derive(Serialize, ToSchema)]
#[schema(as = Attendee)]
struct AttendeeJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<&'a str>,
}

impl<'a> From<&'a Attendee> for AttendeeJson<'a> {
    fn from(attendee: &'a Attendee) -> Self {
        Self { name: attendee.name.as_str(), email: attendee.email.as_ref().map(|email| email.as_str()) }
    }
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
        let PriceLine { price, discount, fee, tax } = item.line(currency);
        Self {
            id: None,
            ticket_type_id: item.ticket_type_id,
            ticket_type_name: None,
            seat_id: seat.map(|seat| seat.id),
            seat: seat.map(of_seat),
            price,
            discount,
            fee,
            tax,
            status: None,
            attendee: None,
        }
    }

    /// The place of this booking at this position.
    fn booked(booking: &'a Booking, position: u8, item: &'a Item, names: Option<&'a EventNames>) -> Self {
        let name = names.and_then(|names| names.ticket_types.get(&item.ticket_type_id));
        Self {
            id: Some(booking.id.item(position)),
            ticket_type_name: name.map(String::as_str),
            status: Some(booking.status_of(position).into()),
            attendee: booking.attendees.get(position).map(AttendeeJson::from),
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
    /// The sums of the items' parts, as of a booking.
    discount: Money,
    fees: Money,
    tax: Money,
    /// Whether the tax is contained in the total, or was added to it.
    tax_included: bool,
    /// What the booking of these places will cost.
    total: Money,
    /// The code that it was made with, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    promo_code: Option<&'a str>,
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
            discount: hold.sum_of(|item| item.discount),
            fees: hold.sum_of(|item| item.fee),
            tax: hold.sum_of(|item| item.tax),
            tax_included: hold.tax_included,
            total: hold.total,
            promo_code: code_name(hold.promo_code.as_deref()),
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
    /// The sums of the items' parts. They and the total stay as they were charged, also when items are cancelled.
    discount: Money,
    fees: Money,
    tax: Money,
    /// Whether the tax is contained in the total, or was added to it.
    tax_included: bool,
    /// What is, or was, to be paid: the items' prices − `discount` + `fees`, + `tax` unless that is included.
    total: Money,
    /// What goes back of it, or has gone back.
    refunded: Money,
    /// The code that it was made with, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    promo_code: Option<&'a str>,
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
            discount: booking.discount,
            fees: booking.fees,
            tax: booking.tax,
            tax_included: booking.tax_included,
            total: booking.total,
            refunded: booking.refunded,
            promo_code: code_name(booking.promo_code.as_deref()),
            expires_at: booking.ends_at().filter(|_| booking.status != BookingStatus::Confirmed),
            created_at: booking.created_at,
            updated_at: booking.updated_at,
        }
    }
}

fn code_name(code: Option<&AppliedCode>) -> Option<&str> {
    code.map(|code| code.name.as_str())
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
