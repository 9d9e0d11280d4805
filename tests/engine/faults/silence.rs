//! A connection to the database falls silent: it stays open, and nothing comes any more.

use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::support::{
    EventBuilder, Settings, TestDatabase, TestServer,
    client::new_key,
    log,
    proxy::{Proxy, Trick},
    until,
};

/// A statement that only a load of an inventory has.
const LOAD: &str = "SELECT id, capacity FROM quotas";
/// A statement that only a look-up of keys has.
const LOOK_UP: &str = "AS k (account_id, key, place)";

/// Callers give up soon, and ask again.
async fn server(proxy: &Proxy, database: TestDatabase) -> TestServer {
    log::listen();
    let settings = Settings::default().through(proxy).set("BOXOFFICE__INVENTORY__REQUEST_DEADLINE", "2s");
    TestServer::on(database, &settings).await
}

/// Guards: the deadline of loads. Without it, the event is gone until the server is started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_load_falls_silent_is_loaded_again() {
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database).await;
    let server = server(&proxy, database).await;
    let (event, other) =
        (server.event(EventBuilder::ga(1_000_000)).await, server.event(EventBuilder::ga(1_000_000)).await);
    let elsewhere = Watch::begin(&server, &other, 2).await;
    elsewhere.goes_on(4).await;
    proxy.play(Trick::Silence, LOAD, 1);
    let watch = Watch::begin(&server, &event, 2).await;
    until("a load falls silent", async || proxy.played() == 1).await;
    let ended = Instant::now();
    watch.goes_on(4).await;
    elsewhere.goes_on(4).await;
    eprintln!("a load falls silent: loaded again after {:.0?}", ended.elapsed());
    assert_eq!(elsewhere.refused(), 0, "refusals on another event");
    watch.end(&server).await;
    elsewhere.end(&server).await;
}

/// Guards: the deadline of look-ups, and that the probe is free again. Without it, no event can refuse a fresh key any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_looked_up_after_a_look_up_fell_silent() {
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database).await;
    let server = server(&proxy, database).await;
    let (sold_out, other) = (server.event(EventBuilder::ga(1)).await, server.event(EventBuilder::ga(1_000_000)).await);
    let api = server.signed_in().await;
    api.book(&sold_out, &sold_out.places(1)).await.created();
    let elsewhere = Watch::begin(&server, &other, 2).await;
    elsewhere.goes_on(4).await;
    proxy.play(Trick::Silence, LOOK_UP, 1);
    // It is not known whether it was booked before: the outcome is open.
    api.book(&sold_out, &sold_out.places(1)).await.problem(503, "SERVICE_001");
    assert_eq!(proxy.played(), 1);
    let ended = Instant::now();
    let key = new_key();
    until("a fresh key is refused", async || api.book_as(&sold_out, &key, &sold_out.places(1)).await.status == 409)
        .await;
    eprintln!("a look-up of keys falls silent: the next one is answered after {:.0?}", ended.elapsed());
    elsewhere.goes_on(4).await;
    assert_eq!(elsewhere.refused(), 0, "refusals on another event");
    assert!(log::deaths(sold_out.id).is_empty() && log::deaths(other.id).is_empty());
    elsewhere.end(&server).await;
}

/// Guards: every call to the database has a deadline on this side, and readiness says what is the matter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_for_a_while_loses_nothing() {
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database).await;
    let server = server(&proxy, database).await;
    let event = server.event(EventBuilder::ga(1_000_000)).await;
    let watch = Watch::begin(&server, &event, 4).await;
    watch.goes_on(8).await;
    proxy.silence(true);
    until("the server is not ready", async || server.api.get("/health/ready").await.status == 503).await;
    let refused = watch.refused();
    until("buyers are refused", async || watch.refused() > refused).await;
    proxy.silence(false);
    let ended = Instant::now();
    watch.goes_on(8).await;
    until("the server is ready", async || server.api.get("/health/ready").await.status == 200).await;
    let until_steady = async || {
        let refused = watch.refused();
        watch.goes_on(40).await;
        watch.refused() == refused
    };
    until("nobody is refused any more", until_steady).await;
    watch.tell("the database falls silent", ended);
    assert!(ended.elapsed() < Duration::from_secs(30), "{:?}", ended.elapsed());
    watch.end(&server).await;
}
