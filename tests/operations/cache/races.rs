//! A read on one server while another one is told of a change.

use actors::cache::Namespace;
use domain::{accounts::Role, cache::HearChanges};
use serde_json::json;

use super::{
    freshness::settings,
    gate::Gate,
    nodes::{Nodes, reads},
};
use crate::support::{TestRedis, accounts::add_accounts, until};

/// The second server reads its event from the database, and the answer is still on its way when the first one edits it. Watches
/// what an answer remembers of the time when its read began: kept as if it were new, it would be shown for an hour here, and
/// lie in Redis for all servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_an_edit_elsewhere_is_not_kept_after_it() {
    let redis = TestRedis::start();
    let mut gate = None;
    let nodes = Nodes::start_with(settings().set("REDIS_URL", redis.url()), async |config| {
        let url = config.database.url.clone().unwrap();
        let (here, through) = Gate::to_database(&url).await;
        config.database.url = Some(through);
        gate = Some(here);
    })
    .await;
    let gate = gate.unwrap();
    nodes.share().await;
    let admin = add_accounts(&nodes.one.client, 1, Role::Admin).await.remove(0);
    let admin = nodes.api(0).of(&admin);
    let (public, managed) =
        (format!("/api/v1/events/{}", nodes.event.id), format!("/api/v1/admin/events/{}", nodes.event.id));
    let mut caught = 0;
    for round in 0..30 {
        let old = nodes.title(0).await;
        // Neither memory nor Redis has it, and the list by which the second server's knowledge is seen lies in its memory.
        admin.delete("/api/v1/admin/cache?pattern=event/*").await.ok();
        until("the second server keeps the list", async || {
            let before = reads(nodes.caches()[1], Namespace::Events);
            nodes.api(1).get("/api/v1/events").await.ok();
            reads(nodes.caches()[1], Namespace::Events) == before
        })
        .await;
        until("the second server has nothing", async || nodes.caches()[1].overview().namespaces[1].1.entries == 0)
            .await;
        gate.shut();
        let (asks, path) = (nodes.api(1), public.clone());
        let early = tokio::spawn(async move { asks.get(&path).await.ok()["title"].clone() });
        until("it has read", async || gate.held() > 0).await;
        let new = format!("New {round}");
        admin.change(&managed, &json!({ "title": new })).await.ok();
        assert_eq!(nodes.title(0).await, new);
        heard(&nodes).await;
        gate.open();
        // What waited at the gate may have been another question, and this one has come too late.
        caught += u32::from(early.await.unwrap() == json!(old));
        for node in [1, 0, 1] {
            assert_eq!(nodes.title(node).await, new, "round {round}, server {node}");
        }
        // What lies in Redis is new, too.
        for node in [0, 1] {
            nodes.caches()[node].may_have_missed();
            assert_eq!(nodes.title(node).await, new, "round {round}, server {node}, from Redis");
        }
        if caught == 5 {
            return;
        }
    }
    panic!("only {caught} reads were under way while their event was edited");
}

/// Waits until the second server, whose reads are held up, does not find the list in its memory any more.
async fn heard(nodes: &Nodes) {
    let missed = || reads(nodes.caches()[1], Namespace::Events);
    let before = missed();
    until("the second server hears of the edit", async || {
        let api = nodes.api(1);
        let asking = tokio::spawn(async move { api.get("/api/v1/events").await });
        until("it is answered from memory, or reads", async || asking.is_finished() || missed() > before).await;
        missed() > before
    })
    .await;
}
