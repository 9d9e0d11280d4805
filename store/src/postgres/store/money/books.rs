//! The books: cancellations, and what was charged, sold and given back, as [`Statement`]s.
//!
//! One statement adds up what there is of an event, or of several bookings, by kind. So its books are those of one instant, and however many
//! bookings an event has, a few rows are read.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, CancellationId, EventId, PaymentId},
    money::{Currency, Money},
    payments::{
        books::{BookingStatement, BooksRepository, CancellationRequest, PaidBooking, StoredCancellation},
        cancellation::{CancellationFee, CancellationPolicy, CancellationTerms},
        statement::{BookEntry, Statement},
    },
    pricing::PriceLine,
    repositories::Found,
};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::Typed,
            rows::{StoreError, parse, rate},
        },
        PgStore,
    },
    money, positions, through,
};

const PAID: &str = "SELECT p.booking_id, p.id, p.amount, p.currency::text AS currency, p.provider, coalesce(p.settled_as, p.method) AS method, gone_of_payment(p.id) AS gone, \
        p.updated_at AS paid_at \
    FROM payments p WHERE p.booking_id = ANY($1) AND p.pays_booking";

/// Without terms of its event, the usual ones hold (`CancellationPolicy::default`).
const TERMS: &str = "SELECT e.starts_at, e.status = 'CANCELLED' AS event_is_cancelled, t.cancellation_allowed_until, \
        coalesce(t.cancellation_fee_percent, 0) AS fee, coalesce(( \
            SELECT (names ->> 'starts_at')::timestamptz FROM former_names f \
            WHERE f.thing_id = e.id AND f.until > b.created_at ORDER BY f.until LIMIT 1), e.starts_at) AS promised_at \
    FROM bookings b JOIN events e ON e.id = b.event_id LEFT JOIN sale_terms t ON t.event_id = e.id WHERE b.id = $1";

const CANCELLATIONS: &str = "SELECT id, booking_id, positions, kept, cut, currency::text AS currency, reason, account_id, fingerprint, \
    created_at FROM cancellations WHERE ";

/// Of a request that had nothing to cancel any more.
const NOTE: &str = "INSERT INTO cancellations (id, booking_id, event_id, positions, kept, cut, currency, reason, account_id, \
        idempotency_key, fingerprint, created_at) \
    SELECT $1, b.id, b.event_id, '{}', 0, 0, b.currency, $3, $4, $5, $6, greatest(now(), b.updated_at) FROM bookings b WHERE b.id = $2 ON CONFLICT DO NOTHING";

const NEXT: &str = "SELECT DISTINCT booking_id FROM payments WHERE event_id = $1 AND state = 'SUCCEEDED' \
    AND ($2::uuid IS NULL OR booking_id > $2) ORDER BY booking_id LIMIT $3";

/// Sums by kind. `{of}` says whose rows of `m` are meant, and `{group}` by what they are added up beside their kind.
const SUMS: &str = "WITH lines AS MATERIALIZED ( \
        SELECT m.booking_id, b.tax_included, b.status = 'CANCELLED' AS gone, i.price, coalesce(i.discount, 0) AS discount, \
            coalesce(i.fee, 0) AS fee, coalesce(i.tax, 0) AS tax \
        FROM payments m JOIN bookings b ON b.id = m.booking_id JOIN booking_items i ON i.booking_id = m.booking_id \
        WHERE {of} AND m.pays_booking \
        UNION ALL \
        SELECT m.booking_id, b.tax_included, true, i.price, coalesce(i.discount, 0), coalesce(i.fee, 0), coalesce(i.tax, 0) \
        FROM payments m JOIN bookings b ON b.id = m.booking_id JOIN cancelled_items i ON i.booking_id = m.booking_id \
        WHERE {of} AND m.pays_booking \
    ) \
    SELECT {group} AS of_booking, 'SOLD' AS kind, NULL AS provider, NULL AS method, NULL AS cause, NULL AS state, \
        m.tax_included AS flag, sum(m.price) AS a, sum(m.discount) AS b, sum(m.fee) AS c, sum(m.tax) AS d \
    FROM lines m GROUP BY 1, m.tax_included \
    UNION ALL SELECT {group}, 'CANCELLED', NULL, NULL, NULL, NULL, NULL, \
        sum(m.price - m.discount + m.fee + CASE WHEN m.tax_included THEN 0 ELSE m.tax END), 0, 0, 0 FROM lines m WHERE m.gone GROUP BY 1 \
    UNION ALL SELECT {group}, 'KEPT', NULL, NULL, NULL, NULL, NULL, 0, sum(m.kept), sum(m.cut), 0 FROM cancellations m WHERE {of} GROUP BY 1 \
    UNION ALL SELECT {group}, 'CHARGED', m.provider, coalesce(m.settled_as, m.method), NULL, NULL, NULL, sum(m.amount), 0, 0, 0 \
        FROM payments m WHERE {of} AND m.state = 'SUCCEEDED' GROUP BY 1, 3, 4 \
    UNION ALL SELECT {group}, 'REFUND', p.provider, coalesce(p.settled_as, p.method), m.cause, m.state::text, NULL, sum(m.amount), 0, 0, 0 \
        FROM refunds m JOIN payments p ON p.id = m.payment_id WHERE {of} AND m.replaced_by_id IS NULL \
        GROUP BY 1, 3, 4, m.cause, m.state \
    UNION ALL SELECT {group}, 'DISPUTE', NULL, NULL, NULL, m.state, NULL, sum(m.amount), 0, 0, 0 \
        FROM disputes m WHERE {of} GROUP BY 1, m.state";

