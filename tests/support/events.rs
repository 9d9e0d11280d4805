//! Events to sell, inserted directly with sane defaults: published, on sale since yesterday, taking place in a month.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::{Client, types::ToSql};
use uuid::Uuid;

/// What one ticket type sells.
#[derive(Clone, Copy, Debug)]
enum Places {
    /// So many of a quota of its own.
    Own(i32),
    /// Those of the ticket type before it.
    Shared,
    /// All seats of a section of its own, with a quota of its own.
    Section { rows: u32, seats: u32 },
}

#[derive(Clone, Debug)]
struct TypeSpec {
    name: String,
    price: String,
    places: Places,
    min: i32,
    max: i32,
    sale: Option<(Timestamp, Timestamp)>,
}

impl TypeSpec {
    fn new(name: &str, places: Places) -> Self {
        Self { name: name.to_owned(), price: "0".to_owned(), places, min: 1, max: 100, sale: None }
    }
}

/// Describes an event; what is said of a ticket type concerns the latest one.
#[derive(Clone, Debug)]
pub(crate) struct EventBuilder {
    title: String,
    summary: String,
    description: String,
    category: String,
    city: String,
    /// Where it takes place; a venue of its own when not said.
    venue: Option<Uuid>,
    status: &'static str,
    starts_at: Timestamp,
    sale: (Timestamp, Timestamp),
    max_per_account: Option<i32>,
    /// Whether unpaid places are capped. Not unless a test says so: most are about something else.
    unpaid_limited: bool,
    types: Vec<TypeSpec>,
    tags: Vec<String>,
}

/// An event that was made.
#[derive(Clone, Debug)]
pub(crate) struct TestEvent {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) venue: Uuid,
    /// In their order.
    pub(crate) types: Vec<Uuid>,
    /// The seats of each ticket type, empty for those without.
    pub(crate) seats: Vec<Vec<Uuid>>,
}

impl TestEvent {
    /// A path below the event.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/events/{}/{rest}", self.id)
    }

    /// A request for so many places of the first ticket type.
    pub(crate) fn places(&self, quantity: u32) -> serde_json::Value {
        super::client::quantity(self.types[0], quantity)
    }

    /// A request for seats of the first ticket type, by their places in [`TestEvent::seats`].
    pub(crate) fn seats(&self, indexes: impl IntoIterator<Item = usize>) -> serde_json::Value {
        let seats: Vec<Uuid> = indexes.into_iter().map(|index| self.seats[0][index]).collect();
        super::client::seats(self.types[0], &seats)
    }
}

/// An instant so many seconds from now, with the precision that the database keeps.
pub(crate) fn in_seconds(seconds: i64) -> Timestamp {
    let at = Timestamp::now() + SignedDuration::from_secs(seconds);
    Timestamp::from_microsecond(at.as_microsecond()).unwrap()
}

const DAY_S: i64 = 24 * 3600;

impl EventBuilder {
    fn new(first: TypeSpec) -> Self {
        Self {
            title: "An Evening".to_owned(),
            summary: "In short".to_owned(),
            description: "At length".to_owned(),
            category: "concert".to_owned(),
            city: "Berlin".to_owned(),
            venue: None,
            status: "PUBLISHED",
            starts_at: in_seconds(30 * DAY_S),
            sale: (in_seconds(-DAY_S), in_seconds(29 * DAY_S)),
            max_per_account: None,
            unpaid_limited: false,
            types: vec![first],
            tags: Vec::new(),
        }
    }

    /// General admission, free of charge.
    pub(crate) fn ga(capacity: i32) -> Self {
        Self::new(TypeSpec::new("Admission", Places::Own(capacity)))
    }

    /// Reserved seating in one section, free of charge.
    pub(crate) fn seated(rows: u32, seats: u32) -> Self {
        Self::new(TypeSpec::new("Stalls", Places::Section { rows, seats }))
    }

    /// One more ticket type, with places of its own.
    pub(crate) fn and_ga(mut self, name: &str, capacity: i32) -> Self {
        self.types.push(TypeSpec::new(name, Places::Own(capacity)));
        self
    }

    /// One more ticket type, on the quota of the one before.
    pub(crate) fn and_shared(mut self, name: &str) -> Self {
        self.types.push(TypeSpec::new(name, Places::Shared));
        self
    }

