//! Texts of a series: those of an occurrence and the following ones, changed at once.

use domain::{
    audit::Action,
    events::{EventStatus, fields::EventFields},
    ids::{EventId, SeriesId},
    management::{ChangeError, Expected, Manager},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows,
        },
        PgStore,
    },
    Fault, Note, lock_event,
    references::check_references,
    tags::{defer_listings, refresh_listings, set_tags},
};

/// In one order, so that two such changes wait for each other instead of dead-locking.
const LOCK: &str = "SELECT 1 FROM events WHERE series_id = $1 AND ($2::uuid IS NULL OR organizer_id = $2) ORDER BY id \
    FOR NO KEY UPDATE";

/// Those that follow `$2` and are not over, the first of them itself: whether a text of them reads the same, and would read otherwise.
const COMPARE: &str = "SELECT e.id, e.status::text AS status, \
        e.title = r.title AND e.title <> $3 OR e.summary = r.summary AND e.summary <> $4 \
            OR e.description = r.description AND e.description <> $5 OR e.category = r.category AND e.category <> $6 AS is_reworded, \
        t.tags = ARRAY(SELECT tag_id FROM event_tags WHERE event_id = r.id ORDER BY tag_id) AND t.tags <> $7 AS is_retagged \
    FROM events r JOIN events e USING (series_id) \
        CROSS JOIN LATERAL (SELECT ARRAY(SELECT tag_id FROM event_tags WHERE event_id = e.id ORDER BY tag_id) AS tags) AS t \
    WHERE r.id = $2 AND e.series_id = $1 AND e.starts_at >= r.starts_at AND (e.ends_at > now() OR e.id = r.id)";

const CHANGE: &str = "UPDATE events e SET \
        title = CASE WHEN e.title = r.title THEN $3 ELSE e.title END, \
        summary = CASE WHEN e.summary = r.summary THEN $4 ELSE e.summary END, \
        description = CASE WHEN e.description = r.description THEN $5 ELSE e.description END, \
        category = CASE WHEN e.category = r.category THEN $6 ELSE e.category END, \
        revision = e.revision + 1, updated_at = now() \
    FROM events r WHERE r.id = $1 AND e.id = ANY($2)";

impl PgStore {
    pub(super) async fn change_texts(
        &self,
        by: &Manager,
        series: SeriesId,
        event: EventId,
        expected: Expected,
        fields: &EventFields,
    ) -> Result<Vec<EventId>, Fault> {
        self.noted(by, |transaction| async move {
            let only = by.only().map(|account| account.0);
            transaction.query_typed(LOCK, &[(&series.0, Type::UUID), (&only, Type::UUID)]).await?;
            let locked = lock_event(&transaction, by, event, expected).await?;
            if locked.series != Some(series) {
                return Err(ChangeError::NotFound.into());
            }
            locked.editable()?;
            let mut tags = check_references(&transaction, fields).await?;
            tags.sort_unstable();
            let (changed, retagged) = to_change(&transaction, (series, event), fields, &tags).await?;
            if changed.is_empty() {
                return Ok((Vec::new(), None));
            }
            write(&transaction, event, &changed, fields).await?;
            set_tags(&transaction, &retagged, &tags).await?;
            refresh_listings(&transaction, &changed).await?;
            let details = serde_json::json!({ "from": event, "events": changed.len(), "title": fields.title });
            let note = Note::new(Action::Changed, "series", series, details);
            Ok((changed.into_iter().map(EventId).collect(), note))
        })
        .await
    }
}

/// The events whose texts change, and among them those that get other tags.
async fn to_change(
    transaction: &Transaction,
    (series, event): (SeriesId, EventId),
    fields: &EventFields,
    tags: &[Uuid],
) -> Result<(Vec<Uuid>, Vec<Uuid>), Fault> {
    let parameters: [Typed<'_>; 7] = [
        (&series.0, Type::UUID),
        (&event.0, Type::UUID),
        (&fields.title, Type::TEXT),
        (&fields.summary, Type::TEXT),
        (&fields.description, Type::TEXT),
        (&fields.category, Type::TEXT),
        (&tags, Type::UUID_ARRAY),
    ];
    let (mut changed, mut retagged) = (Vec::new(), Vec::new());
    for row in &transaction.query_typed(COMPARE, &parameters).await? {
        let (id, is_retagged): (Uuid, bool) = (row.try_get("id")?, row.try_get("is_retagged")?);
        if is_editable(row)? && (is_retagged || row.try_get("is_reworded")?) {
            changed.push(id);
            retagged.extend(is_retagged.then_some(id));
        }
    }
    Ok((changed, retagged))
}

fn is_editable(row: &Row) -> Result<bool, Fault> {
    let status: EventStatus = rows::parse(row.try_get("status")?)?;
    Ok(status.is_editable())
}

async fn write(transaction: &Transaction, event: EventId, ids: &[Uuid], fields: &EventFields) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 6] = [
        (&event.0, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&fields.title, Type::TEXT),
        (&fields.summary, Type::TEXT),
        (&fields.description, Type::TEXT),
        (&fields.category, Type::TEXT),
    ];
    // Their listings once at the end, instead of once a table.
    defer_listings(transaction).await?;
    transaction.execute_typed(CHANGE, &parameters).await?;
    Ok(())
}
