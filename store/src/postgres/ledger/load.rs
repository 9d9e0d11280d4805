//! Loading an inventory: everything that it starts from, in one snapshot.

use std::{collections::HashMap, sync::Arc};

use deadpool_postgres::Object;
use domain::{
    bookings::Hold,
    events::{PlannedCode, Quota, SalePlan, SaleWindow},
    ids::{AccountId, EventId, QuotaId, SeatId, SeatMapVersionId},
    ledger::{CodeUses, LoadError, LoadedInventory, QuotaCount},
    money::Currency,
    pricing::terms::SaleTerms,
    seat_maps::SeatMap,
};
use jiff::Timestamp;
use tokio_postgres::{IsolationLevel, Row, Transaction, types::Type};
use uuid::Uuid;

use super::{
    super::{
        pricing::{self, CODE_COLUMNS, TERMS_COLUMNS},
        rows::{self, BOOKING_COLUMNS, HOLD_COLUMNS, StoreError, unsigned},
        seat_maps, ticket_types,
    },
    COUNTS, PgLedger, count,
    lease::Lease,
    session, unavailable,
};

const EVENT: &str = "SELECT status::text AS status, starts_at, currency::text AS currency, max_per_account, \
    seat_map_version_id, sale_starts_at, sale_ends_at, version_base, unpaid_limited FROM events WHERE id = $1";

const NOW: &str = "SELECT clock_timestamp()";

const QUOTAS: &str = "SELECT id, capacity FROM quotas WHERE event_id = $1 ORDER BY id";

const CLAIMS: &str = "SELECT sold, array_agg(seat_id) AS seats FROM seat_claims WHERE event_id = $1 GROUP BY sold";

const BY_ACCOUNT: &str = "SELECT account_id, sum(quantity)::bigint AS places FROM bookings \
    WHERE event_id = $1 AND status IN ('PENDING_PAYMENT', 'CONFIRMED') GROUP BY account_id";

const USES_BY_ACCOUNT: &str = "SELECT promo_code_id, account_id, count(*) AS uses FROM bookings \
    WHERE promo_code_id = ANY($1) AND status IN ('PENDING_PAYMENT', 'CONFIRMED') GROUP BY promo_code_id, account_id";

/// See [`domain::ledger::Ledger::load`].
pub(super) async fn load(ledger: &PgLedger, event: EventId, settle: bool) -> Result<LoadedInventory, LoadError> {
    let mut lease = Lease::of(&ledger.pools.reads).await.map_err(unavailable)?;
    let loaded = load_on(lease.client().map_err(unavailable)?, ledger, event, settle).await;
    lease.give_back();
    loaded
}

async fn load_on(
    client: &mut Object,
    ledger: &PgLedger,
    event: EventId,
    settle: bool,
) -> Result<LoadedInventory, LoadError> {
    if settle {
        session::settle(client, ledger.session).await.map_err(unavailable)?;
    }
    session::claim(client, ledger.session, event).await?;
    // The snapshot is taken after `settle`, so it holds whatever was in flight.
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
    let Some(row) = transaction.query_typed_opt(EVENT, &[(&event.0, Type::UUID)]).await? else { return Ok(None) };
    let is_limited: bool = row.try_get("unpaid_limited")?;
    let max_per_account: Option<i32> = row.try_get("max_per_account")?;
    let sale = SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? };
    let version: Option<Uuid> = row.try_get("seat_map_version_id")?;
    let seat_map = match version {
        Some(id) => Some(seat_map(ledger, transaction, SeatMapVersionId(id)).await?),
        None => None,
    };
    let currency = rows::parse(row.try_get("currency")?)?;
    let (promo_codes, code_uses) = promo_codes(transaction, event, currency).await?;
    let plan = SalePlan {
        event_id: event,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        currency,
        max_per_account: max_per_account.and_then(|max| u32::try_from(max).ok()),
        ticket_types: ticket_types::of_event(transaction, event, sale).await?,
        quotas: quotas(transaction, event).await?,
        seat_map,
        hold_for: ledger.options.hold,
        terms: terms(ledger, transaction, event, currency).await?,
        promo_codes,
        minimum: (ledger.options.minimum)(currency),
        unpaid: ledger.options.unpaid.filter(|_| is_limited),
    };
    let mut loaded = LoadedInventory {
        counts: counts(transaction, event).await?,
        claims: claims(transaction, event).await?,
        holds: holds(transaction, event, plan.seat_map.as_deref()).await?,
        pending: pending(transaction, event).await?,
        by_account: Vec::new(),
        code_uses,
        version_base: row.try_get("version_base")?,
        now: Timestamp::UNIX_EPOCH,
        plan,
    };
    if max_per_account.is_some() {
        loaded.by_account = by_account(transaction, &loaded).await?;
    }
    uses_by_account(transaction, &mut loaded).await?;
    // Last, however long the rest has taken.
    loaded.now = transaction.query_typed_one(NOW, &[]).await?.try_get(0)?;
    Ok(Some(loaded))
}

