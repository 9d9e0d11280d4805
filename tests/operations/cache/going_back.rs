//! Nobody shows what was changed before, whatever becomes of Redis or of the node that made the change.

use actors::cache::Namespace;
use boxoffice::config::Config;
use domain::{
    accounts::Role,
    cache::{Change, HearChanges, Tag},
    ids::EventId,
};
use serde_json::{Value, json};

use super::{
    freshness::{rename, settings},
    gate::Gate,
    nodes::Nodes,
};
use crate::support::{Api, EventBuilder, TestEvent, TestRedis, accounts::add_accounts, until};

/// Answers in a process end at once, so that each one is looked for in Redis.
async fn forgetful(redis: &TestRedis) -> Nodes {
    forgetful_with(redis, |_| {}).await
}

/// The same, with something changed for the second.
async fn forgetful_with(redis: &TestRedis, change: impl FnOnce(&mut Config)) -> Nodes {
    let settings = settings().set("REDIS_URL", redis.url()).set("BOXOFFICE__CACHE__FRESH", "10ms");
    Nodes::start_with(settings, async |config| change(config)).await
}

/// Waits until Redis gives what one has read to the other.
async fn found_in_redis(nodes: &Nodes) {
    let found = |node: usize| nodes.caches()[node].overview().namespaces[Namespace::Event as usize].2.shared_found;
    until("both find the event in Redis", async || {
        nodes.title(0).await;
        nodes.title(1).await;
        found(0) > 0 && found(1) > 0
    })
    .await;
}

/// Redis writes its snapshot, is killed after a change that is not in it, and starts again. Watches that both nodes believe nothing that
/// it brings back, the one that made the change too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_back_from_a_snapshot_brings_nothing_old_back() {
    let mut redis = TestRedis::start();
    let nodes = forgetful(&redis).await;
    found_in_redis(&nodes).await;
    redis.ask("SET of-the-snapshot 1");
    assert_eq!(redis.ask("SAVE"), "+OK\r\n");
    nodes.edit("New").await;
    until("both show it", async || nodes.title(0).await == "New" && nodes.title(1).await == "New").await;
    redis.kill();
    redis.launch();
    assert_eq!(redis.ask("EXISTS of-the-snapshot"), ":1\r\n", "it has read its snapshot");
    let before = nodes.caches().map(|cache| cache.overview().namespaces[Namespace::Event as usize].2.shared_found);
    until("both look into Redis again", async || {
        for node in [0, 1] {
            assert_eq!(nodes.title(node).await, "New", "server {node}");
        }
        let found = nodes.caches().map(|cache| cache.overview().namespaces[Namespace::Event as usize].2.shared_found);
        found[0] > before[0] && found[1] > before[1]
    })
    .await;
}

/// With its memory full, Redis reads and does not write. What one node changes the other one has to hear, and not to find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_redis_is_full_is_seen_by_all() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    until("it is kept", async || {
        for node in [0, 1] {
            nodes.caches()[node].may_have_missed();
            assert_eq!(nodes.title(node).await, "Old");
        }
        redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*1")
    })
    .await;
    assert_eq!(redis.ask("CONFIG GET maxmemory-policy").lines().nth(4), Some("noeviction"));
    redis.ask("CONFIG SET maxmemory 1");
    assert!(redis.ask("SET anything 1").starts_with("-OOM"), "it is full");
    nodes.edit("New").await;
    until("the other hears of it", async || nodes.title(1).await == "New").await;
    for node in [0, 1] {
        nodes.caches()[node].may_have_missed();
        assert_eq!(nodes.title(node).await, "New", "server {node}");
    }
    // Nothing more is kept, and it works on.
    assert!(!redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*2"));
}

/// One node alone has lost Redis. Watches what is written down: without it the other goes on finding the old state there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_changes_that_alone_has_lost_redis_the_others_show() {
    let redis = TestRedis::start();
    let nodes =
        forgetful_with(&redis, |config| config.redis.url = Some("redis://127.0.0.1:9/0".to_owned().into())).await;
    until("it is kept", async || {
        assert_eq!(nodes.title(0).await, "Old");
        redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*1")
    })
    .await;
    rename(&nodes.one.client, nodes.event.id, "New").await;
    nodes.caches()[1].invalidate(&[Tag::Event(EventId(nodes.event.id)), Tag::Events]);
    assert_eq!(nodes.title(1).await, "New", "its own change at once");
    until("the other shows it", async || nodes.title(0).await == "New").await;
    assert!(nodes.caches()[1].overview().untold, "it could not tell");
    let left = "SELECT count(*) FROM untold_changes";
    until("nothing is left to tell", async || nodes.one.db.number(left, &[]).await == 0).await;
}

/// A node that keeps nothing has to tell what it changes, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_without_a_cache_changes_the_others_show() {
    let redis = TestRedis::start();
    let settings = settings().set("REDIS_URL", redis.url());
    let nodes = Nodes::start_with(settings, async |config| config.cache.settings.enabled = false).await;
    let admin = add_accounts(&nodes.one.client, 1, Role::Admin).await.remove(0);
    let path = format!("/api/v1/admin/events/{}", nodes.event.id);
    for new in ["New", "Newer"] {
        let listed = async || nodes.api(0).get("/api/v1/events").await.ok()["data"][0]["title"].clone();
        nodes.title(0).await;
        assert_ne!(listed().await, json!(new));
        nodes.api(1).of(&admin).change(&path, &json!({ "title": new })).await.ok();
        until("the other hears of it", async || nodes.title(0).await == new && listed().await == json!(new)).await;
    }
}

