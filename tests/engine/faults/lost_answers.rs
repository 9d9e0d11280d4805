//! A commit succeeds, and its answer is lost.

use std::time::Instant;

use super::watch::Watch;
use crate::support::{
    EventBuilder, Settings, TestDatabase, TestServer, log,
    proxy::{Proxy, Trick},
    until,
};

const CUTS: usize = 5;

/// Guards: what a retry of the writer finds under its own ids and keys is its own, and committed neighbours are answered before anything
/// fails. Otherwise each lost answer kills the inventory ten times, and the event is down for seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_of_a_commit_takes_no_event_down() {
    log::listen();
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database).await;
    let server = TestServer::on(database, &Settings::default().through(&proxy)).await;
    let (event, other) =
        (server.event(EventBuilder::ga(1_000_000)).await, server.event(EventBuilder::ga(1_000_000)).await);
    let (crowd, elsewhere) = (Watch::begin(&server, &event, 12).await, Watch::begin(&server, &other, 2).await);
    for _ in 0..CUTS {
        crowd.goes_on(24).await;
        elsewhere.goes_on(4).await;
        proxy.play(Trick::CutBeforeAnswer, "ledger_commit", 1);
        until("an answer is lost", async || proxy.played() == 1).await;
        let ended = Instant::now();
        crowd.goes_on(24).await;
        crowd.tell("an answer of a commit is lost", ended);
    }
    // A group has decisions of several events: what became of them is unknown to all of these.
    for event in [event.id, other.id] {
        let deaths = log::deaths(event);
        assert!(deaths.len() <= CUTS, "{} deaths of {CUTS} lost answers: {deaths:?}", deaths.len());
    }
    assert_eq!(elsewhere.refused(), 0, "refusals on another event");
    crowd.end(&server).await;
    elsewhere.end(&server).await;
}