/// Those of the event, or what holds for an event whose organizer has said nothing.
async fn terms(
    ledger: &PgLedger,
    transaction: &Transaction<'_>,
    event: EventId,
    currency: Currency,
) -> Result<SaleTerms, StoreError> {
    let statement = format!("SELECT {TERMS_COLUMNS} FROM sale_terms s WHERE s.event_id = $1");
    if let Some(row) = transaction.query_typed_opt(&statement, &[(&event.0, Type::UUID)]).await? {
        return pricing::sale_terms(&row, currency);
    }
    let default = SaleTerms::default();
    let hold_cap = default.hold_cap.max(ledger.options.hold);
    Ok(SaleTerms { hold_cap, payment_window: ledger.options.payment, ..default })
}

/// The promo codes of an event, and how often each is used.
async fn promo_codes(
    transaction: &Transaction<'_>,
    event: EventId,
    currency: Currency,
) -> Result<(Vec<PlannedCode>, Vec<CodeUses>), StoreError> {
    let statement = format!("SELECT {CODE_COLUMNS}, p.used FROM promo_codes p WHERE p.event_id = $1 ORDER BY p.id");
    let (mut codes, mut uses) = (Vec::new(), Vec::new());
    for row in transaction.query_typed(&statement, &[(&event.0, Type::UUID)]).await? {
        let (id, code) = pricing::promo_code(&row, currency)?;
        uses.push(CodeUses { promo_code_id: id, used: unsigned(&row, "used")?, by_account: Vec::new() });
        codes.push(PlannedCode { id, code });
    }
    Ok((codes, uses))
}

