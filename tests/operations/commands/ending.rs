//! How a server begins and ends beside others: it takes nothing away from one that runs, says early that it goes, and tells
//! by its exit code whether something was cut.

use std::net::TcpListener;

use serde_json::Value;

use super::on;
use crate::support::{Api, ChildServer, EventBuilder, Settings, TestDatabase, accounts, until};

const LIVE_SESSIONS: &str = "SELECT count(*) FROM node_sessions WHERE ended_at IS NULL";
const SESSIONS: &str = "SELECT count(*) FROM node_sessions";

/// Watches that addresses are bound before the session of a predecessor is ended.
#[tokio::test]
async fn a_second_server_on_a_taken_address_leaves_the_first_one_alone() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = EventBuilder::ga(10).create(&client).await;
    let buyer = accounts::add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    let first = ChildServer::start(on(&database)).await;
    let api = first.api.of(&buyer);
    api.book(&event, &event.places(1)).await.created();

    let second = first.again();
    assert_eq!(second.status.code(), Some(69), "{second:?}");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&first.address.to_string()), "{said}");
    assert_eq!(said.matches("in use").count(), 1, "the reason is said once: {said}");

    // The address of the operations listener, taken by somebody else.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = first.settings().clone().set("BOXOFFICE__HTTP__LISTEN", "127.0.0.1:0");
    let third = super::child::run(&settings.set("BOXOFFICE__OPS__LISTEN", address), &["serve"]);
    assert_eq!(third.status.code(), Some(69), "{third:?}");
    assert!(String::from_utf8_lossy(&third.stderr).contains(&address.to_string()), "{third:?}");

    assert_eq!((database.number(SESSIONS, &[]).await, database.number(LIVE_SESSIONS, &[]).await), (1, 1));
    api.book(&event, &event.places(1)).await.created();
}

/// Watches the lame-duck time, the second signal, and the exit code of a server that was cut short.
#[tokio::test]
async fn a_server_that_is_told_to_stop_is_unready_first_and_a_second_signal_ends_it_at_once() {
    let database = TestDatabase::migrated().await;
    let mut server = ChildServer::start(on(&database).set("BOXOFFICE__HTTP__LAME_DUCK", "300s")).await;
    server.terminate();
    until("it says that it goes", async || !server.is_ready().await).await;
    // On connections of their own.
    let fresh = Api::new(server.address);
    assert_eq!(fresh.get("/health/ready").await.status, 503);
    fresh.get("/api/v1/events").await.ok();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(74), "{}", server.log());
    assert_eq!(database.number(LIVE_SESSIONS, &[]).await, 0, "others need not wait for it");
}

/// Watches the end of the session: without it the event is its dead owner's until the session is stale.
#[tokio::test]
async fn the_events_of_a_server_that_has_stopped_are_sold_by_another_at_once() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = EventBuilder::ga(10).create(&client).await;
    let buyer = accounts::add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    let mut first = ChildServer::start(on(&database).node("first")).await;
    let second = ChildServer::start(on(&database).node("second")).await;
    first.api.of(&buyer).book(&event, &event.places(1)).await.created();
    first.terminate();
    assert_eq!(first.ended().await.code(), Some(0), "{}", first.log());
    second.api.of(&buyer).book(&event, &event.places(1)).await.created();
}

/// Watches that signals are listened for before anything is waited for.
#[tokio::test]
async fn a_signal_ends_a_server_that_waits_for_its_database() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings::default().set("DATABASE_URL", format!("postgres://ada@{nobody}/boxoffice"));
    let mut server = ChildServer::new(settings);
    server.launch();
    until("it waits", async || server.log().contains("the database is away")).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}

/// Watches `Begun`: what a start has begun when it fails at its very end is taken down like that of a server that ends, and above all
/// its session, which others would wait for.
#[tokio::test]
async fn a_start_that_fails_at_its_end_takes_down_in_order_what_it_has_begun() {
    let mut server =
        ChildServer::start(Settings::default().set("BOXOFFICE__LOG__FILTER", "info,boxoffice::serve::begun=debug"))
            .await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    // It is read after everything else: to be told.
    let password = server.folder().join("data/demo-password");
    std::fs::remove_file(&password).unwrap();
    std::fs::create_dir(&password).unwrap();
    server.launch();
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let parts: Vec<Value> =
        lines.filter(|line| line["message"] == "taken down").map(|line| line["part"].clone()).collect();
    assert_eq!(parts, ["upkeep", "engine", "session", "gateway", "mail", "cache", "breakers"], "{log}");
    assert_eq!(log.matches("session ended").count(), 2, "each start has ended its own: {log}");
    std::fs::remove_dir(&password).unwrap();
    server.launch();
    server.ready().await;
}

/// Watches the one deadline of everything after the signal: no connection is cut, and the end would come by itself, but later.
#[tokio::test]
async fn what_hangs_after_the_drain_is_cut_as_well() {
    let database = TestDatabase::migrated().await;
    let settings =
        on(&database).set("BOXOFFICE__HTTP__DRAIN_TIMEOUT", "1s").set("BOXOFFICE__HTTP__SHUTDOWN_TIMEOUT", "1s");
    let mut server = ChildServer::start(settings).await;
    let mut client = database.connect().await;
    let transaction = client.transaction().await.unwrap();
    // Its end is waited for, for two seconds.
    assert_eq!(transaction.execute("SELECT FROM node_sessions FOR UPDATE", &[]).await.unwrap(), 1);
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(74), "{}", server.log());
    assert!(server.log().contains("the time for stopping is over"), "{}", server.log());
    drop(transaction);
}

/// Watches the time of the drain, and that the exit code tells of what it has cut.
#[tokio::test]
async fn what_is_left_when_the_time_for_stopping_is_over_is_cut() {
    let database = TestDatabase::migrated().await;
    let settings = on(&database)
        .set("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "600s")
        .set("BOXOFFICE__HTTP__DRAIN_TIMEOUT", "1s")
        .set("BOXOFFICE__HTTP__SHUTDOWN_TIMEOUT", "1s");
    let mut server = ChildServer::start(settings).await;
    let mut client = database.connect().await;
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE event_listings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let api = server.api.clone();
    let request = tokio::spawn(async move { api.try_send(reqwest::Method::GET, "/api/v1/events", None, None).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'boxoffice'";
    until("the request waits", async || database.number(waiting, &[]).await > 0).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(74), "{}", server.log());
    assert!(request.await.unwrap().is_none(), "it was cut");
    assert_eq!(database.number(LIVE_SESSIONS, &[]).await, 0);
    drop(transaction);
}
