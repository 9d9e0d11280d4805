//! Row mapping: rows of the database as values of the domain.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use domain::{
    accounts::{EmailAddress, PersonName},
    bookings::{Attendee, Booking, Fingerprint, Hold, IdempotencyKey, Item, Positions},
    ids::{AccountId, BookingId, EventId, HoldId, PromoCodeId, QuotaId, SeatId, SectionId, TicketTypeId},
    money::{Currency, Money, Percentage},
    promo_codes::{AppliedCode, CodeName},
    seat_maps::Seat,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::connection::Statements;
pub use super::errors::StoreError;

/// A text column as one of the domain's enumerations.
pub(crate) fn parse<T: FromStr>(text: &str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| StoreError::Row(error.to_string()))
}

/// The entries of a list. A row that can't be read is left out and logged, and does not take the others with it; anyone who asks for the
/// thing itself is told of the failure.
pub(crate) fn readable<T>(rows: &[Row], entry: impl Fn(&Row) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    those_readable(rows.iter().map(|row| (row, entry(row))))
}

/// The same of rows that were read already, each by itself.
pub(crate) fn those_readable<'a, T>(
    entries: impl Iterator<Item = (&'a Row, Result<T, StoreError>)>,
) -> Result<Vec<T>, StoreError> {
    let mut readable = Vec::with_capacity(entries.size_hint().0);
    for (row, entry) in entries {
        match entry {
            Ok(entry) => readable.push(entry),
            Err(error) if error.is_of_one_row() => {
                let id = row.try_get::<_, Uuid>("id").ok().map(tracing::field::display);
                tracing::error!(id, %error, "a row that can't be read is left out of a list");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(readable)
}

/// A column that is never negative.
pub(crate) fn unsigned(row: &Row, column: &str) -> Result<u32, StoreError> {
    u32::try_from(row.try_get::<_, i32>(column)?).map_err(|error| StoreError::Row(format!("{column}: {error}")))
}

/// One that may be empty.
pub(crate) fn perhaps_unsigned(row: &Row, column: &str) -> Result<Option<u32>, StoreError> {
    let number: Option<i32> = row.try_get(column)?;
    number.map(u32::try_from).transpose().map_err(|error| StoreError::Row(format!("{column}: {error}")))
}

/// A column of rates from 0 to 1 that may be empty.
pub(crate) fn perhaps_rate(row: &Row, column: &str) -> Result<Option<Percentage>, StoreError> {
    let fraction: Option<Decimal> = row.try_get(column)?;
    fraction.map(|fraction| rate(fraction, column)).transpose()
}

/// A rate from 0 to 1.
pub(crate) fn rate(fraction: Decimal, of: &str) -> Result<Percentage, StoreError> {
    Percentage::new(fraction).ok_or_else(|| StoreError::Row(format!("{of}: {fraction} is no rate")))
}

/// A number for a column of signed ones; the domain has checked its bounds.
pub(crate) fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn key(text: &str) -> Result<IdempotencyKey, StoreError> {
    IdempotencyKey::parse(text).ok_or_else(|| StoreError::Row("an idempotency key".to_owned()))
}

/// An item of a hold as it is kept in `holds.items`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredItem {
    ticket_type_id: TicketTypeId,
    quota_id: QuotaId,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_id: Option<SeatId>,
    #[serde(with = "rust_decimal::serde::str")]
    price: Decimal,
    #[serde(default, with = "rust_decimal::serde::str", skip_serializing_if = "Decimal::is_zero")]
    discount: Decimal,
    #[serde(default, with = "rust_decimal::serde::str", skip_serializing_if = "Decimal::is_zero")]
    fee: Decimal,
    #[serde(default, with = "rust_decimal::serde::str", skip_serializing_if = "Decimal::is_zero")]
    tax: Decimal,
}

impl From<&Item> for StoredItem {
    fn from(item: &Item) -> Self {
        Self {
            ticket_type_id: item.ticket_type_id,
            quota_id: item.quota_id,
            seat_id: item.seat.as_ref().map(|seat| seat.id),
            price: item.price,
            discount: item.discount,
            fee: item.fee,
            tax: item.tax,
        }
    }
}

/// Columns of a hold, for [`hold`].
pub(crate) const HOLD_COLUMNS: &str = "h.id, h.event_id, h.account_id, h.status::text AS status, h.items, h.tax_included, \
    h.total, h.currency::text AS currency, h.promo_code_id, (SELECT code FROM promo_codes WHERE id = h.promo_code_id) AS promo_code, \
    h.idempotency_key, h.fingerprint, h.expires_at, h.extended_until, \
    h.created_at, h.updated_at";

/// Seats by their ids, as far as they are known.
pub(crate) type SeatsById = HashMap<SeatId, Arc<Seat>>;

/// The items of a hold's row, before their seats are known.
pub(crate) fn stored_items(row: &Row) -> Result<Vec<StoredItem>, StoreError> {
    let items: tokio_postgres::types::Json<Vec<StoredItem>> = row.try_get("items")?;
    Ok(items.0)
}

/// The seats that items name.
pub(crate) fn named_seats(items: &[StoredItem]) -> impl Iterator<Item = SeatId> + '_ {
    items.iter().filter_map(|item| item.seat_id)
}

/// A hold from its row. A seat that is not known any more, because its map was deleted after the hold had ended, is left out: the
/// place, its ticket type and its price are shown all the same.
pub(crate) fn hold(
    row: &Row,
    items: Vec<StoredItem>,
    seat: impl Fn(SeatId) -> Option<Arc<Seat>>,
) -> Result<Hold, StoreError> {
    let item = |stored: StoredItem| {
        let StoredItem { ticket_type_id, quota_id, seat_id, price, discount, fee, tax } = stored;
        Item { ticket_type_id, quota_id, seat: seat_id.and_then(&seat), price, discount, fee, tax }
    };
    let items: Vec<_> = items.into_iter().map(item).collect();
    let currency: Currency = parse(row.try_get("currency")?)?;
    Ok(Hold {
        id: HoldId(row.try_get("id")?),
        event_id: EventId(row.try_get("event_id")?),
        account_id: AccountId(row.try_get("account_id")?),
        status: parse(row.try_get("status")?)?,
        items: items.into(),
        tax_included: row.try_get("tax_included")?,
        total: Money::new(row.try_get("total")?, currency),
        promo_code: applied_code(row)?,
        key: key(row.try_get("idempotency_key")?)?,
        fingerprint: Fingerprint(row.try_get("fingerprint")?),
        expires_at: row.try_get("expires_at")?,
        extended_until: row.try_get("extended_until")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// The promo code of a hold or a booking. One that went with its event, as codes of holds that are over may, is left out.
fn applied_code(row: &Row) -> Result<Option<Arc<AppliedCode>>, StoreError> {
    let (id, name): (Option<Uuid>, Option<&str>) = (row.try_get("promo_code_id")?, row.try_get("promo_code")?);
    let named = |(id, name)| Arc::new(AppliedCode { id: PromoCodeId(id), name: CodeName::stored(name) });
    Ok(id.zip(name).map(named))
}

/// An amount that is not stored when it is nothing.
fn perhaps_amount(row: &Row, column: &str) -> Result<Decimal, StoreError> {
    Ok(row.try_get::<_, Option<Decimal>>(column)?.unwrap_or_default())
}

/// Columns of a booking, for [`booking`].
pub(crate) const BOOKING_COLUMNS: &str = "b.id, b.event_id, b.account_id, b.status::text AS status, b.tax_included, \
    b.discount, b.fees, b.tax, b.total, b.currency::text AS currency, b.promo_code_id, \
    (SELECT code FROM promo_codes WHERE id = b.promo_code_id) AS promo_code, \
    CASE WHEN b.total > 0 THEN (SELECT sum(amount) FROM refunds WHERE booking_id = b.id AND state <> 'FAILED') END AS refunded, b.hold_id, b.idempotency_key, b.fingerprint, b.expires_at, b.extended_until, \
    b.created_at, b.updated_at";

/// A booking from its row and its items.
pub(crate) fn booking(row: &Row, items: ReadBookingItems) -> Result<Booking, StoreError> {
    let ReadBookingItems { items, cancelled, attendees } = items;
    let currency: Currency = parse(row.try_get("currency")?)?;
    Ok(Booking {
        id: BookingId(row.try_get("id")?),
        event_id: EventId(row.try_get("event_id")?),
        account_id: AccountId(row.try_get("account_id")?),
        status: parse(row.try_get("status")?)?,
        items: items.into(),
        cancelled,
        discount: Money::new(perhaps_amount(row, "discount")?, currency),
        fees: Money::new(row.try_get("fees")?, currency),
        tax: Money::new(row.try_get("tax")?, currency),
        tax_included: row.try_get("tax_included")?,
        total: Money::new(row.try_get("total")?, currency),
        refunded: Money::new(perhaps_amount(row, "refunded")?, currency),
        promo_code: applied_code(row)?,
        attendees: attendees.into_iter().collect(),
        hold_id: row.try_get::<_, Option<Uuid>>("hold_id")?.map(HoldId),
        key: key(row.try_get("idempotency_key")?)?,
        fingerprint: Fingerprint(row.try_get("fingerprint")?),
        expires_at: row.try_get("expires_at")?,
        extended_until: row.try_get("extended_until")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// Bookings from their rows, with the items of all of them read by one statement.
pub(crate) async fn bookings(client: &impl Statements, rows: &[Row]) -> Result<Vec<Booking>, StoreError> {
    readable_bookings(client, rows).await?.into_iter().collect()
}

/// The same, each by itself: one that can't be read says nothing about the others.
pub(crate) async fn readable_bookings(
    client: &impl Statements,
    rows: &[Row],
) -> Result<Vec<Result<Booking, StoreError>>, StoreError> {
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<Uuid>, _>>()?;
    let mut items = booking_items(client, &ids).await?;
    let of = |(row, id)| booking(row, items.remove(id).unwrap_or_else(|| Ok(Default::default()))?);
    Ok(rows.iter().zip(&ids).map(of).collect())
}

/// As [`those_readable`], of a page: if none can be read, that is a failure. Nobody could go on from a page without entries.
pub(crate) fn some_readable<'a, T>(
    entries: impl Iterator<Item = (&'a Row, Result<T, StoreError>)>,
) -> Result<Vec<T>, StoreError> {
    let mut first = None;
    let entries = entries.map(|(row, entry)| match entry {
        Err(error) if first.is_none() && error.is_of_one_row() => {
            first = Some(error.to_string());
            (row, Err(error))
        }
        entry => (row, entry),
    });
    let readable = those_readable(entries)?;
    match first {
        Some(error) if readable.is_empty() => Err(StoreError::Row(error)),
        _ => Ok(readable),
    }
}

/// Reads the items of bookings, in their order.
const BOOKING_ITEMS: &str = "SELECT i.booking_id, i.ticket_type_id, t.quota_id, i.seat_id, i.price, i.discount, i.fee, i.tax, \
    a.name AS attendee, a.email AS attendee_email, \
    s.label, s.accessible, r.label AS row, coalesce(c.first_id, c.id) AS section_id, c.name AS section, \
    i.cancelled \
    FROM (SELECT booking_id, position, ticket_type_id, seat_id, price, discount, fee, tax, false AS cancelled FROM booking_items \
            WHERE booking_id = ANY($1) \
        UNION ALL SELECT booking_id, position, ticket_type_id, seat_id, price, discount, fee, tax, true FROM cancelled_items \
            WHERE booking_id = ANY($1)) i \
    LEFT JOIN attendees a ON a.booking_id = i.booking_id AND a.position = i.position \
    JOIN ticket_types t ON t.id = i.ticket_type_id LEFT JOIN seats s ON s.id = i.seat_id LEFT JOIN seat_rows r ON r.id = s.row_id \
    LEFT JOIN sections c ON c.id = r.section_id \
    ORDER BY i.booking_id, i.position";

/// What is read of a booking beside its row.
#[derive(Default)]
pub(crate) struct ReadBookingItems {
    items: Vec<Item>,
    cancelled: Positions,
    attendees: Vec<Attendee>,
}

type ReadItems = HashMap<Uuid, Result<ReadBookingItems, StoreError>>;

async fn booking_items(client: &impl Statements, ids: &[Uuid]) -> Result<ReadItems, StoreError> {
    let mut items = ReadItems::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(items);
    }
    for row in client.query_typed(BOOKING_ITEMS, &[(&ids, Type::UUID_ARRAY)]).await? {
        let of_booking = items.entry(row.try_get("booking_id")?).or_insert_with(|| Ok(Default::default()));
        match (booking_item(&row), &mut *of_booking) {
            (Ok((item, is_cancelled, attendee)), Ok(read)) => {
                if is_cancelled {
                    read.cancelled = read.cancelled.with(read.items.len() as u8);
                }
                read.items.push(item);
                read.attendees.extend(attendee);
            }
            (Err(error), _) => *of_booking = Err(error),
            (_, Err(_)) => {}
        }
    }
    Ok(items)
}

/// With whether it was cancelled, and who has it: the first of a booking are named, or all.
fn booking_item(row: &Row) -> Result<(Item, bool, Option<Attendee>), StoreError> {
    let seat_id: Option<Uuid> = row.try_get("seat_id")?;
    let item = Item {
        ticket_type_id: TicketTypeId(row.try_get("ticket_type_id")?),
        quota_id: QuotaId(row.try_get("quota_id")?),
        seat: seat_id.map(|id| seat(row, SeatId(id)).map(Arc::new)).transpose()?,
        price: row.try_get("price")?,
        discount: perhaps_amount(row, "discount")?,
        fee: perhaps_amount(row, "fee")?,
        tax: perhaps_amount(row, "tax")?,
    };
    let email: Option<&str> = row.try_get("attendee_email")?;
    let named = |name| Attendee { name: PersonName::stored(name), email: email.map(EmailAddress::stored) };
    Ok((item, row.try_get("cancelled")?, row.try_get::<_, Option<&str>>("attendee")?.map(named)))
}

fn seat(row: &Row, id: SeatId) -> Result<Seat, StoreError> {
    Ok(Seat {
        id,
        section_id: SectionId(row.try_get("section_id")?),
        section: row.try_get::<_, &str>("section")?.into(),
        row: row.try_get::<_, &str>("row")?.into(),
        label: row.try_get::<_, &str>("label")?.into(),
        accessible: row.try_get("accessible")?,
    })
}

const SEATS: &str = "SELECT s.id, s.label, s.accessible, r.label AS row, coalesce(c.first_id, c.id) AS section_id, c.name AS section \
    FROM seats s JOIN seat_rows r ON r.id = s.row_id JOIN sections c ON c.id = r.section_id WHERE s.id = ANY($1)";

/// The seats with these ids.
pub(crate) async fn seats_by_id(client: &impl Statements, ids: &[SeatId]) -> Result<SeatsById, StoreError> {
    if ids.is_empty() {
        return Ok(SeatsById::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = client.query_typed(SEATS, &[(&ids, Type::UUID_ARRAY)]).await?;
    rows.iter()
        .map(|row| {
            let id = SeatId(row.try_get("id")?);
            Ok((id, Arc::new(seat(row, id)?)))
        })
        .collect()
}
