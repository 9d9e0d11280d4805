//! The part of the cache that all nodes share, in Redis.
//!
//! An answer is a hash: its body, compressed; what it shows, as numbers of tags' slots; and the moment from which on it was read.
//! Beside the answers lies one hash with the moments of the last changes, on Redis's clock. An answer is given only when nothing
//! that it shows has changed since it was read, so a change writes a few numbers however many answers it concerns. That hash has
//! no time to live, and when it is gone nothing is given that is older: a Redis that was emptied, or that has evicted it, is
//! never wrong.
//!
//! | key | what |
//! | --- | --- |
//! | `boxoffice:{cache}:FORMAT-RELEASE:KEY` | an answer; releases do not share them, for each may show a thing in another way |
//! | `boxoffice:{cache}:changes` | `born`, `last`, `some` and one field a slot; shared by all releases |
//!
//! Changes go to the channel `boxoffice:cache`, to nodes of all releases: see `listener.rs`.

mod codec;
mod listener;
mod message;

use std::{sync::Arc, time::Duration};

use domain::cache::{Answering, Away, Change, Look, Moment, SharedAnswer, SharedCache};
use fred::{prelude::Value, types::scripts::Script};
use metrics::counter;
use secrecy::SecretString;
use uuid::Uuid;

pub use listener::Listener;

use super::redis::{Purpose, RedisLink};

/// What begins every key of an answer: the form in which answers are stored, and the release that made them.
const PREFIX: &str = concat!("boxoffice:{cache}:1-", env!("CARGO_PKG_VERSION"), ":");
const CHANGES: &str = "boxoffice:{cache}:changes";
const CHANNEL: &str = "boxoffice:cache";
/// Pages of a walk over all answers. A walk that is longer is given up: it is for people, who wait for it.
const PAGES_MAX: u32 = 5_000;

/// See the module's page.
pub struct RedisCache {
    link: Arc<RedisLink>,
    /// Tells this process from others.
    node: Uuid,
    look: Script,
    keep: Script,
    tell: Script,
    delete: Script,
}

impl RedisCache {
    /// Begins to connect to the Redis at `url`, and waits for nothing. `answer_timeout` is the longest that a request may be held
    /// up by each question. Fails on a URL that is not right.
    pub fn connect(url: &SecretString, answer_timeout: Duration) -> anyhow::Result<Arc<Self>> {
        let purpose = Purpose {
            lost: "Redis does not answer; each node caches by itself",
            back: "Redis answers; nodes share cached answers",
            failures: counter!("boxoffice_cache_redis_failures_total"),
        };
        Ok(Arc::new(Self {
            link: RedisLink::connect(url, answer_timeout, purpose)?,
            node: Uuid::now_v7(),
            look: Script::from_lua(include_str!("cache/look.lua")),
            keep: Script::from_lua(include_str!("cache/keep.lua")),
            tell: Script::from_lua(include_str!("cache/tell.lua")),
            delete: Script::from_lua(include_str!("cache/delete.lua")),
        }))
    }

    /// Whether Redis answers on this connection; the error says why not.
    pub async fn ping(&self) -> Result<(), String> {
        self.link.ping().await
    }

    /// Goes back to a Redis that was given up once it answers. Runs for as long as the server does.
    pub async fn tend(&self) {
        self.link.tend().await;
    }

    async fn ask<T: fred::prelude::FromValue>(
        &self,
        script: &Script,
        keys: Vec<String>,
        arguments: Vec<Value>,
    ) -> Result<T, Away> {
        self.link.ask(script.evalsha_with_reload(self.link.client(), keys, arguments)).await.map_err(|_| Away)
    }

    async fn look_up(&self, key: &str) -> Result<Look, Away> {
        let found: Vec<Value> = self.ask(&self.look, vec![stored(key), CHANGES.to_owned()], Vec::new()).await?;
        match &found[..] {
            [slots, body] => {
                let body = body.as_bytes().and_then(codec::unpack);
                let slots = slots.as_str().and_then(|text| message::slots(&text));
                // What this release does not understand is as good as nothing.
                let (Some((body, links)), Some(slots)) = (body, slots) else { return Err(Away) };
                Ok(Look::Found(SharedAnswer { body, links, slots }))
            }
            [moment] => moment.as_u64().map(|moment| Look::Missing(Moment(moment))).ok_or(Away),
            _ => Err(Away),
        }
    }

    /// Walks over all answers, a page at a time.
    async fn delete_all(&self, pattern: &str, slots: &str) -> Result<u64, Away> {
        let (mut cursor, mut deleted) = ("0".to_owned(), 0);
        for _ in 0..PAGES_MAX {
            let arguments = vec![cursor.into(), pattern.into(), slots.into()];
            let (next, count): (String, u64) = self.ask(&self.delete, vec![CHANGES.to_owned()], arguments).await?;
            deleted += count;
            if next == "0" {
                return Ok(deleted);
            }
            cursor = next;
        }
        Err(Away)
    }
}

fn stored(key: &str) -> String {
    format!("{PREFIX}{key}")
}

impl SharedCache for RedisCache {
    fn look<'a>(&'a self, key: &'a str) -> Answering<'a, Look> {
        Box::pin(self.look_up(key))
    }

    fn keep<'a>(
        &'a self,
        key: &'a str,
        answer: &'a SharedAnswer,
        read_at: Moment,
        ttl: Duration,
    ) -> Answering<'a, bool> {
        Box::pin(async move {
            let Some(body) = codec::pack(&answer.body, answer.links.as_deref()) else { return Ok(false) };
            let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            let slots = message::text(&answer.slots);
            let arguments = vec![read_at.0.to_string().into(), slots.into(), Value::Bytes(body.into()), ttl.into()];
            let kept: u64 = self.ask(&self.keep, vec![stored(key), CHANGES.to_owned()], arguments).await?;
            Ok(kept == 1)
        })
    }

    fn tell<'a>(&'a self, change: &'a Change) -> Answering<'a, ()> {
        Box::pin(async move {
            let what = match change {
                Change::Tags(slots) => message::text(slots),
                Change::Key(_) | Change::Pattern(_) => "some".to_owned(),
                Change::Everything => "born".to_owned(),
            };
            let arguments = vec![what.into(), CHANNEL.into(), message::encode(self.node, change).into()];
            let _: u64 = self.ask(&self.tell, vec![CHANGES.to_owned()], arguments).await?;
            // In this order: what is kept after the walk was read after the change.
            match change {
                Change::Key(_) | Change::Pattern(_) => self.delete(change).await.map(drop),
                Change::Tags(_) | Change::Everything => Ok(()),
            }
        })
    }

    fn delete<'a>(&'a self, change: &'a Change) -> Answering<'a, u64> {
        Box::pin(async move {
            match change {
                Change::Tags(slots) => self.delete_all(&stored("*"), &message::text(slots)).await,
                // Of what means something in a pattern, keys have `?` only, which also stands for itself.
                Change::Key(key) => self.delete_all(&stored(key), "").await,
                Change::Pattern(pattern) => self.delete_all(&stored(pattern), "").await,
                Change::Everything => self.delete_all(&stored("*"), "").await,
            }
        })
    }

    fn is_reachable(&self) -> bool {
        self.link.is_reachable()
    }
}