    /// One more ticket type, with a section of its own.
    pub(crate) fn and_seated(mut self, name: &str, rows: u32, seats: u32) -> Self {
        self.types.push(TypeSpec::new(name, Places::Section { rows, seats }));
        self
    }

    fn latest(mut self, change: impl FnOnce(&mut TypeSpec)) -> Self {
        change(self.types.last_mut().unwrap());
        self
    }

    pub(crate) fn price(self, price: &str) -> Self {
        self.latest(|of| of.price = price.to_owned())
    }

    pub(crate) fn per_booking(self, min: i32, max: i32) -> Self {
        self.latest(|of| (of.min, of.max) = (min, max))
    }

    /// Its own window, instead of the event's.
    pub(crate) fn type_sale(self, from: Timestamp, to: Timestamp) -> Self {
        self.latest(|of| of.sale = Some((from, to)))
    }

    /// The event's window.
    pub(crate) fn sale(mut self, from: Timestamp, to: Timestamp) -> Self {
        self.sale = (from, to);
        self
    }

    pub(crate) fn max_per_account(mut self, max: i32) -> Self {
        self.max_per_account = Some(max);
        self
    }

    /// Unpaid places are capped, as they are of every event in production.
    pub(crate) fn unpaid_limited(mut self) -> Self {
        self.unpaid_limited = true;
        self
    }

    pub(crate) fn title(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }

    pub(crate) fn summary(mut self, summary: &str) -> Self {
        self.summary = summary.to_owned();
        self
    }

    pub(crate) fn description(mut self, description: &str) -> Self {
        self.description = description.to_owned();
        self
    }

    pub(crate) fn category(mut self, category: &str) -> Self {
        self.category = category.to_owned();
        self
    }

    /// The city of its own venue.
    pub(crate) fn city(mut self, city: &str) -> Self {
        self.city = city.to_owned();
        self
    }

    /// Takes place here, instead of a venue of its own.
    pub(crate) fn at(mut self, venue: Uuid) -> Self {
        self.venue = Some(venue);
        self
    }

    pub(crate) fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn starts_at(mut self, starts_at: Timestamp) -> Self {
        self.starts_at = starts_at;
        self
    }

    pub(crate) fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Inserts it, with an organizer and a venue of its own.
    pub(crate) async fn create(&self, client: &Client) -> TestEvent {
        let id = Uuid::now_v7();
        let slug = format!("event-{}", id.simple());
        let organizer = super::accounts::add_accounts(client, 1, domain::accounts::Role::Organizer).await[0].id;
        let venue = match self.venue {
            Some(venue) => venue,
            None => add_venue_in(client, &format!("Hall {slug}"), &self.city).await,
        };
        let has_seats = self.types.iter().any(|of| matches!(of.places, Places::Section { .. }));
        let map = has_seats.then(Uuid::now_v7);
        if let Some(map) = map {
            let statement =
                "WITH map AS (INSERT INTO seat_maps (id, venue_id, name) VALUES ($1, $2, 'Plan') RETURNING id)
                INSERT INTO seat_map_versions (id, seat_map_id, number) SELECT id, id, 1 FROM map";
            run(client, statement, &[&map, &venue]).await;
        }
        let event = "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_version_id, title, summary, description,
                category, status, starts_at, ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account,
                unpaid_limited)
            VALUES ($1, $2, $3, $4, $5, $6, $12, $13, $14, $7::text::event_status, $8::timestamptz,
                $8::timestamptz + interval '2 hours', 'Europe/Berlin', 'EUR', $9, $10, $11, $15)";
        let (from, to) = self.sale;
        let parameters: &[&(dyn ToSql + Sync)] = &[
            &id,
            &slug,
            &organizer,
            &venue,
            &map,
            &self.title,
            &self.status,
            &self.starts_at,
            &from,
            &to,
            &self.max_per_account,
            &self.summary,
            &self.description,
            &self.category,
            &self.unpaid_limited,
        ];
        run(client, event, parameters).await;
        for tag in &self.tags {
            let statement = "WITH tag AS (INSERT INTO tags (id, slug, name) VALUES (gen_random_uuid(), lower($2), $2)
                    ON CONFLICT (slug) DO UPDATE SET name = excluded.name RETURNING id)
                INSERT INTO event_tags SELECT $1, id FROM tag";
            run(client, statement, &[&id, tag]).await;
        }
        let mut made = TestEvent { id, slug, venue, types: Vec::new(), seats: Vec::new() };
        let mut quota = Uuid::nil();
        for (position, spec) in (0..).zip(&self.types) {
            let mut section = None;
            let mut seats = Vec::new();
            let capacity = match spec.places {
                Places::Shared => None,
                Places::Own(capacity) => Some(capacity),
                Places::Section { rows, seats: a_row } => {
                    let made = add_section(client, map.unwrap(), position, rows, a_row).await;
                    section = Some(made.0);
                    seats = made.1;
                    Some(i32::try_from(seats.len()).unwrap())
                }
            };
            if let Some(capacity) = capacity {
                quota = Uuid::now_v7();
                let statement = "INSERT INTO quotas (id, event_id, name, capacity) VALUES ($1, $2, $3, $4)";
                run(client, statement, &[&quota, &id, &spec.name, &capacity]).await;
            }
            made.types.push(add_type(client, id, quota, position, spec, section).await);
            made.seats.push(seats);
        }
        made
    }
}

