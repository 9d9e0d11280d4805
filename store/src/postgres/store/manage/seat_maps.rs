//! Seat maps and their versions.

mod moving;
mod versions;

use async_trait::async_trait;
use domain::{
    audit::Action,
    ids::{AccountId, EventId, SeatMapId, SeatMapVersionId, VenueId},
    lists::{ListQuery, Page},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        seat_maps::{
            ManagedSeatMap, Move, NewSeatMap, SeatMapFields, SeatMapManagement, SeatMapVersion, SectionsLost,
            UsingEvent,
        },
    },
    repositories::Found,
    retention::Leftover,
    seat_maps::{drawing::Drawing, layout::Layout},
    validation::FieldError,
};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::{StoreError, unsigned},
        },
        PgStore,
        lists::{
            self,
            table::{TableList, sql},
        },
    },
    Fault, Note,
    allowances::check_seats,
    is_expected, on_violation,
};

/// In the audit log.
const KIND: &str = "seat-map";

const COLUMNS: &str = "m.id, m.venue_id, m.organizer_id, m.name, m.description, m.created_at, m.updated_at, m.revision, \
    (SELECT max(v.number) FROM seat_map_versions v WHERE v.seat_map_id = m.id) AS latest";

/// `$1` is who asks, when it is not for everybody's: they see their own and the house's.
const SEEN: &str = "m.deleted_at IS NULL AND ($1::uuid IS NULL OR m.organizer_id = $1 OR m.organizer_id IS NULL)";

/// With its first version, which has the id of the map.
const INSERT: &str = "WITH map AS ( \
        INSERT INTO seat_maps (id, venue_id, organizer_id, name, description) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (id) DO NOTHING RETURNING id) \
    INSERT INTO seat_map_versions (id, seat_map_id, number) SELECT id, id, 1 FROM map";
/// What it says already is no change.
const UPDATE: &str = "UPDATE seat_maps SET name = $2, description = $3, revision = revision + 1, updated_at = now() \
    WHERE id = $1 AND (name, description) IS DISTINCT FROM ($2, $3)";
const IS_USED: &str =
    "SELECT 1 FROM seat_map_versions v JOIN events e ON e.seat_map_version_id = v.id WHERE v.seat_map_id = $1 LIMIT 1";
const MARK_DELETED: &str = "UPDATE seat_maps SET deleted_at = now(), revision = revision + 1 WHERE id = $1";

/// Holds are kept for a while after their end, and show the words of their seats: so these stay as long, and a day more for the
/// sweeper's sake.
const SEATS_KEPT: SignedDuration = Leftover::Holds.kept().saturating_add(SignedDuration::from_hours(24));

const DELETED: &str = "SELECT id FROM seat_maps WHERE deleted_at IS NOT NULL AND (seats_named_at IS NULL OR seats_named_at < $1) \
    ORDER BY deleted_at LIMIT 1";
/// A few rows of seats at a time, so that a stop waits for one statement only.
const PURGE_SOME: &str = "DELETE FROM seat_rows WHERE id IN ( \
        SELECT r.id FROM seat_map_versions v JOIN sections c ON c.seat_map_version_id = v.id JOIN seat_rows r ON r.section_id = c.id \
        WHERE v.seat_map_id = $1 ORDER BY r.id LIMIT 20)";
/// Not while another server removes the last rows: that would take all others with it.
const PURGE_REST: &str = "DELETE FROM seat_maps m WHERE m.id = $1 AND m.deleted_at IS NOT NULL AND NOT EXISTS ( \
        SELECT FROM seat_map_versions v JOIN sections c ON c.seat_map_version_id = v.id JOIN seat_rows r ON r.section_id = c.id \
        WHERE v.seat_map_id = m.id)";

