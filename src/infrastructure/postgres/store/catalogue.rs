//! Events and venues as the public sees them.

use domain::{
    events::{Event, SaleWindow},
    ids::{AccountId, EventId, SeatMapId, VenueId},
    repositories::{
        EventDetail, EventKey, EventRepository, Found, IdOrSlug, Page, PageRequest, Start, Tag, VenueKey,
        VenueRepository,
    },
    venues::Venue,
};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{
    super::{
        rows::{self, StoreError},
        ticket_types,
    },
    PgStore, page,
};

pub(super) const EVENT_COLUMNS: &str = "e.id, e.slug, e.organizer_id, e.venue_id, e.seat_map_id, e.title, e.summary, \
    e.description, e.category, e.status::text AS status, e.starts_at, e.ends_at, e.time_zone, \
    e.currency::text AS currency, e.max_per_account, e.sale_starts_at, e.sale_ends_at, e.created_at, e.updated_at";

pub(super) const VENUE_COLUMNS: &str = "v.id, v.slug, v.name, v.description, v.address, v.city, v.country::text AS country, \
    v.time_zone, v.capacity, v.created_at, v.updated_at";

const TAGS: &str = "SELECT t.slug, t.name FROM event_tags e JOIN tags t ON t.id = e.tag_id WHERE e.event_id = $1 \
    ORDER BY t.name";

pub(super) fn event(row: &Row) -> Result<Event, StoreError> {
    let max_per_account: Option<i32> = row.try_get("max_per_account")?;
    Ok(Event {
        id: EventId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        organizer_id: AccountId(row.try_get("organizer_id")?),
        venue_id: VenueId(row.try_get("venue_id")?),
        seat_map_id: row.try_get::<_, Option<Uuid>>("seat_map_id")?.map(SeatMapId),
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        description: row.try_get("description")?,
        category: row.try_get("category")?,
        status: rows::parse(row.try_get("status")?)?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        time_zone: row.try_get("time_zone")?,
        currency: rows::parse(row.try_get("currency")?)?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
        max_per_account: max_per_account.and_then(|max| u32::try_from(max).ok()),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(super) fn venue(row: &Row) -> Result<Venue, StoreError> {
    Ok(Venue {
        id: VenueId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        address: row.try_get("address")?,
        city: row.try_get("city")?,
        country: row.try_get("country")?,
        time_zone: row.try_get("time_zone")?,
        capacity: u32::try_from(row.try_get::<_, i32>("capacity")?).unwrap_or(0),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

impl PgStore {
    async fn query(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(self.pool.get().await?.query_typed(statement, parameters).await?)
    }

    async fn count(&self, statement: &str) -> Result<i64, StoreError> {
        let rows = self.query(statement, &[]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
    }

    async fn read_events(&self, request: &PageRequest<EventKey>) -> Result<Page<Event>, StoreError> {
        let ((at, id), offset) = match &request.start {
            Start::After((at, id)) => ((*at, id.0), 0),
            Start::Offset(offset) => ((Timestamp::UNIX_EPOCH, Uuid::nil()), i64::from(*offset)),
        };
        let statement = format!(
            "SELECT {EVENT_COLUMNS} FROM events e WHERE e.status = 'PUBLISHED' AND (e.starts_at, e.id) > ($1, $2) \
             ORDER BY e.starts_at, e.id OFFSET $3 LIMIT $4"
        );
        let limit = i64::from(request.limit) + 1;
        let rows = self
            .query(
                &statement,
                &[(&at, Type::TIMESTAMPTZ), (&id, Type::UUID), (&offset, Type::INT8), (&limit, Type::INT8)],
            )
            .await?;
        let total = self.count("SELECT count(*) FROM events WHERE status = 'PUBLISHED'").await?;
        page(&rows, request.limit, total, event)
    }

    async fn read_event(&self, by: IdOrSlug<'_, EventId>) -> Result<Option<EventDetail>, StoreError> {
        let statement = |column| {
            format!(
                "SELECT {EVENT_COLUMNS} FROM events e WHERE e.{column} = $1 AND e.status NOT IN ('DRAFT', 'SCHEDULED')"
            )
        };
        let rows = match by {
            IdOrSlug::Id(id) => self.query(&statement("id"), &[(&id.0, Type::UUID)]).await?,
            IdOrSlug::Slug(slug) => self.query(&statement("slug"), &[(&slug, Type::TEXT)]).await?,
        };
        let Some(event) = rows.first().map(event).transpose()? else { return Ok(None) };
        let Some(venue) = self.read_venue(IdOrSlug::Id(event.venue_id)).await? else {
            return Err(StoreError::Row(format!("event {} has no venue", event.id)));
        };
        let tags = self.query(TAGS, &[(&event.id.0, Type::UUID)]).await?;
        let tag = |row: &Row| Ok::<_, StoreError>(Tag { slug: row.try_get("slug")?, name: row.try_get("name")? });
        let tags = tags.iter().map(tag).collect::<Result<_, _>>()?;
        let client = self.pool.get().await?;
        let ticket_types = ticket_types::of_event(&**client, event.id, event.sale).await?;
        Ok(Some(EventDetail { event, venue, ticket_types, tags }))
    }

    async fn read_venues(&self, request: &PageRequest<VenueKey>) -> Result<Page<Venue>, StoreError> {
        let ((name, id), offset) = match &request.start {
            Start::After((name, id)) => ((name.as_str(), id.0), 0),
            Start::Offset(offset) => (("", Uuid::nil()), i64::from(*offset)),
        };
        let statement = format!(
            "SELECT {VENUE_COLUMNS} FROM venues v WHERE (v.name, v.id) > ($1, $2) ORDER BY v.name, v.id \
             OFFSET $3 LIMIT $4"
        );
        let limit = i64::from(request.limit) + 1;
        let rows = self
            .query(&statement, &[(&name, Type::TEXT), (&id, Type::UUID), (&offset, Type::INT8), (&limit, Type::INT8)])
            .await?;
        let total = self.count("SELECT count(*) FROM venues").await?;
        page(&rows, request.limit, total, venue)
    }

    async fn read_venue(&self, by: IdOrSlug<'_, VenueId>) -> Result<Option<Venue>, StoreError> {
        let statement = |column| format!("SELECT {VENUE_COLUMNS} FROM venues v WHERE v.{column} = $1");
        let rows = match by {
            IdOrSlug::Id(id) => self.query(&statement("id"), &[(&id.0, Type::UUID)]).await?,
            IdOrSlug::Slug(slug) => self.query(&statement("slug"), &[(&slug, Type::TEXT)]).await?,
        };
        rows.first().map(venue).transpose()
    }
}

impl EventRepository for PgStore {
    async fn public_events(&self, page: &PageRequest<EventKey>) -> Found<Page<Event>> {
        Ok(self.read_events(page).await?)
    }

    async fn public_event(&self, by: IdOrSlug<'_, EventId>) -> Found<Option<EventDetail>> {
        Ok(self.read_event(by).await?)
    }
}

impl VenueRepository for PgStore {
    async fn venues(&self, page: &PageRequest<VenueKey>) -> Found<Page<Venue>> {
        Ok(self.read_venues(page).await?)
    }

    async fn venue(&self, by: IdOrSlug<'_, VenueId>) -> Found<Option<Venue>> {
        Ok(self.read_venue(by).await?)
    }
}
