//! Reads everything an inventory starts from, in one snapshot.

use std::sync::{Arc, PoisonError};

use domain::{
    events::{Quota, SalePlan, SaleWindow},
    ids::{AccountId, EventId, QuotaId, SeatId, SeatMapId, SectionId},
    ledger::{LoadError, LoadedInventory, QuotaCount},
    seat_maps::{Seat, SeatMap},
};
use tokio_postgres::{IsolationLevel, Row, Transaction};
use uuid::Uuid;

use super::{
    super::{
        rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError, unsigned},
        ticket_types,
    },
    COUNTS, PgLedger, count, session, unavailable,
};

const EVENT: &str = "SELECT status::text AS status, starts_at, currency::text AS currency, max_per_account, \
    seat_map_id, sale_starts_at, sale_ends_at, clock_timestamp() AS now FROM events WHERE id = $1";

const QUOTAS: &str = "SELECT id, capacity FROM quotas WHERE event_id = $1 ORDER BY id";

/// A row of the answer is a row of seats: sorting a hundred thousand seats, and reading each as a row of its own, cost the
/// database nearly three times as much and this process twice as much.
const SEAT_MAP: &str = "SELECT c.id AS section_id, c.name AS section, r.label AS row, s.ids, s.labels, s.positions, \
    s.accessible FROM sections c JOIN seat_rows r ON r.section_id = c.id CROSS JOIN LATERAL ( \
        SELECT array_agg(id) AS ids, array_agg(label) AS labels, array_agg(position) AS positions, \
               array_agg(accessible) AS accessible FROM seats WHERE row_id = r.id HAVING count(*) > 0 \
    ) s WHERE c.seat_map_id = $1 ORDER BY c.position, r.position";

const CLAIMS: &str = "SELECT sold, array_agg(seat_id) AS seats FROM seat_claims WHERE event_id = $1 GROUP BY sold";

const BY_ACCOUNT: &str = "SELECT account_id, sum(quantity)::bigint AS places FROM bookings \
    WHERE event_id = $1 AND status IN ('PENDING_PAYMENT', 'CONFIRMED') GROUP BY account_id";

/// See [`domain::ledger::Ledger::load`].
pub(super) async fn load(ledger: &PgLedger, event: EventId, settle: bool) -> Result<LoadedInventory, LoadError> {
    if settle {
        session::settle(&ledger.pool, ledger.session).await.map_err(unavailable)?;
    }
    session::claim(&ledger.pool, ledger.session, event).await?;
    // The snapshot is taken after `settle`, so it holds whatever was in flight.
    let mut client = ledger.pool.get().await.map_err(unavailable)?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(unavailable)?;
    let loaded = read(ledger, &transaction, event).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    loaded.ok_or(LoadError::NoSuchEvent)
}

async fn read(
    ledger: &PgLedger,
    transaction: &Transaction<'_>,
    event: EventId,
) -> Result<Option<LoadedInventory>, StoreError> {
    let Some(row) = transaction.query_opt(EVENT, &[&event.0]).await? else { return Ok(None) };
    let max_per_account: Option<i32> = row.try_get("max_per_account")?;
    let sale = SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? };
    let seat_map_id: Option<Uuid> = row.try_get("seat_map_id")?;
    let seat_map = match seat_map_id {
        Some(id) => Some(seat_map(ledger, transaction, SeatMapId(id)).await?),
        None => None,
    };
    let plan = SalePlan {
        event_id: event,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        currency: rows::parse(row.try_get("currency")?)?,
        max_per_account: max_per_account.and_then(|max| u32::try_from(max).ok()),
        ticket_types: ticket_types::of_event(transaction, event, sale).await?,
        quotas: quotas(transaction, event).await?,
        seat_map,
        hold_for: ledger.options.hold,
        payment_for: ledger.options.payment,
    };
    let mut loaded = LoadedInventory {
        counts: counts(transaction, event).await?,
        claims: claims(transaction, event).await?,
        holds: holds(transaction, event, plan.seat_map.as_deref()).await?,
        pending: pending(transaction, event).await?,
        by_account: Vec::new(),
        now: row.try_get("now")?,
        plan,
    };
    if max_per_account.is_some() {
        loaded.by_account = by_account(transaction, &loaded).await?;
    }
    Ok(Some(loaded))
}