async fn run(client: &Client, statement: &str, parameters: &[&(dyn ToSql + Sync)]) {
    client.execute(statement, parameters).await.unwrap();
}

/// A venue with this name.
pub(crate) async fn add_venue(client: &Client, name: &str) -> Uuid {
    add_venue_in(client, name, "Berlin").await
}

/// A venue with this name in this city.
pub(crate) async fn add_venue_in(client: &Client, name: &str, city: &str) -> Uuid {
    let id = Uuid::now_v7();
    let statement = "INSERT INTO venues (id, slug, name, address, city, country, time_zone, capacity)
        VALUES ($1, $2, $3, '1 High Street', $4, 'DE', 'Europe/Berlin', 5000)";
    run(client, statement, &[&id, &format!("venue-{}", id.simple()), &name, &city]).await;
    id
}

async fn add_type(
    client: &Client,
    event: Uuid,
    quota: Uuid,
    position: i32,
    spec: &TypeSpec,
    section: Option<Uuid>,
) -> Uuid {
    let id = Uuid::now_v7();
    let (from, to) = spec.sale.unzip();
    let statement = "INSERT INTO ticket_types (id, event_id, quota_id, name, position, price, seated, min_per_booking,
            max_per_booking, sale_starts_at, sale_ends_at)
        VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9, $10, $11)";
    let seated = section.is_some();
    let parameters: &[&(dyn ToSql + Sync)] =
        &[&id, &event, &quota, &spec.name, &position, &spec.price, &seated, &spec.min, &spec.max, &from, &to];
    run(client, statement, parameters).await;
    if let Some(section) = section {
        run(client, "INSERT INTO ticket_type_sections VALUES ($1, $2)", &[&id, &section]).await;
    }
    id
}

/// A section with its rows and seats, in the order of the map.
async fn add_section(client: &Client, map: Uuid, position: i32, rows: u32, seats: u32) -> (Uuid, Vec<Uuid>) {
    let section = Uuid::now_v7();
    let statement = "INSERT INTO sections (id, seat_map_version_id, name, position) VALUES ($1, $2, $3, $4)";
    run(client, statement, &[&section, &map, &format!("Section {position}"), &position]).await;
    let row_ids: Vec<Uuid> = (0..rows).map(|_| Uuid::now_v7()).collect();
    let statement = "INSERT INTO seat_rows (id, section_id, label, position)
        SELECT id, $2, 'Row ' || n, n FROM unnest($1::uuid[]) WITH ORDINALITY AS r (id, n)";
    run(client, statement, &[&row_ids, &section]).await;
    let seat_ids: Vec<Uuid> = (0..rows * seats).map(|_| Uuid::now_v7()).collect();
    let statement = "INSERT INTO seats (id, row_id, label, position)
        SELECT id, ($2::uuid[])[1 + ((n - 1) / $3)::int], 1 + (n - 1) % $3, 1 + (n - 1) % $3
        FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n)";
    run(client, statement, &[&seat_ids, &row_ids, &i64::from(seats)]).await;
    (section, seat_ids)
}
