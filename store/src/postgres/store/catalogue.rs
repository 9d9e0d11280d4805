//! Public catalogue: events and venues.

/// How many places of the ticket type `t` with the quota `q` can be bought, as `domain::sales::sellable` counts them. Free seats are
/// counted only where the quota does not say how many there are.
macro_rules! sellable {
    () => {
        "sellable(CASE WHEN t.seated THEN free_seats(t.event_id, t.id, q.capacity - q.held - q.sold) \
            ELSE q.capacity - q.held - q.sold END, t.min_per_booking, \
            least(t.max_per_booking, (SELECT o.max_per_account FROM events o WHERE o.id = t.event_id)))"
    };
}

mod events;
mod prices;
pub(super) mod rows;
mod spelling;
mod typing;
mod venues;

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    events::{EventStatus, SaleWindow},
    ids::{EventId, QuotaId, SeatMapId, SeatMapVersionId, VenueId},
    lists::{ListQuery, Page, Place, Total},
    repositories::{EventDetail, EventRepository, Found, IdOrSlug, PublicSeatMap, VenueRepository},
    sales::{EventSales, Offer, SaleState},
    search::{EventSummary, Facet},
    venues::Venue,
};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use self::typing::Typing;
use super::{
    super::{
        connection::Statements,
        rows::{StoreError, parse, readable, unsigned},
        ticket_types,
    },
    PgStore,
    lists::{self, Rows, Source, statement::Statement},
};

/// A search that finds fewer was perhaps misspelt, by the one who searches or by the one who wrote the title.
const RARE: u64 = 10;

const DETAIL: &str =
    " FROM events e JOIN venues v ON v.id = e.venue_id WHERE e.status NOT IN ('DRAFT', 'SCHEDULED') AND ";

/// Few: the rest of them is a list of its own.
const NEXT: &str = "SELECT e.id, e.slug, e.title, e.starts_at, e.ends_at, \
        extract(epoch FROM e.starts_at - now())::float8 AS begins_in FROM ( \
        SELECT event_id FROM event_listings WHERE series_id = $1 AND status = 'PUBLISHED' AND starts_at > now() AND event_id <> $2 \
        ORDER BY starts_at, event_id LIMIT 10 \
    ) AS next JOIN events e ON e.id = next.event_id ORDER BY e.starts_at, e.id";

const EVENT_MOVED: &str = "SELECT e.slug FROM former_event_slugs f JOIN events e ON e.id = f.event_id \
    WHERE f.slug = $1 AND e.status NOT IN ('DRAFT', 'SCHEDULED')";
const VENUE_MOVED: &str =
    "SELECT v.slug FROM former_venue_slugs f JOIN venues v ON v.id = f.venue_id WHERE f.slug = $1";

const SALES: &str = concat!(
    "SELECT e.id, e.status::text AS status, now() AS now, q.id AS quota_id, q.capacity, q.capacity - q.held - q.sold AS remaining, \
        CASE WHEN t.seated THEN least(q.capacity, seats_of_type(e.id, t.id)) ELSE q.capacity END::int AS sold_at_most, ",
    sellable!(),
    "::int AS available, coalesce(t.sale_starts_at, e.sale_starts_at) AS sale_starts_at, \
        coalesce(t.sale_ends_at, e.sale_ends_at) AS sale_ends_at \
    FROM events e LEFT JOIN (ticket_types t JOIN quotas q ON q.id = t.quota_id) ON t.event_id = e.id AND NOT t.hidden \
    WHERE e.id = ANY($1) AND e.status NOT IN ('DRAFT', 'SCHEDULED') ORDER BY e.id"
);

/// By the database's clock, which decides what is over.
const NEXT_END: &str = "SELECT extract(epoch FROM min(ends_at) - now())::float8 AS ends_in FROM event_listings \
    WHERE status = 'PUBLISHED' AND ends_at > now()";

