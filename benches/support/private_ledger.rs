//! The server's own ledger, on a durable private PostgreSQL with the load test's data. Everything is gone in the end.
#![allow(dead_code, reason = "each benchmark uses its own part")]

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, sync::Arc};

use boxoffice::{
    config::{Config, Sources},
    serve::database::Database,
};
use boxoffice_seed::{self, Fixture, House, LoadtestOptions};
use boxoffice_store::postgres::{
    ledger::{LedgerOptions, PgLedger},
    migrate::Migrator,
};
use domain::ids::{EventId, TicketTypeId};
use embedded_postgres::{PrivatePostgres, PrivatePostgresSettings};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};
use uuid::Uuid;

/// Exit code of a benchmark that was told to stop.
const INTERRUPTED: i32 = 130;

/// See the module's page.
pub(crate) struct PrivateLedger {
    pub(crate) ledger: Arc<PgLedger>,
    /// Who may book, and what.
    pub(crate) fixture: Fixture,
    config: Config,
    database: Database,
    stop: oneshot::Sender<()>,
    kept: JoinHandle<()>,
}

impl PrivateLedger {
    /// Starts it, on the settings of a server to which nothing was said.
    pub(crate) async fn start(house: House, events: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("boxoffice-bench-").tempdir().unwrap();
        // PostgreSQL runs as an ordinary user and must be able to pass.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let postgres = PrivatePostgres::start(PrivatePostgresSettings::new(folder.path())).await.unwrap();
        let config = of_url(postgres.url());
        let (stop, stopping) = oneshot::channel();
        let kept = tokio::spawn(keep(postgres, folder, stopping));

        let database = Database::own(&config).await.unwrap();
        let mut client = database.connect(&config).await.unwrap();
        Migrator::embedded().unwrap().up(&mut client).await.unwrap();
        let options = LoadtestOptions { events, house, ..LoadtestOptions::default() };
        let no_token = |_, _| Ok(String::new());
        let fixture = boxoffice_seed::loadtest(&mut client, Timestamp::now(), &options, "", no_token).await.unwrap();
        client.batch_execute("VACUUM ANALYZE").await.unwrap();

        let pool = database.pools(&config).unwrap().ledger;
        let options = LedgerOptions {
            hold: SignedDuration::try_from(config.inventory.hold).unwrap(),
            payment: SignedDuration::try_from(config.inventory.payment).unwrap(),
            minimum: |_| None,
            prepared_statements: config.database.prepared_statements,
            unpaid: None,
        };
        let ledger = Arc::new(PgLedger::open(pool, "bench", options).await.unwrap());
        Self { ledger, fixture, config, database, stop, kept }
    }

    /// The event of a kind that comes first, with what it sells.
    pub(crate) fn event(&self, kind: boxoffice_seed::Kind) -> (EventId, TicketTypeId) {
        let event = self.fixture.events.iter().find(|event| event.kind == kind).unwrap();
        (event.id, event.ticket_types[0].id)
    }

    /// Runs statements without parameters.
    pub(crate) async fn execute(&self, statements: &str) {
        self.database.connect(&self.config).await.unwrap().batch_execute(statements).await.unwrap();
    }

    /// The configuration of a connection that may change the database's settings.
    fn of_superuser(&self) -> Config {
        let url = self.config.database.url.as_ref().unwrap().expose_secret();
        of_url(&url.replacen("//boxoffice@", "//postgres@", 1))
    }

    /// Sets settings of the whole database server.
    pub(crate) async fn configure(&self, settings: &[&str]) {
        let config = self.of_superuser();
        let client = Database::own(&config).await.unwrap().connect(&config).await.unwrap();
        for setting in settings {
            client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
        }
        client.batch_execute("SELECT pg_reload_conf(); CHECKPOINT").await.unwrap();
    }

    /// The numbers in the only row of a query.
    pub(crate) async fn numbers<const N: usize>(&self, query: &str) -> [f64; N] {
        let config = self.of_superuser();
        let client = Database::own(&config).await.unwrap().connect(&config).await.unwrap();
        let row = client.query_one(query, &[]).await.unwrap();
        std::array::from_fn(|index| row.get(index))
    }