/// What is added up to no sum: whose books they are, and in which currency.
const EVENT: &str = "SELECT NULL::uuid AS of_booking, currency::text AS currency FROM events WHERE id = $1";
const BOOKINGS: &str = "SELECT id AS of_booking, currency::text AS currency, status::text AS status, created_at FROM bookings \
    WHERE id = ANY($1) ORDER BY id";

fn sums(of: &str, group: &str) -> String {
    SUMS.replace("{of}", of).replace("{group}", group)
}

fn cancellation(row: &Row) -> Result<StoredCancellation, StoreError> {
    let id = |column: &str| row.try_get::<_, Option<Uuid>>(column);
    Ok(StoredCancellation {
        id: CancellationId(row.try_get("id")?),
        booking_id: BookingId(row.try_get("booking_id")?),
        positions: positions(row)?,
        kept: money(row, "kept")?,
        cut: money(row, "cut")?,
        reason: row.try_get("reason")?,
        account_id: id("account_id")?.map(AccountId),
        fingerprint: id("fingerprint")?.map(Fingerprint),
        created_at: row.try_get("created_at")?,
    })
}

fn terms(row: &Row) -> Result<CancellationTerms, StoreError> {
    let fee = rate(row.try_get("fee")?, "fee")?;
    Ok(CancellationTerms {
        policy: CancellationPolicy {
            allowed_until: row.try_get("cancellation_allowed_until")?,
            fee: CancellationFee::Percent(fee),
        },
        starts_at: row.try_get("starts_at")?,
        promised_at: row.try_get("promised_at")?,
        event_is_cancelled: row.try_get("event_is_cancelled")?,
    })
}

fn entry(row: &Row, currency: Currency) -> Result<BookEntry, StoreError> {
    let amount = |column| Ok::<_, StoreError>(Money::new(row.try_get::<_, Decimal>(column)?, currency));
    let (a, b, c, d) = (amount("a")?, amount("b")?, amount("c")?, amount("d")?);
    let by = || Ok::<_, StoreError>(through(row.try_get("provider")?, row.try_get("method")?));
    let kind: &str = row.try_get("kind")?;
    Ok(match kind {
        "SOLD" => {
            let line = PriceLine { price: a, discount: b, fee: c, tax: d };
            BookEntry::Sold { line, tax_included: row.try_get("flag")? }
        }
        "CANCELLED" | "KEPT" => BookEntry::Cancelled { line_total: a, kept: b, cut: c },
        "CHARGED" => BookEntry::Charged { amount: a, through: by()? },
        "REFUND" => BookEntry::Refund {
            amount: a,
            cause: parse(row.try_get("cause")?)?,
            state: parse(row.try_get("state")?)?,
            through: by()?,
        },
        "DISPUTE" => BookEntry::Dispute { amount: a, state: parse(row.try_get("state")?)? },
        kind => return Err(StoreError::Row(format!("an entry of the kind {kind}"))),
    })
}

/// The books whose sums were read, each in its currency.
fn statements(owners: &[Row], sums: &[Row]) -> Result<BTreeMap<Option<Uuid>, Statement>, StoreError> {
    let mut books = BTreeMap::new();
    for row in owners {
        let currency: Currency = parse(row.try_get("currency")?)?;
        books.insert(row.try_get::<_, Option<Uuid>>("of_booking")?, (currency, Statement::empty(currency)));
    }
    for row in sums {
        let Some((currency, statement)) = books.get_mut(&row.try_get::<_, Option<Uuid>>("of_booking")?) else {
            continue;
        };
        let with = statement.with(entry(row, *currency)?);
        *statement = with.map_err(|error| StoreError::Row(format!("the books: {error}")))?;
    }
    Ok(books.into_iter().map(|(owner, (_, statement))| (owner, statement)).collect())
}

impl PgStore {
    async fn read_paid(&self, bookings: &[BookingId]) -> Result<HashMap<BookingId, PaidBooking>, StoreError> {
        let ids: Vec<Uuid> = bookings.iter().map(|booking| booking.0).collect();
        let rows = self.pool.get().await?.query_typed(PAID, &[(&ids, Type::UUID_ARRAY)]).await?;
        let paid = |row: &Row| {
            let paid = PaidBooking {
                payment_id: PaymentId(row.try_get("id")?),
                amount: money(row, "amount")?,
                through: through(row.try_get("provider")?, row.try_get("method")?),
                gone: money(row, "gone")?,
                paid_at: row.try_get("paid_at")?,
            };
            Ok((BookingId(row.try_get("booking_id")?), paid))
        };
        rows.iter().map(paid).collect()
    }