/// What is later than what the event sells is its organizer's business until the event moves there.
const SEAT_MAP: &str = "SELECT v.seat_map_id, v.id, v.number FROM events e JOIN seat_map_versions sold ON sold.id = e.seat_map_version_id \
    JOIN seat_map_versions v ON v.seat_map_id = sold.seat_map_id AND v.number = coalesce($2, sold.number) \
    WHERE e.id = $1 AND e.status NOT IN ('DRAFT', 'SCHEDULED') AND v.number <= sold.number";

/// Read from the index of published events by category alone.
// An event may be of a kind that nobody has named.
const CATEGORIES: &str = "SELECT l.slug, coalesce(c.name, l.slug) AS name, l.events FROM ( \
        SELECT category AS slug, count(*) AS events FROM event_listings \
        WHERE status = 'PUBLISHED' AND ends_at > now() GROUP BY category \
    ) AS l LEFT JOIN categories c ON c.slug = l.slug ORDER BY l.events DESC, l.slug";
const TAGS: &str = "SELECT t.slug, t.name, c.events FROM ( \
        SELECT slug, count(*) AS events FROM event_listings l, unnest(l.tags) AS slug \
        WHERE l.status = 'PUBLISHED' AND l.ends_at > now() GROUP BY slug ORDER BY events DESC, slug LIMIT $1 \
    ) AS c JOIN tags t ON t.slug = c.slug ORDER BY c.events DESC, t.slug";

/// The statements that a search for events runs when nothing is misspelt, for tests that look at their plans: the page, as it is read
/// when few or many have the words, the count, and what the planner is asked about a long list.
pub fn event_statements(query: &ListQuery, few: bool) -> [Statement; 3] {
    let search = Search { of: &EVENTS, query, typing: Typing::exact(query.text("q")) };
    [search.page(query, few), lists::count(&search), lists::estimate(&search)]
}

/// The statements of the rest of the catalogue that have no values of their own, by what they answer.
pub fn facet_statements() -> [(&'static str, &'static str); 3] {
    [("categories", CATEGORIES), ("tags", TAGS), ("next end", NEXT_END)]
}

/// What is searched.
struct Catalogue {
    /// See [`Source::page`].
    page: fn(&ListQuery, &Typing<'_>, bool) -> Statement,
    /// See [`Source::matching`].
    matching: fn(&mut Statement, &ListQuery, &Typing<'_>),
}

static EVENTS: Catalogue = Catalogue { page: events::page, matching: events::matching };
static VENUES: Catalogue = Catalogue { page: venues::page, matching: venues::matching };

/// A search, with the words as they are looked for.
struct Search<'a> {
    of: &'static Catalogue,
    query: &'a ListQuery,
    typing: Typing<'a>,
}

impl Source for Search<'_> {
    fn matching(&self, statement: &mut Statement) {
        (self.of.matching)(statement, self.query, &self.typing);
    }

    fn page(&self, query: &ListQuery, few: bool) -> Statement {
        (self.of.page)(query, &self.typing, few)
    }

    fn has_words(&self) -> bool {
        self.query.get("q").is_some()
    }

    fn is_respelt(&self) -> bool {
        self.typing.is_respelt()
    }
}

/// The page of a search. A walk keeps to the spellings with which it began; at its beginning, other spellings are looked for when
/// the typed one finds little.
async fn find(client: &impl Statements, of: &'static Catalogue, query: &ListQuery) -> Result<Rows, StoreError> {
    let exact = Search { of, query, typing: Typing::exact(query.text("q")) };
    let Some(text) = query.text("q") else { return lists::read(client, &exact, query).await };
    let spellings = match &query.place {
        Place::After(position) | Place::Before(position) if position.respelt => {
            // Without any that is near, when they are gone since: the walk goes on where it was.
            Some(spelling::spellings(client, text).await?.unwrap_or_else(|| vec![text.to_owned()]))
        }
        Place::After(_) | Place::Before(_) => None,
        // A page of another walk that begins again.
        Place::Offset(_) | Place::End => {
            let total = lists::total(client, &exact).await?;
            let is_rare = matches!(total, Total::Exact(..RARE));
            let spellings = if is_rare { spelling::spellings(client, text).await? } else { None };
            if spellings.is_none() {
                return lists::read_of(client, &exact, query, total).await;
            }
            spellings
        }
    };
    let typing = spellings.as_deref().map_or(exact.typing, |spellings| Typing::respelt(text, spellings));
    let search = Search { typing, ..exact };
    let total = lists::total(client, &search).await?;
    lists::read_of(client, &search, query, total).await
}

