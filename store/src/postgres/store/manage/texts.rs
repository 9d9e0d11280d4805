//! Texts of a series: those of an occurrence and the following ones, changed at once.

use std::sync::LazyLock;

use domain::{
    audit::Action,
    events::{EventStatus, fields::EventFields},
    ids::{EventId, SeriesId},
    management::{ChangeError, Changed, Expected, Manager},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{connection::Transaction, rows},
        PgStore,
        event_columns::{IS_REWORDED, REWORD, Values},
    },
    Fault, Note, editable, lock_event,
    references::{check_category, tag_ids},
    tags::{defer_listings, refresh_listings, set_tags},
};

/// In one order, so that two such changes wait for each other instead of dead-locking.
const LOCK: &str = "SELECT 1 FROM events WHERE series_id = $1 AND ($2::uuid IS NULL OR organizer_id = $2) ORDER BY id \
    FOR NO KEY UPDATE";

/// Those that follow `$2` and are not over, the first of them itself. `$3` are tags.
static COMPARE: LazyLock<String> = LazyLock::new(|| {
    let is_reworded = &*IS_REWORDED;
    format!(
        "SELECT e.id, e.status::text AS status, {is_reworded} AS is_reworded, \
            t.tags = ARRAY(SELECT tag_id FROM event_tags WHERE event_id = r.id ORDER BY tag_id) AND t.tags <> $3 AS is_retagged \
         FROM events r JOIN events e USING (series_id) \
            CROSS JOIN LATERAL (SELECT ARRAY(SELECT tag_id FROM event_tags WHERE event_id = e.id ORDER BY tag_id) AS tags) AS t \
         WHERE r.id = $2 AND e.series_id = $1 AND e.starts_at >= r.starts_at AND (e.ends_at > now() OR e.id = r.id)"
    )
});

impl PgStore {
    pub(super) async fn change_texts(
        &self,
        by: &Manager,
        series: SeriesId,
        event: EventId,
        expected: Expected,
        fields: &EventFields,
    ) -> Changed<Vec<EventId>> {
        self.noted(by, |transaction| async move {
            let only = by.only().map(|account| account.0);
            transaction.query_typed(LOCK, &[(&series.0, Type::UUID), (&only, Type::UUID)]).await?;
            let locked = lock_event(&transaction, by, event, expected).await?;
            if locked.series_id != Some(series) {
                return Err(ChangeError::NotFound.into());
            }
            editable(&locked)?;
            if fields.category != locked.category {
                check_category(&transaction, &fields.category).await?;
            }
            let mut tags = tag_ids(&transaction, &fields.tags).await?;
            tags.sort_unstable();
            let (changed, retagged) = to_change(&transaction, (series, event), fields, &tags).await?;
            if changed.is_empty() {
                return Ok((Vec::new(), None));
            }
            // Their listings once at the end, instead of once a table.
            defer_listings(&transaction).await?;
            let texts = Values::of_texts(fields);
            let parameters = texts.after(&[(&event.0, Type::UUID), (&changed, Type::UUID_ARRAY)]);
            transaction.execute_typed(&REWORD, &parameters).await?;
            set_tags(&transaction, &retagged, &tags).await?;
            refresh_listings(&transaction, &changed).await?;
            let retitled = Some(&fields.title).filter(|title| **title != locked.title);
            let details = serde_json::json!({ "from": event, "events": changed.len(), "title": retitled });
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
    let texts = Values::of_texts(fields);
    let parameters = texts.after(&[(&series.0, Type::UUID), (&event.0, Type::UUID), (&tags, Type::UUID_ARRAY)]);
    let (mut changed, mut retagged) = (Vec::new(), Vec::new());
    for row in &transaction.query_typed(&COMPARE, &parameters).await? {
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
