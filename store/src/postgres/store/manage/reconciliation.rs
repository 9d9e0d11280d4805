//! Reconciliation: counters compared with the rows that they count.

use domain::{
    ids::{EventId, QuotaId},
    reconciliation::{Mismatch, Reconciliation},
    repositories::Found,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{connection::Typed, rows::StoreError},
        PgStore,
    },
    unsigned_count,
};

/// The latest bookings and holds, by their ids, which are in the order of their making: two walks along primary keys.
const ACTIVE: &str = "SELECT event_id FROM ( \
        (SELECT event_id, id FROM bookings ORDER BY id DESC LIMIT 500) UNION ALL \
        (SELECT event_id, id FROM holds ORDER BY id DESC LIMIT 500) \
    ) AS latest GROUP BY event_id ORDER BY max(id::text) DESC LIMIT $1";

const NEXT: &str = "SELECT id FROM events WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2";

/// One statement, so one snapshot, and no lock. It reads the event's ranges of three indexes.
const MISMATCHES: &str = "WITH live AS MATERIALIZED ( \
        SELECT t.quota_id, i.seat_id, b.id AS holder_id, b.status = 'CONFIRMED' AS sold \
        FROM bookings b JOIN booking_items i ON i.booking_id = b.id JOIN ticket_types t ON t.id = i.ticket_type_id \
        WHERE b.event_id = $1 AND b.status IN ('PENDING_PAYMENT', 'CONFIRMED') \
        UNION ALL \
        SELECT (item ->> 'quota_id')::uuid, (item ->> 'seat_id')::uuid, h.id, false \
        FROM holds h CROSS JOIN LATERAL jsonb_array_elements(h.items) AS item WHERE h.event_id = $1 AND h.status = 'ACTIVE' \
    ), found AS ( \
        SELECT quota_id AS id, count(*) FILTER (WHERE NOT sold) AS held, count(*) FILTER (WHERE sold) AS sold FROM live GROUP BY 1 \
    ), counted AS ( \
        SELECT id, held::bigint AS held, sold::bigint AS sold FROM quotas WHERE event_id = $1 \
    ) \
    SELECT id, coalesce(c.held, 0) AS counted_held, coalesce(c.sold, 0) AS counted_sold, coalesce(f.held, 0) AS found_held, \
        coalesce(f.sold, 0) AS found_sold, 0::bigint AS seats \
    FROM counted c FULL JOIN found f USING (id) \
    WHERE (coalesce(c.held, 0), coalesce(c.sold, 0)) <> (coalesce(f.held, 0), coalesce(f.sold, 0)) \
    UNION ALL \
    SELECT NULL, 0, 0, 0, 0, count(*) \
    FROM (SELECT seat_id, holder_id, sold FROM live WHERE seat_id IS NOT NULL) AS l \
        FULL JOIN (SELECT seat_id, holder_id, sold FROM seat_claims WHERE event_id = $1) AS c USING (seat_id) \
    WHERE (l.holder_id, l.sold) IS DISTINCT FROM (c.holder_id, c.sold) HAVING count(*) > 0";

fn mismatch(row: &Row) -> Result<Mismatch, StoreError> {
    let Some(id) = row.try_get::<_, Option<Uuid>>("id")? else {
        return Ok(Mismatch::Seats(unsigned_count(row, "seats")?));
    };
    Ok(Mismatch::Quota {
        id: QuotaId(id),
        counted: (unsigned_count(row, "counted_held")?, unsigned_count(row, "counted_sold")?),
        found: (unsigned_count(row, "found_held")?, unsigned_count(row, "found_sold")?),
    })
}

impl PgStore {
    async fn read_events(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<EventId>, StoreError> {
        let rows = self.pool.get().await?.query_typed(statement, parameters).await?;
        rows.iter().map(|row| Ok(EventId(row.try_get(0)?))).collect()
    }

    async fn read_mismatches(&self, event: EventId) -> Result<Vec<Mismatch>, StoreError> {
        let rows = self.pool.get().await?.query_typed(MISMATCHES, &[(&event.0, Type::UUID)]).await?;
        rows.iter().map(mismatch).collect()
    }
}

impl Reconciliation for PgStore {
    async fn active_events(&self, limit: u32) -> Found<Vec<EventId>> {
        Ok(self.read_events(ACTIVE, &[(&i64::from(limit), Type::INT8)]).await?)
    }

    async fn events_after(&self, after: Option<EventId>, limit: u32) -> Found<Vec<EventId>> {
        let after = after.map(|event| event.0);
        Ok(self.read_events(NEXT, &[(&after, Type::UUID), (&i64::from(limit), Type::INT8)]).await?)
    }

    async fn mismatches(&self, event: EventId) -> Found<Vec<Mismatch>> {
        Ok(self.read_mismatches(event).await?)
    }
}
