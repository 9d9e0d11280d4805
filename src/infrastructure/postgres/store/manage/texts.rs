//! Words of an occurrence and of those that follow it, changed at once.

use domain::{
    audit::Action,
    events::{EventStatus, texts::Texts},
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
    references::{check_category, tag_ids},
    tags::{defer_listings, refresh_listings, set_tags},
};

/// In one order, so that two such changes wait for each other instead of dead-locking.
const LOCK: &str = "SELECT 1 FROM events WHERE series_id = $1 AND ($2::uuid IS NULL OR organizer_id = $2) ORDER BY id \
    FOR NO KEY UPDATE";

/// Those that follow `$2` and are not over, the first of them itself: what of them reads the same.
const COMPARE: &str = "SELECT e.id, e.status::text AS status, e.title = r.title AS title, e.summary = r.summary AS summary, \
        e.description = r.description AS description, e.category = r.category AS category, \
        ARRAY(SELECT tag_id FROM event_tags WHERE event_id = e.id ORDER BY tag_id) \
            = ARRAY(SELECT tag_id FROM event_tags WHERE event_id = r.id ORDER BY tag_id) AS tags \
    FROM events r JOIN events e USING (series_id) \
    WHERE r.id = $2 AND e.series_id = $1 AND e.starts_at >= r.starts_at AND (e.ends_at > now() OR e.id = r.id)";

const CHANGE: &str = "UPDATE events e SET \
        title = CASE WHEN e.title = r.title THEN coalesce($3, e.title) ELSE e.title END, \
        summary = CASE WHEN e.summary = r.summary THEN coalesce($4, e.summary) ELSE e.summary END, \
        description = CASE WHEN e.description = r.description THEN coalesce($5, e.description) ELSE e.description END, \
        category = CASE WHEN e.category = r.category THEN coalesce($6, e.category) ELSE e.category END, \
        revision = e.revision + 1, updated_at = now() \
    FROM events r WHERE r.id = $1 AND e.id = ANY($2)";

impl PgStore {
    pub(super) async fn change_texts(
        &self,
        by: &Manager,
        series: SeriesId,
        event: EventId,
        expected: Expected,
        texts: &Texts,
    ) -> Result<Vec<EventId>, Fault> {
        self.noted(by, |transaction| async move {
            let only = by.only().map(|account| account.0);
            transaction.query_typed(LOCK, &[(&series.0, Type::UUID), (&only, Type::UUID)]).await?;
            let locked = lock_event(&transaction, by, event, expected).await?;
            if locked.series != Some(series) {
                return Err(ChangeError::NotFound.into());
            }
            locked.editable()?;
            if let Some(category) = &texts.category {
                check_category(&transaction, category).await?;
            }
            let tags = match &texts.tags {
                Some(slugs) => Some(tag_ids(&transaction, slugs).await?),
                None => None,
            };
            let (changed, retagged) = to_change(&transaction, series, event, texts).await?;
            write(&transaction, event, &changed, texts).await?;
            if let Some(tags) = tags {
                set_tags(&transaction, &retagged, &tags).await?;
            }
            refresh_listings(&transaction, &changed).await?;
            let details = serde_json::json!({ "from": event, "events": changed.len(), "title": texts.title });
            let note = Note::new(Action::Changed, "series", series, details);
            Ok((changed.into_iter().map(EventId).collect(), note))
        })
        .await
    }
}

/// The events whose texts change, and among them those that get other tags.
async fn to_change(
    transaction: &Transaction,
    series: SeriesId,
    event: EventId,
    texts: &Texts,
) -> Result<(Vec<Uuid>, Vec<Uuid>), Fault> {
    let (mut changed, mut retagged) = (Vec::new(), Vec::new());
    for row in &transaction.query_typed(COMPARE, &[(&series.0, Type::UUID), (&event.0, Type::UUID)]).await? {
        let id: Uuid = row.try_get("id")?;
        let is_retagged = texts.tags.is_some() && row.try_get("tags")?;
        if is_editable(row)? && (is_retagged || is_reworded(row, texts)?) {
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

fn is_reworded(row: &Row, texts: &Texts) -> Result<bool, Fault> {
    let given = [
        ("title", texts.title.is_some()),
        ("summary", texts.summary.is_some()),
        ("description", texts.description.is_some()),
        ("category", texts.category.is_some()),
    ];
    for (column, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        if row.try_get(column)? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn write(transaction: &Transaction, event: EventId, ids: &[Uuid], texts: &Texts) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 6] = [
        (&event.0, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&texts.title, Type::TEXT),
        (&texts.summary, Type::TEXT),
        (&texts.description, Type::TEXT),
        (&texts.category, Type::TEXT),
    ];
    // Their listings once at the end, instead of once a table.
    defer_listings(transaction).await?;
    transaction.execute_typed(CHANGE, &parameters).await?;
    Ok(())
}
