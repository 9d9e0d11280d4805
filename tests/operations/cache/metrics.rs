//! What operators see of the cache.

use domain::{
    accounts::Role,
    cache::{HearChanges, Tag},
};

use super::freshness::settings;
use crate::support::{Api, EventBuilder, TestRedis, TestServer, accounts::add_accounts, until};

/// The value of a series; `None` when it is not there.
async fn value(server: &TestServer, series: &str) -> Option<f64> {
    let shown = Api::of_operators(server.running.operations_address).get("/metrics").await;
    let text = String::from_utf8(shown.body.to_vec()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

async fn rises(server: &TestServer, series: &str) {
    until(&format!("{series} is above 0"), async || value(server, series).await > Some(0.0)).await;
}

fn lookups(level: &str, outcome: &str) -> String {
    format!(r#"boxoffice_cache_lookups_total{{level="{level}",outcome="{outcome}",namespace="event"}}"#)
}

/// Watches each series by what makes it rise: a panel over one that is never counted looks well for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_the_cache_does_is_counted() {
    let mut redis = TestRedis::start();
    let settings = settings().set("REDIS_URL", redis.url()).set("BOXOFFICE__CACHE__FRESH", "50ms");
    let server = settings.set("BOXOFFICE__CACHE__STALE", "1h").start().await;
    let cache = &server.running.cache.cache;
    let event = server.event(EventBuilder::ga(10)).await;
    let path = format!("/api/v1/events/{}", event.id);
    until("all is told", async || !cache.overview().untold).await;
    // Read, kept in Redis, found there, given, given again when it is old, and read again.
    server.api.get(&path).await.ok();
    let kept = "boxoffice:{*:cache}:*:event/*";
    until("Redis has it", async || redis.keys_like(kept) == 1).await;
    until("it comes from Redis", async || {
        cache.may_have_missed();
        server.api.get(&path).await.ok();
        cache.overview().namespaces[1].2.shared_found > 0
    })
    .await;
    let mut spelling = format!("{path}?");
    until("it was given when it was old and when it was not, by its handler and without", async || {
        server.api.get(&path).await.ok();
        // An address that nobody has asked before goes to the handler.
        spelling.push('&');
        server.api.get(&spelling).await.ok();
        let counted = cache.overview().namespaces[1].2;
        counted.stale > 0 && counted.fresh > 0 && counted.repeated > 0
    })
    .await;
    for _ in 0..2 {
        server.api.get("/api/v1/events/nothing").await.problem(404, "RESOURCE_001");
    }
    for (level, outcome) in [
        ("local", "hit"),
        ("local", "repeat"),
        ("local", "stale"),
        ("local", "absent"),
        ("local", "miss"),
        ("shared", "hit"),
        ("shared", "miss"),
    ] {
        rises(&server, &lookups(level, outcome)).await;
    }
    rises(&server, r#"boxoffice_cache_loads_total{outcome="read",namespace="event"}"#).await;
    rises(&server, r#"boxoffice_cache_renewals_total{outcome="done"}"#).await;
    // Actors that end, and are started again; a sweeper begins with a walk, which tells the sizes of what is there then.
    until("Redis has it still, or again", async || {
        server.api.get(&path).await.ok();
        redis.keys_like(kept) > 0
    })
    .await;
    server.running.cache.kill_actors();
    for actor in ["cache-worker", "cache-teller", "cache-sweeper"] {
        rises(&server, &format!(r#"boxoffice_actor_restarts_total{{actor="{actor}"}}"#)).await;
    }
    rises(&server, r#"boxoffice_cache_answers{namespace="event"}"#).await;
    rises(&server, r#"boxoffice_cache_bytes{namespace="event"}"#).await;
    rises(&server, "boxoffice_cache_bytes_limit").await;
    // Changes of four origins.
    cache.invalidate(&[Tag::Events]);
    let channels = redis.ask("PUBSUB CHANNELS boxoffice:*:cache");
    redis.ask(&format!("PUBLISH {} stranger", channels.lines().nth(2).unwrap()));
    let admin = server.api.of(&add_accounts(&server.client, 1, Role::Admin).await[0]);
    admin.delete("/api/v1/admin/cache?tag=events").await.ok();
    for origin in ["here", "elsewhere", "hand", "missed"] {
        rises(&server, &format!(r#"boxoffice_cache_invalidations_total{{origin="{origin}"}}"#)).await;
    }
    assert_eq!(value(&server, "boxoffice_cache_renewal_queue").await, Some(0.0));
    until("somebody looks for what was not told", async || {
        value(&server, "boxoffice_cache_changes_seen_age_seconds").await.is_some_and(|age| age < 2.0)
    })
    .await;
    // No Redis.
    until("all is told", async || value(&server, "boxoffice_cache_untold").await == Some(0.0)).await;
    redis.kill();
    cache.invalidate(&[Tag::Events]);
    server.api.get(&format!("/api/v1/events/{}", event.slug)).await.ok();
    rises(&server, "boxoffice_cache_untold").await;
    rises(&server, &lookups("shared", "away")).await;
    rises(&server, "boxoffice_cache_redis_failures_total").await;
}
