//! The cache as administrators see it and clear it.

use std::sync::Arc;

use actors::cache::{Counted, Namespace, Overview, Size};
use application::{
    app::App,
    cache::{self, Clearing},
};
use boxoffice_http::{problem::Problem, query::Query, reply::Reply, request::Request};
use domain::validation::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

/// Longest key or pattern, in bytes.
const TEXT_BYTES_MAX: usize = 256;
/// Most `*` in a pattern: the time that a match takes grows with each.
const STARS_MAX: usize = 4;

/// `GET /admin/cache`: what this node keeps, and what it has done since its start.
pub(crate) async fn show(app: Arc<App>, _: Request) -> Result<Reply, Problem> {
    Reply::ok(&OverviewJson::from(&app.cache.overview()))
}

/// `DELETE /admin/cache`, with exactly one of `tag`, `key` and `pattern`. On all nodes; the counts are those of this one and of
/// what all share.
pub(crate) async fn clear(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let what = clearing(request.query())?;
    let cleared = cache::clear(&app, request.actor()?, what).await?;
    Reply::ok(&ClearedJson { local: cleared.local, shared: cleared.shared })
}

fn clearing(mut query: Query<'_>) -> Result<Clearing, Problem> {
    let tag = query.value("tag", "a tag such as events, event:ID, venues, venue:ID, page:SLUG or settings");
    let key = query.text("key");
    let pattern = query.text("pattern");
    let mut what = None;
    let mut given = 0;
    if let Some(tag) = tag {
        (what, given) = (Some(Clearing::Tag(tag)), given + 1);
    }
    if let Some(key) = key {
        if !is_key(&key, false) {
            query.fault(FieldError::new("key", "INVALID", "must be a key of the cache, such as events?limit=50"));
        }
        (what, given) = (Some(Clearing::Key(key.into_owned())), given + 1);
    }
    if let Some(pattern) = pattern {
        if !is_key(&pattern, true) || pattern.matches('*').count() > STARS_MAX {
            query.fault(FieldError::new(
                "pattern",
                "INVALID",
                "must be a key with at most four * in it, such as events*",
            ));
        }
        (what, given) = (Some(Clearing::Pattern(pattern.into_owned())), given + 1);
    }
    if given > 1 {
        query.fault(FieldError::new("", "CONFLICT", "give one of tag, key and pattern"));
    }
    query.finish()?;
    what.ok_or_else(|| FieldError::new("tag", "REQUIRED", "give one of tag, key and pattern").into())
}

/// Whether a text has only what keys are made of, so that it means the same here and to Redis.
fn is_key(text: &str, is_pattern: bool) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:,+%/?&=".contains(&byte) || (is_pattern && byte == b'*');
    text.len() <= TEXT_BYTES_MAX && text.bytes().all(fits)
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = CacheCleared)]
pub(super) struct ClearedJson {
    /// Answers in this server.
    local: u64,
    /// Left out: there is no shared cache, or it does not answer and is told when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Cache)]
#[serde(rename_all = "camelCase")]
pub(super) struct OverviewJson {
    enabled: bool,
    local: LocalJson,
    /// Left out without Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared: Option<SharedJson>,
    namespaces: Vec<NamespaceJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LocalCache)]
#[serde(rename_all = "camelCase")]
struct LocalJson {
    answers: u64,
    bytes: u64,
    bytes_limit: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SharedCache)]
#[serde(rename_all = "camelCase")]
struct SharedJson {
    reachable: bool,
    /// It has still to be told of changes: until then this node does not use it.
    untold: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CacheNamespace)]
#[serde(rename_all = "camelCase")]
struct NamespaceJson {
    name: &'static str,
    answers: u64,
    bytes: u64,
    hits: u64,
    stale: u64,
    absent: u64,
    misses: u64,
    /// Of what was asked, the part that was answered from memory; left out before anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hit_ratio: Option<f64>,
    shared_hits: u64,
    shared_misses: u64,
    shared_away: u64,
    loads: u64,
    load_failures: u64,
}

impl From<&Overview> for OverviewJson {
    fn from(overview: &Overview) -> Self {
        let sum = |of: fn(&Size) -> u64| overview.namespaces.iter().map(|(_, size, _)| of(size)).sum();
        Self {
            enabled: overview.enabled,
            local: LocalJson {
                answers: sum(|size| size.entries),
                bytes: sum(|size| size.bytes),
                bytes_limit: overview.bytes_max,
            },
            shared: overview.shared_reachable.map(|reachable| SharedJson { reachable, untold: overview.untold }),
            namespaces: overview.namespaces.iter().map(NamespaceJson::from).collect(),
        }
    }
}

impl From<&(Namespace, Size, Counted)> for NamespaceJson {
    fn from((namespace, size, counted): &(Namespace, Size, Counted)) -> Self {
        let fresh = counted.fresh + counted.repeated;
        let answered = fresh + counted.stale + counted.absent;
        let asked = answered + counted.missed;
        Self {
            name: namespace.as_str(),
            answers: size.entries,
            bytes: size.bytes,
            hits: fresh,
            stale: counted.stale,
            absent: counted.absent,
            misses: counted.missed,
            hit_ratio: (asked > 0).then(|| answered as f64 / asked as f64),
            shared_hits: counted.shared_found,
            shared_misses: counted.shared_missing,
            shared_away: counted.shared_away,
            loads: counted.loads,
            load_failures: counted.load_failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::cache::Tag;

    use super::*;

    #[test]
    fn exactly_one_thing_is_cleared_at_a_time() {
        let clearing = |text: &'static str| clearing(Query::parse(text)).ok();
        assert_eq!(clearing("tag=events"), Some(Clearing::Tag(Tag::Events)));
        assert_eq!(clearing("key=events%3Flimit%3D5"), Some(Clearing::Key("events?limit=5".to_owned())));
        assert_eq!(clearing("pattern=event/*"), Some(Clearing::Pattern("event/*".to_owned())));
        for wrong in [
            "",
            "tag=",
            "tag=bookings",
            "tag=events&key=events",
            "key=a&pattern=b",
            "key=a*",
            "pattern=%5Ba-z%5D",
            "pattern=a%0Ab",
            "pattern=*****",
            "all=true",
        ] {
            assert_eq!(clearing(wrong), None, "{wrong}");
        }
        let long: &'static str = Box::leak(format!("key={}", "x".repeat(TEXT_BYTES_MAX + 1)).into_boxed_str());
        assert_eq!(clearing(long), None);
    }
}