impl PgStore {
    async fn read_event(&self, by: IdOrSlug<'_, EventId>) -> Result<Option<EventDetail>, StoreError> {
        let mut statement = Statement::default();
        statement.sql("SELECT ").sql(&rows::DETAIL_COLUMNS).sql(DETAIL);
        match by {
            IdOrSlug::Id(id) => statement.sql("e.id = ").bind(id.0, Type::UUID),
            IdOrSlug::Slug(slug) => statement.sql("e.slug = ").bind(slug.to_owned(), Type::TEXT),
        };
        let client = self.pool.get().await?;
        let found = statement.rows(&client).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let (event, venue) = rows::event_with_venue(row)?;
        let mut ticket_types = ticket_types::of_event(&client, event.id, event.sale).await?;
        ticket_types.retain(|of| !of.hidden);
        let (next, next_for) = match event.series_id {
            Some(series) => {
                let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&series.0, Type::UUID), (&event.id.0, Type::UUID)];
                let found = client.query_typed(NEXT, &parameters).await?;
                // By the database's clock, which chose them.
                let begins_in = found.first().map(|row| row.try_get::<_, f64>("begins_in")).transpose()?;
                let next_for = begins_in.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
                (readable(&found, rows::next_occurrence)?, next_for)
            }
            None => (Vec::new(), None),
        };
        Ok(Some(EventDetail { event, venue, ticket_types, tags: rows::tags(row)?, next, next_for }))
    }

    async fn read_venue(&self, by: IdOrSlug<'_, VenueId>) -> Result<Option<Venue>, StoreError> {
        let mut statement = Statement::default();
        statement.sql("SELECT ").sql(rows::VENUE_COLUMNS).sql(" FROM venues v WHERE ");
        match by {
            IdOrSlug::Id(id) => statement.sql("v.id = ").bind(id.0, Type::UUID),
            IdOrSlug::Slug(slug) => statement.sql("v.slug = ").bind(slug.to_owned(), Type::TEXT),
        };
        let found = statement.rows(&self.pool.get().await?).await?;
        found.first().map(rows::venue).transpose()
    }

    async fn read_moved(&self, statement: &str, slug: &str) -> Result<Option<String>, StoreError> {
        let found = self.pool.get().await?.query_typed(statement, &[(&slug, Type::TEXT)]).await?;
        Ok(found.first().map(|row| row.try_get("slug")).transpose()?)
    }

    async fn read_next_end(&self) -> Result<Option<Duration>, StoreError> {
        let found = self.pool.get().await?.query_typed(NEXT_END, &[]).await?;
        let ends_in: Option<f64> =
            found.first().map(|row| row.try_get::<_, Option<f64>>("ends_in")).transpose()?.flatten();
        Ok(ends_in.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    }

    async fn read_public_seat_map(
        &self,
        event: EventId,
        number: Option<u32>,
    ) -> Result<Option<PublicSeatMap>, StoreError> {
        let number = number.and_then(|number| i32::try_from(number).ok());
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&event.0, Type::UUID), (&number, Type::INT4)];
        let found = self.pool.get().await?.query_typed(SEAT_MAP, &parameters).await?;
        let map = |row: &Row| {
            Ok(PublicSeatMap {
                map: SeatMapId(row.try_get("seat_map_id")?),
                version: SeatMapVersionId(row.try_get("id")?),
                number: unsigned(row, "number")?,
            })
        };
        found.first().map(map).transpose()
    }

    async fn read_sales(&self, events: &[EventId]) -> Result<(Timestamp, Vec<EventSales>), StoreError> {
        let ids: Vec<Uuid> = events.iter().map(|id| id.0).collect();
        let found = self.pool.get().await?.query_typed(SALES, &[(&ids, Type::UUID_ARRAY)]).await?;
        let now = found.first().map_or(Ok(Timestamp::now()), |row| row.try_get("now"))?;
        let mut events: Vec<(EventId, EventStatus, Vec<Offer>)> = Vec::with_capacity(events.len());
        for row in &found {
            let id = EventId(row.try_get("id")?);
            if events.last().is_none_or(|(last, ..)| *last != id) {
                events.push((id, parse(row.try_get("status")?)?, Vec::new()));
            }
            if let (Some((_, _, offers)), Some(offer)) = (events.last_mut(), offer(row)?) {
                offers.push(offer);
            }
        }
        let sales = events.into_iter().map(|(event_id, status, offers)| {
            let state = SaleState::of(status, &offers, now);
            EventSales { event_id, state }
        });
        Ok((now, sales.collect()))
    }

    async fn read_facets(&self, statement: &str, limit: Option<u32>) -> Result<Vec<Facet>, StoreError> {
        let client = self.pool.get().await?;
        let found = match limit {
            Some(limit) => client.query_typed(statement, &[(&i64::from(limit), Type::INT8)]).await?,
            None => client.query_typed(statement, &[]).await?,
        };
        let facet = |row: &Row| {
            let events: i64 = row.try_get("events")?;
            let events = u64::try_from(events).unwrap_or(0);
            Ok(Facet { slug: row.try_get("slug")?, name: row.try_get("name")?, events })
        };
        found.iter().map(facet).collect()
    }
}

