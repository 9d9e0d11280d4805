//! Event management: list, add, change, delete.

use async_trait::async_trait;
use domain::{
    audit::Action,
    events::{Event, EventStatus, fields::EventFields, managed::RefundCounts},
    ids::{AccountId, EventId, SeatMapId},
    lists::{ListQuery, Page},
    management::{
        Changed, Conflict, Expected, Manager,
        events::{Cancellation, EventManagement, ManagedEvent},
    },
    repositories::{EventTag, Found},
    text,
};
use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::StoreError,
        },
        PgStore,
        event_columns::{INSERT, SELECTED, UPDATE, Values, Written, event},
        lists::{self, table::TableList},
    },
    Fault, Note,
    allowances::check_drafts,
    copies::{Copy, is_made, make_copies, tail},
    dates::tell_of_change,
    editable, lock_event, move_versions,
    offering::Unchanged,
    on_violation,
    references::{check_references, unknown, version_to_sell},
    tags::{defer_listings, refresh_listings, remove_tags, set_tags},
};

/// The refunds that follow from an event's cancellation: of cancellations that nobody has asked for. None of an event that is not cancelled,
/// because nothing equals NULL.
macro_rules! refund_counts {
    () => {
        "(SELECT ARRAY[count(*) FILTER (WHERE r.state = 'PENDING'), count(*) FILTER (WHERE r.state = 'SUCCEEDED'), \
            count(*) FILTER (WHERE r.state = 'FAILED' AND r.replaced_by_id IS NULL)] \
        FROM refunds r JOIN cancellations k ON k.id = r.cancellation_id \
        WHERE r.event_id = c.event_id AND k.account_id IS NULL) AS refund_counts"
    };
}
pub(super) use refund_counts;

/// Tags and the state of a cancellation come with each row, so that a page is one statement.
const MANAGED: &str = concat!(
    "e.revision, e.publish_at, \
    (SELECT v.seat_map_id FROM seat_map_versions v WHERE v.id = e.seat_map_version_id) AS map_id, \
    (SELECT v.number FROM seat_map_versions v WHERE v.id = e.seat_map_version_id) AS map_version, c.total, c.done, c.started_at, c.finished_at, \
    ",
    refund_counts!(),
    ", \
    ARRAY(SELECT t.slug FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.slug) AS tag_slugs, \
    ARRAY(SELECT t.name FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = e.id ORDER BY t.slug) AS tag_names"
);

fn managed(row: &Row) -> Result<ManagedEvent, StoreError> {
    let (slugs, names): (Vec<String>, Vec<String>) = (row.try_get("tag_slugs")?, row.try_get("tag_names")?);
    let map: Option<Uuid> = row.try_get("map_id")?;
    let version: Option<i32> = row.try_get("map_version")?;
    Ok(ManagedEvent {
        event: event(row)?,
        seat_map: map.map(SeatMapId).zip(version.and_then(|number| u32::try_from(number).ok())),
        publish_at: row.try_get("publish_at")?,
        tags: slugs.into_iter().zip(names).map(|(slug, name)| EventTag { slug, name }).collect(),
        cancellation: cancellation(row)?,
        revision: row.try_get("revision")?,
    })
}

/// How far the bookings of a cancelled event are cancelled; nothing for any other.
pub(super) fn cancellation(row: &Row) -> Result<Option<Cancellation>, StoreError> {
    let Some(total) = row.try_get::<_, Option<i64>>("total")? else { return Ok(None) };
    Ok(Some(Cancellation {
        total: u64::try_from(total).unwrap_or(0),
        done: u64::try_from(row.try_get::<_, i64>("done")?).unwrap_or(0),
        refunds: refunds(&row.try_get::<_, Vec<i64>>("refund_counts")?),
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
    }))
}

fn refunds(counts: &[i64]) -> RefundCounts {
    let count = |at: usize| counts.get(at).and_then(|count| u64::try_from(*count).ok()).unwrap_or(0);
    RefundCounts { pending: count(0), succeeded: count(1), failed: count(2) }
}

impl PgStore {
    async fn read_managed_event(&self, by: &Manager, id: EventId) -> Result<Option<ManagedEvent>, StoreError> {
        let statement = format!(
            "SELECT {}, {MANAGED} FROM events e LEFT JOIN event_cancellations c ON c.event_id = e.id \
             WHERE e.id = $1 AND ($2::uuid IS NULL OR e.organizer_id = $2)",
            *SELECTED
        );
        let only = by.only().map(|account| account.0);
        let client = self.pool.get().await?;
        let rows = client.query_typed(&statement, &[(&id.0, Type::UUID), (&only, Type::UUID)]).await?;
        rows.first().map(managed).transpose()
    }
}

