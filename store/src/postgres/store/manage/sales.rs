//! Quotas, and blocks of places.

use async_trait::async_trait;
use domain::{
    audit::Action,
    bookings::Hold,
    events::sales::{ManagedQuota, QuotaFields},
    ids::{EventId, HoldId, QuotaId},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        events::{BlockRepository, BlockSummary, QuotaManagement},
    },
    repositories::Found,
};
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::{self, HOLD_COLUMNS, StoreError, signed, unsigned},
        },
        PgStore,
    },
    Fault, Note, editable, is_expected, lock_event, move_versions,
    offering::Unchanged,
    on_violation, open_plan,
};

/// The columns of a quota, of all of an event.
macro_rules! of_event {
    () => {
        "SELECT id, name, capacity, held, sold, created_at, updated_at, revision FROM quotas WHERE event_id = $1"
    };
}

const QUOTAS: &str = concat!(of_event!(), " ORDER BY name, id");
const QUOTA: &str = concat!(of_event!(), " AND id = $2");
/// Its version is one of those that have moved.
const INSERT_QUOTA: &str =
    "INSERT INTO quotas (id, event_id, name, capacity, version) VALUES ($1, $2, $3, $4, 1) ON CONFLICT (id) DO NOTHING";
const UPDATE_QUOTA: &str =
    "UPDATE quotas SET name = $2, capacity = $3, revision = revision + 1, updated_at = now() WHERE id = $1";

const BLOCKS: &str = "SELECT id, jsonb_array_length(items) AS places, created_at, updated_at FROM holds \
    WHERE event_id = $1 AND status = 'ACTIVE' AND kind = 'BLOCK' ORDER BY id DESC LIMIT $2";

fn block_summary(row: &Row) -> Result<BlockSummary, StoreError> {
    Ok(BlockSummary {
        id: HoldId(row.try_get("id")?),
        places: unsigned(row, "places")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn quota(row: &Row) -> Result<ManagedQuota, StoreError> {
    Ok(ManagedQuota {
        id: QuotaId(row.try_get("id")?),
        name: row.try_get("name")?,
        capacity: unsigned(row, "capacity")?,
        held: unsigned(row, "held")?,
        sold: unsigned(row, "sold")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

/// A quota of a locked event.
async fn quota_of(
    transaction: &Transaction,
    event: EventId,
    id: QuotaId,
    expected: Expected,
) -> Result<ManagedQuota, Fault> {
    let rows = transaction.query_typed(QUOTA, &[(&event.0, Type::UUID), (&id.0, Type::UUID)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(quota(row)?)
}

impl PgStore {
    async fn read_quotas(&self, event: EventId) -> Result<Vec<ManagedQuota>, StoreError> {
        let client = self.pool.get().await?;
        client.query_typed(QUOTAS, &[(&event.0, Type::UUID)]).await?.iter().map(quota).collect()
    }

    async fn read_blocks(&self, event: EventId, limit: u32) -> Result<Vec<BlockSummary>, StoreError> {
        let client = self.pool.get().await?;
        let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&i64::from(limit), Type::INT8)];
        client.query_typed(BLOCKS, &parameters).await?.iter().map(block_summary).collect()
    }

    async fn read_block(&self, event: EventId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!(
            "SELECT {HOLD_COLUMNS} FROM holds h WHERE h.event_id = $1 AND h.status = 'ACTIVE' \
             AND h.kind = 'BLOCK' AND h.id = $2"
        );
        let rows = client.query_typed(&statement, &[(&event.0, Type::UUID), (&id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let items = rows::stored_items(row)?;
        let named: Vec<_> = rows::named_seats(&items).collect();
        let seats = rows::seats_by_id(&client, &named).await?;
        rows::hold(row, items, |id| seats.get(&id).cloned()).map(Some)
    }
}

#[async_trait]
impl QuotaManagement for PgStore {
    async fn quotas(&self, event: EventId) -> Found<Vec<ManagedQuota>> {
        Ok(self.read_quotas(event).await?)
    }

    async fn create_quota(&self, by: &Manager, event: EventId, id: QuotaId, fields: &QuotaFields) -> Changed {
        self.noted(by, |transaction| async move {
            open_plan(&transaction, by, event, None).await?;
            let parameters: [Typed<'_>; 4] = [
                (&id.0, Type::UUID),
                (&event.0, Type::UUID),
                (&fields.name, Type::TEXT),
                (&signed(fields.capacity), Type::INT4),
            ];
            transaction.execute_typed(INSERT_QUOTA, &parameters).await?;
            Ok(((), Note::of_sales(Action::Created, "quota", id, event)))
        })
        .await
    }

    async fn update_quota(
        &self,
        by: &Manager,
        event: EventId,
        id: QuotaId,
        expected: Expected,
        fields: &QuotaFields,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = lock_event(&transaction, by, event, None).await?;
            editable(&locked)?;
            // A change of a capacity has locked the event.
            let mut before = quota_of(&transaction, event, id, expected).await?;
            if before.capacity != fields.capacity {
                move_versions(&transaction, event).await?;
                before = quota_of(&transaction, event, id, expected).await?;
                before.resized(fields.capacity).map_err(Conflict::from)?;
            }
            let unchanged = Unchanged::of(&transaction, event, locked.status).await?;
            let parameters: [Typed<'_>; 3] =
                [(&id.0, Type::UUID), (&fields.name, Type::TEXT), (&signed(fields.capacity), Type::INT4)];
            transaction.execute_typed(UPDATE_QUOTA, &parameters).await?;
            unchanged.keeps_rules(&transaction).await?;
            Ok(((), Note::of_sales(Action::Changed, "quota", id, event)))
        })
        .await
    }

    async fn delete_quota(&self, by: &Manager, event: EventId, id: QuotaId, expected: Expected) -> Changed {
        self.noted(by, |transaction| async move {
            open_plan(&transaction, by, event, None).await?;
            quota_of(&transaction, event, id, expected).await?;
            let deleted = transaction.execute_typed("DELETE FROM quotas WHERE id = $1", &[(&id.0, Type::UUID)]).await;
            let in_use = || Conflict::InUse("ticket types draw on the quota").into();
            deleted.map_err(|error| on_violation(error, |_| Some(in_use())))?;
            Ok(((), Note::of_sales(Action::Deleted, "quota", id, event)))
        })
        .await
    }
}

#[async_trait]
impl BlockRepository for PgStore {
    async fn blocks(&self, event: EventId, limit: u32) -> Found<Vec<BlockSummary>> {
        Ok(self.read_blocks(event, limit).await?)
    }

    async fn block(&self, event: EventId, id: HoldId) -> Found<Option<Hold>> {
        Ok(self.read_block(event, id).await?)
    }
}
