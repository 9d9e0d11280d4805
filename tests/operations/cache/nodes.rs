//! Two servers.

use actors::cache::{Cache, Namespace};
use boxoffice::{
    config::Config,
    serve::{self, Running},
};
use domain::{cache::Tag, ids::EventId};

use super::freshness::{rename, settings};
use crate::support::{Api, EventBuilder, Settings, TestEvent, TestRedis, TestServer, until};

/// Two servers on one database, one event, and what to change it with.
pub(crate) struct Nodes {
    pub(crate) one: TestServer,
    pub(crate) two: Running,
    pub(crate) event: TestEvent,
}

impl Nodes {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::start_with(settings, async |_| {}).await
    }

    /// The same, with something changed for the second.
    pub(crate) async fn start_with(settings: Settings, change: impl AsyncFnOnce(&mut Config)) -> Self {
        let one = settings.clone().start().await;
        let mut config = settings.node("two").config(&one.db);
        change(&mut config).await;
        let two = serve::start(config).await.unwrap();
        let event = one.event(EventBuilder::ga(10).title("Old")).await;
        Self { one, two, event }
    }

    /// On this Redis, which both use already.
    pub(crate) async fn sharing(redis: &TestRedis) -> Self {
        let nodes = Box::pin(Self::start(settings().set("REDIS_URL", redis.url()))).await;
        Box::pin(nodes.share()).await;
        nodes
    }

    /// Waits until both share again: what one has read the other finds in Redis, and hears when it changes.
    pub(crate) async fn share(&self) {
        until("both have told all", async || self.caches().iter().all(|cache| !cache.overview().untold)).await;
        // What one hears from the other is known by what it forgets.
        for (from, to, api) in [(0, 1, self.api(1)), (1, 0, self.api(0))] {
            until("one hears the other", async || {
                api.get("/api/v1/venues").await.ok();
                let loaded = reads(self.caches()[to], Namespace::Venues);
                self.caches()[from].invalidate(&[Tag::Venues]);
                for _ in 0..20 {
                    api.get("/api/v1/venues").await.ok();
                }
                reads(self.caches()[to], Namespace::Venues) > loaded
            })
            .await;
        }
    }

    pub(crate) fn caches(&self) -> [&Cache; 2] {
        [&self.one.running.cache.cache, &self.two.cache.cache]
    }

    pub(crate) fn api(&self, node: usize) -> Api {
        [self.one.api.clone(), Api::new(self.two.address)][node].clone()
    }

    pub(crate) async fn title(&self, node: usize) -> String {
        let shown = self.api(node).get(&format!("/api/v1/events/{}", self.event.id)).await.ok();
        shown["title"].as_str().unwrap().to_owned()
    }

    /// Changes the event, as the first node does it.
    pub(crate) async fn edit(&self, title: &str) {
        rename(&self.one.client, self.event.id, title).await;
        self.caches()[0].invalidate(&[Tag::Event(EventId(self.event.id)), Tag::Events]);
    }
}

/// Answers of a namespace that were looked for outside of memory.
pub(crate) fn reads(cache: &Cache, namespace: Namespace) -> u64 {
    cache.overview().namespaces[namespace as usize].2.missed
}

/// Watches the message: without it the other node shows the old state for an hour here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_changes_the_other_shows() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    assert_eq!((nodes.title(0).await, nodes.title(1).await), ("Old".to_owned(), "Old".to_owned()));
    for round in 0..20 {
        let new = format!("New {round}");
        nodes.edit(&new).await;
        assert_eq!(nodes.title(0).await, new, "its own change at once");
        until("the other hears of it", async || nodes.title(1).await == new).await;
        assert_eq!(nodes.title(0).await, new);
    }
}

/// Watches the second level: without it the database is asked twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_has_read_the_other_finds() {
    let redis = TestRedis::start();
    let nodes = Nodes::sharing(&redis).await;
    let loads = |node: usize| nodes.caches()[node].overview().namespaces[Namespace::Event as usize].2.loads;
    nodes.title(0).await;
    until("it is kept", async || redis.ask("KEYS boxoffice:{*:cache}:*:event/*").starts_with("*1")).await;
    assert_eq!((nodes.title(1).await.as_str(), loads(0), loads(1)), ("Old", 1, 0));
    let ttl: u64 = {
        let keys = redis.ask("KEYS boxoffice:{*:cache}:*:event/*");
        let key = keys.lines().nth(2).unwrap();
        redis.ask(&format!("TTL {key}")).trim().trim_start_matches(':').parse().unwrap()
    };
    assert!((3500..=3600).contains(&ttl), "{ttl}");
    // The same answer by the same bytes: both nodes name it alike.
    let path = format!("/api/v1/events/{}", nodes.event.id);
    let [one, two] = [nodes.api(0).get(&path).await, nodes.api(1).get(&path).await];
    assert_eq!((one.header("etag"), &one.body), (two.header("etag"), &two.body));
    // A search with words of its own is not worth a place there.
    let keys = redis.keys();
    nodes.api(0).get("/api/v1/events?q=evening").await.ok();
    nodes.api(0).get("/api/v1/events?limit=7").await.ok();
    // Nor is one of the many ways to ask for a list, until somebody has asked like that before.
    assert_eq!(redis.keys(), keys);
    nodes.caches()[0].invalidate(&[Tag::Events]);
    until("that is told", async || !nodes.caches()[0].overview().untold).await;
    nodes.api(0).get("/api/v1/events?limit=7").await.ok();
    until("the list is kept", async || redis.ask("KEYS boxoffice:{*:cache}:*limit=7").starts_with("*1")).await;
    assert_eq!(redis.keys(), keys + 1);
}

/// Without Redis nobody tells: the other node's answers end by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_the_other_node_sees_a_change_when_its_answers_have_ended() {
    let settings = settings().set("BOXOFFICE__CACHE__FRESH", "100ms").set("BOXOFFICE__CACHE__STALE", "100ms");
    let nodes = Nodes::start(settings).await;
    nodes.title(1).await;
    nodes.edit("New").await;
    assert_eq!(nodes.title(0).await, "New");
    until("the other reads anew", async || nodes.title(1).await == "New").await;
}
