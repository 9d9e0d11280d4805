//! Free places become a hold or a booking.

use std::collections::{BTreeMap, HashMap};

use boxoffice_http::problem::Problem;
use deadpool_postgres::{Object, Transaction};
use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, EventId, HoldId, SeatId, TicketTypeId},
    money::{Currency, Money},
    refusal::{Refusal, TakenSeat},
    selection::{Choice, Selection},
    validation::FieldError,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::{
    Made, Shop, connection, failed,
    json::{Item, ItemJson, Receipt, SeatJson},
    replay, statements,
};

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

/// What was decided under the lock.
pub(super) struct Decision {
    pub(super) items: Vec<Item>,
    pub(super) total: Money,
    pub(super) at: Timestamp,
}

/// Seats and their words, by id.
pub(super) type Seats = HashMap<Uuid, SeatJson>;

/// Places free places in a hold or a booking, in one transaction.
pub(super) async fn place(shop: &Shop, order: &Order, selection: &Selection) -> Result<Made, Problem> {
    let mut client = connection(shop).await?;
    let seats = find_seats(&client, selection).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    match write(shop, &transaction, order, selection).await {
        Ok(Some((id, decision))) => {
            transaction.commit().await.map_err(failed)?;
            let expires_at = (order.kind == Kind::Hold).then(|| decision.at.saturating_add(shop.hold).ok()).flatten();
            Ok(Made { receipt: receipt(order, id, decision, &seats, expires_at)?, replayed: false })
        }
        // Taken key or refusal: what was made under the key, if anything, is the answer.
        other => {
            transaction.rollback().await.map_err(failed)?;
            match replay::find(&client, order).await? {
                Some(receipt) => Ok(Made { receipt, replayed: true }),
                None => Err(other.err().unwrap_or_else(|| Problem::internal("the key is taken and is not there"))),
            }
        }
    }
}

/// `None` when the key is taken.
async fn write(
    shop: &Shop,
    transaction: &Transaction<'_>,
    order: &Order,
    selection: &Selection,
) -> Result<Option<(Uuid, Decision)>, Problem> {
    let types: Vec<Uuid> = selection.lines().iter().map(|line| line.ticket_type_id.0).collect();
    let statement = transaction.prepare_cached(statements::LOCK).await.map_err(failed)?;
    let rows = transaction.query(&statement, &[&order.event.0, &types]).await.map_err(failed)?;
    let decision = decide(&rows, selection)?;
    if let Some(limit) = rows.first().and_then(|row| row.get::<_, Option<i32>>("max_per_account")) {
        let statement = transaction.prepare_cached(statements::PLACES_OF_ACCOUNT).await.map_err(failed)?;
        let row = transaction.query_one(&statement, &[&order.event.0, &order.account.0]).await.map_err(failed)?;
        if row.get::<_, i64>(0) + decision.items.len() as i64 > i64::from(limit) {
            return Err(Refusal::Limit(format!("an account may have {limit} places")).into());
        }
    }
    let id = match order.kind {
        Kind::Hold => insert_hold(shop, transaction, order, &decision).await?,
        Kind::Booking => insert_booking(transaction, order, &decision, None).await?,
    };
    let Some(id) = id else { return Ok(None) };
    let sold = order.kind == Kind::Booking;
    let seats: Vec<Uuid> = decision.items.iter().filter_map(|item| item.seat_id).collect();
    if !seats.is_empty() {
        let statement = transaction.prepare_cached(statements::CLAIMS).await.map_err(failed)?;
        let claimed = transaction.execute(&statement, &[&order.event.0, &seats, &id, &sold]).await.map_err(failed)?;
        if claimed < seats.len() as u64 {
            let taken = seats.iter().enumerate().map(|(at, seat)| TakenSeat { id: SeatId(*seat), line: 0, at });
            return Err(Refusal::SeatsTaken(taken.collect()).into());
        }
    }
    let change = if sold { (0, 1) } else { (1, 0) };
    count(transaction, &decision.items, change).await?;
    Ok(Some((id, decision)))
}