    async fn read_cancellation_terms(&self, booking: BookingId) -> Result<Option<CancellationTerms>, StoreError> {
        let rows = self.pool.get().await?.query_typed(TERMS, &[(&booking.0, Type::UUID)]).await?;
        rows.first().map(terms).transpose()
    }

    async fn read_cancellations(
        &self,
        which: &str,
        parameters: &[Typed<'_>],
    ) -> Result<Vec<StoredCancellation>, StoreError> {
        let statement = format!("{CANCELLATIONS}{which} ORDER BY id");
        let rows = self.pool.get().await?.query_typed(&statement, parameters).await?;
        rows.iter().map(cancellation).collect()
    }

    async fn note_key(&self, booking: BookingId, request: &CancellationRequest) -> Result<(), StoreError> {
        let Some((key, fingerprint)) = &request.key else { return Ok(()) };
        let account = request.account_id.map(|account| account.0);
        let parameters: [Typed<'_>; 6] = [
            (&CancellationId::generate().0, Type::UUID),
            (&booking.0, Type::UUID),
            (&request.reason, Type::TEXT),
            (&account, Type::UUID),
            (&key.as_str(), Type::TEXT),
            (&fingerprint.0, Type::UUID),
        ];
        self.pool.get().await?.execute_typed(NOTE, &parameters).await.map(drop)
    }

    async fn read_statement(&self, event: EventId) -> Result<Statement, StoreError> {
        let client = self.pool.get_for_search().await?;
        let parameters: [Typed<'_>; 1] = [(&event.0, Type::UUID)];
        let owner = client.query_typed(EVENT, &parameters).await?;
        let sums = client.query_typed(&sums("m.event_id = $1", "NULL::uuid"), &parameters).await?;
        let statement = statements(&owner, &sums)?.remove(&None);
        statement.ok_or_else(|| StoreError::Row("no such event".to_owned()))
    }

    async fn read_statements(
        &self,
        event: EventId,
        after: Option<BookingId>,
        limit: u32,
    ) -> Result<Vec<BookingStatement>, StoreError> {
        let client = self.pool.get().await?;
        let after = after.map(|booking| booking.0);
        let parameters: [Typed<'_>; 3] =
            [(&event.0, Type::UUID), (&after, Type::UUID), (&i64::from(limit), Type::INT8)];
        let rows = client.query_typed(NEXT, &parameters).await?;
        let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<Uuid>, _>>()?;
        let parameters: [Typed<'_>; 1] = [(&ids, Type::UUID_ARRAY)];
        let owners = client.query_typed(BOOKINGS, &parameters).await?;
        let sums = client.query_typed(&sums("m.booking_id = ANY($1)", "m.booking_id"), &parameters).await?;
        let mut books = statements(&owners, &sums)?;
        let mut read = Vec::with_capacity(owners.len());
        for row in &owners {
            let id: Uuid = row.try_get("of_booking")?;
            let Some(statement) = books.remove(&Some(id)) else { continue };
            let (status, created_at) = (parse(row.try_get("status")?)?, row.try_get("created_at")?);
            read.push(BookingStatement { booking_id: BookingId(id), status, created_at, statement });
        }
        Ok(read)
    }
}

#[async_trait]
impl BooksRepository for PgStore {
    async fn paid_bookings(&self, bookings: &[BookingId]) -> Found<HashMap<BookingId, PaidBooking>> {
        Ok(self.read_paid(bookings).await?)
    }

    async fn cancellation_terms(&self, booking: BookingId) -> Found<Option<CancellationTerms>> {
        Ok(self.read_cancellation_terms(booking).await?)
    }

    async fn cancellations_of(&self, booking: BookingId) -> Found<Vec<StoredCancellation>> {
        Ok(self.read_cancellations("booking_id = $1", &[(&booking.0, Type::UUID)]).await?)
    }

    async fn cancellation_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<StoredCancellation>> {
        let parameters: [Typed<'_>; 2] = [(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)];
        Ok(self.read_cancellations("account_id = $1 AND idempotency_key = $2", &parameters).await?.pop())
    }

    async fn note_cancellation(&self, booking: BookingId, request: &CancellationRequest) -> Found<()> {
        Ok(self.note_key(booking, request).await?)
    }

    async fn statement_of_event(&self, event: EventId) -> Found<Statement> {
        Ok(self.read_statement(event).await?)
    }

    async fn booking_statements(
        &self,
        event: EventId,
        after: Option<BookingId>,
        limit: u32,
    ) -> Found<Vec<BookingStatement>> {
        Ok(self.read_statements(event, after, limit).await?)
    }
}
