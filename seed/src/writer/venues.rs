//! Venues, and the seat maps of new ones.

use std::collections::HashSet;

use tokio_postgres::{Transaction, types::Type};
use uuid::Uuid;

use super::{Parameter, ROWS_PER_STATEMENT, column, returned_ids};
use crate::{
    SeedError,
    model::{Row, Seat, SeatMap, Section, Venue},
};

/// The venues that were not there before.
pub(super) async fn write_venues(transaction: &Transaction<'_>, venues: &[Venue]) -> Result<HashSet<Uuid>, SeedError> {
    let mut created = HashSet::new();
    for rows in venues.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO venues
                 (id, slug, name, description, address, city, country, time_zone, capacity)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (id) DO NOTHING RETURNING id";
        let parameters: [Parameter<'_>; 9] = [
            (&column(rows, |venue| venue.id), Type::UUID_ARRAY),
            (&column(rows, |venue| venue.slug), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.name), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.description), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.address), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.city), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.country), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.time_zone), Type::TEXT_ARRAY),
            (&column(rows, |venue| venue.capacity), Type::INT4_ARRAY),
        ];
        created.extend(returned_ids(transaction, statement, &parameters).await?);
    }
    Ok(created)
}

/// The seat maps of these venues; how many seats that makes.
pub(super) async fn write_seat_maps(transaction: &Transaction<'_>, venues: &[&Venue]) -> Result<usize, SeedError> {
    let maps: Vec<(&Venue, &SeatMap)> =
        venues.iter().filter_map(|venue| Some((*venue, venue.seat_map.as_ref()?))).collect();
    for rows in maps.chunks(ROWS_PER_STATEMENT) {
        // The first version has the id of its map.
        let statement =
            "WITH maps AS (INSERT INTO seat_maps (id, venue_id, name) SELECT * FROM unnest($1, $2, $3) RETURNING id)
             INSERT INTO seat_map_versions (id, seat_map_id, number) SELECT id, id, 1 FROM maps";
        let parameters: [Parameter<'_>; 3] = [
            (&column(rows, |(_, map)| map.id), Type::UUID_ARRAY),
            (&column(rows, |(venue, _)| venue.id), Type::UUID_ARRAY),
            (&column(rows, |(_, map)| map.name), Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    let sections = numbered(maps.iter().map(|(_, map)| (map.id, map.sections.as_slice())));
    write_sections(transaction, &sections).await?;
    let seat_rows = numbered(sections.iter().map(|section| (section.child.id, section.child.rows.as_slice())));
    write_rows(transaction, &seat_rows).await?;
    let seats = numbered(seat_rows.iter().map(|row| (row.child.id, row.child.seats.as_slice())));
    write_seats(transaction, &seats).await?;
    Ok(seats.len())
}

/// A part of a drawing, with what it is part of and its place there, counted from 0.
struct Placed<'a, Child> {
    parent_id: Uuid,
    position: i32,
    child: &'a Child,
}

/// Every child of every parent.
fn numbered<'a, Child>(parents: impl Iterator<Item = (Uuid, &'a [Child])>) -> Vec<Placed<'a, Child>> {
    parents
        .flat_map(|(parent_id, children)| {
            (0..).zip(children).map(move |(position, child)| Placed { parent_id, position, child })
        })
        .collect()
}

async fn write_sections(transaction: &Transaction<'_>, sections: &[Placed<'_, Section>]) -> Result<(), SeedError> {
    for rows in sections.chunks(ROWS_PER_STATEMENT) {
        let statement =
            "INSERT INTO sections (id, seat_map_version_id, name, position) SELECT * FROM unnest($1, $2, $3, $4)";
        let parameters: [Parameter<'_>; 4] = [
            (&column(rows, |section| section.child.id), Type::UUID_ARRAY),
            (&column(rows, |section| section.parent_id), Type::UUID_ARRAY),
            (&column(rows, |section| section.child.name.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |section| section.position), Type::INT4_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

async fn write_rows(transaction: &Transaction<'_>, seat_rows: &[Placed<'_, Row>]) -> Result<(), SeedError> {
    for rows in seat_rows.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO seat_rows (id, section_id, label, position) SELECT * FROM unnest($1, $2, $3, $4)";
        let parameters: [Parameter<'_>; 4] = [
            (&column(rows, |row| row.child.id), Type::UUID_ARRAY),
            (&column(rows, |row| row.parent_id), Type::UUID_ARRAY),
            (&column(rows, |row| row.child.label.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |row| row.position), Type::INT4_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

async fn write_seats(transaction: &Transaction<'_>, seats: &[Placed<'_, Seat>]) -> Result<(), SeedError> {
    for rows in seats.chunks(ROWS_PER_STATEMENT) {
        let statement = "INSERT INTO seats (id, row_id, label, position, accessible)
             SELECT * FROM unnest($1, $2, $3, $4, $5)";
        let parameters: [Parameter<'_>; 5] = [
            (&column(rows, |seat| seat.child.id), Type::UUID_ARRAY),
            (&column(rows, |seat| seat.parent_id), Type::UUID_ARRAY),
            (&column(rows, |seat| seat.child.label.as_str()), Type::TEXT_ARRAY),
            (&column(rows, |seat| seat.position), Type::INT4_ARRAY),
            (&column(rows, |seat| seat.child.accessible), Type::BOOL_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}
