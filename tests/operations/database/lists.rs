//! What the lists of the back office read, by the database's own count: a page, and not a table.

use boxoffice_store::postgres::{connection::RequestPool, store::PgStore};
use domain::{
    administration::AccountAdministration,
    audit::{Actor, AuditRepository},
    ids::{AccountId, BookingId, EventId},
    lists::{Total, declared},
    management::{
        Manager, Reach,
        catalogue::SettingsRepository,
        events::{EventManagement, GuestList},
        seat_maps::SeatMapManagement,
    },
    repositories::BookingRepository,
};
use uuid::Uuid;

use super::pool_of;
use crate::support::{TestDatabase, lists::query};

/// Rows of each table: what reads them from end to end stands out.
const ROWS: u64 = 40_000;
/// More than a page and its count read, and far less than a table.
const READ_MAX: i64 = 6_000;

const FILL: &str = "
    INSERT INTO accounts (id, email, password_hash, role, status, email_verified_at)
        SELECT md5('a' || n)::uuid, 'person' || n || '@tests.example', '!',
            (CASE WHEN n % 1000 = 0 THEN 'ORGANIZER' ELSE 'USER' END)::account_role,
            (CASE WHEN n % 2000 = 0 THEN 'SUSPENDED' ELSE 'ACTIVE' END)::account_status,
            CASE WHEN n % 3000 <> 0 THEN now() END
        FROM generate_series(1, 40000) AS n;
    INSERT INTO profiles (account_id, name) SELECT md5('a' || n)::uuid, 'Person ' || n FROM generate_series(1, 40000) AS n;
    INSERT INTO audit_log (seq, at, actor_id, action, target_kind, target_id, details, hash)
        SELECT n, now(), md5('a' || n % 400)::uuid, 'ACTION_' || n % 400, 'account', n % 400, '{}', sha256('x')
        FROM generate_series(1, 40000) AS n;
    INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key, fingerprint,
            created_at, updated_at)
        SELECT md5('b' || n)::uuid, md5('e')::uuid, md5('a' || n % 400)::uuid, 'CONFIRMED', 1, 0, 0, 0, 'EUR', n, md5('f')::uuid,
            now(), now()
        FROM generate_series(1, 40000) AS n;
    ANALYZE accounts, profiles, audit_log, bookings";

/// Bookings of one event by as many accounts, events and maps of a hundred organizers, and few of each that a filter is for. Written past
/// the triggers, which would refresh the public lists row by row.
const FILL_MANAGED: &str = "
    SET session_replication_role = replica;
    INSERT INTO accounts (id, email, password_hash, role, status, email_verified_at)
        SELECT md5('a' || n)::uuid, 'person' || n || '@tests.example', '!', 'USER', 'ACTIVE', now()
        FROM generate_series(1, 40000) AS n;
    INSERT INTO profiles (account_id, name) SELECT md5('a' || n)::uuid, 'Guest ' || n || 'X' FROM generate_series(1, 40000) AS n;
    INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key, fingerprint,
            created_at, updated_at)
        SELECT md5('b' || n)::uuid, md5('e1')::uuid, md5('a' || n)::uuid,
            (CASE WHEN n % 2000 = 0 THEN 'PENDING_PAYMENT' ELSE 'CONFIRMED' END)::booking_status, 1, 0, 0, 0, 'EUR', n,
            md5('f')::uuid, now(), now()
        FROM generate_series(1, 40000) AS n;
    INSERT INTO events (id, slug, organizer_id, venue_id, title, category, status, starts_at, ends_at, time_zone, currency,
            sale_starts_at, sale_ends_at, created_at)
        SELECT md5('e' || n)::uuid, 'slug' || n || 'x', md5('a' || n % 100 + 1)::uuid, md5('v')::uuid, 'Evening ' || n || 'X', 'concert',
            (CASE WHEN n > 39980 THEN 'CANCELLED' WHEN n <= 20 THEN 'SCHEDULED' ELSE 'DRAFT' END)::event_status,
            now() + n * interval '1 min', now() + (n + 60) * interval '1 min', 'Europe/Berlin', 'EUR', now(), now() + interval '1 min',
            now() - n * interval '1 min'
        FROM generate_series(1, 40000) AS n;
    INSERT INTO seat_maps (id, venue_id, organizer_id, name, created_at)
        SELECT md5('m' || n)::uuid, md5('v' || n % 100)::uuid, CASE WHEN n % 100 > 0 THEN md5('a' || n % 100)::uuid END, 'Hall ' || n || 'X',
            now() - n * interval '1 min'
        FROM generate_series(1, 40000) AS n;
    INSERT INTO seat_map_versions (id, seat_map_id, number) SELECT id, id, 1 FROM seat_maps;
    INSERT INTO setting_changes (key, account_id) SELECT 'site.name', md5('a1')::uuid FROM generate_series(1, 40000)";

