//! Copies of an event: drafts with the same ticket types, quotas, seat map and tags, all of whose times are shifted alike. However
//! many there are, so many statements.

use domain::{
    audit::Action,
    ids::{EventId, SeriesId},
    management::{Conflict, Expected, Manager},
    text,
};
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::{
        super::connection::{Transaction, Typed},
        PgStore,
    },
    Fault, LockedEvent, Note,
    events::tail,
    lock_event, on_violation,
    tags::{defer_listings, set_tags},
};

/// `$1` is the event, `$2` the ids of the copies, `$3` by how much the times of each are shifted.
const COPY_EVENTS: &str = "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_id, title, summary, description, \
        category, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account, series_id) \
    SELECT n.id, n.slug, e.organizer_id, e.venue_id, e.seat_map_id, e.title, e.summary, e.description, e.category, \
        e.starts_at + n.shift::interval, e.ends_at + n.shift::interval, e.time_zone, e.currency, \
        e.sale_starts_at + n.shift::interval, e.sale_ends_at + n.shift::interval, e.max_per_account, $5 \
    FROM events e CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[]) AS n (id, shift, slug) WHERE e.id = $1";

/// The tags, which stay until the end of the transaction: one that is being deleted is not copied.
const TAGS: &str = "SELECT t.id FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = $1 ORDER BY t.id FOR KEY SHARE OF t";

/// The copies' ids are made here, and the copies of ticket types find those of their quotas by them.
const COPY_SALES: &str = "WITH quota AS MATERIALIZED ( \
        SELECT uuid_v7() AS copy, n.id AS event, q.* FROM quotas q CROSS JOIN unnest($2::uuid[]) AS n (id) \
        WHERE event_id = $1 \
    ), kind AS MATERIALIZED ( \
        SELECT uuid_v7() AS copy, n.id AS event, n.shift::interval AS shift, t.* \
        FROM ticket_types t CROSS JOIN unnest($2::uuid[], $3::text[]) AS n (id, shift) WHERE event_id = $1 \
    ), quotas_copied AS ( \
        INSERT INTO quotas (id, event_id, name, capacity) SELECT copy, event, name, capacity FROM quota \
    ), types_copied AS ( \
        INSERT INTO ticket_types (id, event_id, quota_id, name, description, position, price, seated, min_per_booking, \
            max_per_booking, sale_starts_at, sale_ends_at) \
        SELECT k.copy, k.event, q.copy, k.name, k.description, k.position, k.price, k.seated, k.min_per_booking, \
            k.max_per_booking, k.sale_starts_at + k.shift, k.sale_ends_at + k.shift \
        FROM kind k JOIN quota q ON q.id = k.quota_id AND q.event = k.event \
    ) INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
    SELECT k.copy, s.section_id FROM kind k JOIN ticket_type_sections s ON s.ticket_type_id = k.id";

/// What copies say is what the event says: folding it and taking it apart for each of them, as `refresh_event_listings` does, would be
/// most of the work.
const COPY_LISTINGS: &str = "INSERT INTO event_listings (event_id, status, starts_at, created_at, venue_id, category, city, title, \
        tags, sale_starts_at, sale_ends_at, price_min, price_max, words, series_id) \
    SELECT e.id, e.status, e.starts_at, e.created_at, l.venue_id, l.category, l.city, l.title, l.tags, e.sale_starts_at, \
        e.sale_ends_at, l.price_min, l.price_max, l.words, e.series_id \
    FROM event_listings l CROSS JOIN events e WHERE l.event_id = $1 AND e.id = ANY($2)";

/// A copy that is to be made.
pub(super) struct Copy {
    pub(super) id: EventId,
    pub(super) starts_at: Timestamp,
}

impl PgStore {
    pub(super) async fn copy_event(
        &self,
        by: &Manager,
        (id, expected): (EventId, Expected),
        copy: EventId,
        starts_at: Timestamp,
    ) -> Result<(), Fault> {
        self.noted(by, |transaction| async move {
            lock_event(&transaction, by, id, None).await?;
            if is_made(&transaction, copy).await? {
                return Ok(((), None));
            }
            // Not before: of a repetition nobody asks which revision was copied.
            let event = lock_event(&transaction, by, id, expected).await?;
            let note = Note::new(Action::Created, "event", copy, serde_json::json!({ "copyOf": id }));
            make_copies(&transaction, &event, &[Copy { id: copy, starts_at }], None).await?;
            Ok(((), note))
        })
        .await
    }
}

/// Whether there is such an event already: the request is repeated that broke off after its commit.
pub(super) async fn is_made(transaction: &Transaction, id: EventId) -> Result<bool, Fault> {
    let rows = transaction.query_typed("SELECT 1 FROM events WHERE id = $1", &[(&id.0, Type::UUID)]).await?;
    Ok(!rows.is_empty())
}

/// Makes the copies, as occurrences of a series or as events of their own.
pub(super) async fn make_copies(
    transaction: &Transaction,
    event: &LockedEvent,
    copies: &[Copy],
    series: Option<SeriesId>,
) -> Result<(), Fault> {
    let rows = transaction
        .query_typed("SELECT title, time_zone FROM events WHERE id = $1", &[(&event.id.0, Type::UUID)])
        .await?;
    let (title, zone): (&str, &str) = match rows.first() {
        Some(row) => (row.try_get("title")?, row.try_get("time_zone")?),
        None => ("", ""),
    };
    // Only a name.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let ids: Vec<Uuid> = copies.iter().map(|copy| copy.id.0).collect();
    let slugs: Vec<String> = copies.iter().map(|copy| slug(title, copy, series, &zone)).collect();
    let shifts: Vec<String> = copies
        .iter()
        .map(|copy| format!("{} microseconds", copy.starts_at.as_microsecond() - event.starts_at.as_microsecond()))
        .collect();
    let parameters: [Typed<'_>; 5] = [
        (&event.id.0, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&shifts, Type::TEXT_ARRAY),
        (&slugs, Type::TEXT_ARRAY),
        (&series.map(|series| series.0), Type::UUID),
    ];
    // Their listings are made at the end.
    defer_listings(transaction).await?;
    transaction.execute_typed(COPY_EVENTS, &parameters).await.map_err(|error| {
        on_violation(error, |constraint| {
            // A sibling was moved to one of these times in this very moment.
            (constraint == "events_series_start_key").then(|| Conflict::Repeated(Vec::new()).into())
        })
    })?;
    let tags = transaction.query_typed(TAGS, &parameters[..1]).await?;
    let tags: Vec<Uuid> = tags.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    set_tags(transaction, &ids, &tags).await?;
    // Foreign keys are checked at the end of the statement, so the order within it does not matter.
    transaction.execute_typed(COPY_SALES, &parameters[..3]).await?;
    transaction.execute_typed(COPY_LISTINGS, &parameters[..2]).await?;
    Ok(())
}

/// Occurrences are told apart by their day.
fn slug(title: &str, copy: &Copy, series: Option<SeriesId>, zone: &TimeZone) -> String {
    let tail = tail(copy.id);
    match series {
        Some(_) => {
            let day = zone.to_datetime(copy.starts_at).date();
            text::slug_of(title, &format!("{:04}{:02}{:02}-{tail}", day.year(), day.month(), day.day()))
        }
        None => text::slug_of(title, &tail),
    }
}