    /// One more event like another one: same hall, same prices, nothing sold.
    pub(crate) async fn one_more_like(&self, event: EventId) -> (EventId, TicketTypeId) {
        let (id, quota, ticket_type) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        self.execute(&format!(
            "INSERT INTO events (id, slug, organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, \
                                 ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account) \
             SELECT '{id}', '{id}', organizer_id, venue_id, seat_map_version_id, title, category, status, starts_at, \
                    ends_at, time_zone, currency, sale_starts_at, sale_ends_at, max_per_account \
             FROM events WHERE id = '{event}'; \
             INSERT INTO quotas (id, event_id, name, capacity) \
             SELECT '{quota}', '{id}', name, capacity FROM quotas WHERE event_id = '{event}'; \
             INSERT INTO ticket_types (id, event_id, quota_id, name, position, price, seated, max_per_booking) \
             SELECT '{ticket_type}', '{id}', '{quota}', name, position, price, seated, max_per_booking \
             FROM ticket_types WHERE event_id = '{event}'; \
             INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
             SELECT '{ticket_type}', s.section_id FROM ticket_type_sections s \
             JOIN ticket_types t ON t.id = s.ticket_type_id WHERE t.event_id = '{event}'"
        ))
        .await;
        (EventId(id), TicketTypeId(ticket_type))
    }

    /// One more event like another one, in a hall of its own with as many seats.
    pub(crate) async fn one_more_hall_like(&self, event: EventId) -> (EventId, TicketTypeId) {
        let made = self.one_more_like(event).await;
        let (id, map) = (made.0, Uuid::now_v7());
        // New ids that follow from the old ones, so that each table finds those of the one before.
        let new = |column: &str| format!("md5('{map}' || {column}::text)::uuid");
        let (section, row, seat) = (new("c.id"), new("r.id"), new("s.id"));
        let of_event = format!("(SELECT seat_map_version_id FROM events WHERE id = '{event}')");
        self.execute(&format!(
            "INSERT INTO seat_maps (id, venue_id, name) \
             SELECT '{map}', venue_id, '{map}' FROM seat_maps WHERE id = {of_event}; \
             INSERT INTO seat_map_versions (id, seat_map_id, number) VALUES ('{map}', '{map}', 1); \
             INSERT INTO sections (id, seat_map_version_id, name, position) \
             SELECT {section}, '{map}', c.name, c.position FROM sections c WHERE c.seat_map_version_id = {of_event}; \
             INSERT INTO seat_rows (id, section_id, label, position) \
             SELECT {row}, {section}, r.label, r.position \
             FROM sections c JOIN seat_rows r ON r.section_id = c.id WHERE c.seat_map_version_id = {of_event}; \
             INSERT INTO seats (id, row_id, label, position, accessible) \
             SELECT {seat}, {row}, s.label, s.position, s.accessible FROM sections c \
             JOIN seat_rows r ON r.section_id = c.id JOIN seats s ON s.row_id = r.id WHERE c.seat_map_version_id = {of_event}; \
             UPDATE events SET seat_map_version_id = '{map}' WHERE id = '{id}'; \
             UPDATE ticket_type_sections x SET section_id = {section} FROM ticket_types t, sections c \
             WHERE t.id = x.ticket_type_id AND t.event_id = '{id}' AND c.id = x.section_id"
        ))
        .await;
        made
    }