/// Rows that were read, in scans of whole tables and by indexes, by all who have reported.
async fn rows_read(pool: &RequestPool) -> (i64, i64) {
    let client = pool.get().await.unwrap();
    // Otherwise a back end reports once a second at most.
    client.query_typed("SELECT pg_stat_force_next_flush()", &[]).await.unwrap();
    let read = "SELECT sum(seq_tup_read)::bigint, sum(coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables \
        WHERE relname IN ('accounts', 'profiles', 'audit_log', 'bookings', 'events', 'seat_maps', 'setting_changes')";
    let row = client.query_typed_one(read, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// What was read from one question to the next.
struct Reads<'a> {
    pool: &'a RequestPool,
    before: (i64, i64),
    wrong: Vec<String>,
}

impl<'a> Reads<'a> {
    async fn of(pool: &'a RequestPool) -> Self {
        Self { pool, before: rows_read(pool).await, wrong: Vec::new() }
    }

    /// What has just been asked and was answered with this total.
    async fn judge(&mut self, name: &str, total: Total) {
        let now = rows_read(self.pool).await;
        let (whole, by_index) = (now.0 - self.before.0, now.1 - self.before.1);
        if whole + by_index > READ_MAX {
            self.wrong.push(format!("{name}: {whole} rows in whole tables, {by_index} by indexes"));
        }
        if matches!(total, Total::About(total) if !(ROWS / 2..ROWS * 2).contains(&total)) {
            self.wrong.push(format!("{name}: {total:?}"));
        }
        self.before = now;
    }

    /// The same, of a list of so many entries, or of so many that they are not counted.
    async fn judge_counted(&mut self, name: &str, total: Total, expected: Option<u64>) {
        if expected.map_or(matches!(total, Total::Exact(_)), |expected| total != Total::Exact(expected)) {
            self.wrong.push(format!("{name}: {total:?}"));
        }
        self.judge(name, total).await;
    }

    /// The end of the questions.
    fn end(self) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
    }
}

/// The guards: counts that end at a thousand, and an index for each filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_back_office_reads_no_table_from_end_to_end() {
    let database = TestDatabase::migrated().await;
    database.connect().await.batch_execute(FILL).await.unwrap();
    // One connection, so that the reader is the reporter.
    let pool = pool_of(&database, 1);
    let store = PgStore::new(pool.clone());
    let person: Uuid = database.connect().await.query_one("SELECT md5('a7')::uuid", &[]).await.unwrap().get(0);
    let mut reads = Reads::of(&pool).await;
    for filter in ["", "q=person77", "role=ORGANIZER", "status=SUSPENDED", "verified=false", "verified=true"] {
        let name = format!("accounts, {filter}");
        let page = store.accounts(&query(&declared::ACCOUNTS, filter)).await.unwrap();
        assert!(!page.entries.is_empty(), "{name}");
        reads.judge(&name, page.total).await;
    }
    let of_person = format!("actorId={person}");
    for filter in ["", &of_person, "action=ACTION_7", "targetKind=account&targetId=7"] {
        let page = store.audit_entries(&query(&declared::AUDIT_LOG, filter)).await.unwrap();
        assert!(!page.entries.is_empty(), "{filter}");
        reads.judge(&format!("audit log, {filter}"), page.total).await;
    }
    let page = store.bookings_of(AccountId(person), &query(&declared::BOOKINGS, "")).await.unwrap();
    assert_eq!((page.entries.len(), page.total), (20, Total::Exact(100)));
    reads.judge("own bookings", page.total).await;
    let first = &page.entries[0];
    let filter = format!("status={}&eventId={}", first.status.as_str(), first.event_id);
    let page = store.bookings_of(AccountId(person), &query(&declared::BOOKINGS, &filter)).await.unwrap();
    assert!(!page.entries.is_empty());
    reads.judge("own bookings, filtered", page.total).await;
    let events: Vec<_> = page.entries.iter().map(|booking| booking.event_id).collect();
    // The events of the fill are none; what they are looked for by is judged all the same.
    assert_eq!(store.event_names(&events).await.unwrap().len(), 0);
    reads.judge("names of booked events", page.total).await;
    reads.end();
}

