//! Event copies: drafts with the same ticket types, quotas, prices, promo codes, seat map and tags, and with times that follow from their
//! beginning, see [`Shift`]. The number of statements does not depend on the number of copies.

mod prices;

use domain::{
    events::{
        Event,
        copies::{OutOfYears, Shift},
        fields::is_at_once,
    },
    ids::{EventId, SeriesId},
    management::Conflict,
    text,
    validation::FieldError,
};
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::StoreError,
        },
        event_columns::COPY,
    },
    Fault, on_violation,
    tags::{defer_listings, set_tags},
};

/// Ticket types that are not sold as long as the event.
const WINDOWS: &str = "SELECT id, sale_starts_at, sale_ends_at FROM ticket_types \
    WHERE event_id = $1 AND (sale_starts_at IS NOT NULL OR sale_ends_at IS NOT NULL)";

/// The tags, which stay until the end of the transaction: one that is being deleted is not copied.
const TAGS: &str = "SELECT t.id FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = $1 ORDER BY t.id FOR KEY SHARE OF t";

/// The copies' ids are made here, and the copies of ticket types find those of their quotas by them. `$3` to `$6` are the windows of
/// those that have one: of which copy, of which ticket type of the event, from when and until when.
const COPY_SALES: &str = "WITH quota AS MATERIALIZED ( \
        SELECT uuid_v7() AS copy, n.id AS event, q.* FROM quotas q CROSS JOIN unnest($2::uuid[]) AS n (id) \
        WHERE event_id = $1 \
    ), kind AS MATERIALIZED ( \
        SELECT uuid_v7() AS copy, n.id AS event, w.sale_starts_at AS opens, w.sale_ends_at AS closes, t.* \
        FROM ticket_types t CROSS JOIN unnest($2::uuid[]) AS n (id) \
        LEFT JOIN unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[]) \
            AS w (event, ticket_type, sale_starts_at, sale_ends_at) ON w.event = n.id AND w.ticket_type = t.id \
        WHERE event_id = $1 \
    ), quotas_copied AS ( \
        INSERT INTO quotas (id, event_id, name, capacity) SELECT copy, event, name, capacity FROM quota \
    ), types_copied AS ( \
        INSERT INTO ticket_types (id, event_id, quota_id, name, description, position, price, seated, min_per_booking, \
            max_per_booking, hidden, tax_rate, sale_starts_at, sale_ends_at) \
        SELECT k.copy, k.event, q.copy, k.name, k.description, k.position, k.price, k.seated, k.min_per_booking, \
            k.max_per_booking, k.hidden, k.tax_rate, k.opens, k.closes \
        FROM kind k JOIN quota q ON q.id = k.quota_id AND q.event = k.event \
    ) INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
    SELECT k.copy, s.section_id FROM kind k JOIN ticket_type_sections s ON s.ticket_type_id = k.id";

/// What copies say is what the event says: folding it and taking it apart for each of them, as `refresh_event_listings` does, would be
/// most of the work.
const COPY_LISTINGS: &str = "INSERT INTO event_listings (event_id, status, starts_at, ends_at, created_at, venue_id, category, city_key, \
        title_key, tags, sale_starts_at, sale_ends_at, price_min, price_max, words, series_id) \
    SELECT e.id, e.status, e.starts_at, e.ends_at, e.created_at, l.venue_id, l.category, l.city_key, l.title_key, l.tags, \
        e.sale_starts_at, e.sale_ends_at, l.price_min, l.price_max, l.words, e.series_id \
    FROM event_listings l CROSS JOIN events e WHERE l.event_id = $1 AND e.id = ANY($2)";

/// A copy that is to be made.
pub(super) struct Copy {
    pub(super) id: EventId,
    pub(super) starts_at: Timestamp,
}

/// Whether there is such an event already: the request is repeated that broke off after its commit.
pub(super) async fn is_made(transaction: &Transaction, id: EventId) -> Result<bool, Fault> {
    let rows = transaction.query_typed("SELECT 1 FROM events WHERE id = $1", &[(&id.0, Type::UUID)]).await?;
    Ok(!rows.is_empty())
}