const HAS_BOOKINGS: &str =
    "the event has or had bookings, so it can't be deleted: publish it again and cancel it, or keep it";

/// The versions have moved, so nothing is taken any more that is not taken now.
const TAKEN: &str = "SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1) AS has_bookings, \
    EXISTS (SELECT FROM holds WHERE event_id = $1 AND status = 'ACTIVE' AND kind = 'BLOCK') AS has_blocks, \
    EXISTS (SELECT FROM holds WHERE event_id = $1 AND status = 'ACTIVE' AND kind = 'HOLD') AS has_holds";

async fn nothing_is_taken(transaction: &Transaction, id: EventId) -> Result<(), Fault> {
    let rows = transaction.query_typed(TAKEN, &[(&id.0, Type::UUID)]).await?;
    let row = rows.first().ok_or_else(|| StoreError::Row("nothing is known of an event".to_owned()))?;
    let reasons = [
        ("has_bookings", HAS_BOOKINGS),
        ("has_blocks", "the event has blocks: release them first"),
        ("has_holds", "the event has holds: wait until they have expired"),
    ];
    for (column, reason) in reasons {
        if row.try_get(column)? {
            return Err(Conflict::Event(reason).into());
        }
    }
    Ok(())
}

/// The version of the seat map that an event sells.
pub(super) fn version_of(event: &Event) -> Option<Uuid> {
    event.seat_map_version_id.map(|version| version.0)
}

fn slug_to_use(id: EventId, fields: &EventFields) -> String {
    fields.slug.clone().unwrap_or_else(|| text::slug_of(&fields.title, &tail(id)))
}

async fn write_event(
    transaction: &Transaction,
    statement: &str,
    (id, organizer): (EventId, Option<AccountId>),
    map: Option<Uuid>,
    fields: &EventFields,
) -> Result<u64, Fault> {
    let slug = slug_to_use(id, fields);
    let organizer = organizer.map(|account| account.0);
    let values = Values::of(&Written { slug: &slug, seat_map: map, fields });
    let parameters = values.after(&[(&id.0, Type::UUID), (&organizer, Type::UUID)]);
    transaction.execute_typed(statement, &parameters).await.map_err(|error| {
        on_violation(error, |constraint| match constraint {
            "events_slug_key" => Some(Conflict::SlugTaken(slug.clone()).into()),
            "events_series_start_key" => Some(Conflict::Repeated(vec![fields.starts_at]).into()),
            "events_organizer_id_fkey" => Some(unknown("organizerId", "there is no such account").into()),
            "events_venue_id_fkey" => Some(unknown("venueId", "there is no such venue").into()),
            _ => None,
        })
    })
}

const HAS_TYPES: &str = "SELECT 1 FROM ticket_types WHERE event_id = $1 LIMIT 1";
/// Fees and promo codes of an amount.
const HAS_AMOUNTS: &str = "SELECT 1 FROM sale_terms WHERE event_id = $1 \
        AND jsonb_path_exists(fees, '$[*] ? (@.kind != \"PERCENT\" || exists(@.cap))') \
    UNION ALL SELECT 1 FROM promo_codes WHERE event_id = $1 AND kind = 'FIXED' LIMIT 1";

