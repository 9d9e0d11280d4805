//! Words of an occurrence and of those that follow it, changed at once.

use domain::{
    audit::Action,
    events::{EventStatus, texts::Texts},
    ids::{EventId, SeriesId},
    management::{ChangeError, Expected, Manager},
};
use tokio_postgres::{Row, Transaction, types::Type};
use uuid::Uuid;

use super::{
    super::{super::rows, PgStore},
    Fault, Typed,
    events::{check_category, tag_ids},
    lock_event, note,
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
        let mut client = self.pool.get().await?;
        let transaction = client.transaction().await?;
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
        let rows = transaction.query_typed(COMPARE, &[(&series.0, Type::UUID), (&event.0, Type::UUID)]).await?;
        let (mut changed, mut retagged) = (Vec::new(), Vec::new());
        for row in &rows {
            let id: Uuid = row.try_get("id")?;
            let is_retagged = tags.is_some() && row.try_get("tags")?;
            if is_editable(row)? && (is_retagged || is_reworded(row, texts)?) {
                changed.push(id);
                retagged.extend(is_retagged.then_some(id));
            }
        }
        write(&transaction, event, &changed, texts).await?;
        if let Some(tags) = tags {
            write_tags(&transaction, &retagged, &tags).await?;
        }
        transaction.execute_typed("SELECT refresh_event_listings($1)", &[(&changed, Type::UUID_ARRAY)]).await?;
        let details = serde_json::json!({ "from": event, "events": changed.len(), "title": texts.title });
        note(&transaction, by, Action::Changed, ("series", series.to_string()), details).await?;
        transaction.commit().await?;
        Ok(changed.into_iter().map(EventId).collect())
    }
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

async fn write(transaction: &Transaction<'_>, event: EventId, ids: &[Uuid], texts: &Texts) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 6] = [
        (&event.0, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&texts.title, Type::TEXT),
        (&texts.summary, Type::TEXT),
        (&texts.description, Type::TEXT),
        (&texts.category, Type::TEXT),
    ];
    // Their listings once at the end, instead of once a table.
    transaction.batch_execute("SET LOCAL boxoffice.event_listings = 'later'").await?;
    transaction.execute_typed(CHANGE, &parameters).await?;
    Ok(())
}

async fn write_tags(transaction: &Transaction<'_>, events: &[Uuid], tags: &[Uuid]) -> Result<(), Fault> {
    let parameters: [Typed<'_>; 2] = [(&events, Type::UUID_ARRAY), (&tags, Type::UUID_ARRAY)];
    transaction.execute_typed("DELETE FROM event_tags WHERE event_id = ANY($1)", &parameters[..1]).await?;
    let insert = "INSERT INTO event_tags (event_id, tag_id) \
        SELECT event, tag FROM unnest($1::uuid[]) AS event CROSS JOIN unnest($2::uuid[]) AS tag";
    transaction.execute_typed(insert, &parameters).await?;
    Ok(())
}
