//! References of an event: its category, its tags, and its version of a seat map.

use domain::{events::fields::EventFields, validation::FieldError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::super::connection::{Transaction, Typed},
    Fault,
};

pub(super) fn unknown(field: &'static str, message: &'static str) -> FieldError {
    FieldError::new(field, "UNKNOWN", message)
}

/// Category and tags exist, and do so until the end of the transaction; the tags' ids.
pub(super) async fn check_references(transaction: &Transaction, fields: &EventFields) -> Result<Vec<Uuid>, Fault> {
    check_category(transaction, &fields.category).await?;
    tag_ids(transaction, &fields.tags).await
}

/// There is such a category until the end of the transaction.
pub(super) async fn check_category(transaction: &Transaction, slug: &str) -> Result<(), Fault> {
    let category = "SELECT 1 FROM categories WHERE slug = $1 FOR KEY SHARE";
    if transaction.query_typed(category, &[(&slug, Type::TEXT)]).await?.is_empty() {
        return Err(unknown("category", "there is no such category").into());
    }
    Ok(())
}

/// The ids of tags that exist until the end of the transaction.
pub(super) async fn tag_ids(transaction: &Transaction, slugs: &[String]) -> Result<Vec<Uuid>, Fault> {
    let tags = "SELECT id FROM tags WHERE slug = ANY($1) ORDER BY id FOR KEY SHARE";
    let rows = transaction.query_typed(tags, &[(&slugs, Type::TEXT_ARRAY)]).await?;
    if rows.len() != slugs.len() {
        return Err(unknown("tags", "there is no such tag").into());
    }
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// `$4` is what the event sells now. It keeps to that version, whatever others there are; a map that is new to it sells its last
/// one.
const VERSION_TO_SELL: &str = "SELECT v.id FROM seat_maps m JOIN seat_map_versions v ON v.seat_map_id = m.id \
    WHERE m.id = $1 AND m.venue_id = $2 AND m.deleted_at IS NULL \
        AND (m.organizer_id IS NULL OR m.organizer_id = $3 OR v.id = $4) \
    ORDER BY v.id = $4 DESC NULLS LAST, v.number DESC LIMIT 1 FOR KEY SHARE OF m";

/// The version of the seat map that the event is to sell: of its venue, and its organizer's or the house's.
pub(super) async fn version_to_sell(
    transaction: &Transaction,
    fields: &EventFields,
    organizer: Uuid,
    now: Option<Uuid>,
) -> Result<Option<Uuid>, Fault> {
    let Some(map) = fields.seat_map_id else { return Ok(None) };
    let parameters: [Typed<'_>; 4] =
        [(&map.0, Type::UUID), (&fields.venue_id.0, Type::UUID), (&organizer, Type::UUID), (&now, Type::UUID)];
    let rows = transaction.query_typed(VERSION_TO_SELL, &parameters).await?;
    let row = rows.first().ok_or_else(|| unknown("seatMapId", "the venue has no such seat map"))?;
    Ok(Some(row.try_get(0)?))
}