/// The rules, on rows that nobody else can change now.
fn decide(rows: &[Row], selection: &Selection) -> Result<Decision, Problem> {
    let at = Timestamp::now();
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
            return Err(Problem::invalid(vec![FieldError::new(
                "items",
                "INVALID",
                "name seats for seated tickets only",
            )]));
        }
        let limits: (i32, i32) = (row.get("min_per_booking"), row.get("max_per_booking"));
        if i64::from(asked) < i64::from(limits.0) || i64::from(asked) > i64::from(limits.1) {
            return Err(Refusal::Limit(format!("a booking may have {} to {} places", limits.0, limits.1)).into());
        }
        let quota_id: Uuid = row.get("quota_id");
        let counters: (i32, i32, i32) = (row.get("capacity"), row.get("held"), row.get("sold"));
        let left = left.entry(quota_id).or_insert(i64::from(counters.0 - counters.1 - counters.2));
        if *left < i64::from(asked) {
            let left = u32::try_from(*left).unwrap_or_default();
            return Err(Refusal::SoldOut { ticket_type_id: line.ticket_type_id, left, asked }.into());
        }
        *left -= i64::from(asked);
        currency = Some(row.get::<_, &str>("currency").parse().map_err(Problem::internal)?);
        let item = |seat_id| Item { ticket_type_id: line.ticket_type_id.0, quota_id, seat_id, price: row.get("price") };
        match &line.choice {
            Choice::Quantity(_) => items.extend((0..asked).map(|_| item(None))),
            Choice::Seats(seats) => items.extend(seats.iter().map(|seat| item(Some(seat.0)))),
            // The JSON of the baseline has no such lines.
            Choice::BestAvailable { .. } | Choice::WholeSection(_) => {
                return Err(Problem::internal("the baseline sells no best seats"));
            }
        }
    }
    let amount = items.iter().map(|item| item.price).sum();
    let currency = currency.ok_or_else(Problem::not_found)?;
    Ok(Decision { items, total: Money::new(amount, currency), at })
}

pub(super) async fn insert_booking(
    transaction: &Transaction<'_>,
    order: &Order,
    decision: &Decision,
    hold: Option<Uuid>,
) -> Result<Option<Uuid>, Problem> {
    let id = BookingId::generate().0;
    let Decision { items, total, at } = decision;
    let statement = transaction.prepare_cached(statements::BOOKING).await.map_err(failed)?;
    let quantity = i16::try_from(items.len()).unwrap_or(i16::MAX);
    let (key, currency) = (order.key.as_str(), total.currency.as_str());
    let written = transaction
        .execute(
            &statement,
            &[
                &id,
                &order.event.0,
                &order.account.0,
                &quantity,
                &total.amount,
                &currency,
                &hold,
                &key,
                &order.fingerprint.0,
                at,
            ],
        )
        .await
        .map_err(failed)?;
    if written == 0 {
        return Ok(None);
    }
    let statement = transaction.prepare_cached(statements::ITEMS).await.map_err(failed)?;
    let positions: Vec<i16> = (0..quantity).collect();
    let types: Vec<Uuid> = items.iter().map(|item| item.ticket_type_id).collect();
    let seats: Vec<Option<Uuid>> = items.iter().map(|item| item.seat_id).collect();
    let prices: Vec<Decimal> = items.iter().map(|item| item.price).collect();
    transaction.execute(&statement, &[&id, &positions, &types, &seats, &prices]).await.map_err(failed)?;
    Ok(Some(id))
}

