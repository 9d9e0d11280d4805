//! Seat-map versions: read, and added after the last.

use application::aside::aside;
use domain::{
    audit::Action,
    ids::{EventId, SeatMapId, SeatMapVersionId},
    management::{
        Changed, Expected, Manager,
        seat_maps::{EVENTS_SHOWN_MAX, SeatMapVersion, UsingEvent, VERSIONS_MAX},
    },
    seat_maps::{
        drawing::{Drawing, DrawnRow, Identities},
        layout::Layout,
    },
    validation::FieldError,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            super::{
                connection::{Statements, Transaction, Typed},
                rows::{self, StoreError, readable, unsigned},
                seat_maps,
            },
            PgStore,
        },
        Fault, Note,
        allowances::check_seats,
    },
    KIND, lock,
};

/// Seats written by one statement.
const SEATS_AT_ONCE: usize = 20_000;

const VERSIONS: &str = "SELECT v.id, v.seat_map_id, v.number, v.created_at, \
        (SELECT count(*) FROM events e WHERE e.seat_map_version_id = v.id AND ($1::uuid IS NULL OR e.organizer_id = $1)) AS events \
    FROM seat_map_versions v WHERE v.seat_map_id = $2 ORDER BY v.number";

const EVENTS: &str = "SELECT e.id, e.title, e.status::text AS status, e.starts_at FROM events e \
    WHERE e.seat_map_version_id = $2 AND ($1::uuid IS NULL OR e.organizer_id = $1) ORDER BY e.starts_at, e.id LIMIT $3";

const INSERT: &str =
    "INSERT INTO seat_map_versions (id, seat_map_id, number) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const TOUCH: &str = "UPDATE seat_maps SET revision = revision + 1, updated_at = now() WHERE id = $1";

const INSERT_SECTIONS: &str = "INSERT INTO sections (id, first_id, seat_map_version_id, name, position) \
    SELECT id, first_id, $1, name, n - 1 FROM unnest($2::uuid[], $3::uuid[], $4::text[]) WITH ORDINALITY \
        AS s (id, first_id, name, n)";
const INSERT_ROWS: &str = "INSERT INTO seat_rows (id, section_id, label, position) \
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[])";
const INSERT_SEATS: &str = "INSERT INTO seats (id, first_id, row_id, label, position, accessible) \
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::bool[])";

fn version(row: &Row) -> Result<SeatMapVersion, StoreError> {
    Ok(SeatMapVersion {
        id: SeatMapVersionId(row.try_get("id")?),
        map: SeatMapId(row.try_get("seat_map_id")?),
        number: unsigned(row, "number")?,
        created_at: row.try_get("created_at")?,
        events: u64::try_from(row.try_get::<_, i64>("events")?).unwrap_or(0),
    })
}

fn using(row: &Row) -> Result<UsingEvent, StoreError> {
    Ok(UsingEvent {
        id: EventId(row.try_get("id")?),
        title: row.try_get("title")?,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
    })
}

/// The seats of a version.
pub(super) async fn read(client: &impl Statements, id: SeatMapVersionId) -> Result<Drawing, StoreError> {
    let rows = client.query_typed(seat_maps::ROWS, &[(&id.0, Type::UUID)]).await?;
    aside(move || seat_maps::drawing(&rows)).await
}

/// What is in no earlier version has the id of its row; anything else has a row of its own, which names the first one.
fn row_ids(public: Uuid, is_known: bool) -> (Uuid, Option<Uuid>) {
    if is_known { (Uuid::now_v7(), Some(public)) } else { (public, None) }
}

