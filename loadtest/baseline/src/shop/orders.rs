//! Free places become a hold or a booking, and a hold becomes a booking.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use boxoffice_http::problem::Problem;
use deadpool_postgres::{GenericClient, Pool, Transaction};
use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, IdempotencyKey, Item, Source},
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, SeatId, SectionId, TicketTypeId},
    money::{Currency, Money},
    refusal::{Refusal, TakenSeat},
    seat_maps::Seat,
    selection::{Choice, Selection},
    validation::FieldError,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
use uuid::Uuid;

use super::statements;

/// What the handlers share.
pub(crate) struct Shop {
    pub(crate) pool: Pool,
    /// How long a hold keeps its places.
    pub(crate) hold: SignedDuration,
}

/// What places become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hold,
    Booking,
}

/// Who wants what, without the places.
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) account: AccountId,
    pub(super) event: EventId,
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: Fingerprint,
}

/// A place as it is kept in `holds.items`.
#[derive(Debug, Deserialize, Serialize)]
struct KeptItem {
    ticket_type_id: Uuid,
    quota_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seat_id: Option<Uuid>,
    #[serde(with = "rust_decimal::serde::str")]
    price: Decimal,
}

impl From<&Item> for KeptItem {
    fn from(item: &Item) -> Self {
        let (ticket_type_id, quota_id, seat_id) = (item.ticket_type_id.0, item.quota_id.0, seat_of(item));
        Self { ticket_type_id, quota_id, seat_id, price: item.price }
    }
}

impl From<KeptItem> for Item {
    fn from(kept: KeptItem) -> Self {
        let nameless = |id| Arc::new(seat(id, "", "", ""));
        let (ticket_type_id, quota_id) = (TicketTypeId(kept.ticket_type_id), QuotaId(kept.quota_id));
        Self::at_price(ticket_type_id, quota_id, kept.seat_id.map(nameless), kept.price)
    }
}

fn seat(id: Uuid, section: &str, row: &str, label: &str) -> Seat {
    let (section_id, accessible) = (SectionId(id), false);
    Seat { id: SeatId(id), section_id, section: section.into(), row: row.into(), label: label.into(), accessible }
}

fn seat_of(item: &Item) -> Option<Uuid> {
    item.seat.as_ref().map(|seat| seat.id.0)
}

/// The seats that are asked for, by their ids.
pub(super) type Seats = HashMap<Uuid, Arc<Seat>>;
type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The rows of a statement that is prepared once a connection.
async fn rows(client: &impl GenericClient, statement: &str, with: Parameters<'_>) -> Result<Vec<Row>, Problem> {
    let statement = client.prepare_cached(statement).await.map_err(failed)?;
    client.query(&statement, with).await.map_err(failed)
}

/// How many rows such a statement has written.
async fn execute(client: &impl GenericClient, statement: &str, with: Parameters<'_>) -> Result<u64, Problem> {
    let statement = client.prepare_cached(statement).await.map_err(failed)?;
    client.execute(&statement, with).await.map_err(failed)
}

/// Free places, under the lock of their quotas. `None` when the key is taken.
pub(super) async fn place(
    shop: &Shop,
    transaction: &Transaction<'_>,
    order: &Order,
    selection: &Selection,
    seats: &Seats,
) -> Result<Option<Booking>, Problem> {
    let types: Vec<Uuid> = selection.lines().iter().map(|line| line.ticket_type_id.0).collect();
    let sold = rows(transaction, statements::LOCK, &[&order.event.0, &types]).await?;
    let (id, at) = (BookingId::generate().0, Timestamp::now());
    let (items, total) = decide(&sold, selection, seats, at)?;
    let expires_at = at.saturating_add(shop.hold).ok().filter(|_| order.kind == Kind::Hold);
    let booking = booking(order, id, items, total, at, expires_at, None);
    let is_new = match order.kind {
        Kind::Hold => insert_hold(transaction, &booking).await?,
        Kind::Booking => insert_booking(transaction, &booking).await?,
    };
    if !is_new {
        return Ok(None);
    }
    let is_sold = order.kind == Kind::Booking;
    let seats: Vec<Uuid> = booking.items.iter().filter_map(seat_of).collect();
    if !seats.is_empty() {
        let claimed = execute(transaction, statements::CLAIMS, &[&order.event.0, &seats, &id, &is_sold]).await?;
        if claimed < seats.len() as u64 {
            let taken = seats.iter().enumerate().map(|(at, seat)| TakenSeat { id: SeatId(*seat), line: 0, at });
            return Err(Refusal::SeatsTaken(taken.collect()).into());
        }
    }
    count(transaction, &booking.items, if is_sold { (0, 1) } else { (1, 0) }).await?;
    Ok(Some(booking))
}