async fn insert_hold(
    shop: &Shop,
    transaction: &Transaction<'_>,
    order: &Order,
    decision: &Decision,
) -> Result<Option<Uuid>, Problem> {
    let id = HoldId::generate().0;
    let Decision { items, total, at } = decision;
    let statement = transaction.prepare_cached(statements::HOLD).await.map_err(failed)?;
    let expires_at = at.saturating_add(shop.hold).map_err(Problem::internal)?;
    let (key, currency) = (order.key.as_str(), total.currency.as_str());
    let (event, account, fingerprint) = (order.event.0, order.account.0, order.fingerprint.0);
    let written = transaction
        .execute(
            &statement,
            &[&id, &event, &account, &Json(items), &total.amount, &currency, &key, &fingerprint, &expires_at, at],
        )
        .await
        .map_err(failed)?;
    Ok((written > 0).then_some(id))
}

/// Adds (held, sold) a place to the quotas of `items`.
pub(super) async fn count(
    transaction: &Transaction<'_>,
    items: &[Item],
    (held, sold): (i32, i32),
) -> Result<(), Problem> {
    let mut places: BTreeMap<Uuid, i32> = BTreeMap::new();
    for item in items {
        *places.entry(item.quota_id).or_default() += 1;
    }
    let statement = transaction.prepare_cached(statements::COUNT).await.map_err(failed)?;
    for (quota, places) in places {
        transaction.execute(&statement, &[&quota, &(held * places), &(sold * places)]).await.map_err(failed)?;
    }
    Ok(())
}

/// The seats that are asked for, before any lock. 422 when a ticket type does not sell one of them.
async fn find_seats(client: &Object, selection: &Selection) -> Result<Seats, Problem> {
    let mut wanted: Vec<(TicketTypeId, SeatId)> = Vec::new();
    for line in selection.lines() {
        if let Choice::Seats(seats) = &line.choice {
            wanted.extend(seats.iter().map(|seat| (line.ticket_type_id, *seat)));
        }
    }
    if wanted.is_empty() {
        return Ok(Seats::new());
    }
    let types: Vec<Uuid> = wanted.iter().map(|(ticket_type, _)| ticket_type.0).collect();
    let seats: Vec<Uuid> = wanted.iter().map(|(_, seat)| seat.0).collect();
    let statement = client.prepare_cached(statements::SEATS).await.map_err(failed)?;
    let rows = client.query(&statement, &[&seats, &types]).await.map_err(failed)?;
    let found: HashMap<(Uuid, Uuid), SeatJson> = rows
        .iter()
        .map(|row| {
            let seat = SeatJson { section: row.get("section"), row: row.get("row"), label: row.get("label") };
            ((row.get("ticket_type_id"), row.get("id")), seat)
        })
        .collect();
    let known =
        |(ticket_type, seat): &(TicketTypeId, SeatId)| Some((seat.0, found.get(&(ticket_type.0, seat.0))?.clone()));
    let seats: Option<Seats> = wanted.iter().map(known).collect();
    seats.ok_or_else(|| Problem::invalid(vec![FieldError::new("seatIds", "UNKNOWN", "there is no such seat")]))
}

pub(super) fn receipt(
    order: &Order,
    id: Uuid,
    decision: Decision,
    seats: &Seats,
    expires_at: Option<Timestamp>,
) -> Result<Receipt, Problem> {
    let Decision { items, total, at } = decision;
    let booking = order.kind == Kind::Booking;
    let item = |(item, position): (Item, u8)| ItemJson {
        id: booking.then(|| BookingId(id).item(position)),
        ticket_type_id: item.ticket_type_id,
        seat_id: item.seat_id,
        seat: item.seat_id.and_then(|seat| seats.get(&seat).cloned()),
        price: Money::new(item.price, total.currency),
    };
    let nothing = booking.then(|| Money::new(Decimal::ZERO, total.currency));
    Ok(Receipt {
        id,
        reference: booking.then(|| BookingId(id).reference()),
        status: if booking { "CONFIRMED" } else { "ACTIVE" },
        event_id: order.event.0,
        account_id: order.account.0,
        items: items.into_iter().zip(0..).map(item).collect(),
        fees: nothing,
        tax: nothing,
        total,
        expires_at,
        created_at: at,
        updated_at: at,
    })
}