/// Makes the copies, as occurrences of a series or as events of their own.
pub(super) async fn make_copies(
    transaction: &Transaction,
    event: &Event,
    copies: &[Copy],
    series: Option<SeriesId>,
) -> Result<(), Fault> {
    // Only a name.
    let zone = TimeZone::get(&event.time_zone).unwrap_or(TimeZone::UTC);
    let too_far = |error: OutOfYears| {
        let field = if series.is_some() { "starts" } else { "startsAt" };
        FieldError::new(field, "OUT_OF_RANGE", error.to_string())
    };
    let ids: Vec<Uuid> = copies.iter().map(|copy| copy.id.0).collect();
    let slugs: Vec<String> = copies.iter().map(|copy| slug(&event.title, copy, series, &zone)).collect();
    let times = Times::of(event, copies, &zone).map_err(too_far)?;
    let types = transaction.query_typed(WINDOWS, &[(&event.id.0, Type::UUID)]).await?;
    let types = types.iter().map(own_window).collect::<Result<Vec<_>, _>>()?;
    let windows = Windows::of(event, copies, &zone, &types, &times.ends_at).map_err(too_far)?;
    let series = series.map(|series| series.0);
    let parameters: [Typed<'_>; 8] = [
        (&event.id.0, Type::UUID),
        (&series, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&slugs, Type::TEXT_ARRAY),
        (&times.starts_at, Type::TIMESTAMPTZ_ARRAY),
        (&times.ends_at, Type::TIMESTAMPTZ_ARRAY),
        (&times.sale_starts_at, Type::TIMESTAMPTZ_ARRAY),
        (&times.sale_ends_at, Type::TIMESTAMPTZ_ARRAY),
    ];
    // Their listings are made at the end.
    defer_listings(transaction).await?;
    transaction.execute_typed(&COPY, &parameters).await.map_err(|error| {
        on_violation(error, |constraint| {
            // A sibling was moved to one of these times in this very moment.
            (constraint == "events_series_start_key").then(|| Conflict::Repeated(Vec::new()).into())
        })
    })?;
    let tags = transaction.query_typed(TAGS, &parameters[..1]).await?;
    let tags: Vec<Uuid> = tags.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    set_tags(transaction, &ids, &tags).await?;
    // Foreign keys are checked at the end of the statement, so the order within it does not matter.
    let sales: [Typed<'_>; 6] = [
        (&event.id.0, Type::UUID),
        (&ids, Type::UUID_ARRAY),
        (&windows.events, Type::UUID_ARRAY),
        (&windows.types, Type::UUID_ARRAY),
        (&windows.from, Type::TIMESTAMPTZ_ARRAY),
        (&windows.until, Type::TIMESTAMPTZ_ARRAY),
    ];
    transaction.execute_typed(COPY_SALES, &sales).await?;
    prices::copy(transaction, event, copies, (&zone, &times.ends_at), &too_far).await?;
    transaction.execute_typed(COPY_LISTINGS, &sales[..2]).await?;
    Ok(())
}

/// The times of copies, in their order.
#[derive(Default)]
struct Times {
    starts_at: Vec<Timestamp>,
    ends_at: Vec<Timestamp>,
    sale_starts_at: Vec<Timestamp>,
    sale_ends_at: Vec<Timestamp>,
}

impl Times {
    fn of(event: &Event, copies: &[Copy], zone: &TimeZone) -> Result<Self, OutOfYears> {
        let mut times = Self::default();
        let at_once = is_at_once(event.sale.starts_at, event.created_at).then(Timestamp::now);
        for copy in copies {
            let shift = Shift::new(event.starts_at, copy.starts_at, zone);
            let (ends_at, sale) = shift.times(event.ends_at, event.sale, at_once)?;
            times.starts_at.push(copy.starts_at);
            times.ends_at.push(ends_at);
            times.sale_starts_at.push(sale.starts_at);
            times.sale_ends_at.push(sale.ends_at);
        }
        Ok(times)
    }
}

/// A ticket type, and when it is sold as far as that is said.
type OwnWindow = (Uuid, Option<Timestamp>, Option<Timestamp>);

fn own_window(row: &Row) -> Result<OwnWindow, StoreError> {
    Ok((row.try_get("id")?, row.try_get("sale_starts_at")?, row.try_get("sale_ends_at")?))
}

/// The windows of ticket types that have one, one for each of them and each copy.
#[derive(Default)]
struct Windows {
    events: Vec<Uuid>,
    types: Vec<Uuid>,
    from: Vec<Option<Timestamp>>,
    until: Vec<Option<Timestamp>>,
}

impl Windows {
    fn of(
        event: &Event,
        copies: &[Copy],
        zone: &TimeZone,
        types: &[OwnWindow],
        ends_at: &[Timestamp],
    ) -> Result<Self, OutOfYears> {
        let mut windows = Self::default();
        for (copy, ends_at) in copies.iter().zip(ends_at) {
            let shift = Shift::new(event.starts_at, copy.starts_at, zone);
            for (id, from, until) in types {
                let (from, until) = shift.window(*from, *until, *ends_at)?;
                windows.events.push(copy.id.0);
                windows.types.push(*id);
                windows.from.push(from);
                windows.until.push(until);
            }
        }
        Ok(windows)
    }
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

/// What keeps slugs of equal titles apart.
pub(super) fn tail(id: EventId) -> String {
    let id = id.0.simple().to_string();
    id[id.len() - 8..].to_owned()
}