/// Nothing for an event without ticket types.
fn offer(row: &Row) -> Result<Option<Offer>, StoreError> {
    let Some(quota) = row.try_get::<_, Option<Uuid>>("quota_id")? else { return Ok(None) };
    let places = |column| -> Result<u32, StoreError> { Ok(u32::try_from(row.try_get::<_, i32>(column)?).unwrap_or(0)) };
    Ok(Some(Offer {
        quota: QuotaId(quota),
        capacity: places("capacity")?,
        left: places("remaining")?,
        sold_at_most: places("sold_at_most")?,
        available: places("available")?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
    }))
}

#[async_trait]
impl EventRepository for PgStore {
    async fn public_events(&self, query: &ListQuery) -> Found<Page<EventSummary>> {
        let client = self.pool.get_for_search().await?;
        Ok(find(&client, &EVENTS, query).await?.entries(rows::summary)?)
    }

    async fn public_event(&self, by: IdOrSlug<'_, EventId>) -> Found<Option<EventDetail>> {
        Ok(self.read_event(by).await?)
    }

    async fn event_moved_from(&self, slug: &str) -> Found<Option<String>> {
        Ok(self.read_moved(EVENT_MOVED, slug).await?)
    }

    async fn next_end(&self) -> Found<Option<Duration>> {
        Ok(self.read_next_end().await?)
    }

    async fn public_seat_map(&self, event: EventId, number: Option<u32>) -> Found<Option<PublicSeatMap>> {
        Ok(self.read_public_seat_map(event, number).await?)
    }

    async fn event_sales(&self, events: &[EventId]) -> Found<(Timestamp, Vec<EventSales>)> {
        Ok(self.read_sales(events).await?)
    }

    async fn event_categories(&self) -> Found<Vec<Facet>> {
        Ok(self.read_facets(CATEGORIES, None).await?)
    }

    async fn event_tags(&self, limit: u32) -> Found<Vec<Facet>> {
        Ok(self.read_facets(TAGS, Some(limit)).await?)
    }
}

#[async_trait]
impl VenueRepository for PgStore {
    async fn venues(&self, query: &ListQuery) -> Found<Page<Venue>> {
        let client = self.pool.get_for_search().await?;
        Ok(find(&client, &VENUES, query).await?.entries(rows::venue)?)
    }

    async fn venue(&self, by: IdOrSlug<'_, VenueId>) -> Found<Option<Venue>> {
        Ok(self.read_venue(by).await?)
    }

    async fn venue_moved_from(&self, slug: &str) -> Found<Option<String>> {
        Ok(self.read_moved(VENUE_MOVED, slug).await?)
    }
}