async fn quotas(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<Quota>, StoreError> {
    let rows = transaction.query(QUOTAS, &[&event.0]).await?;
    let quota = |row: &Row| Ok(Quota { id: QuotaId(row.try_get("id")?), capacity: unsigned(row, "capacity")? });
    rows.iter().map(quota).collect()
}

async fn counts(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<QuotaCount>, StoreError> {
    transaction.query(COUNTS, &[&event.0]).await?.iter().map(count).collect()
}

async fn seat_map(ledger: &PgLedger, transaction: &Transaction<'_>, id: SeatMapId) -> Result<Arc<SeatMap>, StoreError> {
    let known = ledger.seat_maps.lock().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(|map| map.upgrade());
    if let Some(map) = known {
        return Ok(map);
    }
    let rows = transaction.query(SEAT_MAP, &[&id.0]).await?;
    let mut seat_rows = Vec::with_capacity(rows.len());
    // Rows of one section share its name.
    let mut section: Option<(SectionId, Arc<str>)> = None;
    for row in &rows {
        let section_id = SectionId(row.try_get("section_id")?);
        let (_, name) = match section.take().filter(|(known, _)| *known == section_id) {
            Some(known) => section.insert(known),
            None => section.insert((section_id, row.try_get::<_, &str>("section")?.into())),
        };
        seat_rows.push(seat_row(row, section_id, name)?);
    }
    let map = Arc::new(SeatMap::of_rows(id, seat_rows));
    let mut maps = ledger.seat_maps.lock().unwrap_or_else(PoisonError::into_inner);
    maps.retain(|_, map| map.strong_count() > 0);
    maps.insert(id, Arc::downgrade(&map));
    Ok(map)
}

/// The seats of one row with their positions, from left to right.
fn seat_row(row: &Row, section_id: SectionId, section: &Arc<str>) -> Result<Vec<(i32, Seat)>, StoreError> {
    let label: Arc<str> = row.try_get::<_, &str>("row")?.into();
    let (ids, labels): (Vec<Uuid>, Vec<&str>) = (row.try_get("ids")?, row.try_get("labels")?);
    let (positions, accessible): (Vec<i32>, Vec<bool>) = (row.try_get("positions")?, row.try_get("accessible")?);
    let seat = |((id, seat), (position, accessible)): ((Uuid, &str), (i32, bool))| {
        let (section, row) = (section.clone(), label.clone());
        (position, Seat { id: SeatId(id), section_id, section, row, label: seat.into(), accessible })
    };
    let mut seats: Vec<_> = ids.into_iter().zip(labels).zip(positions.into_iter().zip(accessible)).map(seat).collect();
    // The database gives them as it finds them.
    seats.sort_unstable_by_key(|(position, _)| *position);
    Ok(seats)
}

async fn claims(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<(SeatId, bool)>, StoreError> {
    let mut claims = Vec::new();
    for row in transaction.query(CLAIMS, &[&event.0]).await? {
        let (seats, sold): (Vec<Uuid>, bool) = (row.try_get("seats")?, row.try_get("sold")?);
        claims.extend(seats.into_iter().map(|seat| (SeatId(seat), sold)));
    }
    Ok(claims)
}

async fn holds(
    transaction: &Transaction<'_>,
    event: EventId,
    map: Option<&SeatMap>,
) -> Result<Vec<domain::bookings::Hold>, StoreError> {
    let statement = format!("SELECT {HOLD_COLUMNS} FROM holds h WHERE h.event_id = $1 AND h.status = 'ACTIVE'");
    let found = transaction.query(&statement, &[&event.0]).await?;
    let seat = |id| map.and_then(|map| map.get(id)).cloned();
    found.iter().map(|row| rows::hold(row, rows::stored_items(row)?, seat)).collect()
}

async fn pending(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<domain::bookings::Booking>, StoreError> {
    let statement =
        format!("SELECT {BOOKING_COLUMNS} FROM bookings b WHERE b.event_id = $1 AND b.status = 'PENDING_PAYMENT'");
    let found = transaction.query(&statement, &[&event.0]).await?;
    rows::bookings(transaction, &found).await
}

/// Places of each account: in its live bookings, and in its active holds.
async fn by_account(
    transaction: &Transaction<'_>,
    loaded: &LoadedInventory,
) -> Result<Vec<(AccountId, u32)>, StoreError> {
    let mut places = std::collections::HashMap::new();
    for row in transaction.query(BY_ACCOUNT, &[&loaded.plan.event_id.0]).await? {
        let count = u32::try_from(row.try_get::<_, i64>("places")?).unwrap_or(u32::MAX);
        places.insert(AccountId(row.try_get("account_id")?), count);
    }
    for hold in loaded.holds.iter().filter(|hold| !hold.is_block()) {
        *places.entry(hold.account_id).or_default() += hold.items.len() as u32;
    }
    Ok(places.into_iter().collect())
}
