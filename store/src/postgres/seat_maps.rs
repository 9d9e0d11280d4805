//! Row mapping of a version of a seat map.

use std::sync::Arc;

use domain::{
    ids::{SeatId, SectionId},
    seat_maps::{
        Seat,
        drawing::{Drawing, DrawnRow},
    },
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::StoreError;

/// Reads the version `$1`, for [`drawing`]. A row of the answer is a row of seats: sorting a hundred thousand seats, and reading
/// each as a row of its own, cost the database nearly three times as much and this process twice as much.
pub(super) const ROWS: &str = "SELECT coalesce(c.first_id, c.id) AS section_id, c.name AS section, r.label AS row, r.position, \
    s.ids, s.labels, s.positions, s.accessible FROM sections c JOIN seat_rows r ON r.section_id = c.id CROSS JOIN LATERAL ( \
        SELECT array_agg(coalesce(first_id, id)) AS ids, array_agg(label) AS labels, array_agg(position) AS positions, \
               array_agg(accessible) AS accessible FROM seats WHERE row_id = r.id HAVING count(*) > 0 \
    ) s WHERE c.seat_map_version_id = $1 ORDER BY c.position, r.position";

/// The seats of a version.
pub(super) fn drawing(rows: &[Row]) -> Result<Drawing, StoreError> {
    let mut drawn = Vec::with_capacity(rows.len());
    // Rows of one section share its name.
    let mut section: Option<(SectionId, Arc<str>)> = None;
    for row in rows {
        let section_id = SectionId(row.try_get("section_id")?);
        let (_, name) = match section.take().filter(|(known, _)| *known == section_id) {
            Some(known) => section.insert(known),
            None => section.insert((section_id, row.try_get::<_, &str>("section")?.into())),
        };
        drawn.push(DrawnRow { position: row.try_get("position")?, seats: seats(row, section_id, name)? });
    }
    Ok(Drawing::of_rows(drawn))
}

/// The seats of one row with their positions, from left to right.
fn seats(row: &Row, section_id: SectionId, section: &Arc<str>) -> Result<Vec<(i32, Seat)>, StoreError> {
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