/// Fills in how often each account uses the codes that limit that: in its live bookings, and in its active holds.
async fn uses_by_account(transaction: &Transaction<'_>, loaded: &mut LoadedInventory) -> Result<(), StoreError> {
    let limiting = loaded.plan.promo_codes.iter().filter(|planned| planned.code.uses_per_account.is_some());
    let ids: Vec<Uuid> = limiting.map(|planned| planned.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut uses: HashMap<Uuid, HashMap<AccountId, u32>> = ids.iter().map(|id| (*id, HashMap::new())).collect();
    for row in transaction.query_typed(USES_BY_ACCOUNT, &[(&ids, Type::UUID_ARRAY)]).await? {
        let count = u32::try_from(row.try_get::<_, i64>("uses")?).unwrap_or(u32::MAX);
        let of_code = uses.entry(row.try_get("promo_code_id")?).or_default();
        of_code.insert(AccountId(row.try_get("account_id")?), count);
    }
    for hold in &loaded.holds {
        if let Some(of_code) = hold.promo_code.as_ref().and_then(|applied| uses.get_mut(&applied.id.0)) {
            *of_code.entry(hold.account_id).or_default() += 1;
        }
    }
    for code in &mut loaded.code_uses {
        code.by_account = uses.remove(&code.promo_code_id.0).unwrap_or_default().into_iter().collect();
    }
    Ok(())
}

async fn quotas(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<Quota>, StoreError> {
    let rows = transaction.query_typed(QUOTAS, &[(&event.0, Type::UUID)]).await?;
    let quota = |row: &Row| Ok(Quota { id: QuotaId(row.try_get("id")?), capacity: unsigned(row, "capacity")? });
    rows.iter().map(quota).collect()
}

async fn counts(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<QuotaCount>, StoreError> {
    transaction.query_typed(COUNTS, &[(&event.0, Type::UUID)]).await?.iter().map(count).collect()
}

async fn seat_map(
    ledger: &PgLedger,
    transaction: &Transaction<'_>,
    id: SeatMapVersionId,
) -> Result<Arc<SeatMap>, StoreError> {
    let known = ledger.seat_maps.lock().get(&id).and_then(|map| map.upgrade());
    if let Some(map) = known {
        return Ok(map);
    }
    let rows = transaction.query_typed(seat_maps::ROWS, &[(&id.0, Type::UUID)]).await?;
    // A large house takes long: not on the threads on which all inventories decide. Two inventories at most are loaded at once, and they
    // do not wait for their turn with what others compute: somebody waits to book.
    let drawn = move || Ok::<_, StoreError>(Arc::new(seat_maps::drawing(&rows)?.seat_map(id)));
    let map = tokio::task::spawn_blocking(drawn).await.map_err(|error| StoreError::Row(error.to_string()))??;
    let mut maps = ledger.seat_maps.lock();
    maps.retain(|_, map| map.strong_count() > 0);
    maps.insert(id, Arc::downgrade(&map));
    Ok(map)
}

async fn claims(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<(SeatId, bool)>, StoreError> {
    let mut claims = Vec::new();
    for row in transaction.query_typed(CLAIMS, &[(&event.0, Type::UUID)]).await? {
        let (seats, sold): (Vec<Uuid>, bool) = (row.try_get("seats")?, row.try_get("sold")?);
        claims.extend(seats.into_iter().map(|seat| (SeatId(seat), sold)));
    }
    Ok(claims)
}

async fn holds(transaction: &Transaction<'_>, event: EventId, map: Option<&SeatMap>) -> Result<Vec<Hold>, StoreError> {
    let statement = format!("SELECT {HOLD_COLUMNS} FROM holds h WHERE h.event_id = $1 AND h.status = 'ACTIVE'");
    let found = transaction.query_typed(&statement, &[(&event.0, Type::UUID)]).await?;
    let seat = |id| map.and_then(|map| map.get(id)).cloned();
    let hold = |row| {
        let items = rows::stored_items(row)?;
        // An active hold keeps its seats: without them memory would give them to others.
        if let Some(id) = rows::named_seats(&items).find(|id| seat(*id).is_none()) {
            return Err(StoreError::Row(format!("seat {id} is unknown")));
        }
        rows::hold(row, items, seat)
    };
    found.iter().map(hold).collect()
}

async fn pending(transaction: &Transaction<'_>, event: EventId) -> Result<Vec<domain::bookings::Booking>, StoreError> {
    let statement =
        format!("SELECT {BOOKING_COLUMNS} FROM bookings b WHERE b.event_id = $1 AND b.status = 'PENDING_PAYMENT'");
    let found = transaction.query_typed(&statement, &[(&event.0, Type::UUID)]).await?;
    rows::bookings(transaction, &found).await
}

/// Places of each account: in its live bookings, and in its active holds.
async fn by_account(
    transaction: &Transaction<'_>,
    loaded: &LoadedInventory,
) -> Result<Vec<(AccountId, u32)>, StoreError> {
    let mut places = HashMap::new();
    for row in transaction.query_typed(BY_ACCOUNT, &[(&loaded.plan.event_id.0, Type::UUID)]).await? {
        let count = u32::try_from(row.try_get::<_, i64>("places")?).unwrap_or(u32::MAX);
        places.insert(AccountId(row.try_get("account_id")?), count);
    }
    for hold in loaded.holds.iter().filter(|hold| !hold.is_block()) {
        *places.entry(hold.account_id).or_default() += hold.items.len() as u32;
    }
    Ok(places.into_iter().collect())
}
