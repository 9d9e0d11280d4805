//! A server starts, and thousands of events have something to expire.

use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::support::{EventBuilder, Settings, TestDatabase, TestServer, events::in_seconds, log, proxy::Proxy, until};

/// How many events; `make bench-faults` asks for thousands.
const EVENTS: &str = "BOXOFFICE_FAULTS_EVENTS";
/// As far away as a database is, so that loads take their time.
const DELAY: Duration = Duration::from_millis(5);

/// Copies of an event with a hold each.
const COPIES: &str = "WITH copies AS (
        SELECT gen_random_uuid() AS event, gen_random_uuid() AS quota, gen_random_uuid() AS kind, n
        FROM generate_series(1, $2::int) AS n
    ), events AS (
        INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('id', c.event, 'slug', 'copy-' || c.n))).*
        FROM events e, copies c WHERE e.id = $1
    ), quotas AS (
        INSERT INTO quotas SELECT (jsonb_populate_record(q, jsonb_build_object('id', c.quota, 'event_id', c.event, 'held', 1))).*
        FROM quotas q, copies c WHERE q.event_id = $1
    ), kinds AS (
        INSERT INTO ticket_types SELECT (jsonb_populate_record(t, jsonb_build_object('id', c.kind, 'event_id', c.event,
            'quota_id', c.quota))).*
        FROM ticket_types t, copies c WHERE t.event_id = $1
    )
    INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint, expires_at,
                       created_at, updated_at)
    SELECT gen_random_uuid(), event, $3, 'ACTIVE', jsonb_build_array(jsonb_build_object('ticket_type_id', kind,
        'quota_id', quota, 'price', '0')), 0, 'EUR', event::text, gen_random_uuid(), $4, now(), now()
    FROM copies";

fn loaded(server: &TestServer) -> usize {
    server.running.inventories.directory().all().iter().filter(|(_, slot)| slot.snapshot().is_some()).count()
}

/// Guards: loads are bounded, have connections of their own, and those that somebody waits for go first. Otherwise a booking waits behind all
/// of them, and the renewal of the session, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_loaded_at_the_start_keep_no_buyer_waiting() {
    log::listen();
    let events: i32 = std::env::var(EVENTS).ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let template = EventBuilder::ga(10).create(&client).await;
    let account = crate::support::accounts::add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    client.execute(COPIES, &[&template.id, &events, &account.id, &in_seconds(3600)]).await.unwrap();
    let fresh = EventBuilder::ga(1_000_000).create(&client).await;

    let proxy = Proxy::before(&database).await;
    proxy.delay(DELAY);
    let server = TestServer::on(database, &Settings::default().through(&proxy)).await;
    let watch = Watch::begin(&server, &fresh, 3).await;
    until("the first are loaded", async || loaded(&server) >= 5).await;
    let began = Instant::now();
    watch.goes_on(9).await;
    let (took, loaded_by_then) = (began.elapsed(), loaded(&server));
    eprintln!("{events} events to load: nine bookings in {took:.0?}, when {loaded_by_then} were loaded");
    assert!(
        loaded_by_then < events as usize / 2,
        "bookings waited until {loaded_by_then} of {events} events were loaded"
    );
    assert_eq!(watch.refused(), 0, "buyers were sent away");
    // Nobody asks any more, and the database is near.
    watch.tell("events are loaded at the start", began);
    watch.end(&server).await;
    proxy.delay(Duration::ZERO);
    // A wait each hundred: thousands take longer than one.
    while loaded(&server) < events as usize {
        let enough = (loaded(&server) + 100).min(events as usize);
        until("more are loaded", async || loaded(&server) >= enough).await;
    }
}