/// Prices are in the event's currency and seated ticket types sell the map's sections: neither changes under them.
async fn keeps_what_is_sold(
    transaction: &Transaction,
    before: &Event,
    map: Option<Uuid>,
    fields: &EventFields,
) -> Result<(), Fault> {
    let is_same_currency = before.currency == fields.currency;
    if is_same_currency && version_of(before) == map {
        return Ok(());
    }
    let of_event: [Typed<'_>; 1] = [(&before.id.0, Type::UUID)];
    if !transaction.query_typed(HAS_TYPES, &of_event).await?.is_empty() {
        return Err(Conflict::Event("currency and seat map can't be changed while the event has ticket types").into());
    }
    if !is_same_currency && !transaction.query_typed(HAS_AMOUNTS, &of_event).await?.is_empty() {
        let conflict = "the currency can't be changed while the event has fees or promo codes of an amount";
        return Err(Conflict::Event(conflict).into());
    }
    Ok(())
}

#[async_trait]
impl EventManagement for PgStore {
    async fn managed_events(&self, by: &Manager, query: &ListQuery) -> Found<Page<ManagedEvent>> {
        let events = TableList {
            query,
            from: "events e",
            of: "e.",
            joined: " LEFT JOIN event_cancellations c ON c.event_id = e.id",
            columns: |statement| {
                statement.sql(&SELECTED).sql(", ").sql(MANAGED);
            },
            conditions: |statement| {
                statement.sql("true");
                if let Some(only) = by.only() {
                    statement.sql(" AND e.organizer_id = ").bind(only.0, Type::UUID);
                }
                // Title and slug have an index each, of their parts.
                if let Some(q) = query.text("q") {
                    statement.sql(" AND (fold(e.title) LIKE part_pattern(").bind(q.to_owned(), Type::TEXT);
                    statement.sql(") OR e.slug LIKE part_pattern(").bind(q.to_owned(), Type::TEXT).sql("))");
                }
            },
        };
        Ok(lists::read(&self.pool.get().await?, &events, query).await?.entries(managed)?)
    }

    async fn managed_event(&self, by: &Manager, id: EventId) -> Found<Option<ManagedEvent>> {
        Ok(self.read_managed_event(by, id).await?)
    }

    async fn create_event(&self, by: &Manager, id: EventId, organizer: AccountId, fields: &EventFields) -> Changed {
        self.noted(by, |transaction| async move {
            let tags = check_references(&transaction, fields).await?;
            let map = version_to_sell(&transaction, fields, organizer.0, None).await?;
            defer_listings(&transaction).await?;
            if write_event(&transaction, &INSERT, (id, Some(organizer)), map, fields).await? == 1 {
                check_drafts(&transaction, by, organizer).await?;
                set_tags(&transaction, &[id.0], &tags).await?;
                refresh_listings(&transaction, &[id.0]).await?;
            }
            let details = serde_json::json!({ "title": fields.title });
            Ok(((), Note::new(Action::Created, "event", id, details)))
        })
        .await
    }

    async fn update_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        organizer: Option<AccountId>,
        fields: &EventFields,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            let before = lock_event(&transaction, by, id, expected).await?;
            editable(&before)?;
            let of = organizer.unwrap_or(before.organizer_id);
            let map = version_to_sell(&transaction, fields, of.0, version_of(&before)).await?;
            if !fields.keeps_plan(&before) || version_of(&before) != map {
                move_versions(&transaction, id).await?;
            }
            keeps_what_is_sold(&transaction, &before, map, fields).await?;
            let unchanged = Unchanged::of(&transaction, id, before.status).await?;
            let tags = check_references(&transaction, fields).await?;
            defer_listings(&transaction).await?;
            write_event(&transaction, &UPDATE, (id, organizer), map, fields).await?;
            unchanged.keeps_rules(&transaction).await?;
            tell_of_change(&transaction, &before, fields).await?;
            set_tags(&transaction, &[id.0], &tags).await?;
            refresh_listings(&transaction, &[id.0]).await?;
            let details = serde_json::json!({ "title": fields.title });
            Ok(((), Note::new(Action::Changed, "event", id, details)))
        })
        .await
    }

    async fn delete_event(&self, by: &Manager, id: EventId, expected: Expected) -> Changed {
        self.noted(by, |transaction| async move {
            let event = lock_event(&transaction, by, id, expected).await?;
            if event.status != EventStatus::Draft {
                return Err(Conflict::Event("only a draft can be deleted: cancel or archive the event").into());
            }
            move_versions(&transaction, id).await?;
            nothing_is_taken(&transaction, id).await?;
            defer_listings(&transaction).await?;
            remove_tags(&transaction, id).await?;
            // Its ticket types go with it, by the trigger that has the last word.
            let deleted = transaction.execute_typed("DELETE FROM events WHERE id = $1", &[(&id.0, Type::UUID)]).await;
            deleted.map_err(|error| on_violation(error, |_| Some(Conflict::Event(HAS_BOOKINGS).into())))?;
            Ok(((), Note::new(Action::Deleted, "event", id, serde_json::json!({}))))
        })
        .await
    }

    async fn duplicate_event(
        &self,
        by: &Manager,
        id: EventId,
        expected: Expected,
        copy: EventId,
        starts_at: Timestamp,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            lock_event(&transaction, by, id, None).await?;
            if is_made(&transaction, copy).await? {
                return Ok(((), None));
            }
            // Not before: of a repetition nobody asks which revision was copied.
            let event = lock_event(&transaction, by, id, expected).await?;
            let note = Note::new(Action::Created, "event", copy, serde_json::json!({ "copyOf": id }));
            make_copies(&transaction, &event, &[Copy { id: copy, starts_at }], None).await?;
            check_drafts(&transaction, by, event.organizer_id).await?;
            Ok(((), note))
        })
        .await
    }
}