/// Books what a hold keeps. `None` when the key is taken.
pub(super) async fn convert(
    transaction: &Transaction<'_>,
    order: &Order,
    hold: Uuid,
) -> Result<Option<Booking>, Problem> {
    let (at, event) = (Timestamp::now(), order.event.0);
    let held = rows(transaction, statements::LOCK_HOLD, &[&hold, &event, &order.account.0]).await?;
    let held = held.first().ok_or(Refusal::HoldGone)?;
    if held.get::<_, &str>("status") != "ACTIVE" || held.get::<_, Timestamp>("expires_at") <= at {
        return Err(Refusal::HoldGone.into());
    }
    let (items, total) = kept(held)?;
    let booking = booking(order, BookingId::generate().0, items, total, at, None, Some(HoldId(hold)));
    let quotas: Vec<Uuid> = booking.items.iter().map(|item| item.quota_id.0).collect();
    rows(transaction, statements::LOCK_QUOTAS, &[&quotas]).await?;
    execute(transaction, statements::CONVERT_HOLD, &[&hold, &at]).await?;
    if !insert_booking(transaction, &booking).await? {
        return Ok(None);
    }
    let seats: Vec<Uuid> = booking.items.iter().filter_map(seat_of).collect();
    if !seats.is_empty() {
        execute(transaction, statements::HAND_OVER_CLAIMS, &[&event, &seats, &hold, &booking.id.0]).await?;
    }
    count(transaction, &booking.items, (-1, 1)).await?;
    Ok(Some(booking))
}