/// Writes the seats of a version that has none yet.
pub(super) async fn write(
    transaction: &Transaction,
    id: SeatMapVersionId,
    layout: &Layout,
    known: &Identities,
) -> Result<(), Fault> {
    let drawing = Drawing::next(layout, known);
    let (mut ids, mut first_ids, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut row_section, mut row_label, mut row_position) = (Vec::new(), Vec::new(), Vec::new());
    for section in drawing.sections() {
        let first = &section[0].seats[0].1;
        let (row, first_id) = row_ids(first.section_id.0, known.has_section(first.section_id));
        ids.push(row);
        first_ids.push(first_id);
        names.push(&*first.section);
        for drawn in section {
            row_section.push(row);
            row_label.push(&*drawn.seats[0].1.row);
            row_position.push(drawn.position);
        }
    }
    let sections: [Typed<'_>; 4] =
        [(&id.0, Type::UUID), (&ids, Type::UUID_ARRAY), (&first_ids, Type::UUID_ARRAY), (&names, Type::TEXT_ARRAY)];
    transaction.execute_typed(INSERT_SECTIONS, &sections).await?;
    let row_id: Vec<Uuid> = row_section.iter().map(|_| Uuid::now_v7()).collect();
    let rows: [Typed<'_>; 4] = [
        (&row_id, Type::UUID_ARRAY),
        (&row_section, Type::UUID_ARRAY),
        (&row_label, Type::TEXT_ARRAY),
        (&row_position, Type::INT4_ARRAY),
    ];
    transaction.execute_typed(INSERT_ROWS, &rows).await?;
    write_seats(transaction, drawing.rows(), &row_id, known).await
}

async fn write_seats(
    transaction: &Transaction,
    rows: &[DrawnRow],
    row_ids_of: &[Uuid],
    known: &Identities,
) -> Result<(), Fault> {
    let seats: Vec<_> =
        rows.iter().zip(row_ids_of).flat_map(|(row, id)| row.seats.iter().map(move |seat| (*id, seat))).collect();
    for some in seats.chunks(SEATS_AT_ONCE) {
        let (ids, first_ids): (Vec<Uuid>, Vec<Option<Uuid>>) =
            some.iter().map(|(_, (_, seat))| row_ids(seat.id.0, known.has_seat(seat.id))).unzip();
        let row: Vec<Uuid> = some.iter().map(|(row, _)| *row).collect();
        let label: Vec<&str> = some.iter().map(|(_, (_, seat))| &*seat.label).collect();
        let position: Vec<i32> = some.iter().map(|(_, (position, _))| *position).collect();
        let accessible: Vec<bool> = some.iter().map(|(_, (_, seat))| seat.accessible).collect();
        let parameters: [Typed<'_>; 6] = [
            (&ids, Type::UUID_ARRAY),
            (&first_ids, Type::UUID_ARRAY),
            (&row, Type::UUID_ARRAY),
            (&label, Type::TEXT_ARRAY),
            (&position, Type::INT4_ARRAY),
            (&accessible, Type::BOOL_ARRAY),
        ];
        transaction.execute_typed(INSERT_SEATS, &parameters).await?;
    }
    Ok(())
}

impl PgStore {
    pub(super) async fn read_versions(&self, by: &Manager, map: SeatMapId) -> Result<Vec<SeatMapVersion>, StoreError> {
        let only = by.only().map(|account| account.0);
        let client = self.pool.get().await?;
        let rows = client.query_typed(VERSIONS, &[(&only, Type::UUID), (&map.0, Type::UUID)]).await?;
        rows.iter().map(version).collect()
    }

    pub(super) async fn read_version(
        &self,
        id: SeatMapVersionId,
    ) -> Result<Option<(SeatMapId, String, u32)>, StoreError> {
        let statement = "SELECT m.id, m.name, v.number FROM seat_map_versions v JOIN seat_maps m ON m.id = v.seat_map_id \
            WHERE v.id = $1";
        let rows = self.pool.get().await?.query_typed(statement, &[(&id.0, Type::UUID)]).await?;
        let of = |row: &Row| Ok((SeatMapId(row.try_get("id")?), row.try_get("name")?, unsigned(row, "number")?));
        rows.first().map(of).transpose()
    }

    pub(super) async fn read_events_with(
        &self,
        by: &Manager,
        version: SeatMapVersionId,
    ) -> Result<Vec<UsingEvent>, StoreError> {
        let (only, limit) = (by.only().map(|account| account.0), i64::from(EVENTS_SHOWN_MAX));
        let parameters: [Typed<'_>; 3] = [(&only, Type::UUID), (&version.0, Type::UUID), (&limit, Type::INT8)];
        readable(&self.pool.get().await?.query_typed(EVENTS, &parameters).await?, using)
    }

    pub(super) async fn insert_version(
        &self,
        by: &Manager,
        map: SeatMapId,
        expected: Expected,
        id: SeatMapVersionId,
        layout: &Layout,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            // One version after the other: each knows the ids of all before. Events may begin to use the map meanwhile.
            lock(&transaction, by, map, None, "NO KEY UPDATE").await?;
            let before =
                transaction.query_typed(VERSIONS, &[(&None::<Uuid>, Type::UUID), (&map.0, Type::UUID)]).await?;
            let before = before.iter().map(version).collect::<Result<Vec<_>, _>>()?;
            if before.iter().any(|before| before.id == id) {
                return Ok(((), None));
            }
            // Not before: the repetition of a request has changed the revision itself.
            lock(&transaction, by, map, expected, "NO KEY UPDATE").await?;
            let number = before.last().map_or(0, |last| last.number) + 1;
            if number > VERSIONS_MAX {
                let message = "a seat map has at most 100 versions: make another map";
                return Err(FieldError::new("sections", "TOO_MANY_VERSIONS", message).into());
            }
            let known = known_before(&transaction, &before, layout).await?;
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            let parameters: [Typed<'_>; 3] = [(&id.0, Type::UUID), (&map.0, Type::UUID), (&number, Type::INT4)];
            transaction.execute_typed(INSERT, &parameters).await?;
            write(&transaction, id, layout, &known).await?;
            check_seats(&transaction, by, map.0).await?;
            transaction.execute_typed(TOUCH, &[(&map.0, Type::UUID)]).await?;
            Ok(((), Note::new(Action::Changed, KIND, map, serde_json::json!({ "version": number }))))
        })
        .await
    }
}

/// The ids of what `layout` has in common with the versions before.
async fn known_before(
    transaction: &Transaction,
    before: &[SeatMapVersion],
    layout: &Layout,
) -> Result<Identities, Fault> {
    let mut known = Identities::default();
    for earlier in before.iter().rev() {
        if known.know(layout) {
            break;
        }
        known.add(&read(transaction, earlier.id).await?);
    }
    Ok(known)
}
