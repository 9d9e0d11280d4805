//! Consistency rules of an event: the event with everything it sells, checked before a change and after it, within its
//! transaction.

use async_trait::async_trait;
use domain::{
    events::{
        EventStatus, SaleWindow,
        offering::{OfferedType, Offering},
    },
    ids::{EventId, QuotaId, TicketTypeId},
    management::{Conflict, events::OfferingRepository},
    repositories::Found,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Statements, Transaction},
            rows::{self, StoreError, perhaps_unsigned, unsigned},
        },
        PgStore,
    },
    Fault,
};

/// One row a ticket type; one without, for an event that has none.
const OFFERING: &str = "SELECT e.status::text AS status, e.ends_at, e.publish_at, e.sale_starts_at, e.sale_ends_at, \
        e.max_per_account, t.id, t.name, t.quota_id, q.capacity, q.held + q.sold AS taken, t.min_per_booking, \
        t.sale_starts_at AS own_start, t.sale_ends_at AS own_end, \
        CASE WHEN t.seated THEN seats_of_type(e.id, t.id) END AS seats \
    FROM events e LEFT JOIN (ticket_types t JOIN quotas q ON q.id = t.quota_id) ON t.event_id = e.id \
    WHERE e.id = $1 ORDER BY t.position";

/// What the event sells, as the transaction sees it.
pub(super) async fn offering(client: &impl Statements, event: EventId) -> Result<Option<Offering>, StoreError> {
    let rows = client.query_typed(OFFERING, &[(&event.0, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let ticket_types: Result<Vec<_>, _> = rows.iter().filter_map(|row| offered(row).transpose()).collect();
    Ok(Some(Offering {
        status: rows::parse(row.try_get("status")?)?,
        ends_at: row.try_get("ends_at")?,
        publish_at: row.try_get("publish_at")?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
        max_per_account: perhaps_unsigned(row, "max_per_account")?,
        ticket_types: ticket_types?,
    }))
}

fn offered(row: &Row) -> Result<Option<OfferedType>, StoreError> {
    let Some(id) = row.try_get::<_, Option<Uuid>>("id")? else { return Ok(None) };
    let seats: Option<i64> = row.try_get("seats")?;
    Ok(Some(OfferedType {
        id: TicketTypeId(id),
        name: row.try_get("name")?,
        quota_id: QuotaId(row.try_get("quota_id")?),
        capacity: unsigned(row, "capacity")?,
        taken: unsigned(row, "taken")?,
        seats: seats.map(|seats| u32::try_from(seats).unwrap_or(u32::MAX)),
        min_per_booking: unsigned(row, "min_per_booking")?,
        sale_starts_at: row.try_get("own_start")?,
        sale_ends_at: row.try_get("own_end")?,
    }))
}

/// A locked event before a change of it, or of something that it sells.
pub(super) struct Unchanged {
    event: EventId,
    /// Of what is neither published nor scheduled nothing is asked.
    before: Option<Offering>,
}

impl Unchanged {
    /// The event as it is before the change. Its row is locked, so nobody else changes what the rules are about.
    pub(super) async fn of(transaction: &Transaction, event: EventId, status: EventStatus) -> Result<Self, Fault> {
        let is_judged = matches!(status, EventStatus::Published | EventStatus::Scheduled);
        Ok(Self { event, before: if is_judged { offering(transaction, event).await? } else { None } })
    }

    /// Refuses a change that breaks a rule. To be asked once everything is written.
    pub(super) async fn keeps_rules(self, transaction: &Transaction) -> Result<(), Fault> {
        let Some(before) = self.before else { return Ok(()) };
        let after = offering(transaction, self.event).await?;
        let broken = after.map(|after| before.newly_broken(&after)).unwrap_or_default();
        if broken.is_empty() { Ok(()) } else { Err(Conflict::Broken(broken).into()) }
    }
}

#[async_trait]
impl OfferingRepository for PgStore {
    async fn offering(&self, event: EventId) -> Found<Option<Offering>> {
        let client = self.pool.get().await?;
        Ok(offering(&client, event).await?)
    }
}