    /// Sells this share of an event's seats, spread over the house, a booking a seat.
    pub(crate) async fn sell(&self, event: EventId, share: f64) {
        self.execute(&format!(
            "{sale} DELETE FROM sale WHERE number > seats * {share}; \
             INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, \
                                   idempotency_key, fingerprint, created_at, updated_at) \
             SELECT s.id, '{event}', b.id, 'CONFIRMED', 1, 0, 0, 0, 'EUR', s.id::text, s.id, now(), now() \
             FROM sale s JOIN buyers b ON b.number = s.number % (SELECT count(*) FROM buyers); \
             INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price) \
             SELECT s.id, 0, t.id, s.seat, 0 FROM sale s, ticket_types t WHERE t.event_id = '{event}'; \
             INSERT INTO seat_claims (event_id, seat_id, holder_id, sold) SELECT '{event}', seat, id, true FROM sale; \
             UPDATE quotas SET sold = (SELECT count(*) FROM sale), version = 1 WHERE event_id = '{event}'",
            sale = sale(event)
        ))
        .await;
    }

    /// Holds all seats of an event of which nothing is sold, for a day, so many seats a hold.
    pub(crate) async fn hold_all(&self, event: EventId, seats_a_hold: u32) {
        self.execute(&format!(
            "{sale} CREATE TEMP TABLE held AS \
             SELECT min(s.id::text)::uuid AS id, number / {seats_a_hold} AS number, array_agg(s.seat) AS seats, \
                    jsonb_agg(jsonb_build_object('ticket_type_id', t.id, 'quota_id', t.quota_id, 'seat_id', s.seat, \
                                                 'price', '0')) AS items \
             FROM sale s, ticket_types t WHERE t.event_id = '{event}' GROUP BY s.number / {seats_a_hold}; \
             INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, \
                                fingerprint, expires_at, created_at, updated_at) \
             SELECT h.id, '{event}', b.id, 'ACTIVE', h.items, 0, 'EUR', h.id::text, h.id, now() + interval '1 day', \
                    now(), now() \
             FROM held h JOIN buyers b ON b.number = h.number % (SELECT count(*) FROM buyers); \
             INSERT INTO seat_claims (event_id, seat_id, holder_id, sold) \
             SELECT '{event}', unnest(seats), id, false FROM held; \
             UPDATE quotas SET held = (SELECT count(*) FROM sale), version = 1 WHERE event_id = '{event}'",
            sale = sale(event)
        ))
        .await;
        self.execute("VACUUM ANALYZE").await;
    }

    /// Stops PostgreSQL and removes its data.
    pub(crate) async fn stop(self) {
        drop(self.ledger);
        // An error means that it was told to stop already.
        let _ = self.stop.send(());
        let _ = self.kept.await;
    }
}

/// The settings of a server to which nothing was said but where its database is.
fn of_url(url: &str) -> Config {
    let variables = BTreeMap::from([("DATABASE_URL".to_owned(), url.to_owned())]);
    // No files: what a developer has put there must not change what is measured.
    Config::load(&Sources { variables, folder: "/nonexistent".into() }).unwrap()
}

/// Statements that make two temporary tables: `buyers`, numbered, and `sale`, the event's seats in no order that means
/// anything, numbered as well, each with the id that its booking may have.
fn sale(event: EventId) -> String {
    format!(
        "CREATE TEMP TABLE buyers AS SELECT id, row_number() OVER () - 1 AS number FROM accounts; \
         CREATE TEMP TABLE sale AS \
         SELECT gen_random_uuid() AS id, s.id AS seat, \
                row_number() OVER (ORDER BY md5(s.id::text)) AS number, count(*) OVER () AS seats \
         FROM events e JOIN sections c ON c.seat_map_version_id = e.seat_map_version_id JOIN seat_rows r ON r.section_id = c.id \
         JOIN seats s ON s.row_id = r.id WHERE e.id = '{event}';"
    )
}

/// Keeps PostgreSQL running until the benchmark ends, or is told to: nothing that it started may outlive it.
async fn keep(postgres: PrivatePostgres, folder: TempDir, stopping: oneshot::Receiver<()>) {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut interrupted = false;
    let stop = async {
        tokio::select! {
            _ = stopping => {}
            _ = interrupt.recv() => interrupted = true,
            _ = terminate.recv() => interrupted = true,
        }
    };
    postgres.keep_alive(stop).await;
    drop(folder);
    if interrupted {
        std::process::exit(INTERRUPTED);
    }
}
