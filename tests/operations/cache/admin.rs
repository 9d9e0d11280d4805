//! `/admin/cache`.

use domain::accounts::Role;
use serde_json::json;

use super::{freshness::settings, nodes::Nodes};
use crate::support::{
    Api, ChildServer, EventBuilder, TestDatabase, TestRedis, TestServer, accounts::add_accounts, until,
};

const PATH: &str = "/api/v1/admin/cache";

async fn signed_in(server: &TestServer, api: &Api, role: Role) -> Api {
    api.of(&add_accounts(&server.client, 1, role).await[0])
}

#[tokio::test]
async fn only_administrators_look_at_the_cache_and_clear_it() {
    let server = settings().start().await;
    for role in [Role::User, Role::Organizer] {
        let api = signed_in(&server, &server.api, role).await;
        api.get(PATH).await.problem(403, "AUTH_004");
        api.delete(&format!("{PATH}?tag=events")).await.problem(403, "AUTH_004");
    }
    server.api.delete(&format!("{PATH}?tag=events")).await.problem(401, "AUTH_001");
    let admin = signed_in(&server, &server.api, Role::Admin).await;
    for (query, field) in
        [("", "tag"), ("?tag=x", "tag"), ("?key=a*", "key"), ("?pattern=[a]", "pattern"), ("?tag=events&key=a", "")]
    {
        let faults = admin.delete(&format!("{PATH}{query}")).await.faults();
        assert_eq!(faults[0].0, field, "{query}: {faults:?}");
    }
}

#[tokio::test]
async fn the_cache_says_what_it_has_and_how_often_that_was_enough() {
    let server = settings().start().await;
    let admin = signed_in(&server, &server.api, Role::Admin).await;
    let event = server.event(EventBuilder::ga(10)).await;
    for _ in 0..4 {
        server.api.get(&format!("/api/v1/events/{}", event.id)).await.ok();
    }
    let shown = admin.get(PATH).await.ok();
    assert_eq!((&shown["enabled"], &shown["shared"]), (&json!(true), &json!(null)));
    let of = |name: &str| shown["namespaces"].as_array().unwrap().iter().find(|of| of["name"] == name).unwrap().clone();
    let events = of("event");
    assert_eq!((&events["hits"], &events["misses"], &events["loads"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!(
        (&events["hitRatio"], &events["answers"], &of("venue")["hitRatio"]),
        (&json!(0.75), &json!(1), &json!(null))
    );
    assert!(shown["local"]["bytes"].as_u64() > Some(500) && shown["local"]["bytesLimit"] == json!(64 << 20));
}

/// Watches that a clear by hand reaches both levels of all nodes, and counts what it deletes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cleared_by_hand_is_gone_on_all_nodes() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    let admin = signed_in(&nodes.one, &nodes.one.api, Role::Admin).await;
    let id = nodes.event.id;
    let entries = |node: usize| nodes.caches()[node].overview().namespaces[1].1.entries;
    for what in [format!("tag=event:{id}"), format!("key=event/{id}"), "pattern=event/*".to_owned()] {
        super::freshness::rename(&nodes.one.client, id, "Old").await;
        nodes.share().await;
        admin.delete(&format!("{PATH}?pattern=*")).await.ok();
        // Both have it in memory, and Redis has it.
        until("both have it, and Redis", async || {
            nodes.title(0).await;
            nodes.title(1).await;
            entries(0) == 1 && entries(1) == 1 && redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*1")
        })
        .await;
        super::freshness::rename(&nodes.one.client, id, "New").await;
        let cleared = admin.delete(&format!("{PATH}?{what}")).await.ok();
        assert_eq!((&cleared["local"], &cleared["shared"]), (&json!(1), &json!(1)), "{what}");
        let log = admin.get("/api/v1/admin/audit-log?action=CACHE_CLEARED&limit=1").await.ok();
        let name = what.split_once('=').unwrap().1;
        assert_eq!(log["data"][0]["targetId"].as_str().unwrap(), name, "it is written down");
        assert_eq!(nodes.title(0).await, "New", "{what}");
        until("the other hears of it", async || nodes.title(1).await == "New").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_clear_says_so_and_is_told_later() {
    let mut redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    let admin = signed_in(&nodes.one, &nodes.one.api, Role::Admin).await;
    assert_eq!(nodes.title(1).await, "Old");
    redis.kill();
    super::freshness::rename(&nodes.one.client, nodes.event.id, "New").await;
    let cleared = admin.delete(&format!("{PATH}?pattern=event/*")).await.ok();
    assert_eq!(cleared["shared"], json!(null));
    let shown = admin.get(PATH).await.ok();
    assert_eq!(shown["shared"]["untold"], json!(true));
    redis.launch();
    until("the other hears of it", async || nodes.title(1).await == "New").await;
}

/// Watches the two lines by which operators see what has emptied the cache, and who it was.
#[tokio::test]
async fn what_ends_answers_is_in_the_log() {
    let db = TestDatabase::migrated().await;
    let settings = settings().set("DATABASE_URL", db.url()).set("BOXOFFICE__LOG__FILTER", "info");
    let server = ChildServer::start(settings).await;
    let admin = add_accounts(&db.connect().await, 1, Role::Admin).await.remove(0);
    let api = server.api.of(&admin);
    api.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    api.delete(&format!("{PATH}?pattern=event/*")).await.ok();
    until("both are in the log", async || {
        let log = server.log();
        let has = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        has(&["cached answers invalidated", "vocabulary"])
            && has(&["cached answers cleared by hand", "pattern", "event/*", &admin.id.to_string()])
    })
    .await;
}