fn managed(row: &Row) -> Result<ManagedSeatMap, StoreError> {
    Ok(ManagedSeatMap {
        id: SeatMapId(row.try_get("id")?),
        venue_id: VenueId(row.try_get("venue_id")?),
        organizer_id: row.try_get::<_, Option<Uuid>>("organizer_id")?.map(AccountId),
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        latest: unsigned(row, "latest")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

/// Locks a map that `by` may change, against all who would change it, too. One of another organizer is not found.
async fn lock(
    transaction: &Transaction,
    by: &Manager,
    id: SeatMapId,
    expected: Expected,
    strength: &str,
) -> Result<Row, Fault> {
    let only = by.only().map(|account| account.0);
    let statement =
        format!("SELECT m.revision, m.organizer_id FROM seat_maps m WHERE {SEEN} AND m.id = $2 FOR {strength}");
    let mut rows = transaction.query_typed(&statement, &[(&only, Type::UUID), (&id.0, Type::UUID)]).await?;
    let row = rows.pop().ok_or(ChangeError::NotFound)?;
    if only.is_some() && row.try_get::<_, Option<Uuid>>("organizer_id")? != only {
        return Err(ChangeError::Forbidden("the seat map is the house's: administrators change it").into());
    }
    is_expected(&row, expected)?;
    Ok(row)
}

impl PgStore {
    async fn read_seat_map(&self, by: &Manager, id: SeatMapId) -> Result<Option<ManagedSeatMap>, StoreError> {
        let only = by.only().map(|account| account.0);
        let statement = format!("SELECT {COLUMNS} FROM seat_maps m WHERE {SEEN} AND m.id = $2");
        let client = self.pool.get().await?;
        let rows = client.query_typed(&statement, &[(&only, Type::UUID), (&id.0, Type::UUID)]).await?;
        rows.first().map(managed).transpose()
    }

    async fn insert_seat_map(&self, by: &Manager, new: &NewSeatMap, layout: &Layout) -> Result<(), Fault> {
        let organizer = &new.organizer_id.map(|account| account.0);
        self.noted(by, |transaction| async move {
            let parameters: [Typed<'_>; 5] = [
                (&new.id.0, Type::UUID),
                (&new.venue_id.0, Type::UUID),
                (organizer, Type::UUID),
                (&new.fields.name, Type::TEXT),
                (&new.fields.description, Type::TEXT),
            ];
            let inserted = transaction.execute_typed(INSERT, &parameters).await.map_err(|error| {
                on_violation(error, |constraint| {
                    let unknown = |field, message| Some(FieldError::new(field, "UNKNOWN", message).into());
                    match constraint {
                        "seat_maps_venue_id_fkey" => unknown("venueId", "there is no such venue"),
                        "seat_maps_organizer_id_fkey" => unknown("organizerId", "there is no such account"),
                        _ => None,
                    }
                })
            })?;
            if inserted == 1 {
                versions::write(&transaction, SeatMapVersionId(new.id.0), layout, &Default::default()).await?;
                check_seats(&transaction, by, new.id.0).await?;
            }
            let details = serde_json::json!({ "name": new.fields.name });
            Ok(((), Note::new(Action::Created, KIND, new.id, details)))
        })
        .await
    }

    async fn change_seat_map(
        &self,
        by: &Manager,
        id: SeatMapId,
        expected: Expected,
        fields: &SeatMapFields,
    ) -> Result<(), Fault> {
        self.noted(by, |transaction| async move {
            lock(&transaction, by, id, expected, "NO KEY UPDATE").await?;
            let parameters: [Typed<'_>; 3] =
                [(&id.0, Type::UUID), (&fields.name, Type::TEXT), (&fields.description, Type::TEXT)];
            if transaction.execute_typed(UPDATE, &parameters).await? == 0 {
                return Ok(((), None));
            }
            Ok(((), Note::new(Action::Changed, KIND, id, serde_json::json!({ "name": fields.name }))))
        })
        .await
    }

    async fn remove_seat_map(&self, by: &Manager, id: SeatMapId, expected: Expected) -> Result<(), Fault> {
        self.noted(by, |transaction| async move {
            // The strongest: an event that begins to use it just now has locked it, and is seen afterwards.
            lock(&transaction, by, id, expected, "UPDATE").await?;
            if !transaction.query_typed(IS_USED, &[(&id.0, Type::UUID)]).await?.is_empty() {
                return Err(Conflict::InUse("events use the seat map").into());
            }
            transaction.execute_typed(MARK_DELETED, &[(&id.0, Type::UUID)]).await?;
            Ok(((), Note::new(Action::Deleted, KIND, id, serde_json::json!({}))))
        })
        .await
    }

    /// See [`domain::management::events::EventUpkeep::purge_seat_maps`].
    pub(super) async fn purge(&self) -> Result<bool, StoreError> {
        let client = self.pool.get().await?;
        let named_before = Timestamp::now() - SEATS_KEPT;
        let rows = client.query_typed(DELETED, &[(&named_before, Type::TIMESTAMPTZ)]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let map: Uuid = row.try_get("id")?;
        if client.execute_typed(PURGE_SOME, &[(&map, Type::UUID)]).await? == 0 {
            client.execute_typed(PURGE_REST, &[(&map, Type::UUID)]).await?;
        }
        Ok(true)
    }
}

#[async_trait]
impl SeatMapManagement for PgStore {
    async fn seat_maps(&self, by: &Manager, query: &ListQuery) -> Found<Page<ManagedSeatMap>> {
        let maps = TableList {
            query,
            from: "seat_maps m",
            of: "m.",
            joined: "",
            columns: sql(COLUMNS),
            conditions: |statement| {
                statement.sql("m.deleted_at IS NULL");
                if let Some(only) = by.only() {
                    statement.sql(" AND (m.organizer_id = ").bind(only.0, Type::UUID);
                    statement.sql(" OR m.organizer_id IS NULL)");
                }
            },
        };
        Ok(lists::read(&self.pool.get().await?, &maps, query).await?.entries(managed)?)
    }

    async fn seat_map(&self, by: &Manager, id: SeatMapId) -> Found<Option<ManagedSeatMap>> {
        Ok(self.read_seat_map(by, id).await?)
    }

    async fn seat_map_versions(&self, by: &Manager, map: SeatMapId) -> Found<Vec<SeatMapVersion>> {
        Ok(self.read_versions(by, map).await?)
    }

    async fn seat_map_version(&self, id: SeatMapVersionId) -> Found<Option<(SeatMapId, String, u32)>> {
        Ok(self.read_version(id).await?)
    }

    async fn events_with(&self, by: &Manager, version: SeatMapVersionId) -> Found<Vec<UsingEvent>> {
        Ok(self.read_events_with(by, version).await?)
    }

    async fn drawing(&self, version: SeatMapVersionId) -> Found<Drawing> {
        let client = self.pool.get().await?;
        Ok(versions::read(&client, version).await?)
    }

    async fn add_seat_map(&self, by: &Manager, new: &NewSeatMap, layout: &Layout) -> Changed {
        Ok(self.insert_seat_map(by, new, layout).await?)
    }

    async fn update_seat_map(
        &self,
        by: &Manager,
        id: SeatMapId,
        expected: Expected,
        fields: &SeatMapFields,
    ) -> Changed {
        Ok(self.change_seat_map(by, id, expected, fields).await?)
    }

    async fn add_version(
        &self,
        by: &Manager,
        map: SeatMapId,
        expected: Expected,
        id: SeatMapVersionId,
        layout: &Layout,
    ) -> Changed {
        Ok(self.insert_version(by, map, expected, id, layout).await?)
    }

    async fn delete_seat_map(&self, by: &Manager, id: SeatMapId, expected: Expected) -> Changed {
        Ok(self.remove_seat_map(by, id, expected).await?)
    }

    async fn move_event(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        to: &Move,
    ) -> Changed<Vec<SectionsLost>> {
        Ok(self.move_to_version(by, event, expected, to).await?)
    }
}