async fn managed() -> (TestDatabase, RequestPool, PgStore) {
    let database = TestDatabase::migrated().await;
    let client = database.connect_as_superuser().await;
    client.batch_execute(FILL_MANAGED).await.unwrap();
    // So that an index alone can answer, as it can of a table that is not new.
    client
        .batch_execute(
            "VACUUM (ANALYZE) accounts, profiles, bookings, events, seat_maps, seat_map_versions, setting_changes",
        )
        .await
        .unwrap();
    let pool = pool_of(&database, 1);
    (database, pool.clone(), PgStore::new(pool))
}

async fn id_of(database: &TestDatabase, name: &str) -> Uuid {
    database.connect().await.query_one("SELECT md5($1)::uuid", &[&name]).await.unwrap().get(0)
}

fn manager(account: Uuid, reach: Reach) -> Manager {
    Manager { account: AccountId(account), reach, actor: Actor::default() }
}

/// The guards: the indexes of titles, slugs and names, statuses written as constants, and counts that end at a thousand.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_events_and_seat_maps_reads_no_table_from_end_to_end() {
    let (database, pool, store) = managed().await;
    let account = id_of(&database, "a8").await;
    let (admin, organizer) = (manager(account, Reach::All), manager(account, Reach::Own));
    let mut reads = Reads::of(&pool).await;
    let organizer_id = format!("organizerId={account}");
    for (by, filter, total) in [
        (&admin, "", None),
        (&admin, "sort=-createdAt", None),
        (&admin, "status=DRAFT", None),
        (&admin, "status=CANCELLED", Some(20)),
        (&admin, "status=SCHEDULED&sort=-startsAt", Some(20)),
        (&admin, "status=SCHEDULED&status=CANCELLED&sort=createdAt", Some(40)),
        (&admin, &organizer_id, Some(400)),
        (&organizer, "", Some(400)),
        (&admin, "q=ENING 777x", Some(1)),
        (&admin, "q=lug777X", Some(1)),
        (&organizer, "q=evening 10007x", Some(1)),
    ] {
        let page = store.managed_events(by, &query(&declared::MANAGED_EVENTS, filter)).await.unwrap();
        let name = format!("events of {:?}, {filter}", by.reach);
        assert_eq!(page.entries.len() as u64, total.unwrap_or(20).min(20), "{name}");
        reads.judge_counted(&name, page.total, total).await;
    }
    for (by, filter, total) in [
        (&admin, "", None),
        (&organizer, "", Some(800)),
        (&admin, &organizer_id, Some(400)),
        (&admin, "q=ALL 777x", Some(1)),
    ] {
        let page = store.seat_maps(by, &query(&declared::SEAT_MAPS, filter)).await.unwrap();
        let name = format!("seat maps of {:?}, {filter}", by.reach);
        reads.judge_counted(&name, page.total, total).await;
    }
    let page = store.setting_changes(&query(&declared::SETTING_CHANGES, "")).await.unwrap();
    reads.judge_counted("changes of settings", page.total, None).await;
    reads.end();
}

/// The guards: the accounts that a search finds come first, unless they are many.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_guests_does_not_read_all_bookings_of_the_event() {
    let (database, pool, store) = managed().await;
    let event = EventId(id_of(&database, "e1").await);
    let reference = BookingId(id_of(&database, "b777").await).reference();
    let mut reads = Reads::of(&pool).await;
    let of_reference = format!("q={reference}");
    for (filter, total) in [
        ("", None),
        ("status=PENDING_PAYMENT", Some(20)),
        ("q=uest 777X", Some(1)),
        ("q=PERSON777@", Some(1)),
        ("q=Person777@&status=CANCELLED", Some(0)),
        (of_reference.as_str(), Some(1)),
        ("q=person", None),
        ("q=P&status=CONFIRMED", None),
    ] {
        let page = store.bookings_of_event(event, &query(&declared::GUEST_BOOKINGS, filter), true).await.unwrap();
        let name = format!("guests, {filter}");
        assert_eq!(page.entries.len() as u64, total.unwrap_or(20).min(20), "{name}");
        reads.judge_counted(&name, page.total, total).await;
    }
    reads.end();
}
