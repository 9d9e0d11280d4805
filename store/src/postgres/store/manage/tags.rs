//! Tags of events. Events show the names of tags, so deleting or renaming a tag locks its events first, and changes
//! their revisions. Every change takes the rows that join events and tags in the order (tag, event), and refreshes the
//! listings once, at the end: of two transactions that meet, one waits for the other, and neither for each other.

use domain::ids::EventId;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::super::connection::{Transaction, Typed},
    Fault,
};

const LOCK_OLD: &str =
    "SELECT 1 FROM event_tags WHERE event_id = ANY($1) AND tag_id <> ALL($2) ORDER BY tag_id, event_id FOR UPDATE";
const DELETE_OLD: &str = "DELETE FROM event_tags WHERE event_id = ANY($1) AND tag_id <> ALL($2)";
const INSERT_NEW: &str = "INSERT INTO event_tags (event_id, tag_id) \
    SELECT event, tag FROM unnest($2::uuid[]) AS tag CROSS JOIN unnest($1::uuid[]) AS event ORDER BY tag, event \
    ON CONFLICT DO NOTHING";

const LOCK_TAGGED: &str = "SELECT id FROM events WHERE id IN ( \
        SELECT x.event_id FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE t.slug = $1) \
    ORDER BY id FOR NO KEY UPDATE";
const TAGGED: &str = "SELECT event_id FROM event_tags WHERE tag_id = $1";
/// When the event itself last changed stays.
const TOUCH: &str = "UPDATE events SET revision = revision + 1 WHERE id = ANY($1)";

const LOCK_EVENTS_OF: &str = "SELECT event_id FROM event_tags WHERE tag_id = $1 ORDER BY event_id FOR UPDATE";
const DELETE_FROM_EVENTS: &str = "DELETE FROM event_tags WHERE tag_id = $1";

/// From now on in this transaction, listings are not refreshed with each statement. [`refresh_listings`] at its end.
pub(super) async fn defer_listings(transaction: &Transaction) -> Result<(), Fault> {
    Ok(transaction.batch_execute("SET LOCAL boxoffice.event_listings = 'later'").await?)
}

/// Brings the listings of these events up to date.
pub(super) async fn refresh_listings(transaction: &Transaction, events: &[Uuid]) -> Result<(), Fault> {
    if !events.is_empty() {
        transaction.execute_typed("SELECT refresh_event_listings($1)", &[(&events, Type::UUID_ARRAY)]).await?;
    }
    Ok(())
}

/// Has the events have these tags and no others: what stays is not touched.
pub(super) async fn set_tags(transaction: &Transaction, events: &[Uuid], tags: &[Uuid]) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 2] = [(&events, Type::UUID_ARRAY), (&tags, Type::UUID_ARRAY)];
    transaction.query_typed(LOCK_OLD, &parameters).await?;
    for statement in [DELETE_OLD, INSERT_NEW] {
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}

/// Takes all tags from an event that is about to be deleted.
pub(super) async fn remove_tags(transaction: &Transaction, event: EventId) -> Result<(), Fault> {
    set_tags(transaction, &[event.0], &[]).await
}

/// Takes a tag from all events that have it; which they were.
pub(super) async fn remove_tag(transaction: &Transaction, tag: Uuid) -> Result<Vec<Uuid>, Fault> {
    let parameters: [Typed<'_>; 1] = [(&tag, Type::UUID)];
    let rows = transaction.query_typed(LOCK_EVENTS_OF, &parameters).await?;
    transaction.execute_typed(DELETE_FROM_EVENTS, &parameters).await?;
    ids(&rows)
}

/// Locks the events that have a tag; which they are, in the order of their ids.
pub(super) async fn lock_tagged(transaction: &Transaction, slug: &str) -> Result<Vec<Uuid>, Fault> {
    ids(&transaction.query_typed(LOCK_TAGGED, &[(&slug, Type::TEXT)]).await?)
}

/// The events that have a tag.
pub(super) async fn tagged(transaction: &Transaction, tag: Uuid) -> Result<Vec<Uuid>, Fault> {
    ids(&transaction.query_typed(TAGGED, &[(&tag, Type::UUID)]).await?)
}

/// Moves the revisions of events that show a tag otherwise, or no more.
pub(super) async fn touch(transaction: &Transaction, events: &[Uuid]) -> Result<(), Fault> {
    if !events.is_empty() {
        transaction.execute_typed(TOUCH, &[(&events, Type::UUID_ARRAY)]).await?;
    }
    Ok(())
}

fn ids(rows: &[Row]) -> Result<Vec<Uuid>, Fault> {
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}