/// What an earlier request has made under the key of `order`, if anything; a refusal when that request was another.
pub(super) async fn earlier(client: &impl GenericClient, order: &Order) -> Result<Option<Booking>, Problem> {
    let statement = match order.kind {
        Kind::Hold => statements::HOLD_BY_KEY,
        Kind::Booking => statements::BOOKING_BY_KEY,
    };
    let found = rows(client, statement, &[&order.account.0, &order.key.as_str()]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    if row.get::<_, Uuid>("fingerprint") != order.fingerprint.0 || EventId(row.get("event_id")) != order.event {
        return Err(Refusal::KeyReused.into());
    }
    let (items, total) = kept(row)?;
    Ok(Some(booking(order, row.get("id"), items, total, row.get("created_at"), row.get("expires_at"), None)))
}

/// Items and their total, of a row that has both.
fn kept(row: &Row) -> Result<(Arc<[Item]>, Money), Problem> {
    let currency: Currency = row.get::<_, &str>("currency").parse().map_err(Problem::internal)?;
    let Json(items) = row.get::<_, Json<Vec<KeptItem>>>("items");
    Ok((items.into_iter().map(Item::from).collect(), Money::new(row.get("total"), currency)))
}

/// The rules, on rows that nobody else can change now.
fn decide(rows: &[Row], selection: &Selection, seats: &Seats, at: Timestamp) -> Result<(Arc<[Item]>, Money), Problem> {
    let mut items = Vec::new();
    let mut left: HashMap<Uuid, i64> = HashMap::new();
    let mut currency: Option<Currency> = None;
    for line in selection.lines() {
        let row = rows.iter().find(|row| row.get::<_, Uuid>("id") == line.ticket_type_id.0);
        let row = row.ok_or_else(Problem::not_found)?;
        let (opens, closes): (Timestamp, Timestamp) = (row.get("opens"), row.get("closes"));
        if row.get::<_, &str>("status") != "PUBLISHED" || at < opens || closes <= at {
            return Err(Refusal::NotOnSale("the event is not on sale now").into());
        }
        let (asked, seated) = (line.choice.places(), matches!(line.choice, Choice::Seats(_)));
        if row.get::<_, bool>("seated") != seated {
            let fault = FieldError::new("items", "INVALID", "name seats for seated tickets only");
            return Err(Problem::invalid(vec![fault]));
        }
        let limits: (i32, i32) = (row.get("min_per_booking"), row.get("max_per_booking"));
        if i64::from(asked) < i64::from(limits.0) || i64::from(asked) > i64::from(limits.1) {
            return Err(Refusal::Limit(format!("a booking may have {} to {} places", limits.0, limits.1)).into());
        }
        let quota: Uuid = row.get("quota_id");
        let counters: (i32, i32, i32) = (row.get("capacity"), row.get("held"), row.get("sold"));
        let left = left.entry(quota).or_insert(i64::from(counters.0 - counters.1 - counters.2));
        if *left < i64::from(asked) {
            let left = u32::try_from(*left).unwrap_or_default();
            return Err(Refusal::SoldOut { ticket_type_id: line.ticket_type_id, left, asked }.into());
        }
        *left -= i64::from(asked);
        currency = Some(row.get::<_, &str>("currency").parse().map_err(Problem::internal)?);
        let (ticket_type_id, quota_id, price) = (line.ticket_type_id, QuotaId(quota), row.get("price"));
        let item = |seat| Item::at_price(ticket_type_id, quota_id, seat, price);
        match &line.choice {
            Choice::Quantity(_) => items.extend((0..asked).map(|_| item(None))),
            Choice::Seats(wanted) => items.extend(wanted.iter().map(|seat| item(seats.get(&seat.0).cloned()))),
            Choice::BestAvailable { .. } | Choice::WholeSection(_) => {
                return Err(Problem::internal("the baseline sells no best seats"));
            }
        }
    }
    let amount = items.iter().map(|item| item.price).sum();
    Ok((items.into(), Money::new(amount, currency.ok_or_else(Problem::not_found)?)))
}

/// What was made, also of a hold.
fn booking(
    order: &Order,
    id: Uuid,
    items: Arc<[Item]>,
    total: Money,
    at: Timestamp,
    expires_at: Option<Timestamp>,
    hold_id: Option<HoldId>,
) -> Booking {
    let nothing = Money::new(Decimal::ZERO, total.currency);
    Booking {
        id: BookingId(id),
        event_id: order.event,
        account_id: order.account,
        status: BookingStatus::Confirmed,
        items,
        cancelled: Default::default(),
        discount: nothing,
        fees: nothing,
        tax: nothing,
        tax_included: true,
        total,
        refunded: nothing,
        promo_code: None,
        attendees: Default::default(),
        hold_id,
        key: order.key.clone(),
        fingerprint: order.fingerprint,
        expires_at,
        extended_until: None,
        created_at: at,
        updated_at: at,
    }
}

/// Whether the key was free.
async fn insert_booking(transaction: &Transaction<'_>, booking: &Booking) -> Result<bool, Problem> {
    let Booking { id, event_id, account_id, items, total, hold_id, key, fingerprint, created_at, .. } = booking;
    let (quantity, hold) = (i16::try_from(items.len()).unwrap_or(i16::MAX), hold_id.map(|hold| hold.0));
    let (account, key, currency) = (account_id.0, key.as_str(), total.currency.as_str());
    let with: Parameters<'_> =
        &[&id.0, &event_id.0, &account, &quantity, &total.amount, &currency, &hold, &key, &fingerprint.0, created_at];
    if execute(transaction, statements::BOOKING, with).await? == 0 {
        return Ok(false);
    }
    let positions: Vec<i16> = (0..quantity).collect();
    let types: Vec<Uuid> = items.iter().map(|item| item.ticket_type_id.0).collect();
    let seats: Vec<Option<Uuid>> = items.iter().map(seat_of).collect();
    let prices: Vec<Decimal> = items.iter().map(|item| item.price).collect();
    execute(transaction, statements::ITEMS, &[&id.0, &positions, &types, &seats, &prices]).await?;
    Ok(true)
}

/// Whether the key was free.
async fn insert_hold(transaction: &Transaction<'_>, hold: &Booking) -> Result<bool, Problem> {
    let Booking { id, event_id, account_id, items, total, key, fingerprint, expires_at, created_at, .. } = hold;
    let items = Json(items.iter().map(KeptItem::from).collect::<Vec<_>>());
    let (account, key, currency) = (account_id.0, key.as_str(), total.currency.as_str());
    let with: Parameters<'_> =
        &[&id.0, &event_id.0, &account, &items, &total.amount, &currency, &key, &fingerprint.0, expires_at, created_at];
    Ok(execute(transaction, statements::HOLD, with).await? > 0)
}

/// Adds (held, sold) a place to the quotas of `items`.
async fn count(transaction: &Transaction<'_>, items: &[Item], (held, sold): (i32, i32)) -> Result<(), Problem> {
    let mut places: BTreeMap<Uuid, i32> = BTreeMap::new();
    for item in items {
        *places.entry(item.quota_id.0).or_default() += 1;
    }
    for (quota, places) in places {
        execute(transaction, statements::COUNT, &[&quota, &(held * places), &(sold * places)]).await?;
    }
    Ok(())
}

/// The seats that are asked for, before any lock. 422 when a ticket type does not sell one of them.
pub(super) async fn find_seats(client: &impl GenericClient, source: &Source) -> Result<Seats, Problem> {
    let Source::Selection(selection) = source else { return Ok(Seats::new()) };
    let mut wanted: Vec<(Uuid, Uuid)> = Vec::new();
    for line in selection.lines() {
        if let Choice::Seats(seats) = &line.choice {
            wanted.extend(seats.iter().map(|seat| (line.ticket_type_id.0, seat.0)));
        }
    }
    if wanted.is_empty() {
        return Ok(Seats::new());
    }
    let (types, seats): (Vec<Uuid>, Vec<Uuid>) = wanted.iter().copied().unzip();
    let named = |row: &Row| {
        let seat = seat(row.get("id"), row.get("section"), row.get("row"), row.get("label"));
        ((row.get("ticket_type_id"), row.get("id")), Arc::new(seat))
    };
    let found: HashMap<(Uuid, Uuid), Arc<Seat>> =
        rows(client, statements::SEATS, &[&seats, &types]).await?.iter().map(named).collect();
    let seats: Option<Seats> = wanted.iter().map(|of| Some((of.1, found.get(of)?.clone()))).collect();
    seats.ok_or_else(|| Problem::invalid(vec![FieldError::new("seatIds", "UNKNOWN", "there is no such seat")]))
}

/// What a failed statement means to the client. The transaction is rolled back when it is dropped.
pub(super) fn failed(error: tokio_postgres::Error) -> Problem {
    if error.as_db_error().is_some() {
        return Problem::internal(error);
    }
    Problem::unavailable(Duration::from_secs(1), error)
}
