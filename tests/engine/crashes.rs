//! Death in a storm of bookings: of the server, of its connections to the database, of the database itself. Whatever was
//! acknowledged is there, nothing is there twice, and the server is back by itself.

use std::time::Duration;

use crate::support::{
    ChildServer, Settings, TestDatabase, TestServer,
    accounts::add_accounts,
    child, seeded,
    shared_postgres::connect,
    storm::{Storm, event_of_a_storm},
    until,
};
use boxoffice_store::postgres::migrate::Migrator;
use nix::sys::signal::{Signal, kill};
use rand::Rng;

/// A server beside this process, on `database`.
fn beside(database: &TestDatabase) -> Settings {
    Settings::default().set("DATABASE_URL", database.url())
}

/// Watches "no answer before the commit", the end of the predecessor's session at a start, and the keys in the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_twenty_times_loses_and_doubles_nothing() {
    const KILLS: usize = 20;
    let mut random = seeded();
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = event_of_a_storm(&client).await;
    let mut server = ChildServer::start(beside(&database)).await;
    let storm = Storm::begin(server.address, &client, &event, 40).await;
    let mut slow = 0;
    for _ in 0..KILLS {
        storm.rage(&mut random, 10..60).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        server.kill();
        let acknowledged = storm.acknowledged();
        let found = "SELECT count(*) FROM bookings WHERE id = ANY($1)";
        assert_eq!(database.number(found, &[&acknowledged]).await as usize, acknowledged.len());
        server.launch();
        slow += usize::from(server.ready().await > Duration::from_secs(2));
    }
    // A debug build on a machine that does other things: nearly always is enough here.
    assert!(slow <= KILLS / 5, "{slow} of {KILLS} starts took longer than 2 s");
    storm.end(&client).await;
}

/// Nothing is lost with the connections: an unknown outcome is looked up, never guessed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_database_sessions_lose_and_double_nothing() {
    let mut random = seeded();
    let server = TestServer::start().await;
    let event = event_of_a_storm(&server.client).await;
    let storm = Storm::begin(server.running.address, &server.client, &event, 50).await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'boxoffice'";
    let mut ended = 0;
    for _ in 0..8 {
        storm.rage(&mut random, 50..250).await;
        ended += server.db.number(terminate, &[]).await;
    }
    assert!(ended >= 8, "{ended} sessions were ended");
    storm.end(&server.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_private_postgres_comes_back_with_every_acknowledged_booking() {
    let mut random = seeded();
    // Without DATABASE_URL: durable, in a folder of its own. Without the demo, which is for development.
    let mut server = ChildServer::start(Settings::default().set("BOXOFFICE_ENV", "staging")).await;
    let url = server.private_url();
    let event = event_of_a_storm(&connect(&url).await).await;
    let storm = Storm::begin(server.address, &connect(&url).await, &event, 30).await;
    for _ in 0..3 {
        storm.rage(&mut random, 20..200).await;
        let postmaster = server.postmaster().unwrap();
        kill(postmaster, Signal::SIGKILL).unwrap();
        until("another one runs", async || server.postmaster().is_some_and(|other| other != postmaster)).await;
    }
    storm.rage(&mut random, 20..200).await;
    server.ready().await;
    storm.end(&connect(&url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_started_at_once_on_an_empty_database_migrate_once() {
    let database = TestDatabase::empty().await;
    let settings = beside(&database).set("BOXOFFICE__LOG__FILTER", "info").set("BOXOFFICE__LOG__FORMAT", "json");
    let mut servers = [ChildServer::new(settings.clone().node("one")), ChildServer::new(settings.node("two"))];
    servers.iter_mut().for_each(ChildServer::launch);
    for server in &mut servers {
        server.ready().await;
    }
    let count = Migrator::embedded().unwrap().status(&database.connect().await).await.unwrap().len();
    let mut applied = Vec::new();
    for server in &servers {
        let said = |count: usize| server.log().contains(&format!("\"applied\":{count}"));
        until("it has told what it migrated", async || said(0) || said(count)).await;
        applied.push(said(count));
    }
    applied.sort_unstable();
    assert_eq!(applied, [false, true], "one of them migrated, and all of it");
    assert_eq!(database.number("SELECT count(*) FROM node_sessions WHERE ended_at IS NULL", &[]).await, 2);
}

/// Watches the fence: the first server's memory is as good as the second's, and only its session says that it may not
/// write any more. Without the check in `ledger_commit`, it books.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_of_the_same_name_fences_the_first() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = event_of_a_storm(&client).await;
    let buyer = add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    let settings = beside(&database).node("same");
    let mut first = ChildServer::start(settings.clone()).await;
    let body = event.seats([0]);
    first.api.of(&buyer).book(&event, &body).await.created();
    let second = ChildServer::start(settings).await;

    let body = event.seats([1]);
    let path = event.path("bookings");
    let late = first.api.of(&buyer).try_send(reqwest::Method::POST, &path, Some("k"), Some(&body)).await;
    // It may have ended already.
    late.inspect(|answer| drop(answer.problem(503, "SERVICE_001")));
    let booked = second.api.of(&buyer).book_as(&event, "k", &body).await;
    booked.created();
    assert!(!booked.is_replay());
    assert_eq!(first.ended().await.code(), Some(75), "{}", first.log());
    crate::support::audit::audit(&client).await;
}

/// A server that is told to end finishes what it has begun, and lets go of its session's events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_answers_first() {
    let mut random = seeded();
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = event_of_a_storm(&client).await;
    let mut server = ChildServer::start(beside(&database)).await;
    let storm = Storm::begin(server.address, &client, &event, 20).await;
    storm.rage(&mut random, 50..100).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    server.launch();
    server.ready().await;
    storm.end(&client).await;
}

/// Commands beside a server use its private PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_beside_a_server_shares_its_private_postgres() {
    let server = ChildServer::start(Settings::default().set("BOXOFFICE_ENV", "staging")).await;
    let output = child::program(server.settings(), server.folder()).args(["migrate", "status"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Applied"), "{output:?}");
    assert!(server.is_ready().await, "and leaves it running");
}
