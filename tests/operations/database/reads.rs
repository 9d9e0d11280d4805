//! Reads that are slow, or that nobody waits for: whom they leave alone.

use std::time::{Duration, Instant};

use domain::accounts::Role;
use serde_json::json;

use crate::support::{Api, EventBuilder, TestServer, until};

/// Far below the time-out of a statement (30 s), for which those who come later would wait, and far above what a request takes on a busy
/// machine.
const SOON: Duration = Duration::from_secs(15);
const SLEEPERS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND state = 'active' AND wait_event = 'PgSleep'";

/// Makes every read of `table` hang.
async fn hang(server: &TestServer, table: &str) {
    let view = format!(
        "ALTER TABLE {table} RENAME TO real_{table}; \
         CREATE VIEW {table} AS SELECT t.* FROM real_{table} t RIGHT JOIN pg_sleep(600) AS s ON true"
    );
    server.client.batch_execute(&view).await.unwrap();
}

/// The guard: `Connection::drop`. The server has four connections for requests.
#[tokio::test(flavor = "multi_thread")]
async fn fourteen_reads_that_are_hung_up_on_leave_the_next_read_alone() {
    let server = TestServer::start().await;
    let (event, buyer) = (server.event(EventBuilder::ga(10)).await, server.signed_in().await);
    // Without one, the database may see that there is nothing to wait for.
    buyer.book(&event, &event.places(1)).await.created();
    buyer.get("/api/v1/bookings").await.ok();
    hang(&server, "bookings").await;
    let reads: Vec<_> = (0..14)
        .map(|_| {
            let buyer = buyer.clone();
            tokio::spawn(async move { buyer.get("/api/v1/bookings").await })
        })
        .collect();
    until("the reads take all connections", async || server.db.number(SLEEPERS, &[]).await >= 4).await;
    reads.iter().for_each(tokio::task::JoinHandle::abort);
    let asked = Instant::now();
    server.api.get("/api/v1/venues").await.ok();
    assert!(asked.elapsed() < SOON, "waited {:?} for reads that nobody waits for", asked.elapsed());
    until("their statements are cancelled", async || server.db.number(SLEEPERS, &[]).await == 0).await;
}

/// The guards: `RequestPool::get_for_search`, and a connection of its own for the check.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_heavy_searches_leave_readiness_bookings_and_pages_alone() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100)).await;
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.places(1)).await.created();
    hang(&server, "event_listings").await;
    let searches: Vec<_> = (0..100)
        .map(|number| {
            let api = server.api.clone();
            let path = format!("/api/v1/events?q=evening&available=true&offset={number}");
            tokio::spawn(async move { api.get(&path).await })
        })
        .collect();
    until("searches are under way", async || server.db.number(SLEEPERS, &[]).await >= 2).await;
    for _ in 0..20 {
        let asked = Instant::now();
        server.api.get("/health/ready").await.ok();
        buyer.book(&event, &event.places(1)).await.created();
        buyer.get("/api/v1/bookings").await.ok();
        assert!(asked.elapsed() < SOON, "waited {:?} for searches of others", asked.elapsed());
    }
    for search in searches {
        search.await.unwrap().problem(503, "SERVICE_001");
    }
    server.audit().await;
}

/// A list that has to be looked for can't be skipped through for ever.
#[tokio::test]
async fn the_offset_of_a_search_is_bounded() {
    let server = TestServer::start().await;
    for (path, status) in [
        ("events?offset=10000", 200),
        ("events?offset=1000&q=jazz", 200),
        ("events?offset=1001&q=jazz", 422),
        ("events?offset=1001&available=true", 422),
        ("venues?offset=1001&q=jazz", 422),
    ] {
        assert_eq!(server.api.get(&format!("/api/v1/{path}")).await.status, status, "{path}");
    }
}

/// The guard: the check asks whether the database can be written to. A standby answers reads, and sells nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_is_not_ready_and_refuses_for_a_moment_only() {
    let server = TestServer::start().await;
    let organizer = server.signed_in_as(Role::Organizer).await;
    server.api.get("/health/ready").await.ok();
    let name = server.db.url().rsplit('/').next().unwrap().to_owned();
    let read_only = async |on: bool| {
        let elsewhere = server.db.connect_as_superuser().await;
        let statement = format!("ALTER DATABASE {name} SET default_transaction_read_only = {on}");
        elsewhere.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        elsewhere.batch_execute(&statement).await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND application_name = 'boxoffice'";
        elsewhere.query(end, &[]).await.unwrap();
    };
    read_only(true).await;
    // A connection that was ended is not ready either, for a moment.
    let operations = Api::of_operators(server.running.operations_address);
    let told = async || String::from_utf8_lossy(&operations.get("/health/detailed").await.body).into_owned();
    until("it is not ready, and says why", async || told().await.contains("it is read-only")).await;
    assert_eq!(server.api.get("/health/ready").await.status, 503);
    let edit = async || organizer.patch("/api/v1/profile", &json!({ "name": "Ada Byron" })).await;
    edit().await.problem(503, "SERVICE_001");
    read_only(false).await;
    until("it is ready again", async || server.api.get("/health/ready").await.status == 200).await;
    edit().await.ok();
}
