//! Breakers that all nodes share, in Redis.
//!
//! `boxoffice:ID:breaker:SERVICE` holds the number of the last opening that a node told of, for as long as that node leaves the service
//! alone. `ID` is the installation's. Nodes ask for it a few times a second instead of being told on a channel: a node that starts, or comes
//! back to Redis, learns of it all the same.

use std::{sync::Arc, time::Duration};

use domain::{
    breakers::{Opening, SharedBreakers, WatchedService},
    cache::{Answering, Away},
};
use fred::types::scripts::Script;
use metrics::counter;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    cache::RedisCache,
    rate_limits::SharedCounts,
    redis::{Purpose, RedisLink},
};

/// For Redis to answer. Nobody waits for it but the exchange itself.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(200);
const TELL: &str = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])";
const LATEST: &str = "return {redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1])}";

pub struct RedisBreakers {
    link: Arc<RedisLink>,
    /// What begins every key: other installations may use the same Redis.
    prefix: String,
    tell: Script,
    latest: Script,
}

impl RedisBreakers {
    /// Begins to connect to the Redis at `url`, and waits for nothing. Fails on a URL that is not right.
    pub fn connect(url: &SecretString, installation: Uuid) -> anyhow::Result<Arc<Self>> {
        let purpose = Purpose {
            lost: "Redis does not answer; each node opens its breakers alone",
            back: "Redis answers; nodes open their breakers together",
            failures: counter!("boxoffice_breaker_redis_failures_total"),
        };
        Ok(Arc::new(Self {
            link: RedisLink::connect(url, ANSWER_TIMEOUT, purpose)?,
            prefix: format!("boxoffice:{}:breaker:", installation.simple()),
            tell: Script::from_lua(TELL),
            latest: Script::from_lua(LATEST),
        }))
    }

    /// Goes back to a Redis that was given up once it answers. Runs for as long as the server does, and may be begun again.
    pub async fn tend(&self) {
        self.link.tend().await;
    }

    /// All connections of this node to Redis, as one service.
    pub fn connections(&self, cache: &RedisCache, counts: &SharedCounts) -> RedisConnections {
        RedisConnections([self.link.clone(), cache.link().clone(), counts.link().clone()])
    }

    fn key(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }
}

impl SharedBreakers for RedisBreakers {
    fn tell<'a>(&'a self, service: &'a str, opening: Opening) -> Answering<'a, ()> {
        Box::pin(async move {
            let arguments = vec![opening.id.to_string(), opening.rest.as_millis().max(1).to_string()];
            let question = self.tell.evalsha_with_reload::<(), _, _>(self.link.client(), self.key(service), arguments);
            self.link.ask(question).await.map_err(|_| Away)
        })
    }

    fn latest<'a>(&'a self, service: &'a str) -> Answering<'a, Option<Opening>> {
        Box::pin(async move {
            let (client, arguments) = (self.link.client(), Vec::<String>::new());
            let question = self.latest.evalsha_with_reload::<(String, i64), _, _>(client, self.key(service), arguments);
            let (id, rest) = self.link.ask(question).await.map_err(|_| Away)?;
            let rest = u64::try_from(rest).ok().map(Duration::from_millis);
            Ok(id.parse().ok().zip(rest).map(|(id, rest)| Opening { id, rest }))
        })
    }
}

/// Redis, as this node's clients see it: given up when one of them has given it up.
pub struct RedisConnections([Arc<RedisLink>; 3]);

impl WatchedService for RedisConnections {
    fn is_given_up(&self) -> bool {
        self.0.iter().any(|link| link.is_given_up())
    }

    fn failures(&self) -> u32 {
        self.0.iter().map(|link| link.failures()).max().unwrap_or(0)
    }
}