/// A node that is killed after its commit tells nobody, and neither does who changes the database by hand. All have to see it within
/// seconds, from their memory and from Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_nobody_tells_is_seen_by_all() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    for new in ["New", "Newer"] {
        assert_ne!((nodes.title(0).await.as_str(), nodes.title(1).await.as_str()), (new, new));
        rename(&nodes.one.client, nodes.event.id, new).await;
        until("both show it", async || nodes.title(0).await == new && nodes.title(1).await == new).await;
        for node in [0, 1] {
            nodes.caches()[node].may_have_missed();
            assert_eq!(nodes.title(node).await, new, "server {node}, from Redis");
        }
    }
}

/// Two installations on one Redis, as a rehearsal beside production; the second one's database is a copy of a template that the
/// first one's is a copy of, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_on_one_redis_show_their_own_events() {
    let redis = TestRedis::start();
    let settings = settings().set("REDIS_URL", redis.url());
    let (one, two) = (settings.clone().start().await, settings.start().await);
    let event = one.event(EventBuilder::ga(10).title("Old")).await;
    let path = format!("/api/v1/events/{}", event.id);
    let list = async |api: &Api| api.get("/api/v1/events").await.ok()["data"].as_array().unwrap().len();
    let changed = Change::Tags([Tag::Event(EventId(event.id)), Tag::Events].iter().map(Tag::slot).collect());
    until("it is kept", async || {
        // What is read while there is something to tell is kept by the node alone, and so is a way to ask that nobody repeats.
        one.running.cache.cache.heard(&changed);
        one.api.get(&path).await.ok();
        list(&one.api).await;
        redis.ask("KEYS boxoffice:{*:cache}:*:event*").starts_with("*2")
    })
    .await;
    assert_eq!(list(&two.api).await, 0);
    two.api.get(&path).await.problem(404, "RESOURCE_001");
    // Each counts its own clients.
    let limits = redis.ask("KEYS boxoffice:limit:*");
    assert_eq!(limits, "*0\r\n");
}

/// Watches what a node does that has lost its way to Redis: what it finds there afterwards may be another one, or an older one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_lost_its_way_to_redis_has_it_forget_everything() {
    let redis = TestRedis::start();
    let (gate, through) = Gate::to_redis(&redis.url()).await;
    let server = settings().set("REDIS_URL", secrecy::ExposeSecret::expose_secret(&through)).start().await;
    let cache = &server.running.cache.cache;
    let life = async || {
        server.api.get(&format!("/api/v1/events/{}", uuid::Uuid::now_v7())).await;
        let keys = redis.ask("KEYS boxoffice:{*:cache}:changes");
        let key = keys.lines().nth(2).unwrap_or_default().to_owned();
        redis.ask(&format!("HGET {key} life"))
    };
    until("it has told all", async || !cache.overview().untold && life().await.starts_with('$')).await;
    // What it says when it has just connected may still be on its way.
    until("it is the same life", async || life().await == life().await).await;
    let before = life().await;
    gate.cut();
    until("another life has begun", async || {
        let now = life().await;
        now.starts_with('$') && !now.starts_with("$-1") && now != before
    })
    .await;
}

/// Two occurrences, of which one begins while the page of the other is kept. Watches that an answer ends when it reads otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_occurrence_that_has_begun_is_not_among_the_next() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    let client = &nodes.one.client;
    let begun = async |event: &TestEvent| {
        let begun = "SELECT count(*) FROM events WHERE id = $1 AND starts_at <= now()";
        nodes.one.db.number(begun, &[&event.id]).await == 1
    };
    // A slow machine gets more time for both servers to read the page before the occurrence begins.
    for seconds in [4, 12, 36] {
        let page = nodes.one.event(EventBuilder::ga(10)).await;
        let soon = nodes.one.event(EventBuilder::ga(10).title("Soon")).await;
        let join =
            "UPDATE events SET series_id = $1, starts_at = CASE WHEN id = $2 THEN now() + $4 * interval '1 second'
            ELSE starts_at END WHERE id IN ($2, $3)";
        client.execute(join, &[&uuid::Uuid::now_v7(), &soon.id, &page.id, &f64::from(seconds)]).await.unwrap();
        let path = format!("/api/v1/events/{}", page.id);
        let next = async |node| -> Value { nodes.api(node).get(&path).await.ok()["occurrences"]["next"].clone() };
        let listed = [next(0).await, next(1).await];
        if begun(&soon).await {
            continue;
        }
        assert!(listed.iter().all(|next| next.as_array().is_some_and(|next| next.len() == 1)), "{listed:?}");
        until("it has begun", async || begun(&soon).await).await;
        assert_eq!((next(0).await, next(1).await), (json!([]), json!([])));
        return;
    }
    panic!("no two pages were read within a minute");
}
